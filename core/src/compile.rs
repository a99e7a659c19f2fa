//! From a document to what the evaluator walks. Everything that can be decided once is decided here: variants become places,
//! attributes numbers, percentages cut points, hash prefixes states; overrides and kill switches are put with their flags.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::bucketing::{Bucketer, Cut, Purpose};
use crate::condition::{CompiledSegment, Test};
use crate::context::{Attribute, Symbol, attribute};
use crate::decision::Verdict;
use crate::decode::{
    Outline, RawEntry, key_of, read_flag, read_kill_switch, read_override, read_segment, segment_cost,
};
use crate::documents::read_entry;
use crate::fault::{Fault, FaultCode, Warning, WarningCode};
use crate::limits;
use crate::model::{
    Bucketing, Condition, Flag, FlagType, KillSwitch, Override, OverrideScope, OverrideVariant, Prerequisite, Rule,
    Segment, Sensitive, Serve, Stage, State, Targets, Value,
};
use crate::snapshot::{
    Body, CompiledFlag, CompiledRule, CompiledServe, CompiledStage, CompiledTargets, CompiledVariant, Distribution,
    EngagedSwitch, Index, Prerequisites, Snapshot, Start, StoredOverride, StoredOverrides, VariantIndex,
};

impl Snapshot {
    /// Compiles a snapshot or registry from its JSON.
    ///
    /// An entry that is at fault never fails the whole: it is off or left out, and listed in [`Snapshot::warnings`].
    ///
    /// # Errors
    /// A document that is not JSON, not an object, of an unknown schema, without flags, of fields with wrong types, or past
    /// the limits of size and number.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        Compiler::default().compile(&Outline::parse(bytes)?, bytes.len())
    }
}

/// A snapshot under way.
#[derive(Default)]
pub(crate) struct Compiler {
    pub(crate) flags: Vec<CompiledFlag>,
    pub(crate) by_key: Index,
    /// With the places of their flags and of their entries: they are linked when all flags are known.
    pub(crate) prerequisites: Vec<Unlinked>,
    segments: Vec<CompiledSegment>,
    /// The places of segments, or [`BAD_SEGMENT`].
    segment_by_key: Index,
    /// What the conditions of each segment cost.
    segment_costs: Vec<usize>,
    attributes: Vec<Attribute>,
    symbols: Index,
    symbol_count: u32,
    attribute_by_name: Index,
    has_too_many_attributes: bool,
    warnings: Vec<Warning>,
}

impl Compiler {
    fn compile(mut self, outline: &Outline<'_>, bytes: usize) -> Result<Snapshot, Fault> {
        for name in attribute::KNOWN {
            self.attribute(name);
        }
        if bytes > limits::SNAPSHOT_WARN_BYTES {
            let message = format!("is larger than {} bytes (SNAPSHOT_WARN_BYTES)", limits::SNAPSHOT_WARN_BYTES);
            self.warn(WarningCode::LargeSnapshot, String::new(), message);
        }
        // Each is a function by itself, for the reason that `decode` gives: most flags of a packed snapshot come without them.
        if !outline.segments.is_empty() {
            self.segments(&outline.segments);
        }
        for (index, raw) in outline.flags.iter().enumerate() {
            self.flag(raw, index, &outline.tenant);
        }
        if !self.prerequisites.is_empty() {
            self.link_prerequisites();
        }
        if !outline.overrides.is_empty() {
            self.overrides(&outline.overrides);
        }
        self.kill_switches(&outline.kill_switches);
        self.flags.iter_mut().filter_map(|flag| flag.body.as_mut().ok()).for_each(|body| body.seal());
        if self.has_too_many_attributes {
            let message = format!("must name at most {} attributes (ATTRIBUTES)", limits::ATTRIBUTES);
            return Err(Fault { code: FaultCode::LimitExceeded, pointer: String::new(), message: message.into() });
        }
        Ok(Snapshot {
            tenant: outline.tenant.as_str().into(),
            version: outline.version,
            generated_at: outline.generated_at,
            has_sensitive: self.flags.iter().any(|flag| flag.sensitive().is_some()),
            flags: self.flags.into(),
            by_key: self.by_key,
            segments: self.segments.into(),
            attributes: self.attributes.into(),
            symbols: self.symbols,
            warnings: self.warnings.into(),
        })
    }

    pub(crate) fn warn(&mut self, code: WarningCode, pointer: String, message: impl Into<Cow<'static, str>>) {
        self.warnings.push(Warning { code, pointer, message: message.into() });
    }

    /// Warns of an entry's first fault, and says how many more there are.
    fn warn_of(&mut self, code: WarningCode, faults: &[Fault]) {
        let Some((first, rest)) = faults.split_first() else { return };
        let message = match rest.len() {
            0 => first.message.clone(),
            more => format!("{} (and {more} more)", first.message).into(),
        };
        self.warn(code, first.pointer.clone(), message);
    }

    /// The attribute of a name.
    pub(crate) fn attribute(&mut self, name: &str) -> Attribute {
        let known = self.attribute_by_name.get(name.as_bytes()).and_then(|place| usize::try_from(place).ok());
        if let Some(known) = known.and_then(|place| self.attributes.get(place)) {
            return known.clone();
        }
        let attribute = Attribute { id: place(self.attributes.len()), name: name.into() };
        if self.attributes.len() < limits::ATTRIBUTES {
            self.attribute_by_name.insert(name.as_bytes(), attribute.id);
            self.attributes.push(attribute.clone());
        } else {
            self.has_too_many_attributes = true;
        }
        attribute
    }

    fn flag(&mut self, raw: RawEntry<'_>, index: usize, tenant: &str) {
        let segment = |key: &str| self.segment_costs.get(usize::try_from(self.segment_place(key)?).ok()?).copied();
        let result = read_entry(raw, "flags", index, |node| read_flag(node, &segment));
        let (key, flag) = match result {
            Ok(flag) if flag.state == State::Archived => return,
            Ok(flag) => (Some(flag.key.clone()), Ok(flag)),
            // Even a flag that is at fault must be off, not unknown, where its key can be told.
            Err(faults) => (key_of(raw), Err(faults)),
        };
        if let Some(key) = &key
            && self.by_key.get(key.as_bytes()).is_some()
        {
            let message = "has the key of an earlier flag, and is left out";
            self.warn(WarningCode::DuplicateFlag, format!("/flags/{index}"), message);
            return;
        }
        let compiled = match flag {
            Ok(mut flag) => {
                let prerequisites = core::mem::take(&mut flag.prerequisites);
                if !prerequisites.is_empty() {
                    self.prerequisites.push(Unlinked { flag: self.flags.len(), entry: index, prerequisites });
                }
                Some(self.valid_flag(flag, tenant))
            }
            Err(faults) => {
                self.warn_of(WarningCode::InvalidFlag, &faults);
                key.map(|key| CompiledFlag {
                    key: key.into(),
                    flag_type: FlagType::Boolean,
                    version: None,
                    metadata: Box::default(),
                    body: Err(WarningCode::InvalidFlag),
                })
            }
        };
        if let Some(flag) = compiled {
            self.by_key.insert(flag.key.as_bytes(), place(self.flags.len()));
            self.flags.push(flag);
        }
    }

    fn valid_flag(&mut self, flag: Flag, tenant: &str) -> CompiledFlag {
        let variants: Box<[CompiledVariant]> = (0..)
            .zip(flag.variants)
            .map(|(index, variant)| CompiledVariant { index, key: variant.key.into(), value: variant.value })
            .collect();
        let find = |key: &str| variants.iter().find(|variant| *variant.key == *key).map(|variant| variant.index);
        let off = flag.off_variant.as_deref().and_then(find);
        let default = flag.default_variant.as_deref().and_then(find);
        let first_true = || {
            let is_true = |variant: &&CompiledVariant| matches!(variant.value, Value::Boolean(true));
            variants.iter().find(is_true).map(|variant| variant.index)
        };
        let on = if flag.flag_type == FlagType::Boolean { first_true() } else { default };
        let bucket_by = flag.bucket_by.as_deref().map(|name| self.attribute(name));
        let stage = flag.stage.map(|Stage { rollout_stage, rollout_stage_map }| CompiledStage {
            base: rollout_stage,
            by_env: rollout_stage_map.into_iter().map(|(env, stage)| (env.into(), stage)).collect(),
            bucketer: Bucketer::new(
                flag.bucketing.unwrap_or(Bucketing::Djb2Xor),
                tenant,
                flag.salt.as_deref(),
                &flag.key,
                bucket_by.clone(),
                Purpose::Own,
            ),
        });
        let bucketing = Hashing {
            bucketing: flag.bucketing.unwrap_or(Bucketing::Djb2XorFmix32),
            tenant,
            flag_key: &flag.key,
            bucket_by: bucket_by.as_ref(),
            salt: flag.salt.as_deref(),
        };
        let rules = flag.rules.into_iter().map(|rule| self.rule(rule, &bucketing, &find)).collect();
        let (fallback, distribution) = match flag.fallthrough {
            None => (default, None),
            Some(serve) => match self.serve(serve, &bucketing, Purpose::Own, &find) {
                CompiledServe::Variant(variant) => (variant, None),
                CompiledServe::Distribution(distribution) => (default, Some(distribution)),
            },
        };
        let targets = flag.targets.map(|targets| compile_targets(&targets, find));
        // Held until the switches are read.
        let kill_switch = flag.kill_switch.map(|category| EngagedSwitch::Category(category.into()));
        let body = Body {
            is_on: flag.state == State::On,
            sensitive: flag.sensitive.filter(Sensitive::applies).map(Box::new),
            // These are told when all is known.
            is_dormant: false,
            start: Start::Top,
            is_static: false,
            off,
            on,
            kill_switch,
            user_overrides: StoredOverrides::default(),
            tenant_overrides: StoredOverrides::default(),
            prerequisites: Prerequisites::default(),
            targets,
            rules,
            stage,
            distribution,
            fallback,
            otherwise: Verdict::INVALID,
            variants,
        };
        CompiledFlag {
            key: flag.key.into(),
            flag_type: flag.flag_type,
            version: Some(flag.version),
            metadata: flag.metadata.into(),
            body: Ok(Box::new(body)),
        }
    }

    fn rule(
        &mut self,
        rule: Rule,
        of_flag: &Hashing<'_>,
        find: &impl Fn(&str) -> Option<VariantIndex>,
    ) -> CompiledRule {
        let bucket_by = rule.bucket_by.as_deref().map(|name| self.attribute(name));
        let hashing = Hashing {
            bucket_by: bucket_by.as_ref().or(of_flag.bucket_by),
            salt: rule.salt.as_deref().or(of_flag.salt),
            ..*of_flag
        };
        let percentage = rule
            .percentage
            .map(|percentage| (hashing.bucketer(None, None, Purpose::Own), Cut::of_percentage(percentage)));
        let purpose = if percentage.is_some() { Purpose::WithinRule(&rule.id) } else { Purpose::Own };
        let when = self.test(rule.when);
        CompiledRule {
            serve: self.serve(rule.serve, &hashing, purpose, find),
            quick: when.quick(),
            when,
            percentage,
            verdict: Verdict::INVALID,
            id: rule.id.into(),
        }
    }

    fn serve(
        &mut self,
        serve: Serve,
        hashing: &Hashing<'_>,
        purpose: Purpose<'_>,
        find: &impl Fn(&str) -> Option<VariantIndex>,
    ) -> CompiledServe {
        match serve {
            Serve::Variant { variant } => CompiledServe::Variant(find(&variant)),
            Serve::Distribution { distribution, bucket_by, salt } => {
                let bucket_by = bucket_by.as_deref().map(|name| self.attribute(name));
                // A salt of its own keeps the two apart already, where salts count.
                let is_salted = salt.is_some() && hashing.bucketing == Bucketing::Djb2XorFmix32;
                let purpose = if is_salted { Purpose::Own } else { purpose };
                let weights: Vec<f64> = distribution.iter().map(|entry| entry.weight).collect();
                // The reader has checked that every variant exists.
                let places = distribution.iter().filter_map(|entry| find(&entry.variant));
                CompiledServe::Distribution(Distribution {
                    bucketer: hashing.bucketer(bucket_by.as_ref(), salt.as_deref(), purpose),
                    shares: Cut::of_weights(&weights).into_iter().zip(places).collect(),
                })
            }
        }
    }

    fn test(&mut self, condition: Condition) -> Test {
        // Taken out, because both closures look into the compiler.
        let segment_by_key = core::mem::take(&mut self.segment_by_key);
        let segment = |key: &str| segment_by_key.get(key.as_bytes()).filter(|place| *place != BAD_SEGMENT);
        let test = Test::compile(condition, self, &segment);
        self.segment_by_key = segment_by_key;
        test
    }

    /// The number of a text that conditions compare with.
    pub(crate) fn symbol(&mut self, text: &str) -> Symbol {
        Symbol(self.symbols.get(text.as_bytes()).unwrap_or_else(|| {
            self.symbol_count = self.symbol_count.saturating_add(1);
            self.symbols.insert(text.as_bytes(), self.symbol_count);
            self.symbol_count
        }))
    }

    fn segment_place(&self, key: &str) -> Option<u32> {
        self.segment_by_key.get(key.as_bytes()).filter(|place| *place != BAD_SEGMENT)
    }

    #[inline(never)]
    fn segments(&mut self, entries: &[RawEntry<'_>]) {
        for (index, raw) in entries.iter().enumerate() {
            let (key, segment) = match read_entry(raw, "segments", index, read_segment) {
                Ok(segment) => (Some(segment.key.clone()), Ok(segment)),
                Err(faults) => (key_of(raw), Err(faults)),
            };
            if let Some(key) = &key
                && self.segment_by_key.get(key.as_bytes()).is_some()
            {
                let message = "has the key of an earlier segment, and is left out";
                self.warn(WarningCode::DuplicateSegment, format!("/segments/{index}"), message);
                continue;
            }
            let place = match segment {
                Ok(segment) => {
                    self.segment_costs.push(segment_cost(&segment));
                    let segment = self.segment(segment);
                    self.segments.push(segment);
                    place(self.segments.len().saturating_sub(1))
                }
                Err(faults) => {
                    self.warn_of(WarningCode::InvalidSegment, &faults);
                    BAD_SEGMENT
                }
            };
            if let Some(key) = key {
                self.segment_by_key.insert(key.as_bytes(), place);
            }
        }
    }

    fn segment(&mut self, segment: Segment) -> CompiledSegment {
        let index = |ids: &[String]| {
            let mut index = Index::default();
            for id in ids {
                index.insert(id.as_bytes(), 0);
            }
            index
        };
        CompiledSegment {
            include: index(&segment.include),
            exclude: index(&segment.exclude),
            conditions: segment.conditions.map(|condition| self.test(condition)),
            key: segment.key.into(),
        }
    }

    #[inline(never)]
    fn overrides(&mut self, entries: &[RawEntry<'_>]) {
        let rows: Vec<_> =
            entries.iter().enumerate().map(|(index, raw)| read_entry(raw, "overrides", index, read_override)).collect();
        // Neither a scope nor a flag's key has a line break, so the parts cannot run into one another.
        let name = |row: &Override| {
            let scope = if row.scope == OverrideScope::User { 'u' } else { 't' };
            format!("{scope}\n{}\n{}", row.flag, row.id)
        };
        let mut latest = Index::default();
        for (index, row) in rows.iter().enumerate() {
            if let Ok(row) = row {
                latest.insert(name(row).as_bytes(), place(index));
            }
        }
        for (index, row) in rows.into_iter().enumerate() {
            match row {
                Err(faults) => self.warn_of(WarningCode::InvalidOverride, &faults),
                Ok(row) if self.by_key.get(row.flag.as_bytes()).is_none() => {
                    let message = "is for a flag that is not in the snapshot, and is left out";
                    self.warn(WarningCode::OverrideUnknownFlag, format!("/overrides/{index}/flag"), message);
                }
                Ok(row) if latest.get(name(&row).as_bytes()) != Some(place(index)) => {
                    let message = "is left out: a later row has the same scope, id and flag";
                    self.warn(WarningCode::DuplicateOverride, format!("/overrides/{index}"), message);
                }
                Ok(row) => self.stored_override(index, row),
            }
        }
    }

    fn stored_override(&mut self, index: usize, row: Override) {
        let place = self.by_key.get(row.flag.as_bytes()).and_then(|place| usize::try_from(place).ok());
        let Some(body) = place.and_then(|place| self.flags.get_mut(place)).and_then(|flag| flag.body.as_mut().ok())
        else {
            // The flag is invalid and off, whatever rows say.
            return;
        };
        let variant = match &row.variant {
            OverrideVariant::Boolean(value) => body.variant_by_boolean(*value),
            OverrideVariant::Key(key) => body.variant_by_key(key.as_str().into()),
        };
        let stored = StoredOverride { variant, expires_at: row.expires_at };
        let overrides = match row.scope {
            OverrideScope::User => &mut body.user_overrides,
            OverrideScope::Tenant => &mut body.tenant_overrides,
        };
        overrides.insert(row.id.as_bytes(), stored);
        if variant.is_none() {
            let message = "must be a variant of the flag; the row is skipped";
            self.warn(WarningCode::OverrideUnknownVariant, format!("/overrides/{index}/variant"), message);
        }
    }

    fn kill_switches(&mut self, entries: &[RawEntry<'_>]) {
        let mut engaged = Index::default();
        for (index, raw) in entries.iter().enumerate() {
            match read_entry(raw, "kill_switches", index, read_kill_switch) {
                Ok(switch) if switch.engaged => {
                    engaged.insert(switch.category.as_bytes(), 0);
                }
                Ok(_) => {}
                Err(faults) => self.warn_of(WarningCode::InvalidKillSwitch, &faults),
            }
        }
        let is_engaged = |category: &str| engaged.get(category.as_bytes()).is_some();
        let global = is_engaged(KillSwitch::GLOBAL);
        for body in self.flags.iter_mut().filter_map(|flag| flag.body.as_mut().ok()) {
            body.kill_switch = match body.kill_switch.take() {
                _ if global => Some(EngagedSwitch::Global),
                Some(EngagedSwitch::Category(category)) if is_engaged(&category) => {
                    Some(EngagedSwitch::Category(category))
                }
                _ => None,
            };
        }
    }
}

fn compile_targets(targets: &Targets, find: impl Fn(&str) -> Option<VariantIndex>) -> CompiledTargets {
    let mut by_id = Index::default();
    // From the last to the first, and denial at the end: what is put in later counts.
    for target in targets.allow.iter().rev() {
        for (id, variant) in target.ids.iter().filter_map(|id| Some((id, find(&target.variant)?))) {
            by_id.insert(id.as_bytes(), variant.into());
        }
    }
    for id in &targets.deny {
        by_id.insert(id.as_bytes(), CompiledTargets::DENIED);
    }
    CompiledTargets { by_id }
}

/// Stands in for the place of a segment that is at fault.
const BAD_SEGMENT: u32 = u32::MAX;

/// The prerequisites of a flag, before the flags that they name are known.
pub(crate) struct Unlinked {
    /// The flag's place.
    pub(crate) flag: usize,
    /// The place of its entry in the document.
    pub(crate) entry: usize,
    pub(crate) prerequisites: Vec<Prerequisite>,
}

/// How a flag's or a rule's units are hashed, where nothing closer says otherwise.
struct Hashing<'a> {
    bucketing: Bucketing,
    tenant: &'a str,
    flag_key: &'a str,
    bucket_by: Option<&'a Attribute>,
    salt: Option<&'a str>,
}

impl Hashing<'_> {
    fn bucketer(&self, bucket_by: Option<&Attribute>, salt: Option<&str>, purpose: Purpose<'_>) -> Bucketer {
        let bucket_by = bucket_by.or(self.bucket_by).cloned();
        Bucketer::new(self.bucketing, self.tenant, salt.or(self.salt), self.flag_key, bucket_by, purpose)
    }
}

/// A place as it is kept: every list has a limit that is far below 2^32.
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
