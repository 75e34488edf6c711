//! Reading partitions.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use serde::de::DeserializeOwned;

use super::{Key, Table, decode, text};
use crate::Error;

impl Table {
    /// Reads up to `limit` items of a partition whose sort key begins with `prefix`, the greatest sort key first; only those
    /// below `before`, where it is given.
    pub(crate) async fn newest<T: DeserializeOwned>(
        &self,
        pk: &str,
        prefix: &str,
        before: Option<String>,
        limit: usize,
    ) -> Result<Vec<T>, Error> {
        let call = self.partition(pk).key_condition_expression("pk = :pk AND begins_with(sk, :prefix)");
        let call = call.expression_attribute_values(":prefix", text(prefix)).scan_index_forward(false);
        let call = call.set_exclusive_start_key(before.map(|sk| Key::new(pk, sk).attributes()));
        take(call, limit).await
    }

    /// Reads up to `limit` items of a partition, the smallest sort key first; only those above `after`, where it is given.
    pub(crate) async fn oldest<T: DeserializeOwned>(
        &self,
        pk: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<T>, Error> {
        let call = self.partition(pk).key_condition_expression("pk = :pk");
        let call = call.set_exclusive_start_key(after.map(|sk| Key::new(pk, sk).attributes()));
        take(call, limit).await
    }

    /// Reads up to `limit` items of a span of a partition, the greatest sort key first. The read is eventually consistent,
    /// which costs half.
    pub(crate) async fn span_newest<T: DeserializeOwned>(
        &self,
        pk: &str,
        span: &Span,
        limit: usize,
    ) -> Result<Vec<T>, Error> {
        let call = self.eventually(pk).key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to");
        take(span.of(call).scan_index_forward(false), limit).await
    }

    /// Reads up to `limit` items of a span of a partition, the smallest sort key first. This read is eventually consistent,
    /// too.
    pub(crate) async fn span_oldest<T: DeserializeOwned>(
        &self,
        pk: &str,
        span: &Span,
        limit: usize,
    ) -> Result<Vec<T>, Error> {
        let call = self.eventually(pk).key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to");
        take(span.of(call), limit).await
    }

    /// The same for a partition of an index, newest first. Reads of an index are always eventually consistent.
    pub(crate) async fn index_page<T: DeserializeOwned>(
        &self,
        index: &str,
        attribute: &str,
        partition: &str,
        span: &Span,
        limit: usize,
    ) -> Result<Vec<T>, Error> {
        let call = self.client.query().table_name(&self.name).index_name(index).scan_index_forward(false);
        let call = call
            .key_condition_expression(format!("{attribute} = :pk AND sk BETWEEN :from AND :to"))
            .expression_attribute_values(":pk", text(partition));
        take(span.of(call), limit).await
    }

    /// A consistent query of one partition.
    fn partition(&self, pk: &str) -> QueryFluentBuilder {
        self.eventually(pk).consistent_read(true)
    }

    /// An eventually consistent query of one partition.
    fn eventually(&self, pk: &str) -> QueryFluentBuilder {
        self.client.query().table_name(&self.name).expression_attribute_values(":pk", text(pk))
    }
}

/// A span of sort keys. Both ends are included.
pub(crate) struct Span {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Span {
    fn of(&self, call: QueryFluentBuilder) -> QueryFluentBuilder {
        call.expression_attribute_values(":from", text(&self.from))
            .expression_attribute_values(":to", text(&self.to))
    }
}

async fn take<T: DeserializeOwned>(call: QueryFluentBuilder, limit: usize) -> Result<Vec<T>, Error> {
    let page_size = i32::try_from(limit).ok();
    let mut pages = call.set_limit(page_size).into_paginator().items().send();
    let mut items = Vec::new();
    while items.len() < limit {
        let Some(item) = pages.next().await else { break };
        items.push(decode(item.map_err(|error| aws::Fault::of("Query", &error))?)?);
    }
    Ok(items)
}
