//! What can go wrong between us and the platform: [`Error`] when there was no usable answer, [`Problem`] for what an
//! answer that reports a failure says.
//!
//! Knows neither how requests are sent (`transport`) nor which failures an operation can live with (`kind`, `apply`).
//! Texts from outside are cleaned of secrets by whoever constructs these values; here they are made to fit one line.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::wire::{Method, Reply};

/// Longest text taken over from an answer, in bytes (platform-api.md 1.4).
const TEXT_LIMIT: usize = 500;

/// Links of the HTTP library that say nothing beyond our own message.
const WRAPPING: [&str; 2] = ["error sending request", "client error ("];

/// Sub-errors nest the same shape; no real one was seen deeper than two.
const DEPTH_LIMIT: usize = 4;

/// Sub-errors taken over from one level.
const BREADTH_LIMIT: usize = 20;

/// Which request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The verb.
    pub method: Method,
    /// Path from the host's root, without the query.
    pub path: String,
    /// How many times it was sent, or tried to be sent.
    pub attempts: u32,
    /// Whether any of these may have had its effect.
    pub maybe_acted: bool,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if self.attempts > 1 { write!(f, " ({} attempts)", self.attempts) } else { Ok(()) }
    }
}

/// A foreign error kept as text, link by link, with secrets already taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    text: String,
    next: Option<Box<Cause>>,
}

impl Cause {
    /// Copies `error` and its sources through `clean`. A link that the one before it quotes, or that only wraps, is
    /// left out.
    pub(super) fn of(error: &(dyn std::error::Error + 'static), clean: &dyn Fn(&str) -> String) -> Self {
        let mut texts: Vec<String> = Vec::new();
        let mut link = Some(error);
        while let Some(this) = link {
            let text = one_line(&clean(&this.to_string()), TEXT_LIMIT);
            link = this.source();
            let wrapping = WRAPPING.iter().any(|start| text.starts_with(start)) && link.is_some();
            if !wrapping && !texts.last().is_some_and(|last| last.contains(&text)) {
                texts.push(text);
            }
        }
        let mut texts = texts.into_iter().rev();
        let innermost = Self { text: texts.next().unwrap_or_default(), next: None };
        texts.fold(innermost, |next, text| Self { text, next: Some(Box::new(next)) })
    }

    /// A cause of our own wording.
    pub(super) fn text(text: &str) -> Self {
        Self { text: text.to_owned(), next: None }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.next.as_deref().map(|next| next as _)
    }
}

/// No usable answer. Messages do not repeat their sources: print the chain.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// Something handed to the client cannot be used; nothing was sent.
    #[error("{name} cannot be used: {reason}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// Why not. Never the value where that may be secret.
        reason: String,
    },
    /// A call whose path or etag cannot be put on the wire as it is; nothing was sent.
    #[error("{at}: {reason}")]
    BadCall {
        /// The request.
        at: At,
        /// Why not.
        reason: String,
    },
    /// No connection: unknown host, refused, connect timeout.
    #[error("{at}: cannot connect to {host}")]
    Connect {
        /// The request.
        at: At,
        /// Host and port.
        host: String,
        /// What the system said.
        #[source]
        cause: Cause,
    },
    /// No TLS connection, mostly because the certificate was not accepted.
    #[error("{at}: no trusted TLS connection to {host}")]
    Tls {
        /// The request.
        at: At,
        /// Host and port.
        host: String,
        /// What was wrong.
        #[source]
        cause: Cause,
    },
    /// Sent, but no complete answer in time.
    #[error("{at}: no complete answer within {} s", .limit.as_secs_f32())]
    Timeout {
        /// The request.
        at: At,
        /// The time limit of one try.
        limit: Duration,
    },
    /// Sent, then the connection broke or the answer was cut off.
    #[error("{at}: the connection broke before the answer was complete")]
    Interrupted {
        /// The request.
        at: At,
        /// What was noticed.
        #[source]
        cause: Cause,
    },
    /// Success was reported, but the answer is not JSON: something between us and the platform answered.
    #[error("{at}: the answer (HTTP {status}) is not JSON: {excerpt}")]
    NotJson {
        /// The request.
        at: At,
        /// HTTP status.
        status: u16,
        /// The page's title or its first words.
        excerpt: String,
    },
    /// The answer is larger than is read.
    #[error("{at}: the answer has more than {limit} {unit}")]
    TooLarge {
        /// The request.
        at: At,
        /// What is read at most, after decompression.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// The token or the credential behind it was refused.
    #[error("{at}: not authorised: {problem}")]
    Auth {
        /// The request: the token request, or the call that the token was refused for.
        at: At,
        /// What the answer said.
        problem: Box<Problem>,
        /// What to do now.
        advice: &'static str,
    },
    /// A credential file that is not one.
    #[error("not a usable credential file: {reason}")]
    Credentials {
        /// Why not. Never a value from the file.
        reason: String,
    },
}

impl Error {
    /// Whether the platform may have carried the request out: if so, look before sending it again.
    pub fn maybe_acted(&self) -> bool {
        self.at().is_some_and(|at| at.maybe_acted)
    }

    /// Which request it was; `None` for mistakes found before there was one.
    pub fn at(&self) -> Option<&At> {
        match self {
            Self::Setting { .. } | Self::Credentials { .. } => None,
            Self::BadCall { at, .. }
            | Self::Connect { at, .. }
            | Self::Tls { at, .. }
            | Self::Timeout { at, .. }
            | Self::Interrupted { at, .. }
            | Self::NotJson { at, .. }
            | Self::TooLarge { at, .. }
            | Self::Auth { at, .. } => Some(at),
        }
    }

    /// The same error, for a call of which an earlier try may have had its effect: a failed renewal of the token does
    /// not make that undone.
    pub(super) fn after(mut self, maybe_acted: bool) -> Self {
        match &mut self {
            Self::Setting { .. } | Self::Credentials { .. } => {}
            Self::BadCall { at, .. }
            | Self::Connect { at, .. }
            | Self::Tls { at, .. }
            | Self::Timeout { at, .. }
            | Self::Interrupted { at, .. }
            | Self::NotJson { at, .. }
            | Self::TooLarge { at, .. }
            | Self::Auth { at, .. } => at.maybe_acted = maybe_acted,
        }
        self
    }

    /// What to do now, in one line.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Setting { .. } | Self::BadCall { .. } => return None,
            Self::Connect { .. } => {
                "check the host name, the network, and the proxy variables (HTTPS_PROXY, NO_PROXY)"
            }
            Self::Tls { .. } => {
                "if a proxy opens TLS connections here, hand its CA certificate in as a PEM file"
            }
            Self::Timeout { .. } | Self::Interrupted { .. } if self.maybe_acted() => {
                "the platform may have acted all the same: run again, what exists is looked up first"
            }
            Self::Timeout { .. } | Self::Interrupted { .. } => "run again later",
            Self::NotJson { .. } => {
                "something other than the platform answered, such as a proxy's login page: check the gateway's URL"
            }
            Self::TooLarge { .. } => "check that the gateway's URL points to the platform",
            // Of a refused token, what kind of token it was says more than the code.
            Self::Auth { problem, advice, .. } if problem.code.as_deref() == Some("401013") => advice,
            Self::Auth { problem, advice, .. } => problem.hint().unwrap_or(advice),
            Self::Credentials { .. } => {
                "download the OAuth Server-to-Server credential as JSON from Adobe's developer console"
            }
        })
    }
}

/// A failure as the platform reports it: one form for the six shapes of platform-api.md 1.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status of the answer; in a sub-error its own, where it has one.
    pub status: u16,
    /// As the service writes it, with its prefix (`FLOW-1404-412`, `403010`, `invalid_client`): services reuse each
    /// other's numbers (platform-api.md 2.10).
    pub code: Option<String>,
    /// One line, at most 500 bytes and a few.
    pub message: String,
    /// What Adobe's support asks for.
    pub request_id: Option<String>,
    /// What the answer lists beneath (`sub-errors`).
    pub details: Vec<Problem>,
}

impl Problem {
    /// Reads what an unsuccessful answer says.
    pub fn of(reply: &Reply) -> Self {
        let mut problem = match &reply.body {
            Value::Object(_) => Self::decode(&reply.body, reply.status, DEPTH_LIMIT),
            Value::String(text) => Self::bare(reply.status, page_text(text)),
            Value::Null => Self::bare(reply.status, String::new()),
            other => Self::bare(reply.status, one_line(&other.to_string(), TEXT_LIMIT)),
        };
        problem.status = reply.status;
        problem.request_id =
            reply.request_id.clone().or(problem.request_id).map(|id| one_line(&id, TEXT_LIMIT));
        if problem.message.is_empty() {
            problem.message = match redirected_to(reply) {
                Some(host) => format!("redirected to {host}, which is not followed"),
                None => reason_phrase(reply.status).to_owned(),
            };
        }
        if reply.status == 413 && reply.sent > 0 {
            problem.message = format!("{} (the request's body has {} bytes)", problem.message, reply.sent);
        }
        problem
    }

    fn bare(status: u16, message: String) -> Self {
        Self { status, code: None, message, request_id: None, details: Vec::new() }
    }

    fn decode(body: &Value, outer_status: u16, depth: usize) -> Self {
        let report = &body["report"];
        // The order is platform-api.md 1.4's.
        let message = text(&report["detailed-message"])
            .or_else(|| text(&body["detail"]))
            .or_else(|| text(&body["errorMessage"]))
            .or_else(|| text(&body["message"]))
            .or_else(|| text(&body["error_description"]))
            .or_else(|| text(&body["title"]))
            .unwrap_or_else(|| one_line(&body.to_string(), TEXT_LIMIT));
        let details = [report, body].into_iter().find_map(|holder| holder["sub-errors"].as_array());
        Self {
            status: status_of(&body["status"]).unwrap_or(outer_status),
            code: code_of(body),
            message,
            request_id: request_id(body),
            details: match details {
                Some(list) if depth > 0 => list
                    .iter()
                    .filter(|sub| sub.is_object())
                    .take(BREADTH_LIMIT)
                    .map(|sub| Self::decode(sub, outer_status, depth - 1))
                    .collect(),
                _ => Vec::new(),
            },
        }
    }

    /// What to do now, in one line, where the code is a known one, or the status says enough.
    pub fn hint(&self) -> Option<&'static str> {
        self.code.as_deref().and_then(known).or_else(|| by_status(self.status))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(code) = &self.code {
            write!(f, "{code}: ")?;
        }
        write!(f, "{} (HTTP {}", self.message, self.status)?;
        if let Some(id) = &self.request_id {
            write!(f, ", request id {id}")?;
        }
        f.write_str(")")
    }
}

/// What to do now about a status that says by itself what was wrong with a request.
fn by_status(status: u16) -> Option<&'static str> {
    Some(match status {
        101 | 300..=399 => {
            "the platform does not redirect: check the gateway's URL, and what stands before it"
        }
        405 | 406 | 415 | 426 | 501 | 505 => {
            "the platform takes such requests: something before it, such as a proxy, may not; check the gateway's URL"
        }
        407 => "the proxy wants a user name and a password: write them into the proxy variable (HTTPS_PROXY)",
        413 => {
            "the platform, or a proxy before it, takes no request of this size: make the object smaller, such as a mapping \
             of fewer fields or shorter texts, or have the proxy's limit raised"
        }
        414 => {
            "the request's address is too long: give the object a shorter name, or have the proxy's limit raised"
        }
        422 => "the platform does not take a value as it is: correct it in the manifest",
        431 => {
            "the request's headers are too large, most often for the access token: use a credential with fewer scopes"
        }
        511 => "the network wants you to sign in first: open its login page, then run again",
        _ => return None,
    })
}

/// What to do now about a code. Gateway codes from the platform's troubleshooting guide, the others from Flow Service's
/// list, which prints them without the `FLOW-` that answers carry. Another service's prefix means another meaning.
pub fn known(code: &str) -> Option<&'static str> {
    Some(match code.strip_prefix("FLOW-").unwrap_or(code) {
        "400003" => "the organisation id is missing: set platform.org (XXXX@AdobeOrg)",
        "401013" => "the access token is not valid or has expired: get a new one",
        "403000" => "the client id is missing: it is sent as the API key",
        "403003" => "the client id is not a valid API key: compare it with the developer console's",
        "403010" => "the access token is missing: hand one in, or a client secret to get one with",
        "403025" => {
            "the credential has no access to this organisation: check platform.org and the credential's project"
        }
        "403027" => {
            "check platform.org, and that an Experience Platform product profile is assigned to the credential"
        }
        "429050" => "too many requests: run again later, or with fewer requests in flight",
        "2000-401" | "2001-401" | "2002-401" => {
            "check platform.org (XXXX@AdobeOrg) and that the token belongs to that organisation"
        }
        "2100-404" | "2101-404" | "2102-404" | "2103-404" => {
            "check platform.sandbox: its name, that it is active, and that the credential may use it"
        }
        "2105-400" => "the sandbox name is missing: set platform.sandbox",
        "2110-400" => "sandboxes are named, not given by id: set platform.sandbox to the name",
        "2118-403" | "2120-403" | "2121-403" => {
            "give the credential's role the permission to manage sources in this sandbox, and the labels of the object"
        }
        "1101-404" | "1439-404" => "the object is gone, or an access label hides it from this credential",
        "1404-412" => "somebody changed the object since: run plan again",
        "1418-400" | "1447-400" => "another object still uses it: remove that one first",
        "1445-400" => "this connector's connections cannot be changed in place: replace the object",
        "invalid_client" => {
            "IMS refuses the client id or the client secret: compare both with the developer console's"
        }
        "invalid_scope" => {
            "IMS refuses the scopes: use those that the developer console lists for the credential"
        }
        _ => return None,
    })
}

/// The id that support asks for, where the body holds one: `report.request-id` (Flow Service) or
/// `report.registryRequestId` (Schema Registry).
pub(super) fn request_id(body: &Value) -> Option<String> {
    let report = &body["report"];
    text(&report["request-id"]).or_else(|| text(&report["registryRequestId"]))
}

fn code_of(body: &Value) -> Option<String> {
    // A type without a digit is no code but a placeholder (`/placeholder/type/uri`, `about:blank`).
    let from_type = text(&body["type"])
        .and_then(|kind| kind.rsplit('/').next().map(str::to_owned))
        .filter(|code| code.contains(|c: char| c.is_ascii_digit()));
    let scalar = |value: &Value| text(value).or_else(|| value.as_u64().map(|n| n.to_string()));
    from_type
        .or_else(|| scalar(&body["error_code"]))
        .or_else(|| scalar(&body["code"]))
        .or_else(|| scalar(&body["error"]))
}

/// `404`, `"404"`; `None` for `"NOT_FOUND"` (dataset labels, platform-api.md 1.4 F).
fn status_of(value: &Value) -> Option<u16> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|n| u16::try_from(n).ok()),
        Value::String(digits) => digits.trim().parse().ok(),
        _ => None,
    }
}

/// A string that says something, on one line.
fn text(value: &Value) -> Option<String> {
    value.as_str().map(|raw| one_line(raw, TEXT_LIMIT)).filter(|line| !line.is_empty())
}

/// White space and control characters (an answer must not move the cursor) become single spaces; cut at `limit` bytes.
fn one_line(raw: &str, limit: usize) -> String {
    let mut line = String::new();
    for word in raw.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > limit {
            let end = (0..=limit).rev().find(|&at| line.is_char_boundary(at)).unwrap_or_default();
            line.truncate(end);
            line.push('…');
            break;
        }
    }
    line
}

/// The title of an HTML page, else its first words; other text as it is.
pub(super) fn page_text(raw: &str) -> String {
    if !raw.trim_start().starts_with('<') {
        return one_line(raw, TEXT_LIMIT);
    }
    // ASCII lower case keeps every byte offset.
    let lower = raw.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|tag| {
        let start = tag + lower[tag..].find('>')? + 1;
        let end = start + lower[start..].find("</title")?;
        Some(one_line(&raw[start..end], TEXT_LIMIT))
    });
    title.filter(|title| !title.is_empty()).unwrap_or_else(|| {
        let words: Vec<&str> =
            raw.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, words)| words).collect();
        one_line(&words.join(" "), TEXT_LIMIT / 2)
    })
}

/// Scheme and host alone: the rest of a redirect's target may carry secrets.
fn redirected_to(reply: &Reply) -> Option<String> {
    if !(300..400).contains(&reply.status) {
        return None;
    }
    let target = reqwest::Url::parse(reply.location.as_deref()?).ok()?;
    Some(format!("{}://{}", target.scheme(), target.host_str()?))
}

fn reason_phrase(status: u16) -> &'static str {
    reqwest::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("no explanation given")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reply(status: u16, body: Value) -> Reply {
        Reply { status, body, location: None, request_id: None, tries: 1, sent: 0 }
    }

    fn shown(status: u16, body: Value) -> String {
        Problem::of(&reply(status, body)).to_string()
    }

    #[test]
    fn the_six_shapes() {
        let gateway = json!({"error_code": "403010", "message": "Oauth token is missing."});
        assert_eq!(shown(403, gateway), "403010: Oauth token is missing. (HTTP 403)");

        let flow_service = json!({
            "type": "https://ns.adobe.com/aep/errors/FLOW-1439-404", "title": "Resource not found", "status": 404,
            "report": {"detailed-message": "The requested flows resource x is not found.", "id": "x",
                       "request-id": "r-1", "type": "flows"},
            "errorMessage": "same", "errorDetails": "same",
        });
        assert_eq!(
            shown(404, flow_service),
            "FLOW-1439-404: The requested flows resource x is not found. (HTTP 404, request id r-1)"
        );

        let mismatch = json!({"errorMessage": "Supplied version=[\"a200\"] does not match"});
        assert_eq!(shown(412, mismatch), "Supplied version=[\"a200\"] does not match (HTTP 412)");

        let registry = json!({
            "type": "http://ns.adobe.com/aep/errors/XDM-1521-400", "title": "Title not unique", "status": 400,
            "report": {"registryRequestId": "r-2", "detailed-message": "long", "sub-errors": [
                {"type": "http://ns.adobe.com/aep/errors/XDM-1000-400", "status": "409", "detail": "inner"}
            ]},
            "detail": "short",
        });
        let registry = Problem::of(&reply(400, registry));
        assert_eq!(registry.to_string(), "XDM-1521-400: long (HTTP 400, request id r-2)");
        assert_eq!(registry.details.len(), 1);
        assert_eq!(registry.details[0].to_string(), "XDM-1000-400: inner (HTTP 409)");

        let older = json!({"type": "/placeholder/type/uri", "status": 400, "title": "BadRequestError", "detail": "why"});
        assert_eq!(shown(400, older), "why (HTTP 400)");

        let labels =
            json!({"timestamp": "t", "status": "NOT_FOUND", "code": "PES-404", "message": "m", "path": "/p"});
        assert_eq!(shown(404, labels), "PES-404: m (HTTP 404)");

        let ims = json!({"error": "invalid_client", "error_description": "invalid client_secret parameter"});
        assert_eq!(shown(400, ims), "invalid_client: invalid client_secret parameter (HTTP 400)");
    }

    #[test]
    fn fields_are_taken_in_the_documented_order() {
        let messages = ["detail", "errorMessage", "message", "error_description", "title"];
        let mut body = json!({"report": {"detailed-message": "report"}});
        for name in messages {
            body[name] = json!(name);
        }
        assert_eq!(Problem::of(&reply(400, body.clone())).message, "report");
        body["report"] = Value::Null;
        for name in messages {
            assert_eq!(Problem::of(&reply(400, body.clone())).message, name);
            body[name] = json!(" ");
        }
        body =
            json!({"type": "https://x/errors/FLOW-1-400", "error_code": 400_003, "code": "c", "error": "e"});
        for (name, code) in [("type", "FLOW-1-400"), ("error_code", "400003"), ("code", "c"), ("error", "e")]
        {
            assert_eq!(Problem::of(&reply(400, body.clone())).code.as_deref(), Some(code));
            body[name] = Value::Null;
        }
        assert_eq!(Problem::of(&reply(400, body)).code, None);
    }

    #[test]
    fn the_header_is_the_first_request_id() {
        let body = json!({"report": {"request-id": "body"}, "title": "t"});
        let with_header = Reply { request_id: Some("header".to_owned()), ..reply(400, body) };
        assert_eq!(Problem::of(&with_header).request_id.as_deref(), Some("header"));
    }

    #[test]
    fn bodies_that_are_no_error_objects() {
        assert_eq!(shown(502, Value::Null), "Bad Gateway (HTTP 502)");
        assert_eq!(shown(599, json!("")), "no explanation given (HTTP 599)");
        assert_eq!(shown(500, json!(["a"])), "[\"a\"] (HTTP 500)");
        assert_eq!(shown(500, json!({"x": 1})), "{\"x\":1} (HTTP 500)");
        assert_eq!(shown(503, json!("upstream\r\n\u{1b}[31mdown")), "upstream [31mdown (HTTP 503)");
    }

    #[test]
    fn of_a_page_the_title_is_shown() {
        let page = "\n<!DOCTYPE html><HTML><head><TITLE lang=en>\n502 Bad\n Gateway</TITLE></head><body>ßtuff</body>";
        assert_eq!(shown(502, json!(page)), "502 Bad Gateway (HTTP 502)");
        assert_eq!(
            shown(500, json!("<html><body><h1>Oops</h1> it <b>broke</b>")),
            "Oops it broke (HTTP 500)"
        );
        assert_eq!(shown(500, json!("<title")), "Internal Server Error (HTTP 500)");
        let long = format!("<p>{}</p>", "wörd ".repeat(10_000));
        assert!(shown(500, json!(long)).len() < 300);
    }

    #[test]
    fn hostile_bodies_stay_small() {
        let mut nested = json!({"title": "innermost"});
        for _ in 0..100 {
            nested = json!({"title": "t", "report": {"sub-errors": vec![nested; 1]}});
        }
        let mut depth = 0;
        let mut at = &Problem::of(&reply(400, nested));
        while let Some(next) = at.details.first() {
            (depth, at) = (depth + 1, next);
        }
        assert_eq!(depth, DEPTH_LIMIT);

        let wide = json!({"title": "x".repeat(9_000), "sub-errors": vec![json!({"title": "s"}); 5_000]});
        let wide = Problem::of(&reply(400, wide));
        assert_eq!(wide.details.len(), BREADTH_LIMIT);
        assert!(wide.message.len() <= TEXT_LIMIT + "…".len());

        let odd = json!({"type": 7, "status": {}, "report": [1], "detail": 5, "title": "t", "error": ["e"]});
        assert_eq!(shown(400, odd), "t (HTTP 400)");
    }

    #[test]
    fn a_redirect_names_the_host_alone() {
        let to = Reply {
            location: Some("https://u:p@login.example/cb?token=abc".to_owned()),
            ..reply(302, Value::Null)
        };
        assert_eq!(
            Problem::of(&to).to_string(),
            "redirected to https://login.example, which is not followed (HTTP 302)"
        );
    }

    #[test]
    fn codes_are_known_by_service() {
        assert!(known("401013").is_some_and(|hint| hint.contains("token")));
        assert_eq!(known("FLOW-1404-412"), known("1404-412"));
        assert!(known("1404-412").is_some());
        assert_eq!(known("CONNECTOR-1404-412"), None, "the same number means something else there");
        assert_eq!(known("1403-400"), None, "two lists give this number two meanings");
        assert_eq!(known(""), None);
    }

    #[test]
    fn causes_do_not_repeat_each_other() {
        #[derive(Debug, thiserror::Error)]
        #[error("{0}")]
        struct Link(&'static str, #[source] Option<Box<Link>>);
        let chain = Link(
            "sending with s3cret failed",
            Some(Box::new(Link("s3cret failed", Some(Box::new(Link("reset", None)))))),
        );
        let cause = Cause::of(&chain, &|text| text.replace("s3cret", "***"));
        assert_eq!(cause.to_string(), "sending with *** failed");
        let source = std::error::Error::source(&cause).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("reset"));
    }
}
