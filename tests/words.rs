//! What a person reads when things do not go as they should: each message once, as it is printed.

use crate::support::{Ran, Sandbox, Text, pipeline};

fn applied(manifest: &Text) -> Sandbox {
    let s = Sandbox::new();
    s.manifest(manifest);
    s.converge(&[]);
    s
}

/// In a fixed order.
fn apply<'a>(s: &'a Sandbox, more: &[&str]) -> Ran<'a> {
    s.apply(&[&["--parallelism", "1"], more].concat())
}

#[test]
fn refusals() {
    let s = applied(&pipeline("users").edit("96e3f67\n", "96e3f67\n  protect: true\n"));
    insta::assert_snapshot!("refused-protected", s.destroy(&[]));
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.somebody().connection("users base");
    insta::assert_snapshot!(
        "refused-name-taken",
        s.run(&["plan", "m.yaml", "--target", "users.baseConnection"])
    );
    let s = applied(&pipeline("one").and(&pipeline("two")));
    s.manifest(&pipeline("one"));
    insta::assert_snapshot!("refused-deletions", s.run(&["plan", "m.yaml"]));
    insta::assert_snapshot!(
        "refused-nobody-to-ask",
        s.run(&["destroy", "m.yaml", "--target", "one.dataflow"])
    );
}

#[test]
fn failures() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.fail(&["POST /sourceConnections#*:status=400"]);
    insta::assert_snapshot!("failed-one-branch", apply(&s, &[]));
    s.fail(&["POST /sourceConnections:close-after"]);
    insta::assert_snapshot!("lost-answer-found", apply(&s, &["--target", "users.source"]));
    s.fail(&[]);
    s.converge(&[]);
    s.manifest(&pipeline("users").edit("from there to here", "from here to there"));
    s.fail(&["PATCH /flows/*:edit"]);
    insta::assert_snapshot!("changed-since-the-plan", apply(&s, &[]));
    s.fail(&["GET /flows#*:502-html"]);
    insta::assert_snapshot!("cannot-read", s.run(&["plan", "m.yaml"]));
}

#[test]
fn recovery() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let held = s.path().join("held");
    s.fail(&[&format!("POST /connections:stop-after={}", held.display())]);
    let mut running = s.start(&["apply", "m.yaml", "--auto-approve", "--parallelism", "1"]);
    running.until("held");
    running.signal("KILL");
    assert_eq!(running.end().code, None);
    s.fail(&[]);
    let target = ["--target", "users.baseConnection"];
    insta::assert_snapshot!("recovery-plan", s.run(&[&["plan", "m.yaml"], &target[..]].concat()));
    insta::assert_snapshot!("recovery-apply", apply(&s, &target));
    insta::assert_snapshot!("state-show", s.run(&["state", "show", "users.baseConnection"]));
}

#[test]
fn saved_plans() {
    let s = applied(&pipeline("users"));
    s.manifest(&pipeline("users").edit("from there to here", "from here to there"));
    insta::assert_snapshot!("saved-plan", s.run(&["plan", "m.yaml", "-o", "p.json"]));
    s.somebody().describe("flows", s.contents().one("flows"), "mine now");
    insta::assert_snapshot!("saved-plan-stale", s.run(&["apply", "p.json", "--auto-approve"]));
    insta::assert_snapshot!("not-the-expected-plan", apply(&s, &["--expect", "0123456789abcdef0123"]));
}

#[test]
fn mistakes() {
    let s = Sandbox::bare();
    s.manifest(
        &pipeline("users")
            .edit("interval: 15", "interval: 5")
            .edit("accessToken: { fromEnv: ZENDESK_ACCESS_TOKEN }", "accessToken: abc")
            .edit("format: json", "fromat: json")
            .edit("destination: _extconndev.email", "destination: _extconndev.id"),
    );
    insta::assert_snapshot!("mistakes", s.run(&["validate", "m.yaml"]));
    s.manifest(&pipeline("users"));
    insta::assert_snapshot!("valid", s.run(&["validate", "m.yaml"]));
    insta::assert_snapshot!("no-credentials", s.run(&["plan", "m.yaml"]));
    insta::assert_snapshot!("no-state", s.run(&["state", "list"]));
}
