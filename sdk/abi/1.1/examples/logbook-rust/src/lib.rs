// SPDX-License-Identifier: Apache-2.0
//! A notifier plugin for Orasi in Rust: every event becomes a line of the agent's log.
//!
//! A real one would speak to a mail or chat server; what matters here is the same: each event has a status of its own. An
//! error is that status: a transient one brings the event again, and the receiver can tell by its id that it has come
//! before.

use orasi::{sys, Config, Description, Event, Host, Notifier, Plugin, Result};

struct Logbook {
    host: Host,
    prefix: String,
}

impl Plugin for Logbook {
    const DESCRIPTION: Description = Description {
        id: "com.example.logbook-rust\0",
        name: "logbook-rust\0",
        version: "1.0.0\0",
        summary: "Events as lines of the log\0",
        config_schema: concat!(
            r#"{"type":"object","additionalProperties":false,"properties":{"#,
            r#""prefix":{"type":"string","default":"event","maxLength":64,"description":"What every line begins with"}}}"#,
            "\0"
        ),
        features: &["notifier:logbook-rust\0"],
        requires_ext: &[],
        flags: sys::FLAG_DETERMINISTIC,
        state_version: 1,
        state_version_min: 1,
    };

    fn create(host: Host, config: &Config) -> Result<Self> {
        Ok(Logbook { host, prefix: config.text("/prefix\0", "event") })
    }
}

impl Notifier for Logbook {
    fn deliver(&mut self, event: &Event) -> Result<()> {
        let level = match event.severity {
            sys::SEVERITY_CRITICAL => 3,
            sys::SEVERITY_WARNING => 2,
            _ => 1,
        };
        self.host.log(level, &format!("{} {} {}: {}", self.prefix, event.kind, event.id, event.json));
        Ok(())
    }
}

orasi::bundle! {
    id: "com.example.logbook-rust",
    version: "1.0.0",
    vendor: "Example",
    license: "Apache-2.0",
    notifier: Logbook,
}
