//! Changes inputs at random, the same way for the same seed: bytes, words of a dictionary, and JSON by its structure.

use serde_json::{Map, Value, json};

/// A small generator (xorshift64*): good enough to choose, and the same everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Neighbouring seeds begin far apart, and none with zero.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// A number below `end`, 0 when there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap()
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Texts that somebody, somewhere, did not expect.
pub(crate) const TEXTS: &[&str] = &[
    "",
    " ",
    ".",
    "..",
    "../../ims/token/v3",
    "a/../../b",
    "%2e%2e%2f",
    "a?b=c&d",
    "a#b",
    "a;b",
    "a,b",
    "\r\nx-evil: 1",
    "\r\n\r\nGET / HTTP/1.1",
    "\u{0}",
    "\u{7f}",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{1b}]0;title\u{7}",
    "\u{9b}31m",
    "\u{85}",
    "\u{202e}evil",
    "\u{2066}x\u{2069}",
    "\u{200b}",
    "\u{2028}",
    "\u{feff}",
    "\u{ad}",
    "\u{e0041}",
    "e\u{301}",
    "日本語のとても長い名前",
    "👩‍👩‍👧‍👦",
    "\"",
    "'",
    "`",
    "\\",
    "\t",
    "\n",
    "a\nb\n",
    "::error::x",
    "%0A",
    "${env:SECRET}",
    "$${x}",
    "${",
    "null",
    "true",
    "~",
    "-",
    "- a",
    "a: b",
    "{}",
    "[]",
    "&a",
    "*a",
    "<<",
    "!!binary",
    "|",
    ">",
    "# x",
    "---",
    "...",
    "%YAML 1.2",
    "1e999",
    "-0",
    "0x1F",
    "NaN",
    "18446744073709551616",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "-99999999999",
    "253402300800",
    "$id",
    "$secret",
    "a.b.dataflow",
    "~1",
    "~0",
    "~",
    "/0/-/",
    "==",
    "\u{fffd}",
    "\u{10ffff}",
    "W/\"x\"",
    "\"x",
    "application/json;version=",
];

/// Bytes changed in up to eight places; `others` are texts to take pieces from.
pub(crate) fn bytes(random: &mut Random, input: &[u8], dictionary: &[&str], others: &[Vec<u8>]) -> Vec<u8> {
    const LONGEST: usize = 64 * 1024;
    let mut out = input.to_vec();
    for _ in 0..=random.below(8) {
        let at = random.below(out.len() + 1);
        let most = 1 << random.below(9);
        let end = (at + random.below(most)).min(out.len());
        match random.below(10) {
            0 if at < out.len() => out[at] ^= 1 << random.below(8),
            1 if at < out.len() => out[at] = u8::try_from(random.below(256)).unwrap(),
            2 => drop(out.drain(at..end)),
            3 => {
                let piece = out[at..end].to_vec();
                let to = random.below(out.len() + 1);
                out.splice(to..to, piece);
            }
            4 => out.truncate(at),
            5 => {
                let other = &others[random.below(others.len())];
                let from = random.below(other.len());
                let length = random.below(other.len() - from + 1).min(512);
                out.splice(at..end, other[from..from + length].iter().copied());
            }
            6 => {
                let times = 1 << random.below(8);
                let word = random.pick(dictionary).repeat(times);
                out.splice(at..at, word.bytes());
            }
            7 => drop(out.splice(at..end, random.pick(TEXTS).bytes())),
            8 => out.insert(at, *b" \n:-{}[],\"'#&*".get(random.below(14)).unwrap()),
            // Whole lines: what a merge gone wrong does.
            _ => {
                let mut lines: Vec<Vec<u8>> =
                    out.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
                if lines.len() > 1 {
                    let line = lines.remove(random.below(lines.len()));
                    lines.insert(random.below(lines.len()), line);
                    out = lines.concat();
                }
            }
        }
        out.truncate(LONGEST);
    }
    out
}

/// JSON with up to six of its values changed; `others` are values to take parts from.
pub(crate) fn json(random: &mut Random, input: &Value, others: &[Value]) -> Value {
    let mut out = input.clone();
    for _ in 0..=random.below(6) {
        let at = random.below(size(&out));
        let donor = &others[random.below(others.len())];
        let part = nth(donor, random.below(size(donor))).clone();
        change(random, at_nth(&mut out, at), part);
    }
    out
}

fn change(random: &mut Random, value: &mut Value, part: Value) {
    match (random.below(9), value) {
        (0 | 1, Value::Object(members)) if !members.is_empty() => {
            let key = members.keys().nth(random.below(members.len())).unwrap().clone();
            let removed = members.shift_remove(&key).unwrap();
            if random.below(2) == 0 {
                members.insert(text(random), removed);
            }
        }
        (2, Value::Object(members)) => drop(members.insert(text(random), part)),
        (0 | 1, Value::Array(items)) if !items.is_empty() => {
            let item = items.remove(random.below(items.len()));
            if random.below(2) == 0 {
                let times = random.below(40);
                items.extend(std::iter::repeat_n(item, times));
            }
        }
        (0..=3, Value::String(old)) => {
            let at = (0..=random.below(old.len() + 1)).rev().find(|at| old.is_char_boundary(*at)).unwrap();
            old.insert_str(at, &text(random));
        }
        (4, value) => *value = part,
        (_, value) => *value = made_up(random),
    }
}

fn text(random: &mut Random) -> String {
    match random.below(12) {
        0 => "x".repeat(10_000),
        1 => random.pick(TEXTS).repeat(random.below(100)),
        _ => random.pick(TEXTS).to_owned(),
    }
}

fn made_up(random: &mut Random) -> Value {
    match random.below(14) {
        0 => Value::Null,
        1 => (random.below(2) == 0).into(),
        2 => json!(i64::MIN),
        3 => json!(u64::MAX),
        4 => json!(1e300),
        5 => (random.next() % 100_000).into(),
        6 => Value::Array(vec![Value::Null; random.below(200)]),
        7 => Value::Object(Map::from_iter([(text(random), text(random).into())])),
        8 => (0..random.below(110)).fold(json!("deep"), |inner, _| json!([inner])),
        9 => (0..random.below(110)).fold(json!({}), |inner, _| json!({ "a": inner })),
        10 => json!({ random.pick(&["$id", "$version"]): "p.source" }),
        11 => json!({ random.pick(&["$secret", "$soon", "$x"]): random.pick(TEXTS) }),
        _ => text(random).into(),
    }
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        _ => 0,
    }
}

fn nth(value: &Value, mut n: usize) -> &Value {
    let children: Vec<&Value> = match value {
        _ if n == 0 => return value,
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => return value,
    };
    n -= 1;
    for child in children {
        let size = size(child);
        if n < size {
            return nth(child, n);
        }
        n -= size;
    }
    value
}

fn at_nth(value: &mut Value, mut n: usize) -> &mut Value {
    if n == 0 {
        return value;
    }
    n -= 1;
    let sizes: Vec<usize> = match &*value {
        Value::Array(items) => items.iter().map(size).collect(),
        Value::Object(members) => members.values().map(size).collect(),
        _ => Vec::new(),
    };
    let mut index = 0;
    while index < sizes.len() && n >= sizes[index] {
        n -= sizes[index];
        index += 1;
    }
    if index >= sizes.len() {
        return value;
    }
    match value {
        Value::Array(items) => at_nth(&mut items[index], n),
        Value::Object(members) => at_nth(members.values_mut().nth(index).unwrap(), n),
        other => other,
    }
}
