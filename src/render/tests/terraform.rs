//! Plans in Terraform's form: some of them whole, and what that form promises of each.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Value, json};

use super::cases::{
    NOW, World, address, cascade, conflict, destroyed, gone, mapping_change, moved, namesake, one_field,
    secret, secret_change,
};
use crate::kind::{Kind, Observed};
use crate::plan::{self, Mode, Selector};
use crate::render::{json, terraform};

/// An unmanaged object is taken over; something of it may differ.
fn adopted(name: &str) -> World {
    let mut world = namesake();
    world.options.adopt = vec![Selector::Pipeline("zendesk-users".into())];
    world.observations.namesakes.get_mut(&address(Kind::Target)).unwrap()[0].body["name"] = name.into();
    world
}

/// What a replacement left is still there.
fn left_over() -> World {
    let mut world = World::applied();
    let old = world.observations.managed[&address(Kind::Dataflow)].clone();
    let entry = world.state.as_mut().unwrap().entries.get_mut(&address(Kind::Dataflow)).unwrap();
    entry.replaced = vec!["left-over".into()];
    world.observations.leftovers.insert("left-over".into(), Observed { id: "left-over".into(), ..old });
    world
}

fn dropped() -> World {
    let mut world = World::applied();
    world.manifest.sections.retain(|s| s.address.kind != Kind::Dataflow);
    world
}

fn forgotten() -> World {
    let mut world = dropped();
    world.observations.managed.remove(&address(Kind::Dataflow));
    world
}

fn asked_for() -> World {
    let mut world = one_field();
    world.options.replace = vec![address(Kind::Dataflow)];
    world
}

fn refreshed() -> World {
    let mut world = conflict();
    world.options.mode = Mode::RefreshOnly;
    world
}

fn targeted() -> World {
    let mut world = one_field();
    world.options.selection.targets = vec![Selector::Pipeline("zendesk-users".into())];
    world
}

fn cases() -> Vec<(&'static str, World)> {
    vec![
        ("create all", World::fresh()),
        ("nothing", World::applied()),
        ("one field", one_field()),
        ("narrowed", targeted()),
        ("secret changed", secret_change()),
        ("mapping change", mapping_change()),
        ("replacement cascade", cascade()),
        ("replacement asked for", asked_for()),
        ("drift", conflict()),
        ("refresh", refreshed()),
        ("destroy", destroyed()),
        ("dropped from the manifest", dropped()),
        ("forgotten", forgotten()),
        ("gone", gone()),
        ("left over", left_over()),
        ("namesake refused", namesake()),
        ("adopted as it is", adopted("Zendesk target")),
        ("adopted and changed", adopted("Other")),
    ]
}

fn document(world: &World) -> Value {
    terraform::plan(&world.plan())
}

/// The document laid out, without the fingerprint, which other tests hold.
fn whole(world: &World) -> String {
    let mut document = document(world);
    document["flowform"]["fingerprint"] = "(fingerprint)".into();
    json::to_string(&document)
}

#[test]
fn create_all_whole() {
    insta::assert_snapshot!("terraform-create-all", whole(&World::fresh()));
}

#[test]
fn replacement_cascade_whole() {
    insta::assert_snapshot!("terraform-replacement-cascade", whole(&cascade()));
}

#[test]
fn drift_whole() {
    insta::assert_snapshot!("terraform-drift", json::to_string(&document(&conflict())["resource_drift"]));
}

#[test]
fn what_moves_has_its_previous_address() {
    let document = document(&moved());
    let changes = document["resource_changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1);
    let previous = changes[0]["previous_address"].as_str().unwrap();
    assert_eq!(previous, changes[0]["address"].as_str().unwrap().replace("users", "old"));
}

#[test]
fn every_case_at_a_glance() {
    let mut seen = String::new();
    for (name, world) in cases() {
        let document = document(&world);
        let flags = ["applyable", "complete", "errored"].map(|flag| format!("{flag}: {}", document[flag]));
        let _ = writeln!(seen, "{name} ({})", flags.join(", "));
        for (what, list) in [("", "resource_changes"), ("drift ", "resource_drift")] {
            for resource in document[list].as_array().unwrap() {
                let change = &resource["change"];
                let mut line =
                    format!("  {what}{} {}", resource["address"].as_str().unwrap(), change["actions"]);
                for (key, value) in [
                    ("action_reason", &resource["action_reason"]),
                    ("deposed", &resource["deposed"]),
                    ("importing", &change["importing"]),
                    ("replace_paths", &change["replace_paths"]),
                    ("changed", &different(&change["before"], &change["after"])),
                ] {
                    if !value.is_null() {
                        let _ = write!(line, " {key}: {value}");
                    }
                }
                let _ = writeln!(seen, "{line}");
            }
        }
    }
    insta::assert_snapshot!("terraform-at-a-glance", seen);
}

/// The attributes that a tool finds to differ when it compares the two by itself.
fn different(before: &Value, after: &Value) -> Value {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return Value::Null };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|n| before.get(*n) != after.get(*n)).cloned().collect()
}

#[test]
fn every_document_has_the_shape_that_terraform_promises() {
    let sets: Vec<Value> = [
        json!(["no-op"]),
        json!(["create"]),
        json!(["update"]),
        json!(["create", "delete"]),
        json!(["delete"]),
        json!(["forget"]),
    ]
    .into();
    for (name, world) in cases() {
        let document = document(&world);
        assert_eq!(document["format_version"], "1.2", "{name}");
        assert!(document.get("timestamp").is_none(), "{name}");
        let mut known = BTreeSet::new();
        for list in ["resource_changes", "resource_drift"] {
            for resource in document[list].as_array().unwrap() {
                let what = format!("{name}: {resource:#}");
                let change = &resource["change"];
                assert!(sets.contains(&change["actions"]), "{what}");
                let (before, after) = (&change["before"], &change["after"]);
                let has = |action: &str| change["actions"].as_array().unwrap().contains(&action.into());
                assert_eq!(before.is_null(), change["actions"] == json!(["create"]), "{what}");
                assert_eq!(after.is_null(), has("forget") || has("delete") && !has("create"), "{what}");
                if has("no-op") {
                    assert_eq!(before, after, "{what}");
                    assert!(change.get("importing").is_some(), "{what}");
                }
                assert!(change.get("replace_paths").is_none() || has("create") && has("delete"), "{what}");
                let unknown = mirrors(after, &change["after_unknown"], true, &mut |value| value.is_null());
                assert!(unknown.is_ok(), "{}\n{what}", unknown.unwrap_err());
                for (value, mask) in [(before, "before_sensitive"), (after, "after_sensitive")] {
                    let masked = mirrors(value, &change[mask], false, &mut is_word);
                    assert!(masked.is_ok(), "{mask}: {}\n{what}", masked.unwrap_err());
                    assert_eq!(words(value), trues(&change[mask]), "{mask}: a secret is not masked\n{what}");
                }
                let address = resource["address"].as_str().unwrap();
                assert_eq!(
                    address,
                    format!("{}.{}", text(resource, "type"), text(resource, "name")),
                    "{what}"
                );
                if list == "resource_changes" {
                    let key = (address.to_owned(), resource["deposed"].to_string());
                    assert!(known.insert(key), "{what}: two changes of one object");
                    assert!(resource["flowform"]["reason"].as_str().is_some_and(|r| !r.is_empty()), "{what}");
                }
            }
        }
        let whole = document.to_string();
        for word in ["$secret", "$id", "$soon", "$version", "fingerprint-", "ZENDESK_TOKEN"] {
            assert!(!whole.contains(word), "{name}: {word} in {whole}");
        }
        assert_eq!(whole, terraform::plan(&world.plan()).to_string(), "{name}: not the same again");
        assert_eq!(json::to_line(&document).lines().count(), 1, "{name}");
    }
}

fn text<'v>(resource: &'v Value, name: &str) -> &'v str {
    resource[name].as_str().unwrap()
}

fn is_word(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("(sensitive"))
}

/// Whether a mask has the shape of what it masks; `omitted` where a member that is masked may be missing. `stands` tells
/// whether a value may stand where the mask is true.
fn mirrors(
    value: &Value,
    mask: &Value,
    omitted: bool,
    stands: &mut dyn FnMut(&Value) -> bool,
) -> Result<(), String> {
    match (value, mask) {
        (value, Value::Bool(true)) if stands(value) => Ok(()),
        (Value::Object(_) | Value::Array(_), Value::Bool(_)) => Err(format!("{mask} for {value}")),
        (_, Value::Bool(false)) => Ok(()),
        (Value::Null, Value::Object(members)) if members.is_empty() => Ok(()),
        (Value::Object(members), Value::Object(masks)) => {
            masks.iter().try_for_each(|(name, mask)| match members.get(name) {
                None if omitted && *mask == Value::Bool(true) => Ok(()),
                None => Err(format!("{name} is masked and not there")),
                Some(Value::Null) if omitted => Err(format!("{name} is unknown and not left out")),
                Some(member) => mirrors(member, mask, omitted, stands),
            })
        }
        (Value::Array(items), Value::Array(masks)) if items.len() == masks.len() => {
            items.iter().zip(masks).try_for_each(|(item, mask)| mirrors(item, mask, omitted, stands))
        }
        _ => Err(format!("{mask} for {value}")),
    }
}

/// How many words stand in place of secrets.
fn words(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(words).sum(),
        Value::Array(items) => items.iter().map(words).sum(),
        value => usize::from(is_word(value)),
    }
}

fn trues(mask: &Value) -> usize {
    match mask {
        Value::Object(members) => members.values().map(trues).sum(),
        Value::Array(items) => items.iter().map(trues).sum(),
        mask => usize::from(*mask == Value::Bool(true)),
    }
}

#[test]
fn what_is_as_wanted_does_not_differ_by_its_spelling() {
    let mut world = one_field();
    world.seen(Kind::Dataflow)["scheduleParams"]["startTime"] = (NOW - 1000).to_string().into();
    world.seen(Kind::Dataflow)["scheduleParams"]["interval"] = "15".into();
    let change = &document(&world)["resource_changes"][0]["change"];
    assert_eq!(different(&change["before"], &change["after"]), json!(["scheduleParams"]));
    assert_eq!(
        change["before"]["scheduleParams"]["startTime"],
        change["after"]["scheduleParams"]["startTime"]
    );
    assert_eq!(change["before"]["scheduleParams"]["interval"], "15");
    assert_eq!(change["after"]["scheduleParams"]["interval"], 30);
}

#[test]
fn a_secret_that_the_platform_shows_is_nowhere() {
    // Nothing in the name says that it is one: the manifest and the state do.
    let clear = "shown-by-the-platform";
    let wanted = |world: &mut World| {
        world.wanted(Kind::BaseConnection)["auth"]["params"]["host"] = secret(Some("ZENDESK_TOKEN"), None);
        world.seen(Kind::BaseConnection)["auth"]["params"]["host"] = clear.into();
        let entries = &mut world.state.as_mut().unwrap().entries;
        let entry = entries.get_mut(&address(Kind::BaseConnection)).unwrap();
        entry.applied["auth"]["params"]["host"] = secret(None, Some("fingerprint-1"));
        let old = world.observations.managed[&address(Kind::BaseConnection)].clone();
        entry.replaced = vec!["old-one".into()];
        world.observations.leftovers.insert("old-one".into(), Observed { id: "old-one".into(), ..old });
    };
    for (name, mut world) in cases().into_iter().filter(|(_, world)| world.state.is_some()) {
        wanted(&mut world);
        let plan = world.plan();
        let saved = plan::saved::encode(&plan).unwrap();
        for text in [terraform::plan(&plan).to_string(), json::plan(&plan).to_string(), saved] {
            assert!(!text.contains(clear), "{name}: {text}");
        }
    }
}

#[test]
fn a_name_that_terraform_cannot_parse_stands_in_the_index() {
    for (pipeline, expected) in [
        ("zendesk-users", "flowform_target.zendesk-users"),
        ("a_b", "flowform_target.a_b"),
        ("2fa", r#"flowform_target._2fa["2fa"]"#),
        ("a.b", r#"flowform_target.a_b["a.b"]"#),
        ("${a}\"\u{1b}", r#"flowform_target.__a___["$${a}\"\u001b"]"#),
    ] {
        let mut world = World::fresh();
        world.manifest.sections.retain(|s| s.address.kind == Kind::Target);
        world.manifest.sections[0].address.pipeline = pipeline.into();
        let document = document(&world);
        let resource = &document["resource_changes"][0];
        assert_eq!(resource["address"], expected);
        assert_eq!(resource.get("index").is_some(), expected.contains('['), "{pipeline}");
        assert!(expected.starts_with(
            document["configuration"]["root_module"]["resources"][0]["address"].as_str().unwrap()
        ));
    }
}
