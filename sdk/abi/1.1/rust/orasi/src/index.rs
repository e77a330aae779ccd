// SPDX-License-Identifier: Apache-2.0
//! The kind index: see orasi/index.h for the contract. A segment is built once and read ever after; without a merge of
//! its own the host builds anew.

use crate::view::{SchemaRef, Values};
use crate::{barrier, create_named, drop_boxed, error_of, no_error, no_extension, sys, text};
use crate::{Config, Description, Error, Face, Host, Result};
use std::os::raw::{c_char, c_void};

// ---- what an index is made of -----------------------------------------------------------------------------------

/// `ops` is a bitmap of 1 << sys::OP_*, `flags` of sys::INDEX_*.
pub struct Caps {
    pub ops: u32,
    pub flags: u32,
    pub max_columns: u32,
}

#[derive(Default)]
pub struct SegmentInfo {
    pub format_version: u32,
    pub rows: u64,
    pub entries: u64,
    /// 0: not known.
    pub distinct: u64,
    pub bytes: u64,
}

pub trait Index: Sized + Send {
    const DESCRIPTION: Description;
    type Build: Build;
    type Reader: Reader;
    fn caps() -> Caps;
    /// `keys` has the key columns; E_CONFIG for those that it cannot index.
    fn create(host: Host, config: &Config, keys: SchemaRef) -> Result<Self>;
    fn begin(&mut self, dst: Store) -> Result<Self::Build>;
    fn open(&mut self, src: Store) -> Result<(Self::Reader, SegmentInfo)>;
}

/// One segment that comes into being; dropped without `finish` it leaves nothing.
pub trait Build: Send {
    /// `keys` are the key columns; their first row has the id `first_row`.
    fn add(&mut self, keys: &[Values], first_row: u64) -> Result<()>;
    fn finish(self) -> Result<SegmentInfo>;
}

/// Its methods may be called from several threads at once.
pub trait Reader: Send + Sync {
    type Cursor: Cursor;
    fn query(&self, query: &Query) -> Result<Self::Cursor>;
    fn estimate(&self, query: &Query) -> Result<u64>;
    fn verify(&self, level: u32) -> Result<()>;
}

/// Where hits go: at most `rows.len()` of them.
pub struct Hits<'a> {
    pub rows: &'a mut [u64],
    /// None when scores are not wanted.
    pub scores: Option<&'a mut [f32]>,
}

pub trait Cursor: Send {
    /// How many there are; 0 is the end.
    fn next(&mut self, hits: &mut Hits) -> Result<usize>;
}

// ---- what the host gives ----------------------------------------------------------------------------------------

/// The blobs of one segment: written once, then read.
#[derive(Clone, Copy)]
pub struct Store {
    c: *mut sys::orasi_store,
}
// One call at a time, as for the instance that has it.
unsafe impl Send for Store {}
unsafe impl Sync for Store {}

fn lacks(what: &str) -> Error {
    Error::new(sys::E_INVALID, format!("a store without {}", what))
}

fn checked(status: sys::orasi_status, err: &sys::orasi_error) -> Result<()> {
    match status {
        sys::OK => Ok(()),
        status => Err(error_of(status, err)),
    }
}

impl Store {
    /// Writes a whole blob; its name is NUL-terminated: "pairs\0".
    pub fn write(&mut self, name: &'static str, parts: &[&[u8]]) -> Result<()> {
        let (mut err, mut handle) = (no_error(), 0);
        assert!(name.ends_with('\0'), "the name of a blob ends with a NUL");
        unsafe {
            let create = (*self.c).create.ok_or_else(|| lacks("create"))?;
            checked(create(self.c, name.as_ptr() as *const c_char, &mut handle, &mut err), &err)?;
            let append = (*self.c).append.ok_or_else(|| lacks("append"))?;
            for part in parts.iter().filter(|part| !part.is_empty()) {
                checked(append(self.c, handle, part.as_ptr() as *const c_void, part.len(), &mut err), &err)?;
            }
            let close = (*self.c).close.ok_or_else(|| lacks("close"))?;
            checked(close(self.c, handle, &mut err), &err)
        }
    }
    /// Opens a blob and maps all of it.
    pub fn map(&mut self, name: &'static str) -> Result<Blob> {
        let (mut err, mut handle, mut size, mut bytes) = (no_error(), 0, 0, std::ptr::null());
        assert!(name.ends_with('\0'), "the name of a blob ends with a NUL");
        unsafe {
            let open = (*self.c).open.ok_or_else(|| lacks("open"))?;
            checked(open(self.c, name.as_ptr() as *const c_char, &mut handle, &mut size, &mut err), &err)?;
            let mut blob = Blob { store: *self, handle, bytes, len: 0 };
            let map = (*self.c).map.ok_or_else(|| lacks("map"))?;
            checked(map(self.c, handle, &mut bytes, &mut err), &err)?;
            blob.bytes = bytes;
            blob.len = size as usize;
            Ok(blob)
        }
    }
}

/// A blob that is read, closed when it is dropped. Its bytes are 8-byte aligned.
pub struct Blob {
    store: Store,
    handle: u64,
    bytes: *const u8,
    len: usize,
}
unsafe impl Send for Blob {}
unsafe impl Sync for Blob {}

impl Blob {
    pub fn bytes(&self) -> &[u8] {
        if self.len == 0 {
            &[]
        } else {
            unsafe { std::slice::from_raw_parts(self.bytes, self.len) }
        }
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        let mut err = no_error();
        unsafe {
            if let Some(close) = (*self.store.c).close {
                close(self.store.c, self.handle, &mut err);
            }
        }
    }
}

/// Rows that must never be returned.
#[derive(Clone, Copy)]
struct Rowset(*const sys::orasi_rowset);

/// All terms must hold. Lives during the call.
pub struct Query<'a> {
    c: &'a sys::orasi_query,
}

/// column OP values: one value, several for IN, none for IS NULL.
pub struct Term<'a> {
    pub op: u32,
    pub column: &'a str,
    pub values: Option<Values<'a>>,
}

impl<'a> Query<'a> {
    pub fn terms(&self) -> usize {
        self.c.n_terms as usize
    }
    pub fn term(&self, i: usize) -> Term<'a> {
        assert!(i < self.terms(), "a query has no term {}", i);
        unsafe {
            let t = &**self.c.terms.add(i);
            let has = !t.values.is_null() && !t.r#type.is_null();
            let values = if has { Some(Values::new(SchemaRef::new(t.r#type), t.values)) } else { None };
            Term { op: t.op, column: text(t.column), values }
        }
    }
    /// sys::QUERY_*
    pub fn flags(&self) -> u32 {
        self.c.flags
    }
    /// 0: none.
    pub fn limit(&self) -> u64 {
        self.c.limit
    }
    pub fn is_deleted(&self, row: u64) -> bool {
        let set = Rowset(self.c.deleted);
        match unsafe { set.0.as_ref() }.and_then(|s| s.contains) {
            Some(contains) => unsafe { contains(set.0, row) != 0 },
            None => false,
        }
    }
}

// ---- the border -------------------------------------------------------------------------------------------------

/// An instance and the keys of what it builds.
struct Made<P> {
    plugin: P,
    keys: crate::OwnedSchema,
}

/// A segment under way; it knows its own keys, since `build_add` gets arrays only.
struct Building<B> {
    build: B,
    keys: crate::OwnedSchema,
}

fn fill(ret: &mut sys::orasi_segment_info, info: SegmentInfo) {
    ret.format_version = info.format_version;
    ret.rows = info.rows;
    ret.entries = info.entries;
    ret.distinct = info.distinct;
    ret.bytes = info.bytes;
}

unsafe extern "C" fn caps<P: Index>(_: *const c_char, ret: *mut sys::orasi_index_caps) -> sys::orasi_status {
    barrier(std::ptr::null_mut(), || {
        let caps = P::caps();
        (*ret).ops = caps.ops;
        (*ret).flags = caps.flags;
        (*ret).max_columns = caps.max_columns;
        Ok(sys::OK)
    })
}

unsafe extern "C" fn create<P: Index>(
    host: *const sys::orasi_host,
    id: *const c_char,
    config: *const sys::orasi_config,
    keys: *const sys::ArrowSchema,
    ret: *mut *mut c_void,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    create_named(&P::DESCRIPTION, id, ret, err, || {
        let keys = SchemaRef::new(keys);
        let plugin = P::create(Host::new(host), &Config { config: config.as_ref() }, keys)?;
        Ok(Made { plugin, keys: keys.copy() })
    })
}

unsafe fn made<'a, P>(p: *mut c_void) -> &'a mut Made<P> {
    &mut *(p as *mut Made<P>)
}

unsafe extern "C" fn begin<P: Index>(
    p: *mut c_void,
    dst: *mut sys::orasi_store,
    ret: *mut *mut c_void,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        let m = made::<P>(p);
        let build = m.plugin.begin(Store { c: dst })?;
        *ret = Box::into_raw(Box::new(Building { build, keys: m.keys.copy() })) as *mut c_void;
        Ok(sys::OK)
    })
}

unsafe extern "C" fn add<P: Index>(
    b: *mut c_void,
    keys: *const sys::ArrowArray,
    first_row: u64,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        let b = &mut *(b as *mut Building<P::Build>);
        let (schema, array) = (b.keys.get(), &*keys);
        let columns: Vec<Values> =
            (0..schema.columns()).map(|i| Values::new(schema.column(i), *array.children.add(i))).collect();
        b.build.add(&columns, first_row)?;
        Ok(sys::OK)
    })
}

unsafe extern "C" fn finish<P: Index>(
    b: *mut c_void,
    ret: *mut sys::orasi_segment_info,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    let building = Box::from_raw(b as *mut Building<P::Build>); // freed on every way out
    barrier(err, || {
        fill(&mut *ret, building.build.finish()?);
        Ok(sys::OK)
    })
}

unsafe extern "C" fn open<P: Index>(
    p: *mut c_void,
    src: *mut sys::orasi_store,
    ret: *mut *mut c_void,
    info: *mut sys::orasi_segment_info,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        let (reader, about) = made::<P>(p).plugin.open(Store { c: src })?;
        fill(&mut *info, about);
        *ret = Box::into_raw(Box::new(reader)) as *mut c_void;
        Ok(sys::OK)
    })
}

unsafe extern "C" fn query<P: Index>(
    r: *mut c_void,
    q: *const sys::orasi_query,
    ret: *mut *mut c_void,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        let cursor = (*(r as *const P::Reader)).query(&Query { c: &*q })?;
        *ret = Box::into_raw(Box::new(cursor)) as *mut c_void;
        Ok(sys::OK)
    })
}

unsafe extern "C" fn next<P: Index>(
    c: *mut c_void,
    hits: *mut sys::orasi_hits,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        let (h, cap) = (&mut *hits, (*hits).cap as usize);
        let scores = if h.scores.is_null() { None } else { Some(std::slice::from_raw_parts_mut(h.scores, cap)) };
        let mut room = Hits { rows: std::slice::from_raw_parts_mut(h.row_ids, cap), scores };
        let cursor = &mut *(c as *mut <P::Reader as Reader>::Cursor);
        h.n = cursor.next(&mut room)?.min(cap) as u32;
        Ok(if h.n == 0 { sys::END } else { sys::OK })
    })
}

unsafe extern "C" fn estimate<P: Index>(
    r: *mut c_void,
    q: *const sys::orasi_query,
    ret: *mut u64,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        *ret = (*(r as *const P::Reader)).estimate(&Query { c: &*q })?;
        Ok(sys::OK)
    })
}

unsafe extern "C" fn verify<P: Index>(r: *mut c_void, level: u32, err: *mut sys::orasi_error) -> sys::orasi_status {
    barrier(err, || {
        (*(r as *const P::Reader)).verify(level)?;
        Ok(sys::OK)
    })
}

pub struct IndexFace<P>(std::marker::PhantomData<P>);

impl<P: Index> IndexFace<P> {
    const TABLE: &'static sys::orasi_index_factory = &sys::orasi_index_factory {
        struct_size: std::mem::size_of::<sys::orasi_index_factory>() as u32,
        reserved: 0,
        caps: Some(caps::<P>),
        create: Some(create::<P>),
        destroy: Some(drop_boxed::<Made<P>>),
        build_begin: Some(begin::<P>),
        build_add: Some(add::<P>),
        build_finish: Some(finish::<P>),
        build_abort: Some(drop_boxed::<Building<P::Build>>),
        merge: None,
        open: Some(open::<P>),
        close: Some(drop_boxed::<P::Reader>),
        query: Some(query::<P>),
        next: Some(next::<P>),
        cursor_close: Some(drop_boxed::<<P::Reader as Reader>::Cursor>),
        estimate: Some(estimate::<P>),
        verify: Some(verify::<P>),
        get_extension: Some(no_extension),
    };
}
impl<P: Index> Face for IndexFace<P> {
    const KIND: u32 = sys::KIND_INDEX;
    const FACTORY: &'static str = sys::INDEX_FACTORY;
    const DESCRIPTION: &'static Description = &P::DESCRIPTION;
    fn factory() -> *const c_void {
        Self::TABLE as *const _ as *const c_void
    }
}
