//! Each action in a function's policy is needed: the emulator enforces them, so the main job shows one that is missing.

use std::{fs, time::SystemTime};

use crate::support::{Customer, Receiver, Reply, aws, stacks, until};

/// The statement that lets `deliver` open signing secrets, its only action.
const DECRYPT: &str = "              - Sid: SigningSecrets
                Effect: Allow
                Action: kms:Decrypt
                Resource: !GetAtt SecretsKey.Arn
";

#[test]
fn without_one_action_of_one_function_nothing_is_delivered() {
    let template = fs::read_to_string(xtask::template()).unwrap();
    assert_eq!(template.matches(DECRYPT).count(), 1, "deliver's statement has changed: change it here too");
    let narrower = stacks::folder("policies").join("narrower.yaml");
    fs::write(&narrower, template.replace(DECRYPT, "")).unwrap();
    let stack = stacks::own("policies", |options| options.template(&narrower));

    let started = SystemTime::now();
    let customer = Customer::of(&stack, "policies");
    let receiver = Receiver::start(Reply::Status(200));
    let endpoint = customer.endpoint(&receiver.url(), &["send.*"]);
    let event = customer.publish();

    let refusal = until("deliver to be refused", || {
        let lines = aws::logged_by_function(stack.env(), "deliver", started);
        lines.into_iter().find(|line| line.contains("message not handled"))
    });
    assert!(refusal.contains("AccessDenied") || refusal.contains("not authorized"), "{refusal}");
    assert_eq!(customer.delivery(&event, &endpoint).unwrap()["status"], "pending");
    assert!(receiver.arrivals().is_empty());
    let depth = aws::depth(stack.env(), "DELIVERIES_QUEUE_URL");
    assert_eq!(depth.visible + depth.in_flight, 1, "it waits for the policy to be mended: {depth:?}");
}
