//! Every format over one set of cases ([`cases`]), a file for each format.

pub(crate) mod cases;
mod github;
mod gitlab;
mod html;
mod json;
mod markdown;
mod terraform;
mod text;

use crate::plan::Plan;

/// Holds every case in one format against `snapshots/FORMAT/CASE.snap`.
pub(crate) fn snapshots(format: &str, render: impl Fn(&Plan) -> String) {
    insta::with_settings!({
        snapshot_path => format!("snapshots/{format}"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        for case in cases::all() {
            insta::assert_snapshot!(case.name, render(&case.plan));
        }
    });
}
