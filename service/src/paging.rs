//! Pages of a list: size, sealed token, link.

use axum::http::HeaderValue;
use chrono::Utc;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{page_token::PageTokens, problem::Problem, query::Query, request::RequestContext};

/// Which page of which list is asked for.
#[derive(Debug)]
pub struct Paging {
    filter: [u8; 32],
    size: u32,
    token: Option<String>,
    raw: String,
    context: RequestContext,
    tokens: PageTokens,
}

impl Paging {
    /// Reads `page_size` and `page_token` of a query that was sent as `raw`. Tokens are good for this list, its filters and this
    /// caller only.
    pub fn read(
        query: &mut Query,
        raw: &str,
        context: RequestContext,
        tokens: PageTokens,
        caller: Uuid,
    ) -> Self {
        let (size, token) = (query.page_size(), query.page_token());
        let filter = Sha256::new().chain_update(query.filter_hash()).chain_update(caller).finalize().into();
        Self { filter, size, token, raw: raw.to_owned(), context, tokens }
    }

    /// Where the page before ended; nowhere for the first page.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        let open = |token: &String| self.tokens.open(self.context.path(), self.filter, token, Utc::now());
        Ok(self.token.as_ref().map(open).transpose()?)
    }

    /// Rows to read: one more than the page holds tells whether there is another page.
    pub fn limit(&self) -> i64 {
        i64::from(self.size) + 1
    }

    /// The most items on the page.
    pub fn size(&self) -> i64 {
        i64::from(self.size)
    }

    /// Cuts what [`Self::limit`] read down to the page and seals where it ends.
    pub fn cut<T, K: Serialize>(
        &self,
        items: &mut Vec<T>,
        behind: impl FnOnce(&T) -> K,
    ) -> Result<String, Problem> {
        let size = self.size as usize;
        let more = items.len() > size;
        items.truncate(size);
        match items.last() {
            Some(last) if more => self.seal(&behind(last)),
            _ => Ok(String::new()),
        }
    }

    /// The token for what follows `key`.
    pub fn seal(&self, key: &impl Serialize) -> Result<String, Problem> {
        self.tokens.seal(self.context.path(), self.filter, key, Utc::now()).map_err(Problem::internal)
    }

    /// `Link: <…>; rel="next"`: this request with another token.
    pub fn next_link(&self, token: &str) -> Option<HeaderValue> {
        if token.is_empty() {
            return None;
        }
        let kept = self.raw.split('&');
        let mut parameters: Vec<&str> =
            kept.filter(|pair| !pair.is_empty() && !pair.starts_with("page_token=")).collect();
        let token = format!("page_token={token}");
        parameters.push(&token);
        let (url, path) = (self.context.public_url(), self.context.path());
        HeaderValue::from_str(&format!("<{url}{path}?{}>; rel=\"next\"", parameters.join("&"))).ok()
    }
}
