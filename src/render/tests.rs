//! Plans made by the engine itself, rendered: what a person sees in each case, and what must never be seen.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Style, json, text};
use crate::kind::{Address, Kind, Leaf, Observed, SecretSource};
use crate::manifest::{Manifest, Position, Section};
use crate::plan::{self, Inputs, Observations, Options, Plan};
use crate::state::model::{Entry, Place, State};
use crate::wire::Etag;

const NARROW: Style = Style { color: false, width: 80, requests: false };
const WIDE: Style = Style { color: false, width: 160, requests: false };
const FULL: Style = Style { color: false, width: 80, requests: true };
const COLORED: Style = Style { color: true, width: 80, requests: false };

const NOW: i64 = 1_800_000_000;

fn address(kind: Kind) -> Address {
    Address::new("zendesk-users", kind)
}

fn id_of(kind: Kind) -> String {
    let digit = Kind::ALL.iter().position(|k| *k == kind).unwrap() + 1;
    format!("{digit}0383d02-2777-4be7-a309-9dd6eea1b46{digit}")
}

/// The five bodies of a pipeline; `id` says what stands for another object's id.
fn body(kind: Kind, id: &dyn Fn(Kind) -> Value, version: Value) -> Value {
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
    }
}

fn secret(source: Option<&str>, fingerprint: Option<&str>) -> Value {
    let source = source.map(|name| SecretSource::FromEnv(name.to_owned()));
    Leaf::Secret { source, fingerprint: fingerprint.map(str::to_owned) }.to_value()
}

/// The three pictures, all alike until a test changes one.
struct World {
    manifest: Manifest,
    state: Option<State>,
    observations: Observations,
    fingerprints: BTreeMap<SecretSource, String>,
    options: Options,
}

impl World {
    /// Everything made and as wanted.
    fn applied() -> Self {
        let parents = |kind| match kind {
            Kind::Source => vec![address(Kind::BaseConnection)],
            Kind::Dataflow => [Kind::Source, Kind::Target, Kind::Mapping].map(address).to_vec(),
            _ => Vec::new(),
        };
        let wanted = |kind| {
            let version = Leaf::Version(address(Kind::Mapping)).to_value();
            let mut body = body(kind, &|k| Leaf::Id(address(k)).to_value(), version);
            if kind == Kind::BaseConnection {
                body["auth"]["params"]["accessToken"] = secret(Some("ZENDESK_TOKEN"), None);
            }
            body
        };
        let manifest = Manifest {
            sections: Kind::ALL
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
            in_flight: None,
        };
        let mut observations = Observations::default();
        for kind in Kind::ALL {
            let seen = body(kind, &|k| id_of(k).into(), "0".into());
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
    fn fresh() -> Self {
        let mut world = Self::applied();
        world.state = None;
        world.observations = Observations::default();
        let soon = Leaf::Soon(300).to_value();
        world.wanted(Kind::Dataflow)["scheduleParams"]["startTime"] = soon;
        world
    }

    fn wanted(&mut self, kind: Kind) -> &mut Value {
        &mut self.manifest.sections.iter_mut().find(|s| s.address.kind == kind).unwrap().body
    }

    fn seen(&mut self, kind: Kind) -> &mut Value {
        &mut self.observations.managed.get_mut(&address(kind)).unwrap().body
    }

    fn plan(&self) -> Plan {
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

fn place() -> Place {
    Place { gateway: "https://platform.adobe.io".into(), org: "1234@AdobeOrg".into(), sandbox: "dev".into() }
}

#[test]
fn show() {
    let print = |w: &World, s: &Style| println!("{}\n=========", text::plan(&w.plan(), s));
    print(&World::fresh(), &NARROW);
    let mut w = World::applied();
    w.wanted(Kind::Dataflow)["scheduleParams"]["interval"] = 30.into();
    print(&w, &NARROW);
    print(&w, &WIDE);
    let mut w = World::applied();
    w.wanted(Kind::Source)["params"] = json!({"x": {"y": "z"}});
    print(&w, &NARROW);
    print(&w, &FULL);
    let mut w = World::applied();
    let fields = &mut w.wanted(Kind::Mapping)["fields"];
    fields.as_object_mut().unwrap().remove("_acme.email");
    fields["_acme.new"] = json!({"sourceType": "ATTRIBUTE", "source": "result.new"});
    fields["_acme.fullName"]["source"] = "concat(result.first_name, \" \", upper(result.last_name))".into();
    print(&w, &NARROW);
    print(&w, &WIDE);
    w.seen(Kind::Mapping)["fields"]["_acme.new"] =
        json!({"sourceType": "ATTRIBUTE", "source": "result.hand"});
    w.seen(Kind::Mapping)["fields"]["_acme.hand"] =
        json!({"sourceType": "ATTRIBUTE", "source": "result.hand"});
    w.seen(Kind::Dataflow)["scheduleParams"]["interval"] = 45.into();
    w.wanted(Kind::Source)["name"] = "Mine".into();
    w.seen(Kind::Source)["name"] = "Theirs".into();
    print(&w, &NARROW);
    let mut w = World::applied();
    w.options.destroy = true;
    print(&w, &NARROW);
    print(&World::applied(), &COLORED);
}
