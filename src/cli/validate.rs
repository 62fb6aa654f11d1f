//! `flowform validate`: every mistake of the manifests, offline, on the streams and in files.

use std::path::PathBuf;

use super::exit::{Failure, Status};
use super::failed::Reader;
use super::files::{self, Readers};
use super::output::Output;
use super::paths::{Over, Paths};
use super::secrets;
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

    /// Also write a JUnit report to this file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Also write a SARIF report to this file
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,

    /// Also write the JSON object to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// Annotations for GitHub's workflow log
    Github,
    /// `JUnit` XML, for the test tabs of CI systems
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

impl Arguments {
    /// Who reads what is printed.
    pub(crate) fn reader(&self) -> Reader {
        match self.format {
            Format::Json => Reader::Document,
            Format::Github => Reader::Annotations,
            Format::Text | Format::Junit | Format::Sarif => Reader::Other,
        }
    }
}

impl Format {
    /// The report as a document.
    fn document(self, problems: &Problems) -> String {
        match self {
            Self::Text => String::new(),
            Self::Json => render::json::to_string(&problems.json()),
            Self::Github => problems.github(),
            Self::Junit => problems.junit(None),
            Self::Sarif => render::json::to_string(&problems.sarif(&folder(), None)),
        }
    }
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> Result<Status, Failure> {
    let files = [
        ("--junit", &arguments.junit, Format::Junit),
        ("--sarif", &arguments.sarif, Format::Sarif),
        ("--json", &arguments.json, Format::Json),
    ];
    let mut paths = Paths::default();
    paths.keep_manifests(&arguments.manifest.paths);
    for (flag, path, _) in &files {
        if let Some(path) = path {
            paths.write(flag, path, Over::Report);
        }
    }
    paths.check()?;
    let loaded = arguments.manifest.load()?;
    if let Ok(loaded) = &loaded {
        paths.keep_secrets(&secrets::of_manifest(&loaded.manifest));
        paths.check()?;
    }
    let (problems, summary) = match &loaded {
        Ok(loaded) => (&loaded.warnings, Some(valid(loaded))),
        Err(problems) => (problems, None),
    };
    for (_, path, format) in files {
        if let Some(path) = path {
            let document = output.redact(&format.document(problems));
            files::write("the report", path, &document, Readers::Others)?;
        }
    }
    match arguments.format {
        Format::Text => {
            report(problems, output);
            if let Some(summary) = summary {
                output.data(&summary);
            }
        }
        format => output.data(&format.document(problems)),
    }
    Ok(if loaded.is_ok() { Status::Success } else { Status::Manifest })
}

/// Where the run takes place; where that cannot be told, no path is below it.
pub(crate) fn folder() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}

/// Problems for people, on stderr.
pub(crate) fn report(problems: &Problems, output: &Output) {
    if !problems.is_empty() {
        let style = output.talk_style();
        output.talk(problems.text(style.color, style.width).trim_end());
        output.talk("");
        output.talk(&format!("{}.", problems.summary()));
    }
}

/// Shows problems to people; what a command ends with that cannot go on because of them.
pub(crate) fn refuse(problems: &Problems, output: &Output) -> Failure {
    report(problems, output);
    // The problems are the message for people; a machine is told all of this.
    let mut failure = Failure::new(Status::Manifest, "the manifest has mistakes").told();
    failure.causes = problems.one_line_each();
    failure.details().problems = problems.clone();
    failure
}

fn valid(loaded: &Loaded) -> String {
    let sections = &loaded.manifest.sections;
    let pipelines: std::collections::BTreeSet<&str> =
        sections.iter().map(|s| s.address.pipeline.as_str()).collect();
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    format!("Valid: {} in {}.\n", plural(sections.len(), "object"), plural(pipelines.len(), "pipeline"))
}
