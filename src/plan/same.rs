//! When two values are the same: one rule for two texts of ours, one for what the platform makes of a value.
//!
//! Nothing is compared as a float, and an empty object or a null is a value like any other.

use serde_json::{Map, Value};

use crate::kind::{Body, is_own_text, is_same_number, leaf};

/// Whether two values say the same: of the same type, to the last digit. How a number is written is no difference, as
/// `1` and `1.0`; how a text is written always is.
pub(crate) fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => same_value(a, b),
        _ => false,
    }
}

fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || is_same_number(&a.to_string(), &b.to_string()),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, value)| same(Some(value), b.get(name)))
        }
        (a, b) => a == b,
    }
}

/// Whether what the platform shows is what was sent. It may spell a number or a boolean as its own text (platform-api.md
/// 2.4.4), and leave out a null; a text is never taken for a number.
pub(crate) fn echoes(sent: Option<&Value>, seen: Option<&Value>) -> bool {
    match (sent, seen) {
        (None | Some(Value::Null), None | Some(Value::Null)) => true,
        (Some(sent), Some(seen)) => spells(sent, seen),
        _ => false,
    }
}

fn spells(sent: &Value, seen: &Value) -> bool {
    match (sent, seen) {
        (Value::Number(number), Value::String(text)) => is_own_text(number, text),
        (Value::Bool(boolean), Value::String(text)) => text == if *boolean { "true" } else { "false" },
        (Value::Array(sent), Value::Array(seen)) => {
            sent.len() == seen.len() && sent.iter().zip(seen).all(|(sent, seen)| spells(sent, seen))
        }
        (Value::Object(sent), Value::Object(seen)) => {
            let mut names = sent.keys().chain(seen.keys());
            names.all(|name| echoes(sent.get(name), seen.get(name)))
        }
        (sent, seen) => same_value(sent, seen),
    }
}

/// What the platform shows, spelled as it was sent: a text that is the text of a number or a boolean is one, where one
/// was sent there.
pub(crate) fn respelled(sent: Option<&Value>, seen: &Value) -> Value {
    let Some(sent) = sent else { return seen.clone() };
    if spells(sent, seen) {
        return sent.clone();
    }
    match (sent, seen) {
        (Value::Number(_), Value::String(text)) => match serde_json::from_str::<Value>(text) {
            Ok(number @ Value::Number(_)) if spells(&number, seen) => number,
            _ => seen.clone(),
        },
        (Value::Bool(boolean), Value::String(text)) if spells(&(!boolean).into(), &text.as_str().into()) => {
            (!boolean).into()
        }
        _ => seen.clone(),
    }
}

/// A field of a body; an object that holds something is there, and what it holds are fields of their own.
pub(crate) fn field_of<'v>(body: &'v Body, fields: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    static EMPTY: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| Value::Object(Map::new()));
    fields.get(path).or_else(|| {
        body.pointer(path).filter(|value| value.is_object() && leaf(value).is_none()).map(|_| &*EMPTY)
    })
}

/// Whether a value is an object without members.
pub(crate) fn is_empty_object(value: Option<&Value>) -> bool {
    value.and_then(Value::as_object).is_some_and(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_we_say_is_compared_by_type_and_text() {
        let same = |a: Value, b: Value| same(Some(&a), Some(&b));
        assert!(same(json!(1), json!(1.0)));
        assert!(same(json!([{ "a": 1, "b": 2.50 }]), json!([{ "b": 2.5, "a": 1.0 }])));
        for (a, b) in [
            (json!(1.1), json!("1.10")),
            (json!(7), json!("7")),
            (json!(7), json!("007")),
            (json!("true"), json!(true)),
            (json!(12_345_678_901_234_567_u64), json!(12_345_678_901_234_568_u64)),
            (json!("12345678901234567"), json!("12345678901234568")),
            (json!([1]), json!(["1"])),
            (json!([{ "a": { "b": true } }]), json!([{ "a": { "b": "true" } }])),
            (json!({}), json!(null)),
            (json!({ "a": null }), json!({})),
            (json!([]), json!({})),
            (json!(0), json!(false)),
            (json!("e\u{301}"), json!("\u{e9}")),
        ] {
            assert!(!same(a.clone(), b.clone()), "{a} {b}");
        }
        assert!(!super::same(None, Some(&json!(null))) && !super::same(Some(&json!({})), None));
    }

    #[test]
    fn the_platform_may_spell_a_number_as_its_text_and_nothing_else() {
        let echoes = |sent: Value, seen: Value| super::echoes(Some(&sent), Some(&seen));
        for (sent, seen) in [
            (json!(7), json!("7")),
            (json!(1.0), json!(1)),
            (json!(1.0), json!("1")),
            (json!(true), json!("true")),
            (json!([1, { "a": false }]), json!(["1", { "a": "false" }])),
            (json!([{ "a": null, "b": 1 }]), json!([{ "b": 1 }])),
        ] {
            assert!(echoes(sent.clone(), seen.clone()), "{sent} {seen}");
        }
        for (sent, seen) in [
            (json!("7"), json!(7)),
            (json!("true"), json!(true)),
            (json!("1.10"), json!(1.1)),
            (json!(7), json!("007")),
            (json!(7), json!("7e0")),
            (json!(true), json!("True")),
            (json!(1), json!("true")),
            (json!({}), json!([])),
        ] {
            assert!(!echoes(sent.clone(), seen.clone()), "{sent} {seen}");
        }
        assert!(super::echoes(Some(&json!(null)), None) && !super::echoes(Some(&json!({})), None));
    }

    #[test]
    fn what_is_taken_over_keeps_the_type_that_was_sent() {
        let respelled = |sent: Value, seen: Value| super::respelled(Some(&sent), &seen);
        assert_eq!(respelled(json!(7), json!("8")), json!(8));
        assert_eq!(respelled(json!(true), json!("false")), json!(false));
        assert_eq!(respelled(json!(7), json!("007")), json!("007"));
        assert_eq!(respelled(json!("7"), json!(8)), json!(8));
        assert_eq!(super::respelled(None, &json!("8")), json!("8"));
    }
}
