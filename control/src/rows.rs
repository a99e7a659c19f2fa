//! The rows that a tenant is stored as. A row's `document` is canonical JSON text, as it is shown; what storage must search by stands beside it.

use std::borrow::Cow;

use burgee_core::model::OverrideScope;
use serde::{Deserialize, Serialize};

/// A flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagRow {
    /// Its key.
    pub key: String,
    /// From 1; never given twice, not even after deletion.
    pub version: u64,
    /// The canonical JSON of `burgee_core::model::Flag`.
    pub document: String,
    /// `on`, `off` or `archived`.
    pub state: FlagState,
    /// Where it is archived: the state that restoring brings back.
    pub state_before: Option<FlagState>,
    /// What `tag` finds.
    pub tags: Vec<String>,
    /// What `q` looks through: key and description in lower case, a line each.
    pub search: String,
    /// Keys of the flags that it needs.
    pub prerequisites: Vec<String>,
    /// Keys of the segments that its rules name.
    pub segments: Vec<String>,
    /// Attributes that it reads, each once: a snapshot may have so many (`ATTRIBUTES`).
    pub attributes: Vec<String>,
    /// ms since the epoch.
    pub created_at: i64,
    /// ms since the epoch.
    pub updated_at: i64,
    /// ms since the epoch; none where it is not archived.
    pub archived_at: Option<i64>,
    /// ms since the epoch; none where it is not deleted.
    pub deleted_at: Option<i64>,
}

/// A flag's state as a row has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlagState {
    /// Evaluated.
    On,
    /// Serves its off variant.
    Off,
    /// In no snapshot.
    Archived,
}

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentRow {
    /// Its key.
    pub key: String,
    /// From 1; never given twice.
    pub version: u64,
    /// The canonical JSON: `burgee_core::model::Segment` with `version`, `created_at` and `updated_at`.
    pub document: String,
    /// What its conditions count in flags that name it (`CONDITION_COST`).
    pub cost: usize,
    /// Attributes that its conditions read, each once.
    pub attributes: Vec<String>,
    /// What `q` looks through: key and name in lower case, a line each.
    pub search: String,
    /// ms since the epoch.
    pub created_at: i64,
    /// ms since the epoch.
    pub updated_at: i64,
    /// ms since the epoch; none where it is not deleted.
    pub deleted_at: Option<i64>,
}

/// A stored override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideRow {
    /// Whose.
    pub scope: OverrideScope,
    /// The user's or tenant's id.
    pub id: String,
    /// The flag's key.
    pub flag: String,
    /// The canonical JSON of `burgee_core::model::Override`.
    pub document: String,
    /// From this millisecond on it is as good as absent.
    pub expires_at: Option<i64>,
}

/// A kill switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillSwitchRow {
    /// The category, or `*`.
    pub category: String,
    /// Whether it is engaged.
    pub engaged: bool,
    /// Why it was last set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who set it last.
    pub actor: String,
    /// When, ms since the epoch.
    pub at: i64,
}

/// A flag's rollout. Serialised, it is what storage keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutRow {
    /// The flag's key.
    pub flag: String,
    /// How it stands.
    pub status: RolloutStatus,
    /// The plan.
    pub steps: Vec<RolloutStep>,
    /// What rises.
    pub target: RolloutTarget,
    /// What rolling back brings back.
    pub before: RolloutBefore,
    /// What the last step that was taken set; none before the first.
    pub percentage: Option<f64>,
    /// Who started it.
    pub started_by: String,
    /// Who released it, where the flag is of high impact. Without, it takes no step of such a flag.
    pub approved_by: Option<String>,
    /// When it was started, ms since the epoch.
    pub started_at: i64,
    /// When it was last paused, ms since the epoch; none where it runs.
    pub paused_at: Option<i64>,
    /// Milliseconds for which it has been paused since its last step.
    pub paused_ms: i64,
    /// When it ended, ms since the epoch.
    pub ended_at: Option<i64>,
    /// Why it ended, where nobody asked for it.
    pub ended_because: Option<String>,
    /// When the alarm must look at it, ms since the epoch; none where only a person can move it.
    pub next_at: Option<i64>,
}

/// How a rollout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutStatus {
    /// It takes steps.
    Running,
    /// It stands still.
    Paused,
    /// All steps were taken.
    Done,
    /// It was ended before.
    Cancelled,
    /// It was ended, and undone.
    RolledBack,
}

/// One step of a rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutStep {
    /// 0 to 100 percent.
    pub percentage: f64,
    /// Its earliest time, ms since the epoch.
    pub at: Option<i64>,
    /// Milliseconds since the step before was taken.
    pub after_ms: Option<i64>,
    /// The gate that must be open.
    pub gate: Option<String>,
    /// Whether the gate is open.
    pub gate_open: bool,
    /// How it stands.
    pub status: StepStatus,
    /// When it was taken or skipped, ms since the epoch.
    pub taken_at: Option<i64>,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Its time has not come, or its gate is closed.
    Waiting,
    /// The flag has its percentage, or had.
    Taken,
    /// Its time passed together with that of a later one.
    Skipped,
}

/// What a rollout raises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutTarget {
    /// The percentage of a rule, by its id. `own`: the rollout made it, and rolling back takes it away.
    Rule {
        /// The rule's id.
        id: String,
        /// Whether the rollout made it.
        own: bool,
        /// What a rule of its own serves.
        variant: String,
    },
    /// The flag's stage.
    Stage,
}

/// What a rollout that runs waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// Its next step's time, or the alarm that takes it.
    Time,
    /// Its next step's gate.
    Gate,
    /// The switch that stops rollouts.
    Switch,
    /// A second person: the flag has become one of high impact since it was started. Resuming it asks for one.
    Approval,
}

/// What a rollout's target was before the rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutBefore {
    /// The rule was not there.
    NoRule,
    /// The rule's percentage; none: everybody.
    Percentage(Option<f64>),
    /// The flag's stage, as it is written.
    Stage(String),
}

/// A change that waits for a second person. Serialised, it is what storage keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProposalRow {
    /// `p-` and a number.
    pub id: String,
    /// How it stands.
    pub status: ProposalStatus,
    /// The command, as [`crate::Command`] is stored.
    pub command: String,
    /// What it would do, as the audit names it.
    pub action: String,
    /// The flag's key.
    pub flag: String,
    /// The flag's version when it was made; 0 where there was none.
    pub flag_version: u64,
    /// Its author.
    pub actor: String,
    /// When it was made, ms since the epoch.
    pub created_at: i64,
    /// Who released or refused it.
    pub decided_by: Option<String>,
    /// When, ms since the epoch.
    pub decided_at: Option<i64>,
    /// Why it was refused.
    pub reason: Option<String>,
}

/// How a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalStatus {
    /// Nobody has decided.
    Waiting,
    /// It was done.
    Approved,
    /// It was refused, or taken back.
    Rejected,
    /// Nobody decided in time.
    Expired,
}

/// A webhook. Serialised, it is what storage keeps; what is shown has no secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRow {
    /// `wh-` and a number.
    pub id: String,
    /// Where to.
    pub url: String,
    /// Event types, with `*` at their end; empty: all.
    pub types: Vec<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it is used.
    pub enabled: bool,
    /// `whsec_` and base64.
    pub secret: String,
    /// The secret before, and until when it signs too, ms since the epoch.
    pub old_secret: Option<(String, i64)>,
    /// Who made it.
    pub created_by: String,
    /// ms since the epoch.
    pub created_at: i64,
    /// ms since the epoch.
    pub updated_at: i64,
}

/// An event on its way to a webhook. Serialised, it is what storage keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRow {
    /// `msg_`, the event's seq, `_` and the webhook's id; the `webhook-id` of Standard Webhooks.
    pub id: String,
    /// The webhook's id.
    pub webhook: String,
    /// The event's type.
    pub event_type: Cow<'static, str>,
    /// The CloudEvent's JSON.
    pub body: String,
    /// How it stands.
    pub status: DeliveryStatus,
    /// Attempts that were noted.
    pub attempts: u32,
    /// When it is to be tried next, ms since the epoch; none where it is not. While it is in the queue, or an attempt is under way: when that is taken for lost.
    pub next_at: Option<i64>,
    /// Whether it waits in the queue: it was handed over, and no attempt has begun since. See [`crate::to_hand_over`].
    pub in_queue: bool,
    /// ms since the epoch.
    pub created_at: i64,
    /// When it was last tried, ms since the epoch.
    pub tried_at: Option<i64>,
    /// When it was delivered or given up, ms since the epoch; none while it waits.
    pub ended_at: Option<i64>,
    /// What the receiver answered last.
    pub last_status: Option<u16>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is to be tried, again perhaps.
    Pending,
    /// The receiver has it.
    Delivered,
    /// All attempts failed.
    Dead,
    /// All attempts failed, and it is tried again once an hour for as long as it takes: of the audit's sink alone.
    Waiting,
}

/// The `webhook` of deliveries to the audit's sink: no webhook has this id.
pub const AUDIT_SINK: &str = "audit";

/// How often a variant of a flag was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposureCount {
    /// The flag's key.
    pub flag: String,
    /// The variant's key.
    pub variant: String,
    /// The flag's version; 0 where the client knew none.
    pub version: u64,
    /// How often.
    pub count: u64,
    /// When last, ms since the epoch.
    pub last_at: i64,
}

/// An entry of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// From 1, without gaps.
    pub seq: u64,
    /// ms since the epoch.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What was done: `created`, `updated`, `archived`, …
    pub action: String,
    /// To what kind of thing.
    pub entity: &'static str,
    /// To which.
    pub entity_key: String,
    /// The entry's canonical JSON, all of it but `hash`: what the hash is of.
    pub document: String,
    /// SHA-256 of `document`, in hexadecimal digits.
    pub hash: String,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// From 1, rising.
    pub seq: u64,
    /// `flag.created`, …
    pub event_type: Cow<'static, str>,
    /// ms since the epoch.
    pub at: i64,
    /// The CloudEvent's JSON.
    pub document: String,
}
