//! What `plan`, `apply` and `destroy` have in common: a place, a client, a state file, and the way from them to a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::exit::{Failure, Status};
use super::output::Output;
use super::paths::Paths;
use super::secrets::{self, Resolved};
use super::settings::{PlatformArguments, Where, default_folder, default_state, no_state};
use super::signals::Interrupt;
use super::state::absent_state;
use super::{environment, locking, now, progress, proxy, validate};
use crate::api::Client;
use crate::apply::{self, Patience, Recovery};
use crate::emulator;
use crate::kind::{Address, Answer, Body, Code, Kind, Leaf, SecretSource, map_leaves, word};
use crate::manifest::{Manifest, Problems};
use crate::observe::{self, Wanted};
use crate::plan::preflight::Preflight;
use crate::plan::{self, Action, Inputs, Mode, Observations, Operation, Options, Plan, Selector};
use crate::secret::{Redactor, Secret};
use crate::state::model::{InFlight, Place, State};
use crate::state::{Holder, StateFile, fingerprint};

/// The gateway's name in the state of the embedded emulator, which has another port each time.
const EMULATOR_GATEWAY: &str = "emulator";

/// Stands for the fingerprint of a secret that is at hand while there is no key to make it with.
pub(crate) const UNSEALED: &str = "unsealed";

/// A run against one place.
pub(crate) struct Session {
    pub place: Place,
    pub client: Client,
    pub client_id: String,
    pub file: StateFile,
    pub patience: Patience,
    /// How long to wait for the state's lock.
    pub lock_timeout: Duration,
    pub parallelism: usize,
    /// What a running apply has not done yet, for a command that only looks.
    pub under_way: BTreeSet<Address>,
    pub interrupt: Interrupt,
    redactor: Redactor,
    /// How long a command may take to say a secret.
    command_limit: Duration,
    /// Seconds that the clock of the embedded emulator was ahead of ours at its start: what holds before an answer tells.
    pub ahead: i64,
    /// Stops when dropped.
    emulator: Option<emulator::Handle>,
}

/// A plan and what carrying it out needs.
pub(crate) struct Prepared {
    pub plan: Plan,
    pub secrets: Arc<BTreeMap<SecretSource, Secret>>,
    pub missing: BTreeMap<SecretSource, String>,
    /// What an interrupted apply turned out to have done; not recorded yet.
    pub recovery: Recovery,
    /// What the plan was made from.
    pub observations: Observations,
    /// What the platform says beforehand of what the plan sends, short of a refusal.
    pub warnings: Problems,
}

impl Session {
    /// Finds the place, starts the emulator if it is asked for, and prepares the client. Sends nothing.
    pub(crate) async fn open(
        arguments: &PlatformArguments,
        manifest: Option<&Manifest>,
        redactor: &Redactor,
        output: &Output,
    ) -> Result<Self, Failure> {
        Self::open_beside(Paths::default(), arguments, manifest, redactor, output).await
    }

    /// [`Session::open`] for a command that writes files. `paths` are those, and what else it reads; with what the session
    /// keeps and reads they are checked before anything is written.
    pub(crate) async fn open_beside(
        mut paths: Paths,
        arguments: &PlatformArguments,
        manifest: Option<&Manifest>,
        redactor: &Redactor,
        output: &Output,
    ) -> Result<Self, Failure> {
        let sandbox = arguments.sandbox(manifest)?;
        let path = arguments.state.clone().unwrap_or_else(|| default_state(&sandbox, arguments.emulator));
        paths.keep_platform(arguments, Some(&path));
        paths.keep_secrets(&manifest.map(secrets::of_manifest).unwrap_or_default());
        paths.check()?;
        let console = arguments.console()?;
        let file = StateFile::new(path);
        // A run without a manifest (`destroy`) finds the org in its state.
        let recorded = if manifest.is_some_and(|m| m.org.is_some()) { None } else { file.read()? };
        let others = [console.as_ref().and_then(|c| c.org.clone()), recorded.map(|s| s.place.org)];
        let place = Where { org: arguments.org(manifest, others)?, sandbox };
        let emulator = if arguments.emulator {
            // Whoever only looks, and has applied nothing there, does not bring a sandbox into being.
            let comes_to_be = manifest.is_some() || file.path().exists();
            let sandbox = comes_to_be.then_some(place.sandbox.as_str());
            Some(start_emulator(store(file.path()), sandbox).await?)
        } else {
            None
        };
        let url = emulator.as_ref().map(emulator::Handle::url);
        let mut settings = arguments.client(&place, console, url)?;
        if !arguments.emulator {
            settings.proxies = proxy::from_environment(redactor)?;
        }
        let gateway =
            if arguments.emulator { EMULATOR_GATEWAY.to_owned() } else { gateway(&settings.gateway) };
        let client_id = settings.client_id.clone();
        let client = Client::new(settings, redactor.clone())?;
        Ok(Self {
            place: Place { gateway, org: place.org, sandbox: place.sandbox },
            client,
            client_id,
            file,
            patience: Patience { base: Duration::from_secs_f64(arguments.retry_wait), ..Patience::default() },
            lock_timeout: arguments.lock_timeout,
            under_way: BTreeSet::new(),
            parallelism: usize::from(arguments.parallelism),
            interrupt: Interrupt::listen(output.clone()),
            redactor: redactor.clone(),
            command_limit: Duration::from_secs_f64(arguments.command_timeout),
            ahead: emulator.as_ref().map_or(0, emulator::Handle::ahead),
            emulator,
        })
    }

    /// For a command that plans. Where no manifest leads to a sandbox, as for a destroy of everything, the state does.
    pub(crate) async fn open_for(
        mode: Mode,
        arguments: &PlatformArguments,
        manifest: &Manifest,
        paths: Paths,
        redactor: &Redactor,
        output: &Output,
    ) -> Result<Self, Failure> {
        if mode == Mode::Normal || manifest.sandbox.is_some() {
            return Self::open_beside(paths, arguments, Some(manifest), redactor, output).await;
        }
        let placed = arguments.placed_by_state()?;
        if let (Mode::Destroy, true, Some(sandbox)) = (mode, manifest.sections.is_empty(), &arguments.sandbox)
        {
            let default = default_state(sandbox, arguments.emulator);
            let path = arguments.state.as_ref().unwrap_or(&default);
            if !path.exists() {
                // A name that is mistyped must not pass for a sandbox that is taken down.
                return Err(match &arguments.state {
                    Some(path) => absent_state(path),
                    None => no_state(Some(sandbox), &[default_folder(arguments.emulator)]),
                });
            }
        }
        Self::open_beside(paths, &placed, Some(manifest), redactor, output).await
    }

    /// For a command that looks at what is managed, with the state. Where nothing names a sandbox it is that of the only
    /// state there is.
    pub(crate) async fn open_managed(
        arguments: &PlatformArguments,
        redactor: &Redactor,
        output: &Output,
    ) -> Result<(Self, State), Failure> {
        let arguments = arguments.placed_by_state()?;
        let folders = [default_folder(arguments.emulator)];
        if arguments.state.is_none() && arguments.sandbox.is_none() {
            return Err(no_state(None, &folders));
        }
        let mut session = Self::open(&arguments, None, redactor, output).await?;
        let mut state = session.read_state()?.ok_or_else(|| match &arguments.state {
            Some(path) => absent_state(path),
            None => no_state(Some(&session.place.sandbox), &folders),
        })?;
        if !session.lock_timeout.is_zero() {
            session.until_free(output).await?;
            let state = session.read_state()?.unwrap_or(state);
            return Ok((session, state));
        }
        if locking::tell_holder(&session.file, output)? {
            // What is in flight is under way, and not to be looked up.
            let under_way = state.in_flight.take();
            session.under_way = under_way.as_ref().map(InFlight::open).unwrap_or_default();
        }
        Ok((session, state))
    }

    /// Epoch seconds, by the platform's clock, as its newest answer tells; by ours before there is one.
    pub(crate) fn now(&self) -> i64 {
        now().saturating_add(self.client.ahead().unwrap_or(self.ahead))
    }

    /// The same, for what is asked before anything else has been: one read tells the time.
    pub(crate) async fn now_told(&self) -> i64 {
        if self.client.ahead().is_none()
            && let Err(error) = observe::sandbox(&self.client, &self.place.sandbox).await
        {
            tracing::info!(%error, "the platform's time could not be asked");
        }
        self.now()
    }

    /// The state without taking its lock.
    pub(crate) fn read_state(&self) -> Result<Option<State>, Failure> {
        let state = self.file.read()?;
        self.check_place(state.as_ref())?;
        Ok(state)
    }

    /// A state is never used against another place than its own.
    pub(crate) fn check_place(&self, state: Option<&State>) -> Result<(), Failure> {
        let Some(state) = state else { return Ok(()) };
        let pairs = [
            ("gateway", &state.place.gateway, &self.place.gateway),
            ("organisation", &state.place.org, &self.place.org),
            ("sandbox", &state.place.sandbox, &self.place.sandbox),
        ];
        for (what, recorded, here) in pairs {
            if recorded != here {
                let path = self.file.path().display();
                return Err(Failure::new(
                    Status::State,
                    format!("the state {path} belongs to the {what} {recorded}, and this run is for {here}"),
                )
                .hint(if recorded.eq_ignore_ascii_case(here) {
                    "they differ in the case of letters alone: write it as the state has it"
                } else {
                    "each place has its own state: name another with --state"
                }));
            }
        }
        Ok(())
    }

    /// Who holds the lock, for those who find it held.
    pub(crate) fn holder(command: &str) -> Holder {
        Holder {
            id: random_id(),
            who: ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME"]
                .iter()
                .find_map(|name| environment(name))
                .unwrap_or_else(|| "somebody".to_owned()),
            host: host(),
            pid: std::process::id(),
            command: format!("flowform {command}"),
            since: timestamp(now()),
        }
    }

    /// Looks at everything and makes the plan. Only reads.
    pub(crate) async fn prepare(
        &self,
        manifest: &Manifest,
        state: Option<&State>,
        options: &Options,
        output: &Output,
    ) -> Result<Prepared, Failure> {
        let spinner = progress::spinner(output, "Reading the platform");
        let work = async {
            let prepared = self.look_and_plan(manifest, state, options, output).await?;
            let problems = self.preflight(manifest, &prepared, output).await?;
            Ok::<_, Failure>((prepared, problems))
        };
        let work = self.interrupt.unless_interrupted(work).await?;
        drop(spinner);
        let (mut prepared, problems) = work?;
        if problems.errors > 0 {
            let mut failure = validate::refuse(&problems, output);
            "the platform would refuse what the manifest says; nothing was written"
                .clone_into(&mut failure.message);
            output.talk("");
            let is_the_platforms = problems.list.iter().any(|p| p.code != Code::ConflictingFields);
            output.note(if is_the_platforms {
                "the platform would refuse this; nothing was written"
            } else {
                "nothing was written"
            });
            return Err(failure);
        }
        validate::report(&problems, output);
        prepared.warnings = problems;
        Ok(prepared)
    }

    /// Asks the platform whether it would take what a plan sends, before anything is written. Only reads.
    async fn preflight(
        &self,
        manifest: &Manifest,
        prepared: &Prepared,
        output: &Output,
    ) -> Result<Problems, Failure> {
        let plan = &prepared.plan;
        let namespace = prepared.observations.namespace.as_deref();
        let collisions = Preflight::collisions(manifest, namespace);
        if plan.mode == Mode::RefreshOnly || plan.operations.is_empty() {
            return Ok(manifest.lines.problems(collisions));
        }
        let preflight = Preflight::new(plan, manifest, namespace);
        let answers = observe::ask(&self.client, preflight.calls());
        let (active, answers) = tokio::join!(self.check_sandbox(), answers);
        active?;
        let mut answers = answers?;
        // A source system may be out of reach for a moment.
        if preflight.findings(&answers).iter().any(|(_, finding)| finding.code == Code::FailedTest) {
            tokio::time::sleep(self.patience.base).await;
            answers = observe::ask(&self.client, preflight.calls()).await?;
        }
        let mut unasked =
            preflight.calls().iter().zip(&answers).filter_map(|((_, call), answer)| match answer {
                Answer::Refused { why, status } if *status != 400 => Some((call, why)),
                _ => None,
            });
        if let Some((call, why)) = unasked.next() {
            let more = match unasked.count() {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            output.note(&format!(
                "what the platform would say could not be asked beforehand: {call:?}{more}: {why}"
            ));
        }
        Ok(manifest.lines.problems([collisions, preflight.findings(&answers)].concat()))
    }

    /// Ends unless the sandbox is one that can be written to, as far as this credential is told.
    pub(crate) async fn check_sandbox(&self) -> Result<(), Failure> {
        let sandbox = &self.place.sandbox;
        let state = observe::sandbox(&self.client, sandbox).await?;
        match state.filter(|state| word(state) != "active") {
            None => Ok(()),
            Some(state) => Err(Failure::new(
                Status::Refused,
                format!("the sandbox {sandbox} is not active: the platform calls it `{state}`"),
            )
            .hint("nothing was written; wait until it is active, or name another sandbox")),
        }
    }

    async fn look_and_plan(
        &self,
        manifest: &Manifest,
        state: Option<&State>,
        options: &Options,
        output: &Output,
    ) -> Result<Prepared, Failure> {
        // Only what is to be sent needs its secrets.
        let sources = match options.mode {
            Mode::Normal => secrets::of_manifest(manifest),
            Mode::Destroy | Mode::RefreshOnly => BTreeSet::new(),
        };
        let Resolved { values, missing, .. } = self.secrets(sources, output).await;
        let fingerprints = match state {
            // Without a state there is no key yet; the fingerprints are made when the state is.
            None => values.keys().map(|source| (source.clone(), UNSEALED.to_owned())).collect(),
            Some(state) => fingerprints(&values, &state.fingerprint_key),
        };
        let (state, recovery) = self.recovered(state).await?;
        let state = state.as_ref();
        let moved = state.map(|state| plan::as_moved(manifest, options.mode, state));
        let mut observations = self.observe(manifest, moved.as_ref(), options).await?;
        let now = self.now();
        let build = |observations: &Observations| {
            plan::build(&Inputs {
                manifest,
                place: &self.place,
                state,
                observations,
                fingerprints: &fingerprints,
                options,
                now,
            })
        };
        let mut plan = build(&observations);
        // Who else bears the name of what is replaced must be known before its successor is made, so that a lost answer
        // cannot be mistaken for one of them.
        // So must those of what goes by an id that the plan itself has found, as with an adopted schema.
        let mut names = names_of(&plan, |o| o.action == Action::Replace);
        names.extend(names_of(&plan, |o| o.action == Action::Create).into_iter().filter(
            |(address, name)| {
                let body = manifest.sections.iter().find(|s| s.address == *address).map(|s| &s.body);
                let entry_names = body.and_then(|body| address.kind.spec().name(body));
                entry_names.as_ref() != Some(name) && !observations.namesakes.contains_key(address)
            },
        ));
        if !names.is_empty() {
            let ours = state.map(State::ids).unwrap_or_default();
            let wanted = Wanted { names, ours, ..Wanted::default() };
            let found = observe::observe(&self.client, wanted).await?;
            observations.namesakes.extend(found.namesakes);
            observations.namesakes_elsewhere.extend(found.namesakes_elsewhere);
            plan = build(&observations);
        }
        let warnings = Problems::default();
        Ok(Prepared { plan, secrets: Arc::new(values), missing, recovery, observations, warnings })
    }

    /// The secrets, saying what the emulator stands in for.
    pub(crate) async fn secrets(
        &self,
        sources: impl IntoIterator<Item = SecretSource>,
        output: &Output,
    ) -> Resolved {
        let stand_in = self.emulator.is_some();
        let resolved = secrets::resolve(sources, &self.redactor, self.command_limit, stand_in).await;
        for note in &resolved.notes {
            output.note(note);
        }
        resolved
    }

    /// The state with what an interrupted apply turns out to have done.
    pub(crate) async fn recovered(
        &self,
        state: Option<&State>,
    ) -> Result<(Option<State>, Recovery), Failure> {
        let Some(state) = state else { return Ok((None, Recovery::default())) };
        let recovery = apply::recover(&self.client, state, self.patience).await?;
        let mut state = state.clone();
        for change in recovery.changes.clone() {
            state.record(change);
        }
        if let Some((address, ids)) = recovery.ambiguous.first() {
            return Err(Failure::new(
                Status::Refused,
                format!(
                    "an interrupted apply may have created {address}, and several objects could be it: {}",
                    ids.join(", ")
                ),
            )
            .hint("look at them on the platform, delete or rename all but one, and run this again")
            .about(address));
        }
        Ok((Some(state), recovery))
    }

    async fn observe(
        &self,
        manifest: &Manifest,
        state: Option<&State>,
        options: &Options,
    ) -> Result<Observations, Failure> {
        let empty = BTreeMap::new();
        let entries = state.map_or(&empty, |s| &s.entries);
        let known = |body: &Body| {
            map_leaves(body, &mut |leaf| match leaf {
                Leaf::Id(address) => entries.get(address).map(|e| e.id.as_str().into()),
                _ => None,
            })
        };
        let names: BTreeMap<&Address, String> = manifest
            .sections
            .iter()
            .filter(|_| options.mode == Mode::Normal)
            .filter_map(|s| Some((&s.address, s.address.kind.spec().name(&known(&s.body))?)))
            .collect();
        let named = |addresses: &mut dyn Iterator<Item = &Address>| -> Vec<(Address, String)> {
            addresses.filter_map(|a| Some((a.clone(), names.get(a)?.clone()))).collect()
        };
        let mut wanted = Wanted { ours: state.map(State::ids).unwrap_or_default(), ..Wanted::default() };
        for (address, entry) in entries {
            wanted.managed.push((address.clone(), entry.id.clone(), entry.version));
            wanted.leftovers.extend(entry.replaced.iter().map(|id| (address.kind, id.clone())));
        }
        wanted.namespace = options.mode == Mode::Normal
            && manifest.sections.iter().any(|s| s.address.kind.spec().needs_namespace(&s.body));
        wanted.left = state.map(|s| s.left_in_place.clone()).unwrap_or_default();
        let import = &manifest.blocks.import;
        let unknown = |a: &&Address| !entries.contains_key(*a) && !import.contains_key(*a);
        wanted.names = named(&mut names.keys().copied().filter(unknown));
        if options.mode == Mode::Normal {
            let open = import.iter().filter(|(a, id)| entries.get(*a).is_none_or(|entry| entry.id != **id));
            wanted.imports = open.map(|(a, id)| (a.clone(), id.clone())).collect();
        }
        let (ours, left) = (wanted.ours.clone(), wanted.left.clone());
        let mut observations = observe::observe(&self.client, wanted).await?;
        // What has gone will be created again, so its name is looked for too.
        let gone = entries.keys().filter(|a| !observations.managed.contains_key(*a));
        // So is a name that an object gets, where it can have that only if nobody else does.
        let seen = observations.managed.iter().chain(&observations.imports);
        let renamed = seen.filter_map(|(address, observed)| {
            let spec = address.kind.spec();
            let other = names.get(address).filter(|name| spec.name(&observed.body).as_ref() != Some(*name));
            other.filter(|_| spec.unique_names()).map(|_| address)
        });
        let again = named(&mut gone.chain(renamed));
        if !again.is_empty() {
            let again = Wanted { names: again, ours, left, ..Wanted::default() };
            let again = observe::observe(&self.client, again).await?;
            observations.namesakes.extend(again.namesakes);
            observations.namesakes_elsewhere.extend(again.namesakes_elsewhere);
        }
        Ok(observations)
    }

    /// What a saved plan touches and refers to, as it is now.
    pub(crate) async fn observe_pinned(
        &self,
        plan: &Plan,
        state: Option<&State>,
    ) -> Result<Observations, Failure> {
        let empty = BTreeMap::new();
        let moved = state.map(|state| plan::as_planned(&plan.moves, state));
        let entries = moved.as_ref().map_or(&empty, |s| &s.entries);
        let mut wanted = Wanted { ours: state.map(State::ids).unwrap_or_default(), ..Wanted::default() };
        for (address, pin) in &plan.pins {
            if let Some(entry) = entries.get(address) {
                wanted.managed.push((address.clone(), entry.id.clone(), entry.version));
            }
            wanted.imports.extend(pin.imported.iter().map(|id| (address.clone(), id.clone())));
        }
        wanted.left = state.map(|s| s.left_in_place.clone()).unwrap_or_default();
        wanted.names = names_of(plan, |o| match o.action {
            Action::Create | Action::Adopt | Action::Replace => true,
            Action::Update => {
                o.address.kind.spec().unique_names() && o.changes.iter().any(|c| c.path == "/name")
            }
            Action::Delete | Action::Forget => false,
        });
        // What is taken over by its id was not looked for by its name.
        wanted.names.retain(|(address, _)| plan.pins.get(address).is_none_or(|pin| pin.imported.is_none()));
        Ok(observe::observe(&self.client, wanted).await?)
    }

    /// Sets the clock of the embedded emulator, if there is one, forward by so many seconds. Whether there is one.
    pub(crate) fn advance(&self, seconds: i64) -> Result<bool, Failure> {
        let Some(emulator) = &self.emulator else { return Ok(false) };
        emulator.advance(seconds).map_err(|error| {
            Failure::new(Status::Error, format!("the emulator's clock cannot be set forward: {error}"))
        })?;
        Ok(true)
    }

    /// Lets the emulator, if there is one, write what it has.
    pub(crate) async fn close(self) {
        if let Some(emulator) = self.emulator {
            emulator.stop().await;
        }
    }
}

/// The names that the objects of these operations of a plan bear.
fn names_of(plan: &Plan, which: impl Fn(&Operation) -> bool) -> Vec<(Address, String)> {
    plan.operations
        .iter()
        .filter(|o| which(o))
        .filter_map(|o| Some((o.address.clone(), o.address.kind.spec().name(o.body.as_ref()?)?)))
        .collect()
}

/// Fingerprints under one state's key.
pub(crate) fn fingerprints(
    values: &BTreeMap<SecretSource, Secret>,
    key: &str,
) -> BTreeMap<SecretSource, String> {
    values.iter().map(|(source, secret)| (source.clone(), fingerprint(key, secret))).collect()
}

/// Starts the embedded emulator on the objects in `store`, with this sandbox besides those that it has.
pub(crate) async fn start_emulator(
    store: PathBuf,
    sandbox: Option<&str>,
) -> Result<emulator::Handle, Failure> {
    let options = emulator::Options {
        store: Some(store),
        sandboxes: sandbox.map(str::to_owned).into_iter().collect(),
        ..emulator::Options::default()
    };
    emulator::start(options).await.map_err(|error| Failure::from_error(Status::Error, &error))
}

/// Where the embedded emulator of a state keeps its objects.
pub(crate) fn store(state: &Path) -> PathBuf {
    state.with_file_name("platform.jsonl")
}

/// The gateway as the state records it. A stand-in on loopback may have another port each time.
fn gateway(url: &str) -> String {
    let url = url.trim_end_matches('/');
    for loopback in ["http://127.0.0.1", "http://localhost", "http://[::1]"] {
        if url.strip_prefix(loopback).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')) {
            return "http://localhost".to_owned();
        }
    }
    url.to_owned()
}

/// Eight hex digits. Without random numbers, the process id: it only has to tell one lock from another.
fn random_id() -> String {
    let mut bytes = std::process::id().to_be_bytes();
    let _ = getrandom::fill(&mut bytes);
    format!("{:08x}", u32::from_be_bytes(bytes))
}

/// The machine's name.
fn host() -> String {
    let from_file = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    environment("HOSTNAME")
        .or_else(from_file)
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "this machine".to_owned())
}

/// RFC 3339, from epoch seconds.
pub(crate) fn timestamp(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// Limits a plan that is made of the state alone (a destroy, a refresh) to the pipelines that the manifest has; with no
/// manifest, it is of everything in the state. A destroy leaves what others outside still use.
pub(crate) fn limit_to_manifest(
    options: &mut Options,
    manifest: &Manifest,
    state: Option<&State>,
    output: &Output,
) {
    if options.mode == Mode::Normal || manifest.sections.is_empty() {
        return;
    }
    let ours: BTreeSet<&str> = manifest.sections.iter().map(|s| s.address.pipeline.as_str()).collect();
    let others = state.into_iter().flat_map(|s| s.entries.keys());
    let moved = &manifest.blocks.moved;
    let others: Vec<&Address> =
        others.filter(|a| !ours.contains(a.pipeline.as_str()) && !moved.contains_key(*a)).collect();
    if !others.is_empty() {
        let what = match options.mode {
            Mode::Destroy => "left, with what they use",
            Mode::Normal | Mode::RefreshOnly => "not looked at",
        };
        output.note(&format!("{} managed objects of other pipelines are {what}", others.len()));
    }
    options.selection.excludes.extend(others.into_iter().cloned().map(Selector::Address));
}

/// The addresses that a person may name: of the manifest and of the state.
pub(crate) fn check_addresses(
    options: &Options,
    manifest: &Manifest,
    state: Option<&State>,
) -> Result<(), Failure> {
    let mut known: BTreeSet<Address> = manifest.sections.iter().map(|s| s.address.clone()).collect();
    known.extend(state.into_iter().flat_map(|s| s.entries.keys().cloned()));
    let selectors = options.selection.unmatched(&known).map(ToString::to_string);
    let beside = options.adopt.iter().chain(&options.create_beside).chain(&options.send_secrets);
    let others = beside.filter(|s| !known.iter().any(|a| s.matches(a))).map(ToString::to_string);
    let replaced = options.replace.iter().filter(|a| !known.contains(*a)).map(ToString::to_string);
    let unknown: Vec<String> = selectors.chain(others).chain(replaced).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let sections: Vec<&str> = Kind::ALL.iter().map(|k| k.section()).collect();
    Err(Failure::usage(format!("neither the manifest nor the state has {}", unknown.join(", ")))
        .hint(format!("write a pipeline's name, or PIPELINE.SECTION with one of {}", sections.join(", "))))
}
