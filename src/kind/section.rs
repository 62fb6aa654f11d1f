//! Small steps that several kinds take from a manifest section to a wanted body.

use serde_json::{Map, Value, json};

use super::{Code, Finding, Key, Kind, Leaf, Reference, ReferenceKey, Route, SecretSource, Shape, route};

/// `connectionSpec` and `flowSpec`.
pub(super) const SPEC: &[Key] = &[
    Key::required("id", Shape::Id, "The spec's id, a UUID."),
    Key::optional("version", Shape::Version, "The spec's version; 1.0 when left out."),
];

/// `schema`, of what refers to a schema by its id.
pub(super) const SCHEMA: &[Key] = &[
    Key::required("id", Shape::Uri, "The schema's $id."),
    Key::optional("version", Shape::Version, "The schema's major version; 1 when left out."),
];

/// What it is for.
pub(super) const SCHEMA_DOC: &str = "The schema: the pipeline's own when left out, the address of another pipeline's, \
                                     or the id of one that is not managed here.";

/// How a section refers to it.
pub(super) const SCHEMA_REFERENCE: ReferenceKey =
    ReferenceKey { by_address: "schema", by_id: "schema", kind: Kind::Schema, required: true };

/// The major version in `1`, `1.0`, or `application/vnd.adobe.xed-full+json;version=1` (platform-api.md 3.4).
pub(super) fn major_version(text: &str) -> Option<u64> {
    let digits = text.rsplit_once("version=").map_or(text, |(_, v)| v);
    digits.trim().split('.').next()?.parse().ok()
}

/// What is wrong with a section's `schema`.
pub(super) fn schema_findings(section: &Value) -> Vec<Finding> {
    match section.pointer("/schema/version").and_then(Value::as_str) {
        Some(version) if major_version(version).is_none() => vec![
            Finding::error(
                Code::InvalidValue,
                "/schema/version",
                format!("`{version}` is not a schema version"),
            )
            .hint("give the major version, such as 1"),
        ],
        _ => Vec::new(),
    }
}

/// The `schema` of a body: id and major version. There is no other version than 1 of a section's schema.
pub(super) fn schema_reference(section: &Value, reference: Option<&Reference<'_>>) -> Value {
    if let Some(Reference::Section { .. }) = reference {
        return json!({ "id": reference_id(reference), "version": 1 });
    }
    let version = section.pointer("/schema/version").and_then(Value::as_str).and_then(major_version);
    json!({ "id": section.pointer("/schema/id"), "version": version.unwrap_or(1) })
}

/// The members of `section` that are strings, in this order.
pub(super) fn text_members(section: &Value, members: &[&str]) -> Map<String, Value> {
    members
        .iter()
        .filter_map(|&m| section.get(m).and_then(Value::as_str).map(|v| (m.to_owned(), v.into())))
        .collect()
}

/// Inserts `{ id, version }` from the section's own member, else from `default_id`.
pub(super) fn insert_spec(
    body: &mut Map<String, Value>,
    member: &str,
    spec: Option<&Value>,
    default_id: Option<&str>,
) {
    let text = |key: &str| spec.and_then(|s| s.get(key)).and_then(Value::as_str);
    if let Some(id) = text("id").or(default_id) {
        body.insert(member.to_owned(), json!({ "id": id, "version": text("version").unwrap_or("1.0") }));
    }
}

/// The value with every secret reference in it as a leaf. There are none within lists.
pub(super) fn secret_leaves(value: &Value) -> Value {
    if super::is_secret_reference(value)
        && let Ok(source) = serde_json::from_value::<SecretSource>(value.clone())
    {
        return Leaf::Secret { source: Some(source), fingerprint: None }.to_value();
    }
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), secret_leaves(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// The id that a reference stands for: a leaf for a section, the id itself otherwise.
pub(super) fn reference_id(reference: Option<&Reference<'_>>) -> Option<Value> {
    match reference? {
        Reference::Section { address, .. } => Some(Leaf::Id(address.clone()).to_value()),
        Reference::Id(id) => Some(id.as_str().into()),
    }
}

/// The ways by which a section names its schema.
pub(super) fn schema_routes() -> Vec<Route> {
    vec![route::keys(["schema", "id"]), route::keys(["schema"])]
}

/// The ways by which a section names another object.
pub(super) fn reference_routes(key: &ReferenceKey) -> Vec<Route> {
    vec![route::keys([key.by_id]), route::keys([key.by_address])]
}

/// A member's name as a JSON Pointer token (RFC 6901).
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The name that a JSON Pointer token stands for.
pub(crate) fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
