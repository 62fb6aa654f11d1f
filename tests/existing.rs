//! Objects that exist already: taken over by their ids in the manifest's `import` or by `flowform import`, written down by
//! `flowform export`.

use crate::support::{Sandbox, TOKEN, Text, pipeline};

/// A sandbox that holds the objects of `users`, made by somebody who has gone and taken the state along.
fn orphaned() -> Sandbox {
    orphaned_of(&pipeline("users"), &[])
}

fn orphaned_of(text: &Text, switches: &[&str]) -> Sandbox {
    let s = Sandbox::behaving(switches);
    s.manifest(text);
    s.converge(&[]);
    std::fs::remove_dir_all(s.path().join("state")).unwrap();
    s
}

const SECTIONS: [(&str, &str); 5] = [
    ("baseConnection", "connections"),
    ("source", "sourceConnections"),
    ("target", "targetConnections"),
    ("mapping", "mappingSets"),
    ("dataflow", "flows"),
];

/// The manifest of `users` with the ids of what there is.
fn importing(s: &Sandbox, text: &Text) -> Text {
    let contents = s.contents();
    let ids = SECTIONS.map(|(section, kind)| format!("  {section}: {}\n", contents.one(kind).id));
    Text::of(&format!("{}import:\n{}", text.as_str(), ids.concat()))
}

/// The requests that change something.
fn writes(s: &Sandbox, during: impl FnOnce(&Sandbox)) -> usize {
    s.recorded(during).iter().filter(|request| request.is_write() && !request.is_login()).count()
}

#[test]
fn an_import_is_planned_sends_nothing_and_stays_quiet() {
    let s = orphaned();
    let before = s.contents();
    s.manifest(&importing(&s, &pipeline("users")));
    s.run(&["validate", "m.yaml"]).success().end();
    let ran = s.run(&["plan", "m.yaml", "--detailed-exitcode"]).exit(2);
    insta::assert_snapshot!("imported", ran);
    assert_eq!(writes(&s, |s| s.apply(&[]).success().shows("5 adopted").end()), 0);
    assert_eq!(s.contents(), before);
    s.state_is_the_platform();
    let again = s.plan(&["--detailed-exitcode"]);
    assert!(again.is_empty() && again.code == Some(0), "{again}");
    assert_eq!(
        (again.plan["records"].to_string(), again.plan["notes"].to_string()),
        ("{}".into(), "[]".into())
    );
    // Taken over and replaced later, the block names an object that is no more, and still does no harm.
    s.converge(&["--replace", "users.source"]);
    assert!(s.plan(&[]).is_empty());
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().counts(), [0; 5]);
}

#[test]
fn an_imported_secret_is_sent_when_it_changes_or_when_asked() {
    let mut s = orphaned();
    s.manifest(&importing(&s, &pipeline("users")));
    s.converge(&[]);
    let ran = s.run(&["plan", "m.yaml", "--send-secrets", "users.baseConnection"]).success();
    ran.shows("its secrets are to be sent, as asked for with --send-secrets").shows("(sensitive").end();
    assert_eq!(writes(&s, |s| s.apply(&["--send-secrets", "users"]).success().end()), 1);
    assert!(s.plan(&[]).is_empty());
    s.set("ZENDESK_ACCESS_TOKEN", "another-value");
    assert_eq!(s.plan(&[]).changes(), ["users.baseConnection /auth/params/accessToken"]);
    s.converge(&[]);
    s.run(&["plan", "m.yaml", "--send-secrets", "nobody"])
        .exit(3)
        .says("neither the manifest nor the state")
        .end();
}

#[test]
fn a_secret_that_is_not_at_hand_keeps_nobody_from_importing() {
    let mut s = orphaned();
    s.manifest(&importing(&s, &pipeline("users")));
    s.unset("ZENDESK_ACCESS_TOKEN");
    assert_eq!(writes(&s, |s| s.apply(&[]).success().end()), 0);
    assert!(s.plan(&[]).is_empty());
    // At hand at last, it is taken for the one that is there, and that is said.
    s.set("ZENDESK_ACCESS_TOKEN", TOKEN);
    let planned = s.run(&["plan", "m.yaml"]).success();
    planned.shows("it is taken for the manifest's, and sent when that changes").end();
    assert_eq!(writes(&s, |s| s.apply(&[]).success().end()), 0);
    assert_eq!(s.plan(&[]).plan["notes"].to_string(), "[]");
    s.set("ZENDESK_ACCESS_TOKEN", "another-value");
    assert_eq!(s.plan(&[]).changes(), ["users.baseConnection /auth/params/accessToken"]);
}

#[test]
fn what_an_import_finds_otherwise_is_put_right_in_the_same_plan_or_refused() {
    let s = orphaned();
    let text = importing(&s, &pipeline("users"));
    s.manifest(
        &text.edit("interval: 15", "interval: 30").edit("source: result.email", "source: result.mail"),
    );
    let planned = s.plan(&[]);
    assert!(planned.changes().contains(&"users.dataflow /scheduleParams/interval".to_owned()), "{planned}");
    s.converge(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);

    let s = orphaned();
    s.manifest(&importing(&s, &pipeline("users")).edit("params: {}", "params: { page: 2 }"));
    let ran = s.run(&["plan", "m.yaml"]).exit(8);
    ran.shows("cannot be adopted: it differs in /params/page").end();
}

#[test]
fn an_id_that_cannot_be_taken_over_is_refused_with_the_reason() {
    let s = orphaned();
    let contents = s.contents();
    let [base, source] = ["connections", "sourceConnections"].map(|kind| contents.one(kind).id.clone());
    let of = |block: &str| Text::of(&format!("{}import: {block}\n", pipeline("users").as_str()));
    let refused = |block: &str, why: &str| {
        s.manifest(&of(block));
        s.run(&["plan", "m.yaml", "--adopt", "users"]).exit(8).shows(why).end();
        assert_eq!(writes(&s, |s| s.apply(&["--adopt", "users"]).exit(8).end()), 0);
    };
    refused(
        &format!("{{ source: {base} }}"),
        &format!("{base} is a base connection, not a source connection"),
    );
    refused("{ source: 00000000-0000-4000-8000-000000000000 }", "the sandbox has no source connection");
    refused("{ source: \"..%2f\" }", "the sandbox has no source connection ..%2f");
    // Managed already, here or elsewhere.
    s.manifest(&importing(&s, &pipeline("users")));
    s.converge(&[]);
    let other = pipeline("other").and(&pipeline("users"));
    s.manifest(&Text::of(&other.as_str().replacen(
        "---\n",
        &format!("import: {{ source: {source} }}\n---\n"),
        1,
    )));
    s.run(&["plan", "m.yaml"])
        .exit(8)
        .shows(&format!("other.source: {source} is managed as users.source already"))
        .end();
    let others = s.somebody().connection("somebody's");
    s.manifest(&of(&format!("{{ baseConnection: {others} }}")));
    s.run(&["plan", "m.yaml"])
        .exit(8)
        .shows(&format!("users.baseConnection: it is {base} already, and cannot be {others} too"))
        .end();
}

#[test]
fn a_saved_plan_that_imports_is_stale_when_the_object_is_another_one() {
    let s = orphaned();
    s.manifest(&importing(&s, &pipeline("users")));
    s.run(&["plan", "m.yaml", "-o", "p.json"]).success().end();
    let target = s.contents().one("targetConnections").clone();
    let changed = s.copy();
    changed.somebody().describe("targetConnections", &target, "by hand");
    changed
        .run(&["apply", "p.json", "--auto-approve"])
        .exit(7)
        .says("users.target: it has changed since")
        .end();
    let gone = s.copy();
    let flow = s.contents().one("flows").clone();
    gone.somebody().delete("flows", &flow);
    gone.run(&["apply", "p.json", "--auto-approve"]).exit(7).says("gone from the platform since").end();
    for run in [&changed, &gone] {
        assert!(run.state().is_null(), "nothing was recorded");
    }
    s.run(&["apply", "p.json", "--auto-approve"]).success().shows("5 adopted").end();
    s.state_is_the_platform();
    assert!(s.plan(&[]).is_empty());
    s.run(&["apply", "p.json", "--auto-approve"]).exit(7).end();
}

/// One object into the state.
const IMPORT: [&str; 2] = ["import", "users.target"];

#[test]
fn one_object_is_imported_as_it_is_and_the_next_plan_shows_what_differs() {
    let s = orphaned();
    let before = s.contents();
    s.manifest(
        &pipeline("users").edit("what is written", "what is written, in other words").without("dataflow"),
    );
    for (section, kind) in &SECTIONS[..4] {
        let id = before.one(kind).id.clone();
        let address = format!("users.{section}");
        assert_eq!(
            writes(&s, |s| s
                .run(&["import", &address, &id, "m.yaml"])
                .success()
                .says("is now managed as")
                .end()),
            0
        );
        // Once more changes nothing.
        let state = s.state();
        s.run(&["import", &address, &id, "m.yaml"]).success().says("already").end();
        assert_eq!(s.state(), state);
    }
    assert_eq!(s.contents(), before);
    let planned = s.plan(&[]);
    assert_eq!(planned.changes(), ["users.target /description"]);
    assert_eq!(planned.drift(), [""; 0]);
    s.run(&["plan", "m.yaml"]).success().shows("the manifest changed").shows("--send-secrets").end();
    s.converge(&[]);
    s.manifest(&pipeline("users"));
    s.run(&["import", "users.dataflow", &before.one("flows").id, "m.yaml"]).success().end();
    s.converge(&[]);
    s.state_is_the_platform();
    assert_eq!(s.contents().counts(), [1; 5]);
}

#[test]
fn what_cannot_be_imported_is_refused_and_records_nothing() {
    let s = orphaned();
    let contents = s.contents();
    let [source, target] =
        ["sourceConnections", "targetConnections"].map(|kind| contents.one(kind).id.clone());
    for (address, id, code, says) in [
        ("users.target", source.as_str(), 8, "is a source connection, not a target connection"),
        ("users.target", "nothing", 8, "the sandbox has no target connection nothing"),
        ("other.target", target.as_str(), 3, "the manifest has no other.target"),
        ("users.flow", target.as_str(), 3, "is not an address"),
        ("users.target", "", 3, "write the id of an existing object"),
        ("users.target", "..", 3, "write the id of an existing object"),
        ("users.target", "a\u{1b}[31m", 3, "write the id of an existing object"),
    ] {
        s.run(&["import", address, id, "m.yaml"]).exit(code).says(says).end();
        assert!(s.state().is_null());
    }
    s.run(&["import", "users.target", &target]).exit(3).says("no manifest is named").end();
    s.run(&[&IMPORT[..], &[&target, "m.yaml"]].concat()).success().end();
    s.manifest(&pipeline("users").and(&pipeline("other")));
    s.run(&["import", "other.target", &target, "m.yaml"])
        .exit(8)
        .says("is managed as users.target already")
        .end();
    s.run(&["import", "users.target", &source, "m.yaml"]).exit(8).says("already, and cannot be").end();
    assert_eq!(s.managed(), [("users.target".to_owned(), target)]);
}

#[test]
fn nothing_is_imported_while_another_run_is_at_it_or_has_not_ended() {
    let mut s = orphaned();
    let target = s.contents().one("targetConnections").id.clone();
    s.manifest(&importing(&s, &pipeline("users")).edit("interval: 15", "interval: 30"));
    let held = s.path().join("held");
    s.fail(&[&format!("PATCH *:stop-before={}", held.display())]);
    let mut running = s.start(&["apply", "m.yaml", "--auto-approve"]);
    running.until("held");
    let arguments = [&IMPORT[..], &[&target, "m.yaml"]].concat();
    running.beside(&arguments).exit(6).says("running `flowform apply`").end();
    running.kill();
    std::fs::remove_file(held).unwrap();
    s.fail(&[]);
    s.run(&arguments).exit(8).says("has not ended; nothing was changed").end();
    s.converge(&[]);
}
