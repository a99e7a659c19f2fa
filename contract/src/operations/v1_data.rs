//! `/v1`, as far as it is answered at the edge: tokens, evaluation, the snapshot, exposures, events.

use super::{Access, Answer, Content, Entry, Kind, Media, Payload, Place, body, empty, json, parameter, problem};
use crate::http::Header;
use crate::limits;
use crate::route::Route;
use crate::v1::{Operation, Scope};

const EVALUATE: Access = Access::Scopes(&[Scope::Evaluate]);

const READ: Entry = Entry {
    route: Route::NotFound,
    method: "GET",
    path: "",
    access: EVALUATE,
    place: Place::Edge,
    body: None,
    query: &[],
    headers: &[],
    summary: "",
    answers: &[],
};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        route: Route::V1(Operation::Evaluate),
        method: "POST",
        path: "/v1/evaluate",
        place: Place::Snapshot,
        body: body("Question"),
        summary: "Evaluate a flag for a user",
        answers: &[json(200, "Evaluation"), problem(404)],
        ..READ
    },
    Entry {
        route: Route::V1(Operation::EvaluateBatch),
        method: "POST",
        path: "/v1/evaluate/batch",
        place: Place::Snapshot,
        body: body("BatchOfQuestions"),
        summary: "Evaluate some flags for a user",
        answers: &[json(200, "Evaluations")],
        ..READ
    },
    Entry {
        route: Route::V1(Operation::Snapshot),
        path: "/v1/snapshot",
        access: Access::Scopes(&[Scope::FlagsRead, Scope::Evaluate]),
        place: Place::Snapshot,
        headers: &[Header::IfNoneMatch, Header::AcceptEncoding],
        summary: "Read the snapshot that is evaluated",
        answers: &[json(200, "Snapshot"), empty(304), problem(404)],
        ..READ
    },
    Entry {
        route: Route::V1(Operation::CountExposures),
        method: "POST",
        path: "/v1/exposures",
        body: body("Exposures"),
        summary: "Tell which variants were served",
        answers: &[json(202, "Accepted")],
        ..READ
    },
    Entry {
        route: Route::V1(Operation::Events),
        path: "/v1/events",
        access: Access::Scopes(&[Scope::FlagsRead]),
        place: Place::Object,
        query: &[
            parameter("last_event_id", Kind::Integer(0, burgee_core::MAX_SAFE_INTEGER as i64)),
            parameter("types", Kind::Text),
        ],
        headers: &[Header::LastEventId],
        summary: "Hear of each change",
        answers: &[Answer { status: 200, content: Content::Events }],
        ..READ
    },
    Entry {
        route: Route::V1(Operation::IssueToken),
        method: "POST",
        path: "/v1/auth/token",
        access: Access::Client,
        body: Some(Payload {
            schema: "TokenQuestion",
            limit: limits::BODY_BYTES,
            optional: false,
            media: Media::JsonOrForm,
        }),
        summary: "Get a token",
        answers: &[json(200, "Token"), problem(401), problem(403)],
        ..READ
    },
    Entry {
        route: Route::V1(Operation::Keys),
        path: "/v1/keys",
        access: Access::Open,
        summary: "Read the keys that snapshots are signed with",
        answers: &[json(200, "Keys")],
        ..READ
    },
];
