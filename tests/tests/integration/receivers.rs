//! Answers that break off, break rules or never come: what the attempts show, and what they cost.

use domain::endpoint::Thresholds;
use egress::PostError;
use serde_json::{Value, json};
use tests::{
    platform::{Deployment, Hook, Platform},
    receiver::{Receiver, Reply},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

/// Reads one request; false at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return false };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.is_ok()
}

/// A receiver's URL, and the number of each connection by which a request came. The n-th request of all gets the n-th
/// answer and keeps its connection, or none and loses it.
async fn scripted(answers: &'static [Option<&'static str>]) -> (String, UnboundedReceiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (arrived, arrivals) = unbounded_channel();
    tokio::spawn(async move {
        let (mut answers, mut connection) = (answers.iter(), 0);
        while let Ok((mut stream, _)) = listener.accept().await {
            connection += 1;
            while read_request(&mut stream).await {
                arrived.send(connection).unwrap();
                let Some(answer) = answers.next().unwrap() else { break };
                stream.write_all(answer.as_bytes()).await.unwrap();
                if answer.ends_with("half") {
                    break;
                }
            }
        }
    });
    (url, arrivals)
}

fn arrived(arrivals: &mut UnboundedReceiver<usize>) -> Vec<usize> {
    std::iter::from_fn(|| arrivals.try_recv().ok()).collect()
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";

/// A platform that calls no endpoint failing soon, with one organization.
async fn stage() -> (Platform, String) {
    let mut deployment = Deployment::default();
    deployment.thresholds = Thresholds { failing_after: 100, pause_after: 100, ..deployment.thresholds };
    let platform = Platform::deployed(deployment);
    let key = platform.organization().await.key;
    (platform, key)
}

#[tokio::test]
async fn an_answer_that_breaks_off_shows_its_status_and_its_error_and_is_tried_again() {
    let (platform, key) = stage().await;
    let caller = platform.with_key(&key);
    let (url, mut arrivals) = scripted(&[Some(HALF), Some(OK)]).await;
    let hook = caller.subscribe(&url, &["*"]).await;

    let event = caller.publish_any().await;
    platform.pump().await;

    let delivery = caller.delivery(&event, &hook.id).await;
    let attempt = &delivery["attempts"][0];
    assert_eq!(delivery["status"], "retrying");
    let code = PostError::ConnectionClosed.code();
    assert_eq!((&attempt["status_code"], &attempt["error_code"]), (&json!(200), &json!(code)));
    assert_eq!((&attempt["response_body"], &attempt["address"]), (&json!("half"), &json!("127.0.0.1")));
    let endpoint = caller.endpoint(&hook.id).await;
    assert_eq!(
        (&endpoint["consecutive_failures"], &endpoint["last_delivery_status"]),
        (&json!(1), &json!(200))
    );

    platform.settle().await;

    let delivery = caller.delivery(&event, &hook.id).await;
    let attempt = &delivery["attempts"][1];
    assert_eq!(delivery["status"], "delivered");
    assert_eq!((&attempt["status_code"], &attempt["error_code"]), (&json!(200), &Value::Null));
    assert_eq!(caller.endpoint(&hook.id).await["consecutive_failures"], 0);
    assert_eq!(arrived(&mut arrivals), [1, 2]);
}

#[tokio::test]
async fn a_kept_connection_that_turns_out_closed_costs_no_attempt() {
    let (platform, key) = stage().await;
    let caller = platform.with_key(&key);
    let (url, mut arrivals) = scripted(&[Some(OK), None, Some(OK)]).await;
    let hook = caller.subscribe(&url, &["*"]).await;
    caller.publish_any().await;
    platform.pump().await;

    let event = caller.publish_any().await;
    platform.pump().await;

    let delivery = caller.delivery(&event, &hook.id).await;
    assert_eq!(delivery["status"], "delivered", "{delivery}");
    assert_eq!(delivery["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(delivery["attempts"][0]["status_code"], 200);
    assert_eq!(caller.endpoint(&hook.id).await["consecutive_failures"], 0);
    assert_eq!(arrived(&mut arrivals), [1, 1, 2], "the second request was sent once more at once");
}

#[tokio::test]
async fn folded_and_odd_headers_are_no_failure() {
    const FOLDED: &str = "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nSet-Cookie: c=\u{1}d\r\nX-Spaced : e\r\nContent-Length: 2\r\n\r\nok";
    let (platform, key) = stage().await;
    let caller = platform.with_key(&key);
    let (url, _arrivals) = scripted(&[Some(FOLDED)]).await;
    let hook: Hook = caller.subscribe(&url, &["*"]).await;

    let event = caller.publish_any().await;
    platform.pump().await;

    let delivery = caller.delivery(&event, &hook.id).await;
    assert_eq!(delivery["status"], "delivered", "{delivery}");
    assert_eq!(delivery["attempts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_delivery_has_the_contract_s_headers_and_no_others() {
    let (platform, key) = stage().await;
    let caller = platform.with_key(&key);
    let receiver = Receiver::answering([Reply::status(204)]).await;
    caller.subscribe(&receiver.url(), &["*"]).await;

    caller.publish_any().await;
    platform.pump().await;

    let received = &receiver.received()[0];
    let mut names: Vec<_> = received.headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort();
    let expected = [
        "accept",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-dodevwebhook-id",
        "x-dodevwebhook-signature",
        "x-dodevwebhook-timestamp",
    ];
    assert_eq!(names, expected);
    assert_eq!(received.headers.len(), expected.len(), "each of them once");
    assert_eq!(received.header("accept"), "*/*");
    assert_eq!(received.header("user-agent"), "DoDevWebhook/1.0");
    assert_eq!(received.header("content-type"), "application/json");
}
