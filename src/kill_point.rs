//! Where a test may kill this program: points that it passes in order, and can be told to stop at. Not compiled into
//! release builds.
//!
//! With `FLOWFORM_STOP_AT=N` the process says on stderr which its N-th point is, and goes no further; neither does any
//! other thread that comes to a point. Whoever set the variable then sends a real SIGKILL (`tests/crash.rs`). A point
//! stands before and after whatever leaves a trace outside the process: a request, a write to a file.

#[cfg(debug_assertions)]
mod on {
    use std::io::Write;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static STOP_AT: LazyLock<Option<u64>> = LazyLock::new(|| {
        #[expect(clippy::disallowed_methods, reason = "no setting of the program, and gone in a release")]
        let text = std::env::var("FLOWFORM_STOP_AT").ok()?;
        text.parse().ok()
    });
    static PASSED: AtomicU64 = AtomicU64::new(0);

    /// This point is reached.
    pub(crate) fn reached(what: &str) {
        let Some(stop_at) = *STOP_AT else { return };
        let number = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        if number < stop_at {
            return;
        }
        if number == stop_at {
            // Nobody reads it any more: then the process waits to be killed all the same.
            let _ = writeln!(std::io::stderr(), "stopped at point {number}: {what}");
        }
        loop {
            std::thread::park();
        }
    }

    /// The parts that `bytes` are written in, so that a point can stand in the middle of a write.
    pub(crate) fn parts(bytes: &[u8]) -> [&[u8]; 2] {
        let (one, two) = bytes.split_at(bytes.len() / 2);
        [one, two]
    }
}

#[cfg(not(debug_assertions))]
mod on {
    #[inline(always)]
    pub(crate) fn reached(_what: &str) {}

    #[inline(always)]
    pub(crate) fn parts(bytes: &[u8]) -> [&[u8]; 1] {
        [bytes]
    }
}

pub(crate) use on::{parts, reached};
