//! A browser: keeps cookies and follows where it is sent.

use std::collections::BTreeMap;

use reqwest::Url;
use serde_json::{Value, json};

use super::{Hostile, Lie};
use crate::api::{Answer, Api, Person, request};

/// Cookies of our site.
pub(crate) struct Browser<'a> {
    pub(crate) api: &'a Api,
    cookies: BTreeMap<String, String>,
    /// `Accept`
    pub(crate) accept: &'static str,
}

/// A login that has left for its provider.
#[derive(Clone, Debug)]
pub(crate) struct Departure {
    pub(crate) url: Url,
}

impl Departure {
    /// A parameter of the authorization request.
    pub(crate) fn parameter(&self, name: &str) -> String {
        let found = self.url.query_pairs().find(|(other, _)| other == name);
        found.unwrap_or_else(|| panic!("no {name} in {}", self.url)).1.into_owned()
    }

    /// Where the provider would send the browser with these parameters beside the state.
    pub(crate) fn callback(&self, parameters: &[(&str, &str)]) -> String {
        let state = self.parameter("state");
        let all = [("state", state.as_str())].into_iter().chain(parameters.iter().copied());
        let url = Url::parse_with_params(&self.parameter("redirect_uri"), all).unwrap();
        format!("{}?{}", url.path(), url.query().unwrap())
    }
}

impl<'a> Browser<'a> {
    pub(crate) fn new(api: &'a Api) -> Self {
        Self { api, cookies: BTreeMap::new(), accept: "application/json" }
    }

    /// Follows a link.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let (cookies, accept) = (self.header(), self.accept);
        let headers = [("cookie", cookies.as_str()), ("accept", accept)];
        let answer = self.api.send(request("GET", path, None, "", &headers)).await;
        self.keep(&answer);
        answer
    }

    fn header(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    pub(crate) fn keep(&mut self, answer: &Answer) {
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            assert!(
                line.contains("HttpOnly") && line.contains("Secure") && line.contains("SameSite="),
                "{line}"
            );
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The names of the cookies.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.cookies.keys().map(String::as_str).collect()
    }

    /// Begins a login; `query` begins with `?`, or is empty.
    pub(crate) async fn leave(&mut self, provider: &str, query: &str) -> Departure {
        let answer = self.get(&format!("/v1/auth/oidc/{provider}/login{query}")).await.expect(303);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let url = Url::parse(answer.header("location").unwrap()).unwrap();
        Departure { url }
    }

    /// A whole login at the provider that lies, begun again where a busy server asks for that.
    pub(crate) async fn visit(&mut self, hostile: &Hostile, lie: Lie) -> Answer {
        loop {
            let departure = self.leave("hostile", "").await;
            let answer = self.come_back(hostile, &departure, lie.clone()).await;
            if !matches!(answer.code(), "UNAVAILABLE" | "OVERLOADED") {
                return answer;
            }
        }
    }

    /// The way back of a login at the provider that lies.
    pub(crate) async fn come_back(&mut self, hostile: &Hostile, departure: &Departure, lie: Lie) -> Answer {
        let code = hostile.code(departure, lie);
        self.get(&departure.callback(&[("code", &code)])).await
    }

    /// Uses the refresh cookie, as a page of ours does.
    pub(crate) async fn refresh(&mut self) -> Answer {
        let cookies = self.header();
        let headers = [("cookie", cookies.as_str()), ("origin", "http://localhost:8080")];
        let answer = self.api.call("POST", "/v1/auth/refresh", None, json!({}), &headers).await.expect(200);
        self.keep(&answer);
        answer
    }

    /// Who has come in.
    pub(crate) async fn person(&mut self) -> Person {
        self.refresh().await.person()
    }
}

/// What stands behind the `#` of the address that the browser is sent to.
pub(crate) fn fragment(answer: &Answer, name: &str) -> String {
    let location = Url::parse(answer.header("location").unwrap()).unwrap();
    let fragment = location.fragment().unwrap_or_default().to_owned();
    let value = fragment.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    value.unwrap_or_else(|| panic!("no {name} in {location}")).to_owned()
}

/// `amr` of a token.
pub(crate) fn methods(person: &Person) -> Value {
    person.claims()["amr"].clone()
}

impl Browser<'_> {
    /// As somebody has who copies all cookies of another browser.
    pub(crate) fn keep_all(&mut self, other: &Browser<'_>) {
        self.cookies.clone_from(&other.cookies);
    }
}
