//! Files that a person asks for by name: written whole or not at all. What is in them is for others to say.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner alone.
    Owner,
    /// Whoever the person's umask lets.
    Umask,
}

/// Puts `text` at `path` in one step. A device or a pipe is written to as it is.
pub(crate) fn write(path: &Path, text: &str, readers: Readers) -> io::Result<()> {
    use std::io::ErrorKind;
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        Ok(metadata) if !metadata.is_file() => {
            return OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
        }
        _ => {}
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Asked first, so that the error is about the folder and not about a temporary name in it.
    std::fs::metadata(folder)?;
    let mut builder = tempfile::Builder::new();
    // Made 0600 if nothing else is said, and what it is made with it keeps when it takes its name.
    #[cfg(unix)]
    if readers == Readers::Umask {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    #[cfg(not(unix))]
    let _ = readers;
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}
