//! What is wrong with manifests, in the files that CI systems read: what they say themselves, and what the platform says
//! beforehand of what a plan would send. `validate` reports the former alone, offline.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::exit::Failure;
use super::files::{self, Readers};
use super::output::Output;
use super::paths::{Over, Paths};
use super::validate::folder;
use crate::manifest::Problems;
use crate::render::json;

/// Where the mistakes are to be written.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ReportArguments {
    /// Also write the mistakes of the manifest, and what the platform would refuse, to this file as SARIF
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,

    /// Likewise as a JUnit report
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// The warnings that the parts of a command came by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings(Arc<Mutex<Problems>>);

impl Warnings {
    /// Those of the manifest, with the files that were looked at; then those of what the platform says of it.
    pub(crate) fn add(&self, problems: Problems) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *found = std::mem::take(&mut *found).and(problems);
    }

    fn take(&self) -> Problems {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ReportArguments {
    /// Names the files that were asked for.
    pub(crate) fn outputs(&self, paths: &mut Paths) {
        for (flag, path) in [("--sarif", &self.sarif), ("--junit", &self.junit)] {
            if let Some(path) = path {
                paths.write(flag, path, Over::Report);
            }
        }
    }

    /// Writes the reports, whatever came of the command: an older one must not be taken for them. A failure that is not
    /// the manifest's is in them as one of the run.
    pub(crate) fn write<T>(
        &self,
        ended: Result<T, Failure>,
        warnings: &Warnings,
        output: &Output,
    ) -> Result<T, Failure> {
        if ended.as_ref().is_err_and(|failure| !failure.may_be_written()) {
            return ended;
        }
        let mut problems = warnings.take();
        let mut why = None;
        if let Err(failure) = &ended {
            match failure.problems() {
                Some(found) => problems = problems.and(found.clone()),
                None => why = Some(output.redact(&failure.message)),
            }
        }
        let documents = [
            (&self.sarif, json::to_string(&problems.sarif(&folder(), why.as_deref()))),
            (&self.junit, problems.junit(why.as_deref())),
        ];
        for (path, text) in documents {
            let Some(path) = path else { continue };
            let written = files::write("the report", path, &output.redact(&text), Readers::Others);
            match (&ended, written) {
                (_, Ok(())) => {}
                (Ok(_), Err(failure)) => return Err(failure),
                (Err(_), Err(failure)) => output.failure(&failure),
            }
        }
        ended
    }
}
