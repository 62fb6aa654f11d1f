//! Checks that a person asks for on top of the guards: what a plan must not hold. A check is not part of the plan: it
//! changes neither its fingerprint nor whether it may be applied by somebody who does not ask for it.

use super::{Action, Plan};

/// What a plan must not hold.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    /// None of these.
    pub fail_on: Vec<Sort>,
    /// No more deletions than this. Replacements and what they have left do not count, nor do they for the guard.
    pub max_deletes: Option<usize>,
}

/// A sort of thing that a plan can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// An operation.
    Operation(Action),
    /// What the platform has otherwise than we left it.
    Drift,
}

/// What a plan holds against the checks, in words; empty when it passes.
pub fn findings(plan: &Plan, checks: &Checks) -> Vec<String> {
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    for sort in &checks.fail_on {
        if seen.contains(sort) {
            continue;
        }
        seen.push(*sort);
        let (what, addresses): (&str, Vec<String>) = match sort {
            Sort::Operation(action) => (
                action.name(),
                plan.operations
                    .iter()
                    .filter(|o| o.action == *action)
                    .map(|o| o.address.to_string())
                    .collect(),
            ),
            Sort::Drift => ("drift", plan.drift.iter().map(|d| d.address.to_string()).collect()),
        };
        if !addresses.is_empty() {
            findings.push(format!("--fail-on {what}: {}", some_of(&addresses)));
        }
    }
    let deletes: Vec<String> = plan
        .operations
        .iter()
        .filter(|o| o.action == Action::Delete && !o.is_leftover())
        .map(|o| o.address.to_string())
        .collect();
    if checks.max_deletes.is_some_and(|most| deletes.len() > most) {
        let most = checks.max_deletes.unwrap_or_default();
        findings.push(format!(
            "--max-deletes {most}: {} would be deleted: {}",
            deletes.len(),
            some_of(&deletes)
        ));
    }
    findings
}

/// The first few addresses, and how many more there are.
fn some_of(addresses: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = addresses.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match addresses.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
