//! Writes the client's sums and states as series, family by family. Nothing is counted here.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::collector::ClientFamilies;
use super::shard::{ServerCells, epoch_nanos};
use super::{
    ACQUIRE, ACQUIRE_ERRORS, BREAKER_CHANGED, BREAKER_FAILURES, BREAKER_REJECTED, BREAKER_REQUESTS,
    BREAKER_STATE, BREAKER_TRANSITIONS, CORRUPT, DROPPED, DURATION, ERROR_RATE, ERRORS, FOREIGN, HITS,
    IN_FLIGHT, LAST_ERROR, LATE_WRITES, LATENESS, MISSES, OPERATIONS, PER_SECOND, POOL, POOL_CLOSED,
    POOL_CREATED, QUEUE_DEPTH, SERVICE, STALLED, TARGET_RATE, TIMER_LATENESS, WORKERS,
};
use crate::cells::HistogramCells;
use crate::family::Series;
use crate::labels::{BreakerState, CloseReason, CorruptKind, ErrorType, Operation, PoolState, Status};

impl Collector for ClientFamilies {
    fn encode(&self, mut e: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.encode_operations(&mut e)?;
        self.encode_reads(&mut e)?;
        self.encode_breaker(&mut e)?;
        self.encode_pool(&mut e)?;
        self.encode_load(&mut e)
    }
}

impl ClientFamilies {
    fn by_operation<'a>(
        &'a self,
        series: &mut Series<'_>,
        of: impl Fn(&'a ServerCells) -> &'a [HistogramCells; Operation::COUNT],
    ) -> Result<(), Error> {
        self.each(|server, name| {
            Operation::ALL.iter().try_for_each(|op| {
                let merged = self.merged(server, |cells| &of(cells)[op.index()]);
                series.histogram(&[name, op.as_str()], merged.sum, &merged.buckets)
            })
        })
    }

    fn encode_operations(&self, e: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        OPERATIONS.encode(e, |series| {
            self.each(|server, name| {
                for op in Operation::ALL {
                    for status in Status::ALL {
                        let n = self.sum(server, |s| s.operations[op.index()][status.index()].get());
                        series.count(&[name, op.as_str(), status.as_str()], n)?;
                    }
                }
                Ok(())
            })
        })?;
        ERRORS.encode(e, |series| {
            self.each(|server, name| {
                ErrorType::ALL.iter().try_for_each(|kind| {
                    series.count(&[name, kind.as_str()], self.sum(server, |s| s.errors[kind.index()].get()))
                })
            })
        })?;
        DURATION.encode(e, |series| self.by_operation(series, |s| &s.duration))?;
        SERVICE.encode(e, |series| self.by_operation(series, |s| &s.service))?;
        LATENESS.encode(e, |series| {
            let merged = self.merged_lateness();
            series.histogram(&[], merged.sum, &merged.buckets)
        })?;
        IN_FLIGHT.encode(e, |series| {
            self.each(|server, name| {
                series.number(&[name], self.sum(server, |s| s.in_flight.get()) as i64 as f64)
            })
        })?;
        PER_SECOND.encode_one(e, self.last_second().0)?;
        ERROR_RATE.encode_one(e, self.last_second().1)
    }

    fn encode_reads(&self, e: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        HITS.encode(e, |series| {
            self.each(|server, name| series.count(&[name], self.sum(server, |s| s.hits.get())))
        })?;
        MISSES.encode(e, |series| {
            self.each(|server, name| series.count(&[name], self.sum(server, |s| s.misses.get())))
        })?;
        CORRUPT.encode(e, |series| {
            self.each(|server, name| {
                CorruptKind::ALL.iter().try_for_each(|kind| {
                    series.count(&[name, kind.as_str()], self.sum(server, |s| s.corrupt[kind.index()].get()))
                })
            })
        })?;
        LATE_WRITES.encode(e, |series| {
            self.each(|server, name| series.count(&[name], self.sum(server, |s| s.late_writes.get())))
        })?;
        FOREIGN.encode(e, |series| {
            self.each(|server, name| series.count(&[name], self.sum(server, |s| s.foreign.get())))
        })?;
        LAST_ERROR.encode(e, |series| {
            self.each(|server, name| {
                let nanos = self.last_error_nanos(server);
                series.number(&[name], nanos as f64 / 1e9)
            })
        })
    }

    fn encode_breaker(&self, e: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        // Each breaker is read once, so that all families of a scrape show the same moment.
        let views: Vec<_> = (0..self.servers().len()).map(|server| self.state().breaker(server)).collect();
        BREAKER_STATE.encode(e, |series| {
            self.each(|server, name| series.number(&[name], views[server].state.index() as f64))
        })?;
        BREAKER_TRANSITIONS.encode(e, |series| {
            self.each(|server, name| {
                for from in BreakerState::ALL {
                    for to in BreakerState::ALL.into_iter().filter(|to| *to != from) {
                        let n = views[server].transitions[from.index()][to.index()];
                        series.count(&[name, from.as_str(), to.as_str()], n)?;
                    }
                }
                Ok(())
            })
        })?;
        BREAKER_REQUESTS.encode(e, |series| {
            self.each(|server, name| series.number(&[name], views[server].requests as f64))
        })?;
        BREAKER_FAILURES.encode(e, |series| {
            self.each(|server, name| {
                series.number(&[name, "total"], views[server].failures as f64)?;
                series.number(&[name, "consecutive"], views[server].consecutive_failures as f64)
            })
        })?;
        BREAKER_CHANGED.encode(e, |series| {
            self.each(|server, name| {
                series.number(&[name], views[server].changed_at.map_or(0, epoch_nanos) as f64 / 1e9)
            })
        })?;
        BREAKER_REJECTED.encode(e, |series| {
            self.each(|server, name| series.count(&[name], self.sum(server, |s| s.rejected.get())))
        })
    }

    fn encode_pool(&self, e: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        POOL.encode(e, |series| {
            self.each(|server, name| {
                let pool = self.state().pool(server);
                let idle = pool.total.saturating_sub(pool.active);
                series.number(&[name, PoolState::Total.as_str()], pool.total as f64)?;
                series.number(&[name, PoolState::Active.as_str()], pool.active as f64)?;
                series.number(&[name, PoolState::Idle.as_str()], idle as f64)
            })
        })?;
        POOL_CREATED.encode(e, |series| {
            self.each(|server, name| series.count(&[name], self.sum(server, |s| s.created.get())))
        })?;
        POOL_CLOSED.encode(e, |series| {
            self.each(|server, name| {
                CloseReason::ALL.iter().try_for_each(|reason| {
                    series
                        .count(&[name, reason.as_str()], self.sum(server, |s| s.closed[reason.index()].get()))
                })
            })
        })?;
        ACQUIRE_ERRORS.encode(e, |series| {
            self.each(|server, name| series.count(&[name], self.sum(server, |s| s.acquire_errors.get())))
        })?;
        ACQUIRE.encode(e, |series| {
            self.each(|server, name| {
                let merged = self.merged_waits(server);
                series.histogram(&[name], merged.sum, &merged.buckets)
            })
        })
    }

    fn encode_load(&self, e: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let load = self.state().load();
        TARGET_RATE.encode_one(e, load.target_rate)?;
        WORKERS.encode_one(e, load.workers as f64)?;
        QUEUE_DEPTH.encode_one(e, load.queue_depth as f64)?;
        DROPPED.encode(e, |series| series.count(&[], self.totals().dropped))?;
        TIMER_LATENESS.encode(e, |series| {
            let merged = self.merged_timer_lateness();
            series.histogram(&[], merged.sum, &merged.buckets)
        })?;
        let stalled: u64 = self.shards().iter().map(|shard| shard.stalled.get()).sum();
        STALLED.encode_one(e, stalled as f64 / 1e9)
    }
}
