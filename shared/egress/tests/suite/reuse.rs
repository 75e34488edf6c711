//! Connections serve more than one call.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};

use egress::{Bytes, PostError, PostResult};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::{Barrier, Notify};

use crate::support::{
    LONG, OK, Receiver, client, client_with, headers, local, next, post, read_head, read_request, resolving,
};

// On several threads, as in production: the connection must be fit again before the next call looks for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_one_after_the_other_share_a_connection() {
    let receiver = Receiver::answering(OK).await;
    let client = client();
    for _ in 0..20 {
        let outcome = post(&client, &receiver.url()).await;
        assert_eq!(outcome.result, PostResult::Answered(200));
        assert_eq!(outcome.address, Some(receiver.address.ip()));
    }
    assert_eq!(receiver.accepted(), 1);
}

#[tokio::test]
async fn calls_at_once_have_a_connection_each_and_all_are_kept() {
    // Nobody is answered before all three have asked.
    let all_three = Arc::new(Barrier::new(3));
    let receiver = Receiver::start(move |mut stream| {
        let all_three = all_three.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                all_three.wait().await;
                stream.write_all(OK).await.unwrap();
            }
        }
    })
    .await;
    let client = client();
    let url = receiver.url();
    for _ in 0..3 {
        let (one, other, third) = tokio::join!(post(&client, &url), post(&client, &url), post(&client, &url));
        assert!(one.is_success() && other.is_success() && third.is_success());
    }
    assert_eq!(receiver.accepted(), 3);
}

#[tokio::test]
async fn another_port_is_another_connection() {
    let (one, other) = (Receiver::answering(OK).await, Receiver::answering(OK).await);
    let client = client();
    post(&client, &one.url()).await;
    post(&client, &other.url()).await;
    assert_eq!((one.accepted(), other.accepted()), (1, 1));
}

/// Receivers behind one host need not trust each other. What one of them sends too late on a connection must never be read as
/// another one's answer, so they share none.
#[tokio::test]
async fn receivers_behind_one_host_share_no_connection() {
    let receiver = Receiver::answering(OK).await;
    let client = client();
    let [one, other] = ["one", "other"].map(|path| local(&format!("http://{}/{path}", receiver.address)));

    for round in 1..=3 {
        post(&client, &one).await;
        post(&client, &other).await;
        assert_eq!(receiver.accepted(), 2, "round {round}");
    }
}

/// A 410 that one receiver sends after its answer is not the answer of the other one.
#[tokio::test]
async fn what_a_receiver_sends_too_late_is_no_other_s_answer() {
    let receiver = Receiver::start(|mut stream| async move {
        let mut late = false;
        while let Some(request) = read_request(&mut stream).await {
            if late {
                stream.write_all(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            } else {
                stream.write_all(OK).await.unwrap();
            }
            late = request.contains("/bad");
        }
    })
    .await;
    let client = client();
    let [bad, good] = ["bad", "good"].map(|path| local(&format!("http://{}/{path}", receiver.address)));

    assert_eq!(post(&client, &bad).await.result, PostResult::Answered(200));
    assert_eq!(post(&client, &good).await.result, PostResult::Answered(200));
}

/// Python's server sends the body of a 204 in a segment of its own.
#[tokio::test]
async fn a_connection_on_which_a_204_announced_a_body_is_not_used_again() {
    let receiver = Receiver::answering("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n").await;
    let client = client();

    for round in 1..=3 {
        assert_eq!(post(&client, &receiver.url()).await.result, PostResult::Answered(204));
        assert_eq!(receiver.accepted(), round);
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced_without_a_failure() {
    let (closed, mut when_closed) = unbounded_channel();
    let receiver = Receiver::start(move |mut stream| {
        let closed = closed.clone();
        async move {
            read_request(&mut stream).await;
            stream.write_all(OK).await.unwrap();
            drop(stream);
            closed.send(()).unwrap();
        }
    })
    .await;
    let client = client();
    for round in 1..=20 {
        let outcome = post(&client, &receiver.url()).await;
        assert_eq!(outcome.result, PostResult::Answered(200), "round {round}");
        next(&mut when_closed).await;
        assert_eq!(receiver.accepted(), round);
    }
}

#[tokio::test]
async fn a_connection_that_its_receiver_closes_is_not_kept() {
    let receiver =
        Receiver::answering(&b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"[..]).await;
    let client = client();
    post(&client, &receiver.url()).await;
    post(&client, &receiver.url()).await;
    assert_eq!(receiver.accepted(), 2);
}

#[tokio::test]
async fn a_connection_with_an_unread_body_is_not_kept() {
    let body = "x".repeat(egress::MAX_BODY_READ + 1);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let receiver = Receiver::answering_once(answer).await;
    let client = client();
    assert!(post(&client, &receiver.url()).await.is_success());
    assert!(post(&client, &receiver.url()).await.is_success());
    assert_eq!(receiver.accepted(), 2);
}

#[tokio::test]
async fn a_kept_connection_leads_where_it_led_when_it_was_vetted() {
    let receiver = Receiver::answering(OK).await;
    let url = local(&format!("http://moving.localhost:{}/", receiver.address.port()));
    let resolver =
        resolving("moving.localhost", ["127.0.0.1"]).addresses("moving.localhost", [[10, 0, 0, 1]]);
    let client = client_with(resolver);

    for _ in 0..3 {
        let outcome = post(&client, &url).await;
        assert_eq!(
            (outcome.result, outcome.address),
            (PostResult::Answered(200), Some(receiver.address.ip()))
        );
    }
    assert_eq!(receiver.accepted(), 1);
}

#[tokio::test]
async fn whatever_replaces_a_kept_connection_is_vetted_anew() {
    let receiver = Receiver::answering_once(OK).await;
    let url = local(&format!("http://moving.localhost:{}/", receiver.address.port()));
    let resolver =
        resolving("moving.localhost", ["127.0.0.1"]).addresses("moving.localhost", [[10, 0, 0, 1]]);
    let client = client_with(resolver);

    assert!(post(&client, &url).await.is_success());
    assert_eq!(post(&client, &url).await.error(), Some(PostError::RefusedAddress));
    assert_eq!(receiver.accepted(), 1);
}

/// Answers once a connection, closes it when told to and tells when that is done, all on a thread of its own.
fn closing_on_command() -> (SocketAddr, mpsc::Sender<()>, mpsc::Receiver<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ((close, commands), (closed, reports)) = (mpsc::channel(), mpsc::channel());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(OK).unwrap();
            if commands.recv().is_err() {
                return;
            }
            drop(stream);
            closed.send(()).unwrap();
        }
    });
    (address, close, reports)
}

#[tokio::test]
async fn a_connection_that_was_closed_while_the_process_was_frozen_is_replaced_without_a_failure() {
    let (address, close, closed) = closing_on_command();
    let url = local(&format!("http://{address}/"));
    let client = client();
    for round in 1..=10 {
        let outcome = post(&client, &url).await;
        assert_eq!(outcome.result, PostResult::Answered(200), "round {round}");
        // Blocks the whole runtime, so no task of the client's runs between the closing and the next call.
        close.send(()).unwrap();
        closed.recv_timeout(LONG).unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_still_sends_after_its_answer_is_dropped() {
    const LENGTH: usize = 64 << 20;
    let answered = Arc::new(Notify::new());
    let (drained, mut when_drained) = unbounded_channel();
    let drain = answered.clone();
    let receiver = Receiver::start(move |mut stream| {
        let (drain, drained) = (drain.clone(), drained.clone());
        async move {
            read_head(&mut stream).await.unwrap();
            stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            drain.notified().await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            drained.send(rest.len()).unwrap();
        }
    })
    .await;
    let client = client();
    let body = Bytes::from(vec![b'x'; LENGTH]);
    let outcome = client.post(&receiver.url(), headers(&[]), body, LONG).await;
    assert_eq!(outcome.result, PostResult::Answered(413));
    answered.notify_one();
    assert!(next(&mut when_drained).await < LENGTH);
}
