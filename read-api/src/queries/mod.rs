//! Questions to the read model and the log: one function and its SQL each, nothing of HTTP.

mod announcements;
mod audit;
mod coalesce;
mod comments;
mod counting;
mod deliveries;
mod dry_run;
mod exports;
pub mod history;
mod interface;
mod labels;
mod notices;
mod operations;
mod parked_events;
mod past_list;
mod past_users;
mod personal;
mod processes;
mod projections;
mod revisions;
mod rules;
mod schedules;
mod search;
mod sight;
mod sync;
mod task_counts;
mod task_expression;
mod task_filter;
mod task_list;
mod task_reader;
mod task_row;
mod trace;
mod user_revisions;
mod users;
mod webhooks;
mod when;

pub use announcements::{
    AnnouncementCursor, AnnouncementRow, announcement, announcements, announcements_position, audience,
    outcomes,
};
pub use audit::{
    Archive, AuditCursor, AuditFilter, Found, Logged, MOST_READ, RecordId, Search, attempts_before,
    audit_count, audit_count_by, audit_estimate, audit_found, audit_record, role_holder_count, role_holders,
};
pub use coalesce::{Coalescer, ReadError};
pub use comments::{CommentCursor, comments};
pub use counting::Counting;
pub use deliveries::{DeliveryCursor, DeliveryFilter, deliveries, delivery, delivery_count};
pub use dry_run::{Asking, DryRunError, dry_run};
pub use exports::{ExportFile, ListExport, export_file, export_piece, list_export};
pub use interface::interface;
pub use labels::labels;
pub use notices::{
    InboxState, NoticeCursor, inbox_state, newest_notice, notices, notices_between, notices_missing,
    notices_position, unread,
};
pub use operations::{
    ANNOUNCEMENT, EXPORT, OperationCursor, REQUESTS, happened, operation, operations, operations_position,
    replays_own_webhook,
};
pub use parked_events::parked_events;
pub use past_list::past_page;
pub use past_users::{PastSources, PastUsers, past_users};
pub use personal::{Archives, ExportError, export};
pub use processes::{ProcessCursor, processes};
pub use projections::projections;
pub use revisions::{Moment, Past, task_at, tasks_at};
pub use rules::{rule, rules_made};
pub use schedules::schedules;
pub use search::Words;
pub use sight::Sight;
pub use sync::{
    Change, Departure, changes, comments_behind, comments_of, departures, tasks_behind, tasks_of,
};
pub use task_counts::{GroupBy, count, count_by, estimate};
pub use task_filter::TaskFilter;
pub use task_list::{Sort, SortKey, TaskCursor, task_page};
pub use task_reader::{TaskReader, TaskSnapshot};
pub use trace::{intent, trace, trace_count};
pub use user_revisions::user_at;
pub use users::{UserCursor, UserFilter, UserRow, names, user, users, users_behind, users_of};
pub use webhooks::{
    AttemptCursor, AttemptFilter, WebhookCursor, webhook, webhook_attempts, webhooks, webhooks_position,
};
pub use when::When;
