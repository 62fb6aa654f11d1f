//! The machine formats: what is printed is what the published schemas say, and equal input gives equal bytes.

use serde_json::{Value, json};

use crate::support::{Sandbox, pipeline};

/// Fails unless the text is what `flowform schema WHAT` prints.
fn published(what: &str, text: &str) -> jsonschema::Validator {
    let s = Sandbox::bare();
    let printed = s.run(&["schema", what]).success().stdout;
    assert!(printed == text, "write anew: flowform schema {what} > docs/{what}.schema.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

#[track_caller]
fn check(schema: &jsonschema::Validator, document: &Value) {
    let errors: Vec<String> =
        schema.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn plans_are_what_their_schema_says() {
    let schema = published("plan", include_str!("../docs/plan.schema.json"));
    let plan = |s: &Sandbox, more: &[&str]| {
        let mut arguments = vec!["plan", "m.yaml", "--format", "json"];
        arguments.extend(more);
        let (once, again) = (s.run(&arguments), s.run(&arguments));
        assert_eq!(once.stdout, again.stdout, "equal input, other bytes");
        let document = serde_json::from_str(&once.stdout).unwrap();
        check(&schema, &document);
        document
    };
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    plan(&s, &[]);
    s.converge(&[]);
    plan(&s, &["--destroy"]);
    s.set("ZENDESK_ACCESS_TOKEN", "another-t0ken-value");
    s.manifest(&pipeline("users").edit("interval: 15", "interval: 30"));
    s.somebody().describe("flows", s.contents().one("flows"), "by hand");
    plan(&s, &["--refresh-only"]);
    let document = plan(&s, &["--replace", "users.source", "--exclude", "users.target"]);
    // A schema that takes everything would prove nothing.
    for (pointer, value) in
        [("/summary/create", json!("1")), ("/operations/0/action", json!("recreate")), ("/place", json!({}))]
    {
        let mut wrong: Value = document.clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        assert!(!schema.is_valid(&wrong), "{pointer} may be anything");
    }
}

#[test]
fn events_are_what_their_schema_says() {
    let schema = published("event", include_str!("../docs/event.schema.json"));
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let mut seen = std::collections::BTreeSet::new();
    let mut stream = |s: &Sandbox, arguments: &[&str], last: &str| {
        let ran = s.run(&[arguments, &["--format", "json"]].concat());
        let lines = lines(&ran.stdout);
        for line in &lines {
            check(&schema, line);
            seen.insert(line["type"].as_str().unwrap().to_owned());
        }
        let end = lines.last().unwrap();
        assert_eq!(end["type"], last, "{ran}");
        if last == "error" {
            assert_eq!(end["exitCode"].as_i64(), ran.code.map(i64::from));
        }
        lines
    };
    stream(&s, &["apply", "m.yaml"], "error");
    stream(&s, &["apply", "none.yaml"], "error");
    s.fail(&["POST /flows#*:status=400"]);
    let failed = stream(&s, &["apply", "m.yaml", "--auto-approve"], "report");
    // Begun, finished, and told of in the report: the same steps.
    let steps = |kind: &str| failed.iter().filter(|line| line["type"] == kind).count();
    assert_eq!(steps("started"), 5);
    assert_eq!(steps("finished"), failed.last().unwrap()["steps"].as_array().unwrap().len());
    s.fail(&[]);
    stream(&s, &["apply", "m.yaml", "--auto-approve"], "report");
    stream(&s, &["apply", "m.yaml", "--auto-approve"], "report");
    // What a killed run had made is taken over, saying so.
    s.manifest(&pipeline("users").and(&pipeline("more")));
    let held = s.path().join("held");
    s.fail(&[&format!("POST /flows:stop-after={}", held.display())]);
    let mut running = s.start(&["apply", "m.yaml", "--auto-approve"]);
    running.until("held");
    running.signal("KILL");
    running.end().end();
    s.fail(&[]);
    stream(&s, &["apply", "m.yaml", "--auto-approve"], "report");
    stream(&s, &["destroy", "m.yaml", "--auto-approve"], "report");
    let all = ["error", "finished", "planned", "recovered", "report", "started"];
    assert!(seen.iter().eq(all), "{seen:?}");
}

#[test]
fn runs_and_standings_are_what_their_schemas_say() {
    let (runs, status) = (
        published("runs", include_str!("../docs/runs.schema.json")),
        published("status", include_str!("../docs/status.schema.json")),
    );
    let s = Sandbox::new();
    s.manifest(&pipeline("users").and(&pipeline("more")));
    s.converge(&[]);
    let look = |schema: &jsonschema::Validator, what: &str| {
        let document = serde_json::from_str(&s.run(&[what, "--format", "json"]).success().stdout).unwrap();
        check(schema, &document);
        document
    };
    look(&runs, "runs");
    look(&status, "status");
    let call = ["emulator", "call", "POST", "/emulator/clock", r#"{"advance": 86400}"#];
    s.run(&[&call[..], &["--store", "platform.jsonl"]].concat()).success().end();
    s.somebody().describe("flows", s.contents().named("flows", "users flow"), "by hand");
    let documents = [(&runs, look(&runs, "runs")), (&status, look(&status, "status"))];
    // A schema that takes everything would prove nothing.
    for ((schema, document), pointer) in documents.iter().zip(["/runs/0/status", "/pipelines/0/drift"]) {
        let mut wrong: Value = document.clone();
        *wrong.pointer_mut(pointer).unwrap() = json!("odd");
        assert!(!schema.is_valid(&wrong), "{pointer} may be anything");
    }
}

#[test]
fn what_a_source_holds_is_what_its_schema_says() {
    let schema = published("explore", include_str!("../docs/explore.schema.json"));
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    for more in [&[][..], &["--show-values"]] {
        let ran = s.run(&[&["explore", "users", "--format", "json"], more].concat()).success();
        let mut document: Value = serde_json::from_str(&ran.stdout).unwrap();
        check(&schema, &document);
        document["fields"][0]["path"] = json!(7);
        assert!(!schema.is_valid(&document), "a path may be anything");
    }
}
