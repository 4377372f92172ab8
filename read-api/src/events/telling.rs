//! What a subscriber is told, whatever they speak.

use std::{sync::Arc, time::Duration};

use event_store::envelope::Envelope;
use service::problem::Problem;
use tokio::time::{Instant, timeout_at};

use super::{Following, Place, Subscription};
use crate::streams::{Item, Outlet};

/// Of what was looked at and not sent, a subscriber hears this often.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// How it is said.
pub(crate) trait Words {
    type Item: Item;

    /// An event, after which the subscriber is at this place.
    fn event(following: &Following, event: &Arc<Envelope>, at: Place) -> Result<Self::Item, Problem>;
    /// There is nothing more for now.
    fn caught_up(at: Place) -> Result<Self::Item, Problem>;
    /// Everything up to there was looked at.
    fn checkpoint(at: Place) -> Result<Self::Item, Problem>;
}

/// Tells all that there is, for ever, and how far was looked: soon, also when nothing is taken and nothing more comes.
pub(crate) async fn tell<W: Words>(
    mut subscription: Subscription,
    outlet: Outlet<W::Item>,
) -> Result<(), Problem> {
    let mut told = (subscription.place(), Instant::now());
    loop {
        let silent = told.0 != subscription.place();
        let next = if silent {
            timeout_at(told.1 + CHECKPOINT, subscription.next(usize::MAX)).await.ok()
        } else {
            Some(subscription.next(usize::MAX).await)
        };
        let next = next.transpose()?;
        let place = subscription.place();
        for event in next.iter().flat_map(|next| &next.events) {
            let at = Place { after: event.position, ..place };
            outlet.send(W::event(subscription.following(), event, at)?).await?;
            told = (at, Instant::now());
        }
        if next.as_ref().is_some_and(|next| next.caught_up) {
            outlet.send(W::caught_up(place)?).await?;
            told = (place, Instant::now());
        } else if told.0 != place && told.1.elapsed() >= CHECKPOINT {
            outlet.send(W::checkpoint(place)?).await?;
            told = (place, Instant::now());
        }
    }
}
