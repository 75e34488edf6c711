//! `cargo xtask bench`: what the functions cost, as they are deployed.
//!
//! ```text
//!                     ┌ a process ─────────┐   next, response   ┌ the process that is measured ┐
//! bench ── starts ──► │ bench: RuntimeApi  │ ◄────────────────► │ bootstrap of a function      │
//!   │                 └────────────────────┘                    └──────┬────────────────┬──────┘
//!   │                 ┌ a process ─────────┐   the AWS SDK's calls     │                │
//!   ├──── starts ───► │ the tests' models  │ ◄─────────────────────────┘                │
//!   │                 └────────────────────┘                                            │ POSTs
//!   │                 ┌ a process ─────────┐                                            │
//!   └──── starts ───► │ receiver           │ ◄──────────────────────────────────────────┘
//!                     └────────────────────┘
//! ```
//!
//! Everything else runs in processes of its own, so that the CPU time of the one in question is its own alone. What it is
//! handed is real: events are published through the API function, and messages are those that the functions before it in the
//! pipeline sent ([`pipeline`]). So this follows the code, and knows neither its keys nor the form of its messages.
//!
//! In turn with each function run its baselines ([`subject`]): what nobody could do without. A measurement ([`measures`]) ends as
//! figures ([`results`]), which are kept as JSON and shown as tables and plots ([`report`]).
#![warn(missing_docs)]

pub mod answers;
pub mod aws_server;
pub mod http;
pub mod machine;
pub mod measures;
pub mod numbers;
pub mod pipeline;
pub mod proc;
pub mod process;
pub mod receiver;
pub mod report;
pub mod results;
pub mod runtime_api;
pub mod stage;
pub mod subject;

/// What went wrong, for the person at the terminal.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// A result with a [`Failure`].
pub type Result<T> = std::result::Result<T, Failure>;
