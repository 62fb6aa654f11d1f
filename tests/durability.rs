//! The state through the binary: whatever is on disk, and whatever the disk refuses, the state before is kept, the exit
//! code is 10, and the error says what to do.

#![expect(clippy::print_stdout, reason = "a test that sees nothing says so")]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::{Sandbox, pipeline};

const STATE: &str = "state/dev.json";

fn applied() -> Sandbox {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s.manifest(&pipeline("users").edit("interval: 15", "interval: 30"));
    s
}

/// All commands refuse the state as it is, and change nothing anywhere.
#[track_caller]
fn refused(s: &Sandbox, says: &str) {
    // Whoever takes the lock writes its name into the lock's file, and takes it out again.
    let files = || {
        let mut files = s.files();
        files.retain(|(path, _)| !path.ends_with("dev.json.lock"));
        files
    };
    let before = (files(), s.contents());
    for command in [
        &["plan", "m.yaml"][..],
        &["apply", "m.yaml", "--auto-approve"],
        &["destroy", "m.yaml", "--auto-approve"],
        &["state", "list", "--state", STATE],
    ] {
        let ran = s.run(command).exit(10).says(says).says("hint:");
        ran.end();
        assert!(before.0 == files(), "{command:?} changed a file");
        assert_eq!(before.1, s.contents(), "{command:?} changed the platform");
    }
}

#[test]
fn a_state_that_is_cut_short_anywhere_is_no_state() {
    let s = applied();
    let whole = s.read(STATE);
    for tenth in 0..10 {
        s.write(STATE, &whole[..whole.len() * tenth / 10]);
        refused(&s, "dev.json.backup");
    }
    // Only its last line break may be missing: then nothing is.
    s.write(STATE, whole.trim_end());
    s.converge(&[]);
}

#[test]
fn a_state_of_another_kind_is_no_state() {
    let s = applied();
    for text in ["not a state", "{}", "[]", "null", "\u{0}\u{0}\u{0}\u{0}", "{\"formatVersion\": 1}"] {
        s.write(STATE, text);
        refused(&s, STATE);
    }
}

#[test]
fn a_newer_state_is_left_alone() {
    let s = applied();
    let text = s.read(STATE).replacen("\"formatVersion\": 1", "\"formatVersion\": 99", 1);
    s.write(STATE, &text);
    refused(&s, "newer flowform");
}

#[test]
fn a_state_of_another_place_is_not_used_here() {
    let s = applied();
    for (here, there) in [("\"dev\"", "\"prod\""), ("http://localhost", "https://platform.adobe.io")] {
        let text = s.read(STATE);
        s.write(STATE, &text.replacen(here, there, 1));
        let before = s.contents();
        for verb in ["plan", "apply", "destroy"] {
            let approve = (verb != "plan").then_some("--auto-approve");
            let command: Vec<&str> = [verb, "m.yaml"].into_iter().chain(approve).collect();
            s.run(&command).exit(10).says("belongs to").says("hint:").end();
        }
        assert_eq!(s.contents(), before);
        s.write(STATE, &text);
    }
    s.converge(&[]);
}

/// A state with a log beside it: a run was killed.
fn killed() -> Sandbox {
    let mut s = applied();
    let held = s.path().join("held");
    s.fail(&[&format!("PATCH /flows/*:stop-after={}", held.display())]);
    let mut running = s.start(&["apply", "m.yaml", "--auto-approve"]);
    running.until("held");
    running.signal("KILL");
    running.end().end();
    s.fail(&[]);
    std::fs::remove_file(held).unwrap();
    assert!(s.read("state/dev.json.log").lines().count() > 1);
    s
}

#[test]
fn the_torn_end_of_a_log_is_what_never_happened() {
    let world = killed();
    let log = world.read("state/dev.json.log");
    // Every byte of the last line, in steps; and what a crash of the machine may leave behind the end.
    let last = log.trim_end().rfind('\n').unwrap() + 1;
    let cuts = (last..log.len()).step_by(1 + (log.len() - last) / 12).map(|at| log[..at].to_owned());
    for text in cuts.chain([format!("{log}\u{0}\u{0}\u{0}\u{0}"), format!("{log}{{\"chan")]) {
        let s = world.copy();
        s.write("state/dev.json.log", &text);
        s.converge(&[]);
        assert_eq!(s.contents().counts(), [1; 5]);
        s.state_is_the_platform();
    }
}

#[test]
fn a_log_of_another_state_is_not_mixed_in() {
    let s = killed();
    let state = s.read(STATE);
    let lineage: String = state.split("\"lineage\": \"").nth(1).unwrap().chars().take(32).collect();
    let other = "0".repeat(32);
    s.write(STATE, &state.replace(&lineage, &other));
    refused(&s, "belongs to another state");
    std::fs::remove_file(s.path().join(STATE)).unwrap();
    refused(&s, "is missing");
    s.write(STATE, &state);
    s.converge(&[]);
}

#[test]
fn the_snapshot_before_is_a_state() {
    let s = applied();
    s.converge(&[]);
    let before = s.run(&["state", "list", "--state", "state/dev.json.backup"]).success();
    before.shows("users.dataflow").end();
    // What the hint says: with it the damage is repaired.
    s.write(STATE, "torn");
    std::fs::copy(s.path().join("state/dev.json.backup"), s.path().join(STATE)).unwrap();
    s.converge(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);
    s.state_is_the_platform();
}

/// Whether this process may write where permissions say that nobody may: root may.
fn permissions_bind(s: &Sandbox) -> bool {
    let probe = s.path().join("probe");
    std::fs::write(&probe, "").unwrap();
    std::fs::set_permissions(&probe, std::fs::Permissions::from_mode(0o400)).unwrap();
    let binds = std::fs::OpenOptions::new().write(true).open(&probe).is_err();
    std::fs::remove_file(probe).unwrap();
    binds
}

#[test]
fn a_read_only_state_stays_as_it_is() {
    let s = applied();
    let state = s.path().join(STATE);
    let (before, contents) = (s.read(STATE), s.contents());
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o400)).unwrap();
    // Also root keeps to that: the file says so, whoever asks.
    s.apply(&[]).exit(10).says("read-only").says("chmod u+w").end();
    assert_eq!((s.read(STATE), s.contents()), (before, contents));
    s.run(&["plan", "m.yaml"]).success().end();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o600)).unwrap();
    s.converge(&[]);
}

#[test]
fn a_read_only_folder_is_found_before_anything_is_sent() {
    let s = applied();
    if !permissions_bind(&s) {
        // Root writes anyway, and nothing is refused: there is nothing to see here for it.
        println!("skipped: permissions do not bind this user");
        return;
    }
    let folder = s.path().join("state");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500)).unwrap();
    let sent = s.recorded(|s| s.apply(&[]).exit(10).says("hint:").end());
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(sent.iter().all(|r| !r.is_write()));
    s.converge(&[]);
}

/// The disk is full after so many blocks of 512 bytes in a file: the shell's limit, with its signal ignored, makes a
/// write fail as a full disk does.
fn with_room_for(s: &Sandbox, blocks: usize) -> (Option<i32>, String) {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_flowform"), "apply", "m.yaml", "--auto-approve"]);
    let output = s.dress(&mut command).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_full_disk_loses_nothing() {
    let fresh = Sandbox::new();
    fresh.manifest(&pipeline("users"));
    for (world, before) in [(fresh, false), (applied(), true)] {
        let mut failures = 0;
        for blocks in 0.. {
            let s = world.copy();
            let (code, said) = with_room_for(&s, blocks);
            if code == Some(0) {
                break;
            }
            failures += 1;
            assert_eq!(code, Some(10), "with room for {blocks} blocks:\n{said}");
            assert!(said.contains("hint:"), "{said}");
            // What was there before is there still, and can be read.
            if before {
                assert_eq!(s.managed().len(), 5, "with room for {blocks} blocks");
            }
            // Half of a file is not left lying about.
            let files = s.files();
            let mut names = files.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap());
            assert!(names.all(|name| name == "m.yaml" || name.starts_with("dev.json")), "{blocks} blocks");
            // With room again, what was done is found.
            s.converge(&[]);
            assert_eq!(s.contents().counts(), [1; 5], "with room for {blocks} blocks");
            s.state_is_the_platform();
        }
        assert!(failures > 2, "only {failures} sizes were too small");
    }
}
