//! Zendesk, which Adobe's SDK carries: under its current id, and under the two ids of the first tutorial, which is what the
//! product's own example uses (platform-api.md 6). Also what explore shows of a Zendesk user.

use serde_json::{Value, json};

use super::flow_specs::REST;
use super::parts::{Auth, Contents, Param, Source};

/// The provider of every SDK source.
pub(super) const PROVIDER: &str = "521eee4d-8cbe-4906-bb48-fb6bd4450033";

/// As the newest tutorial has it.
pub(super) const ZENDESK: Source = Source {
    id: "0a27232b-2c6e-4396-b8c6-c9fc24e37ba4",
    name: "Zendesk",
    provider: PROVIDER,
    category: "customer-success",
    flow_spec: REST,
    auths: &[Auth { name: "OAuth2 Refresh Code", kind: "OAuth2RefreshCode", params: &auth("subdomain") }],
    spec_type: None,
    params: &[],
    // The tutorial knows json only; that the others are refused is said nowhere.
    formats: &["delimited", "json", "parquet", "tabular"],
    explore_type: "Resource",
    // The tutorial knows `rest` only, OpenAPI the others too.
    object_types: &["rest", "root", "file", "folder", "table"],
    contents: Contents::Records { properties, sample },
};

/// The spec of the first tutorial's base connection.
pub(super) const TUTORIAL_BASE: Source = Source {
    id: "2526ee57-0af4-46ea-a477-720a53108145",
    name: "Zendesk (beta)",
    auths: &[Auth { name: "OAuth generic-rest-connector", kind: "OAuth2RefreshCode", params: &auth("host") }],
    ..ZENDESK
};

/// The spec of its source connection: the placeholder of Adobe's template for partners.
pub(super) const TUTORIAL_SOURCE: Source =
    Source { id: "6360f136-5980-4111-8bdf-15d29eab3b5a", name: "generic-rest-connector", ..TUTORIAL_BASE };

/// The auth of the SDK; `host` is the parameter that holds the account's address.
const fn auth(host: &'static str) -> [Param; 8] {
    [
        Param::text(host, "The account's domain").required(),
        Param::text("accessToken", "Access token").required().secret(),
        Param::text("refreshToken", "Refresh token").secret(),
        Param::text("clientSecret", "Client secret of the user account").secret(),
        Param::text("clientId", "Client id of the user account"),
        Param::text("authorizationTestUrl", "URL to validate the access token"),
        Param::text("accessTokenUrl", "URL to fetch an access token"),
        Param::text("expirationDate", "Date of token expiry"),
    ]
}

/// The tutorial's fields of a Zendesk user and their types, as explore infers them.
pub(in crate::emulator) const USER_FIELDS: &[(&str, &str)] = &[
    ("organization_id", "long"),
    ("external_id", "long"),
    ("role_type", "long"),
    ("custom_role_id", "long"),
    ("default_group_id", "long"),
    ("phone", "string"),
    ("shared_phone_number", "boolean"),
    ("alias", "string"),
    ("last_login_at", "string"),
    ("signature", "string"),
    ("details", "string"),
    ("notes", "string"),
    ("photo", "photo"),
    ("active", "boolean"),
    ("created_at", "string"),
    ("email", "string"),
    ("iana_time_zone", "string"),
    ("id", "integer"),
    ("locale", "string"),
    ("locale_id", "integer"),
    ("moderator", "boolean"),
    ("name", "string"),
    ("only_private_comments", "boolean"),
    ("report_csv", "boolean"),
    ("restricted_agent", "boolean"),
    ("result_type", "string"),
    ("role", "integer"),
    ("shared", "boolean"),
    ("shared_agent", "boolean"),
    ("suspended", "boolean"),
    ("ticket_restriction", "string"),
    ("time_zone", "string"),
    ("two_factor_auth_enabled", "boolean"),
    ("updated_at", "string"),
    ("url", "string"),
    ("verified", "boolean"),
    ("tags", "strings"),
];

const LARGEST: i64 = 9_007_199_254_740_991;

/// The properties of one record, as the tutorial's explore answer shows them.
fn properties() -> Value {
    let property = |kind: &str| match kind {
        "long" => json!({ "type": "integer", "minimum": -LARGEST - 1, "maximum": LARGEST }),
        "photo" => json!({ "type": "string", "media": { "binaryEncoding": "base64", "type": "image/png" } }),
        "strings" => json!({ "type": "array", "items": { "type": "string" } }),
        kind => json!({ "type": kind }),
    };
    Value::Object(USER_FIELDS.iter().map(|(name, kind)| ((*name).to_owned(), property(kind))).collect())
}

/// One record: nobody's.
fn sample() -> Value {
    json!({
        "id": 6_106_699_702_801_i64,
        "name": "test",
        "email": "test@example.com",
        "created_at": "2022-05-13T08:04:22Z",
        "locale_id": 1,
        "role": "end-user",
        "verified": false,
        "active": true,
        "result_type": "user",
    })
}
