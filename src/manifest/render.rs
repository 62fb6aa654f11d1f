//! Mistakes for a terminal (rustc's look) and for GitHub's annotations; JSON, SARIF and JUnit are `json`'s, `sarif`'s and
//! `junit`'s.
//! What may be shown was decided before: a [`Snippet`] holds no secret.

use std::collections::HashMap;
use std::fmt::Write;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer};

use super::Position;
use super::annotation::{Level as Mark, annotation, file_name};
use super::diagnostic::{Diagnostic, Place, Problems, Snippet};
use crate::kind::{Code, Severity};

/// More messages than these are counted, not shown.
const SHOWN: usize = 100;

/// More places of one message than these are counted, not shown.
const PLACES: usize = 24;

/// Mistakes that one thing outside of the line causes, so that the same words are about the same thing wherever they
/// are said: a variable, a file that was not named, a setting.
const ONE_CAUSE: &[Code] =
    &[Code::UnsetVariable, Code::UnknownAddress, Code::ApiVersion, Code::ConflictingPlatform];

impl Problems {
    /// For a terminal of this width: what has one cause as one message with its places, errors first where there are
    /// more messages than are shown.
    pub fn text(&self, is_colored: bool, width: usize) -> String {
        let renderer = if is_colored { Renderer::styled() } else { Renderer::plain() }.term_width(width);
        let mut messages = self.by_cause();
        let count = messages.len();
        if count > SHOWN {
            messages.sort_by_key(|(first, _)| std::cmp::Reverse(first.severity));
        }
        let mut shown = 0;
        let mut out = String::new();
        for (first, others) in messages.into_iter().take(SHOWN) {
            shown += 1 + others.len();
            let mut page = renderer.render(&groups(first, &others));
            let places = first.place.iter().chain(first.related.iter().map(|(place, _)| place));
            for place in places {
                page = true_column(&page, place);
            }
            out.push_str(&page);
            out.push_str("\n\n");
        }
        let more = (self.errors + self.warnings).saturating_sub(shown);
        if more > 0 {
            let _ = writeln!(out, "... and {more} more\n");
        }
        out
    }

    /// The count, and in how many files the errors are, where there are several.
    pub fn summary(&self) -> String {
        let faulty = self.files.iter().filter(|file| file.errors > 0).count();
        let files = if faulty > 1 { format!(" in {faulty} files") } else { String::new() };
        format!("{self}{files}")
    }

    /// Each message once, with whatever else has the same cause.
    fn by_cause(&self) -> Vec<(&Diagnostic, Vec<&Diagnostic>)> {
        let mut messages: Vec<(&Diagnostic, Vec<&Diagnostic>)> = Vec::new();
        let mut by_cause: HashMap<(Code, &str, Option<&str>), usize> = HashMap::new();
        for diagnostic in &self.list {
            let cause = (diagnostic.code, diagnostic.message.as_str(), diagnostic.hint.as_deref());
            let known = by_cause.get(&cause).filter(|_| ONE_CAUSE.contains(&diagnostic.code));
            match known.and_then(|number| messages.get_mut(*number)) {
                Some((first, others)) if first.related == diagnostic.related => others.push(diagnostic),
                _ => {
                    by_cause.insert(cause, messages.len());
                    messages.push((diagnostic, Vec::new()));
                }
            }
        }
        messages
    }

    /// Each as one line: place, severity, message.
    pub fn one_line_each(&self) -> Vec<String> {
        let line = |diagnostic: &Diagnostic| {
            let place = diagnostic.place.as_ref().map_or_else(String::new, |place| {
                format!("{}:{}:{}: ", file_name(place), place.position.line, place.position.column)
            });
            format!("{place}{}", diagnostic.message)
        };
        self.list.iter().filter(|d| d.severity == Severity::Error).map(line).collect()
    }

    /// As GitHub's workflow commands, errors first: GitHub shows only the first few.
    pub fn github(&self) -> String {
        let mut list: Vec<&Diagnostic> = self.list.iter().collect();
        list.sort_by_key(|diagnostic| std::cmp::Reverse(diagnostic.severity));
        let mut out = String::new();
        for diagnostic in list {
            let mut message = diagnostic.message.clone();
            for (place, text) in &diagnostic.related {
                let _ = write!(message, "\n{text}: {}:{}", file_name(place), place.position.line);
            }
            if let Some(hint) = &diagnostic.hint {
                let _ = write!(message, "\nhelp: {hint}");
            }
            let level = match diagnostic.severity {
                Severity::Error => Mark::Error,
                Severity::Warning => Mark::Warning,
            };
            let title = format!("flowform {}", diagnostic.code.name());
            out.push_str(&annotation(level, &title, diagnostic.place.as_ref(), &message));
        }
        if self.omitted() > 0 {
            let more = format!("... and {} more", self.omitted());
            out.push_str(&annotation(Mark::Notice, "flowform", None, &more));
        }
        out
    }
}

pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// A message with its line; `others` have the same cause, and are told by their places.
fn groups<'a>(diagnostic: &'a Diagnostic, others: &[&'a Diagnostic]) -> Vec<Group<'a>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut first = Group::with_title(level.primary_title(&diagnostic.message).id(diagnostic.code.name()));
    if let Some(place) = &diagnostic.place {
        first = with_place(first, place, AnnotationKind::Primary);
    }
    let places = others.iter().filter_map(|other| other.place.as_ref());
    for place in places.clone().take(PLACES) {
        let Position { line, column, .. } = place.position;
        first = first.element(Origin::path(file_name(place)).line(line).char_column(column));
    }
    let left = places.count().saturating_sub(PLACES);
    if left > 0 {
        first = first.element(Level::NOTE.message(format!("and in {left} more places")));
    }
    if let Some(hint) = &diagnostic.hint {
        first = first.element(Level::HELP.message(hint));
    }
    let mut groups = vec![first];
    for (place, message) in &diagnostic.related {
        let group = Group::with_title(Level::NOTE.secondary_title(message));
        groups.push(with_place(group, place, AnnotationKind::Context));
    }
    groups
}

fn with_place<'a>(group: Group<'a>, place: &'a Place, kind: AnnotationKind) -> Group<'a> {
    let path = file_name(place);
    match &place.snippet {
        Some(snippet) => group.element(
            annotate_snippets::Snippet::source(&snippet.text)
                .line_start(place.position.line)
                .path(path)
                .annotation(kind.span(snippet.span.clone())),
        ),
        None => {
            group.element(Origin::path(path).line(place.position.line).char_column(place.position.column))
        }
    }
}

/// The renderer takes the column from what is shown; where that is cut or masked, the file's own is put in.
fn true_column(page: &str, place: &Place) -> String {
    let Some(Snippet { text, span }) = &place.snippet else { return page.to_owned() };
    let shown = text.get(..span.start).unwrap_or_default().chars().count() + 1;
    let origin = format!("{}:{}:", file_name(place), place.position.line);
    page.replacen(&format!("{origin}{shown}\n"), &format!("{origin}{}\n", place.position.column), 1)
}
