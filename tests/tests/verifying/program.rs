//! Running a verifier in another language on a list of calls.
//!
//! Its driver reads `calls.tsv`, a line a call and a tab between arguments, and prints a verdict a line. An argument
//! is a letter and a value: `s` and `b` the base64 of text and bytes, `n` a number, `-` what is missing.

use std::{
    env,
    fmt::{self, Display},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, engine::general_purpose::STANDARD};

/// One argument of a verifier.
#[derive(Debug, Clone)]
pub(crate) enum Argument {
    Text(String),
    Bytes(Vec<u8>),
    Number(i64),
    Missing,
}

impl From<Option<&str>> for Argument {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Missing, |text| Self::Text(text.to_owned()))
    }
}

impl Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "s{}", STANDARD.encode(text)),
            Self::Bytes(bytes) => write!(f, "b{}", STANDARD.encode(bytes)),
            Self::Number(number) => write!(f, "n{number}"),
            Self::Missing => f.write_str("-"),
        }
    }
}

/// What a verifier makes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Refused,
    /// It ended in an exception, which a web framework answers with a 500.
    Threw,
}

impl Verdict {
    fn parse(line: &str) -> Self {
        match line {
            "accepted" => Self::Accepted,
            "refused" => Self::Refused,
            "threw" => Self::Threw,
            other => panic!("{other:?} is no verdict"),
        }
    }
}

impl From<bool> for Verdict {
    fn from(accepted: bool) -> Self {
        if accepted { Self::Accepted } else { Self::Refused }
    }
}

/// A verifier and its driver.
pub(crate) struct Program<'a> {
    /// Names its folder: no two tests may use the same, since they run side by side.
    pub(crate) name: &'a str,
    /// Their paths and texts.
    pub(crate) files: &'a [(&'a str, &'a str)],
    /// The commands that build and run it; the last prints the verdicts.
    pub(crate) steps: &'a [&'a [&'a str]],
}

impl Program<'_> {
    /// Runs it on the calls.
    pub(crate) fn verdicts(&self, calls: &[Vec<Argument>]) -> Vec<Verdict> {
        let folder = self.write(calls);
        // Every step, in order; what the last prints counts.
        let output = self.steps.iter().fold(String::new(), |_, step| run(&folder, step));
        let verdicts: Vec<_> = output.lines().map(Verdict::parse).collect();
        assert_eq!(verdicts.len(), calls.len(), "{} answered {output}", self.name);
        verdicts
    }

    fn write(&self, calls: &[Vec<Argument>]) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verifying").join(self.name);
        // What an earlier run compiled must not stand in for what this one fails to.
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        let lines: String = calls.iter().map(|call| line(call) + "\n").collect();
        for (path, text) in self.files.iter().chain(&[("calls.tsv", lines.as_str())]) {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }
}

/// Whether a command is on this machine.
pub(crate) fn installed(command: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(command).is_file())
}

fn line(call: &[Argument]) -> String {
    call.iter().map(Argument::to_string).collect::<Vec<_>>().join("\t")
}

fn run(folder: &Path, step: &[&str]) -> String {
    let [command, arguments @ ..] = step else { panic!("a step without a command") };
    let output = Command::new(command)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{command} does not start: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{step:?} failed: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
