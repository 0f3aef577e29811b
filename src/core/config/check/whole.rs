//! Checks of the cluster as a whole: tolerance, brakes, timings.

use super::{Found, Rule};
use crate::{Level, Span, config::Cluster};

pub(super) fn check(cluster: &Cluster, level: Level, found: &mut Found) {
    tolerance(cluster, found);
    brakes(cluster, found);
    timings(cluster, level, found);
}

fn tolerance(cluster: &Cluster, found: &mut Found) {
    let tolerance = &cluster.tolerance;
    let all = cluster.servers.len();
    if tolerance.servers > 0 && usize::try_from(tolerance.servers).is_ok_and(|servers| servers >= all) {
        let rule = Rule::ToleranceTooLarge { servers: tolerance.servers, all };
        found.add(&["tolerance", "servers"], rule);
    }
    for (what, set) in [("within_zone", tolerance.within_zone), ("warn", tolerance.warn)] {
        if set && tolerance.servers == 0 {
            found.add(&["tolerance", what], Rule::Meaningless { what, without: "servers" });
        }
    }
}

fn brakes(cluster: &Cluster, found: &mut Found) {
    let brakes = &cluster.brakes;
    let counts = [
        ("starts", brakes.starts),
        ("stops", brakes.stops),
        ("migrations", brakes.migrations),
        ("per_manager", brakes.per_manager),
    ];
    for (what, count) in counts {
        if count == 0 {
            found.add(&["brakes", what], Rule::ZeroBrake { what });
        }
    }
    let all = cluster.servers.len();
    if usize::try_from(brakes.storm).is_ok_and(|storm| storm > all) {
        found.add(&["brakes", "storm"], Rule::StormTooLarge { servers: brakes.storm, all });
    }
    let windows = [
        ("storm_window", brakes.storm, brakes.storm_window),
        ("flap_window", brakes.flaps, brakes.flap_window),
        ("quarantine", brakes.flaps, brakes.quarantine),
    ];
    for (what, count, window) in windows {
        if count > 0 && window == Span(0) {
            found.add(&["brakes", what], Rule::Zero { what });
        }
    }
}

fn timings(cluster: &Cluster, level: Level, found: &mut Found) {
    let timings = &cluster.timings;
    let mut at_least = |what: &'static str, value: Span, than: &'static str, least: Span| {
        if value < least {
            found.add(&["timings", what], Rule::TooShort { what, value, than, least });
        }
    };
    at_least("heartbeat", timings.heartbeat, "10ms", Span(10));
    at_least("suspect", timings.suspect, "three heartbeats", timings.heartbeat.times(3));
    at_least("lease", timings.lease, "suspect and one heartbeat", timings.suspect.plus(timings.heartbeat));
    at_least("monitor", timings.monitor, "50ms", Span(50));
    // A start that was sent in the last moment of a lease must have taken effect when it counts as settled.
    at_least("settle", timings.settle, "the lease", timings.lease);
    if level.settles_twice_the_lease() {
        at_least("settle", timings.settle, "twice the lease", timings.lease.times(2));
    }
    at_least("fence", timings.fence, "one second", Span(1000));
}
