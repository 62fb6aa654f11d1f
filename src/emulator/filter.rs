//! Flow Service's query language for lists: `property`, `orderby`, `limit`, `count`, `continuationToken`
//! (platform-api.md 2.3). Knows paths and values, no kind.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::Value;

use super::behaviour::Behaviour;
use super::message::{Refusal, Request, flow};
use super::store::Record;

/// A parsed list request.
#[derive(Debug, Default)]
pub(super) struct Query {
    filters: Vec<Filter>,
    /// Top-level members to return; empty means all.
    pub(super) projection: Vec<String>,
    order: Option<Order>,
    limit: Option<usize>,
    pub(super) count: bool,
    after: Option<Cursor>,
}

#[derive(Debug)]
struct Order {
    path: String,
    descending: bool,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    /// After this record, in order of creation.
    After(u64),
    /// So many records of a sorted list.
    Skip(usize),
}

#[derive(Debug)]
struct Filter {
    path: String,
    operator: Operator,
    values: HashSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
}

impl Query {
    pub(super) fn parse(request: &Request) -> Result<Self, Refusal> {
        let mut query = Self::default();
        let mut counted = false;
        for (key, value) in &request.query {
            match key.as_str() {
                "property" => query.add_property(value)?,
                "orderby" | "orderBy" => query.order = Some(parse_order(value)?),
                "limit" => query.limit = Some(parse_limit(value)?),
                "count" => {
                    counted = value.eq_ignore_ascii_case("true");
                    if !counted && !value.eq_ignore_ascii_case("false") {
                        return Err(invalid_param(key));
                    }
                }
                "continuationToken" => {
                    query.after = Some(parse_cursor(value).ok_or_else(|| invalid_param(key))?);
                }
                _ => return Err(invalid_param(key)),
            }
        }
        query.counted(counted)
    }

    /// The body of a search. The grammar of `queryString` is not documented: an expression like that of
    /// `property` is taken as one, anything else as part of a name.
    pub(super) fn parse_search(
        body: &serde_json::Map<String, Value>,
    ) -> Result<(Self, Option<String>), Refusal> {
        let mut query = Self::default();
        let mut part = None;
        if let Some(text) = body.get("queryString").and_then(Value::as_str).filter(|text| !text.is_empty()) {
            if text.contains("==") || text.contains(['<', '>']) {
                query.add_property(text)?;
            } else {
                part = Some(text.to_lowercase());
            }
        }
        if let Some(order) = body.get("orderby").and_then(Value::as_str) {
            query.order = Some(parse_order(order)?);
        }
        if let Some(limit) = body.get("limit") {
            query.limit = Some(parse_limit(&scalar(limit).unwrap_or_default())?);
        }
        let counted = body.get("count").and_then(Value::as_bool).unwrap_or(false);
        Ok((query.counted(counted)?, part))
    }

    fn counted(mut self, counted: bool) -> Result<Self, Refusal> {
        if counted && self.limit.is_some() {
            return Err(flow(
                "1401-400",
                "The limit and count parameters cannot be given together in the same request. Please provide \
                 either only the limit or the count parameter and try again.",
            ));
        }
        self.count = counted;
        Ok(self)
    }

    fn add_property(&mut self, text: &str) -> Result<(), Refusal> {
        let Some(at) = text.find(['=', '<', '>', '!', '~']) else {
            // OpenAPI's other reading of the parameter: the members to be returned.
            self.projection.extend(text.split(',').map(|name| name.trim().to_owned()));
            return Ok(());
        };
        let (path, rest) = (text[..at].trim(), &text[at..]);
        let symbols: String = rest.chars().take_while(|c| "=<>!~".contains(*c)).collect();
        let operator = match symbols.as_str() {
            "==" => Operator::Equal,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            ">=" => Operator::GreaterEqual,
            "<=" => Operator::LessEqual,
            "~" => return Err(flow("1440-400", "Operator '~' not implemented.")),
            other => return Err(flow("1450-400", format!("Invalid operator {other} in filter params."))),
        };
        if path.is_empty() {
            return Err(flow("1449-400", "Invalid field  in filter params."));
        }
        let values = split_values(&rest[symbols.len()..]);
        if values.is_empty() {
            return Err(flow("1453-400", format!("Invalid query value {text} provided in query param.")));
        }
        check_filter(path, operator, &symbols, &values)?;
        self.filters.push(Filter { path: path.to_owned(), operator, values: values.into_iter().collect() });
        Ok(())
    }

    /// The paths that must have one of some values: what an index can narrow a list down by.
    pub(super) fn equalities(&self) -> impl Iterator<Item = (&str, &HashSet<String>)> {
        self.filters
            .iter()
            .filter(|filter| filter.operator == Operator::Equal)
            .map(|filter| (filter.path.as_str(), &filter.values))
    }

    pub(super) fn matches(&self, body: &Value) -> bool {
        self.filters.iter().all(|filter| filter.matches(body))
    }

    /// One page, and where the next one begins.
    pub(super) fn page<'a>(
        &self,
        mut found: Vec<&'a Record>,
        behaviour: &Behaviour,
    ) -> (Vec<&'a Record>, Option<String>) {
        let limit = self.limit.unwrap_or(behaviour.default_limit).min(behaviour.max_limit);
        if let Some(order) = &self.order {
            found.sort_by(|a, b| {
                let ordering = compare_at(&order.path, &a.body, &b.body);
                if order.descending { ordering.reverse() } else { ordering }
            });
            let skip = match self.after {
                Some(Cursor::Skip(skip)) => skip,
                _ => 0,
            };
            let more = found.len() > skip.saturating_add(limit);
            let page: Vec<&Record> = found.into_iter().skip(skip).take(limit).collect();
            return (page, more.then(|| cursor_text(Cursor::Skip(skip + limit))));
        }
        if let Some(Cursor::After(seq)) = self.after {
            found.retain(|record| record.seq > seq);
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|record| cursor_text(Cursor::After(record.seq)));
        (found, next)
    }
}

impl Filter {
    fn matches(&self, body: &Value) -> bool {
        any_at(body, &self.path, &mut |value| {
            let Some(text) = scalar(value) else { return false };
            if self.operator == Operator::Equal {
                return self.values.contains(text.as_ref());
            }
            self.values.iter().any(|wanted| {
                let ordering = compare(&text, wanted);
                match self.operator {
                    Operator::Equal => false,
                    Operator::Greater => ordering == Ordering::Greater,
                    Operator::Less => ordering == Ordering::Less,
                    Operator::GreaterEqual => ordering != Ordering::Less,
                    Operator::LessEqual => ordering != Ordering::Greater,
                }
            })
        })
    }
}

fn check_filter(path: &str, operator: Operator, symbols: &str, values: &[String]) -> Result<(), Refusal> {
    if operator != Operator::Equal && values.len() > 1 {
        return Err(flow("1443-400", format!("Operator '{symbols}' is not allowed for multiple values.")));
    }
    if operator != Operator::Equal && path == "id" {
        return Err(flow("1448-400", format!("Operator {symbols} not supported for field id.")));
    }
    if (path == "createdAt" || path == "updatedAt")
        && (values.len() > 1 || values.iter().any(|value| value.parse::<i64>().is_err()))
    {
        return Err(flow("1452-400", format!("Invalid value {} for field {path}.", values.join(","))));
    }
    if path == "state"
        && let Some(bad) =
            values.iter().find(|value| !["enabled", "disabled", "initializing"].contains(&value.as_str()))
    {
        return Err(flow(
            "1456-400",
            format!(
                "State {bad} is not a valid value. Allowed values are [enabled, disabled, initializing]."
            ),
        ));
    }
    Ok(())
}

fn invalid_param(key: &str) -> Refusal {
    flow("1451-400", format!("Invalid params {key} provided in query params."))
}

/// `a,b` or `"a","b"`; a quoted value may hold commas.
fn split_values(text: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut value = String::new();
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' if quoted || value.is_empty() => quoted = !quoted,
            ',' if !quoted => values.push(std::mem::take(&mut value)),
            c => value.push(c),
        }
    }
    values.push(value);
    values.retain(|value| !value.is_empty());
    values
}

fn parse_limit(text: &str) -> Result<usize, Refusal> {
    text.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| invalid_param("limit"))
}

fn parse_order(text: &str) -> Result<Order, Refusal> {
    let (descending, path) = match text.chars().next() {
        Some('-') => (true, &text[1..]),
        Some('+') => (false, &text[1..]),
        Some(c) if c.is_ascii_alphabetic() || c == '_' => (false, text),
        // A plus sign that was not written as %2B arrives as a space.
        _ => {
            return Err(flow(
                "1432-400",
                "Sort order specified is not correct, prepend + for ascending order and - for descending \
                 order in the fieldName.",
            ));
        }
    };
    if path.is_empty() || !path.chars().all(|c| c.is_ascii_alphanumeric() || "._[]".contains(c)) {
        return Err(flow(
            "1433-400",
            format!("Incorrect field= {path} passed in orderBy, example are +name, -name, name."),
        ));
    }
    Ok(Order { path: path.to_owned(), descending })
}

fn cursor_text(cursor: Cursor) -> String {
    let text = match cursor {
        Cursor::After(seq) => format!("a{seq}"),
        Cursor::Skip(skip) => format!("s{skip}"),
    };
    super::clock::hex(text.as_bytes())
}

fn parse_cursor(text: &str) -> Option<Cursor> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()).collect();
    let decoded = String::from_utf8(bytes?).ok()?;
    match decoded.split_at_checked(1)? {
        ("a", seq) => seq.parse().ok().map(Cursor::After),
        ("s", skip) => skip.parse().ok().map(Cursor::Skip),
        _ => None,
    }
}

/// A scalar as the text it is compared by.
fn scalar(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(flag) => Some(if *flag { "true" } else { "false" }.into()),
        _ => None,
    }
}

fn compare(a: &str, b: &str) -> Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}

fn compare_at(path: &str, a: &Value, b: &Value) -> Ordering {
    let first = |body: &Value| {
        let mut found = None;
        any_at(body, path, &mut |value| {
            found = scalar(value).map(std::borrow::Cow::into_owned);
            found.is_some()
        });
        found
    };
    match (first(a), first(b)) {
        (Some(a), Some(b)) => compare(&a, &b),
        (a, b) => a.cmp(&b),
    }
}

/// The scalars at a path.
pub(super) fn texts_at(body: &Value, path: &str) -> Vec<String> {
    let mut texts = Vec::new();
    any_at(body, path, &mut |value| {
        texts.extend(scalar(value).map(std::borrow::Cow::into_owned));
        false
    });
    texts
}

/// Whether any value at a path such as `sourceConnectionIds[]` or `flowSpec.id` satisfies `test`.
fn any_at(value: &Value, path: &str, test: &mut dyn FnMut(&Value) -> bool) -> bool {
    if path.is_empty() {
        return test(value);
    }
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    match head.strip_suffix("[]") {
        Some(name) => value
            .get(name)
            .and_then(Value::as_array)
            .is_some_and(|items| items.iter().any(|item| any_at(item, rest, test))),
        None => value.get(head).is_some_and(|inner| any_at(inner, rest, test)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::message::{Content, pairs, settle};
    use serde_json::json;

    fn parse(query: &str) -> Result<Query, Refusal> {
        Query::parse(&Request { query: pairs(query), ..Request::default() })
    }

    fn code(query: &str) -> String {
        let refusal = parse(query).unwrap_err();
        let Content::Json(body) = settle(Err(refusal)).content else { panic!("no body") };
        body["type"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    }

    #[test]
    fn filters_follow_paths_and_any_of_lists() {
        let body = json!({"id": "1", "sourceConnectionIds": ["a", "b"], "flowSpec": {"id": "f"},
            "createdAt": 5, "inheritedAttributes": {"properties": {"isSourceFlow": true}}});
        for query in [
            "property=sourceConnectionIds[]==x,b",
            "property=flowSpec.id==f&property=createdAt>=5",
            "property=flowSpec.id==%22f%22",
            "property=createdAt<10",
            "property=inheritedAttributes.properties.isSourceFlow==true",
        ] {
            assert!(parse(query).unwrap().matches(&body), "{query}");
        }
        for query in
            ["property=flowSpec.id==f&property=createdAt>5", "property=nope==1", "property=flowSpec==f"]
        {
            assert!(!parse(query).unwrap().matches(&body), "{query}");
        }
    }

    #[test]
    fn refusals_carry_the_documented_codes() {
        for (query, expected) in [
            ("nope=1", "FLOW-1451-400"),
            ("limit=5&count=true", "FLOW-1401-400"),
            ("property=name~x", "FLOW-1440-400"),
            ("property=name!>x", "FLOW-1450-400"),
            ("property=createdAt>=1,2", "FLOW-1443-400"),
            ("property=id>=1", "FLOW-1448-400"),
            ("property=createdAt==x", "FLOW-1452-400"),
            ("property=createdAt==", "FLOW-1453-400"),
            ("property=state==delete-finalizing", "FLOW-1456-400"),
            ("orderby=+name", "FLOW-1432-400"),
            ("orderby=-%23id", "FLOW-1433-400"),
        ] {
            assert_eq!(code(query), expected, "{query}");
        }
        assert!(parse("count=false&limit=3&orderby=%2Bname").is_ok());
    }

    #[test]
    fn cursors_round_trip_and_nonsense_is_refused() {
        assert_eq!(parse_cursor(&cursor_text(Cursor::After(7))), Some(Cursor::After(7)));
        assert_eq!(parse_cursor(&cursor_text(Cursor::Skip(7))), Some(Cursor::Skip(7)));
        for text in ["", "zz", "61", "6", "ü", "ffff"] {
            assert_eq!(parse_cursor(text), None, "{text}");
        }
    }
}
