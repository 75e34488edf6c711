//! Publishing to the event bus.

use std::time::Duration;

use aws::SdkConfig;
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use domain::{audience::Audience, event::Event};

use crate::{
    Error,
    envelope::{Detail, source_of},
};

/// The most entries of one `PutEvents`.
const MAX_ENTRIES: usize = 10;
/// The most bytes of one `PutEvents`, all entries together. Since January 2026, AWS takes less than 1 MB. It does not say
/// whether that is 1,000,000 bytes or 1 MiB, so this is below both. The largest event takes 267 KiB, so three of them fit into
/// one call.
const MAX_BYTES: usize = 999_999;
/// How often entries are sent in all, if the bus does not take them.
const TRIES: u32 = 5;

/// The event bus.
#[derive(Clone)]
pub struct Bus {
    client: Client,
    name: String,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bus({})", self.name)
    }
}

impl Bus {
    /// The bus of this name.
    pub fn new(config: &SdkConfig, name: String) -> Self {
        Self { client: Client::new(config), name }
    }

    /// Publishes an event. When this returns `Ok`, the bus has the event. AWS keeps it in several places before it answers.
    pub async fn publish(&self, event: &Event, audience: Audience) -> Result<(), Error> {
        match self.put(vec![self.entry(event, audience)?]).await.pop() {
            Some(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Publishes events to their subscribers, in calls within the bus's limits of count and size. Returns one result for each
    /// event, in their order.
    pub async fn publish_all(&self, events: &[Event]) -> Result<Vec<Result<(), Error>>, Error> {
        let entries: Vec<_> =
            events.iter().map(|event| self.entry(event, Audience::Subscribers)).collect::<Result<_, _>>()?;
        let mut results = Vec::with_capacity(entries.len());
        for chunk in chunks(entries) {
            results.extend(self.put(chunk).await);
        }
        Ok(results)
    }

    /// Puts entries, which are within the limits. `PutEvents` may refuse single entries: these are tried again.
    async fn put(&self, entries: Vec<PutEventsRequestEntry>) -> Vec<Result<(), Error>> {
        let mut results: Vec<Result<(), Error>> = entries.iter().map(|_| Ok(())).collect();
        let mut open: Vec<_> = entries.into_iter().enumerate().collect();

        for attempt in 0..TRIES {
            let call =
                open.iter().fold(self.client.put_events(), |call, (_, entry)| call.entries(entry.clone()));
            let refusals: Vec<Option<aws::Fault>> = match call.send().await {
                Ok(answer) => {
                    let codes = answer.entries().iter().map(|entry| entry.error_code());
                    codes.map(|code| code.map(|code| aws::Fault::new("PutEvents", code))).collect()
                }
                Err(error) => vec![Some(aws::Fault::of("PutEvents", &error)); open.len()],
            };

            let answered = open.into_iter().zip(refusals);
            open = answered
                .filter_map(|((position, entry), refusal)| {
                    let refused = refusal.is_some();
                    results[position] = refusal.map_or(Ok(()), |fault| Err(fault.into()));
                    refused.then_some((position, entry))
                })
                .collect();

            if open.is_empty() || attempt + 1 == TRIES {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
        }
        results
    }

    fn entry(&self, event: &Event, audience: Audience) -> Result<PutEventsRequestEntry, Error> {
        Ok(PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(source_of(event))
            .detail_type(&event.event_type)
            .detail(serde_json::to_string(&Detail::of(event, audience))?)
            .build())
    }
}

fn chunks(entries: Vec<PutEventsRequestEntry>) -> Vec<Vec<PutEventsRequestEntry>> {
    let mut chunks: Vec<Vec<PutEventsRequestEntry>> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let size = size_of(&entry);
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < MAX_ENTRIES && bytes + size <= MAX_BYTES => {
                bytes += size;
                chunk.push(entry);
            }
            _ => {
                bytes = size;
                chunks.push(vec![entry]);
            }
        }
    }
    chunks
}

/// An entry's size as AWS counts it: source, detail type and detail.
fn size_of(entry: &PutEventsRequestEntry) -> usize {
    [entry.source(), entry.detail_type(), entry.detail()].into_iter().flatten().map(str::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(bytes: usize) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder().detail("x".repeat(bytes)).build()
    }

    #[test]
    fn entries_are_split_by_count_and_by_size() {
        let sizes =
            |entries: Vec<PutEventsRequestEntry>| chunks(entries).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes((0..25).map(|_| entry(1)).collect()), [10, 10, 5]);
        assert_eq!(sizes((0..4).map(|_| entry(400 * 1024)).collect()), [2, 2]);
        assert_eq!(sizes(vec![entry(1), entry(MAX_BYTES), entry(1)]), [1, 1, 1]);
        assert_eq!(sizes(vec![]), Vec::<usize>::new());
    }
}
