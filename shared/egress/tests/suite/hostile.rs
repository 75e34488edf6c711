//! Receivers that mean harm or are broken: each ends in time, with a code of its own.

use std::sync::Arc;

use egress::{Bytes, Client, MAX_EXCERPT, PostError, PostOutcome, PostResult};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::interval;

use crate::support::{
    LONG, OK, Receiver, SHORT, client, headers, next, post, post_within, read_request, write_for_ever,
};

/// The failure of a POST of whose answer not even the head came.
fn failed(outcome: &PostOutcome) -> PostError {
    match outcome.result {
        PostResult::Failed(error) => error,
        PostResult::Truncated { .. } | PostResult::Answered(_) => panic!("{outcome:?}"),
    }
}

/// The failure of a POST whose answer broke off after its head, which said 200.
fn cut(outcome: &PostOutcome) -> PostError {
    match outcome.result {
        PostResult::Truncated { status: 200, error } => error,
        _ => panic!("{outcome:?}"),
    }
}

/// What comes of an answer after which the receiver stays and says no more.
async fn after_answer(answer: impl Into<Vec<u8>>) -> PostOutcome {
    let receiver = Receiver::answering(answer).await;
    post(&client(), &receiver.url()).await
}

/// A receiver that begins with these bytes and repeats those without end, until the client has closed; and whether
/// it did.
async fn endless(begin: &'static [u8], repeat: &'static [u8]) -> PostOutcome {
    let (closed, mut when_closed) = unbounded_channel();
    let receiver = Receiver::start(move |mut stream| {
        let closed = closed.clone();
        async move {
            read_request(&mut stream).await;
            stream.write_all(begin).await.unwrap();
            write_for_ever(&mut stream, &repeat.repeat(64)).await;
            closed.send(()).unwrap();
        }
    })
    .await;
    let client = client();
    let outcome = post(&client, &receiver.url()).await;
    next(&mut when_closed).await;
    outcome
}

async fn wait_for_ever(stream: TcpStream) {
    std::future::pending::<()>().await;
    drop(stream);
}

#[tokio::test]
async fn one_that_accepts_and_never_answers_times_out() {
    let receiver = Receiver::start(wait_for_ever).await;
    let outcome = post_within(SHORT, &client(), &receiver.url()).await;
    assert_eq!(failed(&outcome), PostError::Timeout);
    assert_eq!(outcome.address, Some(receiver.address.ip()));
    assert!(outcome.duration >= SHORT);
}

#[tokio::test]
async fn one_that_never_reads_a_large_request_times_out() {
    let receiver = Receiver::start(wait_for_ever).await;
    let body = Bytes::from(vec![b'x'; 32 << 20]);
    let outcome = client().post(&receiver.url(), headers(&[]), body, SHORT).await;
    assert_eq!(failed(&outcome), PostError::Timeout);
}

#[tokio::test]
async fn a_timeout_closes_the_connection() {
    let (closed, mut when_closed) = unbounded_channel();
    let receiver = Receiver::start(move |mut stream| {
        let closed = closed.clone();
        async move {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            closed.send(()).unwrap();
        }
    })
    .await;
    let client = client();
    post_within(SHORT, &client, &receiver.url()).await;
    next(&mut when_closed).await;
}

#[tokio::test]
async fn a_timeout_ends_the_sending_of_a_large_request() {
    const LENGTH: usize = 64 << 20;
    let timed_out = Arc::new(Notify::new());
    let (drained, mut when_drained) = unbounded_channel();
    let drain = timed_out.clone();
    let receiver = Receiver::start(move |mut stream| {
        let (drain, drained) = (drain.clone(), drained.clone());
        async move {
            drain.notified().await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            drained.send(rest.len()).unwrap();
        }
    })
    .await;
    let client = client();
    client.post(&receiver.url(), headers(&[]), Bytes::from(vec![b'x'; LENGTH]), SHORT).await;
    timed_out.notify_one();
    assert!(next(&mut when_drained).await < LENGTH);
}

#[tokio::test]
async fn a_header_byte_now_and_then_does_not_extend_the_deadline() {
    let receiver = Receiver::start(|mut stream| async move {
        read_request(&mut stream).await;
        let mut pace = interval(SHORT / 10);
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'a')) {
            pace.tick().await;
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    })
    .await;
    let outcome = post_within(SHORT, &client(), &receiver.url()).await;
    assert_eq!(failed(&outcome), PostError::Timeout);
}

#[tokio::test]
async fn a_body_byte_now_and_then_does_not_extend_the_deadline_and_what_came_is_kept() {
    let receiver = Receiver::start(|mut stream| async move {
        read_request(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 9999\r\n\r\n")
            .await
            .unwrap();
        let mut pace = interval(SHORT / 10);
        while stream.write_all(b"a").await.is_ok() {
            pace.tick().await;
        }
    })
    .await;
    let outcome = post_within(SHORT, &client(), &receiver.url()).await;
    assert_eq!(outcome.result, PostResult::Truncated { status: 503, error: PostError::Timeout });
    assert_eq!(outcome.retry_after.as_deref(), Some("7"));
    assert!(outcome.body_excerpt.starts_with('a'));
}

#[tokio::test]
async fn interim_answers_without_end_time_out() {
    let receiver = Receiver::start(|mut stream| async move {
        read_request(&mut stream).await;
        write_for_ever(&mut stream, b"HTTP/1.1 100 Continue\r\n\r\n").await;
    })
    .await;
    let outcome = post_within(SHORT, &client(), &receiver.url()).await;
    assert_eq!(failed(&outcome), PostError::Timeout);
}

#[tokio::test]
async fn headers_without_end_are_too_large() {
    let many = endless(b"HTTP/1.1 200 OK\r\n", b"X-Filler: abcdefghijklmnopqrstuvwxyz\r\n").await;
    assert_eq!(failed(&many), PostError::ResponseTooLarge);
    let one_line = endless(b"HTTP/1.1 200 OK\r\nX-Filler: ", b"abcdefghijklmnopqrstuvwxyz").await;
    assert_eq!(failed(&one_line), PostError::ResponseTooLarge);
    let reason = endless(b"HTTP/1.1 200 ", b"abcdefghijklmnopqrstuvwxyz").await;
    assert_eq!(failed(&reason), PostError::ResponseTooLarge);
}

#[tokio::test]
async fn more_than_a_hundred_headers_are_too_large() {
    let headers = "X: y\r\n".repeat(101);
    let outcome = after_answer(format!("HTTP/1.1 200 OK\r\n{headers}\r\n")).await;
    assert_eq!(failed(&outcome), PostError::ResponseTooLarge);
}

#[tokio::test]
async fn of_a_body_without_end_the_start_is_read() {
    for begin in [
        &b"HTTP/1.1 200 OK\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551000\r\n\r\n",
    ] {
        let outcome = endless(begin, b"abcdefgh").await;
        assert_eq!(outcome.result, PostResult::Answered(200));
        assert_eq!(outcome.body_excerpt, "abcdefgh".repeat(MAX_EXCERPT / 8));
    }
    let chunked =
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"8\r\nabcdefgh\r\n").await;
    assert_eq!(chunked.result, PostResult::Answered(200));
    assert_eq!(chunked.body_excerpt.len(), MAX_EXCERPT);
}

#[tokio::test]
async fn an_announced_body_that_does_not_come_times_out() {
    let receiver = Receiver::answering(&b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"[..]).await;
    let outcome = post_within(SHORT, &client(), &receiver.url()).await;
    assert_eq!(cut(&outcome), PostError::Timeout);
}

#[tokio::test]
async fn chunk_extensions_and_trailers_without_end_are_refused() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;";
    assert_eq!(cut(&endless(head, b"abcdefgh").await), PostError::InvalidResponse);
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ";
    assert_eq!(cut(&endless(head, b"abcdefgh").await), PostError::InvalidResponse);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_never_followed() {
    let target = Receiver::answering(OK).await;
    for location in [format!("http://{}/", target.address), "http://169.254.169.254/".to_owned()] {
        for status in [301, 302, 303, 307, 308] {
            let answer = format!(
                "HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nRefresh: 0; url={location}\r\nContent-Length: 0\r\n\r\n"
            );
            let outcome = after_answer(answer).await;
            assert_eq!(outcome.result, PostResult::Answered(status));
            assert!(!outcome.is_success());
        }
    }
    assert_eq!(target.accepted(), 0);
}

#[tokio::test]
async fn one_that_closes_early_has_closed_the_connection() {
    let failed_with = failed as fn(&PostOutcome) -> PostError;
    for (answer, error) in [
        (&b""[..], failed_with),
        (b"HTTP/1.1 200", failed),
        (b"HTTP/1.1 200 OK\r\nContent-Le", failed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", cut),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", cut),
    ] {
        let receiver = Receiver::answering_once(answer).await;
        let outcome = post(&client(), &receiver.url()).await;
        assert_eq!(error(&outcome), PostError::ConnectionClosed, "{}", answer.escape_ascii());
        assert_eq!(receiver.accepted(), 1, "what may have been received is not sent again");
    }
}

#[tokio::test]
async fn one_that_resets_has_reset_the_connection() {
    let failed_with = failed as fn(&PostOutcome) -> PostError;
    for (answer, error) in
        [(&b""[..], failed_with), (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", cut)]
    {
        let (read, mut has_read) = unbounded_channel();
        let receiver = Receiver::start(move |mut stream| {
            let read = read.clone();
            async move {
                read_request(&mut stream).await;
                stream.write_all(answer).await.unwrap();
                read.send(()).unwrap();
                stream.set_zero_linger().unwrap();
            }
        })
        .await;
        let outcome = post(&client(), &receiver.url()).await;
        assert_eq!(error(&outcome), PostError::ConnectionReset, "{}", answer.escape_ascii());
        assert_eq!(outcome.address, Some(receiver.address.ip()));
        next(&mut has_read).await;
        assert_eq!(receiver.accepted(), 1, "what may have been received is not sent again");
    }
}

#[tokio::test]
async fn what_is_not_http_is_an_invalid_response() {
    for answer in [
        &b"SSH-2.0-OpenSSH_9.6\r\n\r\n"[..],
        b"220 mail.example.com ESMTP\r\n",
        b"<html>hello</html>\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 -20 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 200 O\x01K\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    ] {
        let outcome = after_answer(answer).await;
        assert_eq!(failed(&outcome), PostError::InvalidResponse, "{}", answer.escape_ascii());
    }
    for answer in [
        &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    ] {
        let outcome = after_answer(answer).await;
        assert_eq!(cut(&outcome), PostError::InvalidResponse, "{}", answer.escape_ascii());
    }
}

#[tokio::test]
async fn one_that_hangs_costs_only_itself() {
    let hanging = Receiver::start(wait_for_ever).await;
    let quick = Receiver::answering(OK).await;
    let client: Client = client();
    let (hanging_url, quick_url) = (hanging.url(), quick.url());
    let slow = client.post(&hanging_url, headers(&[]), Bytes::new(), LONG);
    tokio::select! {
        outcome = slow => panic!("{outcome:?}"),
        outcome = post(&client, &quick_url) => assert!(outcome.is_success()),
    }
}
