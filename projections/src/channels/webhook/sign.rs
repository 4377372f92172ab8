//! Signatures of Standard Webhooks: over id, time and body, one for each secret in force.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::secret::WebhookSecret;

/// How long a secret signs beside the one that has replaced it.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// What an endpoint's messages are signed with.
#[derive(Clone, Debug)]
pub struct Secrets {
    current: WebhookSecret,
    /// With the end of its time.
    previous: Option<(WebhookSecret, DateTime<Utc>)>,
}

impl Secrets {
    /// A first secret.
    pub fn new(current: WebhookSecret) -> Self {
        Self { current, previous: None }
    }

    /// Replaces the secret; the old one goes on signing for [`OVERLAP`], one that was older than it no more.
    #[must_use]
    pub fn rotated(self, next: WebhookSecret, now: DateTime<Utc>) -> Self {
        Self { current: next, previous: Some((self.current, now + OVERLAP)) }
    }

    /// The value of `webhook-signature`: signatures with a space between, the current secret's first.
    pub fn sign(&self, id: Uuid, now: DateTime<Utc>, body: &[u8]) -> String {
        let content = [format!("{id}.{}.", now.timestamp()).as_bytes(), body].concat();
        let previous = self.previous.iter().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        let all = std::iter::once(&self.current).chain(previous).map(|secret| secret.sign(&content));
        all.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use proptest::prelude::*;
    use standardwebhooks::Webhook;

    use super::*;

    const ID: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);

    /// What a receiver with the published library says.
    fn verified(secret: &WebhookSecret, signature: &str, now: DateTime<Utc>, body: &[u8]) -> bool {
        let library = Webhook::new(&secret.verifier()).unwrap();
        let mut headers = axum::http::HeaderMap::new();
        headers.insert("webhook-id", ID.to_string().parse().unwrap());
        headers.insert("webhook-timestamp", now.timestamp().to_string().parse().unwrap());
        headers.insert("webhook-signature", signature.parse().unwrap());
        library.verify(body, &headers).is_ok()
    }

    fn now() -> DateTime<Utc> {
        // The library compares with the clock of the machine.
        Utc::now()
    }

    #[test]
    fn the_published_library_verifies_what_we_sign() {
        let (secret, now) = (WebhookSecret::generate(), now());
        let body = r#"{"id":"1","제목":"✓"}"#.as_bytes();
        let signature = Secrets::new(secret.clone()).sign(ID, now, body);
        assert!(verified(&secret, &signature, now, body));
        assert!(!verified(&secret, &signature, now, b"{}"));
        assert!(!verified(&secret, &signature, now + TimeDelta::seconds(1), body));
        assert!(!verified(&WebhookSecret::generate(), &signature, now, body));
    }

    #[test]
    fn an_old_message_is_refused_by_the_library() {
        let (secret, then) = (WebhookSecret::generate(), now() - TimeDelta::hours(1));
        let signature = Secrets::new(secret.clone()).sign(ID, then, b"{}");
        assert!(!verified(&secret, &signature, then, b"{}"));
    }

    #[test]
    fn for_a_day_both_secrets_sign() {
        let [first, second, third] = [(); 3].map(|()| WebhookSecret::generate());
        let now = now();
        let good = |secrets: &Secrets| {
            let signature = secrets.sign(ID, now, b"{}");
            [&first, &second, &third].map(|secret| verified(secret, &signature, now, b"{}"))
        };
        let secrets = Secrets::new(first.clone());
        assert_eq!(good(&secrets), [true, false, false]);
        let within = secrets.clone().rotated(second.clone(), now - OVERLAP + TimeDelta::seconds(1));
        assert_eq!(good(&within), [true, true, false]);
        let over = secrets.rotated(second.clone(), now - OVERLAP);
        assert_eq!(good(&over), [false, true, false]);
        assert_eq!(good(&within.rotated(third.clone(), now)), [false, true, true]);
    }

    #[test]
    fn keys_and_secrets_sign_beside_each_other() {
        let (key, secret, now) = (WebhookSecret::generate_key(), WebhookSecret::generate(), now());
        let signature = Secrets::new(key.clone()).rotated(secret.clone(), now).sign(ID, now, b"{}");
        assert!(verified(&secret, &signature, now, b"{}"), "the library skips what it does not know");
        let signature = signature.split(' ').find_map(|one| one.strip_prefix("v1a,")).unwrap();
        let public = STANDARD.decode(&key.verifier()["whpk_".len()..]).unwrap();
        let public = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, public);
        let signature = STANDARD.decode(signature).unwrap();
        let content = |seconds: i64| format!("{ID}.{}.{{}}", now.timestamp() + seconds);
        assert!(public.verify(content(0).as_bytes(), &signature).is_ok());
        assert!(public.verify(content(1).as_bytes(), &signature).is_err());
    }

    proptest! {
        #[test]
        fn any_body_is_signed_as_the_library_signs_it(body: String, key in proptest::collection::vec(any::<u8>(), 24..=64)) {
            let secret: WebhookSecret = format!("whsec_{}", STANDARD.encode(&key)).parse().unwrap();
            let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
            let theirs = Webhook::from_bytes(key).unwrap().sign(&ID.to_string(), now.timestamp(), body.as_bytes()).unwrap();
            prop_assert_eq!(Secrets::new(secret).sign(ID, now, body.as_bytes()), theirs);
        }
    }
}
