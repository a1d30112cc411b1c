//! Failover as a caller sees it, with one of three nodes down.

use testkit::{Lab, secs};

use crate::LOADGEN;
use crate::figures::{breaker, ended, errors, rejected};

#[test]
fn failover_serves_the_keys_of_a_node_that_is_down() {
    let lab = Lab::start(3);
    lab.set("client.failover", "next");
    lab.set("client.breaker.open_timeout", "60s");
    let loadgen = lab.loadgen(LOADGEN, ["--concurrency", "20", "--think-time", "2ms"]);
    loadgen.scrape_until("load runs", secs(10), |scrape| ended(scrape, "memcached1", "success") > 50.0);
    lab.toxiproxy.enable("memcached1", false);
    let open =
        loadgen.scrape_until("the breaker opens", secs(10), |scrape| breaker(scrape, "memcached1") == 2.0);
    let after = loadgen.scrape_until("its keys are requested", secs(10), |scrape| {
        rejected(scrape, "memcached1") > rejected(&open, "memcached1") + 100.0
    });
    assert_eq!(errors(&after, "memcached1", "breaker_open"), 0.0, "no operation was refused");
    for other in ["memcached2", "memcached3"] {
        assert!(ended(&after, other, "success") > ended(&open, other, "success"));
        assert_eq!(ended(&after, other, "failed"), 0.0);
    }
}
