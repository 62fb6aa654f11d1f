//! Base connections: credentials against the spec's auth, what reads back of them, and the way to
//! their test and to `explore` (platform-api.md 2.4.1, 2.5, 2.7).

use serde_json::{Map, Value, json};

use super::behaviour::{ConnectionTest, SecretEcho};
use super::context::{Context, text};
use super::explore;
use super::flow_service::{Leaf, bad_path, below, not_found, state, unknown_action};
use super::message::{Answer, Refusal, Reply, flow, sources};
use super::specs::{self, Wrong};
use super::store::Kind;

pub(super) struct Connection;

impl Leaf for Connection {
    const KIND: Kind = Kind::Connection;
    const PATH: &'static str = "connections";
    const LOCATION: bool = true;

    fn check(cx: &Context<'_>, body: &mut Map<String, Value>, draft: bool) -> Result<(), Refusal> {
        let _ = cx;
        require_name(body)?;
        let spec = spec_id(body)?;
        complete_spec_version(body);
        if draft && !body.contains_key("auth") {
            return Ok(());
        }
        check_auth(&spec, body.get("auth").unwrap_or(&Value::Null))
    }

    /// 1416 and 1417: connections have rules of their own, for PATCH and DELETE alike.
    fn may_change(cx: &Context<'_>, body: &Value) -> Result<(), Refusal> {
        if !cx.behaviour.connection_patch && cx.request.method == "PATCH" {
            return Err(flow("1445-400", "PATCH Connection Feature not enabled."));
        }
        match state(body) {
            "enabled" | "disabled" | "draft" => Ok(()),
            "initializing" => Err(flow(
                "1417-400",
                "Delete or Update on Connections in `initializing` state are not allowed with UserToken.",
            )),
            "delete-finalizing" => {
                Err(flow("1457-400", "Operation update cannot be applied in state delete-finalizing."))
            }
            _ => Err(flow(
                "1416-400",
                "Delete or Update can only be applied on connection with enabled, disabled or initializing state.",
            )),
        }
    }

    fn may_patch(cx: &Context<'_>, path: &str) -> Result<(), Refusal> {
        let _ = cx;
        if below(path, &["/connectionSpec"]) {
            return Err(flow("1414-400", "The connection spec of a connection cannot be updated."));
        }
        if below(path, &["/name", "/description", "/auth/params"]) || path == "/auth" {
            return Ok(());
        }
        Err(bad_path(path))
    }

    fn check_patched(cx: &Context<'_>, before: &Value, after: &Value) -> Result<(), Refusal> {
        let _ = before;
        let _ = cx;
        let body = after.as_object().cloned().unwrap_or_default();
        require_name(&body)?;
        check_auth(&spec_id(&body)?, body.get("auth").unwrap_or(&Value::Null))
    }

    fn may_delete(cx: &Context<'_>, id: &str) -> Result<(), Refusal> {
        let sources: Vec<&str> = cx
            .all(Kind::Source)
            .filter(|source| source.body.get("baseConnectionId").and_then(Value::as_str) == Some(id))
            .map(|source| source.id.as_str())
            .collect();
        let used = cx.all(Kind::Flow).any(|flow| {
            flow.body
                .get("sourceConnectionIds")
                .and_then(Value::as_array)
                .is_some_and(|ids| ids.iter().filter_map(Value::as_str).any(|id| sources.contains(&id)))
        });
        if used || (!sources.is_empty() && !cx.behaviour.delete_base_with_sources) {
            return Err(flow(
                "1418-400",
                format!(
                    "The base connection with the ID {id} cannot be deleted because the base connection is \
                     being used in one or more flows. Please ensure that corresponding flows are deleted \
                     before deleting a base connection."
                ),
            ));
        }
        Ok(())
    }

    fn keep(cx: &Context<'_>, body: &mut Map<String, Value>) {
        // What nobody will ever read is not kept: the store is a file in somebody's folder.
        if cx.behaviour.secret_echo != SecretEcho::Clear {
            secrets(body, &mut |params, name| {
                params.insert(name.to_owned(), json!(MASK));
            });
        }
    }

    fn show(cx: &Context<'_>, body: &mut Map<String, Value>) {
        secrets(body, &mut |params, name| match cx.behaviour.secret_echo {
            SecretEcho::Clear => {}
            SecretEcho::Absent => {
                params.remove(name);
            }
            SecretEcho::Masked => {
                params.insert(name.to_owned(), json!(MASK));
            }
        });
    }

    fn transition(op: &str, _state: &str) -> Result<&'static str, Refusal> {
        Err(unknown_action(op))
    }
}

/// What stands in place of a secret.
const MASK: &str = "**********";

/// Calls `with` for every secret parameter of a connection.
fn secrets(body: &mut Map<String, Value>, with: &mut dyn FnMut(&mut Map<String, Value>, &str)) {
    let spec = body.get("connectionSpec").and_then(|spec| spec.get("id")).and_then(Value::as_str);
    let names = spec.map(specs::secret_names).unwrap_or_default();
    let params = body.get_mut("auth").and_then(|auth| auth.get_mut("params")).and_then(Value::as_object_mut);
    let Some(params) = params else { return };
    for name in names {
        if params.contains_key(name) {
            with(params, name);
        }
    }
}

/// `name` is required by prose for every kind.
pub(super) fn require_name(body: &Map<String, Value>) -> Result<(), Refusal> {
    if text(body, "name").is_none() {
        return Err(mandatory("name"));
    }
    match body.get("description") {
        None | Some(Value::String(_)) => Ok(()),
        Some(_) => Err(flow("1100-400", "The request could not be processed. description must be a string.")),
    }
}

pub(super) fn mandatory(field: &str) -> Refusal {
    sources(
        "1304-400",
        format!("The mandatory field {field} is not provided. Please provide the {field} and try again."),
    )
}

/// The id of a known connection spec, or 1413.
pub(super) fn spec_id(body: &Map<String, Value>) -> Result<String, Refusal> {
    let spec = body.get("connectionSpec").ok_or_else(|| mandatory("connectionSpec"))?;
    let id = spec.get("id").and_then(Value::as_str).ok_or_else(|| mandatory("connectionSpec.id"))?;
    if id == specs::DATA_LAKE || specs::source(id).is_some() {
        return Ok(id.to_owned());
    }
    Err(flow("1413-400", "The spec ID provided is  invalid. Please provide a valid spec ID and try again."))
}

/// Prose: an absent version means the newest.
pub(super) fn complete_spec_version(body: &mut Map<String, Value>) {
    if let Some(spec) = body.get_mut("connectionSpec").and_then(Value::as_object_mut) {
        spec.entry("version").or_insert_with(|| json!("1.0"));
    }
}

fn check_auth(spec: &str, auth: &Value) -> Result<(), Refusal> {
    let name = auth.get("specName").and_then(Value::as_str).unwrap_or_default();
    let Some(offered) = specs::auth(spec, name) else {
        return Err(flow(
            "1415-400",
            format!("The auth spec '{name}' could not be found for the connection spec ID {spec}."),
        ));
    };
    let Some(params) = auth.get("params").and_then(Value::as_object) else {
        return Err(mandatory("auth.params"));
    };
    specs::check(offered.params, params).map_err(|wrong| match wrong {
        Wrong::Missing(field) => mandatory(field),
        Wrong::Value(field, value) => invalid(field, shape(value)),
    })?;
    // OpenAPI: a map of scalars.
    match params.iter().find(|(_, value)| value.is_object() || value.is_array()) {
        Some((name, value)) => Err(invalid(name, shape(value))),
        None => Ok(()),
    }
}

/// 1312: a value that its schema does not take.
pub(super) fn invalid(param: &str, value: &str) -> Refusal {
    sources(
        "1312-400",
        format!(
            "The provided param value {value} is not a valid input for property={param}. Please provide a valid \
             param value and try again."
        ),
    )
}

/// What is told of a value that may be a secret.
fn shape(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "{}",
        Value::Array(_) => "[]",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
    }
}

/// `/connections/{id}/test`, `/explore`, `/configs`.
pub(super) fn inspect(cx: &Context<'_>, id: &str, what: &str) -> Answer {
    let base = cx.get(Kind::Connection, id).ok_or_else(|| not_found("connections", id))?;
    match what {
        "test" => match cx.behaviour.connection_test {
            ConnectionTest::True => Ok(Reply::ok(json!({ "result": true }))),
            ConnectionTest::False => Ok(Reply::ok(json!({ "result": false }))),
            // What the source's own side reports has one code (Adobe's list of sources errors).
            ConnectionTest::Error => Err(sources(
                "1308-400",
                "The request could not be processed. Error message: The source could not be reached.",
            )),
        },
        "explore" => {
            let spec = base.body["connectionSpec"]["id"].as_str().unwrap_or_default();
            let source = specs::source(spec).ok_or_else(|| {
                sources(
                    "1336-400",
                    format!(
                        "Explore connection is not supported for connection spec ID: {spec}. Please provide \
                         supported connection spec id and try again."
                    ),
                )
            })?;
            explore::answer(cx, source)
        }
        "configs" => Ok(Reply::ok(json!({ "items": [] }))),
        _ => Err(not_found("connections", what)),
    }
}
