//! `flowform validate`: every mistake of the manifests, offline.

use super::exit::Status;
use super::output::Output;
use super::settings::ManifestArguments;
use crate::manifest::{Loaded, Problems};
use crate::render;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    manifest: ManifestArguments,

    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// Annotations for GitHub's workflow log
    Github,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> Status {
    let loaded = arguments.manifest.load();
    let (problems, summary) = match &loaded {
        Ok(loaded) => (&loaded.warnings, Some(valid(loaded))),
        Err(problems) => (problems, None),
    };
    match arguments.format {
        Format::Text => {
            report(problems, output);
            if let Some(summary) = summary {
                output.data(&summary);
            }
        }
        Format::Json => output.data(&render::json::to_string(&problems.json())),
        Format::Github => output.data(&problems.github()),
    }
    if loaded.is_ok() { Status::Success } else { Status::Manifest }
}

/// Problems for people, on stderr.
pub(crate) fn report(problems: &Problems, output: &Output) {
    if !problems.is_empty() {
        let style = output.talk_style();
        output.talk(problems.text(style.color, style.width).trim_end());
    }
}

fn valid(loaded: &Loaded) -> String {
    let sections = &loaded.manifest.sections;
    let pipelines: std::collections::BTreeSet<&str> =
        sections.iter().map(|s| s.address.pipeline.as_str()).collect();
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    format!("Valid: {} in {}.\n", plural(sections.len(), "object"), plural(pipelines.len(), "pipeline"))
}
