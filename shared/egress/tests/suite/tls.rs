//! Receivers' certificates and handshakes.

use std::sync::Arc;
use std::time::Duration;

use egress::{AddressPolicy, Client, EndpointUrl, PostError, PostResult, RootCertStore, SystemResolver};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion};
use tokio_rustls::server::TlsStream;

use crate::support::{OK, Receiver, local, post, post_within, read_request};

/// A certificate authority that the test's client trusts.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn client(&self) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        Client::new(Arc::new(SystemResolver), roots).unwrap()
    }

    fn certify(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        Identity { certificate: params.signed_by(&key, &self.issuer).unwrap().der().clone(), key }
    }
}

struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    fn acceptor(&self, versions: &[&'static SupportedProtocolVersion], alpn: &[&[u8]]) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn names<const N: usize>(names: [&str; N]) -> CertificateParams {
    CertificateParams::new(names.map(ToOwned::to_owned)).unwrap()
}

/// A receiver that speaks TLS, answers [`OK`] and keeps its connections.
async fn secure(acceptor: TlsAcceptor) -> Receiver {
    Receiver::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            while read_request(&mut stream).await.is_some() {
                stream.write_all(OK).await.unwrap();
            }
        }
    })
    .await
}

/// A receiver that speaks TLS, gives one answer and drops the connection without TLS's closing message.
async fn secure_and_abrupt(acceptor: TlsAcceptor, answer: &'static [u8]) -> Receiver {
    Receiver::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream: TlsStream<TcpStream> = acceptor.accept(stream).await.unwrap();
            read_request(&mut stream).await;
            stream.write_all(answer).await.unwrap();
            stream.flush().await.unwrap();
        }
    })
    .await
}

fn https(receiver: &Receiver, host: &str) -> EndpointUrl {
    local(&format!("https://{host}:{}/hooks", receiver.address.port()))
}

async fn failure_with(authority: &Authority, identity: &Identity) -> PostError {
    let receiver = secure(identity.acceptor(&[&TLS13], &[])).await;
    let outcome = post(&authority.client(), &https(&receiver, "localhost")).await;
    assert_eq!(outcome.address, Some(receiver.address.ip()));
    match outcome.result {
        PostResult::Failed(error) => error,
        PostResult::Truncated { .. } | PostResult::Answered(_) => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn a_trusted_certificate_is_accepted_by_both_versions_and_for_names_and_addresses() {
    let authority = Authority::new("Test Authority");
    let identity = authority.certify(&names(["localhost", "127.0.0.1", "*.hooks.localhost"]));
    for version in [&TLS12, &TLS13] {
        let receiver = secure(identity.acceptor(&[version], &[b"h2", b"http/1.1"])).await;
        let client = authority.client();
        for host in ["localhost", "LOCALHOST.", "127.0.0.1", "a.hooks.localhost"] {
            let outcome = post(&client, &https(&receiver, host)).await;
            assert_eq!(outcome.result, PostResult::Answered(200), "{host}");
        }
        assert_eq!(receiver.accepted(), 3, "the first two are the same host");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_told_apart() {
    let authority = Authority::new("Test Authority");
    let mut params = names(["localhost"]);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    let error = failure_with(&authority, &authority.certify(&params)).await;
    assert_eq!(error, PostError::TlsCertificateExpired);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_untrusted() {
    let identity = Authority::new("Another Authority").certify(&names(["localhost"]));
    assert_eq!(
        failure_with(&Authority::new("Test Authority"), &identity).await,
        PostError::TlsCertificateUntrusted
    );
}

fn self_signed(params: &CertificateParams) -> Identity {
    let key = KeyPair::generate().unwrap();
    Identity { certificate: params.self_signed(&key).unwrap().der().clone(), key }
}

fn authoritys_own() -> CertificateParams {
    let mut params = names(["localhost"]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

#[tokio::test]
async fn a_self_signed_certificate_is_untrusted_however_it_was_made() {
    let mut no_authority = names(["localhost"]);
    no_authority.is_ca = IsCa::ExplicitNoCa;
    for (made_by, identity) in [
        ("most libraries", self_signed(&names(["localhost"]))),
        ("those who say that it is no authority's", self_signed(&no_authority)),
        ("openssl req -x509, which marks it as an authority's own", self_signed(&authoritys_own())),
    ] {
        let error = failure_with(&Authority::new("Test Authority"), &identity).await;
        assert_eq!(error, PostError::TlsCertificateUntrusted, "{made_by}");
    }
}

/// Shows a certificate that rustls would not take for a server's.
#[derive(Debug)]
struct Unchecked(Arc<CertifiedKey>);

impl ResolvesServerCert for Unchecked {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

#[tokio::test]
async fn a_self_signed_certificate_of_version_1_is_untrusted() {
    // `openssl x509 -req -signkey` makes such. Its own key is not needed: nobody gets so far as to look at a signature.
    let certificate = CertificateDer::from(include_bytes!("../data/self_signed_v1.der").to_vec());
    let key = PrivatePkcs8KeyDer::from(KeyPair::generate().unwrap().serialize_der());
    let key = ring::default_provider().key_provider.load_private_key(key.into()).unwrap();
    let shown = Unchecked(Arc::new(CertifiedKey::new(vec![certificate], key)));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    let receiver = secure(TlsAcceptor::from(Arc::new(config))).await;

    let outcome = post(&Authority::new("Test Authority").client(), &https(&receiver, "localhost")).await;

    assert_eq!(outcome.result, PostResult::Failed(PostError::TlsCertificateUntrusted));
}

#[tokio::test]
async fn a_certificate_of_another_authority_by_a_trusted_ones_name_is_untrusted() {
    let impostor = Authority::new("Test Authority").certify(&names(["localhost"]));
    let error = failure_with(&Authority::new("Test Authority"), &impostor).await;
    assert_eq!(error, PostError::TlsCertificateUntrusted);
}

#[tokio::test]
async fn an_authoritys_own_certificate_is_untrusted_even_if_a_trusted_one_issued_it() {
    // The TLS library refuses it before it looks for the issuer, so it cannot be told from a self-signed one.
    let authority = Authority::new("Test Authority");
    let error = failure_with(&authority, &authority.certify(&authoritys_own())).await;
    assert_eq!(error, PostError::TlsCertificateUntrusted);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_a_mismatch() {
    let authority = Authority::new("Test Authority");
    let identity = authority.certify(&names(["example.com"]));
    assert_eq!(failure_with(&authority, &identity).await, PostError::TlsCertificateNameMismatch);
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_yet_or_is_for_another_purpose_is_invalid() {
    let authority = Authority::new("Test Authority");
    let mut future = names(["localhost"]);
    future.not_before = date_time_ymd(4000, 1, 1);
    let error = failure_with(&authority, &authority.certify(&future)).await;
    assert_eq!(error, PostError::TlsCertificateInvalid);
    let mut clients = names(["localhost"]);
    clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let error = failure_with(&authority, &authority.certify(&clients)).await;
    assert_eq!(error, PostError::TlsCertificateInvalid);
}

#[tokio::test]
async fn a_receiver_without_tls_or_without_http_1_fails_the_handshake() {
    let authority = Authority::new("Test Authority");
    let plain = Receiver::start(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let only_h2 = secure(authority.certify(&names(["localhost"])).acceptor(&[&TLS13], &[b"h2"])).await;
    for receiver in [plain, only_h2] {
        let outcome = post(&authority.client(), &https(&receiver, "localhost")).await;
        assert_eq!(outcome.result, PostResult::Failed(PostError::TlsFailure));
    }
}

#[tokio::test]
async fn a_handshake_that_never_ends_times_out_and_one_that_is_dropped_was_closed() {
    let client = Authority::new("Test Authority").client();
    let silent = Receiver::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    // Long enough for the first address, whose share of it is a half, to be connected to on a busy machine.
    let deadline = Duration::from_secs(2);
    let outcome = post_within(deadline, &client, &https(&silent, "localhost")).await;
    assert_eq!(outcome.result, PostResult::Failed(PostError::Timeout));
    assert_eq!(outcome.address, Some(silent.address.ip()));

    let dropping = Receiver::start(|mut stream| async move {
        let mut hello = vec![0; 64 * 1024];
        let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut hello).await;
        stream.shutdown().await.unwrap();
    })
    .await;
    let outcome = post(&client, &https(&dropping, "localhost")).await;
    assert_eq!(outcome.result, PostResult::Failed(PostError::ConnectionClosed));
}

#[tokio::test]
async fn a_body_that_ends_with_its_connection_needs_no_closing_message_but_a_counted_one_is_counted() {
    let authority = Authority::new("Test Authority");
    let acceptor = authority.certify(&names(["localhost"])).acceptor(&[&TLS13], &[]);
    let open_ended = secure_and_abrupt(acceptor.clone(), b"HTTP/1.0 200 OK\r\n\r\nfine").await;
    let outcome = post(&authority.client(), &https(&open_ended, "localhost")).await;
    assert_eq!((outcome.result, outcome.body_excerpt.as_str()), (PostResult::Answered(200), "fine"));
    let cut = PostResult::Truncated { status: 200, error: PostError::ConnectionClosed };
    for (answer, expected) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"[..], cut),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", cut),
        (b"HTTP/1.1 200 O", PostResult::Failed(PostError::ConnectionClosed)),
    ] {
        let counted = secure_and_abrupt(acceptor.clone(), answer).await;
        let outcome = post(&authority.client(), &https(&counted, "localhost")).await;
        assert_eq!(outcome.result, expected, "{}", answer.escape_ascii());
    }
}

#[tokio::test]
async fn a_kept_connection_that_ends_without_an_answer_costs_nothing_whether_tls_was_closed_or_not() {
    let authority = Authority::new("Test Authority");
    let acceptor = authority.certify(&names(["localhost"])).acceptor(&[&TLS13], &[]);
    for in_order in [true, false] {
        let acceptor = acceptor.clone();
        let receiver = Receiver::start(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                read_request(&mut stream).await;
                stream.write_all(OK).await.unwrap();
                read_request(&mut stream).await;
                if in_order {
                    stream.shutdown().await.unwrap();
                }
            }
        })
        .await;
        let (client, url) = (authority.client(), https(&receiver, "localhost"));
        assert!(post(&client, &url).await.is_success());

        let outcome = post(&client, &url).await;

        assert_eq!(outcome.result, PostResult::Answered(200));
        assert_eq!(receiver.accepted(), 2);
    }
}

#[tokio::test]
async fn a_broken_record_in_the_answer_is_a_tls_failure() {
    let authority = Authority::new("Test Authority");
    let acceptor = authority.certify(&names(["localhost"])).acceptor(&[&TLS13], &[]);
    let receiver = Receiver::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            read_request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await.unwrap();
            stream.flush().await.unwrap();
            stream.get_mut().0.write_all(b"not a TLS record").await.unwrap();
            std::future::pending::<()>().await;
        }
    })
    .await;
    let outcome = post(&authority.client(), &https(&receiver, "localhost")).await;
    assert_eq!(outcome.error(), Some(PostError::TlsFailure));
}

#[tokio::test]
async fn the_systems_roots_do_not_trust_the_tests_authority() {
    let authority = Authority::new("Test Authority");
    let receiver = secure(authority.certify(&names(["localhost"])).acceptor(&[&TLS13], &[])).await;
    let url = EndpointUrl::parse(
        &format!("https://localhost:{}/", receiver.address.port()),
        AddressPolicy::AllowLoopback,
    )
    .unwrap();
    let outcome = post(&Client::system().unwrap(), &url).await;
    assert_eq!(outcome.result, PostResult::Failed(PostError::TlsCertificateUntrusted));
}
