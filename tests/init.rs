//! A manifest to begin with is one that works: it is checked, planned, applied and then as the platform has it, whatever the
//! source says; it is the same each time, and it is written over nothing.

use serde_json::{Value, json};

use crate::explore::{FILES, FLOW_SPEC, TABLES, platform, tables};
use crate::support::hostile::{Server, http};
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
    // Records have neither tables nor files.
    for command in [&["init", "--out", "m3.yaml"][..], &["explore"]] {
        let arguments = [command, &["--connection", &id, "--object", "users"], &place[..]].concat();
        s.run(&arguments).exit(3).says("--object names a table or a file").end();
    }
    assert!(!s.path().join("m3.yaml").exists());
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

/// Has a platform answer each request by its first line.
fn answer(server: &Server, by: impl Fn(&str) -> (&'static str, Value) + Send + Sync + 'static) {
    server.answer_by(move |head, to| {
        let (status, body) = by(head.lines().next().unwrap());
        let _ = to.write_all(&http(status, "", body.to_string().as_bytes()));
    });
}

#[test]
fn folders_that_never_end_are_left() {
    let mut s = Sandbox::bare();
    s.set("ADOBE_CLIENT_ID", "c");
    let folder = |path: String| json!([{ "type": "folder", "name": "f", "path": path }]);
    let circle = move |line: &str| folder(if line.contains("object=%2Fx ") { "/y" } else { "/x" }.to_owned());
    let server = platform(&mut s, FILES, circle);
    s.run(&["init", "--connection", "c1", "--out", "-"]).exit(1).says("/x leads back to itself").end();
    let explored = |server: &Server| server.seen().iter().filter(|line| line.contains("/explore?")).count();
    assert_eq!(explored(&server), 3);
    let deeper = move |line: &str| {
        let object = line.split("object=").nth(1).and_then(|rest| rest.split([' ', '&']).next());
        folder(format!("{}/d", object.unwrap_or_default().replace("%2F", "/")))
    };
    let server = platform(&mut s, FILES, deeper);
    s.run(&["init", "--connection", "c1", "--out", "-"]).exit(1).says("there is still no file").end();
    assert_eq!(explored(&server), 20);
}

#[test]
fn flags_that_mean_nothing_are_refused() {
    let mut s = Sandbox::bare();
    for source in [&[][..], &["--source", "zendesk"]] {
        let init = [&["init", "--out", "-"], source].concat();
        s.run(&[&init[..], &["--object", "shop.orders"]].concat()).exit(3).says("--connection ID").end();
        s.run(&[&init[..], &["--file-type", "json"]].concat()).exit(3).says("leads to no files").end();
    }
    s.set("ADOBE_CLIENT_ID", "c");
    let _server = platform(&mut s, FILES, |_| json!([]));
    let init = ["init", "--source", "amazon-s3", "--out", "-", "--file-type", "parquet"];
    s.run(&init).success().shows("data: { format: parquet }").end();
    let packed = [&init[..5], &["--object", "/a/b.csv.gz"]].concat();
    s.run(&packed).success().shows("compressionType: gzip").end();
    let _server = platform(&mut s, TABLES, tables);
    for from in [["--source", "mysql"], ["--connection", "c1"]] {
        let init = [&["init", "--file-type", "json", "--object", "shop.orders"], &from[..]].concat();
        s.run(&init).exit(3).says("leads to no files").end();
    }
    // Where the spec is not to be seen, it is the flag that tells of files.
    let server = platform(&mut s, FILES, |_| json!([]));
    answer(&server, |line| {
        if line.contains("/connectionSpecs/") {
            return ("403 Forbidden", json!({}));
        }
        let connection = json!({ "id": "c1", "etag": "\"e\"", "connectionSpec": { "id": SPEC } });
        ("200 OK", if line.contains("/explore?") { json!([]) } else { json!({ "items": [connection] }) })
    });
    s.run(&["explore", "--connection", "c1", "--object", "/a", "--file-type", "json"]).success().end();
    assert!(server.seen().iter().any(|line| line.contains("objectType=file&object=%2Fa&fileType=json")));
}

#[test]
fn a_source_that_is_not_there_and_one_that_is_not_shown_are_two_things() {
    let mut s = Sandbox::bare();
    s.set("ADOBE_CLIENT_ID", "c");
    let server = platform(&mut s, TABLES, tables);
    answer(&server, |_| ("200 OK", json!({ "items": [] })));
    for source in [SPEC, "mysql"] {
        s.run(&["init", "--source", source, "--out", "-"]).exit(3).says("has no source").end();
    }
    answer(&server, |_| ("403 Forbidden", json!({ "type": "x/FLOW-2121-403", "detail": "Denied." })));
    for source in [SPEC, "mysql"] {
        let ran = s.run(&["init", "--source", source, "--out", "-"]);
        ran.exit(5).says("cannot be looked up").says("Denied.").end();
    }
}

#[test]
fn specs_are_looked_for_on_every_page() {
    let mut s = Sandbox::bare();
    s.set("ADOBE_CLIENT_ID", "c");
    let server = platform(&mut s, TABLES, tables);
    let late = || {
        let properties = json!({ "tableName": {}, "pin": { "type": "string", "format": "password" } });
        json!({ "id": SPEC, "name": "late", "version": "2.0",
            "sourceSpec": { "spec": { "properties": properties, "required": ["tableName", "pin"] } } })
    };
    let flow =
        json!({ "id": FLOW_SPEC, "name": "LateFlow", "version": "1.1", "sourceConnectionSpecIds": [SPEC] });
    answer(&server, move |line| {
        let list = |last: Value| {
            if line.contains("continuationToken=two") {
                return json!({ "items": [last] });
            }
            let next = json!({ "next": { "href": "/x?continuationToken=two" } });
            json!({ "items": [{ "id": "other", "name": "early" }], "_links": next })
        };
        let body = if line.contains("/explore?") {
            tables(line)
        } else if line.contains("/connections/c1") {
            json!({ "items": [{ "id": "c1", "etag": "\"e\"", "name": "n",
                "connectionSpec": { "id": SPEC, "version": "1.2" } }] })
        } else if line.contains("property=") {
            json!({ "items": [] })
        } else if line.contains("/flowSpecs?") {
            list(flow.clone())
        } else if line.contains("/connectionSpecs?") {
            list(late())
        } else {
            json!({ "items": [late()] })
        };
        ("200 OK", body)
    });
    s.run(&["init", "--source", "Late", "--out", "late.yaml"]).success().end();
    let text = s.read("late.yaml");
    for line in [
        format!("  connectionSpec: {{ id: {SPEC}, version: \"2.0\" }}    # late\n"),
        format!("  flowSpec: {{ id: {FLOW_SPEC}, version: \"1.1\" }}    # LateFlow\n"),
    ] {
        assert!(text.contains(&line), "{line} is not in:\n{text}");
    }
    // A secret by the spec's word is resolved.
    assert!(text.contains("    pin: { fromEnv: LATE_PIN }\n"), "{text}");
    // What the base connection names stands before what the spec says.
    let connection = ["init", "--connection", "c1", "--object", "shop.customers", "--out", "-"];
    s.run(&connection).success().shows("version: \"1.2\" } # late").end();
    // Pages that go round in a circle end.
    answer(&server, |_| {
        let next = json!({ "next": { "href": "/x?continuationToken=two" } });
        ("200 OK", json!({ "items": [], "_links": next }))
    });
    s.run(&["init", "--source", "Late", "--out", "-"]).exit(1).says("round in a circle").end();
}

const SPEC: &str = "11111111-2222-4333-8444-555555555555";
