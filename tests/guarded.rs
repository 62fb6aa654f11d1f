//! What a reviewer must see: whatever arms a destruction or has no way back is a warning in every format and in the counts,
//! beside whatever else changes; a selector that keeps another from its work, or has none of its own, is told.

use serde_json::Value;

use crate::support::{Sandbox, Text, described, pipeline};

fn applied(manifest: &Text) -> Sandbox {
    let s = Sandbox::new();
    s.manifest(manifest);
    s.converge(&[]);
    s
}

fn json(s: &Sandbox, more: &[&str]) -> Value {
    let ran = s.run(&[&["plan", "m.yaml", "--format", "json"], more].concat());
    let document = serde_json::from_str(&ran.stdout).unwrap();
    ran.end();
    document
}

/// Plans a manifest that arms something: every format says so, the apply records it, and then there is nothing more.
#[track_caller]
fn warned(s: &Sandbox, manifest: &Text, path: &str, words: &str) {
    s.manifest(manifest);
    let document = json(s, &[]);
    let warnings = document["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{document}");
    assert_eq!((warnings[0]["path"].as_str(), &document["summary"]["warnings"]), (Some(path), &1.into()));
    assert!(warnings[0]["text"].as_str().unwrap().contains(words), "{document}");
    for (format, heading) in [
        ("text", "1 warning"),
        ("markdown", "**1 warning:**"),
        ("html", "<strong>1 warning</strong>"),
        ("github", "::warning file=m.yaml"),
        ("terraform-json", "\"warnings\":1"),
    ] {
        let ran = s.run(&["plan", "m.yaml", "--format", format]).success().shows(heading).shows(words);
        assert!(!ran.stdout.contains("No changes"), "{ran}");
        ran.end();
    }
    let planned = s.plan(&["--detailed-exitcode"]);
    assert_eq!(planned.code, Some(2), "{planned}");
    s.run(&["plan", "m.yaml", "--gitlab", "report.json"]).success().end();
    assert!(!s.read("report.json").contains("\"update\":0"), "{}", s.read("report.json"));
    s.converge(&[]);
    let document = json(s, &["--detailed-exitcode"]);
    assert_eq!((document["warnings"].to_string(), &document["summary"]["records"]), ("[]".into(), &0.into()));
}

/// Plans a manifest that guards something: a note in the pages and a notice at the line.
#[track_caller]
fn noticed(s: &Sandbox, manifest: &Text, words: &str) {
    s.manifest(manifest);
    for format in ["text", "markdown", "html", "json"] {
        let ran = s.run(&["plan", "m.yaml", "--format", format]).success().shows(words);
        assert!(!ran.stdout.contains("No changes"), "{ran}");
        ran.end();
    }
    s.run(&["plan", "m.yaml", "--format", "github"])
        .success()
        .shows("::notice file=m.yaml")
        .shows(words)
        .end();
    s.converge(&[]);
    assert_eq!(s.plan(&["--detailed-exitcode"]).code, Some(0));
}

#[test]
fn protection_is_seen_alone_and_beside_another_change() {
    let plain = pipeline("users");
    let on = |text: &Text| text.edit("96e3f67\n", "96e3f67\n  protect: true\n");
    let flow = |text: &Text, more: &str| text.edit("interval: 15 }\n", &format!("interval: 15 }}\n{more}"));
    let s = applied(&plain);
    noticed(&s, &on(&plain), "it will be protected");
    warned(&s, &plain, "/protect", "it will no longer be protected");
    noticed(&s, &on(&plain).edit("what is written", "what was written"), "it will be protected");
    warned(&s, &plain, "/protect", "it will no longer be protected");
    // A switch records no more than itself, and still the protection is recorded with it.
    noticed(&s, &flow(&plain, "  enabled: false\n  protect: true\n"), "it will be protected");
    warned(&s, &flow(&plain, "  enabled: true\n"), "/protect", "it will no longer be protected");
    // Lifted and replaced at once is refused, and the warning is there all the same.
    s.manifest(&on(&plain));
    s.converge(&[]);
    s.manifest(&plain.edit("96e3f67\n", "96e3f67\n  data: { format: parquet }\n"));
    let ran = s.run(&["plan", "m.yaml"]).exit(8);
    ran.shows("it is protected and would be replaced")
        .shows("Warning: users.target")
        .shows("1 warning")
        .end();
}

#[test]
fn a_loss_that_is_newly_allowed_is_seen() {
    let allowed = described("users");
    let kept = allowed.edit("  deleteData: true\n", "");
    let s = applied(&kept);
    warned(&s, &allowed, "/deleteData", "all data in it is destroyed");
    noticed(&s, &allowed.edit("deleteData: true", "deleteData: false"), "its loss will no longer be allowed");
    warned(&s, &allowed.edit("what came", "what comes"), "/deleteData", "all data in it is destroyed");
    noticed(&s, &kept.edit("what came", "what went"), "its loss will no longer be allowed");
    // An object of somebody else that is taken over with it.
    let other = applied(&allowed);
    std::fs::remove_dir_all(other.path().join("state")).unwrap();
    other.manifest(&allowed);
    let document = json(&other, &["--adopt", "users"]);
    assert!(document["warnings"].to_string().contains("/deleteData"), "{document}");
}

#[test]
fn what_has_no_way_back_is_a_warning() {
    let plain = described("users");
    let s = applied(&plain);
    warned(
        &s,
        &plain.edit("what a user is\n", "what a user is\n  profile: true\n"),
        "/profile",
        "cannot be undone",
    );
}

#[test]
fn a_plan_that_only_arms_is_asked_about() {
    let s = applied(&described("users").edit("  deleteData: true\n", ""));
    s.manifest(&described("users"));
    s.run(&["apply", "m.yaml"]).exit(3).says("there is no terminal to ask on").end();
    s.apply(&[]).success().end();
}

#[test]
fn a_target_without_what_it_needs_says_that() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let ran = |more: &[&str]| s.run(&[&["plan", "m.yaml"], more].concat());
    let needs = "it is asked for, and it needs users.baseConnection, which is excluded";
    ran(&["--target", "users.source", "--exclude", "users.baseConnection"]).exit(8).shows(needs).end();
    ran(&["--target", "users.dataflow", "--exclude", "users.baseConnection"]).exit(8).shows(needs).end();
    let both = "with --target and left out with --exclude";
    ran(&["--target", "users.source", "--exclude", "users.source"]).exit(8).shows(both).end();
    ran(&["--target", "users", "--exclude", "users"])
        .exit(8)
        .shows("of `--target users` nothing is left")
        .end();
    // What is left of a pipeline is something.
    ran(&["--target", "users", "--exclude", "users.dataflow"]).success().shows("4 to create").end();
    s.converge(&[]);
    let used = "users.source, which uses it, is excluded";
    let target = ["--destroy", "--target", "users.baseConnection", "--exclude", "users.source"];
    ran(&target).exit(8).shows(used).end();
    assert_eq!(s.contents().counts(), [1; 5]);
}

#[test]
fn a_selector_with_nothing_to_do_is_told() {
    let s = applied(&pipeline("users").and(&pipeline("orders")));
    for (more, why) in [
        (&["--target", "users.source", "--exclude", "orders.source"][..], "--target leaves that out already"),
        (&["--adopt", "users.source"], "it is managed already"),
        (&["--create-beside", "users"], "it is managed already"),
        (&["--send-secrets", "users.source"], "it has no secrets"),
        (&["--allow-deletes", "2"], "nothing is deleted"),
    ] {
        s.run(&[&["plan", "m.yaml"], more].concat()).success().shows("does nothing").shows(why).end();
    }
    s.manifest(&pipeline("orders"));
    let ran = s.run(&["plan", "m.yaml", "--allow-deletes", "5", "--replace", "users.source"]).success();
    ran.shows("`--replace users.source` does nothing: no section describes it").end();
    let fresh = Sandbox::new();
    fresh.manifest(&pipeline("users"));
    let ran = fresh.run(&["plan", "m.yaml", "--adopt", "users", "--replace", "users.source"]).success();
    ran.shows("has no object of that name").shows("there is nothing to replace yet").end();
}

#[test]
fn a_move_splits_a_pipeline() {
    let s = applied(&pipeline("users"));
    let base = ["source", "target", "mapping", "dataflow"]
        .iter()
        .fold(pipeline("shared"), |text, section| text.without(section))
        .edit("shared base", "users base");
    let rest = pipeline("users")
        .edit("pipeline: users", "pipeline: people")
        .without("baseConnection")
        .edit("source:\n", "source:\n  baseConnection: shared.baseConnection\n")
        .edit("users mapping", "users mapping");
    let whole = "  - { from: users, to: people }\n";
    let one = "  - { from: users.baseConnection, to: shared.baseConnection }\n";
    let ids = s.contents().list();
    for moved in [format!("{whole}{one}"), format!("{one}{whole}")] {
        let s = s.copy();
        s.manifest(&Text::of(&format!("{}moved:\n{moved}", base.and(&rest).as_str())));
        let planned = s.plan(&[]);
        assert_eq!(planned.actions(), [""; 0], "{planned}");
        s.converge(&[]);
        assert_eq!(s.contents().list(), ids);
        assert!(s.managed().iter().any(|(address, _)| address == "shared.baseConnection"));
    }
    // The parts of a schema, which have no section, go with it.
    let s = applied(&described("users"));
    let schema = described("kept").without("dataset").edit("kept schema\n", "users schema\n");
    let data =
        described("people").without("schema").edit("people data\n", "users data\n  schema: kept.schema\n");
    let moved = "moved:\n  - { from: users, to: people }\n  - { from: users.schema, to: kept.schema }\n";
    s.manifest(&Text::of(&format!("{}{moved}", schema.and(&data).as_str())));
    let planned = s.plan(&[]);
    assert_eq!(planned.actions(), [""; 0], "{planned}");
    // Two for one place: only the state tells, and the plan refuses.
    let two = s.copy();
    two.manifest(&pipeline("users").and(&pipeline("others")));
    two.converge(&[]);
    let merged = pipeline("users").edit("pipeline: users", "pipeline: people");
    two.manifest(&Text::of(&format!(
        "{}moved:\n{whole}  - {{ from: others.source, to: people.source }}\n",
        merged.as_str()
    )));
    two.run(&["plan", "m.yaml"]).exit(8).shows("two objects cannot be one").end();
}
