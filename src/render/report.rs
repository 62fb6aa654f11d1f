//! What an apply says: a line for each result as it comes, and at its end what became of every object, the summary last.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Style;
use super::page::{Page, Part, Tone};
use super::value::sanitize;
use crate::apply::{Event, Report, StepResult, verb};
use crate::kind::{Address, Intent, Step};

/// What to do about a step that may have been done or not.
const LOOK_UP: &str = "run apply again: what became of it is looked up first, and nothing is made twice";

/// What to do about an object that somebody changed in between.
const PLAN_AGAIN: &str = "plan again and look at what changed, then apply";

/// What to do about an object that was made and is of no use.
pub(super) const TESTED: &str =
    "the source system cannot be reached, or does not take the credentials: put that right and apply again";

/// What became of a step, or of all steps of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Done,
    NotTried,
    Changed,
    Failed,
    Unknown,
}

impl Class {
    /// In the order in which they are counted for a person.
    pub(super) const ALL: [Self; 5] =
        [Self::Done, Self::Failed, Self::Changed, Self::Unknown, Self::NotTried];

    pub(super) fn of(result: &StepResult) -> Self {
        match result {
            StepResult::Done { .. } | StepResult::LeftInPlace { .. } => Self::Done,
            StepResult::Conflict { .. } => Self::Changed,
            StepResult::Failed { .. } | StepResult::FailsTest { .. } => Self::Failed,
            StepResult::Unknown { .. } => Self::Unknown,
            StepResult::NotTried { .. } => Self::NotTried,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Changed => "changed since the plan",
            Self::NotTried => "not tried",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// A line for an event, without a line break; `None` for one that needs none. `took` is how long its step took.
pub fn event_line(event: &Event, took: Option<Duration>, style: &Style) -> Option<String> {
    let Event::Finished { address, verb, result, .. } = event else { return None };
    let mut page = Page::new(style);
    let mut parts = vec![(Tone::Strong, format!("{}: ", sanitize(&address.to_string())))];
    parts.extend(outcome(verb, None, result, short));
    if let Some(took) = took.filter(|_| !matches!(result, StepResult::NotTried { .. })) {
        parts.push((Tone::Quiet, format!(" ({})", seconds(took))));
    }
    page.line(0, &parts);
    Some(page.finish().trim_end().to_owned())
}

/// What became of a plan whose apply took `elapsed`.
pub fn report(report: &Report, style: &Style, elapsed: Duration) -> String {
    let mut page = Page::new(style);
    for address in addresses(report) {
        for (step, result) in report.steps.iter().filter(|(s, _)| s.address == *address) {
            line(&mut page, step, result);
        }
    }
    if let Some(why) = &report.not_recorded {
        page.gap();
        let text = format!("The state could not be written: {}", sanitize(why));
        page.wrapped(0, 2, Tone::Remove, &text);
        let hint = "nothing was begun after that; once it can be written, run apply again: what became of the rest \
                    is looked up first";
        page.wrapped(4, 6, Tone::Plain, &format!("hint: {hint}"));
    }
    page.gap();
    match classes(report).iter().filter(|(_, _, left)| *left).count() {
        0 => {}
        1 => page.wrapped(0, 2, Tone::Plain, "The platform keeps 1 object, which is no longer managed."),
        n => {
            let text = format!("The platform keeps {n} objects, which are no longer managed.");
            page.wrapped(0, 2, Tone::Plain, &text);
        }
    }
    let summary = summary(report, elapsed);
    page.parts(0, 2, &summary);
    page.finish()
}

/// The addresses in the plan's order.
fn addresses(report: &Report) -> Vec<&Address> {
    let mut addresses: Vec<&Address> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    addresses.extend(report.steps.iter().map(|(s, _)| &s.address).filter(|a| seen.insert(*a)));
    addresses
}

/// The worst of what became of each object's steps, and whether the platform kept something of it.
pub(super) fn classes(report: &Report) -> Vec<(&Address, Class, bool)> {
    let mut by_address: BTreeMap<&Address, (Class, bool)> = BTreeMap::new();
    for (step, result) in &report.steps {
        let (class, left) = by_address.entry(&step.address).or_insert((Class::Done, false));
        *class = (*class).max(Class::of(result));
        *left |= matches!(result, StepResult::LeftInPlace { .. });
    }
    let order = addresses(report);
    order.into_iter().filter_map(|a| by_address.get(a).map(|(class, left)| (a, *class, *left))).collect()
}

fn line(page: &mut Page<'_>, step: &Step, result: &StepResult) {
    let mut parts = vec![(Tone::Strong, format!("{}: ", sanitize(&step.address.to_string())))];
    parts.extend(outcome(verb(&step.intent), existing(&step.intent), result, str::to_owned));
    page.parts(0, 4, &parts);
    let hint = match result {
        StepResult::Failed { hint, .. } => hint.as_deref(),
        StepResult::FailsTest { .. } => Some(TESTED),
        StepResult::Conflict { .. } => Some(PLAN_AGAIN),
        StepResult::Unknown { .. } => Some(LOOK_UP),
        _ => None,
    };
    if let Some(hint) = hint {
        page.wrapped(4, 6, Tone::Plain, &format!("hint: {}", sanitize(hint)));
    }
}

/// The id of the object that a step found.
fn existing(intent: &Intent) -> Option<&str> {
    match intent {
        Intent::Create { .. } => None,
        Intent::Switch { id, .. } => id.as_deref(),
        Intent::Update { id, .. }
        | Intent::Delete { id, .. }
        | Intent::Adopt { id, .. }
        | Intent::Forget { id } => Some(id),
    }
}

/// A result in words; `id` is shown as `form` has it.
fn outcome(verb: &str, known: Option<&str>, result: &StepResult, form: fn(&str) -> String) -> Vec<Part> {
    let done = past(verb);
    match result {
        StepResult::Done { id, note } => {
            let id =
                id.as_deref().or(known).map_or_else(String::new, |id| format!(" {}", form(&sanitize(id))));
            let mut parts = vec![(Tone::Add, done.to_owned()), (Tone::Plain, id)];
            if let Some(note) = note {
                parts.push((Tone::Quiet, format!("; {}", sanitize(note))));
            }
            parts
        }
        StepResult::FailsTest { id } => {
            vec![
                (Tone::Remove, format!("{done}, and fails the platform's test")),
                (Tone::Plain, format!(": {}", form(&sanitize(id)))),
            ]
        }
        StepResult::LeftInPlace { id, why } => {
            let rest = format!(" {}, no longer managed: {}", form(&sanitize(id)), sanitize(why));
            vec![(Tone::Change, "left in place".to_owned()), (Tone::Plain, rest)]
        }
        StepResult::Conflict { why } => {
            let words = format!("not {done}, changed since the plan");
            vec![(Tone::Remove, words), (Tone::Plain, format!(": {}", sanitize(why)))]
        }
        StepResult::Failed { why, .. } => {
            vec![(Tone::Remove, format!("not {done}")), (Tone::Plain, format!(": {}", sanitize(why)))]
        }
        StepResult::Unknown { why } => {
            let words = format!("not known whether it was {done}");
            vec![(Tone::Remove, words), (Tone::Plain, format!(": {}", sanitize(why)))]
        }
        StepResult::NotTried { because } => {
            vec![
                (Tone::Change, format!("{verb} not tried")),
                (Tone::Plain, format!(": {}", sanitize(because))),
            ]
        }
    }
}

/// The past participle of a verb of [`verb`].
fn past(verb: &str) -> &str {
    match verb {
        "create" => "created",
        "update" => "updated",
        "enable" => "enabled",
        "disable" => "disabled",
        "delete" => "deleted",
        "adopt" => "adopted",
        "forget" => "forgotten",
        other => other,
    }
}

/// A UUID's first group, which is enough to find it by; any other id whole.
fn short(id: &str) -> String {
    let uuid = id.len() == 36 && id.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    if uuid { id.chars().take(8).collect() } else { id.to_owned() }
}

fn seconds(took: Duration) -> String {
    match took.as_secs() {
        0..10 => format!("{:.1} s", took.as_secs_f64()),
        s @ 10..60 => format!("{s} s"),
        s => format!("{} min {} s", s / 60, s % 60),
    }
}

fn summary(report: &Report, elapsed: Duration) -> Vec<Part> {
    let classes = classes(report);
    let elapsed = format!(" ({})", seconds(elapsed));
    if report.is_complete() {
        let done = if classes.is_empty() { "nothing was to be sent".to_owned() } else { done(report) };
        let text = format!("Applied: {done}{elapsed}.");
        return vec![(Tone::Add, text)];
    }
    let counts: Vec<String> = Class::ALL
        .into_iter()
        .filter_map(|class| match classes.iter().filter(|(_, c, _)| *c == class).count() {
            0 => None,
            n => Some(format!("{n} {}", class.words())),
        })
        .collect();
    let counts = if counts.is_empty() { "nothing was begun".to_owned() } else { counts.join(", ") };
    let interrupted = if report.interrupted { "Interrupted. " } else { "" };
    vec![(Tone::Remove, format!("{interrupted}Not everything was applied: {counts}{elapsed}."))]
}

/// What was done with how many objects, of a complete report.
fn done(report: &Report) -> String {
    let mut counts: BTreeMap<usize, (&str, usize)> = BTreeMap::new();
    for address in addresses(report) {
        let intents = report.steps.iter().filter(|(s, _)| s.address == *address).map(|(s, _)| &s.intent);
        if let Some((rank, word)) = intents.map(weight).min() {
            counts.entry(rank).or_insert((word, 0)).1 += 1;
        }
    }
    let words = counts.into_values().map(|(word, count)| format!("{count} {word}"));
    words.collect::<Vec<_>>().join(", ")
}

/// What an object's steps amount to, and where that stands in a summary; of several steps the least counts.
fn weight(intent: &Intent) -> (usize, &'static str) {
    match intent {
        Intent::Create { replaces: Some(_), .. } => (3, "replaced"),
        Intent::Create { .. } => (0, "created"),
        Intent::Adopt { .. } => (1, "adopted"),
        Intent::Update { .. } => (2, "updated"),
        Intent::Switch { .. } => (4, "switched on or off"),
        Intent::Delete { .. } => (5, "deleted"),
        Intent::Forget { .. } => (6, "forgotten"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;
    use crate::render::json;

    const STYLE: Style = Style { color: false, width: 80, whole: false, requests: false };

    fn step(kind: Kind, intent: Intent) -> Step {
        let address = Address::new("zendesk-users", kind);
        Step {
            key: format!("{address}#{}", verb(&intent)),
            address,
            intent,
            needs: Vec::new(),
            unless: None,
            depends_on: Vec::new(),
            protect: false,
        }
    }

    fn create(kind: Kind) -> Step {
        step(kind, Intent::Create { body: serde_json::Value::Null, namesakes: Vec::new(), replaces: None })
    }

    fn done() -> StepResult {
        StepResult::Done { id: Some("246d052c-da4a-494a-937f-a0d17b1c6cf5".into()), note: None }
    }

    fn delete(kind: Kind) -> Step {
        let id = "993f8b3b-1111-4be7-a309-9dd6eea1b465".to_owned();
        step(
            kind,
            Intent::Delete {
                id,
                etag: None,
                version: None,
                before: serde_json::Value::Null,
                conditional: false,
            },
        )
    }

    fn mixed() -> Report {
        let failed = StepResult::Failed {
            why: "403: no write access to sandbox dev".into(),
            hint: Some("ask for the permission Manage Sources".into()),
        };
        Report {
            steps: vec![
                (create(Kind::BaseConnection), done()),
                (create(Kind::Source), failed),
                (create(Kind::Target), StepResult::Unknown { why: "the connection was lost".into() }),
                (delete(Kind::Mapping), StepResult::LeftInPlace { id: "4f".into(), why: "405".into() }),
                (
                    create(Kind::Dataflow),
                    StepResult::NotTried { because: "zendesk-users.source was not done".into() },
                ),
            ],
            ..Report::default()
        }
    }

    #[test]
    fn every_object_and_why() {
        insta::assert_snapshot!(report(&mixed(), &STYLE, Duration::from_millis(12_300)), @r##"
        zendesk-users.baseConnection: created 246d052c-da4a-494a-937f-a0d17b1c6cf5
        zendesk-users.source: not created: 403: no write access to sandbox dev
            hint: ask for the permission Manage Sources
        zendesk-users.target: not known whether it was created: the connection was lost
            hint: run apply again: what became of it is looked up first, and nothing is
                  made twice
        zendesk-users.mapping: left in place 4f, no longer managed: 405
        zendesk-users.dataflow: create not tried: zendesk-users.source was not done

        The platform keeps 1 object, which is no longer managed.
        Not everything was applied: 2 done, 1 failed, 1 unknown, 1 not tried (12 s).
        "##);
    }

    #[test]
    fn what_was_done_is_counted_by_object() {
        let update =
            Intent::Switch { id: Some("x".into()), etag: None, on: false, before: serde_json::Value::Null };
        let replaced = Intent::Create {
            body: serde_json::Value::Null,
            namesakes: Vec::new(),
            replaces: Some("993f8b3b-1111-4be7-a309-9dd6eea1b465".into()),
        };
        let steps = vec![
            (create(Kind::Source), done()),
            (create(Kind::Target), done()),
            (step(Kind::Dataflow, update), done()),
            (step(Kind::Dataflow, replaced), done()),
            (delete(Kind::Dataflow), StepResult::Done { id: None, note: None }),
        ];
        let text = report(&Report { steps, ..Report::default() }, &STYLE, Duration::from_secs(75));
        insta::assert_snapshot!(text, @r##"
        zendesk-users.source: created 246d052c-da4a-494a-937f-a0d17b1c6cf5
        zendesk-users.target: created 246d052c-da4a-494a-937f-a0d17b1c6cf5
        zendesk-users.dataflow: disabled 246d052c-da4a-494a-937f-a0d17b1c6cf5
        zendesk-users.dataflow: created 246d052c-da4a-494a-937f-a0d17b1c6cf5
        zendesk-users.dataflow: deleted 993f8b3b-1111-4be7-a309-9dd6eea1b465

        Applied: 2 created, 1 replaced (1 min 15 s).
        "##);
        let nothing = report(&Report::default(), &STYLE, Duration::ZERO);
        assert_eq!(nothing, "Applied: nothing was to be sent (0.0 s).\n");
    }

    #[test]
    fn an_unwritable_state_is_said_aloud() {
        let stopped = Report {
            steps: vec![(create(Kind::Source), done())],
            interrupted: true,
            not_recorded: Some("disk full".into()),
        };
        insta::assert_snapshot!(report(&stopped, &STYLE, Duration::from_secs(2)), @r##"
        zendesk-users.source: created 246d052c-da4a-494a-937f-a0d17b1c6cf5

        The state could not be written: disk full
            hint: nothing was begun after that; once it can be written, run apply again:
                  what became of the rest is looked up first

        Interrupted. Not everything was applied: 1 done (2.0 s).
        "##);
    }

    #[test]
    fn a_line_for_what_is_finished() {
        let step = create(Kind::Source);
        let event = Event::Finished {
            step: step.key.clone(),
            address: step.address.clone(),
            verb: "create",
            result: done(),
        };
        let line = event_line(&event, Some(Duration::from_millis(1240)), &STYLE);
        assert_eq!(line.as_deref(), Some("zendesk-users.source: created 246d052c (1.2 s)"));
        let started = Event::Started { step: step.key, address: step.address, verb: "create" };
        assert_eq!(event_line(&started, None, &STYLE), None);
    }

    #[test]
    fn as_json() {
        let (report, took) = (mixed(), Duration::from_millis(12_300));
        let document = json::Stream::default().line(
            &json::Line::Ended { report: &report, renewed: 0, took },
            "now",
            took,
        );
        let summary = serde_json::json!({
            "done": 2, "failed": 1, "changed": 0, "unknown": 1, "notTried": 1, "leftInPlace": 1
        });
        assert_eq!(document["summary"], summary);
        assert_eq!(document["elapsedSeconds"], 12.3);
        assert_eq!(document["steps"][3]["result"], "leftInPlace");
        assert_eq!(document["steps"][1]["hint"], "ask for the permission Manage Sources");
    }
}
