//! What somebody did to a managed dataflow by hand: each edit is drift, an apply takes it back, and a refresh takes it over.
//! What the platform adds by itself is none.

use serde_json::{Value, json};

use crate::support::{Sandbox, Text, pipeline};

/// A flow with three transformations, so that there is an order.
fn manifest() -> Text {
    let list = "dataflow:\n  transformations:\n    - { name: Copy, params: { deltaColumn: { name: at } } }\n    - { name: Tidy }\n";
    pipeline("users").edit("dataflow:\n", list)
}

fn transformations(s: &Sandbox) -> Value {
    s.contents().one("flows").body["transformations"].clone()
}

/// Has somebody patch the flow of an applied manifest, and looks at what is told and what an apply makes of it.
#[track_caller]
fn edited(manifest: &Text, operations: &Value, drift: &[&str]) {
    let s = Sandbox::new();
    s.manifest(manifest);
    s.converge(&[]);
    let before = transformations(&s);
    s.somebody().patch("flows", s.contents().one("flows"), operations);
    let planned = s.plan(&["--detailed-exitcode"]);
    let told: Vec<String> = drift.iter().map(|path| format!("users.dataflow {path}")).collect();
    assert_eq!(planned.drift(), told, "{operations}\n{planned}");
    assert_eq!(
        (planned.actions(), planned.code),
        (vec!["update users.dataflow".to_owned()], Some(2)),
        "{planned}"
    );
    let only = s.plan(&["--refresh-only"]);
    assert_eq!(only.drift(), told, "{operations}");
    // Taken over, it is no drift any more, and still not what the manifest says.
    let taken = s.copy();
    taken.apply(&["--refresh-only"]).success().end();
    assert!(taken.plan(&["--refresh-only"]).is_empty(), "{operations}");
    assert_eq!(taken.plan(&[]).actions(), ["update users.dataflow"], "{operations}");
    s.converge(&[]);
    assert_eq!(transformations(&s), before, "{operations}");
}

#[test]
fn a_transformation_that_was_added_changed_moved_doubled_or_taken_away_is_drift() {
    let one = pipeline("users");
    let add = |at: &str, value: Value| json!([{ "op": "add", "path": format!("/transformations/{at}"), "value": value }]);
    let copy = json!({ "name": "Copy", "params": { "deltaColumn": { "name": "at" } } });
    edited(&one, &add("0", copy.clone()), &["/transformations/Copy/deltaColumn/name"]);
    edited(&one, &add("-", json!({ "name": "Encryption" })), &["/transformations/Encryption"]);
    edited(
        &one,
        &add("-", json!({ "name": "Encryption", "params": { "publicKeyId": "k", "list": [1, 2] } })),
        &["/transformations/Encryption/publicKeyId", "/transformations/Encryption/list"],
    );
    edited(&one, &add("0", json!({ "name": "a/b~c", "params": null })), &["/transformations/a~1b~0c"]);
    // A second one of a name that is ours, at either side of it.
    edited(
        &manifest(),
        &add("-", copy.clone()),
        &["/transformationOrder", "/transformations/Copy (2)/deltaColumn/name"],
    );
    let other = json!({ "name": "Copy", "params": { "deltaColumn": { "name": "other" } } });
    edited(
        &manifest(),
        &add("0", other),
        &[
            "/transformationOrder",
            "/transformations/Copy/deltaColumn/name",
            "/transformations/Copy (2)/deltaColumn/name",
        ],
    );
    let mapping = |s: &Sandbox| transformations(s)[0].clone();
    let s = Sandbox::new();
    s.manifest(&one);
    s.converge(&[]);
    let second = mapping(&s);
    s.somebody().patch("flows", s.contents().one("flows"), &add("-", second.clone()));
    let told = [
        "users.dataflow /transformations/Mapping (2)/mappingId",
        "users.dataflow /transformations/Mapping (2)/mappingVersion",
    ];
    assert_eq!(s.plan(&[]).drift(), told);
    s.converge(&[]);
    assert_eq!(transformations(&s), json!([second]));
    // Parameters.
    let at = "/transformations/0/params";
    edited(
        &manifest(),
        &json!([{ "op": "add", "path": format!("{at}/mode"), "value": "append" }]),
        &["/transformations/Copy/mode"],
    );
    edited(
        &manifest(),
        &json!([{ "op": "replace", "path": format!("{at}/deltaColumn/name"), "value": "AT" }]),
        &["/transformations/Copy/deltaColumn/name"],
    );
    edited(
        &manifest(),
        &json!([{ "op": "add", "path": "/transformations/1/params", "value": { "deep": { "er": [] } } }]),
        &["/transformations/Tidy", "/transformations/Tidy/deep/er"],
    );
    // Away, and to another place.
    edited(
        &manifest(),
        &json!([{ "op": "remove", "path": "/transformations/1" }]),
        &["/transformationOrder", "/transformations/Tidy"],
    );
    let swap = json!([
        { "op": "replace", "path": "/transformations/0", "value": { "name": "Tidy", "params": {} } },
        { "op": "replace", "path": "/transformations/1", "value": copy },
    ]);
    edited(&manifest(), &swap, &["/transformationOrder"]);
}

#[test]
fn a_mapping_that_was_moved_by_hand_is_drift() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users").and(&pipeline("more")));
    s.converge(&[]);
    let other = s.contents().named("mappingSets", "more mapping").id.clone();
    let flow = s.contents().named("flows", "users flow").clone();
    let to = json!([{ "op": "replace", "path": "/transformations/0/params/mappingId", "value": other }]);
    s.somebody().patch("flows", &flow, &to);
    assert_eq!(s.plan(&[]).drift(), ["users.dataflow /transformations/Mapping/mappingId"]);
    s.converge(&[]);
    assert_eq!(
        s.contents().named("flows", "users flow").body["transformations"],
        flow.body["transformations"]
    );
}

#[test]
fn the_order_of_transformations_is_the_manifests() {
    let s = Sandbox::new();
    s.manifest(&manifest());
    s.converge(&[]);
    let names = |s: &Sandbox| -> Vec<String> {
        let all = transformations(s);
        all.as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&s), ["Copy", "Tidy", "Mapping"]);
    let copy = "    - { name: Copy, params: { deltaColumn: { name: at } } }\n";
    let tidy = "    - { name: Tidy }\n";
    s.manifest(&manifest().edit(&format!("{copy}{tidy}"), &format!("{tidy}{copy}")));
    assert_eq!(s.plan(&[]).changes(), ["users.dataflow /transformationOrder"]);
    s.converge(&[]);
    assert_eq!(names(&s), ["Tidy", "Copy", "Mapping"]);
    // One comes, and stands where the manifest has it.
    let first = format!("    - {{ name: First }}\n{tidy}{copy}");
    s.manifest(&manifest().edit(&format!("{copy}{tidy}"), &first));
    s.converge(&[]);
    assert_eq!(names(&s), ["First", "Tidy", "Copy", "Mapping"]);
}

#[test]
fn a_backfill_that_was_switched_off_by_hand_is_drift_and_the_default_is_not() {
    edited(
        &pipeline("users"),
        &json!([{ "op": "add", "path": "/scheduleParams/backfill", "value": false }]),
        &["/scheduleParams/backfill"],
    );
}

#[test]
fn what_the_platform_writes_itself_is_no_drift() {
    let s = Sandbox::new();
    let once = pipeline("users").edit("frequency: minute, interval: 15", "frequency: once");
    s.manifest(&once);
    s.converge(&[]);
    // The first on-demand run writes its column into the flow (platform-api.md 2.17).
    let copy = json!({ "name": "Copy", "params": { "deltaColumn": { "name": "updated_at" } } });
    let labels = json!([
        { "op": "add", "path": "/transformations/0", "value": copy },
        { "op": "add", "path": "/labels", "value": ["core/C12"] },
    ]);
    s.somebody().patch("flows", s.contents().one("flows"), &labels);
    let planned = s.plan(&[]);
    assert!(planned.is_empty(), "{planned}");
}
