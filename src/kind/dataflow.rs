//! The dataflow: what ties source, target and mapping together and runs on a schedule (Flow Service `/flows`,
//! platform-api.md 2.4.4 to 2.6). On or off is an action, not a field.

use serde_json::{Map, Value, json};

use super::flow_service::{self, collection};
use super::transformations::{MAPPING, ORDER};
use super::{
    Answer, Around, Body, Code, Context, Finding, Intent, Key, Kind, Leaf, Observed, Outcome, Reference,
    ReferenceKey, Route, Rule, Sending, Shape, Spec, Switch, Turn, flow_spec, route, section,
    transformations, word,
};
use crate::wire::{Call, Reply};

pub(super) struct Dataflow;

const COLLECTION: &str = collection!("flows");

/// `RestStorageToAEP`, for every source built with Adobe's SDK, Zendesk among them (platform-api.md 2.4.4).
pub(crate) const REST_STORAGE_TO_AEP: &str = "6499120c-0b15-42dc-936e-847ea3c24d72";

/// A start this far ahead is "soon": the platform refuses one in the past (`1360-400`), and clocks differ.
pub(crate) const SOON_SECONDS: u32 = 300;

const GRAMMAR: &[Key] = &[
    Key::required("name", Shape::Text, "The dataflow's name on the platform."),
    Key::optional("description", Shape::Text, "What it is for."),
    Key::optional(
        "flowSpec",
        Shape::Object(section::SPEC),
        "The flow's type; RestStorageToAEP when left out.",
    ),
    Key::optional("source", Shape::Address, "Address of another pipeline's source."),
    Key::optional(
        "sourceConnectionId",
        Shape::Id,
        "Id of an existing source connection that is not managed here.",
    ),
    Key::optional("target", Shape::Address, "Address of another pipeline's target."),
    Key::optional(
        "targetConnectionId",
        Shape::Id,
        "Id of an existing target connection that is not managed here.",
    ),
    Key::optional("mapping", Shape::Address, "Address of another pipeline's mapping."),
    Key::optional("mappingId", Shape::Id, "Id of an existing mapping set that is not managed here."),
    Key::optional(
        "mappingVersion",
        Shape::Version,
        "Its version; 0 when left out. Only together with mappingId.",
    ),
    Key::optional(
        "transformations",
        Shape::List(&Shape::Object(TRANSFORMATION)),
        "Transformations before the mapping, such as Copy with a deltaColumn.",
    ),
    Key::required("schedule", Shape::Object(SCHEDULE), "When it runs."),
    Key::optional("options", Shape::Settings, "The flow spec's options, such as errorDiagnosticsEnabled."),
    Key::optional("enabled", Shape::Bool, "Whether it runs at all; true when left out."),
];

const TRANSFORMATION: &[Key] = &[
    Key::required("name", Shape::Text, "The transformation's name."),
    Key::optional("params", Shape::Settings, "Its parameters."),
];

const SCHEDULE: &[Key] = &[
    Key::required(
        "frequency",
        Shape::Choice(&["once", "minute", "hour", "day", "week"]),
        "The unit of time.",
    ),
    Key::optional(
        "interval",
        Shape::Integer { min: 1, max: i32::MAX as i64 },
        "How many units between runs: at least 15 minutes, otherwise at least 1. Not with once.",
    ),
    Key::optional(
        "startTime",
        Shape::Time,
        "First run: RFC 3339 or epoch seconds; soon after creation when left out. Fixed once it has passed.",
    ),
    Key::optional("backfill", Shape::Bool, "Whether existing data is read at the first run. Not with once."),
];

const REFERENCES: &[ReferenceKey] = &[
    ReferenceKey { by_address: "source", by_id: "sourceConnectionId", kind: Kind::Source, required: true },
    ReferenceKey { by_address: "target", by_id: "targetConnectionId", kind: Kind::Target, required: true },
    ReferenceKey { by_address: "mapping", by_id: "mappingId", kind: Kind::Mapping, required: false },
];

impl Spec for Dataflow {
    fn section(&self) -> &'static str {
        "dataflow"
    }

    fn title(&self) -> &'static str {
        "dataflow"
    }

    fn grammar(&self) -> &'static [Key] {
        GRAMMAR
    }

    fn references(&self) -> &'static [ReferenceKey] {
        REFERENCES
    }

    fn check(&self, section: &Value, _context: &Context<'_>) -> Vec<Finding> {
        let mut findings = schedule_findings(section.get("schedule").unwrap_or(&Value::Null));
        if section.get("mappingVersion").is_some() && section.get("mappingId").is_none() {
            findings.push(
                Finding::error(
                    Code::UselessKey,
                    "/mappingVersion",
                    "`mappingVersion` is of use only with `mappingId`",
                )
                .hint("a mapping of the manifest brings its own version"),
            );
        }
        if let Some(version) = section.get("mappingVersion").and_then(Value::as_str)
            && version.parse::<u64>().is_err()
        {
            findings.push(Finding::error(
                Code::InvalidValue,
                "/mappingVersion",
                format!("`{version}` is not a whole number"),
            ));
        }
        let mut names = Vec::new();
        let listed = section.get("transformations").and_then(Value::as_array);
        for (index, transformation) in listed.into_iter().flatten().enumerate() {
            let Some(name) = transformation.get("name").and_then(Value::as_str) else { continue };
            let pointer = format!("/transformations/{index}/name");
            if name == MAPPING {
                findings.push(
                    Finding::error(
                        Code::ListedMapping,
                        pointer,
                        "the mapping is not listed among the transformations",
                    )
                    .hint("it comes from the pipeline's `mapping`, or from `mappingId`"),
                );
            } else if names.contains(&name) {
                findings.push(Finding::error(
                    Code::DuplicateTransformation,
                    pointer,
                    format!("two transformations are named `{name}`"),
                ));
            }
            names.push(name);
        }
        findings
    }

    fn desired(&self, section: &Value, context: &Context<'_>) -> Body {
        let reference = |index: usize| context.references.get(index).and_then(Option::as_ref);
        let mut body = section::text_members(section, &["name", "description"]);
        section::insert_spec(&mut body, "flowSpec", section.get("flowSpec"), Some(REST_STORAGE_TO_AEP));
        let ids = |index| section::reference_id(reference(index)).into_iter().collect::<Vec<_>>();
        body.insert("sourceConnectionIds".into(), ids(0).into());
        body.insert("targetConnectionIds".into(), ids(1).into());

        let mut transformations = Map::new();
        let listed = section.get("transformations").and_then(Value::as_array);
        for transformation in listed.into_iter().flatten() {
            if let Some(name) = transformation.get("name").and_then(Value::as_str) {
                transformations.insert(
                    name.to_owned(),
                    section::secret_leaves(&transformations::parameters(transformation)),
                );
            }
        }
        if let Some(mapping) = reference(2) {
            let version = match mapping {
                Reference::Section { address, .. } => Leaf::Version(address.clone()).to_value(),
                // The flow spec types it as a string (platform-api.md 3.3).
                Reference::Id(_) => section.get("mappingVersion").cloned().unwrap_or("0".into()),
            };
            let params =
                json!({ "mappingId": section::reference_id(Some(mapping)), "mappingVersion": version });
            transformations.insert(MAPPING.into(), params);
        }
        if transformations.len() > 1 {
            body.insert(ORDER.into(), transformations.keys().cloned().collect());
        }
        if !transformations.is_empty() {
            body.insert("transformations".into(), Value::Object(transformations));
        }

        let mut schedule = section.get("schedule").and_then(Value::as_object).cloned().unwrap_or_default();
        schedule.entry("startTime").or_insert_with(|| Leaf::Soon(SOON_SECONDS).to_value());
        body.insert("scheduleParams".into(), Value::Object(schedule));
        if let Some(options) = section.get("options") {
            body.insert("options".into(), section::secret_leaves(options));
        }
        body.insert("enabled".into(), section.get("enabled").cloned().unwrap_or(true.into()));
        Value::Object(body)
    }

    fn written(&self, pointer: &str) -> Vec<Route> {
        let names = route::names(pointer);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match names.as_slice() {
            // It is the order of the list itself.
            [ORDER] => Vec::new(),
            ["sourceConnectionIds"] => section::reference_routes(&REFERENCES[0]),
            ["targetConnectionIds"] => section::reference_routes(&REFERENCES[1]),
            ["transformations", MAPPING, "mappingVersion"] => {
                [vec![route::keys(["mappingVersion"])], section::reference_routes(&REFERENCES[2])].concat()
            }
            ["transformations", MAPPING, ..] => section::reference_routes(&REFERENCES[2]),
            // No section can say two of a name, nor one without.
            ["transformations", name, ..] if transformations::is_made_up(name) => Vec::new(),
            ["transformations", name, rest @ ..] => {
                let item = Turn::Item { by: "name", is: (*name).to_owned() };
                let params = if rest.is_empty() { Route::new() } else { route::keys(["params"]) };
                vec![
                    [route::keys(["transformations"]), vec![item], params, route::keys(rest.iter().copied())]
                        .concat(),
                ]
            }
            ["scheduleParams", rest @ ..] => {
                vec![[route::keys(["schedule"]), route::keys(rest.iter().copied())].concat()]
            }
            names => vec![route::keys(names.iter().copied())],
        }
    }

    fn rule(&self, pointer: &str, from: Option<&Value>, to: Option<&Value>) -> Rule {
        let once = |value: Option<&Value>| value.and_then(Value::as_str) == Some("once");
        match pointer {
            "/enabled" => Rule::Switch,
            // Among the periodic ones it may change at any time; to `once` only before the start (`1403-400`).
            "/scheduleParams/frequency" if once(from) || once(to) => Rule::Frozen,
            "/name" | "/description" | "/scheduleParams/interval" | "/scheduleParams/frequency" => {
                Rule::Patch
            }
            "/scheduleParams/startTime" | "/scheduleParams/backfill" => Rule::Frozen,
            _ if transformations::is_one(pointer) => Rule::Patch,
            _ => Rule::Replace,
        }
    }

    fn is_by_hand(&self, pointer: &str, value: &Value) -> bool {
        match pointer {
            // The platform's own default is true (platform-api.md 2.6).
            "/scheduleParams/backfill" => *value == Value::Bool(false),
            _ => pointer.starts_with("/transformations/"),
        }
    }

    fn switch(&self) -> Option<Switch> {
        // A create always makes an enabled flow; its start lies ahead (platform-api.md 2.9).
        Some(Switch { member: "enabled", initial: true, one_way: None })
    }

    fn started(&self, body: &Body, now: i64) -> bool {
        body.pointer("/scheduleParams/startTime").and_then(epoch_seconds).is_some_and(|start| start <= now)
    }

    fn runs(&self) -> Option<&'static str> {
        Some(collection!("runs"))
    }

    fn next_run(&self, body: &Body, now: i64) -> Option<i64> {
        let schedule = body.get("scheduleParams").filter(|_| body.get("enabled") == Some(&true.into()))?;
        let start = schedule.get("startTime").and_then(epoch_seconds)?;
        if start > now {
            return Some(start);
        }
        let unit = match schedule.get("frequency")?.as_str()? {
            "minute" => 60,
            "hour" => 3600,
            "day" => 86_400,
            "week" => 604_800,
            _ => return None,
        };
        let period =
            schedule.get("interval").and_then(epoch_seconds)?.checked_mul(unit).filter(|p| *p > 0)?;
        let past = now.checked_sub(start)? / period;
        start.checked_add(past.checked_add(1)?.checked_mul(period)?)
    }

    fn collection(&self) -> &'static str {
        COLLECTION
    }

    fn observed(&self, remote: &Value) -> Option<Observed> {
        let item = flow_service::item(remote)?;
        let mut body = flow_service::pick(
            item,
            &[
                "name",
                "description",
                "flowSpec",
                "sourceConnectionIds",
                "targetConnectionIds",
                "transformations",
                "scheduleParams",
                "options",
            ],
        );
        flow_service::spec_reference(&mut body, "flowSpec");
        let mut once = false;
        if let Some(Value::Object(schedule)) = body.get_mut("scheduleParams") {
            schedule.values_mut().for_each(unquote);
            once = schedule.get("frequency").and_then(Value::as_str) == Some("once");
            if once {
                // Nobody can have said it (`1364-400`): whatever is shown is a default.
                schedule.shift_remove("backfill");
            }
        }
        let (transformations, places) = transformations::observed(body.get("transformations"), once);
        body.insert(ORDER.into(), transformations.keys().cloned().collect());
        body.shift_remove("transformations");
        if !transformations.is_empty() {
            body.insert("transformations".into(), Value::Object(transformations));
        }
        let state = word(item.get("state").and_then(Value::as_str).unwrap_or_default());
        match state.as_str() {
            "disabled" | "disabling" => {
                body.insert("enabled".into(), false.into());
            }
            "enabled" | "enabling" | "enabledfinalizing" => {
                body.insert("enabled".into(), true.into());
            }
            // An open set of words (platform-api.md 2.9): of the others nothing is known, so nothing is compared.
            _ => {}
        }
        flow_service::observed(item, Value::Object(body), Value::Object(places))
    }

    fn read(&self, id: &str, _version: Option<u64>) -> Call {
        flow_service::read(COLLECTION, id)
    }

    fn questions(&self, sending: &Sending<'_>) -> Vec<Call> {
        if sending.around == Around::Changed {
            return Vec::new();
        }
        let sent = sending.body(&[
            "/flowSpec",
            "/sourceConnectionIds",
            "/scheduleParams",
            "/options",
            "/transformations",
        ]);
        sent.and_then(flow_spec::read).into_iter().collect()
    }

    fn objections(&self, sending: &Sending<'_>, answers: &[&Answer]) -> Vec<Finding> {
        let (Some(body), Some(answer)) = (sending.body(&[""]), answers.first()) else { return Vec::new() };
        flow_spec::against(body, sending.parents.get(&Kind::Source).copied(), answer)
    }

    fn calls(&self, intent: &Intent) -> Vec<Call> {
        flow_service::calls(COLLECTION, intent, request, patch)
    }

    fn outcome(&self, intent: &Intent, reply: &Reply) -> Outcome {
        flow_service::outcome(intent, reply)
    }
}

/// Epoch seconds, as a number or as a string (platform-api.md 2.6).
fn epoch_seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// A schedule's number or boolean that comes back as a string (platform-api.md 2.4.4), as what it is.
fn unquote(value: &mut Value) {
    let Some(text) = value.as_str() else { return };
    match (text.parse::<i64>(), text.parse::<bool>()) {
        (Ok(number), _) => *value = number.into(),
        (_, Ok(boolean)) => *value = boolean.into(),
        _ => {}
    }
}

/// What the flow spec's schedule schema refuses (platform-api.md 2.6: the prose of the tutorials is wrong on minimums).
fn schedule_findings(schedule: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(frequency) = schedule.get("frequency").and_then(Value::as_str) else { return findings };
    let interval = schedule.get("interval").and_then(Value::as_i64);
    if frequency == "once" {
        for member in ["interval", "backfill"] {
            if schedule.get(member).is_some() {
                findings.push(
                    Finding::error(
                        Code::UselessKey,
                        format!("/schedule/{member}"),
                        format!("`once` takes no `{member}`"),
                    )
                    .hint("leave it out"),
                );
            }
        }
        return findings;
    }
    let least = if frequency == "minute" { 15 } else { 1 };
    match interval {
        None if schedule.get("interval").is_none() => findings.push(
            Finding::error(Code::MissingKey, "/schedule", format!("`{frequency}` needs an `interval`"))
                .hint(format!("a whole number, at least {least}")),
        ),
        Some(interval) if interval < least => findings.push(
            Finding::error(
                Code::ShortInterval,
                "/schedule/interval",
                format!("an interval of {interval} is too short for `{frequency}`"),
            )
            .hint(format!("the platform takes {least} or more")),
        ),
        _ => {}
    }
    findings
}

/// The body of a POST: transformations as a list, the start as the string that the tutorial sends, no `enabled`
/// (`1410-400`: state is not allowed in a create).
fn request(body: &Body) -> Value {
    let mut request = body.as_object().cloned().unwrap_or_default();
    request.remove("enabled");
    request.remove(ORDER);
    let transformations = body.get("transformations").and_then(Value::as_object);
    let listed: Vec<Value> = transformations
        .into_iter()
        .flatten()
        .map(|(name, params)| transformations::listed(name, params))
        .collect();
    request.insert("transformations".into(), listed.into());
    if let Some(start) = request.get_mut("scheduleParams").and_then(|s| s.get_mut("startTime"))
        && let Some(seconds) = start.as_i64()
    {
        *start = seconds.to_string().into();
    }
    Value::Object(request)
}

/// The operations of a PATCH.
fn patch(before: &Body, after: &Body, paths: &[String], places: &Value) -> Vec<Value> {
    let (of_transformations, others): (Vec<_>, Vec<_>) =
        paths.iter().cloned().partition(|path| transformations::is_one(path));
    let mut operations = flow_service::operations(before, after, &others, &[]);
    for operation in &mut operations {
        // Shown with its default where it was never set (platform-api.md 2.6), and then not there to be replaced.
        if operation["path"] == "/scheduleParams/backfill" && operation["op"] == "replace" {
            operation["op"] = "add".into();
        }
    }
    operations.extend(transformations::operations(before, after, &of_transformations, places));
    operations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Method;

    fn observed() -> Observed {
        let remote = json!({ "items": [{
            "id": "f1", "etag": "\"e\"", "name": "n", "state": "enabled",
            "transformations": [
                { "name": "Copy", "params": { "deltaColumn": "t" } },
                { "name": "Mapping", "params": { "mappingId": "m", "mappingVersion": "0" } },
            ],
            "scheduleParams": { "startTime": "100", "frequency": "minute", "interval": "15", "backfill": "true" },
        }] });
        Dataflow.observed(&remote).unwrap()
    }

    #[test]
    fn strings_where_numbers_were_sent_are_read_as_numbers() {
        let schedule = json!({ "startTime": 100, "frequency": "minute", "interval": 15, "backfill": true });
        assert_eq!(observed().body["scheduleParams"], schedule);
    }

    #[test]
    fn the_mapping_is_patched_where_it_stands_and_not_where_the_example_says() {
        let observed = observed();
        let mut after = observed.body.clone();
        after["transformations"]["Mapping"]["mappingVersion"] = "1".into();
        let intent = Intent::Update {
            id: "f1".into(),
            etag: observed.etag.clone(),
            version: None,
            before: observed.body.clone(),
            after,
            paths: vec!["/transformations/Mapping/mappingVersion".into()],
            places: observed.places.clone(),
        };
        let body = Dataflow.calls(&intent)[0].body.clone().unwrap();
        let value = json!({ "name": "Mapping", "params": { "mappingId": "m", "mappingVersion": "1" } });
        assert_eq!(body, json!([{ "op": "replace", "path": "/transformations/1", "value": value }]));
    }

    #[test]
    fn transformations_come_and_go_without_touching_the_mapping() {
        let observed = observed();
        let mut after = observed.body.clone();
        after["transformations"] = json!({
            "New": true, "Mapping": { "mappingId": "m", "mappingVersion": "0" },
        });
        let intent = Intent::Update {
            id: "f1".into(),
            etag: None,
            version: None,
            before: observed.body.clone(),
            after,
            paths: vec!["/transformations/New".into(), "/transformations/Copy/deltaColumn".into()],
            places: observed.places.clone(),
        };
        let body = Dataflow.calls(&intent)[0].body.clone().unwrap();
        let copy = json!({ "name": "Copy", "params": { "deltaColumn": "t" } });
        let operations = json!([
            { "op": "remove", "path": "/transformations/0", "value": copy },
            { "op": "add", "path": "/transformations/0", "value": { "name": "New", "params": {} } },
        ]);
        assert_eq!(body, operations);
    }

    #[test]
    fn a_create_says_nothing_of_its_state_and_lists_transformations() {
        let body = json!({
            "name": "n", "enabled": false, "transformations": { "Mapping": { "mappingId": "m" } },
            "scheduleParams": { "startTime": 100, "frequency": "once" },
        });
        let call = &Dataflow.calls(&Intent::Create { body, namesakes: Vec::new(), replaces: None })[0];
        let sent = json!({
            "name": "n", "transformations": [{ "name": "Mapping", "params": { "mappingId": "m" } }],
            "scheduleParams": { "startTime": "100", "frequency": "once" },
        });
        assert_eq!((call.method, call.body.as_ref().unwrap()), (Method::Post, &sent));
    }

    #[test]
    fn the_next_run_follows_from_the_schedule_of_a_flow_that_is_on() {
        let mut body = observed().body;
        let next = |body: &Body, now| Dataflow.next_run(body, now);
        assert_eq!(next(&body, 50), Some(100));
        assert_eq!(next(&body, 100), Some(1000));
        assert_eq!(next(&body, 1001), Some(1900));
        body["scheduleParams"]["interval"] = i64::MAX.into();
        assert_eq!(next(&body, 1001), None);
        body["scheduleParams"]["frequency"] = "once".into();
        assert_eq!((next(&body, 50), next(&body, 100)), (Some(100), None));
        body["enabled"] = false.into();
        assert_eq!(next(&body, 50), None);
    }

    #[test]
    fn on_and_off_are_actions_under_the_observed_etag() {
        let intent =
            Intent::Switch { id: Some("f1".into()), etag: observed().etag, on: false, before: Value::Null };
        let call = &Dataflow.calls(&intent)[0];
        assert_eq!(call.path, "/data/foundation/flowservice/flows/f1/action");
        assert_eq!(call.query, [("op".to_owned(), "disable".to_owned())]);
        assert_eq!(call.if_match, observed().etag);
    }

    #[test]
    fn schedules_follow_the_flow_spec_and_not_the_prose() {
        let wrong =
            |schedule: Value| schedule_findings(&schedule).into_iter().map(|f| f.pointer).collect::<Vec<_>>();
        assert!(wrong(json!({ "frequency": "minute", "interval": 15 })).is_empty());
        assert!(wrong(json!({ "frequency": "hour", "interval": 1 })).is_empty());
        assert!(wrong(json!({ "frequency": "once" })).is_empty());
        assert_eq!(wrong(json!({ "frequency": "minute", "interval": 14 })), ["/schedule/interval"]);
        assert_eq!(wrong(json!({ "frequency": "day" })), ["/schedule"]);
        assert_eq!(
            wrong(json!({ "frequency": "once", "interval": 1, "backfill": true })),
            ["/schedule/interval", "/schedule/backfill"]
        );
    }
}
