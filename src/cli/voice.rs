//! Who is told what an apply does as it goes on: a person by text, or a machine by one line of JSON for each event.

use std::time::{Duration, Instant};

use super::now;
use super::output::Output;
use super::session::timestamp;
use crate::apply::{Event, Report};
use crate::kind::{Address, Run};
use crate::plan::Plan;
use crate::render;
use crate::render::json::{Line, Stream, Until};

/// How an apply speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON object for each event, on a line of its own (docs/json.md)
    Json,
}

/// The voice of one apply.
pub(crate) struct Voice<'a> {
    output: &'a Output,
    begun: Instant,
    /// Present where a machine listens.
    stream: Option<Stream>,
}

impl<'a> Voice<'a> {
    pub(crate) fn new(format: Format, output: &'a Output) -> Self {
        Self { output, begun: Instant::now(), stream: (format == Format::Json).then(Stream::default) }
    }

    /// The plan. Where stdout is for a machine, on stderr: a person may be asked about it.
    pub(crate) fn planned(&mut self, plan: &Plan) {
        if self.stream.is_some() {
            self.output.talk(render::text::plan(plan, &self.output.talk_style()).trim_end());
            self.line(&Line::Planned(plan));
        } else {
            self.output.data(&render::text::plan(plan, &self.output.style()));
        }
    }

    /// What an interrupted apply turned out to have made.
    pub(crate) fn recovered(&mut self, address: &Address, id: &str) {
        self.line(&Line::Recovered(address, id));
    }

    /// Something happened. People see that by `progress`.
    pub(crate) fn happened(&mut self, event: &Event) {
        self.line(&Line::Happened(event));
    }

    /// The end of what took this long and renewed so many entries of the state without sending anything.
    pub(crate) fn ended(&mut self, report: &Report, renewed: usize, took: Duration) {
        if self.stream.is_some() {
            self.line(&Line::Ended { report, renewed, took });
        } else {
            self.output.data(&render::report::report(report, &self.output.style(), took));
            match renewed {
                0 => {}
                1 => self.output.note("1 entry of the state is renewed"),
                n => self.output.note(&format!("{n} entries of the state are renewed")),
            }
        }
    }

    /// Nothing was to be done: people saw that from the plan.
    pub(crate) fn nothing_to_do(&mut self) {
        self.line(&Line::Ended { report: &Report::default(), renewed: 0, took: Duration::ZERO });
    }

    /// An object is waited for: until it has settled, or until its first run has ended, due then if that is known.
    pub(crate) fn waits(&mut self, address: &Address, until: Until, due: Option<&str>) {
        self.line(&Line::Waiting { address, until, due });
    }

    /// The first run of an object that was waited for has ended.
    pub(crate) fn ran_first(&mut self, address: &Address, run: &Run) {
        self.line(&Line::FirstRun(address, run));
    }

    fn line(&mut self, line: &Line<'_>) {
        if let Some(stream) = &mut self.stream {
            let value = stream.line(line, &timestamp(now()), self.begun.elapsed());
            self.output.data(&render::json::to_line(&value));
        }
    }
}
