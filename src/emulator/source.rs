//! Source connections (platform-api.md 2.4.2). A changed one does not reach a running flow: the flow keeps
//! what it inherited when it was made.

use serde_json::{Map, Value, json};

use super::connection::{complete_spec_version, mandatory, require_name, spec_id};
use super::context::{Context, text};
use super::flow_service::{Leaf, bad_path, bad_reference, below, unknown_action};
use super::message::{Refusal, flow, sources};
use super::specs;
use super::store::Kind;

pub(super) struct Source;

/// The formats that `OpenAPI` and the tutorials name.
const FORMATS: &[&str] = &["delimited", "json", "parquet", "tabular"];

impl Leaf for Source {
    const KIND: Kind = Kind::Source;
    const PATH: &'static str = "sourceConnections";
    const LOCATION: bool = false;

    fn check(cx: &Context<'_>, body: &mut Map<String, Value>, draft: bool) -> Result<(), Refusal> {
        require_name(body)?;
        let spec = spec_id(body)?;
        if spec == specs::DATA_LAKE {
            return Err(flow(
                "1413-400",
                "The spec ID provided is  invalid. Please provide a valid spec ID and try again.",
            ));
        }
        complete_spec_version(body);
        let base_id = text(body, "baseConnectionId").map(str::to_owned);
        let Some(base_id) = base_id else {
            return if draft { Ok(()) } else { Err(mandatory("baseConnectionId")) };
        };
        let base =
            cx.get(Kind::Connection, &base_id).ok_or_else(|| bad_reference("connections", &base_id))?;
        let base_spec = base.body.get("connectionSpec").cloned().unwrap_or_default();
        if cx.behaviour.connection_specs_equal
            && base_spec.get("id").and_then(Value::as_str) != Some(spec.as_str())
        {
            return Err(flow(
                "1413-400",
                "The spec ID provided is  invalid. Please provide a valid spec ID and try again.",
            ));
        }
        if !draft && base.body.get("state").and_then(Value::as_str) == Some("draft") {
            return Err(flow(
                "1100-400",
                "The request could not be processed. The base connection is not published.",
            ));
        }
        check_format(body)?;
        body.entry("params").or_insert_with(|| json!({}));
        body.insert(
            "inheritedAttributes".to_owned(),
            json!({ "baseConnection": { "id": base_id, "connectionSpec": base_spec } }),
        );
        Ok(())
    }

    fn may_patch(cx: &Context<'_>, path: &str) -> Result<(), Refusal> {
        let _ = cx;
        may_patch_metadata(path)
    }

    fn check_patched(cx: &Context<'_>, before: &Value, after: &Value) -> Result<(), Refusal> {
        let _ = (cx, before);
        let body = after.as_object().cloned().unwrap_or_default();
        require_name(&body)?;
        check_format(&body)
    }

    fn may_delete(cx: &Context<'_>, id: &str) -> Result<(), Refusal> {
        unused(cx, "sourceConnectionIds", id)
    }

    fn show(_cx: &Context<'_>, _body: &mut Map<String, Value>) {}

    fn transition(op: &str, _state: &str) -> Result<&'static str, Refusal> {
        Err(unknown_action(op))
    }
}

fn check_format(body: &Map<String, Value>) -> Result<(), Refusal> {
    let data = body.get("data").ok_or_else(|| mandatory("data"))?;
    let format = data.get("format").and_then(Value::as_str).unwrap_or_default();
    if FORMATS.contains(&format) {
        return Ok(());
    }
    Err(sources(
        "1327-400",
        format!(
            "The format of source data supplied={format} in SourceConnection is not supported. The allowed \
             values are: {}. Please provide allowed values and try again.",
            FORMATS.join(", ")
        ),
    ))
}

/// Source and target connections share their patchable paths (platform-api.md 2.5).
pub(super) fn may_patch_metadata(path: &str) -> Result<(), Refusal> {
    if below(path, &["/connectionSpec"]) {
        return Err(flow("1414-400", "The connection spec of a connection cannot be updated."));
    }
    if below(path, &["/name", "/description", "/params", "/data"]) {
        return Ok(());
    }
    Err(bad_path(path))
}

/// 1447, for what a flow names under `member`.
pub(super) fn unused(cx: &Context<'_>, member: &str, id: &str) -> Result<(), Refusal> {
    let used = cx.all(Kind::Flow).any(|flow| {
        flow.body
            .get(member)
            .and_then(Value::as_array)
            .is_some_and(|ids| ids.iter().any(|one| one.as_str() == Some(id)))
    });
    if used && !cx.behaviour.delete_used_connection {
        return Err(flow("1447-400", format!("Found active flows containing id {id}.")));
    }
    Ok(())
}
