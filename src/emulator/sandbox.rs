//! Sandbox management: which sandboxes exist (platform-api.md 1.8). They are named at start; a store knows those that it has something of.

use serde_json::{Value, json};

use super::behaviour::Behaviour;
use super::context::sandbox_id;
use super::message::{Answer, Reply, generic};
use super::store::Realm;

/// `prod`, `dev`, and what the start was given.
pub(super) fn exists(extra: &[String], name: &str) -> bool {
    name == "prod" || name == "dev" || extra.iter().any(|one| one == name)
}

pub(super) fn route(
    org: &str,
    extra: &[String],
    behaviour: &Behaviour,
    method: &str,
    rest: &[&str],
) -> Answer {
    if !behaviour.sandbox_lookup {
        return Err(generic(403, "ForbiddenError", "You do not have permission to view sandboxes."));
    }
    let sandbox = |name: &str| sandbox(org, name, &behaviour.sandbox_state);
    match (method, rest) {
        ("GET", []) => {
            let mut names = vec!["prod", "dev"];
            for name in extra {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
            let sandboxes: Vec<Value> = names.iter().map(|name| sandbox(name)).collect();
            Ok(Reply::ok(
                json!({ "sandboxes": sandboxes, "_page": { "count": sandboxes.len() }, "_links": {} }),
            ))
        }
        ("GET", [name]) if exists(extra, name) => Ok(Reply::ok(sandbox(name))),
        ("GET", [name]) => {
            Err(generic(404, "NotFoundError", format!("Sandbox with name '{name}' not present.")))
        }
        _ => {
            Err(generic(405, "Method Not Allowed", "The sandboxes of the emulator are named when it starts."))
        }
    }
}

fn sandbox(org: &str, name: &str, state: &str) -> Value {
    let realm = Realm { org: org.to_owned(), sandbox: name.to_owned() };
    let prod = name == "prod";
    json!({
        "id": sandbox_id(&realm),
        "name": name,
        "title": if prod { "Production".to_owned() } else { name.to_owned() },
        "state": state,
        "type": if prod { "production" } else { "development" },
        "region": "VA7",
        "isDefault": prod,
        "eTag": 1,
        "createdDate": "2022-05-13 08:04:22",
        "lastModifiedDate": "2022-05-13 08:04:22",
        "createdBy": "Adobe AEP",
        "lastModifiedBy": "Adobe AEP",
    })
}
