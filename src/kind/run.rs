//! One run of an object that runs: how runs are asked for, and what the platform says of one (platform-api.md 2.8).
//! Runs are observed and never managed.

use std::fmt::Write;

use serde_json::Value;

use super::{usable_id, word};
use crate::wire::Call;

/// More errors than these of one run say nothing new.
const MOST_ERRORS: usize = 20;

/// One run, as far as the platform tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The object that ran.
    pub of: String,
    /// How far it is, or how it ended.
    pub status: RunStatus,
    /// The platform's word for that.
    pub said: String,
    /// Epoch milliseconds of its record's creation.
    pub created: Option<i64>,
    /// Epoch milliseconds of its start.
    pub started: Option<i64>,
    /// Epoch milliseconds of its end.
    pub ended: Option<i64>,
    /// Records that were read.
    pub records_read: Option<u64>,
    /// Records that were written.
    pub records_written: Option<u64>,
    /// Records that failed.
    pub records_failed: Option<u64>,
    /// Bytes that were read.
    pub bytes_read: Option<u64>,
    /// Bytes that were written.
    pub bytes_written: Option<u64>,
    /// What went wrong, each thing once.
    pub errors: Vec<RunError>,
}

/// How far a run is, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// It has not begun.
    Scheduled,
    /// It has not ended.
    InProgress,
    /// All of it arrived.
    Success,
    /// It ended well, and some records failed.
    Partial,
    /// It failed.
    Failed,
    /// Somebody or something ended it before its end.
    Cancelled,
    /// A word that no document has.
    Other,
}

impl RunStatus {
    /// Whether it has ended, one way or the other.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Success | Self::Partial | Self::Failed | Self::Cancelled)
    }

    /// Whether it has ended without what it was to do.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Cancelled)
    }

    /// What a word says. The words are an open set, and each is written in several ways (platform-api.md 2.8); one that no
    /// document has is no success.
    pub(super) fn of(said: &str) -> Self {
        match word(said).as_str() {
            "success" | "succeeded" | "successful" | "completed" | "complete" => Self::Success,
            "partialsuccess"
            | "partialfailure"
            | "partial"
            | "partiallysucceeded"
            | "partiallyfailed"
            | "partiallycompleted"
            | "completedwitherrors" => Self::Partial,
            "failed" | "failure" | "fail" | "error" | "errored" | "timedout" | "timeout" => Self::Failed,
            "canceled" | "cancelled" | "aborted" | "stopped" | "terminated" | "killed" => Self::Cancelled,
            "inprogress" | "running" | "started" | "processing" | "canceling" | "cancelling" => {
                Self::InProgress
            }
            "scheduled" | "queued" | "pending" | "created" | "submitted" => Self::Scheduled,
            _ => Self::Other,
        }
    }

    /// In a person's words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::InProgress => "in progress",
            Self::Success => "success",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Other => "unknown",
        }
    }
}

/// Something that went wrong in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunError {
    /// The platform's code.
    pub code: String,
    /// What it says.
    pub message: String,
    /// How many records it struck, if that is said.
    pub records: Option<u64>,
}

impl RunError {
    /// Code, message and records on one line; of the platform's words nothing is changed.
    pub fn words(&self) -> String {
        let mut words = match (self.code.as_str(), self.message.as_str()) {
            ("", "") => "an error without a word".to_owned(),
            (code, "") => code.to_owned(),
            ("", message) => message.to_owned(),
            (code, message) => format!("{code}: {message}"),
        };
        match self.records {
            None => {}
            Some(1) => words.push_str(" (1 record)"),
            Some(n) => {
                let _ = write!(words, " ({n} records)");
            }
        }
        words
    }
}

/// The read of one page of the runs of these objects, newest first; `collection` is [`super::Spec::runs`].
pub fn list_call(collection: &str, of: &[&str], limit: usize, token: Option<&str>) -> Call {
    let call = Call::get(collection)
        .query("property", format!("flowId=={}", of.join(",")))
        .query("orderby", "-createdAt")
        .query("limit", limit.to_string());
    match token {
        Some(token) => call.query("continuationToken", token),
        None => call,
    }
}

impl Run {
    /// A run as a list shows it; `None` for what is none.
    pub fn observed(item: &Value) -> Option<Self> {
        let text = |key: &str| item.get(key).and_then(Value::as_str);
        let metric = |pointer: &str| item.pointer(&format!("/metrics/{pointer}"));
        let count = |pointer: &str| metric(pointer).and_then(count);
        let time = |value: Option<&Value>| value.and_then(Value::as_i64).filter(|time| *time > 0);
        let records_failed = count("recordSummary/failedRecordCount");
        let errors = errors(item);
        let said = metric("statusSummary/status").and_then(Value::as_str).unwrap_or_default();
        // What is written is new, or changes something that was there (RecordSummaryDTO has no sum).
        let parts =
            ["createdRecordCount", "updatedRecordCount"].map(|c| count(&format!("recordSummary/{c}")));
        let written = match parts {
            [None, None] => None,
            [one, other] => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
        };
        Some(Self {
            id: usable_id(text("id")?)?,
            of: usable_id(text("flowId")?)?,
            status: status(said, records_failed, &errors),
            said: said.to_owned(),
            created: time(item.get("createdAt")),
            started: time(metric("durationSummary/startedAtUTC")),
            ended: time(metric("durationSummary/completedAtUTC")),
            records_read: count("recordSummary/inputRecordCount"),
            records_written: count("recordSummary/outputRecordCount").or(written),
            records_failed,
            bytes_read: count("sizeSummary/inputBytes"),
            bytes_written: count("sizeSummary/outputBytes"),
            errors,
        })
    }

    /// Epoch milliseconds of when it began, or was to; 0 where nothing is said.
    pub fn when(&self) -> i64 {
        self.started.or(self.created).unwrap_or_default()
    }

    /// How long it took, in milliseconds.
    pub fn took(&self) -> Option<u64> {
        let took = self.ended?.checked_sub(self.started?)?;
        u64::try_from(took).ok()
    }
}

/// A number, also one in a string.
fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A run can be a success and still have lost records (platform-api.md 2.8).
fn status(said: &str, failed: Option<u64>, errors: &[RunError]) -> RunStatus {
    let lost = failed.map_or(!errors.is_empty(), |failed| failed > 0);
    match RunStatus::of(said) {
        RunStatus::Success if lost => RunStatus::Partial,
        status => status,
    }
}

/// The errors of the run and of its activities, each once.
fn errors(item: &Value) -> Vec<RunError> {
    let mut found: Vec<RunError> = Vec::new();
    let activities =
        ["activities", "activites"].into_iter().filter_map(|name| item.get(name)?.as_array()).flatten();
    let summaries = item.pointer("/metrics/statusSummary").into_iter();
    for summary in summaries.chain(activities.filter_map(|activity| activity.get("statusSummary"))) {
        let lists = [summary.get("errors"), summary.pointer("/extensions/errors")];
        for list in lists {
            collect_errors(list, &mut found);
        }
    }
    found
}

/// Adds the errors of a list to those that were found, each once.
pub(super) fn collect_errors(list: Option<&Value>, found: &mut Vec<RunError>) {
    for error in list.and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
        let error = RunError {
            code: text("code").to_owned(),
            message: error.as_str().unwrap_or_else(|| text("message")).to_owned(),
            records: error.get("recordCount").and_then(count),
        };
        if found.len() < MOST_ERRORS && !found.contains(&error) {
            found.push(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(metrics: &Value) -> Run {
        Run::observed(&json!({ "id": "r", "flowId": "f", "createdAt": 5, "metrics": metrics })).unwrap()
    }

    fn of(said: &str, failed: &Value, errors: &Value) -> RunStatus {
        run(&json!({
            "statusSummary": { "status": said, "errors": errors },
            "recordSummary": { "failedRecordCount": failed },
        }))
        .status
    }

    #[test]
    fn a_success_that_lost_records_is_partial() {
        let error = json!([{ "code": "X" }]);
        assert_eq!(of("success", &json!(1), &json!([])), RunStatus::Partial);
        assert_eq!(of("Success", &json!("3"), &json!([])), RunStatus::Partial);
        assert_eq!(of("success", &Value::Null, &error), RunStatus::Partial);
        assert_eq!(of("success", &json!(0), &error), RunStatus::Success);
        assert_eq!(of("success", &Value::Null, &json!([])), RunStatus::Success);
        assert_eq!(of("partialSuccess", &json!(0), &json!([])), RunStatus::Partial);
        assert_eq!(of("Failed", &json!(0), &json!([])), RunStatus::Failed);
        assert_eq!(of("inProgress", &Value::Null, &json!([])), RunStatus::InProgress);
        assert_eq!(of("resting", &Value::Null, &json!([])), RunStatus::Other);
    }

    #[test]
    fn a_word_is_read_however_it_is_written() {
        use RunStatus::{Cancelled, Failed, InProgress, Other, Partial, Scheduled, Success};
        let words = [
            (Success, ["SUCCESS", "Completed", " success ", "COMPLETE", "Succeeded"]),
            (
                Partial,
                [
                    "PARTIAL_SUCCESS",
                    "PARTIAL_FAILURE",
                    "partial success",
                    "Partial-Failure",
                    "partialFailure",
                ],
            ),
            (Failed, ["FAILED", "Failure", "ERROR", "Timed Out", "TIMED_OUT"]),
            (Cancelled, ["CANCELLED", "canceled", "Canceled", "ABORTED", "stopped"]),
            (InProgress, ["IN_PROGRESS", "in progress", "In-Progress", "IN__PROGRESS", "in\u{a0}progress"]),
            (Scheduled, ["SCHEDULED", "Queued", "PENDING", "queued ", "_scheduled_"]),
            (Other, ["not success", "UNSUCCESSFUL", "successes", "", "ok"]),
        ];
        for (status, said) in words {
            for said in said {
                assert_eq!(of(said, &Value::Null, &json!([])), status, "{said}");
            }
        }
    }

    #[test]
    fn what_is_not_said_is_not_known_and_nonsense_is_not_said() {
        let run = run(&json!({
            "durationSummary": { "startedAtUTC": 9, "completedAtUTC": 4 },
            "recordSummary": { "inputRecordCount": -1, "createdRecordCount": 2, "updatedRecordCount": 3 },
            "sizeSummary": [],
        }));
        assert_eq!((run.records_read, run.records_written, run.bytes_read), (None, Some(5), None));
        assert_eq!((run.when(), run.took(), run.status), (9, None, RunStatus::Other));
        for none in
            [json!({}), json!([]), json!({ "id": "", "flowId": "f" }), json!({ "id": "r", "flowId": ".." })]
        {
            assert_eq!(Run::observed(&none), None, "{none}");
        }
    }
}
