//! Why a command failed, as JSON: one document of its own, or the last event of an apply.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::plan::{RefusalDocument, refusal};
use super::{FORMAT_VERSION, to_value};
use crate::manifest::{Problems, ProblemsDocument};
use crate::plan::Refusal;

/// Why a command failed, as it prints it on stdout where `--format json` is given and no other document tells it. A new
/// field or class may come at any time; a changed or dropped one raises `formatVersion`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "flowform error")]
pub(super) struct ErrorDocument<'e> {
    /// 1.
    format_version: u32,
    /// Present in this document alone: it tells a failure from an answer.
    error: FailureDocument<'e>,
}

/// A failure.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Failure")]
pub(super) struct FailureDocument<'e> {
    class: Class,
    /// What happened.
    message: &'e str,
    /// What it came from, the nearest first.
    causes: &'e [String],
    /// What to do.
    hint: Option<&'e str>,
    /// The command's exit code.
    exit_code: u8,
    /// `pipeline.section` of the object that it is about; null where it is about none, or several.
    address: Option<&'e str>,
    /// What the platform answered, or which request got no answer; null where it was not asked.
    platform: Option<PlatformDocument<'e>>,
    /// What is wrong with the manifest, by itself or by what the platform says of it; null where that is not the reason.
    problems: Option<ProblemsDocument<'e>>,
    /// Why the plan must not be applied.
    refusals: Vec<RefusalDocument<'e>>,
}

/// Sorts of failures. `usage`: the command line. `manifest`: the manifest has mistakes, or the platform would refuse what it
/// says. `auth`: credentials are missing or refused. `locked`: another run holds the state's lock. `stale`: what the plan was
/// made from has changed. `refused`: a guard or a person refused. `partial`: some of it was done. `state`: the state cannot
/// be used. `interrupted`: stopped by a signal. `network`: no usable answer from the platform. `platform`: the platform
/// answered with an error. `error`: anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
#[expect(missing_docs, reason = "the enum's own lines say what each means")]
pub enum Class {
    Usage,
    Manifest,
    Auth,
    Locked,
    Stale,
    Refused,
    Partial,
    State,
    Interrupted,
    Network,
    Platform,
    Error,
}

/// What the platform answered.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Platform")]
struct PlatformDocument<'e> {
    /// Method and path, without the query; null where that is not known.
    request: Option<&'e str>,
    /// HTTP status; null where there was no answer.
    status: Option<u16>,
    /// The platform's own code.
    code: Option<&'e str>,
    /// What it said.
    message: Option<&'e str>,
    /// What Adobe's support asks for.
    request_id: Option<&'e str>,
}

/// A failure, as a command knows it.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'e> {
    /// Its sort.
    pub class: Class,
    /// What happened.
    pub message: &'e str,
    /// What it came from, the nearest first.
    pub causes: &'e [String],
    /// What to do.
    pub hint: Option<&'e str>,
    /// The command's exit code.
    pub exit_code: u8,
    /// The object that it is about.
    pub address: Option<&'e str>,
    /// What the platform answered.
    pub platform: Option<&'e Platform>,
    /// What is wrong with the manifest.
    pub problems: Option<&'e Problems>,
    /// Why the plan must not be applied.
    pub refusals: &'e [Refusal],
}

/// What the platform answered, or which request got no answer.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    /// Method and path.
    pub request: Option<String>,
    /// HTTP status.
    pub status: Option<u16>,
    /// The platform's own code.
    pub code: Option<String>,
    /// What it said.
    pub message: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
}

/// A failure as a document of its own.
pub fn error(failed: &Failed<'_>) -> Value {
    to_value(&ErrorDocument { format_version: FORMAT_VERSION, error: document(failed) })
}

pub(super) fn document<'e>(failed: &Failed<'e>) -> FailureDocument<'e> {
    FailureDocument {
        class: failed.class,
        message: failed.message,
        causes: failed.causes,
        hint: failed.hint,
        exit_code: failed.exit_code,
        address: failed.address,
        platform: failed.platform.map(|platform| PlatformDocument {
            request: platform.request.as_deref(),
            status: platform.status,
            code: platform.code.as_deref(),
            message: platform.message.as_deref(),
            request_id: platform.request_id.as_deref(),
        }),
        problems: failed.problems.map(Problems::document),
        refusals: failed.refusals.iter().map(refusal).collect(),
    }
}
