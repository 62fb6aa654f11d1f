//! What is managed as JSON: all of it in short, or one object with all that is recorded of it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{FORMAT_VERSION, to_value};
use crate::kind::Address;
use crate::state::model::{Entry, InFlight, State};

/// What is managed, as `flowform state list --format json` prints it. A new field may come at any time; a changed or dropped
/// one raises `formatVersion`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "flowform state list")]
pub(super) struct ListDocument<'s> {
    /// 1.
    format_version: u32,
    place: PlaceDocument<'s>,
    /// An apply that has not ended; null where there is none.
    in_flight: Option<InFlightDocument<'s>>,
    /// By address.
    objects: Vec<ObjectDocument<'s>>,
}

/// One managed object, as `flowform state show --format json` prints it. A new field may come at any time; a changed or
/// dropped one raises `formatVersion`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "flowform state show")]
pub(super) struct EntryDocument<'s> {
    /// 1.
    format_version: u32,
    place: PlaceDocument<'s>,
    /// An apply that has not ended; null where there is none.
    in_flight: Option<InFlightDocument<'s>>,
    #[serde(flatten)]
    object: ObjectDocument<'s>,
    /// Its etag after the last write.
    etag: Option<String>,
    /// Addresses of the objects that it refers to.
    depends_on: Vec<String>,
    /// What was last sent; a fingerprint in place of each secret.
    applied: &'s Value,
}

/// Where the state belongs.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Place")]
struct PlaceDocument<'s> {
    /// The gateway's URL, or `emulator`.
    gateway: &'s str,
    org: &'s str,
    sandbox: &'s str,
}

/// An apply that has not ended: it runs, or the next one settles it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InFlight")]
struct InFlightDocument<'s> {
    /// RFC 3339.
    started: &'s str,
    /// User, host, process.
    who: &'s str,
}

/// One managed object in short.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Object")]
struct ObjectDocument<'s> {
    /// `pipeline.section`.
    address: String,
    pipeline: &'s str,
    /// The section's name.
    section: &'static str,
    /// The object's id.
    id: &'s str,
    /// Its version number, for kinds that count.
    version: Option<u64>,
    /// Whether it is protected.
    protect: bool,
    /// Ids of objects that it took the place of and that are still to be deleted.
    replaced: &'s [String],
}

/// All that is managed.
pub fn state_list(state: &State) -> Value {
    to_value(&ListDocument {
        format_version: FORMAT_VERSION,
        place: place(state),
        in_flight: state.in_flight.as_ref().map(in_flight),
        objects: state.entries.iter().map(|(address, entry)| object(address, entry)).collect(),
    })
}

/// One managed object of a state.
pub fn state_entry(state: &State, address: &Address, entry: &Entry) -> Value {
    to_value(&EntryDocument {
        format_version: FORMAT_VERSION,
        place: place(state),
        in_flight: state.in_flight.as_ref().map(in_flight),
        object: object(address, entry),
        etag: entry.etag.as_ref().map(ToString::to_string),
        depends_on: entry.depends_on.iter().map(ToString::to_string).collect(),
        applied: &entry.applied,
    })
}

fn place(state: &State) -> PlaceDocument<'_> {
    let place = &state.place;
    PlaceDocument { gateway: &place.gateway, org: &place.org, sandbox: &place.sandbox }
}

fn in_flight(in_flight: &InFlight) -> InFlightDocument<'_> {
    InFlightDocument { started: &in_flight.started, who: &in_flight.who }
}

fn object<'s>(address: &'s Address, entry: &'s Entry) -> ObjectDocument<'s> {
    ObjectDocument {
        address: address.to_string(),
        pipeline: &address.pipeline,
        section: address.kind.section(),
        id: &entry.id,
        version: entry.version,
        protect: entry.protect,
        replaced: &entry.replaced,
    }
}
