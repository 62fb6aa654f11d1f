//! Schema Registry: the tenant's schemas and field groups, as far as a pipeline needs them
//! (platform-api.md 5): Accept rules, unique titles, additive changes, refusal to delete what is used.
//!
//! Classes and standard field groups are known by name only. Codes that no document gives are 1400-400.

use serde_json::{Map, Value, json};

use super::clock;
use super::context::{Context, account, shallow, text};
use super::descriptor;
use super::message::{Answer, Refusal, Reply, registry};
use super::store::{Kind, Record};

/// The tenant of every organisation here: that of the tutorial.
pub(super) const TENANT: &str = "extconndev";

const CLASSES: &[(&str, &str)] = &[
    ("https://ns.adobe.com/xdm/context/profile", "XDM Individual Profile"),
    ("https://ns.adobe.com/xdm/context/experienceevent", "XDM ExperienceEvent"),
];

/// `application/vnd.adobe.xed+json;version=1`, `1.0`: id and major version, which is all that can be
/// compared across the forms in use (platform-api.md 3.4).
pub(super) fn reference_key(reference: &Value) -> Option<(String, u64)> {
    let id = reference.get("id")?.as_str().filter(|id| !id.is_empty())?;
    let content = reference.get("contentType")?.as_str()?;
    let version = content.split_once("version=").map_or(content, |(_, version)| version);
    let digits: String = version.trim().chars().take_while(char::is_ascii_digit).collect();
    Some((id.to_owned(), digits.parse().ok()?))
}

/// A schema by `$id` or by `meta:altId`.
pub(super) fn find<'a>(cx: &'a Context<'_>, id: &str) -> Option<&'a Record> {
    find_kind(cx, Kind::Schema, id)
}

fn find_kind<'a>(cx: &'a Context<'_>, kind: Kind, id: &str) -> Option<&'a Record> {
    cx.get(kind, id).or_else(|| cx.get(kind, &from_alt(id)?))
}

/// `_{tenant}.schemas.{hash}` as the URI it stands for.
fn from_alt(id: &str) -> Option<String> {
    let mut parts = id.strip_prefix('_')?.splitn(3, '.');
    Some(format!("https://ns.adobe.com/{}/{}/{}", parts.next()?, parts.next()?, parts.next()?))
}

fn folder(kind: Kind) -> &'static str {
    if kind == Kind::Schema { "schemas" } else { "mixins" }
}

pub(super) fn route(cx: &mut Context<'_>, rest: &[&str]) -> Answer {
    let method = cx.request.method.clone();
    match (method.as_str(), rest) {
        ("GET", ["stats"]) => Ok(Reply::ok(stats(cx))),
        ("GET", ["global", "classes"]) => list_of(cx, &classes()),
        (
            "GET",
            ["global", "schemas" | "fieldgroups" | "mixins" | "datatypes"]
            | ["tenant", "classes" | "datatypes" | "unions"],
        ) => list_of(cx, &[]),
        (_, ["tenant", "descriptors", rest @ ..]) => descriptor::route(cx, rest),
        (_, ["tenant", "schemas", rest @ ..]) => resource(cx, Kind::Schema, rest),
        (_, ["tenant", "fieldgroups" | "mixins", rest @ ..]) => resource(cx, Kind::FieldGroup, rest),
        _ => Err(registry("1010-404", "Resource not found", "No such resource.")),
    }
}

fn resource(cx: &mut Context<'_>, kind: Kind, rest: &[&str]) -> Answer {
    match (cx.request.method.as_str(), rest) {
        ("GET", []) => {
            let all: Vec<Value> = cx.all(kind).map(|record| record.body.clone()).collect();
            list_of(cx, &all)
        }
        ("POST", []) => create(cx, kind),
        ("GET", [id]) => lookup(cx, kind, id),
        ("PATCH" | "PUT", [id]) => update(cx, kind, id),
        ("DELETE", [id]) => delete(cx, kind, id),
        _ => Err(registry("1010-404", "Resource not found", "No such resource.")),
    }
}

pub(super) fn not_found(id: &str) -> Refusal {
    registry("1010-404", "Resource not found", format!("The requested resource {id} was not found."))
}

pub(super) fn bad(detail: &str) -> Refusal {
    registry("1400-400", "Bad request", detail)
}

fn classes() -> Vec<Value> {
    CLASSES
        .iter()
        .map(|(id, title)| json!({ "$id": id, "meta:altId": id, "title": title, "version": "1" }))
        .collect()
}

fn stats(cx: &Context<'_>) -> Value {
    json!({
        "imsOrg": cx.realm.org,
        "tenantId": TENANT,
        "counts": {
            "schemas": cx.all(Kind::Schema).count(),
            "mixins": cx.all(Kind::FieldGroup).count(),
            "datatypes": 0,
            "classes": 0,
            "unions": 0,
        },
        "recentlyCreatedResources": [],
        "recentlyUpdatedResources": [],
    })
}

/// `Ok(true)` for a form with references resolved.
fn accept(cx: &Context<'_>, versioned: bool) -> Result<String, Refusal> {
    let accept = cx.request.header("accept").unwrap_or_default().to_lowercase();
    if accept.is_empty() || accept == "*/*" {
        return Err(registry("1006-400", "Accept header required", "The Accept header is missing."));
    }
    if !accept.starts_with("application/vnd.adobe.xed") && !accept.starts_with("application/vnd.adobe.xdm") {
        return Err(registry("1008-400", "Accept header invalid", format!("{accept} is not supported.")));
    }
    if versioned && !accept.contains("version=") {
        return Err(registry(
            "1007-400",
            "Accept header invalid",
            "The Accept header must include a version.",
        ));
    }
    Ok(accept)
}

fn list_of(cx: &Context<'_>, all: &[Value]) -> Answer {
    let short = accept(cx, false)?.contains("-id");
    let mut found: Vec<&Value> = all
        .iter()
        .filter(|body| {
            cx.request.query.iter().filter(|(key, _)| key == "property").all(|(_, filter)| {
                filter.split_once("==").is_none_or(|(member, value)| match &body[member] {
                    Value::Array(values) => values.iter().any(|one| one == value),
                    one => one == value,
                })
            })
        })
        .collect();
    let order = cx
        .request
        .query("orderby")
        .map(|order| (order.starts_with('-'), order.trim_start_matches(['-', '+', ' '])));
    let mut next = Value::Null;
    let mut limit = 300;
    // Without an order, `start` and `limit` mean nothing.
    if let Some((descending, member)) = order {
        let key = |body: &Value| body[member].as_str().unwrap_or_default().to_owned();
        found.sort_by_key(|body| key(body));
        if descending {
            found.reverse();
        }
        if let Some(start) = cx.request.query("start") {
            found.retain(
                |body| if descending { key(body).as_str() <= start } else { key(body).as_str() >= start },
            );
        }
        if let Some(wanted) = cx.request.query("limit").and_then(|limit| limit.parse::<usize>().ok()) {
            limit = wanted.clamp(1, 300);
        }
        next = found.get(limit).map_or(Value::Null, |body| json!(key(body)));
    }
    let results: Vec<Value> = found
        .into_iter()
        .take(limit)
        .map(|body| {
            if short {
                json!({ "$id": body["$id"], "meta:altId": body["meta:altId"], "version": body["version"],
                    "title": body["title"] })
            } else {
                body.clone()
            }
        })
        .collect();
    let page = json!({ "orderby": order.map(|(_, member)| member), "next": next, "count": results.len() });
    Ok(Reply::ok(json!({ "results": results, "_page": page, "_links": {} })))
}

fn lookup(cx: &Context<'_>, kind: Kind, id: &str) -> Answer {
    let accept = accept(cx, true)?;
    let record = find_kind(cx, kind, id).ok_or_else(|| not_found(id))?;
    let body = if accept.contains("xed-full") { full(cx, record) } else { record.body.clone() };
    Ok(Reply::ok(body))
}

/// References resolved: the properties of all field groups in one tree.
pub(super) fn full(cx: &Context<'_>, record: &Record) -> Value {
    let mut body = record.body.clone();
    let mut properties = json!({});
    gather(&record.body, &mut properties);
    for part in record.body["allOf"].as_array().into_iter().flatten() {
        let group = part["$ref"].as_str().and_then(|id| cx.get(Kind::FieldGroup, id));
        if let Some(group) = group {
            gather(&group.body, &mut properties);
        }
    }
    body["properties"] = properties;
    if let Some(body) = body.as_object_mut() {
        body.remove("allOf");
        body.remove("definitions");
    }
    body
}

fn gather(body: &Value, properties: &mut Value) {
    json_patch::merge(properties, body.get("properties").unwrap_or(&json!({})));
    for definition in body["definitions"].as_object().into_iter().flat_map(Map::values) {
        json_patch::merge(properties, definition.get("properties").unwrap_or(&json!({})));
    }
}

/// Whether a resolved schema has a path such as `_tenant.email`. What standard classes and field groups
/// bring is not modelled, so a path outside the tenant's namespace is believed.
pub(super) fn has_path(full: &Value, path: &str) -> bool {
    if !path.starts_with('_') || path == "_id" {
        return true;
    }
    path.split('.')
        .try_fold(full, |at, key| at.get("properties").and_then(|properties| properties.get(key)))
        .is_some()
}

fn create(cx: &mut Context<'_>, kind: Kind) -> Answer {
    let body = cx.object(bad)?;
    check(cx, kind, None, &body)?;
    let hash = clock::hex_id::<24>();
    let body = complete(cx, kind, &hash, body, "1.0");
    let id = body["$id"].as_str().unwrap_or_default().to_owned();
    cx.create(kind, &id, body.clone());
    Ok(Reply::json(201, body))
}

/// What the registry adds.
pub(super) fn complete(
    cx: &Context<'_>,
    kind: Kind,
    hash: &str,
    sent: Map<String, Value>,
    version: &str,
) -> Value {
    let folder = folder(kind);
    let mut body = Value::Object(sent);
    body["$id"] = json!(format!("https://ns.adobe.com/{TENANT}/{folder}/{hash}"));
    body["meta:altId"] = json!(format!("_{TENANT}.{folder}.{hash}"));
    body["meta:resourceType"] = json!(folder);
    body["version"] = json!(version);
    body["imsOrg"] = json!(cx.realm.org);
    body["meta:tenantNamespace"] = json!(format!("_{TENANT}"));
    body["meta:containerId"] = json!("tenant");
    body["meta:sandboxId"] = json!(super::context::sandbox_id(&cx.realm));
    if kind == Kind::Schema {
        let references: Vec<&str> =
            body["allOf"].as_array().into_iter().flatten().filter_map(|part| part["$ref"].as_str()).collect();
        let class = references.iter().find(|id| is_class(id)).copied();
        let (class, extends) = (json!(class), json!(references));
        body["meta:class"] = class;
        body["meta:extends"] = extends;
    }
    body["meta:registryMetadata"] = json!({
        "repo:createdDate": cx.now,
        "repo:lastModifiedDate": cx.now,
        "xdm:createdClientId": cx.client,
        "xdm:lastModifiedClientId": cx.client,
        "xdm:createdUserId": account(&cx.client),
        "xdm:lastModifiedUserId": account(&cx.client),
        "eTag": clock::hex_id::<32>(),
        "meta:globalLibVersion": "1.0",
    });
    body
}

fn is_class(id: &str) -> bool {
    CLASSES.iter().any(|(class, _)| *class == id) || id.contains("/classes/")
}

fn check(cx: &Context<'_>, kind: Kind, own: Option<&str>, body: &Map<String, Value>) -> Result<(), Refusal> {
    let title = text(body, "title").ok_or_else(|| bad("title is required"))?;
    if text(body, "type").is_none() {
        return Err(bad("type is required"));
    }
    let taken = |kind| cx.all(kind).any(|one| one.body["title"] == title && Some(one.id.as_str()) != own);
    if taken(Kind::Schema) || taken(Kind::FieldGroup) {
        return Err(registry(
            "1521-400",
            "Title not unique",
            format!("The title '{title}' is already used. Please use a different title and try again."),
        ));
    }
    if kind == Kind::Schema {
        let parts = body.get("allOf").and_then(Value::as_array).ok_or_else(|| bad("allOf is required"))?;
        let references: Vec<&str> = parts.iter().filter_map(|part| part["$ref"].as_str()).collect();
        if references.iter().filter(|id| is_class(id)).count() != 1 {
            return Err(bad("A schema needs exactly one class."));
        }
        let ours = format!("https://ns.adobe.com/{TENANT}/mixins/");
        return match references
            .iter()
            .find(|id| id.starts_with(&ours) && cx.get(Kind::FieldGroup, id).is_none())
        {
            Some(id) => Err(not_found(id)),
            None => Ok(()),
        };
    }
    if body.get("meta:intendedToExtend").and_then(Value::as_array).is_none() {
        return Err(bad("meta:intendedToExtend is required"));
    }
    let mut properties = json!({});
    gather(&Value::Object(body.clone()), &mut properties);
    let namespace = format!("_{TENANT}");
    match properties.as_object().into_iter().flatten().find(|(name, _)| **name != namespace) {
        Some((name, _)) => Err(registry(
            "1020-400",
            "Field not in tenant namespace",
            format!("Custom field '{name}' must be under '{namespace}'."),
        )),
        None => Ok(()),
    }
}

fn update(cx: &mut Context<'_>, kind: Kind, id: &str) -> Answer {
    let mut record = find_kind(cx, kind, id).cloned().ok_or_else(|| not_found(id))?;
    let before = record.body.clone();
    let mut body = if cx.request.method == "PUT" {
        Value::Object(cx.object(bad)?)
    } else {
        let patch: json_patch::Patch =
            serde_json::from_value(cx.json(bad)?).map_err(|_| bad("The body is not a JSON Patch."))?;
        let mut body = before.clone();
        json_patch::patch(&mut body, &patch).map_err(|error| bad(&error.to_string()))?;
        body
    };
    check(cx, kind, Some(&record.id), &body.as_object().cloned().unwrap_or_default())?;
    if !shallow(&body) {
        return Err(bad("The resource would be nested too deeply."));
    }
    if kind == Kind::Schema {
        check_union(cx, &record, &body)?;
    }
    if in_use(cx, kind, &record.id) {
        let mut after = Record { body: body.clone(), ..record.clone() };
        after.body["$id"] = before["$id"].clone();
        if !keeps(&full(cx, &record)["properties"], &full(cx, &after)["properties"]) {
            return Err(bad("A field of a resource that is in use cannot be removed or retyped."));
        }
    }
    let minor = before["version"].as_str().and_then(|version| version.strip_prefix("1.")).unwrap_or("0");
    let version = format!("1.{}", minor.parse::<u64>().unwrap_or(0) + 1);
    let hash = record.id.rsplit('/').next().unwrap_or_default().to_owned();
    let created = before["meta:registryMetadata"]["repo:createdDate"].clone();
    body = complete(cx, kind, &hash, body.as_object().cloned().unwrap_or_default(), &version);
    body["meta:registryMetadata"]["repo:createdDate"] = created;
    record.body = body.clone();
    cx.put(kind, record);
    Ok(Reply::ok(body))
}

/// Immutable tags are "intended to be set, but never removed", and Profile wants to know whose a record is
/// (platform-api.md 5.5).
fn check_union(cx: &Context<'_>, record: &Record, after: &Value) -> Result<(), Refusal> {
    let is_union = |body: &Value| {
        body["meta:immutableTags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == "union"))
    };
    match (is_union(&record.body), is_union(after)) {
        (true, false) => Err(bad("Immutable tags cannot be removed.")),
        (false, true) => {
            let mut resolved = record.clone();
            resolved.body = after.clone();
            let identity_map = !full(cx, &resolved)["properties"]["identityMap"].is_null();
            if identity_map || descriptor::has_primary(cx, &record.id) {
                return Ok(());
            }
            Err(registry(
                "1528-400",
                "Primary identity missing",
                "A schema in the union needs a primary identity or an identityMap.",
            ))
        }
        _ => Ok(()),
    }
}

/// Every property of `before` is in `after` with its type.
fn keeps(before: &Value, after: &Value) -> bool {
    before.as_object().into_iter().flatten().all(|(name, field)| {
        after.get(name).is_some_and(|now| {
            now["type"] == field["type"]
                && keeps(
                    field.get("properties").unwrap_or(&Value::Null),
                    now.get("properties").unwrap_or(&Value::Null),
                )
        })
    })
}

/// A schema by a dataset, a field group by a schema.
fn in_use(cx: &Context<'_>, kind: Kind, id: &str) -> bool {
    if kind == Kind::Schema {
        let union = cx.get(kind, id).is_some_and(|schema| !schema.body["meta:immutableTags"].is_null());
        return union || cx.all(Kind::DataSet).any(|dataset| dataset.body["schemaRef"]["id"] == id);
    }
    cx.all(Kind::Schema)
        .any(|schema| schema.body["allOf"].as_array().into_iter().flatten().any(|part| part["$ref"] == id))
}

fn delete(cx: &mut Context<'_>, kind: Kind, id: &str) -> Answer {
    let id = find_kind(cx, kind, id).map(|record| record.id.clone()).ok_or_else(|| not_found(id))?;
    if in_use(cx, kind, &id) {
        return Err(bad("The resource is in use and cannot be deleted."));
    }
    cx.delete(kind, &id);
    Ok(Reply::empty(204))
}

/// Somebody else edits the description.
pub(super) fn edited_elsewhere(cx: &mut Context<'_>, kind: Kind, id: &str) {
    let Some(mut record) = find_kind(cx, kind, id).cloned() else { return };
    record.body["description"] = json!("edited by somebody else");
    record.body["meta:registryMetadata"]["eTag"] = json!(clock::hex_id::<32>());
    cx.put(kind, record);
}
