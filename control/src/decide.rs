//! From a command to what changes.

mod cache;
mod draft;
mod exposures;
mod fields;
mod flags;
mod import;
mod kill_switches;
mod links;
mod overrides;
mod proposals;
mod record;
mod rollouts;
mod segments;
mod sink;
mod tick;
mod webhooks;
mod work;

#[cfg(test)]
mod tests;

pub use import::{Imported, imported};

use self::work::Work;
use crate::change::Change;
use crate::command::{Command, Occasion};
use crate::error::Error;
use crate::rows::{DeliveryRow, DeliveryStatus};
use crate::state::State;

/// Says what a command changes in a tenant; nothing at all where everything is as it shall be already.
///
/// What comes of it is in the order in which it is stored: rows, the snapshot's version, entries of the audit, events and their deliveries. A change of a
/// flag of high impact that lacks a second person's word is a [`Change::PutProposal`] that waits, with its entry and event, and changes no flag.
///
/// # Errors
/// Why it is refused; nothing may then be stored.
pub fn decide(state: &dyn State, command: &Command, occasion: &Occasion<'_>) -> Result<Vec<Change>, Error> {
    let mut work = Work::new(state, occasion);
    run(&mut work, command)?;
    let flag = work.high_impact.pop_first();
    let changes = work.finish()?;
    match flag {
        // An approved command has had its second person.
        Some(flag) if !changes.is_empty() && !matches!(command, Command::ApproveProposal { .. }) => {
            proposals::propose(state, occasion, command, &changes, &flag)
        }
        _ => Ok(changes),
    }
}

/// Does a command, in the name of the work's actor.
fn run(work: &mut Work<'_>, command: &Command) -> Result<(), Error> {
    match command {
        Command::PutFlag(draft) => flags::put(work, draft),
        Command::DeleteFlag { key, expected } => flags::delete(work, key, *expected),
        Command::ArchiveFlag { key, expected } => flags::archive(work, key, *expected),
        Command::RestoreFlag { key, expected } => flags::restore(work, key, *expected),
        Command::PutSegment(draft) => segments::put(work, draft),
        Command::DeleteSegment { key, expected } => segments::delete(work, key, *expected),
        Command::RestoreSegment { key, expected } => segments::restore(work, key, *expected),
        Command::PutOverride { scope, id, flag, document } => overrides::put(work, *scope, id, flag, document),
        Command::RemoveOverride { scope, id, flag } => overrides::remove_named(work, *scope, id, flag),
        Command::SetKillSwitch { category, engaged, reason } => {
            kill_switches::set(work, category, *engaged, reason.as_deref()).map(drop)
        }
        Command::StartRollout { flag, document } => rollouts::start(work, flag, document),
        Command::SteerRollout { flag, steer } => rollouts::steer(work, flag, steer),
        Command::StopRollouts { stopped, reason } => kill_switches::stop_rollouts(work, *stopped, reason.as_deref()),
        Command::ApproveProposal { id } => proposals::approve(work, id),
        Command::RejectProposal { id, reason } => proposals::reject(work, id, reason.as_deref()),
        Command::Import { document } => import::import(work, document),
        Command::CreateWebhook { document } => webhooks::create(work, document),
        Command::ReplaceWebhook { id, document } => webhooks::replace(work, id, document),
        Command::RotateWebhook { id } => webhooks::rotate(work, id),
        Command::RemoveWebhook { id } => webhooks::remove(work, id),
        Command::Redeliver { webhook, delivery } => webhooks::redeliver(work, webhook, delivery),
        Command::BeginAttempt { delivery } => webhooks::begin(work, delivery),
        Command::NoteAttempt { delivery, attempt, status, error } => {
            webhooks::note(work, delivery, *attempt, *status, error)
        }
        Command::CountExposures { id, counts } => exposures::count(work, id, counts),
        Command::InvalidateCache { document } => cache::invalidate(work, document),
        Command::RetryAuditSink => sink::retry(work),
        Command::Tick => tick::tick(work),
    }
}

/// The deliveries that are to be given to the queue once the changes are stored, each for its attempt `attempts + 1`.
///
/// A message that the queue loses costs nothing but time: when `next_at` has passed and no attempt has begun ([`Command::BeginAttempt`]), or
/// nothing was heard of the one that has ([`Command::NoteAttempt`]), the next [`Command::Tick`] gives it the same attempt again. A receiver may so be asked twice,
/// with the same `webhook-id`, where an attempt was lost after the receiver had it.
pub fn to_hand_over(changes: &[Change]) -> impl Iterator<Item = &DeliveryRow> {
    changes.iter().filter_map(|change| match change {
        Change::PutDelivery(row) if row.in_queue && row.status == DeliveryStatus::Pending => Some(row),
        _ => None,
    })
}
