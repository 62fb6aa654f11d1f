//! `flowform plan`: what would change. Takes no lock and sends only reads.

use std::path::PathBuf;

use super::exit::{Failure, Status};
use super::output::Output;
use super::session::{self, Prepared, Session};
use super::settings::{ManifestArguments, PlatformArguments};
use super::{plan_file, validate};
use crate::kind::Address;
use crate::manifest::Manifest;
use crate::plan::{Options, Selection, Selector};
use crate::render;
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
            && self.allow_deletes.is_none()
    }

    pub(crate) fn options(&self, destroy: bool) -> Options {
        Options {
            destroy,
            selection: Selection { targets: self.targets.clone(), excludes: self.excludes.clone() },
            replace: self.replace.clone(),
            adopt: self.adopt.clone(),
            create_beside: self.create_beside.clone(),
            allow_deletes: self.allow_deletes,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    manifest: ManifestArguments,

    /// How to show the plan
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Save the plan, to be carried out with `flowform apply FILE`
    #[arg(long = "out", short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,

    /// Show the requests of every operation, as they will be sent
    #[arg(long)]
    requests: bool,

    /// Plan to take everything down
    #[arg(long)]
    destroy: bool,

    /// Exit with 0 when there is nothing to do, 2 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,

    #[command(flatten)]
    options: PlanOptions,

    #[command(flatten)]
    platform: PlatformArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON object (docs/json.md)
    Json,
}

/// Reads the manifest, or ends with its mistakes.
pub(crate) fn load(arguments: &ManifestArguments, output: &Output) -> Result<Manifest, Failure> {
    if arguments.paths.is_empty() {
        return Err(
            Failure::usage("no manifest is named").hint("name manifest files, or folders that hold some")
        );
    }
    match arguments.load() {
        Ok(loaded) => {
            let warnings = loaded.warnings.warnings;
            if warnings > 0 {
                let s = if warnings == 1 { "" } else { "s" };
                output
                    .note(&format!("the manifest has {warnings} warning{s}; `flowform validate` shows them"));
            }
            Ok(loaded.manifest)
        }
        Err(problems) => {
            validate::report(&problems, output);
            // The problems are the message.
            Err(Failure::new(Status::Manifest, ""))
        }
    }
}

/// The manifest of a destroy, which may name none: then everything in the state goes.
pub(crate) fn load_for_destroy(arguments: &ManifestArguments, output: &Output) -> Result<Manifest, Failure> {
    if arguments.paths.is_empty() { Ok(Manifest::default()) } else { load(arguments, output) }
}

pub(crate) async fn run(
    arguments: PlanArguments,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let manifest = if arguments.destroy {
        load_for_destroy(&arguments.manifest, output)?
    } else {
        load(&arguments.manifest, output)?
    };
    let session = Session::open(&arguments.platform, Some(&manifest), redactor, output).await?;
    let state = session.read_state()?;
    let mut options = arguments.options.options(arguments.destroy);
    if arguments.destroy {
        session::limit_destroy(&mut options, &manifest, state.as_ref(), output);
    }
    session::check_addresses(&options, &manifest, state.as_ref())?;
    let prepared = session.prepare(&manifest, state.as_ref(), &options, output).await?;
    say_recovered(&prepared, output);
    for why in prepared.missing.values() {
        output.note(&format!("{why}; apply will need it"));
    }
    let plan = &prepared.plan;
    show(plan, arguments.format, arguments.requests, output);
    if let Some(path) = &arguments.out {
        plan_file::write(path, plan)?;
        output.note(&format!("the plan is saved; carry it out with `flowform apply {}`", path.display()));
    }
    session.close().await;
    Ok(if !plan.refusals.is_empty() {
        Status::Refused
    } else if arguments.detailed_exitcode && !plan.is_empty() {
        Status::Changes
    } else {
        Status::Success
    })
}

/// Shows a plan on stdout.
pub(crate) fn show(plan: &crate::plan::Plan, format: Format, requests: bool, output: &Output) {
    match format {
        Format::Text => {
            let style = render::Style { requests, ..output.style() };
            output.data(&render::text::plan(plan, &style));
        }
        Format::Json => output.data(&render::json::to_string(&render::json::plan(plan))),
    }
}

/// Says what an interrupted apply turned out to have done.
pub(crate) fn say_recovered(prepared: &Prepared, output: &Output) {
    for (address, id) in &prepared.recovery.found {
        output.note(&format!("{address}: an interrupted apply had created {id}; it is taken over"));
    }
}
