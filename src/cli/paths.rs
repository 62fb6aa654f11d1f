//! The files of one run: what it reads, what it keeps, and what it is asked to write. None is written over another, by what a
//! path is (links resolved, hard links told), not by how it is spelled.
//!
//! Reads no more of a file than its beginning, and writes nothing.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::exit::{Failure, Status};
use super::secrets::at_home;
use super::session;
use super::settings::PlatformArguments;
use crate::kind::SecretSource;
use crate::plan::saved;

/// Links followed before a path counts as circular, as in Linux.
const MOST_LINKS: usize = 40;

/// So much of a file tells what it is.
const BEGINNING: u64 = 64 * 1024;

/// What two of the files are called in errors.
const STATE: &str = "the state";
const STORE: &str = "the emulator's store";

/// Stands for stdin on a command line.
pub(crate) const STDIN: &str = "-";

/// Where a path leads.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    /// The path behind all links, also that of a file that is not there yet.
    pub(crate) real: PathBuf,
    /// What is there.
    pub(crate) found: Option<Metadata>,
}

impl Spot {
    /// Looks where a path leads.
    pub(crate) fn of(path: &Path) -> Self {
        Self { real: real(path), found: fs::metadata(path).ok() }
    }

    /// Whether there is a file here that can be replaced as a whole: no folder, no pipe and no device.
    pub(crate) fn is_file(&self) -> bool {
        self.found.as_ref().is_some_and(Metadata::is_file)
    }

    /// Whether a pipe or a device is here, which is written to and never replaced.
    pub(crate) fn is_stream(&self) -> bool {
        self.found.as_ref().is_some_and(|found| !found.is_file() && !found.is_dir())
    }

    /// Whether both lead to one file: by its path, or as two names of it.
    fn is(&self, other: &Self) -> bool {
        // These systems tell no letters apart by case.
        let folds = cfg!(any(windows, target_os = "macos"));
        let folded = |spot: &Self| spot.real.to_string_lossy().to_lowercase();
        self.real == other.real
            || (folds && folded(self) == folded(other))
            || matches!((&self.found, &other.found), (Some(a), Some(b)) if is_same_file(a, b))
    }
}

/// The path behind all links.
fn real(path: &Path) -> PathBuf {
    let mut at = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Ok(real) = at.canonicalize() {
            return real;
        }
        match fs::read_link(&at) {
            // A link to what is not there yet.
            Ok(target) => at = folder_of(&at).join(target),
            Err(_) => break,
        }
    }
    match (folder_of(&at).canonicalize(), at.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => std::path::absolute(&at).unwrap_or(at),
    }
}

/// The folder that a path is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere two names of one file are told by their paths alone.
#[cfg(not(unix))]
fn is_same_file(_: &Metadata, _: &Metadata) -> bool {
    false
}

/// One of the two streams, or stdin, as a file.
#[cfg(unix)]
fn of_stream(stream: &impl std::os::fd::AsFd) -> Option<Metadata> {
    let owned = stream.as_fd().try_clone_to_owned().ok()?;
    fs::File::from(owned).metadata().ok()
}

#[cfg(not(unix))]
fn of_stream<T>(_: &T) -> Option<Metadata> {
    None
}

/// What stdin is.
pub(crate) fn stdin() -> Option<Metadata> {
    of_stream(&std::io::stdin())
}

/// Whether a path leads to what stdin is.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new(STDIN)
        || matches!((fs::metadata(path), stdin()), (Ok(a), Some(b)) if !a.is_file() && is_same_file(&a, &b))
}

/// A stream that a path may be another name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    /// The stream that is open on the same file.
    pub(crate) fn of(spot: &Spot) -> Option<Self> {
        let found = spot.found.as_ref()?;
        let is = |stream: Option<Metadata>| stream.is_some_and(|stream| is_same_file(found, &stream));
        if is(of_stream(&std::io::stdout())) {
            Some(Self::Stdout)
        } else if is(of_stream(&std::io::stderr())) {
            Some(Self::Stderr)
        } else {
            None
        }
    }
}

/// Whether a path is spelled as the system's name of an open file: `/dev/stdout`, `/proc/self/fd/1`.
pub(crate) fn names_a_handle(path: &Path) -> bool {
    ["/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"].iter().any(|name| path.starts_with(name))
}

/// What an output may be written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// A saved plan, or nothing.
    Plan,
    /// Anything that flowform does not need: the report of an earlier run.
    Report,
}

#[derive(Debug)]
struct Known {
    what: String,
    spot: Spot,
}

#[derive(Debug)]
struct Asked {
    flag: &'static str,
    path: PathBuf,
    spot: Spot,
    over: Over,
}

/// What a run has to do with files.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    known: Vec<Known>,
    folders: Vec<PathBuf>,
    asked: Vec<Asked>,
}

impl Paths {
    /// A file that the run reads or keeps.
    pub(crate) fn keep(&mut self, what: impl Into<String>, path: &Path) {
        let spot = if path == Path::new(STDIN) {
            let Some(found) = stdin().filter(Metadata::is_file) else { return };
            Spot { real: PathBuf::new(), found: Some(found) }
        } else {
            Spot::of(path)
        };
        self.known.push(Known { what: what.into(), spot });
    }

    /// What manifests are read from: files, and folders with all they hold.
    pub(crate) fn keep_manifests(&mut self, paths: &[PathBuf]) {
        for path in paths {
            if path.is_dir() {
                let mut seen = HashSet::new();
                let mut files = Vec::new();
                walk(path, &mut seen, &mut files);
                for file in files {
                    self.keep("a manifest", &file);
                }
                self.folders.extend(path.canonicalize());
            } else {
                self.keep("a manifest", path);
            }
        }
    }

    /// The state, with what lies beside it, and the files that the platform's flags name.
    pub(crate) fn keep_platform(&mut self, platform: &PlatformArguments, state: Option<&Path>) {
        if let Some(path) = &platform.credentials {
            self.keep("the credential file", path);
        }
        if let Some(path) = &platform.ca_file {
            self.keep("the certificate file", path);
        }
        let Some(state) = state.or(platform.state.as_deref()) else { return };
        self.keep(STATE, state);
        let behind = Spot::of(state).real;
        for (suffix, what) in
            [(".log", "the state's log"), (".lock", "the state's lock"), (".backup", "the state's backup")]
        {
            self.keep(what, &beside(&behind, suffix));
        }
        if platform.emulator {
            self.keep_store(&session::store(state));
        }
    }

    /// An emulator's store.
    pub(crate) fn keep_store(&mut self, store: &Path) {
        self.keep(STORE, store);
        self.keep("the lock of the emulator's store", &beside(store, ".lock"));
    }

    /// The files that secrets are read from, and those that commands name.
    pub(crate) fn keep_secrets<'a>(&mut self, sources: impl IntoIterator<Item = &'a SecretSource>) {
        for source in sources {
            match source {
                SecretSource::FromFile(path) => {
                    if let Some(path) = at_home(path) {
                        self.keep("a secret's file", &path);
                    }
                }
                // A program, a script that it runs, a file that it reads.
                SecretSource::FromCommand(words) => {
                    for path in words.iter().map(Path::new).filter(|path| path.is_file()) {
                        self.keep("a part of a secret's command", path);
                    }
                }
                SecretSource::FromEnv(_) => {}
            }
        }
    }

    /// A file that is to be written, and the flag that says so.
    pub(crate) fn write(&mut self, flag: &'static str, path: &Path, over: Over) {
        self.asked.push(Asked { flag, path: path.to_owned(), spot: Spot::of(path), over });
    }

    /// Ends if the state would be kept where the embedded emulator keeps its objects, and unless each file that is to be written
    /// can be, is another one than all others, and is nothing that flowform needs.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let kept = |what: &str| self.known.iter().find(|known| known.what == what);
        if let (Some(state), Some(store)) = (kept(STATE), kept(STORE))
            && state.spot.is(&store.spot)
        {
            let path = state.spot.real.display();
            return Err(Failure::usage(format!(
                "the state {path} is where the embedded emulator keeps its objects"
            ))
            .hint("give the state another name with --state"));
        }
        for (number, asked) in self.asked.iter().enumerate() {
            asked.is_writable()?;
            // Pipes and devices can be written to more than once.
            if asked.spot.is_stream() || (names_a_handle(&asked.path) && asked.spot.found.is_some()) {
                continue;
            }
            let found = self.known.iter().find(|known| known.spot.is(&asked.spot));
            let found = found.map(|known| known.what.clone());
            let of_folder = || {
                let is_in = is_yaml(&asked.spot.real)
                    && self.folders.iter().any(|folder| asked.spot.real.starts_with(folder));
                is_in.then(|| "in a folder of manifests, and would be read as one".to_owned())
            };
            let twice = || {
                let before = self.asked.iter().take(number).find(|other| other.spot.is(&asked.spot));
                let stream = || Stream::of(&asked.spot).filter(|_| asked.spot.is_file());
                before.map(|other| format!("written by {} too", other.flag)).or_else(|| {
                    stream().map(|stream| match stream {
                        Stream::Stdout => "where stdout goes".to_owned(),
                        Stream::Stderr => "where stderr goes".to_owned(),
                    })
                })
            };
            let by_content = || asked.content();
            if let Some(what) = found.or_else(of_folder).or_else(twice).or_else(by_content) {
                let shown = asked.path.display();
                return Err(Failure::usage(format!(
                    "{} would overwrite {shown}, which is {what}; nothing was written",
                    asked.flag
                ))
                .hint("give every output a file of its own")
                .without_files());
            }
        }
        Ok(())
    }
}

impl Asked {
    /// Ends if it is plain beforehand that the file cannot be written.
    fn is_writable(&self) -> Result<(), Failure> {
        if self.path == Path::new(STDIN) {
            return Err(Failure::usage(format!(
                "`-` is no file that {} can write; nothing was written",
                self.flag
            ))
            .hint("--format says what stdout gets")
            .without_files());
        }
        let shown = self.path.display();
        let failed = |why: &str, hint: &str| {
            let what = format!("{} cannot be written to {shown}: {why}; nothing was written", self.flag);
            Err(Failure::new(Status::Error, what).hint(hint.to_owned()).without_files())
        };
        match &self.spot.found {
            Some(found) if found.is_dir() => failed("it is a folder", "name a file in it"),
            Some(found) if found.is_file() && found.permissions().readonly() => {
                failed("it is read-only", "make it writable, or name another file")
            }
            Some(_) => Ok(()),
            None => match fs::metadata(folder_of(&self.spot.real)) {
                Ok(folder) if folder.is_dir() => Ok(()),
                Ok(_) => failed("its folder is a file", "name another file"),
                Err(error) => {
                    failed(&format!("its folder: {error}"), "make the folder first, or name another file")
                }
            },
        }
    }

    /// What the file that is there is, if it must not be written over.
    fn content(&self) -> Option<String> {
        if !self.spot.is_file() {
            return None;
        }
        let beginning = beginning(&self.spot.real);
        if let Some(what) = told_by(&beginning) {
            return Some(what.to_owned());
        }
        let name = self.spot.real.to_string_lossy();
        let of_state = [".lock", ".log", ".backup"].iter().filter_map(|suffix| name.strip_suffix(suffix));
        for base in of_state {
            if let Some(what) = told_by(&self::beginning(Path::new(base))) {
                return Some(format!("kept beside {what}"));
            }
        }
        let is_free =
            beginning.trim().is_empty() || saved::is_saved(beginning.trim_start_matches('\u{feff}'));
        (self.over == Over::Plan && !is_free).then(|| "no saved plan".to_owned())
    }
}

/// What a file that begins like this is to flowform.
fn told_by(beginning: &str) -> Option<&'static str> {
    let text = beginning.trim_start_matches('\u{feff}').trim_start();
    let head = text.get(..text.floor_char_boundary(1024)).unwrap_or_default();
    let opens =
        |key: &str| text.strip_prefix('{').is_some_and(|rest| rest.trim_start().strip_prefix(key).is_some());
    if opens("\"formatVersion\"") && head.contains("\"lineage\"") {
        Some("a state")
    } else if opens("\"key\":\"") || opens("\"put\":{\"realm\"") || opens("\"seeded\":{\"org\"") {
        Some("an emulator's store")
    } else if beginning.lines().any(is_api_version) {
        Some("a manifest")
    } else if text.starts_with("-----BEGIN ") {
        Some("a key or a certificate")
    } else if text.starts_with('{') && head.to_ascii_lowercase().contains("\"client_secret") {
        Some("a credential file")
    } else if text.starts_with("#!") {
        Some("a program")
    } else {
        None
    }
}

fn is_api_version(line: &str) -> bool {
    let line = line.trim_start_matches('\u{feff}').trim_start_matches(['{', ' ', '"', '\'']);
    line.strip_prefix("apiVersion")
        .is_some_and(|rest| rest.trim_start_matches(['"', '\'', ':', ' ']).starts_with("flowform/"))
}

/// The beginning of a file, as far as it is text; nothing where it cannot be read.
fn beginning(path: &Path) -> String {
    if !fs::metadata(path).is_ok_and(|found| found.is_file()) {
        return String::new();
    }
    let mut bytes = Vec::new();
    let _ = fs::File::open(path).map(|file| file.take(BEGINNING).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_yaml(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| e == "yaml" || e == "yml")
}

/// `path` with a suffix to its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// All YAML files below a folder.
fn walk(folder: &Path, seen: &mut HashSet<PathBuf>, files: &mut Vec<PathBuf>) {
    if !folder.canonicalize().is_ok_and(|real| seen.insert(real)) {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, seen, files);
        } else if is_yaml(&path) {
            files.push(path);
        }
    }
}
