//! Questions to the read model and the log: one function and its SQL each, nothing of HTTP.

mod coalesce;
mod comments;
mod deliveries;
pub mod history;
mod interface;
mod labels;
mod operations;
mod parked_events;
mod projections;
mod schedules;
mod search;
mod sight;
mod task_counts;
mod task_filter;
mod task_list;
mod task_reader;
mod task_row;
mod users;

pub use coalesce::{Coalescer, ReadError};
pub use comments::{CommentCursor, comments};
pub use deliveries::{DeliveryCursor, DeliveryFilter, deliveries, delivery};
pub use interface::interface;
pub use labels::labels;
pub use operations::{OperationCursor, operation, operations, operations_position, operations_requested};
pub use parked_events::parked_events;
pub use projections::projections;
pub use schedules::schedules;
pub use search::Words;
pub use sight::Sight;
pub use task_counts::{GroupBy, count, count_by, estimate};
pub use task_filter::{Span, TaskFilter};
pub use task_list::{Sort, SortKey, TaskCursor, task_page};
pub use task_reader::{TaskReader, TaskSnapshot};
pub use users::{UserCursor, UserFilter, UserRow, names, user, users};
