//! `flowform state`: what is managed. Only reads.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::exit::{Failure, Status};
use super::output::Output;
use crate::kind::Address;
use crate::render::text::{sanitize, sanitize_lines};
use crate::state::StateFile;
use crate::state::model::State;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// Where the state is kept [default: the only one in state/ or state/emulator/]
    #[arg(long, global = true, value_name = "PATH", env = "FLOWFORM_STATE")]
    state: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List what is managed: address, id, and what is special about it
    List,
    /// Show all that is recorded of one object
    Show {
        /// PIPELINE.SECTION
        address: Address,
    },
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> Result<Status, Failure> {
    let path = match &arguments.state {
        Some(path) => path.clone(),
        None => only_state()?,
    };
    let state = StateFile::new(&path).read()?.ok_or_else(|| {
        Failure::new(Status::State, format!("there is no state at {}", path.display()))
            .hint("`flowform apply` makes one; name another with --state")
    })?;
    match &arguments.command {
        Command::List => output.data(&list(&state)),
        Command::Show { address } => output.data(&show(&state, address)?),
    }
    if let Some(in_flight) = &state.in_flight {
        output.note(&format!(
            "an apply begun {} by {} has not ended; the next run settles it",
            in_flight.started, in_flight.who
        ));
    }
    Ok(Status::Success)
}

/// The one state there is; with several, the person has to say which.
fn only_state() -> Result<PathBuf, Failure> {
    let mut found: Vec<PathBuf> = ["state", "state/emulator"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::new(Status::State, "there is no state in state/")
            .hint("`flowform apply` makes one; name another with --state")),
        several => {
            let paths: Vec<String> = several.iter().map(|p| p.display().to_string()).collect();
            Err(Failure::usage(format!("there are several states: {}", paths.join(", ")))
                .hint("say which with --state"))
        }
    }
}

fn list(state: &State) -> String {
    let width = state.entries.keys().map(|a| a.to_string().chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (address, entry) in &state.entries {
        let address = address.to_string();
        let mut line = format!("{address:width$}  {}", sanitize(&entry.id));
        if let Some(version) = entry.version {
            let _ = write!(line, "  version {version}");
        }
        if entry.protect {
            line.push_str("  protected");
        }
        if !entry.replaced.is_empty() {
            let _ = write!(line, "  replaced, still to delete: {}", sanitize(&entry.replaced.join(", ")));
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn show(state: &State, address: &Address) -> Result<String, Failure> {
    let entry = state.entries.get(address).ok_or_else(|| {
        Failure::usage(format!("the state has no {address}")).hint("`flowform state list` shows what it has")
    })?;
    let shown = serde_yaml::to_string(entry).map_err(|e| Failure::from_error(Status::Error, &e))?;
    Ok(sanitize_lines(&shown).into_owned())
}
