//! The exchange alone: the same client crate and the same threads as loadgen, without deadline, breaker, pool, metrics and
//! verification. The cost of loadgen above this is its instrumentation.

use std::net::SocketAddr;
use std::{io, thread};

use fastrand::Rng;
use memcache::exp::{AsyncMetaConnection, Error, GetOptions, ReturnCode, SetOptions, build_get, build_set};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::task::LocalSet;

use crate::cli::Load;
use crate::error::BenchError;
use crate::wire::{self, KEYS, VALUE};

/// Runs until a signal or the failure of a connection ends it.
pub(crate) fn run(load: &Load) -> Result<(), BenchError> {
    let failed = |source: io::Error| BenchError::Run { program: "bare".to_owned(), source };
    let mut threads = Vec::new();
    for thread in 0..load.threads {
        let share = share(load.connections, load.threads, thread);
        let load = load.clone();
        let spawned = thread::Builder::new().name(format!("bare-{thread}")).spawn(move || work(&load, share));
        threads.push(spawned.map_err(failed)?);
    }
    for thread in threads {
        match thread.join() {
            Ok(result) => result?,
            Err(_) => return Err(failed(io::Error::other("a thread panicked"))),
        }
    }
    Ok(())
}

/// The part of `all` that thread `index` of `count` takes.
fn share(all: u32, count: u32, index: u32) -> u32 {
    all / count + u32::from(index < all % count)
}

fn work(load: &Load, connections: u32) -> Result<(), BenchError> {
    let failed = |source: io::Error| BenchError::Node { address: load.address, source };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let mut workers = JoinSet::new();
        for _ in 0..connections {
            workers.spawn_local(exchange(load.address, load.sets));
        }
        match workers.join_next().await {
            Some(Ok(Err(error))) => Err(failed(io::Error::other(error.to_string()))),
            _ => Err(failed(io::Error::other("a worker ended"))),
        }
    })
}

async fn exchange(address: SocketAddr, sets: u32) -> Result<(), Error> {
    let mut connection = AsyncMetaConnection::connect(address).await?;
    let mut rng = Rng::new();
    let mut key = Vec::new();
    let value = [b'x'; VALUE];
    loop {
        let set = rng.u32(..100) < sets;
        wire::key(&mut key, rng.u32(..KEYS));
        let (command, expected) = if set {
            (build_set(&key, value, &SetOptions::default())?, ReturnCode::Hd)
        } else {
            (build_get(&key, &GetOptions::default())?, ReturnCode::Va)
        };
        let response = connection.execute(&command).await?;
        if response.rc() != expected {
            return Err(io::Error::other(format!("{:?} instead of {expected:?}", response.rc())).into());
        }
        std::hint::black_box(response.into_value());
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_add_up() {
        for (all, count) in [(32, 1), (64, 2), (100, 3), (2, 5)] {
            assert_eq!((0..count).map(|index| share(all, count, index)).sum::<u32>(), all);
        }
    }
}
