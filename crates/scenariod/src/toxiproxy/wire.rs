//! How Toxiproxy spells things in JSON. Nothing outside this file knows; nothing in here talks to a network.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{NewProxy, Placed, Power, Proxy};
use crate::toxic::{Share, Stream, Toxic, ToxicKind};

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

/// The file Toxiproxy reads with `-config`.
pub(crate) fn start_up_config(proxies: &[NewProxy]) -> String {
    let bodies: Vec<ProxyBody<'_>> = proxies.iter().map(ProxyBody::from).collect();
    // Strings and booleans under fixed keys cannot fail to serialise.
    let mut text = serde_json::to_string_pretty(&bodies).unwrap_or_default();
    text.push('\n');
    text
}

/// A toxic as it is sent and as it comes back. Toxiproxy reads the direction from `stream` and nothing else.
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
        };
        let stream = match toxic.stream {
            Stream::Requests => "upstream",
            Stream::Replies => "downstream",
        };
        ToxicBody {
            name: name.to_owned(),
            kind: kind.to_owned(),
            stream: stream.to_owned(),
            toxicity: toxic.share.get(),
            attributes,
        }
    }

    fn read(&self) -> Option<Toxic> {
        let number = |key: &str| self.attributes.get(key)?.as_i64();
        let kind = match self.kind.as_str() {
            "latency" => ToxicKind::Latency { latency: number("latency")?, jitter: number("jitter")? },
            "timeout" => ToxicKind::Timeout { timeout: number("timeout")? },
            _ => return None,
        };
        let stream = match self.stream.as_str() {
            "upstream" => Stream::Requests,
            "downstream" => Stream::Replies,
            _ => return None,
        };
        Some(Toxic { stream, share: Share::new(self.toxicity)?, kind })
    }
}

/// Answer of `GET /proxies`. Keys of newer versions are none of our business.
pub(super) type ProxiesView = BTreeMap<String, ProxyView>;

#[derive(Deserialize)]
pub(super) struct ProxyView {
    name: String,
    upstream: String,
    enabled: bool,
    #[serde(default)]
    toxics: Vec<ToxicBody>,
}

impl From<ProxyView> for Proxy {
    fn from(view: ProxyView) -> Self {
        let place = |body: ToxicBody| Placed { toxic: body.read(), name: body.name, kind: body.kind };
        Proxy {
            name: view.name,
            upstream: view.upstream,
            power: if view.enabled { Power::Enabled } else { Power::Disabled },
            toxics: view.toxics.into_iter().map(place).collect(),
        }
    }
}

/// Body of every refusal.
#[derive(Deserialize)]
pub(super) struct Refusal {
    pub(super) error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSS: Toxic = Toxic {
        stream: Stream::Replies,
        share: Share::ALL,
        kind: ToxicKind::Latency { latency: -1664, jitter: 2080 },
    };

    #[test]
    fn toxics_are_sent_as_toxiproxy_reads_them() {
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
        {"attributes":{"rate":5},"name":"slow","type":"bandwidth","stream":"upstream","toxicity":0.5}]}}"#;

    #[test]
    fn toxics_are_read_as_toxiproxy_sends_them() {
        let mut view: ProxiesView = serde_json::from_str(RECORDED).unwrap();
        let proxy = Proxy::from(view.remove("a").unwrap());
        assert_eq!(proxy.power, Power::Enabled);
        assert!(proxy.toxics[0].is(&LOSS));
        assert!(!proxy.toxics[0].is(&Toxic { stream: Stream::Requests, ..LOSS }));
        assert_eq!(proxy.toxics[1], Placed { name: "slow".into(), kind: "bandwidth".into(), toxic: None });
    }
}
