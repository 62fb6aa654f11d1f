//! The switches: one for each thing that Adobe's documents leave open (platform-api.md 8).
//!
//! A default is the best-attested reading. What is documented has no switch.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How the emulator behaves where the documents allow more than one behaviour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// Added before every answer.
    pub latency: Duration,
    /// Seconds an IMS token lives.
    pub token_lifetime: i64,
    /// The only client secret IMS accepts; `None` accepts any.
    pub client_secret: Option<String>,
    /// A bearer token that is accepted without asking IMS.
    pub accept_token: Option<String>,
    /// The only organisation that exists; `None` accepts any well-formed one.
    pub org: Option<String>,
    /// Whether Flow Service answers a missing sandbox header with an error, or means `prod`.
    pub sandbox_header: SandboxHeader,
    /// How secrets of `auth.params` read back.
    pub secret_echo: SecretEcho,
    /// How the values of `scheduleParams` read back.
    pub schedule_values: ScheduleValues,
    /// Whether `backfill`, when it was not sent, reads back as true (the flow spec's default).
    pub backfill_default: bool,
    /// Body of a PATCH answer.
    pub patch_answer: PatchAnswer,
    /// Status of a PATCH answer; the destination guides mention 202 for flows.
    pub patch_status: u16,
    /// Whether an `ETag` response header comes with single objects.
    pub etag_header: bool,
    /// Whether DELETE wants an If-Match.
    pub delete_if_match: bool,
    /// Reads during which a deleted Flow Service object is still there as `delete-finalizing`.
    pub delete_finalizing: u32,
    /// List requests that a new Flow Service object is missing from.
    pub list_lag: u32,
    /// Reads during which a new or changed Flow Service object is `initializing` or `updating`.
    pub settle: u32,
    /// What the `lastOperation` of a flow says once the flow has settled.
    pub last_operation: LastOperation,
    /// Page size of a Flow Service list without `limit`.
    pub default_limit: usize,
    /// Largest page of a Flow Service list.
    pub max_limit: usize,
    /// Whether a base connection with source connections but without flows can be deleted.
    pub delete_base_with_sources: bool,
    /// Whether a source or target connection that a flow uses can be deleted.
    pub delete_used_connection: bool,
    /// Whether PATCH works on connections of these sources at all (`FLOW-1445-400`).
    pub connection_patch: bool,
    /// Whether a source connection must have its base connection's spec.
    pub connection_specs_equal: bool,
    /// Whether `?mode=draft` works for these sources.
    pub draft_mode: bool,
    /// Whether a start time in the past is refused on create, as documented.
    pub past_start: bool,
    /// Whether specs of connections and flows can be read at all (`FLOW-2121-403`).
    pub spec_read: bool,
    /// What a flow spec calls its transformations.
    pub transformation_specs: TransformationSpecs,
    /// What `GET /connections/{id}/test` says.
    pub connection_test: ConnectionTest,
    /// The key that wraps a record in explore.
    pub explore_root: ExploreRoot,
    /// How explore shows a file that has columns: the guide and the spec disagree.
    pub explore_file: ExploreFile,
    /// Which version `GET /mappingSets/{id}` returns without `version`.
    pub default_mapping_version: MappingVersion,
    /// What `DELETE /mappingSets/{id}` does.
    pub mapping_delete: MappingDelete,
    /// What `POST /mappingSets/validate` does.
    pub mapping_validate: MappingValidate,
    /// Whether a list of mapping sets must give `start`; `OpenAPI` says so, Adobe's client does not.
    pub mapping_list_start: bool,
    /// Whether `_page.count` of that list is the number of items, or 0 as in the only example.
    pub page_count: bool,
    /// Whether mappings come back in the order they were sent, or reversed.
    pub mapping_order: bool,
    /// Members that no document lists, added to every object that is read.
    pub extra_fields: bool,
    /// Added to the platform's clock, in seconds: of schedules, of what is noted of objects, of the `Date` header.
    pub clock_offset: i64,
    /// How the runs of a schedule end.
    pub run_outcome: RunOutcome,
    /// The `state` of every sandbox.
    pub sandbox_state: String,
    /// Whether sandboxes can be looked up: a credential may lack the right to.
    pub sandbox_lookup: bool,
}

/// See [`Behaviour::transformation_specs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransformationSpecs {
    /// `transformationSpecs`, as live answers are printed.
    Plural,
    /// `transformationSpec`, as two tutorials print it.
    Singular,
}

/// See [`Behaviour::connection_test`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionTest {
    /// `{"result": true}`.
    True,
    /// `{"result": false}`.
    False,
    /// An error of the source's own side: `CONNECTOR-1308-400`.
    Error,
}

/// See [`Behaviour::explore_file`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExploreFile {
    /// `{"format", "schema": {"columns"}, "data"}`, as a printed spec has it.
    Schema,
    /// An array of columns, as the guide's example has it.
    Columns,
}

/// See [`Behaviour::mapping_validate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingValidate {
    /// One verdict per mapping.
    Answered,
    /// Not implemented: 405.
    NotAllowed,
    /// Not implemented: 404.
    NotFound,
}

/// See [`Behaviour::last_operation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastOperation {
    /// `completed`.
    Completed,
    /// Nothing: it has no status, as two tutorials print it.
    Silent,
    /// A failure with an error.
    Failed,
    /// That it goes on.
    InProgress,
}

/// See [`Behaviour::run_outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// The first as the tutorial's, the later ones in every way.
    Mixed,
    /// Every record arrives.
    Success,
    /// As the tutorial's: `success`, and one record of a hundred failed.
    Partial,
    /// Nothing arrives.
    Failed,
    /// They do not end.
    InProgress,
}

/// See [`Behaviour::sandbox_header`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxHeader {
    /// `FLOW-2105-400`.
    Required,
    /// The request goes to `prod`.
    Prod,
}

/// See [`Behaviour::secret_echo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretEcho {
    /// Replaced by asterisks.
    Masked,
    /// As sent.
    Clear,
    /// Left out.
    Absent,
}

/// See [`Behaviour::schedule_values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleValues {
    /// Every value a string.
    String,
    /// Numbers and booleans.
    Number,
    /// As sent.
    Sent,
}

/// See [`Behaviour::patch_answer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchAnswer {
    /// `{"id","etag"}`.
    Short,
    /// `{"items":[...]}`.
    Wrapped,
}

/// See [`Behaviour::explore_root`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExploreRoot {
    /// `result`, the current key.
    Result,
    /// `results`, the first tutorial's key.
    Results,
}

/// See [`Behaviour::default_mapping_version`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingVersion {
    /// The newest.
    Latest,
    /// 0, as `OpenAPI` says.
    Zero,
}

/// See [`Behaviour::mapping_delete`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingDelete {
    /// Deleted, 204.
    NoContent,
    /// Deleted, 200.
    Ok,
    /// Not implemented: 405.
    NotAllowed,
    /// Not implemented: 404.
    NotFound,
    /// 400 while a flow uses it, else deleted.
    InUse,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            token_lifetime: 86_399,
            client_secret: None,
            accept_token: None,
            org: None,
            sandbox_header: SandboxHeader::Required,
            secret_echo: SecretEcho::Masked,
            schedule_values: ScheduleValues::String,
            backfill_default: true,
            patch_answer: PatchAnswer::Short,
            patch_status: 200,
            etag_header: false,
            delete_if_match: false,
            delete_finalizing: 0,
            list_lag: 0,
            settle: 0,
            last_operation: LastOperation::Completed,
            default_limit: 20,
            max_limit: 100,
            delete_base_with_sources: true,
            delete_used_connection: false,
            connection_patch: true,
            connection_specs_equal: false,
            draft_mode: true,
            past_start: false,
            spec_read: true,
            transformation_specs: TransformationSpecs::Plural,
            connection_test: ConnectionTest::True,
            explore_root: ExploreRoot::Result,
            explore_file: ExploreFile::Schema,
            default_mapping_version: MappingVersion::Latest,
            mapping_delete: MappingDelete::NoContent,
            mapping_validate: MappingValidate::Answered,
            mapping_list_start: true,
            page_count: false,
            mapping_order: true,
            extra_fields: true,
            clock_offset: 0,
            run_outcome: RunOutcome::Mixed,
            sandbox_state: "active".to_owned(),
            sandbox_lookup: true,
        }
    }
}

/// One switch, for help texts.
#[derive(Debug, Clone, Copy)]
pub struct Switch {
    /// The part before `=`.
    pub name: &'static str,
    /// What may follow `=`.
    pub values: &'static str,
    /// What holds when the switch is not given; empty when that is "any" or "none".
    pub default: &'static str,
    /// One line.
    pub meaning: &'static str,
}

const fn switch(
    name: &'static str,
    values: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Switch {
    Switch { name, values, default, meaning }
}

/// Every switch, in the order a help text should list them.
pub const SWITCHES: &[Switch] = &[
    switch("latency", "MS", "0", "wait before every answer"),
    switch("token-lifetime", "SECONDS", "86399", "how long an IMS token lives"),
    switch("client-secret", "TEXT", "", "the only client secret that IMS accepts"),
    switch("accept-token", "TEXT", "", "a bearer token that is valid without IMS"),
    switch("org", "ID@AdobeOrg", "", "the only organisation that exists"),
    switch("sandbox-header", "required|prod", "required", "Flow Service without x-sandbox-name"),
    switch("secret-echo", "masked|clear|absent", "masked", "how secrets read back"),
    switch("schedule-values", "string|number|sent", "string", "how scheduleParams read back"),
    switch("backfill-default", "true|absent", "true", "backfill on read when it was not sent"),
    switch("patch-answer", "short|wrapped", "short", "body of a PATCH answer"),
    switch("patch-status", "200|202", "200", "status of a PATCH answer"),
    switch("etag-header", "absent|present", "absent", "an ETag response header"),
    switch("delete-if-match", "ignored|required", "ignored", "If-Match on DELETE"),
    switch("delete-finalizing", "READS", "0", "reads that still see a deleted object, as delete-finalizing"),
    switch("list-lag", "LISTS", "0", "lists that a new object is missing from"),
    switch("settle", "READS", "0", "reads that see initializing or updating before enabled"),
    switch(
        "last-operation",
        "completed|silent|failed|in-progress",
        "completed",
        "lastOperation of a settled flow",
    ),
    switch("default-limit", "N", "20", "page size of a Flow Service list without limit"),
    switch("max-limit", "N", "100", "largest page of a Flow Service list"),
    switch("delete-base-with-sources", "allowed|refused", "allowed", "a base with sources and no flow"),
    switch("delete-used-connection", "refused|allowed", "refused", "a source or target that a flow uses"),
    switch("connection-patch", "allowed|refused", "allowed", "PATCH of a base connection"),
    switch("connection-specs", "any|equal", "any", "spec of a source against that of its base"),
    switch("draft-mode", "supported|refused", "supported", "?mode=draft"),
    switch("past-start", "refused|allowed", "refused", "a start time in the past on create"),
    switch("spec-read", "allowed|refused", "allowed", "GET of connection specs and flow specs"),
    switch("transformation-specs", "plural|singular", "plural", "member of a flow spec"),
    switch("connection-test", "true|false|error", "true", "result of /connections/{id}/test"),
    switch("explore-root", "result|results", "result", "key that wraps a record in explore"),
    switch("explore-file", "schema|columns", "schema", "explore of a file that has columns"),
    switch("default-mapping-version", "latest|zero", "latest", "GET of a mapping set without version"),
    switch("mapping-delete", "204|200|405|404|400-in-use", "204", "DELETE of a mapping set"),
    switch("mapping-validate", "answered|405|404", "answered", "POST /mappingSets/validate"),
    switch("mapping-list-start", "required|optional", "required", "start in a list of mapping sets"),
    switch("page-count", "zero|real", "zero", "_page.count in a list of mapping sets"),
    switch("mapping-order", "kept|reversed", "kept", "order of mappings on read"),
    switch("extra-fields", "on|off", "on", "undocumented members on every object read"),
    switch(
        "clock-offset",
        "SECONDS",
        "0",
        "added to the platform's clock: of schedules, of what is noted of objects, of the Date header",
    ),
    switch("run-outcome", "mixed|success|partial|failed|in-progress", "mixed", "how scheduled runs end"),
    switch(
        "sandbox-state",
        "active|creating|resetting|deleting|deleted|failed",
        "active",
        "state of every sandbox",
    ),
    switch("sandbox-lookup", "allowed|refused", "allowed", "GET of sandboxes"),
];

/// Text that is not a behaviour or not a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError(pub(super) String);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

impl Behaviour {
    /// Sets one switch from `key=value`.
    pub fn set(&mut self, text: &str) -> Result<(), ParseError> {
        let (key, value) =
            text.split_once('=').ok_or_else(|| ParseError(format!("`{text}` is not KEY=VALUE")))?;
        let (key, value) = (key.trim(), value.trim());
        let Some(switch) = SWITCHES.iter().find(|switch| switch.name == key) else {
            let names: Vec<&str> = SWITCHES.iter().map(|switch| switch.name).collect();
            return Err(ParseError(format!("unknown behaviour `{key}`; there are: {}", names.join(", "))));
        };
        self.assign(key, value)
            .ok_or_else(|| ParseError(format!("`{value}` is no value of {key}; expected {}", switch.values)))
    }

    /// Defaults, then every `key=value` of `texts` in order.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, ParseError> {
        let mut behaviour = Self::default();
        for text in texts {
            behaviour.set(text)?;
        }
        Ok(behaviour)
    }

    fn assign(&mut self, key: &str, value: &str) -> Option<()> {
        // `yes` and `no` are the two words of the switch at hand.
        let either = |yes: &str, no: &str| match value {
            v if v == yes => Some(true),
            v if v == no => Some(false),
            _ => None,
        };
        let text = || (!value.is_empty()).then(|| value.to_owned());
        match key {
            "latency" => self.latency = Duration::from_millis(value.parse().ok()?),
            "token-lifetime" => self.token_lifetime = value.parse().ok().filter(|n| *n >= 0)?,
            "client-secret" => self.client_secret = Some(text()?),
            "accept-token" => self.accept_token = Some(text()?),
            "org" => self.org = Some(text()?),
            "sandbox-header" => {
                self.sandbox_header =
                    if either("required", "prod")? { SandboxHeader::Required } else { SandboxHeader::Prod }
            }
            "secret-echo" => {
                self.secret_echo = match value {
                    "masked" => SecretEcho::Masked,
                    "clear" => SecretEcho::Clear,
                    "absent" => SecretEcho::Absent,
                    _ => return None,
                }
            }
            "schedule-values" => {
                self.schedule_values = match value {
                    "string" => ScheduleValues::String,
                    "number" => ScheduleValues::Number,
                    "sent" => ScheduleValues::Sent,
                    _ => return None,
                }
            }
            "backfill-default" => self.backfill_default = either("true", "absent")?,
            "patch-answer" => {
                self.patch_answer =
                    if either("short", "wrapped")? { PatchAnswer::Short } else { PatchAnswer::Wrapped }
            }
            "patch-status" => self.patch_status = if either("200", "202")? { 200 } else { 202 },
            "etag-header" => self.etag_header = either("present", "absent")?,
            "delete-if-match" => self.delete_if_match = either("required", "ignored")?,
            "delete-finalizing" => self.delete_finalizing = value.parse().ok()?,
            "list-lag" => self.list_lag = value.parse().ok()?,
            "settle" => self.settle = value.parse().ok()?,
            "last-operation" => {
                self.last_operation = match value {
                    "completed" => LastOperation::Completed,
                    "silent" => LastOperation::Silent,
                    "failed" => LastOperation::Failed,
                    "in-progress" => LastOperation::InProgress,
                    _ => return None,
                }
            }
            "default-limit" => self.default_limit = value.parse().ok().filter(|n| *n > 0)?,
            "max-limit" => self.max_limit = value.parse().ok().filter(|n| *n > 0)?,
            "delete-base-with-sources" => self.delete_base_with_sources = either("allowed", "refused")?,
            "delete-used-connection" => self.delete_used_connection = either("allowed", "refused")?,
            "connection-patch" => self.connection_patch = either("allowed", "refused")?,
            "connection-specs" => self.connection_specs_equal = either("equal", "any")?,
            "draft-mode" => self.draft_mode = either("supported", "refused")?,
            "past-start" => self.past_start = either("allowed", "refused")?,
            "spec-read" => self.spec_read = either("allowed", "refused")?,
            "transformation-specs" => {
                self.transformation_specs = if either("plural", "singular")? {
                    TransformationSpecs::Plural
                } else {
                    TransformationSpecs::Singular
                }
            }
            "connection-test" => {
                self.connection_test = match value {
                    "true" => ConnectionTest::True,
                    "false" => ConnectionTest::False,
                    "error" => ConnectionTest::Error,
                    _ => return None,
                }
            }
            "explore-root" => {
                self.explore_root =
                    if either("result", "results")? { ExploreRoot::Result } else { ExploreRoot::Results }
            }
            "explore-file" => {
                self.explore_file =
                    if either("schema", "columns")? { ExploreFile::Schema } else { ExploreFile::Columns }
            }
            "default-mapping-version" => {
                self.default_mapping_version =
                    if either("latest", "zero")? { MappingVersion::Latest } else { MappingVersion::Zero }
            }
            "mapping-delete" => {
                self.mapping_delete = match value {
                    "204" => MappingDelete::NoContent,
                    "200" => MappingDelete::Ok,
                    "405" => MappingDelete::NotAllowed,
                    "404" => MappingDelete::NotFound,
                    "400-in-use" => MappingDelete::InUse,
                    _ => return None,
                }
            }
            "mapping-validate" => {
                self.mapping_validate = match value {
                    "answered" => MappingValidate::Answered,
                    "405" => MappingValidate::NotAllowed,
                    "404" => MappingValidate::NotFound,
                    _ => return None,
                }
            }
            "mapping-list-start" => self.mapping_list_start = either("required", "optional")?,
            "page-count" => self.page_count = either("real", "zero")?,
            "mapping-order" => self.mapping_order = either("kept", "reversed")?,
            "extra-fields" => self.extra_fields = either("on", "off")?,
            "clock-offset" => self.clock_offset = value.parse().ok()?,
            "run-outcome" => {
                self.run_outcome = match value {
                    "mixed" => RunOutcome::Mixed,
                    "success" => RunOutcome::Success,
                    "partial" => RunOutcome::Partial,
                    "failed" => RunOutcome::Failed,
                    "in-progress" => RunOutcome::InProgress,
                    _ => return None,
                }
            }
            "sandbox-state" => {
                let states = ["active", "creating", "resetting", "deleting", "deleted", "failed"];
                self.sandbox_state = states.contains(&value).then(|| value.to_owned())?;
            }
            "sandbox-lookup" => self.sandbox_lookup = either("allowed", "refused")?,
            _ => return None,
        }
        Some(())
    }
}

impl FromStr for Behaviour {
    type Err = ParseError;

    /// Switches separated by commas or white space.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text.split([',', ' ', '\n']).filter(|part| !part.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_switch_is_known_and_its_default_is_the_default() {
        for switch in SWITCHES {
            if switch.default.is_empty() {
                continue;
            }
            let mut behaviour = Behaviour::default();
            behaviour.set(&format!("{}={}", switch.name, switch.default)).unwrap();
            assert_eq!(behaviour, Behaviour::default(), "{}", switch.name);
            for value in switch.values.split('|').filter(|value| value.chars().all(|c| !c.is_uppercase())) {
                behaviour.set(&format!("{}={value}", switch.name)).unwrap();
            }
        }
    }

    #[test]
    fn an_unknown_key_lists_all_and_a_bad_value_lists_the_values() {
        let unknown = Behaviour::parse(["nope=1"]).unwrap_err().to_string();
        assert!(unknown.contains("secret-echo") && unknown.contains("clock-offset"));
        let bad = "secret-echo=loud".parse::<Behaviour>().unwrap_err().to_string();
        assert!(bad.contains("masked|clear|absent"));
        assert!(Behaviour::parse(["latency"]).is_err());
        assert_eq!(Behaviour::parse(["latency=5"]).unwrap().latency, Duration::from_millis(5));
    }
}
