//! From words to a mail.

use uuid::Uuid;

use super::{CoreReport, Ink, Letter, account, night, notice};
use crate::channels::telling::Unwritten;

/// Opens what is sealed, chooses words and makes links.
pub(super) struct Writer(pub(super) Ink);

impl Writer {
    /// The mail.
    pub(super) async fn compose(&self, letter: &Letter) -> Result<Mail, Unwritten> {
        match letter {
            Letter::Account(letter) => account::compose(&self.0, letter).await,
            Letter::Notice(letter) => notice::compose(&self.0, letter).await,
            Letter::Digest(letter) => notice::compose_digest(&self.0, letter).await,
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
    /// The task that it belongs to, so that mails of one task stand together.
    pub(super) thread: Option<Uuid>,
    /// Where no more such mails can be asked for.
    pub(super) unsubscribe: Option<String>,
}

/// The subject of a mail, and what it says from the first line to the last.
pub(super) struct Words {
    pub(super) subject: String,
    pub(super) parts: Vec<Part>,
}

/// A paragraph.
pub(super) enum Part {
    /// Plain text.
    Text(String),
    /// Something to click on.
    Link { label: &'static str, url: String },
    /// What begins a part of a mail, and where that is.
    Heading { text: String, url: String },
    /// One below the other.
    Lines(Vec<String>),
    /// What somebody has written.
    Quote(String),
}

impl Part {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Link { url, .. } => url.clone(),
            Self::Heading { text, url } => format!("{text}\n{url}"),
            Self::Lines(lines) => lines.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n"),
            Self::Quote(text) => text.lines().map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n"),
        }
    }

    fn html(&self) -> String {
        match self {
            Self::Text(text) => format!("<p>{}</p>\n", escape(text)),
            Self::Link { label, url } => {
                let url = escape(url);
                format!("<p><a href=\"{url}\">{}</a><br>{url}</p>\n", escape(label))
            }
            Self::Heading { text, url } => {
                format!("<h2><a href=\"{}\">{}</a></h2>\n", escape(url), escape(text))
            }
            Self::Lines(lines) => {
                let items: String = lines.iter().map(|line| format!("<li>{}</li>\n", escape(line))).collect();
                format!("<ul>\n{items}</ul>\n")
            }
            Self::Quote(text) => {
                format!("<blockquote>{}</blockquote>\n", escape(text).replace('\n', "<br>\n"))
            }
        }
    }
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
    let text: Vec<_> = words.parts.iter().map(Part::text).collect();
    let html: String = words.parts.iter().map(Part::html).collect();
    let title = escape(&words.subject);
    Mail {
        address,
        subject: words.subject.clone(),
        text: text.join("\n\n") + "\n",
        html: format!(
            "<!doctype html>\n<html lang=\"{language}\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n{html}</html>\n"
        ),
        thread: None,
        unsubscribe: None,
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
