//! Mailed links and passwords.

use utoipa::ToSchema;

/// A mailed link that verifies an address.
#[derive(Debug, ToSchema)]
pub struct VerifyEmail {
    /// As the link has it.
    pub token: String,
}

/// Somebody who has forgotten their password.
#[derive(Debug, ToSchema)]
pub struct ForgotPassword {
    /// Their address.
    #[schema(format = Email)]
    pub email: String,
}

/// A mailed link that sets a password.
#[derive(Debug, ToSchema)]
pub struct ResetPassword {
    /// As the link has it.
    pub token: String,
    /// The new one: 15 to 256 characters, or from 8 beside a second factor.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    pub password: String,
}

/// Another password of one's own.
#[derive(Debug, ToSchema)]
pub struct ChangePassword {
    /// The one of now.
    #[schema(format = Password)]
    pub old_password: String,
    /// The new one: 15 to 256 characters, or from 8 beside a second factor.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    pub new_password: String,
}
