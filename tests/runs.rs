//! What runs on schedule: runs and standings are shown as the platform tells them, in few reads and whatever it says; an
//! apply waits for what it made, and loses nothing by that.

use serde_json::{Value, json};

use crate::support::hostile::{Server, http};
use crate::support::mutate::TEXTS;
use crate::support::{Sandbox, Text, pipeline};

/// Sets the platform's clock forward.
fn advance(s: &Sandbox, seconds: u32) {
    let body = json!({ "advance": seconds }).to_string();
    let store = ["--store", "platform.jsonl"];
    s.run(&[&["emulator", "call", "POST", "/emulator/clock", &body], &store[..]].concat()).success().end();
}

/// A platform on which these pipelines are applied.
fn applied(switches: &[&str], manifest: &Text) -> Sandbox {
    let s = Sandbox::behaving(switches);
    s.manifest(manifest);
    s.converge(&[]);
    s
}

fn json_of(s: &Sandbox, arguments: &[&str]) -> Value {
    let ran = s.run(&[arguments, &["--format", "json"]].concat()).success();
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The first start of a flow without `startTime` is so far ahead; each later run is so much later; each takes so long.
const SOON: u32 = 300;
const PERIOD: u32 = 900;
const TAKES: u32 = 60;

#[test]
fn runs_and_standings_are_told_in_words() {
    let off = pipeline("off").edit("interval: 15 }", "interval: 15 }\n  enabled: false");
    let s = applied(&[], &pipeline("users").and(&off));
    // The place is that of the only state.
    insta::assert_snapshot!("nothing-ran", s.run(&["runs"]));
    insta::assert_snapshot!("status-before", s.run(&["status"]));
    advance(&s, SOON + 6 * PERIOD + TAKES);
    insta::assert_snapshot!("runs", s.run(&["runs"]));
    insta::assert_snapshot!("runs-of-one", s.run(&["runs", "users", "--limit", "2"]));
    insta::assert_snapshot!("runs-unknown-pipeline", s.run(&["runs", "users", "nobody"]));
    s.somebody().describe("flows", s.contents().named("flows", "users flow"), "by hand");
    s.somebody().delete("flows", s.contents().named("flows", "off flow"));
    insta::assert_snapshot!("status", s.run(&["status"]));
    let none = Sandbox::new();
    insta::assert_snapshot!("status-without-state", none.run(&["status"]));
}

#[test]
fn a_limit_and_a_time_narrow_the_runs_down() {
    let s = applied(&["max-limit=2"], &pipeline("users").and(&pipeline("more")));
    advance(&s, SOON + 3 * PERIOD + TAKES);
    let all = json_of(&s, &["runs"]);
    let starts = |of: &Value| -> Vec<String> {
        of["runs"].as_array().unwrap().iter().map(|run| run["started"].as_str().unwrap().to_owned()).collect()
    };
    let started = starts(&all);
    assert_eq!((started.len(), all["more"].as_bool()), (8, Some(false)));
    assert!(started.is_sorted_by(|a, b| a >= b), "{started:?}");
    let some = json_of(&s, &["runs", "--limit", "3"]);
    assert_eq!((starts(&some), some["more"].as_bool()), (started[..3].to_vec(), Some(true)));
    let one = json_of(&s, &["runs", "more"]);
    assert!(one["runs"].as_array().unwrap().iter().all(|run| run["pipeline"] == "more"));
    let since = json_of(&s, &["runs", "users", "--since", &starts(&one)[1]]);
    assert!((1..=2).contains(&starts(&since).len()), "{since:#}");
    assert_eq!(starts(&json_of(&s, &["runs", "--since", "1d"])), started);
    assert!(starts(&json_of(&s, &["runs", "--since", "2999-01-01T00:00:00Z"])).is_empty());
    // The object that runs stands for its pipeline, and a date for its beginning.
    assert_eq!(json_of(&s, &["runs", "more.dataflow"]), one);
    s.run(&["runs", "more.source"]).exit(3).says("the state has no pipeline more.source").end();
    assert_eq!(json_of(&s, &["runs", "more", "--since", "2020-01-31"]), one);
    s.run(&["runs", "--since", "-1h"]).exit(3).says("a span is how long ago: write 1h").end();
    // What began at the same time is in the order of the pipelines.
    let table = s.run(&["runs"]).success().stdout.clone();
    let rows = table.lines().filter(|line| line.contains("55 s"));
    let names: Vec<&str> = rows.filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(names, ["more", "users"].repeat(4), "{table}");
    assert_eq!(table.matches("partial, as above").count(), 1, "{table}");
    for wrong in [["--since", "yesterday"], ["--limit", "0"], ["--interval", "2s"]] {
        s.run(&[&["runs"], &wrong[..]].concat()).exit(3).end();
    }
}

#[test]
fn what_ran_stays_when_the_schedule_changes() {
    let s = applied(&["run-outcome=partial"], &pipeline("users"));
    advance(&s, SOON + 3 * PERIOD + TAKES);
    let before = json_of(&s, &["runs"]);
    assert_eq!(before["runs"].as_array().unwrap().len(), 4);
    s.manifest(&pipeline("users").edit("interval: 15", "interval: 60"));
    s.converge(&[]);
    assert_eq!(json_of(&s, &["runs"]), before);
    advance(&s, 4 * PERIOD);
    let after = json_of(&s, &["runs"]);
    assert_eq!(after["runs"].as_array().unwrap().len(), 5, "one more, by the new schedule");
    assert_eq!(after["runs"].as_array().unwrap()[1..], before["runs"].as_array().unwrap()[..]);
}

#[test]
fn many_pipelines_are_few_reads() {
    let names: Vec<String> = (0..12).map(|n| format!("p{n}")).collect();
    let all = names.iter().map(|name| pipeline(name)).reduce(|all, one| all.and(&one)).unwrap();
    let s = applied(&[], &all);
    advance(&s, SOON + TAKES);
    let reads = |arguments: &[&str]| -> Vec<String> {
        let requests = s.recorded(|s| s.run(arguments).success().end());
        assert!(requests.iter().all(|request| !request.is_write()));
        let runs = requests.iter().filter(|request| request.within() == "/runs");
        runs.map(|request| request.query.clone()).collect()
    };
    let runs = reads(&["runs"]);
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert!(runs[0].contains("orderby=-createdAt") && runs[0].contains("limit=20"), "{runs:?}");
    // A hundred runs fill a page; the newest of each of twelve flows that run alike is among them.
    advance(&s, 20 * PERIOD);
    assert_eq!(reads(&["status"]).len(), 1);
    assert_eq!(reads(&["runs", "--limit", "200"]).len(), 2);
}

#[test]
fn a_slow_pipeline_is_seen_beside_a_busy_one() {
    let slow = pipeline("slow").edit("frequency: minute, interval: 15", "frequency: week, interval: 1");
    let s = applied(&["run-outcome=success"], &pipeline("busy").and(&slow));
    advance(&s, SOON + 150 * PERIOD + TAKES);
    let standings = json_of(&s, &["status"]);
    let last = |n: usize| standings["pipelines"][n]["lastRun"]["status"].clone();
    assert_eq!([last(0), last(1)], ["success", "success"]);
}

/// A run with a text in every place that takes one, and no number that makes sense.
fn odd(flow: &str, id: usize, text: &str) -> Value {
    json!({
        "id": format!("run-{id}"), "flowId": flow, "createdAt": i64::MAX,
        "metrics": {
            "durationSummary": { "startedAtUTC": 1, "completedAtUTC": i64::MAX },
            "sizeSummary": { "inputBytes": u64::MAX, "outputBytes": text },
            "recordSummary": { "inputRecordCount": u64::MAX, "outputRecordCount": 1.5, "failedRecordCount": -1 },
            "statusSummary": { "status": text, "errors": [{ "code": text, "message": text.repeat(50) }] },
        },
        "activities": [{ "statusSummary": { "errors": [null, 7, { "message": text, "recordCount": u64::MAX }] } }],
    })
}

#[test]
fn whatever_a_run_says_stays_in_its_place() {
    let mut s = applied(&[], &pipeline("users"));
    let flow = s.contents().one("flows").id.clone();
    let server = Server::start();
    s.set("FLOWFORM_GATEWAY", &server.url);
    s.set("ADOBE_ACCESS_TOKEN", "t0ken");
    let answer = |body: &Value| server.answer(http("200 OK", "", body.to_string().as_bytes()));
    let items: Vec<Value> = TEXTS.iter().enumerate().map(|(n, text)| odd(&flow, n, text)).collect();
    answer(&json!({ "items": items, "_links": {} }));
    for color in ["never", "always"] {
        let shown = s.run(&["runs", "--limit", "1000", "--color", color]).success().stdout;
        let plain = anstream::adapter::strip_str(&shown).to_string();
        let obeyed = |c: char| {
            c.is_control() || matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert_eq!(plain.chars().find(|c| *c != '\n' && obeyed(*c)), None);
        // Each run is one line, and what it says stands further in.
        let (runs, rest): (Vec<&str>, Vec<&str>) =
            plain.lines().skip(1).partition(|line| line.starts_with("1970-01-01T00:00:00Z"));
        assert_eq!(runs.len(), TEXTS.len());
        let ours = |line: &str| line.is_empty() || line.starts_with("    ") || line.contains(" runs: ");
        assert_eq!(rest.into_iter().find(|line| !ours(line)), None);
    }
    let document = json_of(&s, &["runs", "--limit", "1000"]);
    assert_eq!(document["runs"].as_array().unwrap().len(), TEXTS.len());
    assert!(document["runs"].as_array().unwrap().iter().any(|run| run["platformStatus"] == "\u{202e}evil"));

    // Others' runs are not ours, and what is no list is no empty list.
    answer(&json!({ "items": [odd("another", 1, "success")] }));
    s.run(&["runs"]).success().shows("No runs.").end();
    for wrong in
        [json!({}), json!([]), json!({ "items": [{}] }), json!({ "items": [{ "id": "r", "flowId": "" }] })]
    {
        answer(&wrong);
        s.run(&["runs"]).exit(1).says("in a form that no document describes").end();
    }
    answer(&json!({ "items": [], "_links": { "next": { "href": "/runs?continuationToken=again" } } }));
    s.run(&["runs"]).exit(1).says("go round in a circle").end();
    server.answer(http("400 Bad Request", "", br#"{"type": "x/FLOW-1450-400", "detail": "no"}"#));
    s.run(&["runs"]).exit(1).says("FLOW-1450-400").end();
}

#[test]
fn a_watch_shows_what_is_new_until_it_is_ended() {
    let s = applied(&[], &pipeline("users"));
    let mut watch = s.start(&["runs", "--watch", "--interval", "1s", "--format", "json"]);
    let runs = |line: String| serde_json::from_str::<Value>(&line).unwrap()["runs"].as_array().unwrap().len();
    assert_eq!(runs(watch.first_line()), 0);
    advance(&s, SOON + TAKES);
    assert_eq!(runs(watch.first_line()), 1);
    watch.signal("INT");
    watch.end().success().end();
}

#[test]
fn an_apply_waits_until_the_platform_has_settled() {
    let s = Sandbox::behaving(&["settle=5"]);
    s.manifest(&pipeline("users"));
    s.apply(&["--wait"]).success().end();
    assert_eq!(s.contents().flow_state(), "enabled");
    let mut s = Sandbox::behaving(&["settle=1000"]);
    s.manifest(&pipeline("users"));
    let gave_up = s.apply(&["--wait", "--wait-timeout", "20ms"]).exit(1).stderr;
    insta::assert_snapshot!("wait-not-settled", s.masked(&gave_up));
    // The apply was done, and the same command goes on waiting.
    s.apply(&["--wait", "--wait-timeout", "20ms"]).exit(1).shows("No changes").says("has not settled").end();
    s.behave(&[]);
    s.state_is_the_platform();
}

#[test]
fn a_wait_is_gone_on_with_by_the_same_command() {
    let s = Sandbox::behaving(&["run-outcome=failed"]);
    s.manifest(&pipeline("users"));
    let again = ["--wait-first-run", "--wait-timeout", "2s"];
    s.apply(&again).exit(1).says("later than --wait-timeout allows").says("goes on waiting").end();
    let mut waits = s.start(&["apply", "m.yaml", "--auto-approve", "--wait-first-run"]);
    waits.until_it_says("waiting for the first run of users.dataflow, due");
    advance(&s, SOON + TAKES);
    waits.end().exit(1).shows("No changes").says("the first run of users.dataflow failed").end();
    // It stays so, for those who ask.
    s.apply(&again).exit(1).shows("No changes").says("CONNECTOR-2001-500").end();
    s.apply(&[]).success().end();
    s.apply(&["--wait-first-run", "--target", "users.source"]).success().end();
    s.manifest(&pipeline("users").edit("interval: 15 }", "interval: 15 }\n  enabled: false"));
    s.apply(&again).success().says("users.dataflow is switched off").end();
}

#[test]
fn an_apply_waits_for_the_first_run() {
    let first = |switches: &[&str]| {
        let s = Sandbox::behaving(switches);
        s.manifest(&pipeline("users"));
        let mut running =
            s.start(&["apply", "m.yaml", "--auto-approve", "--wait-first-run", "--parallelism", "1"]);
        running.until_it_says("waiting for the first run of users.dataflow");
        // The lock is free while it waits.
        running.beside(&["apply", "m.yaml", "--auto-approve"]).success().shows("No changes").end();
        advance(&s, SOON + TAKES);
        let ended = running.end();
        let shown = s.masked(&ended.stderr);
        let code = ended.code;
        drop(ended);
        s.state_is_the_platform();
        (shown, code)
    };
    let (shown, code) = first(&[]);
    assert!(shown.contains("ended: partial: records 100 read, 99 written, 1 failed"), "{shown}");
    assert_eq!(code, Some(0), "{shown}");
    let (shown, code) = first(&["run-outcome=failed"]);
    assert_eq!(code, Some(1), "{shown}");
    insta::assert_snapshot!("wait-first-run-failed", shown);
}

#[test]
fn nobody_waits_for_an_embedded_platform() {
    let s = Sandbox::bare();
    s.manifest(&pipeline("users"));
    s.run(&["apply", "m.yaml", "--emulator", "--auto-approve", "--wait-first-run"])
        .success()
        .says("the emulator's clock is set forward past it")
        .says("the first run of users.dataflow ended: partial")
        .end();
    assert_eq!(json_of(&s, &["runs", "--emulator"])["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn a_wait_can_be_too_long_or_interrupted_and_nothing_is_lost() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let mut running = s.start(&["apply", "m.yaml", "--auto-approve", "--wait-first-run"]);
    running.until_it_says("waiting for the first run");
    running.signal("INT");
    running.end().exit(130).says("no longer waiting; the apply is done, and recorded").end();
    s.state_is_the_platform();
    s.manifest(&pipeline("users").and(&pipeline("more")));
    s.apply(&["--wait-first-run", "--wait-timeout", "2s"])
        .exit(1)
        .says("later than --wait-timeout allows")
        .end();
    s.state_is_the_platform();
    // What is off does not run, and is not waited for.
    let off = pipeline("off").edit("interval: 15 }", "interval: 15 }\n  enabled: false");
    s.manifest(&pipeline("users").and(&pipeline("more")).and(&off));
    s.apply(&["--wait-first-run", "--target", "off"]).success().says("off.dataflow is switched off").end();
}

#[test]
fn an_apply_says_to_a_machine_what_its_wait_came_to() {
    let s = Sandbox::behaving(&["settle=1000"]);
    s.manifest(&pipeline("users"));
    let ran = s.apply(&["--wait", "--wait-timeout", "1ms", "--format", "json"]).exit(1);
    let last: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["type"], &last["exitCode"]), (&json!("error"), &json!(1)));
    let waits = ["apply", "m.yaml", "--emulator", "--auto-approve", "--wait-first-run", "--format", "json"];
    let s = Sandbox::bare();
    s.manifest(&pipeline("users"));
    let lines = s.run(&waits).success().stdout.clone();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let after: Vec<&Value> = lines.iter().skip_while(|line| line["type"] != "report").skip(1).collect();
    assert_eq!(after.len(), 2, "{lines:?}");
    assert_eq!((&after[0]["type"], &after[0]["until"]), (&json!("waiting"), &json!("firstRun")));
    assert!(after[0]["due"].is_string());
    assert_eq!((&after[1]["type"], &after[1]["address"]), (&json!("firstRun"), &json!("users.dataflow")));
    assert_eq!((&after[1]["status"], &after[1]["records"]["read"]), (&json!("partial"), &json!(100)));
}

#[test]
fn a_call_to_the_embedded_platform_takes_a_query() {
    let s = Sandbox::bare();
    s.manifest(&pipeline("users"));
    s.run(&["apply", "m.yaml", "--emulator", "--auto-approve", "--wait-first-run"]).success().end();
    let state: Value = serde_json::from_str(&s.read("state/emulator/dev.json")).unwrap();
    let id = state["entries"]["users.dataflow"]["id"].as_str().unwrap();
    let call = |method: &str, path: &str| {
        let path = format!("/data/foundation/flowservice/{path}");
        let ran = s.run(&["emulator", "call", method, &path]).success();
        serde_json::from_str::<Value>(&ran.stdout).unwrap_or_default()
    };
    for path in [format!("runs?property=flowId=={id}"), format!("runs?property=flowId%3D%3D{id}&limit=1")] {
        assert_eq!(call("GET", &path)["items"].as_array().map(Vec::len), Some(1), "{path}");
    }
    assert_eq!(call("GET", "runs?property=flowId==none")["items"], json!([]));
    call("POST", &format!("flows/{id}/action?op=disable"));
    assert_eq!(call("GET", &format!("flows/{id}"))["items"][0]["state"], "disabled");
}

#[test]
fn an_embedded_platform_whose_clock_was_set_forward_goes_on() {
    let s = Sandbox::bare();
    s.manifest(&pipeline("users"));
    let apply = ["apply", "m.yaml", "--emulator", "--auto-approve"];
    s.run(&apply).success().end();
    let call = ["emulator", "call", "POST", "/emulator/clock"];
    s.run(&[&call[..], &[r#"{"advance": 86400}"#]].concat()).success().end();
    s.run(&[&call[..], &[r#"{"advance": -1}"#]].concat()).exit(1).end();
    let runs = json_of(&s, &["runs", "--emulator", "--since", "2h"]);
    assert_eq!(runs["runs"].as_array().unwrap().len(), 8);
    // A start that lies ahead of that clock, which the machine's is a day behind of.
    s.manifest(&pipeline("users").and(&pipeline("more")));
    s.run(&apply).success().end();
}

#[test]
fn a_flow_is_settled_when_the_last_operation_on_it_says_so() {
    let waited = |switch: &str| {
        let s = Sandbox::behaving(&[switch]);
        s.manifest(&pipeline("users"));
        let ran = s.apply(&["--wait", "--wait-timeout", "1s"]);
        let shown = (ran.code, ran.stderr.clone());
        ran.end();
        s.state_is_the_platform();
        // It is looked at also where nothing was to be done.
        let again = s.apply(&["--wait", "--wait-timeout", "1s"]);
        assert_eq!(again.code, shown.0, "{again}");
        again.end();
        shown
    };
    for well in ["last-operation=completed", "last-operation=silent"] {
        assert_eq!(waited(well).0, Some(0), "{well}");
    }
    let (code, shown) = waited("last-operation=failed");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("the platform's last operation failed on users.dataflow (FAILED)"), "{shown}");
    assert!(shown.contains("FLOW-1102-500: The dataflow could not be provisioned."), "{shown}");
    let (code, shown) = waited("last-operation=in-progress");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("IN_PROGRESS"), "{shown}");
}
