//! Ctrl-C: the first finishes what is under way and starts nothing new, the second stops at once.

use tokio::sync::watch;

use super::exit::{Failure, Status};
use super::output::Output;

/// Tells whether the person has had enough.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens to SIGINT and SIGTERM from now on.
    pub(crate) fn listen(output: Output) -> Self {
        let (sender, receiver) = watch::channel(false);
        let mut signals = Signals::new();
        tokio::spawn(async move {
            signals.next().await;
            let _ = sender.send(true);
            signals.next().await;
            output.talk("\nStopped at once. What was under way is looked up by the next run.");
            stop_at_once();
        });
        Self(receiver)
    }

    /// Turns true at the first signal.
    pub(crate) fn receiver(&self) -> watch::Receiver<bool> {
        self.0.clone()
    }

    /// Does `work` unless a signal comes first. For work that may be dropped at any point: reads, questions.
    pub(crate) async fn unless_interrupted<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let mut stop = self.0.clone();
        tokio::select! {
            done = work => Ok(done),
            Ok(_) = stop.wait_for(|stop| *stop) => {
                Err(Failure::new(Status::Interrupted, "interrupted; nothing was changed"))
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the second Ctrl-C: nothing may hold the process any more")]
fn stop_at_once() -> ! {
    std::process::exit(i32::from(Status::Interrupted as u8))
}

/// Tells when the terminal gets another size, where the system tells it.
pub(crate) struct Resizes {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Resizes {
    /// Listens from now on.
    pub(crate) fn listen() -> Self {
        Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::window_change()).ok(),
        }
    }

    /// The next one.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

/// The signals that mean "stop". Listened to from the start and without a gap: one that comes while another is being dealt
/// with must not be lost.
#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    async fn next(&mut self) {
        async fn one(signal: &mut Option<tokio::signal::unix::Signal>) {
            match signal {
                Some(signal) => {
                    signal.recv().await;
                }
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = one(&mut self.interrupt) => {}
            () = one(&mut self.terminate) => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
