//! What the kinds of the Schema Registry share: the shape of a resource, its reads, the meaning of its answers
//! (platform-api.md 5). Its eTag tells a change, but no request takes it as a precondition (5.4).

use serde_json::{Value, json};

use super::{Body, Intent, Observed, Outcome, flow_service, usable_id};
use crate::wire::{Call, Method, Reply, Safety, segment};

/// Path of a tenant's collection.
macro_rules! tenant {
    ($name:literal) => {
        concat!("/data/foundation/schemaregistry/tenant/", $name)
    };
}
pub(super) use tenant;

/// A lookup must name a major version, and there is no other than 1; references are left as they are.
const LOOKUP: &str = "application/vnd.adobe.xed+json; version=1";

/// The common part of an observation; `body` is the kind's canonical form of `remote`.
pub(super) fn observed(remote: &Value, body: Body, places: Value) -> Option<Observed> {
    let text = |pointer: &str| remote.pointer(pointer).and_then(Value::as_str);
    let metadata = remote.get("meta:registryMetadata");
    Some(Observed {
        id: usable_id(text("/$id")?)?,
        etag: flow_service::etag(text("/meta:registryMetadata/eTag"))?,
        version: None,
        body,
        state: String::new(),
        operation: super::LastOperation::Settled,
        places,
        created_at: metadata.and_then(|m| m.get("repo:createdDate")).and_then(Value::as_i64),
        created_by_client: text("/meta:registryMetadata/xdm:createdClientId").map(str::to_owned),
    })
}

/// The read of one resource: its `$id` is itself a URL, sent encoded.
pub(super) fn read(collection: &str, id: &str) -> Call {
    Call::get(format!("{collection}/{}", segment(id))).accept(LOOKUP)
}

/// The requests for an intent: `create` is the POST's body, `patch` the operations of a PATCH. They carry no
/// precondition, so none is repeated unseen.
pub(super) fn calls(
    collection: &str,
    intent: &Intent,
    create: impl Fn(&Body) -> Value,
    patch: impl Fn(&Body, &Body, &[String], &Value) -> Vec<Value>,
) -> Vec<Call> {
    let at = |id: &str| format!("{collection}/{}", segment(id));
    match intent {
        Intent::Create { body, .. } => {
            vec![Call::new(Method::Post, collection, Safety::Once).body(create(body))]
        }
        Intent::Update { id, before, after, paths, places, .. } => {
            let operations = patch(before, after, paths, places);
            vec![Call::new(Method::Patch, at(id), Safety::Once).body(operations.into())]
        }
        Intent::Delete { id, .. } => vec![Call::new(Method::Delete, at(id), Safety::Repeatable)],
        Intent::Switch { .. } | Intent::Adopt { .. } | Intent::Forget { .. } => Vec::new(),
    }
}

/// The operations for a resource's name and description.
pub(super) fn names(after: &Body, paths: &[String]) -> Vec<Value> {
    let mut operations = Vec::new();
    for path in paths {
        match path.as_str() {
            "/name" => {
                operations.push(json!({ "op": "replace", "path": "/title", "value": after.get("name") }));
            }
            // An empty one is none: a schema is to have one (platform-api.md 5.3).
            "/description" => {
                let text = after.get("description").cloned().unwrap_or_else(|| "".into());
                operations.push(json!({ "op": "add", "path": "/description", "value": text }));
            }
            _ => {}
        }
    }
    operations
}

/// What an answer of the Schema Registry means (platform-api.md 5.5, 5.6).
pub(super) fn outcome(intent: &Intent, reply: &Reply, id: &str) -> Outcome {
    let deleting = matches!(intent, Intent::Delete { .. });
    if reply.is_success() {
        let text = |pointer: &str| reply.body.pointer(pointer).and_then(Value::as_str);
        let Some(etag) = flow_service::etag(text("/meta:registryMetadata/eTag")) else {
            return Outcome::Unclear;
        };
        let id = match intent {
            Intent::Create { .. } => match reply.body.get(id).and_then(Value::as_str).and_then(usable_id) {
                None => return Outcome::Unclear,
                id => id,
            },
            _ => None,
        };
        return Outcome::Done { id, etag, version: None };
    }
    match reply.status {
        404 => Outcome::Absent,
        // What data was described by, or others refer to, is not deleted: that is said, not failed on.
        400 | 405 | 409 if deleting => Outcome::LeftInPlace,
        409 | 412 => Outcome::Conflict,
        408 | 500..=599 => Outcome::Unclear,
        _ => Outcome::Refused,
    }
}
