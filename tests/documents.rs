//! What README, docs and examples print is true: each whole manifest applies as it stands, in an empty folder, and no version is
//! named that does not exist.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Sandbox;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Texts, each with the path of the file that it is in.
type Texts = Vec<(String, String)>;

/// Every file of these files and folders of the repository, by its path in it.
fn files(names: &[&str]) -> Texts {
    let mut open: Vec<PathBuf> = names.iter().map(|name| Path::new(ROOT).join(name)).collect();
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let name = path.strip_prefix(ROOT).unwrap().display().to_string();
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    files.sort();
    files
}

fn is_of_type(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

/// The blocks of YAML in a page.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in page.lines() {
        match &mut block {
            None if ["```yaml", "```yml"].contains(&line.trim()) => block = Some(String::new()),
            None => {}
            Some(_) if line.trim() == "```" => blocks.extend(block.take()),
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
        }
    }
    blocks
}

fn parsed(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Whole manifests, by where they are; the blocks of a page that are a part of one.
fn manifests() -> (Texts, Texts) {
    let (mut whole, mut parts) = (Vec::new(), Vec::new());
    for (name, text) in files(&["README.md", "docs", "examples"]) {
        let texts = if is_of_type(&name, "md") {
            blocks(&text)
        } else if is_of_type(&name, "yaml") && !name.contains("/.") {
            vec![text]
        } else {
            Vec::new()
        };
        for text in texts {
            let value = parsed(&text);
            if value.get("apiVersion").is_some() {
                let kept = if value.get("dataflow").is_some() { &mut whole } else { &mut parts };
                kept.push((name.clone(), text));
            }
        }
    }
    (whole, parts)
}

#[test]
fn every_manifest_that_is_printed_applies_in_an_empty_folder() {
    let (whole, parts) = manifests();
    for needed in ["README.md", "examples/zendesk.yaml", "examples/ci/gitlab/pipelines/zendesk-users.yaml"] {
        assert!(whole.iter().any(|(name, _)| name == needed), "{needed} has no manifest");
    }
    for (name, text) in whole {
        let s = Sandbox::bare();
        let run = |arguments: &[&str]| {
            let ran = s.run(&[arguments, &["m.yaml", "--emulator"]].concat());
            assert!(ran.code == Some(0), "{name}: {ran}");
        };
        s.write("m.yaml", &text);
        run(&["apply", "--auto-approve"]);
        // No changes, which would be code 2.
        run(&["plan", "--detailed-exitcode"]);
        let value = parsed(&text);
        if value["dataset"].is_object() && value["dataset"].get("deleteData").is_none() {
            // Data is not deleted before that was said and applied.
            s.run(&["destroy", "m.yaml", "--emulator", "--auto-approve"]).exit(8).shows("deleteData").end();
            s.write("m.yaml", &text.replace("\ndataset:\n", "\ndataset:\n  deleteData: true\n"));
            run(&["apply", "--auto-approve"]);
        }
        run(&["destroy", "--auto-approve"]);
        assert_eq!(s.run(&["state", "list"]).success().stdout, "", "{name}: something is left");
    }
    // What a part of a manifest lacks are the sections that it speaks of, and nothing else.
    for (name, text) in parts {
        let s = Sandbox::bare();
        s.write("m.yaml", &text);
        let ran = s.run(&["validate", "m.yaml", "--format", "github"]);
        for line in ran.stdout.lines().filter(|line| line.starts_with("::error")) {
            assert!(line.contains("unknown-address"), "{name}: {line}");
        }
    }
}

/// The command lines of flowform in a page: what stands between backticks, and the lines of its blocks.
fn commands(page: &str) -> Vec<Vec<String>> {
    let prose: String = page.split("```").step_by(2).collect();
    let spans: Vec<String> =
        prose.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")).collect();
    let lines = page.lines().map(|line| line.split("  #").next().unwrap_or_default().to_owned());
    let indented = lines.filter(|line| line.starts_with("    ") || line.starts_with("flowform "));
    spans
        .into_iter()
        .chain(indented)
        .filter_map(|text| {
            let mut words = text.split_whitespace().map(str::to_owned);
            words.find(|word| word == "flowform" || word.ends_with("=$(flowform"))?;
            Some(words.take_while(|word| !["|", ">", "&&"].contains(&word.as_str())).collect())
        })
        .collect()
}

#[test]
fn every_flag_that_a_page_gives_to_a_command_is_known_to_it() {
    let s = Sandbox::bare();
    let mut helps = std::collections::BTreeMap::new();
    let mut tried = 0;
    for (name, page) in files(&["README.md", "docs", "examples", "state/README.md"]) {
        if !is_of_type(&name, "md") {
            continue;
        }
        for words in commands(&page) {
            let named: Vec<&str> = words
                .iter()
                .map(String::as_str)
                .take_while(|word| word.bytes().all(|b| b.is_ascii_lowercase()))
                .collect();
            let Some(first) = named.first() else { continue };
            let deep = ["state", "emulator"].contains(first) && named.len() > 1;
            let command = named[..if deep { 2 } else { 1 }].to_vec();
            let help = helps.entry(command.join(" ")).or_insert_with(|| {
                let ran = s.run(&[&command[..], &["--help"]].concat());
                (ran.code == Some(0)).then_some(ran.stdout)
            });
            // Prose may begin like a command.
            let Some(help) = help else { continue };
            for word in words.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
                let flag = word.split(['=', ',', ';', ')', '.', ':']).next().unwrap();
                let known = help.lines().any(|line| {
                    let line = line.trim_start().trim_start_matches("-o, ");
                    line.split([' ', '=']).next() == Some(flag)
                });
                assert!(known, "{name}: `flowform {}` does not know {flag}", command.join(" "));
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "commands are written otherwise: {tried}");
}

#[test]
fn the_readme_has_every_variable_of_the_environment_with_its_flag() {
    let readme = include_str!("../README.md");
    let (_, table) = readme.split_once("| variable | flag | meaning |\n").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let help = Sandbox::bare().run(&["plan", "--help"]).success().stdout;
    let mut flag = "";
    let mut found = 0;
    for line in help.lines().map(str::trim) {
        if line.starts_with("--") {
            flag = line.split(' ').next().unwrap();
        }
        if let Some(name) = line.strip_prefix("[env: ") {
            let name = name.split('=').next().unwrap();
            found += 1;
            let has = |row: &&str| row.contains(&format!("`{name}`")) && row.contains(&format!("`{flag}`"));
            assert!(table.lines().any(|row| has(&row)), "README.md does not have {name} with {flag}");
        }
    }
    assert!(found >= 10, "the help is laid out otherwise");
}

#[test]
fn what_a_page_refers_to_is_there() {
    for (name, page) in files(&["README.md", "docs", "examples", "state/README.md"]) {
        if !is_of_type(&name, "md") {
            continue;
        }
        let folder = Path::new(ROOT).join(&name);
        let folder = folder.parent().unwrap();
        let links = page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        for link in links.filter(|link| !link.starts_with("http")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { Path::new(ROOT).join(&name) } else { folder.join(path) };
            assert!(target.exists(), "{name}: {link}");
            if !anchor.is_empty() {
                let text = std::fs::read_to_string(target).unwrap();
                let mut headings = text.lines().filter_map(|line| line.strip_prefix('#'));
                let anchors =
                    |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                assert!(headings.any(|line| anchors(line) == anchor), "{name}: {link}");
            }
        }
        for word in page.split(|c: char| !(c.is_alphanumeric() || "/._-".contains(c))) {
            let is_ours =
                ["tests/", "docs/", "src/", "ci/", "state/README"].iter().any(|p| word.starts_with(p));
            if is_ours && [".rs", ".md", ".json", ".sh", ".py"].iter().any(|end| word.ends_with(end)) {
                assert!(Path::new(ROOT).join(word).exists(), "{name}: {word}");
            }
        }
    }
}

/// Whether a word is a version, as tags name them: v0, v1.2.3.
fn is_version(word: &str) -> bool {
    word.strip_prefix('v').is_some_and(|rest| {
        !rest.is_empty()
            && rest.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    })
}

#[test]
fn no_version_is_named_that_does_not_exist() {
    let ours =
        ["README.md", "docs", "examples", "action.yml", "ci", ".pre-commit-hooks.yaml", "state/README.md"];
    let mut placeholders = 0;
    for (name, text) in files(&ours) {
        for line in text.lines() {
            let wrong = || panic!("{name} names a version that does not exist: {line}");
            // Actions of others, and the manifest's own apiVersion, are what they are.
            let rest: Vec<&str> = line
                .split(|c: char| !(c.is_alphanumeric() || "@/._-".contains(c)))
                .filter(|word| !word.starts_with("actions/") && *word != "flowform/v1")
                .collect();
            for word in &rest {
                let last = word.trim_end_matches('.').rsplit(['@', '/']).next().unwrap();
                if is_version(last) && !is_of_type(&name, "json") {
                    wrong();
                }
                if let Some((action, reference)) = word.split_once('@')
                    && action.ends_with("/flowform")
                {
                    placeholders += 1;
                    assert_eq!(action, "OWNER/flowform", "{name}: {line}");
                    if reference != "COMMIT" {
                        wrong();
                    }
                }
            }
            for key in ["rev:", "FLOWFORM_VERSION:"] {
                if let Some(value) = line.trim().trim_start_matches("- ").strip_prefix(key) {
                    placeholders += 1;
                    if value.split_whitespace().next() != Some("COMMIT") {
                        wrong();
                    }
                }
            }
            if line.contains("--tag") || line.contains("releases/download") {
                wrong();
            }
        }
        // Whoever meets the placeholder is told what to put there, in the file or beside it.
        if text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == "COMMIT") {
            let mut told = text.clone();
            if let Some((example, _)) = name.split_once("/.") {
                told += &std::fs::read_to_string(Path::new(ROOT).join(example).join("README.md")).unwrap();
            }
            assert!(told.contains("full id"), "{name} does not say what COMMIT is");
        }
    }
    assert!(placeholders >= 7, "the references are written otherwise: {placeholders}");
}

#[test]
fn versions() {
    for (word, expected) in [("v0", true), ("v0.1.0", true), ("v", false), ("v1.x", false), ("vars", false)] {
        assert_eq!(is_version(word), expected, "{word}");
    }
}
