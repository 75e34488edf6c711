//! Reads a body's text. Its size is bounded, its headers must say JSON, and it must be UTF-8.

use axum::{
    body::{Body, to_bytes},
    http::{
        HeaderMap,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
};
use domain::{ErrorCode, Invalid};

use crate::error::ApiError;

/// The byte order marks, each with the name of its encoding. UTF-32's mark may begin like UTF-16's, so it is looked for first.
const BYTE_ORDER_MARKS: [(&[u8], &str); 5] = [
    (b"\xef\xbb\xbf", "UTF-8"),
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
];

/// Reads a body of at most `limit` bytes whose content type is JSON. It does not parse it.
pub(super) async fn read(body: Body, headers: &HeaderMap, limit: usize) -> Result<String, ApiError> {
    // The body is in memory already. So reading it can fail only because it is too long.
    let bytes = to_bytes(body, limit).await.map_err(|_| ApiError::TooLarge { limit })?;

    if !bytes.is_empty() && is_encoded(headers) {
        return Err(ApiError::UnsupportedContentEncoding);
    }
    if !bytes.is_empty() && !is_json(headers) {
        return Err(ApiError::UnsupportedMediaType);
    }
    refuse_byte_order_mark(&bytes)?;

    let text = String::from_utf8(bytes.into());
    text.map_err(|_| Invalid::whole(ErrorCode::JsonMalformed, "The body is not UTF-8").into())
}

/// Whether the body is compressed or otherwise encoded. The header may be repeated, and each may list several codings. An empty
/// one names none.
fn is_encoded(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(CONTENT_ENCODING).iter();
    let codings = lists.flat_map(|list| list.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    codings.into_iter().any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// JSON has no byte order mark (RFC 8259, 8.1). No editor shows one, so the error names it. Nobody would find the cause of
/// "malformed JSON at line 1, column 1".
fn refuse_byte_order_mark(bytes: &[u8]) -> Result<(), Invalid> {
    match BYTE_ORDER_MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        None => Ok(()),
        Some((_, encoding)) => {
            let message = format!(
                "The body begins with a byte order mark, of {encoding}. Send JSON in UTF-8 without a byte order mark"
            );
            Err(Invalid::whole(ErrorCode::JsonMalformed, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_codings_but_identity_are_recognised_in_lists_and_repeated_headers() {
        let encoded = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, value.parse().unwrap());
            }
            is_encoded(&headers)
        };
        for plain in [&[][..], &[""], &["identity"], &["Identity"], &[" identity , "], &["identity", ""]] {
            assert!(!encoded(plain), "{plain:?}");
        }
        for coded in [
            &["gzip"][..],
            &["GZIP"],
            &["br"],
            &["gzip, identity"],
            &["identity,gzip"],
            &["identity", "deflate"],
            &["", "zstd"],
            &["aes128gcm"],
            &["identity;q=1"],
        ] {
            assert!(encoded(coded), "{coded:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_named_with_its_encoding() {
        let cases: [(&[u8], &str); 6] = [
            (b"\xef\xbb\xbf{}", "UTF-8"),
            (b"\xef\xbb\xbf", "UTF-8"),
            (b"\xff\xfe{\0}\0", "UTF-16"),
            (b"\xfe\xff\0{\0}", "UTF-16"),
            (b"\xff\xfe\0\0{\0\0\0", "UTF-32"),
            (b"\0\0\xfe\xff\0\0\0{", "UTF-32"),
        ];
        for (bytes, encoding) in cases {
            let refused = refuse_byte_order_mark(bytes).unwrap_err();
            assert!(refused.message.contains(&format!("byte order mark, of {encoding}.")), "{refused}");
        }
        assert!(refuse_byte_order_mark("{\"a\":\"\u{feff}\"}".as_bytes()).is_ok());
    }

    #[test]
    fn content_types_of_json_are_recognised() {
        let is =
            |value: &'static str| is_json(&HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]));
        assert!(
            is("application/json")
                && is("Application/JSON; charset=utf-8")
                && is("application/cloudevents+json")
        );
        assert!(!is("text/plain") && !is("application/x-www-form-urlencoded") && !is_json(&HeaderMap::new()));
    }
}
