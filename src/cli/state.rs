//! `flowform state`: what is managed, and a lock whose holder is lost.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::exit::{Failure, Status};
use super::output::{Output, confirm};
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
    /// Break the lock of a run that is lost with its machine; asks first
    Unlock {
        /// The lock's id, as the error about it says
        id: String,
        /// Do not ask
        #[arg(long)]
        auto_approve: bool,
    },
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> Result<Status, Failure> {
    let path = match &arguments.state {
        Some(path) => path.clone(),
        None => only_state(&["state", "state/emulator"])?,
    };
    if let Command::Unlock { id, auto_approve } = &arguments.command {
        return unlock(&StateFile::new(&path), id, *auto_approve, output);
    }
    let state = StateFile::new(&path).read()?.ok_or_else(|| {
        Failure::new(Status::State, format!("there is no state at {}", path.display()))
            .hint("`flowform apply` makes one; name another with --state")
    })?;
    match &arguments.command {
        Command::List => output.data(&list(&state)),
        Command::Show { address } => output.data(&show(&state, address)?),
        Command::Unlock { .. } => {}
    }
    if let Some(in_flight) = &state.in_flight {
        output.note(&format!(
            "an apply begun {} by {} has not ended; the next run settles it",
            in_flight.started, in_flight.who
        ));
    }
    Ok(Status::Success)
}

/// A lock goes with its process. What is left for a person is a run whose machine is lost while a shared file system still
/// believes in it.
fn unlock(file: &StateFile, id: &str, auto_approve: bool, output: &Output) -> Result<Status, Failure> {
    let question = format!(
        "Is the run that holds the lock {id} of {} lost for certain? If it still runs, it will not be able to record \
         what it does from now on.",
        file.path().display()
    );
    if !auto_approve {
        match confirm(&question) {
            Some(true) => {}
            Some(false) => return Err(Failure::new(Status::Refused, "not approved; the lock is as it was")),
            None => {
                return Err(Failure::usage("there is no terminal to ask on; the lock is as it was")
                    .hint("if the run is lost for certain, add --auto-approve"));
            }
        }
    }
    match file.unlock(id)? {
        Some(holder) => output.note(&format!("taken away from {holder}")),
        None => output.note("nobody holds the lock; there is nothing to break"),
    }
    Ok(Status::Success)
}

/// The one state there is in these folders; with several, the person has to say which.
pub(super) fn only_state(folders: &[&str]) -> Result<PathBuf, Failure> {
    let mut found: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::new(
            Status::State,
            format!("there is no state in {}/", folders.first().unwrap_or(&"state")),
        )
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
