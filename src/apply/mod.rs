//! Carries a plan out: concurrently over its graph, recording every result before anything relies on it.
//!
//! `step` does one step, `recover` finds out what a lost answer or a crash left open, `event` says what happened.
//! Here: which step may run when, and what the state records. Decides nothing that the plan has decided.

mod event;
mod recover;
mod step;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::api::Client;
use crate::kind::{Address, Body, Intent, Kind, SecretSource, Step};
use crate::plan::{self, Plan};
use crate::secret::Secret;
use crate::state::model::{Change, Entry, InFlight};
use crate::wire::Etag;

pub use event::{Event, StepResult};
pub use recover::{Recovery, recover};
pub use step::Patience;
use step::{After, Done, Runner};

/// Where results are recorded: the locked state.
pub trait Recorder {
    /// The state's entries as recorded so far.
    fn entries(&self) -> &BTreeMap<Address, Entry>;
    /// Every id that the state knows ([`State::ids`](crate::state::model::State::ids)).
    fn ids(&self) -> BTreeSet<String>;
    /// Records changes durably, all or none.
    fn record(&mut self, changes: Vec<Change>) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// How to go about it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Steps under way at once, at least one.
    pub parallelism: usize,
    /// How long a step waits for the platform.
    pub patience: Patience,
    /// The API client id, as the platform notes it.
    pub client_id: String,
    /// User, host, process: for whoever finds the plan in flight.
    pub who: String,
    /// The time: epoch seconds.
    pub clock: fn() -> i64,
    /// Seconds that the platform's clock is ahead of that, where its answers do not tell.
    pub ahead: i64,
}

/// What became of a plan, by step, in the plan's order.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every step that had a result.
    pub steps: Vec<(Step, StepResult)>,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Why recording stopped, if it did; nothing was begun after that.
    pub not_recorded: Option<String>,
}

impl Report {
    /// Whether everything was done.
    pub fn is_complete(&self) -> bool {
        !self.interrupted && self.not_recorded.is_none() && self.steps.iter().all(|(_, r)| r.is_success())
    }
}

/// Applies a plan. `stop` turns true when nothing new shall be begun.
pub async fn run(
    plan: &Plan,
    client: &Client,
    secrets: Arc<BTreeMap<SecretSource, Secret>>,
    settings: &Settings,
    recorder: &mut dyn Recorder,
    stop: watch::Receiver<bool>,
    sink: &mut (dyn FnMut(&Event) + Send),
) -> Report {
    // By the platform's clock, because what it says of an object's creation is compared with it.
    let now = (settings.clock)().saturating_add(client.ahead().unwrap_or(settings.ahead));
    let started = jiff::Timestamp::from_second(now).unwrap_or_default().to_string();
    // What the steps say of addresses is true once the moves are made.
    let mut changes = plan::moving(&plan.moves, recorder.entries());
    if plan.steps().next().is_some() {
        let in_flight = InFlight {
            started,
            who: settings.who.clone(),
            client_id: settings.client_id.clone(),
            steps: plan.steps().cloned().collect(),
            settled: Vec::new(),
        };
        changes.push(Change::Begun { in_flight });
    }
    changes.extend(
        plan.records
            .iter()
            .map(|(address, entry)| Change::Set { address: address.clone(), entry: entry.clone() }),
    );
    if changes.is_empty() {
        return Report::default();
    }
    if let Err(error) = recorder.record(changes) {
        return Report { not_recorded: Some(step::chain(error.as_ref())), ..Report::default() };
    }
    let ours = Arc::new(Mutex::new(recorder.ids()));
    let mut walk = Walk {
        plan,
        client,
        secrets,
        settings,
        since: now.saturating_mul(1000),
        ours,
        results: HashMap::new(),
        running: HashSet::new(),
        names: HashSet::new(),
        made: HashSet::new(),
        addresses: plan.operations.iter().map(|o| &o.address).collect(),
        touched: HashMap::new(),
        work: JoinSet::new(),
        tasks: HashMap::new(),
        stop,
    };
    let not_recorded = walk.walk(recorder, sink).await;
    let Walk { mut results, stop, .. } = walk;
    let not_tried = results.values().any(|r| matches!(r, StepResult::NotTried { .. }));
    let interrupted = *stop.borrow() && not_tried;

    let open = results.values().any(|r| matches!(r, StepResult::Unknown { .. }));
    let not_recorded = not_recorded.or_else(|| {
        // While something is unknown the plan stays in flight, so that the next run looks it up.
        let ended = if open { Vec::new() } else { vec![Change::Ended] };
        recorder.record(ended).err().map(|e| step::chain(e.as_ref()))
    });
    let steps = plan.steps().filter_map(|s| results.remove(s.key.as_str()).map(|r| (s.clone(), r))).collect();
    Report { steps, interrupted, not_recorded }
}

struct Walk<'a> {
    plan: &'a Plan,
    client: &'a Client,
    secrets: Arc<BTreeMap<SecretSource, Secret>>,
    settings: &'a Settings,
    since: i64,
    ours: Arc<Mutex<BTreeSet<String>>>,
    results: HashMap<&'a str, StepResult>,
    running: HashSet<&'a str>,
    /// Names being created just now: two creates of one name at a time could not be told apart if an answer was lost.
    names: HashSet<(Kind, String)>,
    /// Addresses whose object was made in this run.
    made: HashSet<Address>,
    /// Addresses that the plan does anything to.
    addresses: HashSet<&'a Address>,
    /// Objects that this run changed: their etag now, and their body if it is known.
    touched: HashMap<String, (Option<Etag>, Body)>,
    work: JoinSet<Done>,
    /// Which step a task does.
    tasks: HashMap<tokio::task::Id, usize>,
    stop: watch::Receiver<bool>,
}

/// What a step that is not running yet may do.
enum Readiness {
    Wait,
    Run,
    /// Its purpose fell away; it has no result.
    Drop,
    NotTried(String),
}

impl<'a> Walk<'a> {
    /// Runs every step that can be run. Returns why recording stopped, if it did.
    async fn walk(
        &mut self,
        recorder: &mut dyn Recorder,
        sink: &mut (dyn FnMut(&Event) + Send),
    ) -> Option<String> {
        let plan: &'a Plan = self.plan;
        let steps: Vec<&'a Step> = plan.steps().collect();
        let mut waiting: Vec<usize> = (0..steps.len()).collect();
        let mut not_recorded = None;
        loop {
            let stopping = not_recorded.is_some() || *self.stop.borrow();
            // A step that is not tried can decide the fate of others, so this goes on until nothing moves.
            let mut moved = true;
            while moved {
                moved = false;
                let mut still = Vec::with_capacity(waiting.len());
                for index in std::mem::take(&mut waiting) {
                    let step = steps[index];
                    match self.readiness(step, stopping, not_recorded.is_some()) {
                        Readiness::Run if self.running.len() < self.settings.parallelism.max(1) => {
                            self.begin(index, step, recorder.entries(), sink);
                        }
                        Readiness::Run | Readiness::Wait => still.push(index),
                        Readiness::Drop => moved = true,
                        Readiness::NotTried(because) => {
                            moved = true;
                            self.finish(step, StepResult::NotTried { because }, sink);
                        }
                    }
                }
                waiting = still;
            }
            if self.running.is_empty() {
                // Steps that wait for each other are refused in the plan; of one that is not, nothing goes unsaid.
                for index in std::mem::take(&mut waiting) {
                    let because = "it waits for a step that waits for it".to_owned();
                    self.finish(steps[index], StepResult::NotTried { because }, sink);
                }
                return not_recorded;
            }
            let joined = tokio::select! {
                joined = self.work.join_next_with_id() => joined,
                // Only to look at the waiting steps again: what is under way is finished.
                Ok(()) = self.stop.changed() => continue,
            };
            // Everything that is there by now is recorded together: one write for many results.
            let mut batch: Vec<(usize, Done)> = Vec::new();
            let mut next = joined;
            while let Some(joined) = next {
                batch.extend(self.ended(joined));
                next = self.work.try_join_next_with_id();
            }
            let mut changes = Vec::new();
            for (index, done) in &batch {
                changes.extend(self.record(steps[*index], done, recorder.entries()));
            }
            match recorder.record(changes) {
                Ok(()) => {}
                Err(error) => {
                    let _ = not_recorded.get_or_insert_with(|| step::chain(error.as_ref()));
                }
            }
            for (index, done) in batch {
                let step = steps[index];
                self.running.remove(step.key.as_str());
                if let Intent::Create { body, .. } = &step.intent
                    && let Some(name) = recover::name(step.address.kind, body)
                {
                    self.names.remove(&(step.address.kind, name));
                }
                self.finish(step, done.result, sink);
            }
        }
    }

    /// A step's result. One whose task broke down may have been done or not.
    fn ended(&mut self, joined: Result<(tokio::task::Id, Done), JoinError>) -> Option<(usize, Done)> {
        match joined {
            Ok((id, done)) => Some((self.tasks.remove(&id)?, done)),
            Err(error) => Some((self.tasks.remove(&error.id())?, Done::broken(&error))),
        }
    }

    fn readiness(&self, step: &Step, stopping: bool, hard: bool) -> Readiness {
        for need in &step.needs {
            match self.results.get(need.as_str()) {
                None => return Readiness::Wait,
                Some(result) if result.is_success() => {}
                Some(_) if step.unless.is_some() => return Readiness::Drop,
                Some(StepResult::NotTried { because }) => return Readiness::NotTried(because.clone()),
                Some(StepResult::FailsTest { .. }) => {
                    return Readiness::NotTried(format!("{} fails the platform's test", title_of(need)));
                }
                Some(_) => return Readiness::NotTried(format!("{} was not done", title_of(need))),
            }
        }
        if let Some(other) = &step.unless {
            // An undoing step runs even while stopping: what it undoes must not stay as it is.
            return match self.results.get(other.as_str()) {
                None => Readiness::Wait,
                Some(
                    StepResult::Failed { .. } | StepResult::Conflict { .. } | StepResult::NotTried { .. },
                ) if !hard => Readiness::Run,
                Some(_) => Readiness::Drop,
            };
        }
        if stopping {
            let because = if hard { "results could no longer be recorded" } else { "interrupted" };
            return Readiness::NotTried(because.to_owned());
        }
        if let Intent::Create { body, .. } = &step.intent
            && let Some(name) = recover::name(step.address.kind, body)
            && self.names.contains(&(step.address.kind, name))
        {
            return Readiness::Wait;
        }
        Readiness::Run
    }

    fn begin(
        &mut self,
        index: usize,
        step: &'a Step,
        entries: &BTreeMap<Address, Entry>,
        sink: &mut (dyn FnMut(&Event) + Send),
    ) {
        self.running.insert(&step.key);
        if let Intent::Create { body, .. } = &step.intent
            && let Some(name) = recover::name(step.address.kind, body)
        {
            self.names.insert((step.address.kind, name));
        }
        sink(&Event::Started {
            step: step.key.clone(),
            address: step.address.clone(),
            verb: verb(&step.intent),
        });
        let ready = self.fill(step, entries);
        let runner = Runner {
            client: self.client.clone(),
            patience: self.settings.patience,
            secrets: Arc::clone(&self.secrets),
            client_id: self.settings.client_id.clone(),
            since: self.since,
            clock: self.settings.clock,
            ahead: self.settings.ahead,
            ours: Arc::clone(&self.ours),
            fresh_parent: step.depends_on.iter().any(|a| self.made.contains(a)),
            changed_parents: self.has_changed_parents(step, entries),
        };
        let task = self.work.spawn(async move { runner.run(&ready).await });
        self.tasks.insert(task.id(), index);
    }

    /// Whether this plan makes or changes anything that a step's object refers to, near or far.
    fn has_changed_parents(&self, step: &Step, entries: &BTreeMap<Address, Entry>) -> bool {
        let mut seen: HashSet<&Address> = HashSet::new();
        let mut open: Vec<&Address> = step.depends_on.iter().collect();
        while let Some(address) = open.pop() {
            if self.addresses.contains(address) {
                return true;
            }
            if seen.insert(address)
                && let Some(entry) = entries.get(address)
            {
                open.extend(&entry.depends_on);
            }
        }
        false
    }

    /// The step with every id that is known by now, and with what this run itself did to its object.
    fn fill(&self, step: &Step, entries: &BTreeMap<Address, Entry>) -> Step {
        let mut step = step.clone();
        let spec = step.address.kind.spec();
        let fill = |body: &Body| spec.settle(recover::fill_ids(body, entries), None);
        match &mut step.intent {
            Intent::Create { body, .. } | Intent::Adopt { body, .. } => *body = fill(body),
            Intent::Update { id, etag, before, after, paths, .. } => {
                let filled = fill(after);
                // A field may be named after an id that only this run has told.
                let is_new = |path: &str| after.pointer(path).is_none();
                paths.retain(|path| is_new(path) || filled.pointer(path).is_some());
                paths.extend(plan::fields(&filled, &is_new).into_iter().map(|(path, _)| path));
                *after = filled;
                if let Some((now, body)) = self.touched.get(id) {
                    etag.clone_from(now);
                    before.clone_from(body);
                }
            }
            Intent::Switch { id, etag, before, .. } => {
                // Right after a create: the plan could not know the id.
                if id.is_none()
                    && let Some(entry) = entries.get(&step.address)
                {
                    *id = Some(entry.id.clone());
                    etag.clone_from(&entry.etag);
                }
                if let Some((now, body)) = id.as_ref().and_then(|id| self.touched.get(id)) {
                    etag.clone_from(now);
                    before.clone_from(body);
                }
            }
            Intent::Delete { id, etag, before, .. } => {
                if let Some((now, body)) = self.touched.get(id) {
                    etag.clone_from(now);
                    before.clone_from(body);
                }
            }
            Intent::Forget { .. } => {}
        }
        step
    }

    /// What the state has to record of a step's result.
    fn record(&mut self, step: &Step, done: &Done, entries: &BTreeMap<Address, Entry>) -> Vec<Change> {
        let settled = Change::Settled { step: step.key.clone() };
        if matches!(done.result, StepResult::Unknown { .. }) {
            return Vec::new();
        }
        if !done.result.was_done() {
            return vec![settled];
        }
        let address = &step.address;
        let entry = entries.get(address);
        let After { id, etag, version } = done.after.clone();
        let change = match self.fill(step, entries).intent {
            Intent::Create { body, replaces, .. } => {
                self.made.insert(address.clone());
                let mut replaced = entry.map(|e| e.replaced.clone()).unwrap_or_default();
                replaced.extend(replaces);
                id.map(|id| Entry {
                    id,
                    etag,
                    version,
                    applied: recover::applied(address.kind, &body, None),
                    depends_on: step.depends_on.clone(),
                    protect: step.protect,
                    replaced,
                })
            }
            Intent::Adopt { id, body, version, keeps_secrets } => Some(Entry {
                id,
                etag: None,
                version,
                // What was not sent is not recorded as sent: a secret gets its fingerprint with the update.
                applied: if keeps_secrets {
                    plan::with_own_secrets(&body)
                } else {
                    plan::without_secrets(&body)
                },
                depends_on: step.depends_on.clone(),
                protect: step.protect,
                replaced: entry.map(|e| e.replaced.clone()).unwrap_or_default(),
            }),
            Intent::Update { id, after, .. } => {
                self.touched.insert(id.clone(), (etag.clone(), Value::Null));
                entry.filter(|e| e.id == id).map(|entry| Entry {
                    etag,
                    version: version.or(entry.version),
                    applied: recover::applied(address.kind, &after, Some(&entry.applied)),
                    depends_on: step.depends_on.clone(),
                    protect: step.protect,
                    ..entry.clone()
                })
            }
            Intent::Switch { id: None, .. } => None,
            Intent::Switch { id: Some(id), on, mut before, .. } => {
                let switch = address.kind.spec().switch();
                if let (Some(members), Some(switch)) = (before.as_object_mut(), switch) {
                    members.insert(switch.member.to_owned(), on.into());
                }
                self.touched.insert(id.clone(), (etag.clone(), before));
                entry.filter(|e| e.id == id).map(|entry| {
                    let mut entry = Entry { etag, ..entry.clone() };
                    if let (Some(members), Some(switch)) = (entry.applied.as_object_mut(), switch) {
                        members.insert(switch.member.to_owned(), on.into());
                    }
                    entry
                })
            }
            Intent::Delete { id, .. } | Intent::Forget { id } => {
                let removed = match entry {
                    Some(entry) if entry.id == id => Change::Removed { address: address.clone() },
                    Some(entry) => {
                        let mut entry = entry.clone();
                        entry.replaced.retain(|r| *r != id);
                        Change::Set { address: address.clone(), entry }
                    }
                    None => return vec![settled],
                };
                let left = matches!(done.result, StepResult::LeftInPlace { .. });
                let left = left.then_some(Change::LeftInPlace { id });
                return left.into_iter().chain([removed, settled]).collect();
            }
        };
        let set = change.map(|entry| Change::Set { address: address.clone(), entry });
        set.into_iter().chain([settled]).collect()
    }

    fn finish(&mut self, step: &'a Step, result: StepResult, sink: &mut (dyn FnMut(&Event) + Send)) {
        sink(&Event::Finished {
            step: step.key.clone(),
            address: step.address.clone(),
            verb: verb(&step.intent),
            result: result.clone(),
        });
        self.results.insert(&step.key, result);
    }
}

/// The part of a step's key that names its object.
fn title_of(key: &str) -> &str {
    key.split_once('#').map_or(key, |(address, _)| address)
}

/// What a step does, in a person's words.
pub fn verb(intent: &Intent) -> &'static str {
    match intent {
        Intent::Create { .. } => "create",
        Intent::Update { .. } => "update",
        Intent::Switch { on: true, .. } => "enable",
        Intent::Switch { on: false, .. } => "disable",
        Intent::Delete { .. } => "delete",
        Intent::Adopt { .. } => "adopt",
        Intent::Forget { .. } => "forget",
    }
}
