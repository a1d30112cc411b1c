//! Each lie has the documented form on the wire, is given when it is due, and is counted as often as it is given.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test helpers fail by panicking")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use fake_memcached::{FakeMemcached, Lie, ReleaseCounts, When};
use testkit::{eventually, secs};

const LONG: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_millis(100);

struct Client(TcpStream);

impl Client {
    fn connect(server: &FakeMemcached) -> Self {
        let stream = TcpStream::connect(server.addr()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        Self(stream)
    }

    fn send(&mut self, request: &str) {
        self.0.write_all(request.as_bytes()).unwrap();
    }

    #[track_caller]
    fn receives(&mut self, reply: impl AsRef<[u8]>) {
        let reply = reply.as_ref();
        let mut received = vec![0; reply.len()];
        self.0.read_exact(&mut received).expect("a reply");
        let [received, reply] = [&received, reply].map(String::from_utf8_lossy);
        assert_eq!(received, reply);
    }

    #[track_caller]
    fn ask(&mut self, request: &str, reply: impl AsRef<[u8]>) {
        self.send(request);
        self.receives(reply);
    }

    #[track_caller]
    fn set(&mut self, key: &str, value: &str) {
        self.ask(&format!("ms {key} {}\r\n{value}\r\n", value.len()), "HD\r\n");
    }

    #[track_caller]
    fn reads(&mut self, key: &str, value: &str) {
        self.ask(&format!("mg {key} v\r\n"), format!("VA {}\r\n{value}\r\n", value.len()));
    }

    /// There is no further byte before the answer to a no-op.
    #[track_caller]
    fn is_in_sync(&mut self) {
        self.ask("mn\r\n", "MN\r\n");
    }

    #[track_caller]
    fn receives_nothing(&mut self) {
        self.0.set_read_timeout(Some(SILENCE)).unwrap();
        let received = self.0.read(&mut [0; 64]).map_err(|error| error.kind());
        assert_eq!(received, Err(ErrorKind::WouldBlock));
        self.0.set_read_timeout(Some(LONG)).unwrap();
    }

    fn receives_until_the_end(&mut self) -> Vec<u8> {
        let mut received = Vec::new();
        self.0.read_to_end(&mut received).unwrap();
        received
    }
}

fn server_with(values: &[(&str, &str)]) -> (FakeMemcached, Client) {
    let server = FakeMemcached::start().unwrap();
    let mut client = Client::connect(&server);
    for (key, value) in values {
        client.set(key, value);
    }
    (server, client)
}

#[test]
fn swap_gives_the_whole_value_of_another_key() {
    let (server, mut client) = server_with(&[("a", "of a"), ("b", "from b")]);
    client.ask("ma c N0 J7\r\n", "HD\r\n"); // `swap` never uses a counter
    server.add_lie(Lie::Swap, When::Every(2));
    for _ in 0..3 {
        client.reads("b", "from b");
        client.reads("b", "of a");
    }
    client.ask("mg a O9 k v s\r\n", "VA 4 O9 ka s4\r\nof a\r\n");
    client.ask("mg a O9 k v s\r\n", "VA 6 O9 ka s6\r\nfrom b\r\n");
    client.is_in_sync();
    assert_eq!(server.lie_count(Lie::Swap), 4);
}

#[test]
fn swap_needs_another_value() {
    let (server, mut client) = server_with(&[("a", "equal"), ("b", "equal")]);
    server.add_lie(Lie::Swap, When::Every(1));
    client.reads("a", "equal");
    client.ask("mg a\r\n", "HD\r\n");
    client.ask("mg nothing v\r\n", "EN\r\n");
    assert_eq!(server.lie_count(Lie::Swap), 0);
}

#[test]
fn torn_values_keep_the_framing() {
    let (server, mut client) = server_with(&[("a", "1 old 1"), ("a", "2 new 2 and more")]);
    server.add_lie(Lie::Cut, When::Times(1));
    client.reads("a", "2 new 2 ");
    server.add_lie(Lie::Flip, When::Times(1));
    client.reads("a", "2 new 2 `nd more");
    server.add_lie(Lie::Splice, When::Times(1));
    client.reads("a", "2 ned 1");
    client.set("a", "3 rew 3 or less!");
    server.add_lie(Lie::Splice, When::Times(1));
    client.reads("a", "3 rew 3 and more");
    client.reads("a", "3 rew 3 or less!");
    client.is_in_sync();
    assert_eq!([Lie::Cut, Lie::Flip, Lie::Splice].map(|lie| server.lie_count(lie)), [1, 1, 2]);
}

#[test]
fn splice_needs_an_earlier_value_that_differs_twice() {
    let (server, mut client) = server_with(&[("a", "v1"), ("a", "v2"), ("b", "only")]);
    server.add_lie(Lie::Splice, When::Every(1));
    client.reads("a", "v2");
    client.reads("b", "only");
    assert_eq!(server.lie_count(Lie::Splice), 0);
}

#[test]
fn stale_gives_the_value_before() {
    let (server, mut client) = server_with(&[("a", "1"), ("b", "1")]);
    server.add_lie(Lie::Stale, When::Every(1));
    client.reads("a", "1"); // it has no earlier value
    client.set("a", "2");
    client.reads("a", "1");
    client.set("a", "3");
    client.reads("a", "2");
    client.set("a", "2");
    client.reads("a", "3");
    client.set("b", "1");
    client.reads("b", "1"); // it equals the value before it
    assert_eq!(server.lie_count(Lie::Stale), 3);
    assert_eq!(server.history("a"), [b"1", b"2", b"3", b"2"]);
}

#[test]
fn stale_waits_until_the_client_must_detect_it() {
    let (server, mut writer) = server_with(&[("a", "1"), ("a", "2")]);
    let mut reader = Client::connect(&server);
    server.add_lie(Lie::Stale, When::Every(1));
    reader.reads("a", "2"); // it may have begun before the writer read the answer to its second set
    writer.is_in_sync(); // now the writer has read it
    reader.reads("a", "2"); // it may have begun before that
    reader.reads("a", "1");
    assert_eq!(server.lie_count(Lie::Stale), 1);
}

#[test]
fn a_held_set_lands_late_and_is_never_stale() {
    let (server, mut client) = server_with(&[("a", "1"), ("a", "2")]);
    server.add_lie(Lie::HoldSet, When::once_for("a"));
    let mut other = Client::connect(&server);
    other.send("ms a 4\r\nlate\r\n");
    other.receives_nothing();
    assert_eq!(
        (
            server.lie_count(Lie::HoldSet),
            server.held_count(),
            server.held_set_count(),
            server.abandoned_count()
        ),
        (1, 1, 1, 0)
    );
    client.reads("a", "2");
    drop(other);
    eventually("the end of the client", secs(10), || server.abandoned_count() == 1);
    assert_eq!(server.late_read_count(), 0);
    assert_eq!(server.release(), ReleaseCounts { late_writes: 1, ..ReleaseCounts::default() });
    client.reads("a", "late");
    client.reads("a", "late");
    assert_eq!(server.late_read_count(), 2);
    server.add_lie(Lie::Stale, When::Times(1));
    client.reads("a", "1"); // the two acknowledged sets are in order
    client.set("a", "3");
    client.reads("a", "3");
    assert_eq!((server.late_read_count(), server.held_count()), (2, 0));
}

#[test]
fn a_delayed_reply_reaches_a_client_that_keeps_its_connection() {
    let (server, mut client) = server_with(&[("a", "of a"), ("b", "of b")]);
    server.add_lie(Lie::Delay, When::Times(2));
    client.send("mg a v\r\n");
    client.receives_nothing();
    let mut closing = Client::connect(&server);
    closing.send("ms a 3\r\nnew\r\n");
    eventually("two held replies", secs(10), || server.held_count() == 2);
    drop(closing);
    eventually("one closed connection", secs(10), || server.abandoned_count() == 1);
    client.send("mg b v\r\n");
    assert_eq!(server.release(), ReleaseCounts { ghost_replies: 1, undelivered: 1, late_writes: 0 });
    client.receives("VA 4\r\nof a\r\n"); // the client expects the answer for b
    client.receives("VA 4\r\nof b\r\n");
    client.reads("a", "new");
    assert_eq!((server.lie_count(Lie::Delay), server.late_read_count()), (2, 1));
}

#[test]
fn truncate_closes_in_the_middle_of_the_value() {
    let (server, mut client) = server_with(&[("a", "12345"), ("empty", "")]);
    server.add_lie(Lie::Truncate, When::Times(1));
    client.ask("mg empty v\r\n", "VA 0\r\n\r\n");
    client.send("mg a v\r\nmn\r\n");
    assert_eq!(client.receives_until_the_end(), b"VA 5\r\n12");
    assert_eq!(server.lie_count(Lie::Truncate), 1);
    Client::connect(&server).reads("a", "12345");
}

#[test]
fn garbage_and_server_error_replace_the_answer() {
    let (server, mut client) = server_with(&[("a", "1")]);
    server.add_lie(Lie::Garbage, When::once_for("a"));
    client.is_in_sync(); // it has no key
    client.ask("ms a 1\r\n2\r\n", b"\xff\xfe\x00 this is not memcached \x80\r\n");
    client.reads("a", "2"); // executed, but not acknowledged
    assert_eq!((server.lie_count(Lie::Garbage), server.late_read_count()), (1, 1));
    server.add_lie(Lie::ServerError, When::Times(2));
    client.ask("mg a v\r\n", "SERVER_ERROR out of memory storing object\r\n");
    client.ask("ms a 1\r\n3\r\n", "SERVER_ERROR out of memory storing object\r\n");
    client.ask("mg a v\r\n", "EN\r\n");
    client.is_in_sync();
    assert_eq!(server.lie_count(Lie::ServerError), 2);
}

#[test]
fn huge_announces_more_than_any_memory() {
    let (server, mut client) = server_with(&[("a", "small")]);
    server.add_lie(Lie::Huge, When::Times(1));
    client.ask("mg a v k\r\n", "VA 1152921504606846976 ka\r\nsmall\r\n");
    client.reads("a", "small");
    assert_eq!(server.lie_count(Lie::Huge), 1);
}

#[test]
fn out_of_order_needs_two_gets_that_differ() {
    let (server, mut client) = server_with(&[("a", "of a"), ("b", "of b")]);
    server.add_lie(Lie::OutOfOrder, When::Every(1));
    client.ask("mg a v\r\nmg a v\r\n", "VA 4\r\nof a\r\n".repeat(2));
    client.reads("a", "of a");
    assert_eq!(server.lie_count(Lie::OutOfOrder), 0);
    client.ask("mg a v O1\r\nmg b v O2\r\n", "VA 4 O2\r\nof b\r\nVA 4 O1\r\nof a\r\n");
    client.is_in_sync();
    assert_eq!(server.lie_count(Lie::OutOfOrder), 1);
}

#[test]
fn half_open_accepts_and_never_answers() {
    let (server, mut client) = server_with(&[("a", "1")]);
    server.add_lie(Lie::HalfOpen, When::Times(1));
    client.reads("a", "1"); // not the first request of its connection
    let mut other = Client::connect(&server);
    other.send("mn\r\n");
    other.receives_nothing();
    other.send("mg a v\r\n");
    other.receives_nothing();
    Client::connect(&server).reads("a", "1");
    assert_eq!(server.lie_count(Lie::HalfOpen), 1);
}

#[test]
fn reset_answers_with_a_reset() {
    let (server, mut client) = server_with(&[("a", "1")]);
    server.add_lie(Lie::Reset, When::Times(1));
    client.send("ms a 1\r\n2\r\n");
    let received = client.0.read(&mut [0; 64]).map_err(|error| error.kind());
    assert_eq!(received, Err(ErrorKind::ConnectionReset));
    assert_eq!((server.lie_count(Lie::Reset), server.value("a")), (1, Some(b"1".to_vec())));
}

#[test]
fn a_quiet_request_gets_no_lie() {
    let (server, mut client) = server_with(&[("a", "1"), ("b", "2"), ("b", "3")]);
    for lie in Lie::ALL {
        server.add_lie(lie, When::Every(1));
    }
    client.ask("ms a 1 q\r\n4\r\nmg b v q\r\nmg none v q\r\nmn\r\n", "VA 1\r\n3\r\nMN\r\n");
    assert_eq!(Lie::ALL.map(|lie| server.lie_count(lie)), [0; 14]);
}

#[test]
fn no_lie_is_given_after_clear_lies() {
    let (server, mut client) = server_with(&[("a", "12")]);
    server.add_lie(Lie::Cut, When::Every(1));
    client.reads("a", "1");
    server.clear_lies();
    client.reads("a", "12");
    assert_eq!((server.lie_count(Lie::Cut), server.connection_count()), (1, 1));
}

#[test]
fn a_drop_ends_held_connections_too() {
    let (server, mut client) = server_with(&[("a", "1")]);
    let addr = server.addr();
    server.add_lie(Lie::Delay, When::Times(1));
    client.send("mg a v\r\n");
    eventually("a held reply", secs(10), || server.held_count() == 1);
    drop(server);
    assert_eq!(client.receives_until_the_end(), b"");
    assert!(TcpStream::connect(addr).is_err());
}
