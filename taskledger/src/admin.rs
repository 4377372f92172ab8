//! The first admin, without whom nobody could let anybody in.

use std::fmt::Display;

use clap::Args;
use command_api::CommandApi;
use command_api::auth::{NewPerson, Password};
use domain::time::TimeZone;
use domain::user::values::{Email, Locale, PersonName};
use service::config::ConfigError;
use service::secrets::Secret;

use crate::error::Failure;

/// Who the first admin is to be.
#[derive(Args, Clone, Debug)]
pub(crate) struct AdminArgs {
    /// E-mail address of the first admin.
    #[arg(long, env = "TASKLEDGER_ADMIN_EMAIL", value_name = "EMAIL", default_value = "admin@localhost")]
    admin_email: String,
    /// Password of the first admin; made up and printed once if it is not given.
    #[arg(long, env = "TASKLEDGER_ADMIN_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    admin_password: Option<Secret<String>>,
}

/// Letters and digits that are not taken for each other.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// The first admin, as the banner tells.
pub(crate) enum FirstAdmin {
    /// Made now, with a password that was made up.
    Invented { email: String, password: String },
    /// Made now, with the password that was given.
    Given { email: String },
    /// Made at an earlier start.
    Known { email: String },
    /// Made at an earlier start, under another address.
    Other,
}

impl FirstAdmin {
    /// Makes the first admin if there is none, whatever his address.
    pub(crate) async fn ensure(arguments: &AdminArgs, api: &CommandApi) -> Result<Self, Failure> {
        let email = arguments.admin_email.clone();
        let person = NewPerson {
            email: Email::parse(&email).map_err(|error| invalid("TASKLEDGER_ADMIN_EMAIL", error))?,
            name: PersonName::parse("Admin").map_err(|error| invalid("the admin's name", error))?,
            locale: Locale::parse("en").map_err(|error| invalid("the admin's locale", error))?,
            time_zone: TimeZone::UTC,
        };
        let given = arguments.admin_password.as_ref().map(|password| password.expose().clone());
        let text = given.clone().unwrap_or_else(invent);
        let chosen = Password::chosen(&text).map_err(|error| invalid("TASKLEDGER_ADMIN_PASSWORD", error))?;
        let known = api.commands.find_email(&person.email).await.map_err(Failure::Log)?;
        if known.is_none() && !api.commands.admins().await.map_err(Failure::Log)?.is_empty() {
            return Ok(Self::Other);
        }
        let made = api.auth.ensure_first_admin(&person, chosen).await?;
        Ok(match (made, given) {
            (false, _) => Self::Known { email },
            (true, Some(_)) => Self::Given { email },
            (true, None) => Self::Invented { email, password: text },
        })
    }
}

/// Four groups of five: some 99 bits.
fn invent() -> String {
    let group = |_| {
        let letters = (0..5).map(|_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())]));
        letters.collect::<String>()
    };
    (0..4).map(group).collect::<Vec<_>>().join("-")
}

fn invalid(name: &str, error: impl Display) -> ConfigError {
    ConfigError::Invalid(format!("{name}: {error}"))
}
