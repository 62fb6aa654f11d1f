//! Connection specs and flow specs: the sources this platform knows (platform-api.md 2.7, 6.1, 6.2), and the data lake, their
//! one target. What is refused because of a spec is refused by the file of the kind.
//!
//! One more source is one more file like `mysql` (tables) or `amazon_s3` (files), and a line in [`SOURCES`]; a source of a
//! new family also needs a flow spec in `flow_specs`.
//!
//! | file | owns |
//! |---|---|
//! | `parts` | what a source is made of, and its parts as JSON schemas |
//! | `zendesk`, `mysql`, `amazon_s3` | one source each, as data, with what explore finds in it |
//! | `flow_specs` | one flow spec per family of sources |

mod amazon_s3;
mod flow_specs;
mod mysql;
mod parts;
mod zendesk;

use serde_json::{Value, json};

use super::behaviour::Behaviour;
use super::context::Context;
use super::filter::Query;
use super::flow_service::{not_found, project};
use super::message::{Answer, Reply, flow};
use super::store::Record;

pub(super) use flow_specs::{CRM, flow_spec};
pub(super) use parts::{Auth, Column, Contents, File, Rows, Source, Table, Type, Wrong, check};
pub(super) use zendesk::USER_FIELDS;

/// The one target of every source.
pub(super) const DATA_LAKE: &str = "c604ff05-7f1a-43c0-8e18-33bf874cb11c";
/// The provider of what Adobe carries itself.
const ADOBE: &str = "0ed90a81-07f4-4586-8190-b40eccef1c5a";

/// Every source, in the order of a list.
static SOURCES: &[Source] =
    &[zendesk::ZENDESK, zendesk::TUTORIAL_BASE, zendesk::TUTORIAL_SOURCE, mysql::MYSQL, amazon_s3::AMAZON_S3];

/// The source whose connection spec has this id.
pub(super) fn source(id: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.id == id)
}

/// An auth that a connection spec offers by that name.
pub(super) fn auth(spec: &str, name: &str) -> Option<&'static Auth> {
    source(spec)?.auths.iter().find(|auth| auth.name == name)
}

/// The secret parameters of a spec, in any of its auths.
pub(super) fn secret_names(spec: &str) -> Vec<&'static str> {
    let params = source(spec).into_iter().flat_map(|source| source.auths).flat_map(|auth| auth.params);
    params.filter(|param| param.secret).map(|param| param.name).collect()
}

/// Whether a spec exists, and what it is.
pub(super) fn connection_spec(behaviour: &Behaviour, id: &str) -> Option<Value> {
    if id == DATA_LAKE {
        return Some(json!({
            "id": DATA_LAKE,
            "name": "Data Lake",
            "providerId": ADOBE,
            "version": "1.0",
            "attributes": {
                "isSource": false,
                "uiAttributes": {},
                "isDraftModeSupported": behaviour.draft_mode,
            },
        }));
    }
    let source = source(id)?;
    let auths: Vec<Value> = source
        .auths
        .iter()
        .map(|auth| {
            let about = "Credentials used for authentication";
            json!({ "name": auth.name, "type": auth.kind, "spec": parts::schema(auth.params, about) })
        })
        .collect();
    let mut source_spec = json!({
        "attributes": { "uiAttributes": { "documentationLink": "" }, "isSource": true },
        "spec": parts::schema(source.params, "What to read of the source"),
    });
    if let Some(kind) = source.spec_type {
        source_spec["name"] = json!(kind);
        source_spec["type"] = json!(kind);
    }
    Some(json!({
        "id": source.id,
        "name": source.name,
        "providerId": source.provider,
        "version": "1.0",
        "authSpec": auths,
        "sourceSpec": source_spec,
        "exploreSpec": explore_spec(source),
        "attributes": {
            "isSource": true,
            "category": source.category,
            "isDraftModeSupported": behaviour.draft_mode,
        },
        "permissionsInfo": permissions(),
    }))
}

/// The SDK's says nothing of requests: Adobe's "Configure your explore specification" prints it for every such source.
fn explore_spec(source: &Source) -> Value {
    let mut spec = json!({ "name": source.explore_type, "type": source.explore_type });
    if source.spec_type.is_some() {
        spec["requestSpec"] = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": { "objectType": { "type": "string", "enum": source.object_types } },
        });
    }
    spec
}

fn permissions() -> Value {
    json!({
        "view": [{ "@type": "lowLevel", "name": "EnterpriseSource", "permissions": ["read"] }],
        "manage": [{ "@type": "lowLevel", "name": "EnterpriseSource", "permissions": ["write"] }],
    })
}

/// `/connectionSpecs` and `/flowSpecs`: both kinds answer with `items`, also for one.
pub(super) fn route(cx: &Context<'_>, flows: bool, rest: &[&str]) -> Answer {
    if !cx.behaviour.spec_read {
        return Err(flow(
            "2121-403",
            "The permission view is denied on resource Enterprise Source. Please contact your administrator to \
             resolve permissions and try again.",
        ));
    }
    let path = if flows { "flowSpecs" } else { "connectionSpecs" };
    let one = |id: &str| {
        if flows { flow_spec(cx.behaviour, id) } else { connection_spec(cx.behaviour, id) }
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
    let ids: Vec<&str> = if flows {
        flow_specs::ALL.to_vec()
    } else {
        SOURCES.iter().map(|source| source.id).chain([DATA_LAKE]).collect()
    };
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
