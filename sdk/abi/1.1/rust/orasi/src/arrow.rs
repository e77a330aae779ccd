// SPDX-License-Identifier: Apache-2.0
//! Record batches of simple columns, built in Rust and handed over by the Arrow C Data Interface
//! (https://arrow.apache.org/docs/format/CDataInterface.html). An exported array owns its buffers: it may be released on
//! another thread and after the plugin is gone.

use crate::sys::{ArrowArray, ArrowSchema};
use std::ffi::CString;
use std::os::raw::c_void;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    Bool,
    Int64,
    Float64,
    Utf8,
    Binary,
    /// Microseconds since 1970, UTC.
    TimestampMicros,
}

impl Type {
    fn format(self) -> &'static str {
        match self {
            Type::Bool => "b",
            Type::Int64 => "l",
            Type::Float64 => "g",
            Type::Utf8 => "u",
            Type::Binary => "z",
            Type::TimestampMicros => "tsu:UTC",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub kind: Type,
    pub nullable: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Schema {
    pub fields: Vec<Field>,
}

impl Schema {
    pub fn new(fields: &[(&str, Type, bool)]) -> Schema {
        let field = |&(name, kind, nullable): &(&str, Type, bool)| Field { name: name.to_string(), kind, nullable };
        Schema { fields: fields.iter().map(field).collect() }
    }

    /// Gives it to the other side, which releases it.
    pub fn export(&self) -> ArrowSchema {
        let children = self.fields.iter().map(|f| export_field(f.kind.format(), &f.name, f.nullable, Vec::new()));
        export_field("+s", "", false, children.collect())
    }
}

struct OwnedSchema {
    _format: CString,
    _name: CString,
    children: Vec<*mut ArrowSchema>,
}

fn export_field(format: &str, name: &str, nullable: bool, children: Vec<ArrowSchema>) -> ArrowSchema {
    // A NUL cannot stand in a name: what is behind it is cut.
    let c = |s: &str| CString::new(s.split('\0').next().unwrap_or("")).unwrap_or_default();
    let mut owned = Box::new(OwnedSchema {
        _format: c(format),
        _name: c(name),
        children: children.into_iter().map(|s| Box::into_raw(Box::new(s))).collect(),
    });
    ArrowSchema {
        format: owned._format.as_ptr(),
        name: owned._name.as_ptr(),
        metadata: std::ptr::null(),
        flags: if nullable { 2 } else { 0 },
        n_children: owned.children.len() as i64,
        children: if owned.children.is_empty() { std::ptr::null_mut() } else { owned.children.as_mut_ptr() },
        dictionary: std::ptr::null_mut(),
        release: Some(release_schema),
        private_data: Box::into_raw(owned) as *mut c_void,
    }
}

unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    let owned = Box::from_raw((*schema).private_data as *mut OwnedSchema);
    for &child in &owned.children {
        if let Some(release) = (*child).release {
            release(child);
        }
        drop(Box::from_raw(child));
    }
    (*schema).release = None;
}

/// One column that is being built.
#[derive(Default)]
pub struct Column {
    validity: Vec<u8>,
    nulls: i64,
    len: usize,
    offsets: Vec<i32>,
    data: Vec<u8>,
    variable: bool,
    bits: bool,
    width: usize,
}

impl Column {
    pub fn new(kind: Type) -> Column {
        let variable = kind == Type::Utf8 || kind == Type::Binary;
        Column {
            variable,
            bits: kind == Type::Bool,
            width: if variable || kind == Type::Bool { 0 } else { 8 },
            offsets: if variable { vec![0] } else { Vec::new() },
            ..Column::default()
        }
    }

    fn push_bit(bits: &mut Vec<u8>, i: usize, v: bool) {
        if i % 8 == 0 {
            bits.push(0);
        }
        if v {
            bits[i / 8] |= 1 << (i % 8);
        }
    }

    fn valid(&mut self, v: bool) {
        Column::push_bit(&mut self.validity, self.len, v);
        self.nulls += !v as i64;
        self.len += 1;
    }

    pub fn null(&mut self) {
        if self.variable {
            self.offsets.push(self.data.len() as i32);
        } else if self.bits {
            Column::push_bit(&mut self.data, self.len, false);
        } else {
            self.data.resize(self.data.len() + self.width, 0);
        }
        self.valid(false);
    }
    pub fn integer(&mut self, v: i64) {
        self.data.extend_from_slice(&v.to_ne_bytes());
        self.valid(true);
    }
    pub fn number(&mut self, v: f64) {
        self.data.extend_from_slice(&v.to_ne_bytes());
        self.valid(true);
    }
    pub fn boolean(&mut self, v: bool) {
        Column::push_bit(&mut self.data, self.len, v);
        self.valid(true);
    }
    /// Panics beyond 2 GiB of one batch: end batches before.
    pub fn bytes(&mut self, v: &[u8]) {
        self.data.extend_from_slice(v);
        self.offsets.push(i32::try_from(self.data.len()).expect("a batch holds at most 2 GiB of text"));
        self.valid(true);
    }
    pub fn text(&mut self, v: &str) {
        self.bytes(v.as_bytes())
    }

    pub(crate) fn export(self) -> ArrowArray {
        let validity = if self.nulls > 0 { Some(Buffer::of(&self.validity)) } else { None };
        let data = Buffer::of(&self.data);
        let mut buffers = vec![validity];
        if self.variable {
            let offsets: Vec<u8> = self.offsets.iter().flat_map(|o| o.to_ne_bytes()).collect();
            buffers.push(Some(Buffer::of(&offsets)));
        }
        buffers.push(Some(data));
        export_array(self.len as i64, self.nulls, buffers, Vec::new())
    }
}

/// Bytes on a boundary of 64, as the format recommends.
struct Buffer {
    words: Vec<[u64; 8]>,
    skip: usize,
}

impl Buffer {
    fn of(bytes: &[u8]) -> Buffer {
        let mut words = vec![[0u64; 8]; (bytes.len() + 63) / 64 + 1];
        let start = words.as_mut_ptr() as *mut u8;
        let skip = start.align_offset(64).min(63);
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start.add(skip), bytes.len()) };
        Buffer { words, skip }
    }
    fn ptr(&self) -> *const c_void {
        unsafe { (self.words.as_ptr() as *const u8).add(self.skip) as *const c_void }
    }
}

struct OwnedArray {
    _buffers: Vec<Option<Buffer>>,
    pointers: Vec<*const c_void>,
    children: Vec<*mut ArrowArray>,
}

fn export_array(len: i64, nulls: i64, buffers: Vec<Option<Buffer>>, children: Vec<ArrowArray>) -> ArrowArray {
    let pointers = buffers.iter().map(|b| b.as_ref().map_or(std::ptr::null(), Buffer::ptr)).collect();
    let mut owned = Box::new(OwnedArray {
        _buffers: buffers,
        pointers,
        children: children.into_iter().map(|a| Box::into_raw(Box::new(a))).collect(),
    });
    ArrowArray {
        length: len,
        null_count: nulls,
        offset: 0,
        n_buffers: owned.pointers.len() as i64,
        n_children: owned.children.len() as i64,
        buffers: owned.pointers.as_mut_ptr(),
        children: if owned.children.is_empty() { std::ptr::null_mut() } else { owned.children.as_mut_ptr() },
        dictionary: std::ptr::null_mut(),
        release: Some(release_array),
        private_data: Box::into_raw(owned) as *mut c_void,
    }
}

pub(crate) fn export_struct(rows: usize, columns: Vec<ArrowArray>) -> ArrowArray {
    export_array(rows as i64, 0, vec![None], columns)
}

unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    let owned = Box::from_raw((*array).private_data as *mut OwnedArray);
    for &child in &owned.children {
        if let Some(release) = (*child).release {
            release(child);
        }
        drop(Box::from_raw(child));
    }
    (*array).release = None;
}

/// Rows that are whole.
pub struct Batch {
    columns: Vec<Column>,
    rows: usize,
}

impl Batch {
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// Gives it to the other side, which releases it.
    pub fn export(self) -> ArrowArray {
        export_struct(self.rows, self.columns.into_iter().map(Column::export).collect())
    }
}

/// Builds batches: a value into every column, then `end_row`.
pub struct Builder {
    schema: Schema,
    columns: Vec<Column>,
    rows: usize,
}

impl Builder {
    pub fn new(schema: &Schema) -> Builder {
        let columns = schema.fields.iter().map(|f| Column::new(f.kind)).collect();
        Builder { schema: schema.clone(), columns, rows: 0 }
    }
    pub fn column(&mut self, i: usize) -> &mut Column {
        &mut self.columns[i]
    }
    pub fn end_row(&mut self) {
        self.rows += 1;
        debug_assert!(self.columns.iter().all(|c| c.len == self.rows), "every column gets one value per row");
    }
    pub fn rows(&self) -> usize {
        self.rows
    }
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(|c| c.data.len() + c.offsets.len() * 4 + c.validity.len()).sum()
    }
    /// The rows so far; the builder begins anew.
    pub fn finish(&mut self) -> Batch {
        let fresh = Builder::new(&self.schema);
        let old = std::mem::replace(self, fresh);
        Batch { columns: old.columns, rows: old.rows }
    }
}
