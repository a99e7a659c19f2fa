//! What a tenant can be told to do.

use burgee_core::model::OverrideScope;
use serde::{Deserialize, Serialize};

/// Who does something, when, and what the adapter drew at random for it.
#[derive(Clone, Debug)]
pub struct Occasion<'a> {
    /// Whose token it was (`sub`), or who does it by himself: `burgee:rollout`, `burgee:retention`.
    pub actor: &'a str,
    /// The request's id; empty where there was no request.
    pub request_id: &'a str,
    /// The time, ms since the epoch.
    pub now: i64,
    /// Random bytes, used once: for a webhook's secret, and for jitter.
    pub random: [u8; 32],
    /// What whoever runs the service has set.
    pub policy: &'a Policy,
}

/// What whoever runs the service has set, for all tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Milliseconds after which an archived flag is purged (`FF_RETENTION_DAYS`).
    pub retention_ms: i64,
    /// Whether rollouts take steps by themselves (`FF_ROLLOUTS`).
    pub rollouts: bool,
    /// Hosts, with their port where it is not the scheme's, that webhooks may name although they are private or not `https` (`FF_WEBHOOK_HOSTS`).
    pub webhook_hosts: Vec<String>,
    /// Whether entries of the audit are told to somebody outside (`FF_AUDIT_SINK_URL`).
    pub audit_sink: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { retention_ms: 365 * 24 * 60 * 60 * 1000, rollouts: true, webhook_hosts: Vec::new(), audit_sink: false }
    }
}

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// Created where there is none, else replaced.
    Upsert,
    /// Replaced; there must be one.
    Replace,
    /// Merged into what there is (RFC 7396); there must be one.
    Merge,
}

/// A flag's or segment's document as it came, and what is demanded of what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The key that the path names; of an upsert none, the document names it.
    pub key: Option<String>,
    /// The JSON text. It is read here, so that all its faults are listed together.
    pub document: String,
    /// How it is written.
    pub write: Write,
    /// The version that must be present.
    pub expected: Option<u64>,
}

/// What is to be done. Serialised, it is what a proposal keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Writes a flag.
    PutFlag(Draft),
    /// Deletes a flag softly.
    DeleteFlag {
        /// Its key.
        key: String,
        /// The version that must be present.
        expected: Option<u64>,
    },
    /// Takes a flag out of evaluation.
    ArchiveFlag {
        /// Its key.
        key: String,
        /// The version that must be present.
        expected: Option<u64>,
    },
    /// Brings an archived or deleted flag back, with the state it had.
    RestoreFlag {
        /// Its key.
        key: String,
        /// The version that must be present.
        expected: Option<u64>,
    },
    /// Writes a segment.
    PutSegment(Draft),
    /// Deletes a segment softly.
    DeleteSegment {
        /// Its key.
        key: String,
        /// The version that must be present.
        expected: Option<u64>,
    },
    /// Brings a deleted segment back.
    RestoreSegment {
        /// Its key.
        key: String,
        /// The version that must be present.
        expected: Option<u64>,
    },
    /// Writes an override row. The document has `variant`, `expires_at`, `approval_ref` and `reason`.
    PutOverride {
        /// Whose.
        scope: OverrideScope,
        /// The user's or tenant's id.
        id: String,
        /// The flag's key.
        flag: String,
        /// The JSON text of the rest.
        document: String,
    },
    /// Removes an override row.
    RemoveOverride {
        /// Whose.
        scope: OverrideScope,
        /// The user's or tenant's id.
        id: String,
        /// The flag's key.
        flag: String,
    },
    /// Engages or releases a kill switch.
    SetKillSwitch {
        /// The category, or `*` for all flags.
        category: String,
        /// Whether it is to be engaged.
        engaged: bool,
        /// Why.
        reason: Option<String>,
    },
    /// Starts a rollout; the document has `steps`, `variant` and `rule_id`.
    StartRollout {
        /// The flag's key.
        flag: String,
        /// The JSON text of the plan.
        document: String,
    },
    /// Does something to the rollout that a flag has.
    SteerRollout {
        /// The flag's key.
        flag: String,
        /// What.
        steer: Steer,
    },
    /// Stops (`true`) or starts all automatic progress of the tenant's rollouts.
    StopRollouts {
        /// Whether they are to stand still.
        stopped: bool,
        /// Why.
        reason: Option<String>,
    },
    /// Does what a proposal proposed; by another actor than its author.
    ApproveProposal {
        /// Its id.
        id: String,
    },
    /// Refuses a proposal, or takes it back.
    RejectProposal {
        /// Its id.
        id: String,
        /// Why.
        reason: Option<String>,
    },
    /// Upserts all that a snapshot or registry document names, as one change.
    Import {
        /// The JSON text.
        document: String,
    },
    /// Creates a webhook; the document has `url`, `types`, `description`, `enabled`.
    CreateWebhook {
        /// The JSON text.
        document: String,
    },
    /// Replaces what a webhook's document says; its secret stays.
    ReplaceWebhook {
        /// Its id.
        id: String,
        /// The JSON text.
        document: String,
    },
    /// Gives a webhook a new secret; the old one signs too for a day.
    RotateWebhook {
        /// Its id.
        id: String,
    },
    /// Removes a webhook and what waits to be delivered to it.
    RemoveWebhook {
        /// Its id.
        id: String,
    },
    /// Delivers an event to a webhook once more, from the first attempt on.
    Redeliver {
        /// The webhook's id.
        webhook: String,
        /// The delivery's id.
        delivery: String,
    },
    /// Takes a delivery out of the queue for an attempt. One that does not wait there, because another message has brought it already, is left alone.
    BeginAttempt {
        /// The delivery's id.
        delivery: String,
    },
    /// Notes what came of an attempt to deliver.
    NoteAttempt {
        /// The delivery's id.
        delivery: String,
        /// Which attempt it was, from 1; a report of one that is noted already changes nothing.
        attempt: u32,
        /// The status that the receiver answered; none where it did not.
        status: Option<u16>,
        /// What went wrong, in words, without the body of an answer; empty where nothing did.
        error: String,
    },
    /// Adds up a batch of exposures. One whose id is known already changes nothing.
    CountExposures {
        /// The batch's id.
        id: String,
        /// What was seen.
        counts: Vec<crate::ExposureCount>,
    },
    /// Makes the snapshot's version one more, so that every isolate reads anew; the document has `scope` and `flag_key`.
    InvalidateCache {
        /// The JSON text.
        document: String,
    },
    /// Sends once more, at once, all entries of the audit that wait for their sink.
    RetryAuditSink,
    /// Does all that is due: rollouts' steps, deliveries to try again, proposals that end, rows to purge, logs to cut.
    Tick,
}

/// What can be done to a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steer {
    /// It stands still until it is resumed.
    Pause,
    /// It goes on.
    Resume,
    /// It ends; the percentage stays.
    Cancel,
    /// It ends, and the flag serves as it did before.
    RollBack,
    /// A gate opens.
    OpenGate(String),
}
