//! Placeholders for what differs from run to run: paths, ports, ids, times. The same id gets the same number for as
//! long as its sandbox lives.

use std::path::Path;

/// The ids seen so far.
#[derive(Debug, Default)]
pub(super) struct Mask {
    ids: Vec<String>,
}

impl Mask {
    pub(super) fn apply(&mut self, text: &str, folder: &Path, url: Option<&str>) -> String {
        let mut text = text.replace(folder.to_str().unwrap(), "$FOLDER");
        if let Some(url) = url {
            text = text.replace(url, "$PLATFORM");
        }
        let mut masked = String::new();
        let mut word = String::new();
        for c in text.chars().chain(['\0']) {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '_') {
                word.push(c);
                continue;
            }
            // What ends a word does not belong to it.
            let end = word.trim_end_matches(['.', ':', '-']).len();
            let tail = word.split_off(end);
            masked.push_str(&self.word(&word));
            masked.push_str(&tail);
            word.clear();
            if c != '\0' {
                masked.push(c);
            }
        }
        masked.lines().fold(String::new(), |all, line| all + &durations(line) + "\n")
    }

    fn word(&mut self, word: &str) -> String {
        if is_timestamp(word) {
            return "$TIME".to_owned();
        }
        if is_epoch(word) {
            return "$EPOCH".to_owned();
        }
        if word.contains(['.', ':', '_']) {
            // `a.b` or `key:id`: each part by itself.
            let mut parts = String::new();
            let mut part = String::new();
            for c in word.chars().chain(['\0']) {
                if matches!(c, '.' | ':' | '_' | '\0') {
                    parts.push_str(&self.id(&part));
                    part.clear();
                    if c != '\0' {
                        parts.push(c);
                    }
                } else {
                    part.push(c);
                }
            }
            return parts;
        }
        self.id(word)
    }

    fn id(&mut self, word: &str) -> String {
        // Short forms of an id that was shown in full before.
        if word.len() == 8
            && let Some(number) = self.ids.iter().position(|id| id.starts_with(word))
        {
            return format!("id-{}", number + 1);
        }
        // What the examples and the platform's specs fix stays as it is: it is the same in every run.
        if !is_id(word) || FIXED.contains(&word) {
            return word.to_owned();
        }
        let number = self.ids.iter().position(|id| id == word).unwrap_or_else(|| {
            self.ids.push(word.to_owned());
            self.ids.len() - 1
        });
        format!("id-{}", number + 1)
    }
}

const FIXED: &[&str] = &[
    "0a27232b-2c6e-4396-b8c6-c9fc24e37ba4",
    "2526ee57-0af4-46ea-a477-720a53108145",
    "6360f136-5980-4111-8bdf-15d29eab3b5a",
    "c604ff05-7f1a-43c0-8e18-33bf874cb11c",
    "6499120c-0b15-42dc-936e-847ea3c24d72",
    "624bf42e16519d19496e3f67",
    "66f0c1d2a3b4c5d6e7f80912",
    "995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4",
    "7c1e9a0b4d3f5268e7a9b0c1d2e3f4a5968778695a4b3c2d",
    "0123456789ABCDEF01234567",
];

fn is_id(word: &str) -> bool {
    // A UUID; an etag, which is a UUID in quotes; a longer run of hexadecimal digits (ids, fingerprints, lineages).
    let hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    let uuid = word.len() == 36 && word.matches('-').count() == 4 && hex(&word.replace('-', ""));
    uuid || word.len() >= 12 && hex(word) && word.chars().any(|c| c.is_ascii_digit())
}

fn is_timestamp(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() >= 20 && bytes[4] == b'-' && bytes[10] == b'T' && word.ends_with('Z')
}

fn is_epoch(word: &str) -> bool {
    matches!(word.len(), 10 | 13) && word.starts_with('1') && word.chars().all(|c| c.is_ascii_digit())
}

/// `12 ms`, `0.3 s`, `in 2s` and the like.
fn durations(line: &str) -> String {
    let mut masked = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        masked.push_str(before);
        let digits = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
        let (digits, after) = number.split_at(digits);
        let unit = after.trim_start_matches(' ');
        let letters = unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len());
        let starts_word = !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '"'));
        if starts_word && matches!(&unit[..letters], "s" | "ms") && after.len() - unit.len() <= 1 {
            masked.push_str("$DURATION");
            rest = &unit[letters..];
        } else {
            masked.push_str(digits);
            rest = after;
        }
    }
    masked + rest
}

#[test]
fn what_differs_from_run_to_run_gets_a_placeholder() {
    let mut mask = Mask::default();
    let text = "a 70383d02-1111-4222-9333-444455556666 in /tmp/x/m.yaml at http://127.0.0.1:9 took 0.1 s, \
                2026-01-01T00:00:00Z; \"70383d02-1111-4222-9333-444455556666\", a10b2c3d4e5f6, 1760000000, 15 steps";
    assert_eq!(
        mask.apply(text, Path::new("/tmp/x"), Some("http://127.0.0.1:9")),
        "a id-1 in $FOLDER/m.yaml at $PLATFORM took $DURATION, $TIME; \"id-1\", id-2, $EPOCH, 15 steps\n"
    );
}
