//! Every way a command can end: its exit code, its message, and what to do now. The only such table.

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::api;
use crate::kind::Address;
use crate::manifest::Problems;
use crate::observe;
use crate::plan::Refusal;
use crate::render::json::Platform;
use crate::state;

/// How a command ended. The numbers are a promise: scripts branch on them (README, "Exit codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    /// Done, or nothing to do.
    Success = 0,
    /// Any error without a code of its own.
    Error = 1,
    /// `plan --detailed-exitcode`: there are changes.
    Changes = 2,
    /// The command line cannot be understood.
    Usage = 3,
    /// The manifest has mistakes, or the platform would refuse what it says.
    Manifest = 4,
    /// Credentials are missing or refused.
    Auth = 5,
    /// Somebody else holds the state's lock.
    Locked = 6,
    /// What the plan was made from has changed.
    Stale = 7,
    /// A guard refuses the plan.
    Refused = 8,
    /// Some of the plan was applied and some was not.
    Partial = 9,
    /// The state cannot be used.
    State = 10,
    /// `plan --refresh-only`: there is drift.
    Drift = 11,
    /// Interrupted by the person.
    Interrupted = 130,
}

/// The table for people: README and `--help` print it.
pub(crate) const TABLE: &[(Status, &str)] = &[
    (Status::Success, "done, or nothing to do"),
    (Status::Error, "an error without a code of its own: the network, the platform, a file"),
    (Status::Changes, "plan --detailed-exitcode: there are changes"),
    (Status::Usage, "the command line cannot be understood, or a question could not be asked"),
    (
        Status::Manifest,
        "the manifest has mistakes, by itself or by what the platform says of it; nothing was written",
    ),
    (Status::Auth, "credentials are missing or refused"),
    (Status::Locked, "another run holds the state's lock"),
    (Status::Stale, "what the plan was made from has changed since; nothing was written"),
    (Status::Refused, "a guard refuses the plan, or the person did; nothing was written"),
    (Status::Partial, "some of the plan was applied and some was not"),
    (Status::State, "the state cannot be read or written"),
    (Status::Drift, "plan --refresh-only: the platform is not as the last apply left it"),
    (Status::Interrupted, "interrupted; what was under way is finished or will be looked up"),
];

/// The table as `--help` prints it.
pub(crate) fn help() -> String {
    let mut text = "Exit codes:\n".to_owned();
    for (status, meaning) in TABLE {
        let _ = writeln!(text, "  {:>3}  {meaning}", *status as u8);
    }
    text
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub status: Status,
    pub message: String,
    pub causes: Vec<String>,
    pub hint: Option<String>,
    /// Whether the person has been told already.
    pub told: bool,
    details: Option<Box<Details>>,
}

/// What a machine is told besides; people read it in the message.
#[derive(Debug, Default)]
pub(crate) struct Details {
    /// The object that it is about.
    pub address: Option<String>,
    /// What the platform answered.
    pub platform: Option<Platform>,
    /// What is wrong with the manifest.
    pub problems: Problems,
    /// Why the plan must not be applied.
    pub refusals: Vec<Refusal>,
    /// Whether even the files that tell of failures must not be written: one of them is what must not be overwritten.
    pub without_files: bool,
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, message, causes: Vec::new(), hint: None, told: false, details: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Status::Usage, message)
    }

    /// From an error and everything it came from.
    pub(crate) fn from_error(status: Status, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut failure = Self::new(status, error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            failure.causes.push(cause.to_string());
            source = cause.source();
        }
        failure
    }

    /// The same, of which the person has been told already.
    #[must_use]
    pub(crate) fn told(mut self) -> Self {
        self.told = true;
        self
    }

    /// The same, because of a file that must not be overwritten: nor is it by what tells of this.
    #[must_use]
    pub(crate) fn without_files(mut self) -> Self {
        self.details().without_files = true;
        self
    }

    /// Whether files may tell of it.
    pub(crate) fn may_be_written(&self) -> bool {
        self.details.as_ref().is_none_or(|details| !details.without_files)
    }

    /// The same, about this object.
    #[must_use]
    pub(crate) fn about(mut self, address: &Address) -> Self {
        self.details().address = Some(address.to_string());
        self
    }

    /// What a machine is told besides, to be filled in.
    pub(crate) fn details(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    pub(crate) fn address(&self) -> Option<&str> {
        self.details.as_ref()?.address.as_deref()
    }

    pub(crate) fn platform(&self) -> Option<&Platform> {
        self.details.as_ref()?.platform.as_ref()
    }

    pub(crate) fn problems(&self) -> Option<&Problems> {
        self.details.as_ref().map(|details| &details.problems).filter(|problems| !problems.is_empty())
    }

    pub(crate) fn refusals(&self) -> &[Refusal] {
        self.details.as_ref().map_or(&[], |details| &details.refusals)
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<api::Error> for Failure {
    fn from(error: api::Error) -> Self {
        let status = match &error {
            api::Error::Auth { .. } | api::Error::Credentials { .. } => Status::Auth,
            api::Error::Setting { .. } => Status::Usage,
            _ => Status::Error,
        };
        let mut failure = Self::from_error(status, &error);
        failure.hint = error.hint().map(str::to_owned);
        failure.details().platform = no_answer(&error);
        failure
    }
}

/// What an answer said that reports a failure.
fn refused(problem: &api::Problem) -> Platform {
    Platform {
        request: None,
        status: Some(problem.status).filter(|status| *status > 0),
        code: problem.code.clone(),
        message: Some(problem.message.clone()),
        request_id: problem.request_id.clone(),
    }
}

/// The request that got no usable answer, and what is known of it.
fn no_answer(error: &api::Error) -> Option<Platform> {
    let at = error.at()?;
    let answer = match error {
        api::Error::Auth { problem, .. } => refused(problem),
        api::Error::NotJson { status, .. } => Platform { status: Some(*status), ..Platform::default() },
        _ => Platform::default(),
    };
    Some(Platform { request: Some(format!("{} {}", at.method, at.path)), ..answer })
}

impl From<observe::Error> for Failure {
    fn from(error: observe::Error) -> Self {
        let (status, hint) = match &error {
            observe::Error::NoAnswer(source) => (
                if matches!(source, api::Error::Auth { .. }) { Status::Auth } else { Status::Error },
                source.hint().map(str::to_owned),
            ),
            observe::Error::Refused { problem, .. } => (
                if matches!(problem.status, 401 | 403) { Status::Auth } else { Status::Error },
                problem.hint().map(str::to_owned),
            ),
            observe::Error::Broken(_) => (Status::Error, None),
            observe::Error::Undecodable { .. } => {
                (Status::Error, Some("check that the gateway's URL points to the platform".to_owned()))
            }
        };
        let mut failure = Self { hint, ..Self::from_error(status, &error) };
        failure.details().platform = match &error {
            observe::Error::NoAnswer(source) => no_answer(source),
            observe::Error::Refused { problem, .. } => Some(refused(problem)),
            observe::Error::Broken(_) | observe::Error::Undecodable { .. } => None,
        };
        failure
    }
}

impl From<state::Error> for Failure {
    fn from(error: state::Error) -> Self {
        Self::from_error(Status::State, &error).hint(error.hint())
    }
}

impl From<state::LockError> for Failure {
    fn from(error: state::LockError) -> Self {
        let status = match &error {
            state::LockError::Held { .. } | state::LockError::HeldUnknown { .. } => Status::Locked,
            state::LockError::State(_) => Status::State,
        };
        Self::from_error(status, &error).hint(error.hint())
    }
}
