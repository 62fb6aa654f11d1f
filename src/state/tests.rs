//! The store as a whole: every crash, every mix-up of files, every reader beside a writer, and the pinned format.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::log::{self, Replayed};
use super::model::{Change, Entry, InFlight, Place, State};
use super::{Error, Holder, LockError, Locked, StateFile, format};
use crate::kind::{Address, Intent, Kind, Step};
use crate::wire::Etag;

const SNAPSHOT_V1: &str = include_str!("../../tests/fixtures/state-v1.json");
const LOG_V1: &str = include_str!("../../tests/fixtures/state-v1.json.log");

fn place() -> Place {
    Place { gateway: "emulator".into(), org: "ACME@AdobeOrg".into(), sandbox: "dev".into() }
}

fn holder() -> Holder {
    Holder {
        id: "1f2e3d4c".into(),
        who: "runner".into(),
        host: "build-7".into(),
        pid: 4711,
        command: "flowform apply".into(),
        since: "2026-03-01T10:00:00Z".into(),
    }
}

fn entry(id: &str) -> Entry {
    Entry {
        id: id.into(),
        etag: None,
        version: None,
        applied: json!({"name": id}),
        depends_on: Vec::new(),
        protect: false,
        replaced: Vec::new(),
    }
}

fn set(pipeline: &str, id: &str) -> Change {
    Change::Set { address: Address::new(pipeline, Kind::Source), entry: entry(id) }
}

/// A folder of its own, with the state's path in it.
struct Store {
    folder: tempfile::TempDir,
}

impl Store {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With a created state in it.
    fn created() -> Self {
        let store = Self::new();
        store.lock().create(State::new(place()).unwrap()).unwrap();
        store
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("dev.json")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("dev.json.log")
    }

    fn file(&self) -> StateFile {
        StateFile::new(self.path())
    }

    fn lock(&self) -> Locked {
        self.file().lock(&holder()).unwrap()
    }

    fn read(&self) -> State {
        self.file().read().unwrap().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn id_of(state: &State, pipeline: &str) -> Option<String> {
    state.entries.get(&Address::new(pipeline, Kind::Source)).map(|e| e.id.clone())
}

#[test]
fn a_life() {
    let store = Store::new();
    assert_eq!(store.file().read().unwrap(), None);
    assert_eq!(store.names(), [""; 0], "reading writes nothing");

    let mut locked = store.lock();
    assert_eq!(locked.state(), None);
    assert!(matches!(locked.record(vec![Change::Ended]), Err(Error::Absent { .. })));
    locked.create(State::new(place()).unwrap()).unwrap();
    assert!(matches!(locked.create(State::new(place()).unwrap()), Err(Error::Exists { .. })));
    locked.fold().unwrap();
    locked.record(Vec::new()).unwrap();
    assert_eq!(store.names(), ["dev.json", "dev.json.lock"], "nothing recorded, nothing written");

    locked.record(vec![set("a", "1"), set("b", "2")]).unwrap();
    locked.record(vec![set("a", "3")]).unwrap();
    assert_eq!(locked.state(), Some(&store.read()), "a reader sees what is recorded, before the fold");
    assert_eq!(store.names(), ["dev.json", "dev.json.lock", "dev.json.log"]);

    locked.fold().unwrap();
    assert_eq!(store.names(), ["dev.json", "dev.json.backup", "dev.json.lock"]);
    let state = store.read();
    assert_eq!(state.serial, 2);
    assert_eq!(id_of(&state, "a").unwrap(), "3");
    let text = fs::read_to_string(store.path()).unwrap();
    locked.fold().unwrap();
    assert_eq!(fs::read_to_string(store.path()).unwrap(), text);

    locked.record(vec![Change::Removed { address: Address::new("a", Kind::Source) }]).unwrap();
    drop(locked);
    let mut locked = store.lock();
    locked.record(vec![set("c", "4")]).unwrap();
    locked.fold().unwrap();
    let state = store.read();
    assert_eq!((state.serial, id_of(&state, "a")), (3, None));
    assert_eq!(id_of(&state, "c").unwrap(), "4");
    assert_eq!(fs::read_to_string(store.folder.path().join("dev.json.backup")).unwrap(), text);
}

#[test]
fn new_states_have_nothing_in_common() {
    let (a, b) = (State::new(place()).unwrap(), State::new(place()).unwrap());
    assert_ne!(a.lineage, b.lineage);
    assert_ne!(a.fingerprint_key, b.fingerprint_key);
    assert_eq!((a.lineage.len(), a.fingerprint_key.len(), a.serial), (32, 64, 1));
}

#[test]
fn the_lock_keeps_others_out_until_it_is_dropped() {
    let store = Store::created();
    let locked = store.lock();
    assert!(matches!(store.file().lock(&holder()), Err(LockError::Held { .. })));
    store.read();
    drop(locked);
    store.lock();
}

#[cfg(unix)]
#[test]
fn files_and_new_folders_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/deeper/dev.json");
    let file = StateFile::new(&path);
    assert_eq!(file.read().unwrap(), None);
    assert!(!folder.path().join("new").exists(), "reading makes no folder");
    let mut locked = file.lock(&holder()).unwrap();
    locked.create(State::new(place()).unwrap()).unwrap();
    locked.record(vec![set("a", "1")]).unwrap();
    locked.fold().unwrap();
    locked.record(vec![set("a", "2")]).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("new")), 0o700);
    assert_eq!(mode(&folder.path().join("new/deeper")), 0o700);
    let files: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 4);
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_both_names_share_the_lock() {
    use std::os::unix::fs::symlink;
    let store = Store::new();
    let link = store.folder.path().join("link.json");
    // Relative, to a folder that does not exist yet, over a second link.
    symlink("second.json", &link).unwrap();
    symlink("real/dev.json", store.folder.path().join("second.json")).unwrap();
    let file = StateFile::new(&link);
    assert_eq!(file.read().unwrap(), None);
    let mut locked = file.lock(&holder()).unwrap();
    locked.create(State::new(place()).unwrap()).unwrap();
    locked.record(vec![set("a", "1")]).unwrap();
    locked.fold().unwrap();
    let real = StateFile::new(store.folder.path().join("real/dev.json"));
    assert!(matches!(real.lock(&holder()), Err(LockError::Held { .. })));
    assert_eq!(real.read().unwrap(), file.read().unwrap());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

    let round = store.folder.path().join("round.json");
    symlink("round.json", &round).unwrap();
    let error = StateFile::new(&round).read().unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("circle"));
}

#[test]
fn what_cannot_be_a_state_is_said_to_be_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| StateFile::new(folder.path().join(name));

    fs::create_dir(folder.path().join("folder")).unwrap();
    assert!(matches!(at("folder").read(), Err(Error::NotAFile { what: "a folder", .. })));
    let error = at("folder").lock(&holder()).unwrap_err();
    assert!(matches!(&error, LockError::State(Error::NotAFile { .. })), "{error}");
    assert!(error.hint().contains("name a file"));

    fs::write(folder.path().join("file"), "").unwrap();
    let error = at("file/dev.json").read().unwrap_err();
    assert!(error.hint().contains("a part of the path is a file"), "{}", error.hint());
    let error = at("file/dev.json").lock(&holder()).unwrap_err();
    assert!(error.hint().contains("a part of the path is a file"), "{error}: {}", error.hint());

    fs::create_dir(folder.path().join("dev.json.lock")).unwrap();
    assert!(matches!(at("dev.json").lock(&holder()), Err(LockError::State(Error::NotAFile { .. }))));
}

#[test]
fn a_read_only_state_is_read_and_not_written() {
    let store = Store::created();
    let mut permissions = fs::metadata(store.path()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(store.path(), permissions).unwrap();
    store.read();
    assert!(matches!(store.file().lock(&holder()), Err(LockError::State(Error::ReadOnly { .. }))));
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_told_of_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let store = Store::created();
    let mode = |mode| fs::set_permissions(store.folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    fs::remove_file(store.folder.path().join("dev.json.lock")).unwrap();
    mode(0o500);
    // Root may write anywhere: then there is nothing to see.
    if fs::write(store.folder.path().join("probe"), "").is_err() {
        store.read();
        let error = store.file().lock(&holder()).unwrap_err();
        assert!(error.hint().contains("who owns"), "{error}");
    }
    mode(0o700);
}

#[test]
fn a_file_beyond_the_limit_is_not_even_read() {
    let store = Store::created();
    let size = 300 * 1024 * 1024;
    fs::File::create(store.log()).unwrap().set_len(size).unwrap();
    assert!(matches!(store.file().read(), Err(Error::TooLarge { size: s, .. }) if s == size));
}

#[test]
fn a_newer_log_is_refused_as_a_newer_snapshot_is() {
    let store = Store::created();
    fs::write(store.log(), "{\"formatVersion\":2,\"checksum\":\"?\"}\n<binary>\n").unwrap();
    let error = store.file().read().unwrap_err();
    assert!(matches!(error, Error::Newer { found: 2, known: 1, .. }), "{error}");
    assert!(matches!(store.file().lock(&holder()), Err(LockError::State(Error::Newer { .. }))));
}

#[test]
fn a_failed_write_changes_neither_memory_nor_what_is_read() {
    let store = Store::created();
    let mut locked = store.lock();
    // A folder where the log should be, and one where the backup should be.
    fs::create_dir(store.log()).unwrap();
    let before = locked.state().cloned();
    locked.record(vec![set("a", "1")]).unwrap_err();
    assert_eq!(locked.state().cloned(), before);
    fs::remove_dir(store.log()).unwrap();
    locked.record(vec![set("a", "1")]).unwrap();
    let before = locked.state().cloned();
    let backup = store.folder.path().join("dev.json.backup");
    fs::create_dir(&backup).unwrap();
    locked.fold().unwrap_err();
    assert_eq!(locked.state().cloned(), before);
    assert_eq!(Some(store.read()), before);
    locked.record(vec![set("a", "2")]).unwrap();
    fs::remove_dir(&backup).unwrap();
    locked.fold().unwrap();
    assert_eq!(Some(&store.read()), locked.state());
    assert_eq!(store.names(), ["dev.json", "dev.json.backup", "dev.json.lock"], "no temp file is left");
}

#[test]
fn logs_that_belong_elsewhere_are_refused_or_left_out() {
    let store = Store::created();
    let mut locked = store.lock();
    locked.record(vec![set("a", "1")]).unwrap();
    let (old_snapshot, old_log) = (fs::read(store.path()).unwrap(), fs::read(store.log()).unwrap());
    locked.fold().unwrap();
    drop(locked);

    // Stopped between the rename and the removal: the log is part of the snapshot already.
    fs::write(store.log(), &old_log).unwrap();
    assert_eq!(id_of(&store.read(), "a").unwrap(), "1");
    let mut locked = store.lock();
    locked.record(vec![set("b", "2")]).unwrap();
    assert_eq!(&store.read(), locked.state().unwrap());
    let new_log = fs::read(store.log()).unwrap();
    drop(locked);

    // An old snapshot put back beside the new log.
    fs::write(store.path(), &old_snapshot).unwrap();
    let error = store.file().read().unwrap_err();
    assert!(matches!(error, Error::Ahead { found: 2, expected: 1, .. }), "{error}");
    assert!(store.file().lock(&holder()).is_err());

    // The log alone.
    fs::remove_file(store.path()).unwrap();
    assert!(matches!(store.file().read(), Err(Error::Orphan { .. })));
    assert!(matches!(store.file().lock(&holder()), Err(LockError::State(Error::Orphan { .. }))));

    // Another state's.
    let other = Store::created();
    fs::write(other.log(), &new_log).unwrap();
    assert!(matches!(other.file().read(), Err(Error::Foreign { .. })));
}

#[test]
fn a_crash_at_every_byte_of_the_log_loses_whole_records_from_the_end_only() {
    let store = Store::created();
    let mut locked = store.lock();
    let mut states = vec![locked.state().unwrap().clone()];
    let mut lengths = vec![0];
    for n in 0..4 {
        locked.record(vec![set("a", &format!("{n}")), set("b", &format!("{n}"))]).unwrap();
        states.push(locked.state().unwrap().clone());
        lengths.push(fs::read(store.log()).unwrap().len());
    }
    drop(locked);
    let log = fs::read(store.log()).unwrap();
    for length in 0..=log.len() {
        fs::write(store.log(), &log[..length]).unwrap();
        let expected = lengths.iter().rposition(|l| *l <= length).unwrap();
        assert_eq!(store.read(), states[expected], "cut at {length}");
        let mut locked = store.lock();
        assert_eq!(locked.state(), Some(&states[expected]), "cut at {length}");
        locked.record(vec![set("c", "after")]).unwrap();
        assert_eq!(locked.state(), Some(&store.read()), "cut at {length}");
    }
}

#[test]
fn a_tail_of_zeros_is_a_torn_line_and_a_bad_line_before_the_end_is_not() {
    let store = Store::created();
    let mut locked = store.lock();
    locked.record(vec![set("a", "1")]).unwrap();
    locked.record(vec![set("a", "2")]).unwrap();
    let expected = locked.state().cloned();
    drop(locked);
    let good = fs::read(store.log()).unwrap();

    // Where data of a file that grew did not arrive before a power cut.
    for tail in [&b"\0\0\0\0"[..], b"\0\0\"}]\n", b"[{\"change\":\"set\","] {
        fs::write(store.log(), [&good, tail].concat()).unwrap();
        assert_eq!(Some(store.read()), expected);
    }
    for bad in
        ["[{\"change\":\"sat\"}]\n", "{}\n", "\n", "[{\"change\":\"settled\",\"step\":\"a\\u001b\"}]\n"]
    {
        fs::write(store.log(), [&good, bad.as_bytes(), b"[]\n"].concat()).unwrap();
        let error = store.file().read().unwrap_err();
        assert!(matches!(error, Error::Malformed { line: 4, .. }), "{bad:?}: {error}");
        assert!(error.to_string().contains("dev.json.log:4:"), "{error}");
        assert!(error.hint().contains("adopted again"));
    }
}

#[test]
fn a_reader_starts_over_when_a_writer_came_between_its_two_files() {
    let store = Store::new();
    let mut locked = store.lock();
    let steps: [fn(&mut Locked); 4] = [
        |locked| {
            locked.create(State::new(place()).unwrap()).unwrap();
            locked.record(vec![set("a", "1")]).unwrap();
        },
        |locked| locked.fold().unwrap(),
        |locked| {
            locked.record(vec![set("a", "2")]).unwrap();
            locked.fold().unwrap();
            locked.record(vec![set("a", "3")]).unwrap();
        },
        |locked| {
            locked.record(vec![set("a", "4")]).unwrap();
            locked.fold().unwrap();
        },
    ];
    for (index, step) in steps.into_iter().enumerate() {
        let mut step = Some(step);
        let read = store.file().read_beside(|| {
            if let Some(step) = step.take() {
                step(&mut locked);
            }
        });
        assert_eq!(read.unwrap().as_ref(), locked.state(), "step {index}");
    }

    let mut n = 0;
    let read = store.file().read_beside(|| {
        n += 1;
        locked.record(vec![set("a", &n.to_string())]).unwrap();
        locked.fold().unwrap();
    });
    assert!(matches!(read, Err(Error::Busy { .. })));
}

#[test]
fn what_a_killed_writer_left_goes_with_the_next_and_nothing_else_does() {
    let store = Store::created();
    let folder = store.folder.path();
    // Of this state, then of others and of nobody.
    let left = [".dev.json.a1B2c3.tmp", ".dev.json.backup.XXXXXX.tmp"];
    let others =
        [".dev.json.old.a1B2c3.tmp", ".prod.json.a1B2c3.tmp", ".dev.json.mine.tmp", "dev.json.a1B2c3.tmp"];
    for name in left.iter().chain(&others) {
        fs::write(folder.join(name), "{").unwrap();
    }
    drop(store.lock());
    assert!(left.iter().all(|name| !folder.join(name).exists()));
    assert!(others.iter().all(|name| folder.join(name).exists()));
}

#[test]
fn a_fold_that_was_cut_short_is_ended_by_the_next() {
    let store = Store::created();
    let mut locked = store.lock();
    locked.record(vec![set("a", "1")]).unwrap();
    let log = fs::read(store.log()).unwrap();
    locked.fold().unwrap();
    drop(locked);
    // Killed between the rename of the snapshot and the removal of its log.
    fs::write(store.log(), log).unwrap();
    let before = store.read();
    store.lock().fold().unwrap();
    assert!(!store.log().exists());
    assert_eq!(store.read(), before);
}

#[test]
fn readers_beside_a_folding_writer_see_no_half_view() {
    let store = Store::created();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut locked = store.lock();
            for n in 0..300 {
                let id = format!("{n}");
                locked.record(vec![set("a", &id), set("b", &id)]).unwrap();
                if n % 2 == 0 {
                    locked.fold().unwrap();
                }
            }
            stop.store(true, Ordering::SeqCst);
        });
        let mut last = -1_i64;
        while !stop.load(Ordering::SeqCst) {
            let state = store.read();
            let (a, b) = (id_of(&state, "a"), id_of(&state, "b"));
            assert_eq!(a, b);
            let now = a.map_or(-1, |id| id.parse().unwrap());
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
    });
}

#[test]
fn racing_writers_lose_nothing() {
    let store = Store::created();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for _ in 0..10 {
                    let mut locked = loop {
                        match store.file().lock(&holder()) {
                            Ok(locked) => break locked,
                            Err(LockError::State(e)) => panic!("{e}"),
                            Err(_) => {}
                        }
                    };
                    let before: u32 = id_of(locked.state().unwrap(), "a").map_or(0, |id| id.parse().unwrap());
                    locked.record(vec![set("a", &format!("{}", before + 1))]).unwrap();
                    if writer % 2 == 0 {
                        locked.fold().unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(id_of(&store.read(), "a").unwrap(), "40");
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let store = Store::created();
    let mut locked = store.lock();
    locked.record(vec![set("a", "1")]).unwrap();
    let before = fs::read(store.log()).unwrap();
    let mut deep = Value::Null;
    for _ in 0..125 {
        deep = json!([deep]);
    }
    let mut nested = entry("2");
    nested.applied = deep;
    let address = Address::new("a", Kind::Source);
    for change in [
        Change::Set { address: address.clone(), entry: nested },
        set("a", ""),
        set("a", "id\r\nIf-Match: *"),
        set("", "1"),
        set("a\n", "1"),
    ] {
        assert!(matches!(locked.record(vec![set("b", "9"), change]), Err(Error::Unfit { .. })));
    }
    assert_eq!(fs::read(store.log()).unwrap(), before);
    assert_eq!(id_of(locked.state().unwrap(), "b"), None);

    let mut state = State::new(place()).unwrap();
    state.fingerprint_key = "secret".into();
    assert!(matches!(Store::new().lock().create(state), Err(Error::Unfit { .. })));
}

#[test]
fn the_first_format_is_still_read_and_written() {
    let store = Store::new();
    fs::write(store.path(), SNAPSHOT_V1).unwrap();
    fs::write(store.log(), LOG_V1).unwrap();
    let state = store.read();
    assert_eq!(state.serial, 7);
    assert_eq!(state.place.sandbox, "dev");
    let address = |kind| Address::new("zendesk-users", kind);
    assert_eq!(
        state.entries.keys().cloned().collect::<Vec<_>>(),
        [Kind::BaseConnection, Kind::Target, Kind::Mapping].map(address)
    );
    assert!(state.entries[&address(Kind::BaseConnection)].protect);
    assert_eq!(state.entries[&address(Kind::Mapping)].version, Some(2));
    assert_eq!(state.entries[&address(Kind::Target)].etag.as_ref().map(Etag::as_str), Some("\"2d01\""));
    assert_eq!(state.in_flight.unwrap().started, "2026-03-01T10:05:00Z");

    let path = store.path();
    let snapshot = format::decode(&path, SNAPSHOT_V1.as_bytes()).unwrap();
    let written = format::encode(&path, &snapshot, snapshot.serial).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), SNAPSHOT_V1);
    let rewritten: Vec<u8> = LOG_V1
        .lines()
        .enumerate()
        .flat_map(|(index, line)| {
            if index == 0 {
                return format::encode_header(&path, &snapshot).unwrap();
            }
            let changes = format::decode_changes(&path, index + 1, line.as_bytes()).unwrap();
            format::encode_changes(&path, &changes).unwrap()
        })
        .collect();
    assert_eq!(String::from_utf8(rewritten).unwrap(), LOG_V1);
}

#[test]
fn bodies_are_written_with_their_keys_in_order() {
    let mut state = State::new(place()).unwrap();
    let mut other = state.clone();
    let with = |body: Value| Change::Set {
        address: Address::new("a", Kind::Source),
        entry: Entry { applied: body, ..entry("1") },
    };
    state.record(with(json!({"a": {"x": 1, "y": 2}, "b": 1})));
    other.record(with(json!({"b": 1, "a": {"y": 2, "x": 1}})));
    let path = Path::new("dev.json");
    assert_eq!(format::encode(path, &state, 2).unwrap(), format::encode(path, &other, 2).unwrap());
}

/// What is said of a snapshot that was tampered with.
fn said(text: &str) -> String {
    format::decode(Path::new("dev.json"), text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn every_mistake_in_a_snapshot_is_named_with_its_place() {
    let v1 = SNAPSHOT_V1;
    let with = |from: &str, to: &str| {
        assert!(v1.contains(from), "{from}");
        said(&v1.replacen(from, to, 1))
    };
    insta::assert_snapshot!(
        [
            said(""),
            said(" \n"),
            said("[1]"),
            said("{}"),
            said("null"),
            said("<<<<<<< HEAD"),
            said(&v1[..v1.len() / 2]),
            said(&format!("{v1}x")),
            said(&"[".repeat(100_000)),
            said(&"{\"a\":".repeat(100_000)),
            with("\"formatVersion\": 1", "\"formatVersion\": 3"),
            with("\"formatVersion\": 1", "\"formatVersion\": 0"),
            with("\"formatVersion\": 1", "\"formatVersion\": \"1\""),
            with("\"formatVersion\": 1", "\"formatVersion\": 99999999999999999999999"),
            with("\"serial\": 7", "\"serial\": 0"),
            with("\"serial\": 7", "\"serial\": 18446744073709551615"),
            with("\"serial\": 7", "\"serial\": -1"),
            with("\"serial\": 7,", ""),
            with("\"lineage\": \"5f0c6d2e8a914b7c93d1e0f2a4b6c8d0\",", ""),
            with("\"lineage\": \"5f0c6d2e8a914b7c93d1e0f2a4b6c8d0\"", "\"lineage\": \"\""),
            with("\"fingerprintKey\": \"0001", "\"fingerprintKey\": \"00xx"),
            with("\"sandbox\": \"dev\"", "\"sandbox\": \"dev\", \"sandbax\": \"dev\""),
            with("\"serial\"", "\"serail\": 1, \"serial\""),
            with("\"id\": \"70383d02", "\"id\": \"\\u001b[2J"),
            with("\"id\": \"70383d02", "\"idd\": \"70383d02"),
            with("zendesk-users.source\": {", "zendesk-users.baseConnection\": {"),
            with("zendesk-users.source\": {", "zendesk-users.sauce\": {"),
            with("\"before\": {}", &format!("\"before\": {}1{}", "[".repeat(200), "]".repeat(200))),
            with("\"do\": \"forget\"", "\"do\": \"forgive\""),
        ]
        .join("\n"),
        @r#"
    dev.json:1:1: the file is empty
    dev.json:1:1: the file is empty
    dev.json:1:1: this is a list, not a state
    dev.json:1:2: missing field `formatVersion`
    dev.json:1:4: invalid type: null, expected a state
    dev.json:1:1: expected value
    dev.json:77:35: EOF while parsing a string
    dev.json:164:1: trailing characters
    dev.json:1:1: this is a list, not a state
    dev.json:1:500000: EOF while parsing a value
    dev.json was written by a newer flowform (format 3, this one knows 1): upgrade
    dev.json:1:1: there is no format 0
    dev.json:2:22: invalid type: string "1", expected u64
    dev.json:2:42: invalid type: floating point `1e+23`, expected u64
    dev.json:4:13: `serial` is 0, not a number from 1 to 9007199254740992
    dev.json:4:32: `serial` is 18446744073709551615, not a number from 1 to 9007199254740992
    dev.json:4:14: invalid value: integer `-1`, expected u64
    dev.json:163:1: missing field `serial`
    dev.json:163:1: missing field `lineage`
    dev.json:3:15: `lineage` is empty
    dev.json:10:86: `fingerprintKey` is not 64 hex digits
    dev.json:8:31: unknown field `sandbax`, expected one of `gateway`, `org`, `sandbox`
    dev.json:4:10: unknown field `serail`, expected one of `formatVersion`, `lineage`, `serial`, `place`, `fingerprintKey`, `entries`, `leftInPlace`, `inFlight`
    dev.json:34:5: `id` holds the control character U+001B
    dev.json:13:11: unknown field `idd`, expected one of `id`, `etag`, `version`, `applied`, `dependsOn`, `protect`, `replaced`
    dev.json:35:34: `zendesk-users.baseConnection` is here for the second time
    dev.json:35:25: `zendesk-users.sauce` is not an address: write PIPELINE.SECTION, e.g. zendesk-users.dataflow
    dev.json:136:143: recursion limit exceeded
    dev.json:154:25: unknown variant `forgive`, expected one of `create`, `update`, `switch`, `delete`, `adopt`, `forget`
    "#
    );
}

fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 ü\"\\\\/.-]{1,8}"
}

fn body() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn address() -> impl Strategy<Value = Address> {
    (prop::sample::select(vec!["a", "b.c", "ü"]), prop::sample::select(Kind::ALL.to_vec()))
        .prop_map(|(pipeline, kind)| Address::new(pipeline, kind))
}

fn any_entry() -> impl Strategy<Value = Entry> {
    (
        word(),
        prop::option::of(word().prop_map(|w| Etag::from_body(&w))),
        any::<Option<u64>>(),
        body(),
        prop::collection::vec(address(), 0..3),
        any::<bool>(),
        prop::collection::vec(word(), 0..3),
    )
        .prop_map(|(id, etag, version, applied, depends_on, protect, replaced)| Entry {
            id,
            etag,
            version,
            applied,
            depends_on,
            protect,
            replaced,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let intent = prop_oneof![
        (body(), prop::option::of(word())).prop_map(|(body, replaces)| Intent::Create {
            body,
            namesakes: Vec::new(),
            replaces
        }),
        (word(), body(), body()).prop_map(|(id, before, after)| Intent::Update {
            id,
            etag: None,
            version: None,
            before,
            after,
            paths: vec!["/x".into()],
            places: Value::Null
        }),
        (word(), body()).prop_map(|(id, before)| Intent::Delete {
            id,
            etag: None,
            version: None,
            before,
            conditional: false
        }),
        word().prop_map(|id| Intent::Forget { id }),
    ];
    (word(), address(), intent).prop_map(|(key, address, intent)| Step {
        key,
        address,
        intent,
        needs: Vec::new(),
        unless: None,
        depends_on: Vec::new(),
        protect: false,
    })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (address(), any_entry()).prop_map(|(address, entry)| Change::Set { address, entry }),
        2 => address().prop_map(|address| Change::Removed { address }),
        2 => word().prop_map(|step| Change::Settled { step }),
        1 => word().prop_map(|id| Change::LeftInPlace { id }),
        1 => Just(Change::Ended),
        1 => prop::collection::vec(step(), 0..3).prop_map(|steps| Change::Begun {
            in_flight: InFlight {
                started: "2026-03-01T10:00:00Z".into(),
                who: "runner".into(),
                client_id: String::new(),
                steps,
                settled: Vec::new(),
            }
        }),
    ]
}

fn records() -> impl Strategy<Value = Vec<Vec<Change>>> {
    prop::collection::vec(prop::collection::vec(change(), 1..4), 0..5)
}

/// A valid state, never the same twice, without the cost of random numbers from the system.
fn fresh() -> State {
    State {
        lineage: "5f0c6d2e8a914b7c93d1e0f2a4b6c8d0".into(),
        serial: 3,
        place: place(),
        fingerprint_key: "0f".repeat(32),
        entries: std::collections::BTreeMap::new(),
        left_in_place: std::collections::BTreeSet::new(),
        in_flight: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_log_cut_anywhere_reads_back_as_a_prefix(records in records()) {
        let path = Path::new("dev.json.log");
        let mut state = fresh();
        let mut bytes = format::encode_header(path, &state).unwrap();
        let mut prefixes = vec![(bytes.len(), state.clone())];
        for changes in records {
            bytes.extend(format::encode_changes(path, &changes).unwrap());
            for change in changes {
                state.record(change);
            }
            prefixes.push((bytes.len(), state.clone()));
        }
        for cut in 0..=bytes.len() {
            let mut replayed = fresh();
            let outcome = log::replay(path, &bytes[..cut], &mut replayed).unwrap();
            if let Some((length, expected)) = prefixes.iter().rfind(|(length, _)| *length <= cut) {
                prop_assert_eq!(outcome, Replayed::Until(*length as u64));
                prop_assert_eq!(&replayed, expected);
            } else {
                prop_assert_eq!(outcome, Replayed::Nothing);
                prop_assert_eq!(replayed, fresh());
            }
        }
    }

    #[test]
    fn any_state_reads_back_as_it_was_written(records in records()) {
        let mut state = fresh();
        for change in records.into_iter().flatten() {
            state.record(change);
        }
        let path = Path::new("dev.json");
        let bytes = format::encode(path, &state, state.serial).unwrap();
        prop_assert_eq!(bytes.last(), Some(&b'\n'));
        prop_assert_eq!(&format::decode(path, &bytes).unwrap(), &state);
    }

    #[test]
    fn live_and_read_agree_whatever_is_recorded_and_folded(records in records(), folds in any::<u8>()) {
        let store = Store::created();
        let mut locked = store.lock();
        for (index, changes) in records.into_iter().enumerate() {
            locked.record(changes).unwrap();
            if folds & (1 << index) != 0 {
                locked.fold().unwrap();
            }
            prop_assert_eq!(Some(&store.read()), locked.state());
        }
        let state = locked.state().cloned();
        drop(locked);
        prop_assert_eq!(store.lock().state().cloned(), state);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = format::decode(Path::new("dev.json"), &bytes);
        let _ = log::replay(Path::new("dev.json.log"), &bytes, &mut fresh());
    }

    #[test]
    fn damaged_files_never_panic(
        at in any::<prop::sample::Index>(),
        drop in 0_usize..40,
        put in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..8),
            "[\\[\\]{}\",:0-9a-z\\\\\n]{0,8}".prop_map(String::into_bytes),
        ],
    ) {
        let damage = |text: &str| {
            let at = at.index(text.len());
            let end = (at + drop).min(text.len());
            [&text.as_bytes()[..at], &put, &text.as_bytes()[end..]].concat()
        };
        let _ = format::decode(Path::new("dev.json"), &damage(SNAPSHOT_V1)).map_err(|e| (e.to_string(), e.hint()));
        let mut state = format::decode(Path::new("dev.json"), SNAPSHOT_V1.as_bytes()).unwrap();
        let _ = log::replay(Path::new("dev.json.log"), &damage(LOG_V1), &mut state);
    }
}
