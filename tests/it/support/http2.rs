//! An HTTP/2 client that misbehaves: it writes its frames by hand.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::process::Server;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const SETTINGS_INITIAL_WINDOW_SIZE: u8 = 4;

pub struct Http2 {
    pub stream: TcpStream,
    /// The remaining flow-control window of each stream; stream 0 is the connection.
    room: BTreeMap<u32, i64>,
    /// The initial window of a new stream.
    first_room: i64,
}

#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub id: u32,
    pub payload: Vec<u8>,
}

impl Http2 {
    /// Connects with an initial window of `window` bytes for each response.
    pub fn connect(server: &Server, window: u32) -> Http2 {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut http2 = Http2 { stream, room: BTreeMap::from([(0, 65_535)]), first_room: 65_535 };
        let window = window.to_be_bytes();
        http2.send(SETTINGS, 0, 0, &[&[0, SETTINGS_INITIAL_WINDOW_SIZE][..], &window].concat());
        http2
    }

    pub fn send(&mut self, kind: u8, flags: u8, id: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &id.to_be_bytes()].concat();
        self.stream.write_all(&[&head, payload].concat()).unwrap();
    }

    /// Sends a request's head with these fields. The body, if any, follows later.
    pub fn ask(
        &mut self,
        id: u32,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        has_body: bool,
    ) {
        let mut head = Vec::new();
        let fields =
            [(":method", method), (":scheme", "http"), (":path", path), (":authority", "test")];
        for (name, value) in fields.iter().chain(more) {
            // A literal field without indexing (RFC 7541, section 6.2.2).
            head.push(0);
            for text in [name, value] {
                match u8::try_from(text.len()) {
                    Ok(length) if length < 127 => head.push(length),
                    _ => {
                        let rest = text.len() - 127;
                        let low = u8::try_from(rest % 128).unwrap() | 128;
                        head.extend([127, low, u8::try_from(rest / 128).unwrap()]);
                    }
                }
                head.extend(text.as_bytes());
            }
        }
        self.send(HEADERS, END_HEADERS | if has_body { 0 } else { END_STREAM }, id, &head);
    }

    fn note_settings(&mut self, payload: &[u8]) {
        for setting in
            payload.chunks_exact(6).filter(|setting| setting[1] == SETTINGS_INITIAL_WINDOW_SIZE)
        {
            let more = number(&setting[2..]) - self.first_room;
            self.first_room += more;
            for (_, room) in self.room.iter_mut().filter(|(id, _)| **id > 0) {
                *room += more;
            }
        }
    }

    /// Sends `length` bytes on each stream, in turn, as far as the server's windows allow. Returns
    /// the streams that were not refused.
    pub fn upload(&mut self, ids: &[u32], length: usize) -> Vec<u32> {
        let mut left: BTreeMap<u32, usize> = ids.iter().map(|id| (*id, length)).collect();
        self.stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        loop {
            for (id, left) in &mut left {
                let room = self.room[&0].min(*self.room.get(id).unwrap_or(&self.first_room));
                let count = usize::try_from(room).unwrap_or(0).min(*left).min(16 * 1024);
                if count > 0 {
                    self.send(DATA, 0, *id, &vec![b' '; count]);
                    *left -= count;
                    let count = i64::try_from(count).unwrap();
                    *self.room.entry(*id).or_insert(self.first_room) -= count;
                    *self.room.entry(0).or_default() -= count;
                }
            }
            // Stop when the server extends no window.
            let Some(frame) = self.step() else { break };
            if frame.kind == HEADERS {
                left.remove(&frame.id);
            }
        }
        self.stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        left.into_keys().collect()
    }

    /// Returns the next frame that is not about the connection itself; `None` at the end.
    pub fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = self.step()?;
            if ![PING, SETTINGS, WINDOW_UPDATE].contains(&frame.kind) {
                return Some(frame);
            }
        }
    }

    /// Reads the next frame and does what it requires.
    fn step(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).ok()?;
        let id = u32::from_be_bytes(head[5..].try_into().unwrap());
        match (head[3], head[4] & ACK) {
            (PING, 0) => self.send(PING, ACK, 0, &payload),
            (SETTINGS, 0) => {
                self.note_settings(&payload);
                self.send(SETTINGS, ACK, 0, &[]);
            }
            (WINDOW_UPDATE, _) => {
                *self.room.entry(id).or_insert(self.first_room) += number(&payload);
            }
            _ => {}
        }
        Some(Frame { kind: head[3], id, payload })
    }
}

/// Returns the first four bytes as a number.
fn number(bytes: &[u8]) -> i64 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap()).into()
}

impl Frame {
    /// Whether this is the head of a response with status 200, the eighth entry of HPACK's static
    /// table.
    pub fn is_ok(&self) -> bool {
        self.kind == HEADERS && self.payload.contains(&0x88)
    }
}
