//! Tables on a terminal: columns as wide as what stands in them, the less important ones left out where there is no room.
//! What the rows say is their callers'.

use unicode_segmentation::UnicodeSegmentation;

use super::page::{Page, Part, Tone, columns};
use super::value::sanitize;

/// A column of a table.
pub(super) struct Column {
    pub(super) title: &'static str,
    /// Numbers stand on the right.
    pub(super) right: bool,
    /// Which columns are left out first where the width does not hold all; those without a number never.
    pub(super) drop: Option<u8>,
}

/// A row of a table.
pub(super) struct Row {
    pub(super) cells: Vec<Part>,
    /// Lines below it.
    pub(super) below: Vec<String>,
}

/// Spaces between columns.
pub(super) const BETWEEN: usize = 2;

/// Writes a table, without the columns that its width does not hold.
pub(super) fn table(page: &mut Page<'_>, all: &[Column], rows: &[Row]) {
    let width = |index: usize| {
        let cells = rows.iter().filter_map(|row| row.cells.get(index)).map(|(_, text)| columns(text));
        cells.chain(all.get(index).map(|column| columns(column.title))).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..all.len()).map(width).collect();
    let mut kept: Vec<(usize, &Column, usize)> =
        all.iter().zip(&widths).enumerate().map(|(index, (column, width))| (index, column, *width)).collect();
    while !page.style.whole
        && kept.iter().map(|(_, _, width)| width + BETWEEN).sum::<usize>() > page.style.width + BETWEEN
    {
        let first = kept.iter().filter_map(|(index, column, _)| Some((column.drop?, *index))).min();
        let Some((_, first)) = first else { break };
        kept.retain(|(index, _, _)| *index != first);
    }
    let line = |page: &mut Page<'_>, cell: &dyn Fn(usize) -> Part| {
        let mut parts: Vec<Part> = Vec::new();
        for (index, column, width) in &kept {
            let (tone, text) = cell(*index);
            let space = " ".repeat(width.saturating_sub(columns(&text)));
            let (before, after) = if column.right { (space, String::new()) } else { (String::new(), space) };
            parts.extend([(Tone::Plain, before), (tone, text), (Tone::Plain, after + &" ".repeat(BETWEEN))]);
        }
        page.line(0, &parts);
    };
    line(page, &|index| (Tone::Quiet, all.get(index).map(|c| c.title.to_owned()).unwrap_or_default()));
    for row in rows {
        line(page, &|index| row.cells.get(index).cloned().unwrap_or((Tone::Plain, String::new())));
        for text in &row.below {
            page.wrapped(4, 2, Tone::Plain, text);
        }
    }
}

/// Text as it is.
pub(super) fn plain(text: String) -> Part {
    (Tone::Plain, text)
}

/// Text that is looked for.
pub(super) fn strong(text: String) -> Part {
    (Tone::Strong, text)
}

/// What stands in a cell without a value.
pub(super) fn nothing() -> String {
    "-".to_owned()
}

/// A text that a terminal shows as it is, of at most so many columns. Neither a character is cut, nor what stands for one.
pub(super) fn cut(text: &str, most: usize) -> String {
    let safe = sanitize(text);
    if columns(&safe) <= most {
        return safe.into_owned();
    }
    let mut kept = String::new();
    for grapheme in text.graphemes(true) {
        let next = format!("{kept}{}", sanitize(grapheme));
        if columns(&next) >= most {
            break;
        }
        kept = next;
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_leaves_characters_whole() {
        for (text, most, cut_to) in [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abcde…"),
            ("日本語テキスト", 6, "日本…"),
            ("日本語", 6, "日本語"),
            ("e\u{301}e\u{301}e\u{301}e\u{301}", 3, "e\u{301}e\u{301}…"),
            ("ab👨‍👩‍👧‍👦cd", 4, "ab…"),
            ("ab👨‍👩‍👧‍👦cd", 5, "ab👨‍👩‍👧‍👦…"),
            ("🇩🇪🇩🇪🇩🇪", 4, "🇩🇪…"),
            ("ab\u{1b}[31mred", 9, "ab\\u{1b}…"),
            ("ab\u{1b}[31mred", 8, "ab…"),
        ] {
            let shown = cut(text, most);
            assert_eq!(shown, cut_to);
            assert!(columns(&shown) <= most, "{shown}");
        }
    }
}
