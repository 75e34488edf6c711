//! What every AWS client shares: its configuration and the form of its faults.
#![warn(missing_docs)]

use aws_config::BehaviorVersion;
pub use aws_config::SdkConfig;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};

/// The configuration of every client: region, credentials and endpoint from the environment, TLS by ring.
pub async fn config() -> SdkConfig {
    let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(https).load().await
}

/// A call to AWS that failed: a fault of ours or of AWS, never the caller's. Its text is for logs alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed: {cause}")]
pub struct Fault {
    /// Which call.
    operation: &'static str,
    /// The service's code and message, or why it was not reached. Never the response itself, which may hold what no log should.
    cause: String,
}

impl Fault {
    /// The call failed, for this reason.
    pub fn new(operation: &'static str, cause: impl Into<String>) -> Self {
        Self { operation, cause: cause.into() }
    }

    /// The SDK failed to make the call, or AWS refused it.
    pub fn of<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug,
    {
        Self::new(operation, cause(error))
    }
}

fn cause<E, R>(error: &SdkError<E, R>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    match error {
        SdkError::ServiceError(refused) => {
            let metadata = refused.err();
            format!(
                "{}: {}",
                metadata.code().unwrap_or("no code"),
                metadata.message().unwrap_or("no message")
            )
        }
        SdkError::ResponseError(_) => "the response could not be read".to_owned(),
        other => DisplayErrorContext(other).to_string(),
    }
}
