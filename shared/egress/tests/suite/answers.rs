//! What is sent, and what an answer is read as.

use egress::{Bytes, PostError, PostResult};
use tokio::io::AsyncWriteExt;

use crate::support::{LONG, Receiver, client, headers, local, next, post, read_head, read_request};

#[tokio::test]
async fn the_request_carries_the_given_headers_accept_host_and_length_and_nothing_else() {
    let (receiver, mut requests) = Receiver::recording().await;
    let headers = headers(&[
        ("Content-Type", "application/json"),
        ("User-Agent", "DoDevWebhook/1.0"),
        ("X-DoDevWebhook-Id", "evt_1"),
        ("Host", "elsewhere.example.com"),
        ("Content-Length", "1"),
    ]);
    let outcome = client().post(&receiver.url(), headers, Bytes::from_static(b"{\"a\":1.0}"), LONG).await;
    assert_eq!(outcome.result, PostResult::Answered(200));
    let mut lines: Vec<_> = requests
        .recv()
        .await
        .unwrap()
        .split("\r\n")
        .map(ToOwned::to_owned)
        .filter(|l| !l.is_empty())
        .collect();
    assert_eq!(lines.remove(0), "POST /hooks?x=1 HTTP/1.1");
    lines.sort();
    assert_eq!(
        lines,
        [
            "accept: */*".to_owned(),
            "content-length: 9".to_owned(),
            "content-type: application/json".to_owned(),
            format!("host: {}", receiver.address),
            "user-agent: DoDevWebhook/1.0".to_owned(),
            "x-dodevwebhook-id: evt_1".to_owned(),
            "{\"a\":1.0}".to_owned(),
        ]
    );
}

#[tokio::test]
async fn an_empty_body_has_its_length_too_and_a_fragment_stays_here() {
    let (receiver, mut requests) = Receiver::recording().await;
    let url = local(&format!("http://{}#fragment", receiver.address));
    client().post(&url, headers(&[]), Bytes::new(), LONG).await;
    let host = format!("host: {}", receiver.address);
    let lines = ["POST / HTTP/1.1", "content-length: 0", "accept: */*", &host, "", ""];
    assert_eq!(next(&mut requests).await.split("\r\n").collect::<Vec<_>>(), lines);
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let (receiver, mut requests) = Receiver::recording().await;
    let body = "0123456789abcdef".repeat(20_000);
    let outcome = client().post(&receiver.url(), headers(&[]), Bytes::from(body.clone()), LONG).await;
    assert!(outcome.is_success());
    assert!(next(&mut requests).await.ends_with(&body));
}

#[tokio::test]
async fn an_outcome_tells_status_address_and_the_start_of_the_body() {
    let receiver =
        Receiver::answering(&b"HTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\nstored\x00"[..]).await;
    let outcome = post(&client(), &receiver.url()).await;
    assert!(outcome.is_success());
    assert_eq!((outcome.status(), outcome.error()), (Some(201), None));
    assert_eq!(outcome.address, Some(receiver.address.ip()));
    assert_eq!(outcome.body_excerpt, "stored\u{fffd}");
    assert_eq!(outcome.retry_after, None);
}

#[tokio::test]
async fn only_2xx_is_success() {
    for (status, success) in [
        (200, true),
        (204, true),
        (299, true),
        (300, false),
        (304, false),
        (404, false),
        (410, false),
        (500, false),
    ] {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        let receiver = Receiver::answering(answer).await;
        let outcome = post(&client(), &receiver.url()).await;
        assert_eq!(outcome.result, PostResult::Answered(status));
        assert_eq!(outcome.is_success(), success, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_handed_on_as_sent_if_it_is_short_text() {
    let long = "9".repeat(65);
    for (value, kept) in [
        ("120", Some("120")),
        ("Wed, 21 Oct 2026 07:28:00 GMT", Some("Wed, 21 Oct 2026 07:28:00 GMT")),
        ("-1; drop table", Some("-1; drop table")),
        ("", None),
        ("\u{e9}", None),
        (&long, None),
    ] {
        let answer = format!("HTTP/1.1 429 Slow Down\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n");
        let receiver = Receiver::answering(answer).await;
        let outcome = post(&client(), &receiver.url()).await;
        assert_eq!(outcome.result, PostResult::Answered(429));
        assert_eq!(outcome.retry_after.as_deref(), kept);
    }
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let receiver = Receiver::answering(
        &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 1\r\n\r\n!"[..],
    )
    .await;
    let outcome = post(&client(), &receiver.url()).await;
    assert_eq!((outcome.result, outcome.body_excerpt.as_str()), (PostResult::Answered(202), "!"));
}

#[tokio::test]
async fn http_1_0_answers_end_with_their_connection() {
    let receiver = Receiver::answering_once(&b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nfine"[..]).await;
    let outcome = post(&client(), &receiver.url()).await;
    assert_eq!((outcome.result, outcome.body_excerpt.as_str()), (PostResult::Answered(200), "fine"));
}

#[tokio::test]
async fn chunked_bodies_are_joined() {
    let receiver = Receiver::answering(
        &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n"[..],
    )
    .await;
    let outcome = post(&client(), &receiver.url()).await;
    assert_eq!((outcome.result, outcome.body_excerpt.as_str()), (PostResult::Answered(200), "abcde"));
}

#[tokio::test]
async fn an_answer_whose_body_breaks_off_keeps_its_status_and_is_no_success() {
    let receiver =
        Receiver::answering_once(&b"HTTP/1.1 200 OK\r\nRetry-After: 7\r\nContent-Length: 10\r\n\r\nhalf"[..])
            .await;

    let outcome = post(&client(), &receiver.url()).await;

    let expected = PostResult::Truncated { status: 200, error: PostError::ConnectionClosed };
    assert_eq!(outcome.result, expected);
    assert_eq!((outcome.status(), outcome.error()), (Some(200), Some(PostError::ConnectionClosed)));
    assert!(!outcome.is_success());
    assert_eq!((outcome.retry_after.as_deref(), outcome.body_excerpt.as_str()), (Some("7"), "half"));
    assert_eq!(outcome.address, Some(receiver.address.ip()));
}

#[tokio::test]
async fn an_answer_before_the_request_was_read_counts() {
    let receiver = Receiver::start(|mut stream| async move {
        read_head(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig").await.unwrap();
        // Never reads on, never closes.
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let body = Bytes::from(vec![b'x'; 32 << 20]);
    let outcome = client().post(&receiver.url(), headers(&[]), body, LONG).await;
    assert_eq!((outcome.result, outcome.body_excerpt.as_str()), (PostResult::Answered(413), "big"));
}

#[tokio::test]
async fn a_204_with_a_body_is_a_204_and_its_body_is_nobodys_answer() {
    let receiver = Receiver::answering(
        &b"HTTP/1.1 204 No Content\r\nContent-Length: 46\r\n\r\nHTTP/1.1 500 Smuggled\r\nContent-Length: 3\r\n\r\nbad"[..],
    )
    .await;
    let client = client();
    for _ in 0..3 {
        let outcome = post(&client, &receiver.url()).await;
        assert_eq!((outcome.result, outcome.body_excerpt.as_str()), (PostResult::Answered(204), ""));
    }
}

#[tokio::test]
async fn compressed_bodies_stay_as_they_are() {
    // The start of a gzip stream that would unpack to zeros without end.
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4000\r\n\r\n".to_vec();
    answer.extend([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    answer.extend(std::iter::repeat_n(b'z', 3990));
    let receiver = Receiver::start(move |mut stream| {
        let answer = answer.clone();
        async move {
            let request = read_request(&mut stream).await.unwrap();
            assert!(!request.contains("accept-encoding"));
            stream.write_all(&answer).await.unwrap();
        }
    })
    .await;
    let outcome = post(&client(), &receiver.url()).await;
    assert_eq!(outcome.result, PostResult::Answered(200));
    assert!(outcome.body_excerpt.starts_with('\u{fffd}'));
    assert!(outcome.body_excerpt.ends_with("zzz"));
}
