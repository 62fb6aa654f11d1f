//! Plans and reports as text for a person and as JSON for a machine. Returns strings and values; prints nothing.
//!
//! `text` is the plan on a terminal, `json` the documented machine formats, `report` what an apply says. Below them:
//! `value` (values and names in words, nothing of them dangerous to a terminal), `change` (old and new), `rows` (long
//! lists as tables), `request` (what will be sent), `page` (lines, colours, width). No kind is known by name here.

mod change;
pub mod github;
pub mod json;
mod page;
pub mod report;
mod request;
mod rows;
pub mod text;
mod value;

#[cfg(test)]
mod tests;

/// How text is rendered.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether to colour. Nothing is said by colour alone.
    pub color: bool,
    /// Columns to fit into. Only what must stay whole (a path, an id) goes beyond.
    pub width: usize,
    /// Whether to show every request of every step in full.
    pub requests: bool,
}

impl Style {
    /// For a file: no terminal says how wide.
    pub const FILE: Self = Self { color: false, width: 100, requests: false };
}
