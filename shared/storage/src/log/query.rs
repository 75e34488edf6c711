//! Queries of the event log: a merge over the partitions that a filter names, newest or oldest first.
//!
//! Each partition is read in chunks: a small one first, then twice as many items each time. A partition is read on only when
//! its chunk is used up. So a page reads about as many items as it returns, plus a small chunk for each partition that it
//! names. And a busy type needs few reads, one after the other.

use std::collections::VecDeque;

use domain::{
    Timestamp,
    event::RETENTION,
    ids::{EventId, Lane, OrganizationId},
    pattern::Pattern,
};
use futures::future::try_join_all;

use super::{
    Log, LoggedEvent,
    events::{self, EventItem},
};
use crate::{Error, table::Span};

/// A page ends when its events' data reaches this size, as a Lambda function returns it. So the answer stays below the 6 MB
/// that a function may return.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// The smallest chunk.
const MIN_CHUNK: usize = 4;

/// Which events a query wants, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// Only those whose type matches.
    pub pattern: Option<Pattern>,
    /// Only those of this service.
    pub service: Option<String>,
    /// Only live ones, or only test ones.
    pub livemode: Option<bool>,
    /// Only those that were created at this time or later.
    pub after: Option<Timestamp>,
    /// Only those that were created before this time.
    pub before: Option<Timestamp>,
    /// Oldest first instead of newest first.
    pub ascending: bool,
}

/// A page of events, and whether there are more.
#[derive(Debug)]
pub struct EventPage {
    /// The events, in the filter's order.
    pub events: Vec<LoggedEvent>,
    /// Whether more follow.
    pub has_more: bool,
}

/// One partition, with the items that were read and not used yet.
struct Source {
    partition: String,
    buffer: VecDeque<EventItem>,
    span: Span,
    /// How many items are read next.
    chunk: usize,
    exhausted: bool,
}

/// A text's size inside a JSON string. A Lambda function returns its response in such a string.
fn escaped_bytes(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t')).count()
}

impl EventFilter {
    fn wants(&self, event_type: &str) -> bool {
        let pattern = self.pattern.as_ref().is_none_or(|pattern| pattern.matches(event_type));
        pattern
            && self.service.as_ref().is_none_or(|service| domain::event::service_of(event_type) == service)
    }

    /// The first and the last id that the query may return: in the filter's time, after `position` in its order, and still kept
    /// at `now`.
    fn span(&self, position: Option<EventId>, now: Timestamp) -> (EventId, EventId) {
        // What expires in this very second is no longer kept.
        let retention = i64::try_from(RETENTION.as_secs()).unwrap_or(i64::MAX);
        let oldest_kept = Timestamp::from_millis((now.seconds() + 1 - retention).max(0) * 1_000);
        let from = EventId::first_of(self.after.unwrap_or(oldest_kept).max(oldest_kept));
        let to = EventId::first_of(self.before.unwrap_or(Timestamp::MAX)).just_before();
        match position {
            None => (from, to),
            Some(position) if self.ascending => (from.max(position.just_after()), to),
            Some(position) => (from, to.min(position.just_before())),
        }
    }
}

impl Log {
    /// A page of at most `limit` events that the filter wants, after `position` in its order.
    pub async fn events(
        &self,
        organization: OrganizationId,
        filter: &EventFilter,
        position: Option<EventId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<EventPage, Error> {
        let (from, to) = filter.span(position, now);
        if to < from {
            return Ok(EventPage { events: Vec::new(), has_more: false });
        }

        let partitions = self.partitions_of(organization, filter).await?;
        let share = (2 * (limit + 1)).div_ceil(partitions.len().max(1));
        let chunk = share.max(MIN_CHUNK).min(limit + 1);

        let source = |partition| Source {
            partition,
            buffer: VecDeque::new(),
            span: Span { from: from.to_string(), to: to.to_string() },
            chunk,
            exhausted: false,
        };
        let mut sources: Vec<_> = partitions.into_iter().map(source).collect();

        let mut page = Vec::with_capacity(limit);
        let mut bytes = 0;

        while let Some(item) = self.next_of(&mut sources, limit + 1, filter.ascending).await? {
            if page.len() == limit || (bytes >= MAX_PAGE_BYTES && !page.is_empty()) {
                return Ok(EventPage { events: page, has_more: true });
            }
            if item.is_kept(now) {
                let logged = item.into_logged(organization)?;
                bytes += escaped_bytes(logged.event.data.as_json());
                page.push(logged);
            }
        }
        Ok(EventPage { events: page, has_more: false })
    }

    async fn partitions_of(
        &self,
        organization: OrganizationId,
        filter: &EventFilter,
    ) -> Result<Vec<String>, Error> {
        let modes =
            [true, false].into_iter().filter(|mode| filter.livemode.is_none_or(|wanted| wanted == *mode));
        let types = modes.map(|livemode| async move {
            Ok::<_, Error>((livemode, self.type_partitions(organization, livemode).await?))
        });
        let mut partitions = Vec::new();
        for (livemode, types) in try_join_all(types).await? {
            for found in types.into_iter().filter(|found| filter.wants(&found.event_type)) {
                let lanes = (0..found.shards).map(|shard| Lane { livemode, shard });
                partitions.extend(lanes.map(|lane| events::partition(organization, &found.event_type, lane)));
            }
        }
        Ok(partitions)
    }

    /// The next event in order over all sources. It reads on where a source is used up.
    async fn next_of(
        &self,
        sources: &mut [Source],
        largest_chunk: usize,
        ascending: bool,
    ) -> Result<Option<EventItem>, Error> {
        let empty = sources.iter_mut().filter(|source| source.buffer.is_empty() && !source.exhausted);
        try_join_all(empty.map(|source| self.read_on(source, largest_chunk, ascending))).await?;
        let heads = sources.iter_mut().filter(|source| !source.buffer.is_empty());
        let head = |source: &&mut Source| source.buffer.front().map(EventItem::id);
        let next = if ascending { heads.min_by_key(head) } else { heads.max_by_key(head) };
        Ok(next.and_then(|source| source.buffer.pop_front()))
    }

    async fn read_on(&self, source: &mut Source, largest_chunk: usize, ascending: bool) -> Result<(), Error> {
        let chunk = source.chunk;
        source.chunk = (2 * chunk).min(largest_chunk);
        let items: Vec<EventItem> = if ascending {
            self.table.span_oldest(&source.partition, &source.span, chunk).await?
        } else {
            self.table.span_newest(&source.partition, &source.span, chunk).await?
        };
        source.exhausted = items.len() < chunk;
        if let Some(last) = items.last() {
            if ascending {
                source.span.from = last.id().just_after().to_string();
            } else {
                source.span.to = last.id().just_before().to_string();
            }
            source.exhausted |= source.span.to < source.span.from;
        }
        source.buffer.extend(items);
        Ok(())
    }
}
