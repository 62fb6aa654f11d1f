//! From the fields of a source to those of a schema, and the mapping between them, one to one.
//!
//! What the source says of a type is held against the sample, because it is often wrong (platform-api.md 7, oddities 25 and
//! 26) and a field's type can never be changed. What cannot be a field stays as a comment, with the reason.

use std::fmt::Write as _;

use crate::explore::{Field, Fields, Seen, Type};
use crate::manifest::yaml;

/// What became of the fields.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// The lines of `fields`.
    pub(super) lines: String,
    /// Source and destination, both as a mapping writes them.
    pub(super) mapped: Vec<(String, String)>,
    /// How many are comments.
    pub(super) left_out: usize,
    /// Names and types of the outermost.
    pub(super) outermost: Vec<(String, &'static str)>,
}

/// Where fields stand.
struct At<'a> {
    indent: usize,
    /// Before the name, in the source and in the schema; none within an array, which is mapped as a whole.
    prefixes: Option<(&'a str, &'a str)>,
}

/// Chooses. With `unwrap` a record that comes in a wrapper (`result`) is taken out of it.
pub(super) fn choose(found: &Fields, unwrap: bool, indent: usize) -> Chosen {
    let mut chosen = Chosen::default();
    let wrapper = match found.fields.as_slice() {
        [one] if unwrap && one.of == Type::Object && !one.fields.is_empty() && is_name(&one.name) => {
            Some(one)
        }
        _ => None,
    };
    let prefix = wrapper.map(|wrapper| format!("{}.", wrapper.name)).unwrap_or_default();
    let fields = wrapper.map_or(&found.fields, |wrapper| &wrapper.fields);
    group(fields, &At { indent, prefixes: Some((&prefix, "_tenant.")) }, &mut chosen);
    chosen
}

/// Writes fields that stand side by side. How many of them can be fields.
fn group(fields: &[Field], at: &At<'_>, out: &mut Chosen) -> usize {
    let mut names: Vec<String> = Vec::new();
    let mut usable = 0;
    for field in fields {
        let lower = field.name.to_lowercase();
        let written = if names.contains(&lower) {
            Err("another field has this name, but for case".to_owned())
        } else {
            one(field, at, out)
        };
        match written {
            Ok(of) => {
                usable += 1;
                names.push(lower);
                if at.prefixes.is_some_and(|(_, destination)| destination == "_tenant.") {
                    out.outermost.push((field.name.clone(), of));
                }
            }
            Err(why) => {
                out.left_out += 1;
                let line = format!("{}: {}    {why}", field.name, field.says);
                out.lines.push_str(&" ".repeat(at.indent));
                out.lines.push_str(&yaml::comment(&line));
            }
        }
    }
    usable
}

/// Writes one field; why it is none, where it is none.
fn one(field: &Field, at: &At<'_>, out: &mut Chosen) -> Result<&'static str, String> {
    if !is_name(&field.name) {
        return Err(match suggestion(&field.name) {
            Some(name) => format!("no name of a field in XDM; an expression could fill {name}"),
            None => "no name of a field in XDM".to_owned(),
        });
    }
    let name = yaml::word(&field.name);
    let space = " ".repeat(at.indent);
    let paths =
        at.prefixes.map(|(from, to)| (format!("{from}{}", field.name), format!("{to}{}", field.name)));
    let of = match field.of {
        Type::Object => {
            agrees(field, Seen::Members)?;
            let mut inner = Chosen::default();
            let prefixes = paths.as_ref().map(|(from, to)| (format!("{from}."), format!("{to}.")));
            let prefixes = prefixes.as_ref().map(|(from, to)| (from.as_str(), to.as_str()));
            if group(&field.fields, &At { indent: at.indent + 4, prefixes }, &mut inner) == 0 {
                return Err("none of what it holds can be a field".to_owned());
            }
            let _ = write!(out.lines, "{space}{name}:\n{space}  type: object\n{space}  fields:\n");
            out.take(inner);
            return Ok("object");
        }
        Type::Array => {
            agrees(field, Seen::List)?;
            let items = field.items.as_deref().ok_or("the source does not say what it holds")?;
            match items.of {
                Type::Array => return Err("a list of lists".to_owned()),
                Type::Object => {
                    agrees(items, Seen::Members)?;
                    let mut inner = Chosen::default();
                    let at = At { indent: at.indent + 6, prefixes: None };
                    if group(&items.fields, &at, &mut inner) == 0 {
                        return Err("nothing of what it holds can be a field".to_owned());
                    }
                    let _ = write!(
                        out.lines,
                        "{space}{name}:\n{space}  type: array\n{space}  items:\n{space}    type: object\n\
                         {space}    fields:\n"
                    );
                    out.take(inner);
                }
                _ => {
                    let (of, note) = scalar(items)?;
                    let line = format!("{space}{name}: {{ type: array, items: {of} }}");
                    out.lines.push_str(&noted(&line, note.as_deref()));
                }
            }
            "array"
        }
        _ => {
            let (of, note) = scalar(field)?;
            out.lines.push_str(&noted(&format!("{space}{name}: {of}"), note.as_deref()));
            of
        }
    };
    out.mapped.extend(paths);
    Ok(of)
}

impl Chosen {
    /// Adds what stands within a field.
    fn take(&mut self, inner: Self) {
        self.lines.push_str(&inner.lines);
        self.mapped.extend(inner.mapped);
        self.left_out += inner.left_out;
    }
}

/// A line, with a comment behind it.
pub(super) fn noted(line: &str, note: Option<&str>) -> String {
    match note {
        Some(note) => format!("{line}    {}", yaml::comment(note)),
        None => format!("{line}\n"),
    }
}

/// Whether the values of a field have the shape that the source gives it.
fn agrees(field: &Field, shape: Seen) -> Result<(), String> {
    match field.seen.iter().find(|seen| **seen != shape) {
        None => Ok(()),
        Some(other) => Err(format!("the source says {}, the sample has {}", field.says, other.words())),
    }
}

/// The type of a field that holds no others, and what is to be said of it.
fn scalar(field: &Field) -> Result<(&'static str, Option<String>), String> {
    let seen: Vec<Seen> = field.seen.iter().copied().collect();
    let only = |shapes: &[Seen]| seen.iter().all(|seen| shapes.contains(seen));
    let against = |shapes: &[Seen]| {
        let odd = seen.iter().find(|seen| !shapes.contains(seen)).copied().unwrap_or(Seen::Text);
        Some(format!("the source says {}, the sample has {}", field.says, odd.words()))
    };
    if let Some(holder) = seen.iter().find(|seen| matches!(seen, Seen::List | Seen::Members)) {
        return Err(format!("the source says {}, the sample has {}", field.says, holder.words()));
    }
    let in_sample = |what: &str| Some(format!("{what} in the sample"));
    Ok(match field.of {
        Type::Binary => return Err("binary data, which no field takes".to_owned()),
        Type::Text => match seen.as_slice() {
            [Seen::Moment] => ("date-time", in_sample("a time")),
            [Seen::Date] => ("date", in_sample("a date")),
            _ => ("string", None),
        },
        Type::Integer if only(&[Seen::Whole]) => ("integer", None),
        Type::Integer if only(&[Seen::Whole, Seen::Fraction]) => ("number", against(&[Seen::Whole])),
        Type::Number if only(&[Seen::Whole, Seen::Fraction]) => ("number", None),
        Type::Integer | Type::Number => ("string", against(&[Seen::Whole, Seen::Fraction])),
        Type::Boolean if only(&[Seen::Flag]) => ("boolean", None),
        Type::Boolean => ("string", against(&[Seen::Flag])),
        Type::Date if only(&[Seen::Date, Seen::Text]) => ("date", None),
        Type::Date if only(&[Seen::Date, Seen::Moment]) => ("date-time", against(&[Seen::Date])),
        Type::Date => ("string", against(&[Seen::Date])),
        Type::Moment if only(&[Seen::Moment, Seen::Date, Seen::Text]) => ("date-time", None),
        Type::Moment => ("string", against(&[Seen::Moment, Seen::Date, Seen::Text])),
        Type::Object | Type::Array | Type::Unknown => {
            let of = match seen.as_slice() {
                [Seen::Flag] => "boolean",
                [Seen::Whole] => "integer",
                [Seen::Fraction] | [Seen::Whole, Seen::Fraction] => "number",
                [Seen::Date] => "date",
                [Seen::Moment] => "date-time",
                [Seen::Text] => "string",
                _ => {
                    return Err(
                        "its type is none that a field can have, and the sample tells no other".to_owned()
                    );
                }
            };
            (of, Some(format!("by the sample; the source says {}", field.says)))
        }
    })
}

/// Whether XDM takes a name (platform-api.md 5.3).
fn is_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// A name like this one that XDM takes.
fn suggestion(name: &str) -> Option<String> {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("_");
    Some(name).filter(|name| is_name(name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::explore::{Found, decode};

    fn chosen(properties: &Value, sample: &Value) -> Chosen {
        let body = json!({ "schema": { "properties": { "r": { "type": "object", "properties": properties } } },
            "data": [{ "r": sample }] });
        match decode(&body) {
            Ok(Found::Fields(fields)) => choose(&fields, true, 0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_sample_has_the_last_word_on_types() {
        let of = |name: &str| json!({ "type": name });
        let properties = json!({
            "role": of("integer"), "rate": of("integer"), "at": of("string"), "day": of("string"),
            "flag": of("boolean"), "odd": {}, "none": {}, "n": of("integer"), "when": { "format": "date-time" },
            "obj": { "type": "object", "properties": { "a": of("string") } },
            "list": { "type": "array" }, "tags": { "type": "array", "items": of("string") },
        });
        let sample = json!({
            "role": "end-user", "rate": 1.5, "at": "2022-05-13T08:04:22Z", "day": "2022-05-13", "flag": "no",
            "odd": 7, "when": 1_652_430_262, "obj": "text", "tags": ["a", "2022-05-13"],
        });
        let chosen = chosen(&properties, &sample);
        let lines: Vec<&str> = chosen.lines.lines().collect();
        assert_eq!(
            lines,
            [
                "role: string    # the source says integer, the sample has text",
                "rate: number    # the source says integer, the sample has a number",
                "at: date-time    # a time in the sample",
                "day: date    # a date in the sample",
                "flag: string    # the source says boolean, the sample has text",
                "odd: integer    # by the sample; the source says unknown",
                "# none: unknown    its type is none that a field can have, and the sample tells no other",
                "n: integer",
                "when: string    # the source says unknown (date-time), the sample has a whole number",
                "# obj: object    the source says object, the sample has text",
                "# list: array    the source does not say what it holds",
                "tags: { type: array, items: string }",
            ]
        );
        assert_eq!((chosen.left_out, chosen.mapped.len()), (3, 9));
        assert_eq!(chosen.mapped[0], ("r.role".to_owned(), "_tenant.role".to_owned()));
    }

    #[test]
    fn names_and_holders_are_those_that_a_schema_takes() {
        let text = json!({ "type": "string" });
        let chosen = chosen(
            &json!({
                "First Name": text, "_id": text, "": text, "a\nb: c": text, "A": text, "a": text, "true": text, "1": text,
                "home": { "type": "object", "properties": { "city": text, "p.q": text } },
                "void": { "type": "object", "properties": { "p.q": text } },
                "orders": { "type": "array", "items": { "type": "object", "properties": { "id": text } } },
            }),
            &json!({}),
        );
        let lines: Vec<&str> = chosen.lines.lines().collect();
        assert_eq!(
            lines,
            [
                "# First Name: string    no name of a field in XDM; an expression could fill First_Name",
                "# _id: string    no name of a field in XDM; an expression could fill id",
                "# : string    no name of a field in XDM",
                "# a?b: c: string    no name of a field in XDM; an expression could fill a_b_c",
                "A: string",
                "# a: string    another field has this name, but for case",
                "\"true\": string",
                "\"1\": string",
                "home:",
                "  type: object",
                "  fields:",
                "    city: string",
                "    # p.q: string    no name of a field in XDM; an expression could fill p_q",
                "# void: object    none of what it holds can be a field",
                "orders:",
                "  type: array",
                "  items:",
                "    type: object",
                "    fields:",
                "      id: string",
            ]
        );
        let mapped: Vec<&str> = chosen.mapped.iter().map(|(_, to)| to.as_str()).collect();
        assert_eq!(mapped, ["_tenant.A", "_tenant.true", "_tenant.1", "_tenant.home.city", "_tenant.orders"]);
    }
}
