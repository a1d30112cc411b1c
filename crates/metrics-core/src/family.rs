//! How a metric family is declared and written: one constant has its name, HELP, kind and labels. The families themselves
//! are declared in `families`.

use std::fmt::{Error, Write as _};

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;

use crate::limit::{self, LABEL_SETS};

/// The type of a family's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only increases; its name ends in `_total`.
    Counter,
    /// Increases and decreases.
    Gauge,
    /// Counts by bucket.
    Histogram,
}

/// The declaration of one metric family.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The name as Prometheus stores it, including `_total`.
    pub name: &'static str,
    /// What it measures and in which unit, as one sentence without a period.
    pub help: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// The names of its labels, in the order in which they are written.
    pub labels: &'static [&'static str],
}

impl Family {
    pub(crate) const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Family { name, help, kind: Kind::Counter, labels }
    }

    pub(crate) const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Family { name, help, kind: Kind::Gauge, labels }
    }

    pub(crate) const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Family { name, help, kind: Kind::Histogram, labels }
    }

    /// Every name that its series have. Series of a histogram have three.
    pub(crate) fn series_names(&self) -> impl Iterator<Item = String> + use<> {
        let suffixes: &[&str] = match self.kind {
            Kind::Histogram => &["_bucket", "_count", "_sum"],
            Kind::Counter | Kind::Gauge => &[""],
        };
        let name = self.name;
        suffixes.iter().map(move |suffix| format!("{name}{suffix}"))
    }

    /// Writes HELP and TYPE, then the series that `write` adds.
    pub(crate) fn encode(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        write: impl FnOnce(&mut Series<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (name, kind) = match self.kind {
            // The encoder appends `_total` to every counter's samples by itself.
            Kind::Counter => (self.name.strip_suffix("_total").unwrap_or(self.name), MetricType::Counter),
            Kind::Gauge => (self.name, MetricType::Gauge),
            Kind::Histogram => (self.name, MetricType::Histogram),
        };
        let encoder = encoder.encode_descriptor(name, self.help, None, kind)?;
        let mut series = Series { encoder, family: self, written: 0 };
        let written = write(&mut series);
        let refused = series.written.saturating_sub(LABEL_SETS);
        if refused > 0 {
            limit::record_refused(self.name, refused);
        }
        written
    }

    /// Writes a family that has one series and no labels.
    pub(crate) fn encode_one(&self, encoder: &mut DescriptorEncoder<'_>, value: f64) -> Result<(), Error> {
        self.encode(encoder, |series| series.number(&[], value))
    }
}

/// Writes the series of one family. Label values are given in the order of the family's labels.
pub(crate) struct Series<'a> {
    encoder: MetricEncoder<'a>,
    family: &'a Family,
    written: usize,
}

impl Series<'_> {
    /// Whether one more label set fits. The first ones stay, so that the graphs of the oldest series continue.
    fn admits(&mut self) -> bool {
        self.written += 1;
        self.written <= LABEL_SETS
    }

    /// One series of a counter with an integer count.
    pub(crate) fn count(&mut self, values: &[&str], count: u64) -> Result<(), Error> {
        if !self.admits() {
            return Ok(());
        }
        let labels = Labels { names: self.family.labels, values };
        self.encoder.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&count, None)
    }

    /// One series of a gauge, or of a counter that counts seconds.
    pub(crate) fn number(&mut self, values: &[&str], value: f64) -> Result<(), Error> {
        if !self.admits() {
            return Ok(());
        }
        let labels = Labels { names: self.family.labels, values };
        let mut encoder = self.encoder.encode_family(&labels)?;
        match self.family.kind {
            Kind::Counter => encoder.encode_counter::<NoLabelSet, _, f64>(&value, None),
            Kind::Gauge | Kind::Histogram => encoder.encode_gauge(&value),
        }
    }

    /// One histogram. `buckets` are pairs of an upper edge and the count in that bucket; the last edge is infinite.
    pub(crate) fn histogram(
        &mut self,
        values: &[&str],
        sum: f64,
        buckets: &[(f64, u64)],
    ) -> Result<(), Error> {
        if !self.admits() {
            return Ok(());
        }
        let labels = Labels { names: self.family.labels, values };
        let count = buckets.iter().map(|(_, n)| n).sum();
        self.encoder.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, buckets, None)
    }
}

#[derive(Debug)]
struct Labels<'a> {
    names: &'a [&'a str],
    values: &'a [&'a str],
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), Error> {
        debug_assert_eq!(self.names.len(), self.values.len(), "labels of {:?}", self.names);
        for (name, value) in self.names.iter().zip(self.values) {
            let mut label = encoder.encode_label();
            let mut key = label.encode_label_key()?;
            key.write_str(name)?;
            let mut encoder = key.encode_label_value()?;
            value.encode(&mut encoder)?;
            encoder.finish()?;
        }
        Ok(())
    }
}
