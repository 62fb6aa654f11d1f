//! What the platform is asked before something is sent to it, so that what it would refuse is told while nothing is
//! written: specs with the JSON Schemas of their parameters, validation of mappings, tests of connections
//! (platform-api.md 2.7, 3.1). The questions and the objections are the kinds' own; who asks is `observe`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Body, Intent, Kind};

/// An intent that is to be carried out, with what surrounds it.
#[derive(Clone, Debug)]
pub struct Sending<'a> {
    /// It.
    pub intent: &'a Intent,
    /// The wanted bodies of what the object refers to, as far as they are in the manifest.
    pub parents: BTreeMap<Kind, &'a Body>,
    /// Whether all that it refers to, near and far, stays as the platform has it.
    pub parents_stay: bool,
}

impl<'a> Sending<'a> {
    /// An intent whose surroundings are of no interest.
    pub(super) fn alone(intent: &'a Intent) -> Self {
        Self { intent, parents: BTreeMap::new(), parents_stay: false }
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
        /// The HTTP status.
        status: u16,
        /// What it said.
        why: String,
    },
}
