//! `flowform schema`: the JSON Schemas of the manifest, for editors, and of the machine formats, for those who read them.

use super::exit::Status;
use super::output::Output;
use crate::{manifest, render};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Of what
    #[arg(value_name = "WHAT", default_value = "manifest")]
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// One document of a manifest
    Manifest,
    /// What `plan --format json` and `show --format json` print
    Plan,
    /// One line of what `apply --format json` prints
    Event,
    /// What `runs --format json` prints
    Runs,
    /// What `status --format json` prints
    Status,
    /// What `explore --format json` prints
    Explore,
    /// What `validate --format json` prints
    Validate,
    /// What `state list --format json` prints
    StateList,
    /// What `state show --format json` prints
    StateShow,
    /// What every command with `--format json` prints when it fails
    Error,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> Status {
    let schema = match arguments.what {
        What::Manifest => manifest::json_schema(),
        What::Plan => render::json::plan_schema(),
        What::Event => render::json::event_schema(),
        What::Runs => render::json::runs_schema(),
        What::Status => render::json::status_schema(),
        What::Explore => render::json::explore_schema(),
        What::Validate => manifest::problems_schema(),
        What::StateList => render::json::state_list_schema(),
        What::StateShow => render::json::state_show_schema(),
        What::Error => render::json::error_schema(),
    };
    output.data(&render::json::to_string(&schema));
    Status::Success
}
