//! Takes the secrets that this process has seen out of any text, in every form that `forms` knows of.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind};
use zeroize::Zeroizing;

use super::forms::{Form, SHORTEST_WITHIN, Widen, forms};
use super::{MASK, Secret, without_literals};

/// Shorter values are not searched for in what we write ourselves, which has foreign text cleaned already.
const SHORTEST_OF_OURS: usize = 6;

/// Takes the secrets this process has seen out of any text. Cheap to clone; clones share what is known.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    secrets: Vec<Zeroizing<String>>,
    forms: Vec<Form>,
    /// Finds the forms, by their number, without regard to case.
    finder: Option<AhoCorasick>,
}

/// Whose text it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Author {
    /// This program, which shows values that are no secrets: a part of a secret may be a word of its.
    Ours,
    /// The platform, a proxy, a command.
    Others,
}

impl Redactor {
    /// Remembers a secret.
    pub fn register(&self, secret: &Secret) {
        let value = secret.expose();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.secrets.iter().any(|known| known.as_str() == value) {
            return;
        }
        known.secrets.push(Zeroizing::new(value.to_owned()));
        known.forms.extend(forms(value));
        let texts = known.forms.iter().map(|form| form.text.as_bytes());
        let finder =
            AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(texts);
        known.finder = finder.ok();
    }

    /// `text`, which this program has written, with every known secret replaced by [`MASK`].
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.masked(text, Author::Ours)
    }

    /// `text`, which others have written, without known secrets and their parts, and without what shows itself to be one.
    pub fn redact_foreign<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.masked(text, Author::Others) {
            Cow::Borrowed(text) => without_literals(text),
            Cow::Owned(text) => Cow::Owned(without_literals(&text).into_owned()),
        }
    }

    fn masked<'a>(&self, text: &'a str, author: Author) -> Cow<'a, str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(finder) = &known.finder else { return Cow::Borrowed(text) };
        let mut hidden: Vec<Range<usize>> = Vec::new();
        for found in finder.find_overlapping_iter(Input::new(text).anchored(Anchored::No)) {
            let Some(form) = known.forms.get(found.pattern().as_usize()) else { continue };
            if is_meant(form, text, found.range(), author) {
                hidden.push(widened(form, text, found.range()));
            }
        }
        if hidden.is_empty() {
            return Cow::Borrowed(text);
        }
        hidden.sort_by_key(|range| range.start);
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for range in hidden {
            if range.start >= at {
                out.push_str(text.get(at..range.start).unwrap_or_default());
                out.push_str(MASK);
            }
            at = at.max(range.end);
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Cow::Owned(out)
    }
}

/// Whether a find is one: a short form has to be a word of its own.
fn is_meant(form: &Form, text: &str, found: Range<usize>, author: Author) -> bool {
    let is_word = || {
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let before = text.get(..found.start).and_then(|before| before.chars().next_back());
        let behind = text.get(found.end..).and_then(|behind| behind.chars().next());
        !joins(before) && !joins(behind)
    };
    match author {
        Author::Others => form.text.len() >= SHORTEST_WITHIN || is_word(),
        Author::Ours if form.whole => form.text.len() >= SHORTEST_OF_OURS,
        // A half or a part may be the beginning of a name, or a word.
        Author::Ours => {
            form.widen == Widen::No
                && form.text.len() >= SHORTEST_WITHIN
                && !form.text.chars().all(char::is_alphabetic)
        }
    }
}

/// A find with what belongs to it before and behind.
fn widened(form: &Form, text: &str, found: Range<usize>) -> Range<usize> {
    let before = text.get(..found.start).unwrap_or_default();
    let behind = text.get(found.end..).unwrap_or_default();
    let alike = |a: char, b: char| a.eq_ignore_ascii_case(&b);
    match form.widen {
        Widen::No => found,
        Widen::Onward => {
            let more = form.rest.chars().zip(behind.chars()).take_while(|(a, b)| alike(*a, *b));
            found.start..found.end + more.map(|(_, c)| c.len_utf8()).sum::<usize>()
        }
        Widen::Back => {
            let more = form.rest.chars().rev().zip(before.chars().rev()).take_while(|(a, b)| alike(*a, *b));
            found.start - more.map(|(_, c)| c.len_utf8()).sum::<usize>()..found.end
        }
        Widen::Encoded => {
            let is_code = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=');
            let back = before.chars().rev().take_while(is_code).count();
            found.start - back..found.end + behind.chars().take_while(is_code).count()
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing(secret: &str) -> Redactor {
        let redactor = Redactor::default();
        redactor.register(&Secret::new(secret));
        redactor
    }

    #[test]
    fn every_form_of_a_known_secret_is_masked() {
        let redactor = knowing("a\"b/c+d e");
        for (text, masked) in [
            ("raw a\"b/c+d e", "raw *"),
            ("raw A\"B/C+D E", "raw *"),
            (r#"{"x":"a\"b/c+d e"}"#, r#"{"x":"*"}"#),
            (r#"{"x":"a\"b\/c+d e"}"#, r#"{"x":"*"}"#),
            (r#"{"x":"a\"b/c\u002bd e"}"#, r#"{"x":"*"}"#),
            ("q=a%22b%2Fc%2Bd%20e", "q=*"),
            ("q=a%22b%2fc%2bd%20e", "q=*"),
            ("q=a%22b%2Fc%2Bd+e", "q=*"),
            ("<b>a&quot;b/c+d e</b>", "<b>*</b>"),
            ("x YSJiL2MrZCBl y", "x * y"),
            ("x YSJiL2MrZCBl== y", "x * y"),
            // `user:` before it.
            ("Basic dXNlcjphImIvYytkIGU=", "Basic *"),
            ("hex 6122622f632b642065", "hex *"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(redactor.redact_foreign(text), masked.replace('*', MASK), "{text}");
        }
        assert_eq!(knowing("pässwört").redact_foreign("PÄSSWÖRT"), MASK);
        assert_eq!(knowing("ab?>ab?>ab").redact_foreign("YWI_PmFiPz5hYg"), MASK);
    }

    #[test]
    fn a_part_of_a_known_secret_is_masked() {
        for (secret, text, masked) in [
            (
                "Server=db;User Id=u;Password=hunter2;",
                "login of u with hunter2 failed",
                "login of u with * failed",
            ),
            ("Server=db;User Id=u;Password=hunter2;", "login with HUNTER2 failed", "login with * failed"),
            ("Server=db;Pwd=p/w+d-x", "x p%2Fw%2Bd-x y", "x * y"),
            ("https://u:hunt%40er2@h.test/", "no hunt@er2, no hunt%40er2", "no *, no *"),
            ("https://h.test/c?sv=1&sig=aGVsbG8%3D", "sig aGVsbG8= is old", "sig * is old"),
            ("Bearer abcdefgh12", "abcdefgh12 is refused", "* is refused"),
            ("admin:hunter2", "hunter2?", "*?"),
            (r#"{"client_email":"a@b","private_key":"line-one-of-key"}"#, "<line-one-of-key>", "<*>"),
            ("0123456789abcdefghij", "key 0123456789abc... is refused", "key *... is refused"),
            ("0123456789abcdefghij", "key ...abcdefghij is refused", "key ...* is refused"),
        ] {
            assert_eq!(knowing(secret).redact_foreign(text), masked.replace('*', MASK), "{text}");
        }
    }

    #[test]
    fn short_values_do_not_corrupt_other_text() {
        assert_eq!(knowing("dev").redact_foreign("sandbox dev"), "sandbox dev");
        assert_eq!(knowing("hush").redact_foreign("hush, hushed: a_hush"), format!("{MASK}, hushed: a_hush"));
        assert_eq!(knowing("hush").redact("hush"), "hush");
        assert_eq!(
            knowing("Password=dataflow").redact("dataflow Password=dataflow"),
            format!("dataflow {MASK}")
        );
    }

    #[test]
    fn secrets_that_overlap_are_masked_together() {
        let redactor = knowing("abcdefgh");
        redactor.register(&Secret::new("efghijkl"));
        assert_eq!(redactor.redact("<abcdefghijkl>"), format!("<{MASK}>"));
    }
}
