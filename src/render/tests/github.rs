//! Annotations: at the lines that cause them, no more than GitHub shows, nothing in them that is a command.

use serde_json::json;

use super::super::{github, value};
use super::cases::{self, World};
use crate::kind::{Address, Kind};
use crate::manifest::{Place, Position};
use crate::plan::Plan;

/// Each kind on a line of its own, its fields on one more; the base connection is in no file.
fn lines(address: &Address, pointer: Option<&str>) -> Option<Place> {
    let kind = Kind::ALL.iter().position(|kind| *kind == address.kind).filter(|kind| *kind > 0)?;
    let field = pointer.map_or(0, |p| p.bytes().map(usize::from).sum::<usize>() % 100);
    let position = Position { file: "m.yaml".into(), line: kind * 100 + field, column: 3 };
    Some(Place { end_line: position.line, end_column: 7, position, snippet: None })
}

fn shown(plan: &Plan) -> String {
    github::plan(plan, &lines)
}

#[test]
fn every_case() {
    super::snapshots("github", shown);
}

#[test]
fn a_change_stands_at_its_line() {
    assert_eq!(
        shown(&cases::one_field().plan()),
        "::notice file=m.yaml,line=420,col=3,endLine=420,endColumn=7,title=zendesk-users.dataflow%3A update::\
         scheduleParams.interval: 15 → 30\n"
    );
    assert_eq!(shown(&World::applied().plan()), "");
}

#[test]
fn there_are_no_more_than_github_shows_and_the_last_says_so() {
    let mut world = World::applied();
    for n in 0..30 {
        let field = json!({ "sourceType": "ATTRIBUTE", "source": format!("result.f{n}") });
        world.wanted(Kind::Mapping)["fields"][format!("_acme.f{n}")] = field;
    }
    let text = shown(&world.plan());
    let notices: Vec<&str> = text.lines().filter(|line| line.starts_with("::notice ")).collect();
    assert_eq!(notices.len(), 10, "{text}");
    assert!(notices[9].starts_with("::notice title=flowform::... and "), "{text}");
}

#[test]
fn nothing_from_outside_is_a_command() {
    let text = shown(&cases::hostile());
    assert!(text.contains("evil"));
    assert!(!text.contains(|c: char| c != '\n' && value::is_dangerous(c)), "{text}");
    for line in text.lines() {
        assert!(
            ["::error ", "::warning ", "::notice "].iter().any(|level| line.starts_with(level)),
            "{line}"
        );
    }
    let secret = shown(&cases::secret_change().plan());
    assert!(secret.contains("auth.params.accessToken: (sensitive, changed)"), "{secret}");
}
