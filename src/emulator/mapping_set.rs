//! Data Prep mapping sets (platform-api.md 3): every PUT makes a version, old versions stay readable,
//! both generations of member names are accepted and given back. No etag: the last writer wins.

use serde_json::{Map, Value, json};

use super::behaviour::{MappingDelete, MappingValidate, MappingVersion};
use super::clock;
use super::context::{Context, account, text};
use super::message::{Answer, Refusal, Reply, generic};
use super::schema;
use super::store::{Kind, Record};

pub(super) fn route(cx: &mut Context<'_>, rest: &[&str]) -> Answer {
    match (cx.request.method.as_str(), rest) {
        ("GET", []) => list(cx),
        ("POST", []) => create(cx),
        ("POST", ["validate"]) => validate(cx),
        ("POST", ["preview"]) => preview(cx),
        ("GET", [id]) => Ok(Reply::ok(shown(cx, read(cx, id)?.clone()))),
        ("PUT", [id]) => update(cx, id),
        ("DELETE", [id]) => delete(cx, id),
        ("GET", [id, "mappings"]) => Ok(Reply::ok(shown(cx, read(cx, id)?.clone())["mappings"].take())),
        ("GET", [id, "mappings", mapping]) => read(cx, id)?["mappings"]
            .as_array()
            .and_then(|mappings| mappings.iter().find(|one| one["id"] == **mapping))
            .map(|one| Reply::ok(one.clone()))
            .ok_or_else(|| not_found(mapping)),
        _ => Err(generic(405, "Method Not Allowed", "Request method is not supported.")),
    }
}

fn bad(detail: &str) -> Refusal {
    generic(400, "BadRequestError", detail)
}

fn not_found(id: &str) -> Refusal {
    generic(404, "NotFoundError", format!("Mapping set {id} was not found."))
}

/// A version of a stored set.
pub(super) fn version(stored: &Value, number: i64) -> Option<&Value> {
    stored.get("versions")?.get(usize::try_from(number).ok()?)
}

fn latest(stored: &Value) -> Option<&Value> {
    stored.get("versions")?.as_array()?.last()
}

/// Schema id and major version, to compare with a dataset's.
pub(super) fn schema_key(set: &Value) -> Option<(String, u64)> {
    schema::reference_key(set.get("outputSchema")?.get("schemaRef")?)
}

fn read<'a>(cx: &'a Context<'_>, id: &str) -> Result<&'a Value, Refusal> {
    let stored = &cx.get(Kind::MappingSet, id).ok_or_else(|| not_found(id))?.body;
    let found = match (cx.request.query("version"), cx.behaviour.default_mapping_version) {
        (Some(number), _) => {
            let number = number.parse().map_err(|_| bad("version must be an integer"))?;
            version(stored, number)
        }
        (None, MappingVersion::Latest) => latest(stored),
        (None, MappingVersion::Zero) => version(stored, 0),
    };
    found.ok_or_else(|| not_found(id))
}

fn shown(cx: &Context<'_>, mut set: Value) -> Value {
    if !cx.behaviour.mapping_order
        && let Some(mappings) = set.get_mut("mappings").and_then(Value::as_array_mut)
    {
        mappings.reverse();
    }
    if cx.behaviour.extra_fields
        && let Some(set) = set.as_object_mut()
    {
        set.insert("x-platformInternal".to_owned(), json!({ "engine": "v2" }));
    }
    set
}

fn list(cx: &Context<'_>) -> Answer {
    let number = |name: &str| -> Result<Option<usize>, Refusal> {
        cx.request
            .query(name)
            .map(|text| text.parse().map_err(|_| bad(&format!("{name} must be an integer"))))
            .transpose()
    };
    let limit = number("limit")?.ok_or_else(|| bad("Required parameter 'limit' is not present."))?;
    let start = match number("start")? {
        Some(start) => start,
        None if cx.behaviour.mapping_list_start => {
            return Err(bad("Required parameter 'start' is not present."));
        }
        None => 0,
    };
    if limit == 0 {
        return Err(bad("limit must be greater than 0"));
    }
    let name = cx.request.query("name");
    let mut found: Vec<&Value> = cx
        .all(Kind::MappingSet)
        .filter_map(|record| latest(&record.body))
        .filter(|set| name.is_none_or(|name| set.get("name").and_then(Value::as_str) == Some(name)))
        .collect();
    if let Some(order) = cx.request.query("orderBy") {
        // A plus sign that was not encoded arrives as a space.
        let (descending, field) = match order.strip_prefix('-') {
            Some(field) => (true, field),
            None => (false, order.trim_start_matches(['+', ' '])),
        };
        let member = match field {
            "createdDate" => "createdDate",
            "updatedDate" | "lastUpdateDate" | "modifiedDate" => "modifiedDate",
            _ => return Err(bad(&format!("orderBy does not support {field}"))),
        };
        found.sort_by_key(|set| set.get(member).and_then(Value::as_i64));
        if descending {
            found.reverse();
        }
    }
    let total = found.len();
    let data: Vec<Value> =
        found.into_iter().skip(start).take(limit).map(|set| shown(cx, set.clone())).collect();
    let next = start.saturating_add(limit);
    let links = if next < total {
        json!({ "next": { "href": format!("/mappingSets?start={next}&limit={limit}") } })
    } else {
        json!({})
    };
    // The only example says 0 while it returns two items.
    let count = if cx.behaviour.page_count { data.len() } else { 0 };
    Ok(Reply::ok(json!({ "data": data, "_page": { "count": count, "limit": limit }, "_links": links })))
}

fn create(cx: &mut Context<'_>) -> Answer {
    let body = cx.object(bad)?;
    let id = clock::hex_id::<16>();
    let set = build(cx, &body, &id, 0, None)?;
    if cx.request.flag("validate")
        && let Some(first) = validation(cx, &set).into_iter().find(|one| one["status"] != "SUCCESS")
    {
        return Err(bad(&first["errors"].to_string()));
    }
    let short = short(&set);
    cx.create(Kind::MappingSet, &id, json!({ "versions": [set] }));
    Ok(Reply::ok(short))
}

fn short(set: &Value) -> Value {
    let members = ["id", "version", "createdDate", "modifiedDate", "createdBy", "modifiedBy"];
    Value::Object(
        members
            .iter()
            .map(|name| ((*name).to_owned(), set.get(*name).cloned().unwrap_or_default()))
            .collect(),
    )
}

fn update(cx: &mut Context<'_>, id: &str) -> Answer {
    let mut record = cx.get(Kind::MappingSet, id).cloned().ok_or_else(|| not_found(id))?;
    let body = cx.object(bad)?;
    let number = record.body["versions"].as_array().map_or(0, Vec::len);
    let previous = latest(&record.body);
    let created = previous.and_then(|set| set.get("createdDate")).and_then(Value::as_i64);
    let set = build(cx, &body, id, number, created)?;
    push(&mut record, set.clone());
    cx.put(Kind::MappingSet, record);
    Ok(Reply::ok(shown(cx, set)))
}

fn push(record: &mut Record, set: Value) {
    if let Some(versions) = record.body["versions"].as_array_mut() {
        versions.push(set);
    }
}

/// Somebody else saves a set in the user interface: a new version with another name.
pub(super) fn edited_elsewhere(cx: &mut Context<'_>, id: &str) {
    let Some(mut record) = cx.get(Kind::MappingSet, id).cloned() else { return };
    let Some(mut set) = latest(&record.body).cloned() else { return };
    set["version"] = json!(record.body["versions"].as_array().map_or(0, Vec::len));
    set["name"] = json!("edited by somebody else");
    set["modifiedDate"] = json!(cx.now);
    push(&mut record, set);
    cx.put(Kind::MappingSet, record);
}

fn delete(cx: &mut Context<'_>, id: &str) -> Answer {
    let known = cx.get(Kind::MappingSet, id).is_some();
    match cx.behaviour.mapping_delete {
        MappingDelete::NotAllowed => {
            return Err(generic(405, "Method Not Allowed", "Request method 'DELETE' is not supported."));
        }
        MappingDelete::InUse => {
            let used = cx.all(Kind::Flow).any(|flow| {
                let steps = flow.body.get("transformations").and_then(Value::as_array);
                steps.into_iter().flatten().any(|step| step["params"]["mappingId"] == id)
            });
            if used {
                return Err(bad(&format!("Mapping set {id} is in use.")));
            }
        }
        MappingDelete::NotFound => return Err(not_found(id)),
        MappingDelete::NoContent | MappingDelete::Ok => {}
    }
    if !known {
        return Err(not_found(id));
    }
    cx.delete(Kind::MappingSet, id);
    Ok(if cx.behaviour.mapping_delete == MappingDelete::Ok {
        Reply::ok(json!({ "id": id }))
    } else {
        Reply::empty(204)
    })
}

/// The full set as it reads back, from either form of request.
fn build(
    cx: &Context<'_>,
    body: &Map<String, Value>,
    id: &str,
    number: usize,
    created: Option<i64>,
) -> Result<Value, Refusal> {
    let reference = schema_reference(body)?;
    let content_type = reference.get("contentType").cloned().unwrap_or_default();
    let schema_id = reference.get("id").and_then(Value::as_str).unwrap_or_default();
    if schema::find(cx, schema_id).is_none() {
        return Err(bad(&format!("Schema {schema_id} was not found.")));
    }
    let account = account(&cx.client);
    let mappings = body
        .get("mappings")
        .and_then(Value::as_array)
        .ok_or_else(|| bad("mappings must be an array"))?
        .iter()
        .enumerate()
        .map(|(index, mapping)| {
            build_mapping(cx, mapping, &account).map_err(|why| bad(&format!("mappings[{index}]: {why}")))
        })
        .collect::<Result<Vec<Value>, Refusal>>()?;
    let mut set = json!({
        "id": id,
        "version": number,
        "createdDate": created.unwrap_or(cx.now),
        "modifiedDate": cx.now,
        "createdBy": account,
        "modifiedBy": account,
        "outputSchema": { "id": clock::hex_id::<16>(), "version": 0, "schemaRef": reference },
        "mappings": mappings,
        "status": "PUBLISHED",
        // Both generations (platform-api.md 3.2).
        "xdmVersion": body.get("xdmVersion").cloned().unwrap_or_else(|| content_type.clone()),
        "schemaRef": reference,
        "xdmSchema": schema_id,
        "allowNullValues": body.get("allowNullValues").and_then(Value::as_bool).unwrap_or(false),
        "strictMapping": body.get("strictMapping").and_then(Value::as_bool).unwrap_or(false),
        "supportVersion": "1.1",
    });
    if let Some(set) = set.as_object_mut() {
        for optional in ["name", "inputSchema", "tags"] {
            if let Some(value) = body.get(optional).filter(|value| !value.is_null()) {
                set.insert(optional.to_owned(), value.clone());
            }
        }
    }
    Ok(set)
}

/// `outputSchema.schemaRef`, else a top-level `schemaRef`, else `xdmSchema` with `xdmVersion`.
fn schema_reference(body: &Map<String, Value>) -> Result<Value, Refusal> {
    let reference = body
        .get("outputSchema")
        .and_then(|schema| schema.get("schemaRef"))
        .or_else(|| body.get("schemaRef"))
        .filter(|reference| reference.is_object());
    let reference = match (reference, text(body, "xdmSchema")) {
        (Some(reference), _) => reference.clone(),
        (None, Some(id)) => {
            let version = body.get("xdmVersion").and_then(Value::as_str).unwrap_or("1.0");
            json!({ "id": id, "contentType": version })
        }
        (None, None) => return Err(bad("outputSchema.schemaRef or xdmSchema is required")),
    };
    if schema::reference_key(&reference).is_none() {
        return Err(bad("schemaRef needs an id and a contentType with a version"));
    }
    Ok(reference)
}

fn build_mapping(cx: &Context<'_>, mapping: &Value, account: &str) -> Result<Value, &'static str> {
    let mapping = mapping.as_object().ok_or("must be an object")?;
    let source =
        text(mapping, "source").or_else(|| text(mapping, "sourceAttribute")).ok_or("source is required")?;
    let destination = text(mapping, "destination")
        .or_else(|| text(mapping, "destinationXdmPath"))
        .ok_or("destination is required")?;
    let kind = match mapping.get("sourceType") {
        None | Some(Value::Null) => "ATTRIBUTE",
        Some(Value::String(kind)) => kind,
        Some(_) => return Err("sourceType must be a string"),
    };
    // It reads back as a MIME type, which may also be sent.
    let kind = match kind {
        "ATTRIBUTE" | "text/x.schema-path" => "text/x.schema-path",
        "EXPRESSION" | "text/x.aep-xl" => "text/x.aep-xl",
        "STATIC" | "text/plain" => "text/plain",
        _ => return Err("sourceType must be ATTRIBUTE, EXPRESSION or STATIC"),
    };
    if destination.split('.').count() > 64 {
        return Err("destination has too many parts");
    }
    if source.chars().count() > 4096 {
        return Err("source is longer than 4096 characters");
    }
    let mut built = json!({
        "id": clock::hex_id::<16>(),
        "version": 0,
        "createdDate": cx.now,
        "modifiedDate": cx.now,
        "createdBy": account,
        "modifiedBy": account,
        "sourceType": kind,
        "source": source,
        "destination": destination,
        "sourceAttribute": source,
        "destinationXdmPath": destination,
        "identity": mapping.get("identity").and_then(Value::as_bool).unwrap_or(false),
        "primaryIdentity": mapping.get("primaryIdentity").and_then(Value::as_bool).unwrap_or(false),
        "functionVersion": 1,
        "matchScore": 0.0,
        "copyModeMapping": false,
    });
    if let Some(built) = built.as_object_mut() {
        for optional in ["name", "description", "identityGroup", "namespaceCode"] {
            if let Some(value) = mapping.get(optional).filter(|value| !value.is_null()) {
                built.insert(optional.to_owned(), value.clone());
            }
        }
    }
    Ok(built)
}

/// One entry per mapping, in order (platform-api.md 3.1).
fn validation(cx: &Context<'_>, set: &Value) -> Vec<Value> {
    let schema =
        schema_key(set).and_then(|(id, _)| schema::find(cx, &id)).map(|record| schema::full(cx, record));
    set["mappings"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|mapping| {
            let destination = mapping["destination"].as_str().unwrap_or_default();
            if schema.as_ref().is_some_and(|schema| schema::has_path(schema, destination)) {
                return json!({ "status": "SUCCESS", "errors": null });
            }
            json!({ "status": "FAILED", "errors": [{
                "destination": destination,
                "exception": format!("The destination path {destination} is not in the schema."),
                "source": mapping["source"],
                "columnName": null,
                "sourceType": mapping["sourceType"],
            }] })
        })
        .collect()
}

fn validate(cx: &Context<'_>) -> Answer {
    match cx.behaviour.mapping_validate {
        MappingValidate::Answered => {}
        MappingValidate::NotAllowed => {
            return Err(generic(405, "Method Not Allowed", "Request method 'POST' is not supported."));
        }
        MappingValidate::NotFound => return Err(not_found("validate")),
    }
    let set = build(cx, &cx.object(bad)?, "", 0, None)?;
    Ok(Reply::ok(json!({ "validationResponse": validation(cx, &set) })))
}

/// Attributes and constants only: expressions are not evaluated here, they preview as an error.
fn preview(cx: &Context<'_>) -> Answer {
    let body = cx.object(bad)?;
    let set =
        body.get("mappingSet").and_then(Value::as_object).ok_or_else(|| bad("mappingSet is required"))?;
    let set = build(cx, set, "", 0, None)?;
    let rows = body.get("data").and_then(Value::as_array).ok_or_else(|| bad("data must be an array"))?;
    let previews: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut data = json!({});
            let mut errors = Vec::new();
            for mapping in set["mappings"].as_array().into_iter().flatten() {
                let source = mapping["source"].as_str().unwrap_or_default();
                let value = match mapping["sourceType"].as_str() {
                    Some("text/plain") => Some(json!(source)),
                    Some("text/x.schema-path") => {
                        source.split('.').try_fold(row, |at, key| at.get(key)).cloned()
                    }
                    _ => None,
                };
                match value {
                    Some(value) => put(&mut data, mapping["destination"].as_str().unwrap_or_default(), value),
                    None => errors.push(json!({ "source": source, "exception": "no value" })),
                }
            }
            json!({ "data": data, "errors": errors })
        })
        .collect();
    Ok(Reply::ok(Value::Array(previews)))
}

fn put(data: &mut Value, path: &str, value: Value) {
    let mut at = data;
    for key in path.split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        let Some(object) = at.as_object_mut() else { return };
        at = object.entry(key.to_owned()).or_insert(Value::Null);
    }
    *at = value;
}
