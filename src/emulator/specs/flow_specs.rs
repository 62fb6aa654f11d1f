//! Flow specs: one per family of sources, with the schemas that Adobe prints of each ("Create a dataflow for database
//! sources", "... for cloud storage sources", the SDK's guide). Which sources a family has follows from the sources.

use serde_json::{Value, json};

use super::{ADOBE, DATA_LAKE, SOURCES, permissions, zendesk};
use crate::emulator::behaviour::{Behaviour, TransformationSpecs};

/// `RestStorageToAEP`: every SDK source.
pub(super) const REST: &str = "6499120c-0b15-42dc-936e-847ea3c24d72";
/// `CRMToAEP`: CRM systems, databases, and the other sources of tables.
pub(in crate::emulator) const CRM: &str = "14518937-270c-4525-bdec-c2ba7cce3860";
/// `CloudStorageToAEP`.
pub(super) const CLOUD_STORAGE: &str = "9753525b-82c7-4dce-8a9b-5ccfce2b9876";

/// Every flow spec, in the order of a list.
pub(super) const ALL: &[&str] = &[REST, CRM, CLOUD_STORAGE];

/// The flow spec, if that is its id.
pub(in crate::emulator) fn flow_spec(behaviour: &Behaviour, id: &str) -> Option<Value> {
    let (name, provider, steps, run) = match id {
        REST => ("RestStorageToAEP", zendesk::PROVIDER, json!([mapping()]), None),
        CRM => ("CRMToAEP", ADOBE, json!([copy(), mapping()]), Some(run_spec(true))),
        CLOUD_STORAGE => {
            ("CloudStorageToAEP", ADOBE, json!([mapping(), encryption()]), Some(run_spec(false)))
        }
        _ => return None,
    };
    let sources: Vec<&str> =
        SOURCES.iter().filter(|source| source.flow_spec == id).map(|source| source.id).collect();
    // One guide prints the member without its last letter (platform-api.md 2.7).
    let transformations = match behaviour.transformation_specs {
        TransformationSpecs::Plural => "transformationSpecs",
        TransformationSpecs::Singular => "transformationSpec",
    };
    let mut spec = json!({
        "id": id,
        "name": name,
        "providerId": provider,
        "version": "1.0",
        "sourceConnectionSpecIds": sources,
        "targetConnectionSpecIds": [DATA_LAKE],
        "permissionsInfo": permissions(),
        "optionSpec": { "name": "OptionSpec", "spec": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {
                "errorDiagnosticsEnabled": { "type": "boolean", "default": false },
                "partialIngestionPercent": { "type": "number", "exclusiveMinimum": 0 },
            },
        } },
        transformations: steps,
        "scheduleSpec": { "name": "PeriodicSchedule", "type": "Periodic", "spec": schedule_spec() },
        "attributes": { "isSourceFlow": true, "isDraftModeSupported": behaviour.draft_mode },
    });
    if let Some(run) = run {
        spec["runSpec"] = run;
        spec["attributes"]["flacValidationSupported"] = json!(true);
        spec["attributes"]["frequency"] = json!("batch");
    }
    Some(spec)
}

fn mapping() -> Value {
    json!({ "name": "Mapping", "spec": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "mappingId": { "type": "string" },
            "mappingVersion": { "type": "string" },
        },
    } })
}

fn copy() -> Value {
    json!({ "name": "Copy", "spec": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "deltaColumn": delta_column() },
        "required": ["deltaColumn"],
    } })
}

fn encryption() -> Value {
    json!({ "name": "Encryption", "spec": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "description": "defines various params required for encrypted data ingestion",
        "properties": { "publicKeyId": { "type": "string" } },
    } })
}

fn delta_column() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string" },
            "dateFormat": { "type": "string" },
            "timezone": { "type": "string" },
        },
        "required": ["name"],
    })
}

/// What a run on demand is given: tables also name the delta column.
fn run_spec(tables: bool) -> Value {
    let mut spec = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "description": "defines various params required for creating flow run.",
        "properties": {
            "startTime": { "type": "integer" },
            "windowStartTime": { "type": "integer" },
            "windowEndTime": { "type": "integer" },
        },
        "required": ["startTime", "windowStartTime", "windowEndTime"],
    });
    if tables {
        spec["properties"]["deltaColumn"] = delta_column();
        spec["required"] = json!(["startTime", "windowStartTime", "windowEndTime", "deltaColumn"]);
    }
    json!({ "name": "ProviderParams", "spec": spec })
}

/// The schedule schema that all three have, word for word in meaning.
fn schedule_spec() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "startTime": { "description": "epoch time", "type": "integer" },
            "frequency": { "type": "string", "enum": ["once", "minute", "hour", "day", "week"] },
            "interval": { "type": "integer" },
            "backfill": { "type": "boolean", "default": true },
        },
        "required": ["startTime", "frequency"],
        "if": { "properties": { "frequency": { "const": "once" } } },
        "then": { "allOf": [{ "not": { "required": ["interval"] } }, { "not": { "required": ["backfill"] } }] },
        "else": {
            "required": ["interval"],
            "if": { "properties": { "frequency": { "const": "minute" } } },
            "then": { "properties": { "interval": { "minimum": 15 } } },
            "else": { "properties": { "interval": { "minimum": 1 } } },
        },
    })
}
