//! Faults, restarts, several servers of one store, nonsense: what a client must survive.

use std::time::Duration;

use serde_json::json;

use super::{base_body, client, with};
use crate::emulator::{Behaviour, Fault, Options};

#[tokio::test]
async fn lost_answers_and_refusals_come_as_asked() {
    let c = client(
        "",
        &[
            "POST /connections#1:close-before",
            "POST /connections#2:close-after",
            "POST /connections#3:truncate",
            "POST /connections#4:status-after=500",
            "POST /connections#5:429:retry-after=7",
            "POST /connections#6:502-html",
            "POST /connections#7:401",
        ],
    )
    .await;
    let send = || c.request("POST", "/connections", Some(&base_body())).send();
    assert!(send().await.is_err());
    assert!(send().await.is_err());
    let half = send().await.unwrap();
    assert_eq!(half.status().as_u16(), 201);
    assert!(half.text().await.is_err());
    assert_eq!(c.call("POST", "/connections", base_body()).await.code(), "FLOW-1102-500");
    let slow = c.call("POST", "/connections", base_body()).await;
    assert_eq!((slow.status, slow.headers["retry-after"].to_str().unwrap()), (429, "7"));
    let page = send().await.unwrap();
    assert_eq!(
        (page.status().as_u16(), page.headers()["content-type"].to_str().unwrap()),
        (502, "text/html")
    );
    assert_eq!(c.call("POST", "/connections", base_body()).await.body["error_code"], "401013");
    // Processed: the second, third and fourth.
    assert_eq!(c.get("/connections?count=true").await.body["count"], 3);
}

#[tokio::test]
async fn others_get_in_between_and_labels_hide() {
    let c = client(
        "",
        &[
            "PATCH /flows/*#1:etag-bump",
            "PATCH /flows/*#2:edit",
            "GET /flows/*#5:hide",
            "PATCH /flows/*#3:hide",
            "PATCH /flows/*#4:delete",
        ],
    )
    .await;
    let [.., flow] = c.pipeline().await;
    let path = format!("/flows/{flow}");
    let name = json!([{"op": "add", "path": "/name", "value": "n"}]);
    assert_eq!(c.change(&path, name.clone()).await.status, 412);
    assert_eq!(c.item(&path).await.get("description"), None);
    assert_eq!(c.change(&path, name.clone()).await.status, 412);
    assert_eq!(c.item(&path).await["description"], "edited by somebody else");
    let hidden = c.get(&path).await;
    assert_eq!((hidden.status, hidden.code()), (404, "FLOW-1439-404"));
    assert_eq!(hidden.body["report"]["type"], "flows");
    assert_eq!(c.change(&path, name.clone()).await.status, 403);
    assert_eq!(c.change(&path, name).await.status, 404);
}

#[tokio::test]
async fn a_held_request_waits_for_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("held");
    let before = folder.path().join("before");
    let faults = [
        format!("POST /connections:stop-after={}", file.display()),
        format!("POST /connections#2:stop-before={}", before.display()),
        "GET /flows:hang-before".to_owned(),
    ];
    let c = client("", &[&faults[0], &faults[1], &faults[2]]).await;
    let request = c.request("POST", "/connections", Some(&base_body()));
    let held = tokio::spawn(request.send());
    while !file.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(c.get("/connections?count=true").await.body["count"], 1);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(held.await.unwrap().unwrap().status().as_u16(), 201);
    // A client that leaves takes its request with it.
    let left = c.request("POST", "/connections", Some(&base_body())).timeout(Duration::from_millis(100));
    assert!(left.send().await.unwrap_err().is_timeout());
    tokio::time::sleep(Duration::from_millis(50)).await;
    std::fs::remove_file(&before).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(c.get("/connections?count=true").await.body["count"], 1);
    let hung = c.request("GET", "/flows", None).timeout(Duration::from_millis(100)).send().await;
    assert!(hung.unwrap_err().is_timeout());
    c.handle.stop().await;
}

#[tokio::test]
async fn one_store_serves_two_servers_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        store: Some(folder.path().join("sub/aep.jsonl")),
        log: Some(folder.path().join("log.jsonl")),
        ..Options::default()
    };
    let one = with(options.clone()).await;
    let mut two = with(options.clone()).await;
    // A token is good at every server of a store.
    two.token.clone_from(&one.token);
    let [.., flow] = one.pipeline().await;
    assert_eq!(two.item(&format!("/flows/{flow}")).await["name"], "flow");
    two.handle.stop().await;
    one.handle.stop().await;
    let three = with(options).await;
    assert_eq!(three.item(&format!("/flows/{flow}")).await["name"], "flow");
    let log = std::fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
    assert!(log.contains("sourceConnections") && !log.contains("S3CRET") && !log.contains(&one.token));
}

#[tokio::test]
async fn nonsense_gets_an_answer() {
    let c = client("", &[]).await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in
        [deep.into_bytes(), vec![0xff; 100], b"{".to_vec(), b"5".to_vec(), vec![b' '; 11 * 1024 * 1024]]
    {
        for path in ["/connections", "/flows", "/mappingSets", "/dataSets", "/tenant/schemas", "/runs"] {
            let request = c.request("POST", path, None).header("content-type", "application/json");
            // A body that is too large may be refused while it is still being sent.
            if let Ok(answer) = request.body(body.clone()).send().await {
                assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
            }
        }
    }
    for path in
        ["/nothing", "/flows/a/b/c/d", "/flows/%ff%00", "/connections/x/explore", "/flows?property=%ff"]
    {
        let got = c.get(path).await;
        assert!(got.status == 200 || (400..500).contains(&got.status), "{path}: {}", got.status);
    }
    assert!(Behaviour::parse(["x"]).is_err() && "x".parse::<Fault>().is_err());
}

#[tokio::test]
async fn a_token_may_run_out_in_the_middle() {
    let c = client("token-lifetime=1", &[]).await;
    assert_eq!(c.get("/flows").await.status, 200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(c.get("/flows").await.body["error_code"], "401013");
}
