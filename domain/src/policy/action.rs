//! What can be asked for, in the words of the policy table.

use crate::words::words;

words! {
    /// One right; every route names the one it asks for (`x-policy`), or `public`.
    Action {
        /// Create a task.
        TaskCreate = "task.create",
        /// See a task, its comments and its history.
        TaskRead = "task.read",
        /// Comment on a task.
        TaskComment = "task.comment",
        /// Watch a task oneself, or cease to; others may be added by those who may assign.
        TaskWatch = "task.watch",
        /// Change the content: fields, labels, parent, relations, external reference, visibility.
        TaskEdit = "task.edit",
        /// Delete a task.
        TaskDelete = "task.delete",
        /// Bring a deleted task back.
        TaskUndelete = "task.undelete",
        /// Set the content back to an earlier version.
        TaskRollback = "task.rollback",
        /// Start, hold, resume, complete, reopen, cancel.
        TaskTransition = "task.transition",
        /// Add, rename, check, uncheck, remove checklist items.
        TaskChecklist = "task.checklist",
        /// Set the progress.
        TaskProgress = "task.progress",
        /// Assign and unassign.
        TaskAssign = "task.assign",
        /// Change a comment.
        CommentEdit = "comment.edit",
        /// Delete a comment.
        CommentDelete = "comment.delete",
        /// See users' ids, names and states.
        UserRead = "user.read",
        /// See a user's e-mail, roles, last login.
        UserReadPrivate = "user.read_private",
        /// See what happened to a user.
        UserHistory = "user.history",
        /// Change one's own profile, sessions, devices, preferences.
        UserEdit = "user.edit",
        /// Remove a device that notices are pushed to: one's own, and as admin those of others.
        DeviceRemove = "device.remove",
        /// Invite a user.
        UserInvite = "user.invite",
        /// Verify a user in place of the mailed link.
        UserVerify = "user.verify",
        /// Deactivate and reactivate users.
        UserDeactivate = "user.deactivate",
        /// Grant and revoke roles.
        UserRoles = "user.roles",
        /// End all sessions of another user.
        UserLogout = "user.logout",
        /// Erase a person.
        UserErase = "user.erase",
        /// Make, list and revoke one's own API keys, and as admin those of service accounts.
        ApiKeyManage = "api_key.manage",
        /// Make and list service accounts.
        ServiceAccountManage = "service_account.manage",
        /// Write, schedule, cancel announcements.
        AnnouncementManage = "announcement.manage",
        /// Say that an announcement is on its way: nobody but the system, whose clock counts.
        AnnouncementSend = "announcement.send",
        /// Make, change and delete notification rules.
        NotificationRuleManage = "notification_rule.manage",
        /// Audit records, integrity, exports.
        AuditRead = "audit.read",
        /// See what went outside, and what became of it.
        DeliveryRead = "delivery.read",
        /// Deliveries, projections, parked events, processes, schedules, webhooks of others.
        Operate = "operate",
        /// Manage one's own webhooks.
        WebhookManage = "webhook.manage",
        /// Pause, resume, test and replay one's own webhooks, and as operator those of others.
        WebhookControl = "webhook.control",
        /// Stream the events that one may see.
        EventStream = "event.stream",
        /// Callbacks of the core system.
        InterfaceCallback = "interface.callback",
        /// Bring in another tracker's history.
        Import = "import",
    }
}
