//! How far the projections have come.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgPool};

use crate::model::{Lane, ProjectionStatus};

#[derive(FromRow)]
struct LaneRow {
    name: String,
    live_version: i32,
    state: String,
    reason: Option<String>,
    lane: i16,
    position: i64,
    recorded_at: Option<DateTime<Utc>>,
    parked: i32,
}

const LANES: &str = "
SELECT p.name, p.live_version, p.state, p.reason, c.lane, c.position, c.recorded_at, c.parked
FROM read_model.projections p
JOIN read_model.checkpoints c ON c.projection = p.name AND c.version = p.live_version
ORDER BY p.name, c.lane";

/// Every live projection with its lanes, compared with `head`, the log's last position.
pub async fn projections(
    pool: &PgPool,
    head: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<ProjectionStatus>> {
    let rows: Vec<LaneRow> = sqlx::query_as(LANES).fetch_all(pool).await?;
    let mut statuses: Vec<ProjectionStatus> = Vec::new();
    for row in rows {
        let lane = lane(&row, head, now);
        match statuses.last_mut() {
            Some(status) if status.name == row.name => status.lanes.push(lane),
            _ => statuses.push(first_lane(row, head, lane)),
        }
    }
    statuses.iter_mut().for_each(sum_up);
    Ok(statuses)
}

fn lane(row: &LaneRow, head: i64, now: DateTime<Utc>) -> Lane {
    let lag_events = (head - row.position).max(0);
    let age = row.recorded_at.map_or(0.0, |recorded_at| (now - recorded_at).as_seconds_f64().max(0.0));
    Lane {
        lane: row.lane,
        position: row.position,
        lag_events,
        lag_seconds: if lag_events == 0 { 0.0 } else { age },
        parked: row.parked,
    }
}

fn first_lane(row: LaneRow, head: i64, lane: Lane) -> ProjectionStatus {
    ProjectionStatus {
        name: row.name,
        live_version: row.live_version,
        state: row.state,
        reason: row.reason,
        position: lane.position,
        head,
        lag_events: 0,
        lag_seconds: 0.0,
        parked: 0,
        lanes: vec![lane],
    }
}

fn sum_up(status: &mut ProjectionStatus) {
    for lane in &status.lanes {
        status.position = status.position.min(lane.position);
        status.lag_events = status.lag_events.max(lane.lag_events);
        status.lag_seconds = status.lag_seconds.max(lane.lag_seconds);
        status.parked += i64::from(lane.parked);
    }
}
