//! `flowform show`: a saved plan in any format. Offline: asks neither the platform nor the state.

use std::path::PathBuf;

use super::exit::{Failure, Status};
use super::failed::Reader;
use super::output::Output;
use super::paths::Paths;
use super::piped::Piped;
use super::plan_file;
use super::secrets;
use super::shown::{CheckArguments, FormatArguments};
use crate::manifest::Lines;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A plan that `flowform plan -o FILE` saved; `-` is stdin
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
    let mut paths = Paths::default();
    paths.keep("the plan that is shown", &arguments.plan);
    arguments.formats.outputs(&mut paths);
    paths.check()?;
    let plan = plan_file::read(&arguments.plan, &Piped::read(std::slice::from_ref(&arguments.plan))?)?;
    paths.keep_secrets(secrets::of_plan(&plan).keys());
    paths.check()?;
    arguments.formats.write(&plan, &Lines::default(), output)?;
    arguments.formats.show(&plan, &Lines::default(), output);
    arguments.checks.check(&plan, "change the manifest, or check for less")?;
    Ok(Status::Success)
}
