//! Entries under other addresses, or under none: what changes of addresses alone do to a state. Pure.
//!
//! The objects stay as they are; what refers to an entry follows it. Who asks, and whether it may be, is not decided here.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Change, Entry};
use crate::kind::Address;

/// Why entries cannot be moved as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// There is nothing to move.
    #[error("the state has no {0}")]
    Absent(Address),
    /// Something is where it is to go.
    #[error("the state has {0} already")]
    Taken(Address),
}

/// The entries with all moves made at once; `moves` has the new address by the old one.
///
/// Errors: [`Blocked`], and then nothing is moved.
pub fn moved(
    entries: &BTreeMap<Address, Entry>,
    moves: &BTreeMap<Address, Address>,
) -> Result<BTreeMap<Address, Entry>, Blocked> {
    if let Some(absent) = moves.keys().find(|from| !entries.contains_key(*from)) {
        return Err(Blocked::Absent(absent.clone()));
    }
    let new = |address: &Address| moves.get(address).unwrap_or(address).clone();
    let mut after = BTreeMap::new();
    for (address, entry) in entries {
        let entry = Entry { depends_on: entry.depends_on.iter().map(new).collect(), ..entry.clone() };
        if after.insert(new(address), entry).is_some() {
            return Err(Blocked::Taken(new(address)));
        }
    }
    Ok(after)
}

/// The entries without these; nothing that stays refers to them any more.
///
/// Errors: [`Blocked::Absent`], and then nothing is dropped.
pub fn dropped(
    entries: &BTreeMap<Address, Entry>,
    addresses: &BTreeSet<Address>,
) -> Result<BTreeMap<Address, Entry>, Blocked> {
    if let Some(absent) = addresses.iter().find(|address| !entries.contains_key(*address)) {
        return Err(Blocked::Absent(absent.clone()));
    }
    let kept = entries.iter().filter(|(address, _)| !addresses.contains(*address));
    Ok(kept
        .map(|(address, entry)| {
            let mut entry = entry.clone();
            entry.depends_on.retain(|parent| !addresses.contains(parent));
            (address.clone(), entry)
        })
        .collect())
}

/// What has to be recorded to come from one set of entries to another.
pub fn changes(before: &BTreeMap<Address, Entry>, after: &BTreeMap<Address, Entry>) -> Vec<Change> {
    let gone = before.keys().filter(|address| !after.contains_key(*address));
    let set = after.iter().filter(|(address, entry)| before.get(*address) != Some(*entry));
    gone.map(|address| Change::Removed { address: address.clone() })
        .chain(set.map(|(address, entry)| Change::Set { address: address.clone(), entry: entry.clone() }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    /// A base connection, and two sources that read through it.
    fn entries() -> BTreeMap<Address, Entry> {
        let entry = |id: &str, parents: &[&str]| Entry {
            id: id.to_owned(),
            etag: None,
            version: None,
            applied: serde_json::json!({ "name": id }),
            depends_on: parents.iter().map(|p| address(p)).collect(),
            protect: false,
            replaced: Vec::new(),
        };
        BTreeMap::from([
            (address("a.baseConnection"), entry("1", &[])),
            (address("a.source"), entry("2", &["a.baseConnection"])),
            (address("b.source"), entry("3", &["a.baseConnection"])),
        ])
    }

    fn moving(pairs: &[(&str, &str)]) -> Result<BTreeMap<Address, Entry>, Blocked> {
        moved(&entries(), &pairs.iter().map(|(from, to)| (address(from), address(to))).collect())
    }

    #[test]
    fn what_refers_to_an_entry_follows_it() {
        let after = moving(&[("a.baseConnection", "c.baseConnection")]).unwrap();
        assert_eq!(after[&address("c.baseConnection")], entries()[&address("a.baseConnection")]);
        for child in ["a.source", "b.source"] {
            assert_eq!(after[&address(child)].depends_on, [address("c.baseConnection")]);
        }
        assert_eq!(changes(&entries(), &after).len(), 4);
    }

    #[test]
    fn moves_are_made_at_once() {
        let after = moving(&[("a.source", "b.source"), ("b.source", "a.source")]).unwrap();
        assert_eq!(
            (after[&address("a.source")].id.as_str(), after[&address("b.source")].id.as_str()),
            ("3", "2")
        );
    }

    #[test]
    fn nothing_is_moved_onto_another_nor_from_nowhere() {
        assert_eq!(moving(&[("a.source", "b.source")]), Err(Blocked::Taken(address("b.source"))));
        assert_eq!(moving(&[("c.source", "d.source")]), Err(Blocked::Absent(address("c.source"))));
        let absent = dropped(&entries(), &BTreeSet::from([address("c.source")]));
        assert_eq!(absent, Err(Blocked::Absent(address("c.source"))));
    }

    #[test]
    fn what_is_dropped_is_referred_to_no_more() {
        let after = dropped(&entries(), &BTreeSet::from([address("a.baseConnection")])).unwrap();
        assert_eq!(after.len(), 2);
        assert!(after.values().all(|entry| entry.depends_on.is_empty()));
        // Replayed, the changes lead there.
        let mut state = crate::state::model::State::new(crate::state::model::Place {
            gateway: "g".into(),
            org: "o".into(),
            sandbox: "s".into(),
        })
        .unwrap();
        state.entries = entries();
        for change in changes(&entries(), &after) {
            state.record(change);
        }
        assert_eq!(state.entries, after);
    }
}
