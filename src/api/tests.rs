//! The client against real sockets. What a request looks like, what is sent again, and what an error tells.
//! Decisions without a socket are tested beside `retry`, `error`, `auth` and `credentials`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Barrier;

use super::stand_in::{self, Act, Seen, Server};
use super::*;
use crate::secret::MASK;
use crate::wire::{Etag, Method, Safety};

const TOKEN: &str = "tok-static-1234";
const SECRET: &str = "p8e/s3cret+value=";

fn settings(gateway: &str, ims: &str) -> Settings {
    Settings {
        gateway: gateway.to_owned(),
        ims: ims.to_owned(),
        org: "ABC@AdobeOrg".to_owned(),
        client_id: "client-1".to_owned(),
        credential: Credential::Token(Secret::new(TOKEN)),
        sandbox: "dev".to_owned(),
        timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(5),
        max_in_flight: 4,
        ca_file: None,
        allow_http: false,
        proxies: Proxies::default(),
        retry: retry::Policy {
            tries: 3,
            base: Duration::ZERO,
            cap: Duration::from_millis(5),
            ..retry::Policy::default()
        },
        user_agent: "flowform/test".to_owned(),
    }
}

/// With a static token, against one server.
fn client(server: &Server) -> Client {
    Client::new(settings(&server.url, &server.url), Redactor::default()).unwrap()
}

/// With a client secret.
fn oauth(gateway: &str, ims: &str) -> Client {
    let credential =
        Credential::ClientSecret { secret: Secret::new(SECRET), scopes: DEFAULT_SCOPES.replace(',', ", ") };
    let settings = Settings { credential, max_in_flight: 64, ..settings(gateway, ims) };
    Client::new(settings, Redactor::default()).unwrap()
}

/// An identity service whose nth token is `tok-issued-n`.
async fn ims(expires_in: u64) -> Server {
    let mut issued = 0;
    Server::start(move |seen| {
        issued += 1;
        let body = json!({"access_token": format!("tok-issued-{issued}"), "expires_in": expires_in});
        (seen.line == "POST /ims/token/v3").then(|| stand_in::json(200, &body.to_string()))
    })
    .await
}

fn post() -> Call {
    Call::new(Method::Post, "/x", Safety::Once).body(json!({"name": "n"}))
}

/// Everything an error could show.
fn shown(error: &Error) -> String {
    let mut text = format!("{error:?} {error} {:?}", error.hint());
    let mut link = std::error::Error::source(error);
    while let Some(cause) = link {
        text = format!("{text} {cause}");
        link = cause.source();
    }
    text
}

#[tokio::test]
async fn the_headers_of_a_read_and_of_a_write() {
    let server = Server::scripted(vec![
        ("GET /flows?property=name%3D%3Da%20b%2Bc&limit=20", stand_in::json(200, "{}")),
        ("PATCH /flows/1", stand_in::json(200, "{}")),
    ])
    .await;
    let client = client(&server);
    client.send(&Call::get("/flows").query("property", "name==a b+c").query("limit", "20")).await.unwrap();
    let patch = Call::new(Method::Patch, "/flows/1", Safety::Repeatable)
        .body(json!([{"op": "replace"}]))
        .if_match(Etag::from_body("\"e-1\""));
    client.send(&patch).await.unwrap();

    let always = [
        ("authorization", format!("Bearer {TOKEN}")),
        ("x-api-key", "client-1".to_owned()),
        ("x-gw-ims-org-id", "ABC@AdobeOrg".to_owned()),
        ("x-sandbox-name", "dev".to_owned()),
        ("accept", "application/json".to_owned()),
        ("accept-encoding", "gzip".to_owned()),
        ("user-agent", "flowform/test".to_owned()),
        ("host", server.url.replace("http://", "")),
    ];
    let sorted = |headers: Vec<(&str, String)>| {
        let mut headers: Vec<(String, String)> =
            headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        headers.sort();
        headers
    };
    let [mut read, mut write] = <[Seen; 2]>::try_from(server.seen()).unwrap();
    read.headers.sort();
    write.headers.sort();
    assert_eq!(read.headers, sorted(always.to_vec()));
    let more = [
        ("content-type", "application/json".to_owned()),
        ("if-match", "\"e-1\"".to_owned()),
        ("content-length", "18".to_owned()),
    ];
    assert_eq!(write.headers, sorted([always.as_slice(), more.as_slice()].concat()));
    assert_eq!(write.body, r#"[{"op":"replace"}]"#);
    assert_eq!(client.stats(), Stats { get: 1, patch: 1, ..Stats::default() });
}

#[tokio::test]
async fn what_an_answer_becomes() {
    let headers = vec![("Location", "/data/flows/1".to_owned()), ("X-Request-Id", "r-header".to_owned())];
    let server = Server::scripted(vec![
        ("GET /1", Act::Answer(201, headers, r#"{"id":"1","report":{"request-id":"r-body"}}"#.to_owned())),
        ("GET /2", stand_in::json(404, r#"{"report":{"registryRequestId":"r-body"}}"#)),
        ("GET /3", stand_in::json(204, "")),
        ("GET /4", stand_in::json(400, "<html><title>No</title>")),
    ])
    .await;
    let client = client(&server);
    let replies = [
        client.send(&Call::get("/1")).await.unwrap(),
        client.send(&Call::get("/2")).await.unwrap(),
        client.send(&Call::get("/3")).await.unwrap(),
        client.send(&Call::get("/4")).await.unwrap(),
    ];
    assert_eq!(replies[0].location.as_deref(), Some("/data/flows/1"));
    assert_eq!(replies[0].body["id"], "1");
    assert_eq!(replies.each_ref().map(|r| r.status), [201, 404, 204, 400]);
    let ids = replies.each_ref().map(|r| r.request_id.as_deref());
    assert_eq!(ids, [Some("r-header"), Some("r-body"), None, None]);
    assert_eq!(replies[2].body, Value::Null);
    assert_eq!(replies[3].body, json!("<html><title>No</title>"));
    assert_eq!(replies.each_ref().map(|r| r.tries), [1; 4]);
}

#[tokio::test]
async fn the_token_request() {
    let (ims, server) =
        (ims(86_399).await, Server::scripted(vec![("GET /x", stand_in::json(200, "{}"))]).await);
    let client = oauth(&server.url, &ims.url);
    client.send(&Call::get("/x")).await.unwrap();
    let asked = ims.seen().remove(0);
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(
        asked.body,
        "grant_type=client_credentials&client_id=client-1&client_secret=p8e%2Fs3cret%2Bvalue%3D&scope=openid%2C\
         session%2CAdobeID%2Cread_organizations%2Cadditional_info.projectedProductContext"
    );
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer tok-issued-1"));
    assert_eq!(client.stats(), Stats { get: 1, token: 1, ..Stats::default() });
}

#[tokio::test]
async fn twenty_concurrent_401s_cause_one_renewal() {
    let ims = ims(86_399).await;
    // Refused only when all twenty have come with the old token.
    let barrier = Arc::new(Barrier::new(20));
    let server = Server::start(move |seen| match seen.header("authorization") {
        Some("Bearer tok-issued-1") => {
            let refusal =
                stand_in::json(401, r#"{"error_code":"401013","message":"Oauth token is not valid"}"#);
            Some(Act::Together(Arc::clone(&barrier), Box::new(refusal)))
        }
        Some("Bearer tok-issued-2") => Some(stand_in::json(201, "{}")),
        _ => None,
    })
    .await;
    let client = oauth(&server.url, &ims.url);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(&post()).await })
        })
        .collect();
    for call in calls {
        let reply = call.await.unwrap().unwrap();
        assert_eq!((reply.status, reply.tries), (201, 2));
    }
    assert_eq!(ims.seen().len(), 2);
    assert_eq!(client.stats(), Stats { post: 40, token: 2, retries: 20, ..Stats::default() });
}

#[tokio::test]
async fn a_token_is_used_until_shortly_before_it_expires() {
    for (lifetime, expected) in [(0, 3), (86_399, 1)] {
        let ims = ims(lifetime).await;
        let server = Server::start(|_| Some(stand_in::json(200, "{}"))).await;
        let client = oauth(&server.url, &ims.url);
        for _ in 0..3 {
            client.send(&Call::get("/x")).await.unwrap();
        }
        assert_eq!(ims.seen().len(), expected, "lifetime {lifetime}");
    }
}

#[tokio::test]
async fn a_second_401_is_an_error() {
    let ims = ims(86_399).await;
    let refused = || stand_in::json(401, r#"{"error_code":"401013","message":"not valid: tok-issued-2"}"#);
    let server = Server::scripted(vec![("GET /x", refused()), ("GET /x", refused())]).await;
    let error = oauth(&server.url, &ims.url).send(&Call::get("/x")).await.unwrap_err();
    assert!(matches!(&error, Error::Auth { at, .. } if at.attempts == 2), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("GET /x (2 attempts): not authorised: 401013: not valid: {MASK} (HTTP 401)")
    );
    assert!(!error.maybe_acted());
    assert_eq!(ims.seen().len(), 2);
}

#[tokio::test]
async fn a_static_token_is_not_renewed() {
    let server = Server::scripted(vec![("POST /x", stand_in::json(401, "{}"))]).await;
    let error = client(&server).send(&post()).await.unwrap_err();
    assert!(matches!(error, Error::Auth { .. }));
    assert!(error.hint().is_some_and(|hint| hint.contains("cannot be renewed")));
    assert!(!error.maybe_acted());
}

#[tokio::test]
async fn a_refused_credential_is_told_without_showing_it() {
    let echo = format!(r#"{{"error":"invalid_client","error_description":"bad client_secret {SECRET}"}}"#);
    let ims = Server::scripted(vec![("POST /ims/token/v3", stand_in::json(400, &echo))]).await;
    let error = oauth(&ims.url, &ims.url).send(&post()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("POST /ims/token/v3: not authorised: invalid_client: bad client_secret {MASK} (HTTP 400)")
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("client secret")));
    assert!(!error.maybe_acted());
}

#[tokio::test]
async fn a_token_request_is_repeated_like_a_read() {
    let ims = Server::scripted(vec![
        ("POST /ims/token/v3", Act::Close),
        ("POST /ims/token/v3", stand_in::json(503, "")),
        ("POST /ims/token/v3", stand_in::json(200, r#"{"access_token":"tok-issued-1"}"#)),
    ])
    .await;
    let server = Server::scripted(vec![("POST /x", stand_in::json(201, "{}"))]).await;
    let reply = oauth(&server.url, &ims.url).send(&post()).await.unwrap();
    assert_eq!((reply.status, reply.tries), (201, 1));
}

#[tokio::test]
async fn callers_share_a_failed_token_request() {
    let barrier = Arc::new(Barrier::new(2));
    let gate = Arc::clone(&barrier);
    let ims = Server::scripted(vec![(
        "POST /ims/token/v3",
        Act::Together(gate, Box::new(stand_in::json(400, r#"{"error":"invalid_client"}"#))),
    )])
    .await;
    let client = oauth(&ims.url, &ims.url);
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(&Call::get("/x")).await })
        })
        .collect();
    // Spawned tasks run before this one goes on, so all ten wait when the answer is released.
    tokio::task::yield_now().await;
    barrier.wait().await;
    for call in calls {
        assert!(matches!(call.await.unwrap(), Err(Error::Auth { .. })));
    }
    assert_eq!(ims.seen().len(), 1);
}

#[tokio::test]
async fn tokens_that_no_token_answer_holds() {
    for (body, expected) in [
        (r#"{"access_token":"tok-issued-1"#, "before the answer was complete"),
        (r#"{"access_token":"tok-issued-1",}"#, "is not JSON: (not shown)"),
        (r#"{"token":"tok-issued-1"}"#, "no access token"),
        (r#"{"access_token":"tok-issued-1\r\nX-Evil: 1"}"#, "no header may hold"),
    ] {
        let body = body.to_owned();
        let ims = Server::start(move |_| Some(stand_in::json(200, &body))).await;
        let error = oauth(&ims.url, &ims.url).send(&Call::get("/x")).await.unwrap_err();
        let shown = shown(&error);
        assert!(shown.contains(expected), "{shown}");
        assert!(!shown.contains("tok-issued"), "{shown}");
        assert!(!error.maybe_acted());
    }
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_is_not_sent_again() {
    for act in [
        Act::Close,
        Act::Raw("HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"id\":".to_owned()),
        Act::Raw("HTTP/1.1 201 Created\r\nconnection: close\r\n\r\n{\"id\": \"1".to_owned()),
        Act::Raw("HTTP/1.1 201 Crea".to_owned()),
    ] {
        let server = Server::scripted(vec![("POST /x", act)]).await;
        let error = client(&server).send(&post()).await.unwrap_err();
        assert!(matches!(&error, Error::Interrupted { at, .. } if at.attempts == 1), "{error:?}");
        assert!(error.maybe_acted());
    }
}

#[tokio::test]
async fn a_read_whose_answer_is_lost_is_sent_again() {
    let server = Server::scripted(vec![
        ("GET /x", Act::Close),
        ("GET /x", Act::Raw("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"id\":".to_owned())),
        ("GET /x", stand_in::json(200, "{\"id\":1}")),
    ])
    .await;
    let reply = client(&server).send(&Call::get("/x")).await.unwrap();
    assert_eq!((reply.tries, &reply.body), (3, &json!({"id": 1})));
}

#[tokio::test]
async fn giving_up_tells_how_often() {
    let script = vec![("DELETE /x", Act::Close), ("DELETE /x", Act::Close), ("DELETE /x", Act::Close)];
    let server = Server::scripted(script).await;
    let error = client(&server).send(&Call::new(Method::Delete, "/x", Safety::Repeatable)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "DELETE /x (3 attempts): the connection broke before the answer was complete"
    );
    assert!(error.maybe_acted());
}

#[tokio::test]
async fn a_5xx_to_a_post_is_an_answer() {
    let server = Server::scripted(vec![("POST /x", stand_in::json(503, "<h1>Sorry</h1>"))]).await;
    let reply = client(&server).send(&post()).await.unwrap();
    assert_eq!((reply.status, reply.tries), (503, 1));
}

#[tokio::test]
async fn a_throttled_post_is_sent_again() {
    let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH);
    let after = |value: &str| Act::Answer(429, vec![("Retry-After", value.to_owned())], String::new());
    let server = Server::scripted(vec![
        ("POST /x", after("1")),
        ("POST /x", after(&date)),
        ("POST /x", stand_in::json(201, "{}")),
    ])
    .await;
    let client = client(&server);
    let reply = client.send(&post()).await.unwrap();
    assert_eq!((reply.status, reply.tries), (201, 3));
    assert_eq!(client.stats().retries, 2);
}

/// Retry-After is what waits: its absence waits nothing here, its presence waits until the cap, in either form.
#[tokio::test]
async fn retry_after_is_waited_for() {
    let in_an_hour = httpdate::fmt_http_date(super::transport::now() + Duration::from_hours(1));
    for (value, waits) in [("3600", true), (in_an_hour.as_str(), true), ("0", false), ("soon", false)] {
        let throttled = Act::Answer(429, vec![("retry-after", value.to_owned())], String::new());
        let server =
            Server::scripted(vec![("GET /x", throttled), ("GET /x", stand_in::json(200, "{}"))]).await;
        let cap = Duration::from_millis(400);
        let retry = retry::Policy { cap, ..settings("", "").retry };
        let settings = Settings { retry, ..settings(&server.url, &server.url) };
        let client = Client::new(settings, Redactor::default()).unwrap();
        let begun = Instant::now();
        client.send(&Call::get("/x")).await.unwrap();
        assert_eq!(begun.elapsed() >= cap, waits, "{value}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn one_429_holds_all_requests_back() {
    let mut first = true;
    let server = Server::start(move |_| {
        let throttled = Act::Answer(429, vec![("retry-after", "9".to_owned())], String::new());
        Some(if std::mem::take(&mut first) { throttled } else { stand_in::json(200, "{}") })
    })
    .await;
    let cap = Duration::from_millis(400);
    let retry = retry::Policy { cap, ..settings("", "").retry };
    let settings = Settings { retry, ..settings(&server.url, &server.url) };
    let client = Client::new(settings, Redactor::default()).unwrap();
    let begun = Instant::now();
    let throttled = tokio::spawn({
        let client = client.clone();
        async move { client.send(&Call::get("/a")).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    client.send(&Call::get("/b")).await.unwrap();
    assert!(begun.elapsed() >= cap, "{:?}", begun.elapsed());
    assert_eq!(throttled.await.unwrap().unwrap().tries, 2);
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_even_for_a_post() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(settings(&url, &url), Redactor::default()).unwrap();
    let error = client.send(&post()).await.unwrap_err();
    assert!(matches!(&error, Error::Connect { at, .. } if at.attempts == 3), "{error:?}");
    assert!(!error.maybe_acted());
    assert_eq!(
        error.to_string(),
        format!("POST /x (3 attempts): cannot connect to {}", url.replace("http://", ""))
    );
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(cause.as_deref(), Some("tcp connect error"));
    assert!(shown(&error).contains("Connection refused"));
}

/// The second try finds nobody, but the first one may have had its effect.
#[tokio::test]
async fn an_earlier_try_keeps_a_refusal_ambiguous() {
    let ims = Server::scripted(vec![
        ("POST /ims/token/v3", stand_in::json(200, r#"{"access_token":"tok-issued-1"}"#)),
        ("POST /ims/token/v3", stand_in::json(400, "{}")),
    ])
    .await;
    let server =
        Server::scripted(vec![("DELETE /x", Act::Close), ("DELETE /x", stand_in::json(401, "{}"))]).await;
    let call = Call::new(Method::Delete, "/x", Safety::Repeatable);
    let error = oauth(&server.url, &ims.url).send(&call).await.unwrap_err();
    assert!(matches!(&error, Error::Auth { at, .. } if at.path == "/ims/token/v3"), "{error:?}");
    assert!(error.maybe_acted());
}

#[tokio::test]
async fn no_answer_in_time_is_ambiguous() {
    let server = Server::scripted(vec![("POST /x", Act::Stall)]).await;
    let settings = Settings { timeout: Duration::from_millis(40), ..settings(&server.url, &server.url) };
    let error = Client::new(settings, Redactor::default()).unwrap().send(&post()).await.unwrap_err();
    assert_eq!(error.to_string(), "POST /x: no complete answer within 0.04 s");
    assert!(error.maybe_acted());
    assert!(error.hint().is_some_and(|hint| hint.contains("looked up")));
}

#[tokio::test]
async fn a_retried_patch_that_finds_itself_comes_back_as_412() {
    let server =
        Server::scripted(vec![("PATCH /x", Act::Close), ("PATCH /x", stand_in::json(412, "{}"))]).await;
    let call = Call::new(Method::Patch, "/x", Safety::Repeatable).if_match(Etag::from_body("e"));
    let reply = client(&server).send(&call).await.unwrap();
    assert_eq!((reply.status, reply.tries), (412, 2));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::scripted(vec![]).await;
    let to = vec![("location", format!("{}/login", elsewhere.url))];
    let server = Server::scripted(vec![("GET /x", Act::Answer(302, to, String::new()))]).await;
    let reply = client(&server).send(&Call::get("/x")).await.unwrap();
    assert_eq!(reply.status, 302);
    assert!(Problem::of(&reply).message.starts_with("redirected to http://127.0.0.1"));
}

#[tokio::test]
async fn a_login_page_is_not_success() {
    let page = "<html><title>Sign in</title></html>";
    let server = Server::scripted(vec![("GET /x", stand_in::json(200, page))]).await;
    let error = client(&server).send(&Call::get("/x")).await.unwrap_err();
    assert_eq!(error.to_string(), "GET /x: the answer (HTTP 200) is not JSON: Sign in");
}

#[tokio::test]
async fn an_answer_has_a_size_limit() {
    let body = format!("\"{}\"", "x".repeat(ANSWER_LIMIT));
    let server = Server::start(move |_| Some(stand_in::json(200, &body))).await;
    let error = client(&server).send(&Call::get("/x")).await.unwrap_err();
    assert!(matches!(&error, Error::TooLarge { at, .. } if at.attempts == 1), "{error:?}");
}

#[tokio::test]
async fn an_error_body_that_quotes_the_token_is_cleaned() {
    let body = json!({"title": format!("bad {TOKEN}"), "list": [TOKEN]}).to_string();
    let server = Server::scripted(vec![
        ("GET /x", stand_in::json(400, &body)),
        ("GET /x", stand_in::json(400, &format!("plain {TOKEN}"))),
    ])
    .await;
    let client = client(&server);
    let reply = client.send(&Call::get("/x")).await.unwrap();
    assert_eq!(reply.body, json!({"title": format!("bad {MASK}"), "list": [MASK]}));
    assert_eq!(client.send(&Call::get("/x")).await.unwrap().body, json!(format!("plain {MASK}")));
}

#[tokio::test]
async fn paths_that_would_lead_elsewhere_are_refused() {
    let server = Server::scripted(vec![]).await;
    let client = client(&server);
    for path in
        ["x", "/a/../b", "/a/..", "/a/%2e%2e", "/a?b=c", "/a#b", "/a b", "/a\r\nX: y", "/a\\b", "@host/"]
    {
        let error = client.send(&Call::get(path)).await.unwrap_err();
        assert!(matches!(error, Error::BadCall { .. }), "{path}: {error:?}");
        assert!(!error.maybe_acted());
    }
    let error = client.send(&Call::get(format!("/{TOKEN}\r\n"))).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("GET /{MASK}\\r\\n: its path has characters or segments that no path may hold")
    );
    let etag = Etag::from_body("\"a\"\r\nX-Evil: 1");
    let error = client.send(&Call::get("/x").if_match(etag)).await.unwrap_err();
    assert!(error.to_string().contains("no header may hold"), "{error}");
}

#[tokio::test]
async fn a_gateway_may_have_a_path() {
    let server = Server::scripted(vec![("GET /base/x%2Fy", stand_in::json(200, "{}"))]).await;
    let gateway = format!("{}/base/", server.url);
    let client = Client::new(settings(&gateway, &gateway), Redactor::default()).unwrap();
    client.send(&Call::get("/x%2Fy")).await.unwrap();
}

#[test]
fn settings_that_cannot_be_used() {
    let good = || settings("http://127.0.0.1:1", "http://127.0.0.1:1");
    let cases = [
        (Settings { gateway: "https://u:hunter2@h".to_owned(), ..good() }, "user name"),
        (Settings { gateway: "https://h/?hunter2".to_owned(), ..good() }, "before any ?"),
        (Settings { gateway: "ftp://hunter2".to_owned(), ..good() }, "https://"),
        (Settings { ims: "hunter2".to_owned(), ..good() }, "the IMS URL"),
        (Settings { sandbox: " ".to_owned(), ..good() }, "the sandbox name cannot be used: it is empty"),
        (Settings { org: "hunter2\r\nX: y".to_owned(), ..good() }, "the organisation id"),
        (Settings { client_id: "hunter2\0".to_owned(), ..good() }, "the client id"),
        (Settings { user_agent: "hunter2\n".to_owned(), ..good() }, "the user agent"),
        (Settings { credential: Credential::Token(Secret::new("hunter2\nx")), ..good() }, "the access token"),
        (Settings { credential: Credential::Token(Secret::new("")), ..good() }, "it is empty"),
        (Settings { ca_file: Some(b"hunter2".to_vec()), ..good() }, "it holds no certificate"),
    ];
    for (settings, expected) in cases {
        let error = Client::new(settings, Redactor::default()).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }));
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!shown(&error).contains("hunter2"), "{error}");
    }
}

#[test]
fn nothing_prints_a_credential() {
    let settings = settings("http://127.0.0.1:1", "http://127.0.0.1:1");
    assert!(!format!("{settings:?}").contains(TOKEN));
    let client = Client::new(settings, Redactor::default()).unwrap();
    assert!(!format!("{client:?}").contains(TOKEN));
    let Auth::Static(token) = &client.0.auth else { panic!("a static token") };
    assert_eq!(format!("{:?}", token.header), "Sensitive");
    let shown = format!("{:?}", client.0.headers);
    assert!(!shown.contains("client-1"), "{shown}");
}

#[tokio::test]
async fn requests_under_way_are_limited() {
    // Four requests and the test itself let each other go.
    let barrier = Arc::new(Barrier::new(5));
    let gate = Arc::clone(&barrier);
    let server =
        Server::start(move |_| Some(Act::Together(Arc::clone(&gate), Box::new(stand_in::json(200, "{}")))))
            .await;
    let client = client(&server);
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(&Call::get("/x")).await })
        })
        .collect();
    for round in 1..=2 {
        while server.seen().len() < 4 * round {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(server.seen().len(), 4 * round);
        barrier.wait().await;
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status, 200);
    }
}

/// One TLS connection, answered with `{}` if it comes about. The files in `testdata` were made for this test: `server`
/// is a certificate for 127.0.0.1 with its key, signed by `ca`.
fn tls_server() -> (String, std::thread::JoinHandle<()>) {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use std::io::{Read, Write};

    let pem = include_bytes!("testdata/server.pem");
    let chain = vec![CertificateDer::from_pem_slice(pem).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::Stream::new(&mut connection, &mut socket);
        let mut request = [0; 4_096];
        // An error is the client's refusal.
        if stream.read(&mut request).is_ok_and(|read| read > 0) {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").unwrap();
        }
    });
    (url, thread)
}

#[tokio::test]
async fn a_certificate_must_come_from_a_trusted_authority() {
    let send = async |ca: &[u8]| {
        let (url, server) = tls_server();
        let settings = Settings { ca_file: Some(ca.to_vec()), ..settings(&url, &url) };
        let result = Client::new(settings, Redactor::default()).unwrap().send(&post()).await;
        server.join().unwrap();
        result
    };
    assert_eq!(send(include_bytes!("testdata/ca.pem")).await.unwrap().status, 200);

    let error = send(include_bytes!("testdata/other.pem")).await.unwrap_err();
    assert!(matches!(&error, Error::Tls { at, .. } if at.attempts == 1), "{error:?}");
    assert!(!error.maybe_acted());
    assert!(error.hint().is_some_and(|hint| hint.contains("PEM")));
}

#[tokio::test]
async fn not_even_the_most_detailed_log_shows_a_secret() {
    use std::io::Write;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let ims = ims(86_399).await;
    let headers = vec![("x-request-id", "r-1".to_owned())];
    let server = Server::scripted(vec![
        ("POST /x?marker=in-the-query", Act::Answer(429, headers, String::new())),
        ("POST /x?marker=in-the-query", stand_in::json(201, r#"{"echo":"tok-issued-1"}"#)),
    ])
    .await;
    let redactor = Redactor::default();
    redactor.register(&Secret::new("zendesk-token"));
    let credential =
        Credential::ClientSecret { secret: Secret::new(SECRET), scopes: DEFAULT_SCOPES.to_owned() };
    let settings = Settings { credential, ..settings(&server.url, &ims.url) };
    let call = post()
        .query("marker", "in-the-query")
        .body(json!({"accessToken": "zendesk-token", "name": "visible"}));
    Client::new(settings, redactor).unwrap().send(&call).await.unwrap();

    let log = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    for expected in ["POST", "path=/x", "status=429", "status=201", "attempt=2", "r-1", "visible", MASK] {
        assert!(log.contains(expected), "{expected} in:\n{log}");
    }
    for secret in ["zendesk-token", "tok-issued", "p8e", "grant_type", "in-the-query"] {
        assert!(!log.contains(secret), "{secret} in:\n{log}");
    }
}
