// SPDX-License-Identifier: Apache-2.0
//! The C ABI of orasi/*.h, field by field. Sizes and offsets are held against the headers by the tests.
#![allow(non_camel_case_types, missing_docs)]

use std::os::raw::{c_char, c_void};

pub const ABI_MAJOR: u16 = 1;
pub const ABI_MINOR: u16 = 1;
/// What a plugin of this crate is built for, the oldest agent that takes it: the crate uses nothing newer.
pub const TARGET_MINOR: u16 = 0;

pub type orasi_status = i32;
pub const OK: orasi_status = 0;
pub const END: orasi_status = 1;
pub const AGAIN: orasi_status = 2;
pub const SCHEMA: orasi_status = 3;
pub const E_INVALID: orasi_status = -1;
pub const E_CONFIG: orasi_status = -2;
pub const E_CORRUPT: orasi_status = -3;
pub const E_UNSUPPORTED: orasi_status = -4;
pub const E_STATE: orasi_status = -5;
pub const E_NOTFOUND: orasi_status = -6;
pub const E_INTERNAL: orasi_status = -7;
pub const E_LIMIT: orasi_status = -8;
pub const E_IO: orasi_status = -100;
pub const E_NOMEM: orasi_status = -101;
pub const E_BUSY: orasi_status = -102;
pub const E_CANCELLED: orasi_status = -200;

pub const KIND_INGEST: u32 = 1;
pub const KIND_INDEX: u32 = 2;
pub const KIND_TRANSFORM: u32 = 3;
pub const KIND_TASK: u32 = 4;
pub const KIND_NOTIFIER: u32 = 5;

pub const FLAG_DETERMINISTIC: u32 = 0x01;
pub const FLAG_STATELESS: u32 = 0x40;
pub const FLAG_NEEDS_NET: u32 = 0x100;

pub const OP_EQ: u32 = 1;
pub const OP_LT: u32 = 2;
pub const OP_LE: u32 = 3;
pub const OP_GT: u32 = 4;
pub const OP_GE: u32 = 5;
pub const OP_IN: u32 = 6;
pub const OP_PREFIX: u32 = 7;
pub const OP_IS_NULL: u32 = 8;
pub const OP_NOT_NULL: u32 = 9;
pub const OP_MATCH: u32 = 10;
pub const INDEX_ORDERED: u32 = 1;
pub const INDEX_SCORED: u32 = 2;
pub const INDEX_LOSSY: u32 = 4;
pub const QUERY_SCORE: u32 = 1;
pub const QUERY_ORDER: u32 = 2;
pub const QUERY_DESC: u32 = 4;

pub const SEVERITY_INFO: u32 = 1;
pub const SEVERITY_WARNING: u32 = 2;
pub const SEVERITY_CRITICAL: u32 = 3;

pub const OPEN_PROJECT: u32 = 1;
pub const MARK_RESUMABLE: u32 = 1;

pub const HOST_LOG: &str = "orasi.host.log/1\0";
pub const HOST_JOB: &str = "orasi.host.job/1\0";
pub const HOST_KV: &str = "orasi.host.kv/1\0";
pub const HOST_REJECT: &str = "orasi.host.reject/1\0";
pub const INGEST_FACTORY: &str = "orasi.factory.ingest/1";
/// Since minor 1.
pub const INGEST_FEED: &str = "orasi.ingest.feed/1";
pub const FEED_LAST: u32 = 1;
pub const INDEX_FACTORY: &str = "orasi.factory.index/1";
pub const TRANSFORM_FACTORY: &str = "orasi.factory.transform/1";
pub const TASK_FACTORY: &str = "orasi.factory.task/1";
pub const NOTIFIER_FACTORY: &str = "orasi.factory.notifier/1";

#[repr(C)]
#[derive(Clone, Copy)]
pub struct orasi_str {
    pub ptr: *const c_char,
    pub len: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct orasi_bytes {
    pub ptr: *const u8,
    pub len: usize,
}

#[repr(C)]
pub struct orasi_kv {
    pub key: orasi_str,
    pub value: orasi_str,
}

#[repr(C)]
pub struct orasi_error {
    pub struct_size: u32,
    pub vendor_code: i32,
    pub retry_after_ms: u32,
    pub flags: u32,
    pub row: i64,
    pub offset: i64,
    pub r#where: [u8; 128],
    pub message: [u8; 512],
}

#[repr(C)]
pub struct orasi_host {
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub ctx: *mut c_void,
    pub agent_version: *const c_char,
    pub get_extension: Option<unsafe extern "C" fn(host: *const orasi_host, id: *const c_char) -> *const c_void>,
}

#[repr(C)]
pub struct orasi_config {
    pub struct_size: u32,
    pub reserved: u32,
    pub ctx: *mut c_void,
    pub json: orasi_str,
    pub get_i64: Option<unsafe extern "C" fn(*const orasi_config, *const c_char, *mut i64) -> orasi_status>,
    pub get_f64: Option<unsafe extern "C" fn(*const orasi_config, *const c_char, *mut f64) -> orasi_status>,
    pub get_bool: Option<unsafe extern "C" fn(*const orasi_config, *const c_char, *mut i32) -> orasi_status>,
    pub get_str: Option<unsafe extern "C" fn(*const orasi_config, *const c_char, *mut orasi_str) -> orasi_status>,
    pub count: Option<unsafe extern "C" fn(*const orasi_config, *const c_char, *mut u32) -> orasi_status>,
}

#[repr(C)]
pub struct orasi_descriptor {
    pub struct_size: u32,
    pub kind: u32,
    pub flags: u32,
    pub state_version: u32,
    pub state_version_min: u32,
    pub reserved: u32,
    pub id: *const c_char,
    pub name: *const c_char,
    pub version: *const c_char,
    pub summary: *const c_char,
    pub doc_url: *const c_char,
    pub config_schema: *const c_char,
    pub features: *const *const c_char,
    pub requires_ext: *const *const c_char,
}

#[repr(C)]
pub struct orasi_entry {
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_target_minor: u16,
    pub bundle_id: *const c_char,
    pub bundle_version: *const c_char,
    pub vendor: *const c_char,
    pub license: *const c_char,
    pub init: Option<unsafe extern "C" fn(*const orasi_host, *mut orasi_error) -> orasi_status>,
    pub deinit: Option<unsafe extern "C" fn()>,
    pub count: Option<unsafe extern "C" fn() -> u32>,
    pub describe: Option<unsafe extern "C" fn(u32) -> *const orasi_descriptor>,
    pub get_factory: Option<unsafe extern "C" fn(*const c_char) -> *const c_void>,
    pub get_extension: Option<unsafe extern "C" fn(*const c_char) -> *const c_void>,
}
// Everything in an entry is static and never written.
unsafe impl Sync for orasi_entry {}

#[repr(C, align(4))]
pub struct orasi_note {
    pub namesz: u32,
    pub descsz: u32,
    pub r#type: u32,
    pub owner: [u8; 8],
    pub abi_major: u16,
    pub abi_target_minor: u16,
    pub sdk_minor: u16,
    pub reserved: u16,
    pub bundle_id: [u8; 64],
    pub bundle_version: [u8; 32],
}

impl orasi_note {
    pub const fn new(id: &str, version: &str) -> orasi_note {
        const fn fill<const N: usize>(text: &str) -> [u8; N] {
            let bytes = text.as_bytes();
            let mut ret = [0; N];
            let mut i = 0;
            while i < bytes.len() && i + 1 < N {
                ret[i] = bytes[i];
                i += 1;
            }
            ret
        }
        orasi_note {
            namesz: 6,
            descsz: (std::mem::size_of::<orasi_note>() - 20) as u32,
            r#type: 1,
            owner: *b"ORASI\0\0\0",
            abi_major: ABI_MAJOR,
            abi_target_minor: TARGET_MINOR,
            sdk_minor: ABI_MINOR,
            reserved: 0,
            bundle_id: fill(id),
            bundle_version: fill(version),
        }
    }
}

#[repr(C)]
pub struct orasi_host_log {
    pub struct_size: u32,
    pub min_level: i32,
    pub log: Option<unsafe extern "C" fn(*const orasi_host, i32, orasi_str, *const orasi_kv, u32)>,
}

#[repr(C)]
pub struct orasi_host_job {
    pub struct_size: u32,
    pub attempt: u32,
    pub cancel_flag: *const i32,
    pub deadline_mono_ns: i64,
    pub progress: Option<unsafe extern "C" fn(*const orasi_host, u64, u64, orasi_str)>,
    pub checkpoint: Option<unsafe extern "C" fn(*const orasi_host, orasi_bytes, *mut orasi_error) -> orasi_status>,
}

#[repr(C)]
pub struct orasi_rejected {
    pub struct_size: u32,
    pub flags: u32,
    pub code: *const c_char,
    pub message: orasi_str,
    pub column: orasi_str,
    pub byte_offset: i64,
    pub line: i64,
    pub row: i64,
    pub raw: orasi_bytes,
    pub raw_len: u64,
}

#[repr(C)]
pub struct orasi_host_reject {
    pub struct_size: u32,
    pub reserved: u32,
    pub reject: Option<unsafe extern "C" fn(*const orasi_host, *const orasi_rejected) -> orasi_status>,
}

#[repr(C)]
pub struct orasi_host_kv {
    pub struct_size: u32,
    pub reserved: u32,
    pub get: Option<unsafe extern "C" fn(*const orasi_host, orasi_str, *mut orasi_bytes) -> orasi_status>,
    pub put: Option<unsafe extern "C" fn(*const orasi_host, orasi_str, orasi_bytes, *mut orasi_error) -> orasi_status>,
    pub remove: Option<unsafe extern "C" fn(*const orasi_host, orasi_str, *mut orasi_error) -> orasi_status>,
    pub next: Option<unsafe extern "C" fn(*const orasi_host, orasi_str, *mut orasi_str) -> orasi_status>,
}

#[repr(C)]
pub struct ArrowSchema {
    pub format: *const c_char,
    pub name: *const c_char,
    pub metadata: *const c_char,
    pub flags: i64,
    pub n_children: i64,
    pub children: *mut *mut ArrowSchema,
    pub dictionary: *mut ArrowSchema,
    pub release: Option<unsafe extern "C" fn(*mut ArrowSchema)>,
    pub private_data: *mut c_void,
}

#[repr(C)]
pub struct ArrowArray {
    pub length: i64,
    pub null_count: i64,
    pub offset: i64,
    pub n_buffers: i64,
    pub n_children: i64,
    pub buffers: *mut *const c_void,
    pub children: *mut *mut ArrowArray,
    pub dictionary: *mut ArrowArray,
    pub release: Option<unsafe extern "C" fn(*mut ArrowArray)>,
    pub private_data: *mut c_void,
}

#[repr(C)]
pub struct orasi_source {
    pub struct_size: u32,
    pub flags: u32,
    pub ctx: *mut c_void,
    pub size: i64,
    pub uri: orasi_str,
    pub read: Option<
        unsafe extern "C" fn(*mut orasi_source, *mut c_void, usize, *mut usize, *mut orasi_error) -> orasi_status,
    >,
    pub pread: Option<
        unsafe extern "C" fn(*mut orasi_source, u64, *mut c_void, usize, *mut usize, *mut orasi_error) -> orasi_status,
    >,
}

#[repr(C)]
pub struct orasi_ingest_open {
    pub struct_size: u32,
    pub flags: u32,
    pub source: *mut orasi_source,
    pub range_begin: u64,
    pub range_end: u64,
    pub checkpoint: orasi_bytes,
    pub want: *const ArrowSchema,
    pub terms: *const *const c_void,
    pub n_terms: u32,
    pub max_rows: u32,
    pub max_bytes: u64,
    pub rows: *const u64,
    pub n_rows: u64,
}

#[repr(C)]
pub struct orasi_mark {
    pub struct_size: u32,
    pub flags: u32,
    pub rows_total: u64,
    pub bytes_total: u64,
    pub state: orasi_bytes,
    pub first_row: u64,
}

#[repr(C)]
pub struct orasi_ingest_factory {
    pub struct_size: u32,
    pub reserved: u32,
    pub sniff: Option<unsafe extern "C" fn(*const c_char, orasi_bytes, orasi_str, *mut u32) -> orasi_status>,
    pub create: Option<create_fn>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub open: Option<
        unsafe extern "C" fn(*mut c_void, *const orasi_ingest_open, *mut ArrowSchema, *mut orasi_error) -> orasi_status,
    >,
    pub next:
        Option<unsafe extern "C" fn(*mut c_void, *mut ArrowArray, *mut orasi_mark, *mut orasi_error) -> orasi_status>,
    pub schema: Option<unsafe extern "C" fn(*mut c_void, *mut ArrowSchema, *mut orasi_error) -> orasi_status>,
    pub close: Option<unsafe extern "C" fn(*mut c_void, *mut orasi_error) -> orasi_status>,
    pub get_extension: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *const c_void>,
}

/// Since minor 1; what a decoder offers as INGEST_FEED.
#[repr(C)]
pub struct orasi_ingest_feed {
    pub struct_size: u32,
    pub reserved: u32,
    pub open: Option<
        unsafe extern "C" fn(
            *mut c_void,
            *const orasi_ingest_open,
            *mut u64,
            *mut ArrowSchema,
            *mut orasi_error,
        ) -> orasi_status,
    >,
    pub feed: Option<unsafe extern "C" fn(*mut c_void, orasi_bytes, u32, *mut orasi_error) -> orasi_status>,
}

pub type create_fn = unsafe extern "C" fn(
    *const orasi_host,
    *const c_char,
    *const orasi_config,
    *mut *mut c_void,
    *mut orasi_error,
) -> orasi_status;

#[repr(C)]
pub struct orasi_task_run {
    pub struct_size: u32,
    pub attempt: u32,
    pub task_id: orasi_str,
    pub checkpoint: orasi_bytes,
}

#[repr(C)]
pub struct orasi_task_factory {
    pub struct_size: u32,
    pub reserved: u32,
    pub result_schema: Option<unsafe extern "C" fn(*const c_char) -> *const c_char>,
    pub create: Option<create_fn>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub run: Option<
        unsafe extern "C" fn(*mut c_void, *const orasi_task_run, *mut orasi_str, *mut orasi_error) -> orasi_status,
    >,
    pub get_extension: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *const c_void>,
}

#[repr(C)]
pub struct orasi_event {
    pub struct_size: u32,
    pub severity: u32,
    pub time_unix_ns: i64,
    pub id: orasi_str,
    pub r#type: orasi_str,
    pub json: orasi_str,
}

#[repr(C)]
pub struct orasi_notifier_factory {
    pub struct_size: u32,
    pub reserved: u32,
    pub create: Option<create_fn>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub deliver: Option<
        unsafe extern "C" fn(
            *mut c_void,
            *const *const orasi_event,
            u32,
            *mut orasi_status,
            *mut orasi_error,
        ) -> orasi_status,
    >,
    pub get_extension: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *const c_void>,
}

#[repr(C)]
pub struct orasi_sink {
    pub struct_size: u32,
    pub reserved: u32,
    pub ctx: *mut c_void,
    pub push: Option<unsafe extern "C" fn(*mut orasi_sink, *mut ArrowArray) -> orasi_status>,
}

#[repr(C)]
pub struct orasi_transform_bind {
    pub struct_size: u32,
    pub flags: u32,
    pub r#in: *const ArrowSchema,
    pub state: orasi_bytes,
}

#[repr(C)]
pub struct orasi_transform_factory {
    pub struct_size: u32,
    pub reserved: u32,
    pub create: Option<create_fn>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub bind: Option<
        unsafe extern "C" fn(
            *mut c_void,
            *const orasi_transform_bind,
            *mut ArrowSchema,
            *mut orasi_error,
        ) -> orasi_status,
    >,
    pub process:
        Option<unsafe extern "C" fn(*mut c_void, *mut ArrowArray, *mut orasi_sink, *mut orasi_error) -> orasi_status>,
    pub flush: Option<unsafe extern "C" fn(*mut c_void, *mut orasi_sink, *mut orasi_error) -> orasi_status>,
    pub save: Option<unsafe extern "C" fn(*mut c_void, *mut orasi_bytes, *mut orasi_error) -> orasi_status>,
    pub get_extension: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *const c_void>,
}

#[repr(C)]
pub struct orasi_term {
    pub struct_size: u32,
    pub op: u32,
    pub column: orasi_str,
    pub r#type: *const ArrowSchema,
    pub values: *const ArrowArray,
}

#[repr(C)]
pub struct orasi_store {
    pub struct_size: u32,
    pub reserved: u32,
    pub ctx: *mut c_void,
    pub create:
        Option<unsafe extern "C" fn(*mut orasi_store, *const c_char, *mut u64, *mut orasi_error) -> orasi_status>,
    pub append:
        Option<unsafe extern "C" fn(*mut orasi_store, u64, *const c_void, usize, *mut orasi_error) -> orasi_status>,
    pub pwrite: Option<
        unsafe extern "C" fn(*mut orasi_store, u64, u64, *const c_void, usize, *mut orasi_error) -> orasi_status,
    >,
    pub open: Option<
        unsafe extern "C" fn(*mut orasi_store, *const c_char, *mut u64, *mut u64, *mut orasi_error) -> orasi_status,
    >,
    pub pread:
        Option<unsafe extern "C" fn(*mut orasi_store, u64, u64, *mut c_void, usize, *mut orasi_error) -> orasi_status>,
    pub map: Option<unsafe extern "C" fn(*mut orasi_store, u64, *mut *const u8, *mut orasi_error) -> orasi_status>,
    pub close: Option<unsafe extern "C" fn(*mut orasi_store, u64, *mut orasi_error) -> orasi_status>,
}

#[repr(C)]
pub struct orasi_index_caps {
    pub struct_size: u32,
    pub ops: u32,
    pub flags: u32,
    pub max_columns: u32,
}

#[repr(C)]
pub struct orasi_segment_info {
    pub struct_size: u32,
    pub format_version: u32,
    pub rows: u64,
    pub entries: u64,
    pub distinct: u64,
    pub bytes: u64,
}

#[repr(C)]
pub struct orasi_rowset {
    pub struct_size: u32,
    pub reserved: u32,
    pub ctx: *mut c_void,
    pub count: u64,
    pub contains: Option<unsafe extern "C" fn(*const orasi_rowset, u64) -> i32>,
}

#[repr(C)]
pub struct orasi_query {
    pub struct_size: u32,
    pub flags: u32,
    pub terms: *const *const orasi_term,
    pub n_terms: u32,
    pub reserved: u32,
    pub deleted: *const orasi_rowset,
    pub limit: u64,
    pub resume: orasi_bytes,
}

#[repr(C)]
pub struct orasi_hits {
    pub struct_size: u32,
    pub cap: u32,
    pub n: u32,
    pub reserved: u32,
    pub row_ids: *mut u64,
    pub scores: *mut f32,
    pub resume: orasi_bytes,
}

#[repr(C)]
pub struct orasi_index_merge {
    pub struct_size: u32,
    pub n: u32,
    pub src: *const *mut orasi_store,
    pub base: *const u64,
    pub drop: *const *const orasi_rowset,
    pub dst: *mut orasi_store,
}

#[repr(C)]
pub struct orasi_index_factory {
    pub struct_size: u32,
    pub reserved: u32,
    pub caps: Option<unsafe extern "C" fn(*const c_char, *mut orasi_index_caps) -> orasi_status>,
    pub create: Option<
        unsafe extern "C" fn(
            *const orasi_host,
            *const c_char,
            *const orasi_config,
            *const ArrowSchema,
            *mut *mut c_void,
            *mut orasi_error,
        ) -> orasi_status,
    >,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub build_begin:
        Option<unsafe extern "C" fn(*mut c_void, *mut orasi_store, *mut *mut c_void, *mut orasi_error) -> orasi_status>,
    pub build_add: Option<unsafe extern "C" fn(*mut c_void, *const ArrowArray, u64, *mut orasi_error) -> orasi_status>,
    pub build_finish:
        Option<unsafe extern "C" fn(*mut c_void, *mut orasi_segment_info, *mut orasi_error) -> orasi_status>,
    pub build_abort: Option<unsafe extern "C" fn(*mut c_void)>,
    pub merge: Option<
        unsafe extern "C" fn(
            *mut c_void,
            *const orasi_index_merge,
            *mut orasi_segment_info,
            *mut orasi_error,
        ) -> orasi_status,
    >,
    pub open: Option<
        unsafe extern "C" fn(
            *mut c_void,
            *mut orasi_store,
            *mut *mut c_void,
            *mut orasi_segment_info,
            *mut orasi_error,
        ) -> orasi_status,
    >,
    pub close: Option<unsafe extern "C" fn(*mut c_void)>,
    pub query: Option<
        unsafe extern "C" fn(*mut c_void, *const orasi_query, *mut *mut c_void, *mut orasi_error) -> orasi_status,
    >,
    pub next: Option<unsafe extern "C" fn(*mut c_void, *mut orasi_hits, *mut orasi_error) -> orasi_status>,
    pub cursor_close: Option<unsafe extern "C" fn(*mut c_void)>,
    pub estimate:
        Option<unsafe extern "C" fn(*mut c_void, *const orasi_query, *mut u64, *mut orasi_error) -> orasi_status>,
    pub verify: Option<unsafe extern "C" fn(*mut c_void, u32, *mut orasi_error) -> orasi_status>,
    pub get_extension: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *const c_void>,
}
