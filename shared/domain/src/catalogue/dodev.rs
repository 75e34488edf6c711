//! do.dev's own event types.
//!
//! A new type takes a code that none of the three files has ever used. The code of a removed type stays reserved.

use super::EventType;
use super::LivemodeRule::{AlwaysFalse, FollowsKey};
use super::field::Shape::{Count, Flag, Number, Object, OneOf, Text, Texts};
use super::field::{optional, required};

pub(super) const TYPES: &[EventType] = &[
    EventType {
        name: "send.email.sent",
        code: 1,
        description: "Email accepted for delivery",
        livemode: FollowsKey,
        data: &[
            required("messageId", Text("msg_abc123")),
            optional("from", Text("hello@mail.example.com")),
            optional("to", Texts(&["user@example.com"])),
            optional("subject", Text("Welcome to our platform")),
        ],
    },
    EventType {
        name: "send.email.delivered",
        code: 2,
        description: "Email successfully delivered to recipient",
        livemode: FollowsKey,
        data: &[
            required("messageId", Text("msg_abc123")),
            optional("to", Text("user@example.com")),
            optional("subject", Text("Welcome to our platform")),
        ],
    },
    EventType {
        name: "send.email.bounced",
        code: 3,
        description: "Email bounced (hard or soft bounce)",
        livemode: FollowsKey,
        data: &[
            required("messageId", Text("msg_abc123")),
            optional("to", Text("user@example.com")),
            optional("bounceType", OneOf(&["hard", "soft"])),
            optional("diagnosticCode", Text("550 5.1.1 User unknown")),
        ],
    },
    EventType {
        name: "send.email.complained",
        code: 4,
        description: "Recipient filed a spam complaint",
        livemode: FollowsKey,
        data: &[
            required("messageId", Text("msg_abc123")),
            optional("to", Text("user@example.com")),
            optional("feedbackType", Text("abuse")),
        ],
    },
    EventType {
        name: "send.email.opened",
        code: 5,
        description: "Recipient opened the email (tracking pixel loaded)",
        livemode: FollowsKey,
        data: &[
            required("messageId", Text("msg_abc123")),
            optional("to", Text("user@example.com")),
            optional("userAgent", Text("Mozilla/5.0")),
        ],
    },
    EventType {
        name: "send.email.clicked",
        code: 6,
        description: "Recipient clicked a link in the email",
        livemode: FollowsKey,
        data: &[
            required("messageId", Text("msg_abc123")),
            optional("to", Text("user@example.com")),
            optional("url", Text("https://example.com/welcome")),
            optional("userAgent", Text("Mozilla/5.0")),
        ],
    },
    EventType {
        name: "send.domain.verified",
        code: 7,
        description: "Sending domain DNS verification completed",
        livemode: FollowsKey,
        data: &[optional("domain", Text("mail.example.com"))],
    },
    EventType {
        name: "send.suppression.added",
        code: 8,
        description: "Email address added to suppression list",
        livemode: FollowsKey,
        data: &[optional("email", Text("user@example.com")), optional("reason", Text("hard_bounce"))],
    },
    EventType {
        name: "telco.lookup.completed",
        code: 9,
        description: "Phone number lookup completed",
        livemode: FollowsKey,
        data: &[
            required("tn", Text("2125551234")),
            optional("npa", Text("212")),
            optional("nxx", Text("555")),
            optional("hasCarrier", Flag(true)),
            optional("hasInventory", Flag(false)),
        ],
    },
    EventType {
        name: "telco.search.completed",
        code: 10,
        description: "Number search query completed",
        livemode: FollowsKey,
        data: &[
            required("source", Text("npanxx")),
            optional("filters", Object(&[optional("state", Text("NY")), optional("npa", Text("212"))])),
        ],
    },
    EventType {
        name: "talk.speech.generated",
        code: 11,
        description: "Text-to-speech audio generated",
        livemode: FollowsKey,
        data: &[
            required("voice", Text("asteria")),
            optional("format", Text("mp3")),
            optional("textLength", Count(256)),
            optional("speed", Number(1.0)),
        ],
    },
    EventType {
        name: "voip.call.incoming",
        code: 12,
        description: "Incoming call received",
        livemode: FollowsKey,
        data: &[
            optional("callId", Text("call_abc123")),
            optional("from", Text("+12125551234")),
            optional("to", Text("+12125550100")),
        ],
    },
    EventType {
        name: "voip.call.completed",
        code: 13,
        description: "Call ended normally",
        livemode: FollowsKey,
        data: &[
            optional("callId", Text("call_abc123")),
            optional("from", Text("+12125551234")),
            optional("to", Text("+12125550100")),
            optional("durationSeconds", Number(184.5)),
        ],
    },
    EventType {
        name: "voip.call.missed",
        code: 14,
        description: "Unanswered incoming call",
        livemode: FollowsKey,
        data: &[
            optional("callId", Text("call_abc123")),
            optional("from", Text("+12125551234")),
            optional("to", Text("+12125550100")),
        ],
    },
    EventType {
        name: "transcribe.session.completed",
        code: 15,
        description: "Transcription session completed",
        livemode: FollowsKey,
        data: &[
            optional("sessionId", Text("session_abc123")),
            optional("language", Text("en")),
            optional("durationSeconds", Number(92.5)),
        ],
    },
    EventType {
        name: "platform.key.created",
        code: 16,
        description: "New API key created",
        livemode: FollowsKey,
        data: &[
            required("key_id", Text("key_abc123")),
            optional("name", Text("Production")),
            optional("scopes", Texts(&["platform:events:read"])),
        ],
    },
    EventType {
        name: "platform.key.revoked",
        code: 17,
        description: "API key revoked",
        livemode: FollowsKey,
        data: &[required("key_id", Text("key_abc123")), optional("name", Text("Production"))],
    },
    EventType {
        name: "platform.test",
        code: 18,
        description: "Test event (from webhook test button)",
        livemode: AlwaysFalse,
        data: &[
            optional("message", Text("This is a test webhook event from do.dev")),
            required("endpoint_id", Text("whep_abc123")),
        ],
    },
    EventType {
        name: "platform.webhook.paused",
        code: 19,
        description: "Webhook endpoint paused: its events are held until it is unpaused",
        livemode: FollowsKey,
        data: &[
            required("endpoint_id", Text("whep_abc123")),
            optional("url", Text("https://example.com/webhooks/dodev")),
            optional("consecutive_failures", Count(10)),
        ],
    },
];
