//! What admins are told of at once: rules over what happens.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{EventId, UserId},
    time::Timestamp,
    words::words,
};

words! {
    /// What admins should look at.
    AlertKind {
        /// Wrong passwords for many accounts, or accounts locked.
        FailedLogins = "alert.failed_logins",
        /// Somebody has got a role that most have not.
        RoleGranted = "alert.role_granted",
        /// Somebody deletes many tasks.
        MassDeletion = "alert.mass_deletion",
        /// A session was in two hands.
        TokenReused = "alert.token_reused",
        /// What people read is far behind the log, or stands still.
        ProjectionBehind = "alert.projection_behind",
    }
}

/// One alert, as inboxes and mails bear it: ids and facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Stands for an event: the same whoever computes it.
    pub event: EventId,
    /// What it is about.
    pub trigger: AlertKind,
    /// Of whom or what: `users/<id>`, `projections/<name>`, `logins`.
    pub subject: String,
    /// How many events there were lately.
    pub count: i64,
    /// Who acted, if it was somebody.
    pub actor: Option<UserId>,
    /// When the last of them happened.
    pub occurred_at: Timestamp,
}

/// How often something has to happen until it is an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// So many …
    pub count: i64,
    /// … within this span.
    pub within: TimeDelta,
    /// After an alert there is none about the same for so long.
    pub silence: TimeDelta,
}

impl AlertKind {
    /// How often it has to happen.
    pub fn threshold(self) -> Threshold {
        let minutes = |count, within, silence| Threshold {
            count,
            within: TimeDelta::minutes(within),
            silence: TimeDelta::minutes(silence),
        };
        match self {
            Self::FailedLogins => minutes(5, 10, 60),
            Self::MassDeletion => minutes(20, 10, 60),
            Self::RoleGranted | Self::TokenReused => minutes(1, 10, 10),
            Self::ProjectionBehind => minutes(1, 10, 6 * 60),
        }
    }
}

impl Alert {
    /// The user it is about, if it is one.
    pub fn user(&self) -> Option<UserId> {
        self.subject.strip_prefix("users/")?.parse().ok()
    }

    /// Whether this admin is told: not of own acts, nor of an own role.
    pub fn tells(&self, admin: UserId) -> bool {
        let got_it = self.trigger == AlertKind::RoleGranted && self.user() == Some(admin);
        self.actor != Some(admin) && !got_it
    }

    /// Everybody whose name is told.
    pub fn people(&self) -> impl Iterator<Item = UserId> {
        self.actor.into_iter().chain(self.user())
    }
}
