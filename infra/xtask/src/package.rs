//! The template as it is deployed: folders with the functions' programs replace the folders with their source.

use std::fmt::Write as _;
use std::path::Path;

use crate::failure::{Failure, Result};

const CODE_URI: &str = "      CodeUri: .";
const BINARY: &str = "      BuildProperties: { Binary: ";

/// Does what `sam build` does to the template, and nothing else: each function's `CodeUri: .` becomes the folder with its
/// bootstrap. Fails if it does not find every function.
pub(crate) fn package(template: &str, programs: &Path) -> Result<String> {
    let mut binary = None;
    let mut replaced = 0;
    let mut packaged = String::with_capacity(template.len() + 1024);

    for line in template.lines() {
        if let Some(name) = line.strip_prefix(BINARY) {
            binary = name.strip_suffix(" }").map(str::trim);
        }
        match (line == CODE_URI, binary) {
            (true, Some(name)) => {
                let _ = write!(packaged, "      CodeUri: {}", programs.join(name).display());
                binary = None;
                replaced += 1;
            }
            _ => packaged.push_str(line),
        }
        packaged.push('\n');
    }

    let functions = template.lines().filter(|line| line.trim() == "Type: AWS::Serverless::Function").count();
    if replaced == functions && functions > 0 {
        return Ok(packaged);
    }
    Err(Failure::new(
        format!(
            "template.yaml has {functions} functions, but {replaced} with a Binary and a CodeUri after it"
        ),
        "write each function with a line `BuildProperties: { Binary: <name> }` and, below it, a line `CodeUri: .`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "\
Globals:
  Function:
    CodeUri: .
Resources:
  ApiFunction:
    Type: AWS::Serverless::Function
    Metadata:
      BuildMethod: rust-cargolambda
      BuildProperties: { Binary: api }
    Properties:
      CodeUri: .
      Timeout: 29
";

    #[test]
    fn a_functions_source_becomes_its_programs_folder() {
        let packaged = package(TEMPLATE, Path::new("/build")).unwrap();
        assert_eq!(packaged, TEMPLATE.replace("      CodeUri: .", "      CodeUri: /build/api"));
    }

    #[test]
    fn a_function_without_a_binary_is_refused() {
        let failure =
            package(&TEMPLATE.replace("      BuildProperties: { Binary: api }\n", ""), Path::new("/build"));
        assert!(failure.unwrap_err().to_string().contains("1 functions, but 0"));
    }

    #[test]
    fn a_function_without_a_code_uri_is_refused() {
        assert!(package(&TEMPLATE.replace("      CodeUri: .\n", ""), Path::new("/build")).is_err());
    }

    #[test]
    fn the_real_template_can_be_packaged() {
        let template = std::fs::read_to_string(crate::paths::template()).unwrap();
        let packaged = package(&template, Path::new("/build")).unwrap();
        for function in crate::functions::FUNCTIONS {
            assert!(packaged.contains(&format!("      CodeUri: /build/{function}\n")), "{function}");
        }
    }
}
