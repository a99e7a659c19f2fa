//! What is near a limit of [`crate::limits`], so that there is time to do something about it.

use alloc::format;
use alloc::string::{String, ToString};

use super::{FindingCode, Linter, Severity, is_near, is_near_large};
use crate::documents::{Documents, Entry};
use crate::limits;
use crate::model::{Condition, Flag, Operator, Scalar, Segment, State, Value};

impl Linter {
    pub(super) fn sizes(&mut self, bytes: usize, documents: &Documents) {
        if is_near_large(bytes) {
            self.near(String::new(), None, bytes, limits::SNAPSHOT_WARN_BYTES, "bytes", "SNAPSHOT_WARN_BYTES");
        }
        let live = documents.flags.iter().filter(|entry| entry.value.state != State::Archived).count();
        self.count("/flags".to_string(), None, live, limits::FLAGS, "flags", "FLAGS");
        self.count("/segments".to_string(), None, documents.segments.len(), limits::SEGMENTS, "segments", "SEGMENTS");
        let rows = documents.overrides.len();
        self.count("/overrides".to_string(), None, rows, limits::OVERRIDES, "override rows", "OVERRIDES");
        for Entry { index, value, .. } in &documents.segments {
            self.segment_sizes(*index, value);
        }
        for entry in documents.flags.iter().filter(|entry| entry.value.state != State::Archived) {
            self.flag_sizes(entry);
        }
    }

    /// Notes a number that is near its limit.
    fn count(&mut self, pointer: String, flag: Option<&str>, value: usize, limit: usize, what: &str, name: &str) {
        if is_near(value, limit) {
            self.near(pointer, flag, value, limit, what, name);
        }
    }

    fn near(&mut self, pointer: String, flag: Option<&str>, value: usize, limit: usize, what: &str, name: &str) {
        let message = format!("has {value} of at most {limit} {what} ({name})");
        self.find(Severity::Warning, FindingCode::NearLimit, pointer, flag, message);
    }

    fn segment_sizes(&mut self, index: usize, segment: &Segment) {
        for (name, list) in [("include", &segment.include), ("exclude", &segment.exclude)] {
            self.count(
                format!("/segments/{index}/{name}"),
                None,
                list.len(),
                limits::LIST_ITEMS,
                "items",
                "LIST_ITEMS",
            );
        }
        if let Some(conditions) = &segment.conditions {
            self.condition_sizes(&format!("/segments/{index}/conditions"), None, conditions);
        }
    }

    fn flag_sizes(&mut self, entry: &Entry<Flag>) {
        let Entry { index, bytes, value: flag } = entry;
        let key = Some(flag.key.as_str());
        let at = |rest: &str| format!("/flags/{index}{rest}");
        self.count(at(""), key, *bytes, limits::FLAG_BYTES, "bytes", "FLAG_BYTES");
        self.count(at("/variants"), key, flag.variants.len(), limits::VARIANTS, "variants", "VARIANTS");
        self.count(at("/rules"), key, flag.rules.len(), limits::RULES, "rules", "RULES");
        let prerequisites = flag.prerequisites.len();
        self.count(at("/prerequisites"), key, prerequisites, limits::PREREQUISITES, "prerequisites", "PREREQUISITES");
        for (place, variant) in flag.variants.iter().enumerate() {
            if let Value::Json(json) = &variant.value {
                let bytes = serde_json::to_string(json).map_or(0, |text| text.len());
                let pointer = at(&format!("/variants/{place}/value"));
                self.count(pointer, key, bytes, limits::JSON_VALUE_BYTES, "bytes", "JSON_VALUE_BYTES");
            }
        }
        if let Some(targets) = &flag.targets {
            self.count(at("/targets/deny"), key, targets.deny.len(), limits::LIST_ITEMS, "items", "LIST_ITEMS");
            for (place, target) in targets.allow.iter().enumerate() {
                let pointer = at(&format!("/targets/allow/{place}/ids"));
                self.count(pointer, key, target.ids.len(), limits::LIST_ITEMS, "items", "LIST_ITEMS");
            }
        }
        for (place, rule) in flag.rules.iter().enumerate() {
            self.condition_sizes(&at(&format!("/rules/{place}/when")), key, &rule.when);
        }
    }

    /// Pointers of what is inside a condition are those of its canonical form, so the whole condition is named.
    fn condition_sizes(&mut self, pointer: &str, flag: Option<&str>, condition: &Condition) {
        let (mut depth, mut longest, mut pattern) = (0, 0, 0);
        measure(condition, 1, &mut |level, values, bytes| {
            depth = depth.max(level);
            longest = longest.max(values);
            pattern = pattern.max(bytes);
        });
        let of = [
            (depth, limits::CONDITION_DEPTH, "levels", "CONDITION_DEPTH"),
            (longest, limits::LIST_ITEMS, "items in a list", "LIST_ITEMS"),
            (pattern, limits::PATTERN_BYTES, "bytes in a pattern", "PATTERN_BYTES"),
        ];
        for (value, limit, what, name) in of {
            self.count(pointer.to_string(), flag, value, limit, what, name);
        }
    }
}

/// Calls `visit` with the level of every condition, how many values it has, and how many bytes its pattern.
fn measure(condition: &Condition, level: usize, visit: &mut impl FnMut(usize, usize, usize)) {
    let inner = level.saturating_add(1);
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            visit(level, conditions.len(), 0);
            conditions.iter().for_each(|condition| measure(condition, inner, visit));
        }
        Condition::Not(condition) => measure(condition, inner, visit),
        Condition::Segment(_) => visit(level, 0, 0),
        Condition::Attribute { op, values, .. } => {
            let pattern = match (op, values.as_slice()) {
                (Operator::Matches, [Scalar::String(text)]) => text.len(),
                _ => 0,
            };
            visit(level, values.len(), pattern);
        }
    }
}
