//! The plan as a comment: what it says first, that it fits, and that nothing from outside is markup in it.

use serde_json::{Value, json};

use super::super::markdown::{self, GITHUB_LIMIT, MARKER, Options};
use super::cases::{self, World};
use crate::kind::Kind;
use crate::plan::Plan;

fn within(plan: &Plan, limit: usize) -> String {
    markdown::plan(plan, &Options { limit, key: String::new() })
}

fn shown(plan: &Plan) -> String {
    within(plan, GITHUB_LIMIT)
}

fn size(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The same member of a mapping for each of so many destinations.
fn long_mapping(count: usize, source: &str) -> Plan {
    let mut world = World::applied();
    let fields = world.wanted(Kind::Mapping)["fields"].as_object_mut().unwrap();
    for number in 0..count {
        let member = json!({ "sourceType": "ATTRIBUTE", "source": format!("result.{number}.{source}") });
        fields.insert(format!("_acme.field{number}"), member);
    }
    world.plan()
}

fn all() -> Vec<Plan> {
    let mut plans: Vec<Plan> = cases::all().into_iter().map(|case| case.plan).collect();
    plans.extend([long_mapping(3, &"`|`".repeat(9_000)), long_mapping(900, "x"), cases::pipelines(30)]);
    plans
}

/// As GitHub shows it.
fn html(text: &str) -> String {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.extension.alerts = true;
    options.render.r#unsafe = true;
    comrak::markdown_to_html(text, &options)
}

/// What of HTML is not code, and so is looked through for mentions and references.
fn outside_of_code(html: &str) -> String {
    let mut rest = html;
    let mut outside = String::new();
    while let Some((before, after)) = rest.split_once("<code") {
        outside.push_str(before);
        outside.push('¶');
        rest = after.split_once("</code>").unwrap().1;
    }
    outside + rest
}

#[test]
fn every_case() {
    super::snapshots("markdown", shown);
}

#[test]
fn nothing_from_outside_is_markup() {
    let text = shown(&cases::hostile());
    let html = html(text.split_once('\n').unwrap().1);
    let outside = outside_of_code(&html);
    for evil in
        ["evil", "octocat", "#123", "GH-7", "r#1", "!5", "<a ", "<img", "<script", "<b>b", "<em>i", "/close"]
    {
        assert!(!outside.contains(evil), "{evil}: {outside}");
    }
    assert!(outside.contains("<table>") && outside.contains("</details>"));
    assert_eq!(html.matches("<details").count(), html.matches("</details>").count());
    // It is shown nevertheless.
    assert!(html.contains("@octocat") && html.contains("&lt;script&gt;"));
}

#[test]
fn it_fits_and_nothing_is_left_open() {
    let mut limits: Vec<usize> = (0..12).map(|n| n * 173).collect();
    limits.extend([3_000, 9_000, 20_000, GITHUB_LIMIT, 1_000_000]);
    for plan in all() {
        let marker = markdown::marker(&plan, "");
        for limit in &limits {
            let text = within(&plan, *limit);
            assert!(size(&text) <= *limit, "{} of {limit}", size(&text));
            if *limit > marker.len() {
                assert!(text.starts_with(&marker), "{limit}: {text}");
            }
            let count = |what: &str| text.lines().filter(|line| line.starts_with(what)).count();
            assert_eq!(count("<details"), count("</details>"), "{limit}: {text}");
            assert_eq!(count("```") % 2, 0, "{limit}: {text}");
            let least = if plan.place.sandbox == cases::EVIL { 20_000 } else { 3_000 };
            if *limit >= least {
                let warned = plan.drift.is_empty() || text.contains("(drift):**");
                assert!(
                    warned && text.contains("\n## ") && !text.contains("no room for more"),
                    "{limit}: {text}"
                );
            }
        }
    }
}

#[test]
fn the_worst_is_said_first_and_kept_longest() {
    let plan = cases::pipelines(1000);
    let text = shown(&plan);
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(at("## Plan: 1000 to create") < at("> **1000 objects are deleted:** `pipeline-3.dataflow`"));
    assert!(at("> **1000 objects are deleted:**") < at("> **400 objects are replaced by new ones:**"));
    assert!(at("> **400 objects changed on the platform since the last apply (drift):**") < at("> Too long"));
    assert!(at("> Too long") < at("| Pipeline |"));
    assert!(at("| `pipeline-3` |") < at("more pipelines |"));
    assert!(at("more pipelines |") < at("<details>"));
    assert!(text.contains(", 1000 to create)"), "{text}");
    assert!(!text.contains("<b>create</b>") && text.contains("<b>delete</b>"));
    // Little is wasted.
    assert!(size(&text) > GITHUB_LIMIT * 9 / 10, "{}", size(&text));
}

#[test]
fn a_long_change_is_cut_before_another_is_dropped() {
    let mut plan = long_mapping(2_000, "something");
    plan.operations.extend(cases::renamed(&World::fresh().plan(), "other").operations);
    let text = shown(&plan);
    assert!(text.contains("Too long for a comment. The graph, the requests and some changes"), "{text}");
    assert!(text.contains("1 of the changes only in part. `flowform show`"), "{text}");
    assert_eq!(text.matches("<b>create</b>").count(), 5);
    assert!(text.contains(" more lines are not shown here.*"));
    assert!(size(&text) > GITHUB_LIMIT * 9 / 10, "{}", size(&text));
}

#[test]
fn first_the_graph_goes_then_the_requests() {
    let plan = World::fresh().plan();
    let whole = shown(&plan);
    assert!(whole.contains("```mermaid") && whole.contains("```http"));
    let without_graph = within(&plan, size(&whole) - 1);
    assert!(!without_graph.contains("```mermaid") && without_graph.contains("```http"));
    assert!(without_graph.contains("The graph is not shown here."), "{without_graph}");
    let without_requests = within(&plan, size(&without_graph) - 1);
    assert!(!without_requests.contains("```http") && without_requests.matches("<details").count() == 5);
    assert!(
        without_requests.contains("The graph and the requests are not shown here."),
        "{without_requests}"
    );
}

#[test]
fn the_marker_tells_comments_apart_and_cannot_be_ended() {
    let mut plan = World::applied().plan();
    assert_eq!(markdown::marker(&plan, ""), "<!-- flowform plan: 1234@AdobeOrg/dev -->");
    assert_eq!(markdown::marker(&plan, "a b"), "<!-- flowform plan: 1234@AdobeOrg/dev a%20b -->");
    let mut seen = std::collections::BTreeSet::new();
    for name in ["x", "x -->", "x/y", "x--y", &"x".repeat(5_000), &"x".repeat(5_001)] {
        plan.place.sandbox = name.to_owned();
        for key in ["", "a", "-->", "\n"] {
            let marker = markdown::marker(&plan, key);
            assert!(marker.starts_with(MARKER) && marker.find("-->") == Some(marker.len() - 3), "{marker}");
            assert!(marker.len() < 400 && !marker.contains('\n'));
            assert!(seen.insert(marker));
        }
    }
}

#[test]
fn nothing_to_do_is_short() {
    assert_eq!(shown(&World::applied().plan()).lines().count(), 4);
}

#[test]
fn what_was_a_secret_is_not_shown() {
    let mut world = cases::secret_change();
    let clear = |body: &mut Value| body["auth"]["params"]["accessToken"] = "was-in-clear".into();
    clear(
        &mut world
            .state
            .as_mut()
            .unwrap()
            .entries
            .get_mut(&cases::address(Kind::BaseConnection))
            .unwrap()
            .applied,
    );
    clear(world.seen(Kind::BaseConnection));
    let text = shown(&world.plan());
    assert!(!text.contains("was-in-clear") && !text.contains("fingerprint-"), "{text}");
    assert!(text.contains("! auth.params.accessToken: (sensitive, to be set)"), "{text}");
}
