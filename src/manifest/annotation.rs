//! GitHub's workflow commands: one line on stdout that GitHub shows at a line of a file.
//! Owns their escaping; what is worth a line is for others to say.

use super::diagnostic::{Place, safe};

/// How GitHub marks a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// One command, its line ended. Without a place GitHub shows it with the run instead of at a file.
pub(crate) fn annotation(level: Level, title: &str, place: Option<&Place>, message: &str) -> String {
    let mut properties = String::new();
    if let Some(place) = place {
        let (line, column) = (place.position.line, place.position.column);
        let (end_line, end_column) = (place.end_line, place.end_column);
        properties = format!(
            "file={},line={line},col={column},endLine={end_line},endColumn={end_column},",
            property(&file_name(place))
        );
    }
    format!(
        "::{} {properties}title={}::{}\n",
        level.word(),
        property(&safe(title).replace('\n', "\\n")),
        data(&safe(message))
    )
}

/// The file as a terminal can show it.
pub(super) fn file_name(place: &Place) -> String {
    safe(&place.position.file.to_string_lossy()).replace('\n', "\\n")
}

/// The text of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::manifest::Position;

    #[test]
    fn nothing_ends_a_command_or_begins_another() {
        let position = Position { file: PathBuf::from("a,b:c\n::error::x%.yaml"), line: 2, column: 3 };
        let place = Place { position, end_line: 2, end_column: 5, snippet: None };
        let line = annotation(Level::Notice, "t,:\r\n", Some(&place), "100%\r\n::error::no\u{1b}[1m");
        assert_eq!(
            line,
            "::notice file=a%2Cb%3Ac\\n%3A%3Aerror%3A%3Ax%25.yaml,line=2,col=3,endLine=2,endColumn=5,\
             title=t%2C%3A\\u{d}\\n::100%25\\u{d}%0A::error::no\\u{1b}[1m\n"
        );
    }
}
