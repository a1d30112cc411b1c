//! What goes over the wire, and what is made of answers that are none.

use std::io::{Read, Write};
use std::net::TcpListener;

use daemon_core::exit::UserError;

use super::*;

/// Answers one request with this; gives what was asked.
fn answer(status: &str, body: &str) -> (HttpUrl, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://me:secret@{}/sub/", listener.local_addr().unwrap()).parse().unwrap();
    let text =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        stream.write_all(text.as_bytes()).unwrap();
        String::from_utf8(head).unwrap()
    });
    (url, asked)
}

async fn ask(status: &str, body: &str, auth: Auth) -> (Result<Vec<Series>, PromError>, String) {
    let (url, asked) = answer(status, body);
    let series = Prometheus::new(&url, auth).unwrap().instant("up{a=\"b\"}", Some(1.5)).await;
    (series, asked.join().unwrap().to_lowercase())
}

#[tokio::test]
async fn questions_carry_what_authenticates_us() {
    let empty = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    let (series, asked) = ask("200 OK", empty, Auth::None).await;
    assert_eq!(series.unwrap(), Vec::new());
    assert!(asked.starts_with("get /sub/api/v1/query?query=up%7ba%3d%22b%22%7d&time=1.500 "), "{asked}");
    assert!(asked.contains("authorization: basic bwu6c2vjcmv0"), "{asked}");
    let (_, asked) = ask("200 OK", empty, Auth::Bearer("t0ken".into())).await;
    assert!(asked.contains("authorization: bearer t0ken"), "{asked}");
}

#[tokio::test]
async fn vectors_and_matrices_are_read() {
    let vector = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"server":"a"},"value":[1.5,"+Inf"]}]}}"#;
    let (series, _) = ask("200 OK", vector, Auth::None).await;
    let series = series.unwrap();
    assert_eq!((series[0].label("server"), series[0].points.clone()), ("a", vec![(1.5, f64::INFINITY)]));
    let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"0"],[2,"1"]]}]}}"#;
    let (series, _) = ask("200 OK", matrix, Auth::None).await;
    assert_eq!(series.unwrap()[0].points, vec![(1.0, 0.0), (2.0, 1.0)]);
}

#[tokio::test]
async fn no_message_tells_the_password() {
    let refused = r#"{"status":"error","errorType":"bad_data","error":"no such function"}"#;
    for (status, body, says) in [
        ("400 Bad Request", refused, "refuses the query (400): no such function"),
        ("401 Unauthorized", "", "refuses us (401)"),
        ("503 Service Unavailable", "", "does not answer: 503"),
        ("200 OK", "<html>", "is no prometheus"),
    ] {
        let (answer, _) = ask(status, body, Auth::None).await;
        let message = answer.unwrap_err().to_string();
        assert!(message.contains(says) && !message.contains("secret"), "{message}");
    }
    let url = "http://me:secret@127.0.0.1:1".parse().unwrap();
    let dead = Prometheus::new(&url, Auth::None).unwrap();
    let message = dead.instant("up", None).await.unwrap_err().to_string();
    assert_eq!(message, "prometheus at http://127.0.0.1:1 does not answer: nobody listens there");
}

/// What a server sends to whoever connects, and whether it leaves the connection open then.
async fn answered_with(scheme: &str, bytes: &'static [u8], open: bool) -> (String, Option<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 4096];
        let _ = stream.read(&mut asked);
        let _ = stream.write_all(bytes);
        if open {
            // Until the other side has had enough.
            let _ = stream.read(&mut asked);
        }
    });
    let url = format!("{scheme}://{addr}").parse().unwrap();
    let error = Prometheus::new(&url, Auth::None).unwrap().instant("up", None).await.unwrap_err();
    assert_eq!(error.exit().code(), 3, "{error}");
    let hide = |text: String| text.replace(&addr.to_string(), "X");
    (hide(error.to_string()), error.hint().map(hide))
}

/// One message each, which names the URL and what was seen and has no word of the libraries below.
#[tokio::test]
async fn nonsense_is_told_in_words() {
    let silent = |reason: &str| format!("prometheus at http://X does not answer: {reason}");
    let foreign = |seen: &str| format!("what answers at http://X is no prometheus: {seen}");
    let table: [(&'static [u8], String); 17] = [
        (b"", silent("it closed the connection or does not speak HTTP")),
        (b"\x15\x03\x01\x00\x02\x02\x16", silent("it closed the connection or does not speak HTTP")),
        (b"SSH-2.0-x\r\n", silent("it closed the connection or does not speak HTTP")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"status\":", silent("its answer broke off")),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"status\":", silent("its answer broke off")),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", silent("500 Internal Server Error")),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 6\r\n\r\n<html>", silent("502 Bad Gateway")),
        (
            b"HTTP/1.1 503 Later\r\nContent-Length: 51\r\n\r\n{\"status\":\"error\",\"errorType\":\"x\",\"error\":\"starting\"}",
            silent("503 Service Unavailable"),
        ),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 19\r\n\r\n404 page not found\n",
            foreign("404 Not Found, \"404 page not found\""),
        ),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 6\r\n\r\n<html>",
            foreign("404 Not Found, a web page"),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            foreign("200 OK, a web page"),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"up\":true}",
            foreign("200 OK, JSON of another kind"),
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", foreign("200 OK, an empty answer")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x00\x01\x02\x03", foreign("200 OK, 4 bytes")),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://me:pw@login.example/in?token=t#x\r\nContent-Length: 0\r\n\r\n",
            foreign("302 Found, a redirect to https://login.example/in"),
        ),
        (
            b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\n\r\n<html>",
            "prometheus at http://X refuses us (401)".to_owned(),
        ),
        (
            b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
            "prometheus at http://X wants TLS".to_owned(),
        ),
    ];
    for (bytes, expected) in table {
        let (message, hint) = answered_with("http", bytes, false).await;
        assert_eq!(message, expected, "{:?}", String::from_utf8_lossy(bytes));
        let other = if message.ends_with("TLS") { "https://X" } else { "" };
        assert!(hint.is_some_and(|hint| hint.contains(other)), "{message}");
    }
    let (message, hint) = answered_with("https", b"HTTP/1.1 400 Bad Request\r\n\r\n", false).await;
    assert_eq!(message, "prometheus at https://X speaks no TLS");
    assert_eq!(hint.as_deref(), Some("is it http://X?"));
    let (message, _) = answered_with("http", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", true).await;
    assert_eq!(message, silent("no answer within 3 s"));
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_told() {
    let url = "http://prometheus.invalid:9090".parse().unwrap();
    let error = Prometheus::new(&url, Auth::None).unwrap().instant("up", None).await.unwrap_err();
    let message = error.to_string();
    // Where there is no resolver at all, time runs out first.
    let silent = "prometheus at http://prometheus.invalid:9090 does not answer: ";
    let ends = ["its host name leads nowhere", "no answer within 3 s"];
    assert!(ends.map(|end| format!("{silent}{end}")).contains(&message), "{message}");
}
