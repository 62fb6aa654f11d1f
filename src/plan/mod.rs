//! What to do: three pictures in, ordered operations out. Pure: no clock, no network, no file.
//!
//! `moves` gives entries the manifest's addresses, `diff` compares one object, [`import`] takes one over by its id, [`build()`] decides its operation and the steps of it, `order` links the steps,
//! `guard` refuses a plan as a whole, [`check`] holds it against what a person does not want, [`preflight`] against what the platform knows, `select` narrows it, [`saved`] is its text, [`stale`] tells whether that still stands.

mod applied;
mod build;
pub mod check;
mod diff;
mod guard;
pub mod import;
mod moves;
mod order;
pub mod preflight;
mod rename;
mod same;
pub mod saved;
mod select;
mod selectors;
pub mod stale;
mod titles;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::kind::{Address, Body, Kind, Leaf, Observed, SecretSource, Step, map_leaves};
use crate::manifest::Manifest;
use crate::state::model::{Entry, Place, State};
use crate::wire::Etag;

pub(crate) use applied::{as_applied, put, with_own_secrets, without_secrets};
pub use build::build;
pub use diff::{Cause, FieldChange};
pub(crate) use diff::{differences, fields, is_hidden};
pub(crate) use guard::{losses, protection};
pub(crate) use moves::moving;
pub use moves::{as_moved, as_planned};
pub(crate) use same::{echoes, field_of, is_empty_object, respelled, same};
pub use select::{Selection, Selector};

/// Version of the plan's JSON. A reader refuses any other.
pub const FORMAT_VERSION: u32 = 1;

/// Everything a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// What is wanted; only looked at by [`Mode::Normal`].
    pub manifest: &'a Manifest,
    /// Where.
    pub place: &'a Place,
    /// What we did; `None` before the first apply.
    pub state: Option<&'a State>,
    /// What the platform has.
    pub observations: &'a Observations,
    /// Fingerprints of the secrets that could be resolved.
    pub fingerprints: &'a BTreeMap<SecretSource, String>,
    /// What the person asked for.
    pub options: &'a Options,
    /// Epoch seconds, for schedules.
    pub now: i64,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// To make the platform what the manifest says.
    #[default]
    Normal,
    /// To take everything down.
    Destroy,
    /// To tell what the platform has otherwise than we left it, and to take that into the state. Sends nothing.
    RefreshOnly,
}

/// What a person can ask of a plan.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the plan is for.
    pub mode: Mode,
    /// Which addresses to look at.
    pub selection: Selection,
    /// Addresses to replace though nothing forces it.
    pub replace: Vec<Address>,
    /// Addresses that may take over an existing object of the same name.
    pub adopt: Vec<Selector>,
    /// Addresses that may be created beside an existing object of the same name.
    pub create_beside: Vec<Selector>,
    /// Addresses whose secrets are sent though they seem unchanged.
    pub send_secrets: Vec<Selector>,
    /// The exact number of deletions that the person allows.
    pub allow_deletes: Option<usize>,
}

/// What the platform was found to have.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    /// Managed objects by address; an address that was looked for and is absent is not there.
    pub managed: BTreeMap<Address, Observed>,
    /// Objects that others took the place of and that are still there, by id.
    pub leftovers: BTreeMap<String, Observed>,
    /// Unmanaged objects that bear the name of one to be created.
    pub namesakes: BTreeMap<Address, Vec<Observed>>,
    /// Ids of unmanaged objects of another kind that hold such a name where it is unique across kinds.
    pub namesakes_elsewhere: BTreeMap<Address, Vec<String>>,
    /// The tenant's namespace, with its underscore; `None` when nobody asked.
    pub namespace: Option<String>,
    /// Objects that addresses are to take over by their ids.
    pub imports: BTreeMap<Address, Observed>,
    /// What such an id is where it is not of its address's kind.
    pub strays: BTreeMap<String, Kind>,
}

/// What is to be done, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// What it is for.
    pub mode: Mode,
    /// Whether only some addresses were looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Where it is to be applied.
    pub place: Place,
    /// The state it was made from; `None` when there was none.
    pub lineage: Option<String>,
    /// What the state is to have under another address; nothing is sent for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Move>,
    /// In the order a person reads them: by pipeline, parents first; deletions last, children first.
    pub operations: Vec<Operation>,
    /// What the platform has otherwise than we left it.
    pub drift: Vec<Drift>,
    /// How many objects are as wanted.
    pub unchanged: usize,
    /// What a reviewer must see though it may be applied: what arms a destruction, or has no way back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// What guards an object from now on; as visible as a warning, and no reason to worry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Warning>,
    /// What this plan makes anew though it is there under another address; see [`Plan::moved_block`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renames: Vec<Move>,
    /// YAML for the manifest that makes moves of the renames; empty when there are none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub moved_block: String,
    /// What to know besides.
    pub notes: Vec<Note>,
    /// Why the plan must not be applied; empty when it may.
    pub refusals: Vec<Refusal>,
    /// What the plan stands on.
    pub pins: BTreeMap<Address, Pin>,
    /// Entries to be recorded without any request (an object found to be as wanted already, protection set or lifted).
    pub records: BTreeMap<Address, Entry>,
}

impl Plan {
    /// Whether applying would do nothing but renew entries of the state.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty() && self.moves.is_empty()
    }

    /// Whether applying would do anything, be it to the state alone.
    pub fn has_work(&self) -> bool {
        !(self.is_empty() && self.records.is_empty())
    }

    /// Whether anything says of an object that is not touched otherwise what guards it, or does so no more.
    pub fn has_guard_changes(&self) -> bool {
        self.guarded().next().is_some()
    }

    /// Whether a warning tells of a rename, which [`Plan::moved_block`] undoes.
    pub fn is_about_rename(&self, warning: &Warning) -> bool {
        warning.path.is_none() && self.renames.iter().any(|m| Some(&m.to) == warning.address.as_ref())
    }

    /// The objects of which nothing changes but what guards them.
    pub fn guarded(&self) -> impl Iterator<Item = &Address> {
        let told = |address: &Address| {
            self.warnings.iter().chain(&self.notices).any(|w| w.address.as_ref() == Some(address))
        };
        let touched = |address: &Address| self.operations.iter().any(|o| o.address == *address);
        self.records.keys().filter(move |address| told(address) && !touched(address))
    }

    /// SHA-256 over the canonical plan, in hex: equal plans have equal fingerprints, wherever they were made. Whether the
    /// secrets were at hand makes no difference, as long as they are not what changes; nor does how many other objects
    /// there are, or whether they were looked at, so that an unrelated apply does not spoil a reviewed plan.
    pub fn fingerprint(&self) -> String {
        let mut plan =
            Self { notes: Vec::new(), unchanged: 0, partial: false, lineage: None, ..self.clone() };
        // Said of what stands in the plan already.
        plan.warnings.clear();
        plan.notices.clear();
        plan.renames.clear();
        plan.moved_block.clear();
        let plan = serde_json::to_value(&plan).unwrap_or_default();
        let plan = map_leaves(&plan, &mut |leaf| match leaf {
            Leaf::Secret { source, .. } => {
                Some(Leaf::Secret { source: source.clone(), fingerprint: None }.to_value())
            }
            Leaf::Id(_) | Leaf::Version(_) | Leaf::Soon(_) => None,
        });
        let text = plan.to_string();
        Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
            use std::fmt::Write;
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// How many operations of each action there are.
    pub fn counts(&self) -> BTreeMap<Action, usize> {
        let mut counts = BTreeMap::new();
        for operation in &self.operations {
            *counts.entry(operation.action).or_default() += 1;
        }
        counts
    }

    /// Every step, in the operations' order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.operations.iter().flat_map(|o| &o.steps)
    }
}

/// An object under another address: the same one, with all that the state knows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Move {
    /// What it was.
    pub from: Address,
    /// What it is to be.
    pub to: Address,
}

/// What happens to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Action {
    Create,
    Adopt,
    Update,
    Replace,
    Delete,
    Forget,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 6] =
        [Self::Create, Self::Adopt, Self::Update, Self::Replace, Self::Delete, Self::Forget];

    /// The word for it, in every format and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Forget => "forget",
        }
    }
}

/// One object's part of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// Whose.
    pub address: Address,
    /// What.
    pub action: Action,
    /// Why, in words.
    pub reason: String,
    /// The existing object's id; absent for a create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The wanted body; absent for deletions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// Fields that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
    /// How many compared fields stay.
    pub unchanged: usize,
    /// What carries it out.
    pub steps: Vec<Step>,
}

impl Operation {
    /// Whether it clears away what an earlier replacement has left, and not the address's own object.
    pub fn is_leftover(&self) -> bool {
        matches!(self.action, Action::Delete | Action::Forget)
            && self.id.as_deref().is_some_and(|id| {
                let key = order::key(&self.address, &leftover_verb(id));
                self.steps.iter().any(|step| step.key == key)
            })
    }
}

/// The verb of the step that clears a left-over away.
fn leftover_verb(id: &str) -> String {
    format!("delete-{id}")
}

/// How an object differs from how we left it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drift {
    /// Whose.
    pub address: Address,
    /// Its id.
    pub id: String,
    /// Whether it is gone, or not visible to us (platform-api.md 1.6: a 404 does not tell).
    pub gone: bool,
    /// The fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

/// Something to know about a plan that does not stop it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Note {
    /// Whose, if somebody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// In words.
    pub text: String,
}

/// Something about a plan that a reviewer must not overlook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Warning {
    /// Whose, if somebody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Where its section says so: a JSON Pointer into its body, if it is about a single field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// In words.
    pub text: String,
}

/// Why a plan must not be applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refusal {
    /// Whose, if somebody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// What is wrong.
    pub text: String,
    /// What to do.
    pub hint: String,
}

/// What a plan stands on, for one object that it touches or refers to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pin {
    /// The state's entry as a digest; for an object only referred to, of its id and version alone; absent without entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Whether the plan changes the object, or only refers to it.
    pub touched: bool,
    /// Whether the object was there.
    pub present: bool,
    /// Its etag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<Etag>,
    /// Its version number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Ids of unmanaged objects of the same name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namesakes: Vec<String>,
    /// The id by which an object was found that is to be taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<String>,
}
