//! `flowform init`: a manifest to begin with. What the flags do not say is asked for on a terminal, and taken from defaults
//! elsewhere. Reads the platform where a connection or a source is named, and on a terminal with credentials, to list the
//! connections; writes over no file.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::ask::{Person, Terminal, ask, choose};
use super::exit::{Failure, Status};
use super::explore::{self, WhatArguments};
use super::files;
use super::output::{Output, is_interactive};
use super::progress;
use super::session::Session;
use super::settings::PlatformArguments;
use crate::explore::{Fields, FileForm, Found, Object, Question, Sort};
use crate::export::slug;
use crate::init::{self, FlowSpec, Wish, Written};
use crate::kind::{Kind, Observed, Specs, closest};
use crate::manifest::is_pipeline_name;
use crate::observe;
use crate::secret::Redactor;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The pipeline's name [default: after the source; zendesk-users]
    #[arg(long, value_name = "NAME", value_parser = pipeline_name)]
    pipeline: Option<String>,

    /// Id of an existing base connection, which is explored for the fields
    #[arg(long, value_name = "ID")]
    connection: Option<String>,

    /// A source of the platform, by the name or the id of its connection spec [default: Zendesk]
    #[arg(long, value_name = "NAME|SPEC_ID", conflicts_with = "connection")]
    source: Option<String>,

    #[command(flatten)]
    what: WhatArguments,

    /// The file to write, or - for stdout [default: PIPELINE.yaml]
    #[arg(long, short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    platform: PlatformArguments,
}

fn pipeline_name(name: &str) -> Result<String, String> {
    if is_pipeline_name(name) {
        return Ok(name.to_owned());
    }
    Err("letters, digits, `-` and `_`, beginning with a letter or a digit".to_owned())
}

/// The pipeline's name where nothing says another one.
const DEFAULT_NAME: &str = "zendesk-users";

/// Folders further in are not gone into: a source that always shows another one would never end.
const DEEPEST: usize = 20;

/// What the manifest is made from.
struct Basis {
    /// Id and name of the base connection, if there is one.
    connection: Option<(String, String)>,
    spec_id: String,
    /// The version of the spec that the connection names.
    spec_version: Option<String>,
    spec: Value,
    sort: Sort,
    object: Option<String>,
    form: Option<FileForm>,
    params: Map<String, Value>,
    flow_spec: Option<FlowSpec>,
    fields: Option<Fields>,
    /// The pipeline's name that suggests itself.
    name: String,
}

pub(crate) async fn run(
    arguments: Arguments,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    if let Some(path) = arguments.out.as_ref().filter(|path| path.as_os_str() != "-") {
        untaken(path)?;
    }
    let mut person = is_interactive().then(|| Terminal::new(output));
    let session = session(&arguments, person.is_some(), redactor, output).await?;
    let basis = match &session {
        Some(session) => {
            let work = found(session, &arguments, &mut person, output);
            session.interrupt.unless_interrupted(work).await??
        }
        None => zendesk(&arguments.what)?,
    };
    let (name, path) = names(&arguments, &basis.name, &mut person).await?;
    let (org, sandbox) = place(&arguments.platform, session.as_ref())?;
    if let Some(session) = session {
        session.close().await;
    }
    let connection = basis.connection.as_ref().map(|(id, name)| (id.as_str(), name.as_str()));
    let written = init::write(&Wish {
        pipeline: &name,
        org: org.as_deref(),
        sandbox: sandbox.as_deref(),
        connection,
        spec_id: &basis.spec_id,
        spec_version: basis.spec_version.as_deref(),
        spec: &basis.spec,
        flow_spec: basis.flow_spec.as_ref(),
        sort: basis.sort,
        object: basis.object.as_deref(),
        form: basis.form.as_ref(),
        params: &basis.params,
        fields: basis.fields.as_ref(),
    })
    .map_err(|error| refused(&error))?;
    match &path {
        Some(path) => files::create("the manifest", path, &written.text)?,
        None => output.data(&written.text),
    }
    let file = path.map_or_else(|| "FILE".to_owned(), |path| path.display().to_string());
    say_next(&arguments, &written, &file, output);
    Ok(Status::Success)
}

/// What is there is never written over.
fn untaken(path: &std::path::Path) -> Result<(), Failure> {
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    Err(Failure::usage(format!("{} is there already; nothing was written", path.display()))
        .hint("name another file with --out, or another pipeline with --pipeline"))
}

fn refused(error: &init::Error) -> Failure {
    let failure = Failure::new(Status::Error, format!("{error}; nothing was written"));
    match error {
        init::Error::NoField(_) => {
            failure.hint("`flowform explore --connection ID` shows them with their types")
        }
        init::Error::Wrong(_) => {
            failure.hint("a name of the source may be none that a manifest takes; else this is a mistake of flowform: please report it")
        }
    }
}

/// A session where the platform is of use: for a connection or a source that is named, and for the list of connections on a
/// terminal, where there are credentials.
async fn session(
    arguments: &Arguments,
    asks: bool,
    redactor: &Redactor,
    output: &Output,
) -> Result<Option<Session>, Failure> {
    let platform = &arguments.platform;
    let is_zendesk =
        |source: &str| source.eq_ignore_ascii_case("zendesk") || source.eq_ignore_ascii_case(init::ZENDESK);
    if arguments.connection.is_some() || arguments.source.as_ref().is_some_and(|source| !is_zendesk(source)) {
        return Session::open(platform, None, redactor, output).await.map(Some);
    }
    let given = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
    let may_list = platform.emulator || given(&platform.client_id) || platform.credentials.is_some();
    if !asks || arguments.source.is_some() || !may_list {
        return Ok(None);
    }
    match Session::open(platform, None, redactor, output).await {
        Ok(session) => Ok(Some(session)),
        Err(failure) => {
            output.note(&format!("existing base connections are not looked for: {}", failure.message));
            Ok(None)
        }
    }
}

/// What the platform says of the connection or the source that is meant.
async fn found(
    session: &Session,
    arguments: &Arguments,
    person: &mut Option<Terminal>,
    output: &Output,
) -> Result<Basis, Failure> {
    if let Some(source) = &arguments.source {
        return of_source(session, source, &arguments.what).await;
    }
    if let Some(id) = &arguments.connection {
        let connection = explore::connection_of(session, id).await?;
        return of_connection(session, connection, arguments, person, output).await;
    }
    let spinner = progress::spinner(output, "Looking for base connections");
    let seen = observe::all(&session.client, Kind::BaseConnection).await;
    drop(spinner);
    let mut connections = match seen {
        Ok(connections) => connections,
        Err(error) => {
            output.note(&format!(
                "existing base connections cannot be listed: {}",
                Failure::from(error).message
            ));
            Vec::new()
        }
    };
    connections.retain(|connection| !connection.is_going());
    connections.sort_by_cached_key(|connection| (name_of(connection), connection.id.clone()));
    let chosen = match person {
        Some(person) if !connections.is_empty() => {
            let mut items = vec![("a new one, to Zendesk".to_owned(), "new".to_owned())];
            items.extend(connections.iter().map(|connection| {
                (format!("{} ({})", name_of(connection), connection.id), connection.id.clone())
            }));
            person.tell(&format!("Base connections of the sandbox {}:", session.place.sandbox));
            choose(person, "Which one is the source read through", &items).await?
        }
        _ => 0,
    };
    match chosen.checked_sub(1).filter(|at| *at < connections.len()) {
        Some(at) => of_connection(session, connections.swap_remove(at), arguments, person, output).await,
        None => zendesk(&arguments.what),
    }
}

fn name_of(connection: &Observed) -> String {
    connection.body.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What is known of Zendesk without asking.
fn zendesk(what: &WhatArguments) -> Result<Basis, Failure> {
    what.object_fits(Sort::Records, "Zendesk")?;
    what.file_type_fits(Sort::Records, "Zendesk")?;
    let (spec, fields) = init::zendesk();
    Ok(Basis {
        connection: None,
        spec_id: init::ZENDESK.to_owned(),
        spec_version: None,
        spec,
        sort: Sort::Records,
        object: None,
        form: None,
        params: what.params.iter().cloned().collect(),
        flow_spec: None,
        fields,
        name: DEFAULT_NAME.to_owned(),
    })
}

/// Of a source that has no connection yet: nobody can say what it holds.
async fn of_source(session: &Session, source: &str, what: &WhatArguments) -> Result<Basis, Failure> {
    let (spec_id, spec) = source_spec(session, source).await?;
    let params: Map<String, Value> = what.params.iter().cloned().collect();
    let sort = Sort::of(&spec, &params);
    let label = spec.get("name").and_then(Value::as_str).unwrap_or(source);
    what.object_fits(sort, source)?;
    what.file_type_fits(sort, source)?;
    Ok(Basis {
        connection: None,
        sort,
        form: what.form(what.object.as_deref()).filter(|_| sort == Sort::Files),
        flow_spec: flow_spec(session, &spec_id).await?,
        name: suggested(label, what.object.as_deref()),
        spec_id,
        spec_version: None,
        spec,
        object: what.object.clone(),
        params,
        fields: None,
    })
}

/// A connection spec by its id or its name. Specs are found by name, and where no name is quite this one, in the list.
async fn source_spec(session: &Session, source: &str) -> Result<(String, Value), Failure> {
    let client = &session.client;
    let unread = |error: observe::Error| {
        let mut failure = Failure::from(error);
        failure.message = format!("the source {source} cannot be looked up: {}", failure.message);
        failure
    };
    let is_id = source.len() == 36 && source.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if is_id {
        let spec = observe::specs::read(client, Specs::Connections, source).await.map_err(unread)?;
        return spec.map(|spec| (source.to_owned(), spec)).ok_or_else(|| unknown(source, None));
    }
    let text = |spec: &Value, name: &str| spec.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut known: Vec<String> = Vec::new();
    let mut is_meant = |spec: &Value| {
        let (id, name) = text(spec, "id").zip(text(spec, "name"))?;
        if name.eq_ignore_ascii_case(source) {
            return Some((id, spec.clone()));
        }
        known.push(name);
        None
    };
    // Whether a name with a comma can be asked for is said nowhere; the list shows it as well.
    let by_name = observe::specs::find(client, Specs::Connections, Some(source), &mut is_meant).await;
    let found = match by_name {
        Ok(None) | Err(observe::Error::Refused { .. }) => {
            observe::specs::find(client, Specs::Connections, None, &mut is_meant).await
        }
        other => other,
    };
    let Some((id, listed)) = found.map_err(unread)? else {
        return Err(unknown(source, closest(source, known.iter().map(String::as_str))));
    };
    // A list may show less of a spec than the spec itself.
    let whole = explore::spec_of(session, &id).await?;
    Ok((id, if whole.is_null() { listed } else { whole }))
}

fn unknown(source: &str, near: Option<&str>) -> Failure {
    let failure =
        Failure::usage(format!("the platform has no source {source}, or none that is visible here"));
    match near {
        Some(name) => failure.hint(format!("did you mean {name}?")),
        None => failure.hint("name a connection spec by its name, such as mysql, or by its id"),
    }
}

/// The flow spec that reads a source; none where the platform does not say.
async fn flow_spec(session: &Session, spec_id: &str) -> Result<Option<FlowSpec>, Failure> {
    let reads = |spec: &Value| FlowSpec::of(spec, spec_id);
    match observe::specs::find(&session.client, Specs::Flows, None, reads).await {
        Ok(found) => Ok(found),
        // The documents name one for every sort of source.
        Err(observe::Error::Refused { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Of a connection that is there: what it leads to is explored.
async fn of_connection(
    session: &Session,
    connection: Observed,
    arguments: &Arguments,
    person: &mut Option<Terminal>,
    output: &Output,
) -> Result<Basis, Failure> {
    let name = name_of(&connection);
    let source = explore::source_of(session, &connection, &Value::Null, &arguments.what).await?;
    let mut what = arguments.what.clone();
    let mut seen = BTreeSet::new();
    for _ in 0..DEEPEST {
        let question = source.question(&what);
        if let Some(path) = question.object.as_ref().filter(|path| !seen.insert((*path).clone())) {
            return Err(endless(&format!("{path} leads back to itself")));
        }
        let spinner = progress::spinner(output, "Exploring the source");
        let answer = explore::ask(session, &source.connection, &question).await?;
        drop(spinner);
        let (objects, more) = match answer {
            Found::Fields(fields) => {
                let object = source.object(&what).filter(|_| source.sort != Sort::Records);
                return Ok(Basis {
                    form: object.as_deref().and_then(|path| source.form(path, &what)),
                    flow_spec: flow_spec(session, &source.spec_id).await?,
                    name: suggested(&name, object.as_deref()),
                    connection: Some((source.connection, name)),
                    spec_id: source.spec_id,
                    spec_version: source.spec_version,
                    spec: source.spec,
                    sort: source.sort,
                    object,
                    params: source.params,
                    fields: Some(fields),
                });
            }
            Found::Objects { objects, more } => (objects, more),
        };
        what.object = Some(one_of(&question, objects, more, person).await?);
    }
    Err(endless(&format!("after {DEEPEST} folders one within the other there is still no file")))
}

fn endless(why: &str) -> Failure {
    Failure::new(Status::Error, format!("the source does not lead to a table or a file: {why}"))
        .hint("name the table or the file itself with --object")
}

/// Which table or file is meant.
async fn one_of(
    question: &Question,
    mut objects: Vec<Object>,
    more: usize,
    person: &mut Option<impl Person>,
) -> Result<String, Failure> {
    let place = question.object.clone().unwrap_or_else(|| "the source".to_owned());
    match (person, objects.as_slice()) {
        (_, []) => Err(Failure::new(Status::Error, format!("there is nothing in {place}"))
            .hint("name a table or a file with --object; a file without an ending needs --file-type")),
        // A folder that lists itself, or the file that was asked for as a folder.
        (_, [only]) if Some(&only.path) == question.object.as_ref() => {
            Err(Failure::usage(format!("it does not show how {} is written", only.path))
                .hint("say so with --file-type delimited, json or parquet"))
        }
        (_, [_]) => Ok(objects.remove(0).path),
        (Some(person), _) => {
            let label = |object: &Object| format!("{}  {}", object.of.to_lowercase(), object.path);
            let items: Vec<(String, String)> =
                objects.iter().map(|object| (label(object), object.path.clone())).collect();
            person.tell(&format!("In {place}:"));
            let at = choose(person, "Which one is read", &items).await?;
            Ok(objects.swap_remove(at).path)
        }
        (None, _) => {
            let paths: Vec<&str> = objects.iter().take(10).map(|object| object.path.as_str()).collect();
            let rest = (objects.len() - paths.len()).saturating_add(more);
            let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            Err(Failure::usage(format!("several things are in {place}: {}{rest}", paths.join(", ")))
                .hint("name the one to read with --object"))
        }
    }
}

/// A pipeline's name after that of a connection or a source, and after what is read.
fn suggested(source: &str, object: Option<&str>) -> String {
    let mut name = slug(source);
    for word in ["-connection", "-base", "-account", "-source"] {
        name.truncate(name.strip_suffix(word).filter(|rest| !rest.is_empty()).map_or(name.len(), str::len));
    }
    // A table's name follows its database; a file's has an ending that says nothing.
    let last = object.map(|path| path.trim_end_matches('/')).and_then(|path| match path.rsplit_once('/') {
        Some((_, file)) => file.split('.').next(),
        None => path.rsplit('.').next(),
    });
    let last = last.map(slug);
    if let Some(last) = last.filter(|last| !last.is_empty()) {
        name = if name.is_empty() { last } else { format!("{name}-{last}") };
    }
    if is_pipeline_name(&name) { name } else { DEFAULT_NAME.to_owned() }
}

/// The pipeline's name, and the file; none for stdout.
async fn names(
    arguments: &Arguments,
    suggested: &str,
    person: &mut Option<impl Person>,
) -> Result<(String, Option<PathBuf>), Failure> {
    let name = match (&arguments.pipeline, person.as_mut()) {
        (Some(name), _) => name.clone(),
        (None, Some(person)) => ask(person, "Name of the pipeline", suggested, pipeline_name).await?,
        (None, None) => suggested.to_owned(),
    };
    let file = format!("{name}.yaml");
    let path = match (&arguments.out, person.as_mut()) {
        (Some(path), _) => path.clone(),
        (None, Some(person)) => {
            ask(person, "File to write, - for stdout", &file, |answer| {
                let path = PathBuf::from(answer);
                match untaken(&path) {
                    Err(failure) if answer != "-" => Err(failure.message),
                    _ => Ok(path),
                }
            })
            .await?
        }
        (None, None) => PathBuf::from(file),
    };
    if path.as_os_str() == "-" {
        return Ok((name, None));
    }
    untaken(&path)?;
    Ok((name, Some(path)))
}

/// Org and sandbox, as far as they are known. Those of an emulator are nobody's.
fn place(
    platform: &PlatformArguments,
    session: Option<&Session>,
) -> Result<(Option<String>, Option<String>), Failure> {
    let sandbox = match &platform.sandbox {
        Some(_) => Some(platform.sandbox(None)?),
        None => session.map(|session| session.place.sandbox.clone()),
    };
    let known = session.filter(|_| !platform.emulator).map(|session| session.place.org.clone());
    Ok((platform.org.clone().or(known), sandbox))
}

/// What to do now.
fn say_next(arguments: &Arguments, written: &Written, file: &str, output: &Output) {
    if file != "FILE" {
        output.note(&format!("written: {file}"));
    }
    match written.left_out {
        0 => {}
        1 => output.note("1 field is left out as a comment, with the reason"),
        n => output.note(&format!("{n} fields are left out as comments, with the reasons")),
    }
    if !written.places.is_empty() {
        output.note(&format!("set {}, or write the values into the file", written.places.join(", ")));
    }
    if !written.secrets.is_empty() {
        output.note(&format!("set {} to the secret before an apply", written.secrets.join(", ")));
    }
    let more = if arguments.platform.emulator { " --emulator" } else { "" };
    output.note(&format!("next: `flowform validate {file}`, then `flowform plan {file}{more}`"));
}

#[cfg(test)]
mod tests {
    use super::super::ask::tests::{Script, block_on};
    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn arguments(line: &[&str]) -> Arguments {
        use clap::Parser;
        Line::try_parse_from([&["init"], line].concat()).unwrap().arguments
    }

    #[test]
    fn the_questions_are_those_that_the_flags_leave_open() {
        let answered = |line: &[&str], lines: &[&str]| {
            let mut person = Some(Script::of(lines));
            let names = block_on(names(&arguments(line), "crm-users", &mut person));
            (names.map_err(|failure| failure.message), person.unwrap_or_default().shown)
        };
        let (named, shown) = answered(&[], &["a b", "mine", ""]);
        assert_eq!(named, Ok(("mine".to_owned(), Some(PathBuf::from("mine.yaml")))));
        assert_eq!(
            shown,
            "Name of the pipeline [crm-users]: a b\n  letters, digits, `-` and `_`, beginning with a letter or a digit\n\
             Name of the pipeline [crm-users]: mine\nFile to write, - for stdout [mine.yaml]: \n"
        );
        // A file that is there is no answer.
        let (named, shown) = answered(&["--pipeline", "p"], &["Cargo.toml", "-"]);
        assert_eq!(named, Ok(("p".to_owned(), None)));
        assert!(shown.contains("Cargo.toml is there already"), "{shown}");
        let (named, _) = answered(&["--pipeline", "p", "--out", "x.yaml"], &[]);
        assert_eq!(named, Ok(("p".to_owned(), Some(PathBuf::from("x.yaml")))));
        let (named, _) = answered(&[], &["mine"]);
        assert_eq!(named, Err("no answer; nothing was written".to_owned()));
        let nobody = block_on(names(&arguments(&[]), "crm-users", &mut None::<Script>)).unwrap();
        assert_eq!(nobody, ("crm-users".to_owned(), Some(PathBuf::from("crm-users.yaml"))));
    }

    #[test]
    fn what_is_read_is_chosen_where_there_is_a_choice() {
        let object = |of: &str, path: &str| Object { of: of.to_owned(), path: path.to_owned() };
        let two = || vec![object("Folder", "/in"), object("File", "/a.csv")];
        let chosen = |question: &Question, objects: Vec<Object>, person: &mut Option<Script>| {
            block_on(one_of(question, objects, 0, person)).map_err(|failure| failure.message)
        };
        let root = Question::root();
        let mut person = Some(Script::of(&["3", "2"]));
        assert_eq!(chosen(&root, two(), &mut person).as_deref(), Ok("/a.csv"));
        assert_eq!(
            person.unwrap_or_default().shown,
            "In the source:\n  1  folder  /in\n  2  file  /a.csv\nWhich one is read [1]: 3\n  a number from 1 to 2, \
             please\nWhich one is read [1]: 2\n"
        );
        let wrong = |question: &Question, objects| chosen(question, objects, &mut None).unwrap_err();
        assert_eq!(wrong(&root, two()), "several things are in the source: /in, /a.csv");
        assert_eq!(wrong(&root, Vec::new()), "there is nothing in the source");
        assert_eq!(chosen(&root, vec![object("table", "t")], &mut None).as_deref(), Ok("t"));
        // A storage that shows the file itself, when it was asked for it as a folder.
        let itself = wrong(&Question::folder("/a"), vec![object("file", "/a")]);
        assert_eq!(itself, "it does not show how /a is written");
    }

    #[test]
    fn names_follow_what_is_read() {
        for (source, object, name) in [
            ("Zendesk base connection", None, "zendesk"),
            ("ACME MySQL", Some("shop.customers"), "acme-mysql-customers"),
            ("amazon-s3", Some("/acme/stock.v2.parquet"), "amazon-s3-stock"),
            ("connection", None, "connection"),
            ("\u{202e}", None, DEFAULT_NAME),
            ("", Some("/a/b/"), "b"),
        ] {
            assert_eq!(suggested(source, object), name);
        }
    }
}
