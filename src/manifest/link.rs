//! What sections say about each other: references resolved, each kind's own checks with its findings brought to their
//! lines, and the wanted bodies.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::Section;
use super::diagnostic::{At, Raw, Report, did_you_mean, quoted};
use super::document::Draft;
use super::source::Source;
use super::tree::{Content, NodeId, Tree};
use crate::kind::{
    Address, Body, Code, Context, Kind, Leaf, Reference, ReferenceKey, SecretSource, map_leaves,
};

/// What a reference of a section is.
enum Target {
    /// The section of this number.
    Section(usize),
    Id(String),
}

/// The drafts by address.
struct Index<'a> {
    drafts: &'a [Draft],
    by_address: HashMap<&'a Address, usize>,
}

/// Checks the sections with each other; the result counts only when nothing was reported as an error.
pub(super) fn link(
    drafts: &[Draft],
    trees: &[Tree],
    sources: &[Source],
    report: &mut Report,
) -> Vec<Section> {
    let by_address = drafts.iter().enumerate().map(|(number, draft)| (&draft.address, number)).collect();
    let index = Index { drafts, by_address };
    let mut sections = Vec::with_capacity(drafts.len());
    for draft in drafts.iter().filter(|draft| draft.ok) {
        let tree = &trees[draft.key_at.file];
        let spec = draft.address.kind.spec();
        let errors = report.errors();
        let targets: Vec<Option<Target>> =
            spec.references().iter().map(|key| index.resolve(draft, key, tree, report)).collect();
        if report.errors() > errors {
            continue;
        }
        let context = index.context(draft, &targets);
        for finding in spec.check(&draft.value, &context) {
            let at = locate(tree, draft.node, draft.key_at, &finding.pointer);
            let mut raw = Raw::new(finding.severity, finding.code, at, finding.message);
            raw.hint = finding.hint;
            report.push(raw);
        }
        if report.errors() == 0 {
            let depends_on = targets.iter().flatten().filter_map(|target| match target {
                Target::Section(number) => Some(drafts[*number].address.clone()),
                Target::Id(_) => None,
            });
            sections.push(Section {
                address: draft.address.clone(),
                body: beside(&spec.desired(&draft.value, &context), &sources[draft.key_at.file].file),
                depends_on: depends_on.collect(),
                protect: draft.protect,
                position: sources[draft.key_at.file].position(draft.key_at.start),
            });
        }
    }
    twins(drafts, trees, report);
    sections
}

/// The body with the files of its secrets as they lie from where we run: a manifest names them from where it lies itself.
fn beside(body: &Body, manifest: &Path) -> Body {
    let folder = manifest.parent().filter(|folder| !folder.as_os_str().is_empty());
    // What is read from a pipe lies nowhere: its files are looked for from where we run.
    let is_pipe = manifest.starts_with("/dev") || manifest.starts_with("/proc");
    let Some(folder) = folder.filter(|_| !is_pipe) else { return body.clone() };
    map_leaves(body, &mut |leaf| match leaf {
        Leaf::Secret { source: Some(SecretSource::FromFile(path)), fingerprint }
            if !path.starts_with('~') =>
        {
            let path = folder.join(path).to_str()?.to_owned();
            let source = Some(SecretSource::FromFile(path));
            Some(Leaf::Secret { source, fingerprint: fingerprint.clone() }.to_value())
        }
        _ => None,
    })
}

impl<'a> Index<'a> {
    fn context(&self, draft: &'a Draft, targets: &[Option<Target>]) -> Context<'a> {
        let reference = |target: &Target| match target {
            Target::Section(number) => {
                let draft = &self.drafts[*number];
                // Of a section with mistakes of its own nothing is inherited; what refers to it is checked all the same.
                let section = if draft.ok { &draft.value } else { &Value::Null };
                Reference::Section { address: draft.address.clone(), section }
            }
            Target::Id(id) => Reference::Id(id.clone()),
        };
        let references = targets.iter().map(|target| target.as_ref().map(reference)).collect();
        Context { pipeline: &draft.address.pipeline, references }
    }

    fn resolve(&self, draft: &Draft, key: &ReferenceKey, tree: &Tree, report: &mut Report) -> Option<Target> {
        let given = |name: &str| draft.value.get(name).and_then(Value::as_str);
        let one_key = key.by_address == key.by_id;
        let by_id = if one_key {
            draft.value.get(key.by_id).and_then(|object| object.get("id")).and_then(Value::as_str)
        } else {
            given(key.by_id)
        };
        let key_at = |name: &str| tree.entry(draft.node, name).map_or(draft.key_at, |entry| entry.key_at);
        match (given(key.by_address), by_id) {
            (Some(_), Some(_)) => {
                let message = format!("`{}` and `{}` exclude each other", key.by_address, key.by_id);
                report.push(
                    Raw::error(Code::ExclusiveKeys, key_at(key.by_id), message)
                        .hint(
                            "keep one: an address for an object of this manifest, an id for an existing one",
                        )
                        .related(key_at(key.by_address), "the other one is here"),
                );
                None
            }
            (None, Some(id)) => Some(Target::Id(id.to_owned())),
            (Some(text), None) => {
                let at =
                    tree.entry(draft.node, key.by_address).map_or(draft.key_at, |entry| tree.entry_at(entry));
                self.by_address(text, key.kind, at, report)
            }
            (None, None) => {
                let own = Address::new(draft.address.pipeline.clone(), key.kind);
                let found = self.by_address.get(&own).map(|number| Target::Section(*number));
                if found.is_none() && key.required {
                    let (title, wanted) = (draft.address.kind.spec().title(), key.kind.spec().title());
                    let by_id =
                        if one_key { format!("{}: {{ id: ... }}", key.by_id) } else { key.by_id.to_owned() };
                    report.push(
                        Raw::error(
                            Code::MissingReference,
                            draft.key_at,
                            format!("the {title} has no {wanted}"),
                        )
                        .hint(format!(
                            "add a section `{}`, or give `{}: PIPELINE.{}` or `{by_id}`",
                            key.kind, key.by_address, key.kind
                        )),
                    );
                }
                found
            }
        }
    }

    fn by_address(&self, text: &str, kind: Kind, at: At, report: &mut Report) -> Option<Target> {
        // What is no address was reported with the grammar.
        let address: Address = text.parse().ok()?;
        if address.kind != kind {
            report.push(Raw::error(
                Code::WrongReference,
                at,
                format!(
                    "{} is a {}, not a {}",
                    quoted(text),
                    address.kind.spec().title(),
                    kind.spec().title()
                ),
            ));
            return None;
        }
        if let Some(number) = self.by_address.get(&address) {
            return Some(Target::Section(*number));
        }
        let known: Vec<String> = self
            .by_address
            .keys()
            .filter(|address| address.kind == kind)
            .map(|address| address.pipeline.clone())
            .collect();
        let mut known: Vec<&str> = known.iter().map(String::as_str).collect();
        known.sort_unstable();
        let mut raw =
            Raw::error(Code::UnknownAddress, at, format!("there is no {} in this manifest", quoted(text)));
        raw.hint = Some(match did_you_mean(&address.pipeline, known) {
            Some(guess) => guess.replace("`?", &format!(".{kind}`?")),
            None => "name the files of all pipelines that refer to each other in one run".to_owned(),
        });
        report.push(raw);
        None
    }
}

/// The place of what a JSON Pointer into a section means, or of the nearest thing above it that is there.
fn locate(tree: &Tree, section: NodeId, key_at: At, pointer: &str) -> At {
    let (mut node, mut at) = (section, key_at);
    for token in pointer.split('/').skip(1) {
        let token = crate::kind::unescape_pointer(token);
        match &tree.node(node).content {
            Content::Mapping(_) => {
                let Some(entry) = tree.entry(node, &token) else { return at };
                (node, at) = (entry.value, tree.entry_at(entry));
            }
            Content::Sequence(items) => {
                let Some(&item) = token.parse::<usize>().ok().and_then(|n| items.get(n)) else { return at };
                (node, at) = (item, tree.item_at(item));
            }
            Content::Scalar(_) | Content::Broken => return at,
        }
    }
    at
}

/// Warns of two objects of one kind with the same name: by its name a lost create is found again. Where the platform
/// keeps names unique it is a mistake.
fn twins(drafts: &[Draft], trees: &[Tree], report: &mut Report) {
    let mut named: HashMap<(Kind, &str), At> = HashMap::new();
    for draft in drafts {
        let Some(name) = draft.value.get("name").and_then(Value::as_str) else { continue };
        let spec = draft.address.kind.spec();
        // Of a part it is the section's name.
        if spec.part_of().is_some() {
            continue;
        }
        let at = locate(&trees[draft.key_at.file], draft.node, draft.key_at, "/name");
        match named.get(&(draft.address.kind, name)) {
            None => {
                named.insert((draft.address.kind, name), at);
            }
            Some(first) if spec.unique_names() => report.push(
                Raw::error(Code::SameName, at, format!("two {}s have this name", spec.title()))
                    .hint("the platform takes a name once")
                    .related(*first, "the other one is here"),
            ),
            Some(first) => report.push(
                Raw::warning(Code::SameName, at, format!("two {}s have this name", spec.title()))
                    .hint("after an interrupted apply, objects are found again by name: give each its own")
                    .related(*first, "the other one is here"),
            ),
        }
    }
}
