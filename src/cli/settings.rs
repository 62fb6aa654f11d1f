//! Flags, environment and credential file -> the client's settings. What was typed, then what it means.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::exit::{Failure, Status};
use super::piped::{self, Piped};
use super::{environment, locking, plan_file};
use crate::api::credentials::{self, ConsoleCredentials};
use crate::api::{self, Credential, retry};
use crate::manifest::{self, Loaded, Manifest, Named};
use crate::secret::Secret;
use crate::state::StateFile;

/// Which manifests.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ManifestArguments {
    /// Manifest files, or folders that hold some; `-` is stdin
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// A value for `${var:NAME}` in manifests; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    pub vars: Vec<(String, String)>,

    /// What was read from stdin and from pipes.
    #[arg(skip)]
    piped: OnceLock<Piped>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if manifest::is_variable_name(name) => Ok((name.to_owned(), value.to_owned())),
        Some(_) => Err("a name has letters, digits, `_`, `-` and `.`: write NAME=VALUE".to_owned()),
        None => Err("write NAME=VALUE".to_owned()),
    }
}

impl ManifestArguments {
    /// What can be read once, read the first time that this is called.
    pub(crate) fn piped(&self) -> Result<&Piped, Failure> {
        if let Some(piped) = self.piped.get() {
            return Ok(piped);
        }
        let piped = Piped::read(&self.paths)?;
        Ok(self.piped.get_or_init(|| piped))
    }

    /// Reads and checks the manifests. The outer error is one of reading what can be read once.
    pub(crate) fn load(&self) -> Result<Result<Loaded, manifest::Problems>, Failure> {
        let piped = self.piped()?;
        if let Some(path) = self.paths.iter().find(|path| plan_file::is_plan(path, piped)) {
            let path = piped::named(path);
            return Err(Failure::usage(format!("{path} is a plan, and no manifest"))
                .hint("`flowform show` shows a saved plan, and `flowform apply` carries it out"));
        }
        Ok(manifest::load_with(&self.paths, piped.all(), &self.inputs()))
    }

    /// What the manifests may refer to.
    pub(crate) fn inputs(&self) -> manifest::Inputs<'static> {
        manifest::Inputs::new(&environment, self.vars.iter().cloned())
    }
}

/// Which platform, and how to talk to it. Secrets have no flags: a command line can be read by everybody.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Platform")]
pub(crate) struct PlatformArguments {
    /// Use the embedded emulator instead of the platform; it keeps its objects below the state's folder
    #[arg(long)]
    pub emulator: bool,

    /// The platform's gateway
    #[arg(long, value_name = "URL", env = "FLOWFORM_GATEWAY", default_value = api::GATEWAY)]
    pub gateway: String,

    /// Adobe's identity service
    #[arg(long, value_name = "URL", env = "FLOWFORM_IMS", default_value = api::IMS)]
    pub ims: String,

    /// Organisation, XXXX@AdobeOrg; the manifest's `platform.org` when left out
    #[arg(long, value_name = "ORG", env = "ADOBE_ORG_ID")]
    pub org: Option<String>,

    /// Sandbox; the manifest's `platform.sandbox` when left out
    #[arg(long, value_name = "NAME", env = "ADOBE_SANDBOX")]
    pub sandbox: Option<String>,

    /// OAuth client id, which is also the API key
    #[arg(long, value_name = "ID", env = "ADOBE_CLIENT_ID")]
    pub client_id: Option<String>,

    /// OAuth scopes, comma-separated [default: those that the platform needs]
    #[arg(long, value_name = "SCOPES", env = "ADOBE_SCOPES")]
    pub scopes: Option<String>,

    /// Credential file as Adobe's developer console lets one download it (JSON)
    #[arg(long, value_name = "FILE", env = "FLOWFORM_CREDENTIALS")]
    pub credentials: Option<PathBuf>,

    /// PEM file with certificates to trust besides the system's
    #[arg(long, value_name = "FILE", env = "FLOWFORM_CA_FILE")]
    pub ca_file: Option<PathBuf>,

    /// Let credentials go over plain http to a host that is not this machine, where anybody on the way can read them
    #[arg(long)]
    pub allow_http: bool,

    /// Where the state is kept [default: state/SANDBOX.json]
    #[arg(long, value_name = "PATH", env = "FLOWFORM_STATE")]
    pub state: Option<PathBuf>,

    /// How long to wait while another run holds the state's lock, such as 30s or 10m
    #[arg(long, value_name = "SPAN", default_value = "0s", value_parser = locking::timeout)]
    pub lock_timeout: Duration,

    /// Requests, and steps of an apply, under way at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub parallelism: u16,

    /// Seconds that one request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    pub timeout: f64,

    /// Seconds before the first repetition of a request; each later wait is twice as long
    #[arg(long, value_name = "SECONDS", env = "FLOWFORM_RETRY_WAIT", default_value_t = 1.0, value_parser = seconds)]
    pub retry_wait: f64,

    /// Seconds that a `fromCommand` may take to print its secret, or a `fromFile` to be read
    #[arg(long, value_name = "SECONDS", env = "FLOWFORM_COMMAND_TIMEOUT", default_value_t = 30.0, value_parser = seconds)]
    pub command_timeout: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("write a number of seconds from 0.001 to 3600".to_owned()),
    }
}

/// The org that the emulator is given when nobody names one: that of the examples.
pub(crate) const EMULATOR_ORG: &str = "0123456789ABCDEF01234567@AdobeOrg";

/// The value of one thing that a flag and the manifest may both name. They must not disagree, but a default in the manifest
/// (`${env:NAME:-default}`) gives way to the flag.
fn one(what: &str, flag: Option<&str>, named: Option<&Named>) -> Result<Option<String>, Failure> {
    match (flag, named) {
        (Some(flag), Some(named)) if !named.is_default && flag != named.value => {
            let value = &named.value;
            Err(Failure::usage(format!(
                "the manifest names the {what} {value}, and the command line or environment {flag}"
            ))
            .hint(if flag.eq_ignore_ascii_case(value) {
                "they differ in the case of letters alone: write it as the platform does in both places"
                    .to_owned()
            } else {
                format!("one run manages one {what}: drop one of the two")
            }))
        }
        (flag, named) => Ok(flag.or(named.map(|named| named.value.as_str())).map(str::to_owned)),
    }
}

/// The folder of the states, which has no other files that end in `.json`.
pub(crate) fn default_folder(emulator: bool) -> &'static str {
    if emulator { "state/emulator" } else { "state" }
}

/// The state's path where `--state` names none.
pub(crate) fn default_state(sandbox: &str, emulator: bool) -> PathBuf {
    state_in(default_folder(emulator), sandbox)
}

fn state_in(folder: &str, sandbox: &str) -> PathBuf {
    Path::new(folder).join(format!("{sandbox}.json"))
}

/// Which state a command works with that no manifest leads to: the one that is named, else that of the sandbox that is
/// named, else the only one that the folders hold. `None` where they hold none.
///
/// # Errors
///
/// A usage error where several states could be meant.
pub(crate) fn chosen_state(
    state: Option<&Path>,
    sandbox: Option<&str>,
    folders: &[&str],
) -> Result<Option<PathBuf>, Failure> {
    if let Some(state) = state {
        return Ok(Some(state.to_owned()));
    }
    let found = match sandbox {
        Some(sandbox) if !is_sandbox_name(sandbox) => return Err(not_a_sandbox(sandbox)),
        Some(sandbox) => {
            let paths = folders.iter().map(|folder| state_in(folder, sandbox));
            paths.filter(|path| path.exists()).collect()
        }
        None => states_in(folders),
    };
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several => {
            let paths: Vec<String> = several.iter().map(|p| p.display().to_string()).collect();
            let hint = if sandbox.is_some() {
                "say which with --state"
            } else {
                "say which with --sandbox or --state"
            };
            Err(Failure::usage(format!("there are several states: {}", paths.join(", "))).hint(hint))
        }
    }
}

/// The states that these folders hold, sorted.
fn states_in(folders: &[&str]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "json") && !plan_file::holds_plan(path))
        .collect();
    found.sort();
    found
}

/// Says that there is no state for a command that needs one, and which there are.
pub(crate) fn no_state(sandbox: Option<&str>, folders: &[&str]) -> Failure {
    let first = folders.first().copied().unwrap_or_default();
    let message = match sandbox {
        Some(sandbox) => format!("there is no state at {}", state_in(first, sandbox).display()),
        None => format!("there is no state in {first}/"),
    };
    let hint = match states_in(&[default_folder(false), default_folder(true)]).as_slice() {
        [] => "`flowform apply` makes one; name another with --state".to_owned(),
        [one] if sandbox.is_none() => {
            format!("the only state is {}: add --emulator, or name it with --state", one.display())
        }
        [one] => format!("the only state is {}: name it with --state", one.display()),
        several => {
            let paths: Vec<String> = several.iter().map(|p| p.display().to_string()).collect();
            format!("the states are {}: name one with --state", paths.join(", "))
        }
    };
    Failure::new(Status::State, message).hint(hint)
}

fn not_a_sandbox(text: &str) -> Failure {
    Failure::usage(format!("`{text}` is not a sandbox name")).hint("letters, digits and hyphens, such as dev")
}

/// Whether a text can be a sandbox's name; the state's file is named after it.
fn is_sandbox_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 256
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// What identifies the place: which org and which sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Where {
    pub org: String,
    pub sandbox: String,
}

impl PlatformArguments {
    /// The sandbox from manifest and flags, which must not disagree.
    pub(crate) fn sandbox(&self, manifest: Option<&Manifest>) -> Result<String, Failure> {
        let named = manifest.and_then(|m| m.sandbox.as_ref());
        let sandbox = one("sandbox", self.sandbox.as_deref(), named)?;
        let sandbox = sandbox.or_else(|| self.emulator.then(|| "dev".to_owned())).ok_or_else(|| {
            Failure::usage("no sandbox is named")
                .hint("set `platform.sandbox` in the manifest, or ADOBE_SANDBOX, or --sandbox")
        })?;
        if !is_sandbox_name(&sandbox) {
            return Err(not_a_sandbox(&sandbox));
        }
        Ok(sandbox)
    }

    /// The arguments for a command that no manifest leads to a sandbox: where none is named, it is the chosen state's.
    pub(crate) fn placed_by_state(&self) -> Result<Self, Failure> {
        let mut placed = self.clone();
        if self.sandbox.is_none() {
            let path = chosen_state(self.state.as_deref(), None, &[default_folder(self.emulator)])?;
            placed.sandbox = match &path {
                Some(path) => StateFile::new(path).read()?.map(|state| state.place.sandbox),
                None => None,
            };
            placed.state = path;
        }
        Ok(placed)
    }

    /// The org from manifest and flags, which must not disagree; else one of `others`, the first that there is.
    pub(crate) fn org(
        &self,
        manifest: Option<&Manifest>,
        others: impl IntoIterator<Item = Option<String>>,
    ) -> Result<String, Failure> {
        let named = manifest.and_then(|m| m.org.as_ref());
        one("org", self.org.as_deref(), named)?
            .or_else(|| others.into_iter().flatten().next())
            .or_else(|| self.emulator.then(|| EMULATOR_ORG.to_owned()))
            .ok_or_else(|| {
                Failure::usage("no organisation is named")
                    .hint("set `platform.org` in the manifest, or ADOBE_ORG_ID, or --org (XXXX@AdobeOrg)")
            })
    }

    /// The credential file's content, if one is named.
    pub(crate) fn console(&self) -> Result<Option<ConsoleCredentials>, Failure> {
        let Some(path) = self.credentials.as_ref().filter(|_| !self.emulator) else { return Ok(None) };
        let text = piped::text(path).map_err(|error| {
            Failure::new(
                Status::Auth,
                format!("the credential file {} cannot be read: {error}", path.display()),
            )
        })?;
        Ok(Some(credentials::parse(&text)?))
    }

    /// The client's settings. `emulator` is the URL of the embedded emulator, if it is used.
    pub(crate) fn client(
        &self,
        place: &Where,
        console: Option<ConsoleCredentials>,
        emulator: Option<&str>,
    ) -> Result<api::Settings, Failure> {
        let settings = if let Some(url) = emulator {
            emulator_client(url, place.clone(), "flowform")
        } else {
            let (client_id, credential) = self.credential(console)?;
            settings(&self.gateway, &self.ims, place.clone(), client_id, credential)
        };
        let ca_file = match &self.ca_file {
            None => None,
            Some(path) => Some(piped::whole(path).map_err(|error| {
                Failure::usage(format!("the certificate file {} cannot be read: {error}", path.display()))
            })?),
        };
        Ok(api::Settings {
            timeout: Duration::from_secs_f64(self.timeout),
            connect_timeout: Duration::from_secs_f64(self.timeout.min(10.0)),
            max_in_flight: usize::from(self.parallelism),
            ca_file,
            allow_http: self.allow_http,
            retry: retry::Policy {
                base: Duration::from_secs_f64(self.retry_wait),
                ..retry::Policy::default()
            },
            ..settings
        })
    }

    fn credential(&self, console: Option<ConsoleCredentials>) -> Result<(String, Credential), Failure> {
        let (console_id, console_secret, console_scopes) =
            console.map(|c| (c.client_id, c.client_secret, c.scopes)).unwrap_or_default();
        let set = |name: &str| environment(name).and_then(Secret::of_text);
        let missing = |what: &str, hint: &str| Failure::new(Status::Auth, what).hint(hint);
        let client_id = self.client_id.clone().or(console_id).ok_or_else(|| {
            missing(
                "no client id is given",
                "set ADOBE_CLIENT_ID, or name the console's credential file with --credentials; \
                 to try flowform without an account, add --emulator",
            )
        })?;
        if let Some(token) = set("ADOBE_ACCESS_TOKEN") {
            return Ok((client_id, Credential::Token(token)));
        }
        let secret = set("ADOBE_CLIENT_SECRET").or(console_secret).ok_or_else(|| {
            missing(
                "neither a client secret nor an access token is given",
                "set ADOBE_CLIENT_SECRET (or ADOBE_ACCESS_TOKEN), or name a credential file with --credentials",
            )
        })?;
        let scopes = self.scopes.clone().or(console_scopes).unwrap_or_else(|| api::DEFAULT_SCOPES.to_owned());
        Ok((client_id, Credential::ClientSecret { secret, scopes }))
    }
}

/// Settings for the embedded emulator at `url`, which takes any client and any secret.
pub(crate) fn emulator_client(url: &str, place: Where, client_id: &str) -> api::Settings {
    let secret = Secret::new("the-emulator-takes-any-secret");
    let credential = Credential::ClientSecret { secret, scopes: api::DEFAULT_SCOPES.to_owned() };
    settings(url, url, place, client_id.to_owned(), credential)
}

fn settings(
    gateway: &str,
    ims: &str,
    place: Where,
    client_id: String,
    credential: Credential,
) -> api::Settings {
    api::Settings {
        gateway: gateway.to_owned(),
        ims: ims.to_owned(),
        org: place.org,
        client_id,
        credential,
        sandbox: place.sandbox,
        timeout: Duration::from_mins(1),
        connect_timeout: Duration::from_secs(10),
        max_in_flight: 4,
        ca_file: None,
        allow_http: false,
        proxies: api::Proxies::default(),
        retry: retry::Policy::default(),
        user_agent: concat!("flowform/", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}
