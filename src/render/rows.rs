//! Long lists that a kind owns whole, as tables of one row per member: what is added, removed and changed.

use serde_json::{Map, Value};

use super::change;
use super::page::{Page, Part, Tone, columns, parts_columns};
use super::value::{self, field_name, one_line, sanitize, unescape};
use crate::kind::{Body, Row, Spec};
use crate::plan::{Cause, FieldChange};

/// Which two of a change's three values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// What the platform has, and what is wanted.
    Planned,
    /// What was last applied, and what the platform has.
    Drifted,
}

impl View {
    fn sides(self, change: &FieldChange) -> (Option<&Value>, Option<&Value>) {
        match self {
            Self::Planned => (change.observed.as_ref(), change.desired.as_ref()),
            Self::Drifted => (change.applied.as_ref(), change.observed.as_ref()),
        }
    }
}

/// The owned pointer that `path` lies below.
pub(super) fn owner(spec: &dyn Spec, path: &str) -> Option<&'static str> {
    spec.owned().iter().copied().find(|o| path.strip_prefix(o).is_some_and(|rest| rest.starts_with('/')))
}

/// One line of a table.
struct Line {
    sign: &'static str,
    tone: Tone,
    name: String,
    /// What it is made from, then what else there is to say.
    remarks: Vec<Vec<Part>>,
}

/// The members of a new object.
pub(super) fn created(page: &mut Page<'_>, indent: usize, spec: &dyn Spec, body: &Body) {
    for pointer in spec.owned() {
        let Some(members) = body.pointer(pointer).and_then(Value::as_object) else { continue };
        let lines: Vec<Line> = members
            .iter()
            .map(|(name, member)| {
                let empty = Map::new();
                let fields = member.as_object().unwrap_or(&empty);
                line("+ ", Tone::Add, name, whole(spec.row(), fields.iter().map(|(k, v)| (k.as_str(), v))))
            })
            .collect();
        page.line(indent, &[(Tone::Plain, format!("{}: {}", field_name(pointer), lines.len()))]);
        table(page, indent + 2, &lines);
    }
}

/// The members that change. `body` is the wanted body, if there is one, for what does not change beside what does.
pub(super) fn changed(
    page: &mut Page<'_>,
    indent: usize,
    spec: &dyn Spec,
    changes: &[&FieldChange],
    view: View,
    body: Option<&Body>,
) {
    for pointer in spec.owned() {
        let mut members: Vec<(String, Vec<&FieldChange>)> = Vec::new();
        for change in changes {
            let Some(rest) = change.path.strip_prefix(pointer).and_then(|r| r.strip_prefix('/')) else {
                continue;
            };
            let name = unescape(rest.split('/').next().unwrap_or_default());
            match members.iter_mut().find(|(n, _)| *n == name) {
                Some((_, list)) => list.push(change),
                None => members.push((name, vec![change])),
            }
        }
        if members.is_empty() {
            continue;
        }
        let wanted = body.and_then(|b| b.pointer(pointer));
        let lines: Vec<Line> = members
            .iter()
            .map(|(name, list)| member(spec.row(), name, list, view, wanted.and_then(|w| w.get(name))))
            .collect();
        let count = |sign: &str, word: &str| match lines.iter().filter(|l| l.sign == sign).count() {
            0 => None,
            n => Some(format!("{n} {word}")),
        };
        let counts = [count("+ ", "added"), count("- ", "removed"), count("~ ", "changed")];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        let head = format!("{}: {}", field_name(pointer), counts.join(", "));
        page.line(indent, &[(Tone::Plain, head)]);
        table(page, indent + 2, &lines);
    }
}

/// The name of the field of a member that a change is about.
fn last(change: &FieldChange) -> String {
    unescape(change.path.rsplit('/').next().unwrap_or_default())
}

fn member(row: Row, name: &str, changes: &[&FieldChange], view: View, wanted: Option<&Value>) -> Line {
    let main = changes.iter().find(|c| last(c) == row.main);
    let names: Vec<String> = changes.iter().map(|c| last(c)).collect();
    let side = |right: bool| {
        names.iter().zip(changes).filter_map(move |(name, change)| {
            let (old, new) = view.sides(change);
            Some((name.as_str(), if right { new } else { old }?))
        })
    };
    let both = view == View::Planned && changes.iter().any(|c| c.cause == Cause::Both);
    match main.map(|c| view.sides(c)) {
        Some((None, Some(_))) if !both => line("+ ", Tone::Add, name, whole(row, side(true))),
        Some((Some(_), None)) if !both => {
            let mut rest = whole(row, side(false));
            if view == View::Planned && changes.iter().all(|c| c.cause == Cause::Platform) {
                rest.push(vec![(Tone::Quiet, "# drift: added on the platform".to_owned())]);
            }
            line("- ", Tone::Remove, name, rest)
        }
        _ => line("~ ", Tone::Change, name, differing(row, changes, view, wanted)),
    }
}

/// A member with all its fields: where it comes from, and what else does not go without saying.
fn whole<'v>(row: Row, fields: impl Iterator<Item = (&'v str, &'v Value)>) -> Vec<Vec<Part>> {
    let mut remarks = Vec::new();
    let mut others = Vec::new();
    for (name, value) in fields {
        if name == row.main {
            remarks.push(vec![(Tone::Plain, format!("<- {}", one_line(value)))]);
        } else if value.as_str().is_none_or(|text| !row.implied.contains(&(name, text))) {
            others.push(format!("{}: {}", sanitize(name), one_line(value)));
        }
    }
    if !others.is_empty() {
        remarks.push(vec![(Tone::Quiet, format!("({})", others.join(", ")))]);
    }
    remarks
}

/// A member of which some fields change.
fn differing(row: Row, changes: &[&FieldChange], view: View, wanted: Option<&Value>) -> Vec<Vec<Part>> {
    let mut remarks = Vec::new();
    let (main, others): (Vec<&FieldChange>, Vec<_>) = changes.iter().partition(|c| last(c) == row.main);
    match (main.first(), wanted.and_then(|w| w.get(row.main))) {
        (Some(change), _) => old_and_new(change, view, "<- ", "", &mut remarks),
        (None, Some(same)) => remarks.push(vec![(Tone::Plain, format!("<- {}", one_line(same)))]),
        (None, None) => {}
    }
    for change in others {
        old_and_new(change, view, &format!("({}: ", sanitize(&last(change))), ")", &mut remarks);
    }
    if view == View::Planned && changes.iter().all(|c| c.cause == Cause::Platform) {
        remarks.push(vec![(Tone::Quiet, "# drift: changed on the platform".to_owned())]);
    }
    remarks
}

/// Old and new; for a field that both moved, also what was last applied; long texts as one with its changes marked.
fn old_and_new(change: &FieldChange, view: View, open: &str, close: &str, remarks: &mut Vec<Vec<Part>>) {
    let words = |v: Option<&Value>| v.map_or_else(|| value::NONE.to_owned(), one_line);
    let (old, new) = view.sides(change);
    let (old, new) = (words(old), words(new));
    let secret = change::is_secret(change);
    let both = view == View::Planned && change.cause == Cause::Both && !secret;
    let marked = (!both && columns(&old) + columns(&new) > LONG).then(|| change::words(&old, &new)).flatten();
    let mut parts = vec![(Tone::Plain, open.to_owned())];
    if secret {
        parts.push((Tone::Change, value::SENSITIVE.to_owned()));
    } else if let Some(marked) = marked {
        parts.extend(marked);
    } else {
        parts.extend([(Tone::Remove, old), (Tone::Plain, " → ".to_owned()), (Tone::Add, new)]);
    }
    parts.push((Tone::Plain, close.to_owned()));
    remarks.push(parts);
    if both {
        let applied = words(change.applied.as_ref());
        remarks.push(vec![(Tone::Quiet, format!("# both moved it; last applied: {applied}"))]);
    }
}

/// Old and new longer than this together are shown as one text.
const LONG: usize = 100;

fn line(sign: &'static str, tone: Tone, name: &str, remarks: Vec<Vec<Part>>) -> Line {
    Line { sign, tone, name: sanitize(name).into_owned(), remarks }
}

/// Prints the lines with their second column aligned; a row that does not fit goes on below its name.
fn table(page: &mut Page<'_>, indent: usize, lines: &[Line]) {
    let room = page.style.width.saturating_sub(indent + 2);
    let column = lines.iter().map(|l| columns(&l.name)).filter(|c| *c <= room / 2).max().unwrap_or_default();
    for line in lines {
        let sign = (line.tone, line.sign.to_owned());
        let name = |width: usize| (line.tone, format!("{:width$}", line.name));
        let rest: usize = line.remarks.iter().map(|r| 2 + parts_columns(r)).sum();
        if columns(&line.name).max(column) + rest <= room {
            let mut parts = vec![sign, name(column)];
            for remark in &line.remarks {
                parts.push((Tone::Plain, "  ".to_owned()));
                parts.extend(remark.iter().cloned());
            }
            page.line(indent, &parts);
            continue;
        }
        page.parts(indent, 2, &[sign, name(0)]);
        for (number, remark) in line.remarks.iter().enumerate() {
            page.parts(indent + if number == 0 { 4 } else { 7 }, 3, remark);
        }
    }
}
