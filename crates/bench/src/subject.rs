//! The programs that are compared, their command lines for a load, and one measurement of one of them.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use tempfile::TempDir;
use testkit::{free_addr, sleep};

use crate::client::Client;
use crate::cpu;
use crate::error::BenchError;
use crate::node::Node;
use crate::rounds::Reading;

const LIMIT: Duration = Duration::from_secs(20);
/// This many connections can be opened at once within the lab's timeout of 500 ms. More need a longer timeout.
const OPENED_IN_TIME: u32 = 1_000;
const SETTLE: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    Floor,
    Bare,
    Memaslap,
    Loadgen,
}

/// The operations of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mix {
    Get,
    NinetyTen,
}

/// One load that every subject of a comparison is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) connections: u32,
    pub(crate) mix: Mix,
    pub(crate) threads: u32,
}

/// Where programs are and on which CPUs they run.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) loadgen: PathBuf,
    memaslap: Option<PathBuf>,
    own: PathBuf,
    /// The server's CPU and the client's.
    cpus: [usize; 2],
    scratch: TempDir,
}

impl Mix {
    /// Its name in reports.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::NinetyTen => "90/10",
        }
    }

    /// Percentage of sets.
    pub(crate) fn sets(self) -> u32 {
        match self {
            Self::Get => 0,
            Self::NinetyTen => 10,
        }
    }
}

impl Subject {
    pub(crate) const ALL: [Self; 4] = [Self::Floor, Self::Bare, Self::Memaslap, Self::Loadgen];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Bare => "bare",
            Self::Memaslap => "memaslap",
            Self::Loadgen => "loadgen",
        }
    }
}

impl Bench {
    /// `memaslap` may be missing when it is not a subject.
    pub(crate) fn new(
        loadgen: PathBuf,
        memaslap: Option<PathBuf>,
        cpus: [usize; 2],
    ) -> Result<Self, BenchError> {
        let failed = |source| BenchError::Run { program: "lab-bench".to_owned(), source };
        Ok(Self {
            loadgen,
            memaslap,
            own: std::env::current_exe().map_err(failed)?,
            cpus,
            scratch: tempfile::tempdir().map_err(failed)?,
        })
    }

    pub(crate) fn cpus(&self) -> [usize; 2] {
        self.cpus
    }

    /// The CPU of a client with one thread. The server has the other one.
    pub(crate) fn client_cpus(&self) -> [usize; 1] {
        [self.cpus[1]]
    }

    pub(crate) fn node(&self) -> Result<Node, BenchError> {
        Node::start(self.cpus[0])
    }

    /// Starts the subject and waits until it sends operations on all its connections.
    pub(crate) fn load(&self, subject: Subject, case: Case, node: &mut Node) -> Result<Client, BenchError> {
        let own = self.client_cpus();
        let cpus = if case.threads == 1 { own.as_slice() } else { self.cpus.as_slice() };
        let (program, args) = self.command(subject, case, node)?;
        let client = Client::start(subject.name(), program.as_os_str(), args, cpus)?;
        client.wait_for("operations on all connections", LIMIT, || {
            let now = node.counters()?;
            // Gets, because some clients warm the cache with sets. One connection belongs to the node itself.
            Ok(now.connections > u64::from(case.connections) && now.gets > 10 * u64::from(case.connections))
        })?;
        sleep(SETTLE);
        Ok(client)
    }

    /// One measurement over `window`, against a memcached of its own.
    pub(crate) fn measure(
        &self,
        subject: Subject,
        case: Case,
        window: Duration,
    ) -> Result<Reading, BenchError> {
        let mut node = self.node()?;
        let client = self.load(subject, case, &mut node)?;
        let start = (Instant::now(), cpu::time(client.pid())?, node.counters()?);
        let (busy, served) = (cpu::machine_busy()?, cpu::time(node.pid())?);
        sleep(window);
        let end = (Instant::now(), cpu::time(client.pid())?, node.counters()?);
        let (busy, served) = (cpu::machine_busy()?.saturating_sub(busy), cpu::time(node.pid())? - served);
        client.check_running()?;

        let wall = (end.0 - start.0).as_secs_f64();
        let used = end.1.saturating_sub(start.1);
        let operations = (end.2.operations() - start.2.operations()).max(1) as f64;
        Ok(Reading {
            rate: operations / wall,
            cost: used.as_secs_f64() * 1e6 / operations,
            others: busy.saturating_sub(used + served).as_secs_f64() / wall,
        })
    }

    fn command(
        &self,
        subject: Subject,
        case: Case,
        node: &Node,
    ) -> Result<(PathBuf, Vec<OsString>), BenchError> {
        let Case { connections, mix, threads } = case;
        let address = node.address();
        let memaslap =
            || self.memaslap.clone().ok_or_else(|| BenchError::Missing { name: "memcaslap".to_owned() });
        let (program, line) = match subject {
            Subject::Floor | Subject::Bare => (
                self.own.clone(),
                format!(
                    "{} --address {address} --connections {connections} --sets {} --threads {threads}",
                    subject.name(),
                    mix.sets()
                ),
            ),
            Subject::Memaslap => {
                (memaslap()?, format!("-s {address} -T {threads} -c {connections} -t 60s -w 1k"))
            }
            Subject::Loadgen => (
                self.loadgen.clone(),
                format!(
                    "--servers bench={address} --workload {} --concurrency {connections} --pool-size {connections} \
                     --threads {threads} --think-time 0s --seed 1 --duration 60s --metrics-addr {}",
                    self.workload(mix)?.display(),
                    free_addr()
                ),
            ),
        };
        let mut args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        if subject == Subject::Loadgen && connections > OPENED_IN_TIME {
            args.extend(["--op-timeout", "10s", "--connect-timeout", "10s"].map(OsString::from));
        }
        if subject == Subject::Memaslap {
            args.extend(["-F".into(), self.distribution(mix)?.into()]);
        }
        Ok((program, args))
    }

    /// loadgen's workload file for these operations.
    fn workload(&self, mix: Mix) -> Result<PathBuf, BenchError> {
        let (sets, path) = (mix.sets(), self.scratch.path().join(format!("sets-{}.yaml", mix.sets())));
        let weights = format!("{{ get: {}, set: {sets} }}", 100 - sets);
        let text =
            format!("name: sets-{sets}\nweights: {weights}\nkeys: 10000\nhot_keys: 10\nvalue_size: 100\n");
        fs::write(&path, text).map_err(|source| BenchError::Write { path: path.clone(), source })?;
        Ok(path)
    }

    /// memaslap's configuration for these operations: lengths of keys and values, and shares of commands.
    fn distribution(&self, mix: Mix) -> Result<PathBuf, BenchError> {
        let path = self.scratch.path().join(format!("memaslap-{}", mix.sets()));
        let sets = f64::from(mix.sets()) / 100.0;
        let text = format!("key\n17 17 1\nvalue\n100 100 1\ncmd\n0 {sets:.2}\n1 {:.2}\n", 1.0 - sets);
        fs::write(&path, text).map_err(|source| BenchError::Write { path: path.clone(), source })?;
        Ok(path)
    }
}
