//! Where the nodes and edges of a graph are drawn: columns by longest path, one lane for each group, few crossings. Pure
//! and integer, so that equal graphs lie equally. Knows nothing of what a node is, and draws nothing.
//!
//! An edge over several columns gets a free slot in each column between, so that it never runs behind a node. Cycles do
//! no harm: an edge that closes one is drawn backwards.

use std::collections::BTreeMap;

/// How often each column is sorted by its neighbours, to the right and back.
const SWEEPS: usize = 4;

/// A place on the grid. Rows count halves, so that a short column can stand centred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) column: usize,
    pub(super) half_row: usize,
}

/// The places of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// How many columns there are.
    pub(super) columns: usize,
    /// Rows of each lane. A cell's row counts from its lane's top.
    pub(super) lanes: Vec<usize>,
    /// One for each node.
    pub(super) nodes: Vec<Cell>,
    /// For each edge, where it passes between its ends, with the lane.
    pub(super) ways: Vec<Vec<(usize, Cell)>>,
}

/// What takes a slot in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Node(usize),
    Way { edge: usize, column: usize },
}

/// Lays out `lanes.len()` nodes, each in its lane, joined by `edges`. Edges of nodes that are not there are left out.
pub(super) fn lay_out(lanes: &[usize], edges: &[(usize, usize)]) -> Layout {
    let sound = |edge: &(usize, usize)| edge.0 < lanes.len() && edge.1 < lanes.len() && edge.0 != edge.1;
    let columns = columns(lanes.len(), &edges.iter().copied().filter(sound).collect::<Vec<_>>());
    let column_of = |node: usize| columns.get(node).copied().unwrap_or_default();
    let lane_of = |node: usize| lanes.get(node).copied().unwrap_or_default();

    // Slots by lane and column, and each slot's neighbours to the left and right.
    let mut slots: BTreeMap<(usize, usize), Vec<Item>> = BTreeMap::new();
    let mut left: BTreeMap<Item, Vec<(usize, Item)>> = BTreeMap::new();
    let mut right: BTreeMap<Item, Vec<(usize, Item)>> = BTreeMap::new();
    for node in 0..lanes.len() {
        slots.entry((lane_of(node), column_of(node))).or_default().push(Item::Node(node));
    }
    for (index, edge) in edges.iter().enumerate().filter(|(_, e)| sound(e)) {
        let lane = lane_of(edge.1);
        let mut last = (lane_of(edge.0), Item::Node(edge.0));
        for column in column_of(edge.0) + 1..column_of(edge.1) {
            let way = (lane, Item::Way { edge: index, column });
            slots.entry((lane, column)).or_default().push(way.1);
            right.entry(last.1).or_default().push(way);
            left.entry(way.1).or_default().push(last);
            last = way;
        }
        if column_of(edge.0) < column_of(edge.1) {
            right.entry(last.1).or_default().push((lane, Item::Node(edge.1)));
            left.entry(Item::Node(edge.1)).or_default().push(last);
        }
    }

    let lane_count = lanes.iter().max().map_or(0, |most| most + 1);
    let mut rows = vec![0; lane_count];
    for ((lane, _), items) in &slots {
        if let Some(most) = rows.get_mut(*lane) {
            *most = items.len().max(*most);
        }
    }
    let column_count = columns.iter().max().map_or(0, |most| most + 1);
    for sweep in 0..SWEEPS {
        let (beside, order): (_, Vec<usize>) = if sweep % 2 == 0 {
            (&left, (0..column_count).collect())
        } else {
            (&right, (0..column_count).rev().collect())
        };
        for column in order {
            sort_column(&mut slots, &rows, beside, column);
        }
    }

    let mut layout = Layout {
        columns: column_count,
        nodes: vec![Cell { column: 0, half_row: 0 }; lanes.len()],
        ways: vec![Vec::new(); edges.len()],
        lanes: rows,
    };
    for ((lane, column), items) in &slots {
        for (index, item) in items.iter().enumerate() {
            let half_row = half_row(layout.lanes.get(*lane).copied().unwrap_or_default(), items.len(), index);
            let cell = Cell { column: *column, half_row };
            match *item {
                Item::Node(node) => {
                    if let Some(at) = layout.nodes.get_mut(node) {
                        *at = cell;
                    }
                }
                Item::Way { edge, .. } => {
                    if let Some(ways) = layout.ways.get_mut(edge) {
                        ways.push((*lane, cell));
                    }
                }
            }
        }
    }
    for ways in &mut layout.ways {
        ways.sort_by_key(|(_, cell)| cell.column);
    }
    layout
}

/// The row of one of `count` slots, centred in a lane of `rows`.
fn half_row(rows: usize, count: usize, index: usize) -> usize {
    2 * index + rows.saturating_sub(count)
}

/// Sorts a column's slots, lane by lane, by the mean row of their neighbours; whoever has none stays between the same.
fn sort_column(
    slots: &mut BTreeMap<(usize, usize), Vec<Item>>,
    rows: &[usize],
    beside: &BTreeMap<Item, Vec<(usize, Item)>>,
    column: usize,
) {
    // Rows over all lanes, so that an edge from a lane above pulls up.
    let mut top = 0;
    let mut place: BTreeMap<Item, usize> = BTreeMap::new();
    for (lane, rows) in rows.iter().enumerate() {
        for ((_, _), items) in slots.range((lane, 0)..=(lane, usize::MAX)) {
            for (index, item) in items.iter().enumerate() {
                place.insert(*item, top + half_row(*rows, items.len(), index));
            }
        }
        top += rows * 2;
    }
    for lane in 0..rows.len() {
        let Some(items) = slots.get_mut(&(lane, column)) else { continue };
        items.sort_by_key(|item| {
            let rows: Vec<usize> = beside
                .get(item)
                .into_iter()
                .flatten()
                .filter_map(|(_, other)| place.get(other).copied())
                .collect();
            let own = place.get(item).copied().unwrap_or_default();
            if rows.is_empty() { own * 1000 } else { rows.iter().sum::<usize>() * 1000 / rows.len() }
        });
    }
}

/// Each node's column: one to the right of all that lead to it; who has nothing before it, just before what it leads to.
fn columns(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let order = order(count, edges);
    let mut rank = vec![0; count];
    for (place, node) in order.iter().enumerate() {
        if let Some(rank) = rank.get_mut(*node) {
            *rank = place;
        }
    }
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut first = vec![true; count];
    for (from, to) in edges {
        // What closes a cycle has no say.
        if rank.get(*from) < rank.get(*to)
            && let (Some(list), Some(first)) = (after.get_mut(*from), first.get_mut(*to))
        {
            list.push(*to);
            *first = false;
        }
    }
    let mut columns = vec![0usize; count];
    for node in &order {
        let next = columns.get(*node).copied().unwrap_or_default() + 1;
        for to in after.get(*node).into_iter().flatten() {
            if let Some(column) = columns.get_mut(*to) {
                *column = next.max(*column);
            }
        }
    }
    for node in 0..count {
        let nearest = after.get(node).into_iter().flatten().filter_map(|to| columns.get(*to)).min().copied();
        if let (Some(nearest), Some(true), Some(column)) = (nearest, first.get(node), columns.get_mut(node)) {
            *column = nearest.saturating_sub(1);
        }
    }
    columns
}

/// Every node after those that lead to it, as far as there is no cycle; within that, by number.
fn order(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut waits = vec![0usize; count];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in edges {
        if let (Some(list), Some(waits)) = (after.get_mut(*from), waits.get_mut(*to)) {
            list.push(*to);
            *waits += 1;
        }
    }
    let mut left: std::collections::BTreeSet<(usize, usize)> =
        waits.iter().enumerate().map(|(node, waits)| (*waits, node)).collect();
    let mut order = Vec::with_capacity(count);
    // Whoever waits for the fewest is next: for none, unless there is a cycle.
    while let Some((_, node)) = left.pop_first() {
        order.push(node);
        for to in after.get(node).into_iter().flatten() {
            if let Some(waits) = waits.get_mut(*to)
                && left.remove(&(*waits, *to))
            {
                *waits -= 1;
                left.insert((*waits, *to));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Base connection, source, target, mapping, dataflow.
    const PIPELINE: &[(usize, usize)] = &[(0, 1), (1, 4), (2, 4), (3, 4)];

    fn columns_of(layout: &Layout) -> Vec<usize> {
        layout.nodes.iter().map(|cell| cell.column).collect()
    }

    #[test]
    fn a_pipeline_reads_from_left_to_right() {
        let layout = lay_out(&[0; 5], PIPELINE);
        assert_eq!(columns_of(&layout), [0, 1, 1, 1, 2]);
        assert_eq!(layout.lanes, [3]);
        let rows: Vec<usize> = layout.nodes.iter().map(|cell| cell.half_row).collect();
        assert_eq!(rows, [2, 0, 2, 4, 2], "a lone node stands in the middle of its lane");
    }

    #[test]
    fn a_long_edge_gets_a_slot_of_its_own() {
        // 0 -> 1 -> 2 and 0 -> 2: the second passes column 1 beside node 1.
        let layout = lay_out(&[0; 3], &[(0, 1), (1, 2), (0, 2)]);
        let [(lane, way)] = layout.ways[2].as_slice() else { panic!("{:?}", layout.ways) };
        assert_eq!((*lane, way.column), (0, 1));
        assert_ne!(way.half_row, layout.nodes[1].half_row);
    }

    #[test]
    fn lanes_keep_their_nodes_and_edges_go_between_them() {
        let lanes = [0, 0, 1, 1];
        let layout = lay_out(&lanes, &[(0, 1), (0, 3), (2, 3)]);
        assert_eq!(columns_of(&layout), [0, 1, 0, 1]);
        assert_eq!(layout.lanes, [1, 1]);
    }

    #[test]
    fn two_edges_that_would_cross_do_not() {
        // 0 -> 3 and 1 -> 2, all in one lane.
        let layout = lay_out(&[0; 4], &[(0, 3), (1, 2)]);
        let row = |node: usize| layout.nodes[node].half_row;
        assert_eq!(row(0) < row(1), row(3) < row(2));
    }

    #[test]
    fn no_two_nodes_share_a_cell_and_cycles_end() {
        let cycle: Vec<(usize, usize)> =
            (0..6).map(|n| (n, (n + 1) % 6)).chain([(2, 2), (9, 1), (1, 99)]).collect();
        let layout = lay_out(&[0, 0, 0, 1, 1, 1], &cycle);
        let mut cells: Vec<(usize, usize, usize)> = [0, 0, 0, 1, 1, 1]
            .iter()
            .zip(&layout.nodes)
            .map(|(lane, c)| (*lane, c.column, c.half_row))
            .collect();
        cells.sort_unstable();
        cells.dedup();
        assert_eq!(cells.len(), 6);
        assert_eq!(lay_out(&[], &[]), Layout::default());
    }
}
