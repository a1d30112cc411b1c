//! Down: nobody listens. The proxy is disabled below a marker toxic. Pure.

use metrics_core::labels::FaultType;

use super::effect::Effect;
use crate::fault::toxic::ToxicKind;

/// Connections are closed, and new ones refused. The marker goes on first and comes off last: whoever finds the proxy
/// disabled learns from it whose doing that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Down;

impl Effect for Down {
    fn label(&self) -> FaultType {
        FaultType::Down
    }

    fn param_names(&self) -> &'static [&'static str] {
        &[]
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Marker]
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    fn describe(&self) -> String {
        "down".to_owned()
    }
}
