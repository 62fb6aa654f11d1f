//! The positioned tree of a file's YAML documents, and all that is refused before anybody asks what a key means:
//! syntax errors, repeated keys, tags, merge keys, too much nesting, aliases that expand to too much.
//!
//! Nodes lie in one table, and an alias is the number of its node, so that aliases cost no memory.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, options};

use super::diagnostic::{At, Raw, Report, quoted};
use super::interpolate::{Filled, Inputs, interpolate};
use super::reference::{self, SECRET_KEYS};
use super::scalar::{Plain, plain};
use super::source::Source;
use crate::kind::Code;

/// Collections in each other, aliases followed.
const DEEPEST: usize = 64;

/// What aliases may add to a file, in bytes of a rough measure.
const LARGEST_EXPANSION: usize = 16 * 1024 * 1024;

/// What a node counts by that measure, besides its text.
const NODE_WEIGHT: usize = 32;

/// The number of a node in its [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(usize);

/// All documents of one file.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// The documents' roots; empty documents are not among them.
    pub(super) documents: Vec<NodeId>,
    /// Values with an anchor, which aliases may mean as well.
    anchored: HashSet<usize>,
}

/// A value.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) content: Content,
    /// Whether diagnostics may show it: somebody knows that it is no secret.
    shown: AtomicBool,
    weight: usize,
    height: usize,
}

impl Node {
    fn is_shown(&self) -> bool {
        self.shown.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(super) enum Content {
    Scalar(Scalar),
    Sequence(Vec<NodeId>),
    Mapping(Vec<Entry>),
    /// Something that was reported already.
    Broken,
}

#[derive(Debug)]
pub(super) struct Scalar {
    /// Its text, references filled in.
    pub(super) text: String,
    /// Whether it is written without quotes.
    pub(super) plain: bool,
    /// Whether references were filled in.
    pub(super) interpolated: bool,
    /// Whether one of them was filled in with its default.
    pub(super) is_default: bool,
    /// Whether references in it would bring a secret into a secret reference; where it stands in one, they are left.
    pub(super) brings_secret: bool,
}

impl Scalar {
    /// What it is: quoted ones and those with references are text.
    pub(super) fn kind(&self) -> Plain {
        if self.plain && !self.interpolated { plain(&self.text) } else { Plain::Text }
    }
}

/// A member of a mapping.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: At,
    pub(super) value: NodeId,
    /// Values given under the same key again, which was reported.
    pub(super) again: Vec<NodeId>,
}

impl Tree {
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Whether a value has an anchor: then it may be meant in several places.
    pub(super) fn is_anchored(&self, id: NodeId) -> bool {
        self.anchored.contains(&id.0)
    }

    /// The lists and mappings that an offset lies within.
    pub(super) fn around(&self, offset: usize) -> impl Iterator<Item = NodeId> {
        let holds = move |node: &Node| {
            let is_collection = matches!(node.content, Content::Mapping(_) | Content::Sequence(_));
            is_collection && node.at.start < offset && offset < node.at.end
        };
        self.nodes.iter().enumerate().filter(move |(_, node)| holds(node)).map(|(number, _)| NodeId(number))
    }

    /// The mapping's entries; nothing for any other node.
    pub(super) fn entries(&self, id: NodeId) -> &[Entry] {
        match &self.node(id).content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The mapping's entry of this name.
    pub(super) fn entry(&self, id: NodeId, key: &str) -> Option<&Entry> {
        self.entries(id).iter().find(|entry| entry.key == key)
    }

    /// Where a diagnostic about an entry's value points: at the value, or at the key of what spans many lines.
    pub(super) fn entry_at(&self, entry: &Entry) -> At {
        let value = self.node(entry.value);
        match value.content {
            Content::Scalar(_) if value.at.start < value.at.end => value.at,
            _ => entry.key_at,
        }
    }

    /// Where a diagnostic about an item of a list points.
    pub(super) fn item_at(&self, id: NodeId) -> At {
        match &self.node(id).content {
            Content::Mapping(entries) => entries.first().map_or(self.node(id).at, |entry| entry.key_at),
            _ => self.node(id).at,
        }
    }

    /// Allows diagnostics to show a value.
    pub(super) fn show(&self, id: NodeId) {
        self.node(id).shown.store(true, Ordering::Relaxed);
    }

    /// Allows what is given under the same key again to be shown, if the first value is.
    pub(super) fn show_again(&self, entry: &Entry) {
        if self.node(entry.value).is_shown() {
            entry.again.iter().for_each(|&id| self.show(id));
        }
    }

    /// The single values that nobody allowed to be shown.
    pub(super) fn hidden(&self) -> Vec<std::ops::Range<usize>> {
        let single = |node: &&Node| matches!(node.content, Content::Scalar(_) | Content::Broken);
        let scalars = self.nodes.iter().filter(single).filter(|node| !node.is_shown());
        scalars.map(|n| n.at.start..n.at.end).collect()
    }
}

/// Reads all documents of a file.
pub(super) fn parse(file: usize, source: &mut Source, inputs: &Inputs<'_>, report: &mut Report) -> Tree {
    let options = options! {
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        emit_comments: false,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    // Taken out for the time of parsing, since what could not be parsed is noted beside it.
    let text = std::mem::take(&mut source.text);
    let mut parser = Parser::new_from_str_with_options(&text, options);
    let mut builder = Builder::new(file, &text, inputs, report);
    loop {
        let step = match parser.next_event() {
            None => break,
            Some(Ok((event, span))) => builder.event(event, span),
            Some(Err(error)) => {
                builder.syntax_error(&error);
                Err(Abandoned)
            }
        };
        if step.is_err() {
            let from = builder.abandon();
            let more = parser.proceed_next_document();
            let to = match (&more, parser.peek()) {
                (Ok(true), Some(Ok((_, span)))) => offset(&span.start),
                _ => usize::MAX,
            };
            source.unparsed.push(from..to);
            if !matches!(more, Ok(true)) {
                break;
            }
        }
    }
    let Builder { nodes, documents, anchored, .. } = builder;
    let tree = Tree { nodes, documents, anchored };
    source.text = text;
    tree
}

/// The rest of the document is of no use.
struct Abandoned;

/// A collection whose end has not come yet.
struct Frame {
    id: NodeId,
    anchor: usize,
    children: Vec<NodeId>,
    weight: usize,
    height: usize,
    mapping: Option<MappingFrame>,
}

#[derive(Default)]
struct MappingFrame {
    entries: Vec<Entry>,
    /// The number of each key's entry, once there are many.
    seen: HashMap<String, usize>,
    /// The key whose value comes next.
    key: Option<Pending>,
}

enum Pending {
    Key(String, At),
    /// A key that the entry of this number has already.
    Again(usize),
    Refused,
}

struct Builder<'a> {
    file: usize,
    text: &'a str,
    inputs: &'a Inputs<'a>,
    report: &'a mut Report,
    nodes: Vec<Node>,
    documents: Vec<NodeId>,
    frames: Vec<Frame>,
    anchors: HashMap<usize, NodeId>,
    anchored: HashSet<usize>,
    expansion: usize,
    /// Where the current document begins.
    document: usize,
    /// The node of the latest event.
    last: Option<NodeId>,
}

/// The offset of the first tab that indents a line, among so many lines of content from the one that holds `at`.
fn indenting_tab(text: &str, at: usize, lines: usize) -> Option<usize> {
    let mut start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let mut left = lines;
    for line in text.get(start..)?.split_inclusive('\n') {
        let content = line.trim_start_matches([' ', '\t']);
        let indentation = line.get(..line.len() - content.len())?;
        if !content.trim().is_empty() {
            if let Some(tab) = indentation.find('\t') {
                return Some(start + tab);
            }
            left -= 1;
        }
        if left == 0 {
            return None;
        }
        start += line.len();
    }
    None
}

fn offset(marker: &Marker) -> usize {
    marker.byte_offset().unwrap_or(0)
}

impl<'a> Builder<'a> {
    fn new(file: usize, text: &'a str, inputs: &'a Inputs<'a>, report: &'a mut Report) -> Self {
        Self {
            file,
            text,
            inputs,
            report,
            nodes: Vec::new(),
            documents: Vec::new(),
            frames: Vec::new(),
            anchors: HashMap::new(),
            anchored: HashSet::new(),
            expansion: 0,
            document: 0,
            last: None,
        }
    }

    fn at(&self, span: Span) -> At {
        let start = offset(&span.start);
        At { file: self.file, start, end: offset(&span.end).max(start) }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Abandoned> {
        let at = self.at(span);
        let tag = event.tag().map(|_| span.tag_span().map_or(at, |tag| self.at(tag)));
        if let Some(tag) = tag {
            let error = Raw::error(Code::UnsupportedYaml, tag, "YAML tags are not supported");
            self.report.push(error.hint("leave the tag out; put a value in quotes to make it a string"));
        }
        match event {
            Event::DocumentStart(..) => {
                self.document = at.start;
                self.anchors.clear();
            }
            Event::Scalar(text, style, anchor, _) => self.scalar(text, style, anchor, at, tag),
            Event::SequenceStart(_, anchor, _) => return self.open(at, anchor, None),
            Event::MappingStart(_, anchor, _) => return self.open(at, anchor, Some(MappingFrame::default())),
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(anchor) => self.alias(anchor, at)?,
            Event::Anchor(..) => {
                // Belongs to the value in what is masked: a password may begin with `&`.
                if let Some(NodeId(last)) = self.last
                    && matches!(self.nodes[last].content, Content::Scalar(_) | Content::Broken)
                {
                    self.nodes[last].at.start = at.start.min(self.nodes[last].at.start);
                }
            }
            Event::UnresolvedAlias(_) => {
                let error = Raw::error(Code::BadAlias, at, "this alias has no anchor above");
                self.report.push(error.hint("put the value in quotes if no alias is meant"));
                self.leaf(at, Content::Broken, 0);
            }
            _ => {}
        }
        Ok(())
    }

    fn syntax_error(&mut self, error: &ScanError) {
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            self.too_deep(offset(error.marker()));
            return;
        }
        let start = self.text.floor_char_boundary(offset(error.marker()).min(self.text.len()));
        let is_about_a_tab = matches!(
            error.kind(),
            ErrorKind::TabNotAllowed
                | ErrorKind::TabInBlockIndentation
                | ErrorKind::TabInIndentation
                | ErrorKind::TabInPlainScalar
                | ErrorKind::TabAtBlockScalarStart
        );
        // The parser finds some of them from the line before.
        if let Some(tab) = indenting_tab(self.text, start, if is_about_a_tab { 2 } else { 1 }) {
            let at = At { file: self.file, start: tab, end: tab + 1 };
            let error = Raw::error(Code::NotYaml, at, "this is not YAML: a tab indents this line");
            self.report.push(error.hint("indent with spaces: YAML takes no tab there"));
            return;
        }
        let end =
            self.text.get(start..).and_then(|t| t.chars().next()).map_or(start, |c| start + c.len_utf8());
        let hint = match error.kind() {
            _ if is_about_a_tab => Some("put spaces in place of the tab"),
            ErrorKind::MappingValueNotAllowed => {
                Some("put a value that holds `: ` in quotes, and indent the keys of a mapping alike")
            }
            ErrorKind::UnclosedQuotedScalar => Some("a quote opens here and is never closed"),
            ErrorKind::ExpectedBlockMappingKey => Some("the keys of a mapping are indented alike"),
            ErrorKind::UnknownQuotedScalarEscape => Some("in single quotes a backslash means itself"),
            _ => None,
        };
        let at = At { file: self.file, start, end };
        let mut raw = Raw::error(Code::NotYaml, at, format!("this is not YAML: {}", error.info()));
        raw.hint = hint.map(str::to_owned);
        self.report.push(raw);
    }

    fn too_deep(&mut self, at: usize) {
        let at = At { file: self.file, start: at, end: at + 1 };
        self.report.push(Raw::error(Code::TooDeep, at, format!("more than {DEEPEST} levels of nesting")));
    }

    /// Gives the current document up; the result is where it began.
    fn abandon(&mut self) -> usize {
        for frame in self.frames.drain(..) {
            self.nodes[frame.id.0].content = Content::Sequence(Vec::new());
        }
        self.document
    }

    fn add(&mut self, at: At, content: Content, weight: usize, height: usize) -> NodeId {
        self.nodes.push(Node { at, content, shown: AtomicBool::new(false), weight, height });
        let id = NodeId(self.nodes.len() - 1);
        self.last = Some(id);
        id
    }

    fn leaf(&mut self, at: At, content: Content, anchor: usize) {
        let text = if let Content::Scalar(scalar) = &content { scalar.text.len() } else { 0 };
        let id = self.add(at, content, NODE_WEIGHT + text, 0);
        self.complete(id, anchor);
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, anchor: usize, at: At, tag: Option<At>) {
        let is_plain = style == ScalarStyle::Plain;
        if let Some(Frame { mapping: Some(mapping), .. }) = self.frames.last_mut()
            && mapping.key.is_none()
        {
            mapping.key = Some(mapping.pending(text.into_owned(), is_plain, at, self.report));
            self.last = None;
            return;
        }
        if let Some(tag) = tag {
            // What a tag makes of a value is not ours to guess.
            self.leaf(At { start: tag.start.min(at.start), ..at }, Content::Broken, anchor);
            return;
        }
        let slice = self.text.get(at.start..at.end).unwrap_or_default();
        let key = self.secret_key();
        let brings_secret = reference::brings_secret(key.unwrap_or_default(), &text);
        let is_left = brings_secret && key.is_some();
        let scalar = |text, interpolated, is_default| {
            Content::Scalar(Scalar { text, plain: is_plain, interpolated, is_default, brings_secret })
        };
        if is_left {
            return self.leaf(at, scalar(text.into_owned(), true, false), anchor);
        }
        let content = match interpolate(&text, slice, at, self.inputs, self.report) {
            Filled::AsItIs => scalar(text.into_owned(), false, false),
            Filled::With { text, is_default } => scalar(text, true, is_default),
            Filled::Failed => Content::Broken,
        };
        self.leaf(at, content, anchor);
    }

    /// The key of the secret reference that the next value belongs to, if it does.
    fn secret_key(&self) -> Option<&str> {
        let last = self.frames.last()?;
        let mapping = match &last.mapping {
            None => self.frames.len().checked_sub(2).and_then(|n| self.frames.get(n))?.mapping.as_ref()?,
            Some(mapping) => mapping,
        };
        match &mapping.key {
            Some(Pending::Key(key, _)) => Some(key.as_str()).filter(|key| SECRET_KEYS.contains(key)),
            _ => None,
        }
    }

    fn open(&mut self, at: At, anchor: usize, mapping: Option<MappingFrame>) -> Result<(), Abandoned> {
        if self.frames.len() >= DEEPEST {
            self.too_deep(at.start);
            return Err(Abandoned);
        }
        let id = self.add(at, Content::Broken, 0, 0);
        self.frames.push(Frame { id, anchor, children: Vec::new(), weight: NODE_WEIGHT, height: 0, mapping });
        Ok(())
    }

    fn close(&mut self, at: At) {
        let Some(frame) = self.frames.pop() else { return };
        let node = &mut self.nodes[frame.id.0];
        node.at.end = at.end.max(node.at.start);
        node.weight = frame.weight;
        node.height = frame.height + 1;
        node.content = match frame.mapping {
            Some(mapping) => Content::Mapping(mapping.entries),
            None => Content::Sequence(frame.children),
        };
        self.complete(frame.id, frame.anchor);
    }

    fn alias(&mut self, anchor: usize, at: At) -> Result<(), Abandoned> {
        let Some(&id) = self.anchors.get(&anchor) else {
            self.report.push(Raw::error(
                Code::BadAlias,
                at,
                "an alias stands within the value that it means",
            ));
            self.leaf(at, Content::Broken, 0);
            return Ok(());
        };
        let target = self.node_mut(id);
        let (weight, height) = (target.weight, target.height);
        self.expansion = self.expansion.saturating_add(weight);
        if self.expansion > LARGEST_EXPANSION {
            self.report.push(Raw::error(
                Code::TooLarge,
                at,
                "the aliases of this file expand to more than 16 MB",
            ));
            return Err(Abandoned);
        }
        if self.frames.len() + height > DEEPEST {
            self.too_deep(at.start);
            return Err(Abandoned);
        }
        if let Some(Frame { mapping: Some(mapping), .. }) = self.frames.last_mut()
            && mapping.key.is_none()
        {
            self.report.push(Raw::error(Code::BadKey, at, "a key must be a string, not an alias"));
            mapping.key = Some(Pending::Refused);
            return Ok(());
        }
        self.complete(id, 0);
        Ok(())
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0]
    }

    /// A value is there: hands it to what it belongs to.
    fn complete(&mut self, id: NodeId, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, id);
            self.anchored.insert(id.0);
        }
        let node = &self.nodes[id.0];
        let at = node.at;
        let Some(frame) = self.frames.last_mut() else {
            let is_empty = matches!(&node.content, Content::Scalar(s) if s.kind() == Plain::Null);
            if !is_empty {
                self.documents.push(id);
            }
            return;
        };
        frame.weight = frame.weight.saturating_add(node.weight);
        frame.height = frame.height.max(node.height);
        let Some(mapping) = &mut frame.mapping else {
            frame.children.push(id);
            return;
        };
        match mapping.key.take() {
            Some(Pending::Key(key, key_at)) => {
                mapping.entries.push(Entry { key, key_at, value: id, again: Vec::new() });
            }
            Some(Pending::Again(number)) => {
                if let Some(entry) = mapping.entries.get_mut(number) {
                    entry.again.push(id);
                }
            }
            Some(Pending::Refused) => {}
            None => {
                self.report.push(Raw::error(
                    Code::BadKey,
                    at,
                    "a key must be a string, not a list or a mapping",
                ));
                mapping.key = Some(Pending::Refused);
            }
        }
    }
}

impl MappingFrame {
    fn pending(&mut self, text: String, is_plain: bool, at: At, report: &mut Report) -> Pending {
        if is_plain && text == "<<" {
            report.push(
                Raw::error(Code::UnsupportedYaml, at, "merge keys (`<<`) are not supported")
                    .hint("write the members out, or give the whole value an anchor and use it as an alias"),
            );
            return Pending::Refused;
        }
        if is_plain && plain(&text) != Plain::Text {
            let error = Raw::error(
                Code::BadKey,
                at,
                format!("a key must be a string, and {} is none", quoted(&text)),
            );
            report.push(error.hint("put it in quotes"));
            return Pending::Refused;
        }
        if text.starts_with('$') {
            let error = Raw::error(Code::BadKey, at, "a key must not begin with `$`");
            report.push(error.hint("references such as ${env:NAME} work in values only"));
            return Pending::Refused;
        }
        if let Some(number) = self.number(&text) {
            let mut error =
                Raw::error(Code::DuplicateKey, at, format!("the key {} is given twice", quoted(&text)));
            if let Some(first) = self.entries.get(number) {
                error = error.related(first.key_at, "it is given here first");
            }
            report.push(error.hint("keep one of the two"));
            return Pending::Again(number);
        }
        if !self.seen.is_empty() {
            self.seen.insert(text.clone(), self.entries.len());
        }
        Pending::Key(text, at)
    }

    /// The number of the entry with this key. Most mappings are so small that looking through them is quickest.
    fn number(&mut self, key: &str) -> Option<usize> {
        const FEW: usize = 16;
        if self.entries.len() < FEW {
            return self.entries.iter().position(|entry| entry.key == key);
        }
        if self.seen.is_empty() {
            self.seen.extend(self.entries.iter().enumerate().map(|(n, entry)| (entry.key.clone(), n)));
        }
        self.seen.get(key).copied()
    }
}
