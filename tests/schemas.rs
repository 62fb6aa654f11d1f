//! Schemas with fields of their own: made from nothing, added to, and never broken under data that may have come.

use serde_json::{Value, json};

use crate::support::{Sandbox, Text, pipeline, short};

/// A pipeline that brings everything it needs.
fn whole(name: &str) -> Text {
    let sections = format!(
        "schema:
  name: {name} schema
  description: what a user is
  fields:
    id: integer
    email: {{ type: string, title: E-mail }}
    home: {{ type: object, fields: {{ city: string, since: date }} }}
    tags: {{ type: array, items: string }}
dataset:
  name: {name} data
  deleteData: true
baseConnection:
"
    );
    let schema = "  schema:
    id: https://ns.adobe.com/extconndev/schemas/995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4
    version: 1
";
    pipeline(name)
        .edit("baseConnection:\n", &sections)
        .edit("  dataSetId: 624bf42e16519d19496e3f67\n", "")
        .edit(schema, "")
        .edit("_extconndev.id", "_tenant.id")
        .edit("_extconndev.email", "_tenant.email")
}

fn applied(manifest: &Text) -> Sandbox {
    let s = Sandbox::new();
    s.manifest(manifest);
    s.converge(&[]);
    s
}

/// Applies an edit; the writes it took.
#[track_caller]
fn writes(s: &Sandbox, manifest: &Text) -> Vec<String> {
    s.manifest(manifest);
    let before = s.contents();
    let requests = s.recorded(|s| s.converge(&["--parallelism", "1"]));
    s.state_is_the_platform();
    short(&requests, &before)
}

/// An edit that is refused with these words, before anything is sent.
#[track_caller]
fn refused(s: &Sandbox, manifest: &Text, words: &str) {
    s.manifest(manifest);
    let before = s.contents();
    s.apply(&[]).exit(8).shows(words).end();
    assert_eq!(s.contents(), before, "{words}");
}

fn own(group: &Value) -> &Value {
    group.pointer("/definitions/customFields/properties/_extconndev/properties").unwrap()
}

#[test]
fn an_empty_sandbox_becomes_a_running_flow_in_one_apply() {
    let s = Sandbox::new();
    s.manifest(&whole("users"));
    let requests = s.recorded(|s| s.apply(&["--parallelism", "1"]).success().end());
    let contents = s.contents();
    let made: Vec<String> = short(&requests, &contents);
    assert_eq!(made[..3], ["POST /fieldgroups", "POST /schemas", "POST /dataSets?requestDataSource=true"]);
    assert!(s.plan(&[]).is_empty());
    s.state_is_the_platform();
    let (group, schema, set) =
        (contents.one("fieldgroups"), contents.one("schemas"), contents.one("dataSets"));
    assert_eq!((group.name.as_str(), schema.name.as_str()), ("users schema fields", "users schema"));
    assert_eq!(schema.body["allOf"][1]["$ref"], json!(group.id));
    assert_eq!(set.body["schemaRef"]["id"], json!(schema.id));
    let own = own(&group.body);
    assert_eq!(own["email"], json!({ "title": "E-mail", "type": "string" }));
    assert_eq!(own["id"]["maximum"], 9_007_199_254_740_991_i64);
    assert_eq!(own["home"]["properties"]["since"]["format"], "date");
    let mapping = contents.one("mappingSets");
    assert_eq!(mapping.body["outputSchema"]["schemaRef"]["id"], json!(schema.id));
    assert_eq!(mapping.body["mappings"][0]["destination"], "_extconndev.id");
    assert_eq!(contents.flow_state(), "enabled");
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().list(), [""; 0]);
    assert!(s.managed().is_empty());
}

#[test]
fn what_is_added_is_patched() {
    let manifest = whole("users");
    let s = applied(&manifest);
    let (group, schema) =
        (s.contents().one("fieldgroups").id.clone(), s.contents().one("schemas").id.clone());
    let other = "https://ns.adobe.com/extconndev/mixins/3f1c0a5e7b9d42c8a6e0f4d218937b65c0de12ab34cd56ef";
    for (from, to, write) in [
        ("    id: integer\n", "    id: integer\n    name: { type: string, required: true }\n", "fieldgroups"),
        ("city: string,", "city: string, zip: string,", "fieldgroups"),
        ("title: E-mail", "title: Mail", "fieldgroups"),
        (", title: E-mail", "", "fieldgroups"),
        ("what a user is", "who a user is", "schemas"),
        ("name: users schema", "name: renamed\n  fieldGroupName: users schema fields", "schemas"),
        ("what a user is\n", &format!("what a user is\n  fieldGroups: [ {other:?} ]\n"), "schemas"),
        ("name: users schema", "name: users schema\n  fieldGroupName: renamed", "fieldgroups"),
    ] {
        let s = s.copy();
        assert_eq!(writes(&s, &manifest.edit(from, to)), [format!("PATCH /{write}/OLD")], "{to}");
        let contents = s.contents();
        assert_eq!((&contents.one("fieldgroups").id, &contents.one("schemas").id), (&group, &schema), "{to}");
    }
}

#[test]
fn what_would_break_data_is_refused_with_its_reason() {
    let manifest = whole("users");
    let s = applied(&manifest);
    let other = "https://ns.adobe.com/xdm/context/experienceevent";
    for (from, to, words) in [
        (
            "    id: integer\n",
            "    id: string\n",
            "the field `id` is of type integer and cannot become string",
        ),
        (
            "    tags: { type: array, items: string }\n",
            "",
            "the field `tags` cannot be taken away or renamed",
        ),
        ("since: date", "from: date", "the field `home.since` cannot be taken away or renamed"),
        ("items: string", "items: integer", "the field `tags[]` is of type string"),
        ("title: E-mail", "required: true", "the field `email` is there and cannot become required"),
        (
            "what a user is\n",
            "what a user is\n  class: experienceEvent\n",
            "the class of a schema cannot be changed",
        ),
        ("what a user is\n", &format!("what a user is\n  class: {other}\n"), "cannot be changed"),
    ] {
        refused(&s, &manifest.edit(from, to), words);
    }
    let bare = manifest.as_str().replace("    tags: { type: array, items: string }\n", "");
    s.manifest(&Text::of(&bare));
    let planned = s.plan(&[]);
    assert_eq!(planned.code, Some(8), "{planned}");
    s.manifest(&manifest);
    assert!(s.plan(&[]).is_empty());
    s.apply(&["--replace", "users.schema"]).exit(8).shows("takes a schema's name once").end();
}

#[test]
fn what_others_add_is_left_and_what_they_take_is_put_back() {
    let manifest = whole("users");
    let s = applied(&manifest);
    let group = s.contents().one("fieldgroups").id.clone();
    let place = "/definitions/customFields/properties/_extconndev/properties";
    let path =
        format!("/schemaregistry/tenant/fieldgroups/{}", group.replace(':', "%3A").replace('/', "%2F"));
    let add = json!([{ "op": "add", "path": format!("{place}/theirs"), "value": { "type": "string" } },
        { "op": "replace", "path": format!("{place}/email/title"), "value": "Theirs" }]);
    s.somebody().send("PATCH", &path, &[], &add);
    assert_eq!(s.plan(&[]).drift(), ["users.fieldGroup /fields/email/title"]);
    assert_eq!(writes(&s, &manifest), ["PATCH /fieldgroups/OLD"]);
    assert!(own(&s.contents().one("fieldgroups").body).get("theirs").is_some());
}

#[test]
fn titles_that_are_taken_are_adopted_or_refused() {
    let manifest = whole("users");
    let s = applied(&manifest);
    let before = s.contents();
    // Somebody lost the state.
    std::fs::remove_file(s.state_path()).unwrap();
    s.apply(&[]).exit(8).shows("--adopt users.schema").shows("takes a schema's name once").end();
    s.apply(&["--create-beside", "users"]).exit(8).shows("--adopt users.fieldGroup").end();
    s.converge(&["--adopt", "users"]);
    for kind in ["schemas", "fieldgroups", "dataSets"] {
        assert_eq!(s.contents().of(kind), before.of(kind));
    }
    s.state_is_the_platform();
}

#[test]
fn a_schema_that_others_use_is_left_in_place() {
    let manifest = whole("users");
    let s = applied(&manifest);
    let schema = s.contents().one("schemas").id.clone();
    let theirs = json!({ "name": "theirs",
        "schemaRef": { "id": schema, "contentType": "application/vnd.adobe.xed+json;version=1" } });
    s.somebody().send("POST", "/catalog/dataSets", &[], &theirs);
    let ran = s.destroy(&[]).success();
    assert!(format!("{ran}").contains("left in place"), "{ran}");
    ran.end();
    let left = ["dataSets theirs", "schemas users schema", "fieldgroups users schema fields"];
    assert_eq!(s.contents().list(), left);
    // And found again by the next apply, as the one there can be of its name.
    s.apply(&[]).exit(8).shows("--adopt users.schema").end();
    s.converge(&["--adopt", "users.schema", "--adopt", "users.fieldGroup"]);
    assert_eq!(s.contents().one("schemas").id, schema);
}

#[test]
fn a_schema_may_get_fields_later() {
    let manifest = whole("users");
    let bare = manifest
        .edit("  fields:\n    id: integer\n    email: { type: string, title: E-mail }\n    home: { type: object, fields: { city: string, since: date } }\n    tags: { type: array, items: string }\n", "")
        .without("mapping").without("target").without("source").without("baseConnection").without("dataflow");
    let s = applied(&bare);
    assert_eq!(s.contents().of("fieldgroups").len(), 0);
    let schema = s.contents().one("schemas").id.clone();
    let with = manifest
        .without("mapping")
        .without("target")
        .without("source")
        .without("baseConnection")
        .without("dataflow");
    assert_eq!(writes(&s, &with), ["POST /fieldgroups", "PATCH /schemas/OLD"]);
    let contents = s.contents();
    assert_eq!(contents.one("schemas").id, schema);
    assert_eq!(contents.one("schemas").body["allOf"][1]["$ref"], json!(contents.one("fieldgroups").id));
}

#[test]
fn destinations_are_checked_against_the_schema() {
    let manifest = whole("users");
    let s = Sandbox::new();
    for (to, words) in [
        ("_tenant.emial", "did you mean `_tenant.email`?"),
        ("_tenant.home.town", "the schema has no field for `_tenant.home.town`"),
        ("email", "write `_tenant.email`"),
        ("home.city", "write `_tenant.home.city`"),
    ] {
        s.manifest(&manifest.edit("destination: _tenant.email", &format!("destination: {to}")));
        let ran = s.apply(&[]).exit(4);
        assert!(ran.stderr.contains(words), "{to}: {ran}");
        ran.end();
    }
    for fine in ["_tenant.home.city", "\"_tenant.tags[0]\"", "person.name.lastName", "_id"] {
        s.manifest(&manifest.edit("destination: _tenant.email", &format!("destination: {fine}")));
        s.run(&["validate", "m.yaml"]).success().end();
    }
}

#[test]
fn a_destination_in_another_tenants_namespace_is_told() {
    let s = Sandbox::new();
    let strays = whole("users").edit("destination: _tenant.email", "destination: _acme.email");
    s.manifest(&strays);
    s.run(&["plan", "m.yaml"]).exit(4).says("`_acme.email` is not below the tenant's namespace").end();
    // With field groups that the manifest does not describe, it is for the platform to say.
    let groups = "  fieldGroups: [https://ns.adobe.com/xdm/context/profile-person-details]\n  fields:\n    id: integer";
    s.manifest(&strays.edit("  fields:\n    id: integer", groups));
    let planned = s.plan(&[]);
    let note = "_acme.email is not below the tenant's namespace _extconndev";
    assert!(planned.text.contains(note), "{planned}");
    s.manifest(&whole("users").edit("destination: _tenant.email", "destination: _extconndev.email"));
    assert!(!s.plan(&[]).text.contains("is not below"));
}

#[test]
fn fields_that_are_none_are_mistakes() {
    let s = Sandbox::new();
    for (to, words) in [
        ("    id: whole\n", "`whole` is not allowed here"),
        ("    _id: integer\n", "`_id` is no name of a field"),
        ("    id: { type: object }\n", "needs `fields`"),
        ("    id: { type: array }\n", "needs `items`"),
        ("    id: { type: string, items: string }\n", "only a field of type `array` has `items`"),
        ("    id: integer\n    Email: string\n", "but for case"),
        ("    id: { type: integer, min: 1 }\n", "unknown key `min`"),
    ] {
        s.manifest(&whole("users").edit("    id: integer\n", to));
        let ran = s.apply(&[]).exit(4);
        assert!(ran.stderr.contains(words), "{to}: {ran}");
        ran.end();
    }
    s.manifest(&whole("one").and(&Text::of(&whole("two").as_str().replace("two schema", "one schema"))));
    let ran = s.apply(&[]).exit(4);
    assert!(ran.stderr.contains("two schemas have this name"), "{ran}");
    ran.end();
    s.manifest(&whole("users").edit("deleteData: true", "deleteData: true\nfieldGroup: { name: x }"));
    s.apply(&[]).exit(4).end();
}

#[test]
fn pipelines_share_a_schema_and_a_dataset_by_address() {
    let two = whole("two")
        .without("schema")
        .without("dataset")
        .edit("  description: what is written\n", "  dataset: one.dataset\n")
        .edit("mapping:\n", "mapping:\n  schema: one.schema\n");
    let s = Sandbox::new();
    s.manifest(&whole("one").and(&two));
    s.converge(&[]);
    let contents = s.contents();
    let set = json!(contents.one("dataSets").id);
    assert!(contents.of("targetConnections").iter().all(|t| t.body["params"]["dataSetId"] == set));
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().list(), [""; 0]);
}

#[test]
fn many_schemas_are_read_by_few_requests() {
    let s = Sandbox::new();
    let only = |n: usize| {
        format!(
            "apiVersion: flowform/v1\npipeline: p{n}\nplatform: {{ org: {}, sandbox: dev }}\n\
            schema: {{ name: s{n}, fields: {{ a: string }} }}\n",
            crate::support::ORG
        )
    };
    for count in [1, 2, 3, 41] {
        s.manifest(&Text::of(&(0..count).map(only).collect::<Vec<_>>().join("---\n")));
        s.apply(&[]).success().end();
        let requests = s.recorded(|s| assert!(s.plan(&[]).is_empty()));
        for kind in ["/stats", "/tenant/schemas", "/tenant/fieldgroups"] {
            let reads = requests.iter().filter(|r| r.within().starts_with(kind)).count();
            assert!(reads <= 2 + usize::div_ceil(count, 40), "{count}: {reads} of {kind}");
        }
    }
}

/// The same, with an identity and in Profile.
pub(crate) fn in_profile(name: &str) -> Text {
    let more = "  primaryIdentity: { field: _tenant.email, namespace: Email }\n  profile: true\n";
    let profile = "  deleteData: true\n  profile: true\n";
    whole(name)
        .edit("  description: what a user is\n", &format!("  description: what a user is\n{more}"))
        .edit("  deleteData: true\n", profile)
}

#[test]
fn profile_is_entered_with_an_identity_and_never_left() {
    let s = Sandbox::new();
    let manifest = in_profile("users");
    s.manifest(&manifest);
    let plan = s.plan(&[]).text;
    assert_eq!(
        plan.matches("enters Real-Time Customer Profile, which cannot be undone").count(),
        2,
        "{plan}"
    );
    // What the schema is not, its dataset cannot be.
    s.manifest(&manifest.edit("namespace: Email }\n  profile: true\n", "namespace: Email }\n"));
    let ran = s.run(&["validate", "m.yaml"]).exit(4);
    assert!(ran.stderr.contains("no-profile") && ran.stderr.contains("in users.schema too"), "{ran}");
    ran.end();
    s.manifest(&manifest);
    let requests = s.recorded(|s| s.apply(&["--parallelism", "1"]).success().end());
    let contents = s.contents();
    let made = short(&requests, &contents);
    let expected = [
        "POST /fieldgroups",
        "POST /schemas",
        "POST /descriptors",
        "PATCH /schemas/OLD",
        "POST /dataSets?requestDataSource=true",
    ];
    assert_eq!(made[..5], expected);
    assert!(s.plan(&[]).is_empty());
    s.state_is_the_platform();
    let descriptor = &contents.one("descriptors").body;
    assert_eq!(descriptor["xdm:sourceProperty"], "/_extconndev/email");
    assert_eq!(descriptor["xdm:sourceSchema"], json!(contents.one("schemas").id));
    assert_eq!(contents.one("schemas").body["meta:immutableTags"], json!(["union"]));
    assert_eq!(contents.one("dataSets").body["tags"]["unifiedProfile"], json!(["enabled:true"]));
    // Out again is no way, said or unsaid.
    let out = manifest.edit("  deleteData: true\n  profile: true\n", "  deleteData: true\n");
    let schema_out =
        out.edit("namespace: Email }\n  profile: true\n", "namespace: Email }\n  profile: false\n");
    refused(&s, &schema_out, "takes part in Profile stays in it");
    refused(&s, &out.edit("namespace: Email }\n  profile: true\n", "namespace: Email }\n"), "stays in it");
    // The identity is changed in place.
    let crm = manifest.edit("namespace: Email", "namespace: CRMID");
    assert_eq!(writes(&s, &crm), ["PUT /descriptors/OLD"]);
    // What is in Profile cannot be taken down: it is left, with what belongs to it, and the plan says so.
    s.destroy(&[]).success().shows("stays on the platform, with what belongs to it").end();
    let left = s.contents().list();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left[..2] == ["schemas users schema", "fieldgroups users schema fields"], "{left:?}");
    assert!(s.managed().is_empty());
    s.converge(&["--adopt", "users"]);
    s.state_is_the_platform();
}

#[test]
fn profile_can_be_entered_later_and_was_asked_for() {
    let s = applied(&whole("users"));
    let identity =
        "  description: what a user is\n  primaryIdentity: { field: _tenant.email, namespace: Email }\n";
    let with = whole("users").edit("  description: what a user is\n", identity);
    assert_eq!(writes(&s, &with), ["POST /descriptors"]);
    let later = with.edit("namespace: Email }\n", "namespace: Email }\n  profile: true\n");
    assert_eq!(writes(&s, &later), ["PATCH /schemas/OLD"]);
    // Somebody's own entry into Profile is not ours to undo.
    let s = applied(&with);
    let id = s.contents().one("schemas").id.replace(':', "%3A").replace('/', "%2F");
    let union = json!([{ "op": "add", "path": "/meta:immutableTags", "value": ["union"] }]);
    s.somebody().send("PATCH", &format!("/schemaregistry/tenant/schemas/{id}"), &[], &union);
    assert!(s.plan(&[]).is_empty());
    // Without an identity there is no way in.
    s.manifest(&whole("users").edit("what a user is\n", "what a user is\n  profile: true\n"));
    let ran = s.apply(&[]).exit(4);
    assert!(ran.stderr.contains("needs a primary identity"), "{ran}");
    ran.end();
    s.manifest(&with.edit("field: _tenant.email", "field: _tenant.mail"));
    let ran = s.apply(&[]).exit(4);
    assert!(ran.stderr.contains("did you mean `_tenant.email`?"), "{ran}");
    ran.end();
}

#[test]
fn what_is_excluded_keeps_its_parts() {
    let with =
        "  description: what a user is\n  primaryIdentity: { field: _tenant.email, namespace: Email }\n";
    let s = applied(&whole("users").edit("  description: what a user is\n", with));
    s.destroy(&["--exclude", "users.dataset"])
        .success()
        .shows("users.fieldGroup, users.schema, users.identity stay too: what is excluded needs them")
        .end();
    assert_eq!(s.contents().counts(), [0; 5]);
    assert_eq!(s.contents().list().len(), 4, "{:?}", s.contents().list());
}

#[test]
fn a_saved_plan_takes_over_what_was_left() {
    let s = applied(&whole("users"));
    let theirs = json!({ "name": "theirs", "schemaRef": { "id": s.contents().one("schemas").id,
        "contentType": "application/vnd.adobe.xed+json;version=1" } });
    s.somebody().send("POST", "/catalog/dataSets", &[], &theirs);
    s.destroy(&[]).success().end();
    s.run(&["plan", "m.yaml", "-o", "p.json", "--adopt", "users.schema", "--adopt", "users.fieldGroup"])
        .success()
        .end();
    s.run(&["apply", "p.json", "--auto-approve"]).success().end();
    assert!(s.plan(&[]).is_empty());
}

#[test]
fn an_identity_that_is_there_is_adopted_with_its_schema() {
    let s = applied(&in_profile("users"));
    let before = s.contents();
    std::fs::remove_file(s.state_path()).unwrap();
    s.apply(&["--adopt", "users.schema", "--adopt", "users.fieldGroup"])
        .exit(8)
        .shows("users.identity: its schema has one already")
        .end();
    s.converge(&["--adopt", "users"]);
    assert_eq!(s.contents().of("descriptors"), before.of("descriptors"));
    s.state_is_the_platform();
}
