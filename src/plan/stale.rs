//! Tells whether a saved plan still stands: each object that it touches as it was, each that it refers to the same one.
//! A change elsewhere does not matter (design 3).

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::{Observations, Pin, Plan, differences, moves};
use crate::kind::{Address, Body, Intent, Leaf, visit_leaves};
use crate::state::model::{Entry, Place, State};
use crate::wire::Etag;

/// What a plan stands on.
pub(super) fn pins(
    plan: &Plan,
    entries: &BTreeMap<Address, Entry>,
    observations: &Observations,
    depends_on: &BTreeMap<Address, BTreeSet<Address>>,
) -> BTreeMap<Address, Pin> {
    let mut pins = BTreeMap::new();
    let touched: BTreeSet<&Address> =
        plan.operations.iter().map(|o| &o.address).chain(plan.records.keys()).collect();
    for address in &touched {
        for parent in depends_on.get(*address).into_iter().flatten() {
            pins.entry(parent.clone()).or_insert_with(|| pin(parent, false, entries, observations));
        }
    }
    for address in touched {
        pins.insert(address.clone(), pin(address, true, entries, observations));
    }
    for moved in &plan.moves {
        pins.entry(moved.to.clone()).or_insert_with(|| pin(&moved.to, false, entries, observations));
    }
    pins
}

fn pin(
    address: &Address,
    touched: bool,
    entries: &BTreeMap<Address, Entry>,
    observations: &Observations,
) -> Pin {
    let imported = observations.imports.get(address);
    let observed = observations.managed.get(address).or(imported);
    let entry = entries.get(address);
    Pin {
        entry: entry.map(|entry| if touched { digest(entry) } else { digest(&(&entry.id, entry.version)) }),
        touched,
        present: observed.is_some(),
        etag: observed.filter(|_| touched).and_then(|o| o.etag.clone()),
        version: observed.and_then(|o| o.version),
        namesakes: observations
            .namesakes
            .get(address)
            .into_iter()
            .flatten()
            .map(|o| &o.id)
            .chain(observations.namesakes_elsewhere.get(address).into_iter().flatten())
            .cloned()
            .collect(),
        imported: imported.map(|o| o.id.clone()),
    }
}

fn digest(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    Sha256::digest(text.as_bytes()).iter().take(16).fold(String::new(), |mut hex, byte| {
        use std::fmt::Write;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Why a saved plan no longer stands, each with the address it concerns; empty when it does.
pub fn reasons(
    plan: &Plan,
    place: &Place,
    state: Option<&State>,
    observations: &Observations,
) -> Vec<(Option<Address>, String)> {
    let mut reasons = Vec::new();
    if plan.place != *place {
        for (what, planned, here) in [
            ("gateway", &plan.place.gateway, &place.gateway),
            ("org", &plan.place.org, &place.org),
            ("sandbox", &plan.place.sandbox, &place.sandbox),
        ] {
            if planned != here {
                reasons.push((None, format!("it was made for the {what} {planned}, and this is {here}")));
            }
        }
        return reasons;
    }
    let lineage = state.map(|s| s.lineage.as_str());
    // A plan that was made before there was a state stands on nothing but what its pins say.
    if plan.lineage.is_some() && plan.lineage.as_deref() != lineage {
        let why = match lineage {
            None => "it was made from a state that is not there",
            Some(_) => "it was made from another state (another lineage)",
        };
        reasons.push((None, why.to_owned()));
        return reasons;
    }
    let empty = BTreeMap::new();
    let entries = state.map_or(&empty, |s| &s.entries);
    let made = moves::made(&plan.moves, entries);
    let entries = match &made {
        Ok(made) => made,
        Err(blocked) => {
            reasons.push((None, format!("its moves can no longer be made: {blocked}")));
            return reasons;
        }
    };
    reasons.extend(uncovered(plan, entries));
    for (address, then) in &plan.pins {
        let taken = |(other, entry): &(&Address, &Entry)| {
            *other != address && other.kind == address.kind && then.imported.as_ref() == Some(&entry.id)
        };
        if let Some((other, _)) = entries.iter().find(taken) {
            reasons.push((
                Some(address.clone()),
                format!("the object that it takes over is managed as {other} since"),
            ));
            continue;
        }
        let now = pin(address, then.touched, entries, observations);
        let mut say = |text: String| reasons.push((Some(address.clone()), text));
        if now.entry != then.entry {
            say(match (&then.entry, &now.entry) {
                (None, Some(_)) => "it has been created since".to_owned(),
                (Some(_), None) => "it is no longer in the state".to_owned(),
                _ => {
                    format!(
                        "another apply has changed its entry in the state since{}",
                        moved(plan, address, observations)
                    )
                }
            });
        } else if now.present != then.present {
            say(if now.present { "it has come back since" } else { "it has gone from the platform since" }
                .to_owned());
        } else if now.etag != then.etag || now.version != then.version {
            say(match (&then.etag, &now.etag) {
                (Some(then), Some(now)) => format!(
                    "it has changed since{}: etag {then} then, {now} now",
                    moved(plan, address, observations)
                ),
                _ => format!("it has changed since{}: another version", moved(plan, address, observations)),
            });
        } else if now.namesakes != then.namesakes {
            say("the objects that bear its name are not the same ones".to_owned());
        }
    }
    reasons
}

/// The fields in which an object is not as the plan saw it. Their names alone: a platform may show a secret.
fn moved(plan: &Plan, address: &Address, observations: &Observations) -> String {
    let Some(now) = observations.managed.get(address) else { return String::new() };
    let seen = plan.steps().filter(|step| step.address == *address).find_map(|step| match &step.intent {
        Intent::Update { before, .. }
        | Intent::Delete { before, .. }
        | Intent::Switch { id: Some(_), before, .. } => Some(before),
        _ => None,
    });
    let paths = seen.map(|before| differences(address.kind, before, &now.body)).unwrap_or_default();
    if paths.is_empty() { String::new() } else { format!(" ({})", paths.join(", ")) }
}

/// What of a plan goes beyond what it stands on. Nothing does in a plan as it was made; a file can hold anything, and its
/// fingerprint is no seal, since whoever edits the one can compute the other.
fn uncovered(plan: &Plan, entries: &BTreeMap<Address, Entry>) -> Vec<(Option<Address>, String)> {
    let mut reasons = Vec::new();
    let mut say = |address: &Address, what: &str| {
        reasons.push((Some(address.clone()), format!("{what}: the file was not made by `flowform plan`")));
    };
    for operation in &plan.operations {
        let address = &operation.address;
        let Some(pin) = plan.pins.get(address).filter(|pin| pin.touched) else {
            say(address, "the plan changes it and does not say what it was");
            continue;
        };
        let known = Known { pin, entry: entries.get(address) };
        let intents = || operation.steps.iter().map(|step| &step.intent);
        let adopted =
            |id: &str| intents().any(|i| matches!(i, Intent::Adopt { id: taken, .. } if taken == id));
        for step in &operation.steps {
            let parents_pinned = |body: &Body| {
                let mut pinned = true;
                visit_leaves(body, &mut |leaf| {
                    if let Leaf::Id(parent) | Leaf::Version(parent) = leaf {
                        pinned &= plan.pins.contains_key(parent);
                    }
                });
                pinned
            };
            let covered = match &step.intent {
                Intent::Create { body, replaces, .. } => {
                    replaces.as_ref().is_none_or(|id| known.manages(id)) && parents_pinned(body)
                }
                Intent::Update { id, etag, after, .. } => {
                    (adopted(id) || known.is_as_observed(id, etag.as_ref())) && parents_pinned(after)
                }
                Intent::Switch { id: Some(id), etag, .. } => {
                    adopted(id) || known.is_as_observed(id, etag.as_ref())
                }
                Intent::Switch { id: None, .. } => intents().any(|i| matches!(i, Intent::Create { .. })),
                Intent::Delete { id, etag, .. } => {
                    known.is_as_observed(id, etag.as_ref()) || known.is_left_over(id)
                }
                Intent::Adopt { id, body, .. } => {
                    (pin.namesakes.contains(id) || pin.imported.as_ref() == Some(id)) && parents_pinned(body)
                }
                Intent::Forget { id } => known.manages(id) || known.is_left_over(id),
            };
            if step.address != *address || !covered {
                say(address, &format!("its step {} goes beyond what the plan stands on", step.key));
            }
        }
    }
    for (address, record) in &plan.records {
        let pinned = plan.pins.get(address).is_some_and(|pin| pin.touched);
        if !pinned || entries.get(address).is_none_or(|entry| entry.id != record.id) {
            say(address, "the plan records another object for it");
        }
    }
    reasons
}

/// What a plan and the state say of an object that the plan touches.
struct Known<'a> {
    pin: &'a Pin,
    entry: Option<&'a Entry>,
}

impl Known<'_> {
    /// Whether the id is that of the managed object.
    fn manages(&self, id: &str) -> bool {
        self.entry.is_some_and(|entry| entry.id == id)
    }

    /// The same, in the version that the plan was made on.
    fn is_as_observed(&self, id: &str, etag: Option<&Etag>) -> bool {
        self.manages(id) && etag == self.pin.etag.as_ref()
    }

    /// Whether the id is that of an object that the managed one took the place of.
    fn is_left_over(&self, id: &str) -> bool {
        self.entry.is_some_and(|entry| entry.replaced.iter().any(|left| left == id))
    }
}
