//! What a document says of objects that exist already: which address has moved where, what to let go of, what to take over.
//!
//! Whether there are such objects is not known here; a block that has done its work may stay, and does nothing more.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::diagnostic::{At, Raw, Report, listed, quoted};
use super::document::is_pipeline_name;
use super::tree::{Content, Entry};
use super::walk::Walk;
use crate::kind::{Address, Code, Key, Kind, Shape, usable_id};

/// The keys of a document that are no sections, and what editors show of them.
pub(super) const KEYS: [(&str, &str); 3] = [
    ("moved", "Objects that had another address before; they keep what they are on the platform."),
    ("forget", "Objects that are no longer managed and stay on the platform."),
    ("import", "Ids of existing objects that this pipeline's sections take over."),
];

pub(super) const MOVE: &[Key] = &[
    Key::required("from", Shape::Text, "The address, or the name of the pipeline, that it was."),
    Key::required("to", Shape::Text, "The address, or the name of the pipeline, that it is now."),
];

/// What the manifest says of existing objects, besides what its sections want.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    /// The new address by the old one, chains followed to their end; whole pipelines by each of their sections.
    pub moved: BTreeMap<Address, Address>,
    /// Addresses to let go of.
    pub forget: BTreeSet<Address>,
    /// The id of the object that an address is to take over.
    pub import: BTreeMap<Address, String>,
}

/// Where a move stands, and whether it names the address itself.
#[derive(Clone, Copy)]
struct Told {
    at: At,
    by_address: bool,
}

/// An address, or a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Address(Address),
    Pipeline(String),
}

impl Name {
    fn addresses(&self) -> Vec<Address> {
        match self {
            Self::Address(address) => vec![address.clone()],
            Self::Pipeline(name) => Kind::ALL.into_iter().map(|kind| Address::new(name, kind)).collect(),
        }
    }
}

type Said<T> = (T, At);

/// The blocks of all documents, as written.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    moved: Vec<(Said<Name>, Said<Name>)>,
    forget: Vec<Said<Name>>,
    import: Vec<(Address, Said<String>)>,
}

impl Drafts {
    /// Adds a block; `false` if the key is none. `pipeline` is the document's, where it has a usable name.
    pub(super) fn add(&mut self, walk: &mut Walk<'_>, entry: &Entry, pipeline: Option<&str>) -> bool {
        match entry.key.as_str() {
            "moved" => self.moved(walk, entry),
            "forget" => self.forget(walk, entry),
            "import" => self.import(walk, entry, pipeline),
            _ => return false,
        }
        true
    }

    fn moved(&mut self, walk: &mut Walk<'_>, entry: &Entry) {
        const MOVES: Shape = Shape::List(&Shape::Object(MOVE));
        let tree = walk.tree;
        let list = walk.value("moved", entry.value, &MOVES, tree.entry_at(entry));
        let Some(Value::Array(list)) = list else { return };
        let Content::Sequence(items) = &tree.node(entry.value).content else { return };
        for (item, value) in items.iter().zip(list) {
            let mut name = |key: &str| {
                let text = value.get(key).and_then(Value::as_str).unwrap_or_default();
                let at = tree.entry(*item, key).map_or(tree.item_at(*item), |entry| tree.entry_at(entry));
                name(text, at, walk.report).map(|name| (name, at))
            };
            let (Some(from), Some(to)) = (name("from"), name("to")) else { continue };
            match (&from.0, &to.0) {
                (Name::Address(f), Name::Address(t)) if f.kind != t.kind => {
                    let (f, t) = (f.kind.spec().title(), t.kind.spec().title());
                    let error = Raw::error(Code::BadMove, to.1, format!("a {f} cannot become a {t}"));
                    walk.report.push(error.hint("both addresses end in the same section"));
                }
                (Name::Address(_), Name::Pipeline(_)) | (Name::Pipeline(_), Name::Address(_)) => {
                    let error = Raw::error(Code::BadMove, to.1, "`from` and `to` are not of the same sort");
                    walk.report.push(error.hint("give two addresses, or the names of two pipelines"));
                }
                _ => self.moved.push((from, to)),
            }
        }
    }

    fn forget(&mut self, walk: &mut Walk<'_>, entry: &Entry) {
        const NAMES: Shape = Shape::List(&Shape::Text);
        let tree = walk.tree;
        let list = walk.value("forget", entry.value, &NAMES, tree.entry_at(entry));
        let Some(Value::Array(list)) = list else { return };
        let Content::Sequence(items) = &tree.node(entry.value).content else { return };
        for (item, value) in items.iter().zip(list) {
            let at = tree.item_at(*item);
            let text = value.as_str().unwrap_or_default();
            self.forget.extend(name(text, at, walk.report).map(|name| (name, at)));
        }
    }

    fn import(&mut self, walk: &mut Walk<'_>, entry: &Entry, pipeline: Option<&str>) {
        let tree = walk.tree;
        if !matches!(tree.node(entry.value).content, Content::Mapping(_)) {
            walk.mismatch(entry.value, tree.entry_at(entry), "a mapping of sections to ids", None);
            return;
        }
        for entry in tree.entries(entry.value) {
            let Some(kind) = Kind::from_section(&entry.key) else {
                walk.unknown_key(entry, Kind::ALL.into_iter().map(Kind::section).collect());
                continue;
            };
            let at = tree.entry_at(entry);
            tree.show(entry.value);
            // As written, like every id: it may look like a number.
            let id = match &tree.node(entry.value).content {
                Content::Broken => continue,
                Content::Scalar(scalar) => {
                    usable_id(&scalar.text).filter(|id| !id.contains(char::is_whitespace))
                }
                _ => None,
            };
            match (id, pipeline) {
                (None, _) => {
                    let error = Raw::error(Code::InvalidValue, at, "this is not an object's id");
                    walk.report
                        .push(error.hint(format!("give the id of an existing {}", kind.spec().title())));
                }
                (Some(id), Some(pipeline)) => {
                    walk.warn_of_case(&id, at);
                    self.import.push((Address::new(pipeline, kind), (id, at)));
                }
                // Reported with the document.
                (Some(_), None) => {}
            }
        }
    }

    /// Checks the blocks with each other and with the addresses that have sections, and where.
    pub(super) fn link(&self, wanted: &HashMap<&Address, At>, report: &mut Report) -> Blocks {
        let import = self.imports(wanted, report);
        let moved = self.moves(wanted, report);
        let mut forget: BTreeMap<Address, At> = BTreeMap::new();
        for (name, at) in &self.forget {
            for address in name.addresses() {
                still_wanted(&address, *at, wanted, report);
                if moved.contains_key(&address) {
                    let message = format!("{} is both moved and forgotten", quoted(&address.to_string()));
                    report.push(Raw::error(Code::BadMove, *at, message).hint("keep one of the two"));
                }
                if let Some(first) = forget.get(&address) {
                    let message = format!("{} is forgotten twice", quoted(&address.to_string()));
                    report.push(
                        Raw::error(Code::RepeatedBlock, *at, message)
                            .hint("keep one of the two")
                            .related(*first, "the other one is here"),
                    );
                    break;
                }
                forget.insert(address, *at);
            }
        }
        Blocks { moved, forget: forget.into_keys().collect(), import }
    }

    fn imports(&self, wanted: &HashMap<&Address, At>, report: &mut Report) -> BTreeMap<Address, String> {
        let mut by_id: HashMap<(Kind, String), At> = HashMap::new();
        let mut import = BTreeMap::new();
        for (address, (id, at)) in &self.import {
            if !wanted.contains_key(address) {
                let message =
                    format!("this pipeline has no section `{}` that could take it over", address.kind);
                report.push(
                    Raw::error(Code::UnknownAddress, *at, message)
                        .hint("write the section too, or let `flowform export` write it"),
                );
            }
            // Ids that differ in case alone are one object's, misspelt.
            match by_id.insert((address.kind, id.to_lowercase()), *at) {
                None => {}
                Some(first) => report.push(
                    Raw::error(Code::RepeatedBlock, *at, "two sections cannot take over one object")
                        .hint("keep one, and let the other pipeline refer to it by its address")
                        .related(first, "the other one is here"),
                ),
            }
            import.insert(address.clone(), id.clone());
        }
        import
    }

    /// The moves with chains followed; a chain's places in between need no section. What is said of an address goes before
    /// what is said of its pipeline, so that a pipeline can be split.
    fn moves(&self, wanted: &HashMap<&Address, At>, report: &mut Report) -> BTreeMap<Address, Address> {
        let mut steps: BTreeMap<Address, (Address, At)> = BTreeMap::new();
        let mut ends: BTreeMap<Address, Told> = BTreeMap::new();
        let is_address = |moved: &&(Said<Name>, Said<Name>)| matches!(moved.0.0, Name::Address(_));
        let (singly, whole): (Vec<_>, Vec<_>) = self.moved.iter().partition(is_address);
        let mut apart: BTreeSet<Address> = singly
            .iter()
            .filter_map(|((from, _), _)| match from {
                Name::Address(address) => Some(address.clone()),
                Name::Pipeline(_) => None,
            })
            .collect();
        let mut claim = |from: Address, to: Address, ats: (At, At), by_address: bool, report: &mut Report| {
            let (from_at, to_at) = ats;
            let twice = |which: &str, first: At, at: At| {
                Raw::error(Code::RepeatedBlock, at, format!("two moves {which} the same address"))
                    .hint("one object has one address")
                    .related(first, "the other one is here")
            };
            still_wanted(&from, from_at, wanted, report);
            if let Some((_, first)) = steps.get(&from) {
                report.push(twice("start from", *first, from_at));
                return false;
            }
            // Whether a pipeline has such a section is known by its state alone: two objects for one place are refused by
            // the plan.
            if let Some(first) = ends.insert(to.clone(), Told { at: to_at, by_address })
                && first.by_address == by_address
            {
                report.push(twice("lead to", first.at, to_at));
                return false;
            }
            steps.insert(from, (to, from_at));
            true
        };
        for ((from, from_at), (to, to_at)) in &singly {
            let ats = (*from_at, *to_at);
            let (Name::Address(from), Name::Address(to)) = (from, to) else { continue };
            if !claim(from.clone(), to.clone(), ats, true, report) {
                continue;
            }
            // What belongs to a section has none of its own, and goes with it.
            for kind in Kind::ALL.into_iter().filter(|kind| kind.spec().part_of() == Some(from.kind)) {
                let (part, whole) = (Address::new(&from.pipeline, kind), Address::new(&to.pipeline, kind));
                if apart.insert(part.clone()) && !wanted.contains_key(from) {
                    claim(part, whole, ats, false, report);
                }
            }
        }
        for ((from, from_at), (to, to_at)) in &whole {
            for (from, to) in from.addresses().into_iter().zip(to.addresses()) {
                if !apart.contains(&from) && !claim(from, to, (*from_at, *to_at), false, report) {
                    break;
                }
            }
        }
        for (_, (to, to_at)) in &self.moved {
            let is_known = |address: &Address| wanted.contains_key(address) || steps.contains_key(address);
            if !to.addresses().iter().any(is_known) {
                let what = match to {
                    Name::Address(address) => quoted(&address.to_string()),
                    Name::Pipeline(name) => quoted(name),
                };
                report.push(
                    Raw::error(Code::UnknownAddress, *to_at, format!("there is no {what} in this manifest"))
                        .hint("a move leads to a section, or to where another move begins"),
                );
            }
        }
        let mut moved = BTreeMap::new();
        for (from, (to, at)) in &steps {
            let mut end = to;
            // At most as many turns as there are moves: more go round in a circle.
            for _ in &steps {
                end = steps.get(end).map_or(end, |(to, _)| to);
            }
            if steps.contains_key(end) {
                let error = Raw::error(Code::BadMove, *at, "these moves lead round in a circle");
                report.push(error.hint("one of the addresses has to be the last"));
                break;
            }
            moved.insert(from.clone(), end.clone());
        }
        moved
    }
}

/// What a text names, if it names anything.
fn name(text: &str, at: At, report: &mut Report) -> Option<Name> {
    let name = match text.parse::<Address>() {
        Ok(address) => is_pipeline_name(&address.pipeline).then_some(Name::Address(address)),
        Err(_) => is_pipeline_name(text).then(|| Name::Pipeline(text.to_owned())),
    };
    if name.is_none() {
        let sections = listed(Kind::ALL.into_iter().map(Kind::section));
        report.push(
            Raw::error(
                Code::InvalidValue,
                at,
                format!("{} is neither an address nor a pipeline", quoted(text)),
            )
            .hint(format!("write PIPELINE.SECTION, with one of {sections}, or the name of a pipeline")),
        );
    }
    name
}

/// An address cannot be wanted and be gone.
fn still_wanted(address: &Address, at: At, wanted: &HashMap<&Address, At>, report: &mut Report) {
    if let Some(section) = wanted.get(address) {
        let message = format!("{} still has a section", quoted(&address.to_string()));
        report.push(
            Raw::error(Code::StillWanted, at, message)
                .hint("take the section out, or this")
                .related(*section, "the section is here"),
        );
    }
}
