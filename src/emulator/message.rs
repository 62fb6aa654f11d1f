//! One request and one answer as plain data, and the error bodies the platform is documented to send.
//!
//! Owns the shapes of platform-api.md 1.4; knows nothing of any kind and nothing of sockets.

use serde_json::{Value, json};

/// A request after its body has arrived.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// As sent, still percent-encoded.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    /// Names in lower case; a value that is not UTF-8 is left out.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a query parameter.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        // Adobe's Python client sends `True`.
        self.query(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The path cut at its slashes, each part decoded: a schema id is itself a URL, sent encoded.
    pub(super) fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|part| !part.is_empty()).map(decode).collect()
    }
}

/// Percent-decoding that replaces what is not UTF-8.
pub(super) fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// `a=1&b=2` of a query string or a form body, in order, repetitions kept.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(&key.replace('+', " ")), decode(&value.replace('+', " ")))
        })
        .collect()
}

/// What an answer carries.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Empty,
    Json(Value),
    Html(&'static str),
}

/// An answer before it is written to the socket.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content: Content,
}

/// A refusal. Boxed, because it travels through `?` everywhere.
#[derive(Debug)]
pub(super) struct Refusal(Box<Reply>);

/// What a handler gives back.
pub(super) type Answer = Result<Reply, Refusal>;

impl From<Reply> for Refusal {
    fn from(reply: Reply) -> Self {
        Self(Box::new(reply))
    }
}

/// An answer is an answer on the wire, whether it agrees or refuses.
pub(super) fn settle(answer: Answer) -> Reply {
    answer.unwrap_or_else(|refusal| *refusal.0)
}

impl Reply {
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), content: Content::Json(body) }
    }

    pub(super) fn ok(body: Value) -> Self {
        Self::json(200, body)
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), content: Content::Empty }
    }

    pub(super) fn html(status: u16, page: &'static str) -> Self {
        Self { status, headers: Vec::new(), content: Content::Html(page) }
    }

    pub(super) fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }

    /// Puts the request id where each service is documented to show it (platform-api.md 1.7).
    pub(super) fn stamp(mut self, request_id: &str) -> Self {
        if let Content::Json(body) = &mut self.content
            && let Some(report) = body.get_mut("report").and_then(Value::as_object_mut)
        {
            for key in ["request-id", "registryRequestId"] {
                if let Some(slot) = report.get_mut(key) {
                    *slot = Value::from(request_id);
                }
            }
        }
        self.with("x-request-id", request_id)
    }
}

/// Shape A: the gateway speaks before any service does.
pub(super) fn gateway(status: u16, code: &str, message: &str) -> Refusal {
    Reply::json(status, json!({ "error_code": code, "message": message })).into()
}

/// Shape B with a code of Flow Service's own list, such as `1404-412`; the last part is the status.
pub(super) fn flow(code: &str, message: impl Into<String>) -> Refusal {
    shape_b("FLOW", code, title_of(code), message, Value::Null, Value::Null)
}

/// Shape B about one object, as `report` shows it in the access label guide.
pub(super) fn flow_object(code: &str, resource: &str, id: &str, message: impl Into<String>) -> Refusal {
    shape_b("FLOW", code, title_of(code), message, Value::from(id), Value::from(resource))
}

/// Shape B with a code of the sources list. Its prefix is inferred (platform-api.md 2.10).
pub(super) fn sources(code: &str, message: impl Into<String>) -> Refusal {
    shape_b("CONNECTOR", code, "Bad Request", message, Value::Null, Value::Null)
}

/// Titles as printed in Adobe's list of Flow Service errors.
fn title_of(code: &str) -> &'static str {
    match code {
        "1101-404" | "1439-400" | "1439-404" => "Resource not found",
        "1102-500" | "1400-500" => "Internal Error",
        "1403-400" | "2105-400" => "Header is missing",
        "1404-412" => "Version not matching",
        "2100-404" | "2101-404" | "2103-404" => "Sandbox not found",
        "2110-400" => "Headers not allowed",
        "2118-403" => "Missing permission",
        "2120-403" | "2121-403" => "Forbidden",
        _ => "Invalid request",
    }
}

fn shape_b(
    prefix: &str,
    code: &str,
    title: &str,
    message: impl Into<String>,
    id: Value,
    resource: Value,
) -> Refusal {
    let message = message.into();
    let status = status_of(code);
    let mut report = json!({ "detailed-message": message, "request-id": "" });
    if let Some(report) = report.as_object_mut() {
        if !id.is_null() {
            report.insert("id".to_owned(), id);
        }
        if !resource.is_null() {
            report.insert("type".to_owned(), resource);
        }
    }
    Reply::json(
        status,
        json!({
            "type": format!("https://ns.adobe.com/aep/errors/{prefix}-{code}"),
            "title": title,
            "status": status,
            "report": report,
            "errorMessage": message,
            "errorDetails": message,
        }),
    )
    .into()
}

fn status_of(code: &str) -> u16 {
    code.rsplit_once('-').and_then(|(_, status)| status.parse().ok()).unwrap_or(400)
}

/// Shape D, Schema Registry: `1521-400` becomes `XDM-1521-400`.
pub(super) fn registry(code: &str, title: &str, detail: impl Into<String>) -> Refusal {
    let detail = detail.into();
    let status = status_of(code);
    Reply::json(
        status,
        json!({
            "type": format!("http://ns.adobe.com/aep/errors/XDM-{code}"),
            "title": title,
            "status": status,
            "report": {
                "registryRequestId": "",
                "timestamp": super::clock::registry_time(),
                "detailed-message": detail,
                "sub-errors": [],
            },
            "detail": detail,
        }),
    )
    .into()
}

/// Shape E, the older generic one; used for Data Prep and Catalog, whose own is not documented.
pub(super) fn generic(status: u16, title: &str, detail: impl Into<String>) -> Refusal {
    Reply::json(
        status,
        json!({ "type": "/placeholder/type/uri", "status": status, "title": title, "detail": detail.into() }),
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_error_has_the_documented_shape() {
        let reply = settle(Err(flow("1404-412", "no match"))).stamp("R1");
        assert_eq!(reply.status, 412);
        let Content::Json(body) = reply.content else { panic!("no body") };
        assert_eq!(body["type"], "https://ns.adobe.com/aep/errors/FLOW-1404-412");
        assert_eq!(body["report"]["request-id"], "R1");
        assert_eq!(body["errorMessage"], "no match");
    }

    #[test]
    fn query_pairs_keep_order_repetition_and_odd_bytes() {
        let got = pairs("property=a%3D%3Db&property=c==d&x&orderby=%2Bname&y=%ff");
        assert_eq!(got[0], ("property".to_owned(), "a==b".to_owned()));
        assert_eq!(got[1], ("property".to_owned(), "c==d".to_owned()));
        assert_eq!(got[2], ("x".to_owned(), String::new()));
        assert_eq!(got[3].1, "+name");
        assert_eq!(got[4].1, "\u{fffd}");
    }
}
