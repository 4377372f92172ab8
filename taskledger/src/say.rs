//! What people read at the terminal; logs go elsewhere.

use std::io::Write;

/// Prints to stdout; a closed stdout is no reason to stop.
pub(crate) fn text(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Prints one line to stderr.
pub(crate) fn error(line: &str) {
    let _ = writeln!(std::io::stderr(), "error: {line}");
}
