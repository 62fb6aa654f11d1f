//! The crash matrix: the real binary, killed with SIGKILL at every boundary of an apply, a replacement and a destroy.
//!
//! Two ways to every boundary, neither of which samples. From inside, a debug build stops at its N-th kill point
//! (`src/kill_point.rs`: before each request, after each answer; before, in the middle of and after each write to the
//! lock, the log and the snapshot), for N = 1, 2, ... until a run passes them all. From outside, the platform holds each
//! request that changes something, not acted on yet, or acted on and not answered. The process is then killed, and the
//! same command runs once more. After that the platform holds exactly what the manifest says, the state exactly what the
//! platform holds, and there is nothing left to do.

use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crate::support::{Ran, Sandbox, Text, described, pipeline};

/// What is done in a world.
struct Workflow {
    name: &'static str,
    /// The command that is killed, and the one that puts things right.
    verb: &'static str,
    then: &'static str,
    /// The manifest of the latter, if it is another one.
    then_manifest: Option<Text>,
    world: Sandbox,
    /// The platform is in the process that is killed (`--emulator`), not outside.
    embedded: bool,
    /// What goes wrong besides, in the run that is killed.
    fault: Option<&'static str>,
    /// Connections, source connections, target connections, mapping sets, flows in the end.
    counts: [usize; 5],
}

impl Workflow {
    /// The same command puts right what was killed, and nothing else goes wrong.
    fn new(name: &'static str, verb: &'static str, world: Sandbox, counts: [usize; 5]) -> Self {
        Self { name, verb, then: verb, then_manifest: None, world, embedded: false, fault: None, counts }
    }
}

/// Three pipelines; the third reads through the first one's base connection.
fn three(one: &Text, two: &Text) -> Text {
    let third = pipeline("three")
        .without("baseConnection")
        .edit("source:\n", "source:\n  baseConnection: one.baseConnection\n");
    one.and(two).and(&third)
}

const THREE: [usize; 5] = [2, 3, 3, 3, 3];

/// A world in which three pipelines are there.
fn applied() -> Sandbox {
    applied_where(&[])
}

/// The same on a platform whose switches stand like this.
fn applied_where(switches: &[&str]) -> Sandbox {
    let world = Sandbox::behaving(switches);
    world.manifest(&three(&pipeline("one"), &pipeline("two")));
    world.converge(&[]);
    world
}

/// Everything is made.
fn create() -> Workflow {
    let world = Sandbox::new();
    world.manifest(&three(&pipeline("one"), &pipeline("two")));
    Workflow::new("apply", "apply", world, THREE)
}

/// A source is replaced and with it its flow; a mapping changes, and another flow follows it; a connection gets another
/// name, and every secret another value.
fn replace() -> Workflow {
    replace_in(applied())
}

fn replace_in(mut world: Sandbox) -> Workflow {
    let one = pipeline("one").edit("params: {}", "params: { page: 2 }");
    let two =
        pipeline("two").edit("source: result.email", "source: result.mail").edit("two target", "second");
    world.manifest(&three(&one, &two));
    world.set("ZENDESK_ACCESS_TOKEN", "another-value");
    Workflow::new("replacement", "apply", world, THREE)
}

/// A base connection is replaced under two pipelines, with everything that hangs on it.
fn replace_shared() -> Workflow {
    let world = applied();
    let one = pipeline("one")
        .edit("0a27232b-2c6e-4396-b8c6-c9fc24e37ba4", "2526ee57-0af4-46ea-a477-720a53108145")
        .edit("OAuth2 Refresh Code", "OAuth generic-rest-connector")
        .edit("subdomain:", "host:");
    world.manifest(&three(&one, &pipeline("two")));
    Workflow::new("replacement of what is shared", "apply", world, THREE)
}

/// The new flow of a replacement is refused, and the old one switched on again.
fn undone() -> Workflow {
    let fault = Some("POST /flows#*:status=400");
    Workflow { name: "replacement that fails", fault, ..replace() }
}

/// The same, and the person goes back to what was before.
fn replace_and_revert() -> Workflow {
    let then_manifest = Some(three(&pipeline("one"), &pipeline("two")));
    Workflow { name: "replacement, then the old manifest", then_manifest, ..replace() }
}

/// On a platform that shows new objects late.
fn late_replace() -> Workflow {
    let world = applied_where(&["list-lag=2"]);
    Workflow { name: "replacement on a slow platform", ..replace_in(world) }
}

/// With the platform in the same process.
fn embedded() -> Workflow {
    let mut world = Sandbox::bare();
    world.set("FLOWFORM_RETRY_WAIT", "0.001");
    world.manifest(&three(&pipeline("one"), &pipeline("two")));
    Workflow { embedded: true, ..Workflow::new("apply --emulator", "apply", world, THREE) }
}

/// A schema, in Profile, and a dataset are made.
fn describe() -> Workflow {
    let world = Sandbox::new();
    world.manifest(&described("users").edit("Email }\n", "Email }\n  profile: true\n"));
    Workflow::new("apply of a schema and a dataset", "apply", world, [0; 5])
}

/// They are taken down.
fn undescribe() -> Workflow {
    let world = Sandbox::new();
    world.manifest(&described("users"));
    world.converge(&[]);
    Workflow::new("destroy of a schema and a dataset", "destroy", world, [0; 5])
}

/// The person gives up.
fn create_and_destroy() -> Workflow {
    Workflow { name: "apply, then destroy", then: "destroy", counts: [0; 5], ..create() }
}

/// The person thinks again.
fn destroy_and_create() -> Workflow {
    Workflow { name: "destroy, then apply", then: "apply", counts: THREE, ..destroy() }
}

/// Everything is taken down.
fn destroy() -> Workflow {
    Workflow::new("destroy", "destroy", applied(), [0; 5])
}

/// When the platform holds a request.
#[derive(Clone, Copy)]
enum Moment {
    NotActedYet,
    Acted,
}

/// How a run is brought to one of its boundaries.
#[derive(Clone, Copy)]
enum Way {
    /// It stops at its N-th kill point.
    Point,
    /// The platform holds its N-th request.
    Held(Moment),
}

impl Workflow {
    fn arguments<'a>(&self, verb: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let embedded: &[&str] = if self.embedded { &["--emulator"] } else { &[] };
        [&[verb, "m.yaml"], more, embedded].concat()
    }

    fn run<'a>(&self, s: &'a Sandbox, verb: &str, parallelism: &str) -> Ran<'a> {
        s.run(&self.arguments(verb, &["--auto-approve", "--parallelism", parallelism]))
    }

    /// Runs it and kills it at a boundary, which is named; `None` if it ends before it comes there.
    fn killed(&self, s: &mut Sandbox, way: Way, number: usize, parallelism: &str) -> Option<String> {
        let arguments = self.arguments(self.verb, &["--auto-approve", "--parallelism", parallelism]);
        match way {
            Way::Point => {
                if let Some(fault) = self.fault {
                    s.fail(&[fault]);
                }
                s.set("FLOWFORM_STOP_AT", &number.to_string());
                let mut running = s.start(&arguments);
                let point = running.until_it_may_say("stopped at point ");
                running.kill();
                s.unset("FLOWFORM_STOP_AT");
                if self.fault.is_some() {
                    s.fail(&[]);
                }
                point
            }
            Way::Held(moment) => {
                let held = s.path().join("held");
                let moment = match moment {
                    Moment::NotActedYet => "stop-before",
                    Moment::Acted => "stop-after",
                };
                s.fail(&[&format!("* *#{number}:{moment}={}", held.display())]);
                let mut running = s.start(&arguments);
                let there = running.comes_to(&held);
                running.kill();
                let _ = std::fs::remove_file(held);
                s.fail(&[]);
                there.then(|| format!("{moment} of request {number}"))
            }
        }
    }

    /// One more run puts everything right.
    fn recovers(&self, s: &Sandbox, parallelism: &str) {
        if let Some(manifest) = &self.then_manifest {
            s.manifest(manifest);
        }
        self.run(s, self.then, parallelism).success().end();
        // A run that was killed before it made a state leaves nothing to take down.
        if self.then == "apply" || !s.state().is_null() {
            s.state_is_the_platform();
        }
        let contents = s.contents();
        assert_eq!(contents.counts(), self.counts, "{:?}", contents.list());
        if self.then == "apply" {
            // Names are the manifest's: each is there once, and of nothing is there a second or an old one.
            let mut times: BTreeMap<String, u32> = BTreeMap::new();
            for object in contents.list() {
                *times.entry(object).or_default() += 1;
            }
            assert!(times.values().all(|n| *n == 1), "{times:?}");
            assert!(contents.of("flows").iter().all(|flow| flow.body["state"] == "enabled"));
            s.run(&self.arguments("plan", &["--detailed-exitcode"])).success().end();
        }
        let known = ["dev.json", "dev.json.lock", "dev.json.backup", "platform.jsonl", "platform.jsonl.lock"];
        let left: Vec<String> = std::fs::read_dir(s.state_path().parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !known.contains(&name.as_str()))
            .collect();
        assert!(left.is_empty(), "files are left: {left:?}");
    }

    /// Kills a run at the boundaries that `numbers` gives, one world for each, until a run ends before it comes to one.
    /// With `twice` the run that would put it right is killed as well. How many boundaries there were.
    fn every(&self, way: Way, numbers: &[usize], parallelism: &str, twice: bool) -> usize {
        let next = AtomicUsize::new(0);
        let passed = AtomicBool::new(false);
        let points = AtomicUsize::new(0);
        let failed = Mutex::new(Vec::new());
        let work = || {
            while !passed.load(Ordering::SeqCst)
                && let Some(number) = numbers.get(next.fetch_add(1, Ordering::SeqCst))
            {
                let mut s = self.world.copy();
                let mut point = None;
                let result = catch_unwind(AssertUnwindSafe(|| {
                    point = self.killed(&mut s, way, *number, parallelism);
                    if twice && point.is_some() {
                        self.killed(&mut s, way, number % RECOVERY + 1, parallelism);
                    }
                    self.recovers(&s, parallelism);
                }));
                if point.is_some() {
                    points.fetch_add(1, Ordering::SeqCst);
                } else {
                    passed.store(true, Ordering::SeqCst);
                }
                if result.is_err() {
                    failed.lock().unwrap().push(point.unwrap_or_else(|| "not killed".to_owned()));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(work);
            }
        });
        let (points, failed) = (points.into_inner(), failed.into_inner().unwrap());
        assert!(
            failed.is_empty(),
            "{}: {} of {points} failed:\n{}",
            self.name,
            failed.len(),
            failed.join("\n")
        );
        points
    }

    /// The numbers of the requests that change something, in a run that nothing disturbs.
    fn writes(&self) -> Vec<usize> {
        let s = self.world.copy();
        let requests = s.recorded(|s| self.run(s, self.verb, "1").success().end());
        (1..).zip(&requests).filter(|(_, request)| request.is_write()).map(|(number, _)| number).collect()
    }

    /// Every point once.
    fn once(&self) {
        let all: Vec<usize> = (1..10_000).collect();
        let points = self.every(Way::Point, &all, "1", false);
        assert!(points > 50, "{points}");
        say(&format!("{}: {points} points, 0 failures", self.name));
    }

    /// Every point in each way.
    fn matrix(&self) {
        let begun = Instant::now();
        let all: Vec<usize> = (1..10_000).collect();
        let points = self.every(Way::Point, &all, "1", false);
        let beside = self.every(Way::Point, &all, "4", true);
        let writes = self.writes();
        for moment in [Moment::NotActedYet, Moment::Acted] {
            assert_eq!(self.every(Way::Held(moment), &writes, "1", false), writes.len());
        }
        assert!(points > 50 && beside > 50 && writes.len() > 5, "{points}, {beside}, {writes:?}");
        say(&format!(
            "{}: {points} points step by step, {beside} with steps side by side (and the next run killed \
             too), {} writes held before and after the platform acted: {} points, 0 failures, in {:.1} s",
            self.name,
            writes.len(),
            points + beside + 2 * writes.len(),
            begun.elapsed().as_secs_f64()
        ));
    }
}

/// Past the test harness, which shows what a test prints only when it fails.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "crash matrix: {text}");
}

/// The second kill of two falls on one of so many points of the run that puts things right, in turn.
const RECOVERY: usize = 61;

#[test]
fn killed_anywhere_in_an_apply() {
    create().matrix();
}

#[test]
fn killed_anywhere_in_a_replacement() {
    replace().matrix();
}

#[test]
fn killed_anywhere_in_a_replacement_of_what_is_shared() {
    replace_shared().matrix();
}

#[test]
fn killed_anywhere_in_a_destroy() {
    destroy().matrix();
}

#[test]
fn killed_anywhere_in_an_apply_of_a_schema_and_a_dataset() {
    describe().once();
}

#[test]
fn killed_anywhere_in_a_destroy_of_a_schema_and_a_dataset() {
    undescribe().once();
}

#[test]
fn killed_anywhere_in_a_replacement_that_fails() {
    undone().once();
}

#[test]
fn killed_anywhere_in_a_replacement_and_then_the_old_manifest() {
    replace_and_revert().once();
}

#[test]
fn killed_anywhere_in_an_apply_and_then_a_destroy() {
    create_and_destroy().once();
}

#[test]
fn killed_anywhere_in_a_destroy_and_then_an_apply() {
    destroy_and_create().once();
}

#[test]
fn killed_anywhere_in_an_apply_with_its_platform() {
    embedded().once();
}

#[test]
fn killed_anywhere_in_a_replacement_on_a_slow_platform() {
    late_replace().once();
}
