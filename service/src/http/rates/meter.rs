//! What one request takes, and what its answer says about it.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, request::Parts},
};

use super::{
    Client, Rates, StreamSlot,
    bucket::Level,
    policy::{Policy, weight},
    setting::Rate,
};
use crate::{
    auth::Principal,
    problem::{Code, Problem},
    request::RequestContext,
};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// Who has all the streams that there are looks again after so many seconds whether one has ended.
const STREAM_AGAIN: u64 = 5;

/// The meter of one request; one that runs nowhere where nothing is limited. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Meter(Option<Arc<Running>>);

#[derive(Debug)]
struct Running {
    rates: Rates,
    method: Method,
    weight: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whose bucket it takes from, once that is known.
    client: Option<Client>,
    /// What the buckets were left with, each as it was last.
    levels: Vec<(Policy, Rate, Level)>,
    /// How many streams it may have open, and how many more it could open now.
    streams: Option<(u32, u32)>,
}

impl Meter {
    pub(crate) fn new(rates: Option<&Rates>, parts: &Parts) -> Self {
        let running = |rates: &Rates| Running {
            rates: rates.clone(),
            method: parts.method.clone(),
            weight: weight(&parts.method, &parts.uri),
            state: Mutex::default(),
        };
        Self(rates.map(|rates| Arc::new(running(rates))))
    }

    pub(crate) fn of(parts: &Parts) -> Self {
        parts.extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// Takes from the bucket of the one whose token or key was found good, once for each request.
    pub(crate) fn charge_principal(&self, principal: &Principal) -> Result<(), Problem> {
        // What the system asks for follows from what others asked for, and was charged to them.
        let Some(running) = self.0.as_ref().filter(|_| !principal.is_system) else { return Ok(()) };
        let client = Client::from(principal);
        let known = running.lock().client.replace(client);
        if known == Some(client) { Ok(()) } else { running.take_of_client(client, running.weight, 0) }
    }

    /// Takes more for a request that turned out to be many. If there is not enough, nothing was taken, and the client is
    /// told to wait for all of it.
    pub fn charge_for(&self, many: usize) -> Result<(), Problem> {
        let Some(running) = &self.0 else { return Ok(()) };
        let Some(client) = running.lock().client else { return Ok(()) };
        let more = u32::try_from(many).unwrap_or(u32::MAX).saturating_sub(running.weight);
        if more == 0 { Ok(()) } else { running.take_of_client(client, more, running.weight) }
    }

    /// Counts one more open stream of the client; no longer when the slot is dropped.
    pub fn open_stream(&self) -> Result<StreamSlot, Problem> {
        let limited = self.0.as_ref().and_then(|running| Some((running, running.rates.0.limits.streams()?)));
        let Some((running, most)) = limited else { return Ok(StreamSlot::default()) };
        let Some(client) = running.lock().client else { return Ok(StreamSlot::default()) };
        let slot = running.rates.open_stream(client.id, most);
        running.lock().streams = Some((most, slot.as_ref().map_or(0, |(_, left)| *left)));
        slot.map(|(slot, _)| slot).ok_or_else(|| too_many_streams(most))
    }

    /// Says in an answer what is left.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let Some(running) = &self.0 else { return };
        let state = running.lock();
        for (policy, rate, level) in &state.levels {
            let (name, window) = (policy.name(), rate.window.as_secs());
            append(headers, &POLICY, &format!("\"{name}\";q={};w={window}", rate.quota));
            append(headers, &LIMIT, &format!("\"{name}\";r={};t={}", level.left, seconds(level.more_in)));
        }
        if let Some((most, left)) = state.streams {
            append(headers, &POLICY, &format!("\"streams\";q={most};qu=\"concurrent-requests\""));
            append(headers, &LIMIT, &format!("\"streams\";r={left}"));
        }
    }
}

impl Running {
    fn take_of_client(&self, client: Client, units: u32, taken: u32) -> Result<(), Problem> {
        let policy = Policy::of_client(&self.method);
        self.note(policy, self.rates.take_of_client(policy, client, units, taken))
    }

    fn note(&self, policy: Policy, level: Option<(Rate, Level)>) -> Result<(), Problem> {
        let Some((rate, level)) = level else { return Ok(()) };
        let levels = &mut self.lock().levels;
        levels.retain(|(other, ..)| *other != policy);
        levels.push((policy, rate, level));
        let refused = |wait| Problem::new(Code::RateLimited).retry_after(seconds(wait));
        level.refused_for.map_or(Ok(()), |wait| Err(refused(wait)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes from the bucket of the client's address, for routes that are limited by it; others are free.
pub fn charge_address(context: &RequestContext, request: &Request) -> Result<(), Problem> {
    let meter = request.extensions().get::<Meter>();
    let Some(running) = meter.and_then(|meter| meter.0.as_ref()) else { return Ok(()) };
    let policy = Policy::of_address(request.method(), request.uri().path());
    let Some(policy) = policy else { return Ok(()) };
    running.note(policy, running.rates.take_of_address(policy, context.client().ip))
}

impl<S: Sync> FromRequestParts<S> for Meter {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

fn too_many_streams(most: u32) -> Problem {
    Problem::new(Code::RateLimited).retry_after(STREAM_AGAIN).detail(
        format!("You have {most} streams open, which is as many as you may: close one."),
        format!("동시에 열 수 있는 스트림 {most}개를 모두 쓰고 있습니다. 하나를 닫으세요."),
    )
}

fn append(headers: &mut HeaderMap, name: &HeaderName, text: &str) {
    // Names and numbers make no bad header.
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.append(name, value);
    }
}

/// Whole seconds, never too few.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
