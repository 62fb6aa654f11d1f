//! The way from a body back to the section that it comes from, as far as that is the same for all kinds.
//! Which field comes from which key is the kinds' own ([`super::Spec::written`]).

use serde_json::Value;

use super::section;

/// One step from a value of a section into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// To the member of this name.
    Key(String),
    /// To the item of a list whose member `by` is `is`.
    Item {
        /// The member that tells the items apart.
        by: &'static str,
        /// Its text.
        is: String,
    },
    /// To the item of a list that is this text.
    Text(String),
}

/// A way from a section to a value in it.
pub type Route = Vec<Turn>;

/// The names in a JSON Pointer.
pub(super) fn names(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(section::unescape).collect()
}

/// A way by members alone.
pub(super) fn keys(names: impl IntoIterator<Item = impl Into<String>>) -> Route {
    names.into_iter().map(|name| Turn::Key(name.into())).collect()
}

/// Where a way leads in a section; `None` where the section ends before.
pub fn follow<'v>(route: &[Turn], section: &'v Value) -> Option<&'v Value> {
    route.iter().try_fold(section, |value, turn| match turn {
        Turn::Key(name) => value.get(name),
        Turn::Item { by, is } => {
            let is_meant = |item: &&Value| item.get(by).and_then(Value::as_str) == Some(is);
            value.as_array()?.iter().find(is_meant)
        }
        Turn::Text(is) => value.as_array()?.iter().find(|item| item.as_str() == Some(is)),
    })
}
