//! What a flag's evaluation can ask for, so that a caller on the far side of a boundary hands over nothing else.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::bucketing::Bucketer;
use crate::condition::Comparison;
use crate::hash::Djb2;
use crate::model::RolloutStage;
use crate::snapshot::{Body, CompiledServe, FlagIndex, Snapshot, StoredOverrides};

/// The ids of the attributes that mean something to the evaluator: their places in [`crate::attribute::KNOWN`].
const USER_ID: u32 = 0;
const PROJECT_ID: u32 = 1;
const TENANT_ID: u32 = 2;
const TIER: u32 = 3;
const ENV: u32 = 4;

/// Up to so many texts are told that an attribute is compared with. Where there are more, the attribute's text is asked for.
const TEXTS: usize = 8;

/// An attribute that an evaluation can ask for, and what of it where it is a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Its place in [`Snapshot::attributes`].
    pub id: u32,
    /// Whether the text itself is asked for. If not, it is enough to know what follows; of an empty one, that it is empty.
    pub text: bool,
    /// The texts that it is compared with: of these its symbol is asked for, and of any other that it has the symbol 0.
    pub texts: Vec<Box<str>>,
    /// The hash that the text continues, if it is bucketed.
    pub hash: Option<Djb2>,
    /// Whether it is asked for only where `user_id` is no id.
    pub is_fallback: bool,
}

/// What is asked of an attribute in one place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask<'a> {
    /// Its symbol, if it is one of these texts.
    Symbol(&'a [Box<str>]),
    Text,
    /// To be bucketed, which continues this hash.
    Hash(Djb2),
    /// The text, if `user_id` is no id. That is asked for before.
    Fallback,
}

impl<'a> Ask<'a> {
    /// What a comparison asks, and of which attribute.
    fn of(comparison: &'a Comparison) -> (u32, Self) {
        (comparison.attribute.id, comparison.texts().map_or(Self::Text, Self::Symbol))
    }
}

/// What is asked where ids are listed.
const LISTED: [(u32, Ask<'static>); 2] = [(USER_ID, Ask::Text), (PROJECT_ID, Ask::Fallback)];

/// What the evaluation of a flag can ask for, its prerequisites' included.
#[derive(Debug, Default)]
pub struct Reads {
    /// Attributes, each once; `user_id` before one that stands in for it.
    pub attributes: Vec<Read>,
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
        let mut known = vec![None; self.attributes().len()];
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

    /// Adds what a flag asks for itself. `known` says of each attribute where it is listed already.
    fn add(&self, body: &Body, reads: &mut Reads, known: &mut [Option<usize>]) {
        let mut attributes = core::mem::take(&mut reads.attributes);
        let mut read = |asks: &[(u32, Ask<'_>)]| {
            for (id, ask) in asks.iter().copied() {
                let Some(known) = usize::try_from(id).ok().and_then(|id| known.get_mut(id)) else { continue };
                if let Some(read) = known.and_then(|place| attributes.get_mut(place)) {
                    Read::add(read, ask);
                } else {
                    *known = Some(attributes.len());
                    attributes.push(Read::new(id, ask));
                }
            }
        };
        if !body.user_overrides.rows.is_empty() {
            read(&[(USER_ID, Ask::Text)]);
        }
        if !body.tenant_overrides.rows.is_empty() {
            read(&[(TENANT_ID, Ask::Text)]);
        }
        if body.targets.is_some() {
            read(&LISTED);
        }
        for rule in &body.rules {
            let mut asks = Vec::new();
            let mut places = Vec::new();
            // A segment that is named over and over is looked at once.
            let mut add_place = |place| {
                if !places.contains(&place) {
                    places.push(place);
                }
            };
            rule.when.each(&mut |comparison| asks.push(Ask::of(comparison)), &mut add_place);
            for segment in places.iter().filter_map(|place| self.segments.get(usize::try_from(*place).ok()?)) {
                asks.extend(LISTED);
                if let Some(conditions) = &segment.conditions {
                    conditions.each(&mut |comparison| asks.push(Ask::of(comparison)), &mut |_| {});
                }
            }
            read(&asks);
            if let Some((bucketer, _)) = &rule.percentage {
                read(&bucketer.asks());
            }
            if let CompiledServe::Distribution(distribution) = &rule.serve {
                read(&distribution.bucketer.asks());
            }
        }
        if let Some(stage) = &body.stage {
            let stages = || stage.by_env.iter().map(|(_, stage)| *stage).chain([stage.base]);
            if !stage.by_env.is_empty() {
                read(&[(ENV, Ask::Text)]);
            }
            if stages().any(|stage| stage == RolloutStage::Internal) {
                read(&[(TIER, Ask::Text)]);
            }
            if stages().any(|stage| matches!(stage, RolloutStage::Staged(_))) {
                read(&stage.bucketer.asks());
            }
        }
        if let Some(distribution) = &body.distribution {
            read(&distribution.bucketer.asks());
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

impl Read {
    fn new(id: u32, ask: Ask<'_>) -> Self {
        let mut read = Self { id, text: false, texts: Vec::new(), hash: None, is_fallback: true };
        read.add(ask);
        read
    }

    fn add(&mut self, ask: Ask<'_>) {
        self.is_fallback &= ask == Ask::Fallback;
        match ask {
            Ask::Symbol(texts) => {
                for text in texts {
                    if !self.texts.contains(text) {
                        self.texts.push(text.clone());
                    }
                }
                self.text |= self.texts.len() > TEXTS;
            }
            Ask::Text | Ask::Fallback => self.text = true,
            Ask::Hash(from) if self.hash.is_none_or(|known| known == from) => self.hash = Some(from),
            // It is bucketed in several ways: whoever has the text can do each.
            Ask::Hash(_) => self.text = true,
        }
    }
}

impl Bucketer {
    /// What is asked for to bucket.
    fn asks(&self) -> Vec<(u32, Ask<'static>)> {
        let from = Ask::Hash(self.from());
        match &self.bucket_by {
            Some(attribute) => vec![(attribute.id, from)],
            None => vec![(USER_ID, from), (PROJECT_ID, Ask::Fallback)],
        }
    }
}
