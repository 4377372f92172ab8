//! The second factor.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::LoggedIn;

/// Somebody who has come in, or who is asked for the second factor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum LoginReply {
    /// The password was enough.
    LoggedIn(LoggedIn),
    /// It was not.
    SecondStepAsked(SecondStepAsked),
}

/// The password was right; a second factor is asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondStepAsked {
    /// `true`
    pub mfa_required: bool,
    /// For `POST /v1/auth/mfa`, within 5 minutes.
    pub mfa_token: String,
    /// `totp`, `recovery_code`.
    pub methods: Vec<String>,
}

/// The second step of a login: either `code` or `recovery_code`.
#[derive(Debug, ToSchema)]
pub struct SecondStep {
    /// As the login has answered it.
    pub mfa_token: String,
    /// What the authenticator shows: 6 digits.
    pub code: Option<String>,
    /// One of the recovery codes; it is used up.
    pub recovery_code: Option<String>,
    /// Put the refresh token into a cookie instead of the answer.
    pub refresh_cookie: Option<bool>,
}

/// Who one is, once more.
#[derive(Debug, ToSchema)]
pub struct Reauthenticate {
    /// Password.
    #[schema(format = Password)]
    pub password: String,
    /// What the authenticator shows; needed by those who have one.
    pub code: Option<String>,
}

/// An access token whose `auth_time` is now.
#[derive(Debug, ToSchema)]
pub struct Reauthenticated {
    /// For `Authorization: Bearer`.
    pub access_token: String,
    /// `Bearer`
    pub token_type: String,
    /// Seconds.
    pub expires_in: i64,
}

/// What an authenticator must know.
#[derive(Debug, ToSchema)]
pub struct Enrolment {
    /// To be shown as a QR code.
    pub otpauth_uri: String,
    /// To be typed in: base32.
    pub secret: String,
}

/// What the authenticator shows.
#[derive(Debug, ToSchema)]
pub struct TotpCode {
    /// 6 digits.
    pub code: String,
}

/// How one's second factor stands.
#[derive(Debug, ToSchema)]
pub struct TotpReply {
    /// Oneself.
    pub id: Uuid,
    /// Sequence of the last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
    /// Whether a login needs a second step.
    pub totp: bool,
    /// Recovery codes that are still good.
    pub recovery_codes_left: u8,
    /// The recovery codes, when they are new; never again.
    pub recovery_codes: Option<Vec<String>>,
}
