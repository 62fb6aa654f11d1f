//! What of two long values differs, as data: one text with its changes marked, or the lines that differ.

use similar::{ChangeTag, TextDiff};
use unicode_segmentation::UnicodeSegmentation;

use super::view::{Shown, Sign};

/// What part of an unchanged stretch is shown beside a change, in characters.
const CONTEXT: usize = 24;

/// Below this likeness two texts are shown one after the other.
const ALIKE: f32 = 0.4;

/// How two values differ.
pub(super) enum Difference {
    /// Both on one line and alike: one text, unchanged stretches cut short.
    Words(Vec<Run>),
    /// Groups of lines, each with one line of context on either side.
    Lines(Vec<Vec<Line>>),
    /// Too little in common: the old text, and the new one.
    Apart(String, String),
}

/// A stretch of a text, kept, added or removed.
pub(super) struct Run {
    pub(super) sign: Sign,
    pub(super) text: String,
}

impl Run {
    /// Its text, in brackets that tell its sign: `[-old-]`, `{+new+}`.
    pub(super) fn marked(&self) -> String {
        match self.sign {
            Sign::Removed => format!("[-{}-]", self.text),
            Sign::Added => format!("{{+{}+}}", self.text),
            Sign::Kept | Sign::Changed => self.text.clone(),
        }
    }
}

/// A line, kept, added or removed.
pub(super) struct Line {
    pub(super) sign: Sign,
    /// Its pieces, and whether each differs from the line it takes the place of.
    pub(super) pieces: Vec<(bool, String)>,
}

/// What differs. Laid out where the values hold JSON, unless that is all the difference there is.
pub(super) fn between(old: &Shown<'_>, new: &Shown<'_>) -> Difference {
    let (mut before, mut after) = (old.lines(), new.lines());
    if before == after {
        (before, after) = (old.json_lines(), new.json_lines());
    }
    if let ([one], [other]) = (before.as_slice(), after.as_slice()) {
        return match words(one, other) {
            Some(runs) => Difference::Words(runs),
            None => Difference::Apart(one.clone(), other.clone()),
        };
    }
    Difference::Lines(by_lines(&before, &after))
}

fn by_lines(old: &[String], new: &[String]) -> Vec<Vec<Line>> {
    let (old, new) = (old.join("\n") + "\n", new.join("\n") + "\n");
    let diff = TextDiff::from_lines(old.as_str(), new.as_str());
    let group = |ops: &Vec<similar::DiffOp>| {
        let changes = ops.iter().flat_map(|op| diff.iter_inline_changes_deadline(op, None));
        let line = |change: similar::InlineChange<'_, str>| {
            let piece = |(changed, text): &(bool, &str)| (*changed, text.trim_end_matches('\n').to_owned());
            Line { sign: sign(change.tag()), pieces: change.values().iter().map(piece).collect() }
        };
        changes.map(line).collect()
    };
    diff.grouped_ops(1).iter().map(group).collect()
}

/// One text with its changes marked; `None` if the two have too little in common.
pub(super) fn words(old: &str, new: &str) -> Option<Vec<Run>> {
    let diff = TextDiff::from_words(old, new);
    if diff.ratio() < ALIKE {
        return None;
    }
    let mut runs: Vec<Run> = Vec::new();
    for change in diff.iter_all_changes() {
        match runs.last_mut() {
            Some(run) if run.sign == sign(change.tag()) => run.text.push_str(change.value()),
            _ => runs.push(Run { sign: sign(change.tag()), text: change.value().to_owned() }),
        }
    }
    let last = runs.len().saturating_sub(1);
    for (index, run) in runs.iter_mut().enumerate() {
        if run.sign == Sign::Kept {
            run.text = shortened(&run.text, index == 0, index == last);
        }
    }
    Some(runs)
}

fn sign(tag: ChangeTag) -> Sign {
    match tag {
        ChangeTag::Equal => Sign::Kept,
        ChangeTag::Delete => Sign::Removed,
        ChangeTag::Insert => Sign::Added,
    }
}

/// An unchanged stretch with its middle left out; at a text's beginning or end, that side.
fn shortened(text: &str, first: bool, last: bool) -> String {
    let count = text.graphemes(true).count();
    if count <= CONTEXT * 2 + 3 {
        return text.to_owned();
    }
    let head: String = text.graphemes(true).take(if first { 0 } else { CONTEXT }).collect();
    let tail: String = text.graphemes(true).skip(if last { count } else { count - CONTEXT }).collect();
    let head = head.rsplit_once(' ').map_or(head.as_str(), |(kept, _)| kept);
    let tail = tail.split_once(' ').map_or(tail.as_str(), |(_, kept)| kept);
    match (first, last) {
        (true, _) => format!("… {tail}"),
        (_, true) => format!("{head} …"),
        _ => format!("{head} … {tail}"),
    }
}
