//! A plan as the JSON that `terraform show -json PLANFILE` gives, for the policies and summarisers that read it. Equal
//! input gives equal bytes. No secret is in it: where Terraform has the value in clear, a word stands in its place.

#![doc = include_str!("../../docs/terraform-json.md")]

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::value::{self, is_dangerous, unescape};
use super::{json, view};
use crate::kind::{Address, Intent, Leaf, leaf, visit_leaves};
use crate::plan::{self, Action, Drift, FieldChange, Mode, Operation, Plan};

/// Version of Terraform's plan format.
pub const FORMAT_VERSION: &str = "1.2";

/// The Terraform whose output this follows: tools refuse a plan that names none, or one they do not know.
pub const TERRAFORM_VERSION: &str = "1.11.4";

/// Version of Terraform's state format.
const STATE_FORMAT_VERSION: &str = "1.0";

/// What the types begin with; also the provider's local name, as Terraform derives it from them.
const PROVIDER: &str = "flowform";

/// The provider's full name, of three parts as tools split it, in the namespace of those that come from no registry.
const PROVIDER_NAME: &str = "terraform.io/builtin/flowform";

/// What stands in `after` for a secret that the plan changes, so that it differs from what stands in `before`.
const CHANGED: &str = "(sensitive, changed)";

#[derive(Serialize)]
struct Document<'p> {
    format_version: &'static str,
    terraform_version: &'static str,
    variables: Map<String, Value>,
    planned_values: Values<'p>,
    resource_drift: Vec<ResourceChange<'p>>,
    resource_changes: Vec<ResourceChange<'p>>,
    output_changes: Map<String, Value>,
    prior_state: State<'p>,
    configuration: Configuration,
    relevant_attributes: Vec<Attribute>,
    checks: Vec<Value>,
    applyable: bool,
    complete: bool,
    errored: bool,
    flowform: Value,
}

#[derive(Serialize)]
struct Values<'p> {
    root_module: Module<Resource<'p>>,
}

#[derive(Serialize)]
struct Module<T> {
    resources: Vec<T>,
}

#[derive(Serialize)]
struct State<'p> {
    format_version: &'static str,
    terraform_version: &'static str,
    values: Values<'p>,
}

/// What names an object, wherever it stands.
#[derive(Clone, Serialize)]
struct Identity<'p> {
    address: String,
    mode: &'static str,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'p str>,
    provider_name: &'static str,
}

#[derive(Serialize)]
struct Resource<'p> {
    #[serde(flatten)]
    name: Identity<'p>,
    schema_version: u64,
    values: Value,
    sensitive_values: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    deposed_key: Option<&'p str>,
}

#[derive(Serialize)]
struct ResourceChange<'p> {
    #[serde(flatten)]
    name: Identity<'p>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deposed: Option<&'p str>,
    change: Change<'p>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Value::is_null")]
    flowform: Value,
}

#[derive(Serialize)]
struct Change<'p> {
    actions: &'static [&'static str],
    before: Value,
    after: Value,
    after_unknown: Value,
    before_sensitive: Value,
    after_sensitive: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replace_paths: Vec<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    importing: Option<Importing<'p>>,
}

#[derive(Serialize)]
struct Importing<'p> {
    id: &'p str,
}

#[derive(Serialize)]
struct Configuration {
    provider_config: Value,
    root_module: Module<Configured>,
}

/// A resource block; several objects of one name are one block.
#[derive(Serialize)]
struct Configured {
    address: String,
    mode: &'static str,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    provider_config_key: &'static str,
    schema_version: u64,
    expressions: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    for_each_expression: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
}

#[derive(Serialize)]
struct Attribute {
    resource: String,
    attribute: [&'static str; 1],
}

/// A plan. Terraform writes it on one line, and tools rely on that: [`json::to_line`] does.
pub fn plan(plan: &Plan) -> Value {
    let refused = !plan.refusals.is_empty();
    let (flowform, explanations) = ours(plan);
    let operations = plan.operations.iter().zip(explanations);
    let before_move =
        |address: &Address| plan.moves.iter().find(|m| m.to == *address).map(|m| name(&m.from).address);
    let resource_changes: Vec<ResourceChange<'_>> = operations
        .map(|(o, explanation)| ResourceChange {
            previous_address: before_move(&o.address),
            ..resource_change(o, plan.mode, explanation)
        })
        .collect();
    let planned =
        resource_changes.iter().filter_map(|r| resource(r, &r.change.after, &r.change.after_sensitive));
    // What is imported was not there before, as Terraform sees it.
    let prior = resource_changes
        .iter()
        .filter(|r| r.change.importing.is_none())
        .filter_map(|r| resource(r, &r.change.before, &r.change.before_sensitive));
    serde_json::to_value(Document {
        format_version: FORMAT_VERSION,
        terraform_version: TERRAFORM_VERSION,
        variables: Map::new(),
        planned_values: values(planned.collect()),
        resource_drift: plan.drift.iter().map(|d| drifted(d, plan)).collect(),
        output_changes: Map::new(),
        prior_state: State {
            format_version: STATE_FORMAT_VERSION,
            terraform_version: TERRAFORM_VERSION,
            values: values(prior.collect()),
        },
        resource_changes,
        configuration: configuration(plan),
        relevant_attributes: relevant_attributes(plan),
        checks: Vec::new(),
        applyable: !refused && plan.has_work(),
        complete: !refused && !plan.partial,
        errored: refused,
        flowform,
    })
    .unwrap_or_default()
}

/// What the plan's own format says, of the plan and of each operation, that Terraform's has no place for.
fn ours(plan: &Plan) -> (Value, Vec<Value>) {
    let mut document = json::plan(plan);
    let mut operations = match document.get_mut("operations").map(Value::take) {
        Some(Value::Array(operations)) => operations,
        _ => Vec::new(),
    };
    let leave_out = |value: &mut Value, names: &[&str]| {
        if let Some(members) = value.as_object_mut() {
            members.retain(|name, _| !names.contains(&name.as_str()));
        }
    };
    leave_out(&mut document, &["formatVersion", "applicable", "operations", "drift"]);
    for operation in &mut operations {
        leave_out(operation, &["section", "requests"]);
    }
    (document, operations)
}

fn values(resources: Vec<Resource<'_>>) -> Values<'_> {
    Values { root_module: Module { resources } }
}

fn resource<'p>(change: &ResourceChange<'p>, values: &Value, sensitive: &Value) -> Option<Resource<'p>> {
    values.is_object().then(|| Resource {
        name: change.name.clone(),
        schema_version: 0,
        values: values.clone(),
        sensitive_values: sensitive.clone(),
        deposed_key: change.deposed,
    })
}

fn resource_change(operation: &Operation, mode: Mode, flowform: Value) -> ResourceChange<'_> {
    let before = before(operation);
    let after = after(operation, before.as_ref());
    let deposed = operation.id.as_deref().filter(|_| operation.is_leftover());
    let (actions, action_reason): (&[&str], _) = match operation.action {
        Action::Create => (&["create"], None),
        // An import that finds everything as wanted.
        Action::Adopt if operation.changes.is_empty() => (&["no-op"], None),
        Action::Adopt | Action::Update => (&["update"], None),
        Action::Replace if operation.changes.iter().any(|c| c.forces_replacement) => {
            (&["create", "delete"], Some("replace_because_cannot_update"))
        }
        Action::Replace => (&["create", "delete"], Some("replace_by_request")),
        Action::Delete if mode == Mode::Destroy || deposed.is_some() => (&["delete"], None),
        Action::Delete => (&["delete"], Some("delete_because_no_resource_config")),
        Action::Forget => (&["forget"], None),
    };
    let replace_paths = match operation.action {
        Action::Replace => {
            let forcing = operation.changes.iter().filter(|c| c.forces_replacement);
            forcing.map(|c| c.path.split('/').skip(1).map(unescape).collect()).collect()
        }
        _ => Vec::new(),
    };
    ResourceChange {
        name: name(&operation.address),
        previous_address: None,
        deposed,
        change: Change {
            replace_paths,
            importing: match (operation.action, operation.id.as_deref()) {
                (Action::Adopt, Some(id)) => Some(Importing { id }),
                _ => None,
            },
            ..values_changed(actions, before.as_ref(), after.as_ref(), &operation.changes)
        },
        action_reason,
        flowform,
    }
}

/// What the platform has otherwise than we left it: the state of then against what was seen now.
fn drifted<'p>(drift: &'p Drift, plan: &Plan) -> ResourceChange<'p> {
    let id = || json!({ "id": drift.id });
    let (actions, then, now): (&[&str], _, _) = if drift.gone {
        (&["delete"], id(), None)
    } else {
        let mut now = known(drift, plan).unwrap_or_else(id);
        let mut then = now.clone();
        for field in &drift.fields {
            plan::put(&mut now, &field.path, concealed(field, field.observed.as_ref()));
            plan::put(&mut then, &field.path, concealed(field, field.applied.as_ref()));
        }
        (&["update"], then, Some(now))
    };
    ResourceChange {
        name: name(&drift.address),
        previous_address: None,
        deposed: None,
        change: values_changed(actions, Some(&then), now.as_ref(), &[]),
        action_reason: None,
        flowform: Value::Null,
    }
}

/// A drifted object as far as an operation, or a record of what a refresh takes over, tells.
fn known(drift: &Drift, plan: &Plan) -> Option<Value> {
    let same = |o: &&Operation| o.address == drift.address && o.id.as_ref() == Some(&drift.id);
    let record = || plan.records.get(&drift.address).filter(|entry| entry.id == drift.id);
    let recorded = || record().map(|entry| with_id(Some(drift.id.as_str().into()), Some(&entry.applied)));
    plan.operations.iter().find(same).and_then(before).or_else(recorded)
}

/// The object as it is, as far as the plan knows; leaves still in it. Where the plan finds a field to be as wanted, it is
/// spelled as the manifest spells it: the platform returns text where numbers were sent.
fn before(operation: &Operation) -> Option<Value> {
    let mut before = match operation.action {
        Action::Create => return None,
        _ => with_id(operation.id.clone().map(Value::from), observed(operation)),
    };
    let changed: BTreeSet<&str> = operation.changes.iter().map(|c| c.path.as_str()).collect();
    if let Some(body) = &operation.body {
        for (path, value) in plan::fields(body, &|path| !changed.contains(path)) {
            let mut unknown = false;
            visit_leaves(&value, &mut |leaf| unknown |= !matches!(leaf, Leaf::Secret { .. }));
            let has_members =
                plan::is_empty_object(Some(&value)) && before.pointer(&path).is_some_and(Value::is_object);
            if !unknown && !has_members {
                plan::put(&mut before, &path, Some(value));
            }
        }
    }
    for change in &operation.changes {
        let there = if view::is_secret(change) {
            change.observed.as_ref().or(change.applied.as_ref())
        } else {
            change.observed.as_ref()
        };
        plan::put(&mut before, &change.path, concealed(change, there));
    }
    Some(before)
}

/// The object as it shall be, leaves still in it.
fn after(operation: &Operation, before: Option<&Value>) -> Option<Value> {
    match operation.action {
        Action::Create | Action::Replace => {
            let id = Leaf::Id(operation.address.clone()).to_value();
            Some(with_id(Some(id), operation.body.as_ref()))
        }
        Action::Adopt | Action::Update => {
            let mut after = before?.clone();
            for change in &operation.changes {
                plan::put(&mut after, &change.path, change.desired.clone());
            }
            Some(after)
        }
        Action::Delete | Action::Forget => None,
    }
}

/// What the steps of an operation were decided on.
fn observed(operation: &Operation) -> Option<&Value> {
    operation.steps.iter().find_map(|step| match &step.intent {
        Intent::Update { before, .. } | Intent::Switch { before, .. } | Intent::Delete { before, .. } => {
            Some(before).filter(|b| b.is_object())
        }
        Intent::Create { .. } | Intent::Adopt { .. } | Intent::Forget { .. } => None,
    })
}

/// A body's members as attributes, the id first.
fn with_id(id: Option<Value>, body: Option<&Value>) -> Value {
    let mut attributes = Map::new();
    let members = body.and_then(Value::as_object).into_iter().flatten();
    let id = id.map(|id| ("id".to_owned(), id));
    attributes.extend(id.into_iter().chain(members.map(|(name, value)| (name.clone(), value.clone()))));
    Value::Object(attributes)
}

/// A value that is or was a secret as one, any other as it is.
fn concealed(change: &FieldChange, value: Option<&Value>) -> Option<Value> {
    let secret = || Leaf::Secret { source: None, fingerprint: None }.to_value();
    value.map(|value| if view::is_secret(change) { secret() } else { value.clone() })
}

fn values_changed<'p>(
    actions: &'static [&'static str],
    before: Option<&Value>,
    after: Option<&Value>,
    changes: &[FieldChange],
) -> Change<'p> {
    let nothing = || Split { known: None, unknown: json!({}), sensitive: false.into() };
    let split_before = before.map_or_else(nothing, split);
    let mut split_after = after.map_or_else(nothing, split);
    let had = |path: &str| before.and_then(|b| b.pointer(path)).is_some_and(|v| value::is_secret(Some(v)));
    for change in changes.iter().filter(|c| value::is_secret(c.desired.as_ref()) && had(&c.path)) {
        let shown = split_after.known.as_mut().and_then(|known| known.pointer_mut(&change.path));
        if let Some(shown) = shown {
            *shown = CHANGED.into();
        }
    }
    Change {
        actions,
        before: split_before.known.into(),
        after: split_after.known.into(),
        after_unknown: split_after.unknown,
        before_sensitive: split_before.sensitive,
        after_sensitive: split_after.sensitive,
        replace_paths: Vec::new(),
        importing: None,
    }
}

/// A value and its two masks. In a mask an object lacks the members that are known, or not secret; a list has one mask
/// for each of its items.
struct Split {
    /// `None` for a value that only applying tells.
    known: Option<Value>,
    unknown: Value,
    sensitive: Value,
}

fn split(value: &Value) -> Split {
    let whole = |known, unknown: bool, sensitive: bool| Split {
        known,
        unknown: unknown.into(),
        sensitive: sensitive.into(),
    };
    match leaf(value) {
        Some(Leaf::Id(_) | Leaf::Version(_) | Leaf::Soon(_)) => return whole(None, true, false),
        Some(Leaf::Secret { .. }) => return whole(Some(value::SENSITIVE.into()), false, true),
        None => {}
    }
    match value {
        Value::Object(members) => {
            let (mut known, mut unknown, mut sensitive) = (Map::new(), Map::new(), Map::new());
            for (name, member) in members {
                let member = split(member);
                for (map, value) in [
                    (&mut known, member.known),
                    (&mut unknown, Some(member.unknown).filter(|u| *u != Value::Bool(false))),
                    (&mut sensitive, Some(member.sensitive).filter(|s| *s != Value::Bool(false))),
                ] {
                    if let Some(value) = value {
                        map.insert(name.clone(), value);
                    }
                }
            }
            Split { known: Some(known.into()), unknown: unknown.into(), sensitive: sensitive.into() }
        }
        Value::Array(items) => {
            let (mut known, mut unknown, mut sensitive) = (Vec::new(), Vec::new(), Vec::new());
            for item in items.iter().map(split) {
                known.push(item.known.unwrap_or_default());
                unknown.push(item.unknown);
                sensitive.push(item.sensitive);
            }
            Split { known: Some(known.into()), unknown: unknown.into(), sensitive: sensitive.into() }
        }
        other => whole(Some(other.clone()), false, false),
    }
}

/// The Terraform address of an object. A pipeline's name that is no identifier there becomes one, and stands as it is
/// in the index, so that no two objects have one address.
fn name(address: &Address) -> Identity<'_> {
    let pipeline = address.pipeline.as_str();
    let mut name: String =
        pipeline.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    let index = (name != pipeline).then_some(pipeline);
    let kind = resource_type(address);
    let key = index.map_or_else(String::new, |index| format!("[{}]", quoted(index)));
    Identity {
        address: format!("{kind}.{name}{key}"),
        mode: "managed",
        kind,
        name,
        index,
        provider_name: PROVIDER_NAME,
    }
}

/// `flowform_base_connection` for a `baseConnection`.
fn resource_type(address: &Address) -> String {
    let mut kind = format!("{PROVIDER}_");
    for char in address.kind.section().chars() {
        if char.is_ascii_uppercase() {
            kind.push('_');
        }
        kind.push(char.to_ascii_lowercase());
    }
    kind
}

/// Text as Terraform's language quotes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '$' | '%' if chars.peek() == Some(&'{') => quoted.extend([char, char]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            char if is_dangerous(char) => {
                let code = u32::from(char);
                let _ = if code > 0xffff {
                    write!(quoted, "\\U{code:08x}")
                } else {
                    write!(quoted, "\\u{code:04x}")
                };
            }
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

/// What stands in place of Terraform's own language: the objects that the manifest has a part in this plan for, and what
/// they refer to.
fn configuration(plan: &Plan) -> Configuration {
    let mut resources: Vec<Configured> = Vec::new();
    let block = |address| {
        let Identity { kind, name, .. } = name(address);
        format!("{kind}.{name}")
    };
    for operation in plan.operations.iter().filter(|o| o.body.is_some()) {
        let Identity { mode, kind, name, index, .. } = name(&operation.address);
        let address = format!("{kind}.{name}");
        let parents = depends_on(operation).map(block);
        if let Some(known) = resources.iter_mut().find(|r| r.address == address) {
            let new: Vec<String> = parents.filter(|p| !known.depends_on.contains(p)).collect();
            known.depends_on.extend(new);
            continue;
        }
        resources.push(Configured {
            address,
            mode,
            kind,
            name,
            provider_config_key: PROVIDER,
            schema_version: 0,
            expressions: Map::new(),
            for_each_expression: index.map(|_| Map::new()),
            depends_on: parents.collect(),
        });
    }
    Configuration {
        provider_config: json!({ PROVIDER: { "name": PROVIDER, "full_name": PROVIDER_NAME } }),
        root_module: Module { resources },
    }
}

fn depends_on(operation: &Operation) -> impl Iterator<Item = &Address> {
    operation.steps.first().into_iter().flat_map(|s| &s.depends_on)
}

/// The ids that the plan's objects take from each other.
fn relevant_attributes(plan: &Plan) -> Vec<Attribute> {
    let parents: BTreeSet<&Address> = plan.operations.iter().flat_map(depends_on).collect();
    let id = |address| Attribute { resource: name(address).address, attribute: ["id"] };
    parents.into_iter().map(id).collect()
}
