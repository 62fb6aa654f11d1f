//! Machine formats: `plan` is a plan, `events` is what an apply says as it goes on, `runs` what the
//! platform does on schedule, `explore` what a source holds, `state` what is managed, `failure` why a
//! command failed. Each has structs of its own, so that the engine may change without them, and a JSON
//! Schema that is made from those structs.

#![doc = include_str!("../../../docs/json.md")]

mod events;
mod explore;
mod failure;
mod plan;
mod runs;
mod state;

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use super::value;

pub use events::{Line, Stream, Until};
pub use explore::explored;
pub use failure::{Class, Failed, Platform, error};
pub use plan::plan;
pub use runs::{runs, standings};
pub use state::{state_entry, state_list};

/// Version of all formats.
pub const FORMAT_VERSION: u32 = 1;

/// The JSON Schema of a plan.
pub fn plan_schema() -> Value {
    schemars::schema_for!(plan::PlanDocument<'_>).to_value()
}

/// The JSON Schema of runs.
pub fn runs_schema() -> Value {
    schemars::schema_for!(runs::RunsDocument<'_>).to_value()
}

/// The JSON Schema of what a source holds.
pub fn explore_schema() -> Value {
    schemars::schema_for!(explore::ExploreDocument<'_>).to_value()
}

/// The JSON Schema of how pipelines stand.
pub fn status_schema() -> Value {
    schemars::schema_for!(runs::StandingsDocument<'_>).to_value()
}

/// The JSON Schema of a failure.
pub fn error_schema() -> Value {
    schemars::schema_for!(failure::ErrorDocument<'_>).to_value()
}

/// The JSON Schema of all that is managed.
pub fn state_list_schema() -> Value {
    schemars::schema_for!(state::ListDocument<'_>).to_value()
}

/// The JSON Schema of one managed object.
pub fn state_show_schema() -> Value {
    schemars::schema_for!(state::EntryDocument<'_>).to_value()
}

/// The JSON Schema of one line of an apply's events.
pub fn event_schema() -> Value {
    schemars::schema_for!(events::LineDocument<'_>).to_value()
}

/// JSON text, laid out, its last line ended. What a terminal would not show as it is stands escaped.
pub fn to_string(value: &Value) -> String {
    escaped(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// JSON text on one line, which is ended. What a terminal would not show as it is stands escaped.
pub fn to_line(value: &Value) -> String {
    escaped(&value.to_string())
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 1);
    for char in text.chars() {
        // Outside of strings JSON has nothing but ASCII and line breaks.
        if char != '\n' && value::is_dangerous(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(char);
        }
    }
    safe.push('\n');
    safe
}

fn to_value(document: &impl Serialize) -> Value {
    serde_json::to_value(document).unwrap_or_default()
}
