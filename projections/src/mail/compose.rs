//! From an occasion to a mail: what is sealed is opened, words are chosen, links are made.

use domain::time::Timestamp;
use event_store::{Unsealed, envelope::Envelope};
use service::mail_token::Purpose;
use uuid::Uuid;

use super::{Sender, Setback, occasion::Occasion, people::Person, texts};

/// A mail, ready to go.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mail {
    pub(super) address: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// The subject of a mail, and what it says from the first line to the last.
pub(super) struct Words {
    pub(super) subject: &'static str,
    pub(super) parts: Vec<Part>,
}

/// A paragraph.
pub(super) enum Part {
    /// Plain text.
    Text(String),
    /// Something to click on.
    Link { label: &'static str, url: String },
}

/// What a mail is about.
pub(super) enum Topic {
    /// Says nothing of the person: nobody knows whether the address is theirs, and the name could be any text.
    Verification,
    Invitation,
    SignUpRepeated,
    Forgotten,
    PasswordChanged,
    TokenReused {
        used_from: String,
        reused_from: String,
    },
    LoginsFailed {
        count: u32,
        tried_from: String,
    },
    IdentityLinked {
        issuer: String,
    },
}

/// What all mails are made from.
pub(super) struct Facts {
    pub(super) name: String,
    /// When it happened, to the minute.
    pub(super) when: String,
    /// Where the link of the mail leads.
    pub(super) url: String,
}

/// The mail; none for somebody who is erased.
pub(super) async fn compose(
    sender: &Sender,
    at: &Envelope,
    occasion: &Occasion,
    person: &Person,
) -> Result<Option<Mail>, Setback> {
    let opened = sender.sealer.unseal_all(&person.sealed()).await?;
    let [Unsealed::Clear(address), Unsealed::Clear(name)] = &opened[..] else { return Ok(None) };
    let links = Links { sender, user: at.aggregate_id, language: language(&person.locale) };
    let (topic, url) = match occasion {
        Occasion::Verification { link } => {
            (Topic::Verification, links.to("verify", Purpose::VerifyEmail, *link))
        }
        Occasion::Invitation { link } => {
            (Topic::Invitation, links.to("reset", Purpose::ResetPassword, *link))
        }
        Occasion::Forgotten { link } => (Topic::Forgotten, links.to("reset", Purpose::ResetPassword, *link)),
        Occasion::SignUpRepeated => (Topic::SignUpRepeated, links.for_another_link()),
        Occasion::PasswordChanged => (Topic::PasswordChanged, links.for_another_link()),
        Occasion::TokenReused { used_from, reused_from } => {
            let opened = sender.sealer.unseal_all(&[used_from.clone(), reused_from.clone()]).await?;
            let [Unsealed::Clear(used_from), Unsealed::Clear(reused_from)] = &opened[..] else {
                return Ok(None);
            };
            let (used_from, reused_from) = (used_from.clone(), reused_from.clone());
            (Topic::TokenReused { used_from, reused_from }, links.for_another_link())
        }
        Occasion::LoginsFailed { count, tried_from } => {
            let opened = sender.sealer.unseal_all(std::slice::from_ref(tried_from)).await?;
            let [Unsealed::Clear(tried_from)] = &opened[..] else { return Ok(None) };
            let topic = Topic::LoginsFailed { count: *count, tried_from: tried_from.clone() };
            (topic, links.for_another_link())
        }
        Occasion::IdentityLinked { issuer } => {
            (Topic::IdentityLinked { issuer: issuer.clone() }, links.for_another_link())
        }
    };
    let facts = Facts { name: name.clone(), when: minute(at.occurred_at), url };
    let words =
        if links.language == "ko" { texts::ko::words(topic, facts) } else { texts::en::words(topic, facts) };
    Ok(Some(render(address.clone(), links.language, &words)))
}

/// Makes links for one person. What is secret stands behind the `#`, which browsers send to nobody.
struct Links<'a> {
    sender: &'a Sender,
    user: Uuid,
    language: &'static str,
}

impl Links<'_> {
    fn to(&self, page: &str, purpose: Purpose, link: Uuid) -> String {
        let token = self.sender.tokens.write(purpose, self.user, link);
        format!("{}/auth/{page}#token={token}&lang={}", self.sender.public_url, self.language)
    }

    /// The page asks for an address and sends a link to set a new password.
    fn for_another_link(&self) -> String {
        format!("{}/auth/reset#lang={}", self.sender.public_url, self.language)
    }
}

fn language(locale: &str) -> &'static str {
    if locale.starts_with("ko") { "ko" } else { "en" }
}

fn minute(time: Timestamp) -> String {
    time.as_datetime().format("%Y-%m-%d %H:%M UTC").to_string()
}

fn render(address: String, language: &str, words: &Words) -> Mail {
    let text = words.parts.iter().map(|part| match part {
        Part::Text(text) => text.clone(),
        Part::Link { url, .. } => url.clone(),
    });
    let html = words.parts.iter().map(|part| match part {
        Part::Text(text) => format!("<p>{}</p>\n", escape(text)),
        Part::Link { label, url } => {
            let url = escape(url);
            format!("<p><a href=\"{url}\">{}</a><br>{url}</p>\n", escape(label))
        }
    });
    let html: String = html.collect();
    let subject = words.subject;
    Mail {
        address,
        subject: subject.to_owned(),
        text: text.collect::<Vec<_>>().join("\n\n") + "\n",
        html: format!(
            "<!doctype html>\n<html lang=\"{language}\">\n<meta charset=\"utf-8\">\n<title>{subject}</title>\n{html}</html>\n"
        ),
    }
}

/// Text as it may stand in an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
