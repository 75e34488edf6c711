//! What real servers send against the rules, and clients read all the same.

use egress::{Bytes, PostError, PostResult};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::unbounded_channel;

use crate::support::{LONG, Receiver, client, headers, next, post, read_head};

#[tokio::test]
async fn odd_header_lines_are_read_as_other_clients_read_them() {
    for head in [
        // RFC 9112, 5.2: a client replaces a fold with spaces.
        &b"X-Folded: a\r\n b\r\nContent-Length: 2"[..],
        b"X-Folded: a\r\n\tb\r\nContent-Length: 2",
        b"Content-Length: 2\r\nX-Folded: a\r\n Content-Length: 9",
        // Control characters and bytes of no encoding.
        b"Set-Cookie: a=\x01b; c\x7f\r\nContent-Length: 2",
        b"X-Latin: caf\xe9\r\nContent-Length: 2",
        b"X\x01Y: a\r\nContent-Length: 2",
        // RFC 9112, 5.1: a proxy removes such spaces, so they are no reason to fail.
        b"X-Spaced : a\r\nContent-Length: 2",
        b"Content-Length : 2",
        b"Content-Length\t: 2",
        b"X: a\r\nContent-Length: 2\r\n: no name",
        // No header at all.
        b"no colon here\r\nContent-Length: 2",
        b" a fold of nothing\r\nContent-Length: 2",
    ] {
        let answer = [b"HTTP/1.1 200 OK\r\n", head, b"\r\n\r\nok"].concat();
        let receiver = Receiver::answering(answer).await;

        let outcome = post(&client(), &receiver.url()).await;

        let got = (outcome.result, outcome.body_excerpt.as_str());
        assert_eq!(got, (PostResult::Answered(200), "ok"), "{}", head.escape_ascii());
    }
}

#[tokio::test]
async fn odd_lines_leave_those_around_them_as_they_are() {
    let receiver = Receiver::answering(
        &b"HTTP/1.1 503 Busy\r\nX: a\r\n b\r\nX\x01: c\r\nRetry-After : 7\r\nTransfer-Encoding : chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"[..],
    )
    .await;
    let outcome = post(&client(), &receiver.url()).await;
    assert_eq!(outcome.result, PostResult::Answered(503));
    assert_eq!((outcome.retry_after.as_deref(), outcome.body_excerpt.as_str()), (Some("7"), "no"));

    let folded =
        Receiver::answering(&b"HTTP/1.1 503 Busy\r\nRetry-After:\r\n 120\r\nContent-Length: 0\r\n\r\n"[..])
            .await;
    let outcome = post(&client(), &folded.url()).await;
    assert_eq!((outcome.status(), outcome.retry_after.as_deref()), (Some(503), Some("120")));
}

/// As large as an event's data may be.
const LARGE: usize = 200 * 1024;

fn large_body() -> Bytes {
    Bytes::from(vec![b'x'; LARGE])
}

#[tokio::test]
async fn an_answer_after_the_head_alone_counts_and_the_rest_still_arrives() {
    for (answer, status) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"[..], 200),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202),
        (b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig", 413),
    ] {
        let (read, mut when_read) = unbounded_channel();
        let receiver = Receiver::start(move |mut stream| {
            let read = read.clone();
            async move {
                read_head(&mut stream).await.unwrap();
                stream.write_all(answer).await.unwrap();
                let mut body = vec![0; LARGE];
                stream.read_exact(&mut body).await.unwrap();
                read.send(body.len()).unwrap();
            }
        })
        .await;
        let client = client();

        let outcome = client.post(&receiver.url(), headers(&[]), large_body(), LONG).await;

        assert_eq!(outcome.result, PostResult::Answered(status));
        assert_eq!(next(&mut when_read).await, LARGE);
    }
}

// In the other direction the rest of a body that nobody wants is withheld: `reuse::a_connection_that_still_sends…`.
#[tokio::test]
async fn a_body_that_is_larger_than_every_buffer_still_arrives_after_an_early_success() {
    const LENGTH: usize = 32 << 20;
    let (read, mut when_read) = unbounded_channel();
    let receiver = Receiver::start(move |mut stream| {
        let read = read.clone();
        async move {
            read_head(&mut stream).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            let mut body = vec![0; LENGTH];
            stream.read_exact(&mut body).await.unwrap();
            read.send(body.len()).unwrap();
        }
    })
    .await;
    let client = client();

    let outcome = client.post(&receiver.url(), headers(&[]), Bytes::from(vec![b'x'; LENGTH]), LONG).await;

    assert_eq!(outcome.result, PostResult::Answered(200));
    assert_eq!(next(&mut when_read).await, LENGTH);
}

#[tokio::test]
async fn an_answer_after_the_head_alone_counts_even_if_its_receiver_closes_without_reading() {
    for (answer, status) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"[..], 200),
        (b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig", 413),
    ] {
        let receiver = Receiver::start(move |mut stream| async move {
            read_head(&mut stream).await.unwrap();
            // The system resets the connection, since there is something unread.
            stream.write_all(answer).await.unwrap();
        })
        .await;
        let client = client();

        for _ in 0..10 {
            let outcome = client.post(&receiver.url(), headers(&[]), large_body(), LONG).await;
            assert_eq!(outcome.result, PostResult::Answered(status));
        }
    }
}

#[tokio::test]
async fn an_early_answer_that_only_the_reset_connection_ends_keeps_its_status() {
    let receiver = Receiver::start(|mut stream| async move {
        read_head(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\nbig").await.unwrap();
    })
    .await;

    let outcome = client().post(&receiver.url(), headers(&[]), large_body(), LONG).await;

    // A reset says that something was lost, perhaps of the answer too.
    assert_eq!(outcome.result, PostResult::Truncated { status: 413, error: PostError::ConnectionReset });
}
