//! How many connections receivers can make us hold.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use egress::{Bytes, Client, PostResult};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::support::{LONG, OK, Receiver, client, headers, local, next, post, read_head, read_request};

/// How many connections are opened before those that are left over are closed.
const OPENED: usize = 256;

/// A receiver with many hosts, whose every connection is kept, and how many are open.
async fn with_many_hosts() -> (Receiver, Arc<AtomicUsize>) {
    let open = Arc::new(AtomicUsize::new(0));
    let counted = open.clone();
    let receiver = Receiver::start_on(SocketAddr::from(([0; 4], 0)), move |mut stream| {
        let open = counted.clone();
        async move {
            open.fetch_add(1, Ordering::SeqCst);
            while read_request(&mut stream).await.is_some() {
                stream.write_all(OK).await.unwrap();
            }
            open.fetch_sub(1, Ordering::SeqCst);
        }
    })
    .await;
    (receiver, open)
}

/// Posts to this many hosts, each of them new.
async fn post_to_hosts(client: &Client, receiver: &Receiver, hosts: std::ops::Range<usize>) {
    for host in hosts {
        let [high, low] = u16::try_from(host).unwrap().to_be_bytes();
        let url = local(&format!("http://127.1.{high}.{low}:{}/", receiver.address.port()));
        assert_eq!(post(client, &url).await.result, PostResult::Answered(200));
    }
}

#[tokio::test]
async fn connections_that_are_kept_to_many_hosts_are_bounded() {
    let (receiver, open) = with_many_hosts().await;
    let client = client();

    post_to_hosts(&client, &receiver, 0..2 * OPENED + 10).await;

    assert_eq!(receiver.accepted(), 2 * OPENED + 10);
    let closed = async {
        while open.load(Ordering::SeqCst) > OPENED {
            yield_now().await;
        }
    };
    timeout(LONG, closed).await.expect("connections are closed when as many others were opened");
}

#[tokio::test]
async fn a_receiver_that_never_reads_loses_its_connection_when_many_others_were_opened() {
    const LENGTH: usize = 64 << 20;
    let others_were_opened = Arc::new(Notify::new());
    let (drained, mut when_drained) = unbounded_channel();
    let drain = others_were_opened.clone();
    let stuck = Receiver::start(move |mut stream| {
        let (drain, drained) = (drain.clone(), drained.clone());
        async move {
            read_head(&mut stream).await.unwrap();
            // So the POST is a success, and what is left of its body may still go out.
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            drain.notified().await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            drained.send(rest.len()).unwrap();
        }
    })
    .await;
    let (receiver, _open) = with_many_hosts().await;
    let client = client();
    let body = Bytes::from(vec![b'x'; LENGTH]);
    let outcome = client.post(&stuck.url(), headers(&[]), body, LONG).await;
    assert_eq!(outcome.result, PostResult::Answered(200));

    post_to_hosts(&client, &receiver, 0..OPENED).await;

    others_were_opened.notify_one();
    assert!(next(&mut when_drained).await < LENGTH);
}

#[tokio::test]
async fn dropping_the_client_closes_every_connection() {
    let (receiver, open) = with_many_hosts().await;
    let client = client();
    post_to_hosts(&client, &receiver, 0..3).await;
    assert_eq!(open.load(Ordering::SeqCst), 3);

    drop(client);

    let closed = async {
        while open.load(Ordering::SeqCst) > 0 {
            yield_now().await;
        }
    };
    timeout(LONG, closed).await.expect("they are closed");
}
