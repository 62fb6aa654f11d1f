//! What a plan is held against before anything is written: each step's questions to the platform, and what the answers
//! say against the manifest. Which questions and which objections is each kind's own; asking is `observe`'s.

use std::collections::{BTreeMap, BTreeSet};

use super::Plan;
use crate::kind::{Address, Answer, Around, Finding, Kind, Sending, Step};
use crate::manifest::{Manifest, Section};
use crate::wire::Call;

/// A plan's questions.
#[derive(Debug)]
pub struct Preflight<'a> {
    inquiries: Vec<(&'a Step, Sending<'a>, Vec<usize>)>,
    calls: Vec<(Kind, Call)>,
}

impl<'a> Preflight<'a> {
    /// What is to be asked about what a plan sends, each question once. `namespace` is the tenant's, if it was looked up.
    pub fn new(plan: &'a Plan, manifest: &'a Manifest, namespace: Option<&'a str>) -> Self {
        let sections: BTreeMap<&Address, &Section> =
            manifest.sections.iter().map(|s| (&s.address, s)).collect();
        let changing: BTreeSet<&Address> = plan.operations.iter().map(|o| &o.address).collect();
        let mut preflight = Self { inquiries: Vec::new(), calls: Vec::new() };
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        for step in plan.steps() {
            let ancestors = ancestors(&step.address, &sections);
            let sending = Sending {
                intent: &step.intent,
                parents: ancestors.iter().filter_map(|a| Some((a.kind, &sections.get(a)?.body))).collect(),
                around: if ancestors.iter().any(|a| changing.contains(a)) {
                    Around::Changes
                } else {
                    Around::Stays
                },
                namespace,
            };
            let kind = step.address.kind;
            let mut asked = Vec::new();
            for call in kind.spec().questions(&sending) {
                let key = format!("{} {} {:?}", call.method, call.path, call.body);
                let number = *numbers.entry(key).or_insert_with(|| {
                    preflight.calls.push((kind, call));
                    preflight.calls.len() - 1
                });
                asked.push(number);
            }
            preflight.inquiries.push((step, sending, asked));
        }
        preflight
    }

    /// Rows of the manifest that are one now that the tenant's namespace is known; pointers lead into the wanted bodies.
    pub fn collisions(manifest: &Manifest, namespace: Option<&str>) -> Vec<(Address, Finding)> {
        let Some(namespace) = namespace else { return Vec::new() };
        let of = |section: &Section| {
            let findings = section.address.kind.spec().collisions(&section.body, namespace);
            findings.into_iter().map(|finding| (section.address.clone(), finding)).collect::<Vec<_>>()
        };
        manifest.sections.iter().flat_map(of).collect()
    }

    /// The questions, each with the kind that asks it.
    pub fn calls(&self) -> &[(Kind, Call)] {
        &self.calls
    }

    /// What the answers, in the order of the questions, say against the manifest; pointers lead into the wanted bodies.
    pub fn findings(&self, answers: &[Answer]) -> Vec<(Address, Finding)> {
        let mut findings = Vec::new();
        for (step, sending, asked) in &self.inquiries {
            let answers: Vec<&Answer> = asked.iter().filter_map(|number| answers.get(*number)).collect();
            let objections = step.address.kind.spec().objections(sending, &answers);
            findings.extend(objections.into_iter().map(|finding| (step.address.clone(), finding)));
        }
        findings
    }
}

/// What an object refers to, near and far.
fn ancestors<'a>(of: &Address, sections: &BTreeMap<&'a Address, &'a Section>) -> BTreeSet<&'a Address> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Section> = sections.get(of).copied().into_iter().collect();
    while let Some(section) = open.pop() {
        for address in &section.depends_on {
            if let Some((known, parent)) = sections.get_key_value(address)
                && found.insert(*known)
            {
                open.push(parent);
            }
        }
    }
    found
}
