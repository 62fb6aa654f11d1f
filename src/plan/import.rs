//! Taking over an object that is named by its id: whether it may be, and what the state then says of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::applied::put;
use super::diff::{self, fields};
use super::same::respelled;
use super::{Observations, Refusal};
use crate::kind::{Address, Body, Kind, Leaf, Observed, Rule, leaf};
use crate::manifest::Section;
use crate::state::model::Entry;

/// The object that an address is to take over.
///
/// Errors: why it cannot be.
pub fn find<'a>(
    address: &Address,
    id: &str,
    entries: &BTreeMap<Address, Entry>,
    observations: &'a Observations,
) -> Result<&'a Observed, Refusal> {
    let refuse = |text: String, hint: String| Refusal { address: Some(address.clone()), text, hint };
    if let Some(entry) = entries.get(address) {
        return Err(refuse(
            format!("it is {} already, and cannot be {id} too", entry.id),
            format!("take the import out, or let go of the present one first: `flowform state rm {address}`"),
        ));
    }
    for (other, entry) in entries.iter().filter(|(other, _)| other.kind == address.kind) {
        if entry.id == id {
            return Err(refuse(
                format!("{id} is managed as {other} already"),
                format!(
                    "if that is to become {address}, say so with `moved`, or `flowform state mv {other} {address}`"
                ),
            ));
        }
        if entry.replaced.iter().any(|left| left == id) {
            return Err(refuse(
                format!("{id} is what {other} took the place of, and is to be deleted"),
                "import the object that is there instead".to_owned(),
            ));
        }
    }
    let title = address.kind.spec().title();
    match observations.imports.get(address) {
        Some(observed) if observed.id == id && !observed.is_going() => Ok(observed),
        Some(_) => Err(refuse(
            format!("the {title} {id} is being deleted"),
            "take the import out, so that another one is made".to_owned(),
        )),
        None => Err(match observations.strays.get(id) {
            Some(kind) => refuse(
                format!("{id} is a {}, not a {title}", kind.spec().title()),
                format!("import it into the section `{kind}`, or give the id of a {title}"),
            ),
            None => refuse(
                format!("the sandbox has no {title} {id}, or none that is visible to this credential"),
                "look at the id and the sandbox; `flowform export` finds what there is".to_owned(),
            ),
        }),
    }
}

/// The entry of an object that is taken over as it is: of what the section says, what the object has. What then differs
/// from the section is for the next plan to bring about; a secret is one that somebody else has set.
pub fn entry(section: &Section, observed: &Observed) -> Entry {
    let kind = section.address.kind;
    let observed = diff::conceal(observed, [Some(&section.body), None]);
    Entry {
        id: observed.id.clone(),
        etag: observed.etag.clone(),
        version: observed.version,
        applied: as_found(kind, &section.body, &observed.body),
        depends_on: section.depends_on.clone(),
        protect: section.protect,
        replaced: Vec::new(),
    }
}

/// Paths in which an object that is taken over would be changed, to have what a wanted body says.
pub fn differences(kind: Kind, desired: &Body, observed: &Observed) -> Vec<String> {
    let observed = diff::conceal(observed, [Some(desired), None]);
    let mut difference = diff::compare(kind, desired, None, &observed.body, true);
    difference.keep_secrets();
    difference.changes.into_iter().map(|change| change.path).collect()
}

/// What an object has in the fields that a body says, and what a person has added to it.
fn as_found(kind: Kind, desired: &Body, observed: &Body) -> Body {
    let spec = kind.spec();
    let seen = fields(observed, &|_| true);
    let mut found = Value::Object(serde_json::Map::new());
    for (path, wanted) in fields(desired, &|_| true) {
        let value = match (leaf(&wanted), seen.get(&path)) {
            (Some(Leaf::Secret { .. }), _) => {
                Some(Leaf::Secret { source: None, fingerprint: None }.to_value())
            }
            (Some(Leaf::Soon(_)), _) => None,
            (_, Some(value)) => Some(respelled(Some(&wanted), value)),
            // Not shown where the platform shows only some of it: nothing can be said against it.
            (None, None) if matches!(spec.rule(&path, None, Some(&wanted)), Rule::Shown | Rule::Switch) => {
                Some(wanted)
            }
            (_, None) => None,
        };
        if let Some(value) = value {
            put(&mut found, &path, Some(value));
        }
    }
    for (path, value) in seen.iter().filter(|(path, value)| spec.is_by_hand(path, value)) {
        put(&mut found, path, Some(value.clone()));
    }
    found
}
