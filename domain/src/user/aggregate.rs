//! The state of a user: what the events add up to.

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{
    ApiKeys, Device, DeviceRegistered, Identity, Link, RecentMails, Totp, UserCommand, UserContext,
    UserError, UserEvent, Verification,
    values::{Locale, TimeZone, UserState},
};
use crate::{
    event::Timed,
    ids::CredentialId,
    notification::Preferences,
    personal::Sealed,
    policy::{Role, RoleSet, ScopeSet},
    task::{UserFact, values::ExternalRef},
    time::Timestamp,
};

/// A user as it stands; before the first event `name` is none, and once erased. Also what a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Sequence of the last event; 0 before the first.
    pub version: i64,
    /// Canonical e-mail address; none for imported users.
    pub email: Option<Sealed>,
    /// Name; none until signed up, and once erased.
    pub name: Option<Sealed>,
    /// Language; none for imported users.
    pub locale: Option<Locale>,
    /// Time zone; none for imported users.
    pub time_zone: Option<TimeZone>,
    /// Who it is in the system that history was imported from.
    pub source: Option<ExternalRef>,
    /// The address was verified, or the user came by import.
    pub verified: bool,
    /// Locked out.
    pub deactivated: bool,
    /// The person's key is gone; locked out for good.
    pub erased: bool,
    /// Roles, whatever the state; see [`effective_roles`](User::effective_roles).
    pub roles: RoleSet,
    /// Rises with every change of rights; tokens of older epochs are stale.
    pub epoch: i64,
    /// Rises with everything that ends all sessions; those opened in an older one are over.
    pub session_epoch: i64,
    /// The password that counts; while no event has said so, the one that bears the user's own id.
    pub credential: Option<CredentialId>,
    /// The link that verifies the address.
    pub verification: Option<Verification>,
    /// The link that sets the password.
    pub reset: Option<Link>,
    /// What was mailed to whoever asked for it.
    pub mails: RecentMails,
    /// The second factor, if one is asked for.
    pub totp: Option<Totp>,
    /// Of a service account: what its keys may be for; none for people.
    pub service_scopes: Option<ScopeSet>,
    /// The keys that programs may come with.
    pub api_keys: ApiKeys,
    /// What else lets the user in, in the order of linking; one for each provider at most.
    pub identities: Vec<Identity>,
    /// What the user wants to be told, by what ways, and when.
    pub preferences: Preferences,
    /// What notices are pushed to, in the order of registering.
    pub devices: Vec<Device>,
    /// When the user signed up.
    pub create_time: Option<Timestamp>,
    /// When the last event occurred.
    pub update_time: Option<Timestamp>,
}

impl User {
    /// Version of the shape that snapshots have; another one is ignored and folded anew.
    pub const SHAPE: i32 = 7;

    /// Whether the first event has happened.
    pub fn exists(&self) -> bool {
        self.name.is_some() || self.erased
    }

    /// Where the user stands.
    pub fn state(&self) -> UserState {
        match (self.deactivated, self.verified) {
            (true, _) => UserState::Deactivated,
            (false, true) => UserState::Active,
            (false, false) => UserState::Unverified,
        }
    }

    /// Whether the user may log in and be assigned.
    pub fn is_active(&self) -> bool {
        self.exists() && self.state() == UserState::Active
    }

    /// The roles that count now: none unless active.
    pub fn effective_roles(&self) -> RoleSet {
        if self.is_active() { self.roles } else { RoleSet::EMPTY }
    }

    /// Whether this user can manage users now.
    pub fn is_active_admin(&self) -> bool {
        self.effective_roles().has(Role::Admin)
    }

    /// What tasks ask about this user.
    pub fn fact(&self) -> Option<UserFact> {
        self.exists().then(|| UserFact { active: self.is_active() })
    }

    /// Takes one event in.
    pub(super) fn take(&mut self, event: UserEvent) {
        self.version += 1;
        match event {
            UserEvent::Registered(new) => {
                self.take_person(new.email, new.name, new.locale, new.time_zone);
            }
            UserEvent::Invited(new) => {
                self.take_person(new.email, new.name, new.locale, new.time_zone);
                self.roles = new.roles;
            }
            UserEvent::Imported(new) => {
                self.name = Some(new.name);
                self.source = Some(new.source);
                self.verified = true;
            }
            UserEvent::Verified(_) => {
                self.verified = true;
                self.verification = None;
            }
            UserEvent::NameChanged(change) => self.name = Some(change.to),
            UserEvent::LocaleChanged(change) => self.locale = change.to,
            UserEvent::TimeZoneChanged(change) => self.time_zone = change.to,
            UserEvent::RoleGranted(entry) => self.take_roles(self.roles.with(entry.role)),
            UserEvent::RoleRevoked(entry) => self.take_roles(self.roles.without(entry.role)),
            UserEvent::Deactivated(_) => {
                self.deactivated = true;
                (self.verification, self.reset) = (None, None);
                self.end_sessions();
            }
            UserEvent::Reactivated(_) => {
                self.deactivated = false;
                self.epoch += 1;
            }
            UserEvent::ServiceAccountCreated(new) => {
                self.name = Some(new.name);
                self.verified = true;
                self.roles = new.roles;
                self.service_scopes = Some(new.scopes);
            }
            UserEvent::ApiKeyCreated(key) => self.api_keys.take(key, self.update_time),
            UserEvent::ApiKeyRevoked(entry) => self.api_keys.remove(entry.key),
            UserEvent::LoggedOut(_) => self.end_sessions(),
            UserEvent::RefreshTokenReused(_) | UserEvent::LoginsFailed(_) | UserEvent::Locked(_) => {}
            UserEvent::VerificationRequested(asked) => {
                let link = Link { id: asked.link, expires_at: asked.expires_at };
                self.verification = Some(Verification { link, credential: asked.credential });
                self.credential.get_or_insert(asked.credential);
                self.mails.ask();
            }
            UserEvent::SignUpRepeated(_) => self.mails.ask(),
            UserEvent::PasswordResetRequested(asked) => {
                self.reset = Some(Link { id: asked.link, expires_at: asked.expires_at });
                self.mails.ask();
            }
            UserEvent::PasswordChanged(changed) => {
                self.credential = Some(changed.credential);
                self.reset = None;
                self.end_sessions();
            }
            UserEvent::TotpEnabled(enabled) => {
                self.totp = Some(enabled.into());
                self.end_sessions();
            }
            UserEvent::TotpDisabled(_) => {
                self.totp = None;
                self.end_sessions();
            }
            UserEvent::RecoveryCodesRenewed(renewed) => {
                self.totp = self.totp.map(|totp| totp.renew(renewed.recovery_codes));
            }
            UserEvent::RecoveryCodeUsed(used) => {
                self.totp = self.totp.map(|totp| totp.without(used.number));
            }
            UserEvent::IdentityLinked(linked) => self.identities.push(linked.into()),
            UserEvent::IdentityUnlinked(unlinked) => {
                self.identities.retain(|identity| identity.id != unlinked.identity);
                self.end_sessions();
            }
            UserEvent::NotificationPreferencesChanged(change) => self.preferences = change.to,
            UserEvent::DeviceRegistered(DeviceRegistered { device: id, platform, token }) => {
                self.devices.push(Device { id, platform, token });
            }
            UserEvent::DeviceRemoved(removed) => self.devices.retain(|device| device.id != removed.device),
            UserEvent::Erased(_) => self.take_erased(),
        }
    }

    fn take_person(&mut self, email: Sealed, name: Sealed, locale: Locale, time_zone: TimeZone) {
        self.email = Some(email);
        self.name = Some(name);
        self.locale = Some(locale);
        self.time_zone = Some(time_zone);
    }

    fn take_roles(&mut self, roles: RoleSet) {
        self.roles = roles;
        self.epoch += 1;
    }

    /// All sessions are over, and access tokens of now are stale.
    pub(super) fn end_sessions(&mut self) {
        self.session_epoch += 1;
        self.epoch += 1;
    }
}

impl Timed for User {
    fn occurred(&mut self, at: Timestamp) {
        self.mails.occurred(at);
        self.create_time.get_or_insert(at);
        self.update_time = Some(at);
    }

    fn last_occurred_at(&self) -> Option<Timestamp> {
        self.update_time
    }
}

impl Aggregate for User {
    const TYPE: &'static str = "user";
    type Command = UserCommand;
    type Event = UserEvent;
    type Error = UserError;
    type Services = UserContext;

    async fn handle(
        &mut self,
        command: UserCommand,
        context: &UserContext,
        sink: &EventSink<Self>,
    ) -> Result<(), UserError> {
        let time = self.effective_time(context.now);
        for event in self.decide(command, context)? {
            sink.write(event, self).await;
            self.occurred(time);
        }
        Ok(())
    }

    fn apply(&mut self, event: UserEvent) {
        self.take(event);
    }
}
