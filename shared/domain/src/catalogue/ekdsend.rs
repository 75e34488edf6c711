//! The event types of `EKDSend`. Orbit names `call.completed` too; it is one type, and its entry is here.

use super::EventType;
use super::LivemodeRule::FollowsKey;
use super::field::Shape::{Number, OneOf, Text, Time};
use super::field::{optional, required};

pub(super) const TYPES: &[EventType] = &[
    EventType {
        name: "email.sent",
        code: 20,
        description: "Email was successfully sent",
        livemode: FollowsKey,
        data: &[
            required("message_id", Text("msg_abcdef123456")),
            optional("to", Text("user@example.com")),
            optional("from", Text("hello@yourdomain.com")),
            optional("subject", Text("Welcome!")),
            optional("sent_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "email.delivered",
        code: 21,
        description: "Email was delivered to recipient",
        livemode: FollowsKey,
        data: &[
            required("message_id", Text("msg_abcdef123456")),
            optional("to", Text("user@example.com")),
            optional("from", Text("hello@yourdomain.com")),
            optional("subject", Text("Welcome!")),
            optional("delivered_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "email.opened",
        code: 22,
        description: "Recipient opened the email",
        livemode: FollowsKey,
        data: &[
            required("message_id", Text("msg_abcdef123456")),
            optional("to", Text("user@example.com")),
            optional("opened_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "email.clicked",
        code: 23,
        description: "Recipient clicked a link",
        livemode: FollowsKey,
        data: &[
            required("message_id", Text("msg_abcdef123456")),
            optional("to", Text("user@example.com")),
            optional("url", Text("https://yourdomain.com/welcome")),
            optional("clicked_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "email.bounced",
        code: 24,
        description: "Email bounced (hard/soft)",
        livemode: FollowsKey,
        data: &[
            required("message_id", Text("msg_abcdef123456")),
            optional("to", Text("user@example.com")),
            optional("bounce_type", OneOf(&["hard", "soft"])),
            optional("bounced_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "email.complained",
        code: 25,
        description: "Recipient marked as spam",
        livemode: FollowsKey,
        data: &[
            required("message_id", Text("msg_abcdef123456")),
            optional("to", Text("user@example.com")),
            optional("complained_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "sms.sent",
        code: 26,
        description: "SMS was sent to carrier",
        livemode: FollowsKey,
        data: &[
            optional("message_id", Text("msg_abcdef123456")),
            optional("to", Text("+12125550100")),
            optional("from", Text("+12125551234")),
            optional("sent_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "sms.delivered",
        code: 27,
        description: "SMS was delivered",
        livemode: FollowsKey,
        data: &[
            optional("message_id", Text("msg_abcdef123456")),
            optional("to", Text("+12125550100")),
            optional("from", Text("+12125551234")),
            optional("delivered_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "sms.failed",
        code: 28,
        description: "SMS delivery failed",
        livemode: FollowsKey,
        data: &[
            optional("message_id", Text("msg_abcdef123456")),
            optional("to", Text("+12125550100")),
            optional("from", Text("+12125551234")),
            optional("reason", Text("Unreachable handset")),
            optional("failed_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "sms.received",
        code: 29,
        description: "Incoming SMS received",
        livemode: FollowsKey,
        data: &[
            optional("message_id", Text("msg_abcdef123456")),
            optional("to", Text("+12125550100")),
            optional("from", Text("+12125551234")),
            optional("text", Text("Yes, see you then")),
            optional("received_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "call.initiated",
        code: 30,
        description: "Call was initiated",
        livemode: FollowsKey,
        data: &[
            optional("call_id", Text("call_abcdef123456")),
            optional("to", Text("+12125550100")),
            optional("from", Text("+12125551234")),
            optional("initiated_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "call.answered",
        code: 31,
        description: "Call was answered",
        livemode: FollowsKey,
        data: &[
            optional("call_id", Text("call_abcdef123456")),
            optional("to", Text("+12125550100")),
            optional("from", Text("+12125551234")),
            optional("answered_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "call.completed",
        code: 32,
        description: "Call ended",
        livemode: FollowsKey,
        data: &[
            optional("call_id", Text("call_abcdef123456")),
            optional("to", Text("+12125550100")),
            optional("from", Text("+12125551234")),
            optional("duration_seconds", Number(184.5)),
            optional("completed_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
    EventType {
        name: "call.failed",
        code: 33,
        description: "Call failed to connect",
        livemode: FollowsKey,
        data: &[
            optional("call_id", Text("call_abcdef123456")),
            optional("to", Text("+12125550100")),
            optional("from", Text("+12125551234")),
            optional("reason", Text("Busy")),
            optional("failed_at", Time("2024-01-15T10:30:00Z")),
        ],
    },
];
