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
        tokio::spawn(async move {
            let mut signals = Signals::new();
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

/// The signals that mean "stop".
struct Signals {
    #[cfg(unix)]
    terminate: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    fn new() -> Self {
        #[cfg(unix)]
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
        Self {
            #[cfg(unix)]
            terminate,
        }
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(terminate) = &mut self.terminate {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}
