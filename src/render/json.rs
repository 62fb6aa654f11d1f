//! Machine formats: a plan and a report as JSON with structs of their own, so that the engine may change without them.
//! A new field may come at any time; a changed or dropped one raises `formatVersion`. Equal input gives equal bytes.

#![doc = include_str!("../../docs/json.md")]

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::report::{Class, classes};
use super::request::Precondition;
use super::{request, value, view};
use crate::apply::{Report, StepResult, verb};
use crate::kind::{Leaf, Step, map_leaves};
use crate::plan::{Action, Cause, Drift, FieldChange, Operation, Plan};

/// Version of both formats.
pub const FORMAT_VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanDocument<'p> {
    format_version: u32,
    fingerprint: String,
    destroy: bool,
    applicable: bool,
    place: PlaceDocument<'p>,
    summary: Map<String, Value>,
    operations: Vec<OperationDocument<'p>>,
    drift: Vec<DriftDocument<'p>>,
    notes: Vec<Value>,
    refusals: Vec<Value>,
}

#[derive(Serialize)]
struct PlaceDocument<'p> {
    gateway: &'p str,
    org: &'p str,
    sandbox: &'p str,
}

#[derive(Serialize)]
struct OperationDocument<'p> {
    address: String,
    section: &'static str,
    action: &'static str,
    reason: &'p str,
    id: Option<&'p str>,
    changes: Vec<ChangeDocument<'p>>,
    unchanged: usize,
    requests: Vec<RequestDocument<'p>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeDocument<'p> {
    path: &'p str,
    cause: &'static str,
    before: Value,
    after: Value,
    applied: Value,
    forces_replacement: bool,
    sensitive: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestDocument<'p> {
    step: &'p str,
    title: &'static str,
    only_if_failed: Option<&'p str>,
    method: String,
    path: String,
    query: Map<String, Value>,
    if_match: Value,
    body: Value,
}

#[derive(Serialize)]
struct DriftDocument<'p> {
    address: String,
    id: &'p str,
    gone: bool,
    fields: Vec<DriftedDocument<'p>>,
}

#[derive(Serialize)]
struct DriftedDocument<'p> {
    path: &'p str,
    applied: Value,
    now: Value,
    sensitive: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportDocument<'r> {
    format_version: u32,
    complete: bool,
    interrupted: bool,
    not_recorded: Option<&'r str>,
    elapsed_seconds: f64,
    summary: Map<String, Value>,
    steps: Vec<StepDocument<'r>>,
}

#[derive(Serialize)]
struct StepDocument<'r> {
    step: &'r str,
    address: String,
    verb: &'static str,
    result: &'static str,
    id: Option<&'r str>,
    why: Option<&'r str>,
    hint: Option<&'r str>,
}

/// A plan.
pub fn plan(plan: &Plan) -> Value {
    let note = |address: Option<&crate::kind::Address>, text: &str| {
        let address = address.map(ToString::to_string);
        json!({ "address": address, "text": text })
    };
    let refusals = plan.refusals.iter().map(|r| {
        let mut refusal = note(r.address.as_ref(), &r.text);
        refusal["hint"] = r.hint.as_str().into();
        refusal
    });
    to_value(&PlanDocument {
        format_version: FORMAT_VERSION,
        fingerprint: plan.fingerprint(),
        destroy: plan.destroy,
        applicable: plan.refusals.is_empty(),
        place: PlaceDocument {
            gateway: &plan.place.gateway,
            org: &plan.place.org,
            sandbox: &plan.place.sandbox,
        },
        summary: summary(plan),
        operations: plan.operations.iter().map(operation).collect(),
        drift: plan.drift.iter().map(drift).collect(),
        notes: plan.notes.iter().map(|n| note(n.address.as_ref(), &n.text)).collect(),
        refusals: refusals.collect(),
    })
}

/// A report of an apply that took `elapsed`.
pub fn report(report: &Report, elapsed: Duration) -> Value {
    let mut summary = Map::new();
    let counted = classes(report);
    for class in Class::ALL {
        let count = counted.iter().filter(|(_, c, _)| *c == class).count();
        summary.insert(class.name().to_owned(), count.into());
    }
    let left = counted.iter().filter(|(_, _, left)| *left).count();
    summary.insert(LEFT_IN_PLACE.to_owned(), left.into());
    to_value(&ReportDocument {
        format_version: FORMAT_VERSION,
        complete: report.is_complete(),
        interrupted: report.interrupted,
        not_recorded: report.not_recorded.as_deref(),
        elapsed_seconds: (elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        summary,
        steps: report.steps.iter().map(|(step, result)| became(step, result)).collect(),
    })
}

fn became<'r>(step: &'r Step, result: &'r StepResult) -> StepDocument<'r> {
    let (id, why, hint) = match result {
        StepResult::Done { id, note } => (id.as_deref(), note.as_deref(), None),
        StepResult::LeftInPlace { id, why } => (Some(id.as_str()), Some(why.as_str()), None),
        StepResult::Failed { why, hint } => (None, Some(why.as_str()), hint.as_deref()),
        StepResult::Conflict { why }
        | StepResult::Unknown { why }
        | StepResult::NotTried { because: why } => (None, Some(why.as_str()), None),
    };
    let left = matches!(result, StepResult::LeftInPlace { .. });
    StepDocument {
        step: &step.key,
        address: step.address.to_string(),
        verb: verb(&step.intent),
        result: if left { LEFT_IN_PLACE } else { Class::of(result).name() },
        id,
        why,
        hint,
    }
}

/// How a result, and a count of objects, says that the platform keeps something.
const LEFT_IN_PLACE: &str = "leftInPlace";

/// JSON text, laid out, its last line ended. What a terminal would not show as it is stands escaped.
pub fn to_string(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut safe = String::with_capacity(text.len() + 1);
    for char in text.chars() {
        // Outside of strings JSON has nothing but ASCII and line breaks.
        if char != '\n' && value::is_dangerous(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(char);
        }
    }
    safe.push('\n');
    safe
}

fn to_value(document: &impl Serialize) -> Value {
    serde_json::to_value(document).unwrap_or_default()
}

fn summary(plan: &Plan) -> Map<String, Value> {
    let counts = plan.counts();
    let mut summary = Map::new();
    for action in
        [Action::Create, Action::Adopt, Action::Update, Action::Replace, Action::Delete, Action::Forget]
    {
        let count = counts.get(&action).copied().unwrap_or_default();
        summary.insert(view::verb(action).to_owned(), count.into());
    }
    summary.insert("unchanged".to_owned(), plan.unchanged.into());
    summary.insert("drift".to_owned(), plan.drift.len().into());
    summary.insert("refusals".to_owned(), plan.refusals.len().into());
    summary
}

fn operation(operation: &Operation) -> OperationDocument<'_> {
    OperationDocument {
        address: operation.address.to_string(),
        section: operation.address.kind.section(),
        action: view::verb(operation.action),
        reason: &operation.reason,
        id: operation.id.as_deref(),
        changes: operation.changes.iter().map(changed).collect(),
        unchanged: operation.unchanged,
        requests: request::requests(operation)
            .into_iter()
            .map(|r| RequestDocument {
                step: &r.step.key,
                title: r.title(),
                only_if_failed: r.step.unless.as_deref(),
                if_match: match &r.if_match {
                    Some(Precondition::FromStepBefore) => {
                        json!({ "knownAfterApply": format!("{} etag", r.step.address) })
                    }
                    Some(Precondition::Observed(etag)) => etag.as_str().into(),
                    None => Value::Null,
                },
                body: shown(r.body.as_ref()),
                method: r.method,
                path: r.path,
                query: r.query.into_iter().map(|(name, value)| (name, value.into())).collect(),
            })
            .collect(),
    }
}

fn changed(change: &FieldChange) -> ChangeDocument<'_> {
    let sensitive = view::is_secret(change);
    ChangeDocument {
        path: &change.path,
        cause: match change.cause {
            Cause::Manifest => "manifest",
            Cause::Platform => "platform",
            Cause::Both => "both",
            Cause::Dependency => "dependency",
        },
        before: hidden(change.observed.as_ref(), sensitive),
        after: shown(change.desired.as_ref()),
        applied: hidden(change.applied.as_ref(), sensitive),
        forces_replacement: change.forces_replacement,
        sensitive,
    }
}

fn drift(drift: &Drift) -> DriftDocument<'_> {
    let field = |change| {
        let sensitive = view::is_secret(change);
        DriftedDocument {
            path: &change.path,
            applied: hidden(change.applied.as_ref(), sensitive),
            now: hidden(change.observed.as_ref(), sensitive),
            sensitive,
        }
    };
    DriftDocument {
        address: drift.address.to_string(),
        id: &drift.id,
        gone: drift.gone,
        fields: drift.fields.iter().map(field).collect(),
    }
}

/// A value with its leaves as the format has them.
fn shown(value: Option<&Value>) -> Value {
    let Some(value) = value else { return Value::Null };
    map_leaves(value, &mut |leaf| {
        Some(match leaf {
            Leaf::Id(address) => json!({ "knownAfterApply": format!("{address} id") }),
            Leaf::Version(address) => json!({ "knownAfterApply": format!("{address} version") }),
            Leaf::Soon(seconds) => json!({ "soonAfterCreate": seconds }),
            Leaf::Secret { .. } => json!({ "sensitive": true }),
        })
    })
}

/// A value that may have been a secret before it was said to be one.
fn hidden(value: Option<&Value>, sensitive: bool) -> Value {
    match value {
        Some(_) if sensitive => json!({ "sensitive": true }),
        value => shown(value),
    }
}
