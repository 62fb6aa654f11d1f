//! Values that must not be seen: the type that carries one, and what takes secrets out of text.
//!
//! Knows nothing of where a secret comes from (`cli::secrets`) or where it goes (`kind`, `api`). Three defences, because
//! each alone has failed elsewhere: [`Secret`] cannot print itself, [`Redactor`] takes known values out of text that we
//! did not write ourselves (an error body that echoes a request), and what a text itself shows to be a secret, by a name
//! beside it (`names`) or by its form (`literal`), is refused in a manifest and masked in foreign text.

mod forms;
mod literal;
mod names;
mod redactor;

use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

pub use literal::{literal_secret, looks_like_secret, without_literals};
pub use names::is_secret_name;
pub use redactor::Redactor;

/// What stands in every output in place of a secret.
pub const MASK: &str = "********";

/// A secret value. `Debug` prints a mask, there is no `Display` and no `Serialize`; memory is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret in a text as a variable, a file or a program hands it in: without a byte order mark before it and one line
    /// break after it, which editors, `echo` and PowerShell add. Nothing else is taken away. `None` where nothing is left.
    pub fn of_text(text: impl Into<String>) -> Option<Self> {
        let text = Zeroizing::new(text.into());
        let value = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let value = value.strip_suffix('\n').map_or(value, |line| line.strip_suffix('\r').unwrap_or(line));
        (!value.is_empty()).then(|| Self::new(value))
    }

    /// Takes the value over.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself. Only what puts it on the wire or fingerprints it may call this.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// A body for a log: without any credential, known to this process or not (a platform may show an old one in clear).
pub fn without_credentials(body: &Value) -> Value {
    let masked = || Value::from(MASK);
    match body {
        Value::Object(members) => {
            let path = members.get("path").and_then(Value::as_str);
            let patches_auth = path.is_some_and(|path| path.starts_with("/auth"));
            let member = |(name, value): (&String, &Value)| {
                let hidden = match value {
                    Value::Object(auth) if name == "auth" => {
                        let mut auth = auth.clone();
                        auth.insert("params".to_owned(), masked());
                        Value::Object(auth)
                    }
                    _ if name == "value" && patches_auth => masked(),
                    Value::String(_) | Value::Number(_) if is_secret_name(name) => masked(),
                    other => without_credentials(other),
                };
                (name.clone(), hidden)
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_credentials).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_itself() {
        assert_eq!(format!("{:?}", Some(Secret::new("tok-12345"))), format!("Some({MASK})"));
    }

    #[test]
    fn a_logged_body_holds_no_credential_wherever_it_stands() {
        let body = serde_json::json!({ "items": [
            { "auth": { "specName": "O", "params": { "odd": "hush-hush" } }, "accessToken": "hush-hush", "name": "n" },
            { "op": "replace", "path": "/auth/params", "value": { "odd": "hush-hush" } },
        ] });
        let logged = without_credentials(&body).to_string();
        assert!(!logged.contains("hush") && logged.contains("\"name\":\"n\""), "{logged}");
    }
}
