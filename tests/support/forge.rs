//! A stand-in for GitHub and GitLab: a repository's comments, issues and merges, and what `gh`, `curl` and `jq` do
//! with them. The three commands are one small script that hands its arguments to this process. Whatever is not known
//! here fails.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use super::jq::jq;

/// The repository's name, which is also its path on GitLab.
pub(crate) const REPOSITORY: &str = "owner/pipelines";

/// The token that every call has to bear.
pub(crate) const FORGE_TOKEN: &str = "f0rge-t0ken-value";

/// Who that token belongs to.
pub(crate) const BOT: &str = "github-actions[bot]";

/// GitHub takes no longer comment.
const LONGEST: usize = 65_536;

/// How many comments an answer holds, so that there are pages.
const PAGE: usize = 2;

/// A pull request, or a merge request.
#[derive(Clone, Debug)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) branch: String,
    /// The last commit that was pushed.
    pub(crate) head: String,
    /// The commit on main that merged it.
    pub(crate) merged: Option<String>,
}

/// A comment on a pull request.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) on: u64,
    pub(crate) author: String,
    pub(crate) body: String,
}

/// An issue.
#[derive(Clone, Debug)]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) author: String,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) is_open: bool,
}

/// What the forge knows.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) pulls: Vec<Pull>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) issues: Vec<Issue>,
    /// What the token may do, as a workflow's `permissions` say it.
    pub(crate) permissions: BTreeMap<String, String>,
    /// Calls that made no sense, each of which fails its test.
    wrong: Vec<String>,
    last_id: u64,
}

impl Records {
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn may(&self, what: &str, how: &str) -> Result<(), String> {
        let has = self.permissions.get(what).map(String::as_str);
        if has == Some(how) || has == Some("write") {
            Ok(())
        } else {
            Err(format!("HTTP 403: Resource not accessible by integration: {what}: {how}"))
        }
    }
}

/// The forge, as long as it is served.
pub(crate) struct Forge {
    records: Arc<Mutex<Records>>,
    commands: tempfile::TempDir,
    port: u16,
}

const COMMAND: &str = r#"#!/usr/bin/env bash
case "${0##*/}" in gh) input=x ;; *) input="$(cat; echo x)" ;; esac
exec 3<>"/dev/tcp/127.0.0.1/PORT"
{ printf '%s\0' "${0##*/}" "$PWD" "${input%x}" "$#" "$@"; env -0; printf '\0'; } >&3
read -r code <&3
if [ "$code" = 0 ]; then cat <&3; else cat <&3 >&2; fi
exit "$code"
"#;

impl Forge {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let commands = tempfile::tempdir().unwrap();
        for name in ["gh", "curl", "jq"] {
            let path = commands.path().join(name);
            std::fs::write(&path, COMMAND.replace("PORT", &port.to_string())).unwrap();
            make_executable(&path);
        }
        let records = Arc::<Mutex<Records>>::default();
        let shared = Arc::clone(&records);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Some(call) = Call::read(&stream.unwrap()) else { break };
                serve(call, &shared);
            }
        });
        Self { records, commands, port }
    }

    /// Where the commands are.
    pub(crate) fn commands(&self) -> &Path {
        self.commands.path()
    }

    pub(crate) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap()
    }

    /// What is said on a pull request, and by whom.
    pub(crate) fn comments(&self, on: u64) -> Vec<Comment> {
        self.records().comments.iter().filter(|c| c.on == on).cloned().collect()
    }

    /// The only comment on a pull request.
    #[track_caller]
    pub(crate) fn comment(&self, on: u64) -> String {
        let comments = self.comments(on);
        assert_eq!(comments.len(), 1, "{comments:#?}");
        comments[0].body.clone()
    }

    /// Somebody says something.
    pub(crate) fn say(&self, on: u64, author: &str, body: &str) {
        let mut records = self.records();
        let id = records.next_id();
        records.comments.push(Comment { id, on, author: author.to_owned(), body: body.to_owned() });
    }

    /// Fails if a call made no sense.
    #[track_caller]
    pub(crate) fn check(&self) {
        let wrong = std::mem::take(&mut self.records().wrong);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        // A call of nothing ends the thread.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

#[cfg(unix)]
pub(crate) fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(not(unix))]
pub(crate) fn make_executable(_: &Path) {}

/// One call of one of the commands.
struct Call {
    stream: TcpStream,
    command: String,
    folder: PathBuf,
    input: String,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
}

impl Call {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut next = || -> Option<String> {
            let mut bytes = Vec::new();
            reader.read_until(0, &mut bytes).unwrap();
            bytes.pop()?;
            Some(String::from_utf8(bytes).unwrap())
        };
        let (command, folder, input) = (next()?, next()?.into(), next()?);
        let count: usize = next()?.parse().unwrap();
        let arguments = (0..count).map(|_| next().unwrap()).collect();
        let mut environment = BTreeMap::new();
        while let Some(line) = next().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once('=').unwrap();
            environment.insert(name.to_owned(), value.to_owned());
        }
        let stream = stream.try_clone().unwrap();
        Some(Self { stream, command, folder, input, arguments, environment })
    }

    /// A field's value, which `@` takes from a file.
    fn value(&self, text: &str) -> String {
        text.strip_prefix('@')
            .map_or_else(|| text.to_owned(), |file| std::fs::read_to_string(self.folder.join(file)).unwrap())
    }
}

/// Answers a call; one that nobody foresaw also fails the test.
fn serve(mut call: Call, records: &Mutex<Records>) {
    // A panic here would leave the test waiting: it is told instead.
    let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut records = records.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match call.command.as_str() {
            "gh" => gh(&call, &mut records),
            "curl" => Ok(curl(&call, &mut records)),
            _ => Ok(run_jq(&call)),
        }
    }));
    let answer = answer.unwrap_or_else(|_| {
        let mut records = records.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        records.wrong.push(format!("not understood: {} {:?}", call.command, call.arguments));
        Err("this call is not understood".to_owned())
    });
    let _ = match answer {
        Ok(text) => write!(call.stream, "0\n{text}"),
        Err(text) => write!(call.stream, "1\n{text}\n"),
    };
}

fn gh(call: &Call, records: &mut Records) -> Result<String, String> {
    let mut arguments = call.arguments.iter();
    assert_eq!(arguments.next().unwrap(), "api");
    assert_eq!(call.environment.get("GH_TOKEN").map(String::as_str), Some(FORGE_TOKEN));
    let (mut path, mut method, mut filter, mut paginate) = (None, None, None, false);
    let mut fields = serde_json::Map::new();
    while let Some(argument) = arguments.next() {
        let mut field = |value: &str| {
            let (name, value) = value.split_once('=').unwrap();
            fields.insert(name.to_owned(), json!(value));
        };
        match argument.as_str() {
            "--paginate" => paginate = true,
            "--silent" => filter = Some(String::from("empty")),
            "--jq" => filter = Some(arguments.next().unwrap().clone()),
            "--method" => method = Some(arguments.next().unwrap().clone()),
            "-f" => field(arguments.next().unwrap()),
            "-F" => {
                let (name, value) = arguments.next().unwrap().split_once('=').unwrap();
                field(&format!("{name}={}", call.value(value)));
            }
            other => assert!(!other.starts_with('-') && path.replace(other).is_none(), "{other}"),
        }
    }
    let method = method.unwrap_or_else(|| if fields.is_empty() { "GET" } else { "POST" }.to_owned());
    let answer = github(records, &method, path.unwrap(), &Value::Object(fields))?;
    let pages: Vec<Value> = match answer {
        Value::Array(all) if paginate => all.chunks(PAGE).map(|page| json!(page)).collect(),
        Value::Array(all) => vec![all.into_iter().take(PAGE).collect()],
        one => vec![one],
    };
    let filter = filter.unwrap_or_else(|| ".".to_owned());
    let environment = json!(call.environment);
    Ok(pages.iter().map(|page| jq(&filter, &page.to_string(), &[("$ENV", environment.clone())])).collect())
}

/// The part of GitHub's API that is used.
fn github(records: &mut Records, method: &str, path: &str, fields: &Value) -> Result<Value, String> {
    let path = path.strip_prefix("repos/").unwrap().strip_prefix(REPOSITORY).unwrap();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let body = || -> Result<String, String> {
        let body = fields["body"].as_str().unwrap();
        if body.chars().count() > LONGEST {
            return Err("HTTP 422: Body is too long".to_owned());
        }
        Ok(body.to_owned())
    };
    let comment = |c: &Comment| json!({ "id": c.id, "user": { "login": c.author }, "body": c.body });
    match (method, parts.as_slice()) {
        ("GET", ["issues", number, "comments"]) => {
            records.may("pull-requests", "read")?;
            assert_eq!(query, "per_page=100");
            let on: u64 = number.parse().unwrap();
            Ok(records.comments.iter().filter(|c| c.on == on).map(comment).collect())
        }
        ("POST", ["issues", number, "comments"]) => {
            records.may("pull-requests", "write")?;
            let (id, on, author) = (records.next_id(), number.parse().unwrap(), BOT.to_owned());
            records.comments.push(Comment { id, on, author, body: body()? });
            Ok(json!({ "id": id }))
        }
        (_, ["issues", "comments", id]) => {
            records.may("pull-requests", if method == "GET" { "read" } else { "write" })?;
            let id: u64 = id.parse().unwrap();
            let found = records.comments.iter_mut().find(|c| c.id == id).unwrap();
            match method {
                "GET" => {}
                "PATCH" => found.body = body()?,
                _ => panic!("{method}"),
            }
            Ok(comment(found))
        }
        ("GET", ["commits", sha, "pulls"]) => {
            records.may("pull-requests", "read")?;
            // As GitHub does, those that hold the commit in whatever way.
            let of = |p: &Pull| {
                json!({ "number": p.number, "head": { "sha": p.head },
                    "merged_at": p.merged.as_ref().map(|_| "2030-01-01T00:00:00Z"), "merge_commit_sha": p.merged })
            };
            let merged = |p: &&Pull| p.merged.as_deref() == Some(sha) || p.merged.is_none();
            Ok(records.pulls.iter().filter(merged).map(of).collect())
        }
        ("GET", ["issues"]) => {
            records.may("issues", "read")?;
            assert_eq!(query, "state=open&per_page=100");
            let issue =
                |i: &Issue| json!({ "number": i.number, "user": { "login": i.author }, "body": i.body });
            let pull = |p: &Pull| json!({ "number": p.number, "user": { "login": BOT }, "body": null, "pull_request": {} });
            let open = records.issues.iter().filter(|i| i.is_open).map(issue);
            Ok(records.pulls.iter().map(pull).chain(open).collect())
        }
        ("POST", ["issues"]) => {
            records.may("issues", "write")?;
            let (number, title) = (records.next_id(), fields["title"].as_str().unwrap().to_owned());
            let author = BOT.to_owned();
            records.issues.push(Issue { number, author, title, body: body()?, is_open: true });
            Ok(json!({ "number": number }))
        }
        ("PATCH", ["issues", number]) => {
            records.may("issues", "write")?;
            let number: u64 = number.parse().unwrap();
            let text = fields.get("body").map(|_| body()).transpose()?;
            let issue = records.issues.iter_mut().find(|i| i.number == number).unwrap();
            if let Some(text) = text {
                issue.body = text;
            }
            if let Some(state) = fields.get("state") {
                assert_eq!(state, "closed");
                issue.is_open = false;
            }
            Ok(json!({}))
        }
        _ => panic!("{method} {path}"),
    }
}

fn curl(call: &Call, records: &mut Records) -> String {
    // The token comes by the standard input, where no list of processes shows it.
    assert_eq!(call.input, format!("header = \"PRIVATE-TOKEN: {FORGE_TOKEN}\"\n"));
    let (mut url, mut method, mut body, mut quiet) = (None, "GET", None, false);
    let mut arguments = call.arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        match argument {
            "--silent" | "--show-error" | "--fail" => {}
            "--config" => assert_eq!(arguments.next(), Some("-")),
            "--request" => method = arguments.next().unwrap(),
            "--output" => quiet = arguments.next() == Some("/dev/null"),
            "--data-urlencode" => {
                let (name, file) = arguments.next().unwrap().split_once('@').unwrap();
                assert_eq!(name, "body");
                body = Some(call.value(&format!("@{file}")));
            }
            other => assert!(!other.starts_with('-') && url.replace(other).is_none(), "{other}"),
        }
    }
    let path = url.unwrap().strip_prefix("https://gitlab.test/api/v4/").unwrap();
    let answer = gitlab(records, method, path, body);
    if quiet { String::new() } else { answer.to_string() }
}

/// The part of GitLab's API that is used.
fn gitlab(records: &mut Records, method: &str, path: &str, body: Option<String>) -> Value {
    let note = |c: &Comment| {
        let author = if c.author == BOT { 1 } else { 2 };
        json!({ "id": c.id, "author": { "id": author }, "system": false, "body": c.body })
    };
    if (method, path) == ("GET", "user") {
        return json!({ "id": 1, "username": BOT });
    }
    let (path, query) = path
        .strip_prefix("projects/7/")
        .unwrap()
        .split_once('?')
        .unwrap_or((path.strip_prefix("projects/7/").unwrap(), ""));
    let parts: Vec<&str> = path.split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["merge_requests", iid, "notes"]) => {
            let page: usize = query.strip_prefix("sort=asc&per_page=100&page=").unwrap().parse().unwrap();
            let on: u64 = iid.parse().unwrap();
            let all = records.comments.iter().filter(|c| c.on == on);
            all.skip((page - 1) * 100).take(100).map(note).collect()
        }
        ("POST", ["merge_requests", iid, "notes"]) => {
            let (id, on, author) = (records.next_id(), iid.parse().unwrap(), BOT.to_owned());
            records.comments.push(Comment { id, on, author, body: body.unwrap() });
            json!({ "id": id })
        }
        ("PUT", ["merge_requests", iid, "notes", id]) => {
            let (on, id): (u64, u64) = (iid.parse().unwrap(), id.parse().unwrap());
            let found = records.comments.iter_mut().find(|c| c.on == on && c.id == id).unwrap();
            found.body = body.unwrap();
            note(found)
        }
        ("GET", ["repository", "commits", sha, "merge_requests"]) => {
            let of = |p: &Pull| {
                let state = if p.merged.is_some() { "merged" } else { "opened" };
                json!({ "iid": p.number, "state": state, "sha": p.head, "merge_commit_sha": p.merged,
                    "squash_commit_sha": null })
            };
            let merged = |p: &&Pull| p.merged.as_deref() == Some(sha) || p.merged.is_none();
            records.pulls.iter().filter(merged).map(of).collect()
        }
        _ => panic!("{method} {path}"),
    }
}

fn run_jq(call: &Call) -> String {
    let mut variables = vec![("$ENV".to_owned(), json!(call.environment))];
    let (mut filter, mut slurp) = (None, false);
    let mut arguments = call.arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--raw-output" => {}
            "--slurp" => slurp = true,
            "--arg" | "--argjson" => {
                let (name, value) = (arguments.next().unwrap(), arguments.next().unwrap());
                let value =
                    if argument == "--arg" { json!(value) } else { serde_json::from_str(value).unwrap() };
                variables.push((format!("${name}"), value));
            }
            other => assert!(!other.starts_with('-') && filter.replace(other).is_none(), "{other}"),
        }
    }
    let variables: Vec<(&str, Value)> = variables.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
    let inputs = if slurp {
        let values = serde_json::Deserializer::from_str(&call.input).into_iter::<Value>();
        json!(values.collect::<Result<Vec<_>, _>>().unwrap()).to_string()
    } else {
        call.input.clone()
    };
    jq(filter.unwrap(), &inputs, &variables)
}
