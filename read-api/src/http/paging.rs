//! Pages: size, sealed token, link.

use std::{convert::Infallible, ops::Deref};

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::Serialize;
use service::{page_token::PageTokens, paging, problem::Problem, query::Query, request::RequestContext};

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
pub(super) struct Paging(paging::Paging);

impl Deref for Paging {
    type Target = paging::Paging;

    fn deref(&self) -> &paging::Paging {
        &self.0
    }
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
        let paging = paging::Paging::read(&mut query, &raw, context, tokens, caller.id);
        let min_position = MinPosition::read(&mut query);
        query.finish()?;
        Ok((Paging(paging), min_position))
    }
}

impl Paging {
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
}
