//! References in strings: `${env:NAME}`, `${env:NAME:-default}`, `${var:NAME}`; `$${` is a literal `${`.
//! Looks values up in what the caller hands in; never repeats a value that it found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::diagnostic::{At, Raw, Report, did_you_mean, listed, quoted};
use crate::kind::Code;

/// What a manifest may refer to.
pub struct Inputs<'a> {
    /// Looks an environment variable up.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Variables, as given on the command line.
    pub vars: BTreeMap<String, String>,
    /// Variables that were given more than once.
    pub repeated: BTreeSet<String>,
}

impl<'a> Inputs<'a> {
    /// The environment, and variables in the order they were given.
    pub fn new(
        env: &'a dyn Fn(&str) -> Option<String>,
        given: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut vars = BTreeMap::new();
        let mut repeated = BTreeSet::new();
        for (name, value) in given {
            if vars.insert(name.clone(), value).is_some() {
                repeated.insert(name);
            }
        }
        Self { env, vars, repeated }
    }
}

/// Whether a text can name a variable in a reference.
pub fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

impl fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secret.
        f.debug_struct("Inputs").field("vars", &self.vars.keys()).finish_non_exhaustive()
    }
}

/// What became of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// It holds no reference.
    AsItIs,
    /// With its references filled in.
    With {
        /// The whole text.
        text: String,
        /// Whether a default stands for a value that was not given.
        is_default: bool,
    },
    /// Some cannot be filled in, as was reported.
    Failed,
}

/// Fills the references of a text in. `source` is the text as it stands in the file.
pub(super) fn interpolate(
    text: &str,
    source: &str,
    at: At,
    inputs: &Inputs<'_>,
    report: &mut Report,
) -> Filled {
    if !text.contains("${") {
        return Filled::AsItIs;
    }
    let errors = report.errors();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut seen = 0;
    let mut is_default = false;
    while let Some(dollar) = rest.find("${") {
        let (before, reference) = rest.split_at(dollar);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = reference.get(2..).unwrap_or_default();
            continue;
        }
        out.push_str(before);
        let end = reference.find('}');
        let whole = reference.get(..end.map_or(reference.len(), |end| end + 1)).unwrap_or(reference);
        // Escapes and folded lines make the text differ from the file: then the whole value is underlined.
        let place = match source.get(seen..).and_then(|s| s.find(whole)) {
            Some(found) => {
                let start = at.start + seen + found;
                seen += found + whole.len();
                At { file: at.file, start, end: start + whole.len() }
            }
            None => at,
        };
        let inner = whole.strip_prefix("${").and_then(|w| w.strip_suffix('}'));
        if let Some(name) = inner.and_then(variable) {
            report.uses(name);
        }
        match resolve(inner, inputs) {
            Ok(value) => {
                out.push_str(&value.text);
                is_default |= value.is_default;
            }
            Err((code, message, hint)) => report.push(Raw::error(code, place, message).hint(hint)),
        }
        rest = reference.get(whole.len()..).unwrap_or_default();
    }
    out.push_str(rest);
    if report.errors() == errors { Filled::With { text: out, is_default } } else { Filled::Failed }
}

/// What a reference stands for.
struct Value {
    text: String,
    is_default: bool,
}

const FORMS: &str = "write ${env:NAME}, ${env:NAME:-default} or ${var:NAME}; a literal `${` is written `$${`";

/// The name of the variable that a reference is to, if it is to one.
fn variable(inner: &str) -> Option<&str> {
    let rest = inner.strip_prefix("var:")?;
    Some(rest.split_once(":-").map_or(rest, |(name, _)| name))
}

/// Checks the given variables with each other and with what the manifests use. `unparsed` are the texts of which some
/// could not be parsed: a variable that they may use is taken to be used.
pub(super) fn check_variables(inputs: &Inputs<'_>, unparsed: &[&str], report: &mut Report) {
    for name in &inputs.repeated {
        let error =
            Raw::error(Code::RepeatedVariable, None, format!("the variable {} is given twice", quoted(name)));
        report.push(error.hint("give each `--var` once"));
    }
    let unused: Vec<&str> = inputs
        .vars
        .keys()
        .map(String::as_str)
        .filter(|name| !report.used().contains(*name))
        .filter(|name| !unparsed.iter().any(|text| text.contains(&format!("${{var:{name}"))))
        .collect();
    for name in unused {
        let known: Vec<&str> = report.used().iter().map(String::as_str).collect();
        let hint = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
            [] => format!("leave `--var {name}=...` out: the manifests use no variable"),
            known => format!("they use {}", listed(known.iter().copied())),
        });
        let message = format!("no manifest of this run uses the variable {}", quoted(name));
        report.push(Raw::error(Code::UnknownVariable, None, message).hint(hint));
    }
}

/// The value, or what is wrong and what to do. The text itself is not repeated: it may be part of a secret.
fn resolve(inner: Option<&str>, inputs: &Inputs<'_>) -> Result<Value, (Code, String, String)> {
    let fault = |message: &str| Err((Code::BadReference, message.to_owned(), FORMS.to_owned()));
    let Some(inner) = inner else {
        return fault("`${` is not closed by `}`");
    };
    let Some((kind, rest)) = inner.split_once(':').filter(|(kind, _)| matches!(*kind, "env" | "var")) else {
        return fault("this is no kind of reference");
    };
    let (name, default) = match rest.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (rest, None),
    };
    if !is_variable_name(name) {
        return fault("the name in this reference is not a name");
    }
    if default.is_some_and(|default| default.contains("${")) {
        return fault("references cannot stand in each other");
    }
    let value = if kind == "env" { (inputs.env)(name) } else { inputs.vars.get(name).cloned() };
    match (value, default) {
        // As in a shell, the default also stands in for an empty value.
        (Some(value), None) => Ok(Value { text: value, is_default: false }),
        (Some(value), Some(_)) if !value.is_empty() => Ok(Value { text: value, is_default: false }),
        (_, Some(default)) => Ok(Value { text: default.to_owned(), is_default: true }),
        (None, None) if kind == "env" => {
            // Names of variables are told apart by case, and mostly written in capitals.
            let other = [name.to_ascii_uppercase(), name.to_ascii_lowercase()].into_iter();
            let other = other.into_iter().find(|other| other != name && (inputs.env)(other).is_some());
            let hint = match other {
                Some(other) => format!("`{other}` is set: did you mean that?"),
                None => {
                    format!("set it with `export {name}=...`, or give a default: ${{env:{name}:-default}}")
                }
            };
            Err((Code::UnsetVariable, format!("the environment variable `{name}` is not set"), hint))
        }
        (None, None) => {
            let known = did_you_mean(name, inputs.vars.keys().map(String::as_str));
            let give = format!("give it with `--var {name}=...`, or a default: ${{var:{name}:-default}}");
            let hint = known.map_or(give.clone(), |known| format!("{known} Else {give}"));
            Err((Code::UnsetVariable, format!("the variable `{name}` is not given"), hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: At = At { file: 0, start: 0, end: 0 };

    fn fill(text: &str) -> (Filled, usize) {
        let env = |name: &str| match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let inputs = Inputs::new(&env, [("n".to_owned(), "15".to_owned())]);
        let mut report = Report::default();
        (interpolate(text, text, AT, &inputs, &mut report), report.errors())
    }

    #[test]
    fn references_are_filled_in() {
        for (text, filled) in [
            ("a ${env:SET} b ${var:n}", "a value b 15"),
            ("${env:NOT:-x:-y}", "x:-y"),
            ("${env:NOT:-}", ""),
            ("${env:SET:-x}", "value"),
            ("${env:EMPTY:-x}", "x"),
            ("${env:EMPTY}", ""),
            ("$${env:SET}", "${env:SET}"),
            ("$$${env:SET}", "$${env:SET}"),
            ("$ { ${env:SET}}", "$ { value}"),
        ] {
            let is_default = text.contains(":-") && text != "${env:SET:-x}";
            assert_eq!(fill(text), (Filled::With { text: filled.to_owned(), is_default }, 0), "{text}");
        }
        assert_eq!(fill("$5 {x}"), (Filled::AsItIs, 0));
    }

    #[test]
    fn every_broken_reference_is_an_error() {
        for (text, errors) in [
            ("${env:NOT} ${var:not} ${env:SET}", 2),
            ("${", 1),
            ("${env:SET", 1),
            ("${SET}", 1),
            ("${file:x}", 1),
            ("${env:}", 1),
            ("${env:A B}", 1),
            ("${env:NOT:-${env:SET}}", 1),
        ] {
            assert_eq!(fill(text), (Filled::Failed, errors), "{text}");
        }
    }
}
