//! Names across one plan: a new object with the name of one that goes is a rename, and a name that the platform takes once
//! is given up before another takes it.

use serde_json::Value;

use crate::support::{Planned, Sandbox, Text, described, pipeline, short};

fn applied(manifest: &Text) -> Sandbox {
    let s = Sandbox::new();
    s.manifest(manifest);
    s.converge(&[]);
    s
}

/// The same pipeline under another name; its objects keep theirs.
fn renamed(manifest: &Text, from: &str, to: &str) -> Text {
    manifest.edit(&format!("pipeline: {from}\n"), &format!("pipeline: {to}\n"))
}

fn block(planned: &Planned) -> String {
    planned.plan["movedBlock"].as_str().unwrap_or_default().to_owned()
}

/// Plans a manifest that is refused, and shows that applying it writes nothing; the block that it prints makes a rename.
#[track_caller]
fn refused_plan(s: &Sandbox, manifest: &Text, more: &[&str], words: &str) -> Planned {
    s.manifest(manifest);
    let before = s.contents();
    let planned = s.plan(more);
    assert_eq!(planned.code, Some(8), "{planned}");
    assert!(planned.plan["refusals"].to_string().contains(words), "{planned}");
    s.apply(more).exit(8).end();
    assert_eq!(s.contents(), before);
    planned
}

/// The same where the words are all that matters.
#[track_caller]
fn refused(s: &Sandbox, manifest: &Text, more: &[&str], words: &str) {
    drop(refused_plan(s, manifest, more, words));
}

/// The printed block in the manifest leads to moves alone.
#[track_caller]
fn moves(s: &Sandbox, manifest: &Text, planned: &Planned) {
    let before = s.contents();
    s.manifest(&Text::of(&format!("{}{}", manifest.as_str(), block(planned))));
    let actions = s.plan(&[]).actions();
    assert!(
        actions.iter().all(|action| !action.contains("create") && !action.contains("delete")),
        "{actions:?}"
    );
    s.converge(&[]);
    let ids = |contents: &crate::support::Contents| -> Vec<String> {
        let mut ids: Vec<String> = contents.all().map(|object| object.id.clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&s.contents()), ids(&before));
}

#[test]
fn a_renamed_pipeline_whose_names_are_unique_is_refused_with_the_block_that_means_it() {
    let s = applied(&described("users"));
    let people = renamed(&described("users"), "users", "people");
    let planned = refused_plan(&s, &people, &[], "all data in users.dataset would be destroyed");
    assert_eq!(block(&planned), "moved:\n  - { from: users, to: people }\n");
    assert_eq!(planned.plan["renames"].as_array().map(Vec::len), Some(4));
    for kind in ["field group", "schema", "dataset"] {
        assert!(!planned.plan.to_string().contains(&format!("no such {kind} yet")), "{planned}");
    }
    // No way around: the title is taken.
    refused(&s, &people, &["--create-beside", "people"], "takes a name once");
    // With half of it planned, the old ones stay and hold the title.
    refused(&s, &people, &["--target", "people"], "takes a name once");
    // Nor with the other half of it, which deletes what the new ones would take the place of.
    refused(&s, &people, &["--target", "users"], "all data in users.dataset would be destroyed");
    refused(&s, &people, &["--exclude", "people"], "that is a rename");
    for format in ["text", "markdown", "html", "github"] {
        let ran = s.run(&["plan", "m.yaml", "--format", format]).exit(8);
        ran.shows("{ from: users, to: people }").end();
    }
    // An edit in the same change does not hide it.
    let edited = people.edit("what came", "what went");
    refused(&s, &edited, &[], "that is a rename");
    moves(&s, &edited, &planned);
}

#[test]
fn a_renamed_pipeline_whose_names_may_be_double_is_warned_of_and_ordered() {
    let s = applied(&pipeline("users"));
    let people = renamed(&pipeline("users"), "users", "people");
    s.manifest(&people);
    let planned = s.plan(&[]);
    assert_eq!(planned.code, Some(0), "{planned}");
    assert_eq!(planned.plan["warnings"].as_array().map(Vec::len), Some(1), "{planned}");
    assert_eq!(block(&planned), "moved:\n  - { from: users, to: people }\n");
    moves(&s.copy(), &people, &planned);
    // Where it is meant, each deletion comes after what takes its place.
    let before = s.contents();
    let requests = s.recorded(|s| s.converge(&["--parallelism", "8"]));
    let writes = short(&requests, &before);
    let at = |what: &str| writes.iter().position(|w| w.starts_with(what)).unwrap();
    assert!(at("POST /flows") < at("DELETE /flows"), "{writes:?}");
    assert!(at("POST /connections") < at("DELETE /connections"), "{writes:?}");
    assert_eq!(s.contents().counts(), [1; 5]);
    s.state_is_the_platform();
}

/// Fails the one create that matters, and shows that nothing of the old is gone for it.
#[track_caller]
fn fails_safely(mut s: Sandbox, next: &Text, more: &[&str], fault: &str) {
    s.manifest(next);
    let old: Vec<String> = s.contents().all().map(|object| object.id.clone()).collect();
    s.fail(&[fault]);
    let ran = s.apply(more);
    assert_ne!(ran.code, Some(0), "{ran}");
    let said = ran.to_string();
    ran.end();
    s.fail(&[]);
    let now: Vec<String> = s.contents().all().map(|object| object.id.clone()).collect();
    assert!(old.iter().all(|id| now.contains(id)), "{said}");
    s.converge(more);
    s.state_is_the_platform();
}

#[test]
fn a_deletion_does_not_run_when_what_takes_its_place_failed() {
    let people = renamed(&pipeline("users"), "users", "people");
    for path in ["flows", "connections", "targetConnections"] {
        let fault = format!("POST /data/foundation/flowservice/{path}#*:status=400");
        fails_safely(applied(&pipeline("users")), &people, &[], &fault);
    }
}

/// A dataset of its own, over the schema of another pipeline.
fn kept(name: &str) -> Text {
    Text::of(&format!(
        "apiVersion: flowform/v1\npipeline: {name}\nplatform: {{ org: 0123456789ABCDEF01234567@AdobeOrg, sandbox: dev }}\n\
         dataset: {{ name: kept, schema: users.schema, deleteData: true }}\n"
    ))
}

#[test]
fn a_renamed_dataset_goes_with_its_data_only_where_that_is_meant_and_after_the_new_one() {
    let both = |name: &str| described("users").and(&kept(name));
    let s = applied(&both("old"));
    let planned = refused_plan(&s, &both("new"), &[], "all data in old.dataset would be destroyed");
    assert_eq!(block(&planned), "moved:\n  - { from: old, to: new }\n");
    moves(&s.copy(), &both("new"), &planned);
    let meant = ["--create-beside", "new.dataset"];
    fails_safely(s.copy(), &both("new"), &meant, "POST /data/foundation/catalog/dataSets#*:status=400");
    s.manifest(&both("new"));
    let before = s.contents();
    let writes = short(&s.recorded(|s| s.converge(&meant)), &before);
    assert!(
        writes[0].starts_with("POST /dataSets") && writes[1].starts_with("DELETE /dataSets"),
        "{writes:?}"
    );
    // In another case it is the same name to a person.
    let louder = Text::of(&both("third").as_str().replace("name: kept", "name: Kept"));
    refused(&s, &louder, &[], "that is a rename");
}

#[test]
fn one_section_that_moved_is_a_rename_too_and_a_split_prints_addresses() {
    let s = applied(&pipeline("users"));
    let reader = pipeline("users")
        .without("baseConnection")
        .edit("source:\n", "source:\n  baseConnection: shared.baseConnection\n");
    let shared = ["source", "target", "mapping", "dataflow"]
        .iter()
        .fold(renamed(&pipeline("users"), "users", "shared"), |text, section| text.without(section));
    let both = shared.and(&reader);
    s.manifest(&both);
    let planned = s.plan(&[]);
    assert_eq!(
        block(&planned),
        "moved:\n  - { from: users.baseConnection, to: shared.baseConnection }\n",
        "{planned}"
    );
    s.manifest(&Text::of(&format!("{}{}", both.as_str(), block(&planned))));
    let planned = s.plan(&[]);
    assert_eq!(planned.actions(), [""; 0], "{planned}");
}

#[test]
fn of_two_that_it_could_be_neither_is_written_down() {
    let twice = pipeline("users")
        .without("dataflow")
        .and(&pipeline("others").edit("name: others target", "name: users target").without("dataflow"));
    let s = applied(&twice);
    let people = renamed(&pipeline("users"), "users", "people").without("dataflow");
    let only =
        ["baseConnection", "source", "mapping"].iter().fold(people, |text, section| text.without(section));
    s.manifest(&only);
    let planned = s.plan(&["--allow-deletes", "8"]);
    assert_eq!(block(&planned), "", "{planned}");
    assert!(planned.plan["warnings"].to_string().contains("several could be it"), "{planned}");
}

#[test]
fn a_pipeline_of_which_all_names_changed_is_seen_and_another_one_is_not() {
    let s = applied(&described("users"));
    let people = described("people");
    let planned = refused_plan(&s, &people, &[], "that looks like a rename");
    assert_eq!(block(&planned), "moved:\n  - { from: users, to: people }\n");
    refused(
        &s,
        &people.edit("type: string, title: E-mail", "type: string"),
        &[],
        "--create-beside people.dataset",
    );
    moves(&s.copy(), &people, &planned);
    // Other data is another pipeline: it is what it says.
    let other =
        people.edit("    id: integer\n    email: { type: string, title: E-mail }\n", "    sku: string\n");
    let other = other.edit("  primaryIdentity: { field: _tenant.email, namespace: Email }\n", "");
    s.manifest(&other);
    let planned = s.plan(&["--allow-deletes", "4"]);
    assert_eq!((planned.code, block(&planned)), (Some(0), String::new()), "{planned}");
    s.manifest(&people);
    s.apply(&["--create-beside", "people"])
        .success()
        .shows("all data in users.dataset would be destroyed")
        .end();
}

#[test]
fn what_is_taken_down_is_no_rename() {
    let s = applied(&described("users"));
    let planned = s.plan(&["--destroy"]);
    assert_eq!((planned.code, planned.plan["renames"].as_array()), (Some(0), None));
    s.destroy(&[]).success().end();
}

/// The titles of the schemas of two pipelines.
fn titled(a: &str, b: &str) -> Text {
    let of = |name: &str, title: &str| {
        described(name)
            .edit(&format!("name: {name} schema"), &format!("name: {title}\n  fieldGroupName: {name} fields"))
    };
    of("a", a).and(&of("b", b))
}

#[test]
fn a_chain_of_titles_is_given_up_before_it_is_taken() {
    let s = applied(&titled("A", "B"));
    s.manifest(&titled("B", "C"));
    let before = s.contents();
    let requests = s.recorded(|s| s.converge(&["--parallelism", "8"]));
    assert_eq!(short(&requests, &before).len(), 2);
    let schemas: Vec<Value> =
        requests.iter().filter(|r| r.is_write() && !r.is_login()).map(|r| r.body.clone()).collect();
    assert!(
        schemas[0].to_string().contains("\"C\"") && schemas[1].to_string().contains("\"B\""),
        "{schemas:?}"
    );
    // A new schema takes the title that another gives up.
    let third = described("c").edit("name: c schema", "name: B\n  fieldGroupName: c fields");
    s.manifest(&titled("D", "C").and(&third));
    s.converge(&["--parallelism", "8"]);
    // A title across kinds: a field group takes that of a schema.
    s.manifest(&titled("E", "C").and(&third.edit("fieldGroupName: c fields", "fieldGroupName: D")));
    s.converge(&["--parallelism", "8"]);
    s.state_is_the_platform();
}

#[test]
fn titles_that_go_round_or_stay_taken_are_refused_in_the_plan() {
    let s = applied(&titled("A", "B"));
    refused(&s, &titled("B", "A"), &[], "none of them can be first");
    let three = |a, b, c: &str| {
        titled(a, b)
            .and(&described("c").edit("name: c schema", &format!("name: {c}\n  fieldGroupName: c fields")))
    };
    let round = applied(&three("A", "B", "C"));
    refused(&round, &three("B", "C", "A"), &[], "none of them can be first");
    // A schema waits for its field group, which waits for the schema's title.
    let across = titled("X", "B").as_str().replace("fieldGroupName: a fields", "fieldGroupName: A");
    refused(&s, &Text::of(&across), &[], "the platform takes a name once");
    refused(&s, &titled("B", "C"), &["--exclude", "b.schema"], "keeps it");
    // The title of an object that nobody manages here.
    let other = applied(&titled("A", "B"));
    other.manifest(&titled("A", "B"));
    let theirs = r##"{"type":"object","title":"Taken","description":"",
        "meta:intendedToExtend":["https://ns.adobe.com/xdm/context/profile"],
        "definitions":{"customFields":{"type":"object","properties":{"_extconndev":{"type":"object",
            "properties":{"x":{"type":"string"}}}}}},
        "allOf":[{"$ref":"#/definitions/customFields"}]}"##;
    let body: Value = serde_json::from_str(theirs).unwrap();
    other.somebody().send("POST", "/schemaregistry/tenant/fieldgroups", &[], &body);
    refused(&other, &titled("A", "Taken"), &[], "that is not managed here");
    refused(
        &other,
        &titled("A", "B").and(&described("c").edit("name: c schema", "name: Taken")),
        &[],
        "that is not managed here",
    );
    // Two that are both to have it, of two kinds.
    let both = titled("A", "X").as_str().replace("fieldGroupName: a fields", "fieldGroupName: X");
    refused(&s, &Text::of(&both), &[], "are both to have the name `X`");
}
