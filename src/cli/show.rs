//! `flowform show`: a saved plan in any format. Offline: asks neither the platform nor the state.

use std::path::PathBuf;

use super::exit::{Failure, Status};
use super::failed::Reader;
use super::output::Output;
use super::plan_file;
use super::shown::{CheckArguments, FormatArguments};
use crate::manifest::Lines;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A plan that `flowform plan -o FILE` saved
    #[arg(value_name = "PLAN")]
    plan: PathBuf,

    #[command(flatten)]
    formats: FormatArguments,

    #[command(flatten)]
    checks: CheckArguments,
}

impl Arguments {
    /// Who reads what is printed.
    pub(crate) fn reader(&self) -> Reader {
        self.formats.reader()
    }
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> Result<Status, Failure> {
    arguments.formats.check_paths(None, std::slice::from_ref(&arguments.plan))?;
    let plan = plan_file::read(&arguments.plan)?;
    arguments.formats.write(&plan, &Lines::default(), output)?;
    arguments.formats.show(&plan, &Lines::default(), output);
    arguments.checks.check(&plan, "change the manifest, or check for less")?;
    Ok(Status::Success)
}
