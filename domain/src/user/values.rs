//! What a user is made of. `parse` checks what people send; deserialising trusts the log.

use serde::{Deserialize, Serialize};

use crate::{
    text::{one_line, text},
    violation::{Unit, Violation},
    words::words,
};

pub use crate::{task::values::Reason, time::TimeZone};

words! {
    /// Where a user stands.
    UserState {
        /// Cannot log in or be assigned until the address is verified.
        Unverified = "unverified",
        /// May do what the roles allow.
        Active = "active",
        /// Locked out by an admin.
        Deactivated = "deactivated",
    }
}

text!(
    /// A person's name in clear: one line, 1 to 100 characters. Sealed before the domain takes it.
    PersonName
);

impl PersonName {
    /// Trims, normalises, checks.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        one_line(text, 100).map(|text| Self(text.into()))
    }
}

text!(
    /// What a push service calls a device. Sealed before the domain takes it.
    PushToken
);

impl PushToken {
    const MAX: usize = 4096;

    /// Checks 1 to 4096 visible ASCII characters.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        if text.is_empty() {
            return Err(Violation::Empty);
        }
        if text.len() > Self::MAX {
            return Err(Violation::TooLong { max: Self::MAX, unit: Unit::Bytes });
        }
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        visible
            .then(|| Self(text.into()))
            .ok_or(Violation::Malformed { expected: "visible ASCII characters" })
    }
}

/// How many reads, and how many writes, an API key may ask for in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct RatePerMinute(u32);

impl RatePerMinute {
    const MAX: u32 = 60_000;

    /// Checks the range.
    pub fn parse(rate: i64) -> Result<Self, Violation> {
        let rate = u32::try_from(rate).ok().filter(|rate| (1..=Self::MAX).contains(rate));
        rate.map(Self).ok_or(Violation::OutOfRange { min: 1, max: Self::MAX.into() })
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

text!(
    /// An e-mail address in clear and canonical form. Sealed before the domain takes it.
    ///
    /// Canonical: trimmed, NFC, the domain in lower case, the local part as written. Two addresses are the same when
    /// [`comparable`](Email::comparable) is.
    Email
);

impl Email {
    /// Trims, normalises, checks: `local@domain`, at most 254 bytes, local part at most 64, a domain of two labels or
    /// more (or `localhost`), no white space.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        const MALFORMED: Violation = Violation::Malformed { expected: "an e-mail address" };
        let text = one_line(text, 254)?;
        if text.len() > 254 {
            return Err(Violation::TooLong { max: 254, unit: Unit::Bytes });
        }
        let (local, domain) = text.rsplit_once('@').ok_or(MALFORMED)?;
        let domain = domain.to_lowercase();
        if !is_local_part(local) || !is_domain(&domain) {
            return Err(MALFORMED);
        }
        Ok(Self(format!("{local}@{domain}").into()))
    }

    /// The form in which addresses are compared and claimed: all in lower case.
    pub fn comparable(&self) -> String {
        self.0.to_lowercase()
    }
}

fn is_local_part(local: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || "\"(),:;<>@[\\]".contains(c);
    !(local.is_empty()
        || local.len() > 64
        || local.starts_with('.')
        || local.ends_with('.')
        || local.contains("..")
        || local.contains(odd))
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    (domain.contains('.') || domain == "localhost") && domain.split('.').all(label)
}

text!(
    /// A language of the product, with a region if wanted: `en`, `ko`, `ko-KR`.
    Locale
);

impl Locale {
    /// The languages that mails and pages are written in.
    pub const LANGUAGES: &'static [&'static str] = &["en", "ko"];

    /// Checks `language[-REGION]`, any case, and gives it the usual case.
    pub fn parse(tag: &str) -> Result<Self, Violation> {
        const MALFORMED: Violation = Violation::Malformed { expected: "a language tag such as en or ko-KR" };
        let (language, region) = match tag.split_once('-') {
            Some((language, region)) => (language, Some(region)),
            None => (tag, None),
        };
        let language = Self::LANGUAGES
            .iter()
            .find(|known| known.eq_ignore_ascii_case(language))
            .ok_or(Violation::UnknownValue { allowed: Self::LANGUAGES })?;
        match region {
            None => Ok(Self((*language).into())),
            Some(region) if region.len() == 2 && region.bytes().all(|b| b.is_ascii_alphabetic()) => {
                Ok(Self(format!("{language}-{}", region.to_ascii_uppercase()).into()))
            }
            Some(_) => Err(MALFORMED),
        }
    }

    /// The language without the region: one of [`Locale::LANGUAGES`].
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self(Self::LANGUAGES[0].into())
    }
}
