//! Where objects live: indexed in memory, and with a path also in one append-only file of JSON lines.
//!
//! Several processes may serve one file: every request takes a lock on a sibling file, reads what others
//! appended, acts, appends its own lines in one write, lets go. Knows records, not what they mean.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::filter::texts_at;

/// The kinds of stored objects. The name is what stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Connection,
    Source,
    Target,
    Flow,
    Run,
    MappingSet,
    DataSet,
    Schema,
    FieldGroup,
    Descriptor,
}

/// One object. `body` is what the service knows; the rest is how the emulator treats it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: String,
    /// Order of creation in its table.
    pub(super) seq: u64,
    pub(super) body: Value,
    /// Lists it is still missing from (`list-lag`).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) lag: u32,
    /// Reads until its state is final (`settle`).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) settle: u32,
    /// The state that then comes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) then: String,
    /// Deleted, but to be seen for so many reads (`delete-finalizing`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dying: Option<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// An organisation's sandbox: nothing is seen across it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Realm {
    pub(super) org: String,
    pub(super) sandbox: String,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    /// The key that tokens are signed with.
    Key(String),
    /// A realm has its seeded objects.
    Seeded(Realm),
    /// The clock is so many seconds ahead of the machine's.
    Ahead(i64),
    Put {
        realm: Realm,
        kind: Kind,
        record: Record,
    },
    Delete {
        realm: Realm,
        kind: Kind,
        id: String,
    },
}

#[derive(Default)]
struct Table {
    /// In order of creation, which is how lists walk them.
    records: BTreeMap<u64, Record>,
    ids: HashMap<String, u64>,
    /// For each path of [`INDEXED`], which records have a value there.
    index: [HashMap<String, BTreeSet<u64>>; INDEXED.len()],
}

/// The paths that lists are filtered by with many values at once.
const INDEXED: [&str; 4] = ["name", "baseConnectionId", "sourceConnectionIds[]", "targetConnectionIds[]"];

impl Table {
    fn put(&mut self, record: Record) {
        self.delete(&record.id);
        for (path, index) in INDEXED.iter().zip(&mut self.index) {
            for value in texts_at(&record.body, path) {
                index.entry(value).or_default().insert(record.seq);
            }
        }
        self.ids.insert(record.id.clone(), record.seq);
        self.records.insert(record.seq, record);
    }

    fn delete(&mut self, id: &str) {
        let Some(seq) = self.ids.remove(id) else { return };
        let Some(record) = self.records.remove(&seq) else { return };
        for (path, index) in INDEXED.iter().zip(&mut self.index) {
            for value in texts_at(&record.body, path) {
                if let Some(holders) = index.get_mut(&value) {
                    holders.remove(&seq);
                    if holders.is_empty() {
                        index.remove(&value);
                    }
                }
            }
        }
    }
}

/// Everything the platform holds.
#[derive(Default)]
pub(super) struct Store {
    tables: HashMap<(Realm, Kind), Table>,
    seeded: HashSet<Realm>,
    key: Option<String>,
    /// Seconds that the clock is ahead of the machine's.
    ahead: i64,
    journal: Option<Journal>,
    persistent: bool,
    /// Lines of the request at hand.
    fresh: String,
}

struct Journal {
    path: PathBuf,
    file: File,
    lock: File,
    /// How far the file has been read.
    offset: u64,
}

impl Store {
    /// Opens the file, or nothing but memory, and makes sure there is a key for tokens.
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let mut store = Self::default();
        if let Some(path) = path {
            refuse_others(path)?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                std::fs::create_dir_all(parent)?;
            }
            let mut lock_name = path.as_os_str().to_owned();
            lock_name.push(".lock");
            store.persistent = true;
            store.journal = Some(Journal {
                path: path.to_owned(),
                file: open(path)?,
                lock: private().create(true).truncate(false).write(true).open(lock_name)?,
                offset: 0,
            });
        }
        store.begin()?;
        if store.key.is_none() {
            let key = super::clock::hex_id::<32>();
            store.write(&Line::Key(key.clone()));
            store.key = Some(key);
        }
        store.end()?;
        Ok(store)
    }

    pub(super) fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    pub(super) fn ahead(&self) -> i64 {
        self.ahead
    }

    /// The sandboxes that somebody has been in.
    pub(super) fn sandboxes(&self) -> BTreeSet<String> {
        self.seeded.iter().map(|realm| realm.sandbox.clone()).collect()
    }

    /// Sets the clock so many seconds ahead of the machine's.
    pub(super) fn set_ahead(&mut self, seconds: i64) {
        self.ahead = seconds;
        self.write(&Line::Ahead(seconds));
    }

    /// Takes the lock and catches up with other processes.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        let Some(mut journal) = self.journal.take() else { return Ok(()) };
        let result = journal.lock.lock().and_then(|()| self.catch_up(&mut journal));
        if result.is_err() {
            let _ = journal.lock.unlock();
        }
        self.journal = Some(journal);
        result
    }

    /// Appends what the request wrote, in one write, and lets go of the lock.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let lines = std::mem::take(&mut self.fresh);
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let result = if lines.is_empty() { Ok(()) } else { journal.append(&lines) };
        let unlocked = journal.lock.unlock();
        result.and(unlocked)
    }

    fn catch_up(&mut self, journal: &mut Journal) -> io::Result<()> {
        // Somebody removed or replaced the file under us: start over with what is there.
        let length = match std::fs::metadata(&journal.path) {
            Ok(meta) if meta.len() >= journal.offset => meta.len(),
            _ => {
                journal.file = open(&journal.path)?;
                journal.offset = 0;
                self.tables.clear();
                self.seeded.clear();
                self.ahead = 0;
                let length = journal.file.metadata()?.len();
                if length == 0
                    && let Some(key) = self.key.clone()
                {
                    self.write(&Line::Key(key));
                }
                length
            }
        };
        if length == journal.offset {
            return Ok(());
        }
        journal.file.seek(SeekFrom::Start(journal.offset))?;
        let mut reader = BufReader::new(&journal.file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(());
            }
            if line.last() != Some(&b'\n') {
                // The lock is ours, so nobody is in the middle of this line: its writer was killed.
                journal.file.set_len(journal.offset)?;
                return Ok(());
            }
            let entry = serde_json::from_slice(&line).map_err(|_| {
                let at = journal.offset;
                other(format!("what stands at its byte {at} is no line of a store, or of a newer one"))
            })?;
            journal.offset += read as u64;
            self.apply(entry);
        }
    }

    fn apply(&mut self, line: Line) {
        match line {
            Line::Key(key) => self.key = Some(key),
            Line::Seeded(realm) => {
                self.seeded.insert(realm);
            }
            Line::Ahead(seconds) => self.ahead = seconds,
            Line::Put { realm, kind, record } => self.tables.entry((realm, kind)).or_default().put(record),
            Line::Delete { realm, kind, id } => {
                if let Some(table) = self.tables.get_mut(&(realm, kind)) {
                    table.delete(&id);
                }
            }
        }
    }

    fn write(&mut self, line: &Line) {
        if self.persistent
            && let Ok(text) = serde_json::to_string(line)
        {
            self.fresh.push_str(&text);
            self.fresh.push('\n');
        }
    }

    /// Says once for every realm that it needs its seeded objects.
    pub(super) fn needs_seed(&mut self, realm: &Realm) -> bool {
        if self.seeded.contains(realm) {
            return false;
        }
        self.seeded.insert(realm.clone());
        self.write(&Line::Seeded(realm.clone()));
        true
    }

    fn table(&self, realm: &Realm, kind: Kind) -> Option<&Table> {
        self.tables.get(&(realm.clone(), kind))
    }

    pub(super) fn get(&self, realm: &Realm, kind: Kind, id: &str) -> Option<&Record> {
        let table = self.table(realm, kind)?;
        table.records.get(table.ids.get(id)?)
    }

    /// All of a kind in order of creation.
    pub(super) fn all(&self, realm: &Realm, kind: Kind) -> impl Iterator<Item = &Record> {
        self.table(realm, kind).into_iter().flat_map(|table| table.records.values())
    }

    /// Those that have one of the values at a path, in order of creation; `None` if that needs a walk.
    pub(super) fn having(
        &self,
        realm: &Realm,
        kind: Kind,
        path: &str,
        values: &HashSet<String>,
    ) -> Option<Vec<&Record>> {
        let at = INDEXED.iter().position(|indexed| *indexed == path);
        if at.is_none() && path != "id" {
            return None;
        }
        let Some(table) = self.table(realm, kind) else { return Some(Vec::new()) };
        let found: BTreeSet<u64> = match at {
            None => values.iter().filter_map(|id| table.ids.get(id)).copied().collect(),
            Some(at) => {
                values.iter().filter_map(|value| table.index[at].get(value)).flatten().copied().collect()
            }
        };
        Some(found.iter().filter_map(|seq| table.records.get(seq)).collect())
    }

    /// A new object at the end of its table.
    pub(super) fn create(&mut self, realm: &Realm, kind: Kind, id: &str, body: Value) -> Record {
        let last =
            self.table(realm, kind).and_then(|table| table.records.last_key_value()).map(|(seq, _)| *seq);
        let seq = last.map_or(0, |seq| seq + 1);
        let record =
            Record { id: id.to_owned(), seq, body, lag: 0, settle: 0, then: String::new(), dying: None };
        self.put(realm, kind, record.clone());
        record
    }

    pub(super) fn put(&mut self, realm: &Realm, kind: Kind, record: Record) {
        let line = Line::Put { realm: realm.clone(), kind, record };
        self.write(&line);
        self.apply(line);
    }

    pub(super) fn delete(&mut self, realm: &Realm, kind: Kind, id: &str) {
        let line = Line::Delete { realm: realm.clone(), kind, id: id.to_owned() };
        self.write(&line);
        self.apply(line);
    }
}

impl Journal {
    fn append(&mut self, lines: &str) -> io::Result<()> {
        self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(lines.as_bytes())?;
        self.offset += lines.len() as u64;
        Ok(())
    }
}

/// Ends unless a store is here, or nothing: a file of something else stays as it is, and gets no lock beside it.
fn refuse_others(path: &Path) -> io::Result<()> {
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        // A folder on the way may be missing, and is made.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.is_file() {
        let what = if found.is_dir() { "a folder" } else { "a device or a pipe" };
        return Err(other(format!("it is {what}, and no file")));
    }
    let mut first = Vec::new();
    BufReader::new(File::open(path)?).take(LONGEST_FIRST).read_until(b'\n', &mut first)?;
    // The first line is the key's; a writer that was killed may have left a part of it.
    let is_hex = |key: &[u8]| key.iter().all(u8::is_ascii_hexdigit);
    let is_key = || matches!(serde_json::from_slice(&first), Ok(Line::Key(key)) if is_hex(key.as_bytes()));
    let is_torn = || match first.strip_prefix(KEY) {
        Some(key) => is_hex(key),
        None => KEY.starts_with(&first),
    };
    if first.is_empty() || is_key() || is_torn() {
        return Ok(());
    }
    Err(other("it is no store of an emulator; it is left as it is".to_owned()))
}

/// What a store begins with.
const KEY: &[u8] = b"{\"key\":\"";

/// The first line of a store is shorter.
const LONGEST_FIRST: u64 = 4096;

fn other(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn open(path: &Path) -> io::Result<File> {
    private().create(true).truncate(false).read(true).write(true).open(path)
}

/// Options that make new files the owner's alone: the platform's objects hold secrets in clear.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn realm() -> Realm {
        Realm { org: "o".to_owned(), sandbox: "dev".to_owned() }
    }

    #[test]
    fn two_servers_of_one_file_see_each_other_and_a_torn_line_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/store.jsonl");
        let mut one = Store::open(Some(&path)).unwrap();
        let mut two = Store::open(Some(&path)).unwrap();
        assert_eq!(one.key(), two.key());
        one.begin().unwrap();
        one.create(&realm(), Kind::Flow, "a", json!({"n": 1}));
        one.end().unwrap();
        two.begin().unwrap();
        assert_eq!(two.get(&realm(), Kind::Flow, "a").unwrap().body["n"], 1);
        two.create(&realm(), Kind::Flow, "b", json!({}));
        two.delete(&realm(), Kind::Flow, "a");
        two.end().unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"put\":{\"rea").unwrap();
        one.begin().unwrap();
        let ids: Vec<&str> = one.all(&realm(), Kind::Flow).map(|record| record.id.as_str()).collect();
        assert_eq!(ids, ["b"]);
        one.create(&realm(), Kind::Flow, "c", json!({}));
        one.end().unwrap();
        let mut three = Store::open(Some(&path)).unwrap();
        three.begin().unwrap();
        assert_eq!(three.all(&realm(), Kind::Flow).count(), 2);
        three.end().unwrap();
    }

    #[test]
    fn a_removed_file_is_an_empty_platform() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let mut store = Store::open(Some(&path)).unwrap();
        store.begin().unwrap();
        store.create(&realm(), Kind::Flow, "a", json!({}));
        store.end().unwrap();
        std::fs::remove_file(&path).unwrap();
        store.begin().unwrap();
        assert!(store.get(&realm(), Kind::Flow, "a").is_none());
        store.create(&realm(), Kind::Flow, "b", json!({}));
        store.end().unwrap();
        assert!(path.exists());
    }
}
