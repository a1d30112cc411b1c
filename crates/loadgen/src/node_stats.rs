//! Reads the statistics of a node at its own address once per second. What they mean is decided by their readers. A node that
//! does not answer is reported as down, and nothing else happens.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use metrics_core::families::node::NodeReading;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

const PERIOD: Duration = Duration::from_secs(1);
/// The limit of one reading, with the time to connect.
const TIME_LIMIT: Duration = Duration::from_millis(900);
/// A longer reply is not from memcached.
const SIZE_LIMIT: u64 = 64 << 10;
const COMMAND: &[u8] = b"stats\r\n";
const END: &str = "END";

/// Reads the node at `address` until it is dropped, and passes each reading on. `None`: the node did not answer.
pub(crate) async fn read_stats(address: &str, mut pass: impl FnMut(Option<NodeReading>)) -> Infallible {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut connection = None;
    loop {
        ticks.tick().await;
        let read = timeout(TIME_LIMIT, read_once(&mut connection, address)).await;
        let reading = read.map_err(io::Error::from).and_then(|read| read);
        // After a timeout, the rest of the reply may still arrive on the old connection.
        if reading.is_err() {
            connection = None;
        }
        pass(reading.ok());
    }
}

async fn read_once(connection: &mut Option<TcpStream>, address: &str) -> io::Result<NodeReading> {
    let stream = match connection {
        Some(stream) => stream,
        None => connection.insert(TcpStream::connect(address).await?),
    };
    stream.write_all(COMMAND).await?;
    let mut lines = BufReader::new(stream.take(SIZE_LIMIT)).lines();
    let mut reading = NodeReading::default();
    while let Some(line) = lines.next_line().await? {
        if line == END {
            return Ok(reading);
        }
        take_line(&mut reading, &line)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "invalid line in reply to stats"))?;
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// Takes one line of the reply. `None` if it is not a statistic.
fn take_line(reading: &mut NodeReading, line: &str) -> Option<()> {
    let (name, value) = line.strip_prefix("STAT ")?.split_once(' ')?;
    let figure = match name {
        "uptime" => &mut reading.uptime,
        "rusage_user" => &mut reading.user_cpu,
        "rusage_system" => &mut reading.system_cpu,
        "threads" => &mut reading.threads,
        "curr_connections" => &mut reading.connections,
        "total_connections" => &mut reading.connections_made,
        "max_connections" => &mut reading.max_connections,
        "rejected_connections" => &mut reading.rejected,
        "evictions" => &mut reading.evicted,
        "bytes" => &mut reading.bytes,
        "limit_maxbytes" => &mut reading.limit,
        _ => return Some(()),
    };
    *figure = value.trim().parse().ok().filter(|value: &f64| value.is_finite());
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_figures_are_taken_and_others_are_left() {
        let mut reading = NodeReading::default();
        for line in ["STAT uptime 12", "STAT rusage_user 0.25", "STAT version 1.6.38", "STAT bytes many"] {
            assert_eq!(take_line(&mut reading, line), Some(()), "{line}");
        }
        let expected = NodeReading { uptime: Some(12.0), user_cpu: Some(0.25), ..NodeReading::default() };
        assert_eq!(reading, expected);
        assert_eq!(take_line(&mut reading, "ERROR"), None);
    }

    proptest! {
        /// No line makes it panic, and no figure is infinite.
        #[test]
        fn any_line_is_a_statistic_or_not(line in "(STAT (uptime|bytes) )?.{0,40}") {
            let mut reading = NodeReading::default();
            let _ = take_line(&mut reading, &line);
            prop_assert!(reading.uptime.into_iter().chain(reading.bytes).all(f64::is_finite));
        }
    }
}
