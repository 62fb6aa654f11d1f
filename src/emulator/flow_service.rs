//! What connections, source connections, target connections and flows have in common in Flow Service:
//! create, read, list, search, patch, delete, action; etags, states, the members it adds by itself
//! (platform-api.md 2.1 to 2.5, 2.9). What is true of one kind alone is behind [`Leaf`].

use serde_json::{Map, Value, json};

use super::behaviour::PatchAnswer;
use super::clock;
use super::context::{Context, account, sandbox_id, shallow, stable_uuid};
use super::filter::Query;
use super::message::{Answer, Refusal, Reply, flow, flow_object, sources};
use super::store::{Kind, Record};

/// One kind's own rules.
pub(super) trait Leaf {
    const KIND: Kind;
    /// The path, which is also `report.type`.
    const PATH: &'static str;
    /// Whether POST answers with a Location (`OpenAPI`: connections and flows).
    const LOCATION: bool;

    /// Refuses a body, or completes it with what the service derives. A draft may be incomplete.
    fn check(cx: &Context<'_>, body: &mut Map<String, Value>, draft: bool) -> Result<(), Refusal>;
    /// Whether a state allows PATCH.
    fn may_change(cx: &Context<'_>, body: &Value) -> Result<(), Refusal> {
        let _ = cx;
        let state = state(body);
        if state == "delete-finalizing" {
            return Err(flow("1457-400", "Operation update cannot be applied in state delete-finalizing."));
        }
        if matches!(state, "enabled" | "disabled" | "draft") {
            return Ok(());
        }
        Err(flow("1420-400", format!("The current state {state} cannot be updated.")))
    }
    /// Whether a path may be patched.
    fn may_patch(cx: &Context<'_>, path: &str) -> Result<(), Refusal>;
    /// Refuses what a patch has made of an object.
    fn check_patched(cx: &Context<'_>, before: &Value, after: &Value) -> Result<(), Refusal>;
    /// Whether anything still needs the object.
    fn may_delete(cx: &Context<'_>, id: &str) -> Result<(), Refusal>;
    /// The form in which an object is kept.
    fn keep(_cx: &Context<'_>, _body: &mut Map<String, Value>) {}
    /// The form in which an object reads back.
    fn show(cx: &Context<'_>, body: &mut Map<String, Value>);
    /// The state that `op` leads to, from a state; `publish` is common to all.
    fn transition(op: &str, state: &str) -> Result<&'static str, Refusal>;
    /// What to note of an object whose state was just switched.
    fn switched(_cx: &Context<'_>, _body: &mut Value) {}
    /// What to note of an object that was just patched.
    fn noted(_cx: &Context<'_>, _before: &Value, _after: &mut Map<String, Value>) {}
}

pub(super) fn state(body: &Value) -> &str {
    body.get("state").and_then(Value::as_str).unwrap_or("enabled")
}

/// Everything below `/connections`, `/sourceConnections`, `/targetConnections`, `/flows`.
pub(super) fn route<L: Leaf>(cx: &mut Context<'_>, rest: &[&str]) -> Answer {
    match (cx.request.method.as_str(), rest) {
        ("POST", []) => create::<L>(cx),
        ("GET", []) => list::<L>(cx),
        ("POST", ["search"]) => search::<L>(cx),
        ("GET", [id]) => get::<L>(cx, id),
        ("PATCH", [id]) => patch::<L>(cx, id),
        ("DELETE", [id]) => delete::<L>(cx, id),
        ("POST", [id, "action"]) => action::<L>(cx, id),
        (_, [] | [_]) => Err(super::message::generic(405, "Method Not Allowed", "Method not allowed.")),
        _ => Err(not_found(L::PATH, cx.request.path.as_str())),
    }
}

pub(super) fn not_found(resource: &str, id: &str) -> Refusal {
    flow_object("1439-404", resource, id, not_found_text(resource, id))
}

fn not_found_text(resource: &str, id: &str) -> String {
    format!(
        "The requested {resource} resource {id} is not found. Verify the resource ID before trying again."
    )
}

/// An id in a body that names nothing: the code of Flow Service's list, where it is a 400.
pub(super) fn bad_reference(resource: &str, id: &str) -> Refusal {
    flow_object("1439-400", resource, id, not_found_text(resource, id))
}

fn create<L: Leaf>(cx: &mut Context<'_>) -> Answer {
    let draft = match cx.request.query("mode") {
        None => false,
        Some(mode) if mode.eq_ignore_ascii_case("draft") && cx.behaviour.draft_mode => true,
        Some(_) => {
            return Err(flow("1100-400", "The request could not be processed. Mode is not supported."));
        }
    };
    if let Some((key, _)) = cx.request.query.iter().find(|(key, _)| key != "mode") {
        return Err(flow("1451-400", format!("Invalid params {key} provided in query params.")));
    }
    let mut body = cx.object(|why| flow("1405-400", why))?;
    L::check(cx, &mut body, draft)?;
    L::keep(cx, &mut body);
    let (id, etag) = (clock::uuid(), clock::first_etag());
    let settle = if draft { 0 } else { cx.behaviour.settle };
    let state = match (draft, settle) {
        (true, _) => "draft",
        (false, 0) => "enabled",
        (false, _) => "initializing",
    };
    let account = account(&cx.client);
    let added = json!({
        "id": id,
        "createdAt": cx.now,
        "updatedAt": cx.now,
        "createdBy": account,
        "updatedBy": account,
        "createdClient": cx.client,
        "updatedClient": cx.client,
        "sandboxId": sandbox_id(&cx.realm),
        "sandboxName": cx.realm.sandbox,
        "imsOrgId": cx.realm.org,
        "version": etag,
        "etag": etag,
        "state": state,
    });
    let mut entity = match added {
        Value::Object(added) => added,
        _ => Map::new(),
    };
    for (key, value) in body {
        entity.entry(key).or_insert(value);
    }
    let mut record = cx.create(L::KIND, &id, Value::Object(entity));
    if settle > 0 || cx.behaviour.list_lag > 0 {
        record.settle = settle;
        "enabled".clone_into(&mut record.then);
        record.lag = cx.behaviour.list_lag;
        cx.put(L::KIND, record);
    }
    let reply = Reply::json(201, json!({ "id": id, "etag": etag }));
    Ok(if L::LOCATION { reply.with("location", format!("/{}/{id}", L::PATH)) } else { reply })
}

/// An object as a reader meets it. Reading is what lets time pass, and so does an attempt that its state forbids: a
/// staged delete ends and a state settles after so many.
fn observe(cx: &mut Context<'_>, kind: Kind, id: &str) -> Option<Record> {
    let record = cx.get(kind, id)?.clone();
    if let Some(reads) = record.dying {
        if reads <= 1 {
            cx.delete(kind, id);
        } else {
            cx.put(kind, Record { dying: Some(reads - 1), ..record.clone() });
        }
    } else if record.settle > 0 {
        let mut next = Record { settle: record.settle - 1, ..record.clone() };
        if next.settle == 0 {
            let then = next.then.clone();
            set(&mut next.body, "state", json!(then));
            bump(&mut next.body);
        }
        cx.put(kind, next);
    }
    Some(record)
}

fn set(body: &mut Value, key: &str, value: Value) {
    if let Some(object) = body.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

/// A new etag, as after every change.
pub(super) fn bump(body: &mut Value) -> String {
    let etag = clock::next_etag();
    set(body, "etag", json!(etag));
    set(body, "version", json!(etag));
    etag
}

fn shown<L: Leaf>(cx: &Context<'_>, record: &Record) -> Value {
    let mut body = match &record.body {
        Value::Object(body) => body.clone(),
        _ => Map::new(),
    };
    L::show(cx, &mut body);
    if cx.behaviour.extra_fields {
        // No document lists these: a reader must not mind members that it does not know.
        body.entry("providerRefId").or_insert_with(|| json!(stable_uuid(&record.id)));
        body.insert(
            "x-platformInternal".to_owned(),
            json!({ "shard": record.seq % 7, "flags": ["a", null] }),
        );
    }
    Value::Object(body)
}

fn get<L: Leaf>(cx: &mut Context<'_>, id: &str) -> Answer {
    let record = observe(cx, L::KIND, id).ok_or_else(|| not_found(L::PATH, id))?;
    let reply = Reply::ok(json!({ "items": [shown::<L>(cx, &record)] }));
    let etag = record.body.get("etag").and_then(Value::as_str).filter(|_| cx.behaviour.etag_header);
    Ok(match etag {
        Some(etag) => reply.with("etag", etag),
        None => reply,
    })
}

fn list<L: Leaf>(cx: &mut Context<'_>) -> Answer {
    let query = Query::parse(cx.request)?;
    Ok(answer_list::<L>(cx, &query, None))
}

fn search<L: Leaf>(cx: &mut Context<'_>) -> Answer {
    if L::KIND != Kind::Connection && L::KIND != Kind::Flow {
        return Err(not_found(L::PATH, "search"));
    }
    let body = cx.object(|why| flow("1405-400", why))?;
    let (query, part) = Query::parse_search(&body)?;
    Ok(answer_list::<L>(cx, &query, part.as_deref()))
}

fn answer_list<L: Leaf>(cx: &mut Context<'_>, query: &Query, part: Option<&str>) -> Reply {
    // Without the switch nothing lags, and a list is one walk.
    let late = cx.behaviour.list_lag > 0;
    let lagging: Vec<Record> =
        if late { cx.all(L::KIND).filter(|record| record.lag > 0).cloned().collect() } else { Vec::new() };
    let wanted = |record: &&Record| {
        let named = part.is_none_or(|part| {
            let name = record.body.get("name").and_then(Value::as_str).unwrap_or_default();
            name.to_lowercase().contains(part)
        });
        (record.lag == 0 || !late) && named && query.matches(&record.body)
    };
    let narrowed =
        query.equalities().find_map(|(path, values)| cx.store.having(&cx.realm, L::KIND, path, values));
    let found: Vec<&Record> = match narrowed {
        Some(records) => records.into_iter().filter(wanted).collect(),
        None => cx.all(L::KIND).filter(wanted).collect(),
    };
    let body = if query.count {
        json!({ "count": found.len() })
    } else {
        let (page, next) = query.page(found, cx.behaviour);
        let ids: Vec<String> = page.into_iter().map(|record| record.id.clone()).collect();
        let records: Vec<Record> = ids.iter().filter_map(|id| observe(cx, L::KIND, id)).collect();
        let items: Vec<Value> =
            records.iter().map(|record| project(shown::<L>(cx, record), &query.projection)).collect();
        page_body(L::PATH, &items, next.as_deref())
    };
    for record in lagging {
        cx.put(L::KIND, Record { lag: record.lag - 1, ..record });
    }
    Reply::ok(body)
}

/// `items` and, when there is more, the relative link of platform-api.md 2.3.
pub(super) fn page_body(path: &str, items: &[Value], next: Option<&str>) -> Value {
    let links = match next {
        Some(token) => json!({ "next": { "href": format!("/{path}?continuationToken={token}") } }),
        None => json!({}),
    };
    json!({ "items": items, "_links": links })
}

pub(super) fn project(item: Value, names: &[String]) -> Value {
    match item {
        Value::Object(item) if !names.is_empty() => {
            Value::Object(item.into_iter().filter(|(key, _)| names.contains(key)).collect())
        }
        item => item,
    }
}

/// Compares an If-Match with an etag. Quotes are optional, as one prose example leaves them out; `*` and
/// weak tags are documented nowhere, so they match nothing.
fn check_version(cx: &Context<'_>, body: &Value, required: bool) -> Result<(), Refusal> {
    let Some(sent) = cx.request.header("if-match").map(str::trim).filter(|sent| !sent.is_empty()) else {
        return if required {
            Err(flow(
                "1403-400",
                "The header 'If-Match' is missing in the request. Please provide the header and try again.",
            ))
        } else {
            Ok(())
        };
    };
    let etag = body.get("etag").and_then(Value::as_str).unwrap_or_default();
    let (sent, etag) = (sent.trim_matches('"'), etag.trim_matches('"'));
    if sent == etag {
        return Ok(());
    }
    Err(flow(
        "1404-412",
        format!(
            "The supplied version '{sent}' does not match the current version on entity '{etag}'. Please \
             ensure that the supplied version matches the current version on entity and try again."
        ),
    ))
}

fn patch<L: Leaf>(cx: &mut Context<'_>, id: &str) -> Answer {
    let record = cx.get(L::KIND, id).cloned().ok_or_else(|| not_found(L::PATH, id))?;
    check_version(cx, &record.body, true)?;
    L::may_change(cx, &record.body)?;
    let operations = cx.json(|why| flow("1405-400", why))?;
    let mut after = patched::<L>(cx, &record.body, &operations)?;
    L::check_patched(cx, &record.body, &after)?;
    if let Some(after) = after.as_object_mut() {
        L::keep(cx, after);
        L::noted(cx, &record.body, after);
    }
    let settle = if state(&after) == "draft" { 0 } else { cx.behaviour.settle };
    let next = Record { body: after, settle, then: state(&record.body).to_owned(), ..record };
    let etag = changed::<L>(cx, next, "update", settle > 0);
    Ok(answer_change::<L>(cx, id, &etag))
}

fn patched<L: Leaf>(cx: &Context<'_>, before: &Value, operations: &Value) -> Result<Value, Refusal> {
    let invalid = |field: &str| {
        flow(
            "1455-400",
            format!("An error has occurred while validating patch instructions: Missing field \"{field}\"."),
        )
    };
    let Some(operations) = operations.as_array().filter(|operations| !operations.is_empty()) else {
        return Err(flow(
            "1405-400",
            "The request body cannot be null or empty. Please provide a request body and try again.",
        ));
    };
    let mut after = before.clone();
    for operation in operations {
        let op = operation.get("op").and_then(Value::as_str).ok_or_else(|| invalid("op"))?.to_lowercase();
        if !matches!(op.as_str(), "add" | "replace" | "remove") {
            return Err(flow(
                "1434-400",
                format!(
                    "Unsupported operation '{op}' received. Please use one of the supported operation types \
                     and try again."
                ),
            ));
        }
        let path = operation.get("path").and_then(Value::as_str).ok_or_else(|| invalid("path"))?;
        L::may_patch(cx, path)?;
        let mut step = json!({ "op": op, "path": path });
        if op != "remove" {
            let value = operation.get("value").cloned().ok_or_else(|| invalid("value"))?;
            set(&mut step, "value", value);
        }
        let field = path.rsplit('/').next().unwrap_or(path);
        let step: json_patch::PatchOperation = serde_json::from_value(step).map_err(|_| invalid(field))?;
        json_patch::patch(&mut after, &[step]).map_err(|_| invalid(field))?;
        if !shallow(&after) {
            return Err(invalid(field));
        }
    }
    Ok(after)
}

/// Who may patch what: a path or anything below it.
pub(super) fn below(path: &str, roots: &[&str]) -> bool {
    roots
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Sources code 1365: the path is not one of those that can be patched.
pub(super) fn bad_path(path: &str) -> Refusal {
    sources(
        "1365-400",
        format!(
            "The path {path} provided in ops is invalid. Please provide valid path {path} and try again."
        ),
    )
}

/// Stores a changed object with a new etag; `asynchronous` puts it into `updating` first.
fn changed<L: Leaf>(cx: &mut Context<'_>, mut record: Record, operation: &str, asynchronous: bool) -> String {
    if asynchronous {
        set(&mut record.body, "state", json!("updating"));
    }
    set(&mut record.body, "updatedAt", json!(cx.now));
    set(&mut record.body, "updatedBy", json!(account(&cx.client)));
    set(&mut record.body, "updatedClient", json!(cx.client));
    if L::KIND == Kind::Flow {
        set(&mut record.body, "lastOperation", json!({ "started": cx.now, "operation": operation }));
    }
    let etag = bump(&mut record.body);
    cx.put(L::KIND, record);
    etag
}

fn answer_change<L: Leaf>(cx: &Context<'_>, id: &str, etag: &str) -> Reply {
    let body = match (cx.behaviour.patch_answer, cx.get(L::KIND, id)) {
        (PatchAnswer::Wrapped, Some(record)) => json!({ "items": [shown::<L>(cx, record)] }),
        _ => json!({ "id": id, "etag": etag }),
    };
    Reply::json(cx.behaviour.patch_status, body)
}

fn delete<L: Leaf>(cx: &mut Context<'_>, id: &str) -> Answer {
    let record = cx.get(L::KIND, id).cloned().ok_or_else(|| not_found(L::PATH, id))?;
    check_version(cx, &record.body, cx.behaviour.delete_if_match)?;
    if record.dying.is_some() {
        return Err(flow("1458-400", "Operation delete cannot be applied in state delete-finalizing."));
    }
    if L::KIND == Kind::Connection {
        L::may_change(cx, &record.body)?;
    }
    if let Err(refusal) = L::may_delete(cx, id) {
        let going =
            |kind: Kind| cx.all(kind).filter(|r| r.dying.is_some()).map(move |r| (kind, r.id.clone()));
        let going: Vec<(Kind, String)> = [Kind::Flow, Kind::Source].into_iter().flat_map(going).collect();
        for (kind, id) in going {
            observe(cx, kind, &id);
        }
        return Err(refusal);
    }
    if cx.behaviour.delete_finalizing == 0 {
        cx.delete(L::KIND, id);
    } else {
        let mut dying = Record { dying: Some(cx.behaviour.delete_finalizing), ..record };
        set(&mut dying.body, "state", json!("delete-finalizing"));
        bump(&mut dying.body);
        cx.put(L::KIND, dying);
    }
    Ok(Reply::empty(204))
}

fn action<L: Leaf>(cx: &mut Context<'_>, id: &str) -> Answer {
    let mut record = cx.get(L::KIND, id).cloned().ok_or_else(|| not_found(L::PATH, id))?;
    check_version(cx, &record.body, false)?;
    let op = cx.request.query("op").unwrap_or_default().to_lowercase();
    let state = state(&record.body).to_owned();
    let next = match op.as_str() {
        "publish" if state == "draft" => {
            let mut body = record.body.as_object().cloned().unwrap_or_default();
            body.remove("state");
            L::check(cx, &mut body, false)?;
            record.body = Value::Object(body);
            "enabled"
        }
        "publish" => return Err(wrong_state(&op, &state)),
        "finalize" | "finalize_update" => {
            return Err(flow("1402-400", "The action 'finalize' is supported for provider requests only."));
        }
        _ => match L::transition(&op, &state) {
            Ok(next) => next,
            Err(refusal) => {
                observe(cx, L::KIND, id);
                return Err(refusal);
            }
        },
    };
    set(&mut record.body, "state", json!(next));
    L::switched(cx, &mut record.body);
    let etag = changed::<L>(cx, record, "update", false);
    Ok(Reply::ok(json!({ "id": id, "etag": etag })))
}

/// 1422: an action that the current state does not know.
pub(super) fn wrong_state(op: &str, state: &str) -> Refusal {
    flow(
        "1422-400",
        format!(
            "The action {op} cannot be applied on the current state {state}. Please update the action and \
             try again."
        ),
    )
}

/// 1434 for an action nobody knows.
pub(super) fn unknown_action(op: &str) -> Refusal {
    flow(
        "1434-400",
        format!(
            "Unsupported operation '{op}' received. Please use one of the supported operation types and try again."
        ),
    )
}
