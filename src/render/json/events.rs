//! What an apply says as it goes on: one JSON object for each event.

use std::collections::HashMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::super::report::{Class, TESTED, classes};
use super::failure::{self, Failed, FailureDocument};
use super::plan::{ModeDocument, PlaceDocument, SummaryDocument, mode, place, summary};
use super::runs::{RunDocument, document};
use super::{FORMAT_VERSION, to_value};
use crate::apply::{Event, Report, StepResult, verb};
use crate::kind::{Address, Run, Step};
use crate::plan::Plan;

/// One line of `flowform apply --format json` and `flowform destroy --format json`. A new field or a new type may come at
/// any time; a changed or dropped one raises `formatVersion`. The first line is `planned` or `error`. Where something was
/// begun, `report` ends the apply, and only what `--wait` and `--wait-first-run` wait for comes after it; `error` is last
/// wherever the command fails otherwise than by a step.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "flowform apply, one line")]
pub(super) struct LineDocument<'e> {
    /// When, RFC 3339.
    at: &'e str,
    #[serde(flatten)]
    event: EventDocument<'e>,
}

#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum EventDocument<'e> {
    /// The plan that is to be carried out.
    Planned {
        /// 1.
        format_version: u32,
        /// SHA-256 of the plan.
        fingerprint: String,
        mode: ModeDocument,
        place: PlaceDocument<'e>,
        summary: SummaryDocument,
        /// How many steps it has.
        steps: usize,
    },
    /// An interrupted apply turned out to have created an object, which is taken over.
    Recovered {
        /// `pipeline.section`.
        address: String,
        id: &'e str,
    },
    /// A step was begun.
    Started {
        /// Its key, as in the plan's requests.
        step: &'e str,
        /// `pipeline.section`.
        address: String,
        /// What it does, in words.
        verb: &'static str,
    },
    /// A step has an outcome.
    Finished {
        #[serde(flatten)]
        outcome: OutcomeDocument<'e>,
        /// How long it took; null for a step that was not tried.
        elapsed_seconds: Option<f64>,
    },
    /// After the report: an object is waited for, as `--wait` and `--wait-first-run` ask.
    Waiting {
        /// `pipeline.section`.
        address: String,
        until: UntilDocument,
        /// When its first run is due, RFC 3339; null where that is not known, or has begun.
        due: Option<&'e str>,
    },
    /// After the report: the first run of an object that was waited for has ended.
    FirstRun {
        #[serde(flatten)]
        run: RunDocument<'e>,
    },
    /// The end of the apply, when something was begun or there was nothing to do.
    Report {
        /// Whether everything was done.
        complete: bool,
        /// Whether it was stopped.
        interrupted: bool,
        /// Why the state could not be written.
        not_recorded: Option<&'e str>,
        elapsed_seconds: f64,
        summary: CountsDocument,
        /// Entries of the state that were renewed without sending anything.
        renewed: usize,
        /// Every step and what became of it.
        steps: Vec<OutcomeDocument<'e>>,
    },
    /// The end, when nothing was begun, a result could not be recorded, or what was waited for did not come.
    Error {
        #[serde(flatten)]
        failure: FailureDocument<'e>,
    },
}

/// `settled`: until the platform has done what it was asked for. `firstRun`: until its first run has ended.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Until")]
enum UntilDocument {
    Settled,
    FirstRun,
}

/// What became of a step.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Outcome")]
struct OutcomeDocument<'e> {
    /// Its key, as in the plan's requests.
    step: &'e str,
    /// `pipeline.section`.
    address: String,
    /// What it does, in words.
    verb: &'static str,
    result: ResultDocument,
    /// The object's id, where the outcome tells it.
    id: Option<&'e str>,
    /// Why, or what to know besides.
    why: Option<&'e str>,
    /// What to do.
    hint: Option<&'e str>,
}

/// `changed`: somebody changed the object since the plan. `unknown`: it may have been done; the next apply looks it up.
/// `failsTest`: it was done, and nothing that refers to the object was tried, since it fails the platform's own test.
/// `leftInPlace`: the platform keeps the object, and it is no longer managed.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Result")]
enum ResultDocument {
    Done,
    Failed,
    Changed,
    Unknown,
    NotTried,
    FailsTest,
    LeftInPlace,
}

/// Counts of objects, by what became of them.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Counts")]
struct CountsDocument {
    done: usize,
    failed: usize,
    changed: usize,
    unknown: usize,
    not_tried: usize,
    /// Of those done.
    left_in_place: usize,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The platform has done what it was asked for.
    Settled,
    /// The first run has ended.
    FirstRun,
}

/// What a line can say.
#[derive(Clone, Copy, Debug)]
pub enum Line<'e> {
    /// The plan that is to be carried out.
    Planned(&'e Plan),
    /// An object that an interrupted apply had made, and its id.
    Recovered(&'e Address, &'e str),
    /// Something happened.
    Happened(&'e Event),
    /// An object is waited for.
    Waiting {
        /// Which.
        address: &'e Address,
        /// Until when.
        until: Until,
        /// When its first run is due, RFC 3339, if that is known.
        due: Option<&'e str>,
    },
    /// The first run of an object that was waited for has ended.
    FirstRun(&'e Address, &'e Run),
    /// The end.
    Ended {
        /// What became of every step.
        report: &'e Report,
        /// Entries of the state that were renewed without sending anything.
        renewed: usize,
        /// How long it took.
        took: Duration,
    },
    /// The end where nothing was begun.
    Error(&'e Failed<'e>),
}

/// The lines of one apply. Remembers when each step was begun.
#[derive(Debug, Default)]
pub struct Stream {
    begun: HashMap<String, Duration>,
}

impl Stream {
    /// A line as JSON. `at` is now, RFC 3339; `elapsed` the time since some moment that is the same for all lines.
    pub fn line(&mut self, line: &Line<'_>, at: &str, elapsed: Duration) -> Value {
        to_value(&LineDocument { at, event: self.event(line, elapsed) })
    }

    fn event<'e>(&mut self, line: &Line<'e>, elapsed: Duration) -> EventDocument<'e> {
        match *line {
            Line::Planned(plan) => EventDocument::Planned {
                format_version: FORMAT_VERSION,
                fingerprint: plan.fingerprint(),
                mode: mode(plan.mode),
                place: place(plan),
                summary: summary(plan),
                steps: plan.steps().count(),
            },
            Line::Recovered(address, id) => EventDocument::Recovered { address: address.to_string(), id },
            Line::Happened(Event::Started { step, address, verb }) => {
                self.begun.insert(step.clone(), elapsed);
                EventDocument::Started { step, address: address.to_string(), verb }
            }
            Line::Happened(Event::Finished { step, address, verb, result }) => EventDocument::Finished {
                outcome: outcome(step, address, verb, result),
                elapsed_seconds: self.begun.remove(step).map(|begun| seconds(elapsed.saturating_sub(begun))),
            },
            Line::Waiting { address, until, due } => EventDocument::Waiting {
                address: address.to_string(),
                until: match until {
                    Until::Settled => UntilDocument::Settled,
                    Until::FirstRun => UntilDocument::FirstRun,
                },
                due,
            },
            Line::FirstRun(address, run) => EventDocument::FirstRun { run: document(address, run) },
            Line::Ended { report, renewed, took } => EventDocument::Report {
                complete: report.is_complete(),
                interrupted: report.interrupted,
                not_recorded: report.not_recorded.as_deref(),
                elapsed_seconds: seconds(took),
                summary: counts(report),
                renewed,
                steps: report.steps.iter().map(|(step, result)| became(step, result)).collect(),
            },
            Line::Error(failed) => EventDocument::Error { failure: failure::document(failed) },
        }
    }
}

/// Seconds to the millisecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

fn counts(report: &Report) -> CountsDocument {
    let counted = classes(report);
    let count = |class| counted.iter().filter(|(_, c, _)| *c == class).count();
    CountsDocument {
        done: count(Class::Done),
        failed: count(Class::Failed),
        changed: count(Class::Changed),
        unknown: count(Class::Unknown),
        not_tried: count(Class::NotTried),
        left_in_place: counted.iter().filter(|(_, _, left)| *left).count(),
    }
}

fn became<'e>(step: &'e Step, result: &'e StepResult) -> OutcomeDocument<'e> {
    outcome(&step.key, &step.address, verb(&step.intent), result)
}

fn outcome<'e>(
    step: &'e str,
    address: &Address,
    verb: &'static str,
    result: &'e StepResult,
) -> OutcomeDocument<'e> {
    let (word, id, why, hint) = match result {
        StepResult::Done { id, note } => (ResultDocument::Done, id.as_deref(), note.as_deref(), None),
        StepResult::FailsTest { id } => (ResultDocument::FailsTest, Some(id.as_str()), None, Some(TESTED)),
        StepResult::LeftInPlace { id, why } => {
            (ResultDocument::LeftInPlace, Some(id.as_str()), Some(why.as_str()), None)
        }
        StepResult::Failed { why, hint } => {
            (ResultDocument::Failed, None, Some(why.as_str()), hint.as_deref())
        }
        StepResult::Conflict { why } => (ResultDocument::Changed, None, Some(why.as_str()), None),
        StepResult::Unknown { why } => (ResultDocument::Unknown, None, Some(why.as_str()), None),
        StepResult::NotTried { because } => (ResultDocument::NotTried, None, Some(because.as_str()), None),
    };
    OutcomeDocument { step, address: address.to_string(), verb, result: word, id, why, hint }
}
