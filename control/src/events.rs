//! The types of events, who wants which, and what each makes invalid.

use serde::Serialize;

/// Every type of event that there is.
pub const EVENT_TYPES: [&str; 27] = [
    "flag.created",
    "flag.updated",
    "flag.archived",
    "flag.restored",
    "flag.deleted",
    "flag.purged",
    "flag.rollout_scheduled",
    "flag.rollout_progress",
    "flag.rollout_paused",
    "flag.rollout_resumed",
    "flag.rollout_cancelled",
    "flag.rollout_rolled_back",
    "flag.rollout_done",
    "segment.created",
    "segment.updated",
    "segment.deleted",
    "segment.restored",
    "override.set",
    "override.removed",
    "killswitch.engaged",
    "killswitch.released",
    "proposal.created",
    "proposal.approved",
    "proposal.rejected",
    "proposal.expired",
    "tenant.imported",
    "cache.manual_op",
];

/// Names for several types together, by what they do to the snapshots that isolates keep. A filter that names one means the types.
const GROUPS: [(&str, &[&str]); 2] = [
    ("cache.override_mutation", &["override.set", "override.removed"]),
    (
        "cache.registry_reload",
        &[
            "flag.created",
            "flag.updated",
            "flag.archived",
            "flag.restored",
            "flag.deleted",
            "flag.rollout_progress",
            "flag.rollout_rolled_back",
            "segment.created",
            "segment.updated",
            "segment.deleted",
            "segment.restored",
            "override.set",
            "override.removed",
            "killswitch.engaged",
            "killswitch.released",
            "tenant.imported",
            "cache.manual_op",
        ],
    ),
];

/// What an event says to those who keep evaluations: why what they hold may no longer hold, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Invalidation {
    trigger: &'static str,
    kind: &'static str,
}

/// What an event of a type makes invalid; none where it makes no new version of the snapshot. `scope` is the member of that name of its data.
pub(crate) fn invalidation(event_type: &str, scope: Option<&str>) -> Option<Invalidation> {
    let (trigger, kind) = match (event_type.split('.').next()?, scope) {
        _ if !GROUPS.iter().any(|(_, types)| types.contains(&event_type)) => return None,
        ("override", Some("tenant")) => ("override_mutation", "tenant_override"),
        ("override", _) => ("override_mutation", "user_override"),
        ("cache", Some("flag")) => ("manual_op", "flag"),
        ("cache", Some("tenant")) => ("manual_op", "tenant"),
        ("cache", _) => ("manual_op", "global"),
        ("flag", _) => ("registry_reload", "flag"),
        ("segment", _) => ("registry_reload", "segment"),
        _ => ("registry_reload", "tenant"),
    };
    Some(Invalidation { trigger, kind })
}

/// Whether an event's type is one that is wanted: `patterns` are types, or starts of types with `*` behind them. None at all: every type is wanted.
#[must_use]
pub fn is_wanted(patterns: &[String], event_type: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, event_type))
}

/// Whether there is a type that a pattern means.
#[must_use]
pub fn is_pattern(pattern: &str) -> bool {
    EVENT_TYPES.iter().any(|event_type| matches(pattern, event_type))
}

fn matches(pattern: &str, event_type: &str) -> bool {
    let names = |name: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    };
    names(event_type) || GROUPS.iter().any(|(group, types)| names(group) && types.contains(&event_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_end_in_a_star_or_are_types() {
        let patterns = |all: &[&str]| all.iter().map(|pattern| (*pattern).to_owned()).collect::<Vec<_>>();
        assert!(is_wanted(&[], "flag.created"));
        assert!(is_wanted(&patterns(&["segment.*", "flag.rollout_*"]), "flag.rollout_done"));
        assert!(!is_wanted(&patterns(&["segment.*", "flag.rollout_*"]), "flag.created"));
        assert!(!is_wanted(&patterns(&["flag.create"]), "flag.created"));
        for (pattern, known) in [
            ("*", true),
            ("flag.*", true),
            ("flag.updated", true),
            ("flag", false),
            ("*.created", false),
            ("flags.*", false),
        ] {
            assert_eq!(is_pattern(pattern), known, "{pattern}");
        }
        assert_eq!(EVENT_TYPES.iter().collect::<std::collections::BTreeSet<_>>().len(), EVENT_TYPES.len());
    }

    #[test]
    fn what_makes_a_new_version_says_what_is_invalid() {
        let mut invalidating = 0;
        for event_type in EVENT_TYPES {
            let is_wanted = matches("cache.*", event_type);
            assert_eq!(invalidation(event_type, None).is_some(), is_wanted, "{event_type}");
            invalidating += usize::from(is_wanted);
        }
        assert_eq!(invalidating, 17);
        for (event_type, scope, trigger, kind) in [
            ("override.set", Some("user"), "override_mutation", "user_override"),
            ("override.removed", Some("tenant"), "override_mutation", "tenant_override"),
            ("flag.updated", None, "registry_reload", "flag"),
            ("flag.rollout_progress", None, "registry_reload", "flag"),
            ("segment.deleted", None, "registry_reload", "segment"),
            ("killswitch.engaged", None, "registry_reload", "tenant"),
            ("tenant.imported", None, "registry_reload", "tenant"),
            ("cache.manual_op", Some("flag"), "manual_op", "flag"),
            ("cache.manual_op", Some("tenant"), "manual_op", "tenant"),
            ("cache.manual_op", Some("global"), "manual_op", "global"),
        ] {
            assert_eq!(invalidation(event_type, scope), Some(Invalidation { trigger, kind }), "{event_type}");
        }
    }

    #[test]
    fn groups_mean_their_types() {
        for (pattern, event_type, expected) in [
            ("cache.override_mutation", "override.set", true),
            ("cache.override_mutation", "flag.created", false),
            ("cache.registry_reload", "killswitch.engaged", true),
            ("cache.registry_reload", "proposal.created", false),
            ("cache.*", "override.removed", true),
            ("cache.*", "cache.manual_op", true),
            ("cache.*", "flag.rollout_paused", false),
            ("cache.manual_op", "flag.created", false),
        ] {
            assert_eq!(is_wanted(&[pattern.to_owned()], event_type), expected, "{pattern} {event_type}");
            assert!(is_pattern(pattern), "{pattern}");
        }
        for event_type in GROUPS.iter().flat_map(|(_, types)| types.iter()) {
            assert!(EVENT_TYPES.contains(event_type), "{event_type}");
        }
    }
}
