//! Target connections to the data lake (platform-api.md 2.4.3).

use serde_json::{Map, Value, json};

use super::connection::{complete_spec_version, mandatory, require_name};
use super::context::Context;
use super::flow_service::{Leaf, unknown_action};
use super::message::{Refusal, sources};
use super::source::{may_patch_metadata, unused};
use super::specs;
use super::store::Kind;

pub(super) struct Target;

impl Leaf for Target {
    const KIND: Kind = Kind::Target;
    const PATH: &'static str = "targetConnections";
    const LOCATION: bool = false;

    fn check(cx: &Context<'_>, body: &mut Map<String, Value>, draft: bool) -> Result<(), Refusal> {
        require_name(body)?;
        let spec = body.get("connectionSpec").ok_or_else(|| mandatory("connectionSpec"))?;
        let id = spec.get("id").and_then(Value::as_str).unwrap_or_default();
        if id != specs::DATA_LAKE {
            return Err(sources(
                "1307-400",
                format!(
                    "The target connection spec ID is not valid={id}. The allowed value is: `{}`.",
                    specs::DATA_LAKE
                ),
            ));
        }
        complete_spec_version(body);
        if draft && !body.contains_key("params") {
            return Ok(());
        }
        if !body.get("data").is_some_and(Value::is_object) {
            return Err(mandatory("data"));
        }
        check_dataset(cx, &Value::Object(body.clone()))?;
        body.entry("inheritedAttributes").or_insert_with(|| json!({}));
        Ok(())
    }

    fn may_patch(cx: &Context<'_>, path: &str) -> Result<(), Refusal> {
        let _ = cx;
        may_patch_metadata(path)
    }

    fn check_patched(cx: &Context<'_>, before: &Value, after: &Value) -> Result<(), Refusal> {
        let _ = before;
        require_name(&after.as_object().cloned().unwrap_or_default())?;
        check_dataset(cx, after)
    }

    fn may_delete(cx: &Context<'_>, id: &str) -> Result<(), Refusal> {
        unused(cx, "targetConnectionIds", id)
    }

    fn show(_cx: &Context<'_>, _body: &mut Map<String, Value>) {}

    fn transition(op: &str, _state: &str) -> Result<&'static str, Refusal> {
        Err(unknown_action(op))
    }
}

/// The dataset a target connection names.
pub(super) fn dataset_id(body: &Value) -> Option<&str> {
    body.get("params")?.get("dataSetId")?.as_str().filter(|id| !id.is_empty())
}

fn check_dataset(cx: &Context<'_>, body: &Value) -> Result<(), Refusal> {
    let Some(id) = dataset_id(body) else {
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
        return Err(sources(
            "1325-400",
            format!(
                "The dataSetId param cannot be null or empty in target connection: {name}. Please provide valid \
                 dataSetId param and try again."
            ),
        ));
    };
    if cx.get(Kind::DataSet, id).is_some() {
        return Ok(());
    }
    Err(sources(
        "1308-400",
        format!("The request could not be processed. Error message: dataset {id} was not found."),
    ))
}
