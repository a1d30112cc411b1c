//! A real Toxiproxy, and its state as the JSON of its API.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::environment::command;
use crate::process::{Process, SharedProcess, StartError, launch, started};
use crate::programs::program;
use crate::{http, ports};

/// A toxiproxy-server on a free loopback port, killed on drop.
pub struct Toxiproxy {
    addr: SocketAddr,
    config: TempDir,
    process: SharedProcess,
}

impl Toxiproxy {
    /// Starts one without proxies; it answers when this returns.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with::<&str>([])
    }

    /// Starts one with a proxy on a free port for each name and upstream; [`Toxiproxy::listen`] gives the port.
    #[track_caller]
    pub fn start_with<N: AsRef<str>>(proxies: impl IntoIterator<Item = (N, SocketAddr)>) -> Self {
        let config = tempfile::tempdir().expect("temporary folder");
        let proxies: Vec<_> =
            proxies.into_iter().map(|(name, upstream)| (name.as_ref().to_owned(), upstream)).collect();
        let plan = || {
            // Each reservation lives until all ports are chosen, so that they differ.
            let reserved: Vec<_> = proxies.iter().map(|_| ports::reserve()).collect();
            let proxy = |((name, upstream), port): (&(String, SocketAddr), &ports::PortReservation)| json!({"name": name, "listen": port.addr.to_string(), "upstream": upstream.to_string(), "enabled": true});
            let all: Vec<_> = proxies.iter().zip(&reserved).map(proxy).collect();
            std::fs::write(config.path().join("proxies.json"), json!(all).to_string()).expect("proxies.json");
            ports::reserve().addr
        };
        let (addr, process) = started(run(&config, plan, proxies.len()));
        Self { addr, config, process: SharedProcess::new(process) }
    }

    /// The URL of its API, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Where it serves its API and its metrics.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `GET /proxies`: an object with one member per proxy.
    #[track_caller]
    pub fn proxies(&self) -> Value {
        self.call("GET", "/proxies", "")
    }

    /// One proxy as Toxiproxy shows it.
    #[track_caller]
    pub fn proxy(&self, name: &str) -> Value {
        self.call("GET", &format!("/proxies/{name}"), "")
    }

    /// Where a proxy listens.
    #[track_caller]
    pub fn listen(&self, proxy: &str) -> SocketAddr {
        let shown = self.proxy(proxy);
        shown["listen"]
            .as_str()
            .and_then(|addr| addr.parse().ok())
            .unwrap_or_else(|| panic!("no address: {shown}"))
    }

    /// The toxics of one proxy.
    #[track_caller]
    pub fn toxics(&self, proxy: &str) -> Vec<Value> {
        self.proxy(proxy)["toxics"].as_array().cloned().unwrap_or_default()
    }

    /// The names of all toxics, as `proxy/toxic`. Empty when no fault is active.
    #[track_caller]
    pub fn toxic_names(&self) -> Vec<String> {
        let proxies = self.proxies();
        let mut names = Vec::new();
        for (proxy, shown) in proxies.as_object().expect("an object of proxies") {
            for toxic in shown["toxics"].as_array().into_iter().flatten() {
                names.push(format!("{proxy}/{}", toxic["name"].as_str().unwrap_or("?")));
            }
        }
        names
    }

    /// Creates a proxy. With port 0 Toxiproxy chooses the port, and the answer names it.
    #[track_caller]
    pub fn add_proxy(&self, name: &str, listen: impl ToString, upstream: impl ToString) -> Value {
        let body = json!({"name": name, "listen": listen.to_string(), "upstream": upstream.to_string(), "enabled": true});
        self.call("POST", "/proxies", &body.to_string())
    }

    /// Adds a toxic in Toxiproxy's own format, e.g. `{"type": "latency", "attributes": {"latency": 50}}`.
    #[track_caller]
    pub fn add_toxic(&self, proxy: &str, toxic: &str) -> Value {
        self.call("POST", &format!("/proxies/{proxy}/toxics"), toxic)
    }

    /// Removes a toxic.
    #[track_caller]
    pub fn delete_toxic(&self, proxy: &str, toxic: &str) {
        self.call("DELETE", &format!("/proxies/{proxy}/toxics/{toxic}"), "");
    }

    /// Disables a proxy (its port refuses connections) or enables it.
    #[track_caller]
    pub fn enable(&self, proxy: &str, enabled: bool) {
        self.call("POST", &format!("/proxies/{proxy}"), &json!({ "enabled": enabled }).to_string());
    }

    /// SIGKILL: connections are reset, later ones are refused.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Kills it if it runs and starts it again on the same ports, with the proxies of its first start and no toxic.
    #[track_caller]
    pub fn restart(&self) {
        let config = std::fs::read_to_string(self.config.path().join("proxies.json")).expect("proxies.json");
        let proxies = config.matches("\"upstream\"").count();
        self.process.restart(|| run(&self.config, || self.addr, proxies).map(|(_, process)| process));
    }

    /// SIGSTOP: neither the API nor the proxied connections make progress.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.process.resume();
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &str) -> Value {
        let shown = format!("{method} {path} {body}");
        let answer = http::request(method, &format!("{}{path}", self.url()), &[], body)
            .unwrap_or_else(|error| panic!("toxiproxy {}: {shown}: {error}", self.addr));
        assert!(answer.status < 300, "toxiproxy {}: {shown}: {} {}", self.addr, answer.status, answer.body);
        if answer.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&answer.body).expect("JSON from Toxiproxy")
        }
    }
}

#[track_caller]
fn run(
    config: &TempDir,
    port: impl Fn() -> SocketAddr,
    proxies: usize,
) -> Result<(SocketAddr, Process), StartError> {
    let plan = || {
        let addr = port();
        let mut command = command(program("toxiproxy-server"));
        command.args(["-host", &addr.ip().to_string(), "-port", &addr.port().to_string()]);
        command.args(["-runtime-metrics", "-proxy-metrics"]);
        command.arg("-config").arg(config.path().join("proxies.json"));
        command.env("LOG_LEVEL", "info"); // by default it logs every connection
        (addr, command)
    };
    // It answers before its proxies exist, and keeps running when one of them cannot listen.
    launch("toxiproxy-server", plan, |addr, _| {
        let answer = http::get(&format!("http://{addr}/proxies")).ok().filter(|answer| answer.status == 200);
        let shown = answer.and_then(|answer| serde_json::from_str::<Value>(&answer.body).ok());
        shown.and_then(|shown| {
            shown.as_object().map(|all| all.values().filter(|proxy| proxy["enabled"] == true).count())
        }) == Some(proxies)
    })
}
