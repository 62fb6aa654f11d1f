//! The documents leave things open; whichever way the platform goes, the same session works.

use flowform::emulator::SWITCHES;

use crate::support::{Sandbox, Text, pipeline};

/// How a reading changes what is left at the end.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// Nothing is left.
    Clean,
    /// The platform keeps mapping sets; they are no longer managed.
    MappingsStay,
}
use End::{Clean, MappingsStay};

/// One line per reading that is not the default.
const READINGS: &[(&str, End)] = &[
    ("latency=1", Clean),
    ("token-lifetime=1", Clean),
    ("client-secret=cl1ent-s3cret-value", Clean),
    ("accept-token=anything", Clean),
    ("org=0123456789ABCDEF01234567@AdobeOrg", Clean),
    ("sandbox-header=prod", Clean),
    ("secret-echo=clear", Clean),
    ("secret-echo=absent", Clean),
    ("schedule-values=number", Clean),
    ("schedule-values=sent", Clean),
    ("backfill-default=absent", Clean),
    ("patch-answer=wrapped", Clean),
    ("patch-status=202", Clean),
    ("etag-header=present", Clean),
    ("list-lag=2", Clean),
    ("last-operation=silent", Clean),
    ("last-operation=failed", Clean),
    ("last-operation=in-progress", Clean),
    ("default-limit=1", Clean),
    ("max-limit=1", Clean),
    ("delete-base-with-sources=refused", Clean),
    ("delete-used-connection=allowed", Clean),
    ("connection-specs=equal", Clean),
    ("draft-mode=refused", Clean),
    ("past-start=allowed", Clean),
    ("spec-read=refused", Clean),
    ("transformation-specs=singular", Clean),
    ("connection-test=error", Clean),
    ("explore-root=results", Clean),
    ("explore-file=columns", Clean),
    ("default-mapping-version=zero", Clean),
    ("mapping-delete=200", Clean),
    ("mapping-delete=405", MappingsStay),
    ("mapping-delete=404", MappingsStay),
    ("mapping-delete=400-in-use", Clean),
    ("mapping-validate=405", Clean),
    ("mapping-validate=404", Clean),
    ("mapping-list-start=optional", Clean),
    ("page-count=real", Clean),
    ("mapping-order=reversed", Clean),
    ("extra-fields=off", Clean),
    ("clock-offset=60", Clean),
    ("clock-offset=-3600", Clean),
    ("run-outcome=failed", Clean),
    ("sandbox-lookup=refused", Clean),
];

/// Readings with tests of their own below, or in `preflight`.
const APART: &[&str] = &[
    "connection-patch",
    "delete-if-match",
    "delete-finalizing",
    "settle",
    "connection-test",
    "sandbox-state",
];

/// Create, edit every kind, replace, destroy; after each step there is nothing left to do.
fn session(switches: &[&str], end: End) {
    let s = Sandbox::behaving(switches);
    let manifest = pipeline("users");
    let updated = update(&manifest);
    let steps = [
        ("create", manifest),
        ("update", updated.clone()),
        ("replace", updated.edit("params: {}", "params: { page: 2 }")),
        ("disable", updated.edit("interval: 30 }", "interval: 30 }\n  enabled: false")),
    ];
    for (what, manifest) in steps {
        s.manifest(&manifest);
        s.converge(&[]);
        s.state_is_the_platform();
        assert_eq!(s.contents().counts(), [1; 5], "{switches:?}: {what}");
    }
    s.destroy(&[]).success().end();
    let left = [0, 0, 0, usize::from(end == MappingsStay), 0];
    assert_eq!(s.contents().counts(), left, "{switches:?}");
    assert!(s.managed().is_empty(), "{switches:?}");
}

fn update(manifest: &Text) -> Text {
    manifest
        .edit("where the users are", "elsewhere")
        .edit("what is read", "what was read")
        .edit("what is written", "what was written")
        .edit("source: result.email", "source: result.mail")
        .edit("interval: 15", "interval: 30")
}

#[test]
fn each_reading() {
    let failed: Vec<String> = READINGS
        .iter()
        .filter(|(switch, end)| std::panic::catch_unwind(|| session(&[switch], *end)).is_err())
        .map(|(switch, _)| (*switch).to_owned())
        .collect();
    assert!(failed.is_empty(), "the session does not work under {failed:?}");
}

#[test]
fn deletes_that_are_conditional() {
    session(&["delete-if-match=required"], Clean);
}

#[test]
fn deletes_that_take_their_time() {
    session(&["delete-finalizing=2"], Clean);
    session(&["delete-finalizing=4"], Clean);
}

#[test]
fn changes_that_take_their_time() {
    session(&["settle=1"], Clean);
    session(&["settle=3"], Clean);
}

#[test]
fn all_that_can_be_slow_and_terse_at_once() {
    session(
        &[
            "secret-echo=absent",
            "schedule-values=string",
            "patch-answer=short",
            "patch-status=202",
            "delete-finalizing=2",
            "list-lag=2",
            "settle=2",
            "max-limit=1",
            "default-mapping-version=zero",
            "mapping-order=reversed",
        ],
        Clean,
    );
}

#[test]
fn a_platform_that_takes_no_patch_of_connections_says_so() {
    let s = Sandbox::behaving(&["connection-patch=refused"]);
    let manifest = pipeline("users");
    s.manifest(&manifest);
    s.converge(&[]);
    s.manifest(&manifest.edit("where the users are", "elsewhere"));
    s.apply(&[]).exit(1).shows("FLOW-1445-400").end();
    s.manifest(&manifest);
    assert!(s.plan(&[]).is_empty());
    s.destroy(&[]).success().end();
    assert_eq!(s.contents().counts(), [0; 5]);
}

#[test]
fn every_switch_has_a_reading_here() {
    for switch in SWITCHES {
        let here = READINGS.iter().any(|(reading, _)| reading.split('=').next() == Some(switch.name));
        assert!(here || APART.contains(&switch.name), "no reading of {} is tested", switch.name);
    }
}
