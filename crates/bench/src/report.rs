//! The report as Markdown: goals, measured figures, the machine, and how to repeat the measurement.

use std::fmt;

use crate::cli::Options;
use crate::goals::{Comparison, Goal, Row, Unit, Verdict};
use crate::rounds::{Reading, Spread};

pub(crate) struct Report<'a> {
    pub(crate) machine: Vec<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) options: &'a Options,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { rounds, window, .. } = self.options;
        f.write_str(HEAD)?;
        for line in &self.machine {
            writeln!(f, "- {line}")?;
        }
        let others = self.comparisons.iter().flat_map(|comparison| &comparison.series);
        let others =
            Spread::of(others.flat_map(|(_, readings)| readings.iter().map(|reading| reading.others)));
        if let Some(others) = others {
            writeln!(f, "- other processes on the machine used {others:.2} CPUs meanwhile")?;
        }
        writeln!(
            f,
            "\n{rounds} interleaved rounds of {}; each figure is `median [min..max]`.",
            humantime::format_duration(*window)
        )?;
        if !self.rows.is_empty() {
            writeln!(f, "\n| figure | goal | measured | |\n|---|---|---|---|")?;
        }
        for Row { figure, goal, unit, measured } in &self.rows {
            let verdict =
                Row { figure: String::new(), goal: *goal, unit: *unit, measured: *measured }.verdict();
            writeln!(f, "| {figure} | {} | {} | {verdict} |", unit.goal(*goal), unit.measured(*measured))?;
        }
        writeln!(f, "\n## Side by side\n")?;
        writeln!(f, "| connections, operations, threads | client | CPU us/op | ops/s |\n|---|---|---|---|")?;
        for comparison in &self.comparisons {
            let case = comparison.case;
            let load = format!("{}, {}, {}", case.connections, case.mix.title(), case.threads);
            for (subject, readings) in &comparison.series {
                let of = |figure: fn(&Reading) -> f64| Spread::of(readings.iter().map(figure));
                if let (Some(cost), Some(rate)) = (of(|reading| reading.cost), of(|reading| reading.rate)) {
                    writeln!(f, "| {load} | {} | {cost:.2} | {rate:.0} |", subject.name())?;
                }
            }
        }
        f.write_str(METHOD)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Met => f.write_str("met"),
            Self::Near(by) => write!(f, "missed by {:.1}%, within the noise", by * 100.0),
            Self::Missed(by) => write!(f, "**missed by {:.1}%**", by * 100.0),
        }
    }
}

impl Unit {
    fn goal(self, goal: Goal) -> String {
        match goal {
            Goal::AtMost(goal) => format!("<= {}", self.plain(goal)),
            Goal::AtLeast(goal) => format!(">= {}", self.plain(goal)),
        }
    }

    fn plain(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("{value:.2}"),
            Self::PercentAbove => format!("{:.0}%", (value - 1.0) * 100.0),
            Self::Percent => format!("{:.1}%", value * 100.0),
            Self::Kilobytes => format!("{value:.0} kB"),
            Self::Megabytes => format!("{value:.0} MB"),
            Self::Microseconds => format!("{value:.0} us"),
            Self::Milliseconds => format!("{value:.0} ms"),
        }
    }

    fn measured(self, value: Spread) -> String {
        match self {
            Self::Ratio => format!("{value:.2}"),
            Self::PercentAbove => format!("{:.1} %", value.map(|ratio| (ratio - 1.0) * 100.0)),
            Self::Percent => format!("{:.2} %", value.map(|share| share * 100.0)),
            Self::Kilobytes => format!("{value:.1} kB"),
            Self::Megabytes => format!("{value:.1} MB"),
            Self::Microseconds => format!("{value:.0} us"),
            Self::Milliseconds => format!("{value:.1} ms"),
        }
    }
}

const HEAD: &str = "# Performance

What an operation of loadgen costs with verification, deadline, breaker and metrics on. `just bench` writes this page; all
figures come from one run.

";

const METHOD: &str = "
## How it is measured

Each measurement starts a memcached with one thread on one CPU and a client on another (with two threads, both use both
CPUs), waits until all connections are in use, and reads the counters twice. CPU us/op is the client's time on a
processor, summed over its threads, divided by the gets and sets that memcached counted. Values have 100 bytes. Each
connection has one outstanding request. All traffic is on loopback.

- `floor`: edge-triggered epoll, prepared requests, replies counted by their bytes and not parsed.
- `bare`: the client crate of loadgen in a loop, with the same threads and nothing else.
- `memaslap`: `memcaslap` of Debian's libmemcached-tools, one thread, ASCII protocol.
- `loadgen`: the release build with everything on, closed loop, no think time.

A ratio is the ratio of two medians; its extremes are the ratios within single rounds. A goal counts as missed beyond 5%,
because identical loops differ by up to 3% between runs.

```sh
just bench                                    # this table
deploy/native/fetch.sh peers                  # memcached and memaslap into .lab/bin
cargo build --release -p loadgen -p bench
target/release/lab-bench run --rounds 3       # without writing this file
target/release/lab-bench run --subjects floor,memaslap
memcached -t 1 & loadgen --servers a=127.0.0.1:11211 --workload get --concurrency 32 --think-time 0s --duration 10s
```
";
