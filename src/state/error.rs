//! What can go wrong with a state, one enum for the whole store, and what to do then.
//!
//! A message does not contain its source: whoever prints it walks the chain. Says nothing about exit codes.

use std::io;
use std::path::PathBuf;

/// Why a state was not read or written. What was on disk before is still there and valid, unless it is what the error
/// complains about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {doing} {path}")]
    Io {
        /// What was tried, as a verb: "read", "write".
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// There is something else where a file should be.
    #[error("{path} is {what}, not a file")]
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The state's file carries no permission to write.
    #[error("{path} is read-only")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// A file does not hold what it should.
    #[error("{path}:{line}:{column}: {what}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// A file of a format to come.
    #[error("{path} was written by a newer flowform (format {found}, this one knows {known}): upgrade")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format that this program knows.
        known: u64,
    },
    /// A file beyond any sensible size.
    #[error("{path} has, or would have, {size} bytes; at most {limit} are read")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A log without the state it belongs to.
    #[error("{log} holds changes of a state, but the state itself, {path}, is missing")]
    Orphan {
        /// The log.
        log: PathBuf,
        /// Where the snapshot should be.
        path: PathBuf,
    },
    /// A log of another state.
    #[error("{log} belongs to another state (lineage {found}) than the file beside it (lineage {expected})")]
    Foreign {
        /// The log.
        log: PathBuf,
        /// Its lineage.
        found: String,
        /// The snapshot's.
        expected: String,
    },
    /// A log that continues a newer snapshot than the one that is there.
    #[error("{log} continues snapshot {found}, but the file beside it is snapshot {expected}, an older one")]
    Ahead {
        /// The log.
        log: PathBuf,
        /// The serial it names.
        found: u64,
        /// The snapshot's.
        expected: u64,
    },
    /// A snapshot was replaced over and over while it was read.
    #[error("{path} kept changing while it was read")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// A state was to be created where there is one.
    #[error("{path} exists already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A change was to be recorded where there is no state.
    #[error("there is no state at {path} yet")]
    Absent {
        /// Where it would be.
        path: PathBuf,
    },
    /// Somebody broke this run's lock, so that another may be writing by now.
    #[error("the lock of {path} was taken away from this run")]
    Unlocked {
        /// The state.
        path: PathBuf,
    },
    /// What was to be written could not be read back, so it was not written.
    #[error("not recorded in {path}: {what}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// The operating system gave no random numbers.
    #[error("no random numbers for a new state")]
    Random(#[source] io::Error),
}

impl Error {
    /// What to do now, one sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Io { source, .. } => of_io(source).to_owned(),
            Self::NotAFile { .. } => "name a file for the state, e.g. state/dev.json".to_owned(),
            Self::ReadOnly { path } => {
                format!("make it writable (chmod u+w {}) or keep the state elsewhere", path.display())
            }
            Self::Malformed { path, .. } if is_log(path) => format!(
                "restore {0} from a copy; without one, moving it away drops what was recorded since the snapshot, and \
                 those objects have to be adopted again",
                path.display()
            ),
            Self::Malformed { path, .. } => format!(
                "restore it from a copy, or from {}.backup, the snapshot before the last one; states are not edited \
                 by hand",
                path.display()
            ),
            Self::Newer { .. } => {
                "upgrade flowform; nothing was changed, so that what the newer one knows is not lost"
                    .to_owned()
            }
            Self::TooLarge { .. } => {
                "split the manifest over several state files, or look whether this is the right file"
                    .to_owned()
            }
            Self::Orphan { path, .. } => format!(
                "restore {0} from a copy; {0}.backup is the snapshot before it, if it exists",
                path.display()
            ),
            Self::Foreign { log, .. } => format!(
                "the two were mixed up by copying: bring back the file that {0} belongs to, or move {0} away",
                log.display()
            ),
            Self::Ahead { .. } => {
                "an older snapshot was put back: restore the newer one, which the log was written for"
                    .to_owned()
            }
            Self::Busy { .. } => "another run is writing it: try again".to_owned(),
            Self::Exists { .. } => {
                "use the state that is there, or name another file for the new one".to_owned()
            }
            Self::Unlocked { .. } => {
                "what this run did since is not recorded: once the other run has ended, run again, it is looked up"
                    .to_owned()
            }
            Self::Absent { .. } => "nothing is managed here yet; apply creates the state".to_owned(),
            Self::Unfit { .. } => {
                "this comes from an answer or a manifest beyond the format's limits: see the reason"
                    .to_owned()
            }
            Self::Random(_) => "try again; a container may lack /dev/urandom".to_owned(),
        }
    }
}

fn is_log(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|e| e == "log")
}

fn of_io(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "look who owns the file and its folder: whoever runs flowform needs to read and write both"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the disk is read-only: keep the state on one that can be written"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room and run again: what was recorded before is intact"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a part of the path is a file where a folder is needed: choose another path"
        }
        io::ErrorKind::IsADirectory => "name a file for the state, e.g. state/dev.json",
        io::ErrorKind::NotFound => "look whether the folder exists and the links on the way lead somewhere",
        io::ErrorKind::Unsupported => {
            "this file system has no file locks: keep the state on one that has, a local disk for one"
        }
        _ => "look at the disk and the path; what was recorded before is intact",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_the_system_has_words_of_its_own() {
        let hint = |kind: io::ErrorKind| {
            Error::Io { doing: "write", path: "dev.json".into(), source: kind.into() }.hint()
        };
        assert!(hint(io::ErrorKind::StorageFull).contains("make room"));
        assert!(hint(io::ErrorKind::PermissionDenied).contains("who owns"));
        assert!(hint(io::ErrorKind::ReadOnlyFilesystem).contains("read-only"));
        assert!(hint(io::ErrorKind::Unsupported).contains("locks"));
    }

    #[test]
    fn a_message_does_not_repeat_its_source() {
        let error = Error::Io {
            doing: "write",
            path: "state/dev.json".into(),
            source: io::Error::other("the disk is on fire"),
        };
        assert_eq!(error.to_string(), "cannot write state/dev.json");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the disk is on fire");
    }
}
