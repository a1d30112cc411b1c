//! The time of a scrape of a loaded loadgen, as its HTTP server and as the scraper see it, and the size of the page. The
//! scraper is a minimal keep-alive client of its own: a general HTTP client would take a large part of the measured time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use testkit::{Scrape, free_addr, sleep};

use crate::client::Client;
use crate::error::BenchError;
use crate::goals::{Goal, Row, Unit};
use crate::node::{self, Node};
use crate::rounds::Spread;
use crate::subject::Bench;

const NODES: usize = 3;
const SCRAPES: u32 = 100;
const LIMIT: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(2);

/// A keep-alive connection to the metrics server.
struct Scraper {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

pub(crate) fn rows(bench: &Bench, rounds: u32) -> Result<Vec<Row>, BenchError> {
    let mut nodes = (0..NODES).map(|_| bench.node()).collect::<Result<Vec<_>, _>>()?;
    let address = free_addr();
    // The lab's own load. A saturated machine would measure the queue for a CPU.
    let line = format!(
        "{} --workload mixed --concurrency 100 --pool-size 100 --threads 2 --think-time 30ms --seed 1 --duration 120s \
         --metrics-addr {address}",
        node::servers_flag(&nodes)
    );
    let client = Client::start("loadgen", bench.loadgen.as_os_str(), line.split(' '), &bench.cpus())?;
    let loaded = |node: &mut Node| Ok(node.counters()?.gets > 1000);
    for node in &mut nodes {
        client.wait_for("load on every node", LIMIT, || loaded(node))?;
    }
    let mut scraper = Scraper::connect(address)?;
    let (mut scraper_times, mut server_times, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let before = ServerTime::of(&scraper.scrape()?.1);
        let scrapes = (0..SCRAPES).map(|_| scraper.scrape()).collect::<Result<Vec<_>, _>>()?;
        let times = scrapes.iter().map(|(time, _)| time.as_secs_f64() * 1e6);
        scraper_times.extend(Spread::of(times).map(|spread| spread.median));
        if let Some((_, last)) = scrapes.last() {
            server_times.push(ServerTime::of(last).mean_since(&before) * 1e6);
            sizes.push(last.len() as f64 / 1024.0);
        }
    }
    let row = |what: &str, goal, unit, values: Vec<f64>| {
        let figure = format!("scrape, {NODES} nodes, 2 threads: {what}");
        Spread::of(values).map(|measured| Row { figure, goal: Goal::AtMost(goal), unit, measured })
    };
    let rows = [
        row("server time", 200.0, Unit::Microseconds, server_times),
        row("scraper time, HTTP included", 200.0, Unit::Microseconds, scraper_times),
        row("size in KiB", 64.0, Unit::Kilobytes, sizes),
    ];
    Ok(rows.into_iter().flatten().collect())
}

/// The server's own measurement of the scrapes so far.
struct ServerTime {
    seconds: f64,
    count: f64,
}

impl ServerTime {
    fn of(text: &str) -> Self {
        let page = Scrape::parse(text);
        let sum =
            |part: &str| page.sum(&format!("http_request_duration_seconds_{part}"), [("path", "/metrics")]);
        Self { seconds: sum("sum"), count: sum("count") }
    }

    fn mean_since(&self, before: &Self) -> f64 {
        (self.seconds - before.seconds) / (self.count - before.count)
    }
}

impl Scraper {
    fn connect(address: SocketAddr) -> Result<Self, BenchError> {
        let open = || {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(LIMIT))?;
            Ok(BufReader::new(stream))
        };
        let stream = open().map_err(|source| BenchError::Http { address, source })?;
        Ok(Self { address, stream })
    }

    fn scrape(&mut self) -> Result<(Duration, String), BenchError> {
        sleep(INTERVAL);
        let start = Instant::now();
        let text = self.get().map_err(|source| BenchError::Http { address: self.address, source })?;
        Ok((start.elapsed(), text))
    }

    fn get(&mut self) -> io::Result<String> {
        let request = format!(
            "GET /metrics HTTP/1.1\r\nHost: {}\r\nAccept: application/openmetrics-text\r\n\r\n",
            self.address
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut length = None;
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse::<usize>().ok();
            }
        }
        let length = length.ok_or_else(|| io::Error::other("an answer without Content-Length"))?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        String::from_utf8(body).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::ServerTime;

    #[test]
    fn the_mean_is_of_the_scrapes_between_two_pages() {
        let text = |sum, count| {
            format!(
                "http_request_duration_seconds_sum{{path=\"/health\"}} 9.0\n\
                 http_request_duration_seconds_sum{{path=\"/metrics\"}} {sum}\n\
                 http_request_duration_seconds_count{{path=\"/metrics\"}} {count}\n"
            )
        };
        let (before, after) = (ServerTime::of(&text(1.0, 10)), ServerTime::of(&text(1.5, 20)));
        assert!((after.mean_since(&before) - 0.05).abs() < 1e-9);
    }
}
