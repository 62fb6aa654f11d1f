//! Datasets: made with their pipeline, changed in place, and never deleted with their data unless that was allowed.

use serde_json::{Value, json};

use crate::support::{Sandbox, Text, pipeline, short};

const SCHEMA: &str =
    "https://ns.adobe.com/extconndev/schemas/995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4";

/// A pipeline with a dataset of its own on a schema that is there.
fn with_dataset(name: &str) -> Text {
    let section = format!(
        "dataset:\n  name: {name} data\n  description: what came\n  schema: {{ id: {SCHEMA} }}\nbaseConnection:\n"
    );
    pipeline(name).edit("baseConnection:\n", &section).edit("  dataSetId: 624bf42e16519d19496e3f67\n", "")
}

fn applied(manifest: &Text) -> Sandbox {
    let s = Sandbox::new();
    s.manifest(manifest);
    s.converge(&[]);
    s
}

/// Applies an edit; the writes it took.
#[track_caller]
fn writes(s: &Sandbox, manifest: &Text) -> Vec<String> {
    s.manifest(manifest);
    let before = s.contents();
    let requests = s.recorded(|s| s.converge(&["--parallelism", "1"]));
    s.state_is_the_platform();
    short(&requests, &before)
}

const DELETE_DATA: &str = "  description: what came\n  deleteData: true\n";

#[test]
fn a_dataset_is_made_before_what_writes_to_it() {
    let s = applied(&with_dataset("users"));
    let contents = s.contents();
    assert_eq!(
        contents.one("targetConnections").body["params"]["dataSetId"],
        json!(contents.one("dataSets").id)
    );
    assert_eq!(contents.one("dataSets").body["schemaRef"]["id"], SCHEMA);
    s.state_is_the_platform();
}

#[test]
fn a_dataset_is_changed_in_place() {
    let manifest = with_dataset("users");
    let s = applied(&manifest);
    for (from, to) in [
        ("name: users data", "name: renamed"),
        ("  description: what came\n", ""),
        ("what came\n", "what came\n  tags: { team: crm, of: [a, b] }\n"),
        ("what came\n", "what came\n  profile: true\n"),
    ] {
        let s = s.copy();
        assert_eq!(writes(&s, &manifest.edit(from, to)), ["PATCH /dataSets/OLD"], "{to}");
        assert_eq!(s.contents().counts(), [1; 5]);
    }
    // What the platform and others tag is left alone.
    let tag = json!({ "tags": { "adobe/pqs": ["1"] } });
    s.somebody().send("PATCH", &format!("/catalog/dataSets/{}", s.contents().one("dataSets").id), &[], &tag);
    assert!(s.plan(&[]).is_empty());
    let profile = manifest.edit("what came\n", "what came\n  profile: true\n");
    writes(&s, &profile);
    let tags = s.contents().one("dataSets").body["tags"].clone();
    let enabled = json!(["enabled:true"]);
    assert_eq!(tags, json!({ "adobe/pqs": ["1"], "unifiedProfile": enabled, "unifiedIdentity": enabled }));
    // Once on, it stays on.
    s.manifest(&manifest);
    s.apply(&[]).exit(8).shows("stays so").end();
    // Drift is put right.
    let edit = json!({ "description": "mine now" });
    s.somebody().send("PATCH", &format!("/catalog/dataSets/{}", s.contents().one("dataSets").id), &[], &edit);
    s.manifest(&profile);
    assert_eq!(s.plan(&[]).drift(), ["users.dataset /description"]);
    assert_eq!(writes(&s, &profile), ["PATCH /dataSets/OLD"]);
}

#[test]
fn data_is_destroyed_only_where_that_was_allowed() {
    let manifest = with_dataset("users");
    let s = applied(&manifest);
    let words = "all data in it is destroyed";
    let before = s.contents();
    s.destroy(&[]).exit(8).shows(words).shows("deleteData: true").end();
    assert_eq!(s.contents(), before);
    // A section that is dropped gives no permission, nor does one that is dropped together with it.
    s.manifest(&pipeline("users"));
    s.apply(&[]).exit(8).shows(words).end();
    assert_eq!(s.contents(), before);
    // It can be left where it is.
    let left = s.copy();
    left.manifest(&manifest);
    left.destroy(&["--exclude", "users.dataset"]).success().end();
    assert_eq!(left.contents().list(), ["dataSets users data"]);
    // The permission sends nothing, is recorded, and outlives the section.
    let allowed = manifest.edit("  description: what came\n", DELETE_DATA);
    assert_eq!(writes(&s, &allowed), [""; 0]);
    s.manifest(&pipeline("users"));
    assert!(s.plan(&[]).text.contains(words));
    s.apply(&[]).success().end();
    assert_eq!(s.contents().of("dataSets").len(), 0);
    assert_eq!(s.contents().counts(), [1; 5]);
}

#[test]
fn a_dataset_of_another_schema_is_another_dataset() {
    let manifest = with_dataset("users");
    let s = applied(&manifest);
    let other = "7c1e9a0b4d3f5268e7a9b0c1d2e3f4a5968778695a4b3c2d";
    let old = "995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4";
    let moved = |text: &Text| Text::of(&text.as_str().replace(old, other));
    s.manifest(&moved(&manifest));
    s.apply(&[]).exit(8).shows("would be deleted").end();
    let allowed = manifest.edit("  description: what came\n", DELETE_DATA);
    s.manifest(&allowed);
    s.converge(&[]);
    let before = s.contents();
    writes(&s, &moved(&allowed));
    let after = s.contents();
    assert_ne!(before.one("dataSets").id, after.one("dataSets").id);
    assert_eq!(after.one("targetConnections").body["params"]["dataSetId"], json!(after.one("dataSets").id));
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().list(), [""; 0]);
}

#[test]
fn a_dataset_that_is_there_is_adopted_by_name() {
    let s = Sandbox::new();
    let theirs = json!({ "name": "users data",
        "schemaRef": { "id": SCHEMA, "contentType": "application/vnd.adobe.xed+json;version=1" } });
    s.somebody().send("POST", "/catalog/dataSets", &[], &theirs);
    let id = s.contents().one("dataSets").id.clone();
    s.manifest(&with_dataset("users"));
    s.apply(&[]).exit(8).shows(&id).shows("--adopt users.dataset").end();
    s.converge(&["--adopt", "users.dataset"]);
    assert_eq!(s.contents().one("dataSets").id, id);
    s.state_is_the_platform();
}

#[test]
fn a_dataset_that_is_gone_is_made_again_and_one_with_no_name_is_a_mistake() {
    let manifest = with_dataset("users");
    let s = applied(&manifest);
    let id = s.contents().one("dataSets").id.clone();
    s.somebody().send("DELETE", &format!("/catalog/dataSets/{id}"), &[], &Value::Null);
    let planned = s.plan(&[]);
    assert!(planned.drift().contains(&"users.dataset gone".to_owned()), "{planned}");
    s.converge(&[]);
    assert_ne!(s.contents().one("dataSets").id, id);
    s.manifest(
        &manifest.edit("what came\n", "what came\n  tags: { unifiedProfile: [a], adobe/x: y, z: 1 }\n"),
    );
    let mistakes = s.apply(&[]).exit(4);
    for words in ["profile: true", "the platform's", "a list of texts"] {
        assert!(mistakes.stderr.contains(words), "{mistakes}");
    }
    mistakes.end();
}

#[test]
fn many_datasets_are_read_by_few_requests() {
    let s = Sandbox::new();
    let names: Vec<String> = (0..41).map(|n| format!("p{n}")).collect();
    let only = |name: &String| {
        format!(
            "apiVersion: flowform/v1\npipeline: {name}\nplatform: {{ org: {}, sandbox: dev }}\n\
            dataset: {{ name: {name} data, schema: {{ id: {SCHEMA} }} }}\n",
            crate::support::ORG
        )
    };
    s.manifest(&Text::of(&names.iter().map(only).collect::<Vec<_>>().join("---\n")));
    s.apply(&[]).success().end();
    let requests = s.recorded(|s| assert!(s.plan(&[]).is_empty()));
    let reads = requests.iter().filter(|r| !r.is_login()).count();
    assert!(reads <= 4, "{reads} reads: {requests:?}");
}
