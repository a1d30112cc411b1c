//! The file of `--histogram`. It is created before the load starts, so that an invalid path fails at once.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use daemon_core::exit::{Exit, UserError};

use crate::summary::Histogram;

/// A file that is open for writing.
#[derive(Debug)]
pub(crate) struct HistogramFile {
    path: PathBuf,
    file: File,
}

/// Why the histogram was not written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the histogram to {path}", path = path.display())]
pub(crate) struct HistogramError {
    path: PathBuf,
    source: io::Error,
}

impl UserError for HistogramError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }
}

impl HistogramFile {
    pub(crate) fn create(path: PathBuf) -> Result<HistogramFile, HistogramError> {
        match File::create(&path) {
            Ok(file) => Ok(HistogramFile { path, file }),
            Err(source) => Err(HistogramError { path, source }),
        }
    }

    pub(crate) fn write(mut self, histogram: &Histogram) -> Result<(), HistogramError> {
        let written = self.file.write_all(histogram.to_string().as_bytes());
        written.map_err(|source| HistogramError { path: self.path, source })
    }
}
