//! Proving anew who one is by an outside identity, in a session that goes on.

use domain::ids::UserId;
use uuid::Uuid;

use super::{METHODS, OutsideError, Recognised};
use crate::auth::{
    Auth,
    second_factor::{Proof, SecondFactorError},
    sessions,
    totp::Code,
    tries,
};

impl Auth {
    /// Checks the second factor of somebody who is about to go to a provider; true if they have one.
    pub async fn prove_second_factor(&self, user: UserId, code: Option<Code>) -> Result<bool, OutsideError> {
        let state = self.0.commands.load_user(user).await?;
        if state.totp.is_none() {
            return Ok(false);
        }
        let code = code.ok_or(SecondFactorError::Wrong)?;
        self.count_try(user).await?;
        self.check_proof(&state, &Proof::Code(code)).await?;
        tries::clear(self.0.commands.log().pool(), user).await?;
        Ok(true)
    }

    /// Notes that the person has come back from the provider, and is the one whose session it is. They had shown their second
    /// factor before, or had none. Gives the methods (`amr`).
    pub async fn prove_anew_outside(
        &self,
        who: &Recognised,
        user: UserId,
        session: Uuid,
        second_factor: bool,
    ) -> Result<Vec<String>, OutsideError> {
        if who.user != user {
            return Err(OutsideError::Conflict);
        }
        if who.state.totp.is_some() != second_factor {
            return Err(OutsideError::Over);
        }
        let otp = second_factor.then_some("otp");
        let methods: Vec<String> = METHODS.into_iter().chain(otp).map(str::to_owned).collect();
        let pool = self.0.commands.log().pool();
        let proved = sessions::prove_anew(pool, session, user, who.state.session_epoch, &methods).await?;
        proved.map(|session| session.methods).ok_or(OutsideError::Over)
    }
}
