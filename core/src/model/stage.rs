//! Rollout stages: how a registry (brief 000) says who gets a flag.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;
use serde::ser::Serializer;

/// A flag's stage, and the environments where another one applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Stage {
    /// Applies where the map says nothing.
    pub rollout_stage: RolloutStage,
    /// Environment → stage, in the order written.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "super::as_map")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<std::collections::HashMap<String, crate::model::RolloutStage>>")
    )]
    pub rollout_stage_map: Vec<(String, RolloutStage)>,
}

/// How far a rollout has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "typescript",
    derive(ts_rs::TS),
    ts(type = "'draft' | 'internal' | `staged_${number}` | 'full' | 'paused' | 'rolled_back'")
)]
pub enum RolloutStage {
    /// Off.
    Draft,
    /// On for the tier `staff`.
    Internal,
    /// On for this many percent of the units, 1 to 99.
    Staged(u8),
    /// On.
    Full,
    /// Off for now.
    Paused,
    /// Off again.
    RolledBack,
}

impl RolloutStage {
    /// Reads a stage as it is written (`staged_25`), or gives `None`. N has no leading zero.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "draft" => Self::Draft,
            "internal" => Self::Internal,
            "full" => Self::Full,
            "paused" => Self::Paused,
            "rolled_back" => Self::RolledBack,
            _ => {
                let digits = text.strip_prefix("staged_")?;
                // `parse` alone would take a sign, and leading zeros.
                if digits.starts_with(['0', '+']) {
                    return None;
                }
                let percent = digits.parse().ok()?;
                (1..=99).contains(&percent).then_some(Self::Staged(percent))?
            }
        })
    }
}

impl fmt::Display for RolloutStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draft => f.write_str("draft"),
            Self::Internal => f.write_str("internal"),
            Self::Staged(percent) => write!(f, "staged_{percent}"),
            Self::Full => f.write_str("full"),
            Self::Paused => f.write_str("paused"),
            Self::RolledBack => f.write_str("rolled_back"),
        }
    }
}

impl Serialize for RolloutStage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::prelude::v1::*;

    #[test]
    fn every_stage_reads_back() {
        let fixed = ["draft", "internal", "full", "paused", "rolled_back"].map(str::to_owned);
        for text in fixed.into_iter().chain((1..=99).map(|n| format!("staged_{n}"))) {
            assert_eq!(RolloutStage::parse(&text).unwrap().to_string(), text);
        }
        for text in ["", "Draft", "staged_0", "staged_100", "staged_05", "staged_+5", "staged_", "staged_2.5"] {
            assert_eq!(RolloutStage::parse(text), None, "{text}");
        }
    }
}
