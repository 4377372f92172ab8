//! What is asked, by the numbers of docs/audit.md, and about whom.

use chrono::{DateTime, Days, Utc};
use sqlx::{FromRow, PgConnection};

/// Whom, what and when there is to be asked about.
pub(super) struct Known {
    people: Vec<String>,
    gone: Vec<String>,
    tasks: Vec<Task>,
    addresses: Vec<String>,
    began: DateTime<Utc>,
}

/// A task by both its names.
#[derive(FromRow)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) key: i64,
}

/// So many of each, from all over the log.
const PEOPLE: &str =
    "SELECT bench.person(n)::text FROM bench.plan, generate_series(0, people - 1) AS n ORDER BY md5(n::text)";
const GONE: &str = "SELECT bench.person(n)::text FROM bench.plan, generate_series(3, people - 1, 10) AS n ORDER BY n LIMIT 10";
const TASKS: &str =
    "SELECT id::text, key FROM read_model.tasks WHERE key > 1000000 ORDER BY md5(id::text) LIMIT 20000";
const ADDRESSES: &str = "SELECT host(bench.address(bench.dice(p, 9), bench.person_of(p, 15), (p % 365)::integer)) \
     FROM generate_series(1, 2000) AS p";
const BEGAN: &str = "SELECT began FROM bench.plan";
/// Prime to the number of days, so that each comes.
const STRIDE: u64 = 37;
const YEAR: u64 = 365;

impl Known {
    pub(super) async fn read(connection: &mut PgConnection) -> sqlx::Result<Self> {
        Ok(Self {
            people: sqlx::query_scalar(PEOPLE).fetch_all(&mut *connection).await?,
            gone: sqlx::query_scalar(GONE).fetch_all(&mut *connection).await?,
            tasks: sqlx::query_as(TASKS).fetch_all(&mut *connection).await?,
            addresses: sqlx::query_scalar(ADDRESSES).fetch_all(&mut *connection).await?,
            began: sqlx::query_scalar(BEGAN).fetch_one(&mut *connection).await?,
        })
    }

    pub(super) fn task(&self, number: u64) -> &Task {
        &self.tasks[number as usize % self.tasks.len()]
    }

    fn key(&self, number: u64) -> String {
        format!("T-{}", self.task(number).key)
    }

    fn person(&self, number: u64) -> &str {
        &self.people[number as usize % self.people.len()]
    }

    /// One who did much, long ago.
    fn gone(&self, number: u64) -> &str {
        &self.gone[number as usize % self.gone.len()]
    }

    fn address(&self, number: u64) -> &str {
        &self.addresses[number as usize % self.addresses.len()]
    }

    /// So many days, from one of the year on.
    fn span(&self, number: u64, days: u64) -> String {
        let from = self.began + Days::new(number * STRIDE % (YEAR - days));
        format!("from={}&to={}", from.format("%F"), (from + Days::new(days)).format("%F"))
    }

    fn day(&self, number: u64) -> String {
        (self.began + Days::new(number * STRIDE % YEAR)).format("%F").to_string()
    }
}

/// Something to ask again and again, each time about others.
pub(super) struct Question {
    pub(super) name: &'static str,
    pub(super) path: fn(&Known, u64) -> String,
}

macro_rules! questions {
    ($($name:literal => |$known:pat_param, $number:pat_param| $path:expr,)*) => {
        &[$(Question { name: $name, path: |$known, $number| format!("/v1/{}", $path) },)*]
    };
}

/// The first four are promised: 300 ms at the 95th percentile of ten million events.
pub(super) const QUESTIONS: &[Question] = questions! {
    "1 acts of a user in a week" => |k, n| format!("audit/records?actor={}&{}", k.person(n), k.span(n, 7)),
    "1 acts of a user in a month, a thousand" => |k, n| {
        format!("audit/records?actor={}&{}&page_size=1000", k.person(n), k.span(n, 30))
    },
    "1 acts of a user, oldest first" => |k, n| {
        format!("audit/records?actor={}&sort=recorded_at", k.person(n))
    },
    "1 acts of a user who left long ago" => |k, n| format!("audit/records?actor={}", k.gone(n)),
    "1 acts in a month of a user who left before" => |k, n| {
        format!("audit/records?actor={}&{}", k.gone(n), k.span(n, 30))
    },
    "2 from an address" => |k, n| format!("audit/records?ip={}", k.address(n)),
    "2 from an address in a month" => |k, n| {
        format!("audit/records?ip={}&{}", k.address(n), k.span(n, 30))
    },
    "2 from all offices" => |_, _| "audit/records?ip=10.0.0.0/8".to_owned(),
    "2 from one office" => |_, n| format!("audit/records?ip=10.{}.0.0/16", n % 20),
    "2 from one network at home in a month" => |k, n| {
        format!("audit/records?ip=81.{}.0.0/16&{}", n % 200, k.span(n, 30))
    },
    "2 from a network on the way" => |_, n| format!("audit/records?ip=100.64.{}.0/24", n % 256),
    "2 from the office of the first weeks" => |_, n| format!("audit/records?ip=198.51.{}.0/24", n % 8),
    "2 from that office, all of it" => |_, _| "audit/records?ip=198.51.0.0/16".to_owned(),
    "2 from that office in a month" => |k, n| format!("audit/records?ip=198.51.0.0/16&{}", k.span(n, 30)),
    "2 from offices, oldest first" => |_, _| "audit/records?ip=10.0.0.0/8&sort=recorded_at".to_owned(),
    "2 from a network that nobody uses" => |_, n| format!("audit/records?ip=203.0.{}.0/24", n % 256),
    "3 history of a task" => |k, n| format!("tasks/{}/history", k.key(n)),
    "3 records about a task" => |k, n| format!("audit/records?target={}", k.key(n)),
    "4 who changed the title of a task" => |k, n| format!("audit/records?target={}&field=title", k.key(n)),
    "4 who changed titles in a month" => |k, n| format!("audit/records?field=title&{}", k.span(n, 30)),
    "4 who changed titles" => |_, _| "audit/records?field=title".to_owned(),
    "4 who changed assignees in a month" => |k, n| {
        format!("audit/records?field=assignees&{}", k.span(n, 30))
    },
    "4 who wrote of roofs" => |_, _| "audit/records?new=roof".to_owned(),
    "4 who wrote of roofs, in a month" => |k, n| format!("audit/records?new=roof&{}", k.span(n, 30)),
    "4 who changed titles about roofs" => |_, _| {
        "audit/records?filter=field%3Dtitle%20AND%20new%3Droof".to_owned()
    },
    "4 what nobody wrote, in a month" => |k, n| format!("audit/records?old=chimney&{}", k.span(n, 30)),
    "10 failed logins" => |_, _| "audit/records?action=auth.&outcome=failure".to_owned(),
    "10 lockouts" => |_, _| "audit/records?action=user.locked&action=user.logins_failed".to_owned(),
    "13 changes of a user's roles" => |k, n| {
        format!("audit/records?action=user.role_&target={}", k.person(n))
    },
    "13 who was announcer then" => |k, n| {
        format!("audit/role-holders?role=announcer&as_of={}T00:00:00Z", k.day(n))
    },
    "15 deletions and restores" => |_, _| "audit/records?field=deleted".to_owned(),
    "15 deletions in a month" => |k, n| format!("audit/records?crud=delete&{}", k.span(n, 30)),
    "17 all of a user but tasks" => |k, n| {
        format!("audit/records?actor={}&filter=NOT%20action%3D%22task.%22", k.person(n))
    },
    "18 denied attempts" => |_, _| "audit/records?outcome=denied".to_owned(),
    "18 denied attempts of a user" => |k, n| format!("audit/records?outcome=denied&actor={}", k.person(n)),
    "19 outside working hours" => |_, _| {
        "audit/records?outside_hours=09:00-18:00&zone=Asia/Seoul".to_owned()
    },
    "24 volume of a month by day" => |k, n| {
        format!("audit/counts?group_by=day&zone=Asia/Seoul&{}", k.span(n, 30))
    },
    "24 volume of a month by actor" => |k, n| {
        format!("audit/counts?group_by=actor&{}", k.span(n, 30))
    },
    "24 volume of a user by action" => |k, n| {
        format!("audit/counts?group_by=action&actor={}", k.person(n))
    },
    "24 volume of the year by action" => |_, _| "audit/counts?group_by=action".to_owned(),
};
