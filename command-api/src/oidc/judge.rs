//! What a provider says of a person, judged by what the configuration says of the provider.

use domain::user::values::{Email, Locale, PersonName, TimeZone};

use super::{config::ProviderConfig, id_token::Profile};
use crate::auth::Person;

impl ProviderConfig {
    /// The person, with what can be used of the profile.
    pub(super) fn judge(&self, subject: String, profile: &Profile) -> Person {
        let verified_email = self.verified_email(profile);
        Person {
            provider: self.id.clone(),
            issuer: self.issuer.clone(),
            subject,
            admitted: verified_email.as_ref().is_some_and(|email| self.admits(email)),
            verified_email,
            may_sign_up: self.sign_up,
            name: profile.called(),
            locale: profile.locale(),
            time_zone: profile.zoneinfo.as_deref().and_then(zone).unwrap_or(TimeZone::UTC),
        }
    }

    /// Whoever says that an address is not verified is believed always.
    fn verified_email(&self, profile: &Profile) -> Option<Email> {
        let verified = profile.email_verified.as_ref().map_or(self.trust_email, |flag| flag.is_true());
        Email::parse(profile.email.as_deref()?).ok().filter(|_| verified)
    }
}

impl Profile {
    fn called(&self) -> Option<PersonName> {
        let whole = match (&self.given_name, &self.family_name) {
            (Some(given), Some(family)) => Some(format!("{given} {family}")),
            (given, family) => given.clone().or(family.clone()),
        };
        let names = [self.name.clone(), whole, self.preferred_username.clone()];
        names.into_iter().flatten().find_map(|name| PersonName::parse(&name).ok())
    }

    /// Some providers write `ko_KR`.
    fn locale(&self) -> Locale {
        let tag = self.locale.as_deref().map(|tag| tag.replace('_', "-"));
        tag.and_then(|tag| Locale::parse(&tag).ok()).unwrap_or_default()
    }
}

fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::parse(name).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judge(trust_email: bool, profile: Value) -> Person {
        let profile: Profile = serde_json::from_value(profile).unwrap();
        let config = ProviderConfig {
            id: "corp".into(),
            name: "Corp".into(),
            issuer: "https://login.example.com".into(),
            client_id: "us".into(),
            client_secret: None,
            client_auth: None,
            scopes: Vec::new(),
            sign_up: true,
            email_domains: vec!["example.com".into()],
            trust_email,
        };
        config.judge("1".into(), &profile)
    }

    #[test]
    fn an_address_counts_when_the_provider_vouches_for_it() {
        let email = "kim@example.com";
        let verified = |trust: bool, flag: Value| {
            let person = judge(trust, json!({"email": email, "email_verified": flag}));
            person.verified_email.is_some()
        };
        for (trust, flag, expected) in [
            (false, json!(true), true),
            (false, json!("true"), true),
            (false, json!(null), false),
            (false, json!(1), false),
            (true, json!(null), true),
            (true, json!(false), false),
            (true, json!("false"), false),
        ] {
            assert_eq!(verified(trust, flag.clone()), expected, "{trust} {flag}");
        }
        assert!(judge(true, json!({"email": "no address"})).verified_email.is_none());
        assert!(judge(true, json!({"email": email})).admitted);
        assert!(!judge(true, json!({"email": "kim@example.org"})).admitted);
    }

    #[test]
    fn what_cannot_be_used_is_left_out() {
        let name = |profile: Value| judge(true, profile).name.map(|name| name.to_string());
        assert_eq!(name(json!({"name": "Kim", "given_name": "X"})).as_deref(), Some("Kim"));
        assert_eq!(name(json!({"name": " ", "given_name": "A", "family_name": "B"})).as_deref(), Some("A B"));
        assert_eq!(name(json!({"family_name": "B"})).as_deref(), Some("B"));
        assert_eq!(name(json!({"preferred_username": "kim"})).as_deref(), Some("kim"));
        assert_eq!(name(json!({})), None);
        let person = judge(true, json!({"locale": "ko_KR", "zoneinfo": "Asia/Seoul"}));
        assert_eq!(
            (person.locale.to_string(), person.time_zone.to_string()),
            ("ko-KR".into(), "Asia/Seoul".into())
        );
        let person = judge(true, json!({"locale": "tlh", "zoneinfo": "Moon"}));
        assert_eq!((person.locale, person.time_zone), (Locale::default(), TimeZone::UTC));
    }
}
