//! The size of a scrape. A scrape per second must not disturb the measurement.

/// The largest size of the families that describe the daemon and its operations, in bytes.
const OWN: usize = 64 * 1024;
/// The largest size of the families that describe the nodes and the machine, in bytes.
const SURROUNDINGS: usize = 16 * 1024;
/// How the names of the families of the nodes and the machine begin.
const PREFIXES: [&str; 6] =
    ["memcached_", "memcache_probe_", "host_", "process_schedstat_", "loadgen_stalled_", "loadgen_timer_"];

/// What is too large in a page. `None` if nothing is.
pub(crate) fn excess(page: &str) -> Option<String> {
    let (mut own, mut surroundings) = (0, 0);
    for line in page.split_inclusive('\n') {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        let size =
            if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) { &mut surroundings } else { &mut own };
        *size += line.len();
    }
    let fits = own < OWN && surroundings < SURROUNDINGS;
    (!fits).then(|| format!("{own} bytes of the daemon, {surroundings} of the nodes and the machine"))
}

#[test]
fn each_group_of_families_has_its_own_limit() {
    let page = |name: &str, bytes: usize| {
        let line = format!("# TYPE {name} counter\n");
        line.repeat(bytes / line.len())
    };
    assert_eq!(excess(&page("memcache_operations_total", 40_000)), None);
    assert!(excess(&page("memcache_operations_total", 66_000)).is_some());
    assert!(excess(&page("memcached_up", 20_000)).is_some());
}
