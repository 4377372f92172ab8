//! Tokens in mailed links: computed from what the link is for and a key of the installation, so that nobody keeps them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac;
use uuid::Uuid;

use crate::secrets::{SecretKey, hmac_of};

/// So that people and scanners know one when they see it.
const PREFIX: &str = "tlm_";

/// What a link opens; a token for the one says nothing to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Verifying an address.
    VerifyEmail,
    /// Setting a password.
    ResetPassword,
}

/// Makes and recognises the tokens of one installation.
#[derive(Clone)]
pub struct MailTokens {
    verify_email: [u8; 32],
    reset_password: [u8; 32],
    unsubscribe: [u8; 32],
}

impl std::fmt::Debug for MailTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailTokens")
    }
}

impl MailTokens {
    /// Tokens under keys of their own.
    pub fn new(secret: &SecretKey) -> Self {
        Self {
            verify_email: secret.derive("mail tokens: verify email"),
            reset_password: secret.derive("mail tokens: reset password"),
            unsubscribe: secret.derive("mail tokens: unsubscribe"),
        }
    }

    /// The token of a user's link.
    pub fn write(&self, purpose: Purpose, user: Uuid, link: Uuid) -> String {
        let named = [*user.as_bytes(), *link.as_bytes()].concat();
        let mac = hmac_of(self.key(purpose)).chain_update(&named).finalize().into_bytes();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&named[..], &mac].concat()))
    }

    /// User and link of a token that was made here for this purpose. Whether the link is still good is not said.
    pub fn read(&self, purpose: Purpose, token: &str) -> Option<(Uuid, Uuid)> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (user, rest) = bytes.split_first_chunk::<16>()?;
        let (link, mac) = rest.split_first_chunk::<16>()?;
        let expected = hmac_of(self.key(purpose)).chain_update(user).chain_update(link);
        expected.verify_slice(mac).ok()?;
        Some((Uuid::from_bytes(*user), Uuid::from_bytes(*link)))
    }

    /// The token by which whoever holds a mail puts an end to a user's mails of this kind. It is good for ever.
    pub fn write_unsubscribe(&self, user: Uuid, mailing: &str) -> String {
        let named = [user.as_bytes(), mailing.as_bytes()].concat();
        let mac = hmac_of(&self.unsubscribe).chain_update(&named).finalize().into_bytes();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&mac[..], &named].concat()))
    }

    /// User and kind of mails of a token that was made here.
    pub fn read_unsubscribe(&self, token: &str) -> Option<(Uuid, String)> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (mac, named) = bytes.split_first_chunk::<32>()?;
        hmac_of(&self.unsubscribe).chain_update(named).verify_slice(mac).ok()?;
        let (user, mailing) = named.split_first_chunk::<16>()?;
        Some((Uuid::from_bytes(*user), String::from_utf8(mailing.to_vec()).ok()?))
    }

    fn key(&self, purpose: Purpose) -> &[u8; 32] {
        match purpose {
            Purpose::VerifyEmail => &self.verify_email,
            Purpose::ResetPassword => &self.reset_password,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_tokens_of_this_installation_are_read_and_for_their_purpose_only() {
        let tokens = MailTokens::new(&SecretKey::from_bytes([7; 32]));
        let (user, link) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let text = tokens.write(Purpose::VerifyEmail, user, link);
        assert_eq!(tokens.read(Purpose::VerifyEmail, &text), Some((user, link)));
        assert_eq!(tokens.read(Purpose::ResetPassword, &text), None);
        let others = MailTokens::new(&SecretKey::from_bytes([8; 32]));
        assert_eq!(others.read(Purpose::VerifyEmail, &text), None);
        for index in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[index] = if other[index] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(tokens.read(Purpose::VerifyEmail, &other), None, "{index}");
            assert_eq!(tokens.read(Purpose::VerifyEmail, &text[..index]), None);
        }
        assert_eq!(tokens.read(Purpose::VerifyEmail, &format!("{text}AAAA")), None);
    }

    #[test]
    fn mails_are_ended_by_whole_tokens_of_this_installation_only() {
        let tokens = MailTokens::new(&SecretKey::from_bytes([7; 32]));
        let user = Uuid::from_u128(1);
        let text = tokens.write_unsubscribe(user, "comment");
        assert_eq!(tokens.read_unsubscribe(&text), Some((user, "comment".into())));
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)), "{text}");
        let others = MailTokens::new(&SecretKey::from_bytes([8; 32]));
        assert_eq!(others.read_unsubscribe(&text), None);
        assert_eq!(tokens.read(Purpose::ResetPassword, &text), None);
        for index in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[index] = if other[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(tokens.read_unsubscribe(std::str::from_utf8(&other).unwrap()), None, "{index}");
            assert_eq!(tokens.read_unsubscribe(&text[..index]), None);
        }
    }

    #[test]
    fn tokens_stay_the_same_for_those_who_compute_them_later() {
        let tokens = MailTokens::new(&SecretKey::from_bytes([7; 32]));
        let text = tokens.write(Purpose::ResetPassword, Uuid::from_u128(1), Uuid::from_u128(2));
        let expected = "tlm_AAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAIC\
             OZ9tAYnPQ-Ej177UHHgrFoPuO9jXe-P0-QKsmy_v3g";
        assert_eq!(text, expected);
    }
}
