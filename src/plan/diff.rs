//! Compares the three pictures of one object, field by field. Pure; knows no kind but through its rules.
//!
//! Only what the manifest says, or once said, is compared (design 3), and what nobody but a person can have added
//! (`Spec::is_by_hand`); what the platform adds on its own is not looked at. What the manifest wants against what was last
//! sent is exact; what the platform shows may be spelled otherwise (`same`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::same::{echoes, field_of, is_empty_object, same};
use crate::kind::{Body, Kind, Leaf, Observed, Rule, leaf};

/// One field that is to change, or has drifted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldChange {
    /// JSON Pointer into the canonical body.
    pub path: String,
    /// What the platform has; absent when it has nothing, or does not show it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub observed: Option<Value>,
    /// What the manifest wants; absent when it wants nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub desired: Option<Value>,
    /// What was last sent; absent when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub applied: Option<Value>,
    /// Where the change comes from.
    pub cause: Cause,
    /// Whether the field cannot be changed in place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forces_replacement: bool,
}

/// Reads a value that is there: a null is one, and not the absence of one.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// Who moved a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// The manifest.
    Manifest,
    /// The platform: drift.
    Platform,
    /// Both, to different values.
    Both,
    /// Another object of the plan, whose id or version becomes another.
    Dependency,
}

/// The result of comparing one object.
#[derive(Clone, Debug, Default)]
pub(super) struct Difference {
    /// Fields to bring to what the manifest wants.
    pub changes: Vec<FieldChange>,
    /// Fields that the platform moved, whether or not the manifest still cares.
    pub drift: Vec<FieldChange>,
    /// How many compared fields are as wanted.
    pub unchanged: usize,
    /// Paths of secrets whose value could not be had, so that nothing can be said of them.
    pub unknown_secrets: Vec<String>,
    /// Paths of secrets that somebody else has set, and that are taken for the wanted ones.
    pub kept_secrets: Vec<String>,
}

impl Difference {
    /// Leaves the object's own secrets as they are.
    pub(super) fn keep_secrets(&mut self) {
        let (secrets, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.changes)
            .into_iter()
            .partition(|c| matches!(c.desired.as_ref().and_then(leaf), Some(Leaf::Secret { .. })));
        self.changes = others;
        self.unchanged += secrets.len();
        self.kept_secrets.extend(secrets.into_iter().map(|c| c.path));
    }

    /// Sends the wanted secrets that are at hand, whatever was sent before.
    pub(super) fn send_secrets(&mut self, desired: &Body, applied: Option<&Body>) {
        for (path, value) in flatten(desired) {
            let at_hand = matches!(leaf(&value), Some(Leaf::Secret { fingerprint: Some(_), .. }));
            if !at_hand || self.changes.iter().any(|c| c.path == path) {
                continue;
            }
            self.kept_secrets.retain(|kept| *kept != path);
            self.unchanged = self.unchanged.saturating_sub(1);
            self.changes.push(FieldChange {
                applied: applied.and_then(|a| a.pointer(&path)).cloned(),
                path,
                observed: None,
                desired: Some(value),
                cause: Cause::Manifest,
                forces_replacement: false,
            });
        }
    }
}

/// Compares. `applied` is absent for an object that is being adopted; `started` freezes schedule fields.
pub(super) fn compare(
    kind: Kind,
    desired_body: &Body,
    applied_body: Option<&Body>,
    observed_body: &Body,
    started: bool,
) -> Difference {
    let spec = kind.spec();
    let adopting = applied_body.is_none();
    let (wanted, sent) = (flatten(desired_body), applied_body.map(flatten).unwrap_or_default());
    let seen = flatten(observed_body);
    let by_hand = |path: &str| seen.get(path).is_some_and(|value| spec.is_by_hand(path, value));
    let mut paths: Vec<&String> = wanted.keys().collect();
    let mut known: BTreeSet<&String> = paths.iter().copied().collect();
    for path in sent.keys().chain(seen.keys().filter(|p| by_hand(p))) {
        if known.insert(path) {
            paths.push(path);
        }
    }

    let mut result = Difference::default();
    for path in paths {
        let (mut desired, mut applied) = (wanted.get(path), sent.get(path));
        let mut observed = seen.get(path);
        if [desired, applied, observed].into_iter().any(is_empty_object) {
            // Empty here and with members there is an object in both; its members are fields of their own.
            desired = field_of(desired_body, &wanted, path);
            applied = applied_body.and_then(|body| field_of(body, &sent, path));
            observed = field_of(observed_body, &seen, path);
            if desired.is_some() && !wanted.contains_key(path) {
                continue;
            }
        }
        let rule = spec.rule(path, observed, desired);
        if rule == Rule::Ours {
            continue;
        }
        match desired.or(applied).and_then(leaf) {
            Some(Leaf::Soon(_)) => continue,
            Some(Leaf::Secret { fingerprint, .. }) => {
                compare_secret(path, desired, applied, fingerprint.as_deref(), &mut result);
                continue;
            }
            _ => {}
        }
        if observed.is_none() {
            // Not shown is not gone, where the platform shows only some of it or nobody can take it away: what was last
            // sent stands in.
            observed = match rule {
                Rule::Shown | Rule::Switch if adopting => desired,
                Rule::Shown | Rule::Switch => applied,
                Rule::Replace if is_hidden(path, observed_body) => applied,
                Rule::Replace | Rule::Patch | Rule::Frozen | Rule::Ours => None,
            };
        }
        if rule == Rule::Frozen && desired.is_none() && started {
            // No longer said; it cannot be unsaid on the platform either.
            continue;
        }
        let drifted = (applied.is_some() || by_hand(path)) && !echoes(applied, observed);
        if is_as_wanted(desired, applied, observed, drifted, adopting) {
            // What is empty as a whole counts no field.
            result.unchanged += usize::from(desired.is_some() && !is_empty_object(desired));
            continue;
        }
        let forces_replacement = match rule {
            Rule::Replace => true,
            Rule::Frozen => started,
            Rule::Patch | Rule::Shown | Rule::Switch | Rule::Ours => false,
        };
        let cause = match (same(desired, applied), drifted) {
            _ if desired.is_some_and(holds_unknown) => Cause::Dependency,
            // Nothing was left there by us that the platform could have changed.
            _ if adopting => Cause::Manifest,
            (true, _) => Cause::Platform,
            (false, true) => Cause::Both,
            (false, false) => Cause::Manifest,
        };
        let change = FieldChange {
            path: path.clone(),
            observed: observed.cloned(),
            desired: desired.cloned(),
            applied: applied.cloned(),
            cause,
            forces_replacement,
        };
        if drifted {
            result.drift.push(change.clone());
        }
        result.changes.push(change);
    }
    result
}

/// Whether a field needs no change. `drifted`: it is not as it was last sent.
fn is_as_wanted(
    desired: Option<&Value>,
    applied: Option<&Value>,
    observed: Option<&Value>,
    drifted: bool,
    adopting: bool,
) -> bool {
    if adopting {
        return echoes(desired, observed);
    }
    if same(desired, applied) {
        return !drifted;
    }
    if applied.is_some() && !drifted {
        // The platform shows what was sent, in whatever form, and something else is to be sent. What is not shown and no
        // longer wanted cannot be taken away.
        return desired.is_none() && observed.is_none();
    }
    // The manifest follows what somebody did by hand, or says for the first time what is there anyway.
    echoes(desired, observed) && (desired.is_some() == observed.is_some() || desired.is_none())
}

/// Whether a body lacks the whole member that a path is in: then the platform does not show it. A member that is shown
/// without the field does not have the field.
pub(crate) fn is_hidden(path: &str, body: &Body) -> bool {
    path.split('/').nth(1).is_some_and(|member| body.get(member).is_none())
}

/// A secret is compared with the fingerprint of what was last sent, never with what the platform shows.
fn compare_secret(
    path: &str,
    desired: Option<&Value>,
    applied: Option<&Value>,
    fingerprint: Option<&str>,
    result: &mut Difference,
) {
    let applied_leaf = applied.and_then(leaf);
    let sent = match &applied_leaf {
        Some(Leaf::Secret { fingerprint, .. }) => fingerprint.as_deref(),
        _ => None,
    };
    if desired.is_some() && fingerprint.is_none() {
        result.unknown_secrets.push(path.to_owned());
        return;
    }
    if desired.is_some() && matches!(applied_leaf, Some(Leaf::Secret { fingerprint: None, .. })) {
        result.unchanged += 1;
        result.kept_secrets.push(path.to_owned());
        return;
    }
    if desired.is_some() && sent.is_some() && sent == fingerprint {
        result.unchanged += 1;
        return;
    }
    result.changes.push(FieldChange {
        path: path.to_owned(),
        observed: None,
        desired: desired.cloned(),
        applied: applied.cloned(),
        cause: Cause::Manifest,
        forces_replacement: false,
    });
}

/// Whether the value depends on an id or version that only applying will tell.
fn holds_unknown(value: &Value) -> bool {
    let mut unknown = false;
    crate::kind::visit_leaves(value, &mut |leaf| unknown |= matches!(leaf, Leaf::Id(_) | Leaf::Version(_)));
    unknown
}

/// Those of a body's fields whose pointer `which` takes.
pub(crate) fn fields(body: &Body, which: &dyn Fn(&str) -> bool) -> Map<String, Value> {
    let mut fields = flatten(body);
    fields.retain(|path, _| which(path));
    fields
}

/// A body's fields by JSON Pointer: scalars, nulls, whole arrays, empty objects and leaves.
fn flatten(body: &Body) -> Map<String, Value> {
    let mut fields = Map::new();
    walk(body, &mut String::new(), &mut fields);
    fields
}

fn walk(value: &Value, path: &mut String, fields: &mut Map<String, Value>) {
    match value {
        Value::Object(members) if leaf(value).is_none() && (!members.is_empty() || path.is_empty()) => {
            for (name, member) in members {
                let length = path.len();
                path.push('/');
                path.push_str(&crate::kind::escape_pointer(name));
                walk(member, path, fields);
                path.truncate(length);
            }
        }
        other => {
            fields.insert(path.clone(), other.clone());
        }
    }
}

/// An observation without the fields that one of `bodies` holds to be secret.
pub(super) fn conceal(observed: &Observed, bodies: [Option<&Body>; 2]) -> Observed {
    let mut observed = observed.clone();
    for (path, value) in bodies.into_iter().flatten().flat_map(flatten) {
        if matches!(leaf(&value), Some(Leaf::Secret { .. }))
            && let Some((parent, name)) = path.rsplit_once('/')
            && let Some(Value::Object(members)) = observed.body.pointer_mut(parent)
        {
            members.remove(&crate::kind::unescape_pointer(name));
        }
    }
    observed
}

/// The paths in which two observations of one object differ. A field that the platform may leave out differs only where
/// both show it.
pub(crate) fn differences(kind: Kind, a: &Body, b: &Body) -> Vec<String> {
    let (fields_of_a, fields_of_b) = (flatten(a), flatten(b));
    let paths = fields_of_a.keys().chain(fields_of_b.keys().filter(|path| !fields_of_a.contains_key(*path)));
    paths
        .filter(|path| {
            let (mut x, mut y) = (fields_of_a.get(*path), fields_of_b.get(*path));
            if is_empty_object(x) || is_empty_object(y) {
                (x, y) = (field_of(a, &fields_of_a, path), field_of(b, &fields_of_b, path));
            }
            let optional = matches!(kind.spec().rule(path, x, y), Rule::Shown | Rule::Switch);
            let is_nothing = |value: Option<&Value>| value.is_none_or(Value::is_null);
            let is_left_out = optional && (x.is_none() || y.is_none());
            let is_alike = same(x, y) || (is_nothing(x) && is_nothing(y));
            !is_alike && !is_left_out
        })
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flow(interval: &Value, start: &Value) -> Body {
        json!({ "name": "f", "scheduleParams": { "frequency": "hour", "interval": interval, "startTime": start } })
    }

    #[test]
    fn strings_where_numbers_were_sent_are_no_drift() {
        let wanted = flow(&json!(2), &json!(100));
        let seen = flow(&json!("2"), &json!("100"));
        let difference = compare(Kind::Dataflow, &wanted, Some(&wanted), &seen, true);
        assert!(difference.changes.is_empty() && difference.drift.is_empty());
        assert_eq!(difference.unchanged, 4);
    }

    #[test]
    fn what_the_manifest_never_said_is_not_compared() {
        let wanted = json!({ "name": "f" });
        let seen = json!({ "name": "f", "description": "by the platform" });
        assert!(compare(Kind::Dataflow, &wanted, Some(&wanted), &seen, false).changes.is_empty());
    }

    #[test]
    fn what_it_once_said_is() {
        let seen = json!({ "name": "f", "description": "old" });
        let difference = compare(Kind::Dataflow, &json!({ "name": "f" }), Some(&seen), &seen, false);
        assert_eq!(difference.changes.len(), 1);
        assert_eq!((difference.changes[0].cause, &difference.changes[0].desired), (Cause::Manifest, &None));
    }

    #[test]
    fn both_moved_is_told_from_drift() {
        let (was, seen, wanted) = (json!({ "name": "a" }), json!({ "name": "b" }), json!({ "name": "c" }));
        assert_eq!(compare(Kind::Source, &wanted, Some(&was), &seen, false).changes[0].cause, Cause::Both);
        assert_eq!(compare(Kind::Source, &was, Some(&was), &seen, false).changes[0].cause, Cause::Platform);
        assert_eq!(compare(Kind::Source, &wanted, Some(&was), &was, false).changes[0].cause, Cause::Manifest);
        // The manifest followed what somebody did by hand: nothing to do, nothing to report.
        let followed = compare(Kind::Source, &seen, Some(&was), &seen, false);
        assert!(followed.changes.is_empty() && followed.drift.is_empty());
    }

    #[test]
    fn a_mapping_added_behind_our_back_is_drift() {
        let field =
            |d: &str| json!({ "name": "m", "fields": { d: { "source": "a", "sourceType": "ATTRIBUTE" } } });
        let mut seen = field("x.a");
        seen["fields"]["x.b"] = json!({ "source": "b", "sourceType": "ATTRIBUTE" });
        let difference = compare(Kind::Mapping, &field("x.a"), Some(&field("x.a")), &seen, false);
        assert_eq!(difference.drift.len(), 2);
        assert!(difference.changes.iter().all(|c| c.desired.is_none()));
    }

    #[test]
    fn a_started_schedule_is_frozen() {
        let (was, wanted) = (flow(&json!(1), &json!(100)), flow(&json!(1), &json!(200)));
        let forced = |started| {
            compare(Kind::Dataflow, &wanted, Some(&was), &was, started).changes[0].forces_replacement
        };
        assert!(forced(true) && !forced(false));
    }

    #[test]
    fn secrets_are_compared_by_fingerprint_only() {
        let body = |f: Option<&str>| {
            let leaf = Leaf::Secret { source: None, fingerprint: f.map(str::to_owned) }.to_value();
            json!({ "auth": { "params": { "accessToken": leaf } } })
        };
        let seen = json!({ "auth": { "params": { "accessToken": "shown by mistake" } } });
        let count =
            |a: Option<&Body>, d: &Body| compare(Kind::BaseConnection, d, a, &seen, false).changes.len();
        assert_eq!(count(Some(&body(Some("1"))), &body(Some("1"))), 0);
        assert_eq!(count(Some(&body(Some("1"))), &body(Some("2"))), 1);
        assert_eq!(count(None, &body(Some("2"))), 1);
        let unresolved = compare(Kind::BaseConnection, &body(None), Some(&body(Some("1"))), &seen, false);
        assert_eq!(unresolved.unknown_secrets, ["/auth/params/accessToken"]);
    }
}
