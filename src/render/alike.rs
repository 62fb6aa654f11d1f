//! Texts that look the same and are not: which of their characters are spelled out, so that a reader sees the difference.
//!
//! Composed and decomposed letters (NFC, NFD), blanks that do not break, characters of no width, blanks at the end of a
//! line or in a row. What does something to a terminal is spelled out everywhere (`value::sanitize`), here or not.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use unicode_normalization::UnicodeNormalization;

/// What of two or more compared texts is spelled out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spelling {
    characters: BTreeSet<char>,
    /// Blanks beside blanks, or at either end.
    blanks: bool,
}

impl Spelling {
    /// What is spelled out so that no two of these texts look the same, in whole or in a word.
    pub(super) fn of(texts: &[&str]) -> Self {
        let mut spelling = Self::default();
        for (at, one) in texts.iter().enumerate() {
            for other in texts.iter().skip(at + 1).filter(|other| one != *other) {
                spelling.characters.extend(words_alike(one, other));
                spelling.characters.extend(unseen_in_one(one, other));
                spelling.blanks |= collapsed(one) == collapsed(other);
            }
        }
        spelling
    }

    /// What is spelled out so that no two of these names look the same.
    pub(super) fn of_names<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut alike: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for name in names {
            alike.entry(skeleton(name)).or_default().insert(name);
        }
        let several = alike.into_values().filter(|names| names.len() > 1).flatten();
        let characters = several.flat_map(str::chars).filter(|c| !c.is_ascii()).collect();
        Self { characters, blanks: false }
    }

    /// A text of one line.
    pub(super) fn line<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.spell(text, self.blanks, self.blanks)
    }

    /// A line of a text; blanks at its end are seen in any case, and its indentation says for itself.
    pub(super) fn line_of_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.spell(text, false, true)
    }

    /// A line of a structure, whose blanks are ours.
    pub(super) fn characters_of<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.spell(text, false, false)
    }

    fn spell<'t>(&self, text: &'t str, blanks: bool, end: bool) -> Cow<'t, str> {
        let kept = text.trim_end_matches(' ').len();
        let is_odd = |at: usize, char: char, before: Option<char>| {
            let is_blank = char == ' ' && (end && at >= kept || blanks && before.is_none_or(|b| b == ' '));
            is_blank || self.characters.contains(&char)
        };
        let mut spelled = String::new();
        let mut before = None;
        let mut odd = false;
        for (at, char) in text.char_indices() {
            if is_odd(at, char, before) {
                odd = true;
                let _ = write!(spelled, "\\u{{{:x}}}", u32::from(char));
            } else {
                spelled.push(char);
            }
            before = Some(char);
        }
        if odd { Cow::Owned(spelled) } else { Cow::Borrowed(text) }
    }
}

/// Letters of words that only one of two texts has and that look like a word that only the other has.
fn words_alike<'t>(one: &'t str, other: &'t str) -> BTreeSet<char> {
    let (ours, theirs) = (words(one), words(other));
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for word in theirs.difference(&ours) {
        alike.entry(skeleton(word)).or_default().push(word);
    }
    let mut letters = BTreeSet::new();
    for word in ours.difference(&theirs) {
        if let Some(words) = alike.get(&skeleton(word)) {
            let all = words.iter().chain([word]).flat_map(|word| word.chars());
            letters.extend(all.filter(|c| !c.is_ascii()));
        }
    }
    letters
}

/// Words that are not of ASCII alone, which no two can look the same of.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

/// What a text looks like.
fn skeleton(text: &str) -> String {
    text.nfkc().filter(|c| !is_unseen(*c)).collect()
}

/// Characters that cannot be seen, or told from a blank, of which one text has more than the other.
fn unseen_in_one<'t>(one: &'t str, other: &'t str) -> impl Iterator<Item = char> {
    let mut counts: BTreeMap<char, i64> = BTreeMap::new();
    for (text, by) in [(one, 1), (other, -1)] {
        for char in text.chars().filter(|c| is_unseen(*c)) {
            *counts.entry(char).or_default() += by;
        }
    }
    counts.into_iter().filter(|(_, count)| *count != 0).map(|(char, _)| char)
}

fn is_unseen(char: char) -> bool {
    matches!(char,
        '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}'
        | '\u{2800}' | '\u{3000}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A text without what blanks say.
fn collapsed(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(one: &str, other: &str) -> (String, String) {
        let spelling = Spelling::of(&[one, other]);
        (spelling.line(one).into_owned(), spelling.line(other).into_owned())
    }

    #[test]
    fn what_looks_the_same_is_told_apart() {
        for (one, other) in [
            ("Caf\u{e9}", "Cafe\u{301}"),
            ("a caf\u{e9}, open", "the cafe\u{301}; shut"),
            ("\u{212b}ngstrom", "\u{c5}ngstrom"),
            ("\u{d55c}", "\u{1112}\u{1161}\u{11ab}"),
            ("\u{fb01}le", "file"),
            ("a b", "a\u{a0}b"),
            ("a b c", "a\u{202f}b d"),
            ("ab", "a\u{200d}b"),
            ("a\u{200c}b", "a\u{200d}b"),
            ("\u{2764}", "\u{2764}\u{fe0f}"),
            ("a b", "a\u{3000}b"),
            ("a b", "a  b"),
            ("a", "a "),
            (" a", "a"),
        ] {
            let (shown, beside) = both(one, other);
            assert_ne!(shown, beside);
            assert!(shown.contains("\\u{") || beside.contains("\\u{"), "{shown} {beside}");
            assert!(skeleton(&shown) != skeleton(&beside), "{shown} {beside}");
        }
    }

    #[test]
    fn what_is_seen_to_differ_is_left_alone() {
        for (one, other) in [
            ("Caf\u{e9}", "Tee"),
            ("\u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947}", "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}"),
            ("un \u{e9}t\u{e9}\u{a0}: a", "un \u{e9}t\u{e9}\u{a0}: b"),
            ("a  b", "a  c"),
            ("15", "30"),
        ] {
            assert_eq!(both(one, other), (one.to_owned(), other.to_owned()));
        }
    }

    #[test]
    fn blanks_at_the_end_of_a_compared_line_are_seen() {
        let spelling = Spelling::default();
        assert_eq!(spelling.line_of_text("  a  b  "), "  a  b\\u{20}\\u{20}");
        assert_eq!(spelling.line_of_text("a"), "a");
    }

    #[test]
    fn names_that_look_the_same_are_told_apart() {
        let names = ["x.caf\u{e9}", "x.cafe\u{301}", "x.t\u{ea}te"];
        let spelling = Spelling::of_names(names.into_iter());
        assert_eq!(
            names.map(|name| spelling.line(name).into_owned()),
            ["x.caf\\u{e9}", "x.cafe\\u{301}", "x.t\u{ea}te"]
        );
    }
}
