//! The receiver: answers 200 to every POST, and counts them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::Request;
use tokio::net::TcpListener;

use crate::{
    Result,
    http::{serve, status, with_body},
};

/// Answers how many deliveries came before.
pub const COUNT: &str = "/count";

/// Serves until the process ends.
pub async fn run(listener: TcpListener) -> Result<()> {
    let count = Arc::new(AtomicU64::new(0));
    serve(listener, move |request: Request<_>| {
        let count = Arc::clone(&count);
        async move {
            if request.uri().path() == COUNT {
                return with_body(200, count.load(Ordering::SeqCst).to_string());
            }
            count.fetch_add(1, Ordering::SeqCst);
            status(200)
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::post;

    #[tokio::test]
    async fn deliveries_are_counted_and_asking_is_none() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(run(listener));

        for expected in ["0", "1", "2"] {
            assert_eq!(post(address, COUNT, "").await.unwrap(), expected);
            post(address, "/hooks/1", "{}").await.unwrap();
        }
    }
}
