//! The counts that GitLab shows in a merge request (`artifacts:reports:terraform`). Nothing but counts, because everybody
//! who may see the project may read that file.

use serde_json::{Value, json};

use crate::plan::{Action, Plan};

/// `{"create": 1, "update": 2, "delete": 0}`. A replacement is one creation and one deletion, as Terraform counts it; an
/// adoption is an update, as is that an object is protected, or its loss allowed, or no more; that the state forgets what is
/// gone is nothing.
pub fn report(plan: &Plan) -> Value {
    let counts = plan.counts();
    let sum = |actions: &[Action]| -> usize { actions.iter().filter_map(|action| counts.get(action)).sum() };
    json!({
        "create": sum(&[Action::Create, Action::Replace]),
        "update": sum(&[Action::Update, Action::Adopt]) + plan.guarded().count(),
        "delete": sum(&[Action::Delete, Action::Replace]),
    })
}
