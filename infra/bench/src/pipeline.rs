//! The functions before the one that is measured: they make what it is handed, as they make it when they are deployed.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    Result,
    answers::{expect_all_published, expect_no_failures, expect_status},
    process::How,
    stage::{DELIVERIES, EVENTS, Function, Stage},
};

/// The most events that one request publishes.
const MAX_PUBLISHED: usize = 100;
/// Bytes of each event's data.
pub const DATA_BYTES: usize = 600;
/// Published, and subscribed to by every endpoint.
const EVENT_TYPE: &str = "send.email.sent";

/// An organization with its endpoints, all at the stage's receiver.
#[derive(Debug)]
pub struct Customer {
    key: String,
}

/// The functions that prepare messages for the one that is measured.
#[derive(Debug)]
pub struct Pipeline<'a> {
    stage: &'a Stage,
    api: Function,
    fan_out: Function,
    published: usize,
}

impl<'a> Pipeline<'a> {
    /// Starts the API function and fan-out.
    pub async fn start(stage: &'a Stage) -> Result<Self> {
        let start = async |name: &str, function: &str| {
            let path = stage.folders.bootstrap(function);
            stage.start_function(name, function, &path, &BTreeMap::new(), How::Plain).await
        };
        let api = start("pipeline-api", "api").await?;
        let fan_out = start("pipeline-fan_out", "fan_out").await?;
        Ok(Self { stage, api, fan_out, published: 0 })
    }

    /// A new organization with so many endpoints, each of which gets every event.
    pub async fn customer(&mut self, endpoints: usize) -> Result<Customer> {
        let customer = Customer { key: self.stage.organization().await? };

        for number in 0..endpoints {
            let url = format!("http://{}/hooks/{number}", self.stage.receiver());
            let body = json!({ "url": url, "enabled_events": [EVENT_TYPE] }).to_string();
            let created = self.api.invoke(customer.request("/v1/webhooks", &body)).await?;
            expect_status(&created, 201)?;
        }
        Ok(customer)
    }

    /// Requests that publish one event each.
    pub fn requests(&mut self, customer: &Customer, count: usize) -> Vec<Bytes> {
        (0..count).map(|_| customer.request("/v1/events", &self.event())).collect()
    }

    /// So many batches of so many events each, as the events queue hands them to fan-out.
    pub async fn events(&mut self, customer: &Customer, batches: usize, of: usize) -> Result<Vec<Bytes>> {
        self.stage.tidy().await?;
        let mut left = batches * of;
        while left > 0 {
            let count = left.min(MAX_PUBLISHED);
            let events: Vec<_> = (0..count).map(|_| self.event()).collect();
            let body = format!(r#"{{"events":[{}]}}"#, events.join(","));
            let published = self.api.invoke(customer.request("/v1/events/batch", &body)).await?;
            expect_all_published(&published, count)?;
            left -= count;
        }
        self.take(EVENTS, batches, of).await
    }

    /// So many batches of so many deliveries each, as the deliveries queue hands them to deliver.
    pub async fn deliveries(&mut self, customer: &Customer, batches: usize, of: usize) -> Result<Vec<Bytes>> {
        for batch in self.events(customer, batches, of).await? {
            expect_no_failures(&self.fan_out.invoke(batch).await?)?;
        }
        self.take(DELIVERIES, batches, of).await
    }

    async fn take(&self, queue: &str, batches: usize, of: usize) -> Result<Vec<Bytes>> {
        let mut taken = Vec::with_capacity(batches);
        for _ in 0..batches {
            let batch = self.stage.receive(queue, of).await?;
            let event: Value = serde_json::from_slice(&batch)?;
            let found = event["Records"].as_array().map_or(0, Vec::len);
            if found != of {
                return Err(format!("{queue} had {found} messages where {of} were expected").into());
            }
            taken.push(batch);
        }
        Ok(taken)
    }

    /// An event with [`DATA_BYTES`] of data: text as services write it, another in each.
    fn event(&mut self) -> String {
        self.published += 1;
        let head =
            format!(r#"{{"messageId":"msg_{:08}","to":["user@example.com"],"subject":""#, self.published);
        let words = "Your order has left our warehouse and should be with you within three days. ";
        let length = DATA_BYTES - head.len() - r#""}"#.len();
        let subject: String = words.chars().cycle().take(length).collect();
        format!(r#"{{"type":"{EVENT_TYPE}","data":{head}{subject}"}}}}"#)
    }
}

impl Customer {
    /// A POST with a JSON body, as an HTTP API hands it to its function (payload format 2.0).
    fn request(&self, path: &str, body: &str) -> Bytes {
        let request = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {
                "accept": "*/*",
                "authorization": format!("Bearer {}", self.key),
                "content-length": body.len().to_string(),
                "content-type": "application/json",
                "host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
                "user-agent": "curl/8.5.0",
                "x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793",
                "x-forwarded-for": "203.0.113.7",
                "x-forwarded-port": "443",
                "x-forwarded-proto": "https",
            },
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "a1b2c3d4e5",
                "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
                "domainPrefix": "a1b2c3d4e5",
                "http": {
                    "method": "POST",
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.7",
                    "userAgent": "curl/8.5.0",
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": "$default",
                "stage": "$default",
                "time": "21/Nov/2026:15:00:00 +0000",
                "timeEpoch": 1_795_273_200_000_u64,
            },
            "body": body,
            "isBase64Encoded": false,
        });
        request.to_string().into()
    }
}
