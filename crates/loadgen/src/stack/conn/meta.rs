//! The adapter for the meta protocol of the `memcache` crate: its commands and return codes, in the frames of `framing`. Only
//! the meaning of requests and replies is here.

use memcache::exp::{
    ArithmeticOptions, DeleteOptions, Error, GetOptions, MetaCommand, ReturnCode, SetOptions,
    build_arithmetic, build_delete, build_get, build_noop, build_set,
};
use metrics_core::labels::CloseReason;
use tokio::net::TcpStream;

use crate::stack::conn::framing::{Frame, FramedStream};
use crate::stack::conn::wire;
use crate::stack::conn::{Client, ConnError, Connection, Item, Reply, Request, dial_error};

/// Dials with TCP_NODELAY. Each dial resolves the name again, so that a node with a new address is found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MetaClient;

impl Client for MetaClient {
    type Connection = MetaConnection;

    async fn dial(&self, address: &str) -> Result<MetaConnection, ConnError> {
        let stream = TcpStream::connect(address).await.map_err(dial_error)?;
        stream.set_nodelay(true)?;
        Ok(MetaConnection(FramedStream::new(stream)))
    }
}

pub(crate) struct MetaConnection(FramedStream);

impl Connection for MetaConnection {
    async fn exchange(&mut self, request: Request<'_>) -> Result<Reply<'_>, ConnError> {
        self.0.send(|buffer| encode_request(request, buffer)).await?;
        decode_reply(request, self.0.receive().await?)
    }

    fn unusable_reason(&self) -> Option<CloseReason> {
        self.0.unusable_reason()
    }

    async fn ping(&mut self) -> Result<(), ConnError> {
        self.0.send(|buffer| Ok(build_noop().encode_into(buffer)?)).await?;
        match self.0.receive().await?.code {
            ReturnCode::Mn => Ok(()),
            other => Err(unexpected_code("no-op", other)),
        }
    }

    async fn store_all(&mut self, items: &[Item]) -> Result<(), ConnError> {
        let set = |item: &Item, buffer: &mut Vec<u8>| {
            encode_request(Request::Set { key: &item.key, value: &item.value, ttl: item.ttl }, buffer)
        };
        self.0.send(|buffer| items.iter().try_for_each(|item| set(item, buffer))).await?;
        for _ in items {
            match self.0.receive().await?.code {
                ReturnCode::Hd => {}
                other => return Err(unexpected_code("set", other)),
            }
        }
        Ok(())
    }
}

/// `wire` writes gets and sets of plain keys, which are most requests. The crate writes all others.
fn encode_request(request: Request<'_>, buffer: &mut Vec<u8>) -> Result<(), ConnError> {
    match request {
        Request::Get { key } if wire::is_plain_key(key) => wire::write_get(buffer, key),
        Request::Set { key, value, ttl } if wire::is_plain_key(key) => {
            wire::write_set(buffer, key, value, ttl)
        }
        _ => build_command(request)?.encode_into(buffer)?,
    }
    Ok(())
}

fn build_command(request: Request<'_>) -> Result<MetaCommand, ConnError> {
    let command = match request {
        Request::Get { key } => build_get(key, &GetOptions::default()),
        Request::Set { key, value, ttl } => {
            let mut options = SetOptions::default();
            options.ttl = (ttl > 0).then_some(ttl);
            build_set(key, value, &options)
        }
        Request::Delete { key } => build_delete(key, &DeleteOptions::default()),
        Request::Increment { key } => {
            let mut options = ArithmeticOptions::default();
            (options.initial, options.initial_ttl) = (Some(1), Some(0));
            build_arithmetic(key, &options)
        }
    };
    Ok(command?)
}

fn decode_reply<'a>(request: Request<'_>, Frame { code, value }: Frame<'a>) -> Result<Reply<'a>, ConnError> {
    match (request, code) {
        (Request::Get { .. }, ReturnCode::Va) => Ok(Reply::Value(value)),
        (Request::Get { .. }, ReturnCode::En) => Ok(Reply::Miss),
        (Request::Set { .. } | Request::Delete { .. }, ReturnCode::Hd) => Ok(Reply::Done),
        (Request::Delete { .. }, ReturnCode::Nf) => Ok(Reply::Miss),
        (Request::Set { .. }, ReturnCode::Ns) => Err(ConnError::Server("not stored".to_owned())),
        (Request::Increment { .. }, ReturnCode::Va) => {
            if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
                Ok(Reply::Done)
            } else {
                Err(ConnError::Protocol("counter is not a number".to_owned()))
            }
        }
        (Request::Get { .. }, other) => Err(unexpected_code("get", other)),
        (Request::Set { .. }, other) => Err(unexpected_code("set", other)),
        (Request::Delete { .. }, other) => Err(unexpected_code("delete", other)),
        (Request::Increment { .. }, other) => Err(unexpected_code("increment", other)),
    }
}

fn unexpected_code(request: &str, code: ReturnCode) -> ConnError {
    ConnError::Protocol(format!("{code:?} in reply to {request}"))
}

impl From<Error> for ConnError {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => Self::Io(error),
            Error::Server(message) => Self::Server(message),
            other => Self::Protocol(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Request, build_command, encode_request};

    proptest! {
        /// The bytes of every request equal those that the crate would send.
        #[test]
        fn requests_have_the_same_bytes_as_those_of_the_crate(
            key in proptest::collection::vec(any::<u8>(), 1..260),
            plain in "[!-~]{1,250}",
            value in proptest::collection::vec(any::<u8>(), 0..300),
            ttl in prop_oneof![Just(0), 1..2_592_000u32],
        ) {
            for key in [key.as_slice(), plain.as_bytes()] {
                for request in [Request::Get { key }, Request::Set { key, value: &value, ttl }] {
                    let mut spelled = Vec::new();
                    let ours = encode_request(request, &mut spelled);
                    let theirs = build_command(request).and_then(|command| Ok(command.encode()?));
                    prop_assert_eq!(ours.is_ok(), theirs.is_ok());
                    if let Ok(theirs) = theirs {
                        prop_assert_eq!(&spelled, &theirs);
                    }
                }
            }
        }
    }
}
