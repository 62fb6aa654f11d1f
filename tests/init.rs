//! A manifest to begin with is one that works: it is checked, planned, applied and then as the platform has it, whatever the
//! source says; it is the same each time, and it is written over nothing.

use serde_json::{Value, json};

use crate::explore::{FILES, TABLES, platform, tables};
use crate::support::mutate::TEXTS;
use crate::support::{ORG, Sandbox, Text, pipeline};

#[test]
fn from_nothing_to_a_running_dataflow() {
    let s = Sandbox::bare();
    insta::assert_snapshot!("init-zendesk", s.run(&["init"]));
    insta::assert_snapshot!("init-zendesk-manifest", s.read("zendesk-users.yaml"));
    let printed = s.run(&["init", "--out", "-"]).success();
    assert_eq!(printed.stdout, s.read("zendesk-users.yaml"));
    s.run(&["validate", "zendesk-users.yaml"]).success().shows("Valid: 8 objects in 1 pipeline.").end();
    s.run(&["apply", "zendesk-users.yaml", "--emulator", "--auto-approve"])
        .success()
        .shows("8 created")
        .end();
    s.run(&["plan", "zendesk-users.yaml", "--emulator", "--detailed-exitcode"]).success().end();
    insta::assert_snapshot!("init-taken", s.run(&["init"]));
    assert_eq!(s.read("zendesk-users.yaml"), printed.stdout);
    s.write("folder/x", "");
    s.run(&["init", "--out", "folder"]).exit(3).says("is there already").end();
    s.run(&["init", "--out", "nowhere/x.yaml"]).exit(1).says("cannot be written to nowhere/x.yaml").end();
    s.run(&["init", "--pipeline", "a b"]).exit(3).end();
    s.run(&["init", "--source", "zendesk", "--connection", "x"]).exit(3).end();
}

#[test]
fn what_the_flags_say_is_in_the_manifest() {
    let s = Sandbox::bare();
    let flags = ["--pipeline", "mine", "--org", ORG, "--sandbox", "stage", "--source", "Zendesk"];
    s.run(&[&["init"], &flags[..]].concat()).success().says("written: mine.yaml").end();
    let text = s.read("mine.yaml");
    for line in
        ["pipeline: mine ", &format!("  org: {ORG}\n"), "  sandbox: stage\n", "  name: Mine dataflow\n"]
    {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    s.run(&["validate", "mine.yaml"]).success().end();
    s.run(&["init", "--sandbox", "a b", "--pipeline", "x"]).exit(3).says("not a sandbox name").end();
}

#[test]
fn from_an_existing_base_connection() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.apply(&["--target", "users.baseConnection"]).success().end();
    let id = s.contents().one("connections").id.clone();
    let place = ["--org", ORG, "--sandbox", "dev"];
    let init =
        [&["init", "--connection", &id, "--pipeline", "second", "--out", "m2.yaml"], &place[..]].concat();
    let ran = s.run(&[&init[..], &["--log", "trace"]].concat()).success();
    for value in ["test@example.com", "end-user"] {
        assert!(!ran.stderr.contains(value) && !s.read("m2.yaml").contains(value), "{ran}");
    }
    insta::assert_snapshot!("init-connection", s.masked(&s.read("m2.yaml")));
    s.run(&["validate", "m2.yaml"]).success().end();
    s.manifest(&pipeline("users").and(&Text::of(&s.read("m2.yaml"))));
    s.converge(&[]);
    s.run(&["init", "--connection", "nothing", "--sandbox", "dev", "--org", ORG])
        .exit(1)
        .says("no base connection nothing")
        .end();
}

#[test]
fn from_tables_and_files() {
    let mut s = Sandbox::bare();
    let _server = platform(&mut s, TABLES, tables);
    s.set("ADOBE_CLIENT_ID", "c");
    insta::assert_snapshot!("init-which-table", s.run(&["init", "--connection", "c1"]));
    let table = ["--object", "shop.customers"];
    insta::assert_snapshot!("init-table", s.run(&[&["init", "--connection", "c1"], &table[..]].concat()));
    insta::assert_snapshot!("init-table-manifest", s.read("acme-mysql-customers.yaml"));
    s.run(&["validate", "acme-mysql-customers.yaml"]).success().end();
    insta::assert_snapshot!("init-source", s.run(&["init", "--source", "MySQL"]));
    insta::assert_snapshot!("init-source-manifest", s.read("mysql.yaml"));
    s.run(&["validate", "mysql.yaml"]).success().end();
    insta::assert_snapshot!("init-unknown-source", s.run(&["init", "--source", "mysq"]));

    let file = |line: &str| {
        if line.contains("objectType=root") {
            return json!([{ "type": "folder", "name": "acme", "path": "/acme" }]);
        }
        if line.contains("objectType=folder") {
            return json!([{ "type": "file", "name": "c.tsv", "path": "/acme/c.tsv" }]);
        }
        json!([{ "name": "Id", "type": "String" }, { "name": "Email", "type": "String" }])
    };
    let _server = platform(&mut s, FILES, file);
    // One folder with one file in it: there is nothing to choose.
    s.run(&["init", "--connection", "c1", "--pipeline", "files"]).success().end();
    insta::assert_snapshot!("init-file-manifest", s.read("files.yaml"));
    s.run(&["validate", "files.yaml"]).success().end();
}

#[test]
fn whatever_a_source_says_the_manifest_is_one() {
    let mut s = Sandbox::bare();
    let spec: &'static str = {
        let one = |text: &&str| {
            ((*text).to_owned(), json!({ "type": "string", "description": text, "default": text }))
        };
        let properties: Value = TEXTS.iter().map(one).collect::<serde_json::Map<_, _>>().into();
        let auth = json!({ "name": TEXTS[15], "spec": { "properties": properties, "required": TEXTS } });
        let source = json!({ "spec": { "properties": properties, "required": TEXTS } });
        let spec = json!({ "id": SPEC, "name": TEXTS.concat(), "authSpec": [auth], "sourceSpec": source });
        Box::leak(spec.to_string().into_boxed_str())
    };
    let fields = |_: &str| {
        let one = |text: &&str| ((*text).to_owned(), json!({ "type": text }));
        let mut properties: serde_json::Map<String, Value> = TEXTS.iter().map(one).collect();
        properties.insert("good".to_owned(), json!({ "type": "string" }));
        json!({ "schema": { "properties": properties }, "data": [{ "good": TEXTS }] })
    };
    let _server = platform(&mut s, spec, fields);
    s.set("ADOBE_CLIENT_ID", "c");
    // The one good field has a list in the sample.
    s.run(&["init", "--connection", "c1"]).exit(1).says("can be a field of a schema").end();
    s.run(&["init", "--source", "x", "--out", "-"]).exit(3).says("no source x").end();
    let good = move |line: &str| {
        let mut body = fields(line);
        body["data"] = Value::Null;
        body
    };
    let _server = platform(&mut s, spec, good);
    s.run(&["init", "--connection", "c1", "--out", "h.yaml"]).success().end();
    s.run(&["validate", "h.yaml"]).success().end();
    let text = s.read("h.yaml");
    assert!(!text.chars().any(|c| c != '\n' && c.is_control()), "{text:?}");
    s.run(&["init", "--source", SPEC, "--out", "i.yaml"]).success().end();
    s.run(&["validate", "i.yaml"]).success().end();
}

const SPEC: &str = "11111111-2222-4333-8444-555555555555";
