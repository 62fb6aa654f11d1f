//! The schema: a class and field groups (Schema Registry `/schemas`, platform-api.md 5). Its own fields are a field group
//! that the same section makes; what would break data that is there is refused, and Profile is entered once.

use serde_json::{Map, Value, json};

use super::registry::{self, tenant};
use super::{
    Answer, Around, Body, Code, Context, Finding, Intent, Key, Kind, Listing, Observed, Outcome, Reference,
    ReferenceKey, Route, Rule, Sending, Shape, Spec, Switch, Turn, fields, flow_service, route, section,
};
use crate::wire::{Call, Method, Reply, Safety, segment};

pub(super) struct Schema;

const COLLECTION: &str = tenant!("schemas");

const GRAMMAR: &[Key] = &[
    Key::required("name", Shape::Text, "The schema's title on the platform, unique in the tenant."),
    Key::optional("description", Shape::Text, "What it describes."),
    Key::optional(
        "class",
        Shape::Text,
        "profile (when left out), experienceEvent, or a class's $id. Fixed once the schema is there.",
    ),
    Key::optional(
        "fields",
        Shape::Fields,
        "The schema's own fields by name, under the tenant's namespace: a type, or a mapping with more.",
    ),
    Key::optional(
        "fieldGroupName",
        Shape::Text,
        "Title of the field group that holds `fields`; `NAME fields` when left out.",
    ),
    Key::optional("fieldGroups", Shape::List(&Shape::Uri), "The $id of further field groups."),
    Key::optional("primaryIdentity", Shape::Object(IDENTITY), "The field that tells whose a record is."),
    Key::optional(
        "profile",
        Shape::Bool,
        "Whether the schema takes part in Real-Time Customer Profile. Once true it stays so.",
    ),
];

const IDENTITY: &[Key] = &[
    Key::required("field", Shape::Text, "Its path, as in a mapping's destination: `_tenant.email`."),
    Key::required("namespace", Shape::Text, "The identity namespace's code, such as Email."),
];

const REFERENCES: &[ReferenceKey] =
    &[ReferenceKey { by_address: "", by_id: "", kind: Kind::FieldGroup, required: false }];

/// Classes by short names.
const CLASSES: [(&str, &str); 2] = [
    ("profile", "https://ns.adobe.com/xdm/context/profile"),
    ("experienceEvent", "https://ns.adobe.com/xdm/context/experienceevent"),
];

/// The tag of schemas that take part in Profile: set once, never removed (platform-api.md 5.5).
const UNION: &str = "union";

/// The class's `$id`, of a section.
pub(super) fn class_of(section: &Value) -> String {
    let class = section.get("class").and_then(Value::as_str).unwrap_or("profile");
    CLASSES.iter().find(|(name, _)| *name == class).map_or(class, |(_, id)| id).to_owned()
}

impl Spec for Schema {
    fn section(&self) -> &'static str {
        "schema"
    }

    fn title(&self) -> &'static str {
        "schema"
    }

    fn grammar(&self) -> &'static [Key] {
        GRAMMAR
    }

    fn references(&self) -> &'static [ReferenceKey] {
        REFERENCES
    }

    fn check(&self, section: &Value, _context: &Context<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let class = class_of(section);
        if !class.contains("://") {
            findings.push(
                Finding::error(Code::InvalidValue, "/class", format!("`{class}` is no class"))
                    .hint("write profile, experienceEvent, or a class's $id, which is a URI"),
            );
        }
        if let Some(fields) = section.get("fields") {
            findings.extend(fields::findings("/fields", fields, 0));
        } else if section.get("fieldGroupName").is_some() {
            findings.push(Finding::error(
                Code::UselessKey,
                "/fieldGroupName",
                "without `fields` there is no field group to name",
            ));
        }
        let mut groups: Vec<&str> = Vec::new();
        let listed = section.get("fieldGroups").and_then(Value::as_array).into_iter().flatten();
        for (index, id) in listed.enumerate().filter_map(|(index, id)| Some((index, id.as_str()?))) {
            if groups.iter().any(|other| other.eq_ignore_ascii_case(id)) {
                let pointer = format!("/fieldGroups/{index}");
                findings.push(
                    Finding::error(
                        Code::RepeatedItem,
                        pointer,
                        format!("the field group `{id}` is named twice"),
                    )
                    .hint("a schema has a field group once"),
                );
            }
            groups.push(id);
        }
        if let Some(field) = section.pointer("/primaryIdentity/field").and_then(Value::as_str) {
            findings.extend(fields::Own::of(section).finding("/primaryIdentity/field", field));
            let own = section.get("fields").unwrap_or(&Value::Null);
            let of = fields::below_tenant(field)
                .and_then(|below| fields::type_of(own, below.trim_start_matches('.')));
            if let Some(of @ ("object" | "array")) = of {
                let message = format!("`{field}` is of type `{of}`, which tells nobody apart");
                findings.push(
                    Finding::error(Code::BadField, "/primaryIdentity/field", message)
                        .hint("an identity is one value, such as an e-mail address"),
                );
            }
        }
        // XDM-1528-400. Further field groups may bring an identity map.
        if section.get("profile") == Some(&Value::Bool(true))
            && section.get("primaryIdentity").is_none()
            && section.get("fieldGroups").is_none()
        {
            findings.push(
                Finding::error(Code::NoIdentity, "/profile", "a schema in Profile needs a primary identity")
                    .hint("as in `primaryIdentity: { field: _tenant.email, namespace: Email }`"),
            );
        }
        findings
    }

    fn desired(&self, section: &Value, context: &Context<'_>) -> Body {
        let mut body = section::text_members(section, &["name", "description"]);
        body.insert("class".into(), class_of(section).into());
        let mut groups = Map::new();
        if let Some(Reference::Section { address, .. }) = context.first() {
            groups.insert(address.to_string(), section::reference_id(context.first()).unwrap_or_default());
        }
        let more = section.get("fieldGroups").and_then(Value::as_array).into_iter().flatten();
        groups.extend(more.filter_map(Value::as_str).map(|id| (id.to_owned(), true.into())));
        if !groups.is_empty() {
            body.insert("fieldGroups".into(), Value::Object(groups));
        }
        if let Some(profile) = section.get("profile") {
            body.insert("profile".into(), profile.clone());
        }
        Value::Object(body)
    }

    fn written(&self, pointer: &str) -> Vec<Route> {
        match pointer.strip_prefix("/fieldGroups/") {
            Some(id) => vec![vec![Turn::Key("fieldGroups".into()), Turn::Text(section::unescape(id))]],
            None => vec![route::keys(route::names(pointer))],
        }
    }

    fn switch(&self) -> Option<Switch> {
        let one_way = Some("it enters Real-Time Customer Profile, which cannot be undone");
        Some(Switch { member: "profile", initial: false, one_way })
    }

    fn settle(&self, mut body: Body, _namespace: Option<&str>) -> Body {
        // By its id, once that is known: so a field group is the same one whoever refers to it.
        if let Some(Value::Object(groups)) = body.get_mut("fieldGroups") {
            *groups = std::mem::take(groups)
                .into_iter()
                .map(|(key, value)| match value {
                    Value::String(id) => (id, true.into()),
                    other => (key, other),
                })
                .collect();
        }
        body
    }

    fn rule(&self, pointer: &str, _from: Option<&Value>, _to: Option<&Value>) -> Rule {
        match pointer {
            "/class" => Rule::Replace,
            "/profile" => Rule::Switch,
            _ => Rule::Patch,
        }
    }

    fn forbids(&self, pointer: &str, observed: &Body, desired: &Body) -> Option<String> {
        let gone = || observed.pointer(pointer).is_some() && desired.pointer(pointer).is_none();
        match pointer {
            "/class" => Some("the class of a schema cannot be changed".to_owned()),
            "/profile" if observed.get("profile") == Some(&Value::Bool(true)) => {
                Some("a schema that takes part in Profile stays in it".to_owned())
            }
            _ if pointer.starts_with("/fieldGroups/") && gone() => {
                let id = section::unescape(pointer.trim_start_matches("/fieldGroups/"));
                Some(format!("a schema keeps its fields: the field group {id} cannot be taken from it"))
            }
            _ => None,
        }
    }

    fn stays(&self, observed: &Body) -> Option<&'static str> {
        // "deleting the schema; disabling Profile" are refused (platform-api.md 5.5).
        let profile = observed.get("profile") == Some(&Value::Bool(true));
        profile
            .then_some("a schema that takes part in Profile stays on the platform, with what belongs to it")
    }

    fn unique_names(&self) -> bool {
        true
    }

    fn shares_names_with(&self) -> &'static [Kind] {
        // "titles are unique across all resource types" (platform-api.md 5.3).
        &[Kind::FieldGroup]
    }

    fn is_conditional(&self) -> bool {
        false
    }

    fn collection(&self) -> &'static str {
        COLLECTION
    }

    fn listing(&self) -> Listing {
        Listing::Registry
    }

    fn observed(&self, remote: &Value) -> Option<Observed> {
        // The short form of a list has none.
        let parts = remote.get("allOf")?.as_array()?;
        let text = |key: &str| remote.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
        let mut references: Vec<&str> =
            parts.iter().filter_map(|part| part.get("$ref").and_then(Value::as_str)).collect();
        let class = text("meta:class").or_else(|| references.first().copied()).map(str::to_owned);
        references.retain(|id| Some(*id) != class.as_deref());
        let mut body = flow_service::pick(remote, &["description"]);
        if let Some(title) = text("title") {
            body.insert("name".into(), title.into());
        }
        body.insert("class".into(), class.into());
        let groups = references.into_iter().map(|id| (id.to_owned(), Value::from(true))).collect();
        body.insert("fieldGroups".into(), Value::Object(groups));
        let tags = remote.get("meta:immutableTags").and_then(Value::as_array);
        let profile = tags.is_some_and(|tags| tags.iter().any(|tag| tag == UNION));
        body.insert("profile".into(), profile.into());
        registry::observed(remote, Value::Object(body), Value::Null)
    }

    fn read(&self, id: &str, _version: Option<u64>) -> Call {
        registry::read(COLLECTION, id)
    }

    fn questions(&self, sending: &Sending<'_>) -> Vec<Call> {
        let sent = sending.body(&["/fieldGroups"]).filter(|_| sending.around != Around::Changed);
        foreign_groups(sent).map(|id| registry::read(tenant!("fieldgroups"), id)).collect()
    }

    fn objections(&self, sending: &Sending<'_>, answers: &[&Answer]) -> Vec<Finding> {
        let absent = foreign_groups(sending.body(&["/fieldGroups"])).zip(answers);
        absent
            .filter(|(_, answer)| ***answer == Answer::Absent)
            .map(|(id, _)| {
                let pointer = format!("/fieldGroups/{}", section::escape(id));
                let message =
                    format!("the tenant has no field group {id}, or none that this credential may see");
                Finding::error(Code::UnknownField, pointer, message)
                    .hint("its $id is shown with the field group, and ends in a hash")
            })
            .collect()
    }

    fn calls(&self, intent: &Intent) -> Vec<Call> {
        if let Intent::Switch { id: Some(id), on: true, .. } = intent {
            let operation = json!({ "op": "add", "path": "/meta:immutableTags", "value": [UNION] });
            let path = format!("{COLLECTION}/{}", segment(id));
            return vec![Call::new(Method::Patch, path, Safety::Repeatable).body(json!([operation]))];
        }
        registry::calls(COLLECTION, intent, request, |before, after, paths, _| {
            let mut operations = registry::names(after, paths);
            for id in groups(after).filter(|id| !groups(before).any(|other| other == *id)) {
                // Both, in this order (XDM-SCH, platform-api.md 5.5).
                operations.push(json!({ "op": "add", "path": "/meta:extends/-", "value": id }));
                operations.push(json!({ "op": "add", "path": "/allOf/-", "value": { "$ref": id } }));
            }
            operations
        })
    }

    fn outcome(&self, intent: &Intent, reply: &Reply) -> Outcome {
        registry::outcome(intent, reply, "$id")
    }
}

/// Ids of the tenant's field groups that a body names and its section does not make. Those of the platform and of Adobe's
/// applications are in another container (platform-api.md 5.1).
fn foreign_groups(body: Option<&Body>) -> impl Iterator<Item = &str> {
    let groups = body.and_then(|body| body.get("fieldGroups")).and_then(Value::as_object);
    let named = groups.into_iter().flatten().filter(|(_, value)| **value == Value::Bool(true));
    named.map(|(id, _)| id.as_str()).filter(|id| {
        let owner = id.strip_prefix("https://ns.adobe.com/").and_then(|rest| rest.split_once('/'));
        owner.is_some_and(|(owner, rest)| {
            !matches!(owner, "xdm" | "experience") && rest.starts_with("mixins/")
        })
    })
}

/// A body's field groups: their ids, or the leaf that stands for one.
fn groups(body: &Body) -> impl Iterator<Item = Value> {
    let groups = body.get("fieldGroups").and_then(Value::as_object).into_iter().flatten();
    groups.map(|(id, value)| if value.is_object() { value.clone() } else { id.as_str().into() })
}

/// The body of a POST. `OpenAPI` wants a description (platform-api.md 5.3).
fn request(body: &Body) -> Value {
    let references = body.get("class").cloned().into_iter().chain(groups(body));
    let all_of: Vec<Value> = references.map(|id| json!({ "$ref": id })).collect();
    json!({
        "type": "object",
        "title": body.get("name"),
        "description": body.get("description").cloned().unwrap_or_else(|| "".into()),
        "allOf": all_of,
    })
}
