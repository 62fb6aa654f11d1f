//! The requests of an operation as they will be sent, with leaves in place of what is secret or not known yet.

use std::borrow::Cow;
use std::collections::BTreeSet;

use json_patch::PatchOperation;
use serde_json::Value;

use super::value::{one_line, sanitize};
use super::view::Shown;
use crate::kind::{Intent, Step};
use crate::plan::{Action, Operation};

/// What stands in a path for the id of an object that is not there yet.
const NEW_ID: &str = "{id}";

/// [`NEW_ID`] in characters that no path escapes.
const NEW_ID_SEGMENT: &str = "~new~id~";

/// One request of a step.
pub(super) struct Request<'p> {
    /// What the operation is.
    action: Action,
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
                action: operation.action,
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

/// What a request sends.
pub(super) enum Content<'r> {
    None,
    /// A JSON Patch.
    Edits(Vec<Edit<'r>>),
    /// A body.
    Whole(Shown<'r>),
}

/// One operation of a JSON Patch.
pub(super) struct Edit<'r> {
    /// `add`, `replace`, `remove`; empty for one that is none of these and stands as its path.
    pub(super) verb: &'static str,
    path: String,
    pub(super) value: Option<Shown<'r>>,
}

impl Edit<'_> {
    /// `replace /scheduleParams/interval`.
    pub(super) fn head(&self) -> String {
        if self.verb.is_empty() { self.path.clone() } else { format!("{:<7} {}", self.verb, self.path) }
    }

    /// The value as the JSON that is sent, on one line; leaves in words.
    pub(super) fn json_line(&self) -> Option<String> {
        let lines = self.value.as_ref()?.json_lines();
        Some(match lines.as_slice() {
            [one] => one.clone(),
            lines => lines.iter().map(|l| l.trim_start()).collect::<Vec<_>>().join(" "),
        })
    }
}

impl Request<'_> {
    /// What its step does.
    pub(super) fn title(&self) -> &'static str {
        title(self.action, self.step)
    }

    /// That it is not sent in any case, where that is so.
    pub(super) fn when(&self) -> Option<&'static str> {
        self.step.unless.is_some().then_some("only if the create fails")
    }

    /// Path and query.
    pub(super) fn target(&self) -> String {
        let mut target = sanitize(&self.path).into_owned();
        for (index, (name, value)) in self.query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(&sanitize(&format!("{name}={value}")));
        }
        target
    }

    /// Its precondition: `If-Match: "…"`.
    pub(super) fn condition(&self) -> Option<String> {
        Some(match self.if_match.as_ref()? {
            Precondition::FromStepBefore => {
                "If-Match: (known after apply: as the step before leaves it)".to_owned()
            }
            Precondition::Observed(etag) => format!("If-Match: {}", sanitize(etag)),
        })
    }

    /// Its body.
    pub(super) fn content(&self) -> Content<'_> {
        match &self.body {
            None => Content::None,
            Some(Value::Array(edits)) if self.method == "PATCH" => {
                Content::Edits(edits.iter().map(edit).collect())
            }
            Some(body) => Content::Whole(Shown::new("", Some(Cow::Borrowed(body)))),
        }
    }
}

fn edit(operation: &Value) -> Edit<'_> {
    let other = || Edit { verb: "", path: one_line(operation), value: None };
    let Ok(parsed) = serde_json::from_value::<PatchOperation>(operation.clone()) else { return other() };
    let path = sanitize(parsed.path().as_str()).into_owned();
    let value = |value: &Value| Some(Shown::new("", Some(Cow::Owned(value.clone()))));
    match &parsed {
        PatchOperation::Add(add) => Edit { verb: "add", path, value: value(&add.value) },
        PatchOperation::Replace(replace) => Edit { verb: "replace", path, value: value(&replace.value) },
        PatchOperation::Remove(_) => Edit { verb: "remove", path, value: None },
        _ => other(),
    }
}
