//! A run that cannot remove leftovers of a dead run ends with exit code 5 and injects nothing.

use testkit::{FakeToxiproxy, Lab, Misbehaviour, Rule};

use crate::harness::{DEADLINE, ours, start};

#[test]
fn a_run_that_cannot_remove_leftovers_ends_with_5_and_injects_nothing() {
    let lab = Lab::start(2);
    let left = "rl.dead.0.1000";
    lab.toxiproxy.add_toxic(
        "memcached2",
        &format!(r#"{{"name":"{left}","type":"latency","attributes":{{"latency":1}}}}"#),
    );
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    fake.misbehave(Rule::on("DELETE", "/toxics/"), Misbehaviour::Refuse(500));
    let url = fake.url();
    let daemon = start(&lab, "slow", &["--toxiproxy", &url, "--linger", "20s"]);
    assert_eq!(daemon.wait_exit(DEADLINE), 5, "{}", daemon.stderr());
    let end = format!(
        "hint: remove it by hand, then check:\n  \
         curl -X DELETE {url}/proxies/memcached2/toxics/{left}\n  curl {url}/proxies\n"
    );
    let said = format!(
        "error: slow was not started: a fault may still be active: {left} on memcached2 could not be confirmed as removed"
    );
    assert!(daemon.stderr().contains(&said) && daemon.stderr().ends_with(&end), "{}", daemon.stderr());
    assert_eq!(ours(&lab.toxiproxy), [format!("memcached2/{left}")]);
    let requests = fake.requests();
    assert!(requests.iter().any(|request| request.starts_with("DELETE ")), "{requests:?}");
    assert!(!requests.iter().any(|request| request.starts_with("POST ")), "{requests:?}");
}
