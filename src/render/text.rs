//! A plan for a person: why it may not be applied, what drifted, what is to be done and by which requests; the summary
//! comes last, where a terminal and a folded comment both leave it in sight.

use super::page::{Page, Part, Tone, columns, parts_columns};
use super::rows::{self, View};
use super::value::{self, field_name, field_value};
use super::{Style, change, request};
use crate::kind::{Body, Intent, Spec, Step};
use crate::plan::{Action, Drift, FieldChange, Mode, Move, Note, Operation, Plan, Refusal};

pub use super::value::{sanitize, sanitize_lines};

/// The whole plan.
pub fn plan(plan: &Plan, style: &Style) -> String {
    let mut page = Page::new(style);
    place(&mut page, plan);
    refusals(&mut page, &plan.refusals);
    drift(&mut page, &plan.drift);
    moves(&mut page, &plan.moves);
    for operation in &plan.operations {
        page.gap();
        self::operation(&mut page, operation);
    }
    notes(&mut page, &plan.notes);
    page.gap();
    summary(&mut page, plan);
    page.finish()
}

/// How an action is marked in the first column, and named.
pub(super) fn action_words(action: Action) -> (&'static str, &'static str, Tone) {
    let (mark, tone) = match action {
        Action::Create => ("+", Tone::Add),
        Action::Adopt => ("=", Tone::Adopt),
        Action::Update => ("~", Tone::Change),
        Action::Replace => ("-/+", Tone::Replace),
        Action::Delete => ("-", Tone::Remove),
        Action::Forget => (".", Tone::Quiet),
    };
    (mark, action.name(), tone)
}

/// Hex digits of the fingerprint that tell one plan from another for a person.
const SHOWN_FINGERPRINT: usize = 16;

fn place(page: &mut Page<'_>, plan: &Plan) {
    let place = &plan.place;
    let verb = match plan.mode {
        Mode::Normal => "Planning",
        Mode::Destroy => "Destroying",
        Mode::RefreshOnly => "Looking for drift",
    };
    let (sandbox, org) = (sanitize(&place.sandbox), sanitize(&place.org));
    let mut text = format!("{verb} in sandbox {sandbox} of {org} ({})", sanitize(&place.gateway));
    if !plan.is_empty() || (plan.mode == Mode::RefreshOnly && !plan.drift.is_empty()) {
        // As much of the fingerprint as `apply --expect` asks for.
        text.push_str(": plan ");
        text.push_str(&plan.fingerprint()[..SHOWN_FINGERPRINT]);
    }
    page.wrapped(0, 2, Tone::Quiet, &text);
}

fn refusals(page: &mut Page<'_>, refusals: &[Refusal]) {
    if refusals.is_empty() {
        return;
    }
    page.gap();
    page.line(0, &[(Tone::Remove, "Refused: this plan must not be applied.".to_owned())]);
    page.gap();
    for refusal in refusals {
        let whose = refusal.address.as_ref().map_or_else(String::new, |a| format!("{a}: "));
        let text = format!("! {}{}", sanitize(&whose), sanitize(&refusal.text));
        page.wrapped(0, 2, Tone::Strong, &text);
        page.wrapped(4, 6, Tone::Plain, &format!("hint: {}", sanitize(&refusal.hint)));
    }
}

fn drift(page: &mut Page<'_>, drift: &[Drift]) {
    if drift.is_empty() {
        return;
    }
    page.gap();
    let title = "Changed on the platform since the last apply".to_owned();
    page.line(0, &[(Tone::Strong, title), (Tone::Quiet, " (last applied → now)".to_owned())]);
    for drift in drift {
        page.gap();
        let address = (Tone::Strong, sanitize(&drift.address.to_string()).into_owned());
        let id = sanitize(&drift.id);
        if drift.gone {
            let words = format!(" {id}: gone, or not visible to this credential");
            page.parts(2, 2, &[address, (Tone::Remove, words)]);
            continue;
        }
        page.parts(2, 2, &[address, (Tone::Plain, format!(" {id}"))]);
        fields(page, drift.address.kind.spec(), &drift.fields, View::Drifted, None);
    }
}

/// Changed fields: single ones, then those of lists as tables.
fn fields(page: &mut Page<'_>, spec: &dyn Spec, changes: &[FieldChange], view: View, body: Option<&Body>) {
    let (listed, single): (Vec<&FieldChange>, Vec<_>) =
        changes.iter().partition(|c| rows::owner(spec, &c.path).is_some());
    let column = change::column(page, single.iter().copied());
    for field in single {
        match view {
            View::Planned => change::planned(page, 4, column, field),
            View::Drifted => change::drifted(page, 4, column, field),
        }
    }
    rows::changed(page, 4, spec, &listed, view, body);
}

fn operation(page: &mut Page<'_>, operation: &Operation) {
    let (mark, verb, tone) = action_words(operation.action);
    let address = sanitize(&operation.address.to_string()).into_owned();
    let id = operation.id.as_deref().map_or_else(String::new, |id| format!(" {}", sanitize(id)));
    let parts =
        [(tone, mark.to_owned()), (Tone::Strong, format!(" {address}")), (tone, format!("  {verb}{id}"))];
    page.parts(0, 4, &parts);
    if !operation.reason.is_empty() {
        comment(page, &reason(operation));
    }
    let spec = operation.address.kind.spec();
    match operation.action {
        Action::Create => created(page, spec, operation.body.as_ref()),
        Action::Adopt if operation.changes.is_empty() => comment(page, "nothing is sent: it is as wanted"),
        Action::Adopt | Action::Update | Action::Replace => {
            fields(page, spec, &operation.changes, View::Planned, operation.body.as_ref());
            if operation.unchanged > 0 {
                page.line(4, &[(Tone::Quiet, format!("({} unchanged)", operation.unchanged))]);
            }
        }
        Action::Delete => deleted(page, &operation.steps),
        Action::Forget => comment(page, "nothing is sent: only the state drops it"),
    }
    let creates = matches!(operation.action, Action::Create | Action::Replace);
    if creates && operation.steps.len() > 1 {
        comment(page, &order_of(operation));
    }
    requests(page, operation);
}

/// Why, with fields named as everywhere else in a plan.
fn reason(operation: &Operation) -> String {
    let forcing = operation.changes.iter().filter(|c| c.forces_replacement);
    let first = forcing.map(|c| c.path.as_str()).find(|path| operation.reason.starts_with(path));
    match first {
        Some(path) => field_name(path) + &sanitize(&operation.reason[path.len()..]),
        None => sanitize(&operation.reason).into_owned(),
    }
}

/// Objects that get another address, one line each.
fn moves(page: &mut Page<'_>, moves: &[Move]) {
    if !moves.is_empty() {
        page.gap();
    }
    for Move { from, to } in moves {
        let (from, to) = (sanitize(&from.to_string()).into_owned(), sanitize(&to.to_string()).into_owned());
        let what = format!("  moved from {from}");
        page.parts(
            0,
            4,
            &[(Tone::Adopt, ">".to_owned()), (Tone::Strong, format!(" {to}")), (Tone::Adopt, what)],
        );
    }
}

fn comment(page: &mut Page<'_>, text: &str) {
    page.wrapped(4, 2, Tone::Quiet, &format!("# {text}"));
}

/// A new object's fields, one line each; lists as tables.
fn created(page: &mut Page<'_>, spec: &dyn Spec, body: Option<&Body>) {
    let Some(body) = body else { return };
    let fields = crate::plan::fields(body, &|path| rows::owner(spec, path).is_none());
    let names = fields.keys().map(|path| columns(&field_name(path)));
    let column = names.max().unwrap_or_default().min(page.style.width / 3);
    for (path, value) in &fields {
        let name = (Tone::Plain, format!("{:column$}  ", field_name(path)));
        let laid_out = value.as_str().is_some_and(|t| t.contains('\n') || value::embedded(t).is_some());
        let shown = (Tone::Add, field_value(path, Some(value)));
        if !laid_out && 4 + columns(&name.1) + columns(&shown.1) <= page.style.width {
            page.line(4, &[name, shown]);
            continue;
        }
        page.line(4, &[name]);
        for line in if laid_out { value::lines(value) } else { vec![shown.1] } {
            page.parts(8, 2, &[(Tone::Add, line)]);
        }
    }
    rows::created(page, 4, spec, body);
}

/// What a person knows the deleted object by.
fn deleted(page: &mut Page<'_>, steps: &[Step]) {
    let name = steps.iter().find_map(|step| match &step.intent {
        Intent::Delete { before, .. } => before.get("name").cloned(),
        _ => None,
    });
    if let Some(name) = name {
        page.parts(4, 6, &[(Tone::Plain, "name  ".to_owned()), (Tone::Remove, value::one_line(&name))]);
    }
}

/// The steps on one line.
fn order_of(operation: &Operation) -> String {
    let (undo, steps): (Vec<&Step>, Vec<_>) = operation.steps.iter().partition(|s| s.unless.is_some());
    let title = |step: &Step| request::title(operation.action, step);
    let steps: Vec<String> =
        steps.iter().enumerate().map(|(i, s)| format!("{} {}", i + 1, title(s))).collect();
    let undo: Vec<&str> = undo.into_iter().map(title).collect();
    match undo.as_slice() {
        [] => format!("in this order: {}", steps.join(", ")),
        undo => {
            format!("in this order: {}; if the create fails, {} again", steps.join(", "), undo.join(", "))
        }
    }
}

/// What is sent: the updates always, everything if asked for.
fn requests(page: &mut Page<'_>, operation: &Operation) {
    let full = page.style.requests;
    if !full && !matches!(operation.action, Action::Update | Action::Adopt) {
        return;
    }
    for request in request::requests(operation) {
        let title = request::title(operation.action, request.step);
        if full && operation.steps.len() > 1 {
            let when = if request.step.unless.is_some() { " (only if the create fails)" } else { "" };
            page.line(4, &[(Tone::Quiet, format!("# {title}{when}"))]);
        }
        request::print(page, 4, &request, full);
    }
}

fn notes(page: &mut Page<'_>, notes: &[Note]) {
    if notes.is_empty() {
        return;
    }
    page.gap();
    for note in notes {
        let whose = note.address.as_ref().map_or_else(String::new, |a| format!("{a}: "));
        page.wrapped(0, 2, Tone::Plain, &format!("Note: {}{}", sanitize(&whose), sanitize(&note.text)));
    }
}

/// Every action with a count, in the order of [`Action`].
fn counted(plan: &Plan) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    if !plan.moves.is_empty() {
        parts.push((Tone::Plain, " ".to_owned()));
        parts.push((Tone::Adopt, format!("{} to move", plan.moves.len())));
    }
    for (action, count) in plan.counts() {
        let (_, verb, tone) = action_words(action);
        let space = if parts.is_empty() { " " } else { ", " };
        parts.push((Tone::Plain, space.to_owned()));
        parts.push((tone, format!("{count} to {verb}")));
    }
    parts
}

fn summary(page: &mut Page<'_>, plan: &Plan) {
    let mut parts: Vec<Part> = Vec::new();
    if plan.mode == Mode::RefreshOnly {
        let (tone, text) = match (plan.drift.len(), plan.unchanged) {
            (0, 0) => (Tone::Strong, "No drift. Nothing is managed.".to_owned()),
            (0, 1) => (Tone::Strong, "No drift. 1 object is as the last apply left it.".to_owned()),
            (0, n) => (Tone::Strong, format!("No drift. {n} objects are as the last apply left them.")),
            (1, _) => (Tone::Change, "Drift: 1 object is not as the last apply left it.".to_owned()),
            (n, _) => (Tone::Change, format!("Drift: {n} objects are not as the last apply left them.")),
        };
        parts.push((tone, text));
    } else if plan.is_empty() {
        let text = match plan.unchanged {
            _ if !plan.refusals.is_empty() => "Nothing planned.".to_owned(),
            0 if plan.mode == Mode::Destroy => "No changes. There is nothing to destroy.".to_owned(),
            0 => "No changes. Nothing is managed and the manifest is empty.".to_owned(),
            1 => "No changes. 1 object is as the manifest wants it.".to_owned(),
            n => format!("No changes. {n} objects are as the manifest wants them."),
        };
        parts.push((Tone::Strong, text));
    } else {
        parts.push((Tone::Strong, "Plan:".to_owned()));
        parts.extend(counted(plan));
        parts.push((Tone::Plain, ".".to_owned()));
        if plan.unchanged > 0 {
            parts.push((Tone::Plain, format!(" {} unchanged.", plan.unchanged)));
        }
    }
    match plan.records.len() {
        0 => {}
        _ if plan.mode == Mode::RefreshOnly => {
            let text = " `apply --refresh-only` takes that into the state; `apply` puts it right.";
            parts.push((Tone::Plain, text.to_owned()));
        }
        1 => parts.push((Tone::Plain, " 1 entry of the state is renewed by the next apply.".to_owned())),
        n => parts.push((Tone::Plain, format!(" {n} entries of the state are renewed by the next apply."))),
    }
    match plan.refusals.len() {
        0 => {}
        1 => parts.push((Tone::Remove, " Refused for the reason above.".to_owned())),
        n => parts.push((Tone::Remove, format!(" Refused for the {n} reasons above."))),
    }
    if parts_columns(&parts) <= page.style.width { page.line(0, &parts) } else { page.parts(0, 2, &parts) }
}
