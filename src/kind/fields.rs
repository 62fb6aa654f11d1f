//! A schema's own fields: what a manifest may say of them, as XDM properties, and back (platform-api.md 5.3; Adobe's
//! "Define XDM fields in the Schema Registry API").

use serde_json::{Map, Value, json};

use super::{Code, Finding, Key, Shape, section};

/// What stands for the tenant's namespace in a manifest. No other tenant's namespace can be meant by it.
pub(crate) const TENANT: &str = "_tenant";

/// The types of a field.
pub(crate) const TYPES: &[&str] =
    &["string", "integer", "number", "boolean", "date", "date-time", "object", "array"];

/// Objects of XDM's own whose names begin as a tenant's namespace does.
const STANDARD: [&str; 3] = ["_repo", "_experience", "_id"];

/// Whether the first part of a path is a tenant's namespace, this one's or another's.
pub(super) fn is_namespace(first: &str) -> bool {
    first.starts_with('_') && !STANDARD.contains(&first)
}

/// What may be said of a field besides its type alone.
pub(crate) const FIELD: &[Key] = &[
    Key::required("type", Shape::Choice(TYPES), "The field's type."),
    Key::optional("title", Shape::Text, "What the platform's pages call it; its name when left out."),
    Key::optional("description", Shape::Text, "What it holds."),
    Key::optional("required", Shape::Bool, "Whether every record has it."),
    Key::optional("fields", Shape::Fields, "The fields of an object."),
    Key::optional("items", Shape::Field, "What an array holds."),
];

/// Deeper nesting is a mistake.
const DEEPEST: usize = 16;

/// Whole numbers that JSON holds exactly; XDM's long (platform-api.md 5.3).
const LARGEST: i64 = 9_007_199_254_740_991;

/// What is wrong with fields; `at` is where they stand in their section.
pub(super) fn findings(at: &str, fields: &Value, depth: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(fields) = fields.as_object() else { return findings };
    if fields.is_empty() {
        findings.push(Finding::error(Code::BadField, at, "there is no field").hint("as in `email: string`"));
    }
    if depth > DEEPEST {
        findings.push(Finding::error(Code::BadField, at, format!("fields are nested deeper than {DEEPEST}")));
        return findings;
    }
    let mut seen: Vec<String> = Vec::new();
    for (name, field) in fields {
        let pointer = format!("{at}/{}", section::escape(name));
        if !is_name(name) {
            findings.push(
                Finding::error(Code::BadField, &pointer, format!("`{name}` is no name of a field"))
                    .hint("a name has letters, digits, `-` and `_`, and does not begin with `_`"),
            );
        }
        let lower = name.to_lowercase();
        if seen.contains(&lower) {
            findings.push(Finding::error(
                Code::BadField,
                &pointer,
                format!("two fields are named `{name}`, but for case"),
            ));
        }
        seen.push(lower);
        findings.extend(field_findings(&pointer, field, depth));
    }
    findings
}

fn field_findings(pointer: &str, field: &Value, depth: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    let of = field.get("type").and_then(Value::as_str).unwrap_or_default();
    for (member, holder) in [("fields", "object"), ("items", "array")] {
        match field.get(member) {
            Some(_) if of != holder => findings.push(Finding::error(
                Code::BadField,
                format!("{pointer}/{member}"),
                format!("only a field of type `{holder}` has `{member}`"),
            )),
            None if of == holder => findings.push(
                Finding::error(
                    Code::BadField,
                    pointer,
                    format!("a field of type `{holder}` needs `{member}`"),
                )
                .hint(if member == "items" {
                    "as in `items: string`"
                } else {
                    "as in `fields: { city: string }`"
                }),
            ),
            _ => {}
        }
    }
    if let Some(fields) = field.get("fields") {
        findings.extend(self::findings(&format!("{pointer}/fields"), fields, depth + 1));
    }
    if let Some(items) = field.get("items") {
        if depth > DEEPEST {
            findings.push(Finding::error(
                Code::BadField,
                pointer,
                format!("fields are nested deeper than {DEEPEST}"),
            ));
        } else {
            findings.extend(field_findings(&format!("{pointer}/items"), items, depth + 1));
        }
    }
    findings
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Fields as a body has them: what says nothing left out.
pub(super) fn canonical(fields: &Value) -> Value {
    fn one(field: &Value) -> Value {
        let mut members = field.as_object().cloned().unwrap_or_default();
        if members.get("required") == Some(&Value::Bool(false)) {
            members.shift_remove("required");
        }
        if let Some(fields) = members.get("fields").map(canonical) {
            members.insert("fields".into(), fields);
        }
        if let Some(items) = members.get("items").map(one) {
            members.insert("items".into(), items);
        }
        Value::Object(members)
    }
    let fields = fields.as_object().into_iter().flatten();
    Value::Object(fields.map(|(name, field)| (name.clone(), one(field))).collect())
}

/// Fields as `properties`, and the `required` beside them.
pub(super) fn properties(fields: &Value) -> (Value, Vec<&str>) {
    let fields = fields.as_object().into_iter().flatten();
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, field) in fields {
        properties.insert(name.clone(), property(Some(name), field));
        if field.get("required") == Some(&Value::Bool(true)) {
            required.push(name.as_str());
        }
    }
    (Value::Object(properties), required)
}

/// One field as a property.
pub(super) fn property(name: Option<&str>, field: &Value) -> Value {
    let mut property = Map::new();
    if let Some(title) = field.get("title").and_then(Value::as_str).or(name) {
        property.insert("title".into(), title.into());
    }
    if let Some(description) = field.get("description") {
        property.insert("description".into(), description.clone());
    }
    let of = field.get("type").and_then(Value::as_str).unwrap_or_default();
    match of {
        "date" | "date-time" => {
            property.insert("type".into(), "string".into());
            property.insert("format".into(), of.into());
        }
        // Without a range a whole number is XDM's int, of 32 bits.
        "integer" => {
            property.insert("type".into(), of.into());
            property.insert("minimum".into(), (-LARGEST).into());
            property.insert("maximum".into(), LARGEST.into());
        }
        "object" => {
            property.insert("type".into(), of.into());
            let (properties, required) = properties(field.get("fields").unwrap_or(&Value::Null));
            property.insert("properties".into(), properties);
            if !required.is_empty() {
                property.insert("required".into(), required.into());
            }
        }
        "array" => {
            property.insert("type".into(), of.into());
            let items = self::property(None, field.get("items").unwrap_or(&Value::Null));
            property.insert("items".into(), items);
        }
        _ => {
            property.insert("type".into(), of.into());
        }
    }
    Value::Object(property)
}

/// Properties as fields. What a manifest cannot say of them is left out.
pub(super) fn from_properties(holder: &Value) -> Map<String, Value> {
    let properties = holder.get("properties").and_then(Value::as_object);
    let required = holder.get("required").and_then(Value::as_array);
    let mut fields = Map::new();
    for (name, property) in properties.into_iter().flatten() {
        let mut field = from_property(property);
        if required.is_some_and(|names| names.iter().any(|one| one == name)) {
            field.insert("required".into(), true.into());
        }
        fields.insert(name.clone(), Value::Object(field));
    }
    fields
}

fn from_property(property: &Value) -> Map<String, Value> {
    let text = |member: &str| property.get(member).and_then(Value::as_str).filter(|t| !t.is_empty());
    let mut field = Map::new();
    let of = match (text("type"), text("format")) {
        (Some("string"), Some(format @ ("date" | "date-time"))) => format,
        (Some(of), _) => of,
        // A reference to a data type.
        (None, _) => "other",
    };
    field.insert("type".into(), of.into());
    for member in ["title", "description"] {
        if let Some(text) = text(member) {
            field.insert(member.into(), text.into());
        }
    }
    if of == "object" {
        field.insert("fields".into(), Value::Object(from_properties(property)));
    }
    if let Some(items) = property.get("items").filter(|_| of == "array") {
        field.insert("items".into(), Value::Object(from_property(items)));
    }
    field
}

/// Why a change of fields is none that the platform allows once data may have come (platform-api.md 5.5).
pub(super) fn forbids(pointer: &str, observed: &Value, desired: &Value) -> Option<String> {
    let (field, attribute) = pointer.rsplit_once('/')?;
    let of = |body: &Value, field: &str| {
        body.pointer(&format!("{field}/type")).and_then(Value::as_str).map(str::to_owned)
    };
    let was = of(observed, field)?;
    let name = spoken(field);
    match (attribute, of(desired, field)) {
        ("type", Some(now)) => Some(format!("the field {name} is of type {was} and cannot become {now}")),
        ("type", None) => {
            // Of an object that goes, its own line says it all.
            let holder = field.rsplit_once("/fields/").map(|(holder, _)| holder);
            let holder = holder.or_else(|| field.strip_suffix("/items")).filter(|h| !h.is_empty());
            let alone = holder.is_none_or(|holder| of(desired, holder).is_some());
            alone.then(|| format!("the field {name} cannot be taken away or renamed"))
        }
        ("required", Some(_)) if desired.pointer(pointer) == Some(&Value::Bool(true)) => {
            Some(format!("the field {name} is there and cannot become required"))
        }
        _ => None,
    }
}

/// `/fields/a/fields/b/items` as a person says it.
fn spoken(pointer: &str) -> String {
    let mut name = String::new();
    let mut tokens = pointer.split('/').skip(1);
    while let Some(token) = tokens.next() {
        match token {
            "fields" => {
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(&section::unescape(tokens.next().unwrap_or_default()));
            }
            _ => name.push_str("[]"),
        }
    }
    format!("`{name}`")
}

/// The JSON Patch operations for changed paths below `/fields`; `base` tells where the properties of a top-level field are.
pub(super) fn operations(
    before: &Value,
    after: &Value,
    paths: &[String],
    base: &dyn Fn(&str) -> String,
) -> Vec<Value> {
    let mut operations: Vec<Value> = Vec::new();
    for path in paths.iter().filter(|path| path.starts_with("/fields/")) {
        let Some(operation) = operation(before, after, path, base) else { continue };
        if !operations.contains(&operation) {
            operations.push(operation);
        }
    }
    operations
}

fn operation(before: &Value, after: &Value, path: &str, base: &dyn Fn(&str) -> String) -> Option<Value> {
    // Down the path: our pointer and the platform's, side by side, until a field that is new.
    let tokens: Vec<&str> = path.split('/').skip(1).collect();
    let (mut ours, mut theirs, mut holder) = (String::new(), String::new(), String::new());
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        match *token {
            "fields" => {
                let name = tokens.get(index + 1)?;
                holder = if ours.is_empty() { base(name) } else { theirs.clone() };
                theirs = format!("{holder}/properties/{name}");
                ours = format!("{ours}/fields/{name}");
                index += 2;
                // That a new field is required stands beside it, in what it is in.
                let is_beside = tokens.len() == index + 1 && tokens.last() == Some(&"required");
                if before.pointer(&ours).is_none() && !is_beside {
                    let property = property(Some(&section::unescape(name)), after.pointer(&ours)?);
                    return Some(json!({ "op": "add", "path": theirs, "value": property }));
                }
            }
            "items" if index + 1 < tokens.len() => {
                theirs.push_str("/items");
                ours.push_str("/items");
                index += 1;
            }
            attribute @ ("title" | "description") => {
                let pointer = format!("{ours}/{attribute}");
                let theirs = format!("{theirs}/{attribute}");
                return Some(match (before.pointer(&pointer), after.pointer(&pointer)) {
                    (_, Some(value)) => json!({ "op": "add", "path": theirs, "value": value }),
                    (Some(was), None) => json!({ "op": "remove", "path": theirs, "value": was }),
                    (None, None) => return None,
                });
            }
            "required" => {
                let siblings = ours.rsplit_once('/').and_then(|(siblings, _)| after.pointer(siblings))?;
                let (_, required) = properties(siblings);
                return Some(json!({ "op": "add", "path": format!("{holder}/required"), "value": required }));
            }
            _ => return None,
        }
    }
    None
}

/// The type of the field at a path below the namespace; `None` where there is none.
pub(super) fn type_of<'f>(fields: &'f Value, path: &str) -> Option<&'f str> {
    let mut names = path.split('.');
    let mut field = fields.get(names.next()?)?;
    for name in names {
        field = field.get("fields")?.get(name)?;
    }
    field.get("type")?.as_str()
}

/// The paths of all fields, as mappings write them below the namespace.
pub(super) fn paths(fields: &Value) -> Vec<String> {
    fn walk(prefix: &str, field: &Value, all: &mut Vec<String>) {
        all.push(prefix.to_owned());
        let mut inner = field;
        while let Some(items) = inner.get("items") {
            inner = items;
        }
        for (name, field) in inner.get("fields").and_then(Value::as_object).into_iter().flatten() {
            walk(&format!("{prefix}.{name}"), field, all);
        }
    }
    let mut all = Vec::new();
    for (name, field) in fields.as_object().into_iter().flatten() {
        walk(name, field, &mut all);
    }
    all
}

/// What of a destination is below the placeholder of the tenant's namespace: empty, or beginning with a dot.
pub(super) fn below_tenant(destination: &str) -> Option<&str> {
    destination.strip_prefix(TENANT).filter(|below| below.is_empty() || below.starts_with('.'))
}

/// The fields of the schema that the manifest describes.
pub(super) struct Own {
    paths: Vec<String>,
    /// Whether field groups that the manifest does not describe add to them.
    open: bool,
}

impl Own {
    pub(super) fn of(section: &Value) -> Self {
        let paths = paths(section.get("fields").unwrap_or(&Value::Null));
        Self { paths, open: section.get("fieldGroups").is_some() }
    }

    /// What is wrong with a destination. Fields of classes and standard field groups are not known here, nor is the
    /// tenant's namespace, so that only what is surely a mistake is one.
    pub(super) fn finding(&self, pointer: &str, destination: &str) -> Option<Finding> {
        let path = without_indexes(destination);
        let (first, below) = path.split_once('.').unwrap_or((&path, ""));
        if self.paths.contains(&path) {
            return Some(
                Finding::error(
                    Code::UnknownField,
                    pointer,
                    format!("`{destination}` is a field of the tenant's namespace"),
                )
                .hint(format!("write `{TENANT}.{destination}`")),
            );
        }
        if !is_namespace(first) || self.open || self.paths.iter().any(|own| own == below) {
            return None;
        }
        let finding = Finding::error(
            Code::UnknownField,
            pointer,
            format!("the schema has no field for `{destination}`"),
        );
        let near = self.paths.iter().map(|own| (strsim::osa_distance(own, below), own)).min();
        Some(match near {
            Some((distance, own)) if distance <= 1 + below.len() / 4 => {
                finding.hint(format!("did you mean `{TENANT}.{own}`?"))
            }
            _ => finding.hint("add it to the `fields` of the section `schema`"),
        })
    }
}

/// A path without `[0]` and `[*]`.
fn without_indexes(path: &str) -> String {
    let mut bare = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            _ if !inside => bare.push(c),
            _ => {}
        }
    }
    bare
}
