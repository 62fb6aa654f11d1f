//! Files that a command is asked to write: whole or not at all, never half over an older one.

use std::fs::{Metadata, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use super::exit::{Failure, Status};
use super::paths::{Spot, Stream, folder_of, names_a_handle};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner alone (0600).
    Owner,
    /// Whom the umask lets.
    Others,
}

/// Writes `what` (in words, for an error) to a path, through a temporary file in the same folder. A link is followed and stays;
/// a file that is there keeps its mode.
pub(crate) fn write(what: &str, path: &Path, text: &str, readers: Readers) -> Result<(), Failure> {
    write_keeping(what, path, text, readers, None)
}

/// [`write()`], with the mode of what was at the path before (`kept`), if it is not there any more.
pub(crate) fn write_keeping(
    what: &str,
    path: &Path,
    text: &str,
    readers: Readers,
    kept: Option<Permissions>,
) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| failed(what, path, error);
    let spot = Spot::of(path);
    // The system's name of a stream is the stream: what it leads to is not ours to replace.
    if let Some(stream) = Stream::of(&spot).filter(|_| names_a_handle(path)) {
        let written = match stream {
            Stream::Stdout => write_whole(&mut std::io::stdout().lock(), text.as_bytes()),
            Stream::Stderr => write_whole(&mut std::io::stderr().lock(), text.as_bytes()),
        };
        return written.map_err(|e| failed(&e));
    }
    // A pipe or a device (`/dev/null`, a process substitution) is written to, not replaced.
    if spot.is_stream() || (spot.found.is_some() && names_a_handle(path)) {
        // Behind what is there, if it is the handle of a file.
        let mut file = OpenOptions::new().append(true).open(path).map_err(|e| failed(&e))?;
        return write_whole(&mut file, text.as_bytes()).map_err(|e| failed(&e));
    }
    let there = spot.found.as_ref().filter(|_| spot.is_file()).map(Metadata::permissions);
    if there.as_ref().is_some_and(Permissions::readonly) {
        return Err(failed(&"it is read-only"));
    }
    let file = beside(what, &spot.real, text, readers)?;
    if let Some(permissions) = there.or(kept) {
        file.as_file().set_permissions(permissions).map_err(|e| failed(&e))?;
    }
    file.persist(&spot.real).map_err(|e| failed(&e.error))?;
    Ok(())
}

/// Writes a new file that others may read, over nothing that is there.
pub(crate) fn create(what: &str, path: &Path, text: &str) -> Result<(), Failure> {
    let file = beside(what, path, text, Readers::Others)?;
    file.persist_noclobber(path).map_err(|e| failed(what, path, &e.error))?;
    Ok(())
}

/// Between two tries of a write that would have had to wait.
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// Writes all of it, also into what takes little at a time, or nothing for a while (a pipe that its other end made
/// non-blocking).
pub(crate) fn write_whole(to: &mut impl Write, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(taken) => bytes = bytes.get(taken..).unwrap_or_default(),
            Err(error) => wait_or(error)?,
        }
    }
    loop {
        match to.flush() {
            Ok(()) => return Ok(()),
            Err(error) => wait_or(error)?,
        }
    }
}

/// Waits where that helps.
fn wait_or(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted => Ok(()),
        ErrorKind::WouldBlock => {
            std::thread::sleep(BETWEEN_TRIES);
            Ok(())
        }
        _ => Err(error),
    }
}

fn failed(what: &str, path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Status::Error, format!("{what} cannot be written to {}: {error}", path.display()))
}

/// A temporary file with the text, in the path's folder.
fn beside(what: &str, path: &Path, text: &str, readers: Readers) -> Result<tempfile::NamedTempFile, Failure> {
    let failed = |error: &dyn std::fmt::Display| failed(what, path, error);
    let folder = folder_of(path);
    std::fs::metadata(folder).map_err(|e| failed(&e))?;
    let mut builder = tempfile::Builder::new();
    if readers == Readers::Others {
        open_to_others(&mut builder);
    }
    let mut file = builder.tempfile_in(folder).map_err(|e| failed(&e))?;
    file.write_all(text.as_bytes()).map_err(|e| failed(&e))?;
    file.as_file().sync_all().map_err(|e| failed(&e))?;
    Ok(file)
}

#[cfg(unix)]
fn open_to_others(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn open_to_others(_: &mut tempfile::Builder<'_, '_>) {}
