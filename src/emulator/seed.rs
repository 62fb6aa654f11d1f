//! What a sandbox holds before anybody came: the schemas and datasets that the tutorial presupposes.
//!
//! `624bf42e16519d19496e3f67` is the tutorial's dataset, its schema has the tutorial's hash; the second pair
//! is for pipelines beyond it.

use serde_json::{Map, Value, json};

use super::context::Context;
use super::dataset;
use super::schema::{TENANT, complete};
use super::specs::USER_FIELDS;
use super::store::Kind;

/// Dataset, schema hash, field group hash, names.
struct Seed {
    dataset: &'static str,
    schema: &'static str,
    field_group: &'static str,
    name: &'static str,
    title: &'static str,
}

const SEEDS: &[Seed] = &[
    Seed {
        dataset: "624bf42e16519d19496e3f67",
        schema: "995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4",
        field_group: "3f1c0a5e7b9d42c8a6e0f4d218937b65c0de12ab34cd56ef",
        name: "Zendesk users",
        title: "Zendesk user",
    },
    Seed {
        dataset: "66f0c1d2a3b4c5d6e7f80912",
        schema: "7c1e9a0b4d3f5268e7a9b0c1d2e3f4a5968778695a4b3c2d",
        field_group: "81b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718",
        name: "Zendesk users (second)",
        title: "Zendesk user (second)",
    },
];

/// Fills a sandbox that nobody has touched yet.
pub(super) fn fill(cx: &mut Context<'_>) {
    if !cx.store.needs_seed(&cx.realm) {
        return;
    }
    let fields: Map<String, Value> = USER_FIELDS
        .iter()
        .map(|(name, kind)| {
            let field = match *kind {
                "long" | "integer" => json!({ "type": "integer", "title": name }),
                "boolean" => json!({ "type": "boolean", "title": name }),
                "strings" => json!({ "type": "array", "items": { "type": "string" }, "title": name }),
                _ => json!({ "type": "string", "title": name }),
            };
            ((*name).to_owned(), field)
        })
        .collect();
    let namespace = format!("_{TENANT}");
    for seed in SEEDS {
        let group = json!({
            "type": "object",
            "title": format!("{} fields", seed.title),
            "description": "What Zendesk knows of a user",
            "meta:intendedToExtend": ["https://ns.adobe.com/xdm/context/profile"],
            "definitions": { "zendesk": { "properties": {
                (namespace.clone()): { "type": "object", "properties": fields } } } },
            "allOf": [{ "$ref": "#/definitions/zendesk" }],
        });
        let group = put(cx, Kind::FieldGroup, seed.field_group, &group);
        let body = json!({
            "type": "object",
            "title": seed.title,
            "description": "The schema that the tutorial presupposes",
            "allOf": [{ "$ref": "https://ns.adobe.com/xdm/context/profile" }, { "$ref": group }],
        });
        let schema = put(cx, Kind::Schema, seed.schema, &body);
        let sent = json!({
            "name": seed.name,
            "description": "The dataset that the tutorial presupposes",
            "schemaRef": { "id": schema, "contentType": "application/vnd.adobe.xed+json;version=1" },
        });
        let sent = sent.as_object().cloned().unwrap_or_default();
        let body = dataset::complete(cx, seed.dataset, &sent);
        cx.create(Kind::DataSet, seed.dataset, body);
    }
}

fn put(cx: &mut Context<'_>, kind: Kind, hash: &str, body: &Value) -> String {
    let body = complete(cx, kind, hash, body.as_object().cloned().unwrap_or_default(), "1.0");
    let id = body["$id"].as_str().unwrap_or_default().to_owned();
    cx.create(kind, &id, body);
    id
}
