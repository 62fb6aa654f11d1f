//! What the platform has now, in as few requests as possible, and nothing but reads.
//!
//! Managed objects come by id lists or paged lists, whichever is fewer requests; what a list does not show is read
//! singly before it counts as absent, because a list may lag and a filter may hide (platform-api.md 1.6, 2.3).

pub mod runs;
pub(crate) mod specs;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::task::JoinSet;

use crate::api::{self, Client, Problem};
use crate::kind::{Address, Answer, Kind, Listing, Observed, usable_id};
use crate::plan::Observations;
use crate::wire::{Call, Method, Reply, segment};

/// Ids in one filter: 40 UUIDs make a URL of about 1.6 kB, well inside what gateways take.
const IDS_PER_REQUEST: usize = 40;

/// Names are longer than ids.
const NAMES_PER_REQUEST: usize = 10;

/// Objects per page; clients of the platform use 20 to 100 (platform-api.md 2.3).
const PAGE: usize = 100;

/// More pages than these make no list that anybody has: a platform that always names another one is not followed.
const MOST_PAGES: usize = 1_000;

/// Mapping sets per page where the first page was not enough. The largest `limit` is documented nowhere; a platform that
/// refuses this one is asked for less.
const LARGE_PAGE: usize = 1000;

/// So few resources of the Schema Registry are read singly.
const FEW: usize = 2;

/// Resources per page of the Schema Registry, its own limit (platform-api.md 5.4).
const RESOURCES: usize = 300;

/// The forms of its lists (platform-api.md 5.2).
const SHORT_RESOURCES: &str = "application/vnd.adobe.xed-id+json";
const DESCRIPTORS: &str = "application/vnd.adobe.xdm+json";
const FULL_RESOURCES: &str = "application/vnd.adobe.xed+json";

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Managed objects: address, id, last known version.
    pub managed: Vec<(Address, String, Option<u64>)>,
    /// Objects that others took the place of, by kind and id.
    pub leftovers: Vec<(Kind, String)>,
    /// Names that objects to be created will bear.
    pub names: Vec<(Address, String)>,
    /// Whether the tenant's namespace is of use.
    pub namespace: bool,
    /// Ids that deletions had to leave: namesakes where names are unique.
    pub left: BTreeSet<String>,
    /// Objects to be taken over, by their ids.
    pub imports: Vec<(Address, String)>,
    /// Ids that are managed whatever address they have: never somebody else's namesake.
    pub ours: BTreeSet<String>,
}

/// Why the platform could not be observed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer.
    #[error("the platform cannot be read")]
    NoAnswer(#[source] api::Error),
    /// An answer that is an error.
    #[error("the platform refused to show its {} objects: {problem}", title(*.kind))]
    Refused {
        /// Of which kind.
        kind: Kind,
        /// What it said.
        problem: Problem,
    },
    /// A fault of ours; what was not seen must not be taken for gone.
    #[error("an observation broke down: {0}")]
    Broken(String),
    /// An answer that makes no sense.
    #[error("the platform answered a read of {} objects in a form that no document describes: {what}", title(*.kind))]
    Undecodable {
        /// Of which kind.
        kind: Kind,
        /// What was wrong.
        what: String,
    },
}

fn title(kind: Kind) -> &'static str {
    kind.spec().title()
}

/// Looks.
pub async fn observe(client: &Client, wanted: Wanted) -> Result<Observations, Error> {
    let mut work = JoinSet::new();
    for kind in Kind::ALL {
        let mut known: BTreeMap<String, Option<u64>> = BTreeMap::new();
        for (address, id, version) in &wanted.managed {
            if address.kind == kind {
                known.insert(id.clone(), *version);
            }
        }
        let leftovers = wanted.leftovers.iter().filter(|(k, _)| *k == kind).map(|(_, id)| id);
        let imports = wanted.imports.iter().filter(|(a, _)| a.kind == kind).map(|(_, id)| id);
        for id in leftovers.chain(imports) {
            known.entry(id.clone()).or_default();
        }
        let shares = |a: &Address| a.kind == kind || a.kind.spec().shares_names_with().contains(&kind);
        let names: BTreeSet<String> =
            wanted.names.iter().filter(|(a, _)| shares(a)).map(|(_, n)| n.clone()).collect();
        let looker = Looker { client: client.clone(), kind };
        work.spawn(async move { looker.look(known, names).await.map(|found| (kind, found)) });
    }
    let mut found: BTreeMap<Kind, Found> = BTreeMap::new();
    while let Some(joined) = work.join_next().await {
        match joined {
            Ok(result) => {
                let (kind, objects) = result?;
                found.insert(kind, objects);
            }
            Err(error) => return Err(Error::Broken(error.to_string())),
        }
    }

    let namespace = if wanted.namespace { Some(namespace(client).await?) } else { None };
    let mut observations = Observations { namespace, ..Observations::default() };
    for (address, id, _) in wanted.managed {
        if let Some(observed) = found.get(&address.kind).and_then(|f| f.by_id.get(&id)) {
            observations.managed.insert(address, observed.clone());
        }
    }
    for (kind, id) in wanted.leftovers {
        if let Some(observed) = found.get(&kind).and_then(|f| f.by_id.get(&id)) {
            observations.leftovers.insert(id, observed.clone());
        }
    }
    for (address, id) in wanted.imports {
        if let Some(observed) = found.get(&address.kind).and_then(|f| f.by_id.get(&id)) {
            observations.imports.insert(address, observed.clone());
        } else if let Some(kind) = kind_of(client, address.kind, &id).await {
            observations.strays.insert(id, kind);
        }
    }
    for (address, name) in wanted.names {
        let elsewhere = address.kind.spec().shares_names_with().iter();
        let elsewhere = elsewhere.filter_map(|kind| found.get(kind)?.by_name.get(&name)).flatten();
        let elsewhere: Vec<String> = elsewhere
            .filter(|o| (wanted.left.contains(&o.id) || !wanted.ours.contains(&o.id)) && !o.is_going())
            .map(|o| o.id.clone())
            .collect();
        if !elsewhere.is_empty() {
            observations.namesakes_elsewhere.insert(address.clone(), elsewhere);
        }
        let namesakes = found.get(&address.kind).and_then(|f| f.by_name.get(&name));
        let mut namesakes: Vec<Observed> = namesakes
            .into_iter()
            .flatten()
            .filter(|o| {
                let left = address.kind.spec().unique_names() && wanted.left.contains(&o.id);
                (left || !wanted.ours.contains(&o.id)) && !o.is_going()
            })
            .cloned()
            .collect();
        if !namesakes.is_empty() {
            namesakes.sort_by(|a, b| a.id.cmp(&b.id));
            observations.namesakes.insert(address, namesakes);
        }
    }
    Ok(observations)
}

/// The tenant's namespace: an underscore and the tenant's id (platform-api.md 5.1).
async fn namespace(client: &Client) -> Result<String, Error> {
    let looker = Looker { client: client.clone(), kind: Kind::Schema };
    let reply = looker.success(&Call::get("/data/foundation/schemaregistry/stats")).await?;
    let tenant = reply.body.get("tenantId").and_then(Value::as_str).unwrap_or_default();
    let is_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if tenant.is_empty() || !tenant.bytes().all(is_word) {
        return Err(looker.undecodable("no usable `tenantId`"));
    }
    Ok(format!("_{tenant}"))
}

/// Reads one object, in its newest version; `None` when there is none to be seen. `known` is the version last known.
pub async fn read_one(
    client: &Client,
    kind: Kind,
    id: &str,
    known: Option<u64>,
) -> Result<Option<Observed>, Error> {
    let looker = Looker { client: client.clone(), kind };
    match kind.spec().listing() {
        Listing::FlowService | Listing::Catalog | Listing::Registry | Listing::Descriptors => {
            looker.read(id, None).await
        }
        Listing::Offset => looker.newest(id, known).await,
    }
}

/// The answer to a read of one object, as it came; `None` when there is none to be seen.
pub async fn read_raw(client: &Client, kind: Kind, call: &Call) -> Result<Option<Value>, Error> {
    let looker = Looker { client: client.clone(), kind };
    let reply = looker.send(call).await?;
    if reply.status == 404 {
        return Ok(None);
    }
    looker.accepted(reply).map(|reply| Some(reply.body))
}

/// Every object of a kind that is listed by pages and filters.
pub async fn all(client: &Client, kind: Kind) -> Result<Vec<Observed>, Error> {
    let looker = Looker { client: client.clone(), kind };
    let mut found = Vec::new();
    looker.list(None, &mut |observed| found.push(observed)).await?;
    Ok(found)
}

/// Asks questions side by side; the answers come in the same order. That one is not answered is an answer, unless it is
/// because of the credential or the sandbox.
pub async fn ask(client: &Client, questions: &[(Kind, Call)]) -> Result<Vec<Answer>, Error> {
    let mut work = JoinSet::new();
    for (number, (kind, call)) in questions.iter().cloned().enumerate() {
        let looker = Looker { client: client.clone(), kind };
        work.spawn(async move { looker.answer(&call).await.map(|answer| (number, answer)) });
    }
    let mut answers = vec![Answer::Absent; questions.len()];
    while let Some(joined) = work.join_next().await {
        let (number, answer) = joined.map_err(|error| Error::Broken(error.to_string()))??;
        if let Some(place) = answers.get_mut(number) {
            *place = answer;
        }
    }
    Ok(answers)
}

/// What state the client's sandbox is in, in the platform's word; `None` where this credential is not told
/// (platform-api.md 1.8).
pub async fn sandbox(client: &Client, name: &str) -> Result<Option<String>, Error> {
    let call = Call::get(format!("/data/foundation/sandbox-management/sandboxes/{}", segment(name)));
    // That it is there is known: whatever else is read of it would have been refused (`2100-404`).
    match client.send(&call).await {
        Ok(reply) if reply.is_success() => {
            Ok(reply.body.get("state").and_then(Value::as_str).map(str::to_owned))
        }
        Err(error) if is_about_credential(&error) => Err(Error::NoAnswer(error)),
        Ok(_) | Err(_) => Ok(None),
    }
}

/// Whether no answer came for want of a token.
fn is_about_credential(error: &api::Error) -> bool {
    matches!(error, api::Error::Auth { .. } | api::Error::Credentials { .. })
}

/// Which other kind of object an id is of, if any; only for the words of a refusal.
async fn kind_of(client: &Client, not: Kind, id: &str) -> Option<Kind> {
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != not) {
        // A service may not take the form of another one's ids: then it is none of its objects.
        if let Ok(Some(_)) = read_one(client, kind, id, None).await {
            return Some(kind);
        }
    }
    None
}

/// The first page of a list that `call` asks for.
pub async fn list(client: &Client, kind: Kind, call: &Call) -> Result<Vec<Observed>, Error> {
    let looker = Looker { client: client.clone(), kind };
    let reply = looker.success(call).await?;
    let items = reply.body.get("items").and_then(Value::as_array);
    let items = items.ok_or_else(|| looker.undecodable("a list without `items`"))?;
    Ok(items.iter().filter_map(|item| kind.spec().observed(item)).collect())
}

/// What was found of one kind.
struct Found {
    kind: Kind,
    by_id: HashMap<String, Observed>,
    by_name: HashMap<String, Vec<Observed>>,
}

impl Found {
    fn of(kind: Kind) -> Self {
        Self { kind, by_id: HashMap::new(), by_name: HashMap::new() }
    }

    /// Keeps what was asked for; of the rest of a long list nothing is held.
    fn add(&mut self, observed: Observed, known: &BTreeMap<String, Option<u64>>, names: &BTreeSet<String>) {
        if let Some(name) = self.kind.spec().name(&observed.body).filter(|name| names.contains(name)) {
            let namesakes = self.by_name.entry(name).or_default();
            if namesakes.iter().all(|o| o.id != observed.id) {
                namesakes.push(observed.clone());
            }
        }
        if known.contains_key(&observed.id) {
            self.by_id.insert(observed.id.clone(), observed);
        }
    }
}

#[derive(Clone)]
struct Looker {
    client: Client,
    kind: Kind,
}

impl Looker {
    async fn look(
        self,
        known: BTreeMap<String, Option<u64>>,
        names: BTreeSet<String>,
    ) -> Result<Found, Error> {
        let mut found = match self.kind.spec().listing() {
            Listing::FlowService => self.look_filtered(&known, &names).await?,
            Listing::Offset => self.look_paged(&known, &names).await?,
            Listing::Catalog => self.look_keyed(&known, &names).await?,
            Listing::Registry => self.look_titled(&known, &names).await?,
            Listing::Descriptors => self.look_at_all(&known, &names).await?,
        };
        // A list is no proof of absence; the object itself is asked before it counts as gone.
        let missing: Vec<(String, Option<u64>)> = known
            .iter()
            .filter(|(id, version)| match found.by_id.get(*id) {
                None => true,
                // A list that showed an older version than ours: the newer one is asked for.
                Some(observed) => version.is_some_and(|v| observed.version.is_some_and(|seen| seen < v)),
            })
            .map(|(id, version)| (id.clone(), *version))
            .collect();
        let mut reads = JoinSet::new();
        for (id, version) in missing {
            let looker = self.clone();
            reads.spawn(async move { looker.read(&id, version).await });
        }
        while let Some(joined) = reads.join_next().await {
            if let Some(observed) = joined.map_err(|error| Error::Broken(error.to_string()))?? {
                found.add(observed, &known, &names);
            }
        }
        Ok(found)
    }

    async fn look_filtered(
        &self,
        known: &BTreeMap<String, Option<u64>>,
        names: &BTreeSet<String>,
    ) -> Result<Found, Error> {
        let ids: Vec<&str> = known.keys().map(String::as_str).collect();
        // A comma separates alternatives and cannot be escaped by any document: such a name is looked for in the list.
        let filterable = names.iter().all(|n| !n.contains(','));
        let requests = ids.len().div_ceil(IDS_PER_REQUEST) + names.len().div_ceil(NAMES_PER_REQUEST);
        let mut found = Found::of(self.kind);
        if requests == 0 {
            return Ok(found);
        }
        let mut whole_list = !filterable;
        if filterable && requests > 2 {
            let total = self.count().await?;
            whole_list = total.is_some_and(|total| total.div_ceil(PAGE).max(1) < requests);
        }
        if whole_list {
            self.list(None, &mut |observed| found.add(observed, known, names)).await?;
            return Ok(found);
        }
        match self.look_filtered_by(known, names, &mut found).await {
            // Filters by name are documented for some kinds only (platform-api.md 2.3): the list does it too.
            Err(Error::Refused { problem, .. }) if problem.status == 400 && !names.is_empty() => {
                self.list(None, &mut |observed| found.add(observed, known, names)).await?;
                Ok(found)
            }
            other => other.map(|()| found),
        }
    }

    async fn look_filtered_by(
        &self,
        known: &BTreeMap<String, Option<u64>>,
        names: &BTreeSet<String>,
        found: &mut Found,
    ) -> Result<(), Error> {
        let ids: Vec<&str> = known.keys().map(String::as_str).collect();
        let mut filters: Vec<String> =
            ids.chunks(IDS_PER_REQUEST).map(|ids| format!("id=={}", ids.join(","))).collect();
        let names_listed: Vec<&str> = names.iter().map(String::as_str).collect();
        filters.extend(names_listed.chunks(NAMES_PER_REQUEST).map(|n| format!("name=={}", n.join(","))));
        let asked: Arc<BTreeSet<String>> = Arc::new(known.keys().chain(names).cloned().collect());
        let mut work = JoinSet::new();
        for filter in filters {
            let (looker, asked) = (self.clone(), Arc::clone(&asked));
            work.spawn(async move {
                let mut objects = Vec::new();
                let mut keep = |observed: Observed| {
                    let name = observed.body.get("name").and_then(Value::as_str).unwrap_or_default();
                    if asked.contains(&observed.id) || asked.contains(name) {
                        objects.push(observed);
                    }
                };
                looker.list(Some(&filter), &mut keep).await.map(|()| objects)
            });
        }
        while let Some(joined) = work.join_next().await {
            let objects = joined.map_err(|error| Error::Broken(error.to_string()))??;
            for observed in objects {
                found.add(observed, known, names);
            }
        }
        Ok(())
    }

    /// How many objects of the kind there are; `None` if the platform does not say.
    async fn count(&self) -> Result<Option<usize>, Error> {
        let reply = self.send(&Call::get(self.kind.spec().collection()).query("count", "true")).await?;
        if !reply.is_success() {
            return Ok(None);
        }
        Ok(reply.body.get("count").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()))
    }

    /// Goes through a list by continuation token, with the same other parameters each time (platform-api.md 2.3).
    async fn list(&self, filter: Option<&str>, each: &mut (dyn FnMut(Observed) + Send)) -> Result<(), Error> {
        let spec = self.kind.spec();
        let mut token: Option<String> = None;
        let mut seen_tokens = BTreeSet::new();
        for _ in 0..MOST_PAGES {
            let mut call = Call::get(spec.collection()).query("limit", PAGE.to_string());
            if let Some(filter) = filter {
                call = call.query("property", filter);
            }
            if let Some(token) = &token {
                call = call.query("continuationToken", token);
            }
            let reply = self.success(&call).await?;
            let items = reply.body.get("items").and_then(Value::as_array);
            let items = items.ok_or_else(|| self.undecodable("a list without `items`"))?;
            for item in items {
                each(
                    spec.observed(item)
                        .ok_or_else(|| self.undecodable("an object without a usable id or etag"))?,
                );
            }
            token = reply.body.pointer("/_links/next/href").and_then(Value::as_str).and_then(continuation);
            match &token {
                None => return Ok(()),
                Some(next) if !seen_tokens.insert(next.clone()) => {
                    return Err(self.undecodable("a list whose pages go round in a circle"));
                }
                Some(_) => {}
            }
        }
        Err(self.undecodable("a list without an end"))
    }

    /// Mapping sets: no filter by id, `start` and `limit` paging whose count is not to be trusted (platform-api.md 3.1).
    async fn look_paged(
        &self,
        known: &BTreeMap<String, Option<u64>>,
        names: &BTreeSet<String>,
    ) -> Result<Found, Error> {
        let mut found = Found::of(self.kind);
        if known.is_empty() && names.is_empty() {
            return Ok(found);
        }
        if names.is_empty() && known.len() == 1 {
            for (id, version) in known {
                if let Some(observed) = self.newest(id, *version).await? {
                    found.add(observed, known, names);
                }
            }
            return Ok(found);
        }
        let spec = self.kind.spec();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut short: Vec<String> = Vec::new();
        let mut start = 0;
        let (mut limit, mut larger) = (PAGE, LARGE_PAGE);
        for _ in 0..MOST_PAGES {
            let call = Call::get(spec.collection())
                .query("limit", limit.to_string())
                .query("start", start.to_string());
            let reply = match self.send(&call).await {
                Ok(reply) if reply.status == 400 && limit > PAGE => {
                    (limit, larger) = (PAGE, PAGE);
                    continue;
                }
                Err(Error::NoAnswer(api::Error::TooLarge { .. })) if limit > PAGE => {
                    (limit, larger) = (PAGE, PAGE);
                    continue;
                }
                reply => reply?,
            };
            let reply = self.accepted(reply)?;
            let items = reply.body.get("data").and_then(Value::as_array);
            let items = items.ok_or_else(|| self.undecodable("a list without `data`"))?;
            let before = seen.len();
            for item in items {
                let text = |member: &str| item.get(member).and_then(Value::as_str);
                let id = text("id").and_then(usable_id);
                let id = id.ok_or_else(|| self.undecodable("an object without a usable id"))?;
                seen.insert(id.clone());
                match spec.observed(item) {
                    Some(observed) => found.add(observed, known, names),
                    // A short form says too little. Ours are read singly anyway; others only if they could bear a name.
                    None if !known.contains_key(&id)
                        && text("name").is_none_or(|name| names.contains(name)) =>
                    {
                        short.push(id);
                    }
                    None => {}
                }
            }
            start += items.len();
            let all_known = names.is_empty() && known.keys().all(|id| seen.contains(id));
            // Fewer than asked for is the end (`_page.count` says nothing, platform-api.md 3.1), unless the platform
            // caps pages and says where to go on. A page with nothing new means that `start` is not heeded.
            let more = reply.body.pointer("/_links/next/href").is_some_and(|href| !href.is_null());
            if all_known || seen.len() == before || (items.len() < limit && !more) {
                return self.with_short(found, short, known, names).await;
            }
            // Others' sets stand before ours: larger pages, which no document forbids.
            limit = larger;
        }
        Err(self.undecodable("a list without an end"))
    }

    /// The Schema Registry's: no filter that a document vouches for, so either singly or from the list by title. What is
    /// not found here is read singly by the caller.
    async fn look_titled(
        &self,
        known: &BTreeMap<String, Option<u64>>,
        names: &BTreeSet<String>,
    ) -> Result<Found, Error> {
        let mut found = Found::of(self.kind);
        if names.is_empty() && known.len() <= FEW {
            return Ok(found);
        }
        // The short form where only names are looked for: those few are then read in full.
        let short = known.len() <= FEW;
        let accept = if short { SHORT_RESOURCES } else { FULL_RESOURCES };
        let spec = self.kind.spec();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut unread: Vec<String> = Vec::new();
        let mut last: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut call = Call::get(spec.collection())
                .accept(accept)
                .query("orderby", "title")
                .query("limit", RESOURCES.to_string());
            // The last title of the page before: both readings of `start`, from there and after it, go on (platform-api.md
            // 5.4, OpenAPI).
            if let Some(last) = &last {
                call = call.query("start", last);
            }
            let reply = self.success(&call).await?;
            let items = reply.body.get("results").and_then(Value::as_array);
            let items = items.ok_or_else(|| self.undecodable("a list without `results`"))?;
            let before = seen.len();
            for item in items {
                let text = |member: &str| item.get(member).and_then(Value::as_str);
                let id = text("$id").and_then(usable_id);
                let id = id.ok_or_else(|| self.undecodable("an object without a usable id"))?;
                last = text("title").map(str::to_owned).or(last);
                if !seen.insert(id.clone()) {
                    continue;
                }
                match spec.observed(item).filter(|_| !short) {
                    Some(observed) => found.add(observed, known, names),
                    None if text("title").is_none_or(|title| names.contains(title)) => unread.push(id),
                    None => {}
                }
            }
            let more = reply.body.pointer("/_page/next").is_some_and(|next| !next.is_null());
            if !more || seen.len() == before {
                return self.with_short(found, unread, known, names).await;
            }
        }
        Err(self.undecodable("a list without an end"))
    }

    /// Descriptors: one list of all, by their types; few of them are read singly by the caller.
    async fn look_at_all(
        &self,
        known: &BTreeMap<String, Option<u64>>,
        names: &BTreeSet<String>,
    ) -> Result<Found, Error> {
        let mut found = Found::of(self.kind);
        if names.is_empty() && known.len() <= FEW {
            return Ok(found);
        }
        let spec = self.kind.spec();
        let reply = self.success(&Call::get(spec.collection()).accept(DESCRIPTORS)).await?;
        let types = reply.body.as_object().ok_or_else(|| self.undecodable("a list that is no object"))?;
        for item in types.values().filter_map(Value::as_array).flatten() {
            let observed = spec.observed(item);
            found.add(
                observed.ok_or_else(|| self.undecodable("an object without a usable id"))?,
                known,
                names,
            );
        }
        Ok(found)
    }

    /// Datasets: many by one path, names by a filter each (platform-api.md 4.1; Catalog's "look up multiple objects").
    async fn look_keyed(
        &self,
        known: &BTreeMap<String, Option<u64>>,
        names: &BTreeSet<String>,
    ) -> Result<Found, Error> {
        let spec = self.kind.spec();
        let ids: Vec<String> = known.keys().map(|id| segment(id)).collect();
        let mut calls: Vec<Call> = ids
            .chunks(IDS_PER_REQUEST)
            .map(|ids| Call::get(format!("{}/{}", spec.collection(), ids.join(","))))
            .collect();
        let limit = PAGE.to_string();
        calls.extend(
            names.iter().map(|name| Call::get(spec.collection()).query("name", name).query("limit", &limit)),
        );
        let mut work = JoinSet::new();
        for call in calls {
            let looker = self.clone();
            work.spawn(async move { looker.keyed(&call).await });
        }
        let mut found = Found::of(self.kind);
        while let Some(joined) = work.join_next().await {
            for observed in joined.map_err(|error| Error::Broken(error.to_string()))?? {
                found.add(observed, known, names);
            }
        }
        Ok(found)
    }

    /// All objects that `call` shows, each under its id; page by page where it has a `limit`.
    async fn keyed(&self, call: &Call) -> Result<Vec<Observed>, Error> {
        let mut found: Vec<Observed> = Vec::new();
        let paged = !call.query.is_empty();
        for _ in 0..MOST_PAGES {
            let call = if found.is_empty() {
                call.clone()
            } else {
                call.clone().query("start", found.len().to_string())
            };
            let reply = self.send(&call).await?;
            // None of the ids: each is asked for by itself before it counts as gone.
            if !paged && reply.status == 404 && !is_about_sandbox(&Problem::of(&reply)) {
                return Ok(found);
            }
            let reply = self.accepted(reply)?;
            let objects =
                reply.body.as_object().ok_or_else(|| self.undecodable("a list that is no object"))?;
            let before = found.len();
            for (id, object) in objects {
                let one = Value::Object(Map::from_iter([(id.clone(), object.clone())]));
                let observed = self.kind.spec().observed(&one);
                let observed = observed.ok_or_else(|| self.undecodable("an object without a usable id"))?;
                if found.iter().all(|other| other.id != observed.id) {
                    found.push(observed);
                }
            }
            if !paged || objects.len() < PAGE || found.len() == before {
                return Ok(found);
            }
        }
        Err(self.undecodable("a list without an end"))
    }

    /// What was found, with those that a list showed in a short form only, where a name is looked for.
    async fn with_short(
        &self,
        mut found: Found,
        short: Vec<String>,
        known: &BTreeMap<String, Option<u64>>,
        names: &BTreeSet<String>,
    ) -> Result<Found, Error> {
        if !names.is_empty() {
            for id in short {
                if let Some(observed) = self.read(&id, None).await? {
                    found.add(observed, known, names);
                }
            }
        }
        Ok(found)
    }

    /// The newest version of a mapping set: a read without a version gives the newest or the first, documents disagree
    /// (platform-api.md 3.3), so one that answers with an older version than ours is asked again for ours and the next.
    async fn newest(&self, id: &str, known: Option<u64>) -> Result<Option<Observed>, Error> {
        let plain = self.read(id, None).await?;
        let Some(version) = known else { return Ok(plain) };
        if plain.as_ref().is_some_and(|o| o.version.is_none_or(|seen| seen >= version)) {
            return Ok(plain);
        }
        if let Some(next) = self.read(id, Some(version + 1)).await? {
            return Ok(Some(next));
        }
        self.read(id, Some(version)).await
    }

    async fn read(&self, id: &str, version: Option<u64>) -> Result<Option<Observed>, Error> {
        let spec = self.kind.spec();
        let reply = self.send(&spec.read(id, version)).await?;
        if reply.is_success() {
            // `items: []` on a 200 is "not found" too (platform-api.md 2.1). Anything else that is not this object proves
            // nothing, least of all that the object is gone.
            let wrapped = matches!(spec.listing(), Listing::FlowService | Listing::Offset);
            if wrapped && reply.body.get("items").and_then(Value::as_array).is_some_and(Vec::is_empty) {
                return Ok(None);
            }
            return match spec.observed(&reply.body) {
                Some(observed) if observed.id == id => Ok(Some(observed)),
                Some(_) => Err(self.undecodable("another object than the one asked for")),
                None => Err(self.undecodable("an object without a usable id or etag")),
            };
        }
        let problem = Problem::of(&reply);
        // A 404 for the sandbox is not a 404 for the object (platform-api.md 1.6).
        if reply.status == 404 && !is_about_sandbox(&problem) {
            return Ok(None);
        }
        Err(Error::Refused { kind: self.kind, problem })
    }

    async fn answer(&self, call: &Call) -> Result<Answer, Error> {
        let reply = match self.client.send(call).await {
            Ok(reply) => reply,
            Err(error) if is_about_credential(&error) => return Err(Error::NoAnswer(error)),
            Err(error) => return Ok(Answer::Refused { status: 0, why: error.to_string() }),
        };
        if reply.is_success() {
            return Ok(Answer::Told(reply.body));
        }
        let problem = Problem::of(&reply);
        match reply.status {
            401 => Err(Error::Refused { kind: self.kind, problem }),
            404 if is_about_sandbox(&problem) => Err(Error::Refused { kind: self.kind, problem }),
            404 if call.method == Method::Get => Ok(Answer::Absent),
            status => Ok(Answer::Refused { status, why: problem.to_string() }),
        }
    }

    async fn success(&self, call: &Call) -> Result<Reply, Error> {
        let reply = self.send(call).await?;
        self.accepted(reply)
    }

    fn accepted(&self, reply: Reply) -> Result<Reply, Error> {
        if reply.is_success() {
            return Ok(reply);
        }
        Err(Error::Refused { kind: self.kind, problem: Problem::of(&reply) })
    }

    async fn send(&self, call: &Call) -> Result<Reply, Error> {
        self.client.send(call).await.map_err(Error::NoAnswer)
    }

    fn undecodable(&self, what: &str) -> Error {
        Error::Undecodable { kind: self.kind, what: what.to_owned() }
    }
}

/// Whether a 404 speaks of the sandbox (`2100` to `2103`, platform-api.md 1.6).
fn is_about_sandbox(problem: &Problem) -> bool {
    let code = problem.code.as_deref().unwrap_or_default();
    code.strip_prefix("FLOW-").unwrap_or(code).starts_with("210")
}

/// The `continuationToken` of a relative link. It may hold `=`, so the link is taken apart as a query, not split.
fn continuation(href: &str) -> Option<String> {
    let (_, query) = href.split_once('?')?;
    let token = query.split('&').find_map(|pair| pair.strip_prefix("continuationToken="))?;
    let token = percent_encoding::percent_decode_str(token).decode_utf8().ok()?;
    (!token.is_empty()).then(|| token.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continuation_token_may_hold_equals_signs() {
        assert_eq!(
            continuation("/connections?limit=2&continuationToken=abc%3D%3D").as_deref(),
            Some("abc==")
        );
        assert_eq!(continuation("/connections?continuationToken=a=b=").as_deref(), Some("a=b="));
        assert_eq!(continuation("/connections"), None);
        assert_eq!(continuation("/connections?continuationToken="), None);
    }
}
