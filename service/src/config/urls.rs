//! Addresses of what a service talks to; passwords in them are not shown.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::{http::Origin, secrets::Secret};

/// The text is no address of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct InvalidUrl(&'static str);

macro_rules! secret_url {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(Secret<String>);

        impl $name {
            /// The whole address, with the password.
            pub fn expose(&self) -> &str {
                self.0.expose()
            }
        }

        impl FromStr for $name {
            type Err = InvalidUrl;

            fn from_str(text: &str) -> Result<Self, InvalidUrl> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(Secret::new(text.to_owned()))) } else { Err(InvalidUrl($expected)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&without_credentials(self.expose()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

secret_url!(
    /// `postgres://user:password@host:5432/database`
    DatabaseUrl,
    "postgres://user:password@host:port/database",
    |text| ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme))
        && sqlx::postgres::PgConnectOptions::from_str(text).is_ok()
);

secret_url!(
    /// `nats://host:4222`; several servers of one cluster separated by commas.
    NatsUrl,
    "nats://host:port",
    |text| text.split(',').all(|one| one.contains("://") && one.parse::<async_nats::ServerAddr>().is_ok())
);

/// Between the scheme and the last `@` stand the credentials; parameters may hold some too.
fn without_credentials(url: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => url.to_owned(),
    }
}

/// What links begin with: `https://tasks.example.com`, no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The address without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names this machine to itself only.
    pub fn is_loopback(&self) -> bool {
        let host = reqwest::Url::parse(&self.0).ok().and_then(|url| url.host_str().map(str::to_owned));
        let address = host.as_deref().map(|host| host.trim_matches(['[', ']']).parse::<IpAddr>());
        host.as_deref() == Some("localhost") || matches!(address, Some(Ok(address)) if address.is_loopback())
    }

    /// The origin of pages at this address.
    pub fn origin(&self) -> Option<Origin> {
        reqwest::Url::parse(&self.0).ok()?.origin().ascii_serialization().parse().ok()
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        const EXPECTED: InvalidUrl = InvalidUrl("an address such as https://tasks.example.com");
        let url = reqwest::Url::parse(text).map_err(|_| EXPECTED)?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        let good = plain && url.has_host() && matches!(url.scheme(), "http" | "https");
        if good { Ok(Self(text.trim_end_matches('/').to_owned())) } else { Err(EXPECTED) }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let url: DatabaseUrl = "postgres://me:p%40ss@db:5432/x?password=hidden".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "postgres://db:5432/x postgres://db:5432/x");
        assert!(url.expose().contains("p%40ss"));
        let url: NatsUrl = "nats://token@localhost:4222".parse().unwrap();
        assert_eq!(url.to_string(), "nats://localhost:4222");
    }

    #[test]
    fn wrong_addresses_are_refused() {
        assert!("mysql://x/y".parse::<DatabaseUrl>().is_err());
        assert!("postgres://host:notaport/x".parse::<DatabaseUrl>().is_err());
        assert!("localhost".parse::<NatsUrl>().is_err());
        for bad in ["localhost:8080", "ftp://x", "https://a?b", "https://user@a", ""] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
        assert_eq!("http://localhost:8080/".parse::<PublicUrl>().unwrap().as_str(), "http://localhost:8080");
    }

    #[test]
    fn some_addresses_name_this_machine_only() {
        let loopback = |text: &str| text.parse::<PublicUrl>().unwrap().is_loopback();
        for ours in ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:8080/x"] {
            assert!(loopback(ours), "{ours}");
        }
        for other in ["https://tasks.example.com", "http://10.0.0.1", "http://localhost.example.com"] {
            assert!(!loopback(other), "{other}");
        }
    }

    #[test]
    fn pages_at_an_address_have_an_origin() {
        let origin = |text: &str| text.parse::<PublicUrl>().unwrap().origin();
        assert_eq!(origin("https://Tasks.example.com:443/app"), "https://tasks.example.com".parse().ok());
        assert_eq!(origin("http://localhost:8080"), "http://localhost:8080".parse().ok());
    }
}
