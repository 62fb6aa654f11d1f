//! Runs the program of a `fromCommand`: without a shell, without stdin, for a limited time, and with nothing left behind
//! that it started and that did not end in time. Knows nothing of where the secret goes.

use std::io::{self, Write as _};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::output::is_interactive;
use crate::secret::{Redactor, Secret};

/// Longer texts are no secrets.
const LIMIT: usize = 1024 * 1024;

/// More of what a command says on stderr is not repeated, in characters.
const SAID: usize = 600;

/// How long a command's output may stay open after its end: what it left running may hold it.
const GRACE: Duration = Duration::from_millis(500);

/// What came of a command.
pub(super) struct Ran {
    /// The text that it printed, or why there is none, in words that hold no secret.
    pub(super) text: Result<String, String>,
    /// What it said on stderr, without secrets; nothing where the person has seen it already.
    pub(super) said: String,
}

/// How long what a command says is held back from the terminal: what it says at once may hold its secret, which is masked
/// when it is known; what it says and then waits is a question to the person.
const HELD: Duration = Duration::from_secs(1);

/// What was read of a stream.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    /// How much of it the person has seen.
    shown: usize,
}

/// One stream of a command, read in the background.
struct Stream {
    text: Arc<Mutex<Text>>,
    too_much: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Stream {
    /// Reads to the end, or until there is too much; `shown_by` has it shown to the person, but for what comes at once.
    fn read(from: Option<impl AsyncRead + Send + Unpin + 'static>, shown_by: Option<Redactor>) -> Self {
        let text = Arc::<Mutex<Text>>::default();
        let too_much = Arc::<Notify>::default();
        let (into, full) = (text.clone(), too_much.clone());
        let task = tokio::spawn(async move {
            let Some(mut from) = from else { return };
            let due = Instant::now() + HELD;
            let mut is_due = false;
            let mut piece = [0; 8192];
            loop {
                let read = tokio::select! {
                    read = from.read(&mut piece) => read.unwrap_or_default(),
                    () = sleep_until(due), if !is_due => {
                        is_due = true;
                        show(&into, shown_by.as_ref());
                        continue;
                    }
                };
                let Some(piece) = piece.get(..read).filter(|piece| !piece.is_empty()) else { return };
                let length = {
                    let mut text = lock(&into);
                    text.bytes.extend_from_slice(piece);
                    text.bytes.len()
                };
                if is_due {
                    show(&into, shown_by.as_ref());
                }
                if length > LIMIT {
                    full.notify_one();
                    return;
                }
            }
        });
        Self { text, too_much, task }
    }

    /// What was read; of what is still open, what came so far.
    async fn finish(self) -> Text {
        let Self { text, mut task, .. } = self;
        if timeout(GRACE, &mut task).await.is_err() {
            task.abort();
        }
        std::mem::take(&mut *lock(&text))
    }
}

fn lock(text: &Mutex<Text>) -> MutexGuard<'_, Text> {
    text.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows the person what is new.
fn show(text: &Mutex<Text>, redactor: Option<&Redactor>) {
    let (Some(redactor), mut text) = (redactor, lock(text)) else { return };
    let new = String::from_utf8_lossy(text.bytes.get(text.shown..).unwrap_or_default());
    let _ = io::stderr().lock().write_all(redactor.redact_foreign(&new).as_bytes());
    text.shown = text.bytes.len();
}

/// Runs a command for at most this time.
pub(super) async fn run(command: &[String], limit: Duration, redactor: &Redactor) -> Ran {
    let Some((program, arguments)) = command.split_first() else {
        return Ran { text: Err("the command is empty".to_owned()), said: String::new() };
    };
    // A program may ask the person at the terminal: then that sees it at once, and can break it off.
    let is_watched = is_interactive();
    let mut started = Command::new(program);
    started.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    started.kill_on_drop(true);
    #[cfg(unix)]
    if !is_watched {
        started.process_group(0);
    }
    let mut child = match started.spawn() {
        Ok(child) => child,
        Err(error) => {
            let why = format!("the command {program} cannot be run: {error}");
            return Ran { text: Err(why), said: String::new() };
        }
    };
    let leader = child.id().filter(|_| !is_watched);
    let stdout = Stream::read(child.stdout.take(), None);
    let stderr = Stream::read(child.stderr.take(), is_watched.then(|| redactor.clone()));
    let ended = timeout(limit, async {
        tokio::select! {
            status = child.wait() => Some(status),
            () = stdout.too_much.notified() => None,
            () = stderr.too_much.notified() => None,
        }
    })
    .await;
    let is_good = matches!(&ended, Ok(Some(Ok(status))) if status.success());
    if !is_good {
        // Whatever it is doing, it is not going to say its secret.
        end(&mut child, leader).await;
    }
    let (printed, said) = (stdout.finish().await, stderr.finish().await);
    let text = printed_text(ended, printed.bytes, limit, redactor);
    let said = shortened(said.bytes.get(said.shown..).unwrap_or_default(), redactor);
    let text = text.map_err(|why| {
        let said = if said.is_empty() { String::new() } else { format!("; it said: {said}") };
        format!("the command {program} failed: {why}{said}")
    });
    Ran { said: if text.is_ok() { said } else { String::new() }, text }
}

/// Ends a command, with all that it started.
async fn end(child: &mut Child, leader: Option<u32>) {
    #[cfg(unix)]
    if let Some(group) = leader.and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = leader;
    let _ = child.kill().await;
}

/// The secret that a command printed. What a failed one printed may be one all the same, and is never repeated.
fn printed_text(
    ended: Result<Option<io::Result<ExitStatus>>, tokio::time::error::Elapsed>,
    printed: Vec<u8>,
    limit: Duration,
    redactor: &Redactor,
) -> Result<String, String> {
    let text = String::from_utf8(printed);
    let lossy = text.as_ref().map_or_else(|e| String::from_utf8_lossy(e.as_bytes()), |t| t.as_str().into());
    for line in lossy.lines().take(100).map(str::trim) {
        redactor.register(&Secret::new(line));
    }
    match ended {
        Err(_) => {
            return Err(format!("it took longer than {} s (--command-timeout)", limit.as_secs_f64()));
        }
        Ok(None) => return Err(format!("it printed more than {} kB", LIMIT / 1024)),
        Ok(Some(Err(error))) => return Err(error.to_string()),
        Ok(Some(Ok(status))) if !status.success() => return Err(status.to_string()),
        Ok(Some(Ok(_))) if lossy.len() > LIMIT => {
            return Err(format!("it printed more than {} kB", LIMIT / 1024));
        }
        Ok(Some(Ok(_))) => {}
    }
    drop(lossy);
    match text {
        Err(_) => Err("what it printed is not UTF-8".to_owned()),
        Ok(text) if text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']).is_empty() => {
            Err("it printed nothing".to_owned())
        }
        Ok(text) => Ok(text),
    }
}

/// The last of what a command said, on one line.
fn shortened(said: &[u8], redactor: &Redactor) -> String {
    let text = String::from_utf8_lossy(said);
    let text = redactor.redact_foreign(&text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let line = lines.join(" / ");
    let skipped = line.chars().count().saturating_sub(SAID);
    let last: String = line.chars().skip(skipped).collect();
    if skipped > 0 { format!("…{last}") } else { last }
}
