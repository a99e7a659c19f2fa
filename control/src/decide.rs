//! From a command to what changes.

use crate::change::Change;
use crate::command::{Command, Occasion};
use crate::error::Error;
use crate::state::State;

/// Says what a command changes in a tenant; nothing at all where everything is as it shall be already.
///
/// # Errors
/// Why it is refused; nothing may then be stored.
pub fn decide(_state: &dyn State, _command: &Command, _occasion: &Occasion<'_>) -> Result<Vec<Change>, Error> {
    Ok(Vec::new())
}
