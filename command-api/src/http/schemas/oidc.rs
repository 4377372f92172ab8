//! Outside providers and identities.

use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The path of an outside provider.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ProviderPath {
    /// Its short name, as the list has it.
    pub provider: String,
}

/// The path of an identity.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct IdentityPath {
    /// The identity.
    pub id: Uuid,
}

/// How a login by an outside provider is to end.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OidcLogin {
    /// A path of PUBLIC_URL, without `#`; at most 512 characters.
    pub return_to: Option<String>,
    /// `cookie` (default) or `code`.
    pub handover: Option<String>,
}

/// What an outside provider sends back, and perhaps more.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OidcReturn {
    /// As it was sent there.
    pub state: Option<String>,
    /// For the tokens.
    pub code: Option<String>,
    /// In place of the code.
    pub error: Option<String>,
    /// Its words.
    pub error_description: Option<String>,
    /// The provider's name for itself.
    pub iss: Option<String>,
}

/// Outside providers.
#[derive(Debug, ToSchema)]
pub struct OidcProviders {
    /// In the order of the configuration.
    pub items: Vec<OidcProvider>,
    /// Always empty.
    pub next_page_token: String,
}

/// One that lets people in.
#[derive(Debug, ToSchema)]
pub struct OidcProvider {
    /// Its short name.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Where to send the browser.
    pub login_url: String,
}

/// The code of a login by an outside provider.
#[derive(Debug, ToSchema)]
pub struct OidcCode {
    /// As it stands behind the `#`.
    pub code: String,
    /// Put the refresh token into a cookie instead of the answer.
    pub refresh_cookie: Option<bool>,
}

/// Who one is, once more, by an outside provider.
#[derive(Debug, ToSchema)]
pub struct OidcReauthenticate {
    /// Where the browser goes in the end: a path of PUBLIC_URL, without `#`.
    pub return_to: Option<String>,
    /// What the authenticator shows; needed by those who have one.
    pub code: Option<String>,
}

/// A visit to an outside provider that has begun.
#[derive(Debug, ToSchema)]
pub struct OidcBegun {
    /// Where to send the browser.
    pub authorization_url: String,
}

/// One's own identities.
#[derive(Debug, ToSchema)]
pub struct Identities {
    /// In the order of linking.
    pub items: Vec<OutsideIdentity>,
    /// Always empty.
    pub next_page_token: String,
}

/// Oneself, as an outside provider knows one.
#[derive(Debug, ToSchema)]
pub struct OutsideIdentity {
    /// Its name here.
    pub id: Uuid,
    /// The provider's short name when it was linked.
    pub provider: String,
    /// The provider's name for itself.
    pub issuer: String,
    /// The provider's name for the person.
    pub subject: Option<String>,
}
