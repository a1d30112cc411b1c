//! Repeats a call to Toxiproxy where that may help. A call in progress is never dropped.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::toxiproxy::ToxiproxyError;

/// How often a call is tried at most.
pub(super) const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// Tries a call up to `TRIES` times. `None`: `stop` was cancelled before a try. A try in progress always runs to its end.
pub(super) async fn retry<T, F: Future<Output = Result<T, ToxiproxyError>>>(
    stop: &CancellationToken,
    mut call: impl FnMut() -> F,
) -> Option<Result<T, ToxiproxyError>> {
    for tried in 1.. {
        if stop.is_cancelled() {
            return None;
        }
        match call().await {
            Err(error) if error.is_passing() && tried < TRIES => {
                tracing::warn!(%error, "call to toxiproxy failed, trying again");
                tokio::time::sleep(PAUSE).await;
            }
            result => return Some(result),
        }
    }
    None
}
