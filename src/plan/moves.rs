//! The moves that a manifest asks for, against what the state has. A move that is made already asks for nothing more.

use std::collections::BTreeMap;

use super::{Mode, Move, Refusal};
use crate::kind::Address;
use crate::manifest::{Blocks, Manifest};
use crate::state::model::{Change, Entry, State};
use crate::state::moves;

/// What is to be moved, and what the entries are then.
pub(super) struct Moves {
    /// By the old address.
    pub made: Vec<Move>,
    pub entries: BTreeMap<Address, Entry>,
    pub refusals: Vec<Refusal>,
}

/// Which of the manifest's moves are still to be made.
pub(super) fn resolve(blocks: &Blocks, entries: &BTreeMap<Address, Entry>) -> Moves {
    let mut wanted: BTreeMap<Address, Address> = BTreeMap::new();
    let mut refusals = Vec::new();
    for (from, to) in blocks.moved.iter().filter(|(from, _)| entries.contains_key(*from)) {
        let taken = entries.contains_key(to) && !blocks.moved.contains_key(to);
        let rival = wanted.iter().find(|(_, other)| *other == to).map(|(rival, _)| rival);
        if let Some(other) = rival.or(taken.then_some(to)) {
            refusals.push(Refusal {
                address: Some(to.clone()),
                text: format!("{from} is to become it, and {other} is managed too"),
                hint: format!(
                    "two objects cannot be one: take the move out, or drop one of them with `forget` or `flowform state rm {from}`"
                ),
            });
            continue;
        }
        wanted.insert(from.clone(), to.clone());
    }
    let moved = moves::moved(entries, &wanted);
    let made = if moved.is_ok() { wanted } else { BTreeMap::new() };
    Moves {
        made: made.into_iter().map(|(from, to)| Move { from, to }).collect(),
        entries: moved.unwrap_or_else(|_| entries.clone()),
        refusals,
    }
}

/// The entries that a state has once these moves are made.
pub(super) fn made(
    moves: &[Move],
    entries: &BTreeMap<Address, Entry>,
) -> Result<BTreeMap<Address, Entry>, moves::Blocked> {
    let moves = moves.iter().map(|m| (m.from.clone(), m.to.clone())).collect();
    moves::moved(entries, &moves)
}

/// The state as a plan for this manifest looks at it: what the manifest has moved is where it says.
pub fn as_moved(manifest: &Manifest, mode: Mode, state: &State) -> State {
    match mode {
        Mode::Normal => State { entries: resolve(&manifest.blocks, &state.entries).entries, ..state.clone() },
        Mode::Destroy | Mode::RefreshOnly => state.clone(),
    }
}

/// The state once a saved plan's moves are made; as it is where they cannot be.
pub fn as_planned(moves: &[Move], state: &State) -> State {
    let entries = made(moves, &state.entries).unwrap_or_else(|_| state.entries.clone());
    State { entries, ..state.clone() }
}

/// What has to be recorded to make these moves.
pub(crate) fn moving(moves: &[Move], entries: &BTreeMap<Address, Entry>) -> Vec<Change> {
    made(moves, entries).map(|after| moves::changes(entries, &after)).unwrap_or_default()
}
