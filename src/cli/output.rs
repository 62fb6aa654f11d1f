//! The two streams: stdout is data, stderr is talk. The only code that writes to either, and every word passes the
//! redactor on its way.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, OnceLock};

use anstyle::{AnsiColor, Style as Ansi};
use tracing_subscriber::fmt::MakeWriter;

use super::exit::Failure;
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
    stdout: Style,
    stderr: Style,
    /// Why data could not be written, if it could not.
    lost: Arc<OnceLock<String>>,
}

/// Columns where no terminal says otherwise.
const WIDTH: usize = 100;

impl Output {
    /// Looks at the streams and at what the environment says of colours.
    pub(crate) fn new(color: ColorWhen, redactor: Redactor) -> Self {
        let choice = match color {
            ColorWhen::Auto => None,
            ColorWhen::Always => Some(true),
            ColorWhen::Never => Some(false),
        };
        let by_stream = |auto: anstream::ColorChoice| choice.unwrap_or(auto != anstream::ColorChoice::Never);
        let width = terminal_size::terminal_size().map_or(WIDTH, |(w, _)| usize::from(w.0).max(40));
        let style = |color| Style { color, width, requests: false };
        Self {
            redactor,
            stdout: style(by_stream(anstream::AutoStream::choice(&std::io::stdout()))),
            stderr: style(by_stream(anstream::AutoStream::choice(&std::io::stderr()))),
            lost: Arc::default(),
        }
    }

    /// How stdout looks.
    pub(crate) fn style(&self) -> Style {
        self.stdout
    }

    /// How many lines the terminal holds besides that of the cursor, now; `None` where there is none.
    pub(crate) fn height() -> Option<usize> {
        terminal_size::terminal_size().map(|(_, h)| usize::from(h.0).saturating_sub(1))
    }

    /// How stderr looks.
    pub(crate) fn talk_style(&self) -> Style {
        self.stderr
    }

    /// Text as it may be written anywhere.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }

    /// Data. A reader that has gone away is no error of ours.
    pub(crate) fn data(&self, text: &str) {
        let text = self.redactor.redact(text);
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                let _ = self.lost.set(error.to_string());
            }
            _ => {}
        }
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
        let text = self.redactor.redact(text);
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Talk whose line an answer ends.
    pub(crate) fn prompt(&self, text: &str) {
        let text = self.redactor.redact(text);
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "{}", sanitize(&text)).and_then(|()| stderr.flush());
    }

    /// A note: something to know that is no error.
    pub(crate) fn note(&self, text: &str) {
        self.talk(&format!("{} {}", self.label(AnsiColor::Cyan, "note:"), sanitize(text)));
    }

    /// An error with its causes and what to do now.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.message.is_empty() {
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
        if !self.stderr.color {
            return text.to_owned();
        }
        let style = Ansi::new().bold().fg_color(Some(color.into()));
        format!("{style}{text}{style:#}")
    }
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

/// A question whose answer must be `yes`. `None` when there is nobody to ask.
pub(crate) fn confirm(question: &str) -> Option<bool> {
    if !is_interactive() {
        return None;
    }
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "\n{question}\n  Only `yes` is taken as a yes: ").and_then(|()| stderr.flush());
    drop(stderr);
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    Some(read.is_ok() && answer.trim() == "yes")
}

/// The log's way to stderr, past the redactor.
pub(crate) struct LogWriter(pub Redactor);

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = LogLine<'a>;

    fn make_writer(&'a self) -> LogLine<'a> {
        LogLine { redactor: &self.0, line: Vec::new() }
    }
}

/// One log line, written when it is whole.
pub(crate) struct LogLine<'a> {
    redactor: &'a Redactor,
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
        let _ = std::io::stderr().lock().write_all(self.redactor.redact(&line).as_bytes());
    }
}
