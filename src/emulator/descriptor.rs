//! Schema Registry: descriptors, as far as a pipeline needs them: identities (Adobe's "Descriptors endpoint"). They have
//! no versions, and forms of answers of their own.

use serde_json::{Map, Value, json};

use super::clock;
use super::context::{Context, account, text};
use super::message::{Answer, Refusal, Reply, registry};
use super::schema::{self, bad, not_found};
use super::store::{Kind, Record};

pub(super) fn route(cx: &mut Context<'_>, rest: &[&str]) -> Answer {
    match (cx.request.method.as_str(), rest) {
        ("GET", []) => list(cx),
        ("POST", []) => {
            let body = cx.object(bad)?;
            check(cx, None, &body)?;
            let id = clock::hex_id::<20>();
            let body = complete(cx, &id, body);
            cx.create(Kind::Descriptor, &id, body.clone());
            Ok(Reply::json(201, body))
        }
        ("GET", [id]) => {
            let record = cx.get(Kind::Descriptor, id).ok_or_else(|| not_found(id))?;
            Ok(Reply::ok(record.body.clone()))
        }
        ("PUT", [id]) => {
            let record = cx.get(Kind::Descriptor, id).cloned().ok_or_else(|| not_found(id))?;
            let body = cx.object(bad)?;
            check(cx, Some(id), &body)?;
            let mut body = complete(cx, id, body);
            body["created"] = record.body["created"].clone();
            cx.put(Kind::Descriptor, Record { body, ..record });
            Ok(Reply::json(201, json!({ "@id": id })))
        }
        ("DELETE", [id]) => {
            if cx.get(Kind::Descriptor, id).is_none() {
                return Err(not_found(id));
            }
            cx.delete(Kind::Descriptor, id);
            Ok(Reply::empty(204))
        }
        _ => Err(registry("1010-404", "Resource not found", "No such resource.")),
    }
}

/// Whether a schema has a primary identity.
pub(super) fn has_primary(cx: &Context<'_>, schema: &str) -> bool {
    cx.all(Kind::Descriptor).any(|one| is_primary_of(&one.body, schema))
}

fn is_primary_of(body: &Value, schema: &str) -> bool {
    body["@type"] == "xdm:descriptorIdentity"
        && body["xdm:sourceSchema"] == schema
        && body["xdm:isPrimary"] == true
}

fn check(cx: &Context<'_>, own: Option<&str>, body: &Map<String, Value>) -> Result<(), Refusal> {
    let required = |name: &str| text(body, name).ok_or_else(|| bad(&format!("{name} is required")));
    let of = required("@type")?;
    let schema = required("xdm:sourceSchema")?;
    let property = required("xdm:sourceProperty")?;
    if body.get("xdm:sourceVersion").is_none_or(Value::is_null) {
        return Err(bad("xdm:sourceVersion is required"));
    }
    let record = schema::find(cx, schema).ok_or_else(|| not_found(schema))?;
    let path = property.strip_prefix('/').filter(|path| !path.is_empty() && !path.ends_with('/'));
    let path =
        path.ok_or_else(|| bad("xdm:sourceProperty begins with a slash, and does not end with one"))?;
    if !schema::has_path(&schema::full(cx, record), &path.replace('/', ".")) {
        return Err(bad(&format!("The schema has no property {property}.")));
    }
    if of != "xdm:descriptorIdentity" {
        return Ok(());
    }
    required("xdm:namespace")?;
    if !matches!(required("xdm:property")?, "xdm:id" | "xdm:code") {
        return Err(bad("xdm:property is xdm:id or xdm:code"));
    }
    let primary = body.get("xdm:isPrimary") == Some(&Value::Bool(true));
    let others = cx.all(Kind::Descriptor).filter(|one| Some(one.id.as_str()) != own);
    if primary && others.into_iter().any(|one| is_primary_of(&one.body, schema)) {
        return Err(bad("A schema may contain only one primary identity."));
    }
    Ok(())
}

/// What the registry adds.
fn complete(cx: &Context<'_>, id: &str, sent: Map<String, Value>) -> Value {
    let mut body = Value::Object(sent);
    body["@id"] = json!(id);
    body["imsOrg"] = json!(cx.realm.org);
    body["createdUser"] = json!(account(&cx.client));
    body["createdClient"] = json!(cx.client);
    body["updatedUser"] = json!(account(&cx.client));
    body["created"] = json!(cx.now);
    body["updated"] = json!(cx.now);
    body["meta:containerId"] = json!("tenant");
    body["meta:sandboxId"] = json!(super::context::sandbox_id(&cx.realm));
    body
}

/// All of them by type; types without any are left out.
fn list(cx: &Context<'_>) -> Answer {
    let accept = cx.request.header("accept").unwrap_or_default().to_lowercase();
    if !accept.starts_with("application/vnd.adobe.xdm") {
        return Err(registry("1008-400", "Accept header invalid", format!("{accept} is not supported.")));
    }
    let mut types: Map<String, Value> = Map::new();
    for record in cx.all(Kind::Descriptor) {
        let shown = if accept.contains("-id") {
            json!(record.id)
        } else if accept.contains("-link") {
            json!(format!("/tenant/descriptors/{}", record.id))
        } else {
            record.body.clone()
        };
        let of = record.body["@type"].as_str().unwrap_or_default();
        let listed = types.entry(of).or_insert_with(|| json!([]));
        if let Some(listed) = listed.as_array_mut() {
            listed.push(shown);
        }
    }
    Ok(Reply::ok(Value::Object(types)))
}
