//! What a handler works with: the store, the switches, whose request it is. One per request.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::behaviour::Behaviour;
use super::clock;
use super::message::{Refusal, Request};
use super::store::{Kind, Realm, Record, Store};

/// One request in the hands of a service.
pub(super) struct Context<'a> {
    pub(super) store: &'a mut Store,
    pub(super) behaviour: &'a Behaviour,
    pub(super) request: &'a Request,
    pub(super) realm: Realm,
    /// The api key, which reads back as `createdClient`.
    pub(super) client: String,
    /// Epoch milliseconds, by the platform's clock.
    pub(super) now: i64,
}

impl Context<'_> {
    pub(super) fn get(&self, kind: Kind, id: &str) -> Option<&Record> {
        self.store.get(&self.realm, kind, id)
    }

    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = &Record> {
        self.store.all(&self.realm, kind)
    }

    pub(super) fn create(&mut self, kind: Kind, id: &str, body: Value) -> Record {
        self.store.create(&self.realm, kind, id, body)
    }

    pub(super) fn put(&mut self, kind: Kind, record: Record) {
        self.store.put(&self.realm, kind, record);
    }

    pub(super) fn delete(&mut self, kind: Kind, id: &str) {
        self.store.delete(&self.realm, kind, id);
    }

    /// The platform's clock, in seconds: schedules are judged by it.
    pub(super) fn schedule_now(&self) -> i64 {
        self.now / 1000
    }

    /// The body as a JSON object; `refuse` puts the reason into the service's own error shape.
    pub(super) fn object(&self, refuse: impl Fn(&str) -> Refusal) -> Result<Map<String, Value>, Refusal> {
        match self.json(&refuse)? {
            Value::Object(object) => Ok(object),
            _ => Err(refuse("The request body must be a JSON object.")),
        }
    }

    /// The body as JSON.
    pub(super) fn json(&self, refuse: impl Fn(&str) -> Refusal) -> Result<Value, Refusal> {
        if self.request.body.iter().all(u8::is_ascii_whitespace) {
            return Err(refuse(
                "The request body cannot be null or empty. Please provide a request body and try again.",
            ));
        }
        let body = serde_json::from_slice(&self.request.body)
            .map_err(|error| refuse(&format!("The request body is not valid JSON: {error}")))?;
        if shallow(&body) { Ok(body) } else { Err(refuse("The request body is nested too deeply.")) }
    }
}

/// Who made a technical account's changes: an opaque id that stays the same for a client.
pub(super) fn account(client: &str) -> String {
    format!("{}@techacct.adobe.com", clock::hex(&digest(client)[..12]).to_uppercase())
}

/// A sandbox's id: the same in every process.
pub(super) fn sandbox_id(realm: &Realm) -> String {
    stable_uuid(&format!("{}/{}", realm.org, realm.sandbox))
}

/// A UUID that depends on nothing but `text`.
pub(super) fn stable_uuid(text: &str) -> String {
    let hex = clock::hex(&digest(text));
    format!("{}-{}-4{}-9{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// SHA-256.
pub(super) fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// A non-empty string member.
pub(super) fn text<'a>(body: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    body.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

/// Whether a body can be written and read again: JSON readers stop at a depth, and patches could pass it.
pub(super) fn shallow(body: &Value) -> bool {
    fn within(value: &Value, left: u32) -> bool {
        left > 0
            && match value {
                Value::Object(object) => object.values().all(|value| within(value, left - 1)),
                Value::Array(items) => items.iter().all(|value| within(value, left - 1)),
                _ => true,
            }
    }
    within(body, 100)
}
