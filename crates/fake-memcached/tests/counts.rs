//! The counts are exact: clients that check what they read find as many wrong values, also on many connections at once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test helpers fail by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use fake_memcached::{FakeMemcached, Lie, When};
use testkit::{scale, secs};

const KEYS: usize = 3;
const CLIENTS: usize = 8;

struct KnownWrite {
    value: String,
    start: u64,
    acknowledged: u64,
}

/// What all clients together know, in the order of the events.
#[derive(Default)]
struct Known {
    moment: AtomicU64,
    writes: [Mutex<Vec<KnownWrite>>; KEYS],
    wrong_key: AtomicU64,
    torn: AtomicU64,
    stale: AtomicU64,
}

impl Known {
    fn tick(&self) -> u64 {
        self.moment.fetch_add(1, Ordering::SeqCst)
    }

    /// A value is `key:writer:number:key`: whole if both ends are one key's.
    fn judge(&self, key: usize, value: &str, start: u64) {
        let wrong = |count: &AtomicU64| count.fetch_add(1, Ordering::SeqCst);
        let parts: Vec<_> = value.split(':').collect();
        let whole =
            parts.len() == 4 && parts[0] == parts[3] && parts[1..3].iter().all(|n| n.parse::<u32>().is_ok());
        if !whole {
            wrong(&self.torn);
        } else if parts[0] != format!("key{key}") {
            wrong(&self.wrong_key);
        } else {
            let writes = self.writes[key].lock().unwrap();
            // Not found: its writer has not read the answer yet.
            let old =
                writes.iter().find(|write| write.value == value).map_or(u64::MAX, |old| old.acknowledged);
            if writes.iter().any(|newer| old < newer.start && newer.acknowledged < start) {
                wrong(&self.stale);
            }
        }
    }
}

fn work(server: &FakeMemcached, known: &Known, writer: usize, operations: usize) {
    let stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(secs(10))).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut replies = BufReader::new(&stream);
    for number in 0..operations {
        let key = (number * 7 + writer) % KEYS;
        let mut line = String::new();
        let start = known.tick();
        if number % 3 == 0 {
            let value = format!("key{key}:{writer}:{number:06}:key{key}");
            (&stream).write_all(format!("ms key{key} {}\r\n{value}\r\n", value.len()).as_bytes()).unwrap();
            replies.read_line(&mut line).unwrap();
            assert_eq!(line, "HD\r\n");
            let acknowledged = known.tick();
            known.writes[key].lock().unwrap().push(KnownWrite { value, start, acknowledged });
        } else {
            (&stream).write_all(format!("mg key{key} v\r\n").as_bytes()).unwrap();
            replies.read_line(&mut line).unwrap();
            let Some(length) = line.trim_end().strip_prefix("VA ") else { continue };
            let mut value = vec![0; length.parse::<usize>().unwrap() + 2];
            replies.read_exact(&mut value).unwrap();
            known.judge(key, &String::from_utf8_lossy(&value[..value.len() - 2]), start);
        }
    }
}

/// Under any concurrency, the number of wrong reads of each kind is the number of lies of that kind.
#[test]
fn every_lie_is_detected_and_every_wrong_read_is_a_lie() {
    let (server, known) = (FakeMemcached::start().unwrap(), Known::default());
    server.add_lie(Lie::Stale, When::Every(5));
    server.add_lie(Lie::Swap, When::Every(11));
    server.add_lie(Lie::Cut, When::Every(13));
    thread::scope(|scope| {
        for writer in 0..CLIENTS {
            scope.spawn({
                let (server, known) = (&server, &known);
                move || work(server, known, writer, scale(500, 5_000))
            });
        }
    });
    let detected = [&known.stale, &known.wrong_key, &known.torn].map(|count| count.load(Ordering::SeqCst));
    let given = [Lie::Stale, Lie::Swap, Lie::Cut].map(|lie| server.lie_count(lie));
    assert_eq!(detected, given, "detected left, given right: stale, wrong key, torn");
    assert!(given.iter().all(|count| *count >= 20), "{given:?}");
    assert_eq!(server.late_read_count(), 0);
}
