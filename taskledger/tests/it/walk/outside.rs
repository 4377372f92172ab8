//! An outside provider that lets people in too: a real one.

use std::{collections::HashMap, path::Path};

use reqwest::{Client as Http, Response, redirect::Policy};
use serde_json::json;
use servers::testing::{Client, IdentityProvider, identity_provider};

/// The name of the provider in paths.
pub(crate) const PROVIDER: &str = "demo";

const CLIENT: &str = "us";

pub(crate) struct Outside {
    provider: IdentityProvider,
    http: Http,
}

impl Outside {
    /// A provider that sends browsers back to the product, which calls itself so.
    pub(crate) async fn of(product: &str) -> Self {
        service::tls::install();
        let back = format!("{product}/v1/auth/oidc/{PROVIDER}/callback");
        // There are as many as there are walks.
        let redirect_uri = Box::leak(back.into_boxed_str());
        let us = Client { id: CLIENT, method: "none", secret: None, redirect_uri };
        let http = Http::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
        Self { provider: identity_provider(&[us]).await, http }
    }

    /// Writes the file for OIDC_PROVIDERS.
    pub(crate) fn configure(&self, file: &Path) {
        let issuer = self.provider.issuer();
        let table = format!(
            "[[provider]]\nid = \"{PROVIDER}\"\nname = \"Demo\"\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT}\"\n"
        );
        std::fs::write(file, table).expect("a place to write to");
    }

    /// Comes in through the provider as somebody with this name and address there, which links the two; the code for the tokens.
    pub(crate) async fn enter(&self, product: &str, name: &str, email: &str) -> String {
        let users = format!("{}/api/runtime/users", self.provider.issuer());
        // Known already, where it is not the first time.
        let user = json!({"username": name, "password": "pw", "email": email});
        self.http.post(users).json(&user).send().await.expect("the provider answers");
        let begun = self.get(&format!("{product}/v1/auth/oidc/{PROVIDER}/login?handover=code"), "").await;
        let back = self.log_in(&location(&begun), name).await;
        let ended = self.get(&back, &cookies(&begun)).await;
        let end = location(&ended);
        let code = end.split_once("#code=").map(|(_, code)| code.to_owned());
        code.unwrap_or_else(|| panic!("{name} is not let in: {end}"))
    }

    /// The provider knows somebody no more: who has this name next may have another address.
    pub(crate) async fn forget(&self, name: &str) {
        let user = format!("{}/api/runtime/users/{name}", self.provider.issuer());
        let gone = self.http.delete(user).send().await.expect("the provider answers");
        assert!(gone.status().is_success(), "{name}: {}", gone.status());
    }

    /// Fills in the provider's form, as a person does; gives the address that the browser is sent back to.
    async fn log_in(&self, url: &str, name: &str) -> String {
        let page = self.get(url, "").await;
        let cookies = cookies(&page);
        let html = page.text().await.expect("a page");
        let (_, rest) = html
            .split_once("name=\"transaction_id\" value=\"")
            .unwrap_or_else(|| panic!("no form for {name}: {html}"));
        let transaction = rest.split('"').next().unwrap_or_default();
        let form = HashMap::from([("transaction_id", transaction), ("username", name), ("password", "pw")]);
        let target = url.split('?').next().unwrap_or(url);
        let sent = self.http.post(target).header("cookie", cookies).form(&form).send().await;
        location(&sent.expect("the provider answers"))
    }

    async fn get(&self, url: &str, cookies: &str) -> Response {
        let sent = self.http.get(url).header("cookie", cookies).send().await;
        sent.unwrap_or_else(|error| panic!("{url}: {error}"))
    }
}

fn location(answer: &Response) -> String {
    let location = answer.headers().get("location").and_then(|location| location.to_str().ok());
    location.unwrap_or_else(|| panic!("{} sends nowhere: {}", answer.url(), answer.status())).to_owned()
}

fn cookies(answer: &Response) -> String {
    let lines = answer.headers().get_all("set-cookie").iter();
    let pairs: Vec<_> = lines.filter_map(|line| line.to_str().ok()?.split(';').next()).collect();
    pairs.join("; ")
}
