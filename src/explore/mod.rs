//! What a source holds: which question finds it out (platform-api.md 2.7; Adobe's "Explore data tables" and "Explore your
//! cloud storage folders"), and what the answer says. Pure: sends nothing.
//!
//! Answers hold records of customers. Here a value is kept only as long as it may be asked for; what is told of it in its
//! place is `sample`'s. `answer` decodes whatever the platform says, within limits.

mod answer;
mod sample;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::wire::{Call, segment};

pub use answer::{Field, Fields, Found, Object, Row, Type, decode};
pub use sample::{Seen, describe};

/// How a source is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A database: tables of rows.
    Tables,
    /// A storage: folders of files.
    Files,
    /// One stream of records, as of every source that is made with Adobe's SDK.
    Records,
}

impl Sort {
    /// By the connection's spec; where that says nothing, by the parameters that the source connection has.
    pub fn of(spec: &Value, params: &Map<String, Value>) -> Self {
        let properties = spec.pointer("/sourceSpec/spec/properties");
        let has = |name: &str| properties.is_some_and(|p| p.get(name).is_some()) || params.contains_key(name);
        // Specs write a category's name or its key, here or there ("Cloud Storage", `cloudStorage`).
        let categories = [
            "/attributes/category",
            "/attributes/uiAttributes/category/key",
            "/sourceSpec/attributes/uiAttributes/category/key",
        ];
        let category = categories.iter().find_map(|at| spec.pointer(at)?.as_str()).unwrap_or_default();
        let category = category.to_lowercase();
        if has("tableName") || category.starts_with("database") {
            Self::Tables
        } else if has("path") || category.starts_with("cloud") {
            Self::Files
        } else {
            Self::Records
        }
    }

    /// The parameter that names one thing of the source, where it has several.
    pub fn parameter(self) -> Option<&'static str> {
        match self {
            Self::Tables => Some("tableName"),
            Self::Files => Some("path"),
            Self::Records => None,
        }
    }
}

/// How a file is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileForm {
    /// `delimited`, `json` or `parquet`.
    pub of: String,
    /// What stands between two columns; a comma when nothing is said.
    pub delimiter: Option<String>,
    /// How it is packed.
    pub compression: Option<String>,
    /// How its text is encoded.
    pub encoding: Option<String>,
}

impl FileForm {
    /// By the name's ending.
    pub fn by_name(path: &str) -> Option<Self> {
        let lower = path.to_lowercase();
        let unpacked = lower.strip_suffix(".gz").or_else(|| lower.strip_suffix(".gzip"));
        let (of, delimiter) = match unpacked.unwrap_or(&lower).rsplit('.').next()? {
            "csv" => ("delimited", None),
            "tsv" => ("delimited", Some("\t".to_owned())),
            "json" | "jsonl" | "ndjson" => ("json", None),
            "parquet" => ("parquet", None),
            _ => return None,
        };
        let compression = unpacked.map(|_| "gzip".to_owned());
        Some(Self { of: of.to_owned(), delimiter, compression, encoding: None })
    }

    /// By the `data` of a source connection; none where that is no file's.
    pub fn by_data(data: &Value) -> Option<Self> {
        let of = data.get("format").and_then(Value::as_str);
        let of = of.filter(|of| matches!(*of, "delimited" | "json" | "parquet"))?;
        let text = |name: &str| data.pointer(&format!("/properties/{name}"))?.as_str().map(str::to_owned);
        Some(Self {
            of: of.to_owned(),
            delimiter: text("columnDelimiter"),
            compression: text("compressionType"),
            encoding: text("encoding"),
        })
    }
}

/// What is asked of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The platform's word for what is looked into.
    pub object_type: &'static str,
    /// Which table, file or folder.
    pub object: Option<String>,
    query: Vec<(&'static str, String)>,
}

impl Question {
    /// What the source as a whole holds.
    pub fn root() -> Self {
        Self { object_type: "root", object: None, query: Vec::new() }
    }

    /// A table's columns, and some rows.
    pub fn table(path: &str) -> Self {
        let query = vec![("preview", "true".to_owned())];
        Self { object_type: "table", object: Some(path.to_owned()), query }
    }

    /// What a folder holds.
    pub fn folder(path: &str) -> Self {
        Self { object_type: "folder", object: Some(path.to_owned()), query: Vec::new() }
    }

    /// A file's columns, and some rows.
    pub fn file(path: &str, form: &FileForm) -> Self {
        let mut query = vec![("fileType", form.of.clone()), ("preview", "true".to_owned())];
        let more = [
            ("columnDelimiter", &form.delimiter),
            ("compressionType", &form.compression),
            ("encoding", &form.encoding),
        ];
        query.extend(more.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        Self { object_type: "file", object: Some(path.to_owned()), query }
    }

    /// A stream's fields, and some records. The parameters go as the tutorial sends them, `e30` for none.
    pub fn records(object: Option<&str>, params: &Map<String, Value>) -> Self {
        let params = URL_SAFE_NO_PAD.encode(Value::Object(params.clone()).to_string());
        let query =
            vec![("fileType", "json".to_owned()), ("preview", "true".to_owned()), ("sourceParams", params)];
        Self { object_type: "rest", object: Some(object.unwrap_or("json").to_owned()), query }
    }

    /// The request.
    pub fn call(&self, connection: &str) -> Call {
        let path = format!("/data/foundation/flowservice/connections/{}/explore", segment(connection));
        let mut call = Call::get(path).query("objectType", self.object_type).customer_data();
        if let Some(object) = &self.object {
            call = call.query("object", object);
        }
        for (name, value) in &self.query {
            call = call.query(*name, value);
        }
        call
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_spec_tells_how_its_source_is_looked_into() {
        let none = Map::new();
        let with = |name: &str| json!({ "sourceSpec": { "spec": { "properties": { name: {} } } } });
        assert_eq!(Sort::of(&with("tableName"), &none), Sort::Tables);
        assert_eq!(Sort::of(&with("path"), &none), Sort::Files);
        assert_eq!(Sort::of(&with("listId"), &none), Sort::Records);
        for (category, sort) in [
            ("Databases", Sort::Tables),
            ("Cloud Storage", Sort::Files),
            ("cloudStorage", Sort::Files),
            ("customer-success", Sort::Records),
        ] {
            assert_eq!(Sort::of(&json!({ "attributes": { "category": category } }), &none), sort);
        }
        let params = Map::from_iter([("tableName".to_owned(), json!("t"))]);
        assert_eq!(Sort::of(&Value::Null, &params), Sort::Tables);
        assert_eq!(Sort::of(&Value::Null, &none), Sort::Records);
    }

    #[test]
    fn questions_are_those_of_the_tutorials() {
        let query = |question: &Question| {
            let call = question.call("c/1");
            assert_eq!(call.path, "/data/foundation/flowservice/connections/c%2F1/explore");
            assert!(call.customer_data);
            call.query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        };
        assert_eq!(
            query(&Question::records(None, &Map::new())),
            "objectType=rest&object=json&fileType=json&preview=true&sourceParams=e30"
        );
        assert_eq!(query(&Question::root()), "objectType=root");
        assert_eq!(
            query(&Question::table("shop.orders")),
            "objectType=table&object=shop.orders&preview=true"
        );
        let form = FileForm::by_name("/a/B.TSV.gz").unwrap();
        assert_eq!(
            query(&Question::file("/a/B.TSV.gz", &form)),
            "objectType=file&object=/a/B.TSV.gz&fileType=delimited&preview=true&columnDelimiter=\t&compressionType=gzip"
        );
        assert_eq!(FileForm::by_name("/a/b"), None);
        let data = json!({ "format": "json", "properties": { "compressionType": "tar" } });
        assert_eq!(FileForm::by_data(&data).unwrap().compression.unwrap(), "tar");
        assert_eq!(FileForm::by_data(&json!({ "format": "tabular" })), None);
    }
}
