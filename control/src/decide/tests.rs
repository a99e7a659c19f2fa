//! Tests of what commands change, on a tenant in memory.

mod definitions;
mod deliveries;
mod people;
mod properties;
mod rollouts;

use burgee_core::Fault;
use serde_json::Value;

use crate::memory::Memory;
use crate::*;

pub(super) const HOUR: i64 = 3_600_000;
pub(super) const DAY: i64 = 24 * HOUR;
/// 2026-11-21T10:00:00Z.
pub(super) const START: i64 = 1_795_255_200_000;

/// A tenant, and the time and the actor of what is done next.
pub(super) struct Tenant {
    pub memory: Memory,
    pub now: i64,
    pub policy: Policy,
}

impl Tenant {
    pub fn new() -> Self {
        Self { memory: Memory::new("acme"), now: START, policy: Policy::default() }
    }

    /// With these flags, each a JSON document.
    pub fn with_flags(documents: &[&str]) -> Self {
        let mut tenant = Self::new();
        for document in documents {
            tenant.put(document).unwrap();
        }
        tenant
    }

    pub fn run_as(&mut self, actor: &str, command: &Command) -> Result<Vec<Change>, Error> {
        let occasion = Occasion { actor, request_id: "r1", now: self.now, random: [7; 32], policy: &self.policy };
        let before = self.memory.clone();
        let result = self.memory.run(command, &occasion);
        if result.as_ref().is_ok_and(Vec::is_empty) || result.is_err() {
            assert_eq!(self.memory, before);
        }
        self.now += 1;
        result
    }

    pub fn run(&mut self, command: &Command) -> Result<Vec<Change>, Error> {
        self.run_as("ann", command)
    }

    pub fn put(&mut self, document: &str) -> Result<Vec<Change>, Error> {
        self.run(&put(document))
    }

    pub fn patch(&mut self, key: &str, document: &str) -> Result<Vec<Change>, Error> {
        self.run(&flag_draft(Some(key), document, Write::Merge, None))
    }

    pub fn segment(&mut self, document: &str) -> Result<Vec<Change>, Error> {
        self.run(&Command::PutSegment(draft(None, document, Write::Upsert, None)))
    }

    /// Ticks at a time.
    pub fn tick_at(&mut self, now: i64) -> Vec<Change> {
        self.now = now;
        self.run_as("burgee", &Command::Tick).unwrap()
    }

    pub fn flag(&self, key: &str) -> Value {
        serde_json::from_str(&self.memory.flag(key).unwrap().unwrap().document).unwrap()
    }

    pub fn version(&self, key: &str) -> u64 {
        self.memory.flag(key).unwrap().unwrap().version
    }
}

pub(super) fn draft(key: Option<&str>, document: &str, write: Write, expected: Option<u64>) -> Draft {
    Draft { key: key.map(str::to_owned), document: document.to_owned(), write, expected }
}

pub(super) fn flag_draft(key: Option<&str>, document: &str, write: Write, expected: Option<u64>) -> Command {
    Command::PutFlag(draft(key, document, write, expected))
}

pub(super) fn put(document: &str) -> Command {
    flag_draft(None, document, Write::Upsert, None)
}

pub(super) fn archive(key: &str) -> Command {
    Command::ArchiveFlag { key: key.to_owned(), expected: None }
}

pub(super) fn delete(key: &str) -> Command {
    Command::DeleteFlag { key: key.to_owned(), expected: None }
}

pub(super) fn restore(key: &str) -> Command {
    Command::RestoreFlag { key: key.to_owned(), expected: None }
}

/// The pointers and codes of faults.
pub(super) fn faults(result: Result<Vec<Change>, Error>) -> Vec<(String, String)> {
    match result {
        Err(Error::Invalid(faults)) => {
            let code = |fault: &Fault| serde_json::to_value(fault.code).unwrap().as_str().unwrap().to_owned();
            faults.iter().map(|fault| (fault.pointer.clone(), code(fault))).collect()
        }
        other => panic!("must be at fault, and is {other:?}"),
    }
}

pub(super) fn conflict(result: Result<Vec<Change>, Error>) -> String {
    match result {
        Err(Error::Conflict(message)) => message,
        other => panic!("must be a conflict, and is {other:?}"),
    }
}

pub(super) fn limit(result: Result<Vec<Change>, Error>) -> &'static str {
    match result {
        Err(Error::LimitExceeded { limit, .. }) => limit,
        other => panic!("must be past a limit, and is {other:?}"),
    }
}

/// The types of the events among changes.
pub(super) fn events(changes: &[Change]) -> Vec<String> {
    let of = |change: &Change| if let Change::Event(row) = change { Some(row.event_type.to_string()) } else { None };
    changes.iter().filter_map(of).collect()
}

/// The data of the events among changes.
pub(super) fn event_data(changes: &[Change]) -> Vec<Value> {
    let of = |change: &Change| match change {
        Change::Event(row) => Some(serde_json::from_str::<Value>(&row.document).unwrap()["data"].take()),
        _ => None,
    };
    changes.iter().filter_map(of).collect()
}

/// `entity.action by actor` of the entries among changes.
pub(super) fn entries(changes: &[Change]) -> Vec<String> {
    let of = |change: &Change| match change {
        Change::Audit(row) => Some(format!("{}.{} by {}", row.entity, row.action, row.actor)),
        _ => None,
    };
    changes.iter().filter_map(of).collect()
}

pub(super) fn proposal(changes: &[Change]) -> ProposalRow {
    let of = |change: &Change| if let Change::PutProposal(row) = change { Some(row.clone()) } else { None };
    changes.iter().find_map(of).unwrap()
}
