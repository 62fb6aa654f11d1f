//! A value of the tree against a shape of the grammar: JSON out, or everything that is wrong with it.
//!
//! Marks what diagnostics may show: a parameter's value, and whatever stands under a key that nobody knows, stays masked.

use std::ops::Range;

use serde_json::{Map, Value};

use super::diagnostic::{At, Raw, Report, did_you_mean, listed, quoted};
use super::reference::{SECRET_HINT, is_meant_as_reference};
use super::scalar::{self, Plain};
use super::tree::{Content, Entry, NodeId, Scalar, Tree};
use crate::kind::{Address, Code, FIELD, FIELD_TYPES, Key, Kind, Shape, closest};
use crate::secret::is_secret_name;

/// Keys whose text may have several lines: prose and expressions.
const SEVERAL_LINES: &[&str] = &["description", "source"];

/// What to do about a secret where the platform's specs may say what is secret.
const SETTINGS_HINT: &str = "write it as { fromEnv: NAME }, which is resolved where the platform's spec calls the parameter \
                             secret, or leave it out";

/// What to do about a secret where none can be.
const FREE_HINT: &str =
    "leave it out: nothing here is kept secret, neither on the platform nor in plan and state";

const UNRESOLVED_HINT: &str = "secrets are resolved in a base connection's `auth.params`, and in parameters that the platform's \
                               spec calls secret: leave it out here";

/// Where a value of any shape stands.
#[derive(Clone, Copy)]
struct Free<'a> {
    /// The name of the key that it stands under.
    name: &'a str,
    /// Whether that is known to be a secret's.
    is_secret: bool,
    /// Whether a secret reference can be resolved there, and in the members below.
    resolves: bool,
    below: bool,
    hint: &'static str,
}

/// One walk over parts of a file's tree.
pub(super) struct Walk<'a> {
    pub(super) tree: &'a Tree,
    pub(super) report: &'a mut Report,
    /// Keys that diagnostics must not show.
    pub(super) hidden: &'a mut Vec<Range<usize>>,
}

/// What a value is, for "found ...".
fn found(content: &Content) -> &'static str {
    match content {
        Content::Scalar(scalar) => found_kind(scalar.kind()),
        Content::Sequence(_) => "a list",
        Content::Mapping(_) => "a mapping",
        Content::Broken => "a mistake",
    }
}

/// How a message names a value: its own text, but not what a reference brought in.
fn named(scalar: &Scalar) -> String {
    if scalar.interpolated { "the value of the reference".to_owned() } else { quoted(&scalar.text) }
}

impl Walk<'_> {
    pub(super) fn error(&mut self, code: Code, at: At, message: impl Into<String>, hint: Option<&str>) {
        let mut raw = Raw::error(code, at, message);
        raw.hint = hint.map(str::to_owned);
        self.report.push(raw);
    }

    pub(super) fn mismatch(&mut self, id: NodeId, at: At, expected: &str, hint: Option<&str>) {
        let content = &self.tree.node(id).content;
        if matches!(content, Content::Broken) {
            return;
        }
        let is_null = matches!(content, Content::Scalar(s) if s.kind() == Plain::Null);
        let hint = hint.or(is_null.then_some("give a value, or leave the key out"));
        self.error(Code::WrongType, at, format!("expected {expected}, found {}", found(content)), hint);
    }

    /// The members of a mapping, by tables of keys.
    pub(super) fn object(
        &mut self,
        id: NodeId,
        tables: &[&'static [Key]],
        at: At,
    ) -> Option<Map<String, Value>> {
        if !matches!(self.tree.node(id).content, Content::Mapping(_)) {
            self.mismatch(id, at, "a mapping", None);
            return None;
        }
        let before = self.report.errors();
        let keys = || tables.iter().flat_map(|table| table.iter());
        let mut members = Map::new();
        let mut meant = Vec::new();
        for entry in self.tree.entries(id) {
            let Some(key) = keys().find(|key| key.name == entry.key) else {
                meant.extend(self.unknown_key(entry, keys().map(|key| key.name).collect()));
                continue;
            };
            if let Some(value) = self.value(key.name, entry.value, &key.shape, self.tree.entry_at(entry)) {
                members.insert(entry.key.clone(), value);
            }
            self.tree.show_again(entry);
        }
        let is_missing = |key: &&Key| self.tree.entry(id, key.name).is_none() && !meant.contains(&key.name);
        for key in keys().filter(|key| key.required).filter(is_missing) {
            let message = format!("the key `{}` is missing", key.name);
            self.report.push(Raw::error(Code::MissingKey, at, message).hint(key.doc));
        }
        (self.report.errors() == before).then_some(members)
    }

    /// Reports a key; the result is the one that was probably meant.
    pub(super) fn unknown_key(&mut self, entry: &Entry, known: Vec<&'static str>) -> Option<&'static str> {
        let meant = closest(&entry.key, known.iter().copied());
        let known = format!("known here: {}", listed(known));
        let hint = meant.map_or(known.clone(), |meant| format!("did you mean `{meant}`? {known}"));
        if meant.is_some() {
            self.tree.show(entry.value);
        }
        self.report.push(
            Raw::error(Code::UnknownKey, entry.key_at, format!("unknown key {}", quoted(&entry.key)))
                .hint(hint),
        );
        meant
    }

    /// A value under the key of this name.
    pub(super) fn value(&mut self, name: &str, id: NodeId, shape: &Shape, at: At) -> Option<Value> {
        match shape {
            Shape::Params => return self.params(id, at),
            Shape::Object(keys) => return self.object(id, &[keys], at).map(Value::Object),
            Shape::AddressOr(keys) if matches!(self.tree.node(id).content, Content::Mapping(_)) => {
                return self.object(id, &[keys], at).map(Value::Object);
            }
            Shape::Fields => return self.fields(id, at),
            Shape::Field => return self.field(id, at),
            Shape::List(shape) => return self.list(name, id, shape, at),
            Shape::Free | Shape::Settings => {
                let hint = if matches!(shape, Shape::Settings) { SETTINGS_HINT } else { FREE_HINT };
                let place = Free {
                    name,
                    is_secret: false,
                    resolves: false,
                    below: matches!(shape, Shape::Settings),
                    hint,
                };
                return self.free(id, at, place);
            }
            _ => {}
        }
        // An expression may speak of what looks like a secret.
        if matches!(shape, Shape::Text)
            && name != "source"
            && let Content::Scalar(scalar) = &self.tree.node(id).content
            && self.refuses_literal(name, false, scalar, at, FREE_HINT)
        {
            return None;
        }
        self.tree.show(id);
        let tree = self.tree;
        let scalar = match &tree.node(id).content {
            Content::Scalar(scalar) if scalar.kind() != Plain::Null => scalar,
            _ => {
                self.mismatch(id, at, expected(shape), None);
                return None;
            }
        };
        match single(name, scalar, shape) {
            Ok(value) => {
                if matches!(shape, Shape::Id | Shape::Uri) {
                    self.warn_of_case(&scalar.text, at);
                }
                Some(value)
            }
            Err((code, message, hint)) => {
                self.error(code, at, message, hint.as_deref());
                None
            }
        }
    }

    /// Warns of an id in letters of another case than the platform's: it compares ids letter by letter, and finds nothing.
    pub(super) fn warn_of_case(&mut self, id: &str, at: At) {
        if let Some(usual) = scalar::in_usual_case(id) {
            let warning =
                Raw::warning(Code::UnusualCase, at, "this id is in another case than the platform writes");
            self.report.push(warning.hint(format!("did you mean {}?", quoted(&usual))));
        }
    }

    /// A schema's fields. Their names are the person's own.
    fn fields(&mut self, id: NodeId, at: At) -> Option<Value> {
        let tree = self.tree;
        if !matches!(tree.node(id).content, Content::Mapping(_)) {
            self.mismatch(id, at, expected(&Shape::Fields), Some("as in `email: string`"));
            return None;
        }
        let before = self.report.errors();
        let mut fields = Map::new();
        for entry in tree.entries(id) {
            if let Some(field) = self.field(entry.value, tree.entry_at(entry)) {
                fields.insert(entry.key.clone(), field);
            }
            tree.show_again(entry);
        }
        (self.report.errors() == before).then_some(Value::Object(fields))
    }

    fn field(&mut self, id: NodeId, at: At) -> Option<Value> {
        if matches!(self.tree.node(id).content, Content::Mapping(_)) {
            return self.object(id, &[FIELD], at).map(Value::Object);
        }
        let of = self.value("type", id, &Shape::Choice(FIELD_TYPES), at)?;
        Some(Value::Object(Map::from_iter([("type".to_owned(), of)])))
    }

    fn list(&mut self, name: &str, id: NodeId, shape: &Shape, at: At) -> Option<Value> {
        let tree = self.tree;
        let Content::Sequence(items) = &tree.node(id).content else {
            self.tree.show(id);
            self.mismatch(id, at, "a list", None);
            return None;
        };
        let before = self.report.errors();
        let values: Vec<Value> =
            items.iter().filter_map(|&item| self.value(name, item, shape, tree.item_at(item))).collect();
        (self.report.errors() == before).then(|| values.into())
    }

    fn free(&mut self, id: NodeId, at: At, place: Free<'_>) -> Option<Value> {
        let tree = self.tree;
        match &tree.node(id).content {
            Content::Scalar(scalar) => {
                if self.refuses_literal(place.name, place.is_secret, scalar, at, place.hint) {
                    return None;
                }
                tree.show(id);
                self.free_scalar(scalar, at)
            }
            Content::Sequence(items) => {
                let place = Free { resolves: false, below: false, ..place };
                let values: Vec<_> = items.iter().map(|&i| self.free(i, tree.item_at(i), place)).collect();
                values.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Content::Mapping(entries) if is_meant_as_reference(entries) => {
                self.hide_keys(id);
                let reference = self.secret(entries, at)?;
                if !place.resolves {
                    let message = format!("a secret reference is not resolved in `{}`", place.name);
                    self.error(Code::UnresolvedSecret, at, message, Some(UNRESOLVED_HINT));
                    return None;
                }
                Some(reference)
            }
            Content::Mapping(entries) => {
                // `{ name: Authorization, value: ... }`
                let text = |entry: &Entry| match &tree.node(entry.value).content {
                    Content::Scalar(scalar) => Some(scalar.text.as_str()),
                    _ => None,
                };
                let label = entries.iter().find(|e| ["name", "key", "header"].contains(&e.key.as_str()));
                let is_labelled = label.and_then(text).is_some_and(is_secret_name);
                let mut values = Vec::with_capacity(entries.len());
                for entry in entries {
                    let key = entry.key.as_str();
                    let is_secret = is_secret_name(key)
                        || (is_labelled && key == "value")
                        || (place.is_secret && ["key", "value"].contains(&key));
                    let below = Free { name: key, is_secret, resolves: place.below, ..place };
                    values.push(
                        self.free(entry.value, tree.entry_at(entry), below).map(|v| (entry.key.clone(), v)),
                    );
                }
                values.into_iter().collect::<Option<Map<_, _>>>().map(Value::Object)
            }
            Content::Broken => {
                if !place.is_secret {
                    tree.show(id);
                }
                None
            }
        }
    }

    fn free_scalar(&mut self, scalar: &Scalar, at: At) -> Option<Value> {
        match scalar.kind() {
            Plain::Null => Some(Value::Null),
            Plain::Bool(value) => Some(value.into()),
            Plain::Text => Some(scalar.text.as_str().into()),
            kind => match scalar::number(&scalar.text, kind) {
                Ok(value) => Some(value),
                Err(message) => {
                    self.error(
                        Code::InvalidValue,
                        at,
                        message,
                        Some("put it in quotes to keep it as it is written"),
                    );
                    None
                }
            },
        }
    }

    /// Parameters of an authentication: nothing of them is shown in diagnostics, whatever they hold.
    fn params(&mut self, id: NodeId, at: At) -> Option<Value> {
        let tree = self.tree;
        if !matches!(tree.node(id).content, Content::Mapping(_)) {
            self.mismatch(id, at, "a mapping", None);
            return None;
        }
        let before = self.report.errors();
        let mut members = Map::new();
        for entry in tree.entries(id) {
            let at = tree.entry_at(entry);
            self.hide_keys(entry.value);
            let value = match &tree.node(entry.value).content {
                Content::Scalar(scalar) if scalar.kind() != Plain::Null => self.free_scalar(scalar, at),
                Content::Mapping(entries) => self.secret(entries, at),
                _ => {
                    let expected = "a string, a number, a boolean or a secret reference";
                    self.mismatch(entry.value, at, expected, Some(SECRET_HINT));
                    None
                }
            };
            if let Some(value) = value {
                members.insert(entry.key.clone(), value);
            }
        }
        (self.report.errors() == before).then_some(Value::Object(members))
    }
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text => "a string",
        Shape::Id => "an id",
        Shape::Uri => "a URI",
        Shape::Version => "a version, such as \"1.0\"",
        Shape::Bool => "true or false",
        Shape::Integer { .. } => "a whole number",
        Shape::Time => "a time, such as 2030-01-31T08:00:00Z or epoch seconds",
        Shape::Choice(_) => "one of a few words",
        Shape::Address => "an address, such as other-pipeline.baseConnection",
        Shape::AddressOr(_) => "an address or a mapping",
        Shape::Fields => "a mapping of names to types",
        Shape::Object(_) | Shape::Params | Shape::Field => "a mapping",
        Shape::List(_) => "a list",
        Shape::Free | Shape::Settings => "a value",
    }
}

type Fault = (Code, String, Option<String>);

/// A single value by its shape; a fault is its sort, a message and a hint.
fn single(name: &str, scalar: &Scalar, shape: &Shape) -> Result<Value, Fault> {
    let text = scalar.text.as_str();
    let kind = scalar.kind();
    let found = || found_kind(kind);
    let plain_fault = |message: String| Err((Code::InvalidValue, message, None));
    let wrong = |hint: &str| {
        Err((Code::WrongType, format!("expected {}, found {}", expected(shape), found()), Some(hint.into())))
    };
    match shape {
        // As written: an id or a version may look like a number.
        Shape::Id if scalar::is_id(text) && !matches!(kind, Plain::Bool(_)) => Ok(text.into()),
        Shape::Id => Err((
            Code::InvalidValue,
            format!("{} is not an id", named(scalar)),
            Some("an id has letters, digits, `-` and `_`, and at most 128 of them".to_owned()),
        )),
        Shape::Version if scalar::is_version(text) && !matches!(kind, Plain::Bool(_)) => Ok(text.into()),
        Shape::Version => plain_fault(format!("{} is not a version", named(scalar))),
        Shape::Bool => match (kind, text) {
            (Plain::Bool(value), _) => Ok(value.into()),
            (_, "true") if scalar.interpolated => Ok(true.into()),
            (_, "false") if scalar.interpolated => Ok(false.into()),
            (Plain::Text, "true" | "false") => wrong("leave the quotes out"),
            (Plain::Text, "yes" | "no" | "on" | "off") => {
                wrong("`yes`, `no`, `on` and `off` are plain strings")
            }
            _ => wrong("write true or false"),
        },
        Shape::Integer { min, max } => {
            let whole = match kind {
                Plain::Int => scalar::integer(text),
                Plain::Text if scalar.interpolated => text.trim().parse().ok(),
                Plain::Text if text.parse::<i64>().is_ok() => return wrong("leave the quotes out"),
                Plain::Float => {
                    return plain_fault(format!("expected a whole number, found {}", quoted(text)));
                }
                _ => return wrong("write it in digits"),
            };
            match whole {
                Some(whole) if (*min..=*max).contains(&whole) => Ok(whole.into()),
                None if kind == Plain::Text => wrong("what the reference stands for is not a whole number"),
                // The largest number of a platform that says nothing of one.
                _ if *max >= i64::from(i32::MAX) => {
                    plain_fault(format!("{} is out of range: it must be at least {min}", named(scalar)))
                }
                _ => plain_fault(format!("{} is out of range: it must be {min} to {max}", named(scalar))),
            }
        }
        Shape::Time => scalar::time(text.trim()).map(Value::from).map_err(|message| {
            let hint = "a date needs a time and an offset from UTC";
            (
                Code::InvalidValue,
                message,
                (kind == Plain::Text && !scalar.interpolated).then(|| hint.to_owned()),
            )
        }),
        _ if kind != Plain::Text => wrong("put it in quotes to make it a string"),
        Shape::Uri if scalar::is_uri(text) => Ok(text.into()),
        Shape::Uri => Err((
            Code::InvalidValue,
            format!("{} is not a URI", named(scalar)),
            Some("such as https://ns.adobe.com/TENANT/schemas/ID".to_owned()),
        )),
        Shape::Choice(words) if words.contains(&text) => Ok(text.into()),
        Shape::Choice(words) => {
            let guess = if scalar.interpolated { None } else { did_you_mean(text, words.iter().copied()) };
            let list = format!("one of: {}", listed(words.iter().copied()));
            Err((
                Code::InvalidValue,
                format!("{} is not allowed here", named(scalar)),
                Some(guess.map_or(list.clone(), |guess| format!("{guess} {list}"))),
            ))
        }
        Shape::Address | Shape::AddressOr(_) => match text.parse::<Address>() {
            Ok(_) => Ok(text.into()),
            Err(_) => Err((
                Code::InvalidValue,
                format!("{} is not an address", named(scalar)),
                Some(address_hint(text)),
            )),
        },
        _ => match scalar::text_fault(text, SEVERAL_LINES.contains(&name)) {
            None => Ok(text.into()),
            Some(fault) => plain_fault(format!("`{name}` {fault}")),
        },
    }
}

fn found_kind(kind: Plain) -> &'static str {
    match kind {
        Plain::Null => "nothing",
        Plain::Bool(_) => "a boolean",
        Plain::Int | Plain::Float => "a number",
        Plain::Text => "a string",
    }
}

fn address_hint(text: &str) -> String {
    let sections = || Kind::sections().map(Kind::section);
    let guess = text.rsplit_once('.').and_then(|(_, section)| did_you_mean(section, sections()));
    let form = format!("write PIPELINE.SECTION, with one of the sections {}", listed(sections()));
    guess.map_or(form.clone(), |guess| format!("{guess} {form}"))
}
