//! What a terminal shows and draws over again and again (a spinner, how far an apply is), and the rule that it is gone
//! before anything else is written. Every line that `output` writes passes here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;

/// How often what is shown is drawn.
const TICK: Duration = Duration::from_millis(100);

/// A terminal that all parts of a run write to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Screen(Arc<Mutex<Shown>>);

#[derive(Debug, Default)]
struct Shown {
    /// Counts the places that were ever opened.
    opened: u64,
    /// The newest place, if it is not over; and its bar, if that shows.
    place: Option<u64>,
    bar: Option<ProgressBar>,
    /// Questions that wait for an answer: nothing is drawn over them.
    questions: usize,
}

impl Shown {
    fn erase(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Screen {
    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `write` while nothing is drawn; what was there is drawn again below it.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        let shown = self.lock();
        match &shown.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// A place for one bar. What it shows is gone when it has been dropped.
    pub(crate) fn place(&self) -> Place {
        let mut shown = self.lock();
        shown.erase();
        shown.opened += 1;
        shown.place = Some(shown.opened);
        Place { screen: self.clone(), number: shown.opened }
    }

    /// Shows a bar in a place, unless that is over; `false` while a question is open.
    pub(crate) fn show(&self, number: u64, bar: &ProgressBar) -> bool {
        let mut shown = self.lock();
        if shown.questions > 0 {
            return false;
        }
        if shown.place == Some(number) {
            shown.erase();
            bar.enable_steady_tick(TICK);
            shown.bar = Some(bar.clone());
        }
        true
    }

    /// Takes what is shown away for good, and lets nothing be shown while a question is open.
    pub(crate) fn question(&self) -> Question {
        let mut shown = self.lock();
        shown.erase();
        shown.questions += 1;
        Question(self.clone())
    }
}

/// See [`Screen::place`].
pub(crate) struct Place {
    screen: Screen,
    number: u64,
}

impl Place {
    /// What [`Screen::show`] takes.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut shown = self.screen.lock();
        if shown.place == Some(self.number) {
            shown.place = None;
            shown.erase();
        }
    }
}

/// A question that waits for its answer until it is dropped.
pub(crate) struct Question(Screen);

impl Drop for Question {
    fn drop(&mut self) {
        let mut shown = self.0.lock();
        shown.questions = shown.questions.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    /// What was done to a terminal, in order: `draw`, `erase`, and what was written.
    #[derive(Clone, Debug, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl Seen {
        fn note(&self, what: &str) {
            let mut seen = self.0.lock().unwrap();
            if seen.last().is_none_or(|last| last != what) {
                seen.push(what.to_owned());
            }
        }

        fn take(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    impl TermLike for Seen {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn write_line(&self, _: &str) -> std::io::Result<()> {
            Ok(())
        }
        fn write_str(&self, text: &str) -> std::io::Result<()> {
            if text.contains("spinning") {
                self.note("draw");
            }
            Ok(())
        }
        fn clear_line(&self) -> std::io::Result<()> {
            self.note("erase");
            Ok(())
        }
        fn flush(&self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn bar(seen: &Seen) -> ProgressBar {
        let target = ProgressDrawTarget::term_like(Box::new(seen.clone()));
        ProgressBar::with_draw_target(None, target).with_message("spinning")
    }

    /// Whether what is shown is gone where `written` was written.
    fn gone_before(seen: &[String], written: &str) -> bool {
        let before = seen.split(|what| what == written).next().unwrap();
        before.len() < seen.len() && before.iter().rfind(|what| *what != written).is_none_or(|w| w == "erase")
    }

    #[test]
    fn what_is_shown_is_gone_before_anything_else_is_written() {
        let (screen, seen) = (Screen::default(), Seen::default());
        let place = screen.place();
        let shown = bar(&seen);
        shown.set_style(indicatif::ProgressStyle::with_template("{msg}").unwrap());
        assert!(screen.show(place.number(), &shown));
        // Another thread draws.
        while !seen.0.lock().unwrap().contains(&"draw".to_owned()) {
            std::thread::sleep(TICK);
        }
        screen.aside(|| seen.note("a note"));
        let all = seen.take();
        assert!(gone_before(&all, "a note"), "{all:?}");
        let question = screen.question();
        seen.note("a question");
        std::thread::sleep(3 * TICK);
        shown.tick();
        assert!(!screen.show(place.number(), &bar(&seen)), "a question is open");
        let all = seen.take();
        assert!(gone_before(&all, "a question"), "{all:?}");
        assert_eq!(all.last().unwrap(), "a question", "it is drawn over: {all:?}");
        drop(question);
        let number = place.number();
        drop(place);
        screen.show(number, &bar(&seen));
        std::thread::sleep(3 * TICK);
        assert_eq!(seen.take(), Vec::<String>::new(), "the place is over");
    }
}
