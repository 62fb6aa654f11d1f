//! The integrations run: the example repositories of `examples/ci`, in a real git repository with pull requests,
//! merges and drift, on stand-ins for the forges. Needs bash and git.

use std::path::Path;

use serde_json::Value;

use crate::support::forge::{BOT, Comment};
use crate::support::runner::{Event, Job, Project, yaml};
use crate::support::{Sandbox, Text, pipeline};

const USERS: &str = "pipelines/users.yaml";
const ORDERS: &str = "pipelines/orders.yaml";

/// A project with two pipelines besides the example's, all applied.
fn applied<'a>(s: &'a Sandbox, example: &str) -> Project<'a> {
    let project = Project::new(s, example);
    let (users, orders) = (pipeline("users"), pipeline("orders"));
    let number = project.change("first", &[(USERS, users.as_str()), (ORDERS, orders.as_str())]);
    if example == "github" {
        project.github(Event::Pull(number)).ends(0);
        let sha = project.merge(number);
        project.github(Event::Push(&sha)).ends(0);
    } else {
        let sha = project.merge(number);
        all_end(&project.gitlab(Event::Push(&sha), &[], true), 0);
    }
    project
}

fn every(name: &str, minutes: u32) -> String {
    pipeline(name).edit("interval: 15", &format!("interval: {minutes}")).as_str().to_owned()
}

/// How often a flow runs on the platform.
fn interval(s: &Sandbox, name: &str) -> i64 {
    let contents = s.contents();
    let interval = &contents.named("flows", name).body["scheduleParams"]["interval"];
    interval.as_i64().or_else(|| interval.as_str()?.parse().ok()).unwrap()
}

/// Somebody changes a flow behind our back.
fn by_hand(s: &Sandbox, name: &str) {
    s.somebody().describe("flows", s.contents().named("flows", name), "by hand");
}

/// Runs something that must not write to the platform, nor keep another state.
#[track_caller]
fn writes_nothing(s: &Sandbox, project: &Project<'_>, run: impl FnOnce() -> Job) -> Job {
    let before = project.state();
    let mut job = None;
    let requests = s.recorded(|_| job = Some(run()));
    let writes: Vec<_> = requests.iter().filter(|r| r.is_write()).collect();
    assert!(writes.is_empty(), "{writes:?}\n{}", job.unwrap());
    assert_eq!(before, project.state(), "the state changed");
    job.unwrap()
}

fn fingerprint(job: &Job) -> String {
    let fingerprint = &job.outputs["fingerprint"];
    assert_eq!(fingerprint.len(), 64, "{job}");
    fingerprint.clone()
}

#[test]
fn a_pull_request_gets_one_comment_that_follows_its_pushes() {
    let s = Sandbox::new();
    let project = Project::new(&s, "github");
    let number = project.change("users", &[(USERS, pipeline("users").as_str())]);
    // What others say is left alone, whatever it looks like.
    let forged = "<!-- flowform plan: x/dev -->\nLooks good\n\n<!-- flowform action: flowform 0 0 -->";
    for author in ["reviewer", "another-bot[bot]", BOT] {
        project.forge.say(number, author, if author == BOT { "Unrelated" } else { forged });
    }
    let first = writes_nothing(&s, &project, || project.github(Event::Pull(number)).ends(0));
    assert_eq!(first.outputs["changes"], "true");
    assert_eq!(first.outputs["exitcode"], "2");
    assert_eq!(first.artifacts["flowform-plan"], ["plan.json", "plan.html"]);
    assert!(!first.annotations.is_empty(), "{first}");
    assert_eq!(project.state(), None, "planning made the branch of the state");
    let ours = |project: &Project<'_>| -> Vec<Comment> {
        let all = project.forge.comments(number);
        assert_eq!(all.iter().filter(|c| c.body == forged || c.body == "Unrelated").count(), 3);
        all.into_iter().filter(|c| c.author == BOT && c.body != "Unrelated").collect()
    };
    let [comment] = ours(&project).try_into().unwrap();
    assert!(comment.body.starts_with("<!-- flowform plan: "), "{}", comment.body);
    assert!(comment.body.contains("users.dataflow"), "{}", comment.body);
    assert!(comment.body.contains(&project.pull(number).head), "{}", comment.body);
    assert!(comment.body.contains(&fingerprint(&first)), "{}", comment.body);
    assert!(first.summary.contains("users.dataflow"), "{first}");

    project.change("users", &[(USERS, &every("users", 30))]);
    let second = project.github(Event::Pull(number)).ends(0);
    let [changed] = ours(&project).try_into().unwrap();
    assert_eq!(changed.id, comment.id);
    assert!(changed.body.contains(&fingerprint(&second)) && fingerprint(&first) != fingerprint(&second));
}

#[test]
fn a_large_plan_fits_into_its_comment() {
    let s = Sandbox::new();
    let project = Project::new(&s, "github");
    let many = (1..40).fold(pipeline("p0"), |all, number| all.and(&pipeline(&format!("p{number}"))));
    let number = project.change("many", &[(USERS, many.as_str())]);
    let job = project.github(Event::Pull(number)).ends(0);
    let comment = project.forge.comment(number);
    assert!(comment.len() > 60_000, "{} is not much", comment.len());
    assert!(comment.trim_end().lines().last().unwrap().contains(&fingerprint(&job)));
    assert!(job.annotations.len() <= 10, "GitHub drops the others without a word: {:#?}", job.annotations);
}

#[test]
fn a_merge_applies_the_reviewed_plan() {
    let s = Sandbox::new();
    let project = applied(&s, "github");
    assert_eq!(s.contents().counts(), [3; 5]);
    assert_eq!(project.state_files(), ["dev.json"]);
    let number = project.change("slower", &[(USERS, &every("users", 30))]);
    let job = project.github(Event::Pull(number)).ends(0);
    let line = 1 + every("users", 30).lines().position(|line| line.contains("interval: 30")).unwrap();
    let there = format!("file={USERS},line={line},");
    assert!(job.annotations.iter().any(|a| a.starts_with("::notice") && a.contains(&there)), "{job}");
    let sha = project.merge(number);
    let job = project.github(Event::Push(&sha)).ends(0).shows("Applied the plan");
    assert_eq!((job.outputs["exitcode"].as_str(), job.name.as_str()), ("0", "apply"));
    assert_eq!(interval(&s, "users flow"), 30);
    // Run again: nothing is left to do, and nothing is said to be wrong.
    writes_nothing(&s, &project, || project.github(Event::Push(&sha)).ends(0));
    // Nothing to review in a change of something else.
    let number = project.change("readme", &[("README.md", "Pipelines")]);
    let job = project.github(Event::Pull(number)).ends(0);
    assert_eq!(job.outputs["changes"], "false");
    let sha = project.merge(number);
    writes_nothing(&s, &project, || project.github(Event::Push(&sha)).ends(0));
}

#[test]
fn a_stale_plan_is_refused_and_can_be_reviewed_anew() {
    let s = Sandbox::new();
    let project = applied(&s, "github");
    let number = project.change("slower", &[(USERS, &every("users", 30))]);
    let reviewed = fingerprint(&project.github(Event::Pull(number)).ends(0));
    by_hand(&s, "users flow");
    let sha = project.merge(number);
    let job = writes_nothing(&s, &project, || project.github(Event::Push(&sha)).ends(7))
        .shows("not the reviewed one")
        .shows(&reviewed)
        .shows("by hand");
    assert!(job.annotations.iter().any(|line| line.starts_with("::error") && line.contains("refused")));
    assert_eq!(interval(&s, "users flow"), 15);
    // Another fingerprint than the one of what would be done now is no way around the review.
    writes_nothing(&s, &project, || project.github(Event::Dispatch(&reviewed)).ends(7));
    writes_nothing(&s, &project, || project.github(Event::Dispatch("anything")).ends(3));
    let now = fingerprint(&job);
    assert_ne!(now, reviewed);
    project.github(Event::Dispatch(&now[..16])).ends(0).shows("Applied the plan");
    assert_eq!(interval(&s, "users flow"), 30);
}

#[test]
fn an_unrelated_merge_does_not_spoil_a_review() {
    let s = Sandbox::new();
    let project = applied(&s, "github");
    let one = project.change("one", &[(USERS, &every("users", 30))]);
    let two = project.change("two", &[(ORDERS, &every("orders", 60))]);
    project.github(Event::Pull(one)).ends(0);
    project.github(Event::Pull(two)).ends(0);
    let sha = project.merge(two);
    project.github(Event::Push(&sha)).ends(0);
    assert_eq!((interval(&s, "users flow"), interval(&s, "orders flow")), (15, 60));
    let sha = project.merge(one);
    project.github(Event::Push(&sha)).ends(0);
    assert_eq!((interval(&s, "users flow"), interval(&s, "orders flow")), (30, 60));
}

#[test]
fn what_nobody_reviewed_is_refused() {
    let s = Sandbox::new();
    let project = applied(&s, "github");
    let refused = |sha: &str, why: &str| {
        writes_nothing(&s, &project, || project.github(Event::Push(sha)).ends(7)).shows(why)
    };
    // Pushed to after the plan, and merged before the next one.
    let number = project.change("slower", &[(USERS, &every("users", 30))]);
    project.github(Event::Pull(number)).ends(0);
    project.change("slower", &[(USERS, &every("users", 45))]);
    let sha = project.merge(number);
    refused(&sha, "an earlier commit");
    // The plan of the last push could not be made; the one before it does not count.
    let number = project.change("slowest", &[(USERS, &every("users", 60))]);
    project.github(Event::Pull(number)).ends(0);
    project.change("slowest", &[(USERS, "pipeline: users\n")]);
    project.github(Event::Pull(number)).ends(4);
    project.change("slowest", &[(USERS, &every("users", 50))]);
    project.forge.records().pulls.last_mut().unwrap().head = project.git(&["rev-parse", "slowest~1"]);
    project.git(&["checkout", "--quiet", "-B", "main", "slowest", "--"]);
    project.git(&["push", "--quiet", "origin", "main"]);
    let sha = project.main();
    project.forge.records().pulls.last_mut().unwrap().merged = Some(sha.clone());
    refused(&sha, "No plan could be made");
    // Pushed to main without a pull request.
    project.git(&["commit", "--quiet", "--allow-empty", "-m", "Straight"]);
    let sha = project.main();
    refused(&sha, "No pull request");
    // A comment that somebody else wrote.
    let number = project.change("forged", &[(USERS, &every("users", 20))]);
    let job = project.github(Event::Pull(number)).ends(0);
    let body = project.forge.comment(number);
    project.forge.records().comments.retain(|c| c.on != number);
    project.forge.say(number, "somebody", &body);
    let sha = project.merge(number);
    refused(&sha, "has no comment of");
    assert!(body.contains(&fingerprint(&job)));
}

#[test]
fn mistakes_stand_at_their_lines() {
    let s = Sandbox::new();
    let project = applied(&s, "github");
    let wrong =
        pipeline("users").edit("interval: 15", "interval: often").edit("source: result.id", "sauce: x");
    let number = project.change("wrong", &[(USERS, wrong.as_str())]);
    let job = writes_nothing(&s, &project, || project.github(Event::Pull(number)).ends(4));
    let line = 1 + wrong.as_str().lines().position(|line| line.contains("often")).unwrap();
    let there = format!("file={USERS},line={line},");
    assert!(job.annotations.iter().any(|a| a.starts_with("::error") && a.contains(&there)), "{job}");
    assert!(job.annotations.iter().any(|a| a.contains("sauce")), "{job}");
    assert_eq!(job.outputs["fingerprint"], "");
    let comment = project.forge.comment(number);
    assert!(comment.contains("The manifest has mistakes") && comment.contains("often"), "{comment}");
    assert!(!job.artifacts.contains_key("flowform-plan"));
    // The same comment has the plan when they are put right.
    project.change("wrong", &[(USERS, &every("users", 30))]);
    project.github(Event::Pull(number)).ends(0);
    let comment = project.forge.comment(number);
    assert!(comment.contains("users.dataflow") && !comment.contains("mistakes"), "{comment}");
}

#[test]
fn a_plan_that_a_check_refuses_is_shown_and_fails() {
    let s = Sandbox::new();
    let project = applied(&s, "github");
    project.git(&["rm", "--quiet", USERS, ORDERS]);
    project.git(&["commit", "--quiet", "-m", "All gone"]);
    let number = project.change("gone", &[]);
    let job = writes_nothing(&s, &project, || project.github(Event::Pull(number)).ends(8));
    assert_eq!((job.outputs["exitcode"].as_str(), job.outputs["changes"].as_str()), ("8", "true"));
    assert!(job.artifacts.contains_key("flowform-plan"));
    assert!(project.forge.comment(number).contains("users.dataflow"));
    let sha = project.merge(number);
    writes_nothing(&s, &project, || project.github(Event::Push(&sha)).ends(8)).shows("Refused");
}

#[test]
fn nothing_of_a_pull_request_is_taken_for_a_command() {
    let s = Sandbox::new();
    let project = applied(&s, "github");
    let end = "<!-- flowform action: flowform 0 0 -->";
    let hostile = format!("x\\n::error::forged\\n##[warning]forged\\n{end}\\n```\\n$(touch pwned)");
    let text = pipeline("users").edit("from there to here", &format!("\"{hostile}\""));
    let text = text.edit("name: users source", "name: \"::add-mask::users `touch pwned`\"");
    let branch = "a;$(touch${IFS}pwned)`touch${IFS}pwned`'\"";
    let number = project.change(branch, &[("pipelines/$(touch pwned)::error::.yaml", text.as_str())]);
    project.forge.records().pulls.last_mut().unwrap().title = "$(touch pwned)\n::error::forged".to_owned();
    // The pipeline is there twice now, which is told at lines of a file with such a name.
    let job = project.github(Event::Pull(number)).ends(4);
    assert!(job.annotations.iter().all(|line| !line.starts_with("::error::")), "{:#?}", job.annotations);
    project.git(&["rm", "--quiet", USERS]);
    project.change(branch, &[]);
    let job = project.github(Event::Pull(number)).ends(0);
    assert!(job.annotations.iter().all(|line| !line.starts_with("::error")), "{:#?}", job.annotations);
    let comment = project.forge.comment(number);
    let last = comment.trim_end().lines().last().unwrap();
    assert!(last.contains(&fingerprint(&job)), "{comment}");
    let sha = project.merge(number);
    project.github(Event::Push(&sha)).ends(0);
    assert!(s.contents().all().any(|object| object.name.starts_with("::add-mask::")));
    // A manifest whose mistakes quote such text.
    let number =
        project.change("wrong", &[(USERS, "apiVersion: flowform/v1\npipeline: \"x\\n::error::forged\"\n")]);
    let job = project.github(Event::Pull(number)).ends(4);
    assert!(job.annotations.iter().all(|line| !line.starts_with("::error::")), "{:#?}", job.annotations);
    assert_eq!(project.files_named("pwned"), 0);
}

#[test]
fn drift_keeps_an_issue_while_it_lasts() {
    let s = Sandbox::new();
    let mut project = applied(&s, "github");
    let issues = |project: &Project<'_>| project.forge.records().issues.clone();
    project.github(Event::Schedule).ends(0);
    assert!(issues(&project).is_empty());
    by_hand(&s, "users flow");
    for _ in 0..2 {
        let job =
            writes_nothing(&s, &project, || project.github(Event::Schedule).ends(0)).shows("users.dataflow");
        assert_eq!((job.outputs["exitcode"].as_str(), job.outputs["changes"].as_str()), ("11", "true"));
    }
    let [issue] = issues(&project).try_into().unwrap();
    assert!(issue.is_open && issue.title.contains("drift") && issue.body.contains("users.dataflow"));
    project.inputs.insert("issue", "false".to_owned());
    project.github(Event::Schedule).ends(11);
    project.inputs.remove("issue");
    // Put right by a pull request that has nothing else to do.
    let number = project.change("again", &[]);
    project.github(Event::Pull(number)).ends(0);
    let sha = project.merge(number);
    project.github(Event::Push(&sha)).ends(0);
    project.github(Event::Schedule).ends(0);
    let [issue] = issues(&project).try_into().unwrap();
    assert!(!issue.is_open);
}

#[test]
fn a_fork_gets_its_manifests_checked_and_no_secret() {
    let s = Sandbox::new();
    let project = applied(&s, "github");
    let number = project.change("fork", &[(USERS, &every("users", 30))]);
    let mut job = None;
    let requests = s.recorded(|_| job = Some(project.github(Event::Fork(number)).ends(0).shows("fork")));
    assert!(requests.is_empty(), "{requests:?}");
    assert!(project.forge.comments(number).is_empty());
    project.change("fork", &[(USERS, "pipeline: users\n")]);
    let job = project.github(Event::Fork(number)).ends(4);
    assert!(job.annotations.iter().any(|a| a.contains(USERS)));
}

#[test]
fn a_state_that_cannot_be_kept_is_not_lost() {
    let s = Sandbox::new();
    let project = applied(&s, "github");
    let number = project.change("slower", &[(USERS, &every("users", 30))]);
    project.github(Event::Pull(number)).ends(0);
    let sha = project.merge(number);
    // Somebody takes the right to push away.
    project.refuse_pushes(true);
    let job = project.github(Event::Push(&sha)).ends(10);
    assert!(job.artifacts["flowform-state"].contains(&"state".to_owned()), "{job}");
    assert_eq!(interval(&s, "users flow"), 30);
    project.refuse_pushes(false);
}

#[test]
fn a_state_that_cannot_be_read_is_not_an_empty_one() {
    let s = Sandbox::new();
    let project = applied(&s, "github");
    let git = "[[ \"$*\" != ls-remote* ]] || exit 128\nPATH=\"${PATH#*:}\" exec git \"$@\"\n";
    let log = project.command("git", git);
    let mut job = None;
    let requests = s.recorded(|_| job = Some(project.github(Event::Schedule).ends(10)));
    assert!(requests.is_empty() && std::fs::read_to_string(log).unwrap().contains("ls-remote"), "{job:?}");
    assert!(job.unwrap().annotations.iter().any(|line| line.contains("cannot be fetched")));
}

#[test]
fn an_apply_that_fails_half_way_keeps_its_state() {
    let mut s = Sandbox::new();
    s.fail(&["POST /flows#*:status=400"]);
    let project = Project::new(&s, "github");
    let number = project.change("first", &[(USERS, pipeline("users").as_str())]);
    project.github(Event::Pull(number)).ends(0);
    let sha = project.merge(number);
    project.github(Event::Push(&sha)).ends(9).shows("code 9");
    assert!(project.state().unwrap().contains("users.mapping"));
}

#[test]
fn the_action_builds_itself_once() {
    let s = Sandbox::new();
    let mut project = Project::new(&s, "github");
    project.inputs.remove("flowform");
    let log = project.command(
        "cargo",
        "mkdir -p \"$CARGO_TARGET_DIR/release\"\ncp FLOWFORM \"$CARGO_TARGET_DIR/release/flowform\"\n",
    );
    let number = project.change("users", &[(USERS, pipeline("users").as_str())]);
    let job = project.github(Event::Pull(number)).ends(0);
    assert!(job.uses.iter().any(|uses| uses.starts_with("actions/cache@")), "{:?}", job.uses);
    let calls = std::fs::read_to_string(log).unwrap();
    assert!(calls.contains("build --release --locked"), "{calls}");
    // In the action's folder: a pull request's own cargo configuration is not read.
    assert!(calls.starts_with(env!("CARGO_MANIFEST_DIR")), "{calls}");
}

#[test]
fn the_workflow_and_the_action_say_what_they_must() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workflow = yaml(&root.join("examples/ci/github/.github/workflows/flowform.yml"));
    assert_eq!(workflow["permissions"], serde_json::json!({}), "a job that asks for nothing gets nothing");
    let action = yaml(&root.join("action.yml"));
    let steps = action["runs"]["steps"].as_array().unwrap();
    let jobs = workflow["jobs"].as_object().unwrap();
    let all = steps.iter().chain(jobs.values().flat_map(|job| job["steps"].as_array().unwrap()));
    for step in all {
        let uses = step["uses"].as_str().unwrap_or("actions/none@v1");
        let (name, version) = uses.split_once('@').unwrap();
        assert!(name.starts_with("actions/") || name == "OWNER/flowform", "{uses}");
        assert!(version.starts_with('v') || name == "OWNER/flowform", "{uses}");
        assert!(!step["run"].as_str().unwrap_or_default().contains("${{"), "{step}");
    }
    for name in ["apply", "drift"] {
        let expected =
            serde_json::json!({ "group": "flowform-apply", "cancel-in-progress": false, "queue": "max" });
        assert_eq!(jobs[name]["concurrency"], expected, "{name}");
    }
    // The page names every input and every output.
    let page = std::fs::read_to_string(root.join("docs/ci-github.md")).unwrap();
    for kind in ["inputs", "outputs"] {
        for name in action[kind].as_object().unwrap().keys() {
            assert!(
                page.contains(&format!("| `{name}` |")),
                "docs/ci-github.md does not name the {kind} {name}"
            );
        }
    }
}

#[test]
fn the_examples_are_valid() {
    let s = Sandbox::bare();
    for example in ["github", "gitlab", "pre-commit"] {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci").join(example).join("pipelines");
        s.run(&["validate", folder.to_str().unwrap()])
            .success()
            .shows("Valid: 5 objects in 1 pipeline.")
            .end();
    }
}

#[test]
fn the_hook_for_pre_commit_runs_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let hooks = yaml(&root.join(".pre-commit-hooks.yaml"));
    let config = yaml(&root.join("examples/ci/pre-commit/.pre-commit-config.yaml"));
    let used = &config["repos"][0]["hooks"][0];
    let hook = hooks.as_array().unwrap().iter().find(|hook| hook["id"] == used["id"]).unwrap();
    let words = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut arguments: Vec<String> = hook["entry"].as_str().unwrap().split(' ').map(str::to_owned).collect();
    assert_eq!(arguments.remove(0), "flowform");
    for given in [&hook["args"], &used["args"]] {
        let s = Sandbox::bare();
        let all: Vec<String> = arguments.iter().cloned().chain(words(given)).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        s.write(USERS, pipeline("users").as_str());
        s.run(&all).success().end();
        s.write(USERS, pipeline("users").edit("interval: 15", "interval: often").as_str());
        s.run(&all).exit(4).says("often").end();
    }
}

/// Fails unless all jobs but the last end well, and the last with this code.
#[track_caller]
fn all_end(jobs: &[Job], code: i32) {
    let text = jobs.iter().map(ToString::to_string).collect::<String>();
    let (last, others) = jobs.split_last().unwrap();
    assert!(others.iter().all(|job| job.code == 0) && last.code == code, "{text}");
}

fn names(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().map(|job| job.name.as_str()).collect()
}

#[test]
fn gitlab_plans_merge_requests_and_applies_by_hand() {
    let s = Sandbox::new();
    let project = applied(&s, "gitlab");
    assert_eq!(s.contents().counts(), [3; 5]);
    assert_eq!(project.state_files(), ["dev.json"]);
    let number = project.change("slower", &[(USERS, &every("users", 30))]);
    project.forge.say(number, "reviewer", "<!-- flowform plan: -->\n\n<!-- flowform job: 0 0 -->");
    let jobs = project.gitlab(Event::Pull(number), &[], false);
    all_end(&jobs, 0);
    assert_eq!(names(&jobs), ["flowform-validate", "flowform-plan"]);
    let counts: Value = serde_json::from_str(&jobs[1].artifacts["plan-report.json"][0]).unwrap();
    assert_eq!(counts, serde_json::json!({ "create": 0, "update": 1, "delete": 0 }));
    assert!(jobs[0].artifacts["validate.xml"][0].contains("<testsuites"));
    let first = project.forge.comments(number);
    assert_eq!(first.len(), 2, "{first:#?}");
    assert!(first[1].body.starts_with("<!-- flowform plan: ") && first[1].body.contains("users.dataflow"));
    project.change("slower", &[(USERS, &every("users", 45))]);
    all_end(&project.gitlab(Event::Pull(number), &[], false), 0);
    let second = project.forge.comments(number);
    assert_eq!((second.len(), second[1].id), (2, first[1].id));
    assert_ne!(second[1].body, first[1].body);
    // Nothing is applied until somebody starts the job.
    let sha = project.merge(number);
    assert_eq!(names(&project.gitlab(Event::Push(&sha), &[], false)), ["flowform-validate", "flowform-plan"]);
    assert_eq!(interval(&s, "users flow"), 15);
    let jobs = project.gitlab(Event::Push(&sha), &[], true);
    all_end(&jobs, 0);
    assert_eq!(names(&jobs), ["flowform-validate", "flowform-plan", "flowform-apply"]);
    assert_eq!(interval(&s, "users flow"), 45);
}

#[test]
fn gitlab_applies_what_was_reviewed_and_nothing_else() {
    let s = Sandbox::new();
    let project = applied(&s, "gitlab");
    let automatic = &[("FLOWFORM_APPLY", "automatic")];
    let one = project.change("one", &[(USERS, &every("users", 30))]);
    let two = project.change("two", &[(ORDERS, &every("orders", 60))]);
    all_end(&project.gitlab(Event::Pull(two), &[], false), 0);
    let sha = project.merge(two);
    all_end(&project.gitlab(Event::Push(&sha), automatic, false), 0);
    // This branch is behind main by that merge, and does not undo it.
    all_end(&project.gitlab(Event::Pull(one), &[], false), 0);
    assert!(!project.forge.comment(one).contains("orders.dataflow"));
    let three = project.change("three", &[(ORDERS, &every("orders", 45))]);
    all_end(&project.gitlab(Event::Pull(three), &[], false), 0);
    let sha = project.merge(one);
    all_end(&project.gitlab(Event::Push(&sha), automatic, false), 0);
    assert_eq!((interval(&s, "users flow"), interval(&s, "orders flow")), (30, 60));
    by_hand(&s, "orders flow");
    let sha = project.merge(three);
    let mut jobs = Vec::new();
    let requests = s.recorded(|_| jobs = project.gitlab(Event::Push(&sha), automatic, false));
    all_end(&jobs, 7);
    assert!(jobs.last().unwrap().log.contains("not the plan that was reviewed"));
    assert!(requests.iter().all(|r| !r.is_write()));
    let jobs = project.gitlab(Event::Schedule, &[], false);
    all_end(&jobs, 11);
    assert_eq!(names(&jobs), ["flowform-drift"]);
    // Reviewed anew, in a pipeline that somebody started.
    let by_hand = &[("CI_PIPELINE_SOURCE", "web"), ("FLOWFORM_APPLY", "manual")];
    all_end(&project.gitlab(Event::Push(&sha), by_hand, true), 0);
    assert_eq!(interval(&s, "orders flow"), 45);
}

#[test]
fn mistakes_fail_on_gitlab_before_a_plan() {
    let s = Sandbox::new();
    let project = applied(&s, "gitlab");
    let wrong: Text = pipeline("users").edit("interval: 15", "interval: often");
    let number = project.change("wrong", &[(USERS, wrong.as_str())]);
    let jobs = project.gitlab(Event::Pull(number), &[], false);
    all_end(&jobs, 4);
    assert_eq!(names(&jobs), ["flowform-validate"]);
    assert!(jobs[0].artifacts["validate.xml"][0].contains("expected a whole number"));
}
