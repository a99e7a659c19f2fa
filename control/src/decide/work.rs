//! One command under way: what is stored already, what the command has put in its place, and what it will be told of.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use burgee_core::Fault;
use burgee_core::limits as documents;
use burgee_core::model::{Flag, OverrideScope};
use serde_json::{Map, Value};

use super::record::Event;
use crate::audit::{Entry, FIRST_PREV_HASH};
use crate::change::Change;
use crate::command::Occasion;
use crate::error::Error;
use crate::limits;
use crate::rows::*;
use crate::state::{Counts, Read, State, Unreadable};

/// Events that may be kept past [`limits::EVENTS_KEPT`] until they are cut, so that not every event cuts one.
const EVENTS_SLACK: u64 = 1_000;

/// An override's flag, scope and id.
type OverrideKey = (String, &'static str, String);

/// What a command has done so far. Nothing of it is stored before [`Work::finish`] has given it as changes.
pub(crate) struct Work<'a> {
    pub state: &'a dyn State,
    pub occasion: &'a Occasion<'a>,
    /// In whose name things are done, and who else agreed.
    pub actor: String,
    pub approved_by: Option<String>,
    /// Whether each change gets an event of its own; an import has one for all.
    pub tells_each: bool,
    /// Flags of high impact that were changed in a way that needs a second person.
    pub high_impact: BTreeSet<String>,
    flags: BTreeMap<String, FlagRow>,
    segments: BTreeMap<String, SegmentRow>,
    /// None: removed.
    overrides: BTreeMap<OverrideKey, Option<OverrideRow>>,
    rollouts: BTreeMap<String, Option<RolloutRow>>,
    webhooks: BTreeMap<String, WebhookRow>,
    /// How much there is, the command's changes included; read when first needed.
    counts: Option<Counts>,
    /// Attributes that rows of the command read, and those that they replace do not.
    new_attributes: BTreeSet<String>,
    is_visible: bool,
    rows: Vec<Change>,
    audit: Vec<AuditRow>,
    events: Vec<Event>,
    /// The seq and the hash of the last entry.
    head: Option<(u64, String)>,
}

pub(crate) fn scope_name(scope: OverrideScope) -> &'static str {
    match scope {
        OverrideScope::User => "user",
        OverrideScope::Tenant => "tenant",
    }
}

pub(crate) fn is_live(row: &FlagRow) -> bool {
    row.deleted_at.is_none() && row.state != FlagState::Archived
}

/// A document that cannot be written or read although this crate wrote it.
pub(crate) fn unreadable(what: &str) -> Error {
    Error::Unreadable(Unreadable(format!("{what} is not what was written")))
}

/// Any serialisable thing as canonical JSON.
pub(crate) fn to_json(thing: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(thing).map_err(|_| unreadable("a document"))
}

impl<'a> Work<'a> {
    pub fn new(state: &'a dyn State, occasion: &'a Occasion<'a>) -> Self {
        Self {
            state,
            occasion,
            actor: occasion.actor.to_owned(),
            approved_by: None,
            tells_each: true,
            high_impact: BTreeSet::new(),
            flags: BTreeMap::new(),
            segments: BTreeMap::new(),
            overrides: BTreeMap::new(),
            rollouts: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            counts: None,
            new_attributes: BTreeSet::new(),
            is_visible: false,
            rows: Vec::new(),
            audit: Vec::new(),
            events: Vec::new(),
            head: None,
        }
    }

    pub fn now(&self) -> i64 {
        self.occasion.now
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    // What is there, the command's own changes included.

    pub fn flag(&self, key: &str) -> Read<Option<FlagRow>> {
        match self.flags.get(key) {
            Some(row) => Ok(Some(row.clone())),
            None => self.state.flag(key),
        }
    }

    /// A flag that is not deleted.
    pub fn known_flag(&self, key: &str) -> Result<FlagRow, Error> {
        self.flag(key)?.filter(|row| row.deleted_at.is_none()).ok_or(Error::NotFound("flag"))
    }

    pub fn segment(&self, key: &str) -> Read<Option<SegmentRow>> {
        match self.segments.get(key) {
            Some(row) => Ok(Some(row.clone())),
            None => self.state.segment(key),
        }
    }

    pub fn rollout(&self, flag: &str) -> Read<Option<RolloutRow>> {
        match self.rollouts.get(flag) {
            Some(row) => Ok(row.clone()),
            None => self.state.rollout(flag),
        }
    }

    pub fn override_row(&self, scope: OverrideScope, id: &str, flag: &str) -> Read<Option<OverrideRow>> {
        match self.overrides.get(&(flag.to_owned(), scope_name(scope), id.to_owned())) {
            Some(row) => Ok(row.clone()),
            None => self.state.override_row(scope, id, flag),
        }
    }

    pub fn overrides_of(&self, flag: &str) -> Read<Vec<OverrideRow>> {
        let mut rows = self.state.overrides_of(flag)?;
        let key = |row: &OverrideRow| (row.flag.clone(), scope_name(row.scope), row.id.clone());
        rows.retain(|row| !self.overrides.contains_key(&key(row)));
        rows.extend(self.overrides.values().flatten().filter(|row| row.flag == flag).cloned());
        Ok(rows)
    }

    /// Live flags that have this one as a prerequisite.
    pub fn dependents(&self, key: &str) -> Read<Vec<String>> {
        let mut keys = self.state.dependents(key)?;
        keys.retain(|key| !self.flags.contains_key(key));
        let needs = |row: &&FlagRow| is_live(row) && row.prerequisites.iter().any(|needed| needed == key);
        keys.extend(self.flags.values().filter(needs).map(|row| row.key.clone()));
        Ok(keys)
    }

    /// Flags that are not deleted and name this segment.
    pub fn flags_with_segment(&self, key: &str) -> Read<Vec<String>> {
        let mut keys = self.state.flags_with_segment(key)?;
        keys.retain(|key| !self.flags.contains_key(key));
        let names = |row: &&FlagRow| row.deleted_at.is_none() && row.segments.iter().any(|segment| segment == key);
        keys.extend(self.flags.values().filter(names).map(|row| row.key.clone()));
        Ok(keys)
    }

    pub fn webhooks(&self) -> Read<Vec<WebhookRow>> {
        let mut rows = self.state.webhooks()?;
        for row in &mut rows {
            if let Some(newer) = self.webhooks.get(&row.id) {
                row.clone_from(newer);
            }
        }
        Ok(rows)
    }

    /// Reads a flag's document with the segments that there are.
    pub fn read_flag(&self, document: &str) -> Result<Result<Flag, Vec<Fault>>, Error> {
        let failed = RefCell::new(None);
        let cost = |key: &str| match self.segment(key) {
            Ok(row) => row.filter(|row| row.deleted_at.is_none()).map(|row| row.cost),
            Err(unreadable) => {
                *failed.borrow_mut() = Some(unreadable);
                None
            }
        };
        let flag = Flag::read(document, &cost);
        match failed.into_inner() {
            Some(unreadable) => Err(unreadable.into()),
            None => Ok(flag),
        }
    }

    /// Reads a flag's stored document, whatever has become of the segments that it names.
    pub fn stored_flag(row: &FlagRow) -> Result<Flag, Error> {
        Flag::read(&row.document, &|_| Some(0)).map_err(|_| unreadable("a flag"))
    }

    // What the command puts there.

    fn counts(&mut self) -> Read<&mut Counts> {
        if self.counts.is_none() {
            self.counts = Some(self.state.counts()?);
        }
        Ok(self.counts.get_or_insert_default())
    }

    pub fn put_flag(&mut self, row: FlagRow) -> Result<(), Error> {
        let earlier = self.flag(&row.key)?;
        let earlier = earlier.as_ref();
        let bytes = |row: &&FlagRow| is_live(row).then_some(row.document.len());
        let is_new = row.deleted_at.is_none() && earlier.is_none_or(|earlier| earlier.deleted_at.is_some());
        let is_gone = row.deleted_at.is_some() && earlier.is_some_and(|earlier| earlier.deleted_at.is_none());
        if is_live(&row) {
            self.add_attributes(&row.attributes, earlier.filter(|row| is_live(row)).map(|row| &*row.attributes))?;
        }
        self.resize(earlier.as_ref().and_then(bytes).unwrap_or(0), bytes(&&row).unwrap_or(0))?;
        count(&mut self.counts()?.flags, is_new, is_gone, documents::FLAGS, "FLAGS", "flags")?;
        self.is_visible |= is_live(&row) || earlier.is_some_and(is_live);
        self.rows.push(Change::PutFlag(row.clone()));
        self.flags.insert(row.key.clone(), row);
        Ok(())
    }

    pub fn put_segment(&mut self, row: SegmentRow) -> Result<(), Error> {
        let earlier = self.segment(&row.key)?.filter(|row| row.deleted_at.is_none());
        let is_there = row.deleted_at.is_none();
        if is_there {
            self.add_attributes(&row.attributes, earlier.as_ref().map(|row| &*row.attributes))?;
        }
        let bytes = earlier.as_ref().map_or(0, |row| row.document.len());
        self.resize(bytes, if is_there { row.document.len() } else { 0 })?;
        let (is_new, is_gone) = (is_there && earlier.is_none(), !is_there && earlier.is_some());
        count(&mut self.counts()?.segments, is_new, is_gone, documents::SEGMENTS, "SEGMENTS", "segments")?;
        self.is_visible = true;
        self.rows.push(Change::PutSegment(row.clone()));
        self.segments.insert(row.key.clone(), row);
        Ok(())
    }

    pub fn put_override(&mut self, row: OverrideRow) -> Result<(), Error> {
        let earlier = self.override_row(row.scope, &row.id, &row.flag)?;
        self.resize(earlier.as_ref().map_or(0, |row| row.document.len()), row.document.len())?;
        let is_new = earlier.is_none();
        count(&mut self.counts()?.overrides, is_new, false, documents::OVERRIDES, "OVERRIDES", "override rows")?;
        self.is_visible = true;
        self.rows.push(Change::PutOverride(row.clone()));
        self.overrides.insert((row.flag.clone(), scope_name(row.scope), row.id.clone()), Some(row));
        Ok(())
    }

    /// Takes an override row away. What is of no live flag was not to be seen.
    pub fn remove_override(&mut self, row: &OverrideRow) -> Result<(), Error> {
        self.resize(row.document.len(), 0)?;
        count(&mut self.counts()?.overrides, false, true, documents::OVERRIDES, "OVERRIDES", "override rows")?;
        self.is_visible |= self.flag(&row.flag)?.as_ref().is_some_and(is_live);
        let (scope, id, flag) = (row.scope, row.id.clone(), row.flag.clone());
        self.overrides.insert((flag.clone(), scope_name(scope), id.clone()), None);
        self.rows.push(Change::RemoveOverride { scope, id, flag });
        Ok(())
    }

    pub fn put_kill_switch(&mut self, row: KillSwitchRow, is_new: bool) -> Result<(), Error> {
        let (limit, name) = (limits::KILL_SWITCHES, "KILL_SWITCHES");
        count(&mut self.counts()?.kill_switches, is_new, false, limit, name, "kill switches")?;
        self.is_visible = true;
        self.rows.push(Change::PutKillSwitch(row));
        Ok(())
    }

    pub fn put_rollout(&mut self, row: RolloutRow) {
        self.rows.push(Change::PutRollout(row.clone()));
        self.rollouts.insert(row.flag.clone(), Some(row));
    }

    pub fn remove_rollout(&mut self, flag: &str) {
        self.rows.push(Change::RemoveRollout { flag: flag.to_owned() });
        self.rollouts.insert(flag.to_owned(), None);
    }

    pub fn put_proposal(&mut self, row: ProposalRow, is_new: bool) -> Result<(), Error> {
        let (limit, name) = (limits::PROPOSALS, "PROPOSALS");
        count(&mut self.counts()?.proposals, is_new, false, limit, name, "proposals that wait")?;
        self.rows.push(Change::PutProposal(row));
        Ok(())
    }

    pub fn put_webhook(&mut self, row: WebhookRow, is_new: bool) -> Result<(), Error> {
        count(&mut self.counts()?.webhooks, is_new, false, limits::WEBHOOKS, "WEBHOOKS", "webhooks")?;
        self.rows.push(Change::PutWebhook(row.clone()));
        self.webhooks.insert(row.id.clone(), row);
        Ok(())
    }

    /// Makes a new version although no row changes.
    pub fn show_anew(&mut self) {
        self.is_visible = true;
    }

    /// A row of which nothing is looked up again in the same command, and which evaluation does not see.
    pub fn put(&mut self, change: Change) {
        self.rows.push(change);
    }

    /// Refuses what would make the snapshot too large.
    fn resize(&mut self, before: usize, after: usize) -> Result<(), Error> {
        let counts = self.counts()?;
        let size = counts.snapshot_bytes.saturating_sub(before).saturating_add(after);
        let limit = documents::SNAPSHOT_BYTES.saturating_sub(limits::SNAPSHOT_RESERVE_BYTES);
        if after > before && size > limit {
            let message = format!("flags, segments and overrides would have more than {limit} bytes (SNAPSHOT_BYTES)");
            return Err(Error::LimitExceeded { limit: "SNAPSHOT_BYTES", message });
        }
        counts.snapshot_bytes = size;
        Ok(())
    }

    /// Refuses what would make the snapshot name too many attributes. Those that a change no longer names are counted until it is stored.
    fn add_attributes(&mut self, names: &[String], earlier: Option<&[String]>) -> Result<(), Error> {
        let is_new = |name: &&String| earlier.is_none_or(|earlier| !earlier.contains(name));
        let candidates: Vec<&String> = names.iter().filter(is_new).collect();
        let stored = self.counts()?.attributes;
        let known = burgee_core::attribute::KNOWN.len();
        let total = |more: usize| stored.saturating_add(known).saturating_add(more);
        let more = |new: &BTreeSet<String>| candidates.iter().filter(|name| !new.contains(**name)).count();
        // Whether the tenant has a name already is asked only where it matters.
        let is_near =
            total(self.new_attributes.len().saturating_add(more(&self.new_attributes))) > documents::ATTRIBUTES;
        let mut fresh = self.new_attributes.clone();
        for name in candidates {
            if !is_near || !self.state.has_attribute(name)? {
                fresh.insert(name.clone());
            }
        }
        if is_near {
            // What was taken on trust before is looked at now.
            let mut unknown = BTreeSet::new();
            for name in fresh {
                if !self.state.has_attribute(&name)? {
                    unknown.insert(name);
                }
            }
            fresh = unknown;
            if total(fresh.len()) > documents::ATTRIBUTES {
                let message = format!(
                    "flags and segments would name more than {} attributes (ATTRIBUTES)",
                    documents::ATTRIBUTES
                );
                return Err(Error::LimitExceeded { limit: "ATTRIBUTES", message });
            }
        }
        self.new_attributes = fresh;
        Ok(())
    }

    // Who is told.

    /// The seq that the next entry of the audit will have. No other entry has it, so it makes ids.
    pub fn next_seq(&mut self) -> Read<u64> {
        if self.head.is_none() {
            self.head = self.state.audit_head()?;
        }
        Ok(self.head.as_ref().map_or(1, |(seq, _)| seq.saturating_add(1)))
    }

    /// Notes what was done, in the actor's name.
    pub fn audit(&mut self, action: &str, what: Subject<'_>) -> Result<(), Error> {
        let seq = self.next_seq()?;
        let entry = Entry {
            actor: &self.actor,
            action,
            entity: what.entity,
            entity_key: what.key,
            version: what.version,
            request_id: self.occasion.request_id,
            before: what.before,
            after: what.after,
            approved_by: self.approved_by.as_deref(),
        };
        let prev_hash = self.head.as_ref().map_or(FIRST_PREV_HASH, |(_, hash)| hash);
        let row = entry.row(seq, self.occasion.now, prev_hash)?;
        self.head = Some((seq, row.hash.clone()));
        self.audit.push(row);
        Ok(())
    }

    /// Says what was done, in the actor's name. `data` is a JSON object.
    pub fn event(&mut self, event_type: &'static str, subject: String, data: Value) {
        if self.tells_each {
            let data = match data {
                Value::Object(members) => members,
                _ => Map::new(),
            };
            self.events.push(Event { event_type, subject, actor: self.actor.clone(), data });
        }
    }

    /// All that the command changes, in the order in which it is stored: rows, the snapshot's version, the audit, events and their deliveries.
    pub fn finish(self) -> Result<Vec<Change>, Error> {
        let mut changes = self.rows;
        if changes.is_empty() && !self.is_visible {
            return Ok(changes);
        }
        let mut version = self.state.version()?;
        if self.is_visible {
            version = version.saturating_add(1);
            changes.push(Change::SetVersion { version, at: self.occasion.now });
        }
        changes.extend(self.audit.into_iter().map(Change::Audit));
        if self.events.is_empty() {
            return Ok(changes);
        }
        let webhooks: Vec<WebhookRow> = {
            let mut rows = self.state.webhooks()?;
            rows.retain(|row| self.webhooks.get(&row.id).unwrap_or(row).enabled);
            rows
        };
        let kept = self.state.events()?;
        let mut seq = kept.map_or(0, |(_, last)| last);
        for event in self.events {
            seq = seq.saturating_add(1);
            let row = event.row(seq, self.state.tenant(), self.occasion, version)?;
            let wants = webhooks.iter().filter(|webhook| crate::events::is_wanted(&webhook.types, &row.event_type));
            let deliveries: Vec<Change> =
                wants.map(|webhook| Change::PutDelivery(row.delivery(&webhook.id, self.occasion.now))).collect();
            changes.push(Change::Event(row));
            changes.extend(deliveries);
        }
        let first = kept.map_or(1, |(first, _)| first);
        if seq.saturating_sub(first) >= limits::EVENTS_KEPT.saturating_add(EVENTS_SLACK) {
            changes.push(Change::ForgetEvents { up_to: seq.saturating_sub(limits::EVENTS_KEPT) });
        }
        Ok(changes)
    }
}

/// What an entry of the audit is about: JSON texts of what it was and what it is.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'s> {
    pub entity: &'static str,
    pub key: &'s str,
    pub version: Option<u64>,
    pub before: Option<&'s str>,
    pub after: Option<&'s str>,
}

/// Counts one more or one less, and refuses one too many.
fn count(
    present: &mut usize,
    is_new: bool,
    is_gone: bool,
    limit: usize,
    name: &'static str,
    what: &str,
) -> Result<(), Error> {
    if is_new && *present >= limit {
        return Err(Error::LimitExceeded {
            limit: name,
            message: format!("a tenant has at most {limit} {what} ({name})"),
        });
    }
    *present = present.saturating_add(usize::from(is_new)).saturating_sub(usize::from(is_gone));
    Ok(())
}
