//! What a plan makes and what it deletes, looked at together: a new object with the name of one that no section describes
//! any more is that object under another address, and making it anew would lose what it holds.
//!
//! Here such pairs are found, refused or warned of with the `moved` block that means them, and each deletion is made to
//! wait for what takes its place. Names that the platform takes only once are `titles`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::{Action, Inputs, Mode, Move, Operation, Plan, Refusal, Warning};
use crate::kind::{Address, Body, Intent, Kind, visit_leaves};
use crate::state::model::Entry;

/// Finds the renames of a plan whose steps are linked already, and adds what is to be said and to be waited for.
pub(super) fn check(plan: &mut Plan, inputs: &Inputs<'_>, entries: &BTreeMap<Address, Entry>) {
    if plan.mode != Mode::Normal {
        return;
    }
    let wanted: BTreeSet<&Address> = inputs.manifest.sections.iter().map(|s| &s.address).collect();
    let mut created: Vec<Named<'_>> = plan.operations.iter().filter_map(created).collect();
    // What is new and not selected would be made by a later plan: what this one deletes may be it all the same.
    let planned: BTreeSet<Address> = plan.operations.iter().map(|o| o.address.clone()).collect();
    let later = inputs
        .manifest
        .sections
        .iter()
        .filter(|s| !planned.contains(&s.address) && !entries.contains_key(&s.address));
    created.extend(later.map(|section| Named {
        address: section.address.clone(),
        name: section.address.kind.spec().name(&section.body),
        body: &section.body,
    }));
    let gone: Vec<Named<'_>> = entries
        .iter()
        .filter(|(address, _)| !wanted.contains(address))
        .filter_map(|(address, entry)| gone(address, entry, inputs))
        .collect();
    if created.is_empty() || gone.is_empty() {
        return;
    }
    let found = pairs(&created, &gone, &wanted);
    let mut groups: BTreeMap<(String, String), Vec<Pair>> = BTreeMap::new();
    for pair in found {
        wait(plan, &pair);
        let pipelines = (pair.from.pipeline.clone(), pair.to.pipeline.clone());
        groups.entry(pipelines).or_default().push(pair);
    }
    let mut moves = Vec::new();
    for pairs in groups.values() {
        say(plan, inputs, entries, pairs);
        // Of several that it may be, only a person can tell.
        moves.extend(
            pairs
                .iter()
                .filter(|pair| !pair.is_unsure)
                .map(|pair| Move { from: pair.from.clone(), to: pair.to.clone() }),
        );
    }
    moves.sort_by(|a, b| (&a.from, &a.to).cmp(&(&b.from, &b.to)));
    plan.moved_block = block(&moves, entries, &wanted);
    plan.renames = moves;
}

/// An object by its name on the platform.
struct Named<'p> {
    address: Address,
    name: Option<String>,
    /// As it is wanted, or as it was last sent.
    body: &'p Body,
}

/// The new ones and the old ones of one name.
type Sides<'p> = (Vec<&'p Address>, Vec<&'p Address>);

/// A new object, and the one that it would take the place of.
struct Pair {
    from: Address,
    to: Address,
    /// Whether the names are the same to the letter.
    is_exact: bool,
    /// Whether it is known by its name, and not by what else it is.
    by_name: bool,
    /// Whether it may be another one as well.
    is_unsure: bool,
}

fn created(operation: &Operation) -> Option<Named<'_>> {
    let body = operation.body.as_ref().filter(|_| operation.action == Action::Create)?;
    Some(Named { address: operation.address.clone(), name: operation.address.kind.spec().name(body), body })
}

/// An object that no section describes and that is still on the platform.
fn gone<'e>(address: &Address, entry: &'e Entry, inputs: &Inputs<'_>) -> Option<Named<'e>> {
    let observed = inputs.observations.managed.get(address).filter(|o| !o.is_going())?;
    let spec = address.kind.spec();
    let name = spec.name(&observed.body).or_else(|| spec.name(&entry.applied));
    Some(Named { address: address.clone(), name, body: &entry.applied })
}

/// Pairs by name; then by a name that differs in case or spaces alone; then what is left of pipelines that pairs have been
/// found between, since a name may be made of the pipeline's, or may have changed along with it.
fn pairs(created: &[Named<'_>], gone: &[Named<'_>], wanted: &BTreeSet<&Address>) -> Vec<Pair> {
    let exact = |name: &str| name.to_owned();
    let alike = |name: &str| {
        let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
        words.join(" ")
    };
    let mut found: Vec<Pair> = Vec::new();
    for (is_exact, key) in [(true, &exact as &dyn Fn(&str) -> String), (false, &alike)] {
        let mut named: BTreeMap<(Kind, String), Sides<'_>> = BTreeMap::new();
        let open = |address: &Address| found.iter().all(|p| p.from != *address && p.to != *address);
        for one in created.iter().filter(|one| open(&one.address)) {
            if let Some(name) = &one.name {
                named.entry((one.address.kind, key(name))).or_default().0.push(&one.address);
            }
        }
        for one in gone.iter().filter(|one| open(&one.address)) {
            if let Some(name) = &one.name {
                named.entry((one.address.kind, key(name))).or_default().1.push(&one.address);
            }
        }
        let of_name = |to: &Address, from: &Address, is_unsure| Pair {
            from: from.clone(),
            to: to.clone(),
            is_exact,
            by_name: true,
            is_unsure,
        };
        let (sure, unsure): (Vec<_>, Vec<_>) =
            named.into_values().partition(|(to, from)| to.len() == 1 && from.len() == 1);
        for (to, from) in &sure {
            found.extend(to.iter().zip(from).map(|(to, from)| of_name(to, from, false)));
        }
        let mut more = Vec::new();
        for (to, from) in &unsure {
            for from in from {
                // Where one of them is of the pipeline that this one's went to, it is that one.
                let goes = |to: &&&Address| {
                    found.iter().any(|p| p.from.pipeline == from.pipeline && p.to.pipeline == to.pipeline)
                };
                let likely: Vec<&&Address> = to.iter().filter(goes).collect();
                match likely.as_slice() {
                    [one] => more.push(of_name(one, from, false)),
                    _ => more.extend(to.iter().map(|to| of_name(to, from, true))),
                }
            }
        }
        found.extend(more);
    }
    let besides = besides(created, gone, wanted, &found);
    found.extend(besides);
    let alike = renamed_all_over(created, gone, wanted, &found);
    found.extend(alike);
    found
}

/// What is left of pipelines, or of schemas, that pairs have been found between.
fn besides(
    created: &[Named<'_>],
    gone: &[Named<'_>],
    wanted: &BTreeSet<&Address>,
    found: &[Pair],
) -> Vec<Pair> {
    let mut besides = Vec::new();
    for one in gone.iter().filter(|one| found.iter().all(|p| p.from != one.address)) {
        let (from, kind) = (&one.address.pipeline, one.address.kind);
        let is_whole_gone = wanted.iter().all(|address| address.pipeline != *from);
        let is_part_of_pair = kind.spec().part_of().is_some_and(|whole| {
            found.iter().any(|p| p.from.pipeline == *from && p.from.kind == whole && !p.is_unsure)
        });
        if !is_whole_gone && !is_part_of_pair {
            continue;
        }
        let leads = |to: &Address| {
            found.iter().any(|p| {
                let same = p.from.pipeline == *from && p.to.pipeline == to.pipeline && !p.is_unsure;
                same && (is_whole_gone || kind.spec().part_of() == Some(p.from.kind))
            })
        };
        let is_open = |to: &Address| found.iter().all(|p| p.to != *to);
        let candidates: Vec<&Named<'_>> = created
            .iter()
            .filter(|c| c.address.kind == kind && is_open(&c.address) && leads(&c.address))
            .collect();
        if let [to] = candidates.as_slice() {
            besides.push(Pair {
                from: one.address.clone(),
                to: to.address.clone(),
                is_exact: false,
                by_name: true,
                is_unsure: false,
            });
        }
    }
    besides
}

/// Pairs of a pipeline that has gone as a whole and one that is new as a whole, where all names have changed along with the
/// pipeline's: the same sections, most of them the same in all but names.
fn renamed_all_over(
    created: &[Named<'_>],
    gone: &[Named<'_>],
    wanted: &BTreeSet<&Address>,
    found: &[Pair],
) -> Vec<Pair> {
    let by_pipeline = |named: &[Named<'_>]| {
        let mut pipelines: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, one) in named.iter().enumerate() {
            pipelines.entry(one.address.pipeline.clone()).or_default().push(index);
        }
        pipelines
    };
    let (new, old) = (by_pipeline(created), by_pipeline(gone));
    let is_free = |pipeline: &str| {
        found.iter().all(|pair| pair.from.pipeline != pipeline && pair.to.pipeline != pipeline)
    };
    let mut likely: Vec<(&String, &String, Vec<Pair>)> = Vec::new();
    for (from, old) in old.iter().filter(|(from, _)| is_free(from)) {
        if wanted.iter().any(|address| address.pipeline == *from) {
            continue;
        }
        for (to, new) in new.iter().filter(|(to, _)| is_free(to)) {
            let is_new = wanted.iter().filter(|a| a.pipeline == *to).count() == new.len();
            let mut pairs = Vec::new();
            let mut same = 0;
            for one in old.iter().filter_map(|index| gone.get(*index)) {
                let of_kind = new.iter().filter_map(|index| created.get(*index));
                let Some(other) = of_kind.into_iter().find(|o| o.address.kind == one.address.kind) else {
                    break;
                };
                same += usize::from(is_same_but_for_names(other.body, one.body));
                pairs.push(Pair {
                    from: one.address.clone(),
                    to: other.address.clone(),
                    is_exact: false,
                    by_name: false,
                    is_unsure: false,
                });
            }
            if is_new && pairs.len() == old.len() && pairs.len() == new.len() && same * 2 > pairs.len() {
                likely.push((from, to, pairs));
            }
        }
    }
    let of_old = |pipeline: &str| likely.iter().filter(|(from, ..)| *from == pipeline).count();
    let of_new = |pipeline: &str| likely.iter().filter(|(_, to, _)| *to == pipeline).count();
    let sure: BTreeSet<(String, String)> = likely
        .iter()
        .filter(|(from, to, _)| of_old(from) == 1 && of_new(to) == 1)
        .map(|(from, to, _)| ((*from).clone(), (*to).clone()))
        .collect();
    likely
        .into_iter()
        .filter(|(from, to, _)| sure.contains(&((*from).clone(), (*to).clone())))
        .flat_map(|(_, _, pairs)| pairs)
        .collect()
}

/// Whether a new object says what another has, apart from names, words and what refers to others.
fn is_same_but_for_names(wanted: &Body, applied: &Body) -> bool {
    let told = |path: &str| !matches!(path, "/name" | "/description");
    let applied = super::fields(applied, &told);
    super::fields(wanted, &told).iter().all(|(path, value)| {
        let mut refers = false;
        visit_leaves(value, &mut |_| refers = true);
        refers || path.contains('{') || applied.get(path) == Some(value)
    })
}

/// The old object goes after the new one is all that it shall be, and not if that fails.
fn wait(plan: &mut Plan, pair: &Pair) {
    let made = plan.operations.iter().find(|o| o.action == Action::Create && o.address == pair.to);
    let Some(last) = made.and_then(|o| o.steps.last()).map(|step| step.key.clone()) else { return };
    let old = plan
        .operations
        .iter_mut()
        .find(|o| o.action == Action::Delete && o.address == pair.from && !o.is_leftover());
    for step in old.into_iter().flat_map(|o| &mut o.steps) {
        if matches!(step.intent, Intent::Delete { .. }) && !step.needs.contains(&last) {
            step.needs.push(last.clone());
        }
    }
}

/// What is said of the pairs between two pipelines.
fn say(plan: &mut Plan, inputs: &Inputs<'_>, entries: &BTreeMap<Address, Entry>, pairs: &[Pair]) {
    let Some(first) = pairs.first() else { return };
    let deleted = |pair: &&Pair| {
        let is = |o: &Operation| o.action == Action::Delete && o.address == pair.from;
        plan.operations.iter().any(|o| is(o) && !o.is_leftover())
    };
    let loss = |pair: &&Pair| {
        entries.get(&pair.from).and_then(|entry| pair.from.kind.spec().loss(&entry.applied)).is_some()
    };
    let meant = |pair: &&Pair| inputs.options.create_beside.iter().any(|s| s.matches(&pair.to));
    let unique = |pair: &&Pair| pair.is_exact && pair.from.kind.spec().unique_names();
    let taken: Vec<&Pair> = pairs.iter().filter(unique).collect();
    let lost: Vec<&Pair> = pairs.iter().filter(|pair| deleted(pair) && loss(pair)).collect();
    let unmeant: Vec<&Pair> = lost.iter().copied().filter(|pair| !meant(pair)).collect();
    let listed = |pairs: &[&Pair], of: fn(&Pair) -> &Address| -> String {
        let names: BTreeSet<String> = pairs.iter().map(|pair| of(pair).to_string()).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    let makes: BTreeSet<&Address> = pairs.iter().map(|pair| &pair.to).collect();
    let old: BTreeSet<&Address> = pairs.iter().map(|pair| &pair.from).collect();
    let counted = |addresses: &BTreeSet<&Address>, pipeline: &str| match addresses.first() {
        Some(one) if addresses.len() == 1 => one.to_string(),
        _ => format!("{} objects of {pipeline}", addresses.len()),
    };
    let stay = pairs.iter().filter(|pair| !deleted(pair)).count();
    let then = match stay {
        0 => "deletes",
        n if n == pairs.len() => "leaves, with no section that describes them,",
        _ => "deletes or leaves",
    };
    let known = match (pairs.iter().any(|pair| pair.by_name), old.len()) {
        (true, 1) => "known by the same name: that is a rename",
        (true, _) => "known by the same names: that is a rename",
        (false, _) => "the same but for their names: that looks like a rename",
    };
    let is_made =
        |pair: &Pair| plan.operations.iter().any(|o| o.action == Action::Create && o.address == pair.to);
    let new = if pairs.iter().any(is_made) { "the plan makes" } else { "the manifest describes" };
    let mut text = format!(
        "{new} {} anew, and {then} {}, {known}",
        counted(&makes, &first.to.pipeline),
        counted(&old, &first.from.pipeline),
    );
    if !taken.is_empty() {
        let has = listed(&taken, |pair| &pair.from);
        let _ = write!(text, "; the platform takes a name once, and has {has}");
    }
    if !lost.is_empty() {
        let _ = write!(text, "; all data in {} would be destroyed", listed(&lost, |pair| &pair.from));
    }
    let sure = pairs.iter().any(|pair| !pair.is_unsure);
    let block = if sure {
        "the `moved` block of this plan, put into the manifest, keeps what is there under its new address"
    } else {
        "several could be it: say with `moved` which one it is"
    };
    if taken.is_empty() && unmeant.is_empty() {
        let order = if stay < pairs.len() { "; what is deleted goes when the new one is there" } else { "" };
        let text = format!("{text}{order}; {block}");
        plan.warnings.push(Warning { address: Some(first.to.clone()), path: None, text });
        return;
    }
    let otherwise = if taken.is_empty() {
        format!(
            "if new ones are meant, and the loss too, say so with `--create-beside {}`",
            listed(&unmeant, |pair| &pair.to)
        )
    } else {
        "if new ones are meant, give them names of their own, or delete the old ones in an apply before"
            .to_owned()
    };
    let address = taken.first().or(unmeant.first()).map(|pair| pair.to.clone());
    plan.refusals.push(Refusal { address, text, hint: format!("{block}; {otherwise}") });
}

/// The block that means these moves, as text for a manifest; a pipeline as a whole where all of it goes to one place.
fn block(moves: &[Move], entries: &BTreeMap<Address, Entry>, wanted: &BTreeSet<&Address>) -> String {
    if moves.is_empty() {
        return String::new();
    }
    let mut text = "moved:\n".to_owned();
    let mut whole: BTreeSet<&str> = BTreeSet::new();
    for one in moves {
        let (from, to) = (&one.from.pipeline, &one.to.pipeline);
        if whole.contains(from.as_str()) {
            continue;
        }
        let goes = |address: &Address| moves.iter().any(|m| m.from == *address && m.to.pipeline == *to);
        let all = entries.keys().filter(|address| address.pipeline == *from).all(goes)
            && wanted.iter().all(|address| address.pipeline != *from);
        let rivals = moves.iter().any(|m| m.from.pipeline != *from && m.to.pipeline == *to);
        if all && !rivals {
            whole.insert(from);
            let _ = writeln!(text, "  - {{ from: {from}, to: {to} }}");
        } else {
            let _ = writeln!(text, "  - {{ from: {}, to: {} }}", one.from, one.to);
        }
    }
    text
}
