//! What the four Flow Service kinds share: the shape of an entity, its reads, its PATCH documents, its error codes
//! (platform-api.md 2). Knows no single kind.

use serde_json::{Map, Value, json};

use super::{Body, Intent, LONGEST_ID, LastOperation, Observed, Outcome, Rule, usable_id};
use crate::wire::{Call, Etag, Method, Reply, Safety, segment};

/// Path of a collection.
macro_rules! collection {
    ($name:literal) => {
        concat!("/data/foundation/flowservice/", $name)
    };
}
pub(super) use collection;

/// The entity inside an answer: single reads come wrapped in `items`, some old examples do not (platform-api.md 2.1).
pub(super) fn item(remote: &Value) -> Option<&Value> {
    match remote.get("items") {
        Some(items) => items.get(0),
        None => remote.is_object().then_some(remote),
    }
}

/// The common part of an observation; `body` is the kind's canonical form of `item`.
pub(super) fn observed(item: &Value, body: Body, places: Value) -> Option<Observed> {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    let said = |key: &str| text(key).filter(|text| !text.trim().is_empty());
    Some(Observed {
        id: usable_id(text("id")?)?,
        // Both fields hold the same string (platform-api.md 2.2).
        etag: etag(said("etag").or_else(|| said("version")))?,
        version: None,
        body,
        state: text("state").unwrap_or_default().to_owned(),
        operation: LastOperation::observed(item),
        places,
        created_at: item.get("createdAt").and_then(Value::as_i64),
        created_by_client: text("createdClient").map(str::to_owned),
    })
}

/// The etag in a text, if there is a text; `None` for one that no header may hold: without its precondition the object
/// must not be changed, so it is not taken for one that has none.
#[expect(clippy::option_option, reason = "no etag and no usable etag are two things")]
pub(super) fn etag(text: Option<&str>) -> Option<Option<Etag>> {
    let usable = |text: &str| text.len() <= LONGEST_ID && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    match text.filter(|text| !text.trim().is_empty()) {
        None => Some(None),
        Some(text) => usable(text).then(|| Some(Etag::from_body(text))),
    }
}

/// `members` of `item` that are present and not empty strings, in this order.
pub(super) fn pick(item: &Value, members: &[&str]) -> Map<String, Value> {
    let mut body = Map::new();
    for &member in members {
        match item.get(member) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(value) => {
                body.insert(member.to_owned(), value.clone());
            }
        }
    }
    body
}

/// `{ id, version }` of a spec reference; other members are the platform's.
pub(super) fn spec_reference(body: &mut Map<String, Value>, member: &str) {
    if let Some(spec) = body.get(member) {
        let mut spec = pick(spec, &["id", "version"]);
        // An old page gives the number 1 (platform-api.md 2.13), which is the version "1.0".
        if let Some(Value::Number(number)) = spec.get("version") {
            let text = number.to_string();
            let version = if text.contains('.') { text } else { format!("{text}.0") };
            spec.insert("version".into(), version.into());
        }
        body.insert(member.to_owned(), Value::Object(spec));
    }
}

/// The read of one entity.
pub(super) fn read(collection: &str, id: &str) -> Call {
    Call::get(format!("{collection}/{}", segment(id)))
}

/// The requests for an intent: `create` is the POST's body, `patch` the operations of a PATCH.
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
        Intent::Update { id, etag, before, after, paths, places, .. } => {
            let mut call = Call::new(Method::Patch, at(id), Safety::Repeatable)
                .body(Value::Array(patch(before, after, paths, places)));
            call.if_match.clone_from(etag);
            vec![call]
        }
        Intent::Switch { id, etag, on, .. } => {
            // Nothing can be said of an object that is not there yet: whoever sends, or shows, fills the id in first.
            let Some(id) = id else { return Vec::new() };
            let op = if *on { "enable" } else { "disable" };
            let path = format!("{}/action", at(id));
            let mut call = Call::new(Method::Post, path, Safety::Repeatable).query("op", op);
            // Optional on actions (platform-api.md 2.2); sent so that a flow somebody else touched is left alone.
            call.if_match.clone_from(etag);
            vec![call]
        }
        // No documented DELETE carries If-Match: the etag is compared by a read right before (platform-api.md 2.2).
        Intent::Delete { id, etag, conditional, .. } => {
            let mut call = Call::new(Method::Delete, at(id), Safety::Repeatable);
            call.if_match = etag.clone().filter(|_| *conditional);
            vec![call]
        }
        Intent::Adopt { .. } | Intent::Forget { .. } => Vec::new(),
    }
}

/// The rule of a connection's field: of source and target connections a flow takes over nothing that is changed later,
/// and nothing but their names is known to be harmless (platform-api.md 2.5).
pub(super) fn rule_of_names(pointer: &str) -> Rule {
    match pointer {
        "/name" | "/description" => Rule::Patch,
        _ => Rule::Replace,
    }
}

/// The requests for an intent of a kind whose bodies go over the wire as they are.
pub(super) fn plain_calls(collection: &str, intent: &Intent) -> Vec<Call> {
    calls(collection, intent, Clone::clone, |before, after, paths, _| operations(before, after, paths, &[]))
}

/// One JSON Patch operation that brings `member` of `before` to what it is in `after`. `add` where the member may be
/// missing, because `replace` on a missing member is refused (platform-api.md 2.5).
pub(super) fn operation(pointer: &str, before: &Body, after: &Body) -> Option<Value> {
    Some(match (before.pointer(pointer), after.pointer(pointer)) {
        (None, None) => return None,
        // OpenAPI wants a value with every operation; with `remove` it does no harm (platform-api.md 2.5).
        (Some(was), None) => json!({ "op": "remove", "path": pointer, "value": was }),
        (None, Some(value)) => json!({ "op": "add", "path": pointer, "value": value }),
        (Some(_), Some(value)) => json!({ "op": "replace", "path": pointer, "value": value }),
    })
}

/// The operations for `paths`, where everything below one of `whole` is replaced as one value.
pub(super) fn operations(before: &Body, after: &Body, paths: &[String], whole: &[&str]) -> Vec<Value> {
    let mut done: Vec<&str> = Vec::new();
    let mut operations = Vec::new();
    for path in paths {
        let pointer = whole
            .iter()
            .copied()
            .find(|w| path == w || path.strip_prefix(w).is_some_and(|rest| rest.starts_with('/')))
            .unwrap_or(path);
        if !done.contains(&pointer) {
            done.push(pointer);
            operations.extend(operation(pointer, before, after));
        }
    }
    operations
}

/// What an answer of the Flow Service means (platform-api.md 2.10). Codes are matched whole: the sources list reuses
/// numbers under another prefix.
pub(super) fn outcome(intent: &Intent, reply: &Reply) -> Outcome {
    if reply.is_success() {
        // The short form and the wrapped one are both documented for PATCH (platform-api.md 2.1).
        let item = item(&reply.body).unwrap_or(&Value::Null);
        let text = |key: &str| item.get(key).and_then(Value::as_str);
        let id = match intent {
            Intent::Create { .. } => text("id").and_then(usable_id).or_else(|| located(reply)),
            _ => None,
        };
        // What came of it has to be read, as after no answer.
        let Some(etag) = etag(text("etag")) else { return Outcome::Unclear };
        if matches!(intent, Intent::Create { .. }) && id.is_none() {
            // A create that does not say what it made is as good as no answer: the caller looks.
            return Outcome::Unclear;
        }
        return Outcome::Done { id, etag, version: None };
    }
    match (reply.status, error_code(&reply.body).as_str()) {
        (_, "FLOW-1403-400") if matches!(intent, Intent::Delete { .. }) => Outcome::WantsEtag,
        (
            _,
            "FLOW-1416-400" | "FLOW-1417-400" | "FLOW-1420-400" | "FLOW-1421-400" | "FLOW-1422-400"
            | "FLOW-1457-400",
        ) => Outcome::NotYet,
        // On a delete, a delete already under way (platform-api.md 2.9).
        (_, "FLOW-1458-400") if matches!(intent, Intent::Delete { .. }) => Outcome::Absent,
        (_, "FLOW-1418-400" | "FLOW-1447-400") if matches!(intent, Intent::Delete { .. }) => Outcome::NotYet,
        (_, "FLOW-1404-412") | (412 | 409, _) => Outcome::Conflict,
        // What it refers to is not there, or not known everywhere yet.
        (_, "FLOW-1412-400" | "FLOW-1419-400" | "FLOW-1439-400")
            if matches!(intent, Intent::Create { .. }) =>
        {
            Outcome::Absent
        }
        (404, code) if !(code.starts_with("FLOW-2") || code.starts_with('2')) => Outcome::Absent,
        (408 | 500..=599, _) => Outcome::Unclear,
        _ => Outcome::Refused,
    }
}

/// The id at the end of a `Location` header.
fn located(reply: &Reply) -> Option<String> {
    let location = reply.location.as_deref()?;
    let id = location.trim_end_matches('/').rsplit('/').next()?;
    usable_id(id)
}

/// The code of an error body: the last segment of `type`, else `error_code`, else `code` (platform-api.md 1.4).
pub(super) fn error_code(body: &Value) -> String {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    text("type")
        .and_then(|t| t.rsplit('/').next())
        .or_else(|| text("error_code"))
        .or_else(|| text("code"))
        .unwrap_or_default()
        .to_owned()
}
