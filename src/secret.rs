//! Values that must not be seen: the type that carries one and the filter that takes known ones out of text.
//!
//! Knows nothing of where a secret comes from (`manifest::secret`) or where it goes (`kind`, `api`).
//! Two defences, because each alone has failed elsewhere: [`Secret`] cannot print itself, and [`Redactor`] cleans
//! text that we did not write ourselves (an error body that echoes a request).

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, RwLock};

use serde_json::Value;
use zeroize::Zeroizing;

/// What stands in every output in place of a secret.
pub const MASK: &str = "********";

/// Shorter values are not searched for in foreign text: masking `1` or `dev` wherever it occurs would corrupt ids and
/// names, and protects nothing.
const SHORTEST_SEARCHED: usize = 6;

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

/// Takes the secrets this process has seen out of any text. Cheap to clone; clones share what is known.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Vec<Zeroizing<String>>>>);

impl Redactor {
    /// Remembers a secret, also in the forms it takes inside JSON, URLs and forms.
    pub fn register(&self, secret: &Secret) {
        let value = secret.expose();
        if value.len() < SHORTEST_SEARCHED {
            return;
        }
        let json = Value::from(value).to_string();
        let forms = [
            value.to_owned(),
            json[1..json.len() - 1].to_owned(),
            percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string(),
        ];
        let mut known = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        for form in forms {
            if !known.iter().any(|k| **k == form) {
                known.push(Zeroizing::new(form));
            }
        }
        // The longest first, so that a secret containing another is masked whole.
        known.sort_by_key(|k| std::cmp::Reverse(k.len()));
    }

    /// `text` with every known secret replaced by [`MASK`].
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut text = Cow::Borrowed(text);
        for secret in known.iter() {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), MASK));
            }
        }
        text
    }
}

/// Names that hold secrets: those with `format: password` in Adobe's authentication specs (platform-api.md 6.2) and what
/// the connectors' documents call their secrets. Compared in lower case, as endings.
const SECRET_ENDINGS: &[&str] = &[
    "password",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "secretkey",
    "accountkey",
    "accesskey",
    "privatekey",
    "privatekeycontent",
    "sasuri",
    "connectionstring",
];

/// Whether a member of this name is known to be secret.
pub fn is_secret_name(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    name != "continuationtoken" && SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
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

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
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
    fn every_form_of_a_known_secret_is_masked() {
        let redactor = Redactor::default();
        redactor.register(&Secret::new("a\"b/c+d e"));
        assert_eq!(redactor.redact(r#"raw a"b/c+d e"#), format!("raw {MASK}"));
        assert_eq!(redactor.redact(r#"{"x":"a\"b/c+d e"}"#), format!(r#"{{"x":"{MASK}"}}"#));
        assert_eq!(redactor.redact("q=a%22b%2Fc%2Bd%20e"), format!("q={MASK}"));
        assert_eq!(redactor.redact("nothing here"), "nothing here");
    }

    #[test]
    fn secrets_are_told_by_their_names() {
        for name in ["accessToken", "clientSecret", "password", "s3SecretKey", "sasUri", "connection-string"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["accessTokenUrl", "subdomain", "host", "username", "clientId", "continuationToken"] {
            assert!(!is_secret_name(name), "{name}");
        }
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

    #[test]
    fn short_values_do_not_corrupt_other_text() {
        let redactor = Redactor::default();
        redactor.register(&Secret::new("dev"));
        assert_eq!(redactor.redact("sandbox dev"), "sandbox dev");
    }
}
