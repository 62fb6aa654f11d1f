//! Which sandbox and which state a command works with: flags, variables, manifests with a default, and the states there are.

use crate::support::{ORG, Sandbox, pipeline};

/// A folder without a platform; commands use the embedded emulator. Its manifest names a default sandbox.
fn defaulted() -> Sandbox {
    let s = Sandbox::bare();
    s.manifest(
        &pipeline("users")
            .edit(ORG, "\"${env:ADOBE_ORG_ID:-0123456789ABCDEF01234567@AdobeOrg}\"")
            .edit("sandbox: dev", "sandbox: \"${env:ADOBE_SANDBOX:-dev}\""),
    );
    s
}

/// Every flag that a variable can stand for, of the commands that talk to a platform.
const VARIABLES: [&str; 12] = [
    "FLOWFORM_GATEWAY",
    "FLOWFORM_IMS",
    "ADOBE_ORG_ID",
    "ADOBE_SANDBOX",
    "ADOBE_CLIENT_ID",
    "ADOBE_SCOPES",
    "FLOWFORM_CREDENTIALS",
    "FLOWFORM_CA_FILE",
    "FLOWFORM_STATE",
    "FLOWFORM_RETRY_WAIT",
    "FLOWFORM_COMMAND_TIMEOUT",
    "FLOWFORM_LOG",
];

#[test]
fn an_empty_variable_counts_as_unset() {
    let mut s = defaulted();
    for name in VARIABLES {
        s.set(name, "");
    }
    s.apply(&["--emulator"]).success().end();
    assert!(s.path().join("state/emulator/dev.json").exists());
    for arguments in [&["state", "list"][..], &["status", "--emulator"], &["runs", "--emulator"]] {
        s.run(arguments).success().end();
    }
    s.run(&["emulator", "call", "GET", "/data/foundation/flowservice/flows"])
        .success()
        .shows("users flow")
        .end();
    // The list above is whole: the help of each command names no other.
    for command in ["plan", "apply", "state", "emulator"] {
        for word in s.run(&[command, "--help"]).success().stdout.split("[env: ").skip(1) {
            let name = word.split('=').next().unwrap_or_default();
            assert!(VARIABLES.contains(&name), "{name} of {command} was not tried");
        }
    }
}

#[test]
fn an_empty_flag_counts_as_not_given() {
    let s = defaulted();
    s.apply(&["--emulator", "--state", "", "--sandbox=", "--gateway", "", "--log="]).success().end();
    assert!(s.path().join("state/emulator/dev.json").exists());
    // An empty path that no variable stands for is a mistake.
    s.run(&["plan", "", "--emulator"]).exit(3).end();
}

#[test]
fn an_unset_secret_is_said_to_be_unset_where_it_is_empty() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.set("ZENDESK_ACCESS_TOKEN", "");
    s.apply(&[]).exit(3).says("ZENDESK_ACCESS_TOKEN is not set, or is empty").end();
    s.set("ADOBE_CLIENT_SECRET", "");
    s.apply(&[]).exit(5).says("neither a client secret nor an access token is given").end();
}

#[test]
fn a_default_in_the_manifest_gives_way_to_the_flag() {
    let mut s = defaulted();
    s.apply(&["--emulator", "--sandbox", "stage"]).success().end();
    assert!(s.path().join("state/emulator/stage.json").exists());
    let other = "FEDCBA9876543210FEDCBA98@AdobeOrg";
    s.apply(&["--emulator", "--sandbox", "prod", "--org", other]).success().end();
    assert!(s.read("state/emulator/prod.json").contains(other));
    // What is not a default contradicts the flag.
    s.set("ADOBE_SANDBOX", "dev");
    s.apply(&["--emulator", "--sandbox", "stage"]).exit(3).says("the manifest names the sandbox dev").end();
    s.unset("ADOBE_SANDBOX");
    s.manifest(&pipeline("users"));
    s.apply(&["--emulator", "--sandbox", "stage"]).exit(3).says("drop one of the two").end();
    // One document that says it for certain is enough.
    s.manifest(
        &pipeline("users").and(&pipeline("others").edit("sandbox: dev", "sandbox: \"${var:NONE:-dev}\"")),
    );
    s.apply(&["--emulator", "--sandbox", "stage"]).exit(3).says("drop one of the two").end();
}

#[test]
fn every_command_without_a_manifest_chooses_its_state_alike() {
    let s = defaulted();
    let commands = [
        &["state", "list"][..],
        &["status", "--emulator"],
        &["runs", "--emulator"],
        &["explore", "users", "--emulator"],
    ];
    let with = |command: &[&'static str], more: &[&'static str]| [command, more].concat();
    for command in commands {
        s.run(command).exit(10).says("there is no state in state/").end();
        s.run(&with(command, &["--sandbox", "../dev"])).exit(3).says("is not a sandbox name").end();
    }
    // There is nothing to take down, as with Terraform.
    s.run(&["destroy", "--emulator", "--auto-approve"]).success().end();

    s.apply(&["--emulator", "--sandbox", "stage"]).success().end();
    for command in commands {
        s.run(command).success().end();
        s.run(&with(command, &["--sandbox", "stage"])).success().end();
        s.run(&with(command, &["--sandbox", "prod"])).exit(10).says("state/emulator/stage.json").end();
    }
    s.run(&["status"]).exit(10).says("add --emulator").end();

    s.apply(&["--emulator"]).success().end();
    for command in commands {
        s.run(command)
            .exit(3)
            .says("state/emulator/dev.json, state/emulator/stage.json")
            .says("--sandbox")
            .end();
        s.run(&with(command, &["--sandbox", "stage"])).success().end();
        s.run(&with(command, &["--state", "state/emulator/stage.json"])).success().end();
        let crossed = ["--sandbox", "dev", "--state", "state/emulator/stage.json"];
        s.run(&with(command, &crossed)).exit(10).says("sandbox stage").end();
    }
    let destroy = ["destroy", "--emulator", "--auto-approve"];
    s.run(&destroy).exit(3).says("there are several states").end();
    s.run(&with(&destroy, &["--sandbox", "stage"])).success().shows("deleted").end();
    s.run(&with(&destroy, &["--state", "state/emulator/dev.json"])).success().shows("deleted").end();
    s.run(&with(&destroy, &["--sandbox", "nope"])).exit(10).says("there is no state at").end();
    s.run(&["plan", "--refresh-only", "--emulator"]).exit(3).says("there are several states").end();
}
