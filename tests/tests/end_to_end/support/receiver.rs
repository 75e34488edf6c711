//! A customer's receiver: a real HTTP server on loopback that answers as it is told and keeps what it got.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Instant, SystemTime},
};

use serde_json::Value;
use xtask::{Received, Verdict, verify};

use super::until;

/// What the receiver does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Answers with this status.
    Status(u16),
    /// Closes the connection before it has read anything: nobody is there.
    HangUp,
    /// Reads the request and never answers.
    Silence,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) request: Received,
    pub(crate) at: Instant,
    /// The receiver's clock when it arrived, in Unix seconds.
    pub(crate) seconds: u64,
}

impl Arrival {
    /// A header's value; it must be there.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.request.header(name).unwrap_or_else(|| panic!("no {name}: {:?}", self.request.headers))
    }

    /// The event's id, by which receivers drop duplicates.
    pub(crate) fn event(&self) -> &str {
        self.header("X-DoDevWebhook-Id")
    }

    /// The body, to the letter.
    pub(crate) fn body(&self) -> &str {
        std::str::from_utf8(&self.request.body).expect("deliveries are UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.body()).expect("deliveries are JSON")
    }

    /// Whether this secret signed it.
    pub(crate) fn is_signed_by(&self, secret: &str) -> bool {
        verify(&self.request, secret) == Verdict::Valid
    }
}

/// The receiver. It stops listening when it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    arrivals: Mutex<Vec<Arrival>>,
    script: Mutex<Script>,
}

#[derive(Debug)]
struct Script {
    next: VecDeque<Reply>,
    then: Reply,
    ended: bool,
}

impl Receiver {
    /// Starts one that does the same with every request.
    pub(crate) fn start(reply: Reply) -> Self {
        Self::with_script([], reply)
    }

    /// Starts one that does something else with the first requests.
    pub(crate) fn with_script(first: impl IntoIterator<Item = Reply>, then: Reply) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let script = Script { next: first.into_iter().collect(), then, ended: false };
        let state = Arc::new(State { arrivals: Mutex::default(), script: Mutex::new(script) });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if lock(&shared.script).ended {
                    return;
                }
                let state = Arc::clone(&shared);
                thread::spawn(move || state.serve(connection));
            }
        });
        Self { port, state }
    }

    /// The URL to register as an endpoint.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/webhooks/dodev", self.port)
    }

    /// Does this with every request from now on.
    pub(crate) fn now(&self, reply: Reply) {
        let mut script = lock(&self.state.script);
        script.next.clear();
        script.then = reply;
    }

    /// What has arrived so far.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        lock(&self.state.arrivals).clone()
    }

    /// The first request that brings this event.
    #[track_caller]
    pub(crate) fn arrival_of(&self, event: &str) -> Arrival {
        until(&format!("{event} to arrive"), || {
            self.arrivals().into_iter().find(|arrival| arrival.event() == event)
        })
    }

    /// The first request that brings an event of this type.
    #[track_caller]
    pub(crate) fn arrival_of_type(&self, event_type: &str) -> Arrival {
        until(&format!("a {event_type} to arrive"), || {
            self.arrivals().into_iter().find(|arrival| arrival.json()["type"] == event_type)
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        lock(&self.state.script).ended = true;
        // Wakes the thread that waits for connections, so that it sees the end.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl State {
    fn serve(&self, connection: TcpStream) {
        let reply = self.reply();
        if reply == Reply::HangUp {
            let _ = connection.shutdown(Shutdown::Both);
            return;
        }
        // What breaks off is no request: a function that is killed closes its connection in the middle.
        let Ok(request) = Received::read(&connection) else { return };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time of this century");
        let arrival = Arrival { request, at: Instant::now(), seconds: now.as_secs() };
        lock(&self.arrivals).push(arrival);
        let _ = answer(connection, reply);
    }

    fn reply(&self) -> Reply {
        let mut script = lock(&self.script);
        let then = script.then;
        script.next.pop_front().unwrap_or(then)
    }
}

fn answer(mut connection: TcpStream, reply: Reply) -> io::Result<()> {
    match reply {
        Reply::Status(status) => write!(
            connection,
            "HTTP/1.1 {status} \r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        ),
        // Until the other side gives up.
        Reply::Silence => connection.read(&mut [0]).map(|_| ()),
        Reply::HangUp => Ok(()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
