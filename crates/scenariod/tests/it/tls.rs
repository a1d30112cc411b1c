//! A Prometheus behind TLS: it is asked where its certificate is trusted, and nowhere else.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use testkit::{Daemon, Lab, eventually, free_addr, program, secs, workspace_bin};

use crate::harness::{BIN, catalogue, clean_exit};

const SCENARIOS: &str = "\
family: tls
phases: { stabilization: 1s, testing: 2s, recovery: 1s }
scenarios:
  - name: judged
    about: one node slow, and the load goes on
    faults: [{ target: memcached1, fault: latency, delay: 7ms }]
    expect: [{ name: load, phase: testing, must: always, promql: 'sum(rate(memcache_operations_total[1s])) > bool 1' }]
";
/// An end entity, which a certificate that signs itself is not by default.
const CERTIFICATE: &str = include_str!("tls/cert.pem");
const KEY: &str = include_str!("tls/key.pem");
const WEB: &str = "tls_server_config: { cert_file: cert.pem, key_file: key.pem }\n";

/// A Prometheus that scrapes this client and speaks nothing but TLS, with `cert.pem` in its folder.
fn prometheus(folder: &Path, client: SocketAddr) -> (Daemon, String) {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("cert.pem", CERTIFICATE);
    write("key.pem", KEY);
    write("web.yml", WEB);
    write(
        "prometheus.yml",
        &format!(
            "global: {{ scrape_interval: 250ms, scrape_timeout: 225ms }}\nscrape_configs:\n  \
             - {{ job_name: loadgen, static_configs: [{{ targets: ['{client}'] }}] }}\n"
        ),
    );
    let addr = free_addr();
    let mut command = Command::new(program("prometheus"));
    command
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.config.file=web.yml"])
        .arg(format!("--web.listen-address={addr}"))
        .current_dir(folder);
    let daemon = Daemon::run(command);
    eventually("a listening Prometheus", secs(30), || TcpStream::connect(addr).is_ok());
    (daemon, format!("https://{addr}"))
}

/// Exit code and standard error of a run that takes its verdict from there.
fn judged(lab: &Lab, url: &str, trusted: Option<&Path>) -> (i32, String) {
    let catalogue = catalogue(lab, SCENARIOS).display().to_string();
    let args = ["--scenario", "judged", "--catalogue", &catalogue, "--linger", "0s", "--prometheus", url];
    let mut command = lab.command(BIN, args);
    command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    if let Some(trusted) = trusted {
        command.env("SSL_CERT_FILE", trusted);
    }
    let daemon = Daemon::run(command);
    (clean_exit(&daemon, &lab.toxiproxy), daemon.stderr())
}

#[test]
fn a_prometheus_behind_tls_is_asked_where_its_certificate_is_trusted() {
    let lab = Lab::start(1);
    let loadgen = lab.loadgen(workspace_bin("loadgen"), ["--concurrency", "4", "--rate", "200"]);
    loadgen.scrape_until("load", secs(20), |page| page.sum("memcache_operations_total", []) > 100.0);
    let before = loadgen.scrape().sum("http_requests_total", [("path", "/metrics")]);
    let (_prometheus, url) = prometheus(lab.folder(), lab.loadgen_addr);
    let (code, stderr) = judged(&lab, &url, None);
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains(&format!("prometheus at {url} is not trusted: ")), "{stderr}");
    // A Prometheus looks at its targets only seconds after it listens: its scrapes are those that are not ours.
    let mut ours = 0.0;
    loadgen.scrape_until("two seconds of scrapes", secs(20), |page| {
        ours += 1.0;
        page.sum("http_requests_total", [("path", "/metrics")]) > before + ours + 8.0
    });
    let cert = lab.folder().join("cert.pem");
    let (code, stderr) = judged(&lab, &url, Some(&cert));
    assert_eq!(code, 0, "{stderr}");
}
