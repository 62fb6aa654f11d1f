//! Mistakes as SARIF 2.1.0 (OASIS), for code scanning: every sort of mistake is a rule, every mistake a result.
//! Builds the document; writes nothing. What may be shown was decided before.

use std::path::{Component, Path};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::Serialize;
use serde_json::Value;

use super::diagnostic::{Diagnostic, Place, Problems};
use crate::kind::{Code, Severity};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// What files are relative to: whoever reads the document knows where the sources are.
const ROOT: &str = "%SRCROOT%";

/// What stands in a segment of a path as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    /// Columns are counted in characters.
    column_kind: &'static str,
    invocations: [Invocation; 1],
    results: Vec<Finding>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Message,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

impl Problems {
    /// As SARIF 2.1.0, for code scanning. `folder` is where the run takes place: files below it are named from there.
    /// `failure` is why the run ended before everything was looked at, if it did.
    pub fn sarif(&self, folder: &Path, failure: Option<&str>) -> Value {
        let rules = Code::ALL.iter().map(|code| Descriptor {
            id: code.name(),
            short_description: Message { text: format!("{}.", code.about()) },
        });
        let omitted = (self.omitted() > 0).then(|| Notification {
            level: "warning",
            message: Message { text: format!("{} more are not listed.", self.omitted()) },
        });
        let failed = failure.map(|why| Notification { level: "error", message: message(why) });
        let log = Log {
            schema: SCHEMA,
            version: "2.1.0",
            runs: [Run {
                tool: Tool {
                    driver: Driver {
                        name: env!("CARGO_PKG_NAME"),
                        version: env!("CARGO_PKG_VERSION"),
                        semantic_version: env!("CARGO_PKG_VERSION"),
                        rules: rules.collect(),
                    },
                },
                column_kind: "unicodeCodePoints",
                invocations: [Invocation {
                    execution_successful: failure.is_none(),
                    tool_execution_notifications: failed.into_iter().chain(omitted).collect(),
                }],
                results: self.list.iter().map(|diagnostic| finding(diagnostic, folder)).collect(),
            }],
        };
        serde_json::to_value(log).unwrap_or_default()
    }
}

fn finding(diagnostic: &Diagnostic, folder: &Path) -> Finding {
    let mut text = diagnostic.message.clone();
    if let Some(hint) = &diagnostic.hint {
        text = format!("{text}\nhelp: {hint}");
    }
    Finding {
        rule_id: diagnostic.code.name(),
        rule_index: Code::ALL.iter().position(|code| *code == diagnostic.code).unwrap_or_default(),
        level: match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        message: message(&text),
        // GitHub takes no finding without a place; what concerns no file is at the folder's beginning.
        locations: vec![
            diagnostic.place.as_ref().map_or_else(nowhere, |place| location(place, None, folder)),
        ],
        related_locations: diagnostic
            .related
            .iter()
            .map(|(place, text)| location(place, Some(message(text)), folder))
            .collect(),
    }
}

fn nowhere() -> Location {
    Location {
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation { uri: ".".to_owned(), uri_base_id: None },
            region: Region { start_line: 1, start_column: 1, end_line: 1, end_column: 1 },
        },
        message: None,
    }
}

/// A text in which nothing is a link: `[text](target)` is one also in a plain message (SARIF 2.1.0, 3.11.6).
fn message(text: &str) -> Message {
    Message { text: text.replace("](", "\\](") }
}

fn location(place: &Place, message: Option<Message>, folder: &Path) -> Location {
    Location {
        physical_location: PhysicalLocation {
            artifact_location: artifact(&place.position.file, folder),
            region: Region {
                start_line: place.position.line,
                start_column: place.position.column,
                end_line: place.end_line,
                end_column: place.end_column,
            },
        },
        message,
    }
}

/// A file as a URI: relative to the root where it is below `folder`, or named without one; absolute otherwise.
fn artifact(file: &Path, folder: &Path) -> ArtifactLocation {
    let relative = file.strip_prefix(folder).unwrap_or(file);
    let mut uri = String::new();
    let mut is_absolute = false;
    for component in relative.components() {
        let segment = match component {
            Component::CurDir => continue,
            Component::RootDir => {
                is_absolute = true;
                continue;
            }
            other => other.as_os_str().as_encoded_bytes(),
        };
        if !uri.is_empty() {
            uri.push('/');
        }
        uri.extend(percent_encode(segment, SEGMENT));
    }
    if is_absolute {
        return ArtifactLocation { uri: format!("file:///{uri}"), uri_base_id: None };
    }
    ArtifactLocation { uri, uri_base_id: Some(ROOT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_where_the_run_takes_place() {
        for (file, uri, base) in [
            ("m.yaml", "m.yaml", Some(ROOT)),
            ("./a/../m.yaml", "a/../m.yaml", Some(ROOT)),
            ("/project/a b/ü%.yaml", "a%20b/%C3%BC%25.yaml", Some(ROOT)),
            ("a:b?c#d.yaml", "a%3Ab%3Fc%23d.yaml", Some(ROOT)),
            ("/elsewhere/m.yaml", "file:///elsewhere/m.yaml", None),
        ] {
            let found = artifact(Path::new(file), Path::new("/project"));
            assert_eq!((found.uri.as_str(), found.uri_base_id), (uri, base), "{file}");
        }
    }

    #[test]
    fn a_message_holds_no_link() {
        assert_eq!(message("see [here](https://x)").text, "see [here\\](https://x)");
        assert_eq!(message("as in [pass, show]").text, "as in [pass, show]");
    }
}
