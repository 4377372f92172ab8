//! What the figures are compared with, each as a process of its own: pgbench, the stack a user would otherwise write,
//! and a bare handler in front of group commit.

pub(crate) mod bare;
pub(crate) mod naive;
pub(crate) mod pgbench;
pub(crate) mod select;

use crate::Failure;

/// Runs the peer of that name until it is killed.
pub(crate) async fn serve(name: &str, url: &str, port: u16) -> Result<(), Failure> {
    match name {
        "bare" => bare::serve(url, port).await,
        "naive" => naive::serve(url, port).await,
        "select" => select::serve(url, port).await,
        unknown => Err(Failure::Worker(format!("there is no peer {unknown}"))),
    }
}

/// The body that every create carries, about 350 bytes.
pub(crate) fn body(number: u64) -> String {
    format!(
        r#"{{"title":"Replace the pump in building {number}","description":"The bearing of the second pump runs hot since Monday. Order the spare part, agree a date with the tenants, and write the hours into the log afterwards. Access through the yard, the key is with the porter.","priority":"high","labels":["pump","building"],"due":{{"date":"2031-05-04"}}}}"#
    )
}
