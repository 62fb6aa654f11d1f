//! What a source holds as JSON, with structs of its own. Values of customers are there only where they are asked for.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::super::explore::Explored;
use super::{FORMAT_VERSION, to_value};
use crate::explore::{Found, describe};

/// What a source holds, as `flowform explore --format json` prints it. A new field may come at any time; a changed or dropped
/// one raises `formatVersion`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "flowform explore")]
pub(super) struct ExploreDocument<'r> {
    /// 1.
    format_version: u32,
    /// Id of the base connection that was looked through.
    connection_id: &'r str,
    /// What was looked into, in the platform's word: `rest`, `table`, `file`, `folder` or `root`.
    object_type: &'r str,
    /// Which one; null for the root.
    object: Option<&'r str>,
    /// Fields in the source's order; null where the answer is a list of objects.
    fields: Option<Vec<FieldDocument<'r>>>,
    /// Tables, files and folders; null where the answer has fields.
    objects: Option<Vec<ObjectDocument<'r>>>,
    /// How many fields or objects there are that are not shown.
    more: usize,
}

/// One field that holds no others.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Field")]
struct FieldDocument<'r> {
    /// Such as `result.email`; `[*]` stands for every item of an array.
    path: String,
    /// Its type in the source's words.
    r#type: &'r str,
    /// The shape of its first value in the sample, in words; null where it has none.
    sample: Option<String>,
    /// That value itself; only with `--show-values`, and where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'r Value>,
}

/// One table, file or folder.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Object")]
struct ObjectDocument<'r> {
    /// The platform's word for what it is.
    r#type: &'r str,
    /// What `--object` takes.
    path: &'r str,
}

/// What a source holds.
pub fn explored(explored: &Explored<'_>) -> Value {
    let (fields, objects, more) = match explored.found {
        Found::Fields(found) => {
            let rows = found.rows();
            let fields = rows
                .iter()
                .map(|row| FieldDocument {
                    path: row.path.clone(),
                    r#type: &row.field.says,
                    sample: row.field.sample.as_ref().and_then(describe),
                    value: row.field.sample.as_ref().filter(|_| explored.show_values),
                })
                .collect();
            (Some(fields), None, found.more)
        }
        Found::Objects { objects, more } => {
            let objects =
                objects.iter().map(|object| ObjectDocument { r#type: &object.of, path: &object.path });
            (None, Some(objects.collect()), *more)
        }
    };
    to_value(&ExploreDocument {
        format_version: FORMAT_VERSION,
        connection_id: explored.connection,
        object_type: explored.question.object_type,
        object: explored.question.object.as_deref(),
        fields,
        objects,
        more,
    })
}
