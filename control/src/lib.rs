//! A tenant's flags, their history and their rollouts, as a pure state machine.
//!
//! [`decide`] takes a [`Command`], looks at the tenant through [`State`], and says what would change: rows to store, the audit's
//! entry and the events, all of which the adapter stores in one transaction, or none of them. It does no I/O, reads no clock and
//! draws no random numbers: the [`Occasion`] brings them. What every command means is written in `docs/control-plane.md`.
//!
//! This crate does not know how rows are stored, how requests look, or who is allowed to ask.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::unreachable,
        clippy::arithmetic_side_effects,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

pub mod audit;
mod change;
mod command;
mod decide;
pub mod diff;
pub mod duration;
mod error;
pub mod events;
pub mod limits;
pub mod memory;
mod merge;
mod rows;
pub mod signature;
mod state;
mod webhook_url;

pub use change::Change;
pub use command::{Command, Draft, Occasion, Policy, Steer, Write};
pub use decide::{Imported, decide, imported, to_hand_over};
pub use error::Error;
pub use rows::*;
pub use state::{AuditFilter, Counts, FlagFilter, Lists, Page, Read, State, Store, Unreadable};
