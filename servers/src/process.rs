//! Signals and liveness of processes, by way of `sh` and `/proc`, as the code base is free of `unsafe`.

use std::path::Path;
use std::process::{Command, Stdio};

/// Whether a process runs; one that nobody has reaped does not.
pub(crate) fn alive(pid: u32) -> bool {
    let state = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat.rsplit(") ").next().and_then(|rest| rest.chars().next()),
        Err(_) if Path::new("/proc/self/stat").exists() => None,
        Err(_) => ps("stat=", pid).trim_start().chars().next(),
    };
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// The command line of a process; empty when there is none.
pub(crate) fn command_line(pid: u32) -> String {
    match std::fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).replace('\0', " "),
        Err(_) if Path::new("/proc/self/stat").exists() => String::new(),
        Err(_) => ps("args=", pid),
    }
}

/// Sends a signal by name; `target` is a process id, or one with a minus for its group.
pub(crate) fn signal(name: &str, target: &str) {
    let sent = Command::new("sh")
        .args(["-c", "kill -s \"$1\" -- \"$2\"", "sh", name, target])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if let Err(error) = sent {
        tracing::warn!(%error, name, target, "cannot send a signal");
    }
}

fn ps(column: &str, pid: u32) -> String {
    let output = Command::new("ps").args(["-o", column, "-p", &pid.to_string()]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_run_and_process_zero_does_not() {
        assert!(alive(std::process::id()));
        assert!(!alive(u32::MAX));
    }

    #[test]
    fn our_command_line_names_the_test_binary() {
        assert!(command_line(std::process::id()).contains("servers"));
    }

    #[test]
    fn a_process_that_nobody_reaped_does_not_run() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(alive(child.id()));
        signal("KILL", &child.id().to_string());
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while alive(child.id()) {
            assert!(std::time::Instant::now() < deadline, "still there");
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }
}
