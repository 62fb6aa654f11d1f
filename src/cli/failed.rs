//! How a failure reaches a machine: who reads a command's stdout, and what stands there when the command fails. People are
//! told on stderr, always.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::exit::{Failure, Status};
use super::files::{self, Readers};
use super::output::Output;
use super::session::timestamp;
use super::{now, runs, shown, voice};
use crate::manifest::annotation::{Level, annotation};
use crate::render::json::{self, Class, Failed, Line, Stream};

/// Who reads stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A person, or a machine whose format has no words for a failure: nothing is written, least of all half a document.
    Other,
    /// One JSON document.
    Document,
    /// JSON documents, one a line.
    Lines,
    /// The events of an apply.
    Events,
    /// GitHub's runner.
    Annotations,
}

impl From<runs::Format> for Reader {
    fn from(format: runs::Format) -> Self {
        match format {
            runs::Format::Text => Self::Other,
            runs::Format::Json => Self::Document,
        }
    }
}

impl From<voice::Format> for Reader {
    fn from(format: voice::Format) -> Self {
        match format {
            voice::Format::Text => Self::Other,
            voice::Format::Json => Self::Events,
        }
    }
}

impl From<shown::Format> for Reader {
    fn from(format: shown::Format) -> Self {
        match format {
            shown::Format::Json => Self::Document,
            shown::Format::Github => Self::Annotations,
            _ => Self::Other,
        }
    }
}

impl Reader {
    /// By the words of a command line that could not be understood.
    fn of_words(words: &[String]) -> Self {
        let command = words.iter().find(|word| !word.starts_with('-') && is_command(word));
        let Some(command) = command.map(String::as_str) else { return Self::Other };
        let apart = words.iter().zip(words.iter().skip(1)).filter(|(flag, _)| *flag == "--format");
        let joined = words.iter().filter_map(|word| word.strip_prefix("--format="));
        let given: Vec<&str> = apart.map(|(_, value)| value.as_str()).chain(joined).collect();
        let (json, github) = (given.contains(&"json"), given.contains(&"github"));
        match command {
            "apply" | "destroy" if json => Self::Events,
            "runs" if json && words.iter().any(|word| word == "--watch") => Self::Lines,
            _ if json => Self::Document,
            "plan" | "show" | "validate" if github => Self::Annotations,
            _ => Self::Other,
        }
    }
}

/// Whether a word is a command that knows `--format`.
fn is_command(word: &str) -> bool {
    ["plan", "show", "apply", "destroy", "status", "runs", "explore", "validate", "state"].contains(&word)
}

/// Tells a failure to whoever reads stdout. A document that stands there already is not followed by another one.
pub(crate) fn tell(failure: &Failure, reader: Reader, output: &Output) {
    let failed = failed(failure);
    let redacted = |value: &Value| clean(value, output);
    match reader {
        Reader::Document if !output.has_data() => {
            output.data(&json::to_string(&redacted(&json::error(&failed))));
        }
        Reader::Other | Reader::Document => {}
        Reader::Lines => output.data(&json::to_line(&redacted(&json::error(&failed)))),
        Reader::Events => {
            let line = Stream::default().line(&Line::Error(&failed), &timestamp(now()), Duration::ZERO);
            output.data(&json::to_line(&redacted(&line)));
        }
        Reader::Annotations => output.data(&annotations(failure)),
    }
}

/// Writes a failure where the command's own document would have gone: an older one must not be taken for it.
pub(crate) fn write(failure: Failure, path: &Path, output: &Output) -> Failure {
    if !failure.may_be_written() {
        return failure;
    }
    let text = json::to_string(&clean(&json::error(&failed(&failure)), output));
    if let Err(other) = files::write("the error", path, &text, Readers::Others) {
        output.failure(&other);
    }
    failure
}

/// Tells why a command line could not be understood. The person has been told by what read it.
pub(crate) fn tell_usage(error: &clap::Error, output: &Output) {
    let words: Vec<String> = std::env::args_os()
        .skip(1)
        .take_while(|word| word != &OsString::from("--"))
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let reader = Reader::of_words(&words);
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n").map(|paragraph| {
        paragraph.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    });
    let message = paragraphs.next().unwrap_or_default();
    let failure = Failure::usage(message.trim_start_matches("error: ")).told();
    let tip = paragraphs.find_map(|text| text.strip_prefix("tip: ").map(str::to_owned));
    tell(&failure.hint(tip.unwrap_or_else(|| "--help tells what it takes".to_owned())), reader, output);
}

/// A failure's sort.
fn class(failure: &Failure) -> Class {
    match failure.status {
        Status::Usage => Class::Usage,
        Status::Manifest => Class::Manifest,
        Status::Auth => Class::Auth,
        Status::Locked => Class::Locked,
        Status::Stale => Class::Stale,
        Status::Refused => Class::Refused,
        Status::Partial => Class::Partial,
        Status::State => Class::State,
        Status::Interrupted => Class::Interrupted,
        Status::Success | Status::Error | Status::Changes | Status::Drift => match failure.platform() {
            Some(platform) if platform.status.is_some_and(|status| status >= 300) => Class::Platform,
            Some(_) => Class::Network,
            None => Class::Error,
        },
    }
}

fn failed(failure: &Failure) -> Failed<'_> {
    Failed {
        class: class(failure),
        message: &failure.message,
        causes: &failure.causes,
        hint: failure.hint.as_deref(),
        exit_code: failure.status as u8,
        address: failure.address(),
        platform: failure.platform(),
        problems: failure.problems(),
        refusals: failure.refusals(),
    }
}

/// Every text without secrets, each before JSON's escapes stand in it.
fn clean(value: &Value, output: &Output) -> Value {
    match value {
        Value::String(text) => output.redact(text).into(),
        Value::Array(items) => items.iter().map(|item| clean(item, output)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), clean(value, output))).collect()
        }
        other => other.clone(),
    }
}

/// The mistakes at their lines, or else the failure without one.
fn annotations(failure: &Failure) -> String {
    if let Some(problems) = failure.problems() {
        return problems.github();
    }
    let mut text = failure.message.clone();
    for cause in &failure.causes {
        let _ = write!(text, "\ncaused by: {cause}");
    }
    if let Some(hint) = &failure.hint {
        let _ = write!(text, "\nhelp: {hint}");
    }
    annotation(Level::Error, "flowform", None, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_is_told_by_the_words_of_a_command_line() {
        for (line, reader) in [
            ("plan --frob --format json", Reader::Document),
            ("--color never plan --format=json --frob", Reader::Document),
            ("state show nothing --format json", Reader::Document),
            ("apply --format json --frob", Reader::Events),
            ("destroy --format=json --frob", Reader::Events),
            ("runs --watch --format json --limit 0", Reader::Lines),
            ("plan --format github --frob", Reader::Annotations),
            ("apply --format github", Reader::Other),
            ("plan --json --frob", Reader::Other),
            ("plan --format yaml", Reader::Other),
            ("plan --format", Reader::Other),
            ("frobnicate --format json", Reader::Other),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(Reader::of_words(&words), reader, "{line}");
        }
    }
}
