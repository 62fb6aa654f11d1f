//! Runs the program of a `fromCommand`: without a shell, without stdin, for a limited time, and with nothing left behind
//! that it started and that did not end in time. Knows nothing of where the secret goes.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

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

/// One stream of a command, read in the background.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    too_much: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Stream {
    /// Reads to the end, or until there is too much; `shown_by` has every piece shown at once.
    fn read(from: Option<impl AsyncRead + Send + Unpin + 'static>, shown_by: Option<Redactor>) -> Self {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let too_much = Arc::<Notify>::default();
        let (into, full) = (bytes.clone(), too_much.clone());
        let task = tokio::spawn(async move {
            let Some(mut from) = from else { return };
            let mut piece = [0; 8192];
            while let Ok(1..) = from.read(&mut piece).await.inspect(|n| {
                let piece = piece.get(..*n).unwrap_or_default();
                if let Some(redactor) = &shown_by {
                    show(piece, redactor);
                }
                into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(piece);
            }) {
                if into.lock().unwrap_or_else(PoisonError::into_inner).len() > LIMIT {
                    full.notify_one();
                    return;
                }
            }
        });
        Self { bytes, too_much, task }
    }

    /// What was read; of what is still open, what came so far.
    async fn finish(self) -> Vec<u8> {
        let Self { bytes, mut task, .. } = self;
        if timeout(GRACE, &mut task).await.is_err() {
            task.abort();
        }
        std::mem::take(&mut *bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn show(piece: &[u8], redactor: &Redactor) {
    use std::io::Write as _;
    let text = String::from_utf8_lossy(piece);
    let _ = io::stderr().lock().write_all(redactor.redact_foreign(&text).as_bytes());
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
    let text = printed_text(ended, printed, limit, redactor);
    let said = if is_watched { String::new() } else { shortened(&said, redactor) };
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
        Ok(Some(Ok(_))) if lossy.len() > LIMIT => return Err(format!("it printed more than {} kB", LIMIT / 1024)),
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
