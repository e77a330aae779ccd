// SPDX-License-Identifier: Apache-2.0
//! The kind transform: see orasi/transform.h for the contract.

use crate::view::{Array, OwnedSchema, SchemaRef};
use crate::{barrier, bytes, create, drop_boxed, instance, no_extension, sys};
use crate::{Description, Error, Face, Instance, Plugin, Result};
use std::os::raw::c_void;

/// Where batches go.
pub struct Sink<'a> {
    sink: &'a mut sys::orasi_sink,
}

impl Sink<'_> {
    pub fn push(&mut self, batch: Array) -> Result<()> {
        let push = self.sink.push.ok_or_else(|| Error::new(sys::E_INVALID, "a sink without push"))?;
        let mut c = batch.export();
        match unsafe { push(self.sink, &mut c) } {
            sys::OK => Ok(()),
            status => Err(Error::new(status, "the host takes no more batches")),
        }
    }
}

pub trait Transform: Plugin {
    /// Told the schema of what comes, answers with the schema of what goes. `state` is what `save` gave, or empty.
    fn bind(&mut self, input: SchemaRef, state: &[u8]) -> Result<OwnedSchema>;
    fn process(&mut self, batch: Array, out: &mut Sink) -> Result<()>;
    /// The end of the stream, or of this schema: give out what is kept.
    fn flush(&mut self, _out: &mut Sink) -> Result<()> {
        Ok(())
    }
    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

unsafe extern "C" fn bind<P: Transform>(
    p: *mut c_void,
    to: *const sys::orasi_transform_bind,
    ret: *mut sys::ArrowSchema,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        *ret = instance::<P>(p).plugin.bind(SchemaRef::new((*to).r#in), bytes((*to).state))?.export();
        Ok(sys::OK)
    })
}

unsafe extern "C" fn process<P: Transform>(
    p: *mut c_void,
    input: *mut sys::ArrowArray,
    out: *mut sys::orasi_sink,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    let batch = Array::take_from(input); // released on every way out
    barrier(err, || {
        instance::<P>(p).plugin.process(batch, &mut Sink { sink: &mut *out })?;
        Ok(sys::OK)
    })
}

unsafe extern "C" fn flush<P: Transform>(
    p: *mut c_void,
    out: *mut sys::orasi_sink,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        instance::<P>(p).plugin.flush(&mut Sink { sink: &mut *out })?;
        Ok(sys::OK)
    })
}

unsafe extern "C" fn save<P: Transform>(
    p: *mut c_void,
    ret: *mut sys::orasi_bytes,
    err: *mut sys::orasi_error,
) -> sys::orasi_status {
    barrier(err, || {
        let i = instance::<P>(p);
        i.state = i.plugin.save()?;
        *ret = sys::orasi_bytes { ptr: i.state.as_ptr(), len: i.state.len() };
        Ok(sys::OK)
    })
}

pub struct TransformFace<P>(std::marker::PhantomData<P>);

impl<P: Transform> TransformFace<P> {
    const TABLE: &'static sys::orasi_transform_factory = &sys::orasi_transform_factory {
        struct_size: std::mem::size_of::<sys::orasi_transform_factory>() as u32,
        reserved: 0,
        create: Some(create::<P>),
        destroy: Some(drop_boxed::<Instance<P>>),
        bind: Some(bind::<P>),
        process: Some(process::<P>),
        flush: Some(flush::<P>),
        save: Some(save::<P>),
        get_extension: Some(no_extension),
    };
}
impl<P: Transform> Face for TransformFace<P> {
    const KIND: u32 = sys::KIND_TRANSFORM;
    const FACTORY: &'static str = sys::TRANSFORM_FACTORY;
    const DESCRIPTION: &'static Description = &P::DESCRIPTION;
    fn factory() -> *const c_void {
        Self::TABLE as *const _ as *const c_void
    }
}
