//! The log beside a snapshot: what changed since, one line for what was recorded together, so that a write costs what
//! changed and a crash loses a line as a whole or not at all.
//!
//! Owns how lines are appended, what a torn one is, and their replay. Does not decide when there is a log.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::model::State;
use super::{Error, disk, format};
use crate::kill_point;

/// What appending needs of a file.
pub(super) trait Medium {
    /// Appends all of it, or fails having appended some.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once what was appended survives a power cut.
    fn sync(&mut self) -> io::Result<()>;
    /// Drops what is behind `length`.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// A file opened for appending.
impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        for part in kill_point::parts(bytes) {
            kill_point::reached("before a part of a line of the log");
            self.write_all(part)?;
        }
        kill_point::reached("before the log's sync");
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()?;
        kill_point::reached("after the log's sync");
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// An open log.
#[derive(Debug)]
pub(super) struct Log<M> {
    medium: M,
    /// Length up to which every line is whole and synced.
    good: u64,
    /// There may be something behind `good`.
    ragged: bool,
}

impl<M: Medium> Log<M> {
    /// A log of which the first `good` bytes count; what is behind them is cut off before the first append.
    pub(super) fn new(medium: M, good: u64) -> Self {
        Self { medium, good, ragged: true }
    }

    /// Its length after `more` bytes.
    pub(super) fn length_with(&self, more: usize) -> u64 {
        self.good.saturating_add(more as u64)
    }

    /// Appends whole lines and syncs. When that fails the log is as before; should not even that succeed, a torn line is
    /// left, which readers skip and the next append removes.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.mend()?;
        self.ragged = true;
        if let Err(e) = self.medium.append(lines).and_then(|()| self.medium.sync()) {
            // The first failure is the one to tell of; a second one stays noted in `ragged`.
            let _ = self.mend();
            return Err(e);
        }
        self.good = self.length_with(lines.len());
        self.ragged = false;
        Ok(())
    }

    /// Cuts off what is behind the last whole line.
    pub(super) fn mend(&mut self) -> io::Result<()> {
        if self.ragged {
            self.medium.cut(self.good)?;
            self.ragged = false;
        }
        Ok(())
    }
}

/// What a log turned out to hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Replayed {
    /// Nothing that counts: it is empty, torn in its first line, or already part of the snapshot.
    Nothing,
    /// Changes, up to this length of the file, which are in the state now.
    Until(u64),
}

/// Applies the log's changes to the state of its snapshot. A last line that was not finished, because a writer was
/// stopped or is still at it, is left out: whoever wrote it was not told that it is recorded. On an error the state is
/// of no use.
pub(super) fn replay(path: &Path, log: &[u8], state: &mut State) -> Result<Replayed, Error> {
    let mut lines = whole_lines(log);
    let Some(first) = lines.next() else { return Ok(Replayed::Nothing) };
    let header = format::decode_header(path, first)?;
    if header.lineage != state.lineage {
        return Err(Error::Foreign {
            log: path.to_owned(),
            found: header.lineage.escape_debug().to_string(),
            expected: state.lineage.clone(),
        });
    }
    if header.serial > state.serial {
        return Err(Error::Ahead { log: path.to_owned(), found: header.serial, expected: state.serial });
    }
    if header.serial < state.serial {
        // Folded already: somebody was stopped between the rename of the snapshot and the removal of its log.
        return Ok(Replayed::Nothing);
    }
    let mut good = first.len();
    for (index, line) in lines.enumerate() {
        for change in format::decode_changes(path, index + 2, line)? {
            state.record(change);
        }
        good += line.len();
    }
    Ok(Replayed::Until(good as u64))
}

/// Whether a log without a snapshot holds anything.
pub(super) fn is_blank(log: &[u8]) -> bool {
    whole_lines(log).next().is_none()
}

/// The lines that were finished, with their line breaks. A last line with a NUL was not: no JSON has one, but a file that
/// grew before a power cut has, where its data did not arrive.
fn whole_lines(log: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut lines = log.split_inclusive(|b| *b == b'\n').peekable();
    std::iter::from_fn(move || {
        let line = lines.next()?;
        let torn = !line.ends_with(b"\n") || (lines.peek().is_none() && line.contains(&0));
        (!torn).then_some(line)
    })
}

/// Opens the log at `path`, made if there is none.
pub(super) fn open(path: &Path, good: u64) -> Result<Log<File>, Error> {
    let file = disk::private().append(true).create(true).open(path).map_err(disk::io_error("write", path))?;
    let mut log = Log::new(file, good);
    log.mend().map_err(disk::io_error("write", path))?;
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that takes so many bytes more, then is full; with a switch for one that cannot even cut a file.
    #[derive(Default)]
    struct Full {
        held: Vec<u8>,
        room: usize,
        sync_fails: bool,
        cut_fails: bool,
    }

    impl Medium for Full {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let taken = bytes.len().min(self.room);
            self.held.extend_from_slice(&bytes[..taken]);
            self.room -= taken;
            if taken < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn sync(&mut self) -> io::Result<()> {
            if self.sync_fails { Err(io::Error::other("lost")) } else { Ok(()) }
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            if self.cut_fails {
                return Err(io::Error::other("no cut"));
            }
            let length = usize::try_from(length).unwrap();
            self.room += self.held.len() - length;
            self.held.truncate(length);
            Ok(())
        }
    }

    fn log(room: usize) -> Log<Full> {
        Log::new(Full { room, ..Full::default() }, 0)
    }

    #[test]
    fn a_full_disk_leaves_the_log_as_it_was() {
        let mut log = log(8);
        log.append(b"one\n").unwrap();
        let error = log.append(b"two-is-too-long\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(log.medium.held, b"one\n");
        log.append(b"two\n").unwrap();
        assert_eq!(log.medium.held, b"one\ntwo\n");
    }

    #[test]
    fn a_failed_sync_takes_the_line_back() {
        let mut log = log(100);
        log.append(b"one\n").unwrap();
        log.medium.sync_fails = true;
        log.append(b"two\n").unwrap_err();
        assert_eq!(log.medium.held, b"one\n");
        log.medium.sync_fails = false;
        log.append(b"three\n").unwrap();
        assert_eq!(log.medium.held, b"one\nthree\n");
    }

    #[test]
    fn when_not_even_cutting_works_the_torn_line_is_skipped_and_removed_later() {
        let mut log = log(6);
        log.append(b"one\n").unwrap();
        log.medium.cut_fails = true;
        log.append(b"two\n").unwrap_err();
        assert_eq!(log.medium.held, b"one\ntw");
        assert_eq!(whole_lines(&log.medium.held).collect::<Vec<_>>(), [b"one\n"]);
        // Nothing may be appended to a torn line: both would be lost.
        log.append(b"three\n").unwrap_err();
        assert_eq!(log.medium.held, b"one\ntw");
        log.medium.cut_fails = false;
        log.medium.room = 100;
        log.append(b"three\n").unwrap();
        assert_eq!(log.medium.held, b"one\nthree\n");
    }
}
