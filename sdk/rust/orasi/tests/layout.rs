// SPDX-License-Identifier: Apache-2.0
//! Every struct of `sys` is laid out as the C headers have it; abi-table.txt is made from them.
use orasi::sys::*;
use std::collections::HashMap;
use std::mem::{align_of, size_of, MaybeUninit};
use std::ptr::addr_of;

fn table() -> HashMap<&'static str, (usize, usize)> {
    include_str!("abi-table.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split(' ');
            let mut next = || words.next().expect("name and two numbers");
            (next(), (next().parse().unwrap(), next().parse().unwrap()))
        })
        .collect()
}

/// All fields must be named: what is missing in Rust would be a hole that the sum of sizes shows.
macro_rules! same {
    ($table:ident, $type:ident, $($field:ident as $name:literal),+) => {
        assert_eq!($table[stringify!($type)], (size_of::<$type>(), align_of::<$type>()), stringify!($type));
        let whole = MaybeUninit::<$type>::uninit();
        let start = whole.as_ptr();
        let known = [$($name),+];
        $(
            let at = unsafe { addr_of!((*start).$field) } as usize - start as usize;
            let key = concat!(stringify!($type), ".", $name);
            assert_eq!($table[key].0, at, "{}", key);
        )+
        let prefix = concat!(stringify!($type), ".");
        for name in $table.keys().filter(|name| name.starts_with(prefix)) {
            assert!(known.contains(&&name[prefix.len()..]), "{} is not in the crate", name);
        }
    };
}

#[test]
fn structs_are_laid_out_as_in_c() {
    let t = table();
    same!(t, orasi_str, ptr as "ptr", len as "len");
    same!(t, orasi_bytes, ptr as "ptr", len as "len");
    same!(t, orasi_kv, key as "key", value as "value");
    same!(t, orasi_error, struct_size as "struct_size", vendor_code as "vendor_code",
          retry_after_ms as "retry_after_ms", flags as "flags", row as "row", offset as "offset",
          r#where as "where", message as "message");
    same!(t, orasi_host, struct_size as "struct_size", abi_major as "abi_major", abi_minor as "abi_minor",
          ctx as "ctx", agent_version as "agent_version", get_extension as "get_extension");
    same!(t, orasi_config, struct_size as "struct_size", reserved as "reserved", ctx as "ctx", json as "json",
          get_i64 as "get_i64", get_f64 as "get_f64", get_bool as "get_bool", get_str as "get_str", count as "count");
    same!(t, orasi_descriptor, struct_size as "struct_size", kind as "kind", flags as "flags",
          state_version as "state_version", state_version_min as "state_version_min", reserved as "reserved",
          id as "id", name as "name", version as "version", summary as "summary", doc_url as "doc_url",
          config_schema as "config_schema", features as "features", requires_ext as "requires_ext");
    same!(t, orasi_entry, struct_size as "struct_size", abi_major as "abi_major", abi_target_minor as "abi_target_minor",
          bundle_id as "bundle_id", bundle_version as "bundle_version", vendor as "vendor", license as "license",
          init as "init", deinit as "deinit", count as "count", describe as "describe", get_factory as "get_factory",
          get_extension as "get_extension");
    same!(t, orasi_note, namesz as "namesz", descsz as "descsz", r#type as "type", owner as "owner",
          abi_major as "abi_major", abi_target_minor as "abi_target_minor", sdk_minor as "sdk_minor",
          reserved as "reserved", bundle_id as "bundle_id",
          bundle_version as "bundle_version");
    same!(t, orasi_host_log, struct_size as "struct_size", min_level as "min_level", log as "log");
    same!(t, orasi_host_job, struct_size as "struct_size", attempt as "attempt", cancel_flag as "cancel_flag",
          deadline_mono_ns as "deadline_mono_ns", progress as "progress", checkpoint as "checkpoint");
    same!(t, orasi_rejected, struct_size as "struct_size", flags as "flags", code as "code", message as "message",
          column as "column", byte_offset as "byte_offset", line as "line", row as "row", raw as "raw",
          raw_len as "raw_len");
    same!(t, orasi_host_reject, struct_size as "struct_size", reserved as "reserved", reject as "reject");
    same!(t, orasi_host_kv, struct_size as "struct_size", reserved as "reserved", get as "get", put as "put",
          remove as "remove", next as "next");
    same!(t, ArrowSchema, format as "format", name as "name", metadata as "metadata", flags as "flags",
          n_children as "n_children", children as "children", dictionary as "dictionary", release as "release",
          private_data as "private_data");
    same!(t, ArrowArray, length as "length", null_count as "null_count", offset as "offset",
          n_buffers as "n_buffers", n_children as "n_children", buffers as "buffers", children as "children",
          dictionary as "dictionary", release as "release", private_data as "private_data");
    same!(t, orasi_source, struct_size as "struct_size", flags as "flags", ctx as "ctx", size as "size",
          uri as "uri", read as "read", pread as "pread");
    same!(t, orasi_ingest_open, struct_size as "struct_size", flags as "flags", source as "source",
          range_begin as "range_begin", range_end as "range_end", checkpoint as "checkpoint", want as "want",
          terms as "terms", n_terms as "n_terms", max_rows as "max_rows", max_bytes as "max_bytes",
          rows as "rows", n_rows as "n_rows");
    same!(t, orasi_mark, struct_size as "struct_size", flags as "flags", rows_total as "rows_total",
          bytes_total as "bytes_total", state as "state", first_row as "first_row");
    same!(t, orasi_ingest_factory, struct_size as "struct_size", reserved as "reserved", sniff as "sniff",
          create as "create", destroy as "destroy", open as "open", next as "next", schema as "schema",
          close as "close", get_extension as "get_extension");
    same!(t, orasi_ingest_feed, struct_size as "struct_size", reserved as "reserved", open as "open", feed as "feed");
    same!(t, orasi_task_run, struct_size as "struct_size", attempt as "attempt", task_id as "task_id",
          checkpoint as "checkpoint");
    same!(t, orasi_task_factory, struct_size as "struct_size", reserved as "reserved",
          result_schema as "result_schema", create as "create", destroy as "destroy", run as "run",
          get_extension as "get_extension");
    same!(t, orasi_sink, struct_size as "struct_size", reserved as "reserved", ctx as "ctx", push as "push");
    same!(t, orasi_transform_factory, struct_size as "struct_size", reserved as "reserved", create as "create",
          destroy as "destroy", bind as "bind", process as "process", flush as "flush", save as "save",
          get_extension as "get_extension");
    same!(t, orasi_term, struct_size as "struct_size", op as "op", column as "column", r#type as "type",
          values as "values");
    same!(t, orasi_store, struct_size as "struct_size", reserved as "reserved", ctx as "ctx", create as "create",
          append as "append", pwrite as "pwrite", open as "open", pread as "pread", map as "map", close as "close");
    same!(t, orasi_index_caps, struct_size as "struct_size", ops as "ops", flags as "flags",
          max_columns as "max_columns");
    same!(t, orasi_segment_info, struct_size as "struct_size", format_version as "format_version", rows as "rows",
          entries as "entries", distinct as "distinct", bytes as "bytes");
    same!(t, orasi_rowset, struct_size as "struct_size", reserved as "reserved", ctx as "ctx", count as "count",
          contains as "contains");
    same!(t, orasi_query, struct_size as "struct_size", flags as "flags", terms as "terms", n_terms as "n_terms",
          reserved as "reserved", deleted as "deleted", limit as "limit", resume as "resume");
    same!(t, orasi_index_merge, struct_size as "struct_size", n as "n", src as "src", base as "base", drop as "drop",
          dst as "dst");
    same!(t, orasi_transform_bind, struct_size as "struct_size", flags as "flags", r#in as "in", state as "state");
    same!(t, orasi_hits, struct_size as "struct_size", cap as "cap", n as "n", reserved as "reserved",
          row_ids as "row_ids", scores as "scores", resume as "resume");
    same!(t, orasi_index_factory, struct_size as "struct_size", reserved as "reserved", caps as "caps",
          create as "create", destroy as "destroy", build_begin as "build_begin", build_add as "build_add",
          build_finish as "build_finish", build_abort as "build_abort", merge as "merge", open as "open",
          close as "close", query as "query", next as "next", cursor_close as "cursor_close",
          estimate as "estimate", verify as "verify", get_extension as "get_extension");
    same!(t, orasi_event, struct_size as "struct_size", severity as "severity", time_unix_ns as "time_unix_ns",
          id as "id", r#type as "type", json as "json");
    same!(t, orasi_notifier_factory, struct_size as "struct_size", reserved as "reserved", create as "create",
          destroy as "destroy", deliver as "deliver", get_extension as "get_extension");
}

#[test]
fn a_panic_becomes_an_error() {
    let mut err = MaybeUninit::<orasi_error>::zeroed();
    let status = unsafe { orasi::barrier(err.as_mut_ptr(), || panic!("a bug in line {}", 7)) };
    let err = unsafe { err.assume_init() };
    assert_eq!(status, E_INTERNAL);
    assert!(err.message.starts_with(b"panic: a bug in line 7\0"));
}

#[test]
fn an_array_can_be_moved_and_released_elsewhere() {
    let schema = orasi::Schema::new(&[("n", orasi::Type::Int64, true), ("t", orasi::Type::Utf8, true)]);
    let mut b = orasi::Builder::new(&schema);
    for i in 0..100 {
        if i % 3 == 0 {
            b.column(0).null();
        } else {
            b.column(0).integer(i);
        }
        b.column(1).text(&"x".repeat(i as usize));
        b.end_row();
    }
    let array = b.finish().export();
    assert_eq!((array.length, array.n_children), (100, 2));
    let n = unsafe { &**array.children };
    assert_eq!(n.null_count, 34);
    assert_eq!(unsafe { *n.buffers.add(1) } as usize % 64, 0);
    struct Moved(ArrowArray);
    unsafe impl Send for Moved {}
    let moved = Moved(array);
    std::thread::spawn(move || {
        let mut moved = moved;
        unsafe { (moved.0.release.unwrap())(&mut moved.0) };
        assert!(moved.0.release.is_none());
    })
    .join()
    .unwrap();
}

#[test]
fn a_schema_is_copied_with_all_that_is_in_it() {
    let schema = orasi::Schema::new(&[("n", orasi::Type::Int64, true), ("t", orasi::Type::Utf8, false)]);
    let first = orasi::OwnedSchema::from(&schema);
    let copy = first.copy();
    drop(first);
    let copy = copy.get();
    assert_eq!((copy.format(), copy.columns()), ("+s", 2));
    assert_eq!((copy.column(0).name(), copy.column(0).format()), ("n", "l"));
    assert_eq!((copy.column(1).name(), copy.column(1).format()), ("t", "u"));
    assert_eq!((copy.find("t"), copy.find("x")), (Some(1), None));
}

#[test]
fn columns_are_read_moved_and_put_together_again() {
    let schema = orasi::Schema::new(&[("n", orasi::Type::Int64, true), ("t", orasi::Type::Utf8, true)]);
    let owned = orasi::OwnedSchema::from(&schema);
    let mut b = orasi::Builder::new(&schema);
    for (n, t) in [(Some(7), None), (None, Some("")), (Some(-1), Some("text"))] {
        match n {
            Some(v) => b.column(0).integer(v),
            None => b.column(0).null(),
        }
        match t {
            Some(v) => b.column(1).text(v),
            None => b.column(1).null(),
        }
        b.end_row();
    }
    let mut batch = orasi::Array::from(b.finish());
    let read = |batch: &orasi::Array, column: usize| {
        let values = batch.values(column, owned.get().column(column));
        let one = |i: usize| match (values.is_null(i), values.integer(i), values.text(i)) {
            (true, _, _) => String::from("null"),
            (_, Some(n), _) => n.to_string(),
            (_, _, Some(t)) => format!("'{}'", t),
            _ => String::from("?"),
        };
        (0..values.len()).map(one).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(read(&batch, 0), "7 null -1");
    assert_eq!(read(&batch, 1), "null '' 'text'");
    let columns = vec![batch.take(0), batch.take(1)];
    drop(batch);
    let again = orasi::Array::batch(3, columns);
    assert_eq!((again.rows(), again.columns()), (3, 2));
    assert_eq!(read(&again, 1), "null '' 'text'");
}
