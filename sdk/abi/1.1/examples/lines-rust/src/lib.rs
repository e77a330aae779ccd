// SPDX-License-Identifier: Apache-2.0
//! A format plugin for Orasi in Rust: plain text, one row per line, as (line: int64, text: utf8).
//!
//! After each batch the mark says where the next line begins, so that another process can go on from there. A line that
//! is too long or no UTF-8 is not dropped: the host gets it with reason, place and bytes.
//!
//! It can also be fed: then it takes the lines that are whole, and waits for the rest.

use orasi::{sys, Batch, Builder, Config, Description, Error, Host, Mark, Open, Rejected, Result, Schema, Source, Type};

const CHUNK: usize = 65536;
const EXCERPT: usize = 65536;

/// The state of a mark: where the next line begins.
#[derive(Clone, Copy, Default)]
struct Place {
    offset: u64,
    line: u64,
    rows: u64,
}

impl Place {
    fn to_bytes(self) -> Vec<u8> {
        [self.offset, self.line, self.rows].iter().flat_map(|n| n.to_le_bytes()).collect()
    }
    fn from_bytes(bytes: &[u8]) -> Option<Place> {
        let n = |i: usize| Some(u64::from_le_bytes(bytes.get(i * 8..i * 8 + 8)?.try_into().ok()?));
        if bytes.len() != 24 {
            return None;
        }
        Some(Place { offset: n(0)?, line: n(1)?, rows: n(2)? })
    }
}

struct Lines {
    host: Host,
    max_line: usize,
    rows: Builder,
    source: Option<Source>,
    max_rows: usize,
    max_bytes: usize,
    place: Place,
    /// From `begin` on it is read and not yet taken.
    window: Vec<u8>,
    begin: usize,
    fed: bool,
    at_end: bool,
    /// Of a line that is too long: its beginning, and how much of it went by.
    kept: Vec<u8>,
    gone: u64,
}

fn schema() -> Schema {
    Schema::new(&[("line", Type::Int64, false), ("text", Type::Utf8, false)])
}

impl orasi::Plugin for Lines {
    const DESCRIPTION: Description = Description {
        id: "com.example.lines-rust\0",
        name: "lines-rust\0",
        version: "1.0.0\0",
        summary: "Plain text: one row per line\0",
        config_schema: "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\
            \"max_line\":{\"type\":\"string\",\"format\":\"bytes\",\"default\":\"1MiB\",\
            \"description\":\"A longer line is rejected\"}}}\0",
        features: &["format:lines-rust\0", "ext:.txt\0", "mime:text/plain\0"],
        requires_ext: &[sys::HOST_REJECT],
        flags: sys::FLAG_DETERMINISTIC,
        state_version: 1,
        state_version_min: 1,
    };

    fn create(host: Host, config: &Config) -> Result<Lines> {
        let max_line = config.integer("/max_line\0", 1 << 20);
        if max_line < 1 {
            return Err(Error::new(sys::E_CONFIG, "max_line must be at least 1 byte"));
        }
        Ok(Lines {
            host,
            max_line: max_line as usize,
            rows: Builder::new(&schema()),
            source: None,
            max_rows: 0,
            max_bytes: 0,
            place: Place::default(),
            window: Vec::new(),
            begin: 0,
            fed: false,
            at_end: false,
            kept: Vec::new(),
            gone: 0,
        })
    }
}

impl Lines {
    fn have(&self) -> usize {
        self.window.len() - self.begin
    }

    fn newline(&self) -> Option<usize> {
        self.window[self.begin..].iter().position(|&b| b == b'\n')
    }

    fn begin(&mut self, open: Open) -> Result<()> {
        if open.project {
            return Err(Error::new(sys::E_UNSUPPORTED, "lines have no columns to choose from"));
        }
        self.place = match open.checkpoint {
            [] => Place::default(),
            state => Place::from_bytes(state)
                .ok_or_else(|| Error::new(sys::E_STATE, "the checkpoint is not of this plugin"))?,
        };
        self.source = Some(open.source);
        self.max_rows = open.max_rows;
        self.max_bytes = open.max_bytes;
        self.rows = Builder::new(&schema());
        self.window.clear();
        self.begin = 0;
        self.fed = false;
        self.at_end = false;
        self.gone = 0;
        Ok(())
    }

    /// False at the end, and when it is fed: then more comes by itself.
    fn fill(&mut self) -> Result<bool> {
        self.host.check_cancelled()?;
        if self.fed {
            return Ok(false);
        }
        self.window.drain(..self.begin);
        self.begin = 0;
        let have = self.window.len();
        self.window.resize(have + CHUNK, 0);
        let got = match self.source.as_mut() {
            Some(source) => source.read(&mut self.window[have..]),
            None => Err(Error::new(sys::E_INVALID, "next was called without open")),
        };
        self.window.truncate(have + *got.as_ref().unwrap_or(&0));
        self.at_end = got? == 0;
        Ok(!self.at_end)
    }

    fn skip(&mut self, mut n: u64) -> Result<()> {
        while n > 0 {
            if self.have() == 0 && !self.fill()? {
                return Err(Error::new(sys::E_STATE, "the source is shorter than when the checkpoint was made"));
            }
            let step = (self.have() as u64).min(n);
            self.begin += step as usize;
            n -= step;
        }
        Ok(())
    }

    fn take(&mut self, n: usize) {
        self.begin += n;
        self.place.offset += n as u64;
    }

    fn reject(&self, at: Place, code: &'static str, message: &str, raw: &[u8], raw_len: u64) -> Result<()> {
        self.host.reject(&Rejected {
            code,
            message,
            column: "text",
            byte_offset: at.offset as i64,
            line: at.line as i64 + 1,
            row: at.line as i64,
            raw,
            raw_len,
        })
    }

    /// A line of any length goes by in pieces; the host gets its beginning. Our place stays before it until it is reported.
    /// False: the rest of it is not there yet.
    fn reject_long(&mut self) -> Result<bool> {
        let mut end = self.newline();
        loop {
            let n = end.map_or(self.have(), |n| n + 1);
            self.begin += n;
            self.gone += n as u64;
            if end.is_some() || !self.fill()? {
                break;
            }
            end = self.newline();
        }
        if end.is_none() && !self.at_end {
            return Ok(false);
        }
        let (at, kept, whole) = (self.place, std::mem::take(&mut self.kept), self.gone);
        self.place.offset += whole;
        self.place.line += 1;
        self.gone = 0;
        self.reject(at, "line.length\0", "the line is longer than max_line", &kept, whole)?;
        Ok(true)
    }

    /// False when no line is whole.
    fn take_line(&mut self) -> Result<bool> {
        if self.gone > 0 {
            return self.reject_long();
        }
        let at = self.place;
        let mut end = self.newline();
        while end.is_none() && self.have() <= self.max_line && self.fill()? {
            end = self.newline();
        }
        let waits = end.is_none() && self.have() <= self.max_line && !self.at_end;
        if self.have() == 0 || waits {
            return Ok(false);
        }
        let n = end.unwrap_or_else(|| self.have());
        if n > self.max_line {
            let end = self.begin + self.max_line.min(EXCERPT);
            self.kept = self.window[self.begin..end].to_vec();
            return self.reject_long();
        }
        let line = self.window[self.begin..self.begin + n].to_vec();
        self.take(if end.is_some() { n + 1 } else { n });
        self.place.line += 1;
        match std::str::from_utf8(&line) {
            Err(_) => self.reject(at, "utf8\0", "the line is no UTF-8 text", &line, n as u64)?,
            Ok(text) => {
                self.rows.column(0).integer(self.place.line as i64);
                self.rows.column(1).text(text.strip_suffix('\r').unwrap_or(text));
                self.rows.end_row();
                self.place.rows += 1;
            }
        }
        Ok(true)
    }
}

impl orasi::Ingest for Lines {
    fn sniff(head: &[u8], name: &str) -> u32 {
        if name.ends_with(".txt") && !head.contains(&0) {
            40
        } else {
            0
        }
    }

    fn open(&mut self, open: Open) -> Result<Schema> {
        self.begin(open)?;
        self.skip(self.place.offset)?;
        Ok(schema())
    }

    fn next(&mut self) -> Result<Option<(Batch, Mark)>> {
        while self.rows.rows() < self.max_rows && self.rows.bytes() < self.max_bytes && self.take_line()? {}
        if self.rows.rows() == 0 {
            return Ok(None);
        }
        let mark = Mark {
            rows_total: self.place.rows,
            bytes_total: self.place.offset,
            state: Some(self.place.to_bytes()),
        };
        Ok(Some((self.rows.finish(), mark)))
    }

    fn schema(&mut self) -> Result<Schema> {
        Ok(schema())
    }

    fn close(&mut self) {
        self.source = None;
    }
}

impl orasi::FedIngest for Lines {
    fn open_fed(&mut self, open: Open) -> Result<(Schema, u64)> {
        self.begin(open)?;
        self.fed = true;
        Ok((schema(), self.place.offset))
    }

    fn feed(&mut self, bytes: &[u8], last: bool) -> Result<()> {
        self.window.drain(..self.begin);
        self.begin = 0;
        self.window.extend_from_slice(bytes);
        self.at_end = last;
        Ok(())
    }
}

orasi::bundle! {
    id: "com.example.lines-rust", version: "1.0.0", vendor: "Example", license: "Apache-2.0",
    fed_ingest: Lines
}
