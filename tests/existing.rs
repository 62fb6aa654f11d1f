//! Objects that exist already: taken over by their ids in the manifest's `import` or by `flowform import`, written down by
//! `flowform export`.

use std::collections::BTreeSet;

use crate::support::{Sandbox, TOKEN, Text, pipeline};

/// A sandbox that holds the objects of `users`, made by somebody who has gone and taken the state along.
fn orphaned() -> Sandbox {
    orphaned_of(&pipeline("users"), &[])
}

fn orphaned_of(text: &Text, switches: &[&str]) -> Sandbox {
    let s = Sandbox::behaving(switches);
    s.manifest(text);
    s.converge(&[]);
    std::fs::remove_dir_all(s.path().join("state")).unwrap();
    s
}

const SECTIONS: [(&str, &str); 5] = [
    ("baseConnection", "connections"),
    ("source", "sourceConnections"),
    ("target", "targetConnections"),
    ("mapping", "mappingSets"),
    ("dataflow", "flows"),
];

/// The manifest of `users` with the ids of what there is.
fn importing(s: &Sandbox, text: &Text) -> Text {
    let contents = s.contents();
    let ids = SECTIONS.map(|(section, kind)| format!("  {section}: {}\n", contents.one(kind).id));
    Text::of(&format!("{}import:\n{}", text.as_str(), ids.concat()))
}

/// The requests that change something.
fn writes(s: &Sandbox, during: impl FnOnce(&Sandbox)) -> usize {
    s.recorded(during).iter().filter(|request| request.is_write() && !request.is_login()).count()
}

#[test]
fn an_import_is_planned_sends_nothing_and_stays_quiet() {
    let s = orphaned();
    let before = s.contents();
    s.manifest(&importing(&s, &pipeline("users")));
    s.run(&["validate", "m.yaml"]).success().end();
    let ran = s.run(&["plan", "m.yaml", "--detailed-exitcode"]).exit(2);
    insta::assert_snapshot!("imported", ran);
    assert_eq!(writes(&s, |s| s.apply(&[]).success().shows("5 adopted").end()), 0);
    assert_eq!(s.contents(), before);
    s.state_is_the_platform();
    let again = s.plan(&["--detailed-exitcode"]);
    assert!(again.is_empty() && again.code == Some(0), "{again}");
    assert_eq!(
        (again.plan["records"].to_string(), again.plan["notes"].to_string()),
        ("{}".into(), "[]".into())
    );
    // Taken over and replaced later, the block names an object that is no more, and still does no harm.
    s.converge(&["--replace", "users.source"]);
    assert!(s.plan(&[]).is_empty());
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().counts(), [0; 5]);
}

#[test]
fn an_imported_secret_is_sent_when_it_changes_or_when_asked() {
    let mut s = orphaned();
    s.manifest(&importing(&s, &pipeline("users")));
    s.converge(&[]);
    let ran = s.run(&["plan", "m.yaml", "--send-secrets", "users.baseConnection"]).success();
    ran.shows("its secrets are to be sent, as asked for with --send-secrets").shows("(sensitive").end();
    assert_eq!(writes(&s, |s| s.apply(&["--send-secrets", "users"]).success().end()), 1);
    assert!(s.plan(&[]).is_empty());
    s.set("ZENDESK_ACCESS_TOKEN", "another-value");
    assert_eq!(s.plan(&[]).changes(), ["users.baseConnection /auth/params/accessToken"]);
    s.converge(&[]);
    s.run(&["plan", "m.yaml", "--send-secrets", "nobody"])
        .exit(3)
        .says("neither the manifest nor the state")
        .end();
}

#[test]
fn a_secret_that_is_not_at_hand_keeps_nobody_from_importing() {
    let mut s = orphaned();
    s.manifest(&importing(&s, &pipeline("users")));
    s.unset("ZENDESK_ACCESS_TOKEN");
    assert_eq!(writes(&s, |s| s.apply(&[]).success().end()), 0);
    assert!(s.plan(&[]).is_empty());
    // At hand at last, it is taken for the one that is there, and that is said.
    s.set("ZENDESK_ACCESS_TOKEN", TOKEN);
    let planned = s.run(&["plan", "m.yaml"]).success();
    planned.shows("it is taken for the manifest's, and sent when that changes").end();
    assert_eq!(writes(&s, |s| s.apply(&[]).success().end()), 0);
    assert_eq!(s.plan(&[]).plan["notes"].to_string(), "[]");
    s.set("ZENDESK_ACCESS_TOKEN", "another-value");
    assert_eq!(s.plan(&[]).changes(), ["users.baseConnection /auth/params/accessToken"]);
}

#[test]
fn what_an_import_finds_otherwise_is_put_right_in_the_same_plan_or_refused() {
    let s = orphaned();
    let text = importing(&s, &pipeline("users"));
    s.manifest(
        &text.edit("interval: 15", "interval: 30").edit("source: result.email", "source: result.mail"),
    );
    let planned = s.plan(&[]);
    assert!(planned.changes().contains(&"users.dataflow /scheduleParams/interval".to_owned()), "{planned}");
    s.converge(&[]);
    assert_eq!(s.contents().counts(), [1; 5]);

    let s = orphaned();
    s.manifest(&importing(&s, &pipeline("users")).edit("params: {}", "params: { page: 2 }"));
    let ran = s.run(&["plan", "m.yaml"]).exit(8);
    ran.shows("cannot be adopted: it differs in /params/page").end();
}

#[test]
fn an_id_that_cannot_be_taken_over_is_refused_with_the_reason() {
    let s = orphaned();
    let contents = s.contents();
    let [base, source] = ["connections", "sourceConnections"].map(|kind| contents.one(kind).id.clone());
    let of = |block: &str| Text::of(&format!("{}import: {block}\n", pipeline("users").as_str()));
    let refused = |block: &str, why: &str| {
        s.manifest(&of(block));
        s.run(&["plan", "m.yaml", "--adopt", "users"]).exit(8).shows(why).end();
        assert_eq!(writes(&s, |s| s.apply(&["--adopt", "users"]).exit(8).end()), 0);
    };
    refused(
        &format!("{{ source: {base} }}"),
        &format!("{base} is a base connection, not a source connection"),
    );
    refused("{ source: 00000000-0000-4000-8000-000000000000 }", "the sandbox has no source connection");
    refused("{ source: \"..%2f\" }", "the sandbox has no source connection ..%2f");
    // Managed already, here or elsewhere.
    s.manifest(&importing(&s, &pipeline("users")));
    s.converge(&[]);
    let other = pipeline("other").and(&pipeline("users"));
    s.manifest(&Text::of(&other.as_str().replacen(
        "---\n",
        &format!("import: {{ source: {source} }}\n---\n"),
        1,
    )));
    s.run(&["plan", "m.yaml"])
        .exit(8)
        .shows(&format!("other.source: {source} is managed as users.source already"))
        .end();
    let others = s.somebody().connection("somebody's");
    s.manifest(&of(&format!("{{ baseConnection: {others} }}")));
    s.run(&["plan", "m.yaml"])
        .exit(8)
        .shows(&format!("users.baseConnection: it is {base} already, and cannot be {others} too"))
        .end();
}

#[test]
fn a_saved_plan_that_imports_is_stale_when_the_object_is_another_one() {
    let s = orphaned();
    s.manifest(&importing(&s, &pipeline("users")));
    s.run(&["plan", "m.yaml", "-o", "p.json"]).success().end();
    let target = s.contents().one("targetConnections").clone();
    let changed = s.copy();
    changed.somebody().describe("targetConnections", &target, "by hand");
    changed
        .run(&["apply", "p.json", "--auto-approve"])
        .exit(7)
        .says("users.target: it has changed since")
        .end();
    let gone = s.copy();
    let flow = s.contents().one("flows").clone();
    gone.somebody().delete("flows", &flow);
    gone.run(&["apply", "p.json", "--auto-approve"]).exit(7).says("gone from the platform since").end();
    for run in [&changed, &gone] {
        assert!(run.state().is_null(), "nothing was recorded");
    }
    s.run(&["apply", "p.json", "--auto-approve"]).success().shows("5 adopted").end();
    s.state_is_the_platform();
    assert!(s.plan(&[]).is_empty());
    s.run(&["apply", "p.json", "--auto-approve"]).exit(7).end();
}

/// One object into the state.
const IMPORT: [&str; 2] = ["import", "users.target"];

#[test]
fn one_object_is_imported_as_it_is_and_the_next_plan_shows_what_differs() {
    let s = orphaned();
    let before = s.contents();
    s.manifest(
        &pipeline("users").edit("what is written", "what is written, in other words").without("dataflow"),
    );
    for (section, kind) in &SECTIONS[..4] {
        let id = before.one(kind).id.clone();
        let address = format!("users.{section}");
        assert_eq!(
            writes(&s, |s| s
                .run(&["import", &address, &id, "m.yaml"])
                .success()
                .says("is now managed as")
                .end()),
            0
        );
        // Once more changes nothing.
        let state = s.state();
        s.run(&["import", &address, &id, "m.yaml"]).success().says("already").end();
        assert_eq!(s.state(), state);
    }
    assert_eq!(s.contents(), before);
    let planned = s.plan(&[]);
    assert_eq!(planned.changes(), ["users.target /description"]);
    assert_eq!(planned.drift(), [""; 0]);
    s.run(&["plan", "m.yaml"]).success().shows("the manifest changed").shows("--send-secrets").end();
    s.converge(&[]);
    s.manifest(&pipeline("users"));
    s.run(&["import", "users.dataflow", &before.one("flows").id, "m.yaml"]).success().end();
    s.converge(&[]);
    s.state_is_the_platform();
    assert_eq!(s.contents().counts(), [1; 5]);
}

#[test]
fn what_cannot_be_imported_is_refused_and_records_nothing() {
    let s = orphaned();
    let contents = s.contents();
    let [source, target] =
        ["sourceConnections", "targetConnections"].map(|kind| contents.one(kind).id.clone());
    for (address, id, code, says) in [
        ("users.target", source.as_str(), 8, "is a source connection, not a target connection"),
        ("users.target", "nothing", 8, "the sandbox has no target connection nothing"),
        ("other.target", target.as_str(), 3, "the manifest has no other.target"),
        ("users.flow", target.as_str(), 3, "is not an address"),
        ("users.target", "", 3, "write the id of an existing object"),
        ("users.target", "..", 3, "write the id of an existing object"),
        ("users.target", "a\u{1b}[31m", 3, "write the id of an existing object"),
    ] {
        s.run(&["import", address, id, "m.yaml"]).exit(code).says(says).end();
        assert!(s.state().is_null());
    }
    s.run(&["import", "users.target", &target]).exit(3).says("no manifest is named").end();
    s.run(&[&IMPORT[..], &[&target, "m.yaml"]].concat()).success().end();
    s.manifest(&pipeline("users").and(&pipeline("other")));
    s.run(&["import", "other.target", &target, "m.yaml"])
        .exit(8)
        .says("is managed as users.target already")
        .end();
    s.run(&["import", "users.target", &source, "m.yaml"]).exit(8).says("already, and cannot be").end();
    assert_eq!(s.managed(), [("users.target".to_owned(), target)]);
}

#[test]
fn nothing_is_imported_while_another_run_is_at_it_or_has_not_ended() {
    let mut s = orphaned();
    let target = s.contents().one("targetConnections").id.clone();
    s.manifest(&importing(&s, &pipeline("users")).edit("interval: 15", "interval: 30"));
    let held = s.path().join("held");
    s.fail(&[&format!("PATCH *:stop-before={}", held.display())]);
    let mut running = s.start(&["apply", "m.yaml", "--auto-approve"]);
    running.until("held");
    let arguments = [&IMPORT[..], &[&target, "m.yaml"]].concat();
    running.beside(&arguments).exit(6).says("running `flowform apply`").end();
    running.kill();
    std::fs::remove_file(held).unwrap();
    s.fail(&[]);
    s.run(&arguments).exit(8).says("has not ended; nothing was changed").end();
    s.converge(&[]);
}

/// The sandbox's flows, each with what it refers to, in one file that no state knows of yet.
fn exported(s: &Sandbox) -> String {
    let ran = s.run(&["export", "--org", crate::support::ORG, "--sandbox", "dev"]).success();
    assert!(!ran.stdout.contains(TOKEN) && !ran.stderr.contains(TOKEN), "{ran}");
    ran.stdout.clone()
}

/// What was exported is a manifest that imports everything, sends nothing, and wants what is there.
#[track_caller]
fn is_what_there_is(s: &mut Sandbox) {
    let before = s.contents();
    let text = exported(s);
    s.manifest(&Text::of(&text));
    s.run(&["validate", "m.yaml"]).success().end();
    let planned = s.plan(&[]);
    let imports = planned.actions().iter().filter(|action| action.starts_with("adopt ")).count();
    // Besides the five kinds, one schema and one dataset, seeded or not.
    let all = before.counts().iter().sum::<usize>() + 2;
    assert_eq!((imports, planned.actions().len()), (all, all), "{planned}\n{text}");
    assert_eq!(planned.changes(), [""; 0], "{planned}\n{text}");
    assert_eq!(writes(s, |s| s.apply(&[]).success().end()), 0);
    assert!(s.plan(&[]).is_empty());
    assert_eq!(s.contents(), before);
    let managed: BTreeSet<String> = s.managed().into_iter().map(|(_, id)| id).collect();
    let mut there = SECTIONS.iter().flat_map(|(_, kind)| before.of(kind));
    assert!(there.all(|object| managed.contains(&object.id)), "{text}");
}

#[test]
fn what_is_exported_is_what_there_is() {
    for switches in [&[][..], &["secret-echo=absent"], &["secret-echo=clear"]] {
        let mut s = orphaned_of(&pipeline("users"), switches);
        if switches.is_empty() {
            let text = exported(&s);
            insta::assert_snapshot!("exported", s.masked(&text));
        }
        is_what_there_is(&mut s);
    }
}

#[test]
fn what_profile_reads_is_exported_as_such() {
    let mut s = orphaned_of(&crate::schemas::in_profile("users"), &[]);
    let text = exported(&s);
    assert!(text.matches("\n  profile: true\n").count() == 2 && !text.contains("unifiedProfile"), "{text}");
    is_what_there_is(&mut s);
}

#[test]
fn to_look_makes_no_sandbox() {
    let s = Sandbox::bare();
    s.manifest(&pipeline("users").edit("sandbox: dev", "sandbox: new"));
    s.run(&["apply", "m.yaml", "--emulator", "--auto-approve"]).success().end();
    std::fs::remove_file(s.path().join("state/emulator/new.json")).unwrap();
    s.run(&["export", "--emulator", "--sandbox", "new"]).success().shows("pipeline: users-flow").end();
    let none = format!("the sandbox dev of {} has no dataflow to write down", crate::support::ORG);
    s.run(&["export", "--emulator"]).success().says(&none).end();
    s.run(&["export", "--emulator", "--sandbox", "nosuch"]).exit(1).says("'nosuch' could not be found").end();
}

#[test]
fn the_tutorial_is_exported_as_it_is_written() {
    for example in ["zendesk", "zendesk-current"] {
        let mut s = Sandbox::new();
        let path = format!("{}/examples/{example}.yaml", env!("CARGO_MANIFEST_DIR"));
        s.manifest(&Text::of(&std::fs::read_to_string(path).unwrap()));
        s.converge(&[]);
        std::fs::remove_dir_all(s.path().join("state")).unwrap();
        is_what_there_is(&mut s);
    }
}

#[test]
fn what_several_share_is_written_once() {
    let shared = pipeline("users");
    let other = pipeline("other")
        .without("baseConnection")
        .without("mapping")
        .edit("source:\n", "source:\n  baseConnection: users.baseConnection\n")
        .edit("dataflow:\n", "dataflow:\n  mapping: users.mapping\n");
    let mut s = orphaned_of(&shared.and(&other), &[]);
    is_what_there_is(&mut s);
    // Whichever flow comes first owns what both use.
    let text = s.read("m.yaml");
    for section in ["baseConnection", "mapping"] {
        let by_address = ["users", "other"].map(|name| format!("\n  {section}: {name}-flow.{section}\n"));
        assert!(by_address.iter().any(|line| text.contains(line)), "{section}:\n{text}");
        assert_eq!(text.matches(&format!("\n{section}:\n")).count(), 1, "{text}");
    }
    // A dataset that was taken over is no more to be deleted than another.
    s.destroy(&[]).exit(8).shows("deleteData: true").end();
    s.manifest(&Text::of(&text).edit("\ndataset:\n", "\ndataset:\n  deleteData: true\n"));
    s.converge(&[]);
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().counts(), [0; 5]);
}

#[test]
fn names_of_all_sorts_become_pipelines_and_come_back() {
    let mut s = Sandbox::new();
    // What YAML, the manifest's references and its comments would each make something else of.
    let names = [
        "users",
        "Users",
        "US\u{c9}RS \u{2014} \u{65e5}\u{672c}",
        "no",
        "12e5",
        "a: b # c",
        "\\\"quoted' $${env:HOME} {a}",
        "- [x]",
        "${literal}",
        "-",
    ];
    let mut all: Option<Text> = None;
    for (number, name) in names.iter().enumerate() {
        let one = pipeline(&format!("p{number}"));
        let written = serde_json::to_string(&name.replace("${", "$${")).unwrap();
        let one = one.edit(&format!("name: p{number} flow"), &format!("name: {written}"));
        let one =
            one.edit("params: {}", "params: { x: { y: [1, { z: 'a: b' }, []] }, n: null, t: '2030-01-01' }");
        all = Some(all.map_or(one.clone(), |all| all.and(&one)));
    }
    s.manifest(&all.unwrap());
    s.converge(&[]);
    std::fs::remove_dir_all(s.path().join("state")).unwrap();
    is_what_there_is(&mut s);
    let text = s.read("m.yaml");
    for pipeline in ["users", "users-2", "us-rs", "no", "12e5", "a-b-c", "dataflow"] {
        assert!(
            text.contains(&format!("\npipeline: {pipeline}\n"))
                || text.contains(&format!("\npipeline: \"{pipeline}\"\n")),
            "{pipeline}:\n{text}"
        );
    }
}

#[test]
fn a_schedule_and_all_that_is_special_comes_back() {
    let text = pipeline("users")
        .edit(
            "{ frequency: minute, interval: 15 }",
            "{ frequency: day, interval: 2, startTime: 2040-02-03T04:05:06Z, backfill: true }",
        )
        .edit("from there to here", "several\\nlines")
        .edit(
            "source: result.email, destination",
            "source: 'trim(result.email)', sourceType: EXPRESSION, identity: true, destination",
        )
        .edit(
            "  description: several",
            "  enabled: false\n  options: { errorDiagnosticsEnabled: true }\n  description: several",
        );
    let text = Text::of(&text.as_str().replace("several\\nlines", "\"several\\nlines\""));
    let mut s = orphaned_of(&text, &[]);
    is_what_there_is(&mut s);
    let text = s.read("m.yaml");
    for said in ["2040-02-03T04:05:06Z", "enabled: false", "backfill: true", "sourceType: EXPRESSION"] {
        assert!(text.contains(said), "{said}:\n{text}");
    }
}

#[test]
fn a_flow_on_an_older_mapping_keeps_it() {
    let mut s = orphaned();
    let mapping = s.contents().one("mappingSets").clone();
    let schema = serde_json::json!({ "id": mapping.body["outputSchema"]["schemaRef"]["id"],
        "contentType": "application/vnd.adobe.xed-full+json;version=1" });
    s.somebody().send(
        "PUT",
        &format!("/conversion/mappingSets/{}", mapping.id),
        &[],
        &serde_json::json!({ "name": "users mapping", "outputSchema": { "schemaRef": schema },
            "mappings": [{ "sourceType": "ATTRIBUTE", "source": "result.id", "destination": "_extconndev.id" }] }),
    );
    let text = exported(&s);
    assert!(
        text.contains(&format!("  mappingId: {}\n", mapping.id)) && !text.contains("\nmapping:"),
        "{text}"
    );
    s.manifest(&Text::of(&text));
    let planned = s.plan(&[]);
    assert_eq!((planned.actions().len(), planned.changes().len()), (6, 0), "{planned}\n{text}");
    s.unset("ZENDESK_ACCESS_TOKEN");
    assert_eq!(writes(&s, |s| s.apply(&[]).success().end()), 0);
}

#[test]
fn what_is_managed_is_not_exported_again_but_may_be_referred_to() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s.run(&["export", "--org", crate::support::ORG, "--sandbox", "dev"])
        .success()
        .says("is left out: it is managed already")
        .says("manages every dataflow of the sandbox dev (1)")
        .end();
    s.run(&["state", "rm", "users.dataflow", "--auto-approve"]).success().end();
    let text = exported(&s);
    assert!(text.contains("\n  sourceConnectionId: ") && !text.contains("\nsource:"), "{text}");
    s.manifest(&pipeline("users").without("dataflow").and(&Text::of(&text)));
    let planned = s.plan(&[]);
    assert_eq!(planned.actions(), ["adopt users-flow.dataflow"], "{planned}");
    s.converge(&[]);
    s.state_is_the_platform();
}

#[test]
fn what_no_manifest_can_say_is_left_out_with_the_reason() {
    let s = orphaned_of(&pipeline("users").and(&pipeline("other")), &[]);
    let contents = s.contents();
    let source = contents.named("sourceConnections", "users source").clone();
    // Names that hide something are none that a manifest may have.
    let rename =
        serde_json::json!([{ "op": "replace", "path": "/name", "value": "users\u{202e}\nsource: x" }]);
    s.somebody().patch("sourceConnections", &source, &rename);
    let ran = s.run(&["export", "--org", crate::support::ORG, "--sandbox", "dev"]).success();
    let flow = &contents.named("flows", "users flow").id;
    let ran = ran.says(&format!("the dataflow {flow} is left out: `name` "));
    assert!(!ran.stdout.contains("users source") && ran.stdout.contains("pipeline: other-flow"), "{ran}");
    assert!(![&ran.stdout, &ran.stderr].iter().any(|text| text.contains('\u{202e}')), "{ran}");
}

#[test]
fn one_flow_is_exported_to_where_it_is_wanted_and_over_nothing() {
    let s = Sandbox::new();
    // The older flow owns the dataset that both write to.
    for text in [pipeline("users"), pipeline("users").and(&pipeline("other"))] {
        s.manifest(&text);
        s.converge(&[]);
    }
    std::fs::remove_dir_all(s.path().join("state")).unwrap();
    let contents = s.contents();
    let users = &contents.named("flows", "users flow").id;
    let place = ["--org", crate::support::ORG, "--sandbox", "dev"];
    let export = |more: &[&str]| s.run(&[&["export"], &place[..], more].concat());
    export(&["--flow", users, "-o", "one.yaml"]).success().says("written: one.yaml").end();
    assert!(s.read("one.yaml").contains("pipeline: users-flow") && !s.read("one.yaml").contains("other"));
    let before = s.read("one.yaml");
    export(&["-o", "one.yaml"]).exit(3).says("one.yaml is there already; nothing was written").end();
    assert_eq!(s.read("one.yaml"), before);
    export(&["-o", "pipelines/"]).success().says("pipelines/other-flow.yaml").end();
    assert_eq!(s.read("pipelines/users-flow.yaml"), before);
    export(&["-o", "pipelines"]).exit(3).says("is there already").end();
    s.run(&["plan", "pipelines"]).success().shows("Plan: 12 to adopt.").end();
    export(&["--flow", "nothing"]).exit(1).says("the sandbox has no dataflow nothing").end();
    export(&["--flow", ".."]).exit(3).says("is not an id").end();
    export(&["--flow", users, "--flow", users, "-o", "/dev/null/x"]).exit(1).says("cannot be written").end();
}
