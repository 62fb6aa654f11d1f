//! The state as bytes: the snapshot and the log's lines, their versions, and what is refused in them.
//!
//! The shapes of the files are structs of their own here, apart from the live types; touches no file. To change the
//! format: raise [`VERSION`], keep `SnapshotV1` as it is (with copies of the live types that it holds and that change),
//! add `SnapshotV2` and its conversion, and a fixture of each in `tests/fixtures/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Error;
use super::model::{Change, Entry, InFlight, Place, State};
use crate::kind::{Address, Intent, Step};
use crate::wire::Etag;

/// The format that is written, and the newest that is read.
pub(super) const VERSION: u64 = 1;

/// Deeper nesting is not written, because the JSON parser stops at 128.
const DEEPEST: usize = 120;

/// Serials are written as JSON numbers, which are exact up to here.
const LARGEST_SERIAL: u64 = 1 << 53;

/// Longer ids, names and times are not taken for such.
const LONGEST_WORD: usize = 4096;

/// What every file of ours begins with, whatever else is in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a state")]
struct Versioned {
    format_version: u64,
}

/// A snapshot as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SnapshotV1 {
    #[serde(rename = "formatVersion")]
    _format_version: u64,
    lineage: Lineage,
    serial: Serial,
    #[serde(deserialize_with = "checked")]
    place: Place,
    fingerprint_key: FingerprintKey,
    entries: Entries,
    #[serde(default, deserialize_with = "checked")]
    left_in_place: BTreeSet<String>,
    #[serde(default, deserialize_with = "checked")]
    in_flight: Option<InFlight>,
}

impl From<SnapshotV1> for State {
    fn from(v1: SnapshotV1) -> Self {
        Self {
            lineage: v1.lineage.0,
            serial: v1.serial.0,
            place: v1.place,
            fingerprint_key: v1.fingerprint_key.0,
            entries: v1.entries.0,
            left_in_place: v1.left_in_place,
            in_flight: v1.in_flight,
        }
    }
}

/// A snapshot as it is written, in the newest format.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WriteSnapshot<'a> {
    format_version: u64,
    lineage: &'a str,
    serial: u64,
    place: &'a Place,
    fingerprint_key: &'a str,
    entries: BTreeMap<&'a Address, Entry>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    left_in_place: &'a BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flight: Option<&'a InFlight>,
}

/// The log's first line: which snapshot the changes after it continue.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HeaderV1 {
    format_version: u64,
    /// The snapshot's lineage.
    pub(super) lineage: String,
    /// The snapshot's serial.
    pub(super) serial: u64,
}

/// The state in a snapshot's bytes. `path` is for errors.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<State, Error> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(malformed(path, 1, 1, "the file is empty".to_owned()));
    }
    match version(path, 1, bytes)? {
        1 => parse::<SnapshotV1>(path, 1, bytes).map(State::from),
        found => Err(unknown_version(path, 1, found)),
    }
}

/// A state as the bytes of its snapshot number `serial`. Fails on what [`decode`] would refuse.
pub(super) fn encode(path: &Path, state: &State, serial: u64) -> Result<Vec<u8>, Error> {
    check_state(state, serial).map_err(unfit(path))?;
    let snapshot = WriteSnapshot {
        format_version: VERSION,
        lineage: &state.lineage,
        serial,
        place: &state.place,
        fingerprint_key: &state.fingerprint_key,
        entries: state.entries.iter().map(|(address, entry)| (address, sorted(entry))).collect(),
        left_in_place: &state.left_in_place,
        in_flight: state.in_flight.as_ref(),
    };
    let mut bytes = serde_json::to_vec_pretty(&snapshot).map_err(|e| unfit(path)(e.to_string()))?;
    bytes.push(b'\n');
    refuse_deep(path, &bytes)?;
    Ok(bytes)
}

/// The log's first line for the state's snapshot.
pub(super) fn encode_header(path: &Path, state: &State) -> Result<Vec<u8>, Error> {
    let header = HeaderV1 { format_version: VERSION, lineage: state.lineage.clone(), serial: state.serial };
    line(path, &header)
}

/// What the log's first line says.
pub(super) fn decode_header(path: &Path, bytes: &[u8]) -> Result<HeaderV1, Error> {
    match version(path, 1, bytes)? {
        1 => parse(path, 1, bytes.trim_ascii_end()),
        found => Err(unknown_version(path, 1, found)),
    }
}

/// Changes that hold together or not at all, as one line of the log. Fails on what [`decode_changes`] would refuse.
pub(super) fn encode_changes(path: &Path, changes: &[Change]) -> Result<Vec<u8>, Error> {
    changes.iter().try_for_each(check_change).map_err(unfit(path))?;
    line(path, changes)
}

/// The changes on line `number` of the log.
pub(super) fn decode_changes(path: &Path, number: usize, bytes: &[u8]) -> Result<Vec<Change>, Error> {
    // Without its line break: a mistake at the end is one on this line, not on the next.
    let changes: Vec<Change> = parse(path, number, bytes.trim_ascii_end())?;
    changes.iter().try_for_each(check_change).map_err(|what| malformed(path, number, 1, what))?;
    Ok(changes)
}

fn line<T: Serialize + ?Sized>(path: &Path, value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec(value).map_err(|e| unfit(path)(e.to_string()))?;
    bytes.push(b'\n');
    refuse_deep(path, &bytes)?;
    Ok(bytes)
}

/// The entry with the keys of its body in order: however the body came about, the file is the same.
fn sorted(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    entry.applied.sort_all_objects();
    entry
}

/// `bytes` as JSON; `first` is the number of their first line in the file.
fn parse<T: DeserializeOwned>(path: &Path, first: usize, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|e| {
        let text = e.to_string();
        // serde_json ends its text with the position, which stands before it in ours.
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
        malformed(path, first + e.line().saturating_sub(1), e.column().max(1), what.to_owned())
    })
}

fn version(path: &Path, first: usize, bytes: &[u8]) -> Result<u64, Error> {
    // A list would pass for an object whose fields come in order.
    if bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'[') {
        return Err(malformed(path, first, 1, "this is a list, not a state".to_owned()));
    }
    Ok(parse::<Versioned>(path, first, bytes)?.format_version)
}

fn unknown_version(path: &Path, line: usize, found: u64) -> Error {
    if found > VERSION {
        return Error::Newer { path: path.to_owned(), found, known: VERSION };
    }
    malformed(path, line, 1, format!("there is no format {found}"))
}

fn malformed(path: &Path, line: usize, column: usize, what: String) -> Error {
    Error::Malformed { path: path.to_owned(), line, column, what }
}

fn unfit(path: &Path) -> impl FnOnce(String) -> Error {
    let path = path.to_owned();
    move |what| Error::Unfit { path, what }
}

fn refuse_deep(path: &Path, json: &[u8]) -> Result<(), Error> {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if deepest > DEEPEST {
        return Err(unfit(path)(format!("nested {deepest} deep, more than {DEEPEST}")));
    }
    Ok(())
}

/// What must hold of a value beyond its type, in the same words when it is read and when it is written.
trait Check {
    fn check(&self) -> Result<(), String>;
}

fn checked<'de, D: Deserializer<'de>, T: Deserialize<'de> + Check>(from: D) -> Result<T, D::Error> {
    let value = T::deserialize(from)?;
    value.check().map_err(D::Error::custom)?;
    Ok(value)
}

impl Check for Place {
    fn check(&self) -> Result<(), String> {
        word("place.gateway", &self.gateway)?;
        word("place.org", &self.org)?;
        word("place.sandbox", &self.sandbox)
    }
}

impl Check for BTreeSet<String> {
    fn check(&self) -> Result<(), String> {
        self.iter().try_for_each(|id| word("leftInPlace", id))
    }
}

impl Check for Option<InFlight> {
    fn check(&self) -> Result<(), String> {
        self.as_ref().map_or(Ok(()), check_in_flight)
    }
}

struct Lineage(String);

impl<'de> Deserialize<'de> for Lineage {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        word("lineage", &text).map_err(D::Error::custom)?;
        Ok(Self(text))
    }
}

struct Serial(u64);

impl<'de> Deserialize<'de> for Serial {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let serial = u64::deserialize(from)?;
        check_serial(serial).map_err(D::Error::custom)?;
        Ok(Self(serial))
    }
}

struct FingerprintKey(String);

impl<'de> Deserialize<'de> for FingerprintKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        check_key(&text).map_err(D::Error::custom)?;
        Ok(Self(text))
    }
}

/// Entries by address, each address once: a map would silently keep the last, as after a merge by hand.
struct Entries(BTreeMap<Address, Entry>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("entries by address")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some(address) = map.next_key::<Address>()? {
                    if entries.contains_key(&address) {
                        return Err(A::Error::custom(format!("`{address}` is here for the second time")));
                    }
                    let entry = map.next_value::<Entry>()?;
                    check_entry(&address, &entry).map_err(A::Error::custom)?;
                    entries.insert(address, entry);
                }
                Ok(Entries(entries))
            }
        }

        from.deserialize_map(Each)
    }
}

fn check_state(state: &State, serial: u64) -> Result<(), String> {
    word("lineage", &state.lineage)?;
    check_serial(serial)?;
    state.place.check()?;
    check_key(&state.fingerprint_key)?;
    state.entries.iter().try_for_each(|(address, entry)| check_entry(address, entry))?;
    state.left_in_place.check()?;
    state.in_flight.check()
}

fn check_serial(serial: u64) -> Result<(), String> {
    if (1..=LARGEST_SERIAL).contains(&serial) {
        return Ok(());
    }
    Err(format!("`serial` is {serial}, not a number from 1 to {LARGEST_SERIAL}"))
}

fn check_key(key: &str) -> Result<(), String> {
    if key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err("`fingerprintKey` is not 64 hex digits".to_owned())
}

fn check_change(change: &Change) -> Result<(), String> {
    match change {
        Change::Begun { in_flight } => check_in_flight(in_flight),
        Change::Settled { step } => word("step", step),
        Change::Set { address, entry } => check_entry(address, entry),
        Change::Removed { address } => check_address(address),
        Change::LeftInPlace { id } => word("id", id),
        Change::Ended => Ok(()),
    }
}

fn check_entry(address: &Address, entry: &Entry) -> Result<(), String> {
    check_address(address)?;
    word("id", &entry.id)?;
    check_etag(entry.etag.as_ref())?;
    entry.depends_on.iter().try_for_each(check_address)?;
    entry.replaced.iter().try_for_each(|id| word("replaced", id))
}

fn check_in_flight(in_flight: &InFlight) -> Result<(), String> {
    word("started", &in_flight.started)?;
    word("who", &in_flight.who)?;
    plain("clientId", &in_flight.client_id)?;
    in_flight.settled.iter().try_for_each(|key| word("settled", key))?;
    in_flight.steps.iter().try_for_each(check_step)
}

fn check_step(step: &Step) -> Result<(), String> {
    word("key", &step.key)?;
    check_address(&step.address)?;
    step.needs.iter().try_for_each(|key| word("needs", key))?;
    match &step.intent {
        Intent::Create { namesakes, replaces, .. } => {
            namesakes.iter().chain(replaces).try_for_each(|id| word("id", id))
        }
        Intent::Switch { id, etag, .. } => {
            id.iter().try_for_each(|id| word("id", id)).and_then(|()| check_etag(etag.as_ref()))
        }
        Intent::Update { id, etag, .. } | Intent::Delete { id, etag, .. } => {
            word("id", id).and_then(|()| check_etag(etag.as_ref()))
        }
        Intent::Adopt { id, .. } | Intent::Forget { id } => word("id", id),
    }
}

fn check_address(address: &Address) -> Result<(), String> {
    word("address", &address.pipeline)
}

fn check_etag(etag: Option<&Etag>) -> Result<(), String> {
    etag.map_or(Ok(()), |etag| plain("etag", etag.as_str()))
}

/// That a text can stand in a URL, a header and a terminal: not empty, not endless, nothing that cannot be seen.
fn word(field: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("`{field}` is empty"));
    }
    plain(field, text)
}

fn plain(field: &str, text: &str) -> Result<(), String> {
    if text.len() > LONGEST_WORD {
        return Err(format!("`{field}` has {} bytes, more than {LONGEST_WORD}", text.len()));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(format!("`{field}` holds the control character U+{:04X}", u32::from(c))),
        None => Ok(()),
    }
}
