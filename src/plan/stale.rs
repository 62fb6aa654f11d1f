//! Tells whether a saved plan still stands: each object that it touches as it was, each that it refers to the same one.
//! A change elsewhere does not matter (design 3).

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::{Observations, Pin, Plan};
use crate::kind::Address;
use crate::state::model::{Entry, Place, State};

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
    pins
}

fn pin(
    address: &Address,
    touched: bool,
    entries: &BTreeMap<Address, Entry>,
    observations: &Observations,
) -> Pin {
    let observed = observations.managed.get(address);
    let entry = entries.get(address);
    Pin {
        entry: entry.map(|entry| if touched { digest(entry) } else { digest(&(&entry.id, entry.version)) }),
        touched,
        present: observed.is_some(),
        etag: observed.filter(|_| touched).and_then(|o| o.etag.clone()),
        version: observed.and_then(|o| o.version),
        namesakes: observations.namesakes.get(address).into_iter().flatten().map(|o| o.id.clone()).collect(),
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
    if plan.lineage.as_deref() != lineage {
        reasons.push((
            None,
            match (&plan.lineage, lineage) {
                (None, Some(_)) => "it was made without a state, and now there is one".to_owned(),
                (Some(_), None) => "it was made from a state that is not there".to_owned(),
                _ => "it was made from another state (another lineage)".to_owned(),
            },
        ));
        return reasons;
    }
    let empty = BTreeMap::new();
    let entries = state.map_or(&empty, |s| &s.entries);
    for (address, then) in &plan.pins {
        let now = pin(address, then.touched, entries, observations);
        let mut say = |text: String| reasons.push((Some(address.clone()), text));
        if now.entry != then.entry {
            say(match (&then.entry, &now.entry) {
                (None, Some(_)) => "it has been created since".to_owned(),
                (Some(_), None) => "it is no longer in the state".to_owned(),
                _ => "its entry in the state has changed since".to_owned(),
            });
        } else if now.present != then.present {
            say(if now.present { "it has come back since" } else { "it has gone from the platform since" }
                .to_owned());
        } else if now.etag != then.etag || now.version != then.version {
            say(match (&then.etag, &now.etag) {
                (Some(then), Some(now)) => format!("it has changed since: etag {then} then, {now} now"),
                _ => "it has changed since: another version".to_owned(),
            });
        } else if now.namesakes != then.namesakes {
            say("the objects that bear its name are not the same ones".to_owned());
        }
    }
    reasons
}
