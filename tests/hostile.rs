//! What comes from outside can be wrong in every way, and still goes nowhere it should not: no other path, no second
//! header, no memory without end, no file that others can read.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use flowform::api::{Client, Settings};
use flowform::kind::{Address, Intent, Kind, Listing};
use flowform::observe::{self, Wanted};
use flowform::plan::{Observations, Plan, saved};
use flowform::secret::Redactor;
use flowform::wire::{Call, Etag};
use serde_json::{Value, json};

use crate::support::hostile::{Server, bomb, http};
use crate::support::mutate::TEXTS;
use crate::support::{RUNTIME, Sandbox, Text, pipeline};

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn verification_of_tls_is_never_switched_off() {
    let mut files = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 50);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for switch in [
            "danger_accept",
            "tls_danger",
            "dangerous()",
            "ServerCertVerifier",
            "with_custom_certificate_verifier",
            "tls_sni(false",
            "SslVerifyMode",
        ] {
            assert!(!text.contains(switch), "{} has {switch}", file.display());
        }
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_for_its_owner_alone_and_nothing_is_left_beside_it() {
    let mut s = Sandbox::new();
    // Were a temporary file made anywhere but beside its target, this would fail.
    s.set("TMPDIR", "/nowhere/at/all");
    s.manifest(&pipeline("users"));
    s.run(&["plan", "m.yaml", "-o", "p.json"]).success().end();
    assert_eq!(mode(&s.path().join("p.json")), 0o600);

    let held = s.path().join("held");
    s.fail(&[&format!("POST /flows:stop-before={}", held.display())]);
    let mut running = s.start(&["apply", "p.json", "--auto-approve"]);
    running.until("held");
    let state = s.path().join("state");
    assert_eq!(names(&state), ["dev.json", "dev.json.lock", "dev.json.log"]);
    for name in names(&state) {
        assert_eq!(mode(&state.join(&name)), 0o600, "{name}");
    }
    running.release("held");
    running.end().success().end();
    assert_eq!(names(&state), ["dev.json", "dev.json.backup", "dev.json.lock"]);
    for name in names(&state) {
        assert_eq!(mode(&state.join(&name)), 0o600, "{name}");
    }
    assert_eq!(mode(&state), 0o700);
    assert_eq!(
        names(s.path()),
        ["m.yaml", "p.json", "platform.jsonl", "platform.jsonl.lock", "requests.log", "state"]
    );
}

#[test]
fn the_embedded_platform_keeps_its_secrets_to_its_owner() {
    let s = Sandbox::bare();
    s.manifest(&pipeline("users"));
    s.run(&["apply", "m.yaml", "--emulator", "--auto-approve"]).success().end();
    let folder = s.path().join("state/emulator");
    for name in names(&folder) {
        assert_eq!(mode(&folder.join(&name)), 0o600, "{name}");
    }
}

/// Ids that an answer may give and a path must not take as they are.
fn odd_ids() -> impl Iterator<Item = String> {
    TEXTS.iter().map(ToString::to_string).chain(["x".repeat(10_000), "../".repeat(500), "é".repeat(600)])
}

#[test]
fn an_id_stays_inside_its_segment_and_its_line() {
    let server = Server::start();
    server.answer(http("404 Not Found", "", b"{}"));
    let client = server.client();
    let mut sent = 0;
    for id in odd_ids() {
        for kind in Kind::ALL {
            let spec = kind.spec();
            let mut calls = vec![spec.read(&id, Some(1))];
            let before = Value::Null;
            calls.extend(spec.calls(&Intent::Delete {
                id: id.clone(),
                etag: None,
                version: None,
                before,
                conditional: false,
            }));
            for call in calls {
                let outcome = RUNTIME.block_on(client.send(&call));
                let heads = server.heads();
                if outcome.is_err() {
                    assert!(heads.is_empty(), "{call:?} was refused, and {heads:?} was sent");
                    continue;
                }
                sent += 1;
                let [head] = heads.as_slice() else { panic!("{call:?} became {heads:?}") };
                let line = head.lines().next().unwrap();
                let path = line.split(' ').nth(1).unwrap().split('?').next().unwrap();
                let rest =
                    path.strip_prefix(spec.collection()).unwrap_or_else(|| panic!("{id:?} leads to {path}"));
                let inside = rest.strip_prefix('/').unwrap();
                assert!(
                    !inside.contains(['/', '#']) && !matches!(inside, "." | ".."),
                    "{id:?} leads to {path}"
                );
                let decoded =
                    percent_encoding::percent_decode_str(inside).decode_utf8().unwrap().into_owned();
                assert_eq!(decoded, id, "another object is named");
                assert!(!head.to_lowercase().contains("\r\nx-evil"), "{head}");
            }
        }
    }
    assert!(sent > 500, "{sent}");
}

#[test]
fn no_object_is_known_by_an_id_or_etag_that_no_request_could_name() {
    for kind in Kind::ALL {
        let spec = kind.spec();
        let object = |id: &str, etag: &str| match spec.listing() {
            Listing::Catalog => json!({ id: { "name": "n" } }),
            Listing::Descriptors => json!({ "@id": id }),
            Listing::Registry => json!({ "$id": id, "title": "n", "allOf": [], "definitions": {},
                "meta:registryMetadata": { "eTag": etag } }),
            _ => json!({ "id": id, "etag": etag, "name": "n", "mappings": [] }),
        };
        assert!(spec.observed(&object("a", "e")).is_some());
        for id in ["", ".", "..", "a\r\nb", "a\u{0}", &"x".repeat(10_000)] {
            assert_eq!(spec.observed(&object(id, "e")), None, "{id:?}");
            let intent = Intent::Create { body: json!({}), namesakes: Vec::new(), replaces: None };
            let reply = flowform::wire::Reply {
                status: 201,
                body: object(id, "e"),
                location: None,
                request_id: None,
                tries: 1,
                sent: 0,
            };
            assert_eq!(spec.outcome(&intent, &reply), flowform::kind::Outcome::Unclear, "{id:?}");
        }
        if matches!(spec.listing(), Listing::FlowService | Listing::Registry) {
            for etag in ["a\r\nx-evil: 1", "ü", &"x".repeat(10_000)] {
                assert_eq!(spec.observed(&object("a", etag)), None, "{etag:?}");
            }
        }
    }
}

#[test]
fn headers_hold_one_line() {
    let server = Server::start();
    server.answer(http("200 OK", "", b"{}"));
    let client = server.client();
    for text in TEXTS.iter().filter(|text| text.contains(|c: char| c.is_ascii_control() && c != '\t')) {
        let call = Call::get("/x").if_match(Etag::from_body(text));
        RUNTIME.block_on(client.send(&call)).unwrap_err();
        let inside = format!("a{text}b");
        let settings: [fn(&mut Settings) -> &mut String; 4] =
            [|s| &mut s.org, |s| &mut s.sandbox, |s| &mut s.client_id, |s| &mut s.user_agent];
        for field in settings {
            let mut settings = server.settings();
            field(&mut settings).clone_from(&inside);
            Client::new(settings, Redactor::default()).unwrap_err();
        }
    }
    assert_eq!(server.heads(), Vec::<String>::new());
}

#[test]
fn names_arrive_as_they_were_written() {
    let odd = r#"a"b\\c/../d?e=#f;g&h=i %0d%0ax-evil: 1 == 日本語 'q' ${x} ~1"#;
    let s = Sandbox::new();
    let quoted = serde_json::to_string(odd).unwrap().replace("${x}", "$${x}");
    let mut text = pipeline("users").as_str().to_owned();
    for kind in ["base", "source", "target", "mapping", "flow"] {
        text = text.replace(&format!("name: users {kind}\n"), &format!("name: {quoted}\n"));
    }
    s.manifest(&Text::of(&text));
    s.converge(&[]);
    for object in s.contents().all() {
        assert_eq!(object.name, odd);
    }
    for request in s.requests() {
        let path = request.path.as_str();
        assert!(path.starts_with("/data/foundation/") || path == "/ims/token/v3", "{path}");
        assert!(!path.contains("..") && !path.contains('?'), "{path}");
    }
    s.destroy(&[]).success().end();
}

/// What is looked for in the tests of lists.
fn wanted(kind: Kind) -> Wanted {
    let address = |n: usize| Address::new(format!("p{n}"), kind);
    Wanted {
        managed: (0..4).map(|n| (address(n), format!("ours-{n}"), None)).collect(),
        names: vec![(address(9), "a, b".to_owned())],
        ..Wanted::default()
    }
}

fn look(server: &Server, kind: Kind) -> Result<Observations, String> {
    RUNTIME.block_on(observe::observe(&server.client(), wanted(kind))).map_err(|error| error.to_string())
}

#[test]
fn a_list_that_never_ends_is_not_followed() {
    let server = Server::start();
    let page = json!({ "items": [], "_links": { "next": { "href": "/x?continuationToken=again" } } });
    server.answer(http("200 OK", "", page.to_string().as_bytes()));
    let error = look(&server, Kind::Source).unwrap_err();
    assert!(error.contains("circle"), "{error}");
    assert!(server.seen().len() <= 3);

    let pages = AtomicUsize::new(0);
    server.answer_by(move |_, to| {
        let n = pages.fetch_add(1, Ordering::Relaxed);
        let item = json!([{ "id": format!("i{n}"), "name": "x", "mappings": [] }]);
        let next = json!({ "next": { "href": format!("/x?continuationToken={n}") } });
        let page = json!({ "items": item, "data": item, "_links": next });
        let _ = to.write_all(&http("200 OK", "", page.to_string().as_bytes()));
    });
    for kind in [Kind::Source, Kind::Mapping] {
        let error = look(&server, kind).unwrap_err();
        assert!(error.contains("without an end"), "{error}");
        assert_eq!(server.seen().len(), 1_000);
    }
}

#[test]
fn what_is_no_answer_to_the_question_is_no_proof_that_an_object_is_gone() {
    let server = Server::start();
    for (single, gone) in [
        (r#"{"items":[]}"#, true),
        (r#"{"items":[{"id":"another","mappings":[]}]}"#, false),
        (r#"{"id":"another","mappings":[]}"#, false),
        (r#"{"items":[{}]}"#, false),
        (r#"{"items":{}}"#, false),
        ("{}", false),
        ("[]", false),
        ("1", false),
        ("", false),
    ] {
        server.answer_by(move |head, to| {
            let is_single = head.starts_with("GET ") && head.split(' ').nth(1).unwrap().contains("/ours-");
            let body = if is_single { single } else { r#"{"items":[],"data":[]}"# };
            let _ = to.write_all(&http("200 OK", "", body.as_bytes()));
        });
        for kind in Kind::ALL {
            let found = look(&server, kind);
            let listed = matches!(kind.spec().listing(), Listing::FlowService | Listing::Offset);
            assert_eq!(found.is_ok(), gone && listed, "{kind} {single:?}: {found:?}");
        }
    }
}

#[test]
fn an_answer_takes_a_bounded_amount_of_memory() {
    const KB: u32 = 900_000;
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let server = Server::start();
    s.set("FLOWFORM_GATEWAY", &server.url);
    s.set("FLOWFORM_IMS", &server.url);
    let gzip = "content-encoding: gzip\r\n";
    let many = |item: &str, times: usize| format!("{{\"items\":[{}0]}}", item.repeat(times)).into_bytes();
    for (what, headers, body) in [
        ("100 MB of zeros in 600 kB", gzip, bomb(100_000_000)),
        ("8 million numbers", "", many("0,", 8_000_000)),
        ("a million objects", "", many("{\"a\":0},", 1_000_000)),
        ("half a million lists in each other", "", "[".repeat(500_000).into_bytes()),
    ] {
        let answer = http("200 OK", headers, &body);
        server.answer_by(move |head, to| {
            let sent = if head.starts_with("POST /ims") {
                http("200 OK", "", br#"{"access_token":"a-token-of-theirs","expires_in":3600}"#)
            } else if head.contains("/connections") {
                answer.clone()
            } else {
                http("200 OK", "", br#"{"items":[],"data":[]}"#)
            };
            let _ = to.write_all(&sent);
        });
        let ran = s.run_within(KB, &["plan", "m.yaml"]);
        assert!(ran.code.is_some_and(|code| code > 0) && !ran.stderr.is_empty(), "{what}: {ran}");
        assert!(!ran.stderr.contains("panicked") && !ran.stderr.contains("memory"), "{what}: {ran}");
        if !what.contains("lists") {
            assert!(ran.stderr.contains("has more than"), "{what}: {ran}");
        }
    }
}

/// What somebody changes in a plan.
type Edit<'a> = &'a dyn Fn(&mut Value);

/// A plan that somebody edited, with the fingerprint made to fit.
fn edited(s: &Sandbox, plan: &Value, edit: impl Fn(&mut Value)) {
    let mut plan = plan.clone();
    edit(&mut plan);
    let plan: Plan = serde_json::from_value(plan).unwrap();
    s.write("edited.json", &saved::encode(&plan).unwrap());
}

#[test]
fn an_edited_plan_touches_nothing_beyond_what_it_stands_on() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    let theirs = s.somebody().connection("theirs");
    s.manifest(&pipeline("users").edit("where the users are", "elsewhere"));
    let planned = s.plan(&[]);
    assert_eq!(planned.actions(), ["update users.baseConnection"]);
    let step = "/operations/0/steps/0";
    let at = |plan: &mut Value, path: &str, value: Value| *plan.pointer_mut(path).unwrap() = value;
    let before = s.contents();
    let edits: [(&str, Edit<'_>); 7] = [
        ("another object", &|p| at(p, "/operations/0/steps/0/intent/id", theirs.as_str().into())),
        ("another version", &|p| at(p, "/operations/0/steps/0/intent/etag", "\"x\"".into())),
        ("no precondition", &|p| {
            p.pointer_mut("/operations/0/steps/0/intent").unwrap().as_object_mut().unwrap().remove("etag");
        }),
        ("another address", &|p| at(p, "/operations/0/steps/0/address", "users.source".into())),
        ("another kind", &|p| {
            at(p, "/operations/0/steps/0/address", "users.dataflow".into());
            at(p, "/operations/0/address", "users.dataflow".into());
        }),
        ("a deletion", &|p| {
            at(
                p,
                step,
                json!({ "key": "k", "address": "users.baseConnection",
                "intent": { "do": "delete", "id": theirs, "etag": null, "before": {} } }),
            );
        }),
        ("an adoption", &|p| {
            at(
                p,
                step,
                json!({ "key": "k", "address": "users.baseConnection",
                "intent": { "do": "adopt", "id": theirs, "body": {} } }),
            );
        }),
    ];
    for (what, edit) in edits {
        edited(&s, &planned.plan, edit);
        let requests = s.recorded(|s| s.run(&["apply", "edited.json", "--auto-approve"]).exit(7).end());
        assert!(requests.iter().all(|request| !request.is_write()), "{what}");
        assert_eq!(s.contents(), before, "{what}");
    }
    s.write("p.json", &planned.text);
    s.run(&["apply", "p.json", "--auto-approve"]).success().end();
}

#[test]
fn a_saved_plan_can_adopt() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    std::fs::remove_dir_all(s.path().join("state")).unwrap();
    s.run(&["plan", "m.yaml", "--adopt", "users", "-o", "p.json"]).end();
    s.run(&["apply", "p.json", "--auto-approve"]).success().end();
    assert_eq!(s.managed().len(), 5);
}

#[test]
fn a_large_broken_manifest_is_told_in_one_run() {
    let s = Sandbox::bare();
    let header = "apiVersion: flowform/v1\npipeline: p\n";
    let keys = (0..40_000).map(|n| format!("k{n}: {n}, ")).collect::<Vec<_>>().concat();
    let lines = (0..40_000).map(|n| format!("k{n}: *a\n")).collect::<Vec<_>>().concat();
    for text in [
        format!("{header}source: {{ {keys} }}\n"),
        format!("{header}{lines}"),
        format!("{header}mapping: {{ fields: [{}] }}\n", "{a: b}, ".repeat(40_000)),
        format!("{header}source: {}\n", "[".repeat(200_000)),
        format!("{header}source: \"{}\n", "\\u0041${env:".repeat(50_000)),
    ] {
        s.write("large.yaml", &text);
        let ran = s.run_within(900_000, &["validate", "large.yaml"]).exit(4);
        assert!(ran.stderr.len() < 200_000, "{} bytes", ran.stderr.len());
    }
}
