//! Writing single items, under conditions.

use std::{borrow::Cow, collections::HashMap};

use aws_sdk_dynamodb::{
    operation::{delete_item::DeleteItemError, put_item::PutItemError, update_item::UpdateItemError},
    types::{AttributeValue, ReturnValue},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Item, Key, Table, decode, encode, is};
use crate::Error;

impl Table {
    /// Writes an item. One that was there is replaced.
    pub(crate) async fn put<T: Serialize>(&self, key: &Key, value: &T) -> Result<(), Error> {
        let call = self.client.put_item().table_name(&self.name).set_item(Some(encode(key, value)?));
        call.send().await.map_err(|error| aws::Fault::of("PutItem", &error))?;
        Ok(())
    }

    /// Writes an item if the condition holds. True if it was written.
    pub(crate) async fn put_if<T: Serialize>(
        &self,
        key: &Key,
        value: &T,
        condition: Condition,
    ) -> Result<bool, Error> {
        let call = self.client.put_item().table_name(&self.name).set_item(Some(encode(key, value)?));
        let call = call
            .condition_expression(condition.expression.as_ref())
            .set_expression_attribute_values(condition.values_or_none());
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error) if is(&error, PutItemError::is_conditional_check_failed_exception) => Ok(false),
            Err(error) => Err(aws::Fault::of("PutItem", &error).into()),
        }
    }

    /// Changes an item if the condition holds. True if it was changed.
    pub(crate) async fn update_if(
        &self,
        key: &Key,
        change: Change,
        condition: Condition,
    ) -> Result<bool, Error> {
        Ok(self.update(key, change, condition, Returned::Nothing).await?.is_some())
    }

    async fn update(
        &self,
        key: &Key,
        change: Change,
        condition: Condition,
        returned: Returned,
    ) -> Result<Option<Item>, Error> {
        let call = self.client.update_item().table_name(&self.name).set_key(Some(key.attributes()));
        let condition_expression = condition.expression_or_none();
        let values: Item = change.values.into_iter().chain(condition.values).collect();
        let call = call
            .update_expression(change.expression)
            .set_condition_expression(condition_expression)
            .set_expression_attribute_names(change.names)
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values(returned.into());
        match call.send().await {
            Ok(answer) => Ok(Some(answer.attributes.unwrap_or_default())),
            Err(error) if is(&error, UpdateItemError::is_conditional_check_failed_exception) => Ok(None),
            Err(error) => Err(aws::Fault::of("UpdateItem", &error).into()),
        }
    }

    /// Changes an item and returns it, as it was before or is after the change. `None` if the condition did not hold.
    pub(crate) async fn update_returning<T: DeserializeOwned>(
        &self,
        key: &Key,
        change: Change,
        condition: Condition,
        returned: Returned,
    ) -> Result<Option<T>, Error> {
        self.update(key, change, condition, returned).await?.map(decode).transpose()
    }

    /// Deletes an item if the condition holds.
    pub(crate) async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool, Error> {
        let call = self.client.delete_item().table_name(&self.name).set_key(Some(key.attributes()));
        let call = call
            .condition_expression(condition.expression.as_ref())
            .set_expression_attribute_values(condition.values_or_none());
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error) if is(&error, DeleteItemError::is_conditional_check_failed_exception) => Ok(false),
            Err(error) => Err(aws::Fault::of("DeleteItem", &error).into()),
        }
    }

    /// Deletes an item, whether it is there or not.
    pub(crate) async fn delete(&self, key: &Key) -> Result<(), Error> {
        let call = self.client.delete_item().table_name(&self.name).set_key(Some(key.attributes()));
        call.send().await.map_err(|error| aws::Fault::of("DeleteItem", &error))?;
        Ok(())
    }
}

/// What an update answers with.
pub(crate) enum Returned {
    Nothing,
    /// The whole item before the change.
    Before,
    /// The whole item after it.
    After,
}

impl From<Returned> for ReturnValue {
    fn from(returned: Returned) -> Self {
        match returned {
            Returned::Nothing => Self::None,
            Returned::Before => Self::AllOld,
            Returned::After => Self::AllNew,
        }
    }
}

/// What must hold for a write to happen.
pub(crate) struct Condition {
    pub(super) expression: Cow<'static, str>,
    pub(super) values: Item,
}

impl Condition {
    pub(crate) fn new(expression: &'static str) -> Self {
        Self { expression: expression.into(), values: HashMap::new() }
    }

    /// Both must hold.
    pub(crate) fn and(self, other: Condition) -> Self {
        let expression = format!("({}) AND ({})", self.expression, other.expression);
        Self { expression: expression.into(), values: self.values.into_iter().chain(other.values).collect() }
    }

    /// The condition that always holds.
    pub(crate) fn none() -> Self {
        Self::new("")
    }

    pub(crate) fn absent() -> Self {
        Self::new("attribute_not_exists(pk)")
    }

    pub(crate) fn present() -> Self {
        Self::new("attribute_exists(pk)")
    }

    pub(crate) fn with(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    fn expression_or_none(&self) -> Option<String> {
        (!self.expression.is_empty()).then(|| self.expression.clone().into_owned())
    }

    fn values_or_none(self) -> Option<Item> {
        (!self.values.is_empty()).then_some(self.values)
    }
}

/// An update expression, with its values, and with other spellings of the names in it that are reserved words.
pub(crate) struct Change {
    pub(super) expression: Cow<'static, str>,
    pub(super) values: Item,
    names: Option<HashMap<String, String>>,
}

impl Change {
    pub(crate) fn new(expression: impl Into<Cow<'static, str>>) -> Self {
        Self { expression: expression.into(), values: HashMap::new(), names: None }
    }

    pub(crate) fn named(mut self, placeholder: &'static str, name: &'static str) -> Self {
        self.names.get_or_insert_default().insert(placeholder.to_owned(), name.to_owned());
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }
}
