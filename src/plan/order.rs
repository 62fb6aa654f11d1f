//! Links the steps of a plan: what has to be done before what. Parents before children; deletions the other way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Operation;
use crate::kind::{Address, Intent};

/// A step's key.
pub(super) fn key(address: &Address, verb: &str) -> String {
    format!("{address}#{verb}")
}

/// Fills in every step's `needs`. `depends_on` are the edges from child to parents, of the manifest and of the state.
pub(super) fn link(operations: &mut [Operation], depends_on: &BTreeMap<Address, BTreeSet<Address>>) {
    // Per address: the step after which others can rely on it, and the steps that end its old objects.
    let mut productive: HashMap<Address, String> = HashMap::new();
    // The step after which the parts of a section are not enough: its last one that makes the object what it shall be.
    let mut whole: HashMap<Address, String> = HashMap::new();
    let mut endings: HashMap<Address, Vec<String>> = HashMap::new();
    for operation in operations.iter() {
        for step in &operation.steps {
            if step.unless.is_none() && !matches!(step.intent, Intent::Delete { .. } | Intent::Forget { .. })
            {
                whole.insert(step.address.clone(), step.key.clone());
            }
            match step.intent {
                Intent::Create { .. } | Intent::Update { .. } | Intent::Adopt { .. } => {
                    productive.insert(step.address.clone(), step.key.clone());
                }
                Intent::Delete { .. } => {
                    endings.entry(step.address.clone()).or_default().push(step.key.clone());
                }
                Intent::Switch { .. } | Intent::Forget { .. } => {}
            }
        }
    }
    let mut children: HashMap<&Address, Vec<&Address>> = HashMap::new();
    for (child, parents) in depends_on {
        for parent in parents {
            children.entry(parent).or_default().push(child);
        }
    }

    let is_part = |child: &Address, parent: &Address| child.kind.spec().part_of() == Some(parent.kind);
    let made = |child: &Address, parent: &Address| {
        if is_part(child, parent) { productive.get(parent) } else { whole.get(parent) }
    };
    for operation in operations.iter_mut() {
        let parents = depends_on.get(&operation.address);
        let mut from_parents: Vec<String> = Vec::new();
        for parent in parents.into_iter().flatten() {
            from_parents.extend(made(&operation.address, parent).cloned());
            // Whoever refers to a section means all of it: a schema that stays has new fields when its field group has.
            let parts = depends_on.get(parent).into_iter().flatten().filter(|part| is_part(part, parent));
            from_parents.extend(parts.filter_map(|part| productive.get(part).cloned()));
        }
        // A switch needs what the section's parts bring: Profile is entered with an identity.
        let from_parts: Vec<String> = children
            .get(&operation.address)
            .into_iter()
            .flatten()
            .filter(|child| is_part(child, &operation.address))
            .filter_map(|child| productive.get(*child).cloned())
            .collect();
        // An old object may go when nothing refers to it any more: each child is gone, or points elsewhere.
        let from_children: Vec<String> = children
            .get(&operation.address)
            .into_iter()
            .flatten()
            .flat_map(|child| endings.get(*child).into_iter().flatten().chain(productive.get(*child)))
            .cloned()
            .collect();
        let mut before: Vec<String> = Vec::new();
        for step in &mut operation.steps {
            match &step.intent {
                Intent::Delete { .. } => {
                    step.needs.clone_from(&before);
                    step.needs.extend(from_children.clone());
                    // What replacements have left goes before the entry that remembers it.
                    if operation.action == super::Action::Delete && step.key.ends_with("#delete") {
                        let own = endings.get(&operation.address).into_iter().flatten();
                        step.needs.extend(own.filter(|key| **key != step.key).cloned());
                    }
                }
                // An entry goes after what it remembers to be deleted.
                Intent::Forget { .. } if before.is_empty() => {
                    let own = endings.get(&operation.address).into_iter().flatten();
                    step.needs = own.filter(|key| **key != step.key).cloned().collect();
                }
                // Only if another step fails: it waits for that one and for what it undoes, not for the rest.
                Intent::Switch { .. } if step.unless.is_some() => {
                    step.needs =
                        before.iter().filter(|k| Some(*k) != step.unless.as_ref()).take(1).cloned().collect();
                    continue;
                }
                _ if before.is_empty() => step.needs.clone_from(&from_parents),
                _ => step.needs = before.last().cloned().into_iter().collect(),
            }
            if matches!(step.intent, Intent::Switch { .. }) {
                step.needs.extend(from_parts.clone());
            }
            before.push(step.key.clone());
        }
    }
}
