//! One request, sent until `retry` says stop: connections, limits, reading the answer, counting, logging.
//!
//! Does not know what a request means or where the token in it came from. The only place in `api` that sleeps, reads
//! the clock and draws random numbers.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Certificate, Url, redirect};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, sleep_until};

use super::error::{At, Cause, Error, page_text, request_id};
use super::retry::{self, Decision, Outcome, Policy, Try};
use super::{Proxies, Settings};
use crate::kill_point;
use crate::secret::{MASK, Redactor, is_secret_name, without_credentials};
use crate::wire::{Method, Reply, Safety, segment};

/// Bytes read of one answer, after decompression.
pub const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// Values in one answer's JSON: each takes some hundred bytes of memory, however few it has in the answer.
const VALUES_LIMIT: usize = 2_000_000;

/// An object takes as much as so many plain values.
const OBJECT_WEIGHT: usize = 4;

/// Idle connections are dropped before a gateway's usual minute is over: a POST sent into a connection that is being
/// closed is lost without anybody knowing whether it arrived.
const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// What stands in place of an answer that no log and no error shows.
const NOT_SHOWN: &str = "(not shown)";

/// One request, ready to be sent any number of times.
pub(super) struct Request {
    pub(super) method: Method,
    /// For errors and logs, which never show the query.
    pub(super) path: String,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
    pub(super) safety: Safety,
    /// The token request: neither body is ever shown, and it does not queue behind the calls that wait for it.
    pub(super) confidential: bool,
    /// Whether the answer holds records of customers: it is never shown.
    pub(super) customer_data: bool,
}

/// What has happened to one call so far, over all its tries and a renewal of its token.
#[derive(Default)]
pub(super) struct Progress {
    sent: u32,
    /// Tries that count against [`Policy::tries`]; one answered by a new token does not.
    failed: u32,
    maybe_acted: bool,
    started: Option<Instant>,
}

impl Progress {
    pub(super) fn maybe_acted(&self) -> bool {
        self.maybe_acted
    }

    pub(super) fn at(&self, request: &Request) -> At {
        At {
            method: request.method,
            path: request.path.clone(),
            attempts: self.sent,
            maybe_acted: self.maybe_acted,
        }
    }
}

/// Requests sent so far, repetitions included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub struct Stats {
    pub get: u64,
    pub post: u64,
    pub put: u64,
    pub patch: u64,
    pub delete: u64,
    /// Token requests, which the others do not include.
    pub token: u64,
    /// How many of all these were repetitions.
    pub retries: u64,
}

impl Stats {
    /// Requests to the platform, token requests left out.
    pub fn sent(&self) -> u64 {
        self.get + self.post + self.put + self.patch + self.delete
    }
}

#[derive(Default)]
struct Counters {
    by_method: [AtomicU64; 5],
    token: AtomicU64,
    retries: AtomicU64,
}

/// How many requests are under way, and a pause for all of them when the gateway throttles one.
struct Gate {
    permits: Semaphore,
    not_before: Mutex<Option<Instant>>,
}

impl Gate {
    /// A place, kept over all tries of a call: one that waits for a better moment leaves the gateway that much room.
    /// `None` never happens, as the semaphore is never closed.
    async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }

    async fn pause_over(&self) {
        // Read again after each sleep: another 429 may have moved it.
        loop {
            let until = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return,
            }
        }
    }

    fn pause(&self, wait: Duration) {
        let until = Instant::now().checked_add(wait);
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = until.max(*not_before);
    }
}

pub(super) struct Transport {
    http: reqwest::Client,
    policy: Policy,
    timeout: Duration,
    redactor: Redactor,
    gate: Gate,
    counters: Counters,
    /// Seconds that the platform's clock is ahead of ours, by its newest answer; [`UNTOLD`] before there is one.
    ahead: AtomicI64,
}

/// No answer has told the platform's time.
const UNTOLD: i64 = i64::MIN;

impl Transport {
    /// `hosts` are the base URLs that will be talked to.
    pub(super) fn new(settings: Settings, hosts: &[&Url], redactor: Redactor) -> Result<Self, Error> {
        // An error means that a provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        for host in hosts.iter().filter(|host| host.scheme() == "http" && !is_loopback(host)) {
            if !settings.allow_http {
                let host = host.host_str().unwrap_or_default();
                return Err(Error::Setting {
                    name: "the platform's URL",
                    reason: format!(
                        "http://{host} would get the credentials unencrypted: write https, or add --allow-http"
                    ),
                });
            }
            tracing::warn!(host = host.host_str(), "credentials are sent unencrypted");
        }
        let agent = HeaderValue::from_str(&settings.user_agent).map_err(|_| Error::Setting {
            name: "the user agent",
            reason: "it has characters that no HTTP header may hold".to_owned(),
        })?;
        // reqwest itself repeats only what an HTTP/2 server refused unprocessed, which is safe for every call.
        let mut builder = reqwest::Client::builder()
            .user_agent(agent)
            .timeout(settings.timeout)
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(IDLE_LIMIT)
            .redirect(redirect::Policy::none())
            .referer(false);
        if let Some(pem) = &settings.ca_file {
            let unusable = |reason: &str| Error::Setting { name: "the CA file", reason: reason.to_owned() };
            let certificates = Certificate::from_pem_bundle(pem).map_err(|_| unusable("it is not PEM"))?;
            if certificates.is_empty() {
                return Err(unusable("it holds no certificate"));
            }
            builder = builder.tls_certs_merge(certificates);
        } else if hosts.iter().all(|host| host.scheme() == "http") {
            // Stand-ins without TLS must work where no CA certificates are installed: trust none instead of failing.
            builder = builder.tls_certs_only([]);
        }
        if hosts.iter().all(|host| is_loopback(host)) {
            // No proxy can reach what runs on this machine.
            builder = builder.no_proxy();
        } else {
            for proxy in proxies(&settings.proxies)? {
                builder = builder.proxy(proxy);
            }
        }
        let http = builder.build().map_err(|error| Error::Setting {
            name: "the HTTP client's configuration",
            reason: innermost(&error),
        })?;
        let permits = Semaphore::new(settings.max_in_flight.clamp(1, Semaphore::MAX_PERMITS));
        Ok(Self {
            http,
            policy: settings.retry,
            timeout: settings.timeout,
            redactor,
            gate: Gate { permits, not_before: Mutex::new(None) },
            counters: Counters::default(),
            ahead: AtomicI64::new(UNTOLD),
        })
    }

    /// Sends `request` until there is an answer or a failure that stands.
    pub(super) async fn exchange(&self, request: &Request, progress: &mut Progress) -> Result<Reply, Error> {
        let _place = if request.confidential { None } else { self.gate.enter().await };
        loop {
            if !request.confidential {
                self.gate.pause_over().await;
            }
            let started = *progress.started.get_or_insert_with(Instant::now);
            progress.sent += 1;
            self.count(request, progress.sent > 1);
            let result = self.once(request, progress.at(request)).await;
            let (outcome, retry_after) = match &result {
                Ok((reply, retry_after)) => (Outcome::Status(reply.status), *retry_after),
                Err(error) => (outcome_of(error), None),
            };
            if outcome != Outcome::Status(401) {
                progress.failed += 1;
            }
            progress.maybe_acted |= outcome.may_have_acted();
            let this = Try {
                outcome,
                number: progress.failed,
                elapsed: started.elapsed(),
                retry_after,
                jitter: jitter(),
            };
            match retry::decide(&self.policy, request.safety, this) {
                Decision::Stop => {
                    return result.map(|(reply, _)| reply).map_err(|error| error.after(progress.maybe_acted));
                }
                Decision::Wait(wait) => {
                    if outcome == Outcome::Status(429) && !request.confidential {
                        self.gate.pause(wait);
                    }
                    sleep(wait).await;
                }
            }
        }
    }

    /// `text`, which others have written, without secrets and without parts of them.
    pub(super) fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redactor.redact_foreign(text)
    }

    /// Seconds that the platform's clock is ahead of ours, if an answer has told it.
    pub(super) fn ahead(&self) -> Option<i64> {
        Some(self.ahead.load(Ordering::Relaxed)).filter(|ahead| *ahead != UNTOLD)
    }

    pub(super) fn stats(&self) -> Stats {
        let by_method = |method: Method| self.counters.by_method[method as usize].load(Ordering::Relaxed);
        Stats {
            get: by_method(Method::Get),
            post: by_method(Method::Post),
            put: by_method(Method::Put),
            patch: by_method(Method::Patch),
            delete: by_method(Method::Delete),
            token: self.counters.token.load(Ordering::Relaxed),
            retries: self.counters.retries.load(Ordering::Relaxed),
        }
    }

    fn count(&self, request: &Request, again: bool) {
        let counter = if request.confidential {
            &self.counters.token
        } else {
            &self.counters.by_method[request.method as usize]
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.counters.retries.fetch_add(u64::from(again), Ordering::Relaxed);
    }

    /// One try, logged.
    async fn once(&self, request: &Request, at: At) -> Result<(Reply, Option<Duration>), Error> {
        let begun = Instant::now();
        let attempt = at.attempts;
        let result = self.send(request, at).await;
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (method, path) = (request.method, request.path.as_str());
        match &result {
            Ok((reply, _)) => tracing::debug!(
                %method, %path, status = reply.status, ms, attempt, request_id = reply.request_id, "answered"
            ),
            Err(error) => tracing::debug!(%method, %path, ms, attempt, %error, "no answer"),
        }
        if tracing::enabled!(tracing::Level::TRACE) && !request.confidential {
            let sent =
                serde_json::from_slice(request.body.as_deref().unwrap_or_default()).unwrap_or_default();
            let sent = without_credentials(&sent).to_string();
            let answer = match &result {
                // Also where it tells an error, which may quote a record.
                Ok(_) if request.customer_data => NOT_SHOWN.to_owned(),
                Ok((reply, _)) => without_credentials(&reply.body).to_string(),
                Err(_) => String::new(),
            };
            let (sent, answer) = (self.redact(&sent), self.redact(&answer));
            tracing::trace!(%method, %path, attempt, %sent, %answer, "bodies");
        }
        result
    }

    async fn send(&self, request: &Request, at: At) -> Result<(Reply, Option<Duration>), Error> {
        let tries = at.attempts;
        let mut builder =
            self.http.request(method(request.method), request.url.clone()).headers(request.headers.clone());
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        kill_point::reached("before a request");
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(error) => return Err(self.failure(request, at, error)),
        };
        let status = response.status();
        let header = |name: &str| {
            let text = response.headers().get(name)?.to_str().ok()?;
            Some(self.redact(text).into_owned())
        };
        let (location, id) = (header(LOCATION.as_str()), header("x-request-id"));
        let ours = now();
        let ahead = header(DATE.as_str()).and_then(|date| retry::ahead(&date, ours));
        if let Some(ahead) = ahead.filter(|_| !request.confidential) {
            self.ahead.store(ahead, Ordering::Relaxed);
        }
        // A date is by the clock of the machine that says it.
        let theirs = shifted(ours, ahead.unwrap_or_default());
        let retry_after = header(RETRY_AFTER.as_str()).and_then(|text| retry::retry_after(&text, theirs));
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() > ANSWER_LIMIT => {
                    return Err(Error::TooLarge { at, limit: ANSWER_LIMIT, unit: "bytes" });
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Err(error) if status.is_success() => return Err(self.failure(request, at, error)),
                // Of a failure the status says what matters; a cut-off explanation is better than none.
                Ok(None) | Err(_) => break,
            }
        }
        // After a read nothing is different; the next point is as good.
        if request.method != Method::Get {
            kill_point::reached("after the answer to a write");
        }
        let status = status.as_u16();
        let body = self.read(request, at, status, &bytes)?;
        let request_id = id.or_else(|| request_id(&body));
        let sent = request.body.as_ref().map_or(0, Vec::len);
        Ok((Reply { status, body, location, request_id, tries, sent }, retry_after))
    }

    fn read(&self, request: &Request, at: At, status: u16, bytes: &[u8]) -> Result<Value, Error> {
        let success = (200..300).contains(&status);
        if bytes.trim_ascii().is_empty() {
            return Ok(Value::Null);
        }
        if weight(bytes) > VALUES_LIMIT {
            return Err(Error::TooLarge { at, limit: VALUES_LIMIT, unit: "values" });
        }
        match serde_json::from_slice(bytes) {
            Ok(body) if success => Ok(body),
            Ok(body) => Ok(self.clean(body)),
            // A body that ends with its connection is not noticed as cut off by HTTP.
            Err(error) if success && error.is_eof() => {
                Err(Error::Interrupted { at, cause: Cause::text("the answer's JSON ends too early") })
            }
            Err(_) => {
                let text = String::from_utf8_lossy(bytes);
                let text = self.redact(&text);
                if !success {
                    return Ok(Value::String(text.into_owned()));
                }
                // An answer to the token request may hold a token that is not known yet.
                let hidden = request.confidential || request.customer_data;
                let excerpt = if hidden { NOT_SHOWN.to_owned() } else { page_text(&text) };
                Err(Error::NotJson { at, status, excerpt })
            }
        }
    }

    /// An error body without secrets: services quote parts of what they were sent.
    fn clean(&self, body: Value) -> Value {
        match body {
            Value::String(text) => Value::String(self.redact(&text).into_owned()),
            Value::Array(items) => items.into_iter().map(|item| self.clean(item)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| {
                    let value = match value {
                        Value::String(_) if is_secret_name(&name) => MASK.into(),
                        other => self.clean(other),
                    };
                    (self.redact(&name).into_owned(), value)
                })
                .collect(),
            Value::Number(number) => {
                let text = number.to_string();
                if self.redact(&text) == text { Value::Number(number) } else { MASK.into() }
            }
            other => other,
        }
    }

    fn failure(&self, request: &Request, at: At, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let cause = || Cause::of(&error, &|text| self.redact(text).into_owned());
        if error.is_connect() {
            let (host, cause) = (host(&request.url), cause());
            if is_tls(&error) { Error::Tls { at, host, cause } } else { Error::Connect { at, host, cause } }
        } else if error.is_timeout() {
            Error::Timeout { at, limit: self.timeout }
        } else {
            Error::Interrupted { at, cause: cause() }
        }
    }
}

/// The proxies as the HTTP library takes them. Errors quote none.
fn proxies(proxies: &Proxies) -> Result<Vec<reqwest::Proxy>, Error> {
    let except = format!("{},{LOOPBACK}", proxies.except);
    let unusable =
        |_| Error::Setting { name: "the proxy's URL", reason: "it cannot be read as one".to_owned() };
    let https = proxies.https.as_ref().map(|url| reqwest::Proxy::https(url.expose()));
    let http = proxies.http.as_ref().map(|url| reqwest::Proxy::http(url.expose()));
    let both = https.into_iter().chain(http);
    both.map(|proxy| Ok(proxy.map_err(unusable)?.no_proxy(reqwest::NoProxy::from_string(&except)))).collect()
}

/// What no proxy can reach.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// How many values a JSON text holds at most, without building any of them.
fn weight(json: &[u8]) -> usize {
    let (mut weight, mut in_string, mut escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b',' | b'[' => weight += 1,
            b'{' => weight += OBJECT_WEIGHT,
            _ => {}
        }
    }
    weight
}

fn outcome_of(error: &Error) -> Outcome {
    match error {
        Error::Connect { .. } => Outcome::Unreachable,
        Error::Timeout { .. } => Outcome::TimedOut,
        Error::Interrupted { .. } => Outcome::Interrupted,
        Error::NotJson { .. } | Error::TooLarge { .. } => Outcome::Unusable,
        Error::Tls { .. }
        | Error::Setting { .. }
        | Error::BadCall { .. }
        | Error::Auth { .. }
        | Error::Credentials { .. } => Outcome::Untrusted,
    }
}

/// Reads and checks a base URL. Errors never quote it: it may hold a password.
pub(super) fn base_url(name: &'static str, text: &str) -> Result<Url, Error> {
    let unusable = |reason: String| Error::Setting { name, reason };
    let url = Url::parse(text.trim()).map_err(|error| unusable(error.to_string()))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(unusable("it must start with https://".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(unusable("it must not hold a user name or password".to_owned()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(unusable("it must end before any ? or #".to_owned()));
    }
    Ok(url)
}

/// `path` and `query` under `base`. A path that the URL rules would change is refused: an id such as `..` must not lead
/// to another object, nor a `?` in one add parameters.
pub(super) fn target(base: &Url, path: &str, query: &[(String, String)]) -> Result<Url, String> {
    if !path.starts_with('/') {
        return Err("its path does not start with /".to_owned());
    }
    let path = format!("{}{path}", base.path().trim_end_matches('/'));
    let mut url = base.clone();
    url.set_path(&path);
    if url.path() != path {
        return Err("its path has characters or segments that no path may hold".to_owned());
    }
    if !query.is_empty() {
        // Spaces as %20: a + means a space in forms alone.
        let pairs: Vec<String> =
            query.iter().map(|(name, value)| format!("{}={}", segment(name), segment(value))).collect();
        url.set_query(Some(&pairs.join("&")));
    }
    Ok(url)
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|ip| ip.is_loopback())
    })
}

/// Whether TLS itself failed. An `io::Error` hides what it wraps from `source`, and here wraps another: both are opened.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut link: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(this) = link {
        if this.is::<rustls::Error>() {
            return true;
        }
        link = match this.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => this.source(),
        };
    }
    false
}

fn innermost(error: &reqwest::Error) -> String {
    let mut link: &dyn std::error::Error = error;
    while let Some(next) = link.source() {
        link = next;
    }
    link.to_string()
}

/// A time so many seconds later, or earlier.
fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let shifted = if seconds < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    shifted.unwrap_or(time)
}

/// Random, in `0.0..1.0`; the middle where the system has no randomness to give.
fn jitter() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / (f64::from(u32::MAX) + 1.0))
}

#[expect(clippy::disallowed_methods, reason = "an HTTP date is measured against the clock, here alone")]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}
