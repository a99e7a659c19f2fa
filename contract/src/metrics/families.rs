//! What there is to be shown, family by family, in the order in which it is.

/// The kinds of families that are added up; gauges are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Histogram,
    Gauge,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Histogram => "histogram",
            Self::Gauge => "gauge",
        }
    }
}

/// A family of series: one name, one meaning, the same labels.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

pub(crate) const REQUESTS: Family = Family {
    name: "http_requests_total",
    kind: Kind::Counter,
    labels: &["path", "method", "status"],
    help: "Requests that were answered. path is the template of a path that is served, else (unknown).",
};

pub(crate) const REQUEST_SECONDS: Family = Family {
    name: "http_request_duration_seconds",
    kind: Kind::Histogram,
    labels: &["path"],
    help: "Time from a request's arrival to its answer, in whole milliseconds, by the platform's clock. That clock stands still while \
           code runs and moves while a request waits: this is the time spent waiting, for storage or for a body.",
};

pub(crate) const EVALUATIONS: Family = Family {
    name: "burgee_flag_evaluations_total",
    kind: Kind::Counter,
    labels: &["reason", "surface"],
    help: "Flags that were evaluated, by the reason of the decision and the surface that was asked (api, ofrep, v1).",
};

pub(crate) const EVALUATION_SECONDS: Family = Family {
    name: "burgee_evaluation_seconds",
    kind: Kind::Histogram,
    labels: &["surface"],
    help: "Time from the arrival of a request that evaluates (one or many flags) to its answer, as http_request_duration_seconds: what a \
           caller waits for storage. An answer from memory counts as 0, because the platform shows no time for it; an evaluation itself \
           takes well below the clock's millisecond.",
};

pub(crate) const CACHE: Family = Family {
    name: "burgee_snapshot_cache_total",
    kind: Kind::Counter,
    labels: &["state"],
    help: "Requests that needed a snapshot, by where it came from: hit, memory; stale, memory past its soft TTL; miss and uncached, storage; \
           unavailable, nowhere.",
};

pub(crate) const READS: Family = Family {
    name: "burgee_snapshot_reads_total",
    kind: Kind::Counter,
    labels: &["source", "result"],
    help: "Looks of isolates at storage (kv, object), by what came of them.",
};

pub(crate) const POLICY_QUESTIONS: Family = Family {
    name: "burgee_policy_questions_total",
    kind: Kind::Counter,
    labels: &["result"],
    help: "Questions about sensitive flags, by what came of them; unreachable, the policy service was asked and gave no answer that can be \
           understood; not_asked, the breaker is open, or no service is set.",
};

pub(crate) const POLICY_BREAKER: Family = Family {
    name: "burgee_policy_breaker_total",
    kind: Kind::Counter,
    labels: &["state"],
    help: "How often isolates' breakers before the policy service came to a state: open, nobody is asked; half_open, one tries; closed, all \
           are let through again.",
};

pub(crate) const SNAPSHOT_AGE: Family = Family {
    name: "burgee_snapshot_age_seconds",
    kind: Kind::Gauge,
    labels: &["tenant"],
    help: "Time since any isolate last found the tenant's snapshot in storage. Nobody looks for a tenant that nobody asks about; after a day \
           without, it is not shown.",
};

pub(crate) const SNAPSHOT_VERSION: Family = Family {
    name: "burgee_snapshot_version",
    kind: Kind::Gauge,
    labels: &["tenant"],
    help: "The snapshot version of the tenant's object, which is the truth.",
};

pub(crate) const PUBLISH_LAG: Family = Family {
    name: "burgee_publish_lag_seconds",
    kind: Kind::Gauge,
    labels: &["tenant"],
    help: "Time since the oldest change that is not yet in KV; 0 where all are.",
};

pub(crate) const ACTIVE_FLAGS: Family = Family {
    name: "burgee_active_flags",
    kind: Kind::Gauge,
    labels: &["tenant"],
    help: "Flags that are on: neither off, archived nor deleted.",
};

pub(crate) const ROLLOUTS: Family =
    Family { name: "burgee_rollouts", kind: Kind::Gauge, labels: &["tenant", "status"], help: "Rollouts by status." };

pub(crate) const ROLLOUT_PERCENTAGE: Family = Family {
    name: "burgee_rollout_percentage",
    kind: Kind::Gauge,
    labels: &["tenant", "flag"],
    help: "What a rollout that is running or paused serves, 0 to 100; before its first step what was there before it.",
};

pub(crate) const ISOLATES: Family = Family {
    name: "burgee_isolates",
    kind: Kind::Gauge,
    labels: &[],
    help: "Isolates that handed sums over within the last minute.",
};

pub(crate) const BUILD_INFO: Family = Family {
    name: "burgee_build_info",
    kind: Kind::Gauge,
    labels: &["service_version", "evaluator_version"],
    help: "Always 1; the labels are the versions that answer.",
};
