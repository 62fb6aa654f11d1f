//! The emulator's request log: what a client really sent.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::Contents;

/// One line of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Request {
    pub(crate) method: String,
    /// From the gateway's root.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) if_match: Option<String>,
    pub(crate) sandbox: Option<String>,
    pub(crate) org: Option<String>,
    pub(crate) api_key: Option<String>,
    /// With secrets masked.
    pub(crate) body: Value,
    /// 0: no answer, or half of one.
    pub(crate) status: u16,
    /// The fault that struck it.
    pub(crate) fault: Option<String>,
}

impl Request {
    /// Whether it asks for a token.
    pub(crate) fn is_login(&self) -> bool {
        self.path.starts_with("/ims/")
    }

    /// Whether it can change anything. A validation is a POST that changes nothing (platform-api.md 3.1).
    pub(crate) fn is_write(&self) -> bool {
        !self.is_login() && self.method != "GET" && self.within() != "/mappingSets/validate"
    }

    /// The path within its service: `/flows/ID`.
    pub(crate) fn within(&self) -> &str {
        let within = self.path.strip_prefix("/data/foundation/").and_then(|path| path.find('/'));
        within.map_or(&self.path, |at| &self.path["/data/foundation/".len() + at..])
    }

    /// The same from the collection on, whatever container it is in: `/schemas/ID`.
    pub(crate) fn object(&self) -> &str {
        self.within().strip_prefix("/tenant").unwrap_or_else(|| self.within())
    }
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

pub(super) fn read(path: &Path) -> Vec<Request> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The writes among `requests`: method, path, query; ids that `before` knows shown as `OLD`, others as `NEW`.
pub(crate) fn short(requests: &[Request], before: &Contents) -> Vec<String> {
    requests
        .iter()
        .filter(|r| r.is_write())
        .map(|r| {
            let parts: Vec<&str> = r.object().split('/').collect();
            let shown: Vec<&str> = parts
                .iter()
                .enumerate()
                .map(|(index, part)| match index {
                    2 if before.all().any(|object| object.id == decoded(part)) => "OLD",
                    2 => "NEW",
                    _ => part,
                })
                .collect();
            let query = if r.query.is_empty() { String::new() } else { format!("?{}", r.query) };
            format!("{} {}{query}", r.method, shown.join("/"))
        })
        .collect()
}

/// Creates that the platform may have carried out: (path, name).
pub(crate) fn created(requests: &[Request]) -> Vec<(String, String)> {
    requests
        .iter()
        .filter(|r| r.method == "POST" && r.is_write() && r.object().matches('/').count() == 1)
        .map(|r| {
            let name = r.body["name"].as_str().or(r.body["title"].as_str());
            (r.object().to_owned(), name.unwrap_or_default().to_owned())
        })
        .collect()
}
