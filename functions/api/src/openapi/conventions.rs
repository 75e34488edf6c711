//! What all calls of a kind have in common: errors, headers, security.

use std::iter::once;

use domain::scope::{Scope, Scopes};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, ObjectBuilder, OpenApi, OpenApiVersion, RefOr, Type,
        extensions::Extensions,
        path::{Operation, ParameterBuilder, ParameterIn},
        request_body::RequestBody,
        schema::Schema,
        security::SecurityRequirement,
    },
};

use super::{
    errors::{self, Shared},
    info::{API_KEY, BEARER},
    parameters,
};
use crate::{
    error::{Code, ErrorBody},
    request::MAX_IDEMPOTENCY_KEY_CHARS,
};

const REQUEST_ID: &str = "X-Request-Id";

/// Adds to every operation what follows from its security, its parameters and its body.
pub(super) fn add(document: &mut OpenApi) {
    document.openapi = OpenApiVersion::Version31;
    for (path, item) in &mut document.paths.paths {
        // POST and PATCH change something each time they are sent. PUT and DELETE may be sent again by their own meaning.
        for operation in [&mut item.post, &mut item.patch].into_iter().filter_map(Option::as_mut) {
            add_idempotency(operation);
        }
        let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete, &mut item.put];
        for operation in operations.into_iter().filter_map(Option::as_mut) {
            complete(operation, path);
        }
    }
    let components = document.components.get_or_insert_with(Components::new);
    parameters::add_schemas(components);
    components.schemas.insert(ErrorBody::name().into(), ErrorBody::schema());
    components.schemas.insert(Code::name().into(), Code::schema());
    for shared in every() {
        components.responses.insert(shared.name.into(), shared.response().into());
    }
}

fn every() -> [Shared; 9] {
    [
        errors::bad_request(),
        errors::unauthorized(),
        errors::forbidden(),
        errors::not_found(),
        errors::event_not_found(),
        errors::conflict(),
        errors::too_large(),
        errors::unsupported(),
        errors::internal(),
    ]
}

/// Adds the header by which a request that is sent again is recognized.
fn add_idempotency(operation: &mut Operation) {
    let key = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(MAX_IDEMPOTENCY_KEY_CHARS))
        .pattern(Some("^[ -~]+$"));
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "A text of your own that stands for this request. Within 24 hours, the same key with the same route and body gets the \
             same answer, and nothing happens twice. For another route, body or mode (live, test) it is refused, and while the first \
             request runs too. An answer of 5xx is not kept: send the request again. What was refused before anything happened leaves the key free.",
        ))
        .schema(Some(key));
    operation.parameters.get_or_insert_default().push(parameter.build().into());

    let conflict = errors::conflict();
    match operation.responses.responses.get_mut("409") {
        Some(RefOr::T(own)) => {
            own.description = format!("{} Or: {}", own.description, conflict.description);
            own.headers.extend(conflict.headers().map(|(name, header)| (name, header.into())));
        }
        _ => {
            operation.responses.responses.insert("409".into(), conflict.reference());
        }
    }
}

fn complete(operation: &mut Operation, path: &str) {
    let has_query = operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Query,
        RefOr::Ref(_) => false,
    });
    let has_body = operation.request_body.is_some();
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        refuse_null(body);
    }

    let mut shared = vec![errors::internal()];
    if let Some(scope) = required_scope(operation) {
        secure(operation, scope);
        shared.extend([errors::unauthorized(), errors::forbidden()]);
    }
    if has_query || has_body {
        shared.push(errors::bad_request());
    }
    if path.starts_with("/v1/events/{") {
        shared.push(errors::event_not_found());
    } else if path.contains('{') {
        shared.push(errors::not_found());
    }
    if has_body {
        shared.extend([errors::too_large(), errors::unsupported()]);
    }

    let responses = &mut operation.responses.responses;
    for response in responses.values_mut() {
        if let RefOr::T(response) = response {
            response.headers.insert(REQUEST_ID.into(), errors::request_id_header().into());
        }
    }
    for shared in shared {
        responses.entry(shared.status.into()).or_insert_with(|| shared.reference());
    }
}

/// An optional body can be left out, but it cannot be null.
fn refuse_null(body: &mut RequestBody) {
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        if let Some(RefOr::T(Schema::OneOf(choices))) = &content.schema {
            content.schema = choices.items.first().cloned();
        }
    }
}

/// The scope that the handler's attribute names.
fn required_scope(operation: &Operation) -> Option<Scope> {
    let security = serde_json::to_value(&operation.security).unwrap_or_default();
    security[0][BEARER][0].as_str().and_then(Scope::from_name)
}

/// Allows either header, and each scope that includes the one that is needed.
fn secure(operation: &mut Operation, scope: Scope) {
    let requirement = |scheme| SecurityRequirement::new(scheme, [scope.name()]);
    operation.security = Some(vec![requirement(BEARER), requirement(API_KEY)]);
    let others = Scope::ALL
        .into_iter()
        .filter(|held| {
            *held != scope && Scopes::parse(&[held.name()]).is_ok_and(|scopes| scopes.allow(scope))
        })
        .map(Scope::name);
    let names: Vec<_> = once(scope.name()).chain(others).map(|name| format!("`{name}`")).collect();
    let description = operation.description.take().unwrap_or_default();
    let needs = format!("Needs the scope {}.", names.join(" or "));
    operation.description = Some(format!("{description}\n\n{needs}").trim_start().to_owned());
    operation.extensions = Some(Extensions::from_iter([("x-required-scope", Value::from(scope.name()))]));
}
