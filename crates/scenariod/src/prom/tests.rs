//! What goes over the wire, and what is made of answers that are none.

use std::io::{Read, Write};
use std::net::TcpListener;

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
    assert!(message.starts_with("prometheus at http://127.0.0.1:1 does not answer: "), "{message}");
}
