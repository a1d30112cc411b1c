//! How long a scrape of a loaded loadgen takes, as a client of its HTTP server sees it.

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
    let mut medians = Vec::new();
    for _ in 0..rounds {
        let times = (0..SCRAPES).map(|_| scraper.scrape()).collect::<Result<Vec<_>, _>>()?;
        medians.extend(
            Spread::of(times.iter().map(|time| time.as_secs_f64() * 1e6)).map(|spread| spread.median),
        );
    }
    let row = |measured| Row {
        figure: format!("scrape, {NODES} nodes, 2 threads, HTTP included"),
        goal: Goal::AtMost(200.0),
        unit: Unit::Microseconds,
        measured,
    };
    Ok(Spread::of(medians).map(row).into_iter().collect())
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

    fn scrape(&mut self) -> Result<Duration, BenchError> {
        wait::sleep(BETWEEN);
        let begin = Instant::now();
        self.get().map_err(|source| BenchError::Http { address: self.address, source })?;
        Ok(begin.elapsed())
    }

    fn get(&mut self) -> io::Result<()> {
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
                length = value.trim().parse::<u64>().ok();
            }
        }
        let length = length.ok_or_else(|| io::Error::other("an answer without a length"))?;
        let read = io::copy(&mut self.stream.by_ref().take(length), &mut io::sink())?;
        if read == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}
