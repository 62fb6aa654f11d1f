//! Mistakes as a JUnit report, for the test tabs of CI systems: each file is a test case, which fails by its errors.
//! Builds the document; writes nothing. No times and no ids, so that equal input gives equal bytes.

use std::fmt::Write;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::annotation::file_name;
use super::diagnostic::{Diagnostic, Problems, safe};
use super::render::word;
use crate::kind::Severity;

/// The name of the suite, and the class of every case.
const SUITE: &str = "flowform validate";

impl Problems {
    /// As JUnit's XML: one suite, one case for each file, and one for what no file is to blame for. `failure` is why the run
    /// ended before everything was looked at, if it did: a case of its own, which ends by an error.
    pub fn junit(&self, failure: Option<&str>) -> String {
        let mut suite = TestSuite::new(SUITE);
        if let Some(why) = failure {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(why);
            let mut case = TestCase::new("run", status);
            case.set_classname(SUITE);
            suite.add_test_case(case);
        }
        let without: Vec<&Diagnostic> = self.list.iter().filter(|d| d.place.is_none()).collect();
        if !without.is_empty() {
            let errors = without.iter().filter(|d| d.severity == Severity::Error).count();
            suite.add_test_case(case("manifest", &without, errors));
        }
        for checked in &self.files {
            let of_file = |d: &&Diagnostic| d.place.as_ref().is_some_and(|p| p.position.file == checked.file);
            let found: Vec<&Diagnostic> = self.list.iter().filter(of_file).collect();
            suite.add_test_case(case(&safe(&checked.file.to_string_lossy()), &found, checked.errors));
        }
        let mut report = Report::new(SUITE);
        report.add_test_suite(suite);
        report.to_string().unwrap_or_default()
    }
}

/// A case that has so many errors; not all of them need be among the diagnostics.
fn case(name: &str, diagnostics: &[&Diagnostic], errors: usize) -> TestCase {
    let (failures, warnings): (Vec<&Diagnostic>, Vec<_>) =
        diagnostics.iter().copied().partition(|d| d.severity == Severity::Error);
    let mut status = TestCaseStatus::success();
    if errors > 0 {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let others = errors.saturating_sub(1);
        let message = match failures.first() {
            Some(first) if others == 0 => line(first),
            Some(first) => format!("{} (and {others} more)", line(first)),
            None => format!("{errors} error{}, not listed here", if errors == 1 { "" } else { "s" }),
        };
        status.set_message(message);
        if let Some(first) = failures.first() {
            status.set_type(first.code.name());
        }
        let unlisted = errors.saturating_sub(failures.len());
        let mut text = failures.iter().map(|d| paragraph(d)).collect::<String>();
        if unlisted > 0 {
            let _ = writeln!(text, "... and {unlisted} more");
        }
        status.set_description(text);
    }
    let mut case = TestCase::new(name, status);
    case.set_classname(SUITE);
    if !warnings.is_empty() {
        case.set_system_out(warnings.iter().map(|d| paragraph(d)).collect::<String>());
    }
    case
}

/// `FILE:LINE:COLUMN: MESSAGE`, as compilers write it and editors find it.
fn line(diagnostic: &Diagnostic) -> String {
    match &diagnostic.place {
        Some(place) => {
            let position = &place.position;
            format!("{}:{}:{}: {}", file_name(place), position.line, position.column, diagnostic.message)
        }
        None => diagnostic.message.clone(),
    }
}

fn paragraph(diagnostic: &Diagnostic) -> String {
    let mut text =
        format!("{} [{} {}]\n", line(diagnostic), word(diagnostic.severity), diagnostic.code.name());
    for (place, what) in &diagnostic.related {
        let position = &place.position;
        let _ = writeln!(text, "  {}:{}:{}: {what}", file_name(place), position.line, position.column);
    }
    if let Some(hint) = &diagnostic.hint {
        let _ = writeln!(text, "  help: {hint}");
    }
    text
}
