//! What a terminal does to what is printed, and what it does not: widths, resizes, wide characters, control characters.
//! The terminal is that of util-linux's `script`.
#![cfg(target_os = "linux")]

use std::process::Command;

use serde_json::json;

use crate::support::{Sandbox, Text, pipeline};

/// Runs a shell script on a terminal; what the terminal was sent.
fn on_terminal(s: &Sandbox, script: &str) -> String {
    s.write("script.sh", script);
    let mut command = Command::new("script");
    s.dress(command.args(["-q", "-e", "-f", "-c", "sh script.sh", "typescript"]));
    let flowform = env!("CARGO_BIN_EXE_flowform");
    let output = command.env("flowform", flowform).env("TERM", "xterm").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn ran(manifest: &Text) -> Sandbox {
    let s = Sandbox::new();
    s.manifest(manifest);
    s.converge(&[]);
    let body = json!({ "advance": 4000 }).to_string();
    let call = ["emulator", "call", "POST", "/emulator/clock", &body, "--store", "platform.jsonl"];
    s.run(&call).success().end();
    s
}

#[test]
fn what_is_redirected_depends_on_no_terminal() {
    let s = ran(&pipeline("users"));
    on_terminal(
        &s,
        "for cols in 40 60 200; do
           stty rows 40 cols $cols; export COLUMNS=$cols
           for what in runs status 'state list' 'plan m.yaml --destroy'; do
             $flowform $what > \"$what.$cols\" 2> /dev/tty
             $flowform $what 2> /dev/tty | cat > \"$what.$cols.piped\"
           done
         done
         mv 'plan m.yaml --destroy.40' plan.40",
    );
    for what in ["runs", "status", "state list", "plan m.yaml --destroy"] {
        let none = s.run(&what.split(' ').collect::<Vec<_>>()).success().stdout;
        for end in ["60", "60.piped", "200", "200.piped", "40.piped"] {
            assert_eq!(s.read(&format!("{what}.{end}")), none, "{what} in {end} columns");
        }
    }
}

#[test]
fn a_table_that_is_redirected_keeps_its_columns() {
    let long = "a-pipeline-whose-name-is-nearly-as-long-as-names-may-be-at-all";
    let s = ran(&pipeline(long));
    s.run(&["runs"]).success().shows("BYTES OUT").shows("TOOK").end();
    s.run(&["status"]).success().shows("NEXT RUN").end();
    let narrow = on_terminal(&s, "stty rows 40 cols 100; $flowform runs");
    assert!(narrow.contains(long) && !narrow.contains("BYTES OUT"), "{narrow}");
}

#[test]
fn a_watch_follows_a_resize() {
    let s = ran(&pipeline("users"));
    let shown = on_terminal(
        &s,
        "stty rows 40 cols 120
         $flowform runs --watch --interval 1h &
         seen() { n=0; until [ \"$(grep -c START typescript)\" -ge $1 ] || [ $n -ge 300 ]; do sleep 0.1; n=$((n+1)); done; }
         seen 1; stty cols 60 < /dev/tty; seen 2
         kill -TERM $!; wait $!",
    );
    let looks: Vec<&str> = shown.split("\u{1b}[2J").skip(1).collect();
    assert_eq!(looks.len(), 2, "{shown:?}");
    assert!(looks[0].contains("BYTES OUT") && !looks[1].contains("BYTES OUT"), "{shown}");
}

#[test]
fn wide_characters_take_two_columns() {
    let s = ran(&pipeline("users"));
    let (wide, joined, narrow) = ("名前は日本語", "e\u{301}👨‍👩‍👧", "abc");
    s.manifest(&pipeline("users").edit(
        "params: {}",
        &format!("params: {{ {wide}: 1, {joined}: 1, {narrow}: 1, control: \"\\u009b31m\\a\" }}"),
    ));
    let ran = s.run(&["plan", "m.yaml", "--color", "never"]);
    let column = |name: &str| {
        let line = ran
            .stdout
            .lines()
            .find(|line| line.contains(name) && line.contains('→'))
            .unwrap_or_else(|| panic!("{ran}"));
        let (before, _) = line.split_once('→').unwrap_or_else(|| panic!("{ran}"));
        unicode_width::UnicodeWidthStr::width(before)
    };
    assert_eq!([column(wide), column(joined)], [column(narrow); 2], "{ran}");
    assert!(!ran.stdout.contains(['\u{9b}', '\u{7}']), "{ran}");
    ran.end();
}
