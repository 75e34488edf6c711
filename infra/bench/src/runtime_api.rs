//! The Runtime API of Lambda, for one function.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>: the function asks for its `next` invocation, waits as long
//! as there is none, and posts its `response` or its `error` under the invocation's id. Here one invocation is under way at a
//! time, as in an environment of Lambda.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    Result,
    http::{Answer, serve, status, with_body},
};

const PREFIX: &str = "/2018-06-01/runtime/";
/// What a function thinks it has left: long enough for one under an instrumenting virtual machine.
const DEADLINE: Duration = Duration::from_mins(15);
const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:bench";

/// Hands invocations to one function. It stops when it is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    invocations: mpsc::Sender<Invocation>,
    state: Arc<State>,
    serving: JoinHandle<Result<()>>,
}

#[derive(Debug)]
struct Invocation {
    payload: Bytes,
    ended: oneshot::Sender<Ended>,
}

/// What the function posted: its response, or its error's text.
type Ended = std::result::Result<Bytes, String>;

#[derive(Debug)]
struct State {
    waiting: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    under_way: Mutex<HashMap<String, oneshot::Sender<Ended>>>,
    taken: AtomicU64,
    /// When the function first asked, or why it never will.
    first_asked: watch::Sender<Option<std::result::Result<Instant, String>>>,
}

impl RuntimeApi {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (invocations, waiting) = mpsc::channel(1);
        let state = Arc::new(State {
            waiting: waiting.into(),
            under_way: Mutex::default(),
            taken: AtomicU64::new(0),
            first_asked: watch::Sender::new(None),
        });

        let answering = Arc::clone(&state);
        let serving = tokio::spawn(serve(listener, move |request| {
            let state = Arc::clone(&answering);
            async move { state.answer(request).await }
        }));
        Ok(Self { address, invocations, state, serving })
    }

    /// What the function's `AWS_LAMBDA_RUNTIME_API` has to be.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the function asks for its first invocation; when that was.
    ///
    /// Errors: its initialization failed.
    pub async fn first_asked(&self) -> Result<Instant> {
        let mut first_asked = self.state.first_asked.subscribe();
        let known = first_asked.wait_for(Option::is_some).await?.clone();
        Ok(known.unwrap_or_else(|| Err("nobody asked".into()))?)
    }

    /// Invokes the function; its response.
    ///
    /// Errors: it answered with an error.
    pub async fn invoke(&self, payload: Bytes) -> Result<Bytes> {
        let (ended, response) = oneshot::channel();
        self.invocations
            .send(Invocation { payload, ended })
            .await
            .map_err(|_| "the Runtime API has stopped")?;
        let response = response.await.map_err(|_| "the function asked for more and answered nothing")?;
        response.map_err(|error| format!("the function failed: {error}").into())
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    async fn answer(&self, request: Request<Bytes>) -> Answer {
        let path = request.uri().path().to_owned();
        let Some(call) = path.strip_prefix(PREFIX) else { return status(404) };

        match (request.method(), call) {
            (&Method::GET, "invocation/next") => self.next().await,
            (&Method::POST, "init/error") => {
                let text = String::from_utf8_lossy(request.body()).into_owned();
                self.note_first_asked(Err(format!("the function cannot start: {text}")));
                status(202)
            }
            (&Method::POST, call) => self.ended(call, request.into_body()),
            _ => status(404),
        }
    }

    async fn next(&self) -> Answer {
        self.note_first_asked(Ok(Instant::now()));
        let Some(Invocation { payload, ended }) = self.waiting.lock().await.recv().await else {
            return status(410);
        };

        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let id = format!("00000000-0000-4000-8000-{number:012x}");
        let mut answer = with_body(200, payload);
        for (name, value) in headers(&id) {
            answer.headers_mut().insert(HeaderName::from_static(name), value);
        }

        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever asks again has given up what it had: dropping its sender tells.
        under_way.clear();
        under_way.insert(id, ended);
        answer
    }

    /// `invocation/{id}/response` or `invocation/{id}/error`.
    fn ended(&self, call: &str, body: Bytes) -> Answer {
        let mut segments = call.split('/');
        let (Some("invocation"), Some(id), Some(kind), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return status(404);
        };
        let ended = match kind {
            "response" => Ok(body),
            "error" => Err(String::from_utf8_lossy(&body).into_owned()),
            _ => return status(404),
        };

        let sender = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        let Some(sender) = sender else { return status(400) };
        // Nobody waits for it any more where its caller was cut off.
        drop(sender.send(ended));
        status(202)
    }

    fn note_first_asked(&self, asked: std::result::Result<Instant, String>) {
        self.first_asked.send_if_modified(|known| {
            let is_first = known.is_none();
            if is_first {
                *known = Some(asked);
            }
            is_first
        });
    }
}

fn headers(id: &str) -> [(&'static str, HeaderValue); 5] {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + DEADLINE;
    let text = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    [
        ("content-type", HeaderValue::from_static("application/json")),
        ("lambda-runtime-aws-request-id", text(id)),
        ("lambda-runtime-deadline-ms", text(&deadline.as_millis().to_string())),
        ("lambda-runtime-invoked-function-arn", HeaderValue::from_static(ARN)),
        // As with active tracing, for a request that is not sampled.
        (
            "lambda-runtime-trace-id",
            text("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};
    use hyper::client::conn::http1::{SendRequest, handshake};
    use hyper_util::rt::TokioIo;
    use tokio::net::TcpStream;

    use super::*;

    struct Function(SendRequest<Full<Bytes>>);

    impl Function {
        async fn of(api: &RuntimeApi) -> Self {
            let stream = TcpStream::connect(api.address()).await.unwrap();
            let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            Self(sender)
        }

        async fn call(&mut self, method: Method, call: &str, body: &'static str) -> http::Response<Bytes> {
            let uri = format!("{PREFIX}{call}");
            let request = Request::builder().method(method).uri(uri).header("host", "runtime");
            self.0.ready().await.unwrap();
            let response = self.0.send_request(request.body(Full::from(body)).unwrap()).await.unwrap();
            let (head, body) = response.into_parts();
            http::Response::from_parts(head, body.collect().await.unwrap().to_bytes())
        }

        async fn next(&mut self) -> (String, Bytes) {
            let next = self.call(Method::GET, "invocation/next", "").await;
            let id = next.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned();
            (id, next.into_body())
        }
    }

    #[tokio::test]
    async fn an_invocation_goes_to_the_function_and_its_response_comes_back() {
        let api = RuntimeApi::start().await.unwrap();
        let mut function = Function::of(&api).await;
        let invoked = api.invoke("event".into());
        let handled = async {
            let (id, payload) = function.next().await;
            assert_eq!(payload, "event");
            let answer = function.call(Method::POST, &format!("invocation/{id}/response"), "done").await;
            assert_eq!(answer.status(), 202);
        };

        let (response, ()) = tokio::join!(invoked, handled);
        assert_eq!(response.unwrap(), "done");
        assert!(api.first_asked().await.unwrap().elapsed() < Duration::from_mins(1));
    }

    #[tokio::test]
    async fn an_error_comes_back_as_a_failure() {
        let api = RuntimeApi::start().await.unwrap();
        let mut function = Function::of(&api).await;
        let handled = async {
            let (id, _) = function.next().await;
            function.call(Method::POST, &format!("invocation/{id}/error"), "panicked").await;
        };

        let (failed, ()) = tokio::join!(api.invoke(Bytes::new()), handled);
        assert_eq!(failed.unwrap_err().to_string(), "the function failed: panicked");
    }

    #[tokio::test]
    async fn whoever_asks_for_more_without_an_answer_fails_the_invocation() {
        let api = RuntimeApi::start().await.unwrap();
        let (mut one, mut other) = (Function::of(&api).await, Function::of(&api).await);
        let handled = async {
            one.next().await;
            let (second, next) = tokio::join!(api.invoke("second".into()), async {
                let (id, payload) = other.next().await;
                other.call(Method::POST, &format!("invocation/{id}/response"), "done").await;
                payload
            });
            assert_eq!((second.unwrap(), next), ("done".into(), "second".into()));
        };

        let (first, ()) = tokio::join!(api.invoke("first".into()), handled);
        assert!(first.unwrap_err().to_string().contains("answered nothing"));
    }

    #[tokio::test]
    async fn a_function_that_cannot_start_is_a_failure() {
        let api = RuntimeApi::start().await.unwrap();
        let mut function = Function::of(&api).await;
        assert_eq!(function.call(Method::POST, "init/error", "no LOG_LEVEL").await.status(), 202);

        let failure = api.first_asked().await.unwrap_err();
        assert_eq!(failure.to_string(), "the function cannot start: no LOG_LEVEL");
    }

    #[tokio::test]
    async fn what_is_no_call_of_the_runtime_api_is_refused() {
        let api = RuntimeApi::start().await.unwrap();
        let mut function = Function::of(&api).await;
        for (method, call, expected) in [
            (Method::GET, "invocation", 404),
            (Method::POST, "invocation/next", 404),
            (Method::POST, "invocation/1/response/more", 404),
            (Method::POST, "invocation/1/done", 404),
            (Method::POST, "invocation/nobody/response", 400),
        ] {
            let answer = function.call(method, call, "").await;
            assert_eq!(answer.status().as_u16(), expected, "{call}");
        }
    }
}
