//! Runs, and how pipelines stand, as tables on a terminal. What the platform says passes `sanitize`, and none of it is
//! longer than a person would read.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Style;
use super::page::{Page, Part, Tone, columns, parts_columns};
use super::table::{BETWEEN, Column, Row, cut, nothing, plain, strong, table};
use super::value::sanitize;
use crate::kind::{Address, LastOperation, Run, RunError, RunStatus, word};

/// How one pipeline stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its name.
    pub pipeline: String,
    /// The object of it that runs, if it has one.
    pub address: Option<Address>,
    /// That object's state in the platform's word; empty where nothing is said, `None` where the object is not to be seen.
    pub state: Option<String>,
    /// Its objects that are not as the last apply left them, and whether they are gone.
    pub drift: Vec<(Address, bool)>,
    /// Its newest run.
    pub last: Option<Run>,
    /// When it runs next, in epoch seconds, if the schedule tells.
    pub next: Option<i64>,
}

/// Runs of objects, newest first; `more` where older ones were left out. Errors that stand above already are not said
/// again. In no more than `height` lines, if that is given: the head and the summary stay, and the newest runs.
pub fn runs(runs: &[(Address, Run)], more: bool, style: &Style, height: Option<usize>) -> String {
    let whole = page_of(runs, runs.len(), more, true, style);
    let Some(height) = height.filter(|height| lines(&whole, style) > *height) else { return whole };
    let without_bars = page_of(runs, runs.len(), more, false, style);
    if lines(&without_bars, style) <= height {
        return without_bars;
    }
    // The most runs that fit: with one more, a page never gets shorter.
    let (mut fit, mut too_many) = (0, runs.len());
    while too_many - fit > 1 {
        let tried = usize::midpoint(fit, too_many);
        let fits = lines(&page_of(runs, tried, more, false, style), style) <= height;
        *(if fits { &mut fit } else { &mut too_many }) = tried;
    }
    page_of(runs, fit, more, false, style)
}

/// How many lines of a terminal a text takes.
fn lines(text: &str, style: &Style) -> usize {
    let taken = |line: &str| {
        let shown = anstream::adapter::strip_str(line).to_string();
        columns(&shown).div_ceil(style.width.max(1)).max(1)
    };
    text.lines().map(taken).sum()
}

/// The first so many of these runs, and a summary of all.
fn page_of(runs: &[(Address, Run)], shown: usize, more: bool, bars: bool, style: &Style) -> String {
    let mut page = Page::new(style);
    if runs.is_empty() {
        page.line(0, &[(Tone::Plain, "No runs.".to_owned())]);
        return page.finish();
    }
    let mut said = Said::default();
    let rows: Vec<Row> = runs
        .iter()
        .take(shown)
        .map(|(address, run)| {
            let errors = errors(run);
            let again = said.again(address, run, &errors);
            let (tone, words) = status(run);
            Row {
                cells: vec![
                    plain(moment(run.when())),
                    strong(sanitize(&address.pipeline).into_owned()),
                    (tone, if again { format!("{words}, as above") } else { words }),
                    plain(number(run.records_read)),
                    plain(number(run.records_written)),
                    plain(number(run.records_failed)),
                    plain(run.bytes_read.map_or_else(nothing, bytes)),
                    plain(run.bytes_written.map_or_else(nothing, bytes)),
                    plain(run.took().map_or_else(nothing, duration)),
                ],
                below: if again { Vec::new() } else { errors },
            }
        })
        .collect();
    table(&mut page, RUNS, &rows);
    if bars {
        sparklines(&mut page, runs);
    }
    page.gap();
    let mut words = summary(runs);
    if shown < runs.len() {
        let _ = write!(words, " The newest {shown} fit here.");
    }
    page.wrapped(0, 2, Tone::Strong, &words);
    if more {
        page.wrapped(0, 2, Tone::Plain, "There are older ones; --limit shows more.");
    }
    page.finish()
}

/// The errors that a table has said.
#[derive(Default)]
struct Said<'r> {
    last: Vec<String>,
    /// The last ones of each object, by how the run ended.
    of: BTreeMap<(&'r Address, &'static str), Vec<String>>,
}

impl<'r> Said<'r> {
    /// Whether these were the last that were said, or those of the object's run before that ended alike; else they are
    /// said now.
    fn again(&mut self, address: &'r Address, run: &Run, errors: &[String]) -> bool {
        if errors.is_empty() {
            return false;
        }
        let key = (address, run.status.words());
        let again = self.last == errors || self.of.get(&key).is_some_and(|said| said == errors);
        if !again {
            self.last = errors.to_vec();
        }
        self.of.insert(key, errors.to_vec());
        again
    }
}

/// How pipelines stand.
pub fn standings(standings: &[Standing], style: &Style) -> String {
    let mut page = Page::new(style);
    if standings.is_empty() {
        page.line(0, &[(Tone::Plain, "Nothing is managed.".to_owned())]);
        return page.finish();
    }
    let rows: Vec<Row> = standings
        .iter()
        .map(|standing| {
            let sections: Vec<String> = standing
                .drift
                .iter()
                .map(|(address, gone)| format!("{}{}", address.kind, if *gone { " (gone)" } else { "" }))
                .collect();
            Row {
                cells: vec![
                    strong(sanitize(&standing.pipeline).into_owned()),
                    state(standing),
                    match sections.as_slice() {
                        [] => plain("no".to_owned()),
                        sections => (Tone::Change, format!("yes: {}", sections.join(", "))),
                    },
                    plain(standing.last.as_ref().map_or_else(nothing, |run| moment(run.when()))),
                    standing.last.as_ref().map_or_else(|| plain(nothing()), status),
                    plain(standing.next.map_or_else(nothing, |next| moment(next.saturating_mul(1000)))),
                ],
                below: standing
                    .last
                    .as_ref()
                    .filter(|run| run.status.is_bad())
                    .map(errors)
                    .unwrap_or_default(),
            }
        })
        .collect();
    table(&mut page, STANDINGS, &rows);
    page.finish()
}

const RUNS: &[Column] = &[
    Column { title: "START", right: false, drop: None },
    Column { title: "PIPELINE", right: false, drop: None },
    Column { title: "STATUS", right: false, drop: None },
    Column { title: "IN", right: true, drop: None },
    Column { title: "OUT", right: true, drop: None },
    Column { title: "FAILED", right: true, drop: None },
    Column { title: "BYTES IN", right: true, drop: Some(1) },
    Column { title: "BYTES OUT", right: true, drop: Some(0) },
    Column { title: "TOOK", right: true, drop: Some(2) },
];

const STANDINGS: &[Column] = &[
    Column { title: "PIPELINE", right: false, drop: None },
    Column { title: "STATE", right: false, drop: None },
    Column { title: "DRIFT", right: false, drop: None },
    Column { title: "LAST RUN", right: false, drop: None },
    Column { title: "ENDED", right: false, drop: None },
    Column { title: "NEXT RUN", right: false, drop: Some(0) },
];

fn number(count: Option<u64>) -> String {
    count.map_or_else(nothing, |count| count.to_string())
}

fn status(run: &Run) -> Part {
    let tone = match run.status {
        RunStatus::Success => Tone::Add,
        RunStatus::Partial => Tone::Change,
        RunStatus::Failed | RunStatus::Cancelled => Tone::Remove,
        RunStatus::Scheduled | RunStatus::InProgress | RunStatus::Other => Tone::Plain,
    };
    let words = match run.status {
        RunStatus::Other if !run.said.is_empty() => cut(&run.said, 24),
        status => status.words().to_owned(),
    };
    (tone, words)
}

fn state(standing: &Standing) -> Part {
    match (&standing.address, standing.state.as_deref()) {
        (None, _) => plain(nothing()),
        (Some(_), None) => (Tone::Remove, "gone".to_owned()),
        (Some(_), Some("")) => plain("unknown".to_owned()),
        (Some(_), Some(state)) => {
            let tone = if word(state) == "enabled" { Tone::Add } else { Tone::Change };
            (tone, cut(state, 24))
        }
    }
}

/// More errors than these of one run are only counted.
const ERRORS_SHOWN: usize = 4;

/// The errors of a run, a line each, nothing of them dangerous to a terminal.
pub fn errors(run: &Run) -> Vec<String> {
    error_lines(&run.errors)
}

/// How an operation that has not ended well stands, in words, and its errors, a line each; nothing of them is dangerous to a
/// terminal. `None` for one that is settled.
pub fn unsettled(operation: &LastOperation) -> Option<(String, Vec<String>)> {
    match operation {
        LastOperation::Settled => None,
        LastOperation::UnderWay(said) => Some((cut(said, 24), Vec::new())),
        LastOperation::Failed { said, errors } if said.is_empty() => {
            Some(("failed".to_owned(), error_lines(errors)))
        }
        LastOperation::Failed { said, errors } => Some((cut(said, 24), error_lines(errors))),
    }
}

fn error_lines(errors: &[RunError]) -> Vec<String> {
    let mut lines: Vec<String> =
        errors.iter().take(ERRORS_SHOWN).map(|error| cut(&error.words(), 300)).collect();
    match errors.len().saturating_sub(ERRORS_SHOWN) {
        0 => {}
        1 => lines.push("and 1 error more".to_owned()),
        n => lines.push(format!("and {n} errors more")),
    }
    lines
}

/// Epoch milliseconds as RFC 3339, to the second.
fn moment(millis: i64) -> String {
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(time) if millis > 0 => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        _ => nothing(),
    }
}

/// Bytes in decimal units. The tenth is rounded down.
fn bytes(count: u64) -> String {
    if count < 1000 {
        return format!("{count} B");
    }
    let mut thousandths = count;
    for unit in ["kB", "MB", "GB", "TB"] {
        if thousandths < 1_000_000 {
            return format!("{}.{} {unit}", thousandths / 1000, thousandths % 1000 / 100);
        }
        thousandths /= 1000;
    }
    format!("{}.{} PB", thousandths / 1000, thousandths % 1000 / 100)
}

/// Milliseconds in the two largest units.
fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds == 0 => format!("{millis} ms"),
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

fn summary(runs: &[(Address, Run)]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for (_, run) in runs {
        let words = run.status.words();
        match counts.iter_mut().find(|(known, _)| *known == words) {
            Some((_, count)) => *count += 1,
            None => counts.push((words, 1)),
        }
    }
    counts.sort_unstable();
    let counts: Vec<String> = counts.iter().map(|(words, count)| format!("{count} {words}")).collect();
    let s = if runs.len() == 1 { "" } else { "s" };
    format!("{} run{s}: {}.", runs.len(), counts.join(", "))
}

/// The records of each pipeline's runs, oldest first; where there is too little room for one, there is none.
fn sparklines(page: &mut Page<'_>, runs: &[(Address, Run)]) {
    let mut series: BTreeMap<&Address, Vec<Option<u64>>> = BTreeMap::new();
    for (address, run) in runs.iter().rev().filter(|(_, run)| run.status.is_over()) {
        series.entry(address).or_default().push(run.records_read);
    }
    series.retain(|_, counts| counts.iter().flatten().count() > 1);
    let names = series.keys().map(|address| columns(&sanitize(&address.pipeline))).max().unwrap_or_default();
    let lines: Vec<Vec<Part>> = series
        .iter()
        .filter_map(|(address, counts)| {
            let name = sanitize(&address.pipeline);
            let most = counts.iter().flatten().max().copied().unwrap_or_default();
            let mut parts = vec![
                strong(format!("{name}{}", " ".repeat(names - columns(&name) + BETWEEN))),
                (Tone::Quiet, format!("  at most {most}")),
            ];
            let room = page.style.width.checked_sub(parts_columns(&parts) + 2).filter(|room| *room >= 8)?;
            let newest = counts.get(counts.len().saturating_sub(room)..).unwrap_or_default();
            parts.insert(1, plain(newest.iter().map(|count| bar(*count, most)).collect()));
            Some(parts)
        })
        .collect();
    if lines.is_empty() {
        return;
    }
    page.gap();
    page.line(0, &[(Tone::Quiet, "Records read by each run, oldest first".to_owned())]);
    for line in lines {
        page.line(2, &line);
    }
}

/// A count as a bar as high as its part of `most`; a dot where it is not known.
fn bar(count: Option<u64>, most: u64) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let Some(count) = count else { return '·' };
    let step = u128::from(count) * 7 / u128::from(most.max(1));
    usize::try_from(step).ok().and_then(|step| BARS.get(step)).copied().unwrap_or('█')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_in_units_that_a_person_reads() {
        let sizes = [0, 999, 1000, 24_012, 999_999, 1_000_000, 12_345_678, u64::MAX].map(bytes);
        assert_eq!(
            sizes,
            ["0 B", "999 B", "1.0 kB", "24.0 kB", "999.9 kB", "1.0 MB", "12.3 MB", "18446.7 PB"]
        );
        let times = [0, 999, 55_000, 61_000, 3_700_000, 90_000_000].map(duration);
        assert_eq!(times, ["0 ms", "999 ms", "55 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
        assert_eq!(moment(1_596_656_058_198), "2020-08-05T19:34:18Z");
        assert_eq!([moment(0), moment(i64::MAX), moment(-5)], ["-", "-", "-"]);
    }

    fn failed(pipeline: &str, minute: i64, message: &str) -> (Address, Run) {
        let run = serde_json::json!({
            "id": format!("{pipeline}-{minute}"), "flowId": "f", "createdAt": 1_600_000_000_000 + minute * 60_000,
            "metrics": { "statusSummary": { "status": "failed", "errors": [{ "code": "X", "message": message }] } },
        });
        (Address::new(pipeline, crate::kind::Kind::Dataflow), Run::observed(&run).unwrap())
    }

    #[test]
    fn a_page_fits_and_no_error_is_said_twice() {
        let style = Style { color: false, width: 80, whole: false, requests: false };
        let all: Vec<(Address, Run)> = (0..30).rev().map(|minute| failed("users", minute, "no")).collect();
        let whole = runs(&all, false, &style, None);
        assert_eq!((whole.matches("X: no").count(), whole.lines().count()), (1, 34), "{whole}");
        for height in 5..40 {
            let page = runs(&all, true, &style, Some(height));
            assert!(page.lines().count() <= height, "{height}: {page}");
            assert!(page.starts_with("START") && page.contains("30 runs: 30 failed."), "{page}");
            let newest = page.lines().nth(1).unwrap();
            assert!(newest.starts_with("2020-09-13T12:55:40Z") || height < 6, "{page}");
        }
        // Of two that fail alike in turns, each is said once; what is new is said.
        let mixed =
            [failed("a", 4, "no"), failed("b", 3, "other"), failed("a", 2, "no"), failed("a", 1, "other")];
        let page = runs(&mixed, false, &style, None);
        assert_eq!((page.matches("X: no").count(), page.matches("X: other").count()), (1, 1), "{page}");
        let mixed = [failed("a", 4, "no"), failed("a", 3, "other"), failed("a", 2, "no")];
        assert_eq!(runs(&mixed, false, &style, None).matches("X: no").count(), 2);
    }

    #[test]
    fn bars_are_as_high_as_their_part() {
        let line: String = [Some(0), Some(50), Some(100), None].into_iter().map(|n| bar(n, 100)).collect();
        assert_eq!(line, "▁▄█·");
        assert_eq!((bar(Some(0), 0), bar(Some(u64::MAX), u64::MAX)), ('▁', '█'));
    }
}
