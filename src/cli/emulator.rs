//! `flowform emulator`: the embedded platform as a server of its own.

use std::path::PathBuf;
use std::time::Duration;

use super::exit::{Failure, Status};
use super::output::Output;
use super::signals::Interrupt;
use crate::emulator::{self, Behaviour, Fault, Options};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
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

pub(crate) async fn run(arguments: Arguments, output: &Output) -> Result<Status, Failure> {
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
