//! Gets the values that secret references stand for, as late as possible. The values go nowhere but into [`Secret`].

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::environment;
use crate::kind::{Intent, Leaf, SecretSource, visit_leaves};
use crate::manifest::Manifest;
use crate::plan::Plan;
use crate::secret::{Redactor, Secret};

/// A command that does not say its secret within this time is given up.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// Longer texts are no secrets.
const LIMIT: u64 = 1024 * 1024;

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

/// Every secret that a plan takes an object's own one for: it is not sent, and remembered by its fingerprint if it can be had.
pub(crate) fn kept_by_plan(plan: &Plan) -> BTreeSet<SecretSource> {
    let mut sources = BTreeSet::new();
    for step in plan.steps() {
        if let Intent::Adopt { body, keeps_secrets: true, .. } = &step.intent {
            visit_leaves(body, &mut |leaf| collect(leaf, &mut sources));
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
            SecretSource::FromEnv(name) => match environment(name).and_then(Secret::of_text) {
                Some(secret) => Ok(secret),
                None if stand_in => {
                    stood_in.push(name.clone());
                    Ok(Secret::new(format!("stand-in-for-{name}")))
                }
                None => Err(format!("the environment variable {name} is not set, or is empty")),
            },
            SecretSource::FromFile(path) => from_file(Path::new(path)),
            SecretSource::FromCommand(command) => from_command(command).await,
        };
        match value {
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

fn from_file(path: &Path) -> Result<Secret, String> {
    let shown = path.display();
    let file = std::fs::File::open(path).map_err(|e| format!("the file {shown} cannot be read: {e}"))?;
    let text = bounded(file).map_err(|e| format!("the file {shown} cannot be read: {e}"))?;
    Secret::of_text(text).ok_or_else(|| format!("the file {shown} is empty"))
}

/// At most so much as a secret can be.
fn bounded(from: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    from.take(LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LIMIT {
        return Err(std::io::Error::other("it is too large for a secret"));
    }
    Ok(text)
}

/// Runs a program without a shell. What it prints on stderr goes to ours: it may ask the person something.
async fn from_command(command: &[String]) -> Result<Secret, String> {
    let Some((program, arguments)) = command.split_first() else {
        return Err("the command is empty".to_owned());
    };
    let failed = |why: &dyn std::fmt::Display| format!("the command {program} failed: {why}");
    let mut child = std::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|e| format!("the command {program} cannot be run: {e}"))?;
    let stdout = child.stdout.take();
    let read = tokio::task::spawn_blocking(move || stdout.map(bounded));
    let read = tokio::time::timeout(COMMAND_LIMIT, read).await;
    if !matches!(&read, Ok(Ok(Some(Ok(_))))) {
        // Whatever it is doing, it is not going to say its secret.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|e| failed(&e))?;
    let text = match read {
        Err(_) => return Err(failed(&format!("it took longer than {} s", COMMAND_LIMIT.as_secs()))),
        Ok(Ok(Some(Ok(text)))) => text,
        Ok(Ok(Some(Err(error)))) => return Err(failed(&error)),
        Ok(Ok(None) | Err(_)) => return Err(failed(&"its output could not be read")),
    };
    if !status.success() {
        return Err(failed(&status));
    }
    Secret::of_text(text).ok_or_else(|| failed(&"it printed nothing"))
}
