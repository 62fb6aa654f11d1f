//! Source connections (platform-api.md 2.4.2). A changed one does not reach a running flow: the flow keeps
//! what it inherited when it was made.

use serde_json::{Map, Value, json};

use super::connection::{complete_spec_version, invalid, mandatory, require_name, spec_id};
use super::context::{Context, text};
use super::explore::{COMPRESSIONS, ENCODINGS};
use super::flow_service::{Leaf, bad_path, bad_reference, below, state, unknown_action};
use super::message::{Refusal, flow, sources};
use super::schedule::plain;
use super::specs::{self, Source as Spec, Wrong};
use super::store::Kind;

pub(super) struct Source;

impl Leaf for Source {
    const KIND: Kind = Kind::Source;
    const PATH: &'static str = "sourceConnections";
    const LOCATION: bool = false;

    fn check(cx: &Context<'_>, body: &mut Map<String, Value>, draft: bool) -> Result<(), Refusal> {
        require_name(body)?;
        let spec = spec_id(body)?;
        let source = specs::source(&spec).ok_or_else(wrong_spec)?;
        complete_spec_version(body);
        let base_id = text(body, "baseConnectionId").map(str::to_owned);
        let Some(base_id) = base_id else {
            return if draft { Ok(()) } else { Err(mandatory("baseConnectionId")) };
        };
        let base =
            cx.get(Kind::Connection, &base_id).ok_or_else(|| bad_reference("connections", &base_id))?;
        let base_spec = base.body.get("connectionSpec").cloned().unwrap_or_default();
        let base_spec_id = base_spec.get("id").and_then(Value::as_str).unwrap_or_default();
        // The first tutorial joins two specs of the SDK. Nothing joins sources of two families.
        let family = specs::source(base_spec_id).map(|base| base.flow_spec);
        let may_differ = !cx.behaviour.connection_specs_equal && family == Some(source.flow_spec);
        if base_spec_id != spec && !may_differ {
            return Err(wrong_spec());
        }
        if !draft && base.body.get("state").and_then(Value::as_str) == Some("draft") {
            return Err(flow(
                "1100-400",
                "The request could not be processed. The base connection is not published.",
            ));
        }
        check_data(source, body)?;
        check_params(source, body)?;
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
        if state(after) == "draft" {
            return Ok(());
        }
        let source = specs::source(&spec_id(&body)?).ok_or_else(wrong_spec)?;
        check_data(source, &body)?;
        check_params(source, &body)
    }

    fn may_delete(cx: &Context<'_>, id: &str) -> Result<(), Refusal> {
        unused(cx, "sourceConnectionIds", id)
    }

    fn show(_cx: &Context<'_>, _body: &mut Map<String, Value>) {}

    fn transition(op: &str, _state: &str) -> Result<&'static str, Refusal> {
        Err(unknown_action(op))
    }
}

/// 1413, as for a spec that is not there: no list has a code for one that does not fit.
pub(super) fn wrong_spec() -> Refusal {
    flow("1413-400", "The spec ID provided is  invalid. Please provide a valid spec ID and try again.")
}

/// `data.format` is one of the source's, and `data.properties` suits it (Adobe's "Create a dataflow for cloud storage
/// sources": delimiter and encoding are for delimited files, compression for those and JSON).
fn check_data(source: &Spec, body: &Map<String, Value>) -> Result<(), Refusal> {
    let data = body.get("data").ok_or_else(|| mandatory("data"))?;
    let format = data.get("format").and_then(Value::as_str).unwrap_or_default();
    if !source.formats.contains(&format) {
        return Err(sources(
            "1327-400",
            format!(
                "The format of source data supplied={format} in SourceConnection is not supported. The allowed \
                 values are: {}. Please provide allowed values and try again.",
                source.formats.join(", ")
            ),
        ));
    }
    let properties = data.get("properties").and_then(Value::as_object);
    for (name, value) in properties.into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        let fits = match name.as_str() {
            "columnDelimiter" if text.chars().count() > 1 => {
                return Err(sources(
                    "1331-400",
                    format!(
                        "Column Delimiter cannot be more than one character in SourceConnection: {}. Please provide \
                         valid column delimiter and try again.",
                        name_of(body)
                    ),
                ));
            }
            "columnDelimiter" => format == "delimited" && !text.is_empty(),
            "encoding" => format == "delimited" && ENCODINGS.contains(&text),
            "compressionType" => ["delimited", "json"].contains(&format) && COMPRESSIONS.contains(&text),
            _ => true,
        };
        if !fits {
            return Err(invalid(name, &plain(value)));
        }
    }
    Ok(())
}

/// `params` against `sourceSpec.spec`.
fn check_params(source: &Spec, body: &Map<String, Value>) -> Result<(), Refusal> {
    let empty = Map::new();
    let params = match body.get("params") {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(params)) => params,
        Some(other) => return Err(invalid("params", &plain(other))),
    };
    specs::check(source.params, params).map_err(|wrong| match wrong {
        Wrong::Missing(param) => sources(
            "1323-400",
            format!(
                "The {param} cannot be null or empty in the source connection: {}. Please provide valid {param} \
                 and try again.",
                name_of(body)
            ),
        ),
        Wrong::Value(param, value) => invalid(param, &plain(value)),
    })
}

fn name_of(body: &Map<String, Value>) -> &str {
    text(body, "name").unwrap_or_default()
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
