//! What the platform would refuse is told before anything is written, at the lines of the manifest; what it does not tell
//! stops nobody; a connection that is of no use carries nothing.

use crate::support::{Ran, Request, Sandbox, Text, described, pipeline};

/// A plan and an apply that both end with mistakes, and write nothing.
#[track_caller]
fn refused<'a>(s: &'a Sandbox, manifest: &Text) -> Ran<'a> {
    s.manifest(manifest);
    let state = |s: &Sandbox| std::fs::read(s.state_path()).ok();
    let before = (state(s), s.contents());
    let requests = s.recorded(|s| s.apply(&[]).exit(4).end());
    assert!(requests.iter().all(|r| !r.is_write()), "{requests:?}");
    assert!(before == (state(s), s.contents()), "something was written");
    s.run(&["plan", "m.yaml"]).exit(4)
}

#[test]
fn parameters_are_held_against_the_spec_of_the_source() {
    let s = Sandbox::new();
    let manifest = pipeline("users")
        .edit("subdomain: https://acme.zendesk.com", "subdomian: https://acme.zendesk.com\n      clientId: 7")
        .edit("interval: 15 }", "interval: 15 }\n  options: { partialIngestionPercent: 0 }");
    insta::assert_snapshot!("parameters", refused(&s, &manifest));
}

#[test]
fn a_spec_that_is_not_there_or_does_not_fit_is_told() {
    let s = Sandbox::new();
    let other = "6360f136-0000-4111-8bdf-15d29eab3b5a";
    let manifest = pipeline("users").edit("0a27232b-2c6e-4396-b8c6-c9fc24e37ba4", other);
    insta::assert_snapshot!("no-connection-spec", refused(&s, &manifest));
    let manifest = pipeline("users").edit("OAuth2 Refresh Code", "OAuth Refresh Code");
    insta::assert_snapshot!("no-authentication", refused(&s, &manifest));
    let flow_spec = format!("  flowSpec: {{ id: {other} }}\n  schedule:");
    insta::assert_snapshot!("no-flow-spec", refused(&s, &pipeline("users").edit("  schedule:", &flow_spec)));
}

#[test]
fn fields_that_the_schema_does_not_have_are_refused_by_data_prep() {
    let s = Sandbox::new();
    let edit = |m: Text| {
        m.edit(
            "source: result.email, destination: _extconndev.email",
            "source: result.email, destination: _extconndev.mail",
        )
    };
    insta::assert_snapshot!("refused-field", refused(&s, &edit(pipeline("users"))));
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    refused(&s, &edit(pipeline("users"))).says("_extconndev.mail").end();
}

#[test]
fn what_only_the_new_schema_can_tell_is_told_before_the_mapping_is_made() {
    let s = Sandbox::new();
    s.manifest(&described("more"));
    s.converge(&[]);
    let (_, more) = s.managed().into_iter().find(|(address, _)| address == "more.fieldGroup").unwrap();
    // A schema with field groups that the manifest does not describe: only the platform knows all its fields.
    let open = whole()
        .edit(
            "  description: what a user is\n",
            &format!("  description: what a user is\n  fieldGroups: [\"{more}\"]\n"),
        )
        .edit("destination: _tenant.email", "destination: _tenant.nosuch");
    s.manifest(&open);
    let requests = s.recorded(|s| {
        s.apply(&["--target", "users"])
            .exit(9)
            .shows("Data Prep refuses the mapping to `_extconndev.nosuch`")
            .end();
    });
    assert!(!requests.iter().any(|r| r.is_write() && r.within() == "/mappingSets"), "{requests:?}");
    s.manifest(&open.edit("_tenant.nosuch", "_tenant.email"));
    s.apply(&["--target", "users"]).success().end();
    let group = format!("[\"{more}0\"]");
    refused(&s, &open.edit(&format!("[\"{more}\"]"), &group)).says("has no field group").end();
}

#[test]
fn destinations_below_another_namespace_are_refused() {
    let s = Sandbox::new();
    let manifest = whole().edit("destination: _tenant.email", "destination: _other.email");
    insta::assert_snapshot!("another-namespace", refused(&s, &manifest));
    s.manifest(&whole().edit("destination: _tenant.email", "destination: _other.mail"));
    s.run(&["validate", "m.yaml"]).exit(4).says("the schema has no field for `_other.mail`").end();
    s.manifest(&whole().edit("destination: _tenant.email", "destination: _extconndev.email"));
    s.run(&["validate", "m.yaml"]).success().end();
    s.manifest(
        &whole()
            .edit("field: _tenant.email", "field: _tenant.tags")
            .edit("    id: integer\n", "    id: integer\n    tags: { type: array, items: string }\n"),
    );
    s.run(&["validate", "m.yaml"]).exit(4).says("is of type `array`").end();
}

/// How often the mapping was validated.
fn validations(requests: &[Request]) -> usize {
    requests.iter().filter(|r| r.within() == "/mappingSets/validate").count()
}

/// A pipeline that makes its schema and its dataset.
fn whole() -> Text {
    let mapping = pipeline("users");
    let from = mapping.as_str().find("baseConnection:").unwrap();
    let schema = "  schema:\n    id: https://ns.adobe.com/extconndev/schemas/995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4\n    version: 1\n";
    let flow = Text::of(&mapping.as_str()[from..])
        .edit("  dataSetId: 624bf42e16519d19496e3f67\n", "")
        .edit(schema, "")
        .edit("_extconndev.id", "_tenant.id")
        .edit("_extconndev.email", "_tenant.email");
    Text::of(&format!("{}{}", described("users").as_str(), flow.as_str()))
}

#[test]
fn fields_are_not_held_against_a_schema_that_is_about_to_change() {
    let s = Sandbox::new();
    s.manifest(&whole());
    let requests = s.recorded(|s| assert!(!s.plan(&[]).is_empty()));
    assert_eq!(validations(&requests), 0, "the schema is made by the same apply");
    let requests = s.recorded(|s| s.converge(&[]));
    assert_eq!(validations(&requests), 1, "once it is there");
    let mapped = whole().edit("    id: integer\n", "    id: integer\n    phone: string\n").edit(
        "destination: _tenant.email }",
        "destination: _tenant.email }\n    - { source: result.phone, destination: _tenant.phone }",
    );
    s.manifest(&mapped);
    let requests = s.recorded(|s| s.converge(&[]));
    assert_eq!(validations(&requests), 1, "its new field comes with the same apply, and is looked at then");
    let at = |path: &str| requests.iter().position(|r| r.is_write() && r.object().starts_with(path)).unwrap();
    assert!(at("/fieldgroups/") < at("/mappingSets/"), "a mapping waits for the fields of its schema");
    s.manifest(&mapped.edit("source: result.phone", "source: result.telephone"));
    let requests = s.recorded(|s| s.apply(&[]).success().end());
    assert_eq!(validations(&requests), 1);
}

#[test]
fn what_is_not_sent_is_not_asked_about() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    let asked = |requests: &[Request]| {
        let about = ["/connectionSpecs", "/flowSpecs", "/sandboxes", "/mappingSets/validate"];
        requests.iter().filter(|r| about.iter().any(|path| r.within().starts_with(path))).count()
    };
    let requests = s.recorded(|s| assert!(s.plan(&[]).is_empty()));
    assert_eq!(asked(&requests), 0, "{requests:?}");
    s.manifest(&pipeline("users").edit("from there to here", "from here to there"));
    let requests = s.recorded(|s| assert!(!s.plan(&[]).is_empty()));
    assert_eq!(asked(&requests), 1, "the sandbox alone: {requests:?}");
    let three = pipeline("one").and(&pipeline("two")).and(&pipeline("users"));
    s.manifest(&three);
    let requests = s.recorded(|s| assert!(!s.plan(&[]).is_empty()));
    assert_eq!(
        asked(&requests),
        3 + 1,
        "each spec once, mappings that are alike once, and the sandbox: {requests:?}"
    );
}

#[test]
fn what_cannot_be_asked_stops_nobody() {
    for fault in [
        "GET /connectionSpecs/*#*:status=403",
        "GET /flowSpecs/*#*:status=403",
        "POST /mappingSets/validate#*:status=405",
        "GET /sandboxes/*#*:status=403",
        "GET /connectionSpecs/*#*:close-before",
        "GET /sandboxes/*#*:close-before",
        "POST /mappingSets/validate#*:502-html",
    ] {
        let mut s = Sandbox::new();
        s.manifest(&pipeline("users"));
        s.fail(&[fault]);
        s.apply(&[]).success().end();
        assert!(s.plan(&[]).is_empty(), "{fault}");
    }
}

#[test]
fn a_connection_that_fails_its_test_carries_nothing() {
    let mut s = Sandbox::behaving(&["connection-test=false"]);
    s.manifest(&pipeline("users"));
    insta::assert_snapshot!("failed-test", s.apply(&["--parallelism", "1"]));
    assert_eq!(s.managed().len(), 3, "{:?}", s.managed());
    // It is there and recorded; whoever plans on it is told at once.
    insta::assert_snapshot!("failed-test-before", refused(&s, &pipeline("users")));
    // What does not need the connection is not held up by it.
    s.run(&["plan", "m.yaml", "--target", "users.mapping"]).success().end();
    // A change of the credentials is tested too, and when it is taken the rest follows.
    s.behave(&["connection-test=true"]);
    s.set("ZENDESK_ACCESS_TOKEN", "another value");
    s.converge(&[]);
    s.state_is_the_platform();
    s.behave(&["connection-test=false"]);
    s.set("ZENDESK_ACCESS_TOKEN", "a third value");
    s.apply(&[]).exit(9).shows("fails the platform's test").end();
    let tests = |requests: &[Request]| requests.iter().filter(|r| r.within().ends_with("/test")).count();
    s.manifest(&pipeline("users").edit("where the users are", "elsewhere"));
    let requests = s.recorded(|s| s.apply(&[]).success().end());
    assert_eq!(tests(&requests), 0, "its credentials were not changed");
}

/// An example for another source than Zendesk.
fn example(name: &str) -> Text {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    Text::of(&std::fs::read_to_string(path).unwrap())
}

/// A platform with the secrets of the examples at hand.
fn with_secrets(switches: &[&str]) -> Sandbox {
    let mut s = Sandbox::behaving(switches);
    for name in ["SHOP_CONNECTION_STRING", "S3_ACCESS_KEY", "S3_SECRET_KEY"] {
        s.set(name, "hush-hush-value");
    }
    s
}

#[test]
fn other_sources_run_without_a_word_of_them_in_the_client() {
    for (name, switch) in [("mysql.yaml", "transformation-specs=singular"), ("amazon-s3.yaml", "latency=0")] {
        let s = with_secrets(&[switch]);
        s.manifest(&example(name));
        s.converge(&[]);
        s.state_is_the_platform();
        s.destroy(&["--allow-deletes", "8"]).end();
    }
}

#[test]
fn a_table_is_read_as_its_specs_say() {
    let s = with_secrets(&[]);
    let manifest = example("mysql.yaml")
        .edit("{ tableName: shop.customers }", "{ table: shop.customers, columns: email }")
        .edit(
            "    - { name: Copy, params: { deltaColumn: { name: updated_at } } }",
            "    - { name: Copy, params: { deltaColumn: updated_at } }",
        );
    insta::assert_snapshot!("table", refused(&s, &manifest));
    let manifest = example("mysql.yaml").edit(
        "  transformations:\n    # Each run reads the rows whose value here is newer than at the run before.\n    - { name: Copy, params: { deltaColumn: { name: updated_at } } }\n",
        "",
    );
    insta::assert_snapshot!("table-without-delta", refused(&s, &manifest));
}

#[test]
fn a_table_that_is_read_once_needs_no_column() {
    let s = with_secrets(&[]);
    let once = example("mysql.yaml").edit("{ frequency: hour, interval: 1 }", "{ frequency: once }");
    refused(&s, &once).says("what is read once takes no `deltaColumn`").end();
    let copy = "  transformations:\n    # Each run reads the rows whose value here is newer than at the run before.\n    - { name: Copy, params: { deltaColumn: { name: updated_at } } }\n";
    s.manifest(&once.edit(copy, ""));
    s.converge(&[]);
}

#[test]
fn files_are_read_as_their_specs_say() {
    let s = with_secrets(&[]);
    let manifest = example("amazon-s3.yaml")
        .edit(
            "{ path: /acme/customers, type: folder, recursive: true }",
            "{ type: directory, recursive: maybe }",
        )
        .edit("9753525b-82c7-4dce-8a9b-5ccfce2b9876", "6499120c-0b15-42dc-936e-847ea3c24d72");
    insta::assert_snapshot!("files", refused(&s, &manifest));
}

#[test]
fn a_sandbox_that_is_not_active_is_left_alone() {
    let mut s = Sandbox::behaving(&["sandbox-state=resetting"]);
    s.manifest(&pipeline("users"));
    let requests = s.recorded(|s| {
        s.apply(&[]).exit(8).says("the sandbox dev is not active: the platform calls it `resetting`").end();
    });
    assert!(requests.iter().all(|r| !r.is_write()), "{requests:?}");
    s.behave(&[]);
    s.converge(&[]);
    s.run(&["plan", "m.yaml", "--destroy", "-o", "p.json"]).success().end();
    s.behave(&["sandbox-state=deleting"]);
    s.destroy(&[]).exit(8).end();
    s.run(&["apply", "p.json", "--auto-approve"]).exit(8).says("is not active").end();
    assert_eq!(s.contents().counts(), [1; 5]);
}
