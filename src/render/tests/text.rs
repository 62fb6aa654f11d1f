//! The plan on a terminal: what a person sees in each case, and what must never be seen.

use serde_json::json;

use super::super::{Style, json, text};
use super::cases::{NOW, World, address, cascade, conflict, namesake, one_field, secret_change, worlds};
use crate::kind::{Address, Kind};
use crate::plan;

const NARROW: Style = Style { color: false, width: 80, whole: false, requests: false };
const WIDE: Style = Style { color: false, width: 160, whole: false, requests: false };
const FULL: Style = Style { color: false, width: 80, whole: false, requests: true };
const COLORED: Style = Style { color: true, width: 80, whole: false, requests: false };

fn shown(world: &World, style: &Style) -> String {
    text::plan(&world.plan(), style)
}

#[test]
fn every_case() {
    super::snapshots("text", |plan| text::plan(plan, &NARROW));
}

#[test]
fn where_there_is_room_the_precondition_stands_beside() {
    insta::assert_snapshot!(shown(&one_field(), &WIDE), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan 362d2d088d59ed77

    ~ zendesk-users.dataflow  update 50383d02-2777-4be7-a309-9dd6eea1b465
        # the manifest changed
        scheduleParams.interval  15 → 30
        (9 unchanged)
        PATCH /data/foundation/flowservice/flows/50383d02-2777-4be7-a309-9dd6eea1b465  If-Match: "1a00ab12-0000-0200-0000-62b2da270000"
          replace /scheduleParams/interval  30

    Plan: 1 to update. 4 unchanged.
    "#);
}

#[test]
fn every_request_of_a_replacement() {
    let mut world = cascade();
    world.manifest.sections.retain(|s| s.address.kind != Kind::Mapping && s.address.kind != Kind::Target);
    world.state.as_mut().unwrap().entries.remove(&address(Kind::Mapping));
    world.state.as_mut().unwrap().entries.remove(&address(Kind::Target));
    insta::assert_snapshot!(shown(&world, &FULL), @r#"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      8447e1ebff3d7e44

    -/+ zendesk-users.source  replace 20383d02-2777-4be7-a309-9dd6eea1b462
        # params.path cannot be changed in place
        params.path  (none) → tickets  # forces replacement
        (5 unchanged)
        # in this order: 1 create new, 2 delete old
        # create new
        POST /data/foundation/flowservice/sourceConnections
          {
            "name": "Zendesk source",
            "baseConnectionId": "10383d02-2777-4be7-a309-9dd6eea1b461",
            "connectionSpec": {
              "id": "0a27232b-2c6e-4396-b8c6-c9fc24e37ba4",
              "version": "1.0"
            },
            "data": {
              "format": "json"
            },
            "params": {
              "path": "tickets"
            }
          }
        # delete old
        DELETE /data/foundation/flowservice/sourceConnections/20383d02-2777-4be7-a309-9dd6eea1b462

    -/+ zendesk-users.dataflow  replace 50383d02-2777-4be7-a309-9dd6eea1b465
        # zendesk-users.source becomes another object
        sourceConnectionIds  # forces replacement
            - [20383d02-2777-4be7-a309-9dd6eea1b462]
            + [(known after apply: zendesk-users.source id)]
        targetConnectionIds  # forces replacement
            - [30383d02-2777-4be7-a309-9dd6eea1b463]
            + [(known after apply: zendesk-users.target id)]
        transformations.Mapping.mappingId
            - 40383d02-2777-4be7-a309-9dd6eea1b464
            + (known after apply: zendesk-users.mapping id)
        transformations.Mapping.mappingVersion
            - "0"
            + (known after apply: zendesk-users.mapping version)
        (6 unchanged)
        # in this order: 1 disable old, 2 create new, 3 delete old; if the create
          fails, enable old again
        # disable old
        POST /data/foundation/flowservice/flows/50383d02-2777-4be7-a309-9dd6eea1b465/action?op=disable
          If-Match: "1a00ab12-0000-0200-0000-62b2da270000"
        # create new
        POST /data/foundation/flowservice/flows
          {
            "name": "Zendesk dataflow",
            "flowSpec": {
              "id": "6499120c-0b15-42dc-936e-847ea3c24d72",
              "version": "1.0"
            },
            "sourceConnectionIds": [
              (known after apply: zendesk-users.source id)
            ],
            "targetConnectionIds": [
              (known after apply: zendesk-users.target id)
            ],
            "transformations": [
              {
                "name": "Mapping",
                "params": {
                  "mappingId": (known after apply: zendesk-users.mapping id),
                  "mappingVersion": (known after apply: zendesk-users.mapping version)
                }
              }
            ],
            "scheduleParams": {
              "frequency": "minute",
              "interval": 15,
              "startTime": (about 5 minutes after create)
            }
          }
        # enable old (only if the create fails)
        POST /data/foundation/flowservice/flows/50383d02-2777-4be7-a309-9dd6eea1b465/action?op=enable
          If-Match: (known after apply: as the step before leaves it)
        # delete old
        DELETE /data/foundation/flowservice/flows/50383d02-2777-4be7-a309-9dd6eea1b465

    Plan: 2 to replace. 1 unchanged.
    "#);
}

#[test]
fn an_adoption_of_what_is_as_wanted_sends_nothing() {
    let mut world = namesake();
    world.options.adopt = vec!["zendesk-users.target".parse().unwrap()];
    insta::assert_snapshot!(shown(&world, &NARROW), @"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      af0d28340b6cc9fc

    = zendesk-users.target  adopt 30383d02-2777-4be7-a309-9dd6eea1b463
        # an existing object of this name is taken under management
        # nothing is sent: it is as wanted

    Plan: 1 to adopt.
    ");
}

#[test]
fn an_adoption_is_no_drift() {
    let mut world = World::applied();
    world.manifest.sections.retain(|s| s.address.kind == Kind::Mapping);
    world.state = None;
    let mut seen = std::mem::take(&mut world.observations).managed.remove(&address(Kind::Mapping)).unwrap();
    seen.body["fields"].as_object_mut().unwrap().remove("_acme.email");
    seen.body["fields"]["_acme.hand"] = json!({ "sourceType": "STATIC", "source": "x" });
    world.observations.namesakes.insert(address(Kind::Mapping), vec![seen]);
    world.options.adopt = vec!["zendesk-users.mapping".parse().unwrap()];
    insta::assert_snapshot!(shown(&world, &NARROW), @"
    Planning in sandbox dev of 1234@AdobeOrg (https://platform.adobe.io): plan
      2b4d16fb59fea2b0

    = zendesk-users.mapping  adopt 40383d02-2777-4be7-a309-9dd6eea1b464
        # an existing object of this name is taken under management
        fields: 1 added, 1 removed
          + _acme.email  <- result.email
          - _acme.hand   <- x  (sourceType: STATIC)
        (8 unchanged)
        PUT /data/foundation/conversion/mappingSets/40383d02-2777-4be7-a309-9dd6eea1b464
          the whole body as wanted (shown with the requests)

    Plan: 1 to adopt.
    ");
}

#[test]
fn nothing_to_do() {
    let last = |world: &World| shown(world, &NARROW).lines().last().unwrap().to_owned();
    assert_eq!(last(&World::applied()), "No changes. 5 objects are as the manifest wants them.");
    let mut empty = World::fresh();
    empty.manifest.sections.clear();
    assert_eq!(last(&empty), "No changes. Nothing is managed and the manifest is empty.");
    empty.options.mode = plan::Mode::Destroy;
    assert_eq!(last(&empty), "No changes. There is nothing to destroy.");
}

#[test]
fn moments_are_dates_too() {
    let mut world = World::applied();
    world.wanted(Kind::Dataflow)["scheduleParams"]["startTime"] = (NOW + 60).into();
    let text = shown(&world, &WIDE);
    assert!(text.contains("1799999000 (2027-01-15T07:43:20Z) → 1800000060 (2027-01-15T08:01:00Z)"), "{text}");
}

#[test]
fn color_repeats_what_words_say() {
    for world in worlds() {
        let colored = shown(&world, &COLORED);
        let stripped: String = strip(&colored);
        assert!(colored.contains('\u{1b}'));
        assert_eq!(stripped, shown(&world, &NARROW));
    }
}

/// `text` without colours.
fn strip(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').unwrap().1)
}

#[test]
fn lines_fit_and_end_without_spaces() {
    for world in worlds() {
        for style in [NARROW, WIDE] {
            for line in shown(&world, &style).lines() {
                assert_eq!(line, line.trim_end());
                // A request's target stays whole, to be copied.
                assert!(line.chars().count() <= style.width || line.contains(" /data/foundation/"), "{line}");
            }
        }
    }
}

#[test]
fn nothing_from_outside_reaches_the_terminal_as_it_is() {
    let evil = "x\u{1b}[2J\r\u{9b}31m\u{202e}evil\u{2066}\u{7}";
    let mut world = conflict();
    world.wanted(Kind::Source)["name"] = evil.into();
    world.seen(Kind::Target)["name"] = evil.into();
    world.seen(Kind::Source)["params"][evil] = evil.into();
    world.seen(Kind::Mapping)["fields"][evil] =
        json!({ "sourceType": "EXPRESSION", "source": evil, evil: evil });
    world.wanted(Kind::Dataflow)["description"] = format!("{evil}\n{evil}").into();
    let mut plan = world.plan();
    plan.notes.push(plan::Note { address: Some(Address::new(evil, Kind::Source)), text: evil.into() });
    plan.place.org = evil.into();
    for text in [text::plan(&plan, &NARROW), text::plan(&plan, &FULL), json::to_string(&json::plan(&plan))] {
        assert!(!text.contains(|c: char| c != '\n' && super::super::value::is_dangerous(c)), "{text}");
        assert!(text.contains("evil"));
    }
    assert_eq!(text::sanitize(evil), "x\\u{1b}[2J\\r\\u{9b}31m\\u{202e}evil\\u{2066}\\u{7}");
    assert!(matches!(text::sanitize("Straße 東京 👋"), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn a_text_cannot_pass_for_a_leaf() {
    let mut world = World::fresh();
    world.wanted(Kind::Source)["name"] = "(sensitive)".into();
    assert!(shown(&world, &NARROW).contains("name                    \"(sensitive)\""));
}

#[test]
fn a_created_flow_that_is_off_names_what_it_switches() {
    let mut world = World::fresh();
    world.wanted(Kind::Dataflow)["enabled"] = false.into();
    let text = shown(&world, &FULL);
    assert!(text.contains("POST /data/foundation/flowservice/flows/{id}/action?op=disable"), "{text}");
}

#[test]
fn an_operation_of_two_steps_says_so() {
    let mut world = World::fresh();
    world.wanted(Kind::Dataflow)["enabled"] = false.into();
    assert!(shown(&world, &NARROW).contains("# in this order: 1 create, 2 disable"));
}

#[test]
fn what_was_in_clear_and_is_a_secret_now_is_not_shown() {
    let mut world = secret_change();
    let entry = world.state.as_mut().unwrap().entries.get_mut(&address(Kind::BaseConnection)).unwrap();
    entry.applied["auth"]["params"]["accessToken"] = "was-in-clear".into();
    world.seen(Kind::BaseConnection)["auth"]["params"]["accessToken"] = "was-in-clear".into();
    let plan = world.plan();
    assert!(text::plan(&plan, &FULL).contains("accessToken  (sensitive, to be set)"));
    for text in [text::plan(&plan, &FULL), json::to_string(&json::plan(&plan))] {
        assert!(!text.contains("was-in-clear") && !text.contains("fingerprint-"), "{text}");
    }
}
