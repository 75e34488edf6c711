//! The few operations that every item needs. The modules of the two tables have only what is their own.

mod query;
mod transaction;
mod write;

use std::{collections::HashMap, fmt, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    types::{AttributeValue, KeysAndAttributes},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

pub(crate) use query::Span;
pub(crate) use transaction::Transacted;
pub(crate) use write::{Change, Condition, Returned};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The most items that one `BatchGetItem` takes.
const BATCH_GET_LIMIT: usize = 100;
/// How often a batch or a transaction is tried: DynamoDB may leave out part of a batch, and a transaction may meet a conflict.
const TRIES: u32 = 8;

#[derive(Clone)]
pub(crate) struct Table {
    client: Client,
    name: String,
}

/// An item's place.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    pub(crate) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    fn attributes(&self) -> Item {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }

    fn of(item: &Item) -> Self {
        let text = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        Self { pk: text("pk"), sk: text("sk") }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.pk, self.sk)
    }
}

impl Table {
    pub(crate) fn new(config: &aws::SdkConfig, name: String) -> Self {
        Self { client: Client::new(config), name }
    }

    /// Reads one item consistently.
    pub(crate) async fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, Error> {
        let call = self.client.get_item().table_name(&self.name).consistent_read(true);
        let answer = call.set_key(Some(key.attributes())).send().await;
        let answer = answer.map_err(|error| aws::Fault::of("GetItem", &error))?;
        answer.item.map(decode).transpose()
    }

    /// Reads items consistently, in any order. Those that do not exist are left out.
    pub(crate) async fn get_all<T: DeserializeOwned>(&self, keys: &[Key]) -> Result<Vec<T>, Error> {
        let mut items = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(BATCH_GET_LIMIT) {
            items.extend(self.get_chunk(chunk).await?);
        }
        items.into_iter().map(decode).collect()
    }

    async fn get_chunk(&self, keys: &[Key]) -> Result<Vec<Item>, Error> {
        let mut items = Vec::with_capacity(keys.len());
        let wanted = keys.iter().map(Key::attributes).collect();
        let request = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(wanted)).build();
        let mut wanted = request.map_err(|error| aws::Fault::new("BatchGetItem", error.to_string()))?;
        for attempt in 0..TRIES {
            let answer = self.client.batch_get_item().request_items(&self.name, wanted).send().await;
            let answer = answer.map_err(|error| aws::Fault::of("BatchGetItem", &error))?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            match answer.unprocessed_keys.unwrap_or_default().remove(&self.name) {
                None => return Ok(items),
                Some(rest) => wanted = rest,
            }
            pause(attempt).await;
        }
        Err(aws::Fault::new("BatchGetItem", "keys stayed unprocessed").into())
    }
}

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A set of texts. It must not be empty.
pub(crate) fn texts(values: impl Into<Vec<String>>) -> AttributeValue {
    AttributeValue::Ss(values.into())
}

pub(crate) fn number(value: impl Into<u64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

pub(crate) fn value<T: Serialize>(value: &T) -> Result<AttributeValue, Error> {
    serde_dynamo::to_attribute_value(value)
        .map_err(|error| Error::Corrupt { key: "a value to be written".into(), cause: error.to_string() })
}

fn encode<T: Serialize>(key: &Key, value: &T) -> Result<Item, Error> {
    let mut item: Item = serde_dynamo::to_item(value)
        .map_err(|error| Error::Corrupt { key: key.to_string(), cause: error.to_string() })?;
    item.extend(key.attributes());
    Ok(item)
}

fn decode<T: DeserializeOwned>(item: Item) -> Result<T, Error> {
    let key = Key::of(&item);
    serde_dynamo::from_item(item)
        .map_err(|error| Error::Corrupt { key: key.to_string(), cause: error.to_string() })
}

fn is<E, R>(error: &SdkError<E, R>, test: impl Fn(&E) -> bool) -> bool {
    error.as_service_error().is_some_and(test)
}

/// Waits a little before trying again: 10 ms doubling to 1.3 s.
async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
}
