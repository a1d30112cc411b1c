//! Wrong values that another client stores in a real memcached: loadgen notices each one and reports its kind.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use testkit::{Lab, Memcached, Signal, secs};

use crate::LOADGEN;
use crate::figures::corrupt;
use crate::setup::disable_breakers;

/// A client with one connection and the classic text protocol.
struct ClassicClient(BufReader<TcpStream>);

impl ClassicClient {
    fn connect(node: &Memcached) -> Self {
        Self(BufReader::new(TcpStream::connect(node.addr()).unwrap()))
    }

    fn request(&mut self, request: &[u8]) -> String {
        self.0.get_mut().write_all(request).unwrap();
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The value of a key that exists.
    fn get(&mut self, key: &str) -> Vec<u8> {
        let header = self.request(format!("get {key}\r\n").as_bytes());
        let size: usize = header.rsplit(' ').next().unwrap().parse().unwrap();
        let mut value = vec![0; size + "\r\nEND\r\n".len()];
        self.0.read_exact(&mut value).unwrap();
        value.truncate(size);
        value
    }

    fn set(&mut self, key: &str, value: &[u8]) {
        let mut request = format!("set {key} 0 0 {}\r\n", value.len()).into_bytes();
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n");
        assert_eq!(self.request(&request), "STORED");
    }
}

/// Another program counts visits under a key of the lab, and one key holds its JSON.
#[test]
fn a_value_of_another_program_counts_as_right_and_is_shown() {
    let lab = Lab::start(1);
    lab.set("loadgen.keys", 20);
    let loadgen = lab.loadgen(LOADGEN, ["--workload", "get", "--concurrency", "5", "--fail-on-corrupt"]);
    loadgen.scrape_until("load runs", secs(10), |scrape| scrape.sum("memcache_hits_total", []) > 100.0);
    let mut classic = ClassicClient::connect(&lab.nodes[0]);
    classic.set("key:0000000003", b"1234567");
    classic.set(
        "key:0000000004",
        br#"{"user": {"id": 7, "name": "somebody with a long name", "tags": ["a", "b"]}}"#,
    );
    let scrape = loadgen.scrape_until("both are read", secs(10), |scrape| {
        scrape.sum("memcache_foreign_values_total", [("server", "memcached1")]) > 20.0
    });
    assert_eq!(scrape.sum("memcache_corrupt_reads_total", []), 0.0);
    loadgen.signal(Signal::TERM);
    assert_eq!(loadgen.wait_exit(secs(5)), 0);
    assert!(loadgen.stdout().contains("\nfailed: 0 (0.00%)\n"), "{}", loadgen.stdout());
    assert!(loadgen.stdout().contains("\nvalues of other programs: "), "{}", loadgen.stdout());
    assert_eq!(loadgen.stderr().matches("read a value that the lab did not write").count(), 1);
}

#[test]
fn a_changed_value_is_torn_and_another_keys_value_is_a_wrong_key() {
    let lab = Lab::start(1);
    disable_breakers(&lab);
    // Only reads, so that the stored values stay, and few keys, so that they are read soon.
    lab.set("loadgen.keys", 20);
    let loadgen = lab.loadgen(LOADGEN, ["--workload", "get", "--concurrency", "5"]);
    let clean = loadgen.scrape_until("the warm cache is read", secs(10), |scrape| {
        scrape.sum("memcache_hits_total", []) > 200.0
    });
    assert_eq!(clean.sum("memcache_misses_total", []), 0.0, "every key was stored before");
    assert_eq!(clean.sum("memcache_corrupt_reads_total", []), 0.0);

    let mut classic = ClassicClient::connect(&lab.nodes[0]);
    let mut value = classic.get("key:0000000003");
    assert_eq!(value.len(), 100);
    classic.set("key:0000000004", &value);
    let swapped =
        loadgen.scrape_until("the swap is noticed", secs(10), |scrape| corrupt(scrape, "wrong_key") > 2.0);
    assert_eq!((corrupt(&swapped, "torn"), corrupt(&swapped, "stale")), (0.0, 0.0));

    value[70] ^= 1;
    classic.set("key:0000000003", &value);
    loadgen.scrape_until("the changed byte is noticed", secs(10), |scrape| corrupt(scrape, "torn") > 2.0);
    loadgen.signal(Signal::TERM);
    assert_eq!(loadgen.wait_exit(secs(5)), 0);
    // Each wrong value is a failed operation, and no other operation failed.
    let summary = loadgen.stdout();
    let number_after =
        |text: &str| summary.split(text).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert_eq!(number_after("failed: "), number_after("wrong values: "), "{summary}");
    assert_eq!(number_after(": corrupt "), number_after("wrong values: "), "{summary}");
    assert!(loadgen.stderr().contains("wrong value read"), "{}", loadgen.stderr());
}
