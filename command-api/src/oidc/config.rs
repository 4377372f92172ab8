//! Which providers there are: a TOML file with a table for each.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use clap::Args;
use domain::user::values::Email;
use reqwest::Url;
use serde::Deserialize;
use service::secrets::Secret;

/// The setting.
#[derive(Args, Clone, Debug, Default)]
pub struct OidcArgs {
    /// TOML file with the outside providers by which people log in, `[[provider]]` with id, name, issuer, client_id,
    /// client_secret_file or client_secret_env, client_auth, scopes, sign_up, email_domains, trust_email.
    #[arg(long, env = "OIDC_PROVIDERS", value_name = "FILE", value_parser = Providers::read)]
    pub oidc_providers: Option<Providers>,
}

/// The providers of the file, in its order.
#[derive(Clone, Debug, Default)]
pub struct Providers(Arc<[ProviderConfig]>);

/// One provider.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// Its name in paths and events.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its name for itself, to the letter.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// How we prove that it is us; none for a public client.
    pub client_secret: Option<Secret<String>>,
    /// In which way, if the provider does not leave it to us.
    pub client_auth: Option<ClientAuth>,
    /// What we ask for, `openid` among it.
    pub scopes: Vec<String>,
    /// Whether it lets in people who have no account yet.
    pub sign_up: bool,
    /// The domains of addresses that it may sign up or link; empty: all.
    pub email_domains: Vec<String>,
    /// Its addresses count as verified also where it does not say so.
    pub trust_email: bool,
}

/// How we prove at a provider's token endpoint who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// `client_secret_basic`
    Basic,
    /// `client_secret_post`
    Post,
}

/// The file cannot be used; the text is one line.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidProviders(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    provider: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    name: String,
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    client_secret_env: Option<String>,
    client_auth: Option<ClientAuth>,
    #[serde(default = "usual_scopes")]
    scopes: Vec<String>,
    #[serde(default)]
    sign_up: bool,
    #[serde(default)]
    email_domains: Vec<String>,
    #[serde(default)]
    trust_email: bool,
}

fn usual_scopes() -> Vec<String> {
    ["openid", "email", "profile"].map(str::to_owned).to_vec()
}

impl Providers {
    /// Reads the file at this path, and those of the secrets.
    pub fn read(path: &str) -> Result<Self, InvalidProviders> {
        let text = std::fs::read_to_string(path).map_err(|error| InvalidProviders(error.to_string()))?;
        let file: File =
            toml::from_str(&text).map_err(|error| InvalidProviders(one_line(error.message())))?;
        let providers = file.provider.into_iter().map(Entry::check).collect::<Result<Vec<_>, _>>()?;
        let mut ids = HashSet::new();
        match providers.iter().find(|provider| !ids.insert(&provider.id)) {
            Some(twice) => Err(InvalidProviders(format!("provider {}: this id is there twice", twice.id))),
            None => Ok(Self(providers.into())),
        }
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &ProviderConfig> {
        self.0.iter()
    }
}

impl Entry {
    fn check(self) -> Result<ProviderConfig, InvalidProviders> {
        let wrong = |what: &str| InvalidProviders(format!("provider {}: {what}", one_line(&self.id)));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=32).contains(&self.id.len()) || !self.id.chars().all(plain) {
            return Err(wrong("id must be 1 to 32 of a-z, 0-9 and -"));
        }
        if !(1..=64).contains(&self.name.chars().count()) || self.name.chars().any(char::is_control) {
            return Err(wrong("name must be one line of 1 to 64 characters"));
        }
        if endpoint(&self.issuer, true).is_none_or(|url| url.query().is_some()) {
            return Err(wrong("issuer must be an https address without query and fragment"));
        }
        if self.client_id.is_empty() || self.client_id.chars().any(char::is_control) {
            return Err(wrong("client_id must not be empty"));
        }
        if !self.scopes.iter().any(|scope| scope == "openid") || !self.scopes.iter().all(|s| is_scope(s)) {
            return Err(wrong("scopes must have openid, and none with white space"));
        }
        if let Some(domain) = self.email_domains.iter().find(|domain| !is_domain(domain)) {
            return Err(wrong(&format!("email_domains: {} is no domain", one_line(domain))));
        }
        let client_secret = self.secret().map_err(|what| wrong(&what))?;
        Ok(ProviderConfig {
            id: self.id,
            name: self.name,
            issuer: self.issuer,
            client_id: self.client_id,
            client_secret,
            client_auth: self.client_auth,
            scopes: self.scopes,
            sign_up: self.sign_up,
            email_domains: self.email_domains.iter().map(|domain| domain.to_lowercase()).collect(),
            trust_email: self.trust_email,
        })
    }

    fn secret(&self) -> Result<Option<Secret<String>>, String> {
        let text = match (&self.client_secret_file, &self.client_secret_env) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err("client_secret_file and client_secret_env exclude each other".into());
            }
            (Some(path), None) => {
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
            }
            (None, Some(name)) => std::env::var(name).map_err(|_| format!("{name} is not set"))?,
        };
        match text.trim() {
            "" => Err("the client secret is empty".into()),
            secret => Ok(Some(Secret::new(secret.to_owned()))),
        }
    }
}

impl ProviderConfig {
    /// Whether it is a provider on this machine, reached without TLS.
    pub fn is_plain_http(&self) -> bool {
        self.issuer.starts_with("http://")
    }

    /// Whether it may sign up or link this address.
    pub fn admits(&self, email: &Email) -> bool {
        let email = email.comparable();
        let domain = email.rsplit('@').next().unwrap_or_default();
        self.email_domains.is_empty() || self.email_domains.iter().any(|admitted| admitted == domain)
    }
}

/// An address that may be asked: https, or on this machine http where `loopback` says so.
pub(super) fn endpoint(text: &str, loopback: bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let safe = url.scheme() == "https" || url.scheme() == "http" && here && loopback;
    let plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (safe && plain).then_some(url)
}

fn is_scope(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_domain(domain: &str) -> bool {
    Email::parse(&format!("somebody@{domain}")).is_ok()
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Providers, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Providers::read(file.path().to_str().unwrap()).map_err(|error| error.to_string())
    }

    fn provider(more: &str) -> String {
        format!(
            "[[provider]]\nid = \"corp\"\nname = \"Corp\"\nissuer = \"https://login.example.com\"\nclient_id = \"us\"\n{more}\n"
        )
    }

    #[test]
    fn what_is_left_out_has_a_careful_default() {
        let providers = read(&provider("")).unwrap();
        let corp = providers.iter().next().unwrap();
        assert_eq!(corp.scopes, ["openid", "email", "profile"]);
        assert!(!corp.sign_up && !corp.trust_email && corp.client_secret.is_none());
        assert!(corp.admits(&Email::parse("kim@anywhere.org").unwrap()));
        assert_eq!(read("").unwrap().iter().count(), 0);
    }

    #[test]
    fn secrets_are_read_and_not_shown() {
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "hunter2\n").unwrap();
        let file = format!("client_secret_file = {:?}", secret.path());
        let providers = read(&provider(&file)).unwrap();
        assert_eq!(providers.iter().next().unwrap().client_secret.as_ref().unwrap().expose(), "hunter2");
        assert!(!format!("{providers:?}").contains("hunter2"));
    }

    #[test]
    fn domains_are_compared_as_addresses_are() {
        let providers = read(&provider("email_domains = [\"Example.com\"]")).unwrap();
        let corp = providers.iter().next().unwrap();
        for (email, admitted) in [
            ("kim@example.com", true),
            ("kim@EXAMPLE.com", true),
            ("kim@sub.example.com", false),
            ("kim@notexample.com", false),
        ] {
            assert_eq!(corp.admits(&Email::parse(email).unwrap()), admitted, "{email}");
        }
    }

    #[test]
    fn anything_odd_is_one_line() {
        for odd in [
            "nonsense = 1",
            "scopes = [\"email\"]",
            "scopes = [\"openid\", \"a b\"]",
            "email_domains = [\"@\"]",
            "client_secret_env = \"NO_SUCH_VARIABLE_HERE\"",
            "client_secret_file = \"/nowhere/at/all\"",
            "client_secret_env = \"A\"\nclient_secret_file = \"b\"",
            "sign_up = 7",
            "client_auth = \"digest\"",
            "[",
        ] {
            let error = read(&provider(odd)).unwrap_err();
            assert!(!error.is_empty() && !error.contains('\n'), "{odd}: {error}");
        }
        for (from, to) in [
            ("corp", "Corp/.."),
            ("Corp", ""),
            ("https://login", "http://login"),
            ("example.com", "example.com#x"),
            ("https://login", "https://me@login"),
            ("\"us\"", "\"\""),
        ] {
            assert!(read(&provider("").replacen(from, to, 1)).is_err(), "{to}");
        }
        assert!(read(&provider(&provider(""))).unwrap_err().contains("twice"));
        assert!(Providers::read("/nowhere/at/all").is_err());
    }

    #[test]
    fn plain_http_leads_to_this_machine_only() {
        for here in ["http://localhost:9/x", "http://127.0.0.1:9", "http://[::1]:9"] {
            assert!(endpoint(here, true).is_some() && endpoint(here, false).is_none(), "{here}");
        }
        for bad in ["http://10.0.0.1", "ftp://localhost", "https://a:b@c", "x", "http://localhost.evil.com"] {
            assert!(endpoint(bad, true).is_none(), "{bad}");
        }
    }
}
