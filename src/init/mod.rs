//! A manifest to begin with: a commented pipeline, from what is known of a source and what it holds. Pure.
//!
//! `fields` makes a schema's fields and a mapping of those of the source; here they become a document, with what the source's
//! specs ask for: secrets and addresses as references to the environment, the rest as comments. What is known of Zendesk
//! without asking anybody is in `zendesk.json`, in the platform's own form.

mod fields;

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::explore::{self, Fields, FileForm, Found, Sort};
use crate::export::variable;
use crate::kind::REST_STORAGE_TO_AEP;
use crate::manifest::{self, yaml};
use crate::secret::is_secret_name;
use fields::noted;

/// Zendesk's connection spec, as the newest documents have it (platform-api.md 6.1).
pub const ZENDESK: &str = "0a27232b-2c6e-4396-b8c6-c9fc24e37ba4";

/// Flow specs by the sources they are for, beside that of records, as the documents print them (platform-api.md 2.4.4).
const CRM_TO_AEP: &str = "14518937-270c-4525-bdec-c2ba7cce3860";
const CLOUD_STORAGE_TO_AEP: &str = "9753525b-82c7-4dce-8a9b-5ccfce2b9876";

/// Version of a spec that nobody tells.
const FIRST_VERSION: &str = "1.0";

/// More parameters than these of one spec are not written down.
const MOST_PARAMETERS: usize = 50;

/// Why a secret of a source stays a comment.
const UNRESOLVED: &str = "secret by its name alone: flowform resolves secrets where the spec calls them so";

/// Longest description behind a parameter.
const LONGEST_NOTE: usize = 100;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'w> {
    /// The pipeline's name.
    pub pipeline: &'w str,
    /// Its org, where it is known.
    pub org: Option<&'w str>,
    /// Its sandbox, where it is known.
    pub sandbox: Option<&'w str>,
    /// Id and name of the base connection that there is; without one the pipeline gets its own.
    pub connection: Option<(&'w str, &'w str)>,
    /// Id of the source's connection spec.
    pub spec_id: &'w str,
    /// The version of it that the base connection names.
    pub spec_version: Option<&'w str>,
    /// The spec; null where it is not known.
    pub spec: &'w Value,
    /// Which flow spec reads the source, where the platform says it.
    pub flow_spec: Option<&'w FlowSpec>,
    /// How the source is looked into.
    pub sort: Sort,
    /// The table or file that is read.
    pub object: Option<&'w str>,
    /// How the file is written.
    pub form: Option<&'w FileForm>,
    /// Parameters of the source connection that were given.
    pub params: &'w Map<String, Value>,
    /// What it holds, where that is known.
    pub fields: Option<&'w Fields>,
}

/// What reads a source.
#[derive(Clone, Debug)]
pub struct FlowSpec {
    id: String,
    name: String,
    version: String,
}

impl FlowSpec {
    /// As the platform tells it; none where it does not read sources of this connection spec.
    pub fn of(told: &Value, spec_id: &str) -> Option<Self> {
        let ids = told.get("sourceConnectionSpecIds").and_then(Value::as_array)?;
        if ids.iter().all(|id| id != spec_id) {
            return None;
        }
        let text = |name: &str| told.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        Some(Self::new(
            text("id")?,
            text("name").unwrap_or_default(),
            text("version").unwrap_or(FIRST_VERSION),
        ))
    }

    fn new(id: &str, name: &str, version: &str) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), version: version.to_owned() }
    }
}

/// A manifest.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its text.
    pub text: String,
    /// The environment variables of secrets: an apply needs them.
    pub secrets: Vec<String>,
    /// Those of other values, which stand there as placeholders.
    pub places: Vec<String>,
    /// How many fields the source has that became comments.
    pub left_out: usize,
}

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing of what the source holds can be a field.
    #[error("none of the {0} fields that were found can be a field of a schema")]
    NoField(usize),
    /// What was written is wrong.
    #[error("what was written does not pass the checks of a manifest: {0}")]
    Wrong(String),
}

/// What is known of Zendesk without asking: its connection spec, and the fields that the tutorial's explore shows, with types
/// that its own sample contradicts.
pub fn zendesk() -> (Value, Option<Fields>) {
    let known: Value = serde_json::from_str(include_str!("zendesk.json")).unwrap_or_default();
    let fields = match explore::decode(known.get("explored").unwrap_or(&Value::Null)) {
        Ok(Found::Fields(fields)) => Some(fields),
        Ok(Found::Objects { .. }) | Err(_) => None,
    };
    (known.get("spec").cloned().unwrap_or_default(), fields)
}

/// Writes it down, and checks what was written.
pub fn write(wish: &Wish<'_>) -> Result<Written, Error> {
    let mut writer = Writer {
        wish,
        title: title(wish.pipeline),
        written: Written { text: String::new(), secrets: Vec::new(), places: Vec::new(), left_out: 0 },
    };
    writer.head();
    let (mapped, outermost) = writer.schema()?;
    writer.base_connection();
    writer.source();
    writer.target();
    writer.mapping(&mapped);
    writer.dataflow(&outermost);
    let Writer { written, .. } = writer;
    let nothing = |_: &str| None;
    let inputs = manifest::Inputs::new(&nothing, []);
    match manifest::check_text(Path::new("init"), written.text.clone(), &inputs) {
        Ok(_) => Ok(written),
        Err(problems) => {
            let (line, why) = problems.lines_of_errors().next().unwrap_or((0, "it cannot be read back"));
            let text = written.text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim();
            Err(Error::Wrong(format!("line {line}, `{text}`: {why}")))
        }
    }
}

/// `zendesk-users` as the beginning of a name: `Zendesk users`.
fn title(pipeline: &str) -> String {
    let words = pipeline.replace(['-', '_'], " ");
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

/// Names and types of the outermost fields.
type Outermost = Vec<(String, &'static str)>;

struct Writer<'w> {
    wish: &'w Wish<'w>,
    title: String,
    written: Written,
}

impl Writer<'_> {
    fn push(&mut self, text: &str) {
        self.written.text.push_str(text);
    }

    fn line(&mut self, text: &str, note: Option<&str>) {
        self.written.text.push_str(&noted(text, note));
    }

    fn comment(&mut self, indent: usize, text: &str) {
        self.push(&" ".repeat(indent));
        self.push(&yaml::comment(text));
    }

    /// A section's key and its name.
    fn begin(&mut self, section: &str, note: Option<&str>) {
        self.push("\n");
        self.line(&format!("{section}:"), note);
    }

    fn head(&mut self) {
        let wish = self.wish;
        let source = self.source_name();
        let reads = match (wish.connection, wish.object) {
            (Some((id, name)), Some(object)) => {
                format!("{object} through the base connection {name} ({id})")
            }
            (Some((id, name)), None) => format!("through the base connection {name} ({id})"),
            (None, Some(object)) => format!("{object} from {source}"),
            (None, None) => source,
        };
        self.comment(0, &format!("A pipeline that reads {reads}."));
        self.comment(0, "Written by `flowform init`, to be changed by hand.");
        self.push("#\n");
        self.comment(0, "`flowform validate` checks it, `flowform plan` shows what an apply would do.");
        self.comment(
            0,
            "Look at the types of the fields before the first apply: none can be changed once a schema has it.",
        );
        self.push("\n");
        self.line(&format!("apiVersion: {}", manifest::API_VERSION), None);
        let note = format!("the first part of every address, as in {}.dataflow", wish.pipeline);
        self.line(&format!("pipeline: {}", yaml::word(wish.pipeline)), Some(&note));
        self.push("\nplatform:\n");
        match wish.org {
            Some(org) => self.line(&format!("  org: {}", yaml::word(org)), None),
            None => self.comment(2, "org: XXXX@AdobeOrg    left out, it is what ADOBE_ORG_ID or --org says"),
        }
        match wish.sandbox {
            Some(sandbox) => self.line(&format!("  sandbox: {}", yaml::word(sandbox)), None),
            None => {
                self.line(
                    "  sandbox: \"${env:ADOBE_SANDBOX:-dev}\"",
                    Some("dev unless ADOBE_SANDBOX is set"),
                );
            }
        }
    }

    /// What the source is called.
    fn source_name(&self) -> String {
        let name = self.wish.spec.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
        short(name.unwrap_or(self.wish.spec_id))
    }

    fn name(&mut self, what: &str) {
        let name = yaml::word(&format!("{} {what}", self.title));
        self.line(&format!("  name: {name}"), None);
    }

    /// Schema and dataset.
    fn schema(&mut self) -> Result<(Vec<(String, String)>, Outermost), Error> {
        self.begin(
            "schema",
            Some("a schema, and the field group that holds these fields under the tenant's namespace"),
        );
        self.name("schema");
        let Some(found) = self.wish.fields else {
            let pipeline = self.wish.pipeline;
            self.comment(2, "What the source holds shows once there is a base connection:");
            self.comment(2, &format!("  flowform apply FILE --target {pipeline}.baseConnection"));
            self.comment(2, &format!("  flowform explore {pipeline}"));
            self.comment(2, "Then put its fields here and below, in place of this one.");
            self.push("  fields:\n    id: string\n");
            self.dataset();
            let one = ("id".to_owned(), "_tenant.id".to_owned());
            return Ok((vec![one], vec![("id".to_owned(), "string")]));
        };
        let chosen = fields::choose(found, self.wish.sort == Sort::Records, 4);
        if chosen.mapped.is_empty() {
            return Err(Error::NoField(found.rows().len()));
        }
        self.written.left_out = chosen.left_out;
        let mail = chosen.outermost.iter().find(|(name, _)| name.to_lowercase().contains("email"));
        let (field, namespace) = match (mail, chosen.outermost.first()) {
            (Some((name, _)), _) => (name.as_str(), "Email"),
            (None, Some((name, _))) => (name.as_str(), "NAMESPACE"),
            (None, None) => ("FIELD", "NAMESPACE"),
        };
        self.comment(2, "For Real-Time Customer Profile: the field that tells whose a record is. `profile` cannot be undone.");
        self.comment(2, &format!("primaryIdentity: {{ field: _tenant.{field}, namespace: {namespace} }}"));
        self.comment(2, "profile: true");
        self.push("  fields:\n");
        self.push(&chosen.lines);
        if found.more > 0 {
            self.comment(4, &format!("and {} more fields of the source", found.more));
        }
        self.dataset();
        Ok((chosen.mapped, chosen.outermost))
    }

    fn dataset(&mut self) {
        self.begin("dataset", Some("of this pipeline's schema"));
        self.name("dataset");
        self.comment(
            2,
            "deleteData: true    would let `flowform destroy` delete the dataset with all its data",
        );
    }

    fn connection_spec(&mut self) {
        let wish = self.wish;
        let told = wish.spec_version.or_else(|| wish.spec.get("version").and_then(Value::as_str));
        let version = yaml::word(told.filter(|version| !version.is_empty()).unwrap_or(FIRST_VERSION));
        let (spec, source) = (yaml::word(wish.spec_id), self.source_name());
        self.line(&format!("  connectionSpec: {{ id: {spec}, version: {version} }}"), Some(&source));
    }

    fn base_connection(&mut self) {
        let wish = self.wish;
        if wish.connection.is_some() {
            return;
        }
        self.begin("baseConnection", None);
        self.name("base connection");
        self.connection_spec();
        let offered: Vec<&Value> =
            wish.spec.get("authSpec").and_then(Value::as_array).into_iter().flatten().collect();
        // A name that a manifest cannot hold is none to choose.
        let is_seen = |name: &&str| {
            !name.trim().is_empty()
                && name.chars().all(|c| c.is_alphanumeric() || c.is_ascii_punctuation() || c == ' ')
        };
        let name = |auth: &Value| auth.get("name").and_then(Value::as_str).filter(is_seen).map(str::to_owned);
        let named: Vec<(&Value, String)> =
            offered.into_iter().filter_map(|auth| Some((auth, name(auth)?))).collect();
        let Some(((auth, chosen), others)) = named.split_first() else {
            self.comment(
                2,
                "auth: { specName: ..., params: { ... } }    the platform does not say what it asks for",
            );
            return;
        };
        self.push("  auth:\n");
        let others: Vec<&str> = others.iter().map(|(_, name)| name.as_str()).collect();
        let note = (!others.is_empty()).then(|| short(&format!("or {}", others.join(", "))));
        self.line(&format!("    specName: {}", yaml::word(chosen)), note.as_deref());
        let schema = auth.get("spec").unwrap_or(&Value::Null);
        self.params("    ", schema, &Map::new(), Values::Scalars);
    }

    fn source(&mut self) {
        let wish = self.wish;
        self.begin("source", None);
        self.name("source");
        if let Some((id, name)) = wish.connection {
            let note = format!("{}, which this manifest only uses", short(name));
            self.line(&format!("  baseConnectionId: {}", yaml::word(id)), Some(&note));
            self.connection_spec();
        }
        let (data, note) = match (wish.sort, wish.form) {
            (Sort::Records, _) => (json!({ "format": "json" }), None),
            (Sort::Tables, _) => (json!({ "format": "tabular" }), None),
            (Sort::Files, None) => (json!({ "format": "delimited" }), Some("or json, or parquet")),
            (Sort::Files, Some(form)) => {
                let mut properties = Map::new();
                let more = [
                    ("columnDelimiter", &form.delimiter),
                    ("compressionType", &form.compression),
                    ("encoding", &form.encoding),
                ];
                for (name, value) in more {
                    if let Some(value) = value {
                        properties.insert(name.to_owned(), value.as_str().into());
                    }
                }
                let mut data = json!({ "format": form.of });
                if !properties.is_empty() {
                    data["properties"] = Value::Object(properties);
                }
                (data, None)
            }
        };
        let data = yaml::members(&Map::from_iter([("data".to_owned(), data)]), 2);
        match data.lines().collect::<Vec<_>>().as_slice() {
            [one] => self.line(one, note),
            _ => self.push(&data),
        }
        let mut given = wish.params.clone();
        let schema = wish.spec.pointer("/sourceSpec/spec").unwrap_or(&Value::Null);
        let knows = |name: &str| schema.get("properties").is_some_and(|p| p.get(name).is_some());
        if let (Some(name), Some(object)) = (wish.sort.parameter(), wish.object) {
            given.insert(name.to_owned(), object.into());
            if wish.sort == Sort::Files && knows("type") {
                given.entry("type").or_insert_with(|| "file".into());
            }
        }
        self.params("  ", schema, &given, Values::Any);
    }

    /// The parameters that a spec asks for.
    fn params(&mut self, space: &str, schema: &Value, given: &Map<String, Value>, values: Values) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
        let whose = match values {
            Values::Scalars => self.source_name(),
            Values::Any => self.wish.pipeline.to_owned(),
        };
        let (mut lines, mut comments) = (String::new(), String::new());
        let indent = space.len() + 2;
        for (name, value) in given {
            lines.push_str(&yaml::members(&Map::from_iter([(name.clone(), value.clone())]), indent));
        }
        for (name, property) in properties.into_iter().flatten().take(MOST_PARAMETERS) {
            if given.contains_key(name) {
                continue;
            }
            let text = |member: &str| property.get(member).and_then(Value::as_str).filter(|t| !t.is_empty());
            let about = text("description").or_else(|| text("title")).unwrap_or_default();
            let choices: Vec<&str> = property
                .get("enum")
                .and_then(Value::as_array)
                .map(|all| all.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            let about = if choices.is_empty() {
                short(about)
            } else {
                let between = if about.is_empty() { "" } else { ": " };
                short(&format!("{about}{between}{}", choices.join(", ")))
            };
            let key = yaml::word(name);
            let is_secret = text("format") == Some("password") || is_secret_name(name);
            // Elsewhere a reference is resolved by the spec's word alone.
            if is_secret && matches!(values, Values::Any) && text("format") != Some("password") {
                let line = format!("{name}:    {UNRESOLVED}");
                let _ = write!(comments, "{space}  {}", yaml::comment(&line));
                continue;
            }
            let of = text("type").unwrap_or("string");
            let variable = variable(&whose, &format!("/{name}"));
            let value = if is_secret {
                format!("{{ fromEnv: {} }}", yaml::word(&variable))
            } else {
                match (property.get("default"), of) {
                    (Some(value @ (Value::Bool(_) | Value::Number(_))), _) => value.to_string(),
                    (_, "boolean") => "false".to_owned(),
                    (_, "integer" | "number") => "0".to_owned(),
                    (_, "array") => "[]".to_owned(),
                    (_, "object") => "{}".to_owned(),
                    (default, _) => {
                        let default = default.and_then(Value::as_str).or_else(|| choices.first().copied());
                        format!("\"${{env:{variable}:-{}}}\"", placeholder(default, name))
                    }
                }
            };
            let is_writable =
                is_plain(name) && (matches!(values, Values::Any) || !matches!(of, "array" | "object"));
            if is_required(name) && is_writable {
                if is_secret {
                    self.written.secrets.push(variable);
                } else if value.starts_with('"') {
                    self.written.places.push(variable);
                }
                let note = Some(about.as_str()).filter(|about| !about.is_empty());
                lines.push_str(&noted(&format!("{space}  {key}: {value}"), note));
            } else {
                let behind = if about.is_empty() { String::new() } else { format!("    {about}") };
                let _ = write!(comments, "{space}  {}", yaml::comment(&format!("{name}:{behind}")));
            }
        }
        if lines.is_empty() {
            self.line(&format!("{space}params: {{}}"), None);
        } else {
            self.push(&format!("{space}params:\n{lines}"));
        }
        if !comments.is_empty() {
            self.push(&format!("{space}  # It also takes\n{comments}"));
        }
    }

    fn target(&mut self) {
        self.begin("target", Some("writes to this pipeline's dataset"));
        self.name("target");
        // Zendesk's tutorial writes json; those of Adobe's own sources parquet_xdm (platform-api.md 2.4.3).
        if self.wish.sort != Sort::Records {
            self.push("  data: { format: parquet_xdm }\n");
        }
    }

    fn mapping(&mut self, mapped: &[(String, String)]) {
        self.begin("mapping", Some("_tenant stands for the tenant's namespace, which is looked up"));
        let one = |(source, destination): &(String, String)| json!({ "source": source, "destination": destination });
        let fields = Map::from_iter([("fields".to_owned(), mapped.iter().map(one).collect())]);
        self.push(&yaml::members(&fields, 2));
    }

    fn dataflow(&mut self, outermost: &[(String, &'static str)]) {
        let wish = self.wish;
        self.begin("dataflow", None);
        self.name("dataflow");
        let by_sort = match wish.sort {
            Sort::Records => FlowSpec::new(REST_STORAGE_TO_AEP, "RestStorageToAEP", FIRST_VERSION),
            Sort::Tables => FlowSpec::new(CRM_TO_AEP, "CRMToAEP", FIRST_VERSION),
            Sort::Files => FlowSpec::new(CLOUD_STORAGE_TO_AEP, "CloudStorageToAEP", FIRST_VERSION),
        };
        let spec = wish.flow_spec.unwrap_or(&by_sort);
        // It is what a dataflow takes where nothing is said.
        if spec.id != REST_STORAGE_TO_AEP || spec.version != FIRST_VERSION {
            let (id, version) = (yaml::word(&spec.id), yaml::word(&spec.version));
            self.line(&format!("  flowSpec: {{ id: {id}, version: {version} }}"), Some(&short(&spec.name)));
        }
        let shortest = "minute, hour, day or week; at least 15 minutes";
        if wish.sort != Sort::Tables {
            self.line("  schedule: { frequency: minute, interval: 15 }", Some(shortest));
            return;
        }
        if let Some(column) = delta_column(outermost) {
            self.comment(
                2,
                "Each run reads the rows whose column has moved on since the last. It was chosen by its name and type: \
                 make sure that",
            );
            self.comment(2, "every change of a row moves it.");
            let column = yaml::word(column);
            self.push("  transformations:\n    - name: Copy\n");
            self.line(&format!("      params: {{ deltaColumn: {{ name: {column} }} }}"), None);
            self.line("  schedule: { frequency: minute, interval: 15 }", Some(shortest));
        } else {
            // `1367-400`, `1369-400`: tables are read again and again only by a column.
            self.comment(2, "No column of a date or a time was found. To read more than once, name the column that tells what");
            self.comment(2, "is new, and another frequency:");
            self.comment(2, "transformations: [{ name: Copy, params: { deltaColumn: { name: COLUMN } } }]");
            self.push("  schedule: { frequency: once }\n");
        }
    }
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug)]
enum Values {
    /// Those of an authentication are no lists and hold no members.
    Scalars,
    /// Those of a source connection are anything.
    Any,
}

/// The column by which a table is read on: one that tells of the last change, else any other time, else a date.
fn delta_column<'n>(outermost: &'n [(String, &'static str)]) -> Option<&'n str> {
    let rank = |(name, of): &(String, &'static str)| {
        let name = name.to_lowercase();
        let tells = ["updated", "modified", "changed", "lastmod"].iter().any(|word| name.contains(word));
        match *of {
            "date-time" if tells => Some(0),
            "date" if tells => Some(1),
            "date-time" => Some(2),
            "date" => Some(3),
            _ => None,
        }
    };
    let ranked = outermost.iter().enumerate().filter_map(|(at, field)| Some((rank(field)?, at, &field.0)));
    ranked.min().map(|(_, _, name)| name.as_str())
}

/// What stands for a value that a person has to give. Nothing in it ends the reference that it stands in.
fn placeholder(default: Option<&str>, name: &str) -> String {
    let safe = |text: &str| {
        !text.is_empty()
            && text.len() <= 200
            && text.chars().all(|c| c.is_ascii_alphanumeric() || " ._:/@+-".contains(c))
    };
    let slug = crate::export::slug(name);
    let name = if slug.is_empty() { "value" } else { &slug };
    default.filter(|default| safe(default)).map_or_else(|| format!("your-{name}"), str::to_owned)
}

/// Whether a parameter has a name that any manifest takes as a key.
fn is_plain(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The beginning of a text on one line.
fn short(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= LONGEST_NOTE {
        return words;
    }
    words.chars().take(LONGEST_NOTE - 1).chain(['…']).collect()
}
