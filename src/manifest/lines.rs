//! Where in the files a field of a wanted body is said: from an address and a JSON Pointer to a line.
//! Keeps the files as they were read; the plan knows nothing of them, since it must not depend on their layout.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::diagnostic::{At, Place, Problems, Raw, Report};
use super::document::{self, Draft};
use super::source::Source;
use super::tree::{Content, Entry, NodeId, Tree};
use crate::kind::{Address, Code, Finding, Turn};

/// The lines of a manifest.
#[derive(Clone, Default)]
pub struct Lines(Arc<Files>);

#[derive(Default)]
struct Files {
    sources: Vec<Source>,
    trees: Vec<Tree>,
    sections: HashMap<Address, Origin>,
}

/// Where a section stands.
#[derive(Clone, Copy)]
struct Origin {
    node: NodeId,
    key_at: At,
}

/// What they hold may come from the environment, so it is not repeated.
impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("files", &self.0.sources.len()).finish_non_exhaustive()
    }
}

impl Lines {
    pub(super) fn new(sources: Vec<Source>, trees: Vec<Tree>, drafts: &[Draft]) -> Self {
        let origin = |draft: &Draft| Origin { node: draft.node, key_at: draft.key_at };
        let sections = drafts.iter().map(|draft| (draft.address.clone(), origin(draft))).collect();
        Self(Arc::new(Files { sources, trees, sections }))
    }

    /// The files, as they were read.
    pub(super) fn sources(&self) -> &[Source] {
        &self.0.sources
    }

    /// The number of the file that describes an address.
    pub(super) fn file_of(&self, address: &Address) -> Option<usize> {
        Some(self.0.sections.get(address)?.key_at.file)
    }

    /// Where the field at this pointer of an address's body is said, or what is nearest above it; without a pointer,
    /// where the section begins. `None` for an address that the manifest does not have.
    pub fn place(&self, address: &Address, pointer: Option<&str>) -> Option<Place> {
        let at = self.at(address, pointer)?;
        Some(self.0.sources.get(at.file)?.spot(at))
    }

    fn at(&self, address: &Address, pointer: Option<&str>) -> Option<At> {
        let origin = self.0.sections.get(address)?;
        let tree = self.0.trees.get(origin.key_at.file)?;
        let routes = pointer.map(|pointer| address.kind.spec().written(pointer)).unwrap_or_default();
        // The way that leads furthest is the one that was taken; of two, the first.
        let reached = routes.iter().rev().map(|route| walk(tree, origin.node, route)).max_by_key(Vec::len);
        Some(reached.and_then(|steps| steps.last().map(|step| step.at(tree))).unwrap_or(origin.key_at))
    }

    /// Findings in wanted bodies as what is wrong with the manifest. Each says its address, since the lines are those of
    /// the section and its message may be about what is not there.
    pub fn problems(&self, findings: Vec<(Address, Finding)>) -> Problems {
        let mut report = Report::default();
        let mut secrets = Vec::new();
        for (address, finding) in findings {
            let pointer = Some(finding.pointer.as_str()).filter(|pointer| !pointer.is_empty());
            let at = self.at(&address, pointer);
            if finding.code == Code::SecretInManifest {
                secrets.extend(at);
            }
            let mut raw =
                Raw::new(finding.severity, finding.code, at, format!("{address}: {}", finding.message));
            raw.hint = finding.hint;
            report.push(raw);
        }
        let plain = document::plain_keys();
        report.finish(|at| {
            let source = &self.0.sources[at.file];
            // Lines are masked by what was known when they were read: what turned out to be secret since is not shown,
            // nor is anything else of its line.
            let line = |at: At| source.position(at.start).line;
            let is_secret = secrets.iter().any(|secret| secret.file == at.file && line(*secret) == line(at));
            if is_secret { source.spot(at) } else { source.place(at, &plain) }
        })
    }
}

/// What a turn of a way leads to.
#[derive(Clone, Copy)]
pub(super) enum Step<'t> {
    Entry(&'t Entry),
    Item(NodeId),
}

impl<'t> Step<'t> {
    /// The entry, if it is one of a mapping.
    pub(super) fn entry(self) -> Option<&'t Entry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Item(_) => None,
        }
    }

    pub(super) fn node(self) -> NodeId {
        match self {
            Self::Entry(entry) => entry.value,
            Self::Item(id) => id,
        }
    }

    fn at(self, tree: &Tree) -> At {
        match self {
            Self::Entry(entry) => tree.entry_at(entry),
            Self::Item(id) => tree.item_at(id),
        }
    }
}

/// Goes a way as far as the tree has it.
pub(super) fn walk<'t>(tree: &'t Tree, from: NodeId, route: &[Turn]) -> Vec<Step<'t>> {
    let mut node = from;
    let mut steps = Vec::with_capacity(route.len());
    for turn in route {
        let step = match turn {
            Turn::Key(name) => tree.entry(node, name).map(Step::Entry),
            Turn::Item { by, is } => {
                let is_meant =
                    |item| tree.entry(item, by).is_some_and(|entry| is_text(tree, entry.value, is));
                item(tree, node, is_meant).map(Step::Item)
            }
            Turn::Text(is) => item(tree, node, |item| is_text(tree, item, is)).map(Step::Item),
        };
        let Some(step) = step else { break };
        node = step.node();
        steps.push(step);
    }
    steps
}

/// The first item of a list that is meant.
fn item(tree: &Tree, list: NodeId, is_meant: impl Fn(NodeId) -> bool) -> Option<NodeId> {
    let Content::Sequence(items) = &tree.node(list).content else { return None };
    items.iter().copied().find(|item| is_meant(*item))
}

/// Whether a node is this text.
fn is_text(tree: &Tree, node: NodeId, is: &str) -> bool {
    matches!(&tree.node(node).content, Content::Scalar(scalar) if scalar.text == is)
}
