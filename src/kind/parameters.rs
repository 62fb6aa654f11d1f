//! Parameters against the JSON Schemas that the platform's own specs give for them (draft-07, platform-api.md 2.7), so
//! that every source works and none is hard-coded. A schema that cannot be used says nothing against anybody.

use jsonschema::PatternOptions;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::{Map, Value};

use super::{Code, Finding, Leaf, closest, leaf, section};

/// A pattern that needs more steps than this on a text is not a pattern for parameters.
const MOST_BACKTRACKING: usize = 100_000;

/// Where secrets are resolved.
pub(super) const AUTH: &str = "/auth/params";

/// What to do about a reference to a secret in another place.
const ELSEWHERE: &str = "a reference is resolved in a base connection's `auth.params`, and where the platform's spec gives a \
                         parameter the format `password`: elsewhere the value would be kept and shown in clear";

/// Deeper schemas are not followed.
const DEEPEST: usize = 64;

/// What is wrong with `value`, which stands at `at` in a body, by `schema`; `whose` is what has these parameters, in words.
pub(super) fn findings(schema: &Value, value: &Value, at: &str, whose: &str) -> Vec<Finding> {
    // Nothing is as good as none.
    let nothing = Value::Object(Map::new());
    let value = if value.is_null() { &nothing } else { value };
    let mut findings = Vec::new();
    literal_secrets(schema, value, at, whose, 0, &mut findings);
    if at != AUTH {
        findings.extend(unresolved(Some(schema), value, at, whose));
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let is_closed =
            ["additionalProperties", "patternProperties"].iter().any(|key| schema.get(key).is_some());
        if !is_closed {
            findings.extend(unknown(properties, value, at, whose));
        }
    }
    if is_plain(schema, 0) {
        findings.extend(mismatches(schema, value, at, whose));
    }
    findings
}

/// Whether a schema can be applied: not too deep, and without references, which could go round in circles.
fn is_plain(schema: &Value, depth: usize) -> bool {
    match schema {
        _ if depth > DEEPEST => false,
        Value::Object(members) => {
            members.iter().all(|(name, value)| name != "$ref" && is_plain(value, depth + 1))
        }
        Value::Array(items) => items.iter().all(|item| is_plain(item, depth + 1)),
        _ => true,
    }
}

/// The value with something in place of every leaf; `leaves` gets their pointers.
fn stand_in(value: &Value, at: &mut String, leaves: &mut Vec<String>) -> Value {
    if let Some(leaf) = leaf(value) {
        leaves.push(at.clone());
        return match leaf {
            Leaf::Soon(_) => i64::from(u32::MAX).into(),
            Leaf::Version(_) => "0".into(),
            Leaf::Id(_) | Leaf::Secret { .. } => "unknown".into(),
        };
    }
    let mut below = |name: &str, value: &Value| {
        let length = at.len();
        at.push('/');
        at.push_str(&section::escape(name));
        let stood_in = stand_in(value, at, leaves);
        at.truncate(length);
        stood_in
    };
    match value {
        // A member that is null is as good as none.
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), below(name, value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| below(&index.to_string(), item))
            .collect::<Vec<_>>()
            .into(),
        other => other.clone(),
    }
}

/// Whether a schema says that its value is secret (`format: password`, platform-api.md 2.4.1).
fn is_secret(schema: &Value) -> bool {
    schema.get("format").and_then(Value::as_str).is_some_and(|format| format.eq_ignore_ascii_case("password"))
}

/// The schema of a member, as far as the schema above it says so plainly.
fn schema_of<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema.get("properties").and_then(|properties| properties.get(name))
}

/// Values in clear in places that the spec knows to be secret, at any depth.
fn literal_secrets(
    schema: &Value,
    value: &Value,
    at: &str,
    whose: &str,
    depth: usize,
    findings: &mut Vec<Finding>,
) {
    if depth > DEEPEST || leaf(value).is_some() || value.is_null() {
        return;
    }
    let name = at.rsplit('/').next().map(section::unescape).unwrap_or_default();
    match value {
        _ if depth > 0 && is_secret(schema) => {
            let message = format!("`{name}` is secret, as {whose} says, and must not stand in the manifest");
            findings.push(
                Finding::error(Code::SecretInManifest, at, message)
                    .hint(format!("write `{name}: {{ fromEnv: NAME }}` (or fromFile, fromCommand)")),
            );
        }
        Value::Object(members) => {
            for (name, value) in members {
                if let Some(schema) = schema_of(schema, name) {
                    let at = format!("{at}/{}", section::escape(name));
                    literal_secrets(schema, value, &at, whose, depth + 1, findings);
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (index, item) in items.iter().enumerate() {
                literal_secrets(schema, item, &format!("{at}/{index}"), whose, depth + 1, findings);
            }
        }
        _ => {}
    }
}

/// The pointers of what a schema knows to be secret in a value.
pub(super) fn secrets(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut findings = Vec::new();
    literal_secrets(schema, value, at, "", 0, &mut findings);
    findings.into_iter().map(|finding| finding.pointer).collect()
}

/// References to secrets where the spec does not say that there is one; without a schema, all of them. They would be
/// sent to a place that everybody can read.
pub(super) fn unresolved(schema: Option<&Value>, value: &Value, at: &str, whose: &str) -> Vec<Finding> {
    if let Some(Leaf::Secret { .. }) = leaf(value) {
        if schema.is_some_and(is_secret) {
            return Vec::new();
        }
        let name = at.rsplit('/').next().map(section::unescape).unwrap_or_default();
        let message = match schema {
            Some(_) => {
                format!("`{name}` is a reference to a secret, and {whose} does not say that it is one")
            }
            None => {
                format!("`{name}` is a reference to a secret, and nothing says that {whose} takes one there")
            }
        };
        return vec![Finding::error(Code::UnresolvedSecret, at, message).hint(ELSEWHERE)];
    }
    let members = value.as_object().into_iter().flatten();
    members
        .flat_map(|(name, value)| {
            let schema = schema.and_then(|schema| schema_of(schema, name));
            unresolved(schema, value, &format!("{at}/{}", section::escape(name)), whose)
        })
        .collect()
}

/// Parameters that a schema does not list: it takes them, and whoever wrote them probably meant others.
fn unknown(properties: &Map<String, Value>, value: &Value, at: &str, whose: &str) -> Vec<Finding> {
    let members = value.as_object().into_iter().flatten();
    members
        .filter(|(name, _)| !properties.contains_key(*name))
        .map(|(name, _)| {
            Finding::warning(
                Code::UnknownKey,
                format!("{at}/{}", section::escape(name)),
                format!("`{name}` is no parameter that {whose} knows"),
            )
            .hint(match closest(name, properties.keys().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if properties.is_empty() => "it knows none".to_owned(),
                None => format!("it knows {}", listed(properties.keys())),
            })
        })
        .collect()
}

fn mismatches(schema: &Value, value: &Value, at: &str, whose: &str) -> Vec<Finding> {
    let mut leaves = Vec::new();
    let value = stand_in(value, &mut String::new(), &mut leaves);
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .should_validate_formats(false)
        .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(MOST_BACKTRACKING))
        .offline()
        .build(schema);
    let Ok(validator) = validator else { return Vec::new() };
    let is_decided = is_decided_by(schema, &leaves);
    let mut findings: Vec<Finding> = Vec::new();
    for error in validator.iter_errors(&value) {
        let within = error.instance_path().as_str().to_owned();
        // Of what is not known yet nothing is said: neither of itself, nor of a choice that it may decide.
        let is_open = match error.kind() {
            ValidationErrorKind::AnyOf { .. }
            | ValidationErrorKind::OneOfNotValid { .. }
            | ValidationErrorKind::OneOfMultipleValid { .. }
            | ValidationErrorKind::Not { .. }
            | ValidationErrorKind::UniqueItems
            | ValidationErrorKind::Contains => leaves.iter().any(|leaf| is_at_or_below(leaf, &within)),
            _ => leaves.iter().any(|leaf| is_at_or_below(&within, leaf)),
        };
        let by = error.schema_path().as_str();
        let is_open = is_open
            || is_decided && ["/then/", "/else/", "/dependencies/"].iter().any(|part| by.contains(part));
        let Some((code, message)) =
            sentence(error.kind(), error.instance(), &within, whose).filter(|_| !is_open)
        else {
            continue;
        };
        let mut finding = Finding::error(code, format!("{at}{within}"), message);
        if let ValidationErrorKind::Required { property } = error.kind()
            && let Some(about) = about(schema, &within, property.as_str().unwrap_or_default())
        {
            finding = finding.hint(about);
        }
        // Two branches of a condition may say the same thing.
        if findings.iter().all(|f| (&f.pointer, &f.message) != (&finding.pointer, &finding.message)) {
            findings.push(finding);
        }
    }
    findings
}

/// Whether a condition of a schema asks for any of these, which are not known.
fn is_decided_by(schema: &Value, leaves: &[String]) -> bool {
    let names = |condition: &Value, leaf: &String| {
        let name = leaf.rsplit('/').next().map(section::unescape).unwrap_or_default();
        condition.to_string().contains(&Value::from(name).to_string())
    };
    match schema {
        Value::Object(members) => members.iter().any(|(key, value)| {
            let is_condition = matches!(key.as_str(), "if" | "dependencies");
            (is_condition && leaves.iter().any(|leaf| names(value, leaf))) || is_decided_by(value, leaves)
        }),
        Value::Array(items) => items.iter().any(|item| is_decided_by(item, leaves)),
        _ => false,
    }
}

/// Whether a pointer is another one, or leads below it.
fn is_at_or_below(pointer: &str, above: &str) -> bool {
    pointer.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A mistake as a sentence; `None` for what is no mistake of the value.
fn sentence(kind: &ValidationErrorKind, value: &Value, within: &str, whose: &str) -> Option<(Code, String)> {
    let name = within.rsplit('/').next().map(section::unescape).filter(|name| !name.is_empty());
    let it = name.map_or_else(|| "what is given".to_owned(), |name| format!("`{name}`"));
    let must = |what: String| Some((Code::InvalidValue, format!("{it} must be {what}, as {whose} says")));
    match kind {
        ValidationErrorKind::Required { property } => {
            let missing = property.as_str().unwrap_or_default();
            Some((Code::MissingKey, format!("`{missing}` is missing, which {whose} needs")))
        }
        // The platform takes numbers and booleans as strings too (platform-api.md 2.6).
        ValidationErrorKind::Type { .. } if value.as_str().is_some_and(is_quoted) => None,
        ValidationErrorKind::Type { kind } => {
            let types: Vec<String> = match kind {
                TypeKind::Single(one) => vec![one.to_string()],
                TypeKind::Multiple(several) => several.iter().map(|one| one.to_string()).collect(),
            };
            let message = format!(
                "{it} must be of type {}, as {whose} says, and is {}",
                types.join(" or "),
                type_of(value)
            );
            Some((Code::WrongType, message))
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().into_iter().flatten().map(plain);
            must(format!("one of {}", listed(options)))
        }
        ValidationErrorKind::Constant { expected_value } => must(plain(expected_value)),
        ValidationErrorKind::Minimum { limit } => must(format!("at least {limit}")),
        ValidationErrorKind::Maximum { limit } => must(format!("at most {limit}")),
        ValidationErrorKind::ExclusiveMinimum { limit } => must(format!("more than {limit}")),
        ValidationErrorKind::ExclusiveMaximum { limit } => must(format!("less than {limit}")),
        ValidationErrorKind::MinLength { limit } => must(format!("at least {limit} characters long")),
        ValidationErrorKind::MaxLength { limit } => must(format!("at most {limit} characters long")),
        ValidationErrorKind::MinItems { limit } => must(format!("a list of at least {limit}")),
        ValidationErrorKind::MaxItems { limit } => must(format!("a list of at most {limit}")),
        ValidationErrorKind::UniqueItems => must("a list without repetitions".to_owned()),
        ValidationErrorKind::Pattern { pattern } => must(format!("like the pattern {pattern}")),
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let message = format!(
                "{} is not taken by {whose}",
                listed(unexpected.iter().map(|name| format!("`{name}`")))
            );
            Some((Code::UnknownKey, message))
        }
        // Not refused by the pattern, but by the engine that tries it.
        ValidationErrorKind::BacktrackLimitExceeded { .. }
        | ValidationErrorKind::RegexEngineFailure { .. } => None,
        ValidationErrorKind::Not { schema } => {
            let absent = schema.get("required").and_then(Value::as_array);
            let absent =
                absent.into_iter().flatten().filter_map(Value::as_str).map(|name| format!("`{name}`"));
            let names = listed(absent);
            let message = if names.is_empty() {
                format!("{it} is what {whose} excludes")
            } else {
                format!("{names} must be left out beside the others, as {whose} says")
            };
            Some((Code::ExclusiveKeys, message))
        }
        _ => Some((Code::InvalidValue, format!("{it} is not what {whose} takes"))),
    }
}

/// Whether a text is a number or a boolean.
fn is_quoted(text: &str) -> bool {
    text.parse::<bool>().is_ok() || text.parse::<f64>().is_ok()
}

/// More of a description than this is not repeated, in characters.
const LONGEST: usize = 200;

/// What a schema says of the property that is missing at a place.
fn about(schema: &Value, within: &str, missing: &str) -> Option<String> {
    let mut at = schema;
    for name in within.split('/').skip(1) {
        at = at.get("properties")?.get(section::unescape(name))?;
    }
    let property = at.get("properties")?.get(missing)?;
    let text = |key: &str| property.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let text = text("description").or_else(|| text("title"))?;
    let mut short: String = text.chars().take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    Some(format!("{missing}: {short}"))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Words for a sentence; of many, the first.
fn listed(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    const MOST: usize = 20;
    let words: Vec<String> = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
    let more = words.len().saturating_sub(MOST);
    let shown = words.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::SecretSource;

    fn said(schema: &Value, value: &Value) -> Vec<String> {
        let findings = findings(schema, value, "/p", "it");
        // Whether a reference is resolved here is another test's.
        let findings = findings.into_iter().filter(|f| f.code != Code::UnresolvedSecret);
        findings.map(|f| format!("{} {}: {}", f.code.name(), f.pointer, f.message)).collect()
    }

    fn secret() -> Value {
        Leaf::Secret { source: Some(SecretSource::FromEnv("NAME".into())), fingerprint: None }.to_value()
    }

    #[test]
    fn a_value_in_clear_is_refused_where_the_schema_says_that_it_is_secret() {
        let schema =
            json!({ "properties": { "pin": { "type": "string", "format": "password", "maxLength": 4 } } });
        let clear = said(&schema, &json!({ "pin": "48392" }));
        assert_eq!(
            clear,
            [
                "secret-in-manifest /p/pin: `pin` is secret, as it says, and must not stand in the manifest",
                "invalid-value /p/pin: `pin` must be at most 4 characters long, as it says",
            ]
        );
        // What a reference will give is not known, so nothing is said of it.
        assert_eq!(said(&schema, &json!({ "pin": secret() })), [""; 0]);
    }

    #[test]
    fn nothing_is_said_of_what_is_not_known_yet() {
        let schema = json!({
            "required": ["key", "start"],
            "properties": { "key": { "pattern": "^k-" }, "start": { "type": "integer" } },
            "anyOf": [{ "properties": { "key": { "const": "a" } } }, { "properties": { "key": { "const": "b" } } }],
        });
        assert_eq!(said(&schema, &json!({ "key": secret(), "start": Leaf::Soon(5).to_value() })), [""; 0]);
        assert_eq!(
            said(&schema, &json!({ "key": "a", "start": 1 })),
            ["invalid-value /p/key: `key` must be like the pattern ^k-, as it says"]
        );
        assert_eq!(
            said(&schema, &json!({ "key": "k-", "start": 1 })),
            ["invalid-value /p: what is given is not what it takes"]
        );
    }

    #[test]
    fn conditions_are_applied_and_said_once() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": { "frequency": { "enum": ["once", "minute"] }, "interval": { "type": "integer" } },
            "if": { "properties": { "frequency": { "const": "once" } } },
            "then": { "allOf": [{ "not": { "required": ["interval"] } }] },
            "else": { "required": ["interval"], "properties": { "interval": { "minimum": 15 } } },
        });
        assert_eq!(said(&schema, &json!({ "frequency": "minute", "interval": 15 })), [""; 0]);
        assert_eq!(said(&schema, &json!({ "frequency": "once" })), [""; 0]);
        assert_eq!(
            said(&schema, &json!({ "frequency": "once", "interval": 1 })),
            ["exclusive-keys /p: `interval` must be left out beside the others, as it says"]
        );
        assert_eq!(
            said(&schema, &json!({ "frequency": "hour", "interval": 1 })),
            [
                "invalid-value /p/frequency: `frequency` must be one of once, minute, as it says",
                "invalid-value /p/interval: `interval` must be at least 15, as it says",
            ]
        );
    }

    #[test]
    fn a_schema_that_cannot_be_used_says_nothing() {
        let value = json!({ "a": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" });
        let mut deep = json!({ "type": "integer" });
        for _ in 0..200 {
            deep = json!({ "properties": { "a": deep } });
        }
        let schemas = [
            json!(null),
            json!(7),
            json!({ "$ref": "#" }),
            json!({ "properties": { "a": { "$ref": "#/properties/a" } } }),
            json!({ "properties": { "a": { "$ref": "http://127.0.0.1:1/x" } } }),
            json!({ "type": "no such type" }),
            json!({ "properties": { "a": { "pattern": "(" } } }),
            deep,
        ];
        for schema in schemas {
            assert_eq!(said(&schema, &value), [""; 0], "{schema}");
        }
        // A pattern that would take for ever on this text is given up.
        let endless = json!({ "properties": { "a": { "pattern": "^(?=(a+)+$)b" } } });
        assert!(said(&endless, &value).len() <= 1);
        // What is plain in a schema that is not used as a whole still counts.
        let partly = json!({ "properties": { "b": { "format": "password" }, "c": { "$ref": "#" } } });
        assert_eq!(said(&partly, &json!({ "b": "x" })).len(), 1);
    }

    #[test]
    fn parameters_that_nobody_knows_are_probably_others() {
        let schema = json!({ "properties": { "subdomain": {}, "accessToken": {} } });
        let found = findings(&schema, &json!({ "subdomian": "x" }), "/p", "it");
        assert_eq!(found[0].hint.as_deref(), Some("did you mean `subdomain`?"));
        let closed = json!({ "properties": { "a": {} }, "additionalProperties": false });
        assert_eq!(said(&closed, &json!({ "b": 1 })), ["unknown-key /p: `b` is not taken by it"]);
        assert_eq!(said(&json!({ "properties": {} }), &json!({ "b": 1 })).len(), 1);
        assert_eq!(said(&json!({}), &json!({ "b": 1 })), [""; 0]);
    }

    #[test]
    fn a_condition_that_a_secret_decides_decides_nothing() {
        let schema = json!({
            "properties": { "key": {}, "start": {} },
            "if": { "properties": { "key": { "const": "a" } } },
            "then": {},
            "else": { "required": ["more"] },
        });
        assert_eq!(said(&schema, &json!({ "key": secret() })), [""; 0]);
        assert_eq!(said(&schema, &json!({ "key": "b", "start": Leaf::Soon(1).to_value() })).len(), 1);
        let unique = json!({ "properties": { "a": { "uniqueItems": true } } });
        assert_eq!(said(&unique, &json!({ "a": [secret(), secret()] })), [""; 0]);
        assert_eq!(said(&unique, &json!({ "a": [1, 1] })).len(), 1);
        assert_eq!(
            said(&json!({ "properties": { "a": { "type": "string" } } }), &json!({ "a": null })),
            [""; 0]
        );
    }

    #[test]
    fn a_secret_is_resolved_where_the_schema_says_that_there_is_one() {
        let schema = json!({ "properties": {
            "pin": { "format": "password" },
            "plain": { "type": "string" },
            "deep": { "properties": { "pin": { "format": "password" } } },
            "list": { "items": { "properties": { "pin": { "format": "password" } } } },
        } });
        let said = |value: &Value| -> Vec<String> {
            let found = findings(&schema, value, "/params", "it");
            found.into_iter().map(|f| format!("{} {}", f.code.name(), f.pointer)).collect()
        };
        assert_eq!(said(&json!({ "pin": secret(), "deep": { "pin": secret() } })), [""; 0]);
        assert_eq!(said(&json!({ "plain": secret() })), ["unresolved-secret /params/plain"]);
        assert_eq!(said(&json!({ "deep": { "other": secret() } })), ["unresolved-secret /params/deep/other"]);
        assert_eq!(
            said(&json!({ "deep": { "pin": "48392" }, "list": [{ "pin": 48392 }] })),
            ["secret-in-manifest /params/deep/pin", "secret-in-manifest /params/list/0/pin"]
        );
        // In an authentication every parameter may be one.
        assert_eq!(findings(&schema, &json!({ "plain": secret() }), AUTH, "it").len(), 0);
        assert_eq!(unresolved(None, &json!({ "a": { "b": secret() } }), "/options", "it").len(), 1);
    }

    #[test]
    fn a_number_may_be_written_as_a_string() {
        let schema = json!({ "properties": { "a": { "type": "boolean" }, "b": { "type": "integer" } } });
        assert_eq!(said(&schema, &json!({ "a": "true", "b": "15" })), [""; 0]);
        assert_eq!(said(&schema, &json!({ "a": "yes", "b": true })).len(), 2);
    }
}
