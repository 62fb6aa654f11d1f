//! `flowform state`: what is managed and under which address, and a lock whose holder is lost.
//!
//! Nothing here talks to the platform: `mv` and `rm` change what is remembered, never an object.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::exit::{Failure, Status};
use super::failed::Reader;
use super::locking::{self, tell_holder};
use super::output::Output;
use super::runs::Format;
use super::session::Session;
use super::settings::{chosen_state, default_folder, no_state};
use crate::kind::{Address, is_same_number};
use crate::manifest;
use crate::plan::Selector;
use crate::render::json;
use crate::render::text::{sanitize, sanitize_lines};
use crate::state::model::{Entry, State};
use crate::state::moves::{self, Blocked};
use crate::state::{Locked, StateFile};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// Where the state is kept [default: the only one in state/ or state/emulator/]
    #[arg(long, global = true, value_name = "PATH", env = "FLOWFORM_STATE")]
    state: Option<PathBuf>,

    /// The sandbox whose state it is [default: that of the only state]
    #[arg(long, global = true, value_name = "NAME", env = "ADOBE_SANDBOX")]
    sandbox: Option<String>,

    /// How long to wait while another run holds the state's lock, such as 30s or 10m
    #[arg(long, global = true, value_name = "SPAN", default_value = "0s", value_parser = locking::timeout)]
    lock_timeout: Duration,
}

/// How a command that writes takes the lock.
struct Locking<'a> {
    command: &'static str,
    timeout: Duration,
    output: &'a Output,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List what is managed: address, id, and what is special about it
    List {
        /// How to show it
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Show all that is recorded of one object
    Show {
        /// PIPELINE.SECTION
        address: Address,
        /// How to show it
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Give an object, or all of a pipeline, another address; nothing changes on the platform
    Mv {
        /// PIPELINE.SECTION, or PIPELINE
        from: Selector,
        /// Likewise; the manifest has to say the same
        to: Selector,
    },
    /// Drop objects from the state and leave them on the platform; asks first
    Rm {
        /// PIPELINE.SECTION, or PIPELINE
        #[arg(required = true)]
        addresses: Vec<Selector>,
        /// Do not ask
        #[arg(long)]
        auto_approve: bool,
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

impl Arguments {
    /// Who reads what is printed.
    pub(crate) fn reader(&self) -> Reader {
        match &self.command {
            Command::List { format } | Command::Show { format, .. } => (*format).into(),
            Command::Mv { .. } | Command::Rm { .. } | Command::Unlock { .. } => Reader::Other,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> Result<Status, Failure> {
    let folders = [default_folder(false), default_folder(true)];
    let sandbox = arguments.sandbox.as_deref();
    let path = chosen_state(arguments.state.as_deref(), sandbox, &folders)?
        .ok_or_else(|| no_state(sandbox, &folders))?;
    let file = StateFile::new(&path);
    if let (Some(sandbox), Some(state)) = (sandbox, file.read()?)
        && state.place.sandbox != sandbox
    {
        return Err(Failure::new(
            Status::State,
            format!(
                "the state {} belongs to the sandbox {}, and not to {sandbox}",
                path.display(),
                state.place.sandbox
            ),
        )
        .hint("each sandbox has its own state: name one of the two"));
    }
    let timeout = arguments.lock_timeout;
    let locking = |command| Locking { command, timeout, output };
    let (text, state) = match &arguments.command {
        Command::Unlock { id, auto_approve } => return unlock(&file, id, *auto_approve, output),
        Command::Mv { from, to } => return mv(&file, from, to, &locking("state mv")),
        Command::Rm { addresses, auto_approve } => {
            return rm(&file, addresses, *auto_approve, &locking("state rm"));
        }
        Command::List { format } => {
            let state = read(&file)?;
            let text = match format {
                Format::Text => list(&state),
                Format::Json => json::to_string(&json::state_list(&state)),
            };
            (text, state)
        }
        Command::Show { address, format } => {
            let state = read(&file)?;
            let entry =
                state.entries.get(address).ok_or_else(|| unknown(&Selector::Address(address.clone())))?;
            let text = match format {
                Format::Text => show(entry)?,
                Format::Json => json::to_string(&json::state_entry(&state, address, entry)),
            };
            (text, state)
        }
    };
    output.data(&text);
    if tell_holder(&file, output)? {
        return Ok(Status::Success);
    }
    if let Some(in_flight) = &state.in_flight {
        output.note(&format!(
            "an apply begun {} by {} has not ended; the next run settles it",
            in_flight.started, in_flight.who
        ));
    }
    Ok(Status::Success)
}

/// Says that there is no state at the path that was named.
pub(super) fn absent_state(path: &Path) -> Failure {
    Failure::new(Status::State, format!("there is no state at {}", path.display()))
        .hint("`flowform apply` makes one; name another with --state")
}

fn read(file: &StateFile) -> Result<State, Failure> {
    file.read()?.ok_or_else(|| absent_state(file.path()))
}

/// The state, locked, with no plan in flight: what that one is about to do goes by the addresses it was made with.
fn lock_settled(file: &StateFile, locking: &Locking<'_>) -> Result<Locked, Failure> {
    // A state that is not there is not made room for either.
    read(file)?;
    let locked = locking::lock(file, &Session::holder(locking.command), locking.timeout, locking.output)?;
    refuse_in_flight(locked.state().ok_or_else(|| absent_state(file.path()))?)?;
    Ok(locked)
}

/// Refuses while an apply has not ended.
pub(crate) fn refuse_in_flight(state: &State) -> Result<(), Failure> {
    let Some(in_flight) = &state.in_flight else { return Ok(()) };
    Err(Failure::new(
        Status::Refused,
        format!(
            "an apply begun {} by {} has not ended; nothing was changed",
            in_flight.started, in_flight.who
        ),
    )
    .hint("run `flowform apply` again, which settles it, and then this"))
}

/// Makes `after` the entries of the state. The state right before it is the backup.
fn replace(locked: &mut Locked, after: &BTreeMap<Address, Entry>) -> Result<(), Failure> {
    locked.fold()?;
    let changes = locked.state().map(|state| moves::changes(&state.entries, after)).unwrap_or_default();
    locked.record(changes)?;
    Ok(locked.fold()?)
}

fn mv(file: &StateFile, from: &Selector, to: &Selector, locking: &Locking<'_>) -> Result<Status, Failure> {
    let is_name = match to {
        Selector::Address(address) => manifest::is_pipeline_name(&address.pipeline),
        Selector::Pipeline(name) => manifest::is_pipeline_name(name),
    };
    if !is_name {
        return Err(Failure::usage(format!("no manifest can have `{to}`"))
            .hint("a pipeline's name has letters, digits, `-` and `_`, and begins with a letter or digit"));
    }
    let mut locked = lock_settled(file, locking)?;
    let Some(state) = locked.state() else { return Err(absent_state(file.path())) };
    let moves: BTreeMap<Address, Address> = match (from, to) {
        _ if from == to => {
            return Err(Failure::usage(format!("{from} is to become {to}, which it is already")));
        }
        (Selector::Address(from), Selector::Address(to)) if from.kind != to.kind => {
            let (from, to) = (from.kind.spec().title(), to.kind.spec().title());
            return Err(Failure::usage(format!("a {from} cannot become a {to}"))
                .hint("both addresses end in the same section"));
        }
        (Selector::Address(from), Selector::Address(to)) => BTreeMap::from([(from.clone(), to.clone())]),
        (Selector::Pipeline(_), Selector::Pipeline(to)) => {
            let ours = state.entries.keys().filter(|address| from.matches(address));
            ours.map(|address| (address.clone(), Address::new(to, address.kind))).collect()
        }
        _ => {
            return Err(Failure::usage(format!("`{from}` and `{to}` are not of the same sort"))
                .hint("give two addresses (PIPELINE.SECTION), or the names of two pipelines"));
        }
    };
    if moves.is_empty() {
        return Err(unknown(from));
    }
    let after = moves::moved(&state.entries, &moves).map_err(|blocked| match blocked {
        Blocked::Absent(_) => unknown(from),
        Blocked::Taken(_) => Failure::new(Status::Refused, format!("{blocked}; nothing was moved"))
            .hint("two objects cannot have one address: move or drop the other one first"),
    })?;
    replace(&mut locked, &after)?;
    for (from, to) in &moves {
        locking.output.note(&format!("{from} is now {to}"));
    }
    Ok(Status::Success)
}

fn rm(
    file: &StateFile,
    which: &[Selector],
    auto_approve: bool,
    locking: &Locking<'_>,
) -> Result<Status, Failure> {
    let mut locked = lock_settled(file, locking)?;
    let Some(state) = locked.state() else { return Err(absent_state(file.path())) };
    let mut going: BTreeMap<Address, Entry> = BTreeMap::new();
    for selector in which {
        let matching: Vec<_> =
            state.entries.iter().filter(|(address, _)| selector.matches(address)).collect();
        if matching.is_empty() {
            return Err(unknown(selector));
        }
        going.extend(matching.into_iter().map(|(address, entry)| (address.clone(), entry.clone())));
    }
    if let Some((address, _)) = going.iter().find(|(_, entry)| entry.protect) {
        return Err(Failure::new(Status::Refused, format!("{address} is protected; nothing was dropped"))
            .hint("set `protect: false` in its section and apply that first")
            .about(address));
    }
    let after = moves::dropped(&state.entries, &going.keys().cloned().collect::<BTreeSet<_>>())
        .map_err(|blocked| Failure::usage(blocked.to_string()))?;
    let listed: Vec<String> = going
        .iter()
        .map(|(address, entry)| {
            let left = if entry.replaced.is_empty() {
                String::new()
            } else {
                format!(", and what it took the place of: {}", sanitize(&entry.replaced.join(", ")))
            };
            format!("{address} ({}{left})", sanitize(&entry.id))
        })
        .collect();
    let question = format!(
        "These are no longer managed, and stay on the platform as they are:\n  {}\nShall the state drop them?",
        listed.join("\n  ")
    );
    if !auto_approve {
        match locking.output.confirm(&question) {
            Some(true) => {}
            Some(false) => return Err(Failure::new(Status::Refused, "not approved; nothing was dropped")),
            None => {
                return Err(Failure::usage("there is no terminal to ask on; nothing was dropped")
                    .hint("look at `flowform state list`, and add --auto-approve"));
            }
        }
    }
    replace(&mut locked, &after)?;
    for line in &listed {
        locking.output.note(&format!("no longer managed: {line}"));
    }
    Ok(Status::Success)
}

fn unknown(selector: &Selector) -> Failure {
    let failure = Failure::usage(format!("the state has no {selector}"))
        .hint("`flowform state list` shows what it has");
    match selector {
        Selector::Address(address) => failure.about(address),
        Selector::Pipeline(_) => failure,
    }
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
        match output.confirm(&question) {
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

fn list(state: &State) -> String {
    let width = state.entries.keys().map(|a| a.to_string().chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (address, entry) in &state.entries {
        // An address has no wide characters.
        let address = sanitize(&address.to_string()).into_owned();
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

fn show(entry: &Entry) -> Result<String, Failure> {
    let shown = serde_json::to_value(entry).map(|entry| readable(&entry));
    let shown = shown.map_err(|e| Failure::from_error(Status::Error, &e))?;
    let shown = serde_yaml::to_string(&shown).map_err(|e| Failure::from_error(Status::Error, &e))?;
    Ok(sanitize_lines(&shown).into_owned())
}

/// A value as YAML has it. A number with more digits than YAML's readers keep stands as a text.
fn readable(value: &Value) -> serde_yaml::Value {
    match value {
        Value::Null => serde_yaml::Value::Null,
        Value::Bool(boolean) => (*boolean).into(),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(whole), ..) => whole.into(),
            (_, Some(whole), _) => whole.into(),
            (.., Some(float)) if is_same_number(&float.to_string(), &number.to_string()) => float.into(),
            _ => number.to_string().into(),
        },
        Value::Array(items) => items.iter().map(readable).collect::<Vec<_>>().into(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.as_str().into(), readable(value)));
            serde_yaml::Value::Mapping(members.collect())
        }
    }
}
