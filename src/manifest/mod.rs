//! What a person wants: YAML documents in, pipelines with positions out, or every mistake at once.
//!
//! Reads files, and of the environment only what the caller hands in. Knows no kind by name: what a section may hold
//! comes from `kind`'s grammar and checks. Resolves no secret: see [`crate::secret`] for values, `cli` for resolving.

use crate::kind::{Address, Body};

/// Everything that one run manages, checked.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// The org all documents name; `None` when none does.
    pub org: Option<String>,
    /// The sandbox all documents name; `None` when none does.
    pub sandbox: Option<String>,
    /// Sections of all pipelines, in the order of files, documents and sections.
    pub sections: Vec<Section>,
}

/// One wanted object.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its address.
    pub address: Address,
    /// Its wanted body: defaults filled in, references and secrets as leaves.
    pub body: Body,
    /// Addresses it refers to, all in this manifest.
    pub depends_on: Vec<Address>,
    /// Whether the manifest says `protect: true`.
    pub protect: bool,
    /// Where the section stands.
    pub position: Position,
}

/// A place in a manifest file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file, as the person named it (or as found below the folder named).
    pub file: std::path::PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}
