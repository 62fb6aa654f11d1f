//! `flowform apply` and `flowform destroy`: the story of a change, from the manifest to the report.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::exit::{Failure, Status};
use super::failed::Reader;
use super::output::Output;
use super::paths::Paths;
use super::plan::{PlanOptions, load_for};
use super::problems::{ReportArguments, Warnings};
use super::progress::Applying;
use super::secrets::{self, Resolved};
use super::session::{self, Prepared, Session};
use super::settings::{ManifestArguments, PlatformArguments};
use super::shown::CheckArguments;
use super::voice::{Format, Voice};
use super::wait::{Awaited, WaitArguments};
use super::{now, piped, plan_file};
use crate::apply::{self, Recorder, StepResult};
use crate::kind::{Address, Body, Intent, Leaf, SecretSource, map_leaves};
use crate::manifest::{Manifest, Named, Problems};
use crate::plan::{self, Mode, Options, Plan, stale};
use crate::secret::{Redactor, Secret};
use crate::state::Locked;
use crate::state::model::{Change, Entry, State};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    manifest: ManifestArguments,

    #[command(flatten)]
    run: RunArguments,

    /// Plan again, and apply only if the plan has this fingerprint (its first line shows it)
    #[arg(long, value_name = "FINGERPRINT", value_parser = fingerprint)]
    expect: Option<String>,

    /// Change nothing but the state: take into it what the platform has otherwise than the last apply left it
    #[arg(long, conflicts_with_all = ["replace", "adopt", "create_beside", "send_secrets"])]
    refresh_only: bool,

    #[command(flatten)]
    options: PlanOptions,

    #[command(flatten)]
    wait: WaitArguments,

    #[command(flatten)]
    reports: ReportArguments,

    #[command(flatten)]
    platform: PlatformArguments,
}

impl Arguments {
    /// Who reads what is printed.
    pub(crate) fn reader(&self) -> Reader {
        self.run.format.into()
    }
}

impl DestroyArguments {
    /// Who reads what is printed.
    pub(crate) fn reader(&self) -> Reader {
        self.run.format.into()
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct DestroyArguments {
    #[command(flatten)]
    manifest: ManifestArguments,

    #[command(flatten)]
    run: RunArguments,

    #[command(flatten)]
    options: PlanOptions,

    #[command(flatten)]
    platform: PlatformArguments,
}

#[derive(Debug, clap::Args)]
struct RunArguments {
    /// Do not ask before changing anything
    #[arg(long)]
    auto_approve: bool,

    /// How to show the plan and the report
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    #[command(flatten)]
    checks: CheckArguments,
}

pub(crate) async fn run(
    arguments: Arguments,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let mut voice = Voice::new(arguments.run.format, output);
    let reports = arguments.reports.clone();
    let mut paths = Paths::default();
    paths.keep_manifests(&arguments.manifest.paths);
    paths.keep_platform(&arguments.platform, None);
    reports.outputs(&mut paths);
    paths.check()?;
    let warnings = Warnings::default();
    let ended = apply(arguments, paths, &warnings, &mut voice, output, redactor).await;
    reports.write(ended, &warnings, output)
}

async fn apply(
    arguments: Arguments,
    paths: Paths,
    warnings: &Warnings,
    voice: &mut Voice<'_>,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let piped = arguments.manifest.piped()?;
    if let [path] = arguments.manifest.paths.as_slice()
        && plan_file::is_plan(path, piped)
    {
        if arguments.refresh_only || !arguments.options.is_empty() || !arguments.manifest.vars.is_empty() {
            return Err(Failure::usage(
                "a saved plan is carried out as it is: options of planning do not go with it",
            )
            .hint("plan again with these options"));
        }
        let path = path.clone();
        return run_saved(arguments, &path, paths, voice, output, redactor).await;
    }
    if let Some(plan) = arguments.manifest.paths.iter().find(|path| plan_file::is_plan(path, piped)) {
        return Err(Failure::usage(format!(
            "{} is a saved plan, which is carried out alone",
            piped::named(plan)
        ))
        .hint("name either the plan or manifests"));
    }
    let mode = if arguments.refresh_only { Mode::RefreshOnly } else { Mode::Normal };
    let manifest = load_for(mode, &arguments.manifest, warnings, output)?;
    let options = arguments.options.options(mode);
    let sections = manifest.sections.iter().map(|s| (&s.address, s.depends_on.as_slice()));
    let request = Request {
        verb: "apply",
        expect: arguments.expect,
        run: arguments.run,
        wait: arguments.wait,
        waits_for: options.selection.of(sections),
        again: SAME_COMMAND,
        warnings: warnings.clone(),
        paths,
    };
    plan_and_run(&manifest, options, request, &arguments.platform, voice, output, redactor).await
}

pub(crate) async fn destroy(
    arguments: DestroyArguments,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let mut voice = Voice::new(arguments.run.format, output);
    take_down(arguments, &mut voice, output, redactor).await
}

async fn take_down(
    arguments: DestroyArguments,
    voice: &mut Voice<'_>,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let manifest = load_for(Mode::Destroy, &arguments.manifest, &Warnings::default(), output)?;
    let options = arguments.options.options(Mode::Destroy);
    let request = Request {
        verb: "destroy",
        expect: None,
        run: arguments.run,
        wait: WaitArguments::default(),
        waits_for: BTreeSet::new(),
        again: SAME_COMMAND,
        warnings: Warnings::default(),
        paths: Paths::default(),
    };
    plan_and_run(&manifest, options, request, &arguments.platform, voice, output, redactor).await
}

/// What was asked for, besides the plan.
struct Request {
    verb: &'static str,
    expect: Option<String>,
    run: RunArguments,
    wait: WaitArguments,
    /// What may be waited for.
    waits_for: BTreeSet<Address>,
    /// How to go on waiting.
    again: &'static str,
    /// Where the warnings go.
    warnings: Warnings,
    /// What is read and written.
    paths: Paths,
}

const SAME_COMMAND: &str = "the same command goes on waiting";
const OF_MANIFESTS: &str = "`flowform apply` of the manifests goes on waiting, with the same options";

async fn plan_and_run(
    manifest: &Manifest,
    mut options: Options,
    mut request: Request,
    platform: &PlatformArguments,
    voice: &mut Voice<'_>,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let paths = std::mem::take(&mut request.paths);
    let session = Session::open_for(options.mode, platform, manifest, paths, redactor, output).await?;
    let mut locked = session.lock(request.verb, output).await?;
    session.check_place(locked.state())?;
    session::limit_to_manifest(&mut options, manifest, locked.state(), output);
    session::check_addresses(&options, manifest, locked.state())?;
    let prepared = session.prepare(manifest, locked.state(), &options, output).await?;
    request.warnings.add(prepared.warnings.clone());
    record_recovery(&prepared, &mut locked, voice, output)?;
    voice.planned(&prepared.plan);
    refuse(&prepared.plan)?;
    request.run.checks.check(&prepared.plan, "nothing was written")?;
    check_expected(&prepared.plan, request.expect.as_deref())?;
    carry_out(session, locked, prepared, &request, voice, output).await
}

/// Carries out a saved plan: exactly its operations, or nothing.
async fn run_saved(
    arguments: Arguments,
    path: &Path,
    mut paths: Paths,
    voice: &mut Voice<'_>,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let plan = plan_file::read(path, arguments.manifest.piped()?)?;
    let place = Manifest {
        org: Some(Named::exactly(&plan.place.org)),
        sandbox: Some(Named::exactly(&plan.place.sandbox)),
        ..Manifest::default()
    };
    paths.keep_secrets(secrets::of_plan(&plan).keys());
    let session = Session::open_beside(paths, &arguments.platform, Some(&place), redactor, output).await?;
    let mut locked = session.lock("apply", output).await?;
    session.check_place(locked.state())?;
    // On the heap: it is by far the largest part of this.
    let look = Box::pin(async {
        let (state, recovery) = session.recovered(locked.state()).await?;
        // What else can be asked beforehand was asked when the plan was made.
        let (active, observations) =
            tokio::join!(session.check_sandbox(), session.observe_pinned(&plan, state.as_ref()));
        active?;
        Ok::<_, Failure>((state, recovery, observations?))
    });
    let (state, recovery, observations) = session.interrupt.unless_interrupted(look).await??;
    let reasons = stale::reasons(&plan, &session.place, state.as_ref(), &observations);
    if !reasons.is_empty() {
        let mut failure =
            Failure::new(Status::Stale, format!("the saved plan {} is stale", piped::named(path)))
                .hint("plan again and review what is new; nothing was written");
        failure.causes = reasons
            .into_iter()
            .map(|(address, why)| address.map_or(why.clone(), |a| format!("{a}: {why}")))
            .collect();
        return Err(failure);
    }
    let sources = secrets::of_plan(&plan).into_keys().chain(secrets::kept_by_plan(&plan));
    let Resolved { values, missing, .. } = session.secrets(sources, output).await;
    if let Some(state) = &state {
        check_secrets(&plan, &values, state)?;
    }
    check_expected(&plan, arguments.expect.as_deref())?;
    let mut prepared = Prepared {
        plan,
        secrets: Arc::new(values),
        missing,
        recovery,
        observations,
        warnings: Problems::default(),
    };
    // Protection, and leave to destroy data, are the state's: what a file says of them, or leaves out, does not count.
    let entries = state.map(|state| state.entries).unwrap_or_default();
    let mut refusals = plan::protection(&prepared.plan, &entries);
    refusals.extend(plan::losses(&prepared.plan, &entries));
    refusals.retain(|refusal| !prepared.plan.refusals.contains(refusal));
    prepared.plan.refusals.extend(refusals);
    record_recovery(&prepared, &mut locked, voice, output)?;
    voice.planned(&prepared.plan);
    refuse(&prepared.plan)?;
    arguments.run.checks.check(&prepared.plan, "nothing was written")?;
    let request = Request {
        verb: "apply",
        expect: None,
        run: arguments.run,
        wait: arguments.wait,
        waits_for: prepared.plan.operations.iter().map(|o| o.address.clone()).collect(),
        again: OF_MANIFESTS,
        warnings: Warnings::default(),
        paths: Paths::default(),
    };
    carry_out(session, locked, prepared, &request, voice, output).await
}

/// A secret that is not the one it was when the plan was made makes another plan.
fn check_secrets(plan: &Plan, values: &BTreeMap<SecretSource, Secret>, state: &State) -> Result<(), Failure> {
    let now = session::fingerprints(values, &state.fingerprint_key);
    for (source, planned) in secrets::of_plan(plan) {
        if let (Some(planned), Some(now)) = (planned, now.get(&source))
            && planned != *now
            && planned != session::UNSEALED
        {
            return Err(Failure::new(
                Status::Stale,
                format!("the saved plan is stale: the secret {source} is another one than when it was made"),
            )
            .hint("plan again; nothing was written"));
        }
    }
    Ok(())
}

fn fingerprint(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    match text.len() {
        16..=64 if text.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(text),
        _ => Err("write at least the 16 hex digits that a plan shows".to_owned()),
    }
}

/// Ends unless the plan is the one that was reviewed.
fn check_expected(plan: &Plan, expected: Option<&str>) -> Result<(), Failure> {
    let fingerprint = plan.fingerprint();
    if expected.is_none_or(|expected| fingerprint.starts_with(expected)) {
        return Ok(());
    }
    Err(Failure::new(
        Status::Stale,
        format!("the plan is not the expected one: its fingerprint is {fingerprint}"),
    )
    .hint("something changed since the review: review the plan above and expect its fingerprint"))
}

fn refuse(plan: &Plan) -> Result<(), Failure> {
    match plan.refusals.len() {
        0 => Ok(()),
        n => {
            let mut failure = Failure::new(
                Status::Refused,
                format!("the plan is refused for {n} reason{}, see above", if n == 1 { "" } else { "s" }),
            )
            .hint("nothing was written");
            failure.details().refusals.clone_from(&plan.refusals);
            Err(failure)
        }
    }
}

/// Records what an interrupted apply turned out to have done, before anything new is begun.
fn record_recovery(
    prepared: &Prepared,
    locked: &mut Locked,
    voice: &mut Voice<'_>,
    output: &Output,
) -> Result<(), Failure> {
    for (address, id) in &prepared.recovery.found {
        output.note(&format!("{address}: an interrupted apply had created {id}; it is taken over"));
        voice.recovered(address, id);
    }
    if !prepared.recovery.changes.is_empty() {
        locked.record(prepared.recovery.changes.clone())?;
        locked.fold()?;
    }
    Ok(())
}

async fn carry_out(
    session: Session,
    mut locked: Locked,
    prepared: Prepared,
    request: &Request,
    voice: &mut Voice<'_>,
    output: &Output,
) -> Result<Status, Failure> {
    let Prepared { mut plan, secrets, missing, .. } = prepared;
    if !plan.has_work() {
        // A run that was killed after its last result may have left that to do.
        locked.fold()?;
        voice.nothing_to_do();
        let awaited = request.wait.awaited(&request.waits_for, locked.state());
        drop(locked);
        let waited = request.wait.wait(&session, awaited, request.again, voice, output).await;
        session.close().await;
        return waited.map(|()| Status::Success);
    }
    // Everything that can be checked is checked before anything is written.
    for source in secrets::of_plan(&plan).keys() {
        if let Some(why) = missing.get(source) {
            return Err(Failure::new(
                Status::Usage,
                format!("a secret that the plan needs cannot be had: {why}"),
            )
            .hint("nothing was written"));
        }
    }
    let asks = !plan.is_empty() || !plan.warnings.is_empty() || plan.mode == Mode::RefreshOnly;
    if asks && !request.run.auto_approve {
        approve(&session, plan.mode, request.verb, output).await?;
    }
    if locked.state().is_none() {
        locked.create(State::new(session.place.clone())?)?;
    }
    if let Some(state) = locked.state() {
        seal(&mut plan, &session::fingerprints(&secrets, &state.fingerprint_key));
    }

    let settings = apply::Settings {
        parallelism: session.parallelism,
        patience: session.patience,
        client_id: session.client_id.clone(),
        who: Session::holder(request.verb).to_string(),
        clock: now,
        ahead: session.ahead,
    };
    let begun = Instant::now();
    let mut progress = Applying::new(output, plan.steps().count());
    let mut stop = session.interrupt.receiver();
    let watch = {
        let output = output.clone();
        tokio::spawn(async move {
            if stop.wait_for(|stop| *stop).await.is_ok() {
                output.talk("\nStopping: what is under way is finished. Press Ctrl-C again to stop at once.");
            }
        })
    };
    let mut recorder = Recording(&mut locked);
    let result = apply::run(
        &plan,
        &session.client,
        secrets,
        &settings,
        &mut recorder,
        session.interrupt.receiver(),
        &mut |event| {
            progress.show(event);
            voice.happened(event);
        },
    )
    .await;
    drop(progress);
    watch.abort();
    let folded = locked.fold();
    voice.ended(&result, plan.records.len(), begun.elapsed());
    let awaited = if result.is_complete() && folded.is_ok() {
        request.wait.awaited(&request.waits_for, locked.state())
    } else {
        Awaited::default()
    };
    drop(locked);
    let waited = request.wait.wait(&session, awaited, request.again, voice, output).await;
    session.close().await;
    if let Some(why) = result.not_recorded {
        return Err(Failure::new(Status::State, format!("results could not be recorded: {why}")).hint(
            "make the state's folder writable and run the same command again: what was done is looked up",
        ));
    }
    folded?;
    for moved in &plan.moves {
        output.note(&format!("{} is now {}", moved.from, moved.to));
    }
    waited?;
    Ok(if result.interrupted {
        Status::Interrupted
    } else if result.steps.iter().all(|(_, r)| r.is_success()) {
        Status::Success
    } else if result.steps.iter().any(|(_, r)| r.was_done()) {
        Status::Partial
    } else if result.steps.iter().any(|(_, r)| matches!(r, StepResult::Conflict { .. })) {
        Status::Stale
    } else {
        Status::Error
    })
}

async fn approve(session: &Session, mode: Mode, verb: &str, output: &Output) -> Result<(), Failure> {
    let sandbox = &session.place.sandbox;
    let question = match mode {
        Mode::Normal | Mode::Destroy => format!("Shall this be carried out in the sandbox {sandbox}?"),
        Mode::RefreshOnly => format!("Shall the state of the sandbox {sandbox} take this over?"),
    };
    let output = output.clone();
    let asked = tokio::task::spawn_blocking(move || output.confirm(&question));
    match session.interrupt.unless_interrupted(asked).await?.ok().flatten() {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::new(Status::Refused, "not approved; nothing was changed")),
        None if piped::is_stdin_taken() => {
            let what = "stdin held what is applied, so no answer can come from there; nothing was changed";
            Err(Failure::usage(what)
                .hint(format!("review the plan, and run `flowform {verb}` with --auto-approve")))
        }
        None => Err(Failure::usage("there is no terminal to ask on; nothing was changed")
            .hint(format!("review the plan, and run `flowform {verb}` with --auto-approve"))),
    }
}

/// Gives every secret of the plan's bodies its fingerprint under the state's key.
fn seal(plan: &mut Plan, fingerprints: &BTreeMap<SecretSource, String>) {
    let seal = |body: &Body| -> Value {
        map_leaves(body, &mut |leaf| match leaf {
            Leaf::Secret { source: Some(source), .. } => {
                let fingerprint = fingerprints.get(source).cloned();
                Some(Leaf::Secret { source: Some(source.clone()), fingerprint }.to_value())
            }
            _ => None,
        })
    };
    for step in plan.operations.iter_mut().flat_map(|o| &mut o.steps) {
        match &mut step.intent {
            Intent::Create { body, .. } | Intent::Adopt { body, .. } | Intent::Update { after: body, .. } => {
                *body = seal(body);
            }
            Intent::Switch { .. } | Intent::Delete { .. } | Intent::Forget { .. } => {}
        }
    }
}

/// The locked state as `apply` wants it.
struct Recording<'a>(&'a mut Locked);

impl Recorder for Recording<'_> {
    fn entries(&self) -> &BTreeMap<Address, Entry> {
        static NONE: BTreeMap<Address, Entry> = BTreeMap::new();
        self.0.state().map_or(&NONE, |state| &state.entries)
    }

    fn ids(&self) -> BTreeSet<String> {
        self.0.state().map(State::ids).unwrap_or_default()
    }

    fn record(&mut self, changes: Vec<Change>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.record(changes)?)
    }
}
