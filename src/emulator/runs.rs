//! Flow runs: the first and the latest one that a schedule must have had by now, made up but always the
//! same, and those that were asked for (platform-api.md 2.8). No data moves here.

use serde_json::{Map, Value, json};

use super::clock;
use super::context::{Context, account, sandbox_id, stable_uuid, text};
use super::filter::Query;
use super::flow::Flow;
use super::flow_service::{Leaf, not_found, page_body, project, state};
use super::message::{Answer, Reply, flow, sources};
use super::schedule;
use super::store::{Kind, Record};

pub(super) fn route(cx: &mut Context<'_>, rest: &[&str]) -> Answer {
    match (cx.request.method.as_str(), rest) {
        ("GET", []) => list(cx),
        ("POST", []) => create(cx),
        ("GET", [id]) => {
            let found = all(cx, |_| true)
                .into_iter()
                .find(|run| run.id == *id)
                .ok_or_else(|| not_found("runs", id))?;
            Ok(Reply::ok(json!({ "items": [found.body] })))
        }
        ("POST", [id, "action"]) => retrigger(cx, id),
        _ => Err(not_found("runs", &rest.join("/"))),
    }
}

fn list(cx: &Context<'_>) -> Answer {
    let query = Query::parse(cx.request)?;
    let runs = all(cx, |flow| query.equalities().all(|(path, ids)| path != "flowId" || ids.contains(flow)));
    let found: Vec<&Record> = runs.iter().filter(|run| query.matches(&run.body)).collect();
    if query.count {
        return Ok(Reply::ok(json!({ "count": found.len() })));
    }
    let (page, next) = query.page(found, cx.behaviour);
    let items: Vec<Value> =
        page.into_iter().map(|run| project(run.body.clone(), &query.projection)).collect();
    Ok(Reply::ok(page_body("runs", &items, next.as_deref())))
}

/// The runs of the flows that are of interest, and all that were asked for.
fn all(cx: &Context<'_>, of_interest: impl Fn(&str) -> bool) -> Vec<Record> {
    let flows = cx.all(Kind::Flow).filter(|flow| of_interest(&flow.id));
    let mut runs: Vec<Record> = flows.flat_map(|flow| scheduled(cx, &flow.body)).collect();
    runs.extend(cx.all(Kind::Run).cloned());
    for (seq, run) in (0_u64..).zip(&mut runs) {
        run.seq = seq;
    }
    runs
}

/// What `lastRunDetails` shows of the latest run.
pub(super) fn last_of(cx: &Context<'_>, flow: &Map<String, Value>) -> Option<Value> {
    let run = scheduled(cx, &Value::Object(flow.clone())).pop()?;
    let duration = &run.body["metrics"]["durationSummary"];
    Some(json!({
        "id": run.id,
        "state": "success",
        "startedAtUTC": duration["startedAtUTC"],
        "completedAtUTC": duration["completedAtUTC"],
    }))
}

/// The first and the latest run of a schedule. A disabled flow keeps what it had when it last changed.
fn scheduled(cx: &Context<'_>, flow: &Value) -> Vec<Record> {
    let Ok(plan) = schedule::parse(flow.get("scheduleParams")) else { return Vec::new() };
    let until = match state(flow) {
        "draft" => return Vec::new(),
        "disabled" => flow.get("updatedAt").and_then(Value::as_i64).unwrap_or(0) / 1000,
        _ => cx.schedule_now(),
    };
    // A past start that was allowed (`past-start=allowed`) begins with the flow.
    let created = flow.get("createdAt").and_then(Value::as_i64).unwrap_or(0) / 1000;
    let start = plan.start.max(created);
    if until < start {
        return Vec::new();
    }
    let mut times = vec![start];
    if let Some(period) = plan.period()
        && until - start >= period
    {
        times.push(start + (until - start) / period * period);
    }
    let id = flow.get("id").and_then(Value::as_str).unwrap_or_default();
    times
        .into_iter()
        .map(|at| {
            let run_id = stable_uuid(&format!("{id}/{at}"));
            record(cx, &run_id, flow, at)
        })
        .collect()
}

fn record(cx: &Context<'_>, run_id: &str, flow: &Value, at: i64) -> Record {
    let (begin, end) = (at * 1000, at * 1000 + 55_000);
    let first = |member: &str| flow.get(member).and_then(|ids| ids.get(0)).cloned().unwrap_or_default();
    let account = account(&cx.client);
    let body = json!({
        "id": run_id,
        "flowId": flow.get("id"),
        "createdAt": begin,
        "updatedAt": end,
        "createdBy": account,
        "updatedBy": account,
        "createdClient": cx.client,
        "updatedClient": cx.client,
        "sandboxId": sandbox_id(&cx.realm),
        "sandboxName": cx.realm.sandbox,
        "imsOrgId": cx.realm.org,
        "etag": format!("\"{run_id}\""),
        "metrics": {
            "durationSummary": { "startedAtUTC": begin, "completedAtUTC": end },
            "sizeSummary": { "inputBytes": 24012, "outputBytes": 17128 },
            "recordSummary": { "inputRecordCount": 100, "outputRecordCount": 99, "failedRecordCount": 1 },
            "fileSummary": { "inputFileCount": 1, "outputFileCount": 1, "activityRefs": ["promotionActivity"] },
            "statusSummary": {
                "status": "success",
                "errors": [
                    { "code": "CONNECTOR-2001-500", "message": "Error occurred at promotion activity." }
                ],
                "activityRefs": ["promotionActivity"],
            },
        },
        "activities": [
            {
                "id": "copyActivity",
                "updatedAtUTC": end - 18_000,
                "durationSummary": { "startedAtUTC": begin, "completedAtUTC": end - 24_000 },
                "sizeSummary": { "inputBytes": 24012, "outputBytes": 24012 },
                "recordSummary": {},
                "fileSummary": { "inputFileCount": 1, "outputFileCount": 1 },
                "statusSummary": { "status": "success" },
                "sourceInfo": [{ "id": first("sourceConnectionIds"), "type": "SourceConnection" }],
            },
            {
                "id": "promotionActivity",
                "updatedAtUTC": end,
                "durationSummary": { "startedAtUTC": end - 18_000, "completedAtUTC": end },
                "sizeSummary": { "inputBytes": 24012, "outputBytes": 17128 },
                "recordSummary": { "inputRecordCount": 100, "outputRecordCount": 99, "failedRecordCount": 1 },
                "fileSummary": { "inputFileCount": 2, "outputFileCount": 1 },
                "statusSummary": {
                    "status": "success",
                    "extensions": { "errors": [
                        { "code": "MAPPER-3700-400", "recordCount": 1, "message": "Mapper Transform Error" } ] },
                },
                "targetInfo": [{ "id": first("targetConnectionIds"), "type": "TargetConnection" }],
            },
        ],
    });
    Record { id: run_id.to_owned(), seq: 0, body, lag: 0, settle: 0, then: String::new(), dying: None }
}

/// On-demand ingestion: only for flows that run once (1386).
fn create(cx: &mut Context<'_>) -> Answer {
    let body = cx.object(|why| flow("1405-400", why))?;
    let Some(flow_id) = text(&body, "flowId") else {
        return Err(flow(
            "1446-400",
            "The flow ID cannot be null or empty. Please update the flow ID and try again.",
        ));
    };
    let Some(of) = cx.get(Flow::KIND, flow_id).cloned() else {
        return Err(flow("1430-400", format!("Flow not found with id {flow_id}.")));
    };
    let frequency = of.body["scheduleParams"]["frequency"].as_str().unwrap_or_default();
    if frequency != "once" {
        return Err(sources(
            "1386-400",
            format!(
                "The flowId={flow_id} with scheduleParams frequency={frequency} is not supported for creating \
                 flow runs. Please provide a valid frequency and try again."
            ),
        ));
    }
    if body.get("params").and_then(Value::as_object).is_none_or(Map::is_empty) {
        return Err(sources(
            "1384-400",
            "The params={} provided for creating flow run are invalid or empty. Please provide valid params \
             and try again.",
        ));
    }
    let id = clock::uuid();
    let run = record(cx, &id, &of.body, cx.now / 1000);
    let etag = run.body["etag"].clone();
    cx.create(Kind::Run, &id, run.body);
    Ok(Reply::json(201, json!({ "id": id, "etag": etag })))
}

fn retrigger(cx: &Context<'_>, id: &str) -> Answer {
    let run = all(cx, |_| true).into_iter().find(|run| run.id == id).ok_or_else(|| not_found("runs", id))?;
    let op = cx.request.query("op").unwrap_or_default();
    if !op.eq_ignore_ascii_case("re_trigger") {
        return Err(sources(
            "1401-400",
            format!(
                "The provided flow run action={op} is not supported. Please provide a valid flow run action \
                 and try again."
            ),
        ));
    }
    let flow_id = run.body["flowId"].as_str().unwrap_or_default();
    let state = cx.get(Kind::Flow, flow_id).map_or("deleted", |flow| state(&flow.body));
    if state != "enabled" {
        return Err(sources(
            "1388-400",
            format!(
                "The flow={flow_id} is in state={state} and cannot be re-triggered. The flow must be in enabled \
                 state for re-triggering."
            ),
        ));
    }
    Ok(Reply::ok(json!({ "id": id, "etag": run.body["etag"] })))
}
