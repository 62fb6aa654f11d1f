//! Plans made by the engine itself, rendered: what a person sees in each case, and what must never be seen.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Style, github, json, text};
use crate::kind::{Address, Kind, Leaf, Observed, SecretSource};
use crate::manifest::{self, Manifest, Position, Section};
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
fn body(kind: Kind, id: &dyn Fn(Kind) -> Value, version: &Value) -> Value {
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
            let mut body = body(kind, &|k| Leaf::Id(address(k)).to_value(), &version);
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
            left_in_place: std::collections::BTreeSet::new(),
            in_flight: None,
        };
        let mut observations = Observations::default();
        for kind in Kind::ALL {
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

/// One interval changed in the manifest.
fn one_field() -> World {
    let mut world = World::applied();
    world.wanted(Kind::Dataflow)["scheduleParams"]["interval"] = 30.into();
    world
}

/// Something of the source that cannot be changed in place.
fn cascade() -> World {
    let mut world = World::applied();
    world.wanted(Kind::Source)["params"] = json!({ "path": "tickets" });
    world
}

/// One mapping added, one removed, one changed.
fn mapping_change() -> World {
    let mut world = World::applied();
    let fields = &mut world.wanted(Kind::Mapping)["fields"];
    fields.as_object_mut().unwrap().remove("_acme.email");
    fields["_acme.locale"] = json!({ "sourceType": "ATTRIBUTE", "source": "result.locale" });
    fields["_acme.fullName"]["source"] = "concat(result.first_name, \" \", upper(result.last_name))".into();
    world
}

/// Hands at work on the platform, some of them against the manifest.
fn drifted() -> World {
    let mut world = mapping_change();
    let by_hand = json!({ "sourceType": "ATTRIBUTE", "source": "result.hand" });
    world.seen(Kind::Mapping)["fields"]["_acme.locale"] = by_hand.clone();
    world.seen(Kind::Mapping)["fields"]["_acme.hand"] = by_hand;
    world.seen(Kind::Dataflow)["scheduleParams"]["interval"] = 45.into();
    world.wanted(Kind::Source)["name"] = "Ours".into();
    world.seen(Kind::Source)["name"] = "Theirs".into();
    world
}

fn destroyed() -> World {
    let mut world = World::applied();
    world.options.mode = plan::Mode::Destroy;
    world
}

fn gone() -> World {
    let mut world = World::applied();
    world.observations.managed.remove(&address(Kind::Dataflow));
    world
}

fn namesake() -> World {
    let mut world = World::fresh();
    world.manifest.sections.retain(|s| s.address.kind == Kind::Target);
    let seen = World::applied().observations.managed[&address(Kind::Target)].clone();
    world.observations.namesakes.insert(address(Kind::Target), vec![seen]);
    world
}

fn all() -> Vec<World> {
    let worlds = [
        World::fresh,
        World::applied,
        one_field,
        cascade,
        mapping_change,
        drifted,
        destroyed,
        gone,
        namesake,
    ];
    worlds.into_iter().map(|world| world()).collect()
}

fn shown(world: &World, style: &Style) -> String {
    text::plan(&world.plan(), style)
}

#[test]
fn create_all() {
    insta::assert_snapshot!(shown(&World::fresh(), &NARROW), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      37a227709e4a0c1f

    + zendesk-users.baseConnection  create
        # the sandbox has no such base connection yet
        name                     Zendesk base connection
        connectionSpec.id        0a27232b-2c6e-4396-b8c6-c9fc24e37ba4
        connectionSpec.version   "1.0"
        auth.specName            OAuth2 Refresh Code
        auth.params.subdomain    https://acme.zendesk.com
        auth.params.accessToken  (sensitive)

    + zendesk-users.source  create
        # the sandbox has no such source connection yet
        name                    Zendesk source
        baseConnectionId        (known after apply: zendesk-users.baseConnection id)
        connectionSpec.id       0a27232b-2c6e-4396-b8c6-c9fc24e37ba4
        connectionSpec.version  "1.0"
        data.format             json

    + zendesk-users.target  create
        # the sandbox has no such target connection yet
        name                    Zendesk target
        connectionSpec.id       c604ff05-7f1a-43c0-8e18-33bf874cb11c
        connectionSpec.version  "1.0"
        data.format             json
        params.dataSetId        624bf42e16519d19496e3f67

    + zendesk-users.mapping  create
        # the sandbox has no such mapping set yet
        name            zendesk-users mapping
        schema.id
            https://ns.adobe.com/acme/schemas/995dabbea86d58e346ff91bd8aa741a9
        schema.version  1
        fields: 3
          + _acme.id        <- result.id  (identity: true)
          + _acme.email     <- result.email
          + _acme.fullName
              <- concat(result.first_name, " ", result.last_name)
                 (sourceType: EXPRESSION)

    + zendesk-users.dataflow  create
        # the sandbox has no such dataflow yet
        name                        Zendesk dataflow
        flowSpec.id                 6499120c-0b15-42dc-936e-847ea3c24d72
        flowSpec.version            "1.0"
        sourceConnectionIds         [(known after apply: zendesk-users.source id)]
        targetConnectionIds         [(known after apply: zendesk-users.target id)]
        transformations.Mapping.mappingId
            (known after apply: zendesk-users.mapping id)
        transformations.Mapping.mappingVersion
            (known after apply: zendesk-users.mapping version)
        scheduleParams.frequency    minute
        scheduleParams.interval     15
        scheduleParams.startTime    (about 5 minutes after create)
        enabled                     true

    Plan: 5 to create.
    "#);
}

#[test]
fn one_field_changes() {
    insta::assert_snapshot!(shown(&one_field(), &NARROW), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      d78409449d2bb3a4

    ~ zendesk-users.dataflow  update 50383d02-2777-4be7-a309-9dd6eea1b465
        # the manifest changed
        scheduleParams.interval  15 → 30
        (9 unchanged)
        PATCH /data/foundation/flowservice/flows/50383d02-2777-4be7-a309-9dd6eea1b465
          If-Match: "1a00ab12-0000-0200-0000-62b2da270000"
          replace /scheduleParams/interval  30

    Plan: 1 to update. 4 unchanged.
    "#);
}

#[test]
fn where_there_is_room_the_precondition_stands_beside() {
    insta::assert_snapshot!(shown(&one_field(), &WIDE), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan d78409449d2bb3a4

    ~ zendesk-users.dataflow  update 50383d02-2777-4be7-a309-9dd6eea1b465
        # the manifest changed
        scheduleParams.interval  15 → 30
        (9 unchanged)
        PATCH /data/foundation/flowservice/flows/50383d02-2777-4be7-a309-9dd6eea1b465  If-Match: "1a00ab12-0000-0200-0000-62b2da270000"
          replace /scheduleParams/interval  30

    Plan: 1 to update. 4 unchanged.
    "#);
}

#[test]
fn a_mapping_changes() {
    insta::assert_snapshot!(shown(&mapping_change(), &NARROW), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      6dd03004a265da87

    ~ zendesk-users.mapping  update 40383d02-2777-4be7-a309-9dd6eea1b464
        # the manifest changed
        fields: 1 added, 1 removed, 1 changed
          ~ _acme.fullName
              <- concat(result.first_name, " ", [-result.last_name)-]
                 {+upper(result.last_name))+}
          + _acme.locale    <- result.locale
          - _acme.email     <- result.email
        (7 unchanged)
        PUT /data/foundation/conversion/mappingSets/40383d02-2777-4be7-a309-9dd6eea1b464
          the whole body as wanted (shown with the requests)

    ~ zendesk-users.dataflow  update 50383d02-2777-4be7-a309-9dd6eea1b465
        # follows zendesk-users.mapping
        transformations.Mapping.mappingVersion
            - "0"
            + (known after apply: zendesk-users.mapping version)
        (9 unchanged)
        PATCH /data/foundation/flowservice/flows/50383d02-2777-4be7-a309-9dd6eea1b465
          If-Match: "1a00ab12-0000-0200-0000-62b2da270000"
          replace /transformations/0
              {
                "name": "Mapping",
                "params": {
                  "mappingId": "40383d02-2777-4be7-a309-9dd6eea1b464",
                  "mappingVersion": (known after apply: zendesk-users.mapping
                      version)
                }
              }

    Plan: 2 to update. 3 unchanged.
    "#);
}

#[test]
fn a_replacement_takes_the_flow_along() {
    insta::assert_snapshot!(shown(&cascade(), &NARROW), @"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      eb06e9b54d142eb7

    -/+ zendesk-users.source  replace 20383d02-2777-4be7-a309-9dd6eea1b462
        # params.path cannot be changed in place
        params.path  (none) → tickets  # forces replacement
        (5 unchanged)
        # in this order: 1 create new, 2 delete old

    -/+ zendesk-users.dataflow  replace 50383d02-2777-4be7-a309-9dd6eea1b465
        # zendesk-users.source becomes another object
        sourceConnectionIds  # forces replacement
            - [20383d02-2777-4be7-a309-9dd6eea1b462]
            + [(known after apply: zendesk-users.source id)]
        (9 unchanged)
        # in this order: 1 disable old, 2 create new, 3 delete old; if the create
          fails, enable old again

    Plan: 2 to replace. 3 unchanged.
    ");
}

#[test]
fn every_request_of_a_replacement() {
    let mut world = cascade();
    world.manifest.sections.retain(|s| s.address.kind != Kind::Mapping && s.address.kind != Kind::Target);
    world.state.as_mut().unwrap().entries.remove(&address(Kind::Mapping));
    world.state.as_mut().unwrap().entries.remove(&address(Kind::Target));
    insta::assert_snapshot!(shown(&world, &FULL), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      eac6436f6c629975

    -/+ zendesk-users.source  replace 20383d02-2777-4be7-a309-9dd6eea1b462
        # params.path cannot be changed in place
        params.path  (none) → tickets  # forces replacement
        (5 unchanged)
        # in this order: 1 create new, 2 delete old
        # create new
        POST /data/foundation/flowservice/sourceConnections
          {
            "name": "Zendesk source",
            "baseConnectionId": "10383d02-2777-4be7-a309-9dd6eea1b461",
            "connectionSpec": {
              "id": "0a27232b-2c6e-4396-b8c6-c9fc24e37ba4",
              "version": "1.0"
            },
            "data": {
              "format": "json"
            },
            "params": {
              "path": "tickets"
            }
          }
        # delete old
        DELETE /data/foundation/flowservice/sourceConnections/20383d02-2777-4be7-a309-9dd6eea1b462

    -/+ zendesk-users.dataflow  replace 50383d02-2777-4be7-a309-9dd6eea1b465
        # zendesk-users.source becomes another object
        sourceConnectionIds  # forces replacement
            - [20383d02-2777-4be7-a309-9dd6eea1b462]
            + [(known after apply: zendesk-users.source id)]
        targetConnectionIds  # forces replacement
            - [30383d02-2777-4be7-a309-9dd6eea1b463]
            + [(known after apply: zendesk-users.target id)]
        transformations.Mapping.mappingId
            - 40383d02-2777-4be7-a309-9dd6eea1b464
            + (known after apply: zendesk-users.mapping id)
        transformations.Mapping.mappingVersion
            - "0"
            + (known after apply: zendesk-users.mapping version)
        (6 unchanged)
        # in this order: 1 disable old, 2 create new, 3 delete old; if the create
          fails, enable old again
        # disable old
        POST /data/foundation/flowservice/flows/50383d02-2777-4be7-a309-9dd6eea1b465/action?op=disable
          If-Match: "1a00ab12-0000-0200-0000-62b2da270000"
        # create new
        POST /data/foundation/flowservice/flows
          {
            "name": "Zendesk dataflow",
            "flowSpec": {
              "id": "6499120c-0b15-42dc-936e-847ea3c24d72",
              "version": "1.0"
            },
            "sourceConnectionIds": [
              (known after apply: zendesk-users.source id)
            ],
            "targetConnectionIds": [
              (known after apply: zendesk-users.target id)
            ],
            "transformations": [
              {
                "name": "Mapping",
                "params": {
                  "mappingId": (known after apply: zendesk-users.mapping id),
                  "mappingVersion": (known after apply: zendesk-users.mapping version)
                }
              }
            ],
            "scheduleParams": {
              "frequency": "minute",
              "interval": 15,
              "startTime": (about 5 minutes after create)
            }
          }
        # enable old (only if the create fails)
        POST /data/foundation/flowservice/flows/50383d02-2777-4be7-a309-9dd6eea1b465/action?op=enable
          If-Match: (known after apply: as the step before leaves it)
        # delete old
        DELETE /data/foundation/flowservice/flows/50383d02-2777-4be7-a309-9dd6eea1b465

    Plan: 2 to replace. 1 unchanged.
    "#);
}

#[test]
fn drift_has_its_own_part_and_both_moved_shows_all_three() {
    insta::assert_snapshot!(shown(&drifted(), &NARROW), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      1457fd5265203083

    Changed on the platform since the last apply (last applied → now)

      zendesk-users.source 20383d02-2777-4be7-a309-9dd6eea1b462
        name  Zendesk source → Theirs

      zendesk-users.mapping 40383d02-2777-4be7-a309-9dd6eea1b464
        fields: 2 added
          + _acme.locale  <- result.hand
          + _acme.hand    <- result.hand

      zendesk-users.dataflow 50383d02-2777-4be7-a309-9dd6eea1b465
        scheduleParams.interval  15 → 45

    ~ zendesk-users.source  update 20383d02-2777-4be7-a309-9dd6eea1b462
        # both the manifest and the platform changed
        name  changed in the manifest and on the platform
            last applied     Zendesk source
            on the platform  Theirs
            wanted           Ours
        (4 unchanged)
        PATCH /data/foundation/flowservice/sourceConnections/20383d02-2777-4be7-a309-9dd6eea1b462
          If-Match: "1a00ab12-0000-0200-0000-62b2da270000"
          replace /name  "Ours"

    ~ zendesk-users.mapping  update 40383d02-2777-4be7-a309-9dd6eea1b464
        # both the manifest and the platform changed
        fields: 2 removed, 2 changed
          ~ _acme.fullName
              <- concat(result.first_name, " ", [-result.last_name)-]
                 {+upper(result.last_name))+}
          ~ _acme.locale
              <- result.hand → result.locale
                 # both moved it; last applied: (none)
          - _acme.email     <- result.email
          - _acme.hand      <- result.hand  # drift: added on the platform
        (8 unchanged)
        PUT /data/foundation/conversion/mappingSets/40383d02-2777-4be7-a309-9dd6eea1b464
          the whole body as wanted (shown with the requests)

    ~ zendesk-users.dataflow  update 50383d02-2777-4be7-a309-9dd6eea1b465
        # the platform changed (drift)
        transformations.Mapping.mappingVersion
            - "0"
            + (known after apply: zendesk-users.mapping version)
        scheduleParams.interval     45 → 15  # drift: changed on the platform
        (8 unchanged)
        PATCH /data/foundation/flowservice/flows/50383d02-2777-4be7-a309-9dd6eea1b465
          If-Match: "1a00ab12-0000-0200-0000-62b2da270000"
          replace /scheduleParams/interval  15
          replace /transformations/0
              {
                "name": "Mapping",
                "params": {
                  "mappingId": "40383d02-2777-4be7-a309-9dd6eea1b464",
                  "mappingVersion": (known after apply: zendesk-users.mapping
                      version)
                }
              }

    Plan: 3 to update. 2 unchanged.
    "#);
}

#[test]
fn destroy() {
    insta::assert_snapshot!(shown(&destroyed(), &NARROW), @"
    Destroying in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      eee0c843e340bd44

    - zendesk-users.dataflow  delete 50383d02-2777-4be7-a309-9dd6eea1b465
        # everything is to be taken down
        name  Zendesk dataflow

    - zendesk-users.mapping  delete 40383d02-2777-4be7-a309-9dd6eea1b464
        # everything is to be taken down
        name  zendesk-users mapping

    - zendesk-users.target  delete 30383d02-2777-4be7-a309-9dd6eea1b463
        # everything is to be taken down
        name  Zendesk target

    - zendesk-users.source  delete 20383d02-2777-4be7-a309-9dd6eea1b462
        # everything is to be taken down
        name  Zendesk source

    - zendesk-users.baseConnection  delete 10383d02-2777-4be7-a309-9dd6eea1b461
        # everything is to be taken down
        name  Zendesk base connection

    Plan: 5 to delete.
    ");
}

#[test]
fn a_gone_object_is_made_again() {
    insta::assert_snapshot!(shown(&gone(), &NARROW), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      2d42501bb0f51055

    Changed on the platform since the last apply (last applied → now)

      zendesk-users.dataflow 50383d02-2777-4be7-a309-9dd6eea1b465: gone, or not
        visible to this credential

    + zendesk-users.dataflow  create
        # 50383d02-2777-4be7-a309-9dd6eea1b465 is gone from the platform, or not
          visible to this credential
        name                        Zendesk dataflow
        flowSpec.id                 6499120c-0b15-42dc-936e-847ea3c24d72
        flowSpec.version            "1.0"
        sourceConnectionIds         [20383d02-2777-4be7-a309-9dd6eea1b462]
        targetConnectionIds         [30383d02-2777-4be7-a309-9dd6eea1b463]
        transformations.Mapping.mappingId  40383d02-2777-4be7-a309-9dd6eea1b464
        transformations.Mapping.mappingVersion  "0"
        scheduleParams.frequency    minute
        scheduleParams.interval     15
        scheduleParams.startTime    (about 5 minutes after create)
        enabled                     true

    Plan: 1 to create. 4 unchanged.
    "#);
}

#[test]
fn a_namesake_refuses_the_plan() {
    insta::assert_snapshot!(shown(&namesake(), &NARROW), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      76de31b3958baff9

    Refused: this plan must not be applied.

    ! zendesk-users.target: the sandbox has a target connection of this name that is
      not managed here: 30383d02-2777-4be7-a309-9dd6eea1b463
        hint: take it over with `--adopt zendesk-users.target`, or make another with
              `--create-beside zendesk-users.target`

    + zendesk-users.target  create
        # nothing of this address is managed yet
        name                    Zendesk target
        connectionSpec.id       c604ff05-7f1a-43c0-8e18-33bf874cb11c
        connectionSpec.version  "1.0"
        data.format             json
        params.dataSetId        624bf42e16519d19496e3f67

    Plan: 1 to create. Refused for the reason above.
    "#);
}

#[test]
fn an_adoption_of_what_is_as_wanted_sends_nothing() {
    let mut world = namesake();
    world.options.adopt = vec!["zendesk-users.target".parse().unwrap()];
    insta::assert_snapshot!(shown(&world, &NARROW), @"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      af0d28340b6cc9fc

    = zendesk-users.target  adopt 30383d02-2777-4be7-a309-9dd6eea1b463
        # an existing object of this name is taken under management
        # nothing is sent: it is as wanted

    Plan: 1 to adopt.
    ");
}

#[test]
fn an_adoption_is_no_drift() {
    let mut world = World::applied();
    world.manifest.sections.retain(|s| s.address.kind == Kind::Mapping);
    world.state = None;
    let mut seen = std::mem::take(&mut world.observations).managed.remove(&address(Kind::Mapping)).unwrap();
    seen.body["fields"].as_object_mut().unwrap().remove("_acme.email");
    seen.body["fields"]["_acme.hand"] = json!({ "sourceType": "STATIC", "source": "x" });
    world.observations.namesakes.insert(address(Kind::Mapping), vec![seen]);
    world.options.adopt = vec!["zendesk-users.mapping".parse().unwrap()];
    insta::assert_snapshot!(shown(&world, &NARROW), @"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      2b4d16fb59fea2b0

    = zendesk-users.mapping  adopt 40383d02-2777-4be7-a309-9dd6eea1b464
        # an existing object of this name is taken under management
        fields: 1 added, 1 removed
          + _acme.email  <- result.email
          - _acme.hand   <- x  (sourceType: STATIC)
        (8 unchanged)
        PUT /data/foundation/conversion/mappingSets/40383d02-2777-4be7-a309-9dd6eea1b464
          the whole body as wanted (shown with the requests)

    Plan: 1 to adopt.
    ");
}

#[test]
fn nothing_to_do() {
    let last = |world: &World| shown(world, &NARROW).lines().last().unwrap().to_owned();
    assert_eq!(last(&World::applied()), "No changes. 5 objects are as the manifest wants them.");
    let mut empty = World::fresh();
    empty.manifest.sections.clear();
    assert_eq!(last(&empty), "No changes. Nothing is managed and the manifest is empty.");
    empty.options.mode = plan::Mode::Destroy;
    assert_eq!(last(&empty), "No changes. There is nothing to destroy.");
}

#[test]
fn long_texts_show_what_differs() {
    let text = "Reads users of the support desk every quarter of an hour, joins them with what marketing knows, \
                and leaves out everybody who asked for that in writing.";
    let mut world = World::applied();
    world.state.as_mut().unwrap().entries.get_mut(&address(Kind::Source)).unwrap().applied["description"] =
        text.into();
    world.seen(Kind::Source)["description"] = text.into();
    world.wanted(Kind::Source)["description"] = text.replace("marketing", "sales").into();
    insta::assert_snapshot!(shown(&world, &NARROW), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      aeb1147340dde1f3

    ~ zendesk-users.source  update 20383d02-2777-4be7-a309-9dd6eea1b462
        # the manifest changed
        description
            … joins them with what [-marketing-]{+sales+} knows, and leaves out …
        (5 unchanged)
        PATCH /data/foundation/flowservice/sourceConnections/20383d02-2777-4be7-a309-9dd6eea1b462
          If-Match: "1a00ab12-0000-0200-0000-62b2da270000"
          replace /description
              "Reads users of the support desk every quarter of an hour, joins them
                  with what sales knows, and leaves out everybody who asked for that
                  in writing."

    Plan: 1 to update. 4 unchanged.
    "#);
}

#[test]
fn many_lines_show_those_that_differ() {
    let lines = "one\ntwo\nthree\nfour\nfive\nsix";
    let mut world = World::applied();
    world.state.as_mut().unwrap().entries.get_mut(&address(Kind::Source)).unwrap().applied["description"] =
        lines.into();
    world.seen(Kind::Source)["description"] = lines.into();
    world.wanted(Kind::Source)["description"] = lines.replace("three", "three and a half").into();
    insta::assert_snapshot!(shown(&world, &NARROW), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      a6c5a0818c384794

    ~ zendesk-users.source  update 20383d02-2777-4be7-a309-9dd6eea1b462
        # the manifest changed
        description
              two
            - three
            + three and a half
              four
        (5 unchanged)
        PATCH /data/foundation/flowservice/sourceConnections/20383d02-2777-4be7-a309-9dd6eea1b462
          If-Match: "1a00ab12-0000-0200-0000-62b2da270000"
          replace /description  "one\ntwo\nthree and a half\nfour\nfive\nsix"

    Plan: 1 to update. 4 unchanged.
    "#);
}

#[test]
fn secrets_are_words() {
    let mut world = World::applied();
    let token = SecretSource::FromEnv("ZENDESK_TOKEN".into());
    world.fingerprints.insert(token, "fingerprint-2".into());
    insta::assert_snapshot!(shown(&world, &NARROW), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      95d32e2930e0b8ed

    ~ zendesk-users.baseConnection  update 10383d02-2777-4be7-a309-9dd6eea1b461
        # the manifest changed
        auth.params.accessToken  (sensitive, changed)
        (5 unchanged)
        PATCH /data/foundation/flowservice/connections/10383d02-2777-4be7-a309-9dd6eea1b461
          If-Match: "1a00ab12-0000-0200-0000-62b2da270000"
          replace /auth/params
              {
                "subdomain": "https://acme.zendesk.com",
                "accessToken": (sensitive)
              }

    Plan: 1 to update. 4 unchanged.
    "#);

    let entry = world.state.as_mut().unwrap().entries.get_mut(&address(Kind::BaseConnection)).unwrap();
    entry.applied["auth"]["params"]["accessToken"] = "was-in-clear".into();
    world.seen(Kind::BaseConnection)["auth"]["params"]["accessToken"] = "was-in-clear".into();
    let plan = world.plan();
    assert!(text::plan(&plan, &FULL).contains("accessToken  (sensitive, to be set)"));
    for text in [text::plan(&plan, &FULL), json::to_string(&json::plan(&plan))] {
        assert!(!text.contains("was-in-clear") && !text.contains("fingerprint-"), "{text}");
    }
}

#[test]
fn moments_are_dates_too() {
    let mut world = World::applied();
    world.wanted(Kind::Dataflow)["scheduleParams"]["startTime"] = (NOW + 60).into();
    let text = shown(&world, &WIDE);
    assert!(text.contains("1799999000 (2027-01-15T07:43:20Z) → 1800000060 (2027-01-15T08:01:00Z)"), "{text}");
}

#[test]
fn color_repeats_what_words_say() {
    for world in all() {
        let colored = shown(&world, &COLORED);
        let stripped: String = strip(&colored);
        assert!(colored.contains('\u{1b}'));
        assert_eq!(stripped, shown(&world, &NARROW));
    }
}

/// `text` without colours.
fn strip(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').unwrap().1)
}

#[test]
fn lines_fit_and_end_without_spaces() {
    for world in all() {
        for style in [NARROW, WIDE] {
            for line in shown(&world, &style).lines() {
                assert_eq!(line, line.trim_end());
                // A request's target stays whole, to be copied.
                assert!(line.chars().count() <= style.width || line.contains(" /data/foundation/"), "{line}");
            }
        }
    }
}

#[test]
fn nothing_from_outside_reaches_the_terminal_as_it_is() {
    let evil = "x\u{1b}[2J\r\u{9b}31m\u{202e}evil\u{2066}\u{7}";
    let mut world = drifted();
    world.wanted(Kind::Source)["name"] = evil.into();
    world.seen(Kind::Target)["name"] = evil.into();
    world.seen(Kind::Source)["params"][evil] = evil.into();
    world.seen(Kind::Mapping)["fields"][evil] =
        json!({ "sourceType": "EXPRESSION", "source": evil, evil: evil });
    world.wanted(Kind::Dataflow)["description"] = format!("{evil}\n{evil}").into();
    let mut plan = world.plan();
    plan.notes.push(plan::Note { address: Some(Address::new(evil, Kind::Source)), text: evil.into() });
    plan.place.org = evil.into();
    for text in [
        text::plan(&plan, &NARROW),
        text::plan(&plan, &FULL),
        json::to_string(&json::plan(&plan)),
        github::plan(&plan, &lines),
    ] {
        assert!(!text.contains(|c: char| c != '\n' && super::value::is_dangerous(c)), "{text}");
        assert!(text.contains("evil"));
    }
    assert_eq!(text::sanitize(evil), "x\\u{1b}[2J\\r\\u{9b}31m\\u{202e}evil\\u{2066}\\u{7}");
    assert!(matches!(text::sanitize("Straße 東京 👋"), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn a_text_cannot_pass_for_a_leaf() {
    let mut world = World::fresh();
    world.wanted(Kind::Source)["name"] = "(sensitive)".into();
    assert!(shown(&world, &NARROW).contains("name                    \"(sensitive)\""));
}

#[test]
fn a_created_flow_that_is_off_names_what_it_switches() {
    let mut world = World::fresh();
    world.wanted(Kind::Dataflow)["enabled"] = false.into();
    let text = shown(&world, &FULL);
    assert!(text.contains("POST /data/foundation/flowservice/flows/{id}/action?op=disable"), "{text}");
}

#[test]
fn json_is_stable_and_masked() {
    let plan = drifted().plan();
    let document = json::plan(&plan);
    assert_eq!(json::to_string(&document), json::to_string(&json::plan(&plan)));
    assert_eq!(document["formatVersion"], 1);
    assert_eq!(document["fingerprint"], plan.fingerprint());
    assert_eq!(document["summary"]["update"], 3);
    let source = &document["operations"][0];
    assert_eq!(
        source["changes"][0],
        json!({
            "path": "/name", "cause": "both", "before": "Theirs", "after": "Ours", "applied": "Zendesk source",
            "forcesReplacement": false, "sensitive": false
        })
    );
    assert_eq!(source["requests"][0]["method"], "PATCH");
    assert_eq!(source["requests"][0]["ifMatch"], "\"1a00ab12-0000-0200-0000-62b2da270000\"");
    assert_eq!(
        document["drift"][0]["fields"][0],
        json!({
            "path": "/name", "applied": "Zendesk source", "now": "Theirs", "sensitive": false
        })
    );

    let document = json::plan(&World::fresh().plan());
    let body = |operation: usize, pointer: &str| {
        document["operations"][operation]["requests"][0]["body"].pointer(pointer).cloned().unwrap()
    };
    assert_eq!(body(0, "/auth/params/accessToken"), json!({ "sensitive": true }));
    assert_eq!(body(1, "/baseConnectionId"), json!({ "knownAfterApply": "zendesk-users.baseConnection id" }));
    assert_eq!(body(4, "/scheduleParams/startTime"), json!({ "soonAfterCreate": 300 }));
}

#[test]
fn an_etag_that_an_earlier_step_moves_is_not_known() {
    let mut world = one_field();
    world.wanted(Kind::Dataflow)["enabled"] = false.into();
    let plan = world.plan();
    let document = json::plan(&plan);
    let requests = &document["operations"][0]["requests"];
    assert!(requests[0]["ifMatch"].is_string());
    assert_eq!(requests[1]["ifMatch"], json!({ "knownAfterApply": "zendesk-users.dataflow etag" }));
    assert!(text::plan(&plan, &WIDE).contains("op=disable  If-Match: (known after apply"));
}

#[test]
fn json_in_a_text_is_laid_out() {
    let column = |name: &str| {
        let text = json!({ "name": name, "dateFormat": "YYYY-MM-DD", "timezone": "UTC" }).to_string();
        json!({ "deltaColumn": text })
    };
    let mut world = World::applied();
    let entry = world.state.as_mut().unwrap().entries.get_mut(&address(Kind::Dataflow)).unwrap();
    entry.applied["transformations"]["Copy"] = column("updated_at");
    world.seen(Kind::Dataflow)["transformations"]["Copy"] = column("updated_at");
    world.wanted(Kind::Dataflow)["transformations"]["Copy"] = column("created_at");
    insta::assert_snapshot!(shown(&world, &NARROW), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      4346de65ef3ff653

    ~ zendesk-users.dataflow  update 50383d02-2777-4be7-a309-9dd6eea1b465
        # the manifest changed
        transformations.Copy.deltaColumn
              {
            -   "name": "updated_at",
            +   "name": "created_at",
                "dateFormat": "YYYY-MM-DD",
        (10 unchanged)
        PATCH /data/foundation/flowservice/flows/50383d02-2777-4be7-a309-9dd6eea1b465
          If-Match: "1a00ab12-0000-0200-0000-62b2da270000"
          add     /transformations/0
              {
                "name": "Copy",
                "params": {
                  "deltaColumn":
                      "{\"name\":\"created_at\",\"dateFormat\":\"YYYY-MM-DD\",
                      \"timezone\":\"UTC\"}"
                }
              }

    Plan: 1 to update. 4 unchanged.
    "#);
}

#[test]
fn an_operation_of_two_steps_says_so() {
    let mut world = World::fresh();
    world.wanted(Kind::Dataflow)["enabled"] = false.into();
    assert!(shown(&world, &NARROW).contains("# in this order: 1 create, 2 disable"));
}

/// Each kind on a line of its own, each mapping on one more; the base connection is in no file.
fn lines(address: &Address, pointer: Option<&str>) -> Option<manifest::Place> {
    let kind = Kind::ALL.iter().position(|kind| *kind == address.kind).filter(|kind| *kind > 0)?;
    let field = pointer.map_or(0, |p| p.bytes().map(usize::from).sum::<usize>() % 100);
    let position = Position { file: "m.yaml".into(), line: kind * 100 + field, column: 3 };
    Some(manifest::Place { end_line: position.line, end_column: 7, position, snippet: None })
}

fn annotated(world: &World) -> String {
    github::plan(&world.plan(), &lines)
}

#[test]
fn annotations_stand_at_the_lines_that_cause_them() {
    assert_eq!(
        annotated(&one_field()),
        "::notice file=m.yaml,line=420,col=3,endLine=420,endColumn=7,title=zendesk-users.dataflow%3A update::\
         scheduleParams.interval: 15 → 30\n"
    );
    insta::assert_snapshot!("github-cascade", annotated(&cascade()));
    insta::assert_snapshot!("github-drifted", annotated(&drifted()));
    insta::assert_snapshot!("github-destroyed", annotated(&destroyed()));
    insta::assert_snapshot!("github-gone", annotated(&gone()));
    insta::assert_snapshot!("github-namesake", annotated(&namesake()));
    assert_eq!(annotated(&World::applied()), "");
}

#[test]
fn github_gets_no_more_than_it_shows_and_the_last_says_so() {
    let mut world = World::applied();
    for n in 0..30 {
        let field = json!({ "sourceType": "ATTRIBUTE", "source": format!("result.f{n}") });
        world.wanted(Kind::Mapping)["fields"][format!("_acme.f{n}")] = field;
    }
    let text = annotated(&world);
    let notices: Vec<&str> = text.lines().filter(|line| line.starts_with("::notice ")).collect();
    assert_eq!(notices.len(), 10, "{text}");
    assert!(notices[9].starts_with("::notice title=flowform::... and "), "{text}");
}

#[test]
fn annotations_hold_no_secret() {
    let mut world = World::applied();
    world.fingerprints.insert(SecretSource::FromEnv("ZENDESK_TOKEN".into()), "other".into());
    let text = annotated(&world);
    assert!(text.contains("auth.params.accessToken: (sensitive, changed)"), "{text}");
}
