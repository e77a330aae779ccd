// SPDX-License-Identifier: Apache-2.0
//! Plugins for Orasi in Rust, without dependencies: a trait per kind, a panic barrier at every call across the border,
//! record batches built in Rust.
//!
//! ```ignore
//! struct Lines { … }
//! impl orasi::Plugin for Lines { const DESCRIPTION: orasi::Description = …; fn create(…) … }
//! impl orasi::Ingest for Lines { … }
//! orasi::bundle! { id: "com.example.lines", version: "1.0.0", vendor: "Example", license: "Apache-2.0", ingest: Lines }
//! ```
//!
//! A panic becomes ORASI_E_INTERNAL with its message. What no Rust program survives, running out of memory, ends the
//! process with abort: one attempt is lost, the task is tried again.
//!
//! Threads: the methods of one instance are called one at a time, perhaps on different threads, hence `Send`.

pub mod arrow;
mod index;
pub mod sys;
mod transform;
pub mod view;

use std::ffi::CStr;
use std::os::raw::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};

pub use arrow::{Batch, Builder, Column, Field, Schema, Type};
pub use index::{Blob, Build, Caps, Cursor, Hits, Index, IndexFace, Query, Reader, SegmentInfo, Store, Term};
pub use transform::{Sink, Transform, TransformFace};
pub use view::{Array, OwnedSchema, SchemaRef, Values};

// ---- errors -----------------------------------------------------------------------------------------------------

/// A status of `sys` and one sentence that names the thing, the place and the remedy.
#[derive(Debug, Clone)]
pub struct Error {
    pub status: sys::orasi_status,
    pub message: String,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(status: sys::orasi_status, message: impl Into<String>) -> Error {
        Error { status, message: message.into() }
    }
}

fn put(to: &mut [u8], text: &str) {
    let mut n = text.len().min(to.len() - 1);
    while !text.is_char_boundary(n) {
        n -= 1;
    }
    to[..n].copy_from_slice(&text.as_bytes()[..n]);
    to[n] = 0;
}

unsafe fn tell(err: *mut sys::orasi_error, status: sys::orasi_status, message: &str) -> sys::orasi_status {
    if let Some(err) = err.as_mut() {
        put(&mut err.message, if message.is_empty() { "it failed without a reason" } else { message });
    }
    status
}

/// Runs `f`; an error or a panic becomes a status and a sentence.
///
/// # Safety
/// `err` is NULL or points to an error that may be written.
pub unsafe fn barrier(err: *mut sys::orasi_error, f: impl FnOnce() -> Result<sys::orasi_status>) -> sys::orasi_status {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(status)) => status,
        Ok(Err(e)) => tell(err, e.status, &e.message),
        Err(panic) => {
            let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
                (Some(s), _) => s.to_string(),
                (_, Some(s)) => s.clone(),
                _ => String::from("of an unknown kind"),
            };
            // Dropping what was thrown may panic once more.
            std::mem::forget(panic);
            tell(err, sys::E_INTERNAL, &format!("panic: {}", text))
        }
    }
}

unsafe fn text<'a>(s: sys::orasi_str) -> &'a str {
    std::str::from_utf8(bytes(sys::orasi_bytes { ptr: s.ptr as *const u8, len: s.len })).unwrap_or("")
}

unsafe fn bytes<'a>(b: sys::orasi_bytes) -> &'a [u8] {
    if b.len == 0 {
        &[]
    } else {
        std::slice::from_raw_parts(b.ptr, b.len)
    }
}

fn str_of(s: &str) -> sys::orasi_str {
    sys::orasi_str { ptr: s.as_ptr() as *const c_char, len: s.len() }
}

fn no_error() -> sys::orasi_error {
    sys::orasi_error {
        struct_size: std::mem::size_of::<sys::orasi_error>() as u32,
        vendor_code: 0,
        retry_after_ms: 0,
        flags: 0,
        row: -1,
        offset: -1,
        r#where: [0; 128],
        message: [0; 512],
    }
}

fn error_of(status: sys::orasi_status, err: &sys::orasi_error) -> Error {
    let end = err.message.iter().position(|&b| b == 0).unwrap_or(0);
    Error::new(status, String::from_utf8_lossy(&err.message[..end]).into_owned())
}

// ---- what the host offers ---------------------------------------------------------------------------------------

/// The host of one instance; valid as long as the instance.
#[derive(Clone, Copy)]
pub struct Host {
    host: *const sys::orasi_host,
    log: *const sys::orasi_host_log,
    job: *const sys::orasi_host_job,
    reject: *const sys::orasi_host_reject,
    kv: *const sys::orasi_host_kv,
}
// Thread-safe are `log` and `is_cancelled`; the others are called one at a time, inside of a call of the host.
unsafe impl Send for Host {}
unsafe impl Sync for Host {}

/// A record that cannot become a row.
pub struct Rejected<'a> {
    /// NUL-terminated, e.g. "utf8\0".
    pub code: &'static str,
    pub message: &'a str,
    pub column: &'a str,
    pub byte_offset: i64,
    pub line: i64,
    pub row: i64,
    pub raw: &'a [u8],
    pub raw_len: u64,
}

impl Host {
    unsafe fn new(host: *const sys::orasi_host) -> Host {
        let find = |id: &'static str| match (*host).get_extension {
            Some(get) => get(host, id.as_ptr() as *const c_char),
            None => std::ptr::null(),
        };
        Host {
            host,
            log: find(sys::HOST_LOG) as *const _,
            job: find(sys::HOST_JOB) as *const _,
            reject: find(sys::HOST_REJECT) as *const _,
            kv: find(sys::HOST_KV) as *const _,
        }
    }

    /// Level 0 debug, 1 info, 2 warn, 3 error.
    pub fn log(&self, level: i32, line: &str) {
        unsafe {
            if let Some(log) = self.log.as_ref() {
                if level >= log.min_level {
                    if let Some(f) = log.log {
                        f(self.host, level, str_of(line), std::ptr::null(), 0)
                    }
                }
            }
        }
    }

    pub fn is_cancelled(&self) -> bool {
        unsafe { self.job.as_ref().map_or(false, |job| std::ptr::read_volatile(job.cancel_flag) != 0) }
    }

    /// Call it at least every 100 ms of work.
    pub fn check_cancelled(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(sys::E_CANCELLED, "the task was cancelled"));
        }
        Ok(())
    }

    pub fn progress(&self, done: u64, total: u64) {
        unsafe {
            if let Some(f) = self.job.as_ref().and_then(|job| job.progress) {
                f(self.host, done, total, str_of(""))
            }
        }
    }

    /// Tasks: durable when it comes back.
    pub fn checkpoint(&self, state: &[u8]) -> Result<()> {
        let mut err = no_error();
        let state = sys::orasi_bytes { ptr: state.as_ptr(), len: state.len() };
        match unsafe { self.job.as_ref().and_then(|job| job.checkpoint) } {
            None => Ok(()),
            Some(f) => match unsafe { f(self.host, state, &mut err) } {
                sys::OK => Ok(()),
                status => Err(error_of(status, &err)),
            },
        }
    }

    /// What an earlier task of this plugin has left under the key.
    pub fn recall(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let mut value = sys::orasi_bytes { ptr: std::ptr::null(), len: 0 };
        match unsafe { self.kv.as_ref().and_then(|kv| kv.get) } {
            None => Ok(None),
            Some(get) => match unsafe { get(self.host, str_of(key), &mut value) } {
                sys::OK => Ok(Some(unsafe { bytes(value) }.to_vec())),
                sys::E_NOTFOUND => Ok(None),
                status => Err(Error::new(status, "the state of the plugin cannot be read")),
            },
        }
    }

    /// For later ones: true when this task succeeds.
    pub fn remember(&self, key: &str, value: &[u8]) -> Result<()> {
        let mut err = no_error();
        let value = sys::orasi_bytes { ptr: value.as_ptr(), len: value.len() };
        match unsafe { self.kv.as_ref().and_then(|kv| kv.put) } {
            None => Err(Error::new(sys::E_UNSUPPORTED, "this host keeps no state of plugins")),
            Some(put) => match unsafe { put(self.host, str_of(key), value, &mut err) } {
                sys::OK => Ok(()),
                status => Err(error_of(status, &err)),
            },
        }
    }

    pub fn forget(&self, key: &str) -> Result<()> {
        let mut err = no_error();
        match unsafe { self.kv.as_ref().and_then(|kv| kv.remove) } {
            None => Ok(()),
            Some(remove) => match unsafe { remove(self.host, str_of(key), &mut err) } {
                sys::OK => Ok(()),
                status => Err(error_of(status, &err)),
            },
        }
    }

    pub fn reject(&self, r: &Rejected) -> Result<()> {
        let c = sys::orasi_rejected {
            struct_size: std::mem::size_of::<sys::orasi_rejected>() as u32,
            flags: 0,
            code: r.code.as_ptr() as *const c_char,
            message: str_of(r.message),
            column: str_of(r.column),
            byte_offset: r.byte_offset,
            line: r.line,
            row: r.row,
            raw: sys::orasi_bytes { ptr: r.raw.as_ptr(), len: r.raw.len() },
            raw_len: r.raw_len,
        };
        assert!(r.code.ends_with('\0'), "the code of a rejected record ends with a NUL");
        let status = match unsafe { self.reject.as_ref().and_then(|x| x.reject) } {
            Some(f) => unsafe { f(self.host, &c) },
            None => sys::E_CORRUPT,
        };
        match status {
            sys::OK => Ok(()),
            status => Err(Error::new(status, format!("line {}: {}", r.line, r.message))),
        }
    }
}

/// The options of an instance, with defaults applied; keys are NUL-terminated JSON pointers, e.g. "/max_line\0".
pub struct Config<'a> {
    config: Option<&'a sys::orasi_config>,
}

impl<'a> Config<'a> {
    pub fn integer(&self, pointer: &'static str, otherwise: i64) -> i64 {
        let mut v = otherwise;
        if let Some(c) = self.config {
            if let Some(get) = c.get_i64 {
                unsafe { get(c, c_str(pointer), &mut v) };
            }
        }
        v
    }
    pub fn number(&self, pointer: &'static str, otherwise: f64) -> f64 {
        let mut v = otherwise;
        if let Some(c) = self.config {
            if let Some(get) = c.get_f64 {
                unsafe { get(c, c_str(pointer), &mut v) };
            }
        }
        v
    }
    pub fn boolean(&self, pointer: &'static str, otherwise: bool) -> bool {
        let mut v = otherwise as i32;
        if let Some(c) = self.config {
            if let Some(get) = c.get_bool {
                unsafe { get(c, c_str(pointer), &mut v) };
            }
        }
        v != 0
    }
    pub fn text(&self, pointer: &'static str, otherwise: &str) -> String {
        let mut v = str_of(otherwise);
        if let Some(c) = self.config {
            if let Some(get) = c.get_str {
                unsafe { get(c, c_str(pointer), &mut v) };
            }
        }
        unsafe { text(v) }.to_string()
    }
}

fn c_str(pointer: &'static str) -> *const c_char {
    assert!(pointer.ends_with('\0'), "a JSON pointer ends with a NUL");
    pointer.as_ptr() as *const c_char
}

/// A byte source.
pub struct Source {
    source: *mut sys::orasi_source,
}
unsafe impl Send for Source {}

impl Source {
    /// Up to `to.len()` bytes; 0 is the end. Short reads are normal.
    pub fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        let (mut err, mut got) = (no_error(), 0);
        let read = unsafe { (*self.source).read }.ok_or_else(|| Error::new(sys::E_INVALID, "a source without read"))?;
        match unsafe { read(self.source, to.as_mut_ptr() as *mut c_void, to.len(), &mut got, &mut err) } {
            sys::OK => Ok(got),
            status => Err(error_of(status, &err)),
        }
    }
}

// ---- plugins ----------------------------------------------------------------------------------------------------

/// What a plugin says of itself; texts are NUL-terminated ("lines\0").
pub struct Description {
    pub id: &'static str,
    pub name: &'static str,
    pub version: &'static str,
    pub summary: &'static str,
    pub config_schema: &'static str,
    pub features: &'static [&'static str],
    pub requires_ext: &'static [&'static str],
    pub flags: u32,
    pub state_version: u32,
    pub state_version_min: u32,
}

pub trait Plugin: Sized + Send {
    const DESCRIPTION: Description;
    fn create(host: Host, config: &Config) -> Result<Self>;
}

pub struct Open<'a> {
    pub source: Source,
    pub checkpoint: &'a [u8],
    pub project: bool,
    pub range: (u64, u64),
    pub max_rows: usize,
    pub max_bytes: usize,
}

/// Where a reader stands behind a batch. A `state` makes it resumable.
#[derive(Default)]
pub struct Mark {
    pub rows_total: u64,
    pub bytes_total: u64,
    pub state: Option<Vec<u8>>,
}

/// See orasi/ingest.h for the contract.
pub trait Ingest: Plugin {
    fn sniff(_head: &[u8], _name: &str) -> u32 {
        0
    }
    fn open(&mut self, open: Open) -> Result<Schema>;
    /// None at the end.
    fn next(&mut self) -> Result<Option<(Batch, Mark)>>;
    fn schema(&mut self) -> Result<Schema>;
    fn close(&mut self) {}
}

/// A format that can also be fed (since minor 1): bytes are handed to it as they come. Then `next` gives None when no record
/// is whole; that this is not the end, the one who feeds knows. See orasi/ingest.h for the contract.
///
/// Agents of 1.0 never ask for it and read instead, so offering it asks for no newer agent.
pub trait FedIngest: Ingest {
    /// As `open`, without a source to read. The number is the byte of the source that the first feed has to begin with.
    fn open_fed(&mut self, open: Open) -> Result<(Schema, u64)>;
    /// `last`: no bytes follow.
    fn feed(&mut self, bytes: &[u8], last: bool) -> Result<()>;
}

/// See orasi/task.h for the contract. The result is JSON text.
pub trait Task: Plugin {
    /// The JSON Schema of results, NUL-terminated; empty: any object.
    const RESULT_SCHEMA: &'static str = "";
    fn run(&mut self, task_id: &str, attempt: u32, checkpoint: &[u8]) -> Result<String>;
}

pub struct Event<'a> {
    pub severity: u32,
    pub time_unix_ns: i64,
    pub id: &'a str,
    pub kind: &'a str,
    pub json: &'a str,
}

/// See orasi/notifier.h for the contract. An error is this event's status.
pub trait Notifier: Plugin {
    fn deliver(&mut self, event: &Event) -> Result<()>;
}

// ---- the border -------------------------------------------------------------------------------------------------

/// An instance, and what of it the host may still look at.
struct Instance<P> {
    plugin: P,
    state: Vec<u8>,
    result: String,
    /// It is fed, and more may come: a next without a batch is no end.
    waits: bool,
}

/// Writes the instance of the plugin `d` that `f` makes to `ret`.
unsafe fn create_named<T>(
    d: &Description,
    id: *const c_char,
    ret: *mut *mut c_void,
    err: *mut sys::orasi_error,
    f: impl FnOnce() -> Result<T>,
) -> sys::orasi_status {
    barrier(err, || {
        if !is_named(id, d) {
            return Err(Error::new(sys::E_NOTFOUND, "this file has no such plugin"));
        }
        *ret = Box::into_raw(Box::new(f()?)) as *mut c_void;
        Ok(sys::OK)
    })
}

/// Drops what `create_named` made, or what else was boxed.
unsafe extern "C" fn drop_boxed<T>(p: *mut c_void) {
    if !p.is_null() {
        barrier(std::ptr::null_mut(), || {
            drop(Box::from_raw(p as *mut T));
            Ok(sys::OK)
        });
    }
}

fn is_named(id: *const c_char, d: &Description) -> bool {
    !id.is_null() && unsafe { CStr::from_ptr(id) }.to_bytes() == d.id.trim_end_matches('\0').as_bytes()
}

unsafe extern "C" fn create<P: Plugin>(
    host: *const sys::orasi_host,
    id: *const c_char,
    config: *const sys::orasi_config,
    ret: *mut *mut c_void,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    create_named(&P::DESCRIPTION, id, ret, err, || {
        let plugin = P::create(Host::new(host), &Config { config: config.as_ref() })?;
        Ok(Instance { plugin, state: Vec::new(), result: String::new(), waits: false })
    })
}

unsafe extern "C" fn no_extension(_: *mut c_void, _: *const c_char) -> *const c_void {
    std::ptr::null()
}

unsafe fn instance<'a, P>(p: *mut c_void) -> &'a mut Instance<P> {
    &mut *(p as *mut Instance<P>)
}

unsafe extern "C" fn sniff<P: Ingest>(
    _: *const c_char,
    head: sys::orasi_bytes,
    name: sys::orasi_str,
    ret: *mut u32,
) -> sys::orasi_status {
    barrier(std::ptr::null_mut(), || {
        *ret = P::sniff(bytes(head), text(name)).min(100);
        Ok(sys::OK)
    })
}

unsafe extern "C" fn open<P: Ingest>(
    p: *mut c_void,
    open: *const sys::orasi_ingest_open,
    ret: *mut sys::ArrowSchema,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        let i = instance::<P>(p);
        i.waits = false;
        *ret = i.plugin.open(open_of(&*open))?.export();
        Ok(sys::OK)
    })
}

unsafe fn open_of<'a>(o: &sys::orasi_ingest_open) -> Open<'a> {
    Open {
        source: Source { source: o.source },
        checkpoint: bytes(o.checkpoint),
        project: o.flags & sys::OPEN_PROJECT != 0,
        range: (o.range_begin, o.range_end),
        max_rows: o.max_rows.max(1) as usize,
        max_bytes: o.max_bytes as usize,
    }
}

unsafe extern "C" fn open_fed<P: FedIngest>(
    p: *mut c_void,
    open: *const sys::orasi_ingest_open,
    from: *mut u64,
    ret: *mut sys::ArrowSchema,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        let i = instance::<P>(p);
        let (schema, begin) = i.plugin.open_fed(open_of(&*open))?;
        i.waits = true;
        *from = begin;
        *ret = schema.export();
        Ok(sys::OK)
    })
}

unsafe extern "C" fn feed<P: FedIngest>(
    p: *mut c_void,
    piece: sys::orasi_bytes,
    flags: u32,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        let i = instance::<P>(p);
        i.waits = flags & sys::FEED_LAST == 0;
        i.plugin.feed(bytes(piece), !i.waits)?;
        Ok(sys::OK)
    })
}

unsafe extern "C" fn feed_extension<P: FedIngest>(_: *mut c_void, id: *const c_char) -> *const c_void {
    if !id.is_null() && CStr::from_ptr(id).to_bytes() == sys::INGEST_FEED.as_bytes() {
        FedIngestFace::<P>::FEED as *const _ as *const c_void
    } else {
        std::ptr::null()
    }
}

unsafe extern "C" fn next<P: Ingest>(
    p: *mut c_void,
    ret: *mut sys::ArrowArray,
    mark: *mut sys::orasi_mark,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        let i = instance::<P>(p);
        let (batch, m) = match i.plugin.next()? {
            None => return Ok(if i.waits { sys::AGAIN } else { sys::END }),
            Some(both) => both,
        };
        let resumable = m.state.is_some();
        i.state = m.state.unwrap_or_default();
        (*mark).flags = if resumable { sys::MARK_RESUMABLE } else { 0 };
        (*mark).rows_total = m.rows_total;
        (*mark).bytes_total = m.bytes_total;
        (*mark).state = sys::orasi_bytes { ptr: i.state.as_ptr(), len: i.state.len() };
        *ret = batch.export();
        Ok(sys::OK)
    })
}

unsafe extern "C" fn schema<P: Ingest>(
    p: *mut c_void,
    ret: *mut sys::ArrowSchema,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        *ret = instance::<P>(p).plugin.schema()?.export();
        Ok(sys::OK)
    })
}

unsafe extern "C" fn close<P: Ingest>(p: *mut c_void, err: *mut sys::orasi_error) -> sys::orasi_status {
    barrier(err, || {
        instance::<P>(p).plugin.close();
        Ok(sys::OK)
    })
}

unsafe extern "C" fn result_schema<P: Task>(_: *const c_char) -> *const c_char {
    if P::RESULT_SCHEMA.is_empty() {
        std::ptr::null()
    } else {
        P::RESULT_SCHEMA.as_ptr() as *const c_char
    }
}

unsafe extern "C" fn run<P: Task>(
    p: *mut c_void,
    run: *const sys::orasi_task_run,
    ret: *mut sys::orasi_str,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        let (i, r) = (instance::<P>(p), &*run);
        i.result = i.plugin.run(text(r.task_id), r.attempt, bytes(r.checkpoint))?;
        *ret = str_of(&i.result);
        Ok(sys::OK)
    })
}

unsafe extern "C" fn deliver<P: Notifier>(
    p: *mut c_void,
    events: *const *const sys::orasi_event,
    n: u32,
    each: *mut sys::orasi_status,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    let mut last = sys::OK;
    for k in 0..n as usize {
        let status = barrier(err, || {
            let e = &**events.add(k);
            instance::<P>(p).plugin.deliver(&Event {
                severity: e.severity,
                time_unix_ns: e.time_unix_ns,
                id: text(e.id),
                kind: text(e.r#type),
                json: text(e.json),
            })?;
            Ok(sys::OK)
        });
        *each.add(k) = status;
        if status != sys::OK {
            last = status;
        }
    }
    last
}

/// The table of a kind for one type; `KIND` is what the descriptor says.
pub trait Face {
    const KIND: u32;
    const FACTORY: &'static str;
    const DESCRIPTION: &'static Description;
    fn factory() -> *const c_void;
}

pub struct IngestFace<P>(std::marker::PhantomData<P>);
pub struct TaskFace<P>(std::marker::PhantomData<P>);
pub struct NotifierFace<P>(std::marker::PhantomData<P>);

impl<P: Ingest> IngestFace<P> {
    const TABLE: &'static sys::orasi_ingest_factory = &Self::NEW;
    const NEW: sys::orasi_ingest_factory = sys::orasi_ingest_factory {
        struct_size: std::mem::size_of::<sys::orasi_ingest_factory>() as u32,
        reserved: 0,
        sniff: Some(sniff::<P>),
        create: Some(create::<P>),
        destroy: Some(drop_boxed::<Instance<P>>),
        open: Some(open::<P>),
        next: Some(next::<P>),
        schema: Some(schema::<P>),
        close: Some(close::<P>),
        get_extension: Some(no_extension),
    };
}
impl<P: Ingest> Face for IngestFace<P> {
    const KIND: u32 = sys::KIND_INGEST;
    const FACTORY: &'static str = sys::INGEST_FACTORY;
    const DESCRIPTION: &'static Description = &P::DESCRIPTION;
    fn factory() -> *const c_void {
        Self::TABLE as *const _ as *const c_void
    }
}

/// Of a format that can also be fed.
pub struct FedIngestFace<P>(std::marker::PhantomData<P>);

impl<P: FedIngest> FedIngestFace<P> {
    const TABLE: &'static sys::orasi_ingest_factory =
        &sys::orasi_ingest_factory { get_extension: Some(feed_extension::<P>), ..IngestFace::<P>::NEW };
    const FEED: &'static sys::orasi_ingest_feed = &sys::orasi_ingest_feed {
        struct_size: std::mem::size_of::<sys::orasi_ingest_feed>() as u32,
        reserved: 0,
        open: Some(open_fed::<P>),
        feed: Some(feed::<P>),
    };
}
impl<P: FedIngest> Face for FedIngestFace<P> {
    const KIND: u32 = sys::KIND_INGEST;
    const FACTORY: &'static str = sys::INGEST_FACTORY;
    const DESCRIPTION: &'static Description = &P::DESCRIPTION;
    fn factory() -> *const c_void {
        Self::TABLE as *const _ as *const c_void
    }
}

impl<P: Task> TaskFace<P> {
    const TABLE: &'static sys::orasi_task_factory = &sys::orasi_task_factory {
        struct_size: std::mem::size_of::<sys::orasi_task_factory>() as u32,
        reserved: 0,
        result_schema: Some(result_schema::<P>),
        create: Some(create::<P>),
        destroy: Some(drop_boxed::<Instance<P>>),
        run: Some(run::<P>),
        get_extension: Some(no_extension),
    };
}
impl<P: Task> Face for TaskFace<P> {
    const KIND: u32 = sys::KIND_TASK;
    const FACTORY: &'static str = sys::TASK_FACTORY;
    const DESCRIPTION: &'static Description = &P::DESCRIPTION;
    fn factory() -> *const c_void {
        Self::TABLE as *const _ as *const c_void
    }
}

impl<P: Notifier> NotifierFace<P> {
    const TABLE: &'static sys::orasi_notifier_factory = &sys::orasi_notifier_factory {
        struct_size: std::mem::size_of::<sys::orasi_notifier_factory>() as u32,
        reserved: 0,
        create: Some(create::<P>),
        destroy: Some(drop_boxed::<Instance<P>>),
        deliver: Some(deliver::<P>),
        get_extension: Some(no_extension),
    };
}
impl<P: Notifier> Face for NotifierFace<P> {
    const KIND: u32 = sys::KIND_NOTIFIER;
    const FACTORY: &'static str = sys::NOTIFIER_FACTORY;
    const DESCRIPTION: &'static Description = &P::DESCRIPTION;
    fn factory() -> *const c_void {
        Self::TABLE as *const _ as *const c_void
    }
}

/// Makes the C descriptor once and keeps it for ever.
pub fn descriptor<F: Face>() -> *const sys::orasi_descriptor {
    fn list(words: &'static [&'static str]) -> *const *const c_char {
        let mut all: Vec<*const c_char> = words.iter().map(|w| c_str(w)).collect();
        all.push(std::ptr::null());
        Box::leak(all.into_boxed_slice()).as_ptr()
    }
    let d = F::DESCRIPTION;
    Box::leak(Box::new(sys::orasi_descriptor {
        struct_size: std::mem::size_of::<sys::orasi_descriptor>() as u32,
        kind: F::KIND,
        flags: d.flags,
        state_version: d.state_version,
        state_version_min: d.state_version_min,
        reserved: 0,
        id: c_str(d.id),
        name: c_str(d.name),
        version: c_str(d.version),
        summary: c_str(d.summary),
        doc_url: std::ptr::null(),
        config_schema: c_str(d.config_schema),
        features: list(d.features),
        requires_ext: list(d.requires_ext),
    }))
}

/// The note and the entry of a bundle with one plugin of kind `ingest`, `index`, `transform`, `task` or `notifier`;
/// `fed_ingest` is an `ingest` that can also be fed.
#[macro_export]
macro_rules! bundle {
    (@face ingest $plugin:ty) => { $crate::IngestFace<$plugin> };
    (@face fed_ingest $plugin:ty) => { $crate::FedIngestFace<$plugin> };
    (@face index $plugin:ty) => { $crate::IndexFace<$plugin> };
    (@face transform $plugin:ty) => { $crate::TransformFace<$plugin> };
    (@face task $plugin:ty) => { $crate::TaskFace<$plugin> };
    (@face notifier $plugin:ty) => { $crate::NotifierFace<$plugin> };
    (id: $id:literal, version: $version:literal, vendor: $vendor:literal, license: $license:literal,
     $kind:ident: $plugin:ty $(,)?) => {
        #[link_section = ".note.orasi"]
        #[used]
        static ORASI_NOTE: $crate::sys::orasi_note = $crate::sys::orasi_note::new($id, $version);

        mod orasi_border {
            use super::*;
            use std::os::raw::{c_char, c_void};
            use std::sync::atomic::{AtomicPtr, Ordering};
            use $crate::{sys, Face};
            type TheFace = $crate::bundle!(@face $kind $plugin);

            static DESCRIPTOR: AtomicPtr<sys::orasi_descriptor> = AtomicPtr::new(std::ptr::null_mut());

            unsafe extern "C" fn init(_: *const sys::orasi_host, err: *mut sys::orasi_error) -> sys::orasi_status {
                $crate::barrier(err, || {
                    if DESCRIPTOR.load(Ordering::Acquire).is_null() {
                        let made = $crate::descriptor::<TheFace>();
                        DESCRIPTOR.store(made as *mut _, Ordering::Release);
                    }
                    Ok(sys::OK)
                })
            }
            unsafe extern "C" fn count() -> u32 {
                1
            }
            unsafe extern "C" fn describe(index: u32) -> *const sys::orasi_descriptor {
                if index == 0 {
                    DESCRIPTOR.load(Ordering::Acquire)
                } else {
                    std::ptr::null()
                }
            }
            unsafe extern "C" fn get_factory(id: *const c_char) -> *const c_void {
                if !id.is_null() && std::ffi::CStr::from_ptr(id).to_bytes() == TheFace::FACTORY.as_bytes() {
                    TheFace::factory()
                } else {
                    std::ptr::null()
                }
            }
            static ENTRY: sys::orasi_entry = sys::orasi_entry {
                struct_size: std::mem::size_of::<sys::orasi_entry>() as u32,
                abi_major: sys::ABI_MAJOR,
                abi_target_minor: sys::TARGET_MINOR,
                bundle_id: concat!($id, "\0").as_ptr() as *const c_char,
                bundle_version: concat!($version, "\0").as_ptr() as *const c_char,
                vendor: concat!($vendor, "\0").as_ptr() as *const c_char,
                license: concat!($license, "\0").as_ptr() as *const c_char,
                init: Some(init),
                deinit: None,
                count: Some(count),
                describe: Some(describe),
                get_factory: Some(get_factory),
                get_extension: None,
            };

            #[no_mangle]
            pub extern "C" fn orasi_plugin_entry_v1() -> *const sys::orasi_entry {
                &ENTRY
            }
        }
    };
}
