//! The requests that are sent, and how valid and invalid responses are read.

use std::io::{Read, Write};
use std::net::TcpListener;

use daemon_core::exit::UserError;

use super::*;

/// Answers one request. The thread returns the head of the request.
fn serve_once(status: &str, body: &str) -> (HttpUrl, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://me:secret@{}/sub/", listener.local_addr().unwrap()).parse().unwrap();
    let text =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let request = std::thread::spawn(move || {
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
    (url, request)
}

async fn query(status: &str, body: &str, auth: Auth) -> (Result<Vec<Series>, PrometheusError>, String) {
    let (url, request) = serve_once(status, body);
    let series = Prometheus::new(&url, auth).unwrap().instant("up{a=\"b\"}", Some(1.5)).await;
    (series, request.join().unwrap().to_lowercase())
}

#[tokio::test]
async fn queries_carry_the_credentials() {
    let empty = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    let (series, request) = query("200 OK", empty, Auth::None).await;
    assert_eq!(series.unwrap(), Vec::new());
    assert!(request.starts_with("get /sub/api/v1/query?query=up%7ba%3d%22b%22%7d&time=1.500 "), "{request}");
    assert!(request.contains("authorization: basic bwu6c2vjcmv0"), "{request}");
    let (_, request) = query("200 OK", empty, Auth::Bearer("t0ken".into())).await;
    assert!(request.contains("authorization: bearer t0ken"), "{request}");
}

#[tokio::test]
async fn vectors_and_matrices_are_decoded() {
    let vector = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"server":"a"},"value":[1.5,"+Inf"]}]}}"#;
    let (series, _) = query("200 OK", vector, Auth::None).await;
    let series = series.unwrap();
    assert_eq!((series[0].label("server"), series[0].points.clone()), ("a", vec![(1.5, f64::INFINITY)]));
    let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"0"],[2,"1"]]}]}}"#;
    let (series, _) = query("200 OK", matrix, Auth::None).await;
    assert_eq!(series.unwrap()[0].points, vec![(1.0, 0.0), (2.0, 1.0)]);
}

#[tokio::test]
async fn no_message_contains_the_password() {
    let refused = r#"{"status":"error","errorType":"bad_data","error":"no such function"}"#;
    for (status, body, says) in [
        ("400 Bad Request", refused, "rejects the query (400): no such function"),
        ("401 Unauthorized", "", "denies access (401)"),
        ("503 Service Unavailable", "", "does not answer: 503"),
        ("200 OK", "<html>", "is not a prometheus"),
    ] {
        let (answer, _) = query(status, body, Auth::None).await;
        let message = answer.unwrap_err().to_string();
        assert!(message.contains(says) && !message.contains("secret"), "{message}");
    }
    let url = "http://me:secret@127.0.0.1:1".parse().unwrap();
    let down = Prometheus::new(&url, Auth::None).unwrap();
    let message = down.instant("up", None).await.unwrap_err().to_string();
    assert_eq!(message, "prometheus at http://127.0.0.1:1 does not answer: connection refused");
}

/// The error message and hint for a server that sends these bytes, and then keeps the connection open or closes it.
async fn error_for(scheme: &str, bytes: &'static [u8], open: bool) -> (String, Option<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(bytes);
        if open {
            // Returns when the client closes the connection.
            let _ = stream.read(&mut request);
        }
    });
    let url = format!("{scheme}://{addr}").parse().unwrap();
    let error = Prometheus::new(&url, Auth::None).unwrap().instant("up", None).await.unwrap_err();
    assert_eq!(error.exit().code(), 3, "{error}");
    let hide = |text: String| text.replace(&addr.to_string(), "X");
    (hide(error.to_string()), error.hint().map(hide))
}

/// Each message names the URL and the problem, without words of the libraries.
#[tokio::test]
async fn invalid_responses_have_plain_messages() {
    let unavailable = |reason: &str| format!("prometheus at http://X does not answer: {reason}");
    let not_prometheus = |found: &str| format!("the server at http://X is not a prometheus: {found}");
    let table: [(&'static [u8], String); 17] = [
        (b"", unavailable("it closed the connection or does not speak HTTP")),
        (b"\x15\x03\x01\x00\x02\x02\x16", unavailable("it closed the connection or does not speak HTTP")),
        (b"SSH-2.0-x\r\n", unavailable("it closed the connection or does not speak HTTP")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"status\":", unavailable("its response is incomplete")),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"status\":", unavailable("its response is incomplete")),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", unavailable("500 Internal Server Error")),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 6\r\n\r\n<html>", unavailable("502 Bad Gateway")),
        (
            b"HTTP/1.1 503 Later\r\nContent-Length: 51\r\n\r\n{\"status\":\"error\",\"errorType\":\"x\",\"error\":\"starting\"}",
            unavailable("503 Service Unavailable"),
        ),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 19\r\n\r\n404 page not found\n",
            not_prometheus("404 Not Found, \"404 page not found\""),
        ),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 6\r\n\r\n<html>",
            not_prometheus("404 Not Found, a web page"),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            not_prometheus("200 OK, a web page"),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"up\":true}",
            not_prometheus("200 OK, unknown JSON"),
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", not_prometheus("200 OK, an empty response")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x00\x01\x02\x03", not_prometheus("200 OK, 4 bytes")),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://me:pw@login.example/in?token=t#x\r\nContent-Length: 0\r\n\r\n",
            not_prometheus("302 Found, a redirect to https://login.example/in"),
        ),
        (
            b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\n\r\n<html>",
            "prometheus at http://X denies access (401)".to_owned(),
        ),
        (
            b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
            "prometheus at http://X requires TLS".to_owned(),
        ),
    ];
    for (bytes, expected) in table {
        let (message, hint) = error_for("http", bytes, false).await;
        assert_eq!(message, expected, "{:?}", String::from_utf8_lossy(bytes));
        let other = if message.ends_with("TLS") { "https://X" } else { "" };
        assert!(hint.is_some_and(|hint| hint.contains(other)), "{message}");
    }
    let (message, hint) = error_for("https", b"HTTP/1.1 400 Bad Request\r\n\r\n", false).await;
    assert_eq!(message, "prometheus at https://X does not support TLS");
    assert_eq!(hint.as_deref(), Some("try http://X"));
    let (message, _) = error_for("http", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", true).await;
    assert_eq!(message, unavailable("no answer within 3 s"));
}

#[tokio::test]
async fn a_host_name_that_cannot_be_resolved_has_a_plain_message() {
    /// Finds no name, without asking a resolver of this machine.
    struct NoNames;

    impl reqwest::dns::Resolve for NoNames {
        fn resolve(&self, _name: reqwest::dns::Name) -> reqwest::dns::Resolving {
            Box::pin(async { Err("no such name".into()) })
        }
    }

    let http = client_builder().timeout(CALL_TIMEOUT).dns_resolver(NoNames).build().unwrap();
    let shown = "http://prometheus.invalid:9090".to_owned();
    let prometheus = Prometheus { http, base: shown.parse().unwrap(), shown, auth: Auth::None };
    assert_eq!(
        prometheus.instant("up", None).await.unwrap_err().to_string(),
        "prometheus at http://prometheus.invalid:9090 does not answer: cannot resolve its host name"
    );
}
