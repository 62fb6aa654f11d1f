//! A repository on a forge, and what the forge's runners do with it: they check a commit out, evaluate the conditions
//! of `examples/ci` and `action.yml`, and run their scripts with bash. Steps of other actions are noted and not run.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use flowform::emulator::Handle;
use serde_json::{Value, json};

use super::expression::{Context, condition, filled};
use super::forge::{FORGE_TOKEN, Forge, Pull, REPOSITORY};
use super::{CLIENT_SECRET, ORG, Sandbox, TOKEN, copy_folder};

/// Where this repository is: the action's own folder.
const ACTION: &str = env!("CARGO_MANIFEST_DIR");

/// The client that may only read, its secret, and the client that may write.
pub(crate) const READER: &str = "flowform-reader";
const READER_SECRET: &str = "r3ader-s3cret-value";
pub(crate) const WRITER: &str = "flowform-tests";

/// The token of a job on GitLab.
const JOB_TOKEN: &str = "j0b-t0ken-value";

/// What a run's page takes.
const LONGEST_SUMMARY: usize = 1024 * 1024;

/// Why a workflow runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// A push to a pull request.
    Pull(u64),
    /// A push to a pull request that comes from a fork.
    Fork(u64),
    /// A push to main of this commit.
    Push(&'a str),
    /// By hand, with this fingerprint.
    Dispatch(&'a str),
    Schedule,
}

/// How a job ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Job {
    pub(crate) name: String,
    /// The code of the first step that failed, or 0.
    pub(crate) code: i32,
    pub(crate) log: String,
    pub(crate) summary: String,
    pub(crate) outputs: BTreeMap<String, String>,
    /// Errors, warnings and notices that the runner took from the log, as they stand there.
    pub(crate) annotations: Vec<String>,
    /// What was kept: the artifact's name and its files.
    pub(crate) artifacts: BTreeMap<String, Vec<String>>,
    /// Steps of other actions that would have run.
    pub(crate) uses: Vec<String>,
}

impl Job {
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// Fails unless the run's page has this.
    #[track_caller]
    pub(crate) fn shows(self, text: &str) -> Self {
        assert!(self.summary.contains(text), "the summary does not show {text:?}\n{self}");
        self
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: code {}\n{}\n--- summary\n{}", self.name, self.code, self.log, self.summary)
    }
}

/// A repository on a forge.
pub(crate) struct Project<'a> {
    sandbox: &'a Sandbox,
    pub(crate) forge: Forge,
    /// Beside the sandbox, whose files are looked through for secrets.
    folder: tempfile::TempDir,
    runs: AtomicU32,
    /// Inputs that the action is given besides those of the workflow.
    pub(crate) inputs: BTreeMap<&'static str, String>,
}

impl<'a> Project<'a> {
    /// With the content of a folder of `examples/ci` on main.
    pub(crate) fn new(sandbox: &'a Sandbox, example: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inputs = BTreeMap::from([("flowform", env!("CARGO_BIN_EXE_flowform").to_owned())]);
        let project = Self { sandbox, forge: Forge::new(), folder, runs: AtomicU32::new(0), inputs };
        copy_folder(&Path::new(ACTION).join("examples/ci").join(example), &project.clone());
        project.git(&["init", "--quiet", "--bare", "-b", "main", "../origin.git"]);
        project.git(&["init", "--quiet", "-b", "main"]);
        project.git(&["remote", "add", "origin", &project.origin()]);
        // Who may not write contents cannot push, as on the forge.
        project.refuse_pushes(false);
        project.git(&["add", "--all"]);
        project.git(&["commit", "--quiet", "-m", "First"]);
        project.git(&["push", "--quiet", "origin", "main"]);
        project
    }

    fn clone(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    fn origin(&self) -> String {
        format!("file://{}/origin.git", self.folder.path().display())
    }

    /// Runs git as a person would; what it says.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut command = self.dressed("git", &self.clone());
        command.args(arguments).env("MAY_PUSH", "write").stderr(Stdio::inherit());
        for (role, name) in [("AUTHOR", "author"), ("COMMITTER", "author")] {
            command.env(format!("GIT_{role}_NAME"), name);
            command.env(format!("GIT_{role}_EMAIL"), "author@example.com");
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// A command of a runner or a person: with the stand-ins, and nothing else in its environment.
    fn dressed(&self, program: &str, folder: &Path) -> Command {
        std::fs::create_dir_all(folder).unwrap();
        let path = format!("{}:{}", self.forge.commands().display(), search_path());
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::null());
        command
    }

    /// Changes files on a branch, which begins at main, and pushes it. The pull request of that branch, opened if
    /// need be.
    pub(crate) fn change(&self, branch: &str, files: &[(&str, &str)]) -> u64 {
        let known = self.forge.records().pulls.iter().find(|p| p.branch == branch).map(|p| p.number);
        if known.is_some() {
            self.git(&["checkout", "--quiet", branch, "--"]);
        } else {
            self.git(&["checkout", "--quiet", "-b", branch, "main", "--"]);
        }
        for (name, text) in files {
            let path = self.clone().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", "A change"]);
        self.git(&["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]);
        let head = self.git(&["rev-parse", "HEAD"]);
        let mut records = self.forge.records();
        if let Some(number) = known {
            records.pulls.iter_mut().find(|p| p.number == number).unwrap().head = head;
            return number;
        }
        let number = records.next_id();
        let (title, branch) = (branch.to_owned(), branch.to_owned());
        records.pulls.push(Pull { number, title, branch, head, merged: None });
        number
    }

    pub(crate) fn pull(&self, number: u64) -> Pull {
        self.forge.records().pulls.iter().find(|p| p.number == number).unwrap().clone()
    }

    /// Merges a pull request; the commit on main.
    pub(crate) fn merge(&self, number: u64) -> String {
        let sha = self.merged(number);
        self.git(&["checkout", "--quiet", "-B", "main", &sha, "--"]);
        self.git(&["push", "--quiet", "origin", "main"]);
        self.forge.records().pulls.iter_mut().find(|p| p.number == number).unwrap().merged =
            Some(sha.clone());
        sha
    }

    /// The commit that main would be with a pull request merged.
    fn merged(&self, number: u64) -> String {
        self.git(&["checkout", "--quiet", "--detach", "main", "--"]);
        self.git(&["merge", "--quiet", "--no-ff", "-m", "A merge", &self.pull(number).head]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn main(&self) -> String {
        self.git(&["rev-parse", "main"])
    }

    /// The state's file as it is on its branch.
    pub(crate) fn state(&self) -> Option<String> {
        let known = self.git(&["ls-remote", "origin", "refs/heads/flowform-state"]);
        (!known.is_empty()).then(|| {
            self.git(&["fetch", "--quiet", "origin", "refs/heads/flowform-state"]);
            self.git(&["show", "FETCH_HEAD:dev.json"])
        })
    }

    /// Every file that the branch of the state holds.
    pub(crate) fn state_files(&self) -> Vec<String> {
        self.git(&["fetch", "--quiet", "origin", "refs/heads/flowform-state"]);
        let files = self.git(&["ls-tree", "-r", "--name-only", "FETCH_HEAD"]);
        files.lines().map(str::to_owned).collect()
    }

    /// A folder for a run, with a commit checked out of the origin as `actions/checkout` does it.
    fn checkout(&self, reference: &str) -> PathBuf {
        let folder = self.folder.path().join(format!("run-{}", self.runs.fetch_add(1, Ordering::Relaxed)));
        let work = folder.join("work");
        for arguments in [
            &["init", "--quiet", "-b", "main"][..],
            &["remote", "add", "origin", &self.origin()],
            &["fetch", "--quiet", "--no-tags", "--depth=1", "origin", reference],
            &["checkout", "--quiet", "--detach", "FETCH_HEAD"],
        ] {
            let status = self.dressed("git", &work).args(arguments).status().unwrap();
            assert!(status.success(), "git {arguments:?}");
        }
        folder
    }

    /// Runs the job of the example's workflow that this event is for.
    #[track_caller]
    pub(crate) fn github(&self, event: Event<'_>) -> Job {
        let workflow = yaml(&self.clone().join(".github/workflows/flowform.yml"));
        let pull = match event {
            Event::Pull(number) | Event::Fork(number) => Some(self.pull(number)),
            _ => None,
        };
        let (name, reference, sha) = match (event, &pull) {
            (_, Some(pull)) => {
                let (sha, reference) = (self.merged(pull.number), format!("refs/pull/{}/merge", pull.number));
                self.git(&["push", "--quiet", "--force", "origin", &format!("{sha}:{reference}")]);
                ("pull_request", reference, sha)
            }
            (Event::Push(sha), _) => ("push", "refs/heads/main".to_owned(), sha.to_owned()),
            (Event::Dispatch(_), _) => ("workflow_dispatch", "refs/heads/main".to_owned(), self.main()),
            _ => ("schedule", "refs/heads/main".to_owned(), self.main()),
        };
        let from = if matches!(event, Event::Fork(_)) { "somebody/pipelines" } else { REPOSITORY };
        let pull = pull.map(|p| {
            json!({ "number": p.number, "title": p.title,
                "head": { "sha": p.head, "ref": p.branch, "repo": { "full_name": from } } })
        });
        let github = json!({
            "event_name": name, "ref": reference, "sha": sha, "repository": REPOSITORY, "token": FORGE_TOKEN,
            "event": { "pull_request": pull },
        });
        let fingerprint = if let Event::Dispatch(fingerprint) = event { fingerprint } else { "" };
        let is_trusted = !matches!(event, Event::Fork(_));
        let mut values = json!({
            "github": github,
            "inputs": { "fingerprint": fingerprint },
            "vars": { "ADOBE_ORG_ID": ORG, "ADOBE_READ_CLIENT_ID": READER },
            "secrets": if is_trusted {
                json!({ "ADOBE_READ_CLIENT_SECRET": READER_SECRET, "ZENDESK_ACCESS_TOKEN": TOKEN })
            } else {
                json!({})
            },
        });
        assert!(workflow["on"].get(name).is_some(), "the workflow does not run on {name}");
        let see = Context { values: &values, failed: false };
        let mut jobs = workflow["jobs"].as_object().unwrap().iter();
        let (job_name, job) = jobs.find(|(_, job)| condition(job["if"].as_str().unwrap(), &see)).unwrap();
        assert!(!jobs.any(|(_, job)| condition(job["if"].as_str().unwrap(), &see)), "two jobs run on {name}");
        // What an environment has, a job that names it sees, on a branch that the environment is for.
        if job["environment"] == "flowform" && reference == "refs/heads/main" {
            values["vars"]["ADOBE_CLIENT_ID"] = json!(WRITER);
            values["secrets"]["ADOBE_CLIENT_SECRET"] = json!(CLIENT_SECRET);
        }
        let permissions: BTreeMap<String, String> =
            serde_json::from_value(job["permissions"].clone()).unwrap();
        let permissions = permissions
            .into_iter()
            .map(|(what, how)| (what, if is_trusted { how } else { "read".to_owned() }))
            .collect();
        self.forge.records().permissions = permissions;

        let see = Context { values: &values, failed: false };
        let own = job["env"].as_object().unwrap();
        let mut environment: Vec<(String, String)> = workflow["env"]
            .as_object()
            .unwrap()
            .iter()
            .chain(own)
            .map(|(name, text)| (name.clone(), filled(text.as_str().unwrap(), &see)))
            .collect();
        let pull_branch = github["event"]["pull_request"]["head"]["ref"].as_str().unwrap_or_default();
        for (variable, value) in [
            ("GITHUB_EVENT_NAME", name),
            ("GITHUB_REF", &reference),
            ("GITHUB_REF_NAME", reference.trim_start_matches("refs/").trim_start_matches("heads/")),
            ("GITHUB_HEAD_REF", pull_branch),
            ("GITHUB_SHA", &sha),
            ("GITHUB_REPOSITORY", REPOSITORY),
            ("GITHUB_SERVER_URL", "https://github.test"),
            ("GITHUB_RUN_ID", "4711"),
            ("GITHUB_ACTOR", "author"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_ACTION_PATH", ACTION),
            ("CI", "true"),
            ("RUNNER_OS", "Linux"),
            ("RUNNER_ARCH", "X64"),
        ] {
            environment.push((variable.to_owned(), value.to_owned()));
        }
        let mut done = Job { name: job_name.clone(), ..Job::default() };
        let mut folder = None;
        for step in job["steps"].as_array().unwrap() {
            let uses = step["uses"].as_str().unwrap();
            if uses.starts_with("actions/checkout@") {
                folder = Some(self.checkout(&reference));
                continue;
            }
            assert!(uses.starts_with("OWNER/flowform@"), "{uses}");
            let see = Context { values: &values, failed: false };
            let mut with = step["with"].as_object().unwrap().clone();
            for value in with.values_mut() {
                *value = json!(filled(value.as_str().unwrap(), &see));
            }
            with.extend(self.inputs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
            let folder = folder.as_ref().unwrap();
            values["runner"] = json!({ "temp": folder.join("temp") });
            self.action(&with, &values, &environment, folder, &mut done);
        }
        self.finish(&done);
        done
    }

    /// Runs the steps of `action.yml`.
    fn action(
        &self,
        with: &serde_json::Map<String, Value>,
        caller: &Value,
        environment: &[(String, String)],
        folder: &Path,
        job: &mut Job,
    ) {
        let action = yaml(&Path::new(ACTION).join("action.yml"));
        let mut values = json!({ "github": caller["github"], "runner": caller["runner"], "steps": {} });
        let declared = action["inputs"].as_object().unwrap();
        assert!(with.keys().all(|name| declared.contains_key(name)), "an input is not declared: {with:?}");
        let mut inputs = serde_json::Map::new();
        for (name, input) in declared {
            let see = Context { values: &values, failed: false };
            let default = || filled(input["default"].as_str().unwrap_or_default(), &see);
            let value = with.get(name).map_or_else(default, |v| v.as_str().unwrap().to_owned());
            inputs.insert(name.clone(), json!(value));
        }
        values["inputs"] = Value::Object(inputs);
        for step in action["runs"]["steps"].as_array().unwrap() {
            let see = Context { values: &values, failed: job.code != 0 };
            if !condition(step["if"].as_str().unwrap_or("success()"), &see) {
                continue;
            }
            let fill = |text: &Value| filled(text.as_str().unwrap(), &see);
            if let Some(uses) = step["uses"].as_str() {
                job.uses.push(uses.to_owned());
                if uses.starts_with("actions/upload-artifact@") {
                    let paths = fill(&step["with"]["path"]);
                    let paths =
                        paths.lines().map(|path| folder.join("work").join(path)).filter(|p| p.exists());
                    let files = paths.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
                    job.artifacts.insert(fill(&step["with"]["name"]), files.collect());
                }
                continue;
            }
            assert_eq!(step["shell"], "bash");
            let script = step["run"].as_str().unwrap();
            assert!(!script.contains("${{"), "an expression within a script: {script}");
            let mut all = environment.to_vec();
            let own = step.get("env").and_then(Value::as_object);
            all.extend(own.into_iter().flatten().map(|(name, text)| (name.clone(), fill(text))));
            let outputs = self.step(script, &all, folder, job);
            if let Some(id) = step["id"].as_str() {
                values["steps"][id] = json!({ "outputs": outputs });
            }
        }
        let see = Context { values: &values, failed: false };
        for (name, output) in action["outputs"].as_object().unwrap() {
            job.outputs.insert(name.clone(), filled(output["value"].as_str().unwrap(), &see));
        }
    }

    /// Runs a script as the runner does; its outputs.
    fn step(
        &self,
        script: &str,
        environment: &[(String, String)],
        folder: &Path,
        job: &mut Job,
    ) -> BTreeMap<String, String> {
        let temp = folder.join("temp");
        std::fs::create_dir_all(&temp).unwrap();
        let files = ["OUTPUT", "ENV", "PATH", "STEP_SUMMARY", "STATE"];
        for name in files {
            std::fs::write(temp.join(name), "").unwrap();
        }
        let mut command = self.dressed("bash", &folder.join("work"));
        command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.envs(files.map(|name| (format!("GITHUB_{name}"), temp.join(name))));
        command.env("RUNNER_TEMP", &temp);
        let may = self.forge.records().permissions.get("contents").cloned().unwrap_or_default();
        command.env("MAY_PUSH", may);
        let (code, log) = self.platform(command, &temp);
        job.log.push_str(&log);
        job.annotations.extend(annotations(&log));
        if job.code == 0 {
            job.code = code;
        }
        let read = |name: &str| std::fs::read_to_string(temp.join(name)).unwrap();
        assert_eq!(read("ENV") + &read("PATH") + &read("STATE"), "", "the job's own environment was changed");
        let summary = read("STEP_SUMMARY");
        assert!(summary.len() <= LONGEST_SUMMARY);
        job.summary.push_str(&summary);
        read("OUTPUT")
            .lines()
            .map(|line| line.split_once('=').unwrap_or_else(|| panic!("no output: {line}")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Runs a command that talks to the sandbox's platform; its code, and both its streams as one.
    fn platform(&self, mut command: Command, temp: &Path) -> (i32, String) {
        let path = temp.join("log");
        let log = std::fs::File::create(&path).unwrap();
        let url = self.sandbox.emulator.as_ref().map(Handle::url).unwrap();
        command.env("FLOWFORM_GATEWAY", url).env("FLOWFORM_IMS", url).env("FLOWFORM_RETRY_WAIT", "0.001");
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let status = command.status().unwrap();
        (status.code().unwrap(), std::fs::read_to_string(path).unwrap())
    }

    /// Runs the jobs of the example's pipeline that these variables ask for, in order, until one fails. `by_hand`:
    /// those that wait for a person, too.
    #[track_caller]
    pub(crate) fn gitlab(&self, event: Event<'_>, variables: &[(&str, &str)], by_hand: bool) -> Vec<Job> {
        let own = yaml(&self.clone().join(".gitlab-ci.yml"));
        let template = yaml(&self.clone().join(".gitlab/flowform.yml"));
        assert_eq!(own["include"], json!([{ "local": ".gitlab/flowform.yml" }]));
        let main = self.main();
        let url = format!("{}/origin", self.folder.path().display());
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        let mut set = |name: &str, value: &str| all.insert(name.to_owned(), value.to_owned());
        for source in [&template["variables"], &own["variables"]] {
            for (name, value) in source.as_object().unwrap() {
                set(name, value.as_str().unwrap());
            }
        }
        for (name, value) in [
            ("CI", "true"),
            ("CI_PIPELINE_ID", "4711"),
            ("CI_PROJECT_ID", "7"),
            ("CI_PROJECT_URL", &url),
            ("CI_API_V4_URL", "https://gitlab.test/api/v4"),
            ("CI_DEFAULT_BRANCH", "main"),
            ("CI_JOB_TOKEN", JOB_TOKEN),
            ("FLOWFORM_TOKEN", FORGE_TOKEN),
            ("ADOBE_ORG_ID", ORG),
            ("ADOBE_CLIENT_ID", READER),
            ("ADOBE_CLIENT_SECRET", READER_SECRET),
            ("ZENDESK_ACCESS_TOKEN", TOKEN),
        ] {
            set(name, value);
        }
        let reference = match event {
            Event::Pull(number) => {
                let pull = self.pull(number);
                set("CI_PIPELINE_SOURCE", "merge_request_event");
                set("CI_MERGE_REQUEST_IID", &number.to_string());
                set("CI_MERGE_REQUEST_EVENT_TYPE", "detached");
                set("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main");
                set("CI_MERGE_REQUEST_TITLE", &pull.title);
                set("CI_COMMIT_SHA", &pull.head);
                format!("refs/heads/{}", pull.branch)
            }
            Event::Push(sha) => {
                set("CI_PIPELINE_SOURCE", "push");
                set("CI_COMMIT_BRANCH", "main");
                set("CI_COMMIT_SHA", sha);
                sha.to_owned()
            }
            Event::Schedule => {
                set("CI_PIPELINE_SOURCE", "schedule");
                set("CI_COMMIT_BRANCH", "main");
                set("CI_COMMIT_SHA", &main);
                main.clone()
            }
            Event::Fork(_) | Event::Dispatch(_) => panic!("not on GitLab"),
        };
        for (name, value) in variables {
            set(name, value);
        }
        let mut jobs: Vec<Job> = Vec::new();
        let mut artifacts: BTreeMap<String, String> = BTreeMap::new();
        for stage in own["stages"].as_array().unwrap() {
            for (name, job) in template.as_object().unwrap() {
                if job["stage"] != *stage || jobs.iter().any(|job| job.code != 0) {
                    continue;
                }
                let rule = job["rules"].as_array().unwrap().iter().find(|rule| holds(&rule["if"], &all));
                if !rule.is_some_and(|rule| by_hand || rule["when"] != "manual") {
                    continue;
                }
                assert_eq!(job["extends"], ".flowform");
                let folder = self.checkout(&reference);
                let work = folder.join("work");
                if job["variables"]["GIT_DEPTH"] == "0" {
                    self.dressed("git", &work)
                        .args(["fetch", "-q", "--unshallow", "origin"])
                        .status()
                        .unwrap();
                }
                for needed in job["needs"].as_array().into_iter().flatten() {
                    assert!(jobs.iter().any(|job| needed == &job.name));
                    for (file, text) in &artifacts {
                        std::fs::write(work.join(file), text).unwrap();
                    }
                }
                let lines = [&template[".flowform"]["before_script"], &job["script"]];
                let lines =
                    lines.into_iter().flat_map(|l| l.as_array().unwrap()).map(|l| l.as_str().unwrap());
                let script = lines.collect::<Vec<_>>().join("\n");
                let mut command = self.dressed("bash", &work);
                command.args(["-e", "-o", "pipefail", "-c", &script]).envs(&all);
                // Variables of an environment are for the jobs that name it.
                if job["environment"] == "flowform" {
                    command.env("ADOBE_CLIENT_ID", WRITER).env("ADOBE_CLIENT_SECRET", CLIENT_SECRET);
                }
                command.env("CI_PROJECT_DIR", &work).env("MAY_PUSH", "write");
                let bin = work.join(".flowform/bin");
                std::fs::create_dir_all(&bin).unwrap();
                link(env!("CARGO_BIN_EXE_flowform"), &bin.join("flowform"));
                let temp = folder.join("temp");
                std::fs::create_dir_all(&temp).unwrap();
                let (code, log) = self.platform(command, &temp);
                let mut done = Job { name: name.clone(), code, log, ..Job::default() };
                let kept = &job["artifacts"];
                let reports = kept["reports"].as_object().into_iter().flat_map(|all| all.values());
                for path in kept["paths"].as_array().into_iter().flatten().chain(reports) {
                    let path = path.as_str().unwrap();
                    if let Ok(text) = std::fs::read_to_string(work.join(path)) {
                        done.artifacts.insert(path.to_owned(), vec![text.clone()]);
                        artifacts.insert(path.to_owned(), text);
                    }
                }
                self.finish(&done);
                jobs.push(done);
            }
        }
        jobs
    }

    /// Nothing that must stay secret is anywhere, and every call was understood.
    #[track_caller]
    fn finish(&self, job: &Job) {
        self.forge.check();
        let mut all = vec![("log".to_owned(), job.to_string()), ("job".to_owned(), format!("{job:?}"))];
        all.push(("forge".to_owned(), format!("{:?}", self.forge.records())));
        for path in self.files() {
            all.push((
                path.display().to_string(),
                String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned(),
            ));
        }
        for (place, text) in all {
            for secret in [CLIENT_SECRET, READER_SECRET, TOKEN, FORGE_TOKEN, JOB_TOKEN] {
                assert!(!text.contains(secret), "{place} has the secret {secret}");
            }
        }
    }

    /// How many files of this name there are in all runs.
    pub(crate) fn files_named(&self, name: &str) -> usize {
        self.files().iter().filter(|path| path.file_name().is_some_and(|n| n == name)).count()
    }

    /// Every file of every run and every checkout, but for git's own objects and our program.
    fn files(&self) -> Vec<PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![self.folder.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let (path, kind) = (entry.path(), entry.file_type().unwrap());
                if kind.is_dir() && entry.file_name() != "objects" {
                    folders.push(path);
                } else if kind.is_file() && entry.file_name() != "flowform" {
                    files.push(path);
                }
            }
        }
        files
    }

    /// Whether the origin takes pushes from runners.
    pub(crate) fn refuse_pushes(&self, refuse: bool) {
        self.hook(if refuse { "exit 1" } else { "[ \"$MAY_PUSH\" = write ]" });
    }

    fn hook(&self, line: &str) {
        let hook = self.folder.path().join("origin.git/hooks/pre-receive");
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::write(&hook, format!("#!/bin/sh\n{line}\n")).unwrap();
        super::forge::make_executable(&hook);
    }

    /// Puts a command of this script beside the stand-ins, where `FLOWFORM` is our binary; the file that it notes its
    /// folder and arguments in.
    pub(crate) fn command(&self, name: &str, script: &str) -> PathBuf {
        let log = self.folder.path().join(format!("{name}.log"));
        let script = script.replace("FLOWFORM", env!("CARGO_BIN_EXE_flowform"));
        let path = self.forge.commands().join(name);
        let text = format!("#!/usr/bin/env bash\necho \"$PWD: $*\" >>'{}'\n{script}", log.display());
        std::fs::write(&path, text).unwrap();
        super::forge::make_executable(&path);
        log
    }
}

#[cfg(unix)]
fn link(program: &str, to: &Path) {
    std::os::unix::fs::symlink(program, to).unwrap();
}

#[cfg(not(unix))]
fn link(program: &str, to: &Path) {
    std::fs::copy(program, to).unwrap();
}

/// A YAML file as the forges read it.
pub(crate) fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Whether a rule of GitLab's holds: comparisons of variables, all of which have to hold.
fn holds(rule: &Value, variables: &BTreeMap<String, String>) -> bool {
    let value = |text: &str| -> Option<String> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix('$') {
            return variables.get(name).cloned();
        }
        Some(text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap().to_owned())
    };
    rule.as_str().unwrap().split(" && ").all(|part| {
        if let Some((one, other)) = part.split_once(" != ") {
            return value(one) != value(other);
        }
        let (one, other) = part.split_once(" == ").unwrap();
        value(one) == value(other)
    })
}

/// What GitHub's runner takes for commands in a log. Anything but annotations is something nobody meant.
fn annotations(log: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut stopped: Option<String> = None;
    for line in log.lines().map(str::trim_start) {
        if let Some(token) = &stopped {
            if line == format!("::{token}::") {
                stopped = None;
            }
        } else if let Some(token) = line.strip_prefix("::stop-commands::") {
            stopped = Some(token.to_owned());
        } else if let Some(command) = line.strip_prefix("::") {
            let known = ["error", "warning", "notice"].iter().any(|level| command.starts_with(level));
            assert!(known, "a command that nobody meant: {line}");
            found.push(line.to_owned());
        } else {
            assert!(!line.contains("##["), "a command that nobody meant: {line}");
        }
    }
    assert_eq!(stopped, None, "commands stay stopped");
    found
}

/// Where this machine's bash and git are.
#[expect(clippy::disallowed_methods, reason = "the tests of CI need the git that is installed")]
fn search_path() -> String {
    std::env::var("PATH").unwrap()
}
