//! Every write of every kind of apply, under every fault: run it, run it again, and nothing is lost and nothing is twice.
//!
//! A table: scenarios down, faults across. Each case begins with the same world, lets one request go wrong, then applies
//! again without faults, once. After that the state holds what the platform holds, each object is there once, and
//! there is nothing left to do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use crate::support::{Request, Sandbox, Text, pipeline};

/// How one request goes wrong.
const ONCE: &[&str] = &[
    "close-before",
    "close-after",
    "truncate",
    "502-html",
    "status=500",
    "status-after=500",
    "429",
    "429:retry-after=0",
    "401",
    "403",
    "412",
    "etag-bump",
    "edit",
    "delete",
];

/// Those whose effect depends on the write that they strike; the others are the transport's business.
const TELLING: &[&str] =
    &["close-before", "close-after", "status-after=500", "403", "412", "etag-bump", "edit", "delete"];

/// Those that a run gets over by itself.
const GOT_OVER: &[&str] = &[
    "close-before",
    "close-after",
    "truncate",
    "502-html",
    "status=500",
    "status-after=500",
    "429",
    "429:retry-after=0",
    "401",
    "etag-bump",
];

/// How a request goes wrong however often it is sent, until the run ends.
const ALWAYS: &[&str] = &["close-after", "status=500", "status-after=500", "429", "etag-bump"];

/// A world, and what is done in it.
struct Scenario {
    /// Before: applied already, if there is something.
    before: Option<Text>,
    /// After; `None` is a destroy.
    after: Option<Text>,
    /// How many objects of each kind there are then.
    counts: [usize; 5],
    /// What the flows do then.
    flows: &'static str,
    /// Flags of the runs that are struck.
    flags: &'static [&'static str],
    /// Switches of the platform.
    switches: &'static [&'static str],
}

impl Default for Scenario {
    fn default() -> Self {
        Self { before: None, after: None, counts: [1; 5], flows: "enabled", flags: &[], switches: &[] }
    }
}

impl Scenario {
    fn begin(&self) -> Sandbox {
        let s = Sandbox::behaving(self.switches);
        if let Some(before) = &self.before {
            s.manifest(before);
            s.converge(&[]);
        }
        if let Some(after) = &self.after {
            s.manifest(after);
        }
        s
    }

    /// Runs it; how it ends is the case's business.
    fn run(&self, s: &Sandbox) -> Option<i32> {
        // In a fixed order, so that the same request is struck each time.
        let more = [&["--parallelism", "1"], self.flags].concat();
        if self.after.is_some() { s.apply(&more).code } else { s.destroy(&more).code }
    }

    /// The writes it takes when nothing goes wrong, as fault patterns.
    fn patterns(&self, world: &Sandbox) -> Vec<String> {
        let s = world.copy();
        let requests = s.recorded(|s| assert_eq!(self.run(s), Some(0)));
        assert_eq!(s.contents().counts(), self.counts);
        let mut patterns: Vec<String> = requests.iter().filter(|r| r.is_write()).map(pattern).collect();
        assert!(patterns.len() >= 5, "{patterns:?}");
        // The second of a kind is told by its number.
        for at in (1..patterns.len()).rev() {
            let before = patterns[..at].iter().filter(|other| **other == patterns[at]).count();
            if before > 0 {
                let number = format!("#{}", before + 1);
                patterns[at].push_str(&number);
            }
        }
        patterns
    }
}

/// `METHOD PATH` with a star for the id.
fn pattern(request: &Request) -> String {
    let parts: Vec<&str> = request.within().split('/').collect();
    let parts: Vec<&str> =
        parts.iter().enumerate().map(|(index, part)| if index == 2 { "*" } else { part }).collect();
    format!("{} {}", request.method, parts.join("/"))
}

fn every_fault(scenario: &Scenario) {
    these_faults(scenario, ONCE, ALWAYS);
}

fn these_faults(scenario: &Scenario, once: &[&str], always: &[&str]) {
    let world = scenario.begin();
    let mut cases = Vec::new();
    for pattern in scenario.patterns(&world) {
        cases.extend(once.iter().map(|fault| format!("{pattern}:{fault}")));
        cases.extend(always.iter().map(|fault| format!("{}#*:{fault}", all_of(&pattern))));
    }
    every_case(cases, &|case| one_case(scenario, &world, case));
}

/// A pattern for every request of its kind.
fn all_of(pattern: &str) -> &str {
    pattern.split('#').next().unwrap()
}

/// Runs the cases, some beside each other, and fails with all that did not go well.
fn every_case(cases: Vec<String>, run: &(dyn Fn(&str) + Sync)) {
    let waiting = Mutex::new(cases);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(case) = waiting.lock().unwrap().pop() else { return };
                    if catch_unwind(AssertUnwindSafe(|| run(&case))).is_err() {
                        failed.lock().unwrap().push(case);
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    assert!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
}

fn one_case(scenario: &Scenario, world: &Sandbox, case: &str) {
    let mut s = world.copy();
    s.fail(&[case]);
    let earlier = s.requests().len();
    let code = scenario.run(&s);
    let struck = s.requests().split_off(earlier).iter().any(|r| r.fault.is_some());
    assert!(struck, "{case}: the fault never struck");
    assert!(matches!(code, Some(0 | 1 | 5 | 9)), "{case}: exit code {code:?}");
    let (pattern, fault) = case.split_once(':').unwrap();
    if GOT_OVER.contains(&fault) && !pattern.ends_with("#*") {
        assert_eq!(code, Some(0), "{case}: one run could have got over it");
    }
    s.fail(&[]);
    settled(scenario, &s, case);
}

/// One more run without faults puts everything right.
fn settled(scenario: &Scenario, s: &Sandbox, case: &str) {
    let again = match &scenario.after {
        Some(_) => s.apply(scenario.flags),
        None => s.destroy(&[]),
    };
    assert!(again.code == Some(0), "{case}: the next run does not put it right:\n{again}");
    s.state_is_the_platform();
    assert_eq!(s.contents().counts(), scenario.counts, "{case}");
    if scenario.after.is_some() {
        let planned = s.plan(&[]);
        assert!(planned.is_empty(), "{case}: {planned}");
        let contents = s.contents();
        let mut flows = contents.of("flows").iter().map(|flow| &flow.body["state"]);
        assert!(flows.all(|state| state == scenario.flows), "{case}: {contents:?}");
    }
}

/// The process is killed while a request is under way: before the platform acted, and after.
fn every_kill(scenario: &Scenario) {
    let world = scenario.begin();
    let moments = ["stop-before", "stop-after"];
    let patterns = scenario.patterns(&world);
    let cases = patterns.iter().flat_map(|pattern| moments.map(|moment| format!("{pattern}:{moment}")));
    every_case(cases.collect(), &|case| {
        let mut s = world.copy();
        let held = s.path().join("held");
        s.fail(&[&format!("{case}={}", held.display())]);
        let verb = if scenario.after.is_some() { "apply" } else { "destroy" };
        let arguments = [verb, "m.yaml", "--auto-approve", "--parallelism", "1"];
        let mut running = s.start(&[&arguments, scenario.flags].concat());
        running.until("held");
        running.signal("KILL");
        assert_eq!(running.end().code, None);
        s.fail(&[]);
        let _ = std::fs::remove_file(held);
        settled(scenario, &s, case);
    });
}

fn create() -> Scenario {
    Scenario { after: Some(pipeline("users")), ..Scenario::default() }
}

fn update() -> Scenario {
    let edited = pipeline("users")
        .edit("where the users are", "elsewhere")
        .edit("what is read", "what was read")
        .edit("what is written", "what was written")
        .edit("source: result.email", "source: result.mail")
        .edit("interval: 15", "interval: 30");
    Scenario { before: Some(pipeline("users")), after: Some(edited), ..Scenario::default() }
}

fn replace() -> Scenario {
    let edited = pipeline("users").edit("params: {}", "params: { page: 2 }");
    Scenario { before: Some(pipeline("users")), after: Some(edited), ..Scenario::default() }
}

fn destroy() -> Scenario {
    Scenario { before: Some(pipeline("users")), counts: [0; 5], ..Scenario::default() }
}

/// A flow that must not run: made, then switched off.
fn create_disabled() -> Scenario {
    let off = pipeline("users").edit("interval: 15 }", "interval: 15 }\n  enabled: false");
    Scenario { after: Some(off), flows: "disabled", ..Scenario::default() }
}

/// Everything but the target and the mapping becomes another object.
fn replace_all() -> Scenario {
    let edited = pipeline("users")
        .edit("0a27232b-2c6e-4396-b8c6-c9fc24e37ba4", "2526ee57-0af4-46ea-a477-720a53108145")
        .edit("OAuth2 Refresh Code", "OAuth generic-rest-connector")
        .edit("subdomain: https://acme.zendesk.com", "host: acme.zendesk.com")
        .edit("source: result.email", "source: result.mail");
    Scenario { before: Some(pipeline("users")), after: Some(edited), ..Scenario::default() }
}

/// Two pipelines whose objects bear the same names.
fn twins() -> Scenario {
    let twin = pipeline("users").edit("pipeline: users", "pipeline: people");
    Scenario { after: Some(pipeline("users").and(&twin)), counts: [2; 5], ..Scenario::default() }
}

/// Lists show new objects late, and new objects take their time.
fn late() -> Scenario {
    Scenario { switches: &["list-lag=3", "default-mapping-version=zero"], ..create() }
}

#[test]
fn faults_of_a_create() {
    every_fault(&create());
}

#[test]
fn faults_of_an_update() {
    every_fault(&update());
}

#[test]
fn faults_of_a_replacement() {
    these_faults(&replace(), TELLING, &["status=500", "close-after"]);
}

#[test]
fn faults_of_a_destroy() {
    these_faults(&destroy(), TELLING, &["status=500", "close-after"]);
}

/// Those after which nobody knows whether the platform acted.
const LOST: &[&str] = &["close-before", "close-after", "truncate", "status-after=500"];

#[test]
fn lost_answers_where_names_are_the_same() {
    these_faults(&twins(), LOST, &[]);
}

#[test]
fn lost_answers_where_lists_are_late() {
    these_faults(&late(), LOST, &[]);
}

#[test]
fn lost_answers_of_a_large_replacement() {
    these_faults(&replace_all(), LOST, &["status=500"]);
}

#[test]
fn kills_of_a_create() {
    every_kill(&create());
}

#[test]
fn kills_of_an_update() {
    every_kill(&update());
}

#[test]
fn kills_of_a_replacement() {
    every_kill(&replace());
}

#[test]
fn kills_of_a_destroy() {
    every_kill(&destroy());
}

#[test]
fn kills_of_a_create_that_is_switched_off() {
    every_kill(&create_disabled());
}

#[test]
fn kills_of_a_large_replacement() {
    every_kill(&replace_all());
}

#[test]
fn kills_where_names_are_the_same() {
    every_kill(&twins());
}
