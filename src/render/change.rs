//! One field's old and new on a terminal: on one line where it fits, long texts as a diff within the text.

use super::difference::{self, Difference, Run};
use super::page::{Page, Part, Tone, columns, padded, parts_columns};
use super::view::{BOTH_MOVED, Becomes, Field, Shown, Sign};

/// A changed field, its name padded to `column`.
pub(super) fn field(page: &mut Page<'_>, indent: usize, column: usize, field: &Field<'_>) {
    let name = |column: usize| (Tone::Plain, padded(&field.name, column) + "  ");
    let remark = field.remarks().join(", ");
    match &field.value {
        Becomes::Secret(words) => {
            short(page, indent, name(column), vec![(Tone::Change, words.clone())], &remark);
        }
        Becomes::Is(shown) => {
            short(page, indent, name(column), vec![(Tone::Plain, shown.line.clone())], &remark);
        }
        Becomes::Conflict { applied, observed, wanted } => {
            short(page, indent, name(0), vec![(Tone::Change, BOTH_MOVED.to_owned())], &remark);
            all_three(page, indent + 4, [applied, observed, wanted]);
        }
        Becomes::Changes(old, new) => pair(page, indent, name(column), old, new, &remark),
    }
}

/// The widest name among the fields, within reason.
pub(super) fn column(page: &Page<'_>, fields: &[Field<'_>]) -> usize {
    let widest = fields.iter().map(|f| columns(&f.name)).max().unwrap_or_default();
    widest.min(page.style.width / 3)
}

/// A field that both moved: nobody's value is left out.
fn all_three(page: &mut Page<'_>, indent: usize, [applied, observed, wanted]: [&Shown<'_>; 3]) {
    let values = [
        ("last applied", applied, Tone::Plain),
        ("on the platform", observed, Tone::Remove),
        ("wanted", wanted, Tone::Add),
    ];
    for (who, value, tone) in values {
        page.parts(indent, 17, &[(Tone::Plain, format!("{who:15}  ")), (tone, value.line.clone())]);
    }
}

/// Old and new, the shortest way that fits.
fn pair(page: &mut Page<'_>, indent: usize, name: Part, old: &Shown<'_>, new: &Shown<'_>, remark: &str) {
    let parts = vec![
        (Tone::Remove, old.line.clone()),
        (Tone::Plain, " → ".to_owned()),
        (Tone::Add, new.line.clone()),
    ];
    let fits = indent + columns(&name.1) + parts_columns(&parts) <= page.style.width;
    if fits && !old.has_lines() && !new.has_lines() {
        return short(page, indent, name, parts, remark);
    }
    short(page, indent, (Tone::Plain, name.1.trim_end().to_owned() + "  "), Vec::new(), remark);
    let wide = |shown: &Shown<'_>| indent + 6 + columns(&shown.line) > page.style.width;
    let compared = !old.is_none() && !new.is_none() && (wide(old) || wide(new));
    if compared || (old.is_text() && new.is_text()) {
        return long(page, indent + 4, old, new);
    }
    block(page, indent + 4, Tone::Remove, &old.line, "- ");
    block(page, indent + 4, Tone::Add, &new.line, "+ ");
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

fn block(page: &mut Page<'_>, indent: usize, tone: Tone, text: &str, sign: &str) {
    page.parts(indent, 2, &[(tone, format!("{sign}{text}"))]);
}

/// Two long values: what of them differs.
fn long(page: &mut Page<'_>, indent: usize, old: &Shown<'_>, new: &Shown<'_>) {
    match difference::between(old, new) {
        Difference::Words(runs) => page.parts(indent, 0, &marked(&runs)),
        Difference::Apart(old, new) => {
            block(page, indent, Tone::Remove, &old, "- ");
            block(page, indent, Tone::Add, &new, "+ ");
        }
        Difference::Lines(groups) => {
            for (number, group) in groups.iter().enumerate() {
                if number > 0 {
                    page.line(indent, &[(Tone::Quiet, "…".to_owned())]);
                }
                for line in group {
                    let (plain, strong) = tones(line.sign);
                    let mut parts = vec![(plain, format!("{} ", line.sign.mark()))];
                    let piece = |(changed, text): &(bool, String)| {
                        (if *changed { strong } else { plain }, text.clone())
                    };
                    parts.extend(line.pieces.iter().map(piece));
                    page.parts(indent, 2, &parts);
                }
            }
        }
    }
}

/// How a line is shown, and what of it differs from the one it takes the place of.
fn tones(sign: Sign) -> (Tone, Tone) {
    match sign {
        Sign::Removed => (Tone::Remove, Tone::Removed),
        Sign::Added => (Tone::Add, Tone::Added),
        Sign::Kept | Sign::Changed => (Tone::Plain, Tone::Plain),
    }
}

/// One text with its changes marked.
pub(super) fn marked(runs: &[Run]) -> Vec<Part> {
    runs.iter().map(|run| (tones(run.sign).1, run.marked())).collect()
}
