//! What we did last time: the record of every managed object, and the plan in flight if there is one.
//!
//! [`model`] is pure data and pure transitions; `file` is the only code that writes state; `lock` says who may.
//! Holds no secret: bodies carry fingerprints in place of them.

pub mod model;
