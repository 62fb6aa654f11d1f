//! Names that the platform takes only once: who gives one up in this plan, who takes it, and that the one comes before the
//! other. What cannot be put into an order is refused, as is a name that somebody keeps.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Inputs, Operation, Plan, Refusal};
use crate::kind::{Address, Intent, Kind, Observed};
use crate::state::model::Entry;

/// Links and checks the names of a plan whose other steps are linked already.
pub(super) fn check(plan: &mut Plan, inputs: &Inputs<'_>, entries: &BTreeMap<Address, Entry>) {
    let takers: Vec<Taker> = plan.operations.iter().filter_map(taker).collect();
    if takers.is_empty() {
        return;
    }
    let holders = holders(plan, inputs, entries);
    let renamed: BTreeSet<Address> = plan.renames.iter().map(|m| m.to.clone()).collect();
    let mut refusals = Vec::new();
    let mut edges: Vec<(&Taker, &Holder)> = Vec::new();
    for (index, taker) in takers.iter().enumerate() {
        let spec = taker.address.kind.spec();
        let is_unique = spec.unique_names();
        let refuse =
            |text: String, hint: String| Refusal { address: Some(taker.address.clone()), text, hint };
        if is_unique && let Some(other) = takers.iter().take(index).find(|other| other.is_rival(taker)) {
            refusals.push(refuse(
                format!("it and {} are both to have the name `{}`", other.address, taker.name),
                format!("the platform takes a {}'s name once: give one of them another", spec.title()),
            ));
        }
        for holder in holders.iter().filter(|holder| holder.has(taker)) {
            match &holder.freed_by {
                // A new object for one that goes is a rename, which is refused as that.
                Some(_) if is_unique && !holder.is_renamed && renamed.contains(&taker.address) => {}
                Some(_) if is_unique => edges.push((taker, holder)),
                // Where names may be double, an order is only calmer: none is forced.
                Some(step) if holder.is_renamed && !reaches(plan, step, &taker.step) => {
                    wait(plan, &taker.step, step);
                }
                None if is_unique && !renamed.contains(&taker.address) => refusals.push(refuse(
                    format!("{} has the name `{}` and keeps it", holder.address, taker.name),
                    format!(
                        "the platform takes a {}'s name once: give one of them another, or let {} be planned too if its \
                         section gives the name up",
                        spec.title(),
                        holder.address
                    ),
                )),
                Some(_) | None => {}
            }
        }
        if is_unique {
            let ids = strangers(taker, inputs);
            if !ids.is_empty() {
                refusals.push(refuse(
                    format!(
                        "the sandbox has an object of the name `{}` that is not managed here: {}",
                        taker.name,
                        ids.join(", ")
                    ),
                    format!("the platform takes a {}'s name once: give this one another", spec.title()),
                ));
            }
        }
    }
    for (taker, holder) in &edges {
        if let Some(step) = &holder.freed_by {
            wait(plan, &taker.step, step);
        }
    }
    let mut told: BTreeSet<Address> = BTreeSet::new();
    for (taker, holder) in &edges {
        let Some(step) = &holder.freed_by else { continue };
        if told.contains(&taker.address) || !reaches(plan, step, &taker.step) {
            continue;
        }
        refusals.push(knot(taker, &edges, &mut told));
    }
    plan.refusals.extend(refusals);
}

/// An object that is to have a name that it does not have yet.
struct Taker {
    address: Address,
    name: String,
    /// The key of the step that gives it the name.
    step: String,
    is_created: bool,
}

impl Taker {
    fn is_rival(&self, other: &Self) -> bool {
        self.name == other.name && shares(self.address.kind, other.address.kind)
    }
}

/// An object that has a name now.
struct Holder {
    address: Address,
    name: String,
    /// The key of the step after which it has that name no more; none if it keeps it.
    freed_by: Option<String>,
    /// Whether that step gives it another name.
    is_renamed: bool,
}

impl Holder {
    fn has(&self, taker: &Taker) -> bool {
        self.address != taker.address
            && self.name == taker.name
            && shares(self.address.kind, taker.address.kind)
    }
}

/// Whether one name cannot be had by both kinds, or by two objects of one.
fn shares(one: Kind, other: Kind) -> bool {
    one == other || one.spec().shares_names_with().contains(&other)
}

fn taker(operation: &Operation) -> Option<Taker> {
    let name = operation.address.kind.spec().name(operation.body.as_ref()?)?;
    let is_created = operation.action == Action::Create;
    let step = if is_created { operation.steps.first() } else { renaming(operation) }?;
    Some(Taker { address: operation.address.clone(), name, step: step.key.clone(), is_created })
}

/// The step that gives an object another name.
fn renaming(operation: &Operation) -> Option<&crate::kind::Step> {
    let is_renamed = operation.changes.iter().any(|change| change.path == "/name");
    let is_update = |step: &&crate::kind::Step| matches!(step.intent, Intent::Update { .. });
    operation.steps.iter().find(is_update).filter(|_| is_renamed)
}

fn holders(plan: &Plan, inputs: &Inputs<'_>, entries: &BTreeMap<Address, Entry>) -> Vec<Holder> {
    let seen = inputs.observations;
    let managed = seen.managed.iter().filter(|(address, _)| entries.contains_key(*address));
    let imports = seen.imports.iter().filter(|(address, _)| !entries.contains_key(*address));
    let holder = |(address, observed): (&Address, &Observed)| {
        let name = address.kind.spec().name(&observed.body)?;
        let operation = plan
            .operations
            .iter()
            .find(|o| o.address == *address && o.id.as_ref() == Some(&observed.id) && !o.is_leftover());
        let renamed = operation.and_then(renaming);
        let mut ended = operation.into_iter().flat_map(|o| &o.steps);
        let ended = ended.rfind(|step| matches!(step.intent, Intent::Delete { .. }));
        Some(Holder {
            address: address.clone(),
            name,
            freed_by: renamed.or(ended).map(|step| step.key.clone()),
            is_renamed: renamed.is_some(),
        })
    };
    managed.chain(imports).filter(|(_, observed)| !observed.is_going()).filter_map(holder).collect()
}

/// Ids of objects that nobody manages here and that have the name. Those of a create's own kind are told with it.
fn strangers(taker: &Taker, inputs: &Inputs<'_>) -> Vec<String> {
    let seen = inputs.observations;
    let imported: BTreeSet<&str> = seen.imports.values().map(|o| o.id.as_str()).collect();
    let own = seen.namesakes.get(&taker.address).into_iter().flatten().map(|o| o.id.clone());
    let own = own.filter(|_| !taker.is_created);
    let others = seen.namesakes_elsewhere.get(&taker.address).into_iter().flatten().cloned();
    own.chain(others).filter(|id| !imported.contains(id.as_str())).collect()
}

/// Makes one step wait for another.
fn wait(plan: &mut Plan, step: &str, needed: &str) {
    for step in plan.operations.iter_mut().flat_map(|o| &mut o.steps).filter(|s| s.key == step) {
        if !step.needs.iter().any(|need| need == needed) {
            step.needs.push(needed.to_owned());
        }
    }
}

/// Whether a step waits for another, near or far.
fn reaches(plan: &Plan, from: &str, to: &str) -> bool {
    let needs: BTreeMap<&str, &[String]> =
        plan.steps().map(|step| (step.key.as_str(), step.needs.as_slice())).collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec![from];
    while let Some(key) = open.pop() {
        if key == to {
            return true;
        }
        if seen.insert(key) {
            open.extend(needs.get(key).copied().unwrap_or_default().iter().map(String::as_str));
        }
    }
    false
}

/// Names that go round among objects, so that none of them can be first.
fn knot(taker: &Taker, edges: &[(&Taker, &Holder)], told: &mut BTreeSet<Address>) -> Refusal {
    let mut words = Vec::new();
    let mut at = taker.address.clone();
    while told.insert(at.clone()) {
        let Some((taker, holder)) = edges.iter().find(|(taker, _)| taker.address == at) else { break };
        words.push(format!("{} is to have the name `{}` of {}", taker.address, taker.name, holder.address));
        at = holder.address.clone();
    }
    let several = words.len() > 1;
    let why = if several { "so none of them can be first" } else { "which waits for it" };
    Refusal {
        address: Some(taker.address.clone()),
        text: format!("{}, {why}: the platform takes a name once", words.join(", ")),
        hint: "take two applies: give one of them a third name in the first, and the one that is meant in the second"
            .to_owned(),
    }
}
