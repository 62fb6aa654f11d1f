//! flowform: plan, apply and destroy Adobe Experience Platform source pipelines from a YAML manifest.
//!
//! This page is the map. Read it, then `cli/apply.rs` (one apply on a screen), then follow the calls down.
//!
//! # Words
//!
//! A *manifest* is YAML documents; each describes a *pipeline*, whose *sections* are instances of a *kind*. An *address*
//! is `pipeline.section`. Three pictures of an object are held apart: *desired* (the manifest), *applied* (what we last
//! sent, in the *state*), *observed* (the platform). Desired against applied is *change*, observed against applied is
//! *drift*. A *plan* is *operations*, one per object, each made of *steps*; a step carries one *intent*.
//!
//! # The way of an apply
//!
//! | module | does | knows nothing of |
//! |---|---|---|
//! | [`cli`] | flags, environment, clock, terminal; exit codes (`exit.rs`) | how anything is done |
//! | [`manifest`] | YAML with positions -> sections, or every mistake at once; lines, patches | kinds by name, the platform |
//! | [`state`] | what we did; lock, log, snapshot | what the changes mean |
//! | [`observe`] | what the platform has, in few reads | what is wanted |
//! | [`plan`] | three pictures -> operations and steps; guards; what to ask before anything is sent | network, clock, files |
//! | [`export`] | what there is -> manifests that want exactly that | the network, files |
//! | [`init`] | what a source holds -> a commented manifest to begin with | the network, files |
//! | [`render`] | a plan or a report as text, as a review comment, as a page, as JSON | kinds by name, streams |
//! | [`apply`] | steps over their graph, recording each result; recovery | how a request is carried |
//! | [`explore`] | which question shows what a source holds, and what the answer says | what is made of it |
//! | [`kind`] | all that is true of one kind: fields, rules, requests, answers | everything above |
//! | [`api`] | one request out, one answer in: credentials, repetition, errors | what a request means |
//! | [`wire`], [`secret`] | requests, answers and secrets as values | everything |
//! | [`emulator`] | the platform in a box, written from its documents | everything else in this crate |
//! | `kill_point` | where tests kill a debug build; nothing in a release | everything |
//!
//! # Invariants
//!
//! - `plan`, `kind`, `explore`, `init`, `wire` and `api::retry` do no I/O and know no clock.
//! - Only `apply::step` sends a request that changes the platform; a create is sent again only after
//!   `apply::recover` has looked for what the first one made.
//! - Only `state::file` (with `state::disk` and `state::log`) writes state, and only while it holds the lock. The whole plan
//!   is recorded before its first request.
//! - No secret is in a plan, a state, a log or an error: bodies hold references and keyed fingerprints, and the value is
//!   filled in on the last step before the wire.
//! - A record of a customer, which `explore` reads, is in no log and no file; it is shown only where that is asked for.
//! - Arrows point down the table only; `tests/arrows.rs` holds this.
//!
//! # Files this program reads and writes
//!
//! | file | owner |
//! |---|---|
//! | manifests, given by path | `manifest` reads |
//! | `state/SANDBOX.json` (`state/emulator/SANDBOX.json` with `--emulator`), `.log`, `.lock`, `.backup` beside it | `state` |
//! | `state/emulator/platform.jsonl`, `.lock` beside it | `emulator` |
//! | a saved plan, given by path | `cli::plan_file` |
//! | what `-o`, `--markdown FILE` and their like name | `cli::paths` checks, `cli::files` writes |
//! | a secret's file, a credential file, a CA file, given by path | `cli` reads |

pub mod api;
pub mod apply;
pub mod cli;
pub mod emulator;
pub mod explore;
pub mod export;
pub mod init;
mod kill_point;
pub mod kind;
pub mod manifest;
pub mod observe;
pub mod plan;
pub mod render;
pub mod secret;
pub mod state;
pub mod wire;
