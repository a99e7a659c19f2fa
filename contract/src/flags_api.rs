//! The surface `/api/flags`: flags read from one registry, for a caller that the request describes.

mod answer;
mod batch;
mod eval;
mod health;
mod registry;

pub(crate) use batch::evaluate_batch;
pub(crate) use eval::evaluate;
pub(crate) use health::health;
pub(crate) use registry::registry;

/// Where registries are stored, as answers call it.
pub(crate) const BACKING_STATE: &str = "kv";
