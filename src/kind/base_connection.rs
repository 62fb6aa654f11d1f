//! The base connection: credentials for a source system (Flow Service `/connections`, platform-api.md 2.4.1).
//! Its secrets are write-only: they are compared by fingerprint, never with what the platform shows.

use serde_json::{Map, Value, json};

use super::flow_service::{self, collection};
use super::{
    Answer, Around, Body, Code, Context, Finding, Intent, Key, Kind, Observed, Outcome, Rule, Sending, Shape,
    Spec, connection_spec, is_secret_reference, section,
};
use crate::secret::{is_secret_name, literal_secret};
use crate::wire::{Call, Reply, segment};

pub(super) struct BaseConnection;

const COLLECTION: &str = collection!("connections");

const GRAMMAR: &[Key] = &[
    Key::required("name", Shape::Text, "The connection's name on the platform."),
    Key::optional("description", Shape::Text, "What the connection is for."),
    Key::required("connectionSpec", Shape::Object(section::SPEC), "Which source system it connects to."),
    Key::optional("auth", Shape::Object(AUTH), "How it authenticates there."),
];

const AUTH: &[Key] = &[
    Key::required("specName", Shape::Text, "One of the connection spec's authentication types."),
    Key::required(
        "params",
        Shape::Params,
        "The authentication type's parameters. Secrets are references: { fromEnv: NAME }, { fromFile: PATH } or \
         { fromCommand: [program, argument] }.",
    ),
];

impl Spec for BaseConnection {
    fn section(&self) -> &'static str {
        "baseConnection"
    }

    fn title(&self) -> &'static str {
        "base connection"
    }

    fn grammar(&self) -> &'static [Key] {
        GRAMMAR
    }

    fn check(&self, section: &Value, _context: &Context<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let params = section.pointer("/auth/params").and_then(Value::as_object);
        for (name, value) in params.into_iter().flatten() {
            if is_secret_reference(value) || value.is_boolean() {
                continue;
            }
            let message = match value.as_str().and_then(literal_secret) {
                _ if is_secret_name(name) => format!("`{name}` is secret and must not stand in the manifest"),
                Some(what) => format!("`{name}` holds {what}, which must not stand in the manifest"),
                None => continue,
            };
            findings.push(
                Finding::error(
                    Code::SecretInManifest,
                    format!("/auth/params/{}", section::escape(name)),
                    message,
                )
                .hint(format!("write `{name}: {{ fromEnv: NAME }}` (or fromFile, fromCommand)")),
            );
        }
        // Documented as a full URL despite its name, passed through as it is (platform-api.md 6.2).
        if let Some(subdomain) = params.and_then(|p| p.get("subdomain")).and_then(Value::as_str)
            && !subdomain.starts_with("https://")
            && subdomain.contains(['/', '.', ' '])
        {
            findings.push(
                Finding::warning(
                    Code::SubdomainForm,
                    "/auth/params/subdomain",
                    "`subdomain` is neither a URL nor a bare label",
                )
                .hint("Zendesk's documents give it as https://SUBDOMAIN.zendesk.com"),
            );
        }
        findings
    }

    fn desired(&self, section: &Value, _context: &Context<'_>) -> Body {
        let mut body = section::text_members(section, &["name", "description"]);
        section::insert_spec(&mut body, "connectionSpec", section.get("connectionSpec"), None);
        if let Some(auth) = section.get("auth") {
            let params = auth.get("params").and_then(Value::as_object).cloned().unwrap_or_default();
            let params: Map<String, Value> =
                params.into_iter().map(|(name, value)| (name, section::secret_leaves(&value))).collect();
            body.insert("auth".into(), json!({ "specName": auth.get("specName"), "params": params }));
        }
        Value::Object(body)
    }

    fn rule(&self, pointer: &str, _from: Option<&Value>, _to: Option<&Value>) -> Rule {
        match pointer {
            "/name" | "/description" => Rule::Patch,
            // A GET gives "a partial view of the credentials" (platform-api.md 2.4.1).
            p if p.starts_with("/auth/params") => Rule::Shown,
            // `1414-400`: the spec of a connection cannot be updated; of specName nothing is known.
            _ => Rule::Replace,
        }
    }

    fn collection(&self) -> &'static str {
        COLLECTION
    }

    fn observed(&self, remote: &Value) -> Option<Observed> {
        let item = flow_service::item(remote)?;
        let mut body = flow_service::pick(item, &["name", "description", "connectionSpec", "auth"]);
        flow_service::spec_reference(&mut body, "connectionSpec");
        if let Some(auth) = body.get("auth") {
            let mut auth = flow_service::pick(auth, &["specName", "params"]);
            if let Some(Value::Object(params)) = auth.get_mut("params") {
                // What the platform shows of a secret may be nothing, a mask, or the value: none of it is kept.
                params.retain(|name, value| !is_secret_name(name) && !is_mask(value));
            }
            body.insert("auth".into(), Value::Object(auth));
        }
        flow_service::observed(item, Value::Object(body), Value::Null)
    }

    fn read(&self, id: &str, _version: Option<u64>) -> Call {
        flow_service::read(COLLECTION, id)
    }

    fn referrers(&self, id: &str) -> Option<(Kind, Call)> {
        // Flows in use are refused (`FLOW-1418-400`); of source connections without a flow no document says anything
        // (platform-api.md 2.9).
        let call = Call::get(Kind::Source.spec().collection())
            .query("limit", "100")
            .query("property", format!("baseConnectionId=={id}"));
        Some((Kind::Source, call))
    }

    fn secrets_told_by(&self, body: &Body) -> Option<Call> {
        connection_spec::read(body)
    }

    fn secrets(&self, remote: &Value, told: &Value) -> Vec<String> {
        let auth = flow_service::item(remote).and_then(|item| item.get("auth"));
        let of_name = |spec: &&Value| spec.get("name") == auth.and_then(|auth| auth.get("specName"));
        let specs = flow_service::item(told).and_then(|item| item.get("authSpec")).and_then(Value::as_array);
        let spec = specs.into_iter().flatten().find(of_name).and_then(|spec| spec.get("spec"));
        let is_secret = |name: &str| {
            let property = spec.and_then(|spec| spec.get("properties")).and_then(|p| p.get(name));
            let format = property.and_then(|property| property.get("format"));
            is_secret_name(name) || format.is_some_and(|format| format == "password")
        };
        let shown = auth.and_then(|auth| auth.get("params")).and_then(Value::as_object);
        let shown = shown.into_iter().flatten().filter(|(name, value)| is_secret(name) || is_mask(value));
        let mut names: Vec<&str> = shown.map(|(name, _)| name.as_str()).collect();
        // Of what it hides altogether, only what the authentication cannot do without is there for certain.
        let required = spec.and_then(|spec| spec.get("required")).and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if is_secret(name) && !names.contains(&name) {
                names.push(name);
            }
        }
        names.into_iter().map(|name| format!("/auth/params/{}", section::escape(name))).collect()
    }

    fn questions(&self, sending: &Sending<'_>) -> Vec<Call> {
        if sending.around == Around::Changed {
            return Vec::new();
        }
        sending.body(&["/connectionSpec", "/auth"]).and_then(connection_spec::read).into_iter().collect()
    }

    fn objections(&self, sending: &Sending<'_>, answers: &[&Answer]) -> Vec<Finding> {
        let Some(body) = sending.body(&[""]) else { return Vec::new() };
        answers.first().map_or_else(Vec::new, |answer| connection_spec::against_base(body, answer))
    }

    fn test(&self, intent: &Intent, id: &str) -> Option<Call> {
        Sending::alone(intent).body(&["/auth"])?.get("auth")?;
        Some(test(id))
    }

    fn fails(&self, answer: &Value) -> bool {
        answer.get("result") == Some(&Value::Bool(false))
    }

    fn calls(&self, intent: &Intent) -> Vec<Call> {
        // The documented update replaces `auth.params` as a whole, so all of them are sent (platform-api.md 2.5).
        flow_service::calls(COLLECTION, intent, Clone::clone, |before, after, paths, _| {
            flow_service::operations(before, after, paths, &["/auth/params"])
        })
    }

    fn outcome(&self, intent: &Intent, reply: &Reply) -> Outcome {
        flow_service::outcome(intent, reply)
    }
}

/// The platform's test of a connection (platform-api.md 2.7).
pub(super) fn test(id: &str) -> Call {
    Call::get(format!("{COLLECTION}/{}/test", segment(id)))
}

/// Whether a value is a mask in place of a value.
fn is_mask(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        text.chars().count() >= 4 && text.chars().all(|c| matches!(c, '*' | '\u{2022}' | 'x' | 'X'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Etag, Method};

    #[test]
    fn nothing_that_the_platform_shows_of_a_secret_is_kept() {
        let remote = json!({ "items": [{
            "id": "b1", "etag": "\"e\"", "name": "n", "description": "", "state": "enabled",
            "connectionSpec": { "id": "s", "version": "1.0", "extra": 1 },
            "auth": { "specName": "O", "params": { "host": "h", "accessToken": "clear", "user": "****" } },
        }] });
        let observed = BaseConnection.observed(&remote).unwrap();
        let wanted = json!({
            "name": "n", "connectionSpec": { "id": "s", "version": "1.0" },
            "auth": { "specName": "O", "params": { "host": "h" } },
        });
        assert_eq!(observed.body, wanted);
        assert_eq!(observed.etag, Some(Etag::from_body("e")));
    }

    #[test]
    fn secrets_are_told_by_what_is_masked_and_by_what_the_spec_requires() {
        let told = json!({ "items": [{ "authSpec": [
            { "name": "other", "spec": { "required": ["password"] } },
            { "name": "O", "spec": {
                "required": ["host", "accessToken", "key"],
                "properties": { "key": { "format": "password" }, "pin": { "format": "password" }, "extra": {} },
            } },
        ] }] });
        let remote = |params: Value| json!({ "items": [{ "auth": { "specName": "O", "params": params } }] });
        let names = |params: Value| BaseConnection.secrets(&remote(params), &told);
        assert_eq!(names(json!({ "host": "h" })), ["/auth/params/accessToken", "/auth/params/key"]);
        let shown = json!({ "extra": "****", "pin": "in clear", "clientSecret": "in clear", "host": "h" });
        assert_eq!(
            names(shown),
            ["extra", "pin", "clientSecret", "accessToken", "key"].map(|name| format!("/auth/params/{name}"))
        );
        assert_eq!(BaseConnection.secrets(&Value::Null, &Value::Null), [""; 0]);
    }

    #[test]
    fn a_changed_parameter_sends_all_of_them_once() {
        let after = json!({ "name": "n", "auth": { "params": { "host": "new", "accessToken": "t" } } });
        let intent = Intent::Update {
            id: "b/1".into(),
            etag: Some(Etag::from_body("e")),
            version: None,
            before: json!({ "name": "n", "auth": { "params": { "host": "old" } } }),
            after: after.clone(),
            paths: vec!["/auth/params/host".into(), "/auth/params/accessToken".into()],
            places: Value::Null,
        };
        let calls = BaseConnection.calls(&intent);
        assert_eq!(calls.len(), 1);
        assert_eq!(
            (calls[0].method, calls[0].path.as_str()),
            (Method::Patch, "/data/foundation/flowservice/connections/b%2F1")
        );
        assert_eq!(calls[0].if_match, Some(Etag::from_body("e")));
        let operation =
            json!([{ "op": "replace", "path": "/auth/params", "value": after["auth"]["params"] }]);
        assert_eq!(calls[0].body.as_ref().unwrap(), &operation);
    }
}
