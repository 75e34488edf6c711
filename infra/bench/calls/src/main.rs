//! A baseline: a handler that makes as many calls of the AWS SDK as a function makes, and does nothing else.
//!
//! `BENCH_CALLS` says how many of each operation, as JSON; `BENCH_HANDLER` whether it is an `http` handler (`lambda_http`) or
//! handles a batch of `sqs` (`lambda_runtime`). At most ten calls are under way at a time. What is read does not exist; what is
//! written has 600 bytes, and a batch of messages ten times 1 KiB. An operation that is not known here is an error: made as
//! another one, or left out, it would make the baseline cheaper or dearer in silence.

use std::{collections::BTreeMap, env};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lambda_http::{Body, Response};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

const AT_ONCE: usize = 10;
const BATCH: usize = 10;
const WRITTEN_BYTES: usize = 600;
const MESSAGE_BYTES: usize = 1024;

/// What is called, by AWS's names: every operation that a function calls while it publishes, routes or delivers, and all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum Operation {
    GetItem,
    BatchGetItem,
    Query,
    PutItem,
    UpdateItem,
    PutEvents,
    SendMessageBatch,
}

struct Calls {
    operations: Vec<Operation>,
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

/// The calls of one invocation. Errors: an operation that is not known here, by its name.
fn operations(counts: &str) -> Result<Vec<Operation>> {
    let counts: BTreeMap<Operation, usize> =
        serde_json::from_str(counts).map_err(|error| format!("BENCH_CALLS: {error}"))?;
    let repeated = counts.into_iter().flat_map(|(operation, count)| std::iter::repeat_n(operation, count));
    Ok(repeated.collect())
}

impl Calls {
    async fn of_environment() -> Result<Self> {
        let operations = operations(&variable("BENCH_CALLS")?)?;
        let aws = aws::config().await;
        Ok(Self {
            operations,
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
        let calls = operations.map(|operation| async move { self.make_one(operation).await });
        calls.buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn make_one(&self, operation: Operation) -> Result<()> {
        match operation {
            Operation::GetItem => self.get_item().await,
            Operation::BatchGetItem => self.batch_get_item().await,
            Operation::Query => self.query().await,
            Operation::PutItem => self.put_item().await,
            Operation::UpdateItem => self.update_item().await,
            Operation::PutEvents => self.put_events().await,
            Operation::SendMessageBatch => self.send_message_batch().await,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_made_as_often_as_it_is_asked_for() {
        let calls = operations(r#"{"PutItem":1,"Query":4}"#).unwrap();
        assert_eq!(
            calls,
            [Operation::Query, Operation::Query, Operation::Query, Operation::Query, Operation::PutItem]
        );
    }

    #[test]
    fn an_operation_that_is_not_known_is_an_error_that_names_it() {
        let failure = operations(r#"{"PutItem":1,"TransactWriteItems":1}"#).unwrap_err();
        assert!(failure.to_string().contains("TransactWriteItems"), "{failure}");
    }
}
