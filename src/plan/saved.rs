//! The text of a saved plan. Whoever reads one trusts nothing in it: what it may do is [`super::stale`]'s to say. Touches
//! no file.

use serde::{Deserialize, Serialize};

use super::{FORMAT_VERSION, Plan};

/// The outer form. The marker is the first key, so that a plan is told from a manifest by its beginning.
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

/// Why a text is no plan that can be applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the JSON of one.
    #[error(transparent)]
    Malformed(#[from] serde_json::Error),
    /// Something else.
    #[error("it is not a file that `flowform plan -o` wrote")]
    Other,
    /// Of another format.
    #[error("its format is {0}, and this flowform knows {FORMAT_VERSION}")]
    Version(u32),
    /// Its fingerprint is not that of what it holds.
    #[error("it was edited after it was made")]
    Edited,
}

/// Whether a text that begins like this is meant to be a saved plan.
pub fn is_saved(beginning: &str) -> bool {
    let inside = beginning.trim_start().strip_prefix('{');
    // What `--format json` prints is none, and is told so by `decode`.
    let is_one = |text: &str| text.starts_with("\"flowformPlan\"") || text.starts_with("\"formatVersion\"");
    inside.is_some_and(|inside| is_one(inside.trim_start()))
}

/// A plan as text, its last line ended.
pub fn encode(plan: &Plan) -> Result<String, Error> {
    let document =
        Document { flowform_plan: FORMAT_VERSION, fingerprint: plan.fingerprint(), plan: plan.clone() };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// The plan that a text holds.
pub fn decode(text: &str) -> Result<Plan, Error> {
    let header: Header = serde_json::from_str(text).map_err(|error| {
        if error.is_data() || !is_saved(text) { Error::Other } else { Error::Malformed(error) }
    })?;
    if header.flowform_plan != FORMAT_VERSION {
        return Err(Error::Version(header.flowform_plan));
    }
    let document: Document = serde_json::from_str(text)?;
    if document.plan.format_version != FORMAT_VERSION {
        return Err(Error::Version(document.plan.format_version));
    }
    if document.plan.fingerprint() != document.fingerprint {
        return Err(Error::Edited);
    }
    Ok(document.plan)
}
