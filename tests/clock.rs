//! Two clocks: where ours and the platform's differ, the platform's decides, as the `Date` of its answers tells.

use flowform::wire::Call;

use crate::support::hostile::{Server, http};
use crate::support::{RUNTIME, Sandbox, pipeline};

/// The machine's clock.
#[expect(clippy::disallowed_methods, reason = "a test compares the machine's clock with the platform's")]
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn starting(at: i64) -> crate::support::Text {
    pipeline("users").edit("interval: 15 }", &format!("interval: 15, startTime: {at} }}"))
}

const HOUR: i64 = 3600;

#[test]
fn a_start_that_is_left_out_is_soon_by_the_platforms_clock() {
    for offset in [-200 * 24 * HOUR, -2 * HOUR, 2 * HOUR, 200 * 24 * HOUR] {
        let s = Sandbox::behaving(&[&format!("clock-offset={offset}")]);
        s.manifest(&pipeline("users"));
        let before = now();
        s.converge(&[]);
        let start = s.contents().one("flows").body["scheduleParams"]["startTime"].clone();
        let start: i64 = start.as_str().unwrap().parse().unwrap();
        assert!((before + offset + 290..now() + offset + 310).contains(&start), "{offset}: {start}");
    }
}

#[test]
fn whether_a_start_has_passed_is_judged_by_the_platforms_clock() {
    // By ours it has passed, by the platform's it has not; and the other way round.
    let s = Sandbox::behaving(&[&format!("clock-offset={}", -2 * HOUR)]);
    let start = now() - HOUR;
    s.manifest(&starting(start));
    s.converge(&[]);
    assert_eq!(s.contents().one("flows").body["scheduleParams"]["startTime"], start.to_string());
    // It may still be moved.
    s.manifest(&starting(start + 60));
    assert_eq!(s.plan(&[]).actions(), ["update users.dataflow"]);
    s.converge(&[]);

    let s = Sandbox::behaving(&[&format!("clock-offset={}", 2 * HOUR)]);
    let ahead = Sandbox::new();
    s.manifest(&starting(now() + HOUR));
    ahead.manifest(&starting(now() - HOUR));
    let told = |s: &Sandbox| {
        let ran = s.run(&["plan", "m.yaml"]);
        (ran.code, ran.stdout.contains("startTime"), s.masked(&ran.stdout).lines().count())
    };
    assert_eq!(told(&s), told(&ahead), "a start in the platform's past is one");
    s.apply(&[]).exit(8).shows("lies in the past").end();
    assert_eq!(s.contents().counts(), [0; 5]);
}

#[test]
fn a_span_of_runs_reaches_back_from_the_platforms_time() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.converge(&[]);
    let store = ["--store", "platform.jsonl"];
    s.run(&[&["emulator", "call", "POST", "/emulator/clock", r#"{"advance": 864000}"#], &store[..]].concat())
        .success()
        .end();
    let ran = s.run(&["runs", "--since", "2h", "--format", "json"]).success();
    let runs: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 8, "{runs:#}");
    // The next run lies ahead of that time.
    let ran = s.run(&["status", "--format", "json"]).success();
    let status: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let next: jiff::Timestamp = status["pipelines"][0]["nextRun"].as_str().unwrap().parse().unwrap();
    assert!(next.as_second() > now() + 863_000, "{next}");
}

#[test]
fn what_an_interrupted_apply_made_is_found_whatever_our_clock_says() {
    for offset in [-5 * HOUR, 5 * HOUR] {
        let mut s = Sandbox::behaving(&[&format!("clock-offset={offset}")]);
        s.manifest(&pipeline("users"));
        s.fail(&["POST /flows:close-after"]);
        s.apply(&[]).success().end();
        s.state_is_the_platform();
    }
}

#[test]
fn a_date_that_is_missing_or_nonsense_leaves_the_clock_as_it_was() {
    let server = Server::start();
    let client = server.client();
    let ahead_after = |headers: &str| {
        server.answer(http("200 OK", headers, b"{}"));
        RUNTIME.block_on(client.send(&Call::get("/x"))).unwrap();
        client.ahead()
    };
    assert_eq!(client.ahead(), None);
    assert_eq!(ahead_after(""), None);
    assert_eq!(ahead_after("date: yesterday\r\n"), None);
    assert_eq!(ahead_after("date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"), None);
    let date = |at: i64| {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::try_from(at).unwrap());
        format!("date: {}\r\n", httpdate::fmt_http_date(at))
    };
    let near = |ahead: Option<i64>, wanted: i64| ahead.is_some_and(|ahead| (ahead - wanted).abs() < 60);
    let told = ahead_after(&date(now() - 7200));
    assert!(near(told, -7200), "{told:?}");
    let kept = ahead_after("");
    assert!(near(kept, -7200), "{kept:?}");
    let later = ahead_after(&date(now() + 7200));
    assert!(near(later, 7200), "{later:?}");
    assert_eq!(ahead_after(&date(now())), Some(0));
}
