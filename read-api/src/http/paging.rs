//! Pages: size, sealed token, link.

use axum::http::HeaderValue;
use chrono::Utc;
use serde::{Serialize, de::DeserializeOwned};
use service::{page_token::PageTokens, problem::Problem, query::Query, request::RequestContext};
use sha2::{Digest, Sha256};

use super::caller::Caller;

/// Which page of which list is asked for.
pub(super) struct Paging {
    list: String,
    filter: [u8; 32],
    size: u32,
    token: Option<String>,
}

impl Paging {
    /// Reads `page_size` and `page_token`. Tokens are good for this list, its filters and this caller only.
    pub(super) fn read(query: &mut Query, list: &str, caller: Caller) -> Self {
        let (size, token) = (query.page_size(), query.page_token());
        let filter =
            Sha256::new().chain_update(query.filter_hash()).chain_update(caller.id).finalize().into();
        Self { list: list.to_owned(), filter, size, token }
    }

    /// Where the page before ended; nowhere for the first page.
    pub(super) fn after<K: DeserializeOwned>(&self, tokens: &PageTokens) -> Result<Option<K>, Problem> {
        let open = |token: &String| tokens.open(&self.list, self.filter, token, Utc::now());
        Ok(self.token.as_ref().map(open).transpose()?)
    }

    /// Rows to read: one more than the page holds tells whether there is another page.
    pub(super) fn limit(&self) -> i64 {
        i64::from(self.size) + 1
    }

    /// The most items on the page.
    pub(super) fn size(&self) -> i64 {
        i64::from(self.size)
    }

    /// Cuts what [`Self::limit`] read down to the page and seals where it ends.
    pub(super) fn cut<T, K: Serialize>(
        &self,
        tokens: &PageTokens,
        items: &mut Vec<T>,
        behind: impl FnOnce(&T) -> K,
    ) -> Result<String, Problem> {
        let size = self.size as usize;
        let more = items.len() > size;
        items.truncate(size);
        match items.last() {
            Some(last) if more => self.seal(tokens, &behind(last)),
            _ => Ok(String::new()),
        }
    }

    /// The token for what follows `key`.
    pub(super) fn seal(&self, tokens: &PageTokens, key: &impl Serialize) -> Result<String, Problem> {
        tokens.seal(&self.list, self.filter, key, Utc::now()).map_err(Problem::internal)
    }
}

/// `Link: <…>; rel="next"`: this request with another token.
pub(super) fn next_link(context: &RequestContext, query: Option<&str>, token: &str) -> Option<HeaderValue> {
    if token.is_empty() {
        return None;
    }
    let kept = query.unwrap_or_default().split('&');
    let mut parameters: Vec<&str> =
        kept.filter(|pair| !pair.is_empty() && !pair.starts_with("page_token=")).collect();
    let token = format!("page_token={token}");
    parameters.push(&token);
    let target = format!("{}{}?{}", context.public_url(), context.path(), parameters.join("&"));
    HeaderValue::from_str(&format!("<{target}>; rel=\"next\"")).ok()
}
