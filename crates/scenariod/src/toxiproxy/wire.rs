//! Toxiproxy's paths and JSON. They are spelled in this file only; it makes no call.

use std::collections::BTreeMap;
use std::fmt;

use daemon_core::values::Fraction;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{NewProxy, Power, Proxy, ProxyToxic};
use crate::fault::toxic::{Stream, Toxic, ToxicKind};

const UPSTREAM: &str = "upstream";
const DOWNSTREAM: &str = "downstream";

/// A path of the API.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ApiPath<'a> {
    Proxies,
    Proxy(&'a str),
    Toxics(&'a str),
    /// A proxy and one of its toxics.
    Toxic(&'a str, &'a str),
}

impl<'a> ApiPath<'a> {
    pub(super) fn segments(self) -> Vec<&'a str> {
        match self {
            ApiPath::Proxies => vec!["proxies"],
            ApiPath::Proxy(proxy) => vec!["proxies", proxy],
            ApiPath::Toxics(proxy) => vec!["proxies", proxy, "toxics"],
            ApiPath::Toxic(proxy, toxic) => vec!["proxies", proxy, "toxics", toxic],
        }
    }
}

/// As shown to users.
impl fmt::Display for ApiPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments().into_iter().try_for_each(|segment| write!(f, "/{segment}"))
    }
}

/// Body of `POST /proxies` and entry of the start-up configuration.
#[derive(Serialize)]
pub(super) struct ProxyBody<'a> {
    name: &'a str,
    listen: &'a str,
    upstream: &'a str,
    enabled: bool,
}

impl<'a> From<&'a NewProxy> for ProxyBody<'a> {
    fn from(proxy: &'a NewProxy) -> Self {
        ProxyBody { name: &proxy.name, listen: &proxy.listen, upstream: &proxy.upstream, enabled: true }
    }
}

/// Body of the call that enables or disables a proxy.
#[derive(Serialize)]
pub(super) struct PowerBody {
    enabled: bool,
}

impl From<Power> for PowerBody {
    fn from(power: Power) -> Self {
        PowerBody { enabled: power == Power::Enabled }
    }
}

/// The body of the call that adds a toxic, as shown to users.
pub(crate) fn toxic_body(name: &str, toxic: &Toxic) -> String {
    serde_json::to_string(&ToxicBody::new(name, toxic)).unwrap_or_default()
}

/// The body of the call that enables or disables a proxy, as shown to users.
pub(crate) fn power_body(power: Power) -> String {
    serde_json::to_string(&PowerBody::from(power)).unwrap_or_default()
}

/// The file Toxiproxy reads with `-config`.
pub(crate) fn start_up_config(proxies: &[NewProxy]) -> String {
    let bodies: Vec<ProxyBody<'_>> = proxies.iter().map(ProxyBody::from).collect();
    // Strings and booleans under fixed keys cannot fail to serialise.
    let mut text = serde_json::to_string_pretty(&bodies).unwrap_or_default();
    text.push('\n');
    text
}

/// A toxic in JSON, as sent and as read. Toxiproxy takes the direction from `stream` alone.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct ToxicBody {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    stream: String,
    toxicity: f64,
    attributes: Value,
}

impl ToxicBody {
    pub(super) fn new(name: &str, toxic: &Toxic) -> ToxicBody {
        let (kind, attributes) = match toxic.kind {
            ToxicKind::Latency { latency, jitter } => {
                ("latency", json!({ "latency": latency, "jitter": jitter }))
            }
            ToxicKind::Timeout { timeout } => ("timeout", json!({ "timeout": timeout })),
            ToxicKind::Bandwidth { rate } => ("bandwidth", json!({ "rate": rate })),
            ToxicKind::ResetPeer { timeout } => ("reset_peer", json!({ "timeout": timeout })),
            ToxicKind::SlowClose { delay } => ("slow_close", json!({ "delay": delay })),
            ToxicKind::Slicer { average_size, size_variation, delay } => (
                "slicer",
                json!({ "average_size": average_size, "size_variation": size_variation, "delay": delay }),
            ),
            ToxicKind::LimitData { bytes } => ("limit_data", json!({ "bytes": bytes })),
            ToxicKind::DropChunks { loss_rate } => ("packet_loss", json!({ "loss_rate": loss_rate })),
            ToxicKind::Marker => ("latency", json!({ "latency": 0, "jitter": 0 })),
        };
        // A toxicity of 0 marks it: a latency of 0 that is part of a fault has a higher one.
        let toxicity = if toxic.kind == ToxicKind::Marker { 0.0 } else { toxic.share.get() };
        let stream = match toxic.stream {
            Stream::Requests => UPSTREAM,
            Stream::Replies => DOWNSTREAM,
        };
        ToxicBody {
            name: name.to_owned(),
            kind: kind.to_owned(),
            stream: stream.to_owned(),
            toxicity,
            attributes,
        }
    }

    /// `None` for a toxic that the lab would never add.
    fn toxic(&self) -> Option<Toxic> {
        let number = |key: &str| self.attributes.get(key)?.as_i64();
        let kind = match self.kind.as_str() {
            // Exactly 0: nothing else reads back as a marker.
            "latency" if self.toxicity <= 0.0 && number("latency")? == 0 && number("jitter")? == 0 => {
                ToxicKind::Marker
            }
            "latency" => ToxicKind::Latency { latency: number("latency")?, jitter: number("jitter")? },
            "timeout" => ToxicKind::Timeout { timeout: number("timeout")? },
            "bandwidth" => ToxicKind::Bandwidth { rate: number("rate")? },
            "reset_peer" => ToxicKind::ResetPeer { timeout: number("timeout")? },
            "slow_close" => ToxicKind::SlowClose { delay: number("delay")? },
            "slicer" => ToxicKind::Slicer {
                average_size: number("average_size")?,
                size_variation: number("size_variation")?,
                delay: number("delay")?,
            },
            "limit_data" => ToxicKind::LimitData { bytes: number("bytes")? },
            "packet_loss" => ToxicKind::DropChunks { loss_rate: self.attributes.get("loss_rate")?.as_f64()? },
            _ => return None,
        };
        let share = if kind == ToxicKind::Marker { Fraction::ONE } else { Fraction::new(self.toxicity)? };
        let stream = match self.stream.as_str() {
            UPSTREAM => Stream::Requests,
            DOWNSTREAM => Stream::Replies,
            _ => return None,
        };
        Some(Toxic { stream, share, kind })
    }
}

impl ProxyToxic {
    /// Whether it has the name that Toxiproxy gives to a toxic that is added without one.
    pub(crate) fn is_named_by_default(&self) -> bool {
        let stream = self.name.strip_prefix(&self.kind).and_then(|rest| rest.strip_prefix('_'));
        matches!(stream, Some(UPSTREAM | DOWNSTREAM))
    }
}

/// Answer of `GET /proxies`. Keys of newer versions are ignored.
pub(super) type ProxiesView = BTreeMap<String, ProxyView>;

#[derive(Deserialize)]
pub(super) struct ProxyView {
    name: String,
    listen: String,
    upstream: String,
    enabled: bool,
    #[serde(default)]
    toxics: Vec<ToxicBody>,
}

impl From<ProxyView> for Proxy {
    fn from(view: ProxyView) -> Self {
        let toxic = |body: ToxicBody| ProxyToxic { toxic: body.toxic(), name: body.name, kind: body.kind };
        Proxy {
            name: view.name,
            listen: view.listen,
            upstream: view.upstream,
            power: if view.enabled { Power::Enabled } else { Power::Disabled },
            toxics: view.toxics.into_iter().map(toxic).collect(),
        }
    }
}

/// Body of every refusal.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    pub(super) error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSS: Toxic = Toxic {
        stream: Stream::Replies,
        share: Fraction::ONE,
        kind: ToxicKind::Latency { latency: -1664, jitter: 2080 },
    };

    #[test]
    fn toxics_are_sent_in_the_json_that_toxiproxy_reads() {
        assert_eq!(
            serde_json::to_value(ToxicBody::new("rl.a.0.1", &LOSS)).unwrap(),
            json!({
                "name": "rl.a.0.1", "type": "latency", "stream": "downstream", "toxicity": 1.0,
                "attributes": { "latency": -1664, "jitter": 2080 }
            })
        );
        let requests = Toxic { stream: Stream::Requests, kind: ToxicKind::Timeout { timeout: 0 }, ..LOSS };
        assert_eq!(
            serde_json::to_value(ToxicBody::new("x", &requests)).unwrap(),
            json!({ "name": "x", "type": "timeout", "stream": "upstream", "toxicity": 1.0, "attributes": { "timeout": 0 } })
        );
    }

    /// Recorded from Toxiproxy 2.12.0.
    const RECORDED: &str = r#"{"a":{"name":"a","listen":"127.0.0.1:39925","upstream":"127.0.0.1:1","enabled":true,"Logger":{},
        "toxics":[{"attributes":{"latency":-1664,"jitter":2080},"name":"rl.x.0.1","type":"latency","stream":"downstream","toxicity":1},
        {"attributes":{"rate":5},"name":"slow","type":"bandwidth","stream":"upstream","toxicity":0.5},
        {"attributes":{"x":5},"name":"odd","type":"noop","stream":"upstream","toxicity":1}]}}"#;

    #[test]
    fn toxics_are_read_from_the_json_that_toxiproxy_sends() {
        let mut view: ProxiesView = serde_json::from_str(RECORDED).unwrap();
        let proxy = Proxy::from(view.remove("a").unwrap());
        assert_eq!(proxy.power, Power::Enabled);
        assert!(proxy.toxics[0].has_effect(&LOSS));
        assert!(!proxy.toxics[0].has_effect(&Toxic { stream: Stream::Requests, ..LOSS }));
        let half = Fraction::new(0.5).unwrap();
        let slow = Toxic { stream: Stream::Requests, share: half, kind: ToxicKind::Bandwidth { rate: 5 } };
        assert!(proxy.toxics[1].has_effect(&slow));
        assert_eq!(proxy.toxics[2], ProxyToxic { name: "odd".into(), kind: "noop".into(), toxic: None });
    }

    #[test]
    fn default_names_of_toxiproxy_are_recognised() {
        let by_default = |name: &str| {
            ProxyToxic { name: name.into(), kind: "slow_close".into(), toxic: None }.is_named_by_default()
        };
        assert!(by_default("slow_close_upstream") && by_default("slow_close_downstream"));
        for chosen in
            ["slow_close", "slow_closeupstream", "slow_close_", "latency_upstream", "slow_close_upstream2"]
        {
            assert!(!by_default(chosen), "{chosen}");
        }
    }

    #[test]
    fn every_kind_reads_back_as_it_was_sent() {
        let kinds = [
            ToxicKind::Latency { latency: 0, jitter: 0 },
            ToxicKind::Timeout { timeout: 3 },
            ToxicKind::Bandwidth { rate: 0 },
            ToxicKind::ResetPeer { timeout: 0 },
            ToxicKind::SlowClose { delay: 7 },
            ToxicKind::Slicer { average_size: 8, size_variation: 2, delay: 100 },
            ToxicKind::LimitData { bytes: 9 },
            ToxicKind::DropChunks { loss_rate: 0.1 },
            ToxicKind::Marker,
        ];
        for kind in kinds {
            let toxic = Toxic { kind, ..LOSS };
            let sent = serde_json::to_value(ToxicBody::new("x", &toxic)).unwrap();
            let body: ToxicBody = serde_json::from_value(sent).unwrap();
            assert_eq!(body.toxic(), Some(toxic));
        }
    }
}
