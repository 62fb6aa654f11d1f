//! Flow runs: those that a schedule must have had by now, made up but always the same, and those that were
//! asked for (platform-api.md 2.8). No data moves here.

use serde_json::{Map, Value, json};

use super::behaviour::RunOutcome;
use super::clock;
use super::context::{Context, account, sandbox_id, stable_uuid, text};
use super::filter::Query;
use super::flow::Flow;
use super::flow_service::{Leaf, not_found, page_body, project, state};
use super::message::{Answer, Reply, flow, sources};
use super::store::{Kind, Record};
use super::{schedule, specs};

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
    let flow = Value::Object(flow.clone());
    let (number, at) = due(cx, &flow).pop()?;
    let run = run(cx, &flow, number, at);
    let metrics = &run.body["metrics"];
    let mut details = json!({
        "id": run.id,
        "state": metrics["statusSummary"]["status"],
        "startedAtUTC": metrics["durationSummary"]["startedAtUTC"],
    });
    if let Some(ended) = metrics["durationSummary"].get("completedAtUTC") {
        details["completedAtUTC"] = ended.clone();
    }
    Some(details)
}

/// The members of a flow that are kept of its pauses and of former schedules, and never shown.
pub(super) const KEPT: [&str; 4] = ["offSince", "pauses", "ran", "ranUntil"];

/// Notes what ran by now when a flow gets another schedule: what was does not change with it.
pub(super) fn rescheduled(cx: &Context<'_>, before: &Value, after: &mut Map<String, Value>) {
    if before.get("scheduleParams") == after.get("scheduleParams") {
        return;
    }
    let mut ran: Vec<Value> = due(cx, before).into_iter().map(|(number, at)| json!([number, at])).collect();
    let forgotten = ran.len().saturating_sub(usize::try_from(REMEMBERED).unwrap_or(usize::MAX));
    ran.drain(..forgotten);
    after.insert("ran".to_owned(), ran.into());
    after.insert("ranUntil".to_owned(), cx.schedule_now().into());
}

/// Notes when a flow goes off and on: while it is off, nothing runs.
pub(super) fn switched(cx: &Context<'_>, body: &mut Value) {
    let now = json!(cx.schedule_now());
    let disabled = state(body) == "disabled";
    let Some(body) = body.as_object_mut() else { return };
    if disabled {
        body.insert("offSince".to_owned(), now);
    } else if let Some(since) = body.remove("offSince")
        && let Some(pauses) = body.entry("pauses").or_insert_with(|| json!([])).as_array_mut()
    {
        pauses.push(json!([since, now]));
    }
}

/// So many runs of a schedule are remembered: the latest.
const REMEMBERED: i64 = 500;

/// How long a run takes, in seconds.
const TAKES: i64 = 55;

/// The runs that a schedule must have had by now, oldest first.
fn scheduled(cx: &Context<'_>, flow: &Value) -> Vec<Record> {
    due(cx, flow).into_iter().map(|(number, at)| run(cx, flow, number, at)).collect()
}

/// The run of a schedule with this number, which began at this second.
fn run(cx: &Context<'_>, flow: &Value, number: i64, at: i64) -> Record {
    let id = flow.get("id").and_then(Value::as_str).unwrap_or_default();
    let end = if at + TAKES > cx.schedule_now() { End::Open } else { End::of(cx, number) };
    record(cx, &stable_uuid(&format!("{id}/{at}")), flow, at, end)
}

/// Number and second of the runs of a flow, oldest first: of its former schedules, and of the one that it has.
fn due(cx: &Context<'_>, flow: &Value) -> Vec<(i64, i64)> {
    let pairs = |member: &str| -> Vec<(i64, i64)> {
        let listed = flow.get(member).and_then(Value::as_array).into_iter().flatten();
        listed.filter_map(|pair| Some((pair.get(0)?.as_i64()?, pair.get(1)?.as_i64()?))).collect()
    };
    let mut due = pairs("ran");
    let Ok(plan) = schedule::parse(flow.get("scheduleParams")) else { return due };
    let now = cx.schedule_now();
    let until = match state(flow) {
        "draft" => return due,
        "disabled" => flow.get("offSince").and_then(Value::as_i64).unwrap_or(now).min(now),
        _ => now,
    };
    // A past start that was allowed (`past-start=allowed`) begins with the flow.
    let created = flow.get("createdAt").and_then(Value::as_i64).unwrap_or(0) / 1000;
    let start = plan.start.max(created);
    if until < start {
        return due;
    }
    let pauses = pairs("pauses");
    let since = flow.get("ranUntil").and_then(Value::as_i64).unwrap_or(i64::MIN);
    let before = due.last().map_or(0, |(number, _)| number + 1);
    let period = plan.period().unwrap_or(1);
    let last = plan.period().map_or(0, |period| (until - start) / period);
    let scheduled = ((last - REMEMBERED + 1).max(0)..=last)
        .map(|number| start.saturating_add(number.saturating_mul(period)))
        .filter(|at| *at > since && !pauses.iter().any(|(from, to)| from <= at && at < to));
    if before == 0 {
        // Numbered from the start, so that a run is the same one when older ones are forgotten.
        due.extend(scheduled.map(|at| ((at - start) / period, at)));
    } else {
        due.extend((before..).zip(scheduled));
    }
    due
}

/// How a run ended.
#[derive(Clone, Copy)]
enum End {
    /// It has not.
    Open,
    /// So many records came and so many of them arrived: the tutorial's run has 100 and 99.
    Ended(u32, u32),
    /// Its copy went wrong.
    Failed,
}

impl End {
    /// Of the run with this number on a schedule.
    fn of(cx: &Context<'_>, number: i64) -> Self {
        // Something of everything, the tutorial's run first.
        const MIXED: [End; 8] = [
            End::Ended(100, 99),
            End::Ended(64, 64),
            End::Ended(12, 12),
            End::Ended(250, 250),
            End::Ended(180, 177),
            End::Failed,
            End::Ended(0, 0),
            End::Ended(130, 130),
        ];
        match cx.behaviour.run_outcome {
            RunOutcome::Mixed => {
                usize::try_from(number % 8).ok().and_then(|n| MIXED.get(n)).copied().unwrap_or(End::Failed)
            }
            RunOutcome::Success => Self::Ended(100, 100),
            RunOutcome::Partial => Self::Ended(100, 99),
            RunOutcome::Failed => Self::Failed,
            RunOutcome::InProgress => Self::Open,
        }
    }
}

/// A run as the tutorial shows one.
fn record(cx: &Context<'_>, run_id: &str, flow: &Value, at: i64, end: End) -> Record {
    let (begin, ended) = (at * 1000, (at + TAKES) * 1000);
    let first = |member: &str| flow.get(member).and_then(|ids| ids.get(0)).cloned().unwrap_or_default();
    let account = account(&cx.client);
    let mut body = json!({
        "id": run_id,
        "flowId": flow.get("id"),
        "createdAt": begin,
        "updatedAt": if matches!(end, End::Open) { begin } else { ended },
        "createdBy": account,
        "updatedBy": account,
        "createdClient": cx.client,
        "updatedClient": cx.client,
        "sandboxId": sandbox_id(&cx.realm),
        "sandboxName": cx.realm.sandbox,
        "imsOrgId": cx.realm.org,
        "etag": format!("\"{run_id}\""),
    });
    let source = json!([{ "id": first("sourceConnectionIds"), "type": "SourceConnection" }]);
    let target = json!([{ "id": first("targetConnectionIds"), "type": "TargetConnection" }]);
    let (metrics, activities) = match end {
        End::Open => (
            json!({ "durationSummary": { "startedAtUTC": begin }, "statusSummary": { "status": "inProgress" } }),
            json!([]),
        ),
        End::Failed => {
            let status = json!({
                "status": "failed",
                "errors": [
                    { "code": "CONNECTOR-2001-500", "message": "Error occurred at copy activity." }
                ],
            });
            let duration = json!({ "startedAtUTC": begin, "completedAtUTC": ended });
            (
                json!({ "durationSummary": duration, "sizeSummary": {}, "recordSummary": {}, "fileSummary": {},
                    "statusSummary": status }),
                json!([{ "id": "copyActivity", "updatedAtUTC": ended, "durationSummary": duration,
                    "sizeSummary": {}, "recordSummary": {}, "fileSummary": {}, "statusSummary": status,
                    "sourceInfo": source }]),
            )
        }
        End::Ended(input, output) => {
            let failed = input - output;
            // The tutorial's hundred records have these sizes.
            let (read, written) = (u64::from(input) * 24_012 / 100, u64::from(output) * 17_128 / 99);
            let mut status = json!({ "status": "success" });
            let mut promotion = status.clone();
            if failed > 0 {
                let errors = json!([
                    { "code": "CONNECTOR-2001-500", "message": "Error occurred at promotion activity." }
                ]);
                status["errors"] = errors.clone();
                status["activityRefs"] = json!(["promotionActivity"]);
                promotion["errors"] = errors;
                promotion["extensions"] = json!({ "errors": [
                    {
                        "code": "INGEST-1212-400",
                        "message": format!(
                            "Encountered {failed} errors in the data. Successfully ingested {output} rows. Review \
                             the associated diagnostic files for additional details."
                        ),
                    },
                    { "code": "MAPPER-3700-400", "recordCount": failed, "message": "Mapper Transform Error" },
                ] });
            }
            let records = json!({ "inputRecordCount": input, "outputRecordCount": output,
                "failedRecordCount": failed });
            (
                json!({
                    "durationSummary": { "startedAtUTC": begin, "completedAtUTC": ended },
                    "sizeSummary": { "inputBytes": read, "outputBytes": written },
                    "recordSummary": records,
                    "fileSummary": { "inputFileCount": 1, "outputFileCount": 1,
                        "activityRefs": ["promotionActivity"] },
                    "statusSummary": status,
                }),
                json!([
                    {
                        "id": "copyActivity",
                        "updatedAtUTC": ended - 18_000,
                        "durationSummary": { "startedAtUTC": begin, "completedAtUTC": ended - 24_000 },
                        "sizeSummary": { "inputBytes": read, "outputBytes": read },
                        "recordSummary": {},
                        "fileSummary": { "inputFileCount": 1, "outputFileCount": 1 },
                        "statusSummary": { "status": "success" },
                        "sourceInfo": source,
                    },
                    {
                        "id": "promotionActivity",
                        "updatedAtUTC": ended,
                        "durationSummary": { "startedAtUTC": ended - 18_000, "completedAtUTC": ended },
                        "sizeSummary": { "inputBytes": read, "outputBytes": written },
                        "recordSummary": records,
                        "fileSummary": { "inputFileCount": 2, "outputFileCount": 1 },
                        "statusSummary": promotion,
                        "targetInfo": target,
                    },
                ]),
            )
        }
    };
    body["metrics"] = metrics;
    body["activities"] = activities;
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
    if of.body["flowSpec"]["id"] == specs::CRM && !body["params"]["deltaColumn"]["name"].is_string() {
        return Err(sources(
            "1383-400",
            "The delta column is missing in the params received for creating a flow run. Please provide delta \
             column in params and try again.",
        ));
    }
    let id = clock::uuid();
    let run = record(cx, &id, &of.body, cx.now / 1000, End::Ended(100, 99));
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
