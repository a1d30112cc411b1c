//! The figures of one rate of loss, and the bands in which they must be. Pure.

use bench::rounds::Spread;

use crate::distribution::Distribution;

/// What loses the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    Kernel,
    Model,
}

/// One measurement.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    /// Operations per second.
    pub(crate) rate: f64,
    /// Share of the operations that failed, from 0 to 1.
    pub(crate) failed: f64,
    pub(crate) service: Distribution,
    /// Slow operations per second in the second half of the window, over those in the first half.
    pub(crate) drift: f64,
}

/// The measurements of one rate of loss, in the order of the rounds.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    pub(crate) rate: f64,
    kernel: Vec<Cell>,
    model: Vec<Cell>,
}

/// One figure and its band.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) measured: Spread,
    pub(crate) at_least: f64,
    pub(crate) at_most: f64,
}

impl Figure {
    pub(crate) fn met(&self) -> bool {
        (self.at_least..=self.at_most).contains(&self.measured.median)
    }
}

impl Level {
    pub(crate) fn new(rate: f64) -> Self {
        Self { rate, kernel: Vec::new(), model: Vec::new() }
    }

    pub(crate) fn add(&mut self, loss: Loss, cell: Cell) {
        match loss {
            Loss::Kernel => self.kernel.push(cell),
            Loss::Model => self.model.push(cell),
        }
    }

    /// A value of the measurements over the rounds.
    pub(crate) fn spread(&self, loss: Loss, of: impl Fn(&Cell) -> f64) -> Option<Spread> {
        let cells = match loss {
            Loss::Kernel => &self.kernel,
            Loss::Model => &self.model,
        };
        Spread::of(cells.iter().map(of))
    }

    /// Ratios are the model over the kernel. The distance compares both, the drift is the model's alone.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let ratio = |of: fn(&Cell) -> f64| {
            let values = |cells: &[Cell]| cells.iter().map(of).collect::<Vec<_>>();
            Spread::ratio(&values(&self.model), &values(&self.kernel))
        };
        let pairs = self.model.iter().zip(&self.kernel);
        let distance =
            Spread::of(pairs.map(|(model, kernel)| model.service.slow().distance(&kernel.service.slow())));
        let figures = [
            ("throughput, model over kernel", "", ratio(|cell| cell.rate), 0.85, 1.15),
            ("slow share, model over kernel", "", ratio(|cell| cell.service.slow_share()), 0.92, 1.08),
            ("distance of the slow operations' times", " decades", distance, 0.0, 0.05),
            (
                "slow operations/s, second half over first",
                "",
                self.spread(Loss::Model, |cell| cell.drift),
                0.9,
                1.1,
            ),
        ];
        let figure = |(name, unit, measured, at_least, at_most): (_, _, Option<Spread>, _, _)| {
            Some(Figure { name, unit, measured: measured?, at_least, at_most })
        };
        figures.into_iter().filter_map(figure).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(rate: f64, slow: u32) -> Cell {
        let csv = format!("time,seconds,operations\nservice,0.001,{}\nservice,0.21,{slow}\n", 1000 - slow);
        Cell { rate, failed: 0.0, service: Distribution::parse(&csv).unwrap(), drift: 1.0 }
    }

    fn met(model: Cell) -> Vec<bool> {
        let mut level = Level::new(0.1);
        level.add(Loss::Kernel, cell(100.0, 100));
        level.add(Loss::Model, model);
        level.figures().iter().map(Figure::met).collect()
    }

    #[test]
    fn each_figure_can_be_missed() {
        assert_eq!(met(cell(100.0, 100)), [true; 4]);
        assert_eq!(met(cell(80.0, 100)), [false, true, true, true]);
        assert_eq!(met(cell(120.0, 100)), [false, true, true, true]);
        assert_eq!(met(cell(100.0, 110)), [true, false, true, true]);
        let late =
            Distribution::parse("time,seconds,operations\nservice,0.001,900\nservice,0.42,100\n").unwrap();
        assert_eq!(met(Cell { service: late, ..cell(100.0, 100) }), [true, true, false, true]);
        assert_eq!(met(Cell { drift: 0.5, ..cell(100.0, 100) }), [true, true, true, false]);
    }

    #[test]
    fn a_figure_that_is_not_a_number_is_missed() {
        assert_eq!(met(Cell { drift: f64::NAN, ..cell(f64::NAN, 100) }), [false, true, true, false]);
    }
}
