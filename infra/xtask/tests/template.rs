//! Checks of the template for what the emulator does not enforce. No end-to-end test can notice when it is missing.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

/// The lines of one resource.
fn resource(name: &str) -> String {
    let template = std::fs::read_to_string(xtask::template()).unwrap();
    let lines: Vec<&str> = template
        .lines()
        .skip_while(|line| *line != format!("  {name}:"))
        .enumerate()
        .take_while(|(number, line)| *number == 0 || line.is_empty() || line.starts_with("   "))
        .map(|(_, line)| line)
        .collect();
    assert!(!lines.is_empty(), "no resource {name}");
    lines.join("\n")
}

/// The statement about this resource in a role's policy, as one line.
fn statement(role: &str, on: &str) -> String {
    let on = format!("!GetAtt {on}");
    let names = |line: &str| line.trim().starts_with("Resource: ") && line.contains(&on);
    resource(role)
        .split("- Sid: ")
        .find(|statement| statement.lines().any(names))
        .unwrap_or_else(|| panic!("{role} has no statement with {on}"))
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn functions_may_take_messages_from_their_queues() {
    for (role, queue) in [
        ("FanOutRole", "EventsQueue.Arn"),
        ("DeliverRole", "DeliveriesQueue.Arn"),
        ("DeliverRole", "SlowDeliveriesQueue.Arn"),
    ] {
        let statement = statement(role, queue);
        for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"] {
            assert!(statement.contains(action), "{role}: {action} is missing from: {statement}");
        }
    }
}

#[test]
fn only_the_rule_may_send_to_the_queues_of_the_bus() {
    for (policy, queue) in
        [("EventsQueuePolicy", "EventsQueue"), ("EventRuleDeadLetterQueuePolicy", "EventRuleDeadLetterQueue")]
    {
        let policy = resource(policy);
        assert!(policy.contains(&format!("Queues: [!Ref {queue}]")), "{policy}");
        assert!(policy.contains(&format!("Resource: !GetAtt {queue}.Arn")), "{policy}");
        assert!(policy.contains("Action: sqs:SendMessage"), "{policy}");
        assert!(policy.contains("ArnEquals: { aws:SourceArn: !GetAtt EventRule.Arn }"), "{policy}");
    }
}

#[test]
fn the_http_api_may_call_its_function() {
    let permission = resource("HttpApiPermission");
    assert!(permission.contains("FunctionName: !Ref ApiFunction"), "{permission}");
    assert!(permission.contains("Principal: apigateway.amazonaws.com"), "{permission}");
    assert!(permission.contains(":${HttpApi}/"), "{permission}");
}

#[test]
fn the_rule_keeps_what_it_cannot_deliver() {
    assert!(
        resource("EventRule").contains("DeadLetterConfig: { Arn: !GetAtt EventRuleDeadLetterQueue.Arn }")
    );
}

#[test]
fn a_queue_hides_a_batch_for_six_times_its_functions_timeout() {
    for (queue, function) in [
        ("EventsQueue", "FanOutFunction"),
        ("DeliveriesQueue", "DeliverFunction"),
        ("SlowDeliveriesQueue", "DeliverFunction"),
    ] {
        let visibility = number(&resource(queue), "VisibilityTimeout: ");
        let timeout = number(&resource(function), "Timeout: ");
        assert!(visibility >= 6 * timeout, "{queue}: {visibility} s, {function}: {timeout} s");
    }
}

/// The emulator gives every queue 1 MiB. On AWS, the template's number counts, and 200 KiB of data can take 267 KiB.
#[test]
fn every_queue_takes_messages_of_1_mib() {
    let template = std::fs::read_to_string(xtask::template()).unwrap();
    let queues: Vec<_> = template
        .lines()
        .zip(template.lines().skip(1))
        .filter(|(_, kind)| kind.trim() == "Type: AWS::SQS::Queue")
        .map(|(name, _)| name.trim().trim_end_matches(':'))
        .collect();
    assert!(queues.len() >= 6, "{queues:?}");
    for queue in queues {
        assert_eq!(number(&resource(queue), "MaximumMessageSize: "), 1024 * 1024, "{queue}");
    }
}

#[test]
fn tables_and_key_outlive_the_stack() {
    for name in ["RegistryTable", "LogTable", "SecretsKey"] {
        let resource = resource(name);
        assert!(resource.contains("DeletionPolicy: Retain"), "{name}");
        assert!(resource.contains("UpdateReplacePolicy: Retain"), "{name}");
    }
}

#[test]
fn tables_expire_items_and_can_be_restored() {
    for name in ["RegistryTable", "LogTable"] {
        let table = resource(name);
        assert!(
            table.contains("TimeToLiveSpecification: { AttributeName: expires_at, Enabled: true }"),
            "{name}"
        );
        assert!(table.contains("PointInTimeRecoveryEnabled: true"), "{name}");
    }
}

#[test]
fn no_policy_of_a_function_has_a_wildcard_but_for_traces() {
    for role in ["ApiRole", "FanOutRole", "DeliverRole"] {
        let resource = resource(role);
        let policies = resource.split_once("Policies:").unwrap().1;
        for statement in policies.split("- Sid: ").skip(1).map(|statement| statement.replace("- *Traces", ""))
        {
            let traces = statement.contains("xray:PutTraceSegments");
            assert!(traces || !statement.contains('*'), "{role}: {statement}");
        }
    }
}

fn number(resource: &str, field: &str) -> u32 {
    let value = resource.lines().find_map(|line| line.trim().strip_prefix(field));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {field} in {resource}"))
}
