//! Bodies: JSON in the platform's field names, with leaves where a value is another object's, or secret.
//!
//! A leaf is an object with one key beginning with `$`; the manifest refuses such keys, so none can be forged.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Address;

/// A canonical body.
pub type Body = Value;

/// Where a secret's value comes from. Never the value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretSource {
    /// An environment variable.
    FromEnv(String),
    /// A file, its last line break dropped. As a path from where the program runs, or from the home folder (`~/`).
    FromFile(String),
    /// What a command prints on stdout, its last line break dropped: program and arguments, run without a shell.
    FromCommand(Vec<String>),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FromEnv(name) => write!(f, "of the environment variable {name}"),
            Self::FromFile(path) => write!(f, "of the file {path}"),
            Self::FromCommand(command) => write!(f, "of the command {}", command.join(" ")),
        }
    }
}

/// A value in a body that is not plain JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leaf {
    /// The id that another object has, or will have.
    #[serde(rename = "$id")]
    Id(Address),
    /// The version that another object has, or will have (mapping sets).
    #[serde(rename = "$version")]
    Version(Address),
    /// A moment this many seconds after the request is sent; never compared with anything.
    #[serde(rename = "$soon")]
    Soon(u32),
    /// A secret.
    #[serde(rename = "$secret")]
    Secret {
        /// Where to get it; absent in what the state keeps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<SecretSource>,
        /// Keyed fingerprint of the value, once it was resolved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<String>,
    },
}

impl Leaf {
    /// The leaf as a JSON value.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

/// The leaf that `value` is, if it is one.
pub fn leaf(value: &Value) -> Option<Leaf> {
    let object = value.as_object()?;
    if object.len() != 1 || !object.keys().all(|k| k.starts_with('$')) {
        return None;
    }
    serde_json::from_value(value.clone()).ok()
}

/// `body` with every leaf replaced by what `with` says; `None` keeps it.
pub fn map_leaves(body: &Value, with: &mut dyn FnMut(&Leaf) -> Option<Value>) -> Value {
    if let Some(leaf) = leaf(body) {
        return with(&leaf).unwrap_or_else(|| body.clone());
    }
    match body {
        Value::Object(members) => Value::Object(
            members.iter().map(|(k, v)| (k.clone(), map_leaves(v, with))).collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(|v| map_leaves(v, with)).collect()),
        other => other.clone(),
    }
}

/// Calls `with` for every leaf of `body`.
pub fn visit_leaves(body: &Value, with: &mut dyn FnMut(&Leaf)) {
    map_leaves(body, &mut |leaf| {
        with(leaf);
        None
    });
}
