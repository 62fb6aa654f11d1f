//! The platform in a box: IMS, Flow Service, Data Prep, Catalog, Schema Registry and sandboxes on
//! `http://127.0.0.1:PORT`, written from Adobe's documents and from nothing else. It shares no code with the
//! rest of the crate, because it is what the rest is judged by.
//!
//! A request passes, in this order: `gate` (the socket, which a fault can cut), `serve` (HTTP, faults, the
//! log), `routes` (the gateway's checks, the sandbox, one line per kind), the file of its kind, `store`.
//!
//! | file | owns |
//! |---|---|
//! | `behaviour` | the switches for what the documents leave open |
//! | `fault` | which request goes wrong, and how |
//! | `message` | requests, answers, the documented error shapes |
//! | `context`, `clock` | what a handler works with; time, ids, etags |
//! | `flow_service`, `filter` | what the kinds of Flow Service share; its query language |
//! | `connection`, `source`, `target`, `flow`, `schedule`, `runs` | Flow Service's kinds |
//! | `specs`, `explore` | which sources there are, with their specs; what each holds |
//! | `mapping_set`, `dataset`, `schema`, `descriptor`, `sandbox`, `ims` | the other services |
//! | `seed` | what a sandbox holds from the start |
//! | `store`, `logbook` | objects on disk, requests in a log |
//!
//! Its clock can be set forward, so that schedules come due: `POST /emulator/clock {"advance": SECONDS}`, which needs no
//! token; `GET /emulator/clock` tells the time. Whoever opens the same store has the same clock.
//!
//! Every sandbox of every organisation starts with (tenant `extconndev`):
//!
//! - dataset `624bf42e16519d19496e3f67` on schema
//!   `https://ns.adobe.com/extconndev/schemas/995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4`, which the
//!   tutorial presupposes, with every field of its mapping under `_extconndev`;
//! - dataset `66f0c1d2a3b4c5d6e7f80912` on schema
//!   `https://ns.adobe.com/extconndev/schemas/7c1e9a0b4d3f5268e7a9b0c1d2e3f4a5968778695a4b3c2d`, the same again;
//! - connection specs `0a27232b-2c6e-4396-b8c6-c9fc24e37ba4` (Zendesk), `2526ee57-0af4-46ea-a477-720a53108145`
//!   and `6360f136-5980-4111-8bdf-15d29eab3b5a` (the first tutorial's two) with flow spec
//!   `6499120c-0b15-42dc-936e-847ea3c24d72`;
//! - `26d738e0-8963-47ea-aadf-c60de735468a` (`MySQL`) with flow spec `14518937-270c-4525-bdec-c2ba7cce3860`;
//! - `ecadc60c-7455-4d87-84dc-2a0e293d997b` (Amazon S3) with flow spec `9753525b-82c7-4dce-8a9b-5ccfce2b9876`;
//! - `c604ff05-7f1a-43c0-8e18-33bf874cb11c` (data lake), the target of all three.

mod behaviour;
mod clock;
mod connection;
mod context;
mod dataset;
mod descriptor;
mod explore;
mod fault;
mod filter;
mod flow;
mod flow_service;
mod gate;
mod ims;
mod logbook;
mod mapping_set;
mod message;
mod routes;
mod runs;
mod sandbox;
mod schedule;
mod schema;
mod seed;
mod serve;
mod source;
mod specs;
mod store;
mod target;

#[cfg(test)]
mod tests;

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use behaviour::{
    Behaviour, ConnectionTest, ExploreFile, ExploreRoot, MappingDelete, MappingValidate, MappingVersion,
    ParseError, PatchAnswer, RunOutcome, SWITCHES, SandboxHeader, ScheduleValues, SecretEcho, Switch,
    TransformationSpecs,
};
pub use fault::{FAULT_KINDS, Fault, FaultKind, RetryAfter};

/// How to start an emulator. The default keeps everything in memory, on any free port.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The file that holds the platform's objects; `None` keeps them in memory.
    pub store: Option<PathBuf>,
    /// 0 takes any free port.
    pub port: u16,
    /// Sandboxes that exist besides `prod`, `dev` and those that the store has something of.
    pub sandboxes: Vec<String>,
    /// What the documents leave open.
    pub behaviour: Behaviour,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// A file that gets one JSON line per request.
    pub log: Option<PathBuf>,
}

/// Why an emulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is taken, or must not be used.
    #[error("the emulator cannot listen on 127.0.0.1:{port}")]
    Bind {
        /// The port asked for.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The store's file cannot be opened.
    #[error("the emulator's store {path} cannot be opened")]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The log's file cannot be opened.
    #[error("the emulator's log {path} cannot be opened")]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A running emulator. It stops when this is dropped.
#[derive(Debug)]
pub struct Handle {
    url: String,
    ahead: i64,
    shared: Arc<serve::Shared>,
    stop: watch::Sender<bool>,
    server: Option<JoinHandle<()>>,
}

/// Starts an emulator on 127.0.0.1.
pub async fn start(options: Options) -> Result<Handle, Error> {
    let Options { store: path, port, mut sandboxes, behaviour, faults, log } = options;
    let store = store::Store::open(path.as_deref())
        .map_err(|source| Error::Store { path: path.clone().unwrap_or_default(), source })?;
    let ahead = store.ahead();
    sandboxes.extend(store.sandboxes());
    let logbook = logbook::Logbook::open(log.as_deref())
        .map_err(|source| Error::Log { path: log.clone().unwrap_or_default(), source })?;
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener = bound.map_err(|source| Error::Bind { port, source })?;
    let address = listener.local_addr().map_err(|source| Error::Bind { port, source })?;
    let (stop, mut stopping) = watch::channel(false);
    let shared = Arc::new(serve::Shared {
        store: Mutex::new(store),
        on_disk: path.is_some(),
        behaviour,
        sandboxes,
        faults,
        logbook,
        stopping: stopping.clone(),
    });
    let service = serve::router(Arc::clone(&shared)).into_make_service_with_connect_info::<gate::Cut>();
    let server = tokio::spawn(async move {
        let ended = async move {
            // An error means that the handle is gone, which is the same wish.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        };
        // It only ends by the signal.
        let _ = axum::serve(gate::Gate(listener), service).with_graceful_shutdown(ended).await;
    });
    Ok(Handle { url: format!("http://{address}"), ahead, shared, stop, server: Some(server) })
}

/// How long requests may take to end when the emulator stops.
const PATIENCE: Duration = Duration::from_millis(500);

impl Handle {
    /// `http://127.0.0.1:PORT`: the gateway, and IMS at `/ims/token/v3`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Seconds that its clock was ahead of the machine's when it was started (see `clock`).
    pub fn ahead(&self) -> i64 {
        self.ahead
    }

    /// Sets its clock forward by so many seconds, as `POST /emulator/clock` does.
    pub fn advance(&self, seconds: i64) -> io::Result<()> {
        self.shared.advance(seconds)
    }

    /// Lets the requests at hand end, and stops.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if let Some(mut server) = self.server.take()
            && tokio::time::timeout(PATIENCE, &mut server).await.is_err()
        {
            server.abort();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(server) = self.server.take() {
            server.abort();
        }
    }
}
