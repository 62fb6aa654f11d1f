//! What a pull request relies on: a saved plan is what is carried out or nothing is, other people's merges do not spoil it,
//! and checks, drift and every format can be had from it.

use flowform::plan::saved;
use serde_json::Value;

use crate::support::{Sandbox, Text, pipeline};

/// A folder of two pipelines, applied.
fn two_pipelines() -> Sandbox {
    let s = Sandbox::new();
    s.write("p/users.yaml", pipeline("users").as_str());
    s.write("p/orders.yaml", pipeline("orders").as_str());
    s.run(&["apply", "p", "--auto-approve"]).success().end();
    s
}

fn edited(name: &str) -> Text {
    pipeline(name).edit("interval: 15", "interval: 30")
}

/// Runs a command that must not write anything anywhere.
#[track_caller]
fn writes_nothing(s: &Sandbox, code: i32, arguments: &[&str]) -> String {
    let (contents, state) = (s.contents(), s.state());
    let mut said = String::new();
    let requests = s.recorded(|s| {
        let ran = s.run(arguments).exit(code);
        said = format!("{}{}", ran.stdout, ran.stderr);
    });
    let writes: Vec<_> = requests.iter().filter(|r| r.is_write()).collect();
    assert!(writes.is_empty(), "{writes:?}");
    assert_eq!(s.contents(), contents);
    assert_eq!(s.state(), state);
    said
}

#[test]
fn two_pull_requests() {
    let s = two_pipelines();
    // Two branches, each planned on its own.
    s.write("p/users.yaml", edited("users").as_str());
    s.run(&["plan", "p", "-o", "users.json"]).success().end();
    s.write("p/users.yaml", pipeline("users").as_str());
    s.write("p/orders.yaml", edited("orders").as_str());
    s.run(&["plan", "p", "-o", "orders.json"]).success().end();
    // A third, on the same object as the first.
    s.write("p/orders.yaml", pipeline("orders").as_str());
    s.write("p/users.yaml", pipeline("users").edit("from there to here", "from here to there").as_str());
    s.run(&["plan", "p", "-o", "rival.json"]).success().end();

    s.run(&["apply", "orders.json", "--auto-approve"]).success().end();
    // The reviewed plan of the first still stands, and is exactly what is done.
    let flow = s.contents().named("flows", "users flow").id.clone();
    let requests = s.recorded(|s| {
        s.run(&["apply", "users.json", "--auto-approve"]).success().shows("Applied: 1 updated").end();
    });
    let writes: Vec<_> = requests.iter().filter(|r| r.is_write() && !r.is_login()).collect();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert!(writes[0].path.ends_with(&flow), "{writes:?}");
    // The rival's does not, and neither does one that has been carried out.
    for stale in ["rival.json", "users.json"] {
        let said = writes_nothing(&s, 7, &["apply", stale, "--auto-approve"]);
        let why = "users.dataflow: another apply has changed its entry in the state since (/scheduleParams/interval)";
        assert!(said.contains(why), "{said}");
        assert!(said.contains("plan again"), "{said}");
    }
    // Merged together, the two are what the platform has.
    s.write("p/users.yaml", edited("users").as_str());
    s.write("p/orders.yaml", edited("orders").as_str());
    s.run(&["plan", "p", "--detailed-exitcode"]).success().end();
}

#[test]
fn a_fingerprint_stands_for_the_reviewed_plan() {
    let s = two_pipelines();
    s.write("p/users.yaml", edited("users").as_str());
    let reviewed = fingerprint(&s);
    // Somebody else's merge, of a pipeline that was not there.
    s.write("p/more.yaml", pipeline("more").as_str());
    s.run(&["apply", "p", "--target", "more", "--auto-approve"]).success().end();
    assert_eq!(fingerprint(&s), reviewed);
    // Somebody's hand on the object itself.
    let contents = s.contents();
    s.somebody().describe("flows", contents.named("flows", "users flow"), "by hand");
    let said = writes_nothing(&s, 7, &["apply", "p", "--expect", &reviewed[..16], "--auto-approve"]);
    assert!(said.contains("the plan is not the expected one"), "{said}");
    let now = fingerprint(&s);
    s.run(&["apply", "p", "--expect", &now[..16], "--auto-approve"]).success().end();
}

fn fingerprint(s: &Sandbox) -> String {
    let plan: Value = serde_json::from_str(&s.run(&["plan", "p", "--format", "json"]).stdout).unwrap();
    plan["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn a_saved_plan_can_be_shown_and_checked() {
    let s = two_pipelines();
    std::fs::remove_file(s.path().join("p/orders.yaml")).unwrap();
    s.write(
        "p/users.yaml",
        pipeline("users").edit("data: { format: json }", "data: { format: delimited }").as_str(),
    );
    let plan = s.run(&[
        "plan",
        "p",
        "-o",
        "plan.json",
        "--allow-deletes",
        "5",
        "--json",
        "plan.view",
        "--text",
        "plan.txt",
    ]);
    let plan = plan.success().stdout;
    // What was shown, from the file alone: without credentials, state, or platform.
    let bare = Sandbox::bare();
    bare.write("plan.json", &s.read("plan.json"));
    let shown = bare.run(&["show", "plan.json", "--json", "view", "--text", "text"]).success().stdout;
    assert_eq!(shown, plan);
    assert_eq!(bare.read("text"), plan);
    assert_eq!(bare.read("text"), s.read("plan.txt"));
    assert_eq!(bare.read("view"), s.read("plan.view"));
    let view: Value = serde_json::from_str(&bare.read("view")).unwrap();
    assert_eq!(view["summary"]["delete"], 5);
    for (checks, findings) in [
        (&["--fail-on", "delete"][..], "--fail-on delete: orders.dataflow"),
        (&["--fail-on", "create,drift,replace"], "--fail-on replace: users.source, users.dataflow"),
        (&["--max-deletes", "4"], "--max-deletes 4: 5 would be deleted: orders."),
    ] {
        let show = [&["show", "plan.json"], checks].concat();
        bare.run(&show).exit(8).says(findings).end();
        let plan = [&["plan", "p", "--allow-deletes", "5", "-o", "checked.json"], checks].concat();
        s.run(&plan).exit(8).says(findings).end();
        // The plan itself is as good as without the check, which changes nothing in it.
        assert_eq!(s.read("checked.json"), s.read("plan.json"));
        for apply in [
            &["apply", "plan.json", "--auto-approve"][..],
            &["apply", "p", "--allow-deletes", "5", "--auto-approve"],
        ] {
            let said = writes_nothing(&s, 8, &[apply, checks].concat());
            assert!(said.contains(findings), "{said}");
        }
    }
    for passes in [&["--fail-on", "create,update,adopt,forget,drift"][..], &["--max-deletes", "5"]] {
        bare.run(&[&["show", "plan.json"], passes].concat()).success().end();
    }
    s.run(&["apply", "plan.json", "--auto-approve", "--max-deletes", "5"]).success().end();
    assert_eq!(s.contents().counts(), [1; 5]);
    s.run(&["show", "p/users.yaml"]).exit(3).says("is not a plan").end();
}

#[test]
fn a_file_that_cannot_be_written_is_said() {
    let s = two_pipelines();
    s.run(&["plan", "p", "--json", "no/such/folder.json"]).exit(1).says("no/such/folder.json").end();
    s.run(&["plan", "p", "--json", "/dev/null"]).success().end();
}

#[test]
fn drift_alone() {
    let s = two_pipelines();
    s.run(&["plan", "--refresh-only", "--sandbox", "dev"]).success().shows("No drift. 10 objects").end();
    let contents = s.contents();
    s.somebody().describe("flows", contents.named("flows", "users flow"), "by hand");
    s.somebody().delete("flows", contents.named("flows", "orders flow"));
    // An edit of the manifest is no drift.
    s.write("p/users.yaml", edited("users").as_str());
    let said = writes_nothing(&s, 11, &["plan", "--refresh-only", "p", "-o", "drift.json"]);
    assert!(said.contains("from there to here → by hand") && said.contains("gone"), "{said}");
    assert!(!said.contains("interval"), "{said}");
    // Of one pipeline only.
    let said = writes_nothing(&s, 11, &["plan", "--refresh-only", "p/users.yaml"]);
    assert!(
        said.contains("Drift: 1 object ") && said.contains("5 managed objects of other pipelines"),
        "{said}"
    );
    writes_nothing(&s, 3, &["plan", "--refresh-only", "p", "--replace", "users.source"]);
    writes_nothing(&s, 3, &["apply", "--refresh-only", "p"]);

    // Taken into the state, with nothing sent.
    let before = s.contents();
    let requests = s.recorded(|s| s.run(&["apply", "drift.json", "--auto-approve"]).success().end());
    assert!(!requests.iter().any(|r| r.is_write() && !r.is_login()), "{requests:?}");
    assert_eq!(s.contents(), before);
    s.run(&["plan", "--refresh-only", "p"]).success().shows("No drift. 9 objects").end();
    let state = s.state();
    assert_eq!(state["entries"]["users.dataflow"]["applied"]["description"], "by hand");
    assert_eq!(state["entries"].get("orders.dataflow"), None);
    // From now on it is the manifest that differs, not the platform.
    let plan: Value = serde_json::from_str(&s.run(&["plan", "p", "--format", "json"]).stdout).unwrap();
    assert_eq!(plan["drift"], serde_json::json!([]));
    let changes =
        plan["operations"].as_array().unwrap().iter().flat_map(|o| o["changes"].as_array().unwrap());
    let causes: Vec<(&str, &str)> =
        changes.map(|c| (c["path"].as_str().unwrap(), c["cause"].as_str().unwrap())).collect();
    assert!(causes.contains(&("/description", "manifest")), "{causes:?}");
    // Carried out twice, it is stale.
    writes_nothing(&s, 7, &["apply", "drift.json", "--auto-approve"]);
    s.run(&["apply", "p", "--auto-approve"]).success().end();
    s.run(&["plan", "p", "--detailed-exitcode"]).success().end();
    s.state_is_the_platform();
}

#[test]
fn a_mapping_changed_by_hand_is_taken_over_whole() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    let contents = s.contents();
    let set = contents.one("mappingSets");
    let mut body = set.body.clone();
    body["mappings"][1]["source"] = "result.mail".into();
    body["mappings"].as_array_mut().unwrap().push(serde_json::json!({
        "sourceType": "ATTRIBUTE", "source": "result.phone", "destination": "_extconndev.phone"
    }));
    let path = format!("/conversion/mappingSets/{}", set.id);
    s.somebody().send("PUT", &path, &[], &body);
    s.run(&["plan", "--refresh-only", "m.yaml"]).exit(11).shows("result.email → result.mail").end();
    s.run(&["apply", "--refresh-only", "m.yaml", "--auto-approve"]).success().end();
    s.run(&["plan", "--refresh-only", "m.yaml"]).success().end();
    s.manifest(&pipeline("users").edit("source: result.email", "source: result.mail").edit(
        "destination: _extconndev.email }",
        "destination: _extconndev.email }\n    - { source: result.phone, destination: _extconndev.phone }",
    ));
    let planned = s.plan(&[]);
    assert!(planned.changes().iter().all(|c| !c.starts_with("users.mapping")), "{planned}");
    s.converge(&[]);
}

#[test]
fn a_first_merge_does_not_spoil_the_other_first_plan() {
    let s = Sandbox::new();
    for name in ["users", "orders"] {
        s.write(&format!("{name}.yaml"), pipeline(name).as_str());
        s.run(&["plan", &format!("{name}.yaml"), "-o", &format!("{name}.json")]).success().end();
    }
    s.run(&["apply", "users.json", "--auto-approve"]).success().end();
    s.run(&["apply", "orders.json", "--auto-approve"]).success().end();
    assert_eq!(s.contents().counts(), [2; 5]);
    s.state_is_the_platform();
    writes_nothing(&s, 7, &["apply", "users.json", "--auto-approve"]);
}

#[test]
fn what_only_the_state_gains_is_a_change() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s.manifest(&pipeline("users").edit("name: users flow", "name: users flow\n  protect: true"));
    s.run(&["plan", "m.yaml", "--detailed-exitcode"]).exit(2).shows(": plan ").end();
    s.apply(&[]).success().end();
    s.run(&["plan", "m.yaml", "--detailed-exitcode"]).success().end();
}

#[test]
fn a_saved_plan_is_no_way_around_protection() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users").edit("name: users flow", "name: users flow\n  protect: true"));
    s.converge(&[]);
    let planned = s.run(&["plan", "m.yaml", "--destroy", "-o", "plan.json"]).exit(8);
    assert!(!planned.stderr.contains("carry it out"), "{planned}");
    // Somebody takes the refusal out of the file, and makes its fingerprint fit.
    let mut plan = saved::decode(&s.read("plan.json")).unwrap();
    plan.refusals.clear();
    s.write("plan.json", &saved::encode(&plan).unwrap());
    let said = writes_nothing(&s, 8, &["apply", "plan.json", "--auto-approve"]);
    assert!(said.contains("it is protected and would be deleted"), "{said}");
}

#[test]
fn a_saved_plan_can_be_held_against_the_review() {
    let s = two_pipelines();
    s.write("p/users.yaml", edited("users").as_str());
    s.run(&["plan", "p", "-o", "plan.json"]).success().end();
    let reviewed = fingerprint(&s);
    let mut plan = saved::decode(&s.read("plan.json")).unwrap();
    plan.operations[0].reason = "nothing to see here".to_owned();
    s.write("forged.json", &saved::encode(&plan).unwrap());
    let said =
        writes_nothing(&s, 7, &["apply", "forged.json", "--expect", &reviewed[..16], "--auto-approve"]);
    assert!(said.contains("not the expected one"), "{said}");
    plan.format_version += 1;
    s.write("newer.json", &saved::encode(&plan).unwrap());
    let said = writes_nothing(&s, 3, &["apply", "newer.json", "--auto-approve"]);
    assert!(said.contains("its format is 2"), "{said}");
    s.run(&["apply", "plan.json", "--expect", &reviewed[..16], "--auto-approve"]).success().end();
}

#[test]
fn no_output_replaces_an_input_or_another_output() {
    let s = two_pipelines();
    s.run(&["plan", "p", "-o", "plan.json"]).success().end();
    let files = s.files();
    for wrong in [
        &["plan", "p/users.yaml", "-o", "p/users.yaml"][..],
        &["plan", "p", "--markdown", "p/users.yaml"],
        &["plan", "p", "-o", "new.json", "--json", "new.json"],
        &["show", "plan.json", "--json", "plan.json"],
        &["show", "plan.json", "--json", "x", "--html", "x"],
        &["show", "plan.json", "--json", "-"],
    ] {
        s.run(wrong).exit(3).end();
        assert_eq!(s.files(), files, "{wrong:?}");
    }
    s.run(&["apply", "plan.json", "p"]).exit(3).says("is carried out alone").end();
    s.write("view.json", &s.run(&["show", "plan.json", "--format", "json"]).success().stdout);
    for other in ["view.json", "p/users.yaml"] {
        s.run(&["show", other]).exit(3).says("not a file that `flowform plan -o` wrote").end();
    }
    s.run(&["apply", "view.json"]).exit(3).says("not a file that `flowform plan -o` wrote").end();
}

#[test]
fn what_cannot_be_seen_is_not_forgotten_lightly() {
    let s = two_pipelines();
    s.write(
        "p/users.yaml",
        pipeline("users").edit("name: users flow", "name: users flow\n  protect: true").as_str(),
    );
    s.run(&["apply", "p", "--auto-approve"]).success().end();
    for name in ["users", "orders"] {
        s.somebody().delete("flows", s.contents().named("flows", &format!("{name} flow")));
    }
    // The check still tells drift; taking it over is another thing.
    s.run(&["plan", "--refresh-only", "p"]).exit(11).shows("it is protected and would be forgotten").end();
    writes_nothing(&s, 8, &["apply", "--refresh-only", "p", "--auto-approve"]);
    s.run(&["apply", "--refresh-only", "p/orders.yaml", "--auto-approve"]).success().end();
}
