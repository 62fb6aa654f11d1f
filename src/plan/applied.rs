//! What the state keeps of a body that was sent. Decides nothing.

use serde_json::{Map, Value};

use super::FieldChange;
use super::same::respelled;
use crate::kind::{Body, Leaf, leaf, map_leaves, unescape_pointer};

/// What the state keeps of a body: no secret's source, no moment that was never fixed. A secret that was not resolved,
/// and so not sent, keeps the fingerprint that `previous` has in its place.
pub(crate) fn as_applied(body: &Body, previous: Option<&Body>) -> Body {
    fn walk(value: &Value, previous: Option<&Value>) -> Option<Value> {
        match leaf(value) {
            Some(Leaf::Secret { fingerprint: None, .. }) => return previous.cloned(),
            Some(Leaf::Secret { fingerprint, .. }) => {
                return Some(Leaf::Secret { source: None, fingerprint }.to_value());
            }
            Some(Leaf::Soon(_)) => return None,
            Some(Leaf::Id(_) | Leaf::Version(_)) | None => {}
        }
        match value {
            Value::Object(members) => {
                let kept = members.iter().filter_map(|(name, member)| {
                    Some((name.clone(), walk(member, previous.and_then(|p| p.get(name)))?))
                });
                Some(Value::Object(kept.collect()))
            }
            other => Some(other.clone()),
        }
    }
    walk(body, previous).unwrap_or_default()
}

/// What the state keeps when it takes over what the platform has: these fields as observed, in the types that were sent,
/// all others as they were.
pub(super) fn accept(applied: &Body, drift: &[FieldChange]) -> Body {
    let mut accepted = applied.clone();
    for field in drift {
        let observed = field.observed.as_ref().map(|seen| respelled(field.applied.as_ref(), seen));
        put(&mut accepted, &field.path, observed);
    }
    accepted
}

/// Puts a value where a JSON Pointer says, making the objects on the way; nothing takes away what is there.
pub(crate) fn put(body: &mut Value, pointer: &str, value: Option<Value>) {
    let mut tokens = pointer.split('/').skip(1).map(unescape_pointer).peekable();
    let mut at = body;
    while let Some(token) = tokens.next() {
        if !at.is_object() || leaf(at).is_some() {
            if value.is_none() {
                return;
            }
            *at = Value::Object(Map::new());
        }
        let Some(members) = at.as_object_mut() else { return };
        if tokens.peek().is_none() {
            match value {
                Some(value) => members.insert(token, value),
                None => members.shift_remove(&token),
            };
            return;
        }
        if value.is_none() && !members.contains_key(&token) {
            return;
        }
        at = members.entry(token).or_insert_with(|| Value::Object(Map::new()));
    }
}

/// What the state keeps of a body whose secrets were not sent.
pub(crate) fn without_secrets(body: &Body) -> Body {
    let unsent = Leaf::Secret { source: None, fingerprint: None }.to_value();
    let hidden = map_leaves(body, &mut |leaf| matches!(leaf, Leaf::Secret { .. }).then(|| unsent.clone()));
    as_applied(&hidden, None)
}

/// What the state keeps of a body whose secrets were not sent because the object has its own: those are taken for the
/// wanted ones. One that is not at hand stays marked as somebody else's, without a fingerprint.
pub(crate) fn with_own_secrets(body: &Body) -> Body {
    let own = map_leaves(body, &mut |leaf| match leaf {
        Leaf::Secret { fingerprint, .. } => {
            Some(Leaf::Secret { source: None, fingerprint: fingerprint.clone() }.to_value())
        }
        Leaf::Id(_) | Leaf::Version(_) | Leaf::Soon(_) => None,
    });
    as_applied(&own, Some(&own))
}
