//! The surface `/api/flags`: flags read from one registry, for a caller that the request describes.

mod answer;
mod batch;
mod eval;
mod health;
mod overrides;
mod registry;
mod sensitive;

pub(crate) use batch::{evaluate_batch, keys_of_batch};
pub(crate) use eval::evaluate;
pub(crate) use health::health;
pub use overrides::OVERRIDE_SCHEMA;
pub(crate) use overrides::{override_schema, overrides_of_flag};
pub(crate) use registry::registry;
pub(crate) use sensitive::{asked as sensitive_asked, evaluate as evaluate_sensitive};
