//! The cases that every format is tested with: three pictures each, from which the engine itself makes the plan.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kind::{Address, Kind, LastOperation, Leaf, Observed, SecretSource};
use crate::manifest::{Manifest, Position, Section};
use crate::plan::{self, Inputs, Note, Observations, Options, Plan};
use crate::state::model::{Entry, Place, State};
use crate::wire::Etag;

/// A plan and what it shows.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) plan: Plan,
}

/// Every case.
pub(crate) fn all() -> Vec<Case> {
    let mut cases: Vec<Case> =
        WORLDS.iter().map(|(name, world)| Case { name, plan: world().plan() }).collect();
    cases.push(Case { name: "hostile", plan: hostile() });
    cases.push(Case { name: "pipelines", plan: pipelines(3) });
    cases
}

/// The pictures of all the cases that are made of pictures alone.
pub(crate) fn worlds() -> Vec<World> {
    WORLDS.iter().map(|(_, world)| world()).collect()
}

type MakeWorld = fn() -> World;

const WORLDS: &[(&str, MakeWorld)] = &[
    ("create", World::fresh),
    ("nothing", World::applied),
    ("one-field", one_field),
    ("mapping", mapping_change),
    ("replace", cascade),
    ("drift", drift),
    ("refresh", refresh),
    ("gone", gone),
    ("delete", destroyed),
    ("conflict", conflict),
    ("refused", namesake),
    ("secret", secret_change),
    ("texts", long_texts),
    ("moved", moved),
];

/// What no format may let through: it ends whatever it stands in, mentions, refers, hides and runs.
pub(crate) const EVIL: &str = concat!(
    "x\u{1b}[2J\r\u{202e}evil\u{2066}`code` ``` ~~~ | \\| </details></summary></pre> <!-- --> <script>alert(1)</script> ",
    "\"'&quot;]]> @octocat #123 GH-7 o/r#1 !5 ![i](https://evil.example/i) **b** _i_ $x$ {{x}} ${x} end\n/close\n::error::x"
);

pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) fn address(kind: Kind) -> Address {
    Address::new("zendesk-users", kind)
}

/// The kinds of a pipeline that writes to somebody else's dataset.
pub(crate) const KINDS: [Kind; 5] =
    [Kind::BaseConnection, Kind::Source, Kind::Target, Kind::Mapping, Kind::Dataflow];

pub(crate) fn id_of(kind: Kind) -> String {
    let digit = KINDS.iter().position(|k| *k == kind).unwrap() + 1;
    format!("{digit}0383d02-2777-4be7-a309-9dd6eea1b46{digit}")
}

/// The five bodies of a pipeline; `id` says what stands for another object's id.
pub(crate) fn body(kind: Kind, id: &dyn Fn(Kind) -> Value, version: &Value) -> Value {
    let spec = |id: &str| json!({ "id": id, "version": "1.0" });
    match kind {
        Kind::BaseConnection => json!({
            "name": "Zendesk base connection",
            "connectionSpec": spec("0a27232b-2c6e-4396-b8c6-c9fc24e37ba4"),
            "auth": { "specName": "OAuth2 Refresh Code", "params": { "subdomain": "https://acme.zendesk.com" } },
        }),
        Kind::Source => json!({
            "name": "Zendesk source",
            "baseConnectionId": id(Kind::BaseConnection),
            "connectionSpec": spec("0a27232b-2c6e-4396-b8c6-c9fc24e37ba4"),
            "data": { "format": "json" },
            "params": {},
        }),
        Kind::Target => json!({
            "name": "Zendesk target",
            "connectionSpec": spec("c604ff05-7f1a-43c0-8e18-33bf874cb11c"),
            "data": { "format": "json" },
            "params": { "dataSetId": "624bf42e16519d19496e3f67" },
        }),
        Kind::Mapping => json!({
            "name": "zendesk-users mapping",
            "schema": { "id": "https://ns.adobe.com/acme/schemas/995dabbea86d58e346ff91bd8aa741a9", "version": 1 },
            "fields": {
                "_acme.id": { "sourceType": "ATTRIBUTE", "source": "result.id", "identity": true },
                "_acme.email": { "sourceType": "ATTRIBUTE", "source": "result.email" },
                "_acme.fullName": {
                    "sourceType": "EXPRESSION",
                    "source": "concat(result.first_name, \" \", result.last_name)"
                },
            },
        }),
        Kind::Dataflow => json!({
            "name": "Zendesk dataflow",
            "flowSpec": spec("6499120c-0b15-42dc-936e-847ea3c24d72"),
            "sourceConnectionIds": [id(Kind::Source)],
            "targetConnectionIds": [id(Kind::Target)],
            "transformations": { "Mapping": { "mappingId": id(Kind::Mapping), "mappingVersion": version } },
            "scheduleParams": { "frequency": "minute", "interval": 15, "startTime": NOW - 1000 },
            "enabled": true,
        }),
        other => panic!("{other} is not in this world"),
    }
}

pub(crate) fn secret(source: Option<&str>, fingerprint: Option<&str>) -> Value {
    let source = source.map(|name| SecretSource::FromEnv(name.to_owned()));
    Leaf::Secret { source, fingerprint: fingerprint.map(str::to_owned) }.to_value()
}

/// The three pictures, all alike until a test changes one.
pub(crate) struct World {
    pub(crate) manifest: Manifest,
    pub(crate) state: Option<State>,
    pub(crate) observations: Observations,
    pub(crate) fingerprints: BTreeMap<SecretSource, String>,
    pub(crate) options: Options,
}

impl World {
    /// Everything made and as wanted.
    pub(crate) fn applied() -> Self {
        let parents = |kind| match kind {
            Kind::Source => vec![address(Kind::BaseConnection)],
            Kind::Dataflow => [Kind::Source, Kind::Target, Kind::Mapping].map(address).to_vec(),
            _ => Vec::new(),
        };
        let wanted = |kind| {
            let version = Leaf::Version(address(Kind::Mapping)).to_value();
            let mut body = body(kind, &|k| Leaf::Id(address(k)).to_value(), &version);
            if kind == Kind::BaseConnection {
                body["auth"]["params"]["accessToken"] = secret(Some("ZENDESK_TOKEN"), None);
            }
            body
        };
        let manifest = Manifest {
            sections: KINDS
                .into_iter()
                .map(|kind| Section {
                    address: address(kind),
                    body: wanted(kind),
                    depends_on: parents(kind),
                    protect: false,
                    position: Position { file: "a.yaml".into(), line: 1, column: 1 },
                })
                .collect(),
            ..Manifest::default()
        };
        let mut state = State {
            lineage: "lineage".into(),
            serial: 3,
            place: place(),
            fingerprint_key: "00".into(),
            entries: BTreeMap::new(),
            left_in_place: std::collections::BTreeSet::new(),
            in_flight: None,
        };
        let mut observations = Observations::default();
        for kind in KINDS {
            let seen = body(kind, &|k| id_of(k).into(), &"0".into());
            let (etag, version) = match kind {
                Kind::Mapping => (None, Some(0)),
                _ => (Some(Etag::from_body("1a00ab12-0000-0200-0000-62b2da270000")), None),
            };
            let mut applied = seen.clone();
            if kind == Kind::BaseConnection {
                applied["auth"]["params"]["accessToken"] = secret(None, Some("fingerprint-1"));
            }
            let entry = Entry {
                id: id_of(kind),
                etag: etag.clone(),
                version,
                applied,
                depends_on: parents(kind),
                protect: false,
                replaced: Vec::new(),
            };
            state.entries.insert(address(kind), entry);
            let observed = Observed {
                id: id_of(kind),
                etag,
                version,
                body: seen,
                state: "enabled".into(),
                operation: LastOperation::Settled,
                places: json!({ "Mapping": 0 }),
                created_at: None,
                created_by_client: None,
            };
            observations.managed.insert(address(kind), observed);
        }
        let token = SecretSource::FromEnv("ZENDESK_TOKEN".into());
        let mut world = Self {
            manifest,
            state: Some(state),
            observations,
            fingerprints: BTreeMap::from([(token, "fingerprint-1".to_owned())]),
            options: Options::default(),
        };
        // As it was written: the start is in every picture the same.
        world.seen(Kind::Dataflow)["scheduleParams"]["startTime"] = (NOW - 1000).into();
        world
    }

    /// Nothing made yet.
    pub(crate) fn fresh() -> Self {
        let mut world = Self::applied();
        world.state = None;
        world.observations = Observations::default();
        let soon = Leaf::Soon(300).to_value();
        world.wanted(Kind::Dataflow)["scheduleParams"]["startTime"] = soon;
        world
    }

    pub(crate) fn wanted(&mut self, kind: Kind) -> &mut Value {
        &mut self.manifest.sections.iter_mut().find(|s| s.address.kind == kind).unwrap().body
    }

    pub(crate) fn seen(&mut self, kind: Kind) -> &mut Value {
        &mut self.observations.managed.get_mut(&address(kind)).unwrap().body
    }

    pub(crate) fn plan(&self) -> Plan {
        plan::build(&Inputs {
            manifest: &self.manifest,
            place: &place(),
            state: self.state.as_ref(),
            observations: &self.observations,
            fingerprints: &self.fingerprints,
            options: &self.options,
            now: NOW,
        })
    }
}

pub(crate) fn place() -> Place {
    Place { gateway: "https://platform.adobe.io".into(), org: "1234@AdobeOrg".into(), sandbox: "dev".into() }
}

/// One interval changed in the manifest.
pub(crate) fn one_field() -> World {
    let mut world = World::applied();
    world.wanted(Kind::Dataflow)["scheduleParams"]["interval"] = 30.into();
    world
}

/// Something of the source that cannot be changed in place.
/// A pipeline that had another name, and one field of it.
pub(crate) fn moved() -> World {
    let mut world = one_field();
    let old = |address: &Address| Address::new("zendesk-old", address.kind);
    if let Some(state) = &mut world.state {
        state.entries = std::mem::take(&mut state.entries)
            .into_iter()
            .map(|(address, mut entry)| {
                entry.depends_on = entry.depends_on.iter().map(old).collect();
                (old(&address), entry)
            })
            .collect();
    }
    world.manifest.blocks.moved = Kind::ALL.map(|kind| (old(&address(kind)), address(kind))).into();
    world
}

pub(crate) fn cascade() -> World {
    let mut world = World::applied();
    world.wanted(Kind::Source)["params"] = json!({ "path": "tickets" });
    world
}

/// One mapping added, one removed, one changed.
pub(crate) fn mapping_change() -> World {
    let mut world = World::applied();
    let fields = &mut world.wanted(Kind::Mapping)["fields"];
    fields.as_object_mut().unwrap().remove("_acme.email");
    fields["_acme.locale"] = json!({ "sourceType": "ATTRIBUTE", "source": "result.locale" });
    fields["_acme.fullName"]["source"] = "concat(result.first_name, \" \", upper(result.last_name))".into();
    world
}

/// Hands at work on the platform, some of them against the manifest.
pub(crate) fn conflict() -> World {
    let mut world = mapping_change();
    let by_hand = json!({ "sourceType": "ATTRIBUTE", "source": "result.hand" });
    world.seen(Kind::Mapping)["fields"]["_acme.locale"] = by_hand.clone();
    world.seen(Kind::Mapping)["fields"]["_acme.hand"] = by_hand;
    world.seen(Kind::Dataflow)["scheduleParams"]["interval"] = 45.into();
    world.wanted(Kind::Source)["name"] = "Ours".into();
    world.seen(Kind::Source)["name"] = "Theirs".into();
    world
}

pub(crate) fn destroyed() -> World {
    let mut world = World::applied();
    world.options.mode = plan::Mode::Destroy;
    world
}

pub(crate) fn gone() -> World {
    let mut world = World::applied();
    world.observations.managed.remove(&address(Kind::Dataflow));
    world
}

pub(crate) fn namesake() -> World {
    let mut world = World::fresh();
    world.manifest.sections.retain(|s| s.address.kind == Kind::Target);
    let seen = World::applied().observations.managed[&address(Kind::Target)].clone();
    world.observations.namesakes.insert(address(Kind::Target), vec![seen]);
    world
}

/// Hands at work on the platform alone.
pub(crate) fn drift() -> World {
    let mut world = World::applied();
    let by_hand = json!({ "sourceType": "STATIC", "source": "by hand" });
    world.seen(Kind::Mapping)["fields"]["_acme.hand"] = by_hand;
    world.seen(Kind::Mapping)["fields"]["_acme.email"]["source"] = "result.mail".into();
    world.seen(Kind::Dataflow)["scheduleParams"]["interval"] = 45.into();
    world
}

/// The same, looked at alone.
pub(crate) fn refresh() -> World {
    let mut world = drift();
    world.options.mode = plan::Mode::RefreshOnly;
    world
}

/// A secret that is another one now.
pub(crate) fn secret_change() -> World {
    let mut world = World::applied();
    let token = SecretSource::FromEnv("ZENDESK_TOKEN".into());
    world.fingerprints.insert(token, "fingerprint-2".into());
    world
}

/// A long text, one of several lines, and one that holds JSON.
pub(crate) fn long_texts() -> World {
    let text = "Reads users of the support desk every quarter of an hour, joins them with what marketing knows, \
                and leaves out everybody who asked for that in writing.";
    let lines = "one\ntwo\nthree\nfour\nfive\nsix";
    let column = |name: &str| json!({ "name": name, "timezone": "UTC" }).to_string();
    let mut world = World::applied();
    let mut both = |kind: Kind, pointer: &str, was: Value, wanted: Value| {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let entry = world.state.as_mut().unwrap().entries.get_mut(&address(kind)).unwrap();
        entry.applied.pointer_mut(parent).unwrap()[name] = was.clone();
        world.seen(kind).pointer_mut(parent).unwrap()[name] = was;
        world.wanted(kind).pointer_mut(parent).unwrap()[name] = wanted;
    };
    both(Kind::Source, "/description", text.into(), text.replace("marketing", "sales").into());
    both(Kind::Target, "/description", lines.into(), lines.replace("three", "three and a half").into());
    both(Kind::Dataflow, "/transformations/Copy", json!({}), json!({}));
    let (was, wanted) = (column("updated_at").into(), column("created_at").into());
    both(Kind::Dataflow, "/transformations/Copy/deltaColumn", was, wanted);
    world
}

/// [`EVIL`] in every name and value that comes from outside.
pub(crate) fn hostile() -> Plan {
    let mut world = conflict();
    world.wanted(Kind::Source)["name"] = EVIL.into();
    world.seen(Kind::Target)["name"] = EVIL.into();
    world.seen(Kind::Source)["params"][EVIL] = EVIL.into();
    world.wanted(Kind::Source)["params"][EVIL] = "end".into();
    world.seen(Kind::Mapping)["fields"][EVIL] =
        json!({ "sourceType": "EXPRESSION", "source": EVIL, EVIL: EVIL });
    world.wanted(Kind::Mapping)["fields"]["_acme.locale"]["source"] = EVIL.into();
    world.wanted(Kind::Dataflow)["description"] = format!("{EVIL}\n{EVIL}").into();
    let mut plan = renamed(&world.plan(), EVIL);
    let whose = Some(Address::new(EVIL, Kind::Source));
    plan.notes.push(Note { address: whose.clone(), text: EVIL.into() });
    plan.refusals.push(plan::Refusal { address: whose, text: EVIL.into(), hint: EVIL.into() });
    plan.place.org = EVIL.into();
    plan.place.sandbox = EVIL.into();
    plan
}

/// A plan over so many pipelines, of every action in turn.
pub(crate) fn pipelines(count: usize) -> Plan {
    let worlds: [MakeWorld; 5] = [World::fresh, mapping_change, cascade, destroyed, drift];
    let plans: Vec<Plan> = worlds.iter().map(|world| world().plan()).collect();
    let mut all = World::applied().plan();
    all.unchanged = 0;
    for (number, plan) in plans.iter().cycle().take(count).enumerate() {
        let plan = renamed(plan, &format!("pipeline-{number}"));
        all.unchanged += plan.unchanged;
        all.operations.extend(plan.operations);
        all.drift.extend(plan.drift);
    }
    all.operations.sort_by_key(|o| o.action == plan::Action::Delete);
    all
}

/// A plan with its pipeline named otherwise.
pub(crate) fn renamed(plan: &Plan, name: &str) -> Plan {
    let name = serde_json::to_string(name).unwrap();
    let text = serde_json::to_string(plan).unwrap().replace("zendesk-users", name.trim_matches('"'));
    serde_json::from_str(&text).unwrap()
}
