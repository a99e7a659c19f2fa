//! A tenant in memory, for tests: what it holds and how it changes. How it is read is in `memory/reading.rs`.

mod reading;

use std::collections::BTreeMap;

use burgee_core::model::OverrideScope;

use crate::change::Change;
use crate::command::{Command, Occasion};
use crate::error::Error;
use crate::rows::*;
use crate::state::{Read, Store, Unreadable};

/// A tenant in memory. It refuses what storage refuses: gaps in the audit, versions and seqs that do not rise, rows to remove that are not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    tenant: String,
    version: u64,
    /// When the version was set, ms since the epoch.
    version_at: i64,
    flags: BTreeMap<String, FlagRow>,
    segments: BTreeMap<String, SegmentRow>,
    overrides: BTreeMap<OverrideKey, OverrideRow>,
    kill_switches: BTreeMap<String, KillSwitchRow>,
    rollouts: BTreeMap<String, RolloutRow>,
    rollouts_stopped: bool,
    proposals: BTreeMap<u64, ProposalRow>,
    webhooks: BTreeMap<u64, WebhookRow>,
    deliveries: BTreeMap<(u64, String), DeliveryRow>,
    /// By flag, variant and version: how often, and when last.
    exposures: BTreeMap<(String, String, u64), (u64, i64)>,
    batches: BTreeMap<String, i64>,
    sink_seq: u64,
    audit: Vec<AuditRow>,
    events: BTreeMap<u64, EventRow>,
    last_event: u64,
}

/// The flag's key, the scope's name and the id.
type OverrideKey = (String, &'static str, String);

fn override_key(scope: OverrideScope, id: &str, flag: &str) -> OverrideKey {
    let scope = match scope {
        OverrideScope::Tenant => "tenant",
        OverrideScope::User => "user",
    };
    (flag.to_owned(), scope, id.to_owned())
}

/// The number in `p-12`, `wh-3`, `msg_45_wh-3`.
fn number(id: &str) -> u64 {
    let digits = id.trim_start_matches(|char: char| !char.is_ascii_digit());
    let end = digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn delivery_key(id: &str) -> (u64, String) {
    (number(id), id.to_owned())
}

fn is_live(flag: &FlagRow) -> bool {
    flag.deleted_at.is_none() && flag.state != FlagState::Archived
}

fn is_open(row: &DeliveryRow) -> bool {
    matches!(row.status, DeliveryStatus::Pending | DeliveryStatus::Waiting)
}

fn refused<T>(why: &str) -> Read<T> {
    Err(Unreadable(why.to_owned()))
}

/// Takes what was put away under a key; it must be there.
fn removed<T>(row: Option<T>, what: &str) -> Read<()> {
    row.map(drop).ok_or_else(|| Unreadable(format!("there is no {what} to remove")))
}

impl Memory {
    /// A tenant that nothing was ever written to.
    #[must_use]
    pub fn new(tenant: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            version: 0,
            version_at: 0,
            flags: BTreeMap::new(),
            segments: BTreeMap::new(),
            overrides: BTreeMap::new(),
            kill_switches: BTreeMap::new(),
            rollouts: BTreeMap::new(),
            rollouts_stopped: false,
            proposals: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            exposures: BTreeMap::new(),
            batches: BTreeMap::new(),
            sink_seq: 0,
            audit: Vec::new(),
            events: BTreeMap::new(),
            last_event: 0,
        }
    }

    /// Decides a command and stores what it changes.
    ///
    /// # Errors
    /// Why it is refused; nothing is stored then.
    pub fn run(&mut self, command: &Command, occasion: &Occasion<'_>) -> Result<Vec<Change>, Error> {
        let changes = crate::decide(self, command, occasion)?;
        self.commit(&changes)?;
        Ok(changes)
    }

    /// The tenant's snapshot as JSON: its live flags, its segments, the override rows of those flags, and the kill switches that are engaged.
    #[must_use]
    pub fn snapshot(&self) -> String {
        let flags = self.flags.values().filter(|row| is_live(row)).map(|row| row.document.as_str());
        let segments = self.segments.values().filter(|row| row.deleted_at.is_none()).map(|row| row.document.as_str());
        let is_of_live = |row: &&OverrideRow| self.flags.get(&row.flag).is_some_and(is_live);
        let overrides = self.overrides.values().filter(is_of_live).map(|row| row.document.as_str());
        let switches = self.kill_switches.values().filter(|row| row.engaged);
        let switches: Vec<_> =
            switches.map(|row| serde_json::json!({"category": row.category, "engaged": true}).to_string()).collect();
        format!(
            r#"{{"schema":"burgee.snapshot/1","tenant":{},"version":{},"flags":[{}],"segments":[{}],"overrides":[{}],"kill_switches":[{}]}}"#,
            serde_json::json!(self.tenant),
            self.version,
            flags.collect::<Vec<_>>().join(","),
            segments.collect::<Vec<_>>().join(","),
            overrides.collect::<Vec<_>>().join(","),
            switches.join(","),
        )
    }

    /// When the present version was set, ms since the epoch; 0 before the first.
    #[must_use]
    pub fn version_at(&self) -> i64 {
        self.version_at
    }

    /// All entries of the audit, the oldest first.
    #[must_use]
    pub fn all_audit(&self) -> &[AuditRow] {
        &self.audit
    }

    fn live_attributes(&self) -> impl Iterator<Item = &String> {
        let of_flags = self.flags.values().filter(|row| is_live(row)).flat_map(|row| &row.attributes);
        let segments = self.segments.values().filter(|row| row.deleted_at.is_none());
        of_flags.chain(segments.flat_map(|row| &row.attributes))
    }

    fn apply(&mut self, change: &Change) -> Read<()> {
        match change {
            Change::PutFlag(row) => {
                if self.flags.get(&row.key).is_some_and(|earlier| earlier.version >= row.version) {
                    return refused("a flag's version must rise");
                }
                self.flags.insert(row.key.clone(), row.clone());
            }
            Change::PurgeFlag { key } => {
                removed(self.flags.remove(key), "flag")?;
                self.overrides.retain(|(flag, _, _), _| flag != key);
                self.rollouts.remove(key);
                self.exposures.retain(|(flag, _, _), _| flag != key);
            }
            Change::PutSegment(row) => {
                if self.segments.get(&row.key).is_some_and(|earlier| earlier.version >= row.version) {
                    return refused("a segment's version must rise");
                }
                self.segments.insert(row.key.clone(), row.clone());
            }
            Change::PurgeSegment { key } => removed(self.segments.remove(key), "segment")?,
            Change::PutOverride(row) => {
                self.overrides.insert(override_key(row.scope, &row.id, &row.flag), row.clone());
            }
            Change::RemoveOverride { scope, id, flag } => {
                removed(self.overrides.remove(&override_key(*scope, id, flag)), "override")?;
            }
            Change::PutKillSwitch(row) => {
                self.kill_switches.insert(row.category.clone(), row.clone());
            }
            Change::PutRollout(row) => {
                self.rollouts.insert(row.flag.clone(), row.clone());
            }
            Change::RemoveRollout { flag } => removed(self.rollouts.remove(flag), "rollout")?,
            Change::PutProposal(row) => {
                self.proposals.insert(number(&row.id), row.clone());
            }
            Change::PutWebhook(row) => {
                self.webhooks.insert(number(&row.id), row.clone());
            }
            Change::RemoveWebhook { id } => {
                removed(self.webhooks.remove(&number(id)), "webhook")?;
                self.deliveries.retain(|_, row| row.webhook != *id);
            }
            Change::PutDelivery(row) => {
                self.deliveries.insert(delivery_key(&row.id), row.clone());
            }
            Change::SetSinkSeq(seq) => {
                if *seq <= self.sink_seq {
                    return refused("the seq of the sink must rise");
                }
                self.sink_seq = *seq;
            }
            Change::HastenDeliveries { at } => {
                for row in self.deliveries.values_mut().filter(|row| row.status == DeliveryStatus::Waiting) {
                    row.next_at = Some(*at);
                }
            }
            Change::ForgetDeliveries { before } => {
                self.deliveries.retain(|_, row| row.ended_at.is_none_or(|at| at >= *before));
            }
            Change::AddExposures(count) => {
                let key = (count.flag.clone(), count.variant.clone(), count.version);
                let (sum, last_at) = self.exposures.entry(key).or_insert((0, count.last_at));
                *sum = sum.saturating_add(count.count);
                *last_at = (*last_at).max(count.last_at);
            }
            Change::PutBatch { id, at } => {
                self.batches.insert(id.clone(), *at);
            }
            Change::ForgetBatches { before } => self.batches.retain(|_, at| *at >= *before),
            Change::SetRolloutsStopped(stopped) => self.rollouts_stopped = *stopped,
            Change::SetVersion { version, at } => {
                if *version != self.version.saturating_add(1) {
                    return refused("the snapshot's version must be one more");
                }
                (self.version, self.version_at) = (*version, *at);
            }
            Change::Audit(row) => {
                if row.seq != self.audit.last().map_or(0, |last| last.seq).saturating_add(1) {
                    return refused("an audit entry's seq must be one more than the last");
                }
                self.audit.push(row.clone());
            }
            Change::Event(row) => {
                if row.seq <= self.last_event {
                    return refused("an event's seq must rise");
                }
                self.last_event = row.seq;
                self.events.insert(row.seq, row.clone());
            }
            Change::ForgetEvents { up_to } => self.events.retain(|seq, _| seq > up_to),
        }
        Ok(())
    }
}

impl Store for Memory {
    fn commit(&mut self, changes: &[Change]) -> Read<()> {
        // Of a copy, so that a change that is refused leaves nothing of those before it.
        let mut next = self.clone();
        changes.iter().try_for_each(|change| next.apply(change))?;
        *self = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Draft, Policy, Write};
    use crate::state::{AuditFilter, FlagFilter, Lists, Page, State};

    fn page(after: Option<&str>, limit: usize) -> Page {
        Page { after: after.map(str::to_owned), limit }
    }

    fn tenant() -> Memory {
        let mut memory = Memory::new("acme");
        let policy = Policy::default();
        let flags = [
            r#"{"key":"a.one","tags":["x"],"description":"Checks Out"}"#,
            r#"{"key":"a.two","state":"off"}"#,
            r#"{"key":"b","tags":["x","y"]}"#,
            r#"{"key":"c"}"#,
            r#"{"key":"d"}"#,
        ];
        let put = |document: &&str| {
            let document = (*document).to_owned();
            Command::PutFlag(Draft { key: None, document, write: Write::Upsert, expected: None })
        };
        let mut commands: Vec<Command> = flags.iter().map(put).collect();
        commands.push(Command::ArchiveFlag { key: "c".into(), expected: None });
        commands.push(Command::DeleteFlag { key: "d".into(), expected: None });
        for (now, command) in (0..).zip(&commands) {
            let actor = if now % 2 == 0 { "ann" } else { "bob" };
            memory.run(command, &Occasion { actor, request_id: "", now, random: [0; 32], policy: &policy }).unwrap();
        }
        memory
    }

    #[test]
    fn lists_filter_and_go_on_where_they_ended() {
        let memory = tenant();
        let keys = |filter: FlagFilter, after, limit| -> Vec<String> {
            memory.flags(&filter, &page(after, limit)).unwrap().into_iter().map(|row| row.key).collect()
        };
        let all = FlagFilter::default;
        assert_eq!(keys(all(), None, 9), ["a.one", "a.two", "b"]);
        assert_eq!(keys(all(), None, 2), ["a.one", "a.two"]);
        assert_eq!(keys(all(), Some("a.two"), 2), ["b"]);
        // A place whose row is gone is a place still.
        assert_eq!(keys(all(), Some("a.q"), 2), ["a.two", "b"]);
        let with_state = |state| FlagFilter { state: Some(state), ..all() };
        assert_eq!(keys(with_state(FlagState::On), None, 9), ["a.one", "b"]);
        assert_eq!(keys(with_state(FlagState::Off), None, 9), ["a.two"]);
        assert_eq!(keys(with_state(FlagState::Archived), None, 9), ["c"]);
        assert_eq!(keys(FlagFilter { tag: Some("x".into()), ..all() }, None, 9), ["a.one", "b"]);
        assert_eq!(keys(FlagFilter { prefix: Some("a.".into()), ..all() }, None, 9), ["a.one", "a.two"]);
        assert_eq!(keys(FlagFilter { search: Some("checks o".into()), ..all() }, None, 9), ["a.one"]);
        assert_eq!(keys(FlagFilter { unseen_since: Some(2), ..all() }, None, 9), ["a.one", "a.two"]);

        let seqs = |filter: AuditFilter, after, limit| -> Vec<u64> {
            memory.audit(&filter, &page(after, limit)).unwrap().into_iter().map(|row| row.seq).collect()
        };
        assert_eq!(seqs(AuditFilter::default(), None, 3), [7, 6, 5]);
        assert_eq!(seqs(AuditFilter::default(), Some("5"), 9), [4, 3, 2, 1]);
        assert_eq!(seqs(AuditFilter { actor: Some("bob".into()), ..AuditFilter::default() }, None, 9), [6, 4, 2]);
        assert_eq!(seqs(AuditFilter { entity_key: Some("d".into()), ..AuditFilter::default() }, None, 9), [7, 5]);
        assert_eq!(seqs(AuditFilter { entity: Some("segment".into()), ..AuditFilter::default() }, None, 9), [0; 0]);
        assert_eq!(seqs(AuditFilter { since: Some(1), until: Some(3), ..AuditFilter::default() }, None, 9), [3, 2]);
        assert_eq!(memory.events_after(5, 1).unwrap()[0].seq, 6);
        assert_eq!(memory.events().unwrap(), Some((1, 7)));
    }

    #[test]
    fn what_storage_refuses_is_refused_whole() {
        let mut memory = tenant();
        let before = memory.clone();
        let flag = memory.flag("b").unwrap().unwrap();
        let last = memory.all_audit().last().unwrap().clone();
        let event = memory.events_after(0, 9).unwrap().pop().unwrap();
        let refused = [
            Change::PutFlag(flag.clone()),
            Change::PurgeFlag { key: "nope".into() },
            Change::RemoveOverride { scope: OverrideScope::User, id: "u".into(), flag: "b".into() },
            Change::RemoveWebhook { id: "wh-1".into() },
            Change::SetVersion { version: 99, at: 0 },
            Change::Audit(last.clone()),
            Change::Audit(AuditRow { seq: last.seq + 2, ..last }),
            Change::Event(event),
        ];
        for change in refused {
            let fine = Change::PutFlag(FlagRow { version: flag.version + 1, ..flag.clone() });
            assert!(memory.commit(&[fine, change.clone()]).is_err(), "{change:?}");
            assert_eq!(memory, before);
        }
    }
}
