//! From an object's body back to the section that wants it: [`Spec::desired`](crate::kind::Spec::desired) the other way
//! round, by the ways that each kind names for its fields. What goes without saying is left out.

use serde_json::{Map, Value, json};

use crate::kind::{Body, Context, Key, Kind, Reference, ReferenceKey, Route, Shape, Turn};
use crate::plan::fields;

/// The ids that a body refers to, by the key that would give each; several where one is meant cannot be said.
pub(super) fn references(kind: Kind, body: &Body) -> Vec<(&'static ReferenceKey, Vec<String>)> {
    let spec = kind.spec();
    let mut found = Vec::new();
    for (path, value) in fields(body, &|_| true) {
        let routes = spec.written(&path);
        let Some(key) =
            spec.references().iter().find(|key| routes.first().is_some_and(|r| begins(r, key.by_id)))
        else {
            continue;
        };
        let ids = match &value {
            Value::String(id) => vec![id.clone()],
            Value::Array(ids) => ids.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        found.push((key, ids));
    }
    found
}

/// Whether a way begins with this key.
pub(super) fn begins(route: &Route, name: &str) -> bool {
    matches!(route.first(), Some(Turn::Key(key)) if key == name)
}

/// The section of a body, its references as in `context`, its secrets as these references to them.
pub(super) fn section(kind: Kind, body: &Body, context: &Context<'_>, secrets: &[(String, String)]) -> Value {
    let spec = kind.spec();
    let mut section = Value::Object(Map::new());
    let keys = spec.references();
    let reference = |at: usize| context.references.get(at).and_then(Option::as_ref);
    let is_as_made = |path: &str, value: &Value| {
        let switch = spec.switch().filter(|switch| path.strip_prefix('/') == Some(switch.member));
        switch.is_some_and(|switch| *value == Value::Bool(switch.initial))
    };
    for (path, value) in fields(body, &|_| true) {
        if is_as_made(&path, &value) {
            continue;
        }
        let routes = spec.written(&path);
        let is_of =
            |route: &Route, key: &ReferenceKey| begins(route, key.by_id) || begins(route, key.by_address);
        let key = keys.iter().position(|key| routes.iter().any(|route| is_of(route, key)));
        let route = match key {
            None => routes.first(),
            // What the reference does not say itself stands beside an id, and nowhere beside an address.
            Some(at) if matches!(reference(at), Some(Reference::Id(_))) => {
                routes.iter().find(|route| keys.get(at).is_none_or(|key| !is_of(route, key)))
            }
            Some(_) => None,
        };
        if let Some(route) = route {
            put(&mut section, route, spec.said(&path, &value, body));
        }
    }
    for (at, key) in keys.iter().enumerate() {
        match reference(at) {
            Some(Reference::Id(id)) => section[key.by_id] = id.as_str().into(),
            Some(Reference::Section { address, .. }) if address.pipeline != context.pipeline => {
                section[key.by_address] = address.to_string().into();
            }
            Some(Reference::Section { .. }) | None => {}
        }
    }
    for (pointer, variable) in secrets {
        if let Some(route) = spec.written(pointer).first() {
            put(&mut section, route, json!({ "fromEnv": variable }));
        }
    }
    let section = known(&section, spec.grammar());
    shortest(kind, section, context)
}

/// Puts a value where a way leads, making what is missing. A way that ends at an item asks for the item alone.
fn put(into: &mut Value, route: &[Turn], value: Value) {
    let Some((turn, rest)) = route.split_first() else {
        *into = value;
        return;
    };
    match turn {
        Turn::Key(name) => {
            if !into.is_object() {
                *into = Value::Object(Map::new());
            }
            if let Value::Object(members) = into {
                put(members.entry(name.as_str()).or_insert(Value::Null), rest, value);
            }
        }
        Turn::Item { by, is } => {
            if !into.is_array() {
                *into = Value::Array(Vec::new());
            }
            let Value::Array(items) = into else { return };
            let is_meant = |item: &Value| item.get(by).and_then(Value::as_str) == Some(is);
            if !items.iter().any(is_meant) {
                items.push(json!({ *by: is }));
            }
            if !rest.is_empty()
                && let Some(item) = items.iter_mut().find(|item| is_meant(item))
            {
                put(item, rest, value);
            }
        }
        Turn::Text(is) => {
            if !into.is_array() {
                *into = Value::Array(Vec::new());
            }
            if let Value::Array(items) = into {
                items.push(is.as_str().into());
            }
        }
    }
}

/// The members that a grammar knows, in its order, in the form that a checked section has.
fn known(value: &Value, keys: &[Key]) -> Value {
    let members =
        keys.iter().filter_map(|key| Some((key.name.to_owned(), shaped(value.get(key.name)?, &key.shape))));
    Value::Object(members.collect())
}

fn shaped(value: &Value, shape: &Shape) -> Value {
    match (shape, value) {
        (Shape::Object(keys), Value::Object(_)) => known(value, keys),
        (Shape::List(shape), Value::Array(items)) => items.iter().map(|item| shaped(item, shape)).collect(),
        (Shape::Version | Shape::Text | Shape::Id, Value::Number(number)) => number.to_string().into(),
        _ => value.clone(),
    }
}

/// Without what goes without saying: a member that changes nothing of what the section wants.
fn shortest(kind: Kind, mut section: Value, context: &Context<'_>) -> Value {
    let spec = kind.spec();
    let row = spec.row();
    if let Value::Object(members) = &mut section {
        for item in members.values_mut().filter_map(Value::as_array_mut).flatten() {
            let Value::Object(item) = item else { continue };
            item.retain(|name, value| !row.implied.iter().any(|(n, v)| n == name && value == v));
        }
    }
    let wanted = spec.desired(&section, context);
    let mut pointers = Vec::new();
    optional(&section, spec.grammar(), "", &mut pointers);
    // Whom it refers to stands in the context as well.
    let refers = |name: &str| spec.references().iter().any(|key| [key.by_id, key.by_address].contains(&name));
    pointers.retain(|pointer| !refers(pointer.trim_start_matches('/')));
    for pointer in pointers {
        let mut without = section.clone();
        let Some((parent, name)) = pointer.rsplit_once('/') else { continue };
        if let Some(Value::Object(members)) = without.pointer_mut(parent) {
            members.shift_remove(name);
        }
        if spec.desired(&without, context) == wanted {
            section = without;
        }
    }
    section
}

/// Pointers of the members that may be left out, outer ones first. Names of grammars need no escapes.
fn optional(section: &Value, keys: &[Key], at: &str, pointers: &mut Vec<String>) {
    for key in keys {
        let Some(value) = section.get(key.name) else { continue };
        let pointer = format!("{at}/{}", key.name);
        if !key.required {
            pointers.push(pointer.clone());
        }
        if let Shape::Object(keys) = key.shape {
            optional(value, keys, &pointer, pointers);
        }
    }
}

/// The section as a person writes it: moments as dates.
pub(super) fn written(value: &Value, keys: &[Key]) -> Value {
    let Value::Object(members) = value else { return value.clone() };
    let one = |(name, value): (&String, &Value)| {
        let shape = keys.iter().find(|key| key.name == name).map(|key| key.shape);
        let value = match (shape, value) {
            (Some(Shape::Object(keys)), _) => written(value, keys),
            (Some(Shape::Time), Value::Number(seconds)) => {
                let moment = seconds.as_i64().and_then(|s| jiff::Timestamp::from_second(s).ok());
                moment.map_or_else(|| value.clone(), |moment| moment.to_string().into())
            }
            _ => value.clone(),
        };
        (name.clone(), value)
    };
    Value::Object(members.iter().map(one).collect())
}
