//! Two texts side by side: rows of old and new, each with what changed within it marked. Pure; writes no HTML.

use similar::{Algorithm, DiffOp, capture_diff_slices, diff_ratio};

/// Unchanged lines shown beside a change.
const CONTEXT: usize = 2;

/// Below this likeness nothing is marked within two texts: all of it changed.
const ALIKE: f32 = 0.4;

/// Texts of more pieces than this together are shown without marks: comparing them takes too long.
const MOST: usize = 20_000;

/// A stretch of a text, and whether the other side has it otherwise.
pub(super) type Run = (bool, String);

/// Rows that lie beside each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// The same on both sides.
    Same(String),
    /// So many lines are the same, and left out.
    Skipped(usize),
    /// Old and new; either may be empty.
    Changed(Vec<Run>, Vec<Run>),
}

/// Compares two texts, by lines if either has several.
pub(super) fn compare(old: &str, new: &str) -> Vec<Rows> {
    let (before, after): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    if before.len().max(after.len()) == 1 || before.len() + after.len() > MOST {
        let (old, new) = words(old, new);
        return vec![Rows::Changed(old, new)];
    }
    let text = |lines: &[&str], from: usize, count: usize| -> String {
        lines.iter().skip(from).take(count).copied().collect::<Vec<_>>().join("\n")
    };
    let ops = capture_diff_slices(Algorithm::Myers, &before, &after);
    let last = ops.len().saturating_sub(1);
    let mut rows = Vec::new();
    for (number, op) in ops.iter().enumerate() {
        let (from, to) = (op.old_range(), op.new_range());
        if !matches!(op, DiffOp::Equal { .. }) {
            let (old, new) = words(&text(&before, from.start, from.len()), &text(&after, to.start, to.len()));
            rows.push(Rows::Changed(old, new));
            continue;
        }
        let (head, tail) = (if number == 0 { 0 } else { CONTEXT }, if number == last { 0 } else { CONTEXT });
        if from.len() <= head + tail + 1 {
            rows.push(Rows::Same(text(&before, from.start, from.len())));
            continue;
        }
        if head > 0 {
            rows.push(Rows::Same(text(&before, from.start, head)));
        }
        rows.push(Rows::Skipped(from.len() - head - tail));
        if tail > 0 {
            rows.push(Rows::Same(text(&before, from.end - tail, tail)));
        }
    }
    rows
}

/// Both texts with the words marked that the other does not have; unmarked if they have too little in common.
fn words(old: &str, new: &str) -> (Vec<Run>, Vec<Run>) {
    let (before, after) = (tokens(old), tokens(new));
    let whole = |text: &str| if text.is_empty() { Vec::new() } else { vec![(false, text.to_owned())] };
    if before.len() + after.len() > MOST {
        return (whole(old), whole(new));
    }
    let ops = capture_diff_slices(Algorithm::Myers, &before, &after);
    if diff_ratio(&ops, before.len(), after.len()) < ALIKE {
        return (whole(old), whole(new));
    }
    let mut sides = (Vec::new(), Vec::new());
    for op in &ops {
        let changed = !matches!(op, DiffOp::Equal { .. });
        push(&mut sides.0, changed, before.get(op.old_range()));
        push(&mut sides.1, changed, after.get(op.new_range()));
    }
    sides
}

/// Appends to the last run if that is of the same sort.
fn push(runs: &mut Vec<Run>, changed: bool, tokens: Option<&[&str]>) {
    let text = tokens.unwrap_or_default().concat();
    match runs.last_mut() {
        _ if text.is_empty() => {}
        Some((last, before)) if *last == changed => before.push_str(&text),
        _ => runs.push((changed, text)),
    }
}

/// Words of letters and digits; everything else one by one, so that expressions are told apart by their parts.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let end = if is_word(first) {
            rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, tail) = rest.split_at(end);
        tokens.push(token);
        rest = tail;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(runs: &[Run]) -> String {
        runs.iter().map(|(changed, text)| if *changed { format!("[{text}]") } else { text.clone() }).collect()
    }

    fn both(old: &str, new: &str) -> Vec<(String, String)> {
        let rows = compare(old, new).into_iter().map(|row| match row {
            Rows::Same(text) => (text.clone(), text),
            Rows::Skipped(lines) => (format!("<{lines}>"), String::new()),
            Rows::Changed(old, new) => (marked(&old), marked(&new)),
        });
        rows.collect()
    }

    #[test]
    fn an_expression_is_compared_by_its_parts() {
        let rows = both("concat(a.first, \" \", a.last)", "concat(a.first, \" \", upper(a.last))");
        assert_eq!(
            rows,
            [("concat(a.first, \" \", a.last)".into(), "concat(a.first, \" \", [upper(]a.last)[)]".into())]
        );
    }

    #[test]
    fn texts_with_nothing_in_common_are_not_marked() {
        assert_eq!(both("15", "30"), [("15".into(), "30".into())]);
    }

    #[test]
    fn lines_lie_beside_each_other_and_what_is_far_from_a_change_is_left_out() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh the end";
        let new = "a\nb\nc\nd\ne\nf\ng\nh the very end\ni";
        let same = |text: &str| (text.to_owned(), text.to_owned());
        assert_eq!(
            both(old, new),
            [
                ("<5>".to_owned(), String::new()),
                same("f\ng"),
                ("h the end".into(), "h the [very ]end[\ni]".into())
            ]
        );
    }

    #[test]
    fn an_added_end_has_nothing_beside_it() {
        assert_eq!(both("a\nb", "a\nb\nc"), [("a\nb".into(), "a\nb".into()), (String::new(), "c".into())]);
    }

    #[test]
    fn a_hostile_length_is_shown_without_being_compared() {
        let old = "a ".repeat(MOST);
        assert_eq!(compare(&old, "b").len(), 1);
        assert_eq!(compare(&"a\n".repeat(MOST), "b").len(), 1);
    }
}
