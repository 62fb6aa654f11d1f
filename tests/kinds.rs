//! Field by field: what is patched in place, what is replaced and in which order, what is neither.

use serde_json::{Value, json};

use crate::support::{Sandbox, TOKEN, Text, pipeline, short};

/// A pipeline that was applied.
fn applied(manifest: &Text) -> Sandbox {
    applied_behaving(manifest, &[])
}

fn applied_behaving(manifest: &Text, switches: &[&str]) -> Sandbox {
    let s = Sandbox::behaving(switches);
    s.manifest(manifest);
    s.converge(&[]);
    s
}

/// Applies `manifest`, one step at a time; the writes it took.
#[track_caller]
fn writes(s: &Sandbox, manifest: &Text) -> Vec<String> {
    s.manifest(manifest);
    let before = s.contents();
    let requests = s.recorded(|s| s.apply(&["--parallelism", "1"]).success().end());
    s.state_is_the_platform();
    let planned = s.plan(&[]);
    assert!(planned.is_empty(), "after an apply the plan is not empty: {planned}");
    short(&requests, &before)
}

const LATER: &str = "schedule: { frequency: hour, interval: 15, startTime: 2099-01-01T00:00:00Z }";
const SCHEDULE: &str = "schedule: { frequency: minute, interval: 15 }";

/// From, to, whose and by which write, the changed field, where the platform has it, and what it is then.
type Case<'a> = (&'a str, &'a str, (&'a str, &'a str), &'a str, &'a str, Value);

#[test]
fn fields_that_are_changed_in_place() {
    let manifest = pipeline("users");
    let applied = applied(&manifest);
    let base = ("users.baseConnection", "PATCH /connections/OLD");
    let source = ("users.source", "PATCH /sourceConnections/OLD");
    let target = ("users.target", "PATCH /targetConnections/OLD");
    let flow = ("users.dataflow", "PATCH /flows/OLD");
    let cases: &[Case<'_>] = &[
        ("name: users base", "name: renamed", base, "/name", "/name", json!("renamed")),
        ("where the users are", "elsewhere", base, "/description", "/description", json!("elsewhere")),
        (
            "https://acme.",
            "https://acme2.",
            base,
            "/auth/params/subdomain",
            "/auth/params/subdomain",
            json!("https://acme2.zendesk.com"),
        ),
        ("name: users source", "name: renamed", source, "/name", "/name", json!("renamed")),
        ("  description: what is read\n", "", source, "/description", "/description", Value::Null),
        ("name: users target", "name: renamed", target, "/name", "/name", json!("renamed")),
        ("what is written", "other", target, "/description", "/description", json!("other")),
        ("name: users flow", "name: renamed", flow, "/name", "/name", json!("renamed")),
        ("  description: from there to here\n", "", flow, "/description", "/description", Value::Null),
        (
            "frequency: minute",
            "frequency: hour",
            flow,
            "/scheduleParams/frequency",
            "/scheduleParams/frequency",
            json!("hour"),
        ),
        (
            "interval: 15",
            "interval: 45",
            flow,
            "/scheduleParams/interval",
            "/scheduleParams/interval",
            json!(45),
        ),
        (
            "interval: 15",
            "interval: 15, startTime: 2099-01-01T00:00:00Z",
            flow,
            "/scheduleParams/startTime",
            "/scheduleParams/startTime",
            json!(4_070_908_800_i64),
        ),
    ];
    for (from, to, (address, write), changed, place, value) in cases {
        let s = applied.copy();
        let edited = manifest.edit(from, to);
        s.manifest(&edited);
        assert_eq!(s.plan(&[]).changes(), [format!("{address} {changed}")], "{to}");
        assert_eq!(writes(&s, &edited), [*write], "{to}");
        let kind = write.split('/').nth(1).unwrap();
        let body = s.contents().one(kind).body.clone();
        let now = body.pointer(place).unwrap_or(&Value::Null);
        let plain = |value: &Value| value.to_string().trim_matches('"').to_owned();
        assert_eq!(plain(now), plain(value), "{to}: {body}");
    }
}

#[test]
fn fields_that_replace_their_object_and_what_hangs_on_it() {
    let manifest = pipeline("users");
    let applied = applied(&manifest);
    let swap = ["POST /flows/OLD/action?op=disable", "POST /flows", "DELETE /flows/OLD"];
    let with = |before: &[&'static str], after: &[&'static str]| [before, &swap, after].concat();
    let source = with(&["POST /sourceConnections"], &["DELETE /sourceConnections/OLD"]);
    let target = with(&["POST /targetConnections"], &["DELETE /targetConnections/OLD"]);
    let base = with(
        &["POST /connections", "POST /sourceConnections"],
        &["DELETE /sourceConnections/OLD", "DELETE /connections/OLD"],
    );
    let dataset = with(
        &["POST /targetConnections", "POST /mappingSets"],
        &["DELETE /mappingSets/OLD", "DELETE /targetConnections/OLD"],
    );
    let other_schema = "7c1e9a0b4d3f5268e7a9b0c1d2e3f4a5968778695a4b3c2d";
    let schema = "995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4";
    let other_spec = manifest
        .edit("0a27232b-2c6e-4396-b8c6-c9fc24e37ba4", "2526ee57-0af4-46ea-a477-720a53108145")
        .edit("OAuth2 Refresh Code", "OAuth generic-rest-connector")
        .edit("subdomain: https://acme.zendesk.com", "host: acme.zendesk.com");
    let other_dataset =
        manifest.edit("624bf42e16519d19496e3f67", "66f0c1d2a3b4c5d6e7f80912").edit(schema, other_schema);
    let own_spec = "connectionSpec: { id: 6360f136-5980-4111-8bdf-15d29eab3b5a }\n  params: {}";
    let cases = [
        ("source params", manifest.edit("params: {}", "params: { page: 2 }"), &source),
        ("source format", manifest.edit("format: json", "format: delimited"), &source),
        ("source spec", manifest.edit("params: {}", own_spec), &source),
        ("target format", manifest.edit("96e3f67", "96e3f67\n  data: { format: parquet }"), &target),
        ("dataset and schema", other_dataset, &dataset),
        ("base connection spec", other_spec, &base),
        (
            "flow options",
            manifest.edit(SCHEDULE, &format!("{SCHEDULE}\n  options: {{ a: true }}")),
            &swap.to_vec(),
        ),
    ];
    for (what, edited, expected) in cases {
        let s = applied.copy();
        let before = s.contents();
        let done = writes(&s, &edited);
        let mut sorted = (done.clone(), expected.clone());
        sorted.0.sort();
        sorted.1.sort_unstable();
        assert_eq!(sorted.0, sorted.1, "{what}");
        safe_order(&done, what);
        assert_eq!(s.contents().counts(), [1; 5], "{what}");
        assert_ne!(s.contents().one("flows").id, before.one("flows").id, "{what}");
        assert_eq!(s.contents().flow_state(), "enabled", "{what}");
    }
}

/// New connections, old flow off, new flow, old flow away, old connections away.
#[track_caller]
fn safe_order(writes: &[String], what: &str) {
    let rank = |write: &str| match write {
        "POST /flows/OLD/action?op=disable" => 1,
        "POST /flows" => 2,
        "DELETE /flows/OLD" => 3,
        _ if write.starts_with("POST ") => 0,
        _ if write.starts_with("DELETE ") => 4,
        _ => panic!("{what}: {write} is no part of a replacement"),
    };
    // The old flow may be switched off before connections that it does not need are there, but not the other way
    // round: a new flow before the old one is off.
    let at = |wanted: usize| writes.iter().position(|w| rank(w) == wanted);
    let last = |wanted: usize| writes.iter().rposition(|w| rank(w) == wanted);
    assert!(at(1) < at(2) && at(2) < at(3), "{what}: {writes:?}");
    assert!(last(0) < at(2), "{what}: {writes:?}");
    assert!(at(4).is_none() || last(3) < at(4), "{what}: {writes:?}");
}

#[test]
fn a_replacement_keeps_its_order_when_steps_run_beside_each_other() {
    let manifest = pipeline("users");
    let s = applied(&manifest);
    s.manifest(
        &manifest
            .edit("params: {}", "params: { page: 2 }")
            .edit("96e3f67", "96e3f67\n  data: { format: parquet }"),
    );
    let before = s.contents();
    let requests = s.recorded(|s| s.apply(&["--parallelism", "8"]).success().end());
    safe_order(&short(&requests, &before), "source and target");
    assert_eq!(s.contents().counts(), [1; 5]);
}

#[test]
fn a_replacement_switches_the_old_flow_off_only_once_the_new_connections_are_there() {
    let manifest = pipeline("users");
    let mut s = applied(&manifest);
    s.manifest(&manifest.edit("params: {}", "params: { page: 2 }"));
    s.fail(&["POST /sourceConnections#*:status=400"]);
    let before = s.contents();
    s.apply(&[]).exit(1).end();
    assert_eq!(s.contents(), before, "the new source could not be made, and something was touched");
}

#[test]
fn a_flow_that_cannot_be_replaced_runs_again() {
    let manifest = pipeline("users");
    let mut s = applied(&manifest);
    let edited = manifest.edit("params: {}", "params: { page: 2 }");
    s.manifest(&edited);
    s.fail(&["POST /flows#*:status=400"]);
    let before = s.contents();
    let requests = s.recorded(|s| s.apply(&["--parallelism", "1"]).exit(9).end());
    let writes = short(&requests, &before);
    let expected = [
        "POST /sourceConnections",
        "POST /flows/OLD/action?op=disable",
        "POST /flows",
        "POST /flows/OLD/action?op=enable",
    ];
    assert_eq!(writes, expected);
    assert_eq!(s.contents().one("flows").id, before.one("flows").id);
    assert_eq!(s.contents().flow_state(), "enabled");
    s.fail(&[]);
    s.converge(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);
    s.state_is_the_platform();
}

#[test]
fn a_changed_mapping_is_a_put_and_a_patch_of_the_flow() {
    let manifest = pipeline("users");
    let s = applied(&manifest);
    let edited = manifest.edit("source: result.email", "source: result.mail");
    s.manifest(&edited);
    let planned = s.plan(&[]);
    assert_eq!(planned.actions(), ["update users.mapping", "update users.dataflow"]);
    assert_eq!(writes(&s, &edited), ["PUT /mappingSets/OLD", "PATCH /flows/OLD"]);
    let contents = s.contents();
    assert_eq!(contents.one("mappingSets").body["version"], 1);
    assert_eq!(contents.one("flows").body["transformations"][0]["params"]["mappingVersion"], "1");
    for (from, to) in [
        ("    - { source: result.id, destination: _extconndev.id }\n", ""),
        ("email }\n", "email }\n    - { source: result.name, destination: _extconndev.name }\n"),
        ("name: users mapping", "name: renamed mapping"),
        ("email }", "email, description: how to write to them }"),
    ] {
        let edited = edited.edit(from, to);
        assert_eq!(writes(&s, &edited), ["PUT /mappingSets/OLD", "PATCH /flows/OLD"], "{to}");
    }
}

#[test]
fn the_mapping_is_found_by_name_among_transformations() {
    let copy = "dataflow:\n  transformations:\n    - { name: Copy, params: { deltaColumn: { name: at } } }\n";
    let manifest = pipeline("users").edit("dataflow:\n", copy);
    let s = applied(&manifest);
    assert_eq!(
        writes(&s, &manifest.edit("result.email", "result.mail")),
        ["PUT /mappingSets/OLD", "PATCH /flows/OLD"]
    );
    let contents = s.contents();
    let transformations = contents.one("flows").body["transformations"].as_array().unwrap().clone();
    assert_eq!(transformations.len(), 2);
    let named = |name: &str| transformations.iter().find(|t| t["name"] == name).unwrap();
    assert_eq!(named("Copy")["params"]["deltaColumn"]["name"], "at");
    assert_eq!(named("Mapping")["params"]["mappingVersion"], "1");
    // Another transformation goes, the mapping stays.
    let without = pipeline("users").edit("result.email", "result.mail");
    assert_eq!(writes(&s, &without), ["PATCH /flows/OLD"]);
    assert_eq!(s.contents().one("flows").body["transformations"].as_array().unwrap().len(), 1);
}

#[test]
fn a_flow_that_is_not_to_run_is_made_and_switched_off() {
    let manifest = pipeline("users");
    let off = manifest.edit(SCHEDULE, &format!("{SCHEDULE}\n  enabled: false"));
    let s = Sandbox::new();
    let made = writes(&s, &off);
    assert_eq!(&made[made.len() - 2..], ["POST /flows", "POST /flows/NEW/action?op=disable"]);
    assert_eq!(s.contents().flow_state(), "disabled");
    assert_eq!(writes(&s, &manifest), ["POST /flows/OLD/action?op=enable"]);
    assert_eq!(s.contents().flow_state(), "enabled");
    let renamed = off.edit("name: users flow", "name: renamed");
    assert_eq!(writes(&s, &renamed), ["PATCH /flows/OLD", "POST /flows/OLD/action?op=disable"]);
    assert_eq!(s.contents().flow_state(), "disabled");
    // A flow that is off is replaced by one that is off, and never runs in between.
    let replaced = renamed.edit("params: {}", "params: { page: 2 }");
    let expected = [
        "POST /sourceConnections",
        "POST /flows",
        "POST /flows/NEW/action?op=disable",
        "DELETE /flows/OLD",
        "DELETE /sourceConnections/OLD",
    ];
    assert_eq!(writes(&s, &replaced), expected);
    assert_eq!(s.contents().flow_state(), "disabled");
}

#[test]
fn a_flow_that_somebody_switched_off_is_drift() {
    let manifest = pipeline("users");
    let s = applied(&manifest);
    let contents = s.contents();
    let path = format!("/flowservice/flows/{}/action?op=disable", contents.one("flows").id);
    s.somebody().send("POST", &path, &[], &Value::Null);
    assert_eq!(s.plan(&[]).drift(), ["users.dataflow /enabled"]);
    assert_eq!(writes(&s, &manifest), ["POST /flows/OLD/action?op=enable"]);
}

#[test]
fn a_new_secret_is_sent_with_all_parameters_and_kept_nowhere() {
    let manifest = pipeline("users");
    let mut s = Sandbox::behaving(&["secret-echo=clear"]);
    s.manifest(&manifest);
    s.converge(&[]);
    let second = "zendesk-t0ken-s3cond-value";
    s.set("ZENDESK_ACCESS_TOKEN", second);
    assert_eq!(s.plan(&[]).changes(), ["users.baseConnection /auth/params/accessToken"]);
    let before = s.contents();
    let requests = s.recorded(|s| s.apply(&[]).success().end());
    assert_eq!(short(&requests, &before), ["PATCH /connections/OLD"]);
    let patch = requests.iter().find(|r| r.method == "PATCH").unwrap();
    assert_eq!(patch.body[0]["path"], "/auth/params");
    assert_eq!(patch.if_match.as_deref(), Some(before.one("connections").etag()));
    let connection = s.contents().one("connections").body.clone();
    assert_eq!(connection["auth"]["params"]["accessToken"], second);
    assert_eq!(connection["auth"]["params"]["subdomain"], "https://acme.zendesk.com");
    for (path, content) in s.files() {
        let content = String::from_utf8_lossy(&content);
        assert!(!content.contains(TOKEN) && !content.contains(second), "a secret is in {}", path.display());
    }
    assert!(s.plan(&[]).is_empty());
}

#[test]
fn a_started_schedule_is_frozen() {
    let manifest = pipeline("users");
    let s = applied_behaving(&manifest, &["past-start=allowed"]);
    let contents = s.contents();
    let flow = contents.one("flows");
    let past = json!([{ "op": "replace", "path": "/scheduleParams/startTime", "value": "1600000000" }]);
    s.somebody().patch("flows", flow, &past);
    assert!(s.plan(&[]).is_empty(), "a start that nobody wrote down is not compared");
    // What may still move, moves in place.
    assert_eq!(writes(&s, &manifest.edit("interval: 15", "interval: 45")), ["PATCH /flows/OLD"]);
    // What is frozen makes a new flow.
    let replaced = ["POST /flows/OLD/action?op=disable", "POST /flows", "DELETE /flows/OLD"];
    assert_eq!(writes(&s, &manifest.edit("interval: 15", "interval: 45, backfill: false")), replaced);
}

#[test]
fn a_start_in_the_past_is_refused_before_anything_is_sent() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users").edit("interval: 15", "interval: 15, startTime: 1625040887"));
    let requests = s.recorded(|s| s.apply(&[]).exit(8).end());
    assert!(requests.iter().all(|r| !r.is_write()));
}

#[test]
fn a_field_that_the_platform_shows_by_default_can_be_set() {
    let manifest = pipeline("users");
    let s = applied(&manifest);
    assert_eq!(
        writes(&s, &manifest.edit("interval: 15", "interval: 15, backfill: false")),
        ["PATCH /flows/OLD"]
    );
}

#[test]
fn a_start_ahead_moves_in_place() {
    let manifest = pipeline("users").edit(SCHEDULE, LATER);
    let s = applied(&manifest);
    assert_eq!(writes(&s, &manifest.edit("2099-01-01", "2099-02-01")), ["PATCH /flows/OLD"]);
    // Once it is no longer said, it stays as it is.
    let unsaid = manifest.edit(", startTime: 2099-01-01T00:00:00Z", "");
    assert_eq!(writes(&s, &unsaid), [""; 0]);
}

#[test]
fn pipelines_share_a_base_connection_by_address() {
    let two = pipeline("two")
        .without("baseConnection")
        .edit("  name: two source\n", "  name: two source\n  baseConnection: one.baseConnection\n");
    let s = Sandbox::new();
    s.manifest(&pipeline("one").and(&two));
    s.converge(&[]);
    let contents = s.contents();
    assert_eq!(contents.counts(), [1, 2, 2, 2, 2]);
    for source in contents.of("sourceConnections") {
        assert_eq!(source.body["baseConnectionId"], json!(contents.one("connections").id));
    }
    // Replaced, it takes both pipelines along.
    let edited = pipeline("one")
        .edit("0a27232b-2c6e-4396-b8c6-c9fc24e37ba4", "2526ee57-0af4-46ea-a477-720a53108145")
        .edit("OAuth2 Refresh Code", "OAuth generic-rest-connector")
        .edit("subdomain: https://acme.zendesk.com", "host: acme.zendesk.com");
    s.manifest(&edited.and(&two));
    s.converge(&[]);
    let after = s.contents();
    assert_eq!(after.counts(), [1, 2, 2, 2, 2]);
    assert!(after.all().all(|o| o.name.ends_with("target")
        || o.name.ends_with("mapping")
        || !contents.all().any(|b| b.id == o.id)));
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().counts(), [0; 5]);
}

#[test]
fn objects_of_others_are_referred_to_by_id_and_left_alone() {
    let s = Sandbox::new();
    let theirs = s.somebody().connection("theirs");
    let spec = "connectionSpec: { id: 0a27232b-2c6e-4396-b8c6-c9fc24e37ba4 }";
    let manifest = pipeline("users").without("baseConnection").edit(
        "  name: users source\n",
        &format!("  name: users source\n  baseConnectionId: {theirs}\n  {spec}\n"),
    );
    s.manifest(&manifest);
    s.converge(&[]);
    assert_eq!(s.contents().one("sourceConnections").body["baseConnectionId"], json!(theirs));
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().list(), ["connections theirs"]);
}

#[test]
fn a_section_that_leaves_the_manifest_is_deleted() {
    let manifest = pipeline("one").and(&pipeline("two"));
    let s = applied(&manifest);
    let expected = [
        "DELETE /flows/OLD",
        "DELETE /mappingSets/OLD",
        "DELETE /targetConnections/OLD",
        "DELETE /sourceConnections/OLD",
        "DELETE /connections/OLD",
    ];
    s.manifest(&pipeline("one"));
    let before = s.contents();
    let requests = s.recorded(|s| s.apply(&["--parallelism", "1", "--allow-deletes", "5"]).success().end());
    assert_eq!(short(&requests, &before), expected);
    assert_eq!(s.contents().list().iter().filter(|o| o.contains("two")).count(), 0);
    s.state_is_the_platform();
}

#[test]
fn drift_of_every_kind_is_named_and_put_right() {
    let manifest = pipeline("users");
    let s = applied(&manifest);
    let contents = s.contents();
    let kinds = [
        ("connections", "users.baseConnection"),
        ("sourceConnections", "users.source"),
        ("targetConnections", "users.target"),
        ("flows", "users.dataflow"),
    ];
    for (kind, address) in kinds {
        s.somebody().describe(kind, contents.one(kind), "mine now");
        assert_eq!(s.plan(&[]).drift(), [format!("{address} /description")]);
        assert_eq!(writes(&s, &manifest), [format!("PATCH /{kind}/OLD")]);
    }
    // A mapping set has no etag and no patch: its drift is another version.
    let set = contents.one("mappingSets");
    let mut body = json!({ "name": set.name, "outputSchema": set.body["outputSchema"], "mappings": set.body["mappings"] });
    body["mappings"].as_array_mut().unwrap().truncate(1);
    s.somebody().send("PUT", &format!("/conversion/mappingSets/{}", set.id), &[], &body);
    let drift = s.plan(&[]).drift();
    assert!(!drift.is_empty() && drift.iter().all(|d| d.starts_with("users.mapping /fields/")), "{drift:?}");
    assert_eq!(writes(&s, &manifest), ["PUT /mappingSets/OLD", "PATCH /flows/OLD"]);
}

#[test]
fn what_is_gone_is_made_again_with_what_hangs_on_it() {
    let manifest = pipeline("users");
    let s = applied(&manifest);
    s.somebody().delete("flows", s.contents().one("flows"));
    let planned = s.plan(&[]);
    assert_eq!(planned.drift(), ["users.dataflow gone"]);
    assert_eq!(planned.actions(), ["create users.dataflow"]);
    assert_eq!(writes(&s, &manifest), ["POST /flows"]);
    // Forgotten, not failed on, when it is to go anyway.
    s.somebody().delete("flows", s.contents().one("flows"));
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().counts(), [0; 5]);
    assert!(s.managed().is_empty());
}

#[test]
fn a_mapping_that_the_flow_must_keep_is_not_deleted_under_it() {
    let manifest = pipeline("users");
    let s = applied(&manifest);
    // To a dataset no flow goes without a mapping; the platform says so, and the mapping stays.
    s.manifest(&manifest.without("mapping"));
    let before = s.contents();
    s.apply(&[]).exit(1).shows("CONNECTOR-1328-400").end();
    assert_eq!(s.contents(), before);
    s.manifest(&manifest);
    assert!(s.plan(&[]).is_empty());
}

#[test]
fn a_flow_that_moves_to_another_pipelines_source_is_replaced() {
    let (one, two) = (pipeline("one"), pipeline("two"));
    let s = applied(&one.and(&two));
    let moved = two.edit("name: two flow\n", "name: two flow\n  source: one.source\n");
    let swap = ["POST /flows/OLD/action?op=disable", "POST /flows", "DELETE /flows/OLD"];
    assert_eq!(writes(&s, &one.and(&moved)), swap);
    let contents = s.contents();
    let source = contents.named("sourceConnections", "one source");
    assert_eq!(contents.named("flows", "two flow").body["sourceConnectionIds"], json!([source.id]));
    // Nothing uses the old source any more, and it goes alone.
    let alone = one.and(&moved.without("source").without("baseConnection"));
    assert_eq!(writes(&s, &alone), ["DELETE /sourceConnections/OLD", "DELETE /connections/OLD"]);
}

#[test]
fn a_secret_from_another_place_is_the_same_secret() {
    let mut s = applied(&pipeline("users"));
    s.unset("ZENDESK_ACCESS_TOKEN");
    s.set("TOKEN_OF_ZENDESK", TOKEN);
    let moved = pipeline("users").edit("fromEnv: ZENDESK_ACCESS_TOKEN", "fromEnv: TOKEN_OF_ZENDESK");
    assert_eq!(writes(&s, &moved), [""; 0]);
}

#[test]
fn awkward_names_are_names() {
    for name in
        ["a, b", "100 %", "a&b=c", "x==y", "\u{fc}ber \u{1f980}", "it's \\\"quoted\\\"", "a/b?c#d", "+1 ~2"]
    {
        let manifest = pipeline("users").edit("name: users base", &format!("name: \"{name}\""));
        let s = Sandbox::new();
        s.manifest(&manifest);
        let theirs = s.somebody().connection(&name.replace('\\', ""));
        s.apply(&[]).exit(8).shows(&theirs).end();
        s.converge(&["--create-beside", "users.baseConnection"]);
        assert_eq!(s.contents().counts(), [2, 1, 1, 1, 1], "{name}");
        s.destroy(&[]).success().end();
        assert_eq!(s.contents().one("connections").id, theirs, "{name}");
    }
}

#[test]
fn no_new_flow_runs_beside_one_of_which_it_is_not_known_whether_it_runs() {
    let manifest = pipeline("users");
    let mut s = applied(&manifest);
    s.behave(&["settle=40"]);
    // Somebody's edit leaves the flow in a state between on and off.
    let contents = s.contents();
    s.somebody().describe("flows", contents.one("flows"), "from there to here!");
    s.manifest(&manifest.edit("params: {}", "params: { page: 2 }"));
    let requests = s.recorded(|s| s.apply(&["--parallelism", "1"]).end());
    let made = requests.iter().position(|r| r.method == "POST" && r.within() == "/flows");
    let off = requests.iter().position(|r| r.query == "op=disable" && r.status == 200);
    assert!(made.is_none() || off.is_some() && off < made, "{:?}", short(&requests, &contents));
}
