//! Each lie has the form on the wire that it claims, is told when it is due, and is counted as often as it was told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test helpers fail by panicking")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use fake_memcached::{Liar, Lie, Released, When};
use testkit::{eventually, secs};

const LONG: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_millis(100);

struct Client(TcpStream);

impl Client {
    fn of(liar: &Liar) -> Self {
        let stream = TcpStream::connect(liar.addr()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        Self(stream)
    }

    fn send(&mut self, request: &str) {
        self.0.write_all(request.as_bytes()).unwrap();
    }

    #[track_caller]
    fn hears(&mut self, reply: impl AsRef<[u8]>) {
        let reply = reply.as_ref();
        let mut heard = vec![0; reply.len()];
        self.0.read_exact(&mut heard).expect("a reply");
        let [heard, reply] = [&heard, reply].map(String::from_utf8_lossy);
        assert_eq!(heard, reply);
    }

    #[track_caller]
    fn ask(&mut self, request: &str, reply: impl AsRef<[u8]>) {
        self.send(request);
        self.hears(reply);
    }

    #[track_caller]
    fn set(&mut self, key: &str, value: &str) {
        self.ask(&format!("ms {key} {}\r\n{value}\r\n", value.len()), "HD\r\n");
    }

    #[track_caller]
    fn reads(&mut self, key: &str, value: &str) {
        self.ask(&format!("mg {key} v\r\n"), format!("VA {}\r\n{value}\r\n", value.len()));
    }

    /// No byte too many was sent.
    #[track_caller]
    fn is_in_step(&mut self) {
        self.ask("mn\r\n", "MN\r\n");
    }

    #[track_caller]
    fn hears_nothing(&mut self) {
        self.0.set_read_timeout(Some(SILENCE)).unwrap();
        let heard = self.0.read(&mut [0; 64]).map_err(|error| error.kind());
        assert_eq!(heard, Err(ErrorKind::WouldBlock));
        self.0.set_read_timeout(Some(LONG)).unwrap();
    }

    fn hears_until_the_end(&mut self) -> Vec<u8> {
        let mut heard = Vec::new();
        self.0.read_to_end(&mut heard).unwrap();
        heard
    }
}

fn liar_with(values: &[(&str, &str)]) -> (Liar, Client) {
    let liar = Liar::start();
    let mut client = Client::of(&liar);
    for (key, value) in values {
        client.set(key, value);
    }
    (liar, client)
}

#[test]
fn swap_answers_with_another_keys_whole_value() {
    let (liar, mut client) = liar_with(&[("a", "of a"), ("b", "from b")]);
    client.ask("ma c N0 J7\r\n", "HD\r\n"); // a counter is never swapped in
    liar.tell(Lie::Swap, When::Every(2));
    for _ in 0..3 {
        client.reads("b", "from b");
        client.reads("b", "of a");
    }
    client.ask("mg a O9 k v s\r\n", "VA 4 O9 ka s4\r\nof a\r\n");
    client.ask("mg a O9 k v s\r\n", "VA 6 O9 ka s6\r\nfrom b\r\n");
    client.is_in_step();
    assert_eq!(liar.told(Lie::Swap), 4);
}

#[test]
fn swap_needs_another_value() {
    let (liar, mut client) = liar_with(&[("a", "equal"), ("b", "equal")]);
    liar.tell(Lie::Swap, When::Every(1));
    client.reads("a", "equal");
    client.ask("mg a\r\n", "HD\r\n");
    client.ask("mg nothing v\r\n", "EN\r\n");
    assert_eq!(liar.told(Lie::Swap), 0);
}

#[test]
fn torn_values_keep_the_framing() {
    let (liar, mut client) = liar_with(&[("a", "1 old 1"), ("a", "2 new 2 and more")]);
    liar.tell(Lie::Cut, When::Times(1));
    client.reads("a", "2 new 2 ");
    liar.tell(Lie::Flip, When::Times(1));
    client.reads("a", "2 new 2 `nd more");
    liar.tell(Lie::Splice, When::Times(1));
    client.reads("a", "2 ned 1");
    client.set("a", "3 rew 3 or less!");
    liar.tell(Lie::Splice, When::Times(1));
    client.reads("a", "3 rew 3 and more");
    client.reads("a", "3 rew 3 or less!");
    client.is_in_step();
    assert_eq!([Lie::Cut, Lie::Flip, Lie::Splice].map(|lie| liar.told(lie)), [1, 1, 2]);
}

#[test]
fn splice_needs_an_earlier_value_that_differs_twice() {
    let (liar, mut client) = liar_with(&[("a", "v1"), ("a", "v2"), ("b", "only")]);
    liar.tell(Lie::Splice, When::Every(1));
    client.reads("a", "v2");
    client.reads("b", "only");
    assert_eq!(liar.told(Lie::Splice), 0);
}

#[test]
fn stale_answers_with_the_value_before() {
    let (liar, mut client) = liar_with(&[("a", "1"), ("b", "1")]);
    liar.tell(Lie::Stale, When::Every(1));
    client.reads("a", "1"); // there is nothing before it
    client.set("a", "2");
    client.reads("a", "1");
    client.set("a", "3");
    client.reads("a", "2");
    client.set("a", "2");
    client.reads("a", "3");
    client.set("b", "1");
    client.reads("b", "1"); // nobody can tell it from the value before
    assert_eq!(liar.told(Lie::Stale), 3);
    assert_eq!(liar.history("a"), [b"1", b"2", b"3", b"2"]);
}

#[test]
fn stale_waits_until_the_client_must_know_better() {
    let (liar, mut writer) = liar_with(&[("a", "1"), ("a", "2")]);
    let mut reader = Client::of(&liar);
    liar.tell(Lie::Stale, When::Every(1));
    reader.reads("a", "2"); // may have begun before the writer had read the answer to its second set
    writer.is_in_step(); // now it has
    reader.reads("a", "2"); // may still have begun before that
    reader.reads("a", "1");
    assert_eq!(liar.told(Lie::Stale), 1);
}

#[test]
fn a_held_set_lands_late_and_is_never_stale() {
    let (liar, mut client) = liar_with(&[("a", "1"), ("a", "2")]);
    liar.tell(Lie::HoldSet, When::once_for("a"));
    let mut other = Client::of(&liar);
    other.send("ms a 4\r\nlate\r\n");
    other.hears_nothing();
    assert_eq!((liar.told(Lie::HoldSet), liar.holding(), liar.held_sets(), liar.abandoned()), (1, 1, 1, 0));
    client.reads("a", "2");
    drop(other);
    eventually("the client to be gone", secs(10), || liar.abandoned() == 1);
    assert_eq!(liar.late_reads(), 0);
    assert_eq!(liar.release(), Released { late_writes: 1, ..Released::default() });
    client.reads("a", "late");
    client.reads("a", "late");
    assert_eq!(liar.late_reads(), 2);
    liar.tell(Lie::Stale, When::Times(1));
    client.reads("a", "1"); // two acknowledged sets are still in order
    client.set("a", "3");
    client.reads("a", "3");
    assert_eq!((liar.late_reads(), liar.holding()), (2, 0));
}

#[test]
fn a_delayed_reply_haunts_who_keeps_the_connection() {
    let (liar, mut client) = liar_with(&[("a", "of a"), ("b", "of b")]);
    liar.tell(Lie::Delay, When::Times(2));
    client.send("mg a v\r\n");
    client.hears_nothing();
    let mut wiser = Client::of(&liar);
    wiser.send("ms a 3\r\nnew\r\n");
    eventually("both held", secs(10), || liar.holding() == 2);
    drop(wiser);
    eventually("one gone", secs(10), || liar.abandoned() == 1);
    client.send("mg b v\r\n");
    assert_eq!(liar.release(), Released { ghosts: 1, unheard: 1, late_writes: 0 });
    client.hears("VA 4\r\nof a\r\n"); // where it expects the answer about b
    client.hears("VA 4\r\nof b\r\n");
    client.reads("a", "new");
    assert_eq!((liar.told(Lie::Delay), liar.late_reads()), (2, 1));
}

#[test]
fn truncate_closes_in_the_middle_of_the_value() {
    let (liar, mut client) = liar_with(&[("a", "12345"), ("empty", "")]);
    liar.tell(Lie::Truncate, When::Times(1));
    client.ask("mg empty v\r\n", "VA 0\r\n\r\n");
    client.send("mg a v\r\nmn\r\n");
    assert_eq!(client.hears_until_the_end(), b"VA 5\r\n12");
    assert_eq!(liar.told(Lie::Truncate), 1);
    Client::of(&liar).reads("a", "12345");
}

#[test]
fn garbage_and_server_error_take_the_place_of_the_answer() {
    let (liar, mut client) = liar_with(&[("a", "1")]);
    liar.tell(Lie::Garbage, When::once_for("a"));
    client.is_in_step(); // names no key
    client.ask("ms a 1\r\n2\r\n", b"\xff\xfe\x00 this is no memcached \x80\r\n");
    client.reads("a", "2"); // done, but never acknowledged
    assert_eq!((liar.told(Lie::Garbage), liar.late_reads()), (1, 1));
    liar.tell(Lie::ServerError, When::Times(2));
    client.ask("mg a v\r\n", "SERVER_ERROR out of memory storing object\r\n");
    client.ask("ms a 1\r\n3\r\n", "SERVER_ERROR out of memory storing object\r\n");
    client.ask("mg a v\r\n", "EN\r\n");
    client.is_in_step();
    assert_eq!(liar.told(Lie::ServerError), 2);
}

#[test]
fn huge_announces_what_nobody_can_hold() {
    let (liar, mut client) = liar_with(&[("a", "small")]);
    liar.tell(Lie::Huge, When::Times(1));
    client.ask("mg a v k\r\n", "VA 1152921504606846976 ka\r\nsmall\r\n");
    client.reads("a", "small");
    assert_eq!(liar.told(Lie::Huge), 1);
}

#[test]
fn out_of_order_needs_two_gets_that_differ() {
    let (liar, mut client) = liar_with(&[("a", "of a"), ("b", "of b")]);
    liar.tell(Lie::OutOfOrder, When::Every(1));
    client.ask("mg a v\r\nmg a v\r\n", "VA 4\r\nof a\r\n".repeat(2));
    client.reads("a", "of a");
    assert_eq!(liar.told(Lie::OutOfOrder), 0);
    client.ask("mg a v O1\r\nmg b v O2\r\n", "VA 4 O2\r\nof b\r\nVA 4 O1\r\nof a\r\n");
    client.is_in_step();
    assert_eq!(liar.told(Lie::OutOfOrder), 1);
}

#[test]
fn half_open_accepts_and_never_answers() {
    let (liar, mut client) = liar_with(&[("a", "1")]);
    liar.tell(Lie::HalfOpen, When::Times(1));
    client.reads("a", "1"); // it was open before
    let mut other = Client::of(&liar);
    other.send("mn\r\n");
    other.hears_nothing();
    other.send("mg a v\r\n");
    other.hears_nothing();
    Client::of(&liar).reads("a", "1");
    assert_eq!(liar.told(Lie::HalfOpen), 1);
}

#[test]
fn reset_answers_with_a_reset() {
    let (liar, mut client) = liar_with(&[("a", "1")]);
    liar.tell(Lie::Reset, When::Times(1));
    client.send("ms a 1\r\n2\r\n");
    let heard = client.0.read(&mut [0; 64]).map_err(|error| error.kind());
    assert_eq!(heard, Err(ErrorKind::ConnectionReset));
    assert_eq!((liar.told(Lie::Reset), liar.value("a")), (1, Some(b"1".to_vec())));
}

#[test]
fn who_asked_for_silence_is_not_lied_to() {
    let (liar, mut client) = liar_with(&[("a", "1"), ("b", "2"), ("b", "3")]);
    for lie in Lie::ALL {
        liar.tell(lie, When::Every(1));
    }
    client.ask("ms a 1 q\r\n4\r\nmg b v q\r\nmg none v q\r\nmn\r\n", "VA 1\r\n3\r\nMN\r\n");
    assert_eq!(Lie::ALL.map(|lie| liar.told(lie)), [0; 14]);
}

#[test]
fn an_honest_liar_tells_nothing_more() {
    let (liar, mut client) = liar_with(&[("a", "12")]);
    liar.tell(Lie::Cut, When::Every(1));
    client.reads("a", "1");
    liar.be_honest();
    client.reads("a", "12");
    assert_eq!((liar.told(Lie::Cut), liar.connections()), (1, 1));
}

#[test]
fn a_dropped_liar_is_gone_whatever_it_holds() {
    let (liar, mut client) = liar_with(&[("a", "1")]);
    let addr = liar.addr();
    liar.tell(Lie::Delay, When::Times(1));
    client.send("mg a v\r\n");
    eventually("a held reply", secs(10), || liar.holding() == 1);
    drop(liar);
    assert_eq!(client.hears_until_the_end(), b"");
    assert!(TcpStream::connect(addr).is_err());
}
