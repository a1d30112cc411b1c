//! The parts of the native lab that always run: the name, address, command and files of each. Pure: `service` writes them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use daemon_core::lab::{Addresses, Lab, Server};
use daemon_core::values::HostPort;

use crate::home::Home;

/// One supervised process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its name, and the name of its folder.
    pub(crate) name: String,
    pub(crate) address: HostPort,
    pub(crate) probe: Probe,
    /// Program and arguments.
    pub(crate) command: Vec<OsString>,
    /// Variables in addition to those of every part.
    pub(crate) environment: Vec<(String, OsString)>,
    /// Files whose change restarts it.
    pub(crate) depends: Vec<PathBuf>,
}

/// How to find out whether the part answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// The command `version` of memcached's protocol.
    Memcached,
    /// `GET` of this path has the status 200.
    Http(&'static str),
}

/// Everything that the parts depend on besides the lab file.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    pub(crate) home: &'a Home,
    /// The checkout.
    pub(crate) root: &'a Path,
    pub(crate) programs: &'a Path,
    pub(crate) daemons: &'a Path,
    pub(crate) lab_file: &'a Path,
    /// Whether root starts the lab. memcached does not run as root.
    pub(crate) as_root: bool,
    /// The machine's Grafana.
    pub(crate) grafana: Option<PathBuf>,
    /// Variables of every part.
    pub(crate) environment: Vec<(String, OsString)>,
    /// Variables for loadgen only.
    pub(crate) loadgen_variables: Vec<(String, OsString)>,
    /// Prometheus' configuration, rules and targets.
    pub(crate) prometheus_files: Vec<PathBuf>,
}

/// The parts. Each comes after the parts that it depends on.
pub(crate) fn parts(lab: &Lab, addresses: &Addresses, places: &Places<'_>) -> Vec<Part> {
    let mut parts: Vec<Part> = lab.servers.iter().map(|server| memcached(server, places)).collect();
    parts.extend([
        toxiproxy(addresses, places),
        loadgen(addresses, places),
        guard(addresses, places),
        prometheus(addresses, places),
    ]);
    parts.extend(places.grafana.as_deref().map(|program| grafana(addresses, places, program)));
    parts
}

fn part(name: &str, address: &HostPort, probe: Probe, command: impl IntoIterator<Item = OsString>) -> Part {
    Part {
        name: name.to_owned(),
        address: address.clone(),
        probe,
        command: command.into_iter().collect(),
        environment: Vec::new(),
        depends: Vec::new(),
    }
}

fn words<const N: usize>(words: [&str; N]) -> impl Iterator<Item = OsString> {
    words.map(OsString::from).into_iter()
}

fn memcached(server: &Server, places: &Places<'_>) -> Part {
    let identity: &[&str] = if places.as_root { &["-u", "nobody"] } else { &[] };
    let port = server.upstream.port().to_string();
    let command = std::iter::once(places.programs.join("memcached").into_os_string())
        .chain(identity.iter().map(OsString::from))
        .chain(words(["-l", server.upstream.host(), "-p", &port, "-m", "64", "-U", "0"]));
    part(server.name.as_str(), &server.upstream, Probe::Memcached, command)
}

fn toxiproxy(addresses: &Addresses, places: &Places<'_>) -> Part {
    let (address, config) = (&addresses.toxiproxy.host_port(), places.home.join("toxiproxy.json"));
    let port = address.port().to_string();
    let command = std::iter::once(places.programs.join("toxiproxy-server").into_os_string())
        .chain(words(["-host", address.host(), "-port", &port, "-config"]))
        .chain([config.clone().into_os_string()])
        .chain(words(["-runtime-metrics", "-proxy-metrics"]));
    Part {
        // At the level `info` it writes a line for every connection.
        environment: vec![("LOG_LEVEL".to_owned(), "warn".into())],
        depends: vec![config],
        ..part("toxiproxy", address, Probe::Http("/proxies"), command)
    }
}

fn loadgen(addresses: &Addresses, places: &Places<'_>) -> Part {
    let command =
        [places.daemons.join("loadgen").into_os_string(), "--config".into(), places.lab_file.into()];
    let files = places.loadgen_variables.iter().map(|(_, value)| PathBuf::from(value));
    Part {
        environment: places.loadgen_variables.clone(),
        depends: std::iter::once(places.lab_file.to_owned())
            .chain(files.filter(|file| file.is_file()))
            .collect(),
        ..part("loadgen", &addresses.loadgen, Probe::Http("/health"), command)
    }
}

fn guard(addresses: &Addresses, places: &Places<'_>) -> Part {
    let daemon = places.daemons.join("scenariod").into_os_string();
    let command = [daemon, "guard".into(), "--config".into(), places.lab_file.into()];
    Part {
        // `scenariod` uses the same folder.
        environment: vec![("LAB_STATE".to_owned(), places.home.join("state").into_os_string())],
        depends: vec![places.lab_file.to_owned()],
        ..part("guard", &addresses.guard, Probe::Http("/health"), command)
    }
}

fn prometheus(addresses: &Addresses, places: &Places<'_>) -> Part {
    let flag = |name: &str, value: PathBuf| {
        let mut flag = OsString::from(name);
        flag.push(value);
        flag
    };
    let (address, folder) = (&addresses.prometheus, places.home.join("prometheus"));
    let command = [
        places.programs.join("prometheus").into_os_string(),
        flag("--config.file=", folder.join("prometheus.yml")),
        flag("--storage.tsdb.path=", folder.join("data")),
        "--storage.tsdb.retention.time=3d".into(),
        format!("--web.listen-address={address}").into(),
        "--log.level=warn".into(),
    ];
    Part {
        depends: places.prometheus_files.clone(),
        ..part("prometheus", address, Probe::Http("/-/ready"), command)
    }
}

fn grafana(addresses: &Addresses, places: &Places<'_>, program: &Path) -> Part {
    let own = program.ancestors().nth(2).unwrap_or(program);
    let homepath = if own.join("public").is_dir() { own.to_owned() } else { "/usr/share/grafana".into() };
    let server = program.file_name().is_some_and(|name| name == "grafana").then(|| OsString::from("server"));
    let command = std::iter::once(program.as_os_str().to_owned())
        .chain(server)
        .chain(["--homepath".into(), homepath.into_os_string()]);
    let address = &addresses.grafana;
    let fixed = [
        ("GF_AUTH_ANONYMOUS_ENABLED", "true"),
        ("GF_AUTH_ANONYMOUS_ORG_ROLE", "Viewer"),
        ("GF_ANALYTICS_REPORTING_ENABLED", "false"),
        ("GF_ANALYTICS_CHECK_FOR_UPDATES", "false"),
        ("GF_LOG_MODE", "console"),
    ];
    let placed: [(&str, OsString); 6] = [
        ("GF_SERVER_HTTP_ADDR", address.host().into()),
        ("GF_SERVER_HTTP_PORT", address.port().to_string().into()),
        ("GF_PATHS_DATA", places.home.join("grafana").into()),
        ("GF_PATHS_PROVISIONING", places.root.join("grafana/provisioning").into()),
        ("LAB_DASHBOARDS", places.root.join("grafana/dashboards").into()),
        ("LAB_PROMETHEUS_URL", format!("http://{}", addresses.prometheus).into()),
    ];
    let all = fixed.map(|(name, value)| (name, OsString::from(value))).into_iter().chain(placed);
    Part {
        environment: all.map(|(name, value)| (name.to_owned(), value)).collect(),
        ..part("grafana", address, Probe::Http("/api/health"), command)
    }
}
