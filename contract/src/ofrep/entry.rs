//! One flag as the protocol answers it.

use burgee_core::{Decision, FlagIndex, Reason, Request as Evaluation, Snapshot};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::context::RemoteContext;
use super::refusal::{Code, Entry as Refused, Refusal};
use crate::envelope::{ErrorCode, Problem};

/// A flag's decision, or why there is none. The same object answers for one flag and stands among many.
pub(crate) struct Entry<'a> {
    key: &'a str,
    tenant: &'a str,
    decision: Decision<'a>,
    /// Why the decision does not count.
    pub(crate) refusal: Option<Refusal>,
}

impl<'a> Entry<'a> {
    /// Evaluates a flag; `key` is as it was asked for, and `flag` is none where there is no such flag.
    pub(crate) fn of(
        key: &'a str,
        flag: Option<FlagIndex>,
        snapshot: &'a Snapshot,
        context: &RemoteContext<'_>,
        evaluation: &Evaluation<'_>,
    ) -> Self {
        let decision = snapshot.evaluate(flag, context, evaluation, &mut ());
        let refusal = if decision.flag.is_none() {
            let problem = Problem::new(ErrorCode::NotFound, "the tenant has no flag of this key");
            Some(Refusal::new(Code::FlagNotFound, problem))
        } else if decision.lacks_bucketing_unit() && !context.has_targeting_key() {
            let problem = Problem::invalid("the flag chooses by a bucket, and the context has nothing to bucket by")
                .hint("send a targetingKey that is not empty");
            Some(Refusal::new(Code::TargetingKeyMissing, problem))
        } else {
            None
        };
        Self { key, tenant: snapshot.tenant(), decision, refusal }
    }

    /// Why it was decided so.
    pub(crate) fn reason(&self) -> Reason {
        self.decision.reason
    }
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let metadata = Metadata { decision: &self.decision, tenant: self.tenant };
        if let Some(refusal) = &self.refusal {
            return Refused { key: Some(self.key), refusal, metadata }.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", self.key)?;
        // Without a value the caller's default stands; of a null some clients would make a value.
        if let Some(variant) = self.decision.variant {
            map.serialize_entry("value", &variant.value)?;
        }
        map.serialize_entry("reason", &self.decision.resolution_reason())?;
        // Python fails without a variant, and the protocol has no null here.
        map.serialize_entry("variant", self.decision.variant.map_or("", |variant| &variant.key))?;
        map.serialize_entry("metadata", &metadata)?;
        map.end()
    }
}

struct Metadata<'a> {
    decision: &'a Decision<'a>,
    tenant: &'a str,
}

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.decision.metadata_into(self.tenant, &mut map)?;
        map.end()
    }
}
