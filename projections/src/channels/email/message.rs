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

/// The same for all attempts of a delivery, so that a mailbox that gets it twice can tell.
pub(super) fn message_id(delivery: Uuid, from: &Mailbox) -> String {
    format!("<{delivery}@{}>", from.email.domain())
}

/// The message; its headers hold nothing but what stands here.
pub(super) fn message(from: &Mailbox, to: Address, id: String, mail: &Mail) -> Result<Message, MessageError> {
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(one_line(&mail.subject))
        .message_id(Some(id))
        .date_now()
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
}

/// A text that stays in its header, whatever it says.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SUBJECT).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
