//! What is told of a value of a customer in place of the value: its shape. Nothing here gives a part of it away.

use serde_json::Value;

/// The shapes that the values of a field have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// `true` or `false`.
    Flag,
    /// A number without a fraction.
    Whole,
    /// A number with one.
    Fraction,
    /// A date alone.
    Date,
    /// A moment, RFC 3339.
    Moment,
    /// Any other text.
    Text,
    /// A list.
    List,
    /// Named members.
    Members,
}

impl Seen {
    /// A value's shape; none where there is no value.
    pub fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::String(text) if text.is_empty() => return None,
            Value::Bool(_) => Self::Flag,
            Value::Number(number) if number.is_i64() || number.is_u64() => Self::Whole,
            Value::Number(_) => Self::Fraction,
            Value::String(text) if is_moment(text) => Self::Moment,
            Value::String(text) if is_date(text) => Self::Date,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Members,
        })
    }

    /// In words, with an article.
    pub fn words(self) -> &'static str {
        match self {
            Self::Flag => "true or false",
            Self::Whole => "a whole number",
            Self::Fraction => "a number",
            Self::Date => "a date",
            Self::Moment => "a time",
            Self::Text => "text",
            Self::List => "a list",
            Self::Members => "an object",
        }
    }
}

/// A value's shape in words; none where there is no value.
pub fn describe(value: &Value) -> Option<String> {
    Some(match (Seen::of(value)?, value) {
        (Seen::Flag, _) => "true or false".to_owned(),
        (Seen::Whole, Value::Number(number)) => {
            let digits = number.to_string().trim_start_matches('-').len();
            format!("whole number, {}", counted(digits, "digit"))
        }
        (Seen::Whole | Seen::Fraction, _) => "number".to_owned(),
        (Seen::Date, _) => "date".to_owned(),
        (Seen::Moment, _) => "time (RFC 3339)".to_owned(),
        (_, Value::String(text)) if is_mail(text) => "e-mail address".to_owned(),
        (_, Value::String(text)) if text.starts_with("https://") || text.starts_with("http://") => {
            "URL".to_owned()
        }
        (_, Value::String(text)) => format!("text, {}", counted(text.chars().count(), "character")),
        (_, Value::Array(items)) => format!("list of {}", items.len()),
        (_, Value::Object(members)) => format!("object of {}", members.len()),
        (_, _) => return None,
    })
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn is_moment(text: &str) -> bool {
    // jiff also takes what RFC 3339 does not: a moment with a zone in brackets, a space for the `T`.
    let bytes = text.as_bytes();
    (20..=40).contains(&bytes.len())
        && bytes.get(4) == Some(&b'-')
        && bytes.get(10) == Some(&b'T')
        && text.parse::<jiff::Timestamp>().is_ok()
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.as_bytes().get(4) == Some(&b'-') && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_mail(text: &str) -> bool {
    let Some((before, host)) = text.split_once('@') else { return false };
    !before.is_empty()
        && host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && !text.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | '/'))
        && !host.contains('@')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_told_by_their_shape() {
        for (value, words) in [
            (json!("test@example.com"), "e-mail address"),
            (json!("a@b"), "text, 3 characters"),
            (json!("2022-05-13T08:04:22Z"), "time (RFC 3339)"),
            (json!("2022-05-13T08:04:22"), "text, 19 characters"),
            (json!("2022-05-13"), "date"),
            (json!("2022-15-13"), "text, 10 characters"),
            (json!("https://example.com/x"), "URL"),
            (json!(6_106_699_702_801_i64), "whole number, 13 digits"),
            (json!(-7), "whole number, 1 digit"),
            (json!(1.5), "number"),
            (json!("é"), "text, 1 character"),
            (json!(false), "true or false"),
            (json!([1, 2]), "list of 2"),
            (json!({ "a": 1 }), "object of 1"),
        ] {
            assert_eq!(describe(&value).as_deref(), Some(words), "{value}");
        }
        assert_eq!([describe(&json!("")), describe(&Value::Null)], [None, None]);
    }

    proptest! {
        #[test]
        fn no_part_of_a_text_is_told(text in "[^ -~]{1,40}|[Q-Z]{3,20}@[Q-Z]{2,9}\\.[Q-Z]{2,9}|https://[Q-Z]{3,30}") {
            let told = describe(&json!(text)).unwrap_or_default();
            prop_assert!(text.chars().all(|c| c.is_ascii() && !c.is_ascii_uppercase() || !told.contains(c) || "URLRFC".contains(c)), "{told}");
        }
    }
}
