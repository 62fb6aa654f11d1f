//! From a request to the kind that answers it: the gateway's checks first (platform-api.md 1.2), then the
//! sandbox, then one line per kind. Faults that touch an object do so here, through the kind's own code.

use super::behaviour::{Behaviour, SandboxHeader};
use super::connection::{self, Connection};
use super::context::Context;
use super::fault::FaultKind;
use super::flow::Flow;
use super::flow_service;
use super::ims::{self, Bearer};
use super::message::{Answer, Refusal, Reply, Request, flow, flow_object, gateway, generic, registry};
use super::source::Source;
use super::store::{Kind, Realm, Record, Store};
use super::target::Target;
use super::{clock, dataset, mapping_set, runs, sandbox, schema, seed, specs};

/// What the routes are given at start.
pub(super) struct Platform<'a> {
    pub(super) store: &'a mut Store,
    pub(super) behaviour: &'a Behaviour,
    pub(super) sandboxes: &'a [String],
    /// The machine's time, in epoch milliseconds.
    pub(super) now: i64,
}

const FOUNDATION: &[&str] = &["data", "foundation"];

/// Answers one request; `fault` has been found to strike it.
pub(super) fn answer(platform: &mut Platform<'_>, request: &Request, fault: Option<&FaultKind>) -> Answer {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if segments.as_slice() == ["ims", "token", "v3"] {
        return ims::token(request, platform.behaviour, platform.store.key(), platform.now);
    }
    if segments.as_slice() == ["emulator", "clock"] {
        return clock::route(platform.store, request, platform.now);
    }
    let (client, org) = at_the_gateway(platform, request)?;
    let Some([service, rest @ ..]) = segments.strip_prefix(FOUNDATION) else {
        return Err(generic(404, "NotFoundError", "No such service."));
    };
    if *service == "sandbox-management" {
        return match rest {
            ["sandboxes", rest @ ..] => {
                sandbox::route(&org, platform.sandboxes, platform.behaviour, &request.method, rest)
            }
            _ => Err(generic(404, "NotFoundError", "No such resource.")),
        };
    }
    let name = sandbox_of(platform, request, service)?;
    let ahead = platform.store.ahead().saturating_add(platform.behaviour.clock_offset);
    let now = platform.now.saturating_add(ahead.saturating_mul(1000));
    let mut cx = Context {
        store: platform.store,
        behaviour: platform.behaviour,
        request,
        realm: Realm { org, sandbox: name },
        client,
        now,
    };
    seed::fill(&mut cx);
    if let Some(fault) = fault {
        interfere(&mut cx, service, rest, fault)?;
    }
    match (*service, rest) {
        ("flowservice", ["connections", id, what @ ("test" | "explore" | "configs")])
            if request.method == "GET" =>
        {
            connection::inspect(&cx, id, what)
        }
        ("flowservice", ["connections", rest @ ..]) => flow_service::route::<Connection>(&mut cx, rest),
        ("flowservice", ["sourceConnections", rest @ ..]) => flow_service::route::<Source>(&mut cx, rest),
        ("flowservice", ["targetConnections", rest @ ..]) => flow_service::route::<Target>(&mut cx, rest),
        ("flowservice", ["flows", rest @ ..]) => flow_service::route::<Flow>(&mut cx, rest),
        ("flowservice", ["runs", rest @ ..]) => runs::route(&mut cx, rest),
        ("flowservice", ["connectionSpecs", rest @ ..]) => specs::route(&cx, false, rest),
        ("flowservice", ["flowSpecs", rest @ ..]) => specs::route(&cx, true, rest),
        ("conversion", ["mappingSets", rest @ ..]) => mapping_set::route(&mut cx, rest),
        ("catalog", ["v2", "dataSets" | "datasets", rest @ ..]) => dataset::route(&mut cx, true, rest),
        ("catalog", ["dataSets" | "datasets", rest @ ..]) => dataset::route(&mut cx, false, rest),
        ("schemaregistry", rest) => schema::route(&mut cx, rest),
        _ => Err(generic(404, "NotFoundError", "No such resource.")),
    }
}

/// Token, api key, organisation, content type: shape A, before any service. Gives client and organisation.
fn at_the_gateway(platform: &Platform<'_>, request: &Request) -> Result<(String, String), Refusal> {
    let Some(authorization) = request.header("authorization").filter(|value| !value.is_empty()) else {
        return Err(gateway(403, "403010", "Oauth token is missing."));
    };
    let bearer = authorization
        .strip_prefix("Bearer ")
        .or_else(|| authorization.strip_prefix("bearer "))
        .and_then(|token| ims::check(token.trim(), platform.behaviour, platform.store.key(), platform.now));
    let Some(bearer) = bearer else {
        return Err(gateway(401, "401013", "Oauth token is not valid."));
    };
    let Some(client) = request.header("x-api-key").filter(|key| !key.is_empty()) else {
        return Err(gateway(403, "403000", "Api Key is required."));
    };
    if let Bearer::Client(issued_to) = bearer
        && issued_to != client
    {
        return Err(gateway(403, "403003", "Api Key is invalid."));
    }
    let Some(org) = request.header("x-gw-ims-org-id").filter(|org| !org.is_empty()) else {
        return Err(gateway(400, "400003", "Missing required header x-gw-ims-org-id."));
    };
    if !org.ends_with("@AdobeOrg") || org.len() <= "@AdobeOrg".len() {
        return Err(gateway(403, "403027", "User region is missing."));
    }
    if platform.behaviour.org.as_ref().is_some_and(|only| only != org) {
        return Err(gateway(403, "403025", "Profile is not valid."));
    }
    let json = request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if !request.body.is_empty() && !json {
        return Err(generic(400, "BadRequestError", "A valid content-type must be specified"));
    }
    Ok((client.to_owned(), org.to_owned()))
}

fn sandbox_of(platform: &Platform<'_>, request: &Request, service: &str) -> Result<String, Refusal> {
    let flow_service = service == "flowservice";
    if flow_service && request.header("x-sandbox-id").is_some() {
        return Err(flow(
            "2110-400",
            "The header x-sandbox-id is not allowed with the user token. Please update the header and try again.",
        ));
    }
    let Some(name) = request.header("x-sandbox-name").filter(|name| !name.is_empty()) else {
        return match (service, platform.behaviour.sandbox_header) {
            ("flowservice", SandboxHeader::Prod) => Ok("prod".to_owned()),
            ("flowservice", SandboxHeader::Required) => Err(flow(
                "2105-400",
                "The header x-sandbox-name is missing in the request. Please add the header in the request \
                 and try again.",
            )),
            ("schemaregistry", _) => {
                Err(registry("1400-400", "Header is missing", "The header x-sandbox-name is missing."))
            }
            _ => Err(generic(400, "BadRequestError", "The header x-sandbox-name is missing in the request.")),
        };
    };
    if sandbox::exists(platform.sandboxes, name) {
        return Ok(name.to_owned());
    }
    if flow_service {
        return Err(flow(
            "2100-404",
            format!(
                "The sandbox with the name '{name}' could not be found. Please ensure that the sandbox name is \
                 correct and try again."
            ),
        ));
    }
    Err(generic(404, "NotFoundError", format!("The sandbox with the name '{name}' could not be found.")))
}

/// The object that a path names.
fn object_of(service: &str, rest: &[&str]) -> Option<(Kind, String)> {
    let (kind, id) = match (service, rest) {
        ("flowservice", ["connections", id, ..]) => (Kind::Connection, id),
        ("flowservice", ["sourceConnections", id, ..]) => (Kind::Source, id),
        ("flowservice", ["targetConnections", id, ..]) => (Kind::Target, id),
        ("flowservice", ["flows", id, ..]) => (Kind::Flow, id),
        ("conversion", ["mappingSets", id, ..]) => (Kind::MappingSet, id),
        ("catalog", ["v2", "dataSets" | "datasets", id] | ["dataSets" | "datasets", id]) => {
            (Kind::DataSet, id)
        }
        ("schemaregistry", ["tenant", "schemas", id]) => (Kind::Schema, id),
        ("schemaregistry", ["tenant", "fieldgroups" | "mixins", id]) => (Kind::FieldGroup, id),
        ("schemaregistry", ["tenant", "descriptors", id]) => (Kind::Descriptor, id),
        _ => return None,
    };
    Some((kind, (*id).to_owned()))
}

/// Somebody or something comes between a client's last look and this request.
fn interfere(cx: &mut Context<'_>, service: &str, rest: &[&str], fault: &FaultKind) -> Result<(), Refusal> {
    if *fault == FaultKind::Hide {
        return hide(cx, service, rest);
    }
    let Some((kind, id)) = object_of(service, rest) else { return Ok(()) };
    let flow_kind = matches!(kind, Kind::Connection | Kind::Source | Kind::Target | Kind::Flow);
    match fault {
        FaultKind::Delete => cx.delete(kind, &id),
        FaultKind::EtagBump | FaultKind::Edit if flow_kind => {
            let Some(mut record) = cx.get(kind, &id).cloned() else { return Ok(()) };
            if *fault == FaultKind::Edit {
                record.body["description"] = "edited by somebody else".into();
            }
            record.body["updatedAt"] = cx.now.into();
            flow_service::bump(&mut record.body);
            cx.put(kind, record);
        }
        FaultKind::Edit if kind == Kind::MappingSet => mapping_set::edited_elsewhere(cx, &id),
        FaultKind::Edit if kind == Kind::DataSet => dataset::edited_elsewhere(cx, &id),
        FaultKind::Edit if kind == Kind::Descriptor => {
            if let Some(mut record) = cx.get(kind, &id).cloned() {
                record.body["xdm:namespace"] = "CRMID".into();
                cx.put(kind, record);
            }
        }
        FaultKind::Edit => schema::edited_elsewhere(cx, kind, &id),
        FaultKind::EtagBump => {
            // Kinds without an etag: the date moves, nothing else.
            if let Some(record) = cx.get(kind, &id).cloned()
                && kind == Kind::DataSet
            {
                let mut record = Record { ..record };
                record.body["updated"] = cx.now.into();
                cx.put(kind, record);
            }
        }
        _ => {}
    }
    Ok(())
}

/// An access label: 404 on GET, 403 on a change (platform-api.md 1.6); a list leaves the object out.
fn hide(cx: &Context<'_>, service: &str, rest: &[&str]) -> Result<(), Refusal> {
    let resource = rest.first().copied().unwrap_or_default();
    let Some((_, id)) = object_of(service, rest) else {
        let page = match service {
            "flowservice" => serde_json::json!({ "items": [], "_links": {} }),
            _ => return Ok(()),
        };
        return if cx.request.method == "GET" { Err(Reply::ok(page).into()) } else { Ok(()) };
    };
    if cx.request.method == "GET" {
        return Err(match service {
            "flowservice" => flow_service::not_found(resource, &id),
            "schemaregistry" => registry("1010-404", "Resource not found", "The resource was not found."),
            _ => generic(404, "NotFoundError", format!("{id} was not found.")),
        });
    }
    Err(match service {
        "flowservice" => flow_object(
            "2121-403",
            resource,
            &id,
            "The permission manage is denied on resource Enterprise Source. Please contact your administrator \
             to resolve permissions and try again.",
        ),
        "schemaregistry" => registry("1400-403", "Forbidden", "You do not have permission."),
        _ => generic(403, "ForbiddenError", "You do not have sufficient permissions."),
    })
}
