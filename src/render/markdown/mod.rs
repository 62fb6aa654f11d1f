//! A plan as a comment of a pull or merge request, in the Markdown of GitHub and GitLab: what must not be overlooked first
//! and outside of every fold, then an object a fold, the worst first.
//!
//! A comment has a limit. Then the graph goes, then the requests, then long changes are cut, then the least of them are left
//! out, creations first; the comment says so. Folds and fences are always closed.

mod escape;
mod section;

use std::collections::BTreeSet;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use self::escape::{code, comment, cut, prose, size};
use self::section::{LONGEST_SENTENCE, Section};
use super::graph::{self, Graph};
use super::view::{self, Pipeline, Remark, View, mark};
use crate::plan::{Action, Mode, Plan};

/// How the first line of every comment begins: a bot finds by it the comment that it wrote before.
pub const MARKER: &str = "<!-- flowform plan: ";

/// Longest comment on GitHub, in characters.
pub const GITHUB_LIMIT: usize = 65_536;

/// Room in such a comment for the lines that a bot adds to it: whose it is, and for which commit.
pub const ROOM: usize = 536;

/// How the comment is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Longest result, in characters (UTF-16 units, of which there are never fewer).
    pub limit: usize,
    /// Tells several comments of one request apart; may be empty.
    pub key: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { limit: GITHUB_LIMIT, key: String::new() }
    }
}

/// The first line of the comment on a plan for this place: [`MARKER`], `ORG/SANDBOX`, the key if there is one, ` -->`. What
/// could end it is percent-encoded; a long name is cut and ends with a digest of all of it.
pub fn marker(plan: &Plan, key: &str) -> String {
    let name = |text: &str| {
        let name = comment(text);
        if name.len() <= LONGEST_KEY {
            return name;
        }
        let digest = Sha256::digest(text.as_bytes());
        let digest = digest.iter().take(8).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        // Ours are all ASCII.
        format!("{}~{digest}", name.chars().take(LONGEST_KEY).collect::<String>())
    };
    let mut line = format!("{MARKER}{}/{}", name(&plan.place.org), name(&plan.place.sandbox));
    if !key.is_empty() {
        let _ = write!(line, " {}", name(key));
    }
    line + " -->"
}

/// Longest name in a marker.
const LONGEST_KEY: usize = 80;

/// A plan as a comment, never longer than the limit.
pub fn plan(plan: &Plan, options: &Options) -> String {
    let view = view::view(plan);
    let head = head(&marker(plan, &options.key), &view);
    let limit = options.limit;
    let text = full(&head, plan, &view, limit);
    if size(&text) <= limit {
        return text;
    }
    // Not even what stands outside of the folds has room.
    let text = format!("{head}\n{}\n", said("There is no room for more."));
    let end = text.char_indices().scan(0, |units, (at, char)| {
        *units += char.len_utf16();
        (*units <= limit).then_some(at + char.len_utf8())
    });
    let end = end.last().unwrap_or_default();
    text.get(..end).unwrap_or_default().to_owned()
}

/// Marker and heading.
fn head(marker: &str, view: &View<'_>) -> String {
    let refused = if view.refusals.is_empty() { "" } else { " Refused." };
    format!("{marker}\n## {}{refused}\n", view.summary.sentence())
}

fn full(head: &str, plan: &Plan, view: &View<'_>, limit: usize) -> String {
    let mut top = format!("{head}\n{}\n\n", place(view));
    warnings(&mut top, view, limit / 4);
    let table = table(view, limit / 6);
    let notes = notes(&view.moves_and_notes(), limit / 10);
    let foot = foot(view);
    let fixed = size(&top) + size(&table) + size(&notes) + size(&foot);
    let body = body(plan, view, limit.saturating_sub(fixed));
    let text = format!("{top}{}{table}{}{notes}{}{foot}", body.cut, body.sections, body.graph);
    text.trim_end().to_owned() + "\n"
}

fn place(view: &View<'_>) -> String {
    let named = |text: &str| code(&escape::name(text));
    let verb = match view.mode {
        Mode::Normal => "Planned for",
        Mode::Destroy => "Everything is to be taken down in",
        Mode::RefreshOnly => "The last apply compared with",
    };
    let mut text =
        format!("{verb} sandbox {} of {} ({})", named(&view.sandbox), named(&view.org), named(&view.gateway));
    if let Some(fingerprint) = &view.fingerprint {
        let _ = write!(text, ", fingerprint {}", code(fingerprint));
    }
    text + "."
}

/// How to go on. A destroy is only applied from a saved plan, or planned again.
fn foot(view: &View<'_>) -> String {
    let command = match view.mode {
        Mode::Normal => "apply",
        Mode::RefreshOnly => "apply --refresh-only",
        Mode::Destroy => return String::new(),
    };
    match &view.fingerprint {
        Some(fingerprint) if view.refusals.is_empty() => {
            let command = code(&format!("flowform {command} --expect {fingerprint}"));
            format!(
                "{command}, with the same files and options, applies this plan, or nothing if it has become another.\n"
            )
        }
        _ => String::new(),
    }
}

/// What nobody must overlook, in at most `limit`.
fn warnings(text: &mut String, view: &View<'_>, limit: usize) {
    let warnings = &view.warnings;
    let objects = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 object {one}"),
        n => format!("{n} objects {many}"),
    };
    let lists = [
        ("CAUTION", &warnings.deleted, "is deleted", "are deleted"),
        ("WARNING", &warnings.replaced, "is replaced by a new one", "are replaced by new ones"),
        (
            "WARNING",
            &warnings.conflicts,
            "was changed in the manifest and on the platform",
            "were changed in the manifest and on the platform",
        ),
        (
            "WARNING",
            &warnings.drifted,
            "changed on the platform since the last apply (drift)",
            "changed on the platform since the last apply (drift)",
        ),
    ];
    let share = limit / 7;
    if !view.refusals.is_empty() {
        text.push_str("> [!CAUTION]\n> **Refused: this plan must not be applied.**\n");
        remarks(text, "> - ", &view.refusals, share);
        text.push('\n');
    }
    if !view.cautions.is_empty() {
        let count = match view.cautions.len() {
            1 => "1 warning".to_owned(),
            n => format!("{n} warnings"),
        };
        let _ = writeln!(text, "> [!WARNING]\n> **{count}:**");
        remarks(text, "> - ", &view.cautions, share);
        text.push('\n');
    }
    moved_block(text, &view.moved_block, share);
    for (kind, addresses, one, many) in lists {
        if addresses.is_empty() {
            continue;
        }
        let named: Vec<String> = addresses.iter().map(|a| code(&escape::name(a))).collect();
        let words = objects(addresses.len(), one, many);
        let _ = writeln!(text, "> [!{kind}]\n> **{words}:** {}\n", listed(&named, share));
    }
}

/// The block that a rename means, to be copied: whole, or not at all.
fn moved_block(text: &mut String, block: &[String], limit: usize) {
    if block.is_empty() {
        return;
    }
    let fence = escape::fence(block.iter().map(String::as_str));
    let lines = block.join("\n");
    if size(&lines) > limit {
        text.push_str("The `moved` block that keeps what is there is too long for a comment; `flowform show` has it.\n\n");
        return;
    }
    let _ = writeln!(text, "{}\n\n{fence}yaml\n{lines}\n{fence}\n", super::view::MOVED_BLOCK);
}

/// Names with commas, as many as fit.
fn listed(names: &[String], limit: usize) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        if index > 0 && size(&text) + size(name) > limit {
            let _ = write!(text, " and {} more", names.len() - index);
            break;
        }
        text.push_str(comma);
        text.push_str(name);
    }
    text
}

/// Sentences, each on a line that begins with `bullet`, as many as fit.
fn remarks(text: &mut String, bullet: &str, remarks: &[Remark], limit: usize) {
    let begin = size(text);
    let said = |text: &str| prose(&cut(text, LONGEST_SENTENCE), code);
    for (index, remark) in remarks.iter().enumerate() {
        let whose = remark.address.as_ref().map_or_else(String::new, |a| code(&escape::name(a)) + ": ");
        let hint = remark.hint.as_ref().map_or_else(String::new, |hint| format!("; *hint:* {}", said(hint)));
        let line = format!("{bullet}{whose}{}", said(&remark.text));
        if index > 0 && size(text) - begin + size(&line) + size(&hint) > limit {
            let _ = writeln!(text, "{bullet}and {} more", remarks.len() - index);
            return;
        }
        let _ = writeln!(text, "{line}{hint}");
    }
}

fn notes(notes: &[Remark], limit: usize) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let mut text = "### Notes\n\n".to_owned();
    remarks(&mut text, "- ", notes, limit);
    text + "\n"
}

/// More pipelines are not told apart: the objects matter more.
const MOST_ROWS: usize = 50;

/// A row for each pipeline, a column for each action there is; the worst rows if not all fit.
fn table(view: &View<'_>, limit: usize) -> String {
    if view.pipelines.is_empty() {
        return String::new();
    }
    let actions: BTreeSet<Action> = view.pipelines.iter().flat_map(|p| p.counts.keys().copied()).collect();
    let drift = view.pipelines.iter().any(|p| p.drift > 0);
    let mut text = "| Pipeline |".to_owned();
    for action in &actions {
        let _ = write!(text, " {} {} |", code(mark(*action)), action.name());
    }
    text.push_str(if drift { " drift |\n|---|" } else { "\n|---|" });
    text.push_str(&"--:|".repeat(actions.len() + usize::from(drift)));
    text.push('\n');
    let row = |pipeline: &Pipeline| {
        let number = |count: Option<&usize>| match count.filter(|count| **count > 0) {
            Some(count) => format!(" {count} |"),
            None => " |".to_owned(),
        };
        let counts = actions.iter().map(|action| number(pipeline.counts.get(action)));
        let drifted = drift.then(|| number(Some(&pipeline.drift)));
        let counts: String = counts.chain(drifted).collect();
        format!("| {} |{counts}\n", code(&escape::name(&pipeline.name)))
    };
    let mut rows: Vec<(&Pipeline, String)> = view.pipelines.iter().map(|p| (p, row(p))).collect();
    let mut room = limit.saturating_sub(size(&text));
    if rows.len() > MOST_ROWS || rows.iter().map(|(_, row)| size(row)).sum::<usize>() > room {
        let count = |p: &Pipeline, action| p.counts.get(&action).copied().unwrap_or_default();
        rows.sort_by_key(|(p, _)| {
            std::cmp::Reverse((count(p, Action::Delete), count(p, Action::Replace), p.drift))
        });
    }
    for (index, (_, row)) in rows.iter().enumerate() {
        if index > 0 && (index == MOST_ROWS || size(row) > room) {
            let _ = writeln!(
                text,
                "| and {} more pipelines |{}",
                rows.len() - index,
                " |".repeat(actions.len() + usize::from(drift))
            );
            break;
        }
        room = room.saturating_sub(size(row));
        text.push_str(row);
    }
    text + "\n"
}

/// What stands below the table.
#[derive(Default)]
struct Below {
    /// What is left out, in words.
    cut: String,
    sections: String,
    graph: String,
}

/// Fewer lines than this are shown unfolded.
const OPEN: usize = 60;

/// Longest of [`Below::cut`].
const LONGEST_CUT: usize = 400;

const DRIFT: &str = "### Drift: changed on the platform (`-` last applied, `+` now)\n\n";

/// The objects, and the graph: as much as has room.
fn body(plan: &Plan, view: &View<'_>, room: usize) -> Below {
    let mut sections: Vec<Section> = view.operations.iter().map(section::operation).collect();
    sections.extend(view.drift.iter().map(section::drifted));
    // Stable: of equally bad ones in the plan's order.
    sections.sort_by_key(|section| section.rank);
    let open = sections.iter().map(Section::lines).sum::<usize>() < OPEN;
    let graph = drawn(plan, view);
    for (graph, requests, missing) in [
        (&graph, true, ""),
        (&String::new(), true, "The graph is"),
        (&String::new(), false, "The graph and the requests are"),
    ] {
        let texts = sections.iter().map(|section| (section, section.whole(open, requests)));
        let cut = if missing.is_empty() { String::new() } else { left_out(missing) };
        let below = Below { cut, sections: grouped(texts), graph: graph.clone() };
        if size(&below.cut) + size(&below.sections) + size(&below.graph) <= room {
            return below;
        }
    }
    fitted(&sections, room.saturating_sub(LONGEST_CUT + DRIFT.len()))
}

/// As many sections as have room, the worst first; the longest are cut so that there are more.
fn fitted(sections: &[Section], room: usize) -> Below {
    let sizes: Vec<usize> = sections.iter().map(|section| size(&section.whole(false, false))).collect();
    let total = |count: usize, limit: usize| sizes.iter().take(count).map(|s| (*s).min(limit)).sum::<usize>();
    let count = (0..=sections.len()).rev().find(|count| total(*count, LEAST) <= room).unwrap_or_default();
    // The highest size for each with which they fit.
    let (mut limit, mut above) = (LEAST, room + 1);
    while above - limit.min(above) > 1 {
        let middle = limit.midpoint(above);
        if total(count, middle) <= room { limit = middle } else { above = middle }
    }
    let mut shown = Vec::new();
    let (mut partly, mut hidden) = (0, Vec::new());
    for (index, section) in sections.iter().enumerate() {
        match (index < count).then(|| section.fitted(limit)).flatten() {
            Some((text, whole)) => {
                partly += usize::from(!whole);
                shown.push((section, text));
            }
            None => hidden.push(section),
        }
    }
    let mut words = "The graph and the requests are".to_owned();
    let mut more = Vec::new();
    if partly > 0 {
        more.push(format!("{partly} of the changes only in part"));
    }
    if !hidden.is_empty() {
        more.push(format!("{} not at all ({})", hidden.len(), kinds(&hidden)));
    }
    if !more.is_empty() {
        words = format!("The graph, the requests and some changes are not shown here: {}", more.join(", "));
    }
    let cut = if more.is_empty() { left_out(&words) } else { said(&format!("{words}.")) };
    Below { cut, sections: grouped(shown.into_iter()), graph: String::new() }
}

/// No section is cut to less, in characters.
const LEAST: usize = 1_200;

/// How many of which action: `3 to update, 37 to create`.
fn kinds(sections: &[&Section]) -> String {
    let mut words: Vec<(String, usize)> = Vec::new();
    for section in sections {
        let word =
            section.action.map_or_else(|| "drifted".to_owned(), |action| format!("to {}", action.name()));
        match words.last_mut() {
            Some((last, count)) if *last == word => *count += 1,
            _ => words.push((word, 1)),
        }
    }
    words.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// That something is not shown, and where it is.
fn left_out(what: &str) -> String {
    said(&format!("{what} not shown here."))
}

fn said(what: &str) -> String {
    format!("> [!NOTE]\n> Too long for a comment. {what} `flowform show` shows all of the plan.\n\n")
}

/// What is done, then what drifted.
fn grouped<'s>(sections: impl Iterator<Item = (&'s Section, String)>) -> String {
    let (mut done, mut drift) = (String::new(), String::new());
    for (section, text) in sections {
        if section.action.is_some() { &mut done } else { &mut drift }.push_str(&text);
    }
    if !drift.is_empty() {
        done.push_str(DRIFT);
        done.push_str(&drift);
    }
    done
}

fn drawn(plan: &Plan, view: &View<'_>) -> String {
    let Some(drawing) = graph::mermaid(&view.operations, &Graph::of(&plan.operations)) else {
        return String::new();
    };
    let note = drawing.note.map_or_else(String::new, |note| format!("{note}\n\n"));
    format!(
        "<details><summary>Order of the operations, as a graph</summary>\n\n{note}```mermaid\n{}```\n\n</details>\n\n",
        drawing.text
    )
}
