//! `GET /connections/{id}/explore`: what a source holds, in the way of its kind (platform-api.md 2.7; Adobe's "Explore data
//! tables" and "Explore your cloud storage folders"). The contents are data in `specs`; nothing is asked of a real source.

use serde_json::{Map, Value, json};

use super::behaviour::{ExploreFile, ExploreRoot};
use super::connection::invalid;
use super::context::Context;
use super::message::{Answer, Refusal, Reply, Request, sources};
use super::specs::{Column, Contents, File, Rows, Source, Table, Type};

/// Adobe's cloud storage guides: the ways in which a file may be compressed, and encoded.
pub(super) const COMPRESSIONS: &[&str] = &["bzip2", "gzip", "deflate", "zipDeflate", "tarGzip", "tar"];
pub(super) const ENCODINGS: &[&str] = &["UTF-8", "ISO-8859-1"];

pub(super) fn answer(cx: &Context<'_>, source: &Source) -> Answer {
    let kind = cx.request.query("objectType").map(str::to_lowercase);
    if let Some(kind) = &kind
        && !source.object_types.contains(&kind.as_str())
    {
        return Err(sources(
            "1358-400",
            "The provided param 'objectType' is invalid. Please provide a valid objectType and try again.",
        ));
    }
    let body = match (&source.contents, kind.as_deref()) {
        (Contents::Records { properties, sample }, _) => records(cx, &properties(), &sample()),
        (_, None) => {
            return Err(sources(
                "1359-400",
                "The param objectType is missing in the request. Please provide a valid objectType and try again.",
            ));
        }
        (Contents::Tables(tables), Some("root")) => {
            Value::Array(tables.iter().map(|table| item("table", table.path, table.path)).collect())
        }
        (Contents::Tables(tables), Some(kind)) => table(cx, tables, object(cx.request, kind)?)?,
        (Contents::Files(files), Some("root")) => folder(files, "")?,
        (Contents::Files(files), Some(kind)) => {
            let path = object(cx.request, kind)?;
            // The guide's own request asks for the folder `root`.
            let path = if path == "root" { "" } else { path.trim_end_matches('/') };
            if kind == "folder" { folder(files, path)? } else { file(cx, files, path)? }
        }
    };
    Ok(Reply::ok(body))
}

/// The one stream of an SDK source, as the Zendesk tutorial shows it.
fn records(cx: &Context<'_>, properties: &Value, sample: &Value) -> Value {
    let root = match cx.behaviour.explore_root {
        ExploreRoot::Result => "result",
        ExploreRoot::Results => "results",
    };
    let mut body = json!({
        "format": "hierarchical",
        "schema": { "type": "object", "properties": {
            root: { "type": "object", "properties": properties } } },
    });
    if cx.request.flag("preview") {
        body["data"] = json!([{ root: sample }]);
    }
    body
}

/// `object`, which everything but the root needs.
fn object<'a>(request: &'a Request, kind: &str) -> Result<&'a str, Refusal> {
    request.query("object").filter(|object| !object.is_empty()).ok_or_else(|| {
        sources(
            "1337-400",
            format!(
                "The object cannot be empty for objectType={kind}. Please provide valid object and try again."
            ),
        )
    })
}

/// One entry of a list, as the guides show tables, files and folders alike.
fn item(kind: &str, name: &str, path: &str) -> Value {
    let data = kind != "folder";
    json!({ "type": kind, "name": name, "path": path, "canPreview": data, "canFetchSchema": data })
}

fn table(cx: &Context<'_>, tables: &[Table], path: &str) -> Result<Value, Refusal> {
    let table = tables.iter().find(|table| table.path == path).ok_or_else(|| {
        sources(
            "1330-400",
            format!(
                "No columns were found for table {path}. Please provide a valid table name and try again."
            ),
        )
    })?;
    let columns: Vec<Value> = table.rows.columns.iter().map(column).collect();
    let mut body = json!({ "format": "flat", "schema": { "columns": columns } });
    if cx.request.flag("preview") {
        body["data"] = table.rows.cells.iter().map(|cells| flat(table.rows.columns, cells)).collect();
    }
    Ok(body)
}

/// A column as the guide on tables shows it, which adds the filter guide's booleans and numbers; that of an integer is ours.
fn column(column: &Column) -> Value {
    let Column(name, kind) = column;
    match kind {
        Type::Text => json!({ "name": name, "type": "string", "xdm": { "type": "string" } }),
        Type::Integer => json!({ "name": name, "type": "integer", "xdm": { "type": "integer" } }),
        Type::Number => json!({ "name": name, "type": "double", "xdm": { "type": "number" } }),
        Type::Flag => json!({ "name": name, "type": "boolean", "xdm": { "type": "boolean" } }),
        Type::Time => json!({ "name": name, "type": "string", "meta:xdmType": "date-time",
            "xdm": { "type": "string", "format": "date-time" } }),
    }
}

/// A cell's text, read as its column's type.
fn cell(kind: Type, text: &str) -> Value {
    match kind {
        _ if text.is_empty() => Value::Null,
        Type::Integer => text.parse::<i64>().map_or(Value::Null, Value::from),
        Type::Number => text.parse::<f64>().map_or(Value::Null, Value::from),
        Type::Flag => Value::from(text == "true"),
        Type::Text | Type::Time => Value::from(text),
    }
}

fn flat(columns: &[Column], cells: &[&str]) -> Value {
    let row: Map<String, Value> = columns
        .iter()
        .zip(cells)
        .map(|(Column(name, kind), text)| ((*name).to_owned(), cell(*kind, text)))
        .collect();
    Value::Object(row)
}

/// The files and folders right below a path; every folder has at least one of them.
fn folder(files: &[File], path: &str) -> Result<Value, Refusal> {
    let mut items: Vec<Value> = Vec::new();
    for file in files {
        let Some(rest) = file.path.strip_prefix(path).and_then(|rest| rest.strip_prefix('/')) else {
            continue;
        };
        let entry = match rest.split_once('/') {
            None => item("file", rest, file.path),
            Some((name, _)) => item("folder", name, &format!("{path}/{name}")),
        };
        if !items.contains(&entry) {
            items.push(entry);
        }
    }
    if items.is_empty() {
        Err(upstream(&format!("The folder {path} was not found.")))
    } else {
        Ok(items.into())
    }
}

/// The list of errors has none for a file that is not there: it has this one for what a source's own side reports.
fn upstream(why: &str) -> Refusal {
    sources("1308-400", format!("The request could not be processed. Error message: {why}"))
}

/// One character; the guide also writes a tab as `\t`.
fn delimiter(request: &Request) -> Result<char, Refusal> {
    let text = match request.query("columnDelimiter") {
        None => ",",
        Some("\\t") => "\t",
        Some(text) => text,
    };
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(sources(
            "1331-400",
            format!(
                "Column Delimiter cannot be more than one character in SourceConnection: {text}. Please provide \
                 valid column delimiter and try again."
            ),
        )),
    }
}

fn file(cx: &Context<'_>, files: &[File], path: &str) -> Result<Value, Refusal> {
    let format = cx.request.query("fileType").unwrap_or_default().to_lowercase();
    if !["delimited", "json", "parquet"].contains(&format.as_str()) {
        return Err(sources(
            "1399-400",
            "A valid requestFileType could not be found. Please provide a valid requestFileType and try again.",
        ));
    }
    let delimiter = delimiter(cx.request)?;
    let compression = cx.request.query("compressionType").unwrap_or_default();
    if !compression.is_empty() && !COMPRESSIONS.contains(&compression) {
        return Err(invalid("compressionType", compression));
    }
    if let Some(encoding) = cx.request.query("encoding")
        && !ENCODINGS.contains(&encoding)
    {
        return Err(invalid("encoding", encoding));
    }
    let file = files
        .iter()
        .find(|file| file.path == path)
        .ok_or_else(|| upstream(&format!("The file {path} was not found.")))?;
    if file.format != format || file.compression != compression {
        let compressed = if compression.is_empty() { "uncompressed" } else { compression };
        return Err(upstream(&format!("The file {path} could not be read as {format}, {compressed}.")));
    }
    let preview = cx.request.flag("preview");
    if format == "json" {
        return Ok(hierarchical(file.rows, preview));
    }
    Ok(columns(cx, file, delimiter, preview))
}

/// A file with columns. Cut at another character than its own, each of its lines is one column.
fn columns(cx: &Context<'_>, file: &File, delimiter: char, preview: bool) -> Value {
    let cut = file.format != "delimited" || file.delimiter == delimiter;
    let joined = |parts: &[&str]| parts.join(&file.delimiter.to_string());
    let names: Vec<&str> = file.rows.columns.iter().map(|Column(name, _)| *name).collect();
    let header = joined(&names);
    if cx.behaviour.explore_file == ExploreFile::Columns {
        // The guide's example: nothing around the columns, `String`, and no data.
        let column = |name: &str, kind: &str| json!({ "name": name, "type": kind });
        return if cut {
            file.rows.columns.iter().map(|Column(name, kind)| column(name, word(*kind, true))).collect()
        } else {
            json!([column(&header, "String")])
        };
    }
    // `exploreSpec.responseSpec` of "Create a draft": a format and columns that have a name and a type.
    let columns: Vec<Value> = if cut {
        let column = |Column(name, kind): &Column| json!({ "name": name, "type": word(*kind, false) });
        file.rows.columns.iter().map(column).collect()
    } else {
        vec![json!({ "name": header, "type": "string" })]
    };
    let mut body = json!({ "format": "flat", "schema": { "columns": columns } });
    if preview {
        let row = |cells: &&[&str]| {
            if cut { flat(file.rows.columns, cells) } else { json!({ (header.clone()): joined(cells) }) }
        };
        body["data"] = file.rows.cells.iter().map(row).collect();
    }
    body
}

/// What a type is called, with a capital in the guide's example.
fn word(kind: Type, capital: bool) -> &'static str {
    match (kind, capital) {
        (Type::Text | Type::Time, false) => "string",
        (Type::Text | Type::Time, true) => "String",
        (Type::Integer, false) => "integer",
        (Type::Integer, true) => "Integer",
        (Type::Number, false) => "double",
        (Type::Number, true) => "Double",
        (Type::Flag, false) => "boolean",
        (Type::Flag, true) => "Boolean",
    }
}

/// JSON files nest: a dot in a column's name is a step down. The shape is that of the SDK's sources.
fn hierarchical(rows: &Rows, preview: bool) -> Value {
    let mut schema = json!({ "type": "object", "properties": {} });
    for Column(name, kind) in rows.columns {
        let mut at = &mut schema;
        for part in name.split('.') {
            if at.get("properties").is_none() {
                *at = json!({ "type": "object", "properties": {} });
            }
            at = &mut at["properties"][part];
        }
        *at = match kind {
            Type::Text | Type::Time => json!({ "type": "string" }),
            Type::Integer => json!({ "type": "integer" }),
            Type::Number => json!({ "type": "number" }),
            Type::Flag => json!({ "type": "boolean" }),
        };
    }
    let mut body = json!({ "format": "hierarchical", "schema": schema });
    if preview {
        body["data"] = rows
            .cells
            .iter()
            .map(|cells| {
                let mut record = json!({});
                for (Column(name, kind), text) in rows.columns.iter().zip(*cells) {
                    let mut at = &mut record;
                    for part in name.split('.') {
                        at = &mut at[part];
                    }
                    *at = cell(*kind, text);
                }
                record
            })
            .collect();
    }
    body
}
