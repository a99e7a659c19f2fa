//! What a rule or a flag serves, and how units are put into buckets for it.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

/// How a unit becomes a bucket. A bucketing is never changed in place: a better one gets a new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Bucketing {
    /// `djb2_xor(unit|flag_key) % 100`: 100 buckets, equal to `evaluator.js`. The default of stages. Flags with similar keys
    /// bucket alike under it, so it is kept for parity alone.
    Djb2Xor,
    /// `fmix32(djb2_xor(tenant|salt|unit))`: 2^32 buckets, independent between flags. The default of everything else.
    #[serde(rename = "djb2-xor-fmix32")]
    Djb2XorFmix32,
}

impl Bucketing {
    /// Reads a bucketing's name, or gives `None`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "djb2-xor" => Some(Self::Djb2Xor),
            "djb2-xor-fmix32" => Some(Self::Djb2XorFmix32),
            _ => None,
        }
    }
}

/// What is served.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(untagged)]
pub enum Serve {
    /// One variant for all.
    Variant {
        /// The variant's key.
        variant: String,
    },
    /// Variants by weight.
    Distribution {
        /// At least one entry; the weights' sum is greater than 0, and need not be 100.
        distribution: Vec<WeightedVariant>,
        /// The attribute that is bucketed, instead of the flag's.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        bucket_by: Option<String>,
        /// Hashed instead of the flag's salt or key.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        salt: Option<String>,
    },
}

/// A variant's share of a distribution.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct WeightedVariant {
    /// The variant's key.
    pub variant: String,
    /// Its weight, 0 or more.
    pub weight: f64,
}
