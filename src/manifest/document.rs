//! One YAML document: its header, and its sections against the grammar of their kinds.
//! What sections say about each other is `link`'s.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use serde_json::Value;

use super::Named;
use super::blocks;
use super::diagnostic::{At, Raw, Report, listed, quoted};
use super::scalar::Plain;
use super::tree::{Content, Entry, NodeId, Tree};
use super::walk::Walk;
use crate::kind::{Address, Code, Key, Kind, Shape};

/// The only format of a document that there is.
pub const API_VERSION: &str = "flowform/v1";

/// Longest name of a pipeline.
pub(super) const LONGEST_PIPELINE: usize = 63;

pub(super) const PLATFORM: &[Key] = &[
    Key::optional("org", Shape::Text, "The organization, as in 1234ABCD@AdobeOrg."),
    Key::optional("sandbox", Shape::Id, "The sandbox's name."),
];

/// What every section may say, whatever its kind.
pub(super) const EVERY_SECTION: &[Key] =
    &[Key::optional("protect", Shape::Bool, "Refuses every plan that would delete or replace this object.")];

/// A section whose grammar was looked at.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) address: Address,
    /// As written, references in strings filled in.
    pub(super) value: Value,
    pub(super) node: NodeId,
    pub(super) key_at: At,
    pub(super) protect: bool,
    /// Whether nothing was wrong so far.
    pub(super) ok: bool,
}

/// What the documents of a run say.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    pub(super) sections: Vec<Draft>,
    pub(super) org: Option<(Named, At)>,
    pub(super) sandbox: Option<(Named, At)>,
    pub(super) blocks: blocks::Drafts,
    pipelines: BTreeMap<String, At>,
}

/// The keys of the grammar whose values are single ones, and not secret: what may be shown of a line that is not YAML.
pub(super) fn plain_keys() -> HashSet<&'static str> {
    fn add(keys: &[Key], plain: &mut HashSet<&'static str>) {
        for key in keys {
            match key.shape {
                Shape::Object(keys) | Shape::AddressOr(keys) | Shape::List(&Shape::Object(keys)) => {
                    add(keys, plain);
                }
                Shape::List(_)
                | Shape::Params
                | Shape::Free
                | Shape::Settings
                | Shape::Fields
                | Shape::Field => {}
                _ => {
                    plain.insert(key.name);
                }
            }
        }
    }
    let mut plain = HashSet::from(["apiVersion", "pipeline"]);
    add(PLATFORM, &mut plain);
    add(EVERY_SECTION, &mut plain);
    for kind in Kind::ALL {
        add(kind.spec().grammar(), &mut plain);
    }
    plain
}

impl Drafts {
    /// Adds what a document says.
    pub(super) fn add(
        &mut self,
        tree: &Tree,
        root: NodeId,
        report: &mut Report,
        hidden: &mut Vec<Range<usize>>,
    ) {
        let at = tree.item_at(root);
        if !matches!(tree.node(root).content, Content::Mapping(_)) {
            let error = Raw::error(Code::NotAMapping, at, "a document must be a mapping");
            report.push(error.hint(format!("it begins with `apiVersion: {API_VERSION}`")));
            return;
        }
        // Of a document that is another program's, that is all there is to say.
        if !is_our_version(tree, root, at, report) && !is_a_manifest(tree, root) {
            return;
        }
        let (pipeline, is_new) = self.pipeline(tree, root, at, report);
        let mut sections = 0;
        for entry in tree.entries(root) {
            let mut walk = Walk { tree, report, hidden };
            match entry.key.as_str() {
                "apiVersion" | "pipeline" => {}
                "platform" => self.platform(&mut walk, entry),
                name => {
                    sections += 1;
                    let named = pipeline.as_deref().filter(|_| is_new);
                    if self.blocks.add(&mut walk, entry, named) {
                        continue;
                    }
                    if let Some(kind) = Kind::sections().find(|kind| kind.section() == name) {
                        self.section(&mut walk, entry, kind, pipeline.as_deref(), is_new);
                    } else {
                        unknown_section(&mut walk, entry);
                    }
                }
            }
        }
        if sections == 0 && is_new {
            let names = listed(Kind::sections().map(Kind::section));
            let warning = Raw::warning(
                Code::EmptyPipeline,
                at,
                "this pipeline has no section, so nothing is made of it",
            );
            report.push(warning.hint(format!("sections are {names}")));
        }
    }

    /// The pipeline's name, and whether it is the first document of that name.
    fn pipeline(&mut self, tree: &Tree, root: NodeId, at: At, report: &mut Report) -> (Option<String>, bool) {
        let Some(entry) = tree.entry(root, "pipeline") else {
            let error = Raw::error(Code::PipelineName, at, "the key `pipeline` is missing");
            report.push(error.hint("it names the pipeline, as in `pipeline: zendesk-users`"));
            return (None, false);
        };
        tree.show(entry.value);
        let at = tree.entry_at(entry);
        let name = match &tree.node(entry.value).content {
            Content::Broken => return (None, false),
            Content::Scalar(scalar) if scalar.kind() == Plain::Text && is_pipeline_name(&scalar.text) => {
                scalar.text.clone()
            }
            _ => {
                report.push(Raw::error(Code::PipelineName, at, "this is not a pipeline's name").hint(format!(
                    "a name is a string of letters, digits, `-` and `_`, begins with a letter or digit, and has at \
                     most {LONGEST_PIPELINE} characters"
                )));
                return (None, false);
            }
        };
        if let Some(first) = self.pipelines.get(&name) {
            report.push(
                Raw::error(
                    Code::DuplicatePipeline,
                    at,
                    format!("two documents describe the pipeline {}", quoted(&name)),
                )
                .hint("give one of them another name, or put their sections into one document")
                .related(*first, "the first is here"),
            );
            return (Some(name), false);
        }
        let twin = self.pipelines.iter().find(|(other, _)| other.eq_ignore_ascii_case(&name));
        if let Some((other, first)) = twin {
            let message =
                format!("the pipelines {} and {} differ in case alone", quoted(other), quoted(&name));
            report.push(
                Raw::warning(Code::DuplicatePipeline, at, message)
                    .hint("they are two pipelines with objects of their own; give one another name")
                    .related(*first, "the first is here"),
            );
        }
        self.pipelines.insert(name.clone(), at);
        (Some(name), true)
    }

    fn platform(&mut self, walk: &mut Walk<'_>, entry: &Entry) {
        let Some(members) = walk.object(entry.value, &[PLATFORM], walk.tree.entry_at(entry)) else { return };
        for (name, slot) in [("org", &mut self.org), ("sandbox", &mut self.sandbox)] {
            let Some(value) = members.get(name).and_then(Value::as_str) else { continue };
            let member = walk.tree.entry(entry.value, name);
            let at = member.map_or(entry.key_at, |e| walk.tree.entry_at(e));
            let is_default = member.is_some_and(
                |e| matches!(&walk.tree.node(e.value).content, Content::Scalar(scalar) if scalar.is_default),
            );
            if name == "org" {
                walk.warn_of_case(value, at);
            } else if value.bytes().any(|b| b.is_ascii_uppercase()) {
                // Sandbox names are lower-case (platform-api.md 1.2).
                let message = "a sandbox's name has no capital letters";
                let hint = format!("did you mean {}?", quoted(&value.to_ascii_lowercase()));
                walk.report.push(Raw::warning(Code::UnusualCase, at, message).hint(hint));
            }
            if !value.bytes().all(|b| b.is_ascii_graphic()) {
                let message = format!("`{name}` must have neither spaces nor letters beyond ASCII");
                walk.report.push(Raw::error(Code::InvalidValue, at, message));
            } else if let Some((first, first_at)) = slot {
                first.is_default &= is_default;
                if first.value != value {
                    walk.report.push(
                        Raw::error(
                            Code::ConflictingPlatform,
                            at,
                            format!("the documents name different values for `{name}`"),
                        )
                        .hint(
                            "one run manages one sandbox of one org: split the manifest, or make them agree",
                        )
                        .related(*first_at, "another one is named here"),
                    );
                }
            } else {
                *slot = Some((Named { value: value.to_owned(), is_default }, at));
            }
        }
    }

    fn section(
        &mut self,
        walk: &mut Walk<'_>,
        entry: &Entry,
        kind: Kind,
        pipeline: Option<&str>,
        is_new: bool,
    ) {
        let at = walk.tree.entry_at(entry);
        let members = walk.object(entry.value, &[kind.spec().grammar(), EVERY_SECTION], at);
        let Some(pipeline) = pipeline.filter(|_| is_new) else { return };
        let ok = members.is_some();
        let mut members = members.unwrap_or_default();
        let protect = members.shift_remove("protect") == Some(Value::Bool(true));
        let value = Value::Object(members);
        let parts = Kind::ALL.into_iter().filter(|part| {
            let spec = part.spec();
            spec.part_of() == Some(kind) && spec.is_part(&value)
        });
        for kind in parts.chain([kind]) {
            self.sections.push(Draft {
                address: Address::new(pipeline, kind),
                value: value.clone(),
                node: entry.value,
                key_at: entry.key_at,
                protect,
                ok,
            });
        }
    }
}

fn is_our_version(tree: &Tree, root: NodeId, at: At, report: &mut Report) -> bool {
    let hint = format!("write `apiVersion: {API_VERSION}`");
    let Some(entry) = tree.entry(root, "apiVersion") else {
        report.push(Raw::error(Code::ApiVersion, at, "the key `apiVersion` is missing").hint(hint));
        return true;
    };
    tree.show(entry.value);
    match &tree.node(entry.value).content {
        Content::Scalar(scalar) if scalar.text == API_VERSION => true,
        Content::Broken => true,
        _ => {
            report.push(
                Raw::error(
                    Code::ApiVersion,
                    tree.entry_at(entry),
                    "this version of flowform does not read this apiVersion",
                )
                .hint(hint),
            );
            false
        }
    }
}

/// Whether a document that names another format is meant as a manifest all the same: it has a key of one.
fn is_a_manifest(tree: &Tree, root: NodeId) -> bool {
    let is_ours = |key: &str| key == "pipeline" || Kind::sections().any(|kind| kind.section() == key);
    tree.entries(root).iter().any(|entry| is_ours(&entry.key))
}

/// Whether a text can name a pipeline.
pub fn is_pipeline_name(name: &str) -> bool {
    name.len() <= LONGEST_PIPELINE
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn unknown_section(walk: &mut Walk<'_>, entry: &Entry) {
    let known = || {
        let header = ["apiVersion", "pipeline", "platform"];
        let blocks = blocks::KEYS.iter().map(|(name, _)| *name);
        header.into_iter().chain(Kind::sections().map(Kind::section)).chain(blocks)
    };
    walk.unknown_key(entry, known().collect());
}
