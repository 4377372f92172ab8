//! Mailed links, and getting another password.

use domain::{
    ids::{CredentialId, LinkId, UserId},
    notification::Mailing,
    user::{Proof, UserCommand, UserError, values::Email},
};
use service::{mail_token::Purpose, request::ClientInfo};
use uuid::Uuid;

use super::{
    Auth,
    credentials::{self, NewCredential, PasswordError},
    password::{Password, Verdict},
};
use crate::commands::{Answer, Caller, Refusal, Reply, UserDone, UserUnit};

impl Auth {
    /// Verifies the address to which this token was mailed.
    pub async fn verify_email(
        &self,
        token: &str,
        caller: Caller,
        client: &ClientInfo,
        reply: impl Fn(&UserDone) -> Reply + Send + Sync,
    ) -> Result<Answer, Refusal> {
        let (user, link) = self.mailed(Purpose::VerifyEmail, token)?;
        let caller = caller.of(self.0.commands.seal_client(user, client).await?);
        let verify = UserCommand::Verify { proof: Proof::Mail(link) };
        self.0.commands.users(&caller, &UserUnit::new(user, verify), reply).await
    }

    /// Has a link mailed to set the password with, if the address is somebody's. Of nobody the same is asked.
    pub async fn forgot_password(
        &self,
        email: Option<Email>,
        caller: Caller,
        client: &ClientInfo,
    ) -> Result<(), Refusal> {
        let commands = &self.0.commands;
        let known = match &email {
            Some(email) => commands.find_email(email).await?,
            None => None,
        };
        let (user, caller) = match known {
            Some(user) => (user, caller.of(commands.seal_client(user, client).await?)),
            None => (UserId(Uuid::now_v7()), caller),
        };
        let command = UserCommand::RequestPasswordReset { link: LinkId(Uuid::now_v7()) };
        commands.user(&caller, &UserUnit::new(user, command)).await.map(drop)
    }

    /// Whether the one to whom this token was mailed, to set the password with, has a second factor.
    pub async fn has_second_factor(&self, token: &str) -> Result<bool, Refusal> {
        let Ok((user, _)) = self.mailed(Purpose::ResetPassword, token) else { return Ok(false) };
        Ok(self.0.commands.load_user(user).await?.totp.is_some())
    }

    /// Sets the password of the user to whom this token was mailed. All their sessions end.
    pub async fn reset_password(
        &self,
        token: &str,
        password: Password,
        caller: Caller,
        client: &ClientInfo,
        reply: impl Fn(&UserDone) -> Reply + Send + Sync,
    ) -> Result<Answer, PasswordError> {
        let commands = &self.0.commands;
        let (user, link) = self.mailed(Purpose::ResetPassword, token)?;
        // Before hashing: nobody keeps the cores busy with links that are void.
        let state = commands.load_user(user).await?;
        state.check_reset(link, caller.now).map_err(Refusal::from)?;
        let caller = caller.of(commands.seal_client(user, client).await?);
        let new = self.new_credential(password).await?;
        let command = UserCommand::ResetPassword { link, credential: new.id, needs_factor: new.needs_factor };
        let answer = self.with_credential(&caller, &UserUnit::new(user, command), &new, reply).await?;
        self.forget_tries(&state).await;
        Ok(answer)
    }

    /// Sets the caller's own password. All their sessions end, this one too.
    pub async fn change_password(
        &self,
        user: UserId,
        old: Password,
        password: Password,
        caller: &Caller,
        reply: impl Fn(&UserDone) -> Reply + Send + Sync,
    ) -> Result<Answer, PasswordError> {
        let commands = &self.0.commands;
        let state = commands.load_user(user).await?;
        let known = credentials::find(commands.log().pool(), user, &state).await?;
        if self.0.hasher.verify(self.0.hasher.place()?, old, known).await? == Verdict::Wrong {
            return Err(Refusal::from(UserError::WrongPassword).into());
        }
        let new = self.new_credential(password).await?;
        let old = state.credential;
        let command = UserCommand::ChangePassword { old, new: new.id, needs_factor: new.needs_factor };
        let answer = self.with_credential(caller, &UserUnit::new(user, command), &new, reply).await?;
        self.forget_tries(&state).await;
        Ok(answer)
    }

    /// Whose mails of what kind this token, which such a mail brought, puts an end to.
    pub fn mailing(&self, token: &str) -> Result<(UserId, Mailing), Refusal> {
        let named = self.0.mail_tokens.read_unsubscribe(token);
        let mailing = named.and_then(|(user, word)| Some((UserId(user), word.parse().ok()?)));
        Ok(mailing.ok_or(UserError::LinkVoid)?)
    }

    /// Puts an end to them.
    pub async fn stop_mails(&self, token: &str, caller: Caller, client: &ClientInfo) -> Result<(), Refusal> {
        let (user, mailing) = self.mailing(token)?;
        let commands = &self.0.commands;
        let caller = caller.of(commands.seal_client(user, client).await?);
        commands.user(&caller, &UserUnit::new(user, UserCommand::StopMails(mailing))).await.map(drop)
    }

    async fn new_credential(&self, password: Password) -> Result<NewCredential, PasswordError> {
        let (id, needs_factor) = (CredentialId(Uuid::now_v7()), password.needs_factor());
        Ok(NewCredential { id, hash: self.0.hasher.hash(password).await?, needs_factor })
    }

    fn mailed(&self, purpose: Purpose, token: &str) -> Result<(UserId, LinkId), Refusal> {
        let named = self.0.mail_tokens.read(purpose, token).ok_or(UserError::LinkVoid)?;
        Ok((UserId(named.0), LinkId(named.1)))
    }
}
