//! loadgen that also sends each finished operation to StatsD: `STATSD=127.0.0.1:8125 cargo run --example statsd -- FLAGS`.
//! One datagram per operation without batching: an example, not an exporter for a high rate.

use std::net::UdpSocket;
use std::process::ExitCode;
use std::sync::Arc;

use loadgen::recorder::{Event, Recorder, RecorderFactory};

struct ToStatsD(String);

#[derive(Clone)]
struct StatsD {
    socket: Arc<UdpSocket>,
    servers: Arc<[String]>,
}

impl RecorderFactory for ToStatsD {
    type Recorder = Option<StatsD>;

    fn recorder(&self, servers: &[String]) -> Option<StatsD> {
        let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
        socket.set_nonblocking(true).and_then(|()| socket.connect(&self.0)).ok()?;
        Some(StatsD { socket: Arc::new(socket), servers: servers.into() })
    }
}

impl Recorder for StatsD {
    fn record(&self, event: Event) {
        if let Event::Finished(op) = event {
            let status = op.outcome.map_or_else(|error| error.as_str(), |()| "success");
            let name = format!("memcache.{}.{}", self.servers[op.server], op.operation);
            let lines = format!("{name}.{status}:1|c\n{name}.ms:{}|ms", op.latency.as_secs_f64() * 1e3);
            let _ = self.socket.send(lines.as_bytes()); // a lost datagram is StatsD's way
        }
    }
}

fn main() -> ExitCode {
    let target = std::env::var("STATSD").unwrap_or_else(|_| "127.0.0.1:8125".to_owned());
    loadgen::main_with(std::env::args_os(), &ToStatsD(target)).into()
}
