//! The plan as JSON.

use serde_json::json;

use super::super::{Style, json, text};
use super::cases::{World, conflict, one_field};
use crate::kind::Kind;

const WIDE: Style = Style { color: false, width: 160, whole: false, requests: false };

#[test]
fn every_case() {
    super::snapshots("json", |plan| json::to_string(&json::plan(plan)));
}

#[test]
fn json_is_stable_and_masked() {
    let plan = conflict().plan();
    let document = json::plan(&plan);
    assert_eq!(json::to_string(&document), json::to_string(&json::plan(&plan)));
    assert_eq!(document["formatVersion"], 1);
    assert_eq!(document["fingerprint"], plan.fingerprint());
    assert_eq!(document["summary"]["update"], 3);
    let source = &document["operations"][0];
    assert_eq!(
        source["changes"][0],
        json!({
            "path": "/name", "cause": "both", "before": "Theirs", "after": "Ours", "applied": "Zendesk source",
            "forcesReplacement": false, "sensitive": false
        })
    );
    assert_eq!(source["requests"][0]["method"], "PATCH");
    assert_eq!(source["requests"][0]["ifMatch"], "\"1a00ab12-0000-0200-0000-62b2da270000\"");
    assert_eq!(
        document["drift"][0]["fields"][0],
        json!({
            "path": "/name", "applied": "Zendesk source", "now": "Theirs", "sensitive": false
        })
    );

    let document = json::plan(&World::fresh().plan());
    let body = |operation: usize, pointer: &str| {
        document["operations"][operation]["requests"][0]["body"].pointer(pointer).cloned().unwrap()
    };
    assert_eq!(body(0, "/auth/params/accessToken"), json!({ "sensitive": true }));
    assert_eq!(body(1, "/baseConnectionId"), json!({ "knownAfterApply": "zendesk-users.baseConnection id" }));
    assert_eq!(body(4, "/scheduleParams/startTime"), json!({ "soonAfterCreate": 300 }));
}

#[test]
fn an_etag_that_an_earlier_step_moves_is_not_known() {
    let mut world = one_field();
    world.wanted(Kind::Dataflow)["enabled"] = false.into();
    let plan = world.plan();
    let document = json::plan(&plan);
    let requests = &document["operations"][0]["requests"];
    assert!(requests[0]["ifMatch"].is_string());
    assert_eq!(requests[1]["ifMatch"], json!({ "knownAfterApply": "zendesk-users.dataflow etag" }));
    assert!(text::plan(&plan, &WIDE).contains("op=disable  If-Match: (known after apply"));
}
