//! From a host's name to its addresses.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use crate::endpoint_url::has_suffix;

/// A lookup under way.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Finds a name's addresses. Its answer is not trusted: the caller vets all of it.
pub trait Resolver: std::fmt::Debug + Send + Sync {
    /// All addresses of an absolute name (without its trailing dot), the preferred one first.
    ///
    /// Errors: whatever prevents an answer. An empty answer is an error, too.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

/// The system's resolver (`getaddrinfo`), without a cache of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            // RFC 6761, 6.3: these names are always loopback. Not every libc knows the names below `localhost`.
            if has_suffix(name, "localhost") {
                return Ok(vec![[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()]);
            }
            // The dot makes the name absolute. Otherwise the system could append a search domain of the network.
            let answer = tokio::net::lookup_host((format!("{name}."), 0)).await?;
            Ok(answer.map(|address| address.ip()).collect())
        })
    }
}

/// A resolver for tests, which answers by a script. Each name has a list of answers. The last one is repeated for ever. Names
/// that it does not have fail.
#[derive(Debug, Default)]
pub struct ScriptedResolver {
    scripts: Mutex<HashMap<String, VecDeque<Answer>>>,
}

#[derive(Debug, Clone)]
enum Answer {
    Addresses(Vec<IpAddr>),
    Failure,
    Silence,
}

impl ScriptedResolver {
    /// Knows no names yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Next, the name has these addresses.
    #[must_use]
    pub fn addresses<A: Into<IpAddr>>(self, name: &str, addresses: impl IntoIterator<Item = A>) -> Self {
        self.then(name, Answer::Addresses(addresses.into_iter().map(Into::into).collect()))
    }

    /// Next, looking the name up fails.
    #[must_use]
    pub fn failure(self, name: &str) -> Self {
        self.then(name, Answer::Failure)
    }

    /// Next, looking the name up never ends.
    #[must_use]
    pub fn silence(self, name: &str) -> Self {
        self.then(name, Answer::Silence)
    }

    fn then(mut self, name: &str, answer: Answer) -> Self {
        let scripts = self.scripts.get_mut().unwrap_or_else(PoisonError::into_inner);
        scripts.entry(name.to_owned()).or_default().push_back(answer);
        self
    }

    fn next(&self, name: &str) -> Answer {
        let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(script) = scripts.get_mut(name) else {
            return Answer::Failure;
        };
        let answer = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        answer.unwrap_or(Answer::Failure)
    }
}

impl Resolver for ScriptedResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        let answer = self.next(name);
        Box::pin(async move {
            match answer {
                Answer::Addresses(addresses) => Ok(addresses),
                Answer::Failure => Err(io::Error::from(io::ErrorKind::NotFound)),
                Answer::Silence => std::future::pending().await,
            }
        })
    }
}
