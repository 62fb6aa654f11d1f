//! Files that a command is asked to write: whole or not at all, never half over an older one.

use std::io::Write;
use std::path::Path;

use super::exit::{Failure, Status};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner alone (0600).
    Owner,
    /// Whom the umask lets.
    Others,
}

/// Writes `what` (in words, for an error) to a path, through a temporary file in the same folder.
pub(crate) fn write(what: &str, path: &Path, text: &str, readers: Readers) -> Result<(), Failure> {
    // A pipe or a device (`/dev/stderr`, a process substitution) is written to, not replaced.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return std::fs::write(path, text).map_err(|e| failed(what, path, &e));
    }
    let file = beside(what, path, text, readers)?;
    file.persist(path).map_err(|e| failed(what, path, &e.error))?;
    Ok(())
}

/// Writes a new file that others may read, over nothing that is there.
pub(crate) fn create(what: &str, path: &Path, text: &str) -> Result<(), Failure> {
    let file = beside(what, path, text, Readers::Others)?;
    file.persist_noclobber(path).map_err(|e| failed(what, path, &e.error))?;
    Ok(())
}

fn failed(what: &str, path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Status::Error, format!("{what} cannot be written to {}: {error}", path.display()))
}

/// A temporary file with the text, in the path's folder.
fn beside(what: &str, path: &Path, text: &str, readers: Readers) -> Result<tempfile::NamedTempFile, Failure> {
    let failed = |error: &dyn std::fmt::Display| failed(what, path, error);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
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
