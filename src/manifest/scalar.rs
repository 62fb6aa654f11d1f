//! Single values: what a plain scalar is (YAML 1.2 core schema: `no`, `yes` and `on` are strings), times, names.
//! Knows nothing of positions or of what surrounds a value.

use serde_json::{Number, Value};

use super::diagnostic::is_invisible;
use crate::kind::is_same_number;

/// What an unquoted scalar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Int,
    Float,
    Text,
}

/// Resolves an unquoted scalar by the YAML 1.2 core schema.
pub(super) fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        _ => {}
    }
    let based = |prefix: &str, radix: u32| {
        text.strip_prefix(prefix).is_some_and(|d| !d.is_empty() && d.chars().all(|c| c.is_digit(radix)))
    };
    if based("0o", 8) || based("0x", 16) {
        return Plain::Int;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Plain::Float;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let exponent_is_number = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) || !exponent_is_number {
        return Plain::Text;
    }
    if exponent.is_none() && !mantissa.contains('.') { Plain::Int } else { Plain::Float }
}

/// A whole number as the core schema writes it.
pub(super) fn integer(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok();
    }
    text.parse().ok()
}

/// An unquoted number as JSON; the message says why it is none.
pub(super) fn number(text: &str, kind: Plain) -> Result<Value, &'static str> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let mantissa = unsigned.split_once(['e', 'E']).map_or(unsigned, |(mantissa, _)| mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() > 1 && whole.starts_with('0') && whole.bytes().all(|b| b.is_ascii_digit()) {
        return Err("a number with leading zeros would lose them");
    }
    // `1.0` is a way of writing 1; `1.10` and `2.00` are versions, prices, whatever their zeros stand for.
    if fraction.len() > 1 && fraction.ends_with('0') {
        return Err("a decimal with zeros at its end would lose them");
    }
    let number = if kind == Plain::Int {
        match (integer(text), text.parse::<u64>()) {
            (Some(whole), _) => Number::from(whole),
            (None, Ok(whole)) => Number::from(whole),
            _ => return Err("the number is too large to be kept exactly"),
        }
    } else {
        let float = text.parse::<f64>().ok().filter(|f| f.is_finite()).and_then(Number::from_f64);
        let number = float.ok_or("JSON has no such number")?;
        if !is_same_number(text, &number.to_string()) {
            return Err("the number has more digits than can be kept exactly");
        }
        number
    };
    // `12e7` may be the name of a commit, and `+49151` that of a telephone.
    if text.starts_with('+') || unsigned.contains(['e', 'E', 'x', 'o']) || text == "-0" {
        return Err("the number would be sent in another form than it is written in");
    }
    Ok(number.into())
}

/// Epoch seconds of a time: RFC 3339, or epoch seconds. The message says what is wrong.
pub(super) fn time(text: &str) -> Result<i64, String> {
    // The year 5138: whoever goes beyond has written milliseconds.
    const LATEST: i64 = 100_000_000_000;
    let seconds = match text.parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_) => text
            .parse::<jiff::Timestamp>()
            .map_err(|_| "expected a time, such as 2030-01-31T08:00:00Z or epoch seconds".to_owned())?
            .as_second(),
    };
    match seconds {
        ..0 => Err("the time lies before 1970".to_owned()),
        LATEST.. => Err("the time lies thousands of years ahead: is it in milliseconds?".to_owned()),
        _ => Ok(seconds),
    }
}

/// Why a text cannot be a name or a description. `lines`: whether it may have several lines.
pub(super) fn text_fault(text: &str, lines: bool) -> Option<&'static str> {
    if text.trim().is_empty() {
        return Some("must not be empty");
    }
    if !lines && text.contains(['\n', '\r']) {
        return Some("must be a single line");
    }
    if text.chars().any(|c| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_invisible(c)) {
        return Some("holds characters that cannot be seen");
    }
    None
}

/// Whether a text is an id that can stand in a path as it is.
pub(super) fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// An id as the platform writes it, where this one differs from that in the case of its letters alone: the hexadecimal
/// digits of specs, datasets and schemas are lower-case, those of an organisation upper-case.
pub(super) fn in_usual_case(text: &str) -> Option<String> {
    /// The shortest of them has 24 digits.
    const SHORTEST: usize = 24;
    let is_hex =
        |part: &str| part.len() >= SHORTEST && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let usual = match text.split_once('@') {
        Some((org, host)) if is_hex(org) && host.eq_ignore_ascii_case("AdobeOrg") => {
            format!("{}@AdobeOrg", org.to_ascii_uppercase())
        }
        _ => {
            let (before, last) = text.split_at(text.rfind(['/', '.']).map_or(0, |at| at + 1));
            if !is_hex(last) {
                return None;
            }
            format!("{before}{}", last.to_ascii_lowercase())
        }
    };
    (usual != text).then_some(usual)
}

/// Whether a text is an absolute URI, as far as it matters for a schema's id.
pub(super) fn is_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            && !rest.is_empty()
            && rest.bytes().all(|b| b.is_ascii_graphic())
    })
}

/// Whether a text can be a version.
pub(super) fn is_version(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for text in
            ["no", "yes", "on", "y", "1_000", "1:30", "0b1", "e5", ".", "-", "+", "1e", "0x", "nan", "1.2.3"]
        {
            assert_eq!(plain(text), Plain::Text, "{text}");
        }
        for text in ["0", "-1", "+15", "007", "0x1F", "0o17"] {
            assert_eq!(plain(text), Plain::Int, "{text}");
        }
        for text in ["1.", ".5", "1.0", "-1e3", "1E-3", ".inf", "-.INF", ".nan"] {
            assert_eq!(plain(text), Plain::Float, "{text}");
        }
    }

    #[test]
    fn numbers_lose_nothing() {
        assert_eq!(number("18446744073709551615", Plain::Int), Ok(u64::MAX.into()));
        for (text, kept) in [("1.0", "1.0"), ("1.", "1.0"), (".5", "0.5"), ("-2.5", "-2.5")] {
            assert_eq!(number(text, Plain::Float).map(|n| n.to_string()), Ok(kept.to_owned()), "{text}");
        }
        for (text, kind) in [
            ("007", Plain::Int),
            ("+15", Plain::Int),
            ("-0", Plain::Int),
            ("0x10", Plain::Int),
            ("0o17", Plain::Int),
            ("12e7", Plain::Float),
            ("1.25E-2", Plain::Float),
            ("18446744073709551616", Plain::Int),
            (".inf", Plain::Float),
            ("1e999", Plain::Float),
            ("1e-999", Plain::Float),
            ("-007", Plain::Int),
            ("00.5", Plain::Float),
            ("1.10", Plain::Float),
            ("-2.00", Plain::Float),
            ("1.50e3", Plain::Float),
            ("0.1234567890123456789", Plain::Float),
            ("9007199254740993.0", Plain::Float),
            ("1e99999999999999999999", Plain::Float),
        ] {
            assert!(number(text, kind).is_err(), "{text}");
        }
    }

    #[test]
    fn ids_have_a_usual_case() {
        for (text, usual) in [
            ("0123456789abcdef01234567@adobeorg", Some("0123456789ABCDEF01234567@AdobeOrg")),
            ("0123456789ABCDEF01234567@AdobeOrg", None),
            ("0A27232B-2C6E-4396-B8C6-C9FC24E37BA4", Some("0a27232b-2c6e-4396-b8c6-c9fc24e37ba4")),
            ("624BF42E16519D19496e3f67", Some("624bf42e16519d19496e3f67")),
            ("624bf42e16519d19496e3f67", None),
            ("123456789012345678901234", None),
            (
                "https://ns.adobe.com/Acme/schemas/995DABBEA86D58E346FF91BD",
                Some("https://ns.adobe.com/Acme/schemas/995dabbea86d58e346ff91bd"),
            ),
            ("ABCDEF", None),
            ("My-Own-Id", None),
        ] {
            assert_eq!(in_usual_case(text).as_deref(), usual, "{text}");
        }
    }

    #[test]
    fn times_become_epoch_seconds() {
        assert_eq!(time("1625040887"), Ok(1_625_040_887));
        assert_eq!(time("2021-06-30T10:14:47+02:00"), Ok(1_625_040_887));
        for bad in ["2021-06-30", "2021-06-30T08:14:47", "tomorrow", "-1", "1625040887123", ""] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
