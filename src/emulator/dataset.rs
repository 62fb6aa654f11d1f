//! Catalog datasets (platform-api.md 4): answers keyed by id, `["@/dataSets/ID"]` for every write, and a
//! DELETE of nothing that is still a 200.

use serde_json::{Map, Value, json};

use super::clock;
use super::context::{Context, account, shallow, text};
use super::message::{Answer, Refusal, Reply, generic};
use super::schema;
use super::store::{Kind, Record};

/// `v2` only knows PATCH.
pub(super) fn route(cx: &mut Context<'_>, v2: bool, rest: &[&str]) -> Answer {
    match (cx.request.method.as_str(), rest) {
        ("PATCH", [id]) => patch(cx, id, v2),
        (_, _) if v2 => Err(generic(404, "NotFoundError", "No such resource.")),
        ("GET", []) => list(cx),
        ("POST", []) => create(cx),
        ("GET", [ids]) if ids.contains(',') => {
            let found = ids.split(',').filter_map(|id| cx.get(Kind::DataSet, id));
            let found: Map<String, Value> =
                found.map(|record| (record.id.clone(), chosen(cx, shown(cx, record)))).collect();
            if found.is_empty() { Err(not_found(ids)) } else { Ok(Reply::ok(Value::Object(found))) }
        }
        ("GET", [id]) => {
            let record = cx.get(Kind::DataSet, id).ok_or_else(|| not_found(id))?;
            Ok(Reply::ok(json!({ *id: shown(cx, record) })))
        }
        ("PUT", [id]) => replace(cx, id),
        ("DELETE", [id]) => {
            if cx.get(Kind::DataSet, id).is_none() {
                return Ok(Reply::ok(json!([])));
            }
            cx.delete(Kind::DataSet, id);
            Ok(Reply::ok(link(id)))
        }
        _ => Err(generic(405, "Method Not Allowed", "Method not allowed.")),
    }
}

fn bad(detail: &str) -> Refusal {
    generic(400, "BadRequestError", detail)
}

fn not_found(id: &str) -> Refusal {
    generic(404, "NotFoundError", format!("The dataset {id} was not found."))
}

fn link(id: &str) -> Value {
    json!([format!("@/dataSets/{id}")])
}

fn shown(cx: &Context<'_>, record: &Record) -> Value {
    let mut body = record.body.clone();
    if cx.behaviour.extra_fields {
        body["x-platformInternal"] = json!({ "partition": "p1" });
    }
    body
}

/// The properties that the request asks for.
fn chosen(cx: &Context<'_>, mut body: Value) -> Value {
    if let (Some(list), Some(body)) = (cx.request.query("properties"), body.as_object_mut()) {
        let wanted: Vec<&str> = list.split(',').collect();
        body.retain(|key, _| wanted.contains(&key.as_str()));
    }
    body
}

/// What Catalog adds to a dataset.
pub(super) fn complete(cx: &Context<'_>, id: &str, sent: &Map<String, Value>) -> Value {
    let account = account(&cx.client);
    let mut body = json!({
        "version": "1.0.0",
        "imsOrg": cx.realm.org,
        "sandboxId": super::context::sandbox_id(&cx.realm),
        "created": cx.now,
        "updated": cx.now,
        "createdClient": cx.client,
        "createdUser": account,
        "updatedUser": account,
        "tags": {},
        "viewId": clock::hex_id::<12>(),
        "basePath": format!("adl://platform/{id}"),
        "files": format!("@/dataSetFiles?dataSetId={id}"),
        "state": "DRAFT",
    });
    if let Some(body) = body.as_object_mut() {
        for (key, value) in sent {
            body.insert(key.clone(), value.clone());
        }
    }
    body
}

fn check(cx: &Context<'_>, body: &Map<String, Value>) -> Result<(), Refusal> {
    if text(body, "name").is_none() {
        return Err(bad("name is required"));
    }
    let reference = body.get("schemaRef").ok_or_else(|| bad("schemaRef is required"))?;
    let Some((id, _)) = schema::reference_key(reference) else {
        return Err(bad("schemaRef needs an id and a contentType with a version"));
    };
    if schema::find(cx, &id).is_none() {
        return Err(bad(&format!("Schema {id} was not found.")));
    }
    check_tags(body)
}

/// Values of tags are arrays of strings, also for one value.
fn check_tags(body: &Map<String, Value>) -> Result<(), Refusal> {
    let lists = |tags: &Map<String, Value>| {
        tags.values().all(|tag| tag.as_array().is_some_and(|values| values.iter().all(Value::is_string)))
    };
    match body.get("tags") {
        None => Ok(()),
        Some(Value::Object(tags)) if lists(tags) => Ok(()),
        Some(_) => Err(bad("tags must be an object of arrays of strings")),
    }
}

fn create(cx: &mut Context<'_>) -> Answer {
    let body = cx.object(bad)?;
    check(cx, &body)?;
    let id = clock::hex_id::<12>();
    let body = complete(cx, &id, &body);
    cx.create(Kind::DataSet, &id, body);
    Ok(Reply::json(201, link(&id)).with("location", format!("/data/foundation/catalog/dataSets/{id}")))
}

fn list(cx: &Context<'_>) -> Answer {
    let number = |name: &str, default: usize| {
        cx.request.query(name).map_or(Ok(default), |text| {
            text.parse::<usize>().map_err(|_| bad(&format!("{name} must be an integer")))
        })
    };
    let (limit, start) = (number("limit", 20)?, number("start", 0)?);
    if limit == 0 || limit > 100 {
        return Err(bad("limit must be between 1 and 100"));
    }
    let name = cx.request.query("name");
    let mut found: Vec<&Record> = cx
        .all(Kind::DataSet)
        .filter(|record| name.is_none_or(|name| record.body["name"] == name))
        .filter(|record| {
            cx.request.query.iter().filter(|(key, _)| key == "property").all(|(_, filter)| {
                filter.split_once("==").is_none_or(|(path, value)| {
                    path.split('.')
                        .try_fold(&record.body, |at, key| at.get(key))
                        .is_some_and(|at| at == value)
                })
            })
        })
        .filter(|record| {
            cx.request.query("tags").is_none_or(|wanted| {
                let (tag, value) = wanted.split_once(':').unwrap_or((wanted, ""));
                record.body["tags"][tag]
                    .as_array()
                    .is_some_and(|values| values.iter().any(|one| one.as_str() == Some(value)))
            })
        })
        .collect();
    if let Some(order) = cx.request.query("orderBy") {
        let (direction, member) = order.split_once(':').unwrap_or(("asc", order));
        found.sort_by(|a, b| {
            let ordering = match (&a.body[member], &b.body[member]) {
                (Value::Number(a), Value::Number(b)) => a.as_i64().cmp(&b.as_i64()),
                (a, b) => a.as_str().cmp(&b.as_str()),
            };
            if direction == "desc" { ordering.reverse() } else { ordering }
        });
    }
    let page: Map<String, Value> = found
        .into_iter()
        .skip(start)
        .take(limit)
        .map(|record| (record.id.clone(), chosen(cx, shown(cx, record))))
        .collect();
    Ok(Reply::ok(Value::Object(page)))
}

fn save(cx: &mut Context<'_>, id: &str, mut record: Record) -> Reply {
    let patch = record.body["version"]
        .as_str()
        .and_then(|version| version.rsplit('.').next())
        .and_then(|last| last.parse::<u64>().ok())
        .unwrap_or(0);
    record.body["version"] = json!(format!("1.0.{}", patch + 1));
    // `updated` is what a guard compares, so it moves with every write.
    let before = record.body["updated"].as_i64().unwrap_or(0);
    record.body["updated"] = json!(cx.now.max(before + 1));
    record.body["updatedUser"] = json!(account(&cx.client));
    cx.put(Kind::DataSet, record);
    Reply::ok(link(id))
}

fn patch(cx: &mut Context<'_>, id: &str, v2: bool) -> Answer {
    let mut record = cx.get(Kind::DataSet, id).cloned().ok_or_else(|| not_found(id))?;
    let before = record.body.clone();
    let json_patch =
        cx.request.header("content-type").is_some_and(|kind| kind.starts_with("application/json-patch+json"));
    if json_patch && !v2 {
        let operations: json_patch::Patch = serde_json::from_value(cx.json(bad)?)
            .map_err(|error| bad(&format!("The patch is not valid: {error}")))?;
        json_patch::patch(&mut record.body, &operations)
            .map_err(|error| bad(&format!("The patch cannot be applied: {error}")))?;
    } else {
        let fields = Value::Object(cx.object(bad)?);
        if v2 {
            json_patch::merge(&mut record.body, &fields);
        } else if let (Some(body), Value::Object(fields)) = (record.body.as_object_mut(), fields) {
            body.extend(fields);
        }
    }
    let body = record.body.as_object().cloned().unwrap_or_default();
    check(cx, &body)?;
    if !shallow(&record.body) {
        return Err(bad("The dataset would be nested too deeply."));
    }
    if before["schemaRef"] != record.body["schemaRef"] {
        return Err(bad("schemaRef cannot be changed"));
    }
    Ok(save(cx, id, record))
}

fn replace(cx: &mut Context<'_>, id: &str) -> Answer {
    let mut record = cx.get(Kind::DataSet, id).cloned().ok_or_else(|| not_found(id))?;
    let body = cx.object(bad)?;
    check(cx, &body)?;
    let mut next = complete(cx, id, &body);
    for kept in ["created", "createdUser", "createdClient", "viewId", "version", "updated"] {
        next[kept] = record.body[kept].clone();
    }
    record.body = next;
    Ok(save(cx, id, record))
}

/// Somebody else edits the description.
pub(super) fn edited_elsewhere(cx: &mut Context<'_>, id: &str) {
    let Some(mut record) = cx.get(Kind::DataSet, id).cloned() else { return };
    record.body["description"] = json!("edited by somebody else");
    save(cx, id, record);
}
