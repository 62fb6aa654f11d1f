//! What a source holds is shown, and what its records hold is not: fields and types as the source has them, values only where
//! they are asked for, and never in a log. Whatever a platform answers stays in its place.

use serde_json::{Value, json};

use crate::support::hostile::{Server, http};
use crate::support::mutate::TEXTS;
use crate::support::{Ran, Sandbox, pipeline};

/// Values of the emulator's sample record.
const VALUES: [&str; 4] = ["test@example.com", "6106699702801", "end-user", "2022-05-13T08:04:22Z"];

fn applied() -> Sandbox {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s
}

fn json_of(ran: Ran<'_>) -> Value {
    serde_json::from_str(&ran.success().stdout).unwrap()
}

#[test]
fn fields_are_shown_and_values_described() {
    let s = applied();
    insta::assert_snapshot!("explore", s.run(&["explore", "users"]));
    insta::assert_snapshot!("explore-values", s.run(&["explore", "users", "--show-values"]));
    let id = s.contents().named("connections", "users base").id.clone();
    let by_id = s.run(&["explore", "--connection", &id, "--sandbox", "dev"]).success();
    assert_eq!(by_id.stdout, s.run(&["explore", "users"]).stdout);
    // Nothing names a sandbox: that of the only state will do.
    assert_eq!(s.run(&["explore", "--connection", &id]).success().stdout, by_id.stdout);
    insta::assert_snapshot!("explore-unknown-pipeline", s.run(&["explore", "nobody"]));
    insta::assert_snapshot!("explore-unknown-connection", s.run(&["explore", "--connection", "nothing"]));
    insta::assert_snapshot!("explore-nothing-named", s.run(&["explore"]));
}

#[test]
fn values_are_nowhere_unless_they_are_asked_for() {
    let s = applied();
    for arguments in [&["explore", "users"][..], &["explore", "users", "--format", "json"]] {
        let requests = s.recorded(|s| {
            let ran = s.run(&[arguments, &["--log", "trace"]].concat()).success();
            for value in VALUES {
                assert!(!ran.stdout.contains(value) && !ran.stderr.contains(value), "{value} in:\n{ran}");
            }
            assert!(ran.stderr.contains("/explore"), "{ran}");
        });
        assert!(requests.iter().all(|request| !request.is_write()));
        let explored = requests.iter().find(|request| request.within().ends_with("/explore")).unwrap();
        assert!(explored.query.contains("objectType=rest"), "{}", explored.query);
        assert!(explored.query.contains("sourceParams=e30"), "{}", explored.query);
    }
    // With the values asked for, the log still has none of them.
    let ran = s.run(&["explore", "users", "--show-values", "--log", "trace"]).success();
    for value in VALUES {
        assert!(ran.stdout.contains(value) && !ran.stderr.contains(value), "{value} in:\n{ran}");
    }
    for (path, content) in s.files() {
        let content = String::from_utf8_lossy(&content);
        assert!(VALUES.iter().all(|value| !content.contains(value)), "{}", path.display());
    }
    let field = |document: &Value, path: &str| {
        document["fields"].as_array().unwrap().iter().find(|field| field["path"] == path).cloned().unwrap()
    };
    let masked = json_of(s.run(&["explore", "users", "--format", "json"]));
    assert_eq!(
        field(&masked, "result.email"),
        json!({ "path": "result.email", "type": "string", "sample": "e-mail address" })
    );
    let shown = json_of(s.run(&["explore", "users", "--format", "json", "--show-values"]));
    assert_eq!(field(&shown, "result.email")["value"], "test@example.com");
    assert_eq!(field(&shown, "result.phone")["value"], Value::Null);
}

#[test]
fn a_pipeline_that_reads_through_anothers_connection_has_a_source_too() {
    let s = Sandbox::new();
    let other = pipeline("other")
        .without("baseConnection")
        .edit("params: {}", "params: {}\n  baseConnection: users.baseConnection");
    s.manifest(&pipeline("users").and(&other));
    s.converge(&[]);
    s.run(&["explore", "other"]).success().shows("result.email").end();
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.apply(&["--target", "users.baseConnection"]).success().end();
    s.run(&["explore", "users"]).success().shows("result.email").end();
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.apply(&["--target", "users.mapping"]).success().end();
    s.run(&["explore", "users"]).exit(3).says("neither a source nor a base connection").end();
}

/// A platform whose only base connection is of this spec, and whose explore answers by its query.
pub(crate) fn platform(
    s: &mut Sandbox,
    spec: &'static str,
    explored: impl Fn(&str) -> Value + Send + Sync + 'static,
) -> Server {
    let server = Server::start();
    s.set("FLOWFORM_GATEWAY", &server.url);
    s.set("ADOBE_ACCESS_TOKEN", "t0ken");
    s.set("ADOBE_ORG_ID", crate::support::ORG);
    s.set("ADOBE_SANDBOX", "dev");
    server.answer_by(move |head, to| {
        let spec: Value = serde_json::from_str(spec).unwrap();
        let line = head.lines().next().unwrap();
        let one = |item: Value| json!({ "items": [item] });
        let body = if line.contains("/explore?") {
            explored(line)
        } else if line.contains("/connectionSpecs") {
            one(spec)
        } else if line.contains("/flowSpecs") {
            let ids = json!([spec["id"]]);
            one(json!({ "id": FLOW_SPEC, "name": "TheirFlow", "sourceConnectionSpecIds": ids }))
        } else {
            one(json!({ "id": "c1", "etag": "\"e\"", "name": "Acme MySQL", "state": "enabled",
                "connectionSpec": { "id": spec["id"], "version": "1.0" } }))
        };
        let _ = to.write_all(&http("200 OK", "", body.to_string().as_bytes()));
    });
    server
}

pub(crate) const FLOW_SPEC: &str = "14518937-270c-4525-bdec-c2ba7cce3860";

/// As a database's spec is, with two ways to authenticate.
pub(crate) const TABLES: &str = r#"{
    "id": "26d738e0-8963-47ea-aadf-c60de735468a", "name": "mysql", "version": "1.0",
    "authSpec": [
        { "name": "Basic Authentication", "spec": { "properties": {
            "server": { "type": "string", "description": "The name or IP of the database" },
            "port": { "type": "integer", "description": "Its port", "default": 3306 },
            "username": { "type": "string" },
            "password": { "type": "string", "format": "password" },
            "pin": { "type": "string", "format": "password" },
            "sslMode": { "type": "string", "enum": ["DISABLED", "REQUIRED"] } },
            "required": ["server", "port", "username", "password", "sslMode"] } },
        { "name": "Connection String Based Authentication", "spec": {} }
    ],
    "sourceSpec": { "spec": { "properties": {
        "tableName": { "type": "string", "description": "The path of the table" },
        "columns": { "type": "array" } }, "required": ["tableName"] } }
}"#;

pub(crate) const FILES: &str = r#"{
    "id": "ecadc60c-7455-4d87-84dc-2a0e293d997b", "name": "amazon-s3", "version": "1.0",
    "authSpec": [{ "name": "Access Key", "spec": { "properties": {
        "s3AccessKey": { "type": "string" }, "s3SecretKey": { "type": "string", "format": "password" } },
        "required": ["s3AccessKey", "s3SecretKey"] } }],
    "sourceSpec": { "spec": { "properties": { "path": {}, "type": {}, "recursive": {} }, "required": ["path"] } }
}"#;

/// Two tables; the columns of one, and a row of it.
pub(crate) fn tables(line: &str) -> Value {
    if line.contains("objectType=root") {
        let table = |path: &str| json!({ "type": "table", "name": path, "path": path, "canPreview": true });
        return json!([table("shop.customers"), table("shop.orders")]);
    }
    let column = |name: &str, of: &str, xdm: Value| json!({ "name": name, "type": of, "xdm": xdm });
    let time = json!({ "type": "string", "format": "date-time" });
    json!({ "format": "flat",
        "schema": { "columns": [
            column("customer_id", "integer", json!({ "type": "integer" })),
            column("email", "string", json!({ "type": "string" })),
            column("Full Name", "string", json!({ "type": "string" })),
            column("created_at", "string", time.clone()),
            column("updated_at", "string", time),
        ] },
        "data": [{ "customer_id": 1001, "email": "ada@example.com", "Full Name": "Ada Example",
            "created_at": "2021-03-04T09:15:00", "updated_at": null }] })
}

#[test]
fn tables_and_files_are_listed_and_looked_into() {
    let mut s = Sandbox::bare();
    let server = platform(&mut s, TABLES, tables);
    s.set("ADOBE_CLIENT_ID", "c");
    let asked = |server: &Server| {
        let lines = server.seen();
        let line = lines.into_iter().find(|line| line.contains("/explore?")).unwrap();
        line.split(' ').nth(1).unwrap().split_once('?').unwrap().1.to_owned()
    };
    let explore = |s: &Sandbox, more: &[&str]| {
        s.run(&[&["explore", "--connection", "c1"], more].concat()).success().to_string()
    };
    insta::assert_snapshot!("explore-tables", explore(&s, &[]));
    assert_eq!(asked(&server), "objectType=root");
    insta::assert_snapshot!("explore-table", explore(&s, &["--object", "shop.customers"]));
    assert_eq!(asked(&server), "objectType=table&object=shop.customers&preview=true");
    let listed = json_of(s.run(&["explore", "--connection", "c1", "--format", "json"]));
    assert_eq!(listed["objects"][1], json!({ "type": "table", "path": "shop.orders" }));

    let server = platform(&mut s, FILES, |_| json!([{ "type": "Folder", "name": "a", "path": "/a" }]));
    let asks = |more: &[&str]| {
        explore(&s, more);
        asked(&server)
    };
    assert_eq!(asks(&[]), "objectType=root");
    assert_eq!(asks(&["--object", "/a"]), "objectType=folder&object=%2Fa");
    assert_eq!(
        asks(&["--object", "/a/b c.tsv.gz"]),
        "objectType=file&object=%2Fa%2Fb%20c.tsv.gz&fileType=delimited&preview=true&columnDelimiter=%09&compressionType=gzip"
    );
    assert_eq!(
        asks(&["--object", "/a/b", "--file-type", "parquet"]),
        "objectType=file&object=%2Fa%2Fb&fileType=parquet&preview=true"
    );
}

#[test]
fn whatever_a_source_answers_stays_in_its_place() {
    let mut s = Sandbox::bare();
    let fields = |_: &str| {
        let one = |text: &str| (text.to_owned(), json!({ "type": text, "format": text }));
        let properties: serde_json::Map<String, Value> = TEXTS.iter().map(|text| one(text)).collect();
        let row: serde_json::Map<String, Value> =
            TEXTS.iter().map(|text| ((*text).to_owned(), text.repeat(50).into())).collect();
        json!({ "schema": { "properties": properties }, "data": [row, 7, null] })
    };
    let objects = |_: &str| {
        let one = |text: &&str| json!({ "type": text, "name": text, "path": format!("x{text}") });
        TEXTS.iter().map(one).collect()
    };
    let obeyed = |c: char| {
        c.is_control() || matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    for answer in [fields as fn(&str) -> Value, objects] {
        let _server = platform(&mut s, TABLES, answer);
        s.set("ADOBE_CLIENT_ID", "c");
        for color in ["never", "always"] {
            for more in [&[][..], &["--show-values"]] {
                let shown = s.run(&[&["explore", "--connection", "c1", "--color", color], more].concat());
                let shown = shown.success().stdout;
                let plain = anstream::adapter::strip_str(&shown).to_string();
                assert_eq!(plain.chars().find(|c| *c != '\n' && obeyed(*c)), None);
                assert!(plain.lines().count() <= TEXTS.len() + 3, "{plain}");
            }
        }
        json_of(s.run(&["explore", "--connection", "c1", "--format", "json", "--show-values"]));
    }
    let mut deep = json!({ "type": "string" });
    for _ in 0..25 {
        deep = json!({ "type": "array", "items": { "type": "object", "properties": { "a": deep } } });
    }
    let _server = platform(&mut s, TABLES, move |_| json!({ "schema": { "properties": { "a": deep } } }));
    s.run(&["explore", "--connection", "c1"]).success().shows("1 field, and no sample.").end();
    for (wrong, why) in [
        (json!({}), "neither a list nor a schema"),
        (json!({ "schema": [] }), "neither properties nor columns"),
        (json!([{ "type": "table" }]), "without a path"),
    ] {
        let _server = platform(&mut s, TABLES, move |_| wrong.clone());
        s.run(&["explore", "--connection", "c1"]).exit(1).says(why).end();
    }
    // A source that cannot be reached is told as such, and a page that is no JSON is not shown: it may hold records.
    let server = platform(&mut s, TABLES, |_| Value::Null);
    let refused = r#"{"type": "x/SOURCES-1308-400", "detail": "The source could not be reached."}"#;
    let connection =
        json!({ "items": [{ "id": "c1", "etag": "\"e\"", "name": "n", "connectionSpec": { "id": "s" } }] });
    let answer = |server: &Server, explored: Vec<u8>| {
        let connection = http("200 OK", "", connection.to_string().as_bytes());
        server.answer_by(move |head, to| {
            let is_explore = head.lines().next().unwrap().contains("/explore?");
            let _ = to.write_all(if is_explore { &explored } else { &connection });
        });
    };
    answer(&server, http("400 Bad Request", "", refused.as_bytes()));
    insta::assert_snapshot!("explore-unreachable", s.run(&["explore", "--connection", "c1"]));
    answer(&server, http("200 OK", "", b"ada@example.com,Ada"));
    let ran = s.run(&["explore", "--connection", "c1", "--log", "trace"]).exit(1);
    assert!(!ran.stderr.contains("ada@example.com"), "{ran}");
}

#[test]
fn a_storage_shows_what_lies_where_the_source_reads() {
    let mut s = Sandbox::new();
    s.set("S3_ACCESS_KEY", "hush-hush-value");
    s.set("S3_SECRET_KEY", "hush-hush-value");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/amazon-s3.yaml");
    let folder = std::fs::read_to_string(path).unwrap();
    let untold = folder.replace("type: folder, recursive: true", "recursive: true");
    let pattern = untold.replace("path: /acme/customers,", "path: /acme/customers/*.csv,");
    for manifest in [folder, untold, pattern] {
        s.write("m.yaml", &manifest);
        s.apply(&[]).success().end();
        s.run(&["explore", "s3-customers"]).success().shows("/acme/customers/customers.tsv").end();
    }
    let one = ["explore", "s3-customers", "--object", "/acme/customers/customers.csv"];
    s.run(&one).success().shows("e-mail address").end();
}
