//! Figures as lines that a person and a script can read.

use crate::load::Run;

/// Prints one figure, with its ratio to a reference where there is one.
#[expect(clippy::print_stdout, reason = "printing figures is what this program is for")]
pub(crate) fn figure(name: &str, value: f64, unit: &str, reference: Option<(&str, f64)>) {
    match reference {
        Some((against, base)) if base > 0.0 => {
            println!("{name:<58} {value:>12.1} {unit:<10} {:>7.2}x {against}", value / base);
        }
        _ => println!("{name:<58} {value:>12.1} {unit}"),
    }
}

/// Prints a line that is no figure.
#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints a run: rate, latencies, refusals.
pub(crate) fn run(name: &str, run: &Run, reference: Option<(&str, f64)>) {
    figure(name, run.rate(), "/s", reference);
    figure(&format!("{name}, p50"), run.millis(0.5), "ms", None);
    figure(&format!("{name}, p99"), run.millis(0.99), "ms", None);
    if run.refused > 0 {
        figure(&format!("{name}, refused"), run.refused as f64, "answers", None);
    }
}
