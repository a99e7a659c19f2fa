//! `/ofrep/v1`: the OpenFeature Remote Evaluation Protocol.

use super::{Access, Answer, Content, Entry, Kind, Media, Parameter, Payload, Place, empty, json, parameter};
use crate::http::Header;
use crate::limits;
use crate::route::Route;

const CONTEXT: Option<Payload> =
    Some(Payload { schema: "OfrepQuestion", limit: limits::BODY_BYTES, optional: true, media: Media::Any });

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        route: Route::OfrepAll,
        method: "POST",
        path: "/ofrep/v1/evaluate/flags",
        access: Access::Ofrep,
        place: Place::Snapshot,
        body: CONTEXT,
        query: &[parameter("flagConfigEtag", Kind::Text), parameter("flagConfigLastModified", Kind::Text)],
        headers: &[Header::IfNoneMatch, Header::ApprovalRef],
        summary: "Evaluate all flags, for OpenFeature",
        answers: &[
            json(200, "OfrepFlags"),
            empty(304),
            json(400, "OfrepFailure"),
            json(401, "OfrepFailure"),
            json(403, "OfrepFailure"),
            json(404, "OfrepFailure"),
            json(503, "OfrepFailure"),
        ],
    },
    Entry {
        route: Route::OfrepOne,
        method: "POST",
        path: "/ofrep/v1/evaluate/flags/{key*}",
        access: Access::Ofrep,
        place: Place::Snapshot,
        body: CONTEXT,
        query: &[],
        headers: &[Header::ApprovalRef],
        summary: "Evaluate one flag, for OpenFeature",
        answers: &[
            json(200, "OfrepFlag"),
            json(400, "OfrepFailure"),
            json(401, "OfrepFailure"),
            json(403, "OfrepFailure"),
            json(404, "OfrepFailure"),
            json(503, "OfrepFailure"),
        ],
    },
    Entry {
        route: Route::OfrepEvents,
        method: "GET",
        path: "/ofrep/v1/events",
        access: Access::StreamToken,
        place: Place::Object,
        body: None,
        query: &[Parameter { required: true, ..parameter("token", Kind::Text) }],
        headers: &[],
        summary: "Hear of each new version of the flags, for OpenFeature",
        answers: &[
            Answer { status: 200, content: Content::Events },
            json(401, "OfrepFailure"),
            json(503, "OfrepFailure"),
        ],
    },
];
