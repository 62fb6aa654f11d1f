//! The files of a manifest: finding and reading them, lines and columns, and what a diagnostic may show of a line.
//!
//! A source line is shown with every value masked that the grammar does not know to be harmless, so that a secret
//! written in the wrong place is not repeated in a log. Parses no YAML.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::Position;
use super::diagnostic::{At, Place, Raw, Report, Snippet};
use crate::kind::{Code, Kind};
use crate::secret::MASK;

/// What some editors put at the beginning of a UTF-8 file.
pub(super) const MARK: char = '\u{feff}';

/// The name of what came from stdin.
pub(super) const STDIN: &str = "<stdin>";

/// Larger files are refused.
const LARGEST: u64 = 10 * 1024 * 1024;

/// How much of a file that is not read is looked at.
const HEAD: u64 = 64 * 1024;

/// How much of a line is shown before the place, and from its start on, in characters.
const BEFORE: usize = 100;
const BEHIND: usize = 240;

/// One file.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) file: PathBuf,
    pub(super) text: String,
    /// Whether the file begins with a byte order mark, which is no part of the text.
    pub(super) has_mark: bool,
    /// Byte offset of each line's start.
    lines: Vec<usize>,
    /// Documents that could not be parsed: of their lines only values of plain keys are shown.
    pub(super) unparsed: Vec<Range<usize>>,
    /// Values not to be shown, in order once [`Source::hide`] was called.
    hidden: Vec<Range<usize>>,
}

impl Source {
    pub(super) fn new(file: PathBuf, text: String) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter_map(|(at, byte)| match byte {
            b'\n' => Some(at + 1),
            b'\r' if bytes.get(at + 1) != Some(&b'\n') => Some(at + 1),
            _ => None,
        });
        let lines = std::iter::once(0).chain(ends).collect();
        Self { file, text, has_mark: false, lines, unparsed: Vec::new(), hidden: Vec::new() }
    }

    /// Values that no snippet shows.
    pub(super) fn hide(&mut self, mut hidden: Vec<Range<usize>>) {
        hidden.retain(|range| !range.is_empty());
        hidden.sort_by_key(|range| range.start);
        self.hidden = hidden;
    }

    /// Where the byte at this offset is.
    pub(super) fn position(&self, offset: usize) -> Position {
        let (line, column) = self.line_and_column(offset);
        Position { file: self.file.clone(), line, column }
    }

    fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|l| self.lines.get(l)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        (line.max(1), before.chars().count() + 1)
    }

    /// The place without its line.
    pub(super) fn spot(&self, at: At) -> Place {
        let start = floor(&self.text, at.start);
        let position = self.position(start);
        let (end_line, end_column) =
            self.line_and_column(self.end_on_line(at, start, self.line(position.line).end));
        Place { position, end_line, end_column, snippet: None }
    }

    /// The bytes of a line, without what ends it.
    fn line(&self, number: usize) -> Range<usize> {
        let start = self.lines.get(number - 1).copied().unwrap_or(0);
        let end = self.lines.get(number).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r']);
        start..start + line.len()
    }

    /// Where a place ends: what spans several lines is underlined on its first.
    fn end_on_line(&self, at: At, start: usize, line_end: usize) -> usize {
        floor(&self.text, at.end).clamp(start, line_end.max(start))
    }

    /// The place with its line; `plain` are the keys whose values may be shown where nothing could be parsed.
    pub(super) fn place(&self, at: At, plain: &HashSet<&str>) -> Place {
        let mut place = self.spot(at);
        let start = floor(&self.text, at.start);
        let line = self.line(place.position.line);
        let end = self.end_on_line(at, start, line.end);
        let is_blank = self.text.get(line.clone()).unwrap_or_default().trim().is_empty();
        place.snippet = (!is_blank && start <= line.end).then(|| self.snippet(line, start..end, plain));
        place
    }

    fn snippet(&self, line: Range<usize>, span: Range<usize>, plain: &HashSet<&str>) -> Snippet {
        let text = &self.text;
        let before = text.get(line.start..span.start).unwrap_or_default();
        let from =
            before.char_indices().rev().take(BEFORE).last().map_or(span.start, |(i, _)| line.start + i);
        let behind = text.get(span.start..line.end).unwrap_or_default();
        let to = behind.char_indices().nth(BEHIND).map_or(line.end, |(i, _)| span.start + i);
        // A comment behind the place is not shown: it may keep a former value.
        let rest = text.get(span.end..to).unwrap_or_default();
        let to = rest.find(" #").or_else(|| rest.find("\t#")).map_or(to, |i| span.end + i);

        let masks: Vec<Range<usize>> = if self.unparsed.iter().any(|r| r.contains(&span.start)) {
            doubtful_values(text.get(from..to).unwrap_or_default(), from, from > line.start, plain)
        } else {
            let first = self.hidden.partition_point(|r| r.end <= line.start);
            self.hidden.iter().skip(first).take_while(|r| r.start < line.end).cloned().collect()
        };

        let mut out = String::new();
        let mut shown = Shown { start: None, end: None };
        if from > line.start {
            out.push('…');
        }
        let mut at = from;
        for mask in masks {
            let (start, end) = (mask.start.max(at), mask.end.min(to));
            if start >= end {
                continue;
            }
            let blank = text.get(start..end).unwrap_or_default();
            if blank.trim().is_empty() {
                continue;
            }
            let start = start + (blank.len() - blank.trim_start().len());
            shown.plain(&out, at..start, &span);
            out.push_str(text.get(at..start).unwrap_or_default());
            shown.masked(&out, start..end, &span);
            out.push_str(MASK);
            at = end;
        }
        shown.plain(&out, at..to + 1, &span);
        out.push_str(text.get(at..to).unwrap_or_default());
        let start = shown.start.unwrap_or(0).min(out.len());
        let end = shown.end.unwrap_or(out.len()).clamp(start, out.len());
        if to < line.end {
            out.push('…');
        }
        Snippet { text: out, span: start..end }.safe()
    }
}

/// Where a span of the source lies in what is shown of it.
struct Shown {
    start: Option<usize>,
    end: Option<usize>,
}

impl Shown {
    /// `piece` of the source is about to be appended to `out` as it is.
    fn plain(&mut self, out: &str, piece: Range<usize>, span: &Range<usize>) {
        if self.start.is_none() && piece.contains(&span.start) {
            self.start = Some(out.len() + span.start - piece.start);
        }
        if self.end.is_none() && (piece.start..=piece.end).contains(&span.end) {
            self.end = Some(out.len() + span.end - piece.start);
        }
    }

    /// `piece` of the source is about to be appended to `out` as a mask.
    fn masked(&mut self, out: &str, piece: Range<usize>, span: &Range<usize>) {
        if self.start.is_none() && piece.contains(&span.start) {
            self.start = Some(out.len());
        }
        if (piece.start + 1..=piece.end).contains(&span.end) {
            self.end = Some(out.len() + MASK.len());
        }
    }
}

/// The character boundary at or before `offset`.
fn floor(text: &str, offset: usize) -> usize {
    text.floor_char_boundary(offset.min(text.len()))
}

/// In a line that was not parsed: all but keys and the values of plain keys. `base` is the line's offset; `is_cut` says
/// that the line begins before.
fn doubtful_values(line: &str, base: usize, is_cut: bool, plain: &HashSet<&str>) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    let mut is_plain = false;
    let mut from = 0;
    let mut hide = |range: Range<usize>, is_plain: bool| {
        let text = line.get(range.clone()).unwrap_or_default();
        let end =
            range.end - (text.len() - text.trim_end_matches([' ', '\t', ',', '{', '[', '}', ']']).len());
        let start = text.len() - text.trim_start_matches([' ', '\t', '-', '{', '[', ':']).len() + range.start;
        if !is_plain && start < end {
            hidden.push(base + start..base + end);
        }
    };
    let mut is_in_list = is_cut;
    for (colon, sign) in line.match_indices([':', '[', '{']) {
        if sign != ":" {
            is_in_list = sign == "[";
            continue;
        }
        let behind = line.get(colon + 1..).unwrap_or_default();
        if !behind.is_empty() && !behind.starts_with([' ', '\t', '"', '\'', '[', '{']) {
            continue;
        }
        let before = line.get(from..colon).unwrap_or_default().trim_end();
        let before = before.strip_suffix(['"', '\'']).unwrap_or(before);
        let word = before.rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).next();
        let Some(word) = word.filter(|w| !w.is_empty()) else { continue };
        let start = from + before.len() - word.len();
        let start = start - usize::from(line.get(from..start).is_some_and(|b| b.ends_with(['"', '\''])));
        // A colon within a value makes no key of it.
        let ahead = line.get(..start).unwrap_or_default().trim_end();
        if !(ahead.is_empty() && !is_cut
            || ahead.ends_with(['-', '{', '?'])
            || (ahead.ends_with(',') && !is_in_list))
        {
            continue;
        }
        hide(from..start, is_plain);
        is_plain = plain.contains(word);
        from = colon + 1;
    }
    hide(from..line.len(), is_plain);
    hidden
}

/// Reads every file that the paths name: files, and folders with all their YAML files, in order, each once. What looks
/// like a manifest in a folder, and is not read, is warned of. What was read already is in `given`.
pub(super) fn read_all(
    paths: &[PathBuf],
    given: &BTreeMap<PathBuf, Vec<u8>>,
    report: &mut Report,
) -> Vec<Source> {
    let mut reader = Reader {
        given,
        report,
        sources: Vec::new(),
        found: 0,
        files: HashSet::new(),
        folders: HashSet::new(),
        unread: Vec::new(),
    };
    for path in paths {
        if path.is_dir() {
            let is_new = path.canonicalize().is_ok_and(|real| !reader.folders.contains(&real));
            let before = (reader.found, reader.sources.len());
            reader.folder(path, false);
            if is_new && (reader.found, reader.sources.len()) == before {
                reader.refuse(
                    Code::NoManifest,
                    path,
                    "there is no *.yaml or *.yml file in this folder",
                    None,
                );
            }
        } else {
            reader.file(path);
        }
    }
    reader.tell_unread();
    reader.sources
}

/// Whether a folder's file of this name is read.
fn has_extension(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"))
}

/// Whether a text begins as a manifest does: with a key of its header, or as JSON, and names our format or a pipeline.
fn looks_like_a_manifest(text: &str) -> bool {
    let text = text.trim_start_matches(MARK);
    let mut lines = text.lines().map(str::trim_end).filter(|line| {
        let line = line.trim_start();
        !(line.is_empty() || line.starts_with('#') || line.starts_with('%') || line.starts_with("---"))
    });
    let Some(first) = lines.next() else { return false };
    let key = |line: &str| {
        let (key, value) = line.split_once(':')?;
        Some((
            key.trim().trim_matches(['"', '\'']).to_owned(),
            value.trim().trim_matches(['"', '\'']).to_owned(),
        ))
    };
    let is_ours = |(key, value): &(String, String)| {
        (key == "apiVersion" && value.to_ascii_lowercase().starts_with("flowform")) || key == "pipeline"
    };
    if first.trim_start().starts_with('{') {
        return text.contains("apiVersion") && text.contains("flowform/");
    }
    let is_key = |line: &&str| !line.starts_with([' ', '\t']);
    let is_header = key(first).is_some_and(|(key, _)| {
        matches!(key.as_str(), "apiVersion" | "pipeline" | "platform")
            || Kind::sections().any(|kind| kind.section() == key)
    });
    is_header && std::iter::once(first).chain(lines).filter(is_key).filter_map(key).any(|said| is_ours(&said))
}

struct Reader<'a> {
    given: &'a BTreeMap<PathBuf, Vec<u8>>,
    report: &'a mut Report,
    sources: Vec<Source>,
    /// How many YAML files the folders hold, also those that were named before.
    found: usize,
    files: HashSet<PathBuf>,
    folders: HashSet<PathBuf>,
    /// Files of the folders that are not read: hidden, or of another extension.
    unread: Vec<PathBuf>,
}

impl Reader<'_> {
    /// An error about a file as a whole.
    fn refuse(&mut self, code: Code, path: &Path, message: impl Into<String>, hint: Option<&str>) {
        let mut raw = Raw::error(code, None, message);
        raw.hint = hint.map(str::to_owned);
        self.about(path, raw);
    }

    /// Reports something about a file as a whole: the file gets a number, so that it has a place.
    fn about(&mut self, path: &Path, mut raw: Raw) {
        raw.at = Some(At { file: self.sources.len(), start: 0, end: 0 });
        let mut source = Source::new(path.to_owned(), String::new());
        source.unparsed.push(0..usize::MAX);
        self.sources.push(source);
        self.report.push(raw);
    }

    /// Reads a folder; of a hidden one (`within_hidden`) nothing is read, and what looks like a manifest is noted.
    fn folder(&mut self, path: &Path, within_hidden: bool) {
        // A folder linked into itself is visited once.
        let is_new = match path.canonicalize() {
            Ok(real) if within_hidden => !self.folders.contains(&real),
            Ok(real) => self.folders.insert(real),
            Err(_) if within_hidden => false,
            Err(error) => return self.unreadable(path, &error),
        };
        if !is_new {
            return;
        }
        let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(_) if within_hidden => return,
            Err(error) => return self.unreadable(path, &error),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let is_hidden = within_hidden || entry.file_name().to_string_lossy().starts_with('.');
            // Named as a person would: not from `./`.
            let path = if path == Path::new(".") { entry.file_name().into() } else { entry.path() };
            if path.is_dir() {
                // Hidden folders are looked into one level deep: below them lie caches, and the history of a repository.
                if !is_hidden {
                    self.folder(&path, false);
                } else if !within_hidden {
                    self.folder(&path, true);
                }
            } else if is_hidden || !has_extension(&path) {
                self.unread.push(path);
            } else if path.is_file() || !path.exists() {
                self.found += 1;
                self.file(&path);
            } else {
                self.found += 1;
                self.refuse(Code::Unreadable, &path, "this is neither a file nor a folder", None);
            }
        }
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        self.refuse(Code::Unreadable, path, format!("the folder cannot be read: {error}"), None);
    }

    /// Warns of files that are not read and look like manifests.
    fn tell_unread(&mut self) {
        for path in std::mem::take(&mut self.unread) {
            let is_read = path.canonicalize().is_ok_and(|real| self.files.contains(&real));
            if is_read || !path.is_file() {
                continue;
            }
            let mut bytes = Vec::new();
            let head = File::open(&path).and_then(|file| file.take(HEAD).read_to_end(&mut bytes));
            if head.is_ok() && looks_like_a_manifest(&String::from_utf8_lossy(&bytes)) {
                let message = "this file looks like a manifest and is not read";
                let hint = "of a folder, files that end in .yaml or .yml and are not hidden are read: rename it, name the \
                            file itself too, or move it elsewhere";
                self.about(&path, Raw::warning(Code::UnreadManifest, None, message).hint(hint));
            }
        }
    }

    fn file(&mut self, path: &Path) {
        if path.canonicalize().is_ok_and(|real| !self.files.insert(real)) {
            return;
        }
        let given = self.given.get(path);
        let path = if path == Path::new("-") && given.is_some() { Path::new(STDIN) } else { path };
        let mut bytes = Vec::new();
        let read = match given {
            Some(given) => given.take(LARGEST + 1).read_to_end(&mut bytes),
            None => File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)),
        };
        if let Err(error) = read {
            return self.refuse(Code::Unreadable, path, format!("the file cannot be read: {error}"), None);
        }
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST {
            return self.refuse(
                Code::TooLarge,
                path,
                "the file is larger than 10 MB",
                Some("split it into several files"),
            );
        }
        match String::from_utf8(bytes) {
            Ok(mut text) => {
                let has_mark = text.starts_with(MARK);
                if has_mark {
                    text.drain(..MARK.len_utf8());
                }
                self.sources.push(Source { has_mark, ..Source::new(path.to_owned(), text) });
            }
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
                let hint = if utf16 { "it looks like UTF-16: save it as UTF-8" } else { "save it as UTF-8" };
                // Only the line and column of the place are of use, so the text ends there.
                let text = String::from_utf8_lossy(bytes.get(..at).unwrap_or_default()).into_owned();
                let file = self.sources.len();
                let mut source = Source::new(path.to_owned(), text);
                source.unparsed.push(0..usize::MAX);
                self.sources.push(source);
                self.report.push(
                    Raw::error(Code::NotUtf8, At { file, start: at, end: at }, "the file is not UTF-8")
                        .hint(hint),
                );
            }
        }
    }
}
