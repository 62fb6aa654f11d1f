//! What is shown while something takes longer than a second: a spinner on a terminal, lines elsewhere.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::{Output, talks_to_terminal};
use super::screen::Place;
use crate::apply::Event;
use crate::render;

/// Nothing is shown of what takes less.
const PATIENCE: Duration = Duration::from_secs(1);

/// A spinner that appears after a second, on a terminal, and is gone when this has been dropped.
pub(crate) struct Spinner {
    task: Option<tokio::task::JoinHandle<()>>,
    /// Gives the line back.
    _place: Place,
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

pub(crate) fn spinner(output: &Output, what: &'static str) -> Spinner {
    let place = output.screen().place();
    if !talks_to_terminal() {
        return Spinner { task: None, _place: place };
    }
    let (screen, number, color) = (output.screen().clone(), place.number(), output.talk_style().color);
    let task = tokio::spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        let bar = bar(color);
        bar.set_message(what);
        while !screen.show(number, &bar) {
            tokio::time::sleep(PATIENCE).await;
        }
    });
    Spinner { task: Some(task), _place: place }
}

fn bar(color: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let template = if color { "{spinner:.cyan} {msg} ({elapsed})" } else { "{spinner} {msg} ({elapsed})" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Shows an apply while it goes on: on a terminal how far it is, elsewhere a line for each result. What ends within a
/// second stands in the report alone.
pub(crate) struct Applying<'a> {
    output: &'a Output,
    start: Instant,
    begun: HashMap<String, Instant>,
    total: usize,
    ended: usize,
    bar: Option<(ProgressBar, Place)>,
}

impl<'a> Applying<'a> {
    pub(crate) fn new(output: &'a Output, total: usize) -> Self {
        let bar = talks_to_terminal().then(|| {
            let (bar, place) = (bar(output.talk_style().color), output.screen().place());
            output.screen().show(place.number(), &bar);
            (bar, place)
        });
        Self { output, start: Instant::now(), begun: HashMap::new(), total, ended: 0, bar }
    }

    pub(crate) fn show(&mut self, event: &Event) {
        let mut took = None;
        match event {
            Event::Started { step, .. } => {
                self.begun.insert(step.clone(), Instant::now());
            }
            Event::Finished { step, .. } => {
                self.ended += 1;
                took = self.begun.remove(step).map(|begun| begun.elapsed());
            }
        }
        if let Some((bar, _)) = &self.bar {
            bar.set_message(format!(
                "{} of {} steps done, {} under way",
                self.ended,
                self.total,
                self.begun.len()
            ));
        } else if self.start.elapsed() > PATIENCE
            && let Some(line) = render::report::event_line(event, took, &self.output.talk_style())
        {
            self.output.talk(&line);
        }
    }
}
