//! Small steps that several kinds take from a manifest section to a wanted body.

use serde_json::{Map, Value, json};

use super::{Key, Leaf, Reference, ReferenceKey, Route, SecretSource, Shape, route};

/// `connectionSpec` and `flowSpec`.
pub(super) const SPEC: &[Key] = &[
    Key::required("id", Shape::Id, "The spec's id, a UUID."),
    Key::optional("version", Shape::Version, "The spec's version; 1.0 when left out."),
];

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

/// A secret reference as a leaf; any other value as it is.
pub(super) fn secret_leaf(value: Value) -> Value {
    if !super::is_secret_reference(&value) {
        return value;
    }
    match serde_json::from_value::<SecretSource>(value.clone()) {
        Ok(source) => Leaf::Secret { source: Some(source), fingerprint: None }.to_value(),
        Err(_) => value,
    }
}

/// The id that a reference stands for: a leaf for a section, the id itself otherwise.
pub(super) fn reference_id(reference: Option<&Reference<'_>>) -> Option<Value> {
    match reference? {
        Reference::Section { address, .. } => Some(Leaf::Id(address.clone()).to_value()),
        Reference::Id(id) => Some(id.as_str().into()),
    }
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
