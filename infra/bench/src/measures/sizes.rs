//! How large the programs are, as they are and as they are uploaded.

use std::{collections::BTreeMap, fs, path::Path};

use miniz_oxide::deflate::compress_to_vec;

use crate::{
    Result,
    numbers::{Spread, float},
    results::{Case, Figures, Metric, Role},
    stage::Folders,
};

/// The level of what packages functions.
const LEVEL: u8 = 6;
/// What a ZIP file has around one entry that is called `bootstrap`: a local header of 30 bytes, a central one of 46, each with the name,
/// and an end of 22 (APPNOTE.TXT 4.3).
const AROUND: usize = 30 + 46 + 2 * "bootstrap".len() + 22;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

pub(super) fn measure(folders: &Folders) -> Result<Vec<Case>> {
    let functions = ["api", "fan_out", "deliver"].map(|name| (name, Role::Function, folders.bootstrap(name)));
    let baseline = folders.baselines.join("bench_calls");
    let baseline = ("lambda_http with AWS clients", Role::Baseline, baseline);
    let subjects = functions.into_iter().chain([baseline]).map(|(name, role, path)| {
        Ok(Figures { name: name.into(), role, metrics: sizes(&path)?, calls: BTreeMap::new() })
    });
    Ok(vec![Case { name: String::new(), subjects: subjects.collect::<Result<_>>()? }])
}

fn sizes(path: &Path) -> Result<BTreeMap<Metric, Spread>> {
    let program = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mebibytes = |bytes: usize| Spread::of([float(bytes as u64) / MEBIBYTE]);
    Ok(BTreeMap::from([
        (Metric::Mebibytes, mebibytes(program.len())),
        (Metric::ZippedMebibytes, mebibytes(zipped(&program))),
    ]))
}

fn zipped(program: &[u8]) -> usize {
    compress_to_vec(program, LEVEL).len() + AROUND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_is_small_and_what_does_not_is_not() {
        assert!(zipped(&vec![7; 100_000]) < 500);

        let mut state = 1_u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        });
        let noise: Vec<u8> = noise.take(100_000).collect();
        assert!(zipped(&noise) > 99_000);
    }
}
