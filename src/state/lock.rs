//! Who may write: one process at a time, by a lock that the operating system holds and lets go when that process ends.
//!
//! The lock file also names its holder, for others to read. It is never deleted: whoever deletes a lock file lets a third
//! process lock a new one while a second still waits for the old. Knows nothing of what the state holds.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Error, disk};
use crate::kill_point;

/// Who holds a lock, since when, and for what. All of it is handed in: nothing here asks the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Names this holding of the lock, so that nobody breaks another one than was meant.
    pub id: String,
    /// The user.
    pub who: String,
    /// The machine.
    pub host: String,
    /// The process id.
    pub pid: u32,
    /// The command line, without secrets: `flowform apply`.
    pub command: String,
    /// When the lock was taken, RFC 3339.
    pub since: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, who, host, pid, command, since } = self;
        write!(f, "{who} on {host} (process {pid}) since {since}, running `{command}` (lock {id})")
    }
}

/// Why a state was not locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("{path} is locked by {holder}")]
    Held {
        /// The state.
        path: PathBuf,
        /// Who. Boxed, because every result of a lock has room for it.
        holder: Box<Holder>,
    },
    /// Another run holds it, and has not said who it is.
    #[error("{path} is locked by a run that has not written down yet who it is")]
    HeldUnknown {
        /// The state.
        path: PathBuf,
    },
    /// The lock, or the state behind it, cannot be used.
    #[error(transparent)]
    State(#[from] Error),
}

impl LockError {
    /// What to do now, one sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Held { holder, .. } => format!(
                "wait until it ends (with `--lock-timeout 10m`, say), or end process {} on {}, which frees the lock; only if \
                 that machine is lost: `flowform state unlock {}`",
                holder.pid, holder.host, holder.id
            ),
            Self::HeldUnknown { .. } => {
                "wait until it ends, or end it: the lock is freed with its process".to_owned()
            }
            Self::State(e) => e.hint(),
        }
    }
}

/// More is not read of a holder's description.
const MOST_DESCRIBED: u64 = 64 * 1024;
/// How often a description is looked at until it holds still, and how long between.
const LOOKS: u32 = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// How often the lock is taken anew because its file was replaced just then.
const TRIES: u32 = 10;

/// A held lock; dropping it lets it go.
#[derive(Debug)]
pub(super) struct Guard {
    path: PathBuf,
    file: File,
}

impl Guard {
    /// Takes the lock of the state at `path`, without waiting.
    pub(super) fn take(path: &Path, holder: &Holder) -> Result<Self, LockError> {
        let lock = disk::beside(path, ".lock");
        let failed = || disk::io_error("lock", &lock);
        for _ in 0..TRIES {
            let mut file = open(&lock)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::Error(e)) => return Err(failed()(e).into()),
                Err(TryLockError::WouldBlock) => {
                    let holder = described(&mut file);
                    // It may have been somebody who only looked, who has gone by now.
                    if file.try_lock().is_err() {
                        return Err(held(path, holder));
                    }
                }
            }
            let mut guard = Self { path: lock.clone(), file };
            // The file may have been taken away between opening and locking it: then this is a lock of nothing.
            if !guard.is_held() {
                continue;
            }
            // A holder that was killed left its description; it must not be taken for ours.
            guard.file.set_len(0).map_err(failed())?;
            let text = serde_json::to_string(holder).map_err(|e| failed()(e.into()))? + "\n";
            for part in kill_point::parts(text.as_bytes()) {
                kill_point::reached("before a part of the holder's name");
                guard.file.write_all(part).map_err(failed())?;
            }
            kill_point::reached("after the holder's name");
            return Ok(guard);
        }
        Err(held(path, None))
    }

    /// Ends with the holder of the lock of the state at `path`, if there is one. For a moment others cannot take it.
    pub(super) fn look(path: &Path) -> Result<(), LockError> {
        let lock = disk::beside(path, ".lock");
        match fs::metadata(&lock) {
            Ok(metadata) => disk::refuse_others(&lock, &metadata)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(disk::io_error("read", &lock)(e).into()),
        }
        let mut file = match File::open(&lock) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(disk::io_error("read", &lock)(e).into()),
        };
        match file.try_lock_shared() {
            // Where there are no locks, nobody holds one.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
        }
        let holder = described(&mut file);
        // It may have ended while it was asked for its name; the name of another would be wrong.
        if file.try_lock_shared().is_ok() { Ok(()) } else { Err(held(path, holder)) }
    }

    /// Whether the lock is still ours: somebody may have broken it, believing this machine lost.
    pub(super) fn is_held(&self) -> bool {
        disk::unchanged(&self.path, Some(&self.file))
    }

    /// Takes the lock away from the holder named `id`, whoever that is: its file makes room for another, and the holder
    /// finds that out before its next write. `None` when nobody holds the lock.
    pub(super) fn take_away(path: &Path, id: &str) -> Result<Option<Holder>, LockError> {
        let lock = disk::beside(path, ".lock");
        let mut file = open(&lock)?;
        match file.try_lock() {
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) => return Err(disk::io_error("lock", &lock)(e).into()),
        }
        match described(&mut file) {
            Some(holder) if holder.id == id => {
                fs::remove_file(&lock).map_err(disk::io_error("unlock", &lock))?;
                Ok(Some(holder))
            }
            other => Err(held(path, other)),
        }
    }
}

fn open(lock: &Path) -> Result<File, Error> {
    if let Ok(metadata) = fs::metadata(lock) {
        disk::refuse_others(lock, &metadata)?;
    }
    disk::private()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(lock)
        .map_err(disk::io_error("lock", lock))
}

fn held(path: &Path, holder: Option<Holder>) -> LockError {
    let path = path.to_owned();
    match holder {
        Some(holder) => LockError::Held { path, holder: Box::new(holder) },
        None => LockError::HeldUnknown { path },
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Only so that nobody reads a name that no longer holds; the lock itself goes with the handle. A file that is no
        // longer at its path belongs to nobody else either.
        let _ = self.file.set_len(0);
    }
}

/// Who holds the lock, as soon as two looks at the description agree: right after the lock changed hands it may still
/// be the one before, or half of one.
fn described(file: &mut File) -> Option<Holder> {
    let mut before = None;
    for _ in 0..LOOKS {
        let now = read_holder(file).ok().flatten();
        if now.is_some() && now == before {
            return now;
        }
        before = now;
        std::thread::sleep(BETWEEN_LOOKS);
    }
    None
}

fn read_holder(file: &mut File) -> io::Result<Option<Holder>> {
    let mut text = Vec::new();
    file.rewind()?;
    file.take(MOST_DESCRIBED).read_to_end(&mut text)?;
    Ok(serde_json::from_slice::<Holder>(&text).ok().map(|holder| Holder {
        id: printable(&holder.id),
        who: printable(&holder.who),
        host: printable(&holder.host),
        pid: holder.pid,
        command: printable(&holder.command),
        since: printable(&holder.since),
    }))
}

/// Anybody who may write the lock file may write anything into it, which is going to be shown in a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(who: &str) -> Holder {
        Holder {
            id: "1f2e3d4c".into(),
            who: who.into(),
            host: "build-7".into(),
            pid: 4711,
            command: "flowform apply".into(),
            since: "2026-03-01T10:00:00Z".into(),
        }
    }

    #[test]
    fn the_error_names_the_holder_not_the_caller() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dev.json");
        let held = Guard::take(&path, &holder("runner-1")).unwrap();
        let error = Guard::take(&path, &holder("runner-2")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{} is locked by runner-1 on build-7 (process 4711) since 2026-03-01T10:00:00Z, running `flowform apply` (lock 1f2e3d4c)",
                path.display()
            )
        );
        assert!(error.hint().contains("process 4711 on build-7"));
        drop(held);
        assert_eq!(fs::read(folder.path().join("dev.json.lock")).unwrap(), b"");
        Guard::take(&path, &holder("runner-2")).unwrap();
    }

    #[test]
    fn a_killed_holder_frees_the_lock_and_its_name_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dev.json");
        let lock = folder.path().join("dev.json.lock");
        // The long name first: remains of it behind a shorter one would not parse.
        let text = serde_json::to_string(&holder("runner-with-a-very-long-name")).unwrap();
        fs::write(&lock, text).unwrap();
        let killed = File::open(&lock).unwrap();
        killed.try_lock().unwrap();
        assert!(matches!(Guard::take(&path, &holder("runner-2")), Err(LockError::Held { .. })));
        drop(killed);
        let _held = Guard::take(&path, &holder("runner-2")).unwrap();
        match Guard::take(&path, &holder("runner-3")) {
            Err(LockError::Held { holder, .. }) => assert_eq!(holder.who, "runner-2"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_holder_without_a_legible_name_is_said_to_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dev.json");
        let lock = folder.path().join("dev.json.lock");
        for content in [&b""[..], b"{\"who\":", b"\xff\xfe", b"[]"] {
            fs::write(&lock, content).unwrap();
            let other = File::open(&lock).unwrap();
            other.try_lock().unwrap();
            let error = Guard::take(&path, &holder("runner-2")).unwrap_err();
            assert!(matches!(error, LockError::HeldUnknown { .. }), "{error}");
        }
    }

    #[test]
    fn only_the_lock_that_is_meant_is_taken_away_and_its_holder_knows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dev.json");
        let lost = Guard::take(&path, &holder("runner-1")).unwrap();
        assert!(matches!(Guard::take_away(&path, "00000000"), Err(LockError::Held { .. })));
        assert!(lost.is_held());
        assert_eq!(Guard::take_away(&path, "1f2e3d4c").unwrap().unwrap().who, "runner-1");
        assert!(!lost.is_held());
        let next = Guard::take(&path, &holder("runner-2")).unwrap();
        drop(lost);
        assert!(next.is_held());
        assert!(matches!(Guard::take(&path, &holder("runner-3")), Err(LockError::Held { .. })));
        drop(next);
        assert_eq!(Guard::take_away(&path, "1f2e3d4c").unwrap(), None);
    }

    #[test]
    fn a_forged_name_cannot_steer_the_terminal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dev.json");
        let _held = Guard::take(&path, &holder("runner\u{1b}[2J")).unwrap();
        let error = Guard::take(&path, &holder("runner-2")).unwrap_err();
        assert!(error.to_string().contains("runner?[2J"), "{error}");
    }
}
