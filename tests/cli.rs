//! The command line: usage, exit codes, streams, colours, signals, secrets.

use std::fmt::Write as _;

use crate::support::{CLIENT_SECRET, Sandbox, TOKEN, Text, pipeline};

#[test]
fn a_command_line_that_cannot_be_understood() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    for arguments in [
        &["frobnicate"][..],
        &["plan", "--frobnicate"],
        &["plan", "m.yaml", "--format", "yaml"],
        &["plan", "m.yaml", "--parallelism", "0"],
        &["plan", "m.yaml", "--retry-wait", "0"],
        &["plan", "m.yaml", "--target", "users.nothing"],
        &["plan", "m.yaml", "--var", "no-equals-sign"],
        &["plan", "m.yaml", "--log", "loud"],
        &["apply", "m.yaml", "--sandbox", "other"],
        &["apply", "m.yaml", "--org", "other@AdobeOrg"],
        &["emulator", "--behaviour", "frob=1"],
        &["emulator", "--fault", "GET /x:frob"],
        &["state", "show", "nothing"],
    ] {
        let ran = s.run(arguments).exit(3);
        assert!(ran.stdout.is_empty(), "a mistake is talk, not data:\n{ran}");
        assert!(!ran.stderr.is_empty(), "{ran}");
    }
    assert!(s.requests().iter().all(|r| !r.is_write()));
}

#[test]
fn every_mistake_is_reported_in_one_run() {
    let s = Sandbox::bare();
    // The flow refers to the source, whose section has a mistake of its own.
    s.manifest(&pipeline("users").edit("format: json", "fromat: json").edit("interval: 15", "interval: 5"));
    s.run(&["validate", "m.yaml"]).exit(4).says("unknown key `fromat`").says("an interval of 5").end();
}

#[test]
fn each_class_of_failure_has_its_exit_code() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.run(&["plan", "nowhere.yaml"]).exit(4).end();
    s.write("wrong.yaml", "apiVersion: flowform/v1\npipeline: x\nfrob: 1\n");
    s.run(&["validate", "wrong.yaml"]).exit(4).says("frob").end();
    s.run(&["plan", "wrong.yaml"]).exit(4).says("frob").end();
    s.run(&["state", "list"]).exit(10).end();
    s.write("state/dev.json", "not a state");
    s.run(&["plan", "m.yaml"]).exit(10).end();
    std::fs::remove_file(s.path().join("state/dev.json")).unwrap();
    s.behave(&["client-secret=another"]);
    s.run(&["plan", "m.yaml"]).exit(5).says("IMS refuses the client id or the client secret").end();
    s.behave(&[]);
    s.unset("ADOBE_CLIENT_SECRET");
    s.run(&["plan", "m.yaml"]).exit(5).says("ADOBE_CLIENT_SECRET").end();
    s.set("ADOBE_CLIENT_SECRET", CLIENT_SECRET);
    s.fail(&["GET /flows#*:status=500"]);
    s.run(&["plan", "m.yaml"]).exit(1).end();
    s.fail(&["POST /flows#*:status=400"]);
    s.apply(&[]).exit(9).end();
    s.fail(&["POST /flows#*:status=400", "PATCH *#*:status=400"]);
    s.apply(&[]).exit(1).end();
    s.stop();
    s.run(&["plan", "m.yaml"]).exit(1).says("cannot connect").end();
}

#[test]
fn help_is_an_answer_and_names_the_exit_codes() {
    let s = Sandbox::bare();
    s.run(&["--version"]).success().shows("flowform").end();
    let ran = s.run(&["--help"]).success();
    assert!(ran.stderr.is_empty(), "{ran}");
    let table: Vec<u8> = ran
        .stdout
        .lines()
        .skip_while(|line| *line != "Exit codes:")
        .skip(1)
        .map_while(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    assert_eq!(table, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130]);
}

#[test]
fn the_readme_has_the_exit_codes_of_the_help() {
    let s = Sandbox::bare();
    let help = s.run(&["--help"]).success();
    let rows: Vec<(&str, &str)> = include_str!("../README.md")
        .lines()
        .skip_while(|line| *line != "## Exit codes")
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "))
        .filter(|(code, _)| code.parse::<u8>().is_ok())
        .collect();
    assert_eq!(rows.len(), 13, "{rows:?}");
    rows.iter().fold(help, |help, (code, meaning)| help.shows(&format!("{code} {meaning}"))).end();
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let ran = s.run(&["apply", "m.yaml"]).exit(3).says("--auto-approve");
    // The plan is shown all the same.
    ran.shows("5 to create").end();
    assert_eq!(s.contents().counts(), [0; 5]);
    s.converge(&[]);
    s.run(&["destroy", "m.yaml"]).exit(3).says("--auto-approve").end();
    assert_eq!(s.contents().counts(), [1; 5]);
    // Where there is nothing to do there is nothing to ask.
    s.run(&["apply", "m.yaml"]).success().end();
}

#[test]
fn colours_are_for_those_who_want_them() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let mut colours = |arguments: &[&str], set: &[(&str, &str)]| {
        for (name, value) in set {
            s.set(name, value);
        }
        let ran = s.run(&[&["plan", "m.yaml"], arguments].concat()).success();
        let coloured = ran.stdout.contains('\u{1b}');
        ran.end();
        for (name, _) in set {
            s.unset(name);
        }
        coloured
    };
    assert!(!colours(&[], &[]));
    assert!(colours(&["--color", "always"], &[]));
    assert!(!colours(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(colours(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colours(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn nothing_that_others_wrote_reaches_the_terminal_as_it_is() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users").edit("from there to here", "\"\\e[31mred\\a\""));
    s.run(&["validate", "m.yaml"]).exit(4).says("characters that cannot be seen").end();
    s.manifest(&pipeline("users"));
    let contents = |s: &Sandbox| s.contents().one("flows").clone();
    let check = |arguments: &[&str]| {
        let ran = s.run(arguments).success();
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{ran}");
        }
    };
    s.converge(&[]);
    s.somebody().describe("flows", &contents(&s), "\u{1b}]0;title\u{7} \u{202e}desrever\nline");
    check(&["plan", "m.yaml", "--requests"]);
    check(&["apply", "m.yaml", "--auto-approve", "--log", "debug"]);
}

#[test]
fn nothing_that_others_wrote_reaches_the_terminal_through_the_log() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s.somebody().describe("flows", s.contents().one("flows"), "\u{1b}]0;title\u{7} \u{202e}desrever\nline");
    let ran = s.run(&["plan", "m.yaml", "--log", "trace"]).success();
    assert!(!ran.stderr.contains(['\u{1b}', '\u{7}', '\u{202e}']), "a log line is not made harmless");
    ran.end();
}

/// A full disk must not look like a short answer.
#[cfg(target_os = "linux")]
#[test]
fn data_that_cannot_be_written_is_an_error() {
    let s = Sandbox::bare();
    let mut command = std::process::Command::new("sh");
    let full = "\"$0\" schema > /dev/full";
    s.dress(command.args(["-c", full, env!("CARGO_BIN_EXE_flowform")]));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stdout cannot be written"), "{output:?}");
}

#[test]
fn stdout_is_data_and_stderr_is_talk() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    for arguments in [
        &["plan", "m.yaml", "--format", "json"][..],
        &["validate", "m.yaml", "--format", "json"],
        &["schema"],
    ] {
        let ran = s.run(arguments).success();
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&ran.stdout);
        assert!(parsed.is_ok(), "stdout is not one JSON document: {parsed:?}\n{ran}");
    }
}

#[test]
fn a_state_that_cannot_be_written_stops_an_apply_before_it_begins() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    // A file in the folder's place: also for root there is no way in.
    s.write("state", "in the way");
    s.apply(&[]).exit(10).says("state").end();
    assert!(s.requests().iter().all(|r| !r.is_write()));
    // Whoever only looks needs no place to write.
    std::fs::remove_file(s.path().join("state")).unwrap();
    s.run(&["plan", "m.yaml"]).success().end();
    assert!(!s.path().join("state").exists());
}

#[test]
fn one_interrupt_finishes_what_is_under_way_and_begins_nothing() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let held = s.path().join("held");
    s.fail(&[&format!("POST /connections:stop-before={}", held.display())]);
    let mut running = s.start(&["apply", "m.yaml", "--auto-approve", "--parallelism", "1"]);
    running.until("held");
    running.signal("INT");
    running.until_it_says("Stopping");
    running.release("held");
    running.end().exit(130).end();
    assert_eq!(s.contents().list(), ["connections users base"]);
    s.state_is_the_platform();
    s.fail(&[]);
    s.converge(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);
}

#[test]
fn two_interrupts_stop_at_once_and_the_next_run_looks() {
    for moment in ["stop-before", "stop-after"] {
        let mut s = Sandbox::new();
        s.manifest(&pipeline("users"));
        let held = s.path().join("held");
        s.fail(&[&format!("POST /sourceConnections:{moment}={}", held.display())]);
        let mut running = s.start(&["apply", "m.yaml", "--auto-approve", "--parallelism", "1"]);
        running.until("held");
        running.signal("INT");
        running.until_it_says("Stopping");
        running.signal("INT");
        running.end().exit(130).end();
        let made = usize::from(moment == "stop-after");
        s.fail(&[]);
        assert_eq!(s.contents().of("sourceConnections").len(), made);
        // Planning finds it too, and writes nothing.
        let creates = s.plan(&[]).actions().iter().filter(|a| a.starts_with("create")).count();
        assert_eq!(creates, 4 - made);
        s.converge(&[]);
        assert_eq!(s.contents().counts(), [1; 5], "{moment}");
        s.state_is_the_platform();
    }
}

#[test]
fn an_interrupt_leaves_no_flow_switched_off() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s.manifest(&pipeline("users").edit("params: {}", "params: { page: 2 }"));
    let held = s.path().join("held");
    s.fail(&[&format!("POST /flows/*/action:stop-before={}", held.display())]);
    let mut running = s.start(&["apply", "m.yaml", "--auto-approve", "--parallelism", "1"]);
    running.until("held");
    running.signal("INT");
    running.until_it_says("Stopping");
    running.release("held");
    running.end().exit(130).end();
    assert_eq!(s.contents().counts(), [1, 2, 1, 1, 1]);
    assert_eq!(s.contents().flow_state(), "enabled");
    s.fail(&[]);
    s.converge(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);
    s.state_is_the_platform();
}

#[test]
fn the_emulator_as_a_server_of_its_own() {
    let mut s = Sandbox::new();
    s.stop();
    let flags = ["--store", "theirs.jsonl", "--request-log", "theirs.log", "--behaviour", "page-count=real"];
    let mut server = s.start(&[&["emulator"], &flags[..]].concat());
    let url = server.first_line();
    let at = ["--gateway", &url, "--ims", &url];
    s.manifest(&pipeline("users"));
    s.apply(&at).success().end();
    let planned = s.plan(&[&at[..], &["--detailed-exitcode"]].concat());
    assert!(planned.is_empty() && planned.code == Some(0));
    assert!(s.read("theirs.log").contains("POST"));
    server.signal("INT");
    server.end().success().end();
    // What it held is there when it comes again, at another port.
    let mut server = s.start(&[&["emulator"], &flags[..]].concat());
    let url = server.first_line();
    assert!(s.plan(&["--gateway", &url, "--ims", &url]).is_empty());
    server.signal("TERM");
    server.end().success().end();
}

#[test]
fn an_interrupted_plan_changes_nothing() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let held = s.path().join("held");
    s.fail(&[&format!("GET /flows:stop-before={}", held.display())]);
    let mut running = s.start(&["apply", "m.yaml", "--auto-approve"]);
    running.until("held");
    running.signal("TERM");
    running.end().exit(130).end();
    assert_eq!(s.contents().counts(), [0; 5]);
}

/// Everything that a life of a secret prints and keeps: created, rotated, refused, lost, killed, destroyed.
fn life_of_a_secret(manifest: &Text, switch: &str, log: &str) -> String {
    let mut s = Sandbox::behaving(&[switch]);
    s.set("ZENDESK_URL", HIDDEN);
    s.manifest(manifest);
    let mut printed = String::new();
    let mut keep = |s: &Sandbox, arguments: &[&str]| {
        let ran = s.run(&[arguments, &["--log", log]].concat());
        for line in ran.stdout.lines().chain(ran.stderr.lines()) {
            let _ = writeln!(printed, "$ flowform {} | {line}", arguments.join(" "));
        }
        for (path, content) in s.files() {
            for line in String::from_utf8_lossy(&content).lines() {
                let name = path.file_name().unwrap().display();
                let _ = writeln!(printed, "$ flowform {} > {name} {line}", arguments.join(" "));
            }
        }
    };
    let apply = &["apply", "m.yaml", "--auto-approve"][..];
    keep(&s, &["plan", "m.yaml", "-o", "first.json", "--requests"]);
    keep(&s, apply);
    keep(&s, &["state", "show", "users.baseConnection"]);
    s.set("ZENDESK_ACCESS_TOKEN", ROTATED);
    s.manifest(&manifest.edit("where the users are", "elsewhere"));
    keep(&s, &["plan", "m.yaml", "-o", "second.json", "--requests"]);
    keep(&s, &["plan", "m.yaml", "--format", "json"]);
    for fault in ["status=400", "status=500", "close-after", "412", "edit"] {
        s.fail(&[&format!("PATCH /connections/*#*:{fault}")]);
        keep(&s, apply);
    }
    s.fail(&["POST /ims/*#*:401"]);
    keep(&s, apply);
    // Killed while it sends: what is in flight is on disk.
    let held = s.path().join("held");
    s.fail(&[&format!("PATCH /connections/*:stop-before={}", held.display())]);
    s.manifest(&manifest.edit("where the users are", "somewhere"));
    let mut running = s.start(apply);
    running.until("held");
    running.signal("KILL");
    assert_eq!(running.end().code, None);
    s.fail(&[]);
    keep(&s, &["plan", "m.yaml"]);
    keep(&s, &["apply", "m.yaml", "--auto-approve", "--format", "json"]);
    keep(&s, &["destroy", "m.yaml", "--auto-approve"]);
    assert_eq!(s.contents().counts(), [0; 5]);
    printed
}

const ROTATED: &str = "zendesk-t0ken-s3cond-value";
const HIDDEN: &str = "https://h1dden-name.zendesk.com";

/// Lines that hold a secret, shortened.
fn leaks(printed: &str) -> Vec<String> {
    let secrets = [TOKEN, ROTATED, CLIENT_SECRET, "h1dden-name"];
    let found = |line: &&str| secrets.iter().any(|secret| line.contains(secret));
    printed.lines().filter(found).map(|line| line.chars().take(160).collect()).collect()
}

#[test]
fn no_secret_is_printed_or_kept() {
    let printed = life_of_a_secret(&pipeline("users"), "secret-echo=masked", "trace");
    assert!(printed.contains("TRACE"), "nothing was logged");
    let leaks = leaks(&printed);
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[test]
fn a_parameter_is_secret_when_the_manifest_refers_to_it_as_a_secret() {
    let manifest = pipeline("users").edit("https://acme.zendesk.com", "{ fromEnv: ZENDESK_URL }");
    let leaks = leaks(&life_of_a_secret(&manifest, "secret-echo=masked", "debug"));
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[test]
fn a_platform_that_shows_secrets_does_not_make_them_public() {
    let leaks = leaks(&life_of_a_secret(&pipeline("users"), "secret-echo=clear", "warn"));
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[test]
fn a_platform_that_shows_secrets_does_not_bring_them_into_the_log() {
    let leaks = leaks(&life_of_a_secret(&pipeline("users"), "secret-echo=clear", "trace"));
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[test]
fn a_secret_that_cannot_be_had_stops_only_what_needs_it() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.unset("ZENDESK_ACCESS_TOKEN");
    s.run(&["plan", "m.yaml"]).success().says("ZENDESK_ACCESS_TOKEN").end();
    s.apply(&[]).exit(3).says("ZENDESK_ACCESS_TOKEN").end();
    assert!(s.requests().iter().all(|r| !r.is_write()));
    s.set("ZENDESK_ACCESS_TOKEN", TOKEN);
    s.converge(&[]);
    // Another object's edit needs no secret.
    s.unset("ZENDESK_ACCESS_TOKEN");
    s.manifest(&pipeline("users").edit("interval: 15", "interval: 30"));
    s.apply(&[]).success().end();
    s.set("ZENDESK_ACCESS_TOKEN", TOKEN);
    assert!(s.plan(&[]).is_empty());
}

#[test]
fn secrets_come_from_files_and_commands_too() {
    // By default the emulator does not even keep what it would not show.
    let s = Sandbox::behaving(&["secret-echo=clear"]);
    s.write("token.txt", "from-a-f1le\n");
    s.manifest(&pipeline("users").edit("{ fromEnv: ZENDESK_ACCESS_TOKEN }", "{ fromFile: token.txt }"));
    s.converge(&[]);
    let token = |s: &Sandbox| s.contents().one("connections").body["auth"]["params"]["accessToken"].clone();
    assert_eq!(token(&s), "from-a-f1le");
    let command = "{ fromCommand: [printf, 'from-a-%s', c0mmand] }";
    s.manifest(&pipeline("users").edit("{ fromEnv: ZENDESK_ACCESS_TOKEN }", command));
    s.converge(&[]);
    assert_eq!(token(&s), "from-a-c0mmand");
}
