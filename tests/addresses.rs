//! Objects under other addresses, or under none: `state mv` and `rm`, `moved` and `forget`. The platform hears nothing of it.

use serde_json::Value;

use crate::support::{Sandbox, Text, pipeline};

/// Two pipelines; the second reads through the first one's base connection.
fn two(one: &str) -> Text {
    let other = pipeline("other")
        .without("baseConnection")
        .edit("source:\n", &format!("source:\n  baseConnection: {one}.baseConnection\n"));
    named(one).and(&other)
}

/// The pipeline `users` under another name; its objects keep theirs.
fn named(name: &str) -> Text {
    pipeline("users").edit("pipeline: users", &format!("pipeline: {name}"))
}

fn applied() -> Sandbox {
    let s = Sandbox::new();
    s.manifest(&two("users"));
    s.converge(&[]);
    s
}

fn parents(s: &Sandbox, address: &str) -> Value {
    s.state()["entries"][address]["dependsOn"].clone()
}

/// What is on disk of the state.
fn state_files(s: &Sandbox) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = s.files();
    files.retain(|(path, _)| {
        path.starts_with(s.path().join("state")) && path.extension().is_some_and(|e| e != "lock")
    });
    files
}

#[test]
fn a_pipeline_moves_with_all_that_refers_to_it_and_nothing_is_sent() {
    let s = applied();
    let before = s.contents();
    let snapshot = s.read("state/dev.json");
    let sent = s.recorded(|s| {
        let ran = s.run(&["state", "mv", "users", "people"]).success();
        ran.says("users.dataflow is now people.dataflow").end();
    });
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(parents(&s, "other.source"), serde_json::json!(["people.baseConnection"]));
    assert_eq!(
        parents(&s, "people.dataflow"),
        serde_json::json!(["people.source", "people.target", "people.mapping"])
    );
    assert_eq!(s.read("state/dev.json.backup"), snapshot, "the state before is kept");
    // The manifest that says the same has nothing to do; the old one would make everything anew.
    s.manifest(&two("people"));
    assert!(s.plan(&[]).is_empty());
    assert_eq!(s.contents(), before);
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().counts(), [0; 5]);
}

#[test]
fn one_address_moves_alone() {
    let s = applied();
    s.run(&["state", "mv", "users.target", "lake.target"])
        .success()
        .says("users.target is now lake.target")
        .end();
    assert!(s.managed().iter().any(|(address, _)| address == "lake.target"));
    assert_eq!(s.managed().len(), 9);
    assert_eq!(
        parents(&s, "users.dataflow"),
        serde_json::json!(["users.source", "lake.target", "users.mapping"])
    );
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let s = applied();
    let before = state_files(&s);
    for (arguments, code, says) in [
        (&["mv", "nobody.source", "x.source"][..], 3, "the state has no nobody.source"),
        (&["mv", "nobody", "x"], 3, "the state has no nobody"),
        (&["mv", "users.source", "x.target"], 3, "a source connection cannot become a target connection"),
        (&["mv", "users.source", "x"], 3, "not of the same sort"),
        (&["mv", "users", "users"], 3, "which it is already"),
        (&["mv", "users.source", "other.source"], 8, "the state has other.source already; nothing was moved"),
        (&["mv", "users", "other"], 8, "already; nothing was moved"),
        (&["mv", "users.flow", "x.flow"], 3, "is not an address"),
        (&["mv", "users", "a b"], 3, "no manifest can have `a b`"),
        (&["mv", "users", "\u{1b}[31m"], 3, "no manifest can have"),
        (&["mv", "users.source", "\u{202e}x.source"], 3, "no manifest can have"),
        (&["mv", "users"], 3, "required"),
        (&["rm"], 3, "required"),
        (&["rm", "nobody", "--auto-approve"], 3, "the state has no nobody"),
        (&["rm", "users.source", "nobody.source", "--auto-approve"], 3, "the state has no nobody.source"),
        (&["rm", "users.source"], 3, "there is no terminal to ask on; nothing was dropped"),
    ] {
        let ran = s.run(&[&["state"], arguments].concat()).exit(code).says(says);
        assert!(!ran.stderr.contains(['\u{1b}', '\u{202e}']), "{ran}");
        ran.end();
        assert_eq!(state_files(&s), before, "{arguments:?}");
    }
}

#[test]
fn without_a_state_there_is_nothing_to_move_and_none_is_made() {
    let s = Sandbox::bare();
    for arguments in [&["state", "mv", "a", "b"][..], &["state", "rm", "a", "--auto-approve"]] {
        s.run(arguments).exit(10).says("there is no state").end();
        s.run(&[arguments, &["--state", "deep/dev.json"]].concat()).exit(10).says("there is no state").end();
    }
    assert!(s.files().is_empty());
}

#[test]
fn what_is_dropped_stays_and_can_be_taken_back() {
    let s = applied();
    let before = s.contents();
    let ids = s.managed();
    let sent = s.recorded(|s| {
        let ran =
            s.run(&["state", "rm", "users.baseConnection", "users.dataflow", "--auto-approve"]).success();
        ran.says("no longer managed: users.baseConnection (").end();
    });
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(s.contents(), before);
    assert_eq!(s.managed().len(), 7);
    assert_eq!(parents(&s, "other.source"), Value::Null);
    // It is somebody else's object now, of the name that the manifest wants.
    let planned = s.plan(&[]);
    assert!(planned.plan["refusals"][0]["text"].as_str().unwrap().contains("not managed here"), "{planned}");
    s.converge(&["--adopt", "users"]);
    assert_eq!(s.managed(), ids);
}

#[test]
fn what_is_protected_is_not_dropped() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users").edit("target:\n", "target:\n  protect: true\n"));
    s.converge(&[]);
    s.run(&["state", "rm", "users", "--auto-approve"]).exit(8).says("users.target is protected").end();
    assert_eq!(s.managed().len(), 5);
    // Its protection goes with it to another address.
    s.run(&["state", "mv", "users", "people"]).success().end();
    s.run(&["state", "rm", "people.target", "--auto-approve"])
        .exit(8)
        .says("people.target is protected")
        .end();
}

#[test]
fn nothing_moves_while_another_run_is_at_it_or_has_not_ended() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s.manifest(&pipeline("users").edit("interval: 15", "interval: 30"));
    let held = s.path().join("held");
    s.fail(&[&format!("PATCH *:stop-before={}", held.display())]);
    let mut running = s.start(&["apply", "m.yaml", "--auto-approve"]);
    running.until("held");
    let surgery = [&["state", "mv", "users", "people"][..], &["state", "rm", "users", "--auto-approve"]];
    for arguments in surgery {
        running.beside(arguments).exit(6).says("running `flowform apply`").end();
    }
    running.kill();
    std::fs::remove_file(held).unwrap();
    s.fail(&[]);
    let before = state_files(&s);
    for arguments in surgery {
        s.run(arguments).exit(8).says("has not ended; nothing was changed").says("flowform apply").end();
        assert_eq!(state_files(&s), before);
    }
    s.converge(&[]);
    s.run(surgery[0]).success().end();
}

/// Killed at every boundary, the state is as before or as after, and the same command, if it is still needed, ends it.
#[cfg(debug_assertions)]
#[test]
fn a_killed_move_is_made_wholly_or_not_at_all() {
    let world = applied();
    for (arguments, moved) in [
        (&["state", "mv", "users", "people"][..], "users.source"),
        (&["state", "rm", "users", "--auto-approve"], "users.source"),
    ] {
        let before = world.managed();
        let (mut passed, mut done) = (0, 0);
        loop {
            let mut s = world.copy();
            s.set("FLOWFORM_STOP_AT", &(passed + 1).to_string());
            let mut running = s.start(arguments);
            let point = running.until_it_may_say("stopped at point ");
            running.kill();
            s.unset("FLOWFORM_STOP_AT");
            if point.is_none() {
                break;
            }
            passed += 1;
            if s.managed() == before {
                s.run(arguments).success().end();
            } else {
                done += 1;
            }
            let managed = s.managed();
            assert!(managed.iter().all(|(address, _)| address != moved), "{point:?}: {managed:?}");
            assert_eq!(managed.len(), if arguments[1] == "mv" { 9 } else { 4 }, "{point:?}");
            s.run(&["state", "list"]).success().end();
        }
        assert!(passed > 10 && done > 0 && done < passed, "{passed} points, done at {done}");
    }
}

/// `people`, which was `users`.
fn renamed() -> Text {
    Text::of(&format!("{}moved: [{{ from: users, to: people }}]\n", named("people").as_str()))
}

#[test]
fn a_move_in_the_manifest_is_reviewed_and_made_and_then_stays_quiet() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    let (before, ids) = (s.contents(), s.managed());
    s.manifest(&renamed());
    s.run(&["validate", "m.yaml"]).success().end();
    let ran = s.run(&["plan", "m.yaml", "--detailed-exitcode"]).exit(2);
    insta::assert_snapshot!("moved", ran);
    assert_eq!(s.managed(), ids, "a plan moves nothing");
    let sent = s.recorded(|s| s.apply(&[]).success().says("users.source is now people.source").end());
    assert!(sent.iter().all(|request| !request.is_write() || request.is_login()), "{sent:?}");
    assert_eq!(s.contents(), before);
    assert!(s.managed().iter().all(|(address, _)| address.starts_with("people.")));
    assert_eq!(parents(&s, "people.source"), serde_json::json!(["people.baseConnection"]));
    // Done, and for good: the block may stay.
    let again = s.plan(&["--detailed-exitcode"]);
    assert!(again.is_empty() && again.code == Some(0), "{again}");
    assert_eq!(again.plan["records"], serde_json::json!({}), "{again}");
}

#[test]
fn what_moves_may_change_too_and_what_the_new_manifest_lacks_goes() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    let target = s.contents().one("targetConnections").id.clone();
    s.manifest(&renamed().edit("what is written", "what was written").without("dataflow"));
    let planned = s.plan(&[]);
    assert_eq!(planned.actions(), ["update people.target", "delete people.dataflow"]);
    assert_eq!(planned.plan["moves"].as_array().unwrap().len(), 5);
    s.converge(&[]);
    assert_eq!(s.contents().one("targetConnections").id, target);
    assert_eq!(s.contents().counts(), [1, 1, 1, 1, 0]);
    s.state_is_the_platform();
}

#[test]
fn a_chain_of_moves_leads_to_its_end_from_wherever_one_stands() {
    let chain = "moved: [{ from: users, to: people }, { from: people, to: persons }]\n";
    let last = Text::of(&format!("{}{chain}", named("persons").as_str()));
    for stands in ["users", "people"] {
        let s = Sandbox::new();
        s.manifest(&named(stands));
        s.converge(&[]);
        s.manifest(&last);
        assert!(s.plan(&[]).actions().is_empty());
        s.converge(&[]);
        assert!(s.managed().iter().all(|(address, _)| address.starts_with("persons.")));
    }
}

#[test]
fn a_move_onto_another_object_is_refused() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users").and(&pipeline("other")));
    s.converge(&[]);
    let text = format!("{}moved: [{{ from: other.target, to: users.target }}]\n", pipeline("users").as_str());
    s.manifest(&Text::of(&text).and(
        &pipeline("other").without("target").edit("dataflow:\n", "dataflow:\n  target: users.target\n"),
    ));
    let before = s.managed();
    s.run(&["plan", "m.yaml"])
        .exit(8)
        .shows("users.target: other.target is to become it, and users.target is managed too")
        .end();
    s.apply(&[]).exit(8).end();
    assert_eq!(s.managed(), before);
}

#[test]
fn a_saved_plan_with_moves_is_carried_out_or_stale() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s.manifest(&renamed().edit("interval: 15", "interval: 30"));
    s.run(&["plan", "m.yaml", "-o", "p.json"]).success().end();
    // What it moves has moved elsewhere.
    let elsewhere = s.copy();
    elsewhere.run(&["state", "mv", "users.target", "lake.target"]).success().end();
    let files = state_files(&elsewhere);
    let ran = elsewhere.run(&["apply", "p.json", "--auto-approve"]).exit(7);
    ran.says("its moves can no longer be made: the state has no users.target").end();
    assert_eq!(state_files(&elsewhere), files);
    // What it leads to is taken; or it was made already.
    for from in ["users.target", "users"] {
        let done = s.copy();
        let to = if from == "users" { "people" } else { "people.target" };
        done.run(&["state", "mv", from, to]).success().end();
        done.run(&["apply", "p.json", "--auto-approve"]).exit(7).says("can no longer be made").end();
    }
    // The object that it changes has changed: nothing is moved either.
    let changed = s.copy();
    let flow = changed.contents().one("flows").clone();
    changed.somebody().describe("flows", &flow, "by hand");
    changed
        .run(&["apply", "p.json", "--auto-approve"])
        .exit(7)
        .says("people.dataflow: it has changed since")
        .end();
    assert!(changed.managed().iter().all(|(address, _)| address.starts_with("users.")));
    // An object that only moves may change: the move does not touch it.
    let source = s.contents().one("sourceConnections").clone();
    s.somebody().describe("sourceConnections", &source, "by hand");
    let source = s.contents().one("targetConnections").id.clone();
    let ran = s.run(&["apply", "p.json", "--auto-approve"]).success();
    ran.says("users.source is now people.source").end();
    assert_eq!(s.managed().iter().find(|(a, _)| a == "people.target").unwrap().1, source);
}

/// Killed anywhere, the next run ends with each object once, under its new address.
#[cfg(debug_assertions)]
#[test]
fn an_apply_with_moves_that_is_killed_is_ended_by_the_next() {
    let world = Sandbox::new();
    world.manifest(&pipeline("users"));
    world.converge(&[]);
    world.manifest(&renamed().edit("users target", "another target"));
    for point in 1.. {
        let mut s = world.copy();
        s.set("FLOWFORM_STOP_AT", &point.to_string());
        let mut running = s.start(&["apply", "m.yaml", "--auto-approve"]);
        let stopped = running.until_it_may_say("stopped at point ");
        running.kill();
        s.unset("FLOWFORM_STOP_AT");
        if stopped.is_none() {
            assert!(point > 20);
            break;
        }
        s.converge(&[]);
        s.state_is_the_platform();
        assert_eq!(s.contents().counts(), [1; 5], "{stopped:?}");
        assert!(s.managed().iter().all(|(address, _)| address.starts_with("people.")), "{stopped:?}");
    }
}

/// A manifest that has nothing left of `users` but what it says of it.
fn forgetting(what: &str) -> Text {
    let other = pipeline("other");
    Text::of(&format!("{}forget: {what}\n", other.as_str()))
}

fn two_alone() -> Sandbox {
    let s = Sandbox::new();
    s.manifest(&pipeline("other").and(&pipeline("users")));
    s.converge(&[]);
    s
}

#[test]
fn what_is_forgotten_stays_on_the_platform() {
    let s = two_alone();
    let before = s.contents();
    s.manifest(&forgetting("[users]"));
    let planned = s.plan(&[]);
    assert_eq!(
        planned.actions(),
        ["dataflow", "mapping", "target", "source", "baseConnection"].map(|k| format!("forget users.{k}"))
    );
    s.run(&["plan", "m.yaml"])
        .success()
        .shows("the manifest lets go of it: it stays on the platform as it is")
        .end();
    let sent = s.recorded(|s| s.apply(&[]).success().end());
    assert!(sent.iter().all(|request| !request.is_write() || request.is_login()), "{sent:?}");
    assert_eq!(s.contents(), before);
    assert_eq!(s.managed().len(), 5);
    assert!(s.plan(&[]).is_empty());
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().counts(), [1; 5]);
}

#[test]
fn a_saved_plan_forgets_what_it_was_made_for_or_nothing() {
    let s = two_alone();
    s.manifest(&forgetting("[users]"));
    s.run(&["plan", "m.yaml", "-o", "p.json"]).success().end();
    let gone = s.copy();
    let flow = gone.contents().named("flows", "users flow").clone();
    gone.somebody().delete("flows", &flow);
    gone.run(&["apply", "p.json", "--auto-approve"])
        .exit(7)
        .says("it has gone from the platform since")
        .end();
    assert_eq!(gone.managed().len(), 10);
    s.run(&["apply", "p.json", "--auto-approve"]).success().shows("5 forgotten").end();
}

#[test]
fn what_a_forgotten_object_uses_is_not_deleted_under_it() {
    let s = two_alone();
    s.manifest(&forgetting("[users.dataflow]"));
    let ran = s.run(&["plan", "m.yaml"]).exit(8);
    ran.shows("users.source: it would go, and users.dataflow, which is forgotten and stays, uses it").end();
    let before = s.contents();
    s.apply(&["--allow-deletes", "4"]).exit(8).end();
    assert_eq!(s.contents(), before);
    // What uses nothing of it may go.
    s.manifest(&forgetting("[users.baseConnection, users.source]"));
    s.converge(&["--allow-deletes", "3"]);
    assert_eq!(s.contents().counts(), [2, 2, 1, 1, 1]);
}

#[test]
fn what_is_protected_is_not_forgotten() {
    let s = Sandbox::new();
    let protected = pipeline("users").edit("target:\n", "target:\n  protect: true\n");
    s.manifest(&pipeline("other").and(&protected));
    s.converge(&[]);
    s.manifest(&forgetting("[users]"));
    s.run(&["plan", "m.yaml"]).exit(8).shows("users.target: it is protected and would be forgotten").end();
}
