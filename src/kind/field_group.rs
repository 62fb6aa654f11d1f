//! The field group that holds a schema's own fields, under the tenant's namespace (Schema Registry `/fieldgroups`,
//! platform-api.md 5). It comes of the section `schema`.

use serde_json::{Map, Value, json};

use super::registry::{self, tenant};
use super::{
    Body, Context, Finding, Intent, Key, Kind, Listing, Observed, Outcome, Route, Rule, Spec, fields,
    flow_service, route, schema, section,
};
use crate::wire::{Call, Reply};

pub(super) struct FieldGroup;

const COLLECTION: &str = tenant!("fieldgroups");

/// The definition that new field groups keep their fields in.
const DEFINITION: &str = "/definitions/customFields";

impl Spec for FieldGroup {
    fn section(&self) -> &'static str {
        "fieldGroup"
    }

    fn title(&self) -> &'static str {
        "field group"
    }

    fn part_of(&self) -> Option<Kind> {
        Some(Kind::Schema)
    }

    fn is_part(&self, section: &Value) -> bool {
        section.get("fields").is_some()
    }

    fn grammar(&self) -> &'static [Key] {
        &[]
    }

    fn check(&self, _section: &Value, _context: &Context<'_>) -> Vec<Finding> {
        // The section's findings are the schema's.
        Vec::new()
    }

    fn desired(&self, section: &Value, _context: &Context<'_>) -> Body {
        let text = |key: &str| section.get(key).and_then(Value::as_str);
        let name = text("fieldGroupName").map(str::to_owned);
        let name = name.unwrap_or_else(|| format!("{} fields", text("name").unwrap_or_default()));
        json!({
            "name": name,
            "classes": { schema::class_of(section): true },
            "fields": fields::canonical(section.get("fields").unwrap_or(&Value::Null)),
        })
    }

    fn written(&self, pointer: &str) -> Vec<Route> {
        match pointer {
            "/name" => vec![route::keys(["fieldGroupName"]), route::keys(["name"])],
            _ if pointer.starts_with("/classes/") => vec![route::keys(["class"])],
            // A type alone is a field's short form.
            _ => match pointer.strip_suffix("/type") {
                Some(field) => {
                    vec![route::keys(route::names(pointer)), route::keys(route::names(field))]
                }
                None => vec![route::keys(route::names(pointer))],
            },
        }
    }

    fn needs_namespace(&self, _body: &Body) -> bool {
        true
    }

    fn settle(&self, mut body: Body, namespace: Option<&str>) -> Body {
        if let (Some(members), Some(namespace)) = (body.as_object_mut(), namespace) {
            members.insert("namespace".into(), namespace.into());
        }
        body
    }

    fn rule(&self, pointer: &str, _from: Option<&Value>, _to: Option<&Value>) -> Rule {
        if pointer == "/namespace" { Rule::Replace } else { Rule::Patch }
    }

    fn forbids(&self, pointer: &str, observed: &Body, desired: &Body) -> Option<String> {
        match pointer {
            "/namespace" => Some("the tenant's namespace is another one than the field group's".to_owned()),
            _ if pointer.starts_with("/classes/") => {
                Some("the class that a field group extends cannot be changed".to_owned())
            }
            _ if pointer.starts_with("/fields/") => fields::forbids(pointer, observed, desired),
            _ => None,
        }
    }

    fn unique_names(&self) -> bool {
        true
    }

    fn shares_names_with(&self) -> &'static [Kind] {
        // "titles are unique across all resource types" (platform-api.md 5.3).
        &[Kind::Schema]
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
        let mut body = Map::new();
        let text = |key: &str| remote.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
        if let Some(title) = text("title") {
            body.insert("name".into(), title.into());
        }
        let classes = remote.get("meta:intendedToExtend").and_then(Value::as_array);
        let classes = classes.into_iter().flatten().filter_map(Value::as_str);
        body.insert("classes".into(), classes.map(|class| (class.to_owned(), Value::from(true))).collect());
        // The short form of a list has neither.
        if remote.get("definitions").is_none() && remote.get("properties").is_none() {
            return None;
        }
        // Fields stand in the definitions that the group is made of, or right in it.
        let definitions = remote.get("definitions").and_then(Value::as_object).into_iter().flatten();
        let mut holders: Vec<(String, &Value)> = definitions
            .map(|(name, definition)| (format!("/definitions/{}", section::escape(name)), definition))
            .collect();
        holders.push((String::new(), remote));
        let mut namespace = text("meta:tenantNamespace").map(str::to_owned);
        let mut all = Map::new();
        let mut places = Map::new();
        for (pointer, holder) in holders {
            for (name, inner) in holder.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if namespace.get_or_insert_with(|| name.clone()) != name {
                    continue;
                }
                let place = format!("{pointer}/properties/{}", section::escape(name));
                for (field, value) in fields::from_properties(inner) {
                    places.insert(section::escape(&field), place.as_str().into());
                    all.insert(field, value);
                }
                places.insert(String::new(), place.into());
            }
        }
        if let Some(namespace) = namespace {
            body.insert("namespace".into(), namespace.into());
        }
        body.insert("fields".into(), Value::Object(all));
        registry::observed(remote, Value::Object(body), Value::Object(places))
    }

    fn read(&self, id: &str, _version: Option<u64>) -> Call {
        registry::read(COLLECTION, id)
    }

    fn calls(&self, intent: &Intent) -> Vec<Call> {
        registry::calls(COLLECTION, intent, request, |before, after, paths, places| {
            let namespace = after.get("namespace").and_then(Value::as_str).unwrap_or_default();
            let base = |name: &str| {
                let place = places.get(name).or_else(|| places.get("")).and_then(Value::as_str);
                place.map_or_else(|| format!("{DEFINITION}/properties/{namespace}"), str::to_owned)
            };
            let mut operations = registry::names(after, paths);
            operations.extend(fields::operations(before, after, paths, &base));
            operations
        })
    }

    fn outcome(&self, intent: &Intent, reply: &Reply) -> Outcome {
        registry::outcome(intent, reply, "$id")
    }
}

/// The body of a POST.
fn request(body: &Body) -> Value {
    let mut request = flow_service::pick(body, &["description"]);
    let namespace = body.get("namespace").and_then(Value::as_str).unwrap_or_default();
    let classes = body.get("classes").and_then(Value::as_object).into_iter().flatten();
    let classes: Vec<&String> = classes.map(|(class, _)| class).collect();
    let (properties, required) = fields::properties(body.get("fields").unwrap_or(&Value::Null));
    let mut own = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        own["required"] = required.into();
    }
    let definition = json!({ "type": "object", "properties": { namespace: own } });
    for (key, value) in [
        ("type", json!("object")),
        ("title", body.get("name").cloned().unwrap_or_default()),
        ("meta:intendedToExtend", json!(classes)),
        ("definitions", json!({ "customFields": definition })),
        ("allOf", json!([{ "$ref": format!("#{DEFINITION}") }])),
    ] {
        request.insert(key.into(), value);
    }
    Value::Object(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(fields: &Value) -> Value {
        json!({ "name": "g", "classes": { "c": true }, "namespace": "_t", "fields": fields })
    }

    /// As the platform would show what a create sends.
    fn shown(body: &Value) -> Observed {
        let mut remote = request(body);
        remote["$id"] = "https://ns.adobe.com/t/mixins/1".into();
        remote["meta:tenantNamespace"] = "_t".into();
        FieldGroup.observed(&remote).unwrap()
    }

    #[test]
    fn fields_are_what_was_sent() {
        let fields = json!({
            "id": { "type": "integer", "required": true },
            "at": { "type": "date-time", "title": "When" },
            "home": { "type": "object", "fields": { "city": { "type": "string", "required": true } } },
            "tags": { "type": "array", "items": { "type": "string" } },
        });
        let seen = shown(&group(&fields)).body;
        for (path, value) in [
            ("/fields/id/required", json!(true)),
            ("/fields/at/type", json!("date-time")),
            ("/fields/home/fields/city/required", json!(true)),
            ("/fields/tags/items/type", json!("string")),
            ("/namespace", json!("_t")),
            ("/classes/c", json!(true)),
        ] {
            assert_eq!(seen.pointer(path), Some(&value), "{path}");
        }
    }

    #[test]
    fn a_change_adds_to_where_the_fields_are() {
        let before = shown(&group(
            &json!({ "home": { "type": "object", "fields": { "city": { "type": "string" } } } }),
        ));
        let after = group(&json!({
            "home": { "type": "object", "fields": { "city": { "type": "string", "title": "City" },
                "zip": { "type": "string" } } },
            "new": { "type": "object", "fields": { "x": { "type": "boolean" } } },
        }));
        let paths = [
            "/fields/home/fields/city/title",
            "/fields/home/fields/zip/type",
            "/fields/new/type",
            "/fields/new/fields/x/type",
        ];
        let intent = Intent::Update {
            id: "g".into(),
            etag: None,
            version: None,
            before: before.body,
            after,
            paths: paths.map(str::to_owned).to_vec(),
            places: before.places,
        };
        let base = "/definitions/customFields/properties/_t/properties";
        let boolean = json!({ "title": "x", "type": "boolean" });
        assert_eq!(
            FieldGroup.calls(&intent)[0].body,
            Some(json!([
                { "op": "add", "path": format!("{base}/home/properties/city/title"), "value": "City" },
                { "op": "add", "path": format!("{base}/home/properties/zip"),
                    "value": { "title": "zip", "type": "string" } },
                { "op": "add", "path": format!("{base}/new"),
                    "value": { "title": "new", "type": "object", "properties": { "x": boolean } } },
            ]))
        );
    }

    #[test]
    fn what_would_break_data_is_told_apart() {
        let text =
            |of: &str| json!({ "fields": { "a": { "type": "object", "fields": { "b": { "type": of } } } } });
        let forbids = |pointer: &str, was: &Value, now: &Value| FieldGroup.forbids(pointer, was, now);
        let (was, now) = (text("string"), text("integer"));
        let path = "/fields/a/fields/b/type";
        assert!(forbids(path, &was, &now).unwrap().contains("`a.b` is of type string"));
        let without = json!({ "fields": { "a": { "type": "object" } } });
        assert!(forbids(path, &was, &without).unwrap().contains("taken away"));
        assert_eq!(forbids(path, &was, &json!({})), None, "the object's own line says it");
        assert!(forbids("/fields/a/type", &was, &json!({})).is_some());
        assert_eq!(forbids("/fields/c/type", &was, &json!({ "fields": { "c": { "type": "date" } } })), None);
        let required = json!({ "fields": { "a": { "type": "object", "required": true } } });
        assert!(forbids("/fields/a/required", &was, &required).is_some());
        assert_eq!(forbids("/fields/a/required", &required, &was), None);
        assert_eq!(forbids("/fields/a/title", &was, &was), None);
    }
}
