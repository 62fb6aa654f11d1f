//! Arrows point down only (the table in `src/lib.rs`): who may name whom.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Each module and what it may name. `*` is everything.
const ARROWS: &[(&str, &[&str])] = &[
    ("cli", &["*"]),
    ("init", &["export", "explore", "manifest", "kind", "secret"]),
    ("export", &["plan", "state", "manifest", "kind", "secret"]),
    ("render", &["plan", "apply", "explore", "manifest", "state", "kind", "secret", "wire"]),
    ("apply", &["plan", "kind", "state", "api", "observe", "wire", "secret"]),
    ("observe", &["plan", "kind", "api", "wire", "manifest", "state"]),
    ("plan", &["manifest", "state", "kind", "wire"]),
    ("manifest", &["kind", "secret"]),
    ("state", &["kind", "wire", "secret", "kill_point"]),
    ("api", &["wire", "secret", "kill_point"]),
    ("explore", &["wire"]),
    ("kind", &["wire", "secret"]),
    ("wire", &[]),
    ("secret", &[]),
    ("kill_point", &[]),
    ("emulator", &[]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

/// The part of a file that is not its tests, which may look wherever they like.
fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests {").map_or(text, |at| &text[..at])
}

/// Modules that a line names: after `crate::`, also in `use crate::{a, b::c}`.
fn named(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` and a longer word that ends so are the same thing for us; `other_crate::` is not.
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let word = |text: &str| -> String {
            text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        };
        match rest.strip_prefix('{') {
            None => names.push(word(rest)),
            Some(list) => {
                let mut depth = 0;
                let mut item = String::new();
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            names.push(word(&item));
                            item.clear();
                            continue;
                        }
                        _ => {}
                    }
                    item.push(c);
                }
                names.push(word(&item));
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn arrows_point_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = String::new();
    let mut seen = 0;
    for path in files {
        let relative = path.strip_prefix(&root).unwrap();
        let shown = relative.to_str().unwrap();
        let module = shown.split('/').next().unwrap().trim_end_matches(".rs");
        if matches!(shown, "lib.rs" | "main.rs") || shown.ends_with("tests.rs") || shown.contains("/tests/") {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == module) else {
            let _ = writeln!(wrong, "src/{shown}: the module {module} is not in the table of arrows");
            continue;
        };
        let text = std::fs::read_to_string(&path).unwrap();
        for (index, line) in without_tests(&text).lines().enumerate() {
            for name in named(line) {
                seen += 1;
                if name != module && !allowed.contains(&"*") && !allowed.contains(&name.as_str()) {
                    let _ =
                        writeln!(wrong, "src/{shown}:{}: {module} names {name}: {}", index + 1, line.trim());
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that do not point down:\n{wrong}");
    assert!(seen > 100, "the sources were not read: {seen} paths");
}

#[test]
fn a_line_tells_whom_it_names() {
    assert_eq!(named("use crate::plan::Plan;"), ["plan"]);
    assert_eq!(named("use crate::{api::{Client, Error}, kind, wire::Call};"), ["api", "kind", "wire"]);
    assert_eq!(named("    fn f(x: crate::wire::Call, y: crate::secret::Secret)"), ["wire", "secret"]);
    assert_eq!(named("// crate::plan"), [""; 0]);
}
