//! `flowform status`: how every managed pipeline stands: on or off, drifted or not, its last run and its next. Only reads.

use std::collections::{BTreeMap, BTreeSet};

use super::exit::{Failure, Status};
use super::failed::Reader;
use super::output::Output;
use super::plan::say_recovered;
use super::runs::Format;
use super::session::{Prepared, Session};
use super::settings::PlatformArguments;
use crate::kind::{Address, Kind, Run};
use crate::manifest::Manifest;
use crate::observe;
use crate::plan::{Mode, Options};
use crate::render;
use crate::render::runs::Standing;
use crate::secret::Redactor;
use crate::state::model::State;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How to show it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    #[command(flatten)]
    platform: PlatformArguments,
}

impl Arguments {
    /// Who reads what is printed.
    pub(crate) fn reader(&self) -> Reader {
        self.format.into()
    }
}

/// Drift is told and is no failure: `plan --refresh-only` is the check.
pub(crate) async fn run(
    arguments: Arguments,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let (session, state) = Session::open_managed(&arguments.platform, redactor, output).await?;
    let options = Options { mode: Mode::RefreshOnly, ..Options::default() };
    let prepared = session.prepare(&Manifest::default(), Some(&state), &options, output).await?;
    say_recovered(&prepared, output);
    let last = session.interrupt.unless_interrupted(last_runs(&session, &state)).await??;
    let standings = standings(&state, &session.under_way, &prepared, last, session.now());
    match arguments.format {
        Format::Text => output.data(&render::runs::standings(&standings, &output.style())),
        Format::Json => output.data(&render::json::to_string(&render::json::standings(&standings))),
    }
    session.close().await;
    Ok(Status::Success)
}

/// The newest run of every object that runs, by the object's id.
async fn last_runs(session: &Session, state: &State) -> Result<BTreeMap<String, Run>, Failure> {
    let mut last = BTreeMap::new();
    for kind in Kind::ALL.into_iter().filter(|kind| kind.spec().runs().is_some()) {
        let entries = state.entries.iter().filter(|(address, _)| address.kind == kind);
        let ids: Vec<String> = entries.map(|(_, entry)| entry.id.clone()).collect();
        if !ids.is_empty() {
            last.extend(observe::runs::last_of(&session.client, kind, &ids).await?);
        }
    }
    Ok(last)
}

fn standings(
    state: &State,
    under_way: &BTreeSet<Address>,
    prepared: &Prepared,
    mut last: BTreeMap<String, Run>,
    now: i64,
) -> Vec<Standing> {
    let pipelines: BTreeSet<&str> = state.entries.keys().map(|address| address.pipeline.as_str()).collect();
    pipelines
        .into_iter()
        .map(|pipeline| {
            let ours = |address: &Address| address.pipeline == pipeline;
            let mut entries = state.entries.iter().filter(|(address, _)| ours(address));
            let running = entries.find(|(address, _)| address.kind.spec().runs().is_some());
            let observed = running.and_then(|(address, _)| prepared.observations.managed.get(address));
            // What a running apply is at differs from what is recorded, and has not drifted.
            let still = |address: &Address| ours(address) && !under_way.contains(address);
            let drift = prepared.plan.drift.iter().filter(|drift| still(&drift.address));
            Standing {
                pipeline: pipeline.to_owned(),
                address: running.map(|(address, _)| address.clone()),
                state: observed.map(|observed| observed.state.clone()),
                drift: drift.map(|drift| (drift.address.clone(), drift.gone)).collect(),
                last: running.and_then(|(_, entry)| last.remove(&entry.id)),
                next: running
                    .zip(observed)
                    .and_then(|((address, _), observed)| address.kind.spec().next_run(&observed.body, now)),
            }
        })
        .collect()
}
