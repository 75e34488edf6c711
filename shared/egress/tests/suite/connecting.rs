//! From a host's name to a connection: what is refused, what is tried, what the failure is called.

use std::env;
use std::net::SocketAddr;
use std::process::Command;

use egress::{PostError, PostResult, ScriptedResolver, vet};
use tokio::net::TcpListener;

use crate::support::{
    LONG, OK, Receiver, SHORT, client, client_with, local, post, post_within, resolving, strict,
};

/// A loopback port on which nothing listens, of all addresses of the host.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_public_name_that_resolves_to_a_local_address_is_refused_when_connecting() {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.address.port();
    for addresses in [
        ["127.0.0.1", "127.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
        ["127.0.0.1", "93.184.215.14"],
        ["93.184.215.14", "10.0.0.1"],
        ["93.184.215.14", "::1"],
        ["2606:4700::1111", "::ffff:127.0.0.1"],
        ["2606:4700::1111", "64:ff9b::169.254.169.254"],
    ] {
        let client = client_with(resolving("hooks.example.com", addresses));
        for url in [
            strict(&format!("https://hooks.example.com:{port}/")),
            local(&format!("https://hooks.example.com:{port}/")),
        ] {
            let outcome = post(&client, &url).await;
            assert_eq!(outcome.result, PostResult::Failed(PostError::RefusedAddress), "{addresses:?}");
            assert_eq!(outcome.address, None);
        }
    }
    assert_eq!(receiver.accepted(), 0);
}

#[tokio::test]
async fn a_name_that_changes_to_a_local_address_after_saving_is_refused() {
    let receiver = Receiver::answering(OK).await;
    let url = strict(&format!("https://rebind.example.com:{}/", receiver.address.port()));
    let resolver = std::sync::Arc::new(
        resolving("rebind.example.com", ["93.184.215.14"]).addresses("rebind.example.com", [[127, 0, 0, 1]]),
    );
    assert_eq!(vet(&url, &*resolver, LONG).await, Ok(()));
    let client = egress::Client::new(resolver, egress::RootCertStore::empty()).unwrap();
    let outcome = post(&client, &url).await;
    assert_eq!(outcome.result, PostResult::Failed(PostError::RefusedAddress));
    assert_eq!(receiver.accepted(), 0);
}

#[tokio::test]
async fn a_localhost_name_reaches_loopback_and_nothing_else() {
    let receiver = Receiver::answering(OK).await;
    let url = local(&format!("http://api.localhost:{}/", receiver.address.port()));
    assert!(post(&client(), &url).await.is_success());
    for address in ["10.0.0.1", "93.184.215.14", "0.0.0.0"] {
        let client = client_with(resolving("api.localhost", ["127.0.0.1", address]));
        let outcome = post(&client, &url).await;
        assert_eq!(outcome.result, PostResult::Failed(PostError::RefusedAddress), "{address}");
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_a_dns_failure() {
    let resolver =
        ScriptedResolver::new().failure("gone.example.com").addresses("empty.example.com", [[0; 4]; 0]);
    let client = client_with(resolver);
    for name in ["gone", "empty", "unknown"] {
        let outcome = post(&client, &strict(&format!("https://{name}.example.com/"))).await;
        assert_eq!(outcome.result, PostResult::Failed(PostError::DnsFailure), "{name}");
        assert_eq!(outcome.address, None);
    }
}

#[tokio::test]
async fn the_system_resolver_reports_a_name_that_cannot_exist() {
    let outcome = post(&client(), &strict("https://does-not-exist.invalid/")).await;
    assert_eq!(outcome.result, PostResult::Failed(PostError::DnsFailure));
}

#[tokio::test]
async fn name_servers_that_never_answer_time_out() {
    let client = client_with(ScriptedResolver::new().silence("slow.example.com"));
    let outcome = post_within(SHORT, &client, &strict("https://slow.example.com/")).await;
    assert_eq!(outcome.result, PostResult::Failed(PostError::Timeout));
}

#[test]
fn a_proxy_that_the_environment_names_is_not_used() {
    // In a process of its own, since an environment is a process's.
    let nowhere = "http://127.0.0.1:9";
    let posting = Command::new(env::current_exe().unwrap())
        .args(["--exact", "connecting::a_localhost_name_reaches_loopback_and_nothing_else"])
        .envs(
            ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"].map(|name| (name, nowhere)),
        )
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&posting.stdout);
    assert!(posting.status.success() && printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
async fn a_port_without_a_listener_refuses_the_connection() {
    let url = local(&format!("http://127.0.0.1:{}/", free_port().await));
    let outcome = post(&client(), &url).await;
    assert_eq!(outcome.result, PostResult::Failed(PostError::ConnectionRefused));
    assert_eq!(outcome.address, None);
}

#[tokio::test]
async fn each_address_is_tried_until_one_accepts() {
    let receiver = Receiver::answering(OK).await;
    let url = local(&format!("http://multi.localhost:{}/", receiver.address.port()));
    let client = client_with(resolving("multi.localhost", ["::1", "127.0.0.3", "127.0.0.1"]));
    let outcome = post(&client, &url).await;
    assert_eq!(outcome.result, PostResult::Answered(200));
    assert_eq!(outcome.address, Some(receiver.address.ip()));
}

#[tokio::test]
async fn an_address_that_swallows_packets_does_not_use_up_the_deadline() {
    // A listener whose queue is full answers no further connection: the kernel drops what comes.
    let listener = socket_with_a_full_queue().await;
    let port = listener.address.port();
    let receiver = Receiver::start_on(SocketAddr::from(([127, 0, 0, 2], port)), |mut stream| async move {
        crate::support::read_request(&mut stream).await;
        tokio::io::AsyncWriteExt::write_all(&mut stream, OK).await.unwrap();
    })
    .await;
    let url = local(&format!("http://multi.localhost:{port}/"));
    let client = client_with(resolving("multi.localhost", ["127.0.0.1", "127.0.0.2"]));
    let outcome = post_within(std::time::Duration::from_secs(2), &client, &url).await;
    assert_eq!(outcome.result, PostResult::Answered(200));
    assert_eq!(outcome.address, Some(receiver.address.ip()));

    let alone = client_with(resolving("multi.localhost", ["127.0.0.1"]));
    let outcome = post_within(SHORT, &alone, &url).await;
    assert_eq!(outcome.result, PostResult::Failed(PostError::Timeout));
    assert_eq!(outcome.address, None);
}

struct FullQueue {
    address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<tokio::net::TcpStream>,
}

async fn socket_with_a_full_queue() -> FullQueue {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(SHORT, tokio::net::TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
        assert!(waiting.len() < 100, "the queue never fills");
    }
    FullQueue { address, _listener: listener, _waiting: waiting }
}
