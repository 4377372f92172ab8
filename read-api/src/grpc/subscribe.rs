//! `Subscribe`

use axum::{
    extract::{Request, State},
    response::Response,
};
use domain::policy::Action;
use proto::v1::{SubscribeRequest, SubscribeResponse};
use service::{problem::Problem, query::Query};
use tokio::time::Instant;

use super::{
    codec::Encoded,
    messages::Frames,
    stream::{Requests, Said, answer},
};
use crate::{
    ReadApi,
    events::{Place, Subscription},
    http::{CHECKPOINT, Caller, ask},
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
    let mut subscription = Subscription::open(&api, asked.selection, asked.after, asked.epoch).await?;
    let mut told = Instant::now();
    loop {
        let next = subscription.next(usize::MAX).await?;
        let place = subscription.place();
        let last = next.events.last().map(|event| event.position);
        for event in &next.events {
            let message = Encoded::of(subscription.following().message(event)?);
            outlet.send(Said::at(Place { after: event.position, ..place }, message)).await?;
        }
        let silent = last != Some(next.up_to) && told.elapsed() >= CHECKPOINT;
        if next.caught_up {
            outlet.send(Said::at(place, SubscribeResponse::caught_up(place))).await?;
        } else if silent {
            outlet.send(Said::at(place, SubscribeResponse::checkpoint(place))).await?;
        }
        if next.caught_up || silent || last.is_some() {
            told = Instant::now();
        }
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
