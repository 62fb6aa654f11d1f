//! A plan in the formats that were asked for: one on stdout, any number in files; and the checks that were asked for.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::exit::{Failure, Status};
use super::failed::Reader;
use super::files::{self, Readers};
use super::output::Output;
use super::paths::{Over, Paths};
use crate::manifest::Lines;
use crate::plan::check::{self, Checks, Sort};
use crate::plan::{Action, Plan};
use crate::render::{self, Style};

/// The formats of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people, on a terminal
    Text,
    /// For a comment on a pull request: at most 65,000 characters, the worst changes first
    Markdown,
    /// One JSON object (docs/json.md)
    Json,
    /// One page for a browser, with all it needs in it
    Html,
    /// As `terraform show -json` prints a plan, for the tools that read that (docs/terraform-json.md)
    TerraformJson,
    /// Annotations for GitHub, each at the line of the manifest that causes it; from a saved plan, without lines
    Github,
    /// Counts alone, for the widget on GitLab's merge requests (`artifacts:reports:terraform`)
    Gitlab,
}

/// In which formats, and where to.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct FormatArguments {
    /// How to show the plan on stdout
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Show the requests of every operation, as they will be sent
    #[arg(long)]
    requests: bool,

    /// Also write it as text to this file
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,

    /// Also write it as Markdown to this file
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Tells this plan's comment from those of other plans on the same pull request
    #[arg(long, value_name = "KEY", default_value = "")]
    markdown_key: String,

    /// Also write it as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Also write it as a page for a browser to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Also write it to this file as `terraform show -json` would
    #[arg(long, value_name = "FILE")]
    terraform_json: Option<PathBuf>,

    /// Also write its counts for GitLab to this file
    #[arg(long, value_name = "FILE")]
    gitlab: Option<PathBuf>,
}

impl FormatArguments {
    /// Who reads what stdout gets.
    pub(crate) fn reader(&self) -> Reader {
        self.format.into()
    }

    /// Where the plan goes as JSON, besides to stdout.
    pub(crate) fn json(&self) -> Option<&Path> {
        self.json.as_deref()
    }

    /// The files that were asked for.
    fn files(&self) -> impl Iterator<Item = (Format, &Path)> {
        let files = [
            (Format::Text, &self.text),
            (Format::Markdown, &self.markdown),
            (Format::Json, &self.json),
            (Format::Html, &self.html),
            (Format::TerraformJson, &self.terraform_json),
            (Format::Gitlab, &self.gitlab),
        ];
        files.into_iter().filter_map(|(format, path)| Some((format, path.as_deref()?)))
    }

    /// Names the files that were asked for.
    pub(crate) fn outputs(&self, paths: &mut Paths) {
        for (format, path) in self.files() {
            let flag = match format {
                Format::Text => "--text",
                Format::Markdown => "--markdown",
                Format::Json => "--json",
                Format::Html => "--html",
                Format::TerraformJson => "--terraform-json",
                Format::Github => "--format",
                Format::Gitlab => "--gitlab",
            };
            paths.write(flag, path, Over::Report);
        }
    }

    /// Shows a plan on stdout. `lines` tells where the manifest says what.
    pub(crate) fn show(&self, plan: &Plan, lines: &Lines, output: &Output) {
        output.data(&self.rendered(plan, lines, self.format, output.style()));
    }

    /// Writes the files that were asked for.
    pub(crate) fn write(&self, plan: &Plan, lines: &Lines, output: &Output) -> Result<(), Failure> {
        for (format, path) in self.files() {
            let text = self.rendered(plan, lines, format, Style::FILE);
            files::write("the plan", path, &output.redact(&text), Readers::Others)?;
        }
        Ok(())
    }

    fn rendered(&self, plan: &Plan, lines: &Lines, format: Format, style: Style) -> String {
        match format {
            Format::Text => render::text::plan(plan, &Style { requests: self.requests, ..style }),
            Format::Json => render::json::to_string(&render::json::plan(plan)),
            Format::Markdown => {
                let limit = render::markdown::GITHUB_LIMIT - render::markdown::ROOM;
                render::markdown::plan(
                    plan,
                    &render::markdown::Options { limit, key: self.markdown_key.clone() },
                )
            }
            Format::Github => render::github::plan(plan, &|address, field| lines.place(address, field)),
            Format::Gitlab => render::json::to_string(&render::gitlab::report(plan)),
            Format::Html => render::html::plan(plan),
            Format::TerraformJson => render::json::to_line(&render::terraform::plan(plan)),
        }
    }
}

/// What a plan must not hold.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Checks")]
pub(crate) struct CheckArguments {
    /// Fail, with code 8, if the plan holds one of these; several are separated by commas
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = fail_on)]
    fail_on: Vec<FailOn>,

    /// Fail, with code 8, if the plan deletes more objects than this; replacements do not count
    #[arg(long, value_name = "N")]
    max_deletes: Option<usize>,
}

/// What `--fail-on` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FailOn {
    Create,
    Adopt,
    Update,
    Replace,
    Delete,
    Forget,
    Drift,
}

/// One of [`FailOn`], with or without blanks around it.
fn fail_on(text: &str) -> Result<FailOn, String> {
    FailOn::from_str(text.trim(), false).map_err(|_| {
        let names = FailOn::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = names.map(|value| value.get_name().to_owned()).collect();
        format!("write some of {}", names.join(", "))
    })
}

impl CheckArguments {
    /// Ends with what the plan holds against the checks.
    pub(crate) fn check(&self, plan: &Plan, hint: &str) -> Result<(), Failure> {
        let sort = |on: &FailOn| match on {
            FailOn::Create => Sort::Operation(Action::Create),
            FailOn::Adopt => Sort::Operation(Action::Adopt),
            FailOn::Update => Sort::Operation(Action::Update),
            FailOn::Replace => Sort::Operation(Action::Replace),
            FailOn::Delete => Sort::Operation(Action::Delete),
            FailOn::Forget => Sort::Operation(Action::Forget),
            FailOn::Drift => Sort::Drift,
        };
        let checks =
            Checks { fail_on: self.fail_on.iter().map(sort).collect(), max_deletes: self.max_deletes };
        let findings = check::findings(plan, &checks);
        if findings.is_empty() {
            return Ok(());
        }
        let mut failure = Failure::new(Status::Refused, "the plan does not pass the checks").hint(hint);
        failure.causes = findings;
        Err(failure)
    }
}
