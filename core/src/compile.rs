//! From a document to what the evaluator walks. Everything that can be decided once is decided here: variants become places,
//! attributes numbers, percentages cut points, hash prefixes states; overrides and kill switches are put with their flags.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::bucketing::{Bucketer, Cut};
use crate::context::{Attribute, attribute};
use crate::decode::{Outline, RawEntry, key_of, read_flag, read_kill_switch, read_override, unsupported};
use crate::fault::{Fault, FaultCode, Faults, Warning, WarningCode};
use crate::json::{Json, Node, Path};
use crate::limits;
use crate::model::{
    Bucketing, Flag, FlagType, KillSwitch, Override, OverrideScope, OverrideVariant, Serve, Stage, State, Targets,
    Value,
};
use crate::snapshot::{
    Body, CompiledFlag, CompiledStage, CompiledTargets, CompiledVariant, Distribution, EngagedSwitch, Index, Snapshot,
    StoredOverride, StoredOverrides, VariantIndex,
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

/// Reads the flags of a document in their canonical form, as a registry's summary shows them; those at fault give their faults.
///
/// # Errors
/// As [`Snapshot::parse`].
pub fn read_flags(bytes: &[u8]) -> Result<Vec<Result<Flag, Vec<Fault>>>, Fault> {
    let outline = Outline::parse(bytes)?;
    let flags = outline.flags.iter().enumerate();
    Ok(flags.map(|(index, raw)| read_entry(raw, "flags", index, read_flag)).collect())
}

#[derive(Default)]
struct Compiler {
    flags: Vec<CompiledFlag>,
    by_key: Index,
    attributes: Vec<Attribute>,
    warnings: Vec<Warning>,
}

/// Parses an entry and hands it on together with its place; text that cannot be parsed is a fault of the entry as a whole.
fn read_entry<T>(
    raw: RawEntry<'_>,
    list: &str,
    index: usize,
    read: impl FnOnce(&Node<'_>) -> Result<T, Vec<Fault>>,
) -> Result<T, Vec<Fault>> {
    let parent = Path::Name(&Path::Root, list);
    let path = Path::Index(&parent, index);
    match Json::parse(raw) {
        Ok(json) => read(&Node { json: &json, path }),
        Err(_) => {
            let mut faults = Faults::default();
            let message = "must have strings without lone surrogates, numbers that are finite, and at most 127 levels";
            faults.add(FaultCode::InvalidJson, &path, message);
            faults.finish(None)
        }
    }
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
        for (index, raw) in outline.flags.iter().enumerate() {
            self.flag(raw, index, &outline.tenant);
        }
        self.overrides(&outline.overrides);
        self.kill_switches(&outline.kill_switches);
        Ok(Snapshot {
            tenant: outline.tenant.as_str().into(),
            version: outline.version,
            generated_at: outline.generated_at,
            flags: self.flags.into(),
            by_key: self.by_key,
            attributes: self.attributes.into(),
            warnings: self.warnings.into(),
        })
    }

    fn warn(&mut self, code: WarningCode, pointer: String, message: impl Into<Cow<'static, str>>) {
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

    fn attribute(&mut self, name: &str) -> Attribute {
        if let Some(known) = self.attributes.iter().find(|known| *known.name == *name) {
            return known.clone();
        }
        // There are at most as many as limits allow flags and rules, far below 2^32.
        let attribute = Attribute { id: u32::try_from(self.attributes.len()).unwrap_or(u32::MAX), name: name.into() };
        self.attributes.push(attribute.clone());
        attribute
    }

    fn flag(&mut self, raw: RawEntry<'_>, index: usize, tenant: &str) {
        let result = read_entry(raw, "flags", index, |node| {
            if raw.len() > limits::FLAG_BYTES {
                let mut faults = Faults::default();
                faults.add_limit(&node.path, limits::FLAG_BYTES, "bytes", "FLAG_BYTES");
                return faults.finish(None);
            }
            Ok((read_flag(node)?, unsupported(node)))
        });
        let (key, flag) = match result {
            Ok((flag, _)) if flag.state == State::Archived => return,
            Ok((flag, None)) => (Some(flag.key.clone()), Ok(flag)),
            Ok((flag, Some(fault))) => (Some(flag.key), Err((WarningCode::Unsupported, Vec::from([fault])))),
            // Even a flag that is at fault must be off, not unknown, where its key can be told.
            Err(faults) => (key_of(raw), Err((WarningCode::InvalidFlag, faults))),
        };
        if let Some(key) = &key
            && self.by_key.get(key.as_bytes()).is_some()
        {
            let message = "has the key of an earlier flag, and is left out";
            self.warn(WarningCode::DuplicateFlag, format!("/flags/{index}"), message);
            return;
        }
        let compiled = match flag {
            Ok(flag) => Some(self.valid_flag(flag, tenant)),
            Err((code, faults)) => {
                self.warn_of(code, &faults);
                key.map(|key| CompiledFlag {
                    key: key.into(),
                    flag_type: FlagType::Boolean,
                    version: None,
                    body: Err(code),
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
            ),
        });
        let (fallback, distribution) = match flag.fallthrough {
            None => (default, None),
            Some(Serve::Variant { variant }) => (find(&variant), None),
            Some(Serve::Distribution { distribution, bucket_by: serve_bucket_by, salt }) => {
                let bucket_by = serve_bucket_by.as_deref().map(|name| self.attribute(name)).or(bucket_by);
                let weights: Vec<f64> = distribution.iter().map(|entry| entry.weight).collect();
                // The reader has checked that every variant exists.
                let places = distribution.iter().filter_map(|entry| find(&entry.variant));
                let bucketer = Bucketer::new(
                    flag.bucketing.unwrap_or(Bucketing::Djb2XorFmix32),
                    tenant,
                    salt.as_deref().or(flag.salt.as_deref()),
                    &flag.key,
                    bucket_by,
                );
                (
                    default,
                    Some(Distribution {
                        bucketer,
                        shares: Cut::of_weights(&weights).into_iter().zip(places).collect(),
                    }),
                )
            }
        };
        let targets = flag.targets.map(|targets| compile_targets(&targets, find));
        // Held until the switches are read.
        let kill_switch = flag.kill_switch.map(|category| EngagedSwitch::Category(category.into()));
        let body = Body {
            is_on: flag.state == State::On,
            off,
            on,
            kill_switch,
            user_overrides: StoredOverrides::default(),
            tenant_overrides: StoredOverrides::default(),
            targets,
            stage,
            distribution,
            fallback,
            variants,
        };
        CompiledFlag {
            key: flag.key.into(),
            flag_type: flag.flag_type,
            version: Some(flag.version),
            body: Ok(Box::new(body)),
        }
    }

    fn overrides(&mut self, entries: &[RawEntry<'_>]) {
        let mut rows: Vec<Option<Override>> = Vec::with_capacity(entries.len());
        let mut latest = Index::default();
        let mut replaced = Vec::new();
        for (index, raw) in entries.iter().enumerate() {
            let row = match read_entry(raw, "overrides", index, read_override) {
                Ok(row) => Some(row),
                Err(faults) => {
                    self.warn_of(WarningCode::InvalidOverride, &faults);
                    None
                }
            };
            let row = row.filter(|row| {
                let known = self.by_key.get(row.flag.as_bytes()).is_some();
                if !known {
                    let message = "is for a flag that is not in the snapshot, and is left out";
                    self.warn(WarningCode::OverrideUnknownFlag, format!("/overrides/{index}/flag"), message);
                }
                known
            });
            if let Some(row) = &row {
                // Neither a scope nor a flag's key has a line break, so the parts cannot run into one another.
                let scope = if row.scope == OverrideScope::User { 'u' } else { 't' };
                let name = format!("{scope}\n{}\n{}", row.flag, row.id);
                replaced.extend(latest.insert(name.as_bytes(), place(index)));
            }
            rows.push(row);
        }
        for index in replaced {
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            let message = "is left out: a later row has the same scope, id and flag";
            self.warn(WarningCode::DuplicateOverride, format!("/overrides/{index}"), message);
            if let Some(row) = rows.get_mut(index) {
                *row = None;
            }
        }
        for (index, row) in rows.into_iter().enumerate() {
            if let Some(row) = row {
                self.stored_override(index, row);
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
        let mut engaged: Vec<String> = Vec::new();
        for (index, raw) in entries.iter().enumerate() {
            match read_entry(raw, "kill_switches", index, read_kill_switch) {
                Ok(switch) if switch.engaged => engaged.push(switch.category),
                Ok(_) => {}
                Err(faults) => self.warn_of(WarningCode::InvalidKillSwitch, &faults),
            }
        }
        let global = engaged.iter().any(|category| category == KillSwitch::GLOBAL);
        for body in self.flags.iter_mut().filter_map(|flag| flag.body.as_mut().ok()) {
            body.kill_switch = match body.kill_switch.take() {
                _ if global => Some(EngagedSwitch::Global),
                Some(EngagedSwitch::Category(category)) if engaged.iter().any(|name| **name == *category) => {
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

/// A place as it is kept: every list has a limit that is far below 2^32.
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
