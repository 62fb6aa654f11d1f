//! Time and chance: the clock, new ids and new etags. The only place of the emulator that reads either.
//!
//! The platform's clock is the machine's and what it was set forward by. Tokens go by the machine's.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::message::{Answer, Reply, Request, generic};
use super::store::Store;

/// The clock is never further ahead than this, in seconds: a hundred years.
pub(super) const FURTHEST: i64 = 100 * 366 * 86_400;

/// `/emulator/clock`: what no platform has. The time, and how to set it forward; never back, since what happened has
/// happened.
pub(super) fn route(store: &mut Store, request: &Request, now: i64) -> Answer {
    match request.method.as_str() {
        "GET" => {}
        "POST" => {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let seconds = body.get("advance").and_then(Value::as_i64).filter(|s| (0..=FURTHEST).contains(s));
            let Some(ahead) = seconds.map(|s| store.ahead() + s).filter(|ahead| *ahead <= FURTHEST) else {
                return Err(generic(
                    400,
                    "BadRequestError",
                    "Write {\"advance\": SECONDS}: a whole number, at most a hundred years in all.",
                ));
            };
            store.set_ahead(ahead);
        }
        _ => return Err(generic(405, "MethodNotAllowedError", "The clock takes GET and POST.")),
    }
    let ahead = store.ahead();
    let now = (now / 1000 + ahead) * 1000;
    Ok(Reply::ok(json!({ "now": rfc3339(now), "ahead": ahead })))
}

/// Epoch milliseconds.
#[expect(clippy::disallowed_methods, reason = "the emulator is a server with a clock of its own")]
pub(super) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

/// RFC 3339, for the log of requests and for `startedAt` like members.
pub(super) fn rfc3339(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).map_or_else(|_| String::new(), |time| time.to_string())
}

/// `06-01-2021 04:11:06`, as the registry's error example prints it.
pub(super) fn registry_time() -> String {
    jiff::Timestamp::from_millisecond(now_ms())
        .map_or_else(|_| String::new(), |time| time.strftime("%m-%d-%Y %H:%M:%S").to_string())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    // No source of randomness at all: the time is unique enough for a test double.
    if getrandom::fill(&mut bytes).is_err() {
        for (slot, byte) in bytes.iter_mut().zip(now_ms().to_le_bytes().iter().cycle()) {
            *slot = *byte;
        }
    }
    bytes
}

/// Lower-case hex digits of `bytes`.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        text
    })
}

/// A random hex id of `N` bytes: mapping sets have 16, datasets 12, schemas 24.
pub(super) fn hex_id<const N: usize>() -> String {
    hex(&random::<N>())
}

/// A random UUID, version 4.
pub(super) fn uuid() -> String {
    let mut bytes = random::<16>();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex(&bytes);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

/// The etag of a fresh object: UUID-like, with its quotes (tutorial, every POST answer).
pub(super) fn first_etag() -> String {
    format!("\"{}\"", uuid())
}

/// Any later etag: `"1400dd53-0000-0200-0000-5f3f23450000"`, the third part being the time (tutorial).
pub(super) fn next_etag() -> String {
    format!("\"{}-0000-0200-0000-{:08x}0000\"", hex_id::<4>(), (now_ms() / 1000) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_platforms_forms() {
        assert_eq!(uuid().len(), 36);
        assert_eq!(hex_id::<16>().len(), 32);
        let etag = next_etag();
        assert_eq!(etag.len(), 38, "{etag}");
        assert!(etag.contains("-0000-0200-0000-"));
        assert_ne!(first_etag(), first_etag());
        assert!(rfc3339(0).starts_with("1970-01-01T00:00:00"));
    }
}
