//! What the manifest says against what was sent is compared to the letter; only the platform may spell a value otherwise.

use serde_json::{Value, json};

use crate::support::{Sandbox, Text, pipeline};

/// A pipeline whose source has these parameters.
fn with(params: &str) -> Text {
    pipeline("users").edit("params: {}", &format!("params: {params}"))
}

fn applied(manifest: &Text) -> Sandbox {
    let s = Sandbox::new();
    s.manifest(manifest);
    s.converge(&[]);
    s
}

/// The source's parameters on the platform, as text: so no number is told from another by a float.
fn params(s: &Sandbox) -> String {
    s.contents().one("sourceConnections").body["params"].to_string()
}

/// Somebody sets parameters of the source.
fn by_hand(s: &Sandbox, values: &[(&str, Value)]) {
    let operation = |(name, value): &(&str, Value)| json!({ "op": "add", "path": format!("/params/{name}"), "value": value });
    let operations: Vec<Value> = values.iter().map(operation).collect();
    s.somebody().patch("sourceConnections", s.contents().one("sourceConnections"), &operations.into());
}

#[test]
fn a_change_of_type_or_text_alone_is_sent() {
    let cases = [
        ("a", "1.1", r#""1.10""#),
        ("b", "12345678901234567", "12345678901234568"),
        ("c", r#""12345678901234567""#, r#""12345678901234568""#),
        ("d", "7", r#""007""#),
        ("e", "7", r#""7e0""#),
        ("f", "7", r#""7""#),
        ("g", r#""7""#, "7"),
        ("h", r#""true""#, "true"),
        ("i", "[1, 2]", r#"[1,"2"]"#),
        ("j", "[{ x: { y: 0.5 } }]", r#"[{"x":{"y":"0.50"}}]"#),
        ("k", "18446744073709551615", "18446744073709551614"),
        ("l", "0.1", "0.10000000000000002"),
        ("m", r#""1e3""#, r#""1000""#),
        ("n", "false", r#""false""#),
        ("o", "0", "false"),
        ("p", "[]", "{}"),
        ("q", r#""""#, "null"),
    ];
    let manifest = |side: &dyn Fn(&(&str, &'static str, &'static str)) -> &'static str| {
        let members: Vec<String> = cases.iter().map(|case| format!("{}: {}", case.0, side(case))).collect();
        with(&format!("{{ {} }}", members.join(", ")))
    };
    let s = applied(&manifest(&|case| case.1));
    s.manifest(&manifest(&|case| case.2));
    let changes = s.plan(&[]).changes();
    for (name, _, to) in cases {
        assert!(changes.contains(&format!("users.source /params/{name}")), "{name}: {to}: {changes:?}");
    }
    s.converge(&[]);
    let members: Vec<String> = cases.iter().map(|(name, _, to)| format!("\"{name}\":{to}")).collect();
    assert_eq!(params(&s), format!("{{{}}}", members.join(",")));
    s.run(&["plan", "--refresh-only", "m.yaml"]).success().end();
}

#[test]
fn a_secretless_parameter_of_a_connection_is_compared_to_the_letter() {
    let manifest = |port: &str| {
        let line = "subdomain: https://acme.zendesk.com\n";
        pipeline("users").edit(line, &format!("{line}      port: {port}\n"))
    };
    let s = applied(&manifest("443"));
    for (port, shown) in [(r#""443""#, json!("443")), (r#""0443""#, json!("0443")), ("443", json!(443))] {
        s.manifest(&manifest(port));
        assert_eq!(s.plan(&[]).changes(), ["users.baseConnection /auth/params/port"], "{port}");
        s.converge(&[]);
        assert_eq!(s.contents().one("connections").body["auth"]["params"]["port"], shown);
    }
}

#[test]
fn a_number_in_another_spelling_is_the_same_number() {
    let s = applied(&with("{ ratio: 1, limit: 1000, list: [2.5, { x: 0 }], big: 100000000000000000000.0 }"));
    s.manifest(&with("{ ratio: 1.0, limit: 1000.0, list: [2.5, { x: 0.0 }], big: 100000000000000000000.0 }"));
    s.run(&["plan", "m.yaml", "--detailed-exitcode"]).success().shows("No changes").end();
}

#[test]
fn a_platform_that_spells_values_otherwise_has_not_changed_them() {
    let s = applied(&with("{ a: 1.0, b: 7, c: true, d: [7, false], e: 12345678901234567, f: null }"));
    let spelled = [
        ("a", json!(1)),
        ("b", json!("7")),
        ("c", json!("true")),
        ("d", json!(["7", "false"])),
        ("e", json!("12345678901234567")),
    ];
    by_hand(&s, &spelled);
    s.run(&["plan", "--refresh-only", "m.yaml"]).success().end();
    assert!(s.plan(&[]).is_empty());
    // Another text is another value.
    by_hand(&s, &[("b", json!("007")), ("c", json!("True")), ("e", json!("12345678901234568"))]);
    let mut drift = s.plan(&[]).drift();
    drift.sort();
    assert_eq!(drift, ["b", "c", "e"].map(|name| format!("users.source /params/{name}")));
    s.run(&["plan", "--refresh-only", "m.yaml"]).exit(11).end();
}

#[test]
fn a_text_that_became_a_number_is_drift() {
    let s = applied(&with(r#"{ a: "7", b: "1.10", c: "true" }"#));
    by_hand(&s, &[("a", json!(7)), ("b", json!(1.1)), ("c", json!(true))]);
    assert_eq!(s.plan(&[]).drift().len(), 3);
    s.converge(&[]);
    assert_eq!(params(&s), r#"{"a":"7","b":"1.10","c":"true"}"#);
}

#[test]
fn what_a_refresh_takes_over_keeps_its_type() {
    let s = applied(&with("{ a: 7, b: true }"));
    by_hand(&s, &[("a", json!("8")), ("b", json!("false"))]);
    s.run(&["apply", "--refresh-only", "m.yaml", "--auto-approve"]).success().end();
    s.manifest(&with("{ a: 8, b: false }"));
    assert!(s.plan(&[]).is_empty());
}

#[test]
fn a_number_of_the_platform_keeps_its_digits() {
    let s = applied(&with("{ a: 0.1 }"));
    let longer: Value = serde_json::from_str("0.10000000000000000001").unwrap();
    by_hand(&s, &[("a", longer)]);
    let planned = s.plan(&["--refresh-only"]);
    assert_eq!(planned.drift(), ["users.source /params/a"]);
    assert!(planned.text.contains("0.10000000000000000001"), "{}", planned.text);
    s.run(&["apply", "--refresh-only", "m.yaml", "--auto-approve"]).success().end();
    s.run(&["state", "show", "users.source"]).success().shows("a: '0.10000000000000000001'").end();
    s.run(&["plan", "--refresh-only", "m.yaml"]).success().end();
}

#[test]
fn a_lost_change_of_type_is_sent_again() {
    let manifest = |column: &str| {
        let copy = format!("transformations: [{{ name: Copy, params: {{ n: {column} }} }}]\n  schedule:");
        pipeline("users").edit("schedule:", &copy)
    };
    for fault in ["PATCH /flows/*:close-before", "PATCH /flows/*:close-after"] {
        let mut s = applied(&manifest("7"));
        s.fail(&[fault]);
        s.manifest(&manifest(r#""7""#));
        s.converge(&[]);
        let contents = s.contents();
        let flow = &contents.one("flows").body["transformations"];
        let copy = flow.as_array().unwrap().iter().find(|t| t["name"] == "Copy").unwrap();
        assert_eq!(copy["params"], json!({ "n": "7" }), "{fault}");
    }
}

#[test]
fn an_empty_object_and_a_null_are_values() {
    let s = applied(&with("{ a: 1 }"));
    for (manifest, path, left) in [
        ("{ a: 1, cdc: {} }", "/params/cdc", r#"{"a":1,"cdc":{}}"#),
        ("{ a: 1, cdc: null }", "/params/cdc", r#"{"a":1,"cdc":null}"#),
        ("{ a: 1, cdc: [] }", "/params/cdc", r#"{"a":1,"cdc":[]}"#),
        ("{ a: 1, cdc: { x: {} } }", "/params/cdc/x", r#"{"a":1,"cdc":{"x":{}}}"#),
        ("{ a: 1, cdc: { x: { y: null } } }", "/params/cdc/x/y", r#"{"a":1,"cdc":{"x":{"y":null}}}"#),
        ("{ a: 1, cdc: {} }", "/params/cdc/x/y", r#"{"a":1,"cdc":{}}"#),
        ("{ a: 1 }", "/params/cdc", r#"{"a":1}"#),
        ("{ a: [{}] }", "/params/a", r#"{"a":[{}]}"#),
        ("{ a: [null] }", "/params/a", r#"{"a":[null]}"#),
        ("{}", "/params/a", "{}"),
    ] {
        s.manifest(&with(manifest));
        let changes = s.plan(&[]).changes();
        assert!(changes.contains(&format!("users.source {path}")), "{manifest}: {changes:?}");
        s.converge(&[]);
        assert_eq!(params(&s), left, "{manifest}");
    }
}

#[test]
fn an_empty_object_that_somebody_fills_or_takes_away() {
    let s = applied(&with("{ cdc: {}, gone: null, kept: 1 }"));
    // What the platform adds on its own is not looked at, and a null may be left out.
    by_hand(&s, &[("cdc", json!({ "x": 1 }))]);
    let source = s.contents().one("sourceConnections").clone();
    let without = |name: &str| json!([{ "op": "remove", "path": format!("/params/{name}") }]);
    s.somebody().patch("sourceConnections", &source, &without("gone"));
    assert!(s.plan(&[]).is_empty());
    let source = s.contents().one("sourceConnections").clone();
    s.somebody().patch("sourceConnections", &source, &without("cdc"));
    assert_eq!(s.plan(&[]).drift(), ["users.source /params/cdc"]);
}

#[test]
fn a_number_that_would_lose_something_is_told_at_its_line() {
    let s = Sandbox::new();
    for (value, why) in [
        ("1.10", "zeros at its end"),
        ("-0.50", "zeros at its end"),
        ("2.00", "zeros at its end"),
        ("[1, { x: 3.140 }]", "zeros at its end"),
        ("1.50e3", "zeros at its end"),
        ("007", "leading zeros"),
        ("-01", "leading zeros"),
        ("00.5", "leading zeros"),
        ("0.1234567890123456789", "more digits"),
        ("9007199254740993.0", "more digits"),
        ("1e-999", "more digits"),
        ("1e999", "no such number"),
        ("18446744073709551616", "too large"),
        ("0xFFFFFFFFFFFFFFFFFF", "too large"),
        ("0x1F", "another form"),
        ("0o17", "another form"),
        ("12e7", "another form"),
        ("1E5", "another form"),
        ("+15", "another form"),
        ("-0", "another form"),
    ] {
        s.manifest(&with(&format!("{{ a: {value} }}")));
        let said = s.run(&["validate", "m.yaml"]).exit(4);
        let text = format!("{}{}", said.stdout, said.stderr);
        assert!(text.contains(why) && text.contains("m.yaml:17:"), "{value}: {said}");
    }
    for value in ["1.0", "10.5", "0.0", ".5", "1.", r#""12e7""#, r#""1.10""#] {
        s.manifest(&with(&format!("{{ a: {value} }}")));
        s.run(&["validate", "m.yaml"]).success().end();
    }
}

#[test]
fn a_saved_plan_holds_nulls() {
    let s = applied(&with("{ a: 1, b: null, c: [null] }"));
    s.manifest(&with("{ a: null, b: 2, c: [3, null], d: null }"));
    s.run(&["plan", "m.yaml", "-o", "p.plan"]).success().end();
    s.run(&["apply", "p.plan", "--auto-approve"]).success().end();
    assert!(s.plan(&[]).is_empty());
    // What the platform has may be a null as well.
    by_hand(&s, &[("b", json!(null))]);
    s.run(&["plan", "m.yaml", "-o", "p.plan"]).success().end();
    s.run(&["apply", "p.plan", "--auto-approve"]).success().end();
}

#[test]
fn the_order_of_tags_says_nothing() {
    let schema = "https://ns.adobe.com/extconndev/schemas/995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4";
    let manifest = |tags: &str| {
        let dataset = format!(
            "dataset:\n  name: tagged\n  schema: {{ id: {schema} }}\n  tags: {tags}\nbaseConnection:\n"
        );
        pipeline("users")
            .edit("baseConnection:\n", &dataset)
            .edit("  dataSetId: 624bf42e16519d19496e3f67\n", "")
    };
    let s = applied(&manifest("{ of: [a, b, c], team: crm }"));
    for same in ["{ of: [c, a, b], team: [crm] }", "{ team: crm, of: [a, b, c, b] }"] {
        s.manifest(&manifest(same));
        s.run(&["plan", "m.yaml", "--detailed-exitcode"]).success().end();
    }
    let path = format!("/catalog/dataSets/{}", s.contents().one("dataSets").id);
    s.somebody().send("PATCH", &path, &[], &json!({ "tags": { "of": ["b", "c", "a"], "team": ["crm"] } }));
    assert!(s.plan(&[]).is_empty());
    s.manifest(&manifest("{ of: [a, b], team: crm }"));
    assert_eq!(s.plan(&[]).changes(), ["users.dataset /tags/of"]);
    s.converge(&[]);
}

#[test]
fn a_second_row_for_one_destination_is_drift() {
    let s = applied(&pipeline("users"));
    let version = |s: &Sandbox| {
        let contents = s.contents();
        let version = &contents.one("flows").body["transformations"][0]["params"]["mappingVersion"];
        version.as_str().unwrap().to_owned()
    };
    for source in ["result.mail", "result.email"] {
        let before = version(&s);
        let set = s.contents().one("mappingSets").clone();
        let mut body = set.body.clone();
        body["mappings"].as_array_mut().unwrap().push(json!({
            "sourceType": "ATTRIBUTE", "source": source, "destination": "_extconndev.email"
        }));
        s.somebody().send("PUT", &format!("/conversion/mappingSets/{}", set.id), &[], &body);
        let planned = s.plan(&[]);
        assert!(planned.drift().iter().any(|d| d.contains("_extconndev.email (row 2)")), "{planned}");
        s.run(&["plan", "--refresh-only", "m.yaml"]).exit(11).shows("_extconndev.email (row 2)").end();
        // Where the mapping is left out, the flow stays where it is.
        s.apply(&["--exclude", "users.mapping"]).success().end();
        assert_eq!(version(&s), before, "{source}");
        s.converge(&[]);
        assert_eq!(s.contents().one("mappingSets").body["mappings"].as_array().unwrap().len(), 2);
        s.state_is_the_platform();
    }
}

#[test]
fn what_looks_the_same_differs_visibly_in_every_format() {
    let named = |name: &str| with(&format!("{{ label: \"{name}\" }}"));
    let s = applied(&named("Caf\u{e9} a b"));
    for (name, text) in [
        ("Cafe\\u0301 a b", "cafe\\u{301}"),
        ("Caf\u{e9}\\u00a0a b", "\\u{a0}"),
        ("Caf\u{e9} a\\u200bb", "\\u{200b}"),
        ("Caf\u{e9} a\\u200d b", "\\u{200d}"),
        ("Caf\u{e9} a\\u202f b", "\\u{202f}"),
        ("Caf\u{e9} a  b", "\\u{20}"),
        ("Caf\u{e9} a\\tb", "\\t"),
        ("Caf\u{e9} a b ", "a b \""),
    ] {
        s.manifest(&named(name));
        for format in ["text", "markdown", "html", "github"] {
            let ran = s.run(&["plan", "m.yaml", "--format", format]);
            let shown = ran.stdout.replace("<del>", "").replace("</del>", "").replace("<ins>", "");
            let shown = shown
                .replace("</ins>", "")
                .replace("&#92;", "\\")
                .replace("&#123;", "{")
                .replace("&quot;", "\"");
            assert!(shown.to_lowercase().contains(text), "{name} {format}: {ran}");
        }
    }
}
