//! What a source holds, as a table on a terminal. Values of customers are described, and shown only where that is asked for.

use serde_json::Value;

use super::Style;
use super::page::{Page, Tone, columns};
use super::table::{BETWEEN, Column, Row, cut, nothing, plain, strong, table};
use crate::explore::{Field, Fields, Found, Object, Question, describe};

/// What was asked, and what was found.
#[derive(Clone, Copy, Debug)]
pub struct Explored<'e> {
    /// Id of the base connection.
    pub connection: &'e str,
    /// What was asked of it.
    pub question: &'e Question,
    /// What it answered.
    pub found: &'e Found,
    /// Whether values are shown.
    pub show_values: bool,
}

const FIELDS: &[Column] = &[
    Column { title: "PATH", right: false, drop: None },
    Column { title: "TYPE", right: false, drop: Some(1) },
    Column { title: "SAMPLE", right: false, drop: Some(0) },
];

const OBJECTS: &[Column] = &[
    Column { title: "TYPE", right: false, drop: Some(0) },
    Column { title: "PATH", right: false, drop: None },
];

/// Longest path, and longest value, in a table.
const LONGEST_PATH: usize = 200;
const LONGEST_SAMPLE: usize = 60;

/// A sample in fewer columns says nothing.
const SHORTEST_SAMPLE: usize = 12;

/// What a source holds.
pub fn explored(explored: &Explored<'_>, style: &Style) -> String {
    let mut page = Page::new(style);
    match explored.found {
        Found::Fields(found) => fields(&mut page, found, explored.show_values),
        Found::Objects { objects, more } => self::objects(&mut page, objects, *more),
    }
    page.finish()
}

fn fields(page: &mut Page<'_>, found: &Fields, show_values: bool) {
    let cells: Vec<(String, String, &Field)> = found
        .rows()
        .into_iter()
        .map(|row| (cut(&row.path, LONGEST_PATH), cut(&row.field.says, LONGEST_SAMPLE), row.field))
        .collect();
    if cells.is_empty() {
        page.line(0, &[(Tone::Plain, "No fields.".to_owned())]);
        return;
    }
    let paths = cells.iter().map(|(path, _, _)| columns(path)).max().unwrap_or_default();
    let taken = paths + cells.iter().map(|(_, says, _)| columns(says)).max().unwrap_or_default();
    let room = page.style.width.saturating_sub(taken + 2 * BETWEEN).clamp(SHORTEST_SAMPLE, LONGEST_SAMPLE);
    let rows: Vec<Row> = cells
        .iter()
        .map(|(path, says, field)| {
            let sample = field
                .sample
                .as_ref()
                .and_then(|value| if show_values { Some(shown(value)) } else { describe(value) });
            let sample = sample.map_or_else(nothing, |sample| cut(&sample, room));
            Row { cells: vec![strong(path.clone()), plain(says.clone()), plain(sample)], below: Vec::new() }
        })
        .collect();
    table(page, FIELDS, &rows);
    page.gap();
    let s = if rows.len() == 1 { "" } else { "s" };
    let sample = match found.rows {
        0 => "no sample".to_owned(),
        1 => "a sample row".to_owned(),
        rows => format!("{rows} sample rows"),
    };
    page.wrapped(0, 2, Tone::Strong, &format!("{} field{s}, and {sample}.", rows.len()));
    if found.more > 0 {
        page.wrapped(0, 2, Tone::Plain, &format!("{} more fields are not shown.", found.more));
    }
}

fn objects(page: &mut Page<'_>, objects: &[Object], more: usize) {
    if objects.is_empty() {
        page.line(0, &[(Tone::Plain, "Nothing is there.".to_owned())]);
        return;
    }
    let rows: Vec<Row> = objects
        .iter()
        .map(|object| Row {
            cells: vec![plain(cut(&object.of.to_lowercase(), 20)), strong(cut(&object.path, LONGEST_PATH))],
            below: Vec::new(),
        })
        .collect();
    table(page, OBJECTS, &rows);
    if more > 0 {
        page.gap();
        page.wrapped(0, 2, Tone::Plain, &format!("{more} more are not shown."));
    }
}

/// A value as it is, on one line.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
