//! `Subscribe`

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use domain::policy::Action;
use event_store::envelope::Envelope;
use proto::v1::{SubscribeRequest, SubscribeResponse};
use service::{problem::Problem, query::Query};

use super::{
    codec::Encoded,
    messages::Frames,
    stream::{Requests, Said, answer},
};
use crate::{
    ReadApi,
    events::{Following, Place, Subscription, Words, tell},
    http::{Caller, ask},
    streams::{Listener, Outlet},
};

pub(super) async fn subscribe(
    State(api): State<ReadApi>,
    caller: Caller,
    listener: Listener,
    request: Request,
) -> Result<Response, Problem> {
    caller.may(Action::EventStream)?;
    let produce = {
        let api = api.clone();
        async move |requests, outlet| follow(api, caller, requests, outlet).await
    };
    answer::<_, SubscribeResponse, _>(&api, listener, request, produce).await
}

async fn follow(
    api: ReadApi,
    caller: Caller,
    mut requests: Requests<SubscribeRequest>,
    outlet: Outlet<Said>,
) -> Result<(), Problem> {
    let mut query = Query::of(pairs(requests.first().await?));
    let asked = ask(&mut query, caller);
    query.finish()?;
    let subscription = Subscription::open(&api, asked.selection, asked.after, asked.epoch).await?;
    tell::<Messages>(subscription, outlet).await
}

/// As messages.
struct Messages;

impl Words for Messages {
    type Item = Said;

    fn event(following: &Following, event: &Arc<Envelope>, at: Place) -> Result<Said, Problem> {
        Ok(Said::at(at, Encoded::of(following.message(event)?)))
    }

    fn caught_up(at: Place) -> Result<Said, Problem> {
        Ok(Said::at(at, SubscribeResponse::caught_up(at)))
    }

    fn checkpoint(at: Place) -> Result<Said, Problem> {
        Ok(Said::at(at, SubscribeResponse::checkpoint(at)))
    }
}

/// The same parameters as over HTTP.
fn pairs(request: SubscribeRequest) -> Vec<(String, String)> {
    let SubscribeRequest { after, epoch, interest } = request;
    let interest = interest.unwrap_or_default();
    let types = interest.types.into_iter().map(|kind| ("types", kind));
    let others = [
        ("after", after.map(|after| after.to_string())),
        ("epoch", epoch),
        ("aggregate", interest.aggregate),
        ("actor", interest.actor),
        ("filter", interest.filter),
    ];
    let others = others.into_iter().filter_map(|(name, value)| Some((name, value?)));
    types.chain(others).map(|(name, value)| (name.to_owned(), value)).collect()
}
