//! Whether to send a request again, and after how long: a pure function over what happened.
//!
//! Neither sleeps, nor reads a clock, nor draws random numbers: `transport` hands those in and obeys the answer.
//! The rule behind every line is "could the platform have acted?", because it has no idempotency keys
//! (platform-api.md 1.5): a POST goes out again only where it certainly did not.

use std::time::{Duration, SystemTime};

use crate::wire::Safety;

/// How often and how long to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Sends at most, the first included.
    pub tries: u32,
    /// Wait before the second try; doubles with each further one.
    pub base: Duration,
    /// Longest single wait, whatever `Retry-After` asks for.
    pub cap: Duration,
    /// No wait may end later than this after the first send.
    pub total: Duration,
}

impl Default for Policy {
    /// 5 tries, waits of about 1, 2, 4, 8 s, none over 60 s, five minutes in all.
    fn default() -> Self {
        Self {
            tries: 5,
            base: Duration::from_secs(1),
            cap: Duration::from_mins(1),
            total: Duration::from_mins(5),
        }
    }
}

/// How one try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this HTTP status.
    Status(u16),
    /// No connection: name not resolved, connection refused, connect timeout. Nothing was sent.
    Unreachable,
    /// Sent, but no complete answer in time.
    TimedOut,
    /// Sent, then the connection broke or the answer was cut off.
    Interrupted,
    /// The certificate was refused, so nothing was sent; the next one would be the same.
    Untrusted,
    /// Answered, but with something that cannot be read (too large, not JSON), as the next one would be.
    Unusable,
}

impl Outcome {
    /// Whether the platform may have carried the request out although no success was reported.
    ///
    /// A 5xx counts: the gateway answers 504 while the service behind it goes on.
    pub fn may_have_acted(self) -> bool {
        match self {
            Self::Status(status) => status == 408 || status >= 500,
            Self::TimedOut | Self::Interrupted | Self::Unusable => true,
            Self::Unreachable | Self::Untrusted => false,
        }
    }
}

/// One ended try, and what was handed in from outside for deciding on it.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    /// How it ended.
    pub outcome: Outcome,
    /// 1 for the first.
    pub number: u32,
    /// Since the first send.
    pub elapsed: Duration,
    /// What the answer's `Retry-After` asked for.
    pub retry_after: Option<Duration>,
    /// Random, in `0.0..1.0`.
    pub jitter: f64,
}

/// What to do after a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The outcome stands.
    Stop,
    /// Send again after this long.
    Wait(Duration),
}

/// Decides on one ended try.
pub fn decide(policy: &Policy, safety: Safety, this: Try) -> Decision {
    if !worth_repeating(safety, this.outcome) || this.number >= policy.tries {
        return Decision::Stop;
    }
    let doubled = policy.base.saturating_mul(2_u32.saturating_pow(this.number.saturating_sub(1)));
    // Between half of the step and all of it, so that calls that failed together do not come back together.
    let backoff = doubled.min(policy.cap).mul_f64(0.5 + this.jitter.clamp(0.0, 1.0) / 2.0);
    let wait = this.retry_after.map_or(backoff, |asked| asked.min(policy.cap));
    if this.elapsed.saturating_add(wait) > policy.total { Decision::Stop } else { Decision::Wait(wait) }
}

/// Where another try can mend it and cannot do harm (platform-api.md 1.5).
fn worth_repeating(safety: Safety, outcome: Outcome) -> bool {
    match outcome {
        Outcome::Status(429) | Outcome::Unreachable => true,
        Outcome::Status(408 | 500 | 502 | 503 | 504) | Outcome::TimedOut | Outcome::Interrupted => {
            safety != Safety::Once
        }
        Outcome::Status(_) | Outcome::Untrusted | Outcome::Unusable => false,
    }
}

/// Reads a `Retry-After` header: whole seconds or an HTTP date, which is measured against `now` (a past one is zero).
/// `None` when it is neither.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

/// Seconds that the clock behind a `Date` header is ahead of `ours`; negative when it is behind. The header has whole
/// seconds, so what is no more than two seconds apart is together. `None` for what is no date, or none of our time.
pub fn ahead(date: &str, ours: SystemTime) -> Option<i64> {
    let seconds = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    };
    let theirs = seconds(httpdate::parse_http_date(date.trim()).ok()?)?;
    if !(EARLIEST..LATEST).contains(&theirs) {
        return None;
    }
    let ahead = theirs.checked_sub(seconds(ours).unwrap_or_default())?;
    Some(if ahead.abs() <= CLOCK_GRAIN { 0 } else { ahead })
}

/// Clocks no further apart than this, in seconds, are taken for one.
const CLOCK_GRAIN: i64 = 2;

/// The platform is younger than 2015, and an answer that says another century comes of a broken clock.
const EARLIEST: i64 = 1_420_070_400;
/// The year 2200.
const LATEST: i64 = 7_258_118_400;

#[cfg(test)]
mod tests {
    use super::*;

    fn first(outcome: Outcome) -> Try {
        Try { outcome, number: 1, elapsed: Duration::ZERO, retry_after: None, jitter: 0.0 }
    }

    fn secs(n: u64) -> Decision {
        Decision::Wait(Duration::from_secs(n))
    }

    #[test]
    fn safety_against_failure() {
        use Outcome::{Interrupted, Status, TimedOut, Unreachable, Untrusted, Unusable};
        // Per outcome: is a Read, a Repeatable, a Once sent again?
        let table = [
            (Status(429), [true, true, true]),
            (Unreachable, [true, true, true]),
            (TimedOut, [true, true, false]),
            (Interrupted, [true, true, false]),
            (Status(408), [true, true, false]),
            (Status(500), [true, true, false]),
            (Status(502), [true, true, false]),
            (Status(503), [true, true, false]),
            (Status(504), [true, true, false]),
            (Status(501), [false, false, false]),
            (Status(200), [false, false, false]),
            (Status(302), [false, false, false]),
            (Status(400), [false, false, false]),
            (Status(401), [false, false, false]),
            (Status(403), [false, false, false]),
            (Status(404), [false, false, false]),
            (Status(409), [false, false, false]),
            (Status(412), [false, false, false]),
            (Untrusted, [false, false, false]),
            (Unusable, [false, false, false]),
        ];
        for (outcome, expected) in table {
            let got = [Safety::Read, Safety::Repeatable, Safety::Once]
                .map(|safety| decide(&Policy::default(), safety, first(outcome)) != Decision::Stop);
            assert_eq!(got, expected, "{outcome:?}");
        }
    }

    #[test]
    fn nothing_that_may_have_acted_is_repeated_for_once() {
        let statuses = (100..600).map(Outcome::Status);
        let others = [Outcome::TimedOut, Outcome::Interrupted, Outcome::Unusable];
        let doubtful: Vec<Outcome> = statuses.chain(others).filter(|o| o.may_have_acted()).collect();
        assert_eq!(doubtful.len(), 1 + 100 + 3, "408, every 5xx, and the answers that did not come");
        for outcome in doubtful {
            assert_eq!(decide(&Policy::default(), Safety::Once, first(outcome)), Decision::Stop);
        }
    }

    #[test]
    fn waits_double_up_to_the_cap_and_the_tries() {
        let policy = Policy { tries: 9, total: Duration::MAX, ..Policy::default() };
        let waits: Vec<Decision> = (1..=9)
            .map(|number| {
                let this = Try { number, jitter: 1.0, ..first(Outcome::Status(503)) };
                decide(&policy, Safety::Read, this)
            })
            .collect();
        let expected: Vec<Decision> =
            [1, 2, 4, 8, 16, 32, 60, 60].map(secs).into_iter().chain([Decision::Stop]).collect();
        assert_eq!(waits, expected);
    }

    #[test]
    fn jitter_halves_at_most() {
        let wait =
            |jitter| decide(&Policy::default(), Safety::Read, Try { jitter, ..first(Outcome::TimedOut) });
        assert_eq!(wait(0.0), Decision::Wait(Duration::from_millis(500)));
        assert_eq!(wait(0.5), Decision::Wait(Duration::from_millis(750)));
        assert_eq!(wait(f64::INFINITY), secs(1));
    }

    #[test]
    fn retry_after_is_obeyed_up_to_the_cap() {
        let asked = |seconds| {
            let this = Try { retry_after: Some(Duration::from_secs(seconds)), ..first(Outcome::Status(429)) };
            decide(&Policy::default(), Safety::Once, this)
        };
        assert_eq!(asked(0), secs(0));
        assert_eq!(asked(7), secs(7));
        assert_eq!(asked(86_400), secs(60));
    }

    #[test]
    fn the_total_time_ends_it() {
        let at = |elapsed| {
            let this = Try {
                elapsed: Duration::from_secs(elapsed),
                retry_after: Some(Duration::from_secs(10)),
                ..first(Outcome::Status(429))
            };
            decide(&Policy::default(), Safety::Read, this)
        };
        assert_eq!(at(290), secs(10));
        assert_eq!(at(291), Decision::Stop);
    }

    #[test]
    fn a_date_tells_how_far_the_clocks_are_apart() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let date = "Tue, 01 Dec 2026 02:00:00 GMT";
        let seconds = 1_796_090_400;
        assert_eq!(ahead(date, at(seconds)), Some(0));
        assert_eq!(ahead(date, at(seconds + 2)), Some(0), "a Date has whole seconds");
        assert_eq!(ahead(&format!(" {date} "), at(seconds + 3)), Some(-3));
        assert_eq!(ahead(date, at(seconds - 3600)), Some(3600));
        // Our own clock stands at its first second: the platform's decides all the same.
        assert_eq!(ahead(date, at(0)), Some(1_796_090_400));
        let nonsense =
            ["", "now", "1796090400", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"];
        for date in nonsense {
            assert_eq!(ahead(date, at(seconds)), None, "{date}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(retry_after(" 120 ", now), Some(Duration::from_mins(2)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:07 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("-3", now), None);
    }
}
