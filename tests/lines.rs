//! What is brought to the manifest's own lines: mistakes in the formats of CI systems, and (below) what a plan finds.

use serde_json::Value;

use crate::support::{Sandbox, pipeline};

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
        said.shows("\"valid\": true").says(&format!("the report cannot be written to {path}: ")).end();
    }
}

#[test]
fn a_file_whose_errors_are_not_listed_fails_all_the_same() {
    let s = Sandbox::bare();
    let many = (0..200).fold(String::new(), |text, n| format!("{text}unknown{n}: 1\n"));
    s.write("a.yaml", &format!("apiVersion: flowform/v1\npipeline: a\n{many}"));
    s.write("b.yaml", "apiVersion: flowform/v1\npipeline: b\nunknown: 1\n");
    let ran = s.run(&["validate", "a.yaml", "b.yaml", "--format", "junit"]).exit(4);
    ran.shows("failures=\"2\"").shows("... and 100 more").shows("1 error, not listed here").end();
    let sarif = s.run(&["validate", "a.yaml", "b.yaml", "--format", "sarif"]).exit(4);
    sarif.shows("101 more are not listed.").end();
}
