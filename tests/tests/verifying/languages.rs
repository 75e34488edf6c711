//! The languages of the page whose samples are run as programs of their own.

use crate::{
    page,
    program::{Argument, Program, Verdict, installed},
};

/// One language.
pub(crate) struct Language {
    /// Its name on the page.
    pub(crate) name: &'static str,
    /// Whether a machine must have it.
    pub(crate) need: Need,
    /// The file that the sample becomes.
    sample: &'static str,
    /// The other files, by path and text.
    driver: &'static [(&'static str, &'static str)],
    steps: &'static [&'static [&'static str]],
}

/// Whether a machine that runs the tests must have a language.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    /// It must; without it the test fails and names the package to install, by Debian's name.
    Always(&'static str),
    /// Its sample is run where it is installed; the page calls it by this name.
    WhereInstalled(&'static str),
}

pub(crate) const JAVASCRIPT: Language = Language {
    name: "JavaScript",
    need: Need::Always("nodejs"),
    sample: "sample.mjs",
    driver: &[("driver.mjs", include_str!("drivers/driver.mjs"))],
    steps: &[&["node", "driver.mjs"]],
};

pub(crate) const PYTHON: Language = Language {
    name: "Python",
    need: Need::Always("python3"),
    sample: "sample.py",
    driver: &[("driver.py", include_str!("drivers/driver.py"))],
    steps: &[&["python3", "driver.py"]],
};

pub(crate) const JAVA: Language = Language {
    name: "Java",
    need: Need::Always("default-jdk-headless"),
    sample: "DoDevWebhook.java",
    driver: &[("Driver.java", include_str!("drivers/Driver.java"))],
    steps: &[&["javac", "DoDevWebhook.java", "Driver.java"], &["java", "Driver"]],
};

/// Those that a machine need not have.
pub(crate) const OTHERS: &[Language] = &[
    Language {
        name: "Go",
        need: Need::WhereInstalled("Go"),
        sample: "webhook/webhook.go",
        driver: &[("main.go", include_str!("drivers/main.go")), ("go.mod", "module sample\n\ngo 1.19\n")],
        steps: &[&["go", "run", "."]],
    },
    Language {
        name: "Ruby",
        need: Need::WhereInstalled("Ruby"),
        sample: "sample.rb",
        driver: &[("driver.rb", include_str!("drivers/driver.rb"))],
        steps: &[&["ruby", "driver.rb"]],
    },
    Language {
        name: "PHP",
        need: Need::WhereInstalled("PHP"),
        sample: "sample.php",
        driver: &[("driver.php", include_str!("drivers/driver.php"))],
        steps: &[&["php", "driver.php"]],
    },
    Language {
        name: "C#",
        need: Need::WhereInstalled("Mono"),
        sample: "DoDevWebhook.cs",
        driver: &[("Driver.cs", include_str!("drivers/Driver.cs"))],
        steps: &[&["mcs", "-out:driver.exe", "Driver.cs", "DoDevWebhook.cs"], &["mono", "driver.exe"]],
    },
];

impl Language {
    /// Whether this machine has all that its steps start.
    pub(crate) fn installed(&self) -> bool {
        self.steps.iter().all(|step| installed(step[0]))
    }

    /// Runs the page's sample of this format on the calls.
    pub(crate) fn verdicts(&self, format: &str, calls: &[Vec<Argument>]) -> Vec<Verdict> {
        self.run(&format!("{format} {}", self.name), &page::sample(&format!("{format} {}", self.name)), calls)
    }

    /// Runs a verifier on the calls, in a folder of this name.
    pub(crate) fn run(&self, name: &str, verifier: &str, calls: &[Vec<Argument>]) -> Vec<Verdict> {
        if let Need::Always(package) = self.need {
            assert!(
                self.installed(),
                "{} is not installed, and docs/verifying.md says that its sample is run: install {package}",
                self.name
            );
        }
        let mut files = self.driver.to_vec();
        files.push((self.sample, verifier));
        Program { name, files: &files, steps: self.steps }.verdicts(calls)
    }
}
