//! Open files, of which each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More are never needed; some systems say that there is no limit, and then grant no more than the last of these.
const ENOUGH: [u64; 3] = [1 << 20, 1 << 16, 10_240];
/// What is open beside connections of clients: databases, NATS, what goes out.
const OTHERS: u64 = 256;

/// Raises the limit of open files as far as the system allows; many begin with 1,024. Says so when that is too few for as
/// many connections.
pub fn allow(connections: usize) {
    let allowed = raise();
    let needed = (connections as u64).saturating_add(OTHERS);
    if allowed < needed {
        tracing::warn!(allowed, needed, "the system allows fewer open files than MAX_CONNECTIONS needs");
    }
}

/// How many there may be now.
fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let now = limit.current.unwrap_or(u64::MAX);
    let better = ENOUGH.map(|enough| limit.maximum.map_or(enough, |most| most.min(enough)));
    let raised = better.into_iter().filter(|wanted| *wanted > now).find(|wanted| {
        setrlimit(Resource::Nofile, Rlimit { current: Some(*wanted), maximum: limit.maximum }).is_ok()
    });
    raised.unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_limit_is_raised() {
        let most = raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current.unwrap_or(u64::MAX), most);
        // One fewer does no harm to the tests beside this one.
        setrlimit(Resource::Nofile, Rlimit { current: Some(most.min(ENOUGH[0]) - 1), ..limit }).unwrap();
        assert_eq!(raise(), most.min(ENOUGH[0]));
        assert_eq!(getrlimit(Resource::Nofile).maximum, limit.maximum);
    }
}
