//! A plan as annotations for GitHub: each change at the line of the manifest that it comes from, the worst first.
//! Where things stand is told by whoever knows the manifest; the plan does not.

use super::alike::Spelling;
use super::value::{NONE, SENSITIVE, field_name, field_value, sanitize, sanitize_lines};
use super::view::{self, Sides};
use crate::kind::Address;
use crate::manifest::Place;
use crate::manifest::annotation::{Level, annotation};
use crate::plan::{Action, Cause, Drift, FieldChange, Operation, Plan, Refusal, Warning};

/// GitHub shows so many of one level and one step, and drops the others without a word.
const SHOWN: usize = 10;

/// One annotation.
struct Mark {
    level: Level,
    /// Within a level, what is worse comes first.
    rank: u8,
    title: String,
    place: Option<Place>,
    message: String,
}

/// The plan's operations, drift and refusals, one workflow command per line of the manifest that they come from.
/// `lines` tells where an address is described, or a field of its body (JSON Pointer).
pub fn plan(plan: &Plan, lines: &dyn Fn(&Address, Option<&str>) -> Option<Place>) -> String {
    let mut marks: Vec<Mark> = plan.refusals.iter().map(|refusal| refused(plan, refusal, lines)).collect();
    for operation in &plan.operations {
        marks.extend(operated(operation, &plan.drift, lines));
    }
    for drift in &plan.drift {
        marks.extend(drifted(drift, &plan.operations, lines));
    }
    let whose =
        |warning: &Warning| warning.address.as_ref().map_or("flowform".to_owned(), ToString::to_string);
    let place = |warning: &Warning| lines(warning.address.as_ref()?, warning.path.as_deref());
    let block = || match plan.moved_block.as_str() {
        "" => String::new(),
        block => format!("\n{}\n{}", view::MOVED_BLOCK, sanitize_lines(block.trim_end())),
    };
    for (level, warnings) in [(Level::Warning, &plan.warnings), (Level::Notice, &plan.notices)] {
        marks.extend(warnings.iter().map(|warning| Mark {
            level,
            rank: 0,
            title: format!(
                "{}: {}",
                whose(warning),
                if level == Level::Warning { "warning" } else { "guarded" }
            ),
            place: place(warning),
            message: format!(
                "{}{}",
                sanitize(&warning.text),
                if plan.is_about_rename(warning) { block() } else { String::new() }
            ),
        }));
    }
    marks.sort_by_key(|mark| (mark.level, mark.rank));
    let mut out = String::new();
    for level in [Level::Error, Level::Warning, Level::Notice] {
        let of_level: Vec<&Mark> = marks.iter().filter(|mark| mark.level == level).collect();
        let shown = if of_level.len() > SHOWN { SHOWN - 1 } else { of_level.len() };
        for mark in of_level.iter().take(shown) {
            out.push_str(&annotation(level, &mark.title, mark.place.as_ref(), &mark.message));
        }
        let more = of_level.len() - shown;
        if more > 0 {
            let message = format!("... and {more} more; `flowform plan` shows them all");
            out.push_str(&annotation(level, "flowform", None, &message));
        }
    }
    out
}

type Lines<'l> = &'l dyn Fn(&Address, Option<&str>) -> Option<Place>;

fn refused(plan: &Plan, refusal: &Refusal, lines: Lines<'_>) -> Mark {
    let whose = refusal.address.as_ref();
    Mark {
        level: Level::Error,
        rank: 0,
        title: whose.map_or("flowform refuses the plan".to_owned(), |a| format!("{a}: refused")),
        place: whose.and_then(|address| lines(address, None)),
        message: {
            let is_rename = plan.renames.iter().any(|m| Some(&m.to) == whose);
            let block = if is_rename {
                format!("\n{}", sanitize_lines(plan.moved_block.trim_end()))
            } else {
                String::new()
            };
            format!("{}\nhelp: {}{block}", sanitize(&refusal.text), sanitize(&refusal.hint))
        },
    }
}

/// An operation: at the lines of the fields that change, or where its section begins.
fn operated(operation: &Operation, drift: &[Drift], lines: Lines<'_>) -> Vec<Mark> {
    let address = &operation.address;
    let is_gone = drift.iter().any(|d| d.gone && d.address == *address);
    let (level, rank) = match operation.action {
        Action::Delete => (Level::Warning, 0),
        Action::Replace => (Level::Warning, 1),
        Action::Create | Action::Forget if is_gone => (Level::Warning, 2),
        Action::Update => (Level::Notice, 0),
        Action::Create | Action::Adopt | Action::Forget => (Level::Notice, 1),
    };
    // Nothing but the state changes: what there is to see is that it is gone.
    let is_lost = is_gone && operation.action == Action::Forget;
    let title = format!("{address}: {}", if is_lost { "drift" } else { operation.action.name() });
    let reason = view::reason(operation);
    // What replaces an object is said at each field that does; but for drift, the others change along with it.
    let is_replaced = operation.action == Action::Replace;
    let forced = operation.changes.iter().any(|c| c.forces_replacement);
    let mut marks: Vec<Mark> = Vec::new();
    for change in &operation.changes {
        let is_drift = matches!(change.cause, Cause::Platform | Cause::Both);
        let replaces = is_replaced && (change.forces_replacement || !forced);
        if is_replaced && !replaces && !is_drift {
            continue;
        }
        let (level, rank) = if is_drift && !replaces { (Level::Warning, 3) } else { (level, rank) };
        let place = lines(address, Some(&change.path));
        let text = changed(change);
        let same =
            marks.iter_mut().find(|mark| mark.place == place && (mark.level, mark.rank) == (level, rank));
        if let Some(mark) = same {
            mark.message = format!("{}\n{text}", mark.message);
        } else {
            let message = if replaces { format!("{reason}\n{text}") } else { text };
            marks.push(Mark { level, rank, title: title.clone(), place, message });
        }
    }
    if marks.is_empty() {
        marks.push(Mark { level, rank, title, place: lines(address, None), message: reason });
    }
    marks
}

/// Drift that no operation mends (`plan --target`, what an operation does not mention).
fn drifted(drift: &Drift, operations: &[Operation], lines: Lines<'_>) -> Vec<Mark> {
    let address = &drift.address;
    let operation = operations.iter().find(|operation| operation.address == *address);
    let title = format!("{address}: drift");
    let mark = |place, message| Mark { level: Level::Warning, rank: 3, title: title.clone(), place, message };
    if drift.gone {
        let text =
            format!("{} is gone from the platform, or not visible to this credential", sanitize(&drift.id));
        return if operation.is_none() { vec![mark(lines(address, None), text)] } else { Vec::new() };
    }
    let is_told =
        |field: &FieldChange| operation.is_some_and(|o| o.changes.iter().any(|c| c.path == field.path));
    drift
        .fields
        .iter()
        .filter(|field| !is_told(field))
        .map(|field| {
            let values = values(field, field.applied.as_ref(), field.observed.as_ref());
            let text = format!("{}: {values} on the platform", field_name(&field.path));
            mark(lines(address, Some(&field.path)), text)
        })
        .collect()
}

/// A field's change on one line, with what else there is to know of it.
fn changed(field: &FieldChange) -> String {
    let values = if view::is_secret(field) {
        view::secret(field, Sides::Planned)
    } else {
        values(field, field.observed.as_ref(), field.desired.as_ref())
    };
    let mut text = format!("{}: {values}", field_name(&field.path));
    match field.cause {
        Cause::Platform => text.push_str(" (drift: changed on the platform)"),
        Cause::Both => {
            let applied = values_of(field, field.applied.as_ref());
            text = format!("{text} (both moved it; last applied: {applied})");
        }
        Cause::Manifest | Cause::Dependency => {}
    }
    if field.forces_replacement {
        text.push_str(" (forces replacement)");
    }
    text
}

type Value<'v> = Option<&'v serde_json::Value>;

fn values(field: &FieldChange, old: Value<'_>, new: Value<'_>) -> String {
    let (old, new) = (values_of(field, old), values_of(field, new));
    let spelling = Spelling::of(&[&old, &new]);
    format!("{} → {}", spelling.line(&old), spelling.line(&new))
}

/// A value on one line; nothing of a field that was secret once.
fn values_of(field: &FieldChange, value: Value<'_>) -> String {
    match value {
        None => NONE.to_owned(),
        Some(_) if view::is_secret(field) => SENSITIVE.to_owned(),
        Some(_) => sanitize_lines(&field_value(&field.path, value)).into_owned(),
    }
}
