//! Values side by side: a table of single fields, and one for each list of members.

use std::fmt::Write;

use super::sides::{Rows, Run, compare};
use super::write::Text;
use crate::render::members::Member;
use crate::render::view::{BOTH_MOVED, Becomes, Contents, Field, Shown, Sign};

/// A structure longer than this is laid out over several lines.
const LONG: usize = 72;

/// How the columns of old and new are called.
pub(super) type Titles = (&'static str, &'static str);

/// The cell of a side that has nothing beside what the other has.
const NOTHING: &str = "<td class=\"none\"></td>";

/// What the two sides are where both moved a field.
const CONFLICT: Titles = ("On the platform", "Wanted");

/// The tables.
pub(super) fn contents(page: &mut String, contents: &Contents<'_>, titles: Titles) {
    if contents.fields.is_empty() && contents.lists.is_empty() {
        return;
    }
    page.push_str("<div class=\"values\">\n");
    if !contents.fields.is_empty() {
        let compared = contents.fields.iter().any(|f| !matches!(f.value, Becomes::Is(_)));
        let titles = compared.then_some(titles);
        open(page, None, "Field", titles, "Value");
        for field in &contents.fields {
            self::field(page, field, titles);
        }
        page.push_str("</tbody></table>\n");
    }
    for list in &contents.lists {
        let titles = (!list.new).then_some(titles);
        let caption = format!("{}: {}", list.name, list.summary);
        open(page, Some(&caption), list.label, titles, list.main);
        for member in &list.members {
            self::member(page, member, titles);
        }
        page.push_str("</tbody></table>\n");
    }
    page.push_str("</div>\n");
}

fn open(page: &mut String, caption: Option<&str>, first: &str, titles: Option<Titles>, single: &str) {
    let class = if titles.is_some() { "fields" } else { "fields one" };
    let _ = write!(page, "<table class=\"{class}\">");
    if let Some(caption) = caption {
        let _ = write!(page, "<caption>{}</caption>", Text(caption));
    }
    page.push_str("<thead><tr>");
    let columns = match titles {
        Some((old, new)) => vec![first, old, new],
        None => vec![first, single],
    };
    for title in columns {
        let _ = write!(page, "<th scope=\"col\">{}</th>", Text(&capital(title)));
    }
    page.push_str("</tr></thead><tbody>\n");
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

fn field(page: &mut String, field: &Field<'_>, titles: Option<Titles>) {
    let mut head = name(&field.name);
    if matches!(field.value, Becomes::Conflict { .. }) {
        say(&mut head, BOTH_MOVED);
    }
    for remark in field.remarks() {
        say(&mut head, remark);
    }
    rows(page, &head, &cells(&field.value, "", Sign::Changed, titles));
}

fn member(page: &mut String, member: &Member<'_>, titles: Option<Titles>) {
    let (class, word) = match member.sign {
        Sign::Kept => ("", ""),
        Sign::Added => ("add", "added "),
        Sign::Removed => ("remove", "removed "),
        Sign::Changed => ("change", "changed "),
    };
    let mut head = String::new();
    if titles.is_some() {
        let mark = member.sign.mark();
        let _ = write!(
            head,
            "<span class=\"sign {class}\" aria-hidden=\"true\">{mark}</span><span class=\"aside\">{word}</span>"
        );
    }
    head.push_str(&name(&member.name));
    if let Some(remark) = member.remark {
        say(&mut head, remark);
    }
    let mut lines = Vec::new();
    for (name, value) in
        member.main.iter().map(|main| ("", main)).chain(member.others.iter().map(|(n, v)| (n.as_str(), v)))
    {
        lines.extend(cells(value, name, member.sign, titles));
    }
    rows(page, &head, &lines);
}

/// A name, to be broken after its dots.
fn name(name: &str) -> String {
    Text(name).to_string().replace('.', ".<wbr>")
}

/// A word of ours beside a name or a value.
fn say(out: &mut String, text: &str) {
    let space = if out.is_empty() { "" } else { " " };
    let _ = write!(out, "{space}<span class=\"say\">{}</span>", Text(text));
}

/// Rows of cells under one head.
fn rows(page: &mut String, head: &str, rows: &[String]) {
    let span = if rows.len() > 1 { format!(" rowspan=\"{}\"", rows.len()) } else { String::new() };
    let _ = write!(page, "<tr><th scope=\"row\"{span}>{head}</th>");
    for (index, row) in rows.iter().enumerate() {
        let _ = if index == 0 {
            writeln!(page, "{row}</tr>")
        } else {
            writeln!(page, "<tr class=\"more\">{row}</tr>")
        };
    }
    if rows.is_empty() {
        page.push_str("</tr>\n");
    }
}

/// The cells of a value, row by row; without `titles` there is one column. `sign` says on which side a value stands that
/// is not compared; `name` is said before it.
fn cells(value: &Becomes<'_>, name: &str, sign: Sign, titles: Option<Titles>) -> Vec<String> {
    match (value, titles) {
        (Becomes::Is(shown), None) => vec![cell("", name, "", &text(shown))],
        (Becomes::Is(shown), Some((old, new))) => {
            let value = text(shown);
            vec![match sign {
                Sign::Added => NOTHING.to_owned() + &cell("new", name, new, &value),
                Sign::Removed => cell("was", name, old, &value) + NOTHING,
                Sign::Kept | Sign::Changed => {
                    cell("same", name, old, &value) + &cell("same", name, new, &value)
                }
            }]
        }
        (Becomes::Changes(old, new), titles) => changed(old, new, name, titles.unwrap_or(CONFLICT)),
        (Becomes::Conflict { applied, observed, wanted }, _) => {
            let mut rows = changed(observed, wanted, name, CONFLICT);
            rows.push(format!(
                "<td colspan=\"2\"><span class=\"say\">Last applied</span>{}</td>",
                text(applied)
            ));
            rows
        }
        (Becomes::Secret(words), titles) => {
            let span = if titles.is_some() { " colspan=\"2\"" } else { "" };
            vec![format!("<td{span}>{}{}</td>", named(name), Text(words))]
        }
    }
}

fn named(name: &str) -> String {
    let mut out = String::new();
    if !name.is_empty() {
        say(&mut out, name);
    }
    out
}

/// A cell of escaped `html`; `is` tells where columns have no room what it is.
fn cell(class: &str, name: &str, is: &str, html: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let is = if is.is_empty() { String::new() } else { format!(" data-is=\"{}\"", Text(is)) };
    format!("<td{class}{is}>{}{html}</td>", named(name))
}

/// A value, escaped, in as many lines as it takes.
fn text(shown: &Shown<'_>) -> String {
    Text(&plain(shown)).to_string()
}

fn plain(shown: &Shown<'_>) -> String {
    let long = !shown.is_text() && !shown.is_none() && shown.line.chars().count() > LONG;
    if shown.is_laid_out() || long { shown.lines().join("\n") } else { shown.line.clone() }
}

fn changed(old: &Shown<'_>, new: &Shown<'_>, name: &str, (was, is): Titles) -> Vec<String> {
    if old.is_none() || new.is_none() {
        let class = |shown: &Shown<'_>, class| if shown.is_none() { "none" } else { class };
        return vec![
            cell(class(old, "was"), name, was, &text(old)) + &cell(class(new, "new"), name, is, &text(new)),
        ];
    }
    let (mut before, mut after) = (plain(old), plain(new));
    if before.contains('\n') || after.contains('\n') {
        (before, after) = (old.lines().join("\n"), new.lines().join("\n"));
    }
    if before == after {
        // They differ in how they are written, not in what they say.
        (before, after) = (old.json_lines().join("\n"), new.json_lines().join("\n"));
    }
    let rows = compare(&before, &after).into_iter().enumerate().map(|(index, row)| {
        let name = if index == 0 { name } else { "" };
        let (was, is) = if index == 0 { (was, is) } else { ("", "") };
        match row {
            Rows::Same(text) => {
                let text = Text(&text).to_string();
                cell("same", name, was, &text) + &cell("same", name, is, &text)
            }
            Rows::Skipped(lines) => {
                let lines = if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") };
                format!("<td colspan=\"2\" class=\"same\">{}… {lines} the same</td>", named(name))
            }
            Rows::Changed(old, new) => {
                let class = |runs: &[Run], class| if runs.is_empty() { "none" } else { class };
                cell(class(&old, "was"), name, was, &marked(&old, "del"))
                    + &cell(class(&new, "new"), name, is, &marked(&new, "ins"))
            }
        }
    });
    rows.collect()
}

fn marked(runs: &[Run], element: &str) -> String {
    let mut out = String::new();
    for (changed, text) in runs {
        let text = Text(text);
        let _ = if *changed { write!(out, "<{element}>{text}</{element}>") } else { write!(out, "{text}") };
    }
    out
}
