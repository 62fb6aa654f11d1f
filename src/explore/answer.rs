//! What the platform answers to a question, as fields or as a list. No document describes all of it, so that whatever is not
//! understood is left out and nothing is taken on trust: depth, number and length have limits.

use std::collections::BTreeSet;

use serde_json::Value;

use super::sample::Seen;

/// More fields than these are only counted.
const MOST_FIELDS: usize = 2_000;

/// More things in a list than these are only counted.
const MOST_OBJECTS: usize = 1_000;

/// Fields further in are not looked at: a schema of a manifest has a limit as well.
const DEEPEST: usize = 12;

/// Rows that are looked at.
const MOST_ROWS: usize = 100;

/// Longest word for a type.
const LONGEST_TYPE: usize = 60;

/// What was found.
#[derive(Clone, Debug)]
pub enum Found {
    /// Fields of records, rows or lines.
    Fields(Fields),
    /// Tables, files and folders.
    Objects {
        /// Them.
        objects: Vec<Object>,
        /// How many more there are.
        more: usize,
    },
}

/// Fields.
#[derive(Clone, Debug)]
pub struct Fields {
    /// The outermost.
    pub fields: Vec<Field>,
    /// How many rows came with them.
    pub rows: usize,
    /// How many more fields there are.
    pub more: usize,
}

/// A table, file or folder.
#[derive(Clone, Debug)]
pub struct Object {
    /// The platform's word for what it is.
    pub of: String,
    /// What a question names it by.
    pub path: String,
}

impl Object {
    /// Whether it holds others.
    pub fn is_folder(&self) -> bool {
        self.of.eq_ignore_ascii_case("folder")
    }
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type in the source's words.
    pub says: String,
    /// What these words mean.
    pub of: Type,
    /// The fields of an object.
    pub fields: Vec<Field>,
    /// What an array holds.
    pub items: Option<Box<Field>>,
    /// The first value of it in the rows.
    pub sample: Option<Value>,
    /// The shapes of its values in the rows.
    pub seen: BTreeSet<Seen>,
}

/// What a type means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A date.
    Date,
    /// A moment.
    Moment,
    /// Bytes: a picture and the like.
    Binary,
    /// Named members.
    Object,
    /// A list.
    Array,
    /// Nothing that is understood.
    Unknown,
}

/// One line of a table of fields.
#[derive(Clone, Debug)]
pub struct Row<'f> {
    /// Its names from the outside in: `result.tags`, `orders[*].id`.
    pub path: String,
    /// The field.
    pub field: &'f Field,
}

impl Fields {
    /// The fields that hold no others, in the source's order.
    pub fn rows(&self) -> Vec<Row<'_>> {
        fn walk<'f>(prefix: &str, field: &'f Field, rows: &mut Vec<Row<'f>>) {
            let mut path = format!("{prefix}{}", field.name);
            let mut inner = field;
            while let Some(items) = inner.items.as_deref() {
                inner = items;
                path.push_str("[*]");
            }
            if inner.fields.is_empty() {
                rows.push(Row { path: format!("{prefix}{}", field.name), field });
            }
            for field in &inner.fields {
                walk(&format!("{path}."), field, rows);
            }
        }
        let mut rows = Vec::new();
        for field in &self.fields {
            walk("", field, &mut rows);
        }
        rows
    }
}

/// Reads an answer; what is wrong with it, in words, where it is none.
pub fn decode(body: &Value) -> Result<Found, &'static str> {
    if let Value::Array(items) = body {
        return list(items);
    }
    let schema = body.get("schema").ok_or("neither a list nor a schema")?;
    let rows: Vec<&Value> = match body.get("data") {
        Some(Value::Array(rows)) => rows.iter().filter(|row| row.is_object()).take(MOST_ROWS).collect(),
        Some(row @ Value::Object(_)) => vec![row],
        _ => Vec::new(),
    };
    let mut reader = Reader { room: MOST_FIELDS, more: 0 };
    let fields = match (schema.get("properties"), schema.get("columns")) {
        (Some(Value::Object(_)), _) => reader.properties(schema, &rows, 0),
        (_, Some(Value::Array(columns))) => reader.columns(columns, &rows),
        _ => return Err("a schema with neither properties nor columns"),
    };
    Ok(Found::Fields(Fields { fields, rows: rows.len(), more: reader.more }))
}

/// A list of what there is; or, as the older guide on files shows it, of columns.
fn list(items: &[Value]) -> Result<Found, &'static str> {
    let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
    if !items.is_empty()
        && items.iter().all(|item| item.get("path").is_none() && text(item, "name").is_some())
    {
        let mut reader = Reader { room: MOST_FIELDS, more: 0 };
        let fields = reader.columns(items, &[]);
        return Ok(Found::Fields(Fields { fields, rows: 0, more: reader.more }));
    }
    let objects: Vec<Object> = items
        .iter()
        .filter_map(|item| {
            let path = text(item, "path").or_else(|| text(item, "name")).filter(|path| !path.is_empty())?;
            Some(Object { of: cut(text(item, "type").unwrap_or_default()), path })
        })
        .take(MOST_OBJECTS)
        .collect();
    if objects.is_empty() && !items.is_empty() {
        return Err("a list of things without a path");
    }
    Ok(Found::Objects { objects, more: items.len().saturating_sub(MOST_OBJECTS) })
}

struct Reader {
    room: usize,
    more: usize,
}

impl Reader {
    /// Whether there is room for one more.
    fn takes(&mut self) -> bool {
        let takes = self.room > 0;
        if takes {
            self.room -= 1;
        } else {
            self.more += 1;
        }
        takes
    }

    fn properties(&mut self, holder: &Value, values: &[&Value], depth: usize) -> Vec<Field> {
        let properties = holder.get("properties").and_then(Value::as_object);
        let mut fields = Vec::new();
        for (name, property) in properties.into_iter().flatten() {
            if self.takes() {
                let values: Vec<&Value> = values.iter().filter_map(|value| value.get(name)).collect();
                fields.push(self.property(name, property, &values, depth));
            }
        }
        fields
    }

    fn property(&mut self, name: &str, property: &Value, values: &[&Value], depth: usize) -> Field {
        let mut of = meaning(property);
        let mut fields = Vec::new();
        let mut items = None;
        if depth < DEEPEST {
            match of {
                Type::Object => fields = self.properties(property, values, depth + 1),
                Type::Array => {
                    if let Some(holds) = property.get("items") {
                        let all: Vec<&Value> = values
                            .iter()
                            .filter_map(|value| value.as_array())
                            .flatten()
                            .take(MOST_ROWS)
                            .collect();
                        items = Some(Box::new(self.property("", holds, &all, depth + 1)));
                    }
                }
                _ => {}
            }
        } else if matches!(of, Type::Object | Type::Array) {
            of = Type::Unknown;
        }
        let says = match &items {
            Some(items) => cut(format!("array of {}", items.says)),
            None => cut(words(property)),
        };
        Field { fields, items, ..leaf(name, says, of, values) }
    }

    fn columns(&mut self, columns: &[Value], rows: &[&Value]) -> Vec<Field> {
        let mut fields = Vec::new();
        for column in columns {
            let Some(name) = column.get("name").and_then(Value::as_str) else { continue };
            if !self.takes() {
                continue;
            }
            let values: Vec<&Value> = rows.iter().filter_map(|row| row.get(name)).collect();
            let xdm = column.get("xdm").map(meaning).filter(|of| *of != Type::Unknown);
            let of = match (meaning(column), xdm) {
                // What a column is on the platform says more than its type in the database.
                (Type::Unknown | Type::Text, Some(xdm)) => xdm,
                (own, _) => own,
            };
            let mut says = words(column);
            if let Some(format) = column.pointer("/xdm/format").and_then(Value::as_str)
                && !says.contains(format)
            {
                says = format!("{says} ({format})");
            }
            fields.push(leaf(name, cut(says), of, &values));
        }
        fields
    }
}

fn leaf(name: &str, says: String, of: Type, values: &[&Value]) -> Field {
    let mut told = values.iter().filter(|value| Seen::of(value).is_some());
    Field {
        name: name.to_owned(),
        says,
        of,
        fields: Vec::new(),
        items: None,
        sample: told.next().map(|value| (*value).clone()),
        seen: values.iter().filter_map(|value| Seen::of(value)).collect(),
    }
}

fn text<'v>(of: &'v Value, name: &str) -> Option<&'v str> {
    of.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The types that a property names: one, or several of which `null` is none.
fn named(property: &Value) -> Vec<&str> {
    match property.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => {
            several.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect()
        }
        _ => Vec::new(),
    }
}

fn is_binary(property: &Value) -> bool {
    property.get("media").is_some()
        || property.get("contentEncoding").is_some()
        || matches!(text(property, "format"), Some("byte" | "binary"))
}

/// A property's type in the source's words.
fn words(property: &Value) -> String {
    let mut words = named(property).join(" or ");
    if words.is_empty() {
        words.push_str("unknown");
    }
    if is_binary(property) {
        words.push_str(" (binary)");
    } else if let Some(format) = text(property, "format") {
        words.push_str(" (");
        words.push_str(format);
        words.push(')');
    }
    words
}

/// What a property's type means: by what the platform calls it, its format, then its own type.
fn meaning(property: &Value) -> Type {
    if is_binary(property) {
        return Type::Binary;
    }
    for word in [text(property, "meta:xdmType"), text(property, "format")].into_iter().flatten() {
        let of = of_word(word);
        if matches!(of, Type::Date | Type::Moment | Type::Integer | Type::Number) {
            return of;
        }
    }
    match named(property).as_slice() {
        [] if property.get("properties").is_some() => Type::Object,
        [] if property.get("items").is_some() => Type::Array,
        [one] => of_word(one),
        ["integer", "number"] | ["number", "integer"] => Type::Number,
        _ => Type::Unknown,
    }
}

/// A type's name, in JSON Schema, XDM or a database.
fn of_word(word: &str) -> Type {
    let word = word.to_lowercase();
    // `varchar(20)` and its like.
    match word.split(['(', ' ']).next().unwrap_or_default() {
        "string" | "text" | "char" | "varchar" | "nvarchar" | "nchar" | "uuid" | "guid" | "enum" => {
            Type::Text
        }
        "integer" | "int" | "long" | "short" | "bigint" | "smallint" | "tinyint" | "mediumint" | "int16"
        | "int32" | "int64" => Type::Integer,
        "number" | "double" | "float" | "decimal" | "numeric" | "real" | "single" | "money" => Type::Number,
        "boolean" | "bool" => Type::Boolean,
        "date" => Type::Date,
        "date-time" | "datetime" | "datetime2" | "datetimeoffset" | "timestamp" | "timestamp_ntz" => {
            Type::Moment
        }
        "binary" | "varbinary" | "blob" | "bytes" | "image" => Type::Binary,
        "object" | "map" | "struct" => Type::Object,
        "array" => Type::Array,
        _ => Type::Unknown,
    }
}

fn cut(text: String) -> String {
    if text.chars().count() <= LONGEST_TYPE {
        return text;
    }
    text.chars().take(LONGEST_TYPE - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(body: &Value) -> Fields {
        match decode(body) {
            Ok(Found::Fields(fields)) => fields,
            other => panic!("{other:?}"),
        }
    }

    /// Path, words and meaning of every row.
    fn rows(body: &Value) -> Vec<(String, String, Type)> {
        let fields = fields(body);
        fields.rows().iter().map(|row| (row.path.clone(), row.field.says.clone(), row.field.of)).collect()
    }

    #[test]
    fn nested_answers_are_rows() {
        let body = json!({
            "format": "hierarchical",
            "schema": { "type": "object", "properties": { "result": { "type": "object", "properties": {
                "id": { "type": ["integer", "null"] },
                "photo": { "type": "string", "media": { "binaryEncoding": "base64" } },
                "tags": { "type": "array", "items": { "type": "string" } },
                "orders": { "type": "array", "items": { "properties": { "at": { "format": "date-time" } } } },
                "odd": { "type": ["string", "integer"] },
                "none": {},
            } } } },
            "data": [null, 7, { "result": { "orders": [{ "at": "2022-05-13T08:04:22Z" }] } }, { "result": { "id": 1 } }],
        });
        let own = |path: &str, says: &str, of| (path.to_owned(), says.to_owned(), of);
        assert_eq!(
            rows(&body),
            [
                own("result.id", "integer", Type::Integer),
                own("result.photo", "string (binary)", Type::Binary),
                own("result.tags", "array of string", Type::Array),
                own("result.orders[*].at", "unknown (date-time)", Type::Moment),
                own("result.odd", "string or integer", Type::Unknown),
                own("result.none", "unknown", Type::Unknown),
            ]
        );
        let fields = fields(&body);
        assert_eq!(fields.rows, 2);
        assert_eq!(fields.rows()[0].field.sample, Some(json!(1)));
        assert_eq!(fields.rows()[3].field.seen, BTreeSet::from([Seen::Moment]));
    }

    #[test]
    fn flat_answers_and_lists_are_read_as_the_guides_show_them() {
        let time =
            json!({ "name": "at", "type": "string", "xdm": { "type": "string", "format": "date-time" } });
        let body = json!({ "format": "flat", "schema": { "columns": [time, { "name": "n", "type": "DECIMAL(10,2)" }, 7] },
            "data": [{ "at": "", "n": 1.5 }] });
        assert_eq!(
            rows(&body),
            [
                ("at".to_owned(), "string (date-time)".to_owned(), Type::Moment),
                ("n".to_owned(), "DECIMAL(10,2)".to_owned(), Type::Number),
            ]
        );
        assert_eq!(rows(&json!([{ "name": "Id", "type": "String" }]))[0].2, Type::Text);
        match decode(&json!([{ "type": "Folder", "name": "f", "path": "/f" }, { "type": "table" }])) {
            Ok(Found::Objects { objects, more: 0 }) => {
                assert!(objects.len() == 1 && objects[0].is_folder() && objects[0].path == "/f");
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(decode(&json!([])), Ok(Found::Objects { objects, .. }) if objects.is_empty()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_what_is_too_much_is_counted() {
        for wrong in [json!(null), json!({}), json!("x"), json!([7]), json!({ "schema": { "columns": 7 } })] {
            assert!(decode(&wrong).is_err(), "{wrong}");
        }
        let columns: Vec<Value> =
            (0..MOST_FIELDS + 5).map(|n| json!({ "name": format!("c{n}"), "type": "string" })).collect();
        let many = fields(&json!({ "schema": { "columns": columns } }));
        assert_eq!((many.fields.len(), many.more), (MOST_FIELDS, 5));
        let mut deep = json!({ "type": "string" });
        for _ in 0..60 {
            deep = json!({ "type": "object", "properties": { "a": deep } });
        }
        let deep = rows(&json!({ "schema": deep }));
        assert_eq!((deep.len(), deep[0].2), (1, Type::Unknown));
        assert!(deep[0].0.len() < 60);
    }
}
