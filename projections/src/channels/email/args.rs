//! Settings of outgoing mail.

use std::{fmt, path::PathBuf, str::FromStr};

use clap::Args;
use lettre::message::Mailbox;
use service::config::Span;

use super::SmtpUrl;

/// How mails leave.
#[derive(Args, Clone, Debug)]
pub struct EmailArgs {
    /// The mail server, `smtps://user:password@host:465` or `smtp://user:password@host:587?tls=required`. Without one, mails stay
    /// in a mailbox on this machine.
    #[arg(long, env = "SMTP_URL", value_name = "URL", hide_env_values = true)]
    pub smtp_url: Option<SmtpUrl>,
    /// Who mails are from, `Taskledger <tasks@example.com>`; needed with SMTP_URL.
    #[arg(long, env = "MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<MailFrom>,
    /// PEM file with certificates that are trusted for the mail server beside those of the system.
    #[arg(long, env = "SMTP_CA_FILE", value_name = "FILE")]
    pub smtp_ca_file: Option<PathBuf>,
    /// Mails under way at a time, each on a connection of its own.
    #[arg(long, env = "SMTP_CONNECTIONS", value_name = "N", default_value_t = 4,
        value_parser = clap::value_parser!(u16).range(1..=64))]
    pub smtp_connections: u16,
    /// How long one mail may take, from connecting to the server's last word.
    #[arg(long, env = "SMTP_TIMEOUT", value_name = "SPAN", default_value = "30s")]
    pub smtp_timeout: Span,
    /// Mails a second at most; by default as many as the server takes.
    #[arg(long, env = "MAIL_RATE", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub mail_rate: Option<u32>,
}

/// A mail's sender: an address, with a name perhaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailFrom(pub(super) Mailbox);

/// The text is no sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address such as tasks@example.com or Taskledger <tasks@example.com>")]
pub struct InvalidSender;

impl FromStr for MailFrom {
    type Err = InvalidSender;

    fn from_str(text: &str) -> Result<Self, InvalidSender> {
        let good = !text.chars().any(char::is_control);
        let mailbox: Option<Mailbox> = text.parse().ok().filter(|_| good);
        mailbox.filter(|from| from.email.to_string().is_ascii()).map(Self).ok_or(InvalidSender)
    }
}

impl fmt::Display for MailFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_addresses() {
        for good in ["tasks@example.com", "Taskledger <tasks@example.com>", "\"Tasks, Inc.\" <a@b.example>"] {
            assert!(good.parse::<MailFrom>().is_ok(), "{good}");
        }
        for bad in ["", "tasks", "a@b@c", "A <a@b.example>\r\nBcc: x@y.example", "a@b.example, c@d.example"] {
            assert!(bad.parse::<MailFrom>().is_err(), "{bad}");
        }
    }
}
