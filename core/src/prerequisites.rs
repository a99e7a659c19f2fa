//! Linking flags with their prerequisites, once all flags are known: what can never be met is found here, so that evaluation always ends.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use crate::compile::{Compiler, Unlinked};
use crate::fault::WarningCode;
use crate::limits;
use crate::snapshot::{CompiledFlag, CompiledPrerequisite, FlagIndex, Prerequisites};

/// What one walk of a flag can lead to.
#[derive(Clone, Copy)]
struct Cost {
    walks: u32,
    depth: u32,
}

/// Of a flag that needs no other.
const ALONE: Cost = Cost { walks: 1, depth: 1 };

/// What is known of a flag's prerequisites.
#[derive(Clone, Copy)]
enum State {
    /// Nothing yet; in the end: they lead into a cycle.
    Open,
    /// They may be walked, at this cost.
    Walkable(Cost),
    /// They are past a limit.
    PastLimit,
}

impl Compiler {
    #[inline(never)]
    pub(crate) fn link_prerequisites(&mut self) {
        let unlinked = core::mem::take(&mut self.prerequisites);
        let linked: Vec<(Unlinked, Box<[CompiledPrerequisite]>)> =
            unlinked.into_iter().map(|unlinked| self.link(unlinked)).collect();
        let states = states(&linked, self.flags.len());
        for (unlinked, prerequisites) in linked {
            let cannot_be_met = self.check(&unlinked, &prerequisites, states.get(unlinked.flag));
            let flag = self.flags.get_mut(unlinked.flag);
            if let Some(body) = flag.and_then(|flag| flag.body.as_mut().ok()) {
                body.prerequisites = Prerequisites { all: prerequisites, cannot_be_met };
            }
        }
    }

    /// Finds the flags and variants that prerequisites name.
    fn link(&self, unlinked: Unlinked) -> (Unlinked, Box<[CompiledPrerequisite]>) {
        let prerequisites = unlinked.prerequisites.iter().map(|prerequisite| {
            let flag = self.by_key.get(prerequisite.flag.as_bytes()).map(FlagIndex);
            let named = flag.and_then(|flag| self.flags.get(usize::try_from(flag.0).ok()?));
            CompiledPrerequisite {
                key: prerequisite.flag.as_str().into(),
                flag,
                variants: places(named, &prerequisite.variants),
            }
        });
        let prerequisites = prerequisites.collect();
        (unlinked, prerequisites)
    }

    /// Warns of prerequisites that are never met, and says whether that holds of all of them.
    fn check(&mut self, unlinked: &Unlinked, all: &[CompiledPrerequisite], state: Option<&State>) -> bool {
        let cannot_be_met = matches!(state, Some(State::Open | State::PastLimit));
        let (code, message) = if all.iter().any(|prerequisite| prerequisite.flag.is_none()) {
            let message = "name a flag that is not in the snapshot, and so are never met".into();
            (WarningCode::PrerequisiteUnknownFlag, message)
        } else if matches!(state, Some(State::Open)) {
            (WarningCode::PrerequisiteCycle, "lead into a cycle, and so are never met".into())
        } else if cannot_be_met {
            let (walks, depth) = (limits::PREREQUISITE_WALKS, limits::PREREQUISITE_DEPTH);
            let message = format!(
                "lead to more than {walks} walks (PREREQUISITE_WALKS) or {depth} deep (PREREQUISITE_DEPTH), and so are never met"
            );
            (WarningCode::PrerequisiteLimit, message)
        } else {
            return false;
        };
        self.warn(code, format!("/flags/{}/prerequisites", unlinked.entry), message);
        cannot_be_met
    }
}

/// The places of a flag's variants.
fn places(flag: Option<&CompiledFlag>, keys: &[alloc::string::String]) -> Box<[u16]> {
    let variants = flag.map_or(&[][..], |flag| flag.variants());
    let place = |key: &alloc::string::String| variants.iter().find(|variant| *variant.key == **key);
    keys.iter().filter_map(place).map(|variant| variant.index).collect()
}

/// Takes flags whose prerequisites are all known, until there are none: what is left leads into a cycle.
fn states(linked: &[(Unlinked, Box<[CompiledPrerequisite]>)], flags: usize) -> Vec<State> {
    let mut states = vec![State::Walkable(ALONE); flags];
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); flags];
    // How many prerequisites of each are not known yet.
    let mut open: Vec<usize> = vec![0; linked.len()];
    let place = |prerequisite: &CompiledPrerequisite| usize::try_from(prerequisite.flag?.0).ok();
    for (unlinked, _) in linked {
        set(&mut states, unlinked.flag, State::Open);
    }
    for (number, ((_, prerequisites), open)) in linked.iter().zip(&mut open).enumerate() {
        for flag in prerequisites.iter().filter_map(place) {
            if matches!(states.get(flag), Some(State::Open)) {
                *open = open.saturating_add(1);
                if let Some(needed_by) = needed_by.get_mut(flag) {
                    needed_by.push(number);
                }
            }
        }
    }
    let mut ready: Vec<usize> =
        open.iter().enumerate().filter(|(_, open)| **open == 0).map(|(number, _)| number).collect();
    while let Some((unlinked, prerequisites)) = ready.pop().and_then(|number| linked.get(number)) {
        let cost = prerequisites.iter().fold(ALONE, |cost, prerequisite| {
            let of = match place(prerequisite).and_then(|flag| states.get(flag)) {
                Some(State::Walkable(cost)) => *cost,
                _ => ALONE,
            };
            Cost { walks: cost.walks.saturating_add(of.walks), depth: cost.depth.max(of.depth.saturating_add(1)) }
        });
        let is_within = cost.walks <= limits::PREREQUISITE_WALKS && cost.depth <= limits::PREREQUISITE_DEPTH;
        set(&mut states, unlinked.flag, if is_within { State::Walkable(cost) } else { State::PastLimit });
        for number in needed_by.get(unlinked.flag).into_iter().flatten() {
            if let Some(open) = open.get_mut(*number) {
                *open = open.saturating_sub(1);
                if *open == 0 {
                    ready.push(*number);
                }
            }
        }
    }
    states
}

fn set(states: &mut [State], flag: usize, state: State) {
    if let Some(slot) = states.get_mut(flag) {
        *slot = state;
    }
}
