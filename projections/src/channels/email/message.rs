//! A mail as it goes over the wire.

use lettre::{
    Address, Message,
    error::Error as MessageError,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
};
use uuid::Uuid;

use super::compose::Mail;

/// Longest subject, in characters.
const SUBJECT: usize = 200;

/// Says that no person wrote it, so that nobody's machine answers.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Where mail programs offer to have no more such mails (RFC 2369).
#[derive(Clone)]
struct ListUnsubscribe(String);

impl Header for ListUnsubscribe {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), format!("<{}>", self.0))
    }
}

/// Says that one request will do, without a page that asks (RFC 8058).
#[derive(Clone)]
struct OneClick;

impl Header for OneClick {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe-Post")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "List-Unsubscribe=One-Click".to_owned())
    }
}

/// The same for all attempts of a delivery, so that a mailbox that gets it twice can tell.
pub(super) fn message_id(delivery: Uuid, from: &Mailbox) -> String {
    format!("<{delivery}@{}>", from.email.domain())
}

/// The message; its headers hold nothing but what stands here.
pub(super) fn message(from: &Mailbox, to: Address, id: String, mail: &Mail) -> Result<Message, MessageError> {
    let mut builder = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(one_line(&mail.subject))
        .message_id(Some(id))
        .date_now()
        .header(AutoSubmitted);
    if let Some(task) = mail.thread {
        // No mail bears this id: all of a task's are answers to it, whichever comes first.
        let root = format!("<task.{task}@{}>", from.email.domain());
        builder = builder.in_reply_to(root.clone()).references(root);
    }
    if let Some(url) = &mail.unsubscribe {
        builder = builder.header(ListUnsubscribe(url.clone())).header(OneClick);
    }
    builder.multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
}

/// A text that stays in its header, whatever it says; what looks encoded is not to be decoded by who reads it.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SUBJECT).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace("=?", "= ?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(subject: &str, text: &str) -> String {
        let from: Mailbox = "Taskledger <tasks@example.com>".parse().unwrap();
        let mail = Mail {
            address: String::new(),
            subject: subject.into(),
            text: text.into(),
            html: format!("<p>{text}</p>"),
            thread: None,
            unsubscribe: None,
        };
        let id = message_id(Uuid::from_u128(7), &from);
        let message = message(&from, "ann@example.com".parse().unwrap(), id, &mail).unwrap();
        String::from_utf8(message.formatted()).unwrap()
    }

    #[test]
    fn a_subject_cannot_leave_its_header() {
        for evil in [
            "a\r\nBcc: eve@example.com",
            "a\nBcc: eve@example.com",
            "a\rBcc: b",
            "a\u{2028}\u{85}Bcc: b",
            "\r\n\r\nbody",
        ] {
            let sent = sent(evil, "text");
            let (head, _) = sent.split_once("\r\n\r\n").unwrap();
            let names: Vec<_> = head
                .split("\r\n")
                .filter(|line| !line.starts_with(' '))
                .map(|line| line.split_once(':').unwrap().0)
                .collect();
            let expected = [
                "From",
                "To",
                "Subject",
                "Message-ID",
                "Date",
                "Auto-Submitted",
                "MIME-Version",
                "Content-Type",
            ];
            assert_eq!(names, expected, "{evil:?}: {head}");
        }
    }

    #[test]
    fn what_looks_encoded_is_told_as_it_stands() {
        let sent = sent("[T-1] =?utf-8?q?a=0D=0ABcc:_eve@example.com?=", "text");
        assert!(sent.contains("Subject: [T-1] = ?utf-8?q?a=0D=0ABcc:_eve@example.com?=\r\n"), "{sent}");
    }

    #[test]
    fn addresses_that_would_leave_theirs_are_none() {
        for evil in
            ["a@example.com\r\nBcc: b@example.com", "a@example.com>\r\nDATA", "a b@example.com", "a@b,c@d"]
        {
            assert!(evil.parse::<Address>().is_err(), "{evil:?}");
        }
    }

    #[test]
    fn other_scripts_are_encoded_and_lines_are_short() {
        let sent = sent("이메일 주소를 확인해 주세요", &"긴 ".repeat(2_000));
        assert!(
            sent.is_ascii()
                && sent.contains("Message-ID: <00000000-0000-0000-0000-000000000007@example.com>")
        );
        assert!(sent.contains("Subject: =?utf-8?b?"), "{sent}");
        assert!(sent.split("\r\n").all(|line| line.len() <= 78), "{sent}");
    }
}
