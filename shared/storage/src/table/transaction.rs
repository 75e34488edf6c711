//! Writing several items together.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Delete, Put, TransactWriteItem, Update},
};
use serde::Serialize;

use super::{Change, Condition, Key, TRIES, Table, encode, pause};
use crate::Error;

/// How a transaction ended.
pub(crate) enum Transacted {
    Done,
    /// A condition did not hold, so nothing was written.
    Refused,
}

impl Table {
    /// Writes all of the items or none. It tries again when others write the same items at the same time.
    pub(crate) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Transacted, Error> {
        for attempt in 0..TRIES {
            let call = self.client.transact_write_items().set_transact_items(Some(items.clone()));
            match call.send().await {
                Ok(_) => return Ok(Transacted::Done),
                Err(error) => match cancellation(&error) {
                    Some(Cancellation::Refused) => return Ok(Transacted::Refused),
                    Some(Cancellation::Contended) => pause(attempt).await,
                    None => return Err(aws::Fault::of("TransactWriteItems", &error).into()),
                },
            }
        }
        Err(Error::Contended { key: self.name.clone() })
    }

    /// A transaction's part that writes an item unless one is there.
    pub(crate) fn putting<T: Serialize>(&self, key: &Key, value: &T) -> Result<TransactWriteItem, Error> {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(encode(key, value)?))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(|error| aws::Fault::new("TransactWriteItems", error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A transaction's part that deletes an item that must exist.
    pub(crate) fn deleting(&self, key: &Key) -> Result<TransactWriteItem, Error> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(|error| aws::Fault::new("TransactWriteItems", error.to_string()))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// A transaction's part that changes an item under a condition.
    pub(crate) fn updating(
        &self,
        key: &Key,
        change: Change,
        condition: Condition,
    ) -> Result<TransactWriteItem, Error> {
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .update_expression(change.expression)
            .condition_expression(condition.expression)
            .set_expression_attribute_values(Some(
                change.values.into_iter().chain(condition.values).collect(),
            ))
            .build()
            .map_err(|error| aws::Fault::new("TransactWriteItems", error.to_string()))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

enum Cancellation {
    /// A condition did not hold.
    Refused,
    /// Others were writing the same items.
    Contended,
}

fn cancellation<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Cancellation> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.as_service_error()? else {
        return None;
    };
    let has = |code: &str| cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code));
    if has("ConditionalCheckFailed") {
        Some(Cancellation::Refused)
    } else if has("TransactionConflict") || has("ThrottlingError") {
        Some(Cancellation::Contended)
    } else {
        None
    }
}
