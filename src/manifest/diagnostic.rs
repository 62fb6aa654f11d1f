//! Mistakes as data: what is wrong, where, and what to do about it; and the collection of all mistakes of a run.
//!
//! Owns the types that a caller prints or counts. How they look is `render`'s; what a source line may show is `source`'s.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use super::Position;
use crate::kind::{Code, Severity, closest};

/// More than these of one severity are counted, not kept: a broken file of 10 MB holds millions.
const KEPT: usize = 1_000;

/// Something wrong in a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// What sort of mistake it is.
    pub code: Code,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where; `None` when it is about the manifest as a whole.
    pub place: Option<Place>,
    /// Other places that belong to it, each with what is there.
    pub related: Vec<(Place, String)>,
}

/// A place with its source line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it begins.
    pub position: Position,
    /// Line of its end, from 1.
    pub end_line: usize,
    /// Column after its end, from 1, in characters.
    pub end_column: usize,
    /// The source line; `None` where there is none to show.
    pub snippet: Option<Snippet>,
}

/// What may be shown of a source line: long ones cut, values that may be secret masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// The text.
    pub text: String,
    /// Byte range of the place in the text.
    pub span: std::ops::Range<usize>,
}

/// All that is wrong with a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// In the order of files and lines; at most 1,000 of each severity.
    pub list: Vec<Diagnostic>,
    /// How many errors there are, also those not in the list.
    pub errors: usize,
    /// How many warnings there are, also those not in the list.
    pub warnings: usize,
    /// Every file that was looked at, in order.
    pub files: Vec<Checked>,
}

/// A file that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The file, as the person named it.
    pub file: PathBuf,
    /// How many errors are in it, also those not in the list.
    pub errors: usize,
}

impl Problems {
    /// Whether there is neither an error nor a warning.
    pub fn is_empty(&self) -> bool {
        self.errors + self.warnings == 0
    }

    /// Line and message of every listed error that has a place.
    pub(crate) fn lines_of_errors(&self) -> impl Iterator<Item = (usize, &str)> {
        let errors = self.list.iter().filter(|d| d.severity == Severity::Error);
        errors.filter_map(|d| Some((d.place.as_ref()?.position.line, d.message.as_str())))
    }

    /// These and others, found later in the same files.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        if self.is_empty() && self.files.is_empty() {
            return others;
        }
        let errors = others.list.iter().filter(|d| d.severity == Severity::Error);
        for place in errors.filter_map(|d| d.place.as_ref()) {
            if let Some(checked) = self.files.iter_mut().find(|f| f.file == place.position.file) {
                checked.errors += 1;
            }
        }
        self.list.extend(others.list);
        self.errors += others.errors;
        self.warnings += others.warnings;
        self
    }

    /// How many are counted but not in the list.
    pub fn omitted(&self) -> usize {
        (self.errors + self.warnings).saturating_sub(self.list.len())
    }
}

/// The counts, as in `2 errors, 1 warning`.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        match (self.errors, self.warnings) {
            (0, 0) => f.write_str("no mistakes"),
            (e, 0) => write!(f, "{e} error{}", plural(e)),
            (0, w) => write!(f, "{w} warning{}", plural(w)),
            (e, w) => write!(f, "{e} error{}, {w} warning{}", plural(e), plural(w)),
        }
    }
}

impl std::error::Error for Problems {}

/// A range of bytes in one of the run's files, by the file's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) file: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A diagnostic before its places are looked up in the sources.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) severity: Severity,
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) at: Option<At>,
    pub(super) related: Vec<(At, String)>,
}

impl Raw {
    pub(super) fn new(
        severity: Severity,
        code: Code,
        at: impl Into<Option<At>>,
        message: impl Into<String>,
    ) -> Self {
        Self { severity, code, message: message.into(), hint: None, at: at.into(), related: Vec::new() }
    }

    pub(super) fn error(code: Code, at: impl Into<Option<At>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, at, message)
    }

    pub(super) fn warning(code: Code, at: impl Into<Option<At>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, at, message)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn related(mut self, at: At, message: impl Into<String>) -> Self {
        self.related.push((at, message.into()));
        self
    }
}

/// Collects what is found.
#[derive(Debug, Default)]
pub(super) struct Report {
    kept: Vec<Raw>,
    errors: usize,
    warnings: usize,
    /// Errors by the file's number.
    by_file: Vec<usize>,
    /// Names of the variables that the manifests refer to.
    used: BTreeSet<String>,
}

impl Report {
    pub(super) fn push(&mut self, raw: Raw) {
        let count = match raw.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if let (Severity::Error, Some(At { file, .. })) = (raw.severity, raw.at) {
            if self.by_file.len() <= file {
                self.by_file.resize(file + 1, 0);
            }
            if let Some(errors) = self.by_file.get_mut(file) {
                *errors += 1;
            }
        }
        if *count <= KEPT {
            self.kept.push(raw);
        }
    }

    /// Notes that a manifest refers to the variable of this name.
    pub(super) fn uses(&mut self, variable: &str) {
        if !self.used.contains(variable) {
            self.used.insert(variable.to_owned());
        }
    }

    /// Names of the variables that the manifests refer to.
    pub(super) fn used(&self) -> &BTreeSet<String> {
        &self.used
    }

    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    pub(super) fn is_empty(&self) -> bool {
        self.errors + self.warnings == 0
    }

    /// The files of the run with their errors; `files` are in the order of their numbers.
    pub(super) fn files(&self, files: impl Iterator<Item = PathBuf>) -> Vec<Checked> {
        let errors = self.by_file.iter().copied().chain(std::iter::repeat(0));
        files.zip(errors).map(|(file, errors)| Checked { file, errors }).collect()
    }

    /// The problems, in the order of files and lines; `place` looks a place up.
    pub(super) fn finish(mut self, mut place: impl FnMut(At) -> Place) -> Problems {
        self.kept.sort_by_key(|raw| raw.at);
        let list = self.kept.into_iter().map(|raw| Diagnostic {
            severity: raw.severity,
            code: raw.code,
            message: safe(&raw.message),
            hint: raw.hint.as_deref().map(safe),
            place: raw.at.map(&mut place),
            related: raw.related.into_iter().map(|(at, message)| (place(at), safe(&message))).collect(),
        });
        Problems { list: list.collect(), errors: self.errors, warnings: self.warnings, files: Vec::new() }
    }
}

/// A person's own words for use in a message: one line, and not too long.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut short: String = text.chars().take(LONGEST).flat_map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

fn visible(c: char) -> Vec<char> {
    if c.is_control() || is_invisible(c) { c.escape_unicode().collect() } else { vec![c] }
}

/// A text that may quote anybody's words, with all that a terminal would not show as it is spelled out.
pub(super) fn safe(text: &str) -> String {
    text.chars().flat_map(|c| if c == '\n' { vec![c] } else { visible(c) }).collect()
}

impl Snippet {
    /// The same, with what a terminal would not show as it is spelled out.
    pub(super) fn safe(self) -> Self {
        let is_shown = |c: char| c == '\t' || !(c.is_control() || is_invisible(c));
        if self.text.chars().all(is_shown) {
            return self;
        }
        let mut text = String::with_capacity(self.text.len() + 16);
        let (mut start, mut end) = (None, None);
        for (at, c) in self.text.char_indices() {
            start = start.or((at >= self.span.start).then_some(text.len()));
            end = end.or((at >= self.span.end).then_some(text.len()));
            if is_shown(c) { text.push(c) } else { text.extend(visible(c)) }
        }
        let span = start.unwrap_or(text.len())..end.unwrap_or(text.len());
        Self { text, span }
    }
}

/// Characters that reorder or hide text around them, so that a reviewer reads something else than is there.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// "did you mean `x`?" for a word that is not among the known ones.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(word, known).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Words as a list for a sentence.
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}
