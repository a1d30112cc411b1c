//! Without a lie the fake is a memcached: both give the same answers to the same requests.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test helpers fail by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use fake_memcached::FakeMemcached;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use testkit::{Memcached, MemcachedOptions, scale};

/// A request. `compare` adds a `C` flag when it is sent: with the item's current number if true, else with a wrong one.
#[derive(Debug, Clone)]
struct Command {
    verb: &'static str,
    key: usize,
    flags: Vec<String>,
    compare: Option<bool>,
    value: Option<String>,
}

fn flags(choice: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    subsequence(choice, 0..=choice.len())
        .prop_shuffle()
        .prop_map(|flags| flags.into_iter().map(str::to_owned).collect())
}

fn number(letter: char) -> impl Strategy<Value = Option<String>> {
    let numbers = prop_oneof![0..30u64, Just(LARGE)];
    option::of(numbers.prop_map(move |number| format!("{letter}{number}")))
}

fn command() -> impl Strategy<Value = Command> {
    // Never only blanks: memcached then looks for the digits of a counter behind the end of the item.
    let values = prop_oneof![
        "([a-c][a-c \r\n]{0,7})?",
        "[0-9]{1,3}",
        " ?[0-9]{1,2} {0,2}",
        Just(LARGE.to_string()),
        Just(format!("{}0", u64::MAX)),
        "x{20000}",
    ];
    let get =
        flags(&["v", "k", "f", "c", "s", "t", "u", "q", "Ogo", "O12345"]).prop_map(|flags| ("mg", flags));
    let mode = select(vec![None, None, None, Some("ME"), Some("MR"), Some("MA"), Some("MP"), Some("MS")]);
    let set = (flags(&["k", "c", "q", "O1", "F77", "T0", "T-1"]), mode).prop_map(|(mut flags, mode)| {
        flags.extend(mode.map(str::to_owned));
        ("ms", flags)
    });
    // No `q` here: it hides a miss in some releases of memcached only.
    let delete = flags(&["k", "O7"]).prop_map(|flags| ("md", flags));
    let mode = select(vec![None, None, Some("MD"), Some("M-"), Some("MI"), Some("M+")]);
    let count = (flags(&["v", "k", "c", "t", "O3", "N0", "T0"]), number('J'), number('D'), mode);
    let count = count.prop_map(|(mut flags, first, delta, mode)| {
        flags.extend(first.into_iter().chain(delta).chain(mode.map(str::to_owned)));
        ("ma", flags)
    });
    let odd = vec![
        ("mg", vec!["v", "v"]),
        ("mg", vec!["v", "O1", "O2"]),
        ("ms", vec!["k", "k"]),
        ("nonsense", vec![]),
    ];
    let odd = select(odd).prop_map(|(verb, flags)| (verb, flags.into_iter().map(str::to_owned).collect()));
    let verbs = prop_oneof![6 => get, 6 => set, 1 => delete, 4 => count, 1 => odd];
    (verbs, 0..3_usize, option::weighted(0.2, any::<bool>()), values).prop_map(
        |((verb, mut flags), key, compare, value)| {
            // One opaque per request.
            let mut opaque = flags.iter().filter(|flag| flag.starts_with('O')).count();
            if verb != "mg" || !flags.ends_with(&["O1".to_owned(), "O2".to_owned()]) {
                flags.retain(|flag| !flag.starts_with('O') || std::mem::replace(&mut opaque, 0) > 0);
            }
            Command { verb, key, flags, compare, value: (verb == "ms").then_some(value) }
        },
    )
}

/// The sum over all commands of a case is below 2^63: above that, memcached looks for a minus sign in a counter, also
/// behind the end of the item.
const LARGE: u64 = 1 << 57;

struct Client {
    stream: TcpStream,
    /// The number of the last item before this case. Numbers of items are compared relative to it.
    base: i64,
}

impl Client {
    fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, base: 0 }
    }

    /// Everything up to the answer to a no-op.
    fn ask(&mut self, request: &str) -> String {
        self.stream.write_all(format!("{request}mn\r\n").as_bytes()).unwrap();
        let mut received = Vec::new();
        let mut part = [0; 4096];
        while !received.ends_with(b"MN\r\n") {
            let read = self.stream.read(&mut part).expect("an answer");
            assert_ne!(read, 0, "closed after {request:?}");
            received.extend_from_slice(&part[..read]);
        }
        String::from_utf8(received).unwrap()
    }

    /// The item's number, or one that no item has.
    fn cas(&mut self, key: &str) -> u64 {
        let received = self.ask(&format!("mg {key} c\r\n"));
        received.split_whitespace().find_map(|word| word.strip_prefix('c')?.parse().ok()).unwrap_or(u64::MAX)
    }

    fn begin_case(&mut self, case: usize) {
        let key = format!("case{case}");
        self.ask(&format!("ms {key} 0\r\n\r\n"));
        self.base = self.cas(&key).cast_signed();
    }

    fn answer(&mut self, command: &Command, key: &str) -> String {
        let cas = if command.compare.is_some() { self.cas(key) } else { 0 };
        let received = self.ask(&text(command, key, cas));
        let (line, rest) = received.split_once("\r\n").unwrap();
        let number = |word: &str| match word.strip_prefix('c').map(str::parse::<i64>) {
            Some(Ok(number @ 1..)) => format!("c+{}", number - self.base),
            _ => word.to_owned(),
        };
        format!("{}\r\n{rest}", line.split(' ').map(number).collect::<Vec<_>>().join(" "))
    }
}

fn text(command: &Command, key: &str, cas: u64) -> String {
    let Command { verb, flags, compare, value, .. } = command;
    let mut words = vec![(*verb).to_owned(), key.to_owned()];
    words.extend(value.as_ref().map(|value| value.len().to_string()));
    words.extend(flags.iter().cloned());
    if *verb != "mg" {
        words.extend(compare.map(|right| format!("C{}", if right { cas } else { cas / 2 })));
    }
    let data = value.as_ref().map(|value| format!("{value}\r\n")).unwrap_or_default();
    format!("{}\r\n{data}", words.join(" "))
}

/// Any sequence of requests for plain keys gets the same bytes from an honest fake as from memcached.
#[test]
fn an_honest_fake_answers_as_memcached_does() {
    // Its LRU thread may hold an item for a moment. Then memcached stores a shorter number anew, without the spaces at the end.
    let arguments = ["-o", "no_lru_maintainer,no_lru_crawler"].map(str::to_owned).to_vec();
    let memcached =
        Memcached::start_with(MemcachedOptions { arguments, ..MemcachedOptions::default() }).unwrap();
    let fake = FakeMemcached::start().unwrap();
    let mut runner =
        TestRunner::new(Config { cases: scale(100, 1_000), failure_persistence: None, ..Config::default() });
    let mut clients = [Client::connect(memcached.addr()), Client::connect(fake.addr())];
    let clients = std::cell::RefCell::new(&mut clients);
    let case = std::cell::Cell::new(0);
    let mut code_counts = std::collections::BTreeMap::<String, usize>::new();
    let counts = std::cell::RefCell::new(&mut code_counts);
    runner
        .run(&vec(command(), 1..40), |commands| {
            let mut clients = clients.borrow_mut();
            case.set(case.get() + 1); // keys of its own, because the servers keep their items
            clients.iter_mut().for_each(|client| client.begin_case(case.get()));
            for command in commands {
                let key = format!("case{}key{}", case.get(), command.key);
                let received = clients.each_mut().map(|client| client.answer(&command, &key));
                prop_assert_eq!(
                    &received[0],
                    &received[1],
                    "memcached left, fake right: {:?}",
                    text(&command, &key, 0)
                );
                let code = received[0].split_whitespace().next().unwrap_or_default();
                *counts.borrow_mut().entry(format!("{} {code}", command.verb)).or_default() += 1;
            }
            Ok(())
        })
        .unwrap();
    for answer in
        "mg VA,mg HD,mg EN,mg CLIENT_ERROR,ms HD,ms NS,ms EX,ms NF,md HD,md NF,md EX,ma VA,ma HD,ma NF,ma EX,\
                   ma CLIENT_ERROR"
            .split(',')
    {
        assert!(code_counts.contains_key(answer), "{answer} was never compared: {code_counts:?}");
    }
}

/// Requests at the limits. Their answers do not depend on other items.
#[test]
fn an_honest_fake_has_the_limits_of_memcached() {
    let (memcached, fake) = (Memcached::start(), FakeMemcached::start().unwrap());
    let mut clients = [Client::connect(memcached.addr()), Client::connect(fake.addr())];
    let (longest, too_long) = ("k".repeat(250), "k".repeat(251));
    for request in [
        "ms a 1\r\n7\r\n",
        "ma a v D18446744073709551615\r\n",
        "ma a v MD D18446744073709551615\r\n",
        &format!("ms {longest} 1 k\r\n7\r\n"),
        &format!("mg {longest} v k\r\n"),
        &format!("mg {too_long} v\r\n"),
        &format!("md {too_long}\r\n"),
        &format!("mg a v O{}\r\n", "1".repeat(31)),
        &format!("ms a {}\r\n{}\r\n", 2 << 20, "x".repeat(2 << 20)),
        "mg a v\r\n",
        "ms a 1\r\n7\r\n",
        "ms a 3\r\nabcde\r\n",
        "mg a v\r\n",
        "ms a\r\n",
        "ms a -1\r\n",
        "mg\r\n",
        "\r\n",
        "mg a v\n",
    ] {
        let received = clients.each_mut().map(|client| client.ask(request));
        assert_eq!(received[0], received[1], "memcached left, fake right: {:.60}", request);
    }
}
