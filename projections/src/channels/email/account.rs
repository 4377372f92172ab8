//! Mails about the recipient's own account.

use domain::{personal::Sealed, time::Timestamp};
use event_store::Unsealed;
use serde::{Deserialize, Serialize};
use service::mail_token::Purpose;
use uuid::Uuid;

use super::{
    Ink,
    compose::{Facts, Mail, Topic, render},
    texts,
};
use crate::channels::telling::Unwritten;

/// To whom, and about what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountLetter {
    /// Whose account.
    pub user: Uuid,
    /// Their address as of the event.
    pub email: Sealed,
    /// Their name as of the event.
    pub name: Sealed,
    /// Their language, with a region perhaps.
    pub locale: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Until when it matters.
    pub good_until: Timestamp,
    /// What happened.
    pub occasion: Occasion,
}

/// What to write about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Occasion {
    /// Somebody signed up with this address: is it theirs?
    Verification {
        /// Id of the link that verifies.
        link: Uuid,
    },
    /// An admin has made an account for them.
    Invitation {
        /// Id of the link that sets a password.
        link: Uuid,
    },
    /// Somebody signed up with an address that has an account.
    SignUpRepeated,
    /// Somebody says to have forgotten the password.
    Forgotten {
        /// Id of the link that sets a password.
        link: Uuid,
    },
    /// There is another password.
    PasswordChanged,
    /// A session was in two hands.
    TokenReused {
        /// From which address first.
        used_from: Sealed,
        /// From which address then.
        reused_from: Sealed,
    },
    /// Wrong passwords were tried.
    LoginsFailed {
        /// How many.
        count: u32,
        /// The last one from which address.
        tried_from: Sealed,
    },
    /// An identity at this issuer lets them in too.
    IdentityLinked {
        /// Which issuer.
        issuer: String,
    },
}

/// The mail.
pub(super) async fn compose(ink: &Ink, letter: &AccountLetter) -> Result<Mail, Unwritten> {
    let [address, name] = open(ink, [&letter.email, &letter.name]).await?;
    let links = Links { ink, user: letter.user, language: language(&letter.locale) };
    let reset = |link: &Uuid| links.to("reset", Purpose::ResetPassword, *link);
    let (topic, url) = match &letter.occasion {
        Occasion::Verification { link } => {
            (Topic::Verification, links.to("verify", Purpose::VerifyEmail, *link))
        }
        Occasion::Invitation { link } => (Topic::Invitation, reset(link)),
        Occasion::Forgotten { link } => (Topic::Forgotten, reset(link)),
        Occasion::SignUpRepeated => (Topic::SignUpRepeated, links.for_another_link()),
        Occasion::PasswordChanged => (Topic::PasswordChanged, links.for_another_link()),
        Occasion::TokenReused { used_from, reused_from } => {
            let [used_from, reused_from] = open(ink, [used_from, reused_from]).await?;
            (Topic::TokenReused { used_from, reused_from }, links.for_another_link())
        }
        Occasion::LoginsFailed { count, tried_from } => {
            let [tried_from] = open(ink, [tried_from]).await?;
            (Topic::LoginsFailed { count: *count, tried_from }, links.for_another_link())
        }
        Occasion::IdentityLinked { issuer } => {
            (Topic::IdentityLinked { issuer: issuer.clone() }, links.for_another_link())
        }
    };
    let facts = Facts { name, when: minute(letter.occurred_at), url };
    let words = match links.language {
        "ko" => texts::ko::words(topic, facts),
        _ => texts::en::words(topic, facts),
    };
    Ok(render(address, links.language, &words))
}

/// The texts in clear, unless their person is erased.
pub(super) async fn open<const N: usize>(ink: &Ink, sealed: [&Sealed; N]) -> Result<[String; N], Unwritten> {
    let opened = ink.sealer.unseal_all(&sealed.map(Clone::clone)).await?;
    let clear: Option<Vec<String>> = opened.into_iter().map(Unsealed::clear).collect();
    clear.and_then(|clear| clear.try_into().ok()).ok_or(Unwritten::Needless("the person is erased"))
}

/// Makes links for one person. What is secret stands behind the `#`, which browsers send to nobody.
struct Links<'a> {
    ink: &'a Ink,
    user: Uuid,
    language: &'static str,
}

impl Links<'_> {
    fn to(&self, page: &str, purpose: Purpose, link: Uuid) -> String {
        let token = self.ink.tokens.write(purpose, self.user, link);
        format!("{}/auth/{page}#token={token}&lang={}", self.ink.public_url, self.language)
    }

    /// The page asks for an address and sends a link to set a new password.
    fn for_another_link(&self) -> String {
        format!("{}/auth/reset#lang={}", self.ink.public_url, self.language)
    }
}

/// The language that somebody is written in.
pub(super) fn language(locale: &str) -> &'static str {
    if locale.starts_with("ko") { "ko" } else { "en" }
}

/// A time as mails say it.
pub(super) fn minute(time: Timestamp) -> String {
    time.as_datetime().format("%Y-%m-%d %H:%M UTC").to_string()
}
