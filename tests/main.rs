//! The suite: the real binary over real HTTP against the emulator, as one test binary.
//!
//! `support` is the harness. Each other file holds one promise of the product; the first test here fails when one of
//! them is not listed, since it would then never run.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod support;

mod addresses;
mod answers;
mod arrows;
mod byhand;
mod campaign;
mod ci;
mod ci_options;
mod cli;
mod clock;
mod cookbook;
#[cfg(debug_assertions)]
mod crash;
mod credentials;
mod datasets;
mod documents;
mod dropped;
mod durability;
mod exact;
mod existing;
mod explore;
mod failures;
mod faults;
mod files;
mod formats;
mod fuzz;
mod guarded;
mod guards;
mod hostile;
mod init;
mod kinds;
mod lines;
mod pipes;
mod places;
mod plan_props;
mod preflight;
mod races;
mod readings;
mod renames;
mod requests;
mod review;
mod runs;
mod schemas;
mod secrets;
mod session;
mod table;
mod terminal;
mod terraform;
mod tutorial;
mod under_way;
mod words;

#[test]
fn every_file_is_listed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let listed: Vec<&str> = include_str!("main.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") {
            assert!(listed.contains(&module), "tests/{name} is not listed in tests/main.rs");
        }
    }
}
