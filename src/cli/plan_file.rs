//! Saved plans as files. Holds no secret: references and fingerprints stand in place of them.

use std::path::Path;

use super::exit::{Failure, Status};
use super::files::{self, Readers};
use crate::plan::{Plan, saved};

/// Larger files are no plans of ours.
const LIMIT: u64 = 256 * 1024 * 1024;

/// Whether a path on the command line is a saved plan.
pub(crate) fn is_plan(path: &Path) -> bool {
    use std::io::Read;
    let mut beginning = String::new();
    let read = std::fs::File::open(path).map(|f| f.take(64).read_to_string(&mut beginning));
    read.is_ok() && saved::is_saved(&beginning)
}

/// Writes a plan, whole or not at all, for its owner's eyes only.
pub(crate) fn write(path: &Path, plan: &Plan) -> Result<(), Failure> {
    let text = saved::encode(plan).map_err(|e| Failure::from_error(Status::Error, &e))?;
    files::write("the plan", path, &text, Readers::Owner)
}

/// Reads a plan.
pub(crate) fn read(path: &Path) -> Result<Plan, Failure> {
    let shown = path.display();
    let bad = |why: &dyn std::fmt::Display| {
        Failure::usage(format!("{shown} is not a plan that can be applied: {why}"))
            .hint("make it anew with `flowform plan -o FILE`")
    };
    let size = std::fs::metadata(path).map_err(|e| bad(&e))?.len();
    if size > LIMIT {
        return Err(bad(&"it is too large"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| bad(&e))?;
    saved::decode(&text).map_err(|e| bad(&e))
}
