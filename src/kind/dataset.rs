//! The dataset: where the data is kept (Catalog `/dataSets`, platform-api.md 4). To delete it is to lose the data in it.
//! No etags: a change is compared with what was observed right before it is sent.

use serde_json::{Map, Value, json};

use super::{
    Body, Code, Context, Finding, Intent, Key, Listing, Loss, Observed, Outcome, Reference, ReferenceKey,
    Route, Rule, Shape, Spec, flow_service, route, section, usable_id,
};
use crate::wire::{Call, Method, Reply, Safety, segment};

pub(super) struct Dataset;

const COLLECTION: &str = "/data/foundation/catalog/dataSets";

const GRAMMAR: &[Key] = &[
    Key::required("name", Shape::Text, "The dataset's name on the platform."),
    Key::optional("description", Shape::Text, "What it holds."),
    Key::optional("schema", Shape::AddressOr(section::SCHEMA), section::SCHEMA_DOC),
    Key::optional(
        "profile",
        Shape::Bool,
        "Whether Real-Time Customer Profile and Identity Service read it. Once true it stays so.",
    ),
    Key::optional(
        "tags",
        Shape::Free,
        "Tags by name: a text or a list of texts each. Tags that are not named here are left alone.",
    ),
    Key::optional(
        "deleteData",
        Shape::Bool,
        "Whether the dataset may be deleted with all data in it. Without it, no plan deletes it.",
    ),
];

/// The tags that Profile and Identity Service read (platform-api.md 4.1).
const PROFILE_TAGS: [&str; 2] = ["unifiedProfile", "unifiedIdentity"];

/// What such a tag says of a dataset that they read.
const ENABLED: &str = "enabled:true";

const REFERENCES: &[ReferenceKey] = &[section::SCHEMA_REFERENCE];

impl Spec for Dataset {
    fn section(&self) -> &'static str {
        "dataset"
    }

    fn title(&self) -> &'static str {
        "dataset"
    }

    fn grammar(&self) -> &'static [Key] {
        GRAMMAR
    }

    fn references(&self) -> &'static [ReferenceKey] {
        REFERENCES
    }

    fn check(&self, section: &Value, context: &Context<'_>) -> Vec<Finding> {
        let mut findings = section::schema_findings(section);
        // "you must know the ID of an existing XDM schema that is enabled for Profile" (Adobe's "Enable a dataset for
        // Profile and Identity Service using APIs").
        if is_in_profile(section)
            && let Some(Reference::Section { address, section: schema }) = context.first()
            && !is_in_profile(schema)
        {
            findings.push(
                Finding::error(
                    Code::NoProfile,
                    "/profile",
                    format!("a dataset in Profile needs a schema in Profile, and {address} is none"),
                )
                .hint(format!("write `profile: true` in {address} too")),
            );
        }
        match section.get("tags") {
            None => {}
            Some(Value::Object(tags)) => {
                for (name, value) in tags {
                    let pointer = format!("/tags/{}", section::escape(name));
                    if PROFILE_TAGS.contains(&name.as_str()) {
                        findings.push(
                            Finding::error(
                                Code::InvalidValue,
                                pointer,
                                format!("`{name}` is not given as a tag"),
                            )
                            .hint("write `profile: true` in the section"),
                        );
                    } else if name.starts_with("adobe/") {
                        findings.push(Finding::error(
                            Code::InvalidValue,
                            pointer,
                            "tags that begin with `adobe/` are the platform's",
                        ));
                    } else if tag(value).is_none() {
                        findings.push(
                            Finding::error(Code::WrongType, pointer, "a tag is a text or a list of texts")
                                .hint(format!("as in `{name}: [value]`")),
                        );
                    }
                }
            }
            Some(_) => findings.push(
                Finding::error(Code::WrongType, "/tags", "tags are a mapping of names to texts")
                    .hint("as in `tags: { team: crm }`"),
            ),
        }
        findings
    }

    fn desired(&self, section: &Value, context: &Context<'_>) -> Body {
        let mut body = section::text_members(section, &["name", "description"]);
        body.insert("schema".into(), section::schema_reference(section, context.first()));
        let given = section.get("tags").and_then(Value::as_object);
        let mut tags: Map<String, Value> = given
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), tag(value)?)))
            .collect();
        if is_in_profile(section) {
            tags.extend(PROFILE_TAGS.map(|name| (name.to_owned(), json!([ENABLED]))));
        }
        if !tags.is_empty() {
            body.insert("tags".into(), Value::Object(tags));
        }
        if section.get("deleteData") == Some(&Value::Bool(true)) {
            body.insert("deleteData".into(), true.into());
        }
        Value::Object(body)
    }

    fn written(&self, pointer: &str) -> Vec<Route> {
        match pointer {
            "/schema/id" => section::schema_routes(),
            _ if profile_tag(pointer) => vec![route::keys(["profile"])],
            _ => vec![route::keys(route::names(pointer))],
        }
    }

    /// `profile: true` stands for both tags together.
    fn said(&self, pointer: &str, value: &Value, body: &Body) -> Value {
        if profile_tag(pointer) { is_read_by_both(body).into() } else { value.clone() }
    }

    fn rule(&self, pointer: &str, _from: Option<&Value>, _to: Option<&Value>) -> Rule {
        match pointer {
            "/deleteData" => Rule::Ours,
            // "PATCH cannot change expandable (linked) fields"; of schemaRef nothing else is known (platform-api.md 4.2).
            _ if pointer.starts_with("/schema/") => Rule::Replace,
            _ => Rule::Patch,
        }
    }

    fn forbids(&self, pointer: &str, observed: &Body, desired: &Body) -> Option<String> {
        let off = profile_tag(pointer)
            && is_enabled(observed.pointer(pointer))
            && !is_enabled(desired.pointer(pointer));
        off.then(|| "a dataset that Profile and Identity Service read stays so".to_owned())
    }

    fn one_way(&self, observed: Option<&Body>, desired: &Body) -> Option<&'static str> {
        (is_read_by_both(desired) && !observed.is_some_and(is_read_by_both))
            .then_some("its data enters Real-Time Customer Profile, which cannot be undone")
    }

    fn loss(&self, applied: &Body) -> Option<Loss> {
        Some(Loss {
            what: "all data in it is destroyed, which cannot be undone",
            allowed: applied.get("deleteData") == Some(&Value::Bool(true)),
            allow: "set `deleteData: true` in its section and apply that first",
            path: "/deleteData",
        })
    }

    fn collection(&self) -> &'static str {
        COLLECTION
    }

    fn listing(&self) -> Listing {
        Listing::Catalog
    }

    /// `remote` has one member: the object under its id, as lists and lookups have it (platform-api.md 4.1).
    fn observed(&self, remote: &Value) -> Option<Observed> {
        let members = remote.as_object().filter(|members| members.len() == 1)?;
        let (id, item) = members.iter().next()?;
        if !item.is_object() {
            return None;
        }
        let mut body = flow_service::pick(item, &["name", "description"]);
        if let Some(schema) = item.get("schemaRef") {
            let version = schema.get("contentType").and_then(Value::as_str).and_then(section::major_version);
            let schema = json!({ "id": schema.get("id"), "version": version });
            body.insert("schema".into(), Value::Object(flow_service::pick(&schema, &["id", "version"])));
        }
        let tags = item.get("tags").and_then(Value::as_object);
        let tags: Map<String, Value> = tags
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), tag(value)?)))
            .collect();
        if !tags.is_empty() {
            body.insert("tags".into(), Value::Object(tags));
        }
        Some(Observed {
            id: usable_id(id)?,
            // `version` and `updated` move with every batch of data: no sign of a change.
            etag: None,
            version: None,
            body: Value::Object(body),
            state: String::new(),
            operation: super::LastOperation::Settled,
            places: item.get("tags").map_or_else(|| json!({ "tags": false }), |_| Value::Null),
            created_at: item.get("created").and_then(Value::as_i64),
            created_by_client: item.get("createdClient").and_then(Value::as_str).map(str::to_owned),
        })
    }

    fn read(&self, id: &str, _version: Option<u64>) -> Call {
        Call::get(format!("{COLLECTION}/{}", segment(id)))
    }

    fn calls(&self, intent: &Intent) -> Vec<Call> {
        let at = |id: &str| format!("{COLLECTION}/{}", segment(id));
        match intent {
            Intent::Create { body, .. } => vec![
                Call::new(Method::Post, COLLECTION, Safety::Once)
                    .query("requestDataSource", "true")
                    .body(request(body)),
            ],
            // JSON Patch, because how deep the plain form merges `tags` is documented nowhere (platform-api.md 4.2).
            Intent::Update { id, before, after, paths, places, .. } => {
                let mut operations = flow_service::operations(before, after, paths, &[]);
                if places.get("tags").is_some() && paths.iter().any(|path| path.starts_with("/tags/")) {
                    operations.insert(0, json!({ "op": "add", "path": "/tags", "value": {} }));
                }
                let call = Call::new(Method::Patch, at(id), Safety::Once);
                vec![call.content_type("application/json-patch+json").body(operations.into())]
            }
            Intent::Delete { id, .. } => vec![Call::new(Method::Delete, at(id), Safety::Repeatable)],
            Intent::Switch { .. } | Intent::Adopt { .. } | Intent::Forget { .. } => Vec::new(),
        }
    }

    fn outcome(&self, intent: &Intent, reply: &Reply) -> Outcome {
        let done = |id| Outcome::Done { id, etag: None, version: None };
        if reply.is_success() {
            return match intent {
                Intent::Create { .. } => match made(reply) {
                    None => Outcome::Unclear,
                    id => done(id),
                },
                // A 200 with an empty list: there was nothing to delete (platform-api.md 4.3).
                Intent::Delete { .. } if reply.body.as_array().is_some_and(Vec::is_empty) => Outcome::Absent,
                _ => done(None),
            };
        }
        match (reply.status, intent) {
            // A schema made a moment ago may not be known to Catalog yet (platform-api.md 8).
            (400, Intent::Create { .. }) | (404, _) => Outcome::Absent,
            (409 | 412, _) => Outcome::Conflict,
            (408 | 500..=599, _) => Outcome::Unclear,
            _ => Outcome::Refused,
        }
    }
}

/// A tag's values: a list of texts, also of one. Spaces inside are a matter of spelling (platform-api.md 4.1).
fn tag(value: &Value) -> Option<Value> {
    let text = |value: &Value| value.as_str().map(|text| text.replace(' ', ""));
    match value {
        Value::Array(values) => {
            // A set: neither order nor repetition says anything.
            let texts = values.iter().map(text).collect::<Option<std::collections::BTreeSet<_>>>()?;
            Some(texts.into_iter().map(Value::from).collect())
        }
        other => text(other).map(|text| vec![Value::from(text)].into()),
    }
}

/// Whether a section, of a dataset or of a schema, takes part in Profile.
fn is_in_profile(section: &Value) -> bool {
    section.get("profile") == Some(&Value::Bool(true))
}

/// Whether a pointer into a body leads to a tag that `profile` stands for.
fn profile_tag(pointer: &str) -> bool {
    pointer.strip_prefix("/tags/").is_some_and(|name| PROFILE_TAGS.contains(&name))
}

/// Whether Profile and Identity Service both read a dataset with this body.
fn is_read_by_both(body: &Body) -> bool {
    PROFILE_TAGS.iter().all(|name| is_enabled(body.pointer(&format!("/tags/{name}"))))
}

fn is_enabled(tag: Option<&Value>) -> bool {
    tag.and_then(Value::as_array).is_some_and(|values| values.iter().any(|value| value == ENABLED))
}

/// The id that a create made: of `["@/dataSets/ID"]`, in whatever case, else of the `Location` header.
fn made(reply: &Reply) -> Option<String> {
    let link = reply.body.as_array().and_then(|links| links.first()).and_then(Value::as_str);
    let link = link.or(reply.location.as_deref())?;
    usable_id(link.trim_end_matches('/').rsplit('/').next()?)
}

/// The body of a POST.
fn request(body: &Body) -> Value {
    let mut request = flow_service::pick(body, &["name", "description", "tags"]);
    let version = body.pointer("/schema/version").and_then(Value::as_u64).unwrap_or(1);
    let reference = json!({
        "id": body.pointer("/schema/id"),
        "contentType": format!("application/vnd.adobe.xed+json;version={version}"),
    });
    request.insert("schemaRef".into(), reference);
    Value::Object(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: Value) -> Reply {
        Reply { status, body, location: None, request_id: None, tries: 1, sent: 0 }
    }

    #[test]
    fn tags_are_one_picture_in_every_spelling() {
        let remote = json!({ "d1": { "name": "n", "tags": { "unifiedProfile": ["enabled: true"], "a": "b" },
            "schemaRef": { "id": "s", "contentType": "application/vnd.adobe.xed-full+json;version=1" } } });
        let observed = Dataset.observed(&remote).unwrap();
        assert_eq!(observed.id, "d1");
        let wanted = json!({ "name": "n", "schema": { "id": "s", "version": 1 },
            "tags": { "unifiedProfile": ["enabled:true"], "a": ["b"] } });
        assert_eq!(observed.body, wanted);
    }

    #[test]
    fn a_create_tells_its_id_in_either_spelling_and_a_delete_of_nothing_says_so() {
        let create = Intent::Create { body: json!({}), namesakes: Vec::new(), replaces: None };
        for link in ["@/dataSets/5c8c", "@/datasets/5c8c"] {
            let outcome = Dataset.outcome(&create, &reply(201, json!([link])));
            assert!(matches!(outcome, Outcome::Done { id: Some(id), .. } if id == "5c8c"));
        }
        assert_eq!(Dataset.outcome(&create, &reply(201, json!([]))), Outcome::Unclear);
        let delete = Intent::Delete {
            id: "d".into(),
            etag: None,
            version: None,
            before: json!({}),
            conditional: false,
        };
        assert_eq!(Dataset.outcome(&delete, &reply(200, json!([]))), Outcome::Absent);
    }

    #[test]
    fn a_change_is_a_json_patch_of_each_tag() {
        let tags = |tags: Value| json!({ "name": "n", "tags": tags });
        let intent = Intent::Update {
            id: "d".into(),
            etag: None,
            version: None,
            before: tags(json!({ "adobe/x": ["1"] })),
            after: tags(json!({ "unifiedProfile": [ENABLED] })),
            paths: vec!["/tags/unifiedProfile".into()],
            places: Value::Null,
        };
        let call = &Dataset.calls(&intent)[0];
        assert_eq!(call.content_type.as_deref(), Some("application/json-patch+json"));
        let operation = json!({ "op": "add", "path": "/tags/unifiedProfile", "value": [ENABLED] });
        assert_eq!(call.body, Some(json!([operation])));
    }
}
