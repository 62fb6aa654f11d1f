//! A plan as JSON, with structs of its own, so that the engine may change without it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::request::Precondition;
use super::super::{request, view};
use super::{FORMAT_VERSION, to_value};
use crate::kind::{Leaf, map_leaves};
use crate::plan::{Action, Cause, Drift, FieldChange, Mode, Move, Operation, Plan, Refusal};

/// A plan, as `flowform plan --format json` and `flowform show --format json` print it. A new field may come at any time;
/// a changed or dropped one raises `formatVersion`. Equal input gives equal bytes.
///
/// In values stand `{"knownAfterApply": "ADDRESS id"}` (or `version`, `etag`), `{"soonAfterCreate": SECONDS}`, and
/// `{"sensitive": true}` for a secret; in a request's path `{id}` for the id of the object that the step before makes.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "flowform plan")]
pub(super) struct PlanDocument<'p> {
    /// 1.
    format_version: u32,
    /// SHA-256 of the plan, for `apply --expect`.
    fingerprint: String,
    /// What it is for: `destroy` takes everything down, `refreshOnly` compares state and platform.
    mode: ModeDocument,
    /// Whether nothing refuses it.
    applicable: bool,
    /// Whether only a part was planned (`--target`, `--exclude`).
    partial: bool,
    /// Where it is to be applied.
    place: PlaceDocument<'p>,
    /// Counts of objects.
    summary: SummaryDocument,
    /// Objects that get another address; nothing is sent for it.
    moves: Vec<MoveDocument>,
    /// What is done, in the order a person reads it: by pipeline, parents first; deletions last.
    operations: Vec<OperationDocument<'p>>,
    /// What the platform has otherwise than the last apply left it.
    drift: Vec<DriftDocument<'p>>,
    /// What a reviewer must see though the plan may be applied: what arms a destruction, has no way back, or makes anew
    /// what is there under another address.
    warnings: Vec<WarningDocument<'p>>,
    /// Objects that the plan makes anew though they are there, from their old address to the new one.
    renames: Vec<MoveDocument>,
    /// YAML for the manifest that makes moves of the renames; null when there are none.
    moved_block: Option<&'p str>,
    /// What to know besides.
    notes: Vec<NoteDocument<'p>>,
    /// Why it must not be applied.
    refusals: Vec<RefusalDocument<'p>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Mode")]
pub(super) enum ModeDocument {
    Normal,
    Destroy,
    RefreshOnly,
}

/// A sandbox of an organisation at a gateway.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Place")]
pub(super) struct PlaceDocument<'p> {
    gateway: &'p str,
    org: &'p str,
    sandbox: &'p str,
}

/// Counts of objects, by what becomes of them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Summary")]
pub(super) struct SummaryDocument {
    /// Objects that get another address.
    #[serde(rename = "move")]
    moved: usize,
    create: usize,
    adopt: usize,
    update: usize,
    replace: usize,
    delete: usize,
    forget: usize,
    /// Objects that are as wanted.
    unchanged: usize,
    /// Objects that are not as the last apply left them.
    drift: usize,
    /// Entries of the state that an apply renews without sending anything.
    records: usize,
    /// What a reviewer must see.
    warnings: usize,
    /// Reasons why the plan must not be applied.
    refusals: usize,
}

/// An object that gets another address.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Move")]
struct MoveDocument {
    /// `pipeline.section`, as the state has it.
    from: String,
    /// `pipeline.section`, as the manifest has it.
    to: String,
}

/// What happens to one object.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Operation")]
struct OperationDocument<'p> {
    /// `pipeline.section`.
    address: String,
    /// The section's name alone.
    section: &'static str,
    action: ActionDocument,
    /// Why, in words.
    reason: &'p str,
    /// The existing object's id.
    id: Option<&'p str>,
    /// The whole wanted body; null for deletions.
    after: Value,
    /// Fields that change.
    changes: Vec<ChangeDocument<'p>>,
    /// How many compared fields stay.
    unchanged: usize,
    /// What is sent, in order.
    requests: Vec<RequestDocument<'p>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Action")]
enum ActionDocument {
    Create,
    Adopt,
    Update,
    Replace,
    Delete,
    Forget,
}

/// One field's change.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Change")]
struct ChangeDocument<'p> {
    /// JSON Pointer into the object's body.
    path: &'p str,
    cause: CauseDocument,
    /// What the platform has; null where there is nothing.
    before: Value,
    /// What is wanted; null where nothing is.
    after: Value,
    /// What was last applied; null where nothing was.
    applied: Value,
    /// Whether it cannot be changed in place.
    forces_replacement: bool,
    /// Whether it is, or once was, a secret.
    sensitive: bool,
}

/// Who moved a field: the manifest, the platform (drift), both, or another object of the plan.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Cause")]
enum CauseDocument {
    Manifest,
    Platform,
    Both,
    Dependency,
}

/// One request, as it will be sent.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Request")]
struct RequestDocument<'p> {
    /// The key of the step that sends it.
    step: &'p str,
    /// What the step does, in words.
    title: &'static str,
    /// The key of the step whose failure alone lets it be sent.
    only_if_failed: Option<&'p str>,
    method: String,
    path: String,
    /// Query parameters.
    query: Map<String, Value>,
    /// The etag of its `If-Match`; null where it has none.
    if_match: Value,
    /// Its JSON body; null where it has none.
    body: Value,
}

/// An object that is not as the last apply left it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Drift")]
struct DriftDocument<'p> {
    /// `pipeline.section`.
    address: String,
    id: &'p str,
    /// Whether it is gone, or not visible to this credential.
    gone: bool,
    fields: Vec<DriftedDocument<'p>>,
}

/// One field that the platform has otherwise.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DriftedField")]
struct DriftedDocument<'p> {
    /// JSON Pointer into the object's body.
    path: &'p str,
    /// What was last applied.
    applied: Value,
    /// What the platform has.
    now: Value,
    /// Whether it is, or once was, a secret.
    sensitive: bool,
}

/// Something that a reviewer must see.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Warning")]
struct WarningDocument<'p> {
    /// Whose, if somebody's.
    address: Option<String>,
    /// JSON Pointer into the body, where it is about one field of the section.
    path: Option<&'p str>,
    text: &'p str,
}

/// Something to know.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Note")]
struct NoteDocument<'p> {
    /// Whose, if somebody's.
    address: Option<String>,
    text: &'p str,
}

/// A reason not to apply.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Refusal")]
pub(super) struct RefusalDocument<'p> {
    /// Whose, if somebody's.
    address: Option<String>,
    text: &'p str,
    /// What to do.
    hint: &'p str,
}

/// A plan.
pub fn plan(plan: &Plan) -> Value {
    to_value(&PlanDocument {
        format_version: FORMAT_VERSION,
        fingerprint: plan.fingerprint(),
        mode: mode(plan.mode),
        applicable: plan.refusals.is_empty(),
        partial: plan.partial,
        place: place(plan),
        summary: summary(plan),
        moves: plan.moves.iter().map(moved).collect(),
        operations: plan.operations.iter().map(operation).collect(),
        drift: plan.drift.iter().map(drift).collect(),
        warnings: plan
            .warnings
            .iter()
            .map(|w| WarningDocument {
                address: w.address.as_ref().map(ToString::to_string),
                path: w.path.as_deref(),
                text: &w.text,
            })
            .collect(),
        renames: plan.renames.iter().map(moved).collect(),
        moved_block: Some(plan.moved_block.as_str()).filter(|block| !block.is_empty()),
        notes: plan
            .notices
            .iter()
            .map(|n| (&n.address, &n.text))
            .chain(plan.notes.iter().map(|n| (&n.address, &n.text)))
            .map(|(whose, text)| NoteDocument { address: whose.as_ref().map(ToString::to_string), text })
            .collect(),
        refusals: plan.refusals.iter().map(refusal).collect(),
    })
}

pub(super) fn refusal(refusal: &Refusal) -> RefusalDocument<'_> {
    RefusalDocument {
        address: refusal.address.as_ref().map(ToString::to_string),
        text: &refusal.text,
        hint: &refusal.hint,
    }
}

fn moved(moved: &Move) -> MoveDocument {
    MoveDocument { from: moved.from.to_string(), to: moved.to.to_string() }
}

pub(super) fn mode(mode: Mode) -> ModeDocument {
    match mode {
        Mode::Normal => ModeDocument::Normal,
        Mode::Destroy => ModeDocument::Destroy,
        Mode::RefreshOnly => ModeDocument::RefreshOnly,
    }
}

pub(super) fn place(plan: &Plan) -> PlaceDocument<'_> {
    PlaceDocument { gateway: &plan.place.gateway, org: &plan.place.org, sandbox: &plan.place.sandbox }
}

pub(super) fn summary(plan: &Plan) -> SummaryDocument {
    let counts = plan.counts();
    let count = |action| counts.get(&action).copied().unwrap_or_default();
    SummaryDocument {
        moved: plan.moves.len(),
        create: count(Action::Create),
        adopt: count(Action::Adopt),
        update: count(Action::Update),
        replace: count(Action::Replace),
        delete: count(Action::Delete),
        forget: count(Action::Forget),
        unchanged: plan.unchanged,
        drift: plan.drift.len(),
        records: plan.records.len(),
        warnings: plan.warnings.len(),
        refusals: plan.refusals.len(),
    }
}

fn action(action: Action) -> ActionDocument {
    match action {
        Action::Create => ActionDocument::Create,
        Action::Adopt => ActionDocument::Adopt,
        Action::Update => ActionDocument::Update,
        Action::Replace => ActionDocument::Replace,
        Action::Delete => ActionDocument::Delete,
        Action::Forget => ActionDocument::Forget,
    }
}

fn operation(operation: &Operation) -> OperationDocument<'_> {
    OperationDocument {
        address: operation.address.to_string(),
        section: operation.address.kind.section(),
        action: action(operation.action),
        reason: &operation.reason,
        id: operation.id.as_deref(),
        after: shown(operation.body.as_ref()),
        changes: operation.changes.iter().map(changed).collect(),
        unchanged: operation.unchanged,
        requests: request::requests(operation)
            .into_iter()
            .map(|r| RequestDocument {
                step: &r.step.key,
                title: r.title(),
                only_if_failed: r.step.unless.as_deref(),
                if_match: match &r.if_match {
                    Some(Precondition::FromStepBefore) => {
                        json!({ "knownAfterApply": format!("{} etag", r.step.address) })
                    }
                    Some(Precondition::Observed(etag)) => etag.as_str().into(),
                    None => Value::Null,
                },
                body: shown(r.body.as_ref()),
                method: r.method,
                path: r.path,
                query: r.query.into_iter().map(|(name, value)| (name, value.into())).collect(),
            })
            .collect(),
    }
}

fn changed(change: &FieldChange) -> ChangeDocument<'_> {
    let sensitive = view::is_secret(change);
    ChangeDocument {
        path: &change.path,
        cause: match change.cause {
            Cause::Manifest => CauseDocument::Manifest,
            Cause::Platform => CauseDocument::Platform,
            Cause::Both => CauseDocument::Both,
            Cause::Dependency => CauseDocument::Dependency,
        },
        before: hidden(change.observed.as_ref(), sensitive),
        after: shown(change.desired.as_ref()),
        applied: hidden(change.applied.as_ref(), sensitive),
        forces_replacement: change.forces_replacement,
        sensitive,
    }
}

fn drift(drift: &Drift) -> DriftDocument<'_> {
    let field = |change| {
        let sensitive = view::is_secret(change);
        DriftedDocument {
            path: &change.path,
            applied: hidden(change.applied.as_ref(), sensitive),
            now: hidden(change.observed.as_ref(), sensitive),
            sensitive,
        }
    };
    DriftDocument {
        address: drift.address.to_string(),
        id: &drift.id,
        gone: drift.gone,
        fields: drift.fields.iter().map(field).collect(),
    }
}

/// A value with its leaves as the format has them.
fn shown(value: Option<&Value>) -> Value {
    let Some(value) = value else { return Value::Null };
    map_leaves(value, &mut |leaf| {
        Some(match leaf {
            Leaf::Id(address) => json!({ "knownAfterApply": format!("{address} id") }),
            Leaf::Version(address) => json!({ "knownAfterApply": format!("{address} version") }),
            Leaf::Soon(seconds) => json!({ "soonAfterCreate": seconds }),
            Leaf::Secret { .. } => json!({ "sensitive": true }),
        })
    })
}

/// A value that may have been a secret before it was said to be one.
fn hidden(value: Option<&Value>, sensitive: bool) -> Value {
    match value {
        Some(_) if sensitive => json!({ "sensitive": true }),
        value => shown(value),
    }
}
