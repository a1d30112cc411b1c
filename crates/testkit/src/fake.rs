//! A Toxiproxy API that misbehaves on order: it stands in front of a real one and passes on what no rule catches.

mod added;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime};

use self::added::Added;
use crate::http::{self, Answer};
use crate::toxiproxy::Toxiproxy;

/// What happens to a request that a rule catches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Passed on at once; its answer waits for [`Trap::release`]. The change is made, the caller does not know.
    HoldAnswer,
    /// Waits for [`Trap::release`] before it is passed on.
    HoldRequest,
    /// Not passed on, answered with this status.
    Refuse(u16),
    /// Passed on, but answered with this status.
    Misreport(u16),
    /// Passed on, and the connection closed without an answer.
    Hangup,
    /// Passed on after this time.
    Slow(Duration),
    /// From this request on none is answered, whatever it asks: the server holds its lock until [`Trap::release`].
    Wedge,
}

/// Which requests are caught.
#[derive(Debug, Clone)]
pub struct Rule {
    method: String,
    path: String,
    nth: Option<Nth>,
}

#[derive(Debug, Clone, Copy)]
enum Nth {
    Only(usize),
    From(usize),
}

impl Rule {
    /// Every request of this method whose path contains `path`.
    pub fn on(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), nth: None }
    }

    /// Only the n-th of them, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: usize) -> Self {
        self.nth = Some(Nth::Only(n));
        self
    }

    /// The n-th of them and all later ones, counted from 1.
    #[must_use]
    pub fn from(mut self, n: usize) -> Self {
        self.nth = Some(Nth::From(n));
        self
    }
}

/// A rule at work.
#[derive(Clone)]
pub struct Trap(Arc<TrapInner>);

struct TrapInner {
    rule: Rule,
    misbehaviour: Misbehaviour,
    state: Mutex<TrapState>,
    changed: Condvar,
}

#[derive(Default)]
struct TrapState {
    seen: usize,
    caught: usize,
    released: bool,
}

impl Trap {
    /// How many requests were caught. One whose answer is held counts once the real Toxiproxy has answered it.
    pub fn caught(&self) -> usize {
        self.state().caught
    }

    /// Waits until a request was caught.
    #[track_caller]
    pub fn wait_caught(&self, deadline: Duration) {
        let rule = &self.0.rule;
        crate::eventually(&format!("a {} of {}", rule.method, rule.path), deadline, || self.caught() > 0);
    }

    /// Lets go what is held; the rule then holds nothing more.
    pub fn release(&self) {
        self.state().released = true;
        self.0.changed.notify_all();
    }

    fn matches(&self, request: &Request) -> bool {
        let rule = &self.0.rule;
        if self.is_wedged() {
            return true;
        }
        if rule.method != request.method || !request.path.contains(&rule.path) {
            return false;
        }
        let mut state = self.state();
        state.seen += 1;
        match rule.nth {
            None => true,
            Some(Nth::Only(nth)) => nth == state.seen,
            Some(Nth::From(nth)) => nth <= state.seen,
        }
    }

    /// Whether it holds the lock that every request needs.
    fn is_wedged(&self) -> bool {
        let state = self.state();
        self.0.misbehaviour == Misbehaviour::Wedge && state.caught > 0 && !state.released
    }

    fn catch(&self, hold: bool) {
        let mut state = self.state();
        state.caught += 1;
        while hold && !state.released {
            state = self.0.changed.wait(state).unwrap_or_else(|poison| poison.into_inner());
        }
    }

    fn linger(&self, time: Duration) {
        let state = self.state();
        let _ = self.0.changed.wait_timeout_while(state, time, |state| !state.released);
    }

    fn state(&self) -> MutexGuard<'_, TrapState> {
        self.0.state.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}

/// The misbehaving API. It serves on its own threads until dropped.
pub struct Fake {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: String,
    traps: Mutex<Vec<Trap>>,
    log: Mutex<Vec<(SystemTime, String)>>,
    added: Mutex<Option<Added>>,
    stop: AtomicBool,
}

impl Fake {
    /// Starts one in front of a real Toxiproxy.
    pub fn before(toxiproxy: &Toxiproxy) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            target: toxiproxy.url(),
            traps: Mutex::default(),
            log: Mutex::default(),
            added: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let server = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if server.stop.load(Ordering::SeqCst) {
                    break;
                }
                let server = Arc::clone(&server);
                thread::spawn(move || server.serve(stream)); // a caller that went away is no fault of ours
            }
        });
        Self { addr, shared }
    }

    /// Its URL, for `--toxiproxy`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// From now on does this to what the rule catches. The first rule that matches wins.
    pub fn misbehave(&self, rule: Rule, misbehaviour: Misbehaviour) -> Trap {
        let inner = TrapInner { rule, misbehaviour, state: Mutex::default(), changed: Condvar::new() };
        let trap = Trap(Arc::new(inner));
        lock(&self.shared.traps).push(trap.clone());
        trap
    }

    /// From now on has toxics of this type, as a version has that can do more. They are on and listed and do nothing.
    pub fn add_type(&self, kind: &str) {
        *lock(&self.shared.added) = Some(Added::new(kind));
    }

    /// What was asked so far, each with when it was read, which is after it was sent.
    pub fn requests_at(&self) -> Vec<(SystemTime, String)> {
        lock(&self.shared.log).clone()
    }

    /// What was asked so far, in order, as `METHOD /path body`.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.shared.log).iter().map(|(_, request)| request.clone()).collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        lock(&self.shared.traps).iter().for_each(Trap::release);
        let _ = TcpStream::connect(self.addr); // wakes the accepting thread
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(http::TIMEOUT))?;
        let request = Request::read(&mut stream)?;
        let asked = format!("{} {} {}", request.method, request.path, request.body).trim_end().to_owned();
        lock(&self.log).push((SystemTime::now(), asked));
        // Every rule counts every request of its kind, also one that another rule catches.
        let caught: Vec<_> =
            lock(&self.traps).iter().filter(|trap| trap.matches(&request)).cloned().collect();
        let trap = caught.into_iter().next();
        let pass = || {
            let body = lock(&self.added).as_mut().and_then(|added| added.hide(&request.body));
            let body = body.as_ref().unwrap_or(&request.body);
            let url = format!("{}{}", self.target, request.path);
            let mut answer = http::request(&request.method, &url, &[], body)?;
            if let Some(shown) = lock(&self.added).as_ref().and_then(|added| added.show(&answer.body)) {
                answer.body = shown;
            }
            io::Result::Ok(answer)
        };
        let status = |status| Answer {
            status,
            content_type: "application/json".to_owned(),
            body: format!("{{\"error\":\"on order\",\"status\":{status}}}"),
        };
        let Some(trap) = trap else { return reply(&mut stream, &pass()?) };
        match trap.0.misbehaviour {
            Misbehaviour::HoldAnswer => {
                let answer = pass()?;
                trap.catch(true);
                reply(&mut stream, &answer)
            }
            Misbehaviour::Slow(time) => {
                trap.catch(false);
                trap.linger(time);
                reply(&mut stream, &pass()?)
            }
            Misbehaviour::HoldRequest | Misbehaviour::Wedge => {
                trap.catch(true);
                reply(&mut stream, &pass()?)
            }
            Misbehaviour::Refuse(code) => {
                trap.catch(false);
                reply(&mut stream, &status(code))
            }
            Misbehaviour::Misreport(code) => {
                pass()?;
                trap.catch(false);
                reply(&mut stream, &status(code))
            }
            Misbehaviour::Hangup => {
                pass()?;
                trap.catch(false);
                Ok(())
            }
        }
    }
}

struct Request {
    method: String,
    path: String,
    body: String,
}

impl Request {
    fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length =
                    header(head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
                let mut words = head.split(' ');
                if let (true, Some(method), Some(path)) = (body.len() >= length, words.next(), words.next()) {
                    return Ok(Self {
                        method: method.to_owned(),
                        path: path.to_owned(),
                        body: body.to_owned(),
                    });
                }
            }
            let mut part = [0; 4096];
            match stream.read(&mut part)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => bytes.extend_from_slice(&part[..n]),
            }
        }
    }
}

fn header(head: &str, wanted: &str) -> Option<String> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
}

fn reply(stream: &mut TcpStream, answer: &Answer) -> io::Result<()> {
    let Answer { status, content_type, body } = answer;
    let length = if *status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\n{length}Connection: close\r\n\r\n{body}"
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}
