//! The listener, and what it received.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::converse::converse;
use crate::received::Received;
use crate::script::Script;
use crate::tls::{Authority, TlsVersion};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How often a wait looks again.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A running server; it ends, and all its connections with it, when it is dropped.
pub struct FaultServer {
    scheme: &'static str,
    address: SocketAddr,
    record: Arc<Record>,
    task: JoinHandle<()>,
}

/// What came in.
#[derive(Default)]
pub(crate) struct Record {
    received: Mutex<Vec<Received>>,
    n_connections: Mutex<usize>,
}

impl Record {
    /// Numbers and keeps a request.
    pub(crate) fn keep(&self, mut request: Received) -> Received {
        let mut received = self.received();
        request.number = received.len() + 1;
        received.push(request.clone());
        request
    }

    fn received(&self) -> MutexGuard<'_, Vec<Received>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_connection(&self) -> usize {
        let mut n = self.n_connections.lock().unwrap_or_else(PoisonError::into_inner);
        *n += 1;
        *n
    }
}

impl FaultServer {
    /// Serves `script` on a free port of loopback, without TLS.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start(script: Script) -> io::Result<Self> {
        Self::refusing()?.listen(script)
    }

    /// Serves `script` over TLS as `localhost`, with a certificate of `authority`, and speaks
    /// `version` alone.
    ///
    /// # Errors
    ///
    /// When no port can be had or the certificate cannot be made.
    pub async fn start_tls(
        script: Script,
        authority: &Authority,
        version: TlsVersion,
    ) -> io::Result<Self> {
        let acceptor = authority.acceptor(version)?;
        let refusing = Self::refusing()?;
        Self::spawn(refusing.socket.listen(BACKLOG)?, script, Some(acceptor))
    }

    /// Takes a free port of loopback that refuses every connection, until it
    /// [`listen`](RefusingServer::listen)s.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub fn refusing() -> io::Result<RefusingServer> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = socket.local_addr()?;
        Ok(RefusingServer { socket, address })
    }

    fn spawn(
        listener: TcpListener,
        script: Script,
        acceptor: Option<TlsAcceptor>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let record = Arc::new(Record::default());
        let task = tokio::spawn(accept(listener, acceptor, Arc::new(script), record.clone()));
        Ok(Self { scheme, address, record, task })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of `path`, which starts with a slash. With TLS the host is `localhost`,
    /// as the certificate says.
    pub fn url(&self, path: &str) -> String {
        let host = if self.scheme == "https" { "localhost" } else { "127.0.0.1" };
        format!("{}://{host}:{}{path}", self.scheme, self.address.port())
    }

    /// Returns every request so far, in the order in which they arrived.
    pub fn received(&self) -> Vec<Received> {
        self.record.received().clone()
    }

    /// Returns how many requests came so far.
    pub fn n_received(&self) -> usize {
        self.record.received().len()
    }

    /// Returns how many connections were made so far.
    pub fn n_connections(&self) -> usize {
        *self.record.n_connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `n` requests have come, for up to `longest`; returns whether they did.
    pub async fn has_received(&self, n: usize, longest: Duration) -> bool {
        let look = async {
            while self.n_received() < n {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(longest, look).await.is_ok()
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for FaultServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultServer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A port that refuses every connection, and stays ours.
#[derive(Debug)]
pub struct RefusingServer {
    socket: TcpSocket,
    address: SocketAddr,
}

impl RefusingServer {
    /// Returns the address that refuses.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of `path`, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Refuses no longer, and serves `script`.
    ///
    /// # Errors
    ///
    /// When the port can no longer be had.
    pub fn listen(self, script: Script) -> io::Result<FaultServer> {
        FaultServer::spawn(self.socket.listen(BACKLOG)?, script, None)
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    script: Arc<Script>,
    record: Arc<Record>,
) {
    // Dropped with this task, it ends every connection.
    let mut connections = JoinSet::new();
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(_) => continue,
            },
            Some(_) = connections.join_next() => continue,
        };
        let _ = socket.set_nodelay(true);
        let number = record.next_connection();
        let (script, record, acceptor) = (script.clone(), record.clone(), acceptor.clone());
        connections.spawn(async move {
            match acceptor {
                None => converse(socket, number, script, record).await,
                Some(acceptor) => {
                    converse(acceptor.accept(socket).await?, number, script, record).await
                }
            }
        });
    }
}
