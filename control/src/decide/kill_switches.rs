//! Kill switches, and the switch that stops rollouts. Neither ever waits for a second person.

use burgee_core::FaultCode;
use burgee_core::limits::KEY_CHARS;
use burgee_core::model::KillSwitch;
use serde_json::json;

use super::draft::fault;
use super::overrides::check_reason;
use super::work::{Subject, Work, to_json};
use crate::change::Change;
use crate::error::Error;
use crate::rows::KillSwitchRow;

/// Engages or releases a switch, and says whether that changed anything. What is so already stays as it is, its reason too.
pub(crate) fn set(work: &mut Work<'_>, category: &str, engaged: bool, reason: Option<&str>) -> Result<bool, Error> {
    check_reason(reason)?;
    if category.is_empty() || category.chars().nth(KEY_CHARS).is_some() {
        let message = format!("the category in the path must have 1 to {KEY_CHARS} characters (KEY_CHARS)");
        return Err(Error::Invalid(vec![fault(FaultCode::InvalidValue, "", message)]));
    }
    let present = work.state.kill_switch(category)?;
    if present.as_ref().is_some_and(|present| present.engaged) == engaged {
        return Ok(false);
    }
    let row = KillSwitchRow {
        category: category.to_owned(),
        engaged,
        reason: reason.map(str::to_owned),
        actor: work.actor.clone(),
        at: work.now(),
    };
    let (before, after) = (present.as_ref().map(to_json).transpose()?, to_json(&row)?);
    let subject =
        Subject { entity: "kill_switch", key: category, version: None, before: before.as_deref(), after: Some(&after) };
    work.audit(if engaged { "engaged" } else { "released" }, subject)?;
    let event_type = if engaged { "killswitch.engaged" } else { "killswitch.released" };
    work.event(event_type, format!("killswitches/{category}"), json!({"category": category}));
    // The switch for all flags is always to be had.
    let is_counted = present.is_none() && category != KillSwitch::GLOBAL;
    work.put_kill_switch(row, is_counted)?;
    Ok(true)
}

/// Stops or starts the tenant's rollouts.
pub(crate) fn stop_rollouts(work: &mut Work<'_>, stopped: bool, reason: Option<&str>) -> Result<(), Error> {
    check_reason(reason)?;
    let present = work.state.rollouts_stopped()?;
    if present == stopped {
        return Ok(());
    }
    let before = to_json(&json!({"rollouts_stopped": present}))?;
    let mut after = json!({"rollouts_stopped": stopped});
    if let (Some(reason), Some(after)) = (reason, after.as_object_mut()) {
        after.insert("reason".to_owned(), reason.into());
    }
    let after = to_json(&after)?;
    let key = work.state.tenant().to_owned();
    let subject = Subject { entity: "tenant", key: &key, version: None, before: Some(&before), after: Some(&after) };
    work.audit(if stopped { "rollouts_stopped" } else { "rollouts_started" }, subject)?;
    work.put(Change::SetRolloutsStopped(stopped));
    Ok(())
}
