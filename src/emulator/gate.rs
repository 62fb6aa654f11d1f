//! The socket under a connection, which a fault can cut: at once, or half-way through an answer.
//!
//! HTTP libraries see to it that answers are whole, so cutting has to happen below them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// What a fault may do to the connection that a request came over.
#[derive(Debug, Clone, Default)]
pub(super) struct Cut(Arc<Wires>);

#[derive(Debug, Default)]
struct Wires {
    cut: AtomicBool,
    /// Bytes of a body that still pass, plus one; 0 means no limit.
    body_left: AtomicUsize,
}

impl Cut {
    /// Nothing more is written: the client sees the connection end.
    pub(super) fn now(&self) {
        self.0.cut.store(true, Ordering::SeqCst);
    }

    /// The head and so many bytes of the body of the next answer pass, then the connection ends.
    pub(super) fn after(&self, body_bytes: usize) {
        self.0.body_left.store(body_bytes + 1, Ordering::SeqCst);
    }
}

/// A listener whose connections can be cut.
pub(super) struct Gate(pub(super) TcpListener);

impl Listener for Gate {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    // Small answers must not wait for the acknowledgement of the ones before.
                    let _ = stream.set_nodelay(true);
                    return (Wire { stream, cut: Cut::default(), head: true }, address);
                }
                // Out of file handles, or a client that gave up: neither ends the server.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// One connection.
pub(super) struct Wire {
    stream: TcpStream,
    cut: Cut,
    /// Still within the head of an answer that is to be cut.
    head: bool,
}

impl Connected<IncomingStream<'_, Gate>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        stream.io().cut.clone()
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut by a fault")
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.cut.0.cut.load(Ordering::SeqCst) {
            return Poll::Ready(Err(gone()));
        }
        let left = self.cut.0.body_left.load(Ordering::SeqCst);
        if left == 0 {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        }
        // hyper writes a head whole: its end is in the first buffer.
        let head = if self.head {
            buf.windows(4).position(|window| window == b"\r\n\r\n").map_or(buf.len(), |at| at + 4)
        } else {
            0
        };
        let allowed = (head + left - 1).min(buf.len());
        if allowed == 0 && !buf.is_empty() {
            self.cut.now();
            return Poll::Ready(Err(gone()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &buf[..allowed]))?;
        if written >= head {
            self.head = false;
            self.cut.0.body_left.store(left - (written - head), Ordering::SeqCst);
        } else {
            self.cut.now();
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
