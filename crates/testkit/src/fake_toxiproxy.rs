//! A Toxiproxy API that misbehaves on request. It is a proxy in front of a real Toxiproxy and passes on what no rule catches.

mod extra_type;
mod request;
mod rule;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::SystemTime;

use self::extra_type::ExtraType;
use self::request::{Request, reply};
use crate::http::{self, Response};
use crate::toxiproxy::Toxiproxy;

pub use rule::{Misbehaviour, Rule, Trap};

/// The misbehaving API. It serves on its own threads until dropped.
pub struct FakeToxiproxy {
    addr: SocketAddr,
    server: Arc<Server>,
}

struct Server {
    target: String,
    traps: Mutex<Vec<Trap>>,
    log: Mutex<Vec<(SystemTime, String)>>,
    extra_type: Mutex<Option<ExtraType>>,
    stop: AtomicBool,
}

impl FakeToxiproxy {
    /// Starts one in front of a real Toxiproxy.
    pub fn before(toxiproxy: &Toxiproxy) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("its address");
        let server = Arc::new(Server {
            target: toxiproxy.url(),
            traps: Mutex::default(),
            log: Mutex::default(),
            extra_type: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&server);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.stop.load(Ordering::SeqCst) {
                    break;
                }
                let server = Arc::clone(&accepting);
                thread::spawn(move || server.serve(stream)); // an error here means that the caller has gone
            }
        });
        Self { addr, server }
    }

    /// Its URL, for `--toxiproxy`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Adds a rule for the requests from now on. The first rule that matches a request decides.
    pub fn misbehave(&self, rule: Rule, misbehaviour: Misbehaviour) -> Trap {
        let trap = Trap::new(rule, misbehaviour);
        lock(&self.server.traps).push(trap.clone());
        trap
    }

    /// Adds a type of toxic that the real Toxiproxy lacks, as a newer version may have it. Such toxics can be added and
    /// listed, and have no effect.
    pub fn add_type(&self, kind: &str) {
        *lock(&self.server.extra_type) = Some(ExtraType::new(kind));
    }

    /// The requests so far, each with the time at which it was read. A request is sent before that time.
    pub fn requests_at(&self) -> Vec<(SystemTime, String)> {
        lock(&self.server.log).clone()
    }

    /// The requests so far, in order, as `METHOD /path body`.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.server.log).iter().map(|(_, request)| request.clone()).collect()
    }
}

impl Drop for FakeToxiproxy {
    fn drop(&mut self) {
        self.server.stop.store(true, Ordering::SeqCst);
        lock(&self.server.traps).iter().for_each(Trap::release);
        let _ = TcpStream::connect(self.addr); // wakes the accepting thread
    }
}

impl Server {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(http::TIMEOUT))?;
        let request = Request::read(&mut stream)?;
        lock(&self.log).push((SystemTime::now(), request.to_string()));
        // Every rule counts every request that it matches, also when an earlier rule decides.
        let matching: Vec<_> =
            lock(&self.traps).iter().filter(|trap| trap.matches(&request)).cloned().collect();
        let Some(trap) = matching.into_iter().next() else {
            return reply(&mut stream, &self.pass_on(&request)?);
        };
        match trap.misbehaviour() {
            Misbehaviour::HoldAnswer => {
                let answer = self.pass_on(&request)?;
                trap.catch_until_release();
                reply(&mut stream, &answer)
            }
            Misbehaviour::Slow(time) => {
                trap.catch();
                trap.wait_released(time);
                reply(&mut stream, &self.pass_on(&request)?)
            }
            Misbehaviour::HoldRequest | Misbehaviour::Wedge => {
                trap.catch_until_release();
                reply(&mut stream, &self.pass_on(&request)?)
            }
            Misbehaviour::Refuse(status) => {
                trap.catch();
                reply(&mut stream, &error_answer(status))
            }
            Misbehaviour::Misreport(status) => {
                self.pass_on(&request)?;
                trap.catch();
                reply(&mut stream, &error_answer(status))
            }
            Misbehaviour::Hangup => {
                self.pass_on(&request)?;
                trap.catch();
                Ok(())
            }
        }
    }

    /// The real Toxiproxy's answer. Toxics of the extra type are replaced on the way there and back.
    fn pass_on(&self, request: &Request) -> io::Result<Response> {
        let replaced =
            lock(&self.extra_type).as_mut().and_then(|kind| kind.replace_in_request(&request.body));
        let body = replaced.as_ref().unwrap_or(&request.body);
        let url = format!("{}{}", self.target, request.path);
        let mut answer = http::request(&request.method, &url, &[], body)?;
        if let Some(shown) =
            lock(&self.extra_type).as_ref().and_then(|kind| kind.restore_in_answer(&answer.body))
        {
            answer.body = shown;
        }
        Ok(answer)
    }
}

fn error_answer(status: u16) -> Response {
    Response {
        status,
        content_type: "application/json".to_owned(),
        body: format!("{{\"error\":\"on request of a test\",\"status\":{status}}}"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}
