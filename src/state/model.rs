//! The state as data. No file, no clock: whoever records a change says when it happened.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::{Deserialize, Serialize};

use super::Error;
use super::fingerprint::hex;
use crate::kind::{Address, Body, Step};
use crate::wire::Etag;

/// Where a state belongs. A state is never used against another place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Place {
    /// The gateway's URL; the embedded emulator has the fixed word `emulator`.
    pub gateway: String,
    /// `XXXX@AdobeOrg`.
    pub org: String,
    /// The sandbox's name.
    pub sandbox: String,
}

/// Everything remembered of one sandbox.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Made once, at the first write: two states with different lineages have nothing to do with each other.
    pub lineage: String,
    /// Counts snapshots.
    pub serial: u64,
    /// Where it belongs.
    pub place: Place,
    /// Key of the secret fingerprints, 32 random bytes in hex. Not a secret of anybody's, but of no use to others.
    pub fingerprint_key: String,
    /// What is managed.
    pub entries: BTreeMap<Address, Entry>,
    /// Objects that were to be deleted and that the platform keeps (mapping sets): not managed, and nobody else's.
    pub left_in_place: BTreeSet<String>,
    /// The plan whose apply has not ended.
    pub in_flight: Option<InFlight>,
}

/// One managed object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// The object's id.
    pub id: String,
    /// Its etag after our last write. For the record only: a PATCH uses one that was just observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<Etag>,
    /// Its version number, for kinds that count (mapping sets).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::kind::read_whole")]
    pub version: Option<u64>,
    /// The body last sent, ids filled in, secrets as fingerprints.
    pub applied: Body,
    /// The addresses it referred to, so that it is deleted before them even when the manifest is gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Address>,
    /// `protect: true` as last applied; survives the section's removal from the manifest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// Objects that this one took the place of and that still have to be deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<String>,
}

/// A plan being applied, recorded before its first mutating request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InFlight {
    /// When the apply began, RFC 3339.
    pub started: String,
    /// Who runs it: user, host, process.
    pub who: String,
    /// The API client id, which the platform notes on what it creates.
    pub client_id: String,
    /// All its steps.
    pub steps: Vec<Step>,
    /// Keys of those whose result is recorded.
    #[serde(default)]
    pub settled: Vec<String>,
}

impl InFlight {
    /// The addresses of steps whose result is not recorded.
    pub fn open(&self) -> BTreeSet<Address> {
        let open = self.steps.iter().filter(|step| !self.settled.contains(&step.key));
        open.map(|step| step.address.clone()).collect()
    }
}

/// One recorded change of a state: what the log beside the snapshot consists of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Change {
    /// A plan is about to be applied.
    Begun {
        /// It.
        in_flight: InFlight,
    },
    /// A step's result is known, whatever it is; its effect on entries stands in the changes recorded with it.
    Settled {
        /// The step's key.
        step: String,
    },
    /// An entry is now this.
    Set {
        /// Whose.
        address: Address,
        /// It.
        entry: Entry,
    },
    /// An entry is gone.
    Removed {
        /// Whose.
        address: Address,
    },
    /// An object was to be deleted, and the platform keeps it.
    LeftInPlace {
        /// Which.
        id: String,
    },
    /// The apply ended, well or not; nothing of it is unknown any more.
    Ended,
}

impl State {
    /// A state of this place in which nothing is managed yet, with a lineage and a fingerprint key of its own.
    ///
    /// Errors: [`Error::Random`] if the system gives no random numbers.
    pub fn new(place: Place) -> Result<Self, Error> {
        let mut random = [0_u8; 48];
        getrandom::fill(&mut random).map_err(|e| Error::Random(io::Error::other(e.to_string())))?;
        let (lineage, key) = random.split_at(16);
        Ok(Self {
            lineage: hex(lineage),
            serial: 1,
            place,
            fingerprint_key: hex(key),
            entries: BTreeMap::new(),
            left_in_place: BTreeSet::new(),
            in_flight: None,
        })
    }

    /// Every id that is managed, was, or is still to be deleted: none of them is somebody else's.
    pub fn ids(&self) -> BTreeSet<String> {
        let managed = self.entries.values().flat_map(|e| e.replaced.iter().chain([&e.id]));
        managed.chain(&self.left_in_place).cloned().collect()
    }

    /// The state after a change. The one transition function: live recording and replay of the log both use it.
    pub fn record(&mut self, change: Change) {
        match change {
            Change::Begun { in_flight } => self.in_flight = Some(in_flight),
            Change::Settled { step } => {
                if let Some(in_flight) = &mut self.in_flight {
                    in_flight.settled.push(step);
                }
            }
            Change::Set { address, entry } => {
                self.entries.insert(address, entry);
            }
            Change::Removed { address } => {
                self.entries.remove(&address);
            }
            Change::LeftInPlace { id } => {
                self.left_in_place.insert(id);
            }
            Change::Ended => self.in_flight = None,
        }
    }
}
