//! Values and names in words. Whatever comes from a manifest or the platform passes [`sanitize`] before it is shown.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::Value;

use crate::kind::{Leaf, leaf, visit_leaves};

/// What stands where there is nothing.
pub(super) const NONE: &str = "(none)";
/// What stands in place of a secret.
pub(super) const SENSITIVE: &str = "(sensitive)";

/// Text that a terminal shows as it is: control characters, escape sequences, characters that turn the direction of
/// writing and invisible ones are spelled out (`\u{1b}`). Line breaks too: the result is one line.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    spell_out(text, is_dangerous)
}

/// [`sanitize`] for text that may have several lines.
pub fn sanitize_lines(text: &str) -> Cow<'_, str> {
    spell_out(text, |c| c != '\n' && is_dangerous(c))
}

fn spell_out(text: &str, which: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&which) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            char if !which(char) => safe.push(char),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            char => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(char));
            }
        }
    }
    Cow::Owned(safe)
}

/// Whether a character does something else than show itself.
pub(super) fn is_dangerous(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A JSON Pointer as a person writes it: `/scheduleParams/interval` is `scheduleParams.interval`.
pub(super) fn field_name(pointer: &str) -> String {
    let names = pointer.split('/').skip(1).map(|token| {
        let name = unescape(token);
        if name.is_empty() || name.contains(['.', ' ', '"']) { Value::from(name).to_string() } else { name }
    });
    sanitize(&names.collect::<Vec<_>>().join(".")).into_owned()
}

/// A JSON Pointer's token as the name it stands for.
pub(super) fn unescape(token: &str) -> String {
    crate::kind::unescape_pointer(token)
}

/// A leaf in words.
pub(super) fn leaf_words(leaf: &Leaf) -> String {
    match leaf {
        Leaf::Id(address) => format!("(known after apply: {} id)", sanitize(&address.to_string())),
        Leaf::Version(address) => format!("(known after apply: {} version)", sanitize(&address.to_string())),
        Leaf::Soon(seconds) => format!("(about {} after create)", span(*seconds)),
        Leaf::Secret { .. } => SENSITIVE.to_owned(),
    }
}

fn span(seconds: u32) -> String {
    match seconds {
        60 => "1 minute".to_owned(),
        s if s >= 60 && s % 60 == 0 => format!("{} minutes", s / 60),
        s => format!("{s} seconds"),
    }
}

/// Whether there is a secret in it.
pub(super) fn is_secret(value: Option<&Value>) -> bool {
    let mut found = false;
    if let Some(value) = value {
        visit_leaves(value, &mut |leaf| found |= matches!(leaf, Leaf::Secret { .. }));
    }
    found
}

/// A value on one line. A text is bare where it cannot be taken for anything else.
pub(super) fn one_line(value: &Value) -> String {
    if let Some(leaf) = leaf(value) {
        return leaf_words(&leaf);
    }
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(_) => sanitize(&value.to_string()).into_owned(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(item).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{}: {}", sanitize(name), item(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A value among others on one line.
fn item(value: &Value) -> String {
    match value.as_str() {
        Some(text) if text.contains([',', ':', ']', '}']) => sanitize(&value.to_string()).into_owned(),
        _ => one_line(value),
    }
}

/// Whether a text needs no quotes to be told from a number, a leaf, a list or nothing.
fn is_plain(text: &str) -> bool {
    text.trim() == text
        && !text.starts_with(['(', '[', '{', '"', '#'])
        && !text.contains('→')
        && !text.contains(is_dangerous)
        && serde_json::from_str::<Value>(text).is_err()
        && !text.is_empty()
}

/// [`one_line`] of a value that may be absent, with a moment also as a date.
pub(super) fn field_value(pointer: &str, value: Option<&Value>) -> String {
    let Some(value) = value else { return NONE.to_owned() };
    let shown = one_line(value);
    match moment(pointer, value) {
        Some(moment) => format!("{shown} ({moment})"),
        None => shown,
    }
}

/// Epoch seconds as RFC 3339, in fields that hold them.
fn moment(pointer: &str, value: &Value) -> Option<jiff::Timestamp> {
    let seconds = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let seconds = seconds.filter(|_| pointer.ends_with("/startTime"))?;
    jiff::Timestamp::from_second(seconds).ok()
}

/// A text's own lines, or a structure's as JSON; leaves in words. A text that is itself JSON is laid out.
pub(super) fn lines(value: &Value) -> Vec<String> {
    if let Value::String(text) = value {
        return match embedded(text) {
            Some(inner) => lines(&inner),
            None => text.split('\n').map(|line| sanitize(line).into_owned()).collect(),
        };
    }
    json_lines(value)
}

/// A value as JSON, laid out; leaves in words.
pub(super) fn json_lines(value: &Value) -> Vec<String> {
    let mut out = vec![String::new()];
    pretty(value, 0, &mut out);
    out
}

/// The JSON object or array that a text holds.
pub(super) fn embedded(text: &str) -> Option<Value> {
    let text = text.trim();
    text.starts_with(['{', '[']).then(|| serde_json::from_str(text).ok()).flatten()
}

/// Appends JSON to the last of `out`, with leaves in words, which JSON is not: they stand without quotes.
fn pretty(value: &Value, depth: usize, out: &mut Vec<String>) {
    if let Some(leaf) = leaf(value) {
        return append(out, &leaf_words(&leaf));
    }
    match value {
        Value::Object(members) if !members.is_empty() => {
            let named = members.iter().map(|(name, value)| {
                (format!("{}: ", sanitize(&Value::from(name.as_str()).to_string())), value)
            });
            bracketed(('{', '}'), named, depth, out);
        }
        Value::Array(items) if !items.is_empty() => {
            bracketed(('[', ']'), items.iter().map(|item| (String::new(), item)), depth, out);
        }
        other => append(out, &sanitize(&other.to_string())),
    }
}

fn bracketed<'v>(
    (open, close): (char, char),
    members: impl ExactSizeIterator<Item = (String, &'v Value)>,
    depth: usize,
    out: &mut Vec<String>,
) {
    append(out, &open.to_string());
    let last = members.len() - 1;
    for (index, (name, value)) in members.enumerate() {
        out.push(format!("{}{name}", "  ".repeat(depth + 1)));
        pretty(value, depth + 1, out);
        if index < last {
            append(out, ",");
        }
    }
    out.push(format!("{}{close}", "  ".repeat(depth)));
}

fn append(out: &mut [String], text: &str) {
    if let Some(last) = out.last_mut() {
        last.push_str(text);
    }
}
