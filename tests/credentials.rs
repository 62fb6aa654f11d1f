//! Where credentials and secrets come from, what is taken off their ends, and where they may go.

use crate::support::{CLIENT_SECRET, Sandbox, TOKEN, pipeline};

/// What editors, `echo` and PowerShell put around a secret, with what is left of it.
const WRAPPED: [(&str, &str); 5] = [
    ("s3cr3t-value\n", "s3cr3t-value"),
    ("s3cr3t-value\r\n", "s3cr3t-value"),
    ("\u{feff}s3cr3t-value\r\n", "s3cr3t-value"),
    // Only one line break is not the secret's own.
    ("s3cr3t-value\n\n", "s3cr3t-value\n"),
    (" s3cr3t-value ", " s3cr3t-value "),
];

#[test]
fn a_secret_is_the_same_from_a_variable_a_file_and_a_program() {
    for (wrapped, value) in WRAPPED {
        let mut s = Sandbox::behaving(&["secret-echo=clear"]);
        s.set("ZENDESK_ACCESS_TOKEN", wrapped);
        s.write("token", wrapped);
        let text = pipeline("users");
        let shown =
            |s: &Sandbox| s.contents().one("connections").body["auth"]["params"]["accessToken"].clone();
        s.manifest(&text);
        s.converge(&[]);
        assert_eq!(shown(&s), value, "from a variable: {wrapped:?}");
        for source in ["fromFile: token", "fromCommand: [cat, token]"] {
            s.manifest(&text.edit("fromEnv: ZENDESK_ACCESS_TOKEN", source));
            // The same value has the same fingerprint: there is nothing to do.
            assert_eq!(s.plan(&[]).changes(), [""; 0], "{source}: {wrapped:?}");
        }
    }
}

#[test]
fn the_clients_own_credentials_end_by_the_same_rule() {
    let mut s = Sandbox::behaving(&[&format!("client-secret={CLIENT_SECRET}")]);
    s.manifest(&pipeline("users"));
    for wrapped in [format!("{CLIENT_SECRET}\n"), format!("\u{feff}{CLIENT_SECRET}\r\n")] {
        s.set("ADOBE_CLIENT_SECRET", &wrapped);
        s.apply(&[]).success().end();
    }
}

#[test]
fn credentials_go_over_plain_http_to_this_machine_alone() {
    let mut s = Sandbox::bare();
    s.manifest(&pipeline("users"));
    for (name, value) in
        [("ADOBE_CLIENT_ID", "c"), ("ADOBE_CLIENT_SECRET", CLIENT_SECRET), ("ZENDESK_ACCESS_TOKEN", TOKEN)]
    {
        s.set(name, value);
    }
    s.set("FLOWFORM_RETRY_WAIT", "0.001");
    for url in [
        "http://platform.example",
        "http://192.0.2.7:8080",
        "http://[2001:db8::1]",
        "http://127.0.0.1.example",
    ] {
        s.set("FLOWFORM_GATEWAY", url);
        s.apply(&[]).exit(3).says("unencrypted").says("--allow-http").end();
    }
    s.set("FLOWFORM_GATEWAY", "https://platform.invalid");
    s.set("FLOWFORM_IMS", "http://ims.invalid");
    s.apply(&[]).exit(3).says("unencrypted").end();
    // A token is sent to the gateway alone.
    s.set("ADOBE_ACCESS_TOKEN", "t0ken-from-elsewhere");
    s.apply(&[]).exit(1).says("cannot connect").end();
    s.set("FLOWFORM_GATEWAY", "http://platform.invalid");
    s.apply(&["--allow-http"]).exit(1).says("cannot connect").end();
    for url in ["http://localhost:1", "http://[::1]:1", "http://127.9.9.9:1"] {
        s.set("FLOWFORM_GATEWAY", url);
        s.apply(&[]).exit(1).says("cannot connect").end();
    }
}
