//! Flows: what they join, the mapping they pin, their schedule, enable and disable
//! (platform-api.md 2.4.4 to 2.6, 2.9).

use serde_json::{Map, Value, json};

use super::behaviour::LastOperation;
use super::connection::{mandatory, require_name};
use super::context::Context;
use super::flow_service::{Leaf, bad_path, bad_reference, below, state, unknown_action, wrong_state};
use super::message::{Refusal, flow, sources};
use super::schedule::Schedule;
use super::source::wrong_spec;
use super::store::Kind;
use super::{mapping_set, runs, schedule, schema, specs, target};

pub(super) struct Flow;

impl Leaf for Flow {
    const KIND: Kind = Kind::Flow;
    const PATH: &'static str = "flows";
    const LOCATION: bool = true;

    fn check(cx: &Context<'_>, body: &mut Map<String, Value>, draft: bool) -> Result<(), Refusal> {
        if body.contains_key("state") {
            return Err(flow("1410-400", "`State` is not allowed in the create flow request."));
        }
        if body.contains_key("mode") {
            return Err(sources(
                "1368-400",
                "Mode is not allowed in flow request. Please check your request and try again.",
            ));
        }
        require_name(body)?;
        let spec = body.get("flowSpec").and_then(|spec| spec.get("id")).and_then(Value::as_str);
        let spec = spec.ok_or_else(|| mandatory("flowSpec.id"))?;
        if specs::flow_spec(cx.behaviour, spec).is_none() {
            return Err(wrong_spec());
        }
        let spec = spec.to_owned();
        if let Some(spec) = body.get_mut("flowSpec").and_then(Value::as_object_mut) {
            spec.entry("version").or_insert_with(|| json!("1.0"));
        }
        if draft {
            return Ok(());
        }
        let source_id = only_one(body, "sourceConnectionIds")?;
        let target_id = only_one(body, "targetConnectionIds")?;
        let source =
            cx.get(Kind::Source, &source_id).ok_or_else(|| bad_reference("sourceConnections", &source_id))?;
        let target =
            cx.get(Kind::Target, &target_id).ok_or_else(|| bad_reference("targetConnections", &target_id))?;
        for parent in [source, target] {
            // A draft or a dying parent carries no flow (draft guide: base, then source and target, then flow).
            if matches!(state(&parent.body), "draft" | "delete-finalizing") {
                return Err(bad_reference("connections", &parent.id));
            }
        }
        // The flow spec's `sourceConnectionSpecIds` are the sources that name it.
        let read = source.body["connectionSpec"]["id"].as_str().and_then(specs::source);
        if read.is_none_or(|read| read.flow_spec != spec) {
            return Err(wrong_spec());
        }
        let inherited = json!({
            "properties": { "isSourceFlow": true },
            "sourceConnections": [inherited(&source_id, &source.body)],
            "targetConnections": [{ "id": target_id, "connectionSpec": target.body.get("connectionSpec") }],
        });
        check_transformations(cx, body, &target.body)?;
        let plan = schedule::parse(body.get("scheduleParams"))?;
        schedule::ahead(&plan, cx.schedule_now(), cx.behaviour)?;
        check_delta_column(body, &plan)?;
        body.insert("inheritedAttributes".to_owned(), inherited);
        Ok(())
    }

    fn may_patch(cx: &Context<'_>, path: &str) -> Result<(), Refusal> {
        let _ = cx;
        let open = [
            "/name",
            "/description",
            "/scheduleParams",
            "/transformations",
            "/labels",
            "/policy",
            "/options",
        ];
        if below(path, &open) { Ok(()) } else { Err(bad_path(path)) }
    }

    fn check_patched(cx: &Context<'_>, before: &Value, after: &Value) -> Result<(), Refusal> {
        let body = after.as_object().cloned().unwrap_or_default();
        require_name(&body)?;
        if state(after) == "draft" {
            return Ok(());
        }
        if before.get("transformations") != after.get("transformations") {
            let target = body
                .get("targetConnectionIds")
                .and_then(|ids| ids.get(0))
                .and_then(Value::as_str)
                .and_then(|id| cx.get(Kind::Target, id));
            check_transformations(cx, &body, target.map_or(&Value::Null, |target| &target.body))?;
        }
        let next = schedule::parse(body.get("scheduleParams"))?;
        check_delta_column(&body, &next)?;
        if before.get("scheduleParams") != after.get("scheduleParams") {
            let previous = schedule::parse(before.get("scheduleParams"))?;
            schedule::change(&previous, &next, cx.schedule_now(), cx.behaviour)?;
        }
        Ok(())
    }

    fn may_delete(_cx: &Context<'_>, _id: &str) -> Result<(), Refusal> {
        Ok(())
    }

    fn show(cx: &Context<'_>, body: &mut Map<String, Value>) {
        let id = body.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(params) = body.get_mut("scheduleParams").and_then(Value::as_object_mut) {
            schedule::show(params, cx.behaviour);
        }
        for step in body.get_mut("transformations").and_then(Value::as_array_mut).into_iter().flatten() {
            let version = step.get_mut("params").and_then(|params| params.get_mut("mappingVersion"));
            if let Some(version) = version
                && version.is_number()
            {
                *version = json!(version.to_string());
            }
        }
        let settled = !state(&Value::Object(body.clone())).ends_with("ing");
        let created = body.get("createdAt").cloned().unwrap_or_default();
        let last = body.remove("lastOperation").unwrap_or_default();
        let last_run = runs::last_of(cx, body);
        for kept in runs::KEPT {
            body.remove(kept);
        }
        let mut operation = json!({
            "started": last.get("started").unwrap_or(&created),
            "updated": body.get("updatedAt"),
            "percentCompleted": if settled { 100 } else { 0 },
            "ops": [],
            "operation": last.get("operation").and_then(Value::as_str).unwrap_or("create"),
        });
        // Both forms are documented: with a status, and without one (platform-api.md 2.4.4).
        let status = match cx.behaviour.last_operation {
            _ if !settled => Some(json!({ "value": "inProgress", "errors": [] })),
            LastOperation::Completed => Some(json!({ "value": "completed", "errors": [] })),
            LastOperation::InProgress => Some(json!({ "value": "IN_PROGRESS", "errors": [] })),
            LastOperation::Failed => {
                let error =
                    json!({ "code": "FLOW-1102-500", "message": "The dataflow could not be provisioned." });
                Some(json!({ "value": "FAILED", "errors": [error] }))
            }
            LastOperation::Silent => None,
        };
        if let Some(status) = status {
            operation["status"] = status;
        }
        body.insert("lastOperation".to_owned(), operation);
        if let Some(run) = last_run {
            body.insert("lastRunDetails".to_owned(), run);
        }
        body.insert("runs".to_owned(), json!(format!("/runs?property=flowId=={id}")));
    }

    fn noted(cx: &Context<'_>, before: &Value, after: &mut Map<String, Value>) {
        runs::rescheduled(cx, before, after);
    }

    fn switched(cx: &Context<'_>, body: &mut Value) {
        runs::switched(cx, body);
    }

    fn transition(op: &str, state: &str) -> Result<&'static str, Refusal> {
        match (op, state) {
            ("enable", "disabled") => Ok("enabled"),
            ("disable", "enabled") => Ok("disabled"),
            ("enable" | "disable", "initializing" | "updating" | "enabling" | "disabling") => {
                Err(flow("1421-400", format!("The current state {state} cannot be transitioned.")))
            }
            ("enable" | "disable", _) => Err(wrong_state(op, state)),
            _ => Err(unknown_action(op)),
        }
    }
}

fn inherited(id: &str, source: &Value) -> Value {
    json!({
        "id": id,
        "connectionSpec": source.get("connectionSpec"),
        "baseConnection": source.get("inheritedAttributes").and_then(|inherited| inherited.get("baseConnection")),
        "typeInfo": { "type": "ExtensionSource" },
    })
}

/// 1320 and 1321: exactly one id.
fn only_one(body: &Map<String, Value>, member: &str) -> Result<String, Refusal> {
    let ids = body.get(member).and_then(Value::as_array).ok_or_else(|| {
        sources(
            "1320-400",
            format!("The {member} cannot be null or empty. Please provide valid {member} and try again."),
        )
    })?;
    match ids.as_slice() {
        [Value::String(id)] => Ok(id.clone()),
        _ => Err(sources(
            "1321-400",
            format!(
                "The length of {member} should be one, supplied size is {}. Please provide valid size and try \
                 again.",
                ids.len()
            ),
        )),
    }
}

/// 1367 and 1369: a flow over tables reads what is new by a column, unless it reads once.
fn check_delta_column(body: &Map<String, Value>, plan: &Schedule) -> Result<(), Refusal> {
    let spec = body.get("flowSpec").and_then(|spec| spec.get("id")).and_then(Value::as_str);
    if spec != Some(specs::CRM) {
        return Ok(());
    }
    let steps = body.get("transformations").and_then(Value::as_array);
    let copy = steps.into_iter().flatten().find(|step| step["name"] == "Copy");
    let column = copy.map(|copy| &copy["params"]["deltaColumn"]).filter(|column| !column.is_null());
    if plan.period().is_none() {
        return match column {
            None => Ok(()),
            Some(_) => Err(sources(
                "1369-400",
                "The delta column in copy transform is not allowed when frequency is set to once. Please remove \
                 the delta column and try again.",
            )),
        };
    }
    let name = column.and_then(|column| column["name"].as_str()).filter(|name| !name.is_empty());
    name.map(|_| ()).ok_or_else(|| {
        sources(
            "1367-400",
            "The delta column is required in copy transformation when creating a CRM connector. Please provide \
             delta column and try again.",
        )
    })
}

/// The Mapping step: there, its set and version existing, its schema the dataset's.
fn check_transformations(cx: &Context<'_>, body: &Map<String, Value>, target: &Value) -> Result<(), Refusal> {
    let steps = body.get("transformations").and_then(Value::as_array);
    let mapping = steps
        .into_iter()
        .flatten()
        .find(|step| step.get("name").and_then(Value::as_str) == Some("Mapping"))
        .and_then(|step| step.get("params"));
    let Some(params) = mapping else {
        return Err(sources(
            "1328-400",
            "The mapping transformation cannot be null when extracting mappingId. Please provide valid mapping \
             transformation and try again.",
        ));
    };
    let id =
        params.get("mappingId").and_then(Value::as_str).filter(|id| !id.is_empty()).ok_or_else(|| {
            sources(
                "1329-400",
                "The param: mappingId cannot be null or empty in the provided request. Please provide valid \
             mappingId and try again.",
            )
        })?;
    let Some(set) = cx.get(Kind::MappingSet, id) else {
        let version = params.get("mappingVersion").map_or_else(|| "0".to_owned(), ToString::to_string);
        return Err(flow(
            "1419-400",
            format!(
                "Error while validating mapping with id {id}, version {}. This could be because of inadequate \
                 permissions on mapped fields. Please check your mapping or contact your admin.",
                version.trim_matches('"')
            ),
        ));
    };
    // The tutorial: "This value defaults to 0".
    let version = params.get("mappingVersion").map_or(Some(0), schedule::integer);
    let Some(set) = version.and_then(|version| mapping_set::version(&set.body, version)) else {
        return Err(flow(
            "1412-400",
            "Invalid Mapping Version in request. Please provide correct mapping version.",
        ));
    };
    let Some(dataset_id) = target::dataset_id(target) else { return Ok(()) };
    let dataset = cx.get(Kind::DataSet, dataset_id);
    let Some(reference) = dataset.and_then(|dataset| dataset.body.get("schemaRef")) else {
        return Err(flow(
            "2200-500",
            "There was a problem while calling the Catalog service for validating schema.",
        ));
    };
    if schema::reference_key(reference) == mapping_set::schema_key(set) {
        return Ok(());
    }
    Err(flow(
        "1425-400",
        format!(
            "Error while matching schema in target dataset {dataset_id} with schema in mapping {id}. Schema \
             with same id and version must be used in both mapping and target dataset."
        ),
    ))
}
