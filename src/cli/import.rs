//! `flowform import`: an existing object under an address of the manifest, into the state and not a byte further.
//!
//! The `import` block of a manifest does the same as part of a reviewed plan; both ask `plan::import`.

use std::collections::BTreeMap;

use super::exit::{Failure, Status};
use super::output::Output;
use super::plan::load;
use super::session::Session;
use super::settings::{ManifestArguments, PlatformArguments};
use super::state::refuse_in_flight;
use crate::kind::Address;
use crate::observe::{self, Wanted};
use crate::plan::import;
use crate::secret::Redactor;
use crate::state::model::{Change, State};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// PIPELINE.SECTION, as the manifest has it
    #[arg(value_name = "ADDRESS")]
    address: Address,

    /// The existing object's id
    #[arg(value_name = "ID", value_parser = id)]
    id: String,

    #[command(flatten)]
    manifest: ManifestArguments,

    #[command(flatten)]
    platform: PlatformArguments,
}

/// Only what can stand in a path: the id is read by it.
fn id(text: &str) -> Result<String, String> {
    let usable = crate::kind::usable_id(text).filter(|id| !id.contains(char::is_whitespace));
    usable.ok_or_else(|| "write the id of an existing object".to_owned())
}

pub(crate) async fn run(
    arguments: Arguments,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let Arguments { address, id, manifest, platform } = arguments;
    let manifest = load(&manifest, &super::problems::Warnings::default(), output)?;
    let section = manifest.sections.iter().find(|s| s.address == address).ok_or_else(|| {
        Failure::usage(format!("the manifest has no {address}"))
            .hint("write its section first, or let `flowform export` write it")
    })?;
    let session = Session::open(&platform, Some(&manifest), redactor, output).await?;
    let mut locked = session.lock("import", output).await?;
    session.check_place(locked.state())?;
    if let Some(state) = locked.state() {
        refuse_in_flight(state)?;
    }
    let wanted = Wanted { imports: vec![(address.clone(), id.clone())], ..Wanted::default() };
    let look = observe::observe(&session.client, wanted);
    let observations = session.interrupt.unless_interrupted(look).await??;
    let none = BTreeMap::new();
    let entries = locked.state().map_or(&none, |state| &state.entries);
    if entries.get(&address).is_some_and(|entry| entry.id == id) {
        output.note(&format!("{address} is {id} already"));
        session.close().await;
        return Ok(Status::Success);
    }
    let observed = import::find(&address, &id, entries, &observations).map_err(|refusal| {
        Failure::new(Status::Refused, format!("{address} cannot be imported: {}", refusal.text))
            .hint(refusal.hint)
    })?;
    let entry = import::entry(section, observed);
    if locked.state().is_none() {
        locked.create(State::new(session.place.clone())?)?;
    }
    locked.fold()?;
    locked.record(vec![Change::Set { address: address.clone(), entry }])?;
    locked.fold()?;
    session.close().await;
    output.note(&format!(
        "{id} is now managed as {address}; `flowform plan` shows what the manifest wants otherwise"
    ));
    Ok(Status::Success)
}
