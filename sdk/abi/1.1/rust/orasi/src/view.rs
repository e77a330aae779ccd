// SPDX-License-Identifier: Apache-2.0
//! What the host hands in: schemas and arrays of the Arrow C Data Interface, looked at without a copy.
//! (https://arrow.apache.org/docs/format/CDataInterface.html). The host has validated them.

use crate::arrow::{export_struct, Batch, Column, Schema};
use crate::sys::{ArrowArray, ArrowSchema};
use std::ffi::CStr;
use std::os::raw::{c_char, c_void};

// ---- schemas ----------------------------------------------------------------------------------------------------

/// A schema of the host, during a call.
#[derive(Clone, Copy)]
pub struct SchemaRef<'a> {
    c: &'a ArrowSchema,
}

unsafe fn c_text<'a>(p: *const c_char) -> &'a str {
    if p.is_null() {
        ""
    } else {
        CStr::from_ptr(p).to_str().unwrap_or("")
    }
}

impl<'a> SchemaRef<'a> {
    pub(crate) unsafe fn new(c: *const ArrowSchema) -> SchemaRef<'a> {
        SchemaRef { c: &*c }
    }
    pub fn columns(&self) -> usize {
        self.c.n_children as usize
    }
    pub fn column(&self, i: usize) -> SchemaRef<'a> {
        assert!(i < self.columns(), "a schema has no column {}", i);
        SchemaRef { c: unsafe { &**self.c.children.add(i) } }
    }
    pub fn name(&self) -> &'a str {
        unsafe { c_text(self.c.name) }
    }
    /// As the C Data Interface writes types: "l", "u", "tsu:UTC", "+s" …
    pub fn format(&self) -> &'a str {
        unsafe { c_text(self.c.format) }
    }
    pub fn find(&self, name: &str) -> Option<usize> {
        (0..self.columns()).find(|&i| self.column(i).name() == name)
    }
    /// A copy that is the plugin's, of any depth.
    pub fn copy(&self) -> OwnedSchema {
        OwnedSchema { c: unsafe { copy_schema(self.c) } }
    }
}

/// A schema of the plugin's own.
pub struct OwnedSchema {
    c: ArrowSchema,
}
// Nothing but its owner knows what it points to.
unsafe impl Send for OwnedSchema {}
unsafe impl Sync for OwnedSchema {}

impl OwnedSchema {
    pub fn get(&self) -> SchemaRef<'_> {
        SchemaRef { c: &self.c }
    }
    pub fn copy(&self) -> OwnedSchema {
        self.get().copy()
    }
    pub(crate) fn export(self) -> ArrowSchema {
        let c = unsafe { std::ptr::read(&self.c) };
        std::mem::forget(self);
        c
    }
}

impl From<&Schema> for OwnedSchema {
    fn from(schema: &Schema) -> OwnedSchema {
        OwnedSchema { c: schema.export() }
    }
}

impl Drop for OwnedSchema {
    fn drop(&mut self) {
        if let Some(release) = self.c.release {
            unsafe { release(&mut self.c) }
        }
    }
}

struct Copied {
    format: Vec<u8>,
    name: Vec<u8>,
    metadata: Vec<u8>,
    children: Vec<*mut ArrowSchema>,
    dictionary: *mut ArrowSchema,
}

unsafe fn c_copy(p: *const c_char) -> Vec<u8> {
    if p.is_null() {
        Vec::new()
    } else {
        CStr::from_ptr(p).to_bytes_with_nul().to_vec()
    }
}

/// int32 pairs, then per pair: int32 length and bytes of the key, the same of the value.
unsafe fn metadata_copy(p: *const c_char) -> Vec<u8> {
    if p.is_null() {
        return Vec::new();
    }
    let number = |at: usize| (p.add(at) as *const i32).read_unaligned();
    let (n, mut at) = (number(0), 4usize);
    for _ in 0..n.max(0) as usize * 2 {
        at += 4 + number(at).max(0) as usize;
    }
    std::slice::from_raw_parts(p as *const u8, at).to_vec()
}

unsafe fn copy_schema(c: &ArrowSchema) -> ArrowSchema {
    let child = |p: *mut ArrowSchema| Box::into_raw(Box::new(copy_schema(&*p)));
    let mut kept = Box::new(Copied {
        format: c_copy(c.format),
        name: c_copy(c.name),
        metadata: metadata_copy(c.metadata),
        children: (0..c.n_children as usize).map(|i| child(*c.children.add(i))).collect(),
        dictionary: if c.dictionary.is_null() { std::ptr::null_mut() } else { child(c.dictionary) },
    });
    let pointer = |bytes: &Vec<u8>| if bytes.is_empty() { std::ptr::null() } else { bytes.as_ptr() as *const c_char };
    ArrowSchema {
        format: pointer(&kept.format),
        name: pointer(&kept.name),
        metadata: pointer(&kept.metadata),
        flags: c.flags,
        n_children: kept.children.len() as i64,
        children: if kept.children.is_empty() { std::ptr::null_mut() } else { kept.children.as_mut_ptr() },
        dictionary: kept.dictionary,
        release: Some(release_copy),
        private_data: Box::into_raw(kept) as *mut c_void,
    }
}

unsafe extern "C" fn release_copy(schema: *mut ArrowSchema) {
    let kept = Box::from_raw((*schema).private_data as *mut Copied);
    let mut below = kept.children.clone();
    if !kept.dictionary.is_null() {
        below.push(kept.dictionary);
    }
    for p in below {
        if let Some(release) = (*p).release {
            release(p);
        }
        drop(Box::from_raw(p));
    }
    (*schema).release = None;
}

// ---- values -----------------------------------------------------------------------------------------------------

/// One column, read value by value.
pub struct Values<'a> {
    array: &'a ArrowArray,
    format: &'a str,
}

impl<'a> Values<'a> {
    /// # Safety
    /// `array` is a valid array of `schema`'s type, and both outlive the view.
    pub(crate) unsafe fn new(schema: SchemaRef<'a>, array: *const ArrowArray) -> Values<'a> {
        Values { array: &*array, format: schema.format() }
    }

    pub fn len(&self) -> usize {
        self.array.length as usize
    }
    pub fn is_empty(&self) -> bool {
        self.array.length == 0
    }
    fn at(&self, i: usize) -> usize {
        assert!(i < self.len(), "a column of {} values has none at {}", self.len(), i);
        i + self.array.offset as usize
    }
    unsafe fn buffer(&self, i: usize) -> *const u8 {
        *self.array.buffers.add(i) as *const u8
    }
    unsafe fn bit(&self, buffer: usize, at: usize) -> bool {
        *self.buffer(buffer).add(at / 8) >> (at % 8) & 1 == 1
    }
    unsafe fn read<T>(&self, buffer: usize, at: usize) -> T {
        (self.buffer(buffer) as *const T).add(at).read_unaligned()
    }

    pub fn is_null(&self, i: usize) -> bool {
        let at = self.at(i);
        unsafe { self.format == "n" || (!self.buffer(0).is_null() && !self.bit(0, at)) }
    }

    /// Of booleans, integers, dates, times, timestamps and durations; None for other types.
    pub fn integer(&self, i: usize) -> Option<i64> {
        let at = self.at(i);
        let format = self.format.as_bytes();
        unsafe {
            Some(match format.first()? {
                b'b' => self.bit(1, at) as i64,
                b'c' => self.read::<i8>(1, at) as i64,
                b'C' => self.read::<u8>(1, at) as i64,
                b's' => self.read::<i16>(1, at) as i64,
                b'S' => self.read::<u16>(1, at) as i64,
                b'i' => self.read::<i32>(1, at) as i64,
                b'I' => self.read::<u32>(1, at) as i64,
                b'l' | b'L' => self.read::<i64>(1, at),
                // Dates of days and times of seconds or milliseconds have 32 bits.
                b't' => match format.get(1..3)? {
                    b"dD" | b"ts" | b"tm" => self.read::<i32>(1, at) as i64,
                    _ => self.read::<i64>(1, at),
                },
                _ => return None,
            })
        }
    }

    /// Of floats; None for other types.
    pub fn number(&self, i: usize) -> Option<f64> {
        let at = self.at(i);
        unsafe {
            match self.format {
                "f" => Some(self.read::<f32>(1, at) as f64),
                "g" => Some(self.read::<f64>(1, at)),
                _ => None,
            }
        }
    }

    /// Of text and bytes, with small or large offsets; None for other types.
    pub fn bytes(&self, i: usize) -> Option<&'a [u8]> {
        let at = self.at(i);
        unsafe {
            let (from, to) = match self.format {
                "u" | "z" => (self.read::<i32>(1, at) as usize, self.read::<i32>(1, at + 1) as usize),
                "U" | "Z" => (self.read::<i64>(1, at) as usize, self.read::<i64>(1, at + 1) as usize),
                _ => return None,
            };
            if from == to {
                return Some(&[]);
            }
            Some(std::slice::from_raw_parts(self.buffer(2).add(from), to - from))
        }
    }
    pub fn text(&self, i: usize) -> Option<&'a str> {
        self.bytes(i).map(|b| std::str::from_utf8(b).unwrap_or(""))
    }
}

// ---- arrays that are owned ---------------------------------------------------------------------------------------

/// A batch or a column that is the plugin's: moved on, or released when it is dropped.
pub struct Array {
    c: ArrowArray,
}
unsafe impl Send for Array {}

impl Array {
    /// # Safety
    /// `c` is a valid array; it is moved from.
    pub(crate) unsafe fn take_from(c: *mut ArrowArray) -> Array {
        let taken = std::ptr::read(c);
        (*c).release = None;
        Array { c: taken }
    }
    pub fn rows(&self) -> usize {
        self.c.length as usize
    }
    pub fn columns(&self) -> usize {
        self.c.n_children as usize
    }
    pub fn values<'a>(&'a self, i: usize, schema: SchemaRef<'a>) -> Values<'a> {
        assert!(i < self.columns(), "a batch has no column {}", i);
        unsafe { Values::new(schema, *self.c.children.add(i)) }
    }
    /// Moves a column out; it is not here any more.
    pub fn take(&mut self, i: usize) -> Array {
        assert!(i < self.columns(), "a batch has no column {}", i);
        unsafe { Array::take_from(*self.c.children.add(i)) }
    }
    /// A batch of whole columns, `rows` each.
    pub fn batch(rows: usize, columns: Vec<Array>) -> Array {
        Array { c: export_struct(rows, columns.into_iter().map(Array::export).collect()) }
    }
    pub(crate) fn export(self) -> ArrowArray {
        let c = unsafe { std::ptr::read(&self.c) };
        std::mem::forget(self);
        c
    }
}

impl From<Column> for Array {
    fn from(column: Column) -> Array {
        Array { c: column.export() }
    }
}

impl From<Batch> for Array {
    fn from(batch: Batch) -> Array {
        Array { c: batch.export() }
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        if let Some(release) = self.c.release {
            unsafe { release(&mut self.c) }
        }
    }
}
