//! What is known of each sort of remote object. Pure: no socket, no clock, no file.
//!
//! What is true of all kinds is a layer elsewhere (`plan`, `apply`, `observe`); what is true of one kind is one file here
//! behind the trait [`Spec`]. Between modules travels a [`Body`], never a kind's own type.
//!
//! To add a kind: a variant of [`Kind`] and its arm in [`Kind::spec`] (the only match on it in the crate), one file here,
//! one in `emulator/`, a route there, a folder of tests. Forgetting one does not compile.

mod base_connection;
mod body;
mod closest;
mod code;
mod connection_spec;
mod dataflow;
mod dataset;
mod field_group;
mod fields;
mod flow_service;
mod flow_spec;
mod grammar;
mod identity;
mod mapping;
mod number;
mod parameters;
mod preflight;
mod registry;
mod route;
mod rows;
pub mod run;
mod schema;
mod section;
mod source;
mod specs;
mod status;
mod target;
mod transformations;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use body::{Body, Leaf, SecretSource, leaf, map_leaves, visit_leaves};
pub(crate) use closest::closest;
pub use code::Code;
pub(crate) use dataflow::{REST_STORAGE_TO_AEP, SOON_SECONDS};
pub(crate) use fields::{FIELD, TYPES as FIELD_TYPES};
pub use grammar::{Finding, Key, Severity, Shape};
pub(crate) use number::{is_own_text, is_same_number, read_whole};
pub use preflight::{Answer, Around, Sending};
pub use route::{Route, Turn, follow};
pub use run::{Run, RunError, RunStatus};
pub(crate) use section::{escape as escape_pointer, unescape as unescape_pointer};
pub(crate) use specs::Specs;
pub use status::LastOperation;
pub(crate) use status::word;

use crate::wire::{Call, Etag, Reply};

/// The sorts of objects a pipeline consists of, in the order they are created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A schema's own fields (Schema Registry `/fieldgroups`); made by the section `schema`.
    FieldGroup,
    /// What the data looks like (`/schemas`).
    Schema,
    /// Whose a record is (`/descriptors`); made by the section `schema`.
    Identity,
    /// Where the data is kept (Catalog `/dataSets`).
    Dataset,
    /// Credentials for a source system (Flow Service `/connections`).
    BaseConnection,
    /// What is read from that system (`/sourceConnections`).
    Source,
    /// The dataset written to (`/targetConnections`).
    Target,
    /// Which source field goes where (Data Prep `/mappingSets`).
    Mapping,
    /// What ties the three together and runs on a schedule (`/flows`).
    Dataflow,
}

impl Kind {
    /// Every kind, parents before children.
    pub const ALL: [Self; 9] = [
        Self::FieldGroup,
        Self::Schema,
        Self::Identity,
        Self::Dataset,
        Self::BaseConnection,
        Self::Source,
        Self::Target,
        Self::Mapping,
        Self::Dataflow,
    ];

    /// What is known of it.
    pub fn spec(self) -> &'static dyn Spec {
        match self {
            Self::FieldGroup => &field_group::FieldGroup,
            Self::Schema => &schema::Schema,
            Self::Identity => &identity::Identity,
            Self::Dataset => &dataset::Dataset,
            Self::BaseConnection => &base_connection::BaseConnection,
            Self::Source => &source::Source,
            Self::Target => &target::Target,
            Self::Mapping => &mapping::Mapping,
            Self::Dataflow => &dataflow::Dataflow,
        }
    }

    /// The section's name in a manifest.
    pub fn section(self) -> &'static str {
        self.spec().section()
    }

    /// Those that have a section of their own in a manifest, in the same order.
    pub fn sections() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.spec().part_of().is_none())
    }

    /// The kind of this name in an address: a section's, or a part's of one.
    pub fn from_section(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.section() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.section())
    }
}

/// `pipeline.section`: how a manifest, a plan, the state and a person name one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The pipeline's name.
    pub pipeline: String,
    /// The section.
    pub kind: Kind,
}

impl Address {
    /// The address of a pipeline's section.
    pub fn new(pipeline: impl Into<String>, kind: Kind) -> Self {
        Self { pipeline: pipeline.into(), kind }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.pipeline, self.kind)
    }
}

/// Why a text is not an address.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an address: write PIPELINE.SECTION, e.g. zendesk-users.dataflow")]
pub struct BadAddress(String);

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(text.to_owned());
        let (pipeline, section) = text.rsplit_once('.').ok_or_else(bad)?;
        let kind = Kind::from_section(section).ok_or_else(bad)?;
        if pipeline.is_empty() {
            return Err(bad());
        }
        Ok(Self::new(pipeline, kind))
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A section's way of naming another object: by address, by an existing object's id, or (nothing said) the pipeline's own.
#[derive(Clone, Copy, Debug)]
pub struct ReferenceKey {
    /// Manifest key that takes an address, e.g. `baseConnection`.
    pub by_address: &'static str,
    /// Manifest key that takes the id of an object somebody else owns, e.g. `baseConnectionId`. The same key as the
    /// other one where it takes an object with an `id`.
    pub by_id: &'static str,
    /// What is referred to.
    pub kind: Kind,
    /// Whether the pipeline must have one way or another of resolving it.
    pub required: bool,
}

/// What a reference of a section turned out to be.
#[derive(Clone, Debug)]
pub enum Reference<'a> {
    /// A section of this run's manifest, with its text, for what is inherited from it.
    Section {
        /// Its address.
        address: Address,
        /// Its section as written, defaults not filled in.
        section: &'a Value,
    },
    /// An existing object.
    Id(String),
}

/// What a kind needs to turn a section into the wanted body.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The pipeline.
    pub pipeline: &'a str,
    /// Resolved references, in the order of [`Spec::references`]; `None` where nothing is referred to.
    pub references: Vec<Option<Reference<'a>>>,
}

impl<'a> Context<'a> {
    /// What the first of [`Spec::references`] turned out to be.
    pub fn first(&self) -> Option<&Reference<'a>> {
        self.references.first()?.as_ref()
    }
}

/// How a field of a kind may change, and who it belongs to (platform-api.md 2.5, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Changed in place.
    Patch,
    /// A change makes a new object.
    Replace,
    /// Changed in place; the platform may not show it. Compared when shown, else with what was last sent.
    Shown,
    /// Changed in place until the first start has passed, a new object after it (schedule, platform-api.md 2.6).
    Frozen,
    /// Not a field but a switch: changed by an action (platform-api.md 2.9).
    Switch,
    /// Not on the platform: what the manifest allows, kept in the state and compared with nothing.
    Ours,
}

/// A step of a plan: one intent for one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Unique in its plan: `ADDRESS#verb`.
    pub key: String,
    /// The object.
    pub address: Address,
    /// What to do with it.
    pub intent: Intent,
    /// Keys of the steps that must have succeeded before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Key of the step whose success makes this one needless: it runs only if that one certainly did nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
    /// Addresses that the object refers to, for the state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Address>,
    /// Whether the object shall be protected, for the state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
}

/// What a step means to do, with the observation it was decided on. Bodies hold leaves ([`Leaf`]) where a value is
/// not known yet or is secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Intent {
    /// Make a new object.
    Create {
        /// The wanted body.
        body: Body,
        /// Ids of objects that bore the same name when this was decided: none of them is ours.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        namesakes: Vec<String>,
        /// The object that this one takes the place of; it is deleted by a later step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<String>,
    },
    /// Change an object in place.
    Update {
        /// Which.
        id: String,
        /// The version that was observed and compared; none for kinds without etags.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        etag: Option<Etag>,
        /// The version number that was observed; none for kinds with etags.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "read_whole")]
        version: Option<u64>,
        /// What was observed.
        before: Body,
        /// What it shall be: the wanted body.
        after: Body,
        /// The differing paths (JSON Pointers into the bodies).
        paths: Vec<String>,
        /// Where the object keeps what the paths name, when that is not where the body has it (array indexes found at
        /// observation), as the kind itself noted it.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        places: Value,
    },
    /// Switch a running object on or off.
    Switch {
        /// Which; absent for the object that a step before this one creates.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The version that was observed.
        etag: Option<Etag>,
        /// On or off.
        on: bool,
        /// What was observed.
        before: Body,
    },
    /// Delete.
    Delete {
        /// Which.
        id: String,
        /// The version that was observed.
        etag: Option<Etag>,
        /// The version number that was observed; none for kinds with etags.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "read_whole")]
        version: Option<u64>,
        /// What was observed.
        before: Body,
        /// Whether the platform asked for the etag; no document has it do so (platform-api.md 8).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        conditional: bool,
    },
    /// Take an existing object under management; sends nothing.
    Adopt {
        /// Which.
        id: String,
        /// The wanted body.
        body: Body,
        /// The version number that was observed; none for kinds with etags.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "read_whole")]
        version: Option<u64>,
        /// Whether its own secrets stay, and are taken for the wanted ones.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keeps_secrets: bool,
    },
    /// Drop an object from the state, because it is gone or is to be left; sends nothing.
    Forget {
        /// Which.
        id: String,
    },
}

/// An object as the platform has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Its id.
    pub id: String,
    /// Its version tag, where the kind has one.
    pub etag: Option<Etag>,
    /// Its number, where the kind counts versions (mapping sets).
    pub version: Option<u64>,
    /// Its canonical body: what of it can be compared with a wanted body.
    pub body: Body,
    /// Its lifecycle state, an open set of words; empty when not said.
    pub state: String,
    /// How the platform's last operation on it stands.
    pub operation: LastOperation,
    /// Where things are in it that patches must address by position (see [`Intent::Update`]).
    pub places: Value,
    /// Epoch milliseconds of its creation, if said.
    pub created_at: Option<i64>,
    /// The client that created it, if said.
    pub created_by_client: Option<String>,
}

impl Observed {
    /// Whether the platform is taking it away: `delete-finalizing` and its like count as gone (platform-api.md 2.9).
    pub fn is_going(&self) -> bool {
        word(&self.state).starts_with("delet")
    }

    /// Whether an asynchronous change of it is under way: `updating`, `enabled-finalizing` and their like (platform-api.md
    /// 2.9).
    pub fn is_busy(&self) -> bool {
        let state = word(&self.state);
        state.ends_with("ing") || state == "inprogress"
    }
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was done. `id` is set by a create.
    Done {
        /// The new object's id.
        id: Option<String>,
        /// The object's new etag, if said.
        etag: Option<Etag>,
        /// The object's new version number, if said.
        version: Option<u64>,
    },
    /// There is no such object, or none that this caller may see (platform-api.md 1.6).
    Absent,
    /// The object changed since it was observed.
    Conflict,
    /// The object's state does not allow it now; it may in a moment.
    NotYet,
    /// It may have been done or not: the object has to be read.
    Unclear,
    /// It wants the precondition that was left out.
    WantsEtag,
    /// The platform does not delete this object; it stays where it is, and that is no failure.
    LeftInPlace,
    /// Refused for good.
    Refused,
}

/// Longer ids and etags are none: the state would not keep them.
const LONGEST_ID: usize = 1024;

/// An id from an answer, if it is one that a path can name: an empty one would name the collection, `..` its parent.
pub(crate) fn usable_id(text: &str) -> Option<String> {
    let usable = (1..=LONGEST_ID).contains(&text.len())
        && !matches!(text, "." | "..")
        && !text.chars().any(char::is_control);
    usable.then(|| text.to_owned())
}

/// How one member of a list that a kind owns is shown.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What a member's name stands for: `destination`.
    pub label: &'static str,
    /// The field that says what the member is made from.
    pub main: &'static str,
    /// Fields with the values that go without saying.
    pub implied: &'static [(&'static str, &'static str)],
}

/// A field that an action changes ([`Rule::Switch`]).
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// The body's member, true or false.
    pub member: &'static str,
    /// What it is after a create.
    pub initial: bool,
    /// What a plan says that switches it on where there is no way back.
    pub one_way: Option<&'static str>,
}

/// What goes with an object that is deleted.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// In words, after the reason of the deletion.
    pub what: &'static str,
    /// Whether the manifest allowed it.
    pub allowed: bool,
    /// How it is allowed.
    pub allow: &'static str,
    /// Pointer into the body of the field that allows it.
    pub path: &'static str,
}

/// How the platform lists a kind, and finds some of it (platform-api.md 2.3, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// `property=` filters with any-of values, `continuationToken` paging, `count=true`.
    FlowService,
    /// `start` and `limit`, `name` filter; no filter by id.
    Offset,
    /// `orderby`, `start` and `limit`; no filter to rely on (platform-api.md 5.4).
    Registry,
    /// All at once, by type (Adobe's "Descriptors endpoint").
    Descriptors,
    /// Objects keyed by id: several ids in one path, a `name` filter (platform-api.md 4.1).
    Catalog,
}

/// What one kind knows. Everything here is a pure function.
pub trait Spec: Sync {
    /// The section's name in a manifest.
    fn section(&self) -> &'static str;
    /// What a person calls it: "base connection".
    fn title(&self) -> &'static str;
    /// The kind of whose section this one is a part: it has none of its own, and its objects come of the other's.
    fn part_of(&self) -> Option<Kind> {
        None
    }
    /// Whether a section of [`Spec::part_of`] makes such a part.
    fn is_part(&self, _section: &Value) -> bool {
        false
    }
    /// What a manifest section may hold.
    fn grammar(&self) -> &'static [Key];
    /// The other objects it refers to.
    fn references(&self) -> &'static [ReferenceKey] {
        &[]
    }
    /// What is wrong with a section beyond its grammar; the pointer of a finding is relative to the section.
    fn check(&self, section: &Value, context: &Context<'_>) -> Vec<Finding>;
    /// The wanted body of a section that passed [`Spec::check`]: defaults filled in, references and secrets as leaves.
    fn desired(&self, section: &Value, context: &Context<'_>) -> Body;
    /// The name by which the platform is asked for the object of a body; `None` where that is not known yet.
    fn name(&self, body: &Body) -> Option<String> {
        body.get("name").and_then(Value::as_str).map(str::to_owned)
    }
    /// The field that is switched and not changed; `None` where there is none.
    fn switch(&self) -> Option<Switch> {
        None
    }
    /// Whether [`Spec::settle`] has a use for the tenant's namespace.
    fn needs_namespace(&self, _body: &Body) -> bool {
        false
    }
    /// The wanted body with what came to be known filled in: the ids in place of leaves, which stand in it already, and
    /// the tenant's namespace.
    fn settle(&self, body: Body, _namespace: Option<&str>) -> Body {
        body
    }
    /// By which ways a section may say the field at this pointer of a body, the one to take for a new value first; none
    /// for a field that no section says. What [`Spec::desired`] does, the other way round.
    fn written(&self, pointer: &str) -> Vec<Route> {
        vec![route::keys(route::names(pointer))]
    }
    /// What a section says there for the value that a body has at this pointer: most often the same.
    fn said(&self, _pointer: &str, value: &Value, _body: &Body) -> Value {
        value.clone()
    }
    /// What of a wanted body, before [`Spec::settle`], would fall into one when the tenant's namespace is filled in. The
    /// pointers lead into the body.
    fn collisions(&self, _body: &Body, _namespace: &str) -> Vec<Finding> {
        Vec::new()
    }
    /// What of a wanted body is below another tenant's namespace, in words; `None` where nothing is.
    fn strays(&self, _body: &Body, _namespace: &str) -> Option<String> {
        None
    }
    /// The rule of the field at this pointer of a body, for a change between these values.
    fn rule(&self, pointer: &str, from: Option<&Value>, to: Option<&Value>) -> Rule;
    /// Pointers below which everything on the platform is ours: a member that the manifest does not have is drift.
    fn owned(&self) -> &'static [&'static str] {
        &[]
    }
    /// Whether only a person can have put this value at a pointer of what the platform has: then it is drift where the
    /// manifest does not have it. Everything else that the manifest does not say is the platform's own.
    fn is_by_hand(&self, pointer: &str, _value: &Value) -> bool {
        self.owned().iter().any(|o| pointer.strip_prefix(o).is_some_and(|rest| rest.starts_with('/')))
    }
    /// How the members below [`Spec::owned`] are shown, one per line.
    fn row(&self) -> Row {
        Row { label: "", main: "", implied: &[] }
    }
    /// Whether the object's first start lies behind `now` (epoch seconds), so that [`Rule::Frozen`] fields are frozen.
    fn started(&self, _body: &Body, _now: i64) -> bool {
        false
    }
    /// Why the field at this pointer cannot become what is desired, not even by a replacement; `None` where it can.
    fn forbids(&self, _pointer: &str, _observed: &Body, _desired: &Body) -> Option<String> {
        None
    }
    /// What a plan says that takes an object from what is observed, if it is there, to what is desired, where that has no
    /// way back ([`Switch::one_way`] says it of a switch).
    fn one_way(&self, _observed: Option<&Body>, _desired: &Body) -> Option<&'static str> {
        None
    }
    /// Why an object that is like this on the platform can never be deleted, nor what belongs to it; `None` where it can.
    fn stays(&self, _observed: &Body) -> Option<&'static str> {
        None
    }
    /// What is lost when the object that was last sent like this is deleted; `None` where it can be made again.
    fn loss(&self, _applied: &Body) -> Option<Loss> {
        None
    }
    /// Whether the platform refuses a second object of a name.
    fn unique_names(&self) -> bool {
        false
    }
    /// The other kinds whose objects cannot have a name that one of this kind has.
    fn shares_names_with(&self) -> &'static [Kind] {
        &[]
    }
    /// Whether a change carries the observed etag, so that the platform refuses it when the object is another.
    fn is_conditional(&self) -> bool {
        true
    }

    /// Path of the list of runs of such objects, from the gateway's root; none for a kind that does not run.
    fn runs(&self) -> Option<&'static str> {
        None
    }
    /// When an object with this body that is on runs next after `now`, both in epoch seconds; `None` if it does not, or if
    /// its body does not tell.
    fn next_run(&self, _body: &Body, _now: i64) -> Option<i64> {
        None
    }

    /// Path of the collection, from the gateway's root.
    fn collection(&self) -> &'static str;
    /// How it is listed.
    fn listing(&self) -> Listing {
        Listing::FlowService
    }
    /// An object as found in a list or a lookup.
    fn observed(&self, remote: &Value) -> Option<Observed>;
    /// The read of one object; `version` is the one last known.
    fn read(&self, id: &str, version: Option<u64>) -> Call;
    /// The read of what refers to an object without the platform minding its deletion; none where the platform minds.
    fn referrers(&self, _id: &str) -> Option<(Kind, Call)> {
        None
    }
    /// The read of what says which secrets an object of this body can have; none for a kind without secrets.
    fn secrets_told_by(&self, _body: &Body) -> Option<Call> {
        None
    }
    /// Pointers into the body of the secrets that an object has and the platform does not show: by the object as it was
    /// read, and by the answer to [`Spec::secrets_told_by`].
    fn secrets(&self, _remote: &Value, _told: &Value) -> Vec<String> {
        Vec::new()
    }
    /// The reads that tell, before anything is written, whether the platform would take what is sent.
    fn questions(&self, _sending: &Sending<'_>) -> Vec<Call> {
        Vec::new()
    }
    /// What the answers to [`Spec::questions`], in the same order, say against it; pointers lead into the wanted body.
    fn objections(&self, _sending: &Sending<'_>, _answers: &[&Answer]) -> Vec<Finding> {
        Vec::new()
    }
    /// The platform's own test of an object that an intent has made or changed; none where there is nothing to test.
    fn test(&self, _intent: &Intent, _id: &str) -> Option<Call> {
        None
    }
    /// Whether an answer to [`Spec::test`] says that the object is of no use.
    fn fails(&self, _answer: &Value) -> bool {
        false
    }
    /// The requests that carry an intent out, in order; every leaf of the bodies is already filled in.
    fn calls(&self, intent: &Intent) -> Vec<Call>;
    /// What the answer to one of those requests means.
    fn outcome(&self, intent: &Intent, reply: &Reply) -> Outcome;
}

/// Whether a manifest value is a reference to a secret.
pub fn is_secret_reference(value: &Value) -> bool {
    value.as_object().is_some_and(|o| {
        o.len() == 1 && o.keys().all(|k| matches!(k.as_str(), "fromEnv" | "fromFile" | "fromCommand"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_round_trip() {
        for kind in Kind::ALL {
            let address = Address::new("a.b-c", kind);
            assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        }
        for bad in ["", ".dataflow", "x", "x.flow", "x."] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
