//! A plan for a person at a terminal: why it may not be applied, what drifted, what is to be done and by which requests;
//! the summary comes last, where a terminal and a folded comment both leave it in sight.

use unicode_segmentation::UnicodeSegmentation;

use super::page::{Page, Part, Tone, columns, padded, parts_columns};
use super::request::{Content, Edit, Request};
use super::view::{self, Becomes, Contents, Drifted, Field, Planned, Remark, Shown, View};
use super::{Style, change, rows};
use crate::plan::{Action, Mode, Plan};

pub use super::value::{sanitize, sanitize_lines};

/// The whole plan.
pub fn plan(plan: &Plan, style: &Style) -> String {
    let view = view::view(plan);
    let mut page = Page::new(style);
    place(&mut page, &view);
    refusals(&mut page, &view.refusals);
    cautions(&mut page, &view.cautions);
    moved_block(&mut page, &view.moved_block);
    drift(&mut page, &view.drift);
    moves(&mut page, &view.moves);
    for operation in &view.operations {
        page.gap();
        self::operation(&mut page, operation);
    }
    notes(&mut page, &view.notes);
    page.gap();
    summary(&mut page, &view);
    page.finish()
}

/// An action's colour.
fn tone(action: Action) -> Tone {
    match action {
        Action::Create => Tone::Add,
        Action::Adopt => Tone::Adopt,
        Action::Update => Tone::Change,
        Action::Replace => Tone::Replace,
        Action::Delete => Tone::Remove,
        Action::Forget => Tone::Quiet,
    }
}

fn place(page: &mut Page<'_>, view: &View<'_>) {
    let verb = match view.mode {
        Mode::Normal => "Planning",
        Mode::Destroy => "Destroying",
        Mode::RefreshOnly => "Looking for drift",
    };
    let mut text = format!("{verb} in sandbox {} of {} ({})", view.sandbox, view.org, view.gateway);
    if let Some(fingerprint) = &view.fingerprint {
        text.push_str(": plan ");
        text.push_str(fingerprint);
    }
    page.wrapped(0, 2, Tone::Quiet, &text);
}

fn refusals(page: &mut Page<'_>, refusals: &[Remark]) {
    if refusals.is_empty() {
        return;
    }
    page.gap();
    page.line(0, &[(Tone::Remove, "Refused: this plan must not be applied.".to_owned())]);
    page.gap();
    for refusal in refusals {
        page.wrapped(0, 2, Tone::Strong, &format!("! {}", whose(refusal)));
        if let Some(hint) = &refusal.hint {
            page.wrapped(4, 6, Tone::Plain, &format!("hint: {hint}"));
        }
    }
}

/// What a reviewer must see, one paragraph each.
fn cautions(page: &mut Page<'_>, cautions: &[Remark]) {
    if !cautions.is_empty() {
        page.gap();
    }
    for caution in cautions {
        let parts = [(Tone::Change, "Warning:".to_owned()), (Tone::Strong, format!(" {}", whose(caution)))];
        page.parts(0, 2, &parts);
    }
}

/// Lines to be copied: never broken.
fn moved_block(page: &mut Page<'_>, block: &[String]) {
    if block.is_empty() {
        return;
    }
    page.gap();
    page.wrapped(0, 2, Tone::Plain, view::MOVED_BLOCK);
    page.gap();
    for line in block {
        page.line(0, &[(Tone::Strong, line.clone())]);
    }
}

/// A remark with the address it is about.
fn whose(remark: &Remark) -> String {
    match &remark.address {
        Some(address) => format!("{address}: {}", remark.text),
        None => remark.text.clone(),
    }
}

fn drift(page: &mut Page<'_>, drift: &[Drifted<'_>]) {
    if drift.is_empty() {
        return;
    }
    page.gap();
    let title = "Changed on the platform since the last apply".to_owned();
    page.line(0, &[(Tone::Strong, title), (Tone::Quiet, " (last applied → now)".to_owned())]);
    for drift in drift {
        page.gap();
        let address = (Tone::Strong, drift.address.clone());
        if drift.gone {
            let words = format!(" {}: gone, or not visible to this credential", drift.id);
            page.parts(2, 2, &[address, (Tone::Remove, words)]);
            continue;
        }
        page.parts(2, 2, &[address, (Tone::Plain, format!(" {}", drift.id))]);
        changed(page, &drift.contents);
    }
}

/// Changed fields: single ones, then those of lists as tables.
fn changed(page: &mut Page<'_>, contents: &Contents<'_>) {
    let column = change::column(page, &contents.fields);
    for field in &contents.fields {
        change::field(page, 4, column, field);
    }
    rows::lists(page, 4, &contents.lists);
}

fn operation(page: &mut Page<'_>, operation: &Planned<'_>) {
    let tone = tone(operation.action);
    let id = operation.id.as_ref().map_or_else(String::new, |id| format!(" {id}"));
    let parts = [
        (tone, view::mark(operation.action).to_owned()),
        (Tone::Strong, format!(" {}", operation.address)),
        (tone, format!("  {}{id}", operation.action.name())),
    ];
    page.parts(0, 4, &parts);
    if !operation.reason.is_empty() {
        comment(page, &operation.reason);
    }
    if let Some(words) = operation.unsent {
        comment(page, words);
    }
    match operation.action {
        Action::Create => created(page, &operation.contents),
        Action::Delete => deleted(page, &operation.contents.fields),
        Action::Adopt | Action::Update | Action::Replace => changed(page, &operation.contents),
        Action::Forget => {}
    }
    if operation.unchanged > 0 {
        page.line(4, &[(Tone::Quiet, format!("({} unchanged)", operation.unchanged))]);
    }
    if let Some(order) = &operation.order {
        comment(page, order);
    }
    requests(page, operation);
}

/// Objects that get another address, one line each.
fn moves(page: &mut Page<'_>, moves: &[Remark]) {
    if !moves.is_empty() {
        page.gap();
    }
    for moved in moves {
        let address = moved.address.as_deref().unwrap_or_default();
        let parts = [
            (Tone::Adopt, ">".to_owned()),
            (Tone::Strong, format!(" {address}")),
            (Tone::Adopt, format!("  {}", moved.text)),
        ];
        page.parts(0, 4, &parts);
    }
}

fn comment(page: &mut Page<'_>, text: &str) {
    page.wrapped(4, 2, Tone::Quiet, &format!("# {text}"));
}

/// A new object's fields, one line each; lists as tables.
fn created(page: &mut Page<'_>, contents: &Contents<'_>) {
    let column = change::column(page, &contents.fields);
    for field in &contents.fields {
        let Becomes::Is(value) = &field.value else { continue };
        let name = (Tone::Plain, padded(&field.name, column) + "  ");
        let fits = 4 + columns(&name.1) + columns(&value.line) <= page.style.width;
        if fits && !value.is_laid_out() {
            page.line(4, &[name, (Tone::Add, value.line.clone())]);
            continue;
        }
        page.line(4, &[name]);
        for line in if value.is_laid_out() { value.lines() } else { vec![value.line.clone()] } {
            page.parts(8, 2, &[(Tone::Add, line)]);
        }
    }
    rows::lists(page, 4, &contents.lists);
}

fn deleted(page: &mut Page<'_>, fields: &[Field<'_>]) {
    for field in fields {
        if let Becomes::Is(value) = &field.value {
            let name = (Tone::Plain, format!("{}  ", field.name));
            page.parts(4, 6, &[name, (Tone::Remove, value.line.clone())]);
        }
    }
}

/// What is sent: the updates always, everything if asked for.
fn requests(page: &mut Page<'_>, operation: &Planned<'_>) {
    let full = page.style.requests;
    if !full && !matches!(operation.action, Action::Update | Action::Adopt) {
        return;
    }
    for request in operation.requests() {
        if full && operation.operation.steps.len() > 1 {
            let when = request.when().map_or_else(String::new, |when| format!(" ({when})"));
            page.line(4, &[(Tone::Quiet, format!("# {}{when}", request.title()))]);
        }
        self::request(page, 4, &request, full);
    }
}

/// A request: its line, its precondition, and its body; `full` leaves nothing out.
fn request(page: &mut Page<'_>, indent: usize, request: &Request<'_>, full: bool) {
    let mut parts: Vec<Part> = vec![(Tone::Strong, format!("{} {}", request.method, request.target()))];
    if let Some(condition) = request.condition() {
        let beside = indent + parts_columns(&parts) + 2 + columns(&condition) <= page.style.width;
        if beside {
            parts.push((Tone::Plain, format!("  {condition}")));
        }
        page.line(indent, &parts);
        if !beside {
            page.line(indent + 2, &[(Tone::Plain, condition)]);
        }
    } else {
        page.line(indent, &parts);
    }
    match request.content() {
        Content::None => {}
        Content::Edits(edits) => {
            for edit in &edits {
                self::edit(page, indent + 2, edit, full);
            }
        }
        Content::Whole(body) if full => {
            for line in body.json_lines() {
                page.line(indent + 2, &[(Tone::Plain, line)]);
            }
        }
        Content::Whole(_) => {
            let text = "the whole body as wanted (shown with the requests)";
            page.line(indent + 2, &[(Tone::Quiet, text.to_owned())]);
        }
    }
}

/// One operation of a JSON Patch: `replace /scheduleParams/interval  30`.
fn edit(page: &mut Page<'_>, indent: usize, edit: &Edit<'_>, full: bool) {
    let tone = match edit.verb {
        "add" => Tone::Add,
        "replace" => Tone::Change,
        "remove" => Tone::Remove,
        _ => Tone::Plain,
    };
    let head = edit.head();
    let Some(value) = &edit.value else { return page.line(indent, &[(tone, head)]) };
    let shown = edit.json_line().unwrap_or_default();
    if indent + columns(&head) + 2 + columns(&shown) <= page.style.width {
        return page.line(indent, &[(tone, head), (Tone::Plain, format!("  {shown}"))]);
    }
    page.line(indent, &[(tone, head)]);
    if indent + 4 + columns(&shown) <= page.style.width {
        return page.line(indent + 4, &[(Tone::Plain, shown)]);
    }
    json(page, indent + 4, value, full);
}

fn json(page: &mut Page<'_>, indent: usize, value: &Shown<'_>, full: bool) {
    for line in value.json_lines() {
        if full {
            page.line(indent, &[(Tone::Plain, line)]);
        } else {
            let text = line.trim_start();
            page.parts(indent + line.len() - text.len(), 4, &[(Tone::Plain, cut(text))]);
        }
    }
}

/// Longest line of a value that is shown when not everything is asked for.
const LONGEST: usize = 240;

fn cut(line: &str) -> String {
    let count = line.chars().count();
    if count <= LONGEST {
        return line.to_owned();
    }
    let kept: String = line.graphemes(true).take(LONGEST).collect();
    format!("{kept}… ({count} characters, all of them with the requests)")
}

fn notes(page: &mut Page<'_>, notes: &[Remark]) {
    if notes.is_empty() {
        return;
    }
    page.gap();
    for note in notes {
        page.wrapped(0, 2, Tone::Plain, &format!("Note: {}", whose(note)));
    }
}

fn summary(page: &mut Page<'_>, view: &View<'_>) {
    let summary = &view.summary;
    let drifted = view.mode == Mode::RefreshOnly && !view.drift.is_empty();
    let tone_of_head = if drifted { Tone::Change } else { Tone::Strong };
    let mut parts: Vec<Part> = vec![(tone_of_head, summary.head.clone())];
    let moves = summary.moves.iter().map(|words| (Tone::Adopt, words));
    let actions = summary.counts.iter().map(|(action, words)| (tone(*action), words));
    let counts: Vec<(Tone, &String)> = moves.chain(actions).collect();
    for (index, (tone, words)) in counts.iter().enumerate() {
        parts.push((Tone::Plain, if index == 0 { " " } else { ", " }.to_owned()));
        parts.push((*tone, (*words).clone()));
    }
    if !counts.is_empty() {
        parts.push((Tone::Plain, ".".to_owned()));
    }
    for more in summary.more() {
        let is_warning = summary.warnings.as_ref() == Some(more);
        parts.push((if is_warning { Tone::Change } else { Tone::Plain }, format!(" {more}")));
    }
    match view.refusals.len() {
        0 => {}
        1 => parts.push((Tone::Remove, " Refused for the reason above.".to_owned())),
        n => parts.push((Tone::Remove, format!(" Refused for the {n} reasons above."))),
    }
    if parts_columns(&parts) <= page.style.width { page.line(0, &parts) } else { page.parts(0, 2, &parts) }
}
