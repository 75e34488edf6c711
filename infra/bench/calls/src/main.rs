//! A baseline: a handler that makes as many calls of the AWS SDK as a function makes, and does nothing else.
//!
//! `BENCH_CALLS` says how many of each operation, as JSON; `BENCH_HANDLER` whether it is an `http` handler (`lambda_http`) or
//! handles a batch of `sqs` (`lambda_runtime`). At most ten calls are under way at a time. What is read does not exist; what is
//! written has 600 bytes, and a batch of messages ten times 1 KiB. An operation that is not known here is made as a `GetItem`.

use std::{collections::BTreeMap, env};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lambda_http::{Body, Response};
use lambda_runtime::{LambdaEvent, service_fn};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

const AT_ONCE: usize = 10;
const BATCH: usize = 10;
const WRITTEN_BYTES: usize = 600;
const MESSAGE_BYTES: usize = 1024;

struct Calls {
    operations: Vec<String>,
    dynamodb: aws_sdk_dynamodb::Client,
    eventbridge: aws_sdk_eventbridge::Client,
    sqs: aws_sdk_sqs::Client,
    table: String,
    bus: String,
    queue: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let calls = Calls::of_environment().await?;
    let calls = &calls;
    match variable("BENCH_HANDLER")?.as_str() {
        "http" => {
            let handler = |_| async move {
                calls.make().await?;
                Ok::<_, Failure>(Response::builder().status(202).body(Body::Empty)?)
            };
            lambda_http::run(lambda_http::service_fn(handler)).await
        }
        "sqs" => {
            let handler = |_: LambdaEvent<SqsEvent>| async move {
                calls.make().await?;
                Ok::<_, Failure>(SqsBatchResponse::default())
            };
            lambda_runtime::run(service_fn(handler)).await
        }
        other => Err(format!("BENCH_HANDLER is {other}, neither http nor sqs").into()),
    }
}

fn variable(name: &str) -> Result<String> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}

impl Calls {
    async fn of_environment() -> Result<Self> {
        let counts: BTreeMap<String, usize> = serde_json::from_str(&variable("BENCH_CALLS")?)?;
        let operations = counts.into_iter().flat_map(|(name, count)| std::iter::repeat_n(name, count));
        let aws = aws::config().await;
        Ok(Self {
            operations: operations.collect(),
            dynamodb: aws_sdk_dynamodb::Client::new(&aws),
            eventbridge: aws_sdk_eventbridge::Client::new(&aws),
            sqs: aws_sdk_sqs::Client::new(&aws),
            table: variable("LOG_TABLE")?,
            bus: variable("EVENT_BUS")?,
            queue: variable("DELIVERIES_QUEUE_URL")?,
        })
    }

    async fn make(&self) -> Result<()> {
        let operations = stream::iter(self.operations.clone());
        let calls = operations.map(|operation| async move { self.make_one(&operation).await });
        calls.buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn make_one(&self, operation: &str) -> Result<()> {
        match operation {
            "PutItem" => self.put_item().await,
            "UpdateItem" => self.update_item().await,
            "BatchGetItem" => self.batch_get_item().await,
            "Query" => self.query().await,
            "PutEvents" => self.put_events().await,
            "SendMessageBatch" => self.send_message_batch().await,
            _ => self.get_item().await,
        }
    }

    async fn get_item(&self) -> Result<()> {
        let call = self.dynamodb.get_item().table_name(&self.table);
        call.key("pk", text("BENCH#none")).key("sk", text("none")).consistent_read(true).send().await?;
        Ok(())
    }

    async fn batch_get_item(&self) -> Result<()> {
        let key = |number: usize| {
            let key = [("pk", "BENCH#none".to_owned()), ("sk", number.to_string())];
            key.into_iter().map(|(name, value)| (name.to_owned(), AttributeValue::S(value))).collect()
        };
        let keys = (0..BATCH).map(key).collect();
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build()?;
        self.dynamodb.batch_get_item().request_items(&self.table, keys).send().await?;
        Ok(())
    }

    async fn query(&self) -> Result<()> {
        let call = self.dynamodb.query().table_name(&self.table).key_condition_expression("pk = :pk");
        call.expression_attribute_values(":pk", text("BENCH#none")).consistent_read(true).send().await?;
        Ok(())
    }

    async fn put_item(&self) -> Result<()> {
        let call = self.dynamodb.put_item().table_name(&self.table);
        let data = text(&"x".repeat(WRITTEN_BYTES));
        call.item("pk", text("BENCH#one")).item("sk", text("one")).item("data", data).send().await?;
        Ok(())
    }

    async fn update_item(&self) -> Result<()> {
        let call = self.dynamodb.update_item().table_name(&self.table);
        let call = call.key("pk", text("BENCH#one")).key("sk", text("count")).update_expression("ADD n :one");
        call.expression_attribute_values(":one", AttributeValue::N("1".into())).send().await?;
        Ok(())
    }

    async fn put_events(&self) -> Result<()> {
        let detail = format!(r#"{{"data":"{}"}}"#, "x".repeat(WRITTEN_BYTES));
        // Not dodev.*: no rule takes it further.
        let entry = PutEventsRequestEntry::builder().event_bus_name(&self.bus).source("bench");
        let entry = entry.detail_type("bench").detail(detail).build();
        self.eventbridge.put_events().entries(entry).send().await?;
        Ok(())
    }

    async fn send_message_batch(&self) -> Result<()> {
        let entry = |number: usize| {
            let entry = SendMessageBatchRequestEntry::builder().id(number.to_string());
            entry.message_body("x".repeat(MESSAGE_BYTES)).build()
        };
        let entries = (0..BATCH).map(entry).collect::<std::result::Result<_, _>>()?;
        self.sqs.send_message_batch().queue_url(&self.queue).set_entries(Some(entries)).send().await?;
        Ok(())
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
