//! Secrets: what a reference to one may say, where one is resolved, and that nothing that could be one is repeated by
//! anybody: no error page, no platform that echoes a part of it, no command that fails.

use serde_json::json;

use crate::support::{ORG, Ran, Sandbox, TOKEN, Text, hostile, pipeline};

const REFERENCE: &str = "{ fromEnv: ZENDESK_ACCESS_TOKEN }";

/// The manifest with something else as its secret.
fn with(secret: &str) -> Text {
    pipeline("users").edit(REFERENCE, secret)
}

/// Everything that a command put out.
fn all(ran: &Ran<'_>) -> String {
    format!("{}{}", ran.stdout, ran.stderr)
}

#[track_caller]
fn assert_silent(ran: &Ran<'_>) {
    let all = all(ran).to_lowercase();
    assert!(!all.contains("hush"), "a secret is repeated:\n{all}");
}

#[test]
fn what_a_reference_may_not_say_is_refused_and_not_repeated() {
    let mut s = Sandbox::new();
    s.set("PLAIN", "hush-of-the-environment");
    for secret in [
        "{ fromEnv: \"${env:PLAIN}\" }",
        "{ fromEnv: \"${env:HUSH_UNSET}\" }",
        "{ fromEnv: \"${var:name}\" }",
        "{ fromEnv: \"a${env:PLAIN}b\" }",
        "{ fromEnv: \"${PLAIN}\" }",
        "{ fromEnv: $HUSH }",
        "{ fromEnv: env:HUSH }",
        "{ fromEnv: \"Bearer hush-7\" }",
        "{ fromEnv: hush-with-hyphens }",
        "{ fromEnv: \"HUSH\\n\" }",
        "{ fromEnv: \" HUSH\" }",
        "{ fromEnv: \"\" }",
        "{ fromEnv: 7 }",
        "{ fromEnv: true }",
        "{ fromEnv: ~ }",
        "{ fromEnv: [HUSH] }",
        "{ fromEnv: { fromEnv: HUSH } }",
        "{ fromEnv: HÜSH }",
        "{ fromEnv: 7HUSH }",
        "{ fromEnv: ghp_16C7e42F292c6912E7710c838347Ae17hush }",
        "{ from_env: HUSH }",
        "{ fromEnv: A, fromFile: hush }",
        "{ fromEnv: A, hush: hush }",
        "{ fromFile: \"${env:PLAIN}\" }",
        "{ fromFile: \"${var:token}\" }",
        "{ fromFile: \"-----BEGIN RSA PRIVATE KEY----- hush\" }",
        "{ fromFile: \"eyJhbGciOiJI.eyJodXNoIjoi.hush\" }",
        "{ fromFile: \"a\\nhush\" }",
        "{ fromFile: \" \" }",
        "{ fromFile: ~hush/x }",
        "{ fromCommand: [] }",
        "{ fromCommand: hush }",
        "{ fromCommand: [\" \", hush] }",
        "{ fromCommand: [vault, \"${env:PLAIN}\"] }",
        "{ fromCommand: [vault, \"${var:token}\"] }",
        "{ fromCommand: [vault, { a: hush }] }",
        "{ fromCommand: [curl, \"-H\", \"Authorization: Bearer hush1234567\"] }",
        "{ fromCommand: [curl, \"https://u:hush@h.test\"] }",
        "{ fromCommand: [get, \"--token=hush\"] }",
    ] {
        s.manifest(&with(secret));
        for format in ["text", "json", "sarif", "junit", "github"] {
            let arguments =
                ["validate", "m.yaml", "--var", "name=HUSH", "--var", "token=hush", "--format", format];
            let ran = s.run(&arguments);
            assert!(ran.code.is_some_and(|code| code > 0), "{secret} is taken:\n{ran}");
            assert!(all(&ran).contains("secret"), "{secret}:\n{ran}");
            assert_silent(&ran);
        }
    }
    for secret in [
        "{ fromEnv: _x9 }",
        "{ fromFile: \"secrets/${var:stage}.txt\" }",
        "{ fromFile: ~/.secrets/zendesk }",
        "{ fromCommand: [vault, read, \"-field=token\", \"secret/${var:stage}\"] }",
        "{ fromCommand: [gcloud, secrets, versions, access, latest, --secret=zendesk] }",
        "{ fromCommand: [op, read, \"op://vault/zendesk/password\"] }",
    ] {
        s.manifest(&with(secret));
        let var: &[&str] = if secret.contains("${var:") { &["--var", "stage=dev"] } else { &[] };
        s.run(&[&["validate", "m.yaml"], var].concat()).success().end();
    }
}

#[test]
fn a_reference_is_refused_where_nothing_resolves_it() {
    let mut s = Sandbox::new();
    s.set("X", "hush-of-x");
    let base = pipeline("users");
    for (params, at) in [
        ("params: { list: [{ fromEnv: X }] }", "validate"),
        ("params: { fromEnv: X }", "validate"),
        ("params: { a: { fromEnv: X, b: 1 } }", "validate"),
        ("data: { format: delimited, properties: { a: { fromEnv: X } } }", "validate"),
        ("params: { a: { fromEnv: X } }", "plan"),
        ("params: { a: { b: { fromFile: x } } }", "plan"),
    ] {
        let replaced = if params.starts_with("data") { "data: { format: json }" } else { "params: {}" };
        s.manifest(&base.edit(replaced, params));
        let ran = s.run(&[at, "m.yaml"]);
        assert!(ran.code.is_some_and(|code| code > 0), "{params}:\n{ran}");
        assert!(all(&ran).contains("m.yaml:") && all(&ran).contains("secret"), "{params}:\n{ran}");
        assert_silent(&ran);
    }
    assert!(s.requests().iter().all(|request| !request.is_write()));
}

#[test]
fn a_secret_in_clear_is_refused_wherever_it_stands() {
    let s = Sandbox::new();
    let base = pipeline("users");
    for params in [
        "apiKey: hush",
        "api_key: hush",
        "X-API-KEY: hush",
        "clientSecret: hush",
        "authorization: \"Bearer hush\"",
        "sasKey: hush",
        "servicePrincipalKey: hush",
        "deep: { list: [{ password: hush }] }",
        "credentials: { key: hush }",
        "credentials: hush",
        "headers: { Authorization: hush }",
        "headers: [{ name: Authorization, value: hush }]",
        "passwords: [hush]",
        "url: \"https://acme:hush@h.test/\"",
        "url: \"https://h.test/?sv=1&sig=hush\"",
        "server: \"Server=db;User Id=u;Password=hush;\"",
        "token: \"${env:ZENDESK_ACCESS_TOKEN}\"",
        "secret: 4711",
    ] {
        s.manifest(&base.edit("params: {}", &format!("params: {{ {params} }}")));
        for format in ["text", "json", "sarif", "junit", "github"] {
            let ran = s.run(&["validate", "m.yaml", "--format", format]);
            assert!(ran.code.is_some_and(|code| code > 0), "{params} is taken:\n{ran}");
            assert_silent(&ran);
            assert!(!all(&ran).contains(TOKEN) && !all(&ran).contains("4711"), "{ran}");
        }
    }
    let harmless = "tokenUrl: https://h.test/token, passwordPolicy: strict, tokenType: bearer, keyName: k, primaryKey: id, \
                    publicKey: ssh, nextPageToken: $.next, hasPassword: true, password: \"\", clientId: c, \
                    accessKeyId: a, url: \"https://h.test:443/a?b=c\", token: ~, credentials: { type: none }";
    s.manifest(&base.edit("params: {}", &format!("params: {{ {harmless} }}")));
    s.run(&["validate", "m.yaml"]).success().end();
    s.manifest(&base.edit("what is read", "read with password=hush"));
    let ran = s.run(&["validate", "m.yaml"]).exit(4);
    assert_silent(&ran);
    ran.end();
    for auth in ["https://acme:hush@acme.zendesk.com", "https://acme.zendesk.com/?api_key=hush"] {
        s.manifest(&base.edit("https://acme.zendesk.com", auth));
        let ran = s.run(&["validate", "m.yaml"]);
        assert!(ran.code.is_some_and(|code| code > 0), "{auth} is taken:\n{ran}");
        assert_silent(&ran);
    }
}

/// The value that the platform has for the secret.
fn sent(s: &Sandbox) -> String {
    s.contents().one("connections").body["auth"]["params"]["accessToken"].as_str().unwrap().to_owned()
}

#[test]
fn a_file_is_looked_for_beside_its_manifest() {
    let s = Sandbox::behaving(&["secret-echo=clear"]);
    s.write("pipelines/secrets/t.txt", "beside-the-manifest\r\n");
    s.write("secrets/t.txt", "beside-the-caller");
    s.write(".home-secret", "in-the-home-folder");
    s.write("pipelines/m.yaml", with("{ fromFile: secrets/t.txt }").as_str());
    // A saved plan finds it as well.
    s.run(&["plan", "pipelines/m.yaml", "-o", "plan.json"]).success().end();
    s.run(&["apply", "--auto-approve", "plan.json"]).success().end();
    assert_eq!(sent(&s), "beside-the-manifest");
    s.write("pipelines/m.yaml", with("{ fromFile: ~/.home-secret }").as_str());
    s.run(&["apply", "--auto-approve", "pipelines"]).success().end();
    assert_eq!(sent(&s), "in-the-home-folder");
    s.write("pipelines/m.yaml", with("{ fromFile: secrets/absent.txt }").as_str());
    s.run(&["apply", "--auto-approve", "pipelines"])
        .success()
        .says("pipelines/secrets/absent.txt cannot be read")
        .says("begins at the manifest's folder")
        .end();
}

#[test]
fn a_command_that_gives_no_secret_is_told_and_holds_nothing_up() {
    let mut s = Sandbox::new();
    s.set("FLOWFORM_COMMAND_TIMEOUT", "0.4");
    s.set("HIDDEN", "hush-of-the-command");
    s.write("nul.txt", "hush\0hush");
    for (command, why) in [
        ("[sleep, 1000]", "it took longer than 0.4 s"),
        ("[sh, -c, \"sleep 1000; true\"]", "it took longer than 0.4 s"),
        ("[cat]", "it printed nothing"),
        ("[echo]", "it printed nothing"),
        ("[sh, -c, \"yes hush | head -c 3000000\"]", "it printed more than"),
        ("[printf, '\\377\\376']", "not UTF-8"),
        ("[cat, nul.txt]", "NUL"),
        ("[sh, -c, \"kill -9 $$\"]", "signal: 9"),
        ("[sh, -c, \"echo $HIDDEN; echo no $HIDDEN >&2; exit 3\"]", "exit status: 3"),
        ("[sh, -c, \"echo token=$HIDDEN >&2; exit 3\"]", "exit status: 3"),
        ("[no-such-program]", "cannot be run"),
        ("[/]", "cannot be run"),
    ] {
        s.manifest(&with(&format!("{{ fromCommand: {command} }}")));
        let ran = s.apply(&[]).exit(3).says(why);
        assert_silent(&ran);
        ran.end();
    }
    assert!(s.requests().iter().all(|request| !request.is_write()));
}

#[test]
fn what_a_command_says_beside_its_secret_is_told_without_it() {
    let s = Sandbox::behaving(&["secret-echo=clear"]);
    let command = "[sh, -c, \"sleep 1000 & echo hush-of-it; echo the vault is old, hush-of-it >&2\"]";
    s.manifest(&with(&format!("{{ fromCommand: {command} }}")));
    let ran = s.apply(&[]).success().says("the command sh says: the vault is old, ********");
    assert!(!all(&ran).contains("hush-of-it"), "{ran}");
    ran.end();
    assert_eq!(sent(&s), "hush-of-it");
}

#[test]
fn a_platform_that_echoes_a_part_of_a_secret_does_not_make_it_public() {
    let server = hostile::Server::start();
    let mut s = Sandbox::new();
    s.set("FLOWFORM_GATEWAY", &server.url);
    s.set("ADOBE_ACCESS_TOKEN", "Tok3n-of-the-client");
    s.set("ZENDESK_ACCESS_TOKEN", "Server=db;User Id=u;Password=Hush-7/x+y;");
    s.manifest(&pipeline("users"));
    let echoes = [
        "login with Hush-7/x+y failed",
        "login with hush-7/x+y failed",
        "SHVzaC03L3greQ==",
        "dTpIdXNoLTcveCt5",
        "Hush-7%2Fx%2By and hush-7%2fx%2by",
        "Hush-7\\/x+y",
        "https://u:other-secret-hush@h.test",
        "password='other hush'",
        "Bearer tok3n-of-the-client",
        "TOK3N-OF-THE",
    ];
    for echo in echoes {
        let body = json!({ "title": echo, "detail": echo, "status": 400, "password": "hush" }).to_string();
        server.answer_by(move |_, to| {
            let length = body.len();
            let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close";
            let _ = write!(to, "{head}\r\nContent-Length: {length}\r\n\r\n{body}");
        });
        let ran = s.run(&["plan", "m.yaml", "--log", "trace"]);
        let shown = all(&ran);
        assert!(shown.contains("********"), "{echo}: nothing was echoed:\n{shown}");
        for part in ["hush", "SHVzaC03", "SHVzaC03L3gr", "dTpIdXNo", "IdXNoLTc", "tok3n-of-the"] {
            assert!(!shown.to_lowercase().contains(&part.to_lowercase()), "{echo}:\n{shown}");
        }
    }
}

#[test]
fn export_writes_a_reference_for_what_stands_in_clear() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    s.apply(&[]).success().end();
    let source = s.contents().one("sourceConnections").clone();
    s.somebody().patch(
        "sourceConnections",
        &source,
        &json!([{ "op": "add", "path": "/params", "value": { "apiKey": "hush", "url": "https://u:hush@h.test", "page": 7 } }]),
    );
    std::fs::remove_dir_all(s.path().join("state")).unwrap();
    let ran = s.run(&["export", "--sandbox", "dev", "--org", ORG]);
    assert_silent(&ran);
    assert!(ran.stdout.contains("apiKey: { fromEnv: USERS_FLOW_API_KEY }"), "{ran}");
    assert!(ran.stdout.contains("page: 7"), "{ran}");
}
