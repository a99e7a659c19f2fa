//! One evaluation as it is answered: the evaluator's decision, and beside it where it came from.

use burgee_core::{Decision, DecisionJson, Outcome, Reason, Request, Step, WarningCode};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::backing::BackingState;
use crate::caller::Caller;
use crate::freshness::Cache;
use crate::identity::AuthSource;
use crate::loaded::{Found, Served};
use crate::sensitive::Told;

/// A decision with its `meta`.
pub(crate) struct Answer<'a> {
    flag_key: &'a str,
    decision: Decision<'a>,
    steps: Vec<Step<'a>>,
    meta: Meta<'a>,
}

#[derive(Serialize)]
struct Meta<'a> {
    backing_state: BackingState,
    cache: Cache,
    snapshot_version: u64,
    warnings: Vec<&'static str>,
    auth_source: AuthSource,
    /// Of a sensitive flag.
    #[serde(flatten)]
    told: Told<'a>,
}

impl<'a> Answer<'a> {
    /// Evaluates a flag that was looked for in what is served, whether there is one or not.
    pub(crate) fn of(
        flag_key: &'a str,
        found: &'a Found<'_>,
        served: &Served<'a>,
        caller: &Caller<'_>,
        request: &Request<'_>,
    ) -> Self {
        let snapshot = found.snapshot();
        let mut steps = Vec::with_capacity(10);
        let decision = snapshot.evaluate(found.index, caller, request, &mut steps);
        let is_sensitive = decision.flag.is_some_and(|flag| flag.sensitive().is_some());
        let told = if is_sensitive { served.gate.told(flag_key) } else { Told::default() };
        let meta = Meta {
            backing_state: served.backing,
            cache: served.cache,
            snapshot_version: snapshot.version(),
            warnings: warnings(caller, &decision, &steps, served, &told),
            auth_source: caller.identity().auth_source(),
            told,
        };
        Self { flag_key, decision, steps, meta }
    }

    /// Why it was decided so.
    pub(crate) fn reason(&self) -> Reason {
        self.decision.reason
    }
}

/// What a caller should know of this answer although it is one: codes, none of which repeats what `reason` says in full.
fn warnings(
    caller: &Caller<'_>,
    decision: &Decision<'_>,
    steps: &[Step<'_>],
    served: &Served<'_>,
    told: &Told<'_>,
) -> Vec<&'static str> {
    let off = decision.flag.and_then(|flag| flag.warning()).map(WarningCode::as_str);
    let skipped = steps.iter().any(|step| step.outcome == Outcome::UnknownVariant);
    let codes = [
        (skipped, "override_unknown_variant"),
        (served.fault.is_some(), "refresh_failed"),
        (told.warns(), "policy_warning"),
    ];
    let identity = caller.identity().warnings().iter().copied();
    identity.chain(off).chain(codes.into_iter().filter_map(|(holds, code)| holds.then_some(code))).collect()
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let decision =
            DecisionJson { flag_key: self.flag_key, decision: &self.decision, steps: &self.steps, explain: false };
        decision.serialize_into(&mut map)?;
        map.serialize_entry("meta", &self.meta)?;
        map.end()
    }
}
