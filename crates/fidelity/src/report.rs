//! The report as Markdown: bands, measured figures, the machine, and how to repeat the measurement.

use std::fmt;

use crate::compare::{Cell, Figure, Level, Loss};
use crate::options::Options;

pub(crate) struct Report<'a> {
    pub(crate) machine: Vec<String>,
    pub(crate) levels: &'a [Level],
    pub(crate) options: &'a Options,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        for line in &self.machine {
            writeln!(f, "- {line}")?;
        }
        let Options { rounds, window, .. } = self.options;
        let window = humantime::format_duration(*window);
        writeln!(f, "\n{rounds} interleaved rounds of {window}; each figure is `median [min..max]`.")?;
        writeln!(f, "\n| lost replies | figure | goal | measured | |\n|---|---|---|---|---|")?;
        for level in self.levels {
            for figure in level.figures() {
                let Figure { name, unit, measured, at_least, at_most } = &figure;
                let goal = match at_least {
                    0.0 => format!("<= {at_most}{unit}"),
                    _ => format!("{at_least} to {at_most}{unit}"),
                };
                let verdict = if figure.met() { "met" } else { "**missed**" };
                writeln!(
                    f,
                    "| {} | {name} | {goal} | {measured:.3}{unit} | {verdict} |",
                    percent(level.rate)
                )?;
            }
        }
        writeln!(f, "\n## Side by side\n")?;
        writeln!(
            f,
            "| lost replies | by | ops/s | failed | slow | p50 | p90 | p99 | p99.9 |\n|---|---|---|---|---|---|---|---|---|"
        )?;
        for level in self.levels {
            for (loss, name) in [(Loss::Kernel, "kernel"), (Loss::Model, "model")] {
                let median = |of: &dyn Fn(&Cell) -> f64| {
                    level.spread(loss, of).map_or(f64::NAN, |spread| spread.median)
                };
                let time =
                    |share: f64| format!("{:.1} ms", 1e3 * median(&|cell| cell.service.quantile(share)));
                writeln!(
                    f,
                    "| {} | {name} | {:.0} | {:.3}% | {:.2}% | {} | {} | {} | {} |",
                    percent(level.rate),
                    median(&|cell| cell.rate),
                    100.0 * median(&|cell| cell.failed),
                    100.0 * median(&|cell| cell.service.slow_share()),
                    time(0.5),
                    time(0.9),
                    time(0.99),
                    time(0.999),
                )?;
            }
        }
        f.write_str(METHOD)
    }
}

fn percent(rate: f64) -> String {
    format!("{}%", (rate * 1e6).round() / 1e4)
}

const HEAD: &str = "# Fidelity of packet loss

What a client sees when the kernel loses packets, and what it sees under `fault: packet_loss`. `just calibrate` writes this
page; all figures come from one run.

";

const METHOD: &str = "
## How it is measured

A veth pair joins two network namespaces: loadgen in one, Toxiproxy and memcached in the other. Both losses act on the
replies only, on the same path through the same proxy. The kernel drops packets by iptables' `statistic` match where they
arrive; `scenariod` makes the model's loss. Closed loop, 32 connections, half gets and half sets of 100 B, operation and
connect timeout 500 ms.

- slow: operations with a service time above 100 ms, half a retransmission. A timeout counts as 500 ms.
- distance: Wasserstein distance between the logarithms of the slow operations' service times. 0.05 decades are 12%.
- Only the kernel's figures include failed connects: Toxiproxy accepts a connection before the model can lose anything.

```sh
sudo just calibrate                         # this table
sudo deploy/calibrate.sh --rates 0.2,0.5    # other rates, without writing this file
```
";
