//! The platform's words for how far a thing is: runs, operations and states. One reading of them for all, because documents
//! write one word in many ways (`inProgress`, `IN_PROGRESS`; platform-api.md 2.8). Decides nothing.

use serde_json::Value;

use super::run::{self, RunError, RunStatus};

/// A word as it is compared: in lower case, without underscores, hyphens and blanks.
pub(crate) fn word(said: &str) -> String {
    said.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How the platform's last operation on an object stands (`lastOperation`, platform-api.md 2.4.4).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum LastOperation {
    /// It ended well, or nothing is said of it.
    #[default]
    Settled,
    /// It has not ended, as far as this word tells.
    UnderWay(String),
    /// It ended badly.
    Failed {
        /// The platform's word; empty where it only lists errors.
        said: String,
        /// What went wrong.
        errors: Vec<RunError>,
    },
}

impl LastOperation {
    /// Reads it from an object. It also comes without a status, and is settled then.
    pub(super) fn observed(item: &Value) -> Self {
        let status = item.pointer("/lastOperation/status").unwrap_or(&Value::Null);
        let said = status.as_str().or_else(|| status.get("value")?.as_str()).unwrap_or_default();
        let mut errors = Vec::new();
        run::collect_errors(status.get("errors"), &mut errors);
        let failed = |errors| Self::Failed { said: said.to_owned(), errors };
        if word(said).is_empty() {
            return if errors.is_empty() { Self::Settled } else { failed(errors) };
        }
        match RunStatus::of(said) {
            RunStatus::Success => Self::Settled,
            RunStatus::Partial | RunStatus::Failed | RunStatus::Cancelled => failed(errors),
            // A word that no document has is no success.
            RunStatus::Scheduled | RunStatus::InProgress | RunStatus::Other => {
                Self::UnderWay(said.to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operation_is_settled_failed_or_under_way() {
        let of = |operation: Value| LastOperation::observed(&json!({ "lastOperation": operation }));
        let settled = [
            json!(null),
            json!("create"),
            json!({ "started": 0, "updated": 0, "operation": "enable" }),
            json!({ "status": null }),
            json!({ "status": {} }),
            json!({ "status": { "value": " ", "errors": [] } }),
            json!({ "status": { "value": "COMPLETED", "errors": [] } }),
            json!({ "status": "completed" }),
        ];
        for operation in settled {
            assert_eq!(of(operation.clone()), LastOperation::Settled, "{operation}");
        }
        for word in ["inProgress", "IN_PROGRESS", "in-progress", "QUEUED", "resting"] {
            let operation = of(json!({ "status": { "value": word } }));
            assert_eq!(operation, LastOperation::UnderWay(word.to_owned()));
        }
        let error = json!([{ "code": "X", "message": "no" }, "as text"]);
        let told = |code: &str, message: &str| RunError {
            code: code.to_owned(),
            message: message.to_owned(),
            records: None,
        };
        let errors = vec![told("X", "no"), told("", "as text")];
        for said in ["FAILED", "Failure", "PARTIAL_FAILURE", "cancelled", ""] {
            let failed = LastOperation::Failed { said: said.to_owned(), errors: errors.clone() };
            assert_eq!(of(json!({ "status": { "value": said, "errors": error } })), failed);
        }
    }
}
