//! What is refused, and that a refusal touches nothing.

use crate::support::{Ran, Sandbox, Text, pipeline};

fn applied(manifest: &Text) -> Sandbox {
    let s = Sandbox::new();
    s.manifest(manifest);
    s.converge(&[]);
    s
}

/// Runs `command`, which has to end with `code` and to change nothing anywhere.
#[track_caller]
fn refused<'a>(s: &'a Sandbox, code: i32, command: impl FnOnce(&'a Sandbox) -> Ran<'a>) -> Ran<'a> {
    let before = (s.contents(), s.managed(), s.requests().len());
    let ran = command(s).exit(code);
    assert_eq!(before.0, s.contents(), "a refused run changed the platform:\n{ran}");
    assert_eq!(before.1, s.managed(), "a refused run changed the state:\n{ran}");
    let requests = s.requests().split_off(before.2);
    assert!(requests.iter().all(|r| !r.is_write()), "a refused run wrote:\n{ran}");
    ran
}

/// Replaces the only base connection, and what hangs on it.
fn another_spec(manifest: &Text) -> Text {
    manifest
        .edit("0a27232b-2c6e-4396-b8c6-c9fc24e37ba4", "2526ee57-0af4-46ea-a477-720a53108145")
        .edit("OAuth2 Refresh Code", "OAuth generic-rest-connector")
        .edit("subdomain: https://acme.zendesk.com", "host: acme.zendesk.com")
}

#[test]
fn many_deletions_have_to_be_meant() {
    let s = applied(&pipeline("one").and(&pipeline("two")));
    s.manifest(&pipeline("one"));
    assert_eq!(s.plan(&[]).code, Some(8));
    refused(&s, 8, |s| s.apply(&[])).shows("5 of 10").shows("--allow-deletes 5").end();
    refused(&s, 8, |s| s.apply(&["--allow-deletes", "4"])).shows("4 are allowed").end();
    s.converge(&["--allow-deletes", "5"]);
    assert_eq!(s.contents().counts(), [1; 5]);
    // Of few objects, a share says nothing.
    s.manifest(&pipeline("one").without("dataflow"));
    s.converge(&[]);
    assert_eq!(s.contents().counts(), [1, 1, 1, 1, 0]);
}

#[test]
fn a_manifest_without_a_pipeline_is_a_mistake_and_deletes_nothing() {
    let s = applied(&pipeline("users"));
    for (empty, code) in [("", 4), ("# nothing\n", 4)] {
        s.write("m.yaml", empty);
        refused(&s, code, |s| s.apply(&["--sandbox", "dev", "--org", crate::support::ORG])).end();
    }
}

#[test]
fn what_is_protected_stays() {
    let protected = pipeline("users").edit("96e3f67\n", "96e3f67\n  protect: true\n");
    let s = applied(&protected);
    refused(&s, 8, |s| s.destroy(&[])).shows("users.target").shows("protected").end();
    // The state remembers it when the section is gone.
    s.manifest(&pipeline("users").without("dataflow").without("target"));
    refused(&s, 8, |s| s.apply(&[])).shows("users.target").end();
    s.manifest(&protected.edit("96e3f67\n", "96e3f67\n  data: { format: parquet }\n"));
    refused(&s, 8, |s| s.apply(&[])).shows("would be replaced").end();
    // Changed in place, it may be.
    s.manifest(&protected.edit("what is written", "what was written"));
    s.converge(&[]);
    // Lifted, it goes.
    let lifted = protected.edit("protect: true", "protect: false");
    s.manifest(&lifted);
    s.converge(&[]);
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().counts(), [0; 5]);
}

#[test]
fn a_name_that_is_taken_is_found_by_the_plan() {
    let manifest = pipeline("users");
    let s = Sandbox::behaving(&["secret-echo=clear"]);
    s.manifest(&manifest);
    let theirs = s.somebody().connection("users base");
    let ran = refused(&s, 8, |s| s.apply(&[]));
    ran.shows(&theirs).shows("--adopt users.baseConnection").end();
    s.converge(&["--adopt", "users.baseConnection"]);
    assert_eq!(s.contents().counts(), [1; 5]);
    let connection = s.contents().one("connections").clone();
    assert_eq!(connection.id, theirs);
    assert_eq!(connection.body["auth"]["params"]["accessToken"], crate::support::TOKEN);
    s.state_is_the_platform();
    // A whole pipeline may be named; nothing else of it had a namesake.
    let s = Sandbox::new();
    s.manifest(&manifest);
    let theirs = s.somebody().connection("users base");
    s.converge(&["--adopt", "users"]);
    assert_eq!(s.contents().one("connections").id, theirs);
}

#[test]
fn one_can_be_made_beside_another_of_its_name() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let theirs = s.somebody().connection("users base");
    s.converge(&["--create-beside", "users.baseConnection"]);
    assert_eq!(s.contents().counts(), [2, 1, 1, 1, 1]);
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().one("connections").id, theirs);
}

#[test]
fn of_several_of_a_name_none_is_adopted() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let (one, two) = (s.somebody().connection("users base"), s.somebody().connection("users base"));
    let ran = refused(&s, 8, |s| s.apply(&["--adopt", "users.baseConnection"]));
    ran.shows(&one).shows(&two).end();
}

#[test]
fn a_whole_lost_state_can_be_adopted_again() {
    let s = applied(&pipeline("users"));
    std::fs::remove_dir_all(s.path().join("state")).unwrap();
    refused(&s, 8, |s| s.apply(&[])).end();
    let before = s.contents();
    s.converge(&["--adopt", "users"]);
    assert_eq!(s.contents().counts(), [1; 5]);
    assert_eq!(s.contents().one("flows").id, before.one("flows").id);
    s.state_is_the_platform();
}

#[test]
fn an_object_that_differs_where_it_is_fixed_cannot_be_adopted() {
    let s = Sandbox::new();
    s.manifest(&another_spec(&pipeline("users")));
    s.somebody().connection("users base");
    refused(&s, 8, |s| s.apply(&["--adopt", "users"])).shows("cannot be adopted").end();
}

/// A saved plan of an edit of `users`, while `other` is managed too.
fn saved() -> Sandbox {
    let both = pipeline("users").and(&pipeline("other"));
    let s = applied(&both);
    s.manifest(&both.edit("name: users flow", "name: renamed"));
    s.run(&["plan", "m.yaml", "-o", "p.json"]).success().end();
    s
}

const CARRY_OUT: &[&str] = &["apply", "p.json", "--auto-approve"];

#[test]
fn a_saved_plan_is_carried_out_once() {
    let s = saved();
    // Nothing is read from the manifest any more.
    std::fs::remove_file(s.path().join("m.yaml")).unwrap();
    s.run(CARRY_OUT).success().end();
    assert!(s.contents().of("flows").iter().any(|flow| flow.name == "renamed"));
    refused(&s, 7, |s| s.run(CARRY_OUT)).says("stale").says("users.dataflow").end();
}

#[test]
fn a_saved_plan_of_a_first_apply_is_carried_out() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.run(&["plan", "m.yaml", "-o", "p.json"]).success().end();
    s.run(CARRY_OUT).success().end();
    s.state_is_the_platform();
    assert!(s.plan(&[]).is_empty());
    refused(&s, 7, |s| s.run(CARRY_OUT)).end();
}

#[test]
fn a_saved_plan_whose_object_moved_is_stale() {
    let s = saved();
    let contents = s.contents();
    s.somebody().describe("flows", contents.named("flows", "users flow"), "mine now");
    refused(&s, 7, |s| s.run(CARRY_OUT)).says("users.dataflow").says("etag").end();
}

#[test]
fn a_saved_plan_whose_object_is_gone_is_stale() {
    let s = saved();
    let contents = s.contents();
    s.somebody().delete("flows", contents.named("flows", "users flow"));
    refused(&s, 7, |s| s.run(CARRY_OUT)).says("users.dataflow").end();
}

#[test]
fn a_saved_plan_whose_entry_moved_is_stale() {
    let s = saved();
    s.manifest(&pipeline("users").edit("interval: 15", "interval: 30").and(&pipeline("other")));
    s.converge(&[]);
    refused(&s, 7, |s| s.run(CARRY_OUT)).says("users.dataflow").says("entry").end();
}

#[test]
fn a_saved_plan_outlives_what_does_not_concern_it() {
    let s = saved();
    let contents = s.contents();
    // Somebody edits another pipeline, another apply puts that right, and objects of others come.
    s.somebody().describe("flows", contents.named("flows", "other flow"), "mine now");
    s.somebody().connection("theirs");
    s.manifest(&pipeline("users").and(&pipeline("other").edit("interval: 15", "interval: 30")));
    s.apply(&["--target", "other"]).success().end();
    s.run(CARRY_OUT).success().end();
    assert!(s.contents().of("flows").iter().any(|flow| flow.name == "renamed"));
}

#[test]
fn a_saved_plan_belongs_to_its_state() {
    let s = saved();
    std::fs::rename(s.path().join("state"), s.path().join("old")).unwrap();
    refused(&s, 7, |s| s.run(CARRY_OUT)).end();
    // Another lineage with the same objects.
    s.manifest(&pipeline("users").and(&pipeline("other")));
    s.apply(&["--adopt", "users", "--adopt", "other"]).success().end();
    refused(&s, 7, |s| s.run(CARRY_OUT)).says("lineage").end();
}

#[test]
fn a_saved_plan_belongs_to_its_place() {
    let s = saved();
    refused(&s, 3, |s| s.run(&[CARRY_OUT, &["--sandbox", "prod"]].concat())).says("sandbox").end();
    refused(&s, 7, |s| s.run(&[CARRY_OUT, &["--emulator"]].concat())).end();
}

#[test]
fn a_saved_plan_that_was_edited_is_no_plan() {
    let s = saved();
    s.write("p.json", &s.read("p.json").replace("renamed", "renamed by hand"));
    refused(&s, 3, |s| s.run(CARRY_OUT)).says("edited").end();
}

#[test]
fn a_saved_plan_knows_its_secrets() {
    let mut s = Sandbox::behaving(&["secret-echo=clear"]);
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s.set("ZENDESK_ACCESS_TOKEN", "second");
    s.run(&["plan", "m.yaml", "-o", "p.json"]).success().end();
    s.set("ZENDESK_ACCESS_TOKEN", "third");
    refused(&s, 7, |s| s.run(CARRY_OUT)).says("secret").end();
    s.unset("ZENDESK_ACCESS_TOKEN");
    refused(&s, 3, |s| s.run(CARRY_OUT)).says("ZENDESK_ACCESS_TOKEN").end();
    s.set("ZENDESK_ACCESS_TOKEN", "second");
    s.run(CARRY_OUT).success().end();
    assert_eq!(s.contents().one("connections").body["auth"]["params"]["accessToken"], "second");
}

#[test]
fn an_expected_fingerprint_holds_an_apply_to_the_reviewed_plan() {
    let manifest = pipeline("users");
    let s = applied(&manifest);
    s.manifest(&manifest.edit("interval: 15", "interval: 30"));
    let reviewed = s.plan(&[]).fingerprint();
    s.manifest(&manifest.edit("interval: 15", "interval: 45"));
    refused(&s, 7, |s| s.apply(&["--expect", &reviewed])).says("not the expected one").end();
    s.manifest(&manifest.edit("interval: 15", "interval: 30"));
    refused(&s, 3, |s| s.apply(&["--expect", &reviewed[..8]])).end();
    s.apply(&["--expect", &reviewed]).success().end();
    assert!(s.plan(&[]).is_empty());
}

#[test]
fn one_apply_at_a_time() {
    let mut s = applied(&pipeline("users"));
    let held = s.path().join("held");
    s.fail(&[&format!("PATCH /flows/*:stop-before={}", held.display())]);
    s.manifest(&pipeline("users").edit("interval: 15", "interval: 30"));
    let mut first = s.start(&["apply", "m.yaml", "--auto-approve"]);
    first.until("held");
    refused(&s, 6, |s| s.apply(&[])).says("tester on testhost").says("flowform apply").end();
    refused(&s, 6, |s| s.destroy(&[])).end();
    // A plan of what is under way would be of no use; who only looks is not kept out.
    refused(&s, 6, |s| s.run(&["plan", "m.yaml"])).says("tester on testhost").end();
    s.run(&["state", "list"]).success().says("tester on testhost").end();
    first.release("held");
    first.end().success().end();
    assert!(s.plan(&[]).is_empty());
}

#[test]
fn a_state_is_used_for_its_own_place_only() {
    let anywhere =
        pipeline("users").edit("platform: { org: 0123456789ABCDEF01234567@AdobeOrg, sandbox: dev }\n", "");
    let s = applied(&pipeline("users"));
    s.manifest(&anywhere);
    let there = ["--state", "state/dev.json", "--org", crate::support::ORG, "--sandbox", "prod"];
    refused(&s, 10, |s| s.apply(&there)).says("dev").says("prod").end();
    refused(&s, 10, |s| s.run(&[&["plan", "m.yaml"], &there[..]].concat())).end();
    let other_org = ["--sandbox", "dev", "--org", "FFFFFFFFFFFFFFFFFFFFFFFF@AdobeOrg"];
    refused(&s, 10, |s| s.apply(&other_org)).end();
}

#[test]
fn a_target_brings_what_it_needs_and_nothing_else() {
    let s = Sandbox::new();
    s.manifest(&pipeline("one").and(&pipeline("two")));
    s.apply(&["--target", "one.source"]).success().end();
    assert_eq!(s.contents().list(), ["connections one base", "sourceConnections one source"]);
    s.apply(&["--target", "two", "--exclude", "two.dataflow"]).success().end();
    assert_eq!(s.contents().counts(), [2, 2, 1, 1, 0]);
    s.converge(&[]);
    assert_eq!(s.contents().counts(), [2; 5]);
    s.run(&["destroy", "m.yaml", "--auto-approve", "--target", "one.source"]).success().end();
    assert_eq!(s.contents().counts(), [2, 1, 2, 2, 1]);
    s.run(&["destroy", "m.yaml", "--auto-approve", "--exclude", "two"]).success().end();
    assert!(s.contents().list().iter().all(|object| object.contains(" two ")));
    refused(&s, 3, |s| s.apply(&["--target", "nobody"])).says("nobody").end();
    refused(&s, 3, |s| s.apply(&["--exclude", "one.nothing"])).end();
}

#[test]
fn what_is_to_be_replaced_is_replaced() {
    let s = applied(&pipeline("users"));
    let before = s.contents();
    s.apply(&["--replace", "users.dataflow"]).success().end();
    let after = s.contents();
    assert_eq!(after.counts(), [1; 5]);
    assert_ne!(after.one("flows").id, before.one("flows").id);
    assert_eq!(after.one("sourceConnections"), before.one("sourceConnections"));
    refused(&s, 8, |s| s.apply(&["--replace", "users.source", "--exclude", "users.dataflow"]))
        .shows("users.dataflow")
        .end();
    refused(&s, 3, |s| s.apply(&["--replace", "users.nothing"])).end();
    s.apply(&["--replace", "users.source"]).success().end();
    assert_eq!(s.contents().counts(), [1; 5]);
    assert!(s.plan(&[]).is_empty());
}

#[test]
fn a_destroy_takes_the_manifests_pipelines_and_leaves_the_others() {
    let s = applied(&pipeline("one").and(&pipeline("two")));
    s.manifest(&pipeline("one"));
    s.destroy(&[]).success().end();
    assert!(s.contents().list().iter().all(|object| object.contains(" two ")));
    assert_eq!(s.contents().counts(), [1; 5]);
    std::fs::remove_file(s.path().join("m.yaml")).unwrap();
    s.destroy(&["--sandbox", "dev", "--org", crate::support::ORG]).success().end();
    assert_eq!(s.contents().counts(), [0; 5]);
}

#[test]
fn what_another_pipeline_uses_by_its_id_is_not_deleted_under_it() {
    let s = Sandbox::new();
    s.manifest(&pipeline("first"));
    s.apply(&["--target", "first.baseConnection"]).success().end();
    let (_, id) = s.managed().remove(0);
    // A pipeline that names the connection as if somebody else owned it, planned without the one that owns it.
    let second = pipeline("second")
        .without("baseConnection")
        .edit("  name: second source\n", &format!("  name: second source\n  baseConnectionId: {id}\n  connectionSpec: {{ id: 0a27232b-2c6e-4396-b8c6-c9fc24e37ba4 }}\n"));
    s.manifest(&second);
    insta::assert_snapshot!("used-by-its-id", s.run(&["plan", "m.yaml", "--format", "markdown"]).exit(8));
    refused(&s, 8, |s| s.apply(&[])).shows("second.source uses it by its id").end();
    s.manifest(&pipeline("first").and(&second));
    s.converge(&[]);
    // Whatever order the addresses have, what uses an object goes before it.
    let all = s.run(&["destroy", "--auto-approve", "--sandbox", "dev", "--org", crate::support::ORG]);
    all.success().end();
    assert!(s.managed().is_empty());
}
