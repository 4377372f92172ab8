//! Pages: size, sealed token, link.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, request::Parts},
};
use chrono::Utc;
use serde::{Serialize, de::DeserializeOwned};
use service::{page_token::PageTokens, problem::Problem, query::Query, request::RequestContext};
use sha2::{Digest, Sha256};

use super::{
    answer::Answer,
    caller::Caller,
    fresh::{Fresh, MinPosition},
};
use crate::{
    ReadApi,
    model::{CountedPage, Page},
};

/// The query of a request for a list.
pub(super) struct ListQuery {
    /// Gives the filters of this list, before [`Self::finish`].
    pub(super) filters: Query,
    raw: String,
    context: RequestContext,
    tokens: PageTokens,
}

/// Which page of which list is asked for.
pub(super) struct Paging {
    filter: [u8; 32],
    size: u32,
    token: Option<String>,
    raw: String,
    context: RequestContext,
    tokens: PageTokens,
}

impl FromRequestParts<ReadApi> for ListQuery {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &ReadApi) -> Result<Self, Infallible> {
        let context = RequestContext::from_request_parts(parts, api).await?;
        let raw = parts.uri.query().unwrap_or_default().to_owned();
        Ok(Self { filters: Query::parse(&raw), raw, context, tokens: api.page_tokens.clone() })
    }
}

impl ListQuery {
    /// Reads `page_size`, `page_token` and `min_position`; nothing else may be left. Tokens are good for this list, its
    /// filters and this caller only.
    pub(super) fn finish(self, caller: Caller) -> Result<(Paging, MinPosition), Problem> {
        let Self { filters: mut query, raw, context, tokens } = self;
        let (size, token) = (query.page_size(), query.page_token());
        let filter =
            Sha256::new().chain_update(query.filter_hash()).chain_update(caller.id).finalize().into();
        let min_position = MinPosition::read(&mut query);
        query.finish()?;
        Ok((Paging { filter, size, token, raw, context, tokens }, min_position))
    }
}

impl Paging {
    /// Where the page before ended; nowhere for the first page.
    pub(super) fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        let open = |token: &String| self.tokens.open(self.context.path(), self.filter, token, Utc::now());
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
    pub(super) fn seal(&self, key: &impl Serialize) -> Result<String, Problem> {
        self.tokens.seal(self.context.path(), self.filter, key, Utc::now()).map_err(Problem::internal)
    }

    /// The page as an answer.
    pub(super) fn answer<T: Serialize>(
        &self,
        items: Vec<T>,
        next_page_token: String,
        fresh: Fresh,
    ) -> Result<Answer, Problem> {
        let link = self.next_link(&next_page_token);
        Ok(Answer::json(&Page { items, next_page_token })?.fresh(fresh).next(link))
    }

    /// The same with the size of the whole list, where it was asked for.
    pub(super) fn counted<T: Serialize>(
        &self,
        items: Vec<T>,
        next_page_token: String,
        count: Option<i64>,
        fresh: Fresh,
    ) -> Result<Answer, Problem> {
        let link = self.next_link(&next_page_token);
        Ok(Answer::json(&CountedPage { items, next_page_token, count })?.fresh(fresh).next(link))
    }

    /// `Link: <…>; rel="next"`: this request with another token.
    pub(super) fn next_link(&self, token: &str) -> Option<HeaderValue> {
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
