// SPDX-License-Identifier: Apache-2.0
//! An index plugin for Orasi in Rust: equality and IN on one column of any simple type.
//!
//! A segment is one blob of little-endian numbers: a head, then for every row that is not null the pair (hash of the
//! value, row id), sorted. A value is found by a binary search for its hash. Two values may have one hash, so an answer
//! may hold rows too many: the index says that it is LOSSY and the host looks at the rows again. Bytes of a segment are
//! hostile when they are read: the only thing taken from them is row ids, and those are held against the number of rows.

use orasi::{sys, Blob, Build, Caps, Config, Cursor, Description, Error, Hits, Host, Index, Query, Reader, Result};
use orasi::{SchemaRef, SegmentInfo, Store, Values};

const BLOB: &str = "pairs\0";
const MAGIC: u64 = 0x31_48_53_41_48; // "HASH1"
const HEAD: usize = 32; // magic, rows, pairs, checksum
const PAIR: usize = 16;

/// FNV-1a, 64 bits, and a mix of the result.
fn hash(bytes: &[u8]) -> u64 {
    let mut h: u64 = 0xcbf2_9ce4_8422_2325;
    for &b in bytes {
        h = (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3);
    }
    h ^= h >> 33;
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^ (h >> 33)
}

/// None for a type that is neither a number nor text.
fn hash_value(values: &Values, i: usize) -> Option<u64> {
    match values.bytes(i) {
        Some(bytes) => Some(hash(bytes)),
        None => values.integer(i).map(|number| hash(&number.to_le_bytes())),
    }
}

fn is_hashable(format: &str) -> bool {
    matches!(format.as_bytes().first(), Some(b'b' | b'c' | b'C' | b's' | b'S' | b'i' | b'I' | b'l' | b'L'))
        || matches!(format, "u" | "U" | "z" | "Z")
        || format.starts_with('t')
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Over all that says something: the numbers of the head behind the magic, and the pairs.
fn checksum(rows: u64, pairs: u64, bytes: &[u8]) -> u64 {
    let mut sum = hash(&rows.to_le_bytes()) ^ hash(&pairs.to_le_bytes()).rotate_left(17);
    for chunk in bytes.chunks(PAIR) {
        sum = sum.rotate_left(5) ^ hash(chunk);
    }
    sum
}

// ---- building ---------------------------------------------------------------------------------------------------

struct Building {
    dst: Store,
    pairs: Vec<(u64, u64)>,
    rows: u64,
}

impl Build for Building {
    fn add(&mut self, keys: &[Values], first_row: u64) -> Result<()> {
        let values = &keys[0];
        for i in (0..values.len()).filter(|&i| !values.is_null(i)) {
            let hash = hash_value(values, i).ok_or_else(|| Error::new(sys::E_INVALID, "a key of another type"))?;
            self.pairs.push((hash, first_row + i as u64));
        }
        self.rows = self.rows.max(first_row + values.len() as u64);
        Ok(())
    }

    fn finish(mut self) -> Result<SegmentInfo> {
        self.pairs.sort_unstable();
        let bytes: Vec<u8> =
            self.pairs.iter().flat_map(|&(hash, row)| [hash.to_le_bytes(), row.to_le_bytes()].concat()).collect();
        let n = self.pairs.len() as u64;
        let head = [MAGIC, self.rows, n, checksum(self.rows, n, &bytes)].map(u64::to_le_bytes).concat();
        self.dst.write(BLOB, &[&head, &bytes])?;
        let bytes = (head.len() + bytes.len()) as u64;
        Ok(SegmentInfo { format_version: 1, rows: self.rows, entries: n, distinct: 0, bytes })
    }
}

// ---- reading ----------------------------------------------------------------------------------------------------

struct Segment {
    blob: Blob,
    rows: u64,
    pairs: usize,
}

fn damaged(what: &str) -> Error {
    Error::new(sys::E_CORRUPT, format!("the segment is damaged: {}", what))
}

impl Segment {
    fn open(mut src: Store) -> Result<Segment> {
        let blob = src.map(BLOB)?;
        let (size, bytes) = (blob.bytes().len(), blob.bytes());
        if size < HEAD || number(bytes, 0) != MAGIC || (size - HEAD) % PAIR != 0 {
            return Err(damaged("its head and its size do not agree"));
        }
        let (rows, pairs) = (number(bytes, 8), (size - HEAD) / PAIR);
        if number(bytes, 16) != pairs as u64 {
            return Err(damaged("its head and its size do not agree"));
        }
        Ok(Segment { blob, rows, pairs })
    }

    fn pair(&self, i: usize) -> (u64, u64) {
        let at = HEAD + i * PAIR;
        (number(self.blob.bytes(), at), number(self.blob.bytes(), at + 8))
    }

    /// The first pair with this hash or a greater one.
    fn lower_bound(&self, hash: u64) -> usize {
        let (mut low, mut high) = (0, self.pairs);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.pair(middle).0 < hash {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The host looks at every row again, so one term is enough to find those that come into question. Ascending, each
    /// row once: IN may name a value twice.
    fn find(&self, query: &Query) -> Result<Vec<u64>> {
        let unsupported = || Error::new(sys::E_UNSUPPORTED, "a hash index answers = and IN only");
        if query.terms() == 0 {
            return Err(unsupported());
        }
        let term = query.term(0);
        let values = match term.op {
            sys::OP_EQ | sys::OP_IN => term.values.ok_or_else(unsupported)?,
            _ => return Err(unsupported()),
        };
        let mut rows = Vec::new();
        for i in (0..values.len()).filter(|&i| !values.is_null(i)) {
            let wanted = hash_value(&values, i).ok_or_else(unsupported)?;
            for k in self.lower_bound(wanted)..self.pairs {
                let (hash, row) = self.pair(k);
                if hash != wanted {
                    break;
                }
                if row >= self.rows {
                    return Err(damaged("a row beyond its last"));
                }
                if !query.is_deleted(row) {
                    rows.push(row);
                }
            }
        }
        rows.sort_unstable();
        rows.dedup();
        Ok(rows)
    }
}

impl Reader for Segment {
    type Cursor = Found;

    fn query(&self, query: &Query) -> Result<Found> {
        Ok(Found { rows: self.find(query)?, at: 0 })
    }

    fn estimate(&self, query: &Query) -> Result<u64> {
        Ok(self.find(query)?.len() as u64)
    }

    fn verify(&self, level: u32) -> Result<()> {
        let bytes = self.blob.bytes();
        if level > 0 && checksum(self.rows, self.pairs as u64, &bytes[HEAD..]) != number(bytes, 24) {
            return Err(damaged("its checksum is wrong"));
        }
        for i in 0..if level > 1 { self.pairs } else { 0 } {
            if self.pair(i).1 >= self.rows || (i > 0 && self.pair(i - 1) >= self.pair(i)) {
                return Err(damaged("an entry is out of order"));
            }
        }
        Ok(())
    }
}

struct Found {
    rows: Vec<u64>,
    at: usize,
}

impl Cursor for Found {
    fn next(&mut self, hits: &mut Hits) -> Result<usize> {
        let n = hits.rows.len().min(self.rows.len() - self.at);
        hits.rows[..n].copy_from_slice(&self.rows[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

// ---- the plugin -------------------------------------------------------------------------------------------------

struct HashIndex;

impl Index for HashIndex {
    const DESCRIPTION: Description = Description {
        id: "com.example.hash-rust\0",
        name: "hash-rust\0",
        version: "1.0.0\0",
        summary: "Equality and IN by hashes\0",
        config_schema: "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}\0",
        features: &["index:hash-rust\0"],
        requires_ext: &[],
        flags: sys::FLAG_DETERMINISTIC,
        state_version: 1,
        state_version_min: 1,
    };
    type Build = Building;
    type Reader = Segment;

    fn caps() -> Caps {
        Caps { ops: 1 << sys::OP_EQ | 1 << sys::OP_IN, flags: sys::INDEX_LOSSY, max_columns: 1 }
    }

    fn create(_host: Host, _config: &Config, keys: SchemaRef) -> Result<Self> {
        if keys.columns() != 1 {
            return Err(Error::new(sys::E_CONFIG, format!("a hash index takes one column, not {}", keys.columns())));
        }
        if !is_hashable(keys.column(0).format()) {
            return Err(Error::new(
                sys::E_CONFIG,
                format!(
                    "column '{}' cannot be hashed: use one of integers, booleans, times, text or bytes",
                    keys.column(0).name()
                ),
            ));
        }
        Ok(HashIndex)
    }

    fn begin(&mut self, dst: Store) -> Result<Building> {
        Ok(Building { dst, pairs: Vec::new(), rows: 0 })
    }

    fn open(&mut self, src: Store) -> Result<(Segment, SegmentInfo)> {
        let segment = Segment::open(src)?;
        let info = SegmentInfo {
            format_version: 1,
            rows: segment.rows,
            entries: segment.pairs as u64,
            distinct: 0,
            bytes: segment.blob.bytes().len() as u64,
        };
        Ok((segment, info))
    }
}

orasi::bundle! {
    id: "com.example.hash-rust",
    version: "1.0.0",
    vendor: "Example",
    license: "Apache-2.0",
    index: HashIndex,
}
