//! Checks a delivery's signature, like a receiver that has read only the public documentation.
//!
//! On purpose, this shares no code with the part that signs: two readings of the same text must agree.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::receiver::Received;

/// What a receiver concludes from a request's headers and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Valid,
    NoTimestamp,
    NoSignature,
    Wrong,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "valid signature",
            Self::NoTimestamp => "INVALID: no X-DoDevWebhook-Timestamp header",
            Self::NoSignature => "INVALID: no v1= in an X-DoDevWebhook-Signature header",
            Self::Wrong => "INVALID: the signature is not this secret's over this timestamp and body",
        })
    }
}

/// Verifies like the example in the documentation. The timestamp comes from its header, the signature is the text after `v1=`,
/// and the whole secret is the key, `whsec_` included.
pub fn verify(request: &Received, secret: &str) -> Verdict {
    let Some(timestamp) = request.header("X-DoDevWebhook-Timestamp") else {
        return Verdict::NoTimestamp;
    };
    let signature = request.header("X-DoDevWebhook-Signature").unwrap_or_default();
    let Some(given) = signature.split("v1=").nth(1) else {
        return Verdict::NoSignature;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return Verdict::Wrong;
    };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(&request.body);
    // It is compared as text, like in the example. Upper-case digits, or another element after it, are wrong.
    if hex::encode(mac.finalize().into_bytes()) == given { Verdict::Valid } else { Verdict::Wrong }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_dGVzdA==";
    // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'whsec_dGVzdA=='
    const SIGNATURE: &str = "5f546eef70c9127caf7facd578ef04d95f9e33625fb033341afc26bcfa798657";

    fn request(signature: &str, body: &str) -> Received {
        Received {
            method: "POST".into(),
            path: "/".into(),
            headers: vec![
                ("x-dodevwebhook-timestamp".into(), "1700000000".into()),
                ("x-dodevwebhook-signature".into(), signature.into()),
            ],
            body: body.into(),
        }
    }

    #[test]
    fn a_signature_made_by_openssl_is_valid() {
        let request = request(&format!("t=1700000000,v1={SIGNATURE}"), r#"{"a":1}"#);
        assert_eq!(verify(&request, SECRET), Verdict::Valid);
        assert_eq!(verify(&request, "whsec_other"), Verdict::Wrong);
    }

    #[test]
    fn a_changed_body_is_wrong() {
        let request = request(&format!("t=1700000000,v1={SIGNATURE}"), r#"{"a":2}"#);
        assert_eq!(verify(&request, SECRET), Verdict::Wrong);
    }

    #[test]
    fn anything_behind_the_signature_is_wrong() {
        let request = request(&format!("t=1700000000,v1={SIGNATURE},x=1"), r#"{"a":1}"#);
        assert_eq!(verify(&request, SECRET), Verdict::Wrong);
    }

    #[test]
    fn missing_headers_are_named() {
        let mut unsigned = request("t=1700000000", r#"{"a":1}"#);
        assert_eq!(verify(&unsigned, SECRET), Verdict::NoSignature);
        unsigned.headers.clear();
        assert_eq!(verify(&unsigned, SECRET), Verdict::NoTimestamp);
    }
}
