//! What a person wants: YAML documents in, pipelines with positions out, or every mistake at once.
//!
//! Reads files, and of the environment only what the caller hands in. Knows no kind by name: what a section may hold
//! comes from `kind`'s grammar and checks. Resolves no secret: see [`crate::secret`] for values, `cli` for resolving.

pub(crate) mod annotation;
mod blocks;
mod diagnostic;
mod document;
mod edit;
mod interpolate;
mod json;
mod junit;
mod lines;
mod link;
mod reference;
mod render;
mod sarif;
mod scalar;
mod schema;
mod source;
mod suggest;
mod tree;
mod walk;
pub mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::kind::{Address, Body, Code};

pub use blocks::Blocks;
pub use diagnostic::{Checked, Diagnostic, Place, Problems, Snippet};
pub use document::{API_VERSION, is_pipeline_name};
pub use interpolate::{Inputs, is_variable_name};
pub(crate) use json::ProblemsDocument;
pub use json::problems_schema;
pub use lines::Lines;
pub use schema::json_schema;
pub use suggest::{Left, Same, Suggestion, Wish, suggest};

use diagnostic::{Raw, Report};
use source::Source;

/// Everything that one run manages, checked.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// The org all documents name; `None` when none does.
    pub org: Option<Named>,
    /// The sandbox all documents name; `None` when none does.
    pub sandbox: Option<Named>,
    /// Sections of all pipelines, in the order of files, documents and sections.
    pub sections: Vec<Section>,
    /// What it says of objects that exist already.
    pub blocks: Blocks,
    /// Where it all stands.
    pub lines: Lines,
}

/// What the documents name their org or their sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub value: String,
    /// Whether it is the default of a reference, as in `${env:ADOBE_SANDBOX:-dev}`: then a flag may say otherwise.
    pub is_default: bool,
}

impl Named {
    /// A name that nothing may contradict.
    pub fn exactly(value: &str) -> Self {
        Self { value: value.to_owned(), is_default: false }
    }
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
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// A manifest without errors.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub manifest: Manifest,
    /// What is probably not meant.
    pub warnings: Problems,
}

/// Reads and checks the manifest in these files and folders. All files are read and all documents checked before it
/// fails, so that every mistake is told at once.
pub fn load(paths: &[PathBuf], inputs: &Inputs<'_>) -> Result<Loaded, Problems> {
    load_with(paths, &BTreeMap::new(), inputs)
}

/// [`load`], where some of the paths were read already (`given`), because they can be read only once. `-` is stdin.
pub fn load_with(
    paths: &[PathBuf],
    given: &BTreeMap<PathBuf, Vec<u8>>,
    inputs: &Inputs<'_>,
) -> Result<Loaded, Problems> {
    let mut report = Report::default();
    if paths.is_empty() {
        report.push(
            Raw::error(Code::NoManifest, None, "no manifest is named")
                .hint("name YAML files, or folders that hold some"),
        );
    }
    let sources = source::read_all(paths, given, &mut report);
    check(sources, report, inputs, true)
}

/// Checks a text as if it had been read from a file of this name.
pub fn check_text(name: &Path, text: String, inputs: &Inputs<'_>) -> Result<Loaded, Problems> {
    check(vec![Source::new(name.to_owned(), text)], Report::default(), inputs, false)
}

/// Checks what was read; `report` has what went wrong with reading. Of the manifests of a whole run, each given variable
/// has to be used by one.
fn check(
    mut sources: Vec<Source>,
    mut report: Report,
    inputs: &Inputs<'_>,
    is_whole: bool,
) -> Result<Loaded, Problems> {
    let mut drafts = document::Drafts::default();
    let mut trees = Vec::with_capacity(sources.len());
    let mut hidden = Vec::with_capacity(sources.len());
    for (file, source) in sources.iter_mut().enumerate() {
        let errors = report.errors();
        let is_readable = source.unparsed.is_empty();
        let tree =
            if is_readable { tree::parse(file, source, inputs, &mut report) } else { tree::Tree::default() };
        if is_readable && tree.documents.is_empty() && report.errors() == errors {
            let at = diagnostic::At { file, start: 0, end: 0 };
            let error = Raw::error(Code::NoDocument, at, "the file holds no document");
            report.push(error.hint("a pipeline begins with `apiVersion: flowform/v1`"));
        }
        let mut hidden_keys = Vec::new();
        for &root in &tree.documents {
            drafts.add(&tree, root, &mut report, &mut hidden_keys);
        }
        trees.push(tree);
        hidden.push(hidden_keys);
    }
    if is_whole && !sources.is_empty() {
        let unparsed: Vec<&str> =
            sources.iter().filter(|s| !s.unparsed.is_empty()).map(|s| s.text.as_str()).collect();
        interpolate::check_variables(inputs, &unparsed, &mut report);
    }
    let sections = link::link(&drafts.sections, &trees, &sources, &mut report);
    let wanted = drafts.sections.iter().map(|draft| (&draft.address, draft.key_at)).collect();
    let blocks = drafts.blocks.link(&wanted, &mut report);

    let files = report.files(sources.iter().map(|source| source.file.clone()));
    // Also where nothing is wrong: the platform may yet object to what a line says.
    for ((source, tree), mut hidden) in sources.iter_mut().zip(&trees).zip(hidden) {
        hidden.extend(tree.hidden());
        source.hide(hidden);
    }
    let mut problems = if report.is_empty() {
        Problems::default()
    } else {
        let plain = document::plain_keys();
        report.finish(|at| sources[at.file].place(at, &plain))
    };
    problems.files = files;
    if problems.errors > 0 {
        return Err(problems);
    }
    let named = |found: Option<(Named, diagnostic::At)>| found.map(|(named, _)| named);
    let lines = Lines::new(sources, trees, &drafts.sections);
    let manifest =
        Manifest { org: named(drafts.org), sandbox: named(drafts.sandbox), sections, blocks, lines };
    Ok(Loaded { manifest, warnings: problems })
}
