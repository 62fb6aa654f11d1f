//! How a command meets the state's lock in another run's hands: it says who holds it, waits as long as it was told to, and gives up.
//!
//! Who only reads takes no lock, but must not take what a running apply is making for something else.

use std::time::{Duration, Instant};

use super::exit::{Failure, Status};
use super::output::Output;
use super::session::Session;
use super::span::span;
use crate::state::model::State;
use crate::state::{Holder, LockError, Locked, StateFile};

/// How often the lock is looked at while it is waited for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// A span from the command line, which may also be none, or a number of seconds.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(seconds) => Ok(Duration::from_secs(seconds.into())),
        Err(_) if matches!(text, "0s" | "0m" | "0h") => Ok(Duration::ZERO),
        Err(_) => span(text),
    }
}

/// A lock that is waited for.
struct Waiting {
    until: Instant,
    said: Option<String>,
}

impl Waiting {
    fn for_as_long_as(timeout: Duration) -> Self {
        let now = Instant::now();
        Self { until: now.checked_add(timeout).unwrap_or(now), said: None }
    }

    /// How long to wait before the next try; the failure, where there is no time left or waiting does not help. Says once who is
    /// waited for.
    fn again(&mut self, error: LockError, output: &Output) -> Result<Duration, Failure> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() || matches!(error, LockError::State(_)) {
            return Err(error.into());
        }
        let text = error.to_string();
        if self.said.as_ref() != Some(&text) {
            output.note(&format!("{text}; waiting until it ends"));
            self.said = Some(text);
        }
        Ok(left.min(BETWEEN_LOOKS))
    }
}

/// Locks a state for a command that has no session.
pub(crate) fn lock(
    file: &StateFile,
    holder: &Holder,
    timeout: Duration,
    output: &Output,
) -> Result<Locked, Failure> {
    let mut waiting = Waiting::for_as_long_as(timeout);
    loop {
        match file.lock(holder) {
            Ok(locked) => return Ok(locked),
            Err(error) => std::thread::sleep(waiting.again(error, output)?),
        }
    }
}

/// Says who holds the lock of a state that was read without it. Whether somebody does.
pub(crate) fn tell_holder(file: &StateFile, output: &Output) -> Result<bool, Failure> {
    match file.look() {
        Ok(()) => Ok(false),
        Err(LockError::State(error)) => Err(error.into()),
        Err(held) => {
            output.note(&format!("{held}; what it has not recorded yet is not shown here"));
            Ok(true)
        }
    }
}

impl Session {
    /// Takes the state's lock for a command.
    pub(crate) async fn lock(&self, command: &str, output: &Output) -> Result<Locked, Failure> {
        let mut waiting = Waiting::for_as_long_as(self.lock_timeout);
        loop {
            match self.file.lock(&Self::holder(command)) {
                Ok(locked) => return Ok(locked),
                Err(error) => self.sleep(waiting.again(error, output)?).await?,
            }
        }
    }

    /// Ends, or waits as long as it may, while another run holds the lock: what that one is making is not recorded yet, and
    /// would be taken for somebody else's.
    pub(crate) async fn until_free(&self, output: &Output) -> Result<(), Failure> {
        let mut waiting = Waiting::for_as_long_as(self.lock_timeout);
        while let Err(error) = self.file.look() {
            self.sleep(waiting.again(error, output)?).await?;
        }
        Ok(())
    }

    async fn sleep(&self, time: Duration) -> Result<(), Failure> {
        self.interrupt.unless_interrupted(tokio::time::sleep(time)).await
    }

    /// Whether nobody holds the lock, and the state still is what it was when it was read: then what was seen since belongs to
    /// it.
    pub(crate) fn stands(&self, state: Option<&State>) -> Result<bool, Failure> {
        match self.file.look() {
            Ok(()) => Ok(self.file.read()?.as_ref() == state),
            Err(LockError::State(error)) => Err(error.into()),
            Err(_) => Ok(false),
        }
    }

    /// Ends if another run came between while the platform was read.
    pub(crate) async fn still_stands(&self, state: Option<&State>, output: &Output) -> Result<(), Failure> {
        if self.stands(state)? {
            return Ok(());
        }
        self.until_free(output).await?;
        Err(Failure::new(Status::Stale, "another run changed the state while the platform was read")
            .hint("nothing was written; run this again"))
    }
}
