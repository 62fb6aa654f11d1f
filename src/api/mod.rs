//! The only code that talks to the platform: a [`Call`] goes in, a [`Reply`] or an [`Error`] comes out.
//!
//! Owns credentials and standard headers (`auth`, here), the repetition of requests (`retry`, `transport`), and what
//! failures look like (`error`). Does not know what a call means, nor what to do when nobody can tell whether it took
//! effect: [`Error::maybe_acted`] says so, and the caller looks.
//! Invariants: TLS is always verified, redirects are never followed (they would carry the token elsewhere), a secret
//! is in no error and no log line.

mod auth;
pub mod credentials;
mod error;
pub mod retry;
mod transport;

#[cfg(test)]
mod stand_in;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH};

use crate::secret::{Redactor, Secret};
use crate::wire::{Call, Reply};

pub use self::auth::DEFAULT_SCOPES;
pub use self::error::{At, Cause, Error, Problem, known};
pub use self::transport::{ANSWER_LIMIT, Stats};

use self::auth::Auth;
use self::transport::{Progress, Request, Transport};

/// Adobe's production gateway.
pub const GATEWAY: &str = "https://platform.adobe.io";

/// Adobe's production identity service.
pub const IMS: &str = "https://ims-na1.adobelogin.com";

/// How requests are authorised.
#[derive(Clone, Debug)]
pub enum Credential {
    /// An access token from elsewhere. It cannot be renewed.
    Token(Secret),
    /// OAuth Server-to-Server: tokens are got, and renewed, with the client's secret.
    ClientSecret {
        /// The secret belonging to [`Settings::client_id`].
        secret: Secret,
        /// Comma-separated; [`DEFAULT_SCOPES`] where the manifest says nothing.
        scopes: String,
    },
}

/// By which proxies hosts are reached. Where none is named, the system's settings count, if it has any.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// URL of the one for `https`, with its user and password.
    pub https: Option<Secret>,
    /// URL of the one for `http`.
    pub http: Option<Secret>,
    /// Hosts, domains and address ranges that are reached without one, separated by commas.
    pub except: String,
}

/// Everything a [`Client`] needs; it reads no environment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base URL of the platform, mostly [`GATEWAY`].
    pub gateway: String,
    /// Base URL of the identity service, mostly [`IMS`].
    pub ims: String,
    /// Organisation, `XXXX@AdobeOrg`.
    pub org: String,
    /// OAuth client id; also the API key.
    pub client_id: String,
    /// How requests are authorised.
    pub credential: Credential,
    /// Sandbox name, sent with every request: without it some services act in `prod`.
    pub sandbox: String,
    /// Limit of one try, from connecting to the answer's last byte.
    pub timeout: Duration,
    /// Limit of connecting alone.
    pub connect_timeout: Duration,
    /// Requests under way at once, at least 1.
    pub max_in_flight: usize,
    /// PEM certificates trusted beside the system's.
    pub ca_file: Option<Vec<u8>>,
    /// Whether credentials may go to another machine over plain http.
    pub allow_http: bool,
    /// How hosts are reached.
    pub proxies: Proxies,
    /// How often and how long to try.
    pub retry: retry::Policy,
    /// Sent as `User-Agent`.
    pub user_agent: String,
}

/// Talks to one sandbox with one credential. Clones share connections, token, limits and counters.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    transport: Transport,
    auth: Auth,
    gateway: reqwest::Url,
    /// What every call carries, but for the token.
    headers: HeaderMap,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("gateway", &self.0.gateway.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// Checks the settings and prepares connections; sends nothing yet. Secrets are made known to `redactor`.
    ///
    /// # Errors
    /// [`Error::Setting`] for a URL, header value or certificate that cannot be used.
    pub fn new(settings: Settings, redactor: Redactor) -> Result<Self, Error> {
        let gateway = transport::base_url("the gateway's URL", &settings.gateway)?;
        let ims = transport::base_url("the IMS URL", &settings.ims)?;
        let mut headers = HeaderMap::new();
        for (header, name, value) in [
            ("x-api-key", "the client id", &settings.client_id),
            ("x-gw-ims-org-id", "the organisation id", &settings.org),
            // Absent or empty means `prod` to some services (platform-api.md 1.2).
            ("x-sandbox-name", "the sandbox name", &settings.sandbox),
        ] {
            headers.insert(HeaderName::from_static(header), header_value(name, value)?);
        }
        headers.insert("accept", HeaderValue::from_static("application/json"));
        let auth = Auth::new(&settings.credential, &settings.client_id, &ims, &redactor)?;
        let mut hosts = vec![&gateway];
        if auth.can_renew() {
            hosts.push(&ims);
        }
        let transport = Transport::new(settings, &hosts, redactor)?;
        Ok(Self(Arc::new(Inner { transport, auth, gateway, headers })))
    }

    /// Sends `call`, again where [`retry`] allows it, and returns the answer whatever its status. A 401 is answered by
    /// renewing the token, once. [`Reply::tries`] above 1 means that an earlier try may have had its effect: a
    /// conditional PATCH that comes back as 412 may have been stopped by itself.
    ///
    /// # Errors
    /// No usable answer, or not authorised; [`Error::maybe_acted`] tells whether to look before sending again.
    pub async fn send(&self, call: &Call) -> Result<Reply, Error> {
        let Inner { transport, auth, .. } = &*self.0;
        let mut request = self.request(call)?;
        let mut progress = Progress::default();
        let mut token = auth.token(transport).await?;
        let mut renewed = false;
        loop {
            request.headers.insert(AUTHORIZATION, token.header.clone());
            let reply = transport.exchange(&request, &mut progress).await?;
            if reply.status != 401 {
                return Ok(reply);
            }
            if renewed || !auth.can_renew() {
                let at = progress.at(&request);
                let problem = Box::new(Problem::of(&reply));
                return Err(Error::Auth { at, problem, advice: auth.advice() });
            }
            let refused = token.generation;
            token =
                auth.renew(transport, refused).await.map_err(|error| error.after(progress.maybe_acted()))?;
            renewed = true;
        }
    }

    /// What was sent so far.
    pub fn stats(&self) -> Stats {
        self.0.transport.stats()
    }

    /// Seconds that the platform's clock is ahead of ours, by the `Date` of its newest answer; `None` before one has told.
    pub fn ahead(&self) -> Option<i64> {
        self.0.transport.ahead()
    }

    fn request(&self, call: &Call) -> Result<Request, Error> {
        let bad = |reason: String| {
            // Not yet known to be a path: what it holds must neither show a secret nor move the cursor.
            let path = self.0.transport.redact(&call.path).escape_debug().to_string();
            Error::BadCall { at: At { method: call.method, path, attempts: 0, maybe_acted: false }, reason }
        };
        let url = transport::target(&self.0.gateway, &call.path, &call.query).map_err(bad)?;
        let mut headers = self.0.headers.clone();
        if let Some(etag) = &call.if_match {
            let value = HeaderValue::from_str(etag.as_str())
                .map_err(|_| bad("its etag has characters that no header may hold".to_owned()))?;
            headers.insert(IF_MATCH, value);
        }
        let form = |text: &str| {
            HeaderValue::from_str(text)
                .map_err(|_| bad("its form has characters that no header may hold".to_owned()))
        };
        if let Some(accept) = &call.accept {
            headers.insert(ACCEPT, form(accept)?);
        }
        let body = call.body.as_ref().map(|body| body.to_string().into_bytes());
        if body.is_some() {
            headers.insert(CONTENT_TYPE, form(call.content_type.as_deref().unwrap_or("application/json"))?);
        }
        Ok(Request {
            method: call.method,
            path: self.0.transport.redact(&call.path).into_owned(),
            url,
            headers,
            body,
            safety: call.safety,
            confidential: false,
            customer_data: call.customer_data,
        })
    }
}

/// A header value that is there, cannot start a second header, and is not printed by debug output.
fn header_value(name: &'static str, value: &str) -> Result<HeaderValue, Error> {
    let setting = |reason: &str| Error::Setting { name, reason: reason.to_owned() };
    if value.trim().is_empty() {
        return Err(setting("it is empty"));
    }
    let mut value = HeaderValue::from_str(value.trim())
        .map_err(|_| setting("it has characters that no HTTP header may hold, such as a line break"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
