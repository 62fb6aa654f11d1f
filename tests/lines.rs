//! What is brought to the manifest's own lines: mistakes in the formats of CI systems, and (below) what a plan finds.

use serde_json::{Value, json};

use crate::support::{Planned, Sandbox, Text, pipeline};

/// A file with an error and a warning, one that is not there, one with a warning, and one without fault.
fn faulty() -> Sandbox {
    let s = Sandbox::bare();
    let twice = "email }\n    - { source: result.id, destination: _extconndev.id }\n";
    s.write(
        "a b%/bad.yaml",
        pipeline("one").edit("dataSetId", "datasetId").edit("email }\n", twice).as_str(),
    );
    s.write("empty.yaml", "apiVersion: flowform/v1\npipeline: two\n");
    s.write("good.yaml", pipeline("three").as_str());
    s
}

const FILES: [&str; 4] = ["a b%/bad.yaml", "nowhere.yaml", "empty.yaml", "good.yaml"];

#[test]
fn mistakes_in_the_formats_of_ci_systems() {
    let s = faulty();
    for format in ["junit", "github", "text"] {
        let arguments = [&["validate", "--format", format], &FILES[..]].concat();
        insta::assert_snapshot!(format!("lines-{format}"), s.run(&arguments).exit(4));
    }
}

/// Paths of `uri` members, wherever they are.
fn uris<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("uri").and_then(Value::as_str));
            members.values().for_each(|member| uris(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| uris(item, found)),
        _ => {}
    }
}

#[test]
fn sarif_has_what_code_scanning_asks_for() {
    let s = faulty();
    let arguments = [&["validate", "--format", "sarif"], &FILES[..]].concat();
    let log: Value = serde_json::from_str(&s.run(&arguments).exit(4).stdout).unwrap();
    assert_eq!((log["version"].as_str(), log["runs"].as_array().unwrap().len()), (Some("2.1.0"), 1));
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "flowform");
    assert_eq!(driver["version"], env!("CARGO_PKG_VERSION"));
    let results = run["results"].as_array().unwrap();
    let mut found = Vec::new();
    for result in results {
        let rule = result["ruleIndex"].as_u64().unwrap();
        let rule = &driver["rules"][usize::try_from(rule).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["shortDescription"]["text"].as_str().unwrap().ends_with('.'));
        let region = &result["locations"][0]["physicalLocation"]["region"];
        let number = |name: &str| region[name].as_u64().unwrap();
        assert!(number("startLine") >= 1 && number("startColumn") >= 1, "{result}");
        assert!((number("startLine"), number("startColumn")) <= (number("endLine"), number("endColumn")));
        found.push((
            result["level"].as_str().unwrap(),
            result["ruleId"].as_str().unwrap(),
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap(),
            number("startLine"),
        ));
    }
    let bad = "a%20b%25/bad.yaml";
    assert_eq!(
        found,
        [
            ("error", "unknown-key", bad, 21),
            ("warning", "duplicate-field", bad, 30),
            ("error", "unreadable", "nowhere.yaml", 1),
            ("warning", "empty-pipeline", "empty.yaml", 1),
        ]
    );
    let text = results[0]["message"]["text"].as_str().unwrap();
    assert!(text.contains("\nhelp: did you mean `dataSetId`?"), "{text}");
    let mut all = Vec::new();
    uris(run, &mut all);
    assert!(!all.is_empty() && all.iter().all(|uri| !uri.starts_with('/') && !uri.contains(' ')), "{all:?}");
}

#[test]
fn several_reports_come_of_one_run() {
    let s = faulty();
    let files = [
        "validate",
        "good.yaml",
        "--junit",
        "r.xml",
        "--sarif",
        "r.sarif",
        "--json",
        "r.json",
        "a b%/bad.yaml",
    ];
    let text = s.run(&files).exit(4);
    assert!(text.stderr.contains("error[unknown-key]"), "{text}");
    for (format, file) in [("junit", "r.xml"), ("sarif", "r.sarif"), ("json", "r.json")] {
        let alone = s.run(&["validate", "good.yaml", "a b%/bad.yaml", "--format", format]);
        assert_eq!(s.read(file), alone.stdout, "{format}");
    }
    // What is there is replaced; a valid manifest is a report too.
    s.run(&["validate", "good.yaml", "--junit", "r.xml"]).success().end();
    assert!(s.read("r.xml").contains("failures=\"0\""));
    for path in [".", "nowhere/r.xml"] {
        let said = s.run(&["validate", "good.yaml", "--format", "json", "--junit", path]).exit(1);
        said.shows(&format!("--junit cannot be written to {path}: ")).end();
    }
}

#[test]
fn a_file_whose_errors_are_not_listed_fails_all_the_same() {
    let s = Sandbox::bare();
    let many = (0..1200).fold(String::new(), |text, n| format!("{text}unknown{n}: 1\n"));
    s.write("a.yaml", &format!("apiVersion: flowform/v1\npipeline: a\n{many}"));
    s.write("b.yaml", "apiVersion: flowform/v1\npipeline: b\nunknown: 1\n");
    let ran = s.run(&["validate", "a.yaml", "b.yaml", "--format", "junit"]).exit(4);
    ran.shows("failures=\"2\"").shows("... and 200 more").shows("1 error, not listed here").end();
    let sarif = s.run(&["validate", "a.yaml", "b.yaml", "--format", "sarif"]).exit(4);
    sarif.shows("201 more are not listed.").end();
}

/// A manifest with comments and every way of writing, whose pipeline was applied.
fn commented() -> (Sandbox, Text) {
    let s = Sandbox::new();
    let manifest = pipeline("users")
        .edit("apiVersion", "# The users of Zendesk.\napiVersion")
        .edit("name: users base", "name: 'users base'   # as on the dashboard")
        .edit("description: what is read", "description: |\n    what\n    is read\n  # its parameters")
        .edit("name: users flow", "name: \"users ${env:WHICH:-flow}\"")
        .edit("interval: 15 }", "interval: 15 }   # often enough")
        .edit("- { source: result.id,", "# the key\n    - { source: result.id,");
    s.write("pipelines/m.yaml", manifest.as_str());
    s.run(&["apply", "pipelines", "--auto-approve"]).success().end();
    (s, manifest)
}

/// Gives somebody's mappings to the only mapping set.
fn put_mappings(s: &Sandbox, change: impl FnOnce(&mut Vec<Value>)) {
    let set = s.contents().one("mappingSets").clone();
    let mut body = set.body.clone();
    change(body["mappings"].as_array_mut().unwrap());
    s.somebody().send("PUT", &format!("/conversion/mappingSets/{}", set.id), &[], &body);
}

fn plan_of(s: &Sandbox) -> Planned {
    s.plan(&["pipelines"])
}

/// Applies a patch as a person does.
#[track_caller]
fn take(s: &Sandbox, patch: &str) {
    s.write("p.diff", patch);
    let git = std::process::Command::new("git").args(["apply", "p.diff"]).current_dir(s.path()).output();
    let git = git.unwrap();
    assert!(git.status.success(), "{}\n{patch}", String::from_utf8_lossy(&git.stderr));
}

#[test]
fn drift_goes_back_into_the_manifest() {
    let (s, manifest) = commented();
    let none = s.run(&["plan", "pipelines", "--suggest"]).success().says("nothing has drifted");
    assert_eq!(none.stdout, "");

    let contents = s.contents();
    let set = |path: &str, value: Value| json!({ "op": "add", "path": path, "value": value });
    let somebody = s.somebody();
    let operations = json!([set("/name", json!("it's theirs")), set("/description", json!("new: # text"))]);
    somebody.patch("connections", contents.one("connections"), &operations);
    let operations =
        json!([set("/description", json!("three\nlines\nof text\n")), set("/name", json!("true"))]);
    somebody.patch("sourceConnections", contents.one("sourceConnections"), &operations);
    let operations = json!([{ "op": "remove", "path": "/description", "value": "what is written" }]);
    somebody.patch("targetConnections", contents.one("targetConnections"), &operations);
    let flow = contents.one("flows");
    let operations = json!([set("/scheduleParams/interval", json!("45")), set("/name", json!("renamed"))]);
    somebody.patch("flows", flow, &operations);
    let flow = s.contents().one("flows").clone();
    let off = format!("/flowservice/flows/{}/action?op=disable", flow.id);
    somebody.send("POST", &off, &[("if-match", flow.etag())], &Value::Null);
    put_mappings(&s, |mappings| {
        mappings.retain(|mapping| mapping["destination"] != "_extconndev.id");
        mappings[0]["source"] = "lower(result.email)".into();
        mappings[0]["sourceType"] = "text/x.aep-xl".into();
        let phone = json!({ "sourceType": "text/x.schema-path", "source": "result.phone",
            "destination": "_extconndev.phone" });
        mappings.push(phone);
    });

    let suggested = s.run(&["plan", "pipelines", "--suggest"]);
    insta::assert_snapshot!("suggest", suggested);
    assert_eq!(s.read("pipelines/m.yaml"), manifest.as_str(), "a suggestion changed the manifest");
    take(&s, &suggested.stdout);
    let patched = s.read("pipelines/m.yaml");
    for comment in manifest.as_str().lines().filter_map(|line| line.split_once('#')).map(|(_, text)| text) {
        assert!(patched.contains(comment), "{comment:?} is gone:\n{patched}");
    }
    // All that is left is what is told from the environment.
    let planned = plan_of(&s);
    let caused = |cause: &str| {
        let changes = planned.operations().iter().flat_map(|o| o["changes"].as_array().unwrap());
        let of = changes.filter(|c| c["cause"] == cause).map(|c| c["path"].as_str().unwrap().to_owned());
        of.collect::<Vec<_>>()
    };
    assert_eq!(caused("platform"), ["/name"], "{patched}");
    assert_eq!(caused("both"), [""; 0]);
    assert_eq!(planned.drift(), ["users.dataflow /name"]);
    s.write("pipelines/m.yaml", Text::of(&patched).edit("users ${env:WHICH:-flow}", "renamed").as_str());
    s.run(&["apply", "pipelines", "--auto-approve"]).success().end();
    assert!(plan_of(&s).is_empty());
}

#[test]
fn what_is_gone_is_told_and_left_alone() {
    let (s, _) = commented();
    s.somebody().delete("flows", s.contents().one("flows"));
    let suggested = s.run(&["plan", "pipelines", "--suggest"]).success();
    assert_eq!(suggested.stdout, "");
    suggested
        .says("pipelines/m.yaml:35:1: users.dataflow: ")
        .says("remove the section if it shall stay gone")
        .end();
}

#[test]
fn a_suggestion_of_the_embedded_platform_with_its_own_calls() {
    let s = Sandbox::bare();
    s.manifest(&pipeline("users"));
    s.apply(&["--emulator"]).success().end();
    let path = format!("/data/foundation/flowservice/flows/{}", s.contents().one("flows").id);
    let operations = r#"[{ "op": "replace", "path": "/scheduleParams/interval", "value": 60 }]"#;
    s.run(&["emulator", "call", "PATCH", &path, operations]).success().end();
    let suggested = s.run(&["plan", "m.yaml", "--emulator", "--suggest"]).success();
    take(&s, &suggested.stdout);
    assert_eq!(s.read("m.yaml"), pipeline("users").edit("interval: 15", "interval: 60").as_str());
    assert!(s.plan(&["--emulator"]).is_empty());
}

/// A plan's annotations at the lines of the manifest.
fn annotated(s: &Sandbox) -> String {
    let planned = s.plan(&[]);
    let plan = flowform::plan::saved::decode(&planned.text).unwrap();
    let inputs = flowform::manifest::Inputs::new(&|_| None, []);
    let loaded = flowform::manifest::load(&[s.path().join("m.yaml")], &inputs).unwrap();
    let text = flowform::render::github::plan(&plan, &|address, pointer| {
        loaded.manifest.lines.place(address, pointer)
    });
    text.replace(s.path().to_str().unwrap(), "")
}

#[test]
fn a_plan_as_annotations() {
    let s = Sandbox::new();
    let manifest = pipeline("users");
    s.manifest(&manifest);
    s.converge(&[]);
    let contents = s.contents();
    s.somebody().describe("flows", contents.one("flows"), "100%\n::error::mine");
    s.manifest(
        &manifest
            .edit("interval: 15", "interval: 30")
            .edit("source: result.email", "source: result.mail")
            .edit("    - { source: result.id, destination: _extconndev.id }\n", "")
            .edit("params: {}", "params: { page: 2 }")
            .edit("https://acme.", "https://other."),
    );
    // Ids differ from run to run.
    let id = &contents.one("sourceConnections").id;
    insta::assert_snapshot!("annotations", annotated(&s).replace(id.as_str(), "ID"));
}
