//! The members of long lists on a terminal: a table of one row per member.

use super::change;
use super::difference;
use super::members::{List, Member};
use super::page::{Page, Part, Tone, columns, padded, parts_columns};
use super::view::{Becomes, Sign};

/// One line of a table.
struct Line {
    sign: Sign,
    tone: Tone,
    name: String,
    /// What it is made from, then what else there is to say.
    remarks: Vec<Vec<Part>>,
}

/// Lists, each below its name.
pub(super) fn lists(page: &mut Page<'_>, indent: usize, lists: &[List<'_>]) {
    for list in lists {
        page.line(indent, &[(Tone::Plain, format!("{}: {}", list.name, list.summary))]);
        let lines: Vec<Line> = list.members.iter().map(line).collect();
        table(page, indent + 2, &lines);
    }
}

fn line(member: &Member<'_>) -> Line {
    let tone = match member.sign {
        Sign::Added => Tone::Add,
        Sign::Removed => Tone::Remove,
        Sign::Kept | Sign::Changed => Tone::Change,
    };
    let mut remarks = Vec::new();
    if let Some(main) = &member.main {
        value(main, "<- ", "", &mut remarks);
    }
    let mut beside = Vec::new();
    for (name, other) in &member.others {
        match other {
            Becomes::Is(shown) => beside.push(format!("{name}: {}", shown.line)),
            changes => value(changes, &format!("({name}: "), ")", &mut remarks),
        }
    }
    if !beside.is_empty() {
        remarks.push(vec![(Tone::Quiet, format!("({})", beside.join(", ")))]);
    }
    if let Some(remark) = member.remark {
        remarks.push(vec![(Tone::Quiet, format!("# {remark}"))]);
    }
    Line { sign: member.sign, tone, name: member.name.clone(), remarks }
}

/// A value, or old and new; for what both moved, also what was last applied; long texts as one with its changes marked.
fn value(value: &Becomes<'_>, open: &str, close: &str, remarks: &mut Vec<Vec<Part>>) {
    let mut parts = vec![(Tone::Plain, open.to_owned())];
    let mut after = None;
    let pair = |old: &str, new: &str| {
        [(Tone::Remove, old.to_owned()), (Tone::Plain, " → ".to_owned()), (Tone::Add, new.to_owned())]
    };
    match value {
        Becomes::Is(shown) => parts.push((Tone::Plain, shown.line.clone())),
        Becomes::Secret(words) => parts.push((Tone::Change, words.clone())),
        Becomes::Changes(old, new) => {
            let long = columns(&old.line) + columns(&new.line) > LONG;
            match long.then(|| difference::words(&old.line, &new.line)).flatten() {
                Some(runs) => parts.extend(change::marked(&runs)),
                None => parts.extend(pair(&old.line, &new.line)),
            }
        }
        Becomes::Conflict { applied, observed, wanted } => {
            parts.extend(pair(&observed.line, &wanted.line));
            after = Some(format!("# both moved it; last applied: {}", applied.line));
        }
    }
    parts.push((Tone::Plain, close.to_owned()));
    remarks.push(parts);
    remarks.extend(after.map(|words| vec![(Tone::Quiet, words)]));
}

/// Old and new longer than this together are shown as one text.
const LONG: usize = 100;

/// Prints the lines with their second column aligned; a row that does not fit goes on below its name.
fn table(page: &mut Page<'_>, indent: usize, lines: &[Line]) {
    let room = page.style.width.saturating_sub(indent + 2);
    let column = lines.iter().map(|l| columns(&l.name)).filter(|c| *c <= room / 2).max().unwrap_or_default();
    for line in lines {
        let sign = (line.tone, format!("{} ", line.sign.mark()));
        let name = |width: usize| (line.tone, padded(&line.name, width));
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
