//! The adapter for the `memcache` crate's async meta-protocol connection. Only the spelling of requests and the
//! reading of replies live here.

use memcache::exp::{
    ArithmeticOptions, AsyncMetaConnection, DeleteOptions, Error, GetOptions, MetaCommand, MetaResponse,
    ReturnCode, SetOptions, build_arithmetic, build_delete, build_get, build_noop, build_set,
};

use crate::stack::conn::{Client, ConnError, Connection, Item, Reply, Request};

/// Dials with TCP_NODELAY, one lookup per dial, so that a node that moved is found again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MetaClient;

impl Client for MetaClient {
    type Connection = MetaConnection;

    async fn dial(&self, address: &str) -> Result<MetaConnection, ConnError> {
        Ok(MetaConnection { stream: AsyncMetaConnection::connect(address).await? })
    }
}

pub(crate) struct MetaConnection {
    stream: AsyncMetaConnection,
}

impl Connection for MetaConnection {
    async fn exchange(&mut self, request: Request<'_>) -> Result<Reply, ConnError> {
        let response = self.stream.execute(&command(request)?).await?;
        read(request, response)
    }

    async fn ping(&mut self) -> Result<(), ConnError> {
        match self.stream.execute(&build_noop()).await?.rc() {
            ReturnCode::Mn => Ok(()),
            other => Err(unexpected("no-op", other)),
        }
    }

    async fn store_all(&mut self, items: &[Item]) -> Result<(), ConnError> {
        let set = |item: &Item| command(Request::Set { key: &item.key, value: &item.value, ttl: item.ttl });
        let commands: Result<Vec<MetaCommand>, ConnError> = items.iter().map(set).collect();
        for response in self.stream.execute_batch(&commands?).await? {
            if response.rc() != ReturnCode::Hd {
                return Err(unexpected("set", response.rc()));
            }
        }
        Ok(())
    }
}

fn command(request: Request<'_>) -> Result<MetaCommand, ConnError> {
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

fn read(request: Request<'_>, response: MetaResponse) -> Result<Reply, ConnError> {
    let code = response.rc();
    match (request, code) {
        (Request::Get { .. }, ReturnCode::Va) => Ok(Reply::Value(response.into_value().unwrap_or_default())),
        (Request::Get { .. }, ReturnCode::En) => Ok(Reply::Miss),
        (Request::Set { .. } | Request::Delete { .. }, ReturnCode::Hd) => Ok(Reply::Done),
        (Request::Delete { .. }, ReturnCode::Nf) => Ok(Reply::Miss),
        (Request::Set { .. }, ReturnCode::Ns) => Err(ConnError::Server("not stored".to_owned())),
        (Request::Increment { .. }, ReturnCode::Va) => match response.value() {
            Some(digits) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => Ok(Reply::Done),
            _ => Err(ConnError::Protocol("a counter that is no number".to_owned())),
        },
        (Request::Get { .. }, other) => Err(unexpected("get", other)),
        (Request::Set { .. }, other) => Err(unexpected("set", other)),
        (Request::Delete { .. }, other) => Err(unexpected("delete", other)),
        (Request::Increment { .. }, other) => Err(unexpected("increment", other)),
    }
}

fn unexpected(request: &str, code: ReturnCode) -> ConnError {
    ConnError::Protocol(format!("{code:?} to a {request}"))
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
