//! Values as the YAML that a person would write, which reads back as the same values, whatever they hold.
//!
//! Short mappings take one line; texts are quoted where plain ones would be read as something else; `${` is escaped, since
//! it would be filled in.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::diagnostic::is_invisible;
use super::scalar::{Plain, plain};
use crate::kind::is_secret_reference;

/// Longest line, where a value can be broken at all.
const WIDTH: usize = 110;

/// Longest mapping under a key that takes one line.
const SHORT: usize = 70;

/// The members of a mapping as lines, indented by this many spaces.
pub fn members(of: &Map<String, Value>, indent: usize) -> String {
    let mut out = String::new();
    for (name, value) in of {
        out.push_str(&" ".repeat(indent));
        out.push_str(&text(name));
        out.push(':');
        under_key(value, indent, &mut out);
    }
    out
}

/// A comment of one line, whatever it holds.
pub fn comment(text: &str) -> String {
    let line: String =
        text.chars().map(|c| if c.is_control() || is_invisible(c) { '?' } else { c }).collect();
    format!("# {line}\n")
}

/// A text as a value or a key on one line. As in a value, `${` is escaped.
pub fn word(of: &str) -> String {
    text(&of.replace("${", "$${"))
}

/// What stands behind a key and its colon, to the end of the line or below.
fn under_key(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(of) if !of.is_empty() => {
            let line = flow(value);
            if is_flat(of) && line.len() <= SHORT {
                let note = if is_secret_reference(value) { "    # a secret is not written down" } else { "" };
                let _ = writeln!(out, " {line}{note}");
            } else {
                out.push('\n');
                out.push_str(&members(of, indent + 2));
            }
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                out.push_str(&" ".repeat(indent + 2));
                out.push_str("- ");
                let line = flow(item);
                match item {
                    Value::Object(of)
                        if !of.is_empty() && (!is_flat(of) || indent + 4 + line.len() > WIDTH) =>
                    {
                        out.push_str(members(of, indent + 4).trim_start());
                    }
                    _ => {
                        out.push_str(&line);
                        out.push('\n');
                    }
                }
            }
        }
        other => {
            let _ = writeln!(out, " {}", flow(other));
        }
    }
}

/// Whether no member holds others.
fn is_flat(of: &Map<String, Value>) -> bool {
    of.values().all(|value| match value {
        Value::Object(of) => of.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    })
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(of) if of.is_empty() => "{}".to_owned(),
        Value::Object(of) => {
            let members: Vec<String> = of.iter().map(|(k, v)| format!("{}: {}", text(k), flow(v))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(value) => word(value),
        other => other.to_string(),
    }
}

/// A text, plain where that reads back as the same.
fn text(of: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_./@+-:() ".contains(c);
    let is_plain = of.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '/')
        && of.chars().all(safe)
        && !of.ends_with([' ', ':'])
        && !of.contains(": ")
        && plain(of) == Plain::Text;
    if is_plain { of.to_owned() } else { quoted(of) }
}

/// A text in double quotes, with all that is not seen spelled out.
fn quoted(of: &str) -> String {
    let mut out = String::from("\"");
    for c in of.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || is_invisible(c) => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::manifest::{Inputs, check_text};
    use crate::secret::is_secret_name;

    /// What a manifest makes of the parameters of a source that are written like this.
    fn read_back(params: &Value) -> Result<Value, String> {
        let Value::Object(document) = json!({
            "apiVersion": "flowform/v1",
            "pipeline": "p",
            "source": {
                "name": "s", "baseConnectionId": "b", "connectionSpec": { "id": "c" }, "params": params,
            },
        }) else {
            return Err("no document".to_owned());
        };
        let text = members(&document, 0);
        let nothing = |_: &str| None;
        let inputs = Inputs::new(&nothing, []);
        match check_text(Path::new("m.yaml"), text.clone(), &inputs) {
            Ok(loaded) => Ok(loaded.manifest.sections[0].body["params"].clone()),
            Err(problems) => Err(format!("{}\n{text}", problems.text(false, 100))),
        }
    }

    #[test]
    fn what_looks_like_something_else_is_quoted() {
        for (value, written) in [
            (json!("result.id"), "result.id"),
            (json!("https://acme.zendesk.com"), "https://acme.zendesk.com"),
            (json!("no"), "no"),
            (json!("true"), "\"true\""),
            (json!("12e5"), "\"12e5\""),
            (json!("1.0"), "\"1.0\""),
            (json!(""), "\"\""),
            (json!("a: b"), "\"a: b\""),
            (json!("a #b"), "\"a #b\""),
            (json!("- a"), "\"- a\""),
            (json!("${env:HOME}"), "\"$${env:HOME}\""),
            (json!("a\nb\u{202e}"), "\"a\\nb\\U0000202e\""),
            (json!({ "a": [1, { "b": null }] }), "{ a: [1, { b: null }] }"),
        ] {
            assert_eq!(flow(&value), written);
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let text = "\\PC*|[ -~]{0,12}|[:#${}\\[\\],&*!|>%@`'\"\\\\\n\t -]{0,8}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9_f64).prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            // A key that begins with `$` or merges is refused by every manifest.
            let key = "[a-zA-Z0-9 :#{}\\[\\],&*!|>%@`'\"\\\\.-]{1,8}"
                .prop_filter("a secret is refused", |key| !is_secret_name(key));
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(key, inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_reads_back_as_itself(value in values()) {
            let params = json!({ "x": value });
            prop_assert_eq!(read_back(&params).map_err(TestCaseError::fail)?, params);
        }

        #[test]
        fn a_comment_stays_one(text in "\\PC*|[\\x00-\\x7f\u{85}\u{2028}]*") {
            let comment = comment(&text);
            prop_assert!(comment.starts_with("# ") && comment.ends_with('\n'));
            let inside = comment.trim_end_matches('\n');
            let breaks = inside.contains(['\n', '\r', '\u{85}', '\u{2028}']);
            prop_assert!(!breaks, "{comment:?}");
        }
    }
}
