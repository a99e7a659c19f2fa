//! OpenAPI 3.1, made from the table of operations. The schemas that it names are written beside it, in JSON.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::envelope::{ErrorCode, Problem};
use crate::http::{Header, Response};
use crate::ofrep;
use crate::operations::{self, Access, Answer, Content, Entry, Kind, Media, Parameter, Payload, Place};
use crate::route::Route;
use crate::v1::{self, Scope};

/// The schemas, by surface.
const SCHEMAS: [&str; 6] = [
    include_str!("openapi/common.json"),
    include_str!("openapi/model.json"),
    include_str!("openapi/control.json"),
    include_str!("openapi/evaluation.json"),
    include_str!("openapi/flags_api.json"),
    include_str!("openapi/ofrep.json"),
];

/// Answers with the description of every surface.
///
/// # Errors
/// It cannot be written, which the tests rule out.
#[inline(never)]
pub(crate) fn answer() -> Result<Response, Problem> {
    static TEXT: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let text = TEXT.get_or_init(|| serde_json::to_vec(&document()?).ok());
    let body =
        text.clone().ok_or_else(|| Problem::new(ErrorCode::InternalError, "the description cannot be written"))?;
    Ok(Response { body, ..Response::new(200) }
        .with("Content-Type", "application/json")
        .with("Cache-Control", "public, max-age=300"))
}

/// The description; none where a file of schemas is no JSON object.
fn document() -> Option<Value> {
    let mut schemas = Map::new();
    for text in SCHEMAS {
        schemas.extend(serde_json::from_str::<Map<String, Value>>(text).ok()?);
    }
    let mut paths: Map<String, Value> = Map::new();
    for entry in operations::all() {
        let path = paths.entry(entry.path.replace("*}", "}")).or_insert_with(|| json!({}));
        path.as_object_mut()?.insert(entry.method.to_ascii_lowercase(), operation(entry));
    }
    Some(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "burgee",
            "version": burgee_core::VERSION,
            "description": "Feature flags: evaluation, the control plane, and OFREP.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "identity": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": IDENTITY},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": scopes()},
                "metrics": {"type": "http", "scheme": "bearer", "description": METRICS},
            },
        },
    }))
}

/// Which tokens say who a caller is.
const IDENTITY: &str = "A token of the platform's issuer (FF_JWT_ISSUER), signed with RS256, ES256 or EdDSA.";

/// What `/metrics` may ask for.
const METRICS: &str = "The token of FF_METRICS_TOKEN, where that is set.";

fn scopes() -> String {
    let names = Scope::ALL.map(Scope::name).join(", ");
    format!("A token of POST /v1/auth/token. Its scopes: {names}.")
}

fn operation(entry: &Entry) -> Value {
    let mut operation = json!({
        "operationId": id(entry),
        "summary": entry.summary,
        "tags": [tag(entry.path)],
        "parameters": parameters(entry),
        "responses": responses(entry),
    });
    if let (Some(body), Some(members)) = (entry.body, operation.as_object_mut()) {
        members.insert("requestBody".to_owned(), request_body(body));
    }
    let security = match entry.access {
        Access::Scopes(_) => Some(json!([{"bearer": []}])),
        Access::Ofrep => Some(json!([{}, {"bearer": []}, {"identity": []}])),
        Access::Caller => Some(json!([{}, {"identity": []}])),
        Access::Metrics => Some(json!([{}, {"metrics": []}])),
        Access::Open | Access::Client | Access::StreamToken => None,
    };
    if let (Some(security), Some(members)) = (security, operation.as_object_mut()) {
        members.insert("security".to_owned(), security);
    }
    if let (Access::Scopes(scopes), Some(members)) = (entry.access, operation.as_object_mut()) {
        let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        members.insert("description".to_owned(), format!("Scope: {}.", names.join(" or ")).into());
    }
    operation
}

/// `get_v1_flags_key`
fn id(entry: &Entry) -> String {
    let words = entry.path.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(entry.method.to_ascii_lowercase(), |id, word| format!("{id}_{word}"))
}

/// The first part of a path that says what it is about.
fn tag(path: &str) -> &str {
    let mut parts = path.trim_start_matches('/').split('/');
    match (parts.next(), parts.next()) {
        (Some("v1"), Some(second)) => second,
        (Some("api"), _) => "api/flags",
        (Some("ofrep"), _) => "ofrep",
        _ => "operations",
    }
}

fn parameters(entry: &Entry) -> Vec<Value> {
    let in_path = entry.path.split('/').filter_map(operations::inner).map(|name| path_parameter(entry, name));
    let in_query = entry.query.iter().map(query_parameter);
    let for_access: &[(Header, bool)] = match entry.access {
        Access::Scopes(_) => &[(Header::Tenant, true)],
        Access::Ofrep => &[(Header::Tenant, false)],
        _ => &[],
    };
    let own = entry.headers.iter().map(|header| (*header, false));
    let headers = for_access.iter().copied().chain(own).filter(|(header, _)| *header != Header::AcceptEncoding);
    in_path.chain(in_query).chain(headers.map(|(header, required)| header_parameter(header, required))).collect()
}

fn path_parameter(entry: &Entry, name: &str) -> Value {
    let name = name.trim_end_matches('*');
    let schema = match name {
        "scope" => json!({"enum": ["user", "tenant"]}),
        "id" | "delivery" => json!({"type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[^/]+$"}),
        "category" => {
            json!({"type": "string", "minLength": 1, "maxLength": burgee_core::limits::KEY_CHARS, "pattern": "^[^/]+$"})
        }
        // A registry's flags may have been given any name.
        "key" if entry.path.starts_with("/api/") => json!({"type": "string", "minLength": 1}),
        _ => json!({"$ref": "#/components/schemas/Key"}),
    };
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

fn query_parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        Kind::Text | Kind::PageToken => {
            json!({"type": "string", "minLength": usize::from(parameter.kind != Kind::Text || parameter.required)})
        }
        Kind::Key => json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{0,128}$"}),
        Kind::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::OneOf(words) => json!({"enum": words}),
        Kind::Time => json!({"$ref": "#/components/schemas/Time"}),
    };
    json!({"name": parameter.name, "in": "query", "required": parameter.required, "schema": schema})
}

fn header_parameter(header: Header, required: bool) -> Value {
    let schema = match header {
        Header::Tenant => json!({"$ref": "#/components/schemas/Key"}),
        // One that is empty is absent.
        Header::Registry => json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{0,128}$"}),
        Header::LastEventId => json!({"type": "integer", "minimum": 0, "maximum": burgee_core::MAX_SAFE_INTEGER}),
        _ => json!({"type": "string"}),
    };
    json!({"name": header.name(), "in": "header", "required": required, "schema": schema})
}

fn request_body(body: Payload) -> Value {
    let json = of_schema(body.schema);
    let content = match body.media {
        Media::Json | Media::Any => json!({"application/json": json}),
        Media::MergePatch => json!({"application/merge-patch+json": json, "application/json": json}),
        // A form has neither null nor lists.
        Media::JsonOrForm => json!({
            "application/json": json,
            "application/x-www-form-urlencoded": of_schema(&format!("{}Form", body.schema)),
        }),
    };
    json!({"required": !body.optional, "content": content})
}

fn of_schema(name: &str) -> Value {
    json!({"schema": {"$ref": format!("#/components/schemas/{name}")}})
}

/// An operation's own answers, and those errors that follow from what it is.
fn responses(entry: &Entry) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    for Answer { status, content } in entry.answers.iter().copied().chain(implied(entry)) {
        responses.entry(status.to_string()).or_insert_with(|| response(status, content));
    }
    Value::Object(responses)
}

/// The errors that follow from an operation's access, body and path. A URL or a header may be too large anywhere, and whoever asks may ask too often,
/// but for probes.
fn implied(entry: &Entry) -> Vec<Answer> {
    let is_probe = matches!(entry.route, Route::Live | Route::Ready);
    let too_often = (!is_probe).then_some(429);
    if !v1::serves(entry.path) {
        let failure = if ofrep::serves(entry.path) { "OfrepFailure" } else { "FailureEnvelope" };
        return [400].into_iter().chain(too_often).map(|status| operations::json(status, failure)).collect();
    }
    let mut statuses = vec![414, 431];
    if matches!(entry.access, Access::Scopes(_)) {
        statuses.extend([400, 401, 403, 503]);
    }
    if entry.access == Access::Client {
        statuses.extend([400, 503]);
    }
    if let Some(body) = entry.body.filter(|body| body.media != Media::Any) {
        statuses.extend([400, 413, 415, 422]);
        debug_assert!(body.limit > 0);
    }
    if entry.path.contains('{') && entry.place == Place::Object {
        statuses.push(404);
    }
    if entry.place == Place::Object && entry.method != "GET" && entry.access != Access::StreamToken {
        // A limit of the tenant, which any change may come past.
        statuses.push(422);
    }
    statuses.into_iter().chain(too_often).map(operations::problem).collect()
}

fn response(status: u16, content: Content) -> Value {
    let description = match status {
        200 => "Here it is.",
        201 => "It was created.",
        202 => "It was accepted; nothing was changed yet.",
        204 => "It is gone.",
        304 => "What the caller holds is what there is.",
        400 => "The request is wrong.",
        401 => "There is no token, or it does not count.",
        403 => "The token does not allow it.",
        404 => "There is no such thing.",
        409 => "The state does not allow it.",
        413 => "The body is too large.",
        414 => "The URL is too long.",
        415 => "The body's type is not read here.",
        422 => "The body has faults, or a limit is passed.",
        429 => "It was asked too often; Retry-After says in how many seconds to ask again.",
        431 => "A header is too large.",
        _ => "It cannot be answered now.",
    };
    let content = match content {
        Content::None => return json!({"description": description}),
        Content::Json(schema) => json!({"application/json": of_schema(schema)}),
        Content::JsonSchema => json!({"application/schema+json": of_schema("JsonSchema")}),
        Content::Problem => json!({"application/problem+json": of_schema("Problem")}),
        Content::Text => json!({"text/plain": {"schema": {"type": "string"}}}),
        Content::Events => json!({"text/event-stream": of_schema("StreamEvent")}),
    };
    let mut response = json!({"description": description, "content": content});
    if let (429, Some(members)) = (status, response.as_object_mut()) {
        let seconds = json!({"description": "In seconds.", "schema": {"type": "integer", "minimum": 1}});
        members.insert("headers".to_owned(), json!({"Retry-After": seconds}));
    }
    response
}

#[cfg(test)]
#[path = "openapi_tests.rs"]
mod tests;
