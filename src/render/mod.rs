//! Plans and reports as text for a person, as a comment or a page for a review, and as JSON for a
//! machine. Returns strings and values; prints nothing.
//!
//! `view` is a plan in words, without a format: what every page-like format is written from. It is made of `value` (values
//! and names in words, nothing of them dangerous to a terminal), `members` (long lists, by what changes), `difference` (what
//! of two long values differs) and `request` (what will be sent); `graph` is what waits for what.
//!
//! `text` is the plan on a terminal, laid out by `change` (old and new), `rows` (lists as tables) and `page` (lines, colours,
//! width); `markdown` the comment of a pull request; `github` its annotations; `html` the page of a CI artifact; `gitlab` the
//! counts of GitLab's widget; `json` the documented machine formats, `terraform` a plan in Terraform's form; `report` what an
//! apply says; `runs` what runs on schedule, and `explore` what a source holds, both with `table`. No kind is known by name here.

mod alike;
mod change;
mod difference;
pub mod explore;
pub mod github;
pub mod gitlab;
mod graph;
pub mod html;
pub mod json;
pub mod markdown;
mod members;
mod page;
pub mod report;
mod request;
mod rows;
pub mod runs;
mod table;
pub mod terraform;
pub mod text;
mod value;
mod view;

#[cfg(test)]
mod tests;

/// How text is rendered.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether to colour. Nothing is said by colour alone.
    pub color: bool,
    /// Columns to fit into. Only what must stay whole (a path, an id) goes beyond.
    pub width: usize,
    /// Whether tables keep all their columns, however wide they are: what is on no terminal is not cut to one.
    pub whole: bool,
    /// Whether to show every request of every step in full.
    pub requests: bool,
}

impl Style {
    /// For a file: no terminal says how wide.
    pub const FILE: Self = Self { color: false, width: 100, whole: true, requests: false };
}
