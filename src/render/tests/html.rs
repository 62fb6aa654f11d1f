//! The HTML page: what stands in it in each case, that nothing in it acts or loads but its own script and style, and that
//! it stays usable when it is large. How it behaves in a browser is for `tests/html_page.py`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::cases::{self, EVIL};
use crate::render::html;

/// What lies between two marks, which are each there once.
fn between<'p>(page: &'p str, open: &str, close: &str) -> &'p str {
    assert_eq!(page.matches(open).count(), 1, "{open}");
    let (_, rest) = page.split_once(open).unwrap();
    rest.split_once(close).unwrap().0
}

/// Every tag of a page, as it is written.
fn tags(page: &str) -> Vec<String> {
    let [style, script] = ["style", "script"].map(|e| between(page, &format!("<{e}>"), &format!("</{e}>")));
    let page = page.replace(style, "").replace(script, "");
    let end =
        |tag: &str| tag.split_once('>').unwrap_or_else(|| panic!("a tag without an end: {tag}")).0.to_owned();
    page.split('<').skip(1).map(end).collect()
}

/// The attributes of a tag: all values stand in double quotes.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = tag.split_once(' ').map_or("", |(_, rest)| rest);
    while let Some((name, tail)) = rest.split_once("=\"") {
        let (value, tail) = tail.split_once('"').unwrap();
        found.push((name.trim().rsplit(' ').next().unwrap(), value));
        rest = tail;
    }
    found
}

/// The values of an attribute, all over the page.
fn values(page: &str, which: &str) -> Vec<String> {
    let tags = tags(page);
    let all = tags.iter().flat_map(|tag| attributes(tag));
    all.filter(|(name, _)| *name == which).map(|(_, value)| value.to_owned()).collect()
}

#[test]
fn every_case() {
    super::snapshots("html", |plan| {
        let page = html::plan(plan);
        between(&page, "<body>\n", "<script>").to_owned()
    });
}

#[test]
fn the_policy_names_the_pages_own_style_and_script_and_nothing_else() {
    for case in cases::all() {
        let page = html::plan(&case.plan);
        let digest = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
        let style = digest(between(&page, "<style>", "</style>"));
        let script = digest(between(&page, "<script>", "</script>"));
        let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
        let wanted = format!(
            "default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"
        );
        assert_eq!(policy, wanted);
    }
}

#[test]
fn nothing_is_loaded_and_no_tag_or_attribute_comes_from_outside() {
    const TAGS: &[&str] = &[
        "!doctype", "html", "head", "meta", "title", "style", "body", "a", "header", "p", "h1", "h2", "h3",
        "h4", "dl", "div", "dt", "dd", "label", "input", "button", "span", "main", "section", "ul", "li",
        "strong", "code", "form", "b", "select", "option", "output", "svg", "rect", "text", "path", "g",
        "nav", "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td", "wbr", "br",
        "del", "ins", "pre", "script",
    ];
    for case in cases::all() {
        let page = html::plan(&case.plan);
        for tag in tags(&page) {
            let name = tag.trim_start_matches('/').split(' ').next().unwrap();
            assert!(TAGS.contains(&name.trim_end_matches('/')), "{}: <{tag}>", case.name);
            for (name, value) in attributes(&tag) {
                assert!(
                    !name.starts_with("on") && !["src", "style", "srcset", "action"].contains(&name),
                    "<{tag}>"
                );
                assert!(name != "href" || value.starts_with('#'), "{}: <{tag}>", case.name);
                assert!(!value.contains(['<', '>']), "{}: <{tag}>", case.name);
            }
        }
    }
}

#[test]
fn a_hostile_name_is_text_and_a_plain_id() {
    let page = html::plan(&cases::hostile());
    for part in ["<script>alert", "<!--", "</details></summary>", "\u{1b}", "\u{202e}", "\r", "\"'&quot;"] {
        assert!(EVIL.contains(part), "{part}");
        assert!(!page.contains(part), "{part}");
    }
    let plain = |id: &str| id.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c));
    let links = values(&page, "href");
    assert!(links.iter().all(|link| plain(&link[1..])), "{links:?}");
    let ids = values(&page, "id");
    assert!(ids.len() > 20 && ids.iter().all(|id| plain(id)), "{ids:?}");
}

#[test]
fn ids_are_unique_whatever_pipelines_are_called() {
    let mut plan = cases::conflict().plan();
    let one = plan.clone();
    for name in
        ["pipeline-zendesk-users", "drift-zendesk-users", "zendesk-users.source", "filters", "a b", "a_20b"]
    {
        let named = cases::renamed(&one, name);
        plan.operations.extend(named.operations);
        plan.drift.extend(named.drift);
    }
    let ids = values(&html::plan(&plan), "id");
    let unique: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len());
}

#[test]
fn every_link_leads_to_something_on_the_page() {
    for case in cases::all() {
        let page = html::plan(&case.plan);
        for link in values(&page, "href") {
            assert!(page.contains(&format!(" id=\"{}\"", &link[1..])), "{}: {link}", case.name);
        }
    }
}

#[test]
fn no_secret_is_in_it() {
    for case in cases::all() {
        let page = html::plan(&case.plan);
        assert!(!page.contains("fingerprint-1") && !page.contains("fingerprint-2"), "{}", case.name);
    }
}

#[test]
fn a_large_plan_is_drawn_by_pipeline_and_stays_small() {
    let plan = cases::pipelines(1000);
    let page = html::plan(&plan);
    let sections = plan.operations.len();
    assert!(sections > 2500, "{sections}");
    assert_eq!(page.matches("class=\"card op ").count(), sections);
    assert!(page.matches("<svg").count() > 500);
    assert!(page.len() / sections < 5 * 1024, "{} bytes for each operation", page.len() / sections);
    assert_eq!(page, html::plan(&plan));
}
