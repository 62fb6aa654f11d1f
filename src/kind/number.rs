//! Numbers by their own text: what a decimal stands for, and how else it may be spelled. Nothing here goes through a float.

use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// What a decimal text stands for: `digits` times ten to the power of `exponent`, without zeros at either end.
#[derive(Debug, PartialEq, Eq)]
struct Decimal<'t> {
    negative: bool,
    digits: Vec<&'t u8>,
    exponent: i64,
}

/// The value of a decimal, in the forms of JSON and of YAML: `+1`, `.5` and `1.` too; `None` for any other text.
fn decimal(text: &str) -> Option<Decimal<'_>> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits: Vec<&u8> = whole.as_bytes().iter().chain(fraction.as_bytes()).collect();
    if digits.is_empty() || !digits.iter().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let mut exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    while digits.last() == Some(&&b'0') {
        digits.pop();
        exponent = exponent.checked_add(1)?;
    }
    let leading = digits.iter().take_while(|digit| ***digit == b'0').count();
    digits.drain(..leading);
    if digits.is_empty() {
        // Zero is zero, whatever its sign and its exponent.
        return Some(Decimal { negative: false, digits, exponent: 0 });
    }
    Some(Decimal { negative, digits, exponent })
}

/// Whether two texts are the same number: `1`, `1.0` and `1e0` are.
pub(crate) fn is_same_number(a: &str, b: &str) -> bool {
    a == b || decimal(a).is_some_and(|value| decimal(b) == Some(value))
}

/// Whether a text is a number's own: as it was sent, or written out in the shortest way. `007`, `7e0` and `7.00` are no
/// texts of 7; what was sent as a decimal may end in `.0`.
pub(crate) fn is_own_text(number: &Number, text: &str) -> bool {
    let sent = number.to_string();
    if sent == text {
        return true;
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let is_short = |fraction: &str| {
        !fraction.is_empty()
            && (!fraction.ends_with('0') || fraction == "0" && sent.contains(['.', 'e', 'E']))
    };
    !text.contains(['e', 'E', '+'])
        && !whole.is_empty()
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_short)
        && is_same_number(&sent, text)
}

/// Reads a whole number that may be absent, as a field of an enum with a tag: what serde keeps aside to read the tag first
/// holds numbers in their exact form, which no integer is read from.
///
/// Errors: the number is none of 64 bits without sign.
pub(crate) fn read_whole<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<Number>::deserialize(from)?;
    let whole = |number: Number| {
        number
            .as_u64()
            .ok_or_else(|| serde::de::Error::custom(format!("expected a whole number, found {number}")))
    };
    number.map(whole).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_by_value_and_to_the_last_digit() {
        for (a, b) in [
            ("1", "1.0"),
            ("1e3", "1000"),
            ("1E+3", "1000.00"),
            ("-0", "0.0"),
            (".5", "0.5"),
            ("12345678901234567890123", "12345678901234567890123.0"),
            ("1e-2", "0.01"),
            ("0e99999999999", "0"),
        ] {
            assert!(is_same_number(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("12345678901234567", "12345678901234568"),
            ("0.1", "0.10000000000000000001"),
            ("1", "-1"),
            ("1", "10"),
            ("1", "true"),
            ("1e99999999999999999999", "1"),
            ("", "0"),
            (".", "0"),
        ] {
            assert!(!is_same_number(a, b), "{a} {b}");
        }
    }

    #[test]
    fn a_number_has_few_texts_of_its_own() {
        let is_own = |number: &str, text: &str| {
            is_own_text(&serde_json::from_str::<Number>(number).unwrap_or_else(|_| 0.into()), text)
        };
        for (number, text) in [
            ("7", "7"),
            ("1.0", "1"),
            ("1.0", "1.0"),
            ("1e3", "1000"),
            ("1000.0", "1000"),
            ("-1.5", "-1.5"),
            ("0", "0"),
            ("12345678901234567", "12345678901234567"),
        ] {
            assert!(is_own(number, text), "{number} {text}");
        }
        for (number, text) in [
            ("7", "007"),
            ("7", "7e0"),
            ("7", "7.0"),
            ("7", "+7"),
            ("7", " 7"),
            ("1.1", "1.10"),
            ("0.5", ".5"),
            ("1.0", "1.00"),
            ("1.0", "1."),
            ("12345678901234567", "12345678901234568"),
            ("1", "true"),
            ("1", ""),
        ] {
            assert!(!is_own(number, text), "{number} {text}");
        }
    }
}
