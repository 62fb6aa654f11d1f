//! What a user of the integrations may say reaches validate, plan, apply and drift alike, on GitHub and on GitLab: variables,
//! options, manifests and credentials; and the pages list what can be said. Needs bash and git.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::runner::{Event, Job, Project, READER, WRITER, yaml};
use crate::support::{Request, Sandbox, pipeline};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SPACED: &str = "my pipelines/users 1.yaml";
const OTHER: &str = "others/orders.yml";

/// One line that shells and forges could take for something else.
const HARD: &str = r#"a "b" 'c' = d; $HOME `touch pwned` $(touch pwned) %0A \n <<END # e"#;

/// Variables as they are given: the hard one, one of several lines, and an empty one; with the ends of lines of Windows.
fn vars() -> String {
    format!("\n  text={HARD}\r\nlines<<END\r\none\r\n  two = 2\r\nEND\r\nnothing=\n")
}

/// A repository whose manifests need every variable, below paths with blanks.
fn files(description: &str) -> [(&'static str, String); 2] {
    let users = pipeline("users").edit("from there to here", &format!("\"{description}\""));
    let orders = pipeline("orders").edit("from there to here", "\"x${var:nothing}y\"");
    [(SPACED, users.as_str().to_owned()), (OTHER, orders.as_str().to_owned())]
}

fn change(project: &Project<'_>, branch: &str, description: &str) -> u64 {
    let files = files(description);
    project.change(branch, &files.each_ref().map(|(name, text)| (*name, text.as_str())))
}

fn description(s: &Sandbox, flow: &str) -> String {
    s.contents().named("flows", flow).body["description"].as_str().unwrap().to_owned()
}

#[track_caller]
fn all_end(jobs: &[Job], code: i32) {
    let text = jobs.iter().map(ToString::to_string).collect::<String>();
    let (last, others) = jobs.split_last().unwrap();
    assert!(others.iter().all(|job| job.code == 0) && last.code == code, "{text}");
}

#[test]
fn what_is_given_reaches_every_command_on_github() {
    let s = Sandbox::new();
    let mut project = Project::new(&s, "github");
    project.inputs.insert("vars", vars());
    project.inputs.insert("manifests", format!("\n  my pipelines\n\n{OTHER}  \r\n"));
    // `--wait` is known to apply alone, `--sarif` to validate, `--requests` to plan.
    let options =
        "--sandbox dev\n--parallelism=2\n--wait\n--sarif=my report.sarif\n--requests\n--log  info\n";
    project.inputs.insert("options", options.to_owned());
    project.inputs.insert("fail-on", " replace,\ndelete ".to_owned());
    let number = change(&project, "first", "${var:text} ${var:lines}");
    project.github(Event::Pull(number)).ends(0);
    let sha = project.merge(number);
    project.github(Event::Push(&sha)).ends(0);
    assert_eq!(description(&s, "users flow"), format!("{HARD} one\n  two = 2"));
    assert_eq!(description(&s, "orders flow"), "xy");
    project.github(Event::Schedule).ends(0);
    s.somebody().describe("flows", s.contents().named("flows", "users flow"), "by hand");
    let job = project.github(Event::Schedule).ends(0);
    assert_eq!(job.outputs["exitcode"], "11", "{job}");
    // The checks of plans are not for a look for drift: this one would refuse it.
    project.inputs.insert("fail-on", "drift".to_owned());
    let job = project.github(Event::Schedule).ends(0);
    assert_eq!(job.outputs["exitcode"], "11", "{job}");
    assert_eq!(project.files_named("pwned"), 0);
    assert!(project.files_named("my report.sarif") > 0);
}

#[test]
fn what_is_given_reaches_every_command_on_gitlab() {
    let s = Sandbox::new();
    let project = Project::new(&s, "gitlab");
    let (vars, manifests) = (vars(), format!("my pipelines\n{OTHER}\n"));
    let options = "--sandbox dev\n--wait\n--max-deletes=3\n--target=users\n--target=orders";
    let given = |apply: &'static str| {
        vec![
            ("FLOWFORM_VARS", vars.as_str()),
            ("FLOWFORM_MANIFESTS", manifests.as_str()),
            ("FLOWFORM_OPTIONS", options),
            ("FLOWFORM_APPLY", apply),
        ]
    };
    let number = change(&project, "first", "${var:text} ${var:lines}");
    all_end(&project.gitlab(Event::Pull(number), &given("manual"), false), 0);
    let sha = project.merge(number);
    all_end(&project.gitlab(Event::Push(&sha), &given("manual"), true), 0);
    assert_eq!(description(&s, "users flow"), format!("{HARD} one\n  two = 2"));
    let number = change(&project, "second", "${var:text} ${var:lines}!");
    all_end(&project.gitlab(Event::Pull(number), &given("automatic"), false), 0);
    let sha = project.merge(number);
    all_end(&project.gitlab(Event::Push(&sha), &given("automatic"), false), 0);
    assert_eq!(description(&s, "users flow"), format!("{HARD} one\n  two = 2!"));
    all_end(&project.gitlab(Event::Schedule, &given("manual"), false), 0);
    s.somebody().describe("flows", s.contents().named("flows", "users flow"), "by hand");
    all_end(&project.gitlab(Event::Schedule, &given("manual"), false), 11);
    // Nobody reviewed that; its fingerprint, given by hand, says that it is meant.
    let mut automatic = given("automatic");
    let jobs = project.gitlab(Event::Push(&sha), &automatic, false);
    all_end(&jobs, 7);
    let plan: Value = serde_json::from_str(&jobs[1].artifacts["plan.json"][0]).unwrap();
    let fingerprint = plan["fingerprint"].as_str().unwrap()[..16].to_owned();
    automatic.push(("FLOWFORM_EXPECT", &fingerprint));
    all_end(&project.gitlab(Event::Push(&sha), &automatic, false), 0);
    assert_eq!(description(&s, "users flow"), format!("{HARD} one\n  two = 2!"));
    assert_eq!(project.files_named("pwned"), 0);
}

#[test]
fn a_state_that_outlives_the_job_needs_no_branch() {
    let s = Sandbox::new();
    let project = Project::new(&s, "gitlab");
    let state = s.path().join("kept/dev.json").display().to_string();
    let given = [("FLOWFORM_STATE_BRANCH", ""), ("FLOWFORM_STATE", state.as_str())];
    let number = project.change("first", &[("pipelines/users.yaml", pipeline("users").as_str())]);
    let sha = project.merge(number);
    all_end(&project.gitlab(Event::Push(&sha), &given, true), 0);
    all_end(&project.gitlab(Event::Schedule, &given, false), 0);
    assert_eq!(project.state(), None);
    assert!(std::fs::read_to_string(state).unwrap().contains("users.dataflow"));
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything() {
    let s = Sandbox::new();
    let mut github = Project::new(&s, "github");
    let number = github.change("first", &[("pipelines/users.yaml", pipeline("users").as_str())]);
    let gitlab = Project::new(&s, "gitlab");
    gitlab.change("first", &[("pipelines/users.yaml", pipeline("users").as_str())]);
    for (input, variable, value, says) in [
        ("options", "FLOWFORM_OPTIONS", "--tagret=users", "--tagret, which flowform does not know"),
        ("options", "FLOWFORM_OPTIONS", "users.yaml", "begins with --"),
        ("options", "FLOWFORM_OPTIONS", "-o x", "begins with --"),
        ("options", "FLOWFORM_OPTIONS", "--", "begins with --"),
        ("options", "FLOWFORM_OPTIONS", "--log=info\n--destroy", "does not take --destroy"),
        ("options", "FLOWFORM_OPTIONS", "--expect 0123", "does not take --expect"),
        ("vars", "FLOWFORM_VARS", "s3cret-words", "as NAME=VALUE"),
        ("vars", "FLOWFORM_VARS", "a = s3cret-words", "as NAME=VALUE"),
        ("vars", "FLOWFORM_VARS", "=s3cret-words", "as NAME=VALUE"),
        ("vars", "FLOWFORM_VARS", "a<<END\ns3cret-words\n", "ends the value"),
        ("vars", "FLOWFORM_VARS", "a<<END\ns3cret-words\n END", "ends the value"),
        ("manifests", "FLOWFORM_MANIFESTS", " \n \r\n", "names no file"),
        ("comment", "", "yes", "true or false"),
        ("issue", "", "False", "true or false"),
    ] {
        let before = github.inputs.clone();
        github.inputs.insert(input, value.to_owned());
        let mut jobs = Vec::new();
        let requests = s.recorded(|_| {
            jobs.push(github.github(Event::Pull(number)));
            if !variable.is_empty() {
                jobs.push(gitlab.gitlab(Event::Schedule, &[(variable, value)], false).pop().unwrap());
            }
        });
        github.inputs = before;
        assert!(requests.is_empty());
        for job in jobs {
            assert!(job.code == 3 && job.log.contains(says), "{input}: {value:?}: {job}");
            assert!(!job.log.contains("s3cret-words"), "{job}");
        }
    }
}

/// The options that each command of flowform gets of these lines, as `ci/options.sh` has it.
fn options_for(s: &Sandbox, command: &str, lines: &str) -> Vec<String> {
    let script = r#"
        set -euo pipefail
        fail() { echo "$2" >&2; exit "$1"; }
        source "$1"; given=(); read_vars vars "text=x y"; read_options options "$2"; options_for "$3"
        printf '%s\n' "${options[@]}""#;
    let mut run = Command::new("bash");
    run.args(["-c", script, "bash"]).arg(Path::new(ROOT).join("ci/options.sh")).args([lines, command]);
    let output = s.dress(&mut run).env("FLOWFORM", env!("CARGO_BIN_EXE_flowform")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn each_command_gets_the_options_that_it_takes() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users").and(&pipeline("orders")));
    s.converge(&[]);
    s.run(&["plan", "m.yaml", "-o", "plan.json"]).success().end();
    let everywhere = ["--log=warn", "--color=never"];
    let places = ["--sandbox=dev", "--parallelism=2", "--timeout=30", "--retry-wait=0.001"];
    let chosen = ["--target=users", "--exclude=orders"];
    let meant = ["--send-secrets=users", "--replace=users.dataflow", "--allow-deletes=0"];
    let checks = ["--fail-on=drift", "--max-deletes=3"];
    let waits = ["--wait", "--wait-timeout=1m"];
    let plans = ["--requests"];
    let all = [&everywhere[..], &places, &chosen, &meant, &checks, &waits, &plans].concat();
    let var = ["--var=text=x y"];
    for (name, command, expected) in [
        ("validate", &["validate", "m.yaml"][..], vec![&var[..], &everywhere]),
        ("plan", &["plan", "m.yaml"], vec![&var, &everywhere, &places, &chosen, &meant, &checks, &plans]),
        ("drift", &["plan", "--refresh-only", "m.yaml"], vec![&var, &everywhere, &places, &chosen, &plans]),
        (
            "apply",
            &["apply", "m.yaml", "--auto-approve"],
            vec![&var, &everywhere, &places, &chosen, &meant, &checks, &waits],
        ),
        ("saved", &["apply", "plan.json", "--auto-approve"], vec![&everywhere, &places, &checks, &waits]),
    ] {
        let got = options_for(&s, name, &all.join("\n"));
        assert_eq!(got, expected.concat(), "{name}");
        // Not with a value for a variable that no manifest names, which may be a mistake of its own.
        let got = got.iter().map(String::as_str).filter(|option| !option.starts_with("--var"));
        let arguments: Vec<&str> = command.iter().copied().chain(got).collect();
        s.run(&arguments).success().end();
    }
}

#[test]
fn the_credential_that_writes_is_for_apply_alone() {
    let clients = |requests: &[Request]| -> BTreeSet<String> {
        requests.iter().filter_map(|request| request.api_key.clone()).collect()
    };
    let only = |name: &str| BTreeSet::from([name.to_owned()]);
    let manifest = [("pipelines/users.yaml", pipeline("users"))];
    let manifest = manifest.each_ref().map(|(name, text)| (*name, text.as_str()));
    let s = Sandbox::new();
    let project = Project::new(&s, "github");
    let number = project.change("first", &manifest);
    let sent = s.recorded(|_| drop(project.github(Event::Pull(number)).ends(0)));
    assert_eq!(clients(&sent), only(READER));
    let sha = project.merge(number);
    let sent = s.recorded(|_| drop(project.github(Event::Push(&sha)).ends(0)));
    assert_eq!(clients(&sent), only(WRITER));
    let sent = s.recorded(|_| drop(project.github(Event::Schedule).ends(0)));
    assert_eq!(clients(&sent), only(READER));
    // Nothing that all jobs see is a secret, and the names are not the same at both places.
    let workflow = yaml(&Path::new(ROOT).join("examples/ci/github/.github/workflows/flowform.yml"));
    assert!(!workflow["env"].to_string().contains("secrets."), "{}", workflow["env"]);
    for (name, job) in workflow["jobs"].as_object().unwrap() {
        let writes = job["env"].to_string().contains("secrets.ADOBE_CLIENT_SECRET");
        assert_eq!(writes, name == "apply");
        assert_eq!(job["environment"] == "flowform", name == "apply");
    }

    let s = Sandbox::new();
    let project = Project::new(&s, "gitlab");
    let number = project.change("first", &manifest);
    let sha = project.merge(number);
    let sent = s.recorded(|_| all_end(&project.gitlab(Event::Push(&sha), &[], false), 0));
    assert_eq!(clients(&sent), only(READER));
    let sent = s.recorded(|_| all_end(&project.gitlab(Event::Push(&sha), &[], true), 0));
    assert!(sent.iter().filter(|request| request.is_write()).all(|r| r.api_key.as_deref() == Some(WRITER)));
    let sent = s.recorded(|_| all_end(&project.gitlab(Event::Schedule, &[], false), 0));
    assert_eq!(clients(&sent), only(READER));
}

#[test]
fn both_systems_have_one_text_of_options() {
    let root = Path::new(ROOT);
    let shared = std::fs::read_to_string(root.join("ci/options.sh")).unwrap();
    let (_, shared) = shared.split_once('\n').unwrap();
    let template = yaml(&root.join("examples/ci/gitlab/.gitlab/flowform.yml"));
    let script = template[".flowform"]["before_script"][0].as_str().unwrap();
    let (_, rest) =
        script.split_once("# --- from here, the text of ci/options.sh in flowform's repository\n").unwrap();
    let (copy, _) = rest.split_once("# --- up to here").unwrap();
    assert_eq!(copy, shared, "copy ci/options.sh into the template, without its first line");
}

/// The first two cells of each row of the tables below a heading, as they stand between backticks.
fn rows(page: &str, heading: &str) -> Vec<(String, String)> {
    let (_, section) = page.split_once(&format!("## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let code = |cell: &str| cell.split('`').nth(1).unwrap_or_default().to_owned();
    section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            let names: Vec<String> = cells[1].split(',').map(code).collect();
            names.into_iter().map(move |name| (name, code(cells[2])))
        })
        .collect()
}

#[test]
fn the_pages_list_what_can_be_given() {
    let root = Path::new(ROOT);
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let action = yaml(&root.join("action.yml"));
    let page = read("docs/ci-github.md");
    let inputs = action["inputs"].as_object().unwrap();
    let (listed, outputs): (Vec<_>, Vec<_>) =
        rows(&page, "Inputs").into_iter().partition(|(name, _)| inputs.contains_key(name));
    for (name, default) in &listed {
        let real = inputs[name]["default"].as_str().unwrap_or_default();
        let real = if real.starts_with("${{") { "" } else { real };
        assert_eq!(default, real, "the default of {name}");
    }
    let names =
        |rows: &[(String, String)]| rows.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    assert_eq!(
        names(&listed),
        inputs.keys().cloned().collect(),
        "inputs of docs/ci-github.md and of action.yml"
    );
    let real: BTreeSet<String> = action["outputs"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names(&outputs), real, "outputs of docs/ci-github.md and of action.yml");
    // Each input is read by a step, and each variable of a step by a script.
    let text = read("action.yml");
    for name in inputs.keys() {
        assert!(text.contains(&format!("inputs.{name}")), "nothing reads the input {name}");
    }
    let scripts: String = ["apply", "build", "drift", "github", "lib", "plan", "run", "state"]
        .iter()
        .map(|name| read(&format!("ci/github/{name}.sh")))
        .collect();
    for step in action["runs"]["steps"].as_array().unwrap() {
        for name in step["env"].as_object().into_iter().flatten().map(|(name, _)| name) {
            // gh reads its token by itself.
            let read = scripts.contains(&format!("${name}")) || scripts.contains(&format!("$ENV.{name}"));
            assert!(read || name == "GH_TOKEN", "no script reads {name}");
        }
    }
    let template = yaml(&root.join("examples/ci/gitlab/.gitlab/flowform.yml"));
    let variables = template["variables"].as_object().unwrap();
    let listed = rows(&read("docs/ci-gitlab.md"), "Variables");
    let own = listed.iter().filter(|(name, _)| name.starts_with("FLOWFORM_") && name != "FLOWFORM_TOKEN");
    let mut seen = BTreeSet::new();
    for (name, default) in own {
        assert!(variables.contains_key(name), "the template has no {name}");
        if !default.is_empty() {
            assert_eq!(default, variables[name].as_str().unwrap(), "the default of {name}");
        }
        seen.insert(name.clone());
    }
    assert_eq!(
        seen,
        variables.keys().cloned().collect(),
        "variables of docs/ci-gitlab.md and of the template"
    );
}
