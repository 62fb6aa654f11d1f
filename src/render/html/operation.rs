//! One operation as a section, and the graph of one pipeline where all together would be too much.

use std::fmt::Write;

use super::draw::{self, Node};
use super::fields;
use super::write::{Text, id};
use crate::plan::Action;
use crate::render::request::{Content, Request};
use crate::render::view::{Planned, View, mark};

/// Most neighbours that are named; the rest are counted.
const NAMED: usize = 12;

/// Most neighbours of other pipelines that are drawn.
const DRAWN: usize = 3;

/// What waits for what, by number of the operation.
pub(super) struct Neighbours {
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
}

impl Neighbours {
    pub(super) fn new(count: usize, edges: &[(usize, usize)]) -> Self {
        let mut neighbours = Self { before: vec![Vec::new(); count], after: vec![Vec::new(); count] };
        for (from, to) in edges {
            if let (Some(after), Some(before)) =
                (neighbours.after.get_mut(*from), neighbours.before.get_mut(*to))
            {
                after.push(*to);
                before.push(*from);
            }
        }
        neighbours
    }

    fn of(list: &[Vec<usize>], number: usize) -> &[usize] {
        list.get(number).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The operations `members` of one pipeline, with the next ones of others.
pub(super) fn graph(page: &mut String, view: &View<'_>, neighbours: &Neighbours, members: &[usize]) {
    if members.len() < 2 {
        return;
    }
    let Some(first) = members.first().and_then(|n| view.operations.get(*n)) else { return };
    let mut nodes: Vec<Node> = Vec::new();
    for planned in members.iter().filter_map(|n| view.operations.get(*n)) {
        nodes.push(super::node(planned, 0, super::section(planned)));
    }
    let mut edges = Vec::new();
    for (place, member) in members.iter().enumerate() {
        for to in Neighbours::of(&neighbours.after, *member) {
            edges.extend(members.iter().position(|other| other == to).map(|other| (place, other)));
        }
        for (before, list) in [(true, &neighbours.before), (false, &neighbours.after)] {
            let others: Vec<usize> =
                Neighbours::of(list, *member).iter().filter(|n| !members.contains(n)).copied().collect();
            let mut join = |node: Node| {
                edges.push(if before { (nodes.len(), place) } else { (place, nodes.len()) });
                nodes.push(node);
            };
            if others.len() > DRAWN {
                let what = format!("{} of other pipelines", others.len());
                join(Node {
                    lane: 0,
                    class: "elsewhere",
                    mark: "",
                    label: format!("{} elsewhere", others.len()),
                    title: what,
                    link: None,
                });
            } else {
                for other in others.iter().filter_map(|n| view.operations.get(*n)) {
                    join(Node { class: "elsewhere", ..super::node(other, 0, other.address.clone()) });
                }
            }
        }
    }
    let label = format!("Operations of {}; an arrow leads to what waits", first.pipeline);
    page.push_str("<div class=\"graph\">\n");
    draw::svg(page, &label, &[], &nodes, &edges);
    page.push_str("</div>\n");
}

/// The operation with this number.
pub(super) fn section(page: &mut String, view: &View<'_>, neighbours: &Neighbours, number: usize) {
    let Some(planned) = view.operations.get(number) else { return };
    let (id, verb) = (id(&planned.address), planned.action.name());
    let _ = write!(
        page,
        "<section class=\"card op {verb}\" id=\"{id}\" data-action=\"{verb}\">\n<header><h4><span class=\"badge back {verb}\">\
         <span class=\"mark\" aria-hidden=\"true\">{}</span> {verb}</span> <a href=\"#{id}\">{}</a></h4>",
        mark(planned.action),
        Text(&planned.address)
    );
    if let Some(id) = &planned.id {
        let _ = write!(page, "<code>{}</code>", Text(id));
    }
    page.push_str("</header>\n");
    if !planned.reason.is_empty() {
        let _ = writeln!(page, "<p>{}</p>", Text(&planned.reason));
    }
    let titles = if planned.action == Action::Delete { ("Now", "") } else { ("Before", "After") };
    fields::contents(page, &planned.contents, titles);
    foot(page, view, neighbours, number, planned);
    requests(page, planned);
    page.push_str("</section>\n");
}

/// What else there is to know, and what it waits for.
fn foot(page: &mut String, view: &View<'_>, neighbours: &Neighbours, number: usize, planned: &Planned<'_>) {
    let mut said: Vec<String> = Vec::new();
    if planned.unchanged > 0 {
        said.push(match planned.unchanged {
            1 => "1 more field is unchanged.".to_owned(),
            n => format!("{n} more fields are unchanged."),
        });
    }
    if let Some(unsent) = planned.unsent {
        said.push(Text(&sentence(unsent)).to_string());
    }
    if let Some(order) = &planned.order {
        said.push(Text(&sentence(order)).to_string());
    }
    for (word, list) in [("Runs after", &neighbours.before), ("Runs before", &neighbours.after)] {
        let others = Neighbours::of(list, number);
        if others.is_empty() {
            continue;
        }
        let links = others.iter().take(NAMED).filter_map(|n| view.operations.get(*n)).map(|other| {
            let address = &other.address;
            format!("<a href=\"#{}\">{}</a>", id(address), Text(address))
        });
        let more = match others.len().checked_sub(NAMED) {
            None | Some(0) => String::new(),
            Some(more) => format!(" and {more} more"),
        };
        said.push(format!("{word} {}{more}.", links.collect::<Vec<_>>().join(", ")));
    }
    if !said.is_empty() {
        let _ = writeln!(page, "<p class=\"foot\">{}</p>", said.join("<br>\n"));
    }
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", chars.as_str())
}

fn requests(page: &mut String, planned: &Planned<'_>) {
    let requests = planned.requests();
    if requests.is_empty() {
        return;
    }
    let count =
        if requests.len() == 1 { "1 request".to_owned() } else { format!("{} requests", requests.len()) };
    let _ = writeln!(page, "<details><summary>{count}</summary>");
    for (index, request) in requests.iter().enumerate() {
        self::request(page, request, (requests.len() > 1).then_some(index + 1));
    }
    page.push_str("</details>\n");
}

fn request(page: &mut String, request: &Request<'_>, number: Option<usize>) {
    page.push_str("<div class=\"request\">");
    if let Some(number) = number {
        let when = request.when().map_or_else(String::new, |when| format!(", {when}"));
        let _ = writeln!(page, "<p class=\"quiet\">{number}. {}{when}</p>", request.title());
    }
    let _ = writeln!(
        page,
        "<p><code><span class=\"method\">{}</span> {}</code></p>",
        Text(&request.method),
        Text(&request.target())
    );
    if let Some(condition) = request.condition() {
        let _ = writeln!(page, "<p><code>{}</code></p>", Text(&condition));
    }
    match request.content() {
        Content::None => {}
        Content::Whole(body) => {
            let _ = write!(page, "<pre>{}</pre>", Text(&body.json_lines().join("\n")));
        }
        Content::Edits(edits) => {
            page.push_str("<pre>");
            for (index, edit) in edits.iter().enumerate() {
                let line = if index > 0 { "\n" } else { "" };
                let _ = write!(page, "{line}{}", Text(&edit.head()));
                if let Some(value) = &edit.value {
                    let _ = write!(page, "  {}", Text(&value.json_lines().join("\n")));
                }
            }
            page.push_str("</pre>");
        }
    }
    page.push_str("</div>\n");
}
