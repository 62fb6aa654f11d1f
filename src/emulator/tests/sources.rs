//! What differs from source to source: specs, the checks that follow from them, explore, flows and their runs. And the
//! switches for what the documents leave open of all that.

use serde_json::{Value, json};

use super::{Client, SCHEMA, base_body, client, flow_body, mapping_body, soon, source_body, target_body};

const MYSQL: &str = "26d738e0-8963-47ea-aadf-c60de735468a";
const S3: &str = "ecadc60c-7455-4d87-84dc-2a0e293d997b";
const REST: &str = "6499120c-0b15-42dc-936e-847ea3c24d72";
const CRM: &str = "14518937-270c-4525-bdec-c2ba7cce3860";
const CLOUD_STORAGE: &str = "9753525b-82c7-4dce-8a9b-5ccfce2b9876";

fn mysql_base() -> Value {
    json!({"name": "shop", "connectionSpec": {"id": MYSQL, "version": "1.0"}, "auth": {
        "specName": "Basic Authentication",
        "params": {"server": "db.example.com", "port": "3306", "database": "shop", "username": "reader",
            "password": "S3CRET"}}})
}

fn mysql_source(base: &str) -> Value {
    json!({"name": "customers", "baseConnectionId": base, "connectionSpec": {"id": MYSQL, "version": "1.0"},
        "data": {"format": "tabular"}, "params": {"tableName": "shop.customers", "columns": [
            {"name": "email", "type": "string", "xdm": {"type": "string"}}]}})
}

fn s3_base() -> Value {
    json!({"name": "bucket", "connectionSpec": {"id": S3, "version": "1.0"}, "auth": {
        "specName": "Access Key",
        "params": {"s3AccessKey": "AKIAEXAMPLE", "s3SecretKey": "S3CRET", "s3SessionToken": "S3CRET"}}})
}

fn s3_source(base: &str) -> Value {
    json!({"name": "files", "baseConnectionId": base, "connectionSpec": {"id": S3, "version": "1.0"},
        "data": {"format": "delimited", "properties": {"columnDelimiter": "\t", "encoding": "UTF-8",
            "compressionType": "gzip"}},
        "params": {"path": "/acme/customers/*.tsv", "type": "folder", "recursive": true}})
}

fn copy() -> Value {
    json!({"name": "Copy", "params": {"deltaColumn": {"name": "updated_at", "dateFormat": "yyyy-MM-dd HH:mm:ss"}}})
}

/// A flow over tables: `flow_body` with a Copy step before its Mapping.
fn mysql_flow(source: &str, target: &str, mapping: &str) -> Value {
    let mut flow = flow_body(source, target, mapping);
    flow["flowSpec"]["id"] = json!(CRM);
    flow["transformations"].as_array_mut().unwrap().insert(0, copy());
    flow
}

fn s3_flow(source: &str, target: &str, mapping: &str) -> Value {
    let mut flow = flow_body(source, target, mapping);
    flow["flowSpec"]["id"] = json!(CLOUD_STORAGE);
    flow
}

/// `body` with the member at `path` set, or removed if the value is null.
fn with(body: &Value, path: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (parent, name) = path.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        assert!(parent.remove(name).is_some(), "{path}");
    } else {
        parent.insert(name.to_owned(), value);
    }
    body
}

fn accepts(schema: &Value, params: &Value) -> bool {
    jsonschema::draft7::new(schema).unwrap().is_valid(params)
}

/// What stands around the flow of a source: its id, a target's, a mapping's.
async fn around(c: &Client, base: Value, source: fn(&str) -> Value) -> [String; 3] {
    let base = c.create("/connections", base).await;
    let source = c.create("/sourceConnections", source(&base)).await;
    let target = c.create("/targetConnections", target_body()).await;
    [source, target, c.create("/mappingSets", mapping_body()).await]
}

async fn explore(c: &Client, base: &str, query: &str) -> super::Got {
    c.get(&format!("/connections/{base}/explore?{query}")).await
}

#[tokio::test]
async fn each_source_has_its_specs() {
    let c = client("", &[]).await;
    for (id, name, auths, explore) in [
        (super::ZENDESK, "Zendesk", json!(["OAuth2 Refresh Code"]), "Resource"),
        (
            MYSQL,
            "mysql",
            json!(["Connection String Based Authentication", "Basic Authentication"]),
            "TableBased",
        ),
        (S3, "amazon-s3", json!(["Access Key", "IAMRole Based"]), "FileSystem"),
    ] {
        let spec = c.item(&format!("/connectionSpecs/{id}")).await;
        let offered: Value =
            spec["authSpec"].as_array().unwrap().iter().map(|auth| auth["name"].clone()).collect();
        assert_eq!((&spec["name"], offered), (&json!(name), auths));
        assert_eq!(
            (&spec["exploreSpec"]["type"], &spec["attributes"]["isSource"]),
            (&json!(explore), &json!(true))
        );
        assert_eq!(c.item(&format!("/connectionSpecs?property=name==%22{name}%22")).await["id"], id);
    }
    for (id, name, sources, steps) in [
        (REST, "RestStorageToAEP", 3, json!(["Mapping"])),
        (CRM, "CRMToAEP", 1, json!(["Copy", "Mapping"])),
        (CLOUD_STORAGE, "CloudStorageToAEP", 1, json!(["Mapping", "Encryption"])),
    ] {
        let spec = c.item(&format!("/flowSpecs?property=name=={name}")).await;
        let found: Value =
            spec["transformationSpecs"].as_array().unwrap().iter().map(|step| step["name"].clone()).collect();
        assert_eq!((&spec["id"], found), (&json!(id), steps));
        assert_eq!(spec["sourceConnectionSpecIds"].as_array().unwrap().len(), sources, "{name}");
        assert!(accepts(
            &spec["scheduleSpec"]["spec"],
            &json!({"startTime": 5, "frequency": "hour", "interval": 1})
        ));
        assert!(!accepts(
            &spec["scheduleSpec"]["spec"],
            &json!({"startTime": 5, "frequency": "minute", "interval": 1})
        ));
        assert!(!accepts(&spec["optionSpec"]["spec"], &json!({"partialIngestionPercent": 0})));
    }
    assert_eq!(c.get("/connectionSpecs?count=true").await.body["count"], 6);
}

#[tokio::test]
async fn a_base_connection_is_held_against_the_auth_that_its_spec_shows() {
    let c = client("", &[]).await;
    let by_string = json!({"specName": "Connection String Based Authentication",
        "params": {"connectionString": "Server=db.example.com;Port=3306;Database=shop;UID=reader;PWD=x"}});
    let by_role = json!({"specName": "IAMRole Based", "params": {"bucketName": "acme"}});
    let (mysql, s3) = (mysql_base(), s3_base());
    for (body, code) in [
        (mysql.clone(), ""),
        (with(&mysql, "/auth", by_string.clone()), ""),
        (with(&mysql, "/auth/params/sslMode", json!("DISABLED")), ""),
        (s3.clone(), ""),
        (with(&s3, "/auth/params/s3SessionToken", Value::Null), ""),
        (with(&s3, "/auth", by_role.clone()), ""),
        (with(&mysql, "/auth/params/server", Value::Null), "CONNECTOR-1304-400"),
        (with(&mysql, "/auth/params/password", json!("")), "CONNECTOR-1304-400"),
        (with(&mysql, "/auth/params/port", json!(3306)), "CONNECTOR-1312-400"),
        (with(&mysql, "/auth", by_role), "FLOW-1415-400"),
        (with(&s3, "/auth", by_string), "FLOW-1415-400"),
        (with(&s3, "/auth/params/s3SecretKey", Value::Null), "CONNECTOR-1304-400"),
        (with(&s3, "/auth/params", Value::Null), "CONNECTOR-1304-400"),
    ] {
        let spec =
            c.item(&format!("/connectionSpecs/{}", body["connectionSpec"]["id"].as_str().unwrap())).await;
        let offered = spec["authSpec"].as_array().unwrap();
        if let Some(auth) = offered.iter().find(|auth| auth["name"] == body["auth"]["specName"])
            && body["auth"]["params"]["password"] != ""
        {
            // A schema cannot say that a text must not be empty in the way of the platform; else the two agree.
            assert_eq!(accepts(&auth["spec"], &body["auth"]["params"]), code.is_empty(), "{body}");
        }
        let got = c.call("POST", "/connections", body.clone()).await;
        assert_eq!(got.code(), code, "{body}");
    }
    let base = format!("/connections/{}", c.create("/connections", s3).await);
    let token = json!([{"op": "replace", "path": "/auth/params/s3SessionToken", "value": "next"}]);
    assert_eq!(c.change(&base, token).await.status, 200);
    let key = json!([{"op": "remove", "path": "/auth/params/s3SecretKey"}]);
    assert_eq!(c.change(&base, key).await.code(), "CONNECTOR-1304-400");
}

#[tokio::test]
async fn secrets_of_every_auth_read_back_as_the_switch_says() {
    for (behaviour, expected) in
        [("", Some("**********")), ("secret-echo=absent", None), ("secret-echo=clear", Some("S3CRET"))]
    {
        let c = client(behaviour, &[]).await;
        for (body, secrets, open) in [
            (mysql_base(), &["password"][..], "server"),
            (s3_base(), &["s3SecretKey", "s3SessionToken"][..], "s3AccessKey"),
        ] {
            let params = &body["auth"]["params"];
            let base = c.create("/connections", body.clone()).await;
            let shown = c.item(&format!("/connections/{base}")).await;
            for secret in secrets {
                assert_eq!(shown["auth"]["params"][secret].as_str(), expected, "{behaviour}: {secret}");
            }
            assert_eq!(shown["auth"]["params"][open], params[open]);
        }
    }
}

#[tokio::test]
async fn a_source_connection_is_held_against_the_params_that_its_spec_shows() {
    let c = client("", &[]).await;
    let zendesk = source_body(&c.create("/connections", base_body()).await);
    let mysql = mysql_source(&c.create("/connections", mysql_base()).await);
    let s3 = s3_source(&c.create("/connections", s3_base()).await);
    for (body, code) in [
        (zendesk.clone(), ""),
        (mysql.clone(), ""),
        (with(&mysql, "/params/columns", Value::Null), ""),
        (s3.clone(), ""),
        (with(&s3, "/params", json!({"path": "/acme/customers/customers.csv"})), ""),
        (with(&mysql, "/params/tableName", Value::Null), "CONNECTOR-1323-400"),
        (with(&mysql, "/params", json!({})), "CONNECTOR-1323-400"),
        (with(&mysql, "/params/columns", json!("email")), "CONNECTOR-1312-400"),
        (with(&s3, "/params/path", Value::Null), "CONNECTOR-1323-400"),
        (with(&s3, "/params/type", json!("bucket")), "CONNECTOR-1312-400"),
        (with(&s3, "/params/recursive", json!("yes")), "CONNECTOR-1312-400"),
    ] {
        let spec =
            c.item(&format!("/connectionSpecs/{}", body["connectionSpec"]["id"].as_str().unwrap())).await;
        assert_eq!(accepts(&spec["sourceSpec"]["spec"], &body["params"]), code.is_empty(), "{body}");
        assert_eq!(c.call("POST", "/sourceConnections", body.clone()).await.code(), code, "{body}");
    }
    let csv = with(&s3, "/data/properties/compressionType", Value::Null);
    for (body, code) in [
        (with(&s3, "/data", json!({"format": "parquet"})), ""),
        (with(&s3, "/params/recursive", json!("true")), ""),
        (with(&mysql, "/data/format", json!("json")), "CONNECTOR-1327-400"),
        (with(&s3, "/data/format", json!("tabular")), "CONNECTOR-1327-400"),
        (with(&s3, "/params/path", json!(" ")), "CONNECTOR-1323-400"),
        (with(&csv, "/data/properties/columnDelimiter", json!("||")), "CONNECTOR-1331-400"),
        (with(&csv, "/data/properties/encoding", json!("UTF-16")), "CONNECTOR-1312-400"),
        (with(&csv, "/data/properties/compressionType", json!("zip")), "CONNECTOR-1312-400"),
        (with(&csv, "/data/format", json!("json")), "CONNECTOR-1312-400"),
        (with(&mysql, "/connectionSpec/id", json!(S3)), "FLOW-1413-400"),
        (with(&mysql, "/baseConnectionId", zendesk["baseConnectionId"].clone()), "FLOW-1413-400"),
    ] {
        assert_eq!(c.call("POST", "/sourceConnections", body.clone()).await.code(), code, "{body}");
    }
    let source = format!("/sourceConnections/{}", c.create("/sourceConnections", mysql).await);
    let gone = json!([{"op": "remove", "path": "/params/tableName"}]);
    assert_eq!(c.change(&source, gone).await.code(), "CONNECTOR-1323-400");
    let format = json!([{"op": "replace", "path": "/data/format", "value": "json"}]);
    assert_eq!(c.change(&source, format).await.code(), "CONNECTOR-1327-400");
}

#[tokio::test]
async fn a_flow_reads_what_its_spec_reads_and_tables_by_a_delta_column() {
    let c = client("", &[]).await;
    let [source, target, mapping] = around(&c, mysql_base(), mysql_source).await;
    let [files, ..] = around(&c, s3_base(), s3_source).await;
    let flow = mysql_flow(&source, &target, &mapping);
    let steps = |copy: Value| json!([copy, flow["transformations"][1]]);
    let once = with(&flow, "/scheduleParams", json!({"startTime": soon(600), "frequency": "once"}));
    for (body, code) in [
        (with(&flow, "/flowSpec/id", json!(REST)), "FLOW-1413-400"),
        (with(&flow, "/sourceConnectionIds", json!([files])), "FLOW-1413-400"),
        (with(&flow, "/transformations", json!([flow["transformations"][1]])), "CONNECTOR-1367-400"),
        (with(&flow, "/transformations", steps(json!({"name": "Copy", "params": {}}))), "CONNECTOR-1367-400"),
        (
            with(
                &flow,
                "/transformations",
                steps(json!({"name": "Copy", "params": {"deltaColumn": {"name": ""}}})),
            ),
            "CONNECTOR-1367-400",
        ),
        (once.clone(), "CONNECTOR-1369-400"),
        (with(&once, "/transformations", json!([flow["transformations"][1]])), ""),
        (flow.clone(), ""),
        (s3_flow(&files, &target, &mapping), ""),
    ] {
        assert_eq!(c.call("POST", "/flows", body.clone()).await.code(), code, "{body}");
    }
    let path = format!("/flows/{}", c.create("/flows", flow).await);
    for (operations, code) in [
        (json!([{"op": "remove", "path": "/transformations/0"}]), "CONNECTOR-1367-400"),
        (
            json!([{"op": "replace", "path": "/scheduleParams",
                "value": {"startTime": soon(600), "frequency": "once"}}]),
            "CONNECTOR-1369-400",
        ),
        (
            json!([{"op": "replace", "path": "/transformations/0/params/deltaColumn/name", "value": "created_at"}]),
            "",
        ),
    ] {
        assert_eq!(c.change(&path, operations.clone()).await.code(), code, "{operations}");
    }
    assert_eq!(c.item(&path).await["transformations"][0]["params"]["deltaColumn"]["name"], "created_at");
}

#[tokio::test]
async fn flows_of_every_source_run_on_schedule() {
    let c = client("", &[]).await;
    let [table, target, mapping] = around(&c, mysql_base(), mysql_source).await;
    let [files, ..] = around(&c, s3_base(), s3_source).await;
    let flows = [
        c.create("/flows", mysql_flow(&table, &target, &mapping)).await,
        c.create("/flows", s3_flow(&files, &target, &mapping)).await,
    ];
    let mut once = mysql_flow(&table, &target, &mapping);
    once["transformations"].as_array_mut().unwrap().remove(0);
    once["scheduleParams"] = json!({"startTime": soon(600), "frequency": "once"});
    let once = c.create("/flows", once).await;
    let runs = async |flow: &str| {
        c.get(&format!("/runs?property=flowId=={flow}&count=true")).await.body["count"].as_i64().unwrap()
    };
    assert_eq!(runs(&flows[0]).await, 0);
    c.advance(600 + 2 * 900 + 60).await;
    for flow in &flows {
        assert_eq!(runs(flow).await, 3);
    }
    assert_eq!(runs(&once).await, 1);
    // A table is also asked which column tells new from old.
    let ask = |params: Value| c.call("POST", "/runs", json!({"flowId": once, "params": params}));
    let window = json!({"startTime": 1, "windowStartTime": 1, "windowEndTime": 2});
    assert_eq!(ask(window.clone()).await.code(), "CONNECTOR-1383-400");
    assert_eq!(ask(with(&window, "/deltaColumn", json!({"name": "updated_at"}))).await.status, 201);
}

#[tokio::test]
async fn a_database_shows_its_tables_and_their_columns() {
    let c = client("", &[]).await;
    let base = c.create("/connections", mysql_base()).await;
    let tables = explore(&c, &base, "objectType=root").await.body;
    assert_eq!(
        tables[0],
        json!({"type": "table", "name": "shop.customers", "path": "shop.customers", "canPreview": true,
            "canFetchSchema": true})
    );
    let bare = explore(&c, &base, "objectType=table&object=shop.customers").await.body;
    assert_eq!((&bare["format"], bare.get("data")), (&json!("flat"), None));
    let columns = bare["schema"]["columns"].as_array().unwrap();
    let named = |name: &str| columns.iter().find(|column| column["name"] == name).unwrap().clone();
    assert_eq!(named("email"), json!({"name": "email", "type": "string", "xdm": {"type": "string"}}));
    assert_eq!(
        named("updated_at"),
        json!({"name": "updated_at", "type": "string", "meta:xdmType": "date-time",
            "xdm": {"type": "string", "format": "date-time"}})
    );
    for table in tables.as_array().unwrap() {
        let query = format!("objectType=TABLE&object={}&preview=true", table["path"].as_str().unwrap());
        let shown = explore(&c, &base, &query).await.body;
        let columns = shown["schema"]["columns"].as_array().unwrap();
        for row in shown["data"].as_array().unwrap() {
            assert_eq!(row.as_object().unwrap().len(), columns.len());
            for column in columns {
                let cell = &row[column["name"].as_str().unwrap()];
                let fits = match column["xdm"]["type"].as_str().unwrap() {
                    "integer" => cell.is_i64(),
                    "number" => cell.is_f64(),
                    "boolean" => cell.is_boolean(),
                    _ => cell.is_string(),
                };
                assert!(fits || (cell.is_null() && column["type"] == "string"), "{column}: {cell}");
            }
        }
    }
    for (query, code) in [
        ("objectType=table&object=shop.nothing", "CONNECTOR-1330-400"),
        ("objectType=table", "CONNECTOR-1337-400"),
        ("objectType=folder&object=/", "CONNECTOR-1358-400"),
        ("object=shop.customers", "CONNECTOR-1359-400"),
    ] {
        assert_eq!(explore(&c, &base, query).await.code(), code, "{query}");
    }
}

#[tokio::test]
async fn a_storage_shows_its_folders_and_what_is_in_its_files() {
    let c = client("", &[]).await;
    let base = c.create("/connections", s3_base()).await;
    let names = async |query: &str| -> Vec<String> {
        let items = explore(&c, &base, query).await.body;
        let name =
            |item: &Value| format!("{} {}", item["type"].as_str().unwrap(), item["path"].as_str().unwrap());
        items.as_array().unwrap().iter().map(name).collect()
    };
    assert_eq!(names("objectType=root").await, ["folder /acme"]);
    assert_eq!(names("objectType=folder&object=root").await, ["folder /acme"]);
    assert_eq!(
        names("objectType=folder&object=/acme").await,
        ["folder /acme/customers", "folder /acme/events", "file /acme/stock.parquet"]
    );
    assert_eq!(
        names("objectType=folder&object=/acme/customers/").await,
        [
            "file /acme/customers/customers.csv",
            "file /acme/customers/customers.tsv",
            "folder /acme/customers/archive"
        ]
    );
    let file =
        async |query: &str| explore(&c, &base, &format!("objectType=file&object=/acme{query}")).await.body;
    let csv = file("/customers/customers.csv&fileType=DELIMITED").await;
    assert_eq!((&csv["format"], csv.get("data")), (&json!("flat"), None));
    assert_eq!(csv["schema"]["columns"][3], json!({"name": "Email", "type": "string"}));
    let tsv = "/customers/customers.tsv&fileType=delimited&preview=true";
    let uncut = file(tsv).await;
    assert_eq!(uncut["schema"]["columns"].as_array().unwrap().len(), 1);
    assert!(uncut["data"][0].to_string().contains("2001\\tDee"));
    for tab in ["%09", "%5Ct"] {
        let cut = file(&format!("{tsv}&columnDelimiter={tab}")).await;
        assert_eq!(cut["schema"], csv["schema"]);
        assert_eq!(cut["data"][0]["Email"], "dee@example.com");
    }
    let packed = "/customers/archive/customers-2023.csv.gz&fileType=delimited&compressionType=gzip";
    assert_eq!(file(packed).await["schema"], csv["schema"]);
    let json = file("/events/visits.json&fileType=json&preview=true").await;
    assert_eq!(json["format"], "hierarchical");
    assert_eq!(
        json["schema"]["properties"]["visitor"]["properties"]["address"]["properties"]["city"],
        json!({"type": "string"})
    );
    assert!(accepts(&json["schema"], &json["data"][0]), "{json}");
    assert_eq!(json["data"][0]["visitor"]["address"]["city"], "Graz");
    let parquet = file("/stock.parquet&fileType=parquet&preview=true").await;
    assert_eq!(parquet["schema"]["columns"][2], json!({"name": "price", "type": "double"}));
    assert_eq!(parquet["data"][0]["price"], 24.9);
    for (query, code) in [
        ("objectType=file&object=/acme/nothing.csv&fileType=delimited", "CONNECTOR-1308-400"),
        ("objectType=file&object=/acme/stock.parquet&fileType=json", "CONNECTOR-1308-400"),
        (
            "objectType=file&object=/acme/customers/archive/customers-2023.csv.gz&fileType=delimited",
            "CONNECTOR-1308-400",
        ),
        ("objectType=file&object=/acme/stock.parquet", "CONNECTOR-1399-400"),
        ("objectType=file&object=/acme/stock.parquet&fileType=xml", "CONNECTOR-1399-400"),
        (
            "objectType=file&object=/acme/customers/customers.csv&fileType=delimited&columnDelimiter=||",
            "CONNECTOR-1331-400",
        ),
        (
            "objectType=file&object=/acme/customers/customers.csv&fileType=delimited&encoding=UTF-16",
            "CONNECTOR-1312-400",
        ),
        ("objectType=folder&object=/nothing", "CONNECTOR-1308-400"),
        ("objectType=folder&object=/acme/cust", "CONNECTOR-1308-400"),
        ("objectType=folder", "CONNECTOR-1337-400"),
        ("objectType=rest", "CONNECTOR-1358-400"),
    ] {
        assert_eq!(explore(&c, &base, query).await.code(), code, "{query}");
    }
    let c = client("explore-file=columns", &[]).await;
    let base = c.create("/connections", s3_base()).await;
    let query = "objectType=file&object=/acme/customers/customers.csv&fileType=delimited&preview=true";
    assert_eq!(explore(&c, &base, query).await.body[0], json!({"name": "Id", "type": "String"}));
}

#[tokio::test]
async fn specs_and_tests_may_be_refused() {
    let c = client("spec-read=refused,connection-test=error,transformation-specs=singular", &[]).await;
    for path in
        ["/connectionSpecs", "/flowSpecs", &format!("/connectionSpecs/{S3}"), &format!("/flowSpecs/{CRM}")]
    {
        let got = c.get(path).await;
        assert_eq!((got.status, got.code()), (403, "FLOW-2121-403"), "{path}");
    }
    let base = c.create("/connections", mysql_base()).await;
    assert_eq!(c.get(&format!("/connections/{base}/test")).await.code(), "CONNECTOR-1308-400");
    let c = client("connection-test=false,transformation-specs=singular", &[]).await;
    let base = c.create("/connections", s3_base()).await;
    assert_eq!(c.get(&format!("/connections/{base}/test")).await.body, json!({"result": false}));
    let spec = c.item(&format!("/flowSpecs/{CRM}")).await;
    assert_eq!(
        (&spec["transformationSpec"][0]["name"], spec.get("transformationSpecs")),
        (&json!("Copy"), None)
    );
}

#[tokio::test]
async fn a_mapping_gets_a_verdict_per_line_or_the_check_is_not_there() {
    let path = "/mappingSets/validate";
    let line =
        |destination: &str| json!({"sourceType": "ATTRIBUTE", "source": "email", "destination": destination});
    let sent = json!({"outputSchema": {"schemaRef": {"id": SCHEMA,
        "contentType": "application/vnd.adobe.xed-full+json;version=1"}}, "mappings":
        [line("_extconndev.nope"), line("_extconndev.email"), line("_other.email"), line("_extconndev.name")]});
    let c = client("", &[]).await;
    let said = c.call("POST", path, sent.clone()).await;
    let said = said.body["validationResponse"].as_array().unwrap();
    let statuses: Vec<&str> = said.iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["FAILED", "SUCCESS", "FAILED", "SUCCESS"]);
    assert_eq!(said[2]["errors"][0]["destination"], "_other.email");
    assert_eq!(said[3]["errors"], Value::Null);
    for status in [404, 405] {
        let c = client(&format!("mapping-validate={status}"), &[]).await;
        assert_eq!(c.call("POST", path, sent.clone()).await.status, status);
        c.create("/mappingSets", mapping_body()).await;
    }
}

#[tokio::test]
async fn a_sandbox_may_be_in_another_state_or_not_be_looked_up() {
    let c = client("sandbox-state=resetting", &[]).await;
    assert_eq!(c.get("/sandboxes/dev").await.body["state"], "resetting");
    assert_eq!(c.get("/sandboxes").await.body["sandboxes"][0]["state"], "resetting");
    let c = client("sandbox-lookup=refused", &[]).await;
    for path in ["/sandboxes/dev", "/sandboxes/nope", "/sandboxes"] {
        assert_eq!(c.get(path).await.status, 403, "{path}");
    }
    c.create("/connections", base_body()).await;
}
