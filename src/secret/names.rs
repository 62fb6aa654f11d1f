//! The one table of names that hold secrets: those with `format: password` in Adobe's authentication specs
//! (platform-api.md 6.2), and what connectors, connection strings and HTTP headers call theirs. Names alone; what a
//! value itself shows is `literal`'s.

/// Compared without case and punctuation, as endings of a name: `s3SecretKey`, `x-api-key`, `CLIENT_SECRET`.
const ENDINGS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passkey",
    "pwd",
    "secret",
    "token",
    "jwt",
    "apikey",
    "appkey",
    "applicationkey",
    "subscriptionkey",
    "functionkey",
    "functionskey",
    "masterkey",
    "accountkey",
    "storagekey",
    "accesskey",
    "secretkey",
    "sharedkey",
    "authkey",
    "signingkey",
    "encryptionkey",
    "privatekey",
    "sshkey",
    "hmackey",
    "serviceaccountkey",
    "serviceprincipalkey",
    "serviceprincipalcredential",
    "sas",
    "saskey",
    "sasuri",
    "sasurl",
    "sharedaccesssignature",
    "connectionstring",
    "authorization",
    "authheader",
    "cookie",
];

/// What may stand behind such a name, and leaves it what it is.
const TAILS: &[&str] = &["value", "content", "text", "pem", "base64"];

/// Names that are secret as they are, and no endings: too many harmless names end like them.
const WHOLE: &[&str] =
    &["pass", "sig", "signature", "credential", "bearer", "creds", "pat", "hmac", "bearerauth"];

/// Names that end like a secret's and are none: positions in a list of pages, and ids that stand beside a secret.
const HARMLESS: &[&str] = &[
    "continuationtoken",
    "nexttoken",
    "nextpagetoken",
    "pagetoken",
    "pagingtoken",
    "paginationtoken",
    "skiptoken",
    "synctoken",
    "resumetoken",
    "cursortoken",
    "deltatoken",
    "changetoken",
    "publicsshkey",
];

/// Whether a member of this name is known to be secret.
pub fn is_secret_name(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let is_one = |name: &str| {
        !HARMLESS.iter().any(|harmless| name.ends_with(harmless))
            && (WHOLE.contains(&name) || ENDINGS.iter().any(|ending| ends_like(name, ending)))
    };
    // `passwords` is a list of them.
    let tails = TAILS.iter().filter_map(|tail| name.strip_suffix(tail));
    // `passwords` is a list of them, and `password2` is one.
    let numbered = name.trim_end_matches(|c: char| c.is_ascii_digit());
    is_one(&name)
        || is_one(numbered)
        || name.strip_suffix('s').is_some_and(is_one)
        || tails.into_iter().any(is_one)
}

/// Whether a name ends with this one. Short endings are also those of other words: `sas` of `Kansas`.
fn ends_like(name: &str, ending: &str) -> bool {
    if ending.len() > 3 { name.ends_with(ending) } else { name == ending || name == format!("db{ending}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_names() {
        for name in [
            "accessToken",
            "password2",
            "oauthToken_2",
            "creds",
            "auth_header",
            "clientSecret",
            "client_secret",
            "CLIENT-SECRET",
            "password",
            "Passwords",
            "pwd",
            "s3SecretKey",
            "sasUri",
            "sasKey",
            "SAS",
            "connection-string",
            "apiKey",
            "X-Api-Key",
            "Ocp-Apim-Subscription-Key",
            "Authorization",
            "Proxy-Authorization",
            "Set-Cookie",
            "servicePrincipalKey",
            "private.key",
            "passphrase",
            "privateKeyPem",
            "secretAccessKey",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "accessTokenUrl",
            "tokenUrl",
            "tokenType",
            "passwordPolicy",
            "subdomain",
            "host",
            "username",
            "clientId",
            "accessKeyId",
            "privateKeyId",
            "continuationToken",
            "nextPageToken",
            "keyName",
            "primaryKey",
            "publicKey",
            "partitionKey",
            "foreignKey",
            "sortKey",
            "key",
            "apiKeyName",
            "secretName",
            "maxTokens2",
            "compass",
            "Kansas",
            "mapping",
            "cookiePolicy",
            "designSignatures1",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
