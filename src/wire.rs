//! Requests and answers as plain data. No socket, no retry, no meaning: `kind` builds a [`Call`] and reads a [`Reply`],
//! `api` carries them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// HTTP methods the platform's services take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        })
    }
}

/// What sending a request twice would do, from which `api::retry` decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Safety {
    /// Changes nothing: may be sent again after any failure that another try could mend.
    Read,
    /// Changes something, but the second time has the effect of the first (conditional PATCH, DELETE).
    Repeatable,
    /// A second one makes a second object (POST), or overwrites blindly (PUT of a mapping set): sent again only where the
    /// platform certainly did not act; otherwise the caller must look first.
    Once,
}

/// An object's version tag, in the quoted form that `If-Match` wants (platform-api.md 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Etag(String);

impl Etag {
    /// From the `etag` (or `version`) field of a body. The field holds its own quotes; one documented example lacks
    /// them, so they are added to a text without any. Everything else stays as it came: a weak one (`W/"..."`) in quotes
    /// would be another one. No text becomes the wildcard `*`.
    pub fn from_body(text: &str) -> Self {
        let text = text.trim_matches([' ', '\t']);
        let is_weak = text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("W/"));
        if is_weak || text.contains('"') { Self(text.to_owned()) } else { Self(format!("\"{text}\"")) }
    }

    /// The header value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One request to the platform, without credentials and standard headers: those are `api`'s.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The verb.
    pub method: Method,
    /// Path from the gateway's root, every segment already percent-encoded.
    pub path: String,
    /// Query parameters, not encoded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// JSON body. May hold secrets: it is printed only by [`Debug`], which leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Sent as `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<Etag>,
    /// The form of the answer; plain JSON when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
    /// The form of the body; plain JSON when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// What a repetition would do.
    pub safety: Safety,
    /// Whether the answer holds records of customers: then no log shows it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub customer_data: bool,
}

impl Call {
    /// A read of `path`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path, Safety::Read)
    }

    /// Any call.
    pub fn new(method: Method, path: impl Into<String>, safety: Safety) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            if_match: None,
            accept: None,
            content_type: None,
            safety,
            customer_data: false,
        }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Sets the JSON body.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Asks for the answer in another form than plain JSON.
    #[must_use]
    pub fn accept(mut self, form: impl Into<String>) -> Self {
        self.accept = Some(form.into());
        self
    }

    /// Says that the body is in another form than plain JSON.
    #[must_use]
    pub fn content_type(mut self, form: impl Into<String>) -> Self {
        self.content_type = Some(form.into());
        self
    }

    /// Says that the answer holds records of customers.
    #[must_use]
    pub fn customer_data(mut self) -> Self {
        self.customer_data = true;
        self
    }

    /// Sets the precondition.
    #[must_use]
    pub fn if_match(mut self, etag: Etag) -> Self {
        self.if_match = Some(etag);
        self
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// An answer, whatever its status. That there was none is `api::Error`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body as JSON; `Null` when it was empty; a string when it was not JSON (an HTML page from a proxy).
    pub body: Value,
    /// The `Location` header, which creates of connections and flows carry.
    pub location: Option<String>,
    /// What support asks for: the `x-request-id` header, else `report.request-id`, else `report.registryRequestId`.
    pub request_id: Option<String>,
    /// How many times the request was sent; more than one means that an earlier try may have had an effect.
    pub tries: u32,
    /// How many bytes the request's body had.
    pub sent: usize,
}

impl Reply {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A path segment, safe whatever the id holds: nothing in it can start a new segment or a query.
pub fn segment(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, SEGMENT).to_string()
}

/// Everything but RFC 3986's unreserved characters.
const SEGMENT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_sent_quoted() {
        assert_eq!(Etag::from_body("\"a\"").as_str(), "\"a\"");
        assert_eq!(Etag::from_body("1400dd53").as_str(), "\"1400dd53\"");
        assert_eq!(Etag::from_body(" \"a\" ").as_str(), "\"a\"");
        assert_eq!(Etag::from_body("*").as_str(), "\"*\"", "which is no wildcard");
    }

    #[test]
    fn an_etag_with_quotes_or_a_weak_one_is_sent_as_it_came() {
        for text in ["W/\"a\"", "w/\"a\"", "W/a", "\"a", "a\"", "a\"b", "\"a\"b\"", "\"W/a\""] {
            assert_eq!(Etag::from_body(text).as_str(), text);
        }
    }

    #[test]
    fn an_id_cannot_leave_its_segment() {
        assert_eq!(segment("../a?b#c d"), "..%2Fa%3Fb%23c%20d");
    }

    #[test]
    fn debug_leaves_the_body_out() {
        let call = Call::get("/x").body(serde_json::json!({"accessToken": "tok"}));
        assert_eq!(format!("{call:?}"), "GET /x");
    }
}
