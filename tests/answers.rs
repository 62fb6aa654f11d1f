//! Answers that are no good: too large, refused by what stands between, empty, cut off. Each is a clear error or is looked
//! into; nothing is made twice and nothing is lost. And how the way there, by a proxy, is said.

use serde_json::json;

use crate::support::hostile::{Server, http};
use crate::support::{Sandbox, described, pipeline};

#[test]
fn a_refusal_by_status_is_told_with_what_to_do_and_not_sent_again() {
    let refusals = [
        ("413", "HTTP 413", "takes no request of this size"),
        ("414", "HTTP 414", "address is too long"),
        ("431", "HTTP 431", "headers are too large"),
        ("415", "HTTP 415", "check the gateway's URL"),
        ("406", "HTTP 406", "check the gateway's URL"),
        ("405", "HTTP 405", "check the gateway's URL"),
        ("422", "HTTP 422", "correct it in the manifest"),
        ("301", "HTTP 301", "does not redirect"),
        ("307", "HTTP 307", "does not redirect"),
        ("page=407", "HTTP 407", "user name and a password"),
        ("page=413", "Sign in to the network", "takes no request of this size"),
    ];
    for (fault, message, hint) in refusals {
        for (target, made) in [("POST /mappingSets", 0), ("POST /flows", 1)] {
            let mut s = Sandbox::new();
            s.manifest(&pipeline("users"));
            s.fail(&[&format!("{target}#*:{fault}")]);
            let requests = s.recorded(|s| {
                let ran = s.apply(&[]).shows(message).shows(hint);
                assert!(ran.code.is_some_and(|code| code != 0), "{ran}");
                ran.end();
            });
            let (method, path) = target.split_once(' ').unwrap();
            let sent = requests.iter().filter(|r| r.method == method && r.within() == path).count();
            assert_eq!(sent, 1, "{target} {fault}");
            assert_eq!(s.contents().of("mappingSets").len(), made, "{target} {fault}");
            s.fail(&[]);
            s.converge(&[]);
            s.state_is_the_platform();
        }
    }
}

#[test]
fn too_large_a_change_says_how_large_it_was() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    s.manifest(
        &pipeline("users").edit("result.email", "result.mail").edit("from there to here", "elsewhere"),
    );
    for fault in ["PUT /mappingSets/*#*:413", "PATCH /flows/*#*:413"] {
        s.fail(&[fault]);
        let requests = s.recorded(|s| {
            let ran = s.apply(&[]).shows("(the request's body has ").shows(" bytes)");
            ran.shows("takes no request of this size")
                .exit(if fault.starts_with("PUT") { 1 } else { 9 })
                .end();
        });
        let sent = requests.iter().filter(|r| r.method == "PUT" || r.method == "PATCH").count();
        assert_eq!(sent, if fault.starts_with("PUT") { 1 } else { 2 }, "{fault}: {requests:?}");
    }
    s.fail(&[]);
    s.converge(&[]);
}

#[test]
fn a_create_whose_answer_is_no_good_is_looked_up_and_never_doubled() {
    let kinds = ["connections", "sourceConnections", "targetConnections", "mappingSets", "flows"];
    let faults = ["empty-after=200", "empty-after=201", "empty-after=204", "truncate", "page=200"];
    for kind in kinds {
        for fault in faults {
            let mut s = Sandbox::new();
            s.manifest(&pipeline("users"));
            s.fail(&[&format!("POST /{kind}:{fault}")]);
            s.apply(&[]).success().end();
            assert_eq!(s.contents().counts(), [1; 5], "{kind} {fault}");
            s.state_is_the_platform();
        }
    }
    for kind in ["fieldgroups", "schemas", "descriptors", "dataSets"] {
        for fault in faults {
            let mut s = Sandbox::new();
            s.manifest(&described("people"));
            s.fail(&[&format!("POST *{kind}:{fault}")]);
            s.apply(&[]).success().end();
            assert_eq!(s.contents().of(kind).len(), 1, "{kind} {fault}");
            s.state_is_the_platform();
        }
    }
}

#[test]
fn a_read_that_is_answered_by_something_else_ends_it_before_anything_is_written() {
    let gzip = http("200 OK", "content-encoding: gzip\r\n", b"\x1f\x8b\x08\x00 this is not gzip");
    let long = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n{}".to_vec();
    let huge = http("200 OK", &format!("x-long: {}\r\n", "h".repeat(2_000_000)), b"{}");
    let many = "x-one-more: 1\r\n".repeat(500);
    let answers = [
        (
            "a page",
            http("200 OK", "content-type: text/html\r\n", b"<html><title>Welcome</title>"),
            "not JSON: Welcome",
        ),
        ("nothing", http("204 No Content", "", b""), ""),
        ("half", http("200 OK", "", b"{\"items\": ["), "ends too early"),
        ("less than was said", long, "connection broke"),
        ("broken gzip", gzip, "connection broke"),
        ("large headers", huge, ""),
        ("many headers", http("200 OK", &many, b"{}"), ""),
        ("another protocol", http("101 Switching Protocols", "", b""), ""),
        (
            "a redirect",
            http("301 Moved", "location: https://u:p@login.example/x?token=abcdefgh\r\n", b""),
            "login.example",
        ),
    ];
    for (name, answer, says) in answers {
        let mut s = Sandbox::new();
        s.manifest(&pipeline("users"));
        let server = Server::start();
        server.answer(answer);
        s.set("FLOWFORM_GATEWAY", &server.url);
        let ran = s.apply(&[]);
        assert!(ran.code.is_some_and(|code| code != 0), "{name}: {ran}");
        assert!(ran.stderr.contains("error") && !ran.stderr.contains("panicked"), "{name}: {ran}");
        let ran = ran.says(says);
        assert!(!ran.stderr.contains("abcdefgh"), "{ran}");
        ran.end();
        assert!(server.seen().iter().all(|line| line.starts_with("GET ")), "{name}");
    }
}

#[test]
fn a_weak_etag_goes_back_as_it_came() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    let weak = json!({ "items": [{ "id": "f1", "name": "f", "etag": "W/\"abc\"", "state": "enabled" }] });
    let spec = flowform::kind::Kind::Dataflow.spec();
    let observed = spec.observed(&weak).unwrap();
    assert_eq!(observed.etag.unwrap().as_str(), "W/\"abc\"");
    for none in ["", "  "] {
        let body = json!({ "items": [{ "id": "f1", "name": "f", "etag": none, "version": "\"v\"", "state": "enabled" }] });
        assert_eq!(spec.observed(&body).unwrap().etag.unwrap().as_str(), "\"v\"", "the version stands in");
        let body = json!({ "items": [{ "id": "f1", "name": "f", "etag": none, "state": "enabled" }] });
        assert_eq!(spec.observed(&body).unwrap().etag, None);
    }
}

#[test]
fn a_malformed_proxy_variable_is_an_error_and_shows_no_password() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"] {
        for value in
            ["http://user:hunter22@", "socks5://user:hunter22@proxy:1080", "http://user:hunter22@pro xy"]
        {
            s.set(name, value);
            let ran = s.plan_fails().says(name);
            assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("hunter22"), "{ran}");
            ran.end();
        }
        s.set(name, "");
        s.run(&["plan", "m.yaml"]).success().end();
        s.unset(name);
    }
    s.set("NO_PROXY", "https://example.com/");
    s.plan_fails().says("NO_PROXY").end();
    // The embedded emulator is reached without any.
    s.run(&["plan", "m.yaml", "--emulator"]).success().end();
    s.set("NO_PROXY", "");
    s.set("HTTPS_PROXY", "proxy.example:8080");
    s.run(&["plan", "m.yaml"]).success().end();
}

impl Sandbox {
    /// A plan that is a mistake in how it was called.
    fn plan_fails(&self) -> crate::support::Ran<'_> {
        self.run(&["plan", "m.yaml"]).exit(3)
    }
}

#[test]
fn a_proxy_is_asked_and_its_password_is_in_no_error() {
    let mut s = Sandbox::new();
    s.manifest(&pipeline("users"));
    let server = Server::start();
    server.answer(http("407 Proxy Authentication Required", "", b"<html><title>hunter22 is wrong</title>"));
    // A host that no resolver knows: only a proxy could reach it.
    s.set("FLOWFORM_GATEWAY", "http://platform.invalid");
    s.set("http_proxy", &server.url.replace("http://", "http://user:hunter22@"));
    let ran = s.run(&["plan", "m.yaml", "--allow-http"]);
    assert!(ran.code != Some(0), "{ran}");
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("hunter22"), "{ran}");
    ran.end();
    let seen = server.seen();
    assert!(seen.iter().any(|line| line.starts_with("GET http://platform.invalid/")), "{seen:?}");
}
