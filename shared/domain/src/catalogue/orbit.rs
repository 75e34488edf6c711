//! Devotel Orbit's event types, save `call.completed`, which is in `ekdsend.rs`. Its documentation shows names only.

use super::EventType;
use super::LivemodeRule::FollowsKey;
use super::field::Shape::{Text, Time};
use super::field::optional;

pub(super) const TYPES: &[EventType] = &[
    EventType {
        name: "message.delivered",
        code: 34,
        description: "Message was delivered to recipient",
        livemode: FollowsKey,
        data: &[
            optional("message_id", Text("msg_abc123")),
            optional("channel", Text("sms")),
            optional("to", Text("+12125550100")),
            optional("delivered_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "message.failed",
        code: 35,
        description: "Message could not be delivered",
        livemode: FollowsKey,
        data: &[
            optional("message_id", Text("msg_abc123")),
            optional("channel", Text("sms")),
            optional("to", Text("+12125550100")),
            optional("reason", Text("Unreachable handset")),
            optional("failed_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "verification.approved",
        code: 36,
        description: "Recipient confirmed their verification code",
        livemode: FollowsKey,
        data: &[
            optional("verification_id", Text("ver_abc123")),
            optional("channel", Text("sms")),
            optional("to", Text("+12125550100")),
            optional("approved_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
];
