//! Replies cut and joined anywhere, and replies no memcached would send.

use std::io::Write;
use std::time::Duration;

use memcache::exp::ReturnCode;
use metrics_core::labels::{CloseReason, ErrorType};
use proptest::prelude::*;
use tokio::net::{TcpListener, TcpStream};

use super::{FramedStream, MAX_LINE, MAX_VALUE, parse_header};
use crate::stack::conn::ConnError;

async fn pair() -> (FramedStream, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), async { listener.accept().await });
    (FramedStream::new(near.unwrap()), far.unwrap().0.into_std().unwrap())
}

/// Sends the pieces one after the other and closes, while `count` replies are received.
fn received(pieces: Vec<Vec<u8>>, count: usize) -> Vec<Result<(ReturnCode, Vec<u8>), ConnError>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut framed, mut far) = pair().await;
        far.set_nonblocking(false).unwrap();
        let sender =
            tokio::task::spawn_blocking(move || pieces.iter().all(|piece| far.write_all(piece).is_ok()));
        let mut replies = Vec::new();
        for _ in 0..count {
            replies.push(framed.receive().await.map(|answer| (answer.code, answer.value.to_vec())));
        }
        drop(framed);
        sender.await.unwrap();
        replies
    })
}

fn noop(buffer: &mut Vec<u8>) -> Result<(), ConnError> {
    buffer.extend_from_slice(b"mn\r\n");
    Ok(())
}

fn error_of(reply: &[u8]) -> ErrorType {
    received(vec![reply.to_vec()], 1).remove(0).unwrap_err().error_type()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However the bytes of a few replies arrive, the replies are those that were sent.
    #[test]
    fn replies_do_not_depend_on_how_they_arrive(
        values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..5_000), 1..6),
        cuts in proptest::collection::vec(0..20_000usize, 0..6),
    ) {
        let mut bytes = Vec::new();
        for value in &values {
            bytes.extend_from_slice(format!("VA {} f0 t-1\r\n", value.len()).as_bytes());
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\nHD\r\n");
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % bytes.len()).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|edges| bytes[edges[0]..edges[1]].to_vec()).collect();
        let replies = received(pieces, values.len() * 2);
        for (pair, value) in replies.chunks(2).zip(&values) {
            prop_assert_eq!(pair[0].as_ref().unwrap(), &(ReturnCode::Va, value.clone()));
            prop_assert_eq!(pair[1].as_ref().unwrap(), &(ReturnCode::Hd, Vec::new()));
        }
    }

    /// Whatever a line holds, reading it ends with an answer or an error.
    #[test]
    fn no_line_is_too_odd(line in proptest::collection::vec(any::<u8>(), 0..60), start in 0..4usize) {
        let line = [[b"VA ".as_slice(), b"HD", b"SERVER_ERROR", b""][start], &line].concat();
        if let Ok((_, Some(length))) = parse_header(&line) {
            prop_assert!(length <= MAX_VALUE);
        }
    }
}

#[test]
fn what_memcached_would_not_send_is_an_error_of_its_kind() {
    for odd in [
        "VA 1048577\r\n",
        "VA 1152921504606846976\r\n",
        "VA 99999999999999999999999\r\n",
        "VA\r\n",
        "VA x\r\n",
        "VA -1\r\n",
        "VA 3\r\nabcd\r\n",
        "\r\n",
        "hello\r\n",
        "ERROR\r\n",
        "CLIENT_ERROR bad\r\n",
    ] {
        assert_eq!(error_of(odd.as_bytes()), ErrorType::Protocol, "{odd:?}");
    }
    assert_eq!(error_of(&[b'x'; MAX_LINE + 2]), ErrorType::Protocol, "a line without an end");
    for cut in ["", "VA", "VA 10\r\nabc", "HD\r", "VA 3\r\nabc"] {
        assert_eq!(error_of(cut.as_bytes()), ErrorType::Io, "{cut:?}");
    }
    assert_eq!(error_of(b"SERVER_ERROR out of memory storing object\r\n"), ErrorType::ServerError);
}

#[test]
fn an_odd_reply_is_told_escaped_and_shortened() {
    let told = |line: &[u8]| parse_header(line).unwrap_err().to_string();
    assert_eq!(told(b"\x1b[2J\xff\0\r"), r"unexpected answer: `\x1b[2J\xff\x00` is no reply of a memcached");
    let long = told(&[b'x'; 500]);
    assert_eq!(long, format!("unexpected answer: `{}...` is no reply of a memcached", "x".repeat(60)));
    assert_eq!(told(b"SERVER_ERROR out of \x07memory"), r"server error: out of \x07memory");
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_are_noticed_before_the_next_request() {
    let (mut framed, mut far) = pair().await;
    far.write_all(b"HD\r\nHD\r\n").unwrap();
    assert_eq!(framed.receive().await.unwrap().code, ReturnCode::Hd);
    let error = framed.send(noop).await.unwrap_err();
    assert_eq!(error.to_string(), "unexpected answer: 4 bytes that nobody asked for");
}

/// Until the runtime knows what came.
async fn unfit(framed: &FramedStream) -> Option<CloseReason> {
    for _ in 0..1_000 {
        if let Some(reason) = framed.unusable_reason() {
            return Some(reason);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    None
}

#[tokio::test]
async fn an_idle_stream_shows_what_became_of_it() {
    let (mut framed, mut far) = pair().await;
    for reply in [b"HD\r\n".to_vec(), format!("VA 2036\r\n{}\r\n", "x".repeat(2_036)).into_bytes()] {
        framed.send(noop).await.unwrap();
        far.write_all(&reply).unwrap();
        framed.receive().await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(framed.unusable_reason(), None);
    }
    drop(far);
    assert_eq!(unfit(&framed).await, Some(CloseReason::Peer));

    let (framed, mut far) = pair().await;
    far.write_all(b"HD\r\n").unwrap();
    assert_eq!(unfit(&framed).await, Some(CloseReason::Error), "what nobody asked for");

    let (framed, far) = pair().await;
    rustix::net::sockopt::set_socket_linger(&far, Some(Duration::ZERO)).unwrap();
    drop(far);
    assert_eq!(unfit(&framed).await, Some(CloseReason::Peer), "reset");

    let (mut framed, mut far) = pair().await;
    far.write_all(b"HD\r\nHD\r\n").unwrap();
    framed.receive().await.unwrap();
    assert_eq!(framed.unusable_reason(), Some(CloseReason::Error), "one reply more than was asked for");
}

#[tokio::test]
async fn a_refusal_leaves_the_stream_in_step() {
    let (mut framed, mut far) = pair().await;
    far.write_all(b"SERVER_ERROR out of memory storing object\r\n").unwrap();
    assert_eq!(framed.receive().await.unwrap_err().error_type(), ErrorType::ServerError);
    framed.send(noop).await.unwrap();
    far.write_all(b"MN\r\n").unwrap();
    assert_eq!(framed.receive().await.unwrap().code, ReturnCode::Mn);
}
