//! What the platform is asked before something is sent to it, so that what it would refuse is told while nothing is
//! written: specs with the JSON Schemas of their parameters, validation of mappings, tests of connections
//! (platform-api.md 2.7, 3.1). The questions and the objections are the kinds' own; who asks is `observe`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Body, Intent, Kind};

/// How what an object refers to, near and far, stands when something is asked about the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// It stays as the platform has it.
    Stays,
    /// The same plan makes or changes it first: what depends on it is asked when that is done.
    Changes,
    /// This run has made or changed it. All that does not depend on it was asked before.
    Changed,
}

/// An intent that is to be carried out, with what surrounds it.
#[derive(Clone, Debug)]
pub struct Sending<'a> {
    /// It.
    pub intent: &'a Intent,
    /// The wanted bodies of what the object refers to, as far as they are in the manifest.
    pub parents: BTreeMap<Kind, &'a Body>,
    /// How they stand.
    pub around: Around,
    /// The tenant's namespace, if it was looked up.
    pub namespace: Option<&'a str>,
}

impl<'a> Sending<'a> {
    /// An intent whose surroundings are of no interest.
    pub(super) fn alone(intent: &'a Intent) -> Self {
        Self { intent, parents: BTreeMap::new(), around: Around::Stays, namespace: None }
    }

    /// An intent that is about to be carried out, after what it refers to was made or changed.
    pub(crate) fn after_parents(intent: &'a Intent) -> Self {
        Self { around: Around::Changed, ..Self::alone(intent) }
    }

    /// The wanted body, if anything at or below one of these pointers is sent.
    pub(super) fn body(&self, pointers: &[&str]) -> Option<&'a Body> {
        let is_below = |path: &String| {
            pointers.iter().any(|p| path.strip_prefix(p).is_some_and(|r| r.is_empty() || r.starts_with('/')))
        };
        match self.intent {
            Intent::Create { body, .. } => Some(body),
            Intent::Update { after, paths, .. } => paths.iter().any(is_below).then_some(after),
            Intent::Switch { .. } | Intent::Delete { .. } | Intent::Adopt { .. } | Intent::Forget { .. } => {
                None
            }
        }
    }
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The answer.
    Told(Value),
    /// There is no such thing, or none for this organisation.
    Absent,
    /// The platform does not answer this, or not to this credential.
    Refused {
        /// The HTTP status; 0 where there was no answer at all.
        status: u16,
        /// What it said.
        why: String,
    },
}
