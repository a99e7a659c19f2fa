//! Overrides, kill switches, exposures, and imports.

use std::collections::BTreeSet;

use burgee_control::limits::OVERRIDE_ID_CHARS;
use burgee_control::{Change, Command, KillSwitchRow, OverrideRow, Store};
use burgee_core::model::{KillSwitch, OverrideScope};
use burgee_core::{Documents, Path};
use serde::Serialize;

use super::{Answer, Asked, Done, json, not_found, time};
use crate::envelope::Problem;
use crate::http::Response;
use crate::v1::input::{self, Faults, Fields, is_key};
use crate::v1::page::whole;

/// Whose override the path names, and of which flag.
struct Place {
    scope: OverrideScope,
    id: String,
    flag: String,
}

fn place(asked: &Asked<'_>) -> Result<Place, Problem> {
    let scope = match &*asked.segment("scope")? {
        "user" => OverrideScope::User,
        "tenant" => OverrideScope::Tenant,
        _ => return Err(not_found("scope of overrides: it is user or tenant")),
    };
    let id = asked.segment("id")?.into_owned();
    if id.chars().nth(OVERRIDE_ID_CHARS).is_some() {
        return Err(Problem::invalid("the id in the path has more than 256 characters (OVERRIDE_ID_CHARS)"));
    }
    let flag = asked.segment("flag")?.into_owned();
    if is_key(&flag) { Ok(Place { scope, id, flag }) } else { Err(not_found("flag")) }
}

pub(super) fn put_override(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let document = asked.document()?.to_owned();
    let Place { scope, id, flag } = place(asked)?;
    let status = if store.override_row(scope, &id, &flag)?.is_some() { 200 } else { 201 };
    let command = Command::PutOverride { scope, id: id.clone(), flag: flag.clone(), document };
    asked.run(store, &command)?.answer(|| {
        let row = store.override_row(scope, &id, &flag)?.ok_or_else(|| not_found("override"))?;
        Ok(Response { body: shown(&row, asked.moment.now).into_bytes(), ..Response::new(status) }
            .with("Content-Type", "application/json")
            .with("Cache-Control", "no-store"))
    })
}

pub(super) fn remove_override(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let Place { scope, id, flag } = place(asked)?;
    asked.run(store, &Command::RemoveOverride { scope, id, flag })?.answer(|| Ok(Response::new(204)))
}

/// The answer to [`invalidate_cache`].
#[derive(Serialize)]
struct Invalidated {
    snapshot_version: u64,
}

pub(super) fn invalidate_cache(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let document = asked.document()?.to_owned();
    let done = asked.run(store, &Command::InvalidateCache { document })?;
    done.answer(|| json(200, &Invalidated { snapshot_version: done.version }))
}

pub(super) fn overrides(asked: &Asked<'_>, store: &dyn Store) -> Answer {
    let key = flag_of(asked, store)?;
    let rows = store.overrides_of(&key)?;
    Ok(whole(rows.iter().map(|row| shown(row, asked.moment.now))))
}

/// An override's document; one whose time is over says so.
fn shown(row: &OverrideRow, now: i64) -> String {
    match row.document.strip_suffix('}') {
        Some(open) if row.expires_at.is_some_and(|end| end <= now) => format!("{open},\"expired\":true}}"),
        _ => row.document.clone(),
    }
}

/// The key of a flag that is there.
pub(super) fn flag_of(asked: &Asked<'_>, store: &dyn Store) -> Result<String, Problem> {
    let key = asked.segment("key")?.into_owned();
    let row = if is_key(&key) { store.flag(&key)? } else { None };
    row.filter(|row| row.deleted_at.is_none()).map(|row| row.key).ok_or_else(|| not_found("flag"))
}

pub(super) fn exposures(asked: &Asked<'_>, store: &dyn Store) -> Answer {
    #[derive(Serialize)]
    struct Shown<'a> {
        variant: &'a str,
        flag_version: u64,
        count: u64,
        last_at: String,
    }
    let key = flag_of(asked, store)?;
    let rows = store.exposures(&key)?;
    Ok(whole(rows.iter().map(|row| {
        let shown =
            Shown { variant: &row.variant, flag_version: row.version, count: row.count, last_at: time(row.last_at) };
        serde_json::to_string(&shown).unwrap_or_default()
    })))
}

#[derive(Serialize)]
struct ShownSwitch<'a> {
    category: &'a str,
    engaged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    actor: &'a str,
    at: String,
}

impl<'a> ShownSwitch<'a> {
    fn of(row: &'a KillSwitchRow) -> Self {
        let KillSwitchRow { category, engaged, reason, actor, at } = row;
        Self { category, engaged: *engaged, reason: reason.as_deref(), actor, at: time(*at) }
    }
}

pub(super) fn kill_switches(store: &dyn Store) -> Answer {
    let rows = store.kill_switches()?;
    Ok(whole(rows.iter().map(|row| serde_json::to_string(&ShownSwitch::of(row)).unwrap_or_default())))
}

pub(super) fn set_kill_switch(asked: &Asked<'_>, store: &mut dyn Store, engaged: bool) -> Answer {
    let category = match asked.entry.path.contains("{category}") {
        true => asked.segment("category")?.into_owned(),
        false => KillSwitch::GLOBAL.to_owned(),
    };
    // Any text may be one: whatever category a flag has can be killed.
    if category.is_empty() || category.chars().nth(burgee_core::limits::KEY_CHARS).is_some() {
        return Err(Problem::invalid("the category in the path must have 1 to 128 characters (KEY_CHARS)"));
    }
    let reason = reason(asked)?;
    let done = asked.run(store, &Command::SetKillSwitch { category: category.clone(), engaged, reason })?;
    done.answer(|| match store.kill_switch(&category)? {
        Some(row) => json(200, &ShownSwitch::of(&row)),
        // It was never set, and is released: there is nothing to store.
        None => json(200, &Unset { category: &category, engaged: false }),
    })
}

#[derive(Serialize)]
struct Unset<'a> {
    category: &'a str,
    engaged: bool,
}

/// The body `{"reason"?}`, which may be missing.
pub(super) fn reason(asked: &Asked<'_>) -> Result<Option<String>, Problem> {
    let members = input::optional_object(asked.request)?;
    let mut faults = Faults::default();
    let fields = Fields::of(&members, &Path::Root);
    let reason = fields.text("reason", burgee_control::limits::TEXT_BYTES, &mut faults);
    fields.no_others(&["reason"], &mut faults);
    faults.none()?;
    Ok(reason.map(str::to_owned))
}

pub(super) fn import(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    #[derive(Serialize)]
    struct Imported {
        created: usize,
        updated: usize,
        unchanged: usize,
        snapshot_version: u64,
    }
    let document = asked.document()?;
    let named = named(document);
    let command = Command::Import { document: document.to_owned() };
    // What is new is asked before it is stored.
    let before = Before::of(store, document)?;
    let done = asked.run(store, &command)?;
    let (created, updated) = before.count(&done);
    let unchanged = named.saturating_sub(created).saturating_sub(updated);
    let snapshot_version = done.version;
    done.answer(|| json(200, &Imported { created, updated, unchanged, snapshot_version }))
}

/// How many entries a document names, each once.
fn named(document: &str) -> usize {
    Keys::of(document).0.len()
}

/// What a document names, by kind and key.
struct Keys(BTreeSet<(&'static str, String)>);

impl Keys {
    fn of(document: &str) -> Self {
        let Ok(documents) = Documents::read(document.as_bytes()) else { return Self(BTreeSet::new()) };
        let flags = documents.flags.into_iter().map(|entry| ("flag", entry.value.key));
        let segments = documents.segments.into_iter().map(|entry| ("segment", entry.value.key));
        let switches = documents.kill_switches.into_iter().map(|entry| ("kill_switch", entry.value.category));
        let overrides = documents.overrides.into_iter().map(|entry| {
            let row = entry.value;
            ("override", override_key(row.scope, &row.id, &row.flag))
        });
        Self(flags.chain(segments).chain(switches).chain(overrides).collect())
    }
}

/// An override's place as one text.
fn override_key(scope: OverrideScope, id: &str, flag: &str) -> String {
    format!("{scope:?}/{flag}/{id}")
}

/// What of a document's entries was there before it was imported.
struct Before(BTreeSet<(&'static str, String)>);

impl Before {
    fn of(store: &dyn Store, document: &str) -> Result<Self, Problem> {
        let Ok(documents) = Documents::read(document.as_bytes()) else { return Ok(Self(BTreeSet::new())) };
        let mut there = BTreeSet::new();
        for entry in documents.flags {
            let row = store.flag(&entry.value.key)?;
            if row.is_some_and(|row| row.deleted_at.is_none()) {
                there.insert(("flag", entry.value.key));
            }
        }
        for entry in documents.segments {
            let row = store.segment(&entry.value.key)?;
            if row.is_some_and(|row| row.deleted_at.is_none()) {
                there.insert(("segment", entry.value.key));
            }
        }
        for entry in documents.kill_switches {
            if store.kill_switch(&entry.value.category)?.is_some() {
                there.insert(("kill_switch", entry.value.category));
            }
        }
        for entry in documents.overrides {
            let row = entry.value;
            if store.override_row(row.scope, &row.id, &row.flag)?.is_some() {
                there.insert(("override", override_key(row.scope, &row.id, &row.flag)));
            }
        }
        Ok(Self(there))
    }

    /// How many entries were created, and how many updated.
    fn count(&self, done: &Done) -> (usize, usize) {
        let put: BTreeSet<(&'static str, String)> = done
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::PutFlag(row) => Some(("flag", row.key.clone())),
                Change::PutSegment(row) => Some(("segment", row.key.clone())),
                Change::PutKillSwitch(row) => Some(("kill_switch", row.category.clone())),
                Change::PutOverride(row) => Some(("override", override_key(row.scope, &row.id, &row.flag))),
                _ => None,
            })
            .collect();
        let updated = put.iter().filter(|key| self.0.contains(key)).count();
        (put.len().saturating_sub(updated), updated)
    }
}
