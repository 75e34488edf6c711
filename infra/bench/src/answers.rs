//! What functions answered, held against what they should have: work that was refused would be the cheapest of all.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::Result;

#[derive(Deserialize)]
struct ApiAnswer {
    #[serde(rename = "statusCode")]
    status: u16,
    #[serde(default)]
    body: String,
}

/// Errors: the HTTP handler answered with another status.
pub fn expect_status(response: &Bytes, status: u16) -> Result<()> {
    let answer: ApiAnswer = serde_json::from_slice(response)?;
    if answer.status == status {
        return Ok(());
    }
    Err(format!("{status} was expected, and it answered {}: {}", answer.status, answer.body).into())
}

/// Errors: not every event of a batch was published.
pub fn expect_all_published(response: &Bytes, count: usize) -> Result<()> {
    let answer: ApiAnswer = serde_json::from_slice(response)?;
    let body: Value = serde_json::from_str(&answer.body)?;
    let results = body["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    let published = results.iter().filter(|result| result["status"] == 202).count();
    if published == count {
        return Ok(());
    }
    Err(format!("{published} of {count} events were published: {} {}", answer.status, answer.body).into())
}

/// Errors: a message of the batch is to come again.
pub fn expect_no_failures(response: &Bytes) -> Result<()> {
    let answer: Value = serde_json::from_slice(response)?;
    match answer["batchItemFailures"].as_array() {
        Some(failures) if failures.is_empty() => Ok(()),
        _ => Err(format!("messages of a batch failed: {answer}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_checked() {
        assert!(expect_status(&r#"{"statusCode":202,"headers":{}}"#.into(), 202).is_ok());
        let refused = expect_status(&r#"{"statusCode":403,"body":"no"}"#.into(), 202).unwrap_err();
        assert_eq!(refused.to_string(), "202 was expected, and it answered 403: no");

        assert!(expect_no_failures(&r#"{"batchItemFailures":[]}"#.into()).is_ok());
        assert!(expect_no_failures(&r#"{"batchItemFailures":[{"itemIdentifier":"1"}]}"#.into()).is_err());
        assert!(expect_no_failures(&"null".into()).is_err());

        let batch = |status: u16| {
            let results = format!(r#"{{\"results\":[{{\"status\":{status}}}]}}"#);
            Bytes::from(format!(r#"{{"statusCode":207,"body":"{results}"}}"#))
        };
        assert!(expect_all_published(&batch(202), 1).is_ok());
        assert!(expect_all_published(&batch(202), 2).is_err());
        assert!(expect_all_published(&batch(400), 1).is_err());
    }
}
