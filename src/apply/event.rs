//! What happened, as data, in the past tense. A terminal and a log are two readers of the same events.

use serde::Serialize;

use crate::kind::Address;

/// Something that happened during an apply.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A step was begun.
    Started {
        /// Its key.
        step: String,
        /// Its object.
        address: Address,
        /// What it does, in the person's words.
        verb: &'static str,
    },
    /// A step has an outcome.
    Finished {
        /// Its key.
        step: String,
        /// Its object.
        address: Address,
        /// What it did.
        verb: &'static str,
        /// How it went.
        result: StepResult,
    },
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum StepResult {
    /// Done. The id is the object's.
    Done {
        /// It.
        id: Option<String>,
        /// What to know besides.
        note: Option<String>,
    },
    /// Done, and nothing may rely on it: the object fails the platform's own test.
    FailsTest {
        /// The object's id.
        id: String,
    },
    /// The platform keeps the object; it is no longer managed.
    LeftInPlace {
        /// Its id.
        id: String,
        /// What the platform said.
        why: String,
    },
    /// Somebody changed the object since the plan was made; nothing was sent, or it was refused.
    Conflict {
        /// What changed.
        why: String,
    },
    /// It failed, and certainly changed nothing.
    Failed {
        /// Why.
        why: String,
        /// What to do.
        hint: Option<String>,
    },
    /// It may have been done or not.
    Unknown {
        /// Why nobody can tell.
        why: String,
    },
    /// Not tried.
    NotTried {
        /// Because of what.
        because: String,
    },
}

impl StepResult {
    /// Whether others may rely on the step.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::LeftInPlace { .. })
    }

    /// Whether it was done.
    pub fn was_done(&self) -> bool {
        self.is_success() || matches!(self, Self::FailsTest { .. })
    }
}
