//! Connection specs and flow specs: the sources this platform knows (platform-api.md 2.7, 6.1, 6.2).
//!
//! Zendesk under its current id, and under the two ids of the first tutorial, which is what the product's
//! own example uses; the data lake; the flow spec of every SDK source.

use serde_json::{Map, Value, json};

use super::behaviour::Behaviour;
use super::context::Context;
use super::filter::Query;
use super::flow_service::{not_found, project};
use super::message::{Answer, Reply, flow};
use super::store::Record;

/// The one target of every source.
pub(super) const DATA_LAKE: &str = "c604ff05-7f1a-43c0-8e18-33bf874cb11c";
/// Zendesk in the newest tutorial.
const ZENDESK: &str = "0a27232b-2c6e-4396-b8c6-c9fc24e37ba4";
/// The first tutorial's base connection and source connection specs.
const TUTORIAL_BASE: &str = "2526ee57-0af4-46ea-a477-720a53108145";
const TUTORIAL_SOURCE: &str = "6360f136-5980-4111-8bdf-15d29eab3b5a";
/// `RestStorageToAEP`.
const FLOW_SPEC: &str = "6499120c-0b15-42dc-936e-847ea3c24d72";
const PROVIDER: &str = "521eee4d-8cbe-4906-bb48-fb6bd4450033";

struct Spec {
    id: &'static str,
    name: &'static str,
    auth_name: &'static str,
    /// The parameter that holds the account's address.
    host: &'static str,
}

const SOURCES: &[Spec] = &[
    Spec { id: ZENDESK, name: "Zendesk", auth_name: "OAuth2 Refresh Code", host: "subdomain" },
    Spec {
        id: TUTORIAL_BASE,
        name: "Zendesk (beta)",
        auth_name: "OAuth generic-rest-connector",
        host: "host",
    },
    Spec {
        id: TUTORIAL_SOURCE,
        name: "generic-rest-connector",
        auth_name: "OAuth generic-rest-connector",
        host: "host",
    },
];

/// What an auth of the SDK keeps secret (`format: password`).
const SECRETS: &[&str] = &["accessToken", "refreshToken", "clientSecret"];

/// Whether a spec exists, and what it is.
pub(super) fn connection_spec(id: &str) -> Option<Value> {
    if id == DATA_LAKE {
        return Some(json!({
            "id": DATA_LAKE,
            "name": "Data Lake",
            "providerId": "0ed90a81-07f4-4586-8190-b40eccef1c5a",
            "version": "1.0",
            "attributes": { "isSource": false, "uiAttributes": {} },
        }));
    }
    let spec = SOURCES.iter().find(|spec| spec.id == id)?;
    Some(json!({
        "id": spec.id,
        "name": spec.name,
        "providerId": PROVIDER,
        "version": "1.0",
        "authSpec": [{
            "name": spec.auth_name,
            "type": "OAuth2RefreshCode",
            "spec": auth_of(spec),
        }],
        "sourceSpec": {
            "attributes": { "uiAttributes": { "documentationLink": "" }, "isSource": true },
            "spec": { "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {} },
        },
        "exploreSpec": { "name": "Resource", "type": "Resource" },
        "attributes": { "isSource": true, "category": "customer-success" },
        "permissionsInfo": permissions(),
    }))
}

fn permissions() -> Value {
    json!({
        "view": [{ "@type": "lowLevel", "name": "EnterpriseSource", "permissions": ["read"] }],
        "manage": [{ "@type": "lowLevel", "name": "EnterpriseSource", "permissions": ["write"] }],
    })
}

fn auth_of(spec: &Spec) -> Value {
    let mut properties = Map::new();
    properties
        .insert(spec.host.to_owned(), json!({ "type": "string", "description": "The account's domain" }));
    for secret in SECRETS {
        properties.insert((*secret).to_owned(), json!({ "type": "string", "format": "password" }));
    }
    for open in ["clientId", "authorizationTestUrl", "accessTokenUrl", "expirationDate"] {
        properties.insert(open.to_owned(), json!({ "type": "string" }));
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "description": "Credentials used for authentication",
        "properties": properties,
        "required": [spec.host, "accessToken"],
    })
}

/// The JSON schema of an auth that a spec offers by that name.
pub(super) fn auth_schema(spec: &str, name: &str) -> Option<Value> {
    SOURCES.iter().find(|one| one.id == spec && one.auth_name == name).map(auth_of)
}

/// The secret parameters of a spec.
pub(super) fn secret_names(spec: &str) -> &'static [&'static str] {
    if SOURCES.iter().any(|one| one.id == spec) { SECRETS } else { &[] }
}

/// The flow spec, if that is its id.
pub(super) fn flow_spec(behaviour: &Behaviour, id: &str) -> Option<Value> {
    (id == FLOW_SPEC).then(|| {
        json!({
            "id": FLOW_SPEC,
            "name": "RestStorageToAEP",
            "providerId": PROVIDER,
            "version": "1.0",
            "sourceConnectionSpecIds": [ZENDESK, TUTORIAL_BASE, TUTORIAL_SOURCE],
            "targetConnectionSpecIds": [DATA_LAKE],
            "permissionsInfo": permissions(),
            "optionSpec": { "name": "OptionSpec", "spec": {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "type": "object",
                "properties": {
                    "errorDiagnosticsEnabled": { "type": "boolean", "default": false },
                    "partialIngestionPercent": { "type": "number", "exclusiveMinimum": 0 },
                },
            } },
            "transformationSpecs": [{ "name": "Mapping", "spec": {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "type": "object",
                "properties": {
                    "mappingId": { "type": "string" },
                    "mappingVersion": { "type": "string" },
                },
            } }],
            "scheduleSpec": { "name": "PeriodicSchedule", "type": "Periodic", "spec": schedule_spec() },
            "attributes": { "isSourceFlow": true, "isDraftModeSupported": behaviour.draft_mode },
        })
    })
}

/// The schedule schema of Adobe's SDK guide, word for word in meaning.
fn schedule_spec() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "startTime": { "description": "epoch time", "type": "integer" },
            "frequency": { "type": "string", "enum": ["once", "minute", "hour", "day", "week"] },
            "interval": { "type": "integer" },
            "backfill": { "type": "boolean", "default": true },
        },
        "required": ["startTime", "frequency"],
        "if": { "properties": { "frequency": { "const": "once" } } },
        "then": { "allOf": [{ "not": { "required": ["interval"] } }, { "not": { "required": ["backfill"] } }] },
        "else": {
            "required": ["interval"],
            "if": { "properties": { "frequency": { "const": "minute" } } },
            "then": { "properties": { "interval": { "minimum": 15 } } },
            "else": { "properties": { "interval": { "minimum": 1 } } },
        },
    })
}

/// `/connectionSpecs` and `/flowSpecs`: both kinds answer with `items`, also for one.
pub(super) fn route(cx: &Context<'_>, flows: bool, rest: &[&str]) -> Answer {
    let path = if flows { "flowSpecs" } else { "connectionSpecs" };
    let one = |id: &str| {
        let mut spec = if flows { flow_spec(cx.behaviour, id) } else { connection_spec(id) }?;
        if !flows && let Some(attributes) = spec.get_mut("attributes").and_then(Value::as_object_mut) {
            attributes.insert("isDraftModeSupported".to_owned(), json!(cx.behaviour.draft_mode));
        }
        Some(spec)
    };
    let (query, part) = match (cx.request.method.as_str(), rest) {
        ("GET", [id]) => {
            let spec = one(id).ok_or_else(|| not_found(path, id))?;
            return Ok(Reply::ok(json!({ "items": [spec] })));
        }
        ("GET", []) => (Query::parse(cx.request)?, None),
        ("POST", ["search"]) if flows => Query::parse_search(&cx.object(|why| flow("1405-400", why))?)?,
        _ => return Err(not_found(path, &rest.join("/"))),
    };
    let ids: &[&str] =
        if flows { &[FLOW_SPEC] } else { &[ZENDESK, TUTORIAL_BASE, TUTORIAL_SOURCE, DATA_LAKE] };
    let records: Vec<Record> = (0_u64..)
        .zip(ids.iter().filter_map(|id| one(id)))
        .map(|(seq, body)| Record {
            id: String::new(),
            seq,
            body,
            lag: 0,
            settle: 0,
            then: String::new(),
            dying: None,
        })
        .filter(|record| {
            let name = record.body["name"].as_str().unwrap_or_default().to_lowercase();
            query.matches(&record.body) && part.as_ref().is_none_or(|part| name.contains(part))
        })
        .collect();
    if query.count {
        return Ok(Reply::ok(json!({ "count": records.len() })));
    }
    let (page, next) = query.page(records.iter().collect(), cx.behaviour);
    let items: Vec<Value> =
        page.into_iter().map(|record| project(record.body.clone(), &query.projection)).collect();
    Ok(Reply::ok(super::flow_service::page_body(path, &items, next.as_deref())))
}

/// The tutorial's fields of a Zendesk user and their types, as explore infers them.
pub(super) const USER_FIELDS: &[(&str, &str)] = &[
    ("organization_id", "long"),
    ("external_id", "long"),
    ("role_type", "long"),
    ("custom_role_id", "long"),
    ("default_group_id", "long"),
    ("phone", "string"),
    ("shared_phone_number", "boolean"),
    ("alias", "string"),
    ("last_login_at", "string"),
    ("signature", "string"),
    ("details", "string"),
    ("notes", "string"),
    ("photo", "photo"),
    ("active", "boolean"),
    ("created_at", "string"),
    ("email", "string"),
    ("iana_time_zone", "string"),
    ("id", "integer"),
    ("locale", "string"),
    ("locale_id", "integer"),
    ("moderator", "boolean"),
    ("name", "string"),
    ("only_private_comments", "boolean"),
    ("report_csv", "boolean"),
    ("restricted_agent", "boolean"),
    ("result_type", "string"),
    ("role", "integer"),
    ("shared", "boolean"),
    ("shared_agent", "boolean"),
    ("suspended", "boolean"),
    ("ticket_restriction", "string"),
    ("time_zone", "string"),
    ("two_factor_auth_enabled", "boolean"),
    ("updated_at", "string"),
    ("url", "string"),
    ("verified", "boolean"),
    ("tags", "strings"),
];

const LARGEST: i64 = 9_007_199_254_740_991;

/// The properties of one record, as the tutorial's explore answer shows them.
pub(super) fn explore_properties() -> Value {
    let property = |kind: &str| match kind {
        "long" => json!({ "type": "integer", "minimum": -LARGEST - 1, "maximum": LARGEST }),
        "photo" => json!({ "type": "string", "media": { "binaryEncoding": "base64", "type": "image/png" } }),
        "strings" => json!({ "type": "array", "items": { "type": "string" } }),
        kind => json!({ "type": kind }),
    };
    Value::Object(USER_FIELDS.iter().map(|(name, kind)| ((*name).to_owned(), property(kind))).collect())
}
