//! The README's table: Adobe's tutorial from its first step to its last, with flowform's commands alone. Each line of the
//! table is run, and has to send what the tutorial's curl sends.

use crate::support::{Request, Sandbox};

/// A row of the table.
struct Row {
    step: String,
    /// `METHOD /path`, ids as `{ID}`.
    curl: Vec<String>,
    /// flowform's command lines.
    commands: Vec<String>,
}

/// What stands between backticks.
fn code(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn table() -> Vec<Row> {
    let readme = include_str!("../README.md");
    let (_, rest) =
        readme.split_once("| The tutorial's step | Its curl | With flowform |\n|---|---|---|\n").unwrap();
    rest.lines()
        .map_while(|line| line.strip_prefix("| "))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let mut commands = code(cells[2]);
            commands.retain(|code| code.starts_with("flowform "));
            Row { step: cells[0].to_owned(), curl: code(cells[1]), commands }
        })
        .collect()
}

/// Whether a request is what a curl of the tutorial is.
fn is(request: &Request, curl: &str) -> bool {
    let (method, path) = curl.split_once(' ').unwrap();
    let parts: Vec<&str> = request.within().split('/').collect();
    let wanted: Vec<&str> = path.split('/').collect();
    request.method == method
        && parts.len() == wanted.len()
        && parts.iter().zip(wanted).all(|(part, wanted)| wanted == "{ID}" || *part == wanted)
}

#[test]
fn the_tutorial_is_followed_with_flowform_alone() {
    let mut s = Sandbox::new();
    // What `init` says is to be set, and where to.
    s.set("ADOBE_ORG_ID", crate::support::ORG);
    s.set("ADOBE_SANDBOX", "dev");
    s.set("ZENDESK_SUBDOMAIN", "https://acme.zendesk.com");
    let rows = table();
    assert_eq!(rows.len(), 14);
    let mut open: Vec<String> = Vec::new();
    for row in rows {
        match row.step.as_str() {
            "Update your dataflow" => {
                let text = s.read("zendesk-users.yaml");
                let edited = text.replace("interval: 15", "interval: 30");
                assert_ne!(text, edited);
                s.write("zendesk-users.yaml", &edited);
            }
            "Update your connection" => s.set("ZENDESK_ACCESS_TOKEN", "another-t0ken"),
            _ => {}
        }
        open.extend(row.curl);
        for command in &row.commands {
            let mut arguments: Vec<&str> = command.split(' ').skip(1).collect();
            if matches!(arguments[0], "apply" | "destroy") {
                arguments.push("--auto-approve");
            }
            let sent = s.recorded(|s| s.run(&arguments).success().end());
            open.retain(|curl| !sent.iter().any(|request| is(request, curl)));
            assert!(open.is_empty(), "{}: `{command}` did not send {open:?}", row.step);
        }
    }
    assert!(open.is_empty());
}
