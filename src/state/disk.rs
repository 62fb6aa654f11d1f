//! How files are read and written safely, and everything that differs between operating systems: permissions, links,
//! folder sync, a file's identity. Knows nothing of what is in the files.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::Error;
use crate::kill_point;

/// Larger files are refused, written or read.
pub(super) const LIMIT: u64 = 256 * 1024 * 1024;

/// Links followed before a path counts as circular, as in Linux.
const MOST_LINKS: usize = 40;

/// A closure for `map_err` that adds what was tried, and with which path.
pub(super) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { doing, path, source }
}

/// Where `path` leads when it is a symbolic link, also one to a file that is not there yet; else `path` itself. What is
/// renamed into place goes there, so that a link stays a link.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, Error> {
    let mut at = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&at) {
            Ok(target) => at = folder(&at).join(target),
            // Not a link, or nothing there: whoever opens it finds out.
            Err(_) => return Ok(at),
        }
    }
    Err(io_error("follow", path)(io::Error::other("its links run in a circle")))
}

/// The folder a path is in.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// `path` with a suffix: `dev.json` and `.log` make `dev.json.log`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A whole file: its bytes, and its handle, which pins its identity for [`unchanged`].
pub(super) struct Whole {
    /// What is in it.
    pub(super) bytes: Vec<u8>,
    /// What it was read through.
    pub(super) file: File,
}

/// Reads a whole file; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Whole>, Error> {
    // Looked at before it is opened: opening a pipe would wait for its writer.
    match fs::metadata(path) {
        Ok(metadata) => refuse_others(path, &metadata)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io_error("read", path)(e)),
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io_error("read", path)(e)),
    };
    let size = file.metadata().map_err(io_error("read", path))?.len();
    refuse_large(path, size)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    (&file).take(LIMIT + 1).read_to_end(&mut bytes).map_err(io_error("read", path))?;
    refuse_large(path, bytes.len() as u64)?;
    Ok(Some(Whole { bytes, file }))
}

/// That what is at `path` is a file.
pub(super) fn refuse_others(path: &Path, metadata: &fs::Metadata) -> Result<(), Error> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = if metadata.is_dir() { "a folder" } else { "a device or a pipe" };
    Err(Error::NotAFile { path: path.to_owned(), what })
}

/// That a size is one that will be read again.
pub(super) fn refuse_large(path: &Path, size: u64) -> Result<(), Error> {
    if size > LIMIT {
        return Err(Error::TooLarge { path: path.to_owned(), size, limit: LIMIT });
    }
    Ok(())
}

/// Whether `path` still is the file that was read (`None`: still is not there). While `then` is open its identity cannot
/// be given to another file.
pub(super) fn unchanged(path: &Path, then: Option<&File>) -> bool {
    match (fs::metadata(path), then) {
        (Ok(now), Some(then)) => then.metadata().is_ok_and(|then| identity(&then) == identity(&now)),
        (Err(e), None) => e.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

/// Makes the folder and those above it that are missing, for the owner alone. What is there stays as it is.
pub(super) fn create_folder(path: &Path) -> Result<(), Error> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).collect();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    private_folder(&mut builder);
    builder.create(path).map_err(io_error("create the folder", path))?;
    missing.into_iter().try_for_each(sync_folder)
}

/// Options that make new files the owner's alone.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    private_file(&mut options);
    options
}

/// Puts `bytes` at `path` in one step: a reader sees the file before or the file after, and so does whoever looks after
/// a crash. Returns once the rename is done; it is lasting after [`sync_folder`].
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    refuse_large(path, bytes.len() as u64)?;
    let failed = || io_error("write", path);
    // In the same folder, because a rename does not cross file systems; readable to the owner alone, as tempfile does.
    let mut temp = tempfile::Builder::new()
        .prefix(&temporary_prefix(path))
        .rand_bytes(RANDOM_LETTERS)
        .suffix(TEMPORARY)
        .tempfile_in(folder(path))
        .map_err(failed())?;
    for part in kill_point::parts(bytes) {
        kill_point::reached("before a part of a new file");
        temp.write_all(part).map_err(failed())?;
    }
    temp.as_file().sync_all().map_err(failed())?;
    kill_point::reached("before a new file is renamed");
    temp.persist(path).map_err(|e| failed()(e.error))?;
    kill_point::reached("after a new file was renamed");
    Ok(())
}

/// What the names of new files end with until they are renamed.
const TEMPORARY: &str = ".tmp";

/// Letters in those names that make them differ.
const RANDOM_LETTERS: usize = 6;

fn temporary_prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    prefix
}

/// Removes the new files for `path` that were never renamed, because their writer was killed. Only for whoever holds the
/// lock. One that cannot be removed does no harm.
pub(super) fn remove_unfinished(path: &Path) {
    let prefix = temporary_prefix(path);
    for entry in fs::read_dir(folder(path)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let letters = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        let letters = letters.and_then(|rest| rest.strip_suffix(TEMPORARY.as_bytes()));
        // Exactly as many: `dev.json` is not the only state here, there may be a `dev.json.old`.
        if letters.is_some_and(|l| l.len() == RANDOM_LETTERS && l.iter().all(u8::is_ascii_alphanumeric)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes renames, new files and removals in the folder of `path` survive a power cut.
#[cfg(unix)]
pub(super) fn sync_folder(path: &Path) -> Result<(), Error> {
    let folder = folder(path);
    File::open(folder).and_then(|f| f.sync_all()).map_err(io_error("sync the folder", folder))
}

/// Elsewhere folders cannot be synced, and need not be.
#[cfg(not(unix))]
pub(super) fn sync_folder(_path: &Path) -> Result<(), Error> {
    Ok(())
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(metadata: &fs::Metadata) -> (u64, Option<std::time::SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

#[cfg(unix)]
fn private_file(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private_file(_options: &mut OpenOptions) {}

#[cfg(unix)]
fn private_folder(builder: &mut fs::DirBuilder) {
    use std::os::unix::fs::DirBuilderExt;
    builder.mode(0o700);
}

#[cfg(not(unix))]
fn private_folder(_builder: &mut fs::DirBuilder) {}
