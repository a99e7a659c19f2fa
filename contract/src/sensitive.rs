//! Sensitive flags: who may be told of them, and who is asked about that (`docs/trust.md`, section 3).
//!
//! The evaluator keeps a sensitive flag from everybody whom a [`Gate`] does not let through. How a gate comes about:
//!
//! 1. [`Inquiry::of`] finds the sensitive flags that a request's answer depends on. Most requests touch none, and nobody is asked.
//! 2. The adapter asks the [`Breaker`] for each whether the policy service may be asked, sends it [`Question::body`], and hands in what
//!    came back. It reads no meaning into it: [`PolicyAnswer::read`] does, strictly.
//! 3. [`Inquiry::gate`] makes the gate, with which [`crate::respond`] evaluates.

mod breaker;
mod gate;
mod inquiry;
mod policy;
mod settings;

pub use breaker::{Breaker, BreakerState, PolicyHealth, Ticket};
pub(crate) use gate::Told;
pub use gate::{CLOSED, Gate};
pub use inquiry::{Inquiry, Question};
pub use policy::{PolicyAnswer, PolicyDecision, TtlState};
pub use settings::PolicySettings;
pub(crate) use settings::is_base;
