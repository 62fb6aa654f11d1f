//! Mistakes as JSON, with structs of their own, from which the published schema is made. Builds the document; writes nothing.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::diagnostic::{Diagnostic, Place, Problems};
use crate::kind::Severity;

/// Format of the document.
const FORMAT_VERSION: u32 = 1;

/// What is wrong with manifests, as `flowform validate --format json` prints it. A new field may come at any time; a changed
/// or dropped one raises `formatVersion`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "flowform validate", rename = "Problems")]
pub(crate) struct ProblemsDocument<'p> {
    /// 1.
    format_version: u32,
    /// Whether there is no error.
    valid: bool,
    error_count: usize,
    warning_count: usize,
    /// How many are counted and not listed.
    omitted_count: usize,
    diagnostics: Vec<DiagnosticDocument<'p>>,
}

/// One mistake. Where it is about no place in a file, `file` and what follows are null.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Diagnostic")]
struct DiagnosticDocument<'p> {
    severity: SeverityDocument,
    /// What sort of mistake it is; docs/validate.md lists them.
    code: &'static str,
    /// What is wrong.
    message: &'p str,
    /// What to do.
    hint: Option<&'p str>,
    file: Option<String>,
    /// From 1.
    line: Option<usize>,
    /// From 1, in characters.
    column: Option<usize>,
    end_line: Option<usize>,
    /// The column after its end.
    end_column: Option<usize>,
    /// What may be shown of the line.
    snippet: Option<&'p str>,
    /// Other places that belong to it.
    related: Vec<RelatedDocument<'p>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Severity")]
enum SeverityDocument {
    Error,
    Warning,
}

/// Another place that belongs to a mistake.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Related")]
struct RelatedDocument<'p> {
    /// What is there.
    message: &'p str,
    file: String,
    line: usize,
    column: usize,
}

/// The JSON Schema of the document.
pub fn problems_schema() -> Value {
    schemars::schema_for!(ProblemsDocument<'_>).to_value()
}

impl Problems {
    /// For programs.
    pub fn json(&self) -> Value {
        serde_json::to_value(self.document()).unwrap_or_default()
    }

    /// The same, as a part of another document.
    pub(crate) fn document(&self) -> ProblemsDocument<'_> {
        ProblemsDocument {
            format_version: FORMAT_VERSION,
            valid: self.errors == 0,
            error_count: self.errors,
            warning_count: self.warnings,
            omitted_count: self.omitted(),
            diagnostics: self.list.iter().map(diagnostic).collect(),
        }
    }
}

fn diagnostic(diagnostic: &Diagnostic) -> DiagnosticDocument<'_> {
    let place = diagnostic.place.as_ref();
    let file = |place: &Place| place.position.file.to_string_lossy().into_owned();
    let related = diagnostic.related.iter().map(|(place, message)| RelatedDocument {
        message,
        file: file(place),
        line: place.position.line,
        column: place.position.column,
    });
    DiagnosticDocument {
        severity: match diagnostic.severity {
            Severity::Error => SeverityDocument::Error,
            Severity::Warning => SeverityDocument::Warning,
        },
        code: diagnostic.code.name(),
        message: &diagnostic.message,
        hint: diagnostic.hint.as_deref(),
        file: place.map(file),
        line: place.map(|p| p.position.line),
        column: place.map(|p| p.position.column),
        end_line: place.map(|p| p.end_line),
        end_column: place.map(|p| p.end_column),
        snippet: place.and_then(|p| p.snippet.as_ref()).map(|s| s.text.as_str()),
        related: related.collect(),
    }
}
