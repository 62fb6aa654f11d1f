//! Rows of a mapping by where they lead: which of them are one row, or write one place of the data twice.
//! A body holds rows by their destination, so that what is not told here would be dropped without a word.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Code, Finding};

/// One row.
struct Placed {
    pointer: String,
    /// As it is written.
    destination: String,
    /// With the tenant's namespace filled in, where that is known.
    place: String,
    says: Map<String, Value>,
}

impl Placed {
    /// Whether its placeholder was filled in.
    fn is_filled(&self) -> bool {
        self.destination != self.place
    }

    /// What two places have in common that differ in case, or in `[*]` or the like, alone.
    fn alike(&self) -> String {
        let names = self.place.split('.').map(|name| name.split('[').next().unwrap_or(name));
        names.collect::<Vec<_>>().join(".").to_lowercase()
    }
}

/// The rows of one mapping, in their order.
#[derive(Default)]
pub(super) struct Rows(Vec<Placed>);

impl Rows {
    /// Adds a row: where it stands, its destination as it is written, the place that this is, and all else it says.
    pub(super) fn add(
        &mut self,
        pointer: String,
        destination: &str,
        place: String,
        says: Map<String, Value>,
    ) {
        self.0.push(Placed { pointer, destination: destination.to_owned(), place, says });
    }

    /// Rows that collide as they are written; the rows are numbered as a person counts them.
    pub(super) fn collisions(&self) -> Vec<Finding> {
        let mut findings = self.pairs(|row, first, number| {
            let destination = &row.destination;
            // The tutorial itself maps `verified` twice (platform-api.md 7, oddity 11).
            Some(if row.says == first.says {
                let message = format!("`{destination}` is mapped twice alike; once is sent");
                Finding::warning(Code::DuplicateField, &row.pointer, message)
                    .hint(format!("the first is field {number} of this mapping"))
            } else {
                let message = format!("two fields have the destination `{destination}`");
                Finding::error(Code::ConflictingFields, &row.pointer, message)
                    .hint(format!("the other is field {number} of this mapping"))
            })
        });
        findings.extend(self.doubts());
        findings
    }

    /// Rows that collide because the placeholder of the tenant's namespace is filled in with `namespace`.
    pub(super) fn collisions_within(&self, namespace: &str) -> Vec<Finding> {
        self.pairs(|row, first, _| {
            if row.is_filled() == first.is_filled() {
                return None;
            }
            let (one, other) = (&first.destination, &row.destination);
            let message = format!("`{one}` and `{other}` are one destination");
            let finding = if row.says == first.says {
                Finding::warning(Code::DuplicateField, &row.pointer, format!("{message}; once is sent"))
            } else {
                Finding::error(Code::ConflictingFields, &row.pointer, message)
            };
            Some(finding.hint(format!("the tenant's namespace is `{namespace}`, so keep one of the two")))
        })
    }

    /// What `tell` says of each row that leads where an earlier one does, which it gets with its number, from 1.
    fn pairs(&self, tell: impl Fn(&Placed, &Placed, usize) -> Option<Finding>) -> Vec<Finding> {
        let mut first: HashMap<&str, (&Placed, usize)> = HashMap::new();
        let mut findings = Vec::new();
        for (index, row) in self.0.iter().enumerate() {
            match first.get(row.place.as_str()) {
                Some((other, number)) => findings.extend(tell(row, other, *number)),
                None => {
                    first.insert(&row.place, (row, index + 1));
                }
            }
        }
        findings
    }

    /// Warnings of rows that are not one, and probably write one place of the data.
    fn doubts(&self) -> Vec<Finding> {
        let mut places: HashMap<&str, &Placed> = HashMap::new();
        let mut alike: HashMap<String, &Placed> = HashMap::new();
        let mut findings = Vec::new();
        let warning =
            |row: &Placed, message: String| Finding::warning(Code::OverlappingFields, &row.pointer, message);
        for row in &self.0 {
            let destination = &row.destination;
            if places.insert(&row.place, row).is_some() {
                continue;
            }
            if let Some(other) = alike.insert(row.alike(), row) {
                let message = format!(
                    "`{destination}` and `{}` differ in case or `[*]` alone; both are sent",
                    other.destination
                );
                findings.push(warning(row, message).hint("if one field is meant, keep one of the two"));
            }
        }
        for row in &self.0 {
            let holders = row.place.match_indices('.').map(|(at, _)| &row.place[..at]);
            let holder = holders.rev().find_map(|holder| places.get(holder));
            if let Some(holder) = holder {
                let message = format!(
                    "`{}` lies within `{}`, which is mapped too: one writes over the other",
                    row.destination, holder.destination
                );
                findings.push(warning(row, message).hint("map the whole, or its parts"));
            }
        }
        findings
    }
}

/// Whether a text can be a path: no blanks around it, no name left out, and nothing of a JSON Pointer, a JSON Path or a
/// prefixed name, which would be sent as they are and lead nowhere.
pub(super) fn is_path(text: &str) -> bool {
    text.trim() == text
        && !text.starts_with(['/', '$'])
        && !text.contains(':')
        && text.split('.').all(|name| !name.trim().is_empty() && name.trim() == name)
}
