//! What a process has used, as the kernel counts it.

use crate::lab::demo::resident;

/// Of a process, all its threads together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Time on a processor, in seconds.
    pub seconds: f64,
    /// Resident memory, in bytes.
    pub resident: u64,
}

/// What a process has used; nothing if it is gone.
pub fn used(pid: u32) -> Usage {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Usage { seconds: nanoseconds.sum::<u64>() as f64 / 1e9, resident: resident(pid).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_something() {
        let before = used(std::process::id());
        let worked: u64 = (0..50_000_000_u64).fold(1, |sum, n| std::hint::black_box(sum.wrapping_mul(n | 1)));
        let after = used(std::process::id());
        assert!(worked > 0 && after.seconds > before.seconds && after.resident > 1 << 20, "{before:?} {after:?}");
    }
}
