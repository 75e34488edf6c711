//! The project's own commands, and the local stack that they and the end-to-end tests run.
//!
//! A stack is [MiniStack](https://github.com/ministackorg/ministack) with `template.yaml` deployed to it. This is the template
//! that goes to AWS, and it runs the same programs. [`Stack::start`] makes a stack from nothing. [`Stack::shared`] finds the
//! one that `cargo xtask test` made for all tests. Everything listens on loopback addresses only, and no AWS account is
//! touched.

mod api;
mod cargo;
mod command;
pub mod commands;
mod demonstration;
mod deployment;
mod emulator;
mod failure;
mod functions;
mod organization;
mod package;
mod paths;
mod process;
mod python;
mod receiver;
mod signature;
mod stack;
mod stack_env;
mod terminal;

pub use emulator::free_port;
pub use failure::{Failure, Result};
pub use organization::Organization;
pub use paths::{root, template};
pub use receiver::{Received, Receiver, Reply};
pub use signature::{Verdict, verify};
pub use stack::{Stack, StackOptions};
pub use stack_env::StackEnv;
