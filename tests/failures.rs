//! What a machine reads when a command fails: one document of the published schema on stdout, or the last event; nothing
//! half in any other format; the mistakes in every form that `validate` has; never a secret.

use serde_json::{Value, json};

use crate::support::{CLIENT_SECRET, Ran, Sandbox, TOKEN, Text, pipeline};

fn schema(text: &str) -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

/// The failure on stdout, alone there, with the exit code and the class that are expected.
#[track_caller]
fn failure(ran: Ran<'_>, code: i32, class: &str) -> Value {
    let ran = ran.exit(code);
    assert!(!ran.stderr.is_empty(), "people are told nothing:\n{ran}");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}\n{ran}"));
    let errors: Vec<String> = schema(include_str!("../docs/error.schema.json"))
        .iter_errors(&document)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
    let error = &document["error"];
    assert_eq!((error["class"].as_str(), &error["exitCode"]), (Some(class), &json!(code)), "{document:#}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{document:#}");
    ran.end();
    error.clone()
}

/// A manifest that the platform would refuse.
fn refused() -> Text {
    pipeline("users").edit("subdomain: https://acme.zendesk.com", "subdomian: https://acme.zendesk.com")
}

fn applied() -> Sandbox {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s
}

const JSON: [&str; 2] = ["--format", "json"];

#[test]
fn every_command_with_json_fails_in_json() {
    let mut s = applied();
    let run = |s: &Sandbox, arguments: &[&str], code, class| {
        failure(s.run(&[arguments, &JSON].concat()), code, class)
    };
    // The command line.
    for line in [
        &["plan", "m.yaml", "--frobnicate"][..],
        &["runs", "--limit", "0"],
        &["state", "show", "users.nothing"],
        &["explore"],
        &["status", "too", "many"],
        &["validate", "--frobnicate"],
        &["show"],
    ] {
        let error = run(&s, line, 3, "usage");
        assert!(!error["message"].as_str().unwrap().starts_with("error:"), "{error}");
    }
    // Files, and the state.
    run(&s, &["show", "none.json"], 3, "usage");
    let gone = run(&s, &["state", "show", "more.dataflow"], 3, "usage");
    assert_eq!(gone["address"], "more.dataflow");
    run(&s, &["plan", "none.yaml"], 4, "manifest");
    run(&s, &["plan", "m.yaml", "--html", "no/folder/x.html"], 1, "error");
    run(&s, &["runs", "nobody"], 3, "usage");
    run(&s, &["explore", "nobody"], 3, "usage");
    run(&s, &["state", "list", "--state", "none.json"], 10, "state");
    // The platform.
    let looks = [&["plan", "m.yaml"][..], &["status"], &["runs"], &["explore", "users"]];
    s.fail(&["GET *#*:status=503"]);
    for look in looks {
        let error = run(&s, look, 1, "platform");
        assert_eq!(error["platform"]["status"], 503, "{error}");
    }
    s.behave(&["client-secret=another"]);
    for look in looks {
        let error = run(&s, look, 5, "auth");
        let platform = &error["platform"];
        assert!(platform["request"].as_str().unwrap().starts_with("POST /ims/token"), "{error}");
        assert!(platform["code"].is_string() && error["hint"].is_string(), "{error}");
    }
    s.behave(&[]);
    s.stop();
    for look in looks {
        let error = run(&s, look, 1, "network");
        assert_eq!(error["platform"]["status"], Value::Null, "{error}");
    }
    // One line for each document: so is the error.
    let watched = s.run(&["runs", "--watch", "--format=json"]).exit(1);
    assert_eq!(watched.stdout.lines().count(), 1, "{watched}");
    watched.end();
}

#[test]
fn an_apply_that_fails_ends_its_events_with_an_error() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let schema = schema(include_str!("../docs/event.schema.json"));
    let last = |s: &Sandbox, arguments: &[&str], code: i32, class: &str| -> Value {
        let ran = s.run(&[arguments, &JSON].concat()).exit(code);
        let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(events.iter().all(|event| schema.is_valid(event)), "{ran}");
        let last = events.last().unwrap().clone();
        assert_eq!((&last["type"], &last["class"]), (&json!("error"), &json!(class)), "{ran}");
        assert_eq!(last["exitCode"], code, "{ran}");
        ran.end();
        last
    };
    last(&s, &["apply", "m.yaml", "--frobnicate"], 3, "usage");
    last(&s, &["destroy", "--auto-aprove"], 3, "usage");
    last(&s, &["apply", "none.yaml", "--auto-approve"], 4, "manifest");
    last(&s, &["apply", "m.yaml"], 3, "usage");
    s.manifest(&refused());
    let error = last(&s, &["apply", "m.yaml", "--auto-approve"], 4, "manifest");
    assert_eq!(error["problems"]["diagnostics"][0]["file"], "m.yaml", "{error}");
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s.manifest(&pipeline("others"));
    let error = last(&s, &["apply", "m.yaml", "--auto-approve", "--fail-on", "delete"], 8, "refused");
    let told =
        !error["refusals"].as_array().unwrap().is_empty() || !error["causes"].as_array().unwrap().is_empty();
    assert!(told, "{error}");
    s.stop();
    last(&s, &["destroy", "--auto-approve", "--sandbox", "dev"], 1, "network");
}

#[test]
fn a_plan_that_a_guard_refuses_is_the_answer() {
    let s = applied();
    s.manifest(&pipeline("users").edit("dataflow:\n", "dataflow:\n  protect: true\n"));
    s.converge(&[]);
    for more in [&["--destroy"][..], &["--destroy", "--max-deletes", "0"]] {
        let ran = s.run(&[&["plan", "m.yaml"], more, &JSON].concat()).exit(8);
        let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(schema(include_str!("../docs/plan.schema.json")).is_valid(&plan), "{ran}");
        assert!(plan.get("error").is_none() && !plan["refusals"].as_array().unwrap().is_empty(), "{ran}");
        ran.end();
    }
}

#[test]
fn what_the_platform_would_refuse_comes_in_every_form_of_validate() {
    let s = Sandbox::new();
    s.manifest(&refused());
    let error = failure(s.run(&[&["plan", "m.yaml"], &JSON[..]].concat()), 4, "manifest");
    let found = &error["problems"]["diagnostics"][0];
    assert!(
        found["line"].is_u64() && found["message"].as_str().unwrap().contains("`subdomain` is missing"),
        "{error}"
    );
    let line = found["line"].clone();
    s.run(&["plan", "m.yaml", "--format", "github"])
        .exit(4)
        .shows(&format!("::error file=m.yaml,line={line},"))
        .end();
    for verb in [&["plan"][..], &["apply", "--auto-approve"]] {
        let files = ["m.yaml", "--sarif", "p.sarif", "--junit", "p.xml"];
        s.run(&[verb, &files].concat()).exit(4).end();
        let sarif: Value = serde_json::from_str(&s.read("p.sarif")).unwrap();
        let result = &sarif["runs"][0]["results"][0];
        assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], line, "{sarif}");
        let junit = s.read("p.xml");
        assert!(junit.contains("<failure") && junit.contains("subdomian"), "{junit}");
        // The next run's reports take the place of these.
        s.manifest(&pipeline("users").edit("params: {}", "params: { nosuch: 1 }"));
        s.run(&[verb, &files].concat()).success().end();
        let sarif: Value = serde_json::from_str(&s.read("p.sarif")).unwrap();
        let results: Vec<&Value> = sarif["runs"][0]["results"].as_array().unwrap().iter().collect();
        assert!(results.len() == 1 && results[0]["level"] == "warning", "{sarif}");
        assert!(s.read("p.xml").contains("failures=\"0\""), "{}", s.read("p.xml"));
        s.manifest(&refused());
    }
    s.manifest(&pipeline("users").edit("params: {}", "params: { nosuch: 2 }"));
    s.run(&["plan", "m.yaml", "--format", "github"])
        .success()
        .shows("title=flowform unknown-key::users.source")
        .end();
    s.manifest(&refused());
    // Reports go over nothing that is read or written besides.
    for verb in [&["plan", "--html", "p.xml"][..], &["apply", "--auto-approve"]] {
        let before = s.read("m.yaml");
        s.run(&[verb, &["m.yaml", "--sarif", "m.yaml", "--junit", "p.xml"]].concat()).exit(3).end();
        assert_eq!(s.read("m.yaml"), before);
    }
    // Where the run itself fails, no report looks like that of a sound manifest.
    s.run(&["plan", "m.yaml", "--sandbox", "other", "--sarif", "p.sarif", "--junit", "p.xml"]).exit(3).end();
    let sarif: Value = serde_json::from_str(&s.read("p.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
    assert!(s.read("p.xml").contains("<error"), "{}", s.read("p.xml"));
    // An older plan is not taken for the new one.
    s.write("p.json", "{}");
    s.run(&["plan", "m.yaml", "--json", "p.json"]).exit(4).end();
    let written: Value = serde_json::from_str(&s.read("p.json")).unwrap();
    assert_eq!(written["error"]["class"], "manifest");
}

#[test]
fn other_formats_say_nothing_half() {
    let s = Sandbox::new();
    s.manifest(&refused());
    for format in ["text", "markdown", "html", "gitlab", "terraform-json"] {
        let ran = s.run(&["plan", "m.yaml", "--format", format]).exit(4);
        assert!(ran.stdout.is_empty(), "{ran}");
        ran.end();
    }
    s.run(&["plan", "m.yaml", "--format", "github", "--sandbox", "other"]).exit(3).shows("::error ").end();
}

#[test]
fn the_state_is_told_in_json() {
    let s = applied();
    let (list, show) = (
        schema(include_str!("../docs/state-list.schema.json")),
        schema(include_str!("../docs/state-show.schema.json")),
    );
    let read = |arguments: &[&str]| -> Value {
        let ran = s.run(&[arguments, &JSON].concat()).success();
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let all = read(&["state", "list"]);
    assert!(list.is_valid(&all), "{all:#}");
    let objects = all["objects"].as_array().unwrap();
    let told: Vec<(String, String)> = objects
        .iter()
        .map(|o| (o["address"].as_str().unwrap().to_owned(), o["id"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(told, s.managed());
    for (address, id) in told {
        let one = read(&["state", "show", &address]);
        assert!(show.is_valid(&one), "{one:#}");
        assert_eq!((&one["id"], &one["address"]), (&json!(id), &json!(address)));
        assert!(one["applied"].is_object() && !one.to_string().contains(TOKEN), "{one:#}");
    }
    // A schema that takes everything would prove nothing.
    let mut wrong = all.clone();
    wrong["objects"][0]["protect"] = json!("no");
    assert!(!list.is_valid(&wrong));
}

#[test]
fn the_schemas_of_failures_and_states_are_published() {
    let s = Sandbox::bare();
    for (what, text) in [
        ("error", include_str!("../docs/error.schema.json")),
        ("validate", include_str!("../docs/validate.schema.json")),
        ("state-list", include_str!("../docs/state-list.schema.json")),
        ("state-show", include_str!("../docs/state-show.schema.json")),
    ] {
        let printed = s.run(&["schema", what]).success().stdout;
        assert!(printed == text, "write anew: flowform schema {what} > docs/{what}.schema.json");
    }
    s.manifest(&pipeline("users").edit("interval: 15", "interval: 5"));
    let schema = schema(include_str!("../docs/validate.schema.json"));
    for path in ["m.yaml", "none.yaml"] {
        let ran = s.run(&["validate", path, "--format", "json"]).exit(4);
        let mut document: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(schema.is_valid(&document), "{ran}");
        document["diagnostics"][0]["severity"] = json!("odd");
        assert!(!schema.is_valid(&document), "a severity may be anything");
        ran.end();
    }
}

#[test]
fn a_failure_tells_no_secret() {
    let mut s = applied();
    let secret = "s3cret\"with\\escapes";
    s.set("ZENDESK_ACCESS_TOKEN", secret);
    s.behave(&["secret-echo=clear"]);
    s.fail(&["PATCH *#*:status=400", "GET /connections#*:status=400"]);
    for arguments in [
        &["plan", "m.yaml", "--format", "json"][..],
        &["apply", "m.yaml", "--auto-approve", "--format", "json"],
    ] {
        let ran = s.run(arguments);
        for text in [&ran.stdout, &ran.stderr] {
            let escaped = json!(secret).to_string();
            let inner = escaped.trim_matches('"');
            assert!(![secret, inner, CLIENT_SECRET].iter().any(|s| text.contains(s)), "{ran}");
        }
        ran.end();
    }
}
