//! Examines a connection by the calls that every platform has.

use std::time::Duration;

use super::health::{Aspect, Finding, HealthReport};
use super::{OpenConnection, Surroundings};
use crate::error::{PortError, PortErrorKind, chain};
use crate::ports::{DeltaQuery, Health};
use crate::time::Timestamp;

/// Two clocks further apart than this make windows that overlap too little.
const MAX_SKEW: Duration = Duration::from_secs(60);

/// A connection that was last read longer ago than this needs a look.
const MAX_SILENCE: Duration = Duration::from_hours(24);

/// With fewer calls left than this a day's sync may not come to its end.
const FEW_CALLS: u64 = 1000;

/// Examines `opened`: one call for its health, one for each mapped object.
pub async fn examine(
    opened: &OpenConnection,
    surroundings: &Surroundings,
    last_success_at: Option<Timestamp>,
) -> HealthReport {
    let now = surroundings.clock.now();
    let mut findings = Vec::new();
    match opened.crm.health().await {
        Err(error) => findings.extend(findings_of(&error)),
        Ok(health) => {
            findings.push(Finding::good(Aspect::Reachable, "the platform answers"));
            findings.push(Finding::good(Aspect::Authenticated, "the platform knows us"));
            findings.extend(permissions(opened, health.remote_now).await);
            findings.push(quota(&health));
            findings.push(clock(health.remote_now, now));
        }
    }
    findings.push(last_success(last_success_at, now));
    HealthReport { findings }
}

/// Turns a failed check into findings: the first thing that is wrong, and what it hides.
fn findings_of(error: &PortError) -> Vec<Finding> {
    let what = chain(error).to_string();
    let unknown = |aspect| Finding::unknown(aspect, "not asked, since the check before it failed");
    let reachable = Finding::good(Aspect::Reachable, "the platform answers");
    let known = Finding::good(Aspect::Authenticated, "the platform knows us");
    let mut findings = match error.kind() {
        PortErrorKind::Unavailable | PortErrorKind::Conflict => vec![
            Finding::bad(Aspect::Reachable, what.clone(), fix_for_reach(&what)),
            unknown(Aspect::Authenticated),
            unknown(Aspect::Permitted),
            unknown(Aspect::Quota),
        ],
        PortErrorKind::Denied => vec![
            reachable,
            Finding::bad(Aspect::Authenticated, what, FIX_FOR_SIGN_IN),
            unknown(Aspect::Permitted),
            unknown(Aspect::Quota),
        ],
        PortErrorKind::RateLimited => vec![
            reachable,
            known,
            unknown(Aspect::Permitted),
            Finding::bad(
                Aspect::Quota,
                what,
                "wait for the platform's window to end, poll less often (`poll.every`), or ask \
                 for a larger allowance",
            ),
        ],
        PortErrorKind::NotFound | PortErrorKind::Rejected => vec![
            Finding::bad(Aspect::Reachable, what.clone(), fix_for_answer(&what)),
            unknown(Aspect::Authenticated),
            unknown(Aspect::Permitted),
            unknown(Aspect::Quota),
        ],
    };
    findings.push(unknown(Aspect::Clock));
    findings
}

const FIX_FOR_SIGN_IN: &str = "check the secrets and the client id of this connection, and that \
                               the app over there is still approved; after a change try again \
                               with `moodbridge doctor`";

const FIX_FOR_OLD_TLS: &str = "have the host brought up to date, or add it to `http.tls12_hosts` \
                               (`HTTP_TLS12_HOSTS` for a function) to allow TLS 1.2";

/// Names the fix for an answer that is not the platform's.
fn fix_for_answer(what: &str) -> &'static str {
    if what.contains("speaks no TLS 1.3") {
        FIX_FOR_OLD_TLS
    } else {
        "something answers, but not as this platform does: check the address, the API version and \
         the other settings of this connection"
    }
}

/// Names the fix for what keeps a platform from being reached.
fn fix_for_reach(what: &str) -> &'static str {
    let what = what.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| what.contains(part));
    if says(&["dns", "lookup address", "name or service not known", "resolve"]) {
        "the host's name is not known: check its spelling in this connection's address, and the \
         name servers of this machine"
    } else if says(&["speaks no tls 1.3", "protocolversion"]) {
        FIX_FOR_OLD_TLS
    } else if says(&["certificate", "tls", "handshake", "unknownissuer"]) {
        "the host's certificate was not taken: check the address, this machine's clock and its \
         root certificates; an authority of the firm's own, or of a proxy that opens TLS, goes into \
         the file `http.extra_roots_file` (`HTTP_EXTRA_ROOTS_FILE`)"
    } else if says(&["refused"]) {
        "nothing listens there: check host and port of this connection's address"
    } else if says(&["within", "timed out", "timeout"]) {
        "no answer came in time: check the address and that a firewall lets this machine out"
    } else {
        "the platform is unwell or out of reach: see its status page, then try again"
    }
}

/// Asks each mapped object for the changes of one second: what may not be read says so.
async fn permissions(opened: &OpenConnection, remote_now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut n_readable = 0_usize;
    for mapping in opened.mappings.objects() {
        let query = DeltaQuery {
            object: mapping.object.clone(),
            fields: mapping.remote_fields(),
            from: remote_now.minus(Duration::from_secs(1)),
            after_id: None,
            until: remote_now,
        };
        match opened.crm.changes(&query).await {
            Ok(_) => n_readable += 1,
            Err(error) => findings.push(refused(mapping.object.as_str(), &error)),
        }
    }
    if findings.is_empty() {
        let what = format!("all {n_readable} mapped objects can be read with their fields");
        findings.push(Finding::good(Aspect::Permitted, what));
    }
    findings
}

fn refused(object: &str, error: &PortError) -> Finding {
    let what = format!("object `{object}`: {}", chain(error));
    match error.kind() {
        PortErrorKind::Denied | PortErrorKind::NotFound => Finding::bad(
            Aspect::Permitted,
            what,
            format!("let the integration's user read `{object}` and its mapped fields"),
        ),
        PortErrorKind::Rejected => Finding::bad(
            Aspect::Permitted,
            what,
            format!(
                "add the field that is named to `{object}` over there, or take it out of the mapping"
            ),
        ),
        _ => Finding::warning(Aspect::Permitted, what, "try again: the platform did not answer"),
    }
}

fn quota(health: &Health) -> Finding {
    match health.calls_left {
        None => {
            Finding::unknown(Aspect::Quota, "the platform does not say how many calls are left")
        }
        Some(0) => Finding::bad(
            Aspect::Quota,
            "no calls are left in the platform's day",
            "wait until the day is over, or ask for a larger allowance",
        ),
        Some(left) if left < FEW_CALLS => Finding::warning(
            Aspect::Quota,
            format!("only {left} calls are left in the platform's day"),
            "poll less often (`poll.every`), or ask for a larger allowance",
        ),
        Some(left) => Finding::good(Aspect::Quota, format!("{left} calls are left")),
    }
}

fn clock(remote: Timestamp, now: Timestamp) -> Finding {
    let skew = remote.since(now).max(now.since(remote));
    if skew > MAX_SKEW {
        Finding::bad(
            Aspect::Clock,
            format!("this machine's clock and the platform's are {} s apart", skew.as_secs()),
            "set this machine's clock, such as by switching on time synchronisation",
        )
    } else {
        Finding::good(Aspect::Clock, "the clocks agree")
    }
}

fn last_success(at: Option<Timestamp>, now: Timestamp) -> Finding {
    match at {
        None => Finding::unknown(Aspect::LastSuccess, "it has not been read yet"),
        Some(at) if now.since(at) > MAX_SILENCE => Finding::warning(
            Aspect::LastSuccess,
            format!("it was last read at {at}"),
            "see that `moodbridge serve` or the poller's schedule runs",
        ),
        Some(at) => Finding::good(Aspect::LastSuccess, format!("it was last read at {at}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Verdict;

    #[test]
    fn every_kind_of_failure_is_one_bad_finding_with_a_fix() {
        for (kind, aspect) in [
            (PortErrorKind::Unavailable, Aspect::Reachable),
            (PortErrorKind::Denied, Aspect::Authenticated),
            (PortErrorKind::RateLimited, Aspect::Quota),
            (PortErrorKind::Rejected, Aspect::Reachable),
        ] {
            let findings = findings_of(&PortError::new(kind, "test", "health", "x"));
            let bad: Vec<_> = findings.iter().filter(|it| it.verdict == Verdict::Bad).collect();
            assert_eq!(bad.len(), 1, "{findings:?}");
            assert_eq!(bad[0].aspect, aspect);
            assert!(bad[0].fix.is_some());
        }
    }

    #[test]
    fn reason_of_a_broken_way_leads_to_its_fix() {
        for (what, fix) in [
            ("dns error: failed to lookup address information", "name servers"),
            ("invalid peer certificate: UnknownIssuer", "root certificates"),
            ("`old.example` speaks no TLS 1.3: have it upgraded", "tls12_hosts"),
            ("tcp connect error: Connection refused (os error 111)", "nothing listens"),
            ("no answer within 30s", "firewall"),
            ("HTTP 503", "status page"),
        ] {
            assert!(fix_for_reach(what).contains(fix), "{what}");
        }
    }

    #[test]
    fn clocks_a_minute_apart_are_a_fault_in_either_direction() {
        let now = Timestamp::from_millis(10_000_000);
        for remote in [now.plus(Duration::from_secs(61)), now.minus(Duration::from_secs(61))] {
            assert_eq!(clock(remote, now).verdict, Verdict::Bad);
        }
        assert_eq!(clock(now.plus(MAX_SKEW), now).verdict, Verdict::Good);
    }
}
