//! The state as files beside each other: `dev.json` (snapshot), `dev.json.log` (changes since), `dev.json.lock` and
//! `dev.json.backup` (the snapshot before). The only code that writes them.
//!
//! Reading takes no lock and writes nothing. Writing needs a [`Locked`], which only [`StateFile::lock`] gives. Knows
//! nothing of what the changes mean: [`State::record`] does.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::lock::{Guard, Holder, LockError};
use super::log::{self, Log, Replayed};
use super::model::{Change, State};
use super::{Error, disk, format};
use crate::kill_point;

/// How often a reader starts over because a writer was at it, and how long it waits between.
const TRIES: u32 = 50;
/// How often it starts over because the log made no sense: more would only repeat a lasting mistake.
const TRIES_OF_SENSE: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// Where a state is kept. Holds no file open; any number of them may name the same state.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// The state at this path. Touches nothing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state as it is recorded now, or `None` if there is none. Takes no lock and writes nothing, not even the
    /// folder; what a writer is at that moment recording is in it wholly or not at all.
    ///
    /// Errors: a file that cannot be read, or holds what it should not ([`Error::Malformed`], [`Error::Newer`]), or does
    /// not belong to the one beside it ([`Error::Foreign`], [`Error::Ahead`], [`Error::Orphan`]).
    pub fn read(&self) -> Result<Option<State>, Error> {
        self.read_beside(|| {})
    }

    /// [`StateFile::read`] with something that happens after the snapshot was read and before its log is: the one moment
    /// at which a writer could make the two not belong together.
    pub(super) fn read_beside(&self, mut meanwhile: impl FnMut()) -> Result<Option<State>, Error> {
        let files = Files::of(&self.path)?;
        for tried in 1..=TRIES {
            let snapshot = disk::read(&files.snapshot)?;
            meanwhile();
            let log = disk::read(&files.log)?;
            // The two belong together if the snapshot was not replaced while the log was read.
            if disk::unchanged(&files.snapshot, snapshot.as_ref().map(|s| &s.file)) {
                let state = snapshot.map(|s| format::decode(&files.snapshot, &s.bytes)).transpose()?;
                match files.replay(state, log.as_ref().map(|l| l.bytes.as_slice())) {
                    Ok((state, _)) => return Ok(state),
                    // A writer that takes back a failed append and writes anew may have been seen in the middle of it.
                    Err(e) if tried >= TRIES_OF_SENSE || !matches!(e, Error::Malformed { .. }) => {
                        return Err(e);
                    }
                    Err(_) => {}
                }
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
        Err(Error::Busy { path: files.snapshot })
    }

    /// Looks whether somebody holds the lock. Takes none that lasts, and writes nothing.
    ///
    /// Errors: [`LockError::Held`] with the holder, if there is one; that the lock cannot be read.
    pub fn look(&self) -> Result<(), LockError> {
        Guard::look(&Files::of(&self.path)?.snapshot)
    }

    /// Takes the exclusive lock, without waiting, and reads the state. Makes the folder if it is missing.
    ///
    /// Errors: [`LockError::Held`] with the holder; else what [`StateFile::read`] reports, or that nothing can be
    /// written there.
    pub fn lock(&self, holder: &Holder) -> Result<Locked, LockError> {
        let files = Files::of(&self.path)?;
        if let Ok(metadata) = fs::metadata(&files.snapshot) {
            disk::refuse_others(&files.snapshot, &metadata)?;
            if metadata.permissions().readonly() {
                return Err(Error::ReadOnly { path: files.snapshot }.into());
            }
        }
        disk::create_folder(disk::folder(&files.snapshot))?;
        let guard = Guard::take(&files.snapshot, holder)?;
        // What a run that was killed did not get to rename.
        disk::remove_unfinished(&files.snapshot);
        disk::remove_unfinished(&files.backup);
        let snapshot = disk::read(&files.snapshot)?;
        let log = disk::read(&files.log)?;
        let state = snapshot.map(|s| format::decode(&files.snapshot, &s.bytes)).transpose()?;
        let (state, replayed) = files.replay(state, log.as_ref().map(|l| l.bytes.as_slice()))?;
        let log = match replayed {
            Replayed::Nothing => None,
            Replayed::Until(good) => Some(log::open(&files.log, good)?),
        };
        Ok(Locked { files, state, log, guard })
    }
}

impl StateFile {
    /// Takes the lock away from the holder named `id`: for a holder that is lost with its machine. `None` when nobody holds
    /// it.
    ///
    /// Errors: [`LockError::Held`] if another one holds it; what the disk says.
    pub fn unlock(&self, id: &str) -> Result<Option<Holder>, LockError> {
        Guard::take_away(&Files::of(&self.path)?.snapshot, id)
    }
}

/// A state that nobody else writes while this exists. Dropping it lets the lock go; what was recorded stays recorded.
#[derive(Debug)]
pub struct Locked {
    files: Files,
    state: Option<State>,
    /// The log of this snapshot, once there is one.
    log: Option<Log<File>>,
    guard: Guard,
}

impl Locked {
    /// The state with everything recorded so far, or `None` if there is none yet.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// A lock that was broken in the belief that this run is lost: another may be writing by now.
    fn check_lock(&self) -> Result<(), Error> {
        if self.guard.is_held() { Ok(()) } else { Err(Error::Unlocked { path: self.files.snapshot.clone() }) }
    }

    /// Writes the first snapshot of a new state, see [`State::new`].
    ///
    /// Errors: [`Error::Exists`] if there is a state; [`Error::Unfit`] if it could not be read back; what the disk says.
    pub fn create(&mut self, state: State) -> Result<(), Error> {
        self.check_lock()?;
        if self.state.is_some() {
            return Err(Error::Exists { path: self.files.snapshot.clone() });
        }
        let bytes = format::encode(&self.files.snapshot, &state, state.serial)?;
        disk::replace(&self.files.snapshot, &bytes)?;
        self.state = Some(state);
        disk::sync_folder(&self.files.snapshot)
    }

    /// Records changes, all of them or none: when this returns they survive a crash, in order and together. Costs what
    /// they weigh, whatever the size of the state, and one sync.
    ///
    /// Errors: [`Error::Absent`] before [`Locked::create`]; [`Error::Unfit`] for what could not be read back; what the
    /// disk says. [`Locked::state`] and the files are then as before, and recording may be tried again.
    pub fn record(&mut self, changes: Vec<Change>) -> Result<(), Error> {
        self.check_lock()?;
        let Some(state) = &mut self.state else {
            return Err(Error::Absent { path: self.files.snapshot.clone() });
        };
        if changes.is_empty() {
            return Ok(());
        }
        let path = &self.files.log;
        let line = format::encode_changes(path, &changes)?;
        if let Some(log) = &mut self.log {
            disk::refuse_large(path, log.length_with(line.len()))?;
            log.append(&line).map_err(disk::io_error("write", path))?;
        } else {
            self.log = Some(start_log(&self.files, state, &line)?);
        }
        for change in changes {
            state.record(change);
        }
        Ok(())
    }

    /// Makes a new snapshot of the state, with the next serial, and removes the log; the snapshot before becomes the
    /// backup. If nothing was recorded since the last snapshot, at most the log of a fold that was cut short goes.
    ///
    /// Errors: what the disk says. The state is then as before or folded, and valid either way.
    pub fn fold(&mut self) -> Result<(), Error> {
        self.check_lock()?;
        let Files { snapshot, log, backup } = &self.files;
        let (Some(state), Some(_)) = (&mut self.state, &self.log) else {
            return if log.exists() { remove_log(&self.files) } else { Ok(()) };
        };
        let serial = state.serial + 1;
        let bytes = format::encode(snapshot, state, serial)?;
        if let Some(previous) = disk::read(snapshot)? {
            disk::replace(backup, &previous.bytes)?;
        }
        disk::replace(snapshot, &bytes)?;
        // From here on the log is the one of the snapshot before, which every reader leaves out.
        state.serial = serial;
        self.log = None;
        remove_log(&self.files)
    }
}

/// Removes a log that adds nothing to the snapshot, once that is sure to last.
fn remove_log(files: &Files) -> Result<(), Error> {
    disk::sync_folder(&files.snapshot)?;
    kill_point::reached("before the log is removed");
    match fs::remove_file(&files.log) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(disk::io_error("remove", &files.log)(e)),
        _ => {
            kill_point::reached("after the log was removed");
            Ok(())
        }
    }
}

/// Begins the log of the present snapshot with its first line of changes.
fn start_log(files: &Files, state: &State, line: &[u8]) -> Result<Log<File>, Error> {
    let mut lines = format::encode_header(&files.log, state)?;
    lines.extend_from_slice(line);
    disk::refuse_large(&files.log, lines.len() as u64)?;
    // The log of the snapshot before may still be there; it is wiped only once the present one is sure to last.
    disk::sync_folder(&files.snapshot)?;
    let mut log = log::open(&files.log, 0)?;
    log.append(&lines).map_err(disk::io_error("write", &files.log))?;
    disk::sync_folder(&files.log)?;
    Ok(log)
}

/// The files of one state, links resolved; the lock is [`Guard`]'s.
#[derive(Debug)]
struct Files {
    snapshot: PathBuf,
    log: PathBuf,
    backup: PathBuf,
}

impl Files {
    fn of(path: &Path) -> Result<Self, Error> {
        let snapshot = disk::resolve(path)?;
        let log = disk::beside(&snapshot, ".log");
        let backup = disk::beside(&snapshot, ".backup");
        Ok(Self { snapshot, log, backup })
    }

    /// The state of a snapshot with what its log adds.
    fn replay(&self, state: Option<State>, log: Option<&[u8]>) -> Result<(Option<State>, Replayed), Error> {
        match (state, log) {
            (None, Some(log)) if !log::is_blank(log) => {
                Err(Error::Orphan { log: self.log.clone(), path: self.snapshot.clone() })
            }
            (Some(mut state), Some(log)) => {
                let replayed = log::replay(&self.log, log, &mut state)?;
                Ok((Some(state), replayed))
            }
            (state, _) => Ok((state, Replayed::Nothing)),
        }
    }
}
