//! The number of loops over the list of scenarios, and a tally of the results. Pure.

use std::fmt::Write;
use std::num::NonZeroU64;
use std::str::FromStr;

use metrics_core::labels::RunStatus;

/// The number of loops over the whole list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loops {
    Times(NonZeroU64),
    Forever,
}

/// The value of the flag when it is given without one.
pub(crate) const FOREVER: &str = "forever";

impl FromStr for Loops {
    type Err = String;

    fn from_str(text: &str) -> Result<Loops, String> {
        if text == FOREVER {
            return Ok(Loops::Forever);
        }
        let runs = text
            .parse()
            .map_err(|_| "must be a whole number from 1, or have no value to run forever".to_owned())?;
        Ok(Loops::Times(runs))
    }
}

impl Loops {
    pub(crate) const ONCE: Loops = Loops::Times(NonZeroU64::MIN);

    /// The number of each loop, from 1.
    pub(crate) fn numbers(self) -> impl Iterator<Item = u64> {
        match self {
            Loops::Times(runs) => 1..=runs.get(),
            Loops::Forever => 1..=u64::MAX,
        }
    }

    /// The number of a run over all loops of a list of `scenarios`: `3/9`, or `3` for endless loops.
    pub(crate) fn label(self, run: u64, scenarios: u64) -> String {
        match self {
            Loops::Times(loops) => format!("{run}/{}", loops.get().saturating_mul(scenarios)),
            Loops::Forever => run.to_string(),
        }
    }
}

/// The results of the runs of each scenario, in the order of the first runs.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rows: Vec<(String, [u64; RunStatus::COUNT])>,
}

impl Tally {
    pub(crate) fn count(&mut self, scenario: &str, status: RunStatus) {
        let at = self.rows.iter().position(|(name, _)| name == scenario).unwrap_or_else(|| {
            self.rows.push((scenario.to_owned(), Default::default()));
            self.rows.len() - 1
        });
        self.rows[at].1[status.index()] += 1;
    }

    /// A table with one line per scenario; empty without a run.
    pub(crate) fn table(&self) -> String {
        let Some(width) = self.rows.iter().map(|(name, _)| name.len()).max() else { return String::new() };
        let width = width.max("scenario".len());
        let mut table = format!("{:width$}  runs", "scenario");
        for status in RunStatus::ALL {
            let _ = write!(table, "  {status}");
        }
        for (name, ended) in &self.rows {
            let _ = write!(table, "\n{name:width$}  {:>4}", ended.iter().sum::<u64>());
            for status in RunStatus::ALL {
                let _ = write!(table, "  {:>cells$}", ended[status.index()], cells = status.as_str().len());
            }
        }
        table.push('\n');
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_loops_is_at_least_one() {
        assert_eq!("3".parse::<Loops>().unwrap().numbers().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(FOREVER.parse(), Ok(Loops::Forever));
        for wrong in ["0", "-1", "x", "1.5", ""] {
            assert!(wrong.parse::<Loops>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn runs_are_numbered_over_the_whole_list() {
        assert_eq!("3".parse::<Loops>().unwrap().label(4, 2), "4/6");
        assert_eq!(Loops::Forever.label(4, 2), "4");
    }

    #[test]
    fn the_table_lines_up() {
        let mut tally = Tally::default();
        assert_eq!(tally.table(), "");
        tally.count("packet-loss-10", RunStatus::Success);
        tally.count("blip", RunStatus::Aborted);
        tally.count("packet-loss-10", RunStatus::Success);
        assert_eq!(
            tally.table(),
            "scenario        runs  success  failed  inconclusive  aborted\n\
             packet-loss-10     2        2       0             0        0\n\
             blip               1        0       0             0        1\n"
        );
    }
}
