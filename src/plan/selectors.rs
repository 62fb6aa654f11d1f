//! Tells of every selector on the command line that does nothing, or that another one keeps from doing what it asks for.
//! What is asked for and left out refuses the plan; what merely had no occasion is a note.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Inputs, Mode, Note, Plan, Refusal, Selector};
use crate::kind::{Address, Leaf, visit_leaves};
use crate::state::model::Entry;

/// Adds to the plan what is to be said of the selectors. `depends_on` are the edges from child to parents.
pub(super) fn check(
    plan: &mut Plan,
    inputs: &Inputs<'_>,
    entries: &BTreeMap<Address, Entry>,
    addresses: &BTreeSet<Address>,
    depends_on: &BTreeMap<Address, BTreeSet<Address>>,
) {
    let options = inputs.options;
    let destroy = plan.mode == Mode::Destroy;
    let mut refusals = Vec::new();
    for (target, address, cause) in options.selection.conflicts(addresses, depends_on, destroy) {
        let what = if target.to_string() == address.to_string() {
            String::new()
        } else {
            format!("of `--target {target}` nothing is left: ")
        };
        let text = match cause {
            None => format!("{what}it is asked for with --target and left out with --exclude"),
            Some(cause) if destroy => {
                format!("{what}it is asked for, and {cause}, which uses it, is excluded")
            }
            Some(cause) => format!("{what}it is asked for, and it needs {cause}, which is excluded"),
        };
        let hint = "take one of the two options away".to_owned();
        refusals.push(Refusal { address: Some(address), text, hint });
    }
    let mut notes = Vec::new();
    let mut say = |option: &str, named: &dyn std::fmt::Display, why: &str| {
        notes.push(Note { address: None, text: format!("`{option} {named}` does nothing: {why}") });
    };
    if matches!(plan.mode, Mode::Destroy | Mode::RefreshOnly) {
        // Other pipelines than those of the manifest are excluded here without an `--exclude`.
        // Only the manifest has these: there is nothing to take down, or to look at.
        let is_managed = |s: &Selector| entries.keys().any(|address| s.matches(address));
        for selector in options.selection.targets.iter().filter(|s| !is_managed(s)) {
            say("--target", selector, "nothing of it is managed");
        }
    } else {
        for selector in options.selection.idle_excludes(addresses, depends_on, destroy) {
            say("--exclude", selector, "--target leaves that out already");
        }
        idle(plan, inputs, entries, &mut say);
    }
    plan.refusals.extend(refusals);
    plan.notes.extend(notes);
}

/// Options that ask for something to be done to an object in a certain way, and found none to do it to.
fn idle(
    plan: &Plan,
    inputs: &Inputs<'_>,
    entries: &BTreeMap<Address, Entry>,
    say: &mut dyn FnMut(&str, &dyn std::fmt::Display, &str),
) {
    let options = inputs.options;
    let is_refused =
        |s: &Selector| plan.refusals.iter().any(|r| r.address.as_ref().is_some_and(|a| s.matches(a)));
    let any = |s: &Selector, which: &dyn Fn(&super::Operation) -> bool| {
        is_refused(s) || plan.operations.iter().any(|o| s.matches(&o.address) && which(o))
    };
    let is_managed = |s: &Selector| entries.keys().any(|address| s.matches(address));
    let taken = |s: &Selector| {
        if is_managed(s) { "it is managed already" } else { "the sandbox has no object of that name" }
    };
    for selector in options.adopt.iter().filter(|s| !any(s, &|o| o.action == Action::Adopt)) {
        say("--adopt", selector, taken(selector));
    }
    let is_beside = |o: &super::Operation| {
        if plan.renames.iter().any(|m| m.to == o.address) {
            return true;
        }
        let namesakes = inputs.observations.namesakes.get(&o.address);
        let is_twin = inputs.observations.managed.iter().any(|(other, seen)| {
            let name = o.body.as_ref().and_then(|body| o.address.kind.spec().name(body));
            other.kind == o.address.kind && name.is_some() && other.kind.spec().name(&seen.body) == name
        });
        o.action == Action::Create && (namesakes.is_some() || is_twin)
    };
    for selector in options.create_beside.iter().filter(|s| !any(s, &is_beside)) {
        say("--create-beside", selector, taken(selector));
    }
    let wanted =
        |s: &Selector| inputs.manifest.sections.iter().filter(|section| s.matches(&section.address)).count();
    let has_secrets = |s: &Selector| {
        let mut found = false;
        for section in inputs.manifest.sections.iter().filter(|section| s.matches(&section.address)) {
            visit_leaves(&section.body, &mut |leaf| found |= matches!(leaf, Leaf::Secret { .. }));
        }
        found
    };
    for selector in &options.send_secrets {
        if wanted(selector) == 0 {
            say("--send-secrets", selector, "no section describes it");
        } else if !has_secrets(selector) {
            say("--send-secrets", selector, "it has no secrets");
        }
    }
    for address in &options.replace {
        let selector = Selector::Address(address.clone());
        if wanted(&selector) == 0 {
            say("--replace", address, "no section describes it");
        } else if !is_managed(&selector) {
            say("--replace", address, "there is nothing to replace yet");
        } else if !any(&selector, &|o| o.action == Action::Replace) {
            say("--replace", address, "there is nothing to replace");
        }
    }
    let deleted = plan.operations.iter().any(|o| o.action == Action::Delete && !o.is_leftover());
    if let Some(allowed) = options.allow_deletes.filter(|allowed| *allowed > 0 && !deleted) {
        say("--allow-deletes", &allowed, "nothing is deleted");
    }
}
