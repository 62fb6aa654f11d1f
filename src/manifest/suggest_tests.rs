//! Texts before and after a suggestion: what changes, and that nothing else does.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::kind::Kind;

const TEXT: &str = r#"# before all
apiVersion: flowform/v1
pipeline: p            # the name
baseConnection:
  name: &shared Base
  connectionSpec: { id: spec, version: "1.0" }
  auth:
    specName: OAuth
    params:
      host: "${env:HOST:-acme}"   # from outside
      port: 8080
      user: 'it''s'
      quoted: "a \"b\""
      accessToken: { fromEnv: TOKEN }
source:
  # what is read
  name: Source           # its name
  description: |
    several lines
    of text

  data: { format: json }
  params:
    # a comment of its own
    page: { size: 100, kind: cursor }
    path: tickets
    list:
      - a   # first
      - b
target:
  name: *shared
  description: >-   # folded
    one long
    line
  dataSetId: d
mapping:
  schema: { id: https://ns.adobe.com/s, version: "1.0" }
  fields:
    - { source: a, destination: _t.a }   # the first

    # about the second
    - {source: b, destination: _t.b, name: b}
    - source: c   # where from
      destination: _t.c
      description: of c

# the flow
dataflow:
  name: Flow
  schedule:
    frequency: hour
    interval: 15     # often
    startTime: 2099-01-01T00:00:00Z
"#;

fn wish(kind: Kind, pointer: &str, value: Value) -> Wish {
    let value = Some(value).filter(|value| !value.is_null());
    Wish { address: Address::new("p", kind), pointer: pointer.to_owned(), value }
}

/// Numbers and booleans are the same as their texts, as to the platform.
fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(Some(a), Some(b)))
        }
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            a.len() == b.len() && a.iter().all(|(key, a)| same(Some(a), b.get(key)))
        }
        (Some(a), Some(b)) => {
            let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            text(a) == text(b)
        }
        (a, b) => a == b,
    }
}

fn load(text: &str) -> Manifest {
    let sources = vec![Source::new(PathBuf::from("m.yaml"), text.to_owned())];
    let loaded = check(sources, Report::default(), &inputs(), false);
    loaded.unwrap_or_else(|problems| panic!("{}", problems.text(false, 120))).manifest
}

fn inputs() -> Inputs<'static> {
    Inputs::new(&|_| None, [])
}

/// The text with the wishes, and why some are not in it.
fn suggested(text: &str, wishes: &[Wish]) -> (String, Vec<String>) {
    let manifest = load(text);
    let maker = Maker { manifest: &manifest, inputs: &inputs(), same: &same };
    let mut left = Vec::new();
    let texts = maker.make(&grouped(&manifest, wishes), &mut left);
    (texts[0].clone(), left.into_iter().map(|left| left.why).collect())
}

/// Lines that are gone and that are new, as `-` and `+`.
fn changed(text: &str, wishes: &[Wish]) -> Vec<String> {
    let (edited, left) = suggested(text, wishes);
    assert_eq!(left, [""; 0], "{wishes:?}");
    let diff = TextDiff::from_lines(text, edited.as_str());
    let lines = diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal);
    lines.map(|change| format!("{}{}", change.tag(), change.value().trim_end_matches('\n'))).collect()
}

#[test]
fn each_sort_of_change() {
    use Kind::{BaseConnection, Dataflow, Mapping, Source, Target};
    let cases: Vec<(Kind, &str, Value, &[&str])> = vec![
        // Single values, in their way of writing.
        (
            Source,
            "/name",
            json!("Other"),
            &["-  name: Source           # its name", "+  name: Other           # its name"],
        ),
        (
            Source,
            "/name",
            json!("a: b # c"),
            &["-  name: Source           # its name", "+  name: \"a: b # c\"           # its name"],
        ),
        (
            Source,
            "/name",
            json!("true"),
            &["-  name: Source           # its name", "+  name: \"true\"           # its name"],
        ),
        (
            Source,
            "/name",
            json!("a ${env:X} b"),
            &["-  name: Source           # its name", "+  name: a $${env:X} b           # its name"],
        ),
        (
            BaseConnection,
            "/auth/params/user",
            json!("that's"),
            &["-      user: 'it''s'", "+      user: 'that''s'"],
        ),
        (
            BaseConnection,
            "/auth/params/quoted",
            json!("\"\\\n"),
            &["-      quoted: \"a \\\"b\\\"\"", "+      quoted: \"\\\"\\\\\\n\""],
        ),
        (BaseConnection, "/auth/params/port", json!("9090"), &["-      port: 8080", "+      port: 9090"]),
        (BaseConnection, "/auth/params/port", json!("none"), &["-      port: 8080", "+      port: none"]),
        (
            BaseConnection,
            "/connectionSpec/version",
            json!("2.0"),
            &[
                "-  connectionSpec: { id: spec, version: \"1.0\" }",
                "+  connectionSpec: { id: spec, version: \"2.0\" }",
            ],
        ),
        (
            Dataflow,
            "/scheduleParams/interval",
            json!(30),
            &["-    interval: 15     # often", "+    interval: 30     # often"],
        ),
        (
            Dataflow,
            "/scheduleParams/startTime",
            json!(4_102_444_800_i64),
            &["-    startTime: 2099-01-01T00:00:00Z", "+    startTime: 2100-01-01T00:00:00Z"],
        ),
        (
            Mapping,
            "/schema/version",
            json!(2),
            &[
                "-  schema: { id: https://ns.adobe.com/s, version: \"1.0\" }",
                "+  schema: { id: https://ns.adobe.com/s, version: \"2\" }",
            ],
        ),
        // Lines of text.
        (
            Source,
            "/description",
            json!("other\nlines\n\n  in\n"),
            &["-    several lines", "-    of text", "+    other", "+    lines", "+", "+      in"],
        ),
        (
            Source,
            "/description",
            json!("one"),
            &["-  description: |", "-    several lines", "-    of text", "+  description: |-", "+    one"],
        ),
        (Target, "/description", json!("short"), &["-    one long", "-    line", "+    short"]),
        (
            Target,
            "/description",
            json!("two\nlines"),
            &[
                "-  description: >-   # folded",
                "-    one long",
                "-    line",
                "+  description: |-   # folded",
                "+    two",
                "+    lines",
            ],
        ),
        // New keys, and keys that go.
        (Dataflow, "/enabled", json!(false), &["+  enabled: false"]),
        (Dataflow, "/description", json!("- new"), &["+  description: \"- new\""]),
        (Dataflow, "/options/deep/er", json!([1, "x"]), &["+  options: { deep: { er: [1, x] } }"]),
        (Dataflow, "/scheduleParams/backfill", json!(true), &["+    backfill: true"]),
        (
            Source,
            "/params/page/more",
            json!("a,b"),
            &[
                "-    page: { size: 100, kind: cursor }",
                "+    page: { size: 100, kind: cursor, more: \"a,b\" }",
            ],
        ),
        (
            Source,
            "/params/page/kind",
            Value::Null,
            &["-    page: { size: 100, kind: cursor }", "+    page: { size: 100 }"],
        ),
        (
            Source,
            "/params/page/size",
            Value::Null,
            &["-    page: { size: 100, kind: cursor }", "+    page: { kind: cursor }"],
        ),
        (Source, "/description", Value::Null, &["-  description: |", "-    several lines", "-    of text"]),
        (Source, "/params/path", Value::Null, &["-    path: tickets"]),
        (Target, "/data/format", json!("parquet"), &["+  data: { format: parquet }"]),
        // Lists.
        (Source, "/params/list", json!(["a", "c", "d"]), &["-      - b", "+      - c", "+      - d"]),
        (
            Source,
            "/params/list",
            json!(["x"]),
            &["-      - a   # first", "-      - b", "+      - x   # first"],
        ),
        // Members that a kind owns.
        (
            Mapping,
            "/fields/_t.a/source",
            json!("x, y"),
            &[
                "-    - { source: a, destination: _t.a }   # the first",
                "+    - { source: \"x, y\", destination: _t.a }   # the first",
            ],
        ),
        (Mapping, "/fields/_t.c/description", Value::Null, &["-      description: of c"]),
        (
            Mapping,
            "/fields/_t.b/name",
            Value::Null,
            &["-    - {source: b, destination: _t.b, name: b}", "+    - {source: b, destination: _t.b}"],
        ),
        (
            Mapping,
            "/fields/_t.b/identity",
            json!(true),
            &[
                "-    - {source: b, destination: _t.b, name: b}",
                "+    - {source: b, destination: _t.b, name: b, identity: true}",
            ],
        ),
    ];
    for (kind, pointer, value, lines) in cases {
        assert_eq!(changed(TEXT, &[wish(kind, pointer, value)]), lines, "{kind} {pointer}");
    }
}

/// The wishes for a member of a mapping that the platform has, or no longer has.
fn field(name: &str, source: Value, kind: Value) -> [Wish; 2] {
    let at = |member: &str| format!("/fields/{name}/{member}");
    [wish(Kind::Mapping, &at("sourceType"), kind), wish(Kind::Mapping, &at("source"), source)]
}

#[test]
fn members_come_and_go_whole() {
    let new = field("_t.new", json!("result.new"), json!("ATTRIBUTE"));
    assert_eq!(changed(TEXT, &new), ["+    - source: result.new", "+      destination: _t.new"]);
    let of_braces = TEXT
        .replace("    - source: c   # where from\n      destination: _t.c\n      description: of c\n", "");
    let expression = field("_t.new", json!("f(x, y)"), json!("EXPRESSION"));
    assert_eq!(
        changed(&of_braces, &expression),
        ["+    - {source: \"f(x, y)\", destination: _t.new, sourceType: EXPRESSION}"]
    );
    let gone = [
        &field("_t.c", Value::Null, Value::Null)[..],
        &[wish(Kind::Mapping, "/fields/_t.c/description", Value::Null)],
    ];
    assert_eq!(
        changed(TEXT, &gone.concat()),
        ["-    - source: c   # where from", "-      destination: _t.c", "-      description: of c"]
    );
    let both = [&new[..], &field("_t.a", Value::Null, Value::Null)].concat();
    assert_eq!(
        changed(TEXT, &both),
        [
            "-    - { source: a, destination: _t.a }   # the first",
            "+    - source: result.new",
            "+      destination: _t.new"
        ]
    );
}

#[test]
fn what_cannot_be_written_is_told_with_its_reason() {
    use Kind::{BaseConnection, Mapping, Source, Target};
    let cases: Vec<(Kind, &str, Value, &str)> = vec![
        (
            BaseConnection,
            "/auth/params/host",
            json!("x"),
            "its value comes from a reference such as ${env:NAME}",
        ),
        (BaseConnection, "/name", json!("x"), "an anchor or an alias stands there"),
        (Target, "/name", json!("x"), "an anchor or an alias stands there"),
        (Source, "/name", Value::Null, "the manifest would not be valid: the key `name` is missing"),
        (
            Source,
            "/name",
            json!("\u{202e}x"),
            "the manifest would not be valid: `name` holds characters that cannot be seen",
        ),
        (Source, "/params/page", Value::Null, "the manifest would say more than that"),
        (Mapping, "/fields/_t.a/sourceType", Value::Null, "the manifest does not say it"),
        (
            Kind::Dataflow,
            "/sourceConnectionIds",
            json!(["a", "b"]),
            "the manifest would not be valid: expected an id, found a list",
        ),
    ];
    for (kind, pointer, value, why) in cases {
        let (text, left) = suggested(TEXT, &[wish(kind, pointer, value)]);
        assert_eq!(left, [why], "{kind} {pointer}");
        assert_eq!(text, TEXT, "{kind} {pointer}");
    }
    // One that cannot be keeps no other from being.
    let wishes = [wish(Source, "/name", Value::Null), wish(Kind::Dataflow, "/name", json!("Other"))];
    let (text, left) = suggested(TEXT, &wishes);
    assert_eq!((text.as_str(), left.len()), (TEXT.replace("name: Flow", "name: Other").as_str(), 1));
}

#[test]
fn line_endings_and_a_missing_last_one_are_kept() {
    let wishes = [
        &field("_t.c", Value::Null, Value::Null)[..],
        &field("_t.new", json!("n"), json!("ATTRIBUTE")),
        &[
            wish(Kind::Source, "/description", json!("x\ny\n")),
            wish(Kind::Mapping, "/fields/_t.c/description", Value::Null),
            wish(Kind::Dataflow, "/enabled", json!(false)),
            wish(Kind::Dataflow, "/scheduleParams/startTime", Value::Null),
        ],
    ]
    .concat();
    // A start that is taken away would become another one.
    let (plain, left) = suggested(TEXT, &wishes);
    assert_eq!(left.len(), 1, "{left:?}");
    let (windows, left) = suggested(&TEXT.replace('\n', "\r\n"), &wishes);
    assert_eq!((windows.replace("\r\n", "\n"), left.len()), (plain.clone(), 1));
    assert!(!windows.replace("\r\n", "").contains(['\r', '\n']));
    let (ended, left) = suggested(TEXT.trim_end(), &wishes);
    assert_eq!((ended, left.len()), (plain.trim_end().to_owned(), 1));
    let text = TEXT.replace("    startTime: 2099-01-01T00:00:00Z\n", "");
    let (cut, _) = suggested(text.trim_end(), &[wish(Kind::Dataflow, "/scheduleParams/interval", json!(20))]);
    assert_eq!(cut, text.trim_end().replace("interval: 15", "interval: 20"));
}

#[test]
fn a_patch_names_files_from_the_folder_of_the_run() {
    let patch = |file: &str, text: &str| {
        let mut source = Source::new(PathBuf::from(file), text.trim_start_matches(MARK).to_owned());
        source.has_mark = text.starts_with(MARK);
        let loaded = check(vec![source], Report::default(), &inputs(), false).unwrap();
        let wishes = [wish(Kind::Source, "/name", json!("Other"))];
        suggest(&loaded.manifest, &inputs(), Path::new("/project"), &wishes, &same)
    };
    let one = "apiVersion: flowform/v1\npipeline: p\nsource: { name: Source, baseConnectionId: b, connectionSpec: { id: s } }";
    assert_eq!(
        patch("./a b/m.yaml", one).patch,
        "--- a/a b/m.yaml\t\n+++ b/a b/m.yaml\t\n@@ -1,3 +1,3 @@\n apiVersion: flowform/v1\n pipeline: p\n\
         -source: { name: Source, baseConnectionId: b, connectionSpec: { id: s } }\n\\ No newline at end of file\n\
         +source: { name: Other, baseConnectionId: b, connectionSpec: { id: s } }\n\\ No newline at end of file\n"
    );
    assert!(
        patch("/project/x\"y.yaml", one)
            .patch
            .starts_with("--- \"a/x\\\"y.yaml\"\n+++ \"b/x\\\"y.yaml\"\n@@ ")
    );
    let marked = patch("m.yaml", &format!("{MARK}{one}")).patch;
    assert!(marked.contains(&format!("\n {MARK}apiVersion: ")), "{marked}");
    for elsewhere in ["../m.yaml", "/elsewhere/m.yaml"] {
        let suggestion = patch(elsewhere, one);
        assert_eq!(suggestion.patch, "");
        assert!(suggestion.left[0].why.contains("not below the current folder"));
    }
}

#[test]
fn sections_in_braces_and_several_documents() {
    let text = "apiVersion: flowform/v1\npipeline: other\nsource: {name: other, baseConnectionId: b, connectionSpec: {id: s}}\n\
        ---\napiVersion: flowform/v1\npipeline: p\n\
        source: { name: ours, baseConnectionId: b, connectionSpec: { id: s }, params: {} }   # ours\n\
        dataflow: {\n  name: flow, sourceConnectionId: s, targetConnectionId: t,   # ids\n  \
        schedule: { frequency: hour, interval: 2 },\n  transformations: [ { name: Copy, params: { deltaColumn: a } } ],\n}\n";
    let cases: &[(Kind, &str, Value, &[&str])] = &[
        (
            Kind::Source,
            "/description",
            json!("x"),
            &[
                "-source: { name: ours, baseConnectionId: b, connectionSpec: { id: s }, params: {} }   # ours",
                "+source: { name: ours, baseConnectionId: b, connectionSpec: { id: s }, params: {}, description: x }   # ours",
            ],
        ),
        (
            Kind::Source,
            "/params/deep/er",
            json!("1"),
            &[
                "-source: { name: ours, baseConnectionId: b, connectionSpec: { id: s }, params: {} }   # ours",
                "+source: { name: ours, baseConnectionId: b, connectionSpec: { id: s }, params: { deep: { er: \"1\" } } }   # ours",
            ],
        ),
        (
            Kind::Dataflow,
            "/transformations/Copy/deltaColumn",
            json!("b"),
            &[
                "-  transformations: [ { name: Copy, params: { deltaColumn: a } } ],",
                "+  transformations: [ { name: Copy, params: { deltaColumn: b } } ],",
            ],
        ),
        (
            Kind::Dataflow,
            "/enabled",
            json!(false),
            &[
                "-  transformations: [ { name: Copy, params: { deltaColumn: a } } ],",
                "+  transformations: [ { name: Copy, params: { deltaColumn: a } } ], enabled: false,",
            ],
        ),
    ];
    for (kind, pointer, value, lines) in cases {
        assert_eq!(changed(text, &[wish(*kind, pointer, value.clone())]), *lines, "{kind} {pointer}");
    }
}

/// Any JSON that a parameter may be, nothing in it empty or absent.
fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z]{1,6}", "[-?:,\\[\\]{}#&*!|>'\"%@`\\\\ \n$0-9a-e]{1,8}"];
    let single = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1000..1000).prop_map(|n| json!(f64::from(n) / 8.0)),
        text.clone().prop_map(Value::from),
    ];
    let member = text.prop_filter("a key that is one", |key| !key.starts_with('$'));
    single.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Value::from),
            proptest::collection::btree_map(member.clone(), inner, 1..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Parameters in several layouts; the sections behind must not feel a thing.
const LAYOUTS: [&str; 4] = [
    "  params:\n    a: 1   # one\n    # of b\n    b: { c: x, d: [1, 2] }\n    e:\n      - f: g\n        h: i\n      - j\n    k: 'l'\n",
    "  params: { a: 1, b: { c: x, d: [1, 2] }, e: [ { f: g, h: i }, j ], k: \"l\" }   # all\n",
    "  params: {a: 1, b: {c: x, d: [1, 2]},\n    e: [{f: g, h: i}, j], k: l}\n",
    "  params:\n    a: 1\n    b:\n      c: x\n      d:\n      - 1\n      - 2\n\n    e: [{f: g, h: i}, j]\n    k: l\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_structures_become_what_they_are(layout in 0..LAYOUTS.len(), params in any_value(), kept in 0..64_u8) {
        let head = "apiVersion: flowform/v1\npipeline: p\nsource:\n  name: s\n  baseConnectionId: b\n  connectionSpec: { id: s }\n";
        let tail = "# behind\ntarget: { name: t, dataSetId: d }\n";
        let text = format!("{head}{}{tail}", LAYOUTS[layout]);
        let before = load(&text);
        // Some of what is there stays, the rest becomes what is random.
        let mut wanted = before.sections[0].body.clone();
        let old = std::mem::take(wanted["params"].as_object_mut().unwrap());
        for (bit, (key, value)) in old.into_iter().enumerate() {
            if kept & (1 << bit) != 0 {
                wanted["params"][key] = value;
            }
        }
        match params {
            Value::Object(members) => wanted["params"].as_object_mut().unwrap().extend(members),
            value => wanted["params"]["b"] = value,
        }
        let mut wishes = Vec::new();
        let mut paths = Vec::new();
        differing(&before.sections[0].body, &wanted, &mut String::new(), &mut paths);
        for path in &paths {
            wishes.push(wish(Kind::Source, path, wanted.pointer(path).cloned().unwrap_or_default()));
        }
        let maker = Maker { manifest: &before, inputs: &inputs(), same: &same };
        let mut left = Vec::new();
        let edited = maker.make(&grouped(&before, &wishes), &mut left).remove(0);
        let after = load(&edited);
        prop_assert_eq!(&after.sections[1].body, &before.sections[1].body);
        prop_assert!(edited.starts_with(head) && edited.ends_with(tail), "{}", edited);
        for wish in &wishes {
            if !left.iter().any(|left| left.pointer == wish.pointer) {
                let now = after.sections[0].body.pointer(&wish.pointer);
                prop_assert!(same(now, wish.value.as_ref()), "{:?}\n{}", wish, edited);
            }
        }
        let mut moved = Vec::new();
        differing(&before.sections[0].body, &after.sections[0].body, &mut String::new(), &mut moved);
        prop_assert!(moved.iter().all(|path| paths.contains(path)), "{:?}\n{}", moved, edited);
    }
}

/// Why a value may be left: no value of its sort is valid there, or the comment behind `>-` would have to go.
fn is_told(why: &str) -> bool {
    why.starts_with("the manifest would not be valid: ") || why.starts_with("comments stand")
}

/// Fields of [`TEXT`], and whether every text may stand there.
const FIELDS: [(Kind, &str, bool); 9] = [
    (Kind::Source, "/name", false),
    (Kind::Source, "/description", false),
    (Kind::Target, "/description", false),
    (Kind::Mapping, "/fields/_t.a/source", false),
    (Kind::Mapping, "/fields/_t.c/description", false),
    (Kind::Source, "/params/path", true),
    (Kind::Source, "/params/page/kind", true),
    (Kind::BaseConnection, "/auth/params/user", true),
    (Kind::BaseConnection, "/auth/params/quoted", true),
];

/// The comments of [`TEXT`] that a text ends lines with.
fn comments(text: &str) -> Vec<&'static str> {
    [
        "# before all",
        "# the name",
        "# from outside",
        "# what is read",
        "# its name",
        "# a comment of its own",
        "# first",
        "# folded",
        "# the first",
        "# about the second",
        "# where from",
        "# the flow",
        "# often",
    ]
    .into_iter()
    .filter(|comment| text.lines().any(|line| line.trim_end().ends_with(comment)))
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_values_become_what_they_are_and_nothing_else_does(
        values in proptest::collection::vec(
            (0..FIELDS.len(), prop_oneof!["\\PC{1,16}", "[-?:,\\[\\]{}#&*!|>'\"%@`\\\\ \n\t$=<~.0-9a-ey]{1,16}"]),
            1..5,
        ),
    ) {
        let wanted: BTreeMap<usize, String> = values.into_iter().collect();
        let wishes: Vec<Wish> = wanted.iter().map(|(at, value)| wish(FIELDS[*at].0, FIELDS[*at].1, json!(value))).collect();
        let before = load(TEXT);
        let maker = Maker { manifest: &before, inputs: &inputs(), same: &same };
        let mut left = Vec::new();
        let text = maker.make(&grouped(&before, &wishes), &mut left).remove(0);
        let after = load(&text);
        prop_assert_eq!(comments(&text), comments(TEXT), "{}", text);
        for (at, value) in &wanted {
            let (kind, pointer, is_free) = FIELDS[*at];
            let section = |manifest: &Manifest| manifest.sections.iter().find(|s| s.address.kind == kind).unwrap().body.clone();
            let is_left = left.iter().find(|left| left.pointer == pointer && left.address.kind == kind);
            if let Some(left) = is_left {
                prop_assert!(!is_free && is_told(&left.why), "{:?}: {}", value, left.why);
                prop_assert_eq!(section(&after).pointer(pointer).cloned(), section(&before).pointer(pointer).cloned());
            } else {
                prop_assert!(same(section(&after).pointer(pointer), Some(&json!(value))), "{:?}\n{}", value, text);
            }
        }
        for (before, after) in before.sections.iter().zip(&after.sections) {
            let mut paths = Vec::new();
            differing(&before.body, &after.body, &mut String::new(), &mut paths);
            let is_wished = |path: &String| wishes.iter().any(|w| w.pointer == *path && w.address == before.address);
            prop_assert!(paths.iter().all(is_wished), "{:?}", paths);
        }
    }
}
