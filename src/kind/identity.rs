//! A schema's primary identity: the descriptor that says which field tells whose a record is (Schema Registry
//! `/descriptors`, platform-api.md 5; Adobe's "Descriptors endpoint"). It comes of the section `schema`.

use serde_json::{Map, Value, json};

use super::registry::{self, tenant};
use super::{
    Body, Context, Finding, Intent, Key, Kind, Listing, Observed, Outcome, ReferenceKey, Route, Rule, Spec,
    fields::TENANT, route, section, usable_id,
};
use crate::wire::{Call, Method, Reply, Safety, segment};

pub(super) struct Identity;

const COLLECTION: &str = tenant!("descriptors");

/// Descriptors have a form of answers of their own, without a version.
const FORM: &str = "application/vnd.adobe.xdm+json";

/// The only type that is looked at.
const TYPE: &str = "xdm:descriptorIdentity";

const REFERENCES: &[ReferenceKey] =
    &[ReferenceKey { by_address: "", by_id: "", kind: Kind::Schema, required: true }];

impl Spec for Identity {
    fn section(&self) -> &'static str {
        "identity"
    }

    fn title(&self) -> &'static str {
        "primary identity"
    }

    fn part_of(&self) -> Option<Kind> {
        Some(Kind::Schema)
    }

    fn is_part(&self, section: &Value) -> bool {
        section.get("primaryIdentity").is_some()
    }

    fn grammar(&self) -> &'static [Key] {
        &[]
    }

    fn references(&self) -> &'static [ReferenceKey] {
        REFERENCES
    }

    fn check(&self, _section: &Value, _context: &Context<'_>) -> Vec<Finding> {
        // The section's findings are the schema's.
        Vec::new()
    }

    fn desired(&self, section: &Value, context: &Context<'_>) -> Body {
        let field = section.pointer("/primaryIdentity/field").and_then(Value::as_str).unwrap_or_default();
        json!({
            "schema": section::reference_id(context.first()),
            "property": format!("/{}", field.replace('.', "/")),
            "namespace": section.pointer("/primaryIdentity/namespace"),
        })
    }

    fn written(&self, pointer: &str) -> Vec<Route> {
        match pointer {
            "/property" => vec![route::keys(["primaryIdentity", "field"])],
            "/namespace" => vec![route::keys(["primaryIdentity", "namespace"])],
            _ => vec![route::keys(["primaryIdentity"])],
        }
    }

    /// A schema has one primary identity: it goes by the schema.
    fn name(&self, body: &Body) -> Option<String> {
        body.get("schema").and_then(Value::as_str).map(str::to_owned)
    }

    fn needs_namespace(&self, body: &Body) -> bool {
        property(body).is_some_and(|property| below_tenant(property).is_some())
    }

    fn settle(&self, mut body: Body, namespace: Option<&str>) -> Body {
        let below = property(&body).and_then(below_tenant).map(str::to_owned);
        if let (Some(below), Some(namespace), Some(members)) = (below, namespace, body.as_object_mut()) {
            members.insert("property".into(), format!("/{namespace}{below}").into());
        }
        body
    }

    fn rule(&self, pointer: &str, _from: Option<&Value>, _to: Option<&Value>) -> Rule {
        if pointer == "/schema" { Rule::Replace } else { Rule::Patch }
    }

    fn unique_names(&self) -> bool {
        // "Schemas may contain only one primary identity."
        true
    }

    fn is_conditional(&self) -> bool {
        false
    }

    fn collection(&self) -> &'static str {
        COLLECTION
    }

    fn listing(&self) -> Listing {
        Listing::Descriptors
    }

    fn observed(&self, remote: &Value) -> Option<Observed> {
        let text = |key: &str| remote.get(key).and_then(Value::as_str);
        let mut body = Map::new();
        if text("@type") == Some(TYPE) && remote.get("xdm:isPrimary") == Some(&Value::Bool(true)) {
            for (ours, theirs) in [
                ("schema", "xdm:sourceSchema"),
                ("property", "xdm:sourceProperty"),
                ("namespace", "xdm:namespace"),
            ] {
                if let Some(value) = text(theirs) {
                    body.insert(ours.into(), value.into());
                }
            }
        }
        Some(Observed {
            id: usable_id(text("@id")?)?,
            etag: None,
            version: None,
            body: Value::Object(body),
            state: String::new(),
            operation: super::LastOperation::Settled,
            places: Value::Null,
            created_at: remote.get("created").and_then(Value::as_i64),
            created_by_client: text("createdClient").map(str::to_owned),
        })
    }

    fn read(&self, id: &str, _version: Option<u64>) -> Call {
        Call::get(format!("{COLLECTION}/{}", segment(id))).accept(FORM)
    }

    fn calls(&self, intent: &Intent) -> Vec<Call> {
        match intent {
            // A PUT rewrites the descriptor: all of it is sent.
            Intent::Update { id, after, .. } => {
                let path = format!("{COLLECTION}/{}", segment(id));
                vec![Call::new(Method::Put, path, Safety::Once).body(request(after))]
            }
            _ => registry::calls(COLLECTION, intent, request, |_, _, _, _| Vec::new()),
        }
    }

    fn outcome(&self, intent: &Intent, reply: &Reply) -> Outcome {
        registry::outcome(intent, reply, "@id")
    }
}

fn property(body: &Body) -> Option<&str> {
    body.get("property").and_then(Value::as_str)
}

/// What of a path is below the placeholder of the tenant's namespace.
fn below_tenant(property: &str) -> Option<&str> {
    property.strip_prefix('/')?.strip_prefix(TENANT).filter(|below| below.starts_with('/'))
}

/// The body of a POST or PUT.
fn request(body: &Body) -> Value {
    json!({
        "@type": TYPE,
        "xdm:sourceSchema": body.get("schema"),
        "xdm:sourceVersion": 1,
        "xdm:sourceProperty": body.get("property"),
        "xdm:namespace": body.get("namespace"),
        "xdm:property": "xdm:code",
        "xdm:isPrimary": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_primary_identity_is_one() {
        let body = json!({ "schema": "s", "property": "/_t/email", "namespace": "Email" });
        let mut remote = request(&body);
        remote["@id"] = "d1".into();
        assert_eq!(Identity.observed(&remote).unwrap().body, body);
        remote["xdm:isPrimary"] = false.into();
        assert_eq!(Identity.observed(&remote).unwrap().body, json!({}));
    }

    #[test]
    fn the_namespace_takes_its_place() {
        let body = json!({ "property": "/_tenant/home/mail" });
        assert!(Identity.needs_namespace(&body));
        assert_eq!(Identity.settle(body, Some("_acme"))["property"], "/_acme/home/mail");
        assert!(!Identity.needs_namespace(&json!({ "property": "/_tenants/mail" })));
    }
}
