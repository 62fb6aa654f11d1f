//! The access token: where it comes from, when it is renewed, and that many callers cause one renewal.
//!
//! Knows the token request (platform-api.md 1.3) and its answer, not how requests are sent or repeated (`transport`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::error::{Error, Problem};
use super::transport::{Progress, Request, Transport, target};
use super::{Credential, header_value};
use crate::secret::{Redactor, Secret};
use crate::wire::{Method, Safety, segment};

/// What Adobe ships for the platform's APIs (platform-api.md 1.3).
pub const DEFAULT_SCOPES: &str =
    "openid,session,AdobeID,read_organizations,additional_info.projectedProductContext";

const TOKEN_PATH: &str = "/ims/token/v3";

/// Renewed this long before it expires, as AEPP does.
const MARGIN: Duration = Duration::from_secs(500);

/// Taken for the lifetime where the answer gives none; a token that ends sooner is noticed by its 401.
const ASSUMED_LIFETIME: u64 = 3_600;

/// The retired JWT exchange gave milliseconds in the same field; no token lasts 115 days.
const LONGEST_IN_SECONDS: u64 = 10_000_000;

/// A token as it is sent.
#[derive(Clone)]
pub(super) struct Token {
    /// `Bearer ...`, marked sensitive.
    pub(super) header: HeaderValue,
    /// Counts renewals, so that a caller can say which token was refused.
    pub(super) generation: u64,
}

pub(super) enum Auth {
    Static(Token),
    Issued(Box<Issuer>),
}

/// Gets tokens with a client secret.
pub(super) struct Issuer {
    url: reqwest::Url,
    form: Zeroizing<String>,
    redactor: Redactor,
    /// Held during a renewal: who waits for it finds the outcome.
    state: Mutex<State>,
    /// Token requests that have ended, well or badly.
    ended: AtomicU64,
}

#[derive(Default)]
struct State {
    token: Option<(Token, Instant)>,
    /// How the last token request failed, if it did.
    failure: Option<Error>,
}

impl Auth {
    pub(super) fn new(
        credential: &Credential,
        client_id: &str,
        ims: &reqwest::Url,
        redactor: &Redactor,
    ) -> Result<Self, Error> {
        match credential {
            Credential::Token(secret) => {
                redactor.register(&Secret::new(secret.expose().trim()));
                Ok(Self::Static(Token { header: bearer(secret.expose())?, generation: 0 }))
            }
            Credential::ClientSecret { secret, scopes } => {
                redactor.register(secret);
                if secret.expose().is_empty() {
                    let reason = "it is empty".to_owned();
                    return Err(Error::Setting { name: "the client secret", reason });
                }
                let scopes: String = scopes.chars().filter(|c| !c.is_whitespace()).collect();
                // Built once, in the body: query strings get logged (platform-api.md 1.3).
                let form = Zeroizing::new(format!(
                    "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
                    segment(client_id.trim()),
                    segment(secret.expose()),
                    segment(&scopes),
                ));
                let url = target(ims, TOKEN_PATH, &[])
                    .map_err(|reason| Error::Setting { name: "the IMS URL", reason })?;
                Ok(Self::Issued(Box::new(Issuer {
                    url,
                    form,
                    redactor: redactor.clone(),
                    state: Mutex::default(),
                    ended: AtomicU64::new(0),
                })))
            }
        }
    }

    /// A token that is not about to expire.
    pub(super) async fn token(&self, transport: &Transport) -> Result<Token, Error> {
        match self {
            Self::Static(token) => Ok(token.clone()),
            Self::Issued(issuer) => issuer.get(transport, |_, due| Instant::now() < due).await,
        }
    }

    /// A token newer than the generation that was `refused`.
    pub(super) async fn renew(&self, transport: &Transport, refused: u64) -> Result<Token, Error> {
        match self {
            Self::Static(token) => Ok(token.clone()),
            Self::Issued(issuer) => issuer.get(transport, |token, _| token.generation > refused).await,
        }
    }

    pub(super) fn can_renew(&self) -> bool {
        matches!(self, Self::Issued(_))
    }

    /// What to do when a token is refused for good.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Static(_) => {
                "the access token handed in is refused and cannot be renewed: get a new one, or hand in a client secret"
            }
            Self::Issued(_) => {
                "a new token is refused too: check that the credential belongs to this organisation and has the \
                 Experience Platform API"
            }
        }
    }
}

impl Issuer {
    /// The token at hand if it is `good`, else one newly got. Callers that come while one is being got share it, or
    /// share its failure: with IMS down, a thousand calls must not try one after the other.
    async fn get(
        &self,
        transport: &Transport,
        good: impl Fn(&Token, Instant) -> bool,
    ) -> Result<Token, Error> {
        let ended_before = self.ended.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some((token, due)) = &state.token
            && good(token, *due)
        {
            return Ok(token.clone());
        }
        if self.ended.load(Ordering::Acquire) > ended_before
            && let Some(failure) = &state.failure
        {
            return Err(failure.clone());
        }
        let generation = state.token.as_ref().map_or(0, |(token, _)| token.generation) + 1;
        let outcome = self.request(transport).await;
        self.ended.fetch_add(1, Ordering::Release);
        match outcome {
            Ok((header, lifetime)) => {
                let token = Token { header, generation };
                let now = Instant::now();
                state.token = Some((token.clone(), now.checked_add(lifetime).unwrap_or(now)));
                state.failure = None;
                Ok(token)
            }
            Err(error) => {
                state.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Asks IMS. Repeated like a read: a second token does no harm.
    async fn request(&self, transport: &Transport) -> Result<(HeaderValue, Duration), Error> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let request = Request {
            method: Method::Post,
            path: TOKEN_PATH.to_owned(),
            url: self.url.clone(),
            headers,
            body: Some(self.form.as_bytes().to_vec()),
            safety: Safety::Read,
            confidential: true,
            customer_data: false,
        };
        let mut progress = Progress::default();
        // Nothing on the platform is changed by asking for a token.
        let reply = transport.exchange(&request, &mut progress).await.map_err(|error| error.after(false))?;
        let refused = |message: Option<&str>| {
            let mut problem = Box::new(Problem::of(&reply));
            if let Some(message) = message {
                message.clone_into(&mut problem.message);
            }
            let advice = "check client id, client secret and scopes against the developer console";
            Error::Auth { at: progress.at(&request), problem, advice }.after(false)
        };
        if !reply.is_success() {
            return Err(refused(None));
        }
        let Some(token) = reply.body["access_token"].as_str().filter(|token| !token.is_empty()) else {
            return Err(refused(Some("the answer holds no access token")));
        };
        // First of all, so that nothing below can show it.
        self.redactor.register(&Secret::new(token));
        let header = bearer(token)
            .map_err(|_| refused(Some("the access token has characters that no header may hold")))?;
        Ok((header, usable_for(&reply.body["expires_in"])))
    }
}

fn bearer(token: &str) -> Result<HeaderValue, Error> {
    header_value("the access token", token)?;
    header_value("the access token", &Zeroizing::new(format!("Bearer {}", token.trim())))
}

/// How long a token is used: its lifetime less [`MARGIN`], or half of it where that leaves more.
fn usable_for(expires_in: &Value) -> Duration {
    let given = expires_in.as_u64().or_else(|| expires_in.as_str()?.trim().parse().ok());
    let lifetime = match given.unwrap_or(ASSUMED_LIFETIME) {
        ms if ms > LONGEST_IN_SECONDS => Duration::from_millis(ms),
        seconds => Duration::from_secs(seconds),
    };
    lifetime.saturating_sub(MARGIN.min(lifetime / 2))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lifetimes() {
        assert_eq!(usable_for(&json!(86_399)), Duration::from_secs(85_899));
        assert_eq!(usable_for(&json!("86399")), Duration::from_secs(85_899));
        assert_eq!(usable_for(&json!(86_399_992)), Duration::from_millis(85_899_992), "milliseconds");
        assert_eq!(usable_for(&json!(600)), Duration::from_mins(5), "half, where the margin is more");
        assert_eq!(usable_for(&json!(0)), Duration::ZERO);
        assert_eq!(usable_for(&Value::Null), Duration::from_secs(3_100));
    }
}
