//! What README, docs and examples print is true: each whole manifest applies as it stands, in an empty folder, and no version is
//! named that does not exist.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Sandbox;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Every file of these files and folders of the repository, by its path in it.
fn files(names: &[&str]) -> Vec<(String, String)> {
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

/// The blocks of YAML in a page.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in page.lines() {
        match &mut block {
            None if ["```yaml", "```yml"].contains(&line.trim()) => block = Some(String::new()),
            None => {}
            Some(_) if line.trim() == "```" => blocks.extend(block.take()),
            Some(block) => *block += &format!("{line}\n"),
        }
    }
    blocks
}

fn parsed(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Whole manifests, by where they are; the blocks of a page that are a part of one.
fn manifests() -> (Vec<(String, String)>, Vec<(String, String)>) {
    let (mut whole, mut parts) = (Vec::new(), Vec::new());
    for (name, text) in files(&["README.md", "docs", "examples"]) {
        let texts = if name.ends_with(".md") {
            blocks(&text)
        } else if name.ends_with(".yaml") && !name.contains("/.") {
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
                if is_version(last) && !name.ends_with(".json") {
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
