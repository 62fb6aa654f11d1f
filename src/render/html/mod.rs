//! A plan as one page for a reviewer: a file that needs nothing else and asks nothing of a network.
//!
//! This file is the page from top to bottom; `operation` is one operation, `fields` its values side by side, `draw` and
//! `layout` the graph, `sides` what two texts differ in, `write` how text gets into HTML. What is said comes from
//! `view` and `graph`. The style sheet and the script lie beside; the page is whole without either.
//!
//! Whatever is in a plan is hostile: all of it passes `write::Text`, and the page's policy lets nothing run or load
//! but its own script and style, named by their digests.

mod draw;
mod fields;
mod layout;
mod operation;
mod sides;
mod write;

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use self::draw::Node;
use self::operation::Neighbours;
use self::write::{Text, id};
use super::graph::Graph;
use super::view::{Pipeline, Planned, Remark, View, mark, view};
use crate::plan::{Action, Mode, Plan};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Up to so many operations are drawn as one graph; more, pipeline by pipeline.
const DRAWN_AT_ONCE: usize = 40;

/// Up to so many pipelines the list of them stands open.
const LISTED_OPEN: usize = 12;

/// Most addresses named in a warning.
const NAMED: usize = 8;

/// The whole page. Equal plans give equal pages.
pub fn plan(plan: &Plan) -> String {
    let view = view(plan);
    let mut page = String::new();
    head(&mut page, &view);
    body(&mut page, &view, &Graph::of(&plan.operations));
    let _ = write!(page, "<script>{SCRIPT}</script>\n</body>\n</html>\n");
    page
}

/// A digest as a Content-Security-Policy names it.
fn digest(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

fn head(page: &mut String, view: &View<'_>) {
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    );
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{} – {} – flowform</title>\n<style>{STYLE}</style>\n</head>\n",
        Text(&heading(view)),
        Text(&view.sandbox),
    );
}

fn body(page: &mut String, view: &View<'_>, graph: &Graph) {
    page.push_str("<body>\n");
    if !view.operations.is_empty() {
        page.push_str("<a class=\"skip\" href=\"#operations\">Skip to the operations</a>\n");
    }
    place(page, view);
    page.push_str("<main>\n");
    alerts(page, view);
    let at_once = view.operations.len() <= DRAWN_AT_ONCE;
    if view.operations.len() > 1 {
        filters(page, view);
        if at_once {
            whole_graph(page, view, graph);
        }
    }
    operations(page, view, graph, !at_once);
    drift(page, view);
    notes(page, &view.moves_and_notes());
    page.push_str("</main>\n");
}

/// What it comes to, without what becomes of the state besides.
fn heading(view: &View<'_>) -> String {
    let sentence = view.summary.sentence();
    let records = view.summary.records.as_deref().unwrap_or_default();
    sentence.strip_suffix(records).unwrap_or(&sentence).trim_end().to_owned()
}

fn place(page: &mut String, view: &View<'_>) {
    let _ = write!(
        page,
        "<header>\n<p class=\"what\">flowform {}</p>\n<h1>{}</h1>\n",
        match view.mode {
            Mode::Normal => "plan",
            Mode::Destroy => "plan --destroy",
            Mode::RefreshOnly => "plan --refresh-only",
        },
        Text(&heading(view)),
    );
    if let Some(records) = &view.summary.records {
        let _ = writeln!(page, "<p>{}</p>", Text(records));
    }
    page.push_str("<dl class=\"place\">\n");
    for (name, value) in [("Sandbox", &view.sandbox), ("Organisation", &view.org), ("Gateway", &view.gateway)]
    {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", Text(value));
    }
    if let Some(fingerprint) = &view.fingerprint {
        let _ = writeln!(
            page,
            "<div><dt><label for=\"fingerprint\">Fingerprint, for apply --expect</label></dt><dd class=\"print\">\
             <input id=\"fingerprint\" readonly value=\"{}\">\
             <button type=\"button\" id=\"copy\" hidden>Copy</button><span id=\"copied\" role=\"status\"></span></dd></div>",
            Text(fingerprint)
        );
    }
    page.push_str("</dl>\n</header>\n");
}

/// What nobody must overlook.
fn alerts(page: &mut String, view: &View<'_>) {
    let mut list = String::new();
    if !view.refusals.is_empty() {
        list.push_str("<li class=\"back remove\"><strong>Refused: this plan must not be applied.</strong>\n");
        for refusal in &view.refusals {
            list.push_str("<p>");
            remark(&mut list, view, refusal);
            list.push_str("</p>\n");
        }
        list.push_str("</li>\n");
    }
    if !view.cautions.is_empty() {
        let count = match view.cautions.len() {
            1 => "1 warning".to_owned(),
            n => format!("{n} warnings"),
        };
        let _ = writeln!(list, "<li class=\"back replace\"><strong>{count}</strong>");
        for caution in &view.cautions {
            list.push_str("<p>");
            remark(&mut list, view, caution);
            list.push_str("</p>\n");
        }
        list.push_str("</li>\n");
    }
    if !view.moved_block.is_empty() {
        let _ = writeln!(
            list,
            "<li class=\"back adopt\"><strong>{}</strong>\n<pre>{}</pre></li>",
            Text(super::view::MOVED_BLOCK),
            Text(&view.moved_block.join("\n"))
        );
    }
    let objects = |count: usize| if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
    let warnings = &view.warnings;
    let sorts: [(&str, &str, &[String], &str); 4] = [
        ("delete", "to be deleted", &warnings.deleted, ""),
        ("replace", "to be replaced", &warnings.replaced, ": a new one is made, the old one is deleted"),
        ("change", "changed in the manifest and on the platform", &warnings.conflicts, " at the same field"),
        ("change", "changed on the platform since the last apply", &warnings.drifted, ""),
    ];
    for (class, what, addresses, more) in sorts {
        if addresses.is_empty() {
            continue;
        }
        let _ = write!(
            list,
            "<li class=\"back {class}\"><strong>{} {what}{more}</strong>\n<div class=\"links\">",
            objects(addresses.len())
        );
        for address in addresses.iter().take(NAMED) {
            let own = std::ptr::eq(addresses, warnings.drifted.as_slice());
            let target = if own { drift_id(address) } else { id(address) };
            let _ = write!(list, "<a href=\"#{target}\"><code>{}</code></a> ", Text(address));
        }
        if addresses.len() > NAMED {
            let _ = write!(list, "<span class=\"quiet\">and {} more</span>", addresses.len() - NAMED);
        }
        list.push_str("</div></li>\n");
    }
    if !list.is_empty() {
        let _ = writeln!(
            page,
            "<section aria-labelledby=\"attention\">\n<h2 class=\"aside\" id=\"attention\">Attention</h2>\n\
             <ul class=\"alerts\">\n{list}</ul>\n</section>"
        );
    }
}

/// A sentence, with a link to the object's operation if there is one.
fn remark(out: &mut String, view: &View<'_>, remark: &Remark) {
    if let Some(address) = &remark.address {
        let shown = Text(address);
        let _ = if view.operations.iter().any(|o| o.address == *address) {
            write!(out, "<a href=\"#{}\"><code>{shown}</code></a>: ", id(address))
        } else {
            write!(out, "<code>{shown}</code>: ")
        };
    }
    let _ = write!(out, "{}", Text(&remark.text));
    if let Some(hint) = &remark.hint {
        let _ = write!(out, "</p>\n<p class=\"hint\">Hint: {}", Text(hint));
    }
}

/// Only the script shows them: without it there is nothing that they could do.
fn filters(page: &mut String, view: &View<'_>) {
    page.push_str(
        "<form id=\"filters\" class=\"filters\" role=\"search\" aria-label=\"Filter the operations\" hidden>\n\
         <div class=\"chips\" role=\"group\" aria-label=\"Action\">\n",
    );
    for action in Action::ALL {
        let count = view.operations.iter().filter(|o| o.action == action).count();
        if count > 0 {
            let verb = action.name();
            let _ = writeln!(
                page,
                "<button type=\"button\" class=\"back {verb}\" data-action=\"{verb}\" aria-pressed=\"false\">\
                 <span class=\"mark\" aria-hidden=\"true\">{}</span>{verb} <b>{count}</b></button>",
                mark(action)
            );
        }
    }
    let pipelines: Vec<&Pipeline> = view.pipelines.iter().filter(|p| !p.counts.is_empty()).collect();
    let _ = writeln!(
        page,
        "</div>\n<label>Pipeline <select id=\"pipeline\"><option value=\"\">All ({})</option>",
        pipelines.len()
    );
    for pipeline in pipelines {
        let name = Text(&pipeline.name);
        let _ = writeln!(page, "<option value=\"{name}\">{name}</option>");
    }
    page.push_str(
        "</select></label>\n\
         <label>Search <input type=\"search\" id=\"search\" placeholder=\"words, / to focus\" aria-keyshortcuts=\"/\" \
         autocomplete=\"off\" spellcheck=\"false\"></label>\n\
         <button type=\"button\" id=\"clear\" aria-keyshortcuts=\"Escape\" hidden>Clear</button>\n\
         <output id=\"shown\"></output>\n</form>\n",
    );
}

/// A node of the graph for an operation that is on the page.
fn node(planned: &Planned<'_>, lane: usize, label: String) -> Node {
    Node {
        lane,
        class: planned.action.name(),
        mark: mark(planned.action),
        label,
        title: format!("{} {}", planned.action.name(), planned.address),
        link: Some(id(&planned.address)),
    }
}

/// An address without its pipeline.
fn section(planned: &Planned<'_>) -> String {
    planned
        .address
        .strip_prefix(&*planned.pipeline)
        .unwrap_or(&planned.address)
        .trim_start_matches('.')
        .to_owned()
}

fn whole_graph(page: &mut String, view: &View<'_>, graph: &Graph) {
    let mut lanes: Vec<&str> = Vec::new();
    let mut nodes = Vec::new();
    for planned in &view.operations {
        let lane = lanes.iter().position(|name| *name == planned.pipeline).unwrap_or_else(|| {
            lanes.push(&planned.pipeline);
            lanes.len() - 1
        });
        nodes.push(node(planned, lane, section(planned)));
    }
    page.push_str(
        "<section aria-labelledby=\"dependencies\">\n<h2 id=\"dependencies\">Dependencies</h2>\n\
         <div class=\"graph\" role=\"region\" aria-labelledby=\"dependencies\" tabindex=\"0\">\n",
    );
    draw::svg(page, "Operations by pipeline; an arrow leads to what waits", &lanes, &nodes, &graph.edges);
    page.push_str("</div>\n</section>\n");
}

/// The colon keeps it apart from the id of any address.
fn pipeline_id(name: &str) -> String {
    format!("pipeline:{}", id(name))
}

fn drift_id(address: &str) -> String {
    format!("drift:{}", id(address))
}

fn drift(page: &mut String, view: &View<'_>) {
    if view.drift.is_empty() {
        return;
    }
    page.push_str(
        "<section aria-labelledby=\"drift\">\n\
         <h2 id=\"drift\">Changed on the platform since the last apply</h2>\n",
    );
    for drifted in &view.drift {
        let _ = writeln!(
            page,
            "<section class=\"card drifted update\" id=\"{}\">\n<header><h3><code>{}</code></h3><code>{}</code></header>",
            drift_id(&drifted.address),
            Text(&drifted.address),
            Text(&drifted.id)
        );
        if drifted.gone {
            page.push_str("<p><span class=\"remove\">Gone, or not visible to this credential.</span></p>\n");
        }
        fields::contents(page, &drifted.contents, ("Last applied", "Now"));
        page.push_str("</section>\n");
    }
    page.push_str("</section>\n");
}

fn operations(page: &mut String, view: &View<'_>, graph: &Graph, draw: bool) {
    if view.operations.is_empty() {
        return;
    }
    page.push_str("<section aria-labelledby=\"operations\">\n<h2 id=\"operations\">Operations</h2>\n");
    pipelines(page, view);
    let neighbours = Neighbours::new(view.operations.len(), &graph.edges);
    let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, planned) in view.operations.iter().enumerate() {
        members.entry(&planned.pipeline).or_default().push(number);
    }
    for pipeline in &view.pipelines {
        let Some(members) = members.get(&*pipeline.name) else { continue };
        let name = Text(&pipeline.name);
        let _ = write!(
            page,
            "<section class=\"pipeline\" id=\"{}\" data-name=\"{name}\">\n<h3>{name}",
            pipeline_id(&pipeline.name)
        );
        for (action, count) in &pipeline.counts {
            let _ = write!(page, " <span class=\"{0}\">{count} to {0}</span>", action.name());
        }
        page.push_str("</h3>\n");
        if draw {
            operation::graph(page, view, &neighbours, members);
        }
        for member in members {
            operation::section(page, view, &neighbours, *member);
        }
        page.push_str("</section>\n");
    }
    page.push_str("<p id=\"nothing\" hidden>No operation is like that.</p>\n</section>\n");
}

/// What happens where, where that is not seen at once.
fn pipelines(page: &mut String, view: &View<'_>) {
    if view.pipelines.len() < 2 {
        return;
    }
    let open = if view.pipelines.len() <= LISTED_OPEN { " open" } else { "" };
    let _ = writeln!(
        page,
        "<nav aria-label=\"Pipelines\"><details{open}><summary>{} pipelines</summary>\n<table class=\"toc\">",
        view.pipelines.len()
    );
    for pipeline in &view.pipelines {
        let name = Text(&pipeline.name);
        let target =
            if pipeline.counts.is_empty() { "drift".to_owned() } else { pipeline_id(&pipeline.name) };
        let _ = write!(page, "<tr><th scope=\"row\"><a href=\"#{target}\">{name}</a></th><td>");
        for (action, count) in &pipeline.counts {
            let _ = write!(page, "<span class=\"{0}\">{count} to {0}</span> ", action.name());
        }
        if pipeline.drift > 0 {
            let _ = write!(page, "<span class=\"change\">{} drifted</span>", pipeline.drift);
        }
        page.push_str("</td></tr>\n");
    }
    page.push_str("</table></details></nav>\n");
}

fn notes(page: &mut String, notes: &[Remark]) {
    if notes.is_empty() {
        return;
    }
    page.push_str("<section aria-labelledby=\"notes\">\n<h2 id=\"notes\">Notes</h2>\n<ul class=\"list\">\n");
    for note in notes {
        page.push_str("<li>");
        if let Some(address) = &note.address {
            let _ = write!(page, "<code>{}</code>: ", Text(address));
        }
        let _ = writeln!(page, "{}</li>", Text(&note.text));
    }
    page.push_str("</ul>\n</section>\n");
}
