//! `flowform explore`: what a source holds, seen through its base connection. Only reads; records of customers are described
//! and not shown, unless that is asked for, and are kept nowhere.

use serde_json::{Map, Value};

use super::exit::{Failure, Status};
use super::failed::Reader;
use super::output::Output;
use super::progress;
use super::runs::Format;
use super::session::Session;
use super::settings::PlatformArguments;
use crate::api::Problem;
use crate::explore::{self, FileForm, Found, Question, Sort};
use crate::kind::{Address, Kind, Observed, Specs, usable_id};
use crate::observe;
use crate::render;
use crate::render::explore::Explored;
use crate::secret::Redactor;
use crate::state::model::State;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A managed pipeline, whose source is looked into
    #[arg(value_name = "PIPELINE")]
    pipeline: Option<String>,

    /// Id of a base connection to look through, instead of a pipeline's
    #[arg(long, value_name = "ID", conflicts_with = "pipeline")]
    connection: Option<String>,

    #[command(flatten)]
    what: WhatArguments,

    /// Show values of the sample as they are: records of customers, in clear
    #[arg(long)]
    show_values: bool,

    /// How to show it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    #[command(flatten)]
    platform: PlatformArguments,
}

/// What of a source is meant.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WhatArguments {
    /// A table, a file or a folder of the source [default: the pipeline's own, or the only one]
    #[arg(long, value_name = "PATH", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub object: Option<String>,

    /// How the file is written [default: of what the pipeline reads, as it says; else by the name's ending]
    #[arg(long, value_name = "TYPE")]
    pub file_type: Option<FileType>,

    /// One of the source's own parameters, where it has some; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    pub params: Vec<(String, Value)>,
}

impl WhatArguments {
    /// How a file is written, by the command line, else by its name.
    pub(crate) fn form(&self, path: Option<&str>) -> Option<FileForm> {
        let by_name = path.and_then(FileForm::by_name);
        let Some(of) = self.file_type.map(FileType::word) else { return by_name };
        let packed = by_name.filter(|form| form.of == of);
        Some(packed.unwrap_or_else(|| FileForm { of: of.to_owned(), ..FileForm::default() }))
    }

    /// Refuses a file's type for a source without files, where it would say nothing.
    pub(crate) fn file_type_fits(&self, sort: Sort, source: &str) -> Result<(), Failure> {
        if self.file_type.is_none() || sort == Sort::Files {
            return Ok(());
        }
        Err(Failure::usage(format!("--file-type says how a file is written, and {source} leads to no files"))
            .hint("leave it out, or name a source of files"))
    }

    /// Refuses a table or a file of a source that has neither.
    pub(crate) fn object_fits(&self, sort: Sort, source: &str) -> Result<(), Failure> {
        if self.object.is_none() || sort != Sort::Records {
            return Ok(());
        }
        Err(Failure::usage(format!("--object names a table or a file, and {source} has neither"))
            .hint("leave it out, or name the source that has it with --connection ID or --source NAME"))
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FileType {
    /// CSV and the like
    Delimited,
    /// JSON
    Json,
    /// Apache Parquet
    Parquet,
}

impl FileType {
    fn word(self) -> &'static str {
        match self {
            Self::Delimited => "delimited",
            Self::Json => "json",
            Self::Parquet => "parquet",
        }
    }
}

/// A value is JSON where it is a number, a boolean, a list or an object, else text.
fn parameter(text: &str) -> Result<(String, Value), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let json = serde_json::from_str(value).ok().filter(|value: &Value| !value.is_null());
            Ok((name.to_owned(), json.unwrap_or_else(|| value.into())))
        }
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// A connection, and what is known of its source.
pub(crate) struct Source {
    /// The base connection's id.
    pub connection: String,
    /// Its spec's id.
    pub spec_id: String,
    /// The version of it that the connection names.
    pub spec_version: Option<String>,
    /// Its spec; null where that is not to be seen.
    pub spec: Value,
    pub sort: Sort,
    /// The parameters of the source connection, those of the command line among them.
    pub params: Map<String, Value>,
    /// `data` of the source connection.
    data: Value,
}

impl Arguments {
    /// Who reads what is printed.
    pub(crate) fn reader(&self) -> Reader {
        self.format.into()
    }
}

pub(crate) async fn run(
    arguments: Arguments,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    if arguments.pipeline.is_none() && arguments.connection.is_none() {
        return Err(Failure::usage("neither a pipeline nor a base connection is named")
            .hint("`flowform status` shows the managed pipelines; --connection ID looks through any base connection"));
    }
    let (session, state) = open(&arguments, redactor, output).await?;
    let spinner = progress::spinner(output, "Exploring the source");
    let work = async {
        let (connection, source) = match (&arguments.pipeline, &state) {
            (Some(pipeline), Some(state)) => of_pipeline(&session, state, pipeline).await?,
            _ => (arguments.connection.clone().unwrap_or_default(), Value::Null),
        };
        let found = connection_of(&session, &connection).await?;
        let source = source_of(&session, &found, &source, &arguments.what).await?;
        let question = source.question(&arguments.what);
        let found = ask(&session, &source.connection, &question).await?;
        Ok::<_, Failure>((source, question, found))
    };
    let (source, question, found) = session.interrupt.unless_interrupted(work).await??;
    drop(spinner);
    session.close().await;
    let explored = Explored {
        connection: &source.connection,
        question: &question,
        found: &found,
        show_values: arguments.show_values,
    };
    match arguments.format {
        Format::Text => {
            output.data(&render::explore::explored(&explored, &output.style()));
            match &found {
                Found::Objects { objects, .. } if !objects.is_empty() => {
                    output.note("--object PATH looks into one of them");
                }
                Found::Fields(fields) if fields.rows > 0 && !arguments.show_values => {
                    output.note("samples are described; --show-values shows them as they are");
                }
                _ => {}
            }
        }
        Format::Json => output.data(&render::json::to_string(&render::json::explored(&explored))),
    }
    Ok(Status::Success)
}

/// A session, and the state where a pipeline is named. A connection alone needs no state; where nothing names a sandbox,
/// that of the only state there is will do.
async fn open(
    arguments: &Arguments,
    redactor: &Redactor,
    output: &Output,
) -> Result<(Session, Option<State>), Failure> {
    let platform = &arguments.platform;
    let is_placed = platform.emulator || platform.sandbox.is_some();
    if arguments.connection.is_some() && is_placed {
        return Ok((Session::open(platform, None, redactor, output).await?, None));
    }
    match Session::open_managed(platform, redactor, output).await {
        Ok((session, state)) => Ok((session, Some(state))),
        Err(_) if arguments.connection.is_some() => {
            Ok((Session::open(platform, None, redactor, output).await?, None))
        }
        Err(failure) => Err(failure),
    }
}

/// The base connection of a managed pipeline, and the body of its source connection (null where it has none yet).
async fn of_pipeline(session: &Session, state: &State, pipeline: &str) -> Result<(String, Value), Failure> {
    if !state.entries.keys().any(|address| address.pipeline == pipeline) {
        return Err(Failure::usage(format!("the state has no pipeline {pipeline}")).hint(
            "`flowform status` shows those that it has; --connection ID looks through any base connection",
        ));
    }
    let entry = |kind: Kind| state.entries.get(&Address::new(pipeline, kind));
    let text = |body: &Value, pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let mut source = entry(Kind::Source).map_or(Value::Null, |entry| entry.applied.clone());
    // A dataflow may read from a source that somebody else owns.
    let others = entry(Kind::Dataflow).and_then(|flow| text(&flow.applied, "/sourceConnectionIds/0"));
    if source.is_null()
        && let Some(id) = others
    {
        let seen = observe::read_one(&session.client, Kind::Source, &id, None).await?;
        source = seen.map_or(Value::Null, |seen| seen.body);
    }
    let own = entry(Kind::BaseConnection).map(|entry| entry.id.clone());
    let connection = text(&source, "/baseConnectionId").or(own).ok_or_else(|| {
        Failure::usage(format!("the pipeline {pipeline} has neither a source nor a base connection yet"))
            .hint(format!("`flowform apply PATH --target {pipeline}.baseConnection` makes the connection"))
    })?;
    Ok((connection, source))
}

/// A base connection, as the platform has it.
pub(crate) async fn connection_of(session: &Session, id: &str) -> Result<Observed, Failure> {
    let usable = usable_id(id).ok_or_else(|| Failure::usage(format!("`{id}` is not an id")))?;
    let seen = observe::read_one(&session.client, Kind::BaseConnection, &usable, None).await?;
    seen.filter(|seen| !seen.is_going()).ok_or_else(|| {
        Failure::new(
            Status::Error,
            format!("the sandbox has no base connection {id}, or none that is visible to this credential"),
        )
        .hint("`flowform state list` and the platform's page of accounts show the ids")
    })
}

/// A connection spec, as the platform has it; null where it is not to be seen.
pub(crate) async fn spec_of(session: &Session, id: &str) -> Result<Value, Failure> {
    let Some(id) = usable_id(id) else { return Ok(Value::Null) };
    match observe::specs::read(&session.client, Specs::Connections, &id).await {
        Ok(spec) => Ok(spec.unwrap_or_default()),
        // It only helps; whoever may not see specs may still explore.
        Err(observe::Error::Refused { .. }) => Ok(Value::Null),
        Err(error) => Err(error.into()),
    }
}

/// What is known of the source behind a connection; `body` is that of its source connection, if there is one.
pub(crate) async fn source_of(
    session: &Session,
    connection: &Observed,
    body: &Value,
    what: &WhatArguments,
) -> Result<Source, Failure> {
    let text = |at: &str| connection.body.pointer(at).and_then(Value::as_str);
    let spec_id = text("/connectionSpec/id").unwrap_or_default();
    let spec = spec_of(session, spec_id).await?;
    let mut params = body.get("params").and_then(Value::as_object).cloned().unwrap_or_default();
    params.extend(what.params.iter().cloned());
    let sort = match Sort::of(&spec, &params) {
        // Nothing but the command line says what sort it is.
        Sort::Records if spec.is_null() && what.file_type.is_some() => Sort::Files,
        sort => sort,
    };
    let label = format!("the base connection {}", connection.id);
    what.file_type_fits(sort, &label)?;
    // Of a spec that is not to be seen, nobody knows what the source has.
    if !spec.is_null() {
        what.object_fits(sort, &label)?;
    }
    Ok(Source {
        connection: connection.id.clone(),
        spec_id: spec_id.to_owned(),
        spec_version: text("/connectionSpec/version").map(str::to_owned),
        sort,
        spec,
        params,
        data: body.get("data").cloned().unwrap_or_default(),
    })
}

impl Source {
    /// The table or the file that is meant: by the command line, else by the source's own parameters.
    pub(crate) fn object(&self, what: &WhatArguments) -> Option<String> {
        let own = self.sort.parameter().and_then(|name| self.params.get(name)).and_then(Value::as_str);
        what.object.clone().or_else(|| own.map(str::to_owned))
    }

    /// How a file is written, if it is told or shows.
    pub(crate) fn form(&self, path: &str, what: &WhatArguments) -> Option<FileForm> {
        let own = FileForm::by_data(&self.data).filter(|_| self.reads(path));
        if own.is_some() && what.object.is_none() && what.file_type.is_none() {
            return own;
        }
        // By its name or the command line, since what lies below the source's path may be a folder or of another type. How
        // files of its own type are written, the source says.
        let told = what.form(Some(path))?;
        Some(match own.filter(|own| own.of == told.of) {
            Some(own) => FileForm {
                of: own.of,
                delimiter: own.delimiter.or(told.delimiter),
                compression: own.compression.or(told.compression),
                encoding: own.encoding.or(told.encoding),
            },
            None => told,
        })
    }

    /// Whether a file is what the source reads, or lies below it.
    fn reads(&self, path: &str) -> bool {
        let own = self.sort.parameter().and_then(|name| self.params.get(name)).and_then(Value::as_str);
        let own = own.map(|own| own.trim_end_matches('/'));
        let rest = own.and_then(|own| path.strip_prefix(own));
        rest.is_some_and(|rest| own == Some("") || rest.is_empty() || rest.starts_with('/'))
    }

    /// What to ask.
    pub(crate) fn question(&self, what: &WhatArguments) -> Question {
        let object = self.object(what);
        match (self.sort, object) {
            (Sort::Records, object) => Question::records(object.as_deref(), &self.params),
            (_, None) => Question::root(),
            (Sort::Tables, Some(table)) => Question::table(&table),
            (Sort::Files, Some(path)) => {
                // "input path for copying files, can be a folder path, file path or a wildcard pattern": of a pattern, what
                // stands before it is looked into.
                let path = match path.split_once(['*', '?']) {
                    Some((before, _)) => {
                        before.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned() + "/"
                    }
                    None => path,
                };
                let of_file = match self.params.get("type").and_then(Value::as_str) {
                    Some(of) => of != "folder",
                    // Said by nothing but its name.
                    None => FileForm::by_name(&path).is_some() || what.file_type.is_some(),
                };
                let is_folder = path.ends_with('/') || (what.object.is_none() && !of_file);
                match self.form(&path, what).filter(|_| !is_folder) {
                    Some(form) => Question::file(&path, &form),
                    None => Question::folder(&path),
                }
            }
        }
    }
}

/// Asks, and reads the answer.
pub(crate) async fn ask(session: &Session, connection: &str, question: &Question) -> Result<Found, Failure> {
    let reply = session.client.send(&question.call(connection)).await?;
    let what = match &question.object {
        Some(object) if question.object_type != "rest" => {
            format!("the {} {object} of the base connection {connection}", question.object_type)
        }
        _ => format!("the base connection {connection}"),
    };
    if !reply.is_success() {
        let problem = Problem::of(&reply);
        let status = if matches!(problem.status, 401 | 403) { Status::Auth } else { Status::Error };
        let hint = problem.hint().unwrap_or(
            "check the path, and that the source is reachable with the connection's credentials; \
             without --object, what there is is listed",
        );
        return Err(
            Failure::new(status, format!("the platform did not explore {what}: {problem}")).hint(hint)
        );
    }
    explore::decode(&reply.body).map_err(|why| {
        Failure::new(
            Status::Error,
            format!(
                "the platform answered the exploration of {what} in a form that no document describes: {why}"
            ),
        )
        .hint("check that the gateway's URL points to the platform")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_below_the_sources_path_are_written_as_the_source_says() {
        let properties = json!({ "columnDelimiter": ";", "encoding": "ISO-8859-1" });
        let source = Source {
            connection: "c".to_owned(),
            spec_id: "s".to_owned(),
            spec_version: None,
            spec: Value::Null,
            sort: Sort::Files,
            params: Map::from_iter([("path".to_owned(), json!("/in/"))]),
            data: json!({ "format": "delimited", "properties": properties }),
        };
        let form = |object: Option<&str>, file_type| {
            let what = WhatArguments { object: object.map(str::to_owned), file_type, params: Vec::new() };
            let path = source.object(&what).unwrap();
            source.form(&path, &what).map(|form| {
                let [delimiter, compression, encoding] =
                    [form.delimiter, form.compression, form.encoding].map(Option::unwrap_or_default);
                format!("{} {delimiter} {compression} {encoding}", form.of)
            })
        };
        for (object, file_type, expected) in [
            (None, None, Some("delimited ;  ISO-8859-1")),
            (Some("/in/a.csv"), None, Some("delimited ;  ISO-8859-1")),
            (Some("/in/b/a.csv.gz"), None, Some("delimited ; gzip ISO-8859-1")),
            (Some("/in/a"), Some(FileType::Delimited), Some("delimited ;  ISO-8859-1")),
            (Some("/in/a.csv"), Some(FileType::Json), Some("json   ")),
            (Some("/in/a.json"), None, Some("json   ")),
            (Some("/inner/a.csv"), None, Some("delimited   ")),
            // It may be a folder.
            (Some("/in/a"), None, None),
        ] {
            assert_eq!(form(object, file_type).as_deref(), expected, "{object:?} {file_type:?}");
        }
    }
}
