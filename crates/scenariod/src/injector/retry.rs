//! Tries a call to Toxiproxy again where that may help. A call under way is never dropped.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::toxiproxy::ToxiproxyError;

/// Calls that may end better in a moment are tried so often.
pub(super) const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// Tries a call a few times. `None`: `stop` came before the next try; a try under way is always waited for.
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
            answer => return Some(answer),
        }
    }
    None
}
