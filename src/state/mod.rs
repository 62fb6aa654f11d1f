//! What we did last time: the record of every managed object, and the plan in flight if there is one.
//!
//! [`model`] is pure data and pure transitions, [`moves`] changes of addresses alone; `format` is how they look on disk; `file` is the only code that writes
//! state, with `log` for what is appended and `disk` for how files are written safely; `lock` says who may.
//! Holds no secret: bodies carry fingerprints in place of them (`fingerprint`).

mod disk;
mod error;
mod file;
mod fingerprint;
mod format;
mod lock;
mod log;
pub mod model;
pub mod moves;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use file::{Locked, StateFile};
pub use fingerprint::fingerprint;
pub use lock::{Holder, LockError};
