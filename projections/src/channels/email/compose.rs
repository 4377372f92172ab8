//! From words to a mail.

use event_store::SealError;

use super::{CoreReport, Ink, Letter, account, night};

/// Opens what is sealed, chooses words and makes links.
pub(super) struct Writer(pub(super) Ink);

impl Writer {
    /// The mail; none for somebody who is erased.
    pub(super) async fn compose(&self, letter: &Letter) -> Result<Option<Mail>, SealError> {
        match letter {
            Letter::Account(letter) => account::compose(&self.0, letter).await,
            Letter::Core(letter) => night::compose(&self.0, letter).await,
        }
    }
}

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
    CoreRun(CoreReport),
}

/// What all mails are made from.
pub(super) struct Facts {
    pub(super) name: String,
    /// When it happened, to the minute.
    pub(super) when: String,
    /// Where the link of the mail leads.
    pub(super) url: String,
}

/// Words as a mail in both forms.
pub(super) fn render(address: String, language: &str, words: &Words) -> Mail {
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
