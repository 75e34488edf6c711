//! Vetting at saving: the host's name is resolved too.

use std::net::IpAddr;

use egress::{ScriptedResolver, SystemResolver, UrlError, vet};

use crate::support::{LONG, SHORT, address, local, resolving, strict};

#[tokio::test]
async fn a_name_passes_only_if_all_of_its_addresses_are_globally_reachable() {
    let url = strict("https://hooks.example.com/");
    for (addresses, verdict) in [
        (["93.184.215.14", "2606:4700::1111"], Ok(())),
        (["93.184.215.14", "10.0.0.1"], Err(UrlError::HostNotAllowed)),
        (["fd00::1", "2606:4700::1111"], Err(UrlError::HostNotAllowed)),
        (["93.184.215.14", "169.254.169.254"], Err(UrlError::HostNotAllowed)),
        (["127.0.0.1", "::1"], Err(UrlError::HostNotAllowed)),
    ] {
        let resolver = resolving("hooks.example.com", addresses);
        assert_eq!(vet(&url, &resolver, LONG).await, verdict, "{addresses:?}");
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_yet_passes() {
    let url = strict("https://new.example.com/");
    assert_eq!(vet(&url, &ScriptedResolver::new().failure("new.example.com"), LONG).await, Ok(()));
    assert_eq!(vet(&url, &ScriptedResolver::new().silence("new.example.com"), SHORT).await, Ok(()));
    let none: [IpAddr; 0] = [];
    assert_eq!(vet(&url, &ScriptedResolver::new().addresses("new.example.com", none), LONG).await, Ok(()));
}

#[tokio::test]
async fn addresses_are_not_looked_up() {
    let resolver = ScriptedResolver::new();
    assert_eq!(vet(&strict("https://8.8.8.8/"), &resolver, LONG).await, Ok(()));
    assert_eq!(vet(&local("http://127.0.0.1:8080/"), &resolver, LONG).await, Ok(()));
}

#[tokio::test]
async fn names_are_looked_up_in_their_normal_form() {
    let resolver = resolving("xn--bcher-kva.example.com", ["10.0.0.1"]);
    let url = strict("https://BÜCHER.example.com./");
    assert_eq!(vet(&url, &resolver, LONG).await, Err(UrlError::HostNotAllowed));
}

#[tokio::test]
async fn the_system_resolver_knows_that_localhost_names_are_loopback() {
    assert_eq!(vet(&local("http://a.b.localhost/"), &SystemResolver, LONG).await, Ok(()));
    let answer = egress::Resolver::resolve(&SystemResolver, "localhost").await.unwrap();
    assert_eq!(answer, [address("127.0.0.1"), address("::1")]);
}
