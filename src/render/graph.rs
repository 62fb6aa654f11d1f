//! What waits for what: the operations as nodes of a graph without cycles, and that graph as Mermaid text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use super::view::{Planned, mark};
use crate::kind::{Intent, Step};
use crate::plan::{Action, Operation};

/// Edges between operations, by their index in the plan: the second waits for the first. Sorted; none follows from others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Graph {
    pub(super) edges: Vec<(usize, usize)>,
}

impl Graph {
    /// The graph of these operations. Deletions wait for what refers to them; that a replacement's old object also does,
    /// inside of the operation, is no edge.
    pub(super) fn of(operations: &[Operation]) -> Self {
        let mut owners: HashMap<&str, usize> = HashMap::new();
        for (index, operation) in operations.iter().enumerate() {
            owners.extend(operation.steps.iter().map(|step| (step.key.as_str(), index)));
        }
        let mut before: Vec<BTreeSet<usize>> = Vec::with_capacity(operations.len());
        for (index, operation) in operations.iter().enumerate() {
            let deletes = |step: &&Step| matches!(step.intent, Intent::Delete { .. });
            let taking = operation.action == Action::Delete;
            let steps = operation.steps.iter().filter(|step| taking || !deletes(step));
            let needs = steps.flat_map(|step| &step.needs);
            let needs = needs.filter_map(|key| owners.get(key.as_str()).copied());
            before.push(needs.filter(|other| *other != index).collect());
        }
        let order = sorted(&mut before);
        reduce(&mut before, &order);
        let edges =
            before.iter().enumerate().flat_map(|(to, froms)| froms.iter().map(move |from| (*from, to)));
        let mut edges: Vec<(usize, usize)> = edges.collect();
        edges.sort_unstable();
        Self { edges }
    }
}

/// Takes out every edge that closes a cycle, which only a plan that somebody else wrote can have. Returns for each node
/// the length of the longest way to it.
fn sorted(before: &mut [BTreeSet<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = before.iter().map(BTreeSet::len).collect();
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); before.len()];
    for (to, froms) in before.iter().enumerate() {
        for from in froms {
            if let Some(list) = after.get_mut(*from) {
                list.push(to);
            }
        }
    }
    let mut depth = vec![0; before.len()];
    let mut done = vec![false; before.len()];
    let mut ready: BTreeSet<usize> =
        (0..before.len()).filter(|n| before.get(*n).is_some_and(BTreeSet::is_empty)).collect();
    loop {
        let Some(node) = ready.pop_first() else {
            // A cycle: the first node of what is left goes ahead of all it waits for.
            let Some(node) = done.iter().position(|done| !done) else { return depth };
            if let Some(froms) = before.get_mut(node) {
                froms.retain(|from| done.get(*from).copied().unwrap_or_default());
            }
            ready.insert(node);
            continue;
        };
        if done.get(node).copied().unwrap_or(true) {
            continue;
        }
        if let (Some(done), Some(froms)) = (done.get_mut(node), before.get(node)) {
            *done = true;
            let deepest = froms.iter().filter_map(|from| depth.get(*from)).max().map_or(0, |d| d + 1);
            if let Some(depth) = depth.get_mut(node) {
                *depth = deepest;
            }
        }
        for next in after.get(node).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(*next) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.insert(*next);
                }
            }
        }
    }
}

/// Takes out every edge that follows from others: its node is also reached through another one that is waited for.
fn reduce(before: &mut [BTreeSet<usize>], depth: &[usize]) {
    let depth = |node: usize| depth.get(node).copied().unwrap_or_default();
    let all = before.to_vec();
    for froms in before.iter_mut() {
        // Only a node that is less deep than another can be before that.
        let shallowest = froms.iter().map(|from| depth(*from)).min().unwrap_or_default();
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        let mut open: Vec<usize> = froms.iter().copied().filter(|from| depth(*from) > shallowest).collect();
        while let Some(node) = open.pop() {
            for from in all.get(node).into_iter().flatten() {
                if depth(*from) >= shallowest && seen.insert(*from) {
                    open.push(*from);
                }
            }
        }
        froms.retain(|from| !seen.contains(from));
    }
}

/// More nodes than this are not drawn one by one: nobody could read them, and GitHub draws no more than 500 edges.
const MOST_NODES: usize = 60;

/// More edges than this are not drawn.
const MOST_EDGES: usize = 240;

/// A drawing.
pub(super) struct Drawing {
    /// Mermaid text, its last line ended. Holds no backtick, quote or bracket from outside.
    pub(super) text: String,
    /// What it leaves out, in words.
    pub(super) note: Option<String>,
}

/// The graph as a flow chart: a node for each operation in its pipeline's box, or for each pipeline where that would be
/// too many. None where nothing waits for anything.
pub(super) fn mermaid(operations: &[Planned<'_>], graph: &Graph) -> Option<Drawing> {
    if graph.edges.is_empty() {
        return None;
    }
    if operations.len() <= MOST_NODES && graph.edges.len() <= MOST_EDGES {
        return Some(Drawing { text: each(operations, graph), note: None });
    }
    Some(by_pipeline(operations, graph))
}

fn each(operations: &[Planned<'_>], graph: &Graph) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (number, (name, members)) in pipelines(operations).iter().enumerate() {
        let _ = writeln!(text, "  subgraph p{number}[\"{}\"]", label(name));
        // Else Mermaid turns a box that nothing leads into.
        text.push_str("    direction LR\n");
        for index in members {
            let Some(operation) = operations.get(*index) else { continue };
            let (mark, verb) = (label(mark(operation.action)), operation.action.name());
            let section = label(operation.operation.address.kind.section());
            let _ = writeln!(text, "    n{index}[\"{mark} {section}<br/>{verb}\"]:::{verb}");
        }
        text.push_str("  end\n");
    }
    for (from, to) in &graph.edges {
        let _ = writeln!(text, "  n{from} --> n{to}");
    }
    classes(&mut text, operations.iter().map(|o| o.action));
    text
}

fn by_pipeline(operations: &[Planned<'_>], graph: &Graph) -> Drawing {
    let mut text = "flowchart LR\n".to_owned();
    let pipelines = pipelines(operations);
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    for (number, (name, members)) in pipelines.iter().enumerate().take(MOST_NODES) {
        places.extend(members.iter().map(|index| (*index, number)));
        let mut counts: BTreeMap<Action, usize> = BTreeMap::new();
        for operation in members.iter().filter_map(|index| operations.get(*index)) {
            *counts.entry(operation.action).or_default() += 1;
        }
        let words: Vec<String> =
            counts.iter().map(|(action, count)| format!("{count} to {}", action.name())).collect();
        let _ = writeln!(text, "  p{number}[\"{}<br/>{}\"]", label(name), words.join(", "));
    }
    let between = graph.edges.iter().filter_map(|(from, to)| Some((places.get(from)?, places.get(to)?)));
    let between: BTreeSet<(&usize, &usize)> = between.filter(|(from, to)| from != to).collect();
    for (from, to) in between.iter().take(MOST_EDGES) {
        let _ = writeln!(text, "  p{from} --> p{to}");
    }
    let mut note = format!("{} operations are too many to draw: one box for each pipeline", operations.len());
    if pipelines.len() > MOST_NODES {
        let _ = write!(note, ", for the first {MOST_NODES} of {} pipelines", pipelines.len());
    }
    if between.len() > MOST_EDGES {
        let _ = write!(note, ", with the first {MOST_EDGES} of {} arrows", between.len());
    }
    note.push('.');
    Drawing { text, note: Some(note) }
}

/// The operations' indexes by pipeline, in the order of each one's first.
fn pipelines<'v>(operations: &'v [Planned<'_>]) -> Vec<(&'v str, Vec<usize>)> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut pipelines: Vec<(&str, Vec<usize>)> = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        let place = *places.entry(operation.pipeline.as_str()).or_insert(pipelines.len());
        match pipelines.get_mut(place) {
            Some((_, members)) => members.push(index),
            None => pipelines.push((&operation.pipeline, vec![index])),
        }
    }
    pipelines
}

/// Colours that can be read on a light page and on a dark one.
fn classes(text: &mut String, actions: impl Iterator<Item = Action>) {
    for action in actions.collect::<BTreeSet<_>>() {
        let (fill, stroke) = match action {
            Action::Create => ("#dafbe1", "#1a7f37"),
            Action::Adopt => ("#ddf4ff", "#0969da"),
            Action::Update => ("#fff8c5", "#9a6700"),
            Action::Replace => ("#fbefff", "#8250df"),
            Action::Delete => ("#ffebe9", "#cf222e"),
            Action::Forget => ("#eaeef2", "#57606a"),
        };
        let _ = writeln!(text, "  classDef {} fill:{fill},stroke:{stroke},color:#1f2328", action.name());
    }
}

/// Longest name in a drawing, in characters.
const LONGEST_LABEL: usize = 60;

/// A text within the quotes of a label: all but letters, digits and single spaces and dots between them as Mermaid's
/// numbered characters, so that nothing in it is markup of Mermaid, of the Markdown in its labels, or of HTML.
fn label(text: &str) -> String {
    let mut chars = text.chars().take(LONGEST_LABEL).peekable();
    let mut safe = String::new();
    let mut inner = false;
    while let Some(char) = chars.next() {
        let joins = inner && chars.peek().is_some_and(|next| next.is_alphanumeric());
        if char.is_alphanumeric() || (joins && matches!(char, '-' | '_' | '.' | ' ')) {
            safe.push(char);
        } else {
            let _ = write!(safe, "#{};", u32::from(char));
        }
        inner = char.is_alphanumeric();
    }
    if text.chars().nth(LONGEST_LABEL).is_some() {
        safe.push('…');
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::cases::{self, EVIL, World};
    use crate::render::view::view;

    fn named(plan: &crate::plan::Plan) -> Vec<(String, String)> {
        let name = |index: usize| plan.operations[index].address.kind.to_string();
        Graph::of(&plan.operations).edges.into_iter().map(|(a, b)| (name(a), name(b))).collect()
    }

    fn pairs(names: &[(&str, &str)]) -> Vec<(String, String)> {
        names.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn parents_go_before_children_and_deletions_the_other_way() {
        let made = [
            ("baseConnection", "source"),
            ("source", "dataflow"),
            ("target", "dataflow"),
            ("mapping", "dataflow"),
        ];
        assert_eq!(named(&World::fresh().plan()), pairs(&made));
        let gone = [
            ("dataflow", "mapping"),
            ("dataflow", "target"),
            ("dataflow", "source"),
            ("source", "baseConnection"),
        ];
        assert_eq!(named(&cases::destroyed().plan()), pairs(&gone));
    }

    #[test]
    fn a_replacement_waits_in_one_direction() {
        assert_eq!(named(&cases::cascade().plan()), pairs(&[("source", "dataflow")]));
    }

    #[test]
    fn what_follows_from_other_edges_is_left_out() {
        let mut before: Vec<BTreeSet<usize>> =
            [vec![], vec![0], vec![0, 1], vec![0, 1, 2]].map(|l| l.into_iter().collect()).to_vec();
        let depth = sorted(&mut before);
        reduce(&mut before, &depth);
        assert_eq!(before, [vec![], vec![0], vec![1], vec![2]].map(|l| l.into_iter().collect()));
    }

    #[test]
    fn a_cycle_is_cut() {
        let mut before: Vec<BTreeSet<usize>> =
            [vec![2], vec![0], vec![1, 3], vec![]].map(|l| l.into_iter().collect()).to_vec();
        assert_eq!(sorted(&mut before), [0, 1, 2, 0]);
        assert_eq!(before, [vec![], vec![0], vec![1, 3], vec![]].map(|l| l.into_iter().collect()));
    }

    #[test]
    fn labels_hold_no_markup() {
        assert_eq!(label("zendesk-users 2.0"), "zendesk-users 2.0");
        assert_eq!(label("1. one"), "1#46;#32;one");
        assert_eq!(label("a\"]`b"), "a#34;#93;#96;b");
        assert_eq!(label("-x-"), "#45;x#45;");
        assert!(!label(EVIL).contains(['"', '`', '<', '>', '[', ']', '(', '{', '\n', '\u{1b}', '%', '/']));
    }

    #[test]
    fn every_case() {
        crate::render::tests::snapshots("mermaid", |plan| {
            let drawing = mermaid(&view(plan).operations, &Graph::of(&plan.operations));
            drawing.map_or_else(|| "not drawn".to_owned(), |d| d.text)
        });
    }

    #[test]
    fn a_large_plan_is_drawn_by_pipeline() {
        for count in [40, 1000] {
            let plan = cases::pipelines(count);
            let view = view(&plan);
            let drawing = mermaid(&view.operations, &Graph::of(&plan.operations)).unwrap();
            assert!(drawing.text.lines().count() <= 1 + MOST_NODES, "{}", drawing.text);
            assert!(drawing.text.contains("  p1[\"pipeline-1<br/>2 to update\"]\n"), "{}", drawing.text);
            assert_eq!(drawing.note.unwrap().contains("the first 60 of 1000"), count == 1000);
        }
    }

    #[test]
    fn nothing_waits_nothing_is_drawn() {
        let plan = cases::one_field().plan();
        assert!(mermaid(&view(&plan).operations, &Graph::of(&plan.operations)).is_none());
    }
}
