//! `flowform export`: manifests of what a sandbox has. Only reads from the platform; writes over no file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::exit::{Failure, Status};
use super::files::{self, Readers};
use super::output::Output;
use super::paths::{Over, Paths, STDIN};
use super::progress;
use super::session::Session;
use super::settings::PlatformArguments;
use crate::export::{self, Exported, Found, Id};
use crate::kind::{Address, Kind};
use crate::observe::{self, Wanted};
use crate::secret::Redactor;
use crate::state::model::State;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only this dataflow and what it refers to; may be repeated [default: all]
    #[arg(long = "flow", value_name = "ID")]
    flows: Vec<String>,

    /// A new file for all pipelines, or a folder (one that is there, or ending in `/`) for a file each; `-` is stdout [default: stdout]
    #[arg(long = "out", short = 'o', value_name = "PATH")]
    out: Option<PathBuf>,

    #[command(flatten)]
    platform: PlatformArguments,
}

pub(crate) async fn run(
    arguments: Arguments,
    output: &Output,
    redactor: &Redactor,
) -> Result<Status, Failure> {
    let out = arguments.out.as_deref().filter(|path| *path != Path::new(STDIN));
    let mut paths = Paths::default();
    if let Some(path) = out.filter(|path| !is_folder(path)) {
        refuse_taken(path)?;
        paths.write("-o", path, Over::Report);
    }
    let session = Session::open_beside(paths, &arguments.platform, None, redactor, output).await?;
    session.until_free(output).await?;
    let state = session.read_state()?;
    let spinner = progress::spinner(output, "Reading the platform");
    let look = look(&session, &arguments.flows, state.as_ref(), output);
    let (found, managed) = session.interrupt.unless_interrupted(look).await??;
    drop(spinner);
    session.still_stands(state.as_ref(), output).await?;
    let exported = export::export(&found, &session.place);
    for (flow, why) in &exported.left_out {
        output.note(&format!("the dataflow {flow} is left out: {why}"));
    }
    for note in &exported.notes {
        output.note(note);
    }
    if exported.pipelines.is_empty() {
        let place = &session.place;
        output.note(&match (managed, arguments.flows.is_empty()) {
            (0, _) => format!("the sandbox {} of {} has no dataflow to write down", place.sandbox, place.org),
            (n, true) if exported.left_out.is_empty() => format!(
                "there is nothing to write down: the state {} manages every dataflow of the sandbox {} ({n})",
                session.file.path().display(),
                place.sandbox
            ),
            (n, _) => format!("there is nothing to write down: {n} of the dataflows are managed already"),
        });
        session.close().await;
        return Ok(Status::Success);
    }
    session.close().await;
    match out {
        None => output.data(&whole(&exported)),
        Some(path) => {
            for path in write(path, &exported)? {
                output.note(&format!("written: {}", path.display()));
            }
            let path = path.display();
            output.note(&format!(
                "`flowform plan {path}` shows what is taken over; `flowform apply {path}` does it"
            ));
        }
    }
    Ok(Status::Success)
}

/// Reads the flows, and from them on whatever is referred to; and tells how many flows are left out because they are
/// managed.
async fn look(
    session: &Session,
    flows: &[String],
    state: Option<&State>,
    output: &Output,
) -> Result<(Found, usize), Failure> {
    let client = &session.client;
    let mut found = Found::default();
    let entries = state.into_iter().flat_map(|state| &state.entries);
    found.managed = entries.map(|(address, entry)| (address.kind, entry.id.clone())).collect();
    let mut seen = Vec::new();
    if flows.is_empty() {
        seen = observe::all(client, Kind::Dataflow).await?;
        seen.retain(|flow| !flow.is_going());
        seen.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    }
    for id in flows {
        let usable =
            crate::kind::usable_id(id).ok_or_else(|| Failure::usage(format!("`{id}` is not an id")))?;
        let flow = observe::read_one(client, Kind::Dataflow, &usable, None).await?;
        seen.push(flow.ok_or_else(|| {
            Failure::new(
                Status::Error,
                format!("the sandbox has no dataflow {id}, or none that is visible to this credential"),
            )
            .hint("without --flow, every dataflow is exported")
        })?);
    }
    let mut managed = 0;
    for flow in seen {
        if found.managed.contains(&(Kind::Dataflow, flow.id.clone())) {
            managed += 1;
            output.note(&format!("the dataflow {} is left out: it is managed already", flow.id));
        } else if !found.flows.contains(&flow.id) {
            found.flows.push(flow.id.clone());
            found.objects.insert((Kind::Dataflow, flow.id.clone()), flow);
        }
    }
    let mut open: BTreeSet<Id> = parents_of(&found, &found.objects.keys().cloned().collect());
    while !open.is_empty() {
        // Addresses only tell the answers apart here.
        let address = |(kind, id): &Id| Address::new(id, *kind);
        let managed = open.iter().map(|id| (address(id), id.1.clone(), None)).collect();
        let wanted = Wanted { managed, ..Wanted::default() };
        let mut observed = observe::observe(client, wanted).await?.managed;
        let mut new = BTreeSet::new();
        for id in open {
            if let Some(object) = observed.remove(&address(&id)).filter(|o| !o.is_going()) {
                secrets(session, &mut found, &id, &object).await?;
                found.objects.insert(id.clone(), object);
                new.insert(id);
            }
        }
        open = parents_of(&found, &new);
    }
    Ok((found, managed))
}

/// What these objects refer to and was not read yet.
fn parents_of(found: &Found, of: &BTreeSet<Id>) -> BTreeSet<Id> {
    let objects = of.iter().filter_map(|id| Some((id.0, found.objects.get(id)?)));
    objects
        .flat_map(|(kind, object)| export::parents(kind, &object.body))
        .filter(|id| !found.objects.contains_key(id) && !found.managed.contains(id))
        .collect()
}

/// Finds out which secrets an object has.
async fn secrets(
    session: &Session,
    found: &mut Found,
    id: &Id,
    object: &crate::kind::Observed,
) -> Result<(), Failure> {
    let spec = id.0.spec();
    let Some(call) = spec.secrets_told_by(&object.body) else { return Ok(()) };
    let remote = observe::read_raw(&session.client, id.0, &spec.read(&id.1, None)).await?;
    let told = observe::read_raw(&session.client, id.0, &call).await?;
    let pointers = spec.secrets(&remote.unwrap_or(Value::Null), &told.unwrap_or(Value::Null));
    found.secrets.insert(id.clone(), pointers);
    Ok(())
}

fn whole(exported: &Exported) -> String {
    exported.pipelines.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("---\n")
}

/// What is there is never written over.
fn refuse_taken(path: &Path) -> Result<(), Failure> {
    if path.is_file() || path.is_symlink() {
        return Err(Failure::usage(format!("{} is there already; nothing was written", path.display()))
            .hint("name another file or folder with -o"));
    }
    Ok(())
}

fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().to_string_lossy().ends_with(['/', '\\'])
}

/// Writes the pipelines to a file, or each to one of its own in a folder; over nothing that is there.
fn write(path: &Path, exported: &Exported) -> Result<Vec<PathBuf>, Failure> {
    let files: Vec<(PathBuf, String)> = if is_folder(path) {
        std::fs::create_dir_all(path).map_err(|error| {
            Failure::new(Status::Error, format!("the folder {} cannot be made: {error}", path.display()))
        })?;
        let file = |name: &str| path.join(format!("{name}.yaml"));
        exported.pipelines.iter().map(|(name, text)| (file(name), text.clone())).collect()
    } else {
        vec![(path.to_owned(), whole(exported))]
    };
    files.iter().try_for_each(|(path, _)| refuse_taken(path))?;
    for (path, text) in &files {
        files::write("the manifest", path, text, Readers::Others)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}
