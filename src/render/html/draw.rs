//! The graph of operations as inline SVG: nodes that are links, lanes with their pipeline's name. Knows where things lie
//! from [`super::layout`]; colours are the style sheet's.

use std::fmt::Write;

use super::layout::{Cell, lay_out};
use super::write::Text;

/// A node.
pub(super) struct Node {
    /// Lane, by index of the lanes' names.
    pub(super) lane: usize,
    /// Class of its colours.
    pub(super) class: &'static str,
    /// Mark of its action.
    pub(super) mark: &'static str,
    /// What stands in it; cut where it is too long.
    pub(super) label: String,
    /// What it is, in full.
    pub(super) title: String,
    /// Id of what it links to; nothing for what is not on the page.
    pub(super) link: Option<String>,
}

const NODE_WIDTH: usize = 164;
const NODE_HEIGHT: usize = 30;
const GAP: usize = 52;
const ROW: usize = 42;
const LANE_TOP: usize = 28;
const LANE_PAD: usize = 12;
const LANE_GAP: usize = 10;
const MARGIN: usize = 12;

/// Most characters of a label, and of a lane's name for each column of nodes.
const LABEL: usize = 18;

/// Draws the nodes in lanes with these names; without names there is one lane, and no box around it.
pub(super) fn svg(out: &mut String, label: &str, lanes: &[&str], nodes: &[Node], edges: &[(usize, usize)]) {
    let lane_of: Vec<usize> = nodes.iter().map(|n| n.lane).collect();
    let layout = lay_out(&lane_of, edges);
    let boxed = !lanes.is_empty();
    let (margin, pad, head) = if boxed { (MARGIN, LANE_PAD, LANE_TOP) } else { (2, 2, 2) };
    let inner = layout.columns * NODE_WIDTH + layout.columns.saturating_sub(1) * GAP;
    let width = inner + 2 * (margin + pad);
    let mut tops = Vec::new();
    let mut top = margin;
    for rows in &layout.lanes {
        tops.push(top);
        top += head + rows * ROW - (ROW - NODE_HEIGHT) + pad + if boxed { LANE_GAP } else { 0 };
    }
    let height = if boxed { top - LANE_GAP } else { top } + margin;
    let x = |cell: &Cell| margin + pad + cell.column * (NODE_WIDTH + GAP);
    let y = |lane: usize, cell: &Cell| {
        tops.get(lane).copied().unwrap_or_default() + head + cell.half_row * ROW / 2
    };

    let label = Text(label);
    let _ = writeln!(
        out,
        "<svg role=\"group\" aria-label=\"{label}\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">"
    );
    for (lane, name) in lanes.iter().enumerate() {
        let (Some(top), Some(rows)) = (tops.get(lane), layout.lanes.get(lane)) else { continue };
        let height = head + rows * ROW - (ROW - NODE_HEIGHT) + pad;
        let _ = writeln!(
            out,
            "<rect class=\"lane\" x=\"{margin}\" y=\"{top}\" width=\"{}\" height=\"{height}\" rx=\"6\"/>\
             <text class=\"name\" x=\"{}\" y=\"{}\">{}</text>",
            width - 2 * margin,
            margin + pad,
            top + 18,
            Text(&cut(name, layout.columns * 24)),
        );
    }
    for (edge, ways) in edges.iter().zip(&layout.ways) {
        let (Some(from), Some(to)) = (nodes.get(edge.0), nodes.get(edge.1)) else { continue };
        let (Some(start), Some(end)) = (layout.nodes.get(edge.0), layout.nodes.get(edge.1)) else { continue };
        let half = NODE_HEIGHT / 2;
        let (mut ax, mut ay) = (x(start) + NODE_WIDTH, y(from.lane, start) + half);
        let mut path = format!("M{ax} {ay}");
        for (lane, way) in ways {
            let (bx, by) = (x(way), y(*lane, way) + half);
            curve(&mut path, (ax, ay), (bx, by));
            (ax, ay) = (bx + NODE_WIDTH, by);
            let _ = write!(path, "H{ax}");
        }
        let (bx, by) = (x(end).saturating_sub(1), y(to.lane, end) + half);
        curve(&mut path, (ax, ay), (bx.saturating_sub(5), by));
        let tip = bx.saturating_sub(7);
        let _ = writeln!(
            out,
            "<path class=\"edge\" d=\"{path}\"/><path class=\"tip\" d=\"M{tip} {}L{bx} {by}L{tip} {}z\"/>",
            by - 4,
            by + 4
        );
    }
    for (node, cell) in nodes.iter().zip(&layout.nodes) {
        let (x, y) = (x(cell), y(node.lane, cell));
        let (class, title) = (node.class, Text(&node.title));
        let (open, close) = match &node.link {
            Some(link) => (
                format!("<a class=\"node {class}\" href=\"#{}\" aria-label=\"{title}\">", Text(link)),
                "</a>",
            ),
            None => (format!("<g class=\"node {class}\">"), "</g>"),
        };
        let _ = write!(
            out,
            "{open}<title>{title}</title>\
             <rect x=\"{x}\" y=\"{y}\" width=\"{NODE_WIDTH}\" height=\"{NODE_HEIGHT}\" rx=\"5\"/>"
        );
        let base = y + 20;
        if !node.mark.is_empty() {
            let _ =
                write!(out, "<text class=\"mark\" x=\"{}\" y=\"{base}\">{}</text>", x + 10, Text(node.mark));
        }
        let at = x + if node.mark.is_empty() { 10 } else { 40 };
        let _ =
            writeln!(out, "<text x=\"{at}\" y=\"{base}\">{}</text>{close}", Text(&cut(&node.label, LABEL)));
    }
    out.push_str("</svg>\n");
}

/// A curve that leaves and arrives level.
fn curve(path: &mut String, (ax, ay): (usize, usize), (bx, by): (usize, usize)) {
    if ay == by {
        let _ = write!(path, "H{bx}");
    } else {
        let middle = usize::midpoint(ax, bx);
        let _ = write!(path, "C{middle} {ay} {middle} {by} {bx} {by}");
    }
}

/// As much of a text as has room.
fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}
