//! The target connection: the dataset written to (Flow Service `/targetConnections`, platform-api.md 2.4.3).
//! All but its name and description is fixed at creation, as with the source connection.

use serde_json::{Value, json};

use super::flow_service::{self, collection};
use super::{
    Body, Code, Context, Finding, Intent, Key, Observed, Outcome, Route, Rule, Shape, Spec, route, section,
};
use crate::wire::{Call, Reply};

pub(super) struct Target;

const COLLECTION: &str = collection!("targetConnections");

/// The data lake's spec, the same everywhere (platform-api.md 2.4.3).
const DATA_LAKE: &str = "c604ff05-7f1a-43c0-8e18-33bf874cb11c";

const GRAMMAR: &[Key] = &[
    Key::required("name", Shape::Text, "The target connection's name on the platform."),
    Key::optional("description", Shape::Text, "What is written."),
    Key::required("dataSetId", Shape::Id, "Id of the dataset written to."),
    Key::optional(
        "connectionSpec",
        Shape::Object(section::SPEC),
        "The data lake's spec, which is the same everywhere; no need to give it.",
    ),
    Key::optional("data", Shape::Object(DATA), "How the data is encoded; json when left out."),
];

const DATA: &[Key] = &[
    Key::optional(
        "format",
        Shape::Choice(&["json", "delimited", "parquet", "parquet_xdm", "tabular"]),
        "The encoding.",
    ),
    Key::optional("schema", Shape::Object(SCHEMA), "The dataset's schema, for sources that ask for it."),
];

const SCHEMA: &[Key] = &[
    Key::required("id", Shape::Uri, "The schema's $id."),
    Key::required("version", Shape::Text, "Such as application/vnd.adobe.xed-full+json;version=1."),
];

impl Spec for Target {
    fn section(&self) -> &'static str {
        "target"
    }

    fn title(&self) -> &'static str {
        "target connection"
    }

    fn grammar(&self) -> &'static [Key] {
        GRAMMAR
    }

    fn check(&self, section: &Value, _context: &Context<'_>) -> Vec<Finding> {
        match section.pointer("/connectionSpec/id").and_then(Value::as_str) {
            Some(id) if id != DATA_LAKE => vec![
                Finding::error(
                    Code::WrongSpec,
                    "/connectionSpec/id",
                    "a target connection's spec is always the data lake's",
                )
                .hint(format!("leave connectionSpec out, or write {DATA_LAKE}")),
            ],
            _ => Vec::new(),
        }
    }

    fn desired(&self, section: &Value, _context: &Context<'_>) -> Body {
        let mut body = section::text_members(section, &["name", "description"]);
        section::insert_spec(&mut body, "connectionSpec", section.get("connectionSpec"), Some(DATA_LAKE));
        body.insert("data".into(), section.get("data").cloned().unwrap_or(json!({ "format": "json" })));
        body.insert("params".into(), json!({ "dataSetId": section.get("dataSetId") }));
        Value::Object(body)
    }

    fn written(&self, pointer: &str) -> Vec<Route> {
        vec![route::keys(route::names(pointer.strip_prefix("/params").unwrap_or(pointer)))]
    }

    fn rule(&self, pointer: &str, _from: Option<&Value>, _to: Option<&Value>) -> Rule {
        flow_service::rule_of_names(pointer)
    }

    fn collection(&self) -> &'static str {
        COLLECTION
    }

    fn observed(&self, remote: &Value) -> Option<Observed> {
        let item = flow_service::item(remote)?;
        let mut body = flow_service::pick(item, &["name", "description", "connectionSpec", "data", "params"]);
        flow_service::spec_reference(&mut body, "connectionSpec");
        flow_service::observed(item, Value::Object(body), Value::Null)
    }

    fn read(&self, id: &str, _version: Option<u64>) -> Call {
        flow_service::read(COLLECTION, id)
    }

    fn calls(&self, intent: &Intent) -> Vec<Call> {
        flow_service::plain_calls(COLLECTION, intent)
    }

    fn outcome(&self, intent: &Intent, reply: &Reply) -> Outcome {
        flow_service::outcome(intent, reply)
    }
}
