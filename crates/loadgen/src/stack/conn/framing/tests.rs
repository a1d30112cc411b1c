//! Replies that arrive in any pieces, and replies that memcached would not send.

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

/// Sends the pieces one after the other, closes, and returns the `count` replies received.
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

    /// In whatever pieces the bytes arrive, the replies received are the replies sent.
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

    /// Parsing any line returns a result or an error, never a length above the maximum.
    #[test]
    fn any_line_can_be_parsed(line in proptest::collection::vec(any::<u8>(), 0..60), start in 0..4usize) {
        let line = [[b"VA ".as_slice(), b"HD", b"SERVER_ERROR", b""][start], &line].concat();
        if let Ok((_, Some(length))) = parse_header(&line) {
            prop_assert!(length <= MAX_VALUE);
        }
    }
}

#[test]
fn invalid_replies_are_errors_of_their_type() {
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
    assert_eq!(error_of(b"ERROR Too many open connections\r\n"), ErrorType::ServerError);
}

#[test]
fn an_invalid_reply_is_shown_escaped_and_shortened() {
    let message = |line: &[u8]| parse_header(line).unwrap_err().to_string();
    assert_eq!(message(b"\x1b[2J\xff\0\r"), r"unexpected reply: `\x1b[2J\xff\x00` is not a memcached reply");
    let long = message(&[b'x'; 500]);
    assert_eq!(long, format!("unexpected reply: `{}...` is not a memcached reply", "x".repeat(60)));
    assert_eq!(message(b"SERVER_ERROR out of \x07memory"), r"server error: out of \x07memory");
}

#[tokio::test]
async fn bytes_without_a_request_are_noticed_before_the_next_request() {
    let (mut framed, mut far) = pair().await;
    far.write_all(b"HD\r\nHD\r\n").unwrap();
    assert_eq!(framed.receive().await.unwrap().code, ReturnCode::Hd);
    let error = framed.send(noop).await.unwrap_err();
    assert_eq!(error.to_string(), "unexpected reply: 4 bytes without a request");
}

/// Waits until the runtime knows what the peer did.
async fn wait_until_unusable(framed: &FramedStream) -> Option<CloseReason> {
    for _ in 0..1_000 {
        if let Some(reason) = framed.unusable_reason() {
            return Some(reason);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    None
}

#[tokio::test]
async fn an_idle_stream_shows_why_it_is_unusable() {
    let (mut framed, mut far) = pair().await;
    for reply in [b"HD\r\n".to_vec(), format!("VA 2036\r\n{}\r\n", "x".repeat(2_036)).into_bytes()] {
        framed.send(noop).await.unwrap();
        far.write_all(&reply).unwrap();
        framed.receive().await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(framed.unusable_reason(), None);
    }
    drop(far);
    assert_eq!(wait_until_unusable(&framed).await, Some(CloseReason::Peer));

    let (framed, mut far) = pair().await;
    far.write_all(b"HD\r\n").unwrap();
    assert_eq!(wait_until_unusable(&framed).await, Some(CloseReason::Error), "bytes without a request");

    let (framed, far) = pair().await;
    rustix::net::sockopt::set_socket_linger(&far, Some(Duration::ZERO)).unwrap();
    drop(far);
    assert_eq!(wait_until_unusable(&framed).await, Some(CloseReason::Peer), "reset");

    let (mut framed, mut far) = pair().await;
    far.write_all(b"HD\r\nHD\r\n").unwrap();
    framed.receive().await.unwrap();
    assert_eq!(framed.unusable_reason(), Some(CloseReason::Error), "one reply too many");
}

/// memcached closes a connection that it refuses, so the request may fail before the refusal is read.
#[tokio::test]
async fn a_refusal_is_found_even_if_the_request_cannot_be_sent() {
    let (mut framed, mut far) = pair().await;
    far.write_all(b"ERROR Too many open connections\r\n").unwrap();
    drop(far);
    let error = loop {
        if let Err(error) = framed.send(noop).await {
            break error;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert_eq!(error.to_string(), "memcached refuses the connection: ERROR Too many open connections");
    assert_eq!(error.close_reason(), Some(CloseReason::Error));
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
