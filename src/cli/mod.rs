//! Talks to the person: flags and environment in, words and an exit code out. One file per command.
//!
//! The only place that reads flags and the environment, and that knows the clock, the user and the terminal.

mod apply;
mod ask;
mod command;
mod emulator;
mod exit;
mod explore;
mod export;
mod failed;
mod files;
mod import;
mod init;
mod locking;
mod output;
mod paths;
mod piped;
mod plan;
mod plan_file;
mod problems;
mod progress;
mod proxy;
mod runs;
mod schema;
mod screen;
mod secrets;
mod session;
mod settings;
mod show;
mod shown;
mod signals;
mod span;
mod state;
mod status;
mod suggest;
mod unset;
mod validate;
mod voice;
mod wait;

use std::ffi::OsStr;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use exit::{Failure, Status};
use failed::Reader;
use output::{ColorWhen, LogWriter, Output};

use crate::secret::Redactor;

/// Plan, apply and destroy Adobe Experience Platform source pipelines from a YAML manifest.
#[derive(Debug, Parser)]
#[command(name = "flowform", version, after_long_help = exit::help(), max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// When to use colours; `NO_COLOR` is heeded
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorWhen,

    /// What to log on stderr: off, error, warn, info, debug or trace; secrets are masked at every level
    #[arg(long, global = true, value_name = "LEVEL", env = "FLOWFORM_LOG", default_value = "warn")]
    log: LogLevel,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a manifest to begin with: of nothing, of a source, or of an existing base connection
    ///
    /// On a terminal it asks for what the flags do not say; elsewhere it asks nothing. It needs the platform for
    /// --connection and --source alone; on a terminal, where there are credentials, it also lists the base connections to
    /// choose from. It writes over no file.
    Init(init::Arguments),
    /// Check manifests, offline and without credentials
    Validate(validate::Arguments),
    /// Show what would change, sending only reads
    Plan(plan::PlanArguments),
    /// Show a saved plan, in any format
    Show(show::Arguments),
    /// Make the platform what the manifest says, or carry out a saved plan
    Apply(apply::Arguments),
    /// Take down what the manifest describes, or everything in the state
    Destroy(apply::DestroyArguments),
    /// Show how every managed pipeline stands: on or off, drift, last run, next run
    ///
    /// Drift is reported and does not change the exit code: `flowform plan --refresh-only` is the check.
    Status(status::Arguments),
    /// Show the runs of the managed dataflows, newest first
    Runs(runs::Arguments),
    /// Show the fields of a source, and what a sample row looks like
    ///
    /// Values are described and not shown: they are records of customers.
    Explore(explore::Arguments),
    /// Write manifests of the dataflows that there are, with all they refer to
    Export(export::Arguments),
    /// Take an existing object under management, without changing it
    Import(import::Arguments),
    /// Look at what is managed, and under which address
    State(state::Arguments),
    /// Run an embedded stand-in for the platform
    Emulator(emulator::Arguments),
    /// Print the JSON Schema of what flowform reads or writes
    Schema(schema::Arguments),
}

impl Command {
    /// Who reads what the command prints on stdout.
    fn reader(&self) -> Reader {
        match self {
            Self::Validate(arguments) => arguments.reader(),
            Self::Plan(arguments) => arguments.reader(),
            Self::Show(arguments) => arguments.reader(),
            Self::Apply(arguments) => arguments.reader(),
            Self::Destroy(arguments) => arguments.reader(),
            Self::Status(arguments) => arguments.reader(),
            Self::Runs(arguments) => arguments.reader(),
            Self::Explore(arguments) => arguments.reader(),
            Self::State(arguments) => arguments.reader(),
            Self::Init(_) | Self::Export(_) | Self::Import(_) | Self::Emulator(_) | Self::Schema(_) => {
                Reader::Other
            }
        }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let matches = match unset::matches(Arguments::command()) {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            // Help and version are answers, not mistakes.
            if !error.use_stderr() {
                return Status::Success.into();
            }
            failed::tell_usage(&error, &Output::new(ColorWhen::Auto, Redactor::default()));
            return Status::Usage.into();
        }
    };
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            failed::tell_usage(&error, &Output::new(ColorWhen::Auto, Redactor::default()));
            return Status::Usage.into();
        }
    };
    let redactor = Redactor::default();
    let output = Output::new(arguments.color, redactor.clone());
    start_log(arguments.log, &output);
    let reader = arguments.command.reader();
    match run(arguments.command, &output, &redactor) {
        Ok(status) => match output.lost() {
            None => status.into(),
            Some(why) => {
                output.failure(&Failure::new(Status::Error, format!("stdout cannot be written: {why}")));
                Status::Error.into()
            }
        },
        Err(failure) => {
            output.failure(&failure);
            failed::tell(&failure, reader, &output);
            failure.status.into()
        }
    }
}

fn run(command: Command, output: &Output, redactor: &Redactor) -> Result<Status, Failure> {
    // Commands without network need no runtime.
    match command {
        Command::Validate(arguments) => validate::run(&arguments, output),
        Command::Show(arguments) => show::run(&arguments, output),
        Command::State(arguments) => state::run(&arguments, output),
        Command::Schema(arguments) => Ok(schema::run(&arguments, output)),
        Command::Plan(arguments) => block_on(plan::run(arguments, output, redactor)),
        Command::Apply(arguments) => block_on(apply::run(arguments, output, redactor)),
        Command::Destroy(arguments) => block_on(apply::destroy(arguments, output, redactor)),
        Command::Status(arguments) => block_on(status::run(arguments, output, redactor)),
        Command::Runs(arguments) => block_on(runs::run(arguments, output, redactor)),
        Command::Init(arguments) => block_on(init::run(arguments, output, redactor)),
        Command::Explore(arguments) => block_on(explore::run(arguments, output, redactor)),
        Command::Export(arguments) => block_on(export::run(arguments, output, redactor)),
        Command::Import(arguments) => block_on(import::run(arguments, output, redactor)),
        Command::Emulator(arguments) => block_on(emulator::run(arguments, output, redactor)),
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::from_error(Status::Error, &e))?;
    let result = runtime.block_on(work);
    // Whatever still runs (a request that was given up) must not hold the process.
    runtime.shutdown_background();
    result
}

fn start_log(level: LogLevel, output: &Output) {
    let level = match level {
        LogLevel::Off => return,
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    // Only our own events: what the HTTP stack logs at these levels is of no use to a person, and may hold bodies.
    let filter = tracing_subscriber::EnvFilter::new(format!("off,flowform={level}"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(output.talk_style().color)
        .with_target(false)
        .with_writer(LogWriter(output.clone()))
        .finish();
    // Set once, here; a second process-wide subscriber cannot be there.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// An environment variable, if it is set and is UTF-8. An empty one counts as unset: that is what a CI system makes of a
/// value that it does not have.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether an environment variable is set to what is no text (UTF-8).
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn is_garbled_variable(name: &str) -> bool {
    matches!(std::env::var(name), Err(std::env::VarError::NotUnicode(_)))
}

/// Whether an environment variable is set to an empty text.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn is_empty_variable(name: &OsStr) -> bool {
    std::env::var_os(name).is_some_and(|value| value.is_empty())
}

/// Epoch seconds.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
