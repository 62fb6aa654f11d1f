//! In which forms a secret turns up in text that others write: escaped, encoded, cut off, or only a part of it. Pure.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use super::is_secret_name;

/// Shorter values are not searched for: masking `1` or `dev` wherever it occurs would corrupt ids and names, and protects
/// nothing.
pub(super) const SHORTEST: usize = 4;

/// Shorter values are searched for as whole words alone.
pub(super) const SHORTEST_WITHIN: usize = 8;

/// From this length on, a half of a secret is searched for as well: services quote the beginning of what they refuse.
const SHORTEST_HALVED: usize = 16;

/// Longer texts are searched for as a whole and by their lines, not by their halves.
const LONGEST_HALVED: usize = 4096;

/// How a find is widened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Widen {
    /// Not at all.
    No,
    /// By what follows of the secret.
    Onward,
    /// By what precedes of the secret.
    Back,
    /// To the whole of an encoded text, which may begin and end with something else.
    Encoded,
}

/// A text to search for.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) text: String,
    pub(super) widen: Widen,
    /// The rest of the secret in the direction of `widen`.
    pub(super) rest: String,
    /// Whether it is the whole secret, and not a part that others may use as a word.
    pub(super) whole: bool,
}

/// What of a URL is written as it is (RFC 3986).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// All forms of a secret and of its parts.
pub(super) fn forms(secret: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    encodings(secret, true, &mut forms);
    for part in parts(secret) {
        encodings(&part, false, &mut forms);
    }
    halves(secret, &mut forms);
    forms.retain(|form| form.text.len() >= SHORTEST);
    forms
}

fn encodings(text: &str, whole: bool, forms: &mut Vec<Form>) {
    if text.len() < SHORTEST {
        return;
    }
    let json = Value::from(text).to_string();
    let json = json.get(1..json.len() - 1).unwrap_or_default().to_owned();
    let by_number = json
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\'', "\\u0027")
        .replace('+', "\\u002b")
        .replace('=', "\\u003d");
    let percent = utf8_percent_encode(text, UNRESERVED).to_string();
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let spelled = |before: &str, of: &dyn Fn(u32) -> String, after: &str, all: bool| {
        text.chars().fold(String::new(), |spelled, c| {
            let is_spelled = all || !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
            if is_spelled {
                format!("{spelled}{before}{}{after}", of(c.into()))
            } else {
                format!("{spelled}{c}")
            }
        })
    };
    let decimal = |c: u32| c.to_string();
    let hexadecimal = |c: u32| format!("{c:x}");
    let four_digits = |c: u32| format!("{c:04x}");
    let hex = text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let found = [
        text.to_owned(),
        text.trim().to_owned(),
        // Beyond ASCII, where a search does not see to it.
        text.to_lowercase(),
        text.to_uppercase(),
        json.replace('/', "\\/"),
        json,
        by_number,
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
        percent.replace("%20", "+"),
        utf8_percent_encode(&percent, UNRESERVED).to_string(),
        percent,
        spelled("&#", &decimal, ";", false),
        spelled("&#x", &hexadecimal, ";", false),
        spelled("\\u", &four_digits, "", false),
        spelled("\\u", &four_digits, "", true),
        html.replace('\'', "&#39;"),
        html.replace('\'', "&#x27;"),
        hex,
    ];
    let as_it_is = |text| Form { text, widen: Widen::No, rest: String::new(), whole };
    for text in found {
        if forms.iter().all(|form| form.text != text) {
            forms.push(as_it_is(text));
        }
    }
    // Wherever it stands in what was encoded: `user:password` moves it by some bytes.
    for (before, skipped) in [(0, 0), (1, 2), (2, 3)] {
        let mut bytes = vec![0; before];
        bytes.extend(text.as_bytes());
        let certain = bytes.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            let core = encoded.get(skipped..certain).unwrap_or_default().to_owned();
            if core.len() >= SHORTEST_WITHIN && forms.iter().all(|form| form.text != core) {
                forms.push(Form { text: core, widen: Widen::Encoded, rest: String::new(), whole });
            }
        }
    }
}

/// Its first and its second half, to be widened by what else of it is there.
fn halves(secret: &str, forms: &mut Vec<Form>) {
    if !(SHORTEST_HALVED..=LONGEST_HALVED).contains(&secret.len()) {
        return;
    }
    let (front, back) = secret.split_at(secret.floor_char_boundary(secret.len() / 2));
    for (text, rest, widen) in [(front, back, Widen::Onward), (back, front, Widen::Back)] {
        forms.push(Form { text: text.to_owned(), widen, rest: rest.to_owned(), whole: false });
    }
}

/// The parts of a secret that are secret by themselves: the password of a connection string or a URL, the values of a
/// key in JSON, the lines of a longer text, what follows `Bearer`.
fn parts(secret: &str) -> Vec<String> {
    let mut parts = Vec::new();
    if let Ok(value) = serde_json::from_str::<Value>(secret) {
        members(&value, &mut parts);
    }
    let pairs = secret.split([';', '&', '?', '\n']).filter_map(|pair| pair.split_once('='));
    for (_, value) in pairs.filter(|(name, _)| is_secret_name(name)) {
        let bare = value.trim().trim_matches(['"', '\'', '{', '}']);
        parts.push(bare.to_owned());
        parts.push(percent_decode_str(bare).decode_utf8_lossy().into_owned());
    }
    if let Some((_, rest)) = secret.split_once("://") {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if let Some((_, password)) = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')) {
            parts.push(password.to_owned());
            parts.push(percent_decode_str(password).decode_utf8_lossy().into_owned());
        }
    } else if let Some((_, password)) =
        secret.split_once(':').filter(|_| !secret.contains([' ', '\n', '{', ';']))
    {
        parts.push(password.to_owned());
    }
    if let Some((scheme, token)) = secret.split_once(' ')
        && ["bearer", "basic", "token", "apikey"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
    {
        parts.push(token.trim().to_owned());
    }
    let lines: Vec<&str> = secret.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    if lines.len() > 1 {
        parts
            .extend(lines.iter().filter(|line| line.len() >= SHORTEST_HALVED).map(|line| (*line).to_owned()));
        parts.push(lines.concat());
    }
    // The payload and the signature of a JWT; its header is everybody's.
    if secret.starts_with("eyJ") {
        let tokens = secret.split('.').skip(1).filter(|token| token.len() >= SHORTEST_HALVED);
        parts.extend(tokens.map(str::to_owned));
    }
    parts.retain(|part| part.len() >= SHORTEST && part != secret);
    parts
}

/// The texts in JSON that stand under a secret's name.
fn members(value: &Value, parts: &mut Vec<String>) {
    match value {
        Value::Object(members_) => {
            for (name, value) in members_ {
                match value.as_str().filter(|_| is_secret_name(name)) {
                    Some(text) => {
                        parts.push(text.to_owned());
                        parts.extend(self::parts(text));
                    }
                    None => members(value, parts),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| members(item, parts)),
        _ => {}
    }
}
