//! The reads of connection specs and flow specs: what the platform tells of the sources it knows, and of the flows that read
//! them (platform-api.md 2.1, 2.7). No kind of its own; what a spec says against a section is told by `connection_spec` and
//! `flow_spec`.

use serde_json::Value;

use super::Kind;
use super::flow_service::{self, collection};
use crate::wire::Call;

/// Specs per page; clients of the platform use 20 to 100 (platform-api.md 2.3).
const PAGE: &str = "100";

/// Which specs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Specs {
    /// Of source systems.
    Connections,
    /// Of flows.
    Flows,
}

impl Specs {
    fn collection(self) -> &'static str {
        match self {
            Self::Connections => collection!("connectionSpecs"),
            Self::Flows => collection!("flowSpecs"),
        }
    }

    /// The kind whose objects are made by such specs.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Connections => Kind::BaseConnection,
            Self::Flows => Kind::Dataflow,
        }
    }

    /// The read of one.
    pub(crate) fn read(self, id: &str) -> Call {
        flow_service::read(self.collection(), id)
    }

    /// One page of the list, the first where there is no token; with a name only those that bear it.
    pub(crate) fn list(self, name: Option<&str>, token: Option<&str>) -> Call {
        let mut call = Call::get(self.collection()).query("limit", PAGE);
        if let Some(name) = name {
            // Not quoted, though examples quote it here and there (platform-api.md 2.3).
            call = call.query("property", format!("name=={name}"));
        }
        if let Some(token) = token {
            call = call.query("continuationToken", token);
        }
        call
    }

    /// The spec in the answer to a read of one; none in `items: []`, which says that there is none (platform-api.md 2.1).
    pub(crate) fn told(answer: &Value) -> Option<&Value> {
        flow_service::item(answer).filter(|spec| spec.is_object())
    }
}
