//! The requests of an operation as they will be sent, with leaves in place of what is secret or not known yet.

use std::collections::BTreeSet;

use json_patch::PatchOperation;
use serde_json::Value;

use super::page::{Page, Part, Tone, columns, parts_columns};
use super::value::{self, one_line, sanitize};
use crate::kind::{Intent, Step};
use crate::plan::{Action, Operation};

/// What stands in a path for the id of an object that is not there yet.
const NEW_ID: &str = "{id}";

/// [`NEW_ID`] in characters that no path escapes.
const NEW_ID_SEGMENT: &str = "~new~id~";

/// One request of a step.
pub(super) struct Request<'p> {
    /// The step.
    pub(super) step: &'p Step,
    /// The verb.
    pub(super) method: String,
    /// Path from the gateway's root.
    pub(super) path: String,
    /// Query parameters.
    pub(super) query: Vec<(String, String)>,
    /// JSON body, with leaves.
    pub(super) body: Option<Value>,
    /// Its precondition.
    pub(super) if_match: Option<Precondition>,
}

/// What `If-Match` holds.
pub(super) enum Precondition {
    /// The etag that was observed.
    Observed(String),
    /// What an earlier step of the operation will leave behind.
    FromStepBefore,
}

/// Every request of an operation, in the order of its steps.
pub(super) fn requests(operation: &Operation) -> Vec<Request<'_>> {
    let mut written: BTreeSet<&str> = BTreeSet::new();
    let mut requests = Vec::new();
    for step in &operation.steps {
        let id = match &step.intent {
            Intent::Update { id, .. } => Some(id.as_str()),
            Intent::Switch { id, .. } => id.as_deref(),
            _ => None,
        };
        let moved = id.is_some_and(|id| !written.insert(id));
        for call in step.address.kind.spec().calls(&addressable(&step.intent)) {
            requests.push(Request {
                step,
                method: call.method.to_string(),
                path: call.path.replace(NEW_ID_SEGMENT, NEW_ID),
                query: call.query,
                body: call.body,
                if_match: call.if_match.map(|etag| {
                    if moved {
                        Precondition::FromStepBefore
                    } else {
                        Precondition::Observed(etag.as_str().to_owned())
                    }
                }),
            });
        }
    }
    requests
}

/// The intent with a word in place of an id that only the create before it will tell.
fn addressable(intent: &Intent) -> Intent {
    let mut intent = intent.clone();
    if let Intent::Switch { id, .. } = &mut intent
        && id.is_none()
    {
        *id = Some(NEW_ID_SEGMENT.to_owned());
    }
    intent
}

/// What a step does, in words that tell the old object of a replacement from the new one.
pub(super) fn title(action: Action, step: &Step) -> &'static str {
    let replacing = action == Action::Replace;
    match &step.intent {
        Intent::Create { .. } if replacing => "create new",
        Intent::Create { .. } => "create",
        Intent::Update { .. } => "update",
        Intent::Switch { on, id, .. } => match (replacing, id.is_none(), on) {
            (true, true, true) => "enable new",
            (true, true, false) => "disable new",
            (true, false, true) => "enable old",
            (true, false, false) => "disable old",
            (false, _, true) => "enable",
            (false, _, false) => "disable",
        },
        Intent::Delete { .. } if replacing => "delete old",
        Intent::Delete { .. } => "delete",
        Intent::Adopt { .. } => "adopt",
        Intent::Forget { .. } => "forget",
    }
}

/// Prints a request: its line, its precondition, and its body; `full` leaves nothing out.
pub(super) fn print(page: &mut Page<'_>, indent: usize, request: &Request<'_>, full: bool) {
    let mut target = format!("{} {}", request.method, sanitize(&request.path));
    for (index, (name, value)) in request.query.iter().enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        target.push_str(&sanitize(&format!("{name}={value}")));
    }
    let mut parts: Vec<Part> = vec![(Tone::Strong, target)];
    let condition = condition(request);
    let beside = indent + parts_columns(&parts) + 2 + columns(&condition) <= page.style.width;
    if beside && !condition.is_empty() {
        parts.push((Tone::Plain, format!("  {condition}")));
    }
    page.line(indent, &parts);
    if !beside && !condition.is_empty() {
        page.line(indent + 2, &[(Tone::Plain, condition)]);
    }
    match &request.body {
        None => {}
        Some(Value::Array(operations)) if request.method == "PATCH" => {
            for operation in operations {
                patch(page, indent + 2, operation, full);
            }
        }
        Some(body) if full => {
            for line in value::json_lines(body) {
                page.line(indent + 2, &[(Tone::Plain, line)]);
            }
        }
        Some(_) => {
            let text = "the whole body as wanted (shown with the requests)";
            page.line(indent + 2, &[(Tone::Quiet, text.to_owned())]);
        }
    }
}

fn condition(request: &Request<'_>) -> String {
    match &request.if_match {
        None => String::new(),
        Some(Precondition::FromStepBefore) => {
            "If-Match: (known after apply: as the step before leaves it)".to_owned()
        }
        Some(Precondition::Observed(etag)) => format!("If-Match: {}", sanitize(etag)),
    }
}

/// One operation of a JSON Patch: `replace /scheduleParams/interval  30`.
fn patch(page: &mut Page<'_>, indent: usize, operation: &Value, full: bool) {
    let Ok(parsed) = serde_json::from_value::<PatchOperation>(operation.clone()) else {
        return page.line(indent, &[(Tone::Plain, one_line(operation))]);
    };
    let path = sanitize(parsed.path().as_str()).into_owned();
    let (verb, tone, value) = match &parsed {
        PatchOperation::Add(add) => ("add", Tone::Add, Some(&add.value)),
        PatchOperation::Replace(replace) => ("replace", Tone::Change, Some(&replace.value)),
        PatchOperation::Remove(_) => ("remove", Tone::Remove, None),
        _ => return page.line(indent, &[(Tone::Plain, one_line(operation))]),
    };
    let head = format!("{verb:<7} {path}");
    let Some(value) = value else { return page.line(indent, &[(tone, head)]) };
    let shown = json_line(value);
    if indent + columns(&head) + 2 + columns(&shown) <= page.style.width {
        return page.line(indent, &[(tone, head), (Tone::Plain, format!("  {shown}"))]);
    }
    page.line(indent, &[(tone, head)]);
    if indent + 4 + columns(&shown) <= page.style.width {
        return page.line(indent + 4, &[(Tone::Plain, shown)]);
    }
    for line in value::json_lines(value) {
        if full {
            page.line(indent + 4, &[(Tone::Plain, line)]);
        } else {
            let text = line.trim_start();
            page.parts(indent + 4 + line.len() - text.len(), 4, &[(Tone::Plain, cut(text))]);
        }
    }
}

/// Longest line of a value that is shown when not everything is asked for.
const LONGEST: usize = 240;

fn cut(line: &str) -> String {
    let count = columns(line);
    if count <= LONGEST {
        return line.to_owned();
    }
    let kept: String = line.chars().take(LONGEST).collect();
    format!("{kept}… ({count} characters, all of them with the requests)")
}

/// A value as the JSON that is sent, on one line; leaves in words.
fn json_line(value: &Value) -> String {
    match value::json_lines(value).as_slice() {
        [one] => one.clone(),
        lines => lines.iter().map(|l| l.trim_start()).collect::<Vec<_>>().join(" "),
    }
}
