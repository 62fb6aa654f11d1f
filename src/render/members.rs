//! Long lists that a kind owns whole: which members are added, removed and changed, and how. Data, no layout.

use std::borrow::Cow;

use serde_json::Value;

use super::alike::Spelling;
use super::value::{SENSITIVE, field_name, sanitize, unescape};
use super::view::{Becomes, Shown, Sides, Sign, is_secret};
use crate::kind::{Body, Row, Spec};
use crate::plan::{Cause, FieldChange};

/// The members of one list that are new or change.
pub(super) struct List<'p> {
    /// `fields`.
    pub(super) name: String,
    /// What a member's name is: `destination`.
    pub(super) label: &'static str,
    /// What the value of [`Member::main`] is: `source`.
    pub(super) main: &'static str,
    /// `1 added, 2 changed`; of a new object's list how many there are.
    pub(super) summary: String,
    /// Whether the object is new, so that nothing is compared.
    pub(super) new: bool,
    pub(super) members: Vec<Member<'p>>,
}

/// One member.
pub(super) struct Member<'p> {
    pub(super) sign: Sign,
    pub(super) name: String,
    /// What it is made from: [`Becomes::Is`] where that does not change.
    pub(super) main: Option<Becomes<'p>>,
    /// What else changes or does not go without saying, by name.
    pub(super) others: Vec<(String, Becomes<'p>)>,
    /// That it is the platform's change that is taken back.
    pub(super) remark: Option<&'static str>,
}

/// The owned pointer that `path` lies below.
pub(super) fn owner(spec: &dyn Spec, path: &str) -> Option<&'static str> {
    spec.owned().iter().copied().find(|o| path.strip_prefix(o).is_some_and(|rest| rest.starts_with('/')))
}

/// The members of a new object's lists.
pub(super) fn created<'p>(spec: &dyn Spec, body: &'p Body) -> Vec<List<'p>> {
    let row = spec.row();
    let mut lists = Vec::new();
    for pointer in spec.owned() {
        let Some(members) = body.pointer(pointer).and_then(Value::as_object) else { continue };
        let member = |(name, member): (&String, &'p Value)| {
            let fields = member.as_object().into_iter().flatten();
            whole(row, Sign::Added, name, fields.map(|(name, value)| (name.clone(), value, false)))
        };
        lists.push(List {
            name: field_name(pointer),
            label: row.label,
            main: row.main,
            summary: members.len().to_string(),
            new: true,
            members: members.iter().map(member).collect(),
        });
    }
    lists
}

/// The members that change. `body` is the wanted body, if there is one, for what does not change beside what does.
pub(super) fn changed<'p>(
    spec: &dyn Spec,
    changes: &[&'p FieldChange],
    sides: Sides,
    body: Option<&'p Body>,
) -> Vec<List<'p>> {
    let row = spec.row();
    let mut lists = Vec::new();
    for pointer in spec.owned() {
        let members = by_member(pointer, changes);
        if members.is_empty() {
            continue;
        }
        let wanted = body.and_then(|b| b.pointer(pointer));
        let spelling = Spelling::of_names(members.iter().map(|(name, _)| name.as_str()));
        let members: Vec<Member<'p>> = members
            .iter()
            .map(|(name, list)| {
                let member = member(row, name, list, sides, wanted.and_then(|w| w.get(name)));
                Member { name: spelling.line(&member.name).into_owned(), ..member }
            })
            .collect();
        let count = |sign: Sign, word: &str| match members.iter().filter(|m| m.sign == sign).count() {
            0 => None,
            n => Some(format!("{n} {word}")),
        };
        let counts =
            [count(Sign::Added, "added"), count(Sign::Removed, "removed"), count(Sign::Changed, "changed")];
        lists.push(List {
            name: field_name(pointer),
            label: row.label,
            main: row.main,
            summary: counts.into_iter().flatten().collect::<Vec<_>>().join(", "),
            new: false,
            members,
        });
    }
    lists
}

/// The changes below `pointer` by the member they are about, in their own order.
fn by_member<'p>(pointer: &str, changes: &[&'p FieldChange]) -> Vec<(String, Vec<&'p FieldChange>)> {
    let mut places = std::collections::HashMap::new();
    let mut members: Vec<(String, Vec<&FieldChange>)> = Vec::new();
    for change in changes {
        let Some(rest) = change.path.strip_prefix(pointer).and_then(|r| r.strip_prefix('/')) else {
            continue;
        };
        let name = unescape(rest.split('/').next().unwrap_or_default());
        let place = *places.entry(name.clone()).or_insert(members.len());
        match members.get_mut(place) {
            Some((_, list)) => list.push(change),
            None => members.push((name, vec![change])),
        }
    }
    members
}

/// The name of the field of a member that a change is about.
fn last(change: &FieldChange) -> String {
    unescape(change.path.rsplit('/').next().unwrap_or_default())
}

fn member<'p>(
    row: Row,
    name: &str,
    changes: &[&'p FieldChange],
    sides: Sides,
    wanted: Option<&'p Value>,
) -> Member<'p> {
    let main = changes.iter().find(|c| last(c) == row.main);
    let side = |right: bool| {
        changes.iter().filter_map(move |change| {
            let (old, new) = sides.of(change);
            Some((last(change), if right { new } else { old }?, is_secret(change)))
        })
    };
    let both = sides == Sides::Planned && changes.iter().any(|c| c.cause == Cause::Both);
    let theirs = sides == Sides::Planned && changes.iter().all(|c| c.cause == Cause::Platform);
    match main.map(|c| sides.of(c)) {
        Some((None, Some(_))) if !both => whole(row, Sign::Added, name, side(true)),
        Some((Some(_), None)) if !both => Member {
            remark: theirs.then_some("drift: added on the platform"),
            ..whole(row, Sign::Removed, name, side(false))
        },
        _ => Member {
            remark: theirs.then_some("drift: changed on the platform"),
            ..differing(row, name, changes, sides, wanted)
        },
    }
}

/// A member with all its fields (name, value, whether that is a secret).
fn whole<'p>(
    row: Row,
    sign: Sign,
    name: &str,
    fields: impl Iterator<Item = (String, &'p Value, bool)>,
) -> Member<'p> {
    let mut member =
        Member { sign, name: sanitize(name).into_owned(), main: None, others: Vec::new(), remark: None };
    for (name, value, secret) in fields {
        let shown = if secret {
            Becomes::Secret(SENSITIVE.to_owned())
        } else {
            Becomes::Is(Shown::new("", Some(Cow::Borrowed(value))))
        };
        if name == row.main {
            member.main = Some(shown);
        } else if value.as_str().is_none_or(|text| !row.implied.contains(&(name.as_str(), text))) {
            member.others.push((sanitize(&name).into_owned(), shown));
        }
    }
    member
}

/// A member of which some fields change.
fn differing<'p>(
    row: Row,
    name: &str,
    changes: &[&'p FieldChange],
    sides: Sides,
    wanted: Option<&'p Value>,
) -> Member<'p> {
    let (main, others): (Vec<&FieldChange>, Vec<_>) = changes.iter().partition(|c| last(c) == row.main);
    let same = || wanted.and_then(|w| w.get(row.main));
    Member {
        sign: Sign::Changed,
        name: sanitize(name).into_owned(),
        main: match main.first() {
            Some(change) => Some(Becomes::of(change, sides)),
            None => same().map(|same| Becomes::Is(Shown::new("", Some(Cow::Borrowed(same))))),
        },
        others: others
            .into_iter()
            .map(|change| (sanitize(&last(change)).into_owned(), Becomes::of(change, sides)))
            .collect(),
        remark: None,
    }
}
