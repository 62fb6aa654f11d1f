//! The JSON file in which Adobe's developer console, and tools around it, hand out an OAuth Server-to-Server credential.
//!
//! Reads a text and nothing else: which file, and what a flag or the manifest overrides, is the caller's to know.
//! Three shapes are in use: the console's own download (`CLIENT_ID`, `CLIENT_SECRETS`, `ORG_ID`, `SCOPES`; the same in
//! lower case for Adobe's `aio` tool, with `ims_org_id`), a project's or workspace's download (`project.workspace.
//! details.credentials[].oauth_server_to_server`), and AEPP's file (`client_id` or `api_key`, `secret`, `org_id`, `scopes`).

use serde_json::{Map, Value};

use super::error::Error;
use crate::secret::Secret;

/// What such a file holds; each part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsoleCredentials {
    /// OAuth client id, which is also the API key.
    pub client_id: Option<String>,
    /// The first of the credential's secrets.
    pub client_secret: Option<Secret>,
    /// Organisation, `XXXX@AdobeOrg`.
    pub org: Option<String>,
    /// Comma-separated, without spaces.
    pub scopes: Option<String>,
}

/// Reads a credential file's text.
///
/// # Errors
/// [`Error::Credentials`] when it is not JSON, holds no credential, more than one, or one of the retired JWT sort. The
/// error never quotes the file.
pub fn parse(text: &str) -> Result<ConsoleCredentials, Error> {
    // The position is told, not serde_json's message: that may quote a value.
    let file: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|e| refused(format!("not JSON (line {}, column {})", e.line(), e.column())))?;
    let Value::Object(file) = &file else {
        return Err(refused("not a JSON object"));
    };
    match file.get("project") {
        Some(project) => of_project(project),
        None => of_object(file),
    }
}

fn refused(reason: impl Into<String>) -> Error {
    Error::Credentials { reason: reason.into() }
}

fn of_project(project: &Value) -> Result<ConsoleCredentials, Error> {
    let mut found = project["workspace"]["details"]["credentials"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|credential| credential["oauth_server_to_server"].as_object());
    let Some(credential) = found.next() else {
        return Err(refused("the project has no OAuth Server-to-Server credential"));
    };
    if found.next().is_some() {
        return Err(refused(
            "the project has several OAuth Server-to-Server credentials: download the one that is meant",
        ));
    }
    let credentials = of_object(credential)?;
    let org = project["org"]["ims_org_id"].as_str().map(str::to_owned);
    Ok(ConsoleCredentials { org: org.or(credentials.org), ..credentials })
}

fn of_object(object: &Map<String, Value>) -> Result<ConsoleCredentials, Error> {
    if field(object, &["public_keys_with_expiry", "private_key", "pathtokey", "metascopes"]).is_some() {
        return Err(refused("a service account (JWT) credential, a kind that Adobe has retired"));
    }
    let credentials = ConsoleCredentials {
        client_id: first(object, "client id", &["client_id", "api_key"])?,
        client_secret: first(object, "client secret", &["client_secrets", "client_secret", "secret"])?
            .and_then(Secret::of_text),
        org: first(object, "organisation", &["org_id", "ims_org_id"])?,
        scopes: scopes(object)?,
    };
    if credentials.client_id.is_none() && credentials.client_secret.is_none() {
        return Err(refused("it has neither a client id nor a client secret"));
    }
    Ok(credentials)
}

/// Under the first of `names` that is there, in whatever case: the console writes capitals, `aio` small letters.
fn field<'a>(object: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| {
        object
            .iter()
            .find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null())
            .map(|(_, value)| value)
    })
}

/// A string, or the first string of a list; `what` names it in an error.
fn first(object: &Map<String, Value>, what: &str, names: &[&str]) -> Result<Option<String>, Error> {
    let value = match field(object, names) {
        Some(Value::Array(list)) => list.first(),
        other => other,
    };
    match value {
        None => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
        Some(_) => Err(refused(format!("its {what} is not a string"))),
    }
}

fn scopes(object: &Map<String, Value>) -> Result<Option<String>, Error> {
    let mut scopes = Vec::new();
    match field(object, &["scopes", "scope"]) {
        None => {}
        // Separated by commas, spaces or both, depending on the tool.
        Some(Value::String(text)) => scopes.extend(text.split([',', ' '])),
        Some(Value::Array(list)) => {
            for scope in list {
                scopes.push(scope.as_str().ok_or_else(|| refused("its scopes are not strings"))?);
            }
        }
        Some(_) => return Err(refused("its scopes are neither a string nor a list")),
    }
    let scopes: Vec<&str> = scopes.into_iter().map(str::trim).filter(|scope| !scope.is_empty()).collect();
    Ok((!scopes.is_empty()).then(|| scopes.join(",")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn full() -> ConsoleCredentials {
        ConsoleCredentials {
            client_id: Some("id-1".to_owned()),
            client_secret: Some(Secret::new("p8e-first")),
            org: Some("ABC@AdobeOrg".to_owned()),
            scopes: Some("openid,AdobeID".to_owned()),
        }
    }

    #[test]
    fn each_tools_shape_is_read() {
        let console = json!({
            "CLIENT_SECRETS": ["p8e-first", "p8e-second"], "ORG_ID": "ABC@AdobeOrg", "CLIENT_ID": "id-1",
            "SCOPES": ["openid", "AdobeID"], "TECHNICAL_ACCOUNT_ID": "t", "TECHNICAL_ACCOUNT_EMAIL": "e",
        });
        let aio = json!({
            "client_id": "id-1", "client_secrets": ["p8e-first"], "technical_account_id": "t",
            "ims_org_id": "ABC@AdobeOrg", "scopes": ["openid", "AdobeID"], "oauth_enabled": true,
        });
        let aepp = json!({
            "org_id": "ABC@AdobeOrg", "api_key": "id-1", "secret": "p8e-first", "sandbox-name": "dev",
            "environment": "prod", "scopes": "openid, AdobeID",
        });
        let project = json!({"project": {
            "org": {"id": "1", "ims_org_id": "ABC@AdobeOrg"},
            "workspace": {"details": {"credentials": [
                {"integration_type": "apikey", "api_key": {"client_id": "other"}},
                {"integration_type": "oauth_server_to_server", "oauth_server_to_server": {
                    "client_id": "id-1", "client_secrets": ["p8e-first"], "technical_account_id": "t",
                    "scopes": ["openid", "AdobeID"]}},
            ]}},
        }});
        for file in [console, aio, aepp, project] {
            assert_eq!(parse(&file.to_string()), Ok(full()), "{file}");
        }
    }

    #[test]
    fn parts_may_be_missing() {
        let only_secret =
            parse("\u{feff}{\"CLIENT_SECRET\": \"p8e-first\", \"CLIENT_ID\": null, \"scopes\": \" \"}");
        assert_eq!(
            only_secret,
            Ok(ConsoleCredentials { client_secret: full().client_secret, ..ConsoleCredentials::default() })
        );
    }

    #[test]
    fn other_files_are_refused_without_quoting_them() {
        let oauth = json!({"oauth_server_to_server": {"client_id": "a", "client_secrets": ["p8e-first"]}});
        let project = |credentials| {
            json!({"project": {"workspace": {"details": {"credentials": credentials}}}}).to_string()
        };
        let cases = [
            ("{\"CLIENT_SECRET\": \"p8e-first\" oops".to_owned(), "not JSON (line 1, column 31)"),
            ("[\"p8e-first\"]".to_owned(), "not a JSON object"),
            ("{\"p8e-first\": \"p8e-first\"}".to_owned(), "neither a client id nor a client secret"),
            (json!({"CLIENT_SECRETS": [["p8e-first"]]}).to_string(), "client secret is not a string"),
            (json!({"CLIENT_ID": "a", "SCOPES": [7]}).to_string(), "scopes are not strings"),
            (
                json!({"CLIENT_ID": "a", "SCOPES": {"p8e-first": 1}}).to_string(),
                "neither a string nor a list",
            ),
            (
                json!({"API_KEY": "a", "CLIENT_SECRET": "p8e-first", "PUBLIC_KEYS_WITH_EXPIRY": {}})
                    .to_string(),
                "JWT",
            ),
            (project(json!([])), "no OAuth Server-to-Server credential"),
            (project(json!([oauth, oauth])), "several"),
        ];
        for (file, expected) in cases {
            let error = parse(&file).expect_err(&file);
            let shown = format!("{error} {error:?} {:?}", error.hint());
            assert!(shown.contains(expected), "{shown}");
            assert!(!shown.contains("p8e-first"), "{shown}");
        }
    }
}
