//! `apply --wait`: after an apply, until the platform has settled what was made or changed, and until the first runs have
//! ended. Only reads, without the state's lock; the apply is done and recorded before any of this.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::exit::{Failure, Status};
use super::output::Output;
use super::progress;
use super::session::{Session, timestamp};
use super::span::span;
use crate::apply::Report;
use crate::kind::{Address, Intent, Kind, Observed, Run, RunStatus};
use crate::observe::{self, Wanted};
use crate::render;
use crate::state::model::State;

#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Waiting")]
pub(crate) struct WaitArguments {
    /// When it is applied, wait until the platform has settled the dataflows that were created or changed
    #[arg(long)]
    wait: bool,

    /// Wait also until the first run of each dataflow that was created has ended; exits with 1 if one failed
    #[arg(long)]
    wait_first_run: bool,

    /// How long to wait at most
    #[arg(long, value_name = "SPAN", default_value = "30m", value_parser = span)]
    wait_timeout: Duration,
}

/// The objects that are waited for, with their ids.
#[derive(Debug, Default)]
pub(crate) struct Awaited {
    settled: BTreeMap<Address, String>,
    first_run: BTreeSet<Address>,
}

/// No two looks are further apart.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Seconds after which a run of the emulator has ended.
const RUN_TAKES: i64 = 60;

/// A first run is the oldest of these; a wait that sees more than so many runs of new objects has had its run long ago.
const RUNS: usize = 1000;

impl WaitArguments {
    /// What to wait for after this apply.
    pub(crate) fn awaited(&self, report: &Report, state: &State) -> Awaited {
        let mut awaited = Awaited::default();
        if !self.wait && !self.wait_first_run {
            return awaited;
        }
        for (step, _) in report.steps.iter().filter(|(_, result)| result.is_success()) {
            let created = matches!(step.intent, Intent::Create { .. });
            let changed = matches!(step.intent, Intent::Update { .. } | Intent::Switch { .. });
            let runs = step.address.kind.spec().runs().is_some();
            let Some(entry) = state.entries.get(&step.address).filter(|_| runs && (created || changed))
            else {
                continue;
            };
            awaited.settled.insert(step.address.clone(), entry.id.clone());
            if created && self.wait_first_run {
                awaited.first_run.insert(step.address.clone());
            }
        }
        awaited
    }

    /// Waits. What was applied stays applied, whatever comes of this.
    pub(crate) async fn wait(
        &self,
        session: &Session,
        awaited: Awaited,
        output: &Output,
    ) -> Result<(), Failure> {
        if awaited.settled.is_empty() {
            return Ok(());
        }
        let waiting = Waiting { session, output, begun: Instant::now(), timeout: self.wait_timeout };
        let mut stop = session.interrupt.receiver();
        tokio::select! {
            waited = waiting.until(awaited) => waited,
            Ok(_) = stop.wait_for(|stop| *stop) => Err(Failure::new(
                Status::Interrupted,
                "no longer waiting; the apply is done, and recorded",
            )
            .hint(STATUS)),
        }
    }
}

const STATUS: &str = "`flowform status` shows how it stands";

struct Waiting<'a> {
    session: &'a Session,
    output: &'a Output,
    begun: Instant,
    timeout: Duration,
}

impl Waiting<'_> {
    async fn until(&self, awaited: Awaited) -> Result<(), Failure> {
        let objects = self.settled(&awaited.settled).await?;
        let mut pending: BTreeMap<String, Address> = BTreeMap::new();
        let now = self.session.now();
        let mut ahead = 0;
        for address in awaited.first_run {
            let (Some(id), Some(object)) = (awaited.settled.get(&address), objects.get(&address)) else {
                continue;
            };
            if object.state.eq_ignore_ascii_case("disabled") {
                self.output.note(&format!("{address} is switched off: there is no run to wait for"));
                continue;
            }
            if let Some(due) = address.kind.spec().next_run(&object.body, now) {
                let left = self.timeout.saturating_sub(self.begun.elapsed()).as_secs();
                let when = timestamp(due);
                if u64::try_from(due.saturating_sub(now)).is_ok_and(|ahead| ahead > left) {
                    return Err(Failure::new(
                        Status::Error,
                        format!("the first run of {address} is due {when}, later than --wait-timeout allows"),
                    )
                    .hint(format!(
                        "the apply is done; wait longer with --wait-timeout, or later: {STATUS}"
                    )));
                }
                self.output.note(&format!("waiting for the first run of {address}, due {when}"));
                ahead = ahead.max(due.saturating_sub(now).saturating_add(RUN_TAKES));
            }
            pending.insert(id.clone(), address);
        }
        // Nobody is to wait for a clock that can be set.
        if ahead > 0 && self.session.advance(ahead)? {
            self.output.note("the emulator's clock is set forward past it");
        }
        self.first_runs(pending).await
    }

    /// Until nothing is being done to these any more.
    async fn settled(
        &self,
        awaited: &BTreeMap<Address, String>,
    ) -> Result<BTreeMap<Address, Observed>, Failure> {
        let spinner = progress::spinner(self.output, "Waiting for the platform to settle what was applied");
        let mut pause = self.pause();
        loop {
            let managed = awaited.iter().map(|(address, id)| (address.clone(), id.clone(), None)).collect();
            let wanted = Wanted { managed, ..Wanted::default() };
            let seen = observe::observe(&self.session.client, wanted).await?.managed;
            let gone = awaited.keys().find(|address| seen.get(*address).is_none_or(Observed::is_going));
            if let Some(address) = gone {
                return Err(Failure::new(Status::Error, format!("{address} was applied, and is gone since"))
                    .hint("somebody deleted it, or it is not visible any more; plan again"));
            }
            let busy: Vec<&Address> =
                seen.iter().filter(|(_, object)| object.is_busy()).map(|(address, _)| address).collect();
            if busy.is_empty() {
                drop(spinner);
                return Ok(seen);
            }
            let names: Vec<String> = busy.iter().map(ToString::to_string).collect();
            self.rest(&mut pause, || format!("the platform has not settled {}", names.join(", "))).await?;
        }
    }

    /// Until each of these, by id, has had its first run.
    async fn first_runs(&self, mut pending: BTreeMap<String, Address>) -> Result<(), Failure> {
        let spinner = progress::spinner(self.output, "Waiting for the first run");
        let mut pause = self.pause();
        let mut failed: Vec<(Address, Run)> = Vec::new();
        while !pending.is_empty() {
            for kind in Kind::ALL {
                let of = pending.iter().filter(|(_, address)| address.kind == kind);
                let ids: Vec<String> = of.map(|(id, _)| id.clone()).collect();
                if ids.is_empty() {
                    continue;
                }
                let runs = observe::runs::of(&self.session.client, kind, &ids, None, RUNS).await?.runs;
                let mut first: BTreeMap<String, Run> = BTreeMap::new();
                for run in runs {
                    first.insert(run.of.clone(), run);
                }
                for (id, run) in first.into_iter().filter(|(_, run)| run.status.is_over()) {
                    let Some(address) = pending.remove(&id) else { continue };
                    self.output.note(&ended(&address, &run));
                    if run.status == RunStatus::Failed {
                        failed.push((address, run));
                    }
                }
            }
            if !pending.is_empty() {
                let names: Vec<String> = pending.values().map(ToString::to_string).collect();
                self.rest(&mut pause, || format!("the first run of {} has not ended", names.join(", ")))
                    .await?;
            }
        }
        drop(spinner);
        let names: Vec<String> = failed.iter().map(|(address, _)| address.to_string()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let mut failure =
            Failure::new(Status::Error, format!("the first run of {} failed", names.join(", ")))
                .hint("the apply is done, and what it made stays; `flowform runs` shows the runs to come");
        failure.causes = failed
            .iter()
            .flat_map(|(address, run)| {
                render::runs::errors(run).into_iter().map(move |e| format!("{address}: {e}"))
            })
            .collect();
        Err(failure)
    }

    fn pause(&self) -> Duration {
        self.session.patience.base.min(LONGEST_PAUSE)
    }

    /// A pause, each twice as long as the one before; or the end of patience, in these words.
    async fn rest(&self, pause: &mut Duration, words: impl Fn() -> String) -> Result<(), Failure> {
        let left = self.timeout.saturating_sub(self.begun.elapsed());
        if left.is_zero() {
            let why = format!("gave up waiting after --wait-timeout: {}", words());
            return Err(Failure::new(Status::Error, why).hint(format!("the apply is done; {STATUS}")));
        }
        tokio::time::sleep(left.min(*pause)).await;
        *pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// How a first run ended, in a line.
fn ended(address: &Address, run: &Run) -> String {
    let counts =
        [(run.records_read, "read"), (run.records_written, "written"), (run.records_failed, "failed")];
    let counts: Vec<String> =
        counts.iter().filter_map(|(count, what)| Some(format!("{} {what}", (*count)?))).collect();
    let counts = if counts.is_empty() { String::new() } else { format!(": records {}", counts.join(", ")) };
    format!("the first run of {address} ended: {}{counts}", run.status.words())
}
