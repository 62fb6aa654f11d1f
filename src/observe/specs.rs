//! Connection specs and flow specs, one by its id or page after page. What is in them is for others to say.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Error, Looker, continuation, is_about_sandbox};
use crate::api::{Client, Problem};
use crate::kind::Specs;

/// More pages than these are not looked through: they make more sources than any platform has.
const MOST_PAGES: usize = 50;

/// One spec; `None` when there is none to be seen.
pub(crate) async fn read(client: &Client, specs: Specs, id: &str) -> Result<Option<Value>, Error> {
    let looker = Looker { client: client.clone(), kind: specs.kind() };
    let reply = looker.send(&specs.read(id)).await?;
    if reply.status == 404 && !is_about_sandbox(&Problem::of(&reply)) {
        return Ok(None);
    }
    looker.accepted(reply).map(|reply| Specs::told(&reply.body).cloned())
}

/// What `choose` makes of the first spec in the list that it takes. With a name, the platform is asked for those that bear
/// it, which it may not heed.
pub(crate) async fn find<T>(
    client: &Client,
    specs: Specs,
    name: Option<&str>,
    mut choose: impl FnMut(&Value) -> Option<T>,
) -> Result<Option<T>, Error> {
    let looker = Looker { client: client.clone(), kind: specs.kind() };
    let mut token: Option<String> = None;
    let mut seen_tokens = BTreeSet::new();
    for _ in 0..MOST_PAGES {
        let reply = looker.success(&specs.list(name, token.as_deref())).await?;
        let items = reply.body.get("items").and_then(Value::as_array);
        let items = items.ok_or_else(|| looker.undecodable("a list without `items`"))?;
        if let Some(chosen) = items.iter().find_map(&mut choose) {
            return Ok(Some(chosen));
        }
        token = reply.body.pointer("/_links/next/href").and_then(Value::as_str).and_then(continuation);
        match &token {
            None => return Ok(None),
            Some(next) if !seen_tokens.insert(next.clone()) => {
                return Err(looker.undecodable("a list whose pages go round in a circle"));
            }
            Some(_) => {}
        }
    }
    Err(looker.undecodable("a list without an end"))
}
