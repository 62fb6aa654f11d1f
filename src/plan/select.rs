//! Which addresses a run looks at: `--target` and `--exclude`, closed over what an object cannot do without.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::kind::{Address, BadAddress};

/// An address, or a whole pipeline by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// One object.
    Address(Address),
    /// All objects of a pipeline.
    Pipeline(String),
}

impl Selector {
    /// Whether it names `address`.
    pub fn matches(&self, address: &Address) -> bool {
        match self {
            Self::Address(a) => a == address,
            Self::Pipeline(name) => *name == address.pipeline,
        }
    }
}

impl FromStr for Selector {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if text.contains('.') || text.is_empty() {
            text.parse().map(Self::Address)
        } else {
            Ok(Self::Pipeline(text.to_owned()))
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Pipeline(name) => f.write_str(name),
        }
    }
}

/// What a person selected.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only these, and what they need; everything when empty.
    pub targets: Vec<Selector>,
    /// Not these, nor what needs them.
    pub excludes: Vec<Selector>,
}

impl Selection {
    /// Whether everything is selected.
    pub fn is_everything(&self) -> bool {
        self.targets.is_empty() && self.excludes.is_empty()
    }

    /// The selected ones of `addresses`. `depends_on` are the edges from child to parents. When `destroy`, the edges
    /// count the other way round: a parent cannot go while its children stay.
    pub(super) fn resolve(
        &self,
        addresses: &BTreeSet<Address>,
        depends_on: &BTreeMap<Address, BTreeSet<Address>>,
        destroy: bool,
    ) -> BTreeSet<Address> {
        let children = reversed(depends_on);
        let (needs, needed_by) = if destroy { (&children, depends_on) } else { (depends_on, &children) };
        let named = |selectors: &[Selector]| -> BTreeSet<Address> {
            addresses.iter().filter(|a| selectors.iter().any(|s| s.matches(a))).cloned().collect()
        };
        let mut selected =
            if self.targets.is_empty() { addresses.clone() } else { closure(named(&self.targets), needs) };
        for excluded in closure(named(&self.excludes), needed_by) {
            selected.remove(&excluded);
            if destroy {
                // What stays keeps the parts of its section, which need it and not the other way round.
                selected.retain(|a| {
                    a.pipeline != excluded.pipeline || a.kind.spec().part_of() != Some(excluded.kind)
                });
            }
        }
        selected
    }

    /// Targets of which an exclusion leaves nothing, each with an address of it and the excluded one that this needs (or,
    /// when `destroy`, that needs it); `None` where it is excluded itself.
    pub(super) fn conflicts<'s>(
        &'s self,
        addresses: &BTreeSet<Address>,
        depends_on: &BTreeMap<Address, BTreeSet<Address>>,
        destroy: bool,
    ) -> Vec<(&'s Selector, Address, Option<Address>)> {
        let selected = self.resolve(addresses, depends_on, destroy);
        let children = reversed(depends_on);
        let needs = if destroy { &children } else { depends_on };
        let is_excluded = |address: &Address| self.excludes.iter().any(|s| s.matches(address));
        let mut conflicts = Vec::new();
        for target in &self.targets {
            let mut named = addresses.iter().filter(|a| target.matches(a)).peekable();
            let Some(first) = named.peek().copied().cloned() else { continue };
            if named.any(|address| selected.contains(address)) {
                continue;
            }
            let needed = closure(BTreeSet::from([first.clone()]), needs);
            let direct = is_excluded(&first);
            let cause = needed.into_iter().find(|address| !direct && is_excluded(address));
            conflicts.push((target, first, cause));
        }
        conflicts
    }

    /// Exclusions that take nothing out: what they name would not be looked at without them either.
    pub(super) fn idle_excludes<'s>(
        &'s self,
        addresses: &BTreeSet<Address>,
        depends_on: &BTreeMap<Address, BTreeSet<Address>>,
        destroy: bool,
    ) -> Vec<&'s Selector> {
        let selected = self.resolve(addresses, depends_on, destroy);
        let is_idle = |selector: &&Selector| {
            let excludes = self.excludes.iter().filter(|other| other != selector).cloned().collect();
            let others = Self { targets: self.targets.clone(), excludes };
            others.resolve(addresses, depends_on, destroy) == selected
        };
        if self.targets.is_empty() { Vec::new() } else { self.excludes.iter().filter(is_idle).collect() }
    }

    /// The selected ones of the sections of a manifest, when these are to be there.
    pub fn of<'a>(
        &self,
        sections: impl IntoIterator<Item = (&'a Address, &'a [Address])>,
    ) -> BTreeSet<Address> {
        let depends_on: BTreeMap<Address, BTreeSet<Address>> = sections
            .into_iter()
            .map(|(address, parents)| (address.clone(), parents.iter().cloned().collect()))
            .collect();
        self.resolve(&depends_on.keys().cloned().collect(), &depends_on, false)
    }

    /// Selectors that name none of `addresses`.
    pub fn unmatched<'a>(&'a self, addresses: &'a BTreeSet<Address>) -> impl Iterator<Item = &'a Selector> {
        self.targets
            .iter()
            .chain(&self.excludes)
            .filter(|selector| !addresses.iter().any(|a| selector.matches(a)))
    }
}

fn reversed(edges: &BTreeMap<Address, BTreeSet<Address>>) -> BTreeMap<Address, BTreeSet<Address>> {
    let mut reversed: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    for (child, parents) in edges {
        for parent in parents {
            reversed.entry(parent.clone()).or_default().insert(child.clone());
        }
    }
    reversed
}

fn closure(start: BTreeSet<Address>, edges: &BTreeMap<Address, BTreeSet<Address>>) -> BTreeSet<Address> {
    let mut all = start.clone();
    let mut open: Vec<Address> = start.into_iter().collect();
    while let Some(address) = open.pop() {
        for next in edges.get(&address).into_iter().flatten() {
            if all.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    fn selected(targets: &[&str], excludes: &[&str], destroy: bool) -> Vec<String> {
        let address = |text: &str| text.parse::<Address>().unwrap();
        let edges = [
            ("a.source", vec!["a.baseConnection"]),
            ("a.dataflow", vec!["a.source"]),
            ("b.source", vec!["a.baseConnection"]),
        ];
        let depends_on: BTreeMap<_, BTreeSet<_>> = edges
            .iter()
            .map(|(child, parents)| (address(child), parents.iter().map(|p| address(p)).collect()))
            .collect();
        let mut addresses: BTreeSet<Address> = depends_on.keys().cloned().collect();
        addresses.insert(Address::new("a", Kind::BaseConnection));
        let parse = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
        let selection = Selection { targets: parse(targets), excludes: parse(excludes) };
        selection.resolve(&addresses, &depends_on, destroy).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_target_brings_what_it_needs() {
        assert_eq!(selected(&["a.source"], &[], false), ["a.baseConnection", "a.source"]);
        assert_eq!(selected(&["a.source"], &[], true), ["a.source", "a.dataflow"]);
        assert_eq!(selected(&["b"], &[], false), ["a.baseConnection", "b.source"]);
    }

    #[test]
    fn an_exclusion_takes_along_what_needs_it() {
        assert_eq!(selected(&[], &["a.source"], false), ["a.baseConnection", "b.source"]);
        assert_eq!(selected(&[], &["a.source"], true), ["a.dataflow", "b.source"]);
    }
}
