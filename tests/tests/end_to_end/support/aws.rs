//! What the platform's customers cannot see: logs and queues, read through the emulator's AWS API.

use std::time::SystemTime;

use serde_json::{Value, json};
use xtask::StackEnv;

/// How many messages a queue has, by where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) visible: u64,
    pub(crate) in_flight: u64,
    pub(crate) delayed: u64,
}

/// Everything that the stack's functions and its API have logged since then, line by line.
pub(crate) fn logged(env: &StackEnv, since: SystemTime) -> Vec<String> {
    let prefix = format!("/{}/", env.stack_name());
    let groups = logs(env, "DescribeLogGroups", &json!({ "logGroupNamePrefix": prefix }));
    let groups = groups["logGroups"].as_array().expect("log groups").iter();
    groups.flat_map(|group| logged_by(env, &group["logGroupName"], since)).collect()
}

/// What one function has logged since then, by the name of its crate.
pub(crate) fn logged_by_function(env: &StackEnv, function: &str, since: SystemTime) -> Vec<String> {
    logged_by(env, &json!(format!("/{}/{function}", env.stack_name())), since)
}

fn logged_by(env: &StackEnv, group: &Value, since: SystemTime) -> Vec<String> {
    let since = since.duration_since(SystemTime::UNIX_EPOCH).expect("a time of this century").as_millis();
    let mut question = json!({ "logGroupName": group, "startTime": u64::try_from(since).unwrap() });
    let mut lines = Vec::new();
    loop {
        let page = logs(env, "FilterLogEvents", &question);
        let events = page["events"].as_array().expect("log events").iter();
        lines.extend(events.map(|event| event["message"].as_str().expect("a message").to_owned()));
        match page.get("nextToken") {
            Some(token) => question["nextToken"] = token.clone(),
            None => return lines,
        }
    }
}

/// A queue's depth. `queue` is its name in the stack's variables, `DELIVERIES_QUEUE_URL`.
pub(crate) fn depth(env: &StackEnv, queue: &str) -> Depth {
    let url = env.get(queue).unwrap_or_else(|failure| panic!("{failure}"));
    let question = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
    let answer = call(env, "sqs", "1.0", "AmazonSQS.GetQueueAttributes", &question);
    let number = |name: &str| {
        let text = answer["Attributes"][name].as_str().unwrap_or_else(|| panic!("no {name}: {answer}"));
        text.parse().expect("a number of messages")
    };
    Depth {
        visible: number("ApproximateNumberOfMessages"),
        in_flight: number("ApproximateNumberOfMessagesNotVisible"),
        delayed: number("ApproximateNumberOfMessagesDelayed"),
    }
}

fn logs(env: &StackEnv, action: &str, question: &Value) -> Value {
    call(env, "logs", "1.1", &format!("Logs_20140328.{action}"), question)
}

/// How often a call is made that the emulator fails to answer, as AWS's SDKs do: it lists log groups while functions make them, and
/// then has an error of its own (`dictionary changed size during iteration`).
const TRIES: usize = 5;

fn call(env: &StackEnv, service: &str, protocol: &str, target: &str, question: &Value) -> Value {
    let mut answer = ask(env, service, protocol, target, question);
    for _ in 1..TRIES {
        if answer.status_code < 500 {
            break;
        }
        answer = ask(env, service, protocol, target, question);
    }

    let body = answer.as_str().expect("AWS answers UTF-8");
    assert_eq!(answer.status_code, 200, "{target}: {body}");
    serde_json::from_str(body).expect("AWS answers JSON")
}

/// The emulator takes its root's word for who it is: the signature is not looked at, only the key's name.
fn ask(env: &StackEnv, service: &str, protocol: &str, target: &str, question: &Value) -> minreq::Response {
    let variable = |name: &str| env.get(name).unwrap_or_else(|failure| panic!("{failure}"));
    let (key, region) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_REGION"));
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    minreq::post(variable("AWS_ENDPOINT_URL"))
        .with_header("Content-Type", format!("application/x-amz-json-{protocol}"))
        .with_header("X-Amz-Target", target)
        .with_header("Authorization", signature)
        .with_body(question.to_string())
        .with_timeout(60)
        .send()
        .expect("the emulator answers")
}
