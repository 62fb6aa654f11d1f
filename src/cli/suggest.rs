//! `flowform plan --suggest`: drift as a patch of the manifest on stdout, and on stderr what no patch can say.

use super::output::Output;
use super::settings::ManifestArguments;
use crate::kind::{Leaf, visit_leaves};
use crate::manifest::{self, Manifest, Place, Suggestion, Wish};
use crate::plan::{Cause, Drift, FieldChange, Plan, echoes, respelled};

/// Prints the patch that makes the manifest say what the platform has where it has drifted.
pub(crate) fn show(plan: &Plan, manifest: &Manifest, arguments: &ManifestArguments, output: &Output) {
    let mut wishes = Vec::new();
    for drift in &plan.drift {
        if drift.gone {
            gone(drift, manifest, output);
        }
        for field in drift.fields.iter().filter(|f| matches!(f.cause, Cause::Platform | Cause::Both)) {
            if is_secret(field) {
                let place = manifest.lines.place(&drift.address, Some(&field.path));
                left(place.as_ref(), drift, &field.path, "it is secret", output);
                continue;
            }
            wishes.push(Wish {
                address: drift.address.clone(),
                pointer: field.path.clone(),
                value: field.observed.as_ref().map(|seen| respelled(field.applied.as_ref(), seen)),
            });
        }
    }
    if plan.drift.is_empty() {
        output.note("nothing has drifted, so there is nothing to suggest");
    }
    if wishes.is_empty() {
        return;
    }
    // Where the folder cannot be told, files that are named from it are below it all the same.
    let folder = std::env::current_dir().unwrap_or_default();
    let Suggestion { patch, left: rest } =
        manifest::suggest(manifest, &arguments.inputs(), &folder, &wishes, &echoes);
    output.data(&patch);
    for field in &rest {
        let drift = plan.drift.iter().find(|drift| drift.address == field.address);
        if let Some(drift) = drift {
            left(field.place.as_ref(), drift, &field.pointer, &field.why, output);
        }
    }
    if !patch.is_empty() {
        output.note("`git apply` or `patch -p1` in this folder takes the patch; then plan again");
    }
}

fn gone(drift: &Drift, manifest: &Manifest, output: &Output) {
    let place = manifest.lines.place(&drift.address, None);
    let (at, address, id) = (location(place.as_ref()), &drift.address, &drift.id);
    output.note(&format!(
        "{at}{address}: {id} is gone from the platform, or not visible to this credential; remove the section if it \
         shall stay gone"
    ));
}

fn left(place: Option<&Place>, drift: &Drift, pointer: &str, why: &str, output: &Output) {
    output.note(&format!("{}{} {pointer} is not in the patch: {why}", location(place), drift.address));
}

/// `FILE:LINE:COLUMN: `, where there is one.
fn location(place: Option<&Place>) -> String {
    place.map_or_else(String::new, |place| {
        let position = &place.position;
        format!("{}:{}:{}: ", position.file.display(), position.line, position.column)
    })
}

/// Whether any picture of a field holds a secret.
fn is_secret(field: &FieldChange) -> bool {
    let mut found = false;
    for value in [&field.observed, &field.desired, &field.applied].into_iter().flatten() {
        visit_leaves(value, &mut |leaf| found |= matches!(leaf, Leaf::Secret { .. }));
    }
    found
}
