//! What an API key may be used for, at most; the rights of its user come on top.

use super::Action;
use crate::words::{word_set, words};

words! {
    /// A part of the API that a key opens.
    Scope {
        /// See tasks.
        TasksRead = "tasks:read",
        /// Create and change tasks.
        TasksWrite = "tasks:write",
        /// Stream events.
        EventsRead = "events:read",
        /// Manage one's own webhooks.
        WebhooksManage = "webhooks:manage",
        /// See users.
        UsersRead = "users:read",
        /// Callbacks of the core system.
        InterfaceCallback = "interface:callback",
    }
}

word_set! {
    /// The scopes of a key; on the wire a list of words in the order of [`Scope::ALL`].
    ScopeSet of Scope
}

impl Action {
    /// The scope that a key needs for it; none if no key will do: what makes keys, proves who one is or gives rights is
    /// for people.
    pub fn scope(self) -> Option<Scope> {
        match self {
            Self::TaskRead => Some(Scope::TasksRead),
            Self::TaskCreate
            | Self::TaskComment
            | Self::TaskWatch
            | Self::TaskEdit
            | Self::TaskDelete
            | Self::TaskUndelete
            | Self::TaskRollback
            | Self::TaskTransition
            | Self::TaskChecklist
            | Self::TaskProgress
            | Self::TaskAssign
            | Self::CommentEdit
            | Self::CommentDelete => Some(Scope::TasksWrite),
            Self::UserRead | Self::UserReadPrivate | Self::UserHistory => Some(Scope::UsersRead),
            Self::WebhookManage | Self::WebhookControl => Some(Scope::WebhooksManage),
            Self::EventStream => Some(Scope::EventsRead),
            Self::InterfaceCallback => Some(Scope::InterfaceCallback),
            Self::UserEdit
            | Self::DeviceRemove
            | Self::UserInvite
            | Self::UserVerify
            | Self::UserDeactivate
            | Self::UserRoles
            | Self::UserLogout
            | Self::UserErase
            | Self::ApiKeyManage
            | Self::ServiceAccountManage
            | Self::AnnouncementManage
            | Self::AnnouncementSend
            | Self::NotificationRuleManage
            | Self::AuditRead
            | Self::DeliveryRead
            | Self::Operate
            | Self::Import => None,
        }
    }
}
