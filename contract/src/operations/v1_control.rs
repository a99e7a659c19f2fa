//! `/v1`, as far as the tenant's object answers it.

use super::{
    Access, Entry, Kind, LIMIT, Media, PAGE_TOKEN, Parameter, Payload, Place, body, empty, json, optional_body,
    parameter, problem,
};
use crate::http::Header;
use crate::limits;
use crate::route::Route;
use crate::v1::{Operation, Scope};

const READS: Access = Access::Scopes(&[Scope::FlagsRead]);
const WRITES: Access = Access::Scopes(&[Scope::FlagsWrite]);
const READS_SEGMENTS: Access = Access::Scopes(&[Scope::SegmentsRead]);
const WRITES_SEGMENTS: Access = Access::Scopes(&[Scope::SegmentsWrite]);
const READS_SWITCHES: Access = Access::Scopes(&[Scope::FlagsRead, Scope::KillSwitch]);
const SWITCHES: Access = Access::Scopes(&[Scope::KillSwitch]);
const READS_AUDIT: Access = Access::Scopes(&[Scope::AuditRead]);
const READS_PROPOSALS: Access = Access::Scopes(&[Scope::FlagsRead, Scope::Approve]);
const ADMIN: Access = Access::Scopes(&[Scope::Admin]);

const IF_MATCH: &[Header] = &[Header::IfMatch];
const IF_NONE_MATCH: &[Header] = &[Header::IfNoneMatch];
const PREFIX: Parameter = parameter("prefix", Kind::Key);
const SEARCH: Parameter = parameter("q", Kind::Text);
const AUDIT_LIMIT: Parameter = parameter("limit", Kind::Integer(1, limits::AUDIT_ITEMS as i64));

/// What is asked of the object, and reads.
const fn get(operation: Operation, path: &'static str, access: Access, summary: &'static str) -> Entry {
    Entry {
        route: Route::V1(operation),
        method: "GET",
        path,
        access,
        place: Place::Object,
        body: None,
        query: &[],
        headers: &[],
        summary,
        answers: &[],
    }
}

/// What is asked of the object, and writes.
const fn write(
    operation: Operation,
    method: &'static str,
    path: &'static str,
    access: Access,
    summary: &'static str,
) -> Entry {
    Entry { method, ..get(operation, path, access, summary) }
}

const fn post(operation: Operation, path: &'static str, access: Access, summary: &'static str) -> Entry {
    write(operation, "POST", path, access, summary)
}

pub(super) const ENTRIES: &[Entry] = &[
    // Flags.
    Entry {
        body: body("FlagDraft"),
        headers: IF_MATCH,
        answers: &[json(200, "Flag"), json(201, "Flag"), json(202, "Proposal"), problem(409)],
        ..post(Operation::UpsertFlag, "/v1/flags", WRITES, "Create a flag, or change it")
    },
    Entry {
        query: &[
            parameter("state", Kind::OneOf(&["on", "off", "archived"])),
            parameter("tag", Kind::Text),
            PREFIX,
            SEARCH,
            parameter("stale_days", Kind::Integer(1, 36_500)),
            LIMIT,
            PAGE_TOKEN,
        ],
        answers: &[json(200, "Flags")],
        ..get(Operation::ListFlags, "/v1/flags", READS, "List flags")
    },
    Entry {
        headers: IF_NONE_MATCH,
        answers: &[json(200, "Flag"), empty(304)],
        ..get(Operation::GetFlag, "/v1/flags/{key}", READS, "Read a flag")
    },
    Entry {
        body: body("FlagReplacement"),
        headers: IF_MATCH,
        answers: &[json(200, "Flag"), json(202, "Proposal"), problem(409)],
        ..write(Operation::ReplaceFlag, "PUT", "/v1/flags/{key}", WRITES, "Replace a flag")
    },
    Entry {
        body: Some(Payload {
            schema: "FlagPatch",
            limit: limits::BODY_BYTES,
            optional: false,
            media: Media::MergePatch,
        }),
        headers: IF_MATCH,
        answers: &[json(200, "Flag"), json(202, "Proposal"), problem(409)],
        ..write(Operation::MergeFlag, "PATCH", "/v1/flags/{key}", WRITES, "Change some of a flag")
    },
    Entry {
        headers: IF_MATCH,
        answers: &[empty(204), json(202, "Proposal"), problem(409)],
        ..write(Operation::DeleteFlag, "DELETE", "/v1/flags/{key}", WRITES, "Delete a flag")
    },
    Entry {
        headers: IF_MATCH,
        answers: &[json(200, "Flag"), json(202, "Proposal"), problem(409)],
        ..post(Operation::ArchiveFlag, "/v1/flags/{key}/archive", WRITES, "Take a flag out of evaluation")
    },
    Entry {
        headers: IF_MATCH,
        answers: &[json(200, "Flag"), json(202, "Proposal"), problem(409), problem(422)],
        ..post(Operation::RestoreFlag, "/v1/flags/{key}/restore", WRITES, "Bring back an archived or deleted flag")
    },
    Entry {
        answers: &[json(200, "Overrides")],
        ..get(Operation::ListOverrides, "/v1/flags/{key}/overrides", READS, "List a flag's overrides")
    },
    Entry {
        answers: &[json(200, "ExposureCounts")],
        ..get(Operation::ListExposures, "/v1/flags/{key}/exposures", READS, "Say how often a flag was seen")
    },
    Entry {
        body: body("OverrideDraft"),
        answers: &[json(200, "Override"), json(201, "Override"), json(202, "Proposal"), problem(409)],
        ..write(
            Operation::PutOverride,
            "PUT",
            "/v1/flags/override/{scope}/{id}/{flag}",
            WRITES,
            "Give one user or tenant a variant",
        )
    },
    Entry {
        answers: &[empty(204), json(202, "Proposal")],
        ..write(
            Operation::RemoveOverride,
            "DELETE",
            "/v1/flags/override/{scope}/{id}/{flag}",
            WRITES,
            "Remove an override",
        )
    },
    // Rollouts.
    Entry {
        body: body("RolloutDraft"),
        answers: &[json(201, "Rollout"), json(202, "Proposal"), problem(409)],
        ..post(Operation::StartRollout, "/v1/flags/{key}/rollout", WRITES, "Start a rollout")
    },
    Entry {
        answers: &[json(200, "Rollout")],
        ..get(Operation::GetRollout, "/v1/flags/{key}/rollout", READS, "Read a flag's rollout")
    },
    Entry {
        answers: &[json(200, "Rollout"), problem(409)],
        ..post(Operation::PauseRollout, "/v1/flags/{key}/rollout/pause", WRITES, "Pause a rollout")
    },
    Entry {
        answers: &[json(200, "Rollout"), json(202, "Proposal"), problem(409)],
        ..post(Operation::ResumeRollout, "/v1/flags/{key}/rollout/resume", WRITES, "Resume a rollout")
    },
    Entry {
        answers: &[json(200, "Rollout"), problem(409)],
        ..post(Operation::CancelRollout, "/v1/flags/{key}/rollout/cancel", WRITES, "End a rollout where it is")
    },
    Entry {
        answers: &[json(200, "Rollout"), problem(409)],
        ..post(Operation::RollBack, "/v1/flags/{key}/rollout/rollback", WRITES, "End a rollout and undo it")
    },
    Entry {
        answers: &[json(200, "Rollout"), json(202, "Proposal"), problem(409)],
        ..post(Operation::OpenGate, "/v1/flags/{key}/rollout/gates/{gate}/open", WRITES, "Open a rollout's gate")
    },
    Entry {
        body: optional_body("Reason"),
        answers: &[json(200, "RolloutsSwitch")],
        ..post(Operation::StopRollouts, "/v1/rollouts/stop", SWITCHES, "Stop all rollouts")
    },
    Entry {
        body: optional_body("Reason"),
        answers: &[json(200, "RolloutsSwitch")],
        ..post(Operation::StartRollouts, "/v1/rollouts/start", SWITCHES, "Let rollouts go on")
    },
    // Segments.
    Entry {
        body: body("SegmentDraft"),
        headers: IF_MATCH,
        answers: &[json(200, "Segment"), json(201, "Segment"), problem(409)],
        ..post(Operation::UpsertSegment, "/v1/segments", WRITES_SEGMENTS, "Create a segment, or change it")
    },
    Entry {
        query: &[PREFIX, SEARCH, LIMIT, PAGE_TOKEN],
        answers: &[json(200, "Segments")],
        ..get(Operation::ListSegments, "/v1/segments", READS_SEGMENTS, "List segments")
    },
    Entry {
        headers: IF_NONE_MATCH,
        answers: &[json(200, "Segment"), empty(304)],
        ..get(Operation::GetSegment, "/v1/segments/{key}", READS_SEGMENTS, "Read a segment")
    },
    Entry {
        body: body("SegmentReplacement"),
        headers: IF_MATCH,
        answers: &[json(200, "Segment"), problem(409)],
        ..write(Operation::ReplaceSegment, "PUT", "/v1/segments/{key}", WRITES_SEGMENTS, "Replace a segment")
    },
    Entry {
        body: Some(Payload {
            schema: "SegmentPatch",
            limit: limits::BODY_BYTES,
            optional: false,
            media: Media::MergePatch,
        }),
        headers: IF_MATCH,
        answers: &[json(200, "Segment"), problem(409)],
        ..write(Operation::MergeSegment, "PATCH", "/v1/segments/{key}", WRITES_SEGMENTS, "Change some of a segment")
    },
    Entry {
        headers: IF_MATCH,
        answers: &[empty(204), problem(409)],
        ..write(Operation::DeleteSegment, "DELETE", "/v1/segments/{key}", WRITES_SEGMENTS, "Delete a segment")
    },
    Entry {
        headers: IF_MATCH,
        answers: &[json(200, "Segment"), problem(409), problem(422)],
        ..post(Operation::RestoreSegment, "/v1/segments/{key}/restore", WRITES_SEGMENTS, "Bring back a deleted segment")
    },
    // Kill switches.
    Entry {
        answers: &[json(200, "KillSwitches")],
        ..get(Operation::ListKillSwitches, "/v1/killswitches", READS_SWITCHES, "List kill switches")
    },
    Entry {
        body: optional_body("Reason"),
        answers: &[json(200, "KillSwitch")],
        ..post(Operation::EngageAll, "/v1/killswitches/engage", SWITCHES, "Turn off all flags")
    },
    Entry {
        body: optional_body("Reason"),
        answers: &[json(200, "KillSwitch")],
        ..post(Operation::ReleaseAll, "/v1/killswitches/release", SWITCHES, "End turning off all flags")
    },
    Entry {
        body: optional_body("Reason"),
        answers: &[json(200, "KillSwitch")],
        ..post(Operation::Engage, "/v1/killswitches/{category}/engage", SWITCHES, "Turn off the flags of a category")
    },
    Entry {
        body: optional_body("Reason"),
        answers: &[json(200, "KillSwitch")],
        ..post(Operation::Release, "/v1/killswitches/{category}/release", SWITCHES, "End turning off a category")
    },
    // Proposals.
    Entry {
        query: &[parameter("status", Kind::OneOf(&["waiting", "approved", "rejected", "expired"])), LIMIT, PAGE_TOKEN],
        answers: &[json(200, "Proposals")],
        ..get(Operation::ListProposals, "/v1/proposals", READS_PROPOSALS, "List changes that wait for a second person")
    },
    Entry {
        answers: &[json(200, "Proposal")],
        ..get(Operation::GetProposal, "/v1/proposals/{id}", READS_PROPOSALS, "Read a proposal")
    },
    Entry {
        answers: &[json(200, "Proposal"), problem(409), problem(422)],
        ..post(
            Operation::Approve,
            "/v1/proposals/{id}/approve",
            Access::Scopes(&[Scope::Approve]),
            "Do what somebody else proposed",
        )
    },
    Entry {
        body: optional_body("Reason"),
        answers: &[json(200, "Proposal"), problem(409)],
        // Its author may take it back, whatever else he may; the object knows who that is.
        ..post(
            Operation::Reject,
            "/v1/proposals/{id}/reject",
            Access::Scopes(&[Scope::Approve, Scope::FlagsWrite]),
            "Refuse a proposal, or take it back",
        )
    },
    // What else there is to a tenant.
    Entry {
        body: Some(Payload {
            schema: "ImportDocument",
            limit: limits::IMPORT_BYTES,
            optional: false,
            media: Media::Json,
        }),
        answers: &[json(200, "Imported"), problem(409)],
        ..post(Operation::Import, "/v1/import", ADMIN, "Upsert all that a document names")
    },
    Entry {
        body: body("CacheInvalidation"),
        answers: &[json(200, "CacheInvalidated"), problem(404), problem(429)],
        ..post(Operation::InvalidateCache, "/v1/cache/invalidate", ADMIN, "Have every isolate read the flags anew")
    },
    Entry {
        query: &[
            parameter(
                "entity",
                Kind::OneOf(&[
                    "flag",
                    "segment",
                    "override",
                    "kill_switch",
                    "rollout",
                    "proposal",
                    "webhook",
                    "tenant",
                ]),
            ),
            parameter("entity_key", Kind::Text),
            parameter("actor", Kind::Text),
            parameter("since", Kind::Time),
            parameter("until", Kind::Time),
            AUDIT_LIMIT,
            PAGE_TOKEN,
        ],
        answers: &[json(200, "AuditEntries")],
        ..get(Operation::ListAudit, "/v1/audit", READS_AUDIT, "Say who changed what")
    },
    Entry {
        query: &[parameter("status", Kind::OneOf(&["pending", "delivered", "waiting"])), AUDIT_LIMIT, PAGE_TOKEN],
        answers: &[json(200, "AuditEnvelopes")],
        ..get(Operation::ListAuditSink, "/v1/audit/sink", READS_AUDIT, "Say what the audit's sink has been told")
    },
    Entry {
        answers: &[json(202, "AuditSinkRetried")],
        ..post(Operation::RetryAuditSink, "/v1/audit/sink/retry", ADMIN, "Tell the audit's sink what waits")
    },
    Entry {
        answers: &[json(200, "AuditCheck")],
        ..get(Operation::VerifyAudit, "/v1/audit/verify", READS_AUDIT, "Check that the audit is whole")
    },
    Entry {
        body: body("PreviewQuestion"),
        answers: &[json(200, "Preview"), problem(404), problem(409)],
        ..post(Operation::Preview, "/v1/evaluate/preview", READS, "Evaluate a flag that need not be saved, and explain")
    },
    // Webhooks.
    Entry {
        body: body("WebhookDraft"),
        answers: &[json(201, "NewWebhook")],
        ..post(Operation::CreateWebhook, "/v1/webhooks", ADMIN, "Create a webhook")
    },
    Entry { answers: &[json(200, "Webhooks")], ..get(Operation::ListWebhooks, "/v1/webhooks", ADMIN, "List webhooks") },
    Entry {
        answers: &[json(200, "Webhook")],
        ..get(Operation::GetWebhook, "/v1/webhooks/{id}", ADMIN, "Read a webhook")
    },
    Entry {
        body: body("WebhookDraft"),
        answers: &[json(200, "Webhook")],
        ..write(Operation::ReplaceWebhook, "PUT", "/v1/webhooks/{id}", ADMIN, "Change a webhook")
    },
    Entry {
        answers: &[empty(204)],
        ..write(Operation::RemoveWebhook, "DELETE", "/v1/webhooks/{id}", ADMIN, "Remove a webhook")
    },
    Entry {
        answers: &[json(200, "NewWebhook")],
        ..post(Operation::RotateWebhook, "/v1/webhooks/{id}/rotate", ADMIN, "Give a webhook a new secret")
    },
    Entry {
        query: &[parameter("status", Kind::OneOf(&["pending", "delivered", "dead"])), LIMIT, PAGE_TOKEN],
        answers: &[json(200, "Deliveries")],
        ..get(Operation::ListDeliveries, "/v1/webhooks/{id}/deliveries", ADMIN, "List a webhook's deliveries")
    },
    Entry {
        answers: &[json(202, "Delivery"), problem(409)],
        ..post(
            Operation::Redeliver,
            "/v1/webhooks/{id}/deliveries/{delivery}/redeliver",
            ADMIN,
            "Deliver an event once more",
        )
    },
];
