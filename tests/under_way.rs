//! What other commands say and do while an apply is under way, or when it was killed: who only reads waits or gives up, and never
//! takes what is being made for somebody else's.

use crate::support::{Ran, Running, Sandbox, pipeline};

const APPLY: &[&str] = &["apply", "m.yaml", "--auto-approve", "--parallelism", "1"];

/// An apply of a new pipeline that is held after the platform has made the source.
fn held(s: &mut Sandbox) -> Running<'_> {
    s.manifest(&pipeline("users"));
    let file = s.path().join("held");
    s.fail(&[&format!("POST /sourceConnections:stop-after={}", file.display())]);
    let mut running = s.start(APPLY);
    running.until("held");
    running
}

/// Fails unless it names the holder, and nothing of what is in flight is taken for anybody else's.
#[track_caller]
fn told(ran: Ran<'_>) -> Ran<'_> {
    let ran = ran.says("locked by tester on testhost (process").says("running `flowform apply`");
    for wrong in ["taken over", "--adopt", "--create-beside", "not managed here", "did not record"] {
        assert!(!format!("{ran}").contains(wrong), "it says {wrong:?}:\n{ran}");
    }
    ran
}

#[test]
fn a_plan_beside_an_apply_ends_with_its_holder() {
    let mut s = Sandbox::new();
    let running = held(&mut s);
    for command in [
        &["plan", "m.yaml"][..],
        &["plan", "m.yaml", "-o", "p.plan"],
        &["plan", "--destroy", "--state", "state/dev.json", "--sandbox", "dev"],
        &["plan", "m.yaml", "--refresh-only"],
        &["plan", "m.yaml", "--suggest"],
        &["export", "--sandbox", "dev", "--org", "0123456789ABCDEF01234567@AdobeOrg"],
        &["import", "users.dataflow", "x", "m.yaml"],
        &["state", "mv", "users", "people", "--state", "state/dev.json"],
        &["state", "rm", "users", "--auto-approve", "--state", "state/dev.json"],
        &["destroy", "m.yaml", "--auto-approve"],
        APPLY,
    ] {
        let ran = told(running.beside(command).exit(6));
        assert!(ran.stdout.is_empty(), "{ran}");
        ran.end();
    }
    running.release("held");
    running.end().success().end();
    s.fail(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);
    assert!(s.plan(&[]).is_empty());
}

#[test]
fn what_only_shows_goes_on_and_says_what_is_missing() {
    let mut s = Sandbox::new();
    let running = held(&mut s);
    for command in [&["state", "list"][..], &["state", "show", "users.baseConnection"], &["status"]] {
        let ran = running.beside(&[command, &["--state", "state/dev.json"]].concat());
        let ran = told(ran.success()).says("what it has not recorded yet is not shown here");
        assert!(!ran.stderr.contains("has not ended"), "{ran}");
        ran.end();
    }
    running.beside(&["status", "--lock-timeout", "1s"]).exit(6).says("waiting until it ends").end();
    running.release("held");
    running.end().success().end();
}

#[test]
fn a_lock_is_waited_for() {
    let mut s = Sandbox::new();
    let running = held(&mut s);
    let plan = ["plan", "m.yaml", "--lock-timeout", "10m", "--detailed-exitcode"];
    let (mut reader, mut writer) = (
        running.start_beside(&plan),
        running.start_beside(&[
            "state",
            "mv",
            "users",
            "people",
            "--lock-timeout",
            "600",
            "--state",
            "state/dev.json",
        ]),
    );
    reader.until_it_says("waiting until it ends");
    writer.until_it_says("waiting until it ends");
    running.release("held");
    running.end().success().end();
    writer.end().success().says("users.source is now people.source").end();
    // The plan is of the state before the move or after it, and of nothing in between.
    let planned = reader.end();
    assert!(matches!(planned.code, Some(0 | 2 | 8)), "{planned}");
    assert!(!planned.stderr.contains("an interrupted apply"), "{planned}");
}

#[test]
fn an_apply_that_begins_while_a_plan_is_made_is_noticed() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s.manifest(&pipeline("users").edit("from there to here", "elsewhere"));
    let file = s.path().join("held");
    s.fail(&[&format!("GET /flows*:stop-before={}", file.display())]);
    let mut planning = s.start(&["plan", "m.yaml", "--detailed-exitcode"]);
    planning.until("held");
    planning.beside(APPLY).success().end();
    planning.release("held");
    let planned = planning.end().exit(0).says("it is made anew");
    planned.shows("No changes").end();
}

#[test]
fn what_a_killed_apply_made_is_counted_in_and_recorded_by_the_next_apply_alone() {
    let mut s = Sandbox::new();
    let mut running = held(&mut s);
    running.signal("KILL");
    assert_eq!(running.end().code, None);
    s.fail(&[]);
    let before = s.files();
    for command in [&["plan", "m.yaml"][..], &["status", "--state", "state/dev.json"]] {
        let ran = s.run(command).success().says("users.source: an interrupted apply created");
        assert!(!ran.stderr.contains("taken over") && !ran.stderr.contains("locked by"), "{ran}");
        ran.end();
    }
    s.run(&["state", "list", "--state", "state/dev.json"]).success().says("has not ended").end();
    assert_eq!(s.files(), before, "a reader wrote something");
    s.apply(&[]).success().says("it is taken over").end();
    assert_eq!(s.contents().counts(), [1; 5]);
    s.state_is_the_platform();
}

#[test]
fn a_name_in_a_lock_that_nobody_holds_is_nobody() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    // The process of this number is alive, and another one; the host is elsewhere.
    let holder = format!(
        "{{\"id\":\"00000001\",\"who\":\"ghost\",\"host\":\"far\",\"pid\":{},\"command\":\"flowform apply\",\
         \"since\":\"2026-01-01T00:00:00Z\"}}\n",
        std::process::id()
    );
    s.write("state/dev.json.lock", &holder);
    let ran = s.run(&["plan", "m.yaml"]).success();
    assert!(!ran.stderr.contains("ghost"), "{ran}");
    ran.end();
    assert_eq!(s.read("state/dev.json.lock"), holder);
    // Who holds it without a name is not called by the one before.
    let lock = std::fs::File::options().write(true).open(s.path().join("state/dev.json.lock")).unwrap();
    lock.lock().unwrap();
    lock.set_len(0).unwrap();
    s.run(&["plan", "m.yaml"]).exit(6).says("has not written down yet who it is").end();
}
