//! Nothing that a run is given is dropped in silence: rows of a mapping, files of a folder, pipelines, variables; and every
//! mistake is told in one run, each cause once.

use serde_json::Value;

use crate::support::{Ran, Sandbox, described, pipeline};

/// Ends with this code, and sends nothing that writes.
#[track_caller]
fn refused<'a>(s: &'a Sandbox, code: i32, command: impl FnOnce(&'a Sandbox) -> Ran<'a>) -> Ran<'a> {
    let before = (s.managed(), s.requests().len());
    let ran = command(s).exit(code);
    assert_eq!(before.0, s.managed(), "a refused run changed the state:\n{ran}");
    let requests = s.requests().split_off(before.1);
    assert!(requests.iter().all(|r| !r.is_write()), "a refused run wrote:\n{ran}");
    ran
}

/// Adds a row to the mapping of [`pipeline`].
fn with_row(row: &str) -> crate::support::Text {
    pipeline("users").edit("_extconndev.email }\n", &format!("_extconndev.email }}\n    - {{ {row} }}\n"))
}

#[test]
fn rows_that_are_one_once_the_namespace_is_known_are_refused_at_their_line() {
    let s = Sandbox::new();
    s.manifest(&with_row("source: result.mail, destination: _tenant.email"));
    s.run(&["validate", "m.yaml"]).success().end();
    for command in [&["plan", "m.yaml"][..], &["apply", "m.yaml", "--auto-approve"]] {
        refused(&s, 4, |s| s.run(command))
            .says("error[conflicting-fields]")
            .says("`_extconndev.email` and `_tenant.email` are one destination")
            .says("m.yaml:")
            .end();
    }
    // Also where the plan has nothing else to do, and where other rows are as they were.
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s.manifest(&with_row("source: result.mail, destination: _tenant.email"));
    refused(&s, 4, |s| s.apply(&[])).says("are one destination").end();
    // Alike, they are one row.
    s.manifest(&with_row("source: result.email, destination: _tenant.email"));
    s.apply(&[]).success().says("once is sent").end();
    let plan = s.plan(&[]);
    assert!(plan.is_empty(), "{plan}");
}

#[test]
fn destinations_that_are_probably_one_are_told() {
    let s = Sandbox::bare();
    for (row, code, word) in [
        ("source: x, destination: _extconndev.email", 4, "error[conflicting-fields]"),
        ("source: x, destination: ' _extconndev.email'", 4, "error[invalid-value]"),
        ("source: x, destination: _extconndev..email", 4, "error[invalid-value]"),
        ("source: x, destination: _extconndev.", 4, "error[invalid-value]"),
        ("source: x, destination: _extconndev.Email", 0, "warning[overlapping-fields]"),
        ("source: x, destination: _extconndev.email.home", 0, "warning[overlapping-fields]"),
        ("source: x, destination: '_extconndev.email[*]'", 0, "warning[overlapping-fields]"),
        ("source: x, destination: _extconndev", 0, "warning[overlapping-fields]"),
    ] {
        s.manifest(&with_row(row));
        s.run(&["validate", "m.yaml"]).exit(code).says(word).end();
    }
    s.manifest(&with_row("source: x, destination: _extconndev.emails"));
    let ran = s.run(&["validate", "m.yaml"]).success();
    assert_eq!(ran.stderr, "");
}

#[test]
fn other_lists_refuse_what_they_name_twice() {
    let s = Sandbox::bare();
    let groups = "fieldGroups: [https://ns.adobe.com/x/mixins/a, https://ns.adobe.com/x/mixins/b, https://ns.adobe.com/X/mixins/A]";
    s.manifest(&described("users").edit("fields:\n", &format!("{groups}\n  fields:\n")));
    s.run(&["validate", "m.yaml"]).exit(4).says("error[repeated-item]").says("m.yaml:7").end();
    // One object, whose id is written in two ways.
    let import = |name: &str, id: &str| {
        pipeline(name).edit("baseConnection:\n", &format!("import: {{ source: {id} }}\nbaseConnection:\n"))
    };
    let (one, two) = (import("one", "0a27232b-aaaa"), import("two", "0A27232B-AAAA"));
    s.manifest(&one.and(&two));
    s.run(&["validate", "m.yaml"]).exit(4).says("error[repeated-block]").end();
    s.manifest(&pipeline("users").and(&pipeline("Users")));
    s.run(&["validate", "m.yaml"]).success().says("differ in case alone").end();
}

#[test]
fn a_folders_files_are_read_whatever_the_case_of_their_extension() {
    let s = Sandbox::new();
    for (file, name) in [("p/a.YAML", "one"), ("p/deep/b.Yml", "two"), ("p/c.yaml", "three")] {
        s.write(file, pipeline(name).as_str());
    }
    s.run(&["validate", "p"]).success().shows("15 objects in 3 pipelines").end();
}

#[test]
fn what_looks_like_a_manifest_and_is_not_read_is_told() {
    let s = Sandbox::bare();
    s.write("p/read.yaml", pipeline("one").as_str());
    let unread = [
        "p/two.yaml.bak",
        "p/two.yaml.disabled",
        "p/two.tmpl",
        "p/two",
        "p/.two.yaml",
        "p/.off/two.yaml",
        "p/deep/two.yaml~",
    ];
    for file in unread {
        s.write(file, &format!("# A comment.\n---\n{}", pipeline("two").as_str()));
    }
    s.write("p/two.json", r#"{ "apiVersion": "flowform/v1", "pipeline": "two" }"#);
    // These are no manifests.
    s.write("p/README.md", &format!("# Users\n\nA text.\n\n{}", pipeline("two").as_str()));
    s.write("p/notes.txt", "pipelines are here\n");
    s.write("p/package.json", "{ \"name\": \"x\" }");
    s.write("p/other.bak", "apiVersion: apps/v1\nkind: Deployment\n");
    let told = s.run(&["validate", "p", "--format", "json"]).success();
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let mut files: Vec<&str> =
        told["diagnostics"].as_array().unwrap().iter().filter_map(|d| d["file"].as_str()).collect();
    files.sort_unstable();
    let mut wanted = [&unread[..], &["p/two.json"]].concat();
    wanted.sort_unstable();
    assert_eq!(files, wanted);
    assert!(told["diagnostics"].as_array().unwrap().iter().all(|d| d["code"] == "unread-manifest"));
    // What is named itself is read, and not told.
    let named = s.run(&["validate", "p/read.yaml", "p/two"]).success();
    assert_eq!(named.stderr, "");
}

#[test]
fn a_plan_names_what_it_did_not_read() {
    let s = Sandbox::new();
    s.write("p/one.yaml", pipeline("one").as_str());
    s.write("p/two.yaml.off", pipeline("two").as_str());
    s.run(&["plan", "p"])
        .success()
        .says("p/two.yaml.off: this file looks like a manifest and is not read")
        .end();
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_in_a_folder_is_an_error() {
    let s = Sandbox::bare();
    s.write("p/one.yaml", pipeline("one").as_str());
    std::os::unix::fs::symlink("nowhere.yaml", s.path().join("p/broken.yaml")).unwrap();
    // A folder in itself is visited once.
    std::os::unix::fs::symlink("../p", s.path().join("p/again")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(s.path().join("p/socket.yml")).unwrap();
    s.run(&["validate", "p"])
        .exit(4)
        .says("p/broken.yaml")
        .says("neither a file nor a folder")
        .says("2 errors in 2 files")
        .end();
    drop(socket);
}

fn applying<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["apply", "p", "--auto-approve"], more].concat()
}

#[test]
fn a_pipeline_that_vanished_is_refused_until_somebody_says_what_is_meant() {
    let s = Sandbox::new();
    for name in ["one", "two", "three", "four"] {
        s.write(&format!("p/{name}.yaml"), pipeline(name).as_str());
    }
    s.run(&applying(&[])).success().end();
    // Five of twenty: less than the share that is always refused.
    std::fs::rename(s.path().join("p/two.yaml"), s.path().join("p/two.txt")).unwrap();
    refused(&s, 8, |s| s.run(&applying(&[])))
        .shows(
            "no manifest of this run has a section of the pipeline two, so 5 of its objects would be deleted",
        )
        .shows("--allow-deletes 5")
        .shows("--exclude two")
        .shows("forget: [two]")
        .end();
    assert_eq!(s.run(&["plan", "p"]).code, Some(8));
    // Each way on that it names is one.
    s.run(&applying(&["--exclude", "two"])).success().end();
    s.run(&applying(&["--target", "one"])).success().end();
    s.run(&["plan", "p", "p/two.txt", "--detailed-exitcode"]).success().end();
    assert_eq!(s.managed().len(), 20);
    let forgetful = pipeline("one").edit("baseConnection:\n", "forget: [two]\nbaseConnection:\n");
    // To name what goes is to mean it; not to name what only needs it.
    refused(&s, 8, |s| s.run(&applying(&["--target", "two.dataflow"]))).shows("4 of its objects").end();
    let copy = s.copy();
    copy.run(&applying(&["--target", "two"])).success().end();
    assert_eq!(copy.managed().len(), 15);
    let copy = s.copy();
    copy.write("p/one.yaml", forgetful.as_str());
    copy.run(&applying(&[])).success().end();
    assert_eq!((copy.managed().len(), copy.contents().counts()), (15, [4; 5]));
    s.run(&applying(&["--allow-deletes", "5"])).success().end();
    assert_eq!((s.managed().len(), s.contents().counts()), (15, [3; 5]));
}

#[test]
fn a_variable_that_no_manifest_uses_or_that_is_given_twice_is_an_error() {
    let s = Sandbox::new();
    s.manifest(
        &pipeline("users").edit("what is written", "what is written to ${var:stage} and ${var:place:-here}"),
    );
    let var = |command: &[&str], vars: &[&str]| {
        let vars: Vec<&str> = vars.iter().flat_map(|var| ["--var", var]).collect();
        let mut all = vec![command[0], "m.yaml"];
        all.extend(&command[1..]);
        all.extend(vars);
        let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
        all
    };
    let run = |s: &Sandbox, all: &[String], code: i32, says: &str| {
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        refused(s, code, |s| s.run(&all)).says(says).end();
    };
    let commands: [&[&str]; 5] = [
        &["validate"],
        &["plan"],
        &["apply", "--auto-approve"],
        &["plan", "--refresh-only"],
        &["destroy", "--auto-approve"],
    ];
    for command in commands {
        run(&s, &var(command, &["stage=x", "plase=y"]), 4, "did you mean `place`?");
        run(&s, &var(command, &["stage=x", "stage=x"]), 4, "the variable `stage` is given twice");
        run(&s, &var(command, &["stage=x", "Stage=x"]), 4, "did you mean `stage`?");
        run(&s, &var(command, &["stage"]), 3, "write NAME=VALUE");
        run(&s, &var(command, &["=x"]), 3, "write NAME=VALUE");
        run(&s, &var(command, &[" stage=x"]), 3, "write NAME=VALUE");
    }
    refused(&s, 3, |s| s.run(&["destroy", "--auto-approve", "--var", "stage=x"]))
        .says("no manifest is named")
        .end();
    s.run(&["validate", "m.yaml", "--var", "stage=a=b"]).success().end();
    // What only a document uses that cannot be read is not held against it.
    s.manifest(&pipeline("users").edit("name: users base", "name: { ${var:stage}"));
    let ran = s.run(&["validate", "m.yaml", "--var", "stage=x"]).exit(4);
    assert!(!ran.stderr.contains("unknown-variable"), "{ran}");
}

#[test]
fn one_run_tells_everything_and_each_cause_once() {
    let s = Sandbox::bare();
    for number in 1..=21 {
        let text = pipeline(&format!("p{number}"))
            .edit("where the users are", "\"${var:place} ${env:REGION}\"")
            .edit("what is read", "\"${var:what}\"");
        s.write(&format!("p/{number:02}.yaml"), text.as_str());
    }
    let ran = s.run(&["validate", "p"]).exit(4);
    assert_eq!(ran.stderr.matches("error[").count(), 3, "{ran}");
    for said in ["--var place=...", "--var what=...", "export REGION=...", "p/21.yaml:6:"] {
        assert!(ran.stderr.contains(said), "{said}:\n{ran}");
    }
    assert!(ran.stderr.trim_end().ends_with("63 errors in 21 files."), "{ran}");
    // Machines get each place.
    let told: Value =
        serde_json::from_str(&s.run(&["validate", "p", "--format", "json"]).exit(4).stdout).unwrap();
    assert_eq!(told["diagnostics"].as_array().unwrap().len(), 63);
    let sarif: Value =
        serde_json::from_str(&s.run(&["validate", "p", "--format", "sarif"]).exit(4).stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 63);
    let github = s.run(&["validate", "p", "--format", "github"]).exit(4);
    assert_eq!(github.stdout.lines().count(), 63);
    let junit = s.run(&["validate", "p", "--format", "junit"]).exit(4);
    assert_eq!(junit.stdout.matches("<failure").count(), 21);
    for place in ["01.yaml:6:", "01.yaml:15:", "21.yaml:6:", "21.yaml:15:"] {
        assert!(junit.stdout.contains(place), "{place}:\n{junit}");
    }
}

#[test]
fn a_document_of_another_format_or_none_hides_nothing() {
    let s = Sandbox::bare();
    let broken = pipeline("one").edit("schedule: {", "schedule: {{");
    let typo = pipeline("two").edit("interval: 15", "intervall: 15").edit("flowform/v1", "flowform/v2");
    s.write("p/a.yaml", broken.and(&typo).as_str());
    s.write("p/b.yaml", pipeline("three").edit("description: what is read", "descripton: x").as_str());
    s.write("p/c.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {}\n");
    let ran = s.run(&["validate", "p"]).exit(4);
    for said in ["not-yaml", "api-version", "`intervall`", "`descripton`", "5 errors in 3 files."] {
        assert!(ran.stderr.contains(said), "{said}:\n{ran}");
    }
}
