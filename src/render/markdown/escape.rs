//! Text from outside within Markdown: nothing of it is markup, a mention, a reference or a link, nothing ends what it stands
//! in. GitHub and GitLab look for mentions and references everywhere but in code, also behind HTML entities: so all that
//! is not plain words stands in code.

use std::fmt::Write;

/// How long a text is to GitHub, which says 65,536 characters: in UTF-16 units, of which there are never fewer.
pub(super) fn size(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text of at most `longest` characters; what is left out is counted.
pub(super) fn cut(text: &str, longest: usize) -> String {
    let count = text.chars().count();
    if count <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest).collect();
    format!("{kept}… ({count} characters)")
}

/// Longest name of an object, a field or a pipeline, in characters.
const LONGEST_NAME: usize = 160;
/// How much of the end of a longer one is kept: there stands what tells an address from others.
const NAME_END: usize = 48;

/// A name, the middle of a long one left out.
pub(super) fn name(text: &str) -> String {
    let count = text.chars().count();
    if count <= LONGEST_NAME {
        return text.to_owned();
    }
    let head: String = text.chars().take(LONGEST_NAME - NAME_END).collect();
    let tail: String = text.chars().skip(count - NAME_END).collect();
    format!("{head} … {tail}")
}

/// Code within a line of Markdown, also in a table.
pub(super) fn code(text: &str) -> String {
    // In these a code span would end, split a table's cell, or lose something.
    let plain = !text.is_empty() && text.trim() == text && !text.contains(['`', '|', '\\']);
    if plain {
        return format!("`{text}`");
    }
    in_code(text, |c| c.is_ascii_punctuation() && !matches!(c, '-' | ','))
}

/// Code within a block of HTML, which knows no Markdown.
pub(super) fn html_code(text: &str) -> String {
    in_code(text, |c| matches!(c, '&' | '<' | '>' | '"' | '\''))
}

fn in_code(text: &str, entity: fn(char) -> bool) -> String {
    let mut safe = "<code>".to_owned();
    for char in text.chars() {
        if entity(char) {
            let _ = write!(safe, "&#{};", u32::from(char));
        } else {
            safe.push(char);
        }
    }
    safe.push_str("</code>");
    safe
}

/// A sentence: its words as they are, all else as code in the form of `code`.
pub(super) fn prose(text: &str, code: fn(&str) -> String) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut apart = true;
    // Every other part is what our own sentences quote.
    for (index, part) in text.split('`').enumerate() {
        let quoted = index % 2 == 1 && !part.is_empty();
        let pieces: Vec<String> = if quoted {
            vec![code(part)]
        } else {
            part.split_whitespace().map(|word| self::word(word, code)).collect()
        };
        apart |= !quoted && part.starts_with(' ');
        for piece in pieces {
            match words.last_mut() {
                Some(last) if !apart => last.push_str(&piece),
                _ => words.push(piece),
            }
            apart = !quoted;
        }
        apart = !quoted && part.ends_with(' ');
    }
    words.join(" ")
}

/// A word, with the punctuation around it.
fn word(word: &str, code: fn(&str) -> String) -> String {
    let inner = word.trim_start_matches('(').trim_end_matches([',', '.', ';', ':', ')', '!', '?']);
    let plain = |part: &str| !part.is_empty() && part.chars().all(char::is_alphabetic);
    let number = inner.chars().all(|c| c.is_ascii_digit());
    if matches!(word, "→" | "-") || number || inner.split(['-', '\'']).all(plain) {
        return word.to_owned();
    }
    let (open, close) = word.split_once(inner).unwrap_or_default();
    format!("{open}{}{close}", code(inner))
}

/// The fence for these lines: longer than any run of its own sign in them.
pub(super) fn fence<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    let longest = lines.map(longest_run).max().unwrap_or_default();
    "`".repeat(longest.saturating_add(1).max(3))
}

fn longest_run(line: &str) -> usize {
    line.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// Text within an HTML comment: nothing in it ends the comment, and other texts become others.
pub(super) fn comment(text: &str) -> String {
    let mut safe = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'@' | b'.' | b'_' => safe.push(char::from(byte)),
            // Two of them in a row are not allowed in a comment.
            b'-' if !safe.ends_with('-') => safe.push('-'),
            other => {
                let _ = write!(safe, "%{other:02X}");
            }
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_the_rest_is_code() {
        let shown = |text: &str| prose(text, code);
        assert_eq!(shown("the manifest changed (drift): now."), "the manifest changed (drift): now.");
        assert_eq!(shown("follows a-b.mapping, too"), "follows `a-b.mapping`, too");
        assert_eq!(shown("take it with `--adopt x.y`, or not"), "take it with `--adopt x.y`, or not");
        assert_eq!(
            shown("ask @octocat (#12), !5; GH-7 o/r#1"),
            "ask `@octocat` (`#12`), `!5`; `GH-7` `o/r#1`"
        );
        assert_eq!(shown("![i](https://x) <b> **b** &amp;"), "`![i](https://x`) `<b>` `**b**` `&amp`;");
        assert_eq!(shown("see (`a b`): c"), "see (`a b`): c");
    }

    #[test]
    fn code_is_literal() {
        assert_eq!(code("a.b"), "`a.b`");
        assert_eq!(code("a|`b"), "<code>a&#124;&#96;b</code>");
        assert_eq!(code(""), "<code></code>");
        assert_eq!(code(" a"), "<code> a</code>");
        assert_eq!(html_code("</code>@x"), "<code>&#60;/code&#62;@x</code>");
        assert_eq!(code("|www.x.y"), "<code>&#124;www&#46;x&#46;y</code>");
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        let long = format!("{}.dataflow", "x".repeat(500));
        let shown = name(&long);
        assert!(shown.starts_with("xxx") && shown.ends_with("xxx.dataflow") && shown.chars().count() == 163);
        assert_eq!(name("a.dataflow"), "a.dataflow");
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fence(["a", "b"].into_iter()), "```");
        assert_eq!(fence(["``` x", "a ````` b"].into_iter()), "``````");
    }

    #[test]
    fn a_comment_is_not_ended() {
        assert_eq!(comment("a-b@Org"), "a-b@Org");
        assert_eq!(comment("x --> y"), "x%20-%2D%3E%20y");
    }
}
