//! What a sandbox has, as manifests that want exactly that. Pure: reads nothing and writes no file.
//!
//! Each dataflow becomes a pipeline with what it refers to; what several share is written once and referred to by address.
//! A flow that no manifest can say is left out, with the reason. `section` turns one body around.

mod section;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::kind::{Address, Body, Context, Kind, Leaf, Observed, Reference, escape_pointer, map_leaves};
use crate::manifest::{self, Section, yaml};
use crate::plan::import;
use crate::secret::{is_secret_name, literal_secret};
use crate::state::model::Place;

/// An object by its kind and id.
pub type Id = (Kind, String);

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The flows to write down, in this order.
    pub flows: Vec<String>,
    /// Everything that was read, flows and what they refer to.
    pub objects: BTreeMap<Id, Observed>,
    /// Pointers of the secrets that objects have and the platform does not show.
    pub secrets: BTreeMap<Id, Vec<String>>,
    /// What is managed already: it is referred to by its id.
    pub managed: BTreeSet<Id>,
}

/// Manifests.
#[derive(Clone, Debug, Default)]
pub struct Exported {
    /// Name and text of every pipeline.
    pub pipelines: Vec<(String, String)>,
    /// Ids of the flows that are not among them, and why.
    pub left_out: Vec<(String, String)>,
    /// What the pipelines do not say of their objects, so that a plan would change it.
    pub notes: Vec<String>,
}

/// What an object refers to, as far as ids can say.
pub fn parents(kind: Kind, body: &Body) -> Vec<Id> {
    let references = section::references(kind, body).into_iter();
    references.flat_map(|(key, ids)| ids.into_iter().map(|id| (key.kind, id))).collect()
}

/// Writes everything down. What it gives passes every check of a manifest.
pub fn export(found: &Found, place: &Place) -> Exported {
    let mut exported = Exported::default();
    let mut flows: Vec<&String> = found.flows.iter().collect();
    flows.retain(|id| match reason_against(found, id) {
        None => true,
        Some(why) => {
            exported.left_out.push(((*id).clone(), why));
            false
        }
    });
    // A flow that turns out to be beyond a manifest goes, and what it would have owned falls to another one.
    while !flows.is_empty() {
        let layout = Layout::new(found, &flows);
        let texts: Vec<String> = layout.pipelines.iter().map(|pipeline| pipeline.text(place)).collect();
        let whole = texts.join("---\n");
        let nothing = |_: &str| None;
        let inputs = manifest::Inputs::new(&nothing, []);
        let problems = match manifest::check_text(Path::new("export"), whole, &inputs) {
            Ok(loaded) => {
                exported.notes = layout.differences(&loaded.manifest.sections);
                let names = layout.pipelines.iter().map(|p| p.name.clone());
                exported.pipelines = names.zip(texts).collect();
                return exported;
            }
            Err(problems) => problems,
        };
        // The first mistake of each document speaks for its flow.
        let mut wrong: BTreeMap<usize, String> = BTreeMap::new();
        for (line, why) in problems.lines_of_errors() {
            let mut lines = 0;
            let at = texts.iter().position(|text| {
                lines += text.lines().count() + 1;
                line < lines
            });
            wrong.entry(at.unwrap_or_default()).or_insert_with(|| why.to_owned());
        }
        // Whatever the mistake, each turn ends with fewer flows.
        if wrong.is_empty() {
            wrong.insert(0, "it cannot be read back".to_owned());
        }
        let mut at = 0;
        flows.retain(|id| {
            let why = wrong.remove(&at);
            at += 1;
            exported.left_out.extend(why.clone().map(|why| ((*id).clone(), why)));
            why.is_none()
        });
    }
    exported
}

/// Why a flow cannot be a pipeline, as far as that shows before it is written.
fn reason_against(found: &Found, flow: &str) -> Option<String> {
    let mut open = vec![(Kind::Dataflow, flow.to_owned())];
    while let Some(id) = open.pop() {
        let title = id.0.spec().title();
        let Some(object) = found.objects.get(&id) else {
            return Some(format!("its {title} {} is not there, or not visible to this credential", id.1));
        };
        let references = section::references(id.0, &object.body);
        for key in id.0.spec().references() {
            let ids = references.iter().find(|(k, _)| k.by_id == key.by_id).map_or(&[][..], |(_, ids)| ids);
            let parent = key.kind.spec().title();
            match ids {
                [] if key.required => return Some(format!("its {title} names no {parent}")),
                [] => {}
                [one] if found.managed.contains(&(key.kind, one.clone())) => {}
                [one] => open.push((key.kind, one.clone())),
                several => {
                    return Some(format!(
                        "its {title} names {} {parent}s, and a manifest one",
                        several.len()
                    ));
                }
            }
        }
    }
    None
}

/// Adds the pointers of what stands in clear in parameters on the platform, and is secret by its name or by itself.
fn literals(value: &Value, at: &str, pointers: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let pointer = format!("{at}/{}", escape_pointer(name));
        let is_text = value.as_str().is_some_and(|text| !text.trim().is_empty()) || value.is_number();
        let is_literal = value.as_str().and_then(literal_secret).is_some();
        // An object's own name and description are no parameters.
        if !at.is_empty() && (is_literal || (is_text && is_secret_name(name))) && !pointers.contains(&pointer)
        {
            pointers.push(pointer);
        } else {
            literals(value, &pointer, pointers);
        }
    }
}

struct Pipeline<'a> {
    name: String,
    flow: &'a Observed,
    /// What it owns, in the order of kinds, with its section.
    sections: BTreeMap<Kind, (&'a Observed, Value)>,
}

impl Pipeline<'_> {
    /// The document.
    fn text(&self, place: &Place) -> String {
        let name = self.flow.body.get("name").and_then(Value::as_str).unwrap_or_default();
        let mut text =
            yaml::comment(&format!("The dataflow {name} ({}), as `flowform export` found it.", self.flow.id));
        let mut header = Map::new();
        header.insert("apiVersion".into(), manifest::API_VERSION.into());
        header.insert("pipeline".into(), self.name.as_str().into());
        header.insert("platform".into(), json!({ "org": place.org, "sandbox": place.sandbox }));
        text.push_str(&yaml::members(&header, 0));
        text.push('\n');
        text.push_str(&yaml::comment(
            "`flowform apply` takes these over as they are. Once that is done, this block may go.",
        ));
        let ids =
            self.sections.iter().map(|(kind, (o, _))| (kind.section().to_owned(), o.id.as_str().into()));
        let import = Map::from_iter([("import".to_owned(), Value::Object(ids.collect()))]);
        text.push_str(&block(&import));
        for (kind, (_, section)) in &self.sections {
            text.push('\n');
            let section = section::written(section, kind.spec().grammar());
            text.push_str(&block(&Map::from_iter([(kind.section().to_owned(), section)])));
        }
        text
    }
}

struct Layout<'a> {
    found: &'a Found,
    pipelines: Vec<Pipeline<'a>>,
    /// Who owns an object.
    owners: BTreeMap<Id, Address>,
}

impl<'a> Layout<'a> {
    fn new(found: &'a Found, flows: &[&'a String]) -> Self {
        let mut layout = Self { found, pipelines: Vec::new(), owners: BTreeMap::new() };
        let mut names = BTreeSet::new();
        for id in flows {
            let key = (Kind::Dataflow, (*id).clone());
            let Some(flow) = found.objects.get(&key) else { continue };
            let name = unique(flow.body.get("name").and_then(Value::as_str).unwrap_or_default(), &mut names);
            let mut pipeline = Pipeline { name, flow, sections: BTreeMap::new() };
            layout.add(&mut pipeline, key, flow);
            layout.pipelines.push(pipeline);
        }
        layout
    }

    /// Adds an object and what it refers to, parents first, and gives its section.
    fn add(&mut self, pipeline: &mut Pipeline<'a>, id: Id, object: &'a Observed) {
        let (found, kind) = (self.found, id.0);
        let spec = kind.spec();
        let referred = section::references(kind, &object.body);
        let mut parents: Vec<Option<Id>> = Vec::new();
        for key in spec.references() {
            let one = referred.iter().find(|(k, _)| k.by_id == key.by_id).and_then(|(_, ids)| ids.first());
            let parent = one.map(|one| (key.kind, one.clone()));
            if let Some(parent) =
                parent.clone().filter(|p| !found.managed.contains(p) && !self.owners.contains_key(p))
                && self.can_follow(kind, object, key.by_id, &parent)
                && let Some(object) = found.objects.get(&parent)
            {
                self.add(pipeline, parent, object);
            }
            parents.push(parent);
        }
        let references = parents.iter().zip(spec.references()).map(|(parent, key)| {
            let parent = parent.as_ref()?;
            let owner = self.owners.get(parent).filter(|_| self.can_follow(kind, object, key.by_id, parent));
            Some(match owner {
                Some(address) => Reference::Section {
                    address: address.clone(),
                    section: self.section_of(pipeline, address).unwrap_or(&Value::Null),
                },
                None => Reference::Id(parent.1.clone()),
            })
        });
        let context = Context { pipeline: &pipeline.name, references: references.collect() };
        let mut pointers: Vec<String> = found.secrets.get(&id).cloned().unwrap_or_default();
        if matches!(kind, Kind::BaseConnection | Kind::Source | Kind::Dataflow) {
            literals(&object.body, "", &mut pointers);
        }
        let secrets: Vec<(String, String)> = pointers
            .into_iter()
            .map(|pointer| {
                let variable = variable(&pipeline.name, &pointer);
                (pointer, variable)
            })
            .collect();
        let written = section::section(kind, &object.body, &context, &secrets);
        self.owners.insert(id, Address::new(&pipeline.name, kind));
        pipeline.sections.insert(kind, (object, written));
    }

    fn section_of<'s>(&'s self, pipeline: &'s Pipeline<'a>, address: &Address) -> Option<&'s Value> {
        let mut all = self.pipelines.iter().chain([pipeline]);
        let owner = all.find(|p| p.name == address.pipeline)?;
        owner.sections.get(&address.kind).map(|(_, section)| section)
    }

    /// Whether an object refers to the newest version of its parent: of an older one, a manifest speaks by its id alone.
    fn can_follow(&self, kind: Kind, object: &Observed, by_id: &str, parent: &Id) -> bool {
        let Some(seen) = self.found.objects.get(parent) else { return false };
        let Some(newest) = seen.version else { return true };
        let spec = kind.spec();
        let says_version = |path: &str| {
            let routes = spec.written(path);
            routes.len() > 1
                && routes.first().is_some_and(|r| !section::begins(r, by_id))
                && routes.iter().skip(1).any(|r| section::begins(r, by_id))
        };
        let said = crate::plan::fields(&object.body, &says_version);
        said.values().all(|version| {
            let version = version.as_u64().or_else(|| version.as_str()?.parse().ok());
            version == Some(newest)
        })
    }

    /// What a plan right after the imports would change, which the platform has in a form that no manifest can say.
    fn differences(&self, sections: &[Section]) -> Vec<String> {
        let ids: BTreeMap<&Address, &Observed> = self
            .owners
            .iter()
            .filter_map(|(id, address)| Some((address, self.found.objects.get(id)?)))
            .collect();
        let mut notes = Vec::new();
        for section in sections {
            let Some(observed) = ids.get(&section.address) else { continue };
            let body = map_leaves(&section.body, &mut |leaf| match leaf {
                Leaf::Id(address) => ids.get(address).map(|o| o.id.as_str().into()),
                Leaf::Version(address) => ids.get(address)?.version.map(|v| v.to_string().into()),
                Leaf::Secret { .. } | Leaf::Soon(_) => None,
            });
            let differing = import::differences(section.address.kind, &body, observed);
            if !differing.is_empty() {
                notes.push(format!("{}: a plan will change {}", section.address, differing.join(", ")));
            }
        }
        notes
    }
}

/// A section is never put on one line.
fn block(of: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (name, value) in of {
        match value {
            Value::Object(members) => {
                let _ = write!(text, "{name}:\n{}", yaml::members(members, 2));
            }
            _ => text.push_str(&yaml::members(of, 0)),
        }
    }
    text
}

/// A name for a pipeline from any other name: small letters, digits and hyphens. Empty where it has none of them.
pub(crate) fn slug(of: &str) -> String {
    const LONGEST: usize = 50;
    let mut slug = String::new();
    for c in of.chars() {
        if slug.len() >= LONGEST {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// A pipeline's name from a flow's, none twice.
fn unique(of: &str, taken: &mut BTreeSet<String>) -> String {
    let slug = slug(of);
    let slug = if slug.is_empty() { "dataflow" } else { &slug };
    let mut name = slug.to_owned();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{slug}-{number}");
        number += 1;
    }
    name
}

/// The environment variable that a parameter is expected in: whose it is and its name, in capitals.
pub(crate) fn variable(pipeline: &str, pointer: &str) -> String {
    let parameter = pointer.rsplit('/').next().unwrap_or_default();
    let mut name = String::new();
    let mut before = '_';
    for c in format!("{pipeline}-{parameter}").chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            name.push('_');
        }
        name.push(if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
        before = c;
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}
