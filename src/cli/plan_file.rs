//! Saved plans as files. Holds no secret: references and fingerprints stand in place of them.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::exit::{Failure, Status};
use crate::plan::{FORMAT_VERSION, Plan};

/// Larger files are no plans of ours.
const LIMIT: u64 = 256 * 1024 * 1024;

/// The file's outer form. The marker is the first key, so that a plan is told from a manifest by its beginning.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    flowform_plan: u32,
    /// Over [`Plan`]; tells a file that was edited.
    fingerprint: String,
    plan: Plan,
}

/// Just enough to tell the version.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    flowform_plan: u32,
}

/// Whether a path on the command line is a saved plan.
pub(crate) fn is_plan(path: &Path) -> bool {
    use std::io::Read;
    let mut beginning = String::new();
    let read = std::fs::File::open(path).map(|f| f.take(64).read_to_string(&mut beginning));
    read.is_ok()
        && beginning
            .trim_start()
            .strip_prefix('{')
            .is_some_and(|b| b.trim_start().starts_with("\"flowformPlan\""))
}

/// Writes a plan, whole or not at all, for its owner's eyes only.
pub(crate) fn write(path: &Path, plan: &Plan) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(Status::Error, format!("the plan cannot be written to {}: {error}", path.display()))
    };
    let document =
        Document { flowform_plan: FORMAT_VERSION, fingerprint: plan.fingerprint(), plan: plan.clone() };
    let text = serde_json::to_string_pretty(&document).map_err(|e| failed(&e))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The temporary file is made 0600, and keeps that when it takes its name.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|e| failed(&e))?;
    file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(|e| failed(&e))?;
    file.as_file().sync_all().map_err(|e| failed(&e))?;
    file.persist(path).map_err(|e| failed(&e.error))?;
    Ok(())
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
    let header: Header = serde_json::from_str(&text).map_err(|e| bad(&e))?;
    if header.flowform_plan != FORMAT_VERSION {
        return Err(bad(&format!(
            "its format is {}, and this flowform knows {FORMAT_VERSION}",
            header.flowform_plan
        )));
    }
    let document: Document = serde_json::from_str(&text).map_err(|e| bad(&e))?;
    if document.plan.fingerprint() != document.fingerprint {
        return Err(bad(&"it was edited after it was made"));
    }
    Ok(document.plan)
}
