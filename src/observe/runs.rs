//! The runs of objects that run, newest first: many objects per request, as many pages as are asked for. Nothing but
//! reads. A run is seen, never kept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio::task::JoinSet;

use super::{Error, IDS_PER_REQUEST, Looker, MOST_PAGES, PAGE, continuation};
use crate::api::Client;
use crate::kind::{Kind, Run, run};

/// Runs, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runs {
    /// They.
    pub runs: Vec<Run>,
    /// Whether there are older ones that were asked for and left out.
    pub more: bool,
}

/// The newest `limit` runs of these objects of a kind that began at or after `since` (epoch milliseconds).
pub async fn of(
    client: &Client,
    kind: Kind,
    ids: &[String],
    since: Option<i64>,
    limit: usize,
) -> Result<Runs, Error> {
    let mut work = JoinSet::new();
    for ids in ids.chunks(IDS_PER_REQUEST) {
        let (pages, ids) = (Pages::new(client, kind), ids.to_vec());
        work.spawn(async move { pages.newest(&ids, since, limit).await });
    }
    let mut all = Runs::default();
    while let Some(joined) = work.join_next().await {
        let found = joined.map_err(|error| Error::Broken(error.to_string()))??;
        all.runs.extend(found.runs);
        all.more |= found.more;
    }
    sort(&mut all.runs);
    all.more |= all.runs.len() > limit;
    all.runs.truncate(limit);
    Ok(all)
}

/// The newest run of each of these objects, by the object's id: one request for many objects, and one more for each that
/// the first page does not show, since a busy one can fill it alone.
pub async fn last_of(client: &Client, kind: Kind, ids: &[String]) -> Result<BTreeMap<String, Run>, Error> {
    let mut last: BTreeMap<String, Run> = BTreeMap::new();
    let newest = of(client, kind, ids, None, PAGE).await?;
    for run in newest.runs {
        last.entry(run.of.clone()).or_insert(run);
    }
    if !newest.more {
        return Ok(last);
    }
    let mut work = JoinSet::new();
    for id in ids.iter().filter(|id| !last.contains_key(*id)).cloned() {
        let pages = Pages::new(client, kind);
        work.spawn(async move { pages.newest(&[id], None, 1).await });
    }
    while let Some(joined) = work.join_next().await {
        let found = joined.map_err(|error| Error::Broken(error.to_string()))??;
        last.extend(found.runs.into_iter().map(|run| (run.of.clone(), run)));
    }
    Ok(last)
}

fn sort(runs: &mut [Run]) {
    runs.sort_by(|a, b| b.when().cmp(&a.when()).then_with(|| a.id.cmp(&b.id)));
}

struct Pages {
    looker: Looker,
    kind: Kind,
}

impl Pages {
    fn new(client: &Client, kind: Kind) -> Self {
        Self { looker: Looker { client: client.clone(), kind }, kind }
    }

    async fn newest(&self, ids: &[String], since: Option<i64>, limit: usize) -> Result<Runs, Error> {
        let Some(collection) = self.kind.spec().runs() else { return Ok(Runs::default()) };
        let listed: Vec<&str> = ids.iter().map(String::as_str).collect();
        let size = limit.clamp(1, PAGE);
        let mut found = Runs::default();
        let mut seen = BTreeSet::new();
        let mut token: Option<String> = None;
        let mut tokens = BTreeSet::new();
        for _ in 0..MOST_PAGES {
            let call = run::list_call(collection, &listed, size, token.as_deref());
            let reply = self.looker.success(&call).await?;
            let items = reply.body.get("items").and_then(Value::as_array);
            let items = items.ok_or_else(|| self.looker.undecodable("runs without `items`"))?;
            let mut all_older = !items.is_empty();
            for item in items {
                let run = Run::observed(item);
                let run = run.ok_or_else(|| self.looker.undecodable("a run without a usable id"))?;
                let older = since.is_some_and(|since| run.when() < since);
                all_older &= older;
                // Runs that begin in between move others to the next page; a filter that is not heeded shows others' runs.
                if !older && listed.contains(&run.of.as_str()) && seen.insert(run.id.clone()) {
                    found.runs.push(run);
                }
            }
            token = reply.body.pointer("/_links/next/href").and_then(Value::as_str).and_then(continuation);
            if all_older || token.is_none() {
                return Ok(found);
            }
            if found.runs.len() >= limit {
                found.more = true;
                return Ok(found);
            }
            if token.as_ref().is_some_and(|next| !tokens.insert(next.clone())) {
                return Err(self.looker.undecodable("runs whose pages go round in a circle"));
            }
        }
        Err(self.looker.undecodable("runs without an end"))
    }
}
