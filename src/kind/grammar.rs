//! What a manifest section may hold, as data: one table serves checking, "did you mean" and the printed JSON Schema.
//! Reads no YAML: positions are `manifest`'s.

use super::Code;

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A non-empty string.
    Text,
    /// A string that is an id, safe in a path: letters, digits, `-`, `_`; at most 128.
    Id,
    /// A URI (an XDM schema's `$id`).
    Uri,
    /// A version: a string or a number, read as a string.
    Version,
    /// `true` or `false`.
    Bool,
    /// A whole number in a range.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A point in time: RFC 3339, or epoch seconds as a number or a string. Read as epoch seconds.
    Time,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The address of a section.
    Address,
    /// Named members.
    Object(&'static [Key]),
    /// The address of a section, or named members that tell an object which is not managed here.
    AddressOr(&'static [Key]),
    /// A schema's fields: a mapping of names to [`Shape::Field`].
    Fields,
    /// One field: its type, or a mapping with the type and more. Read as the mapping.
    Field,
    /// A list.
    List(&'static Shape),
    /// A string, number, boolean, or a secret reference (`{ fromEnv | fromFile | fromCommand }`), under any name.
    Params,
    /// Any JSON, passed to the platform as it is.
    Free,
    /// Any JSON, but for secret references: they are resolved where the platform's spec calls the member secret.
    Settings,
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// One line for the JSON Schema, which editors show.
    pub doc: &'static str,
}

impl Key {
    /// A member that may be left out.
    pub const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, required: false, doc }
    }

    /// A member that must be there.
    pub const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, required: true, doc }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Severity {
    Warning,
    Error,
}

/// Something that a kind finds in a section.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// What sort of mistake it is.
    pub code: Code,
    /// JSON Pointer into the section; empty for the section itself.
    pub pointer: String,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// A mistake.
    pub fn error(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, pointer: pointer.into(), message: message.into(), hint: None }
    }

    /// Something that works but is probably not meant.
    pub fn warning(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            code,
            pointer: pointer.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
