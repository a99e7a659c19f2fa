//! `/api/flags`.

use super::{Access, Entry, Kind, Parameter, Payload, Place, json, parameter};
use crate::http::Header;
use crate::limits;
use crate::operations::Media;
use crate::route::Route;

/// Headers that say who is asking, and whose registry is read.
const CALLER: &[Header] =
    &[Header::UserId, Header::TenantId, Header::Tier, Header::Env, Header::RoleKey, Header::Registry];

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        route: Route::Evaluate,
        method: "GET",
        path: "/api/flags/eval",
        access: Access::Caller,
        place: Place::Platform,
        body: None,
        query: &[
            Parameter { required: true, ..parameter("key", Kind::Text) },
            parameter("user", Kind::Text),
            parameter("tenant", Kind::Text),
            parameter("tier", Kind::Text),
            parameter("env", Kind::Text),
            parameter("role_key", Kind::Text),
        ],
        headers: CALLER,
        summary: "Evaluate a flag of the platform's registry",
        answers: &[
            json(200, "EvaluationEnvelope"),
            json(400, "FailureEnvelope"),
            json(401, "FailureEnvelope"),
            json(503, "FailureEnvelope"),
        ],
    },
    Entry {
        route: Route::EvaluateBatch,
        method: "POST",
        path: "/api/flags/eval/batch",
        access: Access::Caller,
        place: Place::Platform,
        body: Some(Payload { schema: "BatchQuestion", limit: limits::BODY_BYTES, optional: false, media: Media::Any }),
        query: &[],
        headers: CALLER,
        summary: "Evaluate some flags of the platform's registry",
        answers: &[
            json(200, "BatchEnvelope"),
            json(400, "FailureEnvelope"),
            json(401, "FailureEnvelope"),
            json(503, "FailureEnvelope"),
        ],
    },
    Entry {
        route: Route::Registry,
        method: "GET",
        path: "/api/flags/registry",
        access: Access::Caller,
        place: Place::Platform,
        body: None,
        query: &[parameter("summary", Kind::OneOf(&["true", "false"]))],
        headers: &[Header::Registry, Header::IfNoneMatch],
        summary: "Read the platform's registry",
        answers: &[
            json(200, "RegistryEnvelope"),
            super::empty(304),
            json(400, "FailureEnvelope"),
            json(401, "FailureEnvelope"),
            json(503, "FailureEnvelope"),
        ],
    },
    Entry {
        route: Route::Health,
        method: "GET",
        path: "/api/flags/health",
        access: Access::Open,
        place: Place::Platform,
        body: None,
        query: &[],
        headers: &[Header::Registry],
        summary: "Say what is served, and from where",
        answers: &[json(200, "HealthEnvelope"), json(400, "FailureEnvelope"), json(503, "FailureEnvelope")],
    },
];
