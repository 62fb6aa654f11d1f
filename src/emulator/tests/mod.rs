//! The documented rules, asked for through real HTTP. `faults` has what goes wrong on purpose, `sources` what differs from
//! source to source.

mod faults;
mod sources;

use serde_json::{Value, json};

use super::{Handle, Options, start};

/// A platform and somebody who talks to it.
struct Client {
    handle: Handle,
    http: reqwest::Client,
    token: String,
}

struct Got {
    status: u16,
    body: Value,
    headers: reqwest::header::HeaderMap,
}

impl Got {
    /// `FLOW-1403-400` of an error's type.
    fn code(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default()
    }
}

const ZENDESK: &str = "0a27232b-2c6e-4396-b8c6-c9fc24e37ba4";
const LAKE: &str = "c604ff05-7f1a-43c0-8e18-33bf874cb11c";
const DATASET: &str = "624bf42e16519d19496e3f67";
const SCHEMA: &str =
    "https://ns.adobe.com/extconndev/schemas/995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4";

async fn client(behaviour: &str, faults: &[&str]) -> Client {
    with(Options {
        behaviour: behaviour.parse().unwrap(),
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        ..Options::default()
    })
    .await
}

async fn with(options: Options) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let handle = start(options).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "key"),
        ("client_secret", "s"),
        ("scope", "openid,AdobeID"),
    ];
    let answer = http.post(format!("{}/ims/token/v3", handle.url())).form(&form).send().await.unwrap();
    let body: Value = answer.json().await.unwrap();
    let token = body["access_token"].as_str().unwrap().to_owned();
    Client { handle, http, token }
}

impl Client {
    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> reqwest::RequestBuilder {
        let service = match path.split(['/', '?']).nth(1).unwrap() {
            "mappingSets" => "/data/foundation/conversion",
            "dataSets" | "v2" => "/data/foundation/catalog",
            "tenant" | "global" | "stats" => "/data/foundation/schemaregistry",
            "sandboxes" => "/data/foundation/sandbox-management",
            _ => "/data/foundation/flowservice",
        };
        let request = self
            .http
            .request(method.parse().unwrap(), format!("{}{service}{path}", self.handle.url()))
            .header("x-api-key", "key")
            .header("x-gw-ims-org-id", "A@AdobeOrg")
            .header("x-sandbox-name", "dev")
            .bearer_auth(&self.token);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Got {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        Got { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Got {
        self.send(self.request(method, path, Some(&body).filter(|body| !body.is_null()))).await
    }

    async fn get(&self, path: &str) -> Got {
        self.call("GET", path, Value::Null).await
    }

    async fn item(&self, path: &str) -> Value {
        let got = self.get(path).await;
        assert_eq!(got.status, 200, "{}", got.body);
        got.body["items"][0].clone()
    }

    async fn create(&self, path: &str, body: Value) -> String {
        let got = self.call("POST", path, body).await;
        assert!(matches!(got.status, 200 | 201), "{path}: {}", got.body);
        got.body["id"].as_str().unwrap().to_owned()
    }

    async fn patch(&self, path: &str, etag: &str, operations: Value) -> Got {
        self.send(self.request("PATCH", path, Some(&operations)).header("if-match", etag)).await
    }

    /// Sets the clock forward; needs no token.
    async fn advance(&self, seconds: i64) {
        let url = format!("{}/emulator/clock", self.handle.url());
        let got = self.send(self.http.post(url).json(&json!({ "advance": seconds }))).await;
        assert_eq!(got.status, 200, "{}", got.body);
    }

    /// Read, then patch with what was read.
    async fn change(&self, path: &str, operations: Value) -> Got {
        let item = self.item(path).await;
        self.patch(path, item["etag"].as_str().unwrap(), operations).await
    }

    /// The whole pipeline: base, source, target, mapping, flow.
    async fn pipeline(&self) -> [String; 5] {
        let base = self.create("/connections", base_body()).await;
        let source = self.create("/sourceConnections", source_body(&base)).await;
        let target = self.create("/targetConnections", target_body()).await;
        let mapping = self.create("/mappingSets", mapping_body()).await;
        let flow = self.create("/flows", flow_body(&source, &target, &mapping)).await;
        [base, source, target, mapping, flow]
    }
}

fn base_body() -> Value {
    json!({"name": "base", "connectionSpec": {"id": ZENDESK, "version": "1.0"}, "auth": {
        "specName": "OAuth2 Refresh Code",
        "params": {"subdomain": "https://a.zendesk.com", "accessToken": "S3CRET"}}})
}

fn source_body(base: &str) -> Value {
    json!({"name": "source", "baseConnectionId": base, "connectionSpec": {"id": ZENDESK, "version": "1.0"},
        "data": {"format": "json"}, "params": {}})
}

fn target_body() -> Value {
    json!({"name": "target", "connectionSpec": {"id": LAKE, "version": "1.0"}, "data": {"format": "json"},
        "params": {"dataSetId": DATASET}})
}

fn mapping_body() -> Value {
    json!({"version": 0, "xdmSchema": SCHEMA, "xdmVersion": "1.0", "id": null, "mappings": [
        {"sourceType": "ATTRIBUTE", "source": "result.id", "destination": "_extconndev.id", "name": "id"},
        {"sourceType": "STATIC", "sourceAttribute": "x", "destinationXdmPath": "_extconndev.name"}]})
}

fn soon(seconds: i64) -> String {
    (crate::emulator::clock::now_ms() / 1000 + seconds).to_string()
}

fn flow_body(source: &str, target: &str, mapping: &str) -> Value {
    json!({"name": "flow", "flowSpec": {"id": "6499120c-0b15-42dc-936e-847ea3c24d72", "version": "1.0"},
        "sourceConnectionIds": [source], "targetConnectionIds": [target],
        "transformations": [{"name": "Mapping", "params": {"mappingId": mapping, "mappingVersion": 0}}],
        "scheduleParams": {"startTime": soon(600), "frequency": "minute", "interval": 15}})
}

#[tokio::test]
async fn the_gateway_checks_come_first_with_shape_a() {
    let c = client("", &[]).await;
    let url = format!("{}/data/foundation/flowservice/flows", c.handle.url());
    let bare = c.send(c.http.get(&url)).await;
    assert_eq!((bare.status, bare.body["error_code"].as_str()), (403, Some("403010")));
    assert!(bare.headers.contains_key("x-request-id"));
    let wrong = c.send(c.http.get(&url).bearer_auth("nope")).await;
    assert_eq!((wrong.status, wrong.body["error_code"].as_str()), (401, Some("401013")));
    let keyless = c.send(c.http.get(&url).bearer_auth(&c.token)).await;
    assert_eq!(keyless.body["error_code"], "403000");
    let other = c.send(c.http.get(&url).bearer_auth(&c.token).header("x-api-key", "other")).await;
    assert_eq!(other.body["error_code"], "403003");
    let orgless = c.http.get(&url).bearer_auth(&c.token).header("x-api-key", "key");
    assert_eq!(c.send(orgless.try_clone().unwrap()).await.body["error_code"], "400003");
    let bad_org = orgless.try_clone().unwrap().header("x-gw-ims-org-id", "A");
    assert_eq!(c.send(bad_org).await.body["error_code"], "403027");
    let sandboxless = orgless.header("x-gw-ims-org-id", "A@AdobeOrg");
    assert_eq!(c.send(sandboxless.try_clone().unwrap()).await.code(), "FLOW-2105-400");
    let unknown = c.send(sandboxless.header("x-sandbox-name", "nope")).await;
    assert_eq!((unknown.status, unknown.code()), (404, "FLOW-2100-404"));
    let untyped = c.request("POST", "/connections", None).body("{}");
    assert_eq!(c.send(untyped).await.body["detail"], "A valid content-type must be specified");
}

#[tokio::test]
async fn a_pipeline_is_made_read_and_taken_down() {
    let c = client("", &[]).await;
    let [base, source, target, mapping, flow] = c.pipeline().await;
    let item = c.item(&format!("/flows/{flow}")).await;
    assert_eq!(item["scheduleParams"]["interval"], "15");
    assert_eq!(item["scheduleParams"]["backfill"], "true");
    assert_eq!(item["transformations"][0]["params"]["mappingVersion"], "0");
    assert_eq!(item["inheritedAttributes"]["sourceConnections"][0]["baseConnection"]["id"], base.as_str());
    assert_eq!(
        (item["etag"].clone(), item["createdClient"].as_str()),
        (item["version"].clone(), Some("key"))
    );
    assert_eq!(item["lastOperation"]["status"]["value"], "completed");
    let shown = c.item(&format!("/connections/{base}")).await;
    assert_eq!(shown["auth"]["params"]["subdomain"], "https://a.zendesk.com");
    assert!(!shown.to_string().contains("S3CRET"));
    for (path, code) in [
        (format!("/connections/{base}"), "FLOW-1418-400"),
        (format!("/sourceConnections/{source}"), "FLOW-1447-400"),
        (format!("/targetConnections/{target}"), "FLOW-1447-400"),
    ] {
        let got = c.call("DELETE", &path, Value::Null).await;
        assert_eq!((got.status, got.code()), (400, code));
    }
    for path in [
        format!("/flows/{flow}"),
        format!("/targetConnections/{target}"),
        format!("/sourceConnections/{source}"),
        format!("/connections/{base}"),
        format!("/mappingSets/{mapping}"),
    ] {
        assert_eq!(c.call("DELETE", &path, Value::Null).await.status, 204, "{path}");
        assert_eq!(c.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn patch_keeps_its_rules() {
    let c = client("", &[]).await;
    let [base, .., flow] = c.pipeline().await;
    let path = format!("/flows/{flow}");
    let name = json!([{"op": "replace", "path": "/name", "value": "n2"}]);
    let missing = c.call("PATCH", &path, name.clone()).await;
    assert_eq!((missing.status, missing.code()), (400, "FLOW-1403-400"));
    let stale = c.patch(&path, "\"x\"", name.clone()).await;
    assert_eq!((stale.status, stale.code()), (412, "FLOW-1404-412"));
    let before = c.item(&path).await["etag"].clone();
    let done = c.patch(&path, before.as_str().unwrap(), name.clone()).await;
    assert_eq!((done.status, done.body["id"].as_str()), (200, Some(flow.as_str())));
    assert!(done.body["etag"].as_str().unwrap().contains("-0000-0200-0000-"));
    assert_eq!(c.item(&path).await["etag"], done.body["etag"]);
    assert_eq!(c.patch(&path, before.as_str().unwrap(), name).await.status, 412);
    for (operation, code) in [
        (json!({"op": "move", "from": "/name", "path": "/description"}), "FLOW-1434-400"),
        (json!({"op": "replace", "path": "/description", "value": "d"}), "FLOW-1455-400"),
        (json!({"op": "replace", "path": "/flowSpec/id", "value": "d"}), "CONNECTOR-1365-400"),
        (
            json!({"op": "replace", "path": "/scheduleParams/frequency", "value": "month"}),
            "CONNECTOR-1397-400",
        ),
        (json!({"op": "replace", "path": "/scheduleParams/interval", "value": 5}), "CONNECTOR-1362-400"),
        (
            json!({"op": "replace", "path": "/transformations/0/params/mappingVersion", "value": "7"}),
            "FLOW-1412-400",
        ),
    ] {
        assert_eq!(c.change(&path, json!([operation])).await.code(), code, "{operation}");
    }
    let upper = json!([{"op": "Add", "path": "/description", "value": "d"},
        {"op": "REPLACE", "path": "/scheduleParams/frequency", "value": "day"}]);
    assert_eq!(c.change(&path, upper).await.status, 200);
    let base = format!("/connections/{base}");
    let spec = json!([{"op": "replace", "path": "/connectionSpec/id", "value": "x"}]);
    assert_eq!(c.change(&base, spec).await.code(), "FLOW-1414-400");
    // The whole of auth.params is replaced, so what is left out is gone.
    let params = json!([{"op": "replace", "path": "/auth/params", "value": {"accessToken": "N"}}]);
    assert_eq!(c.change(&base, params).await.code(), "CONNECTOR-1304-400");
}

#[tokio::test]
async fn creation_is_validated_with_the_documented_codes() {
    let c = client("", &[]).await;
    let [base, source, target, mapping, _] = c.pipeline().await;
    let edit = |body: Value, path: &str, value: Value| {
        let mut body = body;
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    let flow = flow_body(&source, &target, &mapping);
    let with = |key: &str| {
        let mut body = flow.clone();
        body[key] = json!("x");
        body
    };
    for (path, body, code) in [
        ("/connections", edit(base_body(), "/connectionSpec/id", json!("x")), "FLOW-1413-400"),
        ("/connections", edit(base_body(), "/auth/specName", json!("x")), "FLOW-1415-400"),
        ("/connections", edit(base_body(), "/auth/params", json!({"subdomain": "x"})), "CONNECTOR-1304-400"),
        ("/connections", edit(base_body(), "/name", json!("")), "CONNECTOR-1304-400"),
        ("/connections", Value::String(String::new()), "FLOW-1405-400"),
        ("/sourceConnections", source_body("nope"), "FLOW-1439-400"),
        ("/sourceConnections", edit(source_body(&base), "/data/format", json!("xml")), "CONNECTOR-1327-400"),
        (
            "/targetConnections",
            edit(target_body(), "/connectionSpec/id", json!(ZENDESK)),
            "CONNECTOR-1307-400",
        ),
        ("/targetConnections", edit(target_body(), "/params", json!({})), "CONNECTOR-1325-400"),
        ("/flows", with("state"), "FLOW-1410-400"),
        ("/flows", with("mode"), "CONNECTOR-1368-400"),
        ("/flows", edit(flow.clone(), "/sourceConnectionIds", json!([source, source])), "CONNECTOR-1321-400"),
        ("/flows", edit(flow.clone(), "/sourceConnectionIds/0", json!("nope")), "FLOW-1439-400"),
        ("/flows", edit(flow.clone(), "/transformations/0/params/mappingId", json!("x")), "FLOW-1419-400"),
        (
            "/flows",
            edit(flow.clone(), "/transformations/0/params/mappingVersion", json!("1")),
            "FLOW-1412-400",
        ),
        ("/flows", edit(flow.clone(), "/transformations", json!([])), "CONNECTOR-1328-400"),
        (
            "/flows",
            edit(flow.clone(), "/scheduleParams/startTime", json!("1625040887")),
            "CONNECTOR-1360-400",
        ),
        ("/flows", edit(flow.clone(), "/scheduleParams", json!({})), "CONNECTOR-1317-400"),
    ] {
        let got = c.call("POST", path, body).await;
        assert_eq!(got.code(), code, "{path}: {}", got.body);
    }
    let second = "https://ns.adobe.com/extconndev/schemas/7c1e9a0b4d3f5268e7a9b0c1d2e3f4a5968778695a4b3c2d";
    let other = c.create("/mappingSets", edit(mapping_body(), "/xdmSchema", json!(second))).await;
    assert_eq!(c.call("POST", "/flows", flow_body(&source, &target, &other)).await.code(), "FLOW-1425-400");
}

#[tokio::test]
async fn the_tutorials_two_specs_are_accepted_unless_equality_is_asked_for() {
    let tutorial = json!({"name": "Zendesk base connection",
        "connectionSpec": {"id": "2526ee57-0af4-46ea-a477-720a53108145", "version": "1.0"},
        "auth": {"specName": "OAuth generic-rest-connector",
            "params": {"host": "x.zendesk.com", "accessToken": "t"}}});
    for (behaviour, status) in [("", 201), ("connection-specs=equal", 400)] {
        let c = client(behaviour, &[]).await;
        let base = c.create("/connections", tutorial.clone()).await;
        let mut source = source_body(&base);
        source["connectionSpec"]["id"] = json!("6360f136-5980-4111-8bdf-15d29eab3b5a");
        assert_eq!(c.call("POST", "/sourceConnections", source).await.status, status, "{behaviour}");
    }
}

#[tokio::test]
async fn lists_filter_sort_count_and_page() {
    let c = client("", &[]).await;
    let mut ids = Vec::new();
    for n in 0..25 {
        let mut body = base_body();
        body["name"] = json!(format!("base {:02}", 24 - n));
        ids.push(c.create("/connections", body).await);
    }
    let some = format!("/connections?property=id=={},{}", ids[3], ids[7]);
    assert_eq!(c.get(&some).await.body["items"].as_array().unwrap().len(), 2);
    assert_eq!(c.get("/connections?count=true").await.body, json!({"count": 25}));
    let renamed = json!([{"op": "replace", "path": "/name", "value": "base 24"}]);
    assert_eq!(c.change(&format!("/connections/{}", ids[0]), renamed).await.status, 200);
    let named =
        c.get("/connections?property=name==base%2007,base%2024,nope&property=state==enabled").await.body;
    let names: Vec<&str> =
        named["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["base 24", "base 07"]);
    for order in ["", "&orderby=name", "&orderby=-name"] {
        let mut path = format!("/connections?limit=10{order}");
        let mut seen = Vec::new();
        loop {
            let page = c.get(&path).await.body;
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
            let Some(next) = page["_links"]["next"]["href"].as_str() else { break };
            assert!(next.starts_with("/connections?continuationToken="));
            path = format!("{next}&limit=10{order}");
        }
        assert_eq!(seen.len(), 25, "{order}");
        let reversed = order == "&orderby=name";
        let expected: Vec<&String> = if reversed { ids.iter().rev().collect() } else { ids.iter().collect() };
        assert!(seen.iter().zip(expected).all(|(seen, id)| seen == id), "{order}");
    }
    assert_eq!(c.get("/connections").await.body["items"].as_array().unwrap().len(), 20);
    assert_eq!(c.get("/connections?hello=1").await.code(), "FLOW-1451-400");
    let found = c.call("POST", "/connections/search", json!({"queryString": "BASE 07"})).await;
    assert_eq!(found.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn mapping_sets_have_versions_and_both_generations_of_names() {
    let c = client("", &[]).await;
    let made = c.call("POST", "/mappingSets", mapping_body()).await;
    assert_eq!((made.status, made.body.as_object().unwrap().len()), (200, 6));
    let path = format!("/mappingSets/{}", made.body["id"].as_str().unwrap());
    let first = c.get(&path).await.body;
    assert_eq!(
        (first["mappings"][0]["sourceType"].as_str(), first["version"].as_i64()),
        (Some("text/x.schema-path"), Some(0))
    );
    assert_eq!(first["mappings"][1]["source"], first["mappings"][1]["sourceAttribute"]);
    assert_eq!(first["xdmSchema"], first["outputSchema"]["schemaRef"]["id"]);
    let body = json!({"outputSchema": {"schemaRef": {"id": SCHEMA,
        "contentType": "application/vnd.adobe.xed-full+json;version=1"}}, "mappings": first["mappings"]});
    let second = c.call("PUT", &path, body).await;
    assert_eq!((second.status, second.body["version"].as_i64()), (200, Some(1)));
    assert_ne!(second.body["mappings"][0]["id"], first["mappings"][0]["id"]);
    assert_eq!(c.get(&path).await.body["version"], 1);
    assert_eq!(c.get(&format!("{path}?version=0")).await.body["version"], 0);
    assert_eq!(c.get(&format!("{path}?version=2")).await.status, 404);
    assert_eq!(c.get("/mappingSets?limit=5").await.status, 400);
    let list = c.get("/mappingSets?limit=5&start=0").await.body;
    assert_eq!((list["data"].as_array().unwrap().len(), list["_page"]["count"].as_i64()), (1, Some(0)));
    let mut wrong = mapping_body();
    wrong["mappings"][1]["destinationXdmPath"] = json!("_extconndev.nope");
    let said = c.call("POST", "/mappingSets/validate", wrong).await.body;
    let said: Vec<&str> = said["validationResponse"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["SUCCESS", "FAILED"]);
    let preview = json!({"data": [{"result": {"id": 7}}], "mappingSet": mapping_body()});
    let preview = c.call("POST", "/mappingSets/preview", preview).await.body;
    assert_eq!(preview[0]["data"], json!({"_extconndev": {"id": 7, "name": "x"}}));
}

#[tokio::test]
async fn catalog_and_registry_hold_what_the_tutorial_presupposes() {
    let c = client("", &[]).await;
    let dataset = c.get(&format!("/dataSets/{DATASET}")).await.body;
    assert_eq!(dataset[DATASET]["schemaRef"]["id"], SCHEMA);
    assert_eq!(c.get("/stats").await.body["tenantId"], "extconndev");
    let path = format!("/tenant/schemas/{}", SCHEMA.replace(':', "%3A").replace('/', "%2F"));
    assert_eq!(c.get(&path).await.status, 400);
    let accept = |kind: &str| c.request("GET", &path, None).header("accept", kind.to_owned());
    assert_eq!(c.send(accept("application/vnd.adobe.xed+json")).await.code(), "XDM-1007-400");
    let full = c.send(accept("application/vnd.adobe.xed-full+json; version=1")).await.body;
    assert!(full["properties"]["_extconndev"]["properties"]["email"].is_object());
    let group = json!({"type": "object", "title": "G", "meta:intendedToExtend": [], "definitions": {"d": {
        "properties": {"_extconndev": {"type": "object", "properties": {"a": {"type": "string"}}}}}}});
    let made = c.call("POST", "/tenant/fieldgroups", group.clone()).await;
    assert_eq!((made.status, made.body["version"].as_str()), (201, Some("1.0")));
    assert_eq!(c.call("POST", "/tenant/fieldgroups", group).await.code(), "XDM-1521-400");
    let schema = json!({"type": "object", "title": "S", "allOf": [
        {"$ref": "https://ns.adobe.com/xdm/context/profile"}, {"$ref": made.body["$id"]}]});
    let schema = c.call("POST", "/tenant/schemas", schema).await.body;
    let body = json!({"name": "d", "schemaRef": {"id": schema["$id"],
        "contentType": "application/vnd.adobe.xed+json;version=1"}});
    let made = c.call("POST", "/dataSets?requestDataSource=true", body).await;
    assert_eq!(made.status, 201);
    let id = made.body[0].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let in_use = format!("/tenant/schemas/{}", schema["meta:altId"].as_str().unwrap());
    assert_eq!(c.call("DELETE", &in_use, Value::Null).await.status, 400);
    let path = format!("/dataSets/{id}");
    let patch = json!([{"op": "add", "path": "/tags/unifiedProfile", "value": ["enabled:true"]}]);
    let request = c.request("PATCH", &path, None).header("content-type", "application/json-patch+json");
    assert_eq!(c.send(request.body(patch.to_string())).await.status, 200);
    assert_eq!(c.get(&path).await.body[&id]["tags"]["unifiedProfile"][0], "enabled:true");
    let moved = c.call("PATCH", &path, json!({"schemaRef": {"id": SCHEMA, "contentType": "1.0"}})).await;
    assert_eq!(moved.status, 400);
    assert_eq!(c.call("DELETE", &path, Value::Null).await.body, json!([format!("@/dataSets/{id}")]));
    assert_eq!(c.call("DELETE", &path, Value::Null).await.body, json!([]));
    assert_eq!(c.call("DELETE", &in_use, Value::Null).await.status, 204);
    assert_eq!(c.get("/sandboxes/dev").await.body["state"], "active");
}

#[tokio::test]
async fn actions_and_drafts_follow_the_states() {
    let c = client("", &[]).await;
    let [.., flow] = c.pipeline().await;
    let act = |op: &str| format!("/flows/{flow}/action?op={op}");
    assert_eq!(c.call("POST", &act("disable"), Value::Null).await.status, 200);
    assert_eq!(c.item(&format!("/flows/{flow}")).await["state"], "disabled");
    assert_eq!(c.call("POST", &act("DISABLE"), Value::Null).await.code(), "FLOW-1422-400");
    assert_eq!(c.call("POST", &act("finalize"), Value::Null).await.code(), "FLOW-1402-400");
    assert_eq!(c.call("POST", &act("enable"), Value::Null).await.status, 200);
    let draft = c.create("/connections?mode=draft", base_body()).await;
    assert_eq!(c.item(&format!("/connections/{draft}")).await["state"], "draft");
    assert_eq!(c.call("POST", "/sourceConnections", source_body(&draft)).await.status, 400);
    let [_, source, target, mapping, _] = c.pipeline().await;
    let draft_flow = c.create("/flows?mode=draft", flow_body(&source, &target, &mapping)).await;
    let publish = format!("/flows/{draft_flow}/action?op=publish");
    assert_eq!(c.call("POST", &publish, Value::Null).await.status, 200);
    let published = c.item(&format!("/flows/{draft_flow}")).await;
    assert_eq!(published["inheritedAttributes"]["properties"]["isSourceFlow"], true);
    let publish = format!("/connections/{draft}/action?op=publish");
    assert_eq!(c.call("POST", &publish, Value::Null).await.status, 200);
    c.create("/sourceConnections", source_body(&draft)).await;
}

#[tokio::test]
async fn switches_bring_async_states_late_lists_and_staged_deletes() {
    let c =
        client("settle=2,list-lag=1,delete-finalizing=2,secret-echo=absent,patch-answer=wrapped", &[]).await;
    let base = c.create("/connections", base_body()).await;
    let path = format!("/connections/{base}");
    assert_eq!(c.get("/connections").await.body["items"], json!([]));
    let first = c.item(&path).await;
    assert_eq!(first["state"], "initializing");
    assert!(first["auth"]["params"].get("accessToken").is_none());
    let name = json!([{"op": "add", "path": "/name", "value": "n"}]);
    assert_eq!(c.patch(&path, first["etag"].as_str().unwrap(), name.clone()).await.code(), "FLOW-1417-400");
    c.item(&path).await;
    let settled = c.item(&path).await;
    assert_eq!(settled["state"], "enabled");
    assert_ne!(settled["etag"], first["etag"]);
    let patched = c.patch(&path, settled["etag"].as_str().unwrap(), name).await;
    assert_eq!(patched.body["items"][0]["state"], "updating");
    assert_eq!(c.get("/connections").await.body["items"].as_array().unwrap().len(), 1);
    c.item(&path).await;
    assert_eq!(c.call("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(c.call("DELETE", &path, Value::Null).await.code(), "FLOW-1458-400");
    assert_eq!(c.item(&path).await["state"], "delete-finalizing");
    assert_eq!(c.get(&path).await.status, 200);
    assert_eq!(c.get(&path).await.status, 404);
}

#[tokio::test]
async fn runs_follow_from_the_schedule() {
    let c = client("", &[]).await;
    let [.., flow] = c.pipeline().await;
    let list = format!("/runs?property=flowId=={flow}&orderby=-createdAt");
    let runs = async || c.get(&list).await.body["items"].as_array().unwrap().clone();
    assert!(runs().await.is_empty());
    let set_forward = async |seconds: i64| c.advance(seconds).await;
    // The first starts in ten minutes, the others each a quarter of an hour later; each takes 55 seconds.
    set_forward(620).await;
    assert_eq!(runs().await[0]["metrics"]["statusSummary"]["status"], "inProgress");
    assert_eq!(c.item(&format!("/flows/{flow}")).await["lastRunDetails"]["state"], "inProgress");
    set_forward(5 * 900 + 60).await;
    let after = runs().await;
    let statuses: Vec<&Value> = after.iter().map(|run| &run["metrics"]["statusSummary"]["status"]).collect();
    assert_eq!(statuses, ["failed", "success", "success", "success", "success", "success"]);
    let first = c.item(&format!("/runs/{}", after[5]["id"].as_str().unwrap())).await;
    assert_eq!(first["flowId"], flow.as_str());
    let tutorial = json!({ "inputRecordCount": 100, "outputRecordCount": 99, "failedRecordCount": 1 });
    assert_eq!(first["metrics"]["recordSummary"], tutorial);
    assert_eq!(first["metrics"]["sizeSummary"], json!({ "inputBytes": 24012, "outputBytes": 17128 }));
    // Nothing runs while the flow is off, and nothing of that is made up for.
    let act = |op: &str| format!("/flows/{flow}/action?op={op}");
    assert_eq!(c.call("POST", &act("disable"), Value::Null).await.status, 200);
    set_forward(3600).await;
    assert_eq!(runs().await.len(), 6);
    assert_eq!(c.call("POST", &act("enable"), Value::Null).await.status, 200);
    assert_eq!(runs().await.len(), 6);
    set_forward(900).await;
    assert_eq!(runs().await.len(), 7);
    let shown = c.item(&format!("/flows/{flow}")).await;
    assert!(shown.get("pauses").is_none() && shown.get("offSince").is_none());
    let body = json!({"flowId": flow, "params": {"startTime": "1"}});
    assert_eq!(c.call("POST", "/runs", body).await.code(), "CONNECTOR-1386-400");
}

#[tokio::test]
async fn specs_explore_and_test_answer() {
    let c = client("", &[]).await;
    let spec = c.item(&format!("/connectionSpecs/{ZENDESK}")).await;
    assert_eq!(spec["authSpec"][0]["spec"]["properties"]["accessToken"]["format"], "password");
    let by_name = c.get("/connectionSpecs?property=name==%22Zendesk%22").await.body;
    assert_eq!(by_name["items"].as_array().unwrap().len(), 1);
    let flow_spec = c.item("/flowSpecs?property=name==RestStorageToAEP").await;
    assert_eq!(flow_spec["scheduleSpec"]["spec"]["else"]["then"]["properties"]["interval"]["minimum"], 15);
    assert_eq!(c.get("/connectionSpecs/nope").await.status, 404);
    let base = c.create("/connections", base_body()).await;
    assert_eq!(c.get(&format!("/connections/{base}/test")).await.body, json!({"result": true}));
    let explored =
        c.get(&format!("/connections/{base}/explore?objectType=rest&object=json&fileType=json")).await;
    let fields = explored.body["schema"]["properties"]["result"]["properties"].as_object().unwrap().len();
    assert_eq!(fields, 37);
}
