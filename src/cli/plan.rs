//! `flowform plan`: what would change. Takes no lock and sends only reads.

use std::path::{Path, PathBuf};

use super::exit::{Failure, Status};
use super::failed::Reader;
use super::output::Output;
use super::paths::{Over, Paths};
use super::plan_file::Slot;
use super::problems::{ReportArguments, Warnings};
use super::session::{self, Prepared, Session};
use super::settings::{ManifestArguments, PlatformArguments};
use super::shown::{CheckArguments, FormatArguments};
use super::{failed, suggest, validate};
use crate::kind::{Address, Code, SecretSource};
use crate::manifest::Manifest;
use crate::plan::{Mode, Options, Selection, Selector};
use crate::secret::Redactor;

/// What every plan can be asked, whoever makes it.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "What to plan")]
pub(crate) struct PlanOptions {
    /// Only these objects and what they need: PIPELINE or PIPELINE.SECTION; may be repeated
    #[arg(long = "target", value_name = "ADDRESS")]
    targets: Vec<Selector>,

    /// Not these objects, nor what needs them; may be repeated
    #[arg(long = "exclude", value_name = "ADDRESS")]
    excludes: Vec<Selector>,

    /// Replace this object though nothing forces it; may be repeated
    #[arg(long = "replace", value_name = "ADDRESS")]
    replace: Vec<Address>,

    /// Take over the existing object of this name; may be repeated
    #[arg(long = "adopt", value_name = "ADDRESS")]
    adopt: Vec<Selector>,

    /// Create beside an existing object of this name; may be repeated
    #[arg(long = "create-beside", value_name = "ADDRESS")]
    create_beside: Vec<Selector>,

    /// Send the secrets of these objects though they seem unchanged: PIPELINE or PIPELINE.SECTION; may be repeated
    #[arg(long = "send-secrets", value_name = "ADDRESS")]
    send_secrets: Vec<Selector>,

    /// The exact number of deletions that is meant, where a guard asks
    #[arg(long, value_name = "N")]
    allow_deletes: Option<usize>,
}

impl PlanOptions {
    /// Whether nothing was asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.targets.is_empty()
            && self.excludes.is_empty()
            && self.replace.is_empty()
            && self.adopt.is_empty()
            && self.create_beside.is_empty()
            && self.send_secrets.is_empty()
            && self.allow_deletes.is_none()
    }

    pub(crate) fn options(&self, mode: Mode) -> Options {
        Options {
            mode,
            selection: Selection { targets: self.targets.clone(), excludes: self.excludes.clone() },
            replace: self.replace.clone(),
            adopt: self.adopt.clone(),
            create_beside: self.create_beside.clone(),
            send_secrets: self.send_secrets.clone(),
            allow_deletes: self.allow_deletes,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    manifest: ManifestArguments,

    /// Save the plan, to be carried out with `flowform apply FILE`
    #[arg(long = "out", short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,

    /// Plan to take everything down
    #[arg(long, conflicts_with_all = ["refresh_only", "replace", "adopt", "create_beside", "send_secrets", "allow_deletes"])]
    destroy: bool,

    /// Only tell what the platform has otherwise than the last apply left it; exits with 11 if there is any
    #[arg(long, conflicts_with_all = ["replace", "adopt", "create_beside", "send_secrets"])]
    refresh_only: bool,

    /// Print, instead of the plan, a patch that makes the manifest say what the platform has where it has drifted
    #[arg(long, conflicts_with_all = ["destroy", "refresh_only", "out", "fail_on", "max_deletes", "format"])]
    suggest: bool,

    /// Exit with 0 when there is nothing to do, 2 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,

    #[command(flatten)]
    options: PlanOptions,

    #[command(flatten)]
    formats: FormatArguments,

    #[command(flatten)]
    checks: CheckArguments,

    #[command(flatten)]
    reports: ReportArguments,

    #[command(flatten)]
    platform: PlatformArguments,
}

impl PlanArguments {
    /// Who reads what is printed.
    pub(crate) fn reader(&self) -> Reader {
        self.formats.reader()
    }

    fn mode(&self) -> Mode {
        match (self.destroy, self.refresh_only) {
            (true, _) => Mode::Destroy,
            (_, true) => Mode::RefreshOnly,
            _ => Mode::Normal,
        }
    }
}

/// How often a plan is made at most, where other runs change the state meanwhile.
const MOST_PLANS: u32 = 5;

/// Reads the manifest, or ends with its mistakes.
pub(crate) fn load(
    arguments: &ManifestArguments,
    found: &Warnings,
    output: &Output,
) -> Result<Manifest, Failure> {
    if arguments.paths.is_empty() {
        return Err(
            Failure::usage("no manifest is named").hint("name manifest files, or folders that hold some")
        );
    }
    match arguments.load()? {
        Ok(loaded) => {
            let unread: Vec<_> =
                loaded.warnings.list.iter().filter(|w| w.code == Code::UnreadManifest).collect();
            // What it holds may be taken for gone, so that the plan deletes it.
            for place in unread.iter().filter_map(|warning| warning.place.as_ref()) {
                output.note(&format!(
                    "{}: this file looks like a manifest and is not read",
                    place.position.file.display()
                ));
            }
            let warnings = loaded.warnings.warnings.saturating_sub(unread.len());
            if warnings > 0 {
                let s = if warnings == 1 { "" } else { "s" };
                output
                    .note(&format!("the manifest has {warnings} warning{s}; `flowform validate` shows them"));
            }
            found.add(loaded.warnings);
            Ok(loaded.manifest)
        }
        Err(problems) => Err(validate::refuse(&problems, output)),
    }
}

/// The manifest of a plan. One that is made of the state alone (a destroy, a refresh) needs none.
pub(crate) fn load_for(
    mode: Mode,
    arguments: &ManifestArguments,
    found: &Warnings,
    output: &Output,
) -> Result<Manifest, Failure> {
    match mode {
        Mode::Destroy | Mode::RefreshOnly if arguments.paths.is_empty() => match arguments.vars.first() {
            None => Ok(Manifest::default()),
            Some((name, _)) => {
                Err(Failure::usage(format!("`--var {name}=...` is given, and no manifest is named"))
                    .hint("name the manifests that use it, or leave it out"))
            }
        },
        _ => load(arguments, found, output),
    }
}

pub(crate) async fn run(
    arguments: PlanArguments,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let (reports, json) = (arguments.reports.clone(), arguments.formats.json().map(Path::to_path_buf));
    let mut paths = Paths::default();
    paths.keep_manifests(&arguments.manifest.paths);
    paths.keep_platform(&arguments.platform, None);
    if let Some(out) = &arguments.out {
        paths.write("-o", out, Over::Plan);
    }
    paths.check()?;
    // Before anything else can fail, the other outputs included.
    let out = arguments.out.as_deref().map(Slot::clear).transpose()?;
    let say_empty = |failed: bool| {
        if let Some(out) = out.as_ref().filter(|out| failed && out.is_left_empty()) {
            let path = out.path().display();
            output.note(&format!(
                "no plan is at {path}: the older one was taken away, lest it be taken for this one"
            ));
        }
    };
    arguments.formats.outputs(&mut paths);
    reports.outputs(&mut paths);
    paths.check().inspect_err(|_| say_empty(true))?;
    let warnings = Warnings::default();
    let ended = plan(arguments, paths, out.as_ref(), &warnings, output, redactor).await;
    say_empty(ended.is_err());
    let ended = ended.map_err(|failure| match json {
        Some(path) => failed::write(failure, &path, output),
        None => failure,
    });
    reports.write(ended, &warnings, output)
}

/// Makes the plan and shows it. `paths` are the files of the run, as far as the command line names them; `out` is where the
/// plan is saved.
async fn plan(
    arguments: PlanArguments,
    paths: Paths,
    out: Option<&Slot>,
    warnings: &Warnings,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let mode = arguments.mode();
    let manifest = load_for(mode, &arguments.manifest, warnings, output)?;
    let session = Session::open_for(mode, &arguments.platform, &manifest, paths, redactor, output).await?;
    let mut tries = 0;
    let prepared = loop {
        session.until_free(output).await?;
        let state = session.read_state()?;
        let mut options = arguments.options.options(mode);
        session::limit_to_manifest(&mut options, &manifest, state.as_ref(), output);
        session::check_addresses(&options, &manifest, state.as_ref())?;
        let prepared = session.prepare(&manifest, state.as_ref(), &options, output).await;
        tries += 1;
        if tries == MOST_PLANS {
            session.still_stands(state.as_ref(), output).await?;
        } else if !session.stands(state.as_ref())? {
            output.note("another run changed the state while the plan was made; it is made anew");
            continue;
        }
        break prepared?;
    };
    warnings.add(prepared.warnings.clone());
    say_recovered(&prepared, output);
    // Why a file or a command gives none was told when it was tried.
    let missing = prepared.missing.iter().filter(|(source, _)| matches!(source, SecretSource::FromEnv(_)));
    for (_, why) in missing {
        output.note(&format!("{why}; apply will need it"));
    }
    let plan = &prepared.plan;
    if arguments.suggest {
        suggest::show(plan, &manifest, &arguments.manifest, output);
        arguments.formats.write(plan, &manifest.lines, output)?;
        session.close().await;
        let drifted = arguments.detailed_exitcode && !plan.drift.is_empty();
        return Ok(if drifted { Status::Changes } else { Status::Success });
    }
    // What is on stdout is the last thing that can go wrong: a machine reads either a plan there or an error.
    arguments.formats.write(plan, &manifest.lines, output)?;
    if let Some(out) = out {
        out.write(plan)?;
    }
    arguments.formats.show(plan, &manifest.lines, output);
    if arguments.reader() == Reader::Annotations && !prepared.warnings.is_empty() {
        output.data(&prepared.warnings.github());
    }
    if let Some(out) = out.filter(|_| plan.refusals.is_empty()) {
        let path = out.path().display();
        output.note(&format!("the plan is saved; carry it out with `flowform apply {path}`"));
    }
    session.close().await;
    arguments.checks.check(plan, "change the manifest, or check for less")?;
    Ok(if mode == Mode::RefreshOnly && !plan.drift.is_empty() {
        Status::Drift
    } else if !plan.refusals.is_empty() {
        Status::Refused
    } else if arguments.detailed_exitcode && plan.has_work() {
        Status::Changes
    } else {
        Status::Success
    })
}

/// Says what an interrupted apply turned out to have done, for a command that only reads.
pub(crate) fn say_recovered(prepared: &Prepared, output: &Output) {
    for (address, id) in &prepared.recovery.found {
        output.note(&format!(
            "{address}: an interrupted apply created {id} and did not record it, which the next apply will do"
        ));
    }
}
