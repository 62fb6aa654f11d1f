//! One field's old and new: on one line where it fits, long texts as a diff within the text, secrets as words.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::page::{Page, Part, Tone, columns, parts_columns};
use super::value::{self, field_name, field_value};
use crate::plan::{Cause, FieldChange};

/// What part of an unchanged stretch is shown beside a change, in characters.
const CONTEXT: usize = 24;

/// Below this likeness two texts are shown one after the other.
const ALIKE: f32 = 0.4;

/// A change that an operation makes, with its field's name padded to `column`.
pub(super) fn planned(page: &mut Page<'_>, indent: usize, column: usize, change: &FieldChange) {
    let name = label(change, column);
    let mut remarks = Vec::new();
    if change.cause == Cause::Platform {
        remarks.push("drift: changed on the platform");
    }
    if change.forces_replacement {
        remarks.push("forces replacement");
    }
    let remark = remarks.join(", ");
    if let Some(words) = secret(change) {
        return short(page, indent, name, vec![(Tone::Change, words)], &remark);
    }
    if change.cause == Cause::Both {
        return all_three(page, indent, change, &remark);
    }
    pair(page, indent, name, change, (change.observed.as_ref(), change.desired.as_ref()), &remark);
}

/// A change that the platform made: last applied, and now.
pub(super) fn drifted(page: &mut Page<'_>, indent: usize, column: usize, change: &FieldChange) {
    let name = label(change, column);
    if is_secret(change) {
        return short(page, indent, name, vec![(Tone::Change, value::SENSITIVE.to_owned())], "");
    }
    pair(page, indent, name, change, (change.applied.as_ref(), change.observed.as_ref()), "");
}

/// The widest name among the changes, within reason.
pub(super) fn column<'c>(page: &Page<'_>, changes: impl Iterator<Item = &'c FieldChange>) -> usize {
    let widest = changes.map(|c| columns(&field_name(&c.path))).max().unwrap_or_default();
    widest.min(page.style.width / 3)
}

fn label(change: &FieldChange, column: usize) -> Part {
    (Tone::Plain, format!("{:column$}  ", field_name(&change.path)))
}

/// Whether any of a field's three values is a secret, or holds one.
pub(super) fn is_secret(change: &FieldChange) -> bool {
    [&change.observed, &change.desired, &change.applied].into_iter().any(|v| value::is_secret(v.as_ref()))
}

/// What becomes of a secret. A value that was secret once is not shown, whatever it is now.
pub(super) fn secret(change: &FieldChange) -> Option<String> {
    if !is_secret(change) {
        return None;
    }
    Some(match &change.desired {
        None => format!("{} → {}", value::SENSITIVE, value::NONE),
        Some(desired) if !value::is_secret(Some(desired)) => {
            format!("{} → {}", value::SENSITIVE, value::one_line(desired))
        }
        Some(_) if value::is_secret(change.applied.as_ref()) => "(sensitive, changed)".to_owned(),
        Some(_) => "(sensitive, to be set)".to_owned(),
    })
}

/// A field that both moved: nobody's value is left out.
fn all_three(page: &mut Page<'_>, indent: usize, change: &FieldChange, remark: &str) {
    let text = "changed in the manifest and on the platform".to_owned();
    short(page, indent, label(change, 0), vec![(Tone::Change, text)], remark);
    let values = [
        ("last applied", &change.applied, Tone::Plain),
        ("on the platform", &change.observed, Tone::Remove),
        ("wanted", &change.desired, Tone::Add),
    ];
    for (who, value, tone) in values {
        let shown = field_value(&change.path, value.as_ref());
        page.parts(indent + 4, 17, &[(Tone::Plain, format!("{who:15}  ")), (tone, shown)]);
    }
}

/// Old and new, the shortest way that fits.
fn pair(
    page: &mut Page<'_>,
    indent: usize,
    name: Part,
    change: &FieldChange,
    (old, new): (Option<&Value>, Option<&Value>),
    remark: &str,
) {
    let parts = vec![
        (Tone::Remove, field_value(&change.path, old)),
        (Tone::Plain, " → ".to_owned()),
        (Tone::Add, field_value(&change.path, new)),
    ];
    let has_lines = |v: Option<&Value>| v.and_then(Value::as_str).is_some_and(|t| t.contains('\n'));
    let fits = indent + columns(&name.1) + parts_columns(&parts) <= page.style.width;
    if fits && !has_lines(old) && !has_lines(new) {
        return short(page, indent, name, parts, remark);
    }
    short(page, indent, (Tone::Plain, name.1.trim_end().to_owned() + "  "), Vec::new(), remark);
    match (old, new) {
        (Some(Value::String(_)), Some(Value::String(_))) => {}
        (Some(_), Some(_)) if parts.iter().any(|p| indent + 6 + columns(&p.1) > page.style.width) => {}
        _ => {
            block(page, indent + 4, &parts[0], "- ");
            return block(page, indent + 4, &parts[2], "+ ");
        }
    }
    if let (Some(old), Some(new)) = (old, new) {
        long(page, indent + 4, old, new);
    }
}

/// A name and what is said of it, with a remark behind it or, where there is no room, below.
fn short(page: &mut Page<'_>, indent: usize, name: Part, rest: Vec<Part>, remark: &str) {
    let mut parts = vec![name];
    parts.extend(rest);
    let remark = if remark.is_empty() { String::new() } else { format!("# {remark}") };
    let fits = indent + parts_columns(&parts) + 2 + columns(&remark) <= page.style.width;
    if fits && !remark.is_empty() {
        let space = if parts.last().is_some_and(|p| p.1.ends_with("  ")) { "" } else { "  " };
        parts.push((Tone::Quiet, format!("{space}{remark}")));
    }
    page.parts(indent, 4, &parts);
    if !fits && !remark.is_empty() {
        page.wrapped(indent + 4, 2, Tone::Quiet, &remark);
    }
}

fn block(page: &mut Page<'_>, indent: usize, (tone, text): &Part, sign: &str) {
    page.parts(indent, 2, &[(*tone, format!("{sign}{text}"))]);
}

/// Two long values: what of them differs. Laid out where they hold JSON, unless that is all the difference there is.
fn long(page: &mut Page<'_>, indent: usize, old: &Value, new: &Value) {
    let (mut before, mut after) = (value::lines(old), value::lines(new));
    if before == after {
        (before, after) = (value::json_lines(old), value::json_lines(new));
    }
    let ([one], [other]) = (before.as_slice(), after.as_slice()) else {
        return by_lines(page, indent, &before, &after);
    };
    if let Some(parts) = words(one, other) {
        return page.parts(indent, 0, &parts);
    }
    block(page, indent, &(Tone::Remove, one.clone()), "- ");
    block(page, indent, &(Tone::Add, other.clone()), "+ ");
}

/// Lines that differ, with one line of context and the changed words told apart.
fn by_lines(page: &mut Page<'_>, indent: usize, old: &[String], new: &[String]) {
    let (old, new) = (old.join("\n") + "\n", new.join("\n") + "\n");
    let diff = TextDiff::from_lines(old.as_str(), new.as_str());
    for (number, group) in diff.grouped_ops(1).iter().enumerate() {
        if number > 0 {
            page.line(indent, &[(Tone::Quiet, "…".to_owned())]);
        }
        for change in group.iter().flat_map(|op| diff.iter_inline_changes_deadline(op, None)) {
            let (sign, plain, strong) = match change.tag() {
                ChangeTag::Equal => ("  ", Tone::Plain, Tone::Plain),
                ChangeTag::Delete => ("- ", Tone::Remove, Tone::Removed),
                ChangeTag::Insert => ("+ ", Tone::Add, Tone::Added),
            };
            let mut parts = vec![(plain, sign.to_owned())];
            for (changed, text) in change.values() {
                let text = text.trim_end_matches('\n').to_owned();
                parts.push((if *changed { strong } else { plain }, text));
            }
            page.parts(indent, 2, &parts);
        }
    }
}

/// One text with its changes marked `[-old-]` and `{+new+}`; `None` if the two have too little in common.
pub(super) fn words(old: &str, new: &str) -> Option<Vec<Part>> {
    let diff = TextDiff::from_words(old, new);
    if diff.ratio() < ALIKE {
        return None;
    }
    let mut runs: Vec<(ChangeTag, String)> = Vec::new();
    for change in diff.iter_all_changes() {
        match runs.last_mut() {
            Some((tag, text)) if *tag == change.tag() => text.push_str(change.value()),
            _ => runs.push((change.tag(), change.value().to_owned())),
        }
    }
    let last = runs.len().saturating_sub(1);
    let part = |(index, (tag, text)): (usize, (ChangeTag, String))| match tag {
        ChangeTag::Equal => (Tone::Plain, shortened(&text, index == 0, index == last)),
        ChangeTag::Delete => (Tone::Removed, format!("[-{text}-]")),
        ChangeTag::Insert => (Tone::Added, format!("{{+{text}+}}")),
    };
    Some(runs.into_iter().enumerate().map(part).collect())
}

/// An unchanged stretch with its middle left out; at a text's beginning or end, that side.
fn shortened(text: &str, first: bool, last: bool) -> String {
    let count = columns(text);
    if count <= CONTEXT * 2 + 3 {
        return text.to_owned();
    }
    let head: String = text.chars().take(if first { 0 } else { CONTEXT }).collect();
    let tail: String = text.chars().skip(if last { count } else { count - CONTEXT }).collect();
    let head = head.rsplit_once(' ').map_or(head.as_str(), |(kept, _)| kept);
    let tail = tail.split_once(' ').map_or(tail.as_str(), |(_, kept)| kept);
    match (first, last) {
        (true, _) => format!("… {tail}"),
        (_, true) => format!("{head} …"),
        _ => format!("{head} … {tail}"),
    }
}
