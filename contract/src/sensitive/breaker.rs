//! When the policy service is not asked, because it does not answer: a circuit breaker, as pure data. One for each process or isolate.

use burgee_core::time::format_rfc3339;
use serde::Serialize;

use crate::limits;

/// Lets questions through until [`limits::POLICY_FAILURES`] failed one after the other, and then none for a time; after that one tries.
///
/// Who is let through gets a [`Ticket`], and reports with it how it went. A report that comes when others have opened or closed the
/// breaker since says nothing of now, and is passed over.
#[derive(Debug, Default)]
pub struct Breaker {
    state: State,
    /// Failures since the last success.
    failures: u32,
    /// Counts changes of the state.
    turn: u64,
    /// The states that nobody has asked [`Self::turns`] for.
    turned: Vec<BreakerState>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        until: i64,
        for_ms: i64,
    },
    /// One tries, since a time.
    HalfOpen {
        since: i64,
        for_ms: i64,
    },
}

/// States that are kept for whoever counts them: an adapter asks after each report.
const TURNS_KEPT: usize = 16;

/// Somebody was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "how it went must be reported"]
pub struct Ticket(u64);

impl Breaker {
    /// A closed one.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Closed, failures: 0, turn: 0, turned: Vec::new() }
    }

    /// Lets somebody through at a time (ms since the epoch), or nobody.
    pub fn admit(&mut self, now: i64) -> Option<Ticket> {
        match self.state {
            State::Closed => {}
            State::Open { until, for_ms } if now >= until => self.turn_to(State::HalfOpen { since: now, for_ms }),
            // Who tried was never heard of again: its request ended before the answer came.
            State::HalfOpen { since, for_ms } if now.saturating_sub(since) >= limits::POLICY_TRIAL_LOST_MS => {
                self.turn_to(State::HalfOpen { since: now, for_ms });
            }
            State::Open { .. } | State::HalfOpen { .. } => return None,
        }
        Some(Ticket(self.turn))
    }

    /// The states that it came to since this was last asked, oldest first: they are counted.
    pub fn turns(&mut self) -> Vec<BreakerState> {
        std::mem::take(&mut self.turned)
    }

    /// Takes how it went for somebody who was let through: whether there was an answer that could be understood, whatever it says.
    pub fn report(&mut self, ticket: Ticket, answered: bool, now: i64) {
        if ticket.0 != self.turn {
            return;
        }
        self.failures = if answered { 0 } else { self.failures.saturating_add(1) };
        let for_ms = match self.state {
            State::HalfOpen { .. } if answered => return self.turn_to(State::Closed),
            State::HalfOpen { for_ms, .. } => for_ms.saturating_mul(2).min(limits::POLICY_OPEN_MAX_MS),
            State::Closed if self.failures >= limits::POLICY_FAILURES => limits::POLICY_OPEN_MS,
            State::Closed | State::Open { .. } => return,
        };
        self.turn_to(State::Open { until: now.saturating_add(for_ms), for_ms });
    }

    fn turn_to(&mut self, state: State) {
        self.state = state;
        self.turn = self.turn.wrapping_add(1);
        let turned = match state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        };
        // Whoever does not ask shall not hold more and more of them.
        if self.turned.len() < TURNS_KEPT {
            self.turned.push(turned);
        }
    }

    /// The state at a time (ms since the epoch).
    #[must_use]
    pub fn state(&self, now: i64) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open { until, .. } if now < until => BreakerState::Open,
            State::Open { .. } | State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// What `GET /phase-2b/health` says of the policy service at a time (ms since the epoch).
    #[must_use]
    pub fn health(&self, configured: bool, now: i64) -> PolicyHealth {
        let open_until = match self.state {
            State::Open { until, .. } if now < until => Some(format_rfc3339(until)),
            _ => None,
        };
        PolicyHealth { configured, breaker: self.state(now), failures: self.failures, open_until }
    }
}

/// What a breaker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// It lets everybody through.
    Closed,
    /// It lets nobody through.
    Open,
    /// The next one tries, or one does so now.
    HalfOpen,
}

impl BreakerState {
    /// All of them, by their numbers.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// Its name, as health and metrics show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// The policy service as health shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyHealth {
    /// Whether there is one at all.
    pub configured: bool,
    /// What this isolate's breaker does.
    pub breaker: BreakerState,
    /// Questions that were not answered since the last one that was.
    pub failures: u32,
    /// Until when nobody is asked, RFC 3339; only while the breaker is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_until: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{POLICY_FAILURES, POLICY_OPEN_MAX_MS, POLICY_OPEN_MS, POLICY_TRIAL_LOST_MS};
    use proptest::prelude::*;

    fn ask(breaker: &mut Breaker, answered: bool, now: i64) -> bool {
        let ticket = breaker.admit(now);
        if let Some(ticket) = ticket {
            breaker.report(ticket, answered, now);
        }
        ticket.is_some()
    }

    fn opened(now: i64) -> Breaker {
        let mut breaker = Breaker::new();
        for _ in 0..POLICY_FAILURES {
            assert!(ask(&mut breaker, false, now));
        }
        breaker
    }

    #[test]
    fn five_failures_one_after_the_other_open_it() {
        let mut breaker = Breaker::new();
        for answered in [false, false, false, false, true, false, false, false, false] {
            assert!(ask(&mut breaker, answered, 0));
            assert_eq!(breaker.state(0), BreakerState::Closed);
        }
        assert!(ask(&mut breaker, false, 0));
        assert_eq!(breaker.state(0), BreakerState::Open);
        assert!(!ask(&mut breaker, true, POLICY_OPEN_MS - 1), "nobody is asked");
    }

    #[test]
    fn after_a_time_one_tries_and_closes_it() {
        let mut breaker = opened(0);
        assert_eq!(breaker.state(POLICY_OPEN_MS), BreakerState::HalfOpen);
        let ticket = breaker.admit(POLICY_OPEN_MS).unwrap();
        assert_eq!(breaker.admit(POLICY_OPEN_MS + 1), None, "one alone");
        breaker.report(ticket, true, POLICY_OPEN_MS + 2);
        assert_eq!(breaker.state(POLICY_OPEN_MS + 2), BreakerState::Closed);
        assert_eq!(breaker.health(true, 0).failures, 0);
        assert!(breaker.admit(POLICY_OPEN_MS + 2).is_some());
    }

    #[test]
    fn the_states_that_it_comes_to_are_told_once() {
        let mut breaker = opened(0);
        assert!(ask(&mut breaker, false, POLICY_OPEN_MS));
        assert!(ask(&mut breaker, true, 3 * POLICY_OPEN_MS));
        let (closed, open, half_open) = (BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen);
        assert_eq!(breaker.turns(), [open, half_open, open, half_open, closed]);
        assert_eq!(breaker.turns(), []);
        for (place, state) in BreakerState::ALL.into_iter().enumerate() {
            assert_eq!((state as usize, serde_json::to_value(state).unwrap()), (place, state.name().into()));
        }
        for _ in 0..100 {
            breaker.turn_to(State::Closed);
        }
        assert_eq!(breaker.turns().len(), TURNS_KEPT);
    }

    #[test]
    fn each_try_that_fails_doubles_the_time_up_to_a_minute() {
        let mut breaker = opened(0);
        let mut now = 0;
        let mut last = POLICY_OPEN_MS;
        for expected in [20_000, 40_000, 60_000, 60_000] {
            now += last;
            assert!(ask(&mut breaker, false, now));
            assert!(!ask(&mut breaker, true, now + expected - 1), "{expected}");
            last = expected;
        }
        // Closed and opened again, it begins anew.
        now += last;
        assert!(ask(&mut breaker, true, now));
        for _ in 0..POLICY_FAILURES {
            assert!(ask(&mut breaker, false, now));
        }
        assert!(!ask(&mut breaker, true, now + POLICY_OPEN_MS - 1));
        assert!(ask(&mut breaker, true, now + POLICY_OPEN_MS));
    }

    #[test]
    fn a_try_that_is_never_heard_of_again_does_not_block_the_next() {
        let mut breaker = opened(0);
        let lost = breaker.admit(POLICY_OPEN_MS).unwrap();
        let later = POLICY_OPEN_MS + POLICY_TRIAL_LOST_MS;
        assert_eq!(breaker.admit(later - 1), None);
        let next = breaker.admit(later).unwrap();
        breaker.report(lost, false, later + 1);
        assert_eq!(breaker.state(later + 1), BreakerState::HalfOpen, "what it says comes too late");
        breaker.report(next, true, later + 2);
        assert_eq!(breaker.state(later + 2), BreakerState::Closed);
    }

    #[test]
    fn reports_from_before_it_opened_change_nothing() {
        let mut breaker = Breaker::new();
        let early: Vec<_> = (0..10).map(|_| breaker.admit(0).unwrap()).collect();
        for ticket in &early[..5] {
            breaker.report(*ticket, false, 1_000);
        }
        for ticket in &early[5..] {
            breaker.report(*ticket, true, 2_000);
        }
        assert_eq!(breaker.state(2_000), BreakerState::Open);
        assert_eq!(
            serde_json::to_value(breaker.health(true, 2_000)).unwrap(),
            serde_json::json!({"configured": true, "breaker": "open", "failures": 5, "open_until": "1970-01-01T00:00:11.000Z"})
        );
        let closed = Breaker::new().health(false, 0);
        assert_eq!(
            serde_json::to_value(closed).unwrap(),
            serde_json::json!({"configured": false, "breaker": "closed", "failures": 0})
        );
    }

    proptest! {
        /// Whatever is asked and reported, in whichever order: the model below, which counts for itself, says who is let through.
        #[test]
        fn it_keeps_to_its_rules(steps in prop::collection::vec((0..3_u8, any::<bool>(), 0..15_000_i64, any::<prop::sample::Index>()), 0..120)) {
            let mut breaker = Breaker::new();
            let mut now = 0;
            let mut out: Vec<(Ticket, u64)> = Vec::new();
            // The model: an epoch begins with every change; a run of failures; closed, or open until, or a trial since.
            let (mut epoch, mut run) = (0_u64, 0_u32);
            let (mut until, mut span, mut trial): (Option<i64>, i64, Option<i64>) = (None, 0, None);
            for (step, answered, wait, pick) in steps {
                now += wait;
                if step == 0 || out.is_empty() {
                    let ticket = breaker.admit(now);
                    let may = match (until, trial) {
                        (None, _) => true,
                        (Some(end), None) => now >= end,
                        (Some(_), Some(since)) => now - since >= POLICY_TRIAL_LOST_MS,
                    };
                    prop_assert_eq!(ticket.is_some(), may);
                    if let Some(ticket) = ticket {
                        if until.is_some() { trial = Some(now); epoch += 1; }
                        out.push((ticket, epoch));
                    }
                } else {
                    let (ticket, of) = out.swap_remove(pick.index(out.len()));
                    breaker.report(ticket, answered, now);
                    if of != epoch { continue; }
                    run = if answered { 0 } else { run + 1 };
                    if until.is_some() && answered { until = None; trial = None; epoch += 1; }
                    else if until.is_some() { span = (span * 2).min(POLICY_OPEN_MAX_MS); until = Some(now + span); trial = None; epoch += 1; }
                    else if run >= POLICY_FAILURES { span = POLICY_OPEN_MS; until = Some(now + span); epoch += 1; }
                }
                prop_assert_eq!(breaker.state(now) == BreakerState::Closed, until.is_none());
                prop_assert_eq!(breaker.health(true, now).failures, run);
            }
        }
    }
}
