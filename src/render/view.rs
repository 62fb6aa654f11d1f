//! A plan in words: all that a reader is told of it, as data without layout, colours or width. Every page-like format is
//! written from this, so that what is said, in which words and in which order is decided once.
//!
//! Every text here is one line and [`sanitize`]d; none is escaped for any format, which each format does for itself.
//! No secret is in it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::alike::Spelling;
use super::members::{self, List};
use super::request::{self, Request};
use super::value::{self, field_name, field_value, sanitize};
use crate::kind::{Address, Body, Intent, Spec, Step};
use crate::plan::{Action, Cause, Drift, FieldChange, Mode, Operation, Plan};

/// A plan in words.
pub(super) struct View<'p> {
    /// What it is for.
    pub(super) mode: Mode,
    pub(super) gateway: String,
    pub(super) org: String,
    pub(super) sandbox: String,
    /// As much of the fingerprint as `apply --expect` asks for; none when an apply would do nothing.
    pub(super) fingerprint: Option<String>,
    /// What it comes to.
    pub(super) summary: Summary,
    /// Every pipeline that an operation or a drift is about, in the order of its first one.
    pub(super) pipelines: Vec<Pipeline>,
    /// What nobody must overlook.
    pub(super) warnings: Warnings,
    /// Why it must not be applied.
    pub(super) refusals: Vec<Remark>,
    /// What has changed on the platform.
    pub(super) drift: Vec<Drifted<'p>>,
    /// What gets another address, and which it had.
    pub(super) moves: Vec<Remark>,
    /// What is done, in the plan's order.
    pub(super) operations: Vec<Planned<'p>>,
    /// What arms a destruction, has no way back, or makes anew what is there.
    pub(super) cautions: Vec<Remark>,
    /// The lines of the `moved` block that a rename means; none where there is no rename.
    pub(super) moved_block: Vec<String>,
    /// What to know besides; what guards an object from now on comes first.
    pub(super) notes: Vec<Remark>,
}

/// Above [`View::moved_block`].
pub(super) const MOVED_BLOCK: &str =
    "To keep what is there under its new address, put this into the manifest:";

impl View<'_> {
    /// The notes, and before them what moves: for formats without a place of its own for that.
    pub(super) fn moves_and_notes(&self) -> Vec<Remark> {
        self.moves.iter().chain(&self.notes).cloned().collect()
    }
}

/// What a plan comes to.
pub(super) struct Summary {
    /// `Plan:`, or what there is to say when nothing is to be done.
    pub(super) head: String,
    /// `5 to move`, if anything is.
    pub(super) moves: Option<String>,
    /// `5 to create` and so on, for every action there is.
    pub(super) counts: Vec<(Action, String)>,
    /// `4 unchanged.`
    pub(super) unchanged: Option<String>,
    /// What the next apply does to the state besides.
    pub(super) records: Option<String>,
    /// `1 warning.`
    pub(super) warnings: Option<String>,
}

impl Summary {
    /// The sentences after the counts.
    pub(super) fn more(&self) -> impl Iterator<Item = &String> {
        [&self.unchanged, &self.warnings, &self.records].into_iter().flatten()
    }

    /// All of it as one text. Says nothing of refusals.
    pub(super) fn sentence(&self) -> String {
        let mut text = self.head.clone();
        let actions = self.counts.iter().map(|(_, words)| words.as_str());
        let counts: Vec<&str> = self.moves.as_deref().into_iter().chain(actions).collect();
        if !counts.is_empty() {
            text = format!("{text} {}.", counts.join(", "));
        }
        for more in self.more() {
            text = format!("{text} {more}");
        }
        text
    }
}

/// How much happens in one pipeline.
pub(super) struct Pipeline {
    pub(super) name: String,
    /// Operations by action.
    pub(super) counts: BTreeMap<Action, usize>,
    /// Drifted objects.
    pub(super) drift: usize,
}

/// Addresses by what is to be warned of, each in the plan's order.
#[derive(Default)]
pub(super) struct Warnings {
    /// Objects that are deleted.
    pub(super) deleted: Vec<String>,
    /// Objects that are deleted after another has taken their place.
    pub(super) replaced: Vec<String>,
    /// Objects that differ from how they were left, or are gone.
    pub(super) drifted: Vec<String>,
    /// Objects of which the manifest and the platform changed the same field.
    pub(super) conflicts: Vec<String>,
}

/// A sentence about an object, or about the whole.
#[derive(Clone)]
pub(super) struct Remark {
    pub(super) address: Option<String>,
    pub(super) text: String,
    /// What to do.
    pub(super) hint: Option<String>,
}

/// One operation.
pub(super) struct Planned<'p> {
    /// As the plan has it.
    pub(super) operation: &'p Operation,
    pub(super) address: String,
    pub(super) pipeline: String,
    pub(super) action: Action,
    /// The existing object's id.
    pub(super) id: Option<String>,
    /// Why; may be empty.
    pub(super) reason: String,
    /// Whether the manifest and the platform changed the same field of it.
    pub(super) conflicting: bool,
    /// What is new, what changes, or what the object is known by.
    pub(super) contents: Contents<'p>,
    /// How many compared fields stay, beside those that change.
    pub(super) unchanged: usize,
    /// That nothing is sent, where that is so.
    pub(super) unsent: Option<&'static str>,
    /// The steps, where there are several and their order tells something.
    pub(super) order: Option<String>,
}

impl<'p> Planned<'p> {
    /// What is sent, in order.
    pub(super) fn requests(&self) -> Vec<Request<'p>> {
        request::requests(self.operation)
    }
}

/// An object that changed behind our back. Its fields' old values are what was last applied, the new ones what is now.
pub(super) struct Drifted<'p> {
    pub(super) address: String,
    pub(super) id: String,
    /// Whether it is gone, or not visible.
    pub(super) gone: bool,
    pub(super) contents: Contents<'p>,
}

/// Fields: single ones, and the members of lists.
#[derive(Default)]
pub(super) struct Contents<'p> {
    pub(super) fields: Vec<Field<'p>>,
    pub(super) lists: Vec<List<'p>>,
}

/// One field.
pub(super) struct Field<'p> {
    /// `scheduleParams.interval`.
    pub(super) name: String,
    pub(super) value: Becomes<'p>,
    /// Who changed it; none where nothing is compared.
    pub(super) cause: Option<Cause>,
    pub(super) forces_replacement: bool,
}

impl Field<'_> {
    /// What to know of it besides its values.
    pub(super) fn remarks(&self) -> Vec<&'static str> {
        let mut remarks = Vec::new();
        if self.cause == Some(Cause::Platform) {
            remarks.push("drift: changed on the platform");
        }
        if self.forces_replacement {
            remarks.push("forces replacement");
        }
        remarks
    }
}

/// What a value is, or becomes.
pub(super) enum Becomes<'p> {
    /// It is this: nothing is compared.
    Is(Shown<'p>),
    /// It changes.
    Changes(Shown<'p>, Shown<'p>),
    /// Both moved it.
    Conflict { applied: Shown<'p>, observed: Shown<'p>, wanted: Shown<'p> },
    /// A secret: what becomes of it in words.
    Secret(String),
}

/// What stands for a field that both moved, beside its values.
pub(super) const BOTH_MOVED: &str = "changed in the manifest and on the platform";

impl<'p> Becomes<'p> {
    /// What a change means for its field.
    pub(super) fn of(change: &'p FieldChange, sides: Sides) -> Self {
        let (old, new) = sides.of(change);
        match sides {
            _ if is_secret(change) => Self::Secret(secret(change, sides)),
            Sides::Planned if change.cause == Cause::Both => {
                let values = [change.applied.as_ref(), old, new];
                let [applied, observed, wanted] = Shown::compared(&change.path, values);
                Self::Conflict { applied, observed, wanted }
            }
            _ => {
                let [old, new] = Shown::compared(&change.path, [old, new]);
                Self::Changes(old, new)
            }
        }
    }
}

/// Which two of a change's three values are old and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sides {
    /// What the platform has, and what is wanted.
    Planned,
    /// What was last applied, and what the platform has.
    Drifted,
}

impl Sides {
    pub(super) fn of(self, change: &FieldChange) -> (Option<&Value>, Option<&Value>) {
        match self {
            Self::Planned => (change.observed.as_ref(), change.desired.as_ref()),
            Self::Drifted => (change.applied.as_ref(), change.observed.as_ref()),
        }
    }
}

/// Whether something is there before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Kept,
    Added,
    Removed,
    Changed,
}

impl Sign {
    /// In the first column.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Kept => " ",
            Self::Added => "+",
            Self::Removed => "-",
            Self::Changed => "~",
        }
    }
}

/// A value in words, or that there is none.
pub(super) struct Shown<'p> {
    /// On one line.
    pub(super) line: String,
    value: Option<Cow<'p, Value>>,
    /// What is spelled out, for a value that is compared with others.
    spelling: Option<Rc<Spelling>>,
}

impl<'p> Shown<'p> {
    /// The value of the field at `pointer`.
    pub(super) fn new(pointer: &str, value: Option<Cow<'p, Value>>) -> Self {
        Self { line: field_value(pointer, value.as_deref()), value, spelling: None }
    }

    /// Values of one field that stand beside each other, in an order that the caller knows.
    fn compared<const N: usize>(pointer: &str, values: [Option<&'p Value>; N]) -> [Self; N] {
        let shown = values.map(|value| Self::new(pointer, value.map(Cow::Borrowed)));
        let spelling = Rc::new(Spelling::of(&shown.each_ref().map(|shown| shown.line.as_str())));
        shown.map(|shown| Self {
            line: spelling.line(&shown.line).into_owned(),
            spelling: Some(Rc::clone(&spelling)),
            ..shown
        })
    }

    pub(super) fn is_none(&self) -> bool {
        self.value.is_none()
    }

    /// Whether it is a text.
    pub(super) fn is_text(&self) -> bool {
        self.value.as_deref().is_some_and(Value::is_string)
    }

    /// Whether it is a text of several lines.
    pub(super) fn has_lines(&self) -> bool {
        self.value.as_deref().and_then(Value::as_str).is_some_and(|text| text.contains('\n'))
    }

    /// Whether it is a text that reads better in lines: of several, or JSON.
    pub(super) fn is_laid_out(&self) -> bool {
        let text = self.value.as_deref().and_then(Value::as_str);
        text.is_some_and(|text| text.contains('\n') || value::embedded(text).is_some())
    }

    /// A text's own lines, or a structure's as JSON; a text that is itself JSON is laid out.
    pub(super) fn lines(&self) -> Vec<String> {
        let Some(value) = self.value.as_deref() else { return vec![self.line.clone()] };
        self.spelled(value::lines(value), self.has_lines())
    }

    /// As JSON, laid out.
    pub(super) fn json_lines(&self) -> Vec<String> {
        let Some(value) = self.value.as_deref() else { return vec![self.line.clone()] };
        self.spelled(value::json_lines(value), false)
    }

    /// Lines with what is spelled out; `is_own`: they are a text's own lines.
    fn spelled(&self, lines: Vec<String>, is_own: bool) -> Vec<String> {
        let Some(spelling) = &self.spelling else { return lines };
        // One line is shown as one line is; of several, the blanks between words stay as they are.
        let is_single = lines.len() == 1;
        let spell = |line: String| match (is_single, is_own) {
            (true, _) => spelling.line(&line).into_owned(),
            (false, true) => spelling.line_of_text(&line).into_owned(),
            (false, false) => spelling.characters_of(&line).into_owned(),
        };
        lines.into_iter().map(spell).collect()
    }
}

/// How an action is marked in the first column.
pub(super) fn mark(action: Action) -> &'static str {
    match action {
        Action::Create => "+",
        Action::Adopt => "=",
        Action::Update => "~",
        Action::Replace => "-/+",
        Action::Delete => "-",
        Action::Forget => ".",
    }
}

/// Hex digits of the fingerprint that tell one plan from another for a person.
const SHOWN_FINGERPRINT: usize = 16;

/// A plan in words.
pub(super) fn view(plan: &Plan) -> View<'_> {
    let clean = |text: &str| sanitize(text).into_owned();
    let operations: Vec<Planned<'_>> = plan.operations.iter().map(planned).collect();
    View {
        mode: plan.mode,
        gateway: clean(&plan.place.gateway),
        org: clean(&plan.place.org),
        sandbox: clean(&plan.place.sandbox),
        fingerprint: plan.has_work().then(|| plan.fingerprint().chars().take(SHOWN_FINGERPRINT).collect()),
        summary: summary(plan),
        pipelines: pipelines(plan),
        warnings: warnings(plan, &operations),
        refusals: plan.refusals.iter().map(|r| remark(r.address.as_ref(), &r.text, Some(&r.hint))).collect(),
        drift: plan.drift.iter().map(drifted).collect(),
        moves: plan
            .moves
            .iter()
            .map(|m| remark(Some(&m.to), &format!("moved from {}", m.from), None))
            .collect(),
        operations,
        cautions: plan.warnings.iter().map(|w| remark(w.address.as_ref(), &w.text, None)).collect(),
        moved_block: plan.moved_block.lines().map(clean).collect(),
        notes: plan
            .notices
            .iter()
            .map(|n| (n.address.as_ref(), &n.text))
            .chain(plan.notes.iter().map(|n| (n.address.as_ref(), &n.text)))
            .map(|(whose, text)| remark(whose, text, None))
            .collect(),
    }
}

fn summary(plan: &Plan) -> Summary {
    let mut summary = Summary {
        head: "Plan:".to_owned(),
        moves: None,
        counts: Vec::new(),
        unchanged: None,
        records: None,
        warnings: match plan.warnings.len() {
            0 => None,
            1 => Some("1 warning.".to_owned()),
            n => Some(format!("{n} warnings.")),
        },
    };
    if plan.mode == Mode::RefreshOnly {
        summary.head = match (plan.drift.len(), plan.unchanged) {
            (0, 0) => "No drift. Nothing is managed.".to_owned(),
            (0, 1) => "No drift. 1 object is as the last apply left it.".to_owned(),
            (0, n) => format!("No drift. {n} objects are as the last apply left them."),
            (1, _) => "Drift: 1 object is not as the last apply left it.".to_owned(),
            (n, _) => format!("Drift: {n} objects are not as the last apply left them."),
        };
    } else if plan.is_empty() && plan.refusals.is_empty() && plan.has_guard_changes() {
        "Only what guards objects changes, in the state; nothing is sent.".clone_into(&mut summary.head);
        summary.unchanged = (plan.unchanged > 0).then(|| format!("{} unchanged.", plan.unchanged));
    } else if plan.is_empty() {
        summary.head = match plan.unchanged {
            _ if !plan.refusals.is_empty() => "Nothing planned.".to_owned(),
            0 if plan.mode == Mode::Destroy => "No changes. There is nothing to destroy.".to_owned(),
            0 => "No changes. Nothing is managed and the manifest is empty.".to_owned(),
            1 => "No changes. 1 object is as the manifest wants it.".to_owned(),
            n => format!("No changes. {n} objects are as the manifest wants them."),
        };
    } else {
        let words = |(action, count): (Action, usize)| (action, format!("{count} to {}", action.name()));
        summary.moves = (!plan.moves.is_empty()).then(|| format!("{} to move", plan.moves.len()));
        summary.counts = plan.counts().into_iter().map(words).collect();
        summary.unchanged = (plan.unchanged > 0).then(|| format!("{} unchanged.", plan.unchanged));
    }
    summary.records = match plan.records.len() {
        0 => None,
        _ if plan.mode == Mode::RefreshOnly => {
            Some("`apply --refresh-only` takes that into the state; `apply` puts it right.".to_owned())
        }
        1 => Some("1 entry of the state is renewed by the next apply.".to_owned()),
        n => Some(format!("{n} entries of the state are renewed by the next apply.")),
    };
    summary
}

fn pipelines(plan: &Plan) -> Vec<Pipeline> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut pipelines: Vec<Pipeline> = Vec::new();
    let operations = plan.operations.iter().map(|o| (&o.address, Some(o.action)));
    for (address, action) in operations.chain(plan.drift.iter().map(|d| (&d.address, None))) {
        let place = *places.entry(&address.pipeline).or_insert_with(|| {
            let name = sanitize(&address.pipeline).into_owned();
            pipelines.push(Pipeline { name, counts: BTreeMap::new(), drift: 0 });
            pipelines.len() - 1
        });
        if let Some(pipeline) = pipelines.get_mut(place) {
            match action {
                Some(action) => *pipeline.counts.entry(action).or_default() += 1,
                None => pipeline.drift += 1,
            }
        }
    }
    pipelines
}

fn warnings(plan: &Plan, operations: &[Planned<'_>]) -> Warnings {
    let which = |which: &dyn Fn(&Planned<'_>) -> bool| -> Vec<String> {
        operations.iter().filter(|o| which(o)).map(|o| o.address.clone()).collect()
    };
    Warnings {
        deleted: which(&|o| o.action == Action::Delete),
        replaced: which(&|o| o.action == Action::Replace),
        drifted: plan.drift.iter().map(|d| address(&d.address)).collect(),
        conflicts: which(&|o| o.conflicting),
    }
}

fn address(address: &Address) -> String {
    sanitize(&address.to_string()).into_owned()
}

fn remark(whose: Option<&Address>, text: &str, hint: Option<&str>) -> Remark {
    Remark {
        address: whose.map(address),
        text: sanitize(text).into_owned(),
        hint: hint.map(|hint| sanitize(hint).into_owned()),
    }
}

fn drifted(drift: &Drift) -> Drifted<'_> {
    Drifted {
        address: address(&drift.address),
        id: sanitize(&drift.id).into_owned(),
        gone: drift.gone,
        contents: changed(drift.address.kind.spec(), &drift.fields, Sides::Drifted, None),
    }
}

fn planned(operation: &Operation) -> Planned<'_> {
    let spec = operation.address.kind.spec();
    let contents = match operation.action {
        Action::Create => created(spec, operation.body.as_ref()),
        Action::Adopt | Action::Update | Action::Replace => {
            changed(spec, &operation.changes, Sides::Planned, operation.body.as_ref())
        }
        Action::Delete => deleted(&operation.steps),
        Action::Forget => Contents::default(),
    };
    let makes = matches!(operation.action, Action::Create | Action::Replace);
    Planned {
        operation,
        address: address(&operation.address),
        pipeline: sanitize(&operation.address.pipeline).into_owned(),
        action: operation.action,
        id: operation.id.as_deref().map(|id| sanitize(id).into_owned()),
        reason: reason(operation),
        conflicting: operation.changes.iter().any(|c| c.cause == Cause::Both),
        contents,
        unchanged: match operation.action {
            Action::Adopt if operation.changes.is_empty() => 0,
            Action::Adopt | Action::Update | Action::Replace => operation.unchanged,
            Action::Create | Action::Delete | Action::Forget => 0,
        },
        unsent: match operation.action {
            Action::Adopt if operation.changes.is_empty() => Some("nothing is sent: it is as wanted"),
            Action::Forget => Some("nothing is sent: only the state drops it"),
            _ => None,
        },
        order: (makes && operation.steps.len() > 1).then(|| order_of(operation)),
    }
}

/// Why, with fields named as everywhere else in a plan.
pub(super) fn reason(operation: &Operation) -> String {
    let forcing = operation.changes.iter().filter(|c| c.forces_replacement);
    let first = forcing.map(|c| c.path.as_str()).find(|path| operation.reason.starts_with(path));
    match first.and_then(|path| Some((path, operation.reason.strip_prefix(path)?))) {
        Some((path, rest)) => field_name(path) + &sanitize(rest),
        None => sanitize(&operation.reason).into_owned(),
    }
}

/// A new object's fields.
fn created<'p>(spec: &dyn Spec, body: Option<&'p Body>) -> Contents<'p> {
    let Some(body) = body else { return Contents::default() };
    // A member that is empty as a whole, as a source's `params` that nobody gave, says nothing of a new object.
    let says_something =
        |path: &str| path.matches('/').count() > 1 || !crate::plan::is_empty_object(body.pointer(path));
    let is_single = |path: &str| members::owner(spec, path).is_none() && says_something(path);
    let fields = crate::plan::fields(body, &is_single);
    let field = |(path, value): (String, Value)| Field {
        name: field_name(&path),
        value: Becomes::Is(Shown::new(&path, Some(Cow::Owned(value)))),
        cause: None,
        forces_replacement: false,
    };
    Contents { fields: fields.into_iter().map(field).collect(), lists: members::created(spec, body) }
}

/// Changed fields. `body` is the wanted body, if there is one.
fn changed<'p>(
    spec: &dyn Spec,
    changes: &'p [FieldChange],
    sides: Sides,
    body: Option<&'p Body>,
) -> Contents<'p> {
    let (listed, single): (Vec<&FieldChange>, Vec<_>) =
        changes.iter().partition(|c| members::owner(spec, &c.path).is_some());
    let names: Vec<String> = single.iter().map(|change| field_name(&change.path)).collect();
    let spelling = Spelling::of_names(names.iter().map(String::as_str));
    let field = |change: &'p FieldChange| Field {
        name: spelling.line(&field_name(&change.path)).into_owned(),
        value: Becomes::of(change, sides),
        cause: (sides == Sides::Planned).then_some(change.cause),
        forces_replacement: sides == Sides::Planned && change.forces_replacement,
    };
    Contents {
        fields: single.into_iter().map(field).collect(),
        lists: members::changed(spec, &listed, sides, body),
    }
}

/// What a person knows the deleted object by.
fn deleted(steps: &[Step]) -> Contents<'_> {
    let name = steps.iter().find_map(|step| match &step.intent {
        Intent::Delete { before, .. } => before.get("name"),
        _ => None,
    });
    let field = name.map(|name| Field {
        name: "name".to_owned(),
        value: Becomes::Is(Shown::new("/name", Some(Cow::Borrowed(name)))),
        cause: None,
        forces_replacement: false,
    });
    Contents { fields: field.into_iter().collect(), lists: Vec::new() }
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

/// Whether any of a field's three values is a secret, or holds one.
pub(super) fn is_secret(change: &FieldChange) -> bool {
    [&change.observed, &change.desired, &change.applied].into_iter().any(|v| value::is_secret(v.as_ref()))
}

/// What becomes of a secret. A value that was secret once is not shown, whatever it is now.
pub(super) fn secret(change: &FieldChange, sides: Sides) -> String {
    match (&change.desired, sides) {
        (_, Sides::Drifted) => value::SENSITIVE.to_owned(),
        (None, _) => format!("{} → {}", value::SENSITIVE, value::NONE),
        (Some(desired), _) if !value::is_secret(Some(desired)) => {
            format!("{} → {}", value::SENSITIVE, value::one_line(desired))
        }
        (Some(_), _) if value::is_secret(change.applied.as_ref()) => "(sensitive, changed)".to_owned(),
        (Some(_), _) => "(sensitive, to be set)".to_owned(),
    }
}
