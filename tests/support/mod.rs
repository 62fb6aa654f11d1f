//! The harness: a folder of its own for each test, a platform of its own, and commands in an empty environment.

pub(crate) mod expression;
pub(crate) mod forge;
pub(crate) mod hostile;
pub(crate) mod jq;
mod manifest;
mod mask;
pub(crate) mod mutate;
mod platform;
mod requests;
pub(crate) mod runner;

use std::collections::BTreeSet;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::{LazyLock, Mutex};

use flowform::emulator::{self, Behaviour, Fault, Handle};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) use manifest::{Text, described, pipeline};
use mask::Mask;
pub(crate) use platform::{Contents, Platform};
pub(crate) use requests::{Request, created, short};

/// Serves the emulators of all tests.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// The organisation that the tests' manifests name.
pub(crate) const ORG: &str = "0123456789ABCDEF01234567@AdobeOrg";

/// A secret's value, which must turn up nowhere but on the platform.
pub(crate) const TOKEN: &str = "zendesk-t0ken-f1rst-value";

/// The client's secret, which must turn up nowhere at all.
pub(crate) const CLIENT_SECRET: &str = "cl1ent-s3cret-value";

/// Where commands run and what they find.
pub(crate) struct Sandbox {
    folder: TempDir,
    /// Absent where commands start an emulator of their own (`--emulator`).
    emulator: Option<Handle>,
    environment: Vec<(String, String)>,
    behaviour: Vec<String>,
    mask: Mutex<Mask>,
}

impl Sandbox {
    /// With a platform that behaves as the documents say.
    pub(crate) fn new() -> Self {
        Self::behaving(&[])
    }

    /// With a platform whose switches stand like this.
    pub(crate) fn behaving(switches: &[&str]) -> Self {
        let mut sandbox = Self::bare();
        sandbox.behaviour = switches.iter().map(ToString::to_string).collect();
        sandbox.environment = [
            ("ADOBE_CLIENT_ID", "flowform-tests"),
            ("ADOBE_CLIENT_SECRET", CLIENT_SECRET),
            ("ZENDESK_ACCESS_TOKEN", TOKEN),
            ("FLOWFORM_RETRY_WAIT", "0.001"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        sandbox.fail(&[]);
        sandbox
    }

    /// With nothing: no platform, nothing in the environment.
    pub(crate) fn bare() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            emulator: None,
            environment: Vec::new(),
            behaviour: Vec::new(),
            mask: Mutex::default(),
        }
    }

    /// The same again, in a folder of its own: manifests, state, platform, request log.
    pub(crate) fn copy(&self) -> Self {
        let mut copy =
            Self { environment: self.environment.clone(), behaviour: self.behaviour.clone(), ..Self::bare() };
        copy_folder(self.path(), copy.path());
        if self.emulator.is_some() {
            copy.fail(&[]);
        }
        copy
    }

    /// (Re)starts the platform, with these faults to come. What it holds stays.
    pub(crate) fn fail(&mut self, faults: &[&str]) {
        let behaviour = Behaviour::parse(self.behaviour.iter().map(String::as_str)).unwrap();
        self.stop();
        let options = emulator::Options {
            store: Some(self.store()),
            behaviour,
            faults: faults.iter().map(|fault| fault.parse::<Fault>().unwrap()).collect(),
            log: Some(self.path().join(LOG)),
            ..emulator::Options::default()
        };
        let handle = RUNTIME.block_on(emulator::start(options)).unwrap();
        self.set("FLOWFORM_GATEWAY", handle.url());
        self.set("FLOWFORM_IMS", handle.url());
        self.emulator = Some(handle);
    }

    /// Restarts the platform with other switches.
    pub(crate) fn behave(&mut self, switches: &[&str]) {
        self.behaviour = switches.iter().map(ToString::to_string).collect();
        self.fail(&[]);
    }

    /// Takes the platform away.
    pub(crate) fn stop(&mut self) {
        if let Some(old) = self.emulator.take() {
            RUNTIME.block_on(old.stop());
        }
    }

    /// Sets an environment variable of the commands to come.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file below the folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Writes the manifest that [`Sandbox::apply`] and its like use.
    pub(crate) fn manifest(&self, text: &Text) {
        self.write("m.yaml", text.as_str());
    }

    /// The command, not started yet.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowform"));
        self.dress(command.args(arguments));
        command
    }

    /// Gives a command its folder and its environment.
    pub(crate) fn dress<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path())
            .env("USER", "tester")
            .env("HOSTNAME", "testhost")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran<'_> {
        let output = self.command(arguments).output().unwrap();
        Ran::new(self, arguments, &output)
    }

    /// Runs a command to its end in so much memory, in kB.
    pub(crate) fn run_within(&self, memory: u32, arguments: &[&str]) -> Ran<'_> {
        let limited = format!("ulimit -v {memory}; exec \"$0\" \"$@\"");
        let ours = self.command(arguments);
        let mut command = Command::new("sh");
        command.arg("-c").arg(limited).arg(ours.get_program()).args(ours.get_args());
        command.current_dir(self.path()).env_clear().env("MALLOC_ARENA_MAX", "2").stdin(Stdio::null());
        command.envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command.output().unwrap();
        Ran::new(self, arguments, &output)
    }

    /// Starts a command.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running<'_> {
        let mut child = self.command(arguments).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Running { sandbox: self, arguments, child, stderr, said: String::new() }
    }

    /// Runs a verb on the manifest.
    fn verb(&self, verb: &[&str], more: &[&str]) -> Ran<'_> {
        let mut arguments = verb.to_vec();
        if self.path().join("m.yaml").exists() {
            arguments.push("m.yaml");
        }
        arguments.extend(more);
        self.run(&arguments)
    }

    pub(crate) fn apply(&self, more: &[&str]) -> Ran<'_> {
        self.verb(&["apply", "--auto-approve"], more)
    }

    pub(crate) fn destroy(&self, more: &[&str]) -> Ran<'_> {
        self.verb(&["destroy", "--auto-approve"], more)
    }

    /// Plans, and gives the plan as it would be saved.
    pub(crate) fn plan(&self, more: &[&str]) -> Planned {
        let out = tempfile::NamedTempFile::new().unwrap();
        let path = out.path().to_str().unwrap().to_owned();
        let ran = self.verb(&["plan", "-o", &path], more);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(!text.is_empty(), "no plan was made:\n{ran}");
        let document: Value = serde_json::from_str(&text).unwrap();
        Planned { text, code: ran.code, shown: ran.stdout, plan: document["plan"].clone() }
    }

    /// Applies the manifest, and finds nothing left to do.
    #[track_caller]
    pub(crate) fn converge(&self, more: &[&str]) {
        self.apply(more).success().end();
        let planned = self.plan(&[]);
        assert!(planned.is_empty(), "after an apply the plan is not empty:\n{planned}");
    }

    /// The file that holds the platform's objects.
    fn store(&self) -> PathBuf {
        let embedded = self.path().join("state/emulator").join(STORE);
        if self.emulator.is_some() || !embedded.exists() { self.path().join(STORE) } else { embedded }
    }

    /// What the platform holds, by kind; looking leaves no trace on it.
    pub(crate) fn contents(&self) -> Contents {
        Contents::read(&self.store())
    }

    /// Somebody else's way to the platform.
    pub(crate) fn somebody(&self) -> Platform {
        Platform::open(&RUNTIME, &self.store(), &self.behaviour)
    }

    /// Every request so far, in order of their answers.
    pub(crate) fn requests(&self) -> Vec<Request> {
        requests::read(&self.path().join(LOG))
    }

    /// The requests that `during` brings about.
    pub(crate) fn recorded(&self, during: impl FnOnce(&Self)) -> Vec<Request> {
        let before = self.requests().len();
        during(self);
        self.requests().split_off(before)
    }

    /// The state, snapshot and log together, as `flowform state` would read it; `Null` when there is none.
    pub(crate) fn state(&self) -> Value {
        let file = flowform::state::StateFile::new(self.state_path());
        let Some(state) = file.read().unwrap() else { return Value::Null };
        let entries: serde_json::Map<String, Value> = state
            .entries
            .iter()
            .map(|(address, entry)| (address.to_string(), serde_json::to_value(entry).unwrap()))
            .collect();
        serde_json::json!({ "entries": entries, "inFlight": state.in_flight.is_some() })
    }

    pub(crate) fn state_path(&self) -> PathBuf {
        let embedded = self.path().join("state/emulator/dev.json");
        if self.emulator.is_some() || !embedded.exists() {
            self.path().join("state/dev.json")
        } else {
            embedded
        }
    }

    /// What the state manages: address and id.
    pub(crate) fn managed(&self) -> Vec<(String, String)> {
        let state = self.state();
        let entries = state["entries"].as_object().into_iter().flatten();
        entries.map(|(address, entry)| (address.clone(), entry["id"].as_str().unwrap().to_owned())).collect()
    }

    /// Fails unless the state and the platform hold the same objects, each once, and nothing is in flight.
    #[track_caller]
    pub(crate) fn state_is_the_platform(&self) {
        let state = self.state();
        assert_eq!(state["inFlight"], false, "a plan is still in flight");
        let managed: BTreeSet<String> = self.managed().into_iter().map(|(_, id)| id).collect();
        let there: BTreeSet<String> = self.contents().all().map(|object| object.id.clone()).collect();
        assert_eq!(managed, there, "the state does not hold what the platform holds");
        for (address, entry) in state["entries"].as_object().unwrap() {
            assert!(entry.get("replaced").is_none(), "{address} still has something to delete");
        }
    }

    /// Every file below the folder with its content, but for the platform's own.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        list(self.path(), &mut files);
        files.retain(|(path, _)| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name != LOG && !name.starts_with(STORE)
        });
        files.sort();
        files
    }

    /// With placeholders for what differs from run to run.
    pub(crate) fn masked(&self, text: &str) -> String {
        let url = self.emulator.as_ref().map(Handle::url);
        self.mask.lock().unwrap().apply(text, self.path(), url)
    }
}

const LOG: &str = "requests.log";
const STORE: &str = "platform.jsonl";

fn list(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else {
            let content = std::fs::read(&path).unwrap();
            files.push((path, content));
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// How a command ended: all that a person sees of it. Shown as one text, with placeholders.
#[must_use = "a command that nobody looks at proves nothing"]
pub(crate) struct Ran<'a> {
    sandbox: &'a Sandbox,
    command: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
}

impl<'a> Ran<'a> {
    fn new(sandbox: &'a Sandbox, arguments: &[&str], output: &Output) -> Self {
        Self {
            sandbox,
            command: arguments.join(" "),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
            code: output.status.code(),
        }
    }

    /// Fails unless it ended with 0.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.exit(0)
    }

    /// Fails unless it ended with this code.
    #[track_caller]
    pub(crate) fn exit(self, code: i32) -> Self {
        assert!(self.code == Some(code), "expected exit code {code}:\n{self}");
        self
    }

    /// Fails unless stderr has this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(flat(&self.stderr).contains(text), "stderr does not say {text:?}:\n{self}");
        self
    }

    /// Fails unless stdout has this.
    #[track_caller]
    pub(crate) fn shows(self, text: &str) -> Self {
        assert!(flat(&self.stdout).contains(text), "stdout does not show {text:?}:\n{self}");
        self
    }

    /// Nothing more is asked of it.
    pub(crate) fn end(self) {
        let _ = self.code;
    }
}

/// In one line, so that it does not matter where a text was wrapped.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Ran<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or("signal".to_owned(), |code| code.to_string());
        let text = format!("$ flowform {}\n{}", self.command, self.stdout);
        let talk = self.stderr.lines().fold(String::new(), |text, line| text + "! " + line + "\n");
        f.write_str(&self.sandbox.masked(&format!("{text}{talk}[exit code {code}]\n")))
    }
}

/// A command that runs.
pub(crate) struct Running<'a> {
    sandbox: &'a Sandbox,
    arguments: Vec<String>,
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl<'a> Running<'a> {
    /// Waits until a file is there, which the emulator makes when it holds a request.
    #[track_caller]
    pub(crate) fn until(&mut self, file: &str) {
        let path = self.sandbox.path().join(file);
        // Ten thousand looks: only a command that hangs for good gets there, and then the test fails.
        for _ in 0..10_000 {
            if path.exists() {
                return;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "it ended before {file} was there");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("{file} never came");
    }

    /// Waits until a file is there, or the command has ended; whether it is there.
    pub(crate) fn until_or_end(&mut self, file: &str) -> bool {
        let path = self.sandbox.path().join(file);
        while !path.exists() {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        true
    }

    /// Sends a signal, by the name that `kill` knows.
    pub(crate) fn signal(&mut self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until a line on stderr has this.
    #[track_caller]
    pub(crate) fn until_it_says(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.stderr.read_line(&mut line).unwrap(), 0, "it never said {text:?}: {}", self.said);
            self.said.push_str(&line);
        }
    }

    /// Waits until a line on stderr begins with this, and gives its rest; `None` if it ends without.
    pub(crate) fn until_it_may_say(&mut self, text: &str) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.stderr.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            self.said.push_str(&line);
            if let Some(rest) = line.strip_prefix(text) {
                return Some(rest.trim_end().to_owned());
            }
        }
    }

    /// Waits until a file is there; `false` if it ends without.
    pub(crate) fn comes_to(&mut self, file: &Path) -> bool {
        while !file.exists() {
            if self.child.try_wait().unwrap().is_some() {
                return file.exists();
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        true
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The first line on stdout.
    pub(crate) fn first_line(&mut self) -> String {
        let mut line = String::new();
        let mut byte = [0];
        let stdout = self.child.stdout.as_mut().unwrap();
        // Byte by byte, so that nothing is taken from what comes after it.
        while stdout.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            line.push(char::from(byte[0]));
        }
        line
    }

    /// Runs another command while this one runs.
    pub(crate) fn beside(&self, arguments: &[&str]) -> Ran<'a> {
        self.sandbox.run(arguments)
    }

    /// Starts another command while this one runs.
    pub(crate) fn start_beside(&self, arguments: &[&str]) -> Running<'a> {
        self.sandbox.start(arguments)
    }

    /// Lets a held request go on.
    pub(crate) fn release(&self, file: &str) {
        std::fs::remove_file(self.sandbox.path().join(file)).unwrap();
    }

    pub(crate) fn end(mut self) -> Ran<'a> {
        self.stderr.read_to_string(&mut self.said).unwrap();
        let mut output = self.child.wait_with_output().unwrap();
        output.stderr = self.said.into_bytes();
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        Ran::new(self.sandbox, &arguments, &output)
    }
}

/// A plan, as data.
#[must_use = "a plan that nobody looks at proves nothing"]
pub(crate) struct Planned {
    /// The saved file.
    pub(crate) text: String,
    pub(crate) code: Option<i32>,
    shown: String,
    pub(crate) plan: Value,
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[exit code {:?}]", self.shown, self.code)
    }
}

impl Planned {
    pub(crate) fn is_empty(&self) -> bool {
        self.operations().is_empty() && self.list("drift").is_empty() && self.list("refusals").is_empty()
    }

    fn list(&self, member: &str) -> &[Value] {
        self.plan[member].as_array().unwrap()
    }

    pub(crate) fn operations(&self) -> &[Value] {
        self.list("operations")
    }

    /// `ACTION ADDRESS` of every operation.
    pub(crate) fn actions(&self) -> Vec<String> {
        let text =
            |o: &Value| format!("{} {}", o["action"].as_str().unwrap(), o["address"].as_str().unwrap());
        self.operations().iter().map(text).collect()
    }

    /// `ADDRESS PATH` of every changed field.
    pub(crate) fn changes(&self) -> Vec<String> {
        fields(self.operations(), "changes")
    }

    /// `ADDRESS PATH` of every drifted field; `ADDRESS gone` of what is gone.
    pub(crate) fn drift(&self) -> Vec<String> {
        let gone = self.list("drift").iter().filter(|d| d["gone"] == true);
        let gone = gone.map(|d| format!("{} gone", d["address"].as_str().unwrap()));
        gone.chain(fields(self.list("drift"), "fields")).collect()
    }

    /// The fingerprint that the file says it has.
    pub(crate) fn fingerprint(&self) -> String {
        let document: Value = serde_json::from_str(&self.text).unwrap();
        document["fingerprint"].as_str().unwrap().to_owned()
    }
}

fn fields(of: &[Value], member: &str) -> Vec<String> {
    let mut all = Vec::new();
    for object in of {
        for field in object[member].as_array().into_iter().flatten() {
            let (address, path) = (object["address"].as_str().unwrap(), field["path"].as_str().unwrap());
            all.push(format!("{address} {path}"));
        }
    }
    all
}
