//! What was on its way to the outside, the newest first, as it stands when it is fetched.

use domain::filter::DeliveriesAsked;
use service::problem::Problem;

use super::{List, PIECE, Page};
use crate::{
    ReadApi,
    http::fresh::MinPosition,
    model::Delivery,
    queries::{self, DeliveryCursor, DeliveryFilter, ListExport, history::HistoryError},
};

pub(super) struct Deliveries {
    filter: DeliveryFilter,
    after: Option<DeliveryCursor>,
}

impl Deliveries {
    pub(super) async fn of(
        api: &ReadApi,
        asked: DeliveriesAsked,
        export: &ListExport,
    ) -> Result<Self, Problem> {
        MinPosition::at(export.events).wait_for_operations(api).await?;
        Ok(Self { filter: DeliveryFilter { up_to: export.events, ..asked.into() }, after: None })
    }
}

impl List for Deliveries {
    type Item = Delivery;

    async fn next(&mut self, api: &ReadApi) -> Result<Page<Delivery>, HistoryError> {
        let items = queries::deliveries(&api.lists, self.filter, self.after, PIECE).await?;
        self.after = items.last().map(DeliveryCursor::of).or(self.after);
        Ok(Page::of(items))
    }
}
