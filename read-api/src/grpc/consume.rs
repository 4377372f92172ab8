//! `Consume`

use std::time::Duration;

use axum::{
    extract::{Request, State},
    response::Response,
};
use domain::policy::Action;
use proto::v1::{
    Ack, ConsumeRequest, ConsumeResponse, Nack, StartConsuming, Started, consume_request::Message,
    consume_response, nack,
};
use service::{audit::Ongoing, problem::Problem, query::Query};

use super::{
    messages::{Frames, delivery},
    stream::{Requests, Said, answer, wrong},
};
use crate::{
    ReadApi,
    consume::{Answers, Down, Inlet, Settled, Wishes},
    http::{Caller, ask},
    streams::{Listener, Outlet},
};

const MAX_IN_FLIGHT: i32 = 1_000;
const DEFAULT_IN_FLIGHT: i32 = 100;
const MAX_ACK_TIMEOUT: Duration = Duration::from_secs(3_600);
const DEFAULT_ACK_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_DELAY: Duration = Duration::from_secs(24 * 3_600);
/// Positions of one `ack` at most.
const MAX_POSITIONS: usize = 1_000;
/// Of a reason so many characters are kept.
const REASON: usize = 500;

pub(super) async fn consume(
    State(api): State<ReadApi>,
    caller: Caller,
    listener: Listener,
    ongoing: Ongoing,
    request: Request,
) -> Result<Response, Problem> {
    caller.may(Action::EventStream)?;
    let produce = {
        let api = api.clone();
        async move |requests, outlet| take_part(api, caller, ongoing, requests, outlet).await
    };
    answer::<_, ConsumeResponse, _>(&api, listener, request, produce).await
}

/// Until the client says no more, or may have no more.
async fn take_part(
    api: ReadApi,
    caller: Caller,
    ongoing: Ongoing,
    mut requests: Requests<ConsumeRequest>,
    outlet: Outlet<Said>,
) -> Result<(), Problem> {
    let Some(Message::Start(start)) = requests.first().await?.message else {
        return Err(wrong("start", "REQUIRED"));
    };
    let wishes = wishes(&start)?;
    // Which events is for the group to say.
    let who = ask(&mut Query::default(), caller).selection;
    let consumer = api.groups.join(&api, who, &start.group, wishes, &ongoing).await?;
    let (inlet, answers) = consumer.split();
    let max_in_flight = i32::try_from(wishes.max_in_flight).unwrap_or(MAX_IN_FLIGHT);
    let started = consume_response::Message::Started(Started { max_in_flight });
    outlet.send(Said::new((&ConsumeResponse { message: Some(started) }).into())).await?;
    tokio::select! {
        ended = tell(&api, inlet, &outlet) => ended,
        ended = hear(requests, answers) => ended,
    }
}

async fn tell(api: &ReadApi, mut inlet: Inlet, outlet: &Outlet<Said>) -> Result<(), Problem> {
    loop {
        let said = match inlet.next().await? {
            Down::Event(event, attempt) => Said::new(delivery(api.following.message(&event)?, attempt)),
            Down::Checkpoint(place) => Said::at(place, ConsumeResponse::checkpoint(place)),
            Down::CaughtUp(place) => Said::at(place, ConsumeResponse::caught_up(place)),
            Down::Closed(problem) => return Err(problem),
        };
        outlet.send(said).await?;
    }
}

async fn hear(mut requests: Requests<ConsumeRequest>, answers: Answers) -> Result<(), Problem> {
    while let Some(request) = requests.next().await? {
        let settled = match request.message {
            Some(Message::Ack(Ack { positions })) if positions.len() <= MAX_POSITIONS => {
                Settled::Done(positions)
            }
            Some(Message::Ack(_)) => return Err(wrong("ack.positions", "TOO_MANY")),
            Some(Message::Nack(nack)) => refused(nack)?,
            Some(Message::Start(_)) => return Err(wrong("start", "DUPLICATE_FIELD")),
            None => return Err(wrong("message", "REQUIRED")),
        };
        answers.send(settled).await;
    }
    Ok(())
}

fn wishes(start: &StartConsuming) -> Result<Wishes, Problem> {
    let max = start.max_in_flight.unwrap_or(DEFAULT_IN_FLIGHT);
    let max = usize::try_from(max).ok().filter(|_| (1..=MAX_IN_FLIGHT).contains(&max));
    let timeout = match start.ack_timeout {
        None => Some(DEFAULT_ACK_TIMEOUT),
        Some(asked) => {
            duration(asked).filter(|time| (Duration::from_secs(1)..=MAX_ACK_TIMEOUT).contains(time))
        }
    };
    Ok(Wishes {
        max_in_flight: max.ok_or_else(|| wrong("start.max_in_flight", "OUT_OF_RANGE"))?,
        ack_timeout: timeout.ok_or_else(|| wrong("start.ack_timeout", "OUT_OF_RANGE"))?,
    })
}

fn refused(nack: Nack) -> Result<Settled, Problem> {
    let (action, position) = (nack.action(), nack.position);
    let reason = Some(nack.reason.chars().filter(|c| !c.is_control()).take(REASON).collect::<String>());
    let reason = reason.filter(|reason| !reason.is_empty());
    match action {
        nack::Action::Retry => {
            let asked = nack.delay.map(|delay| duration(delay).filter(|delay| *delay <= MAX_DELAY));
            let delay = asked.map(|delay| delay.ok_or_else(|| wrong("nack.delay", "OUT_OF_RANGE")));
            Ok(Settled::Again { position, delay: delay.transpose()?, reason })
        }
        nack::Action::Park => Ok(Settled::Parked { position, reason }),
        nack::Action::Skip => Ok(Settled::Skipped { position, reason }),
        nack::Action::Unspecified => Err(wrong("nack.action", "REQUIRED")),
    }
}

/// None of what lies in the past.
fn duration(time: prost_types::Duration) -> Option<Duration> {
    time.try_into().ok()
}
