//! Whole manifests: what loads, and for every mistake the page that a person reads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::diagnostic::Report;
use super::source::Source;
use super::{Inputs, Loaded, Problems, check, json_schema, load};
use crate::kind::{Address, Code, Finding, Kind, Severity, Turn, follow};

fn with_inputs<T>(run: impl FnOnce(&Inputs<'_>) -> T) -> T {
    let env = |name: &str| (name == "SET").then(|| "from-environment".to_owned());
    let vars = BTreeMap::from([("interval".to_owned(), "30".to_owned())]);
    run(&Inputs::new(&env, vars))
}

fn check_text(text: &str) -> Result<Loaded, Problems> {
    let sources = vec![Source::new(PathBuf::from("m.yaml"), text.to_owned())];
    with_inputs(|inputs| check(sources, Report::default(), inputs, false))
}

fn load_path(path: impl Into<PathBuf>) -> Result<Loaded, Problems> {
    load(&[path.into()], &Inputs::new(&|_| None, []))
}

fn problems(outcome: Result<Loaded, Problems>) -> Problems {
    outcome.map_or_else(|problems| problems, |loaded| loaded.warnings)
}

fn messages(outcome: Result<Loaded, Problems>) -> Vec<String> {
    problems(outcome).list.into_iter().map(|diagnostic| diagnostic.message).collect()
}

/// Sections with a header, unless the text says with a `!` that it has its own.
fn with_header(sections: &str) -> String {
    sections
        .strip_prefix('!')
        .map_or_else(|| format!("apiVersion: flowform/v1\npipeline: p\n{sections}"), str::to_owned)
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// Name, manifest and page of every mistake in the table.
fn mistakes() -> impl Iterator<Item = (&'static str, String, &'static str)> {
    include_str!("mistakes.txt").split("\n======== ").skip(1).map(|entry| {
        let (name, rest) = entry.split_once('\n').unwrap();
        let (sections, page) = rest.split_once("\n--------\n").unwrap();
        (name, with_header(&format!("{sections}\n")), page)
    })
}

#[test]
fn every_mistake_has_its_page() {
    for (name, text, page) in mistakes() {
        let found = problems(check_text(&text)).text(false, 120);
        assert!(found.trim_end() == page.trim_end(), "{name}:\n{found}");
    }
}

#[test]
fn no_secret_is_repeated_in_any_format() {
    for (name, text, _) in mistakes() {
        let problems = problems(check_text(&text));
        assert!(!problems.is_empty(), "{name} is no mistake");
        let text = [problems.text(true, 80), problems.text(false, 400)].concat();
        let sarif = problems.sarif(Path::new("/"), None).to_string();
        let others = [problems.json().to_string(), problems.github(), problems.junit(None), sarif];
        let others = [others.concat(), format!("{problems:?}")].concat();
        assert!(!text.contains("HUSH") && !others.contains("HUSH"), "{name}:\n{text}{others}");
    }
}

#[test]
fn the_examples_load() {
    let loaded = load_path(examples().join("zendesk.yaml")).unwrap();
    assert_eq!(loaded.warnings.list.len(), 1, "{}", loaded.warnings.text(false, 120));
    assert!(loaded.warnings.list[0].message.contains("different specs"));
    assert_eq!(loaded.manifest.sandbox.as_ref().map(|named| named.value.as_str()), Some("dev"));
    let kinds: Vec<Kind> = loaded.manifest.sections.iter().map(|s| s.address.kind).collect();
    // All but an identity, which the tutorial does not have.
    assert_eq!(kinds, Kind::ALL.into_iter().filter(|kind| *kind != Kind::Identity).collect::<Vec<_>>());

    let current = load_path(examples().join("zendesk-current.yaml")).unwrap();
    assert!(current.warnings.is_empty(), "{}", current.warnings.text(false, 120));
    let both = ["zendesk.yaml", "zendesk-current.yaml"].map(|name| examples().join(name));
    assert!(load(&both, &Inputs::new(&|_| None, [])).is_ok(), "both in one run");
}

/// The requests of the tutorial, as its text has them, save what the example's comments say.
#[test]
fn the_example_is_the_tutorial() {
    let manifest = load_path(examples().join("zendesk.yaml")).unwrap().manifest;
    let body = |kind: Kind| {
        &manifest.sections.iter().find(|s| s.address == Address::new("zendesk-users", kind)).unwrap().body
    };
    assert_eq!(
        body(Kind::BaseConnection),
        &json!({
            "name": "Zendesk base connection",
            "description": "Zendesk base connection to authenticate to Platform",
            "connectionSpec": { "id": "2526ee57-0af4-46ea-a477-720a53108145", "version": "1.0" },
            "auth": {
                "specName": "OAuth generic-rest-connector",
                "params": {
                    "host": "xxxxx.zendesk.com",
                    "accessToken": { "$secret": { "source": { "fromEnv": "ZENDESK_ACCESS_TOKEN" } } },
                },
            },
        })
    );
    assert_eq!(
        body(Kind::Source),
        &json!({
            "name": "Zendesk Source Connection",
            "description": "Zendesk Source Connection",
            "baseConnectionId": { "$id": "zendesk-users.baseConnection" },
            "connectionSpec": { "id": "6360f136-5980-4111-8bdf-15d29eab3b5a", "version": "1.0" },
            "data": { "format": "json" },
            "params": {},
        })
    );
    assert_eq!(
        body(Kind::Target),
        &json!({
            "name": "Zendesk Target Connection",
            "description": "Zendesk Target Connection",
            "connectionSpec": { "id": "c604ff05-7f1a-43c0-8e18-33bf874cb11c", "version": "1.0" },
            "data": { "format": "json" },
            "params": { "dataSetId": { "$id": "zendesk-users.dataset" } },
        })
    );
    let fields = body(Kind::Mapping)["fields"].as_object().unwrap();
    let names: Vec<&str> = fields.keys().map(|d| d.strip_prefix("_tenant.").unwrap()).collect();
    assert_eq!(
        names.join(" "),
        "id external_id role_type custom_role_id default_group_id phone shared_phone_number verified alias \
         last_login_at signature details notes active created_at email iana_time_zone organization_id locale \
         locale_id moderator name only_private_comments report_csv restricted_agent result_type role shared \
         shared_agent time_zone two_factor_auth_enabled suspended updated_at url"
    );
    for (destination, field) in fields {
        assert_eq!(field["source"], destination.replace("_tenant.", "results."));
    }
    assert_eq!(fields["_tenant.id"]["description"], "Zendesk");
    let flow = body(Kind::Dataflow);
    assert_eq!(flow["flowSpec"]["id"], "6499120c-0b15-42dc-936e-847ea3c24d72");
    assert_eq!(flow["scheduleParams"]["frequency"], "minute");
    assert_eq!(flow["scheduleParams"]["interval"], 15);
}

#[test]
fn sections_carry_protection_dependencies_and_positions() {
    let manifest = check_text(
        "apiVersion: flowform/v1\npipeline: a\nbaseConnection: { name: b, connectionSpec: { id: s } }\n\
         source: { protect: true, name: s }\n--- # next\n---\napiVersion: flowform/v1\npipeline: b\n\
         source: { name: t, baseConnection: a.baseConnection }\n",
    )
    .unwrap()
    .manifest;
    let seen: Vec<(String, bool, Vec<String>, usize)> = manifest
        .sections
        .iter()
        .map(|s| {
            let parents = s.depends_on.iter().map(Address::to_string).collect();
            (s.address.to_string(), s.protect, parents, s.position.line)
        })
        .collect();
    let parent = || vec!["a.baseConnection".to_owned()];
    assert_eq!(
        seen,
        [
            ("a.baseConnection".to_owned(), false, vec![], 3),
            ("a.source".to_owned(), true, parent(), 4),
            ("b.source".to_owned(), false, parent(), 9),
        ]
    );
    assert!(manifest.sections[1].body.get("protect").is_none());
}

/// The value that a kind gets for what stands in the manifest.
#[test]
fn values_are_read_by_their_shape() {
    let flow = |schedule: &str, rest: &str| {
        let text = format!(
            "sourceConnectionId: s, targetConnectionId: t, name: f, {rest} schedule: {{ {schedule} }}"
        );
        let text = with_header(&format!("dataflow: {{ {text} }}"));
        check_text(&text).unwrap_or_else(|p| panic!("{}", p.text(false, 200))).manifest.sections[0]
            .body
            .clone()
    };
    let interval = |text: &str| {
        flow(&format!("frequency: hour, interval: {text}"), "")["scheduleParams"]["interval"].clone()
    };
    assert_eq!(interval("15"), 15);
    assert_eq!(interval("0x10"), 16);
    assert_eq!(interval("\"${var:interval}\""), 30);
    assert_eq!(interval("\"${env:NO:-7}\""), 7);
    let start = |text: &str| {
        flow(&format!("frequency: once, startTime: {text}"), "")["scheduleParams"]["startTime"].clone()
    };
    assert_eq!(start("1893456000"), 1_893_456_000);
    assert_eq!(start("\"1893456000\""), 1_893_456_000);
    assert_eq!(start("2030-01-01T00:00:00Z"), 1_893_456_000);
    let version = |text: &str| {
        flow("frequency: once", &format!("flowSpec: {{ id: 12e4, version: {text} }},"))["flowSpec"].clone()
    };
    assert_eq!(version("1.0"), json!({ "id": "12e4", "version": "1.0" }));
    assert_eq!(version("\"1.10\"")["version"], "1.10");
    let options = flow(
        "frequency: once",
        "options: { a: [1, 1.5, no, ~, null, 'x', true], b: &b { c: \"1\" }, d: *b },",
    );
    assert_eq!(
        options["options"],
        json!({ "a": [1, 1.5, "no", null, null, "x", true], "b": { "c": "1" }, "d": { "c": "1" } })
    );
    let enabled = flow("frequency: once", "enabled: \"${env:NO:-false}\",");
    assert_eq!(enabled["enabled"], false);
}

#[test]
fn a_long_line_is_cut_and_keeps_its_column() {
    let long = format!(
        "target: {{ name: t, description: {}, dataSetId: \"a b\" }} #{}\n",
        "x".repeat(500_000),
        "y".repeat(500_000)
    );
    let problems = check_text(&with_header(&long)).unwrap_err();
    let text = problems.text(false, 100);
    assert!(text.len() < 1_000, "{} bytes", text.len());
    assert!(text.contains("m.yaml:3:500046\n"), "{text}");
    assert!(text.contains("dataSetId: \"a b\""), "{text}");
    assert!(problems.json().to_string().len() < 2_000);
    assert!(problems.github().len() < 1_000);
}

#[test]
fn a_hundred_are_shown_and_a_thousand_kept_and_the_rest_counted() {
    let keys: Vec<String> = (0..1250).map(|n| format!("  colour{n}: x\n")).collect();
    let keys = keys.concat();
    let text = with_header(&format!(
        "mapping:\n  name: m\n  schema: {{ id: urn:x }}\n  fields: [{{ source: a, destination: b }}]\n{keys}"
    ));
    let problems = check_text(&text).unwrap_err();
    assert_eq!((problems.list.len(), problems.errors, problems.omitted()), (1000, 1250, 250));
    assert!(problems.text(false, 100).ends_with("... and 1150 more\n\n"));
    assert!(problems.github().contains("... and 250 more"));
    assert_eq!(problems.json()["omittedCount"], 250);
}

#[test]
fn json_names_every_place() {
    let text = with_header("target: { name: t, dataSetId: \"a b\" }\n");
    assert_eq!(
        check_text(&text).unwrap_err().json(),
        json!({
            "formatVersion": 1,
            "valid": false,
            "errorCount": 1,
            "warningCount": 0,
            "omittedCount": 0,
            "diagnostics": [{
                "severity": "error",
                "code": "invalid-value",
                "message": "`a b` is not an id",
                "hint": "an id has letters, digits, `-` and `_`, and at most 128 of them",
                "file": "m.yaml",
                "line": 3,
                "column": 31,
                "endLine": 3,
                "endColumn": 36,
                "snippet": "target: { name: t, dataSetId: \"a b\" }",
                "related": [],
            }],
        })
    );
    assert_eq!(Problems::default().json()["valid"], true);
}

#[test]
fn github_commands_are_escaped() {
    let text = with_header("target: { name: t, dataSetId: \"50%\" }\n");
    let sources = vec![Source::new(PathBuf::from("a,b:c%.yaml"), text)];
    let problems = with_inputs(|inputs| check(sources, Report::default(), inputs, false)).unwrap_err();
    assert_eq!(
        problems.github(),
        "::error file=a%2Cb%3Ac%25.yaml,line=3,col=31,endLine=3,endColumn=36,title=flowform \
         invalid-value::`50%25` is not an id%0Ahelp: an id has letters, digits, `-` and `_`, and at most 128 of them\n"
    );
}

#[test]
fn github_gets_errors_first() {
    let text = with_header(
        "baseConnection: { name: b, connectionSpec: { id: s } }\nsource: { name: s, connectionSpec: { id: t } }\n\
         target: {}\n",
    );
    let problems = check_text(&text).unwrap_err();
    assert_eq!(problems.list[0].severity, Severity::Warning);
    assert!(problems.github().starts_with("::error "));
}

#[test]
fn nesting_is_limited() {
    for levels in [65, 100, 100_000] {
        for text in ["[".repeat(levels), "{a: ".repeat(levels), "- ".repeat(levels), {
            let mut text = String::new();
            for level in 0..levels.min(300) {
                text.push_str(&" ".repeat(level));
                text.push_str("a:\n");
            }
            text
        }] {
            assert_eq!(messages(check_text(&text)), ["more than 64 levels of nesting"], "{levels}");
        }
    }
    let deep = |levels| {
        format!(
            "source: {{ name: s, baseConnectionId: b, connectionSpec: {{ id: c }}, params: {} }}",
            "[".repeat(levels) + &"]".repeat(levels)
        )
    };
    assert!(check_text(&with_header(&deep(62))).is_ok());
}

#[test]
fn aliases_that_expand_to_too_much_are_refused() {
    let mut text = with_header(
        "source:\n  name: s\n  baseConnectionId: b\n  connectionSpec: { id: c }\n  params:\n    a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n",
    );
    for level in 1..20 {
        let alias = vec![format!("*a{}", level - 1); 10].join(", ");
        text = format!("{text}    a{level}: &a{level} [{alias}]\n");
    }
    assert_eq!(messages(check_text(&text)), ["the aliases of this file expand to more than 16 MB"]);
    let deep =
        format!("a: &a {}{}\nb: {}*a{}\n", "[".repeat(40), "]".repeat(40), "[".repeat(40), "]".repeat(40));
    assert_eq!(messages(check_text(&deep)), ["more than 64 levels of nesting"]);
}

#[test]
fn documents_behind_a_broken_one_are_checked() {
    let text =
        with_header("target: [\n---\napiVersion: flowform/v1\npipeline: q\ntarget: { dataSetId: d }\n");
    assert_eq!(
        messages(check_text(&text)),
        ["this is not YAML: unclosed bracket '['", "the key `name` is missing"]
    );
}

#[test]
fn line_breaks_and_marks_of_other_systems() {
    let text =
        "\u{feff}apiVersion: flowform/v1\r\npipeline: p\r\ntarget: { name: t, dataSetId: \"a b\" }\r\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.yaml");
    fs::write(&path, text).unwrap();
    let problems = load_path(&path).unwrap_err();
    let place = problems.list[0].place.as_ref().unwrap();
    assert_eq!((place.position.line, place.position.column), (3, 31));
    assert!(!place.snippet.as_ref().unwrap().text.contains('\r'));
}

#[test]
fn folders_are_read_in_order_and_files_once() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, pipeline: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = format!(
            "apiVersion: flowform/v1\npipeline: {pipeline}\ntarget: {{ name: {pipeline}, dataSetId: d }}\n"
        );
        fs::write(path, text).unwrap();
    };
    write("b.yaml", "b");
    write("a/z.yml", "az");
    write("a/y.yaml", "ay");
    write(".hidden/x.yaml", "hidden");
    write(".hidden.yaml", "hidden");
    write("c.json", "json");
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop")).unwrap();
    let paths = [folder.path().to_owned(), folder.path().join("b.yaml"), folder.path().to_owned()];
    let manifest = load(&paths, &Inputs::new(&|_| None, [])).unwrap().manifest;
    let pipelines: Vec<&str> = manifest.sections.iter().map(|s| s.address.pipeline.as_str()).collect();
    assert_eq!(pipelines, ["ay", "az", "b"]);
    assert_eq!(manifest.sections[0].position.file, folder.path().join("a/y.yaml"));
}

#[test]
fn files_that_cannot_be_read_are_reported_with_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), b"a: \xff\n").unwrap();
    fs::write(folder.path().join("b.yaml"), b"").unwrap();
    fs::write(folder.path().join("c.yaml"), b"\xff\xfea\0").unwrap();
    fs::write(folder.path().join("d.yaml"), vec![b' '; 10 * 1024 * 1024 + 1]).unwrap();
    let problems = load_path(folder.path()).unwrap_err();
    let seen: Vec<(&str, usize)> = problems
        .list
        .iter()
        .map(|d| (d.message.as_str(), d.place.as_ref().unwrap().position.column))
        .collect();
    assert_eq!(
        seen,
        [
            ("the file is not UTF-8", 4),
            ("the file holds no document", 1),
            ("the file is not UTF-8", 1),
            ("the file is larger than 10 MB", 1),
        ]
    );
    let empty = tempfile::tempdir().unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(empty.path(), empty.path().join("loop")).unwrap();
    assert_eq!(messages(load_path(empty.path())), ["there is no *.yaml or *.yml file in this folder"]);
    assert!(messages(load_path("no/such.yaml"))[0].starts_with("the file cannot be read: "));
    assert_eq!(messages(load(&[], &Inputs::new(&|_| None, []))), ["no manifest is named"]);
}

#[test]
fn the_committed_schema_is_the_one_made() {
    let made = format!("{:#}\n", json_schema());
    let committed = fs::read_to_string(examples().join("flowform.schema.json")).unwrap();
    assert!(made == committed, "replace examples/flowform.schema.json by:\n{made}");
}

/// Every key of the grammar is in the schema, with its description, and nothing else is allowed.
#[test]
fn the_schema_covers_the_grammar() {
    let schema = json_schema();
    for kind in Kind::sections() {
        let section = &schema["properties"][kind.section()];
        assert_eq!(section["additionalProperties"], false);
        for key in kind.spec().grammar() {
            assert_eq!(section["properties"][key.name]["description"], key.doc);
            let required = section["required"].as_array().unwrap();
            assert_eq!(required.contains(&Value::from(key.name)), key.required, "{}", key.name);
        }
    }
}

#[test]
fn a_long_line_that_is_not_yaml_is_answered_at_once() {
    for text in ["a: ".repeat(200_000), "{a: [".repeat(100_000), format!("{{ {} ]", "a: b, ".repeat(20_000))]
    {
        let text = problems(check_text(&text)).text(false, 80);
        assert!(text.len() < 60_000, "{text}");
    }
}

/// Lines of which random documents are made.
const LINES: &[&str] = &[
    "apiVersion: flowform/v1",
    "pipeline: p",
    "pipeline: q",
    "---",
    "...",
    "source:",
    "  name: s",
    "  name: ${env:SET}",
    "baseConnection: &b",
    "  auth: { specName: o, params: { accessToken: x, ä: [ } }",
    "  <<: *b",
    "dataflow: {",
    "}",
    "\t- x",
    "  schedule: { frequency: minute, interval: 5 }",
    "mapping: { fields: [",
    "{ source: a, destination: b },",
    "] }",
    "? [a]",
    "  description: |",
    "    日本 text",
    "  - !!binary x",
    "%YAML 1.2",
    "'",
    "\"",
    "target: *b",
    "  ${: x",
    "  name: '${var:x:-é}'",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "\\PC*|[\\x00-\\x7f]*|[\\[\\]{}:,\"'&*!|>%@\\n -]*") {
        let problems = problems(check_text(&text));
        problems.text(false, 80);
        problems.github();
        problems.json();
    }

    #[test]
    fn any_lines_are_answered(lines in prop::collection::vec(prop::sample::select(LINES), 0..30)) {
        let problems = problems(check_text(&lines.join("\n")));
        problems.text(true, 40);
        problems.github();
        problems.json();
    }
}

/// Whatever one slip of the finger makes of a manifest, its secrets are not in what is printed about it.
#[test]
fn a_damaged_manifest_repeats_no_secret() {
    const PARAMS: &str = "baseConnection:\n  name: b\n  connectionSpec: { id: s }\n  auth:\n    specName: o\n    params:\n      \
         accessToken: HUSH\n      privateKey: |\n        HUSH HUSH\n        HUSH\n      \
         token: { fromCommand: [a, HUSH] }\n      password: \"HUSH \\\"x\"\n";
    for at in 0..PARAMS.len() {
        for with in ["", ":", ": ", "\"", "[", "}", "\n", "\t", "#", "&", "!", "$"] {
            let mut text = with_header(PARAMS);
            let start = text.len() - PARAMS.len() + at;
            let end = if with.is_empty() { start + 1 } else { start };
            text.replace_range(start..end, with);
            let page = problems(check_text(&text)).text(false, 200);
            assert!(!page.contains("HUSH"), "{text}\n{page}");
        }
    }
}

/// Every key that a section can have, once.
const EVERYTHING: &str = r#"apiVersion: flowform/v1
pipeline: all
baseConnection:
  name: base
  description: |
    of several
    lines
  connectionSpec: { id: base-spec, version: "1.1" }
  auth:
    specName: OAuth
    params: { "a/b~c": plain, port: 8080, accessToken: { fromEnv: TOKEN } }
source:
  name: source
  description: what
  baseConnectionId: base-id
  connectionSpec: { id: source-spec }
  data: { format: delimited, properties: { columnDelimiter: ";" } }
  params: { page: { size: 100 }, list: [a, b] }
target:
  name: target
  description: where
  dataSetId: set
  connectionSpec: { id: c604ff05-7f1a-43c0-8e18-33bf874cb11c, version: "1.0" }
  data: { format: parquet_xdm, schema: { id: "https://ns.adobe.com/s", version: v1 } }
mapping:
  name: mapping
  schema: { id: "https://ns.adobe.com/s", version: 2 }
  fields:
    - { source: a, destination: _t.a/b, sourceType: EXPRESSION, name: n, description: d, identity: true }
    - source: b
      destination: _t.b
      identity: true
      primaryIdentity: true
      identityGroup: g
      namespaceCode: c
dataflow:
  name: flow
  description: from there to here
  flowSpec: { id: flow-spec, version: "2.0" }
  sourceConnectionId: source-id
  targetConnectionId: target-id
  mappingId: mapping-id
  mappingVersion: 3
  transformations:
    - { name: Copy, params: { deltaColumn: t } }
    - name: Bare
  schedule: { frequency: hour, interval: 2, startTime: 2099-01-01T00:00:00Z, backfill: true }
  options: { errorDiagnosticsEnabled: true, deep: { er: 1 } }
  enabled: false
"#;

/// A body's fields, as a plan names them.
fn fields_of(value: &Value, pointer: &str, fields: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(members) if crate::kind::leaf(value).is_none() => {
            for (name, member) in members {
                fields_of(member, &format!("{pointer}/{}", crate::kind::escape_pointer(name)), fields);
            }
        }
        value => fields.push((pointer.to_owned(), value.clone())),
    }
}

/// The addresses of a value and of everything in it, with the names that lead there.
fn values_in<'v>(value: &'v Value, path: &str, values: &mut Vec<(*const Value, String, &'v Value)>) {
    values.push((std::ptr::from_ref(value), path.to_owned(), value));
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(k, v)| values_in(v, &format!("{path}.{k}"), values));
        }
        Value::Array(items) => items.iter().for_each(|v| values_in(v, path, values)),
        _ => {}
    }
}

/// Keys that no field of a body comes from: they tell the items of lists apart.
const NO_FIELDS: [&str; 2] = [".fields.destination", ".transformations.name"];

/// The field that no key says: the order of a list is the list itself.
const NO_KEY: &str = "/transformationOrder";

#[test]
fn every_field_of_a_body_finds_its_key_and_every_key_its_field() {
    let read = |name: &str| fs::read_to_string(examples().join(name)).unwrap();
    for text in [EVERYTHING.to_owned(), read("zendesk.yaml"), read("zendesk-current.yaml")] {
        let manifest = check_text(&text).unwrap_or_else(|p| panic!("{}", p.text(false, 120))).manifest;
        let document: Value = serde_yaml::from_str(&text).unwrap();
        // One section makes a schema and its parts, each of some of its keys.
        let whole = |kind: Kind| kind != Kind::Schema && kind.spec().part_of().is_none();
        for section in manifest.sections.iter().filter(|s| whole(s.address.kind)) {
            let address = &section.address;
            let written = &document[address.kind.section()];
            let (mut fields, mut reached) = (Vec::new(), Vec::new());
            fields_of(&section.body, "", &mut fields);
            fields.retain(|(pointer, _)| pointer != NO_KEY);
            for (pointer, value) in &fields {
                let routes = address.kind.spec().written(pointer);
                assert!(!routes.is_empty(), "{address}{pointer} comes from nowhere");
                let Some(found) = routes.iter().find_map(|route| follow(route, written)) else { continue };
                values_in(found, "", &mut reached);
                // What is told apart by more than its text is told apart enough.
                let plain = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
                let is_same = match value {
                    Value::Array(ids) if found.is_string() => plain(&ids[0]) == plain(found),
                    Value::Object(_) => found.is_object(),
                    _ if plain(found).contains("${") || pointer.ends_with("/startTime") => true,
                    _ if pointer == "/schema/version" => plain(found).starts_with(&plain(value)),
                    _ if found.is_object() => *value == json!(true),
                    _ => plain(value) == plain(found),
                };
                assert!(is_same, "{address}{pointer} is {value}, and its key has {found}");
                // The line of the key, or of its value, is where the lookup points.
                let place = manifest.lines.place(address, Some(pointer)).unwrap();
                let line = text.lines().nth(place.position.line - 1).unwrap();
                let key = routes[0].iter().rev().find_map(|turn| match turn {
                    Turn::Key(name) => Some(name.as_str()),
                    Turn::Item { .. } | Turn::Text(_) => None,
                });
                let is_there =
                    line.contains(key.unwrap()) || found.as_str().is_some_and(|f| f.contains(line.trim()));
                assert!(is_there || found.is_object(), "{address}{pointer}: {line}");
            }
            let mut all = Vec::new();
            values_in(written, "", &mut all);
            for (at, path, value) in all {
                if value.is_object() || value.is_array() || NO_FIELDS.contains(&path.as_str()) {
                    continue;
                }
                assert!(
                    reached.iter().any(|(other, ..)| *other == at),
                    "no field comes from {address}{path}"
                );
            }
        }
    }
}

#[test]
fn a_field_that_is_not_written_is_at_what_is_nearest() {
    let manifest = check_text(EVERYTHING).unwrap().manifest;
    let line = |kind: Kind, pointer: Option<&str>| {
        let place = manifest.lines.place(&Address::new("all", kind), pointer).unwrap();
        (place.position.line, place.position.column)
    };
    assert_eq!(line(Kind::Mapping, None), (25, 1));
    assert_eq!(line(Kind::Mapping, Some("/fields/_t.b/source")), (30, 15));
    assert_eq!(line(Kind::Mapping, Some("/fields/_t.b/name")), (30, 7));
    assert_eq!(line(Kind::Mapping, Some("/fields/_t.c/source")), (28, 3));
    assert_eq!(line(Kind::Mapping, Some("/nothing")), (25, 1));
    assert_eq!(line(Kind::Dataflow, Some("/scheduleParams/interval")), (47, 42));
    assert!(manifest.lines.place(&Address::new("other", Kind::Mapping), None).is_none());
}

#[test]
fn what_turns_out_to_be_secret_is_not_shown() {
    let text = "apiVersion: flowform/v1\npipeline: p\nplatform: { org: o@AdobeOrg, sandbox: dev }\nsource:\n  name: s\n  \
                baseConnectionId: b\n  connectionSpec: { id: c }\n  params: { page: 7, pin: 48392 }\n";
    let loaded = check_text(text).unwrap();
    let address = Address::new("p", Kind::Source);
    let finding = |code, pointer: &str| (address.clone(), Finding::error(code, pointer, "no"));
    let shown = |findings: Vec<(Address, Finding)>| loaded.manifest.lines.problems(findings).text(false, 120);
    assert!(shown(vec![finding(Code::InvalidValue, "/params/page")]).contains("48392"));
    // Also where another mistake is on the same line.
    let both =
        vec![finding(Code::SecretInManifest, "/params/pin"), finding(Code::InvalidValue, "/params/page")];
    let both = shown(both);
    assert!(both.contains("m.yaml:8:") && !both.contains("48392"), "{both}");
}
