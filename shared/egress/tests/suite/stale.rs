//! Kept connections that turn out to be closed when the next request is on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use egress::{Bytes, PostError, PostResult, Resolver, Resolving};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Barrier, Notify};

use crate::support::{
    LONG, OK, Receiver, SHORT, client, client_with, headers, local, next, post, post_within, read_head,
    read_request,
};

/// What a receiver does when a second request comes by a connection.
#[derive(Debug, Clone, Copy)]
enum Second {
    /// Reads it and closes.
    ReadAndClose,
    /// Reads it and resets.
    ReadAndReset,
    /// Closes as soon as something of it is there, which resets the connection.
    CloseUnread,
    /// Reads its head and closes.
    ReadHeadAndClose,
    /// Reads it and gives this answer, then closes.
    Answer(&'static [u8]),
}

async fn treat(mut stream: TcpStream, second: Second) {
    match second {
        Second::ReadAndClose => {
            read_request(&mut stream).await;
        }
        Second::ReadAndReset => {
            read_request(&mut stream).await;
            stream.set_zero_linger().unwrap();
        }
        Second::CloseUnread => {
            stream.peek(&mut [0]).await.unwrap();
        }
        Second::ReadHeadAndClose => {
            read_head(&mut stream).await;
        }
        Second::Answer(answer) => {
            read_request(&mut stream).await;
            stream.write_all(answer).await.unwrap();
        }
    }
}

/// Answers the first request by each connection, and treats the second one like that. Also tells what arrived first by
/// each connection.
async fn turning_stale(second: Second) -> (Receiver, UnboundedReceiver<String>) {
    let (arrived, arrivals) = unbounded_channel();
    let receiver = Receiver::start(move |mut stream| {
        let arrived: UnboundedSender<String> = arrived.clone();
        async move {
            let Some(request) = read_request(&mut stream).await else { return };
            arrived.send(request).unwrap();
            stream.write_all(OK).await.unwrap();
            treat(stream, second).await;
        }
    })
    .await;
    (receiver, arrivals)
}

#[tokio::test]
async fn what_a_kept_connection_swallows_is_sent_once_more_at_once_by_a_fresh_one() {
    for second in [Second::ReadAndClose, Second::ReadAndReset, Second::CloseUnread, Second::ReadHeadAndClose]
    {
        for body in ["{}".to_owned(), "x".repeat(200 * 1024), "y".repeat(8 << 20)] {
            let (receiver, mut arrivals) = turning_stale(second).await;
            let client = client();
            let send = async |body: &str| {
                client.post(&receiver.url(), headers(&[]), Bytes::from(body.to_owned()), LONG).await
            };
            assert_eq!(send("first").await.result, PostResult::Answered(200));
            next(&mut arrivals).await;

            let outcome = send(&body).await;

            assert_eq!(outcome.result, PostResult::Answered(200), "{second:?}, {} bytes", body.len());
            assert_eq!(outcome.address, Some(receiver.address.ip()));
            assert_eq!(receiver.accepted(), 2, "{second:?}");
            assert!(next(&mut arrivals).await.ends_with(&body), "the same request, and all of it");
            assert!(arrivals.try_recv().is_err(), "and no further one");
        }
    }
}

// The races that decide in production: round after round, a kept connection that is just being closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_however_often_its_receiver_closes() {
    for second in [Second::ReadAndClose, Second::ReadAndReset, Second::CloseUnread] {
        let (receiver, mut arrivals) = turning_stale(second).await;
        let client = client();
        for round in 1..=100 {
            let outcome = post(&client, &receiver.url()).await;
            assert_eq!(outcome.result, PostResult::Answered(200), "{second:?}, round {round}");
            next(&mut arrivals).await;
        }
        assert!(arrivals.try_recv().is_err(), "no request was answered twice");
    }
}

#[tokio::test]
async fn a_fresh_connection_that_ends_without_an_answer_is_no_reason_to_send_again() {
    for second in [Second::ReadAndClose, Second::ReadAndReset, Second::CloseUnread] {
        let receiver = Receiver::start(move |stream| treat(stream, second)).await;
        let outcome = post(&client(), &receiver.url()).await;
        let error = outcome.error().unwrap();
        assert!(matches!(error, PostError::ConnectionClosed | PostError::ConnectionReset), "{error:?}");
        assert_eq!(receiver.accepted(), 1, "{second:?}");
    }
}

/// A receiver that answers by its first connection, once, and closes every later one when its request has come.
async fn closing_for_good() -> (Receiver, Arc<AtomicUsize>) {
    let (connections, swallowed) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let counted = swallowed.clone();
    let receiver = Receiver::start(move |mut stream| {
        let is_first = connections.fetch_add(1, Ordering::SeqCst) == 0;
        let swallowed = counted.clone();
        async move {
            if is_first {
                read_request(&mut stream).await;
                stream.write_all(OK).await.unwrap();
            }
            read_request(&mut stream).await;
            swallowed.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    (receiver, swallowed)
}

#[tokio::test]
async fn it_is_sent_once_more_and_not_a_third_time() {
    let (receiver, swallowed) = closing_for_good().await;
    let client = client();
    post(&client, &receiver.url()).await;

    let outcome = post(&client, &receiver.url()).await;

    assert_eq!(outcome.result, PostResult::Failed(PostError::ConnectionClosed));
    assert_eq!((receiver.accepted(), swallowed.load(Ordering::SeqCst)), (2, 2));
}

#[tokio::test]
async fn where_several_kept_connections_are_closed_one_further_try_is_enough() {
    // Nobody is answered for the first time before all three have asked, so that there are three connections.
    let all_three = Arc::new(Barrier::new(3));
    let (connections, count) = (Arc::new(AtomicUsize::new(0)), 3);
    let receiver = Receiver::start(move |mut stream| {
        let (all_three, is_one_of_three) =
            (all_three.clone(), connections.fetch_add(1, Ordering::SeqCst) < count);
        async move {
            read_request(&mut stream).await;
            if is_one_of_three {
                all_three.wait().await;
            }
            stream.write_all(OK).await.unwrap();
            read_request(&mut stream).await;
        }
    })
    .await;
    let (client, url) = (client(), receiver.url());
    let (one, other, third) = tokio::join!(post(&client, &url), post(&client, &url), post(&client, &url));
    assert!(one.is_success() && other.is_success() && third.is_success());

    let outcome = post(&client, &url).await;

    assert_eq!(outcome.result, PostResult::Answered(200));
    assert_eq!(receiver.accepted(), count + 1);
}

#[tokio::test]
async fn an_answer_that_began_is_the_answer() {
    for (answer, expected) in [
        (
            &b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"[..],
            PostResult::Truncated { status: 200, error: PostError::ConnectionClosed },
        ),
        (b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n", PostResult::Answered(500)),
        (b"not HTTP\r\n\r\n", PostResult::Failed(PostError::InvalidResponse)),
    ] {
        let (receiver, _arrivals) = turning_stale(Second::Answer(answer)).await;
        let client = client();
        post(&client, &receiver.url()).await;

        let outcome = post(&client, &receiver.url()).await;

        assert_eq!(outcome.result, expected);
        assert_eq!(outcome.address, Some(receiver.address.ip()));
        assert_eq!(receiver.accepted(), 1, "{}", answer.escape_ascii());
    }
}

// hyper reports both alike. A receiver that dies in the middle of a head gets the request twice, as it would after the
// backoff.
#[tokio::test]
async fn half_a_head_by_a_kept_connection_is_taken_for_none() {
    let (receiver, _arrivals) = turning_stale(Second::Answer(b"HTTP/1.1 200 OK\r\nContent-Le")).await;
    let client = client();
    post(&client, &receiver.url()).await;
    assert_eq!(post(&client, &receiver.url()).await.result, PostResult::Answered(200));
    assert_eq!(receiver.accepted(), 2);
}

/// A receiver that answers by its first connection and closes that when the next request has come. By every other
/// connection it reads and never answers, and tells when that was closed.
async fn silent_when_fresh() -> (Receiver, UnboundedReceiver<&'static str>) {
    let connections = AtomicUsize::new(0);
    let (told, tells) = unbounded_channel();
    let receiver = Receiver::start(move |mut stream| {
        let is_first = connections.fetch_add(1, Ordering::SeqCst) == 0;
        let told = told.clone();
        async move {
            read_request(&mut stream).await;
            if is_first {
                stream.write_all(OK).await.unwrap();
                read_request(&mut stream).await;
                return;
            }
            told.send("arrived").unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
            told.send("closed").unwrap();
        }
    })
    .await;
    (receiver, tells)
}

#[tokio::test]
async fn one_deadline_is_over_both() {
    let (receiver, mut tells) = silent_when_fresh().await;
    let client = client();
    post(&client, &receiver.url()).await;

    let outcome = post_within(SHORT, &client, &receiver.url()).await;

    assert_eq!(outcome.result, PostResult::Failed(PostError::Timeout));
    assert_eq!(outcome.address, Some(receiver.address.ip()));
    assert!(outcome.duration >= SHORT && outcome.duration < SHORT + Duration::from_secs(5));
    assert_eq!((next(&mut tells).await, next(&mut tells).await), ("arrived", "closed"));
}

#[tokio::test]
async fn dropping_the_call_ends_the_second_try_too() {
    let (receiver, mut tells) = silent_when_fresh().await;
    let client = client();
    let url = receiver.url();
    post(&client, &url).await;

    tokio::select! {
        outcome = client.post(&url, headers(&[]), Bytes::new(), LONG) => panic!("{outcome:?}"),
        arrived = next(&mut tells) => assert_eq!(arrived, "arrived"),
    }

    assert_eq!(next(&mut tells).await, "closed");
}

/// Knows one address, once. Whoever asks again waits for ever, and that is told.
#[derive(Debug, Default)]
struct SilentTheSecondTime {
    asked: AtomicUsize,
    asked_again: Arc<Notify>,
}

impl Resolver for SilentTheSecondTime {
    fn resolve<'a>(&'a self, _name: &'a str) -> Resolving<'a> {
        let is_first = self.asked.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move {
            if !is_first {
                self.asked_again.notify_one();
                std::future::pending::<()>().await;
            }
            Ok(vec![[127, 0, 0, 1].into()])
        })
    }
}

#[tokio::test]
async fn where_a_connection_was_asked_for_as_well_there_is_no_second_try() {
    let resolver = SilentTheSecondTime::default();
    let (arrived, mut arrivals) = unbounded_channel();
    let answer = resolver.asked_again.clone();
    let receiver = Receiver::start(move |mut stream| {
        let (arrived, answer) = (arrived.clone(), answer.clone());
        async move {
            read_request(&mut stream).await;
            arrived.send(()).unwrap();
            answer.notified().await;
            stream.write_all(OK).await.unwrap();
            read_request(&mut stream).await;
        }
    })
    .await;
    let url = local(&format!("http://one.localhost:{}/", receiver.address.port()));
    let client = client_with(resolver);

    // The second POST asks for a connection while the first one has the only one, and then gets that.
    let second = async {
        next(&mut arrivals).await;
        post(&client, &url).await
    };
    let (first, second) = tokio::join!(post(&client, &url), second);

    assert_eq!(first.result, PostResult::Answered(200));
    assert_eq!(second.result, PostResult::Failed(PostError::ConnectionClosed));
    assert_eq!(receiver.accepted(), 1);
}
