//! What a source is made of, as data: its auths, its parameters, the formats it gives, what explore finds in it. Knows how
//! each part reads as a JSON schema, and how a request is held against it. Which sources there are is in `mod.rs`.

use serde_json::{Map, Value, json};

/// One source: a connection spec, and what the documents tell of it beside.
pub(in crate::emulator) struct Source {
    pub(in crate::emulator) id: &'static str,
    pub(in crate::emulator) name: &'static str,
    /// Who provides it: Adobe, or the SDK.
    pub(super) provider: &'static str,
    /// `attributes.category`.
    pub(super) category: &'static str,
    /// The flow spec that reads it.
    pub(in crate::emulator) flow_spec: &'static str,
    pub(super) auths: &'static [Auth],
    /// `name` and `type` of `sourceSpec`; the SDK's specs have none.
    pub(super) spec_type: Option<&'static str>,
    /// The `params` of a source connection.
    pub(in crate::emulator) params: &'static [Param],
    /// Values of `data.format`.
    pub(in crate::emulator) formats: &'static [&'static str],
    /// `name` and `type` of `exploreSpec`, then the values of `objectType`.
    pub(super) explore_type: &'static str,
    pub(in crate::emulator) object_types: &'static [&'static str],
    pub(in crate::emulator) contents: Contents,
}

/// One way to authenticate.
pub(in crate::emulator) struct Auth {
    pub(in crate::emulator) name: &'static str,
    pub(super) kind: &'static str,
    pub(in crate::emulator) params: &'static [Param],
}

/// One parameter of an auth or of a source connection.
pub(in crate::emulator) struct Param {
    pub(in crate::emulator) name: &'static str,
    kind: &'static str,
    about: &'static str,
    required: bool,
    /// `format: password`.
    pub(in crate::emulator) secret: bool,
    /// The only values; empty where any will do.
    values: &'static [&'static str],
}

impl Param {
    pub(super) const fn text(name: &'static str, about: &'static str) -> Self {
        Self { name, kind: "string", about, required: false, secret: false, values: &[] }
    }

    pub(super) const fn of(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(super) const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    pub(super) const fn one_of(self, values: &'static [&'static str]) -> Self {
        Self { values, ..self }
    }

    fn takes(&self, value: &Value) -> bool {
        match self.kind {
            "boolean" => {
                // The schema says boolean; two of Adobe's cloud storage tutorials send `"true"`.
                value.is_boolean() || matches!(value.as_str(), Some("true" | "false"))
            }
            "array" => value.is_array(),
            _ => value.as_str().is_some_and(|value| self.values.is_empty() || self.values.contains(&value)),
        }
    }

    fn schema(&self) -> Value {
        let mut schema = json!({ "type": self.kind, "description": self.about });
        if self.secret {
            schema["format"] = json!("password");
        }
        if !self.values.is_empty() {
            schema["enum"] = json!(self.values);
        }
        schema
    }
}

/// What is wrong with parameters.
pub(in crate::emulator) enum Wrong<'a> {
    /// This one is not there, or empty.
    Missing(&'static str),
    /// This one has a value that its schema does not take.
    Value(&'static str, &'a Value),
}

/// Holds parameters against their schema. Those that it does not name are let through, as draft-07 does by default.
pub(in crate::emulator) fn check<'a>(
    params: &'static [Param],
    given: &'a Map<String, Value>,
) -> Result<(), Wrong<'a>> {
    for param in params {
        match given.get(param.name) {
            None | Some(Value::Null) if !param.required => {}
            None | Some(Value::Null) => return Err(Wrong::Missing(param.name)),
            Some(Value::String(text)) if param.required && text.trim().is_empty() => {
                return Err(Wrong::Missing(param.name));
            }
            Some(value) if param.takes(value) => {}
            Some(value) => return Err(Wrong::Value(param.name, value)),
        }
    }
    Ok(())
}

/// Parameters as the draft-07 schema that a spec shows.
pub(super) fn schema(params: &[Param], about: &str) -> Value {
    let properties: Map<String, Value> =
        params.iter().map(|param| (param.name.to_owned(), param.schema())).collect();
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "description": about,
        "properties": properties,
    });
    let required: Vec<&str> = params.iter().filter(|param| param.required).map(|param| param.name).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// What explore finds in a source.
pub(in crate::emulator) enum Contents {
    /// One stream of records (`objectType=rest`): the properties of a record, and one of them.
    Records { properties: fn() -> Value, sample: fn() -> Value },
    /// Tables of a database.
    Tables(&'static [Table]),
    /// Files of a storage; its folders are those on their paths.
    Files(&'static [File]),
}

/// Columns and the first rows. A cell is text that its column's type reads; an empty one is null.
pub(in crate::emulator) struct Rows {
    pub(in crate::emulator) columns: &'static [Column],
    pub(in crate::emulator) cells: &'static [&'static [&'static str]],
}

/// A name, and the type of what stands below it.
pub(in crate::emulator) struct Column(pub(in crate::emulator) &'static str, pub(in crate::emulator) Type);

/// The types that explore tells apart.
#[derive(Clone, Copy)]
pub(in crate::emulator) enum Type {
    Text,
    Integer,
    Number,
    Flag,
    Time,
}

/// One table; its path is what a source connection calls `tableName`.
pub(in crate::emulator) struct Table {
    pub(in crate::emulator) path: &'static str,
    pub(in crate::emulator) rows: &'static Rows,
}

/// One file.
pub(in crate::emulator) struct File {
    pub(in crate::emulator) path: &'static str,
    /// `fileType`, which is also the `data.format` of a source connection.
    pub(in crate::emulator) format: &'static str,
    /// What stands between two columns, if it is delimited.
    pub(in crate::emulator) delimiter: char,
    /// `compressionType`; empty if it is not compressed.
    pub(in crate::emulator) compression: &'static str,
    pub(in crate::emulator) rows: &'static Rows,
}
