//! Writes log lines to standard error on a thread of its own, so that a slow reader does not delay
//! the server.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// How many lines can wait. Further lines are dropped.
const LINES_MAX: usize = 4096;
/// How long the end of the process waits for the lines in the queue.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The queue of lines. Each call of `write` must pass a whole line.
#[derive(Clone)]
pub struct LogWriter {
    lines: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicUsize>,
}

/// Writes the lines in the queue when it is dropped.
pub struct FlushGuard {
    writer: LogWriter,
    is_ending: Arc<AtomicBool>,
    ended: Receiver<()>,
}

impl LogWriter {
    pub fn start() -> io::Result<(LogWriter, FlushGuard)> {
        let (lines, queued) = sync_channel(LINES_MAX);
        let (end, ended) = sync_channel(1);
        let is_ending = Arc::new(AtomicBool::new(false));
        let is_last = is_ending.clone();
        std::thread::Builder::new().name("log".into()).spawn(move || {
            write_all(&queued, &is_last);
            let _ = end.send(());
        })?;
        let writer = LogWriter { lines, dropped: Arc::default() };
        Ok((writer.clone(), FlushGuard { writer, is_ending, ended }))
    }

    /// How many lines were dropped since the start.
    pub fn dropped(&self) -> usize {
        self.dropped.load(Relaxed)
    }
}

/// Writes lines until the process ends and the queue is empty.
fn write_all(lines: &Receiver<Vec<u8>>, is_ending: &AtomicBool) {
    let write = |line: Vec<u8>| {
        // There is no other place to report a failure.
        let _ = io::stderr().write_all(&line);
    };
    while let Ok(line) = lines.recv() {
        write(line);
        if is_ending.load(Relaxed) {
            return lines.try_iter().for_each(write);
        }
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(line.to_vec()).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for FlushGuard {
    fn drop(&mut self) {
        self.is_ending.store(true, Relaxed);
        // An empty line wakes the thread. If the queue is full, the thread is awake.
        let _ = self.writer.lines.try_send(Vec::new());
        let _ = self.ended.recv_timeout(FLUSH_TIMEOUT);
    }
}
