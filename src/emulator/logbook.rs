//! One JSON line for every request, for a person who wants to see what a client did.
//!
//! Never a bearer token, never a secret: what may be one is masked before it is written.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::clock;
use super::message::Request;
use super::store::private;

/// The file of requests, if there is one.
pub(super) struct Logbook {
    file: Option<Mutex<File>>,
    next: AtomicU64,
}

const MASK: &str = "***";

impl Logbook {
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = match path {
            None => None,
            Some(path) => {
                if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                    std::fs::create_dir_all(parent)?;
                }
                Some(Mutex::new(private().create(true).append(true).open(path)?))
            }
        };
        Ok(Self { file, next: AtomicU64::new(1) })
    }

    /// `status` is what was sent, or 0 for no answer at all.
    pub(super) fn write(&self, request: &Request, status: u16, fault: Option<&str>) {
        let Some(file) = &self.file else { return };
        let line = line(self.next.fetch_add(1, Ordering::Relaxed), request, status, fault);
        // A log that cannot be written must not take the emulator down.
        if let Ok(mut file) = file.lock() {
            let _ = writeln!(file, "{line}");
        }
    }
}

fn line(number: u64, request: &Request, status: u16, fault: Option<&str>) -> Value {
    let query: Vec<String> = request
        .query
        .iter()
        .map(|(key, value)| format!("{key}={}", if secret_name(key) { MASK } else { value }))
        .collect();
    let ims = request.path.starts_with("/ims");
    let body =
        if ims { Value::Null } else { serde_json::from_slice(&request.body).map(masked).unwrap_or_default() };
    json!({
        "n": number,
        "time": clock::rfc3339(clock::now_ms()),
        "method": request.method,
        "path": request.path,
        "query": query.join("&"),
        "if-match": request.header("if-match"),
        "sandbox": request.header("x-sandbox-name"),
        "org": request.header("x-gw-ims-org-id"),
        "api-key": request.header("x-api-key"),
        "bytes": request.body.len(),
        "body": body,
        "status": status,
        "fault": fault,
    })
}

fn secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "token", "password", "authorization", "apikey", "credential"]
        .iter()
        .any(|part| name.contains(part))
        && name != "continuationtoken"
}

/// All scalars below `auth`, those with a telling name, and values of patches below `/auth`.
fn masked(body: Value) -> Value {
    match body {
        Value::Object(object) => {
            let auth =
                object.get("path").and_then(Value::as_str).is_some_and(|path| path.starts_with("/auth"));
            Value::Object(
                object
                    .into_iter()
                    .map(|(key, value)| {
                        let value = if key == "params" && value.is_object() || auth && key == "value" {
                            conceal(value)
                        } else if secret_name(&key) && !value.is_object() && !value.is_array() {
                            json!(MASK)
                        } else {
                            masked(value)
                        };
                        (key, value)
                    })
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(masked).collect()),
        other => other,
    }
}

/// Members of `params`: only what is known to be harmless stays.
fn conceal(value: Value) -> Value {
    const HARMLESS: &[&str] = &["subdomain", "host", "dataSetId", "mappingId", "mappingVersion", "specName"];
    match value {
        Value::Object(object) => Value::Object(
            object
                .into_iter()
                .map(|(key, value)| {
                    let value = if HARMLESS.contains(&key.as_str()) { value } else { conceal(value) };
                    (key, value)
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(conceal).collect()),
        Value::Null => Value::Null,
        _ => json!(MASK),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_reaches_the_log() {
        let body = json!({"name": "n", "auth": {"specName": "s", "params": {
            "subdomain": "https://x", "accessToken": "S3CRET", "other": "S3CRET"}}});
        let request = Request {
            method: "POST".to_owned(),
            path: "/data/x".to_owned(),
            query: vec![
                ("client_secret".to_owned(), "S3CRET".to_owned()),
                ("limit".to_owned(), "5".to_owned()),
            ],
            headers: vec![("authorization".to_owned(), "Bearer S3CRET".to_owned())],
            body: body.to_string().into_bytes(),
        };
        let text = line(1, &request, 201, None).to_string();
        assert!(!text.contains("S3CRET"), "{text}");
        assert!(text.contains("https://x") && text.contains("limit=5"));
        let patch = json!([{"op": "replace", "path": "/auth/params/accessToken", "value": "S3CRET"},
            {"op": "replace", "path": "/auth", "value": {"params": {"accessToken": "S3CRET"}}},
            {"op": "replace", "path": "/name", "value": "kept"}]);
        let text = masked(patch).to_string();
        assert!(!text.contains("S3CRET") && text.contains("kept"), "{text}");
    }
}
