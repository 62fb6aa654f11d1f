//! What goes over the wire, told by the platform's own log: few reads, each write once, each change conditional.

use std::collections::BTreeMap;

use crate::support::{Request, Sandbox, Text, created, pipeline};

/// Creates, edits every kind, replaces, switches off, destroys; what each apply sent.
fn everything() -> Vec<(&'static str, Vec<Request>)> {
    let mut s = Sandbox::new();
    let both = |edit: &dyn Fn(Text) -> Text| edit(pipeline("one")).and(&edit(pipeline("two")));
    let steps: Vec<(&str, Text)> = vec![
        ("create", both(&|m| m)),
        ("update", both(&|m| every_kind(&m))),
        ("replace", both(&|m| every_kind(&m).edit("params: {}", "params: { page: 2 }"))),
        ("disable", both(&|m| m.edit("interval: 15 }", "interval: 15 }\n  enabled: false"))),
    ];
    let mut all = Vec::new();
    for (what, manifest) in steps {
        s.manifest(&manifest);
        all.push((what, s.recorded(|s| s.apply(&[]).success().end())));
    }
    s.set("ZENDESK_ACCESS_TOKEN", "another value");
    all.push(("secret", s.recorded(|s| s.apply(&[]).success().end())));
    all.push(("destroy", s.recorded(|s| s.destroy(&[]).success().end())));
    assert_eq!(s.contents().counts(), [0; 5]);
    all
}

/// An edit that every kind takes in place.
fn every_kind(manifest: &Text) -> Text {
    manifest
        .edit("where the users are", "elsewhere")
        .edit("what is read", "what was read")
        .edit("what is written", "what was written")
        .edit("source: result.email", "source: result.mail")
        .edit("from there to here", "from here to there")
}

#[test]
fn every_write_goes_out_once_and_conditionally_and_says_where_to() {
    for (what, requests) in everything() {
        assert_eq!(requests.iter().filter(|r| r.is_login()).count(), 1, "{what}: one token per command");
        for r in requests.iter().filter(|r| !r.is_login()) {
            assert_eq!(r.org.as_deref(), Some(crate::support::ORG), "{what}: {r:?}");
            assert_eq!(r.sandbox.as_deref(), Some("dev"), "{what}: {r:?}");
            assert_eq!(r.api_key.as_deref(), Some("flowform-tests"), "{what}: {r:?}");
            // 404 is how a look after a delete ends well.
            assert!(r.status < 300 || r.method == "GET" && r.status == 404, "{what}: {r:?}");
            let conditional = r.method == "PATCH" || r.query.starts_with("op=");
            assert!(!conditional || r.if_match.is_some(), "{what}: without If-Match: {r:?}");
        }
        let creates = created(&requests);
        let mut once = creates.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), creates.len(), "{what}: something was created twice: {creates:?}");
    }
}

#[test]
fn a_change_is_conditional_on_the_etag_that_was_planned_from() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    let before = s.contents();
    s.manifest(&every_kind(&pipeline("users")));
    let requests = s.recorded(|s| s.apply(&[]).success().end());
    let patches: Vec<&Request> = requests.iter().filter(|r| r.method == "PATCH").collect();
    assert_eq!(patches.len(), 4);
    for patch in patches {
        let parts: Vec<&str> = patch.within().split('/').collect();
        let object = before.one(parts[1]);
        assert_eq!(parts[2], object.id);
        assert_eq!(patch.if_match.as_deref(), Some(object.etag()), "{patch:?}");
    }
}

#[test]
fn a_delete_looks_at_the_object_first() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    let requests = s.recorded(|s| s.destroy(&[]).success().end());
    let writes = requests.iter().position(Request::is_write).unwrap();
    for (at, delete) in requests.iter().enumerate().filter(|(_, r)| r.method == "DELETE") {
        let looked = requests[..at].iter().any(|r| r.method == "GET" && r.path == delete.path);
        assert!(looked, "{delete:?} was sent at {writes} without a look");
    }
}

#[test]
fn a_plan_only_reads_and_leaves_no_trace() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let check = |arguments: &[&str], code: i32| {
        let before = (s.files(), s.contents());
        let requests = s.recorded(|s| s.run(&[&["plan"], arguments].concat()).exit(code).end());
        assert!(requests.iter().all(|r| !r.is_write()), "{requests:?}");
        assert!(requests.len() > 1, "it did not look");
        assert_eq!(before.0, s.files(), "{arguments:?} wrote something");
        assert_eq!(before.1, s.contents());
    };
    check(&["m.yaml"], 0);
    check(&["m.yaml", "--detailed-exitcode"], 2);
    s.converge(&[]);
    check(&["m.yaml", "--detailed-exitcode"], 0);
    check(&["m.yaml", "--destroy"], 0);
    check(&["--destroy", "--sandbox", "dev", "--org", crate::support::ORG], 0);
    s.manifest(&every_kind(&pipeline("users")));
    check(&["m.yaml", "--requests"], 0);
    check(&["m.yaml", "--format", "json"], 0);
}

#[test]
fn reads_grow_with_what_is_managed_and_not_with_what_is_there() {
    let s = Sandbox::new();
    let somebody = s.somebody();
    for n in 0..150 {
        somebody.connection(&format!("theirs {n}"));
    }
    let others: Vec<String> = (0..40).map(|n| format!("other-{n}")).collect();
    let manifest =
        |names: &[String]| names.iter().map(|name| pipeline(name)).reduce(|all, one| all.and(&one)).unwrap();
    // Somebody else's pipelines, managed from another place.
    s.write("others.yaml", manifest(&others).as_str());
    s.run(&["apply", "others.yaml", "--auto-approve", "--state", "state/others.json"]).success().end();
    for n in [1_usize, 2, 3, 41] {
        let names: Vec<String> = (0..n).map(|n| format!("ours-{n}")).collect();
        s.manifest(&manifest(&names));
        s.apply(&[]).success().end();
        let requests = s.recorded(|s| assert!(s.plan(&[]).is_empty()));
        let mut reads: BTreeMap<&str, usize> = BTreeMap::new();
        for r in requests.iter().filter(|r| !r.is_login()) {
            *reads.entry(r.within().split('/').nth(1).unwrap()).or_default() += 1;
        }
        assert_eq!(reads.len(), 5, "{reads:?}");
        for (kind, count) in reads {
            assert!(count <= 2 + n.div_ceil(40), "{n} managed: {count} reads of {kind}");
        }
    }
}
