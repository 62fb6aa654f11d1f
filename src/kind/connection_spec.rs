//! A connection spec as the platform tells it: which authentications a source system has, and which parameters they and
//! its source connections take (platform-api.md 2.7). What base connection and source are held against before they are
//! sent; no kind of its own.

use serde_json::Value;

use super::{Answer, Body, Code, Finding, Specs, parameters};
use crate::wire::Call;

/// The read of the spec that a body names.
pub(super) fn read(body: &Body) -> Option<Call> {
    Some(Specs::Connections.read(body.pointer("/connectionSpec/id")?.as_str()?))
}

/// What a spec says against a base connection.
pub(super) fn against_base(body: &Body, answer: &Answer) -> Vec<Finding> {
    let spec = match source_spec(body, answer) {
        Ok(Some(spec)) => spec,
        Ok(None) => return Vec::new(),
        Err(finding) => return vec![finding],
    };
    let offered = spec.get("authSpec").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let names = || offered.iter().filter_map(|auth| auth.get("name")).filter_map(Value::as_str);
    let title = title(spec);
    let Some(auth) = body.get("auth") else {
        if names().next().is_none() {
            return Vec::new();
        }
        let message = format!("`auth` is missing, which connections to {title} need");
        let hint = format!("its specName is one of {}", names().collect::<Vec<_>>().join(", "));
        return vec![Finding::error(Code::MissingKey, "", message).hint(hint)];
    };
    let wanted = auth.get("specName").and_then(Value::as_str).unwrap_or_default();
    let Some(of_name) = offered.iter().find(|auth| auth.get("name").and_then(Value::as_str) == Some(wanted))
    else {
        let names = names().collect::<Vec<_>>().join(", ");
        // A spec that names no authentication at all says nothing about them.
        if names.is_empty() {
            return Vec::new();
        }
        let message = format!("{title} has no authentication `{wanted}`");
        return vec![
            Finding::error(Code::InvalidValue, "/auth/specName", message).hint(format!("it has {names}")),
        ];
    };
    let whose = format!("the authentication {wanted} of {title}");
    let params = auth.get("params").unwrap_or(&Value::Null);
    of_name
        .get("spec")
        .map_or_else(Vec::new, |schema| parameters::findings(schema, params, parameters::AUTH, &whose))
}

/// What a spec says against a source connection.
pub(super) fn against_source(body: &Body, answer: &Answer) -> Vec<Finding> {
    let params = body.get("params").unwrap_or(&Value::Null);
    let spec = match source_spec(body, answer) {
        Ok(Some(spec)) => spec,
        Ok(None) => return parameters::unresolved(None, params, "/params", "the source"),
        Err(finding) => return vec![finding],
    };
    let whose = format!("a source of {}", title(spec));
    match spec.pointer("/sourceSpec/spec") {
        Some(schema) => parameters::findings(schema, params, "/params", &whose),
        None => parameters::unresolved(None, params, "/params", &whose),
    }
}

/// The spec in an answer, if it tells one; a mistake where there is none or where it is no source.
fn source_spec<'a>(body: &Body, answer: &'a Answer) -> Result<Option<&'a Value>, Finding> {
    let id = body.pointer("/connectionSpec/id").and_then(Value::as_str).unwrap_or_default();
    let at = "/connectionSpec/id";
    let absent = || {
        let message = format!("the platform has no connection spec {id}, or not for this organisation");
        Finding::error(Code::UnknownSpec, at, message).hint(
            "the id is in the document of the source; a new one may have to be enabled for the organisation",
        )
    };
    let spec = match answer {
        Answer::Told(told) => Specs::told(told).ok_or_else(absent)?,
        Answer::Absent => return Err(absent()),
        Answer::Refused { .. } => return Ok(None),
    };
    if spec.pointer("/attributes/isSource") == Some(&Value::Bool(false)) {
        let message = format!("{} is no source", title(spec));
        return Err(Finding::error(Code::WrongSpec, at, message));
    }
    Ok(Some(spec))
}

/// What a spec calls itself, short enough for a sentence.
pub(super) fn title(spec: &Value) -> String {
    const LONGEST: usize = 60;
    let text = |key: &str| spec.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("name").or_else(|| text("id")).unwrap_or("this system").chars().take(LONGEST).collect()
}
