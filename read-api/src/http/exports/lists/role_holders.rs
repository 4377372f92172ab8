//! Who had a role.

use domain::filter::HoldersAsked;
use domain::policy::Role;
use service::problem::Problem;
use uuid::Uuid;

use super::{List, PIECE, Page};
use crate::{
    ReadApi,
    http::audit_roles::position,
    model::RoleHolder,
    queries::{ListExport, history::HistoryError, role_holders},
};

pub(super) struct RoleHolders {
    role: Role,
    at: i64,
    after: Option<Uuid>,
}

impl RoleHolders {
    pub(super) async fn of(api: &ReadApi, asked: HoldersAsked, export: &ListExport) -> Result<Self, Problem> {
        Ok(Self { role: asked.role, at: position(api, asked.as_of, export.events).await?, after: None })
    }
}

impl List for RoleHolders {
    type Item = RoleHolder;

    async fn next(&mut self, api: &ReadApi) -> Result<Page<RoleHolder>, HistoryError> {
        let items = role_holders(&api.log, &api.lists, self.role, self.at, self.after, PIECE).await?;
        self.after = items.last().map(|holder| holder.user.id).or(self.after);
        Ok(Page::of(items))
    }
}
