//! Gets the values that secret references stand for, as late as possible. The values go nowhere but into [`Secret`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use super::environment;
use crate::kind::{Leaf, SecretSource, visit_leaves};
use crate::manifest::Manifest;
use crate::plan::Plan;
use crate::secret::{Redactor, Secret};

/// A command that does not say its secret within this time is given up.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// Larger files are no secrets.
const FILE_LIMIT: u64 = 1024 * 1024;

/// The secrets of a run: those that could be had, and why the others could not.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub values: BTreeMap<SecretSource, Secret>,
    pub missing: BTreeMap<SecretSource, String>,
}

/// Every secret that the manifest refers to.
pub(crate) fn of_manifest(manifest: &Manifest) -> BTreeSet<SecretSource> {
    let mut sources = BTreeSet::new();
    for section in &manifest.sections {
        visit_leaves(&section.body, &mut |leaf| collect(leaf, &mut sources));
    }
    sources
}

/// Every secret that a plan's requests will hold, with the fingerprint it was planned with.
pub(crate) fn of_plan(plan: &Plan) -> BTreeMap<SecretSource, Option<String>> {
    let mut sources = BTreeMap::new();
    for step in plan.steps() {
        for call in step.address.kind.spec().calls(&step.intent) {
            if let Some(body) = &call.body {
                visit_leaves(body, &mut |leaf| {
                    if let Leaf::Secret { source: Some(source), fingerprint } = leaf {
                        sources.insert(source.clone(), fingerprint.clone());
                    }
                });
            }
        }
    }
    sources
}

fn collect(leaf: &Leaf, sources: &mut BTreeSet<SecretSource>) {
    if let Leaf::Secret { source: Some(source), .. } = leaf {
        sources.insert(source.clone());
    }
}

/// Gets them. With `stand_in`, an unset environment variable is stood in for (the emulator takes any value).
pub(crate) async fn resolve(
    sources: impl IntoIterator<Item = SecretSource>,
    redactor: &Redactor,
    stand_in: bool,
) -> (Resolved, Vec<String>) {
    let mut resolved = Resolved::default();
    let mut stood_in = Vec::new();
    for source in sources {
        let value = match &source {
            SecretSource::FromEnv(name) => match environment(name) {
                Some(value) if !value.is_empty() => Ok(value),
                _ if stand_in => {
                    stood_in.push(name.clone());
                    Ok(format!("stand-in-for-{name}"))
                }
                Some(_) => Err(format!("the environment variable {name} is empty")),
                None => Err(format!("the environment variable {name} is not set")),
            },
            SecretSource::FromFile(path) => from_file(Path::new(path)),
            SecretSource::FromCommand(command) => from_command(command).await,
        };
        match value.map(Secret::new) {
            Ok(secret) => {
                redactor.register(&secret);
                resolved.values.insert(source, secret);
            }
            Err(why) => {
                resolved.missing.insert(source, why);
            }
        }
    }
    (resolved, stood_in)
}

fn from_file(path: &Path) -> Result<String, String> {
    let failed = |why: &dyn std::fmt::Display| format!("the file {} cannot be read: {why}", path.display());
    let metadata = std::fs::metadata(path).map_err(|e| failed(&e))?;
    if metadata.len() > FILE_LIMIT {
        return Err(format!("the file {} is too large for a secret", path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(|e| failed(&e.kind()))?;
    without_line_break(text).ok_or_else(|| format!("the file {} is empty", path.display()))
}

/// Runs a program without a shell. What it prints on stderr goes to ours: it may ask the person something.
async fn from_command(command: &[String]) -> Result<String, String> {
    let Some((program, arguments)) = command.split_first() else {
        return Err("the command is empty".to_owned());
    };
    let (program, arguments) = (program.clone(), arguments.to_vec());
    let shown = program.clone();
    let run = tokio::task::spawn_blocking(move || {
        std::process::Command::new(program)
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .stderr(std::process::Stdio::inherit())
            .output()
    });
    let output = match tokio::time::timeout(COMMAND_LIMIT, run).await {
        Err(_) => return Err(format!("the command {shown} took longer than {} s", COMMAND_LIMIT.as_secs())),
        Ok(Err(_)) => return Err(format!("the command {shown} could not be run")),
        Ok(Ok(Err(error))) => return Err(format!("the command {shown} could not be run: {error}")),
        Ok(Ok(Ok(output))) => output,
    };
    if !output.status.success() {
        return Err(format!("the command {shown} failed ({})", output.status));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| format!("what {shown} printed is not UTF-8"))?;
    without_line_break(text).ok_or_else(|| format!("the command {shown} printed nothing"))
}

/// The text without its last line break; nothing if nothing is left.
fn without_line_break(mut text: String) -> Option<String> {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    (!text.is_empty()).then_some(text)
}
