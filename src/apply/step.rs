//! One step: send its request, read what became of it, send again only where that cannot do the thing twice.
//!
//! The only code that sends a request which changes the platform. Writes no state: it returns what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::event::StepResult;
use super::recover::{self, Found, Sender};
use crate::api::{self, Client, Problem};
use crate::kind::{
    Body, Finding, Intent, Kind, Leaf, Listing, Observed, Outcome, SecretSource, Sending, Severity, Step,
    leaf, map_leaves,
};
use crate::observe;
use crate::plan;
use crate::secret::Secret;
use crate::wire::{Call, Etag, Reply};

/// How long a step waits for the platform to make up its mind.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The first wait; each one is twice the one before.
    pub base: Duration,
    /// How many waits.
    pub tries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { base: Duration::from_secs(1), tries: 4 }
    }
}

impl Patience {
    /// The n-th wait, from 1.
    pub(super) async fn wait(self, n: u32) {
        tokio::time::sleep(self.base * 2_u32.saturating_pow(n - 1)).await;
    }
}

/// How often one create is sent at most, each time after a look-up that found nothing.
const SENDS: u32 = 3;

/// What a step needs besides itself. Owned, so that steps can run beside each other.
pub(super) struct Runner {
    pub client: Client,
    pub patience: Patience,
    pub secrets: std::sync::Arc<BTreeMap<SecretSource, Secret>>,
    pub client_id: String,
    /// Epoch milliseconds of the apply's begin.
    pub since: i64,
    /// Epoch seconds, now.
    pub clock: fn() -> i64,
    /// Seconds that the platform's clock is ahead of that, where its answers do not tell.
    pub ahead: i64,
    /// Ids that are managed, with those made in this run.
    pub ours: std::sync::Arc<std::sync::Mutex<BTreeSet<String>>>,
    /// Whether a parent of the object was made in this run, so that the platform may not know it everywhere yet.
    pub fresh_parent: bool,
    /// Whether anything that the object refers to, near or far, was made or changed in this run.
    pub changed_parents: bool,
}

/// What became of a step.
pub(super) struct Done {
    pub result: StepResult,
    /// The object after it, as far as known.
    pub after: After,
}

/// What is known of an object after a step.
#[derive(Clone, Debug, Default)]
pub(super) struct After {
    pub id: Option<String>,
    pub etag: Option<Etag>,
    pub version: Option<u64>,
}

impl Done {
    fn well(after: After, note: Option<String>) -> Self {
        Self { result: StepResult::Done { id: after.id.clone(), note }, after }
    }

    /// A fault of ours in the middle of a step.
    pub(super) fn broken(error: &tokio::task::JoinError) -> Self {
        Self::of(StepResult::Unknown { why: format!("the step broke down: {error}") })
    }

    fn of(result: StepResult) -> Self {
        Self { result, after: After::default() }
    }

    /// The same after an answer to an earlier try was lost: that one may have been carried out, whatever came of this.
    fn after_loss(self, lost: Option<&String>) -> Self {
        match (lost, self.result) {
            (Some(lost), StepResult::Failed { why, .. }) => {
                Self::of(StepResult::Unknown { why: format!("{lost}; then {why}") })
            }
            (_, result) => Self { result, after: self.after },
        }
    }
}

/// How a mutating request went.
enum Sent {
    Answer(Outcome, Reply),
    /// No answer, and it may have been carried out; `late` when it may be carried out still.
    Lost {
        why: String,
        late: bool,
    },
    /// No answer, and it was not carried out.
    Stopped(StepResult),
}

impl Runner {
    /// Runs a step whose ids are all filled in, and has the platform test what came of it.
    pub(super) async fn run(&self, step: &Step) -> Done {
        if self.changed_parents
            && let Some(done) = self.objections(step).await
        {
            return done;
        }
        let done = self.carry_out(step).await;
        let StepResult::Done { id: Some(id), .. } = &done.result else { return done };
        let Some(call) = step.address.kind.spec().test(&step.intent, id) else { return done };
        // A source system may be slow to take to it, so a failure is believed when it stays. A platform that does not
        // test has nothing against it.
        for wait in 0..=self.patience.tries {
            if wait > 0 {
                self.patience.wait(wait).await;
            }
            match self.client.send(&call).await {
                Ok(reply) if reply.is_success() && step.address.kind.spec().fails(&reply.body) => {}
                Ok(_) => return done,
                Err(error) => {
                    tracing::info!(address = %step.address, why = chain(&error), "the object could not be tested");
                    return done;
                }
            }
        }
        Done { result: StepResult::FailsTest { id: id.clone() }, after: done.after }
    }

    /// Asks what could not be asked before the parents were as they are now. The platform may not know them everywhere
    /// yet (platform-api.md 8), so an objection is believed when it stays. Without an answer nothing is objected.
    async fn objections(&self, step: &Step) -> Option<Done> {
        let kind = step.address.kind;
        let sending = Sending::after_parents(&step.intent);
        let questions: Vec<_> =
            kind.spec().questions(&sending).into_iter().map(|call| (kind, call)).collect();
        let mut why = String::new();
        for wait in 0..=self.patience.tries {
            if questions.is_empty() {
                return None;
            }
            if wait > 0 {
                self.patience.wait(wait).await;
            }
            let answers = observe::ask(&self.client, &questions).await.ok()?;
            let findings = kind.spec().objections(&sending, &answers.iter().collect::<Vec<_>>());
            let said = |finding: Finding| (finding.severity == Severity::Error).then_some(finding.message);
            let said: Vec<String> = findings.into_iter().filter_map(said).collect();
            let first = said.first()?;
            let more = match said.len() - 1 {
                0 => String::new(),
                more => format!("; and {more} more"),
            };
            why = format!("{first}{more}");
        }
        let hint = Some("put the manifest right and apply again; nothing of this object was sent".to_owned());
        Some(Done::of(StepResult::Failed { why, hint }))
    }

    async fn carry_out(&self, step: &Step) -> Done {
        let kind = step.address.kind;
        match &step.intent {
            Intent::Create { namesakes, .. } => self.create(step, namesakes).await,
            Intent::Update { id, before, after, paths, .. } => {
                let goal = Goal::Fields { before, after, paths };
                self.change(step, id, &goal).await
            }
            Intent::Switch { id: None, .. } => Done::of(misdirected()),
            Intent::Switch { id: Some(id), on, before, .. } => {
                self.change(step, id, &Goal::Switched { kind, on: *on, before }).await
            }
            Intent::Delete { id, etag, version, before, .. } => {
                self.delete(kind, step, id, etag.as_ref(), *version, before).await
            }
            Intent::Adopt { id, .. } | Intent::Forget { id } => {
                Done::well(After { id: Some(id.clone()), ..After::default() }, None)
            }
        }
    }

    async fn create(&self, step: &Step, namesakes: &[String]) -> Done {
        let Intent::Create { body, .. } = &step.intent else { return Done::of(misdirected()) };
        let mut lost = None;
        let mut late = false;
        for send in 1..=SENDS {
            let (outcome, reply) = match self.send_patiently(step).await {
                Sent::Answer(outcome, reply) => (outcome, Some(reply)),
                Sent::Stopped(result) => return Done::of(result).after_loss(lost.as_ref()),
                Sent::Lost { why, late: still_possible } => {
                    lost = Some(why);
                    late |= still_possible;
                    (Outcome::Unclear, None)
                }
            };
            match outcome {
                Outcome::Done { id: Some(id), etag, version } => {
                    self.remember(&id);
                    return Done::well(After { id: Some(id), etag, version }, None);
                }
                Outcome::Done { .. } | Outcome::Unclear => {}
                Outcome::Absent
                | Outcome::Conflict
                | Outcome::NotYet
                | Outcome::Refused
                | Outcome::WantsEtag
                | Outcome::LeftInPlace => {
                    return Done::of(refused(reply.as_ref())).after_loss(lost.as_ref());
                }
            }
            if let Some(reply) = &reply {
                lost = Some(Problem::of(reply).to_string());
            }
            tracing::info!(address = %step.address, send, "the answer to a create was lost; looking for the object");
            match self.look(step, body, namesakes).await {
                Ok(Found::One(observed)) => {
                    self.remember(&observed.id);
                    let after = After {
                        id: Some(observed.id.clone()),
                        etag: observed.etag.clone(),
                        version: observed.version,
                    };
                    let note = "the answer was lost; the object was found on the platform".to_owned();
                    return Done::well(after, Some(note));
                }
                // The platform may still be at it: a second one now could be one too many. The next run looks again.
                Ok(Found::Nothing) if late => break,
                Ok(Found::Nothing) => {}
                Ok(Found::Several(ids)) => {
                    let why = format!(
                        "the answer was lost, and several objects could be the result: {}",
                        ids.join(", ")
                    );
                    return Done::of(StepResult::Unknown { why });
                }
                Err(error) => {
                    let why = format!(
                        "the answer was lost, and the object could not be looked up: {}",
                        chain(&error)
                    );
                    return Done::of(StepResult::Unknown { why });
                }
            }
        }
        Done::of(StepResult::Unknown { why: lost.unwrap_or_default() })
    }

    /// Looks a create up, several times: a list may show a new object only later (platform-api.md 8).
    async fn look(&self, step: &Step, body: &Body, namesakes: &[String]) -> Result<Found, observe::Error> {
        let sender = Sender { client_id: &self.client_id, since: Some(self.since) };
        for wait in 0..=self.patience.tries {
            if wait > 0 {
                self.patience.wait(wait).await;
            }
            let ours = self.ours.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            let found = recover::look_up(&self.client, &step.address, body, namesakes, ours, sender).await?;
            if found != Found::Nothing {
                return Ok(found);
            }
        }
        Ok(Found::Nothing)
    }

    /// A change in place: PATCH, PUT or a switch.
    async fn change(&self, step: &Step, id: &str, goal: &Goal<'_>) -> Done {
        let kind = step.address.kind;
        let mut step = step.clone();
        let mut last = None;
        // Without an etag nothing but a look tells whether the object is as planned (platform-api.md 3.3).
        let conditional = kind.spec().is_conditional() && etag_of(&step.intent).is_some();
        let mut look_first = !conditional && !goal.is_free();
        let (mut sends, mut wait) = (0, 0);
        while sends < SENDS {
            if look_first {
                match self.look_again(kind, &mut step, id, goal).await {
                    Ok(None) => {}
                    Ok(Some(done)) | Err(done) => return done.after_loss(last.as_ref()),
                }
            }
            match self.send(&step).await {
                Sent::Stopped(result) => return Done::of(result).after_loss(last.as_ref()),
                Sent::Lost { why, .. } => last = Some(why),
                // Something asynchronous is under way, and will leave another etag behind.
                Sent::Answer(Outcome::NotYet, _) if wait < self.patience.tries => {
                    wait += 1;
                    self.patience.wait(wait).await;
                    look_first = true;
                    continue;
                }
                Sent::Answer(Outcome::Done { etag, version, .. }, _) => {
                    return Done::well(After { id: Some(id.to_owned()), etag, version }, None);
                }
                Sent::Answer(Outcome::Conflict | Outcome::Unclear, reply) => {
                    last = Some(Problem::of(&reply).to_string());
                }
                Sent::Answer(Outcome::Absent, reply) => {
                    let why = format!(
                        "the object is gone, or not visible to this credential: {}",
                        Problem::of(&reply)
                    );
                    return Done::of(StepResult::Conflict { why });
                }
                Sent::Answer(
                    Outcome::NotYet | Outcome::Refused | Outcome::LeftInPlace | Outcome::WantsEtag,
                    reply,
                ) => {
                    return Done::of(refused(Some(&reply))).after_loss(last.as_ref());
                }
            }
            sends += 1;
            look_first = true;
        }
        // Several sends, each after a look that found the object as it was before: it does not take the change.
        Done::of(StepResult::Unknown { why: last.unwrap_or_default() })
    }

    /// Reads the object back and compares. `Ok(Some)`: it is as wanted already. `Ok(None)`: it is as it was planned
    /// from, and the step now carries its current etag. `Err`: somebody else changed it.
    async fn look_again(
        &self,
        kind: Kind,
        step: &mut Step,
        id: &str,
        goal: &Goal<'_>,
    ) -> Result<Option<Done>, Done> {
        let observed = self.settled(kind, id, version_of(&step.intent)).await?;
        let Some(observed) = observed else {
            return Err(Done::of(StepResult::Conflict {
                why: "the object is gone, or not visible to this credential".to_owned(),
            }));
        };
        if goal.is_reached(&observed.body) {
            let after = After { id: Some(id.to_owned()), etag: observed.etag, version: observed.version };
            return Ok(Some(Done::well(after, None)));
        }
        let moved = goal.moved(kind, &observed.body);
        if !moved.is_empty() {
            let why = format!("the object changed since the plan was made: {}", moved.join(", "));
            return Err(Done::of(StepResult::Conflict { why }));
        }
        refresh(&mut step.intent, &observed);
        Ok(None)
    }

    async fn delete(
        &self,
        kind: Kind,
        step: &Step,
        id: &str,
        etag: Option<&Etag>,
        version: Option<u64>,
        before: &Body,
    ) -> Done {
        let gone = || Done::well(After { id: Some(id.to_owned()), ..After::default() }, None);
        let observed = match self.settled(kind, id, version).await {
            Ok(Some(observed)) => observed,
            Ok(None) => return gone(),
            Err(done) => return done,
        };
        // No documented DELETE carries a precondition, so the etag is compared here, right before (platform-api.md 2.2).
        let same_etag = etag.is_some() && observed.etag.as_ref() == etag;
        if !same_etag && !before.is_null() && !plan::differences(kind, &observed.body, before).is_empty() {
            let why = "the object changed since the plan was made, so it was not deleted".to_owned();
            return Done::of(StepResult::Conflict { why });
        }
        if let Some(done) = self.referred_to(kind, id).await {
            return done;
        }
        let mut step = step.clone();
        let mut last = None;
        for _ in 0..SENDS {
            match self.send_patiently(&step).await {
                Sent::Stopped(result) => return Done::of(result).after_loss(last.as_ref()),
                Sent::Lost { why, .. } => last = Some(why),
                Sent::Answer(Outcome::Done { .. }, _) => {
                    return match self.departed(kind, id, version).await {
                        Ok(true) => gone(),
                        Ok(false) => Done::of(StepResult::Unknown {
                            why: "the platform accepted the deletion and still shows the object".to_owned(),
                        }),
                        Err(done) => done,
                    };
                }
                Sent::Answer(Outcome::Absent, reply) => {
                    let left = kind.spec().listing() == Listing::Offset;
                    return match self.settled(kind, id, version).await {
                        Ok(None) => gone(),
                        // There is the object, and no way to delete it (platform-api.md 3.4).
                        Ok(Some(_)) if left => left_in_place(id, &reply),
                        Ok(Some(_)) => Done::of(refused(Some(&reply))),
                        Err(done) => done,
                    };
                }
                Sent::Answer(Outcome::LeftInPlace, reply) => return left_in_place(id, &reply),
                Sent::Answer(Outcome::WantsEtag, reply) => {
                    last = Some(Problem::of(&reply).to_string());
                    if let Intent::Delete { etag, conditional, .. } = &mut step.intent {
                        etag.clone_from(&observed.etag);
                        *conditional = true;
                    }
                    continue;
                }
                Sent::Answer(Outcome::Unclear, reply) => last = Some(Problem::of(&reply).to_string()),
                Sent::Answer(Outcome::NotYet | Outcome::Refused | Outcome::Conflict, reply) => {
                    return Done::of(refused(Some(&reply))).after_loss(last.as_ref());
                }
            }
            match self.settled(kind, id, version).await {
                Ok(None) => return gone(),
                Ok(Some(_)) => {}
                Err(done) => return done.after_loss(last.as_ref()),
            }
        }
        Done::of(StepResult::Unknown { why: last.unwrap_or_default() })
    }

    /// Whether an object whose deletion was accepted is gone. A deletion in stages (platform-api.md 2.9) is waited for,
    /// because what the object refers to cannot be deleted before its end; one that takes longer counts as gone.
    async fn departed(&self, kind: Kind, id: &str, version: Option<u64>) -> Result<bool, Done> {
        let mut going = false;
        for wait in 0..=self.patience.tries {
            if wait > 0 {
                self.patience.wait(wait).await;
            }
            match self.read(kind, id, version).await? {
                None => return Ok(true),
                Some(observed) => going = observed.is_going(),
            }
        }
        Ok(going)
    }

    /// What somebody else's objects refer to is not deleted under them.
    async fn referred_to(&self, kind: Kind, id: &str) -> Option<Done> {
        let (child, call) = kind.spec().referrers(id)?;
        let referrers = match observe::list(&self.client, child, &call).await {
            Ok(referrers) => referrers,
            Err(error) => {
                let why = format!("what refers to it could not be read: {}", chain(&error));
                return Some(Done::of(StepResult::Failed { why, hint: None }));
            }
        };
        let ids: Vec<String> = referrers.into_iter().filter(|o| !o.is_going()).map(|o| o.id).collect();
        if ids.is_empty() {
            return None;
        }
        let why = format!("it is still used by other {}s: {}", child.spec().title(), ids.join(", "));
        Some(Done::of(StepResult::Conflict { why }))
    }

    /// The object when no asynchronous change of it is under way any more; `None` when it is gone or going.
    async fn settled(&self, kind: Kind, id: &str, version: Option<u64>) -> Result<Option<Observed>, Done> {
        let mut wait = 0;
        loop {
            match self.read(kind, id, version).await? {
                Some(observed) if observed.is_going() => return Ok(None),
                Some(observed) if observed.is_busy() && wait < self.patience.tries => {
                    wait += 1;
                    self.patience.wait(wait).await;
                }
                other => return Ok(other),
            }
        }
    }

    async fn read(&self, kind: Kind, id: &str, version: Option<u64>) -> Result<Option<Observed>, Done> {
        observe::read_one(&self.client, kind, id, version).await.map_err(|error| {
            let why = format!("it could not be read: {}", chain(&error));
            Done::of(StepResult::Failed { why, hint: None })
        })
    }

    /// Sends the step's request, waiting where the platform says "not now": it certainly did not act then.
    async fn send_patiently(&self, step: &Step) -> Sent {
        let mut wait = 0;
        loop {
            let sent = self.send(step).await;
            let not_yet = match &sent {
                Sent::Answer(Outcome::NotYet, _) => true,
                // A parent made a moment ago may not be known to the other service yet (platform-api.md 8).
                Sent::Answer(Outcome::Absent, _) => {
                    self.fresh_parent && matches!(step.intent, Intent::Create { .. })
                }
                _ => false,
            };
            if !not_yet || wait == self.patience.tries {
                return sent;
            }
            wait += 1;
            self.patience.wait(wait).await;
        }
    }

    async fn send(&self, step: &Step) -> Sent {
        let spec = step.address.kind.spec();
        let calls = spec.calls(&step.intent);
        let Some(call) = calls.first() else { return Sent::Stopped(misdirected()) };
        let call = match self.fill(call) {
            Ok(call) => call,
            Err(result) => return Sent::Stopped(result),
        };
        match self.client.send(&call).await {
            Ok(reply) => Sent::Answer(spec.outcome(&step.intent, &reply), reply),
            Err(error) if error.maybe_acted() => {
                Sent::Lost { why: chain(&error), late: matches!(error, api::Error::Timeout { .. }) }
            }
            Err(error) => Sent::Stopped(StepResult::Failed {
                why: chain(&error),
                hint: error.hint().map(str::to_owned),
            }),
        }
    }

    /// The request with secrets and moments filled in. Leaves this function only towards the wire.
    fn fill(&self, call: &Call) -> Result<Call, StepResult> {
        let mut missing = None;
        let body = call.body.as_ref().map(|body| {
            map_leaves(body, &mut |leaf| {
                let value = match leaf {
                    Leaf::Secret { source: Some(source), .. } => {
                        self.secrets.get(source).map(|secret| secret.expose().into())
                    }
                    Leaf::Soon(seconds) => {
                        let ahead = self.client.ahead().unwrap_or(self.ahead);
                        let start = (self.clock)().saturating_add(ahead).saturating_add(i64::from(*seconds));
                        Some(start.to_string().into())
                    }
                    Leaf::Secret { .. } | Leaf::Id(_) | Leaf::Version(_) => None,
                };
                if value.is_none() {
                    missing = Some(match leaf {
                        Leaf::Id(address) | Leaf::Version(address) => format!("{address} has no id yet"),
                        Leaf::Secret { .. } | Leaf::Soon(_) => "a secret is not at hand".to_owned(),
                    });
                }
                value
            })
        });
        match missing {
            Some(why) => Err(StepResult::Failed { why, hint: None }),
            None => Ok(Call { body, ..call.clone() }),
        }
    }

    fn remember(&self, id: &str) {
        self.ours.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(id.to_owned());
    }
}

/// What a change in place is to bring about.
enum Goal<'a> {
    Fields { before: &'a Body, after: &'a Body, paths: &'a [String] },
    Switched { kind: Kind, on: bool, before: &'a Body },
}

impl Goal<'_> {
    /// Whether there is no picture to compare with: the object was made or changed by this very run.
    fn is_free(&self) -> bool {
        match self {
            Self::Fields { before, .. } | Self::Switched { before, .. } => before.is_null(),
        }
    }

    /// Whether the object is as wanted. A secret cannot be seen, so a change with one in it is never reached: sending it
    /// again does no harm.
    fn is_reached(&self, now: &Body) -> bool {
        match self {
            Self::Fields { before, after, paths } => paths.iter().all(|path| {
                let (wanted, now) = (after.pointer(path), now.pointer(path));
                // What looks as it did before was not changed, also where it could pass for what is wanted.
                wanted.and_then(leaf).is_none()
                    && plan::echoes(wanted, now)
                    && (before.is_null() || !plan::same(before.pointer(path), now))
            }),
            Self::Switched { kind, on, .. } => {
                kind.spec().switch().is_some_and(|switch| now.get(switch.member) == Some(&Value::Bool(*on)))
            }
        }
    }

    /// What moved since the plan was made, by path; nothing when it was only the platform's bookkeeping.
    fn moved(&self, kind: Kind, now: &Body) -> Vec<String> {
        let (Self::Fields { before, .. } | Self::Switched { before, .. }) = self;
        if before.is_null() {
            return Vec::new();
        }
        let mut moved = plan::differences(kind, now, before);
        if let Self::Fields { after, paths, .. } = self {
            // What is as wanted already was moved by ourselves, with an answer that was lost.
            moved.retain(|path| {
                !paths.contains(path) || !plan::echoes(after.pointer(path), now.pointer(path))
            });
        }
        moved
    }
}

/// Puts what was just observed in place of what the plan had observed.
fn refresh(intent: &mut Intent, observed: &Observed) {
    match intent {
        Intent::Update { etag, before, places, .. } => {
            etag.clone_from(&observed.etag);
            before.clone_from(&observed.body);
            places.clone_from(&observed.places);
        }
        Intent::Switch { etag, .. } => etag.clone_from(&observed.etag),
        Intent::Create { .. } | Intent::Delete { .. } | Intent::Adopt { .. } | Intent::Forget { .. } => {}
    }
}

fn etag_of(intent: &Intent) -> Option<&Etag> {
    match intent {
        Intent::Update { etag, .. } | Intent::Switch { etag, .. } | Intent::Delete { etag, .. } => {
            etag.as_ref()
        }
        Intent::Create { .. } | Intent::Adopt { .. } | Intent::Forget { .. } => None,
    }
}

fn version_of(intent: &Intent) -> Option<u64> {
    match intent {
        Intent::Update { version, .. } | Intent::Delete { version, .. } => *version,
        _ => None,
    }
}

fn left_in_place(id: &str, reply: &Reply) -> Done {
    Done::of(StepResult::LeftInPlace { id: id.to_owned(), why: Problem::of(reply).to_string() })
}

fn refused(reply: Option<&Reply>) -> StepResult {
    match reply.map(Problem::of) {
        Some(problem) => {
            StepResult::Failed { hint: problem.hint().map(str::to_owned), why: problem.to_string() }
        }
        None => misdirected(),
    }
}

/// A step that its kind has no request for: a fault of ours, reported and not panicked on.
fn misdirected() -> StepResult {
    StepResult::Failed { why: "this kind of object cannot do that".to_owned(), hint: None }
}

/// An error and what it came from, in one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
