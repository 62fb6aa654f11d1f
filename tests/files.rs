//! What is written never takes the place of what is read or kept, by whatever name; a link stays a link, a mode a mode, and an
//! older plan is never taken for a newer one.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::support::{Sandbox, pipeline};

/// Something is applied; a secret, a credential file and a certificate file lie about.
fn applied() -> Sandbox {
    let s = Sandbox::new();
    let manifest = pipeline("users").edit("{ fromEnv: ZENDESK_ACCESS_TOKEN }", "{ fromFile: token.txt }");
    s.manifest(&manifest);
    s.write("token.txt", "t0ken-in-a-file");
    s.converge(&[]);
    s.manifest(&manifest.edit("from there to here", "elsewhere"));
    s
}

const FLAGS: [&str; 7] = ["-o", "--text", "--markdown", "--json", "--html", "--terraform-json", "--gitlab"];

/// Every path below a folder, and what is in it or where it leads.
fn all(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            let target = std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
            found.push((path, target));
        } else if path.is_dir() {
            found.extend(all(&path));
        } else {
            let content = std::fs::read(&path).unwrap();
            found.push((path, content));
        }
    }
    found.sort();
    found
}

fn refused(s: &Sandbox, arguments: &[&str], what: &str) {
    let (files, requests) = (all(s.path()), s.requests().len());
    s.run(arguments).exit(3).says(what).says("nothing was written").end();
    assert_eq!(all(s.path()), files, "{arguments:?} left a trace");
    assert_eq!(s.requests().len(), requests, "{arguments:?} sent something");
}

#[test]
fn no_output_goes_over_what_the_run_reads_or_keeps() {
    let s = applied();
    s.write("credentials.json", "{}");
    s.write("ca.pem", "");
    for name in ["log", "lock", "backup"] {
        let path = format!("state/dev.json.{name}");
        if !s.path().join(&path).exists() {
            s.write(&path, "");
        }
    }
    for flag in FLAGS {
        let files = [
            ("state/dev.json", "which is a state"),
            ("state/../state/dev.json", "which is a state"),
            ("state/dev.json.log", "kept beside a state"),
            ("state/dev.json.lock", "kept beside a state"),
            ("state/dev.json.backup", "state"),
            ("token.txt", "a secret's file"),
            ("./m.yaml", "a manifest"),
            ("credentials.json", "the credential file"),
            ("ca.pem", "the certificate file"),
        ];
        for (file, what) in files {
            // Which of its reasons it gives does not matter: none of these is a plan.
            let what = if flag == "-o" && what.starts_with("a secret") { "no saved plan" } else { what };
            let more = ["--credentials", "credentials.json", "--ca-file", "ca.pem"];
            refused(&s, &[&["plan", "m.yaml", flag, file], &more[..]].concat(), what);
        }
    }
}

#[test]
fn a_file_is_told_by_what_it_is() {
    let s = applied();
    let at = |name: &str| s.path().join(name);
    symlink("state/dev.json", at("link")).unwrap();
    symlink("link", at("chain")).unwrap();
    std::fs::hard_link(at("token.txt"), at("twin")).unwrap();
    symlink("state", at("folder")).unwrap();
    // Not there yet, and all the same the state's.
    symlink("state/dev.json.log", at("dangling")).unwrap();
    std::fs::copy(at("state/dev.json"), at("state/prod.json")).unwrap();
    s.write("state/prod.json.lock", "");
    s.write("other/m.yaml", pipeline("other").as_str());
    for (file, what) in [
        ("link", "a state"),
        ("chain", "a state"),
        ("twin", "a secret's file"),
        ("folder/dev.json", "a state"),
        ("dangling", "the state's log"),
        // What this run does not use, and another one needs.
        ("state/prod.json", "a state"),
        ("state/prod.json.lock", "kept beside a state"),
        ("other/m.yaml", "a manifest"),
        ("platform.jsonl", "an emulator's store"),
    ] {
        refused(&s, &["plan", "m.yaml", "--json", file], what);
    }
    refused(&s, &["plan", "m.yaml", "--json", "a", "--html", "./a"], "written by --json too");
    refused(&s, &["plan", "m.yaml", "-o", "other/../a", "--text", "a"], "written by -o too");
    refused(&s, &["plan", "other", "--json", "other/new.YML"], "would be read as one");
    refused(&s, &["plan", "m.yaml", "--json", "-"], "`-` is no file");
}

#[test]
fn every_command_that_writes_looks() {
    let s = applied();
    s.run(&["plan", "m.yaml", "-o", "p.plan"]).success().end();
    refused(&s, &["show", "p.plan", "--html", "p.plan"], "the plan that is shown");
    refused(&s, &["validate", "m.yaml", "--sarif", "m.yaml"], "a manifest");
    refused(&s, &["validate", "m.yaml", "--junit", "token.txt"], "a secret's file");
    for (name, text, what) in [
        ("k.pem", "-----BEGIN PRIVATE KEY-----\n", "a key or a certificate"),
        ("cred.json", "{ \"CLIENT_SECRETS\": [\"hush\"] }", "a credential file"),
        ("get.sh", "#!/bin/sh\necho hush\n", "a program"),
    ] {
        s.write(name, text);
        refused(&s, &["show", "p.plan", "--html", name], what);
        refused(&s, &["validate", "m.yaml", "--sarif", name], what);
    }
    // The folder of the test is the person's own as well.
    s.manifest(&pipeline("users").edit("{ fromEnv: ZENDESK_ACCESS_TOKEN }", "{ fromFile: ~/token.txt }"));
    refused(&s, &["plan", "m.yaml", "--json", "token.txt"], "a secret's file");
    refused(&s, &["validate", "m.yaml", "--json", "x", "--junit", "x"], "written by");
    refused(&s, &["export", "--sandbox", "dev", "-o", "state/dev.json.log"], "the state's log");
    refused(&s, &["emulator", "--request-log", "m.yaml"], "a manifest");
    refused(&s, &["emulator", "--store", "new.store", "--request-log", "new.store"], "the emulator's store");
}

#[test]
fn links_and_modes_stay_and_what_is_read_only_is_not_written() {
    let s = applied();
    let at = |name: &str| s.path().join(name);
    let mode = |name: &str| std::fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
    s.write("deep/report.json", "old");
    std::fs::set_permissions(at("deep/report.json"), PermissionsExt::from_mode(0o640)).unwrap();
    symlink("deep/report.json", at("report.json")).unwrap();
    symlink("deep/new.html", at("page.html")).unwrap();
    s.run(&["plan", "m.yaml", "--json", "report.json", "--html", "page.html"]).success().end();
    for (link, file) in [("report.json", "deep/report.json"), ("page.html", "deep/new.html")] {
        assert_eq!(std::fs::read_link(at(link)).unwrap(), Path::new(file));
    }
    assert!(s.read("deep/report.json").contains("formatVersion"));
    assert!(s.read("deep/new.html").contains("<html"));
    assert_eq!(mode("deep/report.json"), 0o640);

    // Also that of a plan, which is taken away before the new one is made.
    s.run(&["plan", "m.yaml", "-o", "p.plan"]).success().end();
    assert_eq!(mode("p.plan"), 0o600);
    std::fs::set_permissions(at("p.plan"), PermissionsExt::from_mode(0o664)).unwrap();
    symlink("p.plan", at("q.plan")).unwrap();
    s.run(&["plan", "m.yaml", "-o", "q.plan"]).success().end();
    assert_eq!((mode("p.plan"), std::fs::read_link(at("q.plan")).unwrap()), (0o664, "p.plan".into()));

    std::fs::set_permissions(at("deep/report.json"), PermissionsExt::from_mode(0o444)).unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    let requests = s.requests().len();
    for (file, why) in
        [("report.json", "it is read-only"), ("folder", "it is a folder"), ("nowhere/x", "its folder")]
    {
        s.run(&["plan", "m.yaml", "--json", file]).exit(1).says(why).end();
    }
    assert_eq!(s.requests().len(), requests);
}

#[test]
fn a_plan_that_fails_leaves_no_older_one() {
    let mut s = applied();
    let (good, plan) = (s.read("m.yaml"), ["plan", "m.yaml", "-o", "p.plan"]);
    let fails = |s: &Sandbox, code: i32, more: &[&str]| {
        s.write("m.yaml", &good);
        s.run(&plan).success().end();
        if code == 4 {
            s.write("m.yaml", &good.replace("frequency: minute", "frequency: never"));
        }
        s.run(&[&plan, more].concat()).exit(code).says("no plan is at p.plan").end();
        s.run(&["apply", "p.plan", "--auto-approve"]).exit(4).end();
        assert!(!s.path().join("p.plan").exists());
    };
    fails(&s, 4, &[]);
    fails(&s, 3, &["--target", "nobody"]);
    fails(&s, 1, &["--html", "nowhere/plan.html"]);
    fails(&s, 3, &["--html", "m.yaml"]);
    fails(&s, 5, &["--credentials", "nowhere.json"]);
    s.write("m.yaml", &good);
    s.run(&plan).success().end();
    s.stop();
    s.run(&plan).exit(1).says("no plan is at p.plan").end();
    assert!(!s.path().join("p.plan").exists());
    // What is no plan is not written over, nor taken away.
    s.write("notes.txt", "mine");
    s.run(&["plan", "m.yaml", "-o", "notes.txt"]).exit(3).says("which is no saved plan").end();
    assert_eq!(s.read("notes.txt"), "mine");
}

#[test]
fn devices_and_pipes_are_written_to() {
    let s = applied();
    s.run(&["plan", "m.yaml", "--json", "/dev/null", "--text", "/dev/null", "-o", "/dev/null"])
        .success()
        .end();
    let ran = s.run(&["plan", "m.yaml", "--format", "gitlab", "--json", "/dev/stdout"]).success();
    ran.shows("\"update\": 1").shows("formatVersion").end();
    s.run(&["plan", "m.yaml", "--gitlab", "/dev/stderr"]).success().says("\"update\": 1").end();
    // Also where stdout is a file, of which nothing is lost.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_flowform"));
    let out = std::fs::File::create(s.path().join("out")).unwrap();
    let status = s
        .dress(command.args(["plan", "m.yaml", "--format", "gitlab", "--json", "/dev/stdout"]))
        .stdout(out)
        .status()
        .unwrap();
    assert!(status.success());
    let out = s.read("out");
    assert!(out.contains("\"update\": 1") && out.contains("formatVersion"), "{out}");
    s.run(&["plan", "m.yaml", "--json", "/dev/full"]).exit(1).says("cannot be written to /dev/full").end();
    s.run(&["plan", "m.yaml", "--emulator", "--state", "platform.jsonl"])
        .exit(3)
        .says("keeps its objects")
        .end();
}

#[test]
fn an_emulator_refuses_a_file_that_is_no_store() {
    let s = applied();
    s.run(&["plan", "m.yaml", "-o", "p.plan"]).success().end();
    let files = [
        ("notes", "no store, and no line break"),
        ("lines", "one\ntwo\n"),
        ("key", "{\"key\":\"of my house\"}"),
        ("bytes", "\u{0}\u{1}"),
        ("blank", "\n\n"),
    ];
    for (name, text) in files {
        s.write(name, text);
    }
    let newer = "{\"key\":\"00\"}\n{\"rename\":{\"id\":\"x\"}}\n";
    s.write("newer", newer);
    let names = files.map(|(name, _)| name);
    for name in [&names[..], &["m.yaml", "state/dev.json", "p.plan"]].concat() {
        let before = s.files();
        s.run(&["emulator", "--store", name]).exit(1).says("it is no store").end();
        let call = ["emulator", "call", "GET", "/data/foundation/flowservice/flows", "--store", name];
        s.run(&call).exit(1).says("it is no store").end();
        assert_eq!(s.files(), before, "{name}");
    }
    s.run(&["emulator", "--store", "newer"]).exit(1).says("or of a newer one").end();
    assert_eq!(s.read("newer"), newer);
    s.run(&["emulator", "--store", "state"]).exit(1).says("it is a folder").end();
    s.run(&["emulator", "--store", "-"]).exit(3).says("`-`").end();
    s.write("state/emulator/platform.jsonl", "mine");
    s.run(&["plan", "m.yaml", "--emulator"]).exit(1).says("it is no store").end();
    assert_eq!(s.read("state/emulator/platform.jsonl"), "mine");
}
