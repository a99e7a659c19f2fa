//! What a command changes.

use burgee_core::model::OverrideScope;

use crate::rows::*;

/// One row to store. Those of one command are stored in one transaction, in their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A flag's row, in the place of an earlier one.
    PutFlag(FlagRow),
    /// A flag's row goes for good, and with it its override rows, its rollout and its exposures.
    PurgeFlag {
        /// Its key.
        key: String,
    },
    /// A segment's row, in the place of an earlier one.
    PutSegment(SegmentRow),
    /// A segment's row goes for good.
    PurgeSegment {
        /// Its key.
        key: String,
    },
    /// An override's row, in the place of an earlier one.
    PutOverride(OverrideRow),
    /// An override's row goes.
    RemoveOverride {
        /// Whose.
        scope: OverrideScope,
        /// The user's or tenant's id.
        id: String,
        /// The flag's key.
        flag: String,
    },
    /// A kill switch's row, in the place of an earlier one.
    PutKillSwitch(KillSwitchRow),
    /// A flag's rollout, in the place of an earlier one.
    PutRollout(RolloutRow),
    /// A flag's rollout goes.
    RemoveRollout {
        /// The flag's key.
        flag: String,
    },
    /// A proposal's row, in the place of an earlier one.
    PutProposal(ProposalRow),
    /// A webhook's row, in the place of an earlier one.
    PutWebhook(WebhookRow),
    /// A webhook's row goes, and all its deliveries.
    RemoveWebhook {
        /// Its id.
        id: String,
    },
    /// A delivery's row, in the place of an earlier one.
    PutDelivery(DeliveryRow),
    /// Entries of the audit up to this seq are on their way to their sink, as deliveries, or have arrived.
    SetSinkSeq(u64),
    /// All deliveries that wait are due at a time.
    HastenDeliveries {
        /// ms since the epoch.
        at: i64,
    },
    /// Deliveries that ended before a time are forgotten.
    ForgetDeliveries {
        /// ms since the epoch.
        before: i64,
    },
    /// What is to be added to a flag's exposures.
    AddExposures(ExposureCount),
    /// A batch's id is remembered.
    PutBatch {
        /// The batch's id.
        id: String,
        /// When it came, ms since the epoch.
        at: i64,
    },
    /// Batches that came before a time are forgotten.
    ForgetBatches {
        /// ms since the epoch.
        before: i64,
    },
    /// Whether the tenant's rollouts stand still.
    SetRolloutsStopped(bool),
    /// The snapshot's new version; there is one wherever evaluation could differ.
    SetVersion {
        /// One more than before.
        version: u64,
        /// When, ms since the epoch.
        at: i64,
    },
    /// An entry of the audit, with its hash.
    Audit(AuditRow),
    /// An event. Its deliveries to webhooks that want it follow it, as changes of their own.
    Event(EventRow),
    /// Events up to this seq are forgotten.
    ForgetEvents {
        /// The last that goes.
        up_to: u64,
    },
}
