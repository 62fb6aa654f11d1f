//! HTTP in, HTTP out: reads a request, finds the fault that strikes it, lets the routes answer under the
//! store's lock, and sends, spoils or withholds the answer.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, Request as HttpRequest, Response, StatusCode};
use tokio::sync::watch;

use super::behaviour::Behaviour;
use super::clock;
use super::fault::{Fault, FaultKind, RetryAfter};
use super::gate::Cut;
use super::logbook::Logbook;
use super::message::{Content, Reply, Request, flow, gateway, generic, pairs, settle};
use super::routes::{self, Platform};
use super::store::Store;

/// The largest body that is read.
const LARGEST_BODY: usize = 10 * 1024 * 1024;

/// What every connection shares.
pub(super) struct Shared {
    pub(super) store: Mutex<Store>,
    /// A file is locked and read, which must not hold up other connections.
    pub(super) on_disk: bool,
    pub(super) behaviour: Behaviour,
    pub(super) sandboxes: Vec<String>,
    pub(super) faults: Vec<Fault>,
    pub(super) logbook: Logbook,
    /// Turns true when the server stops, so that held requests end.
    pub(super) stopping: watch::Receiver<bool>,
}

impl Shared {
    /// The platform's clock, in seconds: it judges schedules, and stamps answers.
    fn now(&self) -> i64 {
        let ahead = self.store.lock().unwrap_or_else(PoisonError::into_inner).ahead();
        (clock::now_ms() / 1000).saturating_add(ahead).saturating_add(self.behaviour.clock_offset)
    }

    /// Sets the clock forward.
    pub(super) fn advance(&self, seconds: i64) -> io::Result<()> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.begin()?;
        let ahead = store.ahead().saturating_add(seconds.max(0)).min(clock::FURTHEST);
        store.set_ahead(ahead);
        store.end()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(handle).with_state(shared)
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: HttpRequest<Body>,
) -> Response<Body> {
    let request = match read(request).await {
        Ok(request) => Arc::new(request),
        Err(reply) => return respond(reply.stamp(&clock::uuid()), shared.now()),
    };
    if !shared.behaviour.latency.is_zero() {
        tokio::time::sleep(shared.behaviour.latency).await;
    }
    // Every pattern counts every request, also when another fault has struck already.
    let mut struck = None;
    for fault in &shared.faults {
        if fault.strikes(&request.method, &request.path) && struck.is_none() {
            struck = Some(fault);
        }
    }
    let text = struck.map(Fault::text);
    let (reply, sent) = run(&shared, &request, struck.map(Fault::kind), &cut).await;
    shared.logbook.write(&request, if sent { reply.status } else { 0 }, text);
    match struck.map(Fault::kind) {
        Some(FaultKind::HangAfter) => {
            hold(&shared, None).await;
        }
        Some(FaultKind::StopAfter(file)) => {
            hold(&shared, Some(file)).await;
        }
        _ => {}
    }
    let now = shared.now();
    respond(reply, now)
}

/// Acts as far as the fault lets it. The flag says whether the answer will reach the client.
async fn run(
    shared: &Arc<Shared>,
    request: &Arc<Request>,
    fault: Option<&FaultKind>,
    cut: &Cut,
) -> (Reply, bool) {
    let refused = |reply: Reply| (reply.stamp(&clock::uuid()), true);
    match fault {
        Some(FaultKind::Status(status)) => return refused(made_up(request, *status)),
        Some(FaultKind::BadGatewayPage) => return refused(Reply::html(502, BAD_GATEWAY)),
        Some(FaultKind::Page(status)) => return refused(Reply::html(*status, LOGIN)),
        Some(FaultKind::Throttle(retry)) => return refused(throttle(*retry, shared.now())),
        Some(FaultKind::CloseBefore) => {
            cut.now();
            return (Reply::empty(503), false);
        }
        Some(FaultKind::HangBefore) => {
            hold(shared, None).await;
            return (Reply::empty(503), false);
        }
        // A server that stops meanwhile has not processed what it held.
        Some(FaultKind::StopBefore(file)) if !hold(shared, Some(file)).await => {
            return (Reply::empty(503), false);
        }
        Some(FaultKind::Delay(time)) => tokio::time::sleep(*time).await,
        _ => {}
    }
    let reply = act(shared, request, fault.cloned()).await;
    match fault {
        Some(FaultKind::StatusAfter(status)) => refused(made_up(request, *status)),
        Some(FaultKind::EmptyAfter(status)) => refused(Reply::empty(*status)),
        Some(FaultKind::CloseAfter) => {
            cut.now();
            (reply, false)
        }
        Some(FaultKind::Truncate) => {
            cut.after(body_length(&reply) / 2);
            (reply, false)
        }
        Some(FaultKind::HangAfter) => (reply, false),
        _ => (reply, true),
    }
}

async fn act(shared: &Arc<Shared>, request: &Arc<Request>, fault: Option<FaultKind>) -> Reply {
    if !shared.on_disk {
        return locked(shared, request, fault.as_ref());
    }
    let (shared, request) = (Arc::clone(shared), Arc::clone(request));
    let work = tokio::task::spawn_blocking(move || locked(&shared, &request, fault.as_ref()));
    work.await.unwrap_or_else(|error| internal(&error.to_string()))
}

fn locked(shared: &Shared, request: &Request, fault: Option<&FaultKind>) -> Reply {
    let mut store = shared.store.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = store.begin() {
        return internal(&format!("the store cannot be read: {error}"));
    }
    let mut platform = Platform {
        store: &mut store,
        behaviour: &shared.behaviour,
        sandboxes: &shared.sandboxes,
        now: clock::now_ms(),
    };
    let reply = settle(routes::answer(&mut platform, request, fault)).stamp(&clock::uuid());
    match store.end() {
        Ok(()) => reply,
        Err(error) => internal(&format!("the store cannot be written: {error}")),
    }
}

fn internal(detail: &str) -> Reply {
    settle(Err(generic(500, "InternalServerError", detail))).stamp(&clock::uuid())
}

/// Waits until the file that is made here is removed, or for ever; a client that leaves ends either,
/// because the server drops the request.
async fn hold(shared: &Shared, file: Option<&PathBuf>) -> bool {
    let mut stopping = shared.stopping.clone();
    let stopped = async move {
        // An error means that the server is gone.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    let removed = async {
        match file {
            None => std::future::pending().await,
            Some(file) => until_removed(file).await,
        }
    };
    tokio::select! {
        () = stopped => false,
        () = removed => true,
    }
}

async fn until_removed(file: &Path) {
    if let Some(parent) = file.parent() {
        let _ = std::fs::create_dir_all(parent);
    }
    if std::fs::write(file, b"held\n").is_err() {
        return;
    }
    while file.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What a proxy says that wants to be signed in to.
const LOGIN: &str =
    "<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body></body></html>";

const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad \
Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

/// An error of that status in the shape that the service at hand would give it.
fn made_up(request: &Request, status: u16) -> Reply {
    let answer = match status {
        401 => gateway(401, "401013", "Oauth token is not valid."),
        429 => return throttle(RetryAfter::Absent, 0),
        412 if request.path.contains("/flowservice/") => flow(
            "1404-412",
            "The supplied version does not match the current version on entity. Please ensure that the supplied \
             version matches the current version on entity and try again.",
        ),
        500 if request.path.contains("/flowservice/") => flow(
            "1102-500",
            "An internal error has occurred. Please try again. If the problem persists, please contact customer \
             support.",
        ),
        503 if request.path.contains("/flowservice/") => flow(
            "1103-503",
            "The service is temporarily unavailable. Please try again. If the problem persists, please contact \
             customer support.",
        ),
        status => generic(status, "Injected", "A fault of the emulator."),
    };
    settle(Err(answer))
}

/// Shape A with 429050; Retry-After "may or may not" be there (platform-api.md 1.5).
fn throttle(retry: RetryAfter, now: i64) -> Reply {
    let reply = settle(Err(gateway(429, "429050", "Too many requests")));
    match retry {
        RetryAfter::Absent => reply,
        RetryAfter::Seconds(seconds) => reply.with("retry-after", seconds.to_string()),
        RetryAfter::Date => {
            // Dates have whole seconds: two ahead is at least one.
            let at = http_date(now.saturating_add(2)).unwrap_or_default();
            reply.with("retry-after", at)
        }
    }
}

/// A time in the form of HTTP headers; `None` before 1970 and after 9999, which they cannot say.
fn http_date(seconds: i64) -> Option<String> {
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds <= LAST)?;
    Some(httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(seconds)))
}

async fn read(request: HttpRequest<Body>) -> Result<Request, Reply> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY)
        .await
        .map_err(|_| settle(Err(generic(413, "PayloadTooLarge", "The request body is too large."))))?;
    Ok(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: pairs(head.uri.query().unwrap_or_default()),
        headers: head
            .headers
            .iter()
            .filter_map(|(name, value)| {
                let value = std::str::from_utf8(value.as_bytes()).ok()?;
                Some((name.as_str().to_owned(), value.to_owned()))
            })
            .collect(),
        body: body.to_vec(),
    })
}

fn body_length(reply: &Reply) -> usize {
    match &reply.content {
        Content::Empty => 0,
        Content::Json(body) => body.to_string().len(),
        Content::Html(page) => page.len(),
    }
}

/// The answer as HTTP, with the platform's time.
fn respond(reply: Reply, now: i64) -> Response<Body> {
    let (kind, body) = match reply.content {
        Content::Empty => (None, Body::empty()),
        Content::Json(body) => (Some("application/json;charset=utf-8"), Body::from(body.to_string())),
        Content::Html(page) => (Some("text/html"), Body::from(page)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(kind) = kind {
        headers.insert("content-type", HeaderValue::from_static(kind));
    }
    if let Some(date) = http_date(now).and_then(|date| HeaderValue::from_str(&date).ok()) {
        headers.insert("date", date);
    }
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}
