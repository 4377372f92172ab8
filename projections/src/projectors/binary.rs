//! Rows as Postgres takes them with the least work: numbers, ids and arrays as they are, where texts would be parsed.

use std::net::IpAddr;

use domain::time::Timestamp;
use uuid::Uuid;

/// Begins every COPY in binary format; no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Instead of a number of columns: that was all.
const TRAILER: i16 = -1;
/// Instead of the length of a value.
const NULL: i32 = -1;
/// Postgres counts from 2000-01-01.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The type `integer`.
const INTEGER: i32 = 23;

/// Rows for COPY … FROM STDIN (FORMAT binary).
pub(super) struct Rows {
    bytes: Vec<u8>,
    columns: i16,
    count: usize,
}

impl Rows {
    /// None yet, of so many columns each.
    pub(super) fn of(columns: i16) -> Self {
        Self { bytes: HEADER.to_vec(), columns, count: 0 }
    }

    /// Begins a row: its values follow in the order of the columns.
    pub(super) fn row(&mut self) -> &mut Self {
        self.count += 1;
        self.bytes.extend(self.columns.to_be_bytes());
        self
    }

    /// A `uuid`.
    pub(super) fn id(&mut self, id: Uuid) -> &mut Self {
        self.value(id.as_bytes())
    }

    /// A `bigint`.
    pub(super) fn number(&mut self, number: i64) -> &mut Self {
        self.value(&number.to_be_bytes())
    }

    /// A `text`.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.value(text.as_bytes())
    }

    /// A `timestamptz`.
    pub(super) fn time(&mut self, time: Timestamp) -> &mut Self {
        self.number(time.as_datetime().timestamp_micros() - EPOCH_MICROS)
    }

    /// An `inet` of one address.
    pub(super) fn address(&mut self, address: IpAddr) -> &mut Self {
        const NO_NETWORK: u8 = 0;
        match address {
            IpAddr::V4(address) => self.value(&[&[2, 32, NO_NETWORK, 4], &address.octets()[..]].concat()),
            IpAddr::V6(address) => self.value(&[&[3, 128, NO_NETWORK, 16], &address.octets()[..]].concat()),
        }
    }

    /// An `integer[]`.
    pub(super) fn numbers(&mut self, numbers: &[i32]) -> &mut Self {
        const NO_NULLS: i32 = 0;
        const FIRST_INDEX: i32 = 1;
        let dimensions = i32::from(!numbers.is_empty());
        let head = if numbers.is_empty() { 12 } else { 20 };
        self.integer(length(head + 8 * numbers.len())).integer(dimensions).integer(NO_NULLS).integer(INTEGER);
        if !numbers.is_empty() {
            self.integer(length(numbers.len())).integer(FIRST_INDEX);
        }
        for number in numbers {
            self.integer(4).integer(*number);
        }
        self
    }

    /// The value as `put` puts it, or null.
    pub(super) fn or_null<T>(
        &mut self,
        value: Option<T>,
        put: impl FnOnce(&mut Self, T) -> &mut Self,
    ) -> &mut Self {
        match value {
            Some(value) => put(self, value),
            None => self.integer(NULL),
        }
    }

    fn value(&mut self, bytes: &[u8]) -> &mut Self {
        self.integer(length(bytes.len())).bytes.extend_from_slice(bytes);
        self
    }

    fn integer(&mut self, number: i32) -> &mut Self {
        self.bytes.extend(number.to_be_bytes());
        self
    }

    /// Sends the rows to the table named in `copy`; nothing is sent when there are none.
    pub(super) async fn send(mut self, tables: &mut sqlx::PgConnection, copy: &str) -> sqlx::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        self.bytes.extend(TRAILER.to_be_bytes());
        let mut sink = tables.copy_in_raw(copy).await?;
        sink.send(self.bytes).await?;
        sink.finish().await.map(|_| ())
    }
}

/// Postgres refuses what is half as long as this could say.
fn length(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{HEADER, Rows};

    #[test]
    fn values_are_as_postgres_sends_them() {
        let mut rows = Rows::of(5);
        rows.row()
            .numbers(&[-7])
            .numbers(&[])
            .address("10.0.0.7".parse().unwrap())
            .address("::1".parse().unwrap())
            .or_null(None, Rows::number);
        // As `COPY (SELECT '{-7}'::int[], '{}'::int[], …) TO STDOUT (FORMAT binary)` has them.
        let one = [[0, 0, 0, 28, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], [0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4]]
            .concat();
        let none = [0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23];
        let fourth = [0, 0, 0, 8, 2, 32, 0, 4, 10, 0, 0, 7];
        let mut sixth = vec![0, 0, 0, 20, 3, 128, 0, 16];
        sixth.extend([0; 15]);
        sixth.push(1);
        let expected =
            [HEADER, &[0, 5], &one, &[255, 255, 255, 249], &none, &fourth, &sixth, &[255; 4]].concat();
        assert_eq!(rows.bytes, expected);
    }
}
