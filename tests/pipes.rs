//! Pipes: what comes from one is read once, whatever it is, and what goes into one gets there, however little it takes at a
//! time. `-` is stdin for every command that takes a path.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::{Sandbox, pipeline};

/// Runs a line of bash, in which `flowform` is ours.
fn shell(s: &Sandbox, line: &str) -> Output {
    let mut command = Command::new("bash");
    let line = format!("flowform() {{ '{}' \"$@\"; }}\n{line}", env!("CARGO_BIN_EXE_flowform"));
    s.dress(command.args(["-o", "pipefail", "-c", &line])).output().unwrap()
}

#[track_caller]
fn succeeds(s: &Sandbox, line: &str) -> String {
    let output = shell(s, line);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{line}: {:?}\n{said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn fails(s: &Sandbox, line: &str, code: i32, what: &str) {
    let output = shell(s, line);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{line}:\n{said}");
    let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(what), "{line} does not say {what:?}:\n{said}");
}

/// Two manifests, of which nothing is applied.
fn prepared() -> Sandbox {
    let s = Sandbox::new();
    s.write("users.yaml", pipeline("users").as_str());
    s.write("other.yaml", pipeline("other").as_str());
    s
}

#[test]
fn a_manifest_comes_from_stdin_or_a_pipe() {
    let s = prepared();
    for path in ["-", "/dev/stdin", "/dev/fd/0"] {
        let shown = succeeds(&s, &format!("cat users.yaml | flowform plan {path} --format json"));
        let plan: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(plan["operations"].as_array().unwrap().len(), 5, "{path}");
        succeeds(&s, &format!("cat users.yaml | flowform validate {path}"));
        succeeds(&s, &format!("flowform validate {path} < users.yaml"));
    }
    succeeds(&s, "flowform validate <(cat users.yaml) <(cat other.yaml)");
    assert!(succeeds(&s, "cat users.yaml | flowform validate - other.yaml").contains("2 pipelines"));
    succeeds(&s, "cat users.yaml | flowform apply - --auto-approve");
    succeeds(&s, "flowform apply <(cat other.yaml) users.yaml --auto-approve");
    assert_eq!(s.contents().counts(), [2; 5]);
    succeeds(&s, "cat other.yaml | flowform destroy - --auto-approve");
    assert_eq!(s.contents().counts(), [1; 5]);
    succeeds(&s, "cat users.yaml | flowform plan - --refresh-only");
    let id = s.contents().one("connections").id.clone();
    succeeds(&s, "flowform state rm users --auto-approve");
    succeeds(&s, &format!("cat users.yaml | flowform import users.baseConnection {id} -"));
}

#[test]
fn a_saved_plan_comes_from_stdin_or_a_pipe() {
    let s = prepared();
    succeeds(&s, "flowform plan users.yaml -o p.plan");
    for line in
        ["cat p.plan | flowform show -", "flowform show <(cat p.plan)", "flowform show /dev/stdin < p.plan"]
    {
        assert!(succeeds(&s, line).contains("users.baseConnection"), "{line}");
    }
    // A mark that some shells put before what they pipe is no part of it.
    assert!(
        succeeds(&s, "{ printf '\\xef\\xbb\\xbf'; cat p.plan; } | flowform show -")
            .contains("users.dataflow")
    );
    succeeds(&s, "cat p.plan | flowform apply - --auto-approve");
    assert_eq!(s.contents().counts(), [1; 5]);
    s.write("users.yaml", pipeline("users").edit("from there to here", "one").as_str());
    succeeds(&s, "flowform plan users.yaml -o p.plan && flowform apply <(cat p.plan) --auto-approve");
    s.write("users.yaml", pipeline("users").edit("from there to here", "two").as_str());
    succeeds(
        &s,
        "flowform plan users.yaml -o p.plan && cat p.plan | flowform apply /dev/stdin --auto-approve",
    );
    assert_eq!(s.contents().one("flows").body["description"], "two");
}

#[test]
fn what_cannot_come_from_a_pipe_is_said() {
    let s = prepared();
    fails(&s, "cat users.yaml | flowform validate - -", 3, "stdin is named twice");
    fails(&s, "cat users.yaml | flowform plan - /dev/stdin", 3, "named twice");
    fails(&s, "cat users.yaml | flowform apply -", 3, "no answer can come from there");
    assert_eq!(s.contents().counts(), [0; 5]);
    fails(&s, "flowform plan - < /dev/null", 4, "the file holds no document");
    fails(&s, "flowform show - < /dev/null", 3, "stdin is not a plan that can be applied: it is empty");
    fails(&s, "printf '\\xff\\xfe' | flowform show -", 3, "it is not UTF-8");
    fails(&s, "echo 'pipeline: [' | flowform validate -", 4, "<stdin>:");
    fails(
        &s,
        "flowform plan users.yaml -o p.plan && cat p.plan | flowform plan -",
        3,
        "is a plan, and no manifest",
    );
    fails(&s, "cat p.plan | flowform apply - users.yaml --auto-approve", 3, "stdin is a saved plan");
    fails(&s, "flowform plan - --json users.yaml < users.yaml", 3, "would overwrite users.yaml");
    fails(&s, "flowform plan users.yaml --json out > out", 3, "where stdout goes");
    // A secret's file is looked for from the working folder.
    let with_file = pipeline("users").edit("{ fromEnv: ZENDESK_ACCESS_TOKEN }", "{ fromFile: secret/token }");
    s.write("users.yaml", with_file.as_str());
    s.write("secret/token", "from-a-file");
    succeeds(&s, "cat users.yaml | flowform apply - --auto-approve");
    succeeds(&s, "flowform plan <(cat users.yaml) --detailed-exitcode");
}

#[test]
fn a_reader_that_goes_away_or_takes_little_loses_nothing() {
    let s = prepared();
    // It reads one line and goes; a person sees no error.
    for line in
        ["flowform plan users.yaml | head -n 1", "flowform --help | head -n 1", "flowform schema | head -c 1"]
    {
        let output = shell(&s, line);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && !said.contains("error"), "{line}: {:?} {said}", output.status);
    }
    // An apply goes on to its end.
    let applied = shell(&s, "flowform apply users.yaml --auto-approve --format json | head -n 1");
    assert!(applied.status.success());
    assert_eq!(s.contents().counts(), [1; 5]);
    s.state_is_the_platform();
    // A watch has nobody left to show anything to.
    // Before or after it was written to.
    succeeds(&s, "{ sleep 1; flowform runs --watch --state state/dev.json; } | true");
    succeeds(&s, "flowform runs --watch --state state/dev.json | head -n 1");
    let all = succeeds(&s, "flowform schema");
    assert_eq!(
        succeeds(&s, "flowform schema | while read -r -N 64 part; do printf %s \"$part\"; done; true").len()
            / 64,
        all.len() / 64
    );
    fails(&s, "flowform plan users.yaml --format json > /dev/full", 1, "stdout cannot be written");
    fails(&s, "flowform export > /dev/full; flowform schema > /dev/full", 1, "stdout cannot be written");
}

#[test]
fn small_pieces_are_put_together() {
    let s = prepared();
    let text = s.read("users.yaml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowform"));
    let mut child =
        s.dress(command.args(["apply", "-", "--auto-approve"])).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for piece in text.as_bytes().chunks(64) {
        stdin.write_all(piece).unwrap();
        stdin.flush().unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(s.contents().counts(), [1; 5]);
}
