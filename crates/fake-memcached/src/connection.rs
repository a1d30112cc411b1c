//! One client's connection: reads requests, and answers each honestly or with a lie.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::forge::{Action, Opportunity, forge};
use crate::request::{self, Request, Verb};
use crate::schedule::Receipt;
use crate::state::{HeldKind, HeldRequest, Shared, State, reset, timestamp};
use crate::store::{Acknowledgement, Outcome, Requester, VersionId};

/// A connection ends when its client reads nothing for this long.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Connection {
    shared: Arc<Shared>,
    stream: Arc<TcpStream>,
    id: u64,
    unread: Vec<u8>,
    /// The event at which its last reply was sent.
    replied: u64,
    requests: u64,
    /// The write that the client knows to be acknowledged when it sends its next request.
    acknowledged: Option<VersionId>,
}

/// What follows a request.
enum Next {
    Serve,
    Silence,
    End,
}

impl Connection {
    pub(crate) fn open(shared: Arc<Shared>, stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let stream = Arc::new(stream);
        let mut state = shared.state();
        state.connections += 1;
        let id = state.connections;
        state.streams.insert(id, Arc::clone(&stream));
        drop(state);
        Ok(Self { shared, stream, id, unread: Vec::new(), replied: 0, requests: 0, acknowledged: None })
    }

    /// Serves until the client, a lie or the stop ends it.
    pub(crate) fn serve(mut self) {
        let _ = self.run(); // an error here means that the client has gone
        self.shared.state().streams.remove(&self.id);
    }

    fn run(&mut self) -> io::Result<()> {
        while let Some(request) = self.read()? {
            match self.respond(&request)? {
                Next::Serve => {}
                Next::Silence => return self.read_in_silence(),
                Next::End => return Ok(()),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<Option<Request>> {
        let mut part = [0; 16 * 1024];
        loop {
            if let Some((request, used)) = request::parse(&self.unread) {
                self.unread.drain(..used);
                return Ok(Some(request));
            }
            match (&*self.stream).read(&mut part)? {
                0 => return Ok(None),
                n => self.unread.extend_from_slice(&part[..n]),
            }
        }
    }

    fn respond(&mut self, request: &Request) -> io::Result<Next> {
        let shared = Arc::clone(&self.shared);
        let mut guard = shared.state();
        let state = &mut *guard;
        let arrived = state.next_event();
        if let Some(written) = self.acknowledged.take() {
            state.store.mark_read(&written, arrived);
        }
        let requester = Requester { connection: self.id, earliest_start: self.replied };
        self.requests += 1;
        let following = request::parse(&self.unread);
        let opportunity = Opportunity {
            request,
            next: following.as_ref().map(|(next, _)| next),
            requester,
            is_first: self.requests == 1,
            now: Instant::now(),
        };
        let key = request.meta().map(|meta| meta.key.as_slice());
        let store = &state.store;
        let Some((receipt, action)) = state.schedule.choose(key, |lie| forge(lie, &opportunity, store))
        else {
            let Some(reply) = self.honest(state, request, requester) else { return Ok(Next::End) };
            self.replied = state.next_event();
            drop(guard);
            (&*self.stream).write_all(&reply)?;
            return Ok(Next::Serve);
        };
        self.replied = state.next_event();
        let (reply, next) = match action {
            Action::Answer(reply) => (reply, Next::Serve),
            Action::AnswerBoth(replies) => {
                let used = following.map_or(0, |(_, used)| used);
                self.unread.drain(..used);
                self.requests += 1;
                (replies, Next::Serve)
            }
            Action::Replace(reply) => {
                execute_unanswered(state, request, requester);
                (reply.to_vec(), Next::Serve)
            }
            Action::Refuse(reply) => {
                if let Some(Verb::Set(_)) = request.meta().map(|meta| &meta.verb) {
                    state.store.remove(key.unwrap_or_default());
                }
                (reply.to_vec(), Next::Serve)
            }
            Action::Close(reply) => (reply, Next::End),
            Action::Silence => return Ok(Next::Silence),
            Action::Hold(set) => {
                let stream = Arc::clone(&self.stream);
                state.held.push(HeldRequest { kind: HeldKind::Set(set), requester, stream });
                return Ok(Next::Silence);
            }
            Action::Delay => {
                let reply = execute_unanswered(state, request, requester).reply;
                let held =
                    HeldRequest { kind: HeldKind::Reply(reply), requester, stream: Arc::clone(&self.stream) };
                shared.wait_for_release(guard, held);
                return Ok(Next::Serve);
            }
            Action::Reset => {
                let done = reset(&self.stream);
                if done.is_err() {
                    state.schedule.take_back(&receipt);
                }
                return done.map(|()| Next::End);
            }
        };
        drop(guard);
        self.send(&reply, &receipt)?;
        if matches!(next, Next::End) {
            self.stream.shutdown(Shutdown::Write)?;
            self.read_in_silence()?; // closing with unread requests would reset the connection
        }
        Ok(next)
    }

    fn honest(&mut self, state: &mut State, request: &Request, requester: Requester) -> Option<Vec<u8>> {
        let meta = match request {
            Request::Meta(meta) => meta,
            Request::Noop => return Some(b"MN\r\n".to_vec()),
            Request::Version => return Some(b"VERSION 1.6.18\r\n".to_vec()),
            Request::Invalid(message) => return Some(format!("{message}\r\n").into_bytes()),
            Request::TooLarge(key) => {
                state.store.remove(key);
                return Some(b"SERVER_ERROR object too large for cache\r\n".to_vec());
            }
            Request::Quit => return None,
        };
        let now = Instant::now();
        let outcome = state.store.execute(meta, requester, timestamp());
        if meta.wants_value() {
            let item = state.store.item(&meta.key, now);
            state.late_reads +=
                u64::from(item.is_some_and(|item| item.current.acknowledgement == Acknowledgement::Never));
        }
        self.acknowledged = outcome.written.filter(|_| !meta.is_quiet());
        Some(outcome.reply)
    }

    fn send(&self, reply: &[u8], receipt: &Receipt) -> io::Result<()> {
        let sent = (&*self.stream).write_all(reply);
        if sent.is_err() {
            self.shared.state().schedule.take_back(receipt);
        }
        sent
    }

    /// Reads without answering until the client closes the connection.
    fn read_in_silence(&mut self) -> io::Result<()> {
        let mut part = [0; 16 * 1024];
        while (&*self.stream).read(&mut part)? > 0 {}
        Ok(())
    }
}

/// Executes a request for a client that does not get the answer, or not in time.
fn execute_unanswered(state: &mut State, request: &Request, requester: Requester) -> Outcome {
    let Some(meta) = request.meta() else { return Outcome::default() };
    let outcome = state.store.execute(meta, requester, timestamp());
    if let Some(written) = &outcome.written {
        state.store.mark_unacknowledged(written);
    }
    outcome
}
