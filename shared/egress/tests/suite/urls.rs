//! Which URLs can be saved, judged by their text alone.

use egress::{AddressPolicy, EndpointUrl, MAX_URL_CHARS, UrlError};

const HOSTILE: &str = include_str!("../data/hostile_urls.txt");
const GOOD: &str = include_str!("../data/good_urls.txt");

fn strict(text: &str) -> Result<EndpointUrl, UrlError> {
    EndpointUrl::parse(text, AddressPolicy::Strict)
}

fn local(text: &str) -> Result<EndpointUrl, UrlError> {
    EndpointUrl::parse(text, AddressPolicy::AllowLoopback)
}

/// The lines of a data file that are neither empty nor comments.
fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with("# "))
}

/// Each hostile URL with the code that must refuse it.
fn hostile() -> Vec<(&'static str, String)> {
    let mut code = "";
    let mut urls = Vec::new();
    for line in lines(HOSTILE) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(section) => code = section,
            None => urls.push((code, unescape(line))),
        }
    }
    urls
}

fn unescape(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        text.push(match rest.next().expect("something follows a backslash") {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            '0' => '\0',
            's' => ' ',
            '\\' => '\\',
            'u' => {
                let hex: String = rest.by_ref().skip(1).take_while(|&c| c != '}').collect();
                char::from_u32(u32::from_str_radix(&hex, 16).unwrap()).unwrap()
            }
            other => panic!("unknown escape {other:?} in {line}"),
        });
    }
    text
}

#[test]
fn every_hostile_url_is_refused_with_its_code() {
    let urls = hostile();
    assert!(urls.len() >= 150, "only {} URLs were read", urls.len());
    let wrong: Vec<_> = urls
        .iter()
        .map(|(code, url)| (url, *code, strict(url).err().map(UrlError::code)))
        .filter(|(_, code, got)| *got != Some(*code))
        .collect();
    assert!(wrong.is_empty(), "(url, expected, got): {wrong:#?}");
}

#[test]
fn every_good_url_is_accepted_and_kept_as_given() {
    let urls: Vec<_> = lines(GOOD).collect();
    assert!(urls.len() >= 30, "only {} URLs were read", urls.len());
    let wrong: Vec<_> = urls.iter().filter_map(|url| strict(url).err().map(|error| (url, error))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(urls.iter().all(|url| strict(url).unwrap().as_str() == *url));
}

#[test]
fn the_local_policy_refuses_the_same_save_for_loopback() {
    for (code, url) in hostile() {
        match local(&url) {
            Ok(accepted) => {
                let host = accepted.host();
                let is_loopback = host.starts_with("127.")
                    || host == "[::1]"
                    || host.rsplit('.').next() == Some("localhost");
                assert!(is_loopback, "{url} was accepted");
            }
            Err(error) => assert_eq!(error.code(), code, "{url}"),
        }
    }
}

#[test]
fn the_local_policy_adds_http_and_https_to_loopback_and_nothing_else() {
    for url in [
        "http://localhost:3000/hooks",
        "http://LOCALHOST/",
        "http://api.localhost:4566/",
        "http://127.0.0.1:8080/",
        "http://127.1.2.3/",
        "http://[::1]:8080/",
        "https://localhost/",
        "https://127.0.0.1:8443/",
        "https://[::1]/",
        "https://example.com/",
    ] {
        assert!(local(url).is_ok(), "{url}");
    }
    for (url, error) in [
        ("http://example.com/", UrlError::NotHttps),
        ("http://8.8.8.8/", UrlError::NotHttps),
        ("http://10.0.0.1/", UrlError::NotHttps),
        ("http://169.254.169.254/", UrlError::NotHttps),
        ("http://[::ffff:127.0.0.1]/", UrlError::NotHttps),
        ("http://localhost.example.com/", UrlError::NotHttps),
        ("http://printer.local/", UrlError::NotHttps),
        ("http://0.0.0.0/", UrlError::NotHttps),
        ("ftp://localhost/", UrlError::NotHttps),
        ("https://10.0.0.1/", UrlError::HostNotAllowed),
        ("https://0.0.0.0/", UrlError::HostNotAllowed),
        ("https://intranet/", UrlError::HostNotAllowed),
        ("http://user@localhost/", UrlError::HasCredentials),
        ("http://localhost:0/", UrlError::PortInvalid),
        ("http://2130706433/", UrlError::HostNotAllowed),
    ] {
        assert_eq!(local(url).err(), Some(error), "{url}");
    }
}

#[test]
fn the_limit_counts_characters_not_bytes() {
    let of_length = |count: usize, c: &str| format!("https://example.com/{}", c.repeat(count - 20));
    assert!(strict(&of_length(MAX_URL_CHARS, "a")).is_ok());
    assert!(strict(&of_length(MAX_URL_CHARS, "ü")).is_ok());
    assert_eq!(strict(&of_length(MAX_URL_CHARS + 1, "a")).err(), Some(UrlError::TooLong));
    assert_eq!(strict(&of_length(MAX_URL_CHARS + 1, "ü")).err(), Some(UrlError::TooLong));
}

#[test]
fn the_texts_are_stable_and_repeat_nothing_of_the_url() {
    assert_eq!(UrlError::NotHttps.to_string(), "Webhook URL must use HTTPS");
    assert_eq!(UrlError::TooLong.to_string(), "Webhook URL must be at most 2048 characters");
    for (_, url) in hostile() {
        let text = strict(&url).unwrap_err().to_string();
        assert!(text.starts_with("Webhook URL must"), "{text}");
    }
}

#[test]
fn debug_output_shows_neither_path_nor_query() {
    let url = strict("https://hooks.example.com/services/SECRET?token=SECRET").unwrap();
    assert_eq!(format!("{url:?}"), "EndpointUrl(https://hooks.example.com:443/…)");
}

#[test]
fn hosts_have_one_normal_form() {
    for (url, host) in [
        ("https://EXAMPLE.com./", "example.com"),
        ("https://bücher.example.com/", "xn--bcher-kva.example.com"),
        ("https://EXAMPLE。com/", "example.com"),
        ("https://[2001:4860:4860:0:0:0:0:8888]/", "[2001:4860:4860::8888]"),
        ("https://8.8.8.8:8443/", "8.8.8.8"),
    ] {
        assert_eq!(strict(url).unwrap().host(), host);
    }
}
