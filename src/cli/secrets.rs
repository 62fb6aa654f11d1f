//! Gets the values that secret references stand for, as late as possible. The values go nowhere but into [`Secret`].

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use super::{command, environment, is_garbled_variable};
use crate::kind::{Intent, Leaf, SecretSource, visit_leaves};
use crate::manifest::Manifest;
use crate::plan::Plan;
use crate::secret::{Redactor, Secret};

/// Longer texts are no secrets.
const LIMIT: u64 = 1024 * 1024;

/// The secrets of a run: those that could be had, and why the others could not.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub values: BTreeMap<SecretSource, Secret>,
    pub missing: BTreeMap<SecretSource, String>,
    /// What a person should know of how they were had.
    pub notes: Vec<String>,
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

/// Gets them; a file or a command may take so much time. With `stand_in`, an unset environment variable is stood in for
/// (the emulator takes any value).
pub(crate) async fn resolve(
    sources: impl IntoIterator<Item = SecretSource>,
    redactor: &Redactor,
    limit: Duration,
    stand_in: bool,
) -> Resolved {
    let mut resolved = Resolved::default();
    for source in sources {
        let value = match &source {
            SecretSource::FromEnv(name) => match environment(name).and_then(Secret::of_text) {
                Some(secret) => Ok(secret),
                None if is_garbled_variable(name) => {
                    Err(format!("the environment variable {name} is not UTF-8"))
                }
                None if stand_in => {
                    resolved
                        .notes
                        .push(format!("{name} is not set; the emulator takes a made-up value in its place"));
                    Ok(Secret::new(format!("stand-in-for-{name}")))
                }
                None => Err(format!("the environment variable {name} is not set, or is empty")),
            },
            SecretSource::FromFile(path) => from_file(path, limit).await,
            SecretSource::FromCommand(words) => {
                let ran = command::run(words, limit, redactor).await;
                if !ran.said.is_empty() {
                    let program = words.first().map(String::as_str).unwrap_or_default();
                    resolved.notes.push(format!("the command {program} says: {}", ran.said));
                }
                let nothing = || format!("the command {} printed nothing", words.join(" "));
                ran.text.and_then(|text| Secret::of_text(text).ok_or_else(nothing))
            }
        };
        let value = value.and_then(|secret| {
            let is_text = !secret.expose().contains('\0');
            is_text.then_some(secret).ok_or_else(|| format!("the secret {source} holds a NUL character"))
        });
        match value {
            Ok(secret) => {
                redactor.register(&secret);
                resolved.values.insert(source, secret);
            }
            Err(why) => {
                // Of a variable that is not set a plan speaks itself: where it is made, there may be none.
                if !matches!(source, SecretSource::FromEnv(_)) {
                    resolved.notes.push(why.clone());
                }
                resolved.missing.insert(source, why);
            }
        }
    }
    resolved
}

/// The path of a secret's file, `~` being the person's own folder; `None` where nobody says which that is.
pub(crate) fn at_home(path: &str) -> Option<PathBuf> {
    match path.strip_prefix('~') {
        None => Some(PathBuf::from(path)),
        Some(rest) => Some(PathBuf::from(environment("HOME")?).join(rest.trim_start_matches('/'))),
    }
}

/// What a file holds. It may be a pipe that nobody ever writes to.
async fn from_file(path: &str, limit: Duration) -> Result<Secret, String> {
    let failed = |why: &dyn std::fmt::Display| format!("the file {path} cannot be read: {why}");
    let Some(whole) = at_home(path) else {
        return Err(failed(&"HOME is not set, so `~` means nothing"));
    };
    let read = tokio::task::spawn_blocking(move || std::fs::File::open(whole).and_then(bounded));
    match tokio::time::timeout(limit, read).await {
        Err(_) => Err(failed(&format!("it took longer than {} s (--command-timeout)", limit.as_secs_f64()))),
        Ok(Err(error)) => Err(failed(&error)),
        Ok(Ok(Err(error))) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(failed(&"there is no such file; a relative path begins at the manifest's folder"))
        }
        Ok(Ok(Err(error))) => Err(failed(&error)),
        Ok(Ok(Ok(text))) => Secret::of_text(text).ok_or_else(|| format!("the file {path} is empty")),
    }
}

/// At most so much as a secret can be.
fn bounded(from: impl Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    from.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(std::io::Error::other("it is too large for a secret"));
    }
    String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not UTF-8"))
}
