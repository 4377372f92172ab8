//! The routes: extract, ask one query, answer.

mod admin;
mod announcements;
mod answer;
mod caller;
mod comments;
mod consumer_groups;
mod deliveries;
mod documents;
mod dry_run;
mod events;
mod failure;
mod fresh;
mod history;
mod integrity;
mod labels;
mod notice_stream;
mod notices;
mod operations;
mod paging;
mod path;
mod place;
mod revisions;
mod router;
mod rules;
mod task_counts;
mod task_get;
mod task_list;
mod task_query;
mod trace;
mod users;
mod webhooks;

pub(crate) use caller::Caller;
pub use documents::merged;
pub(crate) use events::{CHECKPOINT, ask};
pub(crate) use router::router;
pub use router::{GRPC, openapi};
