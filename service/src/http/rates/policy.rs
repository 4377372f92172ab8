//! Which bucket a request takes from, and how much.

use axum::http::{Method, Uri};

/// A limit by its name in `RATE_LIMITS` and in `RateLimit-Policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Policy {
    /// Of a person or a key: what changes nothing.
    Read,
    /// Of a person or a key: what changes something.
    Write,
    /// Of an address: what proves who one is, or asks for mail.
    Login,
    /// Of an address: refresh tokens.
    Refresh,
}

/// Weights of reads.
const SEARCH: u32 = 5;
const EXPORT: u32 = 50;
const INTEGRITY: u32 = 20;

impl Policy {
    pub(super) const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Login, Self::Refresh];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Login => "login",
            Self::Refresh => "refresh",
        }
    }

    /// That of the request of a person or a program.
    pub(super) fn of_client(method: &Method) -> Self {
        if method.is_safe() { Self::Read } else { Self::Write }
    }

    /// That of the address, where guessing must not be cheap.
    pub(super) fn of_address(method: &Method, path: &str) -> Option<Self> {
        let asked = path.strip_prefix("/v1/auth/")?;
        // What comes back from a provider needs no limit of its own: each login that began may do so once.
        let begins = asked.starts_with("oidc/") && asked.ends_with("/login");
        if *method != Method::POST {
            return (method.is_safe() && begins).then_some(Self::Login);
        }
        match asked {
            "login" | "mfa" | "register" | "verify-email" | "reauthenticate" => Some(Self::Login),
            "password/forgot" | "password/reset" | "password/change" => Some(Self::Login),
            "oidc/token" => Some(Self::Login),
            "refresh" => Some(Self::Refresh),
            _ if asked.starts_with("oidc/") && asked.ends_with("/reauthenticate") => Some(Self::Login),
            _ => None,
        }
    }
}

/// What a request takes, as far as its head shows.
pub(super) fn weight(method: &Method, uri: &Uri) -> u32 {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    if !method.is_safe() {
        1
    } else if uri.path().split('/').any(|part| matches!(part, "export" | "exports")) {
        EXPORT
    } else if uri.path() == "/v1/audit/integrity" {
        INTEGRITY
    } else if parameters.any(|parameter| parameter.starts_with("q=")) {
        SEARCH
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searching_and_exporting_weigh_more() {
        let weight = |method: Method, uri: &str| weight(&method, &uri.parse().unwrap());
        assert_eq!(weight(Method::GET, "/v1/tasks"), 1);
        assert_eq!(weight(Method::GET, "/v1/tasks?status=done&q=boat"), SEARCH);
        assert_eq!(weight(Method::GET, "/v1/users/me/export"), EXPORT);
        assert_eq!(weight(Method::GET, "/v1/audit/integrity?from=1"), INTEGRITY);
        assert_eq!(weight(Method::POST, "/v1/audit/exports"), 1);
        assert_eq!(weight(Method::GET, "/v1/tasks?seq=1"), 1);
    }

    #[test]
    fn what_can_be_guessed_is_limited_by_address() {
        let policy = |method: Method, path: &str| Policy::of_address(&method, path);
        assert_eq!(policy(Method::POST, "/v1/auth/password/reset"), Some(Policy::Login));
        assert_eq!(policy(Method::POST, "/v1/auth/refresh"), Some(Policy::Refresh));
        assert_eq!(policy(Method::GET, "/v1/auth/oidc/corp/login"), Some(Policy::Login));
        assert_eq!(policy(Method::POST, "/v1/auth/oidc/token"), Some(Policy::Login));
        assert_eq!(policy(Method::POST, "/v1/auth/oidc/corp/reauthenticate"), Some(Policy::Login));
        assert_eq!(policy(Method::GET, "/v1/auth/oidc/corp/callback"), None);
        assert_eq!(policy(Method::GET, "/v1/auth/login"), None);
        assert_eq!(policy(Method::POST, "/v1/auth/logout"), None);
        assert_eq!(policy(Method::POST, "/v1/tasks"), None);
    }
}
