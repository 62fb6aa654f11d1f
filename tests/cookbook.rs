//! The recipes of docs/cookbook.md, each on a document that it is meant to say something of, and on one that it is to be silent
//! about or to let pass.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::jq::jq;
use crate::support::{Sandbox, pipeline};

/// A recipe's filter by its title, and whether it reads events.
fn recipes() -> BTreeMap<&'static str, (&'static str, bool)> {
    let text = include_str!("../docs/cookbook.md");
    let recipes: BTreeMap<_, _> = text
        .split("\n## ")
        .skip(1)
        .filter_map(|section| {
            let title = section.lines().next()?;
            let code = section.split_once("```jq\n")?.1.split_once("\n```")?.0;
            let (_, rest) = code.split_once(" '\n")?;
            let (filter, file) = rest.split_once("\n' ")?;
            Some((title, (filter, file == "events.jsonl")))
        })
        .collect();
    assert_eq!(recipes.len(), text.matches("```jq\n").count(), "a recipe is laid out otherwise");
    recipes
}

/// The documents that recipes read, by a name.
fn documents() -> BTreeMap<&'static str, String> {
    let view = |s: &Sandbox, more: &[&str]| {
        s.run(&[&["plan", "m.yaml", "-o", "plan.json", "--allow-deletes", "5"], more].concat()).end();
        s.run(&["show", "plan.json", "--format", "json"]).success().stdout
    };
    let apply = |s: &Sandbox, code: i32| {
        let apply = ["apply", "plan.json", "--auto-approve", "--format", "json", "--parallelism", "1"];
        s.run(&apply).exit(code).stdout
    };
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users").edit("sandbox: dev", "sandbox: prod"));
    let prod = view(&s, &[]);
    s.manifest(&pipeline("users").and(&pipeline("prod-users")));
    let creates = view(&s, &[]);
    s.fail(&["POST /flows#1:status=400"]);
    let failed = apply(&s, 9);
    s.fail(&[]);
    view(&s, &[]);
    let applied = apply(&s, 0);
    let nothing = view(&s, &[]);
    s.set("ZENDESK_ACCESS_TOKEN", "another-t0ken-value");
    let edited =
        pipeline("prod-users").edit("interval: 15", "interval: 30").edit("format: json", "format: delimited");
    s.manifest(&edited);
    s.somebody().describe("flows", s.contents().named("flows", "prod-users flow"), "by hand");
    let changes = view(&s, &[]);
    // A connection made anew sends its credential, too.
    let replaces = view(&s, &["--replace", "prod-users.baseConnection"]);
    [
        ("prod", prod),
        ("creates", creates),
        ("nothing", nothing),
        ("changes", changes),
        ("replaces", replaces),
        ("failed", failed),
        ("applied", applied),
    ]
    .into_iter()
    .collect()
}

#[test]
fn each_recipe_speaks_where_it_is_meant_to_and_nowhere_else() {
    let (recipes, documents) = (recipes(), documents());
    let said = |title: &str, document: &str, weekday: &str| -> Vec<String> {
        let (filter, reads_events) = recipes[title];
        assert_eq!(reads_events, ["failed", "applied"].contains(&document), "{title}: {document}");
        let text = jq(filter, &documents[document], &[("$weekday", json!(weekday))]);
        text.lines().map(str::to_owned).collect()
    };
    let mut seen = std::collections::BTreeSet::new();
    // Policies: what each refuses, and what it lets pass.
    for (title, refused, passed) in [
        ("No deletions on Fridays", &["changes", "replaces"][..], &["creates", "nothing"][..]),
        ("Only these sandboxes", &["prod"], &["creates", "changes", "nothing"]),
        (
            "Production pipelines are never replaced",
            &["changes", "replaces"],
            &["creates", "nothing", "prod"],
        ),
        ("No dataflow runs more often than every half hour", &["creates", "prod"], &["changes", "nothing"]),
    ] {
        seen.insert(title);
        for (documents, expected) in [(refused, "false"), (passed, "true")] {
            for document in documents {
                assert_eq!(said(title, document, "5"), [expected], "{title}: {document}");
            }
        }
    }
    assert_eq!(said("No deletions on Fridays", "changes", "4"), ["true"]);
    // Reports: what each says of a document, ids left out.
    let base = "/data/foundation/flowservice";
    let post = |what: &str| format!("POST {base}/{what}");
    let five = |pipeline: &str| {
        ["baseConnection", "source", "target", "mapping", "dataflow"].map(|s| format!("{pipeline}.{s}"))
    };
    let made = [
        post("connections"),
        post("sourceConnections"),
        post("targetConnections"),
        "POST /data/foundation/conversion/mappingSets".to_owned(),
        post("flows"),
    ];
    let token = "/auth/params/accessToken";
    let text = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
    for (title, document, expected) in [
        ("One line for a chat message", "creates", text(&["10 create"])),
        ("One line for a chat message", "nothing", text(&["10 unchanged"])),
        (
            "One line for a chat message",
            "changes",
            text(&["1 update, 2 replace, 5 delete, 2 unchanged, 1 drift"]),
        ),
        (
            "What somebody changed by hand",
            "changes",
            text(&["prod-users.dataflow /description: from there to here -> by hand"]),
        ),
        ("What somebody changed by hand", "creates", vec![]),
        ("What somebody changed by hand", "nothing", vec![]),
        (
            "Credentials that will be set",
            "creates",
            ["users", "prod-users"].map(|name| format!("{name}.baseConnection {token}")).to_vec(),
        ),
        ("Credentials that will be set", "changes", vec![format!("prod-users.baseConnection {token}")]),
        ("Credentials that will be set", "replaces", vec![format!("prod-users.baseConnection {token}")]),
        ("Credentials that will be set", "nothing", vec![]),
        ("Every request that will be sent", "creates", [made.clone(), made].concat()),
        ("Every request that will be sent", "nothing", vec![]),
        // The one that failed was made by the next apply alone.
        (
            "Ids of what was made",
            "failed",
            [five("users")[..4].to_vec(), five("prod-users").to_vec()].concat(),
        ),
        ("Ids of what was made", "applied", text(&["users.dataflow"])),
        (
            "What did not work, and what to do",
            "failed",
            text(&["users.dataflow: failed: A fault of the emulator. (HTTP 400, request id"]),
        ),
        ("What did not work, and what to do", "applied", vec![]),
    ] {
        seen.insert(title);
        let said = said(title, document, "5");
        assert_eq!(said.len(), expected.len(), "{title}: {document}: {said:#?}");
        for (said, expected) in said.iter().zip(&expected) {
            assert!(said.starts_with(expected), "{title}: {document}: {said:?} is not {expected:?}");
        }
    }
    // Of a replacement: what is sent anyway, and not what is sent only if a step fails.
    let requests = said("Every request that will be sent", "changes", "5");
    let view: Value = serde_json::from_str(&documents["changes"]).unwrap();
    let all = view["operations"].as_array().unwrap().iter().flat_map(|o| o["requests"].as_array().unwrap());
    let (sure, unsure): (Vec<_>, Vec<_>) = all.partition(|request| request["onlyIfFailed"].is_null());
    assert_eq!((requests.len(), unsure.len()), (sure.len(), 1), "{requests:#?}");
    assert!(seen.iter().eq(recipes.keys()), "a recipe is not tried: {:?}", recipes.keys());
}
