//! The schedule rules of a flow, before and after its start (platform-api.md 2.6).

use serde_json::{Map, Value, json};

use super::behaviour::{Behaviour, ScheduleValues};
use super::message::{Refusal, sources};

/// A schedule as numbers, whatever JSON types it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) start: i64,
    pub(super) frequency: String,
    /// 0 when the frequency is `once`.
    pub(super) interval: i64,
    backfill: Option<bool>,
}

impl Schedule {
    /// Seconds between two runs; `None` when there is only one.
    pub(super) fn period(&self) -> Option<i64> {
        let unit = match self.frequency.as_str() {
            "minute" => 60,
            "hour" => 3600,
            "day" => 86_400,
            "week" => 604_800,
            _ => return None,
        };
        Some(self.interval.max(1).saturating_mul(unit))
    }
}

/// Reads `scheduleParams`, or says what is wrong with it, whenever that is.
pub(super) fn parse(params: Option<&Value>) -> Result<Schedule, Refusal> {
    let Some(params) = params.and_then(Value::as_object).filter(|params| !params.is_empty()) else {
        return Err(sources(
            "1317-400",
            "The provided schedule params are empty but should not be empty. Please provide valid schedule \
             params and try again.",
        ));
    };
    let start = params.get("startTime").ok_or_else(|| missing("startTime"))?;
    let start = integer(start).filter(|start| *start >= 0).ok_or_else(|| {
        sources(
            "1340-400",
            format!(
                "An error occurred while parsing {}. Please check the time format provided in the request \
                 and try again.",
                plain(start)
            ),
        )
    })?;
    let frequency = params.get("frequency").ok_or_else(|| missing("frequency"))?;
    let frequency = plain(frequency);
    if !["once", "minute", "hour", "day", "week"].contains(&frequency.as_str()) {
        return Err(sources(
            "1397-400",
            format!(
                "The provided frequency : {frequency} is invalid. Please provide a valid frequency and try again."
            ),
        ));
    }
    let backfill = match params.get("backfill") {
        None => None,
        Some(value) => Some(boolean(value).ok_or_else(|| invalid("backfill", value))?),
    };
    let interval = params.get("interval");
    if frequency == "once" {
        if interval.is_some() {
            return Err(sources(
                "1361-400",
                "Interval is not allowed with one time ingestion. Please remove interval or change frequency \
                 and then try again.",
            ));
        }
        if backfill.is_some() {
            return Err(sources(
                "1364-400",
                "The backfill flag is not allowed when frequency is set to one. Please remove the backfill \
                 flag when frequency is set to once and try again.",
            ));
        }
        return Ok(Schedule { start, frequency, interval: 0, backfill });
    }
    let interval = interval.ok_or_else(|| missing("interval"))?;
    let Some(number) = integer(interval) else {
        return Err(sources(
            "1363-400",
            format!(
                "Interval {} is not allowed with frequency: {frequency}. Please provide a valid interval value \
                 and try again.",
                plain(interval)
            ),
        ));
    };
    let least = if frequency == "minute" { 15 } else { 1 };
    if number < least {
        return Err(sources(
            "1362-400",
            format!(
                "Interval cannot be less than {least}. Please provide a valid interval value and try again."
            ),
        ));
    }
    Ok(Schedule { start, frequency, interval: number, backfill })
}

/// A start must lie ahead: on create, and when it is changed.
pub(super) fn ahead(schedule: &Schedule, now: i64, behaviour: &Behaviour) -> Result<(), Refusal> {
    if schedule.start < now && !behaviour.past_start {
        return Err(sources(
            "1360-400",
            "The start time cannot be set in the past. Please provide a valid start time and try again.",
        ));
    }
    Ok(())
}

/// What may still change, judged by the start that was set before the change.
pub(super) fn change(
    before: &Schedule,
    after: &Schedule,
    now: i64,
    behaviour: &Behaviour,
) -> Result<(), Refusal> {
    if before.start > now {
        return if after.start == before.start { Ok(()) } else { ahead(after, now, behaviour) };
    }
    if after.start != before.start {
        return Err(sources(
            "1366-400",
            "The start time has passed and the update operation is no longer allowed.",
        ));
    }
    if after.frequency == "once" && before.frequency != "once" {
        return Err(sources(
            "1403-400",
            "The start time has passed and you can no longer change the frequency to once.",
        ));
    }
    // Absent means true, except that `once` has none: leaving `once` does not touch backfill.
    if after.backfill.unwrap_or(true) != before.backfill.unwrap_or(true) && before.frequency != "once" {
        return Err(sources("1404-400", "The start time has passed and you can no longer update backfill."));
    }
    Ok(())
}

/// `scheduleParams` as it reads back.
pub(super) fn show(params: &mut Map<String, Value>, behaviour: &Behaviour) {
    let periodic = params.get("frequency").is_some_and(|frequency| frequency != "once");
    if periodic && behaviour.backfill_default {
        params.entry("backfill").or_insert(json!(true));
    }
    for value in params.values_mut() {
        match behaviour.schedule_values {
            ScheduleValues::Sent => {}
            ScheduleValues::String => *value = json!(plain(value)),
            ScheduleValues::Number => {
                if let Some(number) = integer(value) {
                    *value = json!(number);
                } else if let Some(flag) = boolean(value) {
                    *value = json!(flag);
                }
            }
        }
    }
}

fn missing(param: &str) -> Refusal {
    sources(
        "1359-400",
        format!("The param {param} is missing in the request. Please provide a valid {param} and try again."),
    )
}

fn invalid(param: &str, value: &Value) -> Refusal {
    sources(
        "1312-400",
        format!(
            "The provided param value {} is not a valid input for property={param}. Please provide a valid \
             param value and try again.",
            plain(value)
        ),
    )
}

/// Both 15 and "15" are accepted: the tutorials send both.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A value as a message shows it: a string without its quotes.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::message::{Content, settle};

    const NOW: i64 = 1_000;

    fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
        let Content::Json(body) = settle(Err(result.unwrap_err())).content else { panic!("no body") };
        body["type"].as_str().unwrap().rsplit("CONNECTOR-").next().unwrap().to_owned()
    }

    fn parsed(params: &Value) -> Schedule {
        parse(Some(params)).unwrap()
    }

    #[test]
    fn each_rule_of_creation_has_its_code() {
        for (params, expected) in [
            (json!({}), "1317-400"),
            (json!({"frequency": "day", "interval": 1}), "1359-400"),
            (json!({"startTime": "tomorrow", "frequency": "day", "interval": 1}), "1340-400"),
            (json!({"startTime": 5, "frequency": "month", "interval": 1}), "1397-400"),
            (json!({"startTime": 5, "frequency": "once", "interval": 1}), "1361-400"),
            (json!({"startTime": 5, "frequency": "once", "backfill": true}), "1364-400"),
            (json!({"startTime": 5, "frequency": "minute", "interval": 14}), "1362-400"),
            (json!({"startTime": 5, "frequency": "hour", "interval": "0"}), "1362-400"),
            (json!({"startTime": 5, "frequency": "hour", "interval": 1.5}), "1363-400"),
            (json!({"startTime": 5, "frequency": "hour"}), "1359-400"),
        ] {
            assert_eq!(code(parse(Some(&params))), expected, "{params}");
        }
        assert_eq!(code(parse(None)), "1317-400");
        let soon = parsed(&json!({"startTime": "2000", "frequency": "hour", "interval": "1"}));
        assert!(ahead(&soon, NOW, &Behaviour::default()).is_ok());
        let past = parsed(&json!({"startTime": "999", "frequency": "minute", "interval": 15}));
        assert_eq!(code(ahead(&past, NOW, &Behaviour::default())), "1360-400");
    }

    #[test]
    fn after_the_start_only_the_rhythm_may_change() {
        let behaviour = Behaviour::default();
        let started = parsed(&json!({"startTime": 900, "frequency": "hour", "interval": 1}));
        let to = |params| change(&started, &parsed(&params), NOW, &behaviour);
        assert!(to(json!({"startTime": "900", "frequency": "day", "interval": 2})).is_ok());
        assert!(to(json!({"startTime": 900, "frequency": "hour", "interval": 1, "backfill": true})).is_ok());
        assert_eq!(code(to(json!({"startTime": 2000, "frequency": "hour", "interval": 1}))), "1366-400");
        assert_eq!(code(to(json!({"startTime": 900, "frequency": "once"}))), "1403-400");
        let backfill = json!({"startTime": 900, "frequency": "hour", "interval": 1, "backfill": "false"});
        assert_eq!(code(to(backfill)), "1404-400");
        let waiting = parsed(&json!({"startTime": 2000, "frequency": "hour", "interval": 1}));
        let once = parsed(&json!({"startTime": 3000, "frequency": "once"}));
        assert!(change(&waiting, &once, NOW, &behaviour).is_ok());
        let past = parsed(&json!({"startTime": 10, "frequency": "once"}));
        assert_eq!(code(change(&waiting, &past, NOW, &behaviour)), "1360-400");
    }

    #[test]
    fn values_read_back_as_strings_unless_switched() {
        let sent = json!({"startTime": 5, "frequency": "week", "interval": "15"});
        let shown = |text: &str| {
            let mut params = sent.as_object().unwrap().clone();
            show(&mut params, &text.parse().unwrap());
            Value::Object(params)
        };
        assert_eq!(
            shown(""),
            json!({"startTime": "5", "frequency": "week", "interval": "15", "backfill": "true"})
        );
        assert_eq!(
            shown("schedule-values=number,backfill-default=absent"),
            json!({"startTime": 5, "frequency": "week", "interval": 15})
        );
        assert_eq!(shown("schedule-values=sent,backfill-default=absent"), sent);
    }
}
