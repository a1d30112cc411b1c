//! One client's connection: reads requests, asks whether a lie is due, sends what is to be sent.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::forge::{Act, Occasion, forge};
use crate::lie::Ticket;
use crate::store::{Answer, Asker, Outcome, Written};
use crate::wire::{self, Request};
use crate::world::{Held, Shared, Waiting, World, moment, reset};

/// A client that reads nothing for this long is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Connection {
    shared: Arc<Shared>,
    stream: Arc<TcpStream>,
    id: u64,
    unread: Vec<u8>,
    /// The moment its last reply left.
    replied: u64,
    requests: u64,
    /// The write whose answer the client has read once it asks again.
    answered: Option<Written>,
}

/// How a connection goes on after a request.
enum Next {
    Serve,
    Mute,
    End,
}

impl Connection {
    pub(crate) fn open(shared: Arc<Shared>, stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let stream = Arc::new(stream);
        let mut world = shared.world();
        world.connections += 1;
        let id = world.connections;
        world.streams.insert(id, Arc::clone(&stream));
        drop(world);
        Ok(Self { shared, stream, id, unread: Vec::new(), replied: 0, requests: 0, answered: None })
    }

    /// Serves until the client, a lie or the liar ends it.
    pub(crate) fn serve(mut self) {
        let _ = self.run(); // a client that went away is no fault of ours
        self.shared.world().streams.remove(&self.id);
    }

    fn run(&mut self) -> io::Result<()> {
        while let Some(request) = self.read()? {
            match self.respond(&request)? {
                Next::Serve => {}
                Next::Mute => return self.listen_in_silence(),
                Next::End => return Ok(()),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<Option<Request>> {
        let mut part = [0; 16 * 1024];
        loop {
            if let Some((request, used)) = wire::parse(&self.unread) {
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
        let mut guard = shared.world();
        let world = &mut *guard;
        let arrived = world.tick();
        if let Some(written) = self.answered.take() {
            world.store.answer_read(&written, arrived);
        }
        let asker = Asker { connection: self.id, began: self.replied };
        self.requests += 1;
        let following = wire::parse(&self.unread);
        let occasion = Occasion {
            request,
            next: following.as_ref().map(|(next, _)| next),
            asker,
            first: self.requests == 1,
            now: Instant::now(),
        };
        let key = request.keyed().map(|keyed| keyed.key.as_slice());
        let store = &world.store;
        let Some((ticket, act)) = world.rules.choose(key, |lie| forge(lie, &occasion, store)) else {
            let Some(reply) = self.honest(world, request, asker) else { return Ok(Next::End) };
            self.replied = world.tick();
            drop(guard);
            (&*self.stream).write_all(&reply)?;
            return Ok(Next::Serve);
        };
        self.replied = world.tick();
        let (reply, next) = match act {
            Act::Answer(reply) => (reply, Next::Serve),
            Act::AnswerBoth(replies) => {
                let used = following.map_or(0, |(_, used)| used);
                self.unread.drain(..used);
                self.requests += 1;
                (replies, Next::Serve)
            }
            Act::Replace(reply) => {
                execute_unanswered(world, request, asker);
                (reply.to_vec(), Next::Serve)
            }
            Act::Refuse(reply) => {
                if let Some(wire::Verb::Set(_)) = request.keyed().map(|keyed| &keyed.verb) {
                    world.store.remove(key.unwrap_or_default());
                }
                (reply.to_vec(), Next::Serve)
            }
            Act::Close(reply) => (reply, Next::End),
            Act::Mute => return Ok(Next::Mute),
            Act::Hold(set) => {
                let stream = Arc::clone(&self.stream);
                world.held.push(Held { what: Waiting::Set(set), asker, stream });
                return Ok(Next::Mute);
            }
            Act::Delay => {
                let reply = execute_unanswered(world, request, asker).reply;
                let held = Held { what: Waiting::Reply(reply), asker, stream: Arc::clone(&self.stream) };
                shared.wait_for_release(guard, held);
                return Ok(Next::Serve);
            }
            Act::Reset => {
                let done = reset(&self.stream);
                if done.is_err() {
                    world.rules.take_back(&ticket);
                }
                return done.map(|()| Next::End);
            }
        };
        drop(guard);
        self.send(&reply, &ticket)?;
        if matches!(next, Next::End) {
            self.stream.shutdown(Shutdown::Write)?;
            self.listen_in_silence()?; // unread requests would turn the end into a reset
        }
        Ok(next)
    }

    fn honest(&mut self, world: &mut World, request: &Request, asker: Asker) -> Option<Vec<u8>> {
        let keyed = match request {
            Request::Keyed(keyed) => keyed,
            Request::Noop => return Some(b"MN\r\n".to_vec()),
            Request::Version => return Some(b"VERSION 1.6.18\r\n".to_vec()),
            Request::Bad(message) => return Some(format!("{message}\r\n").into_bytes()),
            Request::TooLarge(key) => {
                world.store.remove(key);
                return Some(b"SERVER_ERROR object too large for cache\r\n".to_vec());
            }
            Request::Quit => return None,
        };
        let now = Instant::now();
        let outcome = world.store.execute(keyed, asker, moment());
        if keyed.wants_value() {
            let present = world.store.present(&keyed.key, now);
            world.late_reads += u64::from(present.is_some_and(|present| present.now.answer == Answer::Never));
        }
        self.answered = outcome.written.filter(|_| !keyed.quiet());
        Some(outcome.reply)
    }

    fn send(&self, reply: &[u8], ticket: &Ticket) -> io::Result<()> {
        let sent = (&*self.stream).write_all(reply);
        if sent.is_err() {
            self.shared.world().rules.take_back(ticket);
        }
        sent
    }

    /// Reads and does nothing, until the client closes.
    fn listen_in_silence(&mut self) -> io::Result<()> {
        let mut part = [0; 16 * 1024];
        while (&*self.stream).read(&mut part)? > 0 {}
        Ok(())
    }
}

/// Does as asked, for a client that will not get the answer, or not in time.
fn execute_unanswered(world: &mut World, request: &Request, asker: Asker) -> Outcome {
    let Some(keyed) = request.keyed() else { return Outcome::default() };
    let outcome = world.store.execute(keyed, asker, moment());
    if let Some(written) = &outcome.written {
        world.store.unanswered(written);
    }
    outcome
}
