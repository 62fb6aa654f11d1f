//! Lines of text with colours and a width. The only place that writes escape sequences.

use std::fmt::Write;

use anstyle::{AnsiColor, Effects};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::Style;
use super::value::sanitize;

/// What a piece of text means; its colour only repeats what its words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Quiet,
    Add,
    Change,
    Remove,
    Replace,
    Adopt,
    /// A changed part within what is added.
    Added,
    /// A changed part within what is removed.
    Removed,
}

impl Tone {
    fn style(self) -> anstyle::Style {
        let plain = anstyle::Style::new();
        let colored = |color: AnsiColor| color.on_default();
        match self {
            Self::Plain => plain,
            Self::Strong => plain.bold(),
            Self::Quiet => plain.dimmed(),
            Self::Add => colored(AnsiColor::Green),
            Self::Change => colored(AnsiColor::Yellow),
            Self::Remove => colored(AnsiColor::Red),
            Self::Replace => colored(AnsiColor::Magenta),
            Self::Adopt => colored(AnsiColor::Cyan),
            Self::Added => colored(AnsiColor::Green).effects(Effects::UNDERLINE),
            Self::Removed => colored(AnsiColor::Red).effects(Effects::UNDERLINE),
        }
    }
}

/// A piece of a line.
pub(super) type Part = (Tone, String);

/// How many columns of a terminal a text takes: two for each wide character, none for what joins the one before.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// A text with spaces behind it up to so many columns.
pub(super) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// How many columns the parts take.
pub(super) fn parts_columns(parts: &[Part]) -> usize {
    parts.iter().map(|(_, text)| columns(text)).sum()
}

/// A text being written.
pub(super) struct Page<'a> {
    pub(super) style: &'a Style,
    text: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(style: &'a Style) -> Self {
        Self { style, text: String::new() }
    }

    /// The text, each line ended.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// An empty line, unless there is one or nothing yet.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// One line of parts; spaces at its end are dropped.
    pub(super) fn line(&mut self, indent: usize, parts: &[Part]) {
        let last = parts.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        let Some(last) = last else { return self.text.push('\n') };
        self.text.extend(std::iter::repeat_n(' ', indent));
        for (index, (tone, text)) in parts.iter().enumerate().take(last + 1) {
            // Sanitized by whoever measured it, too: what slipped through there still does not reach a terminal.
            let text = sanitize(if index == last { text.trim_end() } else { text });
            if self.style.color && *tone != Tone::Plain {
                let style = tone.style();
                let _ = write!(self.text, "{style}{text}{style:#}");
            } else {
                self.text.push_str(&text);
            }
        }
        self.text.push('\n');
    }

    /// Text in as many lines as it needs; all but the first begin `hang` columns further in.
    pub(super) fn wrapped(&mut self, indent: usize, hang: usize, tone: Tone, text: &str) {
        self.parts(indent, hang, &[(tone, text.to_owned())]);
    }

    /// Parts in as many lines as they need, broken between words.
    pub(super) fn parts(&mut self, indent: usize, hang: usize, parts: &[Part]) {
        let limit = self.style.width.saturating_sub(indent + hang).max(NARROWEST);
        for (number, line) in wrap(parts, limit, hang).into_iter().enumerate() {
            self.line(if number == 0 { indent } else { indent + hang }, &line);
        }
    }
}

/// No text is broken into narrower lines.
const NARROWEST: usize = 16;

/// Breaks parts into lines of at most `limit` columns, the first of `limit + extra`: between words, a word too long after
/// punctuation, else anywhere.
fn wrap(parts: &[Part], limit: usize, extra: usize) -> Vec<Vec<Part>> {
    let mut lines: Vec<Vec<Part>> = vec![Vec::new()];
    let mut room = limit + extra;
    for (tone, word) in words(parts) {
        let mut rest = word.as_str();
        if columns(rest.trim_end()) > room && lines.last().is_some_and(|line| !line.is_empty()) {
            lines.push(Vec::new());
            room = limit;
        }
        while columns(rest.trim_end()) > room {
            let (head, tail) = rest.split_at(break_point(rest, room));
            append(&mut lines, tone, head);
            lines.push(Vec::new());
            room = limit;
            rest = tail;
        }
        room = room.saturating_sub(columns(rest));
        append(&mut lines, tone, rest);
    }
    lines
}

/// Adds to the last line, and to its last part if that has the same tone.
fn append(lines: &mut [Vec<Part>], tone: Tone, text: &str) {
    let Some(line) = lines.last_mut() else { return };
    match line.last_mut() {
        Some((last, before)) if *last == tone => before.push_str(text),
        _ => line.push((tone, text.to_owned())),
    }
}

/// Each word with the spaces after it.
fn words(parts: &[Part]) -> impl Iterator<Item = (Tone, String)> + '_ {
    parts.iter().flat_map(|(tone, text)| {
        text.split_inclusive(' ').map(move |word| (*tone, word.to_owned())).collect::<Vec<_>>()
    })
}

/// Where to break a word that is wider than `room`: a byte index after at least one character.
fn break_point(word: &str, room: usize) -> usize {
    let mut hard = word.len();
    let mut soft = None;
    for (at, grapheme) in word.grapheme_indices(true) {
        let end = at + grapheme.len();
        if at > 0 && columns(&word[..end]) > room {
            hard = at;
            break;
        }
        if "./_,;:(&|=-".contains(grapheme) {
            soft = Some(end);
        }
    }
    soft.filter(|at| columns(&word[..*at]) * 2 > room).unwrap_or(hard)
}
