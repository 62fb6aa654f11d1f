//! Finds out what became of a create whose answer never came. One function for a lost answer and for a crash.
//!
//! The platform has no idempotency keys and does not keep names unique (platform-api.md 1.7, 2.9), so a create is told
//! by its name, by not having been there before, and by everything about it that is fixed at creation.

use std::collections::{BTreeMap, BTreeSet};

use super::Patience;
use serde_json::Value;

use crate::api::Client;
use crate::kind::{Address, Body, Intent, Kind, Leaf, Observed, Rule, Step, leaf, map_leaves, visit_leaves};
use crate::observe::{self, Wanted};
use crate::plan;
use crate::state::model::{Change, Entry, InFlight, State};

/// What a look-up of a create found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// No such object.
    Nothing,
    /// It is there.
    One(Box<Observed>),
    /// Several could be it.
    Several(Vec<String>),
}

/// Who sent a create, and when: tells twins apart where the platform notes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender<'a> {
    /// The API client id.
    pub(super) client_id: &'a str,
    /// Epoch milliseconds of the apply's begin, by the platform's clock as it was told then.
    pub(super) since: Option<i64>,
}

/// Where the platform does not tell its time, our clock and its may differ by this much, in milliseconds.
const CLOCK_TOLERANCE: i64 = 10 * 60 * 1000;

/// Which of `candidates`, all bearing the name, is the one that a create with `body` made. `namesakes` were there before.
pub(super) fn judge(
    kind: Kind,
    body: &Body,
    namesakes: &[String],
    candidates: &[Observed],
    sender: Sender<'_>,
) -> Found {
    let mut matching: Vec<&Observed> = candidates
        .iter()
        .filter(|o| !namesakes.contains(&o.id) && !o.is_going() && same_where_fixed(kind, body, &o.body))
        .collect();
    // What the platform notes of the sender is of a form that no document fixes: it only decides between several.
    if matching.len() > 1 {
        let noted = |o: &&Observed| {
            let client = o.created_by_client.as_deref().is_none_or(|client| client == sender.client_id);
            let time = match (o.created_at, sender.since) {
                (Some(created), Some(since)) => created >= since - CLOCK_TOLERANCE,
                _ => true,
            };
            client && time
        };
        let ours: Vec<&Observed> = matching.iter().copied().filter(noted).collect();
        if !ours.is_empty() {
            matching = ours;
        }
    }
    let too_old = |o: &Observed| match (o.created_at, sender.since) {
        (Some(created), Some(since)) => created < since - CLOCK_TOLERANCE,
        _ => false,
    };
    match matching.as_slice() {
        [] => Found::Nothing,
        // There before the apply began, and yet not noticed then: somebody has to look at it.
        [one] if too_old(one) => Found::Several(vec![one.id.clone()]),
        [one] => Found::One(Box::new((*one).clone())),
        several => Found::Several(several.iter().map(|o| o.id.clone()).collect()),
    }
}

/// Whether every field that only a create can set is as `body` has it.
fn same_where_fixed(kind: Kind, body: &Body, observed: &Body) -> bool {
    let fixed = |body: &Body| plan::fields(body, &|path| kind.spec().rule(path, None, None) == Rule::Replace);
    let (sent, seen) = (fixed(body), fixed(observed));
    let seen_at = |path: &str, value: &Value| {
        // An object that was sent empty may have been given members since.
        if plan::is_empty_object(Some(value)) {
            plan::field_of(observed, &seen, path)
        } else {
            seen.get(path)
        }
    };
    // What is not shown says nothing either way.
    sent.iter().all(|(path, value)| {
        leaf(value).is_some()
            || plan::is_hidden(path, observed)
            || plan::echoes(Some(value), seen_at(path, value))
    })
}

/// Looks one create up on the platform. `ours` are ids that are managed already.
pub(super) async fn look_up(
    client: &Client,
    address: &Address,
    body: &Body,
    namesakes: &[String],
    ours: BTreeSet<String>,
    sender: Sender<'_>,
) -> Result<Found, observe::Error> {
    let Some(name) = name(address.kind, body) else { return Ok(Found::Nothing) };
    let wanted = Wanted { names: vec![(address.clone(), name)], ours, ..Wanted::default() };
    let seen = observe::observe(client, wanted).await?;
    let candidates = seen.namesakes.get(address).map_or(&[][..], Vec::as_slice);
    Ok(judge(address.kind, body, namesakes, candidates, sender))
}

/// What an interrupted apply turns out to have done.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// What the state has to record.
    pub changes: Vec<Change>,
    /// Objects that were made and had not been recorded.
    pub found: Vec<(Address, String)>,
    /// Creates of which several objects could be the result.
    pub ambiguous: Vec<(Address, Vec<String>)>,
}

/// Settles what an interrupted apply left open. Only reads; the caller records the changes, or only plans with them.
/// Waits as long for what may have been made to be seen as an apply does when an answer is lost.
pub async fn recover(client: &Client, state: &State, patience: Patience) -> Result<Recovery, observe::Error> {
    let Some(in_flight) = &state.in_flight else { return Ok(Recovery::default()) };
    let settled: BTreeSet<&String> = in_flight.settled.iter().collect();
    let mut open: Vec<&Step> = in_flight
        .steps
        .iter()
        .filter(|s| matches!(s.intent, Intent::Create { .. }) && !settled.contains(&s.key))
        .collect();
    // Parents before children: a child is told by the id of a parent that was itself only just found.
    open.sort_by_key(|s| s.address.kind);
    let mut wanted = Wanted { ours: state.ids(), ..Wanted::default() };
    for step in &open {
        if let Intent::Create { body, .. } = &step.intent
            && let Some(name) = name(step.address.kind, &fill_ids(body, &state.entries))
        {
            wanted.names.push((step.address.clone(), name));
        }
    }
    let mut wait = 0;
    loop {
        let seen = observe::observe(client, wanted.clone()).await?;
        let (recovery, missing) = settle(state, in_flight, &open, &seen.namesakes);
        // A list may show a new object only later (platform-api.md 8).
        if !missing || wait == patience.tries {
            return Ok(recovery);
        }
        wait += 1;
        patience.wait(wait).await;
    }
}

/// What became of the creates in `open`, given the objects that bear their names; and whether there is one that may have
/// been sent and has no object.
fn settle(
    state: &State,
    in_flight: &InFlight,
    open: &[&Step],
    namesakes_seen: &BTreeMap<Address, Vec<Observed>>,
) -> (Recovery, bool) {
    let settled: BTreeSet<&String> = in_flight.settled.iter().collect();
    let mut recovery = Recovery::default();
    let mut missing = false;
    let mut known = state.clone();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for step in open {
        let Intent::Create { body, namesakes, replaces } = &step.intent else { continue };
        // A step is begun when the results of those it needs are recorded.
        let sendable = step.needs.iter().all(|need| settled.contains(need));
        let body = step.address.kind.spec().settle(fill_ids(body, &known.entries), None);
        let candidates: Vec<Observed> = namesakes_seen
            .get(&step.address)
            .into_iter()
            .flatten()
            .filter(|o| !taken.contains(&o.id))
            .cloned()
            .collect();
        let found = if sendable && !holds_ids(&body) {
            judge(step.address.kind, &body, namesakes, &candidates, sender(in_flight))
        } else {
            Found::Nothing
        };
        match found {
            Found::Nothing => missing |= sendable,
            Found::Several(ids) => {
                recovery.ambiguous.push((step.address.clone(), ids));
                continue;
            }
            Found::One(observed) => {
                taken.insert(observed.id.clone());
                recovery.found.push((step.address.clone(), observed.id.clone()));
                let entry = created_entry(
                    known.entries.get(&step.address),
                    &observed,
                    &body,
                    replaces.as_ref(),
                    step,
                );
                let change = Change::Set { address: step.address.clone(), entry };
                known.record(change.clone());
                recovery.changes.push(change);
            }
        }
        recovery.changes.push(Change::Settled { step: step.key.clone() });
    }
    if recovery.ambiguous.is_empty() {
        recovery.changes.push(Change::Ended);
    }
    (recovery, missing)
}

/// The entry of an object that a create has made.
fn created_entry(
    previous: Option<&Entry>,
    observed: &Observed,
    body: &Body,
    replaces: Option<&String>,
    step: &Step,
) -> Entry {
    let mut replaced = previous.map(|e| e.replaced.clone()).unwrap_or_default();
    replaced.extend(replaces.cloned());
    Entry {
        id: observed.id.clone(),
        etag: observed.etag.clone(),
        version: observed.version,
        applied: applied(step.address.kind, body, None),
        depends_on: step.depends_on.clone(),
        protect: step.protect,
        replaced,
    }
}

/// What a create (`previous` is absent) or an update has sent. A switch is not in it: that is a step of its own.
pub(super) fn applied(kind: Kind, body: &Body, previous: Option<&Body>) -> Body {
    let mut applied = plan::as_applied(body, previous);
    if let Some(switch) = kind.spec().switch()
        && let Some(on) = applied.get_mut(switch.member)
    {
        *on = previous.and_then(|p| p.get(switch.member)).cloned().unwrap_or(switch.initial.into());
    }
    applied
}

fn sender(in_flight: &InFlight) -> Sender<'_> {
    let since = in_flight.started.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    Sender { client_id: &in_flight.client_id, since }
}

/// `body` with the ids and versions that the state knows.
pub(super) fn fill_ids(body: &Body, entries: &BTreeMap<Address, Entry>) -> Body {
    map_leaves(body, &mut |leaf| match leaf {
        Leaf::Id(address) => entries.get(address).map(|e| e.id.as_str().into()),
        // The flow spec types it as a string (platform-api.md 3.3).
        Leaf::Version(address) => entries.get(address)?.version.map(|v| v.to_string().into()),
        Leaf::Secret { .. } | Leaf::Soon(_) => None,
    })
}

/// Whether an id or version is still to be filled in.
pub(super) fn holds_ids(body: &Body) -> bool {
    let mut holds = false;
    visit_leaves(body, &mut |leaf| holds |= matches!(leaf, Leaf::Id(_) | Leaf::Version(_)));
    holds
}

/// The name that a body gives its object.
pub(super) fn name(kind: Kind, body: &Body) -> Option<String> {
    kind.spec().name(body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::LastOperation;

    fn source(id: &str, base: &str, client: &str, created_at: i64) -> Observed {
        Observed {
            id: id.into(),
            etag: None,
            version: None,
            body: json!({ "name": "s", "baseConnectionId": base, "data": { "format": "json" }, "more": 1 }),
            state: "enabled".into(),
            operation: LastOperation::Settled,
            places: json!(null),
            created_at: Some(created_at),
            created_by_client: Some(client.into()),
        }
    }

    fn judged(candidates: &[Observed], namesakes: &[&str]) -> Found {
        let body =
            json!({ "name": "s", "baseConnectionId": "b1", "data": { "format": "json" }, "params": {} });
        let namesakes: Vec<String> = namesakes.iter().map(ToString::to_string).collect();
        let sender = Sender { client_id: "us", since: Some(1_000_000_000) };
        judge(Kind::Source, &body, &namesakes, candidates, sender)
    }

    #[test]
    fn one_match_is_ours_whoever_the_platform_notes_as_its_maker() {
        assert!(
            matches!(judged(&[source("1", "b1", "other", 1_000_000_000)], &[]), Found::One(o) if o.id == "1")
        );
    }

    #[test]
    fn one_from_before_the_apply_is_not_taken() {
        assert_eq!(judged(&[source("1", "b1", "us", 0)], &[]), Found::Several(vec!["1".into()]));
    }

    #[test]
    fn other_parents_or_an_older_namesake_are_not_ours() {
        assert_eq!(judged(&[source("1", "b2", "us", 1_000_000_000)], &[]), Found::Nothing);
        assert_eq!(judged(&[source("1", "b1", "us", 1_000_000_000)], &["1"]), Found::Nothing);
    }

    #[test]
    fn several_are_told_apart_by_maker_and_time_or_not_at_all() {
        let ours = source("1", "b1", "us", 1_000_000_000);
        assert!(
            matches!(judged(&[ours.clone(), source("2", "b1", "them", 1_000_000_000)], &[]), Found::One(o) if o.id == "1")
        );
        assert!(
            matches!(judged(&[ours.clone(), source("2", "b1", "us", 0)], &[]), Found::One(o) if o.id == "1")
        );
        assert_eq!(
            judged(&[ours, source("2", "b1", "us", 1_000_000_001)], &[]),
            Found::Several(vec!["1".into(), "2".into()])
        );
    }
}
