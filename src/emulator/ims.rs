//! Adobe's identity service: client credentials in, a bearer token out (platform-api.md 1.3).
//!
//! A token proves itself: it holds its client and its end, signed with the store's key, so that it outlives
//! a restart and is known to every server of one store.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::behaviour::Behaviour;
use super::clock;
use super::message::{Answer, Refusal, Reply, Request, pairs};

/// `POST /ims/token/v3`; parameters in the body, which is advised, or in the query.
pub(super) fn token(request: &Request, behaviour: &Behaviour, key: &str, now: i64) -> Answer {
    if request.method != "POST" {
        return Err(refusal(405, "invalid_request", "use POST"));
    }
    let mut sent = pairs(&String::from_utf8_lossy(&request.body));
    sent.extend(request.query.iter().cloned());
    let get = |name: &str| {
        sent.iter()
            .find(|(sent, _)| sent == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
            .ok_or_else(|| refusal(400, "invalid_request", &format!("{name} is missing")))
    };
    if get("grant_type")? != "client_credentials" {
        return Err(refusal(400, "unsupported_grant_type", "only client_credentials is supported"));
    }
    let (client, secret, _scope) = (get("client_id")?, get("client_secret")?, get("scope")?);
    if behaviour.client_secret.as_ref().is_some_and(|accepted| accepted != secret) {
        return Err(refusal(401, "invalid_client", "invalid client_secret parameter"));
    }
    let end = now.saturating_add(behaviour.token_lifetime.saturating_mul(1000));
    let claims = clock::hex(format!("{end}:{}:{client}", clock::hex_id::<8>()).as_bytes());
    let signature = clock::hex(&sign(key, &claims));
    Ok(Reply::ok(json!({
        "access_token": format!("eyJ.{claims}.{signature}"),
        "token_type": "bearer",
        "expires_in": behaviour.token_lifetime,
    })))
}

/// RFC 6749's form: Adobe documents none for this grant.
fn refusal(status: u16, error: &str, description: &str) -> Refusal {
    Reply::json(status, json!({ "error": error, "error_description": description })).into()
}

fn sign(key: &str, claims: &str) -> Vec<u8> {
    match Hmac::<Sha256>::new_from_slice(key.as_bytes()) {
        Ok(mac) => mac.chain_update(claims.as_bytes()).finalize().into_bytes().to_vec(),
        // HMAC takes a key of any length.
        Err(_) => Vec::new(),
    }
}

/// Whom a token was given to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bearer {
    /// The one that the switch `accept-token` names.
    Accepted,
    /// Issued to this client.
    Client(String),
}

/// `None` for what was never issued here, was tampered with, or has expired.
pub(super) fn check(token: &str, behaviour: &Behaviour, key: &str, now: i64) -> Option<Bearer> {
    if behaviour.accept_token.as_deref() == Some(token) {
        return Some(Bearer::Accepted);
    }
    let (claims, signature) = token.strip_prefix("eyJ.")?.split_once('.')?;
    if clock::hex(&sign(key, claims)) != signature {
        return None;
    }
    let bytes: Option<Vec<u8>> = (0..claims.len() / 2)
        .map(|i| claims.get(2 * i..2 * i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    let text = String::from_utf8(bytes?).ok()?;
    let mut parts = text.splitn(3, ':');
    let end: i64 = parts.next()?.parse().ok()?;
    let client = parts.nth(1)?;
    (now < end).then(|| Bearer::Client(client.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::message::{Content, settle};

    fn ask(body: &str, behaviour: &Behaviour) -> (u16, serde_json::Value) {
        let request =
            Request { method: "POST".to_owned(), body: body.as_bytes().to_vec(), ..Request::default() };
        let reply = settle(token(&request, behaviour, "k", 1_000));
        let Content::Json(body) = reply.content else { panic!("no body") };
        (reply.status, body)
    }

    const FULL: &str = "grant_type=client_credentials&client_id=c%3A1&client_secret=s&scope=openid,AdobeID";

    #[test]
    fn a_token_proves_itself_until_it_ends() {
        let behaviour: Behaviour = "token-lifetime=10".parse().unwrap();
        let (status, body) = ask(FULL, &behaviour);
        assert_eq!((status, body["expires_in"].as_i64()), (200, Some(10)));
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(check(token, &behaviour, "k", 10_999), Some(Bearer::Client("c:1".to_owned())));
        assert_eq!(check(token, &behaviour, "k", 11_000), None);
        assert_eq!(check(token, &behaviour, "other", 1_001), None);
        assert_eq!(check(&token.replace("eyJ.3", "eyJ.4"), &behaviour, "k", 1_001), None);
        assert_eq!(check("eyJ.ü.", &behaviour, "k", 1_001), None);
    }

    #[test]
    fn each_missing_parameter_is_an_rfc_6749_error() {
        let behaviour: Behaviour = "client-secret=right".parse().unwrap();
        for part in
            ["grant_type=client_credentials", "client_id=c%3A1", "client_secret=s", "scope=openid,AdobeID"]
        {
            let (status, body) = ask(&FULL.replace(part, ""), &Behaviour::default());
            assert_eq!((status, body["error"].as_str()), (400, Some("invalid_request")), "{part}");
        }
        let (status, body) = ask(FULL, &behaviour);
        assert_eq!((status, body["error"].as_str()), (401, Some("invalid_client")));
        let (_, body) = ask(&FULL.replace("client_credentials", "password"), &behaviour);
        assert_eq!(body["error"], "unsupported_grant_type");
    }
}
