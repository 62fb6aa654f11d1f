//! Secret references and what must be one: `{ fromEnv }`, `{ fromFile }` and `{ fromCommand }`, held against what each may
//! say, and secrets that stand in the manifest as they are. Nothing that a reference may not say is ever repeated, since
//! it may be the secret itself.

use serde_json::{Map, Value};

use super::diagnostic::At;
use super::scalar::Plain;
use super::tree::{Content, Entry, NodeId, Scalar};
use super::walk::Walk;
use crate::kind::Code;
use crate::secret::{is_secret_name, literal_secret, looks_like_secret};

/// The three ways of saying where a secret comes from.
pub(super) const SECRET_KEYS: [&str; 3] = ["fromEnv", "fromFile", "fromCommand"];

/// What to write.
pub(super) const SECRET_HINT: &str =
    "a secret is given as { fromEnv: NAME }, { fromFile: PATH } or { fromCommand: [program, argument] }";

const NAME_HINT: &str = "write the name of an environment variable and nothing else, as in { fromEnv: ZENDESK_TOKEN }: \
                         letters, digits and `_`, no digit first; its value is read when it is needed";

const PATH_HINT: &str =
    "write the path of a file that holds the secret, as in { fromFile: ~/.secrets/zendesk }";

const COMMAND_HINT: &str =
    "the command gets the environment of flowform, so a secret need not stand in its arguments";

const ENV_HINT: &str = "`${env:}` would put the value itself into the reference: write { fromEnv: NAME }, or let the \
                        command read the variable";

/// The way that a key means, whatever its case and punctuation: `from_env`, `FROMFILE`.
fn meant(key: &str) -> Option<&'static str> {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    SECRET_KEYS.into_iter().find(|known| plain(known) == plain(key))
}

/// Whether a mapping is meant as a secret reference.
pub(super) fn is_meant_as_reference(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| meant(&entry.key).is_some())
}

/// Whether a text, as it stands in the file, would bring a secret into a reference of this key: by a variable of the
/// environment, or by a `--var` that is named like a secret.
pub(super) fn brings_secret(key: &str, text: &str) -> bool {
    if !text.contains("${") {
        return false;
    }
    let vars = text.split("${var:").skip(1);
    let mut names = vars.map(|rest| rest.split([':', '}']).next().unwrap_or_default());
    key == "fromEnv" || text.contains("${env:") || names.any(is_secret_name)
}

/// Whether a text is the name of a variable.
fn is_variable_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !looks_like_secret(text)
}

impl Walk<'_> {
    /// `{ TOKEN }` is a mapping with the secret as a key.
    pub(super) fn hide_keys(&mut self, id: NodeId) {
        let tree = self.tree;
        match &tree.node(id).content {
            Content::Mapping(entries) => {
                for entry in entries {
                    if meant(&entry.key).is_none() {
                        self.hidden.push(entry.key_at.start..entry.key_at.end);
                    }
                    self.hide_keys(entry.value);
                }
            }
            Content::Sequence(items) => items.iter().for_each(|&item| self.hide_keys(item)),
            Content::Scalar(_) | Content::Broken => {}
        }
    }

    /// A secret reference: one key of three.
    pub(super) fn secret(&mut self, entries: &[Entry], at: At) -> Option<Value> {
        let [entry] = entries else {
            self.error(Code::BadSecret, at, "a secret reference has exactly one key", Some(SECRET_HINT));
            return None;
        };
        let value_at = self.tree.entry_at(entry);
        let value = match entry.key.as_str() {
            "fromCommand" => self.command(entry.value, value_at),
            "fromEnv" => self.variable(entry.value, value_at).map(Value::String),
            "fromFile" => self.path(entry.value, value_at).map(Value::String),
            other => {
                let message = match meant(other) {
                    Some(meant) => format!("this is written `{meant}`"),
                    None => "a parameter is a single value or a secret reference".to_owned(),
                };
                self.error(Code::BadSecret, at, message, Some(SECRET_HINT));
                None
            }
        }?;
        Some(Value::Object(Map::from_iter([(entry.key.clone(), value)])))
    }

    /// The text of a reference's single value, unless it brings a secret with it.
    fn reference_text(&mut self, id: NodeId, at: At, expected: &str, hint: &str) -> Option<&Scalar> {
        let tree = self.tree;
        let found = match &tree.node(id).content {
            Content::Broken => return None,
            Content::Scalar(scalar) if scalar.kind() != Plain::Null => {
                if scalar.brings_secret {
                    let message = "no value may be filled into this secret reference";
                    self.error(Code::BadSecret, at, message, Some(ENV_HINT));
                    return None;
                }
                return Some(scalar);
            }
            Content::Scalar(_) => "nothing",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
        };
        self.error(Code::BadSecret, at, format!("expected {expected}, found {found}"), Some(hint));
        None
    }

    /// The name of an environment variable.
    fn variable(&mut self, id: NodeId, at: At) -> Option<String> {
        let scalar = self.reference_text(id, at, "the name of an environment variable", NAME_HINT)?;
        if scalar.kind() == Plain::Text && !scalar.interpolated && is_variable_name(&scalar.text) {
            return Some(scalar.text.clone());
        }
        self.error(Code::BadSecret, at, "this is not the name of an environment variable", Some(NAME_HINT));
        None
    }

    /// The path of a file.
    fn path(&mut self, id: NodeId, at: At) -> Option<String> {
        let scalar = self.reference_text(id, at, "the path of a file", PATH_HINT)?;
        let text = &scalar.text;
        let is_home_of_another = text.starts_with('~') && text != "~" && !text.starts_with("~/");
        let fault = if text.trim().is_empty() || text.contains(char::is_control) || looks_like_secret(text) {
            "this is not the path of a file"
        } else if is_home_of_another {
            "of home folders only one's own can be meant, as in `~/FILE`"
        } else {
            return Some(text.clone());
        };
        self.error(Code::BadSecret, at, fault, Some(PATH_HINT));
        None
    }

    /// A program with its arguments.
    fn command(&mut self, id: NodeId, at: At) -> Option<Value> {
        let tree = self.tree;
        let Content::Sequence(items) = &tree.node(id).content else {
            let hint = "write program and arguments as a list, as in [pass, show, zendesk]; no shell is run";
            self.reference_text(id, at, "a list of strings", hint)?;
            self.error(Code::BadSecret, at, "expected a list of strings, found a single value", Some(hint));
            return None;
        };
        if items.is_empty() {
            self.error(Code::BadSecret, at, "a command needs a program", Some(SECRET_HINT));
            return None;
        }
        let before = self.report.errors();
        let mut words = Vec::new();
        for (index, &item) in items.iter().enumerate() {
            let at = tree.item_at(item);
            // As written: `[head, -n, 1]` means the text `1`.
            let Some(scalar) = self.reference_text(item, at, "a string", COMMAND_HINT) else { continue };
            let text = scalar.text.clone();
            let is_program = index > 0 || !(text.trim().is_empty() || looks_like_secret(&text));
            if text.contains('\0') || !is_program {
                self.error(Code::BadSecret, at, "this is not the name of a program", Some(COMMAND_HINT));
            } else if literal_secret(&text).is_some_and(|_| !names_a_secret(&text)) {
                let message = "this argument holds a secret, which must not stand in the manifest";
                self.error(Code::SecretInManifest, at, message, Some(COMMAND_HINT));
            }
            words.push(text);
        }
        (self.report.errors() == before).then(|| words.into())
    }

    /// Refuses a value in a place that is not kept secret, if it is one: by the `name` it stands under, or by itself.
    /// Whether it was refused; then it must not be shown.
    pub(super) fn refuses_literal(
        &mut self,
        name: &str,
        is_named: bool,
        scalar: &Scalar,
        at: At,
        hint: &str,
    ) -> bool {
        let is_text =
            !matches!(scalar.kind(), Plain::Null | Plain::Bool(_)) && !scalar.text.trim().is_empty();
        let held = literal_secret(&scalar.text);
        // What only describes a connection is none.
        let is_described = name.to_ascii_lowercase().ends_with("string") && held.is_none();
        let message = if is_text && is_named && !is_described {
            format!("`{name}` is secret and must not stand in the manifest")
        } else if let Some(what) = held {
            format!("`{name}` holds {what}, which must not stand in the manifest")
        } else {
            return false;
        };
        self.error(Code::SecretInManifest, at, message, Some(hint));
        true
    }
}

/// Whether an argument says which secret is meant, and not what it is: `--secret=zendesk`.
fn names_a_secret(argument: &str) -> bool {
    let name = argument.trim_start_matches('-').split('=').next().unwrap_or_default();
    argument.starts_with("--") && name.eq_ignore_ascii_case("secret")
}
