//! Secrets that a text itself gives away: passwords in URLs and connection strings, tokens of known forms, private keys.
//! They are refused in a manifest, and masked in text that others wrote. Knows no value that this process uses.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::MASK;
use super::names::is_secret_name;

/// The forms, each with what it is in words and how it is found; group `secret` is what must not be seen.
static FORMS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let forms = [
        (
            "a private key",
            r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----(?<secret>.*?)(-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|\z)",
        ),
        ("a URL with a password", r#"(?i)\b[a-z][a-z0-9+.-]*://[^\s/?#@:"'<>]*:(?<secret>[^\s/?#"'<>{}]+)@"#),
        ("a token", r"\b(?<secret>eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(\.[A-Za-z0-9_-]*)*)"),
        (
            "a token",
            r"\b(?<secret>(gh[opsur]_|github_pat_|glpat-|xox[abeprs]-|[sr]k_(live|test)_|shp(at|ss|ca|pa)_|hv[sb]\.|dop_v1_|npm_|AIza|SG\.|p8e-)[A-Za-z0-9_.-]{12,})",
        ),
        (
            "an authorization",
            r"(?i)\b(?<scheme>bearer|basic|apikey|token)[ \t]+(?<secret>[A-Za-z0-9._~+/-]{8,}=*)",
        ),
        (
            "a value under a secret's name",
            r#"(?i)["']?(?<name>\b[a-z][a-z0-9_. -]*[a-z0-9]|\b[a-z])["']?(?<sign>[ \t]*=[ \t]*)(?<secret>\{[^}]*\}|"[^"]*"|'[^']*'|[^\s;,&"'<>{}]+)"#,
        ),
        (
            "a value under a secret's name",
            r#"(?i)["']?(?<name>\b[a-z][a-z0-9_. -]*[a-z0-9]|\b[a-z])["']?(?<sign>[ \t]*:[ \t]*)(?<secret>"[^"]*"|'[^']*'|[^\s;,&"'<>{}/\[][^\s;,&"'<>{}]*)"#,
        ),
    ];
    forms.iter().filter_map(|(what, form)| Some((*what, Regex::new(form).ok()?))).collect()
});

/// What a person would not write as a word: a text with digits, or with letters of both cases inside.
fn is_odd(text: &str) -> bool {
    let inner = text.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    inner.contains(|c: char| c.is_ascii_digit())
        || inner.chars().skip(1).any(|c| c.is_ascii_uppercase())
            && inner.contains(|c: char| c.is_ascii_lowercase())
}

/// Whether a text stands for what somebody else fills in: `{token}`, `$TOKEN`.
fn is_placeholder(text: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '.' | '{' | '}' | '(' | ')');
    let is_variable = |c: char| is_name(c) && !c.is_ascii_lowercase() || c.is_ascii_digit();
    text.strip_prefix('{').is_some_and(|inner| inner.chars().all(is_name))
        || text.strip_prefix('$').is_some_and(|name| name.chars().all(is_variable))
}

/// Whether a find is a secret: of a name and a value, the name decides; prose such as `token: expired` is none.
fn is_meant(found: &Captures<'_>, in_manifest: bool) -> bool {
    let group = |name: &str| found.name(name).map_or("", |group| group.as_str());
    let secret = group("secret").trim_matches(['"', '\'']);
    if secret.is_empty() || secret == MASK || (in_manifest && is_placeholder(secret)) {
        return false;
    }
    match found.name("name") {
        // Of an authorization the scheme stands before it.
        None if found.name("scheme").is_some() => is_odd(secret),
        None => true,
        Some(name) => {
            let name = name.as_str().rsplit(' ').next().unwrap_or_default();
            let is_plain = !group("secret").starts_with(['"', '\'']);
            let is_equation = if in_manifest { group("sign") == "=" } else { group("sign").contains('=') };
            let is_value = is_equation || !in_manifest && (!is_plain || is_odd(secret));
            is_secret_name(name) && is_value
        }
    }
}

/// What secret stands in a manifest's text, in words that do not repeat it.
pub fn literal_secret(text: &str) -> Option<&'static str> {
    let is_found = |form: &Regex| form.captures_iter(text).any(|found| is_meant(&found, true));
    FORMS.iter().find(|(_, form)| is_found(form)).map(|(what, _)| *what)
}

/// `text`, which others wrote, with every secret masked that it gives away.
pub fn without_literals(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for (_, form) in FORMS.iter() {
        if !form.captures_iter(&text).any(|found| is_meant(&found, false)) {
            continue;
        }
        let masked = form.replace_all(&text, |found: &Captures<'_>| {
            let whole = found.get(0).map_or("", |whole| whole.as_str());
            let (Some(secret), true) = (found.name("secret"), is_meant(found, false)) else {
                return whole.to_owned();
            };
            let start = secret.start() - found.get(0).map_or(0, |whole| whole.start());
            let (before, behind) = (whole.get(..start), whole.get(start + secret.len()..));
            let quote = secret.as_str().get(..1).filter(|c| matches!(*c, "\"" | "'")).unwrap_or_default();
            format!("{}{quote}{MASK}{quote}{}", before.unwrap_or_default(), behind.unwrap_or_default())
        });
        text = Cow::Owned(masked.into_owned());
    }
    text
}

/// Longer names and paths are not written by hand.
const LONGEST_WRITTEN: usize = 255;

/// Whether what stands where a variable's name, a path or a word of a command belongs is rather the secret itself.
pub fn looks_like_secret(text: &str) -> bool {
    let changes = |word: &str| {
        let bytes = word.as_bytes();
        bytes.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count()
    };
    // Letters and digits in turns are no words; a path's and a name's parts are short.
    let is_noise = |word: &str| word.len() >= 20 && changes(word) >= 5;
    let is_path = text.starts_with(['/', '~', '.']);
    text.len() > LONGEST_WRITTEN
        || text.contains(['\n', '\r'])
        || text.contains("-----BEGIN")
        || literal_secret(text).is_some()
        || (!is_path && text.split(|c: char| !c.is_ascii_alphanumeric()).any(is_noise))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

    #[test]
    fn what_a_text_gives_away_is_found_and_masked() {
        for (text, secret) in [
            ("https://acme:hunter2@h.test/x", "hunter2"),
            ("postgres://u:p%40ss@db:5432/x", "p%40ss"),
            ("amqp://:only-a-password@mq", "only-a-password"),
            ("Server=db;User Id=u;Password=hunter two;", "hunter"),
            ("Server=db;Pwd=hunter2", "hunter2"),
            ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Zm9vYmFy==;", "Zm9vYmFy=="),
            ("https://h.test/c?sv=2020&sig=aGVsbG8%3D", "aGVsbG8%3D"),
            ("https://h.test/?api_key=k3y-value", "k3y-value"),
            (JWT, JWT),
            ("Authorization: Bearer abc123def456", "abc123def456"),
            ("Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
            ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42F292c6912E7710c838347Ae178B4a"),
            ("-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----", "MIIabc"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\\nMIIabc", "MIIabc"),
        ] {
            assert!(literal_secret(text).is_some(), "{text}");
            let masked = without_literals(text);
            assert!(masked.contains(MASK) && !masked.contains(secret), "{masked}");
        }
        let json = without_literals(r#"{"clientSecret": "hush", "name": "n"}"#);
        assert_eq!(json, format!(r#"{{"clientSecret": "{MASK}", "name": "n"}}"#));
    }

    #[test]
    fn prose_and_addresses_give_nothing_away() {
        for text in [
            "https://acme.zendesk.com:443/api",
            "https://acme@h.test/x",
            "https://{user}:{password}@h.test",
            "the token: expired",
            "Basic authentication failed",
            "a bearer token is needed",
            "Server=db;Database=shop;User Id=u",
            "jdbc:mysql://db:3306/shop",
            "/acme/customers/2024-01-01.csv",
            "name=value",
            "-----BEGIN CERTIFICATE-----\nMIIabc\n-----END CERTIFICATE-----",
            "urn:x:y",
            "",
        ] {
            assert_eq!(literal_secret(text), None, "{text}");
            assert_eq!(without_literals(text), text);
        }
        for text in ["token={token}", "--token=$TOKEN", "https://h.test/?api_key=${API_KEY}"] {
            assert_eq!(literal_secret(text), None, "{text}");
        }
    }

    #[test]
    fn a_pasted_secret_is_no_name_and_no_path() {
        for text in
            [JWT, "a\nb", "-----BEGIN RSA PRIVATE KEY-----", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"]
        {
            assert!(looks_like_secret(text), "{text}");
        }
        assert!(looks_like_secret(&"x".repeat(300)));
        assert!(looks_like_secret("a3f5b9c1d7e2a3f5b9c1d7e2"));
        for text in [
            "ZENDESK_ACCESS_TOKEN_2",
            "MyCompanyZendeskToken2",
            "~/.secrets/zendesk-v2.txt",
            "/run/secrets/x",
        ] {
            assert!(!looks_like_secret(text), "{text}");
        }
    }
}
