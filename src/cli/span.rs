//! Spans and moments as a person types them: `2d`, `90s`, `1h30m`, a date, an RFC 3339 time.

use std::time::Duration;

use jiff::civil::Date;
use jiff::{SpanRelativeTo, Timestamp, Unit};

/// The longest span, in seconds: a hundred years.
const LONGEST: f64 = 100.0 * 366.0 * 86_400.0;

/// A span of time, more than nothing; a day has 24 hours.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "write a span such as 90s, 30m, 6h or 2d".to_owned();
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let seconds = span.total((Unit::Second, SpanRelativeTo::days_are_24_hours())).map_err(|_| wrong())?;
    if seconds > 0.0 && seconds <= LONGEST {
        Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
    } else {
        Err(wrong())
    }
}

/// A moment, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    At(Timestamp),
    Ago(Duration),
}

impl Since {
    /// Reads either; a date is its beginning in UTC.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        if let Some(date) = text.parse::<Date>().ok().filter(|_| !text.contains(':'))
            && let Ok(begins) = format!("{date}T00:00:00Z").parse()
        {
            return Ok(Self::At(begins));
        }
        if let Some(ago) = text.strip_prefix('-').filter(|ago| span(ago).is_ok()) {
            return Err(format!("a span is how long ago: write {ago}"));
        }
        span(text).map(Self::Ago).map_err(|_| {
            "write an RFC 3339 time such as 2026-01-31T08:00:00Z, a date, or a span such as 6h or 2d"
                .to_owned()
        })
    }

    /// In epoch milliseconds; `now` is in seconds.
    pub(crate) fn millis(self, now: i64) -> i64 {
        match self {
            Self::At(at) => at.as_millisecond(),
            Self::Ago(ago) => {
                now.saturating_mul(1000).saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_moments_are_what_a_person_means() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172_800), ("1w", 604_800)]
        {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0s", "-1h", "5", "1y", "99999999999w", "2026-01-31T08:00:00Z", "soon"] {
            assert!(span(text).is_err(), "{text}");
        }
        let since = |text| Since::parse(text).map(|since| since.millis(1_000_000));
        assert_eq!(since("1000s"), Ok(999_000_000));
        assert_eq!(since("1970-01-01T01:00:00+01:00"), Ok(0));
        assert_eq!(since("1970-01-02"), Ok(86_400_000));
        assert_eq!(since("-1h"), Err("a span is how long ago: write 1h".to_owned()));
        for text in ["yesterday", "--limit", "2026-01-31T08:00:00", "2026-02-30"] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
