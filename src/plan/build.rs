//! Decides each object's operation and the steps that carry it out. Links between steps are `order`'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::applied::{accept, as_applied, put};
use super::diff::{self, Cause, Difference, FieldChange};
use super::same::same;
use super::{
    Action, Drift, FORMAT_VERSION, Inputs, Mode, Note, Observations, Operation, Plan, Refusal, Selector,
    Warning, guard, import, leftover_verb, moves, order, rename, selectors, stale, titles,
};
use crate::kind::{Address, Body, Intent, Kind, Leaf, Observed, Step, map_leaves, visit_leaves};
use crate::manifest::{Blocks, Section};
use crate::state::model::Entry;

/// Makes the plan. Same inputs, same plan, byte for byte.
pub fn build(inputs: &Inputs<'_>) -> Plan {
    let empty = BTreeMap::new();
    let recorded = inputs.state.map_or(&empty, |s| &s.entries);
    let mode = inputs.options.mode;
    // What is made of the state alone goes by its addresses.
    let nothing = Blocks::default();
    let blocks = if mode == Mode::Normal { &inputs.manifest.blocks } else { &nothing };
    let moves = moves::resolve(blocks, recorded);
    let entries = &moves.entries;
    let wanted: &[Section] = if mode == Mode::Normal { &inputs.manifest.sections } else { &[] };

    let mut depends_on: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    for (address, entry) in entries {
        depends_on.entry(address.clone()).or_default().extend(entry.depends_on.iter().cloned());
    }
    for section in wanted {
        depends_on.entry(section.address.clone()).or_default().extend(section.depends_on.iter().cloned());
    }
    refer_by_id(entries, wanted, &mut depends_on);
    let addresses: BTreeSet<Address> = depends_on.keys().cloned().collect();
    let selected = inputs.options.selection.resolve(&addresses, &depends_on, mode == Mode::Destroy);

    let mut builder = Builder {
        inputs,
        blocks,
        entries,
        selected: &selected,
        fates: BTreeMap::new(),
        adopted: BTreeSet::new(),
        plan: Plan {
            format_version: FORMAT_VERSION,
            mode,
            partial: !inputs.options.selection.is_everything(),
            place: inputs.place.clone(),
            lineage: inputs.state.map(|s| s.lineage.clone()),
            moves: moves.made,
            operations: Vec::new(),
            drift: Vec::new(),
            unchanged: 0,
            warnings: Vec::new(),
            notices: Vec::new(),
            renames: Vec::new(),
            moved_block: String::new(),
            notes: Vec::new(),
            refusals: moves.refusals,
            pins: BTreeMap::new(),
            records: BTreeMap::new(),
        },
    };

    // Parents before children: an object's wanted body needs to know whether its parents keep their ids.
    let mut by_kind: Vec<&Section> = wanted.iter().collect();
    by_kind.sort_by_key(|s| s.address.kind);
    for section in by_kind {
        let from = builder.plan.operations.len();
        builder.want(section);
        for step in builder.plan.operations[from..].iter_mut().flat_map(|o| &mut o.steps) {
            step.depends_on.clone_from(&section.depends_on);
            step.protect = section.protect;
        }
    }
    let present: BTreeSet<&Address> = wanted.iter().map(|s| &s.address).collect();
    for (address, entry) in entries {
        if mode == Mode::RefreshOnly {
            builder.refresh(address, entry);
            continue;
        }
        if !present.contains(address) {
            builder.unwant(address, entry);
        }
        builder.clear_leftovers(address, entry);
    }

    let mut plan = builder.plan;
    let place: BTreeMap<&str, usize> =
        wanted.iter().enumerate().rev().map(|(i, s)| (s.address.pipeline.as_str(), i)).collect();
    let at = |address: &Address| place.get(address.pipeline.as_str()).copied().unwrap_or(usize::MAX);
    let rank = |kind: Kind| Kind::ALL.iter().position(|k| *k == kind).unwrap_or_default();
    plan.operations.sort_by_key(|o| {
        let removal = matches!(o.action, Action::Delete | Action::Forget);
        let kind = if removal { Kind::ALL.len() - rank(o.address.kind) } else { rank(o.address.kind) };
        (removal, at(&o.address), o.address.pipeline.clone(), kind)
    });
    plan.drift.sort_by_key(|d| (at(&d.address), d.address.pipeline.clone(), rank(d.address.kind)));
    if plan.partial {
        let text = format!(
            "only a part was planned (--target, --exclude): {} of {} objects",
            selected.len(),
            addresses.len()
        );
        plan.notes.push(Note { address: None, text });
    }
    if mode == Mode::Destroy {
        plan.notes.extend(kept_for_others(inputs, &addresses, &selected));
    }
    order::link(&mut plan.operations, &depends_on);
    rename::check(&mut plan, inputs, entries);
    titles::check(&mut plan, inputs, entries);
    selectors::check(&mut plan, inputs, entries, &addresses, &depends_on);
    plan.pins = stale::pins(&plan, entries, inputs.observations, &depends_on);
    guard::check(&mut plan, inputs, entries, &selected, &depends_on);
    plan
}

/// What a destroy leaves besides what it was told to leave.
fn kept_for_others(
    inputs: &Inputs<'_>,
    addresses: &BTreeSet<Address>,
    selected: &BTreeSet<Address>,
) -> Option<Note> {
    let selection = &inputs.options.selection;
    let excluded = |address: &Address| selection.excludes.iter().any(|s| s.matches(address));
    let targeted = |address: &Address| {
        selection.targets.is_empty() || selection.targets.iter().any(|s| s.matches(address))
    };
    let kept: Vec<String> = addresses
        .difference(selected)
        .filter(|address| targeted(address) && !excluded(address))
        .map(ToString::to_string)
        .collect();
    let text = match kept.as_slice() {
        [] => return None,
        [one] => format!("{one} stays too: what is excluded needs it"),
        several => format!("{} stay too: what is excluded needs them", several.join(", ")),
    };
    Some(Note { address: None, text })
}

/// A managed object can also be referred to by its id, as one that is not managed here would be: then it is a parent like
/// any other, so that nothing is deleted under what uses it.
fn refer_by_id(
    entries: &BTreeMap<Address, Entry>,
    wanted: &[Section],
    depends_on: &mut BTreeMap<Address, BTreeSet<Address>>,
) {
    // Two addresses may have one object, where a state was edited: then both are parents.
    let mut by_id: BTreeMap<&str, Vec<&Address>> = BTreeMap::new();
    for (address, entry) in entries {
        by_id.entry(entry.id.as_str()).or_default().push(address);
    }
    let bodies = entries.iter().map(|(address, entry)| (address, &entry.applied));
    for (address, body) in bodies.chain(wanted.iter().map(|section| (&section.address, &section.body))) {
        for text in guard::texts(body) {
            let parents = by_id.get(text).into_iter().flatten().filter(|parent| **parent != address);
            let parents: Vec<Address> = parents.map(|parent| (*parent).clone()).collect();
            if !parents.is_empty() {
                depends_on.entry(address.clone()).or_default().extend(parents);
            }
        }
    }
}

/// What will have become of an object when the steps that concern it are done.
struct Fate {
    /// Its id; `None` when only applying will tell.
    id: Option<String>,
    /// Its version number; `None` likewise.
    version: Option<u64>,
}

struct Builder<'a> {
    inputs: &'a Inputs<'a>,
    blocks: &'a Blocks,
    entries: &'a BTreeMap<Address, Entry>,
    selected: &'a BTreeSet<Address>,
    fates: BTreeMap<Address, Fate>,
    /// Ids that are adopted.
    adopted: BTreeSet<String>,
    plan: Plan,
}

impl Builder<'_> {
    fn observations(&self) -> &Observations {
        self.inputs.observations
    }

    /// The object of an address as the platform has it, unless that is taking it away; without what the manifest or the
    /// state holds to be secret, which a platform may show in clear.
    fn present(&self, address: &Address, desired: Option<&Body>) -> Option<Observed> {
        let observed = self.observations().managed.get(address).filter(|o| !o.is_going())?;
        let applied = self.entries.get(address).map(|e| &e.applied);
        Some(diff::conceal(observed, [desired, applied]))
    }

    /// Plans for a section of the manifest.
    fn want(&mut self, section: &Section) {
        let address = &section.address;
        let entry = self.entries.get(address);
        if !self.selected.contains(address) {
            if self.inputs.options.replace.contains(address) {
                self.refuse(
                    address,
                    "it is to be replaced, and is not selected".to_owned(),
                    "add it to --target, or do not exclude it",
                );
            }
            if let Some(entry) = entry {
                let fate = Fate { id: Some(entry.id.clone()), version: entry.version };
                self.fates.insert(address.clone(), fate);
            }
            return;
        }
        let desired = self.resolve(section);
        if address.kind.spec().needs_namespace(&section.body) && self.observations().namespace.is_none() {
            self.refuse(
                address,
                "the tenant's namespace is not known".to_owned(),
                "the Schema Registry tells it; let the credential read that, and plan again",
            );
        }
        let strays =
            self.observations().namespace.as_ref().and_then(|n| address.kind.spec().strays(&desired, n));
        if let Some(strays) = strays {
            self.note(address, strays);
        }
        match entry {
            None => self.want_new(section, desired),
            Some(entry) => match self.present(address, Some(&desired)) {
                _ if self.is_another_import(address, entry) => {}
                None => self.want_again(section, entry, desired),
                Some(observed) => self.want_same(section, entry, &observed, desired),
            },
        }
    }

    /// The wanted body with what is known by now: ids and versions of objects that keep them, secret fingerprints.
    fn resolve(&self, section: &Section) -> Body {
        let body = map_leaves(&section.body, &mut |leaf| match leaf {
            Leaf::Id(address) => self.fates.get(address)?.id.clone().map(Value::from),
            // The flow spec types it as a string (platform-api.md 3.3).
            Leaf::Version(address) => self.fates.get(address)?.version.map(|v| v.to_string().into()),
            Leaf::Secret { source: Some(source), .. } => Some(
                Leaf::Secret {
                    source: Some(source.clone()),
                    fingerprint: self.inputs.fingerprints.get(source).cloned(),
                }
                .to_value(),
            ),
            Leaf::Secret { .. } | Leaf::Soon(_) => None,
        });
        section.address.kind.spec().settle(body, self.observations().namespace.as_deref())
    }

    /// Whether the address is to take over another object than it has, which is refused. One that is gone was taken over
    /// and replaced since.
    fn is_another_import(&mut self, address: &Address, entry: &Entry) -> bool {
        let Some(id) = self.blocks.import.get(address).filter(|id| **id != entry.id) else { return false };
        if !self.observations().imports.contains_key(address) || entry.replaced.contains(id) {
            return false;
        }
        if let Err(refusal) = import::find(address, id, self.entries, self.observations()) {
            self.plan.refusals.push(refusal);
        }
        let fate = Fate { id: Some(entry.id.clone()), version: entry.version };
        self.fates.insert(address.clone(), fate);
        true
    }

    /// For an object that is not managed yet.
    fn want_new(&mut self, section: &Section, desired: Body) {
        let address = &section.address;
        if let Some(id) = self.blocks.import.get(address) {
            match import::find(address, id, self.entries, self.inputs.observations) {
                Ok(_) if !self.adopted.insert(id.clone()) => self.refuse(
                    address,
                    format!("{id} is adopted by another address already"),
                    "two sections cannot be one object: give the other one a name of its own",
                ),
                Ok(observed) => {
                    let observed = diff::conceal(observed, [Some(&desired), None]);
                    let reason = "the manifest imports it by its id";
                    self.adopt(section, &observed, desired, reason, !self.sends_secrets(address));
                }
                Err(refusal) => {
                    self.plan.refusals.push(refusal);
                    self.fates.insert(address.clone(), Fate { id: None, version: None });
                }
            }
            return;
        }
        let Some(namesakes) = self.namesakes(section, &desired) else { return };
        self.check_start(section, &desired);
        let reason = match namesakes.as_slice() {
            [] if !self.is_there(address.kind, &desired) => {
                format!("the sandbox has no such {} yet", address.kind.spec().title())
            }
            _ => "nothing of this address is managed yet".to_owned(),
        };
        self.create(section, desired, namesakes, None, reason);
    }

    /// Whether a managed object has the name of this body.
    fn is_there(&self, kind: Kind, desired: &Body) -> bool {
        let spec = kind.spec();
        let Some(name) = spec.name(desired) else { return false };
        let seen = &self.observations().managed;
        seen.iter().any(|(other, o)| other.kind == kind && spec.name(&o.body).as_ref() == Some(&name))
    }

    /// For an object that the state knows and the platform does not show.
    fn want_again(&mut self, section: &Section, entry: &Entry, desired: Body) {
        let address = &section.address;
        self.gone(address, entry);
        self.say_guards(section, entry, &desired);
        let Some(namesakes) = self.namesakes(section, &desired) else { return };
        let desired = restart(self.inputs.now, address.kind, desired);
        let reason = format!("{} is gone from the platform, or not visible to this credential", entry.id);
        self.create(section, desired, namesakes, None, reason);
    }

    /// Ids of unmanaged objects that bear the name. A name that is taken is adopted or refused, never doubled unasked:
    /// `None` when it was adopted.
    fn namesakes(&mut self, section: &Section, desired: &Body) -> Option<Vec<String>> {
        let address = &section.address;
        let namesakes = self.observations().namesakes.get(address).cloned().unwrap_or_default();
        let ids: Vec<String> = namesakes.iter().map(|o| o.id.clone()).collect();
        let options = self.inputs.options;
        let asked = |selectors: &[Selector]| selectors.iter().any(|s| s.matches(address));
        // What has no name, as a primary identity, is the only one of its kind where it belongs.
        let spec = address.kind.spec();
        let nameless = (spec.unique_names() && desired.get("name").is_none()).then(|| spec.title());
        match namesakes.as_slice() {
            [] => {}
            [one] if asked(&options.adopt) && self.adopted.contains(&one.id) => self.refuse(
                address,
                format!("{} is adopted by another address already", one.id),
                "two sections of this name cannot be one object: give them names of their own",
            ),
            [one] if asked(&options.adopt) => {
                self.adopted.insert(one.id.clone());
                let one = diff::conceal(one, [Some(desired), None]);
                let reason = match nameless {
                    Some(title) => format!("the {title} that is there is taken under management"),
                    None => "an existing object of this name is taken under management".to_owned(),
                };
                self.adopt(section, &one, desired.clone(), &reason, false);
                return None;
            }
            several if asked(&options.adopt) => self.refuse(
                address,
                format!("{} objects bear its name: {}", several.len(), ids.join(", ")),
                "names are not unique on the platform: rename or delete all but one of them, then adopt it",
            ),
            _ if nameless.is_some() => self.refuse(
                address,
                format!(
                    "its {} has one already that is not managed here: {}",
                    address.kind.spec().part_of().map_or("sandbox", |whole| whole.spec().title()),
                    ids.join(", ")
                ),
                &format!("there is one at most: take it over with `--adopt {address}`"),
            ),
            _ if address.kind.spec().unique_names() => {
                let title = address.kind.spec().title();
                self.refuse(
                    address,
                    format!("the sandbox has a {title} of this name that is not managed here: {}", ids.join(", ")),
                    &format!(
                        "the platform takes a {title}'s name once: take it over with `--adopt {address}`, or give this \
                         one another name"
                    ),
                );
            }
            _ if asked(&options.create_beside) => {}
            _ => {
                let title = address.kind.spec().title();
                self.refuse(
                    address,
                    format!("the sandbox has a {title} of this name that is not managed here: {}", ids.join(", ")),
                    &format!("take it over with `--adopt {address}`, or make another with `--create-beside {address}`"),
                );
            }
        }
        Some(ids)
    }

    fn want_same(&mut self, section: &Section, entry: &Entry, observed: &Observed, desired: Body) {
        let address = &section.address;
        let spec = address.kind.spec();
        self.say_guards(section, entry, &desired);
        let started = spec.started(&observed.body, self.inputs.now);
        // A start that has passed cannot be given to any flow, so it is not compared.
        let compared = restart(self.inputs.now, address.kind, desired.clone());
        let mut difference =
            diff::compare(address.kind, &compared, Some(&entry.applied), &observed.body, started);
        let sends_secrets = self.sends_secrets(address);
        let changed_besides = !difference.changes.is_empty();
        if sends_secrets {
            difference.send_secrets(&compared, Some(&entry.applied));
        }
        let Difference { changes, drift, unchanged, unknown_secrets, kept_secrets } = difference;
        for path in unknown_secrets {
            self.note(
                address,
                format!("the secret at {path} cannot be read here: whether it changed is not known"),
            );
        }
        self.note_kept(address, &kept_secrets);
        if !drift.is_empty() {
            self.drifted(address, entry, drift);
        }
        self.check_forbidden(address, &changes, observed, &desired);
        let asked = self.inputs.options.replace.contains(address);
        let forced = changes.iter().any(|c| c.forces_replacement);
        if (asked || forced) && spec.unique_names() {
            if asked {
                self.refuse(
                    address,
                    format!("it cannot be replaced: the platform takes a {}'s name once", spec.title()),
                    "take it down first, with what uses it, and make it again",
                );
            }
            let reason =
                if asked { "it was to be replaced (--replace)".to_owned() } else { reason(&changes) };
            // The plan is refused for what cannot be changed, so nothing forces a replacement.
            let fixed = |change| FieldChange { forces_replacement: false, ..change };
            let changes = changes.into_iter().map(fixed).collect();
            return self.update(section, entry, observed, desired, changes, unchanged, reason);
        }
        if asked || forced {
            return self.replace(section, entry, observed, desired, changes, unchanged, asked);
        }
        if changes.is_empty() {
            self.plan.unchanged += 1;
            self.keep(address, observed);
            self.record_if_moved(section, entry, observed, &desired);
            return;
        }
        let reason = if sends_secrets && !changed_besides {
            "its secrets are to be sent, as asked for with --send-secrets".to_owned()
        } else {
            reason(&changes)
        };
        self.update(section, entry, observed, desired, changes, unchanged, reason);
    }

    /// Says what guards an object from now on, or does so no more, whatever else is done to it.
    fn say_guards(&mut self, section: &Section, entry: &Entry, desired: &Body) {
        let address = &section.address;
        let spec = address.kind.spec();
        if entry.protect && !section.protect {
            let text = "it will no longer be protected: a later plan may delete or replace it";
            self.warn(address, Some("/protect"), text.to_owned());
        }
        if !entry.protect && section.protect {
            let text = "it will be protected: no plan deletes or replaces it then";
            self.notice(address, Some("/protect"), text.to_owned());
        }
        match (spec.loss(&entry.applied), spec.loss(desired)) {
            (Some(before), Some(after)) if !before.allowed && after.allowed => {
                let text = format!(
                    "its loss will be allowed: when a later plan deletes or replaces it, {}",
                    after.what
                );
                self.warn(address, Some(after.path), text);
            }
            (Some(before), Some(after)) if before.allowed && !after.allowed => {
                let text =
                    "its loss will no longer be allowed: a plan that deletes or replaces it is refused then";
                self.notice(address, Some(after.path), text.to_owned());
            }
            _ => {}
        }
    }

    /// An unchanged object whose entry is behind: the manifest followed the platform, or protection changed.
    fn record_if_moved(&mut self, section: &Section, entry: &Entry, observed: &Observed, desired: &Body) {
        let wanted = as_applied(desired, Some(&entry.applied));
        // The same in other words is no news.
        let applied = if same(Some(&wanted), Some(&entry.applied)) { entry.applied.clone() } else { wanted };
        let current = Entry {
            etag: observed.etag.clone(),
            version: observed.version,
            applied,
            depends_on: section.depends_on.clone(),
            protect: section.protect,
            ..entry.clone()
        };
        if (Entry { etag: entry.etag.clone(), ..current.clone() }) == *entry {
            return;
        }
        self.plan.records.insert(section.address.clone(), current);
    }

    fn keep(&mut self, address: &Address, observed: &Observed) {
        let fate = Fate { id: Some(observed.id.clone()), version: observed.version };
        self.fates.insert(address.clone(), fate);
    }

    fn create(
        &mut self,
        section: &Section,
        desired: Body,
        namesakes: Vec<String>,
        replaces: Option<String>,
        reason: String,
    ) {
        let address = &section.address;
        self.fates.insert(address.clone(), Fate { id: None, version: None });
        let mut steps =
            vec![step(address, "create", Intent::Create { body: desired.clone(), namesakes, replaces })];
        // What a create leaves otherwise than wanted is switched right after it.
        if let Some(switch) = address.kind.spec().switch()
            && let Some(Value::Bool(on)) = desired.get(switch.member)
            && *on != switch.initial
        {
            let intent = Intent::Switch { id: None, etag: None, on: *on, before: Value::Null };
            steps.push(step(address, if *on { "enable" } else { "disable" }, intent));
        }
        self.note_one_way(address, None, &desired, &steps);
        self.plan.operations.push(Operation {
            address: address.clone(),
            action: Action::Create,
            reason,
            id: None,
            body: Some(desired),
            changes: Vec::new(),
            unchanged: 0,
            steps,
        });
    }

    fn sends_secrets(&self, address: &Address) -> bool {
        self.inputs.options.send_secrets.iter().any(|s| s.matches(address))
    }

    /// Says of secrets that were never sent by us why nothing is done about them.
    fn note_kept(&mut self, address: &Address, paths: &[String]) {
        if !paths.is_empty() {
            let paths = paths.join(", ");
            self.note(
                address,
                format!(
                    "the platform does not show the secret at {paths}: it is taken for the manifest's, and sent when \
                     that changes; `--send-secrets {address}` sends it now"
                ),
            );
        }
    }

    /// Takes an existing object over; with `keeps_secrets`, its own secrets stay.
    fn adopt(
        &mut self,
        section: &Section,
        observed: &Observed,
        desired: Body,
        reason: &str,
        keeps_secrets: bool,
    ) {
        let address = &section.address;
        let started = address.kind.spec().started(&observed.body, self.inputs.now);
        let mut difference = diff::compare(address.kind, &desired, None, &observed.body, started);
        if keeps_secrets {
            difference.keep_secrets();
        }
        let Difference { changes, unchanged, unknown_secrets, kept_secrets, .. } = difference;
        self.note_kept(address, &kept_secrets);
        if !unknown_secrets.is_empty() {
            self.note(
                address,
                "its secret cannot be read here, so it will not be set at the adoption".to_owned(),
            );
        }
        if let Some(loss) = address.kind.spec().loss(&desired).filter(|loss| loss.allowed) {
            let text = format!(
                "an object that is there is taken over, and its loss is allowed: when a later plan deletes or replaces it, {}",
                loss.what
            );
            self.warn(address, Some(loss.path), text);
        }
        self.check_forbidden(address, &changes, observed, &desired);
        let fixed: Vec<&str> =
            changes.iter().filter(|c| c.forces_replacement).map(|c| c.path.as_str()).collect();
        if !fixed.is_empty() {
            let text = format!("{} cannot be adopted: it differs in {}", observed.id, fixed.join(", "));
            self.refuse(
                address,
                text,
                "these fields cannot be changed in place: make the manifest say what the object has, or create another",
            );
        }
        let mut steps = vec![step(
            address,
            "adopt",
            Intent::Adopt {
                id: observed.id.clone(),
                body: desired.clone(),
                version: observed.version,
                keeps_secrets,
            },
        )];
        steps.extend(Self::update_steps(address, observed, &desired, &changes));
        self.note_one_way(address, Some(&observed.body), &desired, &steps);
        let version = changes.is_empty().then_some(observed.version).flatten();
        self.fates.insert(address.clone(), Fate { id: Some(observed.id.clone()), version });
        self.plan.operations.push(Operation {
            address: address.clone(),
            action: Action::Adopt,
            reason: reason.to_owned(),
            id: Some(observed.id.clone()),
            body: Some(desired),
            changes,
            unchanged,
            steps,
        });
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "every argument is one of the three pictures, or comes of comparing them"
    )]
    fn update(
        &mut self,
        section: &Section,
        entry: &Entry,
        observed: &Observed,
        desired: Body,
        changes: Vec<FieldChange>,
        unchanged: usize,
        reason: String,
    ) {
        let address = &section.address;
        let steps = Self::update_steps(address, observed, &desired, &changes);
        // A switch records its own field alone: what else the entry is behind in is renewed beside it.
        if let Some(switch) = address.kind.spec().switch()
            && steps.iter().all(|step| matches!(step.intent, Intent::Switch { .. }))
        {
            let pointer = format!("/{}", switch.member);
            let mut behind = desired.clone();
            put(&mut behind, &pointer, entry.applied.pointer(&pointer).cloned());
            self.record_if_moved(section, entry, observed, &behind);
        }
        // A PUT of a mapping set makes another version, which only the answer tells (platform-api.md 3.3).
        self.fates.insert(address.clone(), Fate { id: Some(observed.id.clone()), version: None });
        self.note_one_way(address, Some(&observed.body), &desired, &steps);
        self.plan.operations.push(Operation {
            address: address.clone(),
            action: Action::Update,
            reason,
            id: Some(observed.id.clone()),
            body: Some(desired),
            changes,
            unchanged,
            steps,
        });
    }

    /// The PATCH or PUT, and the switch, that bring an object to `desired`.
    fn update_steps(
        address: &Address,
        observed: &Observed,
        desired: &Body,
        changes: &[FieldChange],
    ) -> Vec<Step> {
        let switch = address.kind.spec().switch();
        let (switched, fields): (Vec<&FieldChange>, Vec<_>) =
            changes.iter().partition(|c| switch.is_some_and(|s| c.path.strip_prefix('/') == Some(s.member)));
        let mut steps = Vec::new();
        if !fields.is_empty() {
            steps.push(step(
                address,
                "update",
                Intent::Update {
                    id: observed.id.clone(),
                    etag: observed.etag.clone(),
                    version: observed.version,
                    before: observed.body.clone(),
                    after: desired.clone(),
                    paths: fields.into_iter().map(|c| c.path.clone()).collect(),
                    places: observed.places.clone(),
                },
            ));
        }
        if let (Some(change), Some(switch)) = (switched.first(), switch) {
            let on = change.desired.as_ref().and_then(Value::as_bool).unwrap_or(switch.initial);
            steps.push(step(
                address,
                if on { "enable" } else { "disable" },
                Intent::Switch {
                    id: Some(observed.id.clone()),
                    etag: observed.etag.clone(),
                    on,
                    before: observed.body.clone(),
                },
            ));
        }
        steps
    }

    /// Replaces: the new object first, then the old one away; a flow is switched off in between, so that data is never
    /// read twice (design 3).
    #[expect(
        clippy::too_many_arguments,
        reason = "one caller, and every argument is one of the three pictures"
    )]
    fn replace(
        &mut self,
        section: &Section,
        entry: &Entry,
        observed: &Observed,
        desired: Body,
        changes: Vec<FieldChange>,
        unchanged: usize,
        asked: bool,
    ) {
        let address = &section.address;
        let forcing: Vec<&FieldChange> = changes.iter().filter(|c| c.forces_replacement).collect();
        let reason = match forcing.first() {
            _ if asked => "asked for with --replace".to_owned(),
            Some(c) if c.cause == Cause::Dependency => format!("{} becomes another object", parents(c)),
            Some(c) if c.cause == Cause::Platform => {
                format!("{} was changed on the platform and cannot be changed in place", c.path)
            }
            Some(c) => format!("{} cannot be changed in place", c.path),
            None => String::new(),
        };
        let reason = match address.kind.spec().loss(&entry.applied) {
            Some(loss) => format!("{reason}; of the old one, {}", loss.what),
            None => reason,
        };
        let desired = restart(self.inputs.now, address.kind, desired);
        // A state that says nothing of it (`updating`) may be one of a running flow.
        let running =
            desired.get("enabled").is_some() && observed.body.get("enabled") != Some(&Value::Bool(false));
        let switch = |on| Intent::Switch {
            id: Some(entry.id.clone()),
            etag: observed.etag.clone(),
            on,
            before: observed.body.clone(),
        };
        let mut steps = Vec::new();
        if running {
            steps.push(step(address, "disable-old", switch(false)));
        }
        let others = self.observations().namesakes.get(address).into_iter().flatten();
        let namesakes = others.map(|o| o.id.clone()).chain([entry.id.clone()]).collect();
        self.create(section, desired.clone(), namesakes, Some(entry.id.clone()), String::new());
        if let Some(created) = self.plan.operations.pop() {
            steps.extend(created.steps);
        }
        if running {
            let mut back = step(address, "enable-old", switch(true));
            back.unless = Some(order::key(address, "create"));
            steps.push(back);
        }
        steps.push(step(
            address,
            "delete-old",
            Intent::Delete {
                id: entry.id.clone(),
                etag: observed.etag.clone(),
                version: observed.version,
                before: observed.body.clone(),
                conditional: false,
            },
        ));
        self.plan.operations.push(Operation {
            address: address.clone(),
            action: Action::Replace,
            reason,
            id: Some(entry.id.clone()),
            body: Some(desired),
            changes,
            unchanged,
            steps,
        });
    }

    /// Plans for an entry that the manifest does not have.
    fn unwant(&mut self, address: &Address, entry: &Entry) {
        if !self.selected.contains(address) {
            return;
        }
        let present = self.present(address, None);
        if present.is_some() && self.blocks.forget.contains(address) {
            return self.forget(
                address,
                entry,
                "the manifest lets go of it: it stays on the platform as it is",
            );
        }
        let whole = address.kind.spec().part_of().map(|kind| Address::new(&address.pipeline, kind));
        let stays = [Some(address.clone()), whole].into_iter().flatten().find_map(|address| {
            let observed = self.observations().managed.get(&address)?;
            address.kind.spec().stays(&observed.body)
        });
        if let Some(reason) = stays {
            return self.forget(address, entry, reason);
        }
        let loss = address.kind.spec().loss(&entry.applied).map(|loss| format!("; {}", loss.what));
        let (action, reason, step) = match present {
            Some(observed) => (
                Action::Delete,
                if self.inputs.options.mode == Mode::Destroy {
                    "everything is to be taken down"
                } else {
                    "no longer in the manifest"
                },
                step(
                    address,
                    "delete",
                    Intent::Delete {
                        id: entry.id.clone(),
                        etag: observed.etag,
                        version: observed.version,
                        before: observed.body,
                        conditional: false,
                    },
                ),
            ),
            None => {
                return self.forget(
                    address,
                    entry,
                    "gone from the platform already, or not visible to this credential",
                );
            }
        };
        let reason = format!("{reason}{}", loss.unwrap_or_default());
        self.take_away(address, action, &reason, &entry.id, step);
    }

    fn forget(&mut self, address: &Address, entry: &Entry, reason: &str) {
        let step = step(address, "forget", Intent::Forget { id: entry.id.clone() });
        self.take_away(address, Action::Forget, reason, &entry.id, step);
    }

    /// An operation that leaves nothing of an object.
    fn take_away(&mut self, address: &Address, action: Action, reason: &str, id: &str, step: Step) {
        self.plan.operations.push(Operation {
            address: address.clone(),
            action,
            reason: reason.to_owned(),
            id: Some(id.to_owned()),
            body: None,
            changes: Vec::new(),
            unchanged: 0,
            steps: vec![step],
        });
    }

    /// Compares an entry with the platform alone, and takes what differs into the state.
    fn refresh(&mut self, address: &Address, entry: &Entry) {
        if !self.selected.contains(address) {
            return;
        }
        let Some(observed) = self.present(address, None) else {
            self.gone(address, entry);
            return self.forget(address, entry, "gone from the platform, or not visible to this credential");
        };
        let started = address.kind.spec().started(&observed.body, self.inputs.now);
        let Difference { drift, .. } =
            diff::compare(address.kind, &entry.applied, Some(&entry.applied), &observed.body, started);
        if drift.is_empty() {
            self.plan.unchanged += 1;
            return;
        }
        let current = Entry {
            etag: observed.etag.clone(),
            version: observed.version,
            applied: accept(&entry.applied, &drift),
            ..entry.clone()
        };
        self.plan.records.insert(address.clone(), current);
        self.drifted(address, entry, drift);
    }

    fn gone(&mut self, address: &Address, entry: &Entry) {
        let (address, id) = (address.clone(), entry.id.clone());
        self.plan.drift.push(Drift { address, id, gone: true, fields: Vec::new() });
    }

    fn drifted(&mut self, address: &Address, entry: &Entry, fields: Vec<FieldChange>) {
        let (address, id) = (address.clone(), entry.id.clone());
        self.plan.drift.push(Drift { address, id, gone: false, fields });
    }

    /// Deletes what earlier replacements have left.
    fn clear_leftovers(&mut self, address: &Address, entry: &Entry) {
        if !self.selected.contains(address) {
            return;
        }
        for id in &entry.replaced {
            let (action, reason, intent) =
                match self.observations().leftovers.get(id).filter(|o| !o.is_going()) {
                    Some(observed) => (
                        Action::Delete,
                        "left over from a replacement that did not end",
                        Intent::Delete {
                            id: id.clone(),
                            etag: observed.etag.clone(),
                            version: observed.version,
                            before: diff::conceal(observed, [None, Some(&entry.applied)]).body,
                            conditional: false,
                        },
                    ),
                    None => (
                        Action::Forget,
                        "left over from a replacement, and gone from the platform",
                        Intent::Forget { id: id.clone() },
                    ),
                };
            self.take_away(address, action, reason, id, step(address, &leftover_verb(id), intent));
        }
    }

    /// What the platform never lets an object become is refused here, before anything else of the plan is sent.
    fn check_forbidden(
        &mut self,
        address: &Address,
        changes: &[FieldChange],
        observed: &Observed,
        desired: &Body,
    ) {
        let spec = address.kind.spec();
        let mut texts: Vec<String> = Vec::new();
        for text in changes.iter().filter_map(|c| spec.forbids(&c.path, &observed.body, desired)) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        for text in texts {
            self.refuse(address, text, FORBIDDEN_HINT);
        }
    }

    /// A start in the past is refused by the platform (`1360-400`), so it is refused before anything is written.
    fn check_start(&mut self, section: &Section, desired: &Body) {
        if section.address.kind.spec().started(desired, self.inputs.now) {
            self.refuse(
                &section.address,
                "its schedule's startTime lies in the past, which the platform does not take for a new dataflow".into(),
                "give a time ahead, or leave startTime out to start soon after the create",
            );
        }
    }

    /// Says where what the steps do has no way back.
    fn note_one_way(&mut self, address: &Address, observed: Option<&Body>, desired: &Body, steps: &[Step]) {
        let spec = address.kind.spec();
        let turns_on = |step: &Step| matches!(step.intent, Intent::Switch { on: true, .. });
        let switched = spec.switch().and_then(|switch| switch.one_way).filter(|_| steps.iter().any(turns_on));
        if let Some(text) = switched.or_else(|| spec.one_way(observed, desired)) {
            let path = spec.switch().map_or_else(|| "/profile".to_owned(), |s| format!("/{}", s.member));
            self.warn(address, Some(&path), text.to_owned());
        }
    }

    fn warn(&mut self, address: &Address, path: Option<&str>, text: String) {
        let (address, path) = (Some(address.clone()), path.map(str::to_owned));
        self.plan.warnings.push(Warning { address, path, text });
    }

    fn notice(&mut self, address: &Address, path: Option<&str>, text: String) {
        let (address, path) = (Some(address.clone()), path.map(str::to_owned));
        self.plan.notices.push(Warning { address, path, text });
    }

    fn note(&mut self, address: &Address, text: String) {
        self.plan.notes.push(Note { address: Some(address.clone()), text });
    }

    fn refuse(&mut self, address: &Address, text: String, hint: &str) {
        self.plan.refusals.push(Refusal { address: Some(address.clone()), text, hint: hint.to_owned() });
    }
}

/// What to do about a change that the platform does not allow.
const FORBIDDEN_HINT: &str = "make the manifest say what the platform has, or describe a new object beside it: another \
                              pipeline's section, with another name";

/// A body whose first start has passed starts soon instead, since no new object can start in the past.
fn restart(now: i64, kind: Kind, mut body: Body) -> Body {
    if kind.spec().started(&body, now)
        && let Some(start) = body.pointer_mut("/scheduleParams/startTime")
    {
        *start = Leaf::Soon(crate::kind::SOON_SECONDS).to_value();
    }
    body
}

fn step(address: &Address, verb: &str, intent: Intent) -> Step {
    Step {
        key: order::key(address, verb),
        address: address.clone(),
        intent,
        needs: Vec::new(),
        unless: None,
        depends_on: Vec::new(),
        protect: false,
    }
}

/// The addresses that a changed field waits for.
fn parents(change: &FieldChange) -> String {
    let mut addresses = Vec::new();
    if let Some(value) = &change.desired {
        visit_leaves(value, &mut |leaf| {
            if let Leaf::Id(address) | Leaf::Version(address) = leaf {
                addresses.push(address.to_string());
            }
        });
    }
    addresses.join(", ")
}

/// Why an object is updated, in words.
fn reason(changes: &[FieldChange]) -> String {
    let has = |cause| changes.iter().any(|c| c.cause == cause);
    let follows = || {
        let change = changes.iter().find(|c| c.cause == Cause::Dependency);
        format!("follows {}", change.map(parents).unwrap_or_default())
    };
    match (has(Cause::Manifest), has(Cause::Platform), has(Cause::Both), has(Cause::Dependency)) {
        (_, _, true, _) => "both the manifest and the platform changed".to_owned(),
        (true, true, ..) => "the manifest changed, and so did the platform (drift)".to_owned(),
        (true, ..) => "the manifest changed".to_owned(),
        (_, true, ..) => "the platform changed (drift)".to_owned(),
        _ => follows(),
    }
}
