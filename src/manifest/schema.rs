//! The JSON Schema of a manifest, for editors: made from the same tables that check it.
//!
//! Draft 7, which the YAML language server knows best. It is weaker than the checks, never stricter.

use serde_json::{Map, Value, json};

use super::blocks::{self, MOVE};
use super::document::{API_VERSION, EVERY_SECTION, LONGEST_PIPELINE, PLATFORM};
use crate::kind::{FIELD, FIELD_TYPES, Key, Kind, Shape};

/// What stands for a value that is filled in when the manifest is read.
const REFERENCE: &str = r"\$\{";

/// The JSON Schema of a manifest's documents.
pub fn json_schema() -> Value {
    let name = json!({
        "description": "The pipeline's name: the first part of its objects' addresses.",
        "type": "string",
        "pattern": format!("^[A-Za-z0-9][A-Za-z0-9_-]{{0,{}}}$|{REFERENCE}", LONGEST_PIPELINE - 1),
    });
    let mut properties = Map::new();
    properties.insert(
        "apiVersion".into(),
        json!({ "description": "The manifest's format.", "const": API_VERSION }),
    );
    properties.insert("pipeline".into(), name);
    let mut platform = object(&[PLATFORM]);
    describe(&mut platform, "Where the pipeline lives; one run manages one sandbox.");
    properties.insert("platform".into(), platform);
    for kind in Kind::sections() {
        let spec = kind.spec();
        let mut section = object(&[spec.grammar(), EVERY_SECTION]);
        describe(&mut section, &format!("The pipeline's {}.", spec.title()));
        properties.insert(kind.section().into(), section);
    }
    for (name, text) in blocks::KEYS {
        let mut block = match name {
            "moved" => json!({ "type": "array", "items": object(&[MOVE]) }),
            "forget" => json!({ "type": "array", "items": shape(&Shape::Text) }),
            _ => {
                let ids = Kind::ALL.into_iter().map(|kind| {
                    let mut id = json!({ "type": ["string", "number"], "pattern": r"^\S+$" });
                    describe(&mut id, &format!("Id of an existing {}.", kind.spec().title()));
                    (kind.section().to_owned(), id)
                });
                let ids: Map<String, Value> = ids.collect();
                json!({ "type": "object", "properties": ids, "additionalProperties": false })
            }
        };
        describe(&mut block, text);
        properties.insert(name.into(), block);
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:flowform:manifest:v1",
        "title": "flowform manifest",
        "description": "One ingestion pipeline of Adobe Experience Platform.",
        "type": "object",
        "properties": properties,
        "required": ["apiVersion", "pipeline"],
        "additionalProperties": false,
        "definitions": { "field": field() },
    })
}

fn describe(schema: &mut Value, text: &str) {
    if let Some(members) = schema.as_object_mut() {
        members.shift_insert(0, "description".into(), text.into());
    }
}

fn object(tables: &[&[Key]]) -> Value {
    let keys = || tables.iter().flat_map(|table| table.iter());
    let mut properties = Map::new();
    for key in keys() {
        let mut schema = shape(&key.shape);
        describe(&mut schema, key.doc);
        properties.insert(key.name.into(), schema);
    }
    let required: Vec<&str> = keys().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// The schema, or a string with a reference in it.
fn or_reference(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "string", "pattern": REFERENCE }] })
}

fn shape(of: &Shape) -> Value {
    match of {
        Shape::Text => json!({ "type": "string", "minLength": 1 }),
        Shape::Id => {
            json!({ "type": ["string", "number"], "pattern": format!("^[A-Za-z0-9_-]{{1,128}}$|{REFERENCE}") })
        }
        Shape::Uri => {
            json!({ "type": "string", "pattern": format!("^[A-Za-z][A-Za-z0-9+.-]*:|{REFERENCE}") })
        }
        Shape::Version => json!({ "type": ["string", "number"] }),
        Shape::Bool => or_reference(&json!({ "type": "boolean" })),
        Shape::Integer { min, max } => {
            or_reference(&json!({ "type": "integer", "minimum": min, "maximum": max }))
        }
        Shape::Time => json!({
            "type": ["integer", "string"],
            "pattern": format!("^[0-9]+$|^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[Tt ]|{REFERENCE}"),
        }),
        Shape::Choice(words) => or_reference(&json!({ "enum": words })),
        Shape::Address => {
            let sections: Vec<&str> = Kind::sections().map(Kind::section).collect();
            json!({ "type": "string", "pattern": format!(r"\.({})$|{REFERENCE}", sections.join("|")) })
        }
        Shape::Object(keys) => object(&[keys]),
        Shape::AddressOr(keys) => json!({ "anyOf": [shape(&Shape::Address), object(&[keys])] }),
        Shape::Fields => json!({
            "type": "object",
            "additionalProperties": shape(&Shape::Field),
            "propertyNames": { "pattern": "^[A-Za-z0-9-][A-Za-z0-9_-]*$" },
        }),
        Shape::Field => json!({ "$ref": "#/definitions/field" }),
        Shape::List(item) => json!({ "type": "array", "items": shape(item) }),
        Shape::Params => json!({
            "type": "object",
            "additionalProperties": { "anyOf": [{ "type": ["string", "number", "boolean"] }, secret()] },
        }),
        Shape::Free | Shape::Settings => json!({}),
    }
}

/// One field of a schema, which may hold others.
fn field() -> Value {
    json!({ "anyOf": [shape(&Shape::Choice(FIELD_TYPES)), object(&[FIELD])] })
}

/// A secret reference: where the value is to be found.
fn secret() -> Value {
    let one = |name: &str, text: &str, value: &Value| {
        let mut value = value.clone();
        describe(&mut value, text);
        json!({
            "type": "object",
            "properties": { name: value },
            "required": [name],
            "additionalProperties": false,
        })
    };
    let text = json!({ "type": "string", "minLength": 1 });
    let name = json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" });
    let words =
        json!({ "type": "array", "items": { "type": ["string", "number", "boolean"] }, "minItems": 1 });
    json!({
        "oneOf": [
            one("fromEnv", "The name of the environment variable that holds the secret.", &name),
            one("fromFile", "The file that holds the secret: a path from the manifest's folder, or `~/FILE`.", &text),
            one("fromCommand", "Program and arguments that print the secret; no shell is run.", &words),
        ]
    })
}
