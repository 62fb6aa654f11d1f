//! Two at once: on one state, where the lock keeps the second out; and with two states on one sandbox, where names and
//! conditional requests keep both honest.

use crate::support::{Running, Sandbox, Text, pipeline};

/// One pipeline is there, and its flow is to be changed.
fn applied() -> Sandbox {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s
}

const APPLY: &[&str] = &["apply", "m.yaml", "--auto-approve", "--parallelism", "1"];

/// An apply that is held at a request.
fn held<'a>(s: &'a mut Sandbox, pattern: &str) -> Running<'a> {
    let file = s.path().join("held");
    let _ = std::fs::remove_file(&file);
    s.fail(&[&format!("{pattern}={}", file.display())]);
    let mut running = s.start(APPLY);
    running.until("held");
    running
}

/// The id in `(lock ID)`.
fn lock_id(said: &str) -> String {
    let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, after) = flat.split_once("(lock ").unwrap();
    after.split_once(')').unwrap().0.to_owned()
}

#[test]
fn the_second_is_told_who_holds_the_lock_since_when() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let folder = s.path().to_owned();
    let first = held(&mut s, "POST /connections:stop-before");
    let second = first.beside(APPLY).exit(6);
    let second = second.says("tester on testhost (process").says("running `flowform apply`");
    let year = jiff::Timestamp::now().to_string()[..4].to_owned();
    let second = second.says(&format!("since {year}-")).says("wait until it ends");
    assert!(second.stdout.is_empty(), "nothing was planned:\n{second}");
    second.end();
    first.beside(&["destroy", "m.yaml", "--auto-approve"]).exit(6).end();
    std::fs::remove_file(folder.join("held")).unwrap();
    first.end().success().end();
    s.fail(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);
    assert!(s.plan(&[]).is_empty());
}

#[test]
fn of_many_at_once_one_works() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let runs: Vec<Running<'_>> = (0..6).map(|_| s.start(APPLY)).collect();
    let codes: Vec<Option<i32>> = runs.into_iter().map(|run| run.end().code).collect();
    assert!(codes.contains(&Some(0)), "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 6))), "{codes:?}");
    assert_eq!(s.contents().counts(), [1; 5]);
    s.state_is_the_platform();
    assert!(s.plan(&[]).is_empty());
}

#[test]
fn the_lock_of_a_killed_run_blocks_nobody() {
    for moment in ["stop-before", "stop-after"] {
        let mut s = Sandbox::new();
        s.manifest(&pipeline("users"));
        let mut first = held(&mut s, &format!("POST /sourceConnections:{moment}"));
        first.signal("KILL");
        assert_eq!(first.end().code, None);
        s.fail(&[]);
        s.converge(&[]);
        assert_eq!(s.contents().counts(), [1; 5], "{moment}");
        s.state_is_the_platform();
    }
}

#[test]
fn a_lock_is_broken_by_its_own_name_only() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let folder = s.path().to_owned();
    // It has sent a create, and does not know yet what became of it.
    let robbed = held(&mut s, "POST /sourceConnections:stop-after");
    let refused = robbed.beside(APPLY).exit(6);
    let id = lock_id(&refused.stderr);
    refused.says(&format!("flowform state unlock {id}")).end();

    let unlock = |id: &str, more: &[&str]| {
        let state = ["state", "unlock", id, "--state", "state/dev.json"];
        robbed.beside(&[&state, more].concat())
    };
    // Nobody is asked without a terminal, and nothing is broken unasked.
    unlock(&id, &[]).exit(3).says("no terminal").end();
    unlock("00000000", &["--auto-approve"]).exit(6).says(&id).end();
    robbed.beside(APPLY).exit(6).end();
    unlock(&id, &["--auto-approve"]).success().says("taken away from tester on testhost").end();
    unlock(&id, &["--auto-approve"]).success().says("nobody holds the lock").end();

    // Whoever comes now finds the plan in flight, and the object that the robbed run has just made.
    robbed.beside(APPLY).success().end();
    // The robbed run notices before it records anything, and begins nothing more.
    std::fs::remove_file(folder.join("held")).unwrap();
    robbed.end().exit(10).says("the lock").says("was taken away from this run").end();
    s.fail(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);
    s.state_is_the_platform();
    assert!(s.plan(&[]).is_empty());
}

#[test]
fn what_a_robbed_run_did_is_found_by_the_next() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let folder = s.path().to_owned();
    let robbed = held(&mut s, "POST /sourceConnections:stop-before");
    let id = lock_id(&robbed.beside(APPLY).exit(6).stderr);
    robbed.beside(&["state", "unlock", &id, "--auto-approve", "--state", "state/dev.json"]).success().end();
    std::fs::remove_file(folder.join("held")).unwrap();
    robbed.end().exit(10).says("was taken away from this run").end();
    s.fail(&[]);
    // The source is there, and in no record.
    assert_eq!(s.contents().of("sourceConnections").len(), 1);
    s.converge(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);
    s.state_is_the_platform();
}

#[test]
fn a_second_state_finds_the_names_taken() {
    let s = applied();
    let before = s.contents();
    let ran = s.apply(&["--state", "other.json"]).exit(8);
    ran.shows("not managed here").shows("--adopt users.baseConnection").end();
    assert_eq!(s.contents(), before);
    s.state_is_the_platform();
}

/// The same with a second manifest and a second state, which has adopted everything.
fn shared(theirs: &Text) -> Sandbox {
    let s = applied();
    s.apply(&["--state", "other.json", "--adopt", "users"]).success().end();
    s.write("theirs/m.yaml", theirs.as_str());
    assert_eq!(s.contents().counts(), [1; 5]);
    s
}

const THEIRS: &[&str] = &["apply", "theirs/m.yaml", "--auto-approve", "--state", "other.json"];

#[test]
fn of_two_states_of_one_object_the_later_write_is_told() {
    // Not the same field, and still not what was reviewed.
    let theirs = pipeline("users").edit("from there to here", "theirs");
    let mut s = shared(&theirs);
    let folder = s.path().to_owned();
    s.manifest(&pipeline("users").edit("interval: 15", "interval: 30"));
    let ours = held(&mut s, "PATCH /flows/*:stop-before");
    ours.beside(THEIRS).success().end();
    std::fs::remove_file(folder.join("held")).unwrap();
    let ours = ours.end();
    assert!(matches!(ours.code, Some(1 | 7)), "{ours}");
    ours.shows("changed since the plan").shows("/description").end();
    let flow = s.contents().one("flows").clone();
    assert_eq!(flow.body["description"], "theirs");
    assert_eq!(flow.body["scheduleParams"]["interval"].to_string().trim_matches('"'), "15");
    // The next plan shows it, and whoever approves that knows what it replaces.
    s.fail(&[]);
    let planned = s.plan(&[]);
    assert_eq!(planned.drift(), ["users.dataflow /description"]);
    s.converge(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);
    assert_eq!(s.contents().one("flows").body["description"], "from there to here");
}

#[test]
fn a_mapping_set_that_moved_before_the_write_is_not_overwritten() {
    let theirs = pipeline("users").edit("source: result.email", "source: result.theirs");
    let mut s = shared(&theirs);
    let folder = s.path().to_owned();
    let ours = pipeline("users").edit("source: result.email", "source: result.ours");
    s.manifest(&ours.edit("where the users are", "elsewhere"));
    // They come while we are still at the base connection; a mapping set has no etag, so it is read before it is written.
    let ours = held(&mut s, "PATCH /connections/*:stop-before");
    ours.beside(THEIRS).success().end();
    std::fs::remove_file(folder.join("held")).unwrap();
    let ours = ours.end();
    assert_eq!(ours.code, Some(9), "{ours}");
    ours.shows("users.mapping").shows("changed since the plan").end();
    let mappings = s.contents().one("mappingSets").body["mappings"].to_string();
    assert!(mappings.contains("result.theirs"), "{mappings}");
    s.fail(&[]);
    s.converge(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);
}

#[test]
fn what_the_other_state_deletes_is_not_deleted_with_what_we_just_changed() {
    let mut s = shared(&pipeline("users"));
    let folder = s.path().to_owned();
    s.manifest(&pipeline("users").edit("from there to here", "ours"));
    let ours = held(&mut s, "PATCH /flows/*:stop-before");
    ours.beside(&["destroy", "theirs/m.yaml", "--auto-approve", "--state", "other.json"]).success().end();
    std::fs::remove_file(folder.join("held")).unwrap();
    let ours = ours.end();
    assert!(matches!(ours.code, Some(1 | 7)), "{ours}");
    ours.shows("gone, or not visible").end();
    s.fail(&[]);
    // Everything is gone; we make it again, once.
    s.converge(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);
    s.state_is_the_platform();
}
