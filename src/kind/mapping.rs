//! The mapping set: which source field goes to which place of the target schema (Data Prep, platform-api.md 3).
//! It has versions instead of etags: a PUT makes version n+1, and flows keep the version they name until told otherwise.

use serde_json::{Map, Value, json};

use super::fields::TENANT;
use super::flow_service::{self, error_code};
use super::rows::{Rows, is_path};
use super::{
    Answer, Around, Body, Code, Context, Finding, Intent, Key, Kind, Listing, Observed, Outcome, Reference,
    ReferenceKey, Route, Row, Rule, Sending, Shape, Spec, Turn, fields, route, section, usable_id,
};
use crate::wire::{Call, Method, Reply, Safety, segment};

pub(super) struct Mapping;

const COLLECTION: &str = "/data/foundation/conversion/mappingSets";

const GRAMMAR: &[Key] = &[
    Key::optional("name", Shape::Text, "The mapping set's name; `PIPELINE mapping` when left out."),
    Key::optional("schema", Shape::AddressOr(section::SCHEMA), section::SCHEMA_DOC),
    Key::required("fields", Shape::List(&Shape::Object(FIELD)), "What goes where."),
];

const FIELD: &[Key] = &[
    Key::required(
        "source",
        Shape::Text,
        "Path in the source's data, an expression, or a constant: see sourceType.",
    ),
    Key::required(
        "destination",
        Shape::Text,
        "XDM path; own fields are below `_tenant`, which stands for the tenant's namespace.",
    ),
    Key::optional(
        "sourceType",
        Shape::Choice(&["ATTRIBUTE", "EXPRESSION", "STATIC"]),
        "What `source` is; ATTRIBUTE (a path) when left out.",
    ),
    Key::optional("name", Shape::Text, "A name for the mapping."),
    Key::optional("description", Shape::Text, "What it is for."),
    Key::optional("identity", Shape::Bool, "Whether the field is an identity."),
    Key::optional("primaryIdentity", Shape::Bool, "Whether it is the primary identity."),
    Key::optional("identityGroup", Shape::Text, "The identity's group."),
    Key::optional("namespaceCode", Shape::Text, "The identity's namespace."),
];

/// Longest expression that Data Prep takes (platform-api.md 3.2).
const LONGEST_SOURCE: usize = 4096;

/// How `sourceType` is read back (platform-api.md 3.2).
const MIME_TYPES: &[(&str, &str)] =
    &[("text/x.schema-path", "ATTRIBUTE"), ("text/x.aep-xl", "EXPRESSION"), ("text/plain", "STATIC")];

/// One mapping without its destination: members that say nothing left out, old names read too.
fn canonical_field(field: &Value) -> Map<String, Value> {
    let text = |key: &str| field.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
    let mut canonical = Map::new();
    let kind = text("sourceType").unwrap_or("ATTRIBUTE");
    let kind = MIME_TYPES.iter().find(|(mime, _)| *mime == kind).map_or(kind, |(_, word)| word);
    canonical.insert("sourceType".into(), kind.into());
    if let Some(source) = text("source").or_else(|| text("sourceAttribute")) {
        canonical.insert("source".into(), source.into());
    }
    for key in ["name", "description", "identityGroup", "namespaceCode"] {
        if let Some(value) = text(key) {
            canonical.insert(key.into(), value.into());
        }
    }
    for key in ["identity", "primaryIdentity"] {
        if field.get(key).and_then(Value::as_bool) == Some(true) {
            canonical.insert(key.into(), true.into());
        }
    }
    canonical
}

/// The name of a further row for a destination that has one. It is no destination: no manifest says such a row.
fn repeated(destination: &str, number: usize) -> String {
    format!("{destination}{REPEATED}{number})")
}

/// What stands between a destination and the number of its row.
const REPEATED: &str = " (row ";

/// Whether a member of a body's `fields` is a further row for a destination.
fn is_repeated(name: &str) -> bool {
    let number = name.rsplit_once(REPEATED).and_then(|(_, rest)| rest.strip_suffix(')'));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Mappings keyed by destination: their order and ids are the platform's (platform-api.md 3.2). A further row for a
/// destination goes by the name that `further` gives it, by its number, or goes.
fn canonical_fields(fields: &Value, further: &dyn Fn(&str, usize) -> Option<String>) -> Value {
    let mut canonical = Map::new();
    let mut rows: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for field in fields.as_array().into_iter().flatten() {
        let destination = field
            .get("destination")
            .and_then(Value::as_str)
            .filter(|d| !d.is_empty())
            .or_else(|| field.get("destinationXdmPath").and_then(Value::as_str));
        let Some(destination) = destination else { continue };
        let row = rows.entry(destination).or_default();
        *row += 1;
        let name = if *row == 1 { Some(destination.to_owned()) } else { further(destination, *row) };
        if let Some(name) = name {
            canonical.insert(name, Value::Object(canonical_field(field)));
        }
    }
    Value::Object(canonical)
}

const REFERENCES: &[ReferenceKey] = &[section::SCHEMA_REFERENCE];

impl Spec for Mapping {
    fn section(&self) -> &'static str {
        "mapping"
    }

    fn title(&self) -> &'static str {
        "mapping set"
    }

    fn grammar(&self) -> &'static [Key] {
        GRAMMAR
    }

    fn references(&self) -> &'static [ReferenceKey] {
        REFERENCES
    }

    fn check(&self, section: &Value, context: &Context<'_>) -> Vec<Finding> {
        let mut findings = section::schema_findings(section);
        let fields = section.get("fields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if fields.is_empty() {
            findings.push(Finding::error(
                Code::EmptyMapping,
                "/fields",
                "a mapping needs at least one field",
            ));
        }
        let own = match context.first() {
            // A section with mistakes of its own says nothing.
            Some(Reference::Section { section, .. }) if section.get("name").is_some() => {
                Some(fields::Own::of(section))
            }
            _ => None,
        };
        let mut rows = Rows::default();
        for (index, field) in fields.iter().enumerate() {
            if let Some(source) = field.get("source").and_then(Value::as_str)
                && source.chars().count() > LONGEST_SOURCE
            {
                findings.push(Finding::error(
                    Code::InvalidValue,
                    format!("/fields/{index}/source"),
                    format!("`source` is longer than the {LONGEST_SOURCE} characters that Data Prep takes"),
                ));
            }
            let Some(destination) = field.get("destination").and_then(Value::as_str) else { continue };
            let pointer = format!("/fields/{index}/destination");
            if !is_path(destination) {
                findings.push(
                    Finding::error(Code::InvalidValue, pointer, format!("`{destination}` is no path")).hint(
                        "names with dots between them, and no blanks around them: `_tenant.person.email`",
                    ),
                );
                continue;
            }
            findings.extend(own.as_ref().and_then(|own| own.finding(&pointer, destination)));
            rows.add(pointer, destination, destination.to_owned(), canonical_field(field));
        }
        findings.extend(rows.collisions());
        findings
    }

    fn desired(&self, section: &Value, context: &Context<'_>) -> Body {
        let name = section.get("name").and_then(Value::as_str);
        let name = name.map_or_else(|| format!("{} mapping", context.pipeline), str::to_owned);
        json!({
            "name": name,
            "schema": section::schema_reference(section, context.first()),
            // A repeated one is the same one, or refused.
            "fields": canonical_fields(section.get("fields").unwrap_or(&Value::Null), &|_, _| None),
        })
    }

    fn written(&self, pointer: &str) -> Vec<Route> {
        let names = route::names(pointer);
        if pointer == "/schema/id" {
            return section::schema_routes();
        }
        let Some((destination, rest)) =
            names.strip_prefix(&["fields".to_owned()]).and_then(<[_]>::split_first)
        else {
            return vec![route::keys(names)];
        };
        if is_repeated(destination) {
            return Vec::new();
        }
        // Below the tenant's namespace a destination may be written with its placeholder.
        let below = destination.strip_prefix('_').and_then(|path| path.split_once('.'));
        let placed = below.map(|(_, below)| format!("{TENANT}.{below}"));
        let ways = [Some(destination.clone()), placed.filter(|placed| placed != destination)];
        let way = |is: String| {
            let item = Turn::Item { by: "destination", is };
            [route::keys(["fields"]), vec![item], route::keys(rest)].concat()
        };
        ways.into_iter().flatten().map(way).collect()
    }

    fn needs_namespace(&self, body: &Body) -> bool {
        let fields = body.get("fields").and_then(Value::as_object);
        fields.into_iter().flatten().any(|(destination, _)| fields::below_tenant(destination).is_some())
    }

    fn settle(&self, mut body: Body, namespace: Option<&str>) -> Body {
        if let (Some(Value::Object(fields)), Some(namespace)) = (body.get_mut("fields"), namespace) {
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(destination, field)| (placed(&destination, namespace), field))
                .collect();
        }
        body
    }

    fn collisions(&self, body: &Body, namespace: &str) -> Vec<Finding> {
        let mut rows = Rows::default();
        for (destination, field) in body.get("fields").and_then(Value::as_object).into_iter().flatten() {
            let field = field.as_object().cloned().unwrap_or_default();
            rows.add(destination_of(destination), destination, placed(destination, namespace), field);
        }
        rows.collisions_within(namespace)
    }

    fn strays(&self, body: &Body, namespace: &str) -> Option<String> {
        let strays = stray_fields(body, namespace);
        let (first, more) = strays.split_first()?;
        let (is, more) = match more.len() {
            0 => (" is", String::new()),
            more => ("", format!(" and {more} more are")),
        };
        Some(format!(
            "{first}{is}{more} not below the tenant's namespace {namespace}: write `{TENANT}` for it"
        ))
    }

    fn rule(&self, pointer: &str, _from: Option<&Value>, _to: Option<&Value>) -> Rule {
        // "output schema change best as new set" (platform-api.md 9).
        if pointer == "/schema/id" { Rule::Replace } else { Rule::Patch }
    }

    fn owned(&self) -> &'static [&'static str] {
        // A PUT replaces the whole list, so a mapping that the manifest does not have is somebody else's edit.
        &["/fields"]
    }

    fn row(&self) -> Row {
        Row { label: "destination", main: "source", implied: &[("sourceType", "ATTRIBUTE")] }
    }

    fn collection(&self) -> &'static str {
        COLLECTION
    }

    fn listing(&self) -> Listing {
        Listing::Offset
    }

    fn observed(&self, remote: &Value) -> Option<Observed> {
        let text = |pointer: &str| remote.pointer(pointer).and_then(Value::as_str).filter(|t| !t.is_empty());
        let schema = text("/outputSchema/schemaRef/id")
            .or_else(|| text("/schemaRef/id"))
            .or_else(|| text("/xdmSchema"));
        let version = text("/outputSchema/schemaRef/contentType")
            .or_else(|| text("/schemaRef/contentType"))
            .or_else(|| text("/xdmVersion"))
            .and_then(section::major_version);
        let mut body = Map::new();
        if let Some(name) = text("/name") {
            body.insert("name".into(), name.into());
        }
        let schema = json!({ "id": schema, "version": version });
        body.insert("schema".into(), Value::Object(flow_service::pick(&schema, &["id", "version"])));
        let further = |destination: &str, row| Some(repeated(destination, row));
        body.insert("fields".into(), canonical_fields(remote.get("mappings")?, &further));
        Some(Observed {
            id: usable_id(text("/id")?)?,
            etag: None,
            version: remote.get("version").and_then(number),
            body: Value::Object(body),
            state: String::new(),
            operation: super::LastOperation::Settled,
            places: Value::Null,
            created_at: remote.get("createdDate").and_then(Value::as_i64),
            // `createdBy` names a user or client in a form that no document gives: not compared.
            created_by_client: None,
        })
    }

    fn read(&self, id: &str, version: Option<u64>) -> Call {
        let call = Call::get(format!("{COLLECTION}/{}", segment(id)));
        // Without it, documents disagree on whether the first or the newest is meant (platform-api.md 3.3).
        match version {
            Some(version) => call.query("version", version.to_string()),
            None => call,
        }
    }

    fn questions(&self, sending: &Sending<'_>) -> Vec<Call> {
        // A schema that is yet to be made or changed is not what the fields are to be held against.
        let sent = sending.body(&["/schema", "/fields"]).filter(|_| sending.around != Around::Changes);
        // Without its name, so that sets which are alike are one question.
        let validate = |body| {
            let mut set = request(body);
            if let Some(members) = set.as_object_mut() {
                members.shift_remove("name");
            }
            Call::new(Method::Post, format!("{COLLECTION}/validate"), Safety::Read).body(set)
        };
        sent.filter(|body| body.pointer("/schema/id").is_some_and(Value::is_string))
            .map(validate)
            .into_iter()
            .collect()
    }

    fn objections(&self, sending: &Sending<'_>, answers: &[&Answer]) -> Vec<Finding> {
        let strays = sending.body(&["/fields"]).map(|body| strays_from_own_schema(sending, body));
        if let Some(strays) = strays.filter(|strays| !strays.is_empty()) {
            return strays;
        }
        match (sending.body(&[""]), answers.first()) {
            (Some(body), Some(Answer::Told(told))) => refused_fields(body, told),
            (Some(_), Some(Answer::Refused { status: 400, why })) => {
                vec![Finding::error(
                    Code::RefusedField,
                    "/fields",
                    format!("Data Prep refuses the mapping set: {why}"),
                )]
            }
            _ => Vec::new(),
        }
    }

    fn calls(&self, intent: &Intent) -> Vec<Call> {
        match intent {
            Intent::Create { body, .. } => {
                vec![Call::new(Method::Post, COLLECTION, Safety::Once).body(request(body))]
            }
            Intent::Update { id, after, .. } => {
                let path = format!("{COLLECTION}/{}", segment(id));
                vec![Call::new(Method::Put, path, Safety::Once).body(request(after))]
            }
            Intent::Delete { id, .. } => {
                let path = format!("{COLLECTION}/{}", segment(id));
                vec![Call::new(Method::Delete, path, Safety::Repeatable)]
            }
            Intent::Switch { .. } | Intent::Adopt { .. } | Intent::Forget { .. } => Vec::new(),
        }
    }

    fn outcome(&self, intent: &Intent, reply: &Reply) -> Outcome {
        if reply.is_success() {
            let id = reply.body.get("id").and_then(Value::as_str).and_then(usable_id);
            let version = reply.body.get("version").and_then(number);
            return match intent {
                Intent::Create { .. } if id.is_none() => Outcome::Unclear,
                // The new version number is what the flow will name: without it the set has to be read.
                Intent::Update { .. } if version.is_none() => Outcome::Unclear,
                Intent::Create { .. } => Outcome::Done { id, etag: None, version: version.or(Some(0)) },
                _ => Outcome::Done { id: None, etag: None, version },
            };
        }
        match reply.status {
            404 if !error_code(&reply.body).starts_with("FLOW-2") => Outcome::Absent,
            // DELETE of a mapping set is documented nowhere (platform-api.md 3.1): a platform that does not take it
            // keeps the set, and that is said, not failed on.
            400 | 405 | 409 | 501 if matches!(intent, Intent::Delete { .. }) => Outcome::LeftInPlace,
            409 | 412 => Outcome::Conflict,
            408 | 500..=599 => Outcome::Unclear,
            _ => Outcome::Refused,
        }
    }
}

/// A number, also one that comes as a string.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The body of a POST or PUT, in the current form (platform-api.md 3.2).
fn request(body: &Body) -> Value {
    let version = body.pointer("/schema/version").and_then(Value::as_u64).unwrap_or(1);
    let mappings: Vec<Value> = body
        .get("fields")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(destination, field)| {
            let mut mapping = field.as_object().cloned().unwrap_or_default();
            mapping.insert("destination".into(), destination.as_str().into());
            Value::Object(mapping)
        })
        .collect();
    json!({
        "name": body.get("name"),
        "outputSchema": { "schemaRef": {
            "id": body.pointer("/schema/id"),
            "contentType": format!("application/vnd.adobe.xed-full+json;version={version}"),
        } },
        "mappings": mappings,
    })
}

/// A destination with the tenant's namespace filled in.
fn placed(destination: &str, namespace: &str) -> String {
    match fields::below_tenant(destination) {
        Some(below) => format!("{namespace}{below}"),
        None => destination.to_owned(),
    }
}

/// Where a mapping says its destination, as a pointer for [`Spec::written`].
fn destination_of(destination: &str) -> String {
    format!("/fields/{}/destination", section::escape(destination))
}

/// Destinations below another tenant's namespace.
fn stray_fields<'b>(body: &'b Body, namespace: &str) -> Vec<&'b str> {
    let fields = body.get("fields").and_then(Value::as_object).into_iter().flatten();
    let strays = |destination: &&str| {
        let first = destination.split_once('.').map(|(first, _)| first);
        first.is_some_and(|first| fields::is_namespace(first) && first != namespace)
    };
    fields.map(|(destination, _)| destination.as_str()).filter(strays).collect()
}

/// Such destinations where the schema is of the manifest alone; whatever else a schema has is for the platform to say.
fn strays_from_own_schema(sending: &Sending<'_>, body: &Body) -> Vec<Finding> {
    let schema = sending.parents.get(&Kind::Schema).and_then(|schema| schema.get("fieldGroups"));
    let is_own = schema.and_then(Value::as_object).is_some_and(|groups| groups.len() <= 1);
    let Some(namespace) = sending.namespace.filter(|_| is_own) else { return Vec::new() };
    let finding = |destination: &str| {
        let message = format!("`{destination}` is not below the tenant's namespace, {namespace}");
        Finding::error(Code::UnknownField, destination_of(destination), message)
            .hint(format!("write `{TENANT}` for the namespace"))
    };
    stray_fields(body, namespace).into_iter().map(finding).collect()
}

/// The fields that Data Prep's validation refuses: an entry for each mapping, in the order of the request
/// (platform-api.md 3.1). Where there are more or fewer, an entry's own errors say which mapping is meant.
fn refused_fields(body: &Body, told: &Value) -> Vec<Finding> {
    let entries = told.get("validationResponse").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let fields: Vec<&String> = body
        .get("fields")
        .and_then(Value::as_object)
        .map(|fields| fields.keys().collect())
        .unwrap_or_default();
    let in_order = entries.len() == fields.len();
    let mut findings = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let status = entry.get("status").and_then(Value::as_str).unwrap_or_default();
        if !status.eq_ignore_ascii_case("failed") {
            continue;
        }
        let errors = match entry.get("errors") {
            Some(Value::Array(errors)) => errors.iter().collect(),
            Some(Value::Null) | None => Vec::new(),
            Some(error) => vec![error],
        };
        let said = errors.iter().filter_map(|error| {
            let said = error.get("exception").or_else(|| error.get("message")).unwrap_or(error);
            said.as_str().filter(|text| !text.is_empty())
        });
        let said = said.take(3).collect::<Vec<_>>().join("; ");
        let why = if said.is_empty() { "it does not say why" } else { &said };
        let named = || errors.iter().find_map(|error| error.get("destination")?.as_str());
        let of_order = fields.get(index).map(|field| field.as_str()).filter(|_| in_order);
        let (pointer, which) = match of_order.or_else(named) {
            Some(field) => (destination_of(field), format!("the mapping to `{field}`")),
            None => ("/fields".to_owned(), "a mapping".to_owned()),
        };
        findings.push(Finding::error(
            Code::RefusedField,
            pointer,
            format!("Data Prep refuses {which}: {why}"),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_names_orders_and_mime_types_are_one_picture() {
        let new = json!({
            "id": "m", "version": 2, "name": "n",
            "outputSchema": { "schemaRef": { "id": "s", "contentType": "application/vnd.adobe.xed-full+json;version=1" } },
            "mappings": [
                { "id": "x", "sourceType": "text/x.schema-path", "source": "a", "destination": "t.a", "identity": false },
                { "sourceType": "text/x.aep-xl", "source": "f(b)", "destination": "t.b", "description": "" },
            ],
        });
        let old = json!({
            "id": "m", "version": "2", "name": "n", "xdmSchema": "s", "xdmVersion": "1.0",
            "mappings": [
                { "sourceType": "EXPRESSION", "sourceAttribute": "f(b)", "destinationXdmPath": "t.b" },
                { "sourceType": null, "sourceAttribute": "a", "destinationXdmPath": "t.a", "functionVersion": 1 },
            ],
        });
        let (new, old) = (Mapping.observed(&new).unwrap(), Mapping.observed(&old).unwrap());
        assert_eq!((new.version, old.version), (Some(2), Some(2)));
        assert_eq!(new.body, old.body);
    }

    #[test]
    fn a_refused_field_is_named_whichever_way_the_platform_lists_them() {
        let body = json!({ "fields": { "t.a": {}, "t.b": {} } });
        let failed =
            |of: &str| json!({ "status": "FAILED", "errors": [{ "destination": of, "exception": "no" }] });
        let pointers = |told: &Value| -> Vec<String> {
            let found = refused_fields(&body, &json!({ "validationResponse": told }));
            found.into_iter().map(|finding| finding.pointer).collect()
        };
        let success = json!({ "status": "SUCCESS", "errors": null });
        assert_eq!(
            pointers(&json!([success, { "status": "failed", "errors": null }])),
            ["/fields/t.b/destination"]
        );
        assert_eq!(pointers(&json!([failed("t.b")])), ["/fields/t.b/destination"], "the failed ones alone");
        assert_eq!(pointers(&json!([{ "status": "FAILED", "errors": "no" }])), ["/fields"]);
        assert_eq!(pointers(&json!([success, success])), [""; 0]);
    }

    #[test]
    fn a_put_carries_everything() {
        let after = json!({
            "name": "n", "schema": { "id": "s", "version": 3 },
            "fields": { "t.a": { "sourceType": "ATTRIBUTE", "source": "a" } },
        });
        let intent = Intent::Update {
            id: "m".into(),
            etag: None,
            version: Some(1),
            before: json!({}),
            after,
            paths: vec!["/name".into()],
            places: Value::Null,
        };
        let call = &Mapping.calls(&intent)[0];
        let schema = json!({ "id": "s", "contentType": "application/vnd.adobe.xed-full+json;version=3" });
        let mapping = json!({ "sourceType": "ATTRIBUTE", "source": "a", "destination": "t.a" });
        let body = json!({ "name": "n", "outputSchema": { "schemaRef": schema }, "mappings": [mapping] });
        assert_eq!(
            (call.method, call.safety, call.body.as_ref().unwrap()),
            (Method::Put, Safety::Once, &body)
        );
    }

    #[test]
    fn a_platform_that_does_not_delete_keeps_the_set() {
        let intent = Intent::Delete {
            id: "m".into(),
            etag: None,
            version: Some(0),
            before: json!({}),
            conditional: false,
        };
        let answer =
            |status| Reply { status, body: Value::Null, location: None, request_id: None, tries: 1, sent: 0 };
        assert_eq!(Mapping.outcome(&intent, &answer(405)), Outcome::LeftInPlace);
        assert_eq!(Mapping.outcome(&intent, &answer(404)), Outcome::Absent);
        assert_eq!(Mapping.outcome(&intent, &answer(503)), Outcome::Unclear);
    }
}
