//! What is shown while something takes longer than a second: a spinner on a terminal, lines elsewhere.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::{Output, talks_to_terminal};
use crate::apply::Event;
use crate::render;

/// Nothing is shown of what takes less.
const PATIENCE: Duration = Duration::from_secs(1);

/// A spinner that appears after a second, on a terminal, and goes when it is dropped.
pub(crate) struct Spinner(Option<tokio::task::JoinHandle<()>>);

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }
}

pub(crate) fn spinner(output: &Output, what: &'static str) -> Spinner {
    if !talks_to_terminal() {
        return Spinner(None);
    }
    let color = output.talk_style().color;
    Spinner(Some(tokio::spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        let bar = Erase(bar(color));
        bar.0.set_message(what);
        loop {
            bar.0.tick();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })))
}

/// Takes the bar off the screen, also when the task that shows it is aborted.
struct Erase(ProgressBar);

impl Drop for Erase {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
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
    bar: Option<Erase>,
}

impl<'a> Applying<'a> {
    pub(crate) fn new(output: &'a Output, total: usize) -> Self {
        let bar = talks_to_terminal().then(|| {
            let bar = bar(output.talk_style().color);
            bar.enable_steady_tick(Duration::from_millis(100));
            Erase(bar)
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
        if let Some(Erase(bar)) = &self.bar {
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
