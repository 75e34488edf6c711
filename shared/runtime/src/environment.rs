use std::{collections::HashMap, fmt::Display, str::FromStr};

/// The function's environment variables, read once, in `main`.
#[derive(Debug, Clone)]
pub struct Environment(HashMap<String, String>);

/// A variable that is missing or cannot be read. The text names it, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// It is not set.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// Its value is not what the function expects.
    #[error("environment variable {name}: {problem}")]
    Invalid {
        /// Its name.
        name: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl Environment {
    /// The variables of this process; those that are not Unicode are left out.
    pub fn of_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(unicode).collect())
    }

    /// A text that must be set.
    pub fn text(&self, name: &'static str) -> Result<String, EnvironmentError> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned().ok_or(EnvironmentError::Missing(name))
    }

    /// A value that must be set and parse.
    pub fn parsed<T>(&self, name: &'static str) -> Result<T, EnvironmentError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let invalid = |problem: T::Err| EnvironmentError::Invalid { name, problem: problem.to_string() };
        self.text(name)?.parse().map_err(invalid)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_variable_and_not_its_value() {
        let environment = Environment::from([("PAUSE_AFTER", "ten"), ("EMPTY", "")]);
        assert_eq!(environment.text("LOG_TABLE"), Err(EnvironmentError::Missing("LOG_TABLE")));
        assert_eq!(environment.text("EMPTY"), Err(EnvironmentError::Missing("EMPTY")));
        let refused = environment.parsed::<u32>("PAUSE_AFTER").unwrap_err().to_string();
        assert!(refused.contains("PAUSE_AFTER") && !refused.contains("ten"), "{refused}");
    }
}
