//! What a flag's evaluation can ask for, so that a caller on the far side of a boundary hands over nothing else.

use alloc::vec;
use alloc::vec::Vec;

use crate::bucketing::Bucketer;
use crate::model::RolloutStage;
use crate::snapshot::{Body, CompiledServe, FlagIndex, Snapshot, StoredOverrides};

/// The ids of the attributes that mean something to the evaluator: their places in [`crate::attribute::KNOWN`].
const USER_ID: u32 = 0;
const PROJECT_ID: u32 = 1;
const TENANT_ID: u32 = 2;
const TIER: u32 = 3;
const ENV: u32 = 4;

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
        let mut known = vec![false; self.attributes().len()];
        // The list grows while it is worked off.
        let mut next = 0_usize;
        while let Some(flag) = reads.flags.get(next).copied() {
            if let Some(body) = self.flag(flag).and_then(|flag| flag.body.as_ref().ok()) {
                self.add(body, &mut reads, &mut known);
            }
            next = next.saturating_add(1);
        }
        reads
    }

    /// The sensitive flags whose values the evaluation of a flag can ask for: itself, and those that its prerequisites lead to. Each once.
    #[must_use]
    pub fn sensitive_flags(&self, flag: FlagIndex) -> Vec<FlagIndex> {
        if !self.has_sensitive() {
            return Vec::new();
        }
        let mut flags = vec![flag];
        let mut next = 0_usize;
        while let Some(flag) = flags.get(next).copied() {
            if let Some(body) = self.flag(flag).and_then(|flag| flag.body.as_ref().ok()) {
                body.add_prerequisites(&mut flags);
            }
            next = next.saturating_add(1);
        }
        flags.retain(|flag| self.flag(*flag).is_some_and(|flag| flag.sensitive().is_some()));
        flags
    }

    /// Adds what a flag asks for itself. `known` says of each attribute whether it is listed already.
    fn add(&self, body: &Body, reads: &mut Reads, known: &mut [bool]) {
        let mut attributes = core::mem::take(&mut reads.attributes);
        let mut read = |ids: &[u32]| {
            for id in ids {
                let known = usize::try_from(*id).ok().and_then(|id| known.get_mut(id));
                if known.is_some_and(|known| !core::mem::replace(known, true)) {
                    attributes.push(*id);
                }
            }
        };
        if !body.user_overrides.rows.is_empty() {
            read(&[USER_ID]);
        }
        if !body.tenant_overrides.rows.is_empty() {
            read(&[TENANT_ID]);
        }
        if body.targets.is_some() {
            read(&[USER_ID, PROJECT_ID]);
        }
        for rule in &body.rules {
            let mut ids = Vec::new();
            let mut places = Vec::new();
            // A segment that is named over and over is looked at once.
            let mut add_place = |place| {
                if !places.contains(&place) {
                    places.push(place);
                }
            };
            rule.when.each(&mut |attribute| ids.push(attribute.id), &mut add_place);
            for segment in places.iter().filter_map(|place| self.segments.get(usize::try_from(*place).ok()?)) {
                ids.extend([USER_ID, PROJECT_ID]);
                if let Some(conditions) = &segment.conditions {
                    conditions.each(&mut |attribute| ids.push(attribute.id), &mut |_| {});
                }
            }
            read(&ids);
            if let Some((bucketer, _)) = &rule.percentage {
                read(bucketer.reads());
            }
            if let CompiledServe::Distribution(distribution) = &rule.serve {
                read(distribution.bucketer.reads());
            }
        }
        if let Some(stage) = &body.stage {
            let stages = || stage.by_env.iter().map(|(_, stage)| *stage).chain([stage.base]);
            if !stage.by_env.is_empty() {
                read(&[ENV]);
            }
            if stages().any(|stage| stage == RolloutStage::Internal) {
                read(&[TIER]);
            }
            if stages().any(|stage| matches!(stage, RolloutStage::Staged(_))) {
                read(stage.bucketer.reads());
            }
        }
        if let Some(distribution) = &body.distribution {
            read(distribution.bucketer.reads());
        }
        reads.attributes = attributes;
        let ends = |overrides: &StoredOverrides| overrides.rows.iter().any(|row| row.expires_at.is_some());
        reads.time |= ends(&body.user_overrides) || ends(&body.tenant_overrides);
        body.add_prerequisites(&mut reads.flags);
    }
}

impl Body {
    /// Adds the flags that its prerequisites name, unless they are listed already or are never walked.
    fn add_prerequisites(&self, flags: &mut Vec<FlagIndex>) {
        if self.prerequisites.cannot_be_met {
            return;
        }
        for flag in self.prerequisites.all.iter().filter_map(|prerequisite| prerequisite.flag) {
            if !flags.contains(&flag) {
                flags.push(flag);
            }
        }
    }
}

impl Bucketer {
    fn reads(&self) -> &[u32] {
        match &self.bucket_by {
            Some(attribute) => core::slice::from_ref(&attribute.id),
            None => &[USER_ID, PROJECT_ID],
        }
    }
}
