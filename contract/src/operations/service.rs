//! What the service says of itself.

use super::{Access, Answer, Content, Entry, Place, json};
use crate::http::Header;
use crate::route::Route;
use crate::v1::Operation;

const fn text(status: u16) -> Answer {
    Answer { status, content: Content::Text }
}

const fn plain(route: Route, path: &'static str, summary: &'static str, answers: &'static [Answer]) -> Entry {
    Entry {
        route,
        method: "GET",
        path,
        access: Access::Open,
        place: Place::Edge,
        body: None,
        query: &[],
        headers: &[],
        summary,
        answers,
    }
}

pub(super) const ENTRIES: &[Entry] = &[
    plain(Route::Live, "/healthz", "Say that the process runs", &[text(200)]),
    Entry {
        place: Place::Platform,
        headers: &[Header::Registry],
        ..plain(
            Route::Ready,
            "/readyz",
            "Say whether flags can be answered",
            &[text(200), json(400, "FailureEnvelope"), text(503)],
        )
    },
    Entry {
        access: Access::Metrics,
        ..plain(
            Route::Metrics,
            "/metrics",
            "Show what was counted, for Prometheus",
            &[text(200), json(401, "FailureEnvelope"), text(503)],
        )
    },
    Entry {
        place: Place::Platform,
        headers: &[Header::Registry],
        ..plain(
            Route::TrustHealth,
            "/phase-2b/health",
            "Say how it stands with what answers are trusted by",
            &[json(200, "TrustHealth"), json(400, "FailureEnvelope"), json(503, "FailureEnvelope")],
        )
    },
    plain(
        Route::OverrideSchema,
        "/schemas/override.json",
        "Give the JSON Schema of an override row",
        &[Answer { status: 200, content: Content::JsonSchema }],
    ),
    plain(Route::V1(Operation::OpenApi), "/openapi.json", "Describe all of this", &[json(200, "OpenApi")]),
];
