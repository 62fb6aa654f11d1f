//! Refuses a plan as a whole: too many deletions, something protected, a selection that would break what it leaves out.
//! Every refusal says how to go on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Action, Inputs, Mode, Operation, Plan, Refusal};
use crate::kind::{Address, Body};
use crate::manifest::Section;
use crate::state::model::Entry;

/// Below this many managed objects the share of deletions says nothing.
const SMALL: usize = 10;

/// Largest share of managed objects that a plan may delete, in percent.
const LARGEST_SHARE: usize = 30;

/// Adds to the plan why it must not be applied.
pub(super) fn check(
    plan: &mut Plan,
    inputs: &Inputs<'_>,
    entries: &BTreeMap<Address, Entry>,
    selected: &BTreeSet<Address>,
    depends_on: &BTreeMap<Address, BTreeSet<Address>>,
) {
    let mut refusals = Vec::new();
    refusals.extend(protection(plan, entries));
    refusals.extend(losses(plan, entries));
    deletions(plan, inputs, entries, &mut refusals);
    vanished(plan, inputs, entries, &mut refusals);
    left_behind(plan, entries, selected, depends_on, &mut refusals);
    left_standing(plan, inputs, depends_on, &mut refusals);
    still_used(plan, inputs, &mut refusals);
    plan.refusals.extend(refusals);
}

/// Protection is the state's, so that deleting the section does not delete it; and the manifest's from the moment on that
/// it says so.
pub(crate) fn protection(plan: &Plan, entries: &BTreeMap<Address, Entry>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for operation in &plan.operations {
        let verb = match operation.action {
            Action::Delete => "deleted",
            Action::Replace => "replaced",
            Action::Forget => "forgotten",
            Action::Create | Action::Adopt | Action::Update => continue,
        };
        if current(operation, entries).is_some_and(|e| e.protect) || operation.steps.iter().any(|s| s.protect)
        {
            refusals.push(Refusal {
                address: Some(operation.address.clone()),
                text: format!("it is protected and would be {verb}"),
                hint: "set `protect: false` in its section and apply that first".to_owned(),
            });
        }
    }
    refusals
}

/// What cannot be made again goes only where the manifest allowed it, and an apply has recorded that: deleting the section
/// neither loses the permission nor gives one.
pub(crate) fn losses(plan: &Plan, entries: &BTreeMap<Address, Entry>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for operation in &plan.operations {
        if !matches!(operation.action, Action::Delete | Action::Replace) {
            continue;
        }
        let Some(entry) = current(operation, entries) else { continue };
        if let Some(loss) = operation.address.kind.spec().loss(&entry.applied).filter(|loss| !loss.allowed) {
            let address = &operation.address;
            refusals.push(Refusal {
                address: Some(address.clone()),
                text: format!("it would be deleted: {}", loss.what),
                hint: format!(
                    "if that is meant, {} (`--target {address}` applies that alone); to leave it where it is, add \
                     `--exclude {address}`",
                    loss.allow
                ),
            });
        }
    }
    refusals
}

/// The entry whose object an operation is about; `None` when that is a left-over of a replacement.
fn current<'a>(operation: &Operation, entries: &'a BTreeMap<Address, Entry>) -> Option<&'a Entry> {
    entries.get(&operation.address).filter(|e| operation.id.as_ref() == Some(&e.id))
}

/// What replacements have left does not count, as replacements do not: an interrupted one must be able to end.
fn deletions(
    plan: &Plan,
    inputs: &Inputs<'_>,
    entries: &BTreeMap<Address, Entry>,
    refusals: &mut Vec<Refusal>,
) {
    let managed = entries.len();
    let mode = inputs.options.mode;
    // What is forgotten because it is not visible may be there, and is made a second time by the next apply.
    let counted =
        |action| action == Action::Delete || (action == Action::Forget && mode == Mode::RefreshOnly);
    let deleted = |o: &&Operation| counted(o.action) && current(o, entries).is_some();
    let count = plan.operations.iter().filter(deleted).count();
    if mode == Mode::Destroy || count == 0 || inputs.options.allow_deletes == Some(count) {
        return;
    }
    let verb = if mode == Mode::RefreshOnly { "forgotten" } else { "deleted" };
    let text = if let Some(allowed) = inputs.options.allow_deletes {
        format!("{count} objects would be {verb}, and {allowed} are allowed")
    } else if mode == Mode::Normal && inputs.manifest.sections.is_empty() {
        format!("the manifest is empty, and {count} objects would be deleted")
    } else if managed >= SMALL && count * 100 > managed * LARGEST_SHARE {
        format!("{count} of {managed} managed objects would be {verb}, more than {LARGEST_SHARE} %")
    } else {
        return;
    };
    refusals.push(Refusal {
        address: None,
        text,
        hint: format!("if that is meant, say so with `--allow-deletes {count}`"),
    });
}

/// A pipeline of which no manifest of the run has a section was deleted, or its file was not read: which of the two, nobody
/// can tell but a person. Deleting the exact number of objects, or naming what goes, says that it is meant.
fn vanished(
    plan: &Plan,
    inputs: &Inputs<'_>,
    entries: &BTreeMap<Address, Entry>,
    refusals: &mut Vec<Refusal>,
) {
    // Of an empty manifest `deletions` says more.
    if inputs.options.mode != Mode::Normal || inputs.manifest.sections.is_empty() {
        return;
    }
    let goes: Vec<&Address> = plan
        .operations
        .iter()
        .filter(|o| o.action == Action::Delete && current(o, entries).is_some())
        .map(|o| &o.address)
        .collect();
    let count = goes.len();
    if inputs.options.allow_deletes == Some(count) {
        return;
    }
    let wanted: BTreeSet<&str> =
        inputs.manifest.sections.iter().map(|s| s.address.pipeline.as_str()).collect();
    let is_named = |address: &Address| inputs.options.selection.targets.iter().any(|s| s.matches(address));
    // A pipeline that is renamed has not vanished: `rename` says what becomes of it. Of an apply that broke off, some of
    // its objects have their successors already.
    let is_made =
        |to: &Address| plan.operations.iter().any(|o| o.action == Action::Create && o.address == *to);
    let is_renamed = |address: &Address| {
        let renames = plan.renames.iter().filter(|renamed| renamed.from.pipeline == address.pipeline);
        renames.into_iter().any(|renamed| is_made(&renamed.to))
    };
    let mut gone: BTreeMap<&str, usize> = BTreeMap::new();
    for address in
        goes.iter().filter(|a| !wanted.contains(a.pipeline.as_str()) && !is_named(a) && !is_renamed(a))
    {
        *gone.entry(address.pipeline.as_str()).or_default() += 1;
    }
    for (pipeline, objects) in gone {
        let what = if objects == 1 { "its object".to_owned() } else { format!("{objects} of its objects") };
        refusals.push(Refusal {
            address: None,
            text: format!(
                "no manifest of this run has a section of the pipeline {pipeline}, so {what} would be deleted"
            ),
            hint: format!(
                "name its file too, or leave it as it is with `--exclude {pipeline}`; to keep its objects and manage \
                 them no more, add `forget: [{pipeline}]` to a document; if they are to be deleted, add \
                 `--allow-deletes {count}`"
            ),
        });
    }
}

/// An object that goes takes its children along; a selection must not leave them behind.
fn left_behind(
    plan: &Plan,
    entries: &BTreeMap<Address, Entry>,
    selected: &BTreeSet<Address>,
    depends_on: &BTreeMap<Address, BTreeSet<Address>>,
    refusals: &mut Vec<Refusal>,
) {
    let unselected: Vec<(&Address, &BTreeSet<Address>)> =
        depends_on.iter().filter(|(a, _)| entries.contains_key(*a) && !selected.contains(*a)).collect();
    let ends = |action| matches!(action, Action::Replace | Action::Delete);
    for operation in plan.operations.iter().filter(|o| ends(o.action)) {
        for (child, _) in unselected.iter().filter(|(_, parents)| parents.contains(&operation.address)) {
            refusals.push(Refusal {
                address: Some(operation.address.clone()),
                text: format!("it would go, and {child}, which uses it, is not selected"),
                hint: format!("add `--target {child}`, or do not exclude it"),
            });
        }
    }
}

/// An object that is forgotten stays; what it uses must not be deleted under it.
fn left_standing(
    plan: &Plan,
    inputs: &Inputs<'_>,
    depends_on: &BTreeMap<Address, BTreeSet<Address>>,
    refusals: &mut Vec<Refusal>,
) {
    let stays = |o: &&Operation| {
        o.action == Action::Forget
            && inputs.observations.managed.get(&o.address).is_some_and(|seen| o.id.as_ref() == Some(&seen.id))
    };
    let ends = |action| matches!(action, Action::Replace | Action::Delete);
    for child in plan.operations.iter().filter(stays) {
        let parents = depends_on.get(&child.address);
        for operation in plan.operations.iter().filter(|o| ends(o.action)) {
            if parents.is_some_and(|parents| parents.contains(&operation.address)) {
                refusals.push(Refusal {
                    address: Some(operation.address.clone()),
                    text: format!(
                        "it would go, and {}, which is forgotten and stays, uses it",
                        child.address
                    ),
                    hint: format!("forget {} too, or delete both", operation.address),
                });
            }
        }
    }
}

/// What a wanted object refers to by its id must not be deleted because no section describes it.
fn still_used(plan: &Plan, inputs: &Inputs<'_>, refusals: &mut Vec<Refusal>) {
    if inputs.options.mode != Mode::Normal {
        return;
    }
    for operation in plan.operations.iter().filter(|o| o.action == Action::Delete && !o.is_leftover()) {
        let uses =
            |section: &&Section| texts(&section.body).any(|text| Some(text) == operation.id.as_deref());
        let Some(child) = inputs.manifest.sections.iter().find(uses).map(|section| &section.address) else {
            continue;
        };
        let address = &operation.address;
        refusals.push(Refusal {
            address: Some(address.clone()),
            text: format!("it would be deleted, and {child} uses it by its id"),
            hint: format!(
                "plan the manifest of {} together with this one, or let go of it with `forget: [{address}]`",
                address.pipeline
            ),
        });
    }
}

/// Every text in a body, ids among them.
pub(super) fn texts(body: &Body) -> impl Iterator<Item = &str> {
    let mut open = vec![body];
    std::iter::from_fn(move || {
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) => return Some(text.as_str()),
                Value::Array(items) => open.extend(items),
                Value::Object(members) => open.extend(members.values()),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        None
    })
}
