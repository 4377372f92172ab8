//! Commands on users.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::{
    actor::Actor,
    ids::UserId,
    policy::{Action, Decision, Relation},
    task::values::ExternalRef,
    user::{User, UserCommand, UserContext, UserError, UserEvent, UserFacts},
};
use event_store::{Claim, ClaimAction, Loaded};
use service::auth::Revoked;

use super::{
    Answer, Caller, Commands, Committed, Precondition, ReceiptKey, Refusal, Refused, Reply, Who, claims,
    facts, user_ref,
};
use crate::{
    aggregates::Trust,
    draft::{Draft, Stream},
    execute::{Plan, Written, execute},
};

/// One command on one user.
#[derive(Clone, Debug)]
pub struct UserUnit {
    /// Which user.
    pub user: UserId,
    /// What is wished.
    pub command: UserCommand,
    /// When it may be done; `Base` is for tasks and holds always.
    pub precondition: Precondition,
    /// Values to take beside those that the events imply: the e-mail address.
    pub claims: Vec<Claim>,
    /// Where the answer is kept.
    pub key: Option<ReceiptKey>,
}

impl UserUnit {
    /// A unit without precondition, claims and key.
    pub fn new(user: UserId, command: UserCommand) -> Self {
        Self { user, command, precondition: Precondition::None, claims: Vec::new(), key: None }
    }
}

/// What a command has made of a user.
#[derive(Debug)]
pub struct UserDone {
    /// Which user.
    pub id: UserId,
    /// As it stands now.
    pub user: User,
    /// What happened; nothing if it was already so.
    pub events: Vec<UserEvent>,
}

impl Commands {
    /// Executes one command; `reply` says what the client is told.
    pub async fn users(
        &self,
        caller: &Caller,
        unit: &UserUnit,
        reply: impl Fn(&UserDone) -> Reply + Send + Sync,
    ) -> Result<Answer, Refusal> {
        let _turn = self.0.locks.turn(user_ref(unit.user)).await?;
        let raised = AtomicU64::new(0);
        let reply = |done: &UserDone| {
            raised.store(raised_epoch(done).unwrap_or_default(), Ordering::Relaxed);
            reply(done)
        };
        let plan = UserPlan { commands: self, caller, unit, reply: &reply };
        let written = execute(&self.0.aggregates, &self.0.appender, &plan).await;
        let written = written.map_err(|refused| refused.why)?;
        let epoch = raised.into_inner();
        if epoch > 0 && matches!(written, Written::Now { .. }) {
            self.0.revocations.announce([Revoked::User(unit.user.0, epoch)]);
        }
        Ok(written.into())
    }

    /// Executes one command for a caller in this process.
    pub async fn user(&self, caller: &Caller, unit: &UserUnit) -> Result<Committed, Refusal> {
        let Answer { version, position, .. } = self.users(caller, unit, |_| Reply::default()).await?;
        Ok(Committed { version, position })
    }

    /// What may stand in a table in place of a personal text; `scope` says what for.
    pub(crate) fn keyed_hash(&self, scope: &str, text: &str) -> String {
        self.0.sealer.hmac_claim(scope, text)
    }

    /// The claim on an e-mail address, in the form in which addresses are compared.
    pub fn email_claim(&self, user: UserId, email: &domain::user::values::Email) -> Claim {
        let value = self.0.sealer.hmac_claim(claims::EMAIL, &email.comparable());
        claims::claim(claims::EMAIL, value, user.0, ClaimAction::Take)
    }

    /// Who has signed up with this address.
    pub async fn find_email(&self, email: &domain::user::values::Email) -> Result<Option<UserId>, Refusal> {
        let value = self.0.sealer.hmac_claim(claims::EMAIL, &email.comparable());
        Ok(self.0.log.find_claim(claims::EMAIL, &value).await?.map(UserId))
    }

    /// The claim on an outside identity.
    pub fn identity_claim(&self, user: UserId, issuer: &str, subject: &str) -> Claim {
        claims::claim(claims::IDENTITY, self.identity(issuer, subject), user.0, ClaimAction::Take)
    }

    /// Whom this outside identity lets in.
    pub async fn find_identity(&self, issuer: &str, subject: &str) -> Result<Option<UserId>, Refusal> {
        let value = self.identity(issuer, subject);
        Ok(self.0.log.find_claim(claims::IDENTITY, &value).await?.map(UserId))
    }

    /// An issuer is an address and has no line breaks.
    fn identity(&self, issuer: &str, subject: &str) -> String {
        self.0.sealer.hmac_claim(claims::IDENTITY, &format!("{issuer}\n{subject}"))
    }

    /// How a person of another system is named here: by the system, and a hash of the name there.
    pub fn source(&self, there: &ExternalRef) -> ExternalRef {
        let hash = self.0.sealer.hmac_claim(claims::SOURCE, &there.as_claim());
        ExternalRef::new(there.system().into(), hash.into())
    }

    /// Who was imported under this name of another system (`ExternalRef::as_claim`).
    pub async fn find_source(&self, source: &str) -> Result<Option<UserId>, Refusal> {
        Ok(self.0.log.find_claim(claims::SOURCE, source).await?.map(UserId))
    }

    /// Everybody who holds the role `admin`, active or not.
    pub async fn admins(&self) -> Result<Vec<UserId>, Refusal> {
        const SQL: &str =
            "SELECT owner FROM event_store.unique_claims WHERE scope = $1 ORDER BY value LIMIT 1000";
        let owners = sqlx::query_scalar(SQL).bind(claims::ADMIN).fetch_all(self.0.log.pool()).await;
        Ok(owners.map_err(event_store::LogError::from)?.into_iter().map(UserId).collect())
    }

    /// The user as the log has it now.
    pub async fn load_user(&self, id: UserId) -> Result<User, Refusal> {
        Ok(self.0.aggregates.get::<User>(id.0, Trust::Log).await?.aggregate.clone())
    }

    /// So many of those users who are programs, made after this position, in that order: where each was made, and who it is.
    pub async fn service_accounts(&self, after: i64, limit: i64) -> Result<Vec<(i64, UserId)>, Refusal> {
        const MADE: &str = "user.service_account_created";
        let made = self.0.log.read_types(after, &[MADE], limit).await?;
        Ok(made.into_iter().map(|event| (event.position, UserId(event.aggregate_id))).collect())
    }

    /// Whether the caller is a program that is a user of its own.
    pub(crate) async fn is_service_account(&self, caller: &Caller) -> Result<bool, Refusal> {
        let Who::Key { user, .. } = caller.who else { return Ok(false) };
        let user = self.0.aggregates.get::<User>(user.0, Trust::Guess).await?;
        Ok(user.aggregate.is_service_account())
    }

    /// Whether the caller may do this at all, to users or to the system; nobody who is locked out may.
    pub(crate) async fn authorise(
        &self,
        caller: &Caller,
        action: Action,
        subject: Option<UserId>,
    ) -> Result<(), Refusal> {
        for trust in [Trust::Guess, Trust::Log] {
            if self.may(caller, action, subject, trust).await? {
                return Ok(());
            }
        }
        Err(UserError::Forbidden.into())
    }

    async fn may(
        &self,
        caller: &Caller,
        action: Action,
        subject: Option<UserId>,
        trust: Trust,
    ) -> Result<bool, Refusal> {
        let (actor, guard) = caller.actor(&self.0.aggregates, trust).await?;
        if actor == Actor::System {
            // It looks after what does not answer, and after the clock.
            let own = [Action::WebhookControl, Action::DeviceRemove, Action::AnnouncementSend];
            return Ok(own.contains(&action));
        }
        if let Some(guard) = guard
            && !self.0.aggregates.get::<User>(guard.aggregate.id, trust).await?.aggregate.is_active()
        {
            return Ok(false);
        }
        let relation = Relation { self_: subject.is_some() && actor.id() == subject, ..Relation::default() };
        Ok(actor.decide(action, None, relation) == Decision::Allow)
    }
}

/// The user's epoch, if what happened has raised it.
fn raised_epoch(done: &UserDone) -> Option<u64> {
    done.events.iter().any(UserEvent::raises_epoch).then_some(done.user.epoch.unsigned_abs())
}

struct UserPlan<'a, R> {
    commands: &'a Commands,
    caller: &'a Caller,
    unit: &'a UserUnit,
    reply: &'a R,
}

impl<R: Fn(&UserDone) -> Reply + Send + Sync> Plan for UserPlan<'_, R> {
    type Aggregate = User;

    fn caller(&self) -> &Caller {
        self.caller
    }

    async fn decide(&self, trust: Trust) -> Result<Draft<User>, Refused> {
        let (aggregates, unit) = (&self.commands.0.aggregates, self.unit);
        let (actor, guard) = self.caller.actor(aggregates, trust).await?;
        let mut draft = Draft::new();
        draft.guards.extend(guard.map(|guard| (guard.aggregate, guard.sequence)));
        let loaded = self.load(trust).await?;
        let mut stream = Stream::open(unit.user.0, loaded, self.caller.now, |time| {
            self.caller.metadata(time, self.commands.node())
        })?;
        let facts = self.facts(&mut draft, trust).await?;
        let context = UserContext { user: unit.user, actor, now: self.caller.now, facts };
        unit.command.authorise(&context).map_err(Refusal::from)?;
        unit.precondition.check_user(stream.state.version)?;
        let events = stream.handle(unit.command.clone(), &context).await.map_err(Refusal::from)?.to_vec();
        draft.claims.clone_from(&unit.claims);
        draft.claims.extend(events.iter().filter_map(|event| claims::of_user(event, unit.user.0)));
        draft.reply = (self.reply)(&UserDone { id: unit.user, user: stream.state.clone(), events });
        draft.receipt = unit.key.as_ref().map(|key| key.receipt(&draft.reply));
        draft.streams.push(stream);
        Ok(draft)
    }
}

impl<R> UserPlan<'_, R> {
    async fn load(&self, trust: Trust) -> Result<Loaded<User>, Refusal> {
        let command = &self.unit.command;
        let is_new = matches!(
            command,
            UserCommand::Register { .. }
                | UserCommand::Invite { .. }
                | UserCommand::Import { .. }
                | UserCommand::CreateServiceAccount { .. }
                | UserCommand::SignUpOutside { .. }
        );
        if is_new && trust == Trust::Guess {
            return Ok(Loaded { aggregate: User::default(), version: 0, occurred_at: None });
        }
        Ok((*self.commands.0.aggregates.get::<User>(self.unit.user.0, trust).await?).clone())
    }

    async fn facts(&self, draft: &mut Draft<User>, trust: Trust) -> Result<UserFacts, Refusal> {
        if !self.unit.command.needs_other_admin() {
            return Ok(UserFacts::default());
        }
        let (log, aggregates) = (&self.commands.0.log, &self.commands.0.aggregates);
        let (facts, guard) = facts::other_admin(log, aggregates, trust, self.unit.user).await?;
        draft.guards.extend(guard.map(|guard| (guard.aggregate, guard.sequence)));
        Ok(facts)
    }
}

impl Precondition {
    /// Whether it holds for a user at this version.
    pub(crate) fn check_user(&self, current: i64) -> Result<(), Refusal> {
        match self {
            Self::IfMatch(versions) if !(current > 0 && versions.permits(current)) => {
                Err(Refusal::VersionMoved { current })
            }
            Self::IfNew if current > 0 => Err(Refusal::VersionMoved { current }),
            _ => Ok(()),
        }
    }
}
