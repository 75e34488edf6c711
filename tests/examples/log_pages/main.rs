//! What a page of the event log costs, by how many events one organization has.
//!
//! `cargo run --profile measuring -p tests --example log_pages [EVENTS [SHARDS]]`. Without arguments: 1,000, 100,000 and
//! 1,000,000 events, one shard for each type, in about five minutes and 2 GB of memory. With `SHARDS`, types of more than
//! one event in a hundred are spread over so many.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people at a terminal"
)]

use std::{
    env, fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    Timestamp,
    catalogue::{Catalogue, EventType},
    event::{Event, RETENTION},
    ids::{EventId, Lane, OrganizationId},
    pattern::Pattern,
};
use measuring::{Cost, measure, ms, print_machine, print_table, read_units, thousands};
use source::{MOST_FREQUENT, RARE, Source};
use storage::{EventFilter, EventPage, Log, LoggedEvent, Stored};
use tests::{
    aws::{Aws, Call},
    platform::Platform,
};

#[path = "../measuring/mod.rs"]
mod measuring;
mod source;

const PAGE: usize = 25;
const LOADERS: usize = 4;
const HOUR: Duration = Duration::from_hours(1);

#[tokio::main]
async fn main() {
    let arguments: Vec<usize> =
        env::args().skip(1).map(|number| number.replace([',', '_'], "").parse().expect("a number")).collect();
    let numbers = arguments.first().map_or(vec![1_000, 100_000, 1_000_000], |events| vec![*events]);
    let shards = arguments.get(1).map_or(1, |shards| u8::try_from(*shards).expect("a number of shards"));
    let mut reports = Vec::new();
    for events in numbers {
        let stage = Stage::load(events, shards).await;
        print_machine();
        reports.push((thousands(events), stage.report().await));
    }
    if let Some((_, largest)) = reports.last().filter(|_| reports.len() > 1) {
        print_comparison(&reports, largest);
    }
}

/// The pages that were read of the most events, beside the same of fewer.
fn print_comparison(reports: &[(String, Vec<Row>)], largest: &[Row]) {
    let mut columns = vec!["read units and ms, of so many events"];
    columns.extend(reports.iter().map(|(events, _)| events.as_str()));
    let cell = |report: &[Row], page: &str| match report.iter().find(|row| row.page == page) {
        Some(row) => format!("{} / {}", row.units, ms(row.time)),
        None => String::new(),
    };
    let cells = |page: &str| reports.iter().map(|(_, report)| cell(report, page)).collect();
    let rows: Vec<_> =
        largest.iter().map(|row| [vec![row.page.clone()], cells(&row.page)].concat()).collect();
    print_table("The same pages of fewer events:", &columns, &rows);
}

/// One organization with its events.
struct Stage {
    platform: Platform,
    log: Log,
    organization: OrganizationId,
    /// All ids, oldest first.
    ids: Vec<EventId>,
}

/// What a page cost.
struct Row {
    page: String,
    events: usize,
    calls: usize,
    units: f64,
    units_itself: f64,
    time: Duration,
}

impl Row {
    fn cells(&self) -> Vec<String> {
        vec![
            self.page.clone(),
            self.events.to_string(),
            self.calls.to_string(),
            self.units.to_string(),
            self.units_itself.to_string(),
            format!("{:.1}", self.units / self.units_itself),
            ms(self.time),
        ]
    }
}

/// A page of a query.
struct Case {
    pattern: &'static str,
    window: Option<(Timestamp, Timestamp)>,
    ascending: bool,
    page: Page,
}

#[derive(Clone, Copy)]
enum Page {
    /// From 1.
    Number(usize),
    Last,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = self.window.map_or("", |_| ", one hour");
        let order = if self.ascending { "oldest first" } else { "newest first" };
        write!(f, "`{}`{window}, {order}", self.pattern)?;
        match self.page {
            Page::Number(1) => Ok(()),
            Page::Number(number) => write!(f, ", page {number}"),
            Page::Last => f.write_str(", last page"),
        }
    }
}

impl Stage {
    async fn load(events: usize, shards: u8) -> Self {
        let platform = Platform::new();
        let organization = platform.organization().await.id;
        let source =
            Arc::new(Source { organization, events, shards, now: platform.aws.clock().now().millis() });
        let log = platform.log();
        let began = Instant::now();
        let loaders: Vec<_> = (0..LOADERS)
            .map(|first| tokio::spawn(load(platform.aws.clone(), log.clone(), Arc::clone(&source), first)))
            .collect();
        let mut ids = Vec::with_capacity(events);
        for loader in loaders {
            ids.extend(loader.await.expect("a loader"));
        }
        ids.sort_unstable();
        let seconds = began.elapsed().as_secs();
        println!(
            "{} events, frequent types in {shards} shards each, logged in {seconds} s.",
            thousands(events)
        );
        Self { platform, log, organization, ids }
    }

    async fn report(&self) -> Vec<Row> {
        let now = self.platform.aws.clock().now();
        let middle = Timestamp::from_millis(
            now.millis() - i64::try_from(RETENTION.as_millis() / 2).expect("15 days fit"),
        );
        let window = Some((middle, middle.after(HOUR)));
        let mut cases = Vec::new();
        for (pattern, window) in [("*", None), ("send.*", None), (RARE, None), ("*", window)] {
            for ascending in [false, true] {
                let matching = self.matching(pattern, window).count();
                let pages = [Page::Number(1), Page::Number(2), Page::Number(100), Page::Last];
                let there = |page: &Page| match page {
                    Page::Number(number) => {
                        (number - 1) * PAGE < matching && (*number == 1 || window.is_none())
                    }
                    Page::Last => matching > 2 * PAGE && window.is_none(),
                };
                let pages = pages.into_iter().filter(there);
                cases.extend(pages.map(|page| Case { pattern, window, ascending, page }));
            }
        }
        let mut rows = Vec::with_capacity(cases.len());
        for case in cases {
            rows.push(self.row(case).await);
        }
        let title = format!(
            "{} events of one organization in {} partitions; {} bytes of data on average.",
            thousands(self.ids.len()),
            self.partitions(),
            self.average_bytes().await,
        );
        let columns =
            ["page of 25", "events", "calls", "read units", "the page itself", "ratio", "median ms"];
        print_table(&title, &columns, &rows.iter().map(Row::cells).collect::<Vec<_>>());
        rows
    }

    async fn row(&self, case: Case) -> Row {
        let (read, cost) = self.read(&case).await;
        Row {
            page: case.to_string(),
            events: read.events.len(),
            calls: cost.calls.len(),
            units: cost.read_units(),
            units_itself: self.page_itself(&read.events).await,
            time: cost.time,
        }
    }

    /// Reads the page as the API does, and checks that it is the right one.
    async fn read(&self, case: &Case) -> (EventPage, Cost) {
        let mut matching: Vec<_> = self.matching(case.pattern, case.window).collect();
        if !case.ascending {
            matching.reverse();
        }
        let before = match case.page {
            Page::Number(number) => (number - 1) * PAGE,
            Page::Last => (matching.len() - 1) / PAGE * PAGE,
        };
        let filter = EventFilter {
            after: case.window.map(|(from, _)| from),
            before: case.window.map(|(_, to)| to),
            ascending: case.ascending,
            ..filter(case.pattern)
        };
        // What a cursor holds: the last event of the page before.
        let position = before.checked_sub(1).map(|last| matching[last]);
        let now = self.platform.aws.clock().now();
        let read = async || self.log.events(self.organization, &filter, position, PAGE, now).await.unwrap();
        let (page, cost) = measure(&self.platform.aws, async || (), read).await;
        let found: Vec<_> = page.events.iter().map(|logged| logged.event.id).collect();
        let expected: Vec<_> = matching[before..].iter().take(PAGE).copied().collect();
        assert_eq!(found, expected, "{}", case.pattern);
        assert_eq!(page.has_more, before + PAGE < matching.len(), "{}", case.pattern);
        (page, cost)
    }

    fn matching(
        &self,
        pattern: &str,
        window: Option<(Timestamp, Timestamp)>,
    ) -> impl Iterator<Item = EventId> {
        let pattern = Pattern::parse(pattern, "type").unwrap();
        let within = move |at| window.is_none_or(|(from, to)| (from..to).contains(&at));
        let ids = self.ids.iter().copied();
        ids.filter(move |id| within(id.created_at()) && pattern.matches(type_of(*id).name()))
    }

    /// What reading exactly these events takes where nothing lies between them: they are copied into one partition of
    /// another organization and read from there with one query.
    async fn page_itself(&self, events: &[LoggedEvent]) -> f64 {
        let (aws, now) = (&self.platform.aws, self.platform.aws.clock().now());
        let organization = OrganizationId::new(now, runtime::random().unwrap());
        let event_type = Catalogue::get().find(MOST_FREQUENT).unwrap();
        for logged in events {
            let lane = Lane { livemode: true, shard: 0 };
            let id =
                EventId::new(logged.event.created_at, event_type.code(), lane, runtime::random().unwrap());
            let event =
                Event { id, organization, event_type: MOST_FREQUENT.to_owned(), ..logged.event.clone() };
            let copy = LoggedEvent { event, ..logged.clone() };
            assert_eq!(self.log.put_event(organization, &copy).await.unwrap(), Stored::New);
        }
        aws.forget_calls();
        let filter = EventFilter { livemode: Some(true), ..filter(MOST_FREQUENT) };
        let page = self.log.events(organization, &filter, None, PAGE, now).await.unwrap();
        assert_eq!(page.events.len(), events.len());
        let query: Vec<_> = aws.calls().into_iter().filter(reads_events).collect();
        assert_eq!(query.len(), 1, "{query:?}");
        read_units(&query)
    }

    fn partitions(&self) -> usize {
        let mut found: Vec<_> = self.ids.iter().map(|id| (id.type_code(), id.lane())).collect();
        found.sort_unstable();
        found.dedup();
        found.len()
    }

    async fn average_bytes(&self) -> usize {
        let now = self.platform.aws.clock().now();
        let page = self.log.events(self.organization, &filter("*"), None, 200, now).await.unwrap();
        let bytes: usize = page.events.iter().map(|logged| logged.event.data.as_json().len()).sum();
        bytes / page.events.len()
    }
}

fn filter(pattern: &str) -> EventFilter {
    EventFilter {
        pattern: Some(Pattern::parse(pattern, "type").unwrap()),
        service: None,
        livemode: None,
        after: None,
        before: None,
        ascending: false,
    }
}

/// Whether it reads events, rather than which partitions there are.
fn reads_events(call: &Call) -> bool {
    let partition = call.request["ExpressionAttributeValues"][":pk"]["S"].as_str().unwrap_or_default();
    partition.starts_with("EVENTS#")
}

fn type_of(id: EventId) -> &'static EventType {
    Catalogue::get().by_code(id.type_code()).unwrap()
}

/// Logs every so many-th event; their ids.
async fn load(aws: Aws, log: Log, source: Arc<Source>, first: usize) -> Vec<EventId> {
    let mut ids = Vec::new();
    for number in (first..source.events).step_by(LOADERS) {
        let logged = source.event(number);
        assert_eq!(log.put_event(source.organization, &logged).await.unwrap(), Stored::New);
        ids.push(logged.event.id);
        if ids.len() % 1_000 == 0 {
            aws.forget_calls();
        }
    }
    ids
}
