//! How a user decides: state, command, context → events or refusal. No events = already so.

use super::{
    Imported, Invited, NewUser, Profile, Proof, Registered, RoleEntry, SignUp, StateChange, User,
    UserCommand, UserContext, UserError, UserEvent, passwords,
    values::{Reason, UserState},
};
use crate::{
    actor::Actor,
    event::{Change, Nothing},
    ids::LinkId,
    personal::Sealed,
    policy::{Action, Decision, Relation, Role, RoleSet},
    task::values::ExternalRef,
    violation::{FieldViolation, Violation},
};

pub(super) type Decided = Result<Vec<UserEvent>, UserError>;

impl User {
    /// Decides one command; also checks that the actor may ask for it.
    pub fn decide(&self, command: UserCommand, context: &UserContext) -> Decided {
        command.authorise(context)?;
        if self.erased {
            return Self::after_erasure(&command);
        }
        match command {
            UserCommand::Register { user, sign_up } => self.register(user, sign_up, context),
            UserCommand::RepeatSignUp(sign_up) => self.repeat_sign_up(sign_up, context),
            UserCommand::Invite { user, roles, link } => self.invite(user, roles, link, context),
            UserCommand::Import { name, source } => self.import(name, source),
            UserCommand::Verify { proof } => self.verify(proof, context),
            UserCommand::EditProfile(profile) => self.edit_profile(profile),
            UserCommand::GrantRole { role } => self.grant_role(role, context),
            UserCommand::RevokeRole { role } => self.revoke_role(role, context),
            UserCommand::Deactivate { reason } => self.deactivate(reason, context),
            UserCommand::Reactivate { reason } => self.reactivate(reason),
            UserCommand::LogOut { reason } => self.log_out(reason),
            UserCommand::Erase => self.erase(context),
            UserCommand::RequestPasswordReset { link } => self.request_password_reset(link, context),
            UserCommand::ResetPassword { link, credential, needs_factor } => {
                self.reset_password(link, credential, needs_factor, context)
            }
            UserCommand::ChangePassword { old, new, needs_factor } => {
                self.change_password(old, new, needs_factor)
            }
            UserCommand::RecordReuse(reuse) => self.record(UserEvent::RefreshTokenReused(reuse)),
            UserCommand::RecordFailures(failures) => self.record(UserEvent::LoginsFailed(failures)),
            UserCommand::RecordLock(lock) => self.record(UserEvent::Locked(lock)),
            UserCommand::CreateServiceAccount { name, scopes } => self.create_service_account(name, scopes),
            UserCommand::CreateApiKey(key) => self.create_api_key(key, context),
            UserCommand::RevokeApiKey { key } => self.revoke_api_key(key),
            UserCommand::EnableTotp(enabled) => self.enable_totp(enabled),
            UserCommand::DisableTotp { password } => self.disable_totp(password),
            UserCommand::RenewRecoveryCodes { recovery_codes } => self.renew_recovery_codes(recovery_codes),
            UserCommand::UseRecoveryCode { recovery_codes, number } => {
                self.use_recovery_code(recovery_codes, number)
            }
            UserCommand::SignUpOutside { user, identity } => self.sign_up_outside(user, identity),
            UserCommand::LinkIdentity(identity) => self.link_identity(identity),
            UserCommand::UnlinkIdentity { identity, has_password } => {
                self.unlink_identity(identity, has_password)
            }
            UserCommand::SetPreferences(preferences) => self.set_preferences(preferences),
            UserCommand::StopMails(mailing) => self.set_preferences(self.preferences.without(mailing)),
            UserCommand::RegisterDevice(device) => self.register_device(device),
            UserCommand::RemoveDevice { device, why } => self.remove_device(device, why),
        }
    }

    fn register(&self, user: NewUser, sign_up: SignUp, context: &UserContext) -> Decided {
        self.must_be_new()?;
        let NewUser { email, name, locale, time_zone } = user;
        let registered = UserEvent::Registered(Registered { email, name, locale, time_zone });
        Ok(vec![registered, passwords::verification(sign_up, context.now)])
    }

    fn invite(&self, user: NewUser, roles: RoleSet, link: Option<LinkId>, context: &UserContext) -> Decided {
        self.must_be_new()?;
        let misfits: Vec<_> = roles.iter().filter_map(|role| self.misfit(role, roles)).collect();
        if !misfits.is_empty() {
            let misfits = misfits.into_iter().map(|violation| FieldViolation::of("roles", violation));
            return Err(UserError::Invalid(misfits.collect()));
        }
        let NewUser { email, name, locale, time_zone } = user;
        let invited = UserEvent::Invited(Invited { email, name, locale, time_zone, roles });
        let link = link.map(|link| passwords::invitation(link, context.now));
        Ok([invited].into_iter().chain(link).collect())
    }

    fn import(&self, name: Sealed, source: ExternalRef) -> Decided {
        if self.source.as_ref() == Some(&source) {
            return Ok(Vec::new());
        }
        self.must_be_new()?;
        let member = RoleEntry { role: Role::Member };
        Ok(vec![UserEvent::Imported(Imported { name, source }), UserEvent::RoleGranted(member)])
    }

    fn verify(&self, proof: Proof, context: &UserContext) -> Decided {
        match proof {
            Proof::Mail(link) => self.verify_by_mail(link, context.now),
            Proof::Word => self.verify_by_word(),
        }
    }

    fn verify_by_word(&self) -> Decided {
        match self.must_exist()? {
            UserState::Active => Ok(Vec::new()),
            state @ UserState::Deactivated => Err(UserError::StateNotAllowed { state }),
            UserState::Unverified => Ok(self.become_verified()),
        }
    }

    pub(super) fn become_verified(&self) -> Vec<UserEvent> {
        let first_role = RoleEntry { role: Role::Member };
        let first_role = self.roles.is_empty().then_some(UserEvent::RoleGranted(first_role));
        [UserEvent::Verified(Nothing {})].into_iter().chain(first_role).collect()
    }

    fn edit_profile(&self, profile: Profile) -> Decided {
        self.must_exist()?;
        let mut events = Vec::new();
        if let (Some(from), Some(to)) = (&self.name, profile.name) {
            events.extend(changed(from, to).map(UserEvent::NameChanged));
        }
        if let Some(to) = profile.locale {
            events.extend(changed(&self.locale, Some(to)).map(UserEvent::LocaleChanged));
        }
        if let Some(to) = profile.time_zone {
            events.extend(changed(&self.time_zone, Some(to)).map(UserEvent::TimeZoneChanged));
        }
        Ok(events)
    }

    fn grant_role(&self, role: Role, context: &UserContext) -> Decided {
        self.must_exist()?;
        if context.actor.id() == Some(context.user) {
            return Err(UserError::Forbidden);
        }
        if self.roles.has(role) {
            return Ok(Vec::new());
        }
        if let Some(violation) = self.misfit(role, self.roles) {
            return Err(UserError::Invalid(vec![FieldViolation::of("role", violation)]));
        }
        Ok(vec![UserEvent::RoleGranted(RoleEntry { role })])
    }

    fn revoke_role(&self, role: Role, context: &UserContext) -> Decided {
        self.must_exist()?;
        if !self.roles.has(role) {
            return Ok(Vec::new());
        }
        if role == Role::Admin {
            self.must_not_be_last_admin(context)?;
        }
        Ok(vec![UserEvent::RoleRevoked(RoleEntry { role })])
    }

    fn deactivate(&self, reason: Option<Reason>, context: &UserContext) -> Decided {
        if self.must_exist()? == UserState::Deactivated {
            return Ok(Vec::new());
        }
        self.must_not_be_last_admin(context)?;
        Ok(vec![UserEvent::Deactivated(StateChange { reason })])
    }

    fn reactivate(&self, reason: Option<Reason>) -> Decided {
        match self.must_exist()? {
            UserState::Deactivated => Ok(vec![UserEvent::Reactivated(StateChange { reason })]),
            UserState::Active | UserState::Unverified => Ok(Vec::new()),
        }
    }

    /// Nobody else has sessions.
    fn log_out(&self, reason: Option<Reason>) -> Decided {
        match self.must_exist()? {
            UserState::Active => Ok(vec![UserEvent::LoggedOut(StateChange { reason })]),
            UserState::Deactivated | UserState::Unverified => Ok(Vec::new()),
        }
    }

    fn record(&self, event: UserEvent) -> Decided {
        self.must_exist()?;
        Ok(vec![event])
    }

    pub(super) fn must_be_new(&self) -> Result<(), UserError> {
        if self.exists() { Err(UserError::IdTaken) } else { Ok(()) }
    }

    pub(super) fn must_exist(&self) -> Result<UserState, UserError> {
        if self.exists() { Ok(self.state()) } else { Err(UserError::NotFound) }
    }

    /// Why a user of this kind who holds `held` may not hold `role`.
    fn misfit(&self, role: Role, held: RoleSet) -> Option<Violation> {
        if !self.fits(role) {
            return Some(Violation::RoleDoesNotFit { role: role.as_str() });
        }
        let excluded = role.excludes().filter(|other| held.has(*other))?;
        Some(Violation::RolesExclude { role: role.as_str(), held: excluded.as_str() })
    }

    pub(super) fn must_not_be_last_admin(&self, context: &UserContext) -> Result<(), UserError> {
        let last = self.is_active_admin() && !context.facts.other_active_admin;
        if last { Err(UserError::LastAdmin) } else { Ok(()) }
    }
}

impl UserCommand {
    /// The row of the policy table; none if no session is needed.
    pub fn action(&self) -> Option<Action> {
        match self {
            Self::Register { .. }
            | Self::RepeatSignUp(_)
            | Self::Verify { proof: Proof::Mail(_) }
            | Self::RequestPasswordReset { .. }
            | Self::ResetPassword { .. }
            | Self::RecordReuse(_)
            | Self::RecordFailures(_)
            | Self::RecordLock(_)
            | Self::UseRecoveryCode { .. }
            | Self::SignUpOutside { .. }
            | Self::LinkIdentity(_)
            | Self::StopMails(_) => None,
            Self::Invite { .. } => Some(Action::UserInvite),
            Self::Import { .. } => Some(Action::Import),
            Self::Verify { proof: Proof::Word } => Some(Action::UserVerify),
            Self::EditProfile(_)
            | Self::ChangePassword { .. }
            | Self::EnableTotp(_)
            | Self::DisableTotp { .. }
            | Self::RenewRecoveryCodes { .. }
            | Self::UnlinkIdentity { .. }
            | Self::SetPreferences(_)
            | Self::RegisterDevice(_) => Some(Action::UserEdit),
            Self::RemoveDevice { .. } => Some(Action::DeviceRemove),
            Self::CreateServiceAccount { .. } => Some(Action::ServiceAccountManage),
            Self::CreateApiKey(_) | Self::RevokeApiKey { .. } => Some(Action::ApiKeyManage),
            Self::GrantRole { .. } | Self::RevokeRole { .. } => Some(Action::UserRoles),
            Self::Deactivate { .. } | Self::Reactivate { .. } => Some(Action::UserDeactivate),
            Self::LogOut { .. } => Some(Action::UserLogout),
            Self::Erase => Some(Action::UserErase),
        }
    }

    /// Checks that the actor may ask for this; `decide` does so too.
    pub fn authorise(&self, context: &UserContext) -> Result<(), UserError> {
        let Some(action) = self.action() else { return Ok(()) };
        let relation = Relation { self_: context.actor.id() == Some(context.user), ..Relation::default() };
        let decision = match context.actor {
            Actor::System => Decision::Allow,
            Actor::Anonymous | Actor::User { .. } | Actor::Key { .. } | Actor::Import { .. } => {
                context.actor.decide(action, None, relation)
            }
        };
        if decision == Decision::Allow { Ok(()) } else { Err(UserError::Forbidden) }
    }
}

fn changed<T: PartialEq + Clone>(from: &T, to: T) -> Option<Change<T>> {
    (*from != to).then(|| Change { from: from.clone(), to })
}
