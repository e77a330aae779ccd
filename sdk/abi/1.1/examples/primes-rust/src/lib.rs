// SPDX-License-Identifier: Apache-2.0
//! A task plugin for Orasi in Rust: counts the primes up to a number.
//!
//! It looks at the cancel flag and makes a checkpoint every few milliseconds of work: when the worker dies, the next
//! attempt goes on where the last checkpoint was made.

use orasi::{sys, Config, Description, Error, Host, Plugin, Result, Task};

/// Numbers between two looks at the host.
const STEP: i64 = 20000;

struct Primes {
    host: Host,
    up_to: i64,
}

impl Plugin for Primes {
    const DESCRIPTION: Description = Description {
        id: "com.example.primes-rust\0",
        name: "primes-rust\0",
        version: "1.0.0\0",
        summary: "Counts primes\0",
        config_schema: concat!(
            r#"{"type":"object","additionalProperties":false,"properties":{"#,
            r#""up_to":{"type":"integer","default":100000,"minimum":0,"maximum":10000000,"#,
            r#""description":"Primes from 2 to this number are counted"}}}"#,
            "\0"
        ),
        features: &["task:primes-rust\0"],
        requires_ext: &[],
        flags: sys::FLAG_DETERMINISTIC,
        state_version: 1,
        state_version_min: 1,
    };

    fn create(host: Host, config: &Config) -> Result<Self> {
        let up_to = config.integer("/up_to\0", 100_000);
        if !(0..=10_000_000).contains(&up_to) {
            return Err(Error::new(sys::E_CONFIG, format!("up_to is {}, it must be 0 to 10000000", up_to)));
        }
        Ok(Primes { host, up_to })
    }
}

/// What a checkpoint holds.
struct State {
    next: i64,
    found: i64,
}

impl State {
    fn save(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next.to_le_bytes());
        bytes[8..].copy_from_slice(&self.found.to_le_bytes());
        bytes
    }

    fn load(bytes: &[u8], up_to: i64) -> Result<State> {
        if bytes.is_empty() {
            return Ok(State { next: 2, found: 0 });
        }
        if bytes.len() != 16 {
            return Err(Error::new(sys::E_STATE, "the checkpoint is not of this plugin"));
        }
        let number = |at: usize| i64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let state = State { next: number(0), found: number(8) };
        if state.next < 2 || state.next > up_to + 1 || state.found < 0 || state.found > state.next {
            return Err(Error::new(sys::E_STATE, "the checkpoint is damaged"));
        }
        Ok(state)
    }
}

fn is_prime(n: i64) -> bool {
    if n < 2 || (n > 2 && n % 2 == 0) {
        return false;
    }
    (3..).step_by(2).take_while(|i| i * i <= n).all(|i| n % i != 0)
}

impl Task for Primes {
    const RESULT_SCHEMA: &'static str = concat!(
        r#"{"type":"object","properties":{"primes":{"type":"integer","minimum":0}},"required":["primes"]}"#,
        "\0"
    );

    fn run(&mut self, _task_id: &str, _attempt: u32, checkpoint: &[u8]) -> Result<String> {
        let mut state = State::load(checkpoint, self.up_to)?;
        while state.next <= self.up_to {
            if state.next % STEP == 0 {
                self.host.check_cancelled()?;
                self.host.progress(state.next as u64, self.up_to as u64 + 1);
                self.host.checkpoint(&state.save())?;
            }
            state.found += is_prime(state.next) as i64;
            state.next += 1;
        }
        Ok(format!(r#"{{"primes":{}}}"#, state.found))
    }
}

orasi::bundle! {
    id: "com.example.primes-rust",
    version: "1.0.0",
    vendor: "Example",
    license: "Apache-2.0",
    task: Primes,
}
