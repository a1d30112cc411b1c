//! How long a scrape of a loaded loadgen takes, as its HTTP server and as a client of that see it, and how long it is.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::child::Child;
use crate::error::BenchError;
use crate::goals::{Goal, Row, Unit};
use crate::node::{self, Node};
use crate::rounds::Spread;
use crate::subject::Bench;
use crate::wait;

const NODES: usize = 3;
const SCRAPES: u32 = 100;
const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN: Duration = Duration::from_millis(2);

/// A keep-alive connection to the metrics server.
struct Scraper {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

pub(crate) fn rows(bench: &Bench, rounds: u32) -> Result<Vec<Row>, BenchError> {
    let mut nodes = (0..NODES).map(|_| bench.node()).collect::<Result<Vec<_>, _>>()?;
    let address = node::free_address()?;
    // The lab's own pace: a machine that is saturated would measure the queue for a CPU.
    let line = format!(
        "{} --workload mixed --concurrency 100 --pool-size 100 --threads 2 --think-time 30ms --seed 1 --duration 120s \
         --metrics-addr {address}",
        node::servers_flag(&nodes)
    );
    let mut child = Child::start("loadgen", bench.loadgen.as_os_str(), line.split(' '), &bench.cpus())?;
    let loaded = |node: &mut Node| Ok(node.counters()?.gets > 1000);
    for node in &mut nodes {
        let warm = wait::holds_within(PATIENCE, || child.must_run().and_then(|()| loaded(node)))?;
        if !warm {
            let program = child.program().to_owned();
            return Err(BenchError::Late { program, condition: "load on every node", limit: PATIENCE });
        }
    }
    let mut scraper = Scraper::connect(address)?;
    let (mut seen, mut served, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let before = Served::of(&scraper.scrape()?.1);
        let scrapes = (0..SCRAPES).map(|_| scraper.scrape()).collect::<Result<Vec<_>, _>>()?;
        let times = scrapes.iter().map(|(time, _)| time.as_secs_f64() * 1e6);
        seen.extend(Spread::of(times).map(|spread| spread.median));
        if let Some((_, last)) = scrapes.last() {
            served.push(Served::of(last).mean_since(&before) * 1e6);
            sizes.push(last.len() as f64 / 1024.0);
        }
    }
    let row = |what: &str, goal, unit, values: Vec<f64>| {
        let figure = format!("scrape, {NODES} nodes, 2 threads: {what}");
        Spread::of(values).map(|measured| Row { figure, goal: Goal::AtMost(goal), unit, measured })
    };
    let rows = [
        row("time of the server for it", 200.0, Unit::Microseconds, served),
        row("time of the scraper for it, HTTP included", 200.0, Unit::Microseconds, seen),
        row("length in KiB", 64.0, Unit::Kilobytes, sizes),
    ];
    Ok(rows.into_iter().flatten().collect())
}

/// What the server says of the scrapes it has answered.
struct Served {
    seconds: f64,
    count: f64,
}

impl Served {
    fn of(text: &str) -> Self {
        let value = |part: &str| {
            let name = format!("http_request_duration_seconds_{part}{{");
            let line = text.lines().find(|line| line.starts_with(&name) && line.contains("\"/metrics\""));
            line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(f64::NAN)
        };
        Self { seconds: value("sum"), count: value("count") }
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
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(BufReader::new(stream))
        };
        let stream = open().map_err(|source| BenchError::Http { address, source })?;
        Ok(Self { address, stream })
    }

    fn scrape(&mut self) -> Result<(Duration, String), BenchError> {
        wait::sleep(BETWEEN);
        let begin = Instant::now();
        let text = self.get().map_err(|source| BenchError::Http { address: self.address, source })?;
        Ok((begin.elapsed(), text))
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
        let length = length.ok_or_else(|| io::Error::other("an answer without a length"))?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        String::from_utf8(body).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::Served;

    #[test]
    fn the_mean_is_of_the_scrapes_between_two() {
        let text = |sum, count| {
            format!(
                "http_request_duration_seconds_sum{{path=\"/health\"}} 9.0\n\
                 http_request_duration_seconds_sum{{path=\"/metrics\"}} {sum}\n\
                 http_request_duration_seconds_count{{path=\"/metrics\"}} {count}\n"
            )
        };
        let (before, after) = (Served::of(&text(1.0, 10)), Served::of(&text(1.5, 20)));
        assert!((after.mean_since(&before) - 0.05).abs() < 1e-9);
    }
}
