//! The counts for GitLab's widget.

use serde_json::json;

use super::super::gitlab::report;
use super::cases;

#[test]
fn every_case() {
    super::snapshots("gitlab", |plan| report(plan).to_string());
}

#[test]
fn an_adoption_is_an_update() {
    let mut world = cases::namesake();
    world.options.adopt = vec!["zendesk-users.target".parse().unwrap()];
    assert_eq!(report(&world.plan()), json!({ "create": 0, "update": 1, "delete": 0 }));
}
