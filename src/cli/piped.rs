//! Inputs that can be read once: stdin, which is `-` on a command line, and pipes such as `<(...)`. They are read whole, before
//! anybody asks what is in them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::Failure;
use super::paths::{STDIN, Spot, is_stdin};

/// More is no input of ours.
const LIMIT: u64 = 256 * 1024 * 1024;

/// Set once stdin has been read: there is nothing more in it.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether stdin held an input, so that no answer can come from it.
pub(crate) fn is_stdin_taken() -> bool {
    IS_TAKEN.load(Ordering::Relaxed)
}

/// What stands in the paths of a command line that can be read once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Piped(BTreeMap<PathBuf, Vec<u8>>);

impl Piped {
    /// Reads those of the paths that are no files and no folders.
    ///
    /// # Errors
    ///
    /// What cannot be read, and what is named twice.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut piped = Self::default();
        for path in paths {
            if path != Path::new(STDIN) && !Spot::of(path).is_stream() {
                continue;
            }
            if piped.0.contains_key(path) {
                return Err(twice(path));
            }
            let bytes = bytes(path).map_err(|error| match error {
                Unread::Twice => twice(path),
                Unread::Io(error) => Failure::usage(format!("{} cannot be read: {error}", named(path))),
            })?;
            piped.0.insert(path.clone(), bytes);
        }
        Ok(piped)
    }

    /// What was read from a path; none for a file.
    pub(crate) fn get(&self, path: &Path) -> Option<&[u8]> {
        self.0.get(path).map(Vec::as_slice)
    }

    /// All that was read.
    pub(crate) fn all(&self) -> &BTreeMap<PathBuf, Vec<u8>> {
        &self.0
    }
}

/// A path for people.
pub(crate) fn named(path: &Path) -> String {
    if path == Path::new(STDIN) { "stdin".to_owned() } else { path.display().to_string() }
}

fn twice(path: &Path) -> Failure {
    Failure::usage(format!("{} is named twice, and can be read once", named(path)))
        .hint("name every input once; `---` lines put several manifests into one")
}

/// A file, or what can be read once, whole.
pub(crate) fn whole(path: &Path) -> std::io::Result<Vec<u8>> {
    bytes(path).map_err(|error| match error {
        Unread::Twice => std::io::Error::other("it is named twice, and can be read once"),
        Unread::Io(error) => error,
    })
}

/// [`whole`] as text.
pub(crate) fn text(path: &Path) -> std::io::Result<String> {
    String::from_utf8(whole(path)?).map_err(|_| std::io::Error::other("it is not UTF-8"))
}

enum Unread {
    Twice,
    Io(std::io::Error),
}

/// All bytes of what can be read once.
fn bytes(path: &Path) -> Result<Vec<u8>, Unread> {
    if is_stdin(path) && IS_TAKEN.swap(true, Ordering::Relaxed) {
        return Err(Unread::Twice);
    }
    let mut bytes = Vec::new();
    let read = if path == Path::new(STDIN) {
        std::io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
    };
    read.map_err(Unread::Io)?;
    if bytes.len() as u64 > LIMIT {
        return Err(Unread::Io(std::io::Error::other("it is too large")));
    }
    Ok(bytes)
}
