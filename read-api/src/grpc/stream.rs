//! A stream of messages: what a task produces, as long as the caller may listen.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequestParts, Request},
    response::Response,
};
use futures_util::{Stream, StreamExt, future::ready, stream};
use prost::Message;
use service::{
    grpc::status,
    problem::{Code, Flaw, Problem, Violation},
    request::RequestContext,
};
use tokio::time::timeout;
use tonic::{Status, Streaming, server::Grpc};

use super::{
    codec::{Encoded, Pieces},
    messages::Frames,
};
use crate::{
    ReadApi,
    events::Place,
    streams::{Intake, Item, Listener, Outlet, Taken},
};

/// What a client sends at once, at most.
const MAX_MESSAGE: usize = 1 << 20;
/// How long the first message may take to come.
const GREETING: Duration = Duration::from_secs(20);

/// A message, and the place that its reader has come to with it.
#[derive(Debug)]
pub(super) struct Said {
    message: Encoded,
    place: Option<Place>,
}

impl Said {
    pub(super) fn new(message: Encoded) -> Self {
        Self { message, place: None }
    }

    pub(super) fn at(place: Place, message: Encoded) -> Self {
        Self { message, place: Some(place) }
    }
}

impl Item for Said {
    fn bytes(&self) -> usize {
        self.message.len()
    }
}

/// Answers with what `produce` makes of the messages that come.
pub(super) async fn answer<D, R, F>(
    api: &ReadApi,
    listener: Listener,
    request: Request,
    produce: impl FnOnce(Requests<D>, Outlet<Said>) -> F + Send,
) -> Result<Response, Problem>
where
    D: Message + Default + 'static,
    R: Frames + 'static,
    F: Future<Output = Result<(), Problem>> + Send + 'static,
{
    let (mut parts, body) = request.into_parts();
    let Ok(context) = RequestContext::from_request_parts(&mut parts, api).await;
    let mut produce = Some(produce);
    let mut listener = Some(listener);
    let mut refused = None;
    let service = tower::service_fn(|requests: tonic::Request<Streaming<D>>| {
        let requests = Requests(requests.into_inner());
        let taken = match (listener.take(), produce.take()) {
            (Some(listener), Some(produce)) => listener.take(|outlet| produce(requests, outlet)),
            _ => Err(Code::Internal.into()),
        };
        let context = context.clone();
        ready(match taken {
            Ok(intake) => Ok(tonic::Response::new(messages::<R>(intake, context).boxed())),
            Err(problem) => {
                let status = status(&problem, &context);
                refused = Some(problem);
                Err(status)
            }
        })
    });
    let mut grpc = Grpc::new(Pieces::<D>::default()).max_decoding_message_size(MAX_MESSAGE);
    let response = grpc.streaming(service, Request::from_parts(parts, body)).await;
    refused.map_or_else(|| Ok(response.map(Body::new)), Err)
}

/// What there is to be said, and at the end why it is the end.
fn messages<R: Frames>(
    intake: Intake<Said>,
    context: RequestContext,
) -> impl Stream<Item = Result<Encoded, Status>> {
    let begin = (intake, None::<Place>);
    let pieces = stream::unfold(begin, move |(mut intake, mut place)| {
        let context = context.clone();
        async move {
            let said = match intake.next().await {
                Taken::Items(items) => {
                    place = items.iter().rev().find_map(|said| said.place).or(place);
                    items.into_iter().map(|said| Ok(said.message)).collect()
                }
                Taken::Silence => place.map(|place| Ok(R::checkpoint(place))).into_iter().collect(),
                Taken::End(problem) => last_words::<R>(problem?, place, &context),
            };
            Some((said, (intake, place)))
        }
    });
    pieces.flat_map(|said: Vec<_>| stream::iter(said))
}

fn last_words<R: Frames>(
    problem: Problem,
    place: Option<Place>,
    context: &RequestContext,
) -> Vec<Result<Encoded, Status>> {
    let Some(place) = place else { return vec![Err(status(&problem, context))] };
    let behind = (problem.code() == Code::FellBehind)
        .then(|| Ok(R::fell_behind(place, problem.code().title(context.language()))));
    let problem = problem.with("after", place.after).with("epoch", place.epoch.to_string());
    behind.into_iter().chain([Err(status(&problem, context))]).collect()
}

/// The messages that come.
pub(super) struct Requests<D>(Streaming<D>);

impl<D> Requests<D> {
    /// The first one, which must come.
    pub(super) async fn first(&mut self) -> Result<D, Problem> {
        match timeout(GREETING, self.next()).await {
            Ok(first) => first?.ok_or_else(|| wrong("message", "REQUIRED")),
            Err(_) => Err(Code::RequestTimeout.into()),
        }
    }

    /// The next one; none when the client has said all.
    pub(super) async fn next(&mut self) -> Result<Option<D>, Problem> {
        self.0.message().await.map_err(|status| {
            let flaw = Flaw::new("MALFORMED").detail(status.message().to_owned());
            Violation::parameter("message", flaw).into()
        })
    }
}

/// A field that breaks a rule.
pub(super) fn wrong(field: &'static str, flaw: &'static str) -> Problem {
    Violation::parameter(field, Flaw::new(flaw)).into()
}

#[cfg(test)]
mod tests {
    use proto::v1::SubscribeResponse;
    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::*;
    use crate::streams::testing::{context, listener};

    fn at(after: i64) -> Said {
        let place = Place { after, epoch: Uuid::nil() };
        Said::at(place, SubscribeResponse::checkpoint(place))
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_too_slowly_is_told_where_to_go_on() {
        let (told, cut) = oneshot::channel();
        let intake = listener().take(|outlet| async move {
            let mut after = 0;
            let refused = loop {
                after += 1;
                if let Err(refused) = outlet.send(at(after)).await {
                    break refused;
                }
            };
            told.send(()).unwrap();
            Err(refused)
        });
        let mut messages = std::pin::pin!(messages::<SubscribeResponse>(intake.unwrap(), context()));
        messages.next().await.unwrap().unwrap();
        // Nobody reads meanwhile.
        timeout(Duration::from_secs(60), cut).await.unwrap().unwrap();
        let rest: Vec<_> = messages.collect().await;
        let Some((Err(status), before)) = rest.split_last() else { panic!("{rest:?}") };
        assert_eq!(status.code(), tonic::Code::Aborted);
        assert!(format!("{:?}", before.last()).contains("read too slowly"), "{before:?}");
        assert!(String::from_utf8_lossy(status.details()).contains("after"), "{status:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_by_the_place() {
        let intake = listener().take(|outlet| async move {
            outlet.send(at(7)).await?;
            std::future::pending().await
        });
        let mut messages = std::pin::pin!(messages::<SubscribeResponse>(intake.unwrap(), context()));
        let (first, second) = (messages.next().await.unwrap(), messages.next().await.unwrap());
        assert_eq!(format!("{first:?}"), format!("{second:?}"));
    }
}
