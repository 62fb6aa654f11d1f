//! Faults: which request goes wrong, and how. Parsing, matching and counting; carrying one out is the
//! server's part (serve.rs) and, where an object is touched, the routes'.
//!
//! `METHOD PATHGLOB[#N|#N-M|#*]:KIND`, for example `POST /flows#2:close-after`.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::behaviour::ParseError;

/// One line of help for each kind of fault, in the form that [`Fault`] parses.
pub const FAULT_KINDS: &[(&str, &str)] = &[
    ("status=CODE", "answer with that status instead of acting; also just 401, 412, 500, 503, ..."),
    ("502-html", "answer with a gateway's HTML page instead of acting"),
    ("page=CODE", "answer with a proxy's HTML page and that status instead of acting"),
    ("empty-after=CODE", "act, then answer with that status and nothing else"),
    ("429[:retry-after=SECONDS|date]", "throttle instead of acting, with or without Retry-After"),
    ("status-after=CODE", "act, then answer with that status"),
    ("close-before", "close the connection without acting"),
    ("close-after", "act, then close the connection without an answer"),
    ("truncate", "act, send half of the answer, close"),
    ("hang-before", "do not act; hold the request until the client leaves"),
    ("hang-after", "act; hold the answer until the client leaves"),
    ("delay=MS", "wait before acting"),
    ("etag-bump", "before acting, the platform changes the object's etag by itself"),
    ("edit", "before acting, somebody else edits the object's description"),
    ("delete", "before acting, somebody else deletes the object"),
    ("hide", "the object is not visible: 404 on GET, 403 on PATCH and DELETE"),
    ("stop-before=FILE", "make FILE, and go on when it is removed; not acted yet"),
    ("stop-after=FILE", "act, make FILE, and answer when it is removed"),
];

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// Answer so instead of acting.
    Status(u16),
    /// A gateway's HTML page.
    BadGatewayPage,
    /// A proxy's HTML page with this status.
    Page(u16),
    /// Act, then answer with this status and no body.
    EmptyAfter(u16),
    /// 429, with a Retry-After of one form or none.
    Throttle(RetryAfter),
    /// Act, then answer so.
    StatusAfter(u16),
    /// Close without acting.
    CloseBefore,
    /// Act, then close.
    CloseAfter,
    /// Act, send half an answer.
    Truncate,
    /// Hold, not acting.
    HangBefore,
    /// Act, hold.
    HangAfter,
    /// Wait, then act.
    Delay(Duration),
    /// The platform's own bookkeeping moves the etag first.
    EtagBump,
    /// Somebody else edits the object first.
    Edit,
    /// Somebody else deletes the object first.
    Delete,
    /// The object is hidden by an access label (platform-api.md 1.6).
    Hide,
    /// Hold until the file is removed, then act.
    StopBefore(PathBuf),
    /// Act, then hold until the file is removed.
    StopAfter(PathBuf),
}

/// The form of a Retry-After header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// No header.
    Absent,
    /// Seconds.
    Seconds(u64),
    /// An HTTP date one second ahead.
    Date,
}

/// A fault and the requests it strikes.
#[derive(Debug)]
pub struct Fault {
    method: String,
    path: String,
    first: u64,
    last: u64,
    kind: FaultKind,
    text: String,
    seen: AtomicU64,
}

impl Clone for Fault {
    fn clone(&self) -> Self {
        Self {
            method: self.method.clone(),
            path: self.path.clone(),
            first: self.first,
            last: self.last,
            kind: self.kind.clone(),
            text: self.text.clone(),
            seen: AtomicU64::new(self.seen.load(Ordering::Relaxed)),
        }
    }
}

impl Fault {
    /// What goes wrong.
    pub fn kind(&self) -> &FaultKind {
        &self.kind
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Counts a request that fits the pattern, and says whether this is one of those to strike.
    pub(super) fn strikes(&self, method: &str, path: &str) -> bool {
        let fits = (self.method == "*" || self.method.eq_ignore_ascii_case(method))
            && (glob(&self.path, path) || glob(&self.path, within_service(path)));
        fits && {
            let nth = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
            (self.first..=self.last).contains(&nth)
        }
    }
}

/// The path as the documents write it: `/flows/1` of `/data/foundation/flowservice/flows/1`.
pub(super) fn within_service(path: &str) -> &str {
    let Some(rest) = path.strip_prefix("/data/foundation/") else { return path };
    rest.find('/').map_or(path, |slash| &rest[slash..])
}

/// `*` stands for any run of characters. Linear: it backs up to the last star only.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

impl FromStr for Fault {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |why: &str| {
            ParseError(format!("`{text}` is no fault ({why}); expected METHOD PATHGLOB[#N|#N-M|#*]:KIND"))
        };
        let (method, rest) = text.trim().split_once(' ').ok_or_else(|| wrong("no method"))?;
        let (target, kind) = rest.trim().split_once(':').ok_or_else(|| wrong("no kind"))?;
        let (path, nth) = target.split_once('#').map_or((target, None), |(path, nth)| (path, Some(nth)));
        if !method.chars().all(|c| c.is_ascii_alphabetic() || c == '*') || path.is_empty() {
            return Err(wrong("no method or no path"));
        }
        let number = |digits: &str| digits.parse::<u64>().ok().filter(|n| *n > 0);
        let (first, last) = match nth {
            None => (1, 1),
            Some("*") => (1, u64::MAX),
            Some(range) => match range.split_once('-') {
                Some((from, to)) => number(from).zip(number(to)),
                None => number(range).map(|n| (n, n)),
            }
            .ok_or_else(|| wrong("after # comes N, N-M or *"))?,
        };
        let kind = parse_kind(kind.trim()).ok_or_else(|| {
            let kinds: Vec<&str> = FAULT_KINDS.iter().map(|(form, _)| *form).collect();
            ParseError(format!("`{kind}` is no kind of fault; there are: {}", kinds.join(", ")))
        })?;
        Ok(Self {
            method: method.to_ascii_uppercase(),
            path: path.trim().to_owned(),
            first,
            last,
            kind,
            text: text.trim().to_owned(),
            seen: AtomicU64::new(0),
        })
    }
}

fn parse_kind(text: &str) -> Option<FaultKind> {
    let text = text.strip_prefix("status=").unwrap_or(text);
    if let Some(rest) = text.strip_prefix("429") {
        return match rest {
            "" => Some(FaultKind::Throttle(RetryAfter::Absent)),
            ":retry-after=date" => Some(FaultKind::Throttle(RetryAfter::Date)),
            _ => {
                let seconds = rest.strip_prefix(":retry-after=")?.parse().ok()?;
                Some(FaultKind::Throttle(RetryAfter::Seconds(seconds)))
            }
        };
    }
    let status = |text: &str| text.parse::<u16>().ok().filter(|status| (200..600).contains(status));
    let refusal = |text: &str| status(text).filter(|status| *status >= 300);
    if let Some(status) = refusal(text) {
        return Some(FaultKind::Status(status));
    }
    if let Some((name, value)) = text.split_once('=') {
        return match (name, value) {
            (_, "") => None,
            ("status-after", value) => refusal(value).map(FaultKind::StatusAfter),
            ("page", value) => status(value).map(FaultKind::Page),
            ("empty-after", value) => status(value).map(FaultKind::EmptyAfter),
            ("delay", value) => value.parse().ok().map(|ms| FaultKind::Delay(Duration::from_millis(ms))),
            ("stop-before", file) => Some(FaultKind::StopBefore(PathBuf::from(file))),
            ("stop-after", file) => Some(FaultKind::StopAfter(PathBuf::from(file))),
            _ => None,
        };
    }
    Some(match text {
        "502-html" => FaultKind::BadGatewayPage,
        "close-before" => FaultKind::CloseBefore,
        "close-after" => FaultKind::CloseAfter,
        "truncate" => FaultKind::Truncate,
        "hang-before" => FaultKind::HangBefore,
        "hang-after" => FaultKind::HangAfter,
        "etag-bump" => FaultKind::EtagBump,
        "edit" => FaultKind::Edit,
        "delete" => FaultKind::Delete,
        "hide" => FaultKind::Hide,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_strikes_the_nth_request_only() {
        let second = fault("POST /flows#2:close-after");
        let path = "/data/foundation/flowservice/flows";
        assert!(!second.strikes("GET", path));
        assert!(!second.strikes("POST", path));
        assert!(second.strikes("POST", path));
        assert!(!second.strikes("POST", path));
        let range = fault("* /flows/*#2-3:hide");
        let hits: Vec<bool> =
            (0..4).map(|_| range.strikes("GET", "/data/foundation/flowservice/flows/1")).collect();
        assert_eq!(hits, [false, true, true, false]);
        let all = fault("GET *#*:status=500");
        assert!((0..5).all(|_| all.strikes("GET", "/x")));
    }

    #[test]
    fn every_kind_parses() {
        assert_eq!(
            fault("GET /a:status=429:retry-after=3").kind,
            FaultKind::Throttle(RetryAfter::Seconds(3))
        );
        assert_eq!(fault("GET /a:429:retry-after=date").kind, FaultKind::Throttle(RetryAfter::Date));
        assert_eq!(fault("GET /a:status=502-html").kind, FaultKind::BadGatewayPage);
        assert_eq!(fault("GET /a:412").kind, FaultKind::Status(412));
        assert_eq!(fault("PATCH /a#*:stop-after=x/y").kind, FaultKind::StopAfter(PathBuf::from("x/y")));
        for (form, _) in FAULT_KINDS {
            let kind = form.split('[').next().unwrap();
            let kind = kind.replace("CODE", "500").replace("MS", "5").replace("FILE", "f");
            fault(&format!("GET /x:{kind}"));
        }
    }

    #[test]
    fn nonsense_is_refused_with_words() {
        for text in
            ["", "GET", "GET /x", "GET /x:boom", "GET /x#0:401", "GET /x#a:401", "GET :401", "G1 /x:401"]
        {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
        assert!("GET /x:boom".parse::<Fault>().unwrap_err().to_string().contains("close-after"));
    }
}
