//! Measures how late a load thread runs, with a timer that no operation uses. A slow node or a full pool delays operations, but
//! not this timer: only a machine that does not run the thread does. It works the same in an open and in a closed loop.

use std::convert::Infallible;
use std::io;
use std::time::{Duration, Instant};

use crate::recorder::{Event, Recorder};
use crate::timer::Timer;

/// Time between two beats. A shorter time would cost more, a longer one would miss short delays.
pub(crate) const BEAT: Duration = Duration::from_millis(20);

/// Records the lateness of each beat until it is dropped. It uses the system's clock, as its timer does.
pub(crate) async fn beat<R: Recorder>(recorder: &R) -> io::Result<Infallible> {
    let mut timer = Timer::new()?;
    loop {
        let planned = Instant::now() + BEAT;
        timer.sleep(BEAT).await?;
        recorder.record(Event::WokeLate { by: planned.elapsed() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::tally::Tally;

    #[tokio::test]
    async fn a_thread_that_does_not_run_is_late_by_the_time_it_lost() {
        let tally = Tally::default();
        let lost = Duration::from_millis(120);
        let blocks = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            // For the timer, a thread that is busy is like one that gets no CPU.
            let began = Instant::now();
            while began.elapsed() < lost {
                std::hint::spin_loop();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        tokio::select! {
            ended = beat(&tally) => unreachable!("{ended:?}"),
            () = blocks => {}
        }
        let late = tally.events().into_iter().filter_map(|event| match event {
            Event::WokeLate { by } => Some(by),
            _ => None,
        });
        assert!(late.max() >= Some(lost - BEAT), "{:?}", tally.events());
    }
}
