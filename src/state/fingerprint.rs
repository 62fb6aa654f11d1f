//! Fingerprints of secrets: they tell that a secret changed, and nothing else about it.
//!
//! Keyed per state, so that a fingerprint cannot be looked up in a table or compared between two states.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// Bytes of the digest that are kept: enough that two secrets never look alike, short enough to read.
const KEPT: usize = 16;

/// The fingerprint of a secret under a state's [`fingerprint_key`](super::model::State::fingerprint_key):
/// `hmac-sha256:` and 32 hex digits. The same secret has the same one under the same key, and another under another.
pub fn fingerprint(key_hex: &str, secret: &Secret) -> String {
    // HMAC-SHA256 pads its key with zeros to 64 bytes: that is this block, keyed with the text of the 64 digits.
    let mut block = [0_u8; 64];
    for (to, from) in block.iter_mut().zip(key_hex.bytes()) {
        *to = from;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(secret.expose().as_bytes());
    format!("hmac-sha256:{}", hex(&mac.finalize().into_bytes()[..KEPT]))
}

/// Bytes as lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn it_is_hmac_sha256_keyed_with_the_keys_text() {
        // Reference: python3 -c 'import hmac; print(hmac.new(KEY.encode(), b"tok-12345", "sha256").hexdigest()[:32])'
        assert_eq!(
            fingerprint(KEY, &Secret::new("tok-12345")),
            "hmac-sha256:88bb839056e6761139a4c5338e645511"
        );
    }

    #[test]
    fn it_tells_secrets_apart_and_keys() {
        let a = fingerprint(KEY, &Secret::new("one"));
        assert_eq!(a, fingerprint(KEY, &Secret::new("one")));
        assert_ne!(a, fingerprint(KEY, &Secret::new("two")));
        assert_ne!(a, fingerprint(KEY, &Secret::new("")));
        assert_ne!(a, fingerprint(&KEY.replace('0', "f"), &Secret::new("one")));
    }
}
