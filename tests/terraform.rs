//! A plan in Terraform's form, read by what reads Terraform's: types that others wrote for it, and a Rego engine with
//! policies. The plans are made by the binary; each is also left in the target folder, for `terraform_tools.sh`.

use std::path::Path;

use serde_json::{Value, json};
use terraform_wrapper::types::plan::PlanRepresentation;

use crate::support::{Planned, Sandbox, TOKEN, pipeline};

/// The plan as text, left under this name where the tools look for it.
fn terraform(name: &str, planned: &Planned) -> String {
    let s = Sandbox::bare();
    s.write("plan.json", &planned.text);
    let text = s.run(&["show", "plan.json", "--format", "terraform-json"]).success().stdout;
    assert_eq!(
        text.lines().count(),
        1,
        "terraform-compliance takes the second line for the plan if there is one"
    );
    assert!(!text.contains(TOKEN), "a secret in {text}");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("terraform");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name).with_extension("json"), &text).unwrap();
    text
}

/// One plan of each sort, by name.
fn plans() -> Vec<(&'static str, String)> {
    let mut s = Sandbox::new();
    let manifest = pipeline("users");
    let mut plans = Vec::new();
    let mut keep = |name, planned: &Planned| plans.push((name, terraform(name, planned)));

    s.manifest(&manifest.edit("interval: 15", "interval: 30"));
    keep("slow", &s.plan(&[]));
    s.manifest(&manifest);
    keep("create", &s.plan(&[]));
    s.apply(&[]).success().end();
    keep("nothing", &s.plan(&[]));
    keep("destroy", &s.plan(&["--destroy"]));
    s.manifest(&manifest.edit("interval: 15", "interval: 30"));
    keep("update", &s.plan(&[]));
    s.manifest(&manifest.edit("params: {}", "params: { page: 2 }"));
    keep("replace", &s.plan(&[]));
    s.manifest(&manifest.without("dataflow"));
    keep("delete", &s.plan(&[]));
    s.manifest(&manifest);
    s.set("ZENDESK_ACCESS_TOKEN", "zendesk-t0ken-sec0nd-value");
    keep("secret", &s.plan(&[]));
    s.set("ZENDESK_ACCESS_TOKEN", TOKEN);
    s.somebody().describe("flows", s.contents().one("flows"), "mine now");
    keep("drift", &s.plan(&[]));
    plans
}

fn rule(policy: &str, rule: &str, plan: &str) -> Value {
    let mut engine = regorus::Engine::new();
    engine.set_rego_v0(!policy.contains("import rego.v1"));
    engine.add_policy("policy.rego".to_owned(), policy.to_owned()).unwrap();
    engine.set_input_json(plan).unwrap();
    let value = engine.eval_rule(rule.to_owned()).unwrap();
    serde_json::from_str(&value.to_json_str().unwrap()).unwrap()
}

#[test]
fn what_others_read_in_it() {
    let all = plans();
    let find = |name: &str| all.iter().find(|(n, _)| *n == name).unwrap().1.as_str();

    // Types for Terraform's own output take every plan, and see in it what is there.
    let actions = |name: &str| -> Vec<String> {
        let plan: PlanRepresentation = serde_json::from_str(find(name)).unwrap();
        assert_eq!(plan.applyable, name != "nothing", "{name}");
        assert!(plan.complete && !plan.errored, "{name}");
        let left = plan.resource_changes.iter().filter(|r| !r.change.after.is_null());
        let planned: Vec<&str> = left.map(|r| r.address.as_str()).collect();
        let resources = &plan.planned_values.root_module.resources;
        assert_eq!(planned, resources.iter().map(|r| r.address.as_str()).collect::<Vec<_>>(), "{name}");
        let shown = |r: &terraform_wrapper::types::plan::ResourceChange| {
            format!("{} {}", r.change.actions.join("+"), r.address)
        };
        plan.resource_changes.iter().map(shown).collect()
    };
    let kinds = ["base_connection", "source", "target", "mapping", "dataflow"];
    assert_eq!(actions("create"), kinds.map(|k| format!("create flowform_{k}.users")));
    let backwards: Vec<_> = kinds.iter().rev().map(|k| format!("delete flowform_{k}.users")).collect();
    assert_eq!(actions("destroy"), backwards);
    assert_eq!(actions("nothing"), [""; 0]);
    for name in ["update", "drift"] {
        assert_eq!(actions(name), ["update flowform_dataflow.users"], "{name}");
    }
    assert_eq!(actions("secret"), ["update flowform_base_connection.users"]);
    assert_eq!(actions("delete"), ["delete flowform_dataflow.users"]);
    let replaced = ["create+delete flowform_source.users", "create+delete flowform_dataflow.users"];
    assert_eq!(actions("replace"), replaced);

    // A policy that denies deletions fails on every plan that has one, and on no other.
    let deletions = include_str!("terraform/deletions.rego");
    for (name, plan) in &all {
        let denied = rule(deletions, "data.main.deny", plan);
        let expected = match *name {
            "destroy" => 5,
            "replace" => 2,
            "delete" => 1,
            _ => 0,
        };
        assert_eq!(denied.as_array().unwrap().len(), expected, "{name}: {denied}");
    }
    let denied = rule(deletions, "data.main.deny", find("delete"));
    assert_eq!(denied, json!(["flowform_dataflow.users would be deleted"]));

    // A policy that weighs: by type and action, and by whether a secret changes.
    let weighing = include_str!("terraform/blast_radius.rego");
    let judged = |name| {
        let of = |which: &str| rule(weighing, &format!("data.terraform.analysis.{which}"), find(name));
        (of("score"), of("authz"))
    };
    assert_eq!(judged("nothing"), (json!(0), json!(true)));
    assert_eq!(judged("update"), (json!(1), json!(true)));
    assert_eq!(judged("delete"), (json!(100), json!(false)));
    assert_eq!(judged("replace"), (json!(110), json!(false)));
    assert_eq!(judged("secret"), (json!(0), json!(false)), "a changed secret is not seen");

    // The policy of the documentation.
    let document = include_str!("../docs/terraform-json.md");
    let example = document.split("```rego\n").nth(1).unwrap().split("```").next().unwrap();
    let denied = |name| rule(example, "data.main.deny", find(name));
    assert_eq!(denied("create"), json!(["flowform_dataflow.users would run every 15 minutes"]));
    assert_eq!(denied("delete"), json!(["flowform_dataflow.users would go: no longer in the manifest"]));
    assert_eq!(denied("update"), json!([]));
}
