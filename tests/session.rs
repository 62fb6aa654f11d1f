//! The main job, as a person does it: each step a process of its own, nothing in the environment.

use serde_json::json;

use crate::support::{Sandbox, Text, pipeline};

/// Create, nothing to do, edit, drift, destroy: with the very commands of the README, on this example.
fn session(example: &str, edited: &str, drifted: &str, objects: usize) {
    let s = Sandbox::bare();
    let manifest = Text::of(example);
    s.manifest(&manifest);
    assert_eq!(s.plan(&["--emulator"]).actions().len(), objects);
    assert_eq!(s.contents().counts(), [0; 5], "a plan made something");

    s.apply(&["--emulator"]).success().end();
    assert_eq!(s.contents().counts(), [1; 5]);
    s.state_is_the_platform();
    let planned = s.plan(&["--emulator", "--detailed-exitcode"]);
    assert!(planned.is_empty() && planned.code == Some(0), "{planned}");

    let before = s.contents();
    s.manifest(&manifest.edit("interval: 15", "interval: 30"));
    let planned = s.plan(&["--emulator", "--detailed-exitcode"]);
    assert_eq!(planned.code, Some(2));
    assert_eq!(planned.actions(), [format!("update {edited}")]);
    assert_eq!(planned.changes(), [format!("{edited} /scheduleParams/interval")]);
    assert_eq!(planned.drift(), [""; 0]);
    let flow = before.one("flows");
    let shown = s.run(&["plan", "m.yaml", "--emulator", "--requests"]).success();
    let shown = shown.shows(&format!("PATCH /data/foundation/flowservice/flows/{}", flow.id));
    shown.shows(flow.etag()).shows("replace /scheduleParams/interval 30").end();
    assert_eq!(s.contents(), before, "a plan changed something");

    s.apply(&["--emulator"]).success().end();
    let after = s.contents();
    assert_eq!(after.counts(), [1; 5]);
    assert_eq!(after.one("flows").id, flow.id);
    assert_eq!(after.one("flows").body["scheduleParams"]["interval"].to_string().trim_matches('"'), "30");
    for kind in ["connections", "sourceConnections", "targetConnections", "mappingSets"] {
        assert_eq!(after.one(kind), before.one(kind), "an edit of the dataflow touched the {kind}");
    }
    assert!(s.plan(&["--emulator"]).is_empty());

    let connection = after.one("connections");
    s.somebody().describe("connections", connection, "mine now");
    let planned = s.plan(&["--emulator", "--detailed-exitcode"]);
    assert_eq!(planned.code, Some(2));
    assert_eq!(planned.drift(), [format!("{drifted} /description")]);
    assert_eq!(planned.changes(), [format!("{drifted} /description")]);
    s.apply(&["--emulator"]).success().end();
    assert_eq!(s.contents().counts(), [1; 5]);
    assert_eq!(s.contents().one("connections").body["description"], connection.body["description"]);
    assert!(s.plan(&["--emulator"]).is_empty());

    s.destroy(&["--emulator"]).success().end();
    assert_eq!(s.contents().list(), [""; 0]);
    assert!(s.managed().is_empty());
    assert_eq!(s.plan(&["--emulator"]).actions().len(), objects);
    s.apply(&["--emulator"]).success().end();
    assert_eq!(s.contents().counts(), [1; 5]);
}

#[test]
fn the_tutorials_pipeline() {
    session(
        include_str!("../examples/zendesk.yaml"),
        "zendesk-users.dataflow",
        "zendesk-users.baseConnection",
        8,
    );
}

#[test]
fn the_current_documents_pipeline() {
    session(
        include_str!("../examples/zendesk-current.yaml"),
        "zendesk-current.dataflow",
        "zendesk-current.baseConnection",
        5,
    );
}

#[test]
fn what_the_tutorial_sends_is_what_the_platform_gets() {
    let s = Sandbox::behaving(&["secret-echo=clear"]);
    s.manifest(&Text::of(include_str!("../examples/zendesk.yaml")));
    s.apply(&["--parallelism", "1"]).success().end();
    let contents = s.contents();
    let ours = |kind: &str, member: &str| contents.one(kind).body[member].clone();
    let mappings = ours("mappingSets", "mappings");
    assert_eq!(mappings.as_array().unwrap().len(), 34);
    assert_eq!(ours("connections", "connectionSpec")["id"], "2526ee57-0af4-46ea-a477-720a53108145");
    assert_eq!(ours("connections", "auth")["params"]["accessToken"], crate::support::TOKEN);
    assert_eq!(ours("sourceConnections", "baseConnectionId"), json!(contents.one("connections").id));
    assert!(
        mappings
            .as_array()
            .unwrap()
            .iter()
            .all(|m| m["destination"].as_str().unwrap().starts_with("_extconndev."))
    );
    assert_eq!(ours("targetConnections", "params")["dataSetId"], json!(contents.one("dataSets").id));
    assert_eq!(ours("dataSets", "schemaRef")["id"], json!(contents.one("schemas").id));
    assert_eq!(ours("schemas", "allOf")[1]["$ref"], json!(contents.one("fieldgroups").id));
    let flow = contents.one("flows");
    assert_eq!(flow.body["sourceConnectionIds"], json!([contents.one("sourceConnections").id]));
    assert_eq!(flow.body["targetConnectionIds"], json!([contents.one("targetConnections").id]));
    let mapping = &flow.body["transformations"][0];
    assert_eq!(mapping["name"], "Mapping");
    assert_eq!(mapping["params"]["mappingId"], json!(contents.one("mappingSets").id));
}

#[test]
fn what_a_person_sees() {
    let s = Sandbox::bare();
    let manifest = pipeline("users");
    s.manifest(&manifest);
    let run =
        |arguments: &[&str]| s.run(&[arguments, &["m.yaml", "--emulator", "--parallelism", "1"]].concat());
    let apply = ["apply", "--auto-approve"];

    insta::assert_snapshot!("session-1-create", run(&apply));
    insta::assert_snapshot!("session-2-nothing-to-do", run(&["plan"]));
    insta::assert_snapshot!("session-3-apply-nothing", run(&apply));
    s.manifest(&manifest.edit("interval: 15", "interval: 30").edit("result.email", "result.mail"));
    insta::assert_snapshot!("session-4-plan-an-edit", run(&["plan", "--requests"]));
    insta::assert_snapshot!("session-5-apply-an-edit", run(&apply));
    let contents = s.contents();
    s.somebody().describe("flows", contents.one("flows"), "mine now");
    insta::assert_snapshot!("session-6-plan-drift", run(&["plan"]));
    s.manifest(
        &manifest
            .edit("interval: 15", "interval: 30")
            .edit("result.email", "result.mail")
            .edit("from there to here", "from here to there"),
    );
    insta::assert_snapshot!("session-7-plan-where-both-moved", run(&["plan"]));
    insta::assert_snapshot!("session-8-apply-where-both-moved", run(&apply));
    s.manifest(&manifest.edit("interval: 15", "interval: 30").edit("params: {}", "params: { page: 2 }"));
    insta::assert_snapshot!("session-9-plan-a-replacement", run(&["plan"]));
    insta::assert_snapshot!("session-10-apply-a-replacement", run(&apply));
    let contents = s.contents();
    s.somebody().delete("flows", contents.one("flows"));
    insta::assert_snapshot!("session-11-plan-what-is-gone", run(&["plan"]));
    insta::assert_snapshot!("session-12-state-list", s.run(&["state", "list"]));
    insta::assert_snapshot!("session-13-destroy", run(&["destroy", "--auto-approve"]));
}
