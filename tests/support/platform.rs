//! The platform seen by somebody else: what it holds, read from its file without a trace, and changes by plain HTTP.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use flowform::emulator::{self, Behaviour, Handle};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// An object on the platform.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    pub(crate) id: String,
    pub(crate) name: String,
    /// As the platform keeps it, secrets in clear.
    pub(crate) body: Value,
}

impl Object {
    pub(crate) fn etag(&self) -> &str {
        self.body["etag"].as_str().unwrap_or_default()
    }
}

/// What the platform holds besides what it held from the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Contents {
    kinds: BTreeMap<&'static str, Vec<Object>>,
}

/// Names in the emulator's file, and the collections that they are.
const KINDS: &[(&str, &str)] = &[
    ("connection", "connections"),
    ("source", "sourceConnections"),
    ("target", "targetConnections"),
    ("mappingSet", "mappingSets"),
    ("flow", "flows"),
    ("dataSet", "dataSets"),
    ("schema", "schemas"),
    ("fieldGroup", "fieldgroups"),
    ("descriptor", "descriptors"),
];

/// What every sandbox holds from the start.
const SEEDED: &[&str] = &[
    "624bf42e16519d19496e3f67",
    "66f0c1d2a3b4c5d6e7f80912",
    "https://ns.adobe.com/extconndev/schemas/995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4",
    "https://ns.adobe.com/extconndev/schemas/7c1e9a0b4d3f5268e7a9b0c1d2e3f4a5968778695a4b3c2d",
    "https://ns.adobe.com/extconndev/mixins/3f1c0a5e7b9d42c8a6e0f4d218937b65c0de12ab34cd56ef",
    "https://ns.adobe.com/extconndev/mixins/81b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718",
];

impl Contents {
    pub(super) fn read(store: &Path) -> Self {
        let mut objects: BTreeMap<(usize, String), (u64, Object)> = BTreeMap::new();
        let text = std::fs::read_to_string(store).unwrap_or_default();
        let kind = |line: &Value| KINDS.iter().position(|(name, _)| line["kind"] == *name);
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if let Some(put) = line.get("put")
                && let Some(kind) = kind(put)
            {
                let record = &put["record"];
                let id = record["id"].as_str().unwrap().to_owned();
                if SEEDED.contains(&id.as_str()) {
                    continue;
                }
                // A mapping set is its newest version.
                let body = record["body"]["versions"].as_array().and_then(|v| v.last());
                let body = body.unwrap_or(&record["body"]).clone();
                if record.get("dying").is_some() {
                    objects.remove(&(kind, id));
                    continue;
                }
                let name = body["name"].as_str().or(body["title"].as_str()).unwrap_or_default().to_owned();
                let seq = record["seq"].as_u64().unwrap();
                objects.insert((kind, id.clone()), (seq, Object { id, name, body }));
            } else if let Some(delete) = line.get("delete")
                && let Some(kind) = kind(delete)
            {
                objects.remove(&(kind, delete["id"].as_str().unwrap().to_owned()));
            }
        }
        let mut kinds: BTreeMap<&'static str, Vec<(u64, Object)>> = BTreeMap::new();
        for ((kind, _), object) in objects {
            kinds.entry(KINDS[kind].1).or_default().push(object);
        }
        let sorted = |mut objects: Vec<(u64, Object)>| {
            objects.sort_by_key(|(seq, _)| *seq);
            objects.into_iter().map(|(_, object)| object).collect()
        };
        Self { kinds: kinds.into_iter().map(|(kind, objects)| (kind, sorted(objects))).collect() }
    }

    pub(crate) fn of(&self, kind: &str) -> &[Object] {
        assert!(KINDS.iter().any(|(_, collection)| *collection == kind), "{kind} is no kind");
        self.kinds.get(kind).map_or(&[], Vec::as_slice)
    }

    /// The only one of its kind.
    #[track_caller]
    pub(crate) fn one(&self, kind: &str) -> &Object {
        let objects = self.of(kind);
        assert_eq!(objects.len(), 1, "{kind}: {objects:?}");
        &objects[0]
    }

    /// The only one of its kind that bears this name.
    #[track_caller]
    pub(crate) fn named(&self, kind: &str, name: &str) -> &Object {
        let mut objects = self.of(kind).iter().filter(|object| object.name == name);
        let object = objects.next().unwrap_or_else(|| panic!("no {kind} named {name}: {self:?}"));
        assert!(objects.next().is_none(), "several {kind} are named {name}");
        object
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Object> {
        self.kinds.values().flatten()
    }

    /// Connections, source connections, target connections, mapping sets, flows.
    pub(crate) fn counts(&self) -> [usize; 5] {
        [0, 1, 2, 3, 4].map(|kind| self.of(KINDS[kind].1).len())
    }

    /// Which flows run and which do not.
    pub(crate) fn flow_state(&self) -> &str {
        self.one("flows").body["state"].as_str().unwrap()
    }

    /// `KIND NAME` of every object, in a fixed order.
    pub(crate) fn list(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (_, kind) in KINDS {
            let mut names: Vec<&str> = self.of(kind).iter().map(|o| o.name.as_str()).collect();
            names.sort_unstable();
            all.extend(names.iter().map(|name| format!("{kind} {name}")));
        }
        all
    }
}

/// Another client of the same platform. Its requests are in no log.
pub(crate) struct Platform {
    /// Stops when this is dropped.
    handle: Handle,
}

const BEARER: &str = "somebody-elses-token";

impl Platform {
    /// A second server over the same objects.
    pub(super) fn open(runtime: &'static Runtime, store: &Path, switches: &[String]) -> Self {
        let mut behaviour = Behaviour::parse(switches.iter().map(String::as_str)).unwrap();
        behaviour.set(&format!("accept-token={BEARER}")).unwrap();
        let options =
            emulator::Options { store: Some(store.to_owned()), behaviour, ..emulator::Options::default() };
        Self { handle: runtime.block_on(emulator::start(options)).unwrap() }
    }

    /// Sends one request; fails unless it succeeds. The answer's body.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Value {
        let address = self.handle.url().trim_start_matches("http://");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut head = format!("{method} /data/foundation{path} HTTP/1.1\r\nhost: {address}\r\n");
        let length = body.len().to_string();
        let bearer = format!("Bearer {BEARER}");
        let ours = [
            ("authorization", bearer.as_str()),
            ("x-api-key", "somebody-else"),
            ("x-gw-ims-org-id", super::ORG),
            ("x-sandbox-name", "dev"),
            ("content-type", "application/json"),
            ("content-length", &length),
            ("connection", "close"),
        ];
        for (name, value) in ours.iter().chain(headers) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// Changes an object of Flow Service.
    #[track_caller]
    pub(crate) fn patch(&self, kind: &str, object: &Object, operations: &Value) {
        let path = format!("/flowservice/{kind}/{}", object.id);
        self.send("PATCH", &path, &[("if-match", object.etag())], operations);
    }

    /// Gives an object of Flow Service another description.
    #[track_caller]
    pub(crate) fn describe(&self, kind: &str, object: &Object, text: &str) {
        self.patch(kind, object, &json!([{ "op": "add", "path": "/description", "value": text }]));
    }

    #[track_caller]
    pub(crate) fn delete(&self, kind: &str, object: &Object) {
        let service = if kind == "mappingSets" { "conversion" } else { "flowservice" };
        self.send("DELETE", &format!("/{service}/{kind}/{}", object.id), &[], &Value::Null);
    }

    /// Makes a base connection; its id.
    pub(crate) fn connection(&self, name: &str) -> String {
        let body = json!({
            "name": name,
            "connectionSpec": { "id": "0a27232b-2c6e-4396-b8c6-c9fc24e37ba4", "version": "1.0" },
            "auth": { "specName": "OAuth2 Refresh Code",
                "params": { "subdomain": "https://acme.zendesk.com", "accessToken": "theirs" } },
        });
        let answer = self.send("POST", "/flowservice/connections", &[], &body);
        answer["id"].as_str().unwrap().to_owned()
    }
}
