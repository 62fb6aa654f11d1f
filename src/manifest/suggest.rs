//! What would make the manifest say what the platform has: a patch of its files, and what no patch can say.
//!
//! Which text to change is `edit`'s. Here every change is read again before it is offered: the manifest must then say
//! what was wished, and nothing else than that may have become another.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};
use similar::TextDiff;

use super::diagnostic::{Place, Report};
use super::edit::{Editor, apply};
use super::source::{MARK, STDIN, Source};
use super::tree::{self, Content, NodeId, Tree};
use super::{Inputs, Manifest, check};
use crate::kind::{Address, Body, escape_pointer, leaf, unescape_pointer};

/// A field that the manifest shall say as it is here.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// Whose.
    pub address: Address,
    /// JSON Pointer into the body.
    pub pointer: String,
    /// Its value; `None` for none.
    pub value: Option<Value>,
}

/// A patch and what is left to a person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suggestion {
    /// A unified diff, for `patch -p1` or `git apply` in the folder of the run; empty where nothing can be changed.
    pub patch: String,
    /// What the patch does not do.
    pub left: Vec<Left>,
}

/// A wish that is not in the patch.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// Whose.
    pub address: Address,
    /// JSON Pointer into the body.
    pub pointer: String,
    /// Where it is said.
    pub place: Option<Place>,
    /// Why it is not in the patch.
    pub why: String,
}

/// Whether the platform may show the first value, of a manifest, as the second.
pub type Same<'s> = &'s dyn Fn(Option<&Value>, Option<&Value>) -> bool;

/// Makes the patch. `inputs` are those that the manifest was read with; `folder` is where the run takes place.
pub fn suggest(
    manifest: &Manifest,
    inputs: &Inputs<'_>,
    folder: &Path,
    wishes: &[Wish],
    same: Same<'_>,
) -> Suggestion {
    let maker = Maker { manifest, inputs, same };
    let names: Vec<Option<PathBuf>> =
        manifest.lines.sources().iter().map(|source| below(&source.file, folder)).collect();
    let mut left = Vec::new();
    let mut changes = Vec::new();
    for change in grouped(manifest, wishes) {
        let file = manifest.lines.file_of(&change.address);
        let why = match file.and_then(|file| names.get(file)) {
            None => "the manifest does not have this address",
            Some(None) => "its file is not below the current folder, so no patch from here reaches it",
            Some(Some(_)) => {
                changes.push(change);
                continue;
            }
        };
        left.extend(maker.left(&change, why));
    }
    let texts = maker.make(&changes, &mut left);
    let mut patch = String::new();
    for ((source, text), name) in manifest.lines.sources().iter().zip(&texts).zip(&names) {
        if let Some(name) = name.as_ref().filter(|_| source.text != *text) {
            patch.push_str(&diff(name, source, text));
        }
    }
    Suggestion { patch, left }
}

/// Wishes that are one change of the text.
#[derive(Clone, Debug)]
struct Change<'w> {
    address: Address,
    wishes: Vec<&'w Wish>,
    /// Where, as a pointer into the body: the wish's own, or that of the member of a list that comes or goes whole.
    pointer: String,
    value: Option<Value>,
}

/// The wishes as changes: those of a member that a kind owns are one, where it comes or goes whole.
fn grouped<'w>(manifest: &Manifest, wishes: &'w [Wish]) -> Vec<Change<'w>> {
    let mut changes: Vec<Change<'w>> = Vec::new();
    let mut members: BTreeMap<(Address, String), Vec<&'w Wish>> = BTreeMap::new();
    for wish in wishes {
        match member(wish) {
            Some(pointer) => members.entry((wish.address.clone(), pointer)).or_default().push(wish),
            None => changes.push(Change::of(wish)),
        }
    }
    for ((address, pointer), wishes) in members {
        let row = address.kind.spec().row();
        let section = manifest.sections.iter().find(|section| section.address == address);
        let is_there = section.is_some_and(|section| section.body.pointer(&pointer).is_some());
        let main = format!("{pointer}/{}", row.main);
        let goes = wishes.iter().any(|wish| wish.pointer == main && wish.value.is_none());
        if is_there && !goes {
            changes.extend(wishes.into_iter().map(Change::of));
            continue;
        }
        let mut value = Map::new();
        for wish in &wishes {
            let name = unescape_pointer(wish.pointer.rsplit('/').next().unwrap_or_default());
            let goes_without_saying = |member: &Value| {
                member.as_str().is_some_and(|text| row.implied.contains(&(name.as_str(), text)))
            };
            if let Some(member) = wish.value.as_ref().filter(|member| !goes_without_saying(member)) {
                value.insert(name, member.clone());
            }
        }
        changes.push(Change { address, wishes, pointer, value: (!goes).then_some(Value::Object(value)) });
    }
    // What comes, comes first: the last item of a list cannot go.
    changes.sort_by_key(|change| change.value.is_none());
    changes
}

/// The pointer of the member that a wish is about, below what its kind owns whole.
fn member(wish: &Wish) -> Option<String> {
    let owned = wish.address.kind.spec().owned().iter();
    let found = owned.filter_map(|owned| Some((owned, wish.pointer.strip_prefix(owned)?.strip_prefix('/')?)));
    let (owned, rest) = found.into_iter().next()?;
    let (name, _) = rest.split_once('/')?;
    Some(format!("{owned}/{name}"))
}

impl<'w> Change<'w> {
    fn of(wish: &'w Wish) -> Self {
        Self {
            address: wish.address.clone(),
            wishes: vec![wish],
            pointer: wish.pointer.clone(),
            value: wish.value.clone(),
        }
    }
}

struct Maker<'a> {
    manifest: &'a Manifest,
    inputs: &'a Inputs<'a>,
    same: Same<'a>,
}

impl Maker<'_> {
    fn left(&self, change: &Change<'_>, why: &str) -> Vec<Left> {
        let of = |wish: &&Wish| Left {
            address: wish.address.clone(),
            pointer: wish.pointer.clone(),
            place: self.manifest.lines.place(&wish.address, Some(&wish.pointer)),
            why: why.to_owned(),
        };
        change.wishes.iter().map(of).collect()
    }

    /// The texts of the files with the changes made that can be made.
    fn make(&self, changes: &[Change<'_>], left: &mut Vec<Left>) -> Vec<String> {
        let originals: Vec<String> = self.manifest.lines.sources().iter().map(|s| s.text.clone()).collect();
        let mut texts = originals.clone();
        let mut made = Vec::new();
        let mut refused = Vec::new();
        for change in changes {
            match self.edit(&mut texts, change) {
                Ok(()) => made.push(change),
                Err(why) => refused.extend(self.left(change, &why)),
            }
        }
        if self.judge(&texts, &made).is_ok() {
            left.extend(refused);
            return texts;
        }
        // One of them is not what it should be: each is looked at by itself.
        let mut texts = originals;
        let mut made: Vec<&Change<'_>> = Vec::new();
        for change in changes {
            let mut edited = texts.clone();
            made.push(change);
            match self.edit(&mut edited, change).and_then(|()| self.judge(&edited, &made)) {
                Ok(()) => texts = edited,
                Err(why) => {
                    made.pop();
                    left.extend(self.left(change, &why));
                }
            }
        }
        texts
    }

    /// Makes a change in the text of its file.
    fn edit(&self, texts: &mut [String], change: &Change<'_>) -> Result<(), String> {
        let number = self.manifest.lines.file_of(&change.address).ok_or("it is in no file")?;
        let text = texts.get_mut(number).ok_or("it is in no file")?;
        let mut source = Source::new(PathBuf::new(), text.clone());
        let mut report = Report::default();
        let tree = tree::parse(number, &mut source, self.inputs, &mut report);
        let section = section(&tree, &change.address).ok_or("its section is not found")?;
        let editor = Editor { text, tree: &tree };
        let mut routes = change.address.kind.spec().written(&change.pointer);
        // Of two ways the one that the manifest goes; where it goes none, the first.
        routes.sort_by_key(|route| std::cmp::Reverse(super::lines::walk(&tree, section, route).len()));
        let route = routes.first().ok_or("no key of the manifest says it")?;
        let edits = match &change.value {
            Some(value) => editor.set(section, route, value),
            None => editor.remove(section, route),
        }?;
        let edited = apply(text, edits).ok_or("its places overlap")?;
        *text = edited;
        Ok(())
    }

    /// Whether the texts say what these changes wish, and otherwise what they said before.
    fn judge(&self, texts: &[String], changes: &[&Change<'_>]) -> Result<(), String> {
        let sources = self.manifest.lines.sources().iter().zip(texts);
        let sources = sources.map(|(source, text)| Source::new(source.file.clone(), text.clone())).collect();
        let loaded = check(sources, Report::default(), self.inputs, false).map_err(|problems| {
            let first =
                problems.list.first().map_or_else(String::new, |first| format!(": {}", first.message));
            format!("the manifest would not be valid{first}")
        })?;
        let (before, after) = (self.manifest, &loaded.manifest);
        let wishes = || changes.iter().flat_map(|change| change.wishes.iter().copied());
        let body = |wish: &Wish| after.sections.iter().find(|s| s.address == wish.address).map(|s| &s.body);
        for wish in wishes() {
            let now = body(wish).and_then(|body| body.pointer(&wish.pointer));
            if !(self.same)(now, wish.value.as_ref()) {
                return Err("no value that can be written there means what the platform has".to_owned());
            }
        }
        let is_same = before.sections.len() == after.sections.len()
            && (&before.org, &before.sandbox) == (&after.org, &after.sandbox)
            && before.sections.iter().zip(&after.sections).all(|(before, after)| {
                let mut paths = Vec::new();
                differing(&before.body, &after.body, &mut String::new(), &mut paths);
                before.address == after.address
                    && before.protect == after.protect
                    // Also what a section takes over from another.
                    && paths.iter().all(|path| wishes().any(|wish| wish.pointer == *path))
            });
        if is_same { Ok(()) } else { Err("the manifest would say more than that".to_owned()) }
    }
}

/// The section of an address.
fn section(tree: &Tree, address: &Address) -> Option<NodeId> {
    let is_ours = |root: &NodeId| {
        let name = tree.entry(*root, "pipeline").map(|entry| &tree.node(entry.value).content);
        matches!(name, Some(Content::Scalar(scalar)) if scalar.text == address.pipeline)
    };
    let root = tree.documents.iter().copied().find(is_ours)?;
    let section = address.kind.spec().part_of().unwrap_or(address.kind).section();
    Some(tree.entry(root, section)?.value)
}

/// The pointers of the fields in which two bodies differ.
fn differing(a: &Body, b: &Body, path: &mut String, paths: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) if leaf(a).is_none() && leaf(b).is_none() => {
            let names = x.keys().chain(y.keys().filter(|name| !x.contains_key(*name)));
            for name in names {
                let length = path.len();
                path.push('/');
                path.push_str(&escape_pointer(name));
                let empty = Value::Object(Map::new());
                let side = |members: &Map<String, Value>, other: &Map<String, Value>| {
                    let is_object = other.get(name).is_some_and(Value::is_object);
                    members.get(name).cloned().unwrap_or(if is_object { empty.clone() } else { Value::Null })
                };
                differing(&side(x, y), &side(y, x), path, paths);
                path.truncate(length);
            }
        }
        (a, b) if a != b => paths.push(path.clone()),
        _ => {}
    }
}

/// A file as a patch names it from the folder of the run; `None` for one that is elsewhere.
fn below(file: &Path, folder: &Path) -> Option<PathBuf> {
    if file == Path::new(STDIN) {
        return None;
    }
    let relative = file.strip_prefix(folder).unwrap_or(file);
    let mut name = PathBuf::new();
    for component in relative.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => name.push(part),
            _ => return None,
        }
    }
    Some(name)
}

/// The changes of one file as a unified diff.
fn diff(name: &Path, source: &Source, text: &str) -> String {
    let mark = if source.has_mark { MARK.to_string() } else { String::new() };
    let (old, new) = (format!("{mark}{}", source.text), format!("{mark}{text}"));
    // `patch` knows one line break only.
    let lines = |text: &'_ str| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (lines(&old), lines(&new));
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
    let diff = TextDiff::configure().newline_terminated(true).diff_slices(&old, &new);
    let name = name.to_string_lossy().replace('\\', if cfg!(windows) { "/" } else { "\\" });
    diff.unified_diff().header(&quoted(&format!("a/{name}")), &quoted(&format!("b/{name}"))).to_string()
}

/// A file's name as `git` and `patch` read it: in quotes where it could be taken for something else.
fn quoted(name: &str) -> String {
    if name.chars().all(|c| !c.is_control() && !matches!(c, '"' | '\\')) {
        // What comes behind a name with blanks is told from it by a tab.
        return if name.contains(' ') { format!("{name}\t") } else { name.to_owned() };
    }
    let mut out = "\"".to_owned();
    for c in name.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\{byte:03o}");
                }
            }
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
#[path = "suggest_tests.rs"]
mod tests;
