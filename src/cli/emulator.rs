//! `flowform emulator`: the embedded platform as a server of its own, and single calls to it, as somebody else would
//! make them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::exit::{Failure, Status};
use super::output::Output;
use super::paths::{Over, Paths, STDIN};
use super::session;
use super::settings::{self, EMULATOR_ORG, Where};
use super::signals::Interrupt;
use crate::api::{Client, Problem};
use crate::emulator::{self, Behaviour, Fault, Options};
use crate::render;
use crate::secret::Redactor;
use crate::wire::{Call, Etag, Method, Safety};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make one call to the emulator of `--emulator`, as somebody else would: to see what drift looks like
    Call(CallArguments),
}

#[derive(Debug, clap::Args)]
struct CallArguments {
    /// GET, POST, PUT, PATCH or DELETE; a PATCH gets the If-Match it needs
    #[arg(value_name = "METHOD", value_parser = method)]
    method: Method,

    /// Path, such as /data/foundation/flowservice/flows/ID, with a query where one is needed
    #[arg(value_name = "PATH")]
    path: String,

    /// JSON body
    #[arg(value_name = "BODY", value_parser = json)]
    body: Option<Value>,

    /// File that holds the emulator's objects
    #[arg(long, value_name = "FILE", default_value = "state/emulator/platform.jsonl")]
    store: PathBuf,

    /// Organisation
    #[arg(long, value_name = "ORG", env = "ADOBE_ORG_ID", default_value = EMULATOR_ORG)]
    org: String,

    /// Sandbox
    #[arg(long, value_name = "NAME", env = "ADOBE_SANDBOX", default_value = "dev")]
    sandbox: String,
}

fn method(text: &str) -> Result<Method, String> {
    serde_json::from_value(text.to_ascii_uppercase().into())
        .map_err(|_| "write GET, POST, PUT, PATCH or DELETE".to_owned())
}

/// One parameter of a query, with or without percent escapes; the value itself may hold `=`.
fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    (decoded(name), decoded(value))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

#[derive(Debug, clap::Args)]
struct ServerArguments {
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// File that holds the platform's objects; in memory when left out
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,

    /// A sandbox that exists besides `prod` and `dev`; may be repeated
    #[arg(long = "sandbox", value_name = "NAME")]
    sandboxes: Vec<String>,

    /// What the documents leave open, KEY=VALUE; may be repeated (a wrong one lists them all)
    #[arg(long = "behaviour", value_name = "KEY=VALUE")]
    behaviour: Vec<String>,

    /// Milliseconds before each answer
    #[arg(long, value_name = "MS")]
    latency: Option<u64>,

    /// What goes wrong, e.g. `POST /flows#2:close-after`; may be repeated (a wrong one lists the kinds)
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<Fault>,

    /// File that gets one JSON line per request, without secrets
    #[arg(long = "request-log", value_name = "FILE")]
    request_log: Option<PathBuf>,
}

pub(crate) async fn run(
    arguments: Arguments,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    match arguments.command {
        Some(Command::Call(call)) => self::call(call, output, redactor).await,
        None => serve(arguments.server, output).await,
    }
}

async fn call(arguments: CallArguments, output: &Output, redactor: &Redactor) -> Result<Status, Failure> {
    let CallArguments { method, path, body, store, org, sandbox } = arguments;
    refuse_stdin("--store", &store)?;
    let emulator = session::start_emulator(store, Some(&sandbox)).await?;
    let client = Client::new(
        settings::emulator_client(emulator.url(), Where { org, sandbox }, "somebody-else"),
        redactor.clone(),
    )?;
    let (path, query) = path.split_once('?').unwrap_or((path.as_str(), ""));
    let mut call = Call::new(method, path, Safety::Once);
    for (name, value) in query.split('&').filter(|pair| !pair.is_empty()).map(pair) {
        call = call.query(name, value);
    }
    call.body = body;
    if method == Method::Patch {
        let read = client.send(&Call::get(call.path.clone())).await?;
        let etag = read.body.pointer("/items/0/etag").and_then(Value::as_str);
        call.if_match = etag.map(Etag::from_body);
    }
    let reply = client.send(&call).await?;
    emulator.stop().await;
    if !reply.is_success() {
        return Err(Failure::new(Status::Error, Problem::of(&reply).to_string()));
    }
    if !reply.body.is_null() {
        output.data(&render::json::to_string(&reply.body));
    }
    Ok(Status::Success)
}

/// A file that is read and written can be neither stream.
fn refuse_stdin(flag: &str, path: &Path) -> Result<(), Failure> {
    if path != Path::new(STDIN) {
        return Ok(());
    }
    Err(Failure::usage(format!("{flag} names a file that is read and written, which `-` is not"))
        .hint("name a file"))
}

async fn serve(arguments: ServerArguments, output: &Output) -> Result<Status, Failure> {
    let mut paths = Paths::default();
    if let Some(store) = &arguments.store {
        refuse_stdin("--store", store)?;
        paths.keep_store(store);
    }
    if let Some(log) = &arguments.request_log {
        paths.write("--request-log", log, Over::Report);
    }
    paths.check()?;
    let mut behaviour = Behaviour::default();
    for switch in &arguments.behaviour {
        behaviour.set(switch).map_err(|error| Failure::usage(error.to_string()))?;
    }
    if let Some(latency) = arguments.latency {
        behaviour.latency = Duration::from_millis(latency);
    }
    let interrupt = Interrupt::listen(output.clone());
    let handle = emulator::start(Options {
        store: arguments.store,
        port: arguments.port,
        sandboxes: arguments.sandboxes,
        behaviour,
        faults: arguments.faults,
        log: arguments.request_log,
    })
    .await
    .map_err(|error| Failure::from_error(Status::Error, &error))?;
    // The URL alone on stdout, so that a script can read it.
    output.data(&format!("{}\n", handle.url()));
    output.note("the gateway and IMS are both at this URL; stop with Ctrl-C");
    let _ = interrupt.receiver().wait_for(|stop| *stop).await;
    handle.stop().await;
    Ok(Status::Success)
}
