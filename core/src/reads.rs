//! What a flag's evaluation can ask for, so that a caller on the far side of a boundary hands over nothing else.

use alloc::vec;
use alloc::vec::Vec;

use crate::bucketing::Bucketer;
use crate::context::attribute;
use crate::model::RolloutStage;
use crate::snapshot::{Body, CompiledServe, FlagIndex, Snapshot, StoredOverrides};

/// What the evaluation of a flag can ask for, its prerequisites' included.
#[derive(Debug, Default)]
pub struct Reads {
    /// Attributes, by their ids in the snapshot's table, each once.
    pub attributes: Vec<u32>,
    /// Whether a stored override could end, so that the time matters.
    pub time: bool,
    /// The flag itself, and all that its prerequisites lead to: those whose inline overrides matter. Each once.
    pub flags: Vec<FlagIndex>,
}

impl Snapshot {
    /// What the evaluation of a flag can ask for.
    #[must_use]
    pub fn reads(&self, flag: FlagIndex) -> Reads {
        let mut reads = Reads { flags: vec![flag], ..Reads::default() };
        // The list grows while it is worked off.
        let mut next = 0_usize;
        while let Some(flag) = reads.flags.get(next).copied() {
            if let Some(body) = self.flag(flag).and_then(|flag| flag.body.as_ref().ok()) {
                self.add(body, &mut reads);
            }
            next = next.saturating_add(1);
        }
        reads
    }

    fn add(&self, body: &Body, reads: &mut Reads) {
        let mut attributes = core::mem::take(&mut reads.attributes);
        let mut read = |names: &[&str]| {
            for known in names.iter().filter_map(|name| self.attribute(name)) {
                if !attributes.contains(&known.id) {
                    attributes.push(known.id);
                }
            }
        };
        if !body.user_overrides.rows.is_empty() {
            read(&[attribute::USER_ID]);
        }
        if !body.tenant_overrides.rows.is_empty() {
            read(&[attribute::TENANT_ID]);
        }
        if body.targets.is_some() {
            read(&[attribute::USER_ID, attribute::PROJECT_ID]);
        }
        for rule in &body.rules {
            let mut names = Vec::new();
            let mut places = Vec::new();
            rule.when.each(&mut |attribute| names.push(&*attribute.name), &mut |place| places.push(place));
            for segment in places.iter().filter_map(|place| self.segments.get(usize::try_from(*place).ok()?)) {
                names.extend([attribute::USER_ID, attribute::PROJECT_ID]);
                if let Some(conditions) = &segment.conditions {
                    conditions.each(&mut |attribute| names.push(&*attribute.name), &mut |_| {});
                }
            }
            if let Some((bucketer, _)) = &rule.percentage {
                names.extend(bucketer.reads());
            }
            if let CompiledServe::Distribution(distribution) = &rule.serve {
                names.extend(distribution.bucketer.reads());
            }
            read(&names);
        }
        if let Some(stage) = &body.stage {
            let stages = || stage.by_env.iter().map(|(_, stage)| *stage).chain([stage.base]);
            if !stage.by_env.is_empty() {
                read(&[attribute::ENV]);
            }
            if stages().any(|stage| stage == RolloutStage::Internal) {
                read(&[attribute::TIER]);
            }
            if stages().any(|stage| matches!(stage, RolloutStage::Staged(_))) {
                read(&stage.bucketer.reads());
            }
        }
        if let Some(distribution) = &body.distribution {
            read(&distribution.bucketer.reads());
        }
        reads.attributes = attributes;
        let ends = |overrides: &StoredOverrides| overrides.rows.iter().any(|row| row.expires_at.is_some());
        reads.time |= ends(&body.user_overrides) || ends(&body.tenant_overrides);
        if !body.prerequisites.cannot_be_met {
            for flag in body.prerequisites.all.iter().filter_map(|prerequisite| prerequisite.flag) {
                if !reads.flags.contains(&flag) {
                    reads.flags.push(flag);
                }
            }
        }
    }
}

impl Bucketer {
    fn reads(&self) -> Vec<&str> {
        match &self.bucket_by {
            Some(attribute) => vec![&attribute.name],
            None => vec![attribute::USER_ID, attribute::PROJECT_ID],
        }
    }
}
