//! The answers that any call of some kind may give.

use application::{Conflict, Error};
use domain::{ErrorCode, Invalid, scope::Scope};
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type, header::Header},
};

use crate::error::{ApiError, ErrorBody};

/// An answer that any call of some kind may give.
pub(super) struct Shared {
    pub(super) status: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// Headers beside the request's id, and what they say.
    headers: &'static [(&'static str, &'static str)],
    example: ApiError,
}

impl Shared {
    pub(super) fn reference(&self) -> RefOr<Response> {
        Ref::from_response_name(self.name).into()
    }

    pub(super) fn response(&self) -> Response {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(ErrorBody::name())))
            .example(Some(self.example()));
        let mut response = ResponseBuilder::new()
            .description(self.description)
            .content("application/json", content.build())
            .header("X-Request-Id", request_id_header());
        for (name, header) in self.headers() {
            response = response.header(name, header);
        }
        response.build()
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (String, Header)> {
        self.headers.iter().map(|(name, meaning)| {
            let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
            header.description = Some((*meaning).into());
            ((*name).to_owned(), header)
        })
    }

    fn example(&self) -> Value {
        let body = self.example.body("6f1c0a5e2b7d4c3f9e8a1b2c3d4e5f60");
        serde_json::to_value(body).unwrap_or_default()
    }
}

pub(super) fn bad_request() -> Shared {
    Shared {
        status: "400",
        name: "BadRequest",
        description: "The first problem found, in a sentence; `param` names the field or parameter where it is one.",
        headers: &[],
        example: Invalid::param("url", ErrorCode::FieldRequired, "url is required").into(),
    }
}

pub(super) fn unauthorized() -> Shared {
    Shared {
        status: "401",
        name: "Unauthorized",
        description: "The API key is missing, unknown or revoked.",
        headers: &[("WWW-Authenticate", "How to authenticate: `Bearer`.")],
        example: ApiError::Unauthorized,
    }
}

pub(super) fn forbidden() -> Shared {
    Shared {
        status: "403",
        name: "Forbidden",
        description: "The API key lacks the scope that the message names, or is a test key and the call is about a live one.",
        headers: &[],
        example: Error::Forbidden(Scope::WebhooksManage).into(),
    }
}

pub(super) fn not_found() -> Shared {
    Shared {
        status: "404",
        name: "NotFound",
        description: "Your organization has nothing with this id.",
        headers: &[],
        example: Error::NotFound("webhook endpoint").into(),
    }
}

/// Like [`not_found`], for events: an event may still be on its way to the log.
pub(super) fn event_not_found() -> Shared {
    Shared {
        status: "404",
        name: "EventNotFound",
        description: "Your organization has no event with this id, or, with the code `event_not_logged_yet`, none yet.",
        headers: &[(
            "Retry-After",
            "Only with the code `event_not_logged_yet`: after how many seconds to ask again.",
        )],
        example: Error::EventNotLoggedYet.into(),
    }
}

/// For any call that takes an idempotency key.
pub(super) fn conflict() -> Shared {
    Shared {
        status: "409",
        name: "Conflict",
        description: "The `Idempotency-Key` stands for another request, or the first request with it is still running.",
        headers: &[(
            "Retry-After",
            "Only with the code `idempotency_in_progress`: after how many seconds to ask again.",
        )],
        example: Error::from(Conflict::IdempotencyInProgress).into(),
    }
}

pub(super) fn too_large() -> Shared {
    Shared {
        status: "413",
        name: "PayloadTooLarge",
        description: "The body, or the event's `data` in it, is too large.",
        headers: &[],
        example: ApiError::TooLarge { limit: 65_536 },
    }
}

pub(super) fn unsupported() -> Shared {
    Shared {
        status: "415",
        name: "UnsupportedMediaType",
        description: "The body is not JSON by its `Content-Type`, or it is encoded by its `Content-Encoding`: then \
                      `Accept-Encoding` says what is accepted.",
        headers: &[("Accept-Encoding", "Only with the code `content_encoding_unsupported`: `identity`.")],
        example: ApiError::UnsupportedMediaType,
    }
}

pub(super) fn internal() -> Shared {
    Shared {
        status: "500",
        name: "InternalError",
        description: "A fault of ours. Try again.",
        headers: &[],
        example: Error::Internal(String::new()).into(),
    }
}

/// The header that every answer has.
pub(super) fn request_id_header() -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
    header.description = Some("The request's id, for support.".into());
    header
}
