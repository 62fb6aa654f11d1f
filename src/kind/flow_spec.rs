//! A flow spec as the platform tells it: from which sources such a flow can read, and which schedule, options and
//! transformations it takes (platform-api.md 2.6, 2.7). What a dataflow is held against before it is sent; no kind of its
//! own.

use serde_json::Value;

use super::{Answer, Body, Code, Finding, Specs, connection_spec, parameters, section};
use crate::wire::Call;

/// Where a dataflow says by which column a table's new rows are told.
const DELTA: &str = "/transformations/Copy/deltaColumn";

/// The read of the spec that a body names.
pub(super) fn read(body: &Body) -> Option<Call> {
    Some(Specs::Flows.read(body.pointer("/flowSpec/id")?.as_str()?))
}

/// What a spec says against a dataflow that reads from `source`, as far as that is at hand.
pub(super) fn against(body: &Body, source: Option<&Body>, answer: &Answer) -> Vec<Finding> {
    let id = body.pointer("/flowSpec/id").and_then(Value::as_str).unwrap_or_default();
    let spec = match answer {
        Answer::Told(told) => Specs::told(told),
        Answer::Absent => None,
        Answer::Refused { .. } => return unresolved(body),
    };
    let Some(spec) = spec else {
        let message = format!("the platform has no flow spec {id}, or not for this organisation");
        return vec![
            Finding::error(Code::UnknownSpec, "/flowSpec/id", message)
                .hint("Adobe's tutorial of the source names the flow spec that goes with it"),
        ];
    };
    let title = connection_spec::title(spec);
    if let Some(foreign) = source.and_then(|source| foreign_source(spec, source, &title)) {
        // What else another sort of flow would want says nothing.
        return vec![foreign];
    }
    let mut findings = Vec::new();
    for (member, schema) in [("scheduleParams", "/scheduleSpec/spec"), ("options", "/optionSpec/spec")] {
        let (at, whose) = (format!("/{member}"), format!("the flow spec {title}"));
        findings.extend(match (body.get(member), spec.pointer(schema)) {
            (None, _) => Vec::new(),
            (Some(value), Some(schema)) => parameters::findings(schema, value, &at, &whose),
            (Some(value), None) => parameters::unresolved(None, value, &at, &whose),
        });
    }
    findings.extend(transformations(spec, body, &title));
    findings
}

/// References to secrets in a dataflow whose spec cannot be read.
fn unresolved(body: &Body) -> Vec<Finding> {
    let members = ["options", "transformations"].into_iter().filter_map(|name| Some((name, body.get(name)?)));
    members
        .flat_map(|(name, value)| parameters::unresolved(None, value, &format!("/{name}"), "the flow spec"))
        .collect()
}

/// A source that such flows cannot read from. Lists of them in documents are old; the platform's own is not.
fn foreign_source(spec: &Value, source: &Body, title: &str) -> Option<Finding> {
    let taken = spec.get("sourceConnectionSpecIds")?.as_array().filter(|taken| !taken.is_empty())?;
    let source = source.pointer("/connectionSpec/id")?.as_str()?;
    if taken.iter().any(|id| id.as_str() == Some(source)) {
        return None;
    }
    let message = format!("the flow spec {title} takes no source of the connection spec {source}");
    Some(
        Finding::error(Code::WrongSpec, "/flowSpec/id", message)
            .hint("set `flowSpec` to the one that Adobe's tutorial of the source names; left out, it is RestStorageToAEP"),
    )
}

/// The transformations beside the mapping, which is ours.
fn transformations(spec: &Value, body: &Body, title: &str) -> Vec<Finding> {
    // Both spellings are documented (platform-api.md 2.7).
    let offered = spec.get("transformationSpecs").or_else(|| spec.get("transformationSpec"));
    let offered = offered.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let schema_of = |name: &str| {
        let found = offered.iter().find(|one| one.get("name").and_then(Value::as_str) == Some(name));
        found.and_then(|one| one.get("spec"))
    };
    let wanted = body.get("transformations").and_then(Value::as_object);
    let mut findings = Vec::new();
    for (name, params) in
        wanted.into_iter().flatten().filter(|(name, _)| *name != super::transformations::MAPPING)
    {
        let at = format!("/transformations/{}", section::escape(name));
        match schema_of(name) {
            Some(schema) => {
                let nothing = Value::Object(serde_json::Map::new());
                let params = if params.is_object() { params } else { &nothing };
                findings.extend(parameters::findings(
                    schema,
                    params,
                    &at,
                    &format!("{name} of the flow spec {title}"),
                ));
            }
            None if offered.is_empty() => {
                findings.extend(parameters::unresolved(None, params, &at, &format!("the flow spec {title}")));
            }
            None => {
                findings.extend(parameters::unresolved(None, params, &at, &format!("the flow spec {title}")));
                let names: Vec<&str> = offered.iter().filter_map(|one| one.get("name")?.as_str()).collect();
                let message = format!("the flow spec {title} has no transformation `{name}`");
                // No document says that it is refused.
                findings.push(
                    Finding::warning(Code::UnknownKey, at, message)
                        .hint(format!("it has {}", names.join(", "))),
                );
            }
        }
    }
    // `1367-400`: what comes from a table needs a column that tells what is new (platform-api.md 2.4.4).
    let wants_delta =
        schema_of("Copy").is_some_and(|schema| schema.pointer("/properties/deltaColumn").is_some());
    let is_once = body.pointer("/scheduleParams/frequency").and_then(Value::as_str) == Some("once");
    if is_once && body.pointer(DELTA).is_some() {
        // `1369-400`: what is read once is read whole.
        let message = "what is read once takes no `deltaColumn`";
        findings.push(Finding::error(Code::UselessKey, DELTA, message).hint("leave the transformation out"));
    }
    let has_copy = wanted.is_some_and(|wanted| wanted.contains_key("Copy"));
    if wants_delta && !is_once && !has_copy {
        let message = format!("the flow spec {title} needs a `Copy` with the column that tells what is new");
        findings.push(Finding::error(Code::MissingKey, "", message).hint(
            "as in `transformations: [{ name: Copy, params: { deltaColumn: { name: updated_at } } }]`",
        ));
    }
    findings
}
