//! A compiled snapshot: what the evaluator walks.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::bucketing::{Bucketer, Cut};
use crate::condition::{CompiledSegment, Quick, Test};
use crate::context::{Attribute, Symbol};
use crate::decision::{Reason, Source, Verdict};
use crate::fault::{Warning, WarningCode};
use crate::model::{FlagType, RolloutStage, Scalar, Sensitive, Value};
use crate::text::Text;

/// From names to places. Names come from the snapshot, which its owner writes: no defence against crafted ones is needed. Every
/// look-up is of this one type, so that the wasm module has the table's code once.
#[derive(Debug, Default)]
pub(crate) struct Index(HashMap<Box<[u8]>, u32, FxBuildHasher>);

impl Index {
    #[inline]
    pub(crate) fn get(&self, name: &[u8]) -> Option<u32> {
        self.0.get(name).copied()
    }

    /// Puts a name to a place, and gives the place that it had before.
    pub(crate) fn insert(&mut self, name: &[u8], place: u32) -> Option<u32> {
        self.0.insert(name.into(), place)
    }
}

/// The place of a variant in its flag.
pub(crate) type VariantIndex = u16;

/// A snapshot that is ready to be evaluated. It never changes; a new version is a new snapshot.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) tenant: Box<str>,
    pub(crate) version: u64,
    pub(crate) generated_at: Option<i64>,
    pub(crate) flags: Box<[CompiledFlag]>,
    pub(crate) by_key: Index,
    pub(crate) segments: Box<[CompiledSegment]>,
    pub(crate) attributes: Box<[Attribute]>,
    /// The numbers, from 1, of the texts that conditions compare with.
    pub(crate) symbols: Index,
    pub(crate) has_sensitive: bool,
    pub(crate) warnings: Box<[Warning]>,
}

/// The place of a flag in its snapshot: resolve a key once, evaluate often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlagIndex(pub u32);

/// A flag that is ready to be evaluated.
#[derive(Debug)]
pub struct CompiledFlag {
    pub(crate) key: Box<str>,
    pub(crate) flag_type: FlagType,
    /// None for an invalid flag, of which nothing but the key is known.
    pub(crate) version: Option<u64>,
    pub(crate) metadata: Box<[(String, Scalar)]>,
    /// For a flag that is off as a whole: the warning that says why.
    pub(crate) body: Result<Box<Body>, WarningCode>,
}

/// What a valid flag is made of.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) is_on: bool,
    /// Of a flag that is told only to those who may know: none where both its booleans are false.
    pub(crate) sensitive: Option<Box<Sensitive>>,
    /// Whether nobody has it, in any environment, unless a request overrides it: all its stages are off, and there is nothing before them.
    pub(crate) is_dormant: bool,
    /// Where its evaluation starts, as long as the request overrides nothing and nobody looks at the steps.
    pub(crate) start: Start,
    /// See [`CompiledFlag::is_static`].
    pub(crate) is_static: bool,
    pub(crate) variants: Box<[CompiledVariant]>,
    pub(crate) off: Option<VariantIndex>,
    /// What a stage that is on serves.
    pub(crate) on: Option<VariantIndex>,
    pub(crate) kill_switch: Option<EngagedSwitch>,
    pub(crate) user_overrides: StoredOverrides,
    pub(crate) tenant_overrides: StoredOverrides,
    pub(crate) prerequisites: Prerequisites,
    pub(crate) targets: Option<CompiledTargets>,
    pub(crate) rules: Box<[CompiledRule]>,
    pub(crate) stage: Option<CompiledStage>,
    pub(crate) distribution: Option<Distribution>,
    /// What is served when nothing else decides.
    pub(crate) fallback: Option<VariantIndex>,
    /// The verdict of serving that.
    pub(crate) otherwise: Verdict,
}

/// Where an evaluation starts: behind the steps that cannot decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Top,
    Rules,
    /// No step is left but the last, and that is [`Body::otherwise`].
    Otherwise,
}

/// A variant in its flag.
#[derive(Debug)]
pub struct CompiledVariant {
    /// Its place.
    pub index: u16,
    /// Its key.
    pub key: Box<str>,
    /// Its value.
    pub value: Value,
}

/// A kill switch that is engaged and concerns the flag.
#[derive(Debug)]
pub(crate) enum EngagedSwitch {
    Global,
    Category(Box<str>),
}

/// The rows of one scope, and the place of each id's row.
#[derive(Debug, Default)]
pub(crate) struct StoredOverrides {
    pub(crate) rows: Vec<StoredOverride>,
    pub(crate) by_id: Index,
}

#[derive(Debug)]
pub(crate) struct StoredOverride {
    /// None: the flag does not have the variant that the row names.
    pub(crate) variant: Option<VariantIndex>,
    pub(crate) expires_at: Option<i64>,
}

#[derive(Debug, Default)]
pub(crate) struct Prerequisites {
    pub(crate) all: Box<[CompiledPrerequisite]>,
    /// They lead into a cycle, or are past a limit, and so are not walked.
    pub(crate) cannot_be_met: bool,
}

#[derive(Debug)]
pub(crate) struct CompiledPrerequisite {
    pub(crate) key: Box<str>,
    /// None: the snapshot does not have the flag.
    pub(crate) flag: Option<FlagIndex>,
    /// The places, in the flag that it names, of the variants that meet it.
    pub(crate) variants: Box<[VariantIndex]>,
}

#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub(crate) id: Box<str>,
    pub(crate) when: Test,
    /// The same, if it is of that kind; otherwise empty.
    pub(crate) quick: Box<[Quick]>,
    pub(crate) percentage: Option<(Bucketer, Cut)>,
    pub(crate) serve: CompiledServe,
    /// What it decides, if it serves one variant.
    pub(crate) verdict: Verdict,
}

#[derive(Debug)]
pub(crate) enum CompiledServe {
    Variant(Option<VariantIndex>),
    Distribution(Distribution),
}

#[derive(Debug)]
pub(crate) struct CompiledTargets {
    /// The variant's place for each id, or [`CompiledTargets::DENIED`].
    pub(crate) by_id: Index,
}

#[derive(Debug)]
pub(crate) struct CompiledStage {
    pub(crate) base: RolloutStage,
    pub(crate) by_env: Box<[(Box<str>, RolloutStage)]>,
    pub(crate) bucketer: Bucketer,
}

#[derive(Debug)]
pub(crate) struct Distribution {
    pub(crate) bucketer: Bucketer,
    pub(crate) shares: Box<[(Cut, VariantIndex)]>,
}

impl CompiledFlag {
    /// The flag's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What its values are. An invalid flag has none, and says boolean.
    #[must_use]
    pub fn flag_type(&self) -> FlagType {
        self.flag_type
    }

    /// Its version; none for an invalid flag.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// Why it is off as a whole, if it is: the code of its warning.
    #[must_use]
    pub fn warning(&self) -> Option<WarningCode> {
        self.body.as_ref().err().copied()
    }

    /// What makes it sensitive; none for a flag that is told to everybody, and for an invalid one, which is off.
    #[must_use]
    pub fn sensitive(&self) -> Option<&Sensitive> {
        self.body.as_ref().ok()?.sensitive.as_deref()
    }

    /// Its variants, by their places; none for an invalid flag.
    #[must_use]
    pub fn variants(&self) -> &[CompiledVariant] {
        self.body.as_ref().map_or(&[], |body| &body.variants)
    }

    /// What it hands to callers with every decision.
    #[must_use]
    pub fn metadata(&self) -> &[(String, Scalar)] {
        &self.metadata
    }

    /// The id of its rule at a place.
    #[must_use]
    pub fn rule_id(&self, place: u16) -> Option<&str> {
        let rules = self.body.as_ref().ok().map(|body| &body.rules);
        rules?.get(usize::from(place)).map(|rule| &*rule.id)
    }

    /// The key of its prerequisite at a place.
    #[must_use]
    pub fn prerequisite(&self, place: u16) -> Option<&str> {
        let prerequisites = self.body.as_ref().ok().map(|body| &body.prerequisites.all);
        prerequisites?.get(usize::from(place)).map(|prerequisite| &*prerequisite.key)
    }

    /// Whether it has one answer for everybody, as long as nothing overrides it: no prerequisites, targets, rules, stage or distribution.
    #[must_use]
    pub fn is_static(&self) -> bool {
        self.body.as_ref().is_ok_and(|body| body.is_static)
    }
}

impl Body {
    /// Notes, once all is known, what need not be looked at again in every evaluation.
    pub(crate) fn seal(&mut self) {
        let has_rows = !self.user_overrides.rows.is_empty() || !self.tenant_overrides.rows.is_empty();
        self.is_dormant = self.is_on
            && !has_rows
            && self.targets.is_none()
            && self.rules.is_empty()
            && self.stage.as_ref().is_some_and(CompiledStage::is_off);
        let starts_at_rules = self.is_on
            && self.sensitive.is_none()
            && self.kill_switch.is_none()
            && !has_rows
            && self.prerequisites.all.is_empty()
            && self.targets.is_none();
        self.is_static = self.prerequisites.all.is_empty()
            && self.targets.is_none()
            && self.rules.is_empty()
            && self.stage.is_none()
            && self.distribution.is_none();
        self.start = match (starts_at_rules, self.is_static) {
            (true, true) => Start::Otherwise,
            (true, false) => Start::Rules,
            (false, _) => Start::Top,
        };
        self.otherwise = Verdict::new(self, self.fallback, Source::Default, Reason::Default, false);
        let mut rules = core::mem::take(&mut self.rules);
        for (place, rule) in (0..).zip(&mut rules) {
            if let CompiledServe::Variant(variant) = rule.serve {
                let bucketed = rule.percentage.is_some();
                rule.verdict = Verdict::new(self, variant, Source::Rule, Reason::RuleMatch, bucketed).at(place);
            }
        }
        self.rules = rules;
    }

    /// Whether the flag is on when it serves this variant.
    pub(crate) fn is_enabled_by(&self, variant: &CompiledVariant) -> bool {
        match variant.value {
            Value::Boolean(value) => value,
            _ => self.off != Some(variant.index),
        }
    }

    #[inline]
    pub(crate) fn variant(&self, index: Option<VariantIndex>) -> Option<&CompiledVariant> {
        self.variants.get(usize::from(index?))
    }

    /// The place of the variant with this key.
    pub(crate) fn variant_by_key(&self, key: Text<'_>) -> Option<VariantIndex> {
        self.variants.iter().find(|variant| key == *variant.key).map(|variant| variant.index)
    }

    /// The place of a boolean flag's first variant with this value.
    pub(crate) fn variant_by_boolean(&self, wanted: bool) -> Option<VariantIndex> {
        let has = |variant: &&CompiledVariant| matches!(variant.value, Value::Boolean(value) if value == wanted);
        self.variants.iter().find(has).map(|variant| variant.index)
    }
}

impl CompiledStage {
    /// Whether it is off for everybody in every environment.
    fn is_off(&self) -> bool {
        let is_off = |stage: &RolloutStage| {
            matches!(stage, RolloutStage::Draft | RolloutStage::Paused | RolloutStage::RolledBack)
        };
        is_off(&self.base) && self.by_env.iter().all(|(_, stage)| is_off(stage))
    }
}

impl CompiledTargets {
    /// Stands for the deny list; no flag has so many variants.
    pub(crate) const DENIED: u32 = u32::MAX;
}

impl StoredOverrides {
    pub(crate) fn insert(&mut self, id: &[u8], row: StoredOverride) {
        // There are at most OVERRIDES rows, far below 2^32.
        self.by_id.insert(id, u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
        self.rows.push(row);
    }

    /// The row of an id.
    #[inline]
    pub(crate) fn get(&self, id: &[u8]) -> Option<&StoredOverride> {
        self.rows.get(usize::try_from(self.by_id.get(id)?).ok()?)
    }
}

impl Snapshot {
    /// Whose flags these are.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The version of the whole.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When it was made, ms since the epoch.
    #[must_use]
    pub fn generated_at(&self) -> Option<i64> {
        self.generated_at
    }

    /// The flags, in the document's order, without archived ones.
    #[must_use]
    pub fn flags(&self) -> &[CompiledFlag] {
        &self.flags
    }

    /// The flag at a place; none past the last.
    #[inline]
    #[must_use]
    pub fn flag(&self, index: FlagIndex) -> Option<&CompiledFlag> {
        self.flags.get(usize::try_from(index.0).ok()?)
    }

    /// The place of the flag with this key.
    #[inline]
    #[must_use]
    pub fn find(&self, key: &str) -> Option<FlagIndex> {
        self.by_key.get(key.as_bytes()).map(FlagIndex)
    }

    /// The attributes that the flags can ask for, by their ids. The first six are [`attribute::KNOWN`].
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The attribute with this name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| *attribute.name == *name)
    }

    /// The number of a text, for contexts that are kept: [`crate::Context::symbol`].
    #[must_use]
    pub fn symbol(&self, text: Text<'_>) -> Symbol {
        Symbol(self.symbols.get(text.as_bytes()).unwrap_or(0))
    }

    /// Whether any flag is sensitive.
    #[inline]
    #[must_use]
    pub fn has_sensitive(&self) -> bool {
        self.has_sensitive
    }

    /// What was left out or switched off, in the document's order.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}
