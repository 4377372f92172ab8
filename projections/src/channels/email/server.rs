//! Where the mail server is, and how it is talked to.

use std::{fmt, net::IpAddr, str::FromStr};

use percent_encoding::percent_decode_str;
use service::secrets::Secret;
use url::{Host, Url};

/// The address of a mail server; its password is never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    /// User and password.
    pub(super) credentials: Option<(String, Secret<String>)>,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// With the connection.
    Wrapped,
    /// By STARTTLS, or nothing is sent.
    Required,
    /// By STARTTLS if the server offers it.
    Opportunistic,
    /// Never.
    Plain,
}

/// The text is no mail server that could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServer {
    /// Another form.
    #[error("expected smtps://user:password@host:465 or smtp://host:587?tls=required (or opportunistic)")]
    Form,
    /// Anybody on the way could read it.
    #[error("a password needs TLS: smtps://… or ?tls=required")]
    OpenPassword,
}

impl FromStr for SmtpUrl {
    type Err = InvalidServer;

    fn from_str(text: &str) -> Result<Self, InvalidServer> {
        let url = Url::parse(text).map_err(|_| InvalidServer::Form)?;
        let (security, port) = security(&url).ok_or(InvalidServer::Form)?;
        let host = host(&url).ok_or(InvalidServer::Form)?;
        let credentials = credentials(&url).ok_or(InvalidServer::Form)?;
        let safe = matches!(security, Security::Wrapped | Security::Required) || is_loopback(&host);
        if credentials.is_some() && !safe {
            return Err(InvalidServer::OpenPassword);
        }
        Ok(Self { host, port: url.port().unwrap_or(port), security, credentials })
    }
}

/// With the usual port.
fn security(url: &Url) -> Option<(Security, u16)> {
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return None;
    }
    match (url.scheme(), url.query()) {
        ("smtps", None) => Some((Security::Wrapped, 465)),
        ("smtp", Some("tls=required")) => Some((Security::Required, 587)),
        ("smtp", Some("tls=opportunistic")) => Some((Security::Opportunistic, 25)),
        ("smtp", None) => Some((Security::Plain, 25)),
        _ => None,
    }
}

/// Schemes that the web does not know may have any text for a host.
fn host(url: &Url) -> Option<String> {
    match Host::parse(url.host_str()?).ok()? {
        Host::Domain(name) => Some(name),
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

/// None for what is no text; `Some(None)` where there are none.
fn credentials(url: &Url) -> Option<Option<(String, Secret<String>)>> {
    let decode = |text| percent_decode_str(text).decode_utf8().ok().map(String::from);
    match (url.username(), url.password()) {
        ("", None) => Some(None),
        (user, Some(password)) if !user.is_empty() => {
            Some(Some((decode(user)?, Secret::new(decode(password)?))))
        }
        _ => None,
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SmtpUrl, InvalidServer> {
        text.parse()
    }

    #[test]
    fn servers_are_read() {
        let server = read("smtps://me%40example.com:p%40ss%2Fword@mail.example.com").unwrap();
        assert_eq!(
            (&*server.host, server.port, server.security),
            ("mail.example.com", 465, Security::Wrapped)
        );
        let (user, password) = server.credentials.clone().unwrap();
        assert_eq!((&*user, &**password.expose()), ("me@example.com", "p@ss/word"));
        assert!(!format!("{server} {server:?}").contains("ss/word"), "{server:?}");
        let server = read("smtp://10.0.0.1:2525?tls=required").unwrap();
        assert_eq!((&*server.host, server.port, server.security), ("10.0.0.1", 2525, Security::Required));
        assert_eq!(read("smtp://[::1]").unwrap().host, "::1");
        assert_eq!(read("smtp://mail?tls=opportunistic").unwrap().security, Security::Opportunistic);
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for bad in [
            "",
            "mail.example.com:25",
            "http://mail.example.com",
            "smtp://",
            "smtp://mail/x",
            "smtp://mail?tls=yes",
            "smtps://mail?tls=required",
            "smtp://mail#x",
            "smtps://user@mail",
            "smtps://:password@mail",
            "smtps://user:%ff@mail",
            "smtp://mail:99999",
            "smtp://ma il",
        ] {
            assert_eq!(read(bad), Err(InvalidServer::Form), "{bad}");
        }
        for open in ["smtp://user:password@mail", "smtp://user:password@mail?tls=opportunistic"] {
            assert_eq!(read(open), Err(InvalidServer::OpenPassword), "{open}");
        }
        assert!(read("smtp://user:password@localhost").is_ok());
    }
}
