//! A receiver's verification in JavaScript, run by Node.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::json;

/// What the documentation's verifier says of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    Accepted,
    Refused,
}

/// Hands a delivery to the verifier, which computes as the documentation's example does, with Node's own `crypto`.
pub(crate) fn judge(secret: &str, timestamp: &str, signature: &str, body: &str) -> Judgement {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/fixtures/verify.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node verifies deliveries as receivers do; install it (Debian: apt-get install nodejs)");
    let delivery = json!({ "secret": secret, "timestamp": timestamp, "signature": signature, "body": body });
    let stdin = node.stdin.take().expect("a pipe to Node");
    { stdin }.write_all(delivery.to_string().as_bytes()).expect("Node reads the delivery");
    let output = node.wait_with_output().expect("Node ends");
    assert!(output.status.success(), "verify.mjs failed: see its message above");
    match output.stdout.as_slice() {
        b"accepted\n" => Judgement::Accepted,
        b"refused\n" => Judgement::Refused,
        other => panic!("verify.mjs said {}", String::from_utf8_lossy(other)),
    }
}
