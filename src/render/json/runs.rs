//! Runs, and how pipelines stand, as JSON, with structs of their own.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::super::runs::Standing;
use super::{FORMAT_VERSION, to_value};
use crate::kind::{Address, Run, RunError, RunStatus};

/// Runs, newest first, as `flowform runs --format json` prints them. A new field may come at any time; a changed or dropped
/// one raises `formatVersion`. What the platform does not say is null.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "flowform runs")]
pub(super) struct RunsDocument<'r> {
    /// 1.
    format_version: u32,
    runs: Vec<RunDocument<'r>>,
    /// Whether there are older ones that `--limit` left out.
    more: bool,
}

/// One run.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Run")]
pub(super) struct RunDocument<'r> {
    /// The run's id.
    id: &'r str,
    pipeline: &'r str,
    /// `pipeline.section` of the object that ran.
    address: String,
    /// That object's id.
    object_id: &'r str,
    status: StatusDocument,
    /// The platform's own word for its status.
    platform_status: &'r str,
    /// RFC 3339.
    started: Option<String>,
    /// RFC 3339.
    ended: Option<String>,
    /// From start to end.
    duration_seconds: Option<f64>,
    records: CountsDocument,
    /// Records that failed.
    records_failed: Option<u64>,
    bytes: CountsDocument,
    /// What went wrong, each thing once.
    errors: Vec<ErrorDocument<'r>>,
}

/// `partial` is a run that ended and lost records; `cancelled` one that something ended before its end; `other` a word of the platform that no document has.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Status")]
enum StatusDocument {
    Scheduled,
    InProgress,
    Success,
    Partial,
    Failed,
    Cancelled,
    Other,
}

/// What went in and what came out.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReadAndWritten")]
struct CountsDocument {
    read: Option<u64>,
    written: Option<u64>,
}

/// An error of a run.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RunError")]
struct ErrorDocument<'r> {
    /// Empty where there is none.
    code: &'r str,
    message: &'r str,
    /// How many records it struck.
    records: Option<u64>,
}

/// How the managed pipelines stand, as `flowform status --format json` prints it. A new field may come at any time; a changed
/// or dropped one raises `formatVersion`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "flowform status")]
pub(super) struct StandingsDocument<'r> {
    /// 1.
    format_version: u32,
    /// By name.
    pipelines: Vec<StandingDocument<'r>>,
}

/// How one pipeline stands.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Pipeline")]
struct StandingDocument<'r> {
    pipeline: &'r str,
    /// `pipeline.section` of the object of it that runs; null where it has none.
    address: Option<String>,
    /// That object's state in the platform's word, such as `enabled`; null where the object is not to be seen.
    state: Option<&'r str>,
    /// Objects that are not as the last apply left them.
    drift: Vec<DriftedDocument>,
    last_run: Option<RunDocument<'r>>,
    /// RFC 3339, from the schedule; null where it does not tell.
    next_run: Option<String>,
}

/// An object that is not as the last apply left it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Drifted")]
struct DriftedDocument {
    /// `pipeline.section`.
    address: String,
    /// Whether it is not to be seen any more.
    gone: bool,
}

/// Runs.
pub fn runs(runs: &[(Address, Run)], more: bool) -> Value {
    let runs = runs.iter().map(|(address, run)| document(address, run)).collect();
    to_value(&RunsDocument { format_version: FORMAT_VERSION, runs, more })
}

/// How pipelines stand.
pub fn standings(standings: &[Standing]) -> Value {
    let pipelines = standings
        .iter()
        .map(|standing| StandingDocument {
            pipeline: &standing.pipeline,
            address: standing.address.as_ref().map(ToString::to_string),
            state: standing.state.as_deref(),
            drift: standing
                .drift
                .iter()
                .map(|(address, gone)| DriftedDocument { address: address.to_string(), gone: *gone })
                .collect(),
            last_run: standing
                .address
                .as_ref()
                .zip(standing.last.as_ref())
                .map(|(address, run)| document(address, run)),
            next_run: standing.next.and_then(|next| moment(next.checked_mul(1000)?)),
        })
        .collect();
    to_value(&StandingsDocument { format_version: FORMAT_VERSION, pipelines })
}

pub(super) fn document<'r>(address: &'r Address, run: &'r Run) -> RunDocument<'r> {
    let error = |error: &'r RunError| ErrorDocument {
        code: &error.code,
        message: &error.message,
        records: error.records,
    };
    RunDocument {
        id: &run.id,
        pipeline: &address.pipeline,
        address: address.to_string(),
        object_id: &run.of,
        status: match run.status {
            RunStatus::Scheduled => StatusDocument::Scheduled,
            RunStatus::InProgress => StatusDocument::InProgress,
            RunStatus::Success => StatusDocument::Success,
            RunStatus::Partial => StatusDocument::Partial,
            RunStatus::Failed => StatusDocument::Failed,
            RunStatus::Cancelled => StatusDocument::Cancelled,
            RunStatus::Other => StatusDocument::Other,
        },
        platform_status: &run.said,
        started: run.started.and_then(moment),
        ended: run.ended.and_then(moment),
        duration_seconds: run.took().map(|took| std::time::Duration::from_millis(took).as_secs_f64()),
        records: CountsDocument { read: run.records_read, written: run.records_written },
        records_failed: run.records_failed,
        bytes: CountsDocument { read: run.bytes_read, written: run.bytes_written },
        errors: run.errors.iter().map(error).collect(),
    }
}

/// Epoch milliseconds as RFC 3339.
fn moment(millis: i64) -> Option<String> {
    jiff::Timestamp::from_millisecond(millis).ok().map(|time| time.to_string())
}
