//! The two streams: stdout is data, stderr is talk. The only code that writes to either, and every word passes the
//! redactor on its way.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anstyle::{AnsiColor, Style as Ansi};
use tracing_subscriber::fmt::MakeWriter;

use super::exit::Failure;
use super::files::write_whole;
use super::screen::{Question, Screen};
use crate::render::Style;
use crate::render::text::{sanitize, sanitize_lines};
use crate::secret::Redactor;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Both streams and how they look.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    redactor: Redactor,
    /// Whether each is coloured.
    stdout: bool,
    stderr: bool,
    screen: Screen,
    /// Whether there was data.
    has_data: Arc<AtomicBool>,
    /// Why data could not be written, if it could not.
    lost: Arc<OnceLock<String>>,
    /// Set once nobody reads stdout any more.
    gone: Arc<OnceLock<()>>,
}

/// No text is laid out for narrower terminals.
const NARROWEST: usize = 40;

impl Output {
    /// Looks at the streams and at what the environment says of colours.
    pub(crate) fn new(color: ColorWhen, redactor: Redactor) -> Self {
        let choice = match color {
            ColorWhen::Auto => None,
            ColorWhen::Always => Some(true),
            ColorWhen::Never => Some(false),
        };
        let by_stream = |auto: anstream::ColorChoice| choice.unwrap_or(auto != anstream::ColorChoice::Never);
        Self {
            redactor,
            stdout: by_stream(anstream::AutoStream::choice(&std::io::stdout())),
            stderr: by_stream(anstream::AutoStream::choice(&std::io::stderr())),
            screen: Screen::default(),
            has_data: Arc::default(),
            lost: Arc::default(),
            gone: Arc::default(),
        }
    }

    /// How stdout looks, now. What is no terminal has no width: neither another stream's nor `COLUMNS` counts.
    pub(crate) fn style(&self) -> Style {
        style(self.stdout, shows_on_terminal(), terminal_size::terminal_size_of(std::io::stdout()))
    }

    /// How many lines the terminal that stdout is holds besides that of the cursor, now; `None` where it is none.
    pub(crate) fn height() -> Option<usize> {
        terminal_size::terminal_size_of(std::io::stdout()).map(|(_, h)| usize::from(h.0).saturating_sub(1))
    }

    /// How stderr looks, now.
    pub(crate) fn talk_style(&self) -> Style {
        style(self.stderr, talks_to_terminal(), terminal_size::terminal_size_of(std::io::stderr()))
    }

    /// What the terminal shows besides lines.
    pub(crate) fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Text as it may be written anywhere.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }

    /// Data. A reader that has gone away is no error of ours.
    pub(crate) fn data(&self, text: &str) {
        let text = self.redactor.redact(text);
        self.has_data.store(true, Ordering::Relaxed);
        let written = self.screen.aside(|| write_whole(&mut std::io::stdout().lock(), text.as_bytes()));
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                let _ = self.gone.set(());
            }
            Err(error) => {
                let _ = self.lost.set(error.to_string());
            }
        }
    }

    /// Whether there was data.
    pub(crate) fn has_data(&self) -> bool {
        self.has_data.load(Ordering::Relaxed)
    }

    /// Whether nobody reads stdout any more, so that a command that only shows can end.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.get().is_some() || !has_reader()
    }

    /// Why some of the data did not get out; a full disk must not look like a short answer.
    pub(crate) fn lost(&self) -> Option<&str> {
        self.lost.get().map(String::as_str)
    }

    /// Data in place of all that the terminal shows.
    pub(crate) fn redraw(&self, text: &str) {
        // Home, then clear from there: what was above stays in the terminal's history.
        self.data(&format!("\u{1b}[H\u{1b}[2J{text}"));
    }

    /// One line of talk.
    pub(crate) fn talk(&self, text: &str) {
        self.say(&format!("{text}\n"));
    }

    /// A question, whose line the answer ends. Nothing is drawn over it before what this returns is dropped.
    pub(crate) fn ask(&self, text: &str) -> Question {
        let question = self.screen.question();
        self.say(&sanitize_lines(text));
        question
    }

    /// A question whose answer must be `yes`. `None` when there is nobody to ask.
    pub(crate) fn confirm(&self, question: &str) -> Option<bool> {
        if !is_interactive() {
            return None;
        }
        let asked = self.ask(&format!("\n{question}\n  Only `yes` is taken as a yes: "));
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        drop(asked);
        Some(read.is_ok() && answer.trim() == "yes")
    }

    /// Text to stderr.
    fn say(&self, text: &str) {
        let text = self.redactor.redact(text);
        self.screen.aside(|| {
            let _ = write_whole(&mut std::io::stderr().lock(), text.as_bytes());
        });
    }

    /// A note: something to know that is no error.
    pub(crate) fn note(&self, text: &str) {
        self.talk(&format!("{} {}", self.label(AnsiColor::Cyan, "note:"), sanitize(text)));
    }

    /// An error with its causes and what to do now.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.told {
            return;
        }
        self.talk(&format!("{} {}", self.label(AnsiColor::Red, "error:"), sanitize(&failure.message)));
        for cause in &failure.causes {
            self.talk(&format!("  caused by: {}", sanitize(cause)));
        }
        if let Some(hint) = &failure.hint {
            self.talk(&format!("{} {}", self.label(AnsiColor::Green, " hint:"), sanitize(hint)));
        }
    }

    fn label(&self, color: AnsiColor, text: &str) -> String {
        if !self.stderr {
            return text.to_owned();
        }
        let style = Ansi::new().bold().fg_color(Some(color.into()));
        format!("{style}{text}{style:#}")
    }
}

/// Whether stdout still has another end. A pipe can tell without being written to.
#[cfg(unix)]
fn has_reader() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = std::io::stdout();
    let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let told = poll(&mut asked, Some(&at_once));
    let gone = PollFlags::ERR | PollFlags::HUP;
    told.is_err() || asked.iter().all(|stdout| !stdout.revents().intersects(gone))
}

/// Elsewhere the next write tells.
#[cfg(not(unix))]
fn has_reader() -> bool {
    true
}

/// Whether a person watches stdout.
pub(crate) fn shows_on_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether a person watches stderr.
pub(crate) fn talks_to_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether there is a person to ask: one who sees stderr and types into stdin.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && talks_to_terminal()
}

/// How a stream looks that is a terminal, of this size if that is known, or none.
fn style(
    color: bool,
    is_terminal: bool,
    size: Option<(terminal_size::Width, terminal_size::Height)>,
) -> Style {
    let width = size.map_or(Style::FILE.width, |(width, _)| usize::from(width.0).max(NARROWEST));
    Style { color, width, whole: !is_terminal, ..Style::FILE }
}

/// The log's way to stderr, past the redactor.
pub(crate) struct LogWriter(pub Output);

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = LogLine<'a>;

    fn make_writer(&'a self) -> LogLine<'a> {
        LogLine { output: &self.0, line: Vec::new() }
    }
}

/// One log line, written when it is whole.
pub(crate) struct LogLine<'a> {
    output: &'a Output,
    line: Vec<u8>,
}

impl Write for LogLine<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine<'_> {
    fn drop(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        // Colours are ours; whatever else a terminal might obey came from elsewhere.
        let line: Vec<_> = line.split('\u{1b}').map(sanitize_lines).collect();
        let line = line.join("\u{1b}");
        self.output.say(&line);
    }
}
