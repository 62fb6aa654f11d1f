//! Values that must not be seen: the type that carries one and the filter that takes known ones out of text.
//!
//! Knows nothing of where a secret comes from (`manifest::secret`) or where it goes (`kind`, `api`).
//! Two defences, because each alone has failed elsewhere: [`Secret`] cannot print itself, and [`Redactor`] cleans
//! text that we did not write ourselves (an error body that echoes a request).

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, RwLock};

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
        let json = serde_json::Value::from(value).to_string();
        let forms = [
            value.to_owned(),
            json[1..json.len() - 1].to_owned(),
            percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC)
                .to_string(),
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
    fn short_values_do_not_corrupt_other_text() {
        let redactor = Redactor::default();
        redactor.register(&Secret::new("dev"));
        assert_eq!(redactor.redact("sandbox dev"), "sandbox dev");
    }
}
