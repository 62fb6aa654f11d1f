//! Whatever comes in: manifests, states, saved plans, answers and requests that nobody meant to write.
//!
//! Each target takes bytes and panics when something is not as it should be. Here each runs briefly with the same seeds
//! every time. For a long run: `FLOWFORM_FUZZ_SECONDS=300 cargo test --release fuzz:: -- --test-threads 1 --nocapture`,
//! with `FLOWFORM_FUZZ_SEED` to repeat one, and `FLOWFORM_FUZZ_OUT` for a folder that gets the inputs that fail. What was
//! found once is in `tests/corpus`, which is run before anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Once};
use std::time::{Duration, Instant};

use flowform::api::{Problem, credentials, retry};
use flowform::apply::{self, StepResult};
use flowform::emulator;
use flowform::kind::{Address, Answer, Intent, Kind, Leaf, Observed, map_leaves};
use flowform::manifest::{self, Loaded, Manifest};
use flowform::plan::preflight::Preflight;
use flowform::plan::{self, Mode, Observations, Options, Plan, Selection, Selector, saved, stale};
use flowform::render::{self, Style};
use flowform::state::model::{Change, Entry, Place, State};
use flowform::state::{Holder, StateFile};
use flowform::wire::{Call, Method, Reply, segment};
use serde_json::{Value, json};

use crate::support::mutate::{self, Random, TEXTS};
use crate::support::{ORG, RUNTIME, hostile, pipeline};

/// Cases of one target in the suite, and how long they may take in all.
const CASES: u64 = 2_000;
const LONGEST_RUN: Duration = Duration::from_millis(1_500);

/// No input of 64 kB takes this long unless something goes round in circles.
const LONGEST_CASE: Duration = Duration::from_secs(20);

/// A value that a manifest refers to and that no diagnostic may repeat.
const FROM_ENVIRONMENT: &str = "v4lue-from-the-env1ronment";

/// Makes an input from the ones to start from.
type Mutate<'a> = &'a dyn Fn(&mut Random, &[Vec<u8>]) -> Vec<u8>;

struct Target<'a> {
    name: &'static str,
    /// Inputs to start from, beside the corpus.
    seeds: Vec<Vec<u8>>,
    mutate: Mutate<'a>,
    run: &'a dyn Fn(&[u8]),
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long to run is asked of the environment, as with any fuzzer"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name)
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

impl Target<'_> {
    #[expect(clippy::print_stdout, reason = "figures of a long run are for whoever watches it")]
    fn fuzz(mut self) {
        let seconds = setting("FLOWFORM_FUZZ_SECONDS").map(|text| text.parse::<u64>().unwrap());
        let seed = setting("FLOWFORM_FUZZ_SEED").map(|text| text.parse::<u64>().unwrap());
        let out = setting("FLOWFORM_FUZZ_OUT").map(PathBuf::from);
        let fresh = || getrandom::u64().unwrap() >> 16;
        let first = seed.unwrap_or_else(|| if seconds.is_some() { fresh() } else { 1 });
        let begun = Instant::now();
        let limit = seconds.map_or(LONGEST_RUN, Duration::from_secs);

        self.seeds.extend(corpus(self.name));
        let (mut executions, mut failures, mut slowest) = (0, 0, (Duration::ZERO, 0));
        let inputs = self.seeds.clone().into_iter().map(|input| (0, input));
        let made = (first..).map(|seed| (seed, (self.mutate)(&mut Random::new(seed), &self.seeds)));
        for (seed, input) in inputs.chain(made) {
            let case = Instant::now();
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.run)(&input)));
            let took = case.elapsed();
            slowest = slowest.max((took, seed));
            executions += 1;
            if outcome.is_err() || took > LONGEST_CASE {
                failures += 1;
                println!("{}: failed after {took:?} with seed {seed}", self.name);
                if let Some(out) = &out {
                    std::fs::write(out.join(format!("{}-{seed}-{executions}", self.name)), &input).unwrap();
                } else {
                    println!("{}", String::from_utf8_lossy(&input));
                }
            }
            let done = if seconds.is_some() { failures >= 10 } else { executions >= CASES || failures > 0 };
            if done || (begun.elapsed() >= limit && seed > 0) {
                break;
            }
        }
        if seconds.is_some() {
            let (longest, seed) = slowest;
            println!(
                "{}: {executions} executions in {:?} from seed {first}, {failures} failures, slowest {longest:?} (seed {seed})",
                self.name,
                begun.elapsed()
            );
        }
        assert_eq!(failures, 0, "{} failed", self.name);
    }
}

/// That a terminal, and whoever reviews what it shows, sees what is there.
#[track_caller]
fn assert_visible(what: &str, text: &str) {
    let bad = text.chars().find(|&c| {
        c != '\n'
            && (c.is_control()
                || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
            && !matches!(c, '\u{200c}' | '\u{200d}')
    });
    assert!(bad.is_none(), "{what} holds {bad:?}:\n{}", text.escape_debug());
}

const STYLE: Style = Style { color: false, width: 80, whole: false, requests: true };

fn show(plan: &Plan) {
    assert_visible("the plan", &render::text::plan(plan, &STYLE));
    let brief = Style { requests: false, width: 40, ..STYLE };
    assert_visible("the brief plan", &render::text::plan(plan, &brief));
    let text = render::json::to_string(&render::json::plan(plan));
    assert_visible("the plan as JSON", &text);
    serde_json::from_str::<Value>(&text).or_else(too_deep).unwrap();
}

/// A plan that quotes what was nested as deep as an answer may be is deeper than the parser goes.
fn too_deep(error: serde_json::Error) -> Result<Value, serde_json::Error> {
    if error.to_string().contains("recursion limit") { Ok(Value::Null) } else { Err(error) }
}

fn place() -> Place {
    Place { gateway: "http://localhost".into(), org: ORG.into(), sandbox: "dev".into() }
}

const NOW: i64 = 1_790_000_000;

fn make_plan(
    manifest: &Manifest,
    state: Option<&State>,
    observations: &Observations,
    options: &Options,
) -> Plan {
    plan::build(&plan::Inputs {
        manifest,
        place: &place(),
        state,
        observations,
        fingerprints: &BTreeMap::new(),
        options,
        now: NOW,
    })
}

fn load(text: &[u8]) -> Result<Loaded, manifest::Problems> {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let env = |name: &str| (name == "SECRET").then(|| FROM_ENVIRONMENT.to_owned());
    // A variable that nothing uses is a mistake of its own.
    let is_used = text.windows(SECRET_VARIABLE.len()).any(|window| window == SECRET_VARIABLE.as_bytes());
    let vars: Vec<_> =
        is_used.then(|| ("secret".to_owned(), FROM_ENVIRONMENT.to_owned())).into_iter().collect();
    manifest::load(&[file.path().to_owned()], &manifest::Inputs::new(&env, vars))
}

#[test]
fn manifests() {
    let words: Vec<&str> = [TEXTS, MANIFEST_WORDS].concat();
    let examples = ["zendesk.yaml", "zendesk-current.yaml"];
    let example =
        |name| std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)).unwrap();
    let mut seeds: Vec<Vec<u8>> = examples.into_iter().map(example).collect();
    seeds.push(pipeline("p").as_str().as_bytes().to_vec());
    Target {
        name: "manifest",
        seeds,
        mutate: &|random, seeds| {
            let input = &seeds[random.below(seeds.len())];
            mutate::bytes(random, input, &words, seeds)
        },
        run: &|input| {
            let problems = match load(input) {
                Ok(Loaded { manifest, warnings }) => {
                    show(&make_plan(&manifest, None, &Observations::default(), &Options::default()));
                    warnings
                }
                Err(problems) => {
                    assert!(problems.errors > 0, "it is refused, and nobody says why");
                    problems
                }
            };
            let text = problems.text(false, 80);
            let others = [problems.json().to_string(), problems.github(), format!("{problems:?}")].concat();
            let shown = text + &problems.text(true, 200) + &others;
            assert!(!shown.contains(FROM_ENVIRONMENT), "a value from the environment is repeated:\n{shown}");
            if only_as_values(input, "accessToken", "HUSH") {
                assert!(!shown.contains("HUSH"), "a secret is repeated:\n{shown}");
            }
            assert_visible("the page", &problems.text(false, 80));
            assert_visible("the page", &problems.github());
            assert_visible("the page as JSON", &render::json::to_string(&problems.json()));
        },
    }
    .fuzz();
}

const MANIFEST_WORDS: &[&str] = &[
    "apiVersion: flowform/v1\n",
    "pipeline: q\n",
    "platform: ",
    "baseConnection: ",
    "source: ",
    "target: ",
    "mapping: ",
    "dataflow: ",
    "${env:SECRET}",
    "${var:secret}",
    "accessToken: HUSH\n",
    "{ fromEnv: X }",
    "protect: true",
    "p.baseConnection",
    "baseConnectionId: ",
    "schedule: { frequency: once }",
    "startTime: ",
    "<<: *a\n",
    "&a ",
    "*a",
    "enabled: no\n",
    "? ",
    "!!str ",
    "'",
    "fields:\n",
    "- { source: a, destination: b }\n",
    "---\n",
];

/// Whether `secret` stands nowhere but behind `key: ` at a line's beginning, quoted or not: where else it stands, nobody
/// can know that it is one.
fn only_as_values(input: &[u8], key: &str, secret: &str) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    // A quote or a block that is open swallows lines, and a key in them is none.
    !text.contains(['|', '>', '"', '\'', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        && text.lines().filter(|line| line.contains(secret)).all(|line| {
            let value = line.trim_start().strip_prefix(key).and_then(|rest| rest.strip_prefix(": "));
            value.is_some_and(|value| value == secret)
        })
}

#[test]
fn states() {
    const MARK: &[u8] = b"\n====\n";
    let fixture = |name: &str| {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
    };
    let (snapshot, log) = (fixture("state-v1.json"), fixture("state-v1.json.log"));
    let words: Vec<&str> = [TEXTS, STATE_WORDS].concat();
    let temp = tempfile::tempdir().unwrap();
    let counter = AtomicU64::new(0);
    let holder = Holder {
        id: "0".into(),
        who: "a".into(),
        host: "b".into(),
        pid: 1,
        command: "c".into(),
        since: "d".into(),
    };
    Target {
        name: "state",
        seeds: vec![[snapshot.as_slice(), MARK, &log].concat()],
        mutate: &|random, seeds| {
            let input = &seeds[random.below(seeds.len())];
            let at = input.windows(MARK.len()).position(|w| w == MARK).unwrap_or(input.len());
            let (snapshot, log) = input.split_at(at);
            let log = log.get(MARK.len()..).unwrap_or_default();
            let parse = |line: &[u8]| serde_json::from_slice::<Value>(line).unwrap_or_default();
            let donors = [parse(snapshot)];
            let snapshot = match random.below(3) {
                0 => snapshot.to_vec(),
                1 => mutate::bytes(random, snapshot, &words, seeds),
                _ => mutate::json(random, &donors[0], &donors).to_string().into_bytes(),
            };
            let log = match random.below(3) {
                0 => log.to_vec(),
                1 => mutate::bytes(random, log, &words, seeds),
                _ => log
                    .split_inclusive(|b| *b == b'\n')
                    .map(|line| mutate::json(random, &parse(line), &donors).to_string() + "\n")
                    .collect::<String>()
                    .into_bytes(),
            };
            [snapshot.as_slice(), MARK, &log].concat()
        },
        run: &|input| {
            let at = input.windows(MARK.len()).position(|w| w == MARK).unwrap_or(input.len());
            let (snapshot, log) = input.split_at(at);
            let log = log.get(MARK.len()..).unwrap_or_default();
            let number = counter.fetch_add(1, Ordering::Relaxed);
            let folder = temp.path().join(number.to_string());
            std::fs::create_dir(&folder).unwrap();
            let (path, log_path) = (folder.join("dev.json"), folder.join("dev.json.log"));
            std::fs::write(&path, snapshot).unwrap();
            std::fs::write(&log_path, log).unwrap();
            let file = StateFile::new(&path);
            match file.lock(&holder) {
                Err(error) => {
                    assert!(!error.hint().is_empty() && !error.to_string().is_empty());
                    assert_eq!(std::fs::read(&path).unwrap(), snapshot, "a refused state was written to");
                    assert_eq!(std::fs::read(&log_path).unwrap(), log, "a refused log was written to");
                    if number.is_multiple_of(16) {
                        file.read().unwrap_err();
                    }
                }
                Ok(mut locked) => {
                    let state = locked.state().cloned();
                    assert_eq!(file.read().unwrap(), state, "with and without the lock");
                    if let Some(state) = &state {
                        let options = Options { mode: Mode::Destroy, ..Options::default() };
                        let everything = Options::default();
                        for options in [options, everything] {
                            let plan = make_plan(
                                &Manifest::default(),
                                Some(state),
                                &Observations::default(),
                                &options,
                            );
                            show(&plan);
                        }
                        locked.record(vec![Change::Ended]).unwrap();
                        locked.fold().unwrap();
                        let mut after = state.clone();
                        after.in_flight = None;
                        after.serial += 1;
                        // Bodies are written with their keys in order.
                        assert_eq!(file.read().unwrap(), Some(after), "what was written is what is read");
                    }
                }
            }
            std::fs::remove_dir_all(folder).unwrap();
        },
    }
    .fuzz();
}

const STATE_WORDS: &[&str] = &[
    "\"formatVersion\":1",
    "\"formatVersion\": 2",
    "\"serial\":7",
    "{\"change\":\"ended\"}",
    "\"p.dataflow\"",
    "{\"$id\":\"p.source\"}",
    "{\"$secret\":{}}",
    "\"inFlight\":{",
    "[{\"change\":\"removed\",\"address\":\"p.source\"}]\n",
    "{\"do\":\"forget\",\"id\":\"x\"}",
    "\"etag\":\"\"",
    "\"replaced\":[\"x\"]",
    "null",
    "[",
    "{",
    "9007199254740993",
];

/// What the answers' targets start from: every kind's object as the platform would show it.
static OBJECTS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_slice(&std::fs::read(folder("answers").join("objects.json")).unwrap()).unwrap()
});

/// How a manifest refers to the variable that [`load`] hands in.
const SECRET_VARIABLE: &str = "${var:secret";

static WANTED: LazyLock<Manifest> =
    LazyLock::new(|| load(pipeline("p").as_str().as_bytes()).unwrap().manifest);

fn id_of(kind: Kind) -> String {
    format!("id-of-{kind}")
}

/// A state in which the pipeline is applied.
fn applied() -> State {
    let entry = |section: &manifest::Section| Entry {
        id: id_of(section.address.kind),
        etag: None,
        version: (section.address.kind == Kind::Mapping).then_some(0),
        applied: map_leaves(&section.body, &mut |leaf| match leaf {
            Leaf::Id(address) => Some(id_of(address.kind).into()),
            Leaf::Version(_) => Some("0".into()),
            Leaf::Soon(_) => Some(NOW.into()),
            Leaf::Secret { .. } => {
                Some(Leaf::Secret { source: None, fingerprint: Some("hmac-sha256:00".into()) }.to_value())
            }
        }),
        depends_on: section.depends_on.clone(),
        protect: false,
        replaced: if section.address.kind == Kind::Source { vec!["left-over".into()] } else { Vec::new() },
    };
    State {
        lineage: "00".into(),
        serial: 1,
        place: place(),
        fingerprint_key: "00".repeat(32),
        entries: WANTED.sections.iter().map(|s| (s.address.clone(), entry(s))).collect(),
        in_flight: None,
        left_in_place: BTreeSet::new(),
    }
}

/// What `objects` decode to, as if they were the managed ones, and as if they only bore the names.
fn observations(objects: &Value) -> (Observations, Observations) {
    let (mut managed, mut namesakes) = (Observations::default(), Observations::default());
    for section in &WANTED.sections {
        let kind = section.address.kind;
        let remote = &objects[kind.section()];
        let single = kind.spec().observed(&json!({ "items": [remote] }));
        let Some(observed) = kind.spec().observed(remote).or(single) else { continue };
        check_observed(&observed);
        namesakes.namesakes.insert(section.address.clone(), vec![observed.clone()]);
        if kind == Kind::Source {
            managed.leftovers.insert("left-over".into(), observed.clone());
        }
        managed.managed.insert(section.address.clone(), Observed { id: id_of(kind), ..observed });
    }
    (managed, namesakes)
}

fn check_observed(observed: &Observed) {
    let id = &observed.id;
    assert!(!id.is_empty() && id != "." && id != ".." && id.len() <= 4096, "{id:?} is taken for an id");
    assert!(!id.chars().any(char::is_control), "{id:?} is taken for an id");
    if let Some(etag) = &observed.etag {
        assert!(etag.as_str().bytes().all(|b| (b' '..=b'~').contains(&b)), "{etag:?} is taken for an etag");
    }
}

/// That a call names its kind's collection, or one object in it, whatever the id.
fn check_call(kind: Kind, call: &Call) {
    let rest =
        call.path.strip_prefix(kind.spec().collection()).unwrap_or_else(|| panic!("{call:?} leaves it"));
    let segment = rest.strip_suffix("/action").unwrap_or(rest);
    let inside =
        segment.strip_prefix('/').map_or(segment.is_empty() && call.method != Method::Delete, |id| {
            !id.is_empty()
                && !matches!(id, "." | "..")
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~%".contains(&b))
        });
    assert!(inside, "{call:?} leaves its collection");
}

#[test]
fn answers() {
    Target {
        name: "answers",
        seeds: Vec::new(),
        mutate: &|random, seeds| {
            let parse = |seed: &Vec<u8>| serde_json::from_slice::<Value>(seed).unwrap();
            let donors: Vec<Value> = seeds.iter().map(parse).collect();
            let input = &donors[random.below(donors.len())];
            mutate::json(random, input, &donors).to_string().into_bytes()
        },
        run: &|input| {
            let Ok(input) = serde_json::from_slice::<Value>(input) else { return };
            let (managed, namesakes) = observations(&input);
            let state = applied();
            let all = |kind: Kind| Selector::Address(Address::new("p", kind));
            let adopt = Options { adopt: Kind::ALL.map(all).to_vec(), ..Options::default() };
            let replace = Kind::ALL.map(|kind| Address::new("p", kind)).to_vec();
            let replace = Options { replace, ..Options::default() };
            let destroy = Options { mode: Mode::Destroy, ..Options::default() };
            let gone = Observations::default();
            let plans = [
                make_plan(&WANTED, Some(&state), &managed, &Options::default()),
                make_plan(&WANTED, Some(&state), &managed, &replace),
                make_plan(&WANTED, Some(&state), &managed, &destroy),
                make_plan(&WANTED, Some(&state), &gone, &Options::default()),
                make_plan(&WANTED, None, &namesakes, &Options::default()),
                make_plan(&WANTED, None, &namesakes, &adopt),
            ];
            let reply = reply(&input["reply"]);
            for plan in &plans {
                show(plan);
                objections(plan, &input["preflight"]);
                let text = saved::encode(plan).unwrap();
                match saved::decode(&text) {
                    Ok(read) => assert_eq!(&read, plan, "a saved plan is another one when it is read"),
                    Err(error) => assert!(error.to_string().contains("recursion limit"), "{error}: {text}"),
                }
                let mut report = apply::Report::default();
                for step in plan.steps() {
                    let spec = step.address.kind.spec();
                    for call in spec.calls(&step.intent) {
                        check_call(step.address.kind, &call);
                    }
                    let outcome = spec.outcome(&step.intent, &reply);
                    let text = format!("{outcome:?}");
                    if let flowform::kind::Outcome::Done { id: Some(id), .. } = outcome {
                        check_call(step.address.kind, &spec.read(&id, None));
                        assert!(!matches!(id.as_str(), "" | "." | ".."), "{text}");
                    }
                    let problem = Problem::of(&reply);
                    let result = match report.steps.len() % 4 {
                        0 => StepResult::Failed {
                            why: problem.to_string(),
                            hint: problem.hint().map(str::to_owned),
                        },
                        1 => StepResult::Unknown { why: problem.message.clone() },
                        2 => StepResult::Conflict { why: text },
                        _ => StepResult::Done { id: problem.request_id.clone(), note: Some(problem.message) },
                    };
                    report.steps.push((step.clone(), result));
                }
                assert_visible("the report", &render::report::report(&report, &STYLE, Duration::ZERO));
                let line = render::json::Line::Ended { report: &report, renewed: 0, took: Duration::ZERO };
                let line = render::json::Stream::default().line(&line, "now", Duration::ZERO);
                let text = render::json::to_line(&line);
                assert_visible("the report as JSON", &text);
            }
        },
    }
    .fuzz();
}

/// What a plan is told about itself by these answers, as a person reads it.
fn objections(plan: &Plan, told: &Value) {
    let preflight = Preflight::new(plan, &WANTED, told["namespace"].as_str().or(Some("_acme")));
    let answer = |(_, call): &(Kind, Call)| {
        let about = ["connectionSpecs", "flowSpecs", "validate", "test"];
        let about = about.into_iter().find(|part| call.path.contains(part)).unwrap_or_default();
        match &told[about] {
            Value::Null => Answer::Absent,
            Value::String(why) => Answer::Refused { status: 400, why: why.clone() },
            value => Answer::Told(value.clone()),
        }
    };
    let answers: Vec<Answer> = preflight.calls().iter().map(answer).collect();
    let problems = WANTED.lines.problems(preflight.findings(&answers));
    for text in [problems.text(false, 80), problems.github(), problems.json().to_string()] {
        assert_visible("what the platform objects to", &text);
    }
}

fn reply(value: &Value) -> Reply {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    if let Some(after) = value["retryAfter"].as_str() {
        let _ = retry::retry_after(after, std::time::UNIX_EPOCH + Duration::from_hours(500_000));
    }
    if let Some(text) = value["credentials"].as_str() {
        let _ = credentials::parse(text);
    }
    let _ = credentials::parse(&value["credentials"].to_string());
    Reply {
        status: value["status"].as_u64().and_then(|n| u16::try_from(n).ok()).unwrap_or(500),
        body: value["body"].clone(),
        location: text("location"),
        request_id: text("requestId"),
        tries: 1,
        sent: 0,
    }
}

#[test]
fn saved_plans() {
    let (managed, namesakes) = observations(&OBJECTS);
    let state = applied();
    let edited = load(
        pipeline("p")
            .edit("what is read", "what was read")
            .edit("format: json", "format: delimited")
            .edit("result.email, ", "result.mail, ")
            .as_str()
            .as_bytes(),
    )
    .unwrap()
    .manifest;
    let all = |kind: Kind| Selector::Address(Address::new("p", kind));
    let adopt = Options { adopt: Kind::ALL.map(all).to_vec(), ..Options::default() };
    let destroy = Options { mode: Mode::Destroy, selection: Selection::default(), ..Options::default() };
    // Each with what it was made from.
    let made = [
        (make_plan(&edited, Some(&state), &managed, &Options::default()), Some(&state), &managed),
        (make_plan(&WANTED, Some(&state), &managed, &destroy), Some(&state), &managed),
        (make_plan(&edited, None, &namesakes, &adopt), None, &namesakes),
    ];
    for (plan, state, observations) in &made {
        assert!(!plan.is_empty());
        assert_eq!(stale::reasons(plan, &place(), *state, observations), [], "a plan as it was made stands");
    }
    let mut ids: BTreeSet<String> = state.entries.values().map(|entry| entry.id.clone()).collect();
    ids.extend(state.entries.values().flat_map(|entry| entry.replaced.clone()));
    ids.extend(namesakes.namesakes.values().flatten().map(|observed| observed.id.clone()));
    Target {
        name: "plan",
        seeds: made.iter().map(|(plan, ..)| saved::encode(plan).unwrap().into_bytes()).collect(),
        mutate: &|random, seeds| {
            let input = &seeds[random.below(seeds.len())];
            if random.below(8) == 0 {
                return mutate::bytes(random, input, TEXTS, seeds);
            }
            // With a fingerprint that fits, as somebody would who means to deceive.
            let donors: Vec<Value> =
                seeds.iter().map(|s| serde_json::from_slice(s).unwrap_or_default()).collect();
            let document: Value = serde_json::from_slice(input).unwrap_or_default();
            for _ in 0..50 {
                let plan = mutate::json(random, &document["plan"], &donors);
                if let Ok(plan) = serde_json::from_value::<Plan>(plan) {
                    return saved::encode(&plan).unwrap().into_bytes();
                }
            }
            input.clone()
        },
        run: &|input| {
            let Ok(text) = std::str::from_utf8(input) else { return };
            let _ = saved::is_saved(text);
            let Ok(plan) = saved::decode(text) else { return };
            show(&plan);
            for (_, state, observations) in &made {
                let reasons = stale::reasons(&plan, &place(), *state, observations);
                if !reasons.is_empty() {
                    continue;
                }
                for step in plan.steps() {
                    for call in step.address.kind.spec().calls(&step.intent) {
                        check_call(step.address.kind, &call);
                        let rest = call.path.strip_prefix(step.address.kind.spec().collection()).unwrap();
                        let id = rest.trim_start_matches('/').trim_end_matches("/action");
                        let is_known = ids.iter().any(|known| segment(known) == id);
                        assert!(
                            is_known || call.method == Method::Post && rest.is_empty(),
                            "{call:?} is not pinned"
                        );
                        assert!(plan.pins[&step.address].touched, "{call:?} is not pinned");
                    }
                    if let Intent::Adopt { id, .. } = &step.intent {
                        assert!(ids.contains(id), "{id} is not pinned");
                    }
                }
            }
        },
    }
    .fuzz();
}

/// Whole HTTP answers, through the client that carries them and the observation that asks for them.
#[test]
fn wire() {
    let server = hostile::Server::start();
    let client = server.client();
    let words: Vec<&str> = [TEXTS, WIRE_WORDS].concat();
    Target {
        name: "wire",
        seeds: Vec::new(),
        mutate: &|random, seeds| {
            let input = &seeds[random.below(seeds.len())];
            let at = input.windows(4).position(|w| w == b"\r\n\r\n").map_or(0, |at| at + 4);
            let (head, body) = input.split_at(at);
            let head =
                if random.below(3) == 0 { mutate::bytes(random, head, &words, seeds) } else { head.to_vec() };
            let parsed = serde_json::from_slice::<Value>(body);
            let body = match parsed {
                Ok(body) if random.below(4) > 0 => {
                    mutate::json(random, &body, std::slice::from_ref(&OBJECTS)).to_string()
                }
                _ => String::from_utf8_lossy(&mutate::bytes(random, body, &words, seeds)).into_owned(),
            };
            // Mostly the length is right: a wrong one is found before anything else.
            let head = String::from_utf8_lossy(&head).replace("LENGTH", &body.len().to_string());
            (head + &body).into_bytes()
        },
        run: &|input| {
            server.answer(input.to_vec());
            let address = |kind| Address::new("p", kind);
            let wanted = flowform::observe::Wanted {
                managed: Kind::ALL.iter().map(|k| (address(*k), id_of(*k), Some(0))).collect(),
                leftovers: vec![(Kind::Source, "left-over".into())],
                names: Kind::ALL.iter().map(|k| (address(*k), format!("p {k}"))).collect(),
                namespace: true,
                ..flowform::observe::Wanted::default()
            };
            let observed = RUNTIME.block_on(flowform::observe::observe(&client, wanted));
            match observed {
                Ok(observations) => {
                    observations.managed.values().for_each(check_observed);
                    observations.namesakes.values().flatten().for_each(check_observed);
                    for (address, observed) in &observations.managed {
                        assert_eq!(observed.id, id_of(address.kind), "another object is taken for it");
                    }
                }
                Err(error) => {
                    assert!(!matches!(error, flowform::observe::Error::Broken(_)), "{error}");
                    let mut link: Option<&dyn std::error::Error> = Some(&error);
                    while let Some(this) = link {
                        let text = this.to_string();
                        assert!(text.len() < 4096, "{} bytes of an error", text.len());
                        assert!(!text.contains(['\n', '\r', '\u{1b}']), "{text:?}");
                        link = this.source();
                    }
                }
            }
            for line in server.seen() {
                assert!(line.starts_with("GET /data/foundation/"), "{line}");
                assert!(line.split(' ').count() == 3 && line.ends_with(" HTTP/1.1"), "{line}");
            }
        },
    }
    .fuzz();
}

const WIRE_WORDS: &[&str] = &[
    "HTTP/1.1 ",
    "HTTP/1.0 200 OK\r\n",
    "200",
    "204",
    "301",
    "404",
    "429",
    "503",
    "999",
    "000",
    "content-length: 0\r\n",
    "content-length: 99999999999999999999\r\n",
    "content-length: -1\r\n",
    "transfer-encoding: chunked\r\n",
    "content-encoding: gzip\r\n",
    "location: /x\r\n",
    "retry-after: 0\r\n",
    "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
    "x-request-id: \u{1b}[31m\r\n",
    "content-type: text/html\r\n",
    "\r\n",
    "\r\n\r\n",
    "connection: close\r\n",
    "<html><title>x</title>",
    "FFFFFFFFFFFFFFFF\r\n",
    "0\r\n\r\n",
    "\"_links\":{\"next\":{\"href\":\"/x?continuationToken=a\"}}",
    "\"items\":[]",
    "\"data\":[]",
];

/// Requests of anybody to the emulator: it answers or hangs up, and the next one finds it alive.
#[test]
fn requests() {
    static PANICS: AtomicU64 = AtomicU64::new(0);
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.location().is_some_and(|l| l.file().contains("src/emulator/")) {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            before(info);
        }));
    });
    let start = || {
        let mut behaviour = emulator::Behaviour::default();
        behaviour.set("accept-token=T").unwrap();
        let options = emulator::Options { behaviour, ..emulator::Options::default() };
        RUNTIME.block_on(emulator::start(options)).unwrap()
    };
    let handle = std::cell::RefCell::new((start(), 0_u64));
    let words: Vec<&str> = [TEXTS, REQUEST_WORDS].concat();
    Target {
        name: "requests",
        seeds: Vec::new(),
        mutate: &|random, seeds| {
            let input = &seeds[random.below(seeds.len())];
            let at = input.windows(4).position(|w| w == b"\r\n\r\n").map_or(0, |at| at + 4);
            let (head, body) = input.split_at(at);
            let head =
                if random.below(2) == 0 { mutate::bytes(random, head, &words, seeds) } else { head.to_vec() };
            let body = match serde_json::from_slice::<Value>(body) {
                Ok(body) if random.below(4) > 0 => {
                    mutate::json(random, &body, std::slice::from_ref(&OBJECTS)).to_string()
                }
                _ if random.below(2) == 0 => String::from_utf8_lossy(body).into_owned(),
                _ => String::from_utf8_lossy(&mutate::bytes(random, body, &words, seeds)).into_owned(),
            };
            let head = String::from_utf8_lossy(&head).replace("LENGTH", &body.len().to_string());
            (head + &body).into_bytes()
        },
        run: &|input| {
            let mut handle = handle.borrow_mut();
            handle.1 += 1;
            if handle.1.is_multiple_of(2_000) {
                handle.0 = start();
            }
            let answer = hostile::send(handle.0.url(), input, Duration::from_millis(20));
            // A request of HTTP/1.0 is answered in kind.
            let said =
                answer.is_empty() || answer.starts_with(b"HTTP/1.1 ") || answer.starts_with(b"HTTP/1.0 ");
            assert!(said, "{:?}", String::from_utf8_lossy(&answer));
            assert_eq!(PANICS.load(Ordering::Relaxed), 0, "the emulator panicked");
            if handle.1.is_multiple_of(50) {
                let answer = hostile::send(handle.0.url(), ALIVE, Duration::from_secs(10));
                assert!(answer.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&answer));
            }
        },
    }
    .fuzz();
}

const ALIVE: &[u8] = b"GET /data/foundation/flowservice/connections?limit=2 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer T\r\n\
    x-api-key: k\r\nx-gw-ims-org-id: 0123456789ABCDEF01234567@AdobeOrg\r\nx-sandbox-name: dev\r\nconnection: close\r\n\r\n";

const REQUEST_WORDS: &[&str] = &[
    "GET ",
    "POST ",
    "PUT ",
    "PATCH ",
    "DELETE ",
    "HEAD ",
    "OPTIONS ",
    "/data/foundation/flowservice/flows",
    "/action?op=disable",
    "/sourceConnections",
    "/targetConnections",
    "/conversion/mappingSets",
    "/catalog/dataSets",
    "/schemaregistry/tenant/schemas",
    "?property=id==a,b",
    "?property=name!=x&property=state==enabled",
    "?limit=-1",
    "&limit=0",
    "&start=99999999999999999999",
    "&continuationToken=%ff",
    "&orderby=-x",
    "&count=true",
    "If-Match: \"x\"\r\n",
    "if-match: *\r\n",
    "x-sandbox-name: prod\r\n",
    "content-type: text/plain\r\n",
    "transfer-encoding: chunked\r\n\r\nffff\r\n",
    "expect: 100-continue\r\n",
    "%00",
    "%zz",
    "//",
    "{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}",
    "{\"op\":\"test\",\"path\":\"/transformations/99999999999999999999\"}",
    "\"path\":\"/\"",
    "\"path\":\"\"",
    "\"startTime\":\"x\"",
    "\"interval\":-1",
    "/ims/token/v3",
    "?version=-1",
];
