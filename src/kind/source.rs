//! The source connection: what is read from a source system (Flow Service `/sourceConnections`, platform-api.md 2.4.2).
//! All but its name and description is fixed at creation: a change does not reach a running flow (2.5).

use serde_json::{Value, json};

use super::flow_service::{self, collection};
use super::{
    Answer, Around, Body, Code, Context, Finding, Intent, Key, Kind, Observed, Outcome, Reference,
    ReferenceKey, Route, Rule, Sending, Shape, Spec, base_connection, connection_spec, parameters, route,
    section,
};
use crate::wire::{Call, Reply};

pub(super) struct Source;

const COLLECTION: &str = collection!("sourceConnections");

const GRAMMAR: &[Key] = &[
    Key::required("name", Shape::Text, "The source connection's name on the platform."),
    Key::optional("description", Shape::Text, "What is read."),
    Key::optional("baseConnection", Shape::Address, "Address of another pipeline's base connection."),
    Key::optional(
        "baseConnectionId",
        Shape::Id,
        "Id of an existing base connection that is not managed here.",
    ),
    Key::optional(
        "connectionSpec",
        Shape::Object(section::SPEC),
        "The source system; the base connection's when left out.",
    ),
    Key::optional("data", Shape::Object(DATA), "How the data is encoded; json when left out."),
    Key::optional("params", Shape::Settings, "The source's own parameters; none when left out."),
];

const DATA: &[Key] = &[
    Key::required("format", Shape::Choice(&["json", "delimited", "parquet", "tabular"]), "The encoding."),
    Key::optional("properties", Shape::Free, "Details of the encoding, for delimited files."),
];

const REFERENCES: &[ReferenceKey] = &[ReferenceKey {
    by_address: "baseConnection",
    by_id: "baseConnectionId",
    kind: Kind::BaseConnection,
    required: true,
}];

/// The spec of the base connection, where its section is at hand.
fn base_spec<'a>(context: &Context<'a>) -> Option<&'a Value> {
    match context.first()? {
        Reference::Section { section, .. } => section.get("connectionSpec"),
        Reference::Id(_) => None,
    }
}

impl Spec for Source {
    fn section(&self) -> &'static str {
        "source"
    }

    fn title(&self) -> &'static str {
        "source connection"
    }

    fn grammar(&self) -> &'static [Key] {
        GRAMMAR
    }

    fn references(&self) -> &'static [ReferenceKey] {
        REFERENCES
    }

    fn check(&self, section: &Value, context: &Context<'_>) -> Vec<Finding> {
        let base = base_spec(context).and_then(|s| s.get("id")).and_then(Value::as_str);
        match (section.pointer("/connectionSpec/id").and_then(Value::as_str), base) {
            (Some(own), Some(base)) if own != base => vec![
                Finding::warning(
                    Code::SpecMismatch,
                    "/connectionSpec/id",
                    format!("source and base connection have different specs ({own} and {base})"),
                )
                .hint(
                    "newer documents of the platform give both the same spec: leave connectionSpec out here",
                ),
            ],
            (None, None) if !matches!(context.first(), Some(Reference::Section { .. })) => {
                vec![
                    Finding::error(Code::MissingKey, "", "`connectionSpec` is missing")
                        .hint("it can be left out only where the base connection is in the manifest"),
                ]
            }
            _ => Vec::new(),
        }
    }

    fn desired(&self, section: &Value, context: &Context<'_>) -> Body {
        let mut body = section::text_members(section, &["name", "description"]);
        if let Some(id) = section::reference_id(context.first()) {
            body.insert("baseConnectionId".into(), id);
        }
        let spec = section.get("connectionSpec").or_else(|| base_spec(context));
        section::insert_spec(&mut body, "connectionSpec", spec, None);
        body.insert("data".into(), section.get("data").cloned().unwrap_or(json!({ "format": "json" })));
        body.insert("params".into(), section.get("params").map_or(json!({}), section::secret_leaves));
        Value::Object(body)
    }

    fn written(&self, pointer: &str) -> Vec<Route> {
        match pointer {
            "/baseConnectionId" => section::reference_routes(&REFERENCES[0]),
            _ => vec![route::keys(route::names(pointer))],
        }
    }

    fn rule(&self, pointer: &str, _from: Option<&Value>, _to: Option<&Value>) -> Rule {
        flow_service::rule_of_names(pointer)
    }

    fn collection(&self) -> &'static str {
        COLLECTION
    }

    fn observed(&self, remote: &Value) -> Option<Observed> {
        let item = flow_service::item(remote)?;
        let members = ["name", "description", "baseConnectionId", "connectionSpec", "data", "params"];
        let mut body = flow_service::pick(item, &members);
        flow_service::spec_reference(&mut body, "connectionSpec");
        flow_service::observed(item, Value::Object(body), Value::Null)
    }

    fn read(&self, id: &str, _version: Option<u64>) -> Call {
        flow_service::read(COLLECTION, id)
    }

    fn secrets_told_by(&self, body: &Body) -> Option<Call> {
        connection_spec::read(body)
    }

    fn secrets(&self, remote: &Value, told: &Value) -> Vec<String> {
        let params = flow_service::item(remote).and_then(|item| item.get("params"));
        let schema = flow_service::item(told).and_then(|spec| spec.pointer("/sourceSpec/spec"));
        let (Some(params), Some(schema)) = (params, schema) else { return Vec::new() };
        parameters::secrets(schema, params, "/params")
    }

    fn questions(&self, sending: &Sending<'_>) -> Vec<Call> {
        let sent = sending.body(&["/connectionSpec", "/baseConnectionId", "/params"]);
        let Some(body) = sent.filter(|_| sending.around != Around::Changed) else { return Vec::new() };
        // A base connection that stays as it is has to be of use; one that is made or changed is tested then.
        let base =
            body.get("baseConnectionId").and_then(Value::as_str).filter(|_| sending.around == Around::Stays);
        connection_spec::read(body).into_iter().chain(base.map(base_connection::test)).collect()
    }

    fn objections(&self, sending: &Sending<'_>, answers: &[&Answer]) -> Vec<Finding> {
        let (Some(body), Some(spec)) = (sending.body(&[""]), answers.first()) else { return Vec::new() };
        let base =
            sending.parents.get(&Kind::BaseConnection).and_then(|base| base.pointer("/connectionSpec/id"));
        let is_told =
            **spec == Answer::Absent && base.is_some() && base == body.pointer("/connectionSpec/id");
        let mut findings = if is_told { Vec::new() } else { connection_spec::against_source(body, spec) };
        if let Some(Answer::Told(tested)) = answers.get(1)
            && Kind::BaseConnection.spec().fails(tested)
        {
            let message = "its base connection fails the platform's test: the source system cannot be reached, or \
                           does not take the credentials";
            let hint = if base.is_some() {
                "put that right, with `--send-secrets` if the credentials seem unchanged; `--exclude` leaves this \
                 pipeline as it is"
            } else {
                "whoever owns the base connection has to put that right; `--exclude` leaves this pipeline as it is"
            };
            findings.push(Finding::error(Code::FailedTest, "/baseConnectionId", message).hint(hint));
        }
        findings
    }

    fn calls(&self, intent: &Intent) -> Vec<Call> {
        flow_service::plain_calls(COLLECTION, intent)
    }

    fn outcome(&self, intent: &Intent, reply: &Reply) -> Outcome {
        flow_service::outcome(intent, reply)
    }
}
