//! A deployed stack on this machine: an emulator, the template deployed to it, an organization and its key.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::api;
use crate::command::ADVICE_FILES;
use crate::deployment::{Deployment, local_parameters};
use crate::emulator::{self, Emulator, free_port};
use crate::failure::{Failure, OrFail as _, Result};
use crate::functions::Programs;
use crate::organization::Organization;
use crate::paths;
use crate::python::Tools;
use crate::stack_env::{StackEnv, aws_settings};
use crate::terminal::step;

/// The environment variable with the file that describes the stack which `cargo xtask test` started for all tests.
pub(crate) const SHARED_STACK: &str = "XTASK_STACK_ENV";

/// What a stack is made from.
#[derive(Debug)]
pub struct StackOptions {
    name: String,
    folder: PathBuf,
    env_file: PathBuf,
    port: Option<u16>,
    template: PathBuf,
    parameters: BTreeMap<String, String>,
    keeps_running: bool,
}

impl StackOptions {
    /// A stack that starts empty, on a free port, and ends when its [`Stack`] is dropped. Two at the same time need two
    /// folders.
    pub fn scratch(name: &str, folder: &Path) -> Self {
        Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            env_file: folder.join("stack.env"),
            port: None,
            template: paths::template(),
            parameters: local_parameters(),
            keeps_running: false,
        }
    }

    /// The stack of `cargo xtask up`. It goes on running, and keeps its state.
    pub(crate) fn local(port: u16) -> Self {
        Self {
            env_file: paths::local_stack_env(),
            port: Some(port),
            keeps_running: true,
            ..Self::scratch("dodev-local", &paths::local_stack())
        }
    }

    /// Sets the port. Without it, any free port is used.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sets another template than the project's own, for example for a test that removes a permission.
    #[must_use]
    pub fn template(mut self, template: &Path) -> Self {
        template.clone_into(&mut self.template);
        self
    }

    /// Sets a parameter of the template to another value than the local stack has.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), value.to_owned());
        self
    }
}

/// A running stack. A scratch stack ends when this is dropped.
#[derive(Debug)]
pub struct Stack {
    env: StackEnv,
    programs: Programs,
    #[expect(dead_code, reason = "held for what it does when it is dropped")]
    emulator: Option<Held>,
}

impl Stack {
    /// Starts a stack with everything that it needs. This takes about fifteen seconds if the programs are built.
    pub fn start(options: &StackOptions) -> Result<Self> {
        let tools = Tools::prepare()?;
        let programs = match Programs::prebuilt() {
            Some(prebuilt) => prebuilt,
            None => Programs::build(&options.folder.join("build"))?,
        };
        Self::start_with(options, &tools, programs)
    }

    /// The stack that an enclosing `cargo xtask test` has started for all tests. It goes on running.
    pub fn shared() -> Result<Self> {
        let env = env::var_os(SHARED_STACK).and_then(|path| StackEnv::read(Path::new(&path)));
        let (Some(env), Some(programs)) = (env, Programs::prebuilt()) else {
            return Err(Failure::new(
                "this test needs a deployed stack, and none was started for it",
                "run it with: cargo xtask test",
            ));
        };
        Ok(Self { env, programs, emulator: None })
    }

    pub(crate) fn start_with(options: &StackOptions, tools: &Tools, programs: Programs) -> Result<Self> {
        let (emulator, port) = running_emulator(options, tools)?;
        let outputs = Deployment {
            tools,
            programs: &programs,
            template: &options.template,
            parameters: &options.parameters,
            stack_name: &options.name,
            folder: &options.folder,
            aws_settings: &aws_settings(port),
        }
        .bring_up_to_date()?;
        let mut env = StackEnv::new(&options.name, port, &outputs)?;
        let last = if options.keeps_running { StackEnv::read(&options.env_file) } else { None };
        ensure_organization(&mut env, last, &programs)?;
        env.write(&options.env_file)?;
        Ok(Self { env, programs, emulator: Some(emulator) })
    }

    /// How to reach it.
    pub fn env(&self) -> &StackEnv {
        &self.env
    }

    /// Another organization, with a key that has every scope.
    pub fn create_organization(&self, name: &str, livemode: bool) -> Result<Organization> {
        Organization::create(&self.programs, &self.env, name, livemode)
    }
}

/// An emulator that ends when this is dropped, unless it is to go on running. So a failure before the stack is finished leaves
/// nothing behind.
#[derive(Debug)]
struct Held {
    emulator: Option<Emulator>,
    keeps_running: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let (Some(emulator), false) = (self.emulator.take(), self.keeps_running) {
            emulator.stop();
        }
    }
}

fn running_emulator(options: &StackOptions, tools: &Tools) -> Result<(Held, u16)> {
    let keeps_running = options.keeps_running;
    let held = |emulator| Held { emulator: Some(emulator), keeps_running };
    let port = options.port.map_or_else(free_port, Ok)?;
    if let Some(emulator) = Emulator::find(&options.folder) {
        if keeps_running && !emulator.is_older_than_its_packages() {
            return Ok((held(emulator), port));
        }
        // Such an emulator is from a scratch stack whose test was ended by force, or its packages were replaced while it ran.
        emulator.stop();
    }
    let settings = emulator::Settings {
        python: tools.emulator_python(),
        folder: &options.folder,
        port,
        keeps_state: keeps_running,
    };
    let emulator = step(&format!("emulator on 127.0.0.1:{port}"), || Emulator::start(&settings)).map(held)?;
    let port_file = port_file(&options.folder);
    fs::write(&port_file, port.to_string())
        .or_fail(|| format!("cannot write {}", port_file.display()), ADVICE_FILES)?;
    Ok((emulator, port))
}

/// The port of a folder's saved state. The state belongs to that port, because queue URLs have it in them.
pub(crate) fn recorded_port(folder: &Path) -> Option<u16> {
    fs::read_to_string(port_file(folder)).ok()?.parse().ok()
}

fn port_file(folder: &Path) -> PathBuf {
    folder.join("port")
}

/// Keeps the organization and the key of the last time, if the API still accepts the key. Otherwise it makes new ones.
fn ensure_organization(env: &mut StackEnv, last: Option<StackEnv>, programs: &Programs) -> Result<()> {
    if let Some(last) = last {
        env.take_organization_of(&last);
        match api::call(env, minreq::Method::Get, "/v1/webhooks?limit=1", None)? {
            answer if answer.status == 200 => return Ok(()),
            answer if answer.status == 401 => {}
            answer => return answer.expect(200, "GET /v1/webhooks").map(|_| ()),
        }
    }
    let organization = step("first organization and key", || {
        Organization::create(programs, env, "First organization", true)
    })?;
    env.set_organization(&organization.id, &organization.key);
    Ok(())
}
