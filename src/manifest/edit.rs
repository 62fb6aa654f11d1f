//! Changes of a YAML text at the places of its values: quoting, order, comments and whatever else stands there stay.
//!
//! Knows nothing of what a key means. Says what it cannot change instead of guessing; whoever asks reads the result
//! again, so a change that would mean something else than it should is found out.

use std::fmt::Write;
use std::ops::Range;

use serde_json::{Map, Value};

use super::diagnostic::is_invisible;
use super::lines::{Step, walk};
use super::scalar::{self, Plain, plain};
use super::tree::{Content, Entry, NodeId, Scalar, Tree};
use crate::kind::Turn;

/// A text in place of a range of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    range: Range<usize>,
    text: String,
}

/// Why something cannot be changed.
pub(super) type Why = &'static str;

const REFERENCE: Why = "its value comes from a reference such as ${env:NAME}";
const ANCHOR: Why = "an anchor or an alias stands there";
const COMMENTS: Why = "comments stand in what would have to go";
const NO_PLACE: Why = "there is no place for it in the manifest";
const LAYOUT: Why = "the lines around it are laid out in a way that is not edited";

/// The text with the edits made; `None` where two of them meet.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>) -> Option<String> {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for edit in edits {
        out.push_str(text.get(at..edit.range.start)?);
        out.push_str(&edit.text);
        at = edit.range.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

/// Changes of one text.
pub(super) struct Editor<'a> {
    pub(super) text: &'a str,
    pub(super) tree: &'a Tree,
}

impl Editor<'_> {
    /// Makes the value at the end of a way from a section this one; what is missing on the way is added.
    pub(super) fn set(&self, section: NodeId, route: &[Turn], value: &Value) -> Result<Vec<Edit>, Why> {
        let steps = self.steps(section, route)?;
        let node = steps.last().map_or(section, |step| step.node());
        let mut edits = Vec::new();
        match route.get(steps.len()..) {
            None | Some([]) => {
                let entry = steps.last().and_then(|step| step.entry());
                self.replace(node, entry, value, &mut edits)?;
            }
            Some([Turn::Key(key), rest @ ..]) => {
                edits.push(self.add_entry(node, key, &nested(rest, value))?);
            }
            Some(rest @ [Turn::Item { .. } | Turn::Text(_), ..]) => match nested(rest, value) {
                Value::Array(items) => edits.push(self.add_items(node, &items)?),
                _ => return Err(NO_PLACE),
            },
        }
        Ok(edits)
    }

    /// Takes the value at the end of a way out, with its key.
    pub(super) fn remove(&self, section: NodeId, route: &[Turn]) -> Result<Vec<Edit>, Why> {
        let steps = self.steps(section, route)?;
        if steps.len() < route.len() {
            return Err("the manifest does not say it");
        }
        let parent = steps.len().checked_sub(2).and_then(|at| steps.get(at)).copied();
        let container = parent.map_or(section, Step::node);
        let edit = match steps.last() {
            Some(Step::Entry(entry)) => self.remove_entry(container, parent.and_then(Step::entry), entry)?,
            Some(Step::Item(item)) => self.remove_item(container, *item)?,
            None => return Err(NO_PLACE),
        };
        Ok(vec![edit])
    }

    /// The steps of a way, none of them through an anchor: what changes there would change elsewhere too.
    fn steps(&self, section: NodeId, route: &[Turn]) -> Result<Vec<Step<'_>>, Why> {
        let steps = walk(self.tree, section, route);
        let is_shared = |step: &Step<'_>| self.tree.is_anchored(step.node());
        if self.tree.is_anchored(section) || steps.iter().any(is_shared) { Err(ANCHOR) } else { Ok(steps) }
    }

    fn slice(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    fn content(&self, id: NodeId) -> &Content {
        &self.tree.node(id).content
    }

    fn start(&self, id: NodeId) -> usize {
        self.tree.node(id).at.start
    }

    /// Whether a collection is written in brackets.
    fn is_flow(&self, id: NodeId) -> bool {
        self.slice(self.start(id)..self.text.len()).starts_with(['{', '['])
    }

    /// Whether an offset lies within brackets.
    fn is_in_flow(&self, offset: usize) -> bool {
        self.tree.around(offset).any(|id| self.is_flow(id))
    }

    /// Where a value ends, without what may follow it on its line.
    fn end(&self, id: NodeId) -> Result<usize, Why> {
        if self.tree.is_anchored(id) {
            return Err(ANCHOR);
        }
        let at = self.tree.node(id).at;
        let last = match self.content(id) {
            Content::Mapping(entries) if !self.is_flow(id) => {
                entries.last().map(|entry| self.entry_end(entry))
            }
            Content::Sequence(items) if !self.is_flow(id) => items.last().map(|item| self.end(*item)),
            _ => None,
        };
        last.unwrap_or(Ok(at.start + self.slice(at.start..at.end).trim_end().len()))
    }

    /// Where an entry ends; one without a value ends with its colon.
    fn entry_end(&self, entry: &Entry) -> Result<usize, Why> {
        Ok(self.end(entry.value)?.max(self.colon(entry)?))
    }

    /// Behind the colon of an entry.
    fn colon(&self, entry: &Entry) -> Result<usize, Why> {
        let rest = self.slice(entry.key_at.end..self.text.len());
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let has_colon = rest.get(blanks..).is_some_and(|rest| rest.starts_with(':'));
        if has_colon { Ok(entry.key_at.end + blanks + 1) } else { Err(LAYOUT) }
    }

    fn line_start(&self, at: usize) -> usize {
        self.slice(0..at).rfind('\n').map_or(0, |end| end + 1)
    }

    /// Where the line of an offset ends, before what ends it.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.slice(at..self.text.len());
        let line = rest.find('\n').map_or(rest, |end| rest.get(..end).unwrap_or_default());
        at + line.trim_end_matches('\r').len()
    }

    /// What ends the lines of this text.
    fn newline(&self) -> &'static str {
        let first = self.text.find('\n').and_then(|at| at.checked_sub(1));
        if first.is_some_and(|at| self.text.as_bytes().get(at) == Some(&b'\r')) { "\r\n" } else { "\n" }
    }

    /// What stands before an offset on its line.
    fn before(&self, at: usize) -> &str {
        self.slice(self.line_start(at)..at)
    }

    /// Whether a range holds a comment, or something that may be one.
    fn has_comment(&self, range: Range<usize>) -> bool {
        self.slice(range)
            .split_inclusive('\n')
            .any(|line| line.trim_start().starts_with('#') || line.contains(" #") || line.contains("\t#"))
    }

    /// Whether a line of a range is a comment.
    fn has_comment_line(&self, range: Range<usize>) -> bool {
        self.slice(range).split_inclusive('\n').any(|line| line.trim_start().starts_with('#'))
    }

    fn replace(
        &self,
        id: NodeId,
        entry: Option<&Entry>,
        value: &Value,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Why> {
        if self.tree.is_anchored(id) {
            return Err(ANCHOR);
        }
        match (self.content(id), value) {
            (Content::Scalar(scalar), Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
                self.scalar(id, entry, scalar, value, edits)
            }
            (Content::Mapping(entries), Value::Object(members)) => {
                for entry in entries {
                    match members.get(&entry.key) {
                        Some(member) => self.replace(entry.value, Some(entry), member, edits)?,
                        None => edits.push(self.remove_entry(id, None, entry)?),
                    }
                }
                let added = members.iter().filter(|(key, _)| self.tree.entry(id, key).is_none());
                for (key, member) in added {
                    edits.push(self.add_entry(id, key, member)?);
                }
                Ok(())
            }
            (Content::Sequence(items), Value::Array(values)) => {
                for (item, value) in items.iter().zip(values) {
                    self.replace(*item, None, value, edits)?;
                }
                for item in items.iter().skip(values.len().max(1)) {
                    edits.push(self.remove_item(id, *item)?);
                }
                match values.get(items.len()..) {
                    _ if values.is_empty() => Err(NO_PLACE),
                    None | Some([]) => Ok(()),
                    Some(more) => {
                        edits.push(self.add_items(id, more)?);
                        Ok(())
                    }
                }
            }
            // Another sort of value: in brackets it may stand wherever the old one stood on its line.
            _ => {
                let range = self.start(id)..self.end(id)?;
                let old = self.slice(range.clone());
                if old.is_empty() || old.contains('\n') || self.has_comment(range.clone()) {
                    return Err(NO_PLACE);
                }
                edits.push(Edit { range, text: flow(value, true) });
                Ok(())
            }
        }
    }

    /// A single value in place of another, in its way of writing where that can hold it.
    fn scalar(
        &self,
        id: NodeId,
        entry: Option<&Entry>,
        old: &Scalar,
        value: &Value,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Why> {
        if old.interpolated {
            return Err(REFERENCE);
        }
        let range = self.start(id)..self.end(id)?;
        let written = self.slice(range.clone());
        let Some(first) = written.chars().next() else { return Err(LAYOUT) };
        let text = match value {
            Value::String(text) => escaped(text),
            other => other.to_string(),
        };
        let same = if old.plain {
            plain_like(&old.text, &text, value, self.is_in_flow(range.start))
        } else if first == '\'' {
            single_quoted(&text)
        } else if first == '"' {
            Some(double_quoted(&text))
        } else {
            let entry = entry.ok_or(LAYOUT)?;
            return self.block_scalar(entry, range, &text, edits);
        };
        edits.push(Edit { range, text: same.unwrap_or_else(|| double_quoted(&text)) });
        Ok(())
    }

    /// A text in place of one that is written in lines of its own, behind `|` or `>`.
    fn block_scalar(
        &self,
        entry: &Entry,
        content: Range<usize>,
        text: &str,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Why> {
        let colon = self.colon(entry)?;
        let header = self.slice(colon..self.line_end(colon));
        let sign = colon + header.find(['|', '>']).ok_or(LAYOUT)?;
        let rest = self.slice(sign..self.line_end(sign));
        let token = rest.split([' ', '\t']).next().unwrap_or_default();
        let indent = self.before(content.start);
        // An indentation that is given as a number would have to be kept in step.
        if token.contains(|c: char| c.is_ascii_digit()) || !indent.bytes().all(|b| b == b' ') {
            return Err(LAYOUT);
        }
        let body = text.strip_suffix('\n');
        let chomp = if body.is_some() { "" } else { "-" };
        let lines: Vec<&str> = body.unwrap_or(text).split('\n').collect();
        let is_shown = |c: char| !c.is_control() && !is_invisible(c);
        let is_framed = lines.first().is_some_and(|line| !line.is_empty() && !line.starts_with(' '))
            && lines.last().is_some_and(|line| !line.is_empty());
        if !lines.iter().all(|line| line.chars().all(is_shown)) || !is_framed {
            if rest.trim_end().len() > token.len() {
                return Err(COMMENTS);
            }
            edits.push(Edit { range: sign..content.end, text: double_quoted(text) });
            return Ok(());
        }
        // Folding would join lines.
        let sign_char = if lines.len() == 1 && token.starts_with('>') { ">" } else { "|" };
        edits.push(Edit { range: sign..sign + token.len(), text: format!("{sign_char}{chomp}") });
        let mut body = String::new();
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                body.push_str(self.newline());
                body.push_str(if line.is_empty() { "" } else { indent });
            }
            body.push_str(line);
        }
        edits.push(Edit { range: content, text: body });
        Ok(())
    }

    fn add_entry(&self, mapping: NodeId, key: &str, value: &Value) -> Result<Edit, Why> {
        let Content::Mapping(entries) = self.content(mapping) else { return Err(NO_PLACE) };
        if self.tree.is_anchored(mapping) {
            return Err(ANCHOR);
        }
        let key = word(key);
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            let range = self.start(mapping)..self.end(mapping)?;
            return Ok(Edit { range, text: format!("{{ {key}: {} }}", flow(value, true)) });
        };
        let end = self.entry_end(last)?;
        if self.is_flow(mapping) {
            let text = format!(", {key}: {}", flow(value, self.is_padded(mapping)));
            return Ok(Edit { range: end..end, text });
        }
        let at = self.line_end(end);
        let indent = self.before(first.key_at.start).chars().count();
        let text = format!("{}{:indent$}{key}: {}", self.newline(), "", in_block(value));
        Ok(Edit { range: at..at, text })
    }

    /// New items at the end of a list, written like the last.
    fn add_items(&self, list: NodeId, values: &[Value]) -> Result<Edit, Why> {
        let Content::Sequence(items) = self.content(list) else { return Err(NO_PLACE) };
        if self.tree.is_anchored(list) {
            return Err(ANCHOR);
        }
        let Some(&last) = items.last() else {
            let all: Vec<String> = values.iter().map(|value| flow(value, true)).collect();
            let range = self.start(list)..self.end(list)?;
            return Ok(Edit { range, text: format!("[{}]", all.join(", ")) });
        };
        let end = self.end(last)?;
        let keys: Vec<&str> = self.tree.entries(last).iter().map(|entry| entry.key.as_str()).collect();
        let values: Vec<Value> = values.iter().map(|value| ordered(value, &keys)).collect();
        let padded = self.is_padded(last);
        if self.is_flow(list) {
            let values: Vec<String> = values.iter().map(|value| flow(value, padded)).collect();
            let text = format!(", {}", values.join(", "));
            return Ok(Edit { range: end..end, text });
        }
        let dash = self.before(self.start(last));
        let column =
            dash.find('-').filter(|at| dash.trim() == "-" && dash.get(..*at).is_some()).ok_or(LAYOUT)?;
        let gap = dash.len() - column;
        let is_block = matches!(self.content(last), Content::Mapping(_)) && !self.is_flow(last);
        let at = self.line_end(end);
        let mut text = String::new();
        for value in &values {
            let _ = write!(text, "{}{:column$}{:gap$}", self.newline(), "", "-");
            match value {
                Value::Object(members) if is_block && !members.is_empty() => {
                    for (number, (key, member)) in members.iter().enumerate() {
                        if number > 0 {
                            let _ = write!(text, "{}{:width$}", self.newline(), "", width = column + gap);
                        }
                        let _ = write!(text, "{}: {}", word(key), in_block(member));
                    }
                }
                Value::Object(_) | Value::Array(_) => text.push_str(&flow(value, padded)),
                single => text.push_str(&in_block(single)),
            }
        }
        Ok(Edit { range: at..at, text })
    }

    /// Whether a flow mapping has blanks inside its braces; where there is none to look at, it has.
    fn is_padded(&self, id: NodeId) -> bool {
        let start = self.start(id);
        !self.is_flow(id) || self.slice(start + 1..start + 2).starts_with([' ', '\n', '\r'])
    }

    fn remove_item(&self, list: NodeId, item: NodeId) -> Result<Edit, Why> {
        let Content::Sequence(items) = self.content(list) else { return Err(NO_PLACE) };
        let place = items.iter().position(|other| *other == item).ok_or(NO_PLACE)?;
        if items.len() == 1 {
            return Err("it is the only one of its list");
        }
        let (start, end) = (self.start(item), self.end(item)?);
        if self.is_flow(list) {
            let before = place.checked_sub(1).and_then(|at| items.get(at));
            let before = before.map(|id| self.end(*id)).transpose()?;
            let after = items.get(place + 1).map(|id| self.start(*id));
            return self.cut(start..end, before, after);
        }
        let dash = self.before(start);
        if dash.trim() != "-" {
            return Err(LAYOUT);
        }
        self.cut_lines(start, end)
    }

    /// Takes an entry out of its mapping; `of` is the entry whose value the mapping is.
    fn remove_entry(&self, mapping: NodeId, of: Option<&Entry>, entry: &Entry) -> Result<Edit, Why> {
        let entries = self.tree.entries(mapping);
        let place = entries.iter().position(|other| other.key == entry.key).ok_or(NO_PLACE)?;
        let (start, end) = (entry.key_at.start, self.entry_end(entry)?);
        let next = entries.get(place + 1);
        if entries.len() == 1 {
            // An empty mapping says nothing, and stands where one is wanted.
            let from = match of {
                _ if self.is_flow(mapping) => self.start(mapping),
                Some(of) => self.colon(of)?,
                None => return Err(LAYOUT),
            };
            let range = from..self.end(mapping)?;
            if self.has_comment(range.clone()) {
                return Err(COMMENTS);
            }
            let text = if self.is_flow(mapping) { "{}" } else { " {}" };
            return Ok(Edit { range, text: text.to_owned() });
        }
        if self.is_flow(mapping) {
            let before = place.checked_sub(1).and_then(|at| entries.get(at));
            let before = before.map(|entry| self.entry_end(entry)).transpose()?;
            return self.cut(start..end, before, next.map(|next| next.key_at.start));
        }
        if self.before(start).trim().is_empty() {
            return self.cut_lines(start, end);
        }
        // The first of a list's item: the next one takes its place behind the dash.
        let range = start..next.ok_or(LAYOUT)?.key_at.start;
        if self.has_comment(range.clone()) {
            return Err(COMMENTS);
        }
        Ok(Edit { range, text: String::new() })
    }

    /// Takes a piece out of brackets, with the comma before or behind it.
    fn cut(&self, piece: Range<usize>, before: Option<usize>, after: Option<usize>) -> Result<Edit, Why> {
        let range = match (before, after) {
            (Some(before), _) => before..piece.end,
            (None, Some(after)) => piece.start..after,
            (None, None) => piece,
        };
        if self.has_comment(range.clone()) {
            return Err(COMMENTS);
        }
        Ok(Edit { range, text: String::new() })
    }

    /// Takes the lines of a piece out, with what is said behind it on its last.
    fn cut_lines(&self, start: usize, end: usize) -> Result<Edit, Why> {
        let (from, to) = (self.line_start(start), self.line_end(end));
        let behind = self.slice(end..to).trim_start();
        if !(behind.is_empty() || behind.starts_with('#')) {
            return Err(LAYOUT);
        }
        if self.has_comment_line(from..to) {
            return Err(COMMENTS);
        }
        let rest = self.slice(to..self.text.len());
        let ending = if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
        // Of a text without a last line break, the one before goes.
        let from = if ending == 0 { self.slice(0..from).trim_end_matches(['\r', '\n']).len() } else { from };
        Ok(Edit { range: from..to + ending, text: String::new() })
    }
}

/// A value with the members and lists around it that the rest of a way asks for.
fn nested(route: &[Turn], value: &Value) -> Value {
    match route {
        [] => value.clone(),
        [Turn::Key(key), rest @ ..] => Value::Object(Map::from_iter([(key.clone(), nested(rest, value))])),
        [Turn::Item { by, is }, rest @ ..] => {
            let mut members = Map::from_iter([((*by).to_owned(), is.as_str().into())]);
            if let Value::Object(more) = nested(rest, value) {
                members.extend(more);
            }
            Value::Array(vec![Value::Object(members)])
        }
        [Turn::Text(is), ..] => Value::Array(vec![is.as_str().into()]),
    }
}

/// A mapping with its members in this order, the others behind.
fn ordered(value: &Value, keys: &[&str]) -> Value {
    let Value::Object(members) = value else { return value.clone() };
    let known = keys.iter().filter_map(|key| members.get_key_value(*key));
    let others = members.iter().filter(|(key, _)| !keys.contains(&key.as_str()));
    Value::Object(known.chain(others).map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// A text in which nothing is taken for a reference.
fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

/// A value behind a key or a dash, on its line.
fn in_block(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let text = escaped(text);
            if is_plain(&text, false) { text } else { double_quoted(&text) }
        }
        other => flow(other, true),
    }
}

/// A value within brackets, or as brackets.
fn flow(value: &Value, padded: bool) -> String {
    match value {
        Value::String(text) => {
            let text = escaped(text);
            if is_plain(&text, true) { text } else { double_quoted(&text) }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(item, padded)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| format!("{}: {}", word(key), flow(value, padded));
            let members = members.iter().map(member).collect::<Vec<_>>().join(", ");
            if padded { format!("{{ {members} }}") } else { format!("{{{members}}}") }
        }
        other => other.to_string(),
    }
}

/// A key.
fn word(key: &str) -> String {
    if is_plain(key, true) { key.to_owned() } else { double_quoted(key) }
}

/// Whether a text can stand without quotes and is a text then.
fn is_plain(text: &str, in_flow: bool) -> bool {
    let starts = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '.' | '$' | '(' | '+');
    plain(text) == Plain::Text
        && !is_old_bool(text)
        && text.starts_with(starts)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains(|c: char| c.is_control() || is_invisible(c))
        && !(in_flow && text.contains([',', '[', ']', '{', '}', ':', '?']) && !is_path(text))
}

/// What YAML 1.1, and so many a linter, takes for a boolean.
fn is_old_bool(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off")
}

/// A URI's colon is no key's, also in brackets.
fn is_path(text: &str) -> bool {
    !text.contains([',', '[', ']', '{', '}', '?']) && !text.contains(":,") && text.contains("://")
}

/// A value in place of one without quotes, without quotes; `None` if it needs some.
fn plain_like(old: &str, text: &str, value: &Value, in_flow: bool) -> Option<String> {
    let Value::String(_) = value else {
        return Some(as_time(old, value).unwrap_or_else(|| text.to_owned()));
    };
    // The platform gives numbers and booleans as strings, where the manifest has what they are.
    let is_like = |kind: Plain| match kind {
        Plain::Bool(_) => matches!(plain(old), Plain::Bool(_)),
        Plain::Int | Plain::Float => {
            matches!(plain(old), Plain::Int | Plain::Float)
                && scalar::number(text, kind).ok().map(|number| number.to_string()).as_deref() == Some(text)
        }
        Plain::Text => is_plain(text, in_flow),
        Plain::Null => false,
    };
    is_like(plain(text)).then(|| text.to_owned())
}

/// Epoch seconds as a date, where a date stands.
fn as_time(old: &str, value: &Value) -> Option<String> {
    let is_date = scalar::time(old).is_ok() && old.parse::<i64>().is_err();
    let moment = jiff::Timestamp::from_second(value.as_i64()?).ok()?;
    is_date.then(|| moment.to_string())
}

fn single_quoted(text: &str) -> Option<String> {
    let is_shown = |c: char| !c.is_control() && !is_invisible(c);
    text.chars().all(is_shown).then(|| format!("'{}'", text.replace('\'', "''")))
}

fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || is_invisible(c) => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
