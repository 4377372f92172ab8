//! Cookies of a request.

use axum::http::{HeaderMap, header};

/// The value of the cookie of this name; none if there is no such cookie, or more than one.
pub(super) fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut ours = pairs.filter(|(other, _)| *other == name).map(|(_, value)| value);
    ours.next().filter(|_| ours.next().is_none())
}
