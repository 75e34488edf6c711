use std::borrow::Cow;

use crate::ErrorCode;

/// Input that a caller can mend. The API answers it with 400.
///
/// The caller sees `message` as it is. `code` is stable, for programs. `param` names the field or query parameter at fault,
/// such as `retry_policy.max_retries`, where there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// Stable, for programs.
    pub code: ErrorCode,
    /// The field or query parameter at fault.
    pub param: Option<Cow<'static, str>>,
    /// What is wrong, in a sentence for the caller.
    pub message: String,
}

impl Invalid {
    /// A problem with one named field or query parameter.
    pub fn param(param: impl Into<Cow<'static, str>>, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, param: Some(param.into()), message: message.into() }
    }

    /// A problem with the request as a whole.
    pub fn whole(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, param: None, message: message.into() }
    }
}
