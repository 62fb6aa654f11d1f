//! The transformations of a dataflow: by name in a body, one after the other on the platform (platform-api.md 2.4.4, 2.5).
//! Reads the platform's list without losing any of it, and writes the operations that change it. Knows nothing of the rest of
//! a dataflow.

use serde_json::{Map, Value, json};

use super::Body;

/// In which order a flow's transformations stand, by name: they work one after the other, and nobody but a person moves
/// them.
pub(super) const ORDER: &str = "transformationOrder";

/// The transformation that names a mapping set.
pub(super) const MAPPING: &str = "Mapping";

/// Whether a field is one of the transformations, or their order.
pub(super) fn is_one(pointer: &str) -> bool {
    pointer.starts_with("/transformations/") || pointer.strip_prefix('/') == Some(ORDER)
}

/// Stands for the name of a transformation that has none.
const NAMELESS: &str = "(no name)";

/// What a list shows, by name in its order, and where in it each stands. `once` tells that the flow reads once.
pub(super) fn observed(list: Option<&Value>, once: bool) -> (Map<String, Value>, Map<String, Value>) {
    let (mut transformations, mut places) = (Map::new(), Map::new());
    for (index, transformation) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let name = transformation.get("name").and_then(Value::as_str).unwrap_or(NAMELESS);
        let mut params = parameters(transformation);
        // A string by the flow spec, a number in some documents (platform-api.md 3.3).
        if name == MAPPING
            && let Some(version @ Value::Number(_)) = params.get_mut("mappingVersion")
        {
            *version = version.to_string().into();
        }
        if once && name == "Copy" && forget_delta_column(&mut params) {
            places.insert(name.to_owned(), index.into());
            continue;
        }
        let name = free_name(&transformations, name);
        places.insert(name.clone(), index.into());
        transformations.insert(name, params);
    }
    (transformations, places)
}

/// The name under which a transformation is kept: its own, or with a number where one of that name stands before it, so
/// that none of them is lost.
fn free_name(taken: &Map<String, Value>, name: &str) -> String {
    let mut free = name.to_owned();
    let mut number = 1_usize;
    while taken.contains_key(&free) {
        number += 1;
        free = format!("{name} ({number})");
    }
    free
}

/// Whether a transformation is kept under a name that is not its own.
pub(super) fn is_made_up(name: &str) -> bool {
    let number = name.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")).map(|(_, number)| number);
    name == NAMELESS || number.is_some_and(|number| number.parse::<usize>().is_ok())
}

/// Drops from the parameters of a `Copy` what the first on-demand run of a flow that reads once writes there (platform-api.md
/// 2.17); whether nothing is left of them.
fn forget_delta_column(params: &mut Value) -> bool {
    let Some(params) = params.as_object_mut() else { return false };
    params.shift_remove("deltaColumn").is_some() && params.is_empty()
}

/// A transformation's parameters in a body; `true` for one without, because an empty object is no field.
pub(super) fn parameters(transformation: &Value) -> Value {
    match transformation.get("params") {
        None | Some(Value::Null) => true.into(),
        Some(Value::Object(params)) if params.is_empty() => true.into(),
        Some(params) => params.clone(),
    }
}

/// A transformation as the platform lists it.
pub(super) fn listed(name: &str, params: &Value) -> Value {
    let params = if params.is_object() { params.clone() } else { json!({}) };
    json!({ "name": name, "params": params })
}

/// The operations for those of `paths` that are of transformations. Each is found by name in what was observed: Adobe's own
/// example goes by a position that holds another one (platform-api.md 2.5).
pub(super) fn operations(before: &Body, after: &Body, paths: &[String], places: &Value) -> Vec<Value> {
    let mut operations = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for path in paths.iter().filter(|path| path.starts_with("/transformations/")) {
        let name = super::unescape_pointer(path.split('/').nth(2).unwrap_or_default());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // Positions shift as one goes: first what stays in place, then what goes, from the end, then what comes, which stands
    // before the mapping as in a create.
    let wanted = |name: &str| after.get("transformations").and_then(|t| t.get(name));
    let place = |name: &str| places.get(name).and_then(Value::as_u64);
    for name in &names {
        if let (Some(at), Some(params)) = (place(name), wanted(name)) {
            let value = listed(name, params);
            operations
                .push(json!({ "op": "replace", "path": format!("/transformations/{at}"), "value": value }));
        }
    }
    let mut going: Vec<(u64, &String)> =
        names.iter().filter(|n| wanted(n).is_none()).filter_map(|n| Some((place(n)?, n))).collect();
    going.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    for (at, name) in &going {
        let was = before.get("transformations").and_then(|t| t.get(name.as_str())).unwrap_or(&Value::Null);
        let value = listed(name, was);
        operations.push(json!({ "op": "remove", "path": format!("/transformations/{at}"), "value": value }));
    }
    let mapping = place(MAPPING).map(|at| at - going.iter().filter(|(gone, _)| *gone < at).count() as u64);
    let coming = names.iter().filter(|n| place(n).is_none()).filter_map(|n| Some((n, wanted(n)?)));
    let mut standing: Vec<&str> = standing(places);
    standing.retain(|name| !going.iter().any(|(_, gone)| *gone == name));
    for (index, (name, params)) in coming.enumerate() {
        let at = mapping.map_or_else(|| "-".to_owned(), |at| (at + index as u64).to_string());
        let value = listed(name, params);
        operations.push(json!({ "op": "add", "path": format!("/transformations/{at}"), "value": value }));
        let at = mapping.and_then(|_| standing.iter().position(|name| *name == MAPPING));
        standing.insert(at.unwrap_or(standing.len()), name);
    }
    if paths.iter().any(|path| path.strip_prefix('/') == Some(ORDER)) {
        operations.extend(moves(&standing, after));
    }
    operations
}

/// The names of the transformations that a flow has, in their order.
fn standing(places: &Value) -> Vec<&str> {
    let mut placed: Vec<(u64, &str)> = places
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, at)| Some((at.as_u64()?, name.as_str())))
        .collect();
    placed.sort_unstable();
    placed.into_iter().map(|(_, name)| name).collect()
}

/// The operations that bring the transformations `standing` there into the order that `after` has: each that stands in
/// another's place is written there. None where they are not the same ones.
fn moves(standing: &[&str], after: &Body) -> Vec<Value> {
    let wanted: Vec<&str> =
        after.get(ORDER).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if wanted.len() != standing.len() || !wanted.iter().all(|name| standing.contains(name)) {
        return Vec::new();
    }
    let params =
        |name: &str| after.get("transformations").and_then(|all| all.get(name)).unwrap_or(&Value::Null);
    let moved = wanted.iter().zip(standing).enumerate().filter(|(_, (wanted, standing))| wanted != standing);
    moved
        .map(|(at, (name, _))| {
            let value = listed(name, params(name));
            json!({ "op": "replace", "path": format!("/transformations/{at}"), "value": value })
        })
        .collect()
}
