//! A server for this module's tests: one request per connection, each answered by a closure, all recorded.
//!
//! A request that the closure has no answer for, and a script that was not used up, fail the test when the server is
//! dropped. It shares nothing with the emulator: here answers are wrong on purpose.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

/// A request as it came in.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// `GET /path?query`.
    pub(super) line: String,
    /// Names in lower case, in the order they came.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// What to do with a request.
#[derive(Clone)]
pub(super) enum Act {
    /// Status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// These bytes, then the end of the connection.
    Raw(String),
    /// The end of the connection without an answer.
    Close,
    /// Nothing, and the connection stays.
    Stall,
    /// The act, once this many requests wait for it.
    Together(Arc<Barrier>, Box<Act>),
}

pub(super) fn json(status: u16, body: &str) -> Act {
    Act::Answer(status, Vec::new(), body.to_owned())
}

type Handler = Box<dyn FnMut(&Seen) -> Option<Act> + Send>;

#[derive(Default)]
struct Log {
    seen: Vec<Seen>,
    unscripted: Vec<String>,
}

pub(super) struct Server {
    pub(super) url: String,
    log: Arc<Mutex<Log>>,
    /// Script lines not yet used.
    left: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(handler: impl FnMut(&Seen) -> Option<Act> + Send + 'static) -> Self {
        Self::launch(Box::new(handler), Arc::default()).await
    }

    /// Each request must have the line that the script has next.
    pub(super) async fn scripted(script: Vec<(&'static str, Act)>) -> Self {
        let left = Arc::new(Mutex::new(script.len()));
        let counter = Arc::clone(&left);
        let mut script = script.into_iter();
        let handler = move |seen: &Seen| {
            let (line, act) = script.next()?;
            *counter.lock().unwrap() -= 1;
            (line == seen.line).then_some(act)
        };
        Self::launch(Box::new(handler), left).await
    }

    async fn launch(handler: Handler, left: Arc<Mutex<usize>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Log::default()));
        let shared = Arc::clone(&log);
        let handler = Arc::new(Mutex::new(handler));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&handler), Arc::clone(&shared)));
            }
        });
        Self { url, log, left, task }
    }

    /// All requests so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().seen.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        if !std::thread::panicking() {
            assert_eq!(self.log.lock().unwrap().unscripted, Vec::<String>::new(), "unscripted requests");
            assert_eq!(*self.left.lock().unwrap(), 0, "script lines left");
        }
    }
}

async fn serve(mut socket: TcpStream, handler: Arc<Mutex<Handler>>, log: Arc<Mutex<Log>>) {
    let Some(seen) = read(&mut socket).await else {
        return;
    };
    let act = (handler.lock().unwrap())(&seen);
    {
        let mut log = log.lock().unwrap();
        if act.is_none() {
            log.unscripted.push(seen.line.clone());
        }
        log.seen.push(seen);
    }
    let mut act = act.unwrap_or_else(|| json(599, "\"unscripted\""));
    while let Act::Together(barrier, inner) = act {
        barrier.wait().await;
        act = *inner;
    }
    match act {
        Act::Answer(status, headers, body) => {
            let mut head =
                format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                head = format!("{head}{name}: {value}\r\n");
            }
            let _ = socket.write_all(format!("{head}\r\n{body}").as_bytes()).await;
        }
        Act::Raw(bytes) => {
            let _ = socket.write_all(bytes.as_bytes()).await;
        }
        Act::Stall => std::future::pending().await,
        Act::Close | Act::Together(..) => {}
    }
    let _ = socket.shutdown().await;
}

/// One request; `None` when the connection ended first.
async fn read(socket: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next()?.strip_suffix(" HTTP/1.1")?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let end = head_end + 4 + length.map_or(0, |(_, value)| value.parse::<usize>().unwrap());
    while bytes.len() < end {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[head_end + 4..end].to_vec()).unwrap();
    Some(Seen { line, headers, body })
}
