//! A receiver of webhooks: a small HTTP/1.1 server on a loopback port.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Requests, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::failure::{OrFail as _, Result};

const MAX_HEAD_BYTES: u64 = 64 * 1024;
const MAX_HEADERS: usize = 64;
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_mins(1);

/// What the receiver answers.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    pub status: u16,
    /// How long it takes before it answers.
    pub delay: Duration,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    /// The headers in their order, with their names as they were sent.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    /// Reads one request. What is none is an error.
    pub fn read(connection: &TcpStream) -> io::Result<Self> {
        let mut reader = BufReader::new(connection);
        let head = read_head(&mut reader)?;
        let mut request = parse_head(&head)?;
        // Deliveries have a Content-Length. A chunked body would be a fault of ours that must show.
        let length = request.header("Content-Length").map_or(Ok(0), str::parse).map_err(invalid)?;
        if length > MAX_BODY_BYTES {
            return Err(invalid("body too large"));
        }
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
        Ok(request)
    }

    /// A header's value, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A server that hands over each request as soon as it has read it. It ends with its process.
#[derive(Debug)]
pub struct Receiver {
    port: u16,
    requests: Requests<Received>,
}

impl Receiver {
    /// Listens on 127.0.0.1, on a free port if `port` is 0.
    pub fn start(port: u16, reply: Reply) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).or_fail(
            || format!("cannot listen on 127.0.0.1:{port}"),
            "end the program that listens there, or choose another port with --port",
        )?;
        let port =
            listener.local_addr().or_fail(|| "the receiver has no address".to_owned(), "try again")?.port();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let sender = sender.clone();
                // A delayed answer must not delay the next request.
                thread::spawn(move || serve(connection, reply, &sender));
            }
        });
        Ok(Self { port, requests })
    }

    /// The URL to register as an endpoint.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/webhooks/dodev", self.port)
    }

    /// The next request, or nothing if none comes in time.
    pub fn next(&self, within: Duration) -> Option<Received> {
        self.requests.recv_timeout(within).ok()
    }

    /// The next request, however long it takes.
    pub fn wait(&self) -> Option<Received> {
        self.requests.recv().ok()
    }
}

/// Reads one request, hands it over and answers. If it cannot be read as a request, there is no answer.
fn serve(mut connection: TcpStream, reply: Reply, sender: &Sender<Received>) {
    let _ = connection.set_read_timeout(Some(PATIENCE));
    let Ok(request) = Received::read(&connection) else { return };
    let _ = sender.send(request);
    thread::sleep(reply.delay);
    let body = "received";
    let _ = write!(
        connection,
        "HTTP/1.1 {} \r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        reply.status,
        body.len()
    );
}

fn read_head(reader: &mut BufReader<&TcpStream>) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut limited = reader.take(MAX_HEAD_BYTES);
    while !head.ends_with(b"\r\n\r\n") {
        if limited.read_until(b'\n', &mut head)? == 0 {
            return Err(invalid("head cut short or too large"));
        }
    }
    Ok(head)
}

fn parse_head(head: &[u8]) -> io::Result<Received> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    if !request.parse(head).map_err(invalid)?.is_complete() {
        return Err(invalid("incomplete head"));
    }
    Ok(Received {
        method: request.method.unwrap_or_default().to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
        headers: request
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
            .collect(),
        body: Vec::new(),
    })
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Reply = Reply { status: 503, delay: Duration::ZERO };

    #[test]
    fn a_request_is_handed_over_and_answered() {
        let receiver = Receiver::start(0, AT_ONCE).unwrap();
        let answer =
            minreq::post(receiver.url()).with_header("X-A", "b").with_body("{\"a\":1}").send().unwrap();
        assert_eq!(answer.status_code, 503);
        let request = receiver.next(PATIENCE).unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/webhooks/dodev"));
        assert_eq!(request.header("x-a"), Some("b"));
        assert_eq!(request.body, b"{\"a\":1}");
    }

    #[test]
    fn what_is_no_request_is_dropped_and_the_next_one_served() {
        let receiver = Receiver::start(0, AT_ONCE).unwrap();
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, receiver.port)).unwrap();
        connection.write_all(b"\x16\x03\x01\r\n\r\n").unwrap();
        assert_eq!(connection.read(&mut [0; 8]).unwrap(), 0);
        minreq::get(receiver.url()).send().unwrap();
        assert_eq!(receiver.next(PATIENCE).unwrap().method, "GET");
    }
}
