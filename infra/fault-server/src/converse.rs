//! One connection: requests are read whole, kept, and met as the script says.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::received::Received;
use crate::script::{Script, Step};
use crate::server::Record;

/// The longest head and body read.
const MAX_REQUEST_BYTES: usize = 64 * 1024 * 1024;

/// What is written where an answer was expected: the start of a TLS record, then noise.
const GARBAGE: &[u8] = b"\x16\x03garbage\xff\xff\r\n\r\n";

/// A connection, with or without TLS.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {
    /// Returns the socket underneath.
    fn socket(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Wire for tokio_rustls::server::TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// What becomes of the connection after a step.
enum Next {
    Read,
    Close,
}

/// Meets the requests of one connection until it ends.
pub(crate) async fn converse<W: Wire>(
    mut wire: W,
    connection: usize,
    script: Arc<Script>,
    record: Arc<Record>,
) -> io::Result<()> {
    let mut unread = Vec::new();
    while let Some(mut received) = read_request(&mut wire, &mut unread).await? {
        received.connection = connection;
        let received = record.keep(received);
        let step = script.next(&received);
        if matches!(meet(&mut wire, step).await?, Next::Close) {
            break;
        }
    }
    Ok(())
}

/// Reads a request whole; `None` when the connection ends or what comes is not HTTP.
async fn read_request<W: Wire>(wire: &mut W, unread: &mut Vec<u8>) -> io::Result<Option<Received>> {
    let head_end = loop {
        if let Some(at) = unread.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
        if unread.len() > MAX_REQUEST_BYTES || wire.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    };
    let rest = unread.split_off(head_end);
    let head = std::mem::replace(unread, rest);
    let Some(mut received) = Received::parse(&String::from_utf8_lossy(&head)) else {
        return Ok(None);
    };
    let n_body: usize =
        received.header("content-length").and_then(|raw| raw.parse().ok()).unwrap_or(0);
    while unread.len() < n_body {
        if unread.len() > MAX_REQUEST_BYTES || wire.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
    let rest = unread.split_off(n_body);
    received.body = std::mem::replace(unread, rest);
    Ok(Some(received))
}

async fn meet<W: Wire>(wire: &mut W, mut step: Step) -> io::Result<Next> {
    while let Step::Late { by, step: later } = step {
        tokio::time::sleep(by).await;
        step = *later;
    }
    match step {
        Step::Answer(answer) => {
            let mut bytes = answer.head();
            bytes.extend_from_slice(&answer.body);
            wire.write_all(&bytes).await?;
            wire.flush().await?;
            return Ok(Next::Read);
        }
        Step::Drip { answer, every } => {
            wire.write_all(&answer.head()).await?;
            for byte in answer.body {
                wire.write_all(&[byte]).await?;
                wire.flush().await?;
                tokio::time::sleep(every).await;
            }
            return Ok(Next::Read);
        }
        // The task ends with the server.
        Step::Hang | Step::Late { .. } => std::future::pending::<()>().await,
        Step::Reset => wire.socket().set_zero_linger()?,
        Step::ResetMidBody(answer) => {
            wire.write_all(&answer.head()).await?;
            wire.write_all(answer.first_half()).await?;
            wire.flush().await?;
            // The half must be on its way: a reset throws away what was not sent yet.
            tokio::task::yield_now().await;
            wire.socket().set_zero_linger()?;
        }
        Step::CutMidBody(answer) => {
            wire.write_all(&answer.head()).await?;
            wire.write_all(answer.first_half()).await?;
            wire.shutdown().await?;
        }
        Step::Garbage => {
            wire.write_all(GARBAGE).await?;
            wire.shutdown().await?;
        }
    }
    Ok(Next::Close)
}
