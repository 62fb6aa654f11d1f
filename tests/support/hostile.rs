//! Both ends of a connection that is up to no good: a server that answers whatever it was told, and raw requests.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowform::api::{Client, Credential, Settings, retry};
use flowform::secret::{Redactor, Secret};

/// Answers each request; the first argument is the request's head.
type Answer = dyn Fn(&str, &mut dyn Write) + Send + Sync;

/// A server with one answer for all.
pub(crate) struct Server {
    pub(crate) url: String,
    answer: Arc<Mutex<Arc<Answer>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers nothing yet. It lives as long as the process.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer: Arc<Mutex<Arc<Answer>>> = Arc::new(Mutex::new(Arc::new(|_, _| {})));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (to_answer, to_see) = (Arc::clone(&answer), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (Arc::clone(&to_answer.lock().unwrap()), Arc::clone(&to_see));
                std::thread::spawn(move || serve(stream, &*answer, &seen));
            }
        });
        Self { url, answer, seen }
    }

    /// Sends these bytes from now on and hangs up.
    pub(crate) fn answer(&self, bytes: Vec<u8>) {
        self.answer_by(move |_, to| {
            let _ = to.write_all(&bytes);
        });
    }

    pub(crate) fn answer_by(&self, answer: impl Fn(&str, &mut dyn Write) + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Arc::new(answer);
    }

    /// The request lines since this was last asked.
    pub(crate) fn seen(&self) -> Vec<String> {
        let line = |head: String| head.lines().next().unwrap_or_default().to_owned();
        self.heads().into_iter().map(line).collect()
    }

    /// The heads of the requests since anybody last asked.
    pub(crate) fn heads(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// A client of it that tries once.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.settings(), Redactor::default()).unwrap()
    }

    pub(crate) fn settings(&self) -> Settings {
        let second = Duration::from_secs(10);
        Settings {
            gateway: self.url.clone(),
            ims: self.url.clone(),
            org: super::ORG.into(),
            client_id: "tests".into(),
            credential: Credential::Token(Secret::new("the-access-token")),
            sandbox: "dev".into(),
            timeout: second,
            connect_timeout: second,
            max_in_flight: 8,
            ca_file: None,
            allow_http: false,
            proxies: flowform::api::Proxies::default(),
            retry: retry::Policy { tries: 1, ..retry::Policy::default() },
            user_agent: "flowform-tests".into(),
        }
    }
}

fn serve(mut stream: TcpStream, answer: &Answer, seen: &Mutex<Vec<String>>) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(read) if read > 0 => head.extend_from_slice(&piece[..read]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    seen.lock().unwrap().push(head.clone());
    answer(&head, &mut stream);
    let _ = stream.shutdown(std::net::Shutdown::Write);
}

/// Sends bytes and gives what comes back until the other side hangs up. A request that is not whole gets its end when
/// nothing has come back for `patience`.
pub(crate) fn send(url: &str, bytes: &[u8], patience: Duration) -> Vec<u8> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let _ = stream.set_read_timeout(Some(patience));
    // It may hang up in the middle; what it said before counts.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer)
        && matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
    {
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let _ = stream.read_to_end(&mut answer);
    }
    answer
}

/// A whole answer.
pub(crate) fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Zeros as gzip, about two hundred times as many as it has bytes: one block of fixed codes that say "the last byte, 258
/// times more", written by hand since nothing else here packs anything.
pub(crate) fn bomb(zeros: usize) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut bits, mut held) = (0_u32, 0);
    let mut put = |code: u32, length: u32| {
        bits |= code << held;
        held += length;
        while held >= 8 {
            out.push((bits & 0xff) as u8);
            bits >>= 8;
            held -= 8;
        }
    };
    // The last block, fixed codes; a zero byte (code 00110000, first bit first).
    put(0b011, 3);
    put(0b0000_1100, 8);
    for _ in 0..zeros / 258 {
        // Length 258 (code 11000101), distance 1 (code 00000).
        put(0b1010_0011, 8);
        put(0, 5);
    }
    // End of block, and room for the last bits.
    put(0, 7);
    put(0, 7);
    out.extend([0; 8]);
    out
}
