//! The inputs that were kept, run without the fuzzer: `corpus/TARGET` holds the smallest that reach what was ever reached, and
//! each input that has shown a fault.
//!
//! One test alone is in this program: memory is measured for all of its threads.

use std::{collections::BTreeSet, fs, path::Path, time::Instant};
use tenure_fuzz::Target;

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Most bytes that all inputs may have together: they are in the repository.
const MOST: usize = 1 << 20;

fn entries(directory: &Path) -> Vec<std::path::PathBuf> {
    let listed = fs::read_dir(directory).unwrap_or_else(|why| panic!("{}: {why}", directory.display()));
    let mut entries: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    entries
}

#[test]
fn what_was_found_stays_mended() {
    let liar = Target::other("liar", |bytes| {
        let claimed = vec![1_u8; 16 << 20];
        if claimed.len() > bytes.len() { Ok(()) } else { Err("a long input".to_owned()) }
    });
    let found = liar.measured(b"few").expect_err("it takes more memory than three bytes may");
    assert!(found.contains("3 bytes of liar take"), "{found}");

    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let kept: BTreeSet<String> =
        entries(&corpus).iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    assert_eq!(kept, Target::ALL.iter().map(|target| target.name.to_owned()).collect(), "a directory for each target");
    let (mut failed, mut total) = (Vec::new(), 0);
    for target in Target::ALL {
        let (inputs, began) = (entries(&corpus.join(target.name)), Instant::now());
        assert!(!inputs.is_empty(), "corpus/{} is empty", target.name);
        for input in &inputs {
            let bytes = fs::read(input).expect("an input");
            total += bytes.len();
            if let Err(why) = target.measured(&bytes) {
                failed.push(format!("{}: {why}", input.display()));
            }
        }
        println!("{:12} {:4} inputs in {:?}", target.name, inputs.len(), began.elapsed());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(total <= MOST, "the inputs have {total} bytes, {MOST} are allowed: merge them anew, as .ci/fuzz says");
}
