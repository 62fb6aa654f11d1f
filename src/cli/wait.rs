//! `apply --wait`: after an apply, also one that had nothing to do, until the platform has settled the dataflows, and until
//! their first runs have ended. Only reads, without the state's lock; the apply is done and recorded before any of this.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::exit::{Failure, Status};
use super::output::Output;
use super::progress;
use super::session::{Session, timestamp};
use super::span::span;
use super::voice::Voice;
use crate::kind::{Address, Kind, LastOperation, Observed, Run, RunStatus, word};
use crate::observe::{self, Wanted};
use crate::render;
use crate::render::json::Until;
use crate::state::model::State;

#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Waiting")]
pub(crate) struct WaitArguments {
    /// When it is applied, wait until the platform has settled the dataflows that the plan is of
    #[arg(long)]
    wait: bool,

    /// Wait also until the first run of each of them that is on has ended; exits with 1 if one failed
    #[arg(long)]
    wait_first_run: bool,

    /// How long to wait at most
    #[arg(long, value_name = "SPAN", default_value = "30m", value_parser = span)]
    wait_timeout: Duration,
}

/// The objects that are waited for, with their ids.
#[derive(Debug, Default)]
pub(crate) struct Awaited {
    objects: BTreeMap<Address, String>,
    first_run: bool,
}

/// No two looks are further apart.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Seconds after which a run of the emulator has ended.
const RUN_TAKES: i64 = 60;

/// A first run is the oldest of these; what has run more often, or beside so many runs of others, had its first long ago.
const RUNS: usize = 1000;

impl WaitArguments {
    /// What to wait for of these addresses.
    pub(crate) fn awaited(&self, addresses: &BTreeSet<Address>, state: Option<&State>) -> Awaited {
        let mut awaited = Awaited { first_run: self.wait_first_run, ..Awaited::default() };
        if let Some(state) = state.filter(|_| self.wait || self.wait_first_run) {
            let running = addresses.iter().filter(|address| address.kind.spec().runs().is_some());
            awaited.objects = running
                .filter_map(|address| Some((address.clone(), state.entries.get(address)?.id.clone())))
                .collect();
        }
        awaited
    }

    /// Waits. What was applied stays applied, whatever comes of this; `again` tells how to go on waiting.
    pub(crate) async fn wait(
        &self,
        session: &Session,
        awaited: Awaited,
        again: &'static str,
        voice: &mut Voice<'_>,
        output: &Output,
    ) -> Result<(), Failure> {
        if awaited.objects.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let mut waiting = Waiting { session, output, voice, begun, timeout: self.wait_timeout, again };
        let mut stop = session.interrupt.receiver();
        tokio::select! {
            waited = waiting.until(awaited) => waited,
            Ok(_) = stop.wait_for(|stop| *stop) => Err(Failure::new(
                Status::Interrupted,
                "no longer waiting; the apply is done, and recorded",
            )
            .hint(format!("{again}; {STATUS}"))),
        }
    }
}

const STATUS: &str = "`flowform status` shows how it stands";

struct Waiting<'a, 'v> {
    session: &'a Session,
    output: &'a Output,
    voice: &'a mut Voice<'v>,
    begun: Instant,
    timeout: Duration,
    again: &'static str,
}

/// What waits for its first run, by id; and what of it failed.
#[derive(Default)]
struct FirstRuns {
    pending: BTreeMap<String, Address>,
    /// Of the pending ones, those that run now or are about to.
    begun: BTreeSet<Address>,
    failed: Vec<(Address, Run)>,
}

impl Waiting<'_, '_> {
    async fn until(&mut self, awaited: Awaited) -> Result<(), Failure> {
        let objects = self.settled(&awaited.objects).await?;
        if !awaited.first_run {
            return Ok(());
        }
        let mut runs = FirstRuns::default();
        for (address, id) in awaited.objects {
            match objects.get(&address) {
                Some(object) if word(&object.state) == "disabled" => {
                    self.output.note(&format!("{address} is switched off: there is no run to wait for"));
                }
                Some(_) => {
                    runs.pending.insert(id, address);
                }
                None => {}
            }
        }
        self.look(&mut runs).await?;
        let now = self.session.now();
        let mut ahead = 0;
        for address in runs.pending.values() {
            if runs.begun.contains(address) {
                self.output.note(&format!("waiting for the first run of {address}, which has begun"));
                self.voice.waits(address, Until::FirstRun, None);
                ahead = ahead.max(RUN_TAKES);
                continue;
            }
            let body = objects.get(address).map(|object| &object.body);
            let Some(due) = body.and_then(|body| address.kind.spec().next_run(body, now)) else {
                self.voice.waits(address, Until::FirstRun, None);
                continue;
            };
            let left = self.timeout.saturating_sub(self.begun.elapsed()).as_secs();
            let when = timestamp(due);
            if u64::try_from(due.saturating_sub(now)).is_ok_and(|ahead| ahead > left) {
                return Err(Failure::new(
                    Status::Error,
                    format!("the first run of {address} is due {when}, later than --wait-timeout allows"),
                )
                .hint(format!("the apply is done; wait longer with --wait-timeout: {}; {STATUS}", self.again))
                .about(address));
            }
            self.output.note(&format!("waiting for the first run of {address}, due {when}"));
            self.voice.waits(address, Until::FirstRun, Some(&when));
            ahead = ahead.max(due.saturating_sub(now).saturating_add(RUN_TAKES));
        }
        // Nobody is to wait for a clock that can be set.
        if ahead > 0 && self.session.advance(ahead)? {
            self.output.note("the emulator's clock is set forward past it");
        }
        self.first_runs(runs).await
    }

    /// Until nothing is being done to these any more.
    async fn settled(
        &mut self,
        awaited: &BTreeMap<Address, String>,
    ) -> Result<BTreeMap<Address, Observed>, Failure> {
        let spinner = progress::spinner(self.output, "Waiting for the platform to settle what was applied");
        let mut pause = self.pause();
        let mut told: BTreeSet<Address> = BTreeSet::new();
        loop {
            let managed = awaited.iter().map(|(address, id)| (address.clone(), id.clone(), None)).collect();
            let wanted = Wanted { managed, ..Wanted::default() };
            let seen = observe::observe(&self.session.client, wanted).await?.managed;
            let gone = awaited.keys().find(|address| seen.get(*address).is_none_or(Observed::is_going));
            if let Some(address) = gone {
                return Err(Failure::new(Status::Error, format!("{address} was applied, and is gone since"))
                    .hint("somebody deleted it, or it is not visible any more; plan again")
                    .about(address));
            }
            let busy: BTreeMap<&Address, &Observed> =
                seen.iter().filter(|(_, object)| is_busy(object)).collect();
            if busy.is_empty() {
                drop(spinner);
                return failed_operations(&seen).map_or(Ok(seen), Err);
            }
            for address in busy.keys() {
                if told.insert((*address).clone()) {
                    self.voice.waits(address, Until::Settled, None);
                }
            }
            let name =
                |(address, object): (&&Address, &&Observed)| match render::runs::unsettled(&object.operation)
                {
                    Some((said, _)) if !object.is_busy() => format!("{address} (its last operation: {said})"),
                    _ => address.to_string(),
                };
            let names: Vec<String> = busy.iter().map(name).collect();
            self.rest(&mut pause, || format!("the platform has not settled {}", names.join(", "))).await?;
        }
    }

    /// Takes note of the first runs that have ended. One that failed is made good by a later one that did not.
    async fn look(&mut self, runs: &mut FirstRuns) -> Result<(), Failure> {
        runs.begun.clear();
        for kind in Kind::ALL {
            let of = runs.pending.iter().filter(|(_, address)| address.kind == kind);
            let ids: Vec<String> = of.map(|(id, _)| id.clone()).collect();
            if ids.is_empty() {
                continue;
            }
            let client = &self.session.client;
            let found = observe::runs::of(client, kind, &ids, None, RUNS).await?;
            let mut by_object: BTreeMap<String, Vec<Run>> = BTreeMap::new();
            for run in found.runs {
                by_object.entry(run.of.clone()).or_default().push(run);
            }
            let unseen: Vec<String> = ids.into_iter().filter(|id| !by_object.contains_key(id)).collect();
            if found.more && !unseen.is_empty() {
                let last = observe::runs::last_of(client, kind, &unseen).await?;
                by_object.extend(last.into_iter().map(|(id, run)| (id, vec![run])));
            }
            for (id, of) in by_object {
                let Some((first, made_good)) = first_of(of) else { continue };
                if !first.status.is_over() {
                    runs.begun.extend(runs.pending.get(&id).cloned());
                    continue;
                }
                let Some(address) = runs.pending.remove(&id) else { continue };
                self.output.note(&ended(&address, &first, made_good));
                self.voice.ran_first(&address, &first);
                if first.status.is_bad() && !made_good {
                    runs.failed.push((address, first));
                }
            }
        }
        Ok(())
    }

    /// Until each of these has had its first run.
    async fn first_runs(&mut self, mut runs: FirstRuns) -> Result<(), Failure> {
        let spinner = progress::spinner(self.output, "Waiting for the first run");
        let mut pause = self.pause();
        while !runs.pending.is_empty() {
            self.look(&mut runs).await?;
            if !runs.pending.is_empty() {
                let names: Vec<String> = runs.pending.values().map(ToString::to_string).collect();
                self.rest(&mut pause, || format!("the first run of {} has not ended", names.join(", ")))
                    .await?;
            }
        }
        drop(spinner);
        let names: Vec<String> = runs.failed.iter().map(|(address, _)| address.to_string()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let mut failure =
            Failure::new(Status::Error, format!("the first run of {} failed", names.join(", ")))
                .hint("the apply is done, and what it made stays; `flowform runs` shows the runs to come");
        failure.causes = runs
            .failed
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
            return Err(
                Failure::new(Status::Error, why).hint(format!("the apply is done; {}; {STATUS}", self.again))
            );
        }
        tokio::time::sleep(left.min(*pause)).await;
        *pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// Whether something is being done to an object. A failed operation is told when the object has come to rest.
fn is_busy(object: &Observed) -> bool {
    object.is_busy() || matches!(object.operation, LastOperation::UnderWay(_))
}

/// The failure of those objects on which the platform's last operation failed; their state may say `enabled` all the same.
fn failed_operations(seen: &BTreeMap<Address, Observed>) -> Option<Failure> {
    let failed: Vec<_> = seen
        .iter()
        .filter_map(|(address, object)| Some((address, render::runs::unsettled(&object.operation)?)))
        .collect();
    let names: Vec<String> =
        failed.iter().map(|(address, (said, _))| format!("{address} ({said})")).collect();
    if names.is_empty() {
        return None;
    }
    let what = format!("the platform's last operation failed on {}", names.join(", "));
    let mut failure = Failure::new(Status::Error, what)
        .hint("the apply was accepted, and is recorded; correct what the platform says and apply again");
    failure.causes = failed
        .into_iter()
        .flat_map(|(address, (_, errors))| errors.into_iter().map(move |error| format!("{address}: {error}")))
        .collect();
    Some(failure)
}

/// The first of the runs of an object, newest first, and whether a later one ended better than by failing.
fn first_of(mut runs: Vec<Run>) -> Option<(Run, bool)> {
    let first = runs.pop()?;
    let well = |run: &Run| matches!(run.status, RunStatus::Success | RunStatus::Partial);
    Some((first, runs.iter().any(well)))
}

/// How a first run ended, in a line.
fn ended(address: &Address, run: &Run, made_good: bool) -> String {
    let counts =
        [(run.records_read, "read"), (run.records_written, "written"), (run.records_failed, "failed")];
    let counts: Vec<String> =
        counts.iter().filter_map(|(count, what)| Some(format!("{} {what}", (*count)?))).collect();
    let counts = if counts.is_empty() { String::new() } else { format!(": records {}", counts.join(", ")) };
    let since = if run.status.is_bad() && made_good { "; one after it did not fail" } else { "" };
    format!("the first run of {address} ended: {}{counts}{since}", run.status.words())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, status: &str) -> Run {
        let metrics = serde_json::json!({ "statusSummary": { "status": status } });
        Run::observed(&serde_json::json!({ "id": id, "flowId": "f", "metrics": metrics })).unwrap()
    }

    #[test]
    fn a_first_run_that_failed_is_made_good_by_a_later_one() {
        let judged = |runs: &[&str]| {
            let runs = runs.iter().enumerate().map(|(n, status)| run(&n.to_string(), status));
            let (first, made_good) = first_of(runs.collect()).unwrap();
            let words = ended(&Address::new("p", Kind::Dataflow), &first, made_good);
            (first.id, made_good, words.ends_with("one after it did not fail"))
        };
        assert_eq!(judged(&["success", "failed"]), ("1".to_owned(), true, true));
        assert_eq!(judged(&["failed", "inProgress", "failed"]), ("2".to_owned(), false, false));
        assert_eq!(judged(&["failed", "success"]), ("1".to_owned(), false, false));
    }
}
