use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const TOLERANCE_SECONDS: u64 = 300;

/// Whether a delivery with this `X-DoDevWebhook-Signature` is authentic and recent; `now` in Unix seconds.
pub fn verify(secret: &str, body: &[u8], header: &str, now: u64) -> bool {
    let elements = || header.split(',').filter_map(|element| element.split_once('='));
    let timestamp = elements().find(|(name, _)| *name == "t").map_or("", |(_, value)| value);
    if !timestamp.parse().is_ok_and(|seconds| now.abs_diff(seconds) <= TOLERANCE_SECONDS) {
        return false;
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    elements()
        .filter(|(name, _)| matches!(*name, "v1" | "v0"))
        .filter_map(|(_, signature)| hex::decode(signature).ok())
        .any(|signature| mac.clone().verify_slice(&signature).is_ok())
}
