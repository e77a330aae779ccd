// SPDX-License-Identifier: Apache-2.0
//! A transform plugin for Orasi in Rust: the letters a to z of text columns in upper case.
//!
//! Columns that it does not touch are moved from the batch that comes into the batch that goes, never copied. It keeps
//! nothing between batches, so it says STATELESS and has neither flush nor save.

use orasi::{sys, Array, Column, Config, Description, Error, Host, OwnedSchema, Plugin, Result};
use orasi::{SchemaRef, Sink, Transform, Type, Values};

struct Upper {
    column: String,
    schema: Option<OwnedSchema>,
}

impl Plugin for Upper {
    const DESCRIPTION: Description = Description {
        id: "com.example.upper-rust\0",
        name: "upper-rust\0",
        version: "1.0.0\0",
        summary: "Text in upper case\0",
        config_schema: concat!(
            r#"{"type":"object","additionalProperties":false,"properties":{"#,
            r#""column":{"type":"string","default":"","description":"The one column to change; empty: all of type text","#,
            r#""examples":["text"]}}}"#,
            "\0"
        ),
        features: &["transform:upper-rust\0", "rows:preserve\0"],
        requires_ext: &[],
        flags: sys::FLAG_DETERMINISTIC | sys::FLAG_STATELESS,
        state_version: 1,
        state_version_min: 1,
    };

    fn create(_host: Host, config: &Config) -> Result<Self> {
        Ok(Upper { column: config.text("/column\0", ""), schema: None })
    }
}

impl Upper {
    fn is_wanted(&self, column: SchemaRef) -> bool {
        column.format() == "u" && (self.column.is_empty() || self.column == column.name())
    }
}

fn in_upper_case(values: &Values) -> Array {
    let mut column = Column::new(Type::Utf8);
    for i in 0..values.len() {
        match values.text(i) {
            Some(text) if !values.is_null(i) => column.text(&text.to_ascii_uppercase()),
            _ => column.null(),
        }
    }
    column.into()
}

impl Transform for Upper {
    fn bind(&mut self, input: SchemaRef, _state: &[u8]) -> Result<OwnedSchema> {
        if !self.column.is_empty() && input.find(&self.column).is_none() {
            return Err(Error::new(sys::E_CONFIG, format!("there is no column '{}'", self.column)));
        }
        self.schema = Some(input.copy());
        Ok(input.copy())
    }

    fn process(&mut self, mut batch: Array, out: &mut Sink) -> Result<()> {
        let schema = self.schema.as_ref().ok_or_else(|| Error::new(sys::E_INVALID, "process before bind"))?.get();
        let mut columns = Vec::with_capacity(batch.columns());
        for i in 0..batch.columns() {
            columns.push(if self.is_wanted(schema.column(i)) {
                in_upper_case(&batch.values(i, schema.column(i)))
            } else {
                batch.take(i)
            });
        }
        out.push(Array::batch(batch.rows(), columns))
    }
}

orasi::bundle! {
    id: "com.example.upper-rust",
    version: "1.0.0",
    vendor: "Example",
    license: "Apache-2.0",
    transform: Upper,
}
