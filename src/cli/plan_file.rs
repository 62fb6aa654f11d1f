//! Saved plans as files. Holds no secret: references and fingerprints stand in place of them.

use std::fs::Permissions;
use std::path::{Path, PathBuf};

use super::exit::{Failure, Status};
use super::files::{self, Readers};
use super::paths::Spot;
use super::piped::{self, Piped};
use crate::plan::{Plan, saved};

/// Larger files are no plans of ours.
const LIMIT: u64 = 256 * 1024 * 1024;

/// Some editors and shells put this before a text.
const MARK: char = '\u{feff}';

fn beginning(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut beginning = Vec::new();
    std::fs::File::open(path).ok()?.take(64).read_to_end(&mut beginning).ok()?;
    Some(String::from_utf8_lossy(&beginning).trim_start_matches(MARK).to_owned())
}

/// Whether a path on the command line is a saved plan.
pub(crate) fn is_plan(path: &Path, piped: &Piped) -> bool {
    let beginning = match piped.get(path) {
        Some(bytes) => Some(String::from_utf8_lossy(bytes.get(..64).unwrap_or(bytes)).into_owned()),
        None => beginning(path),
    };
    beginning.is_some_and(|text| saved::is_saved(text.trim_start_matches(MARK)))
}

/// Whether a file in a folder of states is a saved plan: what begins like a report may be a state.
pub(crate) fn holds_plan(path: &Path) -> bool {
    beginning(path).is_some_and(|text| saved::is_saved(&text) && text.contains("\"flowformPlan\""))
}

/// A file that a plan is going to be saved to.
#[derive(Debug)]
pub(crate) struct Slot {
    path: PathBuf,
    /// The mode of the plan that was there.
    older: Option<Permissions>,
}

impl Slot {
    /// Takes an older plan away: if the new one cannot be made, nobody takes that one for it. What is no saved plan stays.
    pub(crate) fn clear(path: &Path) -> Result<Self, Failure> {
        let spot = Spot::of(path);
        let mut slot = Self { path: path.to_owned(), older: None };
        if let Some(found) = spot.found.as_ref().filter(|_| spot.is_file() && holds_plan(path)) {
            std::fs::remove_file(&spot.real).map_err(|error| {
                let what = format!("the older plan at {} cannot be replaced: {error}", path.display());
                Failure::new(Status::Error, what).hint("name another file with -o")
            })?;
            slot.older = Some(found.permissions());
        }
        Ok(slot)
    }

    /// Where the plan goes.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there was an older plan, and no new one has come in its place.
    pub(crate) fn is_left_empty(&self) -> bool {
        self.older.is_some() && !self.path.exists()
    }

    /// Writes a plan, whole or not at all, for its owner's eyes only.
    pub(crate) fn write(&self, plan: &Plan) -> Result<(), Failure> {
        let text = saved::encode(plan).map_err(|e| Failure::from_error(Status::Error, &e))?;
        files::write_keeping("the plan", &self.path, &text, Readers::Owner, self.older.clone())
    }
}

/// Reads a plan.
pub(crate) fn read(path: &Path, piped: &Piped) -> Result<Plan, Failure> {
    let shown = piped::named(path);
    let bad = |why: &dyn std::fmt::Display| {
        Failure::usage(format!("{shown} is not a plan that can be applied: {why}"))
            .hint("make it anew with `flowform plan -o FILE`")
    };
    let bytes = if let Some(bytes) = piped.get(path) {
        bytes.to_vec()
    } else {
        if std::fs::metadata(path).map_err(|e| bad(&e))?.len() > LIMIT {
            return Err(bad(&"it is too large"));
        }
        std::fs::read(path).map_err(|e| bad(&e))?
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(bad(&"it is empty"));
    }
    let text = String::from_utf8(bytes).map_err(|_| bad(&"it is not UTF-8"))?;
    saved::decode(text.trim_start_matches(MARK)).map_err(|e| bad(&e))
}
